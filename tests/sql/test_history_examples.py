"""The example queries of docs/historikk.md run, on both engines, and give something."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bvr.register import materialise
from tests.sql import notation
from tests.sql.googlesql import declared

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "historikk.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```sql\n(.*?)```", TEXT, re.DOTALL)
ROWS = notation.rows(
    {
        "saker": [
            {
                "sak": "a",
                "innsending": f"i{number}",
                "uttrekk": date(2025, 3, number),
                "melding": [{"start": date(2025, 1, 1), "slutt": date(2025, 1, 5) if number > 1 else None}],
                "tiltak": [{"start": date(2025, 2, 1)}],
            }
            for number in (1, 2, 3)
        ]
    }
)
VIEWS = {
    "sak_gjeldende",
    "sak_tabell",
    "sak_per",
    "sak_historikk",
    "sak_historikk_per",
    "endring",
    "element",
    "hendelse",
}


def test_every_view_is_told_of():
    assert set(re.findall(r"register\.(\w+)", TEXT)) >= VIEWS
    assert len(EXAMPLES) == 5


@pytest.mark.parametrize("sql", EXAMPLES)
def test_in_googles_reference_engine(sql):
    found = declared().rows(sql, {"register.innsending": ROWS, "register.sak_tabell": ROWS[-1:]})
    assert found


@pytest.mark.local_cloud
def test_in_the_emulator(warehouse):
    for table in ("register.sak_tabell", "drift.avledning"):
        warehouse.queries.query(f"DELETE FROM {table} WHERE TRUE")
    warehouse.fill(ROWS)
    materialise.run(warehouse.queries, datetime(2025, 4, 1, tzinfo=UTC))
    for sql in EXAMPLES:
        assert warehouse.queries.query(sql), sql
    (last,) = [warehouse.queries.query(sql) for sql in EXAMPLES if "register.hendelse" in sql]
    assert [row["type"] for row in last] == ["Sak", "Melding", "MeldingKonklusjon", "Tiltak"]
    assert last[-1]["lovhjemmel"] == "BVL2021 3-1"
