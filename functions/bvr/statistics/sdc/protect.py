"""From what must be hidden to a pattern that has been proven (statistics 4.4, steps 2 to 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np
from scipy import sparse

from bvr.statistics.sdc.audit import Audit, Bounds, Finding, audit, quiet
from bvr.statistics.sdc.gauss import FIRST, components, secondary
from bvr.statistics.sdc.problem import REACH, WIDTH, Flags, Floats, Ints, Problem

_ROUNDS = 20
HEADLINE, SPLIT = 1.01, 2.0
"""Ranks below which a cell is the total of a headline figure, and the total of any."""
_DEAR = 1e4
"""What hiding a county or the country costs."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Pattern:
    """Which cells are hidden, and the proof. `reason` is for us alone: a reader sees one symbol."""

    hidden: Flags
    primary: Flags
    partners: Flags
    repaired: Flags
    held: Flags
    audit: Audit


def protect(problem: Problem, *, seed: int = 1, tries: int = 0) -> Pattern:
    """Hide what is sensitive, what would give it away, and what keeps every hidden cell uncertain.

    The pattern returned has passed its audit, or says in `audit` where it could not: then nothing may be published.
    `tries` is for how many cells it is asked whether they need be hidden after all, the most useful first.
    """
    primary = problem.sensitive & problem.candidate & ~problem.known
    first = primary | (problem.held & problem.candidate & (problem.values > 0) & ~problem.known)
    after = secondary(problem, first)
    hidden = after.copy()
    found = audit(problem, hidden, whole=False, seed=seed)
    repair = Repair(problem)
    for _ in range(_ROUNDS):
        if found.findings:
            before = problem.lowest.sum()
            touched = repair.cells(hidden, found.findings)
            if not touched.any() and problem.lowest.sum() == before:
                break
            hidden |= touched
            found = audit(problem, hidden, whole=False, seed=seed)
            continue
        found = audit(problem, hidden, seed=seed)
        if not found.whole:
            break
        touched = repair.cells(hidden, found.whole)
        if not touched.any():
            break
        hidden |= touched
        found = audit(problem, hidden, whole=False, seed=seed)
    if found.passed:
        hidden = _without_need(problem, hidden, first, tries, seed)
        found = audit(problem, hidden, seed=seed + 1)  # from nothing, in other directions
    return Pattern(
        hidden=hidden,
        primary=primary,
        partners=hidden & after & ~first,
        repaired=hidden & ~after,
        held=first & ~primary,
        audit=found,
    )


def _without_need(problem: Problem, hidden: Flags, first: Flags, tries: int, seed: int) -> Flags:
    """Show again what the others are safe without: elimination and repair look at one cell at a time."""
    found = hidden.copy()
    cells = np.flatnonzero(hidden & problem.candidate & ~first)
    order = sorted(cells, key=lambda c: (problem.rank[c], -problem.values[c], c))
    part = _labels(problem, ~problem.shown(hidden))
    for cell in order[:tries]:
        found[cell] = False
        if not audit(problem, found, seed=seed, within=part == part[cell]).passed:
            found[cell] = True
    return found


def _labels(problem: Problem, unknown: Flags) -> Ints:
    """The part that each unknown cell belongs to."""
    both: sparse.csr_array = sparse.vstack([problem.equations, problem.inequalities], format="csr")
    label = np.full(problem.size, -1, np.int64)
    for number, (cells, _) in enumerate(components(both, unknown)):
        label[cells] = number
    alone = label < 0
    label[alone] = -1 - np.arange(int(alone.sum()))
    return label


class Repair:
    """Finds what else to hide: the cheapest change of the table in which a cell that is too narrow moves."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._weight = (np.log1p(problem.values) + 0.5) * np.select(
            [problem.rank <= FIRST, problem.rank < HEADLINE, problem.rank < SPLIT], [_DEAR, 20.0, 4.0], 1.0
        )

    def cells(self, hidden: Flags, findings: list[Finding]) -> Flags:
        """The cells to hide as well. What cannot be lower while zeros, counties and the country are shown is taken to
        be at its floor from then on."""
        problem = self._problem
        movable = ((problem.values > 0) | ~problem.candidate) & ~problem.known
        more = np.zeros(problem.size, bool)
        # Counties and the country stay unless nothing else helps.
        for last in (False, True):
            unknown = movable if last else movable & ((problem.rank > FIRST) | hidden)
            left: list[Finding] = []
            wanted = {f.cell: f for f in findings}
            for cells, rows in components(problem.equations, unknown):
                here = [wanted.pop(int(c)) for c in cells if int(c) in wanted]
                if here:
                    touched, failed = self._part(cells, rows, hidden | more, here, last=last)
                    more |= touched
                    left += failed
            findings = left
            if not findings:
                break
        return more & ~hidden

    def _part(
        self, cells: Ints, rows: Ints, hidden: Flags, findings: list[Finding], *, last: bool
    ) -> tuple[Flags, list[Finding]]:
        problem, n = self._problem, len(cells)
        values = problem.values[cells]
        where = {int(c): i for i, c in enumerate(cells)}
        down = np.minimum(values - problem.floor[cells], REACH).astype(float)
        up = np.full(n, float(REACH))
        secret = hidden[cells] | ~problem.candidate[cells]
        cost = np.where(secret, 0.0, self._weight[cells])
        solver = _changes(problem.equations[rows][:, cells], up, down, cost, self._bounds(cells, values))
        bounds = Bounds.of(problem.values)
        more = np.zeros(problem.size, bool)
        failed = []

        def moved(at: int, opposite: int, least: float) -> bool:
            """Hide what must be for a cell to move so far; whether it can."""
            solver.changeColBounds(at, least, float(REACH))
            solver.changeColBounds(opposite, 0.0, 0.0)
            solver.run()
            possible: bool = solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
            if possible:
                solution = np.array(solver.getSolution().col_value)
                change = solution[:n] - solution[n : 2 * n]
                bounds.witness(cells, values + change)
                free = np.flatnonzero((np.abs(change) > 1e-7) & ~secret)
                more[cells[free]] = True
                secret[free] = True
                for one in (*free, *(free + n)):
                    solver.changeColCost(int(one), 0.0)
            where_up = min(at, opposite)
            solver.changeColBounds(where_up, 0.0, float(up[where_up]))
            solver.changeColBounds(where_up + n, 0.0, float(down[where_up]))
            return possible

        for finding in findings:
            i = where[finding.cell]
            if bounds.proven(problem)[finding.cell]:
                continue
            steps = sorted({min(down[i], float(WIDTH)), min(down[i], 1.0)} - {0.0}, reverse=True)
            if steps and not any(moved(n + i, i, step) for step in steps) and not last:
                problem.lowest[finding.cell] = True
            below = values[i] - bounds.low[finding.cell]
            if not bounds.proven(problem)[finding.cell] and not moved(i, n + i, max(1.0, WIDTH - below)):
                failed.append(finding)
        return more, failed

    def _bounds(self, cells: Ints, values: Ints) -> tuple[sparse.csr_array, Floats] | None:
        given = self._problem.inequalities
        if not given.nnz:
            return None
        touched = np.unique(given.tocsc()[:, cells].indices)
        part: sparse.csr_array = given[touched]
        return part[:, cells], -(part @ self._problem.values).astype(float)


def _changes(
    equations: sparse.csr_array,
    up: Floats,
    down: Floats,
    cost: Floats,
    bounds: tuple[sparse.csr_array, Floats] | None,
) -> highspy.Highs:
    """The programme of changes: each cell up by its first column, down by its second, and all sums as they were."""
    both = sparse.hstack([equations, -equations])
    zero = np.zeros(equations.shape[0])
    lower, upper = zero, zero
    if bounds is not None:
        part, least = bounds
        both = sparse.vstack([both, sparse.hstack([part, -part])])
        lower = np.concatenate([lower, least])
        upper = np.concatenate([upper, np.full(len(least), highspy.kHighsInf)])
    given = sparse.csc_array(both)
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = given.shape[1], given.shape[0]
    model.col_cost_ = np.concatenate([cost, cost])
    model.col_lower_ = np.zeros(given.shape[1])
    model.col_upper_ = np.concatenate([up, down])
    model.row_lower_, model.row_upper_ = lower, upper
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    data: Any = given.data.astype(float)
    model.a_matrix_.start_, model.a_matrix_.index_, model.a_matrix_.value_ = given.indptr, given.indices, data
    solver = quiet()
    solver.passModel(model)
    return solver
