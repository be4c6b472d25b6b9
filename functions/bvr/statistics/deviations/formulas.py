"""The formulas of the tests on arrays with one value a unit: last period `x0`, this one `x1`, `ratio` = e1 / e0.

e is what the counts are in proportion to: inhabitants, or days covered. A result has one value a unit too.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bvr.statistics.deviations.declared import FDR, Flagg, tester

F = NDArray[np.float64]
B = NDArray[np.bool_]
I = NDArray[np.int_]  # noqa: E741

_MEDIAN = float(stats.chi2.ppf(0.5, 1))
"""Median of z² when nothing has happened: 0.455."""
_FREEDOM = 8 * (float(stats.chi2.pdf(_MEDIAN, 1)) * _MEDIAN) ** 2
"""Degrees of freedom that a median of z² is worth, for each unit it is taken over: 0.37."""


class Tested(NamedTuple):
    """What a test found: `made` where it applies; p is NaN for a test without one."""

    made: B
    statistic: F
    p: F
    level: I


def _levels(yellow: B, red: B) -> I:
    return np.where(red, Flagg.ROD, np.where(yellow, Flagg.GUL, Flagg.GRONN)).astype(np.int_)


def _percent(difference: F, expected: F) -> F:
    """Per cent of what was expected; of nothing, any difference is without bound."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(difference == 0, 0.0, 100 * difference / expected)


def anscombe(x0: F, x1: F, ratio: F) -> F:
    """z of two Poisson counts, stabilised (Anscombe 1948)."""
    found: F = np.sqrt(2) * (np.sqrt(x1 + 3 / 8) - np.sqrt(x0 * ratio + 3 / 8))
    return found


def over_dispersion(x0: F, x1: F, ratio: F) -> float:
    """φ of a figure: median z² / 0.455 over the units that are large enough for z; at least 1.

    1 too where there are few such units: there, a fault would be taken for dispersion.
    """
    need = tester()["T1"].krav
    large = x0 + x1 >= need["n"]
    if large.sum() < need["enheter"]:
        return 1.0
    z: F = anscombe(x0[large], x1[large], ratio[large])
    return max(1.0, float(np.median(z**2)) / _MEDIAN)


def two_sided(z: F, phi: float, units: int) -> F:
    """p of z / √φ. Where φ is an estimate, over so many units, p is Student's: z / √φ is no longer normal."""
    size = np.abs(z) / np.sqrt(phi)
    found: F = 2 * (stats.t.sf(size, _FREEDOM * units) if phi > 1 else stats.norm.sf(size))
    return found


def counts(x0: F, x1: F, ratio: F, phi: float) -> Tested:
    """T1."""
    test = tester()["T1"]
    made = x0 + x1 >= test.krav["n"]
    raw = anscombe(x0, x1, ratio)
    z = raw / np.sqrt(phi)
    difference = np.abs(x1 - x0 * ratio)
    yellow = (np.abs(z) > test.gul["z"]) & (difference >= test.gul["differanse"])
    red = (
        (np.abs(z) > test.rod["z"])
        & (difference >= test.rod["differanse"])
        & (_percent(difference, x0 * ratio) >= test.rod["prosent"])
    )
    return Tested(made, z, two_sided(raw, phi, int(made.sum())), _levels(yellow, red))


def binomial(x0: F, x1: F, ratio: F) -> F:
    """Two-sided p of x1 given x0 + x1: all that is no likelier than it (as scipy.stats.binomtest, on arrays)."""
    n = x0 + x1
    share = ratio / (1 + ratio)
    k = np.arange(int(n.max(initial=0)) + 1)
    pmf = stats.binom.pmf(k[None, :], n[:, None], share[:, None])
    own: F = np.asarray(stats.binom.pmf(x1, n, share))
    found: F = np.minimum(1.0, np.where(pmf <= own[:, None] * (1 + 1e-7), pmf, 0.0).sum(axis=1))
    return found


def small_counts(x0: F, x1: F, ratio: F, phi: float = 1.0) -> Tested:
    """T2: the statistic is x1 less its expectation. Where the figure is over-dispersed, p is no less than that of T1:
    the exact one is of a binomial, and siblings make none."""
    test = tester()["T2"]
    made = x0 + x1 < test.krav["n"]
    p = np.full(x0.shape, np.nan)
    p[made] = binomial(x0[made], x1[made], ratio[made])
    if phi > 1:
        p = np.maximum(p, two_sided(anscombe(x0, x1, ratio), phi, int((~made).sum())))
    return Tested(made, x1 - x0 * ratio, p, _levels(p < test.gul["p"], p < test.rod["p"]))


def hidiroglou_berthelot(x0: F, x1: F, u: float, a: float) -> F:
    """How far each unit of a stratum is outside the quartiles, in the distances d_Q1 and d_Q3; NaN where a value is 0.

    It is an outlier at C when this is above C. If half of the units or more are unchanged, the quartiles are those of
    the changed ones.
    """
    outside = np.full(x0.shape, np.nan)
    valid = (x0 > 0) & (x1 > 0)
    if not valid.any():
        return outside
    old, new = x0[valid], x1[valid]
    changed = old != new
    used = changed if (~changed).mean() >= 0.5 else np.ones_like(changed)
    if not used.any():
        outside[valid] = 0.0
        return outside
    r = new / old
    middle = np.median(r[used])
    s = np.where(r >= middle, r / middle - 1, 1 - middle / r)
    effect = s * np.maximum(old, new) ** u
    first, median, third = np.quantile(effect[used], (0.25, 0.5, 0.75))
    least = abs(a * median) if median else a
    below, above = max(median - first, least), max(third - median, least)
    found = np.where(effect < median, (median - effect) / below, (effect - median) / above)
    # Where only the changed are used, the others are no outliers.
    outside[valid] = np.where(used, found, 0.0)
    return outside


def against_others(x0: F, x1: F, strata: NDArray[np.str_]) -> Tested:
    """T3, within each stratum of units that are large enough; a stratum of few units has no quartiles to speak of."""
    test = tester()["T3"]
    outside = np.full(x0.shape, np.nan)
    eligible = (x0 > 0) & (x1 > 0) & (x0 + x1 >= test.krav["n"])
    for stratum in np.unique(strata):
        own = eligible & (strata == stratum)
        if own.sum() >= test.krav["enheter"]:
            outside[own] = hidiroglou_berthelot(x0[own], x1[own], test.krav["u"], test.krav["a"])
    return Tested(
        ~np.isnan(outside),
        outside,
        np.full(x0.shape, np.nan),
        _levels(outside > test.gul["c"], outside > test.rod["c"]),
    )


def zero(x0: F, x1: F, ratio: F) -> Tested:
    """T4: the statistic is the expectation, p the probability of none."""
    test = tester()["T4"]
    expected = x0 * ratio
    none = x1 == 0
    return Tested(
        x0 > 0,
        expected,
        np.exp(-expected),
        _levels(none & (expected >= test.gul["lambda"]), none & (expected >= test.rod["lambda"])),
    )


def shares(x0: F, of0: F, x1: F, of1: F) -> Tested:
    """T5: x of `of`, in both periods."""
    test = tester()["T5"]
    made = (of0 > 0) & (of1 > 0)
    safe0, safe1 = np.where(made, of0, 1.0), np.where(made, of1, 1.0)
    pooled = (x0 + x1) / (safe0 + safe1)
    error = np.sqrt(np.maximum(pooled * (1 - pooled), 0.0) * (1 / safe0 + 1 / safe1))
    difference = x1 / safe1 - x0 / safe0
    z = np.where(error > 0, difference / np.where(error > 0, error, 1.0), 0.0)
    p = np.where(made, 2 * stats.norm.sf(np.abs(z)), np.nan)
    points = 100 * np.abs(difference)
    return Tested(
        made,
        np.where(made, z, np.nan),
        p,
        _levels(
            (p < test.gul["p"]) & (points >= test.gul["prosentpoeng"]),
            (p < test.rod["p"]) & (points >= test.rod["prosentpoeng"]),
        ),
    )


class Mixed(NamedTuple):
    """What T6 found. `code` is the place of the code that is gone, else of the one that moved most."""

    tested: Tested
    variation: F
    code: I


def mix(x0: F, x1: F) -> Mixed:
    """T6 on arrays with a row a unit and a column a code; the statistic is G."""
    test = tester()["T6"]
    n0, n1 = x0.sum(axis=1), x1.sum(axis=1)
    made = (n0 > 0) & (n1 > 0)
    n0, n1 = np.where(made, n0, 1.0), np.where(made, n1, 1.0)
    share0, share1 = x0 / n0[:, None], x1 / n1[:, None]
    moved = np.abs(share1 - share0)
    variation = moved.sum(axis=1) / 2
    g, freedom = _g(x0, x1, n0, n1, test.krav["forventet"])
    p = np.where(made & (freedom > 0), stats.chi2.sf(g, np.maximum(freedom, 1)), np.nan)
    expected = x0 * (n1 / n0)[:, None]
    lost = np.where((x1 == 0) & (share0 >= test.krav["andel"]) & made[:, None], expected, 0.0).max(axis=1, initial=0.0)
    gone = np.where(lost[:, None] > 0, np.where(x1 == 0, expected, -1.0), moved)
    level = _levels(
        (p < test.gul["p"]) & (variation > test.gul["tv"]),
        ((p < test.rod["p"]) & (variation > test.rod["tv"])) | (lost >= test.rod["lambda"]),
    )
    return Mixed(Tested(made, g, p, level), variation, gone.argmax(axis=1))


def _g(x0: F, x1: F, n0: F, n1: F, least: float) -> tuple[F, I]:
    """G and its degrees of freedom. Codes of which fewer than `least` are expected in a period are one."""
    both = x0 + x1
    total = n0 + n1
    kept = both * (np.minimum(n0, n1) / total)[:, None] >= least
    observed = np.stack([x0, x1], axis=1) * kept[:, None, :]
    rest = np.stack([x0, x1], axis=1) * ~kept[:, None, :]
    table = np.concatenate([observed, rest.sum(axis=2, keepdims=True)], axis=2)
    # A rest that is too small itself is left out: chance alone would decide.
    few = table[:, :, -1].sum(axis=1) * np.minimum(n0, n1) / total < least
    table[few, :, -1] = 0.0
    rows, columns = table.sum(axis=2, keepdims=True), table.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = rows * columns / table.sum(axis=(1, 2), keepdims=True)
        terms = np.where(table > 0, table * np.log(table / expected), 0.0)
    found: F = np.maximum(2 * terms.sum(axis=(1, 2)), 0.0)
    return found, (columns > 0).sum(axis=(1, 2)) - 1


def thousand(x0: F, x1: F) -> Tested:
    """T7: the statistic is log10 of the ratio."""
    made = (x0 > 0) & (x1 > 0)
    statistic = np.where(made, np.log10(np.where(made, x1, 1.0) / np.where(made, x0, 1.0)), np.nan)
    red = np.abs(statistic) > tester()["T7"].rod["log10"]
    return Tested(made, statistic, np.full(x0.shape, np.nan), _levels(np.zeros_like(red), red))


def impact(difference: F, national: float) -> F:
    """T8: the share of the country that a difference is; the country's figure is that of the larger period."""
    found: F = np.abs(difference) / national if national > 0 else np.zeros_like(difference)
    return found


def impact_level(share: F) -> I:
    """The flag of an impact."""
    test = tester()["T8"]
    return _levels(share > test.gul["andel"], share > test.rod["andel"])


def continuity(old: F, new: F) -> Tested:
    """T9: a stock in the old source on 31 December, and in the register on 1 January; the statistic is per cent."""
    test = tester()["T9"]
    difference = np.abs(new - old)
    percent = _percent(difference, old)
    yellow = (percent > test.gul["prosent"]) | (difference >= test.gul["antall"])
    red = (percent > test.rod["prosent"]) | (difference >= test.rod["antall"])
    return Tested(np.ones(old.shape, dtype=np.bool_), percent, np.full(old.shape, np.nan), _levels(yellow, red))


def timeliness(x0: F, x1: F, ratio: F) -> Tested:
    """T10: events of the last days that are registered, and of the same days a year before, registered then."""
    test = tester()["T10"]
    expected = x0 * ratio
    made = expected > 0
    share = np.where(made, x1 / np.where(made, expected, 1.0), np.nan)
    small = x0 + x1 < tester()["T2"].krav["n"]
    phi = over_dispersion(x0, x1, ratio)
    p = np.where(
        small, small_counts(x0, x1, ratio, phi).p, two_sided(anscombe(x0, x1, ratio), phi, int((~small).sum()))
    )
    return Tested(
        made,
        share,
        np.where(made, p, np.nan),
        _levels(
            (share < test.gul["andel"]) & (p < test.gul["p"]),
            (share < test.rod["andel"]) & (p < test.rod["p"]),
        ),
    )


def false_discovery(p: F) -> F:
    """q of every p (Benjamini-Hochberg); NaN stays NaN, and is no test."""
    q = np.full(p.shape, np.nan)
    there = ~np.isnan(p)
    if there.any():
        q[there] = stats.false_discovery_control(p[there], method="bh")
    return q


def controlled(tested: Tested, q: F) -> I:
    """The flags that remain when the share of false ones is held: those with q at most 5 %."""
    return np.where(q <= FDR, tested.level, Flagg.GRONN).astype(np.int_)
