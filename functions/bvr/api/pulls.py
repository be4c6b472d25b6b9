"""Every pull and every act: who, on whose behalf, what, which version. Never a token, never a person.

A line of the structured log, and a row of `drift.uttrekkslogg`, which `drift.tilgangsrapport` counts by month.
"""

# mypy: disable-error-code="misc"
# (see model/concepts.py)

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Protocol

import msgspec

from bvr.errors import Broken, Retry
from bvr.model.types import STAMP, TEXT, WHOLE, Concept, Doc


class Uttrekkslogg(Concept):
    """A pull or an act over the APIs: a row of `drift.uttrekkslogg`. | Et uttrekk eller en handling."""

    tidspunkt: Annotated[datetime, STAMP, Doc("Når.", "When.")]
    orgnr: Annotated[str | None, TEXT, Doc("Virksomheten tokenet gjelder.", "The organisation the token is for.")] = (
        None
    )
    leverandor: Annotated[
        str | None, TEXT, Doc("Leverandøren som kalte for den.", "The supplier that called for it.")
    ] = None
    rolle: Annotated[str, TEXT, Doc("Rollen den har; UKJENT uten rett.", "Its role; UKJENT without a right.")]
    metode: Annotated[str, TEXT, Doc("GET, HEAD eller POST.", "GET, HEAD or POST.")]
    produkt: Annotated[str, TEXT, Doc("uttrekk, kvalitet eller godkjenning.", "Extracts, quality or approval.")]
    ressurs: Annotated[str, TEXT, Doc("Tabellen, eller ressursen og kommunen.", "The table, or what, and of whom.")]
    versjon: Annotated[str | None, TEXT, Doc("Kjøringen, frysingen eller utgivelsen.", "Run, freeze or release.")] = (
        None
    )
    sha256: Annotated[str | None, TEXT, Doc("SHA-256 av svaret.", "SHA-256 of the answer.")] = None
    status: Annotated[int, WHOLE, Doc("HTTP-status.", "HTTP status.")]
    profil: Annotated[str | None, TEXT, Doc("internt eller publiserbar.", "Unsuppressed, or what is published.")] = None


class Table(Protocol):
    """Where rows go. Raises Retry when it cannot now."""

    def append(self, serialized_row: bytes) -> None: ...


class Rows(Protocol):
    """Makes a row what the table takes."""

    def serialize(self, row: dict[str, Any]) -> bytes: ...


class PullLog:
    """Tells of pulls. What cannot be recorded is not answered: `tell` raises Retry."""

    def __init__(self, log: Callable[..., None], table: Table, rows: Rows) -> None:
        self._log = log
        self._table = table
        self._rows = rows

    def tell(self, pull: Uttrekkslogg, **ids: str | None) -> None:
        """Log a pull, and keep it. `ids` (client, jti) are for the log alone."""
        row = {name: value for name, value in msgspec.structs.asdict(pull).items() if value is not None}
        about = {name: value for name, value in row.items() if name != "tidspunkt"}
        self._log("uttrekk", severity="INFO" if pull.status < 400 else "WARNING", **about, **ids)
        if pull.orgnr is None:
            return  # nobody's token: the log tells of it, and there is nobody to report on
        try:
            self._table.append(self._rows.serialize(row))
        except Broken as error:
            raise Retry(f"pull log: {error}") from error
