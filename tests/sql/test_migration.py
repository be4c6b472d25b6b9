"""The migration report: cases by hand of every status and step, in Google's reference engine and in the local one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest
import yaml

from bvr.statistics.reports.answers import REASONS, STATUSES
from bvr.statistics.run import checks
from tests.sql.googlesql import SCHEMAS, declared
from tests.sql.registers import _words, written

Row = dict[str, Any]
AT = datetime(2026, 2, 10, 3, 7, tzinfo=UTC)
CASES = [
    (f"{path.stem}: {case['navn']}", case)
    for path in sorted((Path(__file__).parent / "migrering").glob("*.yaml"))
    for case in yaml.safe_load(path.read_text(encoding="utf-8"))
]
TABLE, SUM = "statistikk.migreringsrapport_v1", "statistikk.migreringsrapport_sum_v1"


def text(table: str) -> str:
    return (SCHEMAS / table.replace(".", "/") / "query.sql").read_text(encoding="utf-8")


def moment(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def tables(case: Row) -> dict[str, list[Row]]:
    """The tables that a case speaks of."""
    files: dict[str, Row] = {}
    clients = []
    for number, one in enumerate(case["kostra"], 1):
        client = client_row(dict(one), number)
        clients.append(client)
        files[client["fil_id"]] = {
            **{name: client[name] for name in ("fil_id", "orgnr", "kommunenummer", "aargang", "mottatt", "utfall")},
            **{"melding_id": "m", "avsender_id": "a", "innhold_sha256": client["fil_id"], "regelsett": "1"},
            **{"behandlet": client["mottatt"], "antall_klienter": 1, "antall_rader": 1},
            **{"antall_error": 0, "antall_warning": 0, "bydelsnummer": one.get("bydel")},
        }
    answers = [
        {**one, "kommunenummer": case.get("kommune", "0301"), "svar_av": "x", "svar_dato": moment(one["svar_dato"])}
        for one in case.get("svar", [])
    ]
    return {
        "register.innsending": [
            written({"barn": {"nummer": one.get("migrert", f"eget {number}")}, **one}, number)
            for number, one in enumerate(case["saker"], 1)
        ],
        "register.kostra_fil": list(files.values()),
        "register.kostra_individ": clients,
        "statistikk.migreringssvar": [{"aarsak_tekst": None, "godkjent": False, **one} for one in answers],
    }


def client_row(one: Row, number: int) -> Row:
    """A client of a file in a few words: elements as in `registers.written`."""
    kommune, year = str(one.pop("kommune", "0301")), one.pop("aar", 2025)
    received = moment(one.pop("mottatt", date(2026, 1, 15)))
    child = written({"barn": {"nummer": one.pop("barn", one["id"])}}, number)["sak"]["personalia"][0]
    row = {
        **{"fil_id": one.pop("fil", f"{kommune}-{year}"), "nummer": number, "orgnr": f"9{kommune}0000"},
        **{"kommunenummer": kommune, "aargang": year, "mottatt": received, "utfall": one.pop("utfall", "REGISTERED")},
        "nummertype": one.pop("nummertype", "FULLSTENDIG"),
    }
    row["individ"] = {
        **{"id": one.pop("id"), "start_dato": one.pop("start", date(2024, 1, 1)), "slutt_dato": one.pop("slutt", None)},
        **{"journalnummer": f"J{number}", "fodselsnummer": child["fodselsnummer"]},
        "avslutta3112": one.pop("avslutta", "2"),
        "melding": [_investigated(text) for text in one.pop("undersokelse", [])],
        "plan": [_dated(text) | {"plantype": _words(text)[2].get("type", "1")} for text in one.pop("plan", [])],
        "tiltak": [
            _dated(text)
            | {"kategori": {"kode": _words(text)[2].get("kode", "3.1")}}
            | {"lovhjemmel": {"lov": "BVL2021", "kapittel": "3", "paragraf": "1"}}
            for text in one.pop("tiltak", [])
        ],
        "flytting": [],
    }
    assert not one, one
    return row


def _dated(text: str) -> Row:
    start, end, about = _words(text)
    return {"id": about["id"], "start_dato": start, "slutt_dato": end}


def _investigated(text: str) -> Row:
    start = _words(text)[0]
    return {"id": _words(text)[2]["melding"], "start_dato": start, "undersokelse": _dated(text)}


def told(rows: list[Row]) -> list[str]:
    """A row as the cases write it; with the client where its key is used of several."""
    keys = [(r["type"], r["kostra_id"]) for r in rows]
    return sorted(
        " ".join(
            str(part)
            for part in (
                *(r["type"], r["kostra_id"] or "-"),
                r["klient_id"] if keys.count((r["type"], r["kostra_id"])) > 1 and r["kostra_id"] else None,
                *(r["status"], r["matchtrinn"], r["avvik"]),
                f"svar={r['aarsakskode']}" if r["aarsakskode"] else None,
            )
            if part is not None
        )
        for r in rows
    )


Ask = Callable[[str, dict[str, list[Row]]], list[Row]]


def by_google(sql: str, given: dict[str, list[Row]]) -> list[Row]:
    return declared().rows(sql, given, run_time=("TIMESTAMP", AT))


def compare(case: Row, ask: Ask) -> tuple[list[Row], list[Row]]:
    """The report is what the case says, and so is its summary; gives both."""
    given = tables(case)
    rows = ask(text(TABLE), given)
    assert told(rows) == sorted(case["forventet"])
    sums = ask(text(SUM), {**given, TABLE: rows}) if "sum" in case else []
    if "sum" in case:
        (total,) = [r for r in sums if r["type"] == "ALLE" and r["kommunenummer"] == case.get("kommune", "0301")]
        assert {name: total[name] for name in case["sum"]} == case["sum"]
    return rows, sums


@pytest.mark.parametrize(("name", "case"), CASES, ids=[name for name, _ in CASES])
def test_in_googles_reference_engine(name, case):
    compare(case, by_google)


def broken(given: dict[str, list[Row]]) -> list[str]:
    """The checks of both tables that find something."""
    return [
        check.name
        for table in (TABLE, SUM)
        for check in checks((SCHEMAS / table.replace(".", "/") / "checks.sql").read_text(encoding="utf-8"))
        if declared().rows(check.sql, given)
    ]


def test_the_checks_see_what_they_are_there_for():
    case = dict(CASES)["trinn: by child, kind, start and code; of two alike the first goes with the first"]
    rows, sums = compare({**case, "sum": {"funnet": 3}}, by_google)
    given = {**tables(case), TABLE: rows, SUM: sums}
    assert not broken(given)
    lost = [r for r in rows if r["type"] != "Sak"]
    twice = [{**r, "bvr_id": "t0"} if r["type"] == "Tiltak" and r["bvr_id"] else r for r in rows]
    renumbered = [{**r, "rad": 1} for r in rows]
    odd = [{**r, "mangler": 7} if r["type"] == "ALLE" else r for r in sums]
    wrong = [{**r, "funnet": r["funnet"] + 1, "antall_kostra": 0} if r["type"] == "ALLE" else r for r in sums]
    found = [
        broken({**given, **damage})
        for damage in ({TABLE: lost}, {TABLE: twice}, {TABLE: renumbered}, {SUM: odd}, {SUM: wrong})
    ]
    assert all(found)
    assert len({name for names in found for name in names}) == 5


@pytest.mark.local_cloud
def test_in_the_local_engine(warehouse):
    """All cases at once, each in municipalities of its own."""
    cases = [apart(case, number) for number, (_, case) in enumerate(CASES)]
    for table in tables(cases[0]):
        warehouse.queries.query(f"DELETE FROM {table} WHERE TRUE")
        warehouse.queries.insert(table, [row for case in cases for row in tables(case)[table]])
    rows = warehouse.queries.query(text(TABLE), {"run_time": AT})
    warehouse.queries.insert(TABLE, rows)
    sums = warehouse.queries.query(text(SUM), {"run_time": AT})
    for case in cases:
        mine = [r for r in rows if r["kommunenummer"] == case["kommune"]]
        assert told(mine) == sorted(case["forventet"]), case["navn"]
        if "sum" in case:
            (total,) = [r for r in sums if (r["kommunenummer"], r["type"]) == (case["kommune"], "ALLE")]
            assert {name: total[name] for name in case["sum"]} == case["sum"], case["navn"]
    warehouse.queries.query(f"DELETE FROM {TABLE} WHERE TRUE")


def apart(case: Row, number: int) -> Row:
    """A case in a municipality that is no other case's; those that speak of several keep them."""
    own = {"kommune": f"9{number:03}"}
    if "kommune" in case:
        return case
    lists = {name: [{**own, **one} for one in case[name]] for name in ("kostra", "saker")}
    return {**case, **own, **lists}


def test_every_status_and_step_has_a_case():
    lines = " ".join(line for _, case in CASES for line in case["forventet"])
    assert {status for status in STATUSES if status in lines} == set(STATUSES)
    assert {step for step in "123" if f"FUNNET_APEN {step}" in lines} == set("123")
    assert list(REASONS) == list(range(1, 10))
    page = (SCHEMAS.parent / "docs" / "rapporter.md").read_text(encoding="utf-8")
    assert all(f"| {code} | {nb} | {en} |" in page for code, (nb, en) in REASONS.items())
    assert all(f"| `{status}` |" in page for status in STATUSES)


def test_the_supplier_gets_nothing_of_a_person():
    """No key that a person wrote, no date, no code, no text: only what is random, counted or a kind."""
    view = (SCHEMAS / "statistikk/migreringsrapport_leverandor/view.sql").read_text(encoding="utf-8")
    columns = {name for name, _ in declared().columns(view)}
    assert columns == {
        *("fagsystem_leverandor", "fagsystem_versjon", "kommunenummer", "rad", "kostra_aargang", "type", "status"),
        *("avvik", "matchtrinn", "antall_treff", "sak_id", "bvr_id", "aarsakskode", "kunnskapstidspunkt"),
    }
