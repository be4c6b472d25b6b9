"""An outcome as the one row stored of it. Direct identifiers become ciphertext here, before anything is sent."""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from typing import Any, Protocol

import msgspec

from bvr.findings import Finding, Severity
from bvr.model.concepts import Barnevern, Personalia
from bvr.model.identifiers import nummertype
from bvr.model.types import Person, fields
from bvr.pipeline import Outcome, day_in_norway


class Cipher(Protocol):
    """Deterministic encryption bound to a purpose: the same text gives the same bytes within one purpose."""

    def encrypt(self, text: str) -> bytes: ...


def row(outcome: Outcome, cipher: Cipher) -> dict[str, Any]:
    """The row of `register.innsending`, without columns that are NULL or empty. Keys are lower case."""
    envelope, payload, receipt = outcome.message.envelope, outcome.message.payload, outcome.receipt
    found: dict[str, Any] = {
        "melding_id": envelope.melding_id,
        "avsender_id": envelope.avsender_id,
        "klient_melding_id": envelope.klient_melding_id,
        "meldingstype": envelope.type,
        "kanal": envelope.channel.value,
        "mottatt": receipt.mottatt,
        "behandlet": receipt.behandlet,
        "innhold_sha256": payload.digest,
        "skjemaversjon": payload.version or None,
        "regelsett": receipt.ruleset,
        "utfall": outcome.verdict.value,
        "hoyeste_alvorlighet": receipt.worst.name,
        "plassering": outcome.placement.value if outcome.placement else None,
        "kvitterings_id": receipt.kvitterings_id,
        "antall_error": receipt.counts.get(Severity.ERROR, 0),
        "antall_warning": receipt.counts.get(Severity.WARNING, 0),
        "antall_info": receipt.counts.get(Severity.INFO, 0),
        "funn": [_funn(f) for f in receipt.findings],
        "ikke_kontrollert": [{"regel": n.rule, "grunn": n.reason_nb} for n in receipt.not_checked],
    }
    if outcome.document is not None:
        found |= _document(outcome.document, cipher)
    return {name: value for name, value in found.items() if value not in (None, [])}


def _document(document: Barnevern, cipher: Cipher) -> dict[str, Any]:
    avgiver = document.avgiver
    return {
        "innsending_id": document.id.lower(),
        "forrige_id": document.forrige_id.lower() if document.forrige_id else None,
        "orgnr": avgiver.organisasjonsnummer,
        "kommunenummer": avgiver.kommunenummer,
        "bydelsnummer": avgiver.bydelsnummer,
        "sak_id": document.sak.id.lower(),
        "dato_uttrekk": document.dato_uttrekk,
        "er_slettet": document.sak.er_slettet,
        "fagsystem": _plain(document.fagsystem),
        "avgiver": _plain(avgiver),
        "sak": _sak(document, cipher),
    }


def _plain(value: Any) -> Any:
    """Structs as dicts; dates stay dates."""
    return msgspec.to_builtins(value, builtin_types=(date, datetime))


def _sak(document: Barnevern, cipher: Cipher) -> dict[str, Any]:
    sak: dict[str, Any] = _plain(document.sak)
    if document.sak.personalia:
        today = day_in_norway(document.dato_uttrekk)
        sak["personalia"] = [_personalia(p, cipher, today) for p in document.sak.personalia]
    return sak


@cache
def _secret() -> tuple[str, ...]:
    """The fields of Personalia that identify by themselves; no other concept has any (a test sees to it)."""
    return tuple(f.name for f in fields(Personalia) if f.doc.person is Person.DIRECT)


def _personalia(personalia: Personalia, cipher: Cipher, today: date) -> dict[str, Any]:
    found: dict[str, Any] = _plain(personalia)
    found["nummertype"] = nummertype(personalia.fodselsnummer, personalia.kjonn, today=today)
    for name in _secret():
        if name in found:
            found[name] = cipher.encrypt(found[name])
    return found


def _funn(f: Finding) -> dict[str, Any]:
    found = {
        "regel": f.rule,
        "regel_versjon": f.rule_version,
        "alvorlighet": f.severity.name,
        "opprinnelig_alvorlighet": f.original_severity.name if f.original_severity else None,
        "element": f.element,
        "element_id": f.element_id,
        "sti": f.path,
        "linje": f.line,
        "melding_nb": f.message_nb,
        "melding_en": f.message_en,
        "parametre": msgspec.json.encode(f.parameters).decode() if f.parameters else None,
    }
    return {name: value for name, value in found.items() if value is not None}
