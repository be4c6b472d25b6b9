-- Validation report, in detail (statistics 3.2): each finding of each case from when it was first seen until it was gone.
-- A finding is a rule on an element. What is gone and comes back is a new row. Open ones, and those solved in the last
-- year; messages that never became a case (FATAL) for thirty days, since nobody can tell what they were about.
WITH
  -- The states that a case has been in: an extract older than one that had come before it changed nothing.
  innsending AS (
    SELECT h.* EXCEPT (nyeste), ROW_NUMBER() OVER (
      PARTITION BY h.orgnr, h.sak_id ORDER BY h.mottatt, h.dato_uttrekk, h.innsending_id, h.innhold_sha256
    ) AS plass
    FROM (
      SELECT
        orgnr, sak_id, kommunenummer, bydelsnummer, innsending_id, forrige_id, innhold_sha256, mottatt, dato_uttrekk,
        fagsystem, sak.journalnummer AS journalnummer, funn,
        MAX(dato_uttrekk) OVER (
          PARTITION BY orgnr, sak_id ORDER BY mottatt, dato_uttrekk, innsending_id, innhold_sha256
        ) AS nyeste
      FROM register.sak_historikk_per(@run_time)
    ) AS h
    WHERE h.dato_uttrekk = h.nyeste
  ),
  -- Once a submission, however often a rule spoke of the same element.
  sett AS (
    SELECT i.orgnr, i.sak_id, i.plass, i.mottatt, f.regel, f.element,
      IFNULL(LOWER(f.element_id), f.sti) AS hva,
      MAX(f.regel_versjon) AS regel_versjon, MAX(f.alvorlighet) AS alvorlighet,
      MAX(f.opprinnelig_alvorlighet) AS opprinnelig, MIN(f.sti) AS sti, MIN(f.element_id) AS element_id,
      MIN(f.melding_nb) AS melding_nb, COUNT(*) AS ganger
    FROM innsending AS i, UNNEST(i.funn) AS f
    GROUP BY i.orgnr, i.sak_id, i.plass, i.mottatt, f.regel, f.element, hva
  ),
  -- Runs of submissions that have it.
  forlop AS (
    SELECT *, plass - ROW_NUMBER() OVER (PARTITION BY orgnr, sak_id, regel, element, hva ORDER BY plass) AS oy
    FROM sett
  ),
  funn AS (
    SELECT orgnr, sak_id, regel, element, hva, oy, MIN(mottatt) AS forst_sett, MAX(mottatt) AS sist_sett,
      MAX(plass) AS siste, COUNT(*) AS antall_innsendinger
    FROM forlop
    GROUP BY orgnr, sak_id, regel, element, hva, oy
  ),
  rader AS (
    SELECT
      i.orgnr, i.innsending_id, i.forrige_id, i.mottatt AS mottatt_tid, i.dato_uttrekk, i.kommunenummer, i.bydelsnummer,
      i.fagsystem.leverandor AS fagsystem_leverandor, i.fagsystem.versjon AS fagsystem_versjon, f.sak_id,
      TO_HEX(SHA256(CONCAT(i.kommunenummer, '/', i.journalnummer))) AS journalnummer_hash,
      f.element AS element_type, s.element_id, s.sti AS xpath, f.regel AS regel_id, s.regel_versjon, s.alvorlighet,
      s.opprinnelig IS NOT NULL AS er_migrert, s.melding_nb AS melding_tekst, f.forst_sett, f.sist_sett,
      neste.mottatt AS lost_tid, f.antall_innsendinger, s.ganger AS antall_forekomster
    FROM funn AS f
    JOIN innsending AS i ON i.orgnr = f.orgnr AND i.sak_id = f.sak_id AND i.plass = f.siste
    JOIN sett AS s
      ON s.orgnr = f.orgnr AND s.sak_id = f.sak_id AND s.plass = f.siste AND s.regel = f.regel AND s.element = f.element
      AND s.hva = f.hva
    LEFT JOIN innsending AS neste
      ON neste.orgnr = f.orgnr AND neste.sak_id = f.sak_id AND neste.plass = f.siste + 1
    UNION ALL
    SELECT
      CAST(NULL AS STRING), r.melding_id, CAST(NULL AS STRING), r.mottatt, CAST(NULL AS TIMESTAMP), a.kommune,
      CAST(NULL AS STRING), CAST(NULL AS STRING), CAST(NULL AS STRING), CAST(NULL AS STRING), CAST(NULL AS STRING),
      f.element, f.element_id, f.sti, f.regel, f.regel_versjon, f.alvorlighet, FALSE, f.melding_nb, r.mottatt,
      r.mottatt, CAST(NULL AS TIMESTAMP), 1, 1
    FROM register.innsending AS r, UNNEST(r.funn) AS f
    -- Of whom a sender reports for one municipality alone, its refused messages are that municipality's.
    LEFT JOIN (
      SELECT konto_id, MIN(kommunenummer) AS kommune
      FROM grunnlag.avsender
      GROUP BY konto_id
      HAVING COUNT(DISTINCT kommunenummer) = 1
    ) AS a ON a.konto_id = r.avsender_id
    WHERE r.utfall = 'REJECTED' AND r.behandlet <= @run_time
      AND r.mottatt >= TIMESTAMP_SUB(@run_time, INTERVAL 30 * 24 HOUR)
    QUALIFY ROW_NUMBER() OVER (
      PARTITION BY r.avsender_id, r.innhold_sha256, f.regel, f.sti ORDER BY r.mottatt, r.melding_id, r.behandlet
    ) = 1
  )
SELECT
  IFNULL(kommunenummer, '') AS kommunenummer,
  IFNULL(sak_id, '') AS sak_id,
  innsending_id,
  forrige_id,
  mottatt_tid,
  dato_uttrekk,
  bydelsnummer,
  orgnr,
  fagsystem_leverandor,
  fagsystem_versjon,
  journalnummer_hash,
  element_type,
  IFNULL(element_id, '') AS element_id,
  xpath,
  regel_id,
  regel_versjon,
  alvorlighet,
  er_migrert,
  melding_tekst,
  forst_sett,
  sist_sett,
  lost_tid,
  lost_tid IS NULL AND alvorlighet != 'FATAL' AS apen,
  DATE_DIFF(
    DATE(IFNULL(lost_tid, @run_time), 'Europe/Oslo'), DATE(forst_sett, 'Europe/Oslo'), DAY
  ) AS apen_dager,
  antall_innsendinger,
  antall_forekomster,
  @run_time AS kunnskapstidspunkt
FROM rader
WHERE lost_tid IS NULL OR lost_tid >= TIMESTAMP_SUB(@run_time, INTERVAL 365 * 24 HOUR)
