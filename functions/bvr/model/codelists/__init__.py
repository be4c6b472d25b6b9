"""The code lists: one CSV a list; order of rows = order of the enumeration in the schema."""

from __future__ import annotations

import csv
from datetime import date
from functools import cache
from pathlib import Path

import msgspec

from bvr.model.types import in_version


class Code(msgspec.Struct, frozen=True):
    """One code. `valid_from` and `valid_to` are days, both in force; None is unknown or open.

    `since` and `until` are schema versions: the first that accepts the code, the first that no longer does.
    """

    code: str
    label_nb: str
    label_en: str
    valid_from: date | None
    valid_to: date | None
    since: str | None
    until: str | None

    def valid_on(self, day: date) -> bool:
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)

    def in_version(self, version: str) -> bool:
        return in_version(self.since, self.until, version)


def _day(value: str) -> date | None:
    return date.fromisoformat(value) if value else None


@cache
def codelist(name: str) -> dict[str, Code]:
    """The codes of a list, in order. Raises FileNotFoundError for a list that does not exist."""
    with (Path(__file__).parent / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["code"]: Code(
                code=row["code"],
                label_nb=row["label_nb"],
                label_en=row["label_en"],
                valid_from=_day(row["valid_from"]),
                valid_to=_day(row["valid_to"]),
                since=row["since"] or None,
                until=row["until"] or None,
            )
            for row in csv.DictReader(file)
        }


def names() -> list[str]:
    return sorted(path.stem for path in Path(__file__).parent.glob("*.csv"))
