"""`bvr run-queries`: every scheduled query and what follows, now or as of a time."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from bvr import gcp
from bvr.config import config
from bvr.rules import RULESET
from bvr.statistics import schedule
from bvr.statistics.declared import scheduled
from bvr.statistics.schedule import GOOD, Late, Try


def run_each(run_time: datetime) -> list[Try]:
    """Run them all; one that fails its checks stops only those that read it."""
    c = config()
    return schedule.run_each(scheduled(c.schemas), run_time, gcp.queries(c), RULESET, lambda: datetime.now(UTC))


def late(now: datetime) -> list[Late]:
    """The queries that should have succeeded since."""
    c = config()
    return schedule.late(scheduled(c.schemas), gcp.queries(c), now)


def moment(text: str | None) -> datetime:
    """A time with its zone, from RFC 3339 text; now when there is none. Raises ValueError."""
    if not text:
        return datetime.now(UTC)
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("the time needs a zone, such as 2026-01-10T04:07:00Z")
    return found.astimezone(UTC)


def run_all(as_of: str | None) -> int:
    """Run and show; 0 when every query passed its checks."""
    from bvr.nightly import follow

    run_time = moment(as_of)
    tries = [*run_each(run_time), *follow(run_time)]
    table = Table(title="Spørringer | Queries", title_justify="left")
    for column in ("spørring", "utfall", "rader", "grunn", "varsler", "MB", "sekunder"):
        table.add_column(column)
    for t in tries:
        table.add_row(
            *(t.query, str(t.outcome), str(t.rows), t.reason or "-", ", ".join(t.warned) or "-"),
            *(f"{t.bytes_billed / 1e6:.0f}", f"{t.seconds:.1f}"),
        )
    Console().print(table)
    return int(any(t.outcome not in GOOD for t in tries))
