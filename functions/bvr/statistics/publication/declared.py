"""What a declaration of something published says, and every one of them (publisering.yaml)."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from bvr.statistics.figures.catalogue import figures
from bvr.statistics.figures.declared import Figure, PeriodType

_FILE = Path(__file__).with_name("publisering.yaml")
Level = Literal["LAND", "FYLKE", "KOSTRAGRUPPE", "KOMMUNE", "BYDEL"]
Split = Literal["T", "kjonn", "alder", "kode"]
_IDENTITY = re.compile(r"#(\d+) = #\d+(?: \+ #\d+)+")


class Codes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the codes of a figure are related: each in exactly one, and codes that are sums of others."""

    partition: bool
    sums: dict[str, tuple[str, ...]] = {}


class Product(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Figures that are published and protected together. `figures` are in the order in which they are kept whole."""

    id: str
    title_nb: str
    title_en: str
    figures: tuple[str, ...]
    periods: tuple[PeriodType, ...]
    levels: dict[Split, tuple[Level, ...]]
    split_from: int = 0
    """Inhabitants under 18 from which a municipality's figures are split; of smaller ones the totals are published. By
    inhabitants, which anybody knows, and not by the figures, which would say something about what is hidden."""
    share_of: dict[str, str] = {}
    rest: dict[str, tuple[str, ...]] = {}
    codes: dict[str, Codes] = {}

    def at(self, split: Split, niva: str) -> bool:
        """Whether there is a cell of that split at a level."""
        return ("BYDEL" if niva == "BYDELER" else niva) in self.levels.get(split, ())


@cache
def products() -> tuple[Product, ...]:
    """Everything published. Raises ValueError where linked figures are not protected together."""
    found = msgspec.yaml.decode(_FILE.read_bytes(), type=tuple[Product, ...])
    where: dict[str, str] = {}
    for product in found:
        for figure in product.figures:
            named(figure)
            if figure in where:
                raise ValueError(f"{figure} is published in {where[figure]} and in {product.id}: once is enough")
            where[figure] = product.id
        outside = [
            one
            for one in (
                *product.share_of.values(),
                *product.rest,
                *(o for parts in product.rest.values() for o in parts),
            )
            if one not in product.figures
        ]
        if outside:
            raise ValueError(f"{product.id} is linked to {outside[0]}, which it does not protect")
    for total, parts in sums():
        places = {where[one] for one in (total, *parts) if one in where}
        if len(places) > 1:
            raise ValueError(f"{total} is the sum of {', '.join(parts)}: they are to be protected together")
    return found


@cache
def _by_id() -> dict[str, Figure]:
    return {figure.id: figure for figure in figures()}


def named(figure: str) -> Figure:
    """The key figure of an id. Raises ValueError when there is none."""
    found = _by_id().get(figure)
    if found is None:
        raise ValueError(f"there is no key figure {figure}")
    return found


@cache
def sums() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Figures that are sums of others, as their identities say it: (`#2`, (`#3`, `#6`, `#7`)) by their ids."""
    numbers: dict[int, list[str]] = {}
    for figure in figures():
        numbers.setdefault(figure.number, []).append(figure.id)
    found = set()
    for figure in figures():
        for identity in figure.identities:
            if _IDENTITY.fullmatch(identity):
                total, *parts = (int(n) for n in re.findall(r"\d+", identity))
                if all(len(numbers[n]) == 1 for n in (total, *parts)):
                    found.add((numbers[total][0], tuple(numbers[n][0] for n in parts)))
    return tuple(sorted(found))


def halves_add_up(figure: Figure) -> bool:
    """Whether the year is the sum of its half-years: what happened, and not who it happened to."""
    return figure.unit != "BARN" and {"H", "Y"} <= set(figure.periods) and "BETWEEN e.fra AND e.til" in figure.med
