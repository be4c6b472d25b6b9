"""Every example of every rule: what it says happens, its document is real XML, and no finding tells who somebody is."""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bvr.decode import decode
from bvr.errors import Broken
from bvr.findings import Finding
from bvr.model.identifiers import read
from bvr.model.types import Concept, Person, fields
from bvr.model.versions import CURRENT
from bvr.model.xml import encode
from bvr.pipeline import day_in_norway
from bvr.rules import RULES, Checked, Rule, check
from bvr.rules import rule as engine
from bvr.rules.avgiver import MED_BYDELER
from bvr.rules.case import Case
from bvr.rules.options import Channel
from bvr.rules.rule import Check, Example, fired

EXAMPLES = [
    pytest.param(r, e, id=f"{r.id}: {'fires' if e.times else 'silent'}: {e.words}")
    for r in RULES.values()
    for e in r.examples
]
each_example = pytest.mark.parametrize(("rule", "example"), EXAMPLES)


def _id(rule: Rule) -> str:
    return rule.id


each_rule = pytest.mark.parametrize("rule", RULES.values(), ids=_id)

UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

# (rule, words) -> why the schema does not accept the example.
FORBIDDEN: dict[tuple[str, str], str] = {
    **{
        ("vedtak-4", words): "the schema has a closed list of acts, the very three the rule accepts (section 5)"
        for words in (
            "another act",
            "another act in a related provision (A37)",
            "migrated, from the case system",
            "migrated, through KOSTRA",
        )
    },
    ("tiltak-7", "3.70 is not 3.7"): "there is no category 3.70; codes are text and not numbers",
    **{
        (rule, "a target is never named by its MigrertId (A34)"): "TilId is a UUID by the schema, FraId any text"
        for rule in ("vedtak-20-oversendelse", "tiltak-20")
    },
}


def run(example: Example) -> Checked:
    today = day_in_norway(example.document.dato_uttrekk)
    return check(Case(example.document, today, example.options, example.channel, example.known))


@cache
def _found(rule_id: str, number: int) -> Checked:
    return run(RULES[rule_id].examples[number])


def result_of(rule: Rule, example: Example) -> Checked:
    return _found(rule.id, next(n for n, e in enumerate(rule.examples) if e is example))


def walk(element: Concept) -> Iterator[tuple[Any, Any]]:
    """(field, value) of every simple value on and below an element."""
    for f in fields(type(element)):
        value = getattr(element, f.name)
        for one in value if f.many else (value,):
            if f.concept is None:
                yield f, one
            elif one is not None:
                yield from walk(one)


def told(finding: Finding) -> list[str]:
    """Every text of a finding that leaves the register."""
    return [
        finding.message_nb,
        finding.message_en,
        finding.remedy_nb,
        finding.remedy_en,
        finding.path,
        finding.element_id or "",
        *map(str, finding.parameters.values()),
    ]


# --- what the examples say -------------------------------------------------------------------------------------------


@each_example
def test_example(rule: Rule, example: Example) -> None:
    mine = [f for f in result_of(rule, example).findings if f.rule == rule.id]
    assert len(mine) == example.times
    if example.parameters is not None:
        assert mine[0].parameters == example.parameters
    if example.severity is not None:
        assert {f.severity for f in mine} == {example.severity}
    for f in mine:
        assert (f.official, f.rule_version) == (rule.official, rule.version)
        assert f.original_severity == (None if f.severity is rule.severity else rule.severity)


@each_rule
def test_examples_of_a_rule_have_words_of_their_own(rule: Rule) -> None:
    assert max(Counter(e.words for e in rule.examples).values()) == 1


# --- the documents ---------------------------------------------------------------------------------------------------


def _may_be_a_person(number: str) -> bool:
    """Whether the number could be issued to somebody, now or from 2032."""
    plain = "".join(str(unicodedata.digit(c)) for c in number)
    return read(plain, "1", today=date(2032, 1, 1), synthetic=False).kind in ("FNR", "DNR")


@each_example
def test_numbers_of_an_example_belong_to_nobody(rule: Rule, example: Example) -> None:
    for p in example.document.sak.personalia:
        assert not _may_be_a_person(p.fodselsnummer)
        assert p.duf_nummer is None or [unicodedata.digit(c) for c in p.duf_nummer[:2]] == [2, 9]  # of a year to come
    orgnr = example.document.avgiver.organisasjonsnummer
    assert orgnr in MED_BYDELER or orgnr.startswith("3")


def test_numbers_written_in_the_sources_belong_to_nobody() -> None:
    root = Path(__file__).resolve().parents[2]
    numbers = {
        number
        for folder in ("functions/bvr/rules", "tests/rules")
        for path in (root / folder).glob("*.py")
        for number in re.findall(r"(?<![\w-])\d{11}(?!\w)", path.read_text(encoding="utf-8"))
    }
    assert len(numbers) > 10
    assert [n for n in numbers if _may_be_a_person(n)] == []


@each_example
def test_example_is_a_document_of_the_schema(rule: Rule, example: Example) -> None:
    decoded = decode(encode(example.document), CURRENT)
    if (rule.id, example.words) in FORBIDDEN:
        assert decoded.document is None
        return
    assert decoded.faults == ()
    assert decoded.document == example.document


def test_marks_of_what_the_schema_forbids_are_needed() -> None:
    assert set(FORBIDDEN) <= {(r.id, e.words) for r in RULES.values() for e in r.examples}


# --- the findings ----------------------------------------------------------------------------------------------------


@each_example
def test_findings_tell_nothing_of_a_person(rule: Rule, example: Example) -> None:
    """Of any rule that fires on the document, not only the one whose example it is."""
    sak = example.document.sak
    secrets = {
        value
        for f, value in walk(sak)
        if f.doc.person is not Person.NONE and isinstance(value, str) and len(value.strip()) > 2
    }
    secrets -= {v for f, v in walk(sak) if f.doc.person is Person.NONE and isinstance(v, str)}
    born = {p.fodseldato for p in sak.personalia}
    # An event may by chance fall on the birthday; the birth date itself must not be what is told.
    born -= {v for f, v in walk(sak) if f.simple.base == "date" and f.doc.person is Person.NONE}
    secrets |= {d.isoformat() for d in born} | {d.strftime("%d.%m.%Y") for d in born}
    for finding in result_of(rule, example).findings:
        for text in told(finding):
            bare = UUID.sub("", text)
            assert not re.search(r"\d{11,12}", bare)
            assert not [s for s in secrets if s in bare]


@each_example
def test_findings_are_whole(rule: Rule, example: Example) -> None:
    for f in result_of(rule, example).findings:
        for text in (f.message_nb, f.message_en, f.remedy_nb, f.remedy_en):
            assert text == text.strip()
            assert text.endswith(".")
            assert not set(text) & set("{}")
        assert f.message_nb != f.message_en
        assert f.path.startswith("/Barnevern/")
        assert f.element_id


@each_rule
def test_texts_in_both_languages(rule: Rule) -> None:
    for nb, en in ((rule.title_nb, rule.title_en), (rule.nb, rule.en), (rule.remedy_nb, rule.remedy_en)):
        assert nb.strip()
        assert en.strip()
        assert nb != en
    given = [set(f.parameters) for e in rule.examples for f in result_of(rule, e).findings if f.rule == rule.id]
    used = {name for text in (rule.nb, rule.en, rule.remedy_nb, rule.remedy_en) for name in names(text)}
    assert given
    assert all(used <= each for each in given)
    assert set(names(rule.nb)) == set(names(rule.en))
    assert set(names(rule.remedy_nb)) == set(names(rule.remedy_en))


def names(template: str) -> list[str]:
    return [name for _, name, _, _ in string.Formatter().parse(template) if name]


# --- the examples notice a broken rule -------------------------------------------------------------------------------


def _agrees(rule: Rule, example: Example) -> bool:
    try:
        mine = [f for f in run(example).findings if f.rule == rule.id]
    except Broken:
        return False
    return (
        len(mine) == example.times
        and (not example.parameters or mine[0].parameters == example.parameters)
        and (example.severity is None or {f.severity for f in mine} == {example.severity})
    )


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Rule]]:
    def install(rule: Rule, **changes: Any) -> Rule:
        changed = replace(rule, **changes)
        monkeypatch.setitem(engine.RULES, rule.id, changed)
        engine._plan.cache_clear()
        return changed

    yield install
    monkeypatch.undo()
    engine._plan.cache_clear()


def _never(element: Any, case: Case) -> None:
    return None


def _always(rule: Rule) -> Check:
    parameters = dict.fromkeys((n for t in (rule.nb, rule.en, rule.remedy_nb, rule.remedy_en) for n in names(t)), 1)
    return lambda element, case: fired(**parameters)  # type: ignore[arg-type]


@each_rule
def test_examples_notice_a_rule_that_never_fires(rule: Rule, broken: Callable[..., Rule]) -> None:
    broken(rule, check=_never)
    assert not all(_agrees(rule, e) for e in rule.examples)


@each_rule
def test_examples_notice_a_rule_that_always_fires(rule: Rule, broken: Callable[..., Rule]) -> None:
    broken(rule, check=_always(rule))
    assert [e.words for e in rule.examples if not e.times and not _agrees(rule, e)]


@pytest.mark.parametrize("rule", [r for r in RULES.values() if r.severity is engine.ERROR and not r.until], ids=_id)
def test_examples_notice_a_lost_softening(rule: Rule, broken: Callable[..., Rule]) -> None:
    """Every ERROR has an example of migrated data from the case system, and one through KOSTRA."""
    assert any(e.channel is Channel.KOSTRA and e.severity is engine.WARNING for e in rule.examples)
    broken(rule, if_migrated=None if rule.if_migrated else engine.WARNING)
    assert not all(_agrees(rule, e) for e in rule.examples)
