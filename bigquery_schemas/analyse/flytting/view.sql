-- Laget med `bvr generate`; endre modellen. | Generated: change the model instead.
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
FROM register.analyse_grunnlag AS g
JOIN register.sak_tabell AS s ON s.orgnr = g.orgnr AND s.sak_id = g.sak_id,
UNNEST(s.sak.flytting) AS x
WHERE EXTRACT(YEAR FROM x.slutt_dato) = g.aar
  AND s.sak.er_slettet IS NOT TRUE
  AND x.er_slettet IS NOT TRUE
  AND LOWER(x.id) NOT IN (SELECT LOWER(b.id) FROM UNNEST(s.sak.slettet) AS b WHERE b.type = 'Flytting')
