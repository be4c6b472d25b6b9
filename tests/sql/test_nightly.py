"""What follows the queries of a night: freezes whose moment has come, once; and nobody waits for what nobody knew."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from bvr import nightly
from bvr.config import Config
from bvr.statistics import calendar
from bvr.statistics.approval import Approvals, Event, Godkjenning
from bvr.statistics.figures.catalogue import figures
from tests.sql import registers
from tests.sql.googlesql import declared

NIGHT = datetime(2026, 3, 2, 3, 7, tzinfo=UTC)


@pytest.fixture
def night(warehouse, monkeypatch):
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "prove")
    monkeypatch.setattr(nightly, "config", Config)
    monkeypatch.setattr(nightly.gcp, "queries", lambda _: warehouse.queries)
    for table in ("drift.sporringskjoring", "statistikk.frysing", "statistikk.avvik_v1", "statistikk.avvik_test"):
        warehouse.queries.query(f"DELETE FROM {table} WHERE TRUE")
    return warehouse


def made(frozen: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Freezes are told of and not made: that is tried elsewhere."""
    monkeypatch.setattr(nightly, "_frozen", lambda tables, queries, plan: frozen.append(plan.id) or 1)


@pytest.mark.local_cloud
def test_a_night(night, monkeypatch):
    frozen: list[str] = []
    made(frozen, monkeypatch)
    row = registers.written({"melding": ["2025-01-05..2025-01-08 kode=2"]}, 1)
    known = calendar.planned("2025H2", "T2").known - timedelta(days=1)
    night.fill([{**row, "mottatt": known, "behandlet": known, "dato_uttrekk": known}])
    tries = nightly.follow(NIGHT)
    # 2025H2-T2 came on 15 February, 2025-T2 on 2 March at midnight; 2025-T1 (16 January) is more than a month ago.
    assert frozen == ["2025H2-T2", "2025-T2"]
    assert [(t.query, str(t.outcome)) for t in tries] == [
        ("avvik_daglig", "OK"),
        ("frysing_2025H2-T2", "OK"),
        ("frysing_2025-T2", "OK"),
    ]
    rows = night.queries.query("SELECT sporring, utfall FROM drift.sporringskjoring ORDER BY startet")
    assert [r["sporring"] for r in rows] == [t.query for t in tries]
    assert nightly.overdue(NIGHT + timedelta(days=3)) == ["2025H2-T2", "2025-T2"], "told of, not made"
    tests = night.queries.query("SELECT DISTINCT testkode FROM statistikk.avvik_test")
    assert [r["testkode"] for r in tests] == ["T10"], "there is no KOSTRA file to carry over from"


@pytest.mark.local_cloud
def test_a_register_that_began_later_has_nothing_to_freeze(night, monkeypatch):
    frozen: list[str] = []
    made(frozen, monkeypatch)
    row = registers.written({}, 1)
    began = NIGHT - timedelta(hours=1)
    night.fill([{**row, "mottatt": began, "behandlet": began, "dato_uttrekk": began}])
    nightly.follow(NIGHT)
    assert frozen == []
    assert nightly.overdue(NIGHT + timedelta(days=3)) == []


@pytest.mark.local_cloud
def test_a_freeze_that_fails_is_a_row_and_no_end(night, monkeypatch):
    def fail(*_: object) -> int:
        raise nightly.freezes.NotFrozen("en kontroll")

    monkeypatch.setattr(nightly, "_frozen", fail)
    row = registers.written({}, 1)
    known = NIGHT - timedelta(days=60)
    night.fill([{**row, "mottatt": known, "behandlet": known, "dato_uttrekk": known}])
    tries = nightly.follow(NIGHT)
    assert [(str(t.outcome), t.reason) for t in tries[1:]] == [("FEILET", "en kontroll")] * 2


@pytest.mark.local_cloud
def test_what_was_approved_and_has_moved_is_opened_again(night, monkeypatch):
    """Of three municipalities one has moved by more than it may, one by less, and one has a red deviation."""
    tables, first, second = night.queries, calendar.planned("2025H2", "T1"), calendar.planned("2025H2", "T2")
    made([], monkeypatch)
    monkeypatch.setattr(nightly, "_now", lambda: NIGHT)
    began = NIGHT - timedelta(hours=1)
    night.fill([{**registers.written({}, 1), "mottatt": began, "behandlet": began, "dato_uttrekk": began}])
    watched = next(f.id for f in figures() if f.number == 27)
    values = {"0301": (100, 104), "1103": (100, 103), "4601": (100, 101)}
    for table in EMPTIED:
        tables.query(f"DELETE FROM {table} WHERE TRUE")
    for side, plan in enumerate((first, second)):
        _freeze(tables, plan, {kommune: pair[side] for kommune, pair in values.items()}, watched)
    approvals = Approvals(tables)
    for kommune in values:
        for event in (Event.SEND, Event.APPROVE):
            told = approvals.tell(
                event, kommune=kommune, freeze=first.id, seen=f"{kommune}-100", actor=nightly.OURSELVES, at=first.known
            )
            assert isinstance(told, Godkjenning)
    tables.insert("statistikk.avvik_test", [_run(second.known)])
    tables.insert("statistikk.avvik_v1", [_red("4601", watched, second.known), _red("5501", watched, second.known)])
    (tried,) = [t for t in nightly.follow(NIGHT) if t.query == "gjenapning"]
    assert (str(tried.outcome), tried.rows) == ("OK", 2)
    (tried,) = [t for t in nightly.follow(NIGHT) if t.query == "gjenapning"]
    assert tried.rows == 0, "once"
    standing = {one.kommunenummer: one for one in approvals.standing(NIGHT)}
    assert {k: str(one.state) for k, one in standing.items()} == {
        "0301": "UTKAST",
        "1103": "GODKJENT",
        "4601": "UTKAST",
    }
    last = standing["0301"].last
    assert last is not None
    assert (last.tekst, last.kanal, last.frysing_id) == (f"{watched}: 100 -> 104", "SYSTEM", second.id)
    assert [one.kommunenummer for one in approvals.standing(NIGHT, ["1103", "9999"], "2025H2")] == ["1103"]
    assert approvals.standing(NIGHT, [], "2025H2") == []
    assert approvals.standing(NIGHT, ["1103"], "2024H2") == []
    for table in EMPTIED:
        tables.query(f"DELETE FROM {table} WHERE TRUE")


EMPTIED = tuple(
    f"statistikk.{one}"
    for one in ("godkjenning", "frysing", "frysing_kommune", "frosne_tall", "avvik_v1", "avvik_test")
)


def _freeze(tables, plan, values, indicator):
    known = plan.known
    about = {"frysing_id": plan.id, "periode": plan.period, "nummer": plan.number, "kunnskapstidspunkt": known}
    texts = ("sha256", "regelsett", "kodelister_sha256", "sporringer_sha256")
    tables.insert("statistikk.frysing", [{**about, "frosset": known, "rader": 1, **dict.fromkeys(texts, "x")}])
    tables.insert(
        "statistikk.frysing_kommune",
        [
            {"frysing_id": plan.id, "kommunenummer": kommune, "rader": 1, "sha256": f"{kommune}-{value}"}
            for kommune, value in values.items()
        ],
    )
    tables.insert(
        "statistikk.frosne_tall",
        [
            {
                **{"frysing_id": plan.id, "indikator": indicator, "region": kommune, "niva": "KOMMUNE", "maal": "SUM"},
                **{"periode": plan.period, "periodetype": "D", "kjonn": "T", "aldersgruppe": "T", "kode": "T"},
                **{"verdi": value, "n_barn": value, "n_barn_nevner": 0, "status": "KOMPLETT"},
                **{"referansedato": date(2025, 12, 31), "kunnskapstidspunkt": known},
            }
            for kommune, value in values.items()
        ],
    )


def _about(known):
    return {
        **{"kjoring_id": "prove", "periodetype": "D", "niva": "KOMMUNE", "periode": "2025H2", "testkode": "T1"},
        **{"referanseperiode": "2024H2", "kilde": "T2", "kunnskapstidspunkt": known},
        **{"referanse_kunnskapstidspunkt": known},
    }


def _run(known):
    made_for = {"kjort_for": "2025H2", "kjort_mot": "2024H2", "tester": 2, "gule": 0, "rode": 2, "beregnet": known}
    return {**_about(known), "indikator": "barn_tiltak_dato", **made_for}


def _red(kommune, indicator, known):
    about = {**_about(known), "indikator": indicator, "region": kommune, "kommunenummer": kommune}
    return {**about, "verdi": 1, "forrige": 9, "differanse": -8, "flagg": "ROD", "rang": int(kommune)}


def test_what_is_carried_over_is_googlesql():
    from bvr.statistics.deviations import sources

    assert declared().columns(sources.stocks(), run_time="TIMESTAMP") == [
        ("kommunenummer", "STRING"),
        ("type", "STRING"),
        ("aargang", "INTEGER"),
        ("gammel", "INTEGER"),
        ("ny", "INTEGER"),
    ]
