"""How far each derivation of the register has come: `drift.avledning`, one row a run.

A derivation reads the submissions that were processed since its last run, and writes what follows from them. Rows may
reach BigQuery later than they were processed (a redelivery, an outage), so each run reads an hour once more, and one
run a night reads everything: what a derivation writes must be the same however often it is written.
"""

# mypy: disable-error-code="misc"
# (see model/concepts.py)

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Protocol
from uuid import NAMESPACE_URL, uuid5

import msgspec

from bvr.model.types import STAMP, TEXT, WHOLE, Concept, Doc

OVERLAP = timedelta(hours=1)
BEGINNING = datetime(1, 1, 1, tzinfo=UTC)


class Avledning(Concept):
    """A run of a derivation. | En kjøring av en avledning."""

    kjoring_id: Annotated[str, TEXT, Doc("Kjøringens id.", "Id of the run.")]
    steg: Annotated[str, TEXT, Doc("Hva som ble avledet.", "What was derived.")]
    fra: Annotated[datetime, STAMP, Doc("Innsendinger behandlet fra.", "Submissions processed since.")]
    til: Annotated[datetime, STAMP, Doc("Innsendinger behandlet til.", "Submissions processed until.")]
    antall: Annotated[int, WHOLE, Doc("Saker som ble sett på.", "Cases that were looked at.")]
    endret: Annotated[int, WHOLE, Doc("Rader som ble endret.", "Rows that were changed.")]


class Tables(Protocol):
    """Queries and rows. Parameters (lists, too) never become part of the SQL text."""

    def query(self, sql: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]: ...

    def insert(self, table: str, rows: list[dict[str, Any]], *, once: str = "") -> None:
        """Add rows to a table (dataset.table), all or none; with `once`, the same call again adds nothing."""
        ...


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did: cases it looked at, and rows that it changed."""

    steg: str
    antall: int
    endret: int


class Window:
    """The submissions that a run reads: processed after `since`, until `until`."""

    def __init__(self, step: str, since: datetime, until: datetime) -> None:
        self.step, self.since, self.until = step, since, until

    @property
    def parameters(self) -> dict[str, Any]:
        """For SQL: `behandlet > @fra AND behandlet <= @til`."""
        return {"fra": self.since, "til": self.until}

    @property
    def id(self) -> str:
        return str(uuid5(NAMESPACE_URL, f"avledning:{self.step}:{self.since.isoformat()}:{self.until.isoformat()}"))


def window(tables: Tables, step: str, until: datetime, *, everything: bool = False) -> Window:
    """What a run of a step has to read now."""
    if everything:
        return Window(step, BEGINNING, until)
    (found,) = tables.query("SELECT MAX(til) AS til FROM drift.avledning WHERE steg = @steg", {"steg": step})
    return Window(step, found["til"] - OVERLAP if found["til"] else BEGINNING, until)


def record(tables: Tables, read: Window, seen: int, changed: int) -> None:
    """The run is done: the next begins where this one ended."""
    row = {
        "kjoring_id": read.id,
        "steg": read.step,
        "fra": read.since,
        "til": read.until,
        "antall": seen,
        "endret": changed,
    }
    tables.insert("drift.avledning", [row], once=read.id)
