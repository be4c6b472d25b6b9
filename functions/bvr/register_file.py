"""A CSV file that takes a table's place: the columns of the table, every line checked before any is loaded."""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Hashable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from bvr.model.types import Concept, fields

T = TypeVar("T")


class Line(msgspec.Struct, Generic[T], frozen=True):
    """A line of the file: a row, or what is wrong with it."""

    number: int
    row: T | None
    faults: tuple[str, ...] = ()


def read(
    path: Path,
    concept: type[Concept],
    make: Callable[[dict[str, str]], T | list[str]],
    *,
    required: Collection[str] = (),
    ours: Collection[str] = (),
) -> list[Line[T]]:
    """Every line, as `make` has it: a row, or what is wrong.

    `required` are columns that the table can do without and a file cannot; `ours` are those that no file has.
    Raises ValueError when the file is no CSV with the columns of the table.
    """
    columns = [f.name for f in fields(concept) if f.name not in ours]
    needed = [f.name for f in fields(concept) if f.name in columns and (f.required or f.name in required)]
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        given = set(rows.fieldnames or ())
        wrong = [f"unknown column {name}" for name in sorted(given - set(columns))]
        wrong += [f"missing column {name}" for name in sorted(set(needed) - given)]
        if wrong:
            raise ValueError(f"{path}: {'; '.join(wrong)}")
        return [_line(number, row, columns, needed, make) for number, row in enumerate(rows, 2)]


def _line(
    number: int,
    row: dict[str, Any],
    columns: list[str],
    needed: list[str],
    make: Callable[[dict[str, str]], T | list[str]],
) -> Line[T]:
    if row.get(None):  # type: ignore[call-overload]
        return Line(number, None, ("flere felt enn kolonner | more fields than columns",))
    given = {name: (row.get(name) or "").strip() for name in columns}
    missing = [f"{name}: mangler | is missing" for name in needed if not given[name]]
    made = make(given)
    faults = missing + made if isinstance(made, list) else missing
    return Line(number, None, tuple(faults)) if faults or isinstance(made, list) else Line(number, made)


def apart(
    lines: list[Line[T]], key: Callable[[T], Hashable], clash: Callable[[T, T], bool] = lambda a, b: True
) -> list[Line[T]]:
    """The later of two lines with one key that cannot both hold is at fault: which of them does is not ours to say."""
    seen: dict[Hashable, list[Line[T]]] = {}
    found: list[Line[T]] = []
    for line in lines:
        if line.row is None:
            found.append(line)
            continue
        earlier = seen.setdefault(key(line.row), [])
        other = next((e for e in earlier if e.row is not None and clash(e.row, line.row)), None)
        if other is None:
            earlier.append(line)
            found.append(line)
        else:
            fault = f"overlapper linje {other.number} | overlaps line {other.number}"
            found.append(Line(line.number, None, (fault,)))
    return found


class Dated(Protocol):
    """What is valid from a day, to a day or from then on."""

    @property
    def gyldig_fra(self) -> date: ...

    @property
    def gyldig_til(self) -> date | None: ...


def at_once(a: Dated, b: Dated) -> bool:
    """Whether there is a day on which both are valid."""
    return a.gyldig_fra <= (b.gyldig_til or date.max) and b.gyldig_fra <= (a.gyldig_til or date.max)


def days(given: dict[str, str]) -> Iterator[str]:
    """What is wrong with gyldig_fra and gyldig_til."""
    found = {}
    for name in ("gyldig_fra", "gyldig_til"):
        try:
            found[name] = date.fromisoformat(given[name]) if given[name] else None
        except ValueError:
            yield f"{name}: ikke en dato (ÅÅÅÅ-MM-DD) | not a date"
    first, last = found.get("gyldig_fra"), found.get("gyldig_til")
    if first and last and last < first:
        yield "gyldig_til: før gyldig_fra | before gyldig_fra"
