"""The words that the rules share: the dates of a year, person numbers, age, care order, placement.

Source: section 3 of the reference. Where requirement and program differ, `reading` says whose definition it is.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import MAXYEAR, MINYEAR, date
from functools import lru_cache

import msgspec

from bvr.kostra.concepts import Lovhjemmel, Tiltak
from bvr.kostra.rules.options import IMPLEMENTED, TEXT, Reading
from bvr.model.identifiers import BOY, GIRL, UNBORN, Kind, has_check_digits, placeholder, read

BVL, BVL2021 = "BVL", "BVL2021"
NY_LOV = date(2023, 1, 1)
"""The first day of the act of 2021."""
UNKNOWN = "55555"
"""Suffix of an incomplete number that does not tell the sex."""
PLACEMENTS = frozenset(("1.1", "1.2", "1.99", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "2.99", "8.2"))


# --- 3.1 dates -------------------------------------------------------------------------------------------------------


class Dates(msgspec.Struct, frozen=True):
    """The dates that a reporting year fixes."""

    telledato: date
    forrige_telledato: date
    minimumsdato: date
    maksimumsdato: date


_FROZEN = (date(1998, 1, 1), date(2049, 12, 31))


@lru_cache(maxsize=64)
def dates(year: int, window: Reading = TEXT) -> Dates:
    """The count day of a year, the one before, and the first and last day that a date may have.

    Held inside the calendar for years nobody reports on.
    """
    first, last = date(max(year - 25, MINYEAR), 1, 1), date(min(year + 25, MAXYEAR), 12, 31)
    if window is IMPLEMENTED:
        first, last = _FROZEN
    return Dates(date(year, 12, 31), date(max(year - 1, MINYEAR), 12, 31), first, last)


# --- 3.3 numbers (3.4, DUF numbers: is_duf of bvr.model.identifiers) --------------------------------------------------


def complete(number: str | None, reading: Reading, synthetic: bool) -> bool:
    """Whether it is a national number or a D-number with right check digits (form 1).

    The text wants a date that exists too; the program tests the check digits only.
    """
    if number is None:
        return False
    found = read(number, "1", today=date.min, synthetic=synthetic, new_series=False)
    if found.kind in ("FNR", "DNR"):
        return True
    return reading is IMPLEMENTED and has_check_digits(number) and (synthetic or number[2] not in "4589")


def accepted(number: str | None, reading: Reading, synthetic: bool) -> bool:
    """Whether it is a complete number or a date with a suffix: sex known, unborn, and by the text sex unknown."""
    if complete(number, reading, synthetic):
        return True
    if number is None or not _digits(number):
        return False
    if reading is IMPLEMENTED:
        return number[6:] in (BOY, GIRL, UNBORN) and _lenient(number[:6]) is not None
    return placeholder(number[:6] + BOY) is not None and number[6:] in (BOY, GIRL, UNBORN, UNKNOWN)


def number_kind(number: str) -> Kind:
    """What kind of number it is, synthetic ones included."""
    found = read(number, "1", today=date.min, new_series=False).kind
    return "PLASSHOLDER" if found == "UGYLDIG" and accepted(number, TEXT, True) else found


def looks_like_person(number: str) -> bool:
    """Whether eleven digits are a number that stands for somebody, by any reading."""
    return accepted(number, TEXT, True) or accepted(number, IMPLEMENTED, True)


def _digits(number: str) -> bool:
    return len(number) == 11 and number.isascii() and number.isdigit()


def _lenient(six: str) -> tuple[int, int, int] | None:
    """(day, month, two-digit year) as the program reads DDMMYY: day 1 to 31 in whatever month."""
    day, month, year = int(six[:2]), int(six[2:4]), int(six[4:])
    return (day, month, year) if 1 <= day <= 31 and 1 <= month <= 12 else None


def _day(year: int, month: int, day: int) -> date:
    """A day, clamped to the last of its month."""
    return date(year, month, min(day, monthrange(year, month)[1]))


# --- 3.5 age ---------------------------------------------------------------------------------------------------------


def birth_year(number: str, year: int, reading: Reading = TEXT) -> int | None:
    """The year of birth as the program reads it; None when the number holds no date.

    A date with a suffix may be a due date, so it may lie up to a year after the count day. Suffix 55555 is one where
    it is accepted, by the text.
    """
    if not _digits(number):
        return None
    suffixes = (BOY, GIRL, UNBORN) if reading is IMPLEMENTED else (BOY, GIRL, UNBORN, UNKNOWN)
    if number[6:] in suffixes:
        born = _lenient(number[:6])
        if born is None:
            return None
        day, month, yy = born
        # More than a year after 31 December is any day of the second year after, or later.
        return 2000 + yy if _day(2000 + yy, month, day) <= date(min(year + 1, MAXYEAR), 12, 31) else 1900 + yy
    shifted = f"{int(number[0]) - 4 if number[0] >= '4' else number[0]}{number[1]}"
    month_tens = int(number[2]) - 8 if number[2] >= "8" else int(number[2])
    if _lenient(f"{shifted}{month_tens}{number[3:6]}") is None:
        return None
    return _century(int(number[6:9]), int(number[4:6])) + int(number[4:6])


def birth_date(number: str, year: int, reading: Reading = TEXT) -> date | None:
    """The day of birth (for the unborn: the due date) that the number holds; None when it holds no day that exists."""
    born = birth_year(number, year, reading)
    if born is None:
        return None
    day = int(number[:2]) - (40 if number[0] >= "4" else 0)
    month = int(number[2:4]) - (80 if number[2] >= "8" else 0)
    try:
        return date(born, month, day)
    except ValueError:
        return None


def _century(individual: int, yy: int) -> int:
    if individual >= 500 and yy <= 39:
        return 2000
    if 500 <= individual <= 749 and yy >= 54:
        return 1800
    return 1900 if individual <= 499 or individual >= 900 else 2000


def age(number: str | None, year: int, reading: Reading = TEXT) -> int | None:
    """Age on the count day: the year less the year of birth. Negative for the unborn; None when nobody can tell."""
    born = birth_year(number, year, reading) if number is not None else None
    return None if born is None else year - born


# --- 3.5 care order and placement ------------------------------------------------------------------------------------


def er_omsorgstiltak(tiltak: Tiltak, reading: Reading) -> bool:
    """Whether a measure is a care order. Compared as text: `bvl` is no act, and section 12 is not 12a."""
    hjemmel = tiltak.lovhjemmel
    if _is(hjemmel, BVL2021, "5", "1"):
        return reading is TEXT or (hjemmel.bokstav or "") in tuple("abcdefg")
    if _is(hjemmel, BVL, "4", "12"):
        return True
    if not _is(hjemmel, BVL, "4", "8"):
        return False
    if hjemmel.ledd in ("2", "3"):
        return True
    return reading is TEXT and any(jmfr.kapittel == "4" and jmfr.paragraf == "12" for jmfr in tiltak.jmfr_lovhjemmel)


def _is(hjemmel: Lovhjemmel, lov: str, kapittel: str, paragraf: str) -> bool:
    return hjemmel.lov == lov and hjemmel.kapittel == kapittel and hjemmel.paragraf == paragraf


def er_plassering(tiltak: Tiltak) -> bool:
    """Whether a measure is a placement outside the home."""
    return tiltak.kategori.kode in PLACEMENTS
