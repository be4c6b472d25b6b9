"""The sixty key figures of a nation: the queries of the families against the same aggregates written by hand in DuckDB.

The local engine is DuckDB behind BigQuery's interface: what is measured is the shape of the work, not BigQuery's price.
"""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.history import _engine
from bvr.gcp import Queries
from bvr.register.keys import TinkCipher
from bvr.simulate.delivered import rows, submissions, synthetic_keyset
from bvr.simulate.nation import nation
from bvr.statistics.figures.catalogue import FAMILIES
from bvr.statistics.figures.tables import name

SHARES = (0.02, 0.1, 0.3)
AT = datetime(2025, 2, 10, 3, 17, tzinfo=UTC)
BATCH = 10_000
SCHEMAS = Path(__file__).resolve().parents[1] / "bigquery_schemas"

# Ten figures by municipality, sex, age and code, on the nested rows: what somebody would write who needs just these.
_HAND = """
WITH s AS (
  SELECT kommunenummer, sak, sak.personalia[1].kjonn AS kjonn, 2024 - year(sak.personalia[1].fodseldato) AS alder,
    hex(sak.personalia[1].fodselsnummer) AS barn
  FROM (
    SELECT *, row_number() OVER (PARTITION BY orgnr, sak_id ORDER BY dato_uttrekk DESC, mottatt DESC) AS nr
    FROM {innsending}
  ) WHERE nr = 1 AND utfall = 'REGISTERED'
),
m AS (SELECT kommunenummer, kjonn, alder, barn, unnest(sak.melding) AS x FROM s),
u AS (SELECT kommunenummer, kjonn, alder, barn, unnest(sak.undersokelse) AS x FROM s),
t AS (SELECT kommunenummer, kjonn, alder, barn, unnest(sak.tiltak) AS x FROM s)
SELECT 'mottatt' AS tall, kommunenummer, kjonn, alder, NULL AS kode, count(*) AS verdi, count(DISTINCT barn) AS n FROM m
  WHERE year(x.start_dato) = 2024 GROUP BY CUBE (kommunenummer, kjonn, alder)
UNION ALL SELECT 'konkludert', kommunenummer, kjonn, alder, x.konklusjon.kode, count(*), count(DISTINCT barn) FROM m
  WHERE year(x.konklusjon.slutt_dato) = 2024 GROUP BY CUBE (kommunenummer, kjonn, alder, x.konklusjon.kode)
UNION ALL SELECT 'sent', kommunenummer, NULL, NULL, NULL, count(*), count(DISTINCT barn) FROM m
  WHERE year(x.konklusjon.slutt_dato) = 2024 AND x.konklusjon.slutt_dato - x.start_dato > 7 GROUP BY kommunenummer
UNION ALL SELECT 'startet', kommunenummer, kjonn, alder, NULL, count(*), count(DISTINCT barn) FROM u
  WHERE year(x.start_dato) = 2024 GROUP BY CUBE (kommunenummer, kjonn, alder)
UNION ALL SELECT 'avsluttet', kommunenummer, kjonn, alder, x.konklusjon.kode, count(*), count(DISTINCT barn) FROM u
  WHERE year(x.konklusjon.slutt_dato) = 2024 GROUP BY CUBE (kommunenummer, kjonn, alder, x.konklusjon.kode)
UNION ALL SELECT 'innen 3', kommunenummer, NULL, NULL, NULL, count(*), count(DISTINCT barn) FROM u
  WHERE year(x.konklusjon.slutt_dato) = 2024 AND x.konklusjon.slutt_dato <= x.start_dato + INTERVAL 3 MONTH
  GROUP BY kommunenummer
UNION ALL SELECT 'tiltak', kommunenummer, kjonn, alder, NULL, count(DISTINCT barn), count(DISTINCT barn) FROM t
  WHERE x.start_dato <= DATE '2024-12-31' AND coalesce(x.konklusjon.slutt_dato, DATE '9999-01-01') >= DATE '2024-01-01'
  GROUP BY CUBE (kommunenummer, kjonn, alder)
UNION ALL SELECT 'tiltak 31.12', kommunenummer, kjonn, alder, NULL, count(DISTINCT barn), count(DISTINCT barn) FROM t
  WHERE x.start_dato <= DATE '2024-12-31' AND coalesce(x.konklusjon.slutt_dato, DATE '9999-01-01') > DATE '2024-12-31'
  GROUP BY CUBE (kommunenummer, kjonn, alder)
UNION ALL SELECT 'plassert', kommunenummer, kjonn, alder, x.kategori.kode, count(DISTINCT barn), count(DISTINCT barn)
  FROM t
  WHERE x.start_dato <= DATE '2024-12-31' AND coalesce(x.konklusjon.slutt_dato, DATE '9999-01-01') > DATE '2024-12-31'
  AND x.kategori.kode SIMILAR TO '[12]\\.\\d+|8\\.2' GROUP BY CUBE (kommunenummer, kjonn, alder, x.kategori.kode)
UNION ALL SELECT 'kategori', kommunenummer, NULL, NULL, x.kategori.kode, count(*), count(DISTINCT barn) FROM t
  WHERE x.start_dato <= DATE '2024-12-31' AND coalesce(x.konklusjon.slutt_dato, DATE '9999-01-01') >= DATE '2024-01-01'
  GROUP BY kommunenummer, x.kategori.kode
"""


def national() -> list[str]:
    """Lines of the table: seconds of every family, in registers of three sizes."""
    import duckdb

    spent: dict[int, dict[str, float]] = {}
    for share in SHARES:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            with _engine(folder) as client:
                queries = Queries(client, "europe-north1")
                made = rows(submissions(nation(2024, share, seed=1)), TinkCipher(synthetic_keyset(1)))
                cases = 0
                while some := list(islice(made, BATCH)):
                    queries.insert("register.innsending", some)
                    cases += len(some)
                taken: dict[str, float] = {}
                for family in FAMILIES:
                    text = (SCHEMAS / "statistikk" / name(family) / "query.sql").read_text(encoding="utf-8")
                    start = time.perf_counter()
                    counted = f"CREATE OR REPLACE TABLE statistikk.{name(family)}__kandidat AS\n{text}"
                    queries.query(counted, {"run_time": AT})
                    taken[family] = time.perf_counter() - start
            connection = duckdb.connect(next((folder / "data").rglob("*.duckdb")), read_only=True)
            placed = dict(
                connection.execute(
                    "SELECT table_name, format('\"{}\".{}', schema_name, table_name) FROM duckdb_tables()"
                ).fetchall()
            )
            start = time.perf_counter()
            connection.execute(_HAND.format(**placed)).fetchall()
            taken["for hånd"] = time.perf_counter() - start
            connection.close()
            spent[cases] = taken
    return _lines(spent)


def _lines(spent: dict[int, dict[str, Any]]) -> list[str]:
    lines = [
        "## Key figures of a synthetic nation, local engine",
        "",
        "All sixty figures, three years, every period type and region; by hand: ten figures of one year, DuckDB alone.",
        "",
        f"| cases | {' | '.join(FAMILIES)} | sum, s | by hand, s | ratio | s per 10,000 cases |",
        f"| ---: | {' | '.join('---:' for _ in FAMILIES)} | ---: | ---: | ---: | ---: |",
    ]
    for cases, taken in spent.items():
        total = sum(taken[family] for family in FAMILIES)
        each = " | ".join(f"{taken[family]:.1f}" for family in FAMILIES)
        hand = taken["for hånd"]
        lines.append(
            f"| {cases:,} | {each} | {total:.1f} | {hand:.2f} | **{total / hand:.1f}** | {total / cases * 10_000:.1f} |"
        )
    return [*lines, ""]


if __name__ == "__main__":
    print("\n".join(national()))
