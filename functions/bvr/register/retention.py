"""What has been kept as long as it may be: the cases that a retention rule says are to be erased.

The rule is declared where the table is: `retention_days` in the metadata.yaml of register.innsending, the days that a
case is kept after it was closed or deleted. Nothing is due while that says null, and nothing is erased because it is
due: an order does that, and names its legal basis.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import yaml

from bvr.register.derived import Tables

RULE = Path("register/innsending/metadata.yaml")
DUE = (
    "WITH siste AS (SELECT orgnr, sak_id, er_slettet, dato_uttrekk, sak.slutt_dato AS slutt_dato "
    "FROM register.innsending WHERE sak_id IS NOT NULL "
    "QUALIFY ROW_NUMBER() OVER (PARTITION BY orgnr, sak_id ORDER BY dato_uttrekk DESC, mottatt DESC) = 1), "
    "ferdig AS (SELECT orgnr, sak_id, CASE WHEN er_slettet THEN DATE(dato_uttrekk, 'Europe/Oslo') ELSE slutt_dato END "
    "AS siden FROM siste) "
    "SELECT orgnr, sak_id, siden FROM ferdig WHERE siden < @for_dato ORDER BY siden, orgnr, sak_id"
)


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """A case that has been kept as long as it may be, and the day it was closed or deleted, as an ISO date."""

    orgnr: str
    sak_id: str
    since: str


def period(schemas: Path) -> timedelta | None:
    """How long a case is kept; None where nobody has decided it. Raises ValueError for what is no number of days."""
    declared: dict[str, Any] = yaml.safe_load((schemas / RULE).read_text(encoding="utf-8"))
    days = declared.get("retention_days")
    if days is None:
        return None
    if not isinstance(days, int) or isinstance(days, bool) or days <= 0:
        raise ValueError(f"{RULE}: retention_days must be a positive number of days, or null")
    return timedelta(days=days)


def due(tables: Tables, schemas: Path, at: datetime) -> list[Due]:
    """The cases that are due at a moment, the oldest first. A case that is open is never due."""
    kept = period(schemas)
    if kept is None:
        return []
    rows = tables.query(DUE, {"for_dato": (at - kept).date()})
    return [Due(orgnr=row["orgnr"], sak_id=row["sak_id"], since=row["siden"].isoformat()) for row in rows]
