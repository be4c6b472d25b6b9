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
  vedtaket AS (
    SELECT s.orgnr, s.sak_id, s.kommunenummer, IFNULL(s.bydelsnummer, '') AS bydel, LOWER(x.id) AS id,
      x.start_dato, ((x.lovhjemmel.lov = 'BVL2021' AND x.lovhjemmel.kapittel = '4') OR (x.lovhjemmel.lov = 'BVL' AND x.lovhjemmel.kapittel = '4' AND (x.lovhjemmel.paragraf IN ('6', '9') OR (x.lovhjemmel.paragraf = '25' AND '2' IN UNNEST(x.lovhjemmel.ledd))))) AS akutt, CONCAT(x.lovhjemmel.lov, ' ', x.lovhjemmel.kapittel, '-', x.lovhjemmel.paragraf) AS hjemmel,
      x.lovhjemmel.lov AS lov, x.krav,
      ARRAY(SELECT k.kode FROM UNNEST(x.status) AS k ORDER BY k.endret_dato, k.id) AS statuser
    FROM saker AS s, UNNEST(s.sak.vedtak) AS x
    LEFT JOIN borte AS b
      ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id AND b.type = 'Vedtak' AND b.id = LOWER(x.id)
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
  ettervernet AS (
    SELECT s.orgnr, s.sak_id, s.kommunenummer, IFNULL(s.bydelsnummer, '') AS bydel, LOWER(x.id) AS id,
      x.tilbud_sendt_dato AS tilbud, x.konklusjon.slutt_dato AS konkludert, x.konklusjon.kode AS kode
    FROM saker AS s, UNNEST(s.sak.ettervern) AS x
    LEFT JOIN borte AS b
      ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id AND b.type = 'Ettervern' AND b.id = LOWER(x.id)
    WHERE x.er_slettet IS NOT TRUE AND b.id IS NULL
  ),
  oversendelsen AS (
    SELECT s.orgnr, s.sak_id, s.kommunenummer, IFNULL(s.bydelsnummer, '') AS bydel, LOWER(x.id) AS id,
      x.start_dato, CONCAT(x.lovhjemmel.lov, ' ', x.lovhjemmel.kapittel, '-', x.lovhjemmel.paragraf) AS hjemmel
    FROM saker AS s, UNNEST(s.sak.oversendelse_fylkesnemnd) AS x
    LEFT JOIN borte AS b
      ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id AND b.type = 'OversendelseFylkesnemnd' AND b.id = LOWER(x.id)
    WHERE x.er_slettet IS NOT TRUE AND b.id IS NULL
  ),
  elementer AS (
    SELECT 'V' AS art, orgnr, sak_id, kommunenummer, bydel, start_dato AS start_dato, start_dato AS slutt_dato, hjemmel AS kode, lov AS kode2, statuser[SAFE_OFFSET(0)] AS forste, akutt AND EXISTS(SELECT 1 FROM UNNEST(statuser) AS k WHERE k NOT IN ('3', '4')) AS akutt
    FROM vedtaket
    UNION ALL
    SELECT 'K' AS art, orgnr, sak_id, kommunenummer, bydel, x.start_dato AS start_dato, x.start_dato AS slutt_dato, IFNULL(x.konklusjon.kode, 'INGEN') AS kode, CAST(NULL AS STRING) AS kode2, CAST(NULL AS STRING) AS forste, FALSE AS akutt
    FROM vedtaket AS v, UNNEST(v.krav) AS x
    UNION ALL
    SELECT 'F' AS art, orgnr, sak_id, kommunenummer, bydel, slutt_dato AS start_dato, slutt_dato AS slutt_dato, arsak AS kode, til_kode AS kode2, CAST(NULL AS STRING) AS forste, FALSE AS akutt
    FROM flyttingen
    UNION ALL
    SELECT 'E' AS art, orgnr, sak_id, kommunenummer, bydel, tilbud AS start_dato, tilbud AS slutt_dato, CAST(NULL AS STRING) AS kode, CAST(NULL AS STRING) AS kode2, CAST(NULL AS STRING) AS forste, FALSE AS akutt
    FROM ettervernet
    UNION ALL
    SELECT 'S' AS art, orgnr, sak_id, kommunenummer, bydel, konkludert AS start_dato, konkludert AS slutt_dato, kode AS kode, CAST(NULL AS STRING) AS kode2, CAST(NULL AS STRING) AS forste, FALSE AS akutt
    FROM ettervernet WHERE kode IS NOT NULL
    UNION ALL
    SELECT 'O' AS art, orgnr, sak_id, kommunenummer, bydel, start_dato AS start_dato, start_dato AS slutt_dato, hjemmel AS kode, CAST(NULL AS STRING) AS kode2, CAST(NULL AS STRING) AS forste, FALSE AS akutt
    FROM oversendelsen
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
      STRUCT('akuttvedtak' AS indikator, e.periodetype IN ('H', 'Y', 'R') AND (e.art = 'V' AND e.akutt AND e.start_dato BETWEEN e.fra AND e.til) AS med, 1 AS teller, CAST(NULL AS INT64) AS nevner, 1 AS kodeteller, [e.kode] AS koder),
      STRUCT('ettervern_tilbud' AS indikator, e.periodetype IN ('H', 'Y') AND (e.art = 'E' AND e.start_dato BETWEEN e.fra AND e.til) AS med, 1 AS teller, CAST(NULL AS INT64) AS nevner, 1 AS kodeteller, CAST([] AS ARRAY<STRING>) AS koder),
      STRUCT('ettervern_svar' AS indikator, e.periodetype IN ('H', 'Y') AND (e.art = 'S' AND e.start_dato BETWEEN e.fra AND e.til) AS med, IF(e.kode = '1', 1, 0) AS teller, 1 AS nevner, 1 AS kodeteller, [e.kode] AS koder),
      STRUCT('flyttinger' AS indikator, e.periodetype IN ('H', 'Y', 'R') AND (e.art = 'F' AND e.start_dato BETWEEN e.fra AND e.til) AS med, 1 AS teller, CAST(NULL AS INT64) AS nevner, 1 AS kodeteller, [IF(STARTS_WITH(e.kode, '1.'), 'FOSTERHJEM', 'INSTITUSJON'), IF(e.kode != '1.3' AND e.kode2 != '9', 'USTABIL', NULL)] AS koder),
      STRUCT('oversendelser_nemnd' AS indikator, e.periodetype IN ('H', 'Y') AND (e.art = 'O' AND e.start_dato BETWEEN e.fra AND e.til) AS med, 1 AS teller, CAST(NULL AS INT64) AS nevner, 1 AS kodeteller, [e.kode] AS koder),
      STRUCT('private_krav' AS indikator, e.periodetype IN ('H', 'Y') AND (e.art = 'K' AND e.start_dato BETWEEN e.fra AND e.til) AS med, 1 AS teller, CAST(NULL AS INT64) AS nevner, 1 AS kodeteller, [e.kode] AS koder),
      STRUCT('vedtak_fattet' AS indikator, e.periodetype IN ('H', 'Y') AND (e.art = 'V' AND e.forste = '1' AND e.start_dato BETWEEN e.fra AND e.til) AS med, 1 AS teller, CAST(NULL AS INT64) AS nevner, 1 AS kodeteller, [e.kode2] AS koder)
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
      STRUCT('akuttvedtak' AS indikator, 'HENDELSE' AS enhet, ['H', 'Y', 'R'] AS typer, CAST(NULL AS STRING) AS befolkning, 100 AS per, '' AS bare),
      STRUCT('ettervern_tilbud' AS indikator, 'HENDELSE' AS enhet, ['H', 'Y'] AS typer, CAST(NULL AS STRING) AS befolkning, 100 AS per, '' AS bare),
      STRUCT('ettervern_svar' AS indikator, 'HENDELSE' AS enhet, ['H', 'Y'] AS typer, CAST(NULL AS STRING) AS befolkning, 100 AS per, '' AS bare),
      STRUCT('flyttinger' AS indikator, 'HENDELSE' AS enhet, ['H', 'Y', 'R'] AS typer, CAST(NULL AS STRING) AS befolkning, 100 AS per, '' AS bare),
      STRUCT('oversendelser_nemnd' AS indikator, 'HENDELSE' AS enhet, ['H', 'Y'] AS typer, CAST(NULL AS STRING) AS befolkning, 100 AS per, '' AS bare),
      STRUCT('private_krav' AS indikator, 'HENDELSE' AS enhet, ['H', 'Y'] AS typer, CAST(NULL AS STRING) AS befolkning, 100 AS per, '' AS bare),
      STRUCT('vedtak_fattet' AS indikator, 'HENDELSE' AS enhet, ['H', 'Y'] AS typer, CAST(NULL AS STRING) AS befolkning, 100 AS per, '' AS bare)
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
