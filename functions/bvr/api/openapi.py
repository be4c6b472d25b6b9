"""The description of the API, OpenAPI 3.1. Written to docs/openapi.json by `bvr generate` and served by the API."""

from __future__ import annotations

import json
from typing import Any

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
_SELECTIONS = [
    {
        "name": f"valuecodes[{name}]",
        "in": "query",
        "description": "Koder, *, ?, top(n), bottom(n), range(a,b), from(a), to(b); flere skilles med komma. "
        "| Codes or expressions, separated by commas.",
        "schema": {"type": "string", "maxLength": 4000},
        "example": example,
    }
    for name, example in (("Region", "0301,33*"), ("ContentsCode", "*"), ("Tid", "top(2)"))
]
_FORMAT = {
    "name": "outputFormat",
    "in": "query",
    "schema": {"type": "string", "enum": ["json-stat2", "csv"], "default": "json-stat2"},
}
_FORMAT_PARAMETERS = {
    "name": "outputFormatParams",
    "in": "query",
    "schema": {"type": "string", "default": "UseCodes", "examples": ["UseTexts"]},
}


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
_GONE = {"404": _problem("Tabellen finnes ikke | No such table")}
_NOT_YET = {"503": _problem("Ikke tilgjengelig nå | Not available now")}
_NO_FORMAT = {"406": _problem("Accept passer ikke til noe format | Accept fits no format")}
_PAGES = [
    {"name": "query", "in": "query", "description": "Ord i id eller tittel | Words", "schema": {"type": "string"}},
    {"name": "pageNumber", "in": "query", "schema": {"type": "integer", "minimum": 1, "default": 1}},
    {"name": "pageSize", "in": "query", "schema": {"type": "integer", "minimum": 1, "default": 20}},
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
    data = _get(
        "Tall fra tabellen | Figures of the table",
        [_TABLE_ID, *_SELECTIONS, _FORMAT, _FORMAT_PARAMETERS, _LANG],
        {
            **_ok({**_JSON_STAT, "text/csv": {"schema": {"type": "string"}}}),
            **_ERRORS,
            **_GONE,
            **_NO_FORMAT,
            **_NOT_YET,
        },
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
            "/tables/{id}/data": data,
            "/v1/uttrekk": catalogue,
            "/v1/uttrekk/{id}": table,
            "/v1/uttrekk/{id}/metadata": about,
            "/v1/uttrekk/{id}/defaultselection": default,
            "/v1/uttrekk/{id}/data": data,
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
                        "value": {"type": "array", "items": {"type": ["integer", "null"]}},
                        "status": {"type": "object", "additionalProperties": {"enum": [":", ".."]}},
                    },
                },
            },
        },
    }


def render() -> str:
    return json.dumps(document(), ensure_ascii=False, indent=2) + "\n"
