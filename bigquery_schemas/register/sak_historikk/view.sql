-- One row per submission that entered the register, as it is known now: sak_historikk_per at the end of time.
SELECT *
FROM register.sak_historikk_per(TIMESTAMP '9999-12-31 23:59:59.999999+00')
