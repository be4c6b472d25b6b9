"""The validation report: a course by hand, and an independent computation over drawn histories, in two engines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bvr.statistics.declared import scheduled
from bvr.statistics.run import checks
from tests.sql.googlesql import SCHEMAS, declared
from tests.sql.histories import BEGIN, history, known
from tests.sql.notation import rows as written

Row = dict[str, Any]
OSLO = ZoneInfo("Europe/Oslo")
DETAIL, WEEK, STATUS = (f"statistikk.validerings{name}_v1" for name in ("rapport", "rapport_uke", "status"))
KEYS = {f"statistikk.{query.name}": query.key for query in scheduled(SCHEMAS)}


def text(table: str) -> str:
    return (SCHEMAS / table.replace(".", "/") / "query.sql").read_text(encoding="utf-8")


def finding(rule: str, severity: str = "ERROR", element: str | None = "t0", path: str = "/Barnevern/Sak") -> Row:
    return {
        **{"regel": rule, "regel_versjon": 1, "alvorlighet": severity, "element": "Tiltak", "element_id": element},
        **{"sti": path, "melding_nb": "galt", "melding_en": "wrong", "opprinnelig_alvorlighet": None},
    }


def ask(at: datetime, given: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """The three tables, in Google's reference engine."""
    made = {"grunnlag.avsender": [], **given}
    for table in (DETAIL, WEEK, STATUS):
        made[table] = declared().rows(text(table), made, run_time=("TIMESTAMP", at))
    return {table: made[table] for table in (DETAIL, WEEK, STATUS)}


# --- a course by hand ----------------------------------------------------------------------------------------------

AT = datetime(2026, 4, 8, 2, 7, tzinfo=UTC)
"""The Wednesday after Easter: Thursday 2 to Monday 6 April were holidays."""


def course(*submissions: tuple[date, str, list[Row]], sak: str = "a", kommune: str = "0301") -> list[Row]:
    """Submissions of a case, by day at nine: its verdict (or SLETTET), and what was found."""
    made = []
    for number, (day, verdict, found) in enumerate(submissions):
        at = datetime.combine(day, time(9), OSLO).astimezone(UTC)
        deleted = verdict == "SLETTET"
        (row,) = written(
            {
                "saker": [
                    {
                        **{"kommune": kommune, "sak": sak, "uttrekk": at, "mottatt": at, "er_slettet": deleted or None},
                        **{"innsending": f"{kommune}-{sak}-{number}", "utfall": "REGISTERED" if deleted else verdict},
                    }
                ]
            }
        )
        made.append(
            {
                **row,
                **{"funn": found, "melding_id": f"{kommune}-{sak}-{number}"},
                "fagsystem": {"leverandor": "Visma", "navn": "Flyt", "versjon": "1" if day < date(2026, 4, 1) else "2"},
            }
        )
    return made


ERROR, WARNING = finding("tiltak-9"), finding("tiltak-5", "WARNING", "t1")
COURSE = [
    *course(
        (date(2026, 3, 2), "REGISTERED", [WARNING]),
        (date(2026, 3, 9), "EXCLUDED", [ERROR, WARNING, WARNING]),
        (date(2026, 3, 10), "REGISTERED", []),
        (date(2026, 4, 1), "EXCLUDED", [ERROR]),
    ),
    *course((date(2026, 3, 30), "REGISTERED", []), sak="b"),
    *course((date(2026, 3, 23), "EXCLUDED", [ERROR]), (date(2026, 3, 24), "SLETTET", []), sak="c"),
    *course((date(2026, 4, 1), "REGISTERED", []), kommune="1103"),
    *course((date(2026, 3, 31), "REGISTERED", []), kommune="4601"),
]


@pytest.fixture(scope="module")
def answer() -> dict[str, list[Row]]:
    refused = {
        **{"melding_id": "x", "avsender_id": "konto", "meldingstype": "t", "kanal": "fagsystem", "utfall": "REJECTED"},
        **{"mottatt": AT - timedelta(days=1), "behandlet": AT - timedelta(days=1), "innhold_sha256": "x"},
        **{"regelsett": "1", "hoyeste_alvorlighet": "FATAL", "kvitterings_id": "x", "antall_error": 0},
        **{"antall_warning": 0, "antall_info": 0, "funn": [finding("xsd", "FATAL", None)]},
    }
    long_ago = {**refused, "melding_id": "y", "innhold_sha256": "y", "mottatt": AT - timedelta(days=31)}
    sender = {
        **{"konto_id": "konto", "orgnr": "1", "navn": "x", "rolle": "KOMMUNE", "for_orgnr": "1"},
        **{"kommunenummer": "0301", "gyldig_fra": date(2020, 1, 1)},
    }
    return ask(AT, {"register.innsending": [*COURSE, refused, long_ago], "grunnlag.avsender": [sender]})


def test_a_finding_from_when_it_was_seen_until_it_was_gone(answer):
    told = {
        (r["sak_id"], r["regel_id"], r["forst_sett"].date().isoformat()): (
            *(r["lost_tid"] and r["lost_tid"].date().isoformat(), r["apen"], r["apen_dager"]),
            *(r["antall_innsendinger"], r["antall_forekomster"]),
        )
        for r in answer[DETAIL]
    }
    assert told == {
        ("a", "tiltak-5", "2026-03-02"): ("2026-03-10", False, 8, 2, 2),
        ("a", "tiltak-9", "2026-03-09"): ("2026-03-10", False, 1, 1, 1),
        ("a", "tiltak-9", "2026-04-01"): (None, True, 7, 1, 1),
        ("c", "tiltak-9", "2026-03-23"): ("2026-03-24", False, 1, 1, 1),
        ("", "xsd", "2026-04-07"): (None, False, 1, 1, 1),
    }


def test_a_week(answer):
    week = {(r["kommunenummer"], r["uke"], r["regel_id"], r["alvorlighet"]): r for r in answer[WEEK]}
    names = ("saker_totalt", "saker_med_error", "nye", "loste", "apne", "median_apen_dager", "eldste_apne_dager")
    got = {
        key: tuple(week[key][n] for n in names)
        for key in week
        if key[0] == "0301" and key[1] in ("2026-W11", "2026-W14")
    }
    assert got == {
        ("0301", "2026-W11", "tiltak-9", "ERROR"): (1, 0, 1, 1, 0, None, None),
        ("0301", "2026-W11", "ALLE", "ERROR"): (1, 0, 1, 1, 0, None, None),
        ("0301", "2026-W11", "tiltak-5", "WARNING"): (1, 0, 0, 1, 0, None, None),
        ("0301", "2026-W11", "ALLE", "WARNING"): (1, 0, 0, 1, 0, None, None),
        ("0301", "2026-W14", "tiltak-9", "ERROR"): (2, 1, 1, 0, 1, 5, 5),
        ("0301", "2026-W14", "ALLE", "ERROR"): (2, 1, 1, 0, 1, 5, 5),
    }


def test_the_gate(answer):
    """Two of three have a working day too many or an ERROR; Easter does not count."""
    gate = {(r["kommunenummer"], r["fagsystem_versjon"]): r for r in answer[STATUS]}
    assert {key: (r["arbeidsdager_siden"], r["saker_med_error"], r["godkjent"]) for key, r in gate.items()} == {
        ("0301", "ALLE"): (4, 1, False),
        ("0301", "1"): (4, 0, False),
        ("0301", "2"): (None, 1, False),
        ("1103", "ALLE"): (2, 0, True),
        ("1103", "2"): (2, 0, True),
        ("4601", "ALLE"): (3, 0, False),
        ("4601", "1"): (3, 0, False),
    }
    assert gate["0301", "ALLE"]["avviste_30_dager"] == 1
    assert gate["0301", "ALLE"]["eldste_error_dager"] == 7


# --- independently -------------------------------------------------------------------------------------------------


def drawn(seed: int) -> list[Row]:
    rng = Random(seed)
    made = [row for step in history(seed, 30) for row in step]
    found: dict[tuple[str, str], list[Row]] = {}
    for row in made:
        # One content and one rule set, one answer.
        key = (row["innhold_sha256"], row["regelsett"])
        if key not in found:
            first = [finding("sak-1", "ERROR", None)] if row["utfall"] == "EXCLUDED" else []
            more = [
                finding(f"r{rng.randint(1, 2)}", "WARNING", f"t{rng.randint(0, 1)}") for _ in range(rng.randint(0, 3))
            ]
            found[key] = first + more
        row["funn"] = [] if row["utfall"] == "REJECTED" else found[key]
        row["fagsystem"] = {"leverandor": "A", "navn": "n", "versjon": "1"}
    return made


def states(rows: list[Row], at: datetime) -> dict[tuple[str, str], list[Row]]:
    """The states each case has been in, the first first."""
    cases: dict[tuple[str, str], list[Row]] = defaultdict(list)
    order = sorted(
        known(rows, at), key=lambda r: (r["mottatt"], r["dato_uttrekk"], r["innsending_id"], r["innhold_sha256"])
    )
    for row in order:
        case = cases[row["orgnr"], row["sak_id"]]
        if all(row["dato_uttrekk"] >= one["dato_uttrekk"] for one in case):
            case.append(row)
    return cases


def courses(case: list[Row]) -> Iterable[tuple[tuple[str, str], str, datetime, datetime, datetime | None, int]]:
    """(rule, element), severity, first seen, last seen, solved, submissions: of each course of a finding."""
    open_: dict[tuple[str, str], list[Any]] = {}
    for row in case:
        now = {(f["regel"], f["element_id"] or f["sti"]): f["alvorlighet"] for f in row["funn"]}
        for key in [k for k in open_ if k not in now]:
            severity, first, last, count = open_.pop(key)
            yield key, severity, first, last, row["mottatt"], count
        for key, severity in now.items():
            _, first, _, count = open_.get(key, (severity, row["mottatt"], None, 0))
            open_[key] = [severity, first, row["mottatt"], count + 1]
    for key, (severity, first, last, count) in open_.items():
        yield key, severity, first, last, None, count


def expected_detail(rows: list[Row], at: datetime) -> set[tuple[Any, ...]]:
    return {
        (case[0]["orgnr"], sak, rule, what, severity, first, last, solved, count)
        for (_, sak), case in states(rows, at).items()
        for (rule, what), severity, first, last, solved, count in courses(case)
    }


def expected_weeks(rows: list[Row], at: datetime) -> dict[tuple[str, str, str], tuple[Any, ...]]:
    """(municipality, week, severity) -> cases, with ERROR, new, solved, open, median, oldest; of all rules."""
    found = {}
    today = at.astimezone(OSLO).date()
    monday = today - timedelta(days=today.weekday())
    cases = states(rows, at)
    for back in range(27):
        begin = datetime.combine(monday - timedelta(weeks=back), time(), OSLO)
        end = min(datetime.combine(monday - timedelta(weeks=back - 1), time(), OSLO), at)
        year, number, _ = begin.isocalendar()
        last = [
            [row for row in case if row["mottatt"] < end][-1] for case in cases.values() if case[0]["mottatt"] < end
        ]
        alive = [row for row in last if not row["er_slettet"]]
        for kommune in {row["kommunenummer"] for row in alive}:
            mine = [row for row in alive if row["kommunenummer"] == kommune]
            total = (len(mine), sum(row["utfall"] == "EXCLUDED" for row in mine))
            ages = defaultdict(list)
            new, solved = defaultdict(int), defaultdict(int)
            seen = set()
            for case in cases.values():
                if case[0]["kommunenummer"] != kommune:
                    continue
                for _, severity, first, _, done, _ in courses(case):
                    if first < end and (done is None or done >= begin):
                        seen.add(severity)
                        new[severity] += first >= begin
                        solved[severity] += done is not None and done < end
                        if done is None or done >= end:
                            days = end.astimezone(OSLO).date() - first.astimezone(OSLO).date()
                            ages[severity].append(days.days)
            for severity in seen or {"ERROR"}:
                mine_ = ages[severity]
                found[kommune, f"{year}-W{number:02}", severity] = (
                    *(*total, new[severity], solved[severity], len(mine_)),
                    *(median(mine_) if mine_ else None, max(mine_, default=None)),
                )
    return found


@pytest.mark.parametrize("seed", range(1, 4))
def test_drawn_histories(seed):
    rows = drawn(seed)
    at = BEGIN + timedelta(days=10)
    made = ask(at, {"register.innsending": rows})
    told = [
        (
            *(r["orgnr"], r["sak_id"], r["regel_id"], r["element_id"] or r["xpath"], r["alvorlighet"]),
            *(r["forst_sett"], r["sist_sett"], r["lost_tid"], r["antall_innsendinger"]),
        )
        for r in made[DETAIL]
        if r["alvorlighet"] != "FATAL"
    ]
    assert len(told) == len(set(told))
    assert set(told) == expected_detail(rows, at)
    weeks = {
        (r["kommunenummer"], r["uke"], r["alvorlighet"]): (
            *(r["saker_totalt"], r["saker_med_error"], r["nye"], r["loste"], r["apne"]),
            *(r["median_apen_dager"], r["eldste_apne_dager"]),
        )
        for r in made[WEEK]
        if r["regel_id"] == "ALLE"
    }
    assert weeks == expected_weeks(rows, at)
    given = {"register.innsending": rows, **made}
    for table in (DETAIL, WEEK, STATUS):
        for check in checks((SCHEMAS / table.replace(".", "/") / "checks.sql").read_text(encoding="utf-8")):
            assert not declared().rows(check.sql, given), check.name


def by_key(table: str, rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: [str(row[name]) for name in KEYS[table]])


@pytest.mark.local_cloud
def test_in_the_local_engine(warehouse):
    at = BEGIN + timedelta(days=10)
    rows = drawn(1)
    warehouse.fill(rows)
    for table in (DETAIL, WEEK, STATUS):
        warehouse.queries.query(f"DELETE FROM {table} WHERE TRUE")
    made = ask(at, {"register.innsending": rows})
    for table in (DETAIL, WEEK, STATUS):
        given = warehouse.queries.query(text(table), {"run_time": at})
        assert by_key(table, given) == by_key(table, made[table])
        warehouse.queries.insert(table, given)
    for table in (DETAIL, WEEK, STATUS):
        warehouse.queries.query(f"DELETE FROM {table} WHERE TRUE")
