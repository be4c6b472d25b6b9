"""Findings -> what happens to the submission."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from bvr.findings import Severity


class Verdict(StrEnum):
    """REJECTED never enters the register; EXCLUDED is stored and kept out of everything downstream until corrected;
    REGISTERED is used."""

    REGISTERED = "REGISTERED"
    EXCLUDED = "EXCLUDED"
    REJECTED = "REJECTED"


def decide(counts: Mapping[Severity, int]) -> Verdict:
    """The verdict on the number of findings of each severity (validation rules, section 1.5)."""
    if counts.get(Severity.FATAL):
        return Verdict.REJECTED
    return Verdict.EXCLUDED if counts.get(Severity.ERROR) else Verdict.REGISTERED
