-- Laget med `bvr generate`; endre modellen. | Generated: change the model instead.
SELECT
  kommunenummer AS kommunenummer,
  bydelsnummer AS bydelsnummer,
  MAX(mottatt) AS siste_innsending,
  MAX(dato_uttrekk) AS siste_uttrekk,
  COUNT(*) AS saker,
  COUNTIF(utfall = 'EXCLUDED') AS saker_med_feil,
  SAFE_DIVIDE(COUNTIF(utfall = 'EXCLUDED'), COUNT(*)) AS andel_med_feil
FROM (
  SELECT kommunenummer, bydelsnummer, mottatt, dato_uttrekk, utfall, er_slettet
  FROM register.sak_historikk
  QUALIFY ROW_NUMBER() OVER (PARTITION BY orgnr, sak_id ORDER BY dato_uttrekk DESC, mottatt DESC, innsending_id DESC, innhold_sha256 DESC) = 1
)
WHERE er_slettet IS NOT TRUE
GROUP BY kommunenummer, bydelsnummer
