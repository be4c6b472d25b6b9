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

from bvr.desk import Desk, Objects, Taken
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
from bvr.verdict import Verdict

_OBJECT = re.compile(r"(?P<kommune>[0-9]{4}(?:[0-9]{2})?)/(?P<aar>[0-9]{4})/[^/]{1,200}\.xml")
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
            return self._handle(taken, upload=None)
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
        made = msgspec.structs.replace(delivery, body=stored.data, attributes=attributes)
        taken = self.desk.take(made, self.limits.bytes)
        try:
            return self._handle(taken, upload=(match["kommune"], int(match["aar"])))
        except Broken as broken:
            self.desk.broken(taken, broken)
            return None

    def _uploader(self, kommune: str) -> Right | None:
        day = day_in_norway(self.desk.clock())
        return self.senders.current().of_kommune(kommune[:4], KOSTRA_SUBMIT, day)

    def _handle(self, taken: Taken, upload: tuple[str, int] | None) -> Verdict | None:
        envelope = taken.envelope
        data, sealed, signer, fault = self._open(taken)
        senders = self.senders.current(envelope.avsender_id)
        day = day_in_norway(taken.received)
        denied = senders.check_message(envelope, signer, day)
        if denied or fault:
            return self._refuse(taken, fault or denied.fault, sealed, denied)  # type: ignore[union-attr]
        digest = hashlib.sha256(data).hexdigest()
        avgiver = sender_of(data, self.limits)
        right = senders.right(envelope.avsender_id, avgiver.organisasjonsnummer, day) if avgiver else None
        if avgiver is None:
            right = next(iter(senders.of_account(envelope.avsender_id, day)), None)
        if right is None:
            denied = Denied("reporter not allowed for the account")
            return self._refuse(taken, denied.fault, sealed, denied)
        form = self._form(right, upload, envelope, taken.received)
        entry, repeated = self._entry(taken, data, digest, form)
        self._store(envelope, entry, data)
        self._tell(envelope, entry, repeated, sealed)
        return Verdict(entry.fil.utfall)

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

    def _form(self, right: Right, upload: tuple[str, int] | None, envelope: Envelope, received: datetime) -> Form:
        """Whose file it is to be: from where it was put, else from the message and the register of senders."""
        kommune, year = upload or (right.kommunenummer, envelope.rapporteringsaar or received.year - 1)
        return Form(
            year=year,
            kommunenummer=kommune,
            kommunenavn=self.names.get(right.kommunenummer, right.navn),
            organisasjonsnummer=right.for_orgnr,
        )

    # --- decide, store, answer -----------------------------------------------------------------------------------

    def _entry(self, taken: Taken, data: bytes, digest: str, form: Form) -> tuple[Entry, bool]:
        envelope, ledger = taken.envelope, self.desk.ledger
        how = f"{form.kommunenummer}-{form.year}-{ruleset(self.options)}"
        name = f"protokoll/{envelope.avsender_id}/{digest}-kostra-{how}.json"
        stored = ledger.read(name)
        if stored is None:
            entry = self._decide(taken, data, digest, form)
            if ledger.create(name, msgspec.json.encode(entry)):
                return entry, False
            stored = ledger.read(name)  # somebody was first: theirs is the truth
            assert stored is not None
        entry = msgspec.json.decode(stored.data, type=Entry)
        return entry, entry.melding_id != envelope.melding_id

    def _decide(self, taken: Taken, data: bytes, digest: str, form: Form) -> Entry:
        envelope, handled = taken.envelope, self.desk.clock()
        checked = check_file(data, form, self.options, self.limits)
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
        mark = f"kvittering/{entry.fil.fil_id}/{entry.melding_id}.json"
        if self.desk.ledger.exists(mark):
            return
        if entry.fil.utfall != Verdict.REJECTED:
            for batch in self._batches(entry.fil, data):
                self.clients.append_many(batch)
        self.files.append_many([self.file_rows.serialize(file_row(entry.fil))])
        self.desk.ledger.create(mark, entry.answer)
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

    def _refuse(self, taken: Taken, fault: Fault, sealed: bool, denied: Denied | None) -> Verdict | None:
        """Not a file that may be sent, or not one that could be opened: archived, and told why. Nothing is stored."""
        envelope = taken.envelope
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
            sealed=sealed,
        )
        return Verdict.REJECTED
