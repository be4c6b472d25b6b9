-- What contradicts itself about a child, to be corrected where it was written: municipality and case, never a number.
WITH
  opplysning AS (
    SELECT g.barn_id, s.orgnr, s.sak_id, s.kommunenummer, s.bydelsnummer,
      p.nummertype, p.fodselsnummer, p.duf_nummer, p.fodseldato, p.kjonn
    FROM register.person_sak_gjeldende AS g
    JOIN register.sak_tabell AS s ON s.orgnr = g.orgnr AND s.sak_id = g.sak_id,
    UNNEST(s.sak.personalia) AS p
    WHERE p.er_slettet IS NOT TRUE
      AND LOWER(p.id) NOT IN (SELECT LOWER(b.id) FROM UNNEST(s.sak.slettet) AS b WHERE b.type = 'Personalia')
  ),
  strid AS (
    SELECT 'FODSELSDATO' AS konflikt, barn_id, fodselsnummer AS nummer
    FROM opplysning
    WHERE nummertype IN ('FNR', 'DNR')
    GROUP BY barn_id, fodselsnummer
    HAVING COUNT(DISTINCT fodseldato) > 1
    UNION ALL
    SELECT 'DUF' AS konflikt, barn_id, duf_nummer AS nummer
    FROM opplysning
    WHERE duf_nummer IS NOT NULL AND nummertype = 'FNR'
    GROUP BY barn_id, duf_nummer
    HAVING COUNT(DISTINCT fodselsnummer) > 1
    UNION ALL
    SELECT 'NUMMER' AS konflikt, barn_id, CAST(NULL AS BYTES) AS nummer
    FROM opplysning
    WHERE nummertype = 'FNR'
    GROUP BY barn_id
    HAVING COUNT(DISTINCT fodselsnummer) > 1
    UNION ALL
    SELECT 'KJONN' AS konflikt, barn_id, CAST(NULL AS BYTES) AS nummer
    FROM opplysning
    WHERE kjonn IN ('1', '2')
    GROUP BY barn_id
    HAVING COUNT(DISTINCT kjonn) > 1
  ),
  berort AS (
    SELECT DISTINCT t.konflikt, t.barn_id, o.orgnr, o.sak_id, o.kommunenummer, o.bydelsnummer
    FROM strid AS t
    JOIN opplysning AS o ON o.barn_id = t.barn_id
    WHERE t.nummer IS NULL OR o.fodselsnummer = t.nummer OR o.duf_nummer = t.nummer
  )
SELECT
  konflikt,
  kommunenummer,
  bydelsnummer,
  orgnr,
  sak_id,
  COUNT(*) OVER (PARTITION BY konflikt, barn_id) AS antall_saker
FROM berort
