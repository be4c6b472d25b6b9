"""The key figures of a part of the synthetic nation: the SQL against the count of the generated cases."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from bvr.register.keys import TinkCipher
from bvr.simulate.counted import counted
from bvr.simulate.delivered import rows, submissions, synthetic_keyset
from bvr.simulate.nation import nation
from tests.sql.test_queries import text

RUN_TIME = datetime(2025, 2, 10, 3, 7, tzinfo=UTC)


@pytest.mark.local_cloud
def test_key_figures_of_the_nation_by_sql_and_by_hand(warehouse):
    cases = list(nation(2024, 0.005, 6))
    warehouse.fill(list(rows(submissions(cases), TinkCipher(synthetic_keyset(6)))))
    by_hand = counted((c.document for c in cases if c.fault is None), 2024)

    def by_sql(query: str) -> Counter[tuple[str, str]]:
        found: Counter[tuple[str, str]] = Counter()
        for cell in warehouse.queries.query(text(query), {"run_time": RUN_TIME}):
            if (cell["kjonn"], cell["aldersgruppe"]) == ("T", "T"):
                found[cell["periode"], cell["kode"]] += cell["verdi"]
        return found

    reports, children = by_sql("meldinger_mottatt_v1"), by_sql("barn_tiltak_dato_v1")
    assert reports["2024H1", "T"] + reports["2024H2", "T"] == by_hand["meldinger_mottatt"] > 300
    assert children["2024H2", "T"] == by_hand["tiltak_dato"] > 100
    assert children["2024H2", "OMSORG"] == by_hand["omsorg_dato"] > 20
    assert children["2024H2", "HJELP"] == by_hand["hjelp_dato"] > 80
