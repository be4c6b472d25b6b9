-- The submissions known at a moment, one row each: a redelivered or repeated row counts once, the newest rule set wins.
-- Municipality and case follow from the content; named in the partition, they let a question about one read that one.
CREATE OR REPLACE TABLE FUNCTION register.sak_historikk_per(tidspunkt TIMESTAMP) AS (
  SELECT *
  FROM register.innsending
  WHERE utfall != 'REJECTED' AND behandlet <= tidspunkt
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY kommunenummer, orgnr, sak_id, innsending_id, innhold_sha256
    ORDER BY regelsett DESC, mottatt, melding_id, behandlet
  ) = 1
)
