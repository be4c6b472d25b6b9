-- #fail artene summerer til ALLE | the kinds add up
SELECT kommunenummer
FROM statistikk.migreringsrapport_sum_v1
GROUP BY kommunenummer
HAVING SUM(IF(type = 'ALLE', antall_kostra, 0)) != SUM(IF(type != 'ALLE', antall_kostra, 0))
  OR SUM(IF(type = 'ALLE', funnet, 0)) != SUM(IF(type != 'ALLE', funnet, 0))
  OR SUM(IF(type = 'ALLE', uforklart, 0)) != SUM(IF(type != 'ALLE', uforklart, 0));

-- #fail hver post er funnet eller mangler, og det som mangler er forklart eller ikke | every record is accounted for
SELECT kommunenummer, type
FROM statistikk.migreringsrapport_sum_v1
WHERE antall_kostra != funnet + mangler OR mangler != forklart + uforklart
  OR funnet != apen + lukket + avvik + dubletter + sak_har_error;
