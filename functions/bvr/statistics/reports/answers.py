"""The municipality's answers to the migration report (statistics 3.1): its table, with the reasons filled in."""

# mypy: disable-error-code="misc"
# (see model/concepts.py)

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec

from bvr import spreadsheet
from bvr.model.types import BOOLEAN, STAMP, TEXT, WHOLE, Concept, Doc, Person

REASONS = {
    1: ("Avsluttet før migrering", "closed before the migration"),
    2: ("Avsluttet etter 31.12.", "closed after 31 December"),
    3: ("Dublett som er fjernet", "a duplicate that was removed"),
    4: ("Barnet har flyttet til en annen kommune", "the child moved to another municipality"),
    5: ("Feil i KOSTRA-rapporteringen", "wrongly reported in KOSTRA"),
    6: ("Registrert på nytt med ny id", "registered again under a new id"),
    7: ("Feil hos leverandøren", "a fault of the supplier"),
    8: ("Ikke migrert ennå", "not yet migrated"),
    9: ("Annet (forklares)", "other (explained)"),
}
"""Reason code -> its name in both languages (statistics 3.1)."""
OTHER = 9

STATUSES = {
    "FUNNET_APEN": ("Funnet, åpen", "found, open"),
    "FUNNET_LUKKET": ("Funnet, men avsluttet", "found, but closed"),
    "AVVIK": ("Funnet, med avvik", "found, but different"),
    "DUBLETT": ("Funnet flere ganger", "found more than once"),
    "SAK_HAR_ERROR": ("Funnet i en sak med ERROR", "found in a case with an ERROR"),
    "MANGLER": ("Mangler", "missing"),
    "UKJENT_MIGRERTID": ("Ukjent MigrertId", "unknown MigrertId"),
    "LUKKET_I_KOSTRA_APEN_I_BVR": ("Avsluttet i KOSTRA, åpen i BVR", "closed in KOSTRA, open in the register"),
}
"""Status -> its name in both languages."""


class Migreringssvar(Concept):
    """An answer of a municipality to a row of the migration report. | Et svar på en rad i migreringsrapporten."""

    kommunenummer: Annotated[str, TEXT, Doc("Kommunen.", "The municipality.")]
    type: Annotated[str, TEXT, Doc("Type post.", "Kind of record.")]
    klient_id: Annotated[
        str, TEXT, Doc("Klientens nøkkel i det gamle systemet.", "The client's key in the old system.")
    ]
    kostra_id: Annotated[str, TEXT, Doc("Postens nøkkel i det gamle systemet.", "The record's key in the old system.")]
    aarsakskode: Annotated[int, WHOLE, Doc("Årsaken, 1 til 9.", "The reason, 1 to 9.")]
    aarsak_tekst: Annotated[
        str | None, TEXT, Doc("Forklaring; må gis med kode 9.", "Explanation; needed with 9.", Person.FREE_TEXT)
    ] = None
    fodselsnummer: Annotated[
        bytes | None, TEXT, Doc("Klientens nummer i filen.", "The client's number in the file.", Person.DIRECT)
    ] = None
    duf_nummer: Annotated[
        bytes | None, TEXT, Doc("Klientens DUF-nummer.", "The client's DUF number.", Person.DIRECT)
    ] = None
    svar_av: Annotated[str, TEXT, Doc("Hvem som svarer.", "Who answers.")]
    svar_dato: Annotated[datetime, STAMP, Doc("Når det ble svart.", "When it was answered.")]
    godkjent: Annotated[bool, BOOLEAN, Doc("Om svaret er godkjent.", "Whether it is approved.")] = False


class Line(msgspec.Struct, frozen=True):
    """A line of the table that has an answer: the answer, or what is wrong with it."""

    number: int
    answer: Migreringssvar | None
    fault: str = ""


_COLUMNS = ("type", "klient_id", "kostra_id", "aarsakskode", "aarsak_tekst")
# Eleven digits together, or six and five: a person number has no place in an explanation.
_NUMBER = re.compile(r"(?<!\d)\d{6}[ .-]?\d{5}(?!\d)")


def holds_number(text: str) -> bool:
    """Whether a text holds what could be a person number."""
    return _NUMBER.search(text) is not None


def read(
    path: Path, kommune: str, known: Iterable[dict[str, Any]], *, who: str, at: datetime, approved: bool = False
) -> list[Line]:
    """The answers of a file. `known` are the rows of the municipality's report: type, klient_id, kostra_id, and the
    client's encrypted numbers, by which an order to erase the child finds the answer.

    Lines without a reason code are no answers. Raises ValueError when the file is not the table of a report.
    """
    there = {(row["type"], row["klient_id"], row["kostra_id"]): row for row in known}
    rows = spreadsheet.read(path)
    if rows and (missing := [name for name in _COLUMNS if name not in rows[0]]):
        raise ValueError(f"{path}: lacks the columns {', '.join(missing)}: send the report's own table back")
    return [
        _line(number, row, kommune, there, {"svar_av": who, "svar_dato": at, "godkjent": approved})
        for number, row in enumerate(rows, 2)
        if row["aarsakskode"]
    ]


def _line(
    number: int,
    row: dict[str, str],
    kommune: str,
    known: dict[tuple[str, str, str], dict[str, Any]],
    about: dict[str, Any],
) -> Line:
    key = (row["type"], row["klient_id"], row["kostra_id"])
    text = row["aarsak_tekst"] or None
    code = row["aarsakskode"]
    if not (code.isascii() and code.isdigit() and int(code) in REASONS):
        return Line(number, None, f"aarsakskode: {code[:20]} er ingen av 1 til 9 | is none of 1 to 9")
    if int(code) == OTHER and not text:
        return Line(number, None, "aarsak_tekst: må gis med kode 9 | is needed with code 9")
    if text and holds_number(text):
        return Line(number, None, "aarsak_tekst: inneholder et personnummer; ta det ut | holds a person number")
    if key not in known:
        return Line(number, None, "type, klient_id, kostra_id: raden er ikke i rapporten | is no row of the report")
    answer = Migreringssvar(
        kommunenummer=kommune,
        type=key[0],
        klient_id=key[1],
        kostra_id=key[2],
        aarsakskode=int(code),
        aarsak_tekst=text,
        fodselsnummer=known[key]["fodselsnummer"],
        duf_nummer=known[key]["duf_nummer"],
        **about,
    )
    return Line(number, answer)
