"""Small-count rounding that adds up (Heldal's PLS, statistics 4.2): the alternative to hiding for one-off tables.

Only inner cells that feed a small publishable cell are rounded, to 0 or to the base; every publishable cell is then the
sum of its inner cells again. So tables add up, no publishable cell is between 0 and the base, and nothing is hidden.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from bvr.statistics.sdc.problem import Ints

BASE = 3


def rounded(inner: Ints, table: sparse.csr_array, base: int = BASE) -> Ints:
    """Inner cells, of which none and no sum that is published lies between 0 and the base.

    `inner` are n counts; `table` is m by n with 1 where an inner cell is part of a published one. Raises ValueError for
    counts below nought. Deterministic: ties go to the first cell.
    """
    if (inner < 0).any():
        raise ValueError("a count is negative")
    found = inner.copy()
    matrix = sparse.csr_array(table)
    columns = sparse.csc_array(matrix)
    while True:
        sums = matrix @ found
        small = (sums > 0) & (sums < base)
        feeding = np.flatnonzero((matrix[small].sum(axis=0) > 0) & (found > 0)) if small.any() else np.zeros(0, int)
        if not len(feeding):
            return found
        _round(found, inner, feeding, matrix, columns, base)


def _round(
    found: Ints, inner: Ints, feeding: Ints, matrix: sparse.csr_array, columns: sparse.csc_array, base: int
) -> None:
    """Round these up or down, so many up that their sum is kept, and where that changes the published cells least."""
    up = int(np.floor(found[feeding].sum() / base + 0.5))
    found[feeding] = 0
    off = (matrix @ (found - inner)).astype(float)
    left = [int(one) for one in feeding]
    length = np.diff(columns.indptr)
    for _ in range(min(up, len(left))):
        # Adding the base to a cell changes the sum of squares by base * (base * its sums + 2 * what they are off by).
        cost = [base * length[one] + 2 * off[_rows(columns, one)].sum() for one in left]
        best = left.pop(int(np.argmin(cost)))
        found[best] = base
        off[_rows(columns, best)] += base


def _rows(columns: sparse.csc_array, one: int) -> Ints:
    return columns.indices[columns.indptr[one] : columns.indptr[one + 1]].astype(np.int64)
