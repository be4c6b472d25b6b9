"""Freezes on the local engine: the same bytes however late, and which cases a revision is due to."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from bvr.statistics import approval, calendar, freezes, preview
from bvr.statistics.declared import scheduled
from bvr.statistics.figures.catalogue import figures
from bvr.statistics.reports import statistical
from tests.sql import registers
from tests.sql.googlesql import SCHEMAS, declared

Row = dict[str, Any]
QUERIES = scheduled(SCHEMAS)
FIRST, SECOND = calendar.planned("2025H1", "T1"), calendar.planned("2025H1", "T2")
LATER = datetime(2025, 9, 1, tzinfo=UTC)
TABLES = ("frysing", "frysing_kommune", "frosne_tall", "revisjon")


def case(number: int, known: datetime, **about: Any) -> Row:
    row = registers.written({"kommune": "0301", "barn": {"nummer": about.pop("barn", number)}, **about}, number)
    again = {"innsending_id": f"{number}-{known}", "innhold_sha256": f"{number}-{known}", "melding_id": f"{known}"}
    return {**row, **again, "mottatt": known, "behandlet": known, "dato_uttrekk": known}


BEFORE = FIRST.known - timedelta(hours=1)
BETWEEN = FIRST.known + timedelta(days=3)
MELDING = {"melding": ["2025-01-05..2025-01-08 kode=2"]}
TILTAK = {"tiltak": ["2025-02-01"]}
REGISTER = [
    case(1, BEFORE, **MELDING),
    case(2, BEFORE, **TILTAK),
    case(3, BEFORE, **MELDING),
    case(4, BEFORE, **MELDING, utfall="EXCLUDED"),
    case(5, BEFORE, **MELDING, kommune="1103"),
    # Between the two: corrected to another conclusion; deleted; held outside; corrected; new; sent again as it was.
    case(1, BETWEEN, melding=["2025-01-05..2025-01-08 kode=1"]),
    case(2, BETWEEN, **TILTAK, er_slettet=True),
    case(3, BETWEEN, **MELDING, utfall="EXCLUDED"),
    case(4, BETWEEN, **MELDING),
    case(6, BETWEEN, **TILTAK),
    {**case(5, BETWEEN, **MELDING, kommune="1103"), "innhold_sha256": f"5-{BEFORE}"},
]


@pytest.fixture(scope="module")
def frozen(warehouse):
    """Both freezes, made late: after all that happened. Of two families, of events and of children: all go one way."""
    every, freezes.FAMILIES = freezes.FAMILIES, {name: freezes.FAMILIES[name] for name in ("melding", "barn")}
    warehouse.fill(REGISTER)
    for table in TABLES:
        warehouse.queries.query(f"DELETE FROM statistikk.{table} WHERE TRUE")
    made = [freezes.freeze(warehouse.queries, QUERIES, plan, "1", lambda: LATER) for plan in (FIRST, SECOND)]
    yield warehouse, made
    freezes.FAMILIES = every
    for table in TABLES:
        warehouse.queries.query(f"DELETE FROM statistikk.{table} WHERE TRUE")


def headline(warehouse: Any, freeze: str) -> dict[str, int]:
    rows = warehouse.queries.query(
        "SELECT indikator, verdi FROM statistikk.frosne_tall WHERE frysing_id = @id AND region = 'EAK' "
        "AND maal = 'SUM' AND kjonn = 'T' AND aldersgruppe = 'T' AND kode = 'T' AND periodetype IN ('H', 'D')",
        {"id": freeze},
    )
    return {row["indikator"]: row["verdi"] for row in rows}


@pytest.mark.local_cloud
def test_a_freeze_holds_what_was_known_at_its_moment(frozen):
    warehouse, (first, second) = frozen
    one, two = headline(warehouse, first.frysing_id), headline(warehouse, second.frysing_id)
    assert (one["meldinger_til_us"], two["meldinger_til_us"]) == (3, 2)
    assert (one["meldinger_henlagt"], two["meldinger_henlagt"]) == (0, 1)
    assert (one["barn_tiltak_dato"], two["barn_tiltak_dato"]) == (1, 1)
    assert (first.forrige_id, second.forrige_id) == (None, "2025H1-T1")
    assert first.sha256 != second.sha256
    (count,) = warehouse.queries.query(
        "SELECT COUNT(*) AS n, COUNT(DISTINCT indikator) AS k FROM statistikk.frosne_tall "
        "WHERE frysing_id = '2025H1-T1'"
    )
    assert count["n"] == first.rader
    chosen = [f for f in figures() if f.family in freezes.FAMILIES]
    assert count["k"] == len([f for f in chosen if {"H", "R", "D"} & set(f.periods) and f.only != "H2"])
    kinds = warehouse.queries.query("SELECT DISTINCT periode, periodetype FROM statistikk.frosne_tall ORDER BY 2")
    assert [(r["periode"], r["periodetype"]) for r in kinds] == [("2025H1", "D"), ("2025H1", "H"), ("2025H1", "R")]


@pytest.mark.local_cloud
def test_a_municipality_s_hash_moves_when_its_figures_do(frozen):
    warehouse, (first, second) = frozen
    rows = warehouse.queries.query("SELECT frysing_id, kommunenummer, sha256 FROM statistikk.frysing_kommune")
    sha = {(row["frysing_id"], row["kommunenummer"]): row["sha256"] for row in rows}
    assert set(sha) == {(one.frysing_id, kommune) for one in (first, second) for kommune in ("0301", "1103")}
    assert sha["2025H1-T1", "0301"] != sha["2025H1-T2", "0301"]
    assert sha["2025H1-T1", "1103"] == sha["2025H1-T2", "1103"]


@pytest.mark.local_cloud
def test_a_preview_shows_what_the_hash_is_of(frozen):
    warehouse, _ = frozen
    found = approval.Approvals(warehouse.queries).standing(LATER, ["0301", "1103"], "2025H1")
    assert [(one.kommunenummer, one.frysing_id) for one in found] == [("0301", "2025H1-T2"), ("1103", "2025H1-T2")]
    for one in found:
        rows = preview.rows(warehouse.queries, one)
        assert preview.sha256(rows) == one.sha256
        assert {row[1][:4] for row in rows} == {one.kommunenummer}
        assert preview.deviations(warehouse.queries, one) == []


def test_what_approval_asks_is_googlesql():
    class Asked:
        def __init__(self) -> None:
            self.sent: list[tuple[str, Any]] = []

        def query(self, sql: str, parameters: Any = None) -> list[Any]:
            self.sent.append((sql, parameters or {}))
            return []

    asked = Asked()
    approvals = approval.Approvals(asked)
    approvals.standing(LATER, ["0301"], "2025H1")
    approvals.events("0301", "2025H1")
    approvals.made_by("x")
    approvals._red("0301", "2025H1-T1")
    approvals._values("2025H1-T1", "0301")
    one = approval.Standing(
        **{"kommunenummer": "0301", "periode": "2025H1", "frysing_id": "2025H1-T1", "kunnskapstidspunkt": LATER},
        **{"sha256": preview.sha256([]), "last": None, "state": approval.State.DRAFT},
    )
    preview.rows(asked, one)
    preview.deviations(asked, one)
    statistical.of_municipality(_Known(asked), "0301", "Oslo")
    kinds = {str: "STRING", bool: "BOOL", list: "ARRAY<STRING>"}
    assert len(asked.sent) == 10
    for sql, parameters in asked.sent:
        declared().columns(sql, **{name: kinds[type(value)] for name, value in parameters.items()})


class _Known:
    """Tests have been made; the rest is passed on."""

    def __init__(self, asked: Any) -> None:
        self.asked = asked

    def query(self, sql: str, parameters: Any = None) -> list[Any]:
        return self.asked.query(sql, parameters) or ([{"kjent": LATER}] if "avvik_test" in sql else [])


@pytest.mark.local_cloud
def test_again_gives_the_same_bytes_whatever_has_come_since(frozen):
    """More cases, another municipality, new inhabitants: none was known then."""
    warehouse, (first, _) = frozen
    assert freezes.freeze(warehouse.queries, QUERIES, FIRST, "2", lambda: LATER) == first, "made once"
    warehouse.queries.insert("register.innsending", [case(9, LATER, **MELDING, kommune="4601")])
    inhabitants = {"region": "EAK", "aldersgruppe": "F000-017", "dato": date(2025, 7, 1), "antall": 5}
    warehouse.queries.insert("grunnlag.befolkning", [{**inhabitants, "lastet": LATER}])
    found = freezes.verify(warehouse.queries, QUERIES, first.frysing_id)
    assert found.same
    assert not found.queries_changed
    # And when the register that it was made of is another, it says so.
    warehouse.queries.query(f"DELETE FROM register.innsending WHERE innsending_id = '1-{BEFORE}'")
    assert not freezes.verify(warehouse.queries, QUERIES, first.frysing_id).same
    warehouse.queries.query("DELETE FROM grunnlag.befolkning WHERE TRUE")
    warehouse.fill(REGISTER)


@pytest.mark.local_cloud
def test_a_revision_tells_which_cases_it_is_due_to(frozen):
    warehouse, (first, second) = frozen
    assert freezes.revise(warehouse.queries, first.frysing_id) == 0
    count = freezes.revise(warehouse.queries, second.frysing_id)
    assert freezes.revise(warehouse.queries, second.frysing_id) == count, "told once"
    rows = warehouse.queries.query("SELECT * FROM statistikk.revisjon")
    assert len(rows) == count
    why = {(r["sak_id"], r["arsak"]) for r in rows}
    assert why == {("s1", "ENDRET"), ("s2", "SLETTET"), ("s3", "HOLDES_UTENFOR"), ("s4", "RETTET"), ("s6", "NY")}
    assert {r["kommunenummer"] for r in rows} == {"0301"}, "what was sent again as it was changed nothing"
    dropped = {
        r["sak_id"]: (r["teller_for"], r["teller_etter"])
        for r in rows
        if r["indikator"] == "meldinger_til_us" and r["periodetype"] == "H"
    }
    assert dropped == {"s1": (1, 0), "s3": (1, 0), "s4": (0, 1)}
    # They add up to what moved, figure by figure.
    moved: dict[str, int] = {}
    for r in rows:
        if r["periodetype"] in ("H", "D"):
            moved[r["indikator"]] = moved.get(r["indikator"], 0) + r["teller_etter"] - r["teller_for"]
    one, two = headline(warehouse, first.frysing_id), headline(warehouse, second.frysing_id)
    assert {k: v for k, v in moved.items() if v} == {k: two[k] - one[k] for k in two if two[k] != one[k]}


@pytest.mark.local_cloud
def test_figures_that_fail_a_check_are_not_frozen(frozen):
    warehouse, _ = frozen
    plan = calendar.planned("2024H2", "T1")
    broken = [
        query.model_copy(update={"checks": "-- #fail aldri | never\nSELECT 1 AS en"})
        for query in freezes.key_figures(QUERIES)[:1]
    ]
    with pytest.raises(freezes.NotFrozen, match="aldri"):
        freezes.freeze(warehouse.queries, broken, plan, "1", lambda: LATER)
    assert freezes.made(warehouse.queries, plan.id) is None
    with pytest.raises(freezes.NotFrozen, match="moment"):
        freezes.freeze(warehouse.queries, QUERIES, plan, "1", lambda: plan.known - timedelta(seconds=1))
    with pytest.raises(LookupError):
        freezes.verify(warehouse.queries, QUERIES, plan.id)
    due = freezes.due(warehouse.queries, datetime(2025, 7, 1, tzinfo=UTC), LATER)
    assert due == [], "both have been made"


def test_the_statements_are_googlesql():
    columns = (
        "indikator STRING, periode STRING, periodetype STRING, sted STRING, nokkel STRING, teller INT64, nevner INT64"
    )
    empty = (
        "(SELECT "
        + ", ".join(f"CAST(NULL AS {one.split()[1]}) AS {one.split()[0]}" for one in columns.split(", "))
        + ")"
    )
    for period in ("2025", "2025H1"):
        part, given = freezes._part(period)
        sql = freezes._REVISION.format(before=empty, after=empty, part=part)
        declared().check(sql, fra="TIMESTAMP", til="TIMESTAMP", **dict.fromkeys(given, "STRING"))


# --- the calendar --------------------------------------------------------------------------------------------------


def test_the_calendar():
    assert [(one.number, one.known.isoformat()) for one in calendar.freezes("2025H1")] == [
        ("T1", "2025-07-15T00:00:00+02:00"),
        ("T2", "2025-08-15T00:00:00+02:00"),
    ]
    assert [one.known.date().isoformat() for one in calendar.freezes("2025")] == [
        "2026-01-16",
        "2026-03-02",
        "2026-04-16",
        "2026-06-02",
    ]
    assert [one.id for one in calendar.since(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 31, tzinfo=UTC))] == [
        "2025H2-T1",
        "2025-T1",
        "2025H2-T2",
        "2025-T2",
    ]
    for wrong in ("2025H3", "25", "2025-T1", ""):
        with pytest.raises(ValueError, match="period"):
            calendar.freezes(wrong)
    with pytest.raises(ValueError, match="T1, T2"):
        calendar.planned("2025H1", "T3")
