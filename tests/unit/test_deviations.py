"""The year-on-year tests: formulas by hand, against scipy and by brute force; invariants; planted faults; answers."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import fields, replace
from scipy import stats

from benchmarks.deviations import PAGE, PERIODS, RED, YELLOW, alarms, discoveries, found, red
from bvr.cli import main
from bvr.simulate.pair import FAULTS, pair
from bvr.statistics.deviations import answers, compare, declared, formulas, sources
from bvr.statistics.deviations.compare import FORELOPIG, Ankomst, Beholdning, Side, Tall, Unit
from bvr.statistics.deviations.declared import Flagg, kinds, size_class
from bvr.statistics.figures.catalogue import figures

AT = datetime(2025, 3, 1, tzinfo=UTC)
counts_ = st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 3000)), min_size=1, max_size=40)


def arrays(*columns):
    return [np.array(column, dtype=np.float64) for column in columns]


def one(test, *values):
    """The only unit of a test: statistic, p, level."""
    given_ = test(*arrays(*([value] for value in values)))
    return float(given_.statistic[0]), float(given_.p[0]), Flagg(given_.level[0])


# --- each formula, by hand and against something else ------------------------------------------------------------


def test_t1_by_hand():
    # √2 (√60.375 - √100.375) = 1.41421 (7.77013 - 10.01873)
    z, p, level = one(lambda a, b, r: formulas.counts(a, b, r, 1.0), 100, 60, 1)
    assert z == pytest.approx(-3.18000, abs=1e-4)
    assert p == pytest.approx(0.001473, abs=1e-5)
    assert level is Flagg.GUL
    assert one(lambda a, b, r: formulas.counts(a, b, r, 4.0), 100, 60, 1)[2] is Flagg.GRONN
    assert one(lambda a, b, r: formulas.counts(a, b, r, 1.0), 200, 100, 1)[2] is Flagg.ROD
    # Far from chance, and less than 30 per cent: not red.
    assert one(lambda a, b, r: formulas.counts(a, b, r, 1.0), 5000, 4000, 1)[2] is Flagg.GUL
    # Twice as many inhabitants, twice as many children.
    assert one(lambda a, b, r: formulas.counts(a, b, r, 1.0), 100, 200, 2)[0] == pytest.approx(0, abs=0.02)


def test_t1_is_near_the_exact_test_of_two_poisson_means():
    for a, b in ((100, 130), (400, 330), (60, 30)):
        exact = stats.binomtest(b, a + b, 0.5).pvalue
        assert one(lambda x, y, r: formulas.counts(x, y, r, 1.0), a, b, 1)[1] == pytest.approx(exact, rel=0.35)


def test_over_dispersion_is_found_again_and_is_never_below_one():
    rng = np.random.default_rng(4)
    mean = rng.uniform(40, 400, 4000)
    for phi in (1.0, 1.5, 3.0):
        x0, x1 = (
            rng.poisson(mean if phi == 1 else rng.gamma(mean / (phi - 1), phi - 1)).astype(float) for _ in range(2)
        )
        assert formulas.over_dispersion(x0, x1, np.ones_like(mean)) == pytest.approx(phi, rel=0.08)
    same = np.full(50, 100.0)
    assert formulas.over_dispersion(same, same, np.ones(50)) == 1
    # A fault in the only large unit is no dispersion.
    assert formulas.over_dispersion(*arrays([500], [100], [1])) == 1


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 29), st.integers(0, 29), st.floats(0.2, 5))
def test_t2_is_scipys_binomial_test(a, b, ratio):
    if a + b >= 30 or not a + b:
        return
    wanted = stats.binomtest(b, a + b, ratio / (1 + ratio)).pvalue
    assert one(formulas.small_counts, a, b, ratio)[1] == pytest.approx(wanted, rel=1e-6)


def test_t2_by_hand():
    # All 14 in one of two equal years: 2 / 2^14.
    _, p, level = one(formulas.small_counts, 14, 0, 1)
    assert p == pytest.approx(2 / 2**14)
    assert level is Flagg.GUL
    assert one(formulas.small_counts, 15, 0, 1)[2] is Flagg.ROD
    assert one(formulas.small_counts, 0, 0, 1)[1:] == (1.0, Flagg.GRONN)
    assert not formulas.small_counts(*arrays([15], [15], [1])).made.any()


def test_over_dispersion_makes_p_larger_in_t1_and_t2():
    """Student's t with 0.37 degrees of freedom for each unit that φ is estimated over, since φ is not known."""
    large = [np.full(100, value) for value in (100.0, 150.0, 1.0)]
    normal = 2 * stats.norm.sf(abs(formulas.anscombe(*large)) / np.sqrt(1.5))
    assert (formulas.counts(*large, 1.5).p > normal).all()
    assert formulas.counts(*large, 1.0).p == pytest.approx(2 * stats.norm.sf(abs(formulas.anscombe(*large))))
    mixed = [np.concatenate([one_, [value]]) for one_, value in zip(large, (15, 0, 1), strict=True)]
    assert formulas.small_counts(*mixed, 3.0).p[-1] > formulas.small_counts(*mixed, 1.0).p[-1]


def brute_hb(x0, x1, u, a):
    """Hidiroglou and Berthelot (1986), a unit at a time."""
    valid = [i for i in range(len(x0)) if x0[i] > 0 and x1[i] > 0]
    used = [i for i in valid if x0[i] != x1[i]]
    if sum(x0[i] == x1[i] for i in valid) < 0.5 * len(valid):
        used = valid
    ratio = {i: x1[i] / x0[i] for i in used}
    middle = float(np.median(list(ratio.values()))) if used else 1.0
    effect = {}
    for i in used:
        s = ratio[i] / middle - 1 if ratio[i] >= middle else 1 - middle / ratio[i]
        effect[i] = s * max(x0[i], x1[i]) ** u
    outliers = {}
    for c in (1, 3, 10, 20):
        out = set()
        if used:
            q1, q2, q3 = np.percentile(list(effect.values()), [25, 50, 75])
            least = abs(a * q2) if q2 else a
            low, high = q2 - c * max(q2 - q1, least), q2 + c * max(q3 - q2, least)
            out = {i for i in used if effect[i] < low - 1e-9 or effect[i] > high + 1e-9}
        outliers[c] = out
    return outliers


@settings(max_examples=80, deadline=None)
@given(counts_)
def test_t3_is_the_straightforward_loop(pairs):
    x0, x1 = arrays(*zip(*pairs, strict=True))
    outside = formulas.hidiroglou_berthelot(x0, x1, 0.5, 0.05)
    for c, out in brute_hb(x0, x1, 0.5, 0.05).items():
        assert {int(i) for i in np.flatnonzero(outside > c + 1e-6)} == out
    assert np.isnan(outside[(x0 == 0) | (x1 == 0)]).all()


def test_t3_by_hand():
    # Ratios 0.5 1 1.5 2 4 of 100: M = 1.5, s = -2 -.5 0 1/3 5/3, times 10, 10, √150, √200, 20.
    x0, x1 = arrays([100] * 5, [50, 100, 150, 200, 400])
    outside = formulas.hidiroglou_berthelot(x0, x1, 0.5, 0.05)
    # E = -20 -5 0 4.714 33.33; E_Q1 = -5, E_M = 0, E_Q3 = 4.714.
    assert outside == pytest.approx([4, 1, 0, 1, 33.3333 / 4.71405], rel=1e-4)


def test_t3_needs_units_to_compare_with_and_takes_each_stratum_by_itself():
    x0, x1 = np.full(60, 200.0), np.full(60, 200.0) + np.tile([-4.0, 3, 8], 20)
    x1[0] = 900
    strata = np.array(["a"] * 30 + ["b"] * 30)
    tested = formulas.against_others(x0, x1, strata)
    assert tested.level[0] == Flagg.ROD
    assert not tested.level[1:].any()
    assert not formulas.against_others(x0[:19], x1[:19], strata[:19]).made.any()


def test_t4_by_hand():
    assert one(formulas.zero, 9, 0, 1) == (9, pytest.approx(1.234e-4, rel=1e-3), Flagg.ROD)
    assert one(formulas.zero, 5, 0, 1)[1:] == (pytest.approx(0.00674, rel=1e-3), Flagg.GUL)
    assert one(formulas.zero, 4, 0, 1)[2] is Flagg.GRONN
    assert one(formulas.zero, 18, 0, 0.5)[2] is Flagg.ROD
    assert one(formulas.zero, 900, 1, 1)[2] is Flagg.GRONN


def test_t5_by_hand():
    # (0.6 - 0.4) / √(0.25 · 2/100)
    z, p, level = one(formulas.shares, 40, 100, 60, 100)
    assert z == pytest.approx(2.8284, abs=1e-4)
    assert p == pytest.approx(0.00468, abs=1e-5)
    assert level is Flagg.GUL
    assert one(formulas.shares, 20, 100, 60, 100)[2] is Flagg.ROD
    # z² is chi-square without correction.
    table = [[37, 63], [55, 145]]
    assert one(formulas.shares, 37, 100, 55, 200)[1] == pytest.approx(
        stats.chi2_contingency(table, correction=False).pvalue
    )
    # Certain, and of five points: neither.
    assert one(formulas.shares, 50_000, 100_000, 55_000, 100_000)[2] is Flagg.GRONN
    assert not formulas.shares(*arrays([0], [0], [5], [10])).made.any()


def test_t6_is_scipys_g_test():
    x0, x1 = arrays([[120, 60, 40, 20]], [[100, 90, 30, 30]])
    mixed = formulas.mix(x0, x1)
    wanted = stats.chi2_contingency(np.vstack([x0, x1]), correction=False, lambda_="log-likelihood")
    assert mixed.tested.statistic[0] == pytest.approx(wanted.statistic)
    assert mixed.tested.p[0] == pytest.approx(wanted.pvalue)
    # Shares .5 .25 .1667 .0833 and .4 .36 .12 .12.
    assert mixed.variation[0] == pytest.approx(0.1 + 0.0467, abs=1e-3)


def test_t6_pools_rare_codes_and_sees_one_that_is_gone():
    x0, x1 = arrays([[80, 15, 2, 1, 1, 1]], [[95, 0, 2, 1, 1, 1]])
    mixed = formulas.mix(x0, x1)
    assert mixed.tested.level[0] == Flagg.ROD
    assert mixed.code[0] == 1
    # 5 per cent of twenty is one event: it may be 0 by chance.
    assert formulas.mix(*arrays([[19, 1]], [[20, 0]])).tested.level[0] == Flagg.GRONN
    assert formulas.mix(*arrays([[50, 50]], [[500, 500]])).tested.statistic[0] == pytest.approx(0)
    assert not formulas.mix(*arrays([[0, 0]], [[5, 5]])).tested.made.any()


def test_t7_t8_t9_by_hand():
    assert (
        one(
            formulas.thousand,
            3,
            3000,
        )[2]
        is Flagg.ROD
    )
    assert one(formulas.thousand, 10, 3000)[2] is Flagg.GRONN  # log10 300 = 2.48
    assert one(formulas.thousand, 3170, 10)[2] is Flagg.ROD
    assert formulas.impact(np.array([-30.0, 6.0]), 1000) == pytest.approx([0.03, 0.006])
    assert list(formulas.impact_level(np.array([0.03, 0.006, 0.005]))) == [2, 1, 0]
    assert [one(formulas.continuity, 100, new)[2].name for new in (100, 98, 97, 95, 90, 89)] == [
        *("GRONN", "GRONN", "GUL", "GUL", "ROD", "ROD")
    ]
    assert one(formulas.continuity, 5, 4)[2] is Flagg.ROD  # 20 per cent


def test_t10_needs_both_a_low_share_and_that_chance_is_no_reason():
    assert one(formulas.timeliness, 100, 100, 1)[2] is Flagg.GRONN
    assert one(formulas.timeliness, 300, 210, 1)[2] is Flagg.GUL
    assert one(formulas.timeliness, 300, 100, 1)[2] is Flagg.ROD
    assert one(formulas.timeliness, 2, 0, 1)[2] is Flagg.GRONN
    assert one(formulas.timeliness, 16, 0, 1)[2] is Flagg.ROD
    assert one(formulas.timeliness, 100, 300, 1)[2] is Flagg.GRONN


def test_benjamini_and_hochbergs_own_example():
    """Benjamini and Hochberg (1995), section 4.1: of these fifteen, the first four are rejected at 0.05."""
    p = np.array(
        [
            *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459),
            *(0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0),
        ]
    )
    assert list(formulas.false_discovery(p) <= 0.05) == [True] * 4 + [False] * 11


@given(st.lists(st.floats(0, 1) | st.just(float("nan")), min_size=1, max_size=60))
def test_q_is_scipys_and_what_has_no_p_is_no_test(values):
    p = np.array(values)
    q = formulas.false_discovery(p)
    there = ~np.isnan(p)
    assert np.isnan(q[~there]).all()
    if there.any():
        assert q[there] == pytest.approx(stats.false_discovery_control(p[there]))


# --- invariants --------------------------------------------------------------------------------------------------


def every(x0, x1, ratio):
    strata = np.array(["alle"] * len(x0))
    phi = formulas.over_dispersion(x0, x1, ratio)
    return {
        "T1": formulas.counts(x0, x1, ratio, phi),
        "T2": formulas.small_counts(x0, x1, ratio, phi),
        "T3": formulas.against_others(x0, x1, strata),
        "T4": formulas.zero(x0, x1, ratio),
        "T5": formulas.shares(x0, x0 + 7, x1, x1 + 7),
        "T7": formulas.thousand(x0, x1),
        "T9": formulas.continuity(x0, x1),
        "T10": formulas.timeliness(x0, x1, ratio),
    }


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=40))
def test_what_is_unchanged_is_never_flagged(values):
    (x,) = arrays(values)
    for code, tested in every(x, x, np.ones_like(x)).items():
        assert not tested.level[tested.made].any(), code
    assert not formulas.mix(np.stack([x, x + 3], axis=1), np.stack([x, x + 3], axis=1)).tested.level.any()


@settings(max_examples=50, deadline=None)
@given(counts_, st.randoms(use_true_random=False))
def test_the_order_of_units_does_not_matter(pairs, rng):
    x0, x1 = arrays(*zip(*pairs, strict=True))
    order = list(range(len(pairs)))
    rng.shuffle(order)
    ratio = np.ones_like(x0)
    for (code, a), b in zip(every(x0, x1, ratio).items(), every(x0[order], x1[order], ratio).values(), strict=True):
        assert a.statistic[order] == pytest.approx(b.statistic, nan_ok=True), code
        assert (a.level[order] == b.level).all(), code


@settings(max_examples=50, deadline=None)
@given(counts_, st.floats(0.1, 10))
def test_only_the_ratio_of_inhabitants_counts(pairs, scale):
    x0, x1 = arrays(*zip(*pairs, strict=True))
    e0, e1 = np.full_like(x0, 1200.0), np.full_like(x0, 1000.0)
    a, b = formulas.anscombe(x0, x1, e1 / e0), formulas.anscombe(x0, x1, (scale * e1) / (scale * e0))
    assert a == pytest.approx(b)


@settings(max_examples=50, deadline=None)
@given(counts_)
def test_years_turned_around_are_as_far_apart(pairs):
    x0, x1 = arrays(*zip(*pairs, strict=True))
    ratio = np.ones_like(x0)
    assert formulas.anscombe(x0, x1, ratio) == pytest.approx(-formulas.anscombe(x1, x0, ratio))
    assert formulas.small_counts(x0, x1, ratio).p == pytest.approx(formulas.small_counts(x1, x0, ratio).p, nan_ok=True)
    assert formulas.thousand(x0, x1).statistic == pytest.approx(-formulas.thousand(x1, x0).statistic, nan_ok=True)
    assert formulas.mix(x0[None], x1[None]).variation == pytest.approx(formulas.mix(x1[None], x0[None]).variation)


# --- a comparison ------------------------------------------------------------------------------------------------


def cell(region, value, *, periode="2024H1", indicator="us_startet", kode="T", status="KOMPLETT", of=None):
    return Tall(
        indikator=indicator,
        region=region,
        niva="BYDEL" if len(region) == 6 else "KOMMUNE",
        periode=periode,
        periodetype="H",
        kode=kode,
        verdi=value,
        nevner=of,
        status=status,
        referansedato=date(int(periode[:4]), 6, 30),
    )


def side(*cells, periode="2024H1", kilde=FORELOPIG):
    return Side(periode=periode, kilde=kilde, kunnskapstidspunkt=AT, tall=cells)


def test_only_like_is_compared_with_like():
    now, before = side(), side(periode="2023H1")
    with pytest.raises(ValueError, match=r"2024H1 is T2 and 2023H1 is T1"):
        compare.compare(replace(now, kilde="T2"), replace(before, kilde="T1"), {})
    with pytest.raises(ValueError, match=r"2024H1 is FORELOPIG and 2023H1 is T4"):
        compare.compare(now, replace(before, kilde="T4"), {})
    with pytest.raises(ValueError, match="2024H1 and 2023H2 are not the same time"):
        compare.compare(now, side(periode="2023H2"), {})
    running = side(cell("0301", 5, status=FORELOPIG))
    with pytest.raises(ValueError, match="2024H1 is not over as known then: it cannot be compared with 2023H1"):
        compare.compare(running, before, {})
    assert compare.compare(replace(now, kilde="T2"), replace(before, kilde="T2"), {}).avvik == ()
    assert (compare.reference("2024"), compare.reference("2024H2")) == ("2023", "2023H2")
    with pytest.raises(ValueError, match="no period"):
        compare.reference("2024Q1")


def test_a_row_says_all_that_it_is_about():
    now = side(cell("0301", 60), cell("4601", 50))
    before = side(cell("0301", 200, periode="2023H1"), cell("4601", 50, periode="2023H1"), periode="2023H1")
    units = {"0301": Unit(1000, 800, "x"), "4601": Unit(1, 1, "x")}
    result = compare.compare(now, before, units)
    first, second = result.avvik
    assert {first.testkode, second.testkode} == {"T1", "T8"}
    row = first if first.testkode == "T1" else second
    assert (row.indikator, row.kommunenummer, row.periode, row.referanseperiode) == (
        *("us_startet", "0301", "2024H1", "2023H1"),
    )
    assert (row.verdi, row.forrige, row.differanse, row.prosent, row.forventet) == (60, 200, -140, -70.0, 250.0)
    assert (row.flagg, row.kilde, row.kunnskapstidspunkt) == ("ROD", FORELOPIG, AT)
    assert row.p_verdi is not None
    assert row.q_verdi == pytest.approx(2 * row.p_verdi)  # of two units, the smaller p
    assert row.virkning == pytest.approx(140 / 250)
    assert {first.rang, second.rang} == {1, 2}
    counted = {(t.testkode, t.niva): (t.tester, t.gule, t.rode) for t in result.tester}
    assert counted["T1", "KOMMUNE"] == (2, 0, 1)
    assert compare.compare(now, before, units) == result, "the same figures are the same run"


def test_a_district_that_is_gone_is_zero_and_not_forgotten():
    before = side(cell("030101", 90, periode="2023H1"), cell("0301", 900, periode="2023H1"), periode="2023H1")
    found_ = compare.compare(side(cell("0301", 810)), before, {})
    assert {(a.region, a.kommunenummer, a.testkode, a.verdi) for a in found_.avvik if a.flagg == "ROD"} >= {
        ("030101", "0301", "T4", 0)
    }
    # The municipality as a whole has lost a tenth: no red flag of its own.
    assert not [a for a in found_.avvik if a.region == "0301" and a.flagg == "ROD" and a.testkode != "T8"]


def test_a_low_p_among_many_is_no_flag():
    """One of 300 with p of 0.002 is what chance gives: its q is high."""
    regions = [f"{1000 + i}" for i in range(300)]
    now = side(*(cell(r, 130 if r == "1000" else 90) for r in regions))
    before = side(*(cell(r, 90, periode="2023H1") for r in regions), periode="2023H1")
    assert one(lambda a, b, r: formulas.counts(a, b, r, 1.0), 90, 130, 1)[2] is Flagg.GUL
    assert not [a for a in compare.compare(now, before, {}).avvik if a.testkode == "T1"]


def test_codes_that_were_not_in_force_in_both_years_are_no_fault_of_a_municipality():
    def year(number, codes):
        return Side(
            periode=str(number),
            kilde=FORELOPIG,
            kunnskapstidspunkt=AT,
            tall=tuple(
                replace(
                    cell("0301", n, periode=str(number), indicator="meldinger_per_melder", kode=kode),
                    periodetype="Y",
                    referansedato=date(number, 12, 31),
                )
                for kode, n in codes.items()
            ),
        )

    before = year(2024, {"T": 600, "1": 200, "2": 200, "15": 200})
    flags = compare.compare(year(2025, {"T": 600, "1": 200, "2": 200, "24": 200}), before, {}).avvik
    assert not [a for a in flags if a.testkode == "T6"]
    flags = [a for a in compare.compare(year(2025, {"T": 600, "1": 600}), before, {}).avvik if a.testkode == "T6"]
    assert [(a.flagg, a.kode) for a in flags] == [("ROD", "2")]


def test_cells_are_those_that_are_tested():
    row = {
        **{f.name: getattr(cell("0301", 3), f.name) for f in fields(Tall)},
        "kunnskapstidspunkt": AT,
        "andel": None,
    }
    others = [{"kjonn": "1"}, {"aldersgruppe": "0-2"}, {"niva": "FYLKE"}, {"maal": "UNIK"}, {"periodetype": "R"}]
    assert len(compare.cells([row, *({**row, **other} for other in others)])) == 1


def test_continuity_and_timeliness_are_runs_of_their_own():
    stocks = [Beholdning(kommunenummer="0301", type="Sak", gammel=100, ny=60)]
    (flag,) = compare.continuity(stocks, 2024, FORELOPIG, AT).avvik
    assert (flag.indikator, flag.testkode, flag.flagg, flag.periode, flag.referanseperiode) == (
        *("beholdning_sak", "T9", "ROD", "2024-01-01", "2023-12-31"),
    )
    late = [Ankomst(kommunenummer="0301", dager=d, antall=1, antall_for=10) for d in (0, 3, 30, 31)]
    (flag,) = compare.timeliness(late, {}, date(2024, 2, 29), AT).avvik
    assert (flag.verdi, flag.forrige, flag.referanseperiode) == (3, 30, "2023-02-28")


def test_every_figure_is_tested_but_rates_and_each_test_is_declared_once():
    assert list(declared.tester()) == [f"T{n}" for n in range(1, 11)]
    assert {f.number for f in figures() if not kinds(f)} == {60}
    assert [size_class(n) for n in (499, 500, 2_000, 10_000)] == ["<500", "500-2 000", "2 000-10 000", ">10 000"]
    assert {f.id for f in sources.monthly_figures()} > {"meldinger_mottatt", "us_startet", "vedtak_fattet", "nye_saker"}


# --- planted faults and false alarms -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def planted():
    return found(pair(1))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.name} {fault.region}")
def test_a_planted_fault_is_red_where_it_is(fault, planted):
    avvik, _ = planted
    for (figure, kind), flags in red(fault, avvik).items():
        assert flags, f"{figure} {kind}"


def test_every_large_figure_of_the_half_migrated_municipality_is_red(planted):
    avvik, _ = planted
    before = {
        (t.indikator, t.periodetype): t.verdi
        for t in pair(1).before.tall
        if t.region == "5501" and t.kode == "T" and t.periodetype in "HD"
    }
    large = {key for key, value in before.items() if value >= 250}
    large &= {(f.id, kind) for f in figures() if "ANTALL" in kinds(f) for kind in "HD"}
    assert len(large) > 8
    assert large <= {(a.indikator, a.periodetype) for a in avvik if a.region == "5501" and a.flagg == "ROD"}


@pytest.mark.parametrize("period", PERIODS)
def test_where_nothing_happened_few_are_flagged(period):
    counted = alarms([1, 2], period)
    made = sum(one_["made"] for one_ in counted.values())
    assert made > 100_000
    assert sum(one_["red"] for one_ in counted.values()) <= RED * made
    assert sum(one_["yellow"] for one_ in counted.values()) <= YELLOW * made
    for code, one_ in counted.items():
        assert one_["red"] <= 2 * RED * one_["made"], code
        assert one_["yellow"] <= 2 * YELLOW * one_["made"], code


@pytest.mark.parametrize("changed", [0.0, 0.1])
def test_of_what_is_found_at_most_one_in_twenty_is_false(changed):
    assert np.mean([discoveries(seed, changed=changed) for seed in range(400)]) <= 0.05


def test_the_page_has_every_fault_found():
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if " of 10 | " in line]
    assert len(rows) == sum(len(fault.shows) for fault in FAULTS)
    assert all("10 of 10" in row for row in rows)


# --- answers -----------------------------------------------------------------------------------------------------

HEAD = ",".join(answers.COLUMNS) + "\n"
GOOD = "us_startet,0301,2024H1,H,60,BEKREFTET,Ny organisering,barnevernleder,2024-09-01\n"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "svar.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("us_startet", "us_startett", "is no key figure"),
        ("0301", "9999", "is no municipality"),
        (",H,", ",R,", "periodetype"),
        ("BEKREFTET", "OK", "utfall"),
        ("Ny organisering", "", "kommentar: is missing"),
        ("60", "mange", "verdi"),
        ("2024-09-01", "i går", "behandlet_dato"),
    ],
)
def test_a_fault_in_an_answer_is_named_and_nothing_is_loaded(tmp_path, old, new, said):
    path = written(tmp_path, HEAD + GOOD + GOOD.replace(old, new))
    good, bad = answers.read(path)
    assert good.answer is not None
    assert said in bad.fault
    done = CliRunner().invoke(main, ["deviations", "--answers", str(path)])
    assert done.exit_code == 2
    assert f":3: {bad.fault}" in done.output


def test_an_answer_about_what_is_no_key_figure_can_be_given(tmp_path):
    text = GOOD.replace("us_startet", "beholdning_sak").replace("2024H1,H", "2024-01-01,D")
    assert not answers.read(written(tmp_path, HEAD + text))[0].fault
    with pytest.raises(ValueError, match="the columns are"):
        answers.read(written(tmp_path, "a,b\n1,2\n"))
