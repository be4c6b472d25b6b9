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
  foster AS (
    SELECT * FROM tiltaket WHERE kode IN ('2.1', '2.2', '2.3', '2.4', '2.6', '2.99')
  ),
  -- How often visits are due: from each Hyppighet to the next, and four a year before the first (statistics 1.2).
  hyppighet AS (
    SELECT orgnr, sak_id, id, slag, fra, kode,
      IFNULL(LEAD(fra) OVER (PARTITION BY orgnr, sak_id, id, slag ORDER BY fra, orden), DATE '9999-12-31') AS til
    FROM (
      SELECT t.orgnr, t.sak_id, t.id, 'tilsyn' AS slag, h.start_dato AS fra, h.kode, LOWER(h.id) AS orden
      FROM foster AS t, UNNEST(t.tilsyn.hyppighet) AS h
      UNION ALL
      SELECT t.orgnr, t.sak_id, t.id, 'oppfolging', h.start_dato, h.kode, LOWER(h.id)
      FROM foster AS t, UNNEST(t.oppfolging.hyppighet) AS h
      UNION ALL
      SELECT t.orgnr, t.sak_id, t.id, slag, DATE '0001-01-01', '4', ''
      FROM foster AS t CROSS JOIN UNNEST(['tilsyn', 'oppfolging']) AS slag
    )
  ),
  ansvarlig AS (
    SELECT orgnr, sak_id, id, kommunenummer, fra,
      IFNULL(LEAD(fra) OVER (PARTITION BY orgnr, sak_id, id ORDER BY fra, orden), DATE '9999-12-31') AS til
    FROM (
      SELECT t.orgnr, t.sak_id, t.id, a.kommunenummer, a.start_dato AS fra, LOWER(a.id) AS orden
      FROM tiltaket AS t, UNNEST(t.tilsyn.ansvarlig) AS a
    )
  ),
  besok AS (
    SELECT t.orgnr, t.sak_id, t.id, t.kommunenummer, t.bydel, 'tilsyn' AS slag, v.utfort_dato AS dato
    FROM tiltaket AS t, UNNEST(t.tilsyn.utfort) AS v
    UNION ALL
    SELECT t.orgnr, t.sak_id, t.id, t.kommunenummer, t.bydel, 'oppfolging', v.utfort_dato
    FROM tiltaket AS t, UNNEST(t.oppfolging.utfort) AS v
  ),
  krav AS (
    SELECT t.orgnr, t.sak_id, t.id, t.kommunenummer, t.bydel, p.periode, p.periodetype, p.fra, p.til, h.slag,
      DIV(SUM(
        CAST(h.kode AS INT64) * GREATEST(0, DATE_DIFF(
          LEAST(h.til, DATE_ADD(p.til, INTERVAL 1 DAY)), GREATEST(h.fra, DATE_SUB(p.til, INTERVAL 364 DAY)), DAY
        ))
      ), 365) AS krav
    FROM foster AS t
    JOIN periode AS p
      ON p.periodetype IN ('H', 'R') AND t.start_dato <= DATE_SUB(p.til, INTERVAL 1 YEAR)
      AND (t.slutt_dato IS NULL OR t.slutt_dato > p.til)
    JOIN hyppighet AS h ON h.orgnr = t.orgnr AND h.sak_id = t.sak_id AND h.id = t.id
    GROUP BY t.orgnr, t.sak_id, t.id, t.kommunenummer, t.bydel, p.periode, p.periodetype, p.fra, p.til, h.slag
  ),
  utfort AS (
    SELECT k.orgnr, k.sak_id, k.id, k.periode, k.periodetype, k.slag, COUNT(DISTINCT v.dato) AS antall
    FROM krav AS k
    JOIN besok AS v
      ON v.orgnr = k.orgnr AND v.sak_id = k.sak_id AND v.id = k.id AND v.slag = k.slag
      AND v.dato > DATE_SUB(k.til, INTERVAL 365 DAY) AND v.dato <= k.til
    GROUP BY k.orgnr, k.sak_id, k.id, k.periode, k.periodetype, k.slag
  ),
  deler AS (
    SELECT DISTINCT kommunenummer, IFNULL(bydelsnummer, '') AS bydel FROM saker
    UNION DISTINCT
    SELECT kommunenummer, '' FROM ansvarlig
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
  perioder AS (
    SELECT CONCAT(e.slag, '_krav') AS art, e.orgnr, e.sak_id, IF(e.slag = 'tilsyn', IFNULL(a.kommunenummer, e.kommunenummer), e.kommunenummer) AS kommunenummer, IF(e.slag = 'tilsyn' AND a.kommunenummer IS NOT NULL AND a.kommunenummer != e.kommunenummer, '', e.bydel) AS bydel,
      e.periode, e.periodetype, e.fra, e.til, IFNULL(u.antall, 0) < e.krav AS brudd
    FROM krav AS e
    LEFT JOIN utfort AS u
      ON u.orgnr = e.orgnr AND u.sak_id = e.sak_id AND u.id = e.id AND u.slag = e.slag
      AND u.periode = e.periode AND u.periodetype = e.periodetype
    LEFT JOIN ansvarlig AS a ON a.orgnr = e.orgnr AND a.sak_id = e.sak_id AND a.id = e.id AND e.slag = 'tilsyn' AND a.fra <= e.til AND a.til > e.til
    UNION ALL
    SELECT CONCAT(e.slag, '_besok'), e.orgnr, e.sak_id, IF(e.slag = 'tilsyn', IFNULL(a.kommunenummer, e.kommunenummer), e.kommunenummer), IF(e.slag = 'tilsyn' AND a.kommunenummer IS NOT NULL AND a.kommunenummer != e.kommunenummer, '', e.bydel),
      p.periode, p.periodetype, p.fra, p.til, FALSE
    FROM besok AS e
    JOIN periode AS p ON e.dato BETWEEN p.fra AND p.til
    LEFT JOIN ansvarlig AS a ON a.orgnr = e.orgnr AND a.sak_id = e.sak_id AND a.id = e.id AND e.slag = 'tilsyn' AND a.fra <= e.dato AND a.til > e.dato
  ),
  enheter AS (
    SELECT e.art, e.periode, e.periodetype, s.region, s.niva,
      IFNULL(b.nokkel, CONCAT('S', e.orgnr, e.sak_id)) AS nokkel,
      IFNULL(b.kjonn, '0') AS kjonn,
      IF(
        b.fodseldato IS NULL OR b.fodseldato > e.til,
        -1,
        DATE_DIFF(e.til, b.fodseldato, YEAR)
          - IF(FORMAT_DATE('%m%d', e.til) < FORMAT_DATE('%m%d', b.fodseldato), 1, 0)
      ) AS alder,
      e.brudd,
      IF(ENDS_WITH(e.art, '_besok'), ROW_NUMBER() OVER (ORDER BY e.orgnr, e.sak_id), 0) AS nummer
    FROM perioder AS e
    JOIN sted AS s ON s.kommunenummer = e.kommunenummer AND s.bydel = e.bydel
    LEFT JOIN barnet AS b ON b.orgnr = e.orgnr AND b.sak_id = e.sak_id AND b.fra <= e.til AND b.til > e.til
  ),
  barna AS (
    SELECT art, periode, periodetype, region, niva, nokkel, MAX(kjonn) AS kjonn, MAX(alder) AS alder,
      LOGICAL_OR(brudd) AS brudd
    FROM enheter
    GROUP BY art, periode, periodetype, region, niva, nokkel, nummer
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
      STRUCT('oppfolging_krav' AS indikator, e.periodetype IN ('H') AND (e.art = 'oppfolging_krav') AS med, 1 AS teller, CAST(NULL AS INT64) AS nevner, 1 AS kodeteller, CAST([] AS ARRAY<STRING>) AS koder),
      STRUCT('oppfolging_ikke_oppfylt' AS indikator, e.periodetype IN ('H', 'R') AND (e.art = 'oppfolging_krav') AS med, IF(e.brudd, 1, 0) AS teller, 1 AS nevner, IF(e.brudd, 1, 0) AS kodeteller, CAST([] AS ARRAY<STRING>) AS koder),
      STRUCT('oppfolging_besok' AS indikator, e.periodetype IN ('H', 'Y') AND (e.art = 'oppfolging_besok') AS med, 1 AS teller, CAST(NULL AS INT64) AS nevner, 1 AS kodeteller, CAST([] AS ARRAY<STRING>) AS koder),
      STRUCT('tilsyn_krav' AS indikator, e.periodetype IN ('H') AND (e.art = 'tilsyn_krav') AS med, 1 AS teller, CAST(NULL AS INT64) AS nevner, 1 AS kodeteller, CAST([] AS ARRAY<STRING>) AS koder),
      STRUCT('tilsyn_ikke_oppfylt' AS indikator, e.periodetype IN ('H', 'R') AND (e.art = 'tilsyn_krav') AS med, IF(e.brudd, 1, 0) AS teller, 1 AS nevner, IF(e.brudd, 1, 0) AS kodeteller, CAST([] AS ARRAY<STRING>) AS koder),
      STRUCT('tilsyn_besok' AS indikator, e.periodetype IN ('H', 'Y') AND (e.art = 'tilsyn_besok') AS med, 1 AS teller, CAST(NULL AS INT64) AS nevner, 1 AS kodeteller, CAST([] AS ARRAY<STRING>) AS koder)
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
    SELECT IF(niva NOT IN ('KOMMUNE', 'BYDEL') AND indikator IN ('oppfolging_krav', 'oppfolging_ikke_oppfylt', 'tilsyn_krav', 'tilsyn_ikke_oppfylt'), 'UNIK', 'SUM') AS maal, * FROM tall
    UNION ALL
    SELECT 'SUM' AS maal, t.indikator, t.periode, t.periodetype, o.region, o.niva, t.kjonn, t.aldersgruppe, t.kode,
      SUM(t.teller) AS teller, SUM(t.nevner) AS nevner, SUM(t.n_barn) AS n_barn, SUM(t.n_barn_nevner) AS n_barn_nevner
    FROM tall AS t
    JOIN (SELECT DISTINCT kommunenummer, region, niva FROM sted WHERE niva NOT IN ('KOMMUNE', 'BYDEL', 'BYDELER')) AS o
      ON o.kommunenummer = t.region AND t.niva = 'KOMMUNE'
    WHERE t.indikator IN ('oppfolging_krav', 'oppfolging_ikke_oppfylt', 'tilsyn_krav', 'tilsyn_ikke_oppfylt')
    GROUP BY t.indikator, t.periode, t.periodetype, o.region, o.niva, t.kjonn, t.aldersgruppe, t.kode
    UNION ALL
    SELECT 'SUM' AS maal, t.indikator, t.periode, t.periodetype, 'EAB' AS region, 'BYDELER' AS niva, t.kjonn,
      t.aldersgruppe, t.kode, SUM(t.teller) AS teller, SUM(t.nevner) AS nevner, SUM(t.n_barn) AS n_barn,
      SUM(t.n_barn_nevner) AS n_barn_nevner
    FROM tall AS t
    WHERE t.indikator IN ('oppfolging_krav', 'oppfolging_ikke_oppfylt', 'tilsyn_krav', 'tilsyn_ikke_oppfylt') AND t.niva = 'BYDEL' AND SUBSTR(t.region, 1, 4) = '0301'
      AND SUBSTR(t.region, 5) NOT IN ('16', '17', '99')
    GROUP BY t.indikator, t.periode, t.periodetype, t.kjonn, t.aldersgruppe, t.kode
  ),
  nokkeltall AS (
    SELECT n.indikator, n.enhet, n.befolkning, n.per, p.periode, p.periodetype, p.til
    FROM UNNEST([
      STRUCT('oppfolging_krav' AS indikator, 'BARN' AS enhet, ['H'] AS typer, CAST(NULL AS STRING) AS befolkning, 100 AS per, '' AS bare),
      STRUCT('oppfolging_ikke_oppfylt' AS indikator, 'BARN' AS enhet, ['H', 'R'] AS typer, CAST(NULL AS STRING) AS befolkning, 100 AS per, '' AS bare),
      STRUCT('oppfolging_besok' AS indikator, 'HENDELSE' AS enhet, ['H', 'Y'] AS typer, CAST(NULL AS STRING) AS befolkning, 100 AS per, '' AS bare),
      STRUCT('tilsyn_krav' AS indikator, 'BARN' AS enhet, ['H'] AS typer, CAST(NULL AS STRING) AS befolkning, 100 AS per, '' AS bare),
      STRUCT('tilsyn_ikke_oppfylt' AS indikator, 'BARN' AS enhet, ['H', 'R'] AS typer, CAST(NULL AS STRING) AS befolkning, 100 AS per, '' AS bare),
      STRUCT('tilsyn_besok' AS indikator, 'HENDELSE' AS enhet, ['H', 'Y'] AS typer, CAST(NULL AS STRING) AS befolkning, 100 AS per, '' AS bare)
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
