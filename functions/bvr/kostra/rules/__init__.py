"""The rules of a KOSTRA file. Importing the package declares them all."""

from bvr.kostra.rules import avgiver, individ, melding, undersokelse, plan, tiltak, flytting, fil  # noqa: F401, I001
from bvr.kostra.rules.fil import FileCheck, structure
from bvr.kostra.rules.finding import KostraFinding
from bvr.kostra.rules.options import KostraOptions, Reading
from bvr.kostra.rules.rule import RULES, KostraRule, check_avgiver, check_individ

RULESET = "kostra-15f.1"
"""The published requirement, and our revision of it. Part of every receipt's identity."""

__all__ = [
    "RULES",
    "RULESET",
    "FileCheck",
    "KostraFinding",
    "KostraOptions",
    "KostraRule",
    "Reading",
    "check_avgiver",
    "check_individ",
    "structure",
]
