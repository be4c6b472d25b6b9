-- Migration report (statistics 3.1, KOSTRA 15F 4.5 and 5): what the last KOSTRA file of a municipality left open at the
-- end of its year, against all that its new system has sent. One row a record, matched in three steps: by MigrertId; by
-- child, kind, start and code; by child, kind and a start within three days. A case with an ERROR is matched too.
WITH
  overgang AS (
    SELECT gammel, ny, COUNT(*) OVER (PARTITION BY gammel) AS nye FROM grunnlag.kommuneendring
  ),
  klienter AS (
    SELECT
      f.fil_id, f.kommunenummer, f.aargang, DATE(f.aargang, 12, 31) AS telledato, f.nummer, f.nummertype, f.individ,
      IFNULL(f.bydelsnummer, f.individ.bydelsnummer) AS bydelsnummer,
      CONCAT(f.fil_id, '/', CAST(f.nummer AS STRING)) AS klient,
      -- A municipality that has been merged or has a new number owns what its predecessor reported.
      IFNULL(o.ny, f.kommunenummer) AS eier
    FROM register.kostra_per(@run_time) AS f
    LEFT JOIN overgang AS o ON o.gammel = f.kommunenummer AND o.nye = 1
    WHERE f.aargang < EXTRACT(YEAR FROM DATE(@run_time, 'Europe/Oslo'))
    QUALIFY RANK() OVER (PARTITION BY f.orgnr, f.kommunenummer, f.bydelsnummer ORDER BY f.aargang DESC) = 1
  ),
  post AS (
    SELECT klient, eier, kommunenummer, bydelsnummer, aargang, telledato, nummer, individ.id AS klient_id,
      TO_HEX(SHA256(CONCAT(eier, '/', individ.journalnummer))) AS journalnummer_hash,
      'Sak' AS type, individ.id AS id, '' AS melding_id, individ.start_dato, CAST(NULL AS STRING) AS kode,
      CASE
        WHEN individ.avslutta3112 = '2' AND (individ.slutt_dato IS NULL OR individ.slutt_dato > telledato) THEN 'APEN'
        WHEN individ.avslutta3112 = '1' AND (individ.slutt_dato IS NULL OR individ.slutt_dato <= telledato) THEN 'LUKKET'
        ELSE 'UKLAR'
      END AS tilstand
    FROM klienter
    UNION ALL
    SELECT k.klient, k.eier, k.kommunenummer, k.bydelsnummer, k.aargang, k.telledato, k.nummer, k.individ.id,
      TO_HEX(SHA256(CONCAT(k.eier, '/', k.individ.journalnummer))),
      kind, IF(kind = 'Relasjon', CONCAT(m.id, '/', m.undersokelse.id), m.undersokelse.id), m.id,
      m.undersokelse.start_dato, CAST(NULL AS STRING),
      IF(IFNULL(m.undersokelse.slutt_dato, DATE '9999-12-31') > k.telledato, 'APEN', 'LUKKET')
    FROM klienter AS k, UNNEST(k.individ.melding) AS m, UNNEST(['Undersokelse', 'Relasjon']) AS kind
    WHERE m.undersokelse.id IS NOT NULL
    UNION ALL
    SELECT k.klient, k.eier, k.kommunenummer, k.bydelsnummer, k.aargang, k.telledato, k.nummer, k.individ.id,
      TO_HEX(SHA256(CONCAT(k.eier, '/', k.individ.journalnummer))),
      'Plan', x.id, '', x.start_dato, x.plantype,
      IF(IFNULL(x.slutt_dato, DATE '9999-12-31') > k.telledato, 'APEN', 'LUKKET')
    FROM klienter AS k, UNNEST(k.individ.plan) AS x
    UNION ALL
    SELECT k.klient, k.eier, k.kommunenummer, k.bydelsnummer, k.aargang, k.telledato, k.nummer, k.individ.id,
      TO_HEX(SHA256(CONCAT(k.eier, '/', k.individ.journalnummer))),
      'Tiltak', x.id, '', x.start_dato, x.kategori.kode,
      IF(IFNULL(x.slutt_dato, DATE '9999-12-31') > k.telledato, 'APEN', 'LUKKET')
    FROM klienter AS k, UNNEST(k.individ.tiltak) AS x
  ),
  poster AS (
    SELECT *, CONCAT(klient, '/', type, '/', melding_id, '/', id) AS post_id FROM post
  ),
  -- What the register has, whatever the verdict on it, under every number its municipality may be known by.
  saker AS (
    SELECT s.orgnr, s.sak_id, s.bydelsnummer, s.utfall, s.fagsystem, s.sak, IFNULL(o.ny, s.kommunenummer) AS eier,
      s.kommunenummer, CONCAT(s.orgnr, '/', s.sak_id) AS saken
    FROM register.sak_siste_per(@run_time) AS s
    LEFT JOIN overgang AS o ON o.gammel = s.kommunenummer AND o.nye = 1
    WHERE s.er_slettet IS NOT TRUE
  ),
  borte AS (
    SELECT DISTINCT s.saken, b.type, LOWER(b.id) AS id FROM saker AS s, UNNEST(s.sak.slettet) AS b
  ),
  alle AS (
    SELECT s.saken, s.eier, s.kommunenummer, s.utfall, s.fagsystem, 'Sak' AS type, s.sak_id AS id,
      s.sak.migrert_id AS migrert_id, s.sak.start_dato AS start_dato, s.sak.slutt_dato AS slutt_dato,
      CAST(NULL AS STRING) AS kode, s.sak.er_slettet AS er_slettet
    FROM saker AS s
    UNION ALL
    SELECT s.saken, s.eier, s.kommunenummer, s.utfall, s.fagsystem, 'Undersokelse', LOWER(x.id), x.migrert_id,
      x.start_dato, IFNULL(x.konklusjon.slutt_dato, s.sak.slutt_dato), CAST(NULL AS STRING), x.er_slettet
    FROM saker AS s, UNNEST(s.sak.undersokelse) AS x
    UNION ALL
    SELECT s.saken, s.eier, s.kommunenummer, s.utfall, s.fagsystem, 'Plan', LOWER(x.id), x.migrert_id,
      x.start_dato, IFNULL(x.konklusjon.slutt_dato, s.sak.slutt_dato), x.plantype, x.er_slettet
    FROM saker AS s, UNNEST(s.sak.plan) AS x
    UNION ALL
    SELECT s.saken, s.eier, s.kommunenummer, s.utfall, s.fagsystem, 'Tiltak', LOWER(x.id), x.migrert_id,
      x.start_dato, IFNULL(x.konklusjon.slutt_dato, s.sak.slutt_dato), x.kategori.kode, x.er_slettet
    FROM saker AS s, UNNEST(s.sak.tiltak) AS x
  ),
  element AS (
    SELECT a.* EXCEPT (er_slettet), CONCAT(a.saken, '/', a.type, '/', a.id) AS element_id
    FROM alle AS a
    LEFT JOIN borte AS b ON b.saken = a.saken AND b.type = a.type AND b.id = LOWER(a.id)
    WHERE a.er_slettet IS NOT TRUE AND b.id IS NULL
  ),
  -- Who a client and a case are about. A number counts when it is whole.
  klient_barn AS (
    SELECT klient, CONCAT('N', TO_HEX(individ.fodselsnummer)) AS nokkel FROM klienter WHERE nummertype = 'FULLSTENDIG'
    UNION ALL
    SELECT klient, CONCAT('D', TO_HEX(individ.duf_nummer)) FROM klienter WHERE individ.duf_nummer IS NOT NULL
  ),
  sak_barn AS (
    SELECT s.saken, CONCAT('N', TO_HEX(x.fodselsnummer)) AS nokkel
    FROM saker AS s, UNNEST(s.sak.personalia) AS x
    WHERE x.nummertype IN ('FNR', 'DNR') AND x.er_slettet IS NOT TRUE
    UNION ALL
    SELECT s.saken, CONCAT('D', TO_HEX(x.duf_nummer))
    FROM saker AS s, UNNEST(s.sak.personalia) AS x
    WHERE x.duf_nummer IS NOT NULL AND x.er_slettet IS NOT TRUE
  ),
  samme_barn AS (
    SELECT DISTINCT k.klient, s.saken FROM klient_barn AS k JOIN sak_barn AS s ON s.nokkel = k.nokkel
  ),
  -- The pairs that may be matched at all: of one municipality, also over a division of it.
  eiere AS (
    SELECT DISTINCT eier, eier AS hos FROM saker
    UNION DISTINCT
    SELECT gammel, ny FROM overgang WHERE nye > 1
  ),
  samme_sak AS (
    SELECT DISTINCT p.klient, e.saken
    FROM poster AS p
    JOIN eiere AS i ON i.eier = p.eier
    JOIN element AS e ON e.eier = i.hos AND e.type = 'Sak' AND e.migrert_id = p.id
    WHERE p.type = 'Sak'
  ),
  -- An old key may be used of several clients: then it goes to the one whose child or case it is.
  trinn1 AS (
    SELECT p.post_id, e.element_id
    FROM poster AS p
    JOIN eiere AS i ON i.eier = p.eier
    JOIN element AS e ON e.eier = i.hos AND e.type = p.type AND e.migrert_id = p.id
    LEFT JOIN samme_barn AS b ON b.klient = p.klient AND b.saken = e.saken
    LEFT JOIN samme_sak AS s ON s.klient = p.klient AND s.saken = e.saken
    WHERE TRUE
    QUALIFY
      RANK() OVER (
        PARTITION BY p.post_id ORDER BY IF(b.saken IS NULL, 1, 0) + IF(s.saken IS NULL AND p.type != 'Sak', 1, 0)
      ) = 1
      AND RANK() OVER (
        PARTITION BY e.element_id ORDER BY IF(b.saken IS NULL, 1, 0) + IF(s.saken IS NULL AND p.type != 'Sak', 1, 0)
      ) = 1
  ),
  par AS (
    SELECT p.post_id, p.klient, p.type, p.start_dato, p.kode, e.element_id, e.start_dato AS bvr_start, e.kode AS bvr_kode
    FROM poster AS p
    JOIN samme_barn AS b ON b.klient = p.klient
    JOIN eiere AS i ON i.eier = p.eier
    JOIN element AS e ON e.saken = b.saken AND e.eier = i.hos AND e.type = p.type
    LEFT JOIN (SELECT DISTINCT post_id FROM trinn1) AS tp ON tp.post_id = p.post_id
    LEFT JOIN (SELECT DISTINCT element_id FROM trinn1) AS te ON te.element_id = e.element_id
    WHERE tp.post_id IS NULL AND te.element_id IS NULL
      AND ABS(DATE_DIFF(p.start_dato, e.start_dato, DAY)) <= 3
  ),
  -- Of several that are alike, the first goes with the first.
  trinn2 AS (
    SELECT post_id, element_id
    FROM par
    WHERE start_dato = bvr_start AND IFNULL(kode, '') = IFNULL(bvr_kode, '')
    QUALIFY DENSE_RANK() OVER (PARTITION BY klient, type, start_dato, kode ORDER BY post_id)
      = DENSE_RANK() OVER (PARTITION BY klient, type, start_dato, kode ORDER BY element_id)
  ),
  -- The nearest of each other.
  trinn3 AS (
    SELECT p.post_id, p.element_id
    FROM par AS p
    LEFT JOIN (SELECT DISTINCT post_id FROM trinn2) AS tp ON tp.post_id = p.post_id
    LEFT JOIN (SELECT DISTINCT element_id FROM trinn2) AS te ON te.element_id = p.element_id
    WHERE tp.post_id IS NULL AND te.element_id IS NULL
    QUALIFY
      ROW_NUMBER() OVER (
        PARTITION BY p.post_id
        ORDER BY ABS(DATE_DIFF(p.start_dato, p.bvr_start, DAY)), IF(p.kode = p.bvr_kode, 0, 1), p.element_id
      ) = 1
      AND ROW_NUMBER() OVER (
        PARTITION BY p.element_id
        ORDER BY ABS(DATE_DIFF(p.start_dato, p.bvr_start, DAY)), IF(p.kode = p.bvr_kode, 0, 1), p.post_id
      ) = 1
  ),
  treff AS (
    SELECT post_id, 1 AS trinn, COUNT(*) AS antall, MIN(element_id) AS element_id FROM trinn1 GROUP BY post_id
    UNION ALL
    SELECT post_id, 2, 1, element_id FROM trinn2
    UNION ALL
    SELECT post_id, 3, 1, element_id FROM trinn3
  ),
  -- Relations have no key of their own: one is found when its investigation is, and is led to from the report.
  meldinger AS (
    SELECT s.saken, LOWER(x.id) AS id, x.migrert_id
    FROM saker AS s, UNNEST(s.sak.melding) AS x
    LEFT JOIN borte AS b ON b.saken = s.saken AND b.type = 'Melding' AND b.id = LOWER(x.id)
    WHERE x.er_slettet IS NOT TRUE AND b.id IS NULL
  ),
  relasjoner AS (
    SELECT s.saken, LOWER(x.id) AS id, x.fra_id, LOWER(x.til_id) AS til_id, m.migrert_id AS fra_migrert_id
    FROM saker AS s, UNNEST(s.sak.relasjon) AS x
    LEFT JOIN borte AS b ON b.saken = s.saken AND b.type = 'Relasjon' AND b.id = LOWER(x.id)
    LEFT JOIN meldinger AS m ON m.saken = s.saken AND m.id = LOWER(x.fra_id)
    WHERE x.fra_type = 'Melding' AND x.til_type = 'Undersokelse' AND x.er_slettet IS NOT TRUE AND b.id IS NULL
  ),
  treff_relasjon AS (
    SELECT p.post_id, u.trinn, COUNT(*) AS antall, MIN(u.element_id) AS element_id, MIN(r.id) AS relasjon_id
    FROM poster AS p
    JOIN treff AS u
      ON u.post_id
        = CONCAT(p.klient, '/Undersokelse/', p.melding_id, '/', SUBSTR(p.id, LENGTH(p.melding_id) + 2))
    JOIN element AS e ON e.element_id = u.element_id
    JOIN relasjoner AS r
      ON r.saken = e.saken AND r.til_id = e.id AND (r.fra_id = p.melding_id OR r.fra_migrert_id = p.melding_id)
    WHERE p.type = 'Relasjon'
    GROUP BY p.post_id, u.trinn
  ),
  funnet AS (
    SELECT p.*, t.trinn, IF(p.type = 'Relasjon', 1, t.antall) AS antall, t.relasjon_id, e.saken, e.id AS bvr_id,
      e.migrert_id, e.start_dato AS bvr_startdato, e.slutt_dato AS bvr_sluttdato, e.kode AS bvr_kode, e.utfall,
      e.fagsystem,
      ARRAY_TO_STRING([
        IF(t.trinn = 1 AND p.start_dato != e.start_dato, 'STARTDATO', NULL),
        IF(t.trinn = 1 AND p.kode != e.kode, 'KODE', NULL),
        IF(t.trinn = 1 AND k.klient IS NOT NULL AND s.saken IS NOT NULL AND b.klient IS NULL, 'BARN', NULL)
      ], ' ') AS avvik
    FROM poster AS p
    LEFT JOIN (
      SELECT post_id, trinn, antall, element_id, CAST(NULL AS STRING) AS relasjon_id FROM treff
      UNION ALL
      SELECT post_id, trinn, antall, element_id, relasjon_id FROM treff_relasjon
    ) AS t ON t.post_id = p.post_id
    LEFT JOIN element AS e ON e.element_id = t.element_id
    LEFT JOIN (SELECT DISTINCT klient FROM klient_barn) AS k ON k.klient = p.klient
    LEFT JOIN (SELECT DISTINCT saken FROM sak_barn) AS s ON s.saken = e.saken
    LEFT JOIN samme_barn AS b ON b.klient = p.klient AND b.saken = e.saken
  ),
  -- The system that a municipality reports with most: whoever is asked for what is missing.
  fagsystem AS (
    SELECT eier, fagsystem.leverandor AS leverandor, fagsystem.versjon AS versjon
    FROM saker
    WHERE fagsystem.leverandor IS NOT NULL
    GROUP BY eier, leverandor, versjon
    QUALIFY ROW_NUMBER() OVER (PARTITION BY eier ORDER BY COUNT(*) DESC, leverandor, versjon DESC) = 1
  ),
  fil AS (
    SELECT eier, MAX(aargang) AS aargang, MAX(telledato) AS telledato FROM klienter GROUP BY eier
  ),
  rader AS (
    SELECT eier AS kommunenummer, bydelsnummer, aargang, type, id AS kostra_id, klient, klient_id,
      nummer AS klient_nummer, journalnummer_hash, saken, IF(type = 'Relasjon', relasjon_id, bvr_id) AS bvr_id, migrert_id,
      start_dato AS kostra_startdato, bvr_startdato, bvr_sluttdato, kode AS kostra_kode, bvr_kode,
      tilstand AS kostra_tilstand,
      CASE
        WHEN tilstand = 'LUKKET' THEN 'LUKKET_I_KOSTRA_APEN_I_BVR'
        WHEN bvr_id IS NULL THEN 'MANGLER'
        WHEN antall > 1 THEN 'DUBLETT'
        WHEN utfall = 'EXCLUDED' THEN 'SAK_HAR_ERROR'
        WHEN avvik != '' THEN 'AVVIK'
        WHEN bvr_startdato <= telledato AND (bvr_sluttdato IS NULL OR bvr_sluttdato > telledato) THEN 'FUNNET_APEN'
        ELSE 'FUNNET_LUKKET'
      END AS status,
      NULLIF(avvik, '') AS avvik, trinn AS matchtrinn, antall AS antall_treff, fagsystem
    FROM funnet
    WHERE tilstand != 'LUKKET'
      OR (type != 'Relasjon' AND bvr_startdato <= telledato AND (bvr_sluttdato IS NULL OR bvr_sluttdato > telledato))
    UNION ALL
    SELECT f.eier, CAST(NULL AS STRING), f.aargang, e.type, CAST(NULL AS STRING), CAST(NULL AS STRING),
      CAST(NULL AS STRING), CAST(NULL AS INT64), CAST(NULL AS STRING), e.saken, e.id, e.migrert_id, CAST(NULL AS DATE), e.start_dato,
      e.slutt_dato, CAST(NULL AS STRING), e.kode, 'INGEN', 'UKJENT_MIGRERTID', CAST(NULL AS STRING),
      CAST(NULL AS INT64), CAST(NULL AS INT64), e.fagsystem
    FROM element AS e
    JOIN eiere AS i ON i.hos = e.eier
    JOIN fil AS f ON f.eier = i.eier
    LEFT JOIN (SELECT DISTINCT element_id FROM trinn1) AS t ON t.element_id = e.element_id
    WHERE e.migrert_id IS NOT NULL AND t.element_id IS NULL AND e.start_dato <= f.telledato
      AND (e.slutt_dato IS NULL OR e.slutt_dato > f.telledato)
  ),
  svar AS (
    SELECT *
    FROM statistikk.migreringssvar
    WHERE svar_dato <= @run_time
    QUALIFY ROW_NUMBER() OVER (
      PARTITION BY kommunenummer, type, klient_id, kostra_id ORDER BY svar_dato DESC, aarsakskode
    ) = 1
  )
SELECT
  r.kommunenummer,
  ROW_NUMBER() OVER (
    PARTITION BY r.kommunenummer
    ORDER BY r.bydelsnummer, r.klient_nummer, r.type, r.kostra_id, r.saken, r.bvr_id
  ) AS rad,
  r.bydelsnummer,
  r.aargang AS kostra_aargang,
  IFNULL(r.fagsystem.leverandor, g.leverandor) AS fagsystem_leverandor,
  IFNULL(r.fagsystem.versjon, g.versjon) AS fagsystem_versjon,
  r.type,
  r.kostra_id,
  r.klient_id,
  r.journalnummer_hash,
  SUBSTR(r.saken, 1, STRPOS(r.saken, '/') - 1) AS orgnr,
  SUBSTR(r.saken, STRPOS(r.saken, '/') + 1) AS sak_id,
  r.bvr_id,
  r.migrert_id,
  r.kostra_startdato,
  r.bvr_startdato,
  r.bvr_sluttdato,
  r.kostra_kode,
  r.bvr_kode,
  r.kostra_tilstand,
  r.status,
  r.avvik,
  r.matchtrinn,
  r.antall_treff,
  s.aarsakskode,
  s.aarsak_tekst,
  s.svar_av,
  s.svar_dato,
  s.godkjent,
  -- By which an order to erase the child finds the row.
  k.individ.fodselsnummer AS fodselsnummer,
  k.individ.duf_nummer AS duf_nummer,
  @run_time AS kunnskapstidspunkt
FROM rader AS r
LEFT JOIN fagsystem AS g ON g.eier = r.kommunenummer
LEFT JOIN klienter AS k ON k.klient = r.klient
LEFT JOIN svar AS s
  ON s.kommunenummer = r.kommunenummer AND s.type = r.type AND s.klient_id = r.klient_id AND s.kostra_id = r.kostra_id
