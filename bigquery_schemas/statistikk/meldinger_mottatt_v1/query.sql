-- Mottatte meldinger: reports with StartDato in the period, by the municipality responsible for the case.
-- Half-years and years from two years back; the running ones as far as they have come. Age and sex are those at the end
-- of the period, the due date of an unborn child is no age.
WITH
  periode AS (
    SELECT
      CONCAT(CAST(aar AS STRING), del.kode) AS periode,
      IF(del.kode = '', 'Y', 'H') AS periodetype,
      DATE(aar, del.fra_maaned, 1) AS fra,
      DATE(aar, del.til_maaned, del.til_dag) AS til
    FROM UNNEST(GENERATE_ARRAY(
      EXTRACT(YEAR FROM DATE(@run_time, 'Europe/Oslo')) - 2,
      EXTRACT(YEAR FROM DATE(@run_time, 'Europe/Oslo'))
    )) AS aar
    CROSS JOIN UNNEST([
      STRUCT('' AS kode, 1 AS fra_maaned, 12 AS til_maaned, 31 AS til_dag),
      STRUCT('H1' AS kode, 1 AS fra_maaned, 6 AS til_maaned, 30 AS til_dag),
      STRUCT('H2' AS kode, 7 AS fra_maaned, 12 AS til_maaned, 31 AS til_dag)
    ]) AS del
    WHERE DATE(aar, del.fra_maaned, 1) <= DATE(@run_time, 'Europe/Oslo')
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
  melding AS (
    SELECT g.kommunenummer, g.orgnr, g.sak_id, LOWER(m.id) AS id, m.start_dato
    FROM gjeldende AS g, UNNEST(g.sak.melding) AS m
    WHERE m.er_slettet IS NOT TRUE
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
  -- Who the case is about at the end of a period: the Personalia in force, else the earliest.
  barn AS (
    SELECT p.periode, pers.orgnr, pers.sak_id, pers.kjonn, pers.nokkel,
      IF(
        pers.kjonn = '0',
        -1,
        DATE_DIFF(p.til, pers.fodseldato, YEAR)
          - IF(FORMAT_DATE('%m%d', p.til) < FORMAT_DATE('%m%d', pers.fodseldato), 1, 0)
      ) AS alder
    FROM personalia AS pers
    CROSS JOIN periode AS p
    LEFT JOIN slettet AS borte
      ON borte.type = 'Personalia' AND borte.orgnr = pers.orgnr AND borte.sak_id = pers.sak_id AND borte.id = pers.id
    WHERE borte.id IS NULL
    QUALIFY ROW_NUMBER() OVER (
      PARTITION BY p.periode, pers.orgnr, pers.sak_id
      ORDER BY
        IF(pers.start_dato <= p.til, 0, 1),
        IF(pers.start_dato <= p.til, DATE_DIFF(p.til, pers.start_dato, DAY), DATE_DIFF(pers.start_dato, p.til, DAY)),
        pers.rekkefolge DESC
    ) = 1
  ),
  hendelse AS (
    SELECT
      m.kommunenummer,
      p.periode,
      IFNULL(b.nokkel, CONCAT('S', m.orgnr, m.sak_id)) AS nokkel,
      IF(b.kjonn IN ('1', '2'), b.kjonn, '0') AS kjonn,
      CASE
        WHEN b.alder IS NULL OR b.alder < 0 THEN 'U'
        WHEN b.alder < 3 THEN '0-2'
        WHEN b.alder < 6 THEN '3-5'
        WHEN b.alder < 13 THEN '6-12'
        WHEN b.alder < 18 THEN '13-17'
        WHEN b.alder < 25 THEN '18-24'
        ELSE '25+'
      END AS aldersgruppe
    FROM melding AS m
    JOIN periode AS p ON m.start_dato BETWEEN p.fra AND p.til
    LEFT JOIN slettet AS borte
      ON borte.type = 'Melding' AND borte.orgnr = m.orgnr AND borte.sak_id = m.sak_id AND borte.id = m.id
    LEFT JOIN barn AS b ON b.periode = p.periode AND b.orgnr = m.orgnr AND b.sak_id = m.sak_id
    WHERE borte.id IS NULL
  ),
  tall AS (
    SELECT kommunenummer, periode, kjonn, aldersgruppe, COUNT(*) AS verdi, COUNT(DISTINCT nokkel) AS n_barn
    FROM hendelse
    GROUP BY GROUPING SETS (
      (kommunenummer, periode), (kommunenummer, periode, kjonn), (kommunenummer, periode, aldersgruppe)
    )
  )
-- Every municipality that has reported has its totals, zero included; breakdowns stand where there is something.
SELECT
  'meldinger_mottatt' AS indikator,
  k.kommunenummer,
  p.periode,
  p.periodetype,
  IFNULL(t.kjonn, 'T') AS kjonn,
  IFNULL(t.aldersgruppe, 'T') AS aldersgruppe,
  'T' AS kode,
  IFNULL(t.verdi, 0) AS verdi,
  IFNULL(t.n_barn, 0) AS n_barn,
  p.til AS referansedato,
  @run_time AS kunnskapstidspunkt
FROM kommune AS k
CROSS JOIN periode AS p
LEFT JOIN tall AS t ON t.kommunenummer = k.kommunenummer AND t.periode = p.periode
