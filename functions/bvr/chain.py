"""Where a submission stands among the others of its case: NEW, DUPLICATE, GAP or STALE."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Protocol

from bvr.model.concepts import Barnevern


class Placement(StrEnum):
    """NEW follows what we have. GAP names a predecessor that never came; STALE is that predecessor, arriving after its
    successor; DUPLICATE is a submission we already have."""

    NEW = "NEW"
    DUPLICATE = "DUPLICATE"
    GAP = "GAP"
    STALE = "STALE"


class Erased(StrEnum):
    """The case was erased. OLD: this extract was erased with it. BARRED: a later one, and nothing may come of it."""

    OLD = "OLD"
    BARRED = "BARRED"


class Known(Protocol):
    """What the register already knows: the pipeline's only question to the world. Keys are lower case."""

    def first_content(self, orgnr: str, innsending_id: str, digest: str) -> str:
        """The digest first seen under this submission id; `digest` itself when the id is new."""
        ...

    def has(self, orgnr: str, innsending_id: str) -> bool | None:
        """Whether the submission has come; None when that cannot be known here."""
        ...

    def awaited(self, orgnr: str, innsending_id: str) -> bool:
        """Whether a later submission of the case named this one as its predecessor before it came."""
        ...

    def elements(self, orgnr: str, sak_id: str) -> frozenset[tuple[str, str]] | None:
        """(element name, lower-case Id) of all that earlier accepted submissions of the case had; None: not at hand."""
        ...

    def erased(self, orgnr: str, sak_id: str, extract: datetime) -> Erased | None:
        """Whether the case was erased by an order, so that this extract may not enter."""
        ...


class NothingKnown:
    """The offline self-check: there is no history."""

    def first_content(self, orgnr: str, innsending_id: str, digest: str) -> str:
        return digest

    def has(self, orgnr: str, innsending_id: str) -> bool | None:
        return None

    def awaited(self, orgnr: str, innsending_id: str) -> bool:
        return False

    def elements(self, orgnr: str, sak_id: str) -> frozenset[tuple[str, str]] | None:
        return None

    def erased(self, orgnr: str, sak_id: str, extract: datetime) -> Erased | None:
        return None


def place(document: Barnevern, known: Known) -> Placement:
    """Place a submission by its Id and ForrigeId. A gap never refuses anything (reference section 3.5)."""
    orgnr = document.avgiver.organisasjonsnummer
    if known.awaited(orgnr, document.id.lower()):
        return Placement.STALE
    if document.forrige_id is not None and known.has(orgnr, document.forrige_id.lower()) is False:
        return Placement.GAP
    return Placement.NEW
