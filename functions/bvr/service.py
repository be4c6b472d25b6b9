"""The flow of a case: archived, opened, processed, recorded, stored, answered. In that order.

Row before receipt, receipt before answer: a receipt never claims what is not stored. One receipt in effect: its id
follows from the content. (Reference sections 3.5 and 5.6.)
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from bvr import telemetry
from bvr.chain import Erased
from bvr.desk import REPLAY, Desk, Objects, Taken
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
from bvr.rules import RULES, RULESET
from bvr.verdict import Verdict

_REPLAYED = "-regelsett-"
"""What the entry, and the sent marker, of a replay are called after the first ones, before the ruleset."""


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


class Again(StrEnum):
    """What a replay made of a message: OPEN and REPEATED have no entry of their own, and BARRED may not enter now."""

    CHANGED = "endret"
    UNCHANGED = "uendret"
    SAME = "samme-regelsett"
    RESTORED = "gjenopprettet"
    OPEN = "apen"
    REPEATED = "gjentatt"
    ANOTHERS = "en-annens"
    BARRED = "stengt"
    GONE = "borte"


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
        telemetry.tell("bvr.melding_id", taken.envelope.melding_id)
        try:
            payload = self._open(taken)
            entry, repeated = self._entry(taken, payload)
            if isinstance(entry, Gone):
                return self._forget(taken, payload, entry, answer)
            return self._finish(taken, payload, entry, repeated, answer)
        except Broken as broken:
            if not answer:
                raise
            return self.desk.broken(taken, broken)

    @telemetry.step("pakk opp")
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
                name = _refused_name(name, senders)
                self.desk.quarantine(taken, outcome.denied.reason)
            if ledger.create(name, msgspec.json.encode(entry)):
                return entry, False
            stored = ledger.read(name)  # somebody was first: theirs is the truth
            assert stored is not None
        entry = self._in_effect(name, msgspec.json.decode(stored.data, type=Entry))
        # What is empty, or cannot be had, is one content whoever sends it.
        if entry.receipt.verdict is Verdict.REJECTED and self._itself(envelope):
            return Gone(receipt=entry.receipt), False
        return entry, entry.melding_id != envelope.melding_id

    def _in_effect(self, name: str, entry: Entry) -> Entry:
        """The entry that holds now: of the newest ruleset that the content was replayed through, else the first."""
        if entry.receipt.ruleset == RULESET:
            return entry
        return max(self._replays(name), key=lambda one: one.receipt.ruleset, default=entry)

    def _replays(self, name: str) -> list[Entry]:
        """The entries of a content's replays that came to their end, oldest ruleset first."""
        ledger = self.desk.ledger
        stored = [ledger.read(one) for one in sorted(found.name for found in ledger.listed(_replay_name(name, "")))]
        entries = [msgspec.json.decode(one.data, type=Entry) for one in stored if one]
        return [entry for entry in entries if ledger.exists(_receipt_name(entry.receipt))]

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
            self._answer(envelope, payload, receipt, gone.answer_type)
        self.desk.forget(taken)
        log("slettet sak kom igjen", severity="WARNING", melding_id=envelope.melding_id)
        return receipt

    def _process(
        self,
        envelope: Envelope,
        payload: Payload,
        received: datetime,
        senders: Senders,
        first: Receipt | None = None,
        handled: datetime | None = None,
    ) -> tuple[Entry, Outcome]:
        """`first` is the receipt of the same content when it came: where it stood among the others then, it stands."""
        message = Message(envelope=envelope, payload=payload, received=received, handled=handled or self.desk.clock())
        try:
            with telemetry.step("kontroller"):
                outcome = process(message, _KnownHere(self.desk.ledger, self.register, first), self.settings, senders)
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

    def _finish(self, taken: Taken, payload: Payload, entry: Entry, repeated: bool, answer: bool) -> Receipt:
        """Row before receipt, receipt before answer: a receipt never claims what is not stored."""
        envelope, receipt = taken.envelope, entry.receipt
        if receipt.missing_predecessor and entry.orgnr:
            self.desk.ledger.create(_gap_mark(entry.orgnr, receipt.missing_predecessor), b"")
        kept = _receipt_name(receipt)
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
        seconds = (self.desk.clock() - min(taken.received, taken.delivery.published)).total_seconds()
        telemetry.tell("bvr.innsending_id", receipt.innsending_id)
        telemetry.tell("bvr.kvitterings_id", receipt.kvitterings_id)
        telemetry.tell("bvr.utfall", receipt.verdict.value)
        telemetry.processed(receipt.verdict.value, receipt.worst.name, seconds)
        log(
            "behandlet",
            traceparent=envelope.traceparent,
            melding_id=envelope.melding_id,
            avsender_id=envelope.avsender_id,
            innsending_id=receipt.innsending_id,
            kvitterings_id=receipt.kvitterings_id,
            sekunder=round(seconds, 3),
            utfall=receipt.verdict.value,
            verste=receipt.worst.name,
            feil=receipt.fault,
            duplikat=receipt.duplicate,
            mangler_forrige=bool(receipt.missing_predecessor),
        )
        if entry.answer_type is None or not answer:  # an answer is never answered
            self.desk.close(envelope)
        else:
            self._answer(envelope, payload, receipt, entry.answer_type)
        return receipt

    def _answer(
        self, envelope: Envelope, payload: Payload, receipt: Receipt, answer_type: str, *, again: str = ""
    ) -> None:
        profile = answer_profile(envelope.type)
        self.desk.answer(
            envelope,
            answer_type,
            render(receipt, profile, _ssb_ids()),
            answer_id(receipt.kvitterings_id, receipt.svar_til),
            file_name=file_name(receipt, profile),
            sealed=payload.sealed,
            again=again,
        )

    # --- replay --------------------------------------------------------------------------------------------------

    def again(self, name: str, *, fetched: bool = False, only: Collection[str] | None = None) -> Again:
        """Take a message of the archive through the rules of today, beside what was made of it: a row and an entry of
        their own, and an answer when another outcome is to be told of. Doing it again changes nothing.

        `fetched` is a case that no message brought: nobody waits for an answer. With `only`, what is known to be of
        another reporter (organisation number) is left. Raises Retry for faults of the
        platform, and Broken for our own: then nothing was made.
        """
        found = self._kept(name)
        if found is None:
            return Again.GONE
        taken, payload, ledger_name, first = found
        if first is None:
            return Again.OPEN
        if first.melding_id != taken.envelope.melding_id:
            return Again.REPEATED
        if only is not None and first.orgnr is not None and first.orgnr not in only:
            return Again.ANOTHERS
        before = self._in_effect(ledger_name, first)
        if before.receipt.ruleset == RULESET:
            return Again.SAME
        envelope, ledger = taken.envelope, self.desk.ledger
        replay_name = _replay_name(ledger_name, RULESET)
        stored = ledger.read(replay_name)
        if stored is None:
            made, outcome = self._process(
                envelope, payload, taken.received, self.senders.current(envelope.avsender_id), first.receipt
            )
            if outcome.denied or outcome.erased:
                return Again.BARRED  # what was decided of it then stands
            # First: what is interrupted after this goes on with the same row and the same receipt.
            ledger.create(replay_name, msgspec.json.encode(made))
            stored = ledger.read(replay_name)
            assert stored is not None
        entry = msgspec.json.decode(stored.data, type=Entry)
        self.register.append(entry.row)
        differs = _told(entry.receipt) != _told(before.receipt)
        if differs and entry.answer_type and not fetched:
            self._answer(envelope, payload, entry.receipt, entry.answer_type, again=RULESET)
        # Last: with its receipt the replay is in effect.
        ledger.create(_receipt_name(entry.receipt), msgspec.json.encode(entry.receipt))
        log(
            "avspilt",
            melding_id=envelope.melding_id,
            innsending_id=entry.receipt.innsending_id,
            kvitterings_id=entry.receipt.kvitterings_id,
            utfall=entry.receipt.verdict.value,
            endret=differs,
        )
        return Again.CHANGED if differs else Again.UNCHANGED

    def restore(self, name: str) -> Again:
        """Give the register back what a message of the archive led to: the very rows that the ledger has; where it has
        none, what comes of the message now, as if it had been processed when it was received. Nobody is told."""
        found = self._kept(name)
        if found is None:
            return Again.GONE
        taken, payload, ledger_name, first = found
        envelope, ledger = taken.envelope, self.desk.ledger
        if first is not None and first.melding_id != envelope.melding_id:
            return Again.REPEATED
        entries = [first] if first else []
        if first is None:
            senders = self.senders.current(envelope.avsender_id)
            entry, outcome = self._process(envelope, payload, taken.received, senders, handled=taken.received)
            if outcome.erased or self._erased(envelope, payload, outcome):
                return Again.BARRED
            if outcome.denied:
                self.desk.quarantine(taken, outcome.denied.reason)
                ledger_name = _refused_name(ledger_name, senders)
            entries = [entry]
        else:
            entries += self._replays(ledger_name)
        for entry in entries:
            receipt = entry.receipt
            if receipt.missing_predecessor and entry.orgnr:
                ledger.create(_gap_mark(entry.orgnr, receipt.missing_predecessor), b"")
            self.register.append(entry.row)
            ledger.create(_receipt_name(receipt), msgspec.json.encode(receipt))
        ledger.create(ledger_name, msgspec.json.encode(entries[0]))
        return Again.RESTORED

    def _kept(self, name: str) -> tuple[Taken, Payload, str, Entry | None] | None:
        """An archived message, opened, with the name of its entry and what the ledger has there."""
        delivery = self.desk.kept(name)
        if delivery is None:
            return None
        taken = self.desk.take(delivery, self.settings.limits.bytes, mark=False)
        payload = self._open(taken)
        ledger_name = _ledger_name(taken.envelope, payload)
        stored = self.desk.ledger.read(ledger_name)
        first = msgspec.json.decode(stored.data, type=Entry) if stored else None
        return taken, payload, ledger_name, first

    def deliver(self, delivery: Delivery) -> None:
        """An answer has reached the topic."""
        Courier(desk=self.desk, outbound=self.outbound).deliver(delivery)


class Courier(msgspec.Struct, frozen=True, kw_only=True):
    """Takes answers on from the topic. It has no use of what identifiers are encrypted with, and is not given it."""

    desk: Desk
    outbound: Outbound | None = None

    def deliver(self, delivery: Delivery) -> None:
        """An answer has reached the topic: hand it on where that is ours to do, mark it as sent, and close the message
        it answers. Raises Retry when it could not be handed on."""
        attributes = delivery.attributes
        receiver, answered = attributes.get("mottaker-id", ""), attributes.get("svar-til", "")
        sent = f"sendt/{receiver}/{answered}"
        # "Received" is not the answer: the message stays open until that has been sent too.
        received = attributes.get("type", "").endswith(".mottatt")
        sent += "-mottatt" if received else ""
        sent += f"{_REPLAYED}{again}" if (again := attributes.get(REPLAY)) else ""
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

    def __init__(self, ledger: Objects, register: Register, first: Receipt | None = None) -> None:
        self._ledger = ledger
        self._register = register
        self._first = first

    def first_content(self, orgnr: str, innsending_id: str, digest: str) -> str:
        name = f"innsending/{orgnr}/{innsending_id}"
        if self._ledger.create(name, digest.encode()):
            return digest
        stored = self._ledger.read(name)
        return stored.data.decode() if stored else digest

    def has(self, orgnr: str, innsending_id: str) -> bool | None:
        if self._first is not None:
            return self._first.missing_predecessor is None  # as it was when it came
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


def _replay_name(name: str, ruleset: str) -> str:
    """Where the entry of a replay stands: beside the first, and all of them below that without a ruleset."""
    return name.removesuffix(".json") + _REPLAYED + (f"{ruleset}.json" if ruleset else "")


def _refused_name(name: str, senders: Senders) -> str:
    """Where it stands that a content was refused for its sender's sake, by this register of senders."""
    return f"{name.removesuffix('.json')}-avsender-{senders.version[:16]}.json"


def _receipt_name(receipt: Receipt) -> str:
    return f"kvittering/{receipt.kvitterings_id}/{receipt.svar_til}.json"


def _orgnr(outcome: Outcome) -> str | None:
    return outcome.document.avgiver.organisasjonsnummer if outcome.document else None


def _told(receipt: Receipt) -> tuple[object, ...]:
    """What of a receipt a sender acts on: another wording is not another outcome."""
    findings = sorted(
        (f.rule, f.severity.name, f.element or "", f.element_id or "", f.path or "") for f in receipt.findings
    )
    return receipt.verdict, receipt.worst, receipt.fault, findings


def _ssb_ids() -> dict[str, str]:
    return {rule.id: rule.ssb for rule in RULES.values()}
