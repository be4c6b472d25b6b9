"""The scheduled queries together: each after those it reads, every try recorded, and who is late.

A try is a row of `drift.sporringskjoring`, also of a query that failed or was left out. A repeat as of the same time,
over a register and inputs that have not changed since, makes nothing again: a scheduler that tries once more pays for
what failed alone.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import uuid4

import msgspec

from bvr.errors import Broken, Retry
from bvr.statistics.declared import Query
from bvr.statistics.ports import Tables
from bvr.statistics.run import Run, run

# What figures and reports are made of, as far as it was known: table -> what tells two rows apart, and until when.
_INPUTS = {
    "register.innsending": ("CONCAT(melding_id, innhold_sha256, regelsett, utfall)", "behandlet"),
    "register.kostra_fil": ("CONCAT(fil_id, utfall)", "behandlet"),
    "grunnlag.befolkning": ("TO_JSON_STRING(t)", ""),
    "grunnlag.kostragruppe": ("TO_JSON_STRING(t)", ""),
}


class Outcome(StrEnum):
    """How a try ended."""

    OK = "OK"
    UNCHANGED = "UENDRET"
    """Made before as of this time, of the same content."""
    FAILED = "FEILET"
    """A check failed: what was published before still is."""
    LEFT_OUT = "UTELATT"
    """A query that it reads did not succeed."""
    BROKEN = "BRUTT"
    """The query could not be run."""


GOOD = frozenset({Outcome.OK, Outcome.UNCHANGED})


class Try(msgspec.Struct, frozen=True, kw_only=True):
    """One try at one query: rows, bytes as BigQuery bills them, seconds, and why where it did not succeed."""

    query: str
    run_time: datetime
    outcome: Outcome
    rows: int = 0
    sha256: str = ""
    bytes_billed: int = 0
    seconds: float = 0.0
    reason: str = ""
    warned: tuple[str, ...] = ()


class Late(msgspec.Struct, frozen=True, kw_only=True):
    """A query whose rows are older than they may be. `last` is None when it never succeeded."""

    query: str
    last: datetime | None
    outcome: str


def run_each(
    queries: Iterable[Query], run_time: datetime, tables: Tables, ruleset: str, clock: Callable[[], datetime]
) -> list[Try]:
    """Run the queries in the order they are given, as of a time. One that fails stops only those that read it."""
    content = _content(run_time, tables)
    before = _last(tables)
    tries: dict[str, Try] = {}
    for query in queries:
        started = clock()
        made = _basis(query, content)
        missing = [name for name in query.after if name in tries and tries[name].outcome not in GOOD]
        if missing:
            told = Try(
                query=query.name, run_time=run_time, outcome=Outcome.LEFT_OUT, reason=f"venter på {', '.join(missing)}"
            )
        elif _repeated(before.get(query.name), run_time, made, [tries[n] for n in query.after if n in tries]):
            known = before[query.name]
            told = Try(
                query=query.name,
                run_time=run_time,
                outcome=Outcome.UNCHANGED,
                rows=known["rader"],
                sha256=known["sha256"] or "",
            )
        else:
            told = _try(query, run_time, tables, ruleset)
        tries[query.name] = told
        record(told, started, clock(), made, tables)
    return list(tries.values())


def late(queries: Iterable[Query], tables: Tables, now: datetime) -> list[Late]:
    """The queries whose last success is older than they allow."""
    last, good = _last(tables), _last(tables, good=True)
    found = []
    for query in queries:
        ok = good.get(query.name)
        if ok is None or now - ok["ferdig"] > timedelta(hours=query.max_age_hours):
            outcome = last[query.name]["utfall"] if query.name in last else "ALDRI"
            found.append(Late(query=query.name, last=ok["ferdig"] if ok else None, outcome=outcome))
    return found


def _try(query: Query, run_time: datetime, tables: Tables, ruleset: str) -> Try:
    started, billed = time.perf_counter(), tables.bytes_billed
    done: Run | None = None
    outcome, reason = Outcome.OK, ""
    try:
        done = run(query, run_time, tables, ruleset)
        if done.failed:
            outcome, reason = Outcome.FAILED, "; ".join(done.failed)
    except (Broken, Retry) as error:
        outcome, reason = Outcome.BROKEN, str(error)
    return Try(
        query=query.name,
        run_time=run_time,
        outcome=outcome,
        rows=done.rows if done else 0,
        sha256=done.sha256 if done else "",
        bytes_billed=tables.bytes_billed - billed,
        seconds=time.perf_counter() - started,
        reason=reason,
        warned=done.warned if done else (),
    )


def _content(run_time: datetime, tables: Tables) -> str:
    """A fingerprint of all that figures are made of, as known at a time."""
    parts = " UNION ALL ".join(
        f"SELECT '{table}' AS tabell, COUNT(*) AS antall, IFNULL(BIT_XOR(FARM_FINGERPRINT({row})), 0) AS avtrykk "  # noqa: S608
        f"FROM {table} AS t" + (f" WHERE {until} <= @run_time" if until else "")
        for table, (row, until) in _INPUTS.items()
    )
    return str(tables.query(f"{parts} ORDER BY tabell", {"run_time": run_time}))


def _basis(query: Query, content: str) -> str:
    return hashlib.sha256("\0".join((query.sql, query.checks, content)).encode()).hexdigest()


def _repeated(before: dict[str, Any] | None, run_time: datetime, basis: str, read: list[Try]) -> bool:
    """Whether the table already is what it would become; not when one that it reads was made again just now."""
    return (
        before is not None
        and before["utfall"] in GOOD
        and (before["kunnskapstidspunkt"], before["grunnlag_sha256"]) == (run_time, basis)
        and all(one.outcome == Outcome.UNCHANGED for one in read)
    )


def _last(tables: Tables, *, good: bool = False) -> dict[str, dict[str, Any]]:
    """Query -> its last try; with `good`, its last success."""
    rows = tables.query(
        "SELECT sporring, utfall, kunnskapstidspunkt, grunnlag_sha256, ferdig, rader, sha256 "
        "FROM drift.sporringskjoring WHERE utfall IN UNNEST(SPLIT(@utfall)) "
        "QUALIFY ROW_NUMBER() OVER (PARTITION BY sporring ORDER BY ferdig DESC, startet DESC) = 1",
        {"utfall": ",".join(sorted(GOOD) if good else Outcome)},
    )
    return {row["sporring"]: row for row in rows}


def record(told: Try, started: datetime, done: datetime, basis: str, tables: Tables) -> None:
    tables.query(
        "INSERT INTO drift.sporringskjoring (forsok_id, sporring, kunnskapstidspunkt, startet, ferdig, utfall, grunn, "
        "varsler, rader, sha256, bytes_fakturert, sekunder, grunnlag_sha256) VALUES (@id, @sporring, @run_time, "
        "@startet, @ferdig, @utfall, NULLIF(@grunn, ''), NULLIF(@varsler, ''), @rader, NULLIF(@sha256, ''), @bytes, "
        "@sekunder, @basis)",
        {
            "id": str(uuid4()),
            "sporring": told.query,
            "run_time": told.run_time,
            "startet": started,
            "ferdig": done,
            "utfall": str(told.outcome),
            "grunn": told.reason,
            "varsler": "; ".join(told.warned),
            "rader": told.rows,
            "sha256": told.sha256,
            "bytes": told.bytes_billed,
            "sekunder": told.seconds,
            "basis": basis,
        },
    )
