-- Laget med `bvr generate`; endre nøkkeltallene. | Generated: change the declarations of key figures instead.
WITH
  -- The numbers of the children of each case, and the case itself where a child has none.
  numre AS (
    SELECT s.kommunenummer, s.orgnr, s.sak_id, s.utfall, nummer
    FROM register.sak_siste_per(@run_time) AS s, UNNEST(s.sak.personalia) AS x
    CROSS JOIN UNNEST([TO_HEX(x.fodselsnummer), TO_HEX(x.duf_nummer), CONCAT(s.orgnr, s.sak_id)]) AS nummer
    WHERE s.er_slettet IS NOT TRUE AND nummer IS NOT NULL
    UNION DISTINCT
    SELECT s.kommunenummer, s.orgnr, s.sak_id, s.utfall, CONCAT(s.orgnr, s.sak_id)
    FROM register.sak_siste_per(@run_time) AS s
    WHERE s.er_slettet IS NOT TRUE AND s.utfall = 'EXCLUDED'
  ),
  bidrag AS (
    SELECT * FROM (
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
    SELECT orgnr, sak_id, CONCAT(kommunenummer, '/', orgnr, '/', sak_id) AS kommunenummer, CAST(NULL AS STRING) AS bydelsnummer, sak
    FROM (
      SELECT s.orgnr, s.sak_id, s.kommunenummer, s.bydelsnummer, s.sak
      FROM register.sak_siste_per(@run_time) AS s
      JOIN (
        SELECT DISTINCT b.kommunenummer, b.orgnr, b.sak_id
        FROM numre AS a
        JOIN numre AS b ON b.kommunenummer = a.kommunenummer AND b.nummer = a.nummer
        WHERE a.utfall = 'EXCLUDED'
      ) AS n ON n.kommunenummer = s.kommunenummer AND n.orgnr = s.orgnr AND n.sak_id = s.sak_id
      WHERE s.er_slettet IS NOT TRUE
    )
  ),
  borte AS (
    SELECT DISTINCT s.orgnr, s.sak_id, b.type, LOWER(b.id) AS id
    FROM saker AS s, UNNEST(s.sak.slettet) AS b
  ),
  sted AS (
    SELECT DISTINCT kommunenummer, '' AS bydel, kommunenummer AS region, 'STED' AS niva FROM saker
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
  melding AS (
    SELECT s.orgnr, s.sak_id, s.kommunenummer, IFNULL(s.bydelsnummer, '') AS bydel, LOWER(x.id) AS id,
      x.start_dato, x.migrert_id, x.konklusjon.slutt_dato AS konkludert, x.konklusjon.kode AS kode,
      IFNULL(x.konklusjon.slutt_dato, s.sak.slutt_dato) AS slutt_dato,
      ARRAY(SELECT m.kode FROM UNNEST(x.melder) AS m) AS melder,
      ARRAY(SELECT i.kode FROM UNNEST(x.saksinnhold) AS i) AS saksinnhold
    FROM saker AS s, UNNEST(s.sak.melding) AS x
    LEFT JOIN borte AS b
      ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id AND b.type = 'Melding' AND b.id = LOWER(x.id)
    WHERE x.er_slettet IS NOT TRUE AND b.id IS NULL
  ),
  elementer AS (
    SELECT * FROM melding
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
      STRUCT('meldinger_ssb' AS indikator, e.periodetype IN ('Y', 'R') AND (e.konkludert BETWEEN e.fra AND e.til AND e.kode NOT IN ('3', '4')) AS med, 1 AS teller, CAST(NULL AS INT64) AS nevner, 1 AS kodeteller, [e.kode, IF(e.kode IN ('1', '5', '6', '7', '8', '9', '10'), 'HENLAGT', NULL)] AS koder)
    ]) AS i
    JOIN sted AS s ON s.kommunenummer = e.kommunenummer AND s.bydel = e.bydel
    WHERE i.med
  ),
  gitt AS (
    SELECT indikator, periode, periodetype, region AS sted, nokkel, SUM(teller) AS teller, SUM(nevner) AS nevner
    FROM bidrag
    GROUP BY indikator, periode, periodetype, sted, nokkel
  )
SELECT * FROM gitt
)
    UNION ALL
    SELECT * FROM (
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
    SELECT orgnr, sak_id, CONCAT(kommunenummer, '/', orgnr, '/', sak_id) AS kommunenummer, CAST(NULL AS STRING) AS bydelsnummer, sak
    FROM (
      SELECT s.orgnr, s.sak_id, s.kommunenummer, s.bydelsnummer, s.sak
      FROM register.sak_siste_per(@run_time) AS s
      JOIN (
        SELECT DISTINCT b.kommunenummer, b.orgnr, b.sak_id
        FROM numre AS a
        JOIN numre AS b ON b.kommunenummer = a.kommunenummer AND b.nummer = a.nummer
        WHERE a.utfall = 'EXCLUDED'
      ) AS n ON n.kommunenummer = s.kommunenummer AND n.orgnr = s.orgnr AND n.sak_id = s.sak_id
      WHERE s.er_slettet IS NOT TRUE
    )
  ),
  borte AS (
    SELECT DISTINCT s.orgnr, s.sak_id, b.type, LOWER(b.id) AS id
    FROM saker AS s, UNNEST(s.sak.slettet) AS b
  ),
  sted AS (
    SELECT DISTINCT kommunenummer, '' AS bydel, kommunenummer AS region, 'STED' AS niva FROM saker
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
  melding AS (
    SELECT s.orgnr, s.sak_id, s.kommunenummer, IFNULL(s.bydelsnummer, '') AS bydel, LOWER(x.id) AS id,
      x.start_dato, x.migrert_id, x.konklusjon.slutt_dato AS konkludert, x.konklusjon.kode AS kode,
      IFNULL(x.konklusjon.slutt_dato, s.sak.slutt_dato) AS slutt_dato,
      ARRAY(SELECT m.kode FROM UNNEST(x.melder) AS m) AS melder,
      ARRAY(SELECT i.kode FROM UNNEST(x.saksinnhold) AS i) AS saksinnhold
    FROM saker AS s, UNNEST(s.sak.melding) AS x
    LEFT JOIN borte AS b
      ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id AND b.type = 'Melding' AND b.id = LOWER(x.id)
    WHERE x.er_slettet IS NOT TRUE AND b.id IS NULL
  ),
  undersokelsen AS (
    SELECT s.orgnr, s.sak_id, s.kommunenummer, IFNULL(s.bydelsnummer, '') AS bydel, LOWER(x.id) AS id,
      x.start_dato, x.konklusjon.slutt_dato AS konkludert, x.konklusjon.kode AS kode,
      IFNULL(x.konklusjon.slutt_dato, s.sak.slutt_dato) AS slutt_dato,
      x.utvidet_frist.innvilget AS innvilget, x.barnets_medvirkning.medvirkning_type AS medvirkning,
      ARRAY(SELECT g.kode FROM UNNEST(x.vedtaksgrunnlag) AS g) AS grunnlag
    FROM saker AS s, UNNEST(s.sak.undersokelse) AS x
    LEFT JOIN borte AS b
      ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id AND b.type = 'Undersokelse' AND b.id = LOWER(x.id)
    WHERE x.er_slettet IS NOT TRUE AND b.id IS NULL
  ),
  planen AS (
    SELECT s.orgnr, s.sak_id, s.kommunenummer, IFNULL(s.bydelsnummer, '') AS bydel, LOWER(x.id) AS id,
      x.start_dato, x.plantype,
      IFNULL(x.konklusjon.slutt_dato, s.sak.slutt_dato) AS slutt_dato,
      ARRAY(SELECT v.utfort_dato FROM UNNEST(x.evaluering) AS v) AS evaluert
    FROM saker AS s, UNNEST(s.sak.plan) AS x
    LEFT JOIN borte AS b
      ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id AND b.type = 'Plan' AND b.id = LOWER(x.id)
    WHERE x.er_slettet IS NOT TRUE AND b.id IS NULL
  ),
  fra_melding AS (
    SELECT u.orgnr, u.sak_id, u.id, m.start_dato, m.melder
    FROM undersokelsen AS u
    JOIN (
      SELECT s.orgnr, s.sak_id, LOWER(x.fra_id) AS fra_id, LOWER(x.til_id) AS til_id
      FROM saker AS s, UNNEST(s.sak.relasjon) AS x
      LEFT JOIN borte AS b ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id AND b.type = 'Relasjon' AND b.id = LOWER(x.id)
      WHERE x.fra_type = 'Melding' AND x.til_type = 'Undersokelse' AND x.er_slettet IS NOT TRUE AND b.id IS NULL
    ) AS r ON r.orgnr = u.orgnr AND r.sak_id = u.sak_id AND r.til_id = u.id
    JOIN (
      SELECT orgnr, sak_id, id AS nokkel, id, start_dato, kode, melder FROM melding
      UNION ALL
      SELECT orgnr, sak_id, LOWER(migrert_id) AS nokkel, id, start_dato, kode, melder
      FROM melding
      WHERE migrert_id IS NOT NULL AND LOWER(migrert_id) != id
    ) AS m ON m.orgnr = r.orgnr AND m.sak_id = r.sak_id AND m.nokkel = r.fra_id AND m.kode = '2'
  ),
  startet AS (
    SELECT orgnr, sak_id, id, MIN(start_dato) AS m0 FROM fra_melding GROUP BY orgnr, sak_id, id
  ),
  meldt AS (
    SELECT orgnr, sak_id, id, ARRAY_AGG(kode) AS melder
    FROM (SELECT DISTINCT f.orgnr, f.sak_id, f.id, kode FROM fra_melding AS f, UNNEST(f.melder) AS kode)
    GROUP BY orgnr, sak_id, id
  ),
  elementer AS (
    SELECT u.*, IFNULL(n.melder, []) AS melder, pl.id IS NOT NULL AS har_plan,
      DATE_ADD(
        DATE_ADD(IFNULL(m.m0, u.start_dato), INTERVAL 7 DAY), INTERVAL IF(u.innvilget = '1', 6, 3) MONTH
      ) AS frist_lov,
      DATE_ADD(IFNULL(m.m0, u.start_dato), INTERVAL IF(u.innvilget = '1', 187, 97) DAY) AS frist_bvr90,
      DATE_ADD(u.start_dato, INTERVAL 3 MONTH) AS frist_ssb
    FROM undersokelsen AS u
    LEFT JOIN startet AS m ON m.orgnr = u.orgnr AND m.sak_id = u.sak_id AND m.id = u.id
    LEFT JOIN meldt AS n ON n.orgnr = u.orgnr AND n.sak_id = u.sak_id AND n.id = u.id
    LEFT JOIN (
      SELECT DISTINCT v.orgnr, v.sak_id, v.id
      FROM undersokelsen AS v
      JOIN planen AS pl ON pl.orgnr = v.orgnr AND pl.sak_id = v.sak_id
      WHERE pl.plantype IN ('7', '8') AND (v.slutt_dato IS NULL OR pl.start_dato <= v.slutt_dato)
        AND (pl.slutt_dato IS NULL OR pl.slutt_dato >= v.start_dato)
    ) AS pl ON pl.orgnr = u.orgnr AND pl.sak_id = u.sak_id AND pl.id = u.id
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
      STRUCT('us_avsluttet' AS indikator, e.periodetype IN ('H', 'Y', 'R') AND (e.konkludert BETWEEN e.fra AND e.til) AS med, 1 AS teller, CAST(NULL AS INT64) AS nevner, 1 AS kodeteller, [e.kode, IF(e.kode IN ('5', '7', '8', '9'), 'FLYTTET', NULL)] AS koder)
    ]) AS i
    JOIN sted AS s ON s.kommunenummer = e.kommunenummer AND s.bydel = e.bydel
    WHERE i.med
  ),
  gitt AS (
    SELECT indikator, periode, periodetype, region AS sted, nokkel, SUM(teller) AS teller, SUM(nevner) AS nevner
    FROM bidrag
    GROUP BY indikator, periode, periodetype, sted, nokkel
  )
SELECT * FROM gitt
)
    UNION ALL
    SELECT * FROM (
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
    SELECT orgnr, sak_id, CONCAT(kommunenummer, '/', orgnr, '/', sak_id) AS kommunenummer, CAST(NULL AS STRING) AS bydelsnummer, sak
    FROM (
      SELECT s.orgnr, s.sak_id, s.kommunenummer, s.bydelsnummer, s.sak
      FROM register.sak_siste_per(@run_time) AS s
      JOIN (
        SELECT DISTINCT b.kommunenummer, b.orgnr, b.sak_id
        FROM numre AS a
        JOIN numre AS b ON b.kommunenummer = a.kommunenummer AND b.nummer = a.nummer
        WHERE a.utfall = 'EXCLUDED'
      ) AS n ON n.kommunenummer = s.kommunenummer AND n.orgnr = s.orgnr AND n.sak_id = s.sak_id
      WHERE s.er_slettet IS NOT TRUE
    )
  ),
  borte AS (
    SELECT DISTINCT s.orgnr, s.sak_id, b.type, LOWER(b.id) AS id
    FROM saker AS s, UNNEST(s.sak.slettet) AS b
  ),
  sted AS (
    SELECT DISTINCT kommunenummer, '' AS bydel, kommunenummer AS region, 'STED' AS niva FROM saker
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
  tiltaket AS (
    SELECT s.orgnr, s.sak_id, s.kommunenummer, IFNULL(s.bydelsnummer, '') AS bydel, LOWER(x.id) AS id,
      x.start_dato, x.konklusjon.slutt_dato AS konkludert, x.kategori.kode AS kode,
      x.opphevelse.kode AS opphevelse,
      IFNULL(x.konklusjon.slutt_dato, s.sak.slutt_dato) AS slutt_dato,
      ((x.lovhjemmel.lov = 'BVL2021' AND x.lovhjemmel.kapittel = '5' AND x.lovhjemmel.paragraf = '1') OR (x.lovhjemmel.lov = 'BVL' AND x.lovhjemmel.kapittel = '4' AND (x.lovhjemmel.paragraf = '12' OR (x.lovhjemmel.paragraf = '8' AND ('2' IN UNNEST(x.lovhjemmel.ledd) OR '3' IN UNNEST(x.lovhjemmel.ledd) OR '4-12' IN UNNEST(ARRAY(SELECT CONCAT(j.kapittel, '-', j.paragraf) FROM UNNEST(x.jmfr_lovhjemmel) AS j))))))) AS omsorg,
      ((x.lovhjemmel.lov = 'BVL2021' AND x.lovhjemmel.kapittel = '4') OR (x.lovhjemmel.lov = 'BVL' AND x.lovhjemmel.kapittel = '4' AND (x.lovhjemmel.paragraf IN ('6', '9') OR (x.lovhjemmel.paragraf = '25' AND '2' IN UNNEST(x.lovhjemmel.ledd))))) AS akutt,
      x.kategori.kode IN ('1.1', '1.2', '1.99', '2.1', '2.2', '2.3', '2.4', '2.5', '2.6', '2.99', '8.2', '8.4', '8.5') AS plassert,
      x.tilsyn, x.oppfolging
    FROM saker AS s, UNNEST(s.sak.tiltak) AS x
    LEFT JOIN borte AS b
      ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id AND b.type = 'Tiltak' AND b.id = LOWER(x.id)
    WHERE x.er_slettet IS NOT TRUE AND b.id IS NULL
  ),
  elementer AS (
    SELECT 'T' AS art, orgnr, sak_id, kommunenummer, bydel, start_dato, slutt_dato, konkludert, kode,
      omsorg, plassert, CAST(NULL AS DATE) AS plan_fra
    FROM tiltaket
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
    JOIN periode AS p ON LEAST(e.start_dato, IFNULL(e.slutt_dato, e.start_dato)) <= p.til AND IFNULL(GREATEST(e.slutt_dato, e.start_dato), p.til) >= DATE_SUB(p.fra, INTERVAL 365 DAY)
    LEFT JOIN barnet AS b ON b.orgnr = e.orgnr AND b.sak_id = e.sak_id AND b.fra <= p.til AND b.til > p.til
  ),
  per_del AS (
    SELECT e.periode, e.periodetype, e.kommunenummer, e.bydel, e.nokkel,
      MAX(e.kjonn) AS kjonn, MAX(e.alder) AS alder,
      -- The placement of a child with several: the latest, under care first, then the lowest code (statistics 0.6).
      MAX(IF(
        e.plassert AND e.start_dato <= e.til AND (e.slutt_dato IS NULL OR e.slutt_dato > e.til),
        CONCAT(
          FORMAT_DATE('%Y%m%d', e.start_dato), IF(e.omsorg, '1', '0'),
          CASE e.kode WHEN '1.1' THEN '99' WHEN '1.2' THEN '98' WHEN '1.99' THEN '97' WHEN '2.1' THEN '96' WHEN '2.2' THEN '95' WHEN '2.3' THEN '94' WHEN '2.4' THEN '93' WHEN '2.5' THEN '92' WHEN '2.6' THEN '91' WHEN '2.99' THEN '90' WHEN '8.2' THEN '89' WHEN '8.4' THEN '88' WHEN '8.5' THEN '87' END, CASE WHEN e.kode IN ('1.1', '1.2', '1.99') THEN 'INSTITUSJON' WHEN e.kode IN ('2.1', '2.2', '2.3', '2.4', '2.99') THEN 'FOSTERHJEM' WHEN e.kode IN ('2.5') THEN 'BEREDSKAPSHJEM' WHEN e.kode IN ('2.6') THEN 'FAMILIE_NETTVERK' WHEN e.kode IN ('8.2', '8.4', '8.5') THEN 'BOLIG' END
        ),
        NULL
      )) AS plassering,
      IFNULL(LOGICAL_OR(e.art = 'T' AND e.start_dato <= e.til AND (e.slutt_dato IS NULL OR e.slutt_dato >= e.fra)), FALSE) AS tiltak,
      IFNULL(LOGICAL_OR(e.art = 'T' AND e.start_dato <= e.til AND (e.slutt_dato IS NULL OR e.slutt_dato > e.til)), FALSE) AS tiltak_d,
      IFNULL(LOGICAL_OR(e.omsorg AND e.start_dato <= e.til AND (e.slutt_dato IS NULL OR e.slutt_dato >= e.fra)), FALSE) AS omsorg,
      IFNULL(LOGICAL_OR(e.omsorg AND e.start_dato <= e.til AND (e.slutt_dato IS NULL OR e.slutt_dato > e.til)), FALSE) AS omsorg_d,
      IFNULL(LOGICAL_OR(e.plassert AND e.start_dato <= e.til AND (e.slutt_dato IS NULL OR e.slutt_dato >= e.fra)), FALSE) AS plassert
    FROM perioder AS e
    GROUP BY e.periode, e.periodetype, e.kommunenummer, e.bydel, e.nokkel
  ),
  barna AS (
    SELECT e.periode, e.periodetype, s.region, s.niva, e.nokkel,
      MAX(e.kjonn) AS kjonn, MAX(e.alder) AS alder,
      SUBSTR(MAX(e.plassering), 12) AS plassering,
      LOGICAL_OR(e.tiltak) AS tiltak,
      LOGICAL_OR(e.tiltak_d) AS tiltak_d,
      LOGICAL_OR(e.omsorg) AS omsorg,
      LOGICAL_OR(e.omsorg_d) AS omsorg_d,
      LOGICAL_OR(e.plassert) AS plassert
    FROM per_del AS e
    JOIN sted AS s ON s.kommunenummer = e.kommunenummer AND s.bydel = e.bydel
    GROUP BY e.periode, e.periodetype, s.region, s.niva, e.nokkel
  ),
  bidrag AS (
    SELECT i.indikator, e.periode, e.periodetype, e.region, e.niva, e.nokkel, e.kjonn,
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
    FROM barna AS e
    CROSS JOIN UNNEST([
      STRUCT('barn_tiltak_aar' AS indikator, e.periodetype IN ('H', 'Y') AND (e.tiltak) AS med, 1 AS teller, CAST(NULL AS INT64) AS nevner, 1 AS kodeteller, [IF(e.omsorg, 'OMSORG', 'HJELP'), IF(e.plassert, '252', '251')] AS koder),
      STRUCT('barn_tiltak_dato' AS indikator, e.periodetype IN ('D') AND (e.tiltak_d) AS med, 1 AS teller, CAST(NULL AS INT64) AS nevner, 1 AS kodeteller, [IF(e.omsorg_d, 'OMSORG', 'HJELP')] AS koder)
    ]) AS i
    WHERE i.med
  ),
  gitt AS (
    SELECT indikator, periode, periodetype, region AS sted, nokkel, SUM(teller) AS teller, SUM(nevner) AS nevner
    FROM bidrag
    GROUP BY indikator, periode, periodetype, sted, nokkel
  )
SELECT * FROM gitt
)
  ),
  saker AS (
    SELECT kommunenummer, orgnr, sak_id, utfall, CONCAT(kommunenummer, '/', orgnr, '/', sak_id) AS sted
    FROM register.sak_siste_per(@run_time)
    WHERE er_slettet IS NOT TRUE
  ),
  rader AS (
    SELECT s.kommunenummer, s.orgnr, s.sak_id, s.utfall, b.indikator, b.periode, b.periodetype, b.nokkel,
      SUM(b.teller) AS bidrag
    FROM bidrag AS b
    JOIN saker AS s ON s.sted = b.sted
    WHERE b.teller > 0
    GROUP BY s.kommunenummer, s.orgnr, s.sak_id, s.utfall, b.indikator, b.periode, b.periodetype, b.nokkel
  ),
  talt AS (
    SELECT *,
      IF(
        indikator IN ('barn_tiltak_aar', 'barn_tiltak_dato')
          AND ROW_NUMBER() OVER (
            PARTITION BY kommunenummer, indikator, periode, periodetype, nokkel
            ORDER BY IF(utfall = 'REGISTERED', 0, 1), orgnr, sak_id
          ) > 1,
        0, bidrag
      ) AS mangler
    FROM rader
  )
SELECT
  kommunenummer,
  orgnr,
  sak_id,
  CASE indikator WHEN 'meldinger_ssb' THEN 3 WHEN 'us_avsluttet' THEN 15 WHEN 'barn_tiltak_aar' THEN 26 WHEN 'barn_tiltak_dato' THEN 27 END AS nummer,
  indikator,
  periode,
  periodetype,
  SUM(bidrag) AS bidrag,
  SUM(mangler) AS mangler,
  @run_time AS kunnskapstidspunkt
FROM talt
WHERE utfall = 'EXCLUDED'
GROUP BY kommunenummer, orgnr, sak_id, indikator, periode, periodetype
