"""The description of governance, merged into that of the extracts: one description of one host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bvr.api.governance import (
    APPROVALS,
    BY_SSB,
    CONTROLS,
    LISTS,
    LONGEST_NAME,
    LONGEST_TEXT,
    OF_REPORTS,
    PREVIEW,
    REPORTS,
    SUPPLIER,
)
from bvr.api.rights import SCOPES, Product
from bvr.model.codelists import names
from bvr.statistics.approval import BY_MUNICIPALITY, Event, State
from bvr.statistics.preview import COLUMNS

_MUNICIPALITY = {"type": "string", "pattern": "^[0-9]{4}$"}
_PERIOD = {"type": "string", "pattern": "^20[0-9]{2}(H[12])?$"}
_FREEZE = {"type": "string", "pattern": "^20[0-9]{2}(H[12])?-T[1-9]$"}
_SHA256 = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_MOMENT = {"type": "string", "format": "date-time"}
_EVENT = {"type": "string", "enum": [one.value for one in Event]}
_STATE = {"type": "string", "enum": [one.value for one in State]}
_ACTS = [one.value for one in (*sorted(BY_MUNICIPALITY), *BY_SSB)]

_ERRORS = {
    "400": "Et parameter er feil; felt sier hvilket | A parameter is wrong; felt says which",
    "401": "Tokenet mangler eller godtas ikke | The token is missing or not accepted",
    "403": "Tokenet mangler tilgangen, eller organisasjonen retten | No scope, or no right",
    "404": "Finnes ikke | Not found",
    "406": "Accept passer ikke til noe format | Accept fits no format",
    "409": "Tallene eller tilstanden er en annen; mulige sier hva som kan gjøres | Other figures, or another state",
    "412": "Endret siden If-Match | Changed since",
    "413": "For stor | Too large",
    "415": "Ikke application/json | Not application/json",
    "422": "Et felt er feil; felt sier hvilket | A field is wrong; felt says which",
    "503": "Ikke tilgjengelig nå | Not available now",
}


def _errors(*more: str) -> dict[str, Any]:
    return {
        status: {
            "description": _ERRORS[status],
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in sorted({"400", "401", "403", "404", "503", *more})
    }


def _query(name: str, nb: str, en: str, schema: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": f"{nb} | {en}", "schema": dict(schema), **more}


def _path(name: str, nb: str, en: str, schema: Mapping[str, Any], example: str) -> dict[str, Any]:
    about = {"description": f"{nb} | {en}", "schema": dict(schema), "example": example}
    return {"name": name, "in": "path", "required": True, **about}


def _header(name: str, nb: str, en: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": f"{nb} | {en}", "schema": dict(schema)}


def _form(*forms: str) -> dict[str, Any]:
    return _query("outputFormat", "Ellers Accept", "Else Accept", {"type": "string", "enum": list(forms)})


def _get(
    operation: str, summary: str, product: Product, parameters: list[Any], answers: dict[str, Any]
) -> dict[str, Any]:
    return {
        "operationId": operation,
        "summary": summary,
        "security": [{"maskinporten": [SCOPES[product]]}],
        "parameters": parameters,
        "responses": answers,
    }


def _ok(schema: str, *others: str, kept: bool = False) -> dict[str, Any]:
    content: dict[str, Any] = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    content |= {kind: {"schema": {"type": "string"}} for kind in others}
    if not kept:
        return {"200": {"description": "OK", "content": content}}
    tag = {"ETag": {"description": "SHA-256 av innholdet | of the content", "schema": {"type": "string"}}}
    return {
        "200": {"description": "OK", "headers": tag, "content": content},
        "304": {"description": "Uendret siden If-None-Match | Unchanged"},
    }


_KOMMUNE = _path("kommunenummer", "Kommunen", "The municipality", _MUNICIPALITY, "3301")


def _paths() -> dict[str, Any]:
    region = {"type": "string", "pattern": "^[0-9]{4}([0-9]{2})?$"}
    whose = {"type": "string", "pattern": f"^([0-9]{{4}}|{SUPPLIER})$"}
    period = _query("periode", "Den nyeste når den ikke nevnes", "The newest unless given", _PERIOD, example="2025H2")
    return {
        f"{PREVIEW}/{{kommunenummer}}": {
            "get": _get(
                "forhandsvisning",
                "Egne uskjermede tall i den nyeste frysingen | One's own figures of the newest freeze, unsuppressed",
                Product.QUALITY,
                [
                    _path(
                        "kommunenummer", "Kommunen, eller en bydel", "The municipality, or a district", region, "3301"
                    ),
                    period,
                    _form("json", "csv"),
                ],
                {**_ok("Forhandsvisning", "text/csv"), **_errors("406")},
            )
        },
        APPROVALS: {
            "get": _get(
                "godkjenninger",
                "Hvor godkjenningene er | Where approvals are",
                Product.QUALITY,
                [
                    _query("periode", "Perioden", "The period", _PERIOD, example="2025H2"),
                    _query("kommunenummer", "Kommunen", "The municipality", _MUNICIPALITY),
                    _query("tilstand", "Tilstanden", "The state", _STATE),
                ],
                {**_ok("Godkjenninger", kept=True), **_errors()},
            ),
            "post": {
                **_get(
                    "godkjenn",
                    "Si noe om tallene: kommunen godkjenner eller innvender, SSB resten "
                    "| Say something of the figures: the municipality approves or objects, the rest is for SSB",
                    Product.APPROVAL,
                    [
                        _header(
                            "Idempotency-Key",
                            "Kallets egen nøkkel: sendt på nytt gir det samme svar",
                            "The call's own key: sent again it has the same answer",
                            {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
                        ),
                        _header(
                            "If-Match",
                            "ETag fra godkjenningen: ingenting har skjedd siden",
                            "ETag of the approval: nothing has happened since",
                            {"type": "string"},
                        ),
                    ],
                    {
                        "201": {
                            "description": "Hendelsen | The event",
                            "headers": {"Location": {"schema": {"type": "string"}}},
                            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Hendelse"}}},
                        },
                        **_errors("409", "412", "413", "415", "422"),
                    },
                ),
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Handling"}}},
                },
            },
        },
        f"{APPROVALS}/{{kommunenummer}}/{{periode}}": {
            "get": _get(
                "godkjenning",
                "En kommunes godkjenning av en periode, med historien | The approval of a period, with its history",
                Product.QUALITY,
                [_KOMMUNE, _path("periode", "Perioden", "The period", _PERIOD, "2025H2")],
                {**_ok("Godkjenning", kept=True), **_errors()},
            )
        },
        f"{REPORTS}/{{rapport}}/{{kommunenummer}}": {
            "get": _get(
                "rapport",
                "Migreringsrapport, valideringsrapport eller statistisk rapport "
                "| Migration, validation or statistical report",
                Product.QUALITY,
                [
                    _path(*("rapport", "Hvilken", "Which"), {"type": "string", "enum": list(OF_REPORTS)}, "validering"),
                    _path(
                        "kommunenummer",
                        f"Kommunen, eller {SUPPLIER} for en leverandørs egen",
                        f"The municipality, or {SUPPLIER} for a supplier's own",
                        whose,
                        "3301",
                    ),
                    _form("json", "csv", "html"),
                    _query(
                        "leverandor",
                        "Hvilket av leverandørens navn",
                        "Which of the supplier's names",
                        {"type": "string"},
                    ),
                ],
                {**_ok("Rapport", "text/csv", "text/html"), **_errors("406")},
            )
        },
        LISTS: {
            "get": _get(
                "kodelister",
                "Kodelistene | The code lists",
                Product.EXTRACTS,
                [],
                {**_ok("Kodelister", kept=True), **_errors()},
            )
        },
        f"{LISTS}/{{navn}}": {
            "get": _get(
                "kodeliste",
                "Kodene som gjelder en dag | The codes in force on a day",
                Product.EXTRACTS,
                [
                    _path("navn", "Listen", "The list", {"type": "string", "enum": sorted(names())}, "Melder"),
                    _query(
                        *("dato", "I dag når den ikke nevnes", "Today unless given"),
                        {"type": "string", "format": "date"},
                        example="2025-01-01",
                    ),
                ],
                {**_ok("Kodeliste", kept=True), **_errors()},
            )
        },
    }


def _object(properties: Mapping[str, Any], *optional: str, **more: Any) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "required": required, "properties": dict(properties), **more}


def _or_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {**schema, "type": [schema["type"], "null"]}


_TEXT = {"type": "string"}
_NAME = {
    "type": "string",
    "minLength": 1,
    "maxLength": LONGEST_NAME,
    "pattern": rf"^[^{CONTROLS}]*[^\s{CONTROLS}][^{CONTROLS}]*$",
}


def _schemas() -> dict[str, Any]:
    happened = {
        "hendelseId": {"type": "string", "format": "uuid"},
        "frysingId": _FREEZE,
        "sha256": _SHA256,
        "hendelse": _EVENT,
        "tilstand": _STATE,
        "tidspunkt": _MOMENT,
        "paaVegneAv": _TEXT,
        "kanal": {"type": "string", "enum": ["API", "NETTSIDE", "SYSTEM"]},
    }
    said = {"navn": _TEXT, "rolle": _TEXT, "leverandor": _or_null(_TEXT), "tekst": _or_null(_TEXT)}
    standing = {
        "kommunenummer": _MUNICIPALITY,
        "kommunenavn": _TEXT,
        "periode": _PERIOD,
        "tilstand": _STATE,
        "mulige": {"type": "array", "items": _EVENT},
        "frist": _or_null(_MOMENT),
        "frysingId": _FREEZE,
        "sha256": _SHA256,
        "kunnskapstidspunkt": _MOMENT,
        "sist": {"anyOf": [_object(happened), {"type": "null"}]},
    }
    table = _object(
        {
            "kolonner": {"type": "array", "items": {"enum": list(COLUMNS)}},
            "antall": {"type": "integer"},
            "rader": {"type": "array", "items": {"type": "array", "items": {"type": ["string", "integer", "null"]}}},
        }
    )
    rows = {"type": "array", "items": {"type": "array", "items": _TEXT}}
    codes = _object(
        {
            **{"kode": _TEXT, "nb": _TEXT, "en": _TEXT},
            **{name: {"type": ["string", "null"], "format": "date"} for name in ("gyldigFra", "gyldigTil")},
        }
    )
    entry = _object({"navn": _TEXT, "koder": {"type": "integer"}, "href": _TEXT})
    act = {
        **{"kommunenummer": _MUNICIPALITY, "periode": _PERIOD, "frysingId": _FREEZE, "sha256": _SHA256},
        "hendelse": {"type": "string", "enum": _ACTS},
        **{"navn": _NAME, "rolle": _NAME},
        "tekst": {
            "type": ["string", "null"],
            "maxLength": LONGEST_TEXT,
            "pattern": f"^[^{CONTROLS}]*$",
            "description": "Må gis med INNSIGELSE; ingen personnumre | Needed with INNSIGELSE; no person numbers",
        },
    }
    return {
        "Forhandsvisning": _object(
            {
                **standing,
                "region": _TEXT,
                "sha256": {
                    **_or_null(_SHA256),
                    "description": "SHA-256 av radene, hver som JSON uten mellomrom og \\n",
                },
                "profil": {"const": "internt"},
                "avvik": {"type": "array", "items": {"type": "object"}},
                "tall": table,
            }
        ),
        "Godkjenninger": _object({"godkjenninger": {"type": "array", "items": _object(standing)}}),
        "Godkjenning": _object(
            {**standing, "hendelser": {"type": "array", "items": _object({**happened, **said}, *said)}}
        ),
        "Hendelse": _object({"kommunenummer": _MUNICIPALITY, "periode": _PERIOD, **happened, **said}),
        "Handling": _object(act, "tekst", additionalProperties=False),
        "Rapport": _object(
            {
                **{"rapport": _TEXT, "tittel": _TEXT, "kunnskapstidspunkt": _MOMENT},
                "oppfylt": {"type": ["boolean", "null"]},
                "grunner": {"type": "array", "items": _object({"nb": _TEXT, "en": _TEXT})},
                "kolonner": {"type": "array", "items": _TEXT},
                **{"antall": {"type": "integer"}, "rader": rows},
            }
        ),
        "Kodelister": _object({"kodelister": {"type": "array", "items": entry}}),
        "Kodeliste": _object(
            {"navn": _TEXT, "dato": {"type": "string", "format": "date"}, "koder": {"type": "array", "items": codes}}
        ),
    }


_SCOPE_WORDS = {
    Product.EXTRACTS: "Lese aggregerte uttrekk | Read aggregated extracts",
    Product.QUALITY: "Lese egne tall og rapporter | Read one's own figures and reports",
    Product.APPROVAL: "Godkjenne tall | Approve figures",
}


def merge(document: dict[str, Any]) -> dict[str, Any]:
    """A description with governance in it: paths, schemas and scopes. What is there already stays as it is."""
    components = document.get("components", {})
    schemes = components.get("securitySchemes", {})
    flows = schemes.get("maskinporten", {}).get("flows", {})
    credentials = flows.get("clientCredentials", {"tokenUrl": "https://maskinporten.no/token"})
    scopes = {SCOPES[one]: words for one, words in _SCOPE_WORDS.items()} | credentials.get("scopes", {})
    maskinporten = {
        "type": "oauth2",
        **schemes.get("maskinporten", {}),
        "flows": {**flows, "clientCredentials": {**credentials, "scopes": scopes}},
    }
    return {
        **document,
        "paths": {**_paths(), **document.get("paths", {})},
        "components": {
            **components,
            "securitySchemes": {**schemes, "maskinporten": maskinporten},
            "schemas": {**_schemas(), **components.get("schemas", {})},
        },
    }
