"""What the year-on-year tests find of planted faults, and how often they flag where nothing was planted.

    python -m benchmarks.deviations      # writes benchmarks/deviations.md, a minute

The figures are drawn (bvr/simulate/pair.py); the same seeds give the same page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import numpy as np

from bvr.model.kommuner import names
from bvr.simulate.pair import FAULTS, PHI, SILENT, TREND, Planted, Years, pair
from bvr.statistics.deviations import compare, formulas
from bvr.statistics.deviations.declared import FDR, tester
from bvr.statistics.deviations.tables import Avvik, AvvikTest

PAGE = Path(__file__).with_name("deviations.md")
RED, YELLOW = 0.001, 0.01
"""The shares of tests that may be flagged where nothing happened."""
SEEDS = range(1, 11)
PERIODS = ("2024H1", "2024")


def found(years: Years) -> tuple[list[Avvik], list[AvvikTest]]:
    """All ten tests of two drawn years. T10 is made on the last day of the silent month."""
    at = years.now.kunnskapstidspunkt
    results = (
        compare.compare(years.now, years.before, years.units),
        compare.continuity(years.stocks, at.year - 1, years.now.kilde, at),
        compare.timeliness(years.arrivals, years.units, date(at.year - 1, SILENT, 31), at),
    )
    return [one for r in results for one in r.avvik], [one for r in results for one in r.tester]


def red(fault: Planted, avvik: Iterable[Avvik]) -> dict[tuple[str, str], list[Avvik]]:
    """(figure, kind of period) that a fault has to show in -> the red flags there, of the tests that see it."""
    given = list(avvik)
    return {
        (figure, kind): [
            one
            for one in given
            if (one.indikator, one.periodetype, one.region) == (figure, kind, fault.region)
            and one.flagg == "ROD"
            and one.testkode in codes
        ]
        for figure, kind, codes in fault.shows
    }


def alarms(seeds: Iterable[int], period: str = PERIODS[0]) -> dict[str, Counter[str]]:
    """Test -> how many were made, yellow and red, of years without faults. T9 sees losses, of which there are some."""
    counted: dict[str, Counter[str]] = {}
    for seed in seeds:
        for one in found(pair(seed, period, faults=False))[1]:
            if one.testkode not in ("T8", "T9"):
                counted.setdefault(one.testkode, Counter()).update(made=one.tester, yellow=one.gule, red=one.rode)
    return dict(sorted(counted.items(), key=lambda item: int(item[0][1:])))


def discoveries(seed: int, *, changed: float) -> float:
    """The share of false ones among what T1 and T2 find in one figure, of whose units a share has lost 60 %."""
    rng = np.random.default_rng(seed)
    mean = rng.lognormal(3, 1.5, 357)
    lost = rng.random(mean.size) < changed

    def drawn(level: formulas.F) -> formulas.F:
        excess = PHI - 1
        return rng.poisson(rng.gamma(level / excess, excess)).astype(np.float64)

    x0, x1, ratio = drawn(mean), drawn(np.where(lost, 0.4 * mean, mean)), np.ones_like(mean)
    phi = formulas.over_dispersion(x0, x1, ratio)
    t1, t2 = formulas.counts(x0, x1, ratio, phi), formulas.small_counts(x0, x1, ratio, phi)
    q = formulas.false_discovery(np.where(t1.made, t1.p, t2.p))
    flagged = q <= FDR
    return float((flagged & ~lost).sum() / max(1, flagged.sum()))


def page() -> str:
    """The page."""
    lines = [
        "# Year-on-year tests: what they find, and how often they are wrong",
        "",
        "Made by `python -m benchmarks.deviations`. The whole country in two years, drawn with an over-dispersion of "
        f"{PHI:g} and a change of {100 * (TREND - 1):+.0f} % (`bvr/simulate/pair.py`); the tests are in "
        "[statistiske-tester.md](../docs/statistiske-tester.md).",
        "",
        "## Planted faults",
        "",
        f"Found: in how many of {len(SEEDS)} draws the figure was red in the region, by a test that sees the fault. "
        "The other columns are of the first draw.",
        "",
        "| fault | region | figure | found | test | before | now |",
        "| --- | --- | --- | ---: | --- | ---: | ---: |",
    ]
    draws = [found(pair(seed))[0] for seed in SEEDS]
    for fault in FAULTS:
        times = [red(fault, avvik) for avvik in draws]
        for (figure, kind), first in times[0].items():
            hits = sum(bool(one[figure, kind]) for one in times)
            tested = ", ".join(sorted({one.testkode for one in first}))
            before, now = (str(getattr(first[0], name)) if first else "" for name in ("forrige", "verdi"))
            place = f"{fault.region} {names()[fault.region[:4]]}"
            lines.append(
                f"| {fault.name} | {place} | {figure} {kind} | {hits} of {len(draws)} | {tested} | {before} | {now} |"
            )
    lines += ["", "## False alarms", "", f"Allowed: red {RED:.1%}, yellow {YELLOW:.0%} of tests.", ""]
    for period in PERIODS:
        lines += [f"{period}, {len(SEEDS)} draws without faults:", "", "| test | made | yellow | red |"]
        lines += ["| --- | ---: | ---: | ---: |"]
        by_test = alarms(SEEDS, period)
        for code, counted in {**by_test, "all": sum(by_test.values(), Counter())}.items():
            name = tester()[code].navn_en if code in tester() else ""
            rates = " | ".join(f"{counted[flag] / max(1, counted['made']):.3%}" for flag in ("yellow", "red"))
            lines.append(f"| {code} {name} | {counted['made']} | {rates} |")
        lines.append("")
    lines += [
        "T8 never flags alone; T9 sees what is really gone, and is not counted.",
        "",
        "False ones among what is found by T1 and T2 with q ≤ 0.05, mean of 400 draws of one figure: "
        + ", ".join(
            f"{np.mean([discoveries(seed, changed=changed) for seed in range(400)]):.1%} where {changed:.0%} of the "
            "units have lost 60 %"
            for changed in (0.0, 0.02, 0.1)
        )
        + ".",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
