-- The register as it was known at a moment: of each case the submission with the latest extract. If that one is EXCLUDED
-- the case is out until it is corrected; if it is deleted the case is gone.
CREATE OR REPLACE TABLE FUNCTION register.sak_per(tidspunkt TIMESTAMP) AS (
  SELECT *
  FROM register.sak_siste_per(tidspunkt)
  WHERE utfall = 'REGISTERED' AND er_slettet IS NOT TRUE
)
