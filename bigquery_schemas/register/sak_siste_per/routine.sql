-- Of each case the submission with the latest extract, as known at a moment; also one that is EXCLUDED or deleted.
-- Keys alone are numbered, and the cases themselves read for the rows that are left; a row stored twice counts once.
CREATE OR REPLACE TABLE FUNCTION register.sak_siste_per(tidspunkt TIMESTAMP) AS (
  SELECT s.*
  FROM register.innsending AS s
  JOIN (
    SELECT orgnr, sak_id, innsending_id, innhold_sha256, regelsett, mottatt, melding_id, behandlet
    FROM register.sak_historikk_per(tidspunkt)
    QUALIFY ROW_NUMBER() OVER (
      PARTITION BY orgnr, sak_id
      ORDER BY dato_uttrekk DESC, mottatt DESC, innsending_id DESC, innhold_sha256 DESC
    ) = 1
  ) AS siste
    ON siste.orgnr = s.orgnr
    AND siste.sak_id = s.sak_id
    AND siste.innsending_id = s.innsending_id
    AND siste.innhold_sha256 = s.innhold_sha256
    AND siste.regelsett = s.regelsett
    AND siste.mottatt = s.mottatt
    AND siste.melding_id = s.melding_id
    AND siste.behandlet = s.behandlet
  WHERE s.utfall != 'REJECTED'
  QUALIFY ROW_NUMBER() OVER (PARTITION BY s.kommunenummer, s.orgnr, s.sak_id ORDER BY s.behandlet) = 1
)
