-- #fail alle åpne poster i filene er med, hver én gang | every open record of the files is there, once
SELECT r.kommunenummer, r.antall, k.antall AS i_filen
FROM (
  SELECT kommunenummer, type, COUNT(*) AS antall
  FROM statistikk.migreringsrapport_v1
  WHERE kostra_tilstand IN ('APEN', 'UKLAR') AND type = 'Sak'
  GROUP BY kommunenummer, type
) AS r
FULL JOIN (
  SELECT IFNULL(o.ny, f.kommunenummer) AS kommunenummer, 'Sak' AS type, COUNT(*) AS antall
  FROM (
    SELECT f.*
    FROM register.kostra_per((SELECT MAX(kunnskapstidspunkt) FROM statistikk.migreringsrapport_v1)) AS f
    WHERE f.aargang < (
      SELECT EXTRACT(YEAR FROM DATE(MAX(kunnskapstidspunkt), 'Europe/Oslo')) FROM statistikk.migreringsrapport_v1
    )
    QUALIFY RANK() OVER (PARTITION BY f.orgnr, f.kommunenummer, f.bydelsnummer ORDER BY f.aargang DESC) = 1
  ) AS f
  LEFT JOIN (
    SELECT gammel, MIN(ny) AS ny FROM grunnlag.kommuneendring GROUP BY gammel HAVING COUNT(*) = 1
  ) AS o ON o.gammel = f.kommunenummer
  WHERE f.individ.avslutta3112 = '2' OR f.individ.slutt_dato > DATE(f.aargang, 12, 31)
  GROUP BY kommunenummer, type
) AS k ON k.kommunenummer = r.kommunenummer AND k.type = r.type
WHERE IFNULL(r.antall, 0) != IFNULL(k.antall, 0);

-- #fail en post i registeret svarer til én i filen | a record of the register answers to one of the file
SELECT sak_id, type, bvr_id
FROM statistikk.migreringsrapport_v1
WHERE bvr_id IS NOT NULL AND matchtrinn > 1
GROUP BY kommunenummer, orgnr, sak_id, type, bvr_id
HAVING COUNT(*) > 1;

-- #fail en rad har et nummer | a row has a number
SELECT kommunenummer, rad
FROM statistikk.migreringsrapport_v1
GROUP BY kommunenummer, rad
HAVING COUNT(*) > 1;
