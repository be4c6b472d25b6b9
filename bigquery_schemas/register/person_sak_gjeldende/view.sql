-- Which child each case is about.
SELECT *
FROM register.person_sak_per(TIMESTAMP '9999-12-31 23:59:59.999999+00')
