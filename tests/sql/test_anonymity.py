"""The report on k-anonymity: known answers on tables made by hand, by the emulator and by Google's reference engine."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import sqlglot
from google.cloud import bigquery
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from bvr.gcp import Queries
from bvr.statistics.anonymity import (
    COURSE,
    PERSONAL,
    PRECISIONS,
    VIEWS,
    as_json,
    as_tables,
    classes_sql,
    courses_sql,
    examine,
    exposed_sql,
)
from tests.emulated.local_cloud.conftest import bigquery_server
from tests.sql.googlesql import GoogleSql

TEXT, YEAR, DAY = "STRING", "INTEGER", "DATE"


def columns(**kinds: str) -> list[dict[str, Any]]:
    return [{"name": name, "type": kind, "mode": "NULLABLE"} for name, kind in kinds.items()]


BARN, TILTAK = VIEWS[0], next(one for one in VIEWS if one.view == "analyse.tiltak")
SHAPES = {
    "analyse.barn": columns(formal=TEXT, barn_ref=TEXT, kommunenummer=TEXT, fodselsaar=YEAR, kjonn=TEXT),
    COURSE: columns(formal=TEXT, barn_ref=TEXT, kommunenummer=TEXT, dato=DAY, type=TEXT, kode=TEXT),
} | {
    one.view: columns(
        **{"formal": TEXT, "barn_ref": TEXT, "kommunenummer": TEXT},
        **dict.fromkeys(one.dates, DAY),
        **({one.sensitive: TEXT} if one.sensitive else {}),
    )
    for one in VIEWS[1:]
}
GOOGLE = GoogleSql(SHAPES, {})
KINDS = {str: "STRING", int: "INTEGER"}
Rows = dict[str, list[dict[str, Any]]]


class Engine:
    """The tables port on Google's reference engine."""

    def __init__(self, rows: Rows) -> None:
        self.rows = {name: [{"formal": "p", **row} for row in given] for name, given in rows.items()}

    def query(self, sql: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        given = {name: (KINDS[type(value)], value) for name, value in (parameters or {}).items()}
        used = {name: rows for name, rows in self.rows.items() if name in sql}
        return GOOGLE.rows(sql, used, **given)


class Quick(Engine):
    """The same on DuckDB, for many tables."""

    def query(self, sql: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        duck = duckdb.connect()
        duck.execute("CREATE SCHEMA a")  # its own name is a word of DuckDB's
        for name, shape in SHAPES.items():
            kinds = {"STRING": pa.string(), "INTEGER": pa.int64(), "DATE": pa.date32()}
            given = pa.Table.from_pylist(
                self.rows[name], schema=pa.schema([(one["name"], kinds[one["type"]]) for one in shape])
            )
            duck.register("given", given)
            duck.execute(f"CREATE TABLE {name.replace('analyse.', 'a.')} AS SELECT * FROM given")
        found = duck.execute(
            sqlglot.transpile(sql.replace("analyse.", "a."), read="bigquery", write="duckdb")[0], parameters or {}
        )
        names = [one[0] for one in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def child(barn: str, kommune: str = "0301", year: int = 2015, sex: str = "1") -> dict[str, Any]:
    return {"barn_ref": barn, "kommunenummer": kommune, "fodselsaar": year, "kjonn": sex}


def measure(barn: str, day: date, kommune: str = "0301", code: str = "1.1") -> dict[str, Any]:
    return {"barn_ref": barn, "kommunenummer": kommune, "start_dato": day, "kategori_kode": code}


def step(barn: str, day: int, kind: str, code: str | None = None, kommune: str = "0301") -> dict[str, Any]:
    return {"barn_ref": barn, "kommunenummer": kommune, "dato": date(2024, 1, day), "type": kind, "kode": code}


def world(**given: list[dict[str, Any]]) -> Rows:
    return {name: given.get(name.partition(".")[2], []) for name in SHAPES}


KNOWN = world(
    # 0301: six boys (k=6) and two girls (k=2) born 2015, one boy born 2016 (k=1). 5001: one child, of unknown sex.
    barn=[
        *(child(f"g{n}") for n in range(6)),
        *(child(f"j{n}", sex="2") for n in range(2)),
        child("alene", year=2016),
        {**child("fjern", "5001"), "kjonn": None},
        {**child("annet formål", "4601"), "formal": "q"},
    ],
    # The six boys share the month and not the day; all have the same category.
    tiltak=[measure(f"g{n}", date(2024, 5, 1 + n)) for n in range(6)],
    barn_forlop=[
        *(one for n in range(6) for one in (step(f"g{n}", 2, "Tiltak", "1.1"), step(f"g{n}", 1, "Melding"))),
        step("alene", 1, "Melding"),
        step("alene", 2, "Tiltak", "2.1", kommune="5001"),
        step("alene", 3, "Tiltak", "3.1"),
        step("j0", 1, "Melding"),
        step("j1", 1, "Melding"),
    ],
)


def test_known_answers() -> None:
    found = examine(Engine(KNOWN), "p", k=3, views=[BARN, TILTAK])
    kommune, born, sex, measures = found.classes
    assert kommune.groups == {"1": 1, "2": 0, "3-4": 0, "5-9": 1, "10+": 0}  # nine children in 0301, one in 5001
    assert born.groups == {"1": 2, "2": 0, "3-4": 0, "5-9": 1, "10+": 0}
    assert sex.groups == {"1": 2, "2": 1, "3-4": 0, "5-9": 1, "10+": 0}
    assert (kommune.children, kommune.exposed, born.exposed, sex.exposed) == (10, 1, 2, 4)
    assert sex.worst == (("0301", 1), ("5001", 1))
    assert sex.uniform is None
    assert measures.by == ("kommunenummer", "fodselsaar", "kjonn", "start_dato")
    assert measures.groups == {"1": 6, "2": 0, "3-4": 0, "5-9": 0, "10+": 0}
    assert measures.worst == (("0301", 6),)
    (precision,) = found.precisions
    assert precision.exposed == {"DAG": 6, "MANED": 0, "KVARTAL": 0, "AR": 0}
    assert precision.recommended == "MANED"
    types, placements = found.courses
    assert (types.of, types.courses, types.rare, types.children, types.exposed) == ("hendelsestyper", 3, 2, 9, 3)
    assert types.worst == (("0301", 3), ("5001", 1))  # the child that moved counts where it has been
    assert (placements.courses, placements.rare, placements.children, placements.exposed) == (2, 1, 7, 1)


def test_a_class_in_which_all_have_the_same_is_told_of() -> None:
    rows = {**KNOWN, "analyse.tiltak": [measure(f"g{n}", date(2024, 5, 1)) for n in range(6)]}
    (same,) = examine(Engine(rows), "p", k=3, views=[TILTAK]).classes
    assert (same.groups["5-9"], same.uniform) == (1, 1)
    rows["analyse.tiltak"].append(measure("g0", date(2024, 5, 1), code="2.1"))
    (two,) = examine(Engine(rows), "p", k=3, views=[TILTAK]).classes
    assert two.uniform == 0


def test_where_no_precision_will_do_it_says_so() -> None:
    rows = {**KNOWN, "analyse.tiltak": [measure("alene", date(2024, 5, 1))]}
    (precision,) = examine(Engine(rows), "p", k=3, views=[TILTAK]).precisions
    assert precision.recommended is None
    assert set(precision.exposed.values()) == {1}
    (coarser,) = examine(Engine(KNOWN), "p", k=3, precision="KVARTAL", views=[TILTAK]).precisions
    assert coarser.exposed == {"KVARTAL": 0, "AR": 0}
    assert coarser.recommended == "KVARTAL"


def test_nothing_at_all() -> None:
    found = examine(Engine(world()), "p")
    assert all(one.children == one.exposed == sum(one.groups.values()) == 0 for one in found.classes)
    assert all(one.courses == one.exposed == 0 for one in found.courses)
    assert as_tables(found)


def test_what_is_shown_names_municipalities_and_never_a_class() -> None:
    found = examine(Engine(KNOWN), "p", k=3, views=[BARN, TILTAK])
    out = StringIO()
    for table in as_tables(found):
        Console(file=out, width=200).print(table)
    told = as_json(found).decode() + out.getvalue()
    assert "5001" in told
    assert not {one for one in ("2015", "2016", "alene", "2024", "1.1", "2.1", "Melding") if one in told}
    assert json.loads(as_json(found))["k"] == 3


def test_wrong_questions() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        examine(Engine(KNOWN), "p", k=1)
    with pytest.raises(KeyError):
        examine(Engine(KNOWN), "p", precision="UKE")


def test_google_s_analyzer_takes_every_statement() -> None:
    for one in VIEWS:
        GOOGLE.check(classes_sql(one, (*PERSONAL, *one.dates)), formal="STRING", k="INTEGER")
        GOOGLE.check(exposed_sql(one, (*PERSONAL, *one.dates), list(PRECISIONS.values())), formal="STRING", k="INTEGER")
    for of in ("hendelsestyper", "plasseringer"):
        GOOGLE.check(courses_sql(of), formal="STRING", k="INTEGER")


# --- by counting -----------------------------------------------------------------------------------------------------

START = date(2024, 1, 1)
children = st.lists(
    st.tuples(st.sampled_from(["0301", "4601"]), st.sampled_from([2014, 2015]), st.sampled_from(["1", "2", None])),
    min_size=1,
    max_size=12,
)
days = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 400), st.sampled_from(["1.1", "2.1"])), max_size=15)


def truncated(day: date, name: str) -> tuple[int, ...]:
    parts = {"DAG": (day.year, day.month, day.day), "MANED": (day.year, day.month), "AR": (day.year,)}
    return parts.get(name) or (day.year, (day.month - 1) // 3)


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(children, days, st.integers(2, 4))
def test_as_counted_in_python(kids: list[Any], events: list[Any], k: int) -> None:
    kids = [(f"b{n}", *one) for n, one in enumerate(kids)]
    started = [(kids[n % len(kids)], START + timedelta(days=d), code) for n, d, code in events]
    rows = world(
        barn=[{**child(b, kommune, year), "kjonn": sex} for b, kommune, year, sex in kids],
        tiltak=[measure(kid[0], day, kid[1], code) for kid, day, code in started],
    )
    found = examine(Quick(rows), "p", k=k, views=[BARN, TILTAK])
    classes = defaultdict(set)
    for kid in kids:
        classes[kid[1:]].add(kid[0])
    assert found.classes[2].exposed == sum(len(one) for one in classes.values() if len(one) < k)
    assert sum(found.classes[2].groups.values()) == len(classes)
    expected = {}
    for name in PRECISIONS:
        dated = defaultdict(set)
        for kid, day, _ in started:
            dated[*kid[1:], truncated(day, name)].add(kid[0])
        expected[name] = len({b for one in dated.values() if len(one) < k for b in one})
    assert found.precisions[0].exposed == expected


# --- by the emulator -------------------------------------------------------------------------------------------------


@pytest.mark.local_cloud
def test_the_emulator_answers_the_same(tmp_path: Path) -> None:
    """On tables in place of the views, in a server of its own."""
    with bigquery_server(tmp_path) as server:
        client = server.client()
        client.create_dataset("analyse")
        queries = Queries(client, "europe-north1")
        for name, shape in SHAPES.items():
            schema = [bigquery.SchemaField.from_api_repr(one) for one in shape]
            client.create_table(bigquery.Table(f"{client.project}.{name}", schema=schema))
            queries.insert(name, [{"formal": "p", **row} for row in KNOWN[name]])
        assert examine(queries, "p", k=3) == examine(Engine(KNOWN), "p", k=3)
