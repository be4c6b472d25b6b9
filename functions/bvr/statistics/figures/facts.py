"""What the figures are made of: flat rows of the elements of the cases as known at @run_time, once a family.

Deleted elements are gone in both ways they can be (marked, or listed in Slettet). `slutt_dato` of an element without a
conclusion in a closed case is the end of the case (statistics 0.1); `konkludert` is its own conclusion alone.
"""

# ruff: noqa: S608

from __future__ import annotations

from bvr.statistics.figures import law

YEARS_BACK = 2

PERIODE = f"""\
  -- Years, half-years and rolling twelve months from two years back, the running ones as far as they have come; stocks
  -- of the days that have passed.
  periode AS (
    SELECT
      CONCAT(CAST(aar AS STRING), del.kode) AS periode,
      type AS periodetype,
      CASE type
        WHEN 'R' THEN DATE_ADD(DATE_SUB(DATE(aar, del.maaned, del.dag), INTERVAL 1 YEAR), INTERVAL 1 DAY)
        WHEN 'Y' THEN DATE(aar, 1, 1)
        ELSE DATE(aar, del.fra_maaned, 1)
      END AS fra,
      DATE(aar, del.maaned, del.dag) AS til
    FROM UNNEST(GENERATE_ARRAY(
      EXTRACT(YEAR FROM DATE(@run_time, 'Europe/Oslo')) - {YEARS_BACK},
      EXTRACT(YEAR FROM DATE(@run_time, 'Europe/Oslo'))
    )) AS aar
    CROSS JOIN UNNEST([
      STRUCT('' AS kode, 1 AS fra_maaned, 12 AS maaned, 31 AS dag, ['Y'] AS typer),
      STRUCT('H1' AS kode, 1 AS fra_maaned, 6 AS maaned, 30 AS dag, ['H', 'R', 'D'] AS typer),
      STRUCT('H2' AS kode, 7 AS fra_maaned, 12 AS maaned, 31 AS dag, ['H', 'R', 'D'] AS typer)
    ]) AS del
    CROSS JOIN UNNEST(del.typer) AS type
    WHERE IF(
      type = 'D',
      DATE(aar, del.maaned, del.dag) < DATE(@run_time, 'Europe/Oslo'),
      DATE(aar, del.fra_maaned, 1) <= DATE(@run_time, 'Europe/Oslo')
    )
  )"""

REGISTER = "register.sak_per(@run_time)"


def sak(source: str = REGISTER, place: str = "kommunenummer, bydelsnummer") -> str:
    """The cases of a source, each in a place: its municipality and district."""
    return f"""\
  saker AS (
    SELECT orgnr, sak_id, {place}, sak
    FROM {source}
  ),
  borte AS (
    SELECT DISTINCT s.orgnr, s.sak_id, b.type, LOWER(b.id) AS id
    FROM saker AS s, UNNEST(s.sak.slettet) AS b
  )"""


# Who a case is about: each Personalia from its start to that of the next; the first from the beginning.
BARN = """\
  personalia AS (
    SELECT s.orgnr, s.sak_id, x.start_dato, plass,
      IF(x.kjonn IN ('1', '2'), x.kjonn, '0') AS kjonn,
      IF(x.kjonn = '0', NULL, x.fodseldato) AS fodseldato,
      CASE
        WHEN x.nummertype IN ('FNR', 'DNR') THEN CONCAT('N', TO_HEX(x.fodselsnummer))
        WHEN x.duf_nummer IS NOT NULL THEN CONCAT('D', TO_HEX(x.duf_nummer))
        ELSE CONCAT('S', s.orgnr, s.sak_id)
      END AS nokkel
    FROM saker AS s, UNNEST(s.sak.personalia) AS x WITH OFFSET AS plass
    LEFT JOIN borte AS b ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id AND b.type = 'Personalia' AND b.id = LOWER(x.id)
    WHERE x.er_slettet IS NOT TRUE AND b.id IS NULL
    QUALIFY ROW_NUMBER() OVER (PARTITION BY s.orgnr, s.sak_id, x.start_dato ORDER BY plass DESC) = 1
  ),
  barnet AS (
    SELECT orgnr, sak_id, kjonn, fodseldato, nokkel,
      IF(
        ROW_NUMBER() OVER (PARTITION BY orgnr, sak_id ORDER BY start_dato) = 1, DATE '0001-01-01', start_dato
      ) AS fra,
      IFNULL(LEAD(start_dato) OVER (PARTITION BY orgnr, sak_id ORDER BY start_dato), DATE '9999-12-31') AS til
    FROM personalia
  )"""

# The regions a municipality or district is part of. Sums of the country leave nobody out, not even numbers that are no
# longer in use; the districts of Oslo together leave out those without a service (KOSTRA: EAB).
STED = """\
  sted AS (
    SELECT d.kommunenummer, d.bydel, r.region, r.niva
    FROM deler AS d
    CROSS JOIN UNNEST([
      STRUCT('EAK' AS region, 'LAND' AS niva),
      STRUCT(IF(d.kommunenummer = '0301', NULL, 'EAKUO') AS region, 'LAND' AS niva),
      STRUCT(CONCAT('EKA', SUBSTR(d.kommunenummer, 1, 2)) AS region, 'FYLKE' AS niva),
      STRUCT(d.kommunenummer AS region, 'KOMMUNE' AS niva),
      STRUCT(IF(d.bydel = '', NULL, CONCAT(d.kommunenummer, d.bydel)) AS region, 'BYDEL' AS niva),
      STRUCT(
        IF(d.kommunenummer = '0301' AND d.bydel NOT IN ('', '16', '17', '99'), 'EAB', NULL) AS region, 'BYDELER' AS niva
      )
    ]) AS r
    WHERE r.region IS NOT NULL
    UNION ALL
    SELECT d.kommunenummer, d.bydel, k.gruppe AS region, 'KOSTRAGRUPPE' AS niva
    FROM deler AS d
    JOIN grunnlag.kostragruppe_per(@run_time) AS k
      ON k.kommunenummer = d.kommunenummer AND k.gyldig_fra <= DATE(@run_time, 'Europe/Oslo')
      AND (k.gyldig_til IS NULL OR k.gyldig_til >= DATE(@run_time, 'Europe/Oslo'))
  )"""

DELER = """\
  deler AS (
    SELECT DISTINCT kommunenummer, IFNULL(bydelsnummer, '') AS bydel FROM saker
    UNION DISTINCT
    SELECT DISTINCT kommunenummer, '' AS bydel FROM register.sak_historikk_per(@run_time)
  )"""

# Each case a place of its own, named by municipality, organisation and case; or each municipality.
BY_CASE = "CONCAT(kommunenummer, '/', orgnr, '/', sak_id) AS kommunenummer, CAST(NULL AS STRING) AS bydelsnummer"
STED_BY_CASE = """\
  sted AS (
    SELECT DISTINCT kommunenummer, '' AS bydel, kommunenummer AS region, 'STED' AS niva FROM saker
  )"""
STED_BY_KOMMUNE = """\
  sted AS (
    SELECT kommunenummer, bydel, kommunenummer AS region, 'STED' AS niva FROM deler
  )"""


def element(name: str, kind: str, columns: str, source: str) -> str:
    """A fact: the elements of a kind that are not deleted."""
    return f"""\
  {name} AS (
    SELECT s.orgnr, s.sak_id, s.kommunenummer, IFNULL(s.bydelsnummer, '') AS bydel, LOWER(x.id) AS id,
      {columns}
    FROM saker AS s, {source}
    LEFT JOIN borte AS b
      ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id AND b.type = '{kind}' AND b.id = LOWER(x.id)
    WHERE x.er_slettet IS NOT TRUE AND b.id IS NULL
  )"""


MELDING = element(
    "melding",
    "Melding",
    "x.start_dato, x.migrert_id, x.konklusjon.slutt_dato AS konkludert, x.konklusjon.kode AS kode,\n"
    "      IFNULL(x.konklusjon.slutt_dato, s.sak.slutt_dato) AS slutt_dato,\n"
    "      ARRAY(SELECT m.kode FROM UNNEST(x.melder) AS m) AS melder,\n"
    "      ARRAY(SELECT i.kode FROM UNNEST(x.saksinnhold) AS i) AS saksinnhold",
    "UNNEST(s.sak.melding) AS x",
)
TILTAK = element(
    "tiltaket",
    "Tiltak",
    "x.start_dato, x.konklusjon.slutt_dato AS konkludert, x.kategori.kode AS kode,\n"
    "      x.opphevelse.kode AS opphevelse,\n"
    "      IFNULL(x.konklusjon.slutt_dato, s.sak.slutt_dato) AS slutt_dato,\n"
    f"      {law.care('x.lovhjemmel', 'x.jmfr_lovhjemmel')} AS omsorg,\n"
    f"      {law.emergency('x.lovhjemmel')} AS akutt,\n"
    f"      {law.placed('x.kategori.kode')} AS plassert,\n"
    "      x.tilsyn, x.oppfolging",
    "UNNEST(s.sak.tiltak) AS x",
)
PLAN = element(
    "planen",
    "Plan",
    "x.start_dato, x.plantype,\n"
    "      IFNULL(x.konklusjon.slutt_dato, s.sak.slutt_dato) AS slutt_dato,\n"
    "      ARRAY(SELECT v.utfort_dato FROM UNNEST(x.evaluering) AS v) AS evaluert",
    "UNNEST(s.sak.plan) AS x",
)
UNDERSOKELSE = element(
    "undersokelsen",
    "Undersokelse",
    "x.start_dato, x.konklusjon.slutt_dato AS konkludert, x.konklusjon.kode AS kode,\n"
    "      IFNULL(x.konklusjon.slutt_dato, s.sak.slutt_dato) AS slutt_dato,\n"
    "      x.utvidet_frist.innvilget AS innvilget, x.barnets_medvirkning.medvirkning_type AS medvirkning,\n"
    "      ARRAY(SELECT g.kode FROM UNNEST(x.vedtaksgrunnlag) AS g) AS grunnlag",
    "UNNEST(s.sak.undersokelse) AS x",
)
