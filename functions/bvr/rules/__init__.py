"""The rules of the register. Importing the package declares them all."""

from bvr.rules import (  # noqa: F401
    avgiver,
    ettervern,
    flytting,
    melding,
    oversendelse,
    own,
    personalia,
    plan,
    sak,
    tiltak,
    undersokelse,
    vedtak,
)
from bvr.rules.rule import RULES, Checked, Rule, check

RULESET = "2025-12-18.1"
"""Date of the published requirement, and our revision of it. Part of every receipt's identity."""

__all__ = ["RULES", "RULESET", "Checked", "Rule", "check"]
