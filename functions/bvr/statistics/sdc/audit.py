"""How uncertain every hidden cell is to a reader, by linear and integer programmes (statistics 4.4, steps 4 and 6).

What has to be shown is that values exist which agree with all that is known and in which the cell is lower, higher, and
at least WIDTH apart. Each solution of a programme is such values, for every cell at once: a witness. So most cells are
proven by the solutions found for others, and few programmes are left to solve; those are solved for one part of the
problem at a time, each from the end of the one before.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import cache
from typing import Any

import highspy
import msgspec
import numpy as np
from scipy import sparse

from bvr.statistics.sdc.gauss import components
from bvr.statistics.sdc.problem import REACH, WIDTH, Flags, Floats, Ints, Problem

_CLOSE = 1e-6
_WORTH = 2
"""Programmes with random objectives go on while two of them prove as many cells as they are."""


class Finding(msgspec.Struct, frozen=True):
    """A cell that a reader can find too closely: the least and the greatest value it can have."""

    cell: int
    low: float
    high: float


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """What was proven for the cells that are to be uncertain."""

    cells: int
    findings: list[Finding]
    """Too narrow by linear programmes."""
    whole: list[Finding]
    """Too narrow in whole numbers, where they were not already."""
    programmes: int
    integer_programmes: int
    narrowest: float
    """The least width shown; what is wider than the reach is not measured."""

    @property
    def passed(self) -> bool:
        return not self.findings and not self.whole


@dataclass
class Bounds:
    """The lowest and highest value that has been shown possible for each cell, any and in whole numbers."""

    low: Floats
    high: Floats
    whole_low: Floats
    whole_high: Floats

    @classmethod
    def of(cls, values: Ints) -> Bounds:
        exact = values.astype(float)
        return cls(exact.copy(), exact.copy(), exact.copy(), exact.copy())

    def witness(self, cells: Ints, values: Floats) -> None:
        """Take note of possible values of some cells; what is possible for those is possible for all."""
        self.low[cells] = np.minimum(self.low[cells], values)
        self.high[cells] = np.maximum(self.high[cells], values)
        rounded = np.rint(values)
        if np.abs(values - rounded).max(initial=0) < _CLOSE:
            self.whole_low[cells] = np.minimum(self.whole_low[cells], rounded)
            self.whole_high[cells] = np.maximum(self.whole_high[cells], rounded)

    def proven(self, problem: Problem, *, whole: bool = False) -> Flags:
        """Which cells are uncertain enough: wide enough, and, if sensitive, possibly higher, and lower unless at the
        floor."""
        low, high = (self.whole_low, self.whole_high) if whole else (self.low, self.high)
        values = problem.values
        around = (high > values + _CLOSE) & ((low < values - _CLOSE) | (values <= problem.floor) | problem.lowest)
        found: Flags = (high - low >= WIDTH - _CLOSE) & (around | ~problem.sensitive)
        return found


def audit(problem: Problem, hidden: Flags, *, whole: bool = True, seed: int = 1, within: Flags | None = None) -> Audit:
    """Prove that every hidden cell, and whatever else is sensitive and not shown, is uncertain.

    `whole` also in whole numbers; `within` only these cells. Deterministic for a seed.
    """
    wanted = uncertain(problem, hidden)
    if within is not None:
        wanted &= within
    bounds = Bounds.of(problem.values)
    solved = integer = 0
    random = np.random.default_rng(seed)
    parts = (
        components(problem.equations, ~problem.shown(hidden))
        if not problem.inequalities.nnz
        else _joined(problem, ~problem.shown(hidden))
    )
    inside = np.zeros(problem.size, bool)
    for cells, rows in parts:
        inside[cells] = True
        if not wanted[cells].any():
            continue
        program = Program(problem, cells, rows)
        solved += program.prove(bounds, wanted, random)
        if whole:
            integer += program.prove(bounds, wanted & bounds.proven(problem), random, whole=True)
    free = wanted & ~inside  # in no equation: nothing bounds it
    bounds.low[free], bounds.high[free] = problem.floor[free], problem.values[free] + REACH
    bounds.whole_low[free], bounds.whole_high[free] = bounds.low[free], bounds.high[free]
    good = bounds.proven(problem)
    also = bounds.proven(problem, whole=True) if whole else good
    return Audit(
        cells=int(wanted.sum()),
        findings=_findings(np.flatnonzero(wanted & ~good), bounds.low, bounds.high),
        whole=_findings(np.flatnonzero(wanted & good & ~also), bounds.whole_low, bounds.whole_high),
        programmes=solved,
        integer_programmes=integer,
        narrowest=float((bounds.high - bounds.low)[wanted].min(initial=np.inf)),
    )


def uncertain(problem: Problem, hidden: Flags) -> Flags:
    """What has to be uncertain: every hidden cell, and what nobody publishes but is sensitive."""
    found: Flags = ((hidden & problem.candidate) | (problem.sensitive & ~problem.candidate)) & ~problem.known
    return found


def _findings(cells: Ints, low: Floats, high: Floats) -> list[Finding]:
    return [Finding(int(c), float(low[c]), float(high[c])) for c in cells]


def _joined(problem: Problem, unknown: Flags) -> list[tuple[Ints, Ints]]:
    """Parts that hang together by equations or inequalities; the rows are those of the equations."""
    m = problem.equations.shape[0]
    both: sparse.csr_array = sparse.vstack([problem.equations, problem.inequalities], format="csr")
    return [(cells, rows[rows < m]) for cells, rows in components(both, unknown)]


class Program:
    """The linear programme of one part: what its cells can be, given all that is shown."""

    def __init__(self, problem: Problem, cells: Ints, rows: Ints) -> None:
        self._problem = problem
        self._cells = cells
        values = problem.values[cells]
        self._floor = np.maximum(problem.floor[cells], values - REACH).astype(float)
        self._solver = quiet()
        model = highspy.HighsLp()
        part = sparse.csc_array(problem.equations[rows][:, cells])
        fixed = part @ values
        lower, upper = fixed.astype(float), fixed.astype(float)
        if problem.inequalities.nnz:
            mask = np.zeros(problem.size, bool)
            mask[cells] = True
            touched = np.unique(problem.inequalities.tocsc()[:, cells].indices)
            bound = problem.inequalities[touched]
            rest = -(bound @ np.where(mask, 0, problem.values))
            part = sparse.csc_array(sparse.vstack([part, bound[:, cells]]))
            lower = np.concatenate([lower, rest.astype(float)])
            upper = np.concatenate([upper, np.full(len(touched), highspy.kHighsInf)])
        model.num_col_, model.num_row_ = len(cells), part.shape[0]
        model.col_cost_ = np.zeros(len(cells))
        model.col_lower_, model.col_upper_ = self._floor, (values + REACH).astype(float)
        model.row_lower_, model.row_upper_ = lower, upper
        model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        model.a_matrix_.start_, model.a_matrix_.index_ = part.indptr, part.indices
        model.a_matrix_.value_ = part.data.astype(float)
        self._solver.passModel(model)
        self._all: Any = np.arange(len(cells), dtype=np.int32)

    def prove(self, bounds: Bounds, wanted: Flags, random: np.random.Generator, *, whole: bool = False) -> int:
        """Solve until each wanted cell is proven uncertain, or known not to be. Returns how many were solved."""
        cells = self._cells
        if whole:
            if bounds.proven(self._problem, whole=True)[cells][wanted[cells]].all():
                return 0
            kind = np.full(len(cells), highspy.HighsVarType.kInteger)
            self._solver.changeColsIntegrality(len(cells), self._all, kind)
        solved = 0
        todo = self._todo(bounds, wanted, whole)
        proved = _WORTH
        while len(todo) > _WORTH and proved >= _WORTH:
            before = len(todo)
            for sign in (1.0, -1.0):
                direction = np.zeros(len(cells))
                direction[todo] = sign * random.choice([-1.0, 1.0], len(todo)) * random.random(len(todo))
                self._solve(direction, bounds)
                solved += 1
            todo = self._todo(bounds, wanted, whole)
            proved = before - len(todo)
        tried = np.zeros(len(cells), bool)
        while len(todo := todo[~tried[todo]]):
            one = int(todo[0])
            tried[one] = True
            for sign in (1.0, -1.0):
                direction = np.zeros(len(cells))
                direction[one] = sign
                self._solve(direction, bounds)
                solved += 1
            todo = self._todo(bounds, wanted, whole)
        return solved

    def _todo(self, bounds: Bounds, wanted: Flags, whole: bool) -> Ints:
        good = bounds.proven(self._problem, whole=whole)[self._cells]
        return np.flatnonzero(wanted[self._cells] & ~good)

    def _solve(self, upwards: Floats, bounds: Bounds) -> None:
        self._solver.changeColsCost(len(self._cells), self._all, -upwards)
        self._solver.run()
        status = self._solver.getModelStatus()
        if status != highspy.HighsModelStatus.kOptimal:
            raise ArithmeticError(f"the programme ended as {status.name}")  # the true values are a solution
        bounds.witness(self._cells, np.array(self._solver.getSolution().col_value))


def quiet() -> highspy.Highs:
    """A solver that says nothing and gives the same answer each time."""
    _greeted()
    solver: highspy.Highs = highspy.Highs()  # type: ignore[no-untyped-call]
    for name, value in (("output_flag", False), ("threads", 1), ("random_seed", 1), ("presolve", "off")):
        solver.setOptionValue(name, value)
    return solver


@cache
def _greeted() -> None:
    """HiGHS writes a banner when the first solver of a process is made, before it can be told not to."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        highspy.Highs()  # type: ignore[no-untyped-call]
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
