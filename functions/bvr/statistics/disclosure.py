"""Which figures of a table may be shown: cells with few children behind them are hidden, and what would give them back.

The table is municipality by period, and no totals over municipalities, sex or age are published with it. So the only
equations a reader has are first half-year + second half-year = year, one for each municipality and year, and that no
figure is negative. A hidden cell must stay uncertain by at least `WIDTH` under those.
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


def hidden(cells: Mapping[Key, Cell]) -> frozenset[Key]:
    """The cells of a table that must not be shown."""
    small = {key for key, cell in cells.items() if 1 <= cell.children <= SMALL}
    found = set(small)
    for family in _families(cells):
        _protect(family, cells, small, found)
    return frozenset(found)


def _families(cells: Iterable[Key]) -> list[tuple[Key, Key, Key]]:
    """(first half, second half, year) of each municipality and year that has all three."""
    present = set(cells)
    years = (_family(kommune, period) for kommune, period in sorted(present) if len(period) == 4)
    return [family for family in years if present.issuperset(family)]


def _family(kommune: str, year: str) -> tuple[Key, Key, Key]:
    return (kommune, f"{year}H1"), (kommune, f"{year}H2"), (kommune, year)


def _protect(family: tuple[Key, Key, Key], cells: Mapping[Key, Cell], small: set[Key], found: set[Key]) -> None:
    """Hide more of a family until every small cell of it is uncertain enough."""
    if not small & set(family):
        return
    # Cheapest first: a half-year before the year, the smaller before the larger.
    order = sorted((k for k in family if k not in found), key=lambda k: (len(k[1]) == 4, cells[k].value, k))
    while not all(_uncertain(key, family, cells, found) for key in family if key in small):
        found.add(order.pop(0))


def _uncertain(key: Key, family: tuple[Key, Key, Key], cells: Mapping[Key, Cell], found: set[Key]) -> bool:
    low, high = interval(key, family, cells, found)
    return high is None or high - low >= WIDTH


def interval(
    key: Key, family: tuple[Key, Key, Key], cells: Mapping[Key, Cell], found: set[Key] | frozenset[Key]
) -> tuple[int, int | None]:
    """The lowest and highest value a reader can find for a hidden cell of a family; None is no bound."""
    year = family[2]
    others = [k for k in family if k != key]
    shown = [k for k in others if k not in found]
    if len(shown) == 2:
        value = cells[key].value
        return value, value
    if key == year:
        return (cells[shown[0]].value if shown else 0), None
    # A half-year: at most the year when that is shown; without it nothing bounds it.
    return 0, (cells[year].value if year in shown else None)
