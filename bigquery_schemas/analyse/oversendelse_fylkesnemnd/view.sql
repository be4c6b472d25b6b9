-- Laget med `bvr generate`; endre modellen. | Generated: change the model instead.
WITH borte AS (
  SELECT DISTINCT s.orgnr, s.sak_id, b.type, LOWER(b.id) AS id
  FROM register.sak_tabell AS s, UNNEST(s.sak.slettet) AS b
)
SELECT
  g.formal AS formal,
  g.kommunenummer AS kommunenummer,
  g.bydelsnummer AS bydelsnummer,
  g.barn AS barn_ref,
  g.sak AS sak_ref,
  g.aar AS aar,
  SUBSTR(TO_HEX(SHA256(CONCAT(g.salt, CAST(CONCAT('OversendelseFylkesnemnd', '/', LOWER(x.id)) AS BYTES)))), 1, 32) AS oversendelse_fylkesnemnd_ref,
  CAST(CASE g.dato_presisjon WHEN 'DAG' THEN x.start_dato WHEN 'MANED' THEN DATE_TRUNC(x.start_dato, MONTH) WHEN 'KVARTAL' THEN DATE_TRUNC(x.start_dato, QUARTER) ELSE DATE_TRUNC(x.start_dato, YEAR) END AS DATE) AS start_dato,
  x.lovhjemmel.lov AS lovhjemmel_lov,
  x.lovhjemmel.kapittel AS lovhjemmel_kapittel,
  x.lovhjemmel.paragraf AS lovhjemmel_paragraf,
  x.lovhjemmel.ledd AS lovhjemmel_ledd,
  x.lovhjemmel.bokstav AS lovhjemmel_bokstav,
  x.lovhjemmel.punktum AS lovhjemmel_punktum,
  ARRAY(SELECT AS STRUCT e.lov AS lov, e.kapittel AS kapittel, e.paragraf AS paragraf, e.ledd AS ledd, e.bokstav AS bokstav, e.punktum AS punktum FROM UNNEST(x.jmfr_lovhjemmel) AS e) AS jmfr_lovhjemmel
FROM register.sak_tabell AS s
CROSS JOIN UNNEST(s.sak.oversendelse_fylkesnemnd) AS x
JOIN register.analyse_grunnlag AS g
  ON g.orgnr = s.orgnr AND g.sak_id = s.sak_id AND g.kommunenummer = s.kommunenummer AND g.aar = EXTRACT(YEAR FROM x.start_dato)
LEFT JOIN borte AS b ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id AND b.type = 'OversendelseFylkesnemnd' AND b.id = LOWER(x.id)
WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE AND b.id IS NULL
