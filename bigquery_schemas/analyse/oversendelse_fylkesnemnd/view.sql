-- Laget med `bvr generate`; endre modellen. | Generated: change the model instead.
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
FROM register.analyse_grunnlag AS g
JOIN register.sak_tabell AS s ON s.orgnr = g.orgnr AND s.sak_id = g.sak_id,
UNNEST(s.sak.oversendelse_fylkesnemnd) AS x
WHERE EXTRACT(YEAR FROM x.start_dato) = g.aar
  AND s.sak.er_slettet IS NOT TRUE
  AND x.er_slettet IS NOT TRUE
  AND LOWER(x.id) NOT IN (SELECT LOWER(b.id) FROM UNNEST(s.sak.slettet) AS b WHERE b.type = 'OversendelseFylkesnemnd')
