-- Validation report by week (statistics 3.2): for each of the last 26 weeks and the running one, the cases a municipality
-- had at its end, how many of them had an ERROR, and each rule's findings: new, solved, open, and how old.
WITH
  uke AS (
    SELECT FORMAT_DATE('%G-W%V', mandag) AS uke, TIMESTAMP(mandag, 'Europe/Oslo') AS fra,
      LEAST(TIMESTAMP(DATE_ADD(mandag, INTERVAL 7 DAY), 'Europe/Oslo'), @run_time) AS til
    FROM UNNEST(GENERATE_DATE_ARRAY(
      -- The Monday of its week, 26 weeks ago.
      DATE_SUB(
        DATE(@run_time, 'Europe/Oslo'),
        INTERVAL 26 * 7 + MOD(EXTRACT(DAYOFWEEK FROM DATE(@run_time, 'Europe/Oslo')) + 5, 7) DAY
      ),
      DATE(@run_time, 'Europe/Oslo'),
      INTERVAL 7 DAY
    )) AS mandag
  ),
  tilstand AS (
    SELECT kommunenummer, orgnr, sak_id, utfall, er_slettet, mottatt,
      LEAD(mottatt) OVER (
        PARTITION BY orgnr, sak_id ORDER BY mottatt, dato_uttrekk, innsending_id, innhold_sha256
      ) AS til
    FROM (
      SELECT *, MAX(dato_uttrekk) OVER (
        PARTITION BY orgnr, sak_id ORDER BY mottatt, dato_uttrekk, innsending_id, innhold_sha256
      ) AS nyeste
      FROM register.sak_historikk_per(@run_time)
    )
    WHERE dato_uttrekk = nyeste
  ),
  saker AS (
    SELECT t.kommunenummer, u.uke, COUNT(*) AS totalt, COUNTIF(t.utfall = 'EXCLUDED') AS med_error
    FROM tilstand AS t
    JOIN uke AS u ON t.mottatt < u.til AND (t.til IS NULL OR t.til >= u.til)
    WHERE t.er_slettet IS NOT TRUE
    GROUP BY t.kommunenummer, u.uke
  ),
  funn AS (
    SELECT r.kommunenummer, regel, r.alvorlighet, u.uke,
      r.forst_sett >= u.fra AS ny, IFNULL(r.lost_tid < u.til, FALSE) AS lost,
      DATE_DIFF(DATE(u.til, 'Europe/Oslo'), DATE(r.forst_sett, 'Europe/Oslo'), DAY) AS dager
    FROM statistikk.valideringsrapport_v1 AS r
    CROSS JOIN UNNEST([r.regel_id, 'ALLE']) AS regel
    JOIN uke AS u ON r.forst_sett < u.til AND (r.lost_tid IS NULL OR r.lost_tid >= u.fra)
    WHERE r.alvorlighet != 'FATAL'
  ),
  midt AS (
    SELECT DISTINCT kommunenummer, regel, alvorlighet, uke,
      PERCENTILE_CONT(dager, 0.5) OVER (PARTITION BY kommunenummer, regel, alvorlighet, uke) AS median
    FROM funn
    WHERE NOT lost
  ),
  tall AS (
    SELECT kommunenummer, regel, alvorlighet, uke, COUNTIF(ny) AS nye, COUNTIF(lost) AS loste,
      COUNTIF(NOT lost) AS apne, MAX(IF(lost, NULL, dager)) AS eldste
    FROM funn
    GROUP BY kommunenummer, regel, alvorlighet, uke
  )
SELECT
  s.kommunenummer,
  s.uke,
  IFNULL(t.regel, 'ALLE') AS regel_id,
  IFNULL(t.alvorlighet, 'ERROR') AS alvorlighet,
  s.totalt AS saker_totalt,
  s.med_error AS saker_med_error,
  ROUND(SAFE_DIVIDE(CAST(100 * s.med_error AS NUMERIC), s.totalt), 2) AS andel_error,
  ROUND(SAFE_DIVIDE(CAST(100 * IFNULL(t.apne, 0) AS NUMERIC), s.totalt), 2) AS apne_per_100_saker,
  IFNULL(t.nye, 0) AS nye,
  IFNULL(t.loste, 0) AS loste,
  IFNULL(t.apne, 0) AS apne,
  CAST(m.median AS FLOAT64) AS median_apen_dager,
  t.eldste AS eldste_apne_dager,
  @run_time AS kunnskapstidspunkt
FROM saker AS s
LEFT JOIN tall AS t ON t.kommunenummer = s.kommunenummer AND t.uke = s.uke
LEFT JOIN midt AS m
  ON m.kommunenummer = t.kommunenummer AND m.uke = t.uke AND m.regel = t.regel AND m.alvorlighet = t.alvorlighet
