-- Barn med tiltak per dato: children with at least one measure in effect at the end of 30 June and 31 December, and (type
-- N, provisional) on the day of the run. In effect at the end of day d: started on or before d, and not ended by then.
-- A measure without an end in a closed case ended with the case. A child counts once in each municipality.
WITH
  dato AS (
    SELECT CONCAT(CAST(aar AS STRING), del.kode) AS periode, 'D' AS periodetype, DATE(aar, del.maaned, del.dag) AS d
    FROM UNNEST(GENERATE_ARRAY(
      EXTRACT(YEAR FROM DATE(@run_time, 'Europe/Oslo')) - 2,
      EXTRACT(YEAR FROM DATE(@run_time, 'Europe/Oslo'))
    )) AS aar
    CROSS JOIN UNNEST([
      STRUCT('H1' AS kode, 6 AS maaned, 30 AS dag), STRUCT('H2' AS kode, 12 AS maaned, 31 AS dag)
    ]) AS del
    WHERE DATE(aar, del.maaned, del.dag) < DATE(@run_time, 'Europe/Oslo')
    UNION ALL
    SELECT
      FORMAT_DATE('%Y-%m-%d', DATE(@run_time, 'Europe/Oslo')) AS periode,
      'N' AS periodetype,
      DATE(@run_time, 'Europe/Oslo') AS d
  ),
  gjeldende AS (
    SELECT kommunenummer, orgnr, sak_id, sak
    FROM register.sak_per(@run_time)
  ),
  kommune AS (
    SELECT DISTINCT kommunenummer FROM register.sak_historikk_per(@run_time)
  ),
  slettet AS (
    SELECT DISTINCT g.orgnr, g.sak_id, borte.type, LOWER(borte.id) AS id
    FROM gjeldende AS g, UNNEST(g.sak.slettet) AS borte
  ),
  tiltak AS (
    SELECT
      g.kommunenummer,
      g.orgnr,
      g.sak_id,
      LOWER(t.id) AS id,
      t.start_dato,
      IFNULL(t.konklusjon.slutt_dato, g.sak.slutt_dato) AS slutt_dato,
      -- Omsorgstiltak: bvl. 1992 § 4-12, § 4-8 annet og tredje ledd, § 4-8 jf. § 4-12; bvl. 2021 § 5-1.
      (t.lovhjemmel.lov = 'BVL2021' AND t.lovhjemmel.kapittel = '5' AND t.lovhjemmel.paragraf = '1')
      OR (
        t.lovhjemmel.lov = 'BVL' AND t.lovhjemmel.kapittel = '4'
        AND (
          t.lovhjemmel.paragraf = '12'
          OR (
            t.lovhjemmel.paragraf = '8'
            AND (
              '2' IN UNNEST(t.lovhjemmel.ledd)
              OR '3' IN UNNEST(t.lovhjemmel.ledd)
              OR EXISTS (
                SELECT 1 FROM UNNEST(t.jmfr_lovhjemmel) AS jmfr WHERE jmfr.kapittel = '4' AND jmfr.paragraf = '12'
              )
            )
          )
        )
      ) AS omsorg
    FROM gjeldende AS g, UNNEST(g.sak.tiltak) AS t
    WHERE t.er_slettet IS NOT TRUE
  ),
  personalia AS (
    SELECT g.orgnr, g.sak_id, LOWER(pers.id) AS id, pers.start_dato, pers.kjonn, pers.fodseldato, plass AS rekkefolge,
      CASE
        WHEN pers.nummertype IN ('FNR', 'DNR') THEN CONCAT('N', TO_HEX(pers.fodselsnummer))
        WHEN pers.duf_nummer IS NOT NULL THEN CONCAT('D', TO_HEX(pers.duf_nummer))
        ELSE CONCAT('S', g.orgnr, g.sak_id)
      END AS nokkel
    FROM gjeldende AS g, UNNEST(g.sak.personalia) AS pers WITH OFFSET AS plass
    WHERE pers.er_slettet IS NOT TRUE
  ),
  -- Who the case is about at the date: the Personalia in force, else the earliest.
  barn AS (
    SELECT d.periode, pers.orgnr, pers.sak_id, pers.kjonn, pers.fodseldato, pers.nokkel
    FROM personalia AS pers
    CROSS JOIN dato AS d
    LEFT JOIN slettet AS borte
      ON borte.type = 'Personalia' AND borte.orgnr = pers.orgnr AND borte.sak_id = pers.sak_id AND borte.id = pers.id
    WHERE borte.id IS NULL
    QUALIFY ROW_NUMBER() OVER (
      PARTITION BY d.periode, pers.orgnr, pers.sak_id
      ORDER BY
        IF(pers.start_dato <= d.d, 0, 1),
        IF(pers.start_dato <= d.d, DATE_DIFF(d.d, pers.start_dato, DAY), DATE_DIFF(pers.start_dato, d.d, DAY)),
        pers.rekkefolge DESC
    ) = 1
  ),
  -- One row per child, municipality and date. A child under care is so for all its measures.
  bestand AS (
    SELECT
      t.kommunenummer,
      d.periode,
      IFNULL(b.nokkel, CONCAT('S', t.orgnr, t.sak_id)) AS barnet,
      LOGICAL_OR(t.omsorg) AS omsorg,
      MAX(IF(b.kjonn IN ('1', '2'), b.kjonn, '0')) AS kjonn,
      MAX(CASE
        WHEN b.fodseldato IS NULL OR b.kjonn = '0' THEN -1
        ELSE DATE_DIFF(d.d, b.fodseldato, YEAR)
          - IF(FORMAT_DATE('%m%d', d.d) < FORMAT_DATE('%m%d', b.fodseldato), 1, 0)
      END) AS alder
    FROM tiltak AS t
    JOIN dato AS d ON t.start_dato <= d.d AND (t.slutt_dato IS NULL OR t.slutt_dato > d.d)
    LEFT JOIN slettet AS borte
      ON borte.type = 'Tiltak' AND borte.orgnr = t.orgnr AND borte.sak_id = t.sak_id AND borte.id = t.id
    LEFT JOIN barn AS b ON b.periode = d.periode AND b.orgnr = t.orgnr AND b.sak_id = t.sak_id
    WHERE borte.id IS NULL
    GROUP BY t.kommunenummer, d.periode, barnet
  ),
  gruppert AS (
    SELECT
      kommunenummer,
      periode,
      barnet,
      kjonn,
      IF(omsorg, 'OMSORG', 'HJELP') AS kode,
      CASE
        WHEN alder < 0 THEN 'U'
        WHEN alder < 3 THEN '0-2'
        WHEN alder < 6 THEN '3-5'
        WHEN alder < 13 THEN '6-12'
        WHEN alder < 18 THEN '13-17'
        WHEN alder < 25 THEN '18-24'
        ELSE '25+'
      END AS aldersgruppe
    FROM bestand
  ),
  tall AS (
    SELECT kommunenummer, periode, kjonn, aldersgruppe, kode, COUNT(*) AS verdi
    FROM gruppert
    GROUP BY GROUPING SETS (
      (kommunenummer, periode),
      (kommunenummer, periode, kjonn),
      (kommunenummer, periode, aldersgruppe),
      (kommunenummer, periode, kode)
    )
  )
SELECT
  'barn_tiltak_dato' AS indikator,
  k.kommunenummer,
  d.periode,
  d.periodetype,
  IFNULL(t.kjonn, 'T') AS kjonn,
  IFNULL(t.aldersgruppe, 'T') AS aldersgruppe,
  IFNULL(t.kode, 'T') AS kode,
  IFNULL(t.verdi, 0) AS verdi,
  IFNULL(t.verdi, 0) AS n_barn,
  d.d AS referansedato,
  @run_time AS kunnskapstidspunkt
FROM kommune AS k
CROSS JOIN dato AS d
LEFT JOIN tall AS t ON t.kommunenummer = k.kommunenummer AND t.periode = d.periode
