"""The flow of a case: archived, opened, processed, recorded, stored, answered. In that order.

Row before receipt, receipt before answer: a receipt never claims what is not stored. One receipt in effect: its id
follows from the content. (Reference sections 3.5 and 5.6.)
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Protocol

import msgspec

from bvr.chain import Erased
from bvr.desk import Desk, Objects, Taken
from bvr.errors import Broken, Retry
from bvr.intake.envelope import Delivery, Envelope
from bvr.intake.payload import Opens, Payload, open_payload
from bvr.intake.protocol import answer_profile
from bvr.intake.sender import Senders
from bvr.log import log
from bvr.pipeline import Message, Outcome, Settings, barred, process
from bvr.receipt import Receipt, answer_id, file_name, render
from bvr.register import orders
from bvr.register.proto import RowWriter
from bvr.register.rows import Cipher, row
from bvr.rules import RULES
from bvr.verdict import Verdict


class Register(Protocol):
    """The table register.innsending."""

    def append(self, serialized_row: bytes) -> None: ...

    def elements(self, orgnr: str, sak_id: str) -> frozenset[tuple[str, str]]: ...


class SenderSource(Protocol):
    """Who may send, as far as is known now. Raises Retry while that cannot be had."""

    def current(self, account: str | None = None) -> Senders: ...


class Outbound(Protocol):
    """Takes an answer further than our own topic: to Fiks IO."""

    def handles(self, receiver: str) -> bool: ...

    def send(self, attributes: dict[str, str], data: bytes) -> object: ...


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the ledger holds of one content: fixed by whoever came first, used by every repeat."""

    melding_id: str
    receipt: Receipt
    answer_type: str | None = None
    row: bytes
    orgnr: str | None = None


class Gone(msgspec.Struct, frozen=True, kw_only=True):
    """A message of what was erased: its sender is told, but for the very messages that were, which had their answer."""

    receipt: Receipt
    answer_type: str | None = None


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a case needs on its way through. Without an `opener` nothing sealed can be opened."""

    desk: Desk
    register: Register
    cipher: Cipher
    rows: RowWriter
    settings: Settings
    senders: SenderSource
    opener: Opens | None = None
    outbound: Outbound | None = None

    # --- intake --------------------------------------------------------------------------------------------------

    def receive(self, delivery: Delivery, *, answer: bool = True) -> Receipt | None:
        """Take one message all the way to its answer. Raises Retry for faults of the platform, nothing for content.

        Without `answer`, the case was fetched and is no message of the sender's: whoever asks tells them, has a message
        of theirs that is open for it, and sets that aside when we are Broken.
        """
        taken = self.desk.take(delivery, self.settings.limits.bytes, mark=answer)
        try:
            payload = self._open(taken)
            entry, repeated = self._entry(taken, payload)
            if isinstance(entry, Gone):
                return self._forget(taken, payload, entry, answer)
            return self._finish(taken.envelope, payload, entry, repeated, answer)
        except Broken as broken:
            if not answer:
                raise
            return self.desk.broken(taken, broken)

    def _open(self, taken: Taken) -> Payload:
        if taken.faults:
            return Payload(digest=hashlib.sha256(taken.body).hexdigest(), faults=taken.faults)
        return open_payload(
            taken.body,
            taken.envelope,
            taken.received,
            self.opener,
            require_sealed=self.settings.require_sealed and not taken.proven,
        )

    def _entry(self, taken: Taken, payload: Payload) -> tuple[Entry | Gone, bool]:
        """What became of this content, and whether an earlier message decided it."""
        envelope, ledger = taken.envelope, self.desk.ledger
        senders = self.senders.current(envelope.avsender_id)
        denied = barred(envelope, payload, senders, taken.received)
        name = _ledger_name(envelope, payload)
        # Whoever may not send is told nothing of what is known, not even by a repeat.
        stored = None if denied else ledger.read(name)
        if stored is None:
            entry, outcome = self._process(envelope, payload, taken.received, senders)
            if (gone := self._erased(envelope, payload, outcome)) is not None:
                return gone, False
            if outcome.erased is Erased.BARRED:
                self.desk.quarantine(taken, "case erased by order of an authority")
            if outcome.denied:
                # Not for ever: another register of senders may say otherwise of the same content.
                name = name.replace(".json", f"-avsender-{senders.version[:16]}.json")
                self.desk.quarantine(taken, outcome.denied.reason)
            if ledger.create(name, msgspec.json.encode(entry)):
                return entry, False
            stored = ledger.read(name)  # somebody was first: theirs is the truth
            assert stored is not None
        entry = msgspec.json.decode(stored.data, type=Entry)
        # What is empty, or cannot be had, is one content whoever sends it.
        if entry.receipt.verdict is Verdict.REJECTED and self._itself(envelope):
            return Gone(receipt=entry.receipt), False
        return entry, entry.melding_id != envelope.melding_id

    def _erased(self, envelope: Envelope, payload: Payload, outcome: Outcome) -> Gone | None:
        """Whether a message was erased, or is of what was: only what was refused can be."""
        if outcome.verdict is not Verdict.REJECTED or outcome.erased is Erased.BARRED:
            return None
        if self._itself(envelope):
            return Gone(receipt=outcome.receipt)
        if outcome.erased or self.desk.ledger.exists(orders.content_mark(payload.digest)):
            return Gone(receipt=outcome.receipt, answer_type=outcome.answer_type)
        return None

    def _itself(self, envelope: Envelope) -> bool:
        return self.desk.ledger.exists(orders.message_mark(envelope.avsender_id, envelope.melding_id))

    def _forget(self, taken: Taken, payload: Payload, gone: Gone, answer: bool) -> Receipt:
        """Keep nothing of what was erased."""
        envelope, receipt = taken.envelope, gone.receipt
        if answer and gone.answer_type:
            profile = answer_profile(envelope.type)
            self.desk.answer(
                envelope,
                gone.answer_type,
                render(receipt, profile, _ssb_ids()),
                answer_id(receipt.kvitterings_id, receipt.svar_til),
                file_name=file_name(receipt, profile),
                sealed=payload.sealed,
            )
        self.desk.forget(taken)
        log("slettet sak kom igjen", severity="WARNING", melding_id=envelope.melding_id)
        return receipt

    def _process(
        self, envelope: Envelope, payload: Payload, received: datetime, senders: Senders
    ) -> tuple[Entry, Outcome]:
        message = Message(envelope=envelope, payload=payload, received=received, handled=self.desk.clock())
        try:
            outcome = process(message, _KnownHere(self.desk.ledger, self.register), self.settings, senders)
            serialized = self.rows.serialize(row(outcome, self.cipher))
        except (Broken, RuntimeError):
            raise
        except (ValueError, TypeError, KeyError, AttributeError, LookupError, ArithmeticError) as crash:
            raise Broken("process", type(crash).__name__) from crash
        entry = Entry(
            melding_id=envelope.melding_id,
            receipt=outcome.receipt,
            answer_type=outcome.answer_type,
            row=serialized,
            orgnr=_orgnr(outcome),
        )
        return entry, outcome

    def _finish(self, envelope: Envelope, payload: Payload, entry: Entry, repeated: bool, answer: bool) -> Receipt:
        """Row before receipt, receipt before answer: a receipt never claims what is not stored."""
        receipt = entry.receipt
        if receipt.missing_predecessor and entry.orgnr:
            self.desk.ledger.create(_gap_mark(entry.orgnr, receipt.missing_predecessor), b"")
        kept = f"kvittering/{receipt.kvitterings_id}/{receipt.svar_til}.json"
        if not self.desk.ledger.exists(kept):
            self.register.append(entry.row)
            self.desk.ledger.create(kept, msgspec.json.encode(receipt))
        if repeated:
            receipt = msgspec.structs.replace(
                receipt,
                svar_til=envelope.melding_id,
                klient_melding_id=envelope.klient_melding_id,
                korrelasjons_id=envelope.klient_korrelasjons_id,
                duplicate=True,
            )
        log(
            "behandlet",
            traceparent=envelope.traceparent,
            melding_id=envelope.melding_id,
            innsending_id=receipt.innsending_id,
            kvitterings_id=receipt.kvitterings_id,
            utfall=receipt.verdict.value,
            verste=receipt.worst.name,
            feil=receipt.fault,
            duplikat=receipt.duplicate,
            mangler_forrige=bool(receipt.missing_predecessor),
        )
        if entry.answer_type is None or not answer:  # an answer is never answered
            self.desk.close(envelope)
        else:
            profile = answer_profile(envelope.type)
            self.desk.answer(
                envelope,
                entry.answer_type,
                render(receipt, profile, _ssb_ids()),
                answer_id(receipt.kvitterings_id, receipt.svar_til),
                file_name=file_name(receipt, profile),
                sealed=payload.sealed,
            )
        return receipt

    # --- after intake --------------------------------------------------------------------------------------------

    def deliver(self, delivery: Delivery) -> None:
        """An answer has reached the topic: hand it on where that is ours to do, mark it as sent, and close the message
        it answers. Raises Retry when it could not be handed on."""
        attributes = delivery.attributes
        receiver, answered = attributes.get("mottaker-id", ""), attributes.get("svar-til", "")
        sent = f"sendt/{receiver}/{answered}"
        # "Received" is not the answer: the message stays open until that has been sent too.
        received = attributes.get("type", "").endswith(".mottatt")
        sent += "-mottatt" if received else ""
        if self.outbound and self.outbound.handles(receiver) and not self.desk.ledger.exists(sent):
            self.outbound.send(attributes, self._data(delivery))
        self.desk.ledger.create(sent, attributes.get("melding-id", "").encode())
        if not received:
            self.desk.ledger.delete(f"apne/{receiver}/{answered}")

    def _data(self, delivery: Delivery) -> bytes:
        """The bytes of an answer: inline, or in the ledger when they were too many."""
        reference = delivery.attributes.get("dataref", "")
        prefix = f"gs://{self.desk.ledger.name}/"
        if not reference.startswith(prefix):
            return delivery.body
        stored = self.desk.ledger.read(reference.removeprefix(prefix))
        if stored is None:
            raise Retry("an answer's bytes are not in the ledger")
        return stored.data


class _KnownHere:
    """What the ledger and the register know: the pipeline's view of the world."""

    def __init__(self, ledger: Objects, register: Register) -> None:
        self._ledger = ledger
        self._register = register

    def first_content(self, orgnr: str, innsending_id: str, digest: str) -> str:
        name = f"innsending/{orgnr}/{innsending_id}"
        if self._ledger.create(name, digest.encode()):
            return digest
        stored = self._ledger.read(name)
        return stored.data.decode() if stored else digest

    def has(self, orgnr: str, innsending_id: str) -> bool | None:
        return self._ledger.exists(f"innsending/{orgnr}/{innsending_id}")

    def awaited(self, orgnr: str, innsending_id: str) -> bool:
        return self._ledger.exists(_gap_mark(orgnr, innsending_id))

    def elements(self, orgnr: str, sak_id: str) -> frozenset[tuple[str, str]] | None:
        return self._register.elements(orgnr, sak_id)

    def erased(self, orgnr: str, sak_id: str, extract: datetime) -> Erased | None:
        return orders.erased(self._ledger, orgnr, sak_id, extract)


def _gap_mark(orgnr: str, innsending_id: str) -> str:
    return f"mangler/{orgnr}/{innsending_id.lower()}"


def _ledger_name(envelope: Envelope, payload: Payload) -> str:
    """One content of one sender, announced one way in one profile: the same content corrected is another entry."""
    announced = hashlib.sha256(payload.announced.encode()).hexdigest()[:8]
    faults = "-".join(sorted({fault.kind for fault in payload.faults}))
    profile = answer_profile(envelope.type)
    return (
        f"protokoll/{envelope.avsender_id}/{payload.digest}-{announced}-{profile}{'-' + faults if faults else ''}.json"
    )


def _orgnr(outcome: Outcome) -> str | None:
    return outcome.document.avgiver.organisasjonsnummer if outcome.document else None


def _ssb_ids() -> dict[str, str]:
    return {rule.id: rule.ssb for rule in RULES.values()}
