"""The filter language of subscriptions."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.pubsub.filters import LONGEST, All, Any, Equals, Filter, FilterError, Has, HasPrefix, Not, parse

short = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
keys = st.one_of(short, st.sampled_from(["a", "b", "AND", "OR", "NOT", "attributes", "hasPrefix", "a-b", "-", "9"]))
conditions = st.one_of(
    st.builds(Has, keys), st.builds(Equals, keys, short, st.booleans()), st.builds(HasPrefix, keys, short)
)


def _compound(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    parts = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(st.builds(Not, inner), st.builds(All, parts), st.builds(Any, parts))


filters = st.recursive(conditions, _compound, max_leaves=5)


@given(filters)
def test_what_is_written_reads_back_the_same(wanted: Filter) -> None:
    text = str(wanted)
    if len(text.encode()) <= LONGEST:
        assert parse(text) == wanted


@given(filters, st.dictionaries(keys, short, max_size=3))
def test_not_turns_every_answer_round(one: Filter, attributes: dict[str, str]) -> None:
    assert Not(one).matches(attributes) != one.matches(attributes)


@given(st.text(st.sampled_from('attributes:.=!" ()-ANDORhasPrefix,\\'), max_size=60))
def test_any_text_is_a_filter_or_a_fault(text: str) -> None:
    with contextlib.suppress(FilterError):
        parse(text)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("-attributes:a", "NOT attributes:a"),
        ("(((attributes:a)))", "attributes:a"),
        ('attributes.a="x"', 'attributes.a = "x"'),
        ('attributes."a"="x"', 'attributes.a = "x"'),
        ('attributes:"iana.org/language_tag"', 'attributes:"iana.org/language_tag"'),
        (r'attributes.a = "\x41B\103\n\""', 'attributes.a = "ABC\\x0a\\""'),
        ("attributes:a AND (attributes:b OR NOT attributes:c)", "attributes:a AND (attributes:b OR NOT attributes:c)"),
        ('hasPrefix ( attributes.a , "x" )', 'hasPrefix(attributes.a, "x")'),
        ("NOT (attributes:a AND attributes:b)", "NOT (attributes:a AND attributes:b)"),
    ],
)
def test_ways_of_writing(text: str, same: str) -> None:
    assert str(parse(text)) == same


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "expected 'attributes'"),
        ("attributes", "expected '.'"),
        ("attributes:a AND", "found the end"),
        ("attributes:a AND attributes:b OR attributes:c", "need parentheses"),
        ("attributes:a and attributes:b", "unexpected 'and'"),
        ("NOT NOT attributes:a", "expected 'attributes'"),
        ("attributes.a = b", "a string in double quotes"),
        ("attributes.a = 'b'", "unexpected character"),
        ('attributes.a = "b', "unexpected character"),
        (r'attributes.a = "\q"', "unknown escape"),
        (r'attributes.a = "\ud800"', "not a character"),
        ("(attributes:a", "expected ')'"),
        ('data = "x"', "expected 'attributes'"),
        ("attributes:" + "a" * 246, "at most 256 bytes"),
    ],
)
def test_faults(text: str, fault: str) -> None:
    with pytest.raises(FilterError, match=fault.replace("(", r"\(").replace(")", r"\)")):
        parse(text)


def test_a_missing_attribute_equals_nothing() -> None:
    assert not parse('attributes.a = ""').matches({})
    assert parse('attributes.a != ""').matches({})
    assert not parse('hasPrefix(attributes.a, "")').matches({})
    assert parse('hasPrefix(attributes.a, "")').matches({"a": ""})
