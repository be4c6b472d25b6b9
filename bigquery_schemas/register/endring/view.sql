-- Laget med `bvr generate`; endre modellen. | Generated: change the model instead.
-- What changed in a case between a submission and the one before it, in the order of the extracts:
-- elements that are NY, ENDRET or FJERNET (gone, marked as deleted, or listed in Slettet), and the names of the fields
-- that changed.
WITH
  innsending AS (
    SELECT orgnr, kommunenummer, sak_id, innsending_id, innhold_sha256, dato_uttrekk, mottatt, behandlet,
      ROW_NUMBER() OVER rekkefolge AS nr,
      LAG(innsending_id) OVER rekkefolge AS forrige_innsending_id
    FROM register.sak_historikk
    WINDOW rekkefolge AS (
      PARTITION BY orgnr, sak_id
      ORDER BY dato_uttrekk, mottatt, innsending_id, innhold_sha256
    )
  ),
  borte AS (
    -- What a submission lists as deleted.
    SELECT DISTINCT s.orgnr, s.innsending_id, s.innhold_sha256, b.type, LOWER(b.id) AS id
    FROM register.sak_historikk AS s, UNNEST(s.sak.slettet) AS b
  ),
  alle AS (
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'Sak' AS type, s.sak_id AS element_id, CAST(NULL AS STRING) AS forelder, CAST(NULL AS STRING) AS forelder_id, [CAST(s.sak.start_dato AS STRING), s.sak.journalnummer, s.sak.migrert_id, CAST(s.sak.slutt_dato AS STRING), CAST(s.sak.avsluttet AS STRING)] AS verdier
    FROM register.sak_historikk AS s
    WHERE s.sak.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'Personalia' AS type, LOWER(x.id) AS element_id, 'Sak' AS forelder, s.sak_id AS forelder_id, [CAST(x.start_dato AS STRING), TO_HEX(x.fodselsnummer), CAST(x.fodseldato AS STRING), x.kjonn, TO_HEX(x.duf_nummer), x.nummertype] AS verdier
    FROM register.sak_historikk AS s, UNNEST(s.sak.personalia) AS x
    WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'Melding' AS type, LOWER(x.id) AS element_id, 'Sak' AS forelder, s.sak_id AS forelder_id, [CAST(x.start_dato AS STRING), x.migrert_id, IFNULL(TO_JSON_STRING(x.melder), '[]'), IFNULL(TO_JSON_STRING(x.saksinnhold), '[]'), CAST(x.konklusjon.slutt_dato AS STRING), x.konklusjon.kode, CAST(x.konklusjon.er_slettet AS STRING)] AS verdier
    FROM register.sak_historikk AS s, UNNEST(s.sak.melding) AS x
    WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'Undersokelse' AS type, LOWER(x.id) AS element_id, 'Sak' AS forelder, s.sak_id AS forelder_id, [CAST(x.start_dato AS STRING), x.migrert_id, IFNULL(TO_JSON_STRING(x.vedtaksgrunnlag), '[]'), CAST(x.barnets_medvirkning.start_dato AS STRING), x.barnets_medvirkning.medvirkning_type, CAST(x.utvidet_frist.start_dato AS STRING), x.utvidet_frist.innvilget, CAST(x.konklusjon.slutt_dato AS STRING), x.konklusjon.kode, x.konklusjon.presisering] AS verdier
    FROM register.sak_historikk AS s, UNNEST(s.sak.undersokelse) AS x
    WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'Plan' AS type, LOWER(x.id) AS element_id, 'Sak' AS forelder, s.sak_id AS forelder_id, [CAST(x.start_dato AS STRING), x.plantype, x.migrert_id, IFNULL(TO_JSON_STRING(x.evaluering), '[]'), CAST(x.konklusjon.slutt_dato AS STRING)] AS verdier
    FROM register.sak_historikk AS s, UNNEST(s.sak.plan) AS x
    WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'Tiltak' AS type, LOWER(x.id) AS element_id, 'Sak' AS forelder, s.sak_id AS forelder_id, [CAST(x.start_dato AS STRING), x.migrert_id, x.lovhjemmel.lov, x.lovhjemmel.kapittel, x.lovhjemmel.paragraf, IFNULL(ARRAY_TO_STRING(x.lovhjemmel.ledd, ' '), ''), IFNULL(ARRAY_TO_STRING(x.lovhjemmel.bokstav, ' '), ''), IFNULL(ARRAY_TO_STRING(x.lovhjemmel.punktum, ' '), ''), IFNULL(TO_JSON_STRING(x.jmfr_lovhjemmel), '[]'), x.kategori.kode, x.kategori.presisering, IFNULL(TO_JSON_STRING(x.tiltaksgrunnlag), '[]'), x.opphevelse.kode, x.opphevelse.presisering, CAST(x.konklusjon.slutt_dato AS STRING)] AS verdier
    FROM register.sak_historikk AS s, UNNEST(s.sak.tiltak) AS x
    WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'TilsynAnsvarlig' AS type, LOWER(y.id) AS element_id, 'Tiltak' AS forelder, LOWER(x.id) AS forelder_id, [CAST(y.start_dato AS STRING), y.kommunenummer] AS verdier
    FROM register.sak_historikk AS s, UNNEST(s.sak.tiltak) AS x, UNNEST(x.tilsyn.ansvarlig) AS y
    WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'TilsynHyppighet' AS type, LOWER(y.id) AS element_id, 'Tiltak' AS forelder, LOWER(x.id) AS forelder_id, [CAST(y.start_dato AS STRING), y.kode] AS verdier
    FROM register.sak_historikk AS s, UNNEST(s.sak.tiltak) AS x, UNNEST(x.tilsyn.hyppighet) AS y
    WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'TilsynUtfort' AS type, LOWER(y.id) AS element_id, 'Tiltak' AS forelder, LOWER(x.id) AS forelder_id, [CAST(y.utfort_dato AS STRING)] AS verdier
    FROM register.sak_historikk AS s, UNNEST(s.sak.tiltak) AS x, UNNEST(x.tilsyn.utfort) AS y
    WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'OppfolgingHyppighet' AS type, LOWER(y.id) AS element_id, 'Tiltak' AS forelder, LOWER(x.id) AS forelder_id, [CAST(y.start_dato AS STRING), y.kode] AS verdier
    FROM register.sak_historikk AS s, UNNEST(s.sak.tiltak) AS x, UNNEST(x.oppfolging.hyppighet) AS y
    WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'OppfolgingUtfort' AS type, LOWER(y.id) AS element_id, 'Tiltak' AS forelder, LOWER(x.id) AS forelder_id, [CAST(y.utfort_dato AS STRING)] AS verdier
    FROM register.sak_historikk AS s, UNNEST(s.sak.tiltak) AS x, UNNEST(x.oppfolging.utfort) AS y
    WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'Vedtak' AS type, LOWER(x.id) AS element_id, 'Sak' AS forelder, s.sak_id AS forelder_id, [CAST(x.start_dato AS STRING), x.migrert_id, x.lovhjemmel.lov, x.lovhjemmel.kapittel, x.lovhjemmel.paragraf, IFNULL(ARRAY_TO_STRING(x.lovhjemmel.ledd, ' '), ''), IFNULL(ARRAY_TO_STRING(x.lovhjemmel.bokstav, ' '), ''), IFNULL(ARRAY_TO_STRING(x.lovhjemmel.punktum, ' '), ''), IFNULL(TO_JSON_STRING(x.jmfr_lovhjemmel), '[]'), CAST(x.konklusjon.slutt_dato AS STRING)] AS verdier
    FROM register.sak_historikk AS s, UNNEST(s.sak.vedtak) AS x
    WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'Krav' AS type, LOWER(y.id) AS element_id, 'Vedtak' AS forelder, LOWER(x.id) AS forelder_id, [CAST(y.start_dato AS STRING), CAST(y.konklusjon.slutt_dato AS STRING), y.konklusjon.kode, y.konklusjon.presisering] AS verdier
    FROM register.sak_historikk AS s, UNNEST(s.sak.vedtak) AS x, UNNEST(x.krav) AS y
    WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'Status' AS type, LOWER(y.id) AS element_id, 'Vedtak' AS forelder, LOWER(x.id) AS forelder_id, [CAST(y.endret_dato AS STRING), y.kode] AS verdier
    FROM register.sak_historikk AS s, UNNEST(s.sak.vedtak) AS x, UNNEST(x.status) AS y
    WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'Ettervern' AS type, LOWER(x.id) AS element_id, 'Sak' AS forelder, s.sak_id AS forelder_id, [CAST(x.tilbud_sendt_dato AS STRING), x.migrert_id, CAST(x.konklusjon.slutt_dato AS STRING), x.konklusjon.kode] AS verdier
    FROM register.sak_historikk AS s, UNNEST(s.sak.ettervern) AS x
    WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'OversendelseFylkesnemnd' AS type, LOWER(x.id) AS element_id, 'Sak' AS forelder, s.sak_id AS forelder_id, [CAST(x.start_dato AS STRING), x.migrert_id, x.lovhjemmel.lov, x.lovhjemmel.kapittel, x.lovhjemmel.paragraf, IFNULL(ARRAY_TO_STRING(x.lovhjemmel.ledd, ' '), ''), IFNULL(ARRAY_TO_STRING(x.lovhjemmel.bokstav, ' '), ''), IFNULL(ARRAY_TO_STRING(x.lovhjemmel.punktum, ' '), ''), IFNULL(TO_JSON_STRING(x.jmfr_lovhjemmel), '[]')] AS verdier
    FROM register.sak_historikk AS s, UNNEST(s.sak.oversendelse_fylkesnemnd) AS x
    WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'Flytting' AS type, LOWER(x.id) AS element_id, 'Sak' AS forelder, s.sak_id AS forelder_id, [CAST(x.slutt_dato AS STRING), x.migrert_id, x.arsak_fra.kode, x.arsak_fra.presisering, x.flytting_til.kode, x.flytting_til.presisering] AS verdier
    FROM register.sak_historikk AS s, UNNEST(s.sak.flytting) AS x
    WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.sak_id, s.innsending_id, s.innhold_sha256, 'Relasjon' AS type, LOWER(x.id) AS element_id, 'Sak' AS forelder, s.sak_id AS forelder_id, [x.fra_id, x.fra_type, x.til_id, x.til_type] AS verdier
    FROM register.sak_historikk AS s, UNNEST(s.sak.relasjon) AS x
    WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
  ),
  -- The elements that a submission has. Were a key there twice, one of the two would count.
  finnes AS (
    SELECT a.orgnr, a.sak_id, i.nr, a.type, a.element_id, a.forelder, a.forelder_id, a.verdier
    FROM alle AS a
    JOIN innsending AS i
      ON i.orgnr = a.orgnr AND i.sak_id = a.sak_id
      AND i.innsending_id = a.innsending_id AND i.innhold_sha256 = a.innhold_sha256
    LEFT JOIN borte AS b
      ON b.orgnr = a.orgnr AND b.innsending_id = a.innsending_id AND b.innhold_sha256 = a.innhold_sha256
      AND b.type = a.type AND b.id = a.element_id
    LEFT JOIN borte AS o
      ON o.orgnr = a.orgnr AND o.innsending_id = a.innsending_id AND o.innhold_sha256 = a.innhold_sha256
      AND o.type = a.forelder AND o.id = a.forelder_id
    WHERE b.id IS NULL AND o.id IS NULL
    QUALIFY ROW_NUMBER() OVER (
      PARTITION BY a.orgnr, a.sak_id, i.nr, a.type, a.forelder_id, a.element_id
      ORDER BY TO_JSON_STRING(a.verdier)
    ) = 1
  ),
  fulgt AS (
    SELECT *,
      LAG(nr) OVER tid AS forrige_nr,
      LEAD(nr) OVER tid AS neste_nr,
      LAG(verdier) OVER tid AS forrige_verdier
    FROM finnes
    WINDOW tid AS (PARTITION BY orgnr, sak_id, type, forelder_id, element_id ORDER BY nr)
  ),
  funnet AS (
    SELECT f.orgnr, f.sak_id, f.type, f.element_id, f.forelder, f.forelder_id, h.nr, h.endring,
      f.verdier, f.forrige_verdier
    FROM fulgt AS f
    CROSS JOIN UNNEST([
      STRUCT(
        f.nr AS nr,
        CASE
          WHEN f.forrige_nr IS NULL OR f.forrige_nr < f.nr - 1 THEN 'NY'
          WHEN TO_JSON_STRING(f.verdier) != TO_JSON_STRING(f.forrige_verdier) THEN 'ENDRET'
        END AS endring
      ),
      STRUCT(
        f.nr + 1 AS nr,
        IF(f.neste_nr IS NULL OR f.neste_nr > f.nr + 1, 'FJERNET', NULL) AS endring
      )
    ]) AS h
    WHERE h.nr > 1 AND h.endring IS NOT NULL
  )
SELECT
  f.orgnr,
  i.kommunenummer,
  f.sak_id,
  i.innsending_id,
  i.forrige_innsending_id,
  i.dato_uttrekk,
  i.mottatt,
  i.behandlet,
  f.type,
  f.element_id,
  f.forelder,
  f.forelder_id,
  f.endring,
  CASE IF(f.endring = 'ENDRET', f.type, '')
    WHEN 'Sak' THEN ARRAY_CONCAT(
      IF(f.verdier[OFFSET(0)] IS DISTINCT FROM f.forrige_verdier[OFFSET(0)], ['start_dato'], []),
      IF(f.verdier[OFFSET(1)] IS DISTINCT FROM f.forrige_verdier[OFFSET(1)], ['journalnummer'], []),
      IF(f.verdier[OFFSET(2)] IS DISTINCT FROM f.forrige_verdier[OFFSET(2)], ['migrert_id'], []),
      IF(f.verdier[OFFSET(3)] IS DISTINCT FROM f.forrige_verdier[OFFSET(3)], ['slutt_dato'], []),
      IF(f.verdier[OFFSET(4)] IS DISTINCT FROM f.forrige_verdier[OFFSET(4)], ['avsluttet'], [])
    )
    WHEN 'Personalia' THEN ARRAY_CONCAT(
      IF(f.verdier[OFFSET(0)] IS DISTINCT FROM f.forrige_verdier[OFFSET(0)], ['start_dato'], []),
      IF(f.verdier[OFFSET(1)] IS DISTINCT FROM f.forrige_verdier[OFFSET(1)], ['fodselsnummer'], []),
      IF(f.verdier[OFFSET(2)] IS DISTINCT FROM f.forrige_verdier[OFFSET(2)], ['fodseldato'], []),
      IF(f.verdier[OFFSET(3)] IS DISTINCT FROM f.forrige_verdier[OFFSET(3)], ['kjonn'], []),
      IF(f.verdier[OFFSET(4)] IS DISTINCT FROM f.forrige_verdier[OFFSET(4)], ['duf_nummer'], []),
      IF(f.verdier[OFFSET(5)] IS DISTINCT FROM f.forrige_verdier[OFFSET(5)], ['nummertype'], [])
    )
    WHEN 'Melding' THEN ARRAY_CONCAT(
      IF(f.verdier[OFFSET(0)] IS DISTINCT FROM f.forrige_verdier[OFFSET(0)], ['start_dato'], []),
      IF(f.verdier[OFFSET(1)] IS DISTINCT FROM f.forrige_verdier[OFFSET(1)], ['migrert_id'], []),
      IF(f.verdier[OFFSET(2)] IS DISTINCT FROM f.forrige_verdier[OFFSET(2)], ['melder'], []),
      IF(f.verdier[OFFSET(3)] IS DISTINCT FROM f.forrige_verdier[OFFSET(3)], ['saksinnhold'], []),
      IF(f.verdier[OFFSET(4)] IS DISTINCT FROM f.forrige_verdier[OFFSET(4)], ['konklusjon.slutt_dato'], []),
      IF(f.verdier[OFFSET(5)] IS DISTINCT FROM f.forrige_verdier[OFFSET(5)], ['konklusjon.kode'], []),
      IF(f.verdier[OFFSET(6)] IS DISTINCT FROM f.forrige_verdier[OFFSET(6)], ['konklusjon.er_slettet'], [])
    )
    WHEN 'Undersokelse' THEN ARRAY_CONCAT(
      IF(f.verdier[OFFSET(0)] IS DISTINCT FROM f.forrige_verdier[OFFSET(0)], ['start_dato'], []),
      IF(f.verdier[OFFSET(1)] IS DISTINCT FROM f.forrige_verdier[OFFSET(1)], ['migrert_id'], []),
      IF(f.verdier[OFFSET(2)] IS DISTINCT FROM f.forrige_verdier[OFFSET(2)], ['vedtaksgrunnlag'], []),
      IF(f.verdier[OFFSET(3)] IS DISTINCT FROM f.forrige_verdier[OFFSET(3)], ['barnets_medvirkning.start_dato'], []),
      IF(f.verdier[OFFSET(4)] IS DISTINCT FROM f.forrige_verdier[OFFSET(4)], ['barnets_medvirkning.medvirkning_type'], []),
      IF(f.verdier[OFFSET(5)] IS DISTINCT FROM f.forrige_verdier[OFFSET(5)], ['utvidet_frist.start_dato'], []),
      IF(f.verdier[OFFSET(6)] IS DISTINCT FROM f.forrige_verdier[OFFSET(6)], ['utvidet_frist.innvilget'], []),
      IF(f.verdier[OFFSET(7)] IS DISTINCT FROM f.forrige_verdier[OFFSET(7)], ['konklusjon.slutt_dato'], []),
      IF(f.verdier[OFFSET(8)] IS DISTINCT FROM f.forrige_verdier[OFFSET(8)], ['konklusjon.kode'], []),
      IF(f.verdier[OFFSET(9)] IS DISTINCT FROM f.forrige_verdier[OFFSET(9)], ['konklusjon.presisering'], [])
    )
    WHEN 'Plan' THEN ARRAY_CONCAT(
      IF(f.verdier[OFFSET(0)] IS DISTINCT FROM f.forrige_verdier[OFFSET(0)], ['start_dato'], []),
      IF(f.verdier[OFFSET(1)] IS DISTINCT FROM f.forrige_verdier[OFFSET(1)], ['plantype'], []),
      IF(f.verdier[OFFSET(2)] IS DISTINCT FROM f.forrige_verdier[OFFSET(2)], ['migrert_id'], []),
      IF(f.verdier[OFFSET(3)] IS DISTINCT FROM f.forrige_verdier[OFFSET(3)], ['evaluering'], []),
      IF(f.verdier[OFFSET(4)] IS DISTINCT FROM f.forrige_verdier[OFFSET(4)], ['konklusjon.slutt_dato'], [])
    )
    WHEN 'Tiltak' THEN ARRAY_CONCAT(
      IF(f.verdier[OFFSET(0)] IS DISTINCT FROM f.forrige_verdier[OFFSET(0)], ['start_dato'], []),
      IF(f.verdier[OFFSET(1)] IS DISTINCT FROM f.forrige_verdier[OFFSET(1)], ['migrert_id'], []),
      IF(f.verdier[OFFSET(2)] IS DISTINCT FROM f.forrige_verdier[OFFSET(2)], ['lovhjemmel.lov'], []),
      IF(f.verdier[OFFSET(3)] IS DISTINCT FROM f.forrige_verdier[OFFSET(3)], ['lovhjemmel.kapittel'], []),
      IF(f.verdier[OFFSET(4)] IS DISTINCT FROM f.forrige_verdier[OFFSET(4)], ['lovhjemmel.paragraf'], []),
      IF(f.verdier[OFFSET(5)] IS DISTINCT FROM f.forrige_verdier[OFFSET(5)], ['lovhjemmel.ledd'], []),
      IF(f.verdier[OFFSET(6)] IS DISTINCT FROM f.forrige_verdier[OFFSET(6)], ['lovhjemmel.bokstav'], []),
      IF(f.verdier[OFFSET(7)] IS DISTINCT FROM f.forrige_verdier[OFFSET(7)], ['lovhjemmel.punktum'], []),
      IF(f.verdier[OFFSET(8)] IS DISTINCT FROM f.forrige_verdier[OFFSET(8)], ['jmfr_lovhjemmel'], []),
      IF(f.verdier[OFFSET(9)] IS DISTINCT FROM f.forrige_verdier[OFFSET(9)], ['kategori.kode'], []),
      IF(f.verdier[OFFSET(10)] IS DISTINCT FROM f.forrige_verdier[OFFSET(10)], ['kategori.presisering'], []),
      IF(f.verdier[OFFSET(11)] IS DISTINCT FROM f.forrige_verdier[OFFSET(11)], ['tiltaksgrunnlag'], []),
      IF(f.verdier[OFFSET(12)] IS DISTINCT FROM f.forrige_verdier[OFFSET(12)], ['opphevelse.kode'], []),
      IF(f.verdier[OFFSET(13)] IS DISTINCT FROM f.forrige_verdier[OFFSET(13)], ['opphevelse.presisering'], []),
      IF(f.verdier[OFFSET(14)] IS DISTINCT FROM f.forrige_verdier[OFFSET(14)], ['konklusjon.slutt_dato'], [])
    )
    WHEN 'TilsynAnsvarlig' THEN ARRAY_CONCAT(
      IF(f.verdier[OFFSET(0)] IS DISTINCT FROM f.forrige_verdier[OFFSET(0)], ['start_dato'], []),
      IF(f.verdier[OFFSET(1)] IS DISTINCT FROM f.forrige_verdier[OFFSET(1)], ['kommunenummer'], [])
    )
    WHEN 'TilsynHyppighet' THEN ARRAY_CONCAT(
      IF(f.verdier[OFFSET(0)] IS DISTINCT FROM f.forrige_verdier[OFFSET(0)], ['start_dato'], []),
      IF(f.verdier[OFFSET(1)] IS DISTINCT FROM f.forrige_verdier[OFFSET(1)], ['kode'], [])
    )
    WHEN 'TilsynUtfort' THEN ARRAY_CONCAT(
      IF(f.verdier[OFFSET(0)] IS DISTINCT FROM f.forrige_verdier[OFFSET(0)], ['utfort_dato'], [])
    )
    WHEN 'OppfolgingHyppighet' THEN ARRAY_CONCAT(
      IF(f.verdier[OFFSET(0)] IS DISTINCT FROM f.forrige_verdier[OFFSET(0)], ['start_dato'], []),
      IF(f.verdier[OFFSET(1)] IS DISTINCT FROM f.forrige_verdier[OFFSET(1)], ['kode'], [])
    )
    WHEN 'OppfolgingUtfort' THEN ARRAY_CONCAT(
      IF(f.verdier[OFFSET(0)] IS DISTINCT FROM f.forrige_verdier[OFFSET(0)], ['utfort_dato'], [])
    )
    WHEN 'Vedtak' THEN ARRAY_CONCAT(
      IF(f.verdier[OFFSET(0)] IS DISTINCT FROM f.forrige_verdier[OFFSET(0)], ['start_dato'], []),
      IF(f.verdier[OFFSET(1)] IS DISTINCT FROM f.forrige_verdier[OFFSET(1)], ['migrert_id'], []),
      IF(f.verdier[OFFSET(2)] IS DISTINCT FROM f.forrige_verdier[OFFSET(2)], ['lovhjemmel.lov'], []),
      IF(f.verdier[OFFSET(3)] IS DISTINCT FROM f.forrige_verdier[OFFSET(3)], ['lovhjemmel.kapittel'], []),
      IF(f.verdier[OFFSET(4)] IS DISTINCT FROM f.forrige_verdier[OFFSET(4)], ['lovhjemmel.paragraf'], []),
      IF(f.verdier[OFFSET(5)] IS DISTINCT FROM f.forrige_verdier[OFFSET(5)], ['lovhjemmel.ledd'], []),
      IF(f.verdier[OFFSET(6)] IS DISTINCT FROM f.forrige_verdier[OFFSET(6)], ['lovhjemmel.bokstav'], []),
      IF(f.verdier[OFFSET(7)] IS DISTINCT FROM f.forrige_verdier[OFFSET(7)], ['lovhjemmel.punktum'], []),
      IF(f.verdier[OFFSET(8)] IS DISTINCT FROM f.forrige_verdier[OFFSET(8)], ['jmfr_lovhjemmel'], []),
      IF(f.verdier[OFFSET(9)] IS DISTINCT FROM f.forrige_verdier[OFFSET(9)], ['konklusjon.slutt_dato'], [])
    )
    WHEN 'Krav' THEN ARRAY_CONCAT(
      IF(f.verdier[OFFSET(0)] IS DISTINCT FROM f.forrige_verdier[OFFSET(0)], ['start_dato'], []),
      IF(f.verdier[OFFSET(1)] IS DISTINCT FROM f.forrige_verdier[OFFSET(1)], ['konklusjon.slutt_dato'], []),
      IF(f.verdier[OFFSET(2)] IS DISTINCT FROM f.forrige_verdier[OFFSET(2)], ['konklusjon.kode'], []),
      IF(f.verdier[OFFSET(3)] IS DISTINCT FROM f.forrige_verdier[OFFSET(3)], ['konklusjon.presisering'], [])
    )
    WHEN 'Status' THEN ARRAY_CONCAT(
      IF(f.verdier[OFFSET(0)] IS DISTINCT FROM f.forrige_verdier[OFFSET(0)], ['endret_dato'], []),
      IF(f.verdier[OFFSET(1)] IS DISTINCT FROM f.forrige_verdier[OFFSET(1)], ['kode'], [])
    )
    WHEN 'Ettervern' THEN ARRAY_CONCAT(
      IF(f.verdier[OFFSET(0)] IS DISTINCT FROM f.forrige_verdier[OFFSET(0)], ['tilbud_sendt_dato'], []),
      IF(f.verdier[OFFSET(1)] IS DISTINCT FROM f.forrige_verdier[OFFSET(1)], ['migrert_id'], []),
      IF(f.verdier[OFFSET(2)] IS DISTINCT FROM f.forrige_verdier[OFFSET(2)], ['konklusjon.slutt_dato'], []),
      IF(f.verdier[OFFSET(3)] IS DISTINCT FROM f.forrige_verdier[OFFSET(3)], ['konklusjon.kode'], [])
    )
    WHEN 'OversendelseFylkesnemnd' THEN ARRAY_CONCAT(
      IF(f.verdier[OFFSET(0)] IS DISTINCT FROM f.forrige_verdier[OFFSET(0)], ['start_dato'], []),
      IF(f.verdier[OFFSET(1)] IS DISTINCT FROM f.forrige_verdier[OFFSET(1)], ['migrert_id'], []),
      IF(f.verdier[OFFSET(2)] IS DISTINCT FROM f.forrige_verdier[OFFSET(2)], ['lovhjemmel.lov'], []),
      IF(f.verdier[OFFSET(3)] IS DISTINCT FROM f.forrige_verdier[OFFSET(3)], ['lovhjemmel.kapittel'], []),
      IF(f.verdier[OFFSET(4)] IS DISTINCT FROM f.forrige_verdier[OFFSET(4)], ['lovhjemmel.paragraf'], []),
      IF(f.verdier[OFFSET(5)] IS DISTINCT FROM f.forrige_verdier[OFFSET(5)], ['lovhjemmel.ledd'], []),
      IF(f.verdier[OFFSET(6)] IS DISTINCT FROM f.forrige_verdier[OFFSET(6)], ['lovhjemmel.bokstav'], []),
      IF(f.verdier[OFFSET(7)] IS DISTINCT FROM f.forrige_verdier[OFFSET(7)], ['lovhjemmel.punktum'], []),
      IF(f.verdier[OFFSET(8)] IS DISTINCT FROM f.forrige_verdier[OFFSET(8)], ['jmfr_lovhjemmel'], [])
    )
    WHEN 'Flytting' THEN ARRAY_CONCAT(
      IF(f.verdier[OFFSET(0)] IS DISTINCT FROM f.forrige_verdier[OFFSET(0)], ['slutt_dato'], []),
      IF(f.verdier[OFFSET(1)] IS DISTINCT FROM f.forrige_verdier[OFFSET(1)], ['migrert_id'], []),
      IF(f.verdier[OFFSET(2)] IS DISTINCT FROM f.forrige_verdier[OFFSET(2)], ['arsak_fra.kode'], []),
      IF(f.verdier[OFFSET(3)] IS DISTINCT FROM f.forrige_verdier[OFFSET(3)], ['arsak_fra.presisering'], []),
      IF(f.verdier[OFFSET(4)] IS DISTINCT FROM f.forrige_verdier[OFFSET(4)], ['flytting_til.kode'], []),
      IF(f.verdier[OFFSET(5)] IS DISTINCT FROM f.forrige_verdier[OFFSET(5)], ['flytting_til.presisering'], [])
    )
    WHEN 'Relasjon' THEN ARRAY_CONCAT(
      IF(f.verdier[OFFSET(0)] IS DISTINCT FROM f.forrige_verdier[OFFSET(0)], ['fra_id'], []),
      IF(f.verdier[OFFSET(1)] IS DISTINCT FROM f.forrige_verdier[OFFSET(1)], ['fra_type'], []),
      IF(f.verdier[OFFSET(2)] IS DISTINCT FROM f.forrige_verdier[OFFSET(2)], ['til_id'], []),
      IF(f.verdier[OFFSET(3)] IS DISTINCT FROM f.forrige_verdier[OFFSET(3)], ['til_type'], [])
    )
    ELSE []
  END AS felt
FROM funnet AS f
JOIN innsending AS i ON i.orgnr = f.orgnr AND i.sak_id = f.sak_id AND i.nr = f.nr
