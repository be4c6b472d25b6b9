-- Laget med `bvr generate`; endre modellen. | Generated: change the model instead.
MERGE register.sak_tabell AS t
USING (
  SELECT b.orgnr AS berort_orgnr, b.sak_id AS berort_sak_id, s.*
  FROM (
    SELECT orgnr, sak_id
    FROM register.innsending
    WHERE behandlet > @fra AND behandlet <= @til AND sak_id IS NOT NULL
    UNION DISTINCT
    SELECT e.orgnr, e.sak_id
    FROM register.sak_tabell AS e
    LEFT JOIN register.innsending AS i
      ON i.orgnr = e.orgnr AND i.sak_id = e.sak_id AND i.utfall != 'REJECTED'
    WHERE i.sak_id IS NULL
  ) AS b
  LEFT JOIN register.sak_gjeldende AS s ON s.orgnr = b.orgnr AND s.sak_id = b.sak_id
) AS g
ON t.orgnr = g.berort_orgnr AND t.sak_id = g.berort_sak_id
WHEN MATCHED AND g.sak_id IS NULL THEN DELETE
WHEN MATCHED THEN UPDATE SET
  melding_id = g.melding_id,
  avsender_id = g.avsender_id,
  klient_melding_id = g.klient_melding_id,
  meldingstype = g.meldingstype,
  kanal = g.kanal,
  mottatt = g.mottatt,
  behandlet = g.behandlet,
  innhold_sha256 = g.innhold_sha256,
  skjemaversjon = g.skjemaversjon,
  regelsett = g.regelsett,
  utfall = g.utfall,
  hoyeste_alvorlighet = g.hoyeste_alvorlighet,
  plassering = g.plassering,
  kvitterings_id = g.kvitterings_id,
  innsending_id = g.innsending_id,
  forrige_id = g.forrige_id,
  orgnr = g.orgnr,
  kommunenummer = g.kommunenummer,
  bydelsnummer = g.bydelsnummer,
  sak_id = g.sak_id,
  dato_uttrekk = g.dato_uttrekk,
  er_slettet = g.er_slettet,
  antall_error = g.antall_error,
  antall_warning = g.antall_warning,
  antall_info = g.antall_info,
  funn = g.funn,
  ikke_kontrollert = g.ikke_kontrollert,
  fagsystem = g.fagsystem,
  avgiver = g.avgiver,
  sak = g.sak
WHEN NOT MATCHED AND g.sak_id IS NOT NULL THEN INSERT (
  melding_id, avsender_id, klient_melding_id, meldingstype, kanal, mottatt, behandlet, innhold_sha256, skjemaversjon, regelsett, utfall, hoyeste_alvorlighet, plassering, kvitterings_id, innsending_id, forrige_id, orgnr, kommunenummer, bydelsnummer, sak_id, dato_uttrekk, er_slettet, antall_error, antall_warning, antall_info, funn, ikke_kontrollert, fagsystem, avgiver, sak
) VALUES (
  g.melding_id, g.avsender_id, g.klient_melding_id, g.meldingstype, g.kanal, g.mottatt, g.behandlet, g.innhold_sha256, g.skjemaversjon, g.regelsett, g.utfall, g.hoyeste_alvorlighet, g.plassering, g.kvitterings_id, g.innsending_id, g.forrige_id, g.orgnr, g.kommunenummer, g.bydelsnummer, g.sak_id, g.dato_uttrekk, g.er_slettet, g.antall_error, g.antall_warning, g.antall_info, g.funn, g.ikke_kontrollert, g.fagsystem, g.avgiver, g.sak
)
