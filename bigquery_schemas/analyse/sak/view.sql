-- Laget med `bvr generate`; endre modellen. | Generated: change the model instead.
SELECT
  g.formal AS formal,
  g.kommunenummer AS kommunenummer,
  g.bydelsnummer AS bydelsnummer,
  g.barn AS barn_ref,
  g.sak AS sak_ref,
  g.forste_aar AS forste_aar,
  g.siste_aar AS siste_aar,
  CAST(CASE g.dato_presisjon WHEN 'DAG' THEN s.sak.start_dato WHEN 'MANED' THEN DATE_TRUNC(s.sak.start_dato, MONTH) WHEN 'KVARTAL' THEN DATE_TRUNC(s.sak.start_dato, QUARTER) ELSE DATE_TRUNC(s.sak.start_dato, YEAR) END AS DATE) AS start_dato,
  CAST(CASE g.dato_presisjon WHEN 'DAG' THEN s.sak.slutt_dato WHEN 'MANED' THEN DATE_TRUNC(s.sak.slutt_dato, MONTH) WHEN 'KVARTAL' THEN DATE_TRUNC(s.sak.slutt_dato, QUARTER) ELSE DATE_TRUNC(s.sak.slutt_dato, YEAR) END AS DATE) AS slutt_dato,
  s.sak.avsluttet AS avsluttet
FROM (
  SELECT formal, orgnr, sak_id, kommunenummer, bydelsnummer, barn, sak, dato_presisjon, MIN(aar) AS forste_aar, MAX(aar) AS siste_aar
  FROM register.analyse_grunnlag
  GROUP BY formal, orgnr, sak_id, kommunenummer, bydelsnummer, barn, sak, dato_presisjon
) AS g
JOIN register.sak_tabell AS s ON g.orgnr = s.orgnr AND g.sak_id = s.sak_id AND g.kommunenummer = s.kommunenummer
