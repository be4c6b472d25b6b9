"""A KOSTRA file from its arrival to its answer: none lost, none counted twice, half a file never counted."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import msgspec
import pytest

from bvr.desk import REDACTED
from bvr.errors import Retry
from bvr.intake.envelope import Delivery
from bvr.intake.protocol import INVALID, KOSTRA_RECEIPT, KOSTRA_SUBMIT
from bvr.intake.sender import Right
from bvr.kostra.intake import KostraService
from bvr.kostra.rules import KostraOptions
from bvr.kostra.rules.examples import BOY, avgiver, individ, melding, nummer, tiltak
from bvr.kostra.xml import encode
from bvr.model.kommuner import names
from bvr.register.clients import cut
from bvr.register.proto import RowWriter
from bvr.service import Again
from bvr.verdict import Verdict
from tests.unit.service_world import CIPHER, ROOT, SENDER, Bucket, SenderSource, World, delivery, desk, right

FIL, KLIENT = (
    RowWriter.of(ROOT / f"bigquery_schemas/register/{n}/schema.json") for n in ("kostra_fil", "kostra_individ")
)
OWN = right(orgnr="310000019", for_orgnr="310000019", kommunenummer="3301", rolle="kostra")
GOOD = [individ(tiltak(), melding(), journalnummer=f"J{n}", id=str(n), nr=nummer(f"2012-03-{n:02}")) for n in (1, 2, 3)]
BAD = individ(journalnummer="J9", id="9", nr=nummer("2012-05-09"))  # no records: kostra-individ-06
DAY = datetime(2025, 2, 1, 12, tzinfo=UTC)


class Table:
    def __init__(self, world: World, rows: list[bytes]) -> None:
        self.world, self.rows = world, rows

    def append_many(self, serialized_rows: list[bytes]) -> None:
        failed = self.world.call()
        self.rows.extend(serialized_rows)
        if failed:
            raise Retry("the answer was lost")


class Kostra:
    """The service and all that is around it."""

    def __init__(self, *rights: Right) -> None:
        self.world = World()
        self.world.now = DAY
        self.clients: list[bytes] = []
        self.files: list[bytes] = []
        self.service = KostraService(
            desk=desk(self.world),
            uploads=Bucket(self.world, "prosjekt-kostra"),
            reports=Bucket(self.world, "prosjekt-rapporter"),
            clients=Table(self.world, self.clients),
            files=Table(self.world, self.files),
            client_rows=KLIENT,
            file_rows=FIL,
            cipher=CIPHER,
            senders=SenderSource(*(rights or (OWN,))),
            names=names(),
            options=KostraOptions(),
        )

    def answers(self) -> list[tuple[dict[str, Any], dict[str, str]]]:
        return [(json.loads(data), about) for topic, data, about, _ in self.world.published if topic == "kvittering"]

    @property
    def file(self) -> Any:
        (row,) = {row: FIL.parse(row) for row in self.files}.values()
        return row

    def send(self, *deliveries: Delivery) -> Verdict | None:
        verdict = None
        for one in deliveries:
            verdict = self.service.receive(one)
        return verdict


def message(data: bytes, n: int = 1, **attributes: str) -> Delivery:
    about = {
        "melding-id": str(uuid5(NAMESPACE_URL, f"kostra {n}")),
        "avsender-id": SENDER,
        "type": KOSTRA_SUBMIT,
        "rapporteringsaar": "2024",
    } | {name.replace("_", "-"): value for name, value in attributes.items()}
    return delivery(data, about, n)


def file(*clients: Any, **sender: str) -> bytes:
    return encode(avgiver(**sender), clients or GOOD)


def test_a_clean_file_is_stored_and_answered() -> None:
    k = Kostra()
    assert k.send(message(file())) is Verdict.REGISTERED
    ((answer, about),) = k.answers()
    assert about["type"] == KOSTRA_RECEIPT
    assert answer["resultat"] == "GODKJENT"
    assert k.file.utfall == "REGISTERED"
    assert (k.file.antall_klienter, k.file.antall_rader, k.file.aargang) == (3, 3, 2024)
    rows = [KLIENT.parse(row) for row in k.clients]
    assert [r.nummer for r in rows] == [1, 2, 3]
    assert CIPHER.decrypt(rows[0].individ.fodselsnummer) == nummer("2012-03-01")
    assert rows[0].nummertype == "FULLSTENDIG"
    assert not hasattr(rows[0].individ, "saksbehandler")


def test_one_bad_client_of_many_stops_the_file_and_the_answer_says_what_happens_to_the_rest() -> None:
    k = Kostra()
    clients = [*GOOD, BAD]
    assert k.send(message(file(*clients))) is Verdict.EXCLUDED
    ((answer, _),) = k.answers()
    assert answer["resultat"] == "IKKE_GODKJENT"
    assert answer["antall"]["klienterMedFeil"] == 1
    assert [c["journalnummer"] for c in answer["klienter"]] == ["J9"]
    assert "heller ikke de 3 uten feil" in answer["beskjed"]
    assert k.file.utfall == "EXCLUDED"
    assert len(set(k.clients)) == 4  # kept, and out of the current view


def test_the_report_is_a_page_and_a_table_and_the_answer_says_where() -> None:
    k = Kostra()
    k.send(message(file(*GOOD, BAD)))
    ((answer, _),) = k.answers()
    for kind in ("html", "csv"):
        bucket, _, name = answer["rapport"][kind].removeprefix("gs://").partition("/")
        assert bucket == "prosjekt-rapporter"
        stored = k.service.reports.read(name)
        assert stored is not None
        assert b"J9" in stored.data
        assert BOY.encode() not in stored.data


@pytest.mark.parametrize("lost_answer", [False, True])
@pytest.mark.parametrize("clients", [GOOD, [*GOOD, BAD]], ids=["clean", "error"])
def test_a_fault_at_any_call_changes_nothing_in_the_end(clients: list[Any], lost_answer: bool) -> None:
    whole = Kostra()
    whole.send(message(file(*clients)))
    for k in range(1, whole.world.calls + 1):
        one = Kostra()
        one.world.fail, one.world.lost_answer = {k}, lost_answer
        for _ in range(5):
            try:
                one.send(message(file(*clients)))
            except Retry:
                continue
            break
        else:
            raise AssertionError("never acknowledged")
        assert len(set(one.clients)) == len(clients)
        assert len(set(one.files)) == 1
        assert len({json.dumps(answer) for answer, _ in one.answers()}) == 1
        assert len(one.service.desk.archive.names("raa/")) == 1  # type: ignore[attr-defined]


def test_the_same_file_again_is_one_file() -> None:
    k = Kostra()
    k.send(message(file()), message(file(), 2))
    assert len(set(k.files)) == 1
    first, second = (answer for answer, _ in k.answers())
    assert (first["duplikat"], second["duplikat"]) == (False, True)
    assert first["kvitteringsId"] == second["kvitteringsId"]
    assert second["svarTilMeldingId"] == message(b"", 2).attributes["melding-id"]


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "kostra-fil-00"),
        (b"Journalnummer;Fodselsnummer", "kostra-fil-00"),
        (file()[:-20], "kostra-fil-00"),
        (b"<!DOCTYPE x>" + file().partition(b"?>")[2], "kostra-fil-00"),
        (file().replace(b"Versjon", b"Arsversjon"), "kostra-avgiver-01"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_reason(data: bytes, rule: str) -> None:
    k = Kostra()
    assert k.send(message(data)) is Verdict.REJECTED
    ((answer, _),) = k.answers()
    assert rule in {r["regelId"] for r in answer["antallPerRegel"]}
    assert not k.clients
    assert k.file.utfall == "REJECTED"


def test_somebody_else_s_file_is_refused_and_quarantined() -> None:
    k = Kostra()
    assert k.send(message(file(organisasjonsnummer="310000027"))) is Verdict.REJECTED
    ((answer, about),) = k.answers()
    assert about["type"] == INVALID
    assert answer["feilkode"] == "AVGIVER_IKKE_TILLATT"
    assert not k.files
    assert len(k.service.desk.ledger.names("karantene/")) == 1  # type: ignore[attr-defined]


def uploaded(k: Kostra, name: str, data: bytes, generation: str = "1") -> Delivery:
    k.service.uploads.create(name, data)
    about = {
        "eventType": "OBJECT_FINALIZE",
        "bucketId": k.service.uploads.name,
        "objectId": name,
        "objectGeneration": generation,
    }
    return delivery(b"{}", about)


def test_an_uploaded_file_is_a_message_like_any_other() -> None:
    k = Kostra()
    told = uploaded(k, "3301/2024/uttrekk.xml", file())
    assert k.service.receive_file(told) is Verdict.REGISTERED
    assert k.service.receive_file(told) is Verdict.REGISTERED  # told twice
    assert len(set(k.files)) == 1
    assert k.file.aargang == 2024
    assert len({json.dumps(a) for a, _ in k.answers()}) == 1


def archived(k: Kostra) -> list[str]:
    return k.service.desk.archive.names("raa/")  # type: ignore[attr-defined, no-any-return]


def test_an_uploaded_file_that_is_woken_is_for_the_year_it_was_put_in() -> None:
    """The function died after the archive: the sweeper wakes a message, and no upload."""
    k, whole = Kostra(), Kostra()
    whole.service.receive_file(uploaded(whole, "3301/2024/uttrekk.xml", file()))
    told = uploaded(k, "3301/2024/uttrekk.xml", file())
    k.world.now = DAY.replace(year=2027)  # the year before is another
    k.world.fail = {k.world.calls + 5}
    with pytest.raises(Retry):
        k.service.receive_file(told)
    assert not k.files
    k.world.now += timedelta(hours=1)
    assert k.service.desk.sweep() == 1
    (_, data, attributes, _) = k.world.published.pop()
    assert k.send(delivery(data, attributes)) is Verdict.REGISTERED
    assert (k.file.aargang, k.file.fil_id) == (2024, whole.file.fil_id)


@pytest.mark.parametrize("place", ["4601/2020", "3301", "x/y", "3301/20245", "3301/2024/x", ""])
def test_a_place_that_is_not_the_senders_is_not_heeded(place: str) -> None:
    k = Kostra()
    k.send(message(file(), plassering=place))
    assert (k.file.kommunenummer, k.file.aargang) == ("3301", 2024)


def test_files_are_given_back_by_the_ledger_and_by_the_archive_alone() -> None:
    k = Kostra()
    k.send(message(file(*GOOD, BAD)), message(file(), 2), message(file(), 3), message(b"<x/>", 4))
    k.service.receive_file(uploaded(k, "3301/2023/uttrekk.xml", file()))
    clients, files = set(k.clients), set(k.files)
    assert len(files) == 4
    k.clients.clear(), k.files.clear()
    k.world.published.clear()
    told = Counter(k.service.restore(name) for name in archived(k))
    assert told == {Again.RESTORED: 4, Again.REPEATED: 1}
    assert (set(k.clients), set(k.files)) == (clients, files)

    alone = Kostra()
    alone.service.desk.archive.objects |= k.service.desk.archive.objects  # type: ignore[attr-defined]
    alone.world.now = DAY.replace(year=2028)
    told = Counter(alone.service.restore(name) for name in archived(k))
    assert told == {Again.RESTORED: 4, Again.REPEATED: 1}
    assert {FIL.parse(row).fil_id for row in alone.files} == {FIL.parse(row).fil_id for row in files}
    assert {FIL.parse(row).aargang for row in alone.files} == {2023, 2024}
    assert {KLIENT.parse(row).individ.SerializeToString() for row in alone.clients} == {
        KLIENT.parse(row).individ.SerializeToString() for row in clients
    }
    assert k.world.published == alone.world.published == []


@pytest.mark.parametrize("ledger", [True, False])
def test_a_client_that_was_erased_does_not_come_back_and_the_file_is_still_the_file(ledger: bool) -> None:
    k = Kostra()
    k.send(message(file()))
    before = k.file
    (name,) = archived(k)
    objects = k.service.desk.archive.objects  # type: ignore[attr-defined]
    stored, created = objects[name]
    left, _ = cut(stored.data, {nummer("2012-03-02")})
    told = {**stored.metadata, REDACTED: hashlib.sha256(stored.data).hexdigest()}
    objects[name] = (msgspec.structs.replace(stored, data=left, metadata=told), created)
    k.clients.clear(), k.files.clear()
    if not ledger:
        k.service.desk.ledger.objects.clear()  # type: ignore[attr-defined]
    assert k.service.restore(name) is Again.RESTORED
    assert k.file.fil_id == before.fil_id
    assert k.file.innhold_sha256 == before.innhold_sha256
    assert sorted(KLIENT.parse(row).individ.journalnummer for row in k.clients) == ["J1", "J3"]
    assert (k.file == before) is ledger


def test_what_was_refused_is_not_given_back() -> None:
    k = Kostra()
    k.send(message(file(organisasjonsnummer="999999999")))
    assert [k.service.restore(name) for name in archived(k)] == [Again.BARRED]
    assert k.service.restore("raa/x/y") is Again.GONE
    assert not k.files


@pytest.mark.parametrize(
    "name", ["uttrekk.xml", "3301/uttrekk.xml", "3301/2024/a/b.xml", "9999/2024/x.xml", "3301/2024/x.zip"]
)
def test_a_file_in_an_unknown_place_is_not_taken_for_anybody_s(name: str) -> None:
    k = Kostra()
    assert k.service.receive_file(uploaded(k, name, file())) is None
    assert not k.files
    assert k.service.desk.ledger.names("kostra-ukjent/")  # type: ignore[attr-defined]


def test_a_file_put_in_another_year_s_folder_is_told_of_it() -> None:
    k = Kostra()
    assert k.service.receive_file(uploaded(k, "3301/2023/uttrekk.xml", file())) is Verdict.EXCLUDED
    ((answer, _),) = k.answers()
    assert "kostra-avgiver-02" in {r["regelId"] for r in answer["antallPerRegel"]}


def test_no_identifier_leaves(capsys: pytest.CaptureFixture[str]) -> None:
    k = Kostra()
    k.send(message(file(*GOOD, BAD)))
    out = capsys.readouterr().out + "".join(json.dumps(a) for a, _ in k.answers())
    out += "".join(stored.data.decode() for stored, _ in k.service.reports.objects.values())  # type: ignore[attr-defined]
    everything = out.encode() + b"".join(k.clients) + b"".join(k.files)
    for client in [*GOOD, BAD]:
        assert (client.fodselsnummer or "").encode() not in everything
    assert b"Saksbehandler " not in everything
