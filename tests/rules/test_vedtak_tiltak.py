"""What the examples of the rules on decisions and measures cannot say: pairs, counts, time and extreme dates."""

from __future__ import annotations

import time
from datetime import date, timedelta
from itertools import combinations, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bvr.model.concepts import Barnevern, Tiltak
from bvr.rules import ettervern as _ettervern  # noqa: F401 (declares its rules)
from bvr.rules import flytting as _flytting  # noqa: F401
from bvr.rules import oversendelse as _oversendelse  # noqa: F401
from bvr.rules import plan as _plan  # noqa: F401
from bvr.rules.case import Case
from bvr.rules.examples import (
    document,
    ettervern,
    flytting,
    krav,
    lov,
    oversendelse,
    personalia,
    plan,
    relasjon,
    sak,
    tiltak,
    uid,
    vedtak,
)
from bvr.rules.lovhjemmel import er_null, er_omsorgsovertakelse
from bvr.rules.options import Channel, RuleOptions
from bvr.rules.rule import RULES, Checked, check
from bvr.rules.tiltak import plasseringer_overlapper
from bvr.rules.vedtak import gjeldende_status

TODAY = date(2025, 6, 15)
MINE = ("vedtak", "tiltak", "plan", "ettervern", "flytting", "oversendelse")


def run(doc: Barnevern, today: date = TODAY, **options: Any) -> Checked:
    return check(Case(doc, today, RuleOptions(**options)))


def found(result: Checked, rule: str) -> list[Any]:
    return [f for f in result.findings if f.rule == rule]


# Tiltak 9


def periods(*spans: tuple[date, date | None]) -> Barnevern:
    """A case with a placement for each span, all resting on one decision."""
    return document(
        sak(
            vedtak(),
            *(tiltak(start=a.isoformat(), slutt=b.isoformat() if b else None, kategori="1.1") for a, b in spans),
            *(relasjon("Vedtak", "Tiltak", 1, n) for n in range(1, len(spans) + 1)),
        )
    )


def oracle(measures: tuple[Tiltak, ...], today: date) -> set[tuple[str, str, date, date, int]]:
    """Every pair of placements, looked at one by one, straight from the words of A43."""
    out = set()
    for (i, a), (j, b) in combinations(enumerate(measures), 2):
        spans = [(t.start_dato, t.konklusjon.slutt_dato if t.konklusjon else today) for t in (a, b)]
        if any(end < start for start, end in spans):
            continue
        start, end = max(s for s, _ in spans), min(e for _, e in spans)
        if (end - start).days > 90:
            last, other = (b, a) if (b.start_dato, j) > (a.start_dato, i) else (a, b)
            out.add((last.id, other.id, start, end, (end - start).days))
    return out


days = st.integers(0, 400).map(lambda n: date(2024, 6, 1) + timedelta(days=n))
spans = st.lists(st.tuples(days, st.none() | days), max_size=12)


@given(spans, st.integers(1, 80))
@settings(max_examples=300, deadline=None)
def test_overlapping_placements_are_those_of_the_oracle(drawn: list[tuple[date, date | None]], limit: int) -> None:
    doc = periods(*drawn)
    expected = oracle(doc.sak.tiltak, TODAY)
    case = Case(doc, TODAY, RuleOptions(max_findings=limit))
    listed = list(plasseringer_overlapper(doc.sak, case) or ())
    told = {
        (
            f.at.id,  # type: ignore[union-attr]
            f.parameters["annet_tiltak"],
            f.parameters["overlapp_start"],
            f.parameters["overlapp_slutt"],
            f.parameters["dager"],
        )
        for f in listed
    }
    assert told <= expected
    assert len(told) == len(listed) == min(limit, len(expected))
    assert sum(1 + f.more for f in listed) == len(expected)


@pytest.mark.parametrize("ends", ["open", "nested", "closed"])
def test_fourteen_thousand_overlapping_placements_take_seconds_and_are_counted(ends: str) -> None:
    n = 14_000
    first = date(1980, 1, 1)
    drawn = [
        (
            first + timedelta(days=i // 2),
            {"open": None, "nested": date(2024, 1, 1) - timedelta(days=i // 3), "closed": date(2024, 1, 1)}[ends],
        )
        for i in range(n)
    ]
    doc = periods(*drawn)
    case = Case(doc, TODAY, RuleOptions())
    began = time.process_time()
    listed = list(plasseringer_overlapper(doc.sak, case) or ())
    assert time.process_time() - began < 3
    assert len(listed) == 1000
    total = sum(1 + f.more for f in listed)
    if ends == "nested":
        # the pair (i, j), i < j: the later start is j's, and so is the earlier end
        expected = sum(j for j, (a, b) in enumerate(drawn) if b and (b - a).days > 90)
        assert total == expected
    else:
        assert total == n * (n - 1) // 2


def test_a_finding_stands_on_the_measure_and_the_counts_are_true() -> None:
    doc = periods(*((date(2024, 1, n), None) for n in range(1, 21)))
    result = run(doc, max_findings=7)
    (first, *_) = placements = found(result, "tiltak-9")
    assert first.element == "Tiltak"
    assert first.path.startswith("/Barnevern/Sak/Tiltak[")
    assert first.element_id in {t.id for t in doc.sak.tiltak}
    assert len(placements) <= 7
    assert result.truncated
    full = run(doc)
    assert not full.truncated
    assert len(found(full, "tiltak-9")) == 190
    assert full.counts == result.counts


def test_at_least_one_pair_is_told_even_when_nothing_may_be_listed() -> None:
    doc = periods(*((date(2024, 1, n), None) for n in range(1, 4)))
    (only,) = plasseringer_overlapper(doc.sak, Case(doc, TODAY, RuleOptions(max_findings=0)))  # type: ignore[misc]
    assert only.more == 2


# Relations


def test_many_relations_of_one_decision_take_seconds() -> None:
    n = 7_000
    doc = document(
        sak(
            vedtak(status=(("2024-03-01", "2"),), lovhjemmel=lov("BVL")),
            *(tiltak() for _ in range(n)),
            *(relasjon("Vedtak", "Tiltak", 1, i + 1) for i in range(n)),
        )
    )
    case = Case(doc, TODAY, RuleOptions())
    began = time.process_time()
    assert len(case.targets(doc.sak.vedtak[0], "Tiltak")) == n
    assert all(len(case.sources("Vedtak", t)) == 1 for t in doc.sak.tiltak)
    assert not case.refers(doc.sak.vedtak[0], "OversendelseFylkesnemnd")
    assert time.process_time() - began < 3


@given(
    st.lists(
        st.tuples(st.sampled_from(["2024-01-01", "2024-01-02", "2024-01-03"]), st.sampled_from("1234")), min_size=1
    )
)
def test_the_current_status_is_the_latest_and_last(statuses: list[tuple[str, str]]) -> None:
    current = gjeldende_status(vedtak(status=tuple(statuses)))
    assert current is not None
    assert current.kode == sorted(statuses, key=lambda s: s[0])[-1][1]  # sorting is stable


def test_a_demand_and_a_status_are_told_on_themselves() -> None:
    own = vedtak(
        start="2024-02-20",
        slutt="2024-05-01",
        krav=(krav("2024-02-20"), krav("2024-02-19", id=uid("Krav", 2))),
        status=(("2024-02-20", "1"), ("2024-05-02", "3")),
    )
    result = run(document(sak(vedtak(er_slettet=True), own)))
    (demand,) = found(result, "vedtak-2h")
    assert (demand.element, demand.element_id) == ("Krav", uid("Krav", 2))
    assert demand.path == "/Barnevern/Sak/Vedtak[2]/Krav[2]"
    (status,) = found(result, "vedtak-2i")
    assert (status.element, status.element_id) == ("Status", uid("Status", 2))
    assert status.path == "/Barnevern/Sak/Vedtak[2]/Status[2]"


def test_thousands_of_faulty_demands_and_statuses_take_seconds() -> None:
    n = 7_000
    demands = tuple(krav("2024-02-05", "2024-02-04", id=uid("Krav", i + 1)) for i in range(n))
    doc = document(sak(personalia(), vedtak(slutt="2024-03-01", krav=demands, status=(("2024-02-01", "1"),) * n)))
    began = time.process_time()
    result = run(doc)
    assert time.process_time() - began < 3
    assert sum(result.counts.values()) == 3 * n
    assert result.truncated
    assert len({f.path for f in found(result, "vedtak-2f")}) == len(found(result, "vedtak-2f")) > 0


# Legal bases


@given(st.from_regex(r"\A\d{1,4}[a-z]{0,2}\Z"))
def test_any_digits_of_a_legal_basis_are_survived(text: str) -> None:
    basis = lov("BVL", text[:3], text[:4], ledd=(text[:3],), punktum=(text[:3],))
    measure = tiltak(lovhjemmel=basis, jmfr=(basis,), kategori="2.1", slutt="2024-05-01")
    run(document(sak(personalia(), measure, vedtak(lovhjemmel=basis), relasjon("Vedtak", "Tiltak"))))
    assert er_null(text) == (text.isdecimal() and not any(int(c) for c in text))
    er_omsorgsovertakelse(measure)


# Extreme dates

EXTREMES = (date.min, date(1, 3, 1), date(2024, 2, 29), date.max)


@pytest.mark.parametrize("today", EXTREMES)
@pytest.mark.parametrize("age_at", ["end", "today"])
def test_extreme_dates_never_crash(today: date, age_at: str) -> None:
    for a, b, c in product(EXTREMES, repeat=3):
        start, end, other = a.isoformat(), b.isoformat(), c.isoformat()
        for slutt in (end, None):
            case = sak(
                personalia(fodt=other, start=start),
                vedtak(start=start, slutt=slutt, krav=(krav(other, end),), status=((other, "2"), (end, "3"))),
                *(
                    tiltak(start=start, slutt=slutt, kategori=k, lovhjemmel=lov("BVL2021", "5", "1"))
                    for k in ("1.1", "2.1", "4.1", "4.2")
                ),
                plan(start=start, slutt=slutt, evaluert=(other,)),
                ettervern(sendt=start, slutt=slutt),
                flytting(slutt=end),
                oversendelse(start=start),
                relasjon("Vedtak", "Tiltak"),
                start=other,
                slutt=slutt,
            )
            for channel in Channel:
                check(Case(document(case), today, RuleOptions(tiltak_age_at=age_at), channel))


# What is told


def test_a_migrated_measure_is_never_worse_than_one_that_is_not() -> None:
    for r in RULES.values():
        if r.id.split("-")[0] in MINE:
            for channel in Channel:
                assert r.severity_for(True, channel) <= r.severity_for(False, channel)


def test_every_rule_of_the_production_protocol_is_named() -> None:
    expected = {
        "vedtak": ("DECISION", "02A 02C 02E 02F 02G 02H 02I 02J 03 04 05 19 20"),
        "tiltak": ("MEASURE", "02A 02C 02E 05 06 07 08 09 12 13 14 19 20 21 22 23"),
        "plan": ("PLAN", "02A 02C 02E 02F 02G 19"),
        "ettervern": ("AFTERCARE", "02A 02C 02E"),
        "flytting": ("RELOCATION", "02C 02F"),
        "oversendelse": ("CASE_FORWARDING", "02E 02F 05"),
    }
    for area, (prefix, numbers) in expected.items():
        named = {r.ssb for r in RULES.values() if r.id.split("-")[0] == area}
        assert named == {f"{prefix}_{n}" for n in numbers.split()}


@given(st.permutations(range(5)), st.integers(0, 4))
@settings(max_examples=50, deadline=None)
def test_duplicate_measures_are_found_whatever_their_order_and_ids(order: list[int], different: int) -> None:
    """A35: the same but for every Id at any depth, repeated children in any order."""
    grounds = [lov("BVL2021", "3", str(n)) for n in range(1, 4)]
    same = [
        tiltak(
            start="2024-03-01",
            slutt="2024-05-01",
            jmfr=tuple(grounds[i % 3 :] + grounds[: i % 3]),
            id=uid("Tiltak", i + 1),
        )
        for i in range(5)
    ]
    same[different] = replace(same[different], start_dato=date(2024, 3, 2))
    result = run(document(sak(*(same[i] for i in order))))
    told = {f.element_id for f in found(result, "tiltak-19")}
    assert told == {uid("Tiltak", i + 1) for i in range(5) if i != different}
