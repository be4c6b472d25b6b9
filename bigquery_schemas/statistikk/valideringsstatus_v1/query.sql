-- The gate of validation (statistics 3.2), by municipality and by the system and version that its cases come from: at most
-- 1 % of the cases with an ERROR, none of them older than 14 days, and a submission within two working days.
WITH
  saker AS (
    SELECT kommunenummer, utfall, mottatt, fagsystem.leverandor AS leverandor, fagsystem.versjon AS versjon
    FROM register.sak_siste_per(@run_time)
    WHERE er_slettet IS NOT TRUE
  ),
  feil AS (
    SELECT kommunenummer, fagsystem_leverandor AS leverandor, fagsystem_versjon AS versjon,
      COUNTIF(alvorlighet = 'ERROR') AS error, COUNTIF(alvorlighet = 'WARNING') AS warning,
      COUNTIF(alvorlighet = 'INFO') AS info, MAX(IF(alvorlighet = 'ERROR', apen_dager, NULL)) AS eldste
    FROM statistikk.valideringsrapport_v1
    WHERE apen
    GROUP BY GROUPING SETS ((kommunenummer), (kommunenummer, leverandor, versjon))
  ),
  tall AS (
    SELECT kommunenummer, leverandor, versjon, COUNT(*) AS totalt, COUNTIF(utfall = 'EXCLUDED') AS med_error,
      MAX(IF(utfall = 'REGISTERED', mottatt, NULL)) AS siste
    FROM saker
    GROUP BY GROUPING SETS ((kommunenummer), (kommunenummer, leverandor, versjon))
  ),
  avvist AS (
    SELECT kommunenummer, COUNT(DISTINCT innsending_id) AS avviste
    FROM statistikk.valideringsrapport_v1
    WHERE alvorlighet = 'FATAL'
    GROUP BY kommunenummer
  ),
  -- Working days after the day of the last good submission, up to the day of the run.
  dager AS (
    SELECT t.kommunenummer, t.leverandor, t.versjon, COUNTIF(h.dato IS NULL) AS arbeidsdager
    FROM tall AS t, UNNEST(GENERATE_DATE_ARRAY(
      DATE_ADD(DATE(t.siste, 'Europe/Oslo'), INTERVAL 1 DAY), DATE(@run_time, 'Europe/Oslo')
    )) AS dag
    LEFT JOIN grunnlag.helligdag AS h ON h.dato = dag
    WHERE EXTRACT(DAYOFWEEK FROM dag) NOT IN (1, 7)
    GROUP BY t.kommunenummer, t.leverandor, t.versjon
  )
SELECT
  t.kommunenummer,
  IFNULL(t.leverandor, 'ALLE') AS fagsystem_leverandor,
  IFNULL(t.versjon, 'ALLE') AS fagsystem_versjon,
  t.totalt AS saker_totalt,
  t.med_error AS saker_med_error,
  ROUND(CAST(100 * t.med_error AS NUMERIC) / t.totalt, 2) AS andel_error,
  IFNULL(f.error, 0) AS apne_error,
  IFNULL(f.warning, 0) AS apne_warning,
  IFNULL(f.info, 0) AS apne_info,
  f.eldste AS eldste_error_dager,
  IF(t.leverandor IS NULL, IFNULL(a.avviste, 0), NULL) AS avviste_30_dager,
  t.siste AS siste_innsending,
  IF(t.siste IS NULL, NULL, IFNULL(d.arbeidsdager, 0)) AS arbeidsdager_siden,
  100 * t.med_error <= t.totalt
    AND IFNULL(f.eldste, 0) <= 14
    AND t.siste IS NOT NULL
    AND IFNULL(d.arbeidsdager, 0) <= 2 AS godkjent,
  @run_time AS kunnskapstidspunkt
FROM tall AS t
LEFT JOIN feil AS f
  ON f.kommunenummer = t.kommunenummer AND IFNULL(f.leverandor, '') = IFNULL(t.leverandor, '')
  AND IFNULL(f.versjon, '') = IFNULL(t.versjon, '')
LEFT JOIN dager AS d
  ON d.kommunenummer = t.kommunenummer AND IFNULL(d.leverandor, '') = IFNULL(t.leverandor, '')
  AND IFNULL(d.versjon, '') = IFNULL(t.versjon, '')
LEFT JOIN avvist AS a ON a.kommunenummer = t.kommunenummer
