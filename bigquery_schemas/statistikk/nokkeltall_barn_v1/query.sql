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
  flyttingen AS (
    SELECT s.orgnr, s.sak_id, s.kommunenummer, IFNULL(s.bydelsnummer, '') AS bydel, LOWER(x.id) AS id,
      x.slutt_dato, x.arsak_fra.kode AS arsak, x.flytting_til.kode AS til_kode
    FROM saker AS s, UNNEST(s.sak.flytting) AS x
    LEFT JOIN borte AS b
      ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id AND b.type = 'Flytting' AND b.id = LOWER(x.id)
    WHERE x.er_slettet IS NOT TRUE AND b.id IS NULL
  ),
  sammenhengende AS (
    SELECT * EXCEPT (ny, oy), MIN(start_dato) OVER (PARTITION BY orgnr, sak_id, plantype, oy) AS plan_fra
    FROM (
      SELECT *, SUM(ny) OVER (PARTITION BY orgnr, sak_id, plantype ORDER BY start_dato, id) AS oy
      FROM (
        SELECT *,
          IF(
            start_dato <= DATE_ADD(MAX(IFNULL(slutt_dato, DATE '9999-12-30')) OVER (
              PARTITION BY orgnr, sak_id, plantype ORDER BY start_dato, id
              ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ), INTERVAL 1 DAY),
            0, 1
          ) AS ny
        FROM planen
      )
    )
  ),
  elementer AS (
    SELECT 'M' AS art, orgnr, sak_id, kommunenummer, bydel, start_dato, slutt_dato, konkludert, kode,
      FALSE AS omsorg, FALSE AS plassert, CAST(NULL AS DATE) AS plan_fra
    FROM melding
    UNION ALL
    SELECT 'U' AS art, orgnr, sak_id, kommunenummer, bydel, start_dato, slutt_dato, konkludert, kode,
      FALSE AS omsorg, FALSE AS plassert, CAST(NULL AS DATE) AS plan_fra
    FROM undersokelsen
    UNION ALL
    SELECT 'T' AS art, orgnr, sak_id, kommunenummer, bydel, start_dato, slutt_dato, konkludert, kode,
      omsorg, plassert, CAST(NULL AS DATE) AS plan_fra
    FROM tiltaket
    UNION ALL
    SELECT 'P' AS art, orgnr, sak_id, kommunenummer, bydel, start_dato, slutt_dato, CAST(NULL AS DATE) AS konkludert,
      plantype AS kode, FALSE AS omsorg, FALSE AS plassert, plan_fra
    FROM sammenhengende
    UNION ALL
    SELECT 'V' AS art, orgnr, sak_id, kommunenummer, bydel, start_dato, slutt_dato, v AS konkludert,
      plantype AS kode, FALSE AS omsorg, FALSE AS plassert, plan_fra
    FROM sammenhengende AS s, UNNEST(s.evaluert) AS v
    UNION ALL
    SELECT 'F' AS art, orgnr, sak_id, kommunenummer, bydel, slutt_dato AS start_dato, slutt_dato,
      slutt_dato AS konkludert, arsak AS kode, FALSE AS omsorg, FALSE AS plassert, CAST(NULL AS DATE) AS plan_fra
    FROM flyttingen
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
      IFNULL(LOGICAL_OR(e.art = 'M' AND e.konkludert BETWEEN e.fra AND e.til), FALSE) AS melding,
      IFNULL(LOGICAL_OR(e.art = 'U' AND e.start_dato <= e.til AND (e.slutt_dato IS NULL OR e.slutt_dato >= e.fra)), FALSE) AS undersokt,
      IFNULL(LOGICAL_OR(e.art = 'T' AND e.start_dato <= e.til AND (e.slutt_dato IS NULL OR e.slutt_dato >= e.fra)), FALSE) AS tiltak,
      IFNULL(LOGICAL_OR(e.art = 'T' AND e.start_dato <= e.til AND (e.slutt_dato IS NULL OR e.slutt_dato > e.til)), FALSE) AS tiltak_d,
      IFNULL(LOGICAL_OR(e.omsorg AND e.start_dato <= e.til AND (e.slutt_dato IS NULL OR e.slutt_dato >= e.fra)), FALSE) AS omsorg,
      IFNULL(LOGICAL_OR(e.omsorg AND e.start_dato <= e.til AND (e.slutt_dato IS NULL OR e.slutt_dato > e.til)), FALSE) AS omsorg_d,
      IFNULL(LOGICAL_OR(e.plassert AND e.start_dato <= e.til AND (e.slutt_dato IS NULL OR e.slutt_dato >= e.fra)), FALSE) AS plassert,
      IFNULL(LOGICAL_OR(e.plassert AND e.start_dato <= e.til AND (e.slutt_dato IS NULL OR e.slutt_dato > e.til)), FALSE) AS plassert_d,
      IFNULL(LOGICAL_OR(e.art = 'T' AND e.kode IN ('2.1', '2.2', '2.3', '2.4', '2.99') AND e.start_dato <= e.til AND (e.slutt_dato IS NULL OR e.slutt_dato >= e.fra)), FALSE) AS fosterhjem,
      IFNULL(LOGICAL_OR(e.art = 'T' AND e.start_dato < e.fra AND (e.slutt_dato IS NULL OR e.slutt_dato >= DATE_SUB(e.fra, INTERVAL 365 DAY))), FALSE) AS tidligere,
      IFNULL(LOGICAL_OR(e.art = 'P' AND e.kode = '1' AND e.start_dato <= e.til AND (e.slutt_dato IS NULL OR e.slutt_dato > e.til)), FALSE) AS plan1,
      IFNULL(LOGICAL_OR(e.art = 'P' AND e.kode = '5' AND e.start_dato <= e.til AND (e.slutt_dato IS NULL OR e.slutt_dato > e.til)), FALSE) AS plan5,
      IFNULL(LOGICAL_OR(e.art = 'P' AND (e.kode = '4' OR (e.kode = '3' AND e.til < DATE '2023-01-01')) AND e.start_dato <= e.til AND (e.slutt_dato IS NULL OR e.slutt_dato > e.til)), FALSE) AS plan4,
      IFNULL(LOGICAL_OR(e.art = 'P' AND e.kode IN ('1', '2', '3', '4', '5') AND e.start_dato <= e.til AND (e.slutt_dato IS NULL OR e.slutt_dato > e.til)), FALSE) AS plan,
      IFNULL(LOGICAL_OR(e.art = 'P' AND e.kode = '1' AND e.start_dato <= e.til AND (e.slutt_dato IS NULL OR e.slutt_dato > e.til) AND e.plan_fra <= DATE_SUB(e.til, INTERVAL 3 MONTH)), FALSE) AS plan1_lenge,
      IFNULL(LOGICAL_OR(e.art = 'V' AND e.kode = '1' AND e.start_dato <= e.til AND (e.slutt_dato IS NULL OR e.slutt_dato >= e.fra) AND e.konkludert BETWEEN e.fra AND e.til), FALSE) AS evaluert,
      IFNULL(LOGICAL_OR(e.art = 'F' AND e.kode IN ('1.1.3', '1.1.4', '1.2.1', '1.2.2', '1.2.3') AND e.konkludert BETWEEN e.fra AND e.til), FALSE) AS brudd
    FROM perioder AS e
    GROUP BY e.periode, e.periodetype, e.kommunenummer, e.bydel, e.nokkel
  ),
  barna AS (
    SELECT e.periode, e.periodetype, s.region, s.niva, e.nokkel,
      MAX(e.kjonn) AS kjonn, MAX(e.alder) AS alder,
      SUBSTR(MAX(e.plassering), 12) AS plassering,
      LOGICAL_OR(e.melding) AS melding,
      LOGICAL_OR(e.undersokt) AS undersokt,
      LOGICAL_OR(e.tiltak) AS tiltak,
      LOGICAL_OR(e.tiltak_d) AS tiltak_d,
      LOGICAL_OR(e.omsorg) AS omsorg,
      LOGICAL_OR(e.omsorg_d) AS omsorg_d,
      LOGICAL_OR(e.plassert) AS plassert,
      LOGICAL_OR(e.plassert_d) AS plassert_d,
      LOGICAL_OR(e.fosterhjem) AS fosterhjem,
      LOGICAL_OR(e.tidligere) AS tidligere,
      LOGICAL_OR(e.plan1) AS plan1,
      LOGICAL_OR(e.plan5) AS plan5,
      LOGICAL_OR(e.plan4) AS plan4,
      LOGICAL_OR(e.plan) AS plan,
      LOGICAL_OR(e.plan1_lenge) AS plan1_lenge,
      LOGICAL_OR(e.evaluert) AS evaluert,
      LOGICAL_OR(e.brudd) AS brudd
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
      STRUCT('barn_med_melding' AS indikator, e.periodetype IN ('H', 'Y') AND (e.melding) AS med, 1 AS teller, CAST(NULL AS INT64) AS nevner, 1 AS kodeteller, CAST([] AS ARRAY<STRING>) AS koder),
      STRUCT('barn_med_us' AS indikator, e.periodetype IN ('H', 'Y') AND (e.undersokt AND e.alder BETWEEN 0 AND 17) AS med, 1 AS teller, CAST(NULL AS INT64) AS nevner, 1 AS kodeteller, CAST([] AS ARRAY<STRING>) AS koder),
      STRUCT('barn_us_eller_tiltak' AS indikator, e.periodetype IN ('Y') AND ((e.undersokt AND e.alder BETWEEN 0 AND 17) OR e.tiltak) AS med, 1 AS teller, CAST(NULL AS INT64) AS nevner, 1 AS kodeteller, CAST([] AS ARRAY<STRING>) AS koder),
      STRUCT('barn_tiltak_aar' AS indikator, e.periodetype IN ('H', 'Y') AND (e.tiltak) AS med, 1 AS teller, CAST(NULL AS INT64) AS nevner, 1 AS kodeteller, [IF(e.omsorg, 'OMSORG', 'HJELP'), IF(e.plassert, '252', '251')] AS koder),
      STRUCT('barn_tiltak_dato' AS indikator, e.periodetype IN ('D') AND (e.tiltak_d) AS med, 1 AS teller, CAST(NULL AS INT64) AS nevner, 1 AS kodeteller, [IF(e.omsorg_d, 'OMSORG', 'HJELP')] AS koder),
      STRUCT('nye_barn_tiltak' AS indikator, e.periodetype IN ('H', 'Y') AND (e.tiltak AND NOT e.tidligere) AS med, 1 AS teller, CAST(NULL AS INT64) AS nevner, 1 AS kodeteller, CAST([] AS ARRAY<STRING>) AS koder),
      STRUCT('barn_omsorgstiltak' AS indikator, e.periodetype IN ('H', 'Y', 'D') AND (IF(e.periodetype = 'D', e.tiltak_d, e.tiltak) AND IF(e.periodetype = 'D', e.omsorg_d, e.omsorg)) AS med, 1 AS teller, CAST(NULL AS INT64) AS nevner, 1 AS kodeteller, CAST([] AS ARRAY<STRING>) AS koder),
      STRUCT('barn_hjelpetiltak' AS indikator, e.periodetype IN ('H', 'Y', 'D') AND (IF(e.periodetype = 'D', e.tiltak_d, e.tiltak) AND NOT IF(e.periodetype = 'D', e.omsorg_d, e.omsorg)) AS med, 1 AS teller, CAST(NULL AS INT64) AS nevner, 1 AS kodeteller, CAST([] AS ARRAY<STRING>) AS koder),
      STRUCT('andel_hjemme' AS indikator, e.periodetype IN ('Y') AND (e.tiltak AND e.alder BETWEEN 0 AND 17) AS med, IF(e.plassert, 0, 1) AS teller, 1 AS nevner, IF(e.plassert, 0, 1) AS kodeteller, CAST([] AS ARRAY<STRING>) AS koder),
      STRUCT('barn_plassert_dato' AS indikator, e.periodetype IN ('D') AND (e.plassert_d) AS med, 1 AS teller, CAST(NULL AS INT64) AS nevner, 1 AS kodeteller, [e.plassering, IF(e.omsorg_d, 'OMSORG', 'HJELP')] AS koder),
      STRUCT('barn_plassert_aar' AS indikator, e.periodetype IN ('Y') AND (e.plassert AND e.alder BETWEEN 0 AND 17) AS med, 1 AS teller, CAST(NULL AS INT64) AS nevner, 1 AS kodeteller, CAST([] AS ARRAY<STRING>) AS koder),
      STRUCT('barn_tiltaksplan' AS indikator, e.periodetype IN ('D') AND (e.tiltak_d AND NOT e.omsorg_d) AS med, IF(e.plan1 OR (e.plan5 AND e.alder >= 18), 1, 0) AS teller, 1 AS nevner, IF(e.plan1 OR (e.plan5 AND e.alder >= 18), 1, 0) AS kodeteller, CAST([] AS ARRAY<STRING>) AS koder),
      STRUCT('barn_omsorgsplan' AS indikator, e.periodetype IN ('D') AND (e.tiltak_d AND e.omsorg_d) AS med, IF(e.plan4, 1, 0) AS teller, 1 AS nevner, IF(e.plan4, 1, 0) AS kodeteller, CAST([] AS ARRAY<STRING>) AS koder),
      STRUCT('barn_tiltak_plan_total' AS indikator, e.periodetype IN ('D') AND (e.tiltak_d AND ENDS_WITH(e.periode, 'H2')) AS med, IF(e.plan, 1, 0) AS teller, 1 AS nevner, IF(e.plan, 1, 0) AS kodeteller, CAST([] AS ARRAY<STRING>) AS koder),
      STRUCT('plan_evaluert' AS indikator, e.periodetype IN ('H') AND (e.tiltak_d AND NOT e.omsorg_d AND e.plan1_lenge) AS med, IF(e.evaluert, 1, 0) AS teller, 1 AS nevner, IF(e.evaluert, 1, 0) AS kodeteller, CAST([] AS ARRAY<STRING>) AS koder),
      STRUCT('barn_ettervern' AS indikator, e.periodetype IN ('H', 'Y', 'D') AND (IF(e.periodetype = 'D', e.tiltak_d, e.tiltak) AND e.alder >= 18) AS med, 1 AS teller, CAST(NULL AS INT64) AS nevner, 1 AS kodeteller, CAST([] AS ARRAY<STRING>) AS koder),
      STRUCT('brudd_fosterhjem' AS indikator, e.periodetype IN ('Y') AND (e.fosterhjem) AS med, IF(e.brudd, 1, 0) AS teller, 1 AS nevner, IF(e.brudd, 1, 0) AS kodeteller, CAST([] AS ARRAY<STRING>) AS koder),
      STRUCT('rate_barn_med_melding' AS indikator, e.periodetype IN ('Y') AND (e.melding AND e.alder BETWEEN 0 AND 17) AS med, 1 AS teller, CAST(NULL AS INT64) AS nevner, 1 AS kodeteller, CAST([] AS ARRAY<STRING>) AS koder),
      STRUCT('rate_barn_med_us' AS indikator, e.periodetype IN ('Y') AND (e.undersokt AND e.alder BETWEEN 0 AND 17) AS med, 1 AS teller, CAST(NULL AS INT64) AS nevner, 1 AS kodeteller, CAST([] AS ARRAY<STRING>) AS koder),
      STRUCT('rate_barn_tiltak_aar' AS indikator, e.periodetype IN ('Y') AND (e.tiltak AND e.alder BETWEEN 0 AND 24) AS med, 1 AS teller, CAST(NULL AS INT64) AS nevner, 1 AS kodeteller, CAST([] AS ARRAY<STRING>) AS koder),
      STRUCT('rate_barn_tiltak_dato' AS indikator, e.periodetype IN ('D') AND (e.tiltak_d AND e.alder BETWEEN 0 AND 24) AS med, 1 AS teller, CAST(NULL AS INT64) AS nevner, 1 AS kodeteller, CAST([] AS ARRAY<STRING>) AS koder),
      STRUCT('rate_barn_omsorgstiltak' AS indikator, e.periodetype IN ('Y', 'D') AND (IF(e.periodetype = 'D', e.tiltak_d, e.tiltak) AND IF(e.periodetype = 'D', e.omsorg_d, e.omsorg) AND e.alder BETWEEN 0 AND 24) AS med, 1 AS teller, CAST(NULL AS INT64) AS nevner, 1 AS kodeteller, CAST([] AS ARRAY<STRING>) AS koder),
      STRUCT('rate_barn_plassert_dato' AS indikator, e.periodetype IN ('D') AND (e.plassert_d AND e.alder BETWEEN 0 AND 24) AS med, 1 AS teller, CAST(NULL AS INT64) AS nevner, 1 AS kodeteller, CAST([] AS ARRAY<STRING>) AS koder)
    ]) AS i
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
    SELECT IF(niva NOT IN ('KOMMUNE', 'BYDEL') AND indikator IN ('barn_med_melding', 'barn_med_us', 'barn_us_eller_tiltak', 'barn_tiltak_aar', 'barn_tiltak_dato', 'nye_barn_tiltak', 'barn_omsorgstiltak', 'barn_hjelpetiltak', 'andel_hjemme', 'barn_plassert_dato', 'barn_plassert_aar', 'barn_tiltaksplan', 'barn_omsorgsplan', 'barn_tiltak_plan_total', 'plan_evaluert', 'barn_ettervern', 'brudd_fosterhjem', 'rate_barn_med_melding', 'rate_barn_med_us', 'rate_barn_tiltak_aar', 'rate_barn_tiltak_dato', 'rate_barn_omsorgstiltak', 'rate_barn_plassert_dato'), 'UNIK', 'SUM') AS maal, * FROM tall
    UNION ALL
    SELECT 'SUM' AS maal, t.indikator, t.periode, t.periodetype, o.region, o.niva, t.kjonn, t.aldersgruppe, t.kode,
      SUM(t.teller) AS teller, SUM(t.nevner) AS nevner, SUM(t.n_barn) AS n_barn, SUM(t.n_barn_nevner) AS n_barn_nevner
    FROM tall AS t
    JOIN (SELECT DISTINCT kommunenummer, region, niva FROM sted WHERE niva NOT IN ('KOMMUNE', 'BYDEL', 'BYDELER')) AS o
      ON o.kommunenummer = t.region AND t.niva = 'KOMMUNE'
    WHERE t.indikator IN ('barn_med_melding', 'barn_med_us', 'barn_us_eller_tiltak', 'barn_tiltak_aar', 'barn_tiltak_dato', 'nye_barn_tiltak', 'barn_omsorgstiltak', 'barn_hjelpetiltak', 'andel_hjemme', 'barn_plassert_dato', 'barn_plassert_aar', 'barn_tiltaksplan', 'barn_omsorgsplan', 'barn_tiltak_plan_total', 'plan_evaluert', 'barn_ettervern', 'brudd_fosterhjem', 'rate_barn_med_melding', 'rate_barn_med_us', 'rate_barn_tiltak_aar', 'rate_barn_tiltak_dato', 'rate_barn_omsorgstiltak', 'rate_barn_plassert_dato')
    GROUP BY t.indikator, t.periode, t.periodetype, o.region, o.niva, t.kjonn, t.aldersgruppe, t.kode
    UNION ALL
    SELECT 'SUM' AS maal, t.indikator, t.periode, t.periodetype, 'EAB' AS region, 'BYDELER' AS niva, t.kjonn,
      t.aldersgruppe, t.kode, SUM(t.teller) AS teller, SUM(t.nevner) AS nevner, SUM(t.n_barn) AS n_barn,
      SUM(t.n_barn_nevner) AS n_barn_nevner
    FROM tall AS t
    WHERE t.indikator IN ('barn_med_melding', 'barn_med_us', 'barn_us_eller_tiltak', 'barn_tiltak_aar', 'barn_tiltak_dato', 'nye_barn_tiltak', 'barn_omsorgstiltak', 'barn_hjelpetiltak', 'andel_hjemme', 'barn_plassert_dato', 'barn_plassert_aar', 'barn_tiltaksplan', 'barn_omsorgsplan', 'barn_tiltak_plan_total', 'plan_evaluert', 'barn_ettervern', 'brudd_fosterhjem', 'rate_barn_med_melding', 'rate_barn_med_us', 'rate_barn_tiltak_aar', 'rate_barn_tiltak_dato', 'rate_barn_omsorgstiltak', 'rate_barn_plassert_dato') AND t.niva = 'BYDEL' AND SUBSTR(t.region, 1, 4) = '0301'
      AND SUBSTR(t.region, 5) NOT IN ('16', '17', '99')
    GROUP BY t.indikator, t.periode, t.periodetype, t.kjonn, t.aldersgruppe, t.kode
  ),
  nokkeltall AS (
    SELECT n.indikator, n.enhet, n.befolkning, n.per, p.periode, p.periodetype, p.til
    FROM UNNEST([
      STRUCT('barn_med_melding' AS indikator, 'BARN' AS enhet, ['H', 'Y'] AS typer, CAST(NULL AS STRING) AS befolkning, 100 AS per, '' AS bare),
      STRUCT('barn_med_us' AS indikator, 'BARN' AS enhet, ['H', 'Y'] AS typer, 'F000-017' AS befolkning, 100 AS per, '' AS bare),
      STRUCT('barn_us_eller_tiltak' AS indikator, 'BARN' AS enhet, ['Y'] AS typer, CAST(NULL AS STRING) AS befolkning, 100 AS per, '' AS bare),
      STRUCT('barn_tiltak_aar' AS indikator, 'BARN' AS enhet, ['H', 'Y'] AS typer, CAST(NULL AS STRING) AS befolkning, 100 AS per, '' AS bare),
      STRUCT('barn_tiltak_dato' AS indikator, 'BARN' AS enhet, ['D'] AS typer, CAST(NULL AS STRING) AS befolkning, 100 AS per, '' AS bare),
      STRUCT('nye_barn_tiltak' AS indikator, 'BARN' AS enhet, ['H', 'Y'] AS typer, CAST(NULL AS STRING) AS befolkning, 100 AS per, '' AS bare),
      STRUCT('barn_omsorgstiltak' AS indikator, 'BARN' AS enhet, ['H', 'Y', 'D'] AS typer, CAST(NULL AS STRING) AS befolkning, 100 AS per, '' AS bare),
      STRUCT('barn_hjelpetiltak' AS indikator, 'BARN' AS enhet, ['H', 'Y', 'D'] AS typer, CAST(NULL AS STRING) AS befolkning, 100 AS per, '' AS bare),
      STRUCT('andel_hjemme' AS indikator, 'BARN' AS enhet, ['Y'] AS typer, CAST(NULL AS STRING) AS befolkning, 100 AS per, '' AS bare),
      STRUCT('barn_plassert_dato' AS indikator, 'BARN' AS enhet, ['D'] AS typer, CAST(NULL AS STRING) AS befolkning, 100 AS per, '' AS bare),
      STRUCT('barn_plassert_aar' AS indikator, 'BARN' AS enhet, ['Y'] AS typer, 'F000-017' AS befolkning, 100 AS per, '' AS bare),
      STRUCT('barn_tiltaksplan' AS indikator, 'BARN' AS enhet, ['D'] AS typer, CAST(NULL AS STRING) AS befolkning, 100 AS per, '' AS bare),
      STRUCT('barn_omsorgsplan' AS indikator, 'BARN' AS enhet, ['D'] AS typer, CAST(NULL AS STRING) AS befolkning, 100 AS per, '' AS bare),
      STRUCT('barn_tiltak_plan_total' AS indikator, 'BARN' AS enhet, ['D'] AS typer, CAST(NULL AS STRING) AS befolkning, 100 AS per, 'H2' AS bare),
      STRUCT('plan_evaluert' AS indikator, 'BARN' AS enhet, ['H'] AS typer, CAST(NULL AS STRING) AS befolkning, 100 AS per, '' AS bare),
      STRUCT('barn_ettervern' AS indikator, 'BARN' AS enhet, ['H', 'Y', 'D'] AS typer, CAST(NULL AS STRING) AS befolkning, 100 AS per, '' AS bare),
      STRUCT('brudd_fosterhjem' AS indikator, 'BARN' AS enhet, ['Y'] AS typer, CAST(NULL AS STRING) AS befolkning, 100 AS per, '' AS bare),
      STRUCT('rate_barn_med_melding' AS indikator, 'BARN' AS enhet, ['Y'] AS typer, 'F000-017' AS befolkning, 1000 AS per, '' AS bare),
      STRUCT('rate_barn_med_us' AS indikator, 'BARN' AS enhet, ['Y'] AS typer, 'F000-017' AS befolkning, 1000 AS per, '' AS bare),
      STRUCT('rate_barn_tiltak_aar' AS indikator, 'BARN' AS enhet, ['Y'] AS typer, 'F000-024' AS befolkning, 1000 AS per, '' AS bare),
      STRUCT('rate_barn_tiltak_dato' AS indikator, 'BARN' AS enhet, ['D'] AS typer, 'F000-024' AS befolkning, 1000 AS per, '' AS bare),
      STRUCT('rate_barn_omsorgstiltak' AS indikator, 'BARN' AS enhet, ['Y', 'D'] AS typer, 'F000-024' AS befolkning, 1000 AS per, '' AS bare),
      STRUCT('rate_barn_plassert_dato' AS indikator, 'BARN' AS enhet, ['D'] AS typer, 'F000-024' AS befolkning, 1000 AS per, '' AS bare)
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
