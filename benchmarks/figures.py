"""The key figures of a synthetic nation: `python -m benchmarks.figures` writes benchmarks/figures.md (half an hour).

Three things are measured in one process: ten figures made by the queries of the families, over every period, region,
sex, age group and code; the very same aggregates written by hand for DuckDB; and all sixty. The local engine is DuckDB
behind BigQuery's interface, which translates each statement first: the shape of the work is measured, not BigQuery's
price. What BigQuery would bill is counted from the columns that each query reads.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any

import psutil

from benchmarks.history import _engine
from bvr.gcp import Queries
from bvr.register.keys import TinkCipher
from bvr.simulate.delivered import rows, submissions, synthetic_keyset
from bvr.simulate.nation import nation
from bvr.statistics.figures import families
from bvr.statistics.figures.catalogue import FAMILIES, of
from bvr.statistics.figures.tables import name

SIZES = ((0.1, 1), (0.34, 1), (1.0, 1), (1.0, 3))
"""How much of a nation (148,000 cases), and how many of them: 15,000 to 445,000 cases."""
AT = datetime(2025, 2, 10, 3, 17, tzinfo=UTC)
BATCH = 10_000
_LARGE = 200_000
"""Cases from which everything is measured once: the translation of a statement is a second of minutes."""
ROOT = Path(__file__).resolve().parents[1]
SCHEMAS = ROOT / "bigquery_schemas"
TEN = (
    *("meldinger_mottatt", "meldinger_konkludert", "melding_fristbrudd", "us_startet", "us_konklusjon"),
    *("us_innen_3mnd", "barn_tiltak_aar", "barn_tiltak_dato", "barn_plassert_dato", "tiltak_startet"),
)
"""In the order of the numbers they have by hand."""

# The same ten by hand: events laid in periods, and summed by region, sex, age group and code at once.
_HAND = """
WITH
p AS (
  SELECT y || k AS periode, t AS type,
    CASE t WHEN 'R' THEN make_date(y - 1, e, 1) + INTERVAL 1 MONTH WHEN 'Y' THEN make_date(y, 1, 1)
      ELSE make_date(y, b, 1) END::DATE AS fra,
    (make_date(y, e, 1) + INTERVAL 1 MONTH - INTERVAL 1 DAY)::DATE AS til
  FROM (VALUES (2023), (2024), (2025)) AS a(y),
    (VALUES ('', 1, 12, 'Y'), ('H1', 1, 6, 'H'), ('H1', 1, 6, 'R'), ('H1', 1, 6, 'D'),
      ('H2', 7, 12, 'H'), ('H2', 7, 12, 'R'), ('H2', 7, 12, 'D')) AS d(k, b, e, t)
  WHERE IF(t = 'D', make_date(y, e, 28) < DATE '2025-02-10', make_date(y, b, 1) <= DATE '2025-02-10')
),
s AS (
  SELECT kommunenummer AS k, sak, sak.slutt_dato AS sakslutt, sak.personalia[1].kjonn AS kjonn,
    sak.personalia[1].fodseldato AS fodt, hex(sak.personalia[1].fodselsnummer) AS barn
  FROM (
    SELECT *, row_number() OVER (PARTITION BY orgnr, sak_id ORDER BY dato_uttrekk DESC, mottatt DESC) AS nr
    FROM {innsending}
  ) WHERE nr = 1 AND utfall = 'REGISTERED' AND er_slettet IS NOT TRUE
),
m AS (
  SELECT * FROM (SELECT k, kjonn, fodt, barn, sak.slettet AS borte, unnest(sak.melding) AS x FROM s)
  WHERE x.er_slettet IS NOT TRUE
    AND NOT coalesce(list_contains(list_transform(borte, lambda y: lower(y.id)), lower(x.id)), false)
),
u AS (SELECT k, kjonn, fodt, barn, unnest(sak.undersokelse) AS x FROM s),
t AS (SELECT k, kjonn, fodt, barn, sakslutt, unnest(sak.tiltak) AS x FROM s),
e AS (
  SELECT 1 AS tall, periode, type, til, k, kjonn, fodt, barn, 1 AS teller,
    list_transform(x.melder, lambda y: y.kode) AS koder
  FROM m JOIN p ON x.start_dato BETWEEN fra AND til AND type IN ('H', 'Y', 'R')
  UNION ALL SELECT 2, periode, type, til, k, kjonn, fodt, barn, 1, [x.konklusjon.kode]
  FROM m JOIN p ON x.konklusjon.slutt_dato BETWEEN fra AND til AND type IN ('H', 'Y', 'R')
  UNION ALL SELECT 3, periode, type, til, k, kjonn, fodt, barn,
    IF(x.konklusjon.slutt_dato > x.start_dato + 7, 1, 0), NULL
  FROM m JOIN p ON x.konklusjon.slutt_dato BETWEEN fra AND til AND type IN ('H', 'Y', 'R')
  UNION ALL SELECT 4, periode, type, til, k, kjonn, fodt, barn, 1, NULL
  FROM u JOIN p ON x.start_dato BETWEEN fra AND til AND type IN ('H', 'Y')
  UNION ALL SELECT 5, periode, type, til, k, kjonn, fodt, barn, 1, [x.konklusjon.kode]
  FROM u JOIN p ON x.konklusjon.slutt_dato BETWEEN fra AND til AND type IN ('H', 'Y')
  UNION ALL SELECT 6, periode, type, til, k, kjonn, fodt, barn,
    IF(x.konklusjon.slutt_dato <= x.start_dato + INTERVAL 3 MONTH, 1, 0), NULL
  FROM u JOIN p ON x.konklusjon.slutt_dato BETWEEN fra AND til AND type = 'Y'
  UNION ALL SELECT DISTINCT 7, periode, type, til, k, kjonn, fodt, barn, 1, NULL::VARCHAR[]
  FROM t JOIN p ON x.start_dato <= til AND coalesce(x.konklusjon.slutt_dato, sakslutt, DATE '9999-01-01') >= fra
    AND type IN ('H', 'Y')
  UNION ALL SELECT DISTINCT 8, periode, type, til, k, kjonn, fodt, barn, 1, NULL::VARCHAR[]
  FROM t JOIN p ON x.start_dato <= til AND coalesce(x.konklusjon.slutt_dato, sakslutt, DATE '9999-01-01') > til
    AND type = 'D'
  UNION ALL SELECT 9, periode, type, til, k, kjonn, fodt, barn, 1, [max(x.kategori.kode)]
  FROM t JOIN p ON x.start_dato <= til AND coalesce(x.konklusjon.slutt_dato, sakslutt, DATE '9999-01-01') > til
    AND type = 'D'
  WHERE x.kategori.kode SIMILAR TO '[12]\\.\\d+|8\\.2' GROUP BY ALL
  UNION ALL SELECT 10, periode, type, til, k, kjonn, fodt, barn, 1, [x.kategori.kode]
  FROM t JOIN p ON x.start_dato BETWEEN fra AND til AND type = 'Y'
),
r AS (
  SELECT tall, periode, type, kjonn, barn, teller, koder,
    CASE WHEN date_sub('year', fodt, til) < 3 THEN '0-2' WHEN date_sub('year', fodt, til) < 6 THEN '3-5'
      WHEN date_sub('year', fodt, til) < 13 THEN '6-12' WHEN date_sub('year', fodt, til) < 18 THEN '13-17'
      WHEN date_sub('year', fodt, til) < 25 THEN '18-24' ELSE '25+' END AS alder,
    unnest([k, 'EKA' || k[:2], 'EAK', IF(k = '0301', NULL, 'EAKUO')]) AS region
  FROM e
)
SELECT tall, periode, type, region, kjonn, alder, NULL AS kode, sum(teller), count(*),
  count(DISTINCT IF(teller > 0, barn, NULL)), count(DISTINCT barn)
FROM r WHERE region IS NOT NULL
GROUP BY GROUPING SETS (
  (tall, periode, type, region), (tall, periode, type, region, kjonn), (tall, periode, type, region, alder)
)
UNION ALL
SELECT tall, periode, type, region, NULL, NULL, kode, sum(teller), count(*),
  count(DISTINCT IF(teller > 0, barn, NULL)), count(DISTINCT barn)
FROM (SELECT * EXCLUDE (koder), unnest(koder) AS kode FROM r WHERE region IS NOT NULL)
GROUP BY tall, periode, type, region, kode
"""


def national(sizes: tuple[tuple[float, int], ...] = SIZES) -> list[str]:
    """The page: what was measured, for registers of several sizes."""
    measured = []
    for share, nations in sizes:
        measured.append(_measure(share, nations))
        print(measured[-1], file=sys.stderr, flush=True)
    return _lines(measured)


def _measure(share: float, nations: int) -> dict[str, Any]:
    import duckdb

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with _engine(folder) as client:
            queries = Queries(client, "europe-north1")
            cases = _load(queries, share, nations)
            large = cases > _LARGE
            for family in () if large else FAMILIES:  # once, so that each statement has been translated
                _seconds(queries, family, families.query(family, of(family)))
            every = {family: _seconds(queries, family, families.query(family, of(family))) for family in FAMILIES}
            ten: dict[str, float] = {}
            told: dict[tuple[str, ...], int] = {}
            for family in FAMILIES:
                if chosen := [f for f in of(family) if f.id in TEN]:
                    text = families.query(family, chosen)
                    if not large:
                        _seconds(queries, family, text)
                    ten[family] = _seconds(queries, family, text)
                    told |= _totals(queries, family)
            peak = _peak()
        connection = duckdb.connect(next((folder / "data").rglob("*.duckdb")), read_only=True)
        placed = dict(
            connection.execute(
                "SELECT table_name, format('\"{}\".{}', schema_name, table_name) FROM duckdb_tables()"
            ).fetchall()
        )
        took = []
        for _ in range(1 if large else 3):
            start = time.perf_counter()
            cells = connection.execute(_HAND.format(**placed)).fetchall()
            took.append(time.perf_counter() - start)
        by_hand = {(TEN[c[0] - 1], *c[1:4]): int(c[7]) for c in cells if c[4] is c[5] is c[6] is None}
        if {key: n for key, n in told.items() if n} != {key: n for key, n in by_hand.items() if n}:
            raise AssertionError("the figures and the same by hand differ: nothing can be compared")
        billed = {family: _bytes(connection, placed["innsending"], family) for family in FAMILIES}
        connection.close()
    return {
        **{"cases": cases, "every": every, "ten": sum(ten.values()), "hand": min(took), "cells": len(cells)},
        **{"peak": peak, "bytes": billed},
    }


def _load(queries: Queries, share: float, nations: int) -> int:
    # A key for each nation: the child of a number in one is not that of another.
    made: Iterator[dict[str, Any]] = chain.from_iterable(
        rows(submissions(nation(2024, share, seed=seed)), TinkCipher(synthetic_keyset(seed)))
        for seed in range(1, nations + 1)
    )
    cases = 0
    while some := list(islice(made, BATCH)):
        queries.insert("register.innsending", some)
        cases += len(some)
    return cases


def _seconds(queries: Queries, family: str, text: str) -> float:
    start = time.perf_counter()
    queries.create(f"statistikk.{family}__benk", text, {"run_time": AT})
    return time.perf_counter() - start


def _totals(queries: Queries, family: str) -> dict[tuple[str, ...], int]:
    """(figure, period, its type, region) -> value, of the regions that are summed by hand."""
    rows = queries.query(
        f"SELECT indikator, periode, periodetype, region, verdi FROM statistikk.{family}__benk WHERE maal = 'SUM' "  # noqa: S608
        "AND kjonn = 'T' AND aldersgruppe = 'T' AND kode = 'T' AND niva IN ('KOMMUNE', 'FYLKE', 'LAND')"
    )
    return {(r["indikator"], r["periode"], r["periodetype"], r["region"]): r["verdi"] for r in rows}


def _peak() -> float:
    """GB at most in the local engine: VmHWM of the largest of our children."""
    found = [0.0]
    for child in psutil.Process().children(recursive=True):
        status = Path(f"/proc/{child.pid}/status")
        if status.exists() and (line := re.search(r"VmHWM:\s+(\d+) kB", status.read_text())):
            found.append(int(line[1]) / 1e6)
    return max(found)


def _bytes(connection: Any, table: str, family: str) -> int:
    """What BigQuery would bill for a family's query: the logical size of the columns that it names, read once.

    A field counts when each part of its path is named in the query or in the functions it reads: at most, that is.
    """
    texts = [families.query(family, of(family))]  # type: ignore[arg-type]
    for routine in ("sak_per", "sak_siste_per", "sak_historikk_per"):
        texts.append((SCHEMAS / "register" / routine / "routine.sql").read_text(encoding="utf-8"))
    text = re.sub(r"--[^\n]*", "", "\n".join(texts))
    words = set(re.findall(r"\w+", text))
    columns = json.loads((SCHEMAS / "register" / "innsending" / "schema.json").read_text(encoding="utf-8"))
    sizes = []
    for column in columns:
        if column["name"] != "sak":
            sizes += _sizes(column, f'"{column["name"]}"', words)
            continue
        for part in column["fields"]:
            used = "fields" not in part or f"sak.{part['name']})" in text or f"sak.{part['name']}\n" in text
            sizes += _sizes(part, f'sak."{part["name"]}"', words) if used else []
    total = connection.execute(f"SELECT {' + '.join(f'sum(coalesce({one}, 0))' for one in sizes)} FROM {table}")  # noqa: S608
    return int(total.fetchone()[0])


_FIXED = {"DATE": 8, "TIMESTAMP": 8, "INTEGER": 8, "BOOLEAN": 1}


def _sizes(column: dict[str, Any], at: str, words: set[str], depth: int = 0) -> list[str]:
    """SQL for the sizes of the leaves of a column that are named."""
    if column["name"] not in words:
        return []
    if column["mode"] == "REPEATED":
        inner = _sizes({**column, "mode": ""}, f"e{depth}", words, depth + 1)
        return [f"list_sum(list_transform({at}, lambda e{depth}: coalesce({one}, 0)))" for one in inner]
    if "fields" in column:
        return [one for part in column["fields"] for one in _sizes(part, f'{at}."{part["name"]}"', words, depth)]
    if column["type"] in _FIXED:
        return [f"CASE WHEN {at} IS NULL THEN 0 ELSE {_FIXED[column['type']]} END"]
    size = "octet_length" if column["type"] == "BYTES" else "strlen"
    return [f"2 + {size}({at})"]


def _lines(measured: list[dict[str, Any]]) -> list[str]:
    lines = [
        "# Key figures at national size",
        "",
        "Made by `python -m benchmarks.figures`. Seconds on two cores. Ten figures by the queries and by hand are the",
        "same aggregates: every period of three years, municipality, county, country, sex, age group and code, with",
        "the number of children. The queries also tell districts, KOSTRA groups and unique children apart, fill in",
        "every zero, and go through BigQuery's interface; by hand it is DuckDB alone. Each query has run once before,",
        f"above {_LARGE:,} cases not.",
        "",
        "| cases | ten by the queries | ten by hand | ratio | all sixty | per 10,000 cases | GB at most |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for one in measured:
        total = sum(one["every"].values())
        lines.append(
            f"| {one['cases']:,} | {one['ten']:.1f} | {one['hand']:.1f} | **{one['ten'] / one['hand']:.1f}** "
            f"| {total:.1f} | {total / one['cases'] * 1e4:.2f} | {one['peak']:.1f} |"
        )
    last = measured[-1]
    lines += [
        "",
        f"What BigQuery would bill at {last['cases']:,} cases, at most, by the columns that each query reads:",
        "",
        "| family | figures | seconds | MB | MB per figure |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for family in FAMILIES:
        size, count = last["bytes"][family] / 1e6, len(of(family))
        lines.append(f"| {name(family)} | {count} | {last['every'][family]:.1f} | {size:.0f} | {size / count:.1f} |")
    return [*lines, ""]


if __name__ == "__main__":
    (ROOT / "benchmarks" / "figures.md").write_text("\n".join(national()), encoding="utf-8")
