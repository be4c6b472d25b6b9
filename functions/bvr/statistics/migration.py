"""The municipality's answers to the migration report (statistics 3.1). The comparison itself is SQL."""

# mypy: disable-error-code="misc"
# (see model/concepts.py)

from __future__ import annotations

from datetime import datetime
from typing import Annotated

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
    svar_av: Annotated[str, TEXT, Doc("Hvem som svarer.", "Who answers.")]
    svar_dato: Annotated[datetime, STAMP, Doc("Når det ble svart.", "When it was answered.")]
    godkjent: Annotated[bool, BOOLEAN, Doc("Om svaret er godkjent.", "Whether it is approved.")] = False
