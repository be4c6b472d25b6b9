-- The last load by a moment, whole. Rows without a time were there from the beginning.
CREATE OR REPLACE TABLE FUNCTION grunnlag.kostragruppe_per(tidspunkt TIMESTAMP) AS (
  SELECT kommunenummer, gruppe, gyldig_fra, gyldig_til
  FROM grunnlag.kostragruppe
  WHERE IFNULL(lastet, TIMESTAMP '0001-01-01 00:00:00+00') <= tidspunkt
  QUALIFY RANK() OVER (ORDER BY IFNULL(lastet, TIMESTAMP '0001-01-01 00:00:00+00') DESC) = 1
)
