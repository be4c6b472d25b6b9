"""A query with one thing changed must fail a case: otherwise the cases say less than the query."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from functools import cache
from typing import Any

import pytest

from tests.sql import notation
from tests.sql.googlesql import declared
from tests.sql.test_queries import text

pytestmark = pytest.mark.slow

BOTH = [
    ("- 2,", "- 1,"),
    ("'Europe/Oslo')) - 2", "'Europe/Oslo')) - 3"),
    (
        "SELECT DISTINCT kommunenummer FROM register.sak_historikk_per(@run_time)",
        "SELECT DISTINCT kommunenummer FROM gjeldende",
    ),
    ("pers.er_slettet IS NOT TRUE", "TRUE"),
    ("borte.type = 'Personalia' AND", ""),
    ("borte.type = 'Personalia'", "borte.type = 'Sak'"),
    ("LOWER(borte.id)", "borte.id"),
    ("LOWER(pers.id)", "pers.id"),
    ("IN ('FNR', 'DNR')", "IN ('FNR')"),
    ("IN ('FNR', 'DNR')", "IN ('FNR', 'DNR', 'PLASSHOLDER')"),
    ("IN ('FNR', 'DNR')", "IN ('FNR', 'DNR', 'UGYLDIG')"),
    ("WHEN pers.duf_nummer IS NOT NULL THEN", "WHEN FALSE THEN"),
    ("TO_HEX(pers.duf_nummer)", "TO_HEX(pers.fodselsnummer)"),
    ("ELSE CONCAT('S', g.orgnr, g.sak_id)", "ELSE CONCAT('S', g.orgnr)"),
    ("ELSE CONCAT('S', g.orgnr, g.sak_id)", "ELSE CONCAT('N', TO_HEX(pers.fodselsnummer))"),
    ("IF(b.kjonn IN ('1', '2'), b.kjonn, '0')", "IFNULL(b.kjonn, '1')"),
    ("alder < 3 ", "alder <= 3 "),
    ("alder < 6 ", "alder <= 6 "),
    ("alder < 13 ", "alder <= 13 "),
    ("alder < 18 ", "alder <= 18 "),
    ("alder < 25 ", "alder <= 25 "),
    ("< FORMAT_DATE('%m%d',", "<= FORMAT_DATE('%m%d',"),
    ("WHERE borte.id IS NULL\n    QUALIFY", "QUALIFY"),
    ("borte.sak_id = ", "borte.orgnr IS NOT NULL OR borte.sak_id = "),
]
MELDING = [
    ("<= DATE(@run_time", "< DATE(@run_time"),
    ("m.er_slettet IS NOT TRUE", "TRUE"),
    ("borte.type = 'Melding' AND", ""),
    ("LOWER(m.id)", "m.id"),
    ("BETWEEN p.fra AND p.til", "> p.fra AND m.start_dato <= p.til"),
    ("BETWEEN p.fra AND p.til", ">= p.fra AND m.start_dato < p.til"),
    ("IF(pers.start_dato <= p.til, 0, 1)", "IF(pers.start_dato < p.til, 0, 1)"),
    ("IF(pers.start_dato <= p.til, 0, 1),", ""),
    ("DATE_DIFF(p.til, pers.start_dato, DAY), DATE_DIFF", "DATE_DIFF(pers.start_dato, p.til, DAY), DATE_DIFF"),
    ("IFNULL(b.nokkel, CONCAT('S', m.orgnr, m.sak_id))", "b.nokkel"),
    ("pers.kjonn = '0',", "FALSE,"),
    ("OR b.alder < 0 ", ""),
    ("COUNT(DISTINCT nokkel)", "COUNT(*)"),
    ("COUNT(*) AS verdi", "COUNT(DISTINCT nokkel) AS verdi"),
    ("6 AS til_maaned, 30 AS til_dag", "6 AS til_maaned, 29 AS til_dag"),
    ("FROM register.sak_per(@run_time)", "FROM register.sak_historikk_per(@run_time)"),
    ("t.kommunenummer = k.kommunenummer AND", ""),
]
TILTAK = [
    ("< DATE(@run_time", "<= DATE(@run_time"),
    ("t.er_slettet IS NOT TRUE", "TRUE"),
    ("borte.type = 'Tiltak' AND", ""),
    ("LOWER(t.id)", "t.id"),
    ("t.start_dato <= d.d", "t.start_dato < d.d"),
    ("t.slutt_dato > d.d", "t.slutt_dato >= d.d"),
    ("t.slutt_dato IS NULL OR ", ""),
    ("IFNULL(t.konklusjon.slutt_dato, g.sak.slutt_dato)", "t.konklusjon.slutt_dato"),
    ("IFNULL(t.konklusjon.slutt_dato, g.sak.slutt_dato)", "IFNULL(g.sak.slutt_dato, t.konklusjon.slutt_dato)"),
    ("IF(pers.start_dato <= d.d, 0, 1),", ""),
    ("IFNULL(b.nokkel, CONCAT('S', t.orgnr, t.sak_id))", "b.nokkel"),
    ("OR b.kjonn = '0' THEN", "THEN"),
    ("WHEN alder < 0 THEN 'U'", ""),
    ("t.lovhjemmel.lov = 'BVL2021' AND", ""),
    ("t.lovhjemmel.kapittel = '5' AND", ""),
    ("AND t.lovhjemmel.paragraf = '1')", ")"),
    ("t.lovhjemmel.lov = 'BVL' AND", ""),
    ("AND t.lovhjemmel.kapittel = '4'\n", "\n"),
    ("t.lovhjemmel.paragraf = '12'", "FALSE"),
    ("t.lovhjemmel.paragraf = '8'", "TRUE"),
    ("'2' IN UNNEST(t.lovhjemmel.ledd)", "FALSE"),
    ("'3' IN UNNEST(t.lovhjemmel.ledd)", "FALSE"),
    ("jmfr.kapittel = '4' AND", ""),
    ("AND jmfr.paragraf = '12'", ""),
    ("LOGICAL_OR(t.omsorg)", "LOGICAL_AND(t.omsorg)"),
    ("FROM register.sak_per(@run_time)", "FROM register.sak_historikk_per(@run_time)"),
    ("'N' AS periodetype", "'D' AS periodetype"),
    ("6 AS maaned, 30 AS dag", "6 AS maaned, 29 AS dag"),
]
MUTATIONS = [
    *(("meldinger_mottatt_v1", old, new) for old, new in [*BOTH, *MELDING]),
    *(("barn_tiltak_dato_v1", old, new) for old, new in [*BOTH, *TILTAK]),
]


@cache
def together(query: str) -> dict[datetime, tuple[list[Any], list[dict[str, Any]]]]:
    """The cases of a query in one table for each time of run: the municipalities of each case are its own."""
    found: dict[datetime, tuple[list[Any], list[dict[str, Any]]]] = defaultdict(lambda: ([], []))
    for of, _, case in notation.cases():
        if of == query:
            cases, rows = found[notation.run_time(case)]
            mark = f"{len(cases)}:"
            cases.append(case)
            for row in notation.rows(case):
                rows.append({**row, "kommunenummer": mark + row["kommunenummer"], "orgnr": mark + row["orgnr"]})
    return found


def sees(query: str, sql: str) -> bool:
    """Whether some case has another result than it expects."""
    for at, (cases, rows) in together(query).items():
        result = declared().rows(sql, {"register.innsending": rows}, run_time=("TIMESTAMP", at))
        for number, case in enumerate(cases):
            mark = f"{number}:"
            own = [
                {**one, "kommunenummer": one["kommunenummer"].removeprefix(mark)}
                for one in result
                if one["kommunenummer"].startswith(mark)
            ]
            try:
                if notation.compared(case, own) != notation.expected(case):
                    return True
            except AssertionError:  # two rows for one cell
                return True
    return False


@pytest.mark.parametrize("query", ["meldinger_mottatt_v1", "barn_tiltak_dato_v1"])
def test_the_unchanged_query_passes(query):
    assert not sees(query, text(query))


@pytest.mark.parametrize(("query", "old", "new"), MUTATIONS)
def test_a_changed_query_fails_a_case(query, old, new):
    sql = text(query)
    changed = sql.replace(old, new)
    assert changed != sql, "the query no longer has this text: change the mutation with it"
    declared().check(changed, run_time="TIMESTAMP")
    assert sees(query, changed)
