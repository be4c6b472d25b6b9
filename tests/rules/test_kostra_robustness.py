"""The KOSTRA rules on clients nobody would send: no crash, no slowness, fixed order, nothing told of a person."""

from __future__ import annotations

import json
import re
import time
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bvr.errors import Broken
from bvr.findings import Severity
from bvr.kostra import decode
from bvr.kostra.concepts import CODES, Avgiver, Barnevern, Individ
from bvr.kostra.rules import RULES, FileCheck, KostraFinding, KostraOptions, Reading, check_avgiver, check_individ
from bvr.kostra.rules import rule as engine
from bvr.kostra.rules.examples import BOY, avgiver, form, individ, melding, nummer, plan, tiltak
from bvr.kostra.rules.finding import HIDDEN
from bvr.kostra.rules.options import all_as, switches
from bvr.model.codelists import codelist
from bvr.model.types import Concept, Field, Person, fields
from bvr.model.xml import encode

OPTIONS = [KostraOptions(), all_as(Reading.TEXT), all_as(Reading.IMPLEMENTED, blank_is_missing=False)]

_DAYS = st.sampled_from(
    [
        date.min,
        date(1, 1, 2),
        date(1998, 1, 1),
        date(1999, 1, 1),
        date(2022, 12, 31),
        date(2023, 1, 1),
        date(2023, 12, 31),
        date(2024, 2, 29),
        date(2024, 6, 30),
        date(2024, 12, 31),
        date(2050, 1, 1),
        date(9999, 10, 1),
        date.max,
    ]
)
_WORDS = st.sampled_from(["", " ", "  ", "{}", "{kode}", "0", "4", "12", "BVL", "BVL2021", "a", "<script>", "😀" * 5])


@st.composite
def numbers(draw: st.DrawFn, count: int) -> str:
    digits = draw(st.sampled_from(["0123456789", "٠١٢٣٤٥٦٧٨٩"]))
    picks = draw(st.lists(st.integers(0, 9), min_size=count, max_size=count))
    ending = draw(st.sampled_from(["", "00100", "00200", "99999", "55555"]))
    plain = ("".join(map(str, picks))[: count - len(ending)] + ending) if count == 11 else "".join(map(str, picks))
    return "".join(digits[int(c)] for c in plain)


def value(f: Field) -> st.SearchStrategy[Any]:
    simple = f.simple
    assert simple is not None
    if simple.codes:
        return st.sampled_from([*sorted(codelist(simple.codes)), "", "x"])
    if simple.base == "date":
        return _DAYS
    if f.xml in ("Fodselsnummer", "DUFnummer"):
        length = 11 if f.xml == "Fodselsnummer" else 12
        return numbers(length) | st.sampled_from([BOY, nummer("1990-01-01"), "", " " * length])
    if f.xml == "Avslutta3112":
        return st.sampled_from(["1", "2", ""])
    return _WORDS


def concept(kind: type[Concept]) -> st.SearchStrategy[Any]:
    found: dict[str, st.SearchStrategy[Any]] = {}
    for f in fields(kind):
        one = concept(f.concept) if f.concept else value(f)
        found[f.name] = st.lists(one, max_size=3).map(tuple) if f.many else one if f.required else st.none() | one
    return st.builds(kind, **found)


CLIENTS = st.deferred(lambda: concept(Individ))


@given(CLIENTS, st.sampled_from([1, 2013, 2024, 9999]), st.sampled_from(["0301", "3301", ""]), st.sampled_from(OPTIONS))
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_client_makes_a_rule_crash(client: Individ, year: int, kommune: str, options: KostraOptions) -> None:
    """Also what no schema would let through: rules never trust that it has been there."""
    about = form(year, kommunenummer=kommune)
    found = check_individ(client, about, options, 3)
    assert found == check_individ(client, about, options, 3)
    assert list(found) == sorted(found, key=lambda f: f.order)
    for f in found:
        assert f.path.startswith("/Barnevern/Individ[3]")
        assert f.severity in (Severity.ERROR, Severity.WARNING)


@given(st.lists(CLIENTS, max_size=6), st.sampled_from(OPTIONS))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_file_makes_a_rule_crash(clients: list[Individ], options: KostraOptions) -> None:
    over_file = FileCheck(form(), options)
    for client in clients:
        over_file.add(client)
    found = over_file.finish()
    assert found == over_file.finish()


@given(concept(Avgiver), st.sampled_from([1, 2024, 9999]), st.sampled_from(OPTIONS))
@settings(max_examples=60, deadline=None)
def test_no_sender_makes_a_rule_crash(sender: Avgiver, year: int, options: KostraOptions) -> None:
    check_avgiver(sender, form(year), options)


_CLIENTS = [i for r in RULES.values() for e in r.examples if not isinstance(e.individ, bytes) for i in e.individ]


@given(st.lists(st.sampled_from(_CLIENTS), min_size=2, max_size=6), st.sampled_from(OPTIONS))
@settings(max_examples=150, deadline=None)
def test_examples_put_together_make_no_rule_crash(clients: list[Individ], options: KostraOptions) -> None:
    together = {f.name: tuple(e for c in clients for e in getattr(c, f.name)) for f in fields(Individ) if f.concept}
    client = msgspec.structs.replace(clients[0], **together)
    assert check_individ(client, form(), options) == check_individ(client, form(), options)


# --- what is told ----------------------------------------------------------------------------------------------------


def _secrets(element: Any) -> set[str]:
    out = set()
    for f in fields(type(element)):
        for one in (
            [v] if not f.many and (v := getattr(element, f.name)) is not None else getattr(element, f.name) or ()
        ):
            if f.concept is not None:
                out |= _secrets(one)
            elif f.doc.person is not Person.NONE and f.name != "journalnummer":
                out.add(str(one))
    return out


def test_nothing_is_told_of_a_person_whatever_the_keys_hold() -> None:
    """A client that breaks most rules, whose every key repeats its number."""
    wrong = BOY[:-1] + str((int(BOY[-1]) + 1) % 10)
    for number in (BOY, wrong, "14031200400"):
        client = individ(
            melding(start="1990-01-01", slutt="2025-06-01", melder=(("22", "Hemmelig navn"), "22"), id=number),
            plan(start="2026-01-01", slutt="1990-02-02", evaluert="1990-01-01", id=f"P{number}"),
            *(tiltak(start="2020-01-01", kategori="1.99", id=f"{number[:6]} {number[6:]}") for _ in range(3)),
            nr=number,
            duf="299900000137",
            journalnummer=number,
            id=f"{number}-1",
            slutt="2024-01-01",
            avsluttet=True,
            saksbehandler="Kari Hemmelig",
        )
        over_file = FileCheck(form(), KostraOptions())
        for _ in range(2):
            over_file.add(client)
        found = [*check_individ(client, form(), KostraOptions()), *over_file.finish()]
        assert len({f.rule for f in found}) > 10
        for f in found:
            text = json.dumps(msgspec.to_builtins(f), ensure_ascii=False)
            assert number not in re.sub(r"[ \-]", "", text)
            assert not [s for s in _secrets(client) if s in text]
            assert f.journalnummer == HIDDEN
    assert {"Kari Hemmelig", "Hemmelig navn"} <= _secrets(client)


@pytest.mark.parametrize("number", [BOY, "12345678901"])
def test_a_client_that_breaks_the_schema_is_not_named_by_its_number(number: str) -> None:
    good = encode(Barnevern(avgiver=avgiver(), individ=(individ(nr=number, journalnummer=f"J{number}"),)), CODES)  # type: ignore[arg-type]
    *_, finding, last = decode.read(good.replace(b'StartDato="2020', b'StartDato="x'))
    assert isinstance(finding, KostraFinding)
    assert isinstance(last, KostraFinding)
    assert (finding.rule, finding.journalnummer, last.rule) == ("kostra-individ-01", HIDDEN, "kostra-individ-00")
    assert number not in msgspec.json.encode(finding).decode()


def test_a_crash_tells_the_rule_and_nothing_of_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(record: Any, k: Any) -> None:
        raise ValueError(f"about {k.individ.fodselsnummer}")

    broken = msgspec.structs.replace(RULES["kostra-individ-02a"], check=crash)
    monkeypatch.setitem(engine.RULES, broken.id, broken)
    engine.plan.cache_clear()
    try:
        with pytest.raises(Broken, match="rule kostra-individ-02a: ValueError on Individ") as caught:
            check_individ(individ(), form(), KostraOptions())
    finally:
        monkeypatch.undo()
        engine.plan.cache_clear()
    assert caught.value.__suppress_context__
    assert BOY not in str(caught.value)


# --- cost ------------------------------------------------------------------------------------------------------------


def _overlaps(spans: list[tuple[date, date]], reading: Reading) -> list[bool]:
    """kostra-tiltak-09 as its sentence says it, pair by pair."""
    from bvr.rules.case import add_months

    def long(a: tuple[date, date], b: tuple[date, date]) -> bool:
        first, last = max(a[0], b[0]), min(a[1], b[1])
        return (last - first).days >= 90 if reading is Reading.IMPLEMENTED else add_months(first, 3) < last

    return [any(long(a, b) for b in spans[n + 1 :]) for n, a in enumerate(spans)]


_SPANS = st.lists(
    st.tuples(st.integers(0, 700), st.integers(-10, 400)).map(
        lambda s: (date(2023, 1, 1) + timedelta(s[0]), date(2023, 1, 1) + timedelta(sum(s)))
    ),
    max_size=12,
)


@given(_SPANS, st.sampled_from(Reading))
@settings(max_examples=400, deadline=None)
def test_overlaps_are_those_of_the_definition(spans: list[tuple[date, date]], reading: Reading) -> None:
    client = individ(*(tiltak(start=str(a), slutt=str(b), kategori="1.1") for a, b in spans))
    found = [f for f in check_individ(client, form(), KostraOptions(tiltak_09=reading)) if f.rule == "kostra-tiltak-09"]
    told = {f.element_id: f for f in found}
    assert [f"Tiltak-{n}" in told for n in range(1, len(spans) + 1)] == _overlaps(spans, reading)
    by_id = {f"Tiltak-{n}": span for n, span in enumerate(spans, 1)}
    for name, f in told.items():
        mine, other = by_id[name], by_id[f.parameters["annet"]]
        assert _overlaps([mine, other], reading)[0]
        assert int(f.parameters["annet"][7:]) > int(name[7:])
        assert (f.parameters["fra"], f.parameters["til"]) == (max(mine[0], other[0]), min(mine[1], other[1]))


def _seconds(count: int) -> float:
    start = date(2000, 1, 1)
    placed = tuple(
        tiltak(start=str(start + timedelta(n)), slutt=str(start + timedelta(2 * count - n)), kategori="1.1", id=str(n))
        for n in range(count)
    )
    client = msgspec.structs.replace(individ(), tiltak=placed)
    taken = []
    for _ in range(3):  # the best: a collection of garbage in between is not what is asked about
        begun = time.process_time()
        check_individ(client, form(), KostraOptions())
        taken.append(time.process_time() - begun)
    return min(taken)


def test_a_client_with_very_many_placements_costs_in_proportion() -> None:
    _seconds(100)
    assert _seconds(2000) < 8 * _seconds(500) + 0.05


def test_readings_cover_every_switch() -> None:
    assert len(switches()) == 23


def test_findings_survive_being_stored() -> None:
    (finding, *_) = check_individ(individ(), form(), KostraOptions())
    again = msgspec.json.decode(msgspec.json.encode(finding), type=KostraFinding)
    assert again.message_nb == finding.message_nb
    assert again.journalnummer == "2020/17"
