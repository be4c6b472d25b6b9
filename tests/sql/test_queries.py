"""The key figures on small tables: by Google's reference engine, and by the emulator through Google's own client."""

from __future__ import annotations

import pytest

from tests.sql import notation
from tests.sql.googlesql import SCHEMAS, declared

CASES = [pytest.param(query, case, id=f"{query}: {name}") for query, name, case in notation.cases()]


def text(query: str) -> str:
    return (SCHEMAS / "statistikk" / query / "query.sql").read_text(encoding="utf-8")


@pytest.mark.parametrize(("query", "case"), CASES)
def test_case_in_googles_reference_engine(query, case):
    found = declared().rows(
        text(query),
        {"register.innsending": notation.rows(case)},
        run_time=("TIMESTAMP", notation.run_time(case)),
    )
    assert notation.compared(case, found) == notation.expected(case)


@pytest.mark.local_cloud
@pytest.mark.parametrize(("query", "case"), CASES)
def test_case_in_the_emulator(query, case, warehouse):
    warehouse.fill(notation.rows(case))
    found = warehouse.queries.query(text(query), {"run_time": notation.run_time(case)})
    assert notation.compared(case, found) == notation.expected(case)
