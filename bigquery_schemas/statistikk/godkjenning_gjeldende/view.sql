-- The last event of each municipality and period. A month of silence is IKKE_SVART: never approval (statistics 3.4).
SELECT
  g.kommunenummer, g.periode, g.frysing_id, g.sha256,
  IF(
    g.tilstand = 'SENDT' AND g.tidspunkt < TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 30 * 24 HOUR),
    'IKKE_SVART', g.tilstand
  ) AS tilstand,
  g.tidspunkt, g.navn, g.rolle, g.paa_vegne_av, g.kanal
FROM statistikk.godkjenning AS g
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY g.kommunenummer, g.periode ORDER BY g.tidspunkt DESC, g.hendelse_id DESC
) = 1
