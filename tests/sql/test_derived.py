"""Rows of derivations are inserted once, and each run begins where the last ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bvr.errors import Broken
from bvr.register.derived import BEGINNING, OVERLAP, record, window

pytestmark = pytest.mark.local_cloud
NOON = datetime(2026, 6, 30, 12, tzinfo=UTC)


def test_a_run_begins_an_hour_before_the_last_one_ended_and_is_recorded_once(warehouse):
    tables = warehouse.queries
    first = window(tables, "prove", NOON)
    assert first.since == BEGINNING
    record(tables, first, 3, 2)
    record(tables, first, 3, 2)
    (row,) = tables.query("SELECT * FROM drift.avledning WHERE steg = 'prove'")
    assert (row["fra"], row["til"], row["antall"], row["endret"]) == (BEGINNING, NOON, 3, 2)
    later = window(tables, "prove", NOON + timedelta(minutes=10))
    assert later.since == NOON - OVERLAP
    assert window(tables, "prove", NOON, everything=True).since == BEGINNING


def test_rows_that_do_not_fit_are_refused_as_a_whole(warehouse):
    tables = warehouse.queries
    with pytest.raises(Broken):
        tables.insert("drift.avledning", [{"antall": "mange"}], once="feil")
