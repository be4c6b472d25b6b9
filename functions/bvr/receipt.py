"""What the sender is told: one Receipt, two renderings.

The same message and the same rule set give the same receipt id and the same findings, so a repeated answer does no harm
(reference section 3.5). A receipt holds no person number, name, birth date or free text.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec

from bvr.faults import KINDS
from bvr.findings import Finding, NotChecked, Severity
from bvr.verdict import Verdict

NAMESPACE = uuid5(NAMESPACE_URL, "https://barnevernsregisteret.no/kvittering")

_RESULTAT = {Verdict.EXCLUDED: "LAGRET_IKKE_GODKJENT", Verdict.REJECTED: "AVVIST"}

# Element names of the model -> contextType of the production protocol.
CONTEXT_TYPES = {
    "Sak": "CASE",
    "Personalia": "PERSONALIA",
    "Melding": "MESSAGE",
    "Undersokelse": "INVESTIGATION",
    "Plan": "PLAN",
    "Tiltak": "MEASURE",
    "Vedtak": "DECISION",
    "Krav": "DECISION",
    "Status": "DECISION",
    "Ettervern": "AFTERCARE",
    "OversendelseFylkesnemnd": "CASE_FORWARDING",
    "Flytting": "RELOCATION",
    "Relasjon": "RELATION",
    "Slettet": "DELETED",
}


class Receipt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to one message. `fault` is the kind of what kept it out, and `not_checked` what could not be said."""

    kvitterings_id: str
    svar_til: str
    klient_melding_id: str | None = None
    korrelasjons_id: str | None = None
    innsending_id: str | None = None
    sak_id: str | None = None
    dato_uttrekk: datetime | None = None
    mottatt: datetime
    behandlet: datetime
    verdict: Verdict
    worst: Severity
    counts: dict[Severity, int] = {}
    findings: tuple[Finding, ...] = ()
    not_checked: tuple[NotChecked, ...] = ()
    truncated: bool = False
    xsd_version: str = ""
    ruleset: str
    digest: str
    fault: str | None = None
    missing_predecessor: str | None = None
    duplicate: bool = False


def receipt_id(avsender_id: str, digest: str, answer_type: str, ruleset: str) -> str:
    return str(uuid5(NAMESPACE, f"{avsender_id}|{digest}|{answer_type}|{ruleset}"))


def answer_id(kvitterings_id: str, svar_til: str) -> str:
    """Our own message id of one answer on the wire: each retry of the sender gets its own answer, once."""
    return str(uuid5(UUID(kvitterings_id), svar_til))


def resultat(receipt: Receipt) -> str:
    return _RESULTAT.get(receipt.verdict) or ("GODKJENT" if receipt.worst is Severity.OK else "GODKJENT_MED_FUNN")


def render(receipt: Receipt, profile: str, ssb_ids: dict[str, str]) -> bytes:
    """The answer in the profile of the question. `ssb_ids`: our rule ids -> the production protocol's."""
    if profile == "ssb":
        return msgspec.json.encode(_ssb(receipt, ssb_ids))
    return msgspec.json.encode(_fault(receipt) if receipt.verdict is Verdict.REJECTED else _native(receipt))


def file_name(receipt: Receipt, profile: str) -> str:
    """What the answer is called in a container (reference sections 0 and 3.1)."""
    if profile == "ssb":
        return "payload.json"
    return "feilmelding.json" if receipt.verdict is Verdict.REJECTED else "kvittering.json"


def _native(receipt: Receipt) -> dict[str, Any]:
    """`kvittering.json` (reference section 3.3)."""
    return _without_none(
        kvitteringsId=receipt.kvitterings_id,
        svarTilMeldingId=receipt.svar_til,
        klientMeldingId=receipt.klient_melding_id,
        innsendingId=receipt.innsending_id,
        sakId=receipt.sak_id,
        datoUttrekk=receipt.dato_uttrekk,
        mottattTidspunkt=receipt.mottatt,
        behandletTidspunkt=receipt.behandlet,
        resultat=resultat(receipt),
        hoyesteAlvorlighet=receipt.worst.name,
        antall={
            "error": receipt.counts.get(Severity.ERROR, 0),
            "warning": receipt.counts.get(Severity.WARNING, 0),
            "info": receipt.counts.get(Severity.INFO, 0),
        },
        xsdVersion=receipt.xsd_version,
        regelsettVersjon=receipt.ruleset,
        innholdSha256=receipt.digest,
        duplikat=receipt.duplicate,
        avkortet=receipt.truncated,
        manglerForrigeId=receipt.missing_predecessor,
        funn=[_funn(f) for f in receipt.findings],
        ikkeKontrollert=[
            {"regelId": n.rule, "grunn": n.reason_nb, "grunnEn": n.reason_en} for n in receipt.not_checked
        ],
    )


def _funn(f: Finding) -> dict[str, Any]:
    return _without_none(
        regelId=f.rule,
        regelVersjon=f.rule_version,
        regelNavn=f.official,
        alvorlighet=f.severity.name,
        opprinneligAlvorlighet=f.original_severity.name if f.original_severity else None,
        kontekstType=f.element,
        kontekstId=f.element_id,
        sti=f.path,
        tekst=f.message_nb,
        tekstEn=f.message_en,
        tiltak=f.remedy_nb,
        tiltakEn=f.remedy_en,
        parametre=f.parameters,
    )


def _fault(receipt: Receipt) -> dict[str, Any]:
    """`feilmelding.json` (reference section 3.3)."""
    first = receipt.findings[0]
    kind = KINDS[receipt.fault or "xml"]
    more = len(receipt.findings) - 1
    return _without_none(
        errorId=receipt.kvitterings_id,
        feilmelding=first.message_nb + (f" (og {more} til)" if more else "") + f" {kind.remedy_nb}",
        feilmeldingEn=first.message_en + (f" (and {more} more)" if more else "") + f" {kind.remedy_en}",
        correlationId=receipt.korrelasjons_id,
        feilkode=kind.feilkode,
        svarTilMeldingId=receipt.svar_til,
        klientMeldingId=receipt.klient_melding_id,
        innholdSha256=receipt.digest,
        duplikat=receipt.duplicate,
        avkortet=receipt.truncated,
        detaljer=[
            _without_none(
                linje=f.line,
                kolonne=f.column,
                sti=f.path or None,
                regel=f.rule,
                tekst=f.message_nb,
                tekstEn=f.message_en,
            )
            for f in receipt.findings
        ],
    )


def _ssb(receipt: Receipt, ssb_ids: dict[str, str]) -> dict[str, Any]:
    """`payload.json` of the production protocol's valideringsrapport, exactly as its schema says."""
    entries = [_entry(f, receipt, ssb_ids) for f in receipt.findings]
    report: dict[str, Any] = {"severity": receipt.worst.name}
    if entries:
        report["reportEntries"] = entries
    return report


def _entry(f: Finding, receipt: Receipt, ssb_ids: dict[str, str]) -> dict[str, Any]:
    rule_id = KINDS[receipt.fault].ssb if receipt.fault else ssb_ids.get(f.rule, "")
    context = CONTEXT_TYPES.get(f.element)
    where = f" ({f.path}{f', linje {f.line}' if f.line else ''})" if receipt.fault and f.path else ""
    return _without_none(
        warningLevel=f.severity.name,
        originalWarningLevel=f.original_severity.name if f.original_severity is Severity.ERROR else None,
        ruleId=rule_id or None,
        ruleName=f.official,
        errorText=f"{f.message_nb}{where} {f.remedy_nb}".strip(),
        contextType=context,
        contextId=f.element_id if context else None,
    )


def _without_none(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
