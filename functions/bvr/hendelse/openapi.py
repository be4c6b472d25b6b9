"""What a municipality builds to be fetched from, as OpenAPI 3.1: docs/openapi-kommune.json."""

from __future__ import annotations

import json
from typing import Any

from bvr.hendelse.pull import PATH, SCOPE, VERSION_HEADER


def document() -> dict[str, Any]:
    """The whole description."""
    empty = {
        "304": "Saken er den registeret har (If-None-Match) | The case is the one that the register has",
        "401": "Tokenet mangler eller godtas ikke | The token is missing or not accepted",
        "403": "Tokenet mangler tilgangen | The token lacks the scope",
        "404": "Ingen sak med denne referansen | No case with this reference",
        "410": "Saken er slettet | The case has been deleted",
    }
    later = {
        "429": "For mange kall; prøv igjen | Too many calls; try again",
        "503": "Ikke tilgjengelig nå | Not available now",
    }
    retry_after = {
        "description": "Sekunder eller tidspunkt registeret skal vente; høyst en time | Until when; an hour at most",
        "schema": {"type": "string"},
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Kommunens API: hent en sak | The municipality's API: fetch a case",
            "version": "1.0.0",
            "description": "Bygges av fagsystemet. Registeret kaller det når det har fått en hendelse. Hele saken, "
            "slik den er nå; aldri eldre enn hendelsen. | Built by the case system; called after an event.",
        },
        "security": [{"maskinporten": []}],
        "paths": {
            f"{PATH}{{referanse}}": {
                "get": {
                    "operationId": "hentSak",
                    "summary": "Hent saken bak en referanse | Fetch the case behind a reference",
                    "parameters": [
                        {
                            "name": "referanse",
                            "in": "path",
                            "required": True,
                            "description": "Fra hendelsen | From the event",
                            "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{20,100}$"},
                        },
                        {
                            "name": "If-None-Match",
                            "in": "header",
                            "required": False,
                            "description": "ETag registeret har fra før | The ETag that the register has already",
                            "schema": {"type": "string"},
                        },
                    ],
                    "responses": {
                        "200": {
                            "description": "Saken | The case",
                            "headers": {
                                "ETag": {
                                    "required": True,
                                    "description": "SHA-256 av innholdet, i heksadesimal | of the content, in hex",
                                    "schema": {"type": "string", "pattern": '^(W/)?"[0-9a-f]{64}"$'},
                                },
                                VERSION_HEADER: {
                                    "required": True,
                                    "description": "Skjemaversjonen | Schema version",
                                    "schema": {"type": "string", "examples": ["4.0.1"]},
                                },
                            },
                            "content": {
                                "application/xml": {"schema": {"type": "string"}},
                                "application/json": {"schema": {"type": "object"}},
                            },
                        },
                        **{status: {"description": words} for status, words in empty.items()},
                        **{
                            status: {"description": words, "headers": {"Retry-After": retry_after}}
                            for status, words in later.items()
                        },
                    },
                }
            }
        },
        "components": {
            "securitySchemes": {
                "maskinporten": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": f"Maskinporten, scope {SCOPE}",
                }
            }
        },
    }


def render() -> str:
    return json.dumps(document(), ensure_ascii=False, indent=2) + "\n"
