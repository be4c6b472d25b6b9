-- One row per child: its cases and municipalities, and what its latest Personalia say. Kinds of number, never a number.
WITH
  sak AS (
    SELECT g.barn_id, g.orgnr, g.sak_id, g.forst_sett, g.numre, s.kommunenummer, s.sak.personalia AS personalia, s.sak.slettet AS slettet
    FROM register.person_sak_gjeldende AS g
    JOIN register.sak_tabell AS s ON s.orgnr = g.orgnr AND s.sak_id = g.sak_id
  ),
  siste AS (
    SELECT s.barn_id, p.fodseldato, p.kjonn
    FROM sak AS s, UNNEST(s.personalia) AS p
    WHERE p.er_slettet IS NOT TRUE
      AND LOWER(p.id) NOT IN (SELECT LOWER(b.id) FROM UNNEST(s.slettet) AS b WHERE b.type = 'Personalia')
    QUALIFY ROW_NUMBER() OVER (
      PARTITION BY s.barn_id ORDER BY p.start_dato DESC, s.forst_sett DESC, s.orgnr, s.sak_id, p.id
    ) = 1
  ),
  barn AS (
    SELECT
      barn_id,
      MIN(forst_sett) AS forst_sett,
      COUNT(*) AS antall_saker,
      COUNT(DISTINCT kommunenummer) AS antall_kommuner,
      ARRAY_AGG(DISTINCT kommunenummer ORDER BY kommunenummer) AS kommuner
    FROM sak
    GROUP BY barn_id
  ),
  nummer AS (
    SELECT
      s.barn_id,
      COUNT(DISTINCT IF(n.type = 'FNR', n.nummer, NULL)) AS antall_fnr,
      COUNT(DISTINCT IF(n.type = 'DNR', n.nummer, NULL)) AS antall_dnr,
      COUNT(DISTINCT IF(n.type = 'DUF', n.nummer, NULL)) AS antall_duf
    FROM sak AS s, UNNEST(s.numre) AS n
    GROUP BY s.barn_id
  )
SELECT
  b.barn_id,
  b.forst_sett,
  b.antall_saker,
  b.antall_kommuner,
  b.kommuner,
  p.fodseldato,
  p.kjonn,
  COALESCE(n.antall_fnr, 0) AS antall_fnr,
  COALESCE(n.antall_dnr, 0) AS antall_dnr,
  COALESCE(n.antall_duf, 0) AS antall_duf
FROM barn AS b
LEFT JOIN siste AS p ON p.barn_id = b.barn_id
LEFT JOIN nummer AS n ON n.barn_id = b.barn_id
