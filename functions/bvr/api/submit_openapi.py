"""The description of the intake over HTTP, OpenAPI 3.1. Written to docs/openapi-innsending.json, served by the API."""

from __future__ import annotations

import json
from typing import Any

from bvr.api.submit import MOST_CASES, PATH, SCOPE
from bvr.model import json_form
from bvr.model.versions import CURRENT

_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "titleEn": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "detailEn": {"type": "string"},
        "felt": {"type": "string"},
    },
}
_ERRORS = {
    "400": "Innholdet er ikke gyldig JSON, eller mangler innsendinger | Not valid JSON, or no innsendinger",
    "401": "Tokenet mangler eller godtas ikke | The token is missing or not accepted",
    "403": "Tokenet mangler tilgangen, eller avsenderen er ukjent | No scope, or an unknown sender",
    "413": f"Flere enn {MOST_CASES} saker, eller mer enn 32 MB | Too many cases, or too many bytes",
    "415": "Innholdet er ikke application/json | Not application/json",
    "503": "Ikke tilgjengelig nå | Not available now",
}


def document() -> dict[str, Any]:
    """The whole description."""
    schema = json_form.schema(CURRENT)
    definitions = {
        name: json.loads(json.dumps(one).replace("#/$defs/", "#/components/schemas/"))
        for name, one in schema["$defs"].items()
    }
    version = {"type": ["string", "integer"], "description": "Skjemaversjon | Schema version", "example": CURRENT}
    own = {"type": "string", "format": "uuid", "description": "Avsenderens egen id | The sender's own id"}
    case = {"Barnevern": {"$ref": "#/components/schemas/Barnevern"}, "xsdVersion": version, "klientMeldingId": own}
    wrapped = {"xmlBody": {"type": "string"}, "xsdVersion": {"type": "integer"}, "klientMeldingId": own}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Barnevernsregisteret: innsending | submission",
            "version": "1.0.0",
            "description": f"Inntil {MOST_CASES} saker i ett kall, én kvittering per sak. Et kall som sendes på nytt, "
            "gir de samme kvitteringene. | One receipt a case; a call that is repeated gives the same ones.",
        },
        "security": [{"maskinporten": []}],
        "paths": {
            PATH: {
                "post": {
                    "operationId": "sendSaker",
                    "summary": "Send saker | Send cases",
                    "requestBody": {
                        "required": True,
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Innsendinger"}}},
                    },
                    "responses": {
                        "200": {
                            "description": "Én kvittering per sak, i samme rekkefølge | One receipt a case, in order",
                            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Kvitteringer"}}},
                        },
                        **{
                            status: {
                                "description": words,
                                "content": {
                                    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                                },
                            }
                            for status, words in _ERRORS.items()
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
            },
            "schemas": {
                "Innsendinger": {
                    "type": "object",
                    "required": ["innsendinger"],
                    "properties": {
                        "innsendinger": {
                            "type": "array",
                            "minItems": 1,
                            "maxItems": MOST_CASES,
                            "items": {
                                "anyOf": [
                                    {"type": "object", "required": ["Barnevern", "xsdVersion"], "properties": case},
                                    {"type": "object", "required": ["xmlBody", "xsdVersion"], "properties": wrapped},
                                ]
                            },
                        }
                    },
                },
                "Kvitteringer": {
                    "type": "object",
                    "required": ["kvitteringer"],
                    "properties": {
                        "kvitteringer": {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "required": ["nummer", "status"],
                                "properties": {
                                    "nummer": {"type": "integer", "minimum": 1},
                                    "status": {"type": "integer", "enum": [200, 400, 422, 500, 503]},
                                    "kvittering": {"type": "object", "description": "Se docs/asyncapi.yaml"},
                                    "feilmelding": {"type": "object", "description": "Se docs/asyncapi.yaml"},
                                    "feil": {"type": "object"},
                                },
                            },
                        }
                    },
                },
                "Problem": _PROBLEM,
                **definitions,
            },
        },
    }


def render() -> str:
    return json.dumps(document(), ensure_ascii=False, indent=2) + "\n"
