"""What follows the scheduled queries of a night: freezes whose moment has come, the year-on-year tests, and approvals
that no longer hold.

Each is a try of its own in `drift.sporringskjoring`. What fails is tried again the next night, for a month.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from bvr import deviations, gcp
from bvr.config import config
from bvr.errors import BvrError
from bvr.log import log
from bvr.rules import RULESET
from bvr.statistics import calendar, freezes, schedule
from bvr.statistics.approval import Actor, Approvals, State
from bvr.statistics.calendar import Planned
from bvr.statistics.declared import scheduled
from bvr.statistics.schedule import Outcome, Try

CATCH_UP = timedelta(days=31)
"""How long after its moment a freeze is still made by itself."""
DAILY = "avvik_daglig"
REOPEN = "gjenapning"
OURSELVES = Actor(name="Barnevernsregisteret", role="system", on_behalf_of="registeret", channel="SYSTEM")


def _now() -> datetime:
    return datetime.now(UTC)


def follow(run_time: datetime) -> list[Try]:
    """Make what is due as of a time. A repeat makes nothing again."""
    c = config()
    tables = gcp.queries(c)
    queries = scheduled(c.schemas)
    tries = [_tried(tables, DAILY, run_time, partial(_daily, tables, run_time))]
    if not tables.query("SELECT 1 AS en FROM register.innsending WHERE behandlet <= @t LIMIT 1", {"t": run_time}):
        return tries
    (begun,) = tables.query("SELECT MIN(behandlet) AS t FROM register.innsending WHERE utfall != 'REJECTED'")
    for plan in freezes.due(tables, run_time - CATCH_UP, run_time):
        if begun["t"] is None or begun["t"] > plan.known:
            continue  # nothing was known then: there are no figures to freeze
        tries.append(_tried(tables, f"frysing_{plan.id}", plan.known, partial(_frozen, tables, queries, plan)))
    approvals = Approvals(tables)
    if any(one.state in (State.APPROVED, State.FROZEN) for one in approvals.standing(run_time)):
        tries.append(_tried(tables, REOPEN, run_time, partial(_reopened, approvals)))
    return tries


def overdue(now: datetime) -> list[str]:
    """The freezes of the last month whose moment came more than two days ago and that have not been made."""
    tables = gcp.queries(config())
    (begun,) = tables.query("SELECT MIN(behandlet) AS t FROM register.innsending WHERE utfall != 'REJECTED'")
    return [
        plan.id
        for plan in freezes.due(tables, now - CATCH_UP, now - timedelta(days=2))
        if begun["t"] is not None and begun["t"] <= plan.known
    ]


def _daily(tables: gcp.Queries, run_time: datetime) -> int:
    """T10 and T9, as known at the time."""
    arrived = deviations.of_today(tables, run_time)
    carried = deviations.of_migration(tables, run_time)
    return len(arrived.avvik) + (len(carried.avvik) if carried else 0)


def _frozen(tables: gcp.Queries, queries: Any, plan: Planned) -> int:
    """A freeze, what it differs by from the one before, and from the same one a year before."""
    made = freezes.freeze(tables, queries, plan, RULESET, _now)
    freezes.revise(tables, plan.id)
    year_before = calendar.planned(f"{int(plan.period[:4]) - 1}{plan.period[4:]}", plan.number)
    if freezes.made(tables, year_before.id) is not None:
        deviations.of_period(tables, plan.period, freeze=plan.number)
    return made.rader


def _reopened(approvals: Approvals) -> int:
    """The approvals that a newer freeze has moved away from; a repeat finds none."""
    found = approvals.reopen_all(OURSELVES, _now())
    for one in found:
        log("godkjenning gjenåpnet", severity="WARNING", kommune=one.kommunenummer, frysing=one.frysing_id)
    return len(found)


def _tried(tables: gcp.Queries, name: str, run_time: datetime, work: Callable[[], int]) -> Try:
    started, billed = _now(), tables.bytes_billed
    rows, outcome, reason = 0, Outcome.OK, ""
    try:
        rows = work()
    except (BvrError, ValueError) as error:
        outcome = Outcome.FAILED if isinstance(error, freezes.NotFrozen) else Outcome.BROKEN
        reason = str(error)
    done = _now()
    told = Try(
        query=name,
        run_time=run_time,
        outcome=outcome,
        rows=rows,
        bytes_billed=tables.bytes_billed - billed,
        seconds=(done - started).total_seconds(),
        reason=reason,
    )
    schedule.record(told, started, done, "", tables)
    return told
