-- Laget med `bvr generate`; endre modellen. | Generated: change the model instead.
SELECT
  g.formal AS formal,
  g.barn AS barn_ref,
  EXTRACT(YEAR FROM ANY_VALUE(p.fodseldato)) AS fodselsaar,
  ANY_VALUE(p.kjonn) AS kjonn,
  SUBSTR(MAX(CONCAT(CAST(g.aar AS STRING), g.kommunenummer)), 5) AS kommunenummer,
  COUNT(DISTINCT g.sak) AS antall_saker,
  COUNT(DISTINCT g.kommunenummer) AS antall_kommuner,
  MIN(g.aar) AS forste_aar,
  MAX(g.aar) AS siste_aar
FROM register.analyse_grunnlag AS g
JOIN register.person_sak_gjeldende AS k ON k.orgnr = g.orgnr AND k.sak_id = g.sak_id
JOIN register.person AS p ON p.barn_id = k.barn_id
GROUP BY g.formal, g.barn
