-- What the supplier gets. Old keys were written by people and may hold anything: the number of the row in the
-- municipality's own report stands for them, and the register's ids are random.
SELECT
  fagsystem_leverandor, fagsystem_versjon, kommunenummer, rad, kostra_aargang, type, status, avvik, matchtrinn,
  antall_treff, sak_id, bvr_id, aarsakskode, kunnskapstidspunkt
FROM statistikk.migreringsrapport_v1
