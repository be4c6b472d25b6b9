-- Laget med `bvr generate`; endre modellen. | Generated: change the model instead.
WITH borte AS (
  SELECT DISTINCT s.orgnr, s.sak_id, b.type, LOWER(b.id) AS id
  FROM register.sak_tabell AS s, UNNEST(s.sak.slettet) AS b
),
element AS (
  SELECT s.orgnr, s.sak_id, 'Melding' AS type, LOWER(x.id) AS nokkel, LOWER(x.id) AS id, EXTRACT(YEAR FROM x.start_dato) AS aar
  FROM register.sak_tabell AS s CROSS JOIN UNNEST(s.sak.melding) AS x
  LEFT JOIN borte AS b ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id AND b.type = 'Melding' AND b.id = LOWER(x.id)
  WHERE x.id IS NOT NULL AND x.er_slettet IS NOT TRUE AND b.id IS NULL
  UNION DISTINCT
  SELECT s.orgnr, s.sak_id, 'Melding' AS type, LOWER(x.migrert_id) AS nokkel, LOWER(x.id) AS id, EXTRACT(YEAR FROM x.start_dato) AS aar
  FROM register.sak_tabell AS s CROSS JOIN UNNEST(s.sak.melding) AS x
  LEFT JOIN borte AS b ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id AND b.type = 'Melding' AND b.id = LOWER(x.id)
  WHERE x.migrert_id IS NOT NULL AND x.er_slettet IS NOT TRUE AND b.id IS NULL
  UNION DISTINCT
  SELECT s.orgnr, s.sak_id, 'Undersokelse' AS type, LOWER(x.id) AS nokkel, LOWER(x.id) AS id, EXTRACT(YEAR FROM x.start_dato) AS aar
  FROM register.sak_tabell AS s CROSS JOIN UNNEST(s.sak.undersokelse) AS x
  LEFT JOIN borte AS b ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id AND b.type = 'Undersokelse' AND b.id = LOWER(x.id)
  WHERE x.id IS NOT NULL AND x.er_slettet IS NOT TRUE AND b.id IS NULL
  UNION DISTINCT
  SELECT s.orgnr, s.sak_id, 'Undersokelse' AS type, LOWER(x.migrert_id) AS nokkel, LOWER(x.id) AS id, EXTRACT(YEAR FROM x.start_dato) AS aar
  FROM register.sak_tabell AS s CROSS JOIN UNNEST(s.sak.undersokelse) AS x
  LEFT JOIN borte AS b ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id AND b.type = 'Undersokelse' AND b.id = LOWER(x.id)
  WHERE x.migrert_id IS NOT NULL AND x.er_slettet IS NOT TRUE AND b.id IS NULL
  UNION DISTINCT
  SELECT s.orgnr, s.sak_id, 'Vedtak' AS type, LOWER(x.id) AS nokkel, LOWER(x.id) AS id, EXTRACT(YEAR FROM x.start_dato) AS aar
  FROM register.sak_tabell AS s CROSS JOIN UNNEST(s.sak.vedtak) AS x
  LEFT JOIN borte AS b ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id AND b.type = 'Vedtak' AND b.id = LOWER(x.id)
  WHERE x.id IS NOT NULL AND x.er_slettet IS NOT TRUE AND b.id IS NULL
  UNION DISTINCT
  SELECT s.orgnr, s.sak_id, 'Vedtak' AS type, LOWER(x.migrert_id) AS nokkel, LOWER(x.id) AS id, EXTRACT(YEAR FROM x.start_dato) AS aar
  FROM register.sak_tabell AS s CROSS JOIN UNNEST(s.sak.vedtak) AS x
  LEFT JOIN borte AS b ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id AND b.type = 'Vedtak' AND b.id = LOWER(x.id)
  WHERE x.migrert_id IS NOT NULL AND x.er_slettet IS NOT TRUE AND b.id IS NULL
  UNION DISTINCT
  SELECT s.orgnr, s.sak_id, 'Tiltak' AS type, LOWER(x.id) AS nokkel, LOWER(x.id) AS id, EXTRACT(YEAR FROM x.start_dato) AS aar
  FROM register.sak_tabell AS s CROSS JOIN UNNEST(s.sak.tiltak) AS x
  LEFT JOIN borte AS b ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id AND b.type = 'Tiltak' AND b.id = LOWER(x.id)
  WHERE x.id IS NOT NULL AND x.er_slettet IS NOT TRUE AND b.id IS NULL
  UNION DISTINCT
  SELECT s.orgnr, s.sak_id, 'Tiltak' AS type, LOWER(x.migrert_id) AS nokkel, LOWER(x.id) AS id, EXTRACT(YEAR FROM x.start_dato) AS aar
  FROM register.sak_tabell AS s CROSS JOIN UNNEST(s.sak.tiltak) AS x
  LEFT JOIN borte AS b ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id AND b.type = 'Tiltak' AND b.id = LOWER(x.id)
  WHERE x.migrert_id IS NOT NULL AND x.er_slettet IS NOT TRUE AND b.id IS NULL
  UNION DISTINCT
  SELECT s.orgnr, s.sak_id, 'Plan' AS type, LOWER(x.id) AS nokkel, LOWER(x.id) AS id, EXTRACT(YEAR FROM x.start_dato) AS aar
  FROM register.sak_tabell AS s CROSS JOIN UNNEST(s.sak.plan) AS x
  LEFT JOIN borte AS b ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id AND b.type = 'Plan' AND b.id = LOWER(x.id)
  WHERE x.id IS NOT NULL AND x.er_slettet IS NOT TRUE AND b.id IS NULL
  UNION DISTINCT
  SELECT s.orgnr, s.sak_id, 'Plan' AS type, LOWER(x.migrert_id) AS nokkel, LOWER(x.id) AS id, EXTRACT(YEAR FROM x.start_dato) AS aar
  FROM register.sak_tabell AS s CROSS JOIN UNNEST(s.sak.plan) AS x
  LEFT JOIN borte AS b ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id AND b.type = 'Plan' AND b.id = LOWER(x.id)
  WHERE x.migrert_id IS NOT NULL AND x.er_slettet IS NOT TRUE AND b.id IS NULL
  UNION DISTINCT
  SELECT s.orgnr, s.sak_id, 'Ettervern' AS type, LOWER(x.id) AS nokkel, LOWER(x.id) AS id, EXTRACT(YEAR FROM x.tilbud_sendt_dato) AS aar
  FROM register.sak_tabell AS s CROSS JOIN UNNEST(s.sak.ettervern) AS x
  LEFT JOIN borte AS b ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id AND b.type = 'Ettervern' AND b.id = LOWER(x.id)
  WHERE x.id IS NOT NULL AND x.er_slettet IS NOT TRUE AND b.id IS NULL
  UNION DISTINCT
  SELECT s.orgnr, s.sak_id, 'Ettervern' AS type, LOWER(x.migrert_id) AS nokkel, LOWER(x.id) AS id, EXTRACT(YEAR FROM x.tilbud_sendt_dato) AS aar
  FROM register.sak_tabell AS s CROSS JOIN UNNEST(s.sak.ettervern) AS x
  LEFT JOIN borte AS b ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id AND b.type = 'Ettervern' AND b.id = LOWER(x.id)
  WHERE x.migrert_id IS NOT NULL AND x.er_slettet IS NOT TRUE AND b.id IS NULL
  UNION DISTINCT
  SELECT s.orgnr, s.sak_id, 'OversendelseFylkesnemnd' AS type, LOWER(x.id) AS nokkel, LOWER(x.id) AS id, EXTRACT(YEAR FROM x.start_dato) AS aar
  FROM register.sak_tabell AS s CROSS JOIN UNNEST(s.sak.oversendelse_fylkesnemnd) AS x
  LEFT JOIN borte AS b ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id AND b.type = 'OversendelseFylkesnemnd' AND b.id = LOWER(x.id)
  WHERE x.id IS NOT NULL AND x.er_slettet IS NOT TRUE AND b.id IS NULL
  UNION DISTINCT
  SELECT s.orgnr, s.sak_id, 'OversendelseFylkesnemnd' AS type, LOWER(x.migrert_id) AS nokkel, LOWER(x.id) AS id, EXTRACT(YEAR FROM x.start_dato) AS aar
  FROM register.sak_tabell AS s CROSS JOIN UNNEST(s.sak.oversendelse_fylkesnemnd) AS x
  LEFT JOIN borte AS b ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id AND b.type = 'OversendelseFylkesnemnd' AND b.id = LOWER(x.id)
  WHERE x.migrert_id IS NOT NULL AND x.er_slettet IS NOT TRUE AND b.id IS NULL
  UNION DISTINCT
  SELECT s.orgnr, s.sak_id, 'Flytting' AS type, LOWER(x.id) AS nokkel, LOWER(x.id) AS id, EXTRACT(YEAR FROM x.slutt_dato) AS aar
  FROM register.sak_tabell AS s CROSS JOIN UNNEST(s.sak.flytting) AS x
  LEFT JOIN borte AS b ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id AND b.type = 'Flytting' AND b.id = LOWER(x.id)
  WHERE x.id IS NOT NULL AND x.er_slettet IS NOT TRUE AND b.id IS NULL
  UNION DISTINCT
  SELECT s.orgnr, s.sak_id, 'Flytting' AS type, LOWER(x.migrert_id) AS nokkel, LOWER(x.id) AS id, EXTRACT(YEAR FROM x.slutt_dato) AS aar
  FROM register.sak_tabell AS s CROSS JOIN UNNEST(s.sak.flytting) AS x
  LEFT JOIN borte AS b ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id AND b.type = 'Flytting' AND b.id = LOWER(x.id)
  WHERE x.migrert_id IS NOT NULL AND x.er_slettet IS NOT TRUE AND b.id IS NULL
),
lenke AS (
  SELECT s.orgnr, s.sak_id, s.kommunenummer, x.fra_type, LOWER(x.fra_id) AS fra_id, x.til_type, LOWER(x.til_id) AS til_id
  FROM register.sak_tabell AS s CROSS JOIN UNNEST(s.sak.relasjon) AS x
  LEFT JOIN borte AS b ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id AND b.type = 'Relasjon' AND b.id = LOWER(x.id)
  WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE AND b.id IS NULL
)
SELECT DISTINCT
  g.formal AS formal,
  g.kommunenummer AS kommunenummer,
  g.bydelsnummer AS bydelsnummer,
  g.barn AS barn_ref,
  g.sak AS sak_ref,
  x.fra_type AS fra_type,
  SUBSTR(TO_HEX(SHA256(CONCAT(g.salt, CAST(CONCAT(x.fra_type, '/', f.id) AS BYTES)))), 1, 32) AS fra_ref,
  x.til_type AS til_type,
  SUBSTR(TO_HEX(SHA256(CONCAT(g.salt, CAST(CONCAT(x.til_type, '/', t.id) AS BYTES)))), 1, 32) AS til_ref
FROM lenke AS x
JOIN element AS f ON f.orgnr = x.orgnr AND f.sak_id = x.sak_id AND f.type = x.fra_type AND f.nokkel = x.fra_id
JOIN element AS t ON t.orgnr = x.orgnr AND t.sak_id = x.sak_id AND t.type = x.til_type AND t.nokkel = x.til_id
JOIN register.analyse_grunnlag AS g ON g.orgnr = x.orgnr AND g.sak_id = x.sak_id AND g.kommunenummer = x.kommunenummer AND g.aar = f.aar
JOIN register.analyse_grunnlag AS h
  ON h.orgnr = x.orgnr AND h.sak_id = x.sak_id AND h.kommunenummer = x.kommunenummer AND h.aar = t.aar AND h.formal = g.formal
