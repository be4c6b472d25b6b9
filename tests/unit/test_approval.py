"""Approval as events: what can follow what, whose hash is answered, and when it no longer holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bvr.statistics import approval
from bvr.statistics.approval import Actor, Approvals, Event, Godkjenning, Refused, State, decide, reopens, state
from bvr.statistics.calendar import PREVIEW_DAYS
from bvr.statistics.figures.catalogue import figures

ROOT = Path(__file__).resolve().parents[2]
AT = datetime(2026, 1, 16, tzinfo=UTC)
KARI = Actor(name="Kari Nordmann", role="barnevernsleder", on_behalf_of="958935420", channel="API")
SYSTEM = Actor(name="registeret", role="system", on_behalf_of="958935420", channel="SYSTEM")
IDS = {f.number: f.id for f in figures()}


class Tables:
    """Freezes of one municipality, and the events that are added."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.jobs: set[str] = set()
        self.sha = {"2025H2-T1": "a", "2025H2-T2": "b"}
        self.values = {"2025H2-T1": {IDS[27]: 100}, "2025H2-T2": {IDS[27]: 103}}
        self.bytes_billed = 0

    def query(self, sql: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        p = parameters or {}
        if "statistikk.godkjenning" in sql:
            return [r for r in self.rows if (r["kommunenummer"], r["periode"]) == (p["kommune"], p["periode"])]
        if "frysing_kommune" in sql:
            return [{"sha256": self.sha[p["id"]]}] if p["id"] in self.sha else []
        return [{"indikator": k, "verdi": v} for k, v in self.values[p["id"]].items()]

    def insert(self, table: str, rows: list[dict[str, Any]], *, once: str = "") -> None:
        if once not in self.jobs:
            self.jobs.add(once)
            self.rows += rows

    def create(self, table: str, sql: str, parameters: dict[str, Any] | None = None) -> None: ...
    def replace(self, table: str, source: str) -> None: ...
    def delete(self, table: str) -> None: ...


def tell(tables: Tables, event: Event, freeze: str = "2025H2-T1", **about: Any) -> Godkjenning | Refused:
    given = {"seen": tables.sha.get(freeze, ""), "actor": KARI, "at": AT, **about}
    return Approvals(tables).tell(event, kommune="0301", freeze=freeze, **given)


def test_the_whole_way_with_an_objection() -> None:
    tables = Tables()
    way = [
        *((Event.SEND, "SENDT"), (Event.OBJECT, "INNSIGELSE"), (Event.CORRECT, "KORRIGERT"), (Event.SEND, "SENDT")),
        *((Event.APPROVE, "GODKJENT"), (Event.FREEZE, "FRYST"), (Event.PUBLISH, "PUBLISERT")),
        *((Event.REVISE, "REVIDERT"), (Event.SEND, "SENDT")),
    ]
    for number, (event, wanted) in enumerate(way):
        told = tell(
            tables, event, text="Bydelen mangler." if event is Event.OBJECT else None, at=AT + timedelta(number)
        )
        assert isinstance(told, Godkjenning)
        assert told.tilstand == wanted
    assert [r["tilstand"] for r in tables.rows] == [wanted for _, wanted in way]
    assert tables.rows[1]["tekst"] == "Bydelen mangler."
    assert {r["navn"] for r in tables.rows} == {"Kari Nordmann"}


def test_an_approval_is_of_what_was_seen() -> None:
    tables = Tables()
    tell(tables, Event.SEND)
    refused = tell(tables, Event.APPROVE, seen="b")
    assert isinstance(refused, Refused)
    assert refused.code == "TALLENE_ER_ENDRET"
    assert len(tables.rows) == 1
    told = tell(tables, Event.APPROVE, seen="a")
    assert isinstance(told, Godkjenning)
    assert told.sha256 == "a"
    with pytest.raises(LookupError, match="2025H2-T9"):
        tell(tables, Event.APPROVE, "2025H2-T9")


def test_an_objection_says_what_is_wrong() -> None:
    tables = Tables()
    tell(tables, Event.SEND)
    for text in (None, " "):
        refused = tell(tables, Event.OBJECT, text=text)
        assert isinstance(refused, Refused)
        assert refused.code == "TEKST_MANGLER"


def test_silence_is_not_approval() -> None:
    tables = Tables()
    tell(tables, Event.SEND)
    events = Approvals(tables).events("0301", "2025H2")
    assert state(events, AT + timedelta(days=30)) is State.SENT
    assert state(events, AT + timedelta(days=30, seconds=1)) is State.UNANSWERED
    refused = tell(tables, Event.FREEZE, at=AT + timedelta(days=40))
    assert isinstance(refused, Refused), "nobody has approved"
    late = tell(tables, Event.APPROVE, at=AT + timedelta(days=40))
    assert isinstance(late, Godkjenning), "a late answer is an answer"


def test_the_view_has_the_same_deadline() -> None:
    view = (ROOT / "bigquery_schemas/statistikk/godkjenning_gjeldende/view.sql").read_text(encoding="utf-8")
    assert f"INTERVAL {PREVIEW_DAYS} * 24 HOUR" in view


def test_two_answers_at_once_are_one() -> None:
    tables = Tables()
    tell(tables, Event.SEND)
    before = list(tables.rows)
    tell(tables, Event.APPROVE)
    after, tables.rows = tables.rows, before
    tell(tables, Event.APPROVE)
    assert len(tables.rows) == 1, "the load of the second had been made"
    assert len(after) == 2


@pytest.mark.parametrize(
    ("before", "after", "holds"),
    [
        (100, 103, True),
        (100, 104, False),
        (1000, 1020, True),
        (1000, 1021, False),
        (0, 3, True),
        (0, 4, False),
        (4, 0, False),
    ],
)
@pytest.mark.parametrize("number", approval.MOVES)
def test_an_approval_holds_within_its_limits(number: int, before: int, after: int, holds: bool) -> None:
    assert (reopens({IDS[number]: before}, {IDS[number]: after}) == []) is holds


def test_a_red_flag_reopens_and_other_figures_do_not() -> None:
    assert reopens({IDS[1]: 10}, {IDS[1]: 90}) == []
    assert reopens({}, {}, red=[IDS[1]]) == [f"{IDS[1]}: rødt avvik | a red deviation"]


def test_reopened_by_a_later_freeze() -> None:
    tables = Tables()
    tell(tables, Event.SEND)
    approvals = Approvals(tables)
    assert approvals.reopen("0301", "2025H2-T2", [], SYSTEM, AT) is None, "not approved yet"
    tell(tables, Event.APPROVE)
    assert approvals.reopen("0301", "2025H2-T2", [], SYSTEM, AT) is None, "three is within the limit"
    tables.values["2025H2-T2"][IDS[27]] = 104
    told = approvals.reopen("0301", "2025H2-T2", [], SYSTEM, AT)
    assert told is not None
    assert (told.tilstand, told.tekst) == ("UTKAST", f"{IDS[27]}: 100 -> 104")
    assert isinstance(tell(tables, Event.FREEZE), Refused), "the old approval no longer counts"


@given(st.lists(st.tuples(st.sampled_from(Event), st.booleans(), st.integers(0, 40)), max_size=12))
def test_nothing_is_published_that_was_not_approved(steps: list[tuple[Event, bool, int]]) -> None:
    """Whatever is tried in whatever order: before each FRYST there is an approval of that hash, not re-opened since."""
    tables, at = Tables(), AT
    for event, right, days in steps:
        at += timedelta(days=days, seconds=1)
        tell(tables, event, seen="a" if right else "x", at=at, text="x")
    approved = False
    for row in tables.rows:
        if row["hendelse"] == "GODKJENT":
            approved = True
        elif row["hendelse"] in ("GJENAPNET", "SENDT", "INNSIGELSE", "REVIDERT"):
            approved = False
        elif row["hendelse"] in ("FRYST", "PUBLISERT"):
            assert approved


@given(st.sampled_from(State), st.sampled_from(Event))
def test_a_refusal_says_what_can_be_done(before: State, event: Event) -> None:
    told = decide(before, event, seen="a", current="a", text="x")
    if isinstance(told, Refused):
        assert told.code == "FEIL_TILSTAND"
        assert event.value in told.nb
