"""The protection beside tau-ARGUS, which others wrote: the same small cells, and patterns that hold by our audit."""

from __future__ import annotations

import numpy as np
import pytest

from bvr.statistics.sdc.audit import audit
from bvr.statistics.sdc.gauss import secondary
from bvr.statistics.sdc.problem import problem
from bvr.statistics.sdc.protect import protect
from tests.unit.test_disclosure_control import _rows, table

tauargus = pytest.importorskip("pytauargus", reason="tau-ARGUS has no wheel for this Python: the oracle is not asked")
pd = pytest.importorskip("pandas")


def pattern(inner, folder):
    """What tau-ARGUS hides of a table: optimal suppression, fewer than four hidden. (primary, all) as flags."""
    m, n = inner.shape
    people = [
        {"A": f"a{i}", "B": f"b{j}", "n": 1.0} for i in range(m) for j in range(n) for _ in range(int(inner[i, j]))
    ]
    made = tauargus.protect(
        pd.DataFrame(people),
        ["A", "B"],
        response="n",
        safety_rules="FREQ(4,30)",
        suppress="OPT(1)",
        workdir=str(folder),
    )
    found = made.tables[0].dataframe()
    hidden, primary = np.zeros((m + 1, n + 1), bool), np.zeros((m + 1, n + 1), bool)
    for row, shown in zip(found.itertuples(), made.tables[0].safe(), strict=True):
        i = m if row.A == "Total" else int(row.A[1:])
        j = n if row.B == "Total" else int(row.B[1:])
        hidden[i, j] = shown == "x"
        primary[i, j] = 0 < row.freq < 4
    return primary.ravel(), hidden.ravel()


def tables():
    for seed in range(8):
        means = np.random.default_rng(seed + 1).choice([1.0, 5.0, 20.0], (5, 1))
        inner = np.random.default_rng(seed).poisson(means, (5, 4))
        if (inner.sum(axis=0) > 0).all() and (inner.sum(axis=1) > 0).all():
            yield inner


def test_tau_argus_hides_the_same_small_cells_and_its_patterns_hold_by_our_audit(tmp_path, monkeypatch):
    """Its readers do not know that a hidden count is at least 1; told no more, our audit finds nothing determined."""
    monkeypatch.chdir(tmp_path)  # it leaves logs where it is run
    tried = 0
    for number, inner in enumerate(tables()):
        folder = tmp_path / str(number)
        folder.mkdir()
        primary, hidden = pattern(inner, folder)
        p = table(inner)
        assert (primary == p.sensitive).all()
        if not hidden.any():
            continue
        tried += 1
        ignorant = problem(p.values, p.sensitive, p.rank, _rows(p), least=np.zeros(p.size, np.int64))
        exact = [one for one in audit(ignorant, hidden, whole=False).findings if one.high - one.low < 1e-6]
        assert not [one for one in exact if primary[one.cell]]
        # By exact algebra alone we may hide a little more than the optimum, never less than is safe.
        ours = secondary(p, p.sensitive)
        assert ours.sum() >= primary.sum()
        assert ours.sum() <= 2 * hidden.sum() + 4
        assert protect(p).audit.passed
    assert tried >= 4
