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
  felter AS (
    SELECT f.type, f.navn
    FROM UNNEST([
      STRUCT('Sak' AS type, ['start_dato', 'journalnummer', 'migrert_id', 'slutt_dato', 'avsluttet'] AS navn),
      STRUCT('Personalia' AS type, ['start_dato', 'fodselsnummer', 'fodseldato', 'kjonn', 'duf_nummer', 'nummertype'] AS navn),
      STRUCT('Melding' AS type, ['start_dato', 'migrert_id', 'melder', 'saksinnhold', 'konklusjon.slutt_dato', 'konklusjon.kode', 'konklusjon.er_slettet'] AS navn),
      STRUCT('Undersokelse' AS type, ['start_dato', 'migrert_id', 'vedtaksgrunnlag', 'barnets_medvirkning.start_dato', 'barnets_medvirkning.medvirkning_type', 'utvidet_frist.start_dato', 'utvidet_frist.innvilget', 'konklusjon.slutt_dato', 'konklusjon.kode', 'konklusjon.presisering'] AS navn),
      STRUCT('Plan' AS type, ['start_dato', 'plantype', 'migrert_id', 'evaluering', 'konklusjon.slutt_dato'] AS navn),
      STRUCT('Tiltak' AS type, ['start_dato', 'migrert_id', 'lovhjemmel.lov', 'lovhjemmel.kapittel', 'lovhjemmel.paragraf', 'lovhjemmel.ledd', 'lovhjemmel.bokstav', 'lovhjemmel.punktum', 'jmfr_lovhjemmel', 'kategori.kode', 'kategori.presisering', 'tiltaksgrunnlag', 'opphevelse.kode', 'opphevelse.presisering', 'konklusjon.slutt_dato'] AS navn),
      STRUCT('TilsynAnsvarlig' AS type, ['start_dato', 'kommunenummer'] AS navn),
      STRUCT('TilsynHyppighet' AS type, ['start_dato', 'kode'] AS navn),
      STRUCT('TilsynUtfort' AS type, ['utfort_dato'] AS navn),
      STRUCT('OppfolgingHyppighet' AS type, ['start_dato', 'kode'] AS navn),
      STRUCT('OppfolgingUtfort' AS type, ['utfort_dato'] AS navn),
      STRUCT('Vedtak' AS type, ['start_dato', 'migrert_id', 'lovhjemmel.lov', 'lovhjemmel.kapittel', 'lovhjemmel.paragraf', 'lovhjemmel.ledd', 'lovhjemmel.bokstav', 'lovhjemmel.punktum', 'jmfr_lovhjemmel', 'konklusjon.slutt_dato'] AS navn),
      STRUCT('Krav' AS type, ['start_dato', 'konklusjon.slutt_dato', 'konklusjon.kode', 'konklusjon.presisering'] AS navn),
      STRUCT('Status' AS type, ['endret_dato', 'kode'] AS navn),
      STRUCT('Ettervern' AS type, ['tilbud_sendt_dato', 'migrert_id', 'konklusjon.slutt_dato', 'konklusjon.kode'] AS navn),
      STRUCT('OversendelseFylkesnemnd' AS type, ['start_dato', 'migrert_id', 'lovhjemmel.lov', 'lovhjemmel.kapittel', 'lovhjemmel.paragraf', 'lovhjemmel.ledd', 'lovhjemmel.bokstav', 'lovhjemmel.punktum', 'jmfr_lovhjemmel'] AS navn),
      STRUCT('Flytting' AS type, ['slutt_dato', 'migrert_id', 'arsak_fra.kode', 'arsak_fra.presisering', 'flytting_til.kode', 'flytting_til.presisering'] AS navn),
      STRUCT('Relasjon' AS type, ['fra_id', 'fra_type', 'til_id', 'til_type'] AS navn)
    ]) AS f
  ),
  alle AS (
    SELECT s.orgnr, s.innsending_id, s.innhold_sha256, 'Sak' AS type, s.sak_id AS element_id, CAST(NULL AS STRING) AS forelder, CAST(NULL AS STRING) AS forelder_id, [CAST(s.sak.start_dato AS STRING), s.sak.journalnummer, s.sak.migrert_id, CAST(s.sak.slutt_dato AS STRING), CAST(s.sak.avsluttet AS STRING)] AS verdier
    FROM register.sak_historikk AS s
    WHERE s.sak.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.innsending_id, s.innhold_sha256, 'Personalia' AS type, LOWER(x.id) AS element_id, 'Sak' AS forelder, s.sak_id AS forelder_id, [CAST(x.start_dato AS STRING), TO_HEX(x.fodselsnummer), CAST(x.fodseldato AS STRING), x.kjonn, TO_HEX(x.duf_nummer), x.nummertype] AS verdier
    FROM register.sak_historikk AS s, UNNEST(s.sak.personalia) AS x
    WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.innsending_id, s.innhold_sha256, 'Melding' AS type, LOWER(x.id) AS element_id, 'Sak' AS forelder, s.sak_id AS forelder_id, [CAST(x.start_dato AS STRING), x.migrert_id, IFNULL(TO_JSON_STRING(x.melder), '[]'), IFNULL(TO_JSON_STRING(x.saksinnhold), '[]'), CAST(x.konklusjon.slutt_dato AS STRING), x.konklusjon.kode, CAST(x.konklusjon.er_slettet AS STRING)] AS verdier
    FROM register.sak_historikk AS s, UNNEST(s.sak.melding) AS x
    WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.innsending_id, s.innhold_sha256, 'Undersokelse' AS type, LOWER(x.id) AS element_id, 'Sak' AS forelder, s.sak_id AS forelder_id, [CAST(x.start_dato AS STRING), x.migrert_id, IFNULL(TO_JSON_STRING(x.vedtaksgrunnlag), '[]'), CAST(x.barnets_medvirkning.start_dato AS STRING), x.barnets_medvirkning.medvirkning_type, CAST(x.utvidet_frist.start_dato AS STRING), x.utvidet_frist.innvilget, CAST(x.konklusjon.slutt_dato AS STRING), x.konklusjon.kode, x.konklusjon.presisering] AS verdier
    FROM register.sak_historikk AS s, UNNEST(s.sak.undersokelse) AS x
    WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.innsending_id, s.innhold_sha256, 'Plan' AS type, LOWER(x.id) AS element_id, 'Sak' AS forelder, s.sak_id AS forelder_id, [CAST(x.start_dato AS STRING), x.plantype, x.migrert_id, IFNULL(TO_JSON_STRING(x.evaluering), '[]'), CAST(x.konklusjon.slutt_dato AS STRING)] AS verdier
    FROM register.sak_historikk AS s, UNNEST(s.sak.plan) AS x
    WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.innsending_id, s.innhold_sha256, 'Tiltak' AS type, LOWER(x.id) AS element_id, 'Sak' AS forelder, s.sak_id AS forelder_id, [CAST(x.start_dato AS STRING), x.migrert_id, x.lovhjemmel.lov, x.lovhjemmel.kapittel, x.lovhjemmel.paragraf, IFNULL(ARRAY_TO_STRING(x.lovhjemmel.ledd, ' '), ''), IFNULL(ARRAY_TO_STRING(x.lovhjemmel.bokstav, ' '), ''), IFNULL(ARRAY_TO_STRING(x.lovhjemmel.punktum, ' '), ''), IFNULL(TO_JSON_STRING(x.jmfr_lovhjemmel), '[]'), x.kategori.kode, x.kategori.presisering, IFNULL(TO_JSON_STRING(x.tiltaksgrunnlag), '[]'), x.opphevelse.kode, x.opphevelse.presisering, CAST(x.konklusjon.slutt_dato AS STRING)] AS verdier
    FROM register.sak_historikk AS s, UNNEST(s.sak.tiltak) AS x
    WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.innsending_id, s.innhold_sha256, 'TilsynAnsvarlig' AS type, LOWER(y.id) AS element_id, 'Tiltak' AS forelder, LOWER(x.id) AS forelder_id, [CAST(y.start_dato AS STRING), y.kommunenummer] AS verdier
    FROM register.sak_historikk AS s, UNNEST(s.sak.tiltak) AS x, UNNEST(x.tilsyn.ansvarlig) AS y
    WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.innsending_id, s.innhold_sha256, 'TilsynHyppighet' AS type, LOWER(y.id) AS element_id, 'Tiltak' AS forelder, LOWER(x.id) AS forelder_id, [CAST(y.start_dato AS STRING), y.kode] AS verdier
    FROM register.sak_historikk AS s, UNNEST(s.sak.tiltak) AS x, UNNEST(x.tilsyn.hyppighet) AS y
    WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.innsending_id, s.innhold_sha256, 'TilsynUtfort' AS type, LOWER(y.id) AS element_id, 'Tiltak' AS forelder, LOWER(x.id) AS forelder_id, [CAST(y.utfort_dato AS STRING)] AS verdier
    FROM register.sak_historikk AS s, UNNEST(s.sak.tiltak) AS x, UNNEST(x.tilsyn.utfort) AS y
    WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.innsending_id, s.innhold_sha256, 'OppfolgingHyppighet' AS type, LOWER(y.id) AS element_id, 'Tiltak' AS forelder, LOWER(x.id) AS forelder_id, [CAST(y.start_dato AS STRING), y.kode] AS verdier
    FROM register.sak_historikk AS s, UNNEST(s.sak.tiltak) AS x, UNNEST(x.oppfolging.hyppighet) AS y
    WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.innsending_id, s.innhold_sha256, 'OppfolgingUtfort' AS type, LOWER(y.id) AS element_id, 'Tiltak' AS forelder, LOWER(x.id) AS forelder_id, [CAST(y.utfort_dato AS STRING)] AS verdier
    FROM register.sak_historikk AS s, UNNEST(s.sak.tiltak) AS x, UNNEST(x.oppfolging.utfort) AS y
    WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.innsending_id, s.innhold_sha256, 'Vedtak' AS type, LOWER(x.id) AS element_id, 'Sak' AS forelder, s.sak_id AS forelder_id, [CAST(x.start_dato AS STRING), x.migrert_id, x.lovhjemmel.lov, x.lovhjemmel.kapittel, x.lovhjemmel.paragraf, IFNULL(ARRAY_TO_STRING(x.lovhjemmel.ledd, ' '), ''), IFNULL(ARRAY_TO_STRING(x.lovhjemmel.bokstav, ' '), ''), IFNULL(ARRAY_TO_STRING(x.lovhjemmel.punktum, ' '), ''), IFNULL(TO_JSON_STRING(x.jmfr_lovhjemmel), '[]'), CAST(x.konklusjon.slutt_dato AS STRING)] AS verdier
    FROM register.sak_historikk AS s, UNNEST(s.sak.vedtak) AS x
    WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.innsending_id, s.innhold_sha256, 'Krav' AS type, LOWER(y.id) AS element_id, 'Vedtak' AS forelder, LOWER(x.id) AS forelder_id, [CAST(y.start_dato AS STRING), CAST(y.konklusjon.slutt_dato AS STRING), y.konklusjon.kode, y.konklusjon.presisering] AS verdier
    FROM register.sak_historikk AS s, UNNEST(s.sak.vedtak) AS x, UNNEST(x.krav) AS y
    WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.innsending_id, s.innhold_sha256, 'Status' AS type, LOWER(y.id) AS element_id, 'Vedtak' AS forelder, LOWER(x.id) AS forelder_id, [CAST(y.endret_dato AS STRING), y.kode] AS verdier
    FROM register.sak_historikk AS s, UNNEST(s.sak.vedtak) AS x, UNNEST(x.status) AS y
    WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.innsending_id, s.innhold_sha256, 'Ettervern' AS type, LOWER(x.id) AS element_id, 'Sak' AS forelder, s.sak_id AS forelder_id, [CAST(x.tilbud_sendt_dato AS STRING), x.migrert_id, CAST(x.konklusjon.slutt_dato AS STRING), x.konklusjon.kode] AS verdier
    FROM register.sak_historikk AS s, UNNEST(s.sak.ettervern) AS x
    WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.innsending_id, s.innhold_sha256, 'OversendelseFylkesnemnd' AS type, LOWER(x.id) AS element_id, 'Sak' AS forelder, s.sak_id AS forelder_id, [CAST(x.start_dato AS STRING), x.migrert_id, x.lovhjemmel.lov, x.lovhjemmel.kapittel, x.lovhjemmel.paragraf, IFNULL(ARRAY_TO_STRING(x.lovhjemmel.ledd, ' '), ''), IFNULL(ARRAY_TO_STRING(x.lovhjemmel.bokstav, ' '), ''), IFNULL(ARRAY_TO_STRING(x.lovhjemmel.punktum, ' '), ''), IFNULL(TO_JSON_STRING(x.jmfr_lovhjemmel), '[]')] AS verdier
    FROM register.sak_historikk AS s, UNNEST(s.sak.oversendelse_fylkesnemnd) AS x
    WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.innsending_id, s.innhold_sha256, 'Flytting' AS type, LOWER(x.id) AS element_id, 'Sak' AS forelder, s.sak_id AS forelder_id, [CAST(x.slutt_dato AS STRING), x.migrert_id, x.arsak_fra.kode, x.arsak_fra.presisering, x.flytting_til.kode, x.flytting_til.presisering] AS verdier
    FROM register.sak_historikk AS s, UNNEST(s.sak.flytting) AS x
    WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.orgnr, s.innsending_id, s.innhold_sha256, 'Relasjon' AS type, LOWER(x.id) AS element_id, 'Sak' AS forelder, s.sak_id AS forelder_id, [x.fra_id, x.fra_type, x.til_id, x.til_type] AS verdier
    FROM register.sak_historikk AS s, UNNEST(s.sak.relasjon) AS x
    WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
  ),
  -- The elements that a submission has. Were a key there twice, one of the two would count.
  finnes AS (
    SELECT i.orgnr, i.sak_id, i.nr, a.type, a.element_id, a.forelder, a.forelder_id, a.verdier
    FROM alle AS a
    JOIN innsending AS i
      ON i.orgnr = a.orgnr AND i.innsending_id = a.innsending_id AND i.innhold_sha256 = a.innhold_sha256
    LEFT JOIN borte AS b
      ON b.orgnr = a.orgnr AND b.innsending_id = a.innsending_id AND b.innhold_sha256 = a.innhold_sha256
      AND b.type = a.type AND b.id = a.element_id
    LEFT JOIN borte AS o
      ON o.orgnr = a.orgnr AND o.innsending_id = a.innsending_id AND o.innhold_sha256 = a.innhold_sha256
      AND o.type = a.forelder AND o.id = a.forelder_id
    WHERE b.id IS NULL AND o.id IS NULL
    QUALIFY ROW_NUMBER() OVER (
      PARTITION BY i.orgnr, i.sak_id, i.nr, a.type, a.forelder_id, a.element_id
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
  i.orgnr,
  i.kommunenummer,
  i.sak_id,
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
  ARRAY(
    SELECT navn
    FROM UNNEST(felter.navn) AS navn WITH OFFSET AS plass
    WHERE f.endring = 'ENDRET' AND f.verdier[OFFSET(plass)] IS DISTINCT FROM f.forrige_verdier[OFFSET(plass)]
    ORDER BY plass
  ) AS felt
FROM funnet AS f
JOIN innsending AS i ON i.orgnr = f.orgnr AND i.sak_id = f.sak_id AND i.nr = f.nr
JOIN felter ON felter.type = f.type
