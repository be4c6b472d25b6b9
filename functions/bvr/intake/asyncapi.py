"""The messages as an AsyncAPI 3.0 description: docs/asyncapi.yaml, written by `bvr generate`."""

from __future__ import annotations

from typing import Any

import yaml

from bvr.faults import KINDS
from bvr.hendelse.event import schema as event_schema
from bvr.intake.envelope import Envelope
from bvr.intake.protocol import (
    EVENT_CHANGED,
    EVENT_DELETED,
    INVALID,
    KOSTRA_RECEIPT,
    KOSTRA_SUBMIT,
    RECEIPT,
    SERVER_FAULT,
    SSB_REPORT,
    SSB_SUBMIT,
    SUBMIT,
    TYPES,
)
from bvr.model.versions import SUPPORTED

_LEVEL = {"type": "string", "enum": ["OK", "INFO", "WARNING", "ERROR", "FATAL"]}
_TEXT = {"type": "string"}
_UUID = {"type": "string", "format": "uuid"}
_MOMENT = {"type": "string", "format": "date-time"}
_COUNT = {"type": "integer", "minimum": 0}


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties}


_PAYLOAD = _object(
    ["xsdVersion", "xmlBody"],
    xsdVersion={"type": "integer", "minimum": 1, "description": "Hovedversjonen av skjemaet | Major schema version"},
    xmlBody={"type": "string", "description": "Saken som XML | The case as XML"},
)
_REPORT = _object(
    ["severity"],
    severity=_LEVEL,
    reportEntries={
        "type": "array",
        "items": _object(
            ["warningLevel", "ruleName", "errorText"],
            warningLevel=_LEVEL,
            originalWarningLevel={"const": "ERROR"},
            ruleId=_TEXT,
            ruleName=_TEXT,
            errorText=_TEXT,
            contextType=_TEXT,
            contextId=_UUID,
        ),
    },
)
_FINDING = _object(
    ["regelId", "regelVersjon", "regelNavn", "alvorlighet", "kontekstType", "sti", "tekst", "tekstEn", "tiltak"],
    regelId=_TEXT,
    regelVersjon=_COUNT,
    regelNavn=_TEXT,
    alvorlighet=_LEVEL,
    opprinneligAlvorlighet=_LEVEL,
    kontekstType=_TEXT,
    kontekstId=_UUID,
    sti={"type": "string", "description": "Sti i dokumentet, uten verdier | Path in the document, without values"},
    tekst=_TEXT,
    tekstEn=_TEXT,
    tiltak={"type": "string", "description": "Hva dere kan gjøre | What to do"},
    tiltakEn=_TEXT,
    parametre={"type": "object"},
)
_RECEIPT = _object(
    [
        "kvitteringsId",
        "svarTilMeldingId",
        "resultat",
        "hoyesteAlvorlighet",
        "antall",
        "funn",
        "innholdSha256",
        "duplikat",
    ],
    kvitteringsId=_UUID,
    svarTilMeldingId=_UUID,
    klientMeldingId=_UUID,
    innsendingId=_UUID,
    sakId=_UUID,
    datoUttrekk=_MOMENT,
    mottattTidspunkt=_MOMENT,
    behandletTidspunkt=_MOMENT,
    resultat={"type": "string", "enum": ["GODKJENT", "GODKJENT_MED_FUNN", "LAGRET_IKKE_GODKJENT"]},
    hoyesteAlvorlighet=_LEVEL,
    antall=_object(["error", "warning", "info"], error=_COUNT, warning=_COUNT, info=_COUNT),
    xsdVersion=_TEXT,
    regelsettVersjon=_TEXT,
    innholdSha256={"type": "string", "pattern": "^[0-9a-f]{64}$"},
    duplikat={"type": "boolean"},
    avkortet={
        "type": "boolean",
        "description": "Listen er kuttet; antall er riktig | The list is cut, counts are true",
    },
    manglerForrigeId={"type": "string", "description": "ForrigeId som aldri kom | The predecessor that never came"},
    funn={"type": "array", "items": _FINDING},
    ikkeKontrollert={
        "type": "array",
        "items": _object(["regelId", "grunn"], regelId=_TEXT, grunn=_TEXT, grunnEn=_TEXT),
    },
)
_FAULT = _object(
    ["errorId", "feilmelding", "feilmeldingEn", "feilkode", "svarTilMeldingId"],
    errorId=_UUID,
    feilmelding=_TEXT,
    feilmeldingEn=_TEXT,
    correlationId=_TEXT,
    feilkode={"type": "string", "enum": sorted({kind.feilkode for kind in KINDS.values()})},
    svarTilMeldingId=_UUID,
    klientMeldingId=_UUID,
    innholdSha256=_TEXT,
    duplikat={"type": "boolean"},
    avkortet={"type": "boolean"},
    detaljer={
        "type": "array",
        "items": _object(
            ["regel", "tekst"], linje=_COUNT, kolonne=_COUNT, sti=_TEXT, regel=_TEXT, tekst=_TEXT, tekstEn=_TEXT
        ),
    },
)
_KOSTRA_RECEIPT = {"type": "object"}
_EVENT = event_schema()
_DUTY = {"type": "string", "enum": ["OPPFYLT", "IKKE_OPPFYLT", "IKKE_FUNNET"]}
_EVENT_RECEIPT = {
    "type": "object",
    "description": "Som kvittering, og: | As kvittering, and:",
    "required": ["hendelseId", "meldeplikt"],
    "properties": {"hendelseId": _UUID, "meldeplikt": _DUTY},
}
_IN: dict[str, tuple[str, str, dict[str, Any]]] = {
    SSB_SUBMIT: (
        "innrapportering",
        "En sak, i protokollen i produksjon | A case, in the protocol in production",
        _PAYLOAD,
    ),
    SUBMIT: (
        "registrer",
        "En sak: XML med attributtet xsd-versjon, eller payload.json | A case: XML with the attribute, or payload.json",
        {"oneOf": [{"type": "string", "contentMediaType": "application/xml"}, _PAYLOAD]},
    ),
}
_IN[KOSTRA_SUBMIT] = (
    "kostra",
    "Én KOSTRA-fil (15F) for en kommune og et år | One KOSTRA file (15F) of a municipality and a year",
    {"type": "string", "contentMediaType": "application/xml"},
)
_EVENTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    EVENT_CHANGED: ("endret", "En sak er endret; registeret henter den | A case has changed; we fetch it", _EVENT),
    EVENT_DELETED: ("slettet", "En sak er slettet | A case was deleted", _EVENT),
}
_OUT: dict[str, tuple[str, str, dict[str, Any]]] = {
    SSB_REPORT: ("valideringsrapport", "Svar på innrapportering | Answer to innrapportering", _REPORT),
    RECEIPT: ("kvittering", "Svar på det som er behandlet | Answer to what was processed", _RECEIPT),
    KOSTRA_RECEIPT: (
        "kostrakvittering",
        "Kontrollrapporten for en KOSTRA-fil | Control report of a file",
        _KOSTRA_RECEIPT,
    ),
    TYPES[EVENT_CHANGED].accepted: ("endretkvittering", "Meldeplikten er oppfylt | The duty is met", _EVENT_RECEIPT),
    TYPES[EVENT_DELETED].accepted: ("slettetkvittering", "Meldeplikten er oppfylt | The duty is met", _EVENT_RECEIPT),
    INVALID: ("ugyldigforespoersel", "Avvist: kan rettes av avsender | Refused: the sender can correct it", _FAULT),
    SERVER_FAULT: ("serverfeil", "Feil hos registeret; kvittering kommer | Our fault; a receipt will come", _FAULT),
}


def document() -> dict[str, Any]:
    """The whole description."""
    headers = Envelope.model_json_schema(by_alias=True)
    headers.pop("description", None)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Barnevernsregisteret: meldinger",
            "version": "1.0.0",
            "description": "Meldinger på Pub/Sub med Fiks IO-hoder som attributter. Svaret følger typen på spørsmålet. "
            f"Skjemaversjoner: {', '.join(SUPPORTED)}. Innhold over 10 MB, eller det som skal ligge utenfor meldingen, "
            "lastes opp i innboksen og pekes på med dataref, generation, sha256 og size. | Messages on Pub/Sub with Fiks "
            "IO headers as attributes. The answer follows the type of the question.",
        },
        "channels": {
            "innsending": {"address": "innsending", "messages": _messages(_IN)},
            "hendelse": {"address": "hendelse", "messages": _messages(_EVENTS)},
            "kvittering": {"address": "kvittering", "messages": _messages(_OUT)},
        },
        "operations": {
            "ta-imot": {"action": "receive", "channel": {"$ref": "#/channels/innsending"}},
            "ta-imot-hendelse": {"action": "receive", "channel": {"$ref": "#/channels/hendelse"}},
            "svar": {"action": "send", "channel": {"$ref": "#/channels/kvittering"}},
        },
        "components": {
            "schemas": {"Konvolutt": headers},
            "messages": {
                name: _message(kind, *about) for kind, about in (_IN | _EVENTS | _OUT).items() for name in about[:1]
            },
        },
    }


def _messages(kinds: dict[str, tuple[str, str, dict[str, Any]]]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/messages/{name}"} for name, _, _ in kinds.values()}


def _message(kind: str, name: str, summary: str, payload: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": kind,
        "title": name,
        "summary": summary,
        "headers": {"$ref": "#/components/schemas/Konvolutt"},
        "payload": payload,
    }


class _Plain(yaml.SafeDumper):
    """YAML without anchors: schemas that occur twice are written twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def render() -> str:
    return yaml.dump(document(), Dumper=_Plain, allow_unicode=True, sort_keys=False, width=110)
