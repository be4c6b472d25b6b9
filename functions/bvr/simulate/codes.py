"""Codes and legal bases as they are used: by what is in force on the day, and how often.

Shares follow published statistics on reporters, contents, conclusions and placements; where there are none they are
choices of ours.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from itertools import accumulate
from random import Random

from bvr.model.codelists import codelist
from bvr.model.concepts import Lovhjemmel, Saksinnhold
from bvr.model.types import version_key

NEW_ACT = date(2023, 1, 1)
NEW_CODES = date(2026, 1, 1)

_SENTENCES = (
    "Syntetisk presisering: forholdet er beskrevet i journalen.",
    "Gjelder situasjonen etter skolestart, se notat.",
    "Avtalt med de foresatte og gjennomgått i ansvarsgruppen.",
    "Tiltaket er tilpasset barnets alder og behov og følges opp hver måned.",
    "Familien er kjent for tjenesten fra tidligere.",
    "Samarbeidsmøte er holdt med barnehage eller skole & helsestasjon.",
    "Barnets syn er innhentet og vektlagt.",
    "Vurderes på nytt ved neste evaluering av planen.",
)

# How often a code is used, per thousand or so; a code that is not named has 4.
_SHARES: dict[str, dict[str, float]] = {
    "Melder": {
        **{"1": 15, "2": 115, "3": 29, "4": 28, "5": 160, "6": 24, "7": 70, "8": 155, "9": 54, "10": 55, "11": 140},
        **{"12": 8, "13": 45, "14": 12, "15": 50, "16": 6, "17": 8, "18": 9, "19": 14, "20": 3, "21": 2, "22": 40},
        **{"23": 45, "24": 46, "25": 4},
    },
    "Saksinnhold": {
        **{"4": 120, "7": 110, "3": 80, "6": 95, "2": 75, "20": 55, "21": 45, "22": 60, "23": 35, "24": 60, "28": 18},
        **{"8": 40, "9": 40, "10": 30, "11": 15, "14": 25, "15": 20, "16": 40, "25": 40, "26": 30, "18": 35, "19": 20},
        **{"1": 15, "5": 15, "17": 25, "13": 8, "12": 6, "27": 1, "29": 10, "30": 8, "31": 10},
        **{"33": 1, "34": 1, "35": 1, "36": 1},
        **{"2.1.02": 60, "2.2.01": 55, "2.2.02": 55, "2.2.03": 40, "2.3.02": 45, "2.4.02": 70, "2.4.05": 60},
        **{"2.4.03": 55, "2.4.04": 50, "3.1.08": 70, "3.1.03": 65, "1.3.08": 40, "1.3.07": 30, "1.1.02": 35},
        **{"1.3.09": 18, "1.3.11": 22, "1.2.03": 25, "2.1.01": 35, "2.1.03": 30, "3.1.06": 20, "3.2.02": 14},
    },
    # Dismissals only: what becomes of the others follows from the course of the case.
    "MeldingKonklusjon": {"1": 100, "5": 3, "6": 2, "7": 8, "8": 7, "9": 5, "10": 75, "2": 0, "3": 0, "4": 0},
    "UndersokelseKonklusjon": {"3": 770, "4": 137, "5": 58, "6": 20, "7": 8, "8": 6, "9": 44, "1": 0, "2": 0},
    "BarnetsMedvirkning": {"1.1": 70, "1.2": 5, "1.3": 10, "1.4": 5, "2.1": 5, "2.2": 5},
}
_NEEDS_TEXT: dict[str, frozenset[str]] = {
    "Melder": frozenset({"22"}),
    "Saksinnhold": frozenset({"18", "19"}),
    "UndersokelseKonklusjon": frozenset({"5"}),
    "TiltakOpphevelse": frozenset({"4"}),
    "TiltakKategori": frozenset({"1.99", "2.99", "3.7", "3.99", "4.99", "5.99", "6.99", "7.99", "8.99"}),
    "FlyttingArsakFra": frozenset({"1.1.5", "1.2.3", "2.9"}),
    "FlyttingTil": frozenset({"8"}),
}

# Measures that are not placements: share, and the ages they are for.
_MEASURES: dict[str, tuple[float, int, int]] = {
    **{"3.1": (20, 12, 17), "3.2": (30, 4, 12), "3.3": (10, 11, 17), "3.4": (8, 3, 8), "3.5": (35, 0, 17)},
    **{"3.6": (35, 0, 10), "3.7": (100, 0, 17), "3.8": (20, 0, 2), "3.9": (180, 0, 17), "3.10": (80, 0, 17)},
    **{"3.99": (25, 0, 17), "4.1": (50, 1, 4), "4.2": (30, 6, 8), "4.3": (60, 5, 17), "4.4": (80, 0, 22)},
    **{"4.5": (85, 1, 17), "4.6": (50, 7, 20), "4.7": (10, 6, 17), "4.8": (12, 16, 22), "4.9": (6, 8, 16)},
    **{"4.99": (25, 0, 20), "5.1": (30, 0, 17), "5.2": (5, 0, 17), "5.3": (22, 0, 17), "5.4": (8, 13, 18)},
    **{"6.1": (30, 0, 17), "6.2": (35, 0, 17), "6.3": (15, 3, 22), "6.4": (70, 0, 20), "6.99": (6, 0, 17)},
    **{"7.3": (15, 5, 18), "8.1": (60, 17, 22), "8.3": (6, 17, 20), "8.99": (15, 17, 22)},
}
_LAST_AGE = {"4.1": 8, "4.2": 12}  # the birthday before which it must end

# Where placed children live, by age (0-2, 3-5, 6-12, 13-17, 18-22).
_PLACES: dict[str, tuple[float, ...]] = {
    **{"2.1": (130, 230, 900, 850, 200), "2.2": (280, 520, 2150, 2300, 650), "2.3": (3, 6, 80, 260, 40)},
    **{"2.5": (86, 64, 175, 110, 0), "2.6": (15, 10, 30, 25, 0), "1.1": (6, 12, 95, 780, 160)},
    **{"1.2": (0, 0, 8, 60, 20), "8.2": (0, 0, 0, 480, 1200), "8.4": (0, 0, 0, 240, 500), "8.5": (0, 0, 0, 240, 700)},
}
FOSTER = frozenset({"2.1", "2.2", "2.3", "2.5", "2.6"})
INSTITUTION = frozenset({"1.1", "1.2"})

# Legal bases: (chapter, section, subsections, letters) under the acts of 1992 and 2021.
_Provision = tuple[str, str, tuple[str, ...], tuple[str, ...]]
_BASES: dict[str, tuple[_Provision, _Provision]] = {
    "hjelp": (("4", "4", ("2",), ()), ("3", "1", ("1",), ())),
    "pålegg": (("4", "4", ("3",), ()), ("3", "4", ("1",), ())),
    "frivillig": (("4", "4", ("6",), ()), ("3", "2", ("1",), ())),
    "akutt": (("4", "6", ("2",), ()), ("4", "2", ("1",), ())),
    "omsorg": (("4", "12", ("1",), ("a",)), ("5", "1", ("1",), ("a",))),
    "atferd": (("4", "24", ("2",), ()), ("6", "2", ("1",), ())),
    "samtykke": (("4", "26", ("1",), ()), ("6", "1", ("1",), ())),
    "ettervern": (("1", "3", ("2",), ()), ("3", "6", ("1",), ())),
    "samvær": (("4", "19", ("2",), ()), ("7", "2", ("1",), ())),
}


def text(rng: Random) -> str:
    """A clarification of one to five sentences."""
    return " ".join((_SENTENCES[0], *rng.sample(_SENTENCES[1:], rng.choice((0, 0, 1, 1, 2, 4)))))


def text_for(rng: Random, codes: str, code: str, share: float = 0.2) -> str | None:
    """A clarification where the code demands one, and for a share of the others."""
    return text(rng) if needs_text(codes, code) or rng.random() < share else None


def needs_text(codes: str, code: str) -> bool:
    return code in _NEEDS_TEXT.get(codes, ())


def in_force(codes: str, code: str, day: date, version: str) -> bool:
    """Whether a code can be used on a day by a sender of that schema version."""
    return code in _used(codes, _regime(day, version), version)[0]


def draw(rng: Random, codes: str, day: date, version: str) -> str:
    """A code that is in force on the day and exists in the schema version, as often as it is used."""
    population, weights = _used(codes, _regime(day, version), version)
    return rng.choices(population, cum_weights=weights)[0]


def _regime(day: date, version: str) -> int:
    """The year whose codes apply: lists change at the turn of the year, and the old schemas know none from 2026, nor
    2.2.3 those from 2025."""
    year = max(day.year, 2013)  # the first year of most lists
    return min(year, 2025 if version_key(version) >= (3,) else 2024) if before_2026(version) else year


def before_2026(version: str) -> bool:
    """Whether a schema version lacks the codes of 2026."""
    return version_key(version) < (4,)


@cache
def _used(codes: str, year: int, version: str) -> tuple[list[str], list[float]]:
    shares = _SHARES.get(codes, {})
    middle = date(year, 7, 1)
    found = [c.code for c in codelist(codes).values() if c.valid_on(middle) and c.in_version(version)]
    found = [c for c in found if shares.get(c, 4)]
    return found, list(accumulate(shares.get(c, 4) for c in found))


def contents(rng: Random, day: date, version: str) -> tuple[Saksinnhold, ...]:
    """What a report, an investigation or a measure is about: one to four different codes."""
    count = rng.choices((1, 2, 3, 4), (50, 30, 15, 5))[0]
    found = dict.fromkeys(draw(rng, "Saksinnhold", day, version) for _ in range(count))
    return tuple(Saksinnhold(kode=c, presisering=text_for(rng, "Saksinnhold", c)) for c in found)


def measures(rng: Random, age: int, count: int) -> list[str]:
    """Up to `count` different measures for a child of that age, no placements."""
    population, weights = _measures_for(min(age, 22))
    return list(dict.fromkeys(rng.choices(population, cum_weights=weights, k=count)))


@cache
def _measures_for(age: int) -> tuple[list[str], list[float]]:
    fitting = {code: share for code, (share, low, high) in _MEASURES.items() if low <= age <= high}
    return list(fitting), list(accumulate(fitting.values()))


def last_age(code: str) -> int | None:
    """The birthday before which a measure must have ended."""
    return _LAST_AGE.get(code)


def placement(rng: Random, age: int, day: date, version: str, *, temporary: bool = False) -> str:
    """Where a child of that age is placed."""
    if temporary:
        return rng.choices(("2.5", "2.6", "1.1"), (70, 15, 15 if age >= 13 else 1))[0]
    population, weights = _places_for(0 if age < 3 else 1 if age < 6 else 2 if age < 13 else 3 if age < 18 else 4)
    while True:
        code = rng.choices(population, cum_weights=weights)[0]
        if in_force("TiltakKategori", code, day, version):
            return code


@cache
def _places_for(group: int) -> tuple[list[str], list[float]]:
    return list(_PLACES), list(accumulate(shares[group] for shares in _PLACES.values()))


def basis(name: str, day: date) -> Lovhjemmel:
    """The provision of a kind of decision in the act in force on the day."""
    return _basis(name, new=day >= NEW_ACT)


@cache
def _basis(name: str, *, new: bool) -> Lovhjemmel:
    kapittel, paragraf, ledd, bokstav = _BASES[name][new]
    return Lovhjemmel(lov="BVL2021" if new else "BVL", kapittel=kapittel, paragraf=paragraf, ledd=ledd, bokstav=bokstav)
