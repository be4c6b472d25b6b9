"""The register as it was known at any moment, the table of the current cases, and what changed from one to the next."""

from __future__ import annotations

from typing import Any

import pytest

from bvr.register import materialise
from tests.sql import histories
from tests.sql.googlesql import declared

SEEDS = range(12)
CURRENT = "SELECT * FROM register.sak_gjeldende"
AS_OF = "SELECT * FROM register.sak_per(@tidspunkt)"


def by_case(rows: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    found = {(row["orgnr"], row["sak_id"]): row for row in rows}
    assert len(found) == len(rows), "a case stands twice"
    return found


def told(rows: dict[tuple[str, str], dict[str, Any]]) -> dict[tuple[str, str], tuple[Any, ...]]:
    return {
        case: (row["melding_id"], row["innhold_sha256"], row["regelsett"], row["behandlet"])
        for case, row in rows.items()
    }


def test_the_histories_hold_what_they_should():
    """Otherwise the tests below would prove less than they say."""
    rows = [row for seed in SEEDS for step in histories.history(seed) for row in step]
    assert {row["utfall"] for row in rows} == {"REGISTERED", "EXCLUDED", "REJECTED"}
    assert any(row["er_slettet"] for row in rows)
    assert {row["regelsett"] for row in rows} >= {"1", "2", "3"}
    left = came_back = tied = late = 0
    for seed in SEEDS:
        steps = histories.history(seed)
        seen: set[tuple[str, str]] = set()
        before: dict[Any, Any] = {}
        for number, _ in enumerate(steps):
            so_far = [row for step in steps[: number + 1] for row in step]
            now = histories.current(so_far, histories.moment(number))
            left += len(before.keys() - now.keys())
            came_back += len((now.keys() - before.keys()) & seen)
            seen |= now.keys()
            before = now
        for case in histories.ordered([row for step in steps for row in step]).values():
            extracts = [row["dato_uttrekk"] for row in case]
            tied += len(extracts) - len(set(extracts))
            processed = [row["behandlet"] for row in case]
            late += processed != sorted(processed)
    assert min(left, came_back, tied, late) >= 5


@pytest.mark.parametrize("seed", SEEDS[:6])
def test_as_of_in_googles_reference_engine(seed):
    """What was current after each step is what the function says of that moment when all is known."""
    steps = histories.history(seed, 6)
    everything = [row for step in steps for row in step]
    for number in range(len(steps)):
        at = histories.moment(number)
        so_far = [row for step in steps[: number + 1] for row in step]
        snapshot = by_case(declared().rows(CURRENT, {"register.innsending": so_far}))
        later = declared().rows(AS_OF, {"register.innsending": everything}, tidspunkt=("TIMESTAMP", at))
        assert by_case(later) == snapshot
        assert told(snapshot) == histories.current(so_far, at)


@pytest.mark.local_cloud
@pytest.mark.parametrize("seed", SEEDS)
def test_as_of_in_the_emulator(seed, warehouse):
    snapshots = []
    so_far: list[dict[str, Any]] = []
    for number, rows in enumerate(histories.history(seed)):
        so_far += rows
        warehouse.fill(so_far)
        snapshots.append(by_case(warehouse.queries.query(CURRENT)))
        assert told(snapshots[-1]) == histories.current(so_far, histories.moment(number))
    for number, snapshot in enumerate(snapshots):
        later = warehouse.queries.query(AS_OF, {"tidspunkt": histories.moment(number)})
        assert by_case(later) == snapshot
    before = histories.moment(0) - histories.STEP
    assert warehouse.queries.query(AS_OF, {"tidspunkt": before}) == []


# --- the table -----------------------------------------------------------------------------------------------------


@pytest.fixture
def tables(warehouse):
    """The port, with nothing materialised yet."""
    for table in ("register.sak_tabell", "drift.avledning"):
        warehouse.queries.query(f"DELETE FROM {table} WHERE TRUE")
    return warehouse.queries


def equal(tables) -> None:
    """The table and the view hold the same cases, with the same content in every column."""
    view, table = (by_case(tables.query(f"SELECT * FROM register.{name}")) for name in ("sak_gjeldende", "sak_tabell"))
    assert table == view


@pytest.mark.local_cloud
@pytest.mark.parametrize("seed", SEEDS[:4])
def test_the_table_is_the_view(seed, warehouse, tables):
    """After every run, also one that is done twice."""
    so_far: list[dict[str, Any]] = []
    before: dict[Any, Any] = {}
    for number, rows in enumerate(histories.history(seed, 8)):
        so_far += rows
        warehouse.fill(so_far)
        done = materialise.run(tables, histories.moment(number))
        equal(tables)
        now = histories.current(so_far, histories.moment(number))
        assert done.endret == sum(before.get(case) != now.get(case) for case in before.keys() | now.keys())
        assert materialise.run(tables, histories.moment(number)).endret == 0
        equal(tables)
        before = now


@pytest.mark.local_cloud
def test_a_row_that_comes_late_is_found_within_the_hour_or_at_night(warehouse, tables):
    """Rows stored long after they were processed are outside the window of an ordinary run."""
    steps = histories.history(3)
    late = steps[2]
    rest = [row for step in steps if step is not late for row in step]
    warehouse.fill(rest)
    at = histories.moment(len(steps))
    materialise.run(tables, at)
    warehouse.fill(rest + late)
    told_before = told(by_case(tables.query("SELECT * FROM register.sak_tabell")))
    assert told_before != histories.current(rest + late, at)
    materialise.run(tables, at)
    assert told(by_case(tables.query("SELECT * FROM register.sak_tabell"))) == told_before
    assert materialise.run(tables, at, everything=True).endret > 0
    equal(tables)
    assert materialise.run(tables, at, everything=True).endret == 0


@pytest.mark.local_cloud
def test_what_is_erased_leaves_the_table(warehouse, tables):
    rows = [row for step in histories.history(1) for row in step]
    warehouse.fill(rows)
    at = histories.moment(20)
    materialise.run(tables, at)
    held = by_case(tables.query("SELECT * FROM register.sak_tabell"))
    gone = next(iter(held))
    warehouse.fill([row for row in rows if (row["orgnr"], row["sak_id"]) != gone])
    done = materialise.run(tables, at + histories.STEP * 10)
    assert (done.antall, done.endret) == (1, 1)
    assert by_case(tables.query("SELECT * FROM register.sak_tabell")).keys() == held.keys() - {gone}
    equal(tables)


@pytest.mark.local_cloud
def test_the_run_of_everything_mends_the_table(warehouse, tables):
    """Whatever became of a row of the table, at night it is the view's again."""
    warehouse.fill([row for step in histories.history(2) for row in step])
    materialise.run(tables, histories.moment(20))
    tables.query("UPDATE register.sak_tabell SET kommunenummer = '9999' WHERE TRUE")
    materialise.run(tables, histories.moment(20), everything=True)
    equal(tables)
