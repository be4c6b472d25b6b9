-- #fail reglene summerer til ALLE | the rules add up
SELECT kommunenummer, uke, alvorlighet
FROM statistikk.valideringsrapport_uke_v1
GROUP BY kommunenummer, uke, alvorlighet
HAVING SUM(IF(regel_id = 'ALLE', apne, 0)) != SUM(IF(regel_id != 'ALLE', apne, 0))
  OR SUM(IF(regel_id = 'ALLE', nye, 0)) != SUM(IF(regel_id != 'ALLE', nye, 0))
  OR SUM(IF(regel_id = 'ALLE', loste, 0)) != SUM(IF(regel_id != 'ALLE', loste, 0));

-- #fail ingen har flere saker med ERROR enn saker | no more cases with an ERROR than cases
SELECT kommunenummer, uke FROM statistikk.valideringsrapport_uke_v1 WHERE saker_med_error > saker_totalt;
