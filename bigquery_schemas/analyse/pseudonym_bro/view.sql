-- The pseudonyms of one epoch beside those of the next, for whoever has the grant BRO: the row access policies of
-- register.pseudonym show nobody else a row.
SELECT
  g.formal,
  g.type,
  g.epoke AS fra_epoke,
  n.epoke AS til_epoke,
  g.pseudonym AS fra_pseudonym,
  n.pseudonym AS til_pseudonym
FROM register.pseudonym AS g
JOIN register.pseudonym AS n
  ON n.formal = g.formal AND n.type = g.type AND n.nokkel = g.nokkel AND n.epoke = g.epoke + 1
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY g.formal, g.type, g.nokkel, g.epoke ORDER BY g.gjelder_fra, g.pseudonym, n.gjelder_fra, n.pseudonym
) = 1
