"""Secondary suppression by elimination: no sensitive cell is a linear combination of what is shown.

The equations between cells that are not shown are kept in reduced echelon form. To show a cell is to take its column
out. A cell is determined by what is shown when a row is left with that cell alone; so a cell may be shown unless that
makes a row of one sensitive cell. This is the method of GaussSuppression (statistics 4.2), on the equations instead of
on the inner cells, which are many more. Arithmetic is modulo a prime: exact in everything but a coefficient divisible
by it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from bvr.statistics.sdc.problem import Flags, Ints, Problem

_PRIME = 2_147_483_647
FIRST = 0.0
"""Cells of this rank or lower are published together, before the others are looked at: they part the problem."""


class Echelon:
    """Equations in reduced echelon form: pivot -> its row, and column -> the pivots in whose rows it stands."""

    def __init__(self, sensitive: Flags) -> None:
        self._sensitive = sensitive
        self.rows: dict[int, dict[int, int]] = {}
        self._at: dict[int, set[int]] = {}

    def add(self, row: dict[int, int]) -> None:
        """Another equation, column -> coefficient."""
        row = {c: v % _PRIME for c, v in row.items()}
        for pivot in [c for c in row if c in self.rows]:
            self._subtract(row, self.rows[pivot], row[pivot], None)
        if row:
            self._insert(row, min(row, key=lambda c: (len(self._at.get(c, ())), c)))

    def _insert(self, row: dict[int, int], pivot: int) -> None:
        """Make a column of the row its pivot, and take it out of all others."""
        scale = pow(row[pivot], _PRIME - 2, _PRIME)
        if scale != 1:
            row = {c: v * scale % _PRIME for c, v in row.items()}
        self.rows[pivot] = row
        for c in row:
            self._at.setdefault(c, set()).add(pivot)
        for other in [p for p in self._at[pivot] if p != pivot]:
            self._subtract(self.rows[other], row, self.rows[other][pivot], other)

    def _subtract(self, row: dict[int, int], other: dict[int, int], times: int, pivot: int | None) -> None:
        for c, v in other.items():
            left = (row.get(c, 0) - times * v) % _PRIME
            if left:
                if pivot is not None and c not in row:
                    self._at.setdefault(c, set()).add(pivot)
                row[c] = left
            elif c in row:
                del row[c]
                if pivot is not None:
                    self._at[c].discard(pivot)

    def determined(self) -> list[int]:
        """Sensitive cells that what is shown already determines."""
        return [pivot for pivot, row in self.rows.items() if len(row) == 1 and self._sensitive[pivot]]

    def show(self, cell: int) -> bool:
        """Take a cell's column out; False, and nothing is done, when that would determine a sensitive cell."""
        if cell in self.rows:
            row = self.rows.pop(cell)
            for c in row:
                self._at[c].discard(cell)
            if len(row) == 1:  # what is shown determines it as it is
                return True
            # Another pivot, a sensitive one if there is: then what would be left alone is seen below.
            pivot = min(
                (c for c in row if c != cell), key=lambda c: (not self._sensitive[c], len(self._at.get(c, ())), c)
            )
            self._insert(row, pivot)
        at = self._at.get(cell, set())
        if any(len(self.rows[p]) == 2 and self._sensitive[p] for p in at):
            return False
        for pivot in at:
            del self.rows[pivot][cell]
        self._at.pop(cell, None)
        return True


def secondary(problem: Problem, hidden: Flags) -> Flags:
    """Those that are hidden, and the partners without which what is sensitive among them would be determined.

    A partner is never zero: zeros are shown.
    """
    found = hidden.copy()
    # What nobody may see, and is sensitive, too.
    sensitive = (hidden & problem.candidate) | (problem.sensitive & ~problem.known)
    free = problem.shown(hidden) & ((problem.values == 0) | problem.known)
    first = problem.shown(hidden) & (problem.rank <= FIRST) & ~free
    while True:
        unknown = ~free & ~first
        parts = components(problem.equations, unknown)
        held_back = np.zeros(problem.size, bool)
        made: list[tuple[Echelon, Ints]] = []
        for cells, rows in parts:
            echelon = _echelon(problem.equations, rows, unknown, sensitive)
            if echelon.determined():
                held_back |= _touching(problem.equations, rows, first)
            made.append((echelon, cells))
        if not held_back.any():
            break
        first &= ~held_back
    for echelon, cells in made:
        order = [int(c) for c in cells if problem.candidate[c] and not hidden[c]]
        for cell in sorted(order, key=lambda c: (problem.rank[c], -problem.values[c], c)):
            if not echelon.show(cell):
                found[cell] = True
    return found


def _echelon(equations: sparse.csr_array, rows: Iterable[int], unknown: Flags, sensitive: Flags) -> Echelon:
    echelon = Echelon(sensitive)
    at, columns, values = equations.indptr, equations.indices, equations.data
    given = []
    for r in rows:
        part = slice(at[r], at[r + 1])
        given.append({int(c): int(v) for c, v in zip(columns[part], values[part], strict=True) if unknown[c]})
    for row in sorted(given, key=len):
        echelon.add(row)
    return echelon


def _touching(equations: sparse.csr_array, rows: Ints, among: Flags) -> Flags:
    found = np.zeros(len(among), bool)
    found[np.unique(equations[rows].indices)] = True
    return found & among


def components(equations: sparse.csr_array, unknown: Flags) -> list[tuple[Ints, Ints]]:
    """The unknown cells that hang together by equations, and those equations: (cells, rows) of each part."""
    where = np.flatnonzero(unknown)
    part: sparse.csr_array = equations[:, where]
    used = np.flatnonzero(np.diff(part.indptr))
    part = part[used]
    both = sparse.block_array([[None, part], [part.T, None]], format="csr") if len(used) else None
    if both is None:
        return []
    made: Any = both
    count, found = connected_components(made, directed=False)
    label: Ints = found.astype(np.int64)
    by_row, by_cell = label[: len(used)], label[len(used) :]
    cells = _grouped(by_cell, where, count)
    rows = _grouped(by_row, used, count)
    return [(c, r) for c, r in zip(cells, rows, strict=True) if len(r)]


def _grouped(label: Ints, what: Ints, count: int) -> list[Ints]:
    order = np.argsort(label, kind="stable")
    return np.split(what[order], np.cumsum(np.bincount(label, minlength=count))[:-1])
