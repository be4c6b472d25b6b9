-- #fail alt er utfylt | nothing is missing
SELECT indikator, region, niva, maal, periode, periodetype, kjonn, aldersgruppe, kode FROM statistikk.nokkeltall_barn_v1 WHERE indikator IS NULL OR region IS NULL OR niva IS NULL OR maal IS NULL OR periode IS NULL OR periodetype IS NULL OR kjonn IS NULL OR aldersgruppe IS NULL OR kode IS NULL OR verdi IS NULL OR n_barn IS NULL OR n_barn_nevner IS NULL OR status IS NULL OR referansedato IS NULL OR kunnskapstidspunkt IS NULL;

-- #fail én rad per celle | one row a cell
SELECT indikator, region, niva, maal, periode, periodetype, kjonn, aldersgruppe, kode FROM statistikk.nokkeltall_barn_v1 GROUP BY indikator, region, niva, maal, periode, periodetype, kjonn, aldersgruppe, kode HAVING COUNT(*) > 1;

-- #fail teller er ikke større enn nevner, ingenting er negativt | no share above one, nothing below nought
SELECT indikator, region, niva, maal, periode, periodetype, kjonn, aldersgruppe, kode FROM statistikk.nokkeltall_barn_v1 WHERE verdi < 0 OR n_barn > verdi OR (verdi > 0 AND n_barn = 0) OR (nevner IS NOT NULL AND kode = 'T' AND status != 'MANGLER_BEFOLKNING' AND verdi > nevner);

-- #fail kjonn summerer til totalen | kjonn adds up to the total
SELECT indikator, region, maal, periode, periodetype FROM statistikk.nokkeltall_barn_v1
WHERE aldersgruppe = 'T' AND kode = 'T'
GROUP BY indikator, region, maal, periode, periodetype
HAVING SUM(IF(kjonn = 'T', verdi, 0)) != SUM(IF(kjonn != 'T', verdi, 0));

-- #fail aldersgruppe summerer til totalen | aldersgruppe adds up to the total
SELECT indikator, region, maal, periode, periodetype FROM statistikk.nokkeltall_barn_v1
WHERE kjonn = 'T' AND kode = 'T'
GROUP BY indikator, region, maal, periode, periodetype
HAVING SUM(IF(aldersgruppe = 'T', verdi, 0)) != SUM(IF(aldersgruppe != 'T', verdi, 0));

-- #fail kommunene summerer til fylket og landet | municipalities add up to the county and the country
SELECT indikator, periode, periodetype FROM statistikk.nokkeltall_barn_v1
WHERE kjonn = 'T' AND aldersgruppe = 'T' AND kode = 'T' AND maal = 'SUM'
GROUP BY indikator, periode, periodetype
HAVING SUM(IF(niva = 'KOMMUNE', verdi, 0)) != SUM(IF(niva = 'FYLKE', verdi, 0))
  OR SUM(IF(niva = 'KOMMUNE', verdi, 0)) != SUM(IF(region = 'EAK', verdi, 0));

-- #warn barn i året er minst som i hvert halvår, høyst som begge | children of a year
SELECT indikator, region, maal, SUBSTR(periode, 1, 4) AS aar FROM statistikk.nokkeltall_barn_v1
WHERE kjonn = 'T' AND aldersgruppe = 'T' AND kode = 'T' AND indikator IN ('barn_med_melding', 'barn_tiltak_aar', 'barn_omsorgstiltak') AND maal = 'UNIK' AND region = 'EAK'
GROUP BY indikator, region, maal, aar
HAVING SUM(IF(periodetype = 'Y', verdi, 0)) > SUM(IF(periodetype = 'H', verdi, 0))
  OR SUM(IF(periodetype = 'Y', verdi, 0)) < MAX(IF(periodetype = 'H', verdi, 0));

-- #fail #27 = #29 + #30
SELECT region, maal, periode, periodetype FROM statistikk.nokkeltall_barn_v1 WHERE periodetype IN ('D') GROUP BY region, maal, periode, periodetype
HAVING SUM(IF(indikator = 'barn_tiltak_dato' AND kjonn = 'T' AND aldersgruppe = 'T' AND kode = 'T', verdi, 0)) != SUM(IF(indikator = 'barn_omsorgstiltak' AND kjonn = 'T' AND aldersgruppe = 'T' AND kode = 'T', verdi, 0)) + SUM(IF(indikator = 'barn_hjelpetiltak' AND kjonn = 'T' AND aldersgruppe = 'T' AND kode = 'T', verdi, 0));

-- #fail #29 ved datoen er ikke færre enn de av #33 | no fewer under care than placed under care
SELECT region, maal, periode, periodetype FROM statistikk.nokkeltall_barn_v1 WHERE periodetype IN ('D') GROUP BY region, maal, periode, periodetype
HAVING SUM(IF(indikator = 'barn_omsorgstiltak' AND kjonn = 'T' AND aldersgruppe = 'T' AND kode = 'T', verdi, 0)) != SUM(IF(indikator = 'barn_plassert_dato' AND kjonn = 'T' AND aldersgruppe = 'T' AND kode = 'OMSORG', verdi, 0)) AND SUM(IF(indikator = 'barn_omsorgstiltak' AND kjonn = 'T' AND aldersgruppe = 'T' AND kode = 'T', verdi, 0)) < SUM(IF(indikator = 'barn_plassert_dato' AND kjonn = 'T' AND aldersgruppe = 'T' AND kode = 'OMSORG', verdi, 0));

-- #warn omsorg = plassert i omsorg | under care = placed under care
SELECT region, maal, periode, periodetype FROM statistikk.nokkeltall_barn_v1 WHERE periodetype IN ('D') GROUP BY region, maal, periode, periodetype
HAVING SUM(IF(indikator = 'barn_omsorgstiltak' AND kjonn = 'T' AND aldersgruppe = 'T' AND kode = 'T', verdi, 0)) != SUM(IF(indikator = 'barn_plassert_dato' AND kjonn = 'T' AND aldersgruppe = 'T' AND kode = 'OMSORG', verdi, 0));
