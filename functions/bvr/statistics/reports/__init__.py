"""The reports that municipalities and suppliers read: made from the tables of the queries, as a page and as a table."""
