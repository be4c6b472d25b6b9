"""`bvr run-queries`: every scheduled query, now or as of a time."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from bvr import gcp
from bvr.config import config
from bvr.rules import RULESET
from bvr.statistics.declared import scheduled
from bvr.statistics.run import Run, run


def run_each(run_time: datetime) -> list[Run]:
    """Run them all; one that fails its checks does not stop the others."""
    c = config()
    tables = gcp.queries(c)
    return [run(query, run_time, tables, RULESET) for query in scheduled(c.schemas)]


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
    runs = run_each(moment(as_of))
    table = Table(title="Spørringer | Queries", title_justify="left")
    for column in ("spørring", "rader", "kontroller som feilet", "varsler", "sekunder"):
        table.add_column(column)
    for r in runs:
        table.add_row(r.query, str(r.rows), ", ".join(r.failed) or "-", ", ".join(r.warned) or "-", f"{r.seconds:.1f}")
    Console().print(table)
    return int(any(not r.published for r in runs))
