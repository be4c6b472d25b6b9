"""What the cases that are held outside take from the headline figures: `statistikk.valideringseffekt_v1`.

A case with an ERROR is counted by the very definitions of the figures, as if it had none. Of a child that the
municipality counts anyway, by another case, nothing is taken (statistics 3.2).
"""

# ruff: noqa: S608
# SQL of declarations: nothing that anybody sends becomes part of it.

from __future__ import annotations

from bvr.statistics.figures import families, law
from bvr.statistics.figures.catalogue import FAMILIES, figures, of

HEADLINE = (3, 15, 26, 27)
"""Reports, investigations concluded, children with measures in the period, and at its end (statistics 3.2)."""
NAME = "valideringseffekt_v1"

# Excluded cases, and those of the same children in the same municipality that are counted.
_CASES = """(
      SELECT s.orgnr, s.sak_id, s.kommunenummer, s.bydelsnummer, s.sak
      FROM register.sak_siste_per(@run_time) AS s
      JOIN (
        SELECT DISTINCT b.kommunenummer, b.orgnr, b.sak_id
        FROM numre AS a
        JOIN numre AS b ON b.kommunenummer = a.kommunenummer AND b.nummer = a.nummer
        WHERE a.utfall = 'EXCLUDED'
      ) AS n ON n.kommunenummer = s.kommunenummer AND n.orgnr = s.orgnr AND n.sak_id = s.sak_id
      WHERE s.er_slettet IS NOT TRUE
    )"""


def query() -> str:
    """The text of the query."""
    parts = [
        f"    SELECT * FROM (\n{families.contributions(family, chosen, _CASES)})"
        for family in FAMILIES
        if (chosen := [f for f in of(family) if f.number in HEADLINE])
    ]
    numbers = " ".join(f"WHEN '{f.id}' THEN {f.number}" for f in figures() if f.number in HEADLINE)
    children = [f.id for f in figures() if f.number in HEADLINE and f.unit == "BARN"]
    return f"""\
-- Laget med `bvr generate`; endre nøkkeltallene. | Generated: change the declarations of key figures instead.
WITH
  -- The numbers of the children of each case, and the case itself where a child has none.
  numre AS (
    SELECT s.kommunenummer, s.orgnr, s.sak_id, s.utfall, nummer
    FROM register.sak_siste_per(@run_time) AS s, UNNEST(s.sak.personalia) AS x
    CROSS JOIN UNNEST([TO_HEX(x.fodselsnummer), TO_HEX(x.duf_nummer), CONCAT(s.orgnr, s.sak_id)]) AS nummer
    WHERE s.er_slettet IS NOT TRUE AND nummer IS NOT NULL
    UNION DISTINCT
    SELECT s.kommunenummer, s.orgnr, s.sak_id, s.utfall, CONCAT(s.orgnr, s.sak_id)
    FROM register.sak_siste_per(@run_time) AS s
    WHERE s.er_slettet IS NOT TRUE AND s.utfall = 'EXCLUDED'
  ),
  bidrag AS (
{"    UNION ALL".join(f"{chr(10) if n else ''}{part}{chr(10)}" for n, part in enumerate(parts)).rstrip()}
  ),
  saker AS (
    SELECT kommunenummer, orgnr, sak_id, utfall, CONCAT(kommunenummer, '/', orgnr, '/', sak_id) AS sted
    FROM register.sak_siste_per(@run_time)
    WHERE er_slettet IS NOT TRUE
  ),
  rader AS (
    SELECT s.kommunenummer, s.orgnr, s.sak_id, s.utfall, b.indikator, b.periode, b.periodetype, b.nokkel,
      SUM(b.teller) AS bidrag
    FROM bidrag AS b
    JOIN saker AS s ON s.sted = b.sted
    WHERE b.teller > 0
    GROUP BY s.kommunenummer, s.orgnr, s.sak_id, s.utfall, b.indikator, b.periode, b.periodetype, b.nokkel
  ),
  talt AS (
    SELECT *,
      IF(
        indikator IN {law.listed(tuple(children))}
          AND ROW_NUMBER() OVER (
            PARTITION BY kommunenummer, indikator, periode, periodetype, nokkel
            ORDER BY IF(utfall = 'REGISTERED', 0, 1), orgnr, sak_id
          ) > 1,
        0, bidrag
      ) AS mangler
    FROM rader
  )
SELECT
  kommunenummer,
  orgnr,
  sak_id,
  CASE indikator {numbers} END AS nummer,
  indikator,
  periode,
  periodetype,
  SUM(bidrag) AS bidrag,
  SUM(mangler) AS mangler,
  @run_time AS kunnskapstidspunkt
FROM talt
WHERE utfall = 'EXCLUDED'
GROUP BY kommunenummer, orgnr, sak_id, indikator, periode, periodetype
"""
