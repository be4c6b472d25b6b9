-- Which child each case was about, as derived until a moment.
CREATE OR REPLACE TABLE FUNCTION register.person_sak_per(tidspunkt TIMESTAMP) AS (
  SELECT *
  FROM register.person_sak
  WHERE gjelder_fra <= tidspunkt
  QUALIFY ROW_NUMBER() OVER (PARTITION BY orgnr, sak_id ORDER BY versjon DESC, gjelder_fra DESC, barn_id) = 1
)
