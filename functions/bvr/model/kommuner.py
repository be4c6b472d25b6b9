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
