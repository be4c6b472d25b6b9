"""The municipalities that report: real names and sizes, invented organisation numbers, accounts and case systems."""

from __future__ import annotations

import csv
from datetime import date
from functools import cache
from pathlib import Path
from random import Random
from uuid import NAMESPACE_URL, uuid5
from zlib import crc32

import msgspec

from bvr.model.concepts import Avgiver, Fagsystem
from bvr.model.identifiers import make_orgnr
from bvr.model.versions import CURRENT

# Public organisation numbers that rule avgiver-1 names. All others are invented.
_CITIES = {"0301": "958935420", "4601": "964338531", "5001": "942110464"}
_SYSTEMS = (
    Fagsystem(leverandor="Eksempeldata AS", navn="Fagsystem Alfa", versjon="12.4"),
    Fagsystem(leverandor="Modellkode AS", navn="Fagsystem Beta", versjon="2026.1"),
    Fagsystem(leverandor="Prøvesystemer AS", navn="Fagsystem Gamma", versjon="7.0.3"),
)
_OLD_VERSION = "3.0.5"
_OLDEST_VERSION = "2.2.3"


class Bydel(msgspec.Struct, frozen=True):
    """A city district with a service of its own."""

    number: str
    name: str
    children: int


class Kommune(msgspec.Struct, frozen=True, kw_only=True):
    """A municipality as a sender. `migrated` is the day it changed case systems, if it has."""

    number: str
    name: str
    county: str
    children: int  # 0-17 years
    young: int  # 0-24 years
    total: int
    orgnr: str
    account: str  # its account in Fiks IO
    bydeler: tuple[Bydel, ...]
    system: Fagsystem
    migrated: date | None

    def avgiver(self, bydel: Bydel | None) -> Avgiver:
        return Avgiver(
            organisasjonsnummer=self.orgnr,
            kommunenummer=self.number,
            kommunenavn=self.name,
            bydelsnummer=bydel.number if bydel else None,
            bydelsnavn=bydel.name if bydel else None,
        )

    def bydel(self, rng: Random) -> Bydel | None:
        """One of its city districts, by child population."""
        return rng.choices(self.bydeler, [b.children for b in self.bydeler])[0] if self.bydeler else None

    def version(self, old_share: float, oldest_share: float = 0.0) -> str:
        """The schema version its case system sends; `old_share` of the municipalities are still on an older one, of
        which `oldest_share` of all are on the oldest."""
        draw = self._draw("version")
        return _OLDEST_VERSION if draw < min(old_share, oldest_share) else _OLD_VERSION if draw < old_share else CURRENT

    @property
    def native(self) -> bool:
        """Whether its case system speaks the native protocol."""
        return self._draw("protocol") < 0.25

    @property
    def evening(self) -> int:
        """Minutes after midnight, Norwegian time, when its daily extract is taken: between 18:00 and 23:00."""
        return 18 * 60 + int(self._draw("evening") * 300)

    def _draw(self, what: str) -> float:
        return _draw(self.number, what)


def _draw(number: str, what: str) -> float:
    """A number from 0 to 1 that belongs to a municipality whatever the seed."""
    return crc32(f"{what}/{number}".encode()) / 2**32


def _orgnr(number: str) -> str:
    """An organisation number in a series that is never issued."""
    if number in _CITIES:
        return _CITIES[number]
    return next(made for tail in range(100) if (made := make_orgnr(int(f"31{number}{tail:02d}"))))


def _migrated(number: str) -> date | None:
    draw = _draw(number, "migrated")
    return date(2023, 1 + int(draw / 0.35 * 12), 1) if draw < 0.35 else None


def _rows(name: str) -> list[dict[str, str]]:
    with (Path(__file__).parent / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def kommuner() -> tuple[Kommune, ...]:
    """All municipalities, in order of their numbers."""
    bydeler: dict[str, list[Bydel]] = {}
    for row in _rows("bydeler.csv"):
        bydeler.setdefault(row["kommunenummer"], []).append(
            Bydel(row["bydelsnummer"], row["bydelsnavn"], int(row["innb_0_17"]))
        )
    return tuple(
        Kommune(
            number=number,
            name=row["kommunenavn"],
            county=row["fylkesnummer"],
            children=int(row["innb_0_17"]),
            young=int(row["innb_0_24"]),
            total=int(row["innb_ialt"]),
            orgnr=(orgnr := _orgnr(number)),
            account=str(uuid5(NAMESPACE_URL, f"https://barnevernsregisteret.no/syntetisk/konto/{orgnr}")),
            bydeler=tuple(bydeler.get(number, ())),
            system=_SYSTEMS[int(_draw(number, "system") * len(_SYSTEMS))],
            migrated=_migrated(number),
        )
        for row in _rows("kommuner.csv")
        for number in [row["kommunenummer"]]
    )


def chosen(count: int, rng: Random) -> tuple[Kommune, ...]:
    """`count` municipalities, drawn by child population without replacement. Raises ValueError when there are fewer."""
    everyone = kommuner()
    if not 1 <= count <= len(everyone):
        raise ValueError(f"there are {len(everyone)} municipalities; asked for {count}")
    keyed = sorted(everyone, key=lambda k: rng.random() ** (1 / k.children), reverse=True)
    return tuple(sorted(keyed[:count], key=lambda k: k.number))
