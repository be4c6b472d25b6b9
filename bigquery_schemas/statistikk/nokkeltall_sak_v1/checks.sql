-- #fail alt er utfylt | nothing is missing
SELECT indikator, region, niva, maal, periode, periodetype, kjonn, aldersgruppe, kode FROM statistikk.nokkeltall_sak_v1 WHERE indikator IS NULL OR region IS NULL OR niva IS NULL OR maal IS NULL OR periode IS NULL OR periodetype IS NULL OR kjonn IS NULL OR aldersgruppe IS NULL OR kode IS NULL OR verdi IS NULL OR n_barn IS NULL OR n_barn_nevner IS NULL OR status IS NULL OR referansedato IS NULL OR kunnskapstidspunkt IS NULL;

-- #fail én rad per celle | one row a cell
SELECT indikator, region, niva, maal, periode, periodetype, kjonn, aldersgruppe, kode FROM statistikk.nokkeltall_sak_v1 GROUP BY indikator, region, niva, maal, periode, periodetype, kjonn, aldersgruppe, kode HAVING COUNT(*) > 1;

-- #fail teller er ikke større enn nevner, ingenting er negativt | no share above one, nothing below nought
SELECT indikator, region, niva, maal, periode, periodetype, kjonn, aldersgruppe, kode FROM statistikk.nokkeltall_sak_v1 WHERE verdi < 0 OR n_barn > verdi OR (verdi > 0 AND n_barn = 0) OR (nevner IS NOT NULL AND kode = 'T' AND status != 'MANGLER_BEFOLKNING' AND verdi > nevner);

-- #fail kjonn summerer til totalen | kjonn adds up to the total
SELECT indikator, region, maal, periode, periodetype FROM statistikk.nokkeltall_sak_v1
WHERE aldersgruppe = 'T' AND kode = 'T'
GROUP BY indikator, region, maal, periode, periodetype
HAVING SUM(IF(kjonn = 'T', verdi, 0)) != SUM(IF(kjonn != 'T', verdi, 0));

-- #fail aldersgruppe summerer til totalen | aldersgruppe adds up to the total
SELECT indikator, region, maal, periode, periodetype FROM statistikk.nokkeltall_sak_v1
WHERE kjonn = 'T' AND kode = 'T'
GROUP BY indikator, region, maal, periode, periodetype
HAVING SUM(IF(aldersgruppe = 'T', verdi, 0)) != SUM(IF(aldersgruppe != 'T', verdi, 0));

-- #fail kommunene summerer til fylket og landet | municipalities add up to the county and the country
SELECT indikator, periode, periodetype FROM statistikk.nokkeltall_sak_v1
WHERE kjonn = 'T' AND aldersgruppe = 'T' AND kode = 'T' AND maal = 'SUM'
GROUP BY indikator, periode, periodetype
HAVING SUM(IF(niva = 'KOMMUNE', verdi, 0)) != SUM(IF(niva = 'FYLKE', verdi, 0))
  OR SUM(IF(niva = 'KOMMUNE', verdi, 0)) != SUM(IF(region = 'EAK', verdi, 0));

-- #fail bydelene er ikke mer enn kommunen | districts are no more than the municipality
SELECT indikator, SUBSTR(region, 1, 4) AS kommune, periode, periodetype FROM statistikk.nokkeltall_sak_v1
WHERE kjonn = 'T' AND aldersgruppe = 'T' AND kode = 'T' AND niva IN ('KOMMUNE', 'BYDEL') AND indikator IN ('nye_saker', 'apne_saker')
GROUP BY indikator, kommune, periode, periodetype
HAVING SUM(IF(niva = 'BYDEL', verdi, 0)) > SUM(IF(niva = 'KOMMUNE', verdi, 0));

-- #fail halvårene summerer til året | the half-years add up to the year
SELECT indikator, region, maal, SUBSTR(periode, 1, 4) AS aar FROM statistikk.nokkeltall_sak_v1
WHERE kjonn = 'T' AND aldersgruppe = 'T' AND kode = 'T' AND indikator IN ('nye_saker')
GROUP BY indikator, region, maal, aar
HAVING MAX(IF(periodetype = 'Y', status, NULL)) = 'KOMPLETT'
  AND SUM(IF(periodetype = 'Y', verdi, 0)) != SUM(IF(periodetype = 'H', verdi, 0));
