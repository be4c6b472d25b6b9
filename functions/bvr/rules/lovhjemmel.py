"""What a legal basis says: care orders, placements, and the act in force on a day (section 3 of the requirement)."""

from __future__ import annotations

from datetime import date

from bvr.model.concepts import Lovhjemmel, Tiltak
from bvr.rules.options import RuleOptions

BVL, BVL2021, BL1981 = "BVL", "BVL2021", "BL1981"
NY_LOV = date(2023, 1, 1)
"""The first day of the act of 2021, and the first without the act of 1992."""


def er_omsorgsovertakelse(tiltak: Tiltak) -> bool:
    """Whether a measure is a care order (A39, A40).

    BVL § 4-12; BVL § 4-8 second or third subsection; BVL § 4-8 read with § 4-12 of any act; BVL2021 § 5-1. Compared as
    text: § 12 is not § 12a.
    """
    hjemmel = tiltak.lovhjemmel
    if hjemmel.lov == BVL2021:
        return hjemmel.kapittel == "5" and hjemmel.paragraf == "1"
    if hjemmel.lov != BVL or hjemmel.kapittel != "4":
        return False
    if hjemmel.paragraf == "12":
        return True
    if hjemmel.paragraf != "8":
        return False
    if "2" in hjemmel.ledd or "3" in hjemmel.ledd:
        return True
    return any(jmfr.kapittel == "4" and jmfr.paragraf == "12" for jmfr in tiltak.jmfr_lovhjemmel)


def er_plassering(tiltak: Tiltak, options: RuleOptions) -> bool:
    """Whether a measure is a placement outside the home (A41)."""
    return tiltak.kategori.kode in options.placement_codes


def ny_lov_for_tidlig(start: date, lovhjemmel: Lovhjemmel) -> bool:
    """The act of 2021 before it was in force (A38: JmfrLovhjemmel is not looked at)."""
    return lovhjemmel.lov == BVL2021 and start < NY_LOV


def gammel_lov_for_sent(start: date, lovhjemmel: Lovhjemmel) -> bool:
    """The act of 1992 when it was no longer in force (A38)."""
    return lovhjemmel.lov == BVL and start >= NY_LOV


def er_null(tall: str) -> bool:
    """Whether a chapter, section, subsection or sentence is digits only and numerically zero (A46): 0, 00, not 0a.

    The schema's digits are any decimal digits of Unicode, and so are these.
    """
    return tall[0] not in "123456789" and tall.isdecimal() and int(tall) == 0


def sitat(lovhjemmel: Lovhjemmel) -> str:
    """Act, chapter and section as people write them: BVL2021 § 5-1."""
    return f"{lovhjemmel.lov[:10]} § {lovhjemmel.kapittel[:3]}-{lovhjemmel.paragraf[:4]}"
