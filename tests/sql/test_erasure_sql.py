"""Every statement that erasing sends, in Google's own analyzer."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from bvr.register.erasure import run
from bvr.register.orders import Order
from bvr.register.retention import DUE
from tests.sql.googlesql import GoogleSql, SqlError, declared, read
from tests.unit.erasure_world import Erasing, Tables
from tests.unit.test_erasure import BOY, CASE_A, CHILD, NOW, fill_case, fill_others, kostra_file, kostra_message

KINDS = {str: "STRING", int: "INTEGER", bytes: "BYTES", datetime: "TIMESTAMP", date: "DATE"}


def kind(value: Any) -> str:
    if isinstance(value, list):
        return f"ARRAY<{KINDS[type(value[0])] if value else 'STRING'}>"
    return KINDS[type(value)]


@pytest.mark.parametrize("order", [CASE_A, CHILD], ids=["case", "child"])
def test_what_an_erasure_sends(tmp_path: Path, order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    e = Erasing(tmp_path)
    fill_others(e)
    fill_case(e)
    e.kostra.receive(kostra_message(kostra_file((BOY, "K-1"))))
    google = GoogleSql(read(e.office.schemas)[0], {})
    sent: set[str] = set()
    query = Tables.query

    def checked(self: Tables, sql: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        if sql not in sent:
            google.check(sql, **{name: kind(value) for name, value in (parameters or {}).items()})
            sent.add(sql)
        return query(self, sql, parameters)

    monkeypatch.setattr(Tables, "query", checked)
    run(e.office, order, NOW)
    assert sum(sql.startswith("DELETE FROM ") for sql in sent) >= 8
    assert any("UNION ALL" in sql for sql in sent)


def test_what_is_due() -> None:
    declared().check(DUE, for_dato="DATE")
    with pytest.raises(SqlError):
        declared().check(DUE, for_dato="INTEGER")
