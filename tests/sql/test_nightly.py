"""What follows the queries of a night: freezes whose moment has come, once; and nobody waits for what nobody knew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bvr import nightly
from bvr.config import Config
from bvr.statistics import calendar
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


def test_what_is_carried_over_is_googlesql():
    from bvr.statistics.deviations import sources

    assert declared().columns(sources.stocks(), run_time="TIMESTAMP") == [
        ("kommunenummer", "STRING"),
        ("type", "STRING"),
        ("aargang", "INTEGER"),
        ("gammel", "INTEGER"),
        ("ny", "INTEGER"),
    ]
