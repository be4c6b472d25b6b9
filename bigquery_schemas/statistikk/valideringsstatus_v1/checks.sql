-- #fail systemene summerer til kommunen | the systems add up to the municipality
SELECT kommunenummer
FROM statistikk.valideringsstatus_v1
GROUP BY kommunenummer
HAVING SUM(IF(fagsystem_leverandor = 'ALLE', saker_totalt, 0)) < SUM(IF(fagsystem_leverandor != 'ALLE', saker_totalt, 0))
  OR SUM(IF(fagsystem_leverandor = 'ALLE', 1, 0)) != 1;
