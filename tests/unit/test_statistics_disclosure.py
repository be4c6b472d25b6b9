"""Hidden cells stay uncertain: audited by trying every figure a reader could think of, not by the code's formulas."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bvr.statistics.disclosure import SMALL, WIDTH, Cell, Key, hidden

MOST = 60  # figures a reader tries for a cell that nothing bounds


def family(first: tuple[int, int], second: tuple[int, int] | None, year: tuple[int, int]) -> dict[Key, Cell]:
    found = {("0301", "2024H1"): Cell(*first), ("0301", "2024"): Cell(*year)}
    return found if second is None else {**found, ("0301", "2024H2"): Cell(*second)}


def candidates(cells: Mapping[Key, Cell], kept_back: frozenset[Key]) -> dict[Key, set[int]]:
    """The values of each hidden cell that fit what is shown. Zeros are always shown: a hidden figure is at least 1."""
    keys = [("0301", "2024H1"), ("0301", "2024H2"), ("0301", "2024")]
    choices = [[0] if key not in cells else range(1, MOST) if key in kept_back else [cells[key].value] for key in keys]
    found: dict[Key, set[int]] = {key: set() for key in kept_back}
    for first in choices[0]:
        for second in choices[1]:
            if first + second in choices[2]:
                for key, value in zip(keys, (first, second, first + second), strict=True):
                    if key in kept_back:
                        found[key].add(value)
    return found


def audit(cells: Mapping[Key, Cell]) -> None:
    kept_back = hidden(cells)
    assert {key for key, cell in cells.items() if 1 <= cell.children <= SMALL} <= kept_back
    for key, values in candidates(cells, kept_back).items():
        assert cells[key].value in values, "the reader's reasoning is sound"
        assert max(values) - min(values) >= WIDTH


counts = st.integers(0, 12)


@st.composite
def families(draw: st.DrawFn) -> dict[Key, Cell]:
    """A year of a municipality: events, and the children behind them, of whom some are in both halves."""
    halves = []
    for _ in range(draw(st.sampled_from([1, 2, 2, 2]))):
        value = draw(counts)
        halves.append((value, draw(st.integers(1, value)) if value else 0))
    value = sum(v for v, _ in halves)
    most, least = sum(c for _, c in halves), max(c for _, c in halves)
    return family(halves[0], halves[1] if len(halves) == 2 else None, (value, draw(st.integers(least, most))))


@given(families())
def test_no_hidden_cell_can_be_worked_out(cells: dict[Key, Cell]) -> None:
    audit(cells)


def test_every_small_family() -> None:
    for first in range(10):
        for second in range(10):
            audit(family((first, first), (second, second), (first + second, first + second)))
        audit(family((first, first), None, (first, first)))


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (family((40, 30), (50, 40), (90, 60)), set()),
        (family((0, 0), (0, 0), (0, 0)), set()),
        (family((4, 4), (4, 4), (8, 8)), set()),
        # One small half: the other goes with it, the year stays.
        (family((2, 2), (30, 20), (32, 22)), {"2024H1", "2024H2"}),
        (family((30, 20), (3, 3), (33, 23)), {"2024H1", "2024H2"}),
        # Nothing in the other half: the year is the same children.
        (family((2, 2), (0, 0), (2, 2)), {"2024H1", "2024"}),
        # Both small, and the year so low that it says too much.
        (family((2, 2), (2, 2), (4, 4)), {"2024H1", "2024H2", "2024"}),
        (family((3, 3), (2, 2), (5, 5)), {"2024H1", "2024H2"}),
        # Many events, few children.
        (family((20, 2), (20, 2), (40, 3)), {"2024H1", "2024H2", "2024"}),
        # The second half has not begun: the first is the year.
        (family((2, 2), None, (2, 2)), {"2024H1", "2024"}),
        (family((9, 4), None, (9, 3)), {"2024H1", "2024"}),
        (family((9, 4), None, (9, 4)), set()),
    ],
)
def test_what_is_hidden(cells: dict[Key, Cell], expected: set[str]) -> None:
    assert {period for _, period in hidden(cells)} == expected
    audit(cells)


def test_stocks_have_no_equations() -> None:
    cells = {("0301", "2024H1"): Cell(2, 2), ("0301", "2024H2"): Cell(9, 9)}
    assert hidden(cells) == {("0301", "2024H1")}


def test_families_do_not_mix() -> None:
    cells = {
        **family((2, 2), (30, 20), (32, 22)),
        **{("1103", period): cell for (_, period), cell in family((9, 9), (9, 9), (18, 18)).items()},
        ("0301", "2023H1"): Cell(9, 9),
        ("0301", "2023H2"): Cell(9, 9),
        ("0301", "2023"): Cell(18, 18),
    }
    assert hidden(cells) == {("0301", "2024H1"), ("0301", "2024H2")}


def test_the_audit_would_see_a_missing_partner() -> None:
    cells = family((2, 2), (30, 20), (32, 22))
    values = candidates(cells, frozenset({("0301", "2024H1")}))
    assert values == {("0301", "2024H1"): {2}}
