"""A run on the emulator: candidate, checks, replacement, record. And that each check sees what it is there for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bvr.statistics.declared import queries
from bvr.statistics.run import checks, run
from tests.sql import notation
from tests.sql.googlesql import SCHEMAS

pytestmark = pytest.mark.local_cloud
AT = datetime(2025, 2, 10, 3, 7, tzinfo=UTC)
QUERIES = {query.name: query for query in queries(SCHEMAS)}
SAKER = [
    {"kommune": "0301", "melding": [notation.date(2024, 3, 1)], "tiltak": [notation.date(2024, 3, 1)]},
    {"kommune": "4601", "barn": {"nummer": "B", "kjonn": "2"}, "melding": [notation.date(2023, 9, 1)]},
]


@pytest.fixture
def filled(warehouse):
    warehouse.fill(notation.rows({"saker": SAKER}))
    warehouse.queries.query("DELETE FROM statistikk.kjoring WHERE TRUE")
    for name in QUERIES:
        warehouse.queries.query(f"DELETE FROM statistikk.{name} WHERE TRUE")
    return warehouse


def test_a_run_publishes_what_passed_its_checks(filled):
    for query in QUERIES.values():
        result = run(query, AT, filled.queries, "regler-1")
        assert not result.failed
        (count,) = filled.queries.query(f"SELECT COUNT(*) AS antall FROM statistikk.{query.name}")
        assert count["antall"] == result.rows > 0
        (record,) = filled.queries.query(
            "SELECT * FROM statistikk.kjoring WHERE sporring = @name", {"name": query.name}
        )
        assert (record["sha256"], record["rader"], record["kunnskapstidspunkt"]) == (result.sha256, result.rows, AT)
        assert record["regelsett"] == "regler-1"
    tables = {table.table_id for table in filled.client.list_tables("statistikk")}
    assert not [name for name in tables if name.endswith("__kandidat")]


def test_a_repeat_changes_nothing_and_is_recorded_once(filled):
    query = QUERIES["meldinger_mottatt_v1"]
    first, second = (run(query, AT, filled.queries, "1") for _ in range(2))
    assert first.sha256 == second.sha256
    assert len(filled.queries.query("SELECT 1 AS en FROM statistikk.kjoring")) == 1
    later = run(query, AT + timedelta(days=1), filled.queries, "1")
    assert later.sha256 == first.sha256, "the hash is of the figures, not of the time they were read"
    assert len(filled.queries.query("SELECT 1 AS en FROM statistikk.kjoring")) == 2


def test_a_failed_check_leaves_the_figures_as_they_were(filled):
    query = QUERIES["meldinger_mottatt_v1"]
    good = run(query, AT, filled.queries, "1")
    broken = query.model_copy(update={"sql": query.sql.replace("IFNULL(t.verdi, 0) AS verdi", "-1 AS verdi")})
    bad = run(broken, AT, filled.queries, "1")
    assert not bad.published
    assert any("ikke negative" in name for name in bad.failed)
    (count,) = filled.queries.query("SELECT COUNT(*) AS n, MIN(verdi) AS least FROM statistikk.meldinger_mottatt_v1")
    assert (count["n"], count["least"]) == (good.rows, 0)
    assert len(filled.queries.query("SELECT 1 AS en FROM statistikk.kjoring")) == 1


BREAKS = {
    "én rad per celle": "INSERT INTO {t} SELECT * FROM {t} WHERE kjonn = 'T' AND aldersgruppe = 'T' AND kode = 'T'",
    "ikke negative": "UPDATE {t} SET n_barn = verdi + 1 WHERE verdi > 0",
    "kjønnene": "UPDATE {t} SET verdi = verdi + 1, n_barn = 1 WHERE kjonn IN ('1', '2')",
    "aldersgruppene": "UPDATE {t} SET verdi = verdi + 1, n_barn = 1 WHERE aldersgruppe != 'T'",
    "hver kommune": "DELETE FROM {t} WHERE kommunenummer = '0301' AND periode = '2024H1'",
    "halvårene": "UPDATE {t} SET verdi = verdi + 1, n_barn = 1 WHERE periodetype = 'Y'",
    "omsorg og hjelp": "UPDATE {t} SET verdi = verdi + 1, n_barn = 1 WHERE kode != 'T'",
    "uten en eneste melding": "",
    "utfylt": "UPDATE {t} SET n_barn = NULL WHERE kommunenummer = '0301'",
}


@pytest.mark.parametrize(
    ("query", "name"), [(q.name, check.name) for q in QUERIES.values() for check in checks(q.checks)]
)
def test_a_check_sees_what_it_is_there_for(query, name, filled):
    (damage,) = [sql for words, sql in BREAKS.items() if words in name]
    assert run(QUERIES[query], AT, filled.queries, "1").published
    (check,) = [one for one in checks(QUERIES[query].checks) if one.name == name]
    copy = f"statistikk.{query}__skadet"
    filled.queries.create(copy, f"SELECT * FROM statistikk.{query}")
    sql = check.sql.replace(f"statistikk.{query}", copy)
    if damage:
        assert not filled.queries.query(sql)
        filled.queries.query(damage.format(t=copy))
    assert filled.queries.query(sql)
    filled.queries.delete(copy)
