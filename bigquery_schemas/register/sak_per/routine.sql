-- The register as it was known at a moment: of each case the submission with the latest extract. If that one is EXCLUDED
-- the case is out until it is corrected; if it is deleted the case is gone.
CREATE OR REPLACE TABLE FUNCTION register.sak_per(tidspunkt TIMESTAMP) AS (
  SELECT *
  FROM (
    SELECT *
    FROM register.sak_historikk_per(tidspunkt)
    QUALIFY ROW_NUMBER() OVER (
      PARTITION BY orgnr, sak_id
      ORDER BY dato_uttrekk DESC, mottatt DESC, innsending_id DESC, innhold_sha256 DESC
    ) = 1
  )
  WHERE utfall = 'REGISTERED' AND er_slettet IS NOT TRUE
)
