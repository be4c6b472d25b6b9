-- Laget med `bvr generate`; endre modellen. | Generated: change the model instead.
SELECT
  g.formal AS formal,
  g.kommunenummer AS kommunenummer,
  g.bydelsnummer AS bydelsnummer,
  g.barn AS barn_ref,
  g.sak AS sak_ref,
  g.aar AS aar,
  SUBSTR(TO_HEX(SHA256(CONCAT(g.salt, CAST(CONCAT('Undersokelse', '/', LOWER(x.id)) AS BYTES)))), 1, 32) AS undersokelse_ref,
  CAST(CASE g.dato_presisjon WHEN 'DAG' THEN x.start_dato WHEN 'MANED' THEN DATE_TRUNC(x.start_dato, MONTH) WHEN 'KVARTAL' THEN DATE_TRUNC(x.start_dato, QUARTER) ELSE DATE_TRUNC(x.start_dato, YEAR) END AS DATE) AS start_dato,
  ARRAY(SELECT e.kode FROM UNNEST(x.vedtaksgrunnlag) AS e) AS vedtaksgrunnlag,
  CAST(CASE g.dato_presisjon WHEN 'DAG' THEN x.barnets_medvirkning.start_dato WHEN 'MANED' THEN DATE_TRUNC(x.barnets_medvirkning.start_dato, MONTH) WHEN 'KVARTAL' THEN DATE_TRUNC(x.barnets_medvirkning.start_dato, QUARTER) ELSE DATE_TRUNC(x.barnets_medvirkning.start_dato, YEAR) END AS DATE) AS barnets_medvirkning_start_dato,
  x.barnets_medvirkning.medvirkning_type AS barnets_medvirkning_medvirkning_type,
  CAST(CASE g.dato_presisjon WHEN 'DAG' THEN x.utvidet_frist.start_dato WHEN 'MANED' THEN DATE_TRUNC(x.utvidet_frist.start_dato, MONTH) WHEN 'KVARTAL' THEN DATE_TRUNC(x.utvidet_frist.start_dato, QUARTER) ELSE DATE_TRUNC(x.utvidet_frist.start_dato, YEAR) END AS DATE) AS utvidet_frist_start_dato,
  x.utvidet_frist.innvilget AS utvidet_frist_innvilget,
  CAST(CASE g.dato_presisjon WHEN 'DAG' THEN x.konklusjon.slutt_dato WHEN 'MANED' THEN DATE_TRUNC(x.konklusjon.slutt_dato, MONTH) WHEN 'KVARTAL' THEN DATE_TRUNC(x.konklusjon.slutt_dato, QUARTER) ELSE DATE_TRUNC(x.konklusjon.slutt_dato, YEAR) END AS DATE) AS konklusjon_slutt_dato,
  x.konklusjon.kode AS konklusjon_kode
FROM register.analyse_grunnlag AS g
JOIN register.sak_tabell AS s ON s.orgnr = g.orgnr AND s.sak_id = g.sak_id,
UNNEST(s.sak.undersokelse) AS x
WHERE EXTRACT(YEAR FROM x.start_dato) = g.aar
  AND s.sak.er_slettet IS NOT TRUE
  AND x.er_slettet IS NOT TRUE
  AND LOWER(x.id) NOT IN (SELECT LOWER(b.id) FROM UNNEST(s.sak.slettet) AS b WHERE b.type = 'Undersokelse')
