"""What derivations ask of BigQuery, in Google's own analyzer: it is made in Python, so no file has it."""

from __future__ import annotations

import pytest

from bvr.register import access, identity, pseudonyms
from tests.sql.googlesql import declared

WINDOW = {"fra": "TIMESTAMP", "til": "TIMESTAMP"}


def test_who_is_one_child():
    declared().check(identity._SEEN, **WINDOW, mottatt_fra="TIMESTAMP")
    declared().check(identity._KNOWN.format(only=""))


@pytest.mark.parametrize("everything", [False, True])
def test_pseudonyms(everything):
    declared().check(pseudonyms.missing_sql(everything=everything), **WINDOW, dag="DATE")
    declared().check(pseudonyms.merge_sql(everything=everything), **WINDOW, dag="DATE")


def test_policies_name_tables_and_columns_that_are_there():
    """The analyzer takes no policy; a query with its filter says as much of it."""
    grant = access.Grant(identitet="user:a@b.no", formal="a", kommuner=("0301",), fra_aar=2020, til_aar=2024)
    for one in (access.policy(grant), access.policy(access.Grant(identitet="user:a@b.no", formal="a", slag="BRO"))):
        declared().check(f"SELECT * FROM {one.table} WHERE {one.filter}")
