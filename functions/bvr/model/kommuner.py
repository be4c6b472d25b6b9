"""The municipalities of Norway from 2024, by number."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

_FILE = Path(__file__).resolve().parents[1] / "simulate" / "kommuner.csv"


@cache
def names() -> dict[str, str]:
    """Municipality number -> name."""
    with _FILE.open(encoding="utf-8", newline="") as file:
        return {row["kommunenummer"]: row["kommunenavn"] for row in csv.DictReader(file)}


@cache
def inhabitants() -> dict[str, dict[str, int]]:
    """Municipality number -> age group (F000-017, F000-024) -> inhabitants on 1 January 2026."""
    with _FILE.open(encoding="utf-8", newline="") as file:
        return {
            row["kommunenummer"]: {"F000-017": int(row["innb_0_17"]), "F000-024": int(row["innb_0_24"])}
            for row in csv.DictReader(file)
        }
