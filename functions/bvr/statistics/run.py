"""A run of a scheduled query: compute into a candidate table, check it, and only then let it become the figures."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

import msgspec

from bvr.statistics.declared import Query
from bvr.statistics.ports import Tables

_HEAD = re.compile(r"--\s*#(fail|warn)\s+(.*)")


class Check(msgspec.Struct, frozen=True):
    """One statement of a checks.sql: it returns rows only when something is wrong."""

    name: str
    fails: bool
    sql: str


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did. `failed` and `warned` name checks; the figures are published only when nothing failed."""

    query: str
    run_time: datetime
    rows: int
    sha256: str
    failed: tuple[str, ...]
    warned: tuple[str, ...]
    seconds: float

    @property
    def published(self) -> bool:
        return not self.failed


def checks(text: str) -> Iterator[Check]:
    """The checks of a file: statements end with a semicolon, and start with `-- #fail name` or `-- #warn name`.

    Raises ValueError for a statement without such a line: a check that nobody named would be skipped in silence.
    """
    for statement in text.split(";"):
        if not statement.strip():
            continue
        head = _HEAD.search(statement)
        if head is None:
            raise ValueError("a check lacks its line -- #fail name, or -- #warn name")
        yield Check(head[2].strip(), head[1] == "fail", statement.strip())


def run(query: Query, run_time: datetime, tables: Tables, ruleset: str) -> Run:
    """Run one query as of a time. The same register and time give the same figures, so a repeat changes nothing."""
    started = time.perf_counter()
    table = f"statistikk.{query.name}"
    candidate = f"{table}__kandidat"
    tables.create(candidate, query.sql, {"run_time": run_time})
    failed: list[str] = []
    warned: list[str] = []
    for check in checks(query.checks):
        if tables.query(f"SELECT 1 AS brudd FROM (\n{_on(check.sql, table, candidate)}\n) LIMIT 1"):  # noqa: S608
            (failed if check.fails else warned).append(check.name)
    rows, digest = _digest(query, tables, candidate)
    if not failed:
        # Recorded first: figures that are there always have their record, found by the time they were read at.
        _record(query, run_time, tables, ruleset, rows, digest, len(warned))
        tables.replace(table, candidate)
    tables.delete(candidate)
    return Run(
        query=query.name,
        run_time=run_time,
        rows=rows,
        sha256=digest,
        failed=tuple(failed),
        warned=tuple(warned),
        seconds=time.perf_counter() - started,
    )


def _on(sql: str, table: str, candidate: str) -> str:
    return re.sub(rf"\b{re.escape(table)}\b", candidate, sql)


def _digest(query: Query, tables: Tables, table: str) -> tuple[int, str]:
    """The number of figures, and SHA-256 over them in a fixed order, without the time they were read at."""
    found = tables.query(
        f"SELECT {', '.join((*query.key, *query.values))} FROM {table} ORDER BY {', '.join(query.key)}"  # noqa: S608
    )
    return len(found), hashlib.sha256(msgspec.json.encode([list(row.values()) for row in found])).hexdigest()


def _record(
    query: Query, run_time: datetime, tables: Tables, ruleset: str, rows: int, digest: str, warned: int
) -> None:
    """A record of the run, unless the last one as of that time gave the same figures.

    The id is published: it says nothing of the figures, as a hash of them would to somebody who guesses the hidden.
    """
    known = tables.query(
        "SELECT lopenummer, sha256 FROM statistikk.kjoring WHERE sporring = @name AND kunnskapstidspunkt = @run_time "
        "ORDER BY lopenummer DESC LIMIT 1",
        {"name": query.name, "run_time": run_time},
    )
    if known and known[0]["sha256"] == digest:
        return
    number = known[0]["lopenummer"] + 1 if known else 1
    tables.query(
        "INSERT INTO statistikk.kjoring (kjoring_id, sporring, kunnskapstidspunkt, lopenummer, rader, sha256, "
        "regelsett, sporring_sha256, varsler) "
        "VALUES (@id, @name, @run_time, @number, @rader, @sha, @regelsett, @sql_sha, @varsler)",
        {
            "id": str(uuid5(NAMESPACE_URL, f"kjoring:{query.name}:{run_time.isoformat()}:{number}")),
            "name": query.name,
            "run_time": run_time,
            "number": number,
            "rader": rows,
            "sha": digest,
            "regelsett": ruleset,
            "sql_sha": hashlib.sha256(query.sql.encode()).hexdigest(),
            "varsler": warned,
        },
    )
