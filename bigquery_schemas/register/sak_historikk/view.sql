-- One row per submission: a redelivered or repeated row counts once, the newest rule set wins.
SELECT *
FROM register.innsending
WHERE utfall != 'REJECTED'
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY orgnr, innsending_id, innhold_sha256
  ORDER BY regelsett DESC, mottatt, melding_id
) = 1
