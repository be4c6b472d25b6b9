"""The scheduled queries together: order, what is left out, what is not made again, and who is late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bvr.statistics import schedule
from bvr.statistics.declared import Query, scheduled
from bvr.statistics.schedule import Outcome, Try
from tests.sql import notation
from tests.sql.googlesql import SCHEMAS

AT = datetime(2025, 2, 10, 3, 7, tzinfo=UTC)
SAKER = [{"kommune": "0301", "melding": [notation.date(2024, 3, 1)]}]


class Clock:
    """A second more each time it is asked."""

    def __init__(self) -> None:
        self.now = AT

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def query(name: str, *after: str, sql: str = "", checks: str = "") -> Query:
    """Of a municipality, the number of cases, in the table of an extract that is there."""
    return Query(
        name=name,
        sql=sql or "SELECT kommunenummer, COUNT(*) AS verdi FROM register.sak_per(@run_time) GROUP BY kommunenummer",
        checks=checks,
        key=("kommunenummer",),
        values=("verdi",),
        after=after,
    )


@pytest.fixture
def filled(warehouse):
    warehouse.fill(notation.rows({"saker": SAKER}))
    for name in ("a", "b", "c"):
        warehouse.queries.query(f"CREATE OR REPLACE TABLE statistikk.{name} (kommunenummer STRING, verdi INT64)")
    warehouse.queries.query("DELETE FROM drift.sporringskjoring WHERE TRUE")
    yield warehouse
    for name in ("a", "b", "c"):
        warehouse.queries.query(f"DROP TABLE statistikk.{name}")


def go(filled, *queries: Query, clock: Clock | None = None) -> dict[str, Try]:
    tries = schedule.run_each(queries, AT, filled.queries, "1", clock or Clock())
    return {one.query: one for one in tries}


def outcomes(tries: dict[str, Try]) -> dict[str, str]:
    return {name: str(one.outcome) for name, one in tries.items()}


@pytest.mark.local_cloud
def test_a_query_that_fails_stops_those_that_read_it_alone(filled):
    failing = query("a", checks="-- #fail aldri | never\nSELECT 1 AS en FROM statistikk.a")
    tries = go(filled, failing, query("b", "a"), query("c"))
    assert outcomes(tries) == {"a": "FEILET", "b": "UTELATT", "c": "OK"}
    assert "aldri" in tries["a"].reason
    assert "a" in tries["b"].reason
    rows = filled.queries.query("SELECT sporring, utfall, grunn FROM drift.sporringskjoring ORDER BY startet")
    assert [(r["sporring"], r["utfall"], bool(r["grunn"])) for r in rows] == [
        ("a", "FEILET", True), ("b", "UTELATT", True), ("c", "OK", False)
    ]  # fmt: skip


@pytest.mark.local_cloud
def test_a_query_that_cannot_run_is_a_row_and_not_the_end(filled):
    tries = go(filled, query("a", sql="SELECT nothing FROM nowhere.at_all"), query("c"))
    assert outcomes(tries) == {"a": "BRUTT", "c": "OK"}
    assert tries["a"].reason


@pytest.mark.local_cloud
def test_a_repeat_makes_nothing_again_until_something_has_changed(filled):
    clock = Clock()
    both = query("a"), query("b", "a")
    first = go(filled, *both, clock=clock)
    assert outcomes(first) == {"a": "OK", "b": "OK"}
    second = go(filled, *both, clock=clock)
    assert outcomes(second) == {"a": "UENDRET", "b": "UENDRET"}
    assert [(t.rows, t.sha256) for t in second.values()] == [(t.rows, t.sha256) for t in first.values()]
    # Another SQL, and what reads it.
    changed = query("a", sql=both[0].sql.replace("COUNT(*)", "2 * COUNT(*)"))
    assert outcomes(go(filled, changed, both[1], clock=clock)) == {"a": "OK", "b": "OK"}
    # A case that came late, as of the same time.
    filled.fill(notation.rows({"saker": [*SAKER, {"kommune": "0301", "melding": [notation.date(2024, 4, 1)]}]}))
    assert outcomes(go(filled, changed, both[1], clock=clock)) == {"a": "OK", "b": "OK"}
    (row,) = filled.queries.query("SELECT verdi FROM statistikk.a")
    assert row["verdi"] == 4


@pytest.mark.local_cloud
def test_figures_of_another_time_are_made_again(filled):
    clock = Clock()
    go(filled, query("a"), clock=clock)
    schedule.run_each([query("a")], AT + timedelta(days=1), filled.queries, "1", clock)
    assert outcomes(go(filled, query("a"), clock=clock)) == {"a": "OK"}


@pytest.mark.local_cloud
def test_who_is_late(filled):
    queries = [query("a"), query("b")]
    assert [(one.query, one.outcome) for one in schedule.late(queries, filled.queries, AT)] == [
        ("a", "ALDRI"),
        ("b", "ALDRI"),
    ]
    go(filled, *queries)
    assert not schedule.late(queries, filled.queries, AT + timedelta(hours=26))
    failing = query("a", checks="-- #fail aldri | never\nSELECT 1 AS en FROM statistikk.a")
    clock = Clock()
    clock.now = AT + timedelta(hours=25)
    go(filled, failing, query("b"), clock=clock)
    (one,) = schedule.late(queries, filled.queries, AT + timedelta(hours=27))
    assert (one.query, one.outcome) == ("a", "FEILET")
    assert one.last is not None
    assert AT < one.last < AT + timedelta(minutes=1)
    (view,) = filled.queries.query("SELECT utfall, lyktes FROM drift.sporringskjoring_gjeldende WHERE sporring = 'a'")
    assert (view["utfall"], view["lyktes"]) == ("FEILET", one.last)


def test_every_query_comes_after_those_it_reads():
    names = [one.name for one in scheduled(SCHEMAS)]
    for one in scheduled(SCHEMAS):
        read = {n for n in names if f"statistikk.{n}" in one.sql and n != one.name}
        assert read == set(one.after), f"{one.name}: depends_on in its metadata.yaml"
        assert all(names.index(n) < names.index(one.name) for n in one.after)


def test_outcomes_that_are_good_publish():
    assert {Outcome.OK, Outcome.UNCHANGED} == schedule.GOOD
