-- The clients of the last accepted KOSTRA files: kostra_per at the end of time.
SELECT *
FROM register.kostra_per(TIMESTAMP '9999-12-31 23:59:59.999999+00')
