"""Published national figures, each once, and what follows from them for a year.

Source: Statistics Norway (SSB), "Barnevern": StatBank 09050, 11600 and 12189 and the yearly articles, NLOD 2.0; number
of services: Bufdir, second half of 2023. None: not found.
"""

from __future__ import annotations

import msgspec


class Year(msgspec.Struct, frozen=True):
    """One year as it was published. `aar`: children with measures during the year; `dato`: on 31 December."""

    tiltak_aar: int | None
    hjelp_aar: int | None
    omsorg_aar: int | None
    tiltak_dato: int | None
    hjelp_dato: int | None
    omsorg_dato: int | None
    plassert: int | None
    plassert_hjelp: int | None
    plassert_omsorg: int | None
    meldinger: int | None  # concluded with code 1 or 2
    us_startet: int | None
    us_avsluttet: int | None
    henlagt: int | None  # dismissed, among `meldinger`


_NONE = (None,) * 9
PUBLISHED: dict[int, Year] = {
    2013: Year(*_NONE, None, 41_493, 38_046, None),
    2014: Year(*_NONE, None, 41_922, 41_016, None),
    2015: Year(53_439, 43_370, 10_069, 36_811, 27_803, 9_008, 14_918, 5_995, 8_923, 54_396, 43_681, 44_101, None),
    2016: Year(54_620, 44_386, 10_234, 39_260, 30_180, 9_080, 15_865, 6_785, 9_080, 58_254, 47_865, 46_626, None),
    2017: Year(55_697, 45_528, 10_169, 39_612, 30_579, 9_033, 15_626, 6_593, 9_033, 58_580, 48_732, 48_235, 9_805),
    2018: Year(55_623, 45_587, 10_036, 39_043, 30_175, 8_868, 15_140, 6_272, 8_868, 57_013, 47_279, 48_194, 9_691),
    2019: Year(54_592, 44_821, 9_771, 37_866, 29_266, 8_600, 14_671, 6_071, 8_600, 57_988, 46_864, 46_946, 11_103),
    2020: Year(52_862, 43_565, 9_297, 36_848, 28_704, 8_144, 14_177, 6_033, 8_144, 56_802, 45_464, 45_579, 11_300),
    2021: Year(50_520, 41_789, 8_731, 35_094, 27_436, 7_658, 13_508, 5_850, 7_658, 53_468, 41_933, 43_514, 11_524),
    2022: Year(47_034, 38_785, 8_249, 32_276, 25_052, 7_224, 12_989, 5_765, 7_224, 49_778, 37_936, None, None),
    2023: Year(43_954, 36_182, 7_772, 30_824, 24_060, 6_764, 12_407, 5_643, 6_764, 52_413, None, None, None),
    2024: Year(42_421, 35_082, 7_339, 29_157, 22_755, 6_402, 11_869, 5_467, 6_402, 53_287, None, None, None),
}
YEARS = range(min(PUBLISHED), max(PUBLISHED) + 1)

# Not published as investigations: 36 613 children in 2023, at 1.06 investigations a child; for 2024 our own choice.
_INVESTIGATIONS = {2023: 38_810, 2024: 38_200}

SERVICES = 231
CO_OPERATIONS = 66  # of them serve several municipalities

# Reports of 2020 by what they came to: the headline (1 and 2), a child with measures (3), an ongoing investigation (4).
REPORTS_2020 = {"1-2": 56_800, "3": 14_650, "4": 14_850}

# Shares in per cent.
AGES_2019 = {"0-2": 10.9, "3-5": 15.6, "6-12": 41.4, "13-17": 30.1, "18-24": 2.1}
BOYS_2019 = 53.9
CHILDREN_PER_REPORT = {2018: 57_013 / 49_742, 2022: 49_778 / 43_523}
REPORTS_IN_A_WEEK_2020 = 99.0
INVESTIGATED_IN_3_MONTHS_2019 = 92.0
DECIDED_2018 = 39.8  # of investigations, conclusions 1 and 2
CONCLUSIONS_2018 = {"1": 38.9, "2": 0.9, "3": 48.1, "4": 8.5, "5": 3.6}
FOSTER_HOMES_2018 = 77.0  # of placed children
KINDERGARTEN_2018 = 5.4  # of reports
POLICE_2016 = 15.0
INVESTIGATIONS_PER_CHILD_2019 = 46_864 / 44_131


class Targets(msgspec.Struct, frozen=True, kw_only=True):
    """What a nation is to have in a year. `before`: on 31 December of the year before."""

    tiltak_aar: int
    omsorg_aar: int
    tiltak_dato: int
    omsorg_dato: int
    plassert: int
    tiltak_before: int
    omsorg_before: int
    meldinger: int
    us_startet: int

    @property
    def henlagt(self) -> int:
        """Every other headline report is investigated: so it is in each year for which both were published."""
        return self.meldinger - self.us_startet


def targets(year: int) -> Targets:
    """The published figures of a year. What is missing for 2013 and 2014 is that of 2015, reports in proportion to
    investigations. Raises ValueError for other years."""
    if year not in PUBLISHED:
        raise ValueError(f"figures are known for {YEARS[0]} to {YEARS[-1]}, not for {year}")
    first = _given(2015)
    own = _given(year) if year > 2015 else first
    before = _given(year - 1) if year > 2015 else own
    started = PUBLISHED[year].us_startet or _INVESTIGATIONS[year]
    reports = PUBLISHED[year].meldinger or round(first["meldinger"] * started / first["us_startet"])
    return Targets(
        tiltak_aar=own["tiltak_aar"],
        omsorg_aar=own["omsorg_aar"],
        tiltak_dato=own["tiltak_dato"],
        omsorg_dato=own["omsorg_dato"],
        plassert=own["plassert"],
        tiltak_before=before["tiltak_dato"],
        omsorg_before=before["omsorg_dato"],
        meldinger=reports,
        us_startet=started,
    )


def _given(year: int) -> dict[str, int]:
    return {name: value for name, value in msgspec.structs.asdict(PUBLISHED[year]).items() if value is not None}
