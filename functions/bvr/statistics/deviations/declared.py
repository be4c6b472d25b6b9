"""The tests as declared in tester.yaml, and which of them a key figure is put to."""

from __future__ import annotations

from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from bvr.statistics.figures.declared import Figure

_FILE = Path(__file__).with_name("tester.yaml")
Kind = Literal["ANTALL", "ANDEL", "FORDELING", "UTENFOR"]
FDR = 0.05
"""Of what is flagged by the tests with `fdr`, in a figure, level and period, at most this share is by chance."""
PERIODS = ("H", "Y", "D", "M")
"""Kinds of periods compared. Rolling years are not: half of one is in the half-year, all of it in the year."""
LEVELS = ("KOMMUNE", "BYDEL")
SIZES = ((500, "<500"), (2_000, "500-2 000"), (10_000, "2 000-10 000"))
"""Upper bounds of the size classes, in inhabitants of 0-17 years; above them all is `>10 000`."""


class Flagg(IntEnum):
    """How much a test found."""

    GRONN = 0
    GUL = 1
    ROD = 2


class Test(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A test: when it is made (`krav`), and what a yellow and a red flag take."""

    __test__ = False  # no test of pytest

    kode: str
    navn_nb: str
    navn_en: str
    formel: str
    hvorfor_nb: str
    hvorfor_en: str
    gjelder: tuple[Kind, ...]
    krav: dict[str, float]
    gul: dict[str, float]
    rod: dict[str, float]
    fdr: bool = False


@cache
def tester() -> dict[str, Test]:
    """Code -> test. Raises msgspec.ValidationError for a declaration that is not as it should be."""
    return {one.kode: one for one in msgspec.yaml.decode(_FILE.read_bytes(), type=tuple[Test, ...])}


def kinds(figure: Figure) -> tuple[Kind, ...]:
    """What a figure is. A rate is none of it: its numerator is a figure of its own, and is tested there."""
    if figure.population and figure.per != 100:
        return ()
    own: Kind = "ANDEL" if figure.nevner else "ANTALL"
    return (own, "FORDELING") if figure.kodeliste else (own,)


def size_class(inhabitants: int) -> str:
    """The size class of a municipality by its inhabitants of 0-17 years."""
    return next((name for bound, name in SIZES if inhabitants < bound), ">10 000")
