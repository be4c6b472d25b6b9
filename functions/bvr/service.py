"""The thin shell around the pipeline: archive, open, look up, process, record, store, answer. In that order.

None lost: each step's output is durable before the step before it is acknowledged; the archive is the truth and
Pub/Sub only wakes us. None counted twice: every write has a name that follows from the message, and is made once.
One receipt in effect: its id follows from the content. (Reference sections 3.5 and 5.6.)
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import NAMESPACE_URL, uuid5

import msgspec

from bvr.errors import Broken
from bvr.faults import Fault
from bvr.findings import Severity
from bvr.intake.envelope import Delivery, Envelope, read_envelope
from bvr.intake.payload import Payload, open_payload
from bvr.intake.protocol import SERVER_FAULT, SSB_REPORT, answer_profile, is_answer
from bvr.log import log
from bvr.pipeline import Message, Outcome, Settings, process
from bvr.receipt import Receipt, answer_id, receipt_id, render
from bvr.register.proto import RowWriter
from bvr.register.rows import Cipher, row
from bvr.rules import RULES, RULESET
from bvr.verdict import Verdict

INLINE_LIMIT = 256 * 1024
"""Answers above this many bytes go to the bucket and are pointed to (reference section 3.6)."""
_UNKNOWN = "00000000-0000-0000-0000-000000000000"
_OBJECT = re.compile(r"gs://([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])/([^\x00-\x1f]{1,1024})")


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """An object as read: its bytes and what was written beside them."""

    data: bytes
    metadata: dict[str, str]
    generation: int = 0


class Objects(Protocol):
    """A bucket. Faults of the platform raise Retry."""

    name: str

    def create(self, name: str, data: bytes, metadata: dict[str, str] | None = None) -> bool:
        """Write once: False when the object is there already."""
        ...

    def read(self, name: str, generation: int | None = None) -> Stored | None: ...

    def size(self, name: str, generation: int | None = None) -> int | None:
        """Size in bytes, None when there is no such object."""
        ...

    def exists(self, name: str) -> bool: ...

    def copy_to(self, name: str, other: Objects, new_name: str) -> None: ...

    def delete(self, name: str) -> None: ...

    def older_than(self, prefix: str, moment: datetime) -> Iterator[str]:
        """Names below a prefix of objects created before the moment."""
        ...


class Register(Protocol):
    """The table register.innsending."""

    def append(self, serialized_row: bytes) -> None: ...

    def elements(self, orgnr: str, sak_id: str) -> frozenset[tuple[str, str]]: ...


class Topics(Protocol):
    """Publishing. Returns when the message is stored; faults of the platform raise Retry."""

    def publish(self, topic: str, data: bytes, attributes: dict[str, str], ordering_key: str = "") -> None: ...


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the ledger holds of one content: fixed by whoever came first, used by every repeat."""

    melding_id: str
    receipt: Receipt
    answer_type: str | None = None
    row: bytes
    orgnr: str | None = None


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a message needs on its way through. `clock` gives the time now, in UTC."""

    archive: Objects
    ledger: Objects
    inbox: Objects
    register: Register
    topics: Topics
    cipher: Cipher
    rows: RowWriter
    settings: Settings
    clock: Callable[[], datetime]
    account: str
    topic_in: str
    topic_out: str
    topic_dead: str
    sweep_after: timedelta = timedelta(minutes=15)

    # --- intake --------------------------------------------------------------------------------------------------

    def receive(self, delivery: Delivery) -> Receipt | None:
        """Take one message all the way to its answer. Raises Retry for faults of the platform, nothing for content."""
        envelope, faults = _envelope(delivery)
        body, claim_fault = self._body(delivery, envelope)
        received, name = self._archive(delivery, envelope, body, fetched=not claim_fault)
        self.ledger.create(_open_mark(envelope), name.encode())
        try:
            payload = _payload(body, envelope, (*faults, *claim_fault))
            entry, repeated = self._entry(envelope, payload, received)
            return self._finish(envelope, entry, repeated)
        except Broken as broken:
            return self._broken(delivery, envelope, body, received, broken)

    def _body(self, delivery: Delivery, envelope: Envelope) -> tuple[bytes, tuple[Fault, ...]]:
        """The inline body, or what the claim check points to; a fault when it cannot be had.

        What was fetched and archived once is never fetched again: the sender may have cleaned up since.
        """
        if envelope.dataref is None:
            return delivery.body, ()
        kept = self.archive.read(_raw_name(envelope))
        if kept is not None and kept.metadata.get("hentet") == envelope.dataref:
            return kept.data, ()
        match = _OBJECT.fullmatch(envelope.dataref)
        if match is None or match[1] != self.inbox.name:
            return delivery.body, (
                _claim("viser til et sted utenfor innboksen", "refers to a place outside the inbox"),
            )
        size = self.inbox.size(match[2], envelope.generation)
        if size is None:
            return delivery.body, (_claim("finnes ikke, eller er endret", "does not exist, or has changed"),)
        if size > self.settings.limits.bytes:
            # Too large to read: the original is kept all the same, copied without passing through here.
            self.inbox.copy_to(match[2], self.archive, f"{_raw_name(envelope)}-stor")
            return delivery.body, (
                Fault(
                    kind="size",
                    nb=f"Innholdet er på {size} byte; grensen er {self.settings.limits.bytes}.",
                    en=f"The payload is {size} bytes; the limit is {self.settings.limits.bytes}.",
                ),
            )
        stored = self.inbox.read(match[2], envelope.generation)
        if stored is None:
            return delivery.body, (_claim("finnes ikke, eller er endret", "does not exist, or has changed"),)
        digest = hashlib.sha256(stored.data).hexdigest()
        if (envelope.sha256 and envelope.sha256.lower() != digest) or envelope.size not in (None, len(stored.data)):
            return stored.data, (
                _claim("stemmer ikke med oppgitt størrelse eller SHA-256", "does not match the stated size or SHA-256"),
            )
        return stored.data, ()

    def _archive(self, delivery: Delivery, envelope: Envelope, body: bytes, fetched: bool) -> tuple[datetime, str]:
        """Keep the bytes before anything can fail on them. The time of receipt is fixed here, once."""
        name = _raw_name(envelope)
        now = self.clock()
        metadata = {"mottatt": now.isoformat(), "pubsub-id": delivery.pubsub_id}
        if fetched and envelope.dataref:
            metadata["hentet"] = envelope.dataref
        attributes = json.dumps(delivery.attributes)
        if len(attributes) < 6000:  # object metadata holds 8 KiB
            metadata["konvolutt"] = attributes
        else:
            self.archive.create(f"{name}.konvolutt.json", attributes.encode())
        if self.archive.create(name, body, metadata):
            return now, name
        stored = self.archive.read(name)
        if stored is not None and stored.data == body:
            return datetime.fromisoformat(stored.metadata["mottatt"]), name
        # The same melding-id with other content is not a redelivery: keep it too, and tell somebody.
        other = f"{name}-{hashlib.sha256(body).hexdigest()[:16]}"
        log("melding-id med nytt innhold", severity="ERROR", melding_id=envelope.melding_id)
        if self.archive.create(other, body, metadata):
            return now, other
        again = self.archive.read(other)
        return datetime.fromisoformat(again.metadata["mottatt"]) if again else now, other

    def _entry(self, envelope: Envelope, payload: Payload, received: datetime) -> tuple[Entry, bool]:
        """What became of this content, and whether an earlier message decided it."""
        name = _ledger_name(envelope, payload)
        stored = self.ledger.read(name)
        if stored is None:
            entry = self._process(envelope, payload, received)
            if self.ledger.create(name, msgspec.json.encode(entry)):
                return entry, False
            stored = self.ledger.read(name)  # somebody was first: theirs is the truth
            assert stored is not None
        entry = msgspec.json.decode(stored.data, type=Entry)
        return entry, entry.melding_id != envelope.melding_id

    def _process(self, envelope: Envelope, payload: Payload, received: datetime) -> Entry:
        message = Message(envelope=envelope, payload=payload, received=received, handled=self.clock())
        try:
            outcome = process(message, _KnownHere(self.ledger, self.register), self.settings)
            serialized = self.rows.serialize(row(outcome, self.cipher))
        except (Broken, RuntimeError):
            raise
        except (ValueError, TypeError, KeyError, AttributeError, LookupError, ArithmeticError) as crash:
            raise Broken("process", type(crash).__name__) from crash
        return Entry(
            melding_id=envelope.melding_id,
            receipt=outcome.receipt,
            answer_type=outcome.answer_type,
            row=serialized,
            orgnr=_orgnr(outcome),
        )

    def _finish(self, envelope: Envelope, entry: Entry, repeated: bool) -> Receipt:
        """Row before receipt, receipt before answer: a receipt never claims what is not stored."""
        receipt = entry.receipt
        if receipt.missing_predecessor and entry.orgnr:
            self.ledger.create(_gap_mark(entry.orgnr, receipt.missing_predecessor), b"")
        kept = f"kvittering/{receipt.kvitterings_id}/{receipt.svar_til}.json"
        if not self.ledger.exists(kept):
            self.register.append(entry.row)
            self.ledger.create(kept, msgspec.json.encode(receipt))
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
        if entry.answer_type is None:  # an answer is never answered
            self.ledger.delete(_open_mark(envelope))
        else:
            self._answer(envelope, receipt, entry.answer_type)
        return receipt

    def _answer(self, envelope: Envelope, receipt: Receipt, answer_type: str) -> None:
        data = render(receipt, answer_profile(envelope.type), _ssb_ids())
        our_id = answer_id(receipt.kvitterings_id, receipt.svar_til)
        attributes = {
            "type": answer_type,
            "melding-id": our_id,
            "klient-melding-id": our_id,
            "svar-til": receipt.svar_til,
            "avsender-id": self.account,
            "mottaker-id": envelope.avsender_id,
            "content-type": "application/json",
        }
        if envelope.klient_korrelasjons_id:
            attributes["klient-korrelasjons-id"] = envelope.klient_korrelasjons_id
        if envelope.traceparent:
            attributes["traceparent"] = envelope.traceparent
        if len(data) > INLINE_LIMIT:
            name = f"svar/{our_id}.json"
            self.ledger.create(name, data)
            attributes |= {
                "dataref": f"gs://{self.ledger.name}/{name}",
                "sha256": hashlib.sha256(data).hexdigest(),
                "size": str(len(data)),
            }
            data = b""
        self.topics.publish(self.topic_out, data, attributes, ordering_key=envelope.avsender_id)

    def _broken(
        self, delivery: Delivery, envelope: Envelope, body: bytes, received: datetime, broken: Broken
    ) -> Receipt | None:
        """Our own fault: untouched bytes to the dead letter, an alarm, and word to the sender. Replayed when mended."""
        log("feil hos oss", severity="CRITICAL", melding_id=envelope.melding_id, steg=broken.step)
        self.ledger.create(f"brutt/{envelope.avsender_id}/{envelope.melding_id}", broken.step.encode())
        self.topics.publish(self.topic_dead, delivery.body, {**delivery.attributes, "feil-steg": broken.step[:200]})
        answer_type = SSB_REPORT if answer_profile(envelope.type) == "ssb" else SERVER_FAULT
        digest = hashlib.sha256(body).hexdigest()
        fault = Fault(
            kind="server",
            nb="Registeret klarte ikke å behandle innsendingen.",
            en="The register could not process the submission.",
        )
        receipt = Receipt(
            kvitterings_id=receipt_id(envelope.avsender_id, digest, SERVER_FAULT, RULESET),
            svar_til=envelope.melding_id,
            klient_melding_id=envelope.klient_melding_id,
            korrelasjons_id=envelope.klient_korrelasjons_id,
            mottatt=received,
            behandlet=received,
            verdict=Verdict.REJECTED,
            worst=Severity.FATAL,
            counts={Severity.FATAL: 1},
            findings=(fault.finding(),),
            ruleset=RULESET,
            digest=digest,
            fault="server",
        )
        if not is_answer(envelope.type):
            self._answer(envelope, receipt, answer_type)
        self.ledger.delete(_open_mark(envelope))
        return receipt

    # --- after intake --------------------------------------------------------------------------------------------

    def deliver(self, delivery: Delivery) -> None:
        """An answer has reached the topic: mark it as sent and close the message it answers."""
        receiver, answered = delivery.attributes.get("mottaker-id", ""), delivery.attributes.get("svar-til", "")
        self.ledger.create(f"sendt/{receiver}/{answered}", delivery.attributes.get("melding-id", "").encode())
        self.ledger.delete(f"apne/{receiver}/{answered}")

    def sweep(self) -> int:
        """Wake every message that has been open too long: publish it again from the archive. How many were woken."""
        woken = 0
        for mark in list(self.ledger.older_than("apne/", self.clock() - self.sweep_after)):
            opened = self.ledger.read(mark)
            if opened is None:
                continue
            name = opened.data.decode()
            stored = self.archive.read(name)
            if stored is None:
                log("åpen melding uten arkiv", severity="ERROR", merke=mark)
                continue
            attributes = stored.metadata.get("konvolutt")
            if attributes is None and (beside := self.archive.read(f"{name}.konvolutt.json")):
                attributes = beside.data.decode()
            envelope = json.loads(attributes or "{}")
            data = b"" if "dataref" in envelope else stored.data
            self.topics.publish(self.topic_in, data, envelope)
            woken += 1
        log("feid", antall=woken, severity="WARNING" if woken else "INFO")
        return woken


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


def _envelope(delivery: Delivery) -> tuple[Envelope, tuple[Fault, ...]]:
    """The envelope; where it cannot be read, one that can be archived and refused, with its faults."""
    envelope = read_envelope(delivery.attributes)
    if isinstance(envelope, Envelope):
        return envelope, ()

    def usable(name: str) -> str | None:
        one: Any = read_envelope(
            {"type": "?", "melding-id": _UNKNOWN, "avsender-id": _UNKNOWN, name: delivery.attributes.get(name, "")}
        )
        return getattr(one, name.replace("-", "_"), None) if isinstance(one, Envelope) else None

    made_up = str(uuid5(NAMESPACE_URL, f"pubsub:{delivery.pubsub_id}"))
    return (
        Envelope.model_validate(
            {
                "melding-id": usable("melding-id") or made_up,
                "avsender-id": usable("avsender-id") or _UNKNOWN,
                "type": usable("type") or "?",
            }
        ),
        envelope,
    )


def _payload(body: bytes, envelope: Envelope, faults: tuple[Fault, ...]) -> Payload:
    if faults:
        return Payload(digest=hashlib.sha256(body).hexdigest(), faults=faults)
    return open_payload(body, envelope)


def _claim(nb: str, en: str) -> Fault:
    return Fault(kind="claim", nb=f"Innholdet meldingen viser til, {nb}.", en=f"The payload referred to {en}.")


def _raw_name(envelope: Envelope) -> str:
    return f"raa/{envelope.avsender_id}/{envelope.melding_id}"


def _open_mark(envelope: Envelope) -> str:
    return f"apne/{envelope.avsender_id}/{envelope.melding_id}"


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
