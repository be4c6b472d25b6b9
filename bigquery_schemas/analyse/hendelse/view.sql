-- Laget med `bvr generate`; endre modellen. | Generated: change the model instead.
SELECT
  g.formal AS formal,
  g.kommunenummer AS kommunenummer,
  g.bydelsnummer AS bydelsnummer,
  g.barn AS barn_ref,
  g.sak AS sak_ref,
  g.aar AS aar,
  h.type AS type,
  CAST(CASE g.dato_presisjon WHEN 'DAG' THEN h.dato WHEN 'MANED' THEN DATE_TRUNC(h.dato, MONTH) WHEN 'KVARTAL' THEN DATE_TRUNC(h.dato, QUARTER) ELSE DATE_TRUNC(h.dato, YEAR) END AS DATE) AS dato,
  h.kode AS kode,
  h.kodeliste AS kodeliste,
  h.lovhjemmel AS lovhjemmel,
  SUBSTR(TO_HEX(SHA256(CONCAT(g.salt, CAST(CONCAT(h.forelder, '/', h.element_id) AS BYTES)))), 1, 32) AS element_ref,
  h.forelder AS forelder
FROM register.analyse_grunnlag AS g
JOIN register.hendelse AS h
  ON g.orgnr = h.orgnr AND g.sak_id = h.sak_id AND g.kommunenummer = h.kommunenummer AND g.aar = EXTRACT(YEAR FROM h.dato)
