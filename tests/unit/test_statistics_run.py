"""What a run does, in order, and how checks are read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from bvr.statistics.declared import KeyFigure
from bvr.statistics.run import Run, checks, run
from tests.unit.api_world import QUERIES, FakeTables

AT = datetime(2025, 2, 10, tzinfo=UTC)
QUERY = QUERIES[0]


class Warehouse(FakeTables):
    """Figures, and checks that find something when their SQL has one of `broken` in it."""

    def __init__(self, figures: list[dict[str, Any]] | None = None, broken: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.runs = []
        self.figures = figures or [{"indikator": "a", "verdi": 1}]
        self.broken = broken

    def query(self, sql: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        found = super().query(sql, parameters)
        if sql.startswith("SELECT 1 AS brudd"):
            return [{"brudd": 1}] if any(word in sql for word in self.broken) else []
        if sql.startswith("SELECT indikator"):
            return self.figures
        if sql.startswith("INSERT INTO statistikk.kjoring") and parameters:
            self.runs = [{"lopenummer": parameters["number"], "sha256": parameters["sha"]}]
        return found

    @property
    def inserted(self) -> list[dict[str, Any]]:
        return [parameters for sql, parameters in self.sent if sql.startswith("INSERT")]


def go(tables: Warehouse, at: datetime = AT) -> Run:
    return run(QUERY, at, tables, "regler-1")


def test_checked_figures_replace_the_old() -> None:
    tables = Warehouse()
    result = go(tables)
    candidate = f"statistikk.{QUERY.name}__kandidat"
    assert tables.made == tables.deleted == [candidate]
    assert tables.replaced == [(f"statistikk.{QUERY.name}", candidate)]
    assert tables.sent[0] == (QUERY.sql, {"run_time": AT})
    assert (result.rows, result.published, result.warned) == (1, True, ())
    (record,) = tables.inserted
    assert (record["regelsett"], record["rader"], record["sha"]) == ("regler-1", 1, result.sha256)


def test_checks_read_the_candidate() -> None:
    tables = Warehouse()
    go(tables)
    sent = [sql for sql, _ in tables.sent if "AS brudd" in sql]
    assert len(sent) == len(list(checks(QUERY.checks)))
    assert all(f"{QUERY.name}__kandidat" in sql for sql in sent)
    assert not [sql for sql in sent if f"{QUERY.name}\n" in sql or f"{QUERY.name} " in sql]


def test_a_broken_check_publishes_nothing() -> None:
    tables = Warehouse(broken=("HAVING COUNT(*) > 1",))
    result = go(tables)
    assert not result.published
    assert result.failed == ("én rad per celle | one row a cell",)
    assert tables.replaced == []
    assert tables.inserted == []
    assert tables.deleted == tables.made


def test_a_warning_is_told_and_publishes() -> None:
    query = next(q for q in QUERIES if "#warn" in q.checks)
    tables = Warehouse(broken=("periodetype = 'Y' AND kjonn = 'T'",))
    result = run(query, AT, tables, "regler-1")
    assert result.published
    assert len(result.warned) == 1
    assert tables.inserted[0]["varsler"] == 1


def test_the_same_figures_as_of_the_same_time_are_one_run() -> None:
    tables = Warehouse()
    go(tables)
    go(tables)
    assert len(tables.inserted) == 1
    tables.figures = [{"indikator": "a", "verdi": 2}]
    go(tables)
    assert [record["number"] for record in tables.inserted] == [1, 2]
    assert len({record["id"] for record in tables.inserted}) == 2


def test_the_published_id_says_nothing_of_the_figures() -> None:
    one, other = Warehouse(), Warehouse([{"indikator": "a", "verdi": 2}])
    assert go(one).sha256 != go(other).sha256
    assert one.inserted[0]["id"] == other.inserted[0]["id"]
    later = Warehouse()
    go(later, AT + timedelta(days=1))
    assert later.inserted[0]["id"] != one.inserted[0]["id"]


def test_a_check_without_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="#fail"):
        list(checks("-- a check\nSELECT 1;"))
    assert list(checks("\n;\n")) == []


def test_every_query_is_declared_whole() -> None:
    assert {q.name for q in QUERIES} == {"barn_tiltak_dato_v1", "meldinger_mottatt_v1"}
    for q in QUERIES:
        assert q.name.startswith(q.figure.id)
        assert "statistikkbanktabell" in q.figure.source
        assert {check.fails for check in checks(q.checks)} >= {True}
    with pytest.raises(ValidationError):
        KeyFigure.model_validate({**QUERIES[0].figure.model_dump(), "tittel": "x"})
