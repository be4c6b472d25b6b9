"""Every SQL file, and every statement that the statistics and the API send, in Google's own analyzer."""

from __future__ import annotations

from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from bvr.api.handler import Api
from bvr.api.http import Request
from bvr.api.published import LatestRuns, Releases
from bvr.statistics import schedule
from bvr.statistics.declared import queries, scheduled
from bvr.statistics.freezes import Freeze
from bvr.statistics.publication import release
from bvr.statistics.publication.declared import products
from bvr.statistics.run import run
from tests.sql.googlesql import SCHEMAS, GoogleSql, SqlError, declared, read, statements
from tests.unit.api_world import FakeTables, Pulls, Seen, verifier_that_lets_in

FILES = sorted(SCHEMAS.glob("*/*/*.sql"))
PARAMETERS = {"query.sql": {"run_time": "TIMESTAMP"}, "merge.sql": {"fra": "TIMESTAMP", "til": "TIMESTAMP"}}
TYPES = {str: "STRING", int: "INTEGER", float: "FLOAT", datetime: "TIMESTAMP", date: "DATE"}


def name(path):
    return f"{path.parts[-3]}/{path.parts[-2]}/{path.name}"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_file(path):
    for statement in statements(path):
        declared().check(statement, **PARAMETERS.get(path.name, {}))


@pytest.mark.parametrize("path", [p for p in FILES if p.name == "query.sql"], ids=name)
def test_a_query_gives_the_columns_of_its_table(path):
    """In order, too: the figures are copied with SELECT *."""
    tables, _ = read()
    columns = tables[f"{path.parts[-3]}.{path.parts[-2]}"]
    given = declared().columns(path.read_text(encoding="utf-8"), run_time="TIMESTAMP")
    assert given == [(one["name"], one["type"]) for one in columns]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT kommunenumer FROM register.sak_gjeldende", "Did you mean kommunenummer"),
        ("SELECT t.konklusjon.sluttdato FROM register.sak_gjeldende AS g, UNNEST(g.sak.tiltak) AS t", "slutt_dato"),
        ("SELECT 1 FROM register.finnes_ikke", "not found"),
        ("SELECT 1 FROM register.sak_gjeldende WHERE kommunenummer = 301", "No matching signature"),
        ("SELECT kommunenummer, COUNT(*) FROM register.sak_gjeldende", "neither grouped nor aggregated"),
        ("SELECT @run_tme", "run_tme"),
        ("SELECT kommunenumer FROM register.sak_per(@run_time)", "Did you mean kommunenummer"),
        ("SELECT 1 FROM register.sak_per('i går')", "Could not cast literal|Invalid TIMESTAMP"),
        ("SELECT 1 FROM register.sak_per(1)", "INT64"),
        ("SELECT 1 FROM register.sak_per", "sak_per"),
    ],
)
def test_a_fault_is_found(sql, message):
    with pytest.raises(SqlError, match=message):
        declared().check(sql, run_time="TIMESTAMP")


def test_a_view_with_a_fault_is_found():
    tables, views = read()
    with pytest.raises(SqlError, match="utfal"):
        GoogleSql(tables, {**views, "register.sak_gjeldende": "SELECT * FROM register.sak_historikk WHERE utfal = 'X'"})


class Recorder(FakeTables):
    """Tables that have their statements analyzed instead of run."""

    def __init__(self) -> None:
        super().__init__()
        self.analyzed = 0

    def _check(self, sql: str, parameters: dict[str, Any] | None) -> None:
        # The candidate has the columns of its table.
        declared().check(
            sql.replace("__kandidat", ""), **{name: TYPES[type(value)] for name, value in (parameters or {}).items()}
        )
        self.analyzed += 1

    def query(self, sql: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        self._check(sql, parameters)
        return super().query(sql, parameters) if "statistikk.kjoring" in sql or "GROUP BY" not in sql else []

    def create(self, table: str, sql: str, parameters: dict[str, Any] | None = None) -> None:
        self._check(sql, parameters)


def test_what_a_run_sends():
    for query in queries(SCHEMAS):
        tables = Recorder()
        run(query, datetime(2025, 2, 10, tzinfo=UTC), tables, "1")
        assert tables.analyzed >= 8


def test_what_the_schedule_sends():
    tables = Recorder()
    at = datetime(2025, 2, 10, tzinfo=UTC)
    schedule.run_each(scheduled(SCHEMAS), at, tables, "1", lambda: at)
    schedule.late(scheduled(SCHEMAS), tables, at)
    assert tables.analyzed >= 100


def test_what_the_api_sends():
    tables = Recorder()
    runs = LatestRuns(queries(SCHEMAS), tables, {})
    api = Api([runs], verifier_that_lets_in(), Seen(), Pulls(), lambda *_, **__: None, openapi=b"{}")
    for query in queries(SCHEMAS):
        answer = api.handle(
            Request(
                method="GET",
                path=f"/tables/{query.figure.table_id}/data",
                headers={"authorization": "Bearer a.b.c"},
            )
        )
        assert answer.status == 200
    assert tables.analyzed >= 4


def test_what_releases_send():
    tables, at = Recorder(), datetime(2025, 2, 10, tzinfo=UTC)
    freeze = Freeze(
        **{"frysing_id": "2024-T2", "periode": "2024", "nummer": "T2", "kunnskapstidspunkt": at, "frosset": at},
        **{"forrige_id": None, "rader": 1, "sha256": "a", "regelsett": "1", "kodelister_sha256": "b"},
        sporringer_sha256="c",
    )
    (product, *_) = products()
    release.frozen(tables, product, freeze.frysing_id)
    release.groups(tables, freeze)
    release.inhabitants(tables, freeze)
    release.approvals(tables, freeze)
    release._hidden_rows(tables, "x")
    release.published(tables, "x")
    Releases(tables)._of(SimpleNamespace(utgivelse_id="x"))
    assert tables.analyzed >= 7
