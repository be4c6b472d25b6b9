-- #fail én rad per funn og forløp | one row a finding and course
SELECT kommunenummer, sak_id, regel_id, element_type, element_id, xpath, forst_sett
FROM statistikk.valideringsrapport_v1
WHERE alvorlighet != 'FATAL'
GROUP BY kommunenummer, orgnr, sak_id, regel_id, element_type, element_id, xpath, forst_sett
HAVING COUNT(*) > 1;

-- #fail tidene følger hverandre | times follow one another
SELECT sak_id, regel_id
FROM statistikk.valideringsrapport_v1
WHERE sist_sett < forst_sett OR lost_tid < sist_sett OR apen_dager < 0 OR antall_innsendinger < 1;

-- #fail hver sak som holdes utenfor, har et åpent ERROR-funn | every excluded case has an open ERROR
SELECT s.kommunenummer, s.sak_id
FROM register.sak_siste_per((SELECT MAX(kunnskapstidspunkt) FROM statistikk.valideringsrapport_v1)) AS s
LEFT JOIN (
  SELECT DISTINCT orgnr, sak_id FROM statistikk.valideringsrapport_v1 WHERE apen AND alvorlighet = 'ERROR'
) AS r ON r.orgnr = s.orgnr AND r.sak_id = s.sak_id
WHERE s.utfall = 'EXCLUDED' AND s.er_slettet IS NOT TRUE AND r.sak_id IS NULL
;
