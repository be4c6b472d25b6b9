-- The last accepted KOSTRA file of each sender (in Oslo: district) and year as known at a moment, and its clients once
-- each. A file whose own row is not there has not been stored to its end, and does not count.
CREATE OR REPLACE TABLE FUNCTION register.kostra_per(tidspunkt TIMESTAMP) AS (
  SELECT
    fil.fil_id,
    fil.orgnr,
    fil.kommunenummer,
    fil.bydelsnummer,
    fil.aargang,
    fil.mottatt,
    klient.nummer,
    klient.nummertype,
    klient.individ
  FROM (
    SELECT fil_id, orgnr, kommunenummer, bydelsnummer, aargang, mottatt
    FROM register.kostra_fil
    WHERE utfall = 'REGISTERED' AND behandlet <= tidspunkt
    QUALIFY ROW_NUMBER() OVER (
      PARTITION BY orgnr, kommunenummer, bydelsnummer, aargang
      ORDER BY mottatt DESC, fil_id DESC
    ) = 1
  ) AS fil
  JOIN register.kostra_individ AS klient
    ON klient.fil_id = fil.fil_id
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY fil.fil_id, klient.nummer ORDER BY klient.mottatt) = 1
)
