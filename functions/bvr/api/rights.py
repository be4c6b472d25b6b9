"""Who may see what: the products and their scopes, and what each organisation has a legal basis for (statistics 5.4).

Two keys open a door: the scope, which Digdir's register grants the organisation, and a row of `grunnlag.rett`, which
says of which regions it sees the figures as they are, and why. An organisation without a row sees what is published.
Rights belong to the organisation that a token is for; whoever calls on its behalf has no more, and is logged beside it.
"""

# mypy: disable-error-code="misc"
# (see model/concepts.py)

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

import msgspec

from bvr.api.maskinporten import Caller
from bvr.errors import Retry
from bvr.model.types import DATE, TEXT, Concept, Doc
from bvr.pipeline import day_in_norway
from bvr.statistics.ports import Tables


class Product(StrEnum):
    """What a right is to."""

    EXTRACTS = "uttrekk"
    QUALITY = "kvalitet"
    """One's own figures before they are published, reports, and where approval is."""
    APPROVAL = "godkjenning"
    """To say something of them."""


SCOPES: Mapping[Product, str] = {
    Product.EXTRACTS: "ssb:barnevern/uttrekk.read",
    Product.QUALITY: "ssb:barnevern/kvalitet.read",
    Product.APPROVAL: "ssb:barnevern/godkjenning.write",
}
"""Product -> the scope that a token for it has."""


class Role(StrEnum):
    """What an organisation is to the register."""

    BUFDIR = "BUFDIR"
    SSB = "SSB"
    MUNICIPALITY = "KOMMUNE"
    """A municipality, a co-operation of several, or a city district."""
    SUPPLIER = "LEVERANDOR"
    """Whose systems municipalities report with: its own reports, without persons."""
    OTHER = "ANNEN"


class Profile(StrEnum):
    """What is shown of a region: its figures as they are, or those that are published."""

    INTERNAL = "internt"
    PUBLISHABLE = "publiserbar"


EVERYWHERE = "*"
"""In place of regions: the whole country, with its sums."""


class Rett(Concept):
    """What an organisation may see, and why: a row of `grunnlag.rett`. | Hva en virksomhet kan se."""

    orgnr: Annotated[str, TEXT, Doc("Virksomheten.", "The organisation.")]
    navn: Annotated[str, TEXT, Doc("Virksomhetens navn.", "Its name.")]
    rolle: Annotated[str, TEXT, Doc("BUFDIR, SSB, KOMMUNE, LEVERANDOR eller ANNEN.", "What it is to the register.")]
    regioner: Annotated[
        tuple[str, ...],
        TEXT,
        Doc(
            "Kommuner (fire siffer, med bydelene) og bydeler (seks) den ser uskjermet; * er hele landet.",
            "Municipalities (four digits, with their districts) and districts (six) it sees as they are; * is all.",
        ),
    ] = ()
    produkter: Annotated[
        tuple[str, ...], TEXT, Doc("uttrekk, kvalitet og godkjenning.", "Extracts, quality, approval.")
    ]
    hjemmel: Annotated[str, TEXT, Doc("Rettslig grunnlag.", "The legal basis.")]
    leverandor: Annotated[
        str | None, TEXT, Doc("Leverandørens navn i innsendingene.", "The supplier's name in what is submitted.")
    ] = None
    gyldig_fra: Annotated[date, DATE, Doc("Første dag.", "First day.")]
    gyldig_til: Annotated[date | None, DATE, Doc("Siste dag.", "Last day.")] = None

    def valid(self, day: date) -> bool:
        return self.gyldig_fra <= day and (self.gyldig_til is None or day <= self.gyldig_til)

    def covers(self, region: str) -> bool:
        """Whether it sees a region as it is: a municipality includes its districts, a district no more than itself."""
        return any(one in (EVERYWHERE, region, region[:4]) for one in self.regioner)


class Access(msgspec.Struct, frozen=True):
    """What an organisation may see on a day."""

    orgnr: str
    rights: tuple[Rett, ...]

    def to(self, product: Product) -> Access:
        """The part of it that is about a product."""
        return Access(self.orgnr, tuple(one for one in self.rights if product.value in one.produkter))

    @property
    def roles(self) -> frozenset[Role]:
        return frozenset(Role(one.rolle) for one in self.rights)

    @property
    def role(self) -> str:
        """As it is logged."""
        return "+".join(sorted(self.roles)) or "UKJENT"

    def is_(self, *roles: Role) -> bool:
        return not self.roles.isdisjoint(roles)

    def covers(self, region: str, *roles: Role) -> bool:
        """Whether it sees a region as it is, in one of some roles."""
        return any(one.covers(region) for one in self.rights if not roles or one.rolle in roles)

    @property
    def regions(self) -> frozenset[str]:
        """The regions it sees as they are."""
        return frozenset(region for one in self.rights for region in one.regioner)

    @property
    def shown(self) -> Profile:
        """What it is shown: as it is in some region, or as it is published."""
        return Profile.INTERNAL if self.regions else Profile.PUBLISHABLE

    @property
    def municipalities(self) -> tuple[str, ...]:
        """The whole municipalities among its regions."""
        return tuple(sorted({r for one in self.rights for r in one.regioner if r.isdigit() and len(r) == 4}))

    @property
    def suppliers(self) -> tuple[str, ...]:
        """Its names as a supplier."""
        return tuple(sorted({one.leverandor for one in self.rights if one.rolle == Role.SUPPLIER and one.leverandor}))

    def profile(self, region: str) -> Profile:
        """What it is shown of a region in an extract."""
        return Profile.INTERNAL if self.to(Product.EXTRACTS).covers(region) else Profile.PUBLISHABLE


class Rights:
    """The rights there are."""

    def __init__(self, rows: Iterable[Rett]) -> None:
        self._rows: dict[str, list[Rett]] = {}
        for one in rows:
            self._rows.setdefault(one.orgnr, []).append(one)

    def of(self, orgnr: str, day: date) -> Access:
        return Access(orgnr, tuple(one for one in self._rows.get(orgnr, ()) if one.valid(day)))


class RightsRegister:
    """The rights as last read: again when they are five minutes old. While that fails, the old ones serve."""

    def __init__(
        self, load: Callable[[], Iterable[Rett]], clock: Callable[[], datetime], keep_seconds: float = 300
    ) -> None:
        """`load` reads the table; it raises Retry while that cannot be read."""
        self._load = load
        self._clock = clock
        self._keep = keep_seconds
        self._rights: Rights | None = None
        self._read: datetime | None = None

    def of(self, caller: Caller) -> Access:
        """What the organisation that a token is for may see today. Raises Retry before anything could be read."""
        now = self._clock()
        if self._rights is None or self._read is None or (now - self._read).total_seconds() >= self._keep:
            try:
                self._rights = Rights(self._load())
            except Retry:
                if self._rights is None:
                    raise
            self._read = now
        return self._rights.of(caller.orgnr, day_in_norway(now))

    def profile(self, caller: Caller, region: str) -> Profile:
        """What a caller is shown of a region in an extract."""
        return self.of(caller).profile(region)


def load(tables: Tables) -> list[Rett]:
    """The rows of `grunnlag.rett`."""
    rows = tables.query("SELECT * FROM grunnlag.rett")
    return [msgspec.convert({k: v for k, v in row.items() if v is not None}, Rett) for row in rows]
