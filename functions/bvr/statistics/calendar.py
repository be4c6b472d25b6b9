"""The calendar of figures (statistics 2): which freezes a period has, and the moment each is taken as of."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

import msgspec

from bvr.pipeline import NORWAY

_PERIOD = re.compile(r"(20\d\d)(H[12])?")
HALF_YEAR = {"T1": 14, "T2": 45}
"""Number -> days after the end of the half-year: the preview to the municipalities, and what they have approved."""
YEAR = {"T1": (1, 15), "T2": (3, 1), "T3": (4, 15), "T4": (6, 1)}
"""Number -> month and day of the next year; T3 is the corrected one."""
PREVIEW_DAYS = 30
"""How long a municipality has to answer, from when its figures were sent (statistics 3.4)."""


class Planned(msgspec.Struct, frozen=True, order=True):
    """A freeze of the calendar. It holds what was known at the end of its day, in Norway."""

    known: datetime
    period: str
    number: str

    @property
    def id(self) -> str:
        return f"{self.period}-{self.number}"


def freezes(period: str) -> list[Planned]:
    """The freezes of a period, 2025 or 2025H1, in their order. Raises ValueError for what is no period."""
    found = _PERIOD.fullmatch(period)
    if found is None:
        raise ValueError(f"{period[:20]} is no period: 2025, 2025H1 or 2025H2")
    year = int(found[1])
    if found[2] is None:
        days = {number: date(year + 1, month, day) for number, (month, day) in YEAR.items()}
    else:
        end = date(year, 6, 30) if found[2] == "H1" else date(year, 12, 31)
        days = {number: end + timedelta(days=after) for number, after in HALF_YEAR.items()}
    return [
        Planned(datetime.combine(day + timedelta(days=1), time(), NORWAY), period, number)
        for number, day in days.items()
    ]


def planned(period: str, number: str) -> Planned:
    """One of them. Raises ValueError for a number that the period does not have."""
    for one in freezes(period):
        if one.number == number:
            return one
    raise ValueError(f"{period} has the freezes {', '.join(one.number for one in freezes(period))}, not {number[:20]}")


def since(begin: datetime, until: datetime) -> list[Planned]:
    """The freezes whose moment has come after `begin`, up to `until`, the earliest first."""
    years = range(begin.year - 1, until.year + 1)
    periods = [f"{year}{part}" for year in years for part in ("", "H1", "H2")]
    return sorted(one for period in periods for one in freezes(period) if begin < one.known <= until)
