"""What figures are divided by and grouped by: inhabitants and KOSTRA groups, as CSV files checked line by line.

A file has the columns of its table, and takes the place of all that was loaded before, from now on: figures as of an
earlier time are made of what there was then. Figures for which there are no inhabitants are made all the
same, with the status MANGLER_BEFOLKNING and without a share.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec

from bvr.model.kommuner import inhabitants, names
from bvr.model.types import Concept, fields
from bvr.statistics.figures.tables import Befolkning, Kostragruppe

TABLES: dict[str, type[Concept]] = {"befolkning": Befolkning, "kostragruppe": Kostragruppe}
COUNTED = date(2026, 1, 1)
"""The date of the inhabitants in the repository: StatBank 07459."""
BANDS = ("F000-017", "F000-022", "F000-024")


class Line(msgspec.Struct, frozen=True):
    """A line of a file: a row, or what is wrong with it."""

    number: int
    row: Any
    fault: str = ""


def read(table: str, path: Path) -> list[Line]:
    """Every line. Raises ValueError when the file is no CSV with the columns of the table."""
    concept = TABLES[table]
    wanted = {f.name for f in fields(concept) if f.name != "lastet"}
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        given = set(rows.fieldnames or ())
        if given - wanted or {f.name for f in fields(concept) if f.required} - given:
            raise ValueError(f"{path}: the columns are {', '.join(sorted(wanted))}, not {', '.join(sorted(given))}")
        lines = [_line(concept, number, row) for number, row in enumerate(rows, 2)]
    return _without_repeats(lines)


def _line(concept: type[Concept], number: int, row: dict[str, str]) -> Line:
    try:
        made = msgspec.convert({k: v.strip() for k, v in row.items() if v and v.strip()}, concept, strict=False)
    except (msgspec.ValidationError, AttributeError) as error:
        return Line(number, None, str(error))
    if isinstance(made, Befolkning):
        if made.aldersgruppe not in BANDS:
            return Line(number, None, f"aldersgruppe: {made.aldersgruppe} is none of {', '.join(BANDS)}")
        if made.antall < 0:
            return Line(number, None, "antall: is below nought")
    elif isinstance(made, Kostragruppe) and made.kommunenummer not in names():
        return Line(number, None, f"kommunenummer: {made.kommunenummer} is no municipality")
    return Line(number, made)


def _without_repeats(lines: list[Line]) -> list[Line]:
    """The later of two lines of one thing is a fault: which of them holds is not ours to say."""
    seen: dict[tuple[Any, ...], int] = {}
    found = []
    for line in lines:
        row = line.row
        key = (
            (row.region, row.aldersgruppe, row.dato)
            if isinstance(row, Befolkning)
            else (row.kommunenummer, row.gyldig_fra)
            if isinstance(row, Kostragruppe)
            else None
        )
        if key in seen:
            line = Line(line.number, None, f"the same as line {seen[key]}")  # noqa: PLW2901
        elif key is not None:
            seen[key] = line.number
        found.append(line)
    return found


def holes(rows: list[Befolkning]) -> list[str]:
    """What lacks municipalities: `2026-01-01 F000-017: 4601, 5001`."""
    there: dict[tuple[date, str], set[str]] = defaultdict(set)
    for row in rows:
        there[row.dato, row.aldersgruppe].add(row.region)
    return [
        f"{day} {band}: {', '.join(sorted(missing))}"
        for (day, band), regions in sorted(there.items())
        if (missing := names().keys() - regions)
    ]


def known() -> list[Befolkning]:
    """The inhabitants in the repository: municipalities, counties, the country with and without Oslo."""
    found: dict[tuple[str, str], int] = defaultdict(int)
    for kommune, by_band in inhabitants().items():
        for band, number in by_band.items():
            for region in (kommune, f"EKA{kommune[:2]}", "EAK", *(("EAKUO",) if kommune != "0301" else ())):
                found[region, band] += number
    return [
        Befolkning(region=region, aldersgruppe=band, dato=COUNTED, antall=number)
        for (region, band), number in sorted(found.items())
    ]


def loaded(rows: list[Any], at: datetime) -> list[dict[str, Any]]:
    """Rows as they are loaded at a moment."""
    return [{**msgspec.structs.asdict(row), "lastet": at} for row in rows]
