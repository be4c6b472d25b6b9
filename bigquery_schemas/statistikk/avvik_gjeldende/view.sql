-- Of each period, what it is compared with and the source: the run as of the latest time, with the last answer given.
-- The run is found among the tests made: one that found nothing has no deviations, and is the last all the same.
WITH siste AS (
  SELECT kjoring_id
  FROM statistikk.avvik_test
  GROUP BY kjoring_id, kjort_for, kjort_mot, kilde
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY kjort_for, kjort_mot, kilde ORDER BY MAX(kunnskapstidspunkt) DESC, MAX(beregnet) DESC, kjoring_id
  ) = 1
),
svar AS (
  SELECT indikator, region, periode, periodetype, verdi, utfall, kommentar, behandlet_av, behandlet_dato
  FROM statistikk.avvik_vurdering
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY indikator, region, periode, periodetype ORDER BY lagt_inn DESC, behandlet_dato DESC, utfall
  ) = 1
)
SELECT
  a.*,
  v.kommentar,
  v.behandlet_av,
  v.behandlet_dato,
  v.utfall,
  v.verdi != a.verdi AS svar_utdatert
FROM statistikk.avvik_v1 AS a
JOIN siste AS s ON s.kjoring_id = a.kjoring_id
LEFT JOIN svar AS v
  ON v.indikator = a.indikator AND v.region = a.region AND v.periode = a.periode AND v.periodetype = a.periodetype
-- A run stored twice counts once.
QUALIFY ROW_NUMBER() OVER (PARTITION BY a.kjoring_id, a.rang ORDER BY a.region) = 1
