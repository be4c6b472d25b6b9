"""What may be chosen about the rules. Defaults are the recommended readings of the published requirement."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Channel(StrEnum):
    """How the data came: from a case system over Fiks, or in the older file extract."""

    FAGSYSTEM = "fagsystem"
    KOSTRA = "kostra"


class RuleOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the rules; the letter and number is the decision each one belongs to."""

    allow_synthetic: bool = True
    """Accept synthetic person numbers (month + 80, month + 40): on in development and test, off in production."""
    melding_grace_days: int = 0
    """A27: days beyond seven before melding-3 fires."""
    undersokelse_deadline: str = "days"
    """A29: "days" (7 + 90 or 180, as published) or "months" (7 days + 3 or 6 calendar months, as the law says)."""
    placement_codes: tuple[str, ...] = ("1.1", "1.2", "1.99", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "2.99", "8.2")
    """A41: TiltakKategori codes that are placements. Add 8.4 and 8.5 to follow the split of 8.2 in 2026."""
    tiltak_age_at: str = "end"
    """A42: tiltak-5 and -6 measure the age at the "end" of the measure (today while open), or always "today"."""
    check_deleted_known: bool = True
    """A11: evaluate sak-22 where the history of the case is at hand."""
    accept_numbers_from_2032: bool | None = None
    """A59: accept the check digits used from 2032. None: when today is 2032-01-01 or later."""
    own_rules: bool = False
    """A25, A26, A58: run our own INFO rules (ids that start with x-)."""
    max_findings: int = 1000
    """The most findings listed in one receipt; the counts stay true."""
