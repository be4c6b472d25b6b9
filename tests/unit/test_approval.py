"""Approval as events: what can follow what, whose hash is answered, and when it no longer holds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bvr.errors import Retry
from bvr.statistics import approval
from bvr.statistics.approval import Actor, Approvals, Call, Event, Godkjenning, Refused, State, decide, reopens, state
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
        self.meanwhile: list[Callable[[], object]] = []
        """What others do between our look and our load."""

    def query(self, sql: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        p = parameters or {}
        if "kall_nokkel = @nokkel" in sql:
            return [r for r in self.rows if r["kall_nokkel"] == p["nokkel"]]
        if "statistikk.godkjenning" in sql:
            return [r for r in self.rows if (r["kommunenummer"], r["periode"]) == (p["kommune"], p["periode"])]
        if "frysing_kommune" in sql:
            return [{"sha256": self.sha[p["id"]]}] if p["id"] in self.sha else []
        return [{"indikator": k, "verdi": v} for k, v in self.values[p["id"]].items()]

    def insert(self, table: str, rows: list[dict[str, Any]], *, once: str = "") -> None:
        if self.meanwhile:
            self.meanwhile.pop()()
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


OLA = Actor(name="Ola Nordmann", role="kommunedirektør", on_behalf_of="958935420", channel="API")


def test_of_two_that_approve_at_once_one_has_approved() -> None:
    tables = Tables()
    tell(tables, Event.SEND)
    first: list[Godkjenning | Refused] = []
    tables.meanwhile = [lambda: first.append(tell(tables, Event.APPROVE, actor=OLA))]
    second = tell(tables, Event.APPROVE)
    assert isinstance(first[0], Godkjenning)
    assert isinstance(second, Refused), "it has been approved, and Kari is told so"
    assert second.possible == (Event.FREEZE, Event.REOPEN)
    assert [(r["hendelse"], r["navn"]) for r in tables.rows[1:]] == [("GODKJENT", "Ola Nordmann")]


def test_an_objection_that_comes_first_is_not_lost() -> None:
    tables = Tables()
    tell(tables, Event.SEND)
    # The objector's clock is an hour ahead; the order is that of the events all the same.
    tables.meanwhile = [
        lambda: tell(tables, Event.OBJECT, actor=OLA, text="Bydelen mangler.", at=AT + timedelta(hours=1))
    ]
    assert isinstance(tell(tables, Event.APPROVE), Refused)
    assert isinstance(tell(tables, Event.CORRECT), Godkjenning)
    events = Approvals(tables).events("0301", "2025H2")
    assert [one.hendelse for one in events] == ["SENDT", "INNSIGELSE", "KORRIGERT"]
    assert sorted(events, key=lambda one: one.tidspunkt) == events


def test_the_same_call_is_the_same_event() -> None:
    tables = Tables()
    tell(tables, Event.SEND)
    call = Call("nokkel", "innhold")
    made = tell(tables, Event.APPROVE, call=call)
    assert tell(tables, Event.APPROVE, call=call, at=AT + timedelta(days=1)) == made
    tables.rows.pop()
    tables.jobs.clear()
    tables.meanwhile = [lambda: tell(tables, Event.APPROVE, call=call, actor=OLA)]
    twice = tell(tables, Event.APPROVE, call=call)
    assert isinstance(twice, Godkjenning)
    assert (twice.navn, len(tables.rows)) == ("Ola Nordmann", 2)
    assert Approvals(tables).made_by("nokkel") is not None


def test_whoever_is_always_late_comes_again() -> None:
    class Slow(Tables):
        def insert(self, table: str, rows: list[dict[str, Any]], *, once: str = "") -> None:
            """Somebody else's load has the id, and cannot be read yet."""

    tables = Slow()
    with pytest.raises(Retry):
        tell(tables, Event.SEND)


def test_what_has_moved_since_it_was_approved_is_not_frozen() -> None:
    tables = Tables()
    for event in (Event.SEND, Event.APPROVE):
        tell(tables, event)
    tables.values["2025H2-T2"][IDS[27]] = 104
    refused = tell(tables, Event.FREEZE, "2025H2-T2")
    assert isinstance(refused, Refused)
    assert refused.code == "TALLENE_HAR_FLYTTET_SEG"
    assert "100 -> 104" in refused.nb
    tables.values["2025H2-T2"][IDS[27]] = 103
    assert isinstance(tell(tables, Event.FREEZE, "2025H2-T2"), Godkjenning), "within the limits"
    other = tell(tables, Event.PUBLISH, "2025H2-T1")
    assert isinstance(other, Refused)
    assert other.code == "ANDRE_TALL_ER_FRYST"
    assert isinstance(tell(tables, Event.PUBLISH, "2025H2-T2"), Godkjenning)


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
    tables.sha["2025H2-T2"] = "a"
    assert approvals.reopen("0301", "2025H2-T2", [IDS[3]], SYSTEM, AT) is None, "the very figures that were approved"
    tables.sha["2025H2-T2"] = "b"
    tables.values["2025H2-T2"][IDS[27]] = 104
    told = approvals.reopen("0301", "2025H2-T2", [], SYSTEM, AT)
    assert told is not None
    assert (told.tilstand, told.tekst) == ("UTKAST", f"{IDS[27]}: 100 -> 104")
    assert approvals.reopen("0301", "2025H2-T2", [IDS[3]], SYSTEM, AT) is None, "once"
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


STEP = st.tuples(st.sampled_from(Event), st.sampled_from(("2025H2-T1", "2025H2-T2")), st.booleans())


@given(st.lists(st.tuples(STEP, st.lists(STEP, max_size=2)), max_size=10))
def test_nobody_reaches_approval_but_by_approving_what_is_there(steps: list[Any]) -> None:
    """Several at once, each between the look and the load of another: every event follows from the one before it."""
    tables = Tables()
    tables.values["2025H2-T2"][IDS[27]] = 200

    def do(step: tuple[Event, str, bool], others: list[Any]) -> None:
        event, freeze, right = step
        tables.meanwhile = [lambda one=one: do(one, []) for one in others]
        tell(tables, event, freeze, seen=tables.sha[freeze] if right else "x", text="x")
        tables.meanwhile = []

    for step, others in steps:
        do(step, others)
    now, held = State.DRAFT, None
    for row in tables.rows:
        after = approval._NEXT[now][Event(row["hendelse"])]
        assert after.value == row["tilstand"], "each is decided after the one before"
        assert row["sha256"] == tables.sha[row["frysing_id"]]
        if after is State.APPROVED:
            held = row["sha256"]
            assert row["hendelse"] == "GODKJENT"
        elif after in (State.FROZEN, State.PUBLISHED):
            assert row["sha256"] == held, "the other freeze has moved by far more than it may"
        now = after


@given(st.sampled_from(State), st.sampled_from(Event))
def test_a_refusal_says_what_can_be_done(before: State, event: Event) -> None:
    told = decide(before, event, seen="a", current="a", text="x")
    if isinstance(told, Refused):
        assert told.code == "FEIL_TILSTAND"
        assert event.value in told.nb
        assert told.possible
        assert event not in told.possible
