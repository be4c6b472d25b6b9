"""National numbers, D-numbers, placeholders, DUF numbers and organisation numbers.

Source: section 7 of the requirement and its decisions A14 to A18 and A59. Digits are 0-9: the schema lets any Unicode
digit through, and such a number is never valid.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

Kind = Literal["FNR", "DNR", "PLASSHOLDER", "UGYLDIG"]
BOY, GIRL, UNBORN = "00100", "00200", "99999"
NEW_SERIES = date(2032, 1, 1)
"""From this day numbers are issued whose first check digit may leave a remainder of 1, 2 or 3, and that tell no sex."""

_W1 = (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)
_W2 = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)
_WDUF = (4, 6, 3, 2, 4, 6, 3, 2, 7, 5)
_WORG = (3, 2, 7, 6, 5, 4, 3, 2, 1)
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Number(msgspec.Struct, frozen=True):
    """What a person number is. `day`, `month` and `year` (two digits) are decoded; None where nothing decodes.

    `new_series` is True when only the check digits used from 2032 make it valid.
    """

    kind: Kind
    day: int | None = None
    month: int | None = None
    year: int | None = None
    synthetic: bool = False
    new_series: bool = False


INVALID = Number("UGYLDIG")


def _digits(text: str, count: int) -> tuple[int, ...] | None:
    if len(text) != count or not text.isascii() or not text.isdigit():
        return None
    return tuple(map(int, text))


def _is_day(day: int, month: int, year: int) -> bool:
    """A calendar day of a two-digit year; 29 February needs a leap year in some century (00 was one in 2000)."""
    if not (1 <= month <= 12 and 1 <= day <= _DAYS[month - 1]):
        return False
    return not (day == 29 and month == 2) or year % 4 == 0


def placeholder(nummer: str) -> str | None:
    """The suffix when the number has the form of a placeholder: a real date as it stands, and 00100, 00200 or 99999."""
    d = _digits(nummer, 11)
    if d is None or nummer[6:] not in (BOY, GIRL, UNBORN):
        return None
    return nummer[6:] if _is_day(d[0] * 10 + d[1], d[2] * 10 + d[3], d[4] * 10 + d[5]) else None


def read(nummer: str, kjonn: str, *, today: date, synthetic: bool = True, new_series: bool | None = None) -> Number:
    """What a number is, given the sex beside it (A15: a boy's real number may end in 99999).

    `synthetic` accepts months shifted by 80 (Skatteetaten) or 40 (NAV). `new_series` accepts the check digits used from
    2032; None asks `today`.
    """
    accept_new = today >= NEW_SERIES if new_series is None else new_series
    suffix = placeholder(nummer)
    if suffix is not None:
        real = _read_number(nummer, synthetic, accept_new) if suffix == UNBORN and kjonn != "0" else INVALID
        if real.kind == "UGYLDIG":
            return Number("PLASSHOLDER", int(nummer[:2]), int(nummer[2:4]), int(nummer[4:6]))
        return real
    return _read_number(nummer, synthetic, accept_new)


def _read_number(nummer: str, synthetic: bool, accept_new: bool) -> Number:
    d = _digits(nummer, 11)
    if d is None:
        return INVALID
    decoded = decode_date(nummer)
    if decoded is None:
        return INVALID
    day, month, year, shifted = decoded
    if shifted and not synthetic:
        return INVALID
    if sum(a * b for a, b in zip(_W2, d, strict=True)) % 11:
        return INVALID
    remainder = sum(a * b for a, b in zip(_W1, d, strict=False)) % 11
    if remainder > (3 if accept_new else 0):
        return INVALID
    return Number("DNR" if d[0] >= 4 else "FNR", day, month, year, shifted, new_series=remainder > 0)


def has_check_digits(nummer: str) -> bool:
    """Whether eleven digits pass both checks, whatever date they hold: all that KOSTRA's control program asks."""
    d = _digits(nummer, 11)
    return d is not None and not any(sum(a * b for a, b in zip(w, d, strict=False)) % 11 for w in (_W1, _W2))


def decode_date(nummer: str) -> tuple[int, int, int, bool] | None:
    """(day, month, two-digit year, month was shifted) of the first six characters; None when they are no date (A17)."""
    d = _digits(nummer, 11)
    if d is None:
        return None
    day = (d[0] - 4 if d[0] >= 4 else d[0]) * 10 + d[1]
    shift = 8 if d[2] >= 8 else 4 if d[2] in (4, 5) else 0
    month, year = (d[2] - shift) * 10 + d[3], d[4] * 10 + d[5]
    return (day, month, year, shift > 0) if _is_day(day, month, year) else None


def nummertype(nummer: str, kjonn: str, *, today: date) -> Kind:
    """What kind of number it is, synthetic ones included."""
    return read(nummer, kjonn, today=today).kind


def is_duf(nummer: str) -> bool:
    """Whether 12 digits are a DUF number: year, serial number and two check digits."""
    d = _digits(nummer, 12)
    return d is not None and sum(a * b for a, b in zip(_WDUF, d, strict=False)) % 11 == d[10] * 10 + d[11]


def is_orgnr(nummer: str) -> bool:
    """Whether nine digits pass the check of an organisation number (modulus 11)."""
    d = _digits(nummer, 9)
    return d is not None and sum(a * b for a, b in zip(_WORG, d, strict=True)) % 11 == 0


def make_fodselsnummer(
    born: date, male: bool, individual: int, *, synthetic: bool = True, dnr: bool = False
) -> str | None:
    """The number of a date, sex and individual number (0-999); None when that combination is never issued.

    `individual` must agree with the sex (odd is male). Synthetic numbers have 80 added to the month.
    """
    if individual % 2 != int(male):
        raise ValueError("the individual number is odd for a male and even for a female")
    day, month = born.day + (40 if dnr else 0), born.month + (80 if synthetic else 0)
    text = f"{day:02d}{month:02d}{born.year % 100:02d}{individual:03d}"
    for weights in (_W1, _W2):
        check = -sum(a * int(b) for a, b in zip(weights, text, strict=False)) % 11
        if check == 10:
            return None
        text += str(check)
    return text


def make_duf(year: int, serial: int) -> str:
    """The DUF number of a year and a serial number (0-999999)."""
    text = f"{year:04d}{serial:06d}"
    return f"{text}{sum(a * int(b) for a, b in zip(_WDUF, text, strict=True)) % 11:02d}"


def make_orgnr(stem: int) -> str | None:
    """The organisation number of eight digits; None when it has no check digit."""
    text = f"{stem:08d}"
    check = -sum(a * int(b) for a, b in zip(_WORG, text, strict=False)) % 11
    return None if check == 10 else f"{text}{check}"
