-- Laget med `bvr generate`; endre modellen. | Generated: change the model instead.
-- Every element with an Id, of each submission, as it was sent. What is deleted, or lies in what is,
-- has slettet = true: marked so on itself, or listed in Slettet.
WITH
  borte AS (
    -- What a submission lists as deleted.
    SELECT DISTINCT s.orgnr, s.innsending_id, s.innhold_sha256, b.type, LOWER(b.id) AS id
    FROM register.sak_historikk AS s, UNNEST(s.sak.slettet) AS b
  ),
  alle AS (
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'Sak' AS type, s.sak_id AS element_id, CAST(NULL AS STRING) AS forelder, CAST(NULL AS STRING) AS forelder_id, s.kommunenummer, s.dato_uttrekk, s.mottatt, s.behandlet, s.utfall, s.sak.er_slettet IS TRUE AS merket_slettet, TO_JSON(STRUCT(s.sak.start_dato AS start_dato, s.sak.journalnummer AS journalnummer, s.sak.migrert_id AS migrert_id, s.sak.slutt_dato AS slutt_dato, s.sak.avsluttet AS avsluttet, s.sak.er_slettet AS er_slettet)) AS innhold
    FROM register.sak_historikk AS s
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'Personalia' AS type, LOWER(x.id) AS element_id, 'Sak' AS forelder, s.sak_id AS forelder_id, s.kommunenummer, s.dato_uttrekk, s.mottatt, s.behandlet, s.utfall, s.sak.er_slettet IS TRUE OR x.er_slettet IS TRUE AS merket_slettet, TO_JSON(STRUCT(x.start_dato AS start_dato, TO_HEX(x.fodselsnummer) AS fodselsnummer, x.fodseldato AS fodseldato, x.kjonn AS kjonn, TO_HEX(x.duf_nummer) AS duf_nummer, x.er_slettet AS er_slettet, x.nummertype AS nummertype)) AS innhold
    FROM register.sak_historikk AS s, UNNEST(s.sak.personalia) AS x
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'Melding' AS type, LOWER(x.id) AS element_id, 'Sak' AS forelder, s.sak_id AS forelder_id, s.kommunenummer, s.dato_uttrekk, s.mottatt, s.behandlet, s.utfall, s.sak.er_slettet IS TRUE OR x.er_slettet IS TRUE AS merket_slettet, TO_JSON(STRUCT(x.start_dato AS start_dato, x.migrert_id AS migrert_id, x.er_slettet AS er_slettet, x.melder AS melder, x.saksinnhold AS saksinnhold, x.konklusjon AS konklusjon)) AS innhold
    FROM register.sak_historikk AS s, UNNEST(s.sak.melding) AS x
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'Undersokelse' AS type, LOWER(x.id) AS element_id, 'Sak' AS forelder, s.sak_id AS forelder_id, s.kommunenummer, s.dato_uttrekk, s.mottatt, s.behandlet, s.utfall, s.sak.er_slettet IS TRUE OR x.er_slettet IS TRUE AS merket_slettet, TO_JSON(STRUCT(x.start_dato AS start_dato, x.migrert_id AS migrert_id, x.er_slettet AS er_slettet, x.vedtaksgrunnlag AS vedtaksgrunnlag, x.barnets_medvirkning AS barnets_medvirkning, x.utvidet_frist AS utvidet_frist, x.konklusjon AS konklusjon)) AS innhold
    FROM register.sak_historikk AS s, UNNEST(s.sak.undersokelse) AS x
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'Plan' AS type, LOWER(x.id) AS element_id, 'Sak' AS forelder, s.sak_id AS forelder_id, s.kommunenummer, s.dato_uttrekk, s.mottatt, s.behandlet, s.utfall, s.sak.er_slettet IS TRUE OR x.er_slettet IS TRUE AS merket_slettet, TO_JSON(STRUCT(x.start_dato AS start_dato, x.plantype AS plantype, x.migrert_id AS migrert_id, x.er_slettet AS er_slettet, x.evaluering AS evaluering, x.konklusjon AS konklusjon)) AS innhold
    FROM register.sak_historikk AS s, UNNEST(s.sak.plan) AS x
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'Tiltak' AS type, LOWER(x.id) AS element_id, 'Sak' AS forelder, s.sak_id AS forelder_id, s.kommunenummer, s.dato_uttrekk, s.mottatt, s.behandlet, s.utfall, s.sak.er_slettet IS TRUE OR x.er_slettet IS TRUE AS merket_slettet, TO_JSON(STRUCT(x.start_dato AS start_dato, x.migrert_id AS migrert_id, x.er_slettet AS er_slettet, x.lovhjemmel AS lovhjemmel, x.jmfr_lovhjemmel AS jmfr_lovhjemmel, x.kategori AS kategori, x.tiltaksgrunnlag AS tiltaksgrunnlag, x.opphevelse AS opphevelse, x.konklusjon AS konklusjon)) AS innhold
    FROM register.sak_historikk AS s, UNNEST(s.sak.tiltak) AS x
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'TilsynAnsvarlig' AS type, LOWER(y.id) AS element_id, 'Tiltak' AS forelder, LOWER(x.id) AS forelder_id, s.kommunenummer, s.dato_uttrekk, s.mottatt, s.behandlet, s.utfall, s.sak.er_slettet IS TRUE OR x.er_slettet IS TRUE AS merket_slettet, TO_JSON(STRUCT(y.start_dato AS start_dato, y.kommunenummer AS kommunenummer)) AS innhold
    FROM register.sak_historikk AS s, UNNEST(s.sak.tiltak) AS x, UNNEST(x.tilsyn.ansvarlig) AS y
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'TilsynHyppighet' AS type, LOWER(y.id) AS element_id, 'Tiltak' AS forelder, LOWER(x.id) AS forelder_id, s.kommunenummer, s.dato_uttrekk, s.mottatt, s.behandlet, s.utfall, s.sak.er_slettet IS TRUE OR x.er_slettet IS TRUE AS merket_slettet, TO_JSON(STRUCT(y.start_dato AS start_dato, y.kode AS kode)) AS innhold
    FROM register.sak_historikk AS s, UNNEST(s.sak.tiltak) AS x, UNNEST(x.tilsyn.hyppighet) AS y
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'TilsynUtfort' AS type, LOWER(y.id) AS element_id, 'Tiltak' AS forelder, LOWER(x.id) AS forelder_id, s.kommunenummer, s.dato_uttrekk, s.mottatt, s.behandlet, s.utfall, s.sak.er_slettet IS TRUE OR x.er_slettet IS TRUE AS merket_slettet, TO_JSON(STRUCT(y.utfort_dato AS utfort_dato)) AS innhold
    FROM register.sak_historikk AS s, UNNEST(s.sak.tiltak) AS x, UNNEST(x.tilsyn.utfort) AS y
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'OppfolgingHyppighet' AS type, LOWER(y.id) AS element_id, 'Tiltak' AS forelder, LOWER(x.id) AS forelder_id, s.kommunenummer, s.dato_uttrekk, s.mottatt, s.behandlet, s.utfall, s.sak.er_slettet IS TRUE OR x.er_slettet IS TRUE AS merket_slettet, TO_JSON(STRUCT(y.start_dato AS start_dato, y.kode AS kode)) AS innhold
    FROM register.sak_historikk AS s, UNNEST(s.sak.tiltak) AS x, UNNEST(x.oppfolging.hyppighet) AS y
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'OppfolgingUtfort' AS type, LOWER(y.id) AS element_id, 'Tiltak' AS forelder, LOWER(x.id) AS forelder_id, s.kommunenummer, s.dato_uttrekk, s.mottatt, s.behandlet, s.utfall, s.sak.er_slettet IS TRUE OR x.er_slettet IS TRUE AS merket_slettet, TO_JSON(STRUCT(y.utfort_dato AS utfort_dato)) AS innhold
    FROM register.sak_historikk AS s, UNNEST(s.sak.tiltak) AS x, UNNEST(x.oppfolging.utfort) AS y
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'Vedtak' AS type, LOWER(x.id) AS element_id, 'Sak' AS forelder, s.sak_id AS forelder_id, s.kommunenummer, s.dato_uttrekk, s.mottatt, s.behandlet, s.utfall, s.sak.er_slettet IS TRUE OR x.er_slettet IS TRUE AS merket_slettet, TO_JSON(STRUCT(x.start_dato AS start_dato, x.migrert_id AS migrert_id, x.er_slettet AS er_slettet, x.lovhjemmel AS lovhjemmel, x.jmfr_lovhjemmel AS jmfr_lovhjemmel, x.konklusjon AS konklusjon)) AS innhold
    FROM register.sak_historikk AS s, UNNEST(s.sak.vedtak) AS x
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'Krav' AS type, LOWER(y.id) AS element_id, 'Vedtak' AS forelder, LOWER(x.id) AS forelder_id, s.kommunenummer, s.dato_uttrekk, s.mottatt, s.behandlet, s.utfall, s.sak.er_slettet IS TRUE OR x.er_slettet IS TRUE AS merket_slettet, TO_JSON(STRUCT(y.start_dato AS start_dato, y.konklusjon AS konklusjon)) AS innhold
    FROM register.sak_historikk AS s, UNNEST(s.sak.vedtak) AS x, UNNEST(x.krav) AS y
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'Status' AS type, LOWER(y.id) AS element_id, 'Vedtak' AS forelder, LOWER(x.id) AS forelder_id, s.kommunenummer, s.dato_uttrekk, s.mottatt, s.behandlet, s.utfall, s.sak.er_slettet IS TRUE OR x.er_slettet IS TRUE AS merket_slettet, TO_JSON(STRUCT(y.endret_dato AS endret_dato, y.kode AS kode)) AS innhold
    FROM register.sak_historikk AS s, UNNEST(s.sak.vedtak) AS x, UNNEST(x.status) AS y
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'Ettervern' AS type, LOWER(x.id) AS element_id, 'Sak' AS forelder, s.sak_id AS forelder_id, s.kommunenummer, s.dato_uttrekk, s.mottatt, s.behandlet, s.utfall, s.sak.er_slettet IS TRUE OR x.er_slettet IS TRUE AS merket_slettet, TO_JSON(STRUCT(x.tilbud_sendt_dato AS tilbud_sendt_dato, x.migrert_id AS migrert_id, x.er_slettet AS er_slettet, x.konklusjon AS konklusjon)) AS innhold
    FROM register.sak_historikk AS s, UNNEST(s.sak.ettervern) AS x
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'OversendelseFylkesnemnd' AS type, LOWER(x.id) AS element_id, 'Sak' AS forelder, s.sak_id AS forelder_id, s.kommunenummer, s.dato_uttrekk, s.mottatt, s.behandlet, s.utfall, s.sak.er_slettet IS TRUE OR x.er_slettet IS TRUE AS merket_slettet, TO_JSON(STRUCT(x.start_dato AS start_dato, x.migrert_id AS migrert_id, x.er_slettet AS er_slettet, x.lovhjemmel AS lovhjemmel, x.jmfr_lovhjemmel AS jmfr_lovhjemmel)) AS innhold
    FROM register.sak_historikk AS s, UNNEST(s.sak.oversendelse_fylkesnemnd) AS x
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'Flytting' AS type, LOWER(x.id) AS element_id, 'Sak' AS forelder, s.sak_id AS forelder_id, s.kommunenummer, s.dato_uttrekk, s.mottatt, s.behandlet, s.utfall, s.sak.er_slettet IS TRUE OR x.er_slettet IS TRUE AS merket_slettet, TO_JSON(STRUCT(x.slutt_dato AS slutt_dato, x.migrert_id AS migrert_id, x.er_slettet AS er_slettet, x.arsak_fra AS arsak_fra, x.flytting_til AS flytting_til)) AS innhold
    FROM register.sak_historikk AS s, UNNEST(s.sak.flytting) AS x
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'Relasjon' AS type, LOWER(x.id) AS element_id, 'Sak' AS forelder, s.sak_id AS forelder_id, s.kommunenummer, s.dato_uttrekk, s.mottatt, s.behandlet, s.utfall, s.sak.er_slettet IS TRUE OR x.er_slettet IS TRUE AS merket_slettet, TO_JSON(STRUCT(x.fra_id AS fra_id, x.fra_type AS fra_type, x.til_id AS til_id, x.til_type AS til_type, x.er_slettet AS er_slettet)) AS innhold
    FROM register.sak_historikk AS s, UNNEST(s.sak.relasjon) AS x
  )
SELECT
  a.orgnr,
  a.kommunenummer,
  a.sak_id,
  a.innsending_id,
  a.dato_uttrekk,
  a.mottatt,
  a.behandlet,
  a.utfall,
  a.type,
  a.element_id,
  a.forelder,
  a.forelder_id,
  a.merket_slettet OR b.id IS NOT NULL OR o.id IS NOT NULL AS slettet,
  a.innhold
FROM alle AS a
LEFT JOIN borte AS b
  ON b.orgnr = a.orgnr AND b.innsending_id = a.innsending_id AND b.innhold_sha256 = a.innhold_sha256
  AND b.type = a.type AND b.id = a.element_id
LEFT JOIN borte AS o
  ON o.orgnr = a.orgnr AND o.innsending_id = a.innsending_id AND o.innhold_sha256 = a.innhold_sha256
  AND o.type = a.forelder AND o.id = a.forelder_id
