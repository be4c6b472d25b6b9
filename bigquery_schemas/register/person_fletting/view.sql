-- Every time a case came to be about another child than before: taken in by an older one (FLETTET), or split out (DELT).
SELECT
  orgnr,
  sak_id,
  fra_barn_id,
  barn_id AS til_barn_id,
  gjelder_fra AS tidspunkt,
  grunn,
  innsending_id
FROM (
  SELECT
    *,
    LAG(barn_id) OVER (PARTITION BY orgnr, sak_id ORDER BY versjon) AS fra_barn_id
  FROM (
    SELECT *
    FROM register.person_sak
    QUALIFY ROW_NUMBER() OVER (PARTITION BY orgnr, sak_id, versjon ORDER BY gjelder_fra DESC, barn_id) = 1
  )
)
WHERE fra_barn_id != barn_id
