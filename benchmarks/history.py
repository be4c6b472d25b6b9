"""The current register in the local engine: the view and the table against a query written by hand for DuckDB.

The local engine is DuckDB behind BigQuery's interface. What is measured here is what the translation and the shape of
the views cost; BigQuery itself plans, stores and caches otherwise.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bvr.chain import NothingKnown
from bvr.gcp import Queries
from bvr.intake.envelope import Envelope, read_envelope
from bvr.intake.payload import open_payload
from bvr.intake.sender import Senders
from bvr.model.bigquery import columns
from bvr.model.innsending import Innsending
from bvr.pipeline import Message, Settings, process
from bvr.register import materialise
from bvr.register.keys import TinkCipher, new_keyset
from bvr.register.rows import row
from bvr.rules.options import RuleOptions
from bvr.simulate import simulate
from bvr.simulate.senders import rights
from emulator import schemas

CASES, SUBMISSIONS = 30_000, 3
_ROUNDS = 7

# Question -> (SQL on `{source}`, the same by hand on the cases `g` that are current). Of one municipality.
QUESTIONS = {
    "cases open": (
        "SELECT COUNT(*) AS saker, COUNTIF(s.sak.slutt_dato IS NULL) AS aapne "
        "FROM {source} AS s WHERE s.kommunenummer = @kommune",
        "SELECT COUNT(*) AS saker, COUNT(*) FILTER (WHERE sak.slutt_dato IS NULL) AS aapne FROM g",
    ),
    "measures by category": (
        "SELECT t.kategori.kode AS kode, COUNT(*) AS antall FROM {source} AS s, UNNEST(s.sak.tiltak) AS t "
        "WHERE s.kommunenummer = @kommune AND t.er_slettet IS NOT TRUE GROUP BY kode ORDER BY kode",
        "SELECT t.kategori.kode AS kode, COUNT(*) AS antall FROM (SELECT unnest(sak.tiltak) AS t FROM g) "
        "WHERE t.er_slettet IS NOT TRUE GROUP BY kode ORDER BY kode",
    ),
    "reports by year": (
        "SELECT EXTRACT(YEAR FROM m.start_dato) AS aar, COUNT(*) AS antall "
        "FROM {source} AS s, UNNEST(s.sak.melding) AS m "
        "WHERE s.kommunenummer = @kommune AND m.er_slettet IS NOT TRUE GROUP BY aar ORDER BY aar",
        "SELECT year(m.start_dato) AS aar, COUNT(*) AS antall FROM (SELECT unnest(sak.melding) AS m FROM g) "
        "WHERE m.er_slettet IS NOT TRUE GROUP BY aar ORDER BY aar",
    ),
}
# By hand: number the keys alone, and read the cases of the rows that are left.
BY_HAND = """
WITH kjent AS (
  SELECT rowid AS rad, * EXCLUDE (funn, ikke_kontrollert, fagsystem, avgiver, sak)
  FROM {table}
  WHERE utfall != 'REJECTED'
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY orgnr, innsending_id, innhold_sha256 ORDER BY regelsett DESC, mottatt, melding_id, behandlet
  ) = 1
), siste AS (
  SELECT rad, kommunenummer, utfall, er_slettet FROM kjent
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY orgnr, sak_id ORDER BY dato_uttrekk DESC, mottatt DESC, innsending_id DESC, innhold_sha256 DESC
  ) = 1
), g AS (
  SELECT sak FROM {table}
  WHERE rowid IN (
    SELECT rad FROM siste WHERE utfall = 'REGISTERED' AND er_slettet IS NOT TRUE AND kommunenummer = $kommune
  )
)
{question}
"""


def rows(cases: int = 300) -> list[dict[str, Any]]:
    """The last submission of each of some simulated cases, through the real pipeline."""
    cipher, allowed = TinkCipher(new_keyset()), Settings(options=RuleOptions(allow_synthetic=True))
    senders = Senders(rights())
    found: dict[Any, dict[str, Any]] = {}
    for submission in simulate(20, cases, 40, 4):
        envelope = read_envelope(submission.attributes)
        assert isinstance(envelope, Envelope)
        message = Message(
            envelope=envelope,
            payload=open_payload(submission.body, envelope, submission.sent),
            received=submission.sent,
            handled=submission.sent,
        )
        made = row(process(message, NothingKnown(), allowed, senders), cipher)
        if made["utfall"] == "REGISTERED":
            found[made["orgnr"], made["sak_id"]] = made
    return list(found.values())


def fill(queries: Queries, base: list[dict[str, Any]], cases: int, submissions: int) -> None:
    """Make the cases many, each with some submissions a day apart; the later a submission, the later its extract."""
    queries.insert("register.innsending", base)
    changed = {
        "melding_id": "CONCAT(melding_id, '/', CAST(n AS STRING), '/', CAST(k AS STRING))",
        "innsending_id": "CONCAT(innsending_id, '/', CAST(n AS STRING), '/', CAST(k AS STRING))",
        "innhold_sha256": "CONCAT(innhold_sha256, '/', CAST(n AS STRING), '/', CAST(k AS STRING))",
        "sak_id": "CONCAT(sak_id, '/', CAST(n AS STRING))",
        "dato_uttrekk": "TIMESTAMP_ADD(dato_uttrekk, INTERVAL k DAY)",
        "mottatt": "TIMESTAMP_ADD(mottatt, INTERVAL k DAY)",
        "behandlet": "TIMESTAMP_ADD(behandlet, INTERVAL k DAY)",
    }
    names = [column["name"] for column in columns(Innsending)]
    queries.query(
        f"INSERT INTO register.innsending ({', '.join(names)}) "
        f"SELECT {', '.join(changed.get(name, name) for name in names)} FROM register.innsending "
        f"CROSS JOIN UNNEST(GENERATE_ARRAY(1, {cases // len(base)})) AS n "
        f"CROSS JOIN UNNEST(GENERATE_ARRAY(1, {submissions})) AS k"
    )


@contextmanager
def _engine(folder: Path) -> Iterator[Any]:
    from tests.emulated.local_cloud.conftest import bigquery_server

    with bigquery_server(folder, "--data-dir", str(folder / "data")) as server:
        client, declared = server.client(), schemas.read()
        for dataset in sorted({one.dataset for one in declared}):
            client.create_dataset(dataset)
        schemas.create(client, declared)
        yield client


def _seconds(work: Callable[[], object]) -> float:
    found = []
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return statistics.median(found)


def current_register(cases: int = CASES, submissions: int = SUBMISSIONS) -> list[str]:
    """Lines of the table: seconds of each question by hand, of the view and of the table, and what a run costs."""
    import duckdb

    by_way: dict[str, dict[str, float]] = {}
    answers: dict[str, dict[str, Any]] = {}
    lines: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with _engine(folder) as client:
            queries = Queries(client, "europe-north1")
            base = rows()
            fill(queries, base, cases, submissions)
            (held,) = queries.query(
                "SELECT COUNT(*) AS rader, COUNT(DISTINCT sak_id) AS saker FROM register.innsending"
            )
            kommune = {"kommune": base[0]["kommunenummer"]}
            at = datetime.now(UTC)
            start = time.perf_counter()
            whole = materialise.run(queries, at, everything=True)
            first = time.perf_counter() - start
            day = dict(base[0]) | {"behandlet": at + timedelta(minutes=5), "melding_id": "ny", "innsending_id": "ny"}
            queries.insert("register.innsending", [day | {"mottatt": day["behandlet"], "innhold_sha256": "ny"}])
            start = time.perf_counter()
            some = materialise.run(queries, at + timedelta(minutes=10))
            later = time.perf_counter() - start
            trivial = _seconds(lambda: queries.query("SELECT 1 AS en"))
            events = _seconds(
                lambda: queries.query(
                    "SELECT type, COUNT(*) AS antall FROM register.hendelse "
                    "WHERE kommunenummer = @kommune GROUP BY type",
                    kommune,
                )
            )
            changes = _seconds(
                lambda: queries.query(
                    "SELECT endring, COUNT(*) AS antall FROM register.endring "
                    "WHERE orgnr = @orgnr AND sak_id = @sak GROUP BY endring",
                    {"orgnr": base[0]["orgnr"], "sak": f"{base[0]['sak_id']}/1"},
                )
            )
            for question, (sql, _) in QUESTIONS.items():
                for source in ("sak_gjeldende", "sak_tabell"):
                    asked = sql.format(source=f"register.{source}")
                    answers.setdefault(question, {})[source] = [
                        tuple(r.values()) for r in queries.query(asked, kommune)
                    ]
                    by_way.setdefault(question, {})[source] = _seconds(lambda q=asked: queries.query(q, kommune))  # type: ignore[misc]
        connection = duckdb.connect(next((folder / "data").rglob("*.duckdb")), read_only=True)
        (table,) = connection.execute(
            "SELECT format('{}.{}', '\"' || schema_name || '\"', table_name) FROM duckdb_tables() "
            "WHERE table_name = 'innsending'"
        ).fetchone() or ("",)
        for question, (_, sql) in QUESTIONS.items():
            by_hand = BY_HAND.format(table=table, question=sql)
            answers[question]["hand"] = connection.execute(by_hand, kommune).fetchall()
            by_way[question]["hand"] = _seconds(lambda q=by_hand: connection.execute(q, kommune).fetchall())  # type: ignore[misc]
        connection.close()
    for question, found in answers.items():
        assert found["hand"] == found["sak_gjeldende"] == found["sak_tabell"], question
    lines += [
        "## The current register, local engine",
        "",
        f"{held['saker']:,} cases, {held['rader']:,} submissions; questions about one municipality. By hand: DuckDB "
        "alone, in this process. The others: BigQuery's interface, of which a query of nothing is "
        f"{trivial * 1000:.0f} ms.",
        "",
        "| question | by hand, ms | sak_gjeldende, ms | ratio | sak_tabell, ms | ratio |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for question, found in by_way.items():
        hand, view, table = found["hand"], found["sak_gjeldende"], found["sak_tabell"]
        lines.append(
            f"| {question} | {hand * 1000:.0f} | {view * 1000:.0f} | {view / hand:.2f} | {table * 1000:.0f} "
            f"| {table / hand:.2f} |"
        )
    return [
        *lines,
        "",
        f"`sak_tabell`: the run of everything {first:.1f} s ({whole.antall:,} cases), a run with one new submission "
        f"{later:.1f} s ({some.antall:,} cases looked at). `hendelse`, events by type in a municipality: "
        f"{events * 1000:.0f} ms. `endring`, what changed in one case: {changes * 1000:.0f} ms.",
        "",
    ]


if __name__ == "__main__":
    print("\n".join(current_register()))
