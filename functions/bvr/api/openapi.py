"""The description of the API, OpenAPI 3.1. Written to docs/openapi.json by `bvr generate` and served by the API."""

from __future__ import annotations

import html
import json
from typing import Any

from bvr.api.formats import FORMATS
from bvr.api.governance_openapi import merge
from bvr.api.handler import SCOPE

_LANG = {
    "name": "lang",
    "in": "query",
    "description": "Språk | Language",
    "schema": {"type": "string", "enum": ["no", "nb", "en"], "default": "no"},
}
_TABLE_ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "Tabellens id, fra /tables | Id of the table, from /tables",
    "schema": {"type": "string", "pattern": "^[a-z][a-z0-9-]{2,60}$"},
    "example": "bvr-meldinger-mottatt",
}
_CODELIST_ID: dict[str, Any] = {
    **_TABLE_ID,
    "description": "Kodelistens id, fra tabellens metadata | Id of the code list",
    "schema": {"type": "string", "pattern": "^(vs|agg)_[A-Za-z0-9]{1,40}$"},
    "example": "vs_Fylke",
}
_TEXT = {"type": "string", "maxLength": 200}
_SELECTIONS = [
    {
        "name": f"valuecodes[{name}]",
        "in": "query",
        "description": "Koder, *, ?, top(n), bottom(n), range(a,b), from(a), to(b); flere skilles med komma. "
        "| Codes or expressions, separated by commas.",
        "schema": {"type": "string", "maxLength": 4000},
        "example": example,
    }
    for name, example in (
        *(("Region", "0301,33*"), ("Kjonn", "*"), ("Alder", "*"), ("Kode", "*"), ("ContentsCode", "*")),
        ("Tid", "top(2)"),
    )
] + [
    {
        "name": f"codelist[{name}]",
        "in": "query",
        "description": "Kodeliste fra tabellens metadata: vs_ er en del av kodene, agg_ er koder satt sammen. "
        "| A code list of the table's metadata.",
        "schema": {"type": "string", "pattern": "^(vs|agg)_[A-Za-z0-9]{1,40}$"},
        "example": example,
    }
    for name, example in (("Region", "vs_Fylke"), ("Alder", "agg_Alder0til17"))
]
_FORMAT = {
    "name": "outputFormat",
    "in": "query",
    "schema": {"type": "string", "enum": list(FORMATS), "default": "json-stat2"},
}
_FORMAT_PARAMETERS = {
    "name": "outputFormatParams",
    "in": "query",
    "description": "UseCodes, UseTexts, UseCodesAndTexts, IncludeTitle, SeparatorTab, SeparatorSpace, "
    "SeparatorSemicolon; flere skilles med komma | separated by commas",
    "schema": {"type": "string", "default": "UseCodes", "examples": ["UseTexts"]},
}
_PLACEMENT = [
    {"name": name, "in": "query", "description": text, "schema": {"type": "string", "maxLength": 200}}
    for name, text in (
        ("heading", "Variabler bortover, i px og html | Variables across"),
        ("stub", "Variabler nedover | Variables down"),
    )
]
_VERSIONED = [
    {"name": "versjon", "in": "query", "description": "En utgivelse, fra /versjoner | A release", "schema": _TEXT},
    {"name": "asOf", "in": "query", "description": "Det som var ute da | What was out then", "schema": _TEXT},
    {"name": "status", "in": "query", "description": "forelopig, revidert, endelig", "schema": _TEXT},
    {
        "name": "limit",
        "in": "query",
        "description": "Rader i siden; svaret er da rader | Rows of a page",
        "schema": {"type": "integer", "minimum": 1, "maximum": 10000},
    },
    {"name": "cursor", "in": "query", "description": "neste fra siden før | from the page before", "schema": _TEXT},
]


def _problem(words: str) -> dict[str, Any]:
    return {
        "description": words,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


_ERRORS = {
    "400": _problem("Et parameter er feil; felt sier hvilket | A parameter is wrong; felt says which"),
    "401": _problem("Tokenet mangler eller godtas ikke | The token is missing or not accepted"),
    "403": _problem("Tokenet mangler tilgangen, eller utvalget er for stort | No scope, or too large a selection"),
}
_MANY = {
    "429": {
        **_problem("For mange kall | Too many calls"),
        "headers": {"Retry-After": {"description": "Sekunder | Seconds", "schema": {"type": "string"}}},
    }
}
_ERRORS |= _MANY
_GONE = {"404": _problem("Tabellen finnes ikke | No such table")}
_NOT_YET = {"503": _problem("Ikke tilgjengelig nå | Not available now")}
_NO_FORMAT = {"406": _problem("Accept passer ikke til noe format | Accept fits no format")}
_NO_BODY = {
    "413": _problem("Kroppen er for stor | Too large a body"),
    "415": _problem("Ikke application/json | Not JSON"),
}
_REF = {"$ref": "#/components/schemas/JsonStat"}
_ROWS = {"type": "object", "required": ["tabell", "rader", "neste"]}
_FIGURES = {
    "application/json": {"schema": _REF},
    **{
        media.partition(";")[0]: {"schema": {"type": "object" if "json" in media else "string"}}
        for name, (media, _) in FORMATS.items()
        if name != "json-stat2"
    },
}
_PAGES = [
    {"name": "query", "in": "query", "description": "Ord i id eller tittel | Words", "schema": {"type": "string"}},
    {"name": "pageNumber", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 999999, "default": 1}},
    {"name": "pageSize", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 999999, "default": 20}},
    {"name": "pastDays", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 999999}},
    {"name": "includeDiscontinued", "in": "query", "schema": {"type": "boolean"}},
]


def _ok(content: dict[str, Any]) -> dict[str, Any]:
    return {
        "200": {
            "description": "OK",
            "headers": {"ETag": {"description": "SHA-256 av innholdet | of the content", "schema": {"type": "string"}}},
            "content": content,
        },
        "304": {"description": "Uendret siden If-None-Match | Unchanged"},
    }


_JSON = {"application/json": {"schema": {"type": "object"}}}
_JSON_STAT = {"application/json": {"schema": {"$ref": "#/components/schemas/JsonStat"}}}


def _get(summary: str, parameters: list[dict[str, Any]], responses: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"get": {"summary": summary, "parameters": parameters, "responses": responses, **more}}


def document() -> dict[str, Any]:
    """The whole description."""
    table = _get("En tabell | A table", [_TABLE_ID, _LANG], {**_ok(_JSON), **_ERRORS, **_GONE})
    about = _get(
        "Tabellens variabler og verdier | Its variables and values",
        [_TABLE_ID, _LANG],
        {**_ok(_JSON_STAT), **_ERRORS, **_GONE, **_NOT_YET},
    )
    errors = {**_ERRORS, **_GONE, **_NO_FORMAT, **_NOT_YET}
    parameters: list[dict[str, Any]] = [_TABLE_ID, *_SELECTIONS, _FORMAT, _FORMAT_PARAMETERS, *_PLACEMENT, _LANG]
    data = _get("Tall fra tabellen | Figures of the table", parameters, {**_ok(_FIGURES), **errors})
    versioned = _get(
        "Tall fra tabellen, av en versjon, i sider | Figures of a version, in pages",
        [*parameters, *_VERSIONED],
        {**_ok({**_FIGURES, "application/json": {"schema": {"anyOf": [_REF, _ROWS]}}}), **errors},
    )
    asked = {
        "post": {
            "summary": "Tall fra tabellen, med utvalget i kroppen | Figures, with the selection in the body",
            "parameters": [_TABLE_ID, _FORMAT, _FORMAT_PARAMETERS, _LANG],
            "requestBody": {
                "required": False,
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Selection"}}},
            },
            "responses": {**_ok(_FIGURES), **errors, **_NO_BODY},
        }
    }
    versions = _get("Utgivelsene av tabellen | Its releases", [_TABLE_ID, _LANG], {**_ok(_JSON), **_ERRORS, **_GONE})
    changes = _get(
        "Celler som er ulike i to utgivelser | Cells that differ between two releases",
        [
            _TABLE_ID,
            *({"name": name, "in": "query", "required": True, "schema": _TEXT} for name in ("fra", "til")),
            _LANG,
        ],
        {**_ok(_JSON), **_ERRORS, **_GONE},
    )
    codes = _get(
        "En kodeliste | A code list",
        [_CODELIST_ID, _LANG],
        {**_ok(_JSON), **_ERRORS, **_GONE},
    )
    structure = _get(
        "Tabellens struktur, SDMX-JSON 2.0 | Its structure",
        [_TABLE_ID, _LANG],
        {**_ok(_JSON), **_ERRORS, **_GONE, **_NOT_YET},
    )
    default = _get(
        "Det som gis når ingenting er valgt | What is given when nothing is selected",
        [_TABLE_ID, _LANG],
        {**_ok(_JSON), **_ERRORS, **_GONE, **_NOT_YET},
    )
    catalogue = _get("Tabellene | The tables", [*_PAGES, _LANG], {**_ok(_JSON), **_ERRORS})
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Barnevernsregisteret: uttrekk",
            "version": "1.0.0",
            "description": "Aggregerte tall fra barnevernsregisteret, i formen til PxWebApi v2. Celler med få barn bak "
            "vises ikke. | Aggregated figures, in the form of PxWebApi v2. Cells with few children are not shown.",
        },
        "security": [{"maskinporten": [SCOPE]}],
        "paths": {
            "/config": _get("Hva API-et kan | What the API can do", [_LANG], {**_ok(_JSON), **_ERRORS}),
            "/tables": catalogue,
            "/tables/{id}": table,
            "/tables/{id}/metadata": about,
            "/tables/{id}/defaultselection": default,
            "/tables/{id}/data": {**data, **asked},
            "/codelists/{id}": codes,
            "/sdmx/structure/{id}": structure,
            "/v1/uttrekk": catalogue,
            "/v1/uttrekk/{id}": table,
            "/v1/uttrekk/{id}/metadata": about,
            "/v1/uttrekk/{id}/defaultselection": default,
            "/v1/uttrekk/{id}/data": versioned,
            "/v1/uttrekk/{id}/versjoner": versions,
            "/v1/uttrekk/{id}/endringer": changes,
            "/openapi.json": _get("Denne beskrivelsen | This description", [], _ok(_JSON), security=[]),
        },
        "components": {
            "securitySchemes": {
                "maskinporten": {
                    "type": "oauth2",
                    "flows": {
                        "clientCredentials": {
                            "tokenUrl": "https://maskinporten.no/token",
                            "scopes": {SCOPE: "Lese aggregerte uttrekk | Read aggregated extracts"},
                        }
                    },
                }
            },
            "schemas": {
                "Selection": {
                    "type": "object",
                    "properties": {
                        "selection": {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "required": ["variableCode"],
                                "properties": {
                                    "variableCode": {"type": "string"},
                                    "valueCodes": {"type": "array", "items": {"type": "string"}},
                                    "codelist": {"type": "string"},
                                },
                            },
                        },
                        "placement": {
                            "type": "object",
                            "properties": {
                                "heading": {"type": "array", "items": {"type": "string"}},
                                "stub": {"type": "array", "items": {"type": "string"}},
                            },
                        },
                    },
                },
                "Problem": {
                    "type": "object",
                    "required": ["type", "title", "titleEn", "status", "detail", "detailEn"],
                    "properties": {
                        "type": {"type": "string", "format": "uri-reference"},
                        "title": {"type": "string"},
                        "titleEn": {"type": "string"},
                        "status": {"type": "integer"},
                        "detail": {"type": "string"},
                        "detailEn": {"type": "string"},
                        "felt": {"type": "string", "description": "Parameteret som er feil | The parameter at fault"},
                    },
                },
                "JsonStat": {
                    "type": "object",
                    "description": "JSON-stat 2.0 (json-stat.org)",
                    "required": ["version", "class", "id", "size", "dimension"],
                    "properties": {
                        "version": {"const": "2.0"},
                        "class": {"const": "dataset"},
                        "id": {"type": "array", "items": {"type": "string"}},
                        "size": {"type": "array", "items": {"type": "integer"}},
                        "dimension": {"type": "object"},
                        "value": {"type": "array", "items": {"type": ["number", "null"]}},
                        "status": {"type": "object", "additionalProperties": {"enum": [":", "..", ".", "*"]}},
                    },
                },
            },
        },
    }


def render() -> str:
    return json.dumps(merge(document()), ensure_ascii=False, indent=2) + "\n"


def page() -> bytes:
    """The description for people: every address, what it gives and takes."""
    rows = []
    for path, methods in document()["paths"].items():
        for method, one in methods.items():
            names = ", ".join(p["name"] for p in one["parameters"] if p["in"] == "query")
            cells = (method.upper(), path, one["summary"], names)
            rows.append("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>")
    return (
        '<!doctype html><html lang="nb"><meta charset="utf-8"><title>Barnevernsregisteret: uttrekk</title>'
        "<style>body{font:16px sans-serif;max-width:70em;margin:2em auto;padding:0 1em}td{padding:.3em .8em .3em 0;"
        "vertical-align:top}</style><h1>Barnevernsregisteret: uttrekk</h1><p>Aggregerte tall i formen til PxWebApi v2; "
        'et Maskinporten-token trengs. Hele beskrivelsen: <a href="/openapi.json">openapi.json</a>.</p>'
        '<p lang="en">Aggregated figures in the form of PxWebApi v2; a Maskinporten token is needed.</p>'
        f"<table><tr><th></th><th>adresse</th><th></th><th>parametre</th></tr>{''.join(rows)}</table></html>\n"
    ).encode()
