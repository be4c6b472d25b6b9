"""Every key figure, as declared in nokkeltall.yaml."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec

from bvr.statistics.figures.declared import Family, Figure

_FILE = Path(__file__).with_name("nokkeltall.yaml")
FAMILIES: dict[Family, tuple[str, str]] = {
    "melding": ("Meldinger", "Reports"),
    "undersokelse": ("Undersøkelser", "Investigations"),
    "barn": ("Barn", "Children"),
    "tiltak": ("Tiltak", "Measures"),
    "oppfolging": ("Oppfølging og tilsyn", "Follow-up and supervision"),
    "vedtak": ("Vedtak, ettervern og flytting", "Decisions, aftercare and moves"),
    "sak": ("Saker", "Cases"),
}
"""Family -> its name in both languages. A family is one query."""


@cache
def figures() -> tuple[Figure, ...]:
    """The figures in their order. Raises msgspec.ValidationError for a declaration that is not as it should be."""
    return msgspec.yaml.decode(_FILE.read_bytes(), type=tuple[Figure, ...])


def of(family: str) -> list[Figure]:
    """The figures of a family."""
    return [figure for figure in figures() if figure.family == family]
