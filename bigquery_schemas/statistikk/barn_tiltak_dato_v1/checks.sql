-- #fail alt er utfylt | nothing is missing
SELECT *
FROM statistikk.barn_tiltak_dato_v1
WHERE indikator IS NULL OR kommunenummer IS NULL OR periode IS NULL OR periodetype IS NULL OR kjonn IS NULL
  OR aldersgruppe IS NULL OR kode IS NULL OR verdi IS NULL OR n_barn IS NULL OR referansedato IS NULL
  OR kunnskapstidspunkt IS NULL;

-- #fail én rad per celle | one row a cell
SELECT kommunenummer, periode, kjonn, aldersgruppe, kode, COUNT(*) AS antall
FROM statistikk.barn_tiltak_dato_v1
GROUP BY kommunenummer, periode, kjonn, aldersgruppe, kode
HAVING COUNT(*) > 1;

-- #fail verdier er ikke negative, og barna bak er ikke flere enn tallet | not negative, no more children than events
SELECT kommunenummer, periode, verdi, n_barn
FROM statistikk.barn_tiltak_dato_v1
WHERE verdi < 0 OR n_barn < 0 OR n_barn > verdi OR (verdi > 0 AND n_barn = 0);

-- #fail kjønnene summerer til totalen | the sexes add up to the total
SELECT kommunenummer, periode, SUM(IF(kjonn = 'T', verdi, 0)) AS totalt, SUM(IF(kjonn != 'T', verdi, 0)) AS delt
FROM statistikk.barn_tiltak_dato_v1
WHERE aldersgruppe = 'T' AND kode = 'T'
GROUP BY kommunenummer, periode
HAVING SUM(IF(kjonn = 'T', verdi, 0)) != SUM(IF(kjonn != 'T', verdi, 0));

-- #fail aldersgruppene summerer til totalen | the age groups add up to the total
SELECT kommunenummer, periode
FROM statistikk.barn_tiltak_dato_v1
WHERE kjonn = 'T' AND kode = 'T'
GROUP BY kommunenummer, periode
HAVING SUM(IF(aldersgruppe = 'T', verdi, 0)) != SUM(IF(aldersgruppe != 'T', verdi, 0));

-- #fail hver kommune som har rapportert, er med i hver periode | every municipality, in every period
SELECT h.kommunenummer, p.periode
FROM (
  SELECT DISTINCT kommunenummer
  FROM register.sak_historikk_per((SELECT MAX(kunnskapstidspunkt) FROM statistikk.barn_tiltak_dato_v1))
) AS h
CROSS JOIN (SELECT DISTINCT periode FROM statistikk.barn_tiltak_dato_v1) AS p
LEFT JOIN statistikk.barn_tiltak_dato_v1 AS s
  ON s.kommunenummer = h.kommunenummer AND s.periode = p.periode
  AND s.kjonn = 'T' AND s.aldersgruppe = 'T' AND s.kode = 'T'
WHERE s.kommunenummer IS NULL;

-- #fail omsorg og hjelp summerer til totalen | care and assistance add up to the total
SELECT kommunenummer, periode
FROM statistikk.barn_tiltak_dato_v1
WHERE kjonn = 'T' AND aldersgruppe = 'T'
GROUP BY kommunenummer, periode
HAVING SUM(IF(kode = 'T', verdi, 0)) != SUM(IF(kode != 'T', verdi, 0));
