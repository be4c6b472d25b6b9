-- The migration report in short, by municipality and kind, and ALLE. Approved (the gate of statistics 3.1): at least 98 %
-- found, no unexplained case or measure, and the file is that of last year.
WITH
  kommuner AS (
    SELECT kommunenummer, MAX(kostra_aargang) AS aargang
    FROM statistikk.migreringsrapport_v1
    GROUP BY kommunenummer
    UNION ALL
    -- Who reports to the register without ever having had a file has nothing to compare with.
    SELECT s.kommunenummer, CAST(NULL AS INT64)
    FROM (SELECT DISTINCT kommunenummer FROM register.sak_historikk_per(@run_time)) AS s
    LEFT JOIN grunnlag.kommuneendring AS e ON e.gammel = s.kommunenummer
    LEFT JOIN (SELECT DISTINCT kommunenummer FROM statistikk.migreringsrapport_v1) AS r
      ON r.kommunenummer = s.kommunenummer
    WHERE r.kommunenummer IS NULL AND e.gammel IS NULL
  ),
  arter AS (
    SELECT kommunenummer, aargang, type
    FROM kommuner, UNNEST(['ALLE', 'Sak', 'Undersokelse', 'Plan', 'Tiltak', 'Relasjon']) AS type
  ),
  tall AS (
    SELECT
      kommunenummer, art,
      COUNTIF(kostra_tilstand = 'APEN') AS antall_kostra,
      COUNTIF(kostra_tilstand = 'APEN' AND status != 'MANGLER') AS funnet,
      COUNTIF(kostra_tilstand = 'APEN' AND status = 'FUNNET_APEN') AS apen,
      COUNTIF(kostra_tilstand = 'APEN' AND status = 'FUNNET_LUKKET') AS lukket,
      COUNTIF(kostra_tilstand = 'APEN' AND status = 'AVVIK') AS avvik,
      COUNTIF(kostra_tilstand = 'APEN' AND status = 'DUBLETT') AS dubletter,
      COUNTIF(kostra_tilstand = 'APEN' AND status = 'SAK_HAR_ERROR') AS sak_har_error,
      COUNTIF(kostra_tilstand = 'APEN' AND status = 'MANGLER') AS mangler,
      COUNTIF(kostra_tilstand = 'APEN' AND status = 'MANGLER' AND aarsakskode IS NOT NULL) AS forklart,
      COUNTIF(kostra_tilstand = 'APEN' AND status = 'MANGLER' AND aarsakskode IS NULL) AS uforklart,
      COUNTIF(
        kostra_tilstand = 'APEN' AND status = 'MANGLER' AND aarsakskode IS NULL AND type IN ('Sak', 'Tiltak')
      ) AS uforklart_sak_tiltak,
      COUNTIF(kostra_tilstand = 'UKLAR') AS uklare,
      COUNTIF(status = 'UKJENT_MIGRERTID') AS ukjent_migrertid,
      COUNTIF(status = 'LUKKET_I_KOSTRA_APEN_I_BVR') AS lukket_i_kostra
    FROM statistikk.migreringsrapport_v1
    CROSS JOIN UNNEST([type, 'ALLE']) AS art
    GROUP BY kommunenummer, art
  )
SELECT
  a.kommunenummer,
  a.type,
  a.aargang AS kostra_aargang,
  IFNULL(a.aargang = EXTRACT(YEAR FROM DATE(@run_time, 'Europe/Oslo')) - 1, FALSE) AS aargang_er_siste,
  IFNULL(t.antall_kostra, 0) AS antall_kostra,
  IFNULL(t.funnet, 0) AS funnet,
  IFNULL(t.apen, 0) AS apen,
  IFNULL(t.lukket, 0) AS lukket,
  IFNULL(t.avvik, 0) AS avvik,
  IFNULL(t.dubletter, 0) AS dubletter,
  IFNULL(t.sak_har_error, 0) AS sak_har_error,
  IFNULL(t.mangler, 0) AS mangler,
  IFNULL(t.forklart, 0) AS forklart,
  IFNULL(t.uforklart, 0) AS uforklart,
  IFNULL(t.uklare, 0) AS uklare,
  IFNULL(t.ukjent_migrertid, 0) AS ukjent_migrertid,
  IFNULL(t.lukket_i_kostra, 0) AS lukket_i_kostra,
  ROUND(SAFE_DIVIDE(CAST(100 * t.funnet AS NUMERIC), t.antall_kostra), 1) AS dekningsgrad,
  IFNULL(a.aargang = EXTRACT(YEAR FROM DATE(@run_time, 'Europe/Oslo')) - 1, FALSE)
    AND 100 * IFNULL(t.funnet, 0) >= 98 * IFNULL(t.antall_kostra, 0)
    AND IFNULL(t.uforklart_sak_tiltak, 0) = 0 AS godkjent,
  @run_time AS kunnskapstidspunkt
FROM arter AS a
LEFT JOIN tall AS t ON t.kommunenummer = a.kommunenummer AND t.art = a.type
