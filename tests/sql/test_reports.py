"""The reports as they are read: from the tables of the queries to the page, the spreadsheet and the answer back."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest

from bvr.spreadsheet import read as read_table
from bvr.statistics.declared import scheduled
from bvr.statistics.reports import answers, figures, migration, validation
from bvr.statistics.run import run
from tests.sql import registers, test_migration
from tests.sql.googlesql import SCHEMAS
from tests.sql.test_validation import COURSE, ERROR

pytestmark = pytest.mark.local_cloud
AT = test_migration.AT
QUERIES = {query.name: query for query in scheduled(SCHEMAS)}
CASE = {
    "navn": "of everything something",
    "kostra": [
        {"id": "K1", "undersokelse": ["2025-03-01 id=U1 melding=M1"], "plan": ["2025-01-01 id==HYPERLINK"]},
        {"id": "K2", "tiltak": ["2025-02-01 id=<script>"]},
        {"id": "K3"},
    ],
    "saker": [{"migrert": "K1", "start": date(2024, 1, 1), "undersokelse": ["2025-03-02 migrert=U1"]}],
}


@pytest.fixture(autouse=True)
def _left_as_it_was(request):
    """Other tests share the server."""
    yield
    if "warehouse" in request.fixturenames:
        queries = request.getfixturevalue("warehouse").queries
        for name in (*MIGRATION, *VALIDATION, "migreringssvar", "nokkeltall_melding_v1"):
            queries.query(f"DELETE FROM statistikk.{name} WHERE TRUE")
        for name in ("register.kostra_fil", "register.kostra_individ", "statistikk.kjoring"):
            queries.query(f"DELETE FROM {name} WHERE TRUE")


class Page(HTMLParser):
    """What a page shows, and whether its elements are closed."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        assert tag != "script"
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def table(raw: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline=""), delimiter=";"))


def fill(warehouse: Any, given: dict[str, list[dict[str, Any]]], *queries: str) -> None:
    for name, rows in given.items():
        warehouse.queries.query(f"DELETE FROM {name} WHERE TRUE")
        warehouse.queries.insert(name, rows)
    again(warehouse, *queries)


def again(warehouse: Any, *queries: str, at: datetime = AT) -> None:
    for name in queries:
        assert not run(QUERIES[name], at, warehouse.queries, "1").failed


MIGRATION = ("migreringsrapport_v1", "migreringsrapport_sum_v1")


def test_a_migration_report_and_the_answer_to_it(warehouse, tmp_path):
    given = test_migration.tables(CASE)
    for row in given["register.innsending"]:
        row["fagsystem"] = {"leverandor": "Visma", "navn": "Flyt", "versjon": "7"}
    fill(warehouse, given, *MIGRATION)
    report = migration.of_municipality(warehouse.queries, "0301", "Oslo")
    page = Page(report.page(AT + timedelta(hours=1)))
    assert not page.open
    assert not report.passed
    assert "Dekning 28,6 %, kravet er 98 %." in page.text
    assert "<script>" in page.text, "escaped, and shown as it is"
    rows = {(r["type"], r["kostra_id"]): r for r in table(report.table())}
    assert rows["Undersokelse", "U1"]["status"] == "AVVIK"
    assert rows["Sak", "K2"]["journalnummer"] == "J2"
    assert ("Plan", "'=HYPERLINK") in rows, "no formula"
    # The service fills the reasons in and sends the table back.
    path = tmp_path / "svar.csv"
    filled = report.table().decode("utf-8-sig").splitlines()
    assert len(filled) == 8
    back = [
        line.replace('"";"";"";"";""', f'"9";"{text}";"";"";""')
        for line, text in zip(filled, ("", *("Finnes ikke.",) * 6, "Gjelder 010180 12345"), strict=True)
    ]
    path.write_text("\n".join(back), encoding="utf-8")
    assert ("K1", "=HYPERLINK") in {(r["klient_id"], r["kostra_id"]) for r in read_table(path)}
    known = warehouse.queries.query("SELECT * FROM statistikk.migreringsrapport_v1")
    assert all(r["fodselsnummer"] for r in known)
    lines = answers.read(path, "0301", known, who="Kari", at=AT)
    assert [line.number for line in lines if line.fault] == [8]
    assert not any("12345" in line.fault for line in lines)
    given_back = [line.answer for line in lines if line.answer]
    warehouse.queries.insert("statistikk.migreringssvar", [_dict(one) for one in given_back])
    again(warehouse, *MIGRATION, at=AT + timedelta(minutes=1))
    report = migration.of_municipality(warehouse.queries, "0301", "Oslo")
    rows = {(r["type"], r["kostra_id"]): r for r in table(report.table())}
    assert rows["Sak", "K2"]["aarsak_tekst"] == "Finnes ikke."
    (total,) = [s for s in report.sections if s.nb == "Sammendrag"]
    assert total.rows[0][-3:] == ("4", "1", "28,6")
    # The supplier's own.
    theirs = migration.of_supplier(warehouse.queries, "Visma")
    raw = theirs.table().decode() + theirs.page(AT).decode()
    assert len(theirs.rows) == 7
    assert not [word for word in ("K1", "K2", "U1", "HYPERLINK", "script>", "J1", "Finnes", "2025-0") if word in raw]
    with pytest.raises(LookupError, match="9999"):
        migration.of_municipality(warehouse.queries, "9999", "")


def _dict(one: Any) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__struct_fields__}


CLIENT = {"type": "Sak", "klient_id": "K1", "kostra_id": "K1", "fodselsnummer": b"x", "duf_nummer": None}


def test_answers_that_are_none(tmp_path):
    path = tmp_path / "svar.csv"

    def faults(*rows: str, head: str = "type;klient_id;kostra_id;aarsakskode;aarsak_tekst") -> list[str]:
        path.write_text("\n".join((head, *rows)), encoding="utf-8")
        lines = answers.read(path, "0301", [CLIENT], who="Kari", at=AT)
        return [line.fault.split(":")[0] for line in lines]

    assert faults("Sak;K1;K1;1;", "Sak;K1;K1;;tekst") == [""]
    assert faults("Sak;K1;K1;10;", "Sak;K1;K1;x;", "Sak;K1;K1;9;") == ["aarsakskode", "aarsakskode", "aarsak_tekst"]
    assert faults("Sak;K1;K1;9;se 01018012345", "Sak;K1;K2;1;") == ["aarsak_tekst", "type, klient_id, kostra_id"]
    with pytest.raises(ValueError, match="aarsakskode"):
        faults("a;b", head="type;klient_id")
    path.write_bytes(b"type;\xe5")
    with pytest.raises(ValueError, match="UTF-8"):
        answers.read(path, "0301", [], who="Kari", at=AT)


VALIDATION = ("valideringsrapport_v1", "valideringsrapport_uke_v1", "valideringseffekt_v1", "valideringsstatus_v1")


def test_a_validation_report(warehouse):
    at = datetime(2026, 4, 8, 2, 7, tzinfo=UTC)
    case = registers.written({"melding": ["2026-01-05..2026-01-08 kode=2"], "utfall": "EXCLUDED"}, 77)
    seen = {"mottatt": at - timedelta(days=20), "behandlet": at - timedelta(days=20), "dato_uttrekk": at}
    system = {"leverandor": "Visma", "navn": "Flyt", "versjon": "7"}
    warehouse.fill([*COURSE, {**case, **seen, "funn": [{**ERROR, "regel": "tiltak-09"}], "fagsystem": system}])
    for name in VALIDATION:
        assert not run(QUERIES[name], at, warehouse.queries, "1").failed, name
    report = validation.of_municipality(warehouse.queries, "0301", "Oslo")
    page = Page(report.page(at))
    assert not page.open
    assert not report.passed
    (costs,) = [s for s in report.sections if s.nb == "Hva feilene koster"]
    assert ("3 Meldinger (SSB hovedtall)", "2026", "1", "1") in costs.rows
    (left,) = [s for s in report.sections if s.nb.startswith("Åpne funn")]
    assert [row[1] for row in left.rows] == ["20", "7"], "the oldest first"
    assert len(report.rows) == 5
    assert "Eldste åpne ERROR er 20 dager gammel, kravet er høyst 14." in page.text
    theirs = validation.of_supplier(warehouse.queries, "Visma")
    assert {row[0] for row in theirs.rows} == {"1", "2", "7"}
    ids = {r["sak_id"] for r in warehouse.queries.query("SELECT sak_id FROM register.innsending")}
    raw = (theirs.table() + theirs.page(at)).decode()
    assert not [one for one in ids if f'"{one}"' in raw or f">{one}<" in raw]


def test_a_semi_annual_report(warehouse):
    rows = [
        registers.written({"melding": ["2025-08-05..2025-08-08 kode=2"], "bydel": "01"}, 1),
        registers.written({"melding": ["2025-09-05..2025-09-20 kode=1", "2024-09-05..2024-09-08 kode=1"]}, 2),
    ]
    warehouse.fill(rows)
    again(warehouse, "nokkeltall_melding_v1", at=registers.RUN_TIME)
    report = figures.of_municipality(warehouse.queries, "0301", "Oslo")
    assert report.name == "halvaar-0301-2025H2"
    page = Page(report.page(AT))
    assert not page.open
    lines = {row[1]: row for row in report.sections[0].rows if row[2] == "halvåret"}
    assert lines["Mottatte meldinger"][3:] == ("2", "", "", "1")
    late = lines["Meldinger behandlet etter 7 dager"]
    assert late[3:6] == ("1", "2", "50")
    assert {r["region"] for r in table(report.table())} == {"0301", "030101"}
    with pytest.raises(LookupError, match="9999"):
        figures.of_municipality(warehouse.queries, "9999", "")
