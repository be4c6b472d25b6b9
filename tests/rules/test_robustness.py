"""The engine and the rules on documents nobody would send: no crash, no slowness, true counts, fixed order."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bvr.errors import Broken
from bvr.findings import Severity
from bvr.model.codelists import codelist
from bvr.model.concepts import BEGREP, Avgiver, Barnevern, Sak
from bvr.model.types import Concept, Field, fields
from bvr.pipeline import day_in_norway
from bvr.rules import RULES, Checked, Rule, check
from bvr.rules import rule as engine
from bvr.rules.case import Case
from bvr.rules.examples import (
    document,
    flytting,
    kommune,
    krav,
    lov,
    melding,
    personalia,
    plan,
    relasjon,
    sak,
    slettet,
    tiltak,
    uid,
    undersokelse,
    vedtak,
)
from bvr.rules.options import Channel, RuleOptions
from bvr.rules.rule import ERROR, INFO, WARNING, fired

TODAY = date(2025, 6, 15)
ALL = RuleOptions(own_rules=True)


def run(doc: Barnevern, today: date = TODAY, channel: Channel = Channel.FAGSYSTEM, **options: Any) -> Checked:
    return check(Case(doc, today, RuleOptions(**options), channel, frozenset()))


# --- any document ----------------------------------------------------------------------------------------------------

_DAYS = st.sampled_from(
    [
        date.min,
        date(1, 1, 2),
        date(1, 9, 30),
        date(1900, 1, 1),
        date(2000, 2, 29),
        date(2012, 3, 14),
        date(2022, 12, 31),
        date(2023, 1, 1),
        date(2024, 2, 29),
        date(2025, 6, 15),
        date(2032, 1, 1),
        date(9999, 12, 30),
        date.max,
    ]
)
_DIGITS = st.sampled_from(["0123456789", "٠١٢٣٤٥٦٧٨٩", "०१२३४५६७८९", "０１２３４５６７８９"])
_IDS = st.builds(lambda n, up: uid("Sak", n).upper() if up else uid("Sak", n), st.integers(1, 4), st.booleans())
_TEXT = st.sampled_from(["", " ", "\u00a0\u2028", "{}", "{0}", "{kode}", "nabo", "😀" * 20])


@st.composite
def numbers(draw: st.DrawFn, count: int) -> str:
    script = draw(_DIGITS)
    picks = draw(st.lists(st.integers(0, 9), min_size=count, max_size=count))
    ending = draw(st.sampled_from(["", "00100", "00200", "99999"]))
    plain = "".join(map(str, picks))
    plain = plain[: count - len(ending)] + ending if count == 11 else plain
    return "".join(script[int(c)] for c in plain)


def value(f: Field) -> st.SearchStrategy[Any]:
    simple = f.simple
    assert simple is not None
    if f.xml == "Id" or f.xml in ("TilId", "FraId"):
        return _IDS | st.just("M-1")
    if f.xml == "MigrertId":
        return st.just("M-1")
    if simple.codes:
        return st.sampled_from(sorted(codelist(simple.codes)))
    if simple.base == "date":
        return _DAYS
    if simple.base == "dateTime":
        return st.just(datetime(2025, 6, 15, 12, tzinfo=UTC))
    if simple.base == "boolean":
        return st.booleans()
    if simple.pattern and simple.min_length == simple.max_length and simple.pattern.startswith(r"\d{"):
        return numbers(simple.min_length or 0)
    if simple.pattern:
        return st.sampled_from(["0", "00", "0a", "1", "2", "3", "4", "5", "8", "12", "12a", "٠", "٣"])
    return _TEXT


def concept(kind: type[Concept]) -> st.SearchStrategy[Any]:
    found: dict[str, st.SearchStrategy[Any]] = {}
    for f in fields(kind):
        one = concept(f.concept) if f.concept else value(f)
        if f.many:
            found[f.name] = st.lists(one, min_size=f.shape.at_least, max_size=3).map(tuple)
        else:
            found[f.name] = one if f.required else st.none() | one
    return st.builds(kind, **found)


DOCUMENTS = st.deferred(lambda: concept(Barnevern))


@given(DOCUMENTS, _DAYS, st.sampled_from(Channel), st.booleans(), st.sampled_from(["days", "months"]))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_document_makes_a_rule_crash(
    doc: Barnevern, today: date, channel: Channel, own: bool, deadline: str
) -> None:
    """Also what no schema would let through: rules never trust that it has been there."""
    options: Any = {"own_rules": own, "undersokelse_deadline": deadline, "tiltak_age_at": "today" if own else "end"}
    result = run(doc, today, channel, **options)
    assert result == run(doc, today, channel, **options)
    assert result.findings == tuple(sorted(result.findings, key=lambda f: f.order))
    assert not result.truncated
    assert Counter(f.severity for f in result.findings) == Counter(result.counts)
    for f in result.findings:
        assert f.path.startswith("/Barnevern/")


_SAKER = [e.document.sak for r in RULES.values() for e in r.examples]


@given(
    st.lists(st.sampled_from(_SAKER), min_size=2, max_size=6), st.sampled_from(Channel), st.sampled_from([None, "17"])
)
@settings(max_examples=150, deadline=None)
def test_examples_put_together_make_no_rule_crash(saker: list[Sak], channel: Channel, migrated: str | None) -> None:
    """What every rule looks for, in one case: elements that share their Ids, relations that name several."""
    together = {f.name: tuple(e for s in saker for e in getattr(s, f.name)) for f in fields(Sak) if f.concept}
    doc = document(replace(saker[0], migrert_id=migrated, er_slettet=None, **together))
    result = run(doc, channel=channel, own_rules=True)
    assert result == run(doc, channel=channel, own_rules=True)
    assert Counter(f.severity for f in result.findings) == Counter(result.counts)


def test_codes_that_no_list_has() -> None:
    """Data that were not read with this schema may have them; what they mean is not for these rules to say."""
    doc = document(sak(personalia(kjonn="9"), melding(melder=("77",), saksinnhold=("x",)), tiltak(kategori="3.70")))
    assert {f.rule for f in run(doc, own_rules=True).findings} == {"personalia-14", "tiltak-20"}


@pytest.mark.parametrize("moment", [datetime.min, datetime.max])
@pytest.mark.parametrize("hours", [-14, 0, 14])
def test_the_first_and_the_last_moment_of_the_calendar(moment: datetime, hours: int) -> None:
    at = moment.replace(tzinfo=timezone(timedelta(hours=hours)))
    today = day_in_norway(at)
    assert abs(today - moment.date()) <= timedelta(1)
    doc = replace(document(sak(personalia(), melding(slutt="2024-02-03"), slutt="2024-03-01")), dato_uttrekk=at)
    run(doc, today)


@pytest.mark.parametrize("number", ["", "1", "14031200", "1483129992", "x" * 11, "99999", "ab99999", "148312999251"])
def test_numbers_that_no_schema_would_let_through(number: str) -> None:
    for sex in "012":
        result = run(document(sak(personalia(number, kjonn=sex, duf=number))))
        assert {"personalia-12", "personalia-17"} <= {f.rule for f in result.findings}


# --- order -----------------------------------------------------------------------------------------------------------


def test_findings_stand_worst_first_then_by_rule_and_element() -> None:
    doc = document(
        sak(
            *(tiltak("2019-01-01", kategori=k) for k in ("1.99", "2.99", "3.1")),
            *(melding("2019-01-01", slutt="2019-03-01", melder=()) for _ in range(3)),
            slutt="2019-02-01",
        )
    )
    result = run(doc)
    keys = [(-f.severity, f.rule, f.element_id) for f in result.findings]
    assert keys == sorted(keys)
    assert len({f.severity for f in result.findings}) == 3


def test_findings_do_not_depend_on_the_order_of_declaration(monkeypatch: pytest.MonkeyPatch) -> None:
    doc = document(sak(melding("2019-01-01", slutt="2018-01-01", melder=()), tiltak("2019-01-01", kategori="1.99")))
    before = run(doc)
    monkeypatch.setattr(engine, "RULES", dict(reversed(RULES.items())))
    engine._plan.cache_clear()
    try:
        after = run(doc)
    finally:
        monkeypatch.undo()
        engine._plan.cache_clear()
    assert before.findings == after.findings
    assert msgspec.json.encode(before.findings) == msgspec.json.encode(after.findings)


# --- counts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 7, 1000])
def test_counts_are_true_when_the_list_is_cut(limit: int) -> None:
    faulty = [
        melding("2019-01-01", slutt="2019-03-01", melder=(), migrert_id="17" if n % 2 else None) for n in range(40)
    ]
    placed = [tiltak("2021-01-01", kategori="1.1") for _ in range(20)]
    doc = document(sak(personalia(), *faulty, *placed))
    whole = run(doc, max_findings=1_000_000)
    cut = run(doc, max_findings=limit)
    assert not whole.truncated
    assert sum(whole.counts.values()) == len(whole.findings)
    assert cut.counts == whole.counts
    assert cut.worst is whole.worst is ERROR
    assert len(cut.findings) == min(limit, len(whole.findings))
    assert cut.truncated == (len(whole.findings) > limit)
    assert set(map(str, cut.findings)) <= set(map(str, whole.findings))
    assert cut.findings[0].severity is ERROR


@pytest.mark.parametrize(
    ("members", "listed", "more"), [(2, 1, False), (21, 20, False), (22, 20, True), (50, 20, True)]
)
def test_a_double_names_at_most_twenty_others_and_never_itself(members: int, listed: int, more: bool) -> None:
    found = [f for f in run(document(sak(*(plan() for _ in range(members))))).findings if f.rule == "plan-19"]
    assert len(found) == members
    for f in found:
        others = f.parameters["andre"].removesuffix(" …").split(", ")
        assert f.parameters["antall"] == members - 1
        assert (len(others), f.parameters["andre"].endswith(" …")) == (listed, more)
        assert f.element_id not in others
        assert len(set(others)) == listed


def test_further_findings_of_a_rule_are_counted(replaced: Callable[..., None]) -> None:
    replaced("sak-21", check=lambda s, case: [fired(more=4), fired()])
    result = run(document(sak(personalia())))
    assert sum(f.rule == "sak-21" for f in result.findings) == 2
    assert result.counts[ERROR] == 6
    assert result.truncated


# --- time ------------------------------------------------------------------------------------------------------------


def _ids(name: str, n: int) -> list[str]:
    return [uid(name, i + 1) for i in range(n)]


def _reports(n: int) -> Sak:
    """Reports alike in all but their Ids, each with an investigation."""
    links = [relasjon("Melding", "Undersokelse", i + 1, i + 1) for i in range(n // 3)]
    return sak(*(melding(slutt="2024-02-02") for _ in range(n // 3)), *(undersokelse() for _ in range(n // 3)), *links)


def _measures(n: int) -> Sak:
    """One decision behind every measure, every measure a placement at the same time."""
    links = [relasjon("Vedtak", "Tiltak", 1, i + 1) for i in range(n // 2)]
    other = lov("BVL", "4", "12")
    return sak(vedtak(), *(tiltak("2021-01-01", kategori="1.1", lovhjemmel=other) for _ in range(n // 2)), *links)


def _links(n: int) -> Sak:
    """Relations from one decision to one request, over and over, and to nothing."""
    return sak(
        vedtak(status=(("2024-03-01", "2"),)),
        *(relasjon("Vedtak", "OversendelseFylkesnemnd", 1, i % 7 + 1) for i in range(n)),
    )


def _demands(n: int) -> Sak:
    demands = tuple(krav("1950-01-02", "1950-01-01", id=i) for i in _ids("Krav", n))
    return sak(vedtak(slutt="2024-03-01", krav=demands, status=(("1950-01-01", "1"),) * n))


def _dates(n: int) -> Sak:
    return sak(plan("1950-01-01", evaluert=("1950-01-01",) * n), *(flytting("1950-01-01") for _ in range(n // 2)))


def _people(n: int) -> Sak:
    return sak(*(personalia("14831299926", "1950-01-01") for _ in range(n)))


def _deleted(n: int) -> Sak:
    return sak(*(slettet("Plan", i) for i in _ids("Plan", n)), *(plan(er_slettet=True) for _ in range(n)))


@pytest.mark.parametrize("build", [_reports, _measures, _links, _demands, _dates, _people, _deleted])
def test_time_grows_with_the_document(build: Callable[[int], Sak]) -> None:
    """Four times the elements take about four times as long; sixteen would be a loop in a loop."""

    def took(n: int) -> float:
        doc = document(build(n))
        best = 99.0
        for _ in range(3):
            began = time.process_time()
            check(Case(doc, TODAY, ALL, Channel.KOSTRA, frozenset()))
            best = min(best, time.process_time() - began)
        return best

    small, large = took(2_000), took(8_000)
    assert large < 8 * max(small, 0.005), (small, large)
    assert large < 3


# --- a rule that fails -----------------------------------------------------------------------------------------------


@pytest.fixture
def replaced(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    def install(rule_id: str, **changes: Any) -> None:
        monkeypatch.setitem(engine.RULES, rule_id, replace(RULES[rule_id], **changes))
        engine._plan.cache_clear()

    yield install
    monkeypatch.undo()
    engine._plan.cache_clear()


def _at_once(element: Any, case: Case) -> Any:
    raise ZeroDivisionError("14831299925")


def _midway(element: Any, case: Case) -> Iterator[Any]:
    yield fired()
    raise KeyError("14831299925")


@pytest.mark.parametrize("crash", [_at_once, _midway])
@pytest.mark.parametrize("rule_id", ["avgiver-1", "sak-21", "personalia-12", "melding-4", "vedtak-2f"])
def test_a_crash_is_broken_and_names_the_rule(rule_id: str, crash: Any, replaced: Callable[..., None]) -> None:
    replaced(rule_id, check=crash)
    doc = document(sak(personalia(), melding(), vedtak(), plan("1950-01-01")))
    with pytest.raises(Broken, match=f"rule {rule_id}") as caught:
        run(doc)
    assert "14831299925" not in str(caught.value)
    assert caught.value.__cause__ is not None


# --- what a rule needs -----------------------------------------------------------------------------------------------

_ON_AGE = {"sak-7", "sak-8", "tiltak-5", "tiltak-6", "tiltak-13"}


def test_what_rules_need() -> None:
    assert {r.id for r in RULES.values() if "born" in r.needs} == _ON_AGE
    assert {r.id for r in RULES.values() if "history" in r.needs} == {"sak-22"}


def test_rules_on_age_are_told_when_nobody_is_registered() -> None:
    result = run(document(sak(tiltak(kategori="4.1"))))
    assert {n.rule for n in result.not_checked} == _ON_AGE
    assert all(n.reason_nb and n.reason_en and n.reason_nb != n.reason_en for n in result.not_checked)
    assert "personalia-11" in {f.rule for f in result.findings}
    assert run(document(sak(personalia(), tiltak()))).not_checked == ()


def test_nothing_is_told_of_rules_that_had_nothing_to_look_at() -> None:
    assert {n.rule for n in run(document(sak())).not_checked} == {"sak-7", "sak-8"}
    without_history = check(Case(document(sak(personalia())), TODAY, RuleOptions()))
    assert without_history.not_checked == ()


def test_deletions_are_told_when_there_is_no_history() -> None:
    doc = document(sak(personalia(), slettet()))
    (told,) = check(Case(doc, TODAY, RuleOptions())).not_checked
    assert told.rule == "sak-22"
    assert run(doc).not_checked == ()
    assert "sak-22" in {f.rule for f in run(doc).findings}


# --- a deleted case, and deleted elements (A50) ----------------------------------------------------------------------


def _worst_case(**about: Any) -> Barnevern:
    """A case on which many rules fire."""
    return document(
        sak(
            personalia("14831299926", kjonn="2", start="1950-01-01", duf="299900000103"),
            melding("1950-01-01", slutt="1949-01-01", melder=("22",), saksinnhold=("18",)),
            undersokelse("1950-01-01", slutt="1949-01-01", kode="1"),
            vedtak("1950-01-01", slutt="1949-01-01", krav=(krav("1949-01-01", "1948-01-01"),)),
            tiltak("1950-01-01", slutt="1949-01-01", kategori="1.99", lovhjemmel=lov("BVL2021", "0", "0")),
            plan("1950-01-01", slutt="1949-01-01", evaluert=("1948-01-01",)),
            flytting("1948-01-01"),
            start="2020-01-01",
            slutt="2019-01-01",
            **about,
        ),
        avgiver=kommune("958935420", "0301", "Oslo"),
    )


def test_a_deleted_case_runs_the_rule_on_the_reporter_only() -> None:
    assert len({f.rule for f in run(_worst_case()).findings}) > 20
    result = run(_worst_case(er_slettet=True))
    assert [f.rule for f in result.findings] == ["avgiver-1"]
    assert result.counts == {ERROR: 1}
    assert {n.rule for n in result.not_checked} == {
        r.id for r in RULES.values() if r.target is not Avgiver and not r.own and not r.until
    }


def test_deleted_elements_are_seen_by_no_rule() -> None:
    doc = _worst_case()
    gone = {
        f.name: tuple(replace(e, er_slettet=True) for e in getattr(doc.sak, f.name))
        for f in fields(Sak)
        if f.concept and hasattr(f.concept, "er_slettet")
    }
    result = run(replace(doc, sak=replace(doc.sak, **gone)), own_rules=True)
    assert {f.rule for f in result.findings} == {"avgiver-1", "personalia-11", "sak-2a"}


def test_every_element_with_a_name_can_be_deleted() -> None:
    assert all(hasattr(c, "er_slettet") for c in BEGREP.values())
    case = Case(document(sak(relasjon("Melding", "Plan", er_slettet=True))), TODAY, RuleOptions())
    assert case.sak.relasjon == ()
    assert len(case.document.sak.relasjon) == 1


# --- softening by type of element (A51) ------------------------------------------------------------------------------


def _severities(result: Checked) -> dict[str, Severity]:
    return {f.rule: f.severity for f in result.findings}


@pytest.mark.parametrize(
    ("rule_id", "own", "owner"),
    [
        # (rule, the migrated element that softens it, elements that must not)
        ("avgiver-1", "sak", ()),
        ("sak-2a", "sak", ()),
        ("personalia-12", "sak", ()),
        ("melding-2a", "melding", ("sak",)),
        ("melder-2", "melding", ("sak",)),
        ("undersokelse-2a", "undersokelse", ("sak", "melding")),
        ("vedtak-2a", "vedtak", ("sak",)),
        ("vedtak-2f", "vedtak", ("sak",)),
        ("vedtak-2h", "vedtak", ("sak",)),
        ("tiltak-14", "tiltak", ("sak", "vedtak")),
        ("plan-2g", "plan", ("sak",)),
        ("flytting-2f", "flytting", ("sak",)),
    ],
)
def test_kostra_softens_by_the_element_that_can_carry_a_migrert_id(
    rule_id: str, own: str, owner: tuple[str, ...]
) -> None:
    def migrated(place: str) -> Barnevern:
        doc = _worst_case()
        if place == "sak":
            return replace(doc, sak=replace(doc.sak, migrert_id="17"))
        elements = tuple(replace(e, migrert_id="17") for e in getattr(doc.sak, place))
        return replace(doc, sak=replace(doc.sak, **{place: elements}))

    assert _severities(run(_worst_case(), channel=Channel.KOSTRA))[rule_id] is ERROR
    found = run(migrated(own), channel=Channel.KOSTRA)
    assert _severities(found)[rule_id] is WARNING
    assert {f.original_severity for f in found.findings if f.rule == rule_id} == {ERROR}
    in_fagsystem = _severities(run(migrated(own)))[rule_id]
    assert in_fagsystem is (RULES[rule_id].if_migrated or ERROR)
    for place in owner:
        assert _severities(run(migrated(place), channel=Channel.KOSTRA))[rule_id] is ERROR


def test_only_errors_are_softened() -> None:
    doc = _worst_case(migrert_id="17")
    for channel in Channel:
        for f in run(doc, channel=channel).findings:
            if RULES[f.rule].severity in (WARNING, INFO):
                assert f.severity is RULES[f.rule].severity
                assert f.original_severity is None


# --- valid from (A52) ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", [r for r in RULES.values() if not r.own], ids=lambda r: r.id)
def test_rules_run_from_their_first_day_to_their_last(rule: Rule) -> None:
    def runs(day: date) -> bool:
        plan, _ = engine._plan(day, False, ())
        return rule in list(plan.all)

    assert runs(rule.since)
    assert not runs(rule.since - timedelta(1))
    if rule.until is None:
        assert runs(date.max)
    else:
        assert runs(rule.until)
        assert not runs(rule.until + timedelta(1))
