"""The municipalities of Norway from 2024, by number."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

_CHANGES = Path(__file__).with_name("kommuneendringer.csv")
_FILE = Path(__file__).resolve().parents[1] / "simulate" / "kommuner.csv"


@cache
def names() -> dict[str, str]:
    """Municipality number -> name."""
    with _FILE.open(encoding="utf-8", newline="") as file:
        return {row["kommunenummer"]: row["kommunenavn"] for row in csv.DictReader(file)}


@cache
def counties() -> dict[str, str]:
    """County number -> name."""
    with _FILE.open(encoding="utf-8", newline="") as file:
        return {row["fylkesnummer"]: row["fylkesnavn"] for row in csv.DictReader(file)}


@cache
def districts() -> dict[str, str]:
    """Municipality and district number -> name of the district."""
    with _FILE.with_name("bydeler.csv").open(encoding="utf-8", newline="") as file:
        return {row["kommunenummer"] + row["bydelsnummer"]: row["bydelsnavn"] for row in csv.DictReader(file)}


@cache
def inhabitants() -> dict[str, dict[str, int]]:
    """Municipality number -> age group (F000-017, F000-024) -> inhabitants on 1 January 2026."""
    with _FILE.open(encoding="utf-8", newline="") as file:
        return {
            row["kommunenummer"]: {"F000-017": int(row["innb_0_17"]), "F000-024": int(row["innb_0_24"])}
            for row in csv.DictReader(file)
        }


@cache
def changes() -> tuple[tuple[str, str, str], ...]:
    """(old number, new number, from when), of every number that was in use in 2021 or later (the register's first
    year). An old number has several new where a municipality was divided. Source: KLASS 131, changes of 2024."""
    with _CHANGES.open(encoding="utf-8", newline="") as file:
        return tuple((row["gammel"], row["ny"], row["gyldig_fra"]) for row in csv.DictReader(file))


def changes_view() -> str:
    """`grunnlag.kommuneendring`."""
    head = "-- Laget med `bvr generate` fra functions/bvr/model/kommuneendringer.csv. | Generated."
    rows = [f"STRUCT('{old}' AS gammel, '{new}' AS ny, DATE '{day}' AS gyldig_fra)" for old, new, day in changes()]
    return f"{head}\nSELECT e.gammel, e.ny, e.gyldig_fra\nFROM UNNEST([\n  " + ",\n  ".join(rows) + "\n]) AS e\n"
