"""The query of each family of figures: facts, elements in periods, what each counts in, and the sums.

All figures of a family are made in one pass: every element of a period is given the figures it is part of, and they are
summed by region, sex, age group and code at once.
"""

# ruff: noqa: S608
# SQL of declarations: nothing that anybody sends becomes part of it.

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from bvr.statistics.figures import facts, law
from bvr.statistics.figures.declared import Family, Figure

_NO = "CAST(NULL AS STRING)"


def _with(parts: list[str]) -> str:
    return ",\n".join(parts)


_AGE = """IF(
        b.fodseldato IS NULL OR b.fodseldato > p.til,
        -1,
        DATE_DIFF(p.til, b.fodseldato, YEAR)
          - IF(FORMAT_DATE('%m%d', p.til) < FORMAT_DATE('%m%d', b.fodseldato), 1, 0)
      )"""
_GROUP = """CASE
        WHEN alder < 0 THEN 'U'
        WHEN alder < 3 THEN '0-2'
        WHEN alder < 6 THEN '3-5'
        WHEN alder < 13 THEN '6-12'
        WHEN alder < 18 THEN '13-17'
        WHEN alder < 25 THEN '18-24'
        ELSE '25+'
      END"""
_WHO = "b.orgnr = e.orgnr AND b.sak_id = e.sak_id AND b.fra <= p.til AND b.til > p.til"

# An element is in a period when it started by its end, and had not ended before it.
_IN = (
    "LEAST(e.start_dato, IFNULL(e.slutt_dato, e.start_dato)) <= p.til "
    "AND IFNULL(GREATEST(e.slutt_dato, e.start_dato), p.til) >= p.fra"
)


def _list(figures: list[Figure]) -> str:
    """The figures as an array of structs: which, whether, how much, and the codes."""
    none = "CAST(NULL AS INT64)"
    return ",\n      ".join(
        f"STRUCT('{f.id}' AS indikator, e.periodetype IN {law.listed(f.periods)} AND ({f.med}) AS med, "
        f"{f.teller} AS teller, {f.nevner or none} AS nevner, {f.kodeteller or f.teller} AS kodeteller, "
        f"{f.koder or 'CAST([] AS ARRAY<STRING>)'} AS koder)"
        for f in figures
    )


def _sums(given: str, figures: list[Figure]) -> str:
    """The cells of `bidrag`: one row per region, period and margin.

    Each child is summed first: counting the rows that are left is half the work of counting distinct children.
    """
    key = "indikator, periode, periodetype, region, niva"
    counted = "SUM(teller) AS teller, SUM(nevner) AS nevner, COUNTIF(teller > 0) AS n_barn, COUNT(*) AS n_barn_nevner"
    of_children = [f.id for f in figures if f.unit == "BARN"]
    unique = f"niva NOT IN ('KOMMUNE', 'BYDEL') AND indikator IN {law.listed(tuple(of_children))}"
    measure = f"IF({unique}, 'UNIK', 'SUM')" if of_children else "'SUM'"
    return f"""\
  per_barn AS (
    SELECT {key}, kjonn, aldersgruppe, nokkel, SUM(teller) AS teller, SUM(nevner) AS nevner
    FROM {given}
    GROUP BY GROUPING SETS (({key}, nokkel), ({key}, kjonn, nokkel), ({key}, aldersgruppe, nokkel))
  ),
  per_barn_og_kode AS (
    SELECT {key}, kode, nokkel, SUM(kodeteller) AS teller, SUM(nevner) AS nevner
    FROM {given} AS g, UNNEST(g.koder) AS kode
    WHERE kode IS NOT NULL
    GROUP BY {key}, kode, nokkel
  ),
  tall AS (
    SELECT {key}, IFNULL(kjonn, 'T') AS kjonn, IFNULL(aldersgruppe, 'T') AS aldersgruppe, 'T' AS kode,
      {counted}
    FROM per_barn
    GROUP BY {key}, kjonn, aldersgruppe
    UNION ALL
    SELECT {key}, 'T' AS kjonn, 'T' AS aldersgruppe, kode,
      {counted}
    FROM per_barn_og_kode
    GROUP BY {key}, kode
  ),
  celler AS (
    SELECT {measure} AS maal, * FROM tall{_rolled(tuple(of_children)) if of_children else ""}
  )"""


def _rolled(figures: tuple[str, ...]) -> str:
    """Sums of the municipalities, for children: one who is in two is counted in both (statistics 0.3)."""
    return f"""
    UNION ALL
    SELECT 'SUM' AS maal, t.indikator, t.periode, t.periodetype, o.region, o.niva, t.kjonn, t.aldersgruppe, t.kode,
      SUM(t.teller) AS teller, SUM(t.nevner) AS nevner, SUM(t.n_barn) AS n_barn, SUM(t.n_barn_nevner) AS n_barn_nevner
    FROM tall AS t
    JOIN (SELECT DISTINCT kommunenummer, region, niva FROM sted WHERE niva NOT IN ('KOMMUNE', 'BYDEL', 'BYDELER')) AS o
      ON o.kommunenummer = t.region AND t.niva = 'KOMMUNE'
    WHERE t.indikator IN {law.listed(figures)}
    GROUP BY t.indikator, t.periode, t.periodetype, o.region, o.niva, t.kjonn, t.aldersgruppe, t.kode
    UNION ALL
    SELECT 'SUM' AS maal, t.indikator, t.periode, t.periodetype, 'EAB' AS region, 'BYDELER' AS niva, t.kjonn,
      t.aldersgruppe, t.kode, SUM(t.teller) AS teller, SUM(t.nevner) AS nevner, SUM(t.n_barn) AS n_barn,
      SUM(t.n_barn_nevner) AS n_barn_nevner
    FROM tall AS t
    WHERE t.indikator IN {law.listed(figures)} AND t.niva = 'BYDEL' AND SUBSTR(t.region, 1, 4) = '0301'
      AND SUBSTR(t.region, 5) NOT IN ('16', '17', '99')
    GROUP BY t.indikator, t.periode, t.periodetype, t.kjonn, t.aldersgruppe, t.kode"""


def _end(figures: list[Figure]) -> str:
    """Every region has its totals in every period, zero included; shares and rates with one decimal."""
    named = ",\n      ".join(
        f"STRUCT('{f.id}' AS indikator, '{f.unit}' AS enhet, [{law.quoted(f.periods)}] AS typer, "
        f"{law.quoted((f.population,)) if f.population else _NO} AS befolkning, {f.per} AS per, "
        f"'{f.only}' AS bare)"
        for f in figures
    )
    return f"""\
  nokkeltall AS (
    SELECT n.indikator, n.enhet, n.befolkning, n.per, p.periode, p.periodetype, p.til
    FROM UNNEST([
      {named}
    ]) AS n
    CROSS JOIN periode AS p
    WHERE p.periodetype IN UNNEST(n.typer) AND ENDS_WITH(p.periode, n.bare)
  ),
  alle AS (
    SELECT n.*, s.region, s.niva, maal
    FROM nokkeltall AS n
    CROSS JOIN (SELECT DISTINCT region, niva FROM sted) AS s
    CROSS JOIN UNNEST(['SUM', 'UNIK']) AS maal
    WHERE maal = 'SUM' OR (n.enhet = 'BARN' AND s.niva NOT IN ('KOMMUNE', 'BYDEL'))
  )
SELECT
  a.indikator,
  a.region,
  a.niva,
  a.maal,
  a.periode,
  a.periodetype,
  IFNULL(c.kjonn, 'T') AS kjonn,
  IFNULL(c.aldersgruppe, 'T') AS aldersgruppe,
  IFNULL(c.kode, 'T') AS kode,
  IFNULL(c.teller, 0) AS verdi,
  IF(a.befolkning IS NULL, c.nevner, f.antall) AS nevner,
  -- KOSTRA rounds half away from zero, as ROUND does with NUMERIC.
  ROUND(
    SAFE_DIVIDE(
      CAST(a.per * IFNULL(c.teller, 0) AS NUMERIC), IF(a.befolkning IS NULL, c.nevner, f.antall)
    ),
    1
  ) AS andel,
  IFNULL(c.n_barn, 0) AS n_barn,
  IFNULL(c.n_barn_nevner, 0) AS n_barn_nevner,
  CASE
    WHEN a.befolkning IS NOT NULL AND IFNULL(f.antall, 0) = 0 THEN 'MANGLER_BEFOLKNING'
    WHEN a.til >= DATE(@run_time, 'Europe/Oslo') THEN 'FORELOPIG'
    ELSE 'KOMPLETT'
  END AS status,
  a.til AS referansedato,
  @run_time AS kunnskapstidspunkt
FROM alle AS a
LEFT JOIN celler AS c
  ON c.indikator = a.indikator AND c.region = a.region AND c.niva = a.niva AND c.maal = a.maal
  AND c.periode = a.periode AND c.periodetype = a.periodetype
LEFT JOIN grunnlag.befolkning_per(@run_time) AS f
  ON f.region = a.region AND f.aldersgruppe = a.befolkning AND f.dato = DATE_ADD(a.til, INTERVAL 1 DAY)
  AND IFNULL(c.kjonn, 'T') = 'T' AND IFNULL(c.aldersgruppe, 'T') = 'T'
"""


@dataclass(frozen=True)
class Layout:
    """Which cases are counted, in which places, and what is made of their contributions."""

    cases: str
    places: tuple[str, ...]
    end: Callable[[list[Figure]], str]
    responsible: bool = True
    """Whether what another municipality is responsible for counts there."""


def _figures(figures: list[Figure]) -> str:
    return f"{_sums('bidrag', figures)},\n{_end(figures)}"


def _contributions(_: list[Figure]) -> str:
    return """\
  gitt AS (
    SELECT indikator, periode, periodetype, region AS sted, nokkel, SUM(teller) AS teller, SUM(nevner) AS nevner
    FROM bidrag
    GROUP BY indikator, periode, periodetype, sted, nokkel
  )
SELECT * FROM gitt
"""


_REGISTER = Layout(facts.sak(), (facts.DELER, facts.STED), _figures)


def _events(facts_: list[str], elements: str, figures: list[Figure], layout: Layout, within: str = _IN) -> str:
    """A family whose unit is the element."""
    return f"""\
WITH
{_with([facts.PERIODE, layout.cases, *layout.places, facts.BARN, *facts_])},
  elementer AS (
{elements}
  ),
  perioder AS (
    SELECT e.*, p.periode, p.periodetype, p.fra, p.til,
      IFNULL(b.nokkel, CONCAT('S', e.orgnr, e.sak_id)) AS nokkel,
      IFNULL(b.kjonn, '0') AS kjonn,
      {_AGE} AS alder
    FROM elementer AS e
    JOIN periode AS p ON {within}
    LEFT JOIN barnet AS b ON {_WHO}
  ),
  bidrag AS (
    SELECT i.indikator, e.periode, e.periodetype, s.region, s.niva, e.nokkel, e.kjonn,
      {_GROUP.replace("alder", "e.alder")} AS aldersgruppe,
      i.teller, i.nevner, i.kodeteller, i.koder
    FROM perioder AS e
    CROSS JOIN UNNEST([
      {_list(figures)}
    ]) AS i
    JOIN sted AS s ON s.kommunenummer = e.kommunenummer AND s.bydel = e.bydel
    WHERE i.med
  ),
{layout.end(figures)}"""


_MELDING = """\
    SELECT * FROM melding"""

# m0, the start of the clock: the earliest report that led to the investigation, else its own start (statistics 1.1).
_FRIST = [
    """\
  fra_melding AS (
    SELECT u.orgnr, u.sak_id, u.id, m.start_dato, m.melder
    FROM undersokelsen AS u
    JOIN (
      SELECT s.orgnr, s.sak_id, LOWER(x.fra_id) AS fra_id, LOWER(x.til_id) AS til_id
      FROM saker AS s, UNNEST(s.sak.relasjon) AS x
      LEFT JOIN borte AS b ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id AND b.type = 'Relasjon' AND b.id = LOWER(x.id)
      WHERE x.fra_type = 'Melding' AND x.til_type = 'Undersokelse' AND x.er_slettet IS NOT TRUE AND b.id IS NULL
    ) AS r ON r.orgnr = u.orgnr AND r.sak_id = u.sak_id AND r.til_id = u.id
    JOIN (
      SELECT orgnr, sak_id, id AS nokkel, id, start_dato, kode, melder FROM melding
      UNION ALL
      SELECT orgnr, sak_id, LOWER(migrert_id) AS nokkel, id, start_dato, kode, melder
      FROM melding
      WHERE migrert_id IS NOT NULL AND LOWER(migrert_id) != id
    ) AS m ON m.orgnr = r.orgnr AND m.sak_id = r.sak_id AND m.nokkel = r.fra_id AND m.kode = '2'
  ),
  startet AS (
    SELECT orgnr, sak_id, id, MIN(start_dato) AS m0 FROM fra_melding GROUP BY orgnr, sak_id, id
  ),
  meldt AS (
    SELECT orgnr, sak_id, id, ARRAY_AGG(kode) AS melder
    FROM (SELECT DISTINCT f.orgnr, f.sak_id, f.id, kode FROM fra_melding AS f, UNNEST(f.melder) AS kode)
    GROUP BY orgnr, sak_id, id
  )"""
]
_UNDERSOKELSE = """\
    SELECT u.*, IFNULL(n.melder, []) AS melder, pl.id IS NOT NULL AS har_plan,
      DATE_ADD(
        DATE_ADD(IFNULL(m.m0, u.start_dato), INTERVAL 7 DAY), INTERVAL IF(u.innvilget = '1', 6, 3) MONTH
      ) AS frist_lov,
      DATE_ADD(IFNULL(m.m0, u.start_dato), INTERVAL IF(u.innvilget = '1', 187, 97) DAY) AS frist_bvr90,
      DATE_ADD(u.start_dato, INTERVAL 3 MONTH) AS frist_ssb
    FROM undersokelsen AS u
    LEFT JOIN startet AS m ON m.orgnr = u.orgnr AND m.sak_id = u.sak_id AND m.id = u.id
    LEFT JOIN meldt AS n ON n.orgnr = u.orgnr AND n.sak_id = u.sak_id AND n.id = u.id
    LEFT JOIN (
      SELECT DISTINCT v.orgnr, v.sak_id, v.id
      FROM undersokelsen AS v
      JOIN planen AS pl ON pl.orgnr = v.orgnr AND pl.sak_id = v.sak_id
      WHERE pl.plantype IN ('7', '8') AND (v.slutt_dato IS NULL OR pl.start_dato <= v.slutt_dato)
        AND (pl.slutt_dato IS NULL OR pl.slutt_dato >= v.start_dato)
    ) AS pl ON pl.orgnr = u.orgnr AND pl.sak_id = u.sak_id AND pl.id = u.id"""

# All that a child can have, by kind, with the same columns. `konkludert` of an evaluation is its day.
_BARN_UNION = "\n    UNION ALL\n"
_BARN = {
    "M": """\
    SELECT 'M' AS art, orgnr, sak_id, kommunenummer, bydel, start_dato, slutt_dato, konkludert, kode,
      FALSE AS omsorg, FALSE AS plassert, CAST(NULL AS DATE) AS plan_fra
    FROM melding""",
    "U": """\
    SELECT 'U' AS art, orgnr, sak_id, kommunenummer, bydel, start_dato, slutt_dato, konkludert, kode,
      FALSE AS omsorg, FALSE AS plassert, CAST(NULL AS DATE) AS plan_fra
    FROM undersokelsen""",
    "T": """\
    SELECT 'T' AS art, orgnr, sak_id, kommunenummer, bydel, start_dato, slutt_dato, konkludert, kode,
      omsorg, plassert, CAST(NULL AS DATE) AS plan_fra
    FROM tiltaket""",
    "P": """\
    SELECT 'P' AS art, orgnr, sak_id, kommunenummer, bydel, start_dato, slutt_dato, CAST(NULL AS DATE) AS konkludert,
      plantype AS kode, FALSE AS omsorg, FALSE AS plassert, plan_fra
    FROM sammenhengende""",
    "V": """\
    SELECT 'V' AS art, orgnr, sak_id, kommunenummer, bydel, start_dato, slutt_dato, v AS konkludert,
      plantype AS kode, FALSE AS omsorg, FALSE AS plassert, plan_fra
    FROM sammenhengende AS s, UNNEST(s.evaluert) AS v""",
    "F": """\
    SELECT 'F' AS art, orgnr, sak_id, kommunenummer, bydel, slutt_dato AS start_dato, slutt_dato,
      slutt_dato AS konkludert, arsak AS kode, FALSE AS omsorg, FALSE AS plassert, CAST(NULL AS DATE) AS plan_fra
    FROM flyttingen""",
}
# A plan that starts on the day after another of its kind in the case, or before, goes on from it.
_ISLANDS = """\
  sammenhengende AS (
    SELECT * EXCEPT (ny, oy), MIN(start_dato) OVER (PARTITION BY orgnr, sak_id, plantype, oy) AS plan_fra
    FROM (
      SELECT *, SUM(ny) OVER (PARTITION BY orgnr, sak_id, plantype ORDER BY start_dato, id) AS oy
      FROM (
        SELECT *,
          IF(
            start_dato <= DATE_ADD(MAX(IFNULL(slutt_dato, DATE '9999-12-30')) OVER (
              PARTITION BY orgnr, sak_id, plantype ORDER BY start_dato, id
              ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ), INTERVAL 1 DAY),
            0, 1
          ) AS ny
        FROM planen
      )
    )
  )"""
_FLYTTING = facts.element(
    "flyttingen",
    "Flytting",
    "x.slutt_dato, x.arsak_fra.kode AS arsak, x.flytting_til.kode AS til_kode",
    "UNNEST(s.sak.flytting) AS x",
)
_OPEN = "e.start_dato <= e.til AND (e.slutt_dato IS NULL OR e.slutt_dato > e.til)"
_ACTIVE = "e.start_dato <= e.til AND (e.slutt_dato IS NULL OR e.slutt_dato >= e.fra)"
_BARN_FACTS = [facts.MELDING, facts.UNDERSOKELSE, facts.TILTAK, facts.PLAN, _FLYTTING, _ISLANDS]
_BARN_NEEDS = {
    "M": (facts.MELDING,),
    "U": (facts.UNDERSOKELSE,),
    "T": (facts.TILTAK,),
    "P": (facts.PLAN, _ISLANDS),
    "V": (facts.PLAN, _ISLANDS),
    "F": (_FLYTTING,),
}
_RANK = " ".join(f"WHEN '{code}' THEN '{99 - n}'" for n, code in enumerate(law.PLACEMENT))
_FLAGS = {
    "melding": "e.art = 'M' AND e.konkludert BETWEEN e.fra AND e.til",
    "undersokt": f"e.art = 'U' AND {_ACTIVE}",
    "tiltak": f"e.art = 'T' AND {_ACTIVE}",
    "tiltak_d": f"e.art = 'T' AND {_OPEN}",
    "omsorg": f"e.omsorg AND {_ACTIVE}",
    "omsorg_d": f"e.omsorg AND {_OPEN}",
    "plassert": f"e.plassert AND {_ACTIVE}",
    "plassert_d": f"e.plassert AND {_OPEN}",
    "fosterhjem": f"e.art = 'T' AND e.kode IN {law.listed(law.FOSTER)} AND {_ACTIVE}",
    "tidligere": "e.art = 'T' AND e.start_dato < e.fra "
    "AND (e.slutt_dato IS NULL OR e.slutt_dato >= DATE_SUB(e.fra, INTERVAL 365 DAY))",
    "plan1": f"e.art = 'P' AND e.kode = '1' AND {_OPEN}",
    "plan5": f"e.art = 'P' AND e.kode = '5' AND {_OPEN}",
    "plan4": f"e.art = 'P' AND (e.kode = '4' OR (e.kode = '3' AND e.til < DATE '2023-01-01')) AND {_OPEN}",
    "plan": f"e.art = 'P' AND e.kode IN ('1', '2', '3', '4', '5') AND {_OPEN}",
    "plan1_lenge": f"e.art = 'P' AND e.kode = '1' AND {_OPEN} AND e.plan_fra <= DATE_SUB(e.til, INTERVAL 3 MONTH)",
    "evaluert": f"e.art = 'V' AND e.kode = '1' AND {_ACTIVE} AND e.konkludert BETWEEN e.fra AND e.til",
    "brudd": "e.art = 'F' AND e.kode IN ('1.1.3', '1.1.4', '1.2.1', '1.2.2', '1.2.3') "
    "AND e.konkludert BETWEEN e.fra AND e.til",
}


def _children(figures: list[Figure], layout: Layout) -> str:
    """The family whose unit is the child: all that a child has in a period, in one row a region.

    Summed in each municipality and district first, then in the regions: a child is in few of the one, and each of those
    in several of the other.
    """
    flags = {name: sql for name, sql in _FLAGS.items() if _names(figures, name)}
    found = ",\n      ".join(f"IFNULL(LOGICAL_OR({sql}), FALSE) AS {name}" for name, sql in flags.items())
    gathered = ",\n      ".join(f"LOGICAL_OR(e.{name}) AS {name}" for name in flags)
    within = _IN.replace(">= p.fra", ">= DATE_SUB(p.fra, INTERVAL 365 DAY)")
    kinds = [kind for kind in _BARN if any(f"e.art = '{kind}'" in sql for sql in flags.values())]
    if _names(figures, "plassering") or {"omsorg", "omsorg_d", "plassert", "plassert_d"} & flags.keys():
        kinds = sorted({*kinds, "T"}, key=list(_BARN).index)
    parts = [part for part in _BARN_FACTS if any(part in _BARN_NEEDS[kind] for kind in kinds)]
    return f"""\
WITH
{_with([facts.PERIODE, layout.cases, *layout.places, facts.BARN, *parts])},
  elementer AS (
{_BARN_UNION.join(_BARN[kind] for kind in kinds)}
  ),
  perioder AS (
    SELECT e.*, p.periode, p.periodetype, p.fra, p.til,
      IFNULL(b.nokkel, CONCAT('S', e.orgnr, e.sak_id)) AS nokkel,
      IFNULL(b.kjonn, '0') AS kjonn,
      {_AGE} AS alder
    FROM elementer AS e
    JOIN periode AS p ON {within}
    LEFT JOIN barnet AS b ON {_WHO}
  ),
  per_del AS (
    SELECT e.periode, e.periodetype, e.kommunenummer, e.bydel, e.nokkel,
      MAX(e.kjonn) AS kjonn, MAX(e.alder) AS alder,
      -- The placement of a child with several: the latest, under care first, then the lowest code (statistics 0.6).
      MAX(IF(
        e.plassert AND {_OPEN},
        CONCAT(
          FORMAT_DATE('%Y%m%d', e.start_dato), IF(e.omsorg, '1', '0'),
          CASE e.kode {_RANK} END, {law.group("e.kode")}
        ),
        NULL
      )) AS plassering,
      {found}
    FROM perioder AS e
    GROUP BY e.periode, e.periodetype, e.kommunenummer, e.bydel, e.nokkel
  ),
  barna AS (
    SELECT e.periode, e.periodetype, s.region, s.niva, e.nokkel,
      MAX(e.kjonn) AS kjonn, MAX(e.alder) AS alder,
      SUBSTR(MAX(e.plassering), 12) AS plassering,
      {gathered}
    FROM per_del AS e
    JOIN sted AS s ON s.kommunenummer = e.kommunenummer AND s.bydel = e.bydel
    GROUP BY e.periode, e.periodetype, s.region, s.niva, e.nokkel
  ),
  bidrag AS (
    SELECT i.indikator, e.periode, e.periodetype, e.region, e.niva, e.nokkel, e.kjonn,
      {_GROUP.replace("alder", "e.alder")} AS aldersgruppe,
      i.teller, i.nevner, i.kodeteller, i.koder
    FROM barna AS e
    CROSS JOIN UNNEST([
      {_list(figures)}
    ]) AS i
    WHERE i.med
  ),
{layout.end(figures)}"""


def _names(figures: list[Figure], column: str) -> bool:
    """Whether a figure looks at a column of `barna`."""
    texts = (part for f in figures for part in (f.med, f.teller, f.nevner, f.koder, f.kodeteller) if part)
    return any(re.search(rf"\be\.{column}\b", text) for text in texts)


def query(family: Family, figures: list[Figure]) -> str:
    """The text of a family's query."""
    return _text(family, figures, _REGISTER)


def contributions(family: Family, figures: list[Figure], source: str = facts.REGISTER) -> str:
    """What each case gives to figures of a family, by the same definitions, of the cases of any source.

    Columns: indikator, periode, periodetype, sted (municipality/organisation/case), nokkel (the child), teller and
    nevner. A child with measures in two cases of a municipality counts in both here, and once in the figure; a figure
    that looks at all cases of a child (that it has one thing and not another) has no parts by case: see `by_child`.
    """
    return _text(
        family, figures, Layout(facts.sak(source, facts.BY_CASE), (facts.STED_BY_CASE,), _contributions, False)
    )


def by_child(family: Family, figures: list[Figure]) -> str:
    """What each child gives to the figures of its municipality: they are the sums of this. Columns as of
    `contributions`, with the municipality as sted."""
    return _text(family, figures, Layout(facts.sak(), (facts.DELER, facts.STED_BY_KOMMUNE), _contributions))


def _text(family: Family, figures: list[Figure], layout: Layout) -> str:
    if family == "barn":
        return _children(figures, layout)
    if family == "oppfolging":
        return _followed(figures, layout)
    if family == "melding":
        return _events([facts.MELDING], _MELDING, figures, layout)
    if family == "undersokelse":
        return _events([facts.MELDING, facts.UNDERSOKELSE, facts.PLAN, *_FRIST], _UNDERSOKELSE, figures, layout)
    if family == "tiltak":
        return _events([facts.TILTAK, _EMERGENCY], _TILTAK, figures, layout)
    if family == "vedtak":
        return _events([_VEDTAK_FACT, _FLYTTING, _ETTERVERN, _OVERSENDELSE], _VEDTAK, figures, layout)
    return _events([], _SAK, figures, layout)


# --- measures as events ----------------------------------------------------------------------------------------------

_EMERGENCY = f"""\
  akutte AS (
    SELECT DISTINCT s.orgnr, s.sak_id, LOWER(r.til_id) AS id
    FROM saker AS s, UNNEST(s.sak.relasjon) AS r
    JOIN (
      SELECT w.orgnr, w.sak_id, LOWER(v.id) AS id, LOWER(v.migrert_id) AS migrert_id
      FROM saker AS w, UNNEST(w.sak.vedtak) AS v
      LEFT JOIN borte AS b ON b.orgnr = w.orgnr AND b.sak_id = w.sak_id AND b.type = 'Vedtak' AND b.id = LOWER(v.id)
      WHERE v.er_slettet IS NOT TRUE AND b.id IS NULL AND {law.emergency("v.lovhjemmel")}
    ) AS v ON v.orgnr = s.orgnr AND v.sak_id = s.sak_id AND LOWER(r.fra_id) IN (v.id, IFNULL(v.migrert_id, v.id))
    LEFT JOIN borte AS b ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id AND b.type = 'Relasjon' AND b.id = LOWER(r.id)
    WHERE r.fra_type = 'Vedtak' AND r.til_type = 'Tiltak' AND r.er_slettet IS NOT TRUE AND b.id IS NULL
  )"""
_TILTAK = """\
    SELECT t.* EXCEPT (akutt, tilsyn, oppfolging), t.akutt OR a.id IS NOT NULL AS akutt
    FROM tiltaket AS t
    LEFT JOIN akutte AS a ON a.orgnr = t.orgnr AND a.sak_id = t.sak_id AND a.id = t.id"""

# --- decisions, aftercare, moves, claims -----------------------------------------------------------------------------

_VEDTAK_FACT = facts.element(
    "vedtaket",
    "Vedtak",
    f"x.start_dato, {law.emergency('x.lovhjemmel')} AS akutt, {law.provision('x.lovhjemmel')} AS hjemmel,\n"
    "      x.lovhjemmel.lov AS lov, x.krav,\n"
    "      ARRAY(SELECT k.kode FROM UNNEST(x.status) AS k ORDER BY k.endret_dato, k.id) AS statuser",
    "UNNEST(s.sak.vedtak) AS x",
)


_ETTERVERN = facts.element(
    "ettervernet",
    "Ettervern",
    "x.tilbud_sendt_dato AS tilbud, x.konklusjon.slutt_dato AS konkludert, x.konklusjon.kode AS kode",
    "UNNEST(s.sak.ettervern) AS x",
)
_OVERSENDELSE = facts.element(
    "oversendelsen",
    "OversendelseFylkesnemnd",
    f"x.start_dato, {law.provision('x.lovhjemmel')} AS hjemmel",
    "UNNEST(s.sak.oversendelse_fylkesnemnd) AS x",
)


def _of(art: str, of: str, dato: str, kode: str, kode2: str = _NO, first: str = _NO, ok: str = "FALSE") -> str:
    return (
        f"    SELECT '{art}' AS art, orgnr, sak_id, kommunenummer, bydel, {dato} AS start_dato, {dato} AS slutt_dato, "
        f"{kode} AS kode, {kode2} AS kode2, {first} AS forste, {ok} AS akutt\n    FROM {of}"
    )


_VEDTAK = "\n    UNION ALL\n".join(
    (
        _of(
            *("V", "vedtaket", "start_dato", "hjemmel", "lov", "statuser[SAFE_OFFSET(0)]"),
            "akutt AND EXISTS(SELECT 1 FROM UNNEST(statuser) AS k WHERE k NOT IN ('3', '4'))",
        ),
        _of("K", "vedtaket AS v, UNNEST(v.krav) AS x", "x.start_dato", "IFNULL(x.konklusjon.kode, 'INGEN')"),
        _of("F", "flyttingen", "slutt_dato", "arsak", "til_kode"),
        _of("E", "ettervernet", "tilbud", _NO),
        _of("S", "ettervernet WHERE kode IS NOT NULL", "konkludert", "kode"),
        _of("O", "oversendelsen", "start_dato", "hjemmel"),
    )
)
_SAK = """\
    SELECT orgnr, sak_id, kommunenummer, IFNULL(bydelsnummer, '') AS bydel, sak.start_dato AS start_dato,
      sak.slutt_dato AS slutt_dato, sak.migrert_id AS migrert_id
    FROM saker"""

# --- follow-up and supervision of foster homes -----------------------------------------------------------------------

_VISITS = f"""\
  foster AS (
    SELECT * FROM tiltaket WHERE kode IN {law.listed(law.FOLLOWED)}
  ),
  -- How often visits are due: from each Hyppighet to the next, and four a year before the first (statistics 1.2).
  hyppighet AS (
    SELECT orgnr, sak_id, id, slag, fra, kode,
      IFNULL(LEAD(fra) OVER (PARTITION BY orgnr, sak_id, id, slag ORDER BY fra, orden), DATE '9999-12-31') AS til
    FROM (
      SELECT t.orgnr, t.sak_id, t.id, 'tilsyn' AS slag, h.start_dato AS fra, h.kode, LOWER(h.id) AS orden
      FROM foster AS t, UNNEST(t.tilsyn.hyppighet) AS h
      UNION ALL
      SELECT t.orgnr, t.sak_id, t.id, 'oppfolging', h.start_dato, h.kode, LOWER(h.id)
      FROM foster AS t, UNNEST(t.oppfolging.hyppighet) AS h
      UNION ALL
      SELECT t.orgnr, t.sak_id, t.id, slag, DATE '0001-01-01', '4', ''
      FROM foster AS t CROSS JOIN UNNEST(['tilsyn', 'oppfolging']) AS slag
    )
  ),
  ansvarlig AS (
    SELECT orgnr, sak_id, id, kommunenummer, fra,
      IFNULL(LEAD(fra) OVER (PARTITION BY orgnr, sak_id, id ORDER BY fra, orden), DATE '9999-12-31') AS til
    FROM (
      SELECT t.orgnr, t.sak_id, t.id, a.kommunenummer, a.start_dato AS fra, LOWER(a.id) AS orden
      FROM tiltaket AS t, UNNEST(t.tilsyn.ansvarlig) AS a
    )
  ),
  besok AS (
    SELECT t.orgnr, t.sak_id, t.id, t.kommunenummer, t.bydel, 'tilsyn' AS slag, v.utfort_dato AS dato
    FROM tiltaket AS t, UNNEST(t.tilsyn.utfort) AS v
    UNION ALL
    SELECT t.orgnr, t.sak_id, t.id, t.kommunenummer, t.bydel, 'oppfolging', v.utfort_dato
    FROM tiltaket AS t, UNNEST(t.oppfolging.utfort) AS v
  ),
  krav AS (
    SELECT t.orgnr, t.sak_id, t.id, t.kommunenummer, t.bydel, p.periode, p.periodetype, p.fra, p.til, h.slag,
      DIV(SUM(
        CAST(h.kode AS INT64) * GREATEST(0, DATE_DIFF(
          LEAST(h.til, DATE_ADD(p.til, INTERVAL 1 DAY)), GREATEST(h.fra, DATE_SUB(p.til, INTERVAL 364 DAY)), DAY
        ))
      ), 365) AS krav
    FROM foster AS t
    JOIN periode AS p
      ON p.periodetype IN ('H', 'R') AND t.start_dato <= DATE_SUB(p.til, INTERVAL 1 YEAR)
      AND (t.slutt_dato IS NULL OR t.slutt_dato > p.til)
    JOIN hyppighet AS h ON h.orgnr = t.orgnr AND h.sak_id = t.sak_id AND h.id = t.id
    GROUP BY t.orgnr, t.sak_id, t.id, t.kommunenummer, t.bydel, p.periode, p.periodetype, p.fra, p.til, h.slag
  ),
  utfort AS (
    SELECT k.orgnr, k.sak_id, k.id, k.periode, k.periodetype, k.slag, COUNT(DISTINCT v.dato) AS antall
    FROM krav AS k
    JOIN besok AS v
      ON v.orgnr = k.orgnr AND v.sak_id = k.sak_id AND v.id = k.id AND v.slag = k.slag
      AND v.dato > DATE_SUB(k.til, INTERVAL 365 DAY) AND v.dato <= k.til
    GROUP BY k.orgnr, k.sak_id, k.id, k.periode, k.periodetype, k.slag
  )"""


def _followed(figures: list[Figure], layout: Layout) -> str:
    """Requirements are of children, visits are events; both in the municipality that is to see to them."""
    where, district = "e.kommunenummer", "e.bydel"
    if layout.responsible:
        where = "IF(e.slag = 'tilsyn', IFNULL(a.kommunenummer, e.kommunenummer), e.kommunenummer)"
        district = (
            "IF(e.slag = 'tilsyn' AND a.kommunenummer IS NOT NULL AND a.kommunenummer != e.kommunenummer, '', e.bydel)"
        )
    responsible = "a.orgnr = e.orgnr AND a.sak_id = e.sak_id AND a.id = e.id AND e.slag = 'tilsyn'"
    parts = [facts.TILTAK, _VISITS]
    # Whoever is responsible has figures, too.
    added = "FROM saker\n    UNION DISTINCT\n    SELECT kommunenummer, '' FROM ansvarlig\n"
    places = [one.replace("FROM saker\n", added, 1) if one == facts.DELER else one for one in layout.places]
    return f"""\
WITH
{_with([facts.PERIODE, layout.cases, *parts, *places, facts.BARN])},
  perioder AS (
    SELECT CONCAT(e.slag, '_krav') AS art, e.orgnr, e.sak_id, {where} AS kommunenummer, {district} AS bydel,
      e.periode, e.periodetype, e.fra, e.til, IFNULL(u.antall, 0) < e.krav AS brudd
    FROM krav AS e
    LEFT JOIN utfort AS u
      ON u.orgnr = e.orgnr AND u.sak_id = e.sak_id AND u.id = e.id AND u.slag = e.slag
      AND u.periode = e.periode AND u.periodetype = e.periodetype
    LEFT JOIN ansvarlig AS a ON {responsible} AND a.fra <= e.til AND a.til > e.til
    UNION ALL
    SELECT CONCAT(e.slag, '_besok'), e.orgnr, e.sak_id, {where}, {district},
      p.periode, p.periodetype, p.fra, p.til, FALSE
    FROM besok AS e
    JOIN periode AS p ON e.dato BETWEEN p.fra AND p.til
    LEFT JOIN ansvarlig AS a ON {responsible} AND a.fra <= e.dato AND a.til > e.dato
  ),
  enheter AS (
    SELECT e.art, e.periode, e.periodetype, s.region, s.niva,
      IFNULL(b.nokkel, CONCAT('S', e.orgnr, e.sak_id)) AS nokkel,
      IFNULL(b.kjonn, '0') AS kjonn,
      {_AGE.replace("p.til", "e.til")} AS alder,
      e.brudd,
      IF(ENDS_WITH(e.art, '_besok'), ROW_NUMBER() OVER (ORDER BY e.orgnr, e.sak_id), 0) AS nummer
    FROM perioder AS e
    JOIN sted AS s ON s.kommunenummer = e.kommunenummer AND s.bydel = e.bydel
    LEFT JOIN barnet AS b ON {_WHO.replace("p.til", "e.til")}
  ),
  barna AS (
    SELECT art, periode, periodetype, region, niva, nokkel, MAX(kjonn) AS kjonn, MAX(alder) AS alder,
      LOGICAL_OR(brudd) AS brudd
    FROM enheter
    GROUP BY art, periode, periodetype, region, niva, nokkel, nummer
  ),
  bidrag AS (
    SELECT i.indikator, e.periode, e.periodetype, e.region, e.niva, e.nokkel, e.kjonn,
      {_GROUP.replace("alder", "e.alder")} AS aldersgruppe,
      i.teller, i.nevner, i.kodeteller, i.koder
    FROM barna AS e
    CROSS JOIN UNNEST([
      {_list(figures)}
    ]) AS i
    WHERE i.med
  ),
{layout.end(figures)}"""
