"""One message in, one outcome out: open, decode, place, check, decide, answer. Pure: no clock, no cloud, no state."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec

from bvr.chain import Erased, Known, Placement, place
from bvr.decode import DEFAULT_LIMITS, Decoded, Limits, decode
from bvr.decode_json import decode_json
from bvr.decode_json import read as read_json
from bvr.faults import Fault
from bvr.findings import Severity
from bvr.intake.protocol import TYPES, answer_profile, is_answer
from bvr.model.concepts import Barnevern
from bvr.receipt import Receipt, receipt_id
from bvr.rules import RULESET, Checked, check
from bvr.rules.case import Case
from bvr.rules.options import Channel, RuleOptions
from bvr.verdict import Verdict, decide

if TYPE_CHECKING:
    from bvr.intake.envelope import Envelope
    from bvr.intake.payload import Payload
    from bvr.intake.sender import Denied, Senders

NORWAY = ZoneInfo("Europe/Oslo")
AHEAD = timedelta(hours=24)
"""What a sender's clock may be ahead of ours."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What may be configured about processing."""

    options: RuleOptions = RuleOptions()
    limits: Limits = DEFAULT_LIMITS
    require_sealed: bool = False


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message with its body at hand. The times are fixed by whoever archived it: `received`, then `handled`."""

    envelope: Envelope
    payload: Payload
    received: datetime
    handled: datetime


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one message: all that is stored and answered follows from this.

    `answer_type` is None for a message that must not be answered; `denied` says why a sender may not send it.
    """

    message: Message
    verdict: Verdict
    placement: Placement | None
    document: Barnevern | None
    receipt: Receipt
    answer_type: str | None
    denied: Denied | None = None
    erased: Erased | None = None

    @property
    def answer_profile(self) -> str:
        return answer_profile(self.message.envelope.type)


def process(message: Message, known: Known, settings: Settings, senders: Senders) -> Outcome:
    """Steps 3 to 7 of the flow: same input, same outcome, for ever. Raises Broken when our own code fails."""
    payload, envelope = message.payload, message.envelope
    day = day_in_norway(message.received)
    if denied := barred(envelope, payload, senders, message.received):
        return _refused(message, Decoded(faults=(denied.fault,)), denied=denied)
    if payload.faults:
        return _refused(message, Decoded(faults=payload.faults))
    decoded = decode_payload(payload, settings.limits)
    document = decoded.document
    if document is None:
        return _refused(message, decoded)
    # Before anything is looked up or written for the reporter that the document names.
    if denied := senders.check_document(envelope, payload.signer, document.avgiver, day):
        return _refused(message, Decoded(faults=(denied.fault,)), denied=denied)
    avgiver, case = document.avgiver, document.sak.id.lower()
    if (erased := known.erased(avgiver.organisasjonsnummer, case, document.dato_uttrekk)) is not None:
        return msgspec.structs.replace(_refused(message, Decoded(faults=(_ERASED,))), erased=erased)
    if fault := _clash(document, message, known):
        return _refused(message, Decoded(faults=(fault,)), document)
    placement = place(document, known)
    checked = check_document(document, known, settings.options, message.envelope.channel)
    return _processed(message, document, placement, checked)


_ERASED = Fault(
    kind="slettet",
    nb="Saken er slettet fra registeret, og uttrekket tas ikke imot.",
    en="The case has been erased from the register, and the extract is not accepted.",
)


def decode_payload(payload: Payload, limits: Limits) -> Decoded:
    """The document of a payload, in the form that it has."""
    if payload.form == "xml":
        return decode(payload.xml, payload.version, limits, payload.encoding)
    case = read_json(payload.content, limits)
    if case.fault is not None:
        return Decoded(faults=(case.fault,))
    return decode_json(case.content, payload.version, limits)


def barred(envelope: Envelope, payload: Payload, senders: Senders, received: datetime) -> Denied | None:
    """Whether the sender may send such a message at all; what cannot be read as a message says itself what is wrong."""
    if envelope.type not in TYPES or any(fault.kind == "envelope" for fault in payload.faults):
        return None
    return senders.check_message(envelope, payload.signer, day_in_norway(received))


def check_document(
    document: Barnevern, known: Known, options: RuleOptions, channel: Channel = Channel.FAGSYSTEM
) -> Checked:
    """Run the rules on a decoded document; today is the day of its extract in Norway (A1)."""
    elements = None
    if document.sak.slettet:
        elements = known.elements(document.avgiver.organisasjonsnummer, document.sak.id.lower())
    return check(Case(document, day_in_norway(document.dato_uttrekk), options, channel, elements))


def day_in_norway(moment: datetime) -> date:
    try:
        return moment.astimezone(NORWAY).date()
    except OverflowError:  # the first or the last day that a date can hold
        return moment.date()


def _clash(document: Barnevern, message: Message, known: Known) -> Fault | None:
    """Faults between a valid document and what we know: a clock that is ahead, or a submission id used twice."""
    if document.dato_uttrekk > message.received + AHEAD:
        return Fault(
            kind="future",
            nb="DatoUttrekk er mer enn ett døgn etter at innsendingen ble mottatt.",
            en="DatoUttrekk is more than a day after the submission was received.",
            path="/Barnevern/@DatoUttrekk",
        )
    digest = message.payload.digest
    if known.first_content(document.avgiver.organisasjonsnummer, document.id.lower(), digest) != digest:
        return Fault(
            kind="reuse",
            nb="Barnevern/@Id er brukt før, på en innsending med et annet innhold.",
            en="Barnevern/@Id has been used before, for a submission with other content.",
            path="/Barnevern/@Id",
        )
    return None


def _processed(message: Message, document: Barnevern, placement: Placement, checked: Checked) -> Outcome:
    envelope, payload = message.envelope, message.payload
    verdict = decide(checked.counts)
    answer_type = TYPES[envelope.type].accepted
    receipt = Receipt(
        kvitterings_id=receipt_id(envelope.avsender_id, payload.digest, answer_type, RULESET),
        svar_til=envelope.melding_id,
        klient_melding_id=envelope.klient_melding_id,
        korrelasjons_id=envelope.klient_korrelasjons_id,
        innsending_id=document.id,
        sak_id=document.sak.id,
        dato_uttrekk=document.dato_uttrekk,
        mottatt=message.received,
        behandlet=message.handled,
        verdict=verdict,
        worst=checked.worst,
        counts=checked.counts,
        findings=checked.findings,
        not_checked=checked.not_checked,
        truncated=checked.truncated,
        xsd_version=payload.version,
        ruleset=RULESET,
        digest=payload.digest,
        missing_predecessor=document.forrige_id if placement is Placement.GAP else None,
    )
    return Outcome(
        message=message,
        verdict=verdict,
        placement=placement,
        document=document,
        receipt=receipt,
        answer_type=answer_type,
    )


def _refused(
    message: Message, decoded: Decoded, document: Barnevern | None = None, denied: Denied | None = None
) -> Outcome:
    """REJECTED: told why, and never with more of the document than its ids."""
    from bvr.intake.protocol import INVALID, SSB_REPORT

    envelope, payload = message.envelope, message.payload
    known_type = TYPES.get(envelope.type)
    answer_type = known_type.refused if known_type else (SSB_REPORT if _speaks_ssb(envelope.type) else INVALID)
    findings = tuple(fault.finding() for fault in decoded.faults)
    receipt = Receipt(
        kvitterings_id=receipt_id(envelope.avsender_id, f"{payload.digest}|{payload.announced}", answer_type, RULESET),
        svar_til=envelope.melding_id,
        klient_melding_id=envelope.klient_melding_id,
        korrelasjons_id=envelope.klient_korrelasjons_id,
        innsending_id=document.id if document else None,
        sak_id=document.sak.id if document else None,
        mottatt=message.received,
        behandlet=message.handled,
        verdict=Verdict.REJECTED,
        worst=Severity.FATAL,
        counts={Severity.FATAL: len(findings) + decoded.more},
        findings=findings,
        truncated=bool(decoded.more),
        xsd_version=payload.version,
        ruleset=RULESET,
        digest=payload.digest,
        fault=decoded.faults[0].kind,
    )
    return Outcome(
        message=message,
        verdict=Verdict.REJECTED,
        placement=None,
        document=None,
        receipt=receipt,
        answer_type=None if is_answer(envelope.type) else answer_type,
        denied=denied,
    )


def refuse(
    envelope: Envelope, digest: str, faults: tuple[Fault, ...], received: datetime, handled: datetime
) -> Outcome:
    """The outcome of a message of another flow that could not be taken: told why, and nothing more."""
    from bvr.intake.payload import Payload

    message = Message(
        envelope=envelope, payload=Payload(digest=digest, faults=faults), received=received, handled=handled
    )
    return _refused(message, Decoded(faults=faults))


def _speaks_ssb(message_type: str) -> bool:
    return answer_profile(message_type) == "ssb"
