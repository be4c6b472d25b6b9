"""The figures of a period beside those of the period a year before: every test, and what it found.

Nothing here reads BigQuery or a clock. Units are municipalities and, where they report, city districts: a district that
is missing is a tenth of Oslo, and all of itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import msgspec
import numpy as np
from numpy.typing import NDArray

from bvr.model.codelists import codelist
from bvr.statistics.deviations import formulas
from bvr.statistics.deviations.declared import LEVELS, PERIODS, Flagg, kinds, tester
from bvr.statistics.deviations.formulas import F, Tested
from bvr.statistics.deviations.tables import Avvik, AvvikTest
from bvr.statistics.figures.catalogue import figures
from bvr.statistics.figures.declared import Figure

FORELOPIG = "FORELOPIG"
"""The source of figures that are not frozen."""
NO_FIGURE = {"T9": "beholdning", "T10": "hendelser_registrert"}
"""What T9 and T10 are about in place of a key figure; T9 adds the kind of element."""


class Tall(msgspec.Struct, frozen=True, kw_only=True):
    """A cell of the tables of figures, of both sexes and all ages. Columns that are not named here are not read."""

    indikator: str
    region: str
    niva: str
    periode: str
    periodetype: str
    kode: str
    verdi: int
    nevner: int | None = None
    status: str
    referansedato: date
    maal: str = "SUM"
    kjonn: str = "T"
    aldersgruppe: str = "T"


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one period. `kilde`: FORELOPIG, or the number of the freeze they are from (T1 to T4)."""

    periode: str
    kilde: str
    kunnskapstidspunkt: datetime
    tall: tuple[Tall, ...]


class Unit(msgspec.Struct, frozen=True):
    """A municipality or district: what its counts are in proportion to in each period, and its stratum in T3.

    `now` and `before` are inhabitants of 0-17 years, or days covered; only their ratio counts.
    """

    now: float
    before: float
    stratum: str


class Beholdning(msgspec.Struct, frozen=True, kw_only=True):
    """For T9: open elements of a kind in the old source on 31 December, and in the register on 1 January."""

    kommunenummer: str
    type: str
    gammel: int
    ny: int


class Ankomst(msgspec.Struct, frozen=True, kw_only=True):
    """For T10: events of the last days, by the days until they came; of this year, and as known a year ago."""

    kommunenummer: str
    dager: int
    antall: int
    antall_for: int


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a run found: everything yellow and red, in order of rank, and how many tests were made."""

    avvik: tuple[Avvik, ...]
    tester: tuple[AvvikTest, ...]


def cells(rows: Iterable[Mapping[str, Any]]) -> tuple[Tall, ...]:
    """Rows of the tables of figures, as BigQuery gives them: those that tests are made on.

    Raises msgspec.ValidationError for a row that is not of those tables.
    """
    made = (msgspec.convert(dict(row), Tall) for row in rows)
    return tuple(
        one
        for one in made
        if one.niva in LEVELS
        and one.maal == "SUM"
        and one.kjonn == one.aldersgruppe == "T"
        and one.periodetype in PERIODS
    )


def compare(now: Side, before: Side, units: Mapping[str, Unit]) -> Result:
    """Every test of every figure. A region without a unit is taken to be as large as it was, and of no size class.

    Raises ValueError when the two are not alike: other freezes, or a period that is not over.
    """
    _alike(now, before)
    by_figure = {figure.id: figure for figure in figures()}
    made = _Made(now, before)
    groups = _groups(now, before)
    for (indicator, kind, level), pair in sorted(groups.items()):
        if indicator in by_figure:
            country = _country(groups.get((indicator, kind, "KOMMUNE"), pair))
            _Group(by_figure[indicator], kind, level, pair, units, made, country).test()
    return made.result()


def continuity(stocks: Iterable[Beholdning], year: int, kilde: str, at: datetime) -> Result:
    """T9 of what a migration report counts, for the change of year to `year`."""
    now = Side(periode=f"{year}-01-01", kilde=kilde, kunnskapstidspunkt=at, tall=())
    made = _Made(now, msgspec.structs.replace(now, periode=f"{year - 1}-12-31"))
    by_type: dict[str, list[Beholdning]] = defaultdict(list)
    for one in stocks:
        by_type[one.type].append(one)
    for name, rows in sorted(by_type.items()):
        rows.sort(key=lambda one: one.kommunenummer)
        old, new = _array(one.gammel for one in rows), _array(one.ny for one in rows)
        where = _Where(f"{NO_FIGURE['T9']}_{name.lower()}", "D", "KOMMUNE", now.periode, made.before.periode)
        made.add(where, [one.kommunenummer for one in rows], old, new, old, {"T9": formulas.continuity(old, new)})
    return made.result()


def timeliness(arrivals: Iterable[Ankomst], units: Mapping[str, Unit], day: date, at: datetime) -> Result:
    """T10 on a day, of the events of its last 30 days."""
    counted: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for one in arrivals:
        if one.dager <= tester()["T10"].krav["dager"]:
            counted[one.kommunenummer][0] += one.antall_for
            counted[one.kommunenummer][1] += one.antall
    regions = sorted(counted)
    now = Side(periode=str(day), kilde=FORELOPIG, kunnskapstidspunkt=at, tall=())
    made = _Made(now, msgspec.structs.replace(now, periode=str(a_year_before(day))))
    x0, x1 = _array(counted[one][0] for one in regions), _array(counted[one][1] for one in regions)
    ratio = _ratio(regions, units)
    where = _Where(NO_FIGURE["T10"], "D", "KOMMUNE", now.periode, made.before.periode)
    made.add(where, regions, x0, x1, x0 * ratio, {"T10": formulas.timeliness(x0, x1, ratio)})
    return made.result()


def a_year_before(day: date) -> date:
    """The same day of the year before; 28 February for the day that it has not."""
    return day.replace(year=day.year - 1, day=28 if (day.month, day.day) == (2, 29) else day.day)


def reference(periode: str) -> str:
    """The same period of the year before: 2023H1 of 2024H1. Raises ValueError for what is no period."""
    if not periode[:4].isdigit() or periode[4:] not in ("", "H1", "H2"):
        raise ValueError(f"{periode} is no period, such as 2024 or 2024H1")
    return f"{int(periode[:4]) - 1}{periode[4:]}"


def _alike(now: Side, before: Side) -> None:
    if now.kilde != before.kilde:
        raise ValueError(
            f"{now.periode} is {now.kilde} and {before.periode} is {before.kilde}: only like is compared with like"
        )
    if now.periode[4:] != before.periode[4:] or now.periode == before.periode:
        raise ValueError(f"{now.periode} and {before.periode} are not the same time of two years")
    for side in (now, before):
        if any(one.status == FORELOPIG for one in side.tall):
            other = before if side is now else now
            raise ValueError(f"{side.periode} is not over as known then: it cannot be compared with {other.periode}")


Pair = dict[tuple[str, str, int], Tall]
"""(region, code, 0 before or 1 now) -> cell: a figure of both periods."""


def _groups(now: Side, before: Side) -> dict[tuple[str, str, str], Pair]:
    """(figure, kind of period with the month, level) -> its cells."""
    found: dict[tuple[str, str, str], Pair] = defaultdict(dict)
    for side, given in enumerate((before, now)):
        for one in given.tall:
            # The months of a half-year are as many comparisons.
            kind = one.periodetype + one.periode[4:] if one.periodetype == "M" else one.periodetype
            found[one.indikator, kind, one.niva][one.region, one.kode, side] = one
    return found


def _country(pair: Pair) -> float:
    """The figure of the country: that of the larger period, so that what is lost is a share of what there was."""
    return float(
        max(sum(one.verdi for (_, code, of), one in pair.items() if code == "T" and of == side) for side in (0, 1))
    )


class _Where(msgspec.Struct, frozen=True):
    """What a group of tests is about."""

    indikator: str
    periodetype: str
    niva: str
    periode: str
    referanseperiode: str


class _Made:
    """Gathers what tests found, and ranks it at the end."""

    def __init__(self, now: Side, before: Side) -> None:
        self.now, self.before = now, before
        self._avvik: list[Avvik] = []
        self._tester: list[AvvikTest] = []

    def add(
        self,
        where: _Where,
        regions: list[str],
        x0: F,
        x1: F,
        expected: F,
        found: Mapping[str, Tested],
        *,
        of: tuple[F, F] | None = None,
        impact: F | None = None,
        codes: Mapping[str, list[str | None]] | None = None,
        phi: float | None = None,
    ) -> None:
        """The tests of one figure, level and period. A flag is a row; so is its impact, where that has a flag too."""
        share = np.full(x0.shape, np.nan) if impact is None else impact
        flagged = np.zeros(x0.shape, dtype=np.bool_)
        q = self._controlled(found)
        levels = {
            code: np.where(tested.made, formulas.controlled(tested, q[code]) if code in q else tested.level, 0)
            for code, tested in found.items()
        }
        for code, tested in found.items():
            flagged |= levels[code] > 0
            self._count(where, code, tested.made, levels[code], phi if code == "T1" else None)
        if impact is not None:
            everywhere = np.ones(x0.shape, dtype=np.bool_)
            found = {**found, "T8": Tested(everywhere, share, np.full(x0.shape, np.nan), np.zeros(0, dtype=np.int_))}
            levels["T8"] = np.where(flagged, formulas.impact_level(share), 0)
            self._count(where, "T8", flagged, levels["T8"], None)
        for code, tested in found.items():
            for i in np.flatnonzero(levels[code]):
                self._avvik.append(
                    Avvik(
                        **self._run(),
                        **msgspec.structs.asdict(where),
                        region=regions[i],
                        kommunenummer=regions[i][:4],
                        kode=codes[code][i] if codes and code in codes else None,
                        verdi=int(x1[i]),
                        forrige=int(x0[i]),
                        nevner=int(of[1][i]) if of else None,
                        forrige_nevner=int(of[0][i]) if of else None,
                        differanse=int(x1[i] - x0[i]),
                        prosent=round(float(100 * (x1[i] - x0[i]) / x0[i]), 1) if x0[i] else None,
                        forventet=_real(expected[i]),
                        testkode=code,
                        teststatistikk=_real(tested.statistic[i]),
                        p_verdi=_real(tested.p[i]),
                        q_verdi=_real(q[code][i]) if code in q else None,
                        flagg=Flagg(levels[code][i]).name,
                        virkning=_real(share[i]),
                        rang=0,
                    )
                )

    @staticmethod
    def _controlled(found: Mapping[str, Tested]) -> dict[str, F]:
        """q of the tests whose false alarms are held together: Benjamini-Hochberg over all of them at once."""
        codes = [code for code in found if tester()[code].fdr]
        if not codes:
            return {}
        p = np.concatenate([np.where(found[code].made, found[code].p, np.nan) for code in codes])
        return dict(zip(codes, np.split(formulas.false_discovery(p), len(codes)), strict=True))

    def _run(self) -> dict[str, Any]:
        """What is the same of every row of a run."""
        return {
            "kjoring_id": "",
            "kilde": self.now.kilde,
            "kunnskapstidspunkt": self.now.kunnskapstidspunkt,
            "referanse_kunnskapstidspunkt": self.before.kunnskapstidspunkt,
        }

    def _count(
        self, where: _Where, code: str, made: NDArray[np.bool_], level: NDArray[np.int_], phi: float | None
    ) -> None:
        self._tester.append(
            AvvikTest(
                **self._run(),
                **msgspec.structs.asdict(where),
                kjort_for=self.now.periode,
                kjort_mot=self.before.periode,
                testkode=code,
                tester=int(made.sum()),
                gule=int((level == Flagg.GUL).sum()),
                rode=int((level == Flagg.ROD).sum()),
                overspredning=_real(phi),
            )
        )

    def result(self) -> Result:
        """Ranked by impact, the largest first, and named by what was found: the same figures give the same run."""
        ordered = sorted(
            self._avvik,
            key=lambda one: (
                *(-(one.virkning or 0.0), -Flagg[one.flagg], one.indikator, one.periode, one.periodetype),
                *(one.region, int(one.testkode[1:])),
            ),
        )
        ranked = [msgspec.structs.replace(one, rang=rank) for rank, one in enumerate(ordered, 1)]
        run = str(uuid5(NAMESPACE_URL, "avvik:" + msgspec.json.encode([ranked, self._tester]).decode()))
        return Result(
            avvik=tuple(msgspec.structs.replace(one, kjoring_id=run) for one in ranked),
            tester=tuple(msgspec.structs.replace(one, kjoring_id=run) for one in self._tester),
        )


class _Group:
    """A figure, in a kind of period, at a level: all its units at once."""

    def __init__(
        self,
        figure: Figure,
        kind: str,
        level: str,
        pair: Pair,
        units: Mapping[str, Unit],
        made: _Made,
        country: float,
    ) -> None:
        self._figure, self._pair, self._units, self._made, self._country = figure, pair, units, made, country
        self._regions = sorted({region for region, *_ in pair})
        self._month = kind[1:]
        self._kind, self._level = kind[0], level

    def test(self) -> None:
        """Make the tests of the figure, and hand on what they found."""
        made, regions = self._made, self._regions
        x0, x1 = self._values("T", 0), self._values("T", 1)
        ratio = _ratio(regions, self._units)
        where = _Where(
            self._figure.id,
            self._kind,
            self._level,
            made.now.periode[:4] + self._month if self._month else made.now.periode,
            made.before.periode[:4] + self._month if self._month else made.before.periode,
        )
        found: dict[str, Tested] = {}
        of, phi, expected = None, None, x0 * ratio
        codes: dict[str, list[str | None]] = {}
        if "ANTALL" in kinds(self._figure):
            phi = formulas.over_dispersion(x0, x1, ratio)
            strata = np.array([self._units[r].stratum if r in self._units else "" for r in regions], dtype=np.str_)
            found |= {
                "T1": formulas.counts(x0, x1, ratio, phi),
                "T2": formulas.small_counts(x0, x1, ratio, phi),
                "T3": formulas.against_others(x0, x1, strata),
                "T4": formulas.zero(x0, x1, ratio),
                "T7": formulas.thousand(x0, x1),
            }
        if "ANDEL" in kinds(self._figure):
            of = (self._values("T", 0, "nevner"), self._values("T", 1, "nevner"))
            found["T5"] = formulas.shares(x0, of[0], x1, of[1])
            expected = np.where(of[0] > 0, x0 / np.where(of[0] > 0, of[0], 1) * of[1], np.nan)
        if "FORDELING" in kinds(self._figure) and (names := self._codes()):
            mixed = formulas.mix(
                np.stack([self._values(one, 0) for one in names], axis=1),
                np.stack([self._values(one, 1) for one in names], axis=1),
            )
            found["T6"] = mixed.tested
            codes["T6"] = [names[i] for i in mixed.code]
        if found:
            made.add(
                *(where, regions, x0, x1, expected, found),
                of=of,
                impact=formulas.impact(x1 - x0, self._country),
                codes=codes,
                phi=phi,
            )

    def _values(self, code: str, side: int, name: str = "verdi") -> F:
        return _array(
            getattr(given, name) or 0 if (given := self._pair.get((region, code, side))) else 0
            for region in self._regions
        )

    def _codes(self) -> list[str]:
        """The codes of the list that were in force in both periods: where a list changed, none is missed."""
        days = {one.referansedato for one in self._pair.values()}
        known = codelist(self._figure.kodeliste)
        return sorted(
            code
            for code in {code for _, code, _ in self._pair}
            if code in known and all(known[code].valid_on(day) for day in days)
        )


def _array(values: Iterable[int]) -> F:
    return np.array(list(values), dtype=np.float64)


def _ratio(regions: list[str], units: Mapping[str, Unit]) -> F:
    """e1 / e0; 1 where it is not known."""
    found = [units.get(region) for region in regions]
    return np.array(
        [one.now / one.before if one and one.before and one.now else 1.0 for one in found], dtype=np.float64
    )


def _real(value: float | None) -> float | None:
    """A number of a row: six significant digits, and none for what is not a number."""
    return None if value is None or not np.isfinite(value) else float(f"{value:.6g}")
