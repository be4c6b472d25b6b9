-- Laget med `bvr generate`; endre modellen. | Generated: change the model instead.
WITH element AS (
  SELECT s.orgnr, s.sak_id, 'Melding' AS type, LOWER(x.id) AS nokkel, LOWER(x.id) AS id, EXTRACT(YEAR FROM x.start_dato) AS aar
  FROM register.sak_tabell AS s, UNNEST(s.sak.melding) AS x
  WHERE x.id IS NOT NULL AND x.er_slettet IS NOT TRUE
  AND LOWER(x.id) NOT IN (SELECT LOWER(b.id) FROM UNNEST(s.sak.slettet) AS b WHERE b.type = 'Melding')
  UNION DISTINCT
  SELECT s.orgnr, s.sak_id, 'Melding' AS type, LOWER(x.migrert_id) AS nokkel, LOWER(x.id) AS id, EXTRACT(YEAR FROM x.start_dato) AS aar
  FROM register.sak_tabell AS s, UNNEST(s.sak.melding) AS x
  WHERE x.migrert_id IS NOT NULL AND x.er_slettet IS NOT TRUE
  AND LOWER(x.id) NOT IN (SELECT LOWER(b.id) FROM UNNEST(s.sak.slettet) AS b WHERE b.type = 'Melding')
  UNION DISTINCT
  SELECT s.orgnr, s.sak_id, 'Undersokelse' AS type, LOWER(x.id) AS nokkel, LOWER(x.id) AS id, EXTRACT(YEAR FROM x.start_dato) AS aar
  FROM register.sak_tabell AS s, UNNEST(s.sak.undersokelse) AS x
  WHERE x.id IS NOT NULL AND x.er_slettet IS NOT TRUE
  AND LOWER(x.id) NOT IN (SELECT LOWER(b.id) FROM UNNEST(s.sak.slettet) AS b WHERE b.type = 'Undersokelse')
  UNION DISTINCT
  SELECT s.orgnr, s.sak_id, 'Undersokelse' AS type, LOWER(x.migrert_id) AS nokkel, LOWER(x.id) AS id, EXTRACT(YEAR FROM x.start_dato) AS aar
  FROM register.sak_tabell AS s, UNNEST(s.sak.undersokelse) AS x
  WHERE x.migrert_id IS NOT NULL AND x.er_slettet IS NOT TRUE
  AND LOWER(x.id) NOT IN (SELECT LOWER(b.id) FROM UNNEST(s.sak.slettet) AS b WHERE b.type = 'Undersokelse')
  UNION DISTINCT
  SELECT s.orgnr, s.sak_id, 'Vedtak' AS type, LOWER(x.id) AS nokkel, LOWER(x.id) AS id, EXTRACT(YEAR FROM x.start_dato) AS aar
  FROM register.sak_tabell AS s, UNNEST(s.sak.vedtak) AS x
  WHERE x.id IS NOT NULL AND x.er_slettet IS NOT TRUE
  AND LOWER(x.id) NOT IN (SELECT LOWER(b.id) FROM UNNEST(s.sak.slettet) AS b WHERE b.type = 'Vedtak')
  UNION DISTINCT
  SELECT s.orgnr, s.sak_id, 'Vedtak' AS type, LOWER(x.migrert_id) AS nokkel, LOWER(x.id) AS id, EXTRACT(YEAR FROM x.start_dato) AS aar
  FROM register.sak_tabell AS s, UNNEST(s.sak.vedtak) AS x
  WHERE x.migrert_id IS NOT NULL AND x.er_slettet IS NOT TRUE
  AND LOWER(x.id) NOT IN (SELECT LOWER(b.id) FROM UNNEST(s.sak.slettet) AS b WHERE b.type = 'Vedtak')
  UNION DISTINCT
  SELECT s.orgnr, s.sak_id, 'Tiltak' AS type, LOWER(x.id) AS nokkel, LOWER(x.id) AS id, EXTRACT(YEAR FROM x.start_dato) AS aar
  FROM register.sak_tabell AS s, UNNEST(s.sak.tiltak) AS x
  WHERE x.id IS NOT NULL AND x.er_slettet IS NOT TRUE
  AND LOWER(x.id) NOT IN (SELECT LOWER(b.id) FROM UNNEST(s.sak.slettet) AS b WHERE b.type = 'Tiltak')
  UNION DISTINCT
  SELECT s.orgnr, s.sak_id, 'Tiltak' AS type, LOWER(x.migrert_id) AS nokkel, LOWER(x.id) AS id, EXTRACT(YEAR FROM x.start_dato) AS aar
  FROM register.sak_tabell AS s, UNNEST(s.sak.tiltak) AS x
  WHERE x.migrert_id IS NOT NULL AND x.er_slettet IS NOT TRUE
  AND LOWER(x.id) NOT IN (SELECT LOWER(b.id) FROM UNNEST(s.sak.slettet) AS b WHERE b.type = 'Tiltak')
  UNION DISTINCT
  SELECT s.orgnr, s.sak_id, 'Plan' AS type, LOWER(x.id) AS nokkel, LOWER(x.id) AS id, EXTRACT(YEAR FROM x.start_dato) AS aar
  FROM register.sak_tabell AS s, UNNEST(s.sak.plan) AS x
  WHERE x.id IS NOT NULL AND x.er_slettet IS NOT TRUE
  AND LOWER(x.id) NOT IN (SELECT LOWER(b.id) FROM UNNEST(s.sak.slettet) AS b WHERE b.type = 'Plan')
  UNION DISTINCT
  SELECT s.orgnr, s.sak_id, 'Plan' AS type, LOWER(x.migrert_id) AS nokkel, LOWER(x.id) AS id, EXTRACT(YEAR FROM x.start_dato) AS aar
  FROM register.sak_tabell AS s, UNNEST(s.sak.plan) AS x
  WHERE x.migrert_id IS NOT NULL AND x.er_slettet IS NOT TRUE
  AND LOWER(x.id) NOT IN (SELECT LOWER(b.id) FROM UNNEST(s.sak.slettet) AS b WHERE b.type = 'Plan')
  UNION DISTINCT
  SELECT s.orgnr, s.sak_id, 'Ettervern' AS type, LOWER(x.id) AS nokkel, LOWER(x.id) AS id, EXTRACT(YEAR FROM x.tilbud_sendt_dato) AS aar
  FROM register.sak_tabell AS s, UNNEST(s.sak.ettervern) AS x
  WHERE x.id IS NOT NULL AND x.er_slettet IS NOT TRUE
  AND LOWER(x.id) NOT IN (SELECT LOWER(b.id) FROM UNNEST(s.sak.slettet) AS b WHERE b.type = 'Ettervern')
  UNION DISTINCT
  SELECT s.orgnr, s.sak_id, 'Ettervern' AS type, LOWER(x.migrert_id) AS nokkel, LOWER(x.id) AS id, EXTRACT(YEAR FROM x.tilbud_sendt_dato) AS aar
  FROM register.sak_tabell AS s, UNNEST(s.sak.ettervern) AS x
  WHERE x.migrert_id IS NOT NULL AND x.er_slettet IS NOT TRUE
  AND LOWER(x.id) NOT IN (SELECT LOWER(b.id) FROM UNNEST(s.sak.slettet) AS b WHERE b.type = 'Ettervern')
  UNION DISTINCT
  SELECT s.orgnr, s.sak_id, 'OversendelseFylkesnemnd' AS type, LOWER(x.id) AS nokkel, LOWER(x.id) AS id, EXTRACT(YEAR FROM x.start_dato) AS aar
  FROM register.sak_tabell AS s, UNNEST(s.sak.oversendelse_fylkesnemnd) AS x
  WHERE x.id IS NOT NULL AND x.er_slettet IS NOT TRUE
  AND LOWER(x.id) NOT IN (SELECT LOWER(b.id) FROM UNNEST(s.sak.slettet) AS b WHERE b.type = 'OversendelseFylkesnemnd')
  UNION DISTINCT
  SELECT s.orgnr, s.sak_id, 'OversendelseFylkesnemnd' AS type, LOWER(x.migrert_id) AS nokkel, LOWER(x.id) AS id, EXTRACT(YEAR FROM x.start_dato) AS aar
  FROM register.sak_tabell AS s, UNNEST(s.sak.oversendelse_fylkesnemnd) AS x
  WHERE x.migrert_id IS NOT NULL AND x.er_slettet IS NOT TRUE
  AND LOWER(x.id) NOT IN (SELECT LOWER(b.id) FROM UNNEST(s.sak.slettet) AS b WHERE b.type = 'OversendelseFylkesnemnd')
  UNION DISTINCT
  SELECT s.orgnr, s.sak_id, 'Flytting' AS type, LOWER(x.id) AS nokkel, LOWER(x.id) AS id, EXTRACT(YEAR FROM x.slutt_dato) AS aar
  FROM register.sak_tabell AS s, UNNEST(s.sak.flytting) AS x
  WHERE x.id IS NOT NULL AND x.er_slettet IS NOT TRUE
  AND LOWER(x.id) NOT IN (SELECT LOWER(b.id) FROM UNNEST(s.sak.slettet) AS b WHERE b.type = 'Flytting')
  UNION DISTINCT
  SELECT s.orgnr, s.sak_id, 'Flytting' AS type, LOWER(x.migrert_id) AS nokkel, LOWER(x.id) AS id, EXTRACT(YEAR FROM x.slutt_dato) AS aar
  FROM register.sak_tabell AS s, UNNEST(s.sak.flytting) AS x
  WHERE x.migrert_id IS NOT NULL AND x.er_slettet IS NOT TRUE
  AND LOWER(x.id) NOT IN (SELECT LOWER(b.id) FROM UNNEST(s.sak.slettet) AS b WHERE b.type = 'Flytting')
),
lenke AS (
  SELECT s.orgnr, s.sak_id, x.fra_type, LOWER(x.fra_id) AS fra_id, x.til_type, LOWER(x.til_id) AS til_id
  FROM register.sak_tabell AS s, UNNEST(s.sak.relasjon) AS x
  WHERE s.sak.er_slettet IS NOT TRUE AND x.er_slettet IS NOT TRUE
  AND LOWER(x.id) NOT IN (SELECT LOWER(b.id) FROM UNNEST(s.sak.slettet) AS b WHERE b.type = 'Relasjon')
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
JOIN register.analyse_grunnlag AS g ON g.orgnr = x.orgnr AND g.sak_id = x.sak_id AND g.aar = f.aar
JOIN register.analyse_grunnlag AS h
  ON h.orgnr = x.orgnr AND h.sak_id = x.sak_id AND h.aar = t.aar AND h.formal = g.formal
