"""Which figures of a table may be shown: cells with few children behind them are hidden, and what would give them back.

The table is municipality by period, and no totals over municipalities, sex or age are published with it. So the only
equation a reader has is first half-year + second half-year = year, one for each municipality and year. What a reader
also knows: no figure is negative, zeros are always shown (so a hidden figure is at least 1), and a half-year that has
not begun is zero. Under all that a hidden cell must stay uncertain by at least `WIDTH`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

SMALL = 3
"""Cells with 1 to SMALL contributing children are hidden; zero is shown (the practice of the field: n < 4)."""
WIDTH = 3
"""The least difference between the lowest and the highest value a reader can find for a hidden cell."""


class Cell(msgspec.Struct, frozen=True):
    """A figure and the number of children behind it."""

    value: int
    children: int


Key = tuple[str, str]  # municipality, period: 2025, 2025H1, 2025H2


class Family(msgspec.Struct, frozen=True):
    """A year of a municipality. `second` is None while that half-year has not begun."""

    first: Key
    second: Key | None
    year: Key

    @property
    def keys(self) -> list[Key]:
        return [key for key in (self.first, self.second, self.year) if key is not None]


def hidden(cells: Mapping[Key, Cell]) -> frozenset[Key]:
    """The cells of a table that must not be shown."""
    found = {key for key, cell in cells.items() if 1 <= cell.children <= SMALL}
    for family in families(cells):
        # Cheapest first: a half-year before the year, the smaller before the larger; zeros stay.
        order = sorted(
            (key for key in family.keys if key not in found and cells[key].value),
            key=lambda key: (key == family.year, cells[key].value, key),
        )
        while not all(_uncertain(key, family, cells, found) for key in family.keys if key in found):
            found.add(order.pop(0))
    return frozenset(found)


def families(cells: Iterable[Key]) -> list[Family]:
    """The years of a table that has years: stocks at dates have none, and no equation between them."""
    present = set(cells)
    found = []
    for kommune, period in sorted(present):
        first, second = (kommune, f"{period}H1"), (kommune, f"{period}H2")
        if len(period) == 4 and first in present:
            found.append(Family(first, second if second in present else None, (kommune, period)))
    return found


def interval(key: Key, family: Family, cells: Mapping[Key, Cell], found: set[Key]) -> tuple[int, int | None]:
    """The lowest and highest value a reader can find for a hidden cell of a family; None is no bound."""
    shown = {other: cells[other].value for other in family.keys if other not in found}
    if len(shown) == len(family.keys) - 1:
        return cells[key].value, cells[key].value
    if key == family.year:
        return max(1, sum(shown.values()) + len(family.keys) - 1 - len(shown)), None
    # A half-year: the other is at least 1 when it is hidden too, and nothing bounds either without the year.
    return 1, (shown[family.year] - 1 if family.year in shown else None)


def _uncertain(key: Key, family: Family, cells: Mapping[Key, Cell], found: set[Key]) -> bool:
    low, high = interval(key, family, cells, found)
    return high is None or high - low >= WIDTH
