"""Two years of figures of the whole country, drawn, with faults planted in the second: what the tests are to find.

Municipalities and districts have their real sizes; the size of a figure follows from the published ones, or is a choice
of this project (`_SIZES`). Counts are Poisson with over-dispersion, so that siblings come together. Nothing is a case.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from bvr.model.codelists import codelist
from bvr.simulate.population import kommuner
from bvr.simulate.published import YEARS, targets
from bvr.statistics.deviations.compare import (
    FORELOPIG,
    NO_FIGURE,
    Ankomst,
    Beholdning,
    Side,
    Tall,
    Unit,
    reference,
)
from bvr.statistics.deviations.declared import kinds, size_class
from bvr.statistics.deviations.sources import monthly_figures
from bvr.statistics.figures.catalogue import figures
from bvr.statistics.figures.declared import Figure

F = NDArray[np.float64]

PHI = 1.25
"""Variance of a count in its mean: a report is about 1.15 children, and siblings are helped together."""
TREND = 0.97
"""What the second year is of the first: stocks have fallen by 1 to 8 % a year since 2017."""
_SPREAD = 0.25  # how much municipalities differ, for good: standard deviation of the logarithm
_DRIFT = 0.03  # and from year to year, for reasons of their own
_IN_HALF = {"BARN": 0.8, "HENDELSE": 0.5, "SAK": 0.5}  # of those of a year, in a half-year
_KINDS = ("Sak", "Undersokelse", "Plan", "Tiltak")  # whose stock a migration report compares

# Figure -> (published figure of a year, how many for each of that, share of them where the figure is a share).
_SIZES: dict[str, tuple[str, float, float]] = {
    "meldinger_mottatt": ("meldinger", 1.52, 1),
    "meldinger_konkludert": ("meldinger", 1.52, 1),
    "meldinger_ssb": ("meldinger", 1, 1),
    "meldinger_henlagt": ("meldinger", 1, 0.24),
    "meldinger_til_us": ("meldinger", 1, 0.76),
    "meldinger_aktive_tiltak": ("meldinger", 0.26, 1),
    "meldinger_pagaende_us": ("meldinger", 0.26, 1),
    "barn_med_melding": ("meldinger", 0.87, 1),
    "meldinger_per_melder": ("meldinger", 1, 1),
    "meldinger_per_innhold": ("meldinger", 1.6, 1),
    "melding_fristbrudd": ("meldinger", 1.52, 0.01),
    "melding_apne_over_frist": ("meldinger", 0.004, 1),
    "us_startet": ("us_startet", 1, 1),
    "barn_med_us": ("us_startet", 1.2, 1),
    "barn_us_eller_tiltak": ("tiltak_aar", 1.5, 1),
    "us_avsluttet": ("us_startet", 1, 1),
    "us_konklusjon": ("us_startet", 1, 1),
    "us_til_tiltak": ("us_startet", 1, 0.4),
    "us_henlagt": ("us_startet", 1, 0.6),
    "us_innen_3mnd": ("us_startet", 1, 0.92),
    "us_innen_6mnd": ("us_startet", 1, 0.07),
    "us_fristbrudd": ("us_startet", 1, 0.07),
    "us_apne_over_frist": ("us_startet", 0.25, 0.05),
    "us_utvidet_frist": ("us_startet", 0.05, 1),
    "us_vedtaksgrunnlag": ("us_startet", 0.6, 1),
    "us_medvirkning": ("us_startet", 1, 0.8),
    "barn_tiltak_aar": ("tiltak_aar", 1, 1),
    "barn_tiltak_dato": ("tiltak_dato", 1, 1),
    "nye_barn_tiltak": ("tiltak_aar", 0.3, 1),
    "barn_omsorgstiltak": ("omsorg_aar", 1, 1),
    "barn_hjelpetiltak": ("tiltak_aar", 0.83, 1),
    "andel_hjemme": ("tiltak_aar", 1, 0.68),
    "tiltak_per_kategori": ("tiltak_aar", 1.7, 1),
    "tiltak_startet": ("tiltak_aar", 0.8, 1),
    "barn_plassert_dato": ("plassert", 1, 1),
    "barn_plassert_aar": ("plassert", 1.3, 1),
    "fosterhjem_naere": ("plassert", 0.75, 0.3),
    "akuttvedtak": ("us_startet", 0.04, 1),
    "akuttplasseringer": ("us_startet", 0.035, 1),
    "barn_tiltaksplan": ("tiltak_dato", 0.78, 0.87),
    "barn_omsorgsplan": ("omsorg_dato", 1, 0.9),
    "barn_tiltak_plan_total": ("tiltak_dato", 1, 0.88),
    "plan_evaluert": ("tiltak_dato", 0.6, 0.8),
    "us_plan": ("us_startet", 1, 0.85),
    "oppfolging_krav": ("plassert", 0.6, 1),
    "oppfolging_ikke_oppfylt": ("plassert", 0.6, 0.15),
    "oppfolging_besok": ("plassert", 3, 1),
    "tilsyn_krav": ("plassert", 0.6, 1),
    "tilsyn_ikke_oppfylt": ("plassert", 0.6, 0.12),
    "tilsyn_besok": ("plassert", 3, 1),
    "ettervern_tilbud": ("tiltak_aar", 0.08, 1),
    "ettervern_svar": ("tiltak_aar", 0.07, 0.8),
    "barn_ettervern": ("tiltak_aar", 0.15, 1),
    "flyttinger": ("plassert", 0.3, 1),
    "brudd_fosterhjem": ("plassert", 0.75, 0.06),
    "opphevelse": ("omsorg_aar", 0.15, 1),
    "oversendelser_nemnd": ("us_startet", 0.03, 1),
    "private_krav": ("us_startet", 0.02, 1),
    "vedtak_fattet": ("tiltak_aar", 1.3, 1),
    "nye_saker": ("meldinger", 0.6, 1),
    "apne_saker": ("tiltak_dato", 1.5, 1),
}


class Drawn(msgspec.Struct):
    """A figure in one period, a row a unit: its months (one column where it has none), of what it is a share, codes."""

    months: F
    of: F | None
    codes: tuple[str, ...]
    by_code: F

    @property
    def total(self) -> F:
        """The figure itself."""
        found: F = self.months.sum(axis=1)
        return found


class Planted(msgspec.Struct, frozen=True, kw_only=True):
    """A fault: what it is, the region it is in, and what has to be red for it: (figure, kind of period, tests)."""

    name: str
    region: str
    shows: tuple[tuple[str, str, frozenset[str]], ...]


_FEWER = frozenset({"T1", "T2", "T4"})
SILENT = 3
"""The month in which nothing came."""
_DISTRICTS, _MAPPED, _THOUSAND, _HALF, _QUIET = ("030112", "460101"), "1103", "4204", "5501", "3201"
FAULTS = (
    Planted(
        name="a district is missing",
        region=_DISTRICTS[0],
        shows=(
            ("meldinger_mottatt", "H", frozenset({"T4"})),
            ("us_avsluttet", "H", frozenset({"T4"})),
            ("barn_tiltak_dato", "D", frozenset({"T4"})),
        ),
    ),
    Planted(
        name="a district is missing",
        region=_DISTRICTS[1],
        shows=(("meldinger_mottatt", "H", frozenset({"T4"})), ("barn_tiltak_dato", "D", frozenset({"T4"}))),
    ),
    Planted(
        name="a code is mapped wrongly",
        region=_MAPPED,
        shows=(("meldinger_mottatt", "H", frozenset({"T6"})), ("us_avsluttet", "H", frozenset({"T6"}))),
    ),
    Planted(name="a thousand-error", region=_THOUSAND, shows=(("barn_omsorgstiltak", "D", frozenset({"T7"})),)),
    Planted(
        name="half of it migrated",
        region=_HALF,
        shows=(
            ("meldinger_mottatt", "H", frozenset({"T1"})),
            ("us_startet", "H", frozenset({"T1"})),
            ("barn_tiltak_dato", "D", frozenset({"T1"})),
            (f"{NO_FIGURE['T9']}_sak", "D", frozenset({"T9"})),
            (f"{NO_FIGURE['T9']}_tiltak", "D", frozenset({"T9"})),
        ),
    ),
    Planted(
        name="a silent month",
        region=_QUIET,
        shows=(
            ("meldinger_mottatt", "M", _FEWER),
            ("us_startet", "M", _FEWER),
            (NO_FIGURE["T10"], "D", frozenset({"T10"})),
        ),
    ),
)


class Years(msgspec.Struct, frozen=True, kw_only=True):
    """Two years of a country. `stocks` and `arrivals` are what T9 and T10 are given."""

    now: Side
    before: Side
    units: dict[str, Unit]
    stocks: list[Beholdning]
    arrivals: list[Ankomst]


class _Place(msgspec.Struct, frozen=True):
    """A municipality without districts, or a district: what figures are drawn for."""

    region: str
    children: int


def places() -> tuple[_Place, ...]:
    """Where figures are drawn: a municipality with districts is the sum of them."""
    return tuple(
        place
        for one in kommuner()
        for place in (
            [_Place(f"{one.number}{b.number}", b.children) for b in one.bydeler] or [_Place(one.number, one.children)]
        )
    )


def pair(seed: int, periode: str = "2024H1", *, faults: bool = True, trend: float = TREND) -> Years:
    """Draw the figures of a period and of a year before. The same seed gives the same figures."""
    rng = np.random.default_rng([seed, *periode.encode()])
    drawn: dict[tuple[str, str], tuple[Drawn, Drawn]] = {}
    wanted = ("Y",) if len(periode) == 4 else ("H", "D")
    for figure in figures():
        if kinds(figure) and periode.endswith(figure.only):
            for kind in (one for one in figure.periods if one in wanted):
                drawn[figure.id, kind] = _two_years(rng, figure, kind, periode, trend)
    at = datetime(int(periode[:4]) + 1, 3, 1, 4, 17, tzinfo=UTC)
    stocks, arrivals = _stocks(rng), _arrivals(rng, trend)
    if faults:
        for (name, type_), (_, now) in drawn.items():
            _plant(name, type_, now)
        stocks = [replace(one, ny=one.gammel // 2) if one.kommunenummer == _HALF else one for one in stocks]
        arrivals = [replace(one, antall=0) if one.kommunenummer == _QUIET else one for one in arrivals]
    return Years(
        now=Side(periode=periode, kilde=FORELOPIG, kunnskapstidspunkt=at, tall=_cells(drawn, 1, periode)),
        before=Side(
            periode=reference(periode),
            kilde=FORELOPIG,
            kunnskapstidspunkt=at,
            tall=_cells(drawn, 0, reference(periode)),
        ),
        units={
            **{one.number: Unit(one.children, one.children, size_class(one.children)) for one in kommuner()},
            **{one.region: Unit(one.children, one.children, "BYDEL") for one in places() if len(one.region) == 6},
        },
        stocks=stocks,
        arrivals=arrivals,
    )


def _poisson(rng: np.random.Generator, mean: NDArray[np.floating]) -> F:
    """Counts with variance PHI times their mean."""
    excess = PHI - 1
    found: F = rng.poisson(rng.gamma(np.maximum(mean, 1e-12) / excess, excess)).astype(np.float64)
    return found


def _weights(count: int) -> F:
    """Shares of codes: each a little rarer than the one before."""
    rank = 1 / np.arange(1, count + 1, dtype=np.float64)
    found: F = rank / rank.sum()
    return found


def _two_years(rng: np.random.Generator, figure: Figure, kind: str, periode: str, trend: float) -> tuple[Drawn, Drawn]:
    base, each, share = _SIZES[figure.id]
    national: float = msgspec.structs.asdict(targets(YEARS[-1]))[base] * each
    national *= _IN_HALF[figure.unit] if kind == "H" else 1.0
    children = np.array([one.children for one in places()], dtype=np.float64)
    mean = national * children / children.sum() * rng.lognormal(-(_SPREAD**2) / 2, _SPREAD, children.size)
    months = (12 if len(periode) == 4 else 6) if kind in "HY" and figure in monthly_figures() else 1
    days = [date(int(p[:4]), 6, 30) for p in (periode, reference(periode))]
    codes: tuple[str, ...] = ()
    if figure.kodeliste:
        known = codelist(figure.kodeliste)
        codes = tuple(code for code, one in known.items() if all(one.valid_on(day) for day in days))
    found = []
    for level in (1.0, trend):
        own = level * mean * rng.lognormal(0, _DRIFT, children.size)
        counts = np.stack([_poisson(rng, own / months) for _ in range(months)], axis=1)
        of = None
        if figure.nevner:
            of = counts.sum(axis=1)
            counts = rng.binomial(of.astype(np.int64), share).astype(np.float64)[:, None]
        by_code = (
            np.stack([rng.multinomial(int(total), _weights(len(codes))) for total in counts.sum(axis=1)]).astype(
                np.float64
            )
            if codes
            else np.zeros((children.size, 0))
        )
        found.append(Drawn(counts, of, codes, by_code))
    return found[0], found[1]


def _at(region: str) -> int:
    return next(i for i, one in enumerate(places()) if one.region == region)


def _scaled(of: Drawn, place: int, change: Callable[[F], F]) -> None:
    of.months[place] = change(of.months[place])
    of.by_code[place] = change(of.by_code[place])
    if of.of is not None:
        of.of[place] = np.maximum(change(of.of[place : place + 1])[0], of.months[place].sum())


def _plant(name: str, kind: str, now: Drawn) -> None:
    """The faults, in a figure of the second year."""
    for district in _DISTRICTS:
        _scaled(now, _at(district), np.zeros_like)
    _scaled(now, _at(_HALF), lambda x: np.floor(x / 2))
    if name in ("meldinger_mottatt", "us_avsluttet"):
        codes = now.by_code[_at(_MAPPED)]
        codes[0] += codes[1]
        codes[1] = 0
    if (name, kind) == ("barn_omsorgstiltak", "D"):
        now.months[_at(_THOUSAND)] *= 1000
    if now.months.shape[1] > 1:
        now.months[_at(_QUIET), SILENT - 1] = 0


def _cells(drawn: dict[tuple[str, str], tuple[Drawn, Drawn]], side: int, periode: str) -> tuple[Tall, ...]:
    regions = [one.region for one in places()]
    cities = [one for one in kommuner() if one.bydeler]
    rows = {
        **{one.number: [i for i, r in enumerate(regions) if r[:4] == one.number] for one in cities},
        **{region: [i] for i, region in enumerate(regions)},
    }
    month = 6 if periode.endswith("H1") else 12
    last = date(int(periode[:4]), month, 30 if month == 6 else 31)
    found = []
    for (name, kind), two in drawn.items():
        one = two[side]
        for region, within in rows.items():
            total = Tall(
                indikator=name,
                region=region,
                niva="BYDEL" if len(region) == 6 else "KOMMUNE",
                periode=periode,
                periodetype=kind,
                kode="T",
                verdi=int(one.total[within].sum()),
                nevner=int(one.of[within].sum()) if one.of is not None else None,
                status="KOMPLETT",
                referansedato=last,
            )
            found.append(total)
            counts = one.by_code[within].sum(axis=0)
            found += [replace(total, kode=code, verdi=int(n)) for code, n in zip(one.codes, counts, strict=True) if n]
            if (months := one.months.shape[1]) > 1:
                found += [
                    replace(total, periodetype="M", periode=f"{periode[:4]}M{month - months + 1 + m:02d}", verdi=int(n))
                    for m, n in enumerate(one.months[within].sum(axis=0))
                ]
    return tuple(found)


def _stocks(rng: np.random.Generator) -> list[Beholdning]:
    """A stock and what of it is found again: all, but for one or two."""
    mean = targets(YEARS[-1]).tiltak_dato / sum(one.children for one in kommuner())
    found = []
    for one in kommuner():
        for kind in _KINDS:
            old = int(rng.poisson(mean * one.children))
            found.append(
                Beholdning(kommunenummer=one.number, type=kind, gammel=old, ny=old - min(old, int(rng.poisson(0.1))))
            )
    return found


def _arrivals(rng: np.random.Generator, trend: float) -> list[Ankomst]:
    """Events of 30 days by the days until they came: most within a week."""
    year = targets(YEARS[-1])
    each = (
        (1.52 * year.meldinger + year.us_startet + 2 * year.tiltak_aar) / 12 / sum(one.children for one in kommuner())
    )
    lags = 0.3 * 0.7 ** np.arange(31)
    found = []
    for one in kommuner():
        before, now = (_poisson(rng, level * each * one.children * lags) for level in (1.0, trend))
        found += [
            Ankomst(kommunenummer=one.number, dager=i, antall=int(now[i]), antall_for=int(before[i])) for i in range(31)
        ]
    return found
