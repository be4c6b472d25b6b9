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
  SUBSTR(TO_HEX(SHA256(CONCAT(g.salt, CAST(CONCAT('Flytting', '/', LOWER(x.id)) AS BYTES)))), 1, 32) AS flytting_ref,
  CAST(CASE g.dato_presisjon WHEN 'DAG' THEN x.slutt_dato WHEN 'MANED' THEN DATE_TRUNC(x.slutt_dato, MONTH) WHEN 'KVARTAL' THEN DATE_TRUNC(x.slutt_dato, QUARTER) ELSE DATE_TRUNC(x.slutt_dato, YEAR) END AS DATE) AS slutt_dato,
  x.arsak_fra.kode AS arsak_fra_kode,
  x.flytting_til.kode AS flytting_til_kode
FROM register.sak_tabell AS s
CROSS JOIN UNNEST(s.sak.flytting) AS x
JOIN register.analyse_grunnlag AS g
  ON g.orgnr = s.orgnr AND g.sak_id = s.sak_id AND g.kommunenummer = s.kommunenummer AND g.aar = EXTRACT(YEAR FROM x.slutt_dato)
LEFT JOIN borte AS b ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id AND b.type = 'Flytting' AND b.id = LOWER(x.id)
WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE AND b.id IS NULL
