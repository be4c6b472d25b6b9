"""An order to erase, and what it leaves behind so that the case does not come back by itself.

`drift.sletteordre` holds one row an order. Once it is carried out, only hashes of what it was about are left. In the
ledger stands a tombstone for the case, one for each of its messages and one for each content that was refused; intake
asks for the first before it stores anything, and for the others before it refuses.
"""

# mypy: disable-error-code="misc"
# (see model/concepts.py)

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated, Literal

import msgspec

from bvr.chain import Erased
from bvr.desk import Objects
from bvr.model.types import DATE, STAMP, TEXT, Concept, Doc

Kind = Literal["MELDING", "MYNDIGHET", "OPPBEVARING"]
_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
REOPENS: dict[str, bool] = {"MELDING": True, "MYNDIGHET": False, "OPPBEVARING": True}
"""Whether a case may come anew, with a later extract: after a deletion message and after its time was out, but not when
an authority ordered it away. Then somebody has to decide."""


class Sletteordre(Concept):
    """An order to erase a case or a child. | En ordre om å slette en sak eller et barn."""

    ordre_id: Annotated[str, TEXT, Doc("Ordrens id.", "Id of the order.")]
    art: Annotated[str, TEXT, Doc("MELDING, MYNDIGHET eller OPPBEVARING.", "What kind of order it is.")]
    bestilt_av: Annotated[str, TEXT, Doc("Hvem som ga ordren: rolle eller myndighet.", "Who gave it: an office.")]
    hjemmel: Annotated[str, TEXT, Doc("Hjemmelen for slettingen.", "The legal basis.")]
    bestilt: Annotated[date, DATE, Doc("Dagen ordren ble gitt.", "The day it was given.")]
    gjelder: Annotated[str, TEXT, Doc("SAK eller BARN.", "A case (SAK) or a child (BARN).")]
    orgnr: Annotated[str | None, TEXT, Doc("Avgiver, til ordren er utført.", "The reporter, until done.")] = None
    sak_id: Annotated[str | None, TEXT, Doc("Saken, til ordren er utført.", "The case, until done.")] = None
    barn_id: Annotated[str | None, TEXT, Doc("Barnet, til ordren er utført.", "The child, until done.")] = None
    mal_sha256: Annotated[str, TEXT, Doc("SHA-256 av det ordren gjelder.", "Hash of what it is about.")]
    utfort: Annotated[datetime | None, STAMP, Doc("Da ordren var utført.", "When it was carried out.")] = None


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order as it is given: a case (`orgnr` and `sak_id`) or a child (`barn_id`). Raises ValueError for neither."""

    id: str
    kind: Kind
    ordered_by: str
    legal_basis: str
    day: date
    orgnr: str | None = None
    sak_id: str | None = None
    barn_id: str | None = None

    def __post_init__(self) -> None:
        if (self.barn_id is None) == (self.orgnr is None or self.sak_id is None):
            raise ValueError("an order is about a case (orgnr and sak_id) or about a child (barn_id)")
        if not (_ID.fullmatch(self.id) and self.ordered_by and self.legal_basis):
            raise ValueError("an order has an id (letters, digits, - and _), somebody who gave it and a legal basis")

    @property
    def about(self) -> str:
        """What it is about, as it is hashed."""
        return self.barn_id or case_key(self.orgnr or "", self.sak_id or "")

    def row(self) -> dict[str, object]:
        """Its row in `drift.sletteordre`, until it is carried out."""
        found = Sletteordre(
            ordre_id=self.id,
            art=self.kind,
            bestilt_av=self.ordered_by,
            hjemmel=self.legal_basis,
            bestilt=self.day,
            gjelder="BARN" if self.barn_id else "SAK",
            orgnr=self.orgnr,
            sak_id=self.sak_id,
            barn_id=self.barn_id,
            mal_sha256=hashed(self.about),
        )
        given = msgspec.to_builtins(found, builtin_types=(date, datetime))
        return {name: value for name, value in given.items() if value is not None}


class Tombstone(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the ledger of a case that was erased. `extract`: the latest that was erased."""

    order: str
    kind: Kind
    extract: datetime | None = None


def case_key(orgnr: str, sak_id: str) -> str:
    return f"{orgnr}/{sak_id.lower()}"


def hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def case_mark(key: str, number: int = 1) -> str:
    """The name of the tombstone of a case; of its second order, and so on, with a number."""
    return f"slettet/sak/{hashed(key)}{f'-{number}' if number > 1 else ''}"


def message_mark(avsender_id: str, melding_id: str) -> str:
    return f"slettet/melding/{hashed(f'{avsender_id}/{melding_id}')}"


def content_mark(digest: str) -> str:
    return f"slettet/innhold/{hashed(digest)}"


def bury(ledger: Objects, key: str, stone: Tombstone) -> None:
    """Set the tombstone of a case, once for each order."""
    data, number = msgspec.json.encode(stone), 1
    while not ledger.create(case_mark(key, number), data):
        stored = ledger.read(case_mark(key, number))
        if stored is not None and msgspec.json.decode(stored.data, type=Tombstone).order == stone.order:
            return
        number += 1


def _stones(ledger: Objects, key: str) -> Iterator[Tombstone]:
    number = 1
    while (stored := ledger.read(case_mark(key, number))) is not None:
        yield msgspec.json.decode(stored.data, type=Tombstone)
        number += 1


def erased(ledger: Objects, orgnr: str, sak_id: str, extract: datetime) -> Erased | None:
    """Whether an extract is of a case that was erased: as it was then, or later than that where nothing may come."""
    barred = False
    for stone in _stones(ledger, case_key(orgnr, sak_id)):
        if stone.extract is not None and extract <= stone.extract:
            return Erased.OLD
        barred = barred or not REOPENS[stone.kind]
    return Erased.BARRED if barred else None
