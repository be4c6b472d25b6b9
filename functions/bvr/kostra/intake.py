"""The flow of a KOSTRA file: by message, or uploaded to a bucket. Archived, checked, stored, answered.

Two passes over the bytes: one to check, since a single FEIL on one client stops the whole file, and one to store. Rows
may be written twice; the row of the file comes last and views keep one of each, so that half a file never counts.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Protocol
from uuid import NAMESPACE_URL, uuid5

import msgspec

from bvr.desk import REDACTED, Desk, Objects, Taken
from bvr.errors import Broken
from bvr.faults import Fault
from bvr.findings import Severity
from bvr.intake.envelope import Delivery, Envelope
from bvr.intake.payload import Opens, unseal
from bvr.intake.protocol import KOSTRA_RECEIPT, KOSTRA_SUBMIT, is_answer
from bvr.intake.sender import Denied, Right, Senders
from bvr.kostra.check import Checked, check_file, sender_of
from bvr.kostra.decode import DEFAULT_LIMITS, Client, Limits, read
from bvr.kostra.form import Form
from bvr.kostra.report import FILE_NAME, About, render_page, render_receipt, render_table
from bvr.kostra.rows import Cipher, KostraFil, client_row, file_row
from bvr.kostra.rules import KostraOptions, ruleset
from bvr.log import log
from bvr.pipeline import day_in_norway, refuse
from bvr.receipt import answer_id, file_name, receipt_id, render
from bvr.register.proto import RowWriter
from bvr.service import Again
from bvr.verdict import Verdict

_OBJECT = re.compile(r"(?P<kommune>[0-9]{4}(?:[0-9]{2})?)/(?P<aar>[0-9]{4})/[^/]{1,200}\.xml")
PLACE = "plassering"
"""The attribute that says where a file was put, `<kommunenummer>/<year>`: heeded for those that the account has."""
_PLACE = re.compile(r"(?P<kommune>[0-9]{4}(?:[0-9]{2})?)/(?P<aar>[0-9]{4})")
_BATCH = 4_000_000  # bytes of rows in one append; the limit is 10 MB


class Table(Protocol):
    """A table of the register."""

    def append_many(self, serialized_rows: list[bytes]) -> None: ...


class SenderSource(Protocol):
    """Who may send, as far as is known now."""

    def current(self, account: str | None = None) -> Senders: ...


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger holds of a file: decided once. `answer` is the body of the answer as JSON."""

    melding_id: str
    fil: KostraFil
    answer: bytes


class Admitted(msgspec.Struct, frozen=True, kw_only=True):
    """A file that may be sent, and whose it is to be: from where it was put, else from the message and the register of
    senders."""

    data: bytes
    digest: str
    form: Form
    sealed: bool


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """Why a message is no file of ours."""

    fault: Fault
    sealed: bool
    denied: Denied | None


class KostraService(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a KOSTRA file needs on its way through."""

    desk: Desk
    uploads: Objects
    reports: Objects
    clients: Table
    files: Table
    client_rows: RowWriter
    file_rows: RowWriter
    cipher: Cipher
    senders: SenderSource
    names: dict[str, str]  # municipality number -> name
    options: KostraOptions
    opener: Opens | None = None
    require_sealed: bool = False
    limits: Limits = DEFAULT_LIMITS

    # --- in ------------------------------------------------------------------------------------------------------

    def receive(self, delivery: Delivery) -> Verdict | None:
        """A file as a message. Raises Retry for faults of the platform, nothing for content."""
        taken = self.desk.take(delivery, self.limits.bytes)
        try:
            return self._handle(taken)
        except Broken as broken:
            self.desk.broken(taken, broken)
            return None

    def receive_file(self, delivery: Delivery) -> Verdict | None:
        """A file that Cloud Storage tells of: `<kommunenummer>/<year>/<name>.xml` in the bucket of uploads.

        It becomes a message of its own making, named after the object and its generation, so that being told twice does
        no harm. Who may write where in the bucket is for its access rules.
        """
        about = delivery.attributes
        name, generation = about.get("objectId", ""), about.get("objectGeneration", "0")
        if about.get("eventType") != "OBJECT_FINALIZE" or about.get("bucketId") != self.uploads.name:
            log("hendelse fra skylageret uten en opplasting", severity="WARNING", pubsub_id=delivery.pubsub_id)
            return None
        stored = self.uploads.read(name, int(generation) if generation.isdigit() and generation != "0" else None)
        if stored is None:
            log("opplastet fil finnes ikke mer", severity="WARNING", pubsub_id=delivery.pubsub_id)
            return None
        match = _OBJECT.fullmatch(name)
        right = self._uploader(match["kommune"]) if match else None
        if match is None or right is None:
            log("opplastet fil på et ukjent sted", severity="ERROR", pubsub_id=delivery.pubsub_id)
            self.desk.ledger.create(f"kostra-ukjent/{hashlib.sha256(name.encode()).hexdigest()}", b"")
            return None
        made_up = uuid5(NAMESPACE_URL, f"gs://{self.uploads.name}/{name}#{generation}")
        attributes = {"type": KOSTRA_SUBMIT, "melding-id": str(made_up), "avsender-id": right.konto_id}
        # Not the name, which may say anything. From now on it is a message, whoever wakes or replays it.
        attributes[PLACE] = f"{match['kommune']}/{match['aar']}"
        return self.receive(msgspec.structs.replace(delivery, body=stored.data, attributes=attributes))

    def _uploader(self, kommune: str) -> Right | None:
        day = day_in_norway(self.desk.clock())
        return self.senders.current().of_kommune(kommune[:4], KOSTRA_SUBMIT, day)

    def _handle(self, taken: Taken) -> Verdict | None:
        envelope = taken.envelope
        found = self._admit(taken)
        if isinstance(found, Refused):
            return self._refuse(taken, found)
        entry, repeated = self._entry(taken, found, self.desk.clock())
        self._store(envelope, entry, found.data)
        self._tell(envelope, entry, repeated, found.sealed)
        return Verdict(entry.fil.utfall)

    def restore(self, name: str) -> Again:
        """Give the register back what a file of the archive led to: as the ledger has it; where it has nothing, what
        comes of the file now. Nobody is told. Raises Retry for faults of the platform, and Broken for our own."""
        delivery, stored = self.desk.kept(name), self.desk.archive.read(name)
        if delivery is None or stored is None:
            return Again.GONE
        taken = self.desk.take(delivery, self.limits.bytes, mark=False)
        cut = stored.metadata.get(REDACTED)
        entry = self._decided(taken.envelope) if cut else None
        data, repeated = stored.data, False
        if entry is None:
            found = self._admit(taken)
            if isinstance(found, Refused):
                return Again.BARRED
            # A file that a client was erased from is still the file that it was.
            found = msgspec.structs.replace(found, digest=cut) if cut else found
            data = found.data
            entry, repeated = self._entry(taken, found, taken.received)
        if repeated:
            return Again.REPEATED
        self._append(entry, data)
        self.desk.ledger.create(_mark(entry), entry.answer)
        return Again.RESTORED

    def _decided(self, envelope: Envelope) -> Entry | None:
        """What was decided of a file whose bytes are no longer those that came."""
        for one in self.desk.ledger.listed(f"protokoll/{envelope.avsender_id}/"):
            stored = self.desk.ledger.read(one.name) if "-kostra-" in one.name else None
            entry = msgspec.json.decode(stored.data, type=Entry) if stored else None
            if entry is not None and entry.melding_id == envelope.melding_id:
                return entry
        return None

    def _admit(self, taken: Taken) -> Admitted | Refused:
        """The file and whose it is to be, or why it is no file of ours."""
        envelope = taken.envelope
        data, sealed, signer, fault = self._open(taken)
        senders = self.senders.current(envelope.avsender_id)
        day = day_in_norway(taken.received)
        denied = senders.check_message(envelope, signer, day)
        if denied or fault:
            return Refused(fault=fault or denied.fault, sealed=sealed, denied=denied)  # type: ignore[union-attr]
        avgiver = sender_of(data, self.limits)
        rights = senders.of_account(envelope.avsender_id, day)
        right = senders.right(envelope.avsender_id, avgiver.organisasjonsnummer, day) if avgiver else None
        if avgiver is None:
            right = next(iter(rights), None)
        if right is None:
            denied = Denied("reporter not allowed for the account")
            return Refused(fault=denied.fault, sealed=sealed, denied=denied)
        place = _PLACE.fullmatch(taken.delivery.attributes.get(PLACE, ""))
        if place is not None and not any(one.kommunenummer == place["kommune"][:4] for one in rights):
            place = None
        form = Form(
            year=int(place["aar"]) if place else envelope.rapporteringsaar or taken.received.year - 1,
            kommunenummer=place["kommune"] if place else right.kommunenummer,
            kommunenavn=self.names.get(right.kommunenummer, right.navn),
            organisasjonsnummer=right.for_orgnr,
        )
        return Admitted(data=data, digest=hashlib.sha256(data).hexdigest(), form=form, sealed=sealed)

    def _open(self, taken: Taken) -> tuple[bytes, bool, Any, Fault | None]:
        """(the file, whether it was sealed, who signed, what is wrong)."""
        if taken.faults:
            return taken.body, False, None, taken.faults[0]
        opened, fault = unseal(
            taken.body, taken.envelope, taken.received, self.opener, require_sealed=self.require_sealed
        )
        if fault is not None or opened is None:
            return taken.body, False, None, fault
        return opened.files[opened.root], True, opened.signer, None

    # --- decide, store, answer -----------------------------------------------------------------------------------

    def _entry(self, taken: Taken, found: Admitted, handled: datetime) -> tuple[Entry, bool]:
        envelope, ledger = taken.envelope, self.desk.ledger
        how = f"{found.form.kommunenummer}-{found.form.year}-{ruleset(self.options)}"
        name = f"protokoll/{envelope.avsender_id}/{found.digest}-kostra-{how}.json"
        stored = ledger.read(name)
        if stored is None:
            entry = self._decide(taken, found, handled)
            if ledger.create(name, msgspec.json.encode(entry)):
                return entry, False
            stored = ledger.read(name)  # somebody was first: theirs is the truth
            assert stored is not None
        entry = msgspec.json.decode(stored.data, type=Entry)
        return entry, entry.melding_id != envelope.melding_id

    def _decide(self, taken: Taken, found: Admitted, handled: datetime) -> Entry:
        envelope, digest, form = taken.envelope, found.digest, found.form
        checked = check_file(found.data, form, self.options, self.limits)
        fil = self._fil(taken, checked, digest, form, handled)
        about = About(
            form=form,
            kvitterings_id=fil.fil_id,
            svar_til=envelope.melding_id,
            klient_melding_id=envelope.klient_melding_id,
            mottatt=taken.received,
            behandlet=handled,
            digest=digest,
            ruleset=ruleset(self.options),
        )
        place = f"{fil.orgnr}/{form.year}/{fil.fil_id}"
        self.reports.create(f"{place}.html", render_page(checked.report, about))
        self.reports.create(f"{place}.csv", render_table(checked.report))
        answer = json.loads(render_receipt(checked.short, about))
        answer["rapport"] = {kind: f"gs://{self.reports.name}/{place}.{kind}" for kind in ("html", "csv")}
        return Entry(melding_id=envelope.melding_id, fil=fil, answer=msgspec.json.encode(answer))

    def _fil(self, taken: Taken, checked: Checked, digest: str, form: Form, handled: datetime) -> KostraFil:
        counts = checked.report.counts
        return KostraFil(
            fil_id=receipt_id(
                taken.envelope.avsender_id,
                f"{digest}|{form.kommunenummer}|{form.year}",
                KOSTRA_RECEIPT,
                ruleset(self.options),
            ),
            melding_id=taken.envelope.melding_id,
            avsender_id=taken.envelope.avsender_id,
            orgnr=form.organisasjonsnummer,
            kommunenummer=form.kommunenummer[:4],
            bydelsnummer=form.kommunenummer[4:] or None,
            aargang=form.year,
            mottatt=taken.received,
            behandlet=handled,
            innhold_sha256=digest,
            regelsett=ruleset(self.options),
            utfall=checked.verdict.value,
            antall_klienter=checked.report.clients_read,
            antall_rader=checked.valid if checked.verdict is not Verdict.REJECTED else 0,
            antall_error=counts.get(Severity.ERROR, 0),
            antall_warning=counts.get(Severity.WARNING, 0),
        )

    def _store(self, envelope: Envelope, entry: Entry, data: bytes) -> None:
        """The clients, then the file, then the mark that both are there."""
        if self.desk.ledger.exists(_mark(entry)):
            return
        self._append(entry, data)
        self.desk.ledger.create(_mark(entry), entry.answer)
        log(
            "kostra-fil lagret",
            traceparent=envelope.traceparent,
            melding_id=envelope.melding_id,
            kvitterings_id=entry.fil.fil_id,
            utfall=entry.fil.utfall,
            klienter=entry.fil.antall_klienter,
            feil=entry.fil.antall_error,
            advarsler=entry.fil.antall_warning,
        )

    def _append(self, entry: Entry, data: bytes) -> None:
        if entry.fil.utfall != Verdict.REJECTED:
            for batch in self._batches(entry.fil, data):
                self.clients.append_many(batch)
        self.files.append_many([self.file_rows.serialize(file_row(entry.fil))])

    def _batches(self, fil: KostraFil, data: bytes) -> Iterator[list[bytes]]:
        batch: list[bytes] = []
        size = 0
        for part in read(data, self.limits):
            if isinstance(part, Client):
                row = self.client_rows.serialize(client_row(fil, part.number, part.individ, self.cipher))
                batch.append(row)
                size += len(row)
                if size >= _BATCH:
                    yield batch
                    batch, size = [], 0
        if batch:
            yield batch

    def _tell(self, envelope: Envelope, entry: Entry, repeated: bool, sealed: bool) -> None:
        data = entry.answer
        if repeated:
            answer = json.loads(data) | {"svarTilMeldingId": envelope.melding_id, "duplikat": True}
            answer.pop("klientMeldingId", None)
            if envelope.klient_melding_id:
                answer["klientMeldingId"] = envelope.klient_melding_id
            data = msgspec.json.encode(answer)
        our_id = answer_id(entry.fil.fil_id, envelope.melding_id)
        self.desk.answer(envelope, KOSTRA_RECEIPT, data, our_id, file_name=FILE_NAME, sealed=sealed)

    def _refuse(self, taken: Taken, refused: Refused) -> Verdict | None:
        """Not a file that may be sent, or not one that could be opened: archived, and told why. Nothing is stored."""
        envelope, fault, denied = taken.envelope, refused.fault, refused.denied
        digest = hashlib.sha256(taken.body).hexdigest()
        outcome = refuse(envelope, digest, (fault,), taken.received, self.desk.clock())
        if denied is not None:
            self.desk.quarantine(taken, denied.reason)
        log("kostra-fil avvist", severity="WARNING", melding_id=envelope.melding_id, feil=fault.kind)
        if is_answer(envelope.type) or outcome.answer_type is None:
            self.desk.close(envelope)
            return Verdict.REJECTED
        receipt = outcome.receipt
        self.desk.answer(
            envelope,
            outcome.answer_type,
            render(receipt, "native", {}),
            answer_id(receipt.kvitterings_id, receipt.svar_til),
            file_name=file_name(receipt, "native"),
            sealed=refused.sealed,
        )
        return Verdict.REJECTED


def _mark(entry: Entry) -> str:
    """That a file and its clients are in the register."""
    return f"kvittering/{entry.fil.fil_id}/{entry.melding_id}.json"
