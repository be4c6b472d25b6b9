"""What figures are divided by and grouped by: inhabitants and KOSTRA groups, as CSV files checked line by line.

A file has the columns of its table, and takes the place of all that was loaded before, from now on: figures as of an
earlier time are made of what there was then. Figures for which there are no inhabitants are made all the
same, with the status MANGLER_BEFOLKNING and without a share.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec

from bvr import register_file
from bvr.model.kommuner import inhabitants, names
from bvr.model.types import Concept, fields
from bvr.statistics.figures.tables import Befolkning, Kostragruppe

TABLES: dict[str, type[Concept]] = {"befolkning": Befolkning, "kostragruppe": Kostragruppe}
COUNTED = date(2026, 1, 1)
"""The date of the inhabitants in the repository: StatBank 07459."""
BANDS = ("F000-017", "F000-022", "F000-024")


def read(table: str, path: Path) -> list[register_file.Line[Any]]:
    """Every line. Raises ValueError when the file is no CSV with the columns of the table."""
    concept = TABLES[table]
    lines = register_file.read(path, concept, lambda given: _row(concept, given), ours=["lastet"])
    return register_file.apart(lines, _thing)


def _row(concept: type[Concept], given: dict[str, str]) -> Concept | list[str]:
    if any(not given.get(f.name) for f in fields(concept) if f.required and f.name in given):
        return []
    try:
        made = msgspec.convert({name: text for name, text in given.items() if text}, concept, strict=False)
    except msgspec.ValidationError as error:
        return [str(error)]
    if isinstance(made, Befolkning):
        if made.aldersgruppe not in BANDS:
            return [f"aldersgruppe: {made.aldersgruppe} is none of {', '.join(BANDS)}"]
        if made.antall < 0:
            return ["antall: is below nought"]
    elif isinstance(made, Kostragruppe) and made.kommunenummer not in names():
        return [f"kommunenummer: {made.kommunenummer} is no municipality"]
    return made


def _thing(row: Any) -> Hashable:
    """What a row is about."""
    if isinstance(row, Befolkning):
        return row.region, row.aldersgruppe, row.dato
    return row.kommunenummer, row.gyldig_fra


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
