"""The flow of a notification: archived, told as received, collapsed to the newest of its reference, fetched, processed.

The case that is fetched takes the way of every other: archived, recorded, stored. Its receipt answers the notification,
with whether the duty to report is met for that event. A pull that fails is tried again, by Pub/Sub with growing pauses
and then by the sweeper; nothing is lost while a municipality is away, and nobody waits for another.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import NAMESPACE_URL, uuid5

import msgspec

from bvr.decode import Limits
from bvr.desk import Desk, Taken
from bvr.errors import Broken, Retry
from bvr.faults import Fault
from bvr.hendelse.event import Event, read
from bvr.hendelse.pull import Gone, Pulled, Unchanged
from bvr.hendelse.rows import Henting
from bvr.intake.envelope import Delivery, Envelope, read_envelope
from bvr.intake.payload import Opens, open_payload, unseal
from bvr.intake.protocol import INVALID, SUBMIT
from bvr.intake.sender import Denied, Senders
from bvr.log import log
from bvr.model.concepts import Barnevern
from bvr.pipeline import AHEAD, day_in_norway, decode_payload, refuse
from bvr.receipt import NAMESPACE, Receipt, answer_id, render
from bvr.register.proto import RowWriter
from bvr.verdict import Verdict

_MOST = 256 * 1024  # bytes of a notification
MET, NOT_MET, NOT_FOUND = "OPPFYLT", "IKKE_OPPFYLT", "IKKE_FUNNET"


class Submissions(Protocol):
    """The flow of a case. Without an answer it raises Broken where our own code fails."""

    def receive(self, delivery: Delivery, *, answer: bool = True) -> Receipt | None: ...


class Pulls(Protocol):
    """Fetches a case. Raises Retry for all that may pass."""

    def pull(
        self, base: str, reference: str, known: str | None = None, *, whose: str = ""
    ) -> Pulled | Gone | Unchanged: ...


class Table(Protocol):
    """The table drift.henting."""

    def append(self, serialized_row: bytes) -> None: ...


class SenderSource(Protocol):
    """Who may send, as far as is known now."""

    def current(self, account: str | None = None) -> Senders: ...


class Done(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a reference at an extract: kept once, told to every event that it covers.

    A case that was stored covers every event up to its extract. That none was covers what had come by then, no more:
    the municipality may mend it, and tell again.
    """

    duty: str
    handled: datetime
    pulled_as: str | None = None
    sha256: str | None = None
    receipt: Receipt | None = None


class EventService(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a notification needs on its way through."""

    desk: Desk
    submissions: Submissions
    pulls: Pulls
    senders: SenderSource
    table: Table
    rows: RowWriter
    limits: Limits
    ssb_ids: dict[str, str] = {}
    opener: Opens | None = None
    require_sealed: bool = False

    def receive(self, delivery: Delivery) -> str | None:
        """Take one notification as far as it goes now; whether the duty is met. Raises Retry to be given it again."""
        taken = self.desk.take(delivery, _MOST)
        try:
            return self._handle(taken)
        except Broken as broken:
            self.desk.broken(taken, broken)
            return None

    def _handle(self, taken: Taken) -> str | None:
        envelope = taken.envelope
        event, sealed, signer, faults = self._open(taken)
        day = day_in_norway(taken.received)
        senders = self.senders.current(envelope.avsender_id)
        denied = senders.check_message(envelope, signer, day)
        if denied is None and event is not None:
            who = event.avgiver
            denied = senders.check_reporter(
                envelope, signer, who.organisasjonsnummer, who.kommunenummer, who.bydelsnummer, day
            )
        if denied:
            return self._refuse(taken, (denied.fault,), sealed, denied)
        if event is None:
            return self._refuse(taken, faults, sealed)
        right = senders.right(envelope.avsender_id, event.avgiver.organisasjonsnummer, day)
        if right is None or right.api_url is None:
            return self._refuse(taken, (_NO_API,), sealed)
        # A clock that is ahead would make its event the newest of the reference, and every later one needless.
        if event.extract > taken.received + AHEAD:
            return self._refuse(taken, (_AHEAD,), sealed)
        if not self._first(event):
            return self._refuse(taken, (_REUSED,), sealed)
        done: Done | Fault | None = self._done(taken, event)
        if done is None:
            self._note(envelope, event)
            self._only_newest(event)
            done = self._fetch(taken, event, right.api_url)
        self.desk.ledger.delete(_note_name(event))  # no other event waits for it any more
        if isinstance(done, Fault):
            return self._refuse(taken, (done,), sealed)
        self._tell(taken, event, done, sealed)
        return done.duty

    def _open(self, taken: Taken) -> tuple[Event | None, bool, Any, tuple[Fault, ...]]:
        if taken.faults:
            return None, False, None, taken.faults
        opened, fault = unseal(
            taken.body, taken.envelope, taken.received, self.opener, require_sealed=self.require_sealed
        )
        if fault is not None:
            return None, False, None, (fault,)
        body = opened.files[opened.root] if opened else taken.body
        event = read(body, taken.envelope.type)
        signer = opened.signer if opened else None
        if isinstance(event, Event):
            return event, opened is not None, signer, ()
        return None, opened is not None, signer, event

    # --- one pull for each reference -----------------------------------------------------------------------------

    def _first(self, event: Event) -> bool:
        """Whether an event's id means this event, and has meant no other."""
        name = f"hendelse/{event.avgiver.organisasjonsnummer}/{event.id}"
        content = f"{event.type} {event.referanse} {_stamp(event.extract)}".encode()
        if self.desk.ledger.create(name, content):
            return True
        stored = self.desk.ledger.read(name)
        return stored is not None and stored.data == content

    def _note(self, envelope: Envelope, event: Event) -> None:
        """The event stands in the ledger until it is done, and its sender is told that it is safe."""
        name = _note_name(event)
        if self.desk.ledger.exists(name):
            return
        our_id = str(uuid5(NAMESPACE, f"{event.id}|mottatt|{envelope.melding_id}"))
        self.desk.answer(envelope, f"{event.type}.mottatt", b"", our_id)
        self.desk.ledger.create(name, b"")

    def _done(self, taken: Taken, event: Event) -> Done | None:
        """What is known already of this extract, or of a later one."""
        stamp = _stamp(event.extract)
        stored = [name for name in self._names(event, "hentet") if name >= stamp]
        if stored:
            return self._read(event, "hentet", min(stored))
        for name in self._names(event, "forsok"):
            done = self._read(event, "forsok", name) if name >= stamp else None
            if done is not None and taken.received <= done.handled:
                return done
        return None

    def _only_newest(self, event: Event) -> None:
        """Raises Retry for an event that a newer one of the same reference makes needless: that fetches for both."""
        if max(self._names(event, "hendelse"), default="") > f"{_stamp(event.extract)}-{event.id}":
            raise Retry("a newer event of the same reference is under way")

    def _fetch(self, taken: Taken, event: Event, base: str) -> Done | Fault:
        whose = event.avgiver.organisasjonsnummer
        found = self.pulls.pull(base, event.referanse, self._latest(event), whose=whose)
        if isinstance(found, Unchanged):
            raise Retry(_OLDER)
        if isinstance(found, Gone):
            return self._keep(taken, event, event.extract, Done(duty=NOT_FOUND, handled=self.desk.clock()))
        envelope = taken.envelope
        pulled_as = str(uuid5(NAMESPACE_URL, f"{envelope.avsender_id}|{event.referanse}|{found.sha256}"))
        attributes = {
            "melding-id": pulled_as,
            "avsender-id": envelope.avsender_id,
            "type": SUBMIT,
            **({"xsd-versjon": found.version} if found.version else {}),
            **({"traceparent": envelope.traceparent} if envelope.traceparent else {}),
        }
        extract = event.extract
        # A case that cannot be read is not looked at here: its receipt says so.
        if (document := self._document(found, attributes)) is not None:
            if fault := self._another(event, document):
                return fault
            extract = document.dato_uttrekk.astimezone(UTC)
            # Older than its event is not new enough for it; for the events before it, it may be.
            if extract < event.extract and not self._awaited(event, extract):
                raise Retry(_OLDER)
        delivery = Delivery(
            body=found.body,
            attributes=attributes,
            pubsub_id=f"henting:{pulled_as}",
            published=self.desk.clock(),
            proven=True,
        )
        receipt = self.submissions.receive(delivery, answer=False)
        assert receipt is not None  # the type of message is ours
        if receipt.fault == "slettet":
            self.desk.ledger.delete(f"{_place(event)}/sak")  # the case was erased, and so is what led to it
        duty = MET if receipt.verdict is not Verdict.REJECTED else NOT_MET
        done = Done(duty=duty, handled=self.desk.clock(), pulled_as=pulled_as, sha256=found.sha256, receipt=receipt)
        if extract < event.extract:
            if duty == MET:
                self._keep(taken, event, extract, done)
            raise Retry(_OLDER)
        return self._keep(taken, event, extract, done)

    def _document(self, found: Pulled, attributes: dict[str, str]) -> Barnevern | None:
        envelope = read_envelope(attributes)
        if not isinstance(envelope, Envelope):
            return None
        payload = open_payload(found.body, envelope, self.desk.clock())
        return None if payload.faults else decode_payload(payload, self.limits).document

    def _another(self, event: Event, document: Barnevern) -> Fault | None:
        """A reference that is the case's own id is a fault. Raises Retry for a case that is not the reference's."""
        if _bare(event.referanse) in (_bare(document.sak.id), _bare(document.id)):
            return _OWN_ID
        orgnr = event.avgiver.organisasjonsnummer
        if document.avgiver.organisasjonsnummer != orgnr or not self._bound(event, document.sak.id.lower()):
            # Nothing of it is stored: it may be anybody's. Somebody has to look at that API.
            log("henting ga en annen sak", severity="ALERT", hendelse_id=event.id, orgnr=orgnr)
            raise Retry("the municipality's API answers with another case")
        return None

    def _bound(self, event: Event, case: str) -> bool:
        """Whether a reference still means the case that it meant when it was first fetched."""
        name = f"{_place(event)}/sak"
        if self.desk.ledger.create(name, case.encode()):
            return True
        stored = self.desk.ledger.read(name)
        return stored is not None and stored.data.decode() == case

    def _awaited(self, event: Event, extract: datetime) -> bool:
        """Whether an event of the reference is met by an extract, that no case has met yet."""
        kept = max(self._names(event, "hentet"), default="")
        noted = (name.partition("-")[0] for name in self._names(event, "hendelse"))
        return any(kept < stamp <= _stamp(extract) for stamp in noted)

    # --- what is kept of a reference -----------------------------------------------------------------------------

    def _names(self, event: Event, kind: str) -> list[str]:
        prefix = f"{_place(event)}/{kind}/"
        return [one.name.removeprefix(prefix) for one in self.desk.ledger.listed(prefix)]

    def _read(self, event: Event, kind: str, name: str) -> Done | None:
        stored = self.desk.ledger.read(f"{_place(event)}/{kind}/{name}")
        return msgspec.json.decode(stored.data, type=Done) if stored else None

    def _latest(self, event: Event) -> str | None:
        """The hash of the latest case that was stored."""
        newest = max(self._names(event, "hentet"), default=None)
        done = self._read(event, "hentet", newest) if newest else None
        return done.sha256 if done else None

    def _keep(self, taken: Taken, event: Event, extract: datetime, done: Done) -> Done:
        """Keep what became of it, or give what somebody kept before. An extract that was not stored proves nothing."""
        if done.duty == MET:
            kind, name = "hentet", _stamp(extract)
        else:
            kind, name = "forsok", f"{_stamp(event.extract)}-{taken.envelope.melding_id}"
        if self.desk.ledger.create(f"{_place(event)}/{kind}/{name}", msgspec.json.encode(done)):
            return done
        return self._read(event, kind, name) or done

    # --- answers -------------------------------------------------------------------------------------------------

    def _tell(self, taken: Taken, event: Event, done: Done, sealed: bool) -> None:
        """The entry that the duty is met, or not, and the answer to the notification."""
        envelope = taken.envelope
        # One entry for each try that met nothing, and one that it is met.
        attempt = "" if done.duty == MET else f"-{envelope.melding_id}"
        mark = f"plikt/{event.avgiver.organisasjonsnummer}/{event.id}{attempt}.json"
        if not self.desk.ledger.exists(mark):
            self.table.append(self.rows.serialize(self._row(taken, event, done)))
            self.desk.ledger.create(
                mark, json.dumps({"meldeplikt": done.duty, "melding": envelope.melding_id}).encode()
            )
        body: dict[str, Any] = {"hendelseId": event.id, "meldeplikt": done.duty}
        answer_type, name = f"{event.type}.kvittering", "kvittering.json"
        if done.receipt is not None:
            receipt = msgspec.structs.replace(
                done.receipt,
                svar_til=envelope.melding_id,
                klient_melding_id=envelope.klient_melding_id,
                korrelasjons_id=envelope.klient_korrelasjons_id,
            )
            body |= json.loads(render(receipt, "native", self.ssb_ids))
            if done.duty == NOT_MET:
                answer_type, name = INVALID, "feilmelding.json"
        else:
            body |= {
                "svarTilMeldingId": envelope.melding_id,
                "feilmelding": "Kommunens API har ikke saken. Er den slettet, send den en siste gang med ErSlettet.",
                "feilmeldingEn": "The municipality's API does not have the case. If deleted, send it with ErSlettet.",
            }
        our_id = str(uuid5(NAMESPACE, f"{event.id}|{envelope.melding_id}|{done.sha256 or done.duty}"))
        self.desk.answer(envelope, answer_type, msgspec.json.encode(body), our_id, file_name=name, sealed=sealed)
        log(
            "hendelse behandlet",
            traceparent=envelope.traceparent,
            melding_id=envelope.melding_id,
            hendelse_id=event.id,
            meldeplikt=done.duty,
        )

    def _row(self, taken: Taken, event: Event, done: Done) -> dict[str, Any]:
        row = Henting(
            hendelse_id=event.id,
            melding_id=taken.envelope.melding_id,
            avsender_id=taken.envelope.avsender_id,
            orgnr=event.avgiver.organisasjonsnummer,
            kommunenummer=event.avgiver.kommunenummer,
            type=event.type,
            dato_uttrekk=event.extract,
            mottatt=taken.received,
            behandlet=done.handled,
            meldeplikt=done.duty,
            hentet_melding_id=done.pulled_as,
            innhold_sha256=done.sha256,
            kvitterings_id=done.receipt.kvitterings_id if done.receipt else None,
        )
        given: dict[str, Any] = msgspec.to_builtins(row, builtin_types=(datetime,))
        return {name: value for name, value in given.items() if value is not None}

    def _refuse(
        self, taken: Taken, faults: tuple[Fault, ...], sealed: bool, denied: Denied | None = None
    ) -> str | None:
        envelope = taken.envelope
        outcome = refuse(envelope, hashlib.sha256(taken.body).hexdigest(), faults, taken.received, self.desk.clock())
        if denied is not None:
            self.desk.quarantine(taken, denied.reason)
        log("hendelse avvist", severity="WARNING", melding_id=envelope.melding_id, feil=faults[0].kind)
        receipt = outcome.receipt
        if outcome.answer_type is None:
            self.desk.close(envelope)
        else:
            self.desk.answer(
                envelope,
                outcome.answer_type,
                render(receipt, "native", {}),
                answer_id(receipt.kvitterings_id, receipt.svar_til),
                file_name="feilmelding.json",
                sealed=sealed,
            )
        return None


_OLDER = "the case is older than the event"
_NO_API = Fault(
    kind="hendelse",
    nb="Registeret vet ikke hvor kommunens API er, og kan ikke hente saken.",
    en="The register does not know where the municipality's API is, and cannot fetch the case.",
)
_AHEAD = Fault(
    kind="future",
    nb="Feltet datoUttrekk er mer enn ett døgn etter at hendelsen ble mottatt.",
    en="The field datoUttrekk is more than a day after the event was received.",
    path="/datoUttrekk",
)
_REUSED = Fault(
    kind="hendelse",
    nb="Feltet hendelseId er brukt før, på en annen hendelse. Hver hendelse skal ha sin egen id.",
    en="The field hendelseId has been used before, for another event. Every event needs an id of its own.",
    path="/hendelseId",
)
_OWN_ID = Fault(
    kind="hendelse",
    nb="Feltet referanse er sakens egen id. Den skal være tilfeldig og ikke stå noe annet sted.",
    en="The field referanse is the case's own id. It must be random and occur nowhere else.",
    path="/referanse",
)


def _place(event: Event) -> str:
    return f"hentinger/{event.avgiver.organisasjonsnummer}/{event.referanse}"


def _note_name(event: Event) -> str:
    return f"{_place(event)}/hendelse/{_stamp(event.extract)}-{event.id}"


def _bare(name: str) -> str:
    return name.replace("-", "").lower()


def _stamp(moment: datetime) -> str:
    """A moment as a name that sorts by time."""
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
