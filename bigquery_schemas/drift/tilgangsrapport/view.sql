-- The monthly access report: one row an organisation, whoever called for it, product and profile. Months are Norwegian.
SELECT
  FORMAT_TIMESTAMP('%Y-%m', u.tidspunkt, 'Europe/Oslo') AS maaned,
  u.orgnr, u.leverandor, u.rolle, u.produkt, u.profil,
  COUNTIF(u.status < 400 AND u.metode != 'POST') AS hentinger,
  COUNTIF(u.status < 400 AND u.metode = 'POST') AS handlinger,
  COUNTIF(u.status IN (401, 403)) AS avvist,
  COUNTIF(u.status >= 400 AND u.status NOT IN (401, 403)) AS feil,
  COUNT(DISTINCT u.ressurs) AS ressurser,
  MIN(u.tidspunkt) AS forste,
  MAX(u.tidspunkt) AS siste
FROM drift.uttrekkslogg AS u
GROUP BY maaned, u.orgnr, u.leverandor, u.rolle, u.produkt, u.profil
