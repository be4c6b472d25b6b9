"""Who is one child: what links, what never does, and that the order in which things come changes nothing in the end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from bvr.register.identity import Case, Change, Known, Number, Seen, own_key, resolve

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
CASES = [(f"99999999{n}", f"sak-{n}") for n in range(6)]
NUMBERS: list[Number] = [(kind, kind.encode() + bytes([n])) for kind in ("FNR", "DNR", "DUF") for n in range(2)]


def seen(case: Case, *numbers: Number, submission: str = "i") -> Seen:
    return Seen(
        forst_sett=BEGIN + timedelta(days=CASES.index(case)), numbers=frozenset(numbers), innsending_id=submission
    )


def after(known: dict[Case, Known], changes: list[Change]) -> dict[Case, Known]:
    return known | {change.case: change.known for change in changes}


def closure(known: dict[Case, Known], now: dict[Case, Seen]) -> dict[Case, Known]:
    """What `run` reads: the cases that share a number, before or now, with any that is looked at, and so on."""
    cases, found = set(now), {}
    while True:
        found = {case: known[case] for case in cases if case in known}
        numbers = {n for k in found.values() for n in k.numbers} | {n for s in now.values() for n in s.numbers}
        more = {case for case, k in known.items() if k.numbers & numbers} - cases
        if not more:
            return found
        cases |= more


def children(known: dict[Case, Known]) -> dict[Case, str]:
    return {case: k.barn_id for case, k in known.items()}


held = st.frozensets(st.sampled_from(NUMBERS), max_size=3)


@given(st.lists(st.dictionaries(st.sampled_from(CASES), held, min_size=1, max_size=3), max_size=12))
@settings(max_examples=400, deadline=None)
def test_the_increments_end_where_everything_at_once_does(days: list[dict[Case, frozenset[Number]]]) -> None:
    """Every child is a connected component of cases and numbers, its key that of its first case."""
    known: dict[Case, Known] = {}
    last: dict[Case, Seen] = {}
    for number, day in enumerate(days):
        now = {case: seen(case, *numbers, submission=f"i{number}") for case, numbers in day.items()}
        last |= now
        changes = resolve(now, closure(known, now))
        assert all(c.known.versjon == (known[c.case].versjon + 1 if c.case in known else 1) for c in changes)
        known = after(known, changes)
        assert resolve(now, closure(known, now)) == []
        assert all(k.numbers == last[case].numbers for case, k in known.items())
    at_once = after({}, resolve(last, {}))
    assert children(known) == children(at_once)
    for case, child in children(known).items():
        together = [other for other in known if known[other].barn_id == child]
        assert child == own_key(min(together))
        for other in known:
            if known[case].numbers & known[other].numbers:
                assert other in together


def test_a_late_link_merges_and_a_correction_splits() -> None:
    one, two, three = CASES[:3]
    fnr, dnr, _ = NUMBERS[0], NUMBERS[2], None
    known = after({}, resolve({one: seen(one, dnr), two: seen(two, fnr), three: seen(three, fnr)}, {}))
    assert children(known) == {one: own_key(one), two: own_key(two), three: own_key(two)}

    merged = resolve({one: seen(one, dnr, fnr, submission="late")}, known)
    assert [(c.case, c.grunn, c.known.barn_id, c.cause) for c in merged] == [
        (one, "NUMMER", own_key(one), "late"),
        (two, "FLETTET", own_key(one), "late"),
        (three, "FLETTET", own_key(one), "late"),
    ]
    known = after(known, merged)
    split = resolve({one: seen(one, dnr, submission="corrected")}, known)
    assert [(c.case, c.grunn, c.known.barn_id, c.cause) for c in split] == [
        (one, "NUMMER", own_key(one), "corrected"),
        (two, "DELT", own_key(two), "corrected"),
        (three, "DELT", own_key(two), "corrected"),
    ]


def test_the_founder_keeps_its_key_whatever_comes() -> None:
    """A case seen later never gives its key to one seen before it."""
    one, two = CASES[:2]
    known = after({}, resolve({two: seen(two, NUMBERS[0])}, {}))
    known = after(known, resolve({one: seen(one, NUMBERS[0])}, known))  # seen first, derived last
    assert children(known) == {one: own_key(one), two: own_key(one)}
    known = after(known, resolve({one: seen(one)}, known))
    assert children(known) == {one: own_key(one), two: own_key(two)}


def test_cases_without_a_number_are_children_of_their_own() -> None:
    known = after({}, resolve({case: seen(case) for case in CASES}, {}))
    assert len(set(children(known).values())) == len(CASES)
