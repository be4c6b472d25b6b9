-- Laget med `bvr generate`; endre modellen. | Generated: change the model instead.
-- One row per dated event of the current cases. (forelder, element_id) is the element it belongs to,
-- (topp, topp_id) the one directly below Sak that this is, or lies in. What is deleted, marked so or listed in Slettet,
-- does not appear.
WITH
  borte AS (
    SELECT DISTINCT s.orgnr, s.sak_id, b.type, LOWER(b.id) AS id
    FROM register.sak_tabell AS s, UNNEST(s.sak.slettet) AS b
  ),
  alle AS (
    SELECT s.orgnr, s.sak_id, s.kommunenummer, s.bydelsnummer,
      h.type, h.dato, h.kode, h.kodeliste, h.lovhjemmel,
      s.sak_id AS element_id, 'Sak' AS forelder, 'Sak' AS topp, s.sak_id AS topp_id
    FROM register.sak_tabell AS s, UNNEST([
      STRUCT('Sak' AS type, s.sak.start_dato AS dato, CAST(NULL AS STRING) AS kode, CAST(NULL AS STRING) AS kodeliste, CAST(NULL AS STRING) AS lovhjemmel),
      STRUCT('SakSlutt' AS type, s.sak.slutt_dato AS dato, CAST(NULL AS STRING) AS kode, CAST(NULL AS STRING) AS kodeliste, CAST(NULL AS STRING) AS lovhjemmel)
    ]) AS h
    WHERE h.dato IS NOT NULL AND s.sak.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.kommunenummer, s.bydelsnummer,
      h.type, h.dato, h.kode, h.kodeliste, h.lovhjemmel,
      LOWER(x.id) AS element_id, 'Melding' AS forelder, 'Melding' AS topp, LOWER(x.id) AS topp_id
    FROM register.sak_tabell AS s, UNNEST(s.sak.melding) AS x, UNNEST([
      STRUCT('Melding' AS type, x.start_dato AS dato, CAST(NULL AS STRING) AS kode, CAST(NULL AS STRING) AS kodeliste, CAST(NULL AS STRING) AS lovhjemmel),
      STRUCT('MeldingKonklusjon' AS type, IF(x.konklusjon.er_slettet IS TRUE, NULL, x.konklusjon.slutt_dato) AS dato, x.konklusjon.kode AS kode, 'MeldingKonklusjon' AS kodeliste, CAST(NULL AS STRING) AS lovhjemmel)
    ]) AS h
    WHERE h.dato IS NOT NULL AND s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.kommunenummer, s.bydelsnummer,
      h.type, h.dato, h.kode, h.kodeliste, h.lovhjemmel,
      LOWER(x.id) AS element_id, 'Undersokelse' AS forelder, 'Undersokelse' AS topp, LOWER(x.id) AS topp_id
    FROM register.sak_tabell AS s, UNNEST(s.sak.undersokelse) AS x, UNNEST([
      STRUCT('Undersokelse' AS type, x.start_dato AS dato, CAST(NULL AS STRING) AS kode, CAST(NULL AS STRING) AS kodeliste, CAST(NULL AS STRING) AS lovhjemmel),
      STRUCT('BarnetsMedvirkning' AS type, x.barnets_medvirkning.start_dato AS dato, x.barnets_medvirkning.medvirkning_type AS kode, 'BarnetsMedvirkning' AS kodeliste, CAST(NULL AS STRING) AS lovhjemmel),
      STRUCT('UtvidetFrist' AS type, x.utvidet_frist.start_dato AS dato, x.utvidet_frist.innvilget AS kode, 'UtvidetFristInnvilget' AS kodeliste, CAST(NULL AS STRING) AS lovhjemmel),
      STRUCT('UndersokelseKonklusjon' AS type, x.konklusjon.slutt_dato AS dato, x.konklusjon.kode AS kode, 'UndersokelseKonklusjon' AS kodeliste, CAST(NULL AS STRING) AS lovhjemmel)
    ]) AS h
    WHERE h.dato IS NOT NULL AND s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.kommunenummer, s.bydelsnummer,
      h.type, h.dato, h.kode, h.kodeliste, h.lovhjemmel,
      LOWER(x.id) AS element_id, 'Plan' AS forelder, 'Plan' AS topp, LOWER(x.id) AS topp_id
    FROM register.sak_tabell AS s, UNNEST(s.sak.plan) AS x, UNNEST([
      STRUCT('Plan' AS type, x.start_dato AS dato, x.plantype AS kode, 'Plantype' AS kodeliste, CAST(NULL AS STRING) AS lovhjemmel),
      STRUCT('PlanKonklusjon' AS type, x.konklusjon.slutt_dato AS dato, CAST(NULL AS STRING) AS kode, CAST(NULL AS STRING) AS kodeliste, CAST(NULL AS STRING) AS lovhjemmel)
    ]) AS h
    WHERE h.dato IS NOT NULL AND s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.kommunenummer, s.bydelsnummer,
      h.type, h.dato, h.kode, h.kodeliste, h.lovhjemmel,
      LOWER(x.id) AS element_id, 'Plan' AS forelder, 'Plan' AS topp, LOWER(x.id) AS topp_id
    FROM register.sak_tabell AS s, UNNEST(s.sak.plan) AS x, UNNEST(x.evaluering) AS z, UNNEST([
      STRUCT('Evaluering' AS type, z.utfort_dato AS dato, CAST(NULL AS STRING) AS kode, CAST(NULL AS STRING) AS kodeliste, CAST(NULL AS STRING) AS lovhjemmel)
    ]) AS h
    WHERE h.dato IS NOT NULL AND s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.kommunenummer, s.bydelsnummer,
      h.type, h.dato, h.kode, h.kodeliste, h.lovhjemmel,
      LOWER(x.id) AS element_id, 'Tiltak' AS forelder, 'Tiltak' AS topp, LOWER(x.id) AS topp_id
    FROM register.sak_tabell AS s, UNNEST(s.sak.tiltak) AS x, UNNEST([
      STRUCT('Tiltak' AS type, x.start_dato AS dato, x.kategori.kode AS kode, 'TiltakKategori' AS kodeliste, CONCAT(x.lovhjemmel.lov, ' ', x.lovhjemmel.kapittel, '-', x.lovhjemmel.paragraf, IF(ARRAY_LENGTH(x.lovhjemmel.ledd) > 0, CONCAT(' ledd ', ARRAY_TO_STRING(x.lovhjemmel.ledd, ' ')), ''), IF(ARRAY_LENGTH(x.lovhjemmel.bokstav) > 0, CONCAT(' bokstav ', ARRAY_TO_STRING(x.lovhjemmel.bokstav, ' ')), ''), IF(ARRAY_LENGTH(x.lovhjemmel.punktum) > 0, CONCAT(' punktum ', ARRAY_TO_STRING(x.lovhjemmel.punktum, ' ')), '')) AS lovhjemmel),
      STRUCT('TiltakKonklusjon' AS type, x.konklusjon.slutt_dato AS dato, CAST(NULL AS STRING) AS kode, CAST(NULL AS STRING) AS kodeliste, CAST(NULL AS STRING) AS lovhjemmel)
    ]) AS h
    WHERE h.dato IS NOT NULL AND s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.kommunenummer, s.bydelsnummer,
      h.type, h.dato, h.kode, h.kodeliste, h.lovhjemmel,
      LOWER(y.id) AS element_id, 'TilsynAnsvarlig' AS forelder, 'Tiltak' AS topp, LOWER(x.id) AS topp_id
    FROM register.sak_tabell AS s, UNNEST(s.sak.tiltak) AS x, UNNEST(x.tilsyn.ansvarlig) AS y, UNNEST([
      STRUCT('TilsynAnsvarlig' AS type, y.start_dato AS dato, CAST(NULL AS STRING) AS kode, CAST(NULL AS STRING) AS kodeliste, CAST(NULL AS STRING) AS lovhjemmel)
    ]) AS h
    WHERE h.dato IS NOT NULL AND s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.kommunenummer, s.bydelsnummer,
      h.type, h.dato, h.kode, h.kodeliste, h.lovhjemmel,
      LOWER(y.id) AS element_id, 'TilsynHyppighet' AS forelder, 'Tiltak' AS topp, LOWER(x.id) AS topp_id
    FROM register.sak_tabell AS s, UNNEST(s.sak.tiltak) AS x, UNNEST(x.tilsyn.hyppighet) AS y, UNNEST([
      STRUCT('TilsynHyppighet' AS type, y.start_dato AS dato, y.kode AS kode, 'TilsynHyppighet' AS kodeliste, CAST(NULL AS STRING) AS lovhjemmel)
    ]) AS h
    WHERE h.dato IS NOT NULL AND s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.kommunenummer, s.bydelsnummer,
      h.type, h.dato, h.kode, h.kodeliste, h.lovhjemmel,
      LOWER(y.id) AS element_id, 'TilsynUtfort' AS forelder, 'Tiltak' AS topp, LOWER(x.id) AS topp_id
    FROM register.sak_tabell AS s, UNNEST(s.sak.tiltak) AS x, UNNEST(x.tilsyn.utfort) AS y, UNNEST([
      STRUCT('TilsynUtfort' AS type, y.utfort_dato AS dato, CAST(NULL AS STRING) AS kode, CAST(NULL AS STRING) AS kodeliste, CAST(NULL AS STRING) AS lovhjemmel)
    ]) AS h
    WHERE h.dato IS NOT NULL AND s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.kommunenummer, s.bydelsnummer,
      h.type, h.dato, h.kode, h.kodeliste, h.lovhjemmel,
      LOWER(y.id) AS element_id, 'OppfolgingHyppighet' AS forelder, 'Tiltak' AS topp, LOWER(x.id) AS topp_id
    FROM register.sak_tabell AS s, UNNEST(s.sak.tiltak) AS x, UNNEST(x.oppfolging.hyppighet) AS y, UNNEST([
      STRUCT('OppfolgingHyppighet' AS type, y.start_dato AS dato, y.kode AS kode, 'OppfolgingHyppighet' AS kodeliste, CAST(NULL AS STRING) AS lovhjemmel)
    ]) AS h
    WHERE h.dato IS NOT NULL AND s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.kommunenummer, s.bydelsnummer,
      h.type, h.dato, h.kode, h.kodeliste, h.lovhjemmel,
      LOWER(y.id) AS element_id, 'OppfolgingUtfort' AS forelder, 'Tiltak' AS topp, LOWER(x.id) AS topp_id
    FROM register.sak_tabell AS s, UNNEST(s.sak.tiltak) AS x, UNNEST(x.oppfolging.utfort) AS y, UNNEST([
      STRUCT('OppfolgingUtfort' AS type, y.utfort_dato AS dato, CAST(NULL AS STRING) AS kode, CAST(NULL AS STRING) AS kodeliste, CAST(NULL AS STRING) AS lovhjemmel)
    ]) AS h
    WHERE h.dato IS NOT NULL AND s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.kommunenummer, s.bydelsnummer,
      h.type, h.dato, h.kode, h.kodeliste, h.lovhjemmel,
      LOWER(x.id) AS element_id, 'Vedtak' AS forelder, 'Vedtak' AS topp, LOWER(x.id) AS topp_id
    FROM register.sak_tabell AS s, UNNEST(s.sak.vedtak) AS x, UNNEST([
      STRUCT('Vedtak' AS type, x.start_dato AS dato, CAST(NULL AS STRING) AS kode, CAST(NULL AS STRING) AS kodeliste, CONCAT(x.lovhjemmel.lov, ' ', x.lovhjemmel.kapittel, '-', x.lovhjemmel.paragraf, IF(ARRAY_LENGTH(x.lovhjemmel.ledd) > 0, CONCAT(' ledd ', ARRAY_TO_STRING(x.lovhjemmel.ledd, ' ')), ''), IF(ARRAY_LENGTH(x.lovhjemmel.bokstav) > 0, CONCAT(' bokstav ', ARRAY_TO_STRING(x.lovhjemmel.bokstav, ' ')), ''), IF(ARRAY_LENGTH(x.lovhjemmel.punktum) > 0, CONCAT(' punktum ', ARRAY_TO_STRING(x.lovhjemmel.punktum, ' ')), '')) AS lovhjemmel),
      STRUCT('VedtakKonklusjon' AS type, x.konklusjon.slutt_dato AS dato, CAST(NULL AS STRING) AS kode, CAST(NULL AS STRING) AS kodeliste, CAST(NULL AS STRING) AS lovhjemmel)
    ]) AS h
    WHERE h.dato IS NOT NULL AND s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.kommunenummer, s.bydelsnummer,
      h.type, h.dato, h.kode, h.kodeliste, h.lovhjemmel,
      LOWER(y.id) AS element_id, 'Krav' AS forelder, 'Vedtak' AS topp, LOWER(x.id) AS topp_id
    FROM register.sak_tabell AS s, UNNEST(s.sak.vedtak) AS x, UNNEST(x.krav) AS y, UNNEST([
      STRUCT('Krav' AS type, y.start_dato AS dato, CAST(NULL AS STRING) AS kode, CAST(NULL AS STRING) AS kodeliste, CAST(NULL AS STRING) AS lovhjemmel),
      STRUCT('KravKonklusjon' AS type, y.konklusjon.slutt_dato AS dato, y.konklusjon.kode AS kode, 'VedtakKravKonklusjon' AS kodeliste, CAST(NULL AS STRING) AS lovhjemmel)
    ]) AS h
    WHERE h.dato IS NOT NULL AND s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.kommunenummer, s.bydelsnummer,
      h.type, h.dato, h.kode, h.kodeliste, h.lovhjemmel,
      LOWER(y.id) AS element_id, 'Status' AS forelder, 'Vedtak' AS topp, LOWER(x.id) AS topp_id
    FROM register.sak_tabell AS s, UNNEST(s.sak.vedtak) AS x, UNNEST(x.status) AS y, UNNEST([
      STRUCT('Status' AS type, y.endret_dato AS dato, y.kode AS kode, 'VedtakStatus' AS kodeliste, CAST(NULL AS STRING) AS lovhjemmel)
    ]) AS h
    WHERE h.dato IS NOT NULL AND s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.kommunenummer, s.bydelsnummer,
      h.type, h.dato, h.kode, h.kodeliste, h.lovhjemmel,
      LOWER(x.id) AS element_id, 'Ettervern' AS forelder, 'Ettervern' AS topp, LOWER(x.id) AS topp_id
    FROM register.sak_tabell AS s, UNNEST(s.sak.ettervern) AS x, UNNEST([
      STRUCT('Ettervern' AS type, x.tilbud_sendt_dato AS dato, CAST(NULL AS STRING) AS kode, CAST(NULL AS STRING) AS kodeliste, CAST(NULL AS STRING) AS lovhjemmel),
      STRUCT('EttervernKonklusjon' AS type, x.konklusjon.slutt_dato AS dato, x.konklusjon.kode AS kode, 'EttervernKonklusjon' AS kodeliste, CAST(NULL AS STRING) AS lovhjemmel)
    ]) AS h
    WHERE h.dato IS NOT NULL AND s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.kommunenummer, s.bydelsnummer,
      h.type, h.dato, h.kode, h.kodeliste, h.lovhjemmel,
      LOWER(x.id) AS element_id, 'OversendelseFylkesnemnd' AS forelder, 'OversendelseFylkesnemnd' AS topp, LOWER(x.id) AS topp_id
    FROM register.sak_tabell AS s, UNNEST(s.sak.oversendelse_fylkesnemnd) AS x, UNNEST([
      STRUCT('OversendelseFylkesnemnd' AS type, x.start_dato AS dato, CAST(NULL AS STRING) AS kode, CAST(NULL AS STRING) AS kodeliste, CONCAT(x.lovhjemmel.lov, ' ', x.lovhjemmel.kapittel, '-', x.lovhjemmel.paragraf, IF(ARRAY_LENGTH(x.lovhjemmel.ledd) > 0, CONCAT(' ledd ', ARRAY_TO_STRING(x.lovhjemmel.ledd, ' ')), ''), IF(ARRAY_LENGTH(x.lovhjemmel.bokstav) > 0, CONCAT(' bokstav ', ARRAY_TO_STRING(x.lovhjemmel.bokstav, ' ')), ''), IF(ARRAY_LENGTH(x.lovhjemmel.punktum) > 0, CONCAT(' punktum ', ARRAY_TO_STRING(x.lovhjemmel.punktum, ' ')), '')) AS lovhjemmel)
    ]) AS h
    WHERE h.dato IS NOT NULL AND s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.kommunenummer, s.bydelsnummer,
      h.type, h.dato, h.kode, h.kodeliste, h.lovhjemmel,
      LOWER(x.id) AS element_id, 'Flytting' AS forelder, 'Flytting' AS topp, LOWER(x.id) AS topp_id
    FROM register.sak_tabell AS s, UNNEST(s.sak.flytting) AS x, UNNEST([
      STRUCT('Flytting' AS type, x.slutt_dato AS dato, x.flytting_til.kode AS kode, 'FlyttingTil' AS kodeliste, CAST(NULL AS STRING) AS lovhjemmel)
    ]) AS h
    WHERE h.dato IS NOT NULL AND s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
  )
SELECT
  a.orgnr,
  a.sak_id,
  a.kommunenummer,
  a.bydelsnummer,
  a.type,
  a.dato,
  a.element_id,
  a.forelder,
  a.kode,
  a.kodeliste,
  a.lovhjemmel,
  a.topp,
  a.topp_id
FROM alle AS a
LEFT JOIN borte AS b
  ON b.orgnr = a.orgnr AND b.sak_id = a.sak_id AND b.type = a.forelder AND b.id = a.element_id
LEFT JOIN borte AS o
  ON o.orgnr = a.orgnr AND o.sak_id = a.sak_id AND o.type = a.topp AND o.id = a.topp_id
WHERE b.id IS NULL AND o.id IS NULL
