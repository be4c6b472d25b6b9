-- The last try at each query, and when it last succeeded.
SELECT
  s.sporring, s.kunnskapstidspunkt, s.startet, s.ferdig, s.utfall, s.grunn, s.varsler, s.rader, s.bytes_fakturert,
  s.sekunder, g.lyktes
FROM drift.sporringskjoring AS s
LEFT JOIN (
  SELECT sporring, MAX(ferdig) AS lyktes FROM drift.sporringskjoring WHERE utfall IN ('OK', 'UENDRET') GROUP BY sporring
) AS g ON g.sporring = s.sporring
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY s.sporring ORDER BY s.ferdig DESC, s.startet DESC) = 1
