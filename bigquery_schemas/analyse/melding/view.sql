-- Laget med `bvr generate`; endre modellen. | Generated: change the model instead.
SELECT
  g.formal AS formal,
  g.kommunenummer AS kommunenummer,
  g.bydelsnummer AS bydelsnummer,
  g.barn AS barn_ref,
  g.sak AS sak_ref,
  g.aar AS aar,
  SUBSTR(TO_HEX(SHA256(CONCAT(g.salt, CAST(CONCAT('Melding', '/', LOWER(x.id)) AS BYTES)))), 1, 32) AS melding_ref,
  CAST(CASE g.dato_presisjon WHEN 'DAG' THEN x.start_dato WHEN 'MANED' THEN DATE_TRUNC(x.start_dato, MONTH) WHEN 'KVARTAL' THEN DATE_TRUNC(x.start_dato, QUARTER) ELSE DATE_TRUNC(x.start_dato, YEAR) END AS DATE) AS start_dato,
  ARRAY(SELECT e.kode FROM UNNEST(x.melder) AS e) AS melder,
  ARRAY(SELECT e.kode FROM UNNEST(x.saksinnhold) AS e) AS saksinnhold,
  IF(x.konklusjon.er_slettet IS TRUE, NULL, CAST(CASE g.dato_presisjon WHEN 'DAG' THEN x.konklusjon.slutt_dato WHEN 'MANED' THEN DATE_TRUNC(x.konklusjon.slutt_dato, MONTH) WHEN 'KVARTAL' THEN DATE_TRUNC(x.konklusjon.slutt_dato, QUARTER) ELSE DATE_TRUNC(x.konklusjon.slutt_dato, YEAR) END AS DATE)) AS konklusjon_slutt_dato,
  IF(x.konklusjon.er_slettet IS TRUE, NULL, x.konklusjon.kode) AS konklusjon_kode
FROM register.analyse_grunnlag AS g
JOIN register.sak_tabell AS s ON s.orgnr = g.orgnr AND s.sak_id = g.sak_id,
UNNEST(s.sak.melding) AS x
WHERE EXTRACT(YEAR FROM x.start_dato) = g.aar
  AND s.sak.er_slettet IS NOT TRUE
  AND x.er_slettet IS NOT TRUE
  AND LOWER(x.id) NOT IN (SELECT LOWER(b.id) FROM UNNEST(s.sak.slettet) AS b WHERE b.type = 'Melding')
