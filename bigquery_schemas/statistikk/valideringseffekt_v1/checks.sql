-- #fail bare saker som holdes utenfor | only cases that are held outside
SELECT r.sak_id
FROM statistikk.valideringseffekt_v1 AS r
LEFT JOIN register.sak_siste_per((SELECT MAX(kunnskapstidspunkt) FROM statistikk.valideringseffekt_v1)) AS s
  ON s.orgnr = r.orgnr AND s.sak_id = r.sak_id AND s.utfall = 'EXCLUDED'
WHERE s.sak_id IS NULL;

-- #fail det som mangler, er ikke mer enn det saken har | no more is taken than the case has
SELECT sak_id FROM statistikk.valideringseffekt_v1 WHERE mangler < 0 OR mangler > bidrag OR bidrag < 1;
