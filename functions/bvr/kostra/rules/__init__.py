"""The rules of a KOSTRA file. Importing the package declares them all."""

from msgspec.structs import fields

from bvr.kostra.rules import avgiver, fil, flytting, individ, melding, plan, tiltak, undersokelse  # noqa: F401
from bvr.kostra.rules.fil import FileCheck, structure
from bvr.kostra.rules.finding import KostraFinding
from bvr.kostra.rules.options import KostraOptions, Reading
from bvr.kostra.rules.rule import RULES, KostraRule, check_avgiver, check_individ

RULESET = "kostra-15f.1"
"""The published requirement, and our revision of it."""


def ruleset(options: KostraOptions) -> str:
    """The rules as they run, part of every receipt's identity: the rule set, and each switch not at its default.

    The same file under another reading may get another answer, so it gets another name.
    """
    default = KostraOptions()
    changed = [
        f"{f.name}={getattr(options, f.name)}"
        for f in fields(KostraOptions)
        if f.name != "allow_synthetic" and getattr(options, f.name) != getattr(default, f.name)
    ]
    return "+".join([RULESET, *changed])


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
    "ruleset",
    "structure",
]
