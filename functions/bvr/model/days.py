"""Public holidays, for what is counted in working days."""

from __future__ import annotations

from holidays import country_holidays

YEARS = range(2021, 2041)
"""From the register's first year on. Lov om 1 og 17 mai, and helligdagsfreden § 2; Sundays are no holidays here."""


def holidays_view() -> str:
    """`grunnlag.helligdag`."""
    head = "-- Laget med `bvr generate`. | Generated."
    days = sorted(country_holidays("NO", years=YEARS, language="no").items())
    rows = [f"STRUCT(DATE '{day}' AS dato, '{name}' AS navn)" for day, name in days]
    return f"{head}\nSELECT h.dato, h.navn\nFROM UNNEST([\n  " + ",\n  ".join(rows) + "\n]) AS h\n"
