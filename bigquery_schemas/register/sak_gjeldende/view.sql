-- The current register, one row per case: sak_per at the end of time.
SELECT *
FROM register.sak_per(TIMESTAMP '9999-12-31 23:59:59.999999+00')
