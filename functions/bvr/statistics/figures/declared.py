"""What a declaration of a key figure says.

SQL fragments are GoogleSQL over the facts of the figure's family (facts.py), with these names: `e` the element or, in
the family `barn`, the child in a period; `p` the period (periode, periodetype, fra, til); `alder` whole years at p.til,
-1 when it is not stated or the child is not born.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Unit = Literal["HENDELSE", "BARN", "SAK"]
Family = Literal["melding", "undersokelse", "barn", "tiltak", "oppfolging", "vedtak", "sak"]
PeriodType = Literal["H", "Y", "R", "D"]
"""Half-year, year, rolling twelve months up to the end of a half-year, stock date (30 June and 31 December)."""


class Figure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key figure.

    `med` says what is part of the figure at all; `teller` (0 or 1) what counts, `nevner` (0 or 1) what the share is of;
    without `nevner` there is no share. `koder` is an array of codes of which the element counts once in each; the total
    counts it once. `kodeteller` is what counts in a code, where that is not `teller`.
    """

    number: int
    id: str
    title_nb: str
    title_en: str
    definition_nb: str
    definition_en: str
    source: str
    family: Family
    unit: Unit
    periods: tuple[PeriodType, ...]
    med: str
    teller: str = "1"
    nevner: str | None = None
    koder: str | None = None
    kodeteller: str | None = None
    kodeliste: str = ""
    corresponds: str = ""
    population: str | None = None
    """The inhabitants it is a share of (F000-017, F000-024), for children; `per` of them."""
    per: int = 100
    only: str = ""
    """The half-years it is made for: H2 for a stock of 31 December alone."""
    breaks: tuple[str, ...] = ()
    identities: tuple[str, ...] = ()
    valid_from: int = 2013
