"""Cron expressions, and which schedules are due."""

from datetime import datetime

import pytest

from emulator.scheduler import Cron, Scheduler
from emulator.topology import load


@pytest.mark.parametrize(
    ("expression", "at", "expected"),
    [
        ("*/10 * * * *", "2026-01-14T12:20", True),
        ("*/10 * * * *", "2026-01-14T12:21", False),
        ("7 4 * * *", "2026-01-14T04:07", True),
        ("7 4 * * *", "2026-01-14T05:07", False),
        ("0 6-8,22 * * *", "2026-01-14T08:00", True),
        ("0 6-8,22 * * *", "2026-01-14T09:00", False),
        ("0 6-8,22 * * *", "2026-01-14T22:00", True),
        ("30 0-23/6 * * *", "2026-01-14T18:30", True),
        ("5/20 * * * *", "2026-01-14T18:45", True),
        ("0 0 1 1,7 *", "2026-07-01T00:00", True),
        ("0 0 1 1,7 *", "2026-06-01T00:00", False),
        ("0 0 * * 0", "2026-01-11T00:00", True),  # a Sunday
        ("0 0 * * 7", "2026-01-11T00:00", True),
        ("0 0 * * 1-5", "2026-01-11T00:00", False),
        # Both day fields restricted: either will do.
        ("0 0 14 * 1", "2026-01-14T00:00", True),  # a Wednesday, the 14th
        ("0 0 13 * 3", "2026-01-14T00:00", True),
        ("0 0 13 * 1", "2026-01-14T00:00", False),
        # One restricted: that one decides.
        ("0 0 */2 * 3", "2026-01-14T00:00", False),
    ],
)
def test_times(expression, at, expected):
    assert Cron(expression).matches(datetime.fromisoformat(at)) is expected


@pytest.mark.parametrize("expression", ["* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "5-1 * * * *", "x * * * *"])
def test_faults(expression):
    with pytest.raises(ValueError, match=r"fields|within|invalid literal"):
        Cron(expression)


def scheduler():
    return Scheduler(load().schedules, url=str, sign=lambda _: "", email=str)


@pytest.mark.parametrize(
    ("at", "due"),
    [
        ("2026-01-14T03:07+00:00", ["sporringer"]),  # winter: 04:07 in Oslo
        ("2026-07-14T02:07+00:00", ["sporringer"]),  # summer: the same
        ("2026-07-14T03:07+00:00", []),
        ("2026-07-14T03:10+00:00", ["feiing"]),
    ],
)
def test_times_are_those_of_the_schedule_s_zone(at, due):
    assert scheduler().due(datetime.fromisoformat(at)) == due


def test_it_can_be_stopped_while_it_waits():
    one = scheduler()
    one.start()
    one.stop()
    one._thread.join(timeout=5)
    assert not one._thread.is_alive()
