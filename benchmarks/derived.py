"""What is derived: who is one child, as the register grows; and the views of analysis against queries written by hand.

The local engine is DuckDB behind BigQuery's interface: what is measured is the shape of the work, not BigQuery's price.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.history import _engine, _seconds, fill, rows
from bvr.gcp import Queries
from bvr.model.analysis import _ELEMENTS, _place, begun
from bvr.register import identity, materialise, pseudonyms
from bvr.register.pseudonyms import TinkPrf

SIZES = (3_000, 10_000, 30_000)
DAY = 300
CASES = 30_000
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
Row = dict[str, Any]


def _cases(first: int, count: int, at: datetime, people: int) -> list[Row]:
    """Rows of register.innsending: a case each, of children drawn among some people."""
    rng = Random(first)  # noqa: S311
    found = []
    for n in range(first, first + count):
        number = hashlib.sha256(str(rng.randrange(people)).encode()).digest()[:20]
        found.append(
            {
                **{"melding_id": f"m{n}", "avsender_id": "a", "meldingstype": "t", "kanal": "fagsystem"},
                **{"mottatt": at, "behandlet": at, "innhold_sha256": f"i{n}", "regelsett": "1"},
                **{"utfall": "REGISTERED", "hoyeste_alvorlighet": "OK", "kvitterings_id": f"k{n}"},
                **{"innsending_id": f"i{n}", "orgnr": f"9{n % 300:08}", "kommunenummer": "0301", "sak_id": f"s{n}"},
                **{"dato_uttrekk": at, "antall_error": 0, "antall_warning": 0, "antall_info": 0},
                "sak": {
                    **{"id": f"S{n}", "start_dato": date(2024, 1, 1), "journalnummer": "1"},
                    "personalia": [
                        {
                            **{"id": f"p{n}", "start_dato": date(2024, 1, 1), "fodselsnummer": number},
                            **{"fodseldato": date(2015, 1, 1), "kjonn": "1", "nummertype": "FNR"},
                        }
                    ],
                },
            }
        )
    return found


def one_child() -> list[str]:
    """Lines of the table: what a day's submissions cost, in registers of three sizes."""
    lines = [
        "## One child: a day's submissions as the register grows, local engine",
        "",
        f"{DAY} new cases of a day, most of them of children that are known already. 1.00 = in the smallest register.",
        "",
        "| cases in the register | everything, s | a day, s | ratio | versions written |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    base = 0.0
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder, _engine(Path(folder)) as client:
            tables = Queries(client, "europe-north1")
            tables.insert("register.innsending", _cases(0, size, BEGIN, size * 4 // 5))
            start = time.perf_counter()
            identity.run(tables, BEGIN + timedelta(hours=1), everything=True)
            whole = time.perf_counter() - start
            days = []
            for day in range(1, 4):
                at = BEGIN + timedelta(days=day)
                tables.insert("register.innsending", _cases(size + day * DAY, DAY, at, size * 4 // 5))
                start = time.perf_counter()
                done = identity.run(tables, at + timedelta(hours=1))
                days.append(time.perf_counter() - start)
            day_s = sorted(days)[1]
            base = base or day_s
            lines.append(f"| {size:,} | {whole:.2f} | {day_s:.2f} | **{day_s / base:.2f}** | {done.endret} |")
    return [*lines, ""]


# (list of a case, list in each of its elements, (event, date) ...): what is dated in a case.
_DATED = (
    ("[sak]", "", ("Sak", "x.start_dato"), ("SakSlutt", "x.slutt_dato")),
    ("sak.melding", "", ("Melding", "x.start_dato"), ("MeldingKonklusjon", "x.konklusjon.slutt_dato")),
    (
        *("sak.undersokelse", "", ("Undersokelse", "x.start_dato")),
        *(("BarnetsMedvirkning", "x.barnets_medvirkning.start_dato"), ("UtvidetFrist", "x.utvidet_frist.start_dato")),
        ("UndersokelseKonklusjon", "x.konklusjon.slutt_dato"),
    ),
    ("sak.plan", "", ("Plan", "x.start_dato"), ("PlanKonklusjon", "x.konklusjon.slutt_dato")),
    ("sak.plan", "x.evaluering", ("Evaluering", "y.utfort_dato")),
    ("sak.tiltak", "", ("Tiltak", "x.start_dato"), ("TiltakKonklusjon", "x.konklusjon.slutt_dato")),
    ("sak.tiltak", "x.tilsyn.ansvarlig", ("TilsynAnsvarlig", "y.start_dato")),
    ("sak.tiltak", "x.tilsyn.hyppighet", ("TilsynHyppighet", "y.start_dato")),
    ("sak.tiltak", "x.tilsyn.utfort", ("TilsynUtfort", "y.utfort_dato")),
    ("sak.tiltak", "x.oppfolging.hyppighet", ("OppfolgingHyppighet", "y.start_dato")),
    ("sak.tiltak", "x.oppfolging.utfort", ("OppfolgingUtfort", "y.utfort_dato")),
    ("sak.vedtak", "", ("Vedtak", "x.start_dato"), ("VedtakKonklusjon", "x.konklusjon.slutt_dato")),
    ("sak.vedtak", "x.krav", ("Krav", "y.start_dato"), ("KravKonklusjon", "y.konklusjon.slutt_dato")),
    ("sak.vedtak", "x.status", ("Status", "y.endret_dato")),
    ("sak.ettervern", "", ("Ettervern", "x.tilbud_sendt_dato"), ("EttervernKonklusjon", "x.konklusjon.slutt_dato")),
    ("sak.oversendelse_fylkesnemnd", "", ("OversendelseFylkesnemnd", "x.start_dato")),
    ("sak.flytting", "", ("Flytting", "x.slutt_dato")),
)
_NOT_LISTED = (
    "x.er_slettet IS NOT TRUE AND NOT list_contains(list_transform(coalesce(borte, []), lambda b: lower(b.id)), "
    "lower(x.id))"
)


def _events(where: str) -> str:
    """The events of some cases, by hand: (orgnr, sak_id, kommunenummer, h.type, h.dato)."""
    parts = []
    for path, inner, *events in _DATED:
        each = ", ".join(f"{{{{'type': '{kind}', 'dato': {dato}}}}}" for kind, dato in events)
        inside = f", unnest({inner}) AS y" if inner else ""
        parts.append(
            f"SELECT orgnr, sak_id, kommunenummer, unnest([{each}]) AS h FROM (SELECT *{inside} FROM (SELECT orgnr, "
            f"sak_id, kommunenummer, sak.slettet AS borte, unnest({path}) AS x FROM {{sak_tabell}} {where}) "
            f"WHERE {_NOT_LISTED})"
        )
    return " UNION ALL ".join(parts)


def _asked() -> dict[str, tuple[str, str]]:
    """View -> (a question of one municipality, the same by hand on the tables behind the view)."""
    grounds = "{analyse_grunnlag} AS g"
    one = "g.formal = 'maling' AND g.kommunenummer = $kommune"
    found = {}
    for concept in _ELEMENTS:
        name, began = _place(concept), begun(concept)
        found[name] = (
            f"SELECT DATE_TRUNC(t.{began}, MONTH) AS maned, COUNT(*) AS antall FROM analyse.{name} AS t "
            "WHERE t.formal = 'maling' AND t.kommunenummer = @kommune GROUP BY maned ORDER BY maned",
            f"SELECT date_trunc('month', x.{began}) AS maned, COUNT(*) AS antall FROM {grounds} JOIN ("
            f"SELECT orgnr, sak_id, sak.slettet AS borte, unnest(sak.{name}) AS x FROM {{sak_tabell}} "
            f"WHERE kommunenummer = $kommune) AS s ON s.orgnr = g.orgnr AND s.sak_id = g.sak_id "
            f"AND year(x.{began}) = g.aar WHERE {one} AND x.er_slettet IS NOT TRUE "
            f"AND NOT list_contains(list_transform(list_filter(coalesce(borte, []), lambda b: b.type = "
            f"'{concept.__name__}'), lambda b: lower(b.id)), lower(x.id)) GROUP BY 1 ORDER BY 1",
        )
    found["relasjon"] = (
        "SELECT t.fra_type, t.til_type, COUNT(*) AS antall FROM analyse.relasjon AS t "
        "WHERE t.formal = 'maling' AND t.kommunenummer = @kommune GROUP BY t.fra_type, t.til_type ORDER BY 1, 2",
        "WITH s AS (SELECT * FROM {sak_tabell} WHERE kommunenummer = $kommune), element AS ("
        + " UNION ".join(
            f"SELECT orgnr, sak_id, '{c.__name__}' AS type, year(x.{begun(c)}) AS aar, lower(x.id) AS id, "
            "unnest([lower(x.id), lower(x.migrert_id)]) AS nokkel FROM (SELECT orgnr, sak_id, sak.slettet AS borte, "
            f"unnest(sak.{_place(c)}) AS x FROM s) WHERE {_NOT_LISTED}"
            for c in _ELEMENTS
        )
        + "), lenke AS (SELECT orgnr, sak_id, x FROM (SELECT orgnr, sak_id, sak.slettet AS borte, "
        f"unnest(sak.relasjon) AS x FROM s) WHERE {_NOT_LISTED}) "
        "SELECT fra, til, COUNT(*) AS antall FROM (SELECT DISTINCT g.sak, x.fra_type AS fra, x.til_type AS til, f.id, "
        "t.id FROM lenke JOIN element AS f ON f.orgnr = lenke.orgnr AND f.sak_id = lenke.sak_id AND f.type = x.fra_type "
        "AND f.nokkel = lower(x.fra_id) JOIN element AS t ON t.orgnr = lenke.orgnr AND t.sak_id = lenke.sak_id AND "
        f"t.type = x.til_type AND t.nokkel = lower(x.til_id) JOIN {grounds} ON g.orgnr = lenke.orgnr AND g.sak_id = "
        "lenke.sak_id AND g.aar = f.aar JOIN {analyse_grunnlag} AS h ON h.orgnr = g.orgnr AND h.sak_id = g.sak_id AND "
        f"h.formal = g.formal AND h.aar = t.aar WHERE {one}) GROUP BY 1, 2 ORDER BY 1, 2",
    )
    dated = f"JOIN {grounds} ON g.orgnr = e.orgnr AND g.sak_id = e.sak_id AND g.aar = year(h.dato)"
    found["hendelse"] = (
        "SELECT t.type, COUNT(*) AS antall FROM analyse.hendelse AS t "
        "WHERE t.formal = 'maling' AND t.kommunenummer = @kommune GROUP BY t.type ORDER BY t.type",
        f"SELECT h.type, COUNT(*) AS antall FROM ({_events('WHERE kommunenummer = $kommune')}) AS e {dated} "
        f"WHERE {one} GROUP BY 1 ORDER BY 1",
    )
    found["barn_forlop"] = (
        "SELECT COUNT(*) AS antall FROM analyse.barn_forlop AS t "
        "WHERE t.formal = 'maling' AND t.kommunenummer = @kommune AND t.ny_kommune",
        "SELECT COUNT(*) AS antall FROM (SELECT kommunenummer, lag(kommunenummer) OVER (PARTITION BY barn ORDER BY dato, "
        "type, kommunenummer) AS forrige FROM (SELECT g.barn, g.kommunenummer, h.dato, h.type "
        f"FROM ({_events('')}) AS e {dated} WHERE g.formal = 'maling')) "
        "WHERE kommunenummer = $kommune AND forrige != kommunenummer",
    )
    found["sak"] = (
        "SELECT COUNT(*) AS saker, COUNTIF(t.slutt_dato IS NULL) AS apne FROM analyse.sak AS t "
        "WHERE t.formal = 'maling' AND t.kommunenummer = @kommune",
        "SELECT COUNT(*) AS saker, COUNT(*) FILTER (WHERE slutt IS NULL) AS apne FROM (SELECT g.sak, "
        f"any_value(s.sak.slutt_dato) AS slutt FROM {grounds} JOIN {{sak_tabell}} AS s ON s.orgnr = g.orgnr "
        f"AND s.sak_id = g.sak_id WHERE {one} GROUP BY g.sak)",
    )
    found["barn"] = (
        "SELECT t.kjonn, COUNT(*) AS barn, SUM(t.antall_saker) AS saker FROM analyse.barn AS t "
        "WHERE t.formal = 'maling' AND t.kommunenummer = @kommune GROUP BY t.kjonn ORDER BY t.kjonn",
        "WITH p AS (SELECT orgnr, sak_id, unnest(sak.personalia) AS x, sak.slettet AS borte FROM {sak_tabell}), "
        "b AS (SELECT g.barn, COUNT(DISTINCT g.sak) AS saker, arg_max(g.kommunenummer, (g.aar, g.kommunenummer)) AS "
        "kommune, arg_max(p.x.kjonn, p.x.start_dato) AS kjonn FROM "
        f"{grounds} JOIN p ON p.orgnr = g.orgnr AND p.sak_id = g.sak_id AND {_NOT_LISTED} "
        "WHERE g.formal = 'maling' GROUP BY g.barn) "
        "SELECT kjonn, COUNT(*) AS barn, SUM(saker) AS saker FROM b WHERE kommune = $kommune GROUP BY 1 ORDER BY 1",
    )
    return found


def analysis_views() -> list[str]:
    """Lines of the table: each view's question against the same by hand."""
    import duckdb

    questions = _asked()
    told: dict[str, list[Any]] = {}
    spent: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with _engine(folder) as client:
            tables = Queries(client, "europe-north1")
            base = rows()
            fill(tables, base, CASES, 1)
            purpose = {"formal": "maling", "beskrivelse": "m", "hjemmel": "h", "dato_presisjon": "DAG"}
            tables.insert("grunnlag.formal", [{**purpose, "kohort": False, "gyldig_fra": date(2000, 1, 1)}])
            at = datetime.now(UTC)
            materialise.run(tables, at, everything=True)
            identity.run(tables, at, everything=True)
            pseudonyms.run(tables, TinkPrf(pseudonyms.new_keyset()), at, at.date(), everything=True)
            (held,) = tables.query("SELECT COUNT(*) AS saker FROM register.sak_tabell")
            kommune = {"kommune": base[0]["kommunenummer"]}
            for view, (sql, _) in questions.items():
                told[view] = [tuple(r.values()) for r in tables.query(sql, kommune)]
                nothing = sql.replace("WHERE ", "WHERE FALSE AND ")
                spent[view] = [_seconds(lambda q=q: tables.query(q, kommune)) for q in (sql, nothing)]  # type: ignore[misc]
        connection = duckdb.connect(next((folder / "data").rglob("*.duckdb")), read_only=True)
        placed = connection.execute(
            "SELECT table_name, format('\"{}\".{}', schema_name, table_name) FROM duckdb_tables()"
        ).fetchall()
        for view, (_, sql) in questions.items():
            by_hand = sql.format(**dict(placed))
            found = [tuple(_day(v) for v in r) for r in connection.execute(by_hand, kommune).fetchall()]
            assert found == [tuple(_day(v) for v in r) for r in told[view]], view
            spent[view].append(_seconds(lambda q=by_hand: connection.execute(q, kommune).fetchall()))  # type: ignore[misc]
        connection.close()
    lines = [
        "## The views of analysis, local engine",
        "",
        f"{held['saker']:,} cases; a question about one municipality, asked before. By hand: DuckDB alone, on the same "
        "tables. Through a view: BigQuery's interface as well, which costs what the same question costs of no rows "
        "(`WHERE FALSE AND ...`); the last column is without it.",
        "",
        "| view | by hand, ms | view, ms | of no rows, ms | ratio |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for view, (seconds, interface, hand) in spent.items():
        own = max(seconds - interface, 0.0) / hand
        lines.append(f"| {view} | {hand * 1000:.0f} | {seconds * 1000:.0f} | {interface * 1000:.0f} | **{own:.2f}** |")
    return [*lines, ""]


def _day(value: Any) -> Any:
    return (
        value.date() if isinstance(value, datetime) else value if isinstance(value, date | str | None) else int(value)
    )


if __name__ == "__main__":
    print("\n".join(one_child() + analysis_views()))
