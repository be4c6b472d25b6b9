"""The desk: what every way in does around its own work. Take in, keep, answer, close; or set aside what we broke on.

None lost: each step's output is durable before the step before it is acknowledged; the archive is the truth and
Pub/Sub only wakes us. None counted twice: every write has a name that follows from the message, and is made once.
(Reference sections 3.5, 3.6 and 5.6.)
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

from bvr import telemetry
from bvr.errors import Broken
from bvr.faults import Fault
from bvr.intake.envelope import Delivery, Envelope, read_envelope
from bvr.intake.protocol import SERVER_FAULT, SSB_REPORT, TYPES, answer_profile, is_answer
from bvr.log import log
from bvr.receipt import Receipt, answer_id, receipt_id, render
from bvr.rules import RULESET
from bvr.verdict import Verdict

INLINE_LIMIT = 256 * 1024
"""Answers above this many bytes go to the bucket and are pointed to (reference section 3.6)."""
DEAD_LETTER = "-dead-letter"
"""What the topic that takes a topic's dead letters is called after it (a test compares with the topology)."""
SEALED_TYPE = "application/pkcs7-mime"
BESIDE = ".konvolutt.json"
"""What the attributes of an archived message are called after it, where they are too many for its metadata."""
REPLAY = "avspilt-regelsett"
"""The attribute of an answer that a replay led to: the ruleset of the replay."""
REDACTED = "redigert"
"""Metadata of an archived file that a client was erased from: SHA-256 of the file as it came."""
_UNKNOWN = "00000000-0000-0000-0000-000000000000"
_OBJECT = re.compile(r"gs://([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])/([^\x00-\x1f]{1,1024})")


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """An object as read: its bytes and what was written beside them."""

    data: bytes
    metadata: dict[str, str]
    generation: int = 0


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """An object as listed: without its bytes."""

    name: str
    created: datetime
    metadata: dict[str, str] = {}


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

    def listed(self, prefix: str) -> Iterator[Listed]:
        """All below a prefix, by name."""
        ...


class Topics(Protocol):
    """Publishing. Returns when the message is stored; faults of the platform raise Retry."""

    def publish(self, topic: str, data: bytes, attributes: dict[str, str], ordering_key: str = "") -> None: ...


class Sealer(Protocol):
    """Seals an answer to its receiver."""

    def seal(self, receiver: str, file_name: str, data: bytes) -> bytes | None:
        """The container; None when we know no certificate of the receiver."""
        ...


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is safe: archived as `name` at `received`, its open mark set.

    `faults` are those of the envelope and of the claim check; with any, `body` is what could be had. `proven` is what
    it was when it first came: a message that is woken by the sweeper comes another way.
    """

    delivery: Delivery
    envelope: Envelope
    body: bytes
    received: datetime
    name: str
    proven: bool = False
    faults: tuple[Fault, ...] = ()


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """Where messages come in and answers go out. `clock` gives the time now, in UTC."""

    archive: Objects
    ledger: Objects
    inbox: Objects
    topics: Topics
    clock: Callable[[], datetime]
    account: str
    topic_in: str
    topic_events: str
    topic_out: str
    sealer: Sealer | None = None
    sweep_after: timedelta = timedelta(minutes=15)

    # --- in ------------------------------------------------------------------------------------------------------

    @telemetry.step("arkiver")
    def take(self, delivery: Delivery, limit: int, *, mark: bool = True) -> Taken:
        """Archive a delivery and mark it open: before anything can fail on its content.

        `limit` is the most bytes that are fetched for a claim check. Without `mark`, another message is open for it.
        """
        envelope, faults = envelope_of(delivery)
        body, claim_fault = self._body(delivery, envelope, limit)
        received, name, proven = self._archive(delivery, envelope, body, fetched=not claim_fault)
        if mark:
            self.ledger.create(open_mark(envelope), name.encode())
        return Taken(
            delivery=delivery,
            envelope=envelope,
            body=body,
            received=received,
            name=name,
            proven=proven,
            faults=(*faults, *claim_fault),
        )

    def _body(self, delivery: Delivery, envelope: Envelope, limit: int) -> tuple[bytes, tuple[Fault, ...]]:
        """The inline body, or what the claim check points to; a fault when it cannot be had.

        What was fetched and archived once is never fetched again: the sender may have cleaned up since. The connector
        archives before it points, so its claim checks are of this kind.
        """
        if envelope.dataref is None:
            return delivery.body, ()
        name = raw_name(envelope)
        kept = self.archive.read(name)
        if kept is not None and kept.metadata.get("hentet") != envelope.dataref and envelope.sha256:
            kept = self.archive.read(second_name(name, envelope.sha256))
        if kept is not None and kept.metadata.get("hentet") == envelope.dataref:
            return kept.data, ()
        if envelope.dataref == f"gs://{self.archive.name}/{too_large_name(name)}":
            return delivery.body, (_too_large(envelope.size, limit),)
        match = _OBJECT.fullmatch(envelope.dataref)
        if match is None or match[1] != self.inbox.name:
            return delivery.body, (
                _claim("viser til et sted utenfor innboksen", "refers to a place outside the inbox"),
            )
        size = self.inbox.size(match[2], envelope.generation)
        if size is None:
            return delivery.body, (_claim("finnes ikke, eller er endret", "does not exist, or has changed"),)
        if size > limit:
            # Too large to read: the original is kept all the same, copied without passing through here.
            self.inbox.copy_to(match[2], self.archive, too_large_name(name))
            return delivery.body, (_too_large(size, limit),)
        stored = self.inbox.read(match[2], envelope.generation)
        if stored is None:
            return delivery.body, (_claim("finnes ikke, eller er endret", "does not exist, or has changed"),)
        digest = hashlib.sha256(stored.data).hexdigest()
        if (envelope.sha256 and envelope.sha256.lower() != digest) or envelope.size not in (None, len(stored.data)):
            return stored.data, (
                _claim("stemmer ikke med oppgitt størrelse eller SHA-256", "does not match the stated size or SHA-256"),
            )
        return stored.data, ()

    def _archive(
        self, delivery: Delivery, envelope: Envelope, body: bytes, fetched: bool
    ) -> tuple[datetime, str, bool]:
        """Keep the bytes before anything can fail on them. The time of receipt and `proven` are fixed here, once."""
        name = raw_name(envelope)
        now = self.clock()
        metadata = {"mottatt": now.isoformat(), "pubsub-id": delivery.pubsub_id}
        if delivery.proven:
            metadata["avsender-vist"] = "ja"
        if fetched and envelope.dataref:
            metadata["hentet"] = envelope.dataref
        metadata = with_envelope(self.archive, name, delivery.attributes, metadata)
        if self.archive.create(name, body, metadata):
            return now, name, delivery.proven
        stored = self.archive.read(name)
        if stored is not None and (
            stored.data == body or stored.metadata.get(REDACTED) == hashlib.sha256(body).hexdigest()
        ):
            return _received(stored), name, delivery.proven or _proven(stored)
        # The same melding-id with other content is not a redelivery: keep it too, and tell somebody.
        other = second_name(name, hashlib.sha256(body).hexdigest())
        log("melding-id med nytt innhold", severity="ERROR", melding_id=envelope.melding_id)
        if self.archive.create(other, body, metadata):
            return now, other, delivery.proven
        again = self.archive.read(other)
        if again is None:
            return now, other, delivery.proven
        return _received(again), other, delivery.proven or _proven(again)

    # --- out -----------------------------------------------------------------------------------------------------

    @telemetry.step("svar")
    def answer(
        self,
        envelope: Envelope,
        answer_type: str,
        data: bytes,
        our_id: str,
        *,
        file_name: str = "",
        sealed: bool = False,
        again: str = "",
    ) -> None:
        """Publish the answer to a message, under an id of ours that follows from what it says.

        `sealed`: the question was, so the answer is, where we know a certificate to seal to; `file_name` is its name in
        the container. `again` is the ruleset of a replay, whose answer comes after one that was sent.
        """
        attributes = {
            "type": answer_type,
            "melding-id": our_id,
            "klient-melding-id": our_id,
            "svar-til": envelope.melding_id,
            "avsender-id": self.account,
            "mottaker-id": envelope.avsender_id,
            "content-type": "application/json",
        }
        if envelope.klient_korrelasjons_id:
            attributes["klient-korrelasjons-id"] = envelope.klient_korrelasjons_id
        if trace := telemetry.traceparent() or envelope.traceparent:
            attributes["traceparent"] = trace
        if again:
            attributes[REPLAY] = again
        if sealed and self.sealer and (container := self.sealer.seal(envelope.avsender_id, file_name, data)):
            data = container
            attributes["content-type"] = SEALED_TYPE
        if len(data) > INLINE_LIMIT:
            name = f"svar/{our_id}.json"
            if not self.ledger.create(name, data):
                stored = self.ledger.read(name)  # a sealed answer is new bytes each time: the first one stands
                data = stored.data if stored else data
            attributes |= {
                "dataref": f"gs://{self.ledger.name}/{name}",
                "sha256": hashlib.sha256(data).hexdigest(),
                "size": str(len(data)),
            }
            data = b""
        self.topics.publish(self.topic_out, data, attributes, ordering_key=envelope.avsender_id)

    def close(self, envelope: Envelope) -> None:
        """Nothing more is to be done or answered for a message."""
        self.ledger.delete(open_mark(envelope))

    def forget(self, taken: Taken) -> None:
        """Keep nothing of a message of what was erased."""
        self.archive.delete(taken.name)
        self.archive.delete(f"{taken.name}{BESIDE}")
        self.archive.delete(too_large_name(raw_name(taken.envelope)))
        self.close(taken.envelope)

    def quarantine(self, taken: Taken, reason: str) -> None:
        """A message from somebody who may not send it: marked, and an alarm. The bytes lie in the archive."""
        envelope = taken.envelope
        mark = f"karantene/{envelope.avsender_id}/{envelope.melding_id}"
        told = {"objekt": taken.name, "mottatt": taken.received.isoformat(), "grunn": reason}
        self.ledger.create(mark, json.dumps(told).encode())
        log(
            "melding i karantene",
            severity="ALERT",
            traceparent=envelope.traceparent,
            melding_id=envelope.melding_id,
            avsender_id=envelope.avsender_id,
            grunn=reason,
        )

    def broken(self, taken: Taken, broken: Broken) -> Receipt:
        """Our own fault: untouched bytes to the dead letter, an alarm, and word to the sender. Replayed when mended."""
        envelope, delivery = taken.envelope, taken.delivery
        log("feil hos oss", severity="CRITICAL", melding_id=envelope.melding_id, steg=broken.step)
        self.ledger.create(f"brutt/{envelope.avsender_id}/{envelope.melding_id}", broken.step.encode())
        dead = f"{self._topic_of(envelope.type)}{DEAD_LETTER}"
        self.topics.publish(dead, delivery.body, {**delivery.attributes, "feil-steg": broken.step[:200]})
        profile = answer_profile(envelope.type)
        digest = hashlib.sha256(taken.body).hexdigest()
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
            mottatt=taken.received,
            behandlet=taken.received,
            verdict=Verdict.REJECTED,
            worst=fault.finding().severity,
            counts={fault.finding().severity: 1},
            findings=(fault.finding(),),
            ruleset=RULESET,
            digest=digest,
            fault="server",
        )
        if not is_answer(envelope.type):
            self.answer(
                envelope,
                SSB_REPORT if profile == "ssb" else SERVER_FAULT,
                render(receipt, profile, {}),
                answer_id(receipt.kvitterings_id, receipt.svar_til),
            )
        self.close(envelope)
        return receipt

    # --- after intake --------------------------------------------------------------------------------------------

    def sweep(self) -> int:
        """Wake every message that has been open too long: publish it again from the archive. How many were woken."""
        now, woken = self.clock(), 0
        marks = list(self.ledger.listed("apne/"))
        for mark in marks:
            opened = self.ledger.read(mark.name) if mark.created < now - self.sweep_after else None
            if opened is None:
                continue
            kept = self.kept(opened.data.decode())
            if kept is None:
                log("åpen melding uten arkiv", severity="ERROR", merke=mark.name)
                continue
            self.topics.publish(self._topic_of(kept.attributes.get("type", "")), kept.body, kept.attributes)
            woken += 1
        oldest = max((now - mark.created for mark in marks), default=timedelta(0))
        log(
            "feid",
            antall=woken,
            apne=len(marks),
            eldste_minutter=round(oldest.total_seconds() / 60, 1),
            severity="WARNING" if woken else "INFO",
        )
        return woken

    def kept(self, name: str) -> Delivery | None:
        """An archived message as it came; None when there is none."""
        stored = self.archive.read(name)
        if stored is None:
            return None
        attributes = kept_attributes(self.archive, name, stored)
        received = _received(stored)
        return Delivery(
            body=b"" if "dataref" in attributes else stored.data,
            attributes=attributes,
            pubsub_id=stored.metadata.get("pubsub-id", ""),
            published=received,
            proven=_proven(stored),
        )

    def _topic_of(self, message_type: str) -> str:
        known = TYPES.get(message_type)
        return self.topic_events if known and known.flow == "hendelse" else self.topic_in


def _received(stored: Stored) -> datetime:
    return datetime.fromisoformat(stored.metadata["mottatt"])


def _proven(stored: Stored) -> bool:
    return stored.metadata.get("avsender-vist") == "ja"


def raw_name(envelope: Envelope) -> str:
    return f"raa/{envelope.avsender_id}/{envelope.melding_id}"


def second_name(name: str, sha256: str) -> str:
    """Of another content under the name that one has already."""
    return f"{name}-{sha256[:16].lower()}"


def too_large_name(name: str) -> str:
    """Of what is kept, but too large to be read."""
    return f"{name}-stor"


def with_envelope(archive: Objects, name: str, attributes: dict[str, str], metadata: dict[str, str]) -> dict[str, str]:
    """The metadata of an archived message with its attributes; beside it where they are too many for that."""
    konvolutt = json.dumps(attributes)
    if len(konvolutt) < 6000:  # object metadata holds 8 KiB
        return {**metadata, "konvolutt": konvolutt}
    archive.create(f"{name}{BESIDE}", konvolutt.encode())
    return metadata


def kept_attributes(archive: Objects, name: str, stored: Stored) -> dict[str, str]:
    """The attributes that were archived with a message."""
    konvolutt = stored.metadata.get("konvolutt")
    if konvolutt is None and (beside := archive.read(f"{name}{BESIDE}")):
        konvolutt = beside.data.decode()
    found: dict[str, str] = json.loads(konvolutt or "{}")
    return found


def open_mark(envelope: Envelope) -> str:
    return f"apne/{envelope.avsender_id}/{envelope.melding_id}"


def _claim(nb: str, en: str) -> Fault:
    return Fault(kind="claim", nb=f"Innholdet meldingen viser til, {nb}.", en=f"The payload referred to {en}.")


def _too_large(size: int | None, limit: int) -> Fault:
    return Fault(
        kind="size",
        nb=f"Innholdet er på {size or 'for mange'} byte; grensen er {limit}.",
        en=f"The payload is {size or 'too many'} bytes; the limit is {limit}.",
    )


def envelope_of(delivery: Delivery) -> tuple[Envelope, tuple[Fault, ...]]:
    """The envelope; where it cannot be read, one that can be archived and refused, with its faults.

    An id that is made up follows from the content where the message tells it, so that a repeat has the same.
    """
    envelope = read_envelope(delivery.attributes)
    if isinstance(envelope, Envelope):
        return envelope, ()

    def usable(name: str) -> str | None:
        one: Any = read_envelope(
            {"type": "?", "melding-id": _UNKNOWN, "avsender-id": _UNKNOWN, name: delivery.attributes.get(name, "")}
        )
        return getattr(one, name.replace("-", "_"), None) if isinstance(one, Envelope) else None

    sha256 = usable("sha256")
    made_up = str(uuid5(NAMESPACE_URL, f"sha256:{sha256}" if sha256 else f"pubsub:{delivery.pubsub_id}"))
    found = {
        "melding-id": usable("melding-id") or made_up,
        "avsender-id": usable("avsender-id") or _UNKNOWN,
        "type": usable("type") or "?",
        "dataref": usable("dataref"),
        "sha256": sha256,
    }
    return Envelope.model_validate(found), envelope
