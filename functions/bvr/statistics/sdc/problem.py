"""Cells that are linked by sums, and what a reader of those that are shown knows about the others."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

SMALL = 3
"""A cell with 1 to SMALL contributing children is hidden; zero is shown (statistics 4.1: n < 4)."""
WIDTH = 3
"""The least difference between the lowest and the highest value that a reader can find for a hidden cell."""
REACH = 100
"""How far from its value a hidden cell is moved to show that it is uncertain: more than any width asked for."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """n cells of one family of tables, each a whole number from 0, and the m equations between them.

    What a reader knows: every equation and inequality, every cell that is shown, and that a hidden cell is at least 1,
    since zeros are always shown. Cells that nobody publishes (`candidate` False: the children of a municipality without
    a district, or what an earlier release hid) take part in the equations, too.
    """

    values: Ints
    sensitive: Flags
    """What must not be found: few children, or what would give them away."""
    candidate: Flags
    """What may be published at all."""
    known: Flags
    """What a reader has already, from an earlier release."""
    held: Flags
    """What was hidden before for the same period, and stays so."""
    least: Ints
    """The least that a reader takes a cell that is not shown to be: 1 where zeros would be shown, else 0."""
    rank: Floats
    """The order in which cells are published, the lowest first."""
    equations: sparse.csr_array
    """m by n: each row times the values is 0."""
    inequalities: sparse.csr_array
    """k by n: each row times the values is at least 0."""

    lowest: Flags = field(init=False)
    """Cells found to be as low as they can be while zeros, counties and the country are shown: see `protect`."""

    def __post_init__(self) -> None:
        n = len(self.values)
        object.__setattr__(self, "lowest", np.zeros(n, bool))
        wrong = [
            name
            for name in ("sensitive", "candidate", "known", "held", "least", "rank")
            if len(getattr(self, name)) != n
        ]
        if wrong or self.equations.shape[1] != n or self.inequalities.shape[1] != n:
            raise ValueError(f"{n} cells, but {', '.join(wrong) or 'the equations'} have another number")
        if (self.values < 0).any():
            raise ValueError("a cell is negative")
        if (self.equations @ self.values != 0).any():
            raise ValueError(f"{int((self.equations @ self.values != 0).sum())} equations do not hold")
        if (self.inequalities @ self.values < 0).any():
            raise ValueError("an inequality does not hold")

    @property
    def size(self) -> int:
        return len(self.values)

    def shown(self, hidden: Flags) -> Flags:
        """What a reader has when these are hidden."""
        return (self.candidate & ~hidden) | self.known

    @cached_property
    def floor(self) -> Ints:
        """The lowest value that a reader takes for possible when a cell is not shown.

        Of a sum, as much as its parts are at least, since it is known which are zero.
        """
        found = np.minimum(self.values, self.least)
        sums = np.flatnonzero((self.equations < 0).sum(axis=1) == 1)
        if not len(sums):
            return found
        rows = self.equations[sums]
        parents = rows.argmin(axis=1)
        parts = rows.multiply(rows > 0).tocsr()
        while True:
            before = found.copy()
            np.maximum.at(found, parents, parts @ found)
            if (found == before).all():
                return found


def matrix(rows: list[dict[int, int]], n: int) -> sparse.csr_array:
    """Rows of column -> coefficient as a matrix with n columns."""
    at: list[int] = [0]
    columns: list[int] = []
    values: list[int] = []
    for row in rows:
        columns += row.keys()
        values += row.values()
        at.append(len(columns))
    given: Any = (np.array(values, np.int64), np.array(columns, np.int64), np.array(at, np.int64))
    return sparse.csr_array(given, shape=(len(rows), n))


def problem(
    values: Ints,
    sensitive: Flags,
    rank: Floats,
    equations: list[dict[int, int]],
    *,
    inequalities: list[dict[int, int]] | None = None,
    candidate: Flags | None = None,
    known: Flags | None = None,
    held: Flags | None = None,
    least: Ints | None = None,
) -> Problem:
    """A problem from rows of column -> coefficient. Raises ValueError when it does not hold together."""
    n = len(values)
    no = np.zeros(n, bool)
    published = ~no if candidate is None else candidate
    return Problem(
        values=values,
        sensitive=sensitive,
        candidate=published,
        least=published.astype(np.int64) if least is None else least,
        known=no if known is None else known,
        held=no if held is None else held,
        rank=rank,
        equations=matrix(equations, n),
        inequalities=matrix(inequalities or [], n),
    )
