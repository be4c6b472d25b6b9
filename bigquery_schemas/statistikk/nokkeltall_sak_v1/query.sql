-- Laget med `bvr generate`; endre nøkkeltallene. | Generated: change the declarations of key figures instead.
WITH
  -- Years, half-years and rolling twelve months from two years back, the running ones as far as they have come; stocks
  -- of the days that have passed.
  periode AS (
    SELECT
      CONCAT(CAST(aar AS STRING), del.kode) AS periode,
      type AS periodetype,
      CASE type
        WHEN 'R' THEN DATE_ADD(DATE_SUB(DATE(aar, del.maaned, del.dag), INTERVAL 1 YEAR), INTERVAL 1 DAY)
        WHEN 'Y' THEN DATE(aar, 1, 1)
        ELSE DATE(aar, del.fra_maaned, 1)
      END AS fra,
      DATE(aar, del.maaned, del.dag) AS til
    FROM UNNEST(GENERATE_ARRAY(
      EXTRACT(YEAR FROM DATE(@run_time, 'Europe/Oslo')) - 2,
      EXTRACT(YEAR FROM DATE(@run_time, 'Europe/Oslo'))
    )) AS aar
    CROSS JOIN UNNEST([
      STRUCT('' AS kode, 1 AS fra_maaned, 12 AS maaned, 31 AS dag, ['Y'] AS typer),
      STRUCT('H1' AS kode, 1 AS fra_maaned, 6 AS maaned, 30 AS dag, ['H', 'R', 'D'] AS typer),
      STRUCT('H2' AS kode, 7 AS fra_maaned, 12 AS maaned, 31 AS dag, ['H', 'R', 'D'] AS typer)
    ]) AS del
    CROSS JOIN UNNEST(del.typer) AS type
    WHERE IF(
      type = 'D',
      DATE(aar, del.maaned, del.dag) < DATE(@run_time, 'Europe/Oslo'),
      DATE(aar, del.fra_maaned, 1) <= DATE(@run_time, 'Europe/Oslo')
    )
  ),
  saker AS (
    SELECT orgnr, sak_id, kommunenummer, bydelsnummer, sak
    FROM register.sak_per(@run_time)
  ),
  borte AS (
    SELECT DISTINCT s.orgnr, s.sak_id, b.type, LOWER(b.id) AS id
    FROM saker AS s, UNNEST(s.sak.slettet) AS b
  ),
  deler AS (
    SELECT DISTINCT kommunenummer, IFNULL(bydelsnummer, '') AS bydel FROM saker
    UNION DISTINCT
    SELECT DISTINCT kommunenummer, '' AS bydel FROM register.sak_historikk_per(@run_time)
  ),
  sted AS (
    SELECT d.kommunenummer, d.bydel, r.region, r.niva
    FROM deler AS d
    CROSS JOIN UNNEST([
      STRUCT('EAK' AS region, 'LAND' AS niva),
      STRUCT(IF(d.kommunenummer = '0301', NULL, 'EAKUO') AS region, 'LAND' AS niva),
      STRUCT(CONCAT('EKA', SUBSTR(d.kommunenummer, 1, 2)) AS region, 'FYLKE' AS niva),
      STRUCT(d.kommunenummer AS region, 'KOMMUNE' AS niva),
      STRUCT(IF(d.bydel = '', NULL, CONCAT(d.kommunenummer, d.bydel)) AS region, 'BYDEL' AS niva),
      STRUCT(
        IF(d.kommunenummer = '0301' AND d.bydel NOT IN ('', '16', '17', '99'), 'EAB', NULL) AS region, 'BYDELER' AS niva
      )
    ]) AS r
    WHERE r.region IS NOT NULL
    UNION ALL
    SELECT d.kommunenummer, d.bydel, k.gruppe AS region, 'KOSTRAGRUPPE' AS niva
    FROM deler AS d
    JOIN grunnlag.kostragruppe_per(@run_time) AS k
      ON k.kommunenummer = d.kommunenummer AND k.gyldig_fra <= DATE(@run_time, 'Europe/Oslo')
      AND (k.gyldig_til IS NULL OR k.gyldig_til >= DATE(@run_time, 'Europe/Oslo'))
  ),
  personalia AS (
    SELECT s.orgnr, s.sak_id, x.start_dato, plass,
      IF(x.kjonn IN ('1', '2'), x.kjonn, '0') AS kjonn,
      IF(x.kjonn = '0', NULL, x.fodseldato) AS fodseldato,
      CASE
        WHEN x.nummertype IN ('FNR', 'DNR') THEN CONCAT('N', TO_HEX(x.fodselsnummer))
        WHEN x.duf_nummer IS NOT NULL THEN CONCAT('D', TO_HEX(x.duf_nummer))
        ELSE CONCAT('S', s.orgnr, s.sak_id)
      END AS nokkel
    FROM saker AS s, UNNEST(s.sak.personalia) AS x WITH OFFSET AS plass
    LEFT JOIN borte AS b ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id AND b.type = 'Personalia' AND b.id = LOWER(x.id)
    WHERE x.er_slettet IS NOT TRUE AND b.id IS NULL
    QUALIFY ROW_NUMBER() OVER (PARTITION BY s.orgnr, s.sak_id, x.start_dato ORDER BY plass DESC) = 1
  ),
  barnet AS (
    SELECT orgnr, sak_id, kjonn, fodseldato, nokkel,
      IF(
        ROW_NUMBER() OVER (PARTITION BY orgnr, sak_id ORDER BY start_dato) = 1, DATE '0001-01-01', start_dato
      ) AS fra,
      IFNULL(LEAD(start_dato) OVER (PARTITION BY orgnr, sak_id ORDER BY start_dato), DATE '9999-12-31') AS til
    FROM personalia
  ),
  elementer AS (
    SELECT orgnr, sak_id, kommunenummer, IFNULL(bydelsnummer, '') AS bydel, sak.start_dato AS start_dato,
      sak.slutt_dato AS slutt_dato, sak.migrert_id AS migrert_id
    FROM saker
  ),
  perioder AS (
    SELECT e.*, p.periode, p.periodetype, p.fra, p.til,
      IFNULL(b.nokkel, CONCAT('S', e.orgnr, e.sak_id)) AS nokkel,
      IFNULL(b.kjonn, '0') AS kjonn,
      IF(
        b.fodseldato IS NULL OR b.fodseldato > p.til,
        -1,
        DATE_DIFF(p.til, b.fodseldato, YEAR)
          - IF(FORMAT_DATE('%m%d', p.til) < FORMAT_DATE('%m%d', b.fodseldato), 1, 0)
      ) AS alder
    FROM elementer AS e
    JOIN periode AS p ON LEAST(e.start_dato, IFNULL(e.slutt_dato, e.start_dato)) <= p.til AND IFNULL(GREATEST(e.slutt_dato, e.start_dato), p.til) >= p.fra
    LEFT JOIN barnet AS b ON b.orgnr = e.orgnr AND b.sak_id = e.sak_id AND b.fra <= p.til AND b.til > p.til
  ),
  bidrag AS (
    SELECT i.indikator, e.periode, e.periodetype, s.region, s.niva, e.nokkel, e.kjonn,
      CASE
        WHEN e.alder < 0 THEN 'U'
        WHEN e.alder < 3 THEN '0-2'
        WHEN e.alder < 6 THEN '3-5'
        WHEN e.alder < 13 THEN '6-12'
        WHEN e.alder < 18 THEN '13-17'
        WHEN e.alder < 25 THEN '18-24'
        ELSE '25+'
      END AS aldersgruppe,
      i.teller, i.nevner, i.kodeteller, i.koder
    FROM perioder AS e
    CROSS JOIN UNNEST([
      STRUCT('nye_saker' AS indikator, e.periodetype IN ('H', 'Y') AND (e.migrert_id IS NULL AND e.start_dato BETWEEN e.fra AND e.til) AS med, 1 AS teller, CAST(NULL AS INT64) AS nevner, 1 AS kodeteller, CAST([] AS ARRAY<STRING>) AS koder),
      STRUCT('apne_saker' AS indikator, e.periodetype IN ('D') AND (e.start_dato <= e.til AND (e.slutt_dato IS NULL OR e.slutt_dato > e.til)) AS med, 1 AS teller, CAST(NULL AS INT64) AS nevner, 1 AS kodeteller, CAST([] AS ARRAY<STRING>) AS koder)
    ]) AS i
    JOIN sted AS s ON s.kommunenummer = e.kommunenummer AND s.bydel = e.bydel
    WHERE i.med
  ),
  per_barn AS (
    SELECT indikator, periode, periodetype, region, niva, kjonn, aldersgruppe, nokkel, SUM(teller) AS teller, SUM(nevner) AS nevner
    FROM bidrag
    GROUP BY GROUPING SETS ((indikator, periode, periodetype, region, niva, nokkel), (indikator, periode, periodetype, region, niva, kjonn, nokkel), (indikator, periode, periodetype, region, niva, aldersgruppe, nokkel))
  ),
  per_barn_og_kode AS (
    SELECT indikator, periode, periodetype, region, niva, kode, nokkel, SUM(kodeteller) AS teller, SUM(nevner) AS nevner
    FROM bidrag AS g, UNNEST(g.koder) AS kode
    WHERE kode IS NOT NULL
    GROUP BY indikator, periode, periodetype, region, niva, kode, nokkel
  ),
  tall AS (
    SELECT indikator, periode, periodetype, region, niva, IFNULL(kjonn, 'T') AS kjonn, IFNULL(aldersgruppe, 'T') AS aldersgruppe, 'T' AS kode,
      SUM(teller) AS teller, SUM(nevner) AS nevner, COUNTIF(teller > 0) AS n_barn, COUNT(*) AS n_barn_nevner
    FROM per_barn
    GROUP BY indikator, periode, periodetype, region, niva, kjonn, aldersgruppe
    UNION ALL
    SELECT indikator, periode, periodetype, region, niva, 'T' AS kjonn, 'T' AS aldersgruppe, kode,
      SUM(teller) AS teller, SUM(nevner) AS nevner, COUNTIF(teller > 0) AS n_barn, COUNT(*) AS n_barn_nevner
    FROM per_barn_og_kode
    GROUP BY indikator, periode, periodetype, region, niva, kode
  ),
  celler AS (
    SELECT 'SUM' AS maal, * FROM tall
  ),
  nokkeltall AS (
    SELECT n.indikator, n.enhet, n.befolkning, n.per, p.periode, p.periodetype, p.til
    FROM UNNEST([
      STRUCT('nye_saker' AS indikator, 'SAK' AS enhet, ['H', 'Y'] AS typer, CAST(NULL AS STRING) AS befolkning, 100 AS per, '' AS bare),
      STRUCT('apne_saker' AS indikator, 'SAK' AS enhet, ['D'] AS typer, CAST(NULL AS STRING) AS befolkning, 100 AS per, '' AS bare)
    ]) AS n
    CROSS JOIN periode AS p
    WHERE p.periodetype IN UNNEST(n.typer) AND ENDS_WITH(p.periode, n.bare)
  ),
  alle AS (
    SELECT n.*, s.region, s.niva, maal
    FROM nokkeltall AS n
    CROSS JOIN (SELECT DISTINCT region, niva FROM sted) AS s
    CROSS JOIN UNNEST(['SUM', 'UNIK']) AS maal
    WHERE maal = 'SUM' OR (n.enhet = 'BARN' AND s.niva NOT IN ('KOMMUNE', 'BYDEL'))
  )
SELECT
  a.indikator,
  a.region,
  a.niva,
  a.maal,
  a.periode,
  a.periodetype,
  IFNULL(c.kjonn, 'T') AS kjonn,
  IFNULL(c.aldersgruppe, 'T') AS aldersgruppe,
  IFNULL(c.kode, 'T') AS kode,
  IFNULL(c.teller, 0) AS verdi,
  IF(a.befolkning IS NULL, c.nevner, f.antall) AS nevner,
  -- KOSTRA rounds half away from zero, as ROUND does with NUMERIC.
  ROUND(
    SAFE_DIVIDE(
      CAST(a.per * IFNULL(c.teller, 0) AS NUMERIC), IF(a.befolkning IS NULL, c.nevner, f.antall)
    ),
    1
  ) AS andel,
  IFNULL(c.n_barn, 0) AS n_barn,
  IFNULL(c.n_barn_nevner, 0) AS n_barn_nevner,
  CASE
    WHEN a.befolkning IS NOT NULL AND IFNULL(f.antall, 0) = 0 THEN 'MANGLER_BEFOLKNING'
    WHEN a.til >= DATE(@run_time, 'Europe/Oslo') THEN 'FORELOPIG'
    ELSE 'KOMPLETT'
  END AS status,
  a.til AS referansedato,
  @run_time AS kunnskapstidspunkt
FROM alle AS a
LEFT JOIN celler AS c
  ON c.indikator = a.indikator AND c.region = a.region AND c.niva = a.niva AND c.maal = a.maal
  AND c.periode = a.periode AND c.periodetype = a.periodetype
LEFT JOIN grunnlag.befolkning_per(@run_time) AS f
  ON f.region = a.region AND f.aldersgruppe = a.befolkning AND f.dato = DATE_ADD(a.til, INTERVAL 1 DAY)
  AND IFNULL(c.kjonn, 'T') = 'T' AND IFNULL(c.aldersgruppe, 'T') = 'T'
