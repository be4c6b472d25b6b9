-- Laget med `bvr generate`; endre modellen. | Generated: change the model instead.
SELECT
  g.formal AS formal,
  g.kommunenummer AS kommunenummer,
  g.bydelsnummer AS bydelsnummer,
  g.barn AS barn_ref,
  g.sak AS sak_ref,
  MIN(g.aar) AS forste_aar,
  MAX(g.aar) AS siste_aar,
  ANY_VALUE(CAST(CASE g.dato_presisjon WHEN 'DAG' THEN s.sak.start_dato WHEN 'MANED' THEN DATE_TRUNC(s.sak.start_dato, MONTH) WHEN 'KVARTAL' THEN DATE_TRUNC(s.sak.start_dato, QUARTER) ELSE DATE_TRUNC(s.sak.start_dato, YEAR) END AS DATE)) AS start_dato,
  ANY_VALUE(CAST(CASE g.dato_presisjon WHEN 'DAG' THEN s.sak.slutt_dato WHEN 'MANED' THEN DATE_TRUNC(s.sak.slutt_dato, MONTH) WHEN 'KVARTAL' THEN DATE_TRUNC(s.sak.slutt_dato, QUARTER) ELSE DATE_TRUNC(s.sak.slutt_dato, YEAR) END AS DATE)) AS slutt_dato,
  ANY_VALUE(s.sak.avsluttet) AS avsluttet
FROM register.analyse_grunnlag AS g
JOIN register.sak_tabell AS s ON s.orgnr = g.orgnr AND s.sak_id = g.sak_id
GROUP BY g.formal, g.kommunenummer, g.bydelsnummer, g.barn, g.sak
