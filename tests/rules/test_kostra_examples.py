"""Every example of every KOSTRA rule: what it says happens, and no finding tells who somebody is."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bvr.errors import Broken
from bvr.findings import as_text
from bvr.kostra import decode
from bvr.kostra.concepts import CODES, Barnevern
from bvr.kostra.rules import RULES, FileCheck, KostraFinding, KostraRule, check_avgiver, check_individ
from bvr.kostra.rules import rule as engine
from bvr.kostra.rules.examples import avgiver as ordinary_avgiver
from bvr.kostra.rules.examples import form as ordinary_form
from bvr.kostra.rules.examples import individ as ordinary_individ
from bvr.kostra.rules.rule import Check, Example, fired
from bvr.model.identifiers import read
from bvr.model.xml import encode

FILE_RULES = {"kostra-individ-04", "kostra-individ-05"}
ON_STRUCTS = {r.id: r for r in RULES.values() if not isinstance(r.examples[0].individ, bytes)}
EXAMPLES = [
    pytest.param(r, e, id=f"{r.id}: {'fires' if e.times else 'silent'}: {e.words}")
    for r in ON_STRUCTS.values()
    for e in r.examples
]
each_example = pytest.mark.parametrize(("rule", "example"), EXAMPLES)


def _id(rule: KostraRule) -> str:
    return rule.id


each_rule = pytest.mark.parametrize("rule", RULES.values(), ids=_id)
each_rule_on_structs = pytest.mark.parametrize("rule", ON_STRUCTS.values(), ids=_id)


def run(example: Example) -> list[KostraFinding]:
    """Everything that is found in an example's file."""
    form = example.form or ordinary_form()
    found = list(check_avgiver(example.avgiver or ordinary_avgiver(), form, example.options))
    over_file = FileCheck(form, example.options)
    for number, individ in enumerate(example.individ, 1):
        found += check_individ(individ, form, example.options, number)
        over_file.add(individ)
    return [*found, *over_file.finish()]


def mine(rule: KostraRule, example: Example) -> list[KostraFinding]:
    return [f for f in run(example) if f.rule == rule.id]


def told(finding: KostraFinding) -> list[str]:
    """Every text of a finding that leaves the register."""
    return [
        finding.message_nb,
        finding.message_en,
        finding.remedy_nb,
        finding.remedy_en,
        finding.path,
        finding.journalnummer or "",
        finding.individ_id or "",
        finding.element_id or "",
        *map(str, finding.parameters.values()),
    ]


# --- what the examples say -------------------------------------------------------------------------------------------


@each_example
def test_example(rule: KostraRule, example: Example) -> None:
    found = mine(rule, example)
    assert len(found) == example.times
    if example.parameters is not None:
        assert found[0].parameters == example.parameters
    if example.variant is not None:
        words = {name: as_text(value) for name, value in found[0].parameters.items()}
        assert found[0].message_nb == rule.nb[example.variant].format_map(words)
    for f in found:
        assert f.severity == (example.severity or rule.severity)
        assert f.official == rule.official
        assert f.journalnummer == f.parameters.get("journalnummer", "2020/17" if f.element != "Avgiver" else None)


@each_rule
def test_examples_of_a_rule_have_words_of_their_own(rule: KostraRule) -> None:
    assert max(Counter(e.words for e in rule.examples).values()) == 1


@pytest.mark.parametrize("rule", [r for r in RULES.values() if len(r.nb) > 1 and r.target], ids=_id)
def test_every_text_of_a_rule_has_an_example(rule: KostraRule) -> None:
    assert {e.variant for e in rule.examples if e.times and e.variant} == set(rule.nb) == set(rule.en)


ON_BYTES = [
    pytest.param(r, e, id=f"{r.id}: {e.words}") for r in RULES.values() if r.id not in ON_STRUCTS for e in r.examples
]


@pytest.mark.parametrize(("rule", "example"), ON_BYTES)
def test_example_of_structure(rule: KostraRule, example: Example) -> None:
    """Of what is found while the file is read."""
    found = [f for f in decode.read(example.individ) if isinstance(f, KostraFinding)]
    told = [f for f in found if f.rule == rule.id]
    assert len(told) == example.times
    for name, wanted in (example.parameters or {}).items():
        assert told[0].parameters[name] == wanted
    for f in told:
        assert (f.severity, f.official) == (rule.severity, rule.official)
        assert f.message_nb != f.message_en
        assert not set(f.message_nb + f.message_en) & set("{}")
    if rule.id == "kostra-fil-00" and told:
        assert found == told  # nothing else is reported then


def test_there_are_five_findings_of_structure() -> None:
    assert len({p.values[0].id for p in ON_BYTES}) == 5


# --- both readings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", [r for r in RULES.values() if r.switch], ids=_id)
def test_examples_tell_the_readings_apart(rule: KostraRule) -> None:
    """For each switch of a rule, some example comes out otherwise under the other reading."""
    for switch in rule.switch:
        seen = set()
        for e in rule.examples:
            seen.add(getattr(e.options, switch))
            other = replace(
                e.options, **{switch: next(r for r in engine.Reading if r is not getattr(e.options, switch))}
            )
            if [f.severity for f in mine(rule, e)] != [f.severity for f in mine(rule, replace(e, options=other))]:
                break
        else:
            pytest.fail(f"no example of {rule.id} notices {switch}")
        assert {getattr(e.options, switch) for e in rule.examples} == set(engine.Reading)


# --- the documents ---------------------------------------------------------------------------------------------------

# Rules of the requirement that hardly anything reaches after the schema.
FORBIDDEN = {
    ("kostra-avgiver-03", "empty"),
    ("kostra-avgiver-03", "only blanks"),
    ("kostra-avgiver-06", "empty"),
    ("kostra-individ-11", "empty"),
    ("kostra-individ-11", "only blanks"),
}


@each_example
def test_example_is_a_file_of_the_schema(rule: KostraRule, example: Example) -> None:
    file = Barnevern(avgiver=example.avgiver or ordinary_avgiver(), individ=example.individ or (ordinary_individ(),))
    parts = list(decode.read(encode(file, CODES)))  # type: ignore[arg-type]
    if (rule.id, example.words) in FORBIDDEN:
        assert {f.rule for f in parts if isinstance(f, KostraFinding)} & {"kostra-avgiver-01", "kostra-individ-01"}
        return
    assert parts == [file.avgiver, *(decode.Client(n, i) for n, i in enumerate(file.individ, 1))]


# --- the numbers -----------------------------------------------------------------------------------------------------


def test_numbers_written_in_the_sources_belong_to_nobody() -> None:
    root = Path(__file__).resolve().parents[2]
    files = [*(root / "functions/bvr/kostra").rglob("*.py"), *(root / "tests").rglob("test_kostra*.py")]
    numbers = {n for p in files for n in re.findall(r"(?<![\w-])\d{11}(?!\w)", p.read_text(encoding="utf-8"))}
    assert len(numbers) > 5
    for n in numbers:
        found = read(n, "1", today=engine.date(2032, 1, 1), synthetic=False)
        assert found.kind not in ("FNR", "DNR"), n


@each_example
def test_numbers_of_an_example_belong_to_nobody(rule: KostraRule, example: Example) -> None:
    for i in example.individ:
        if i.fodselsnummer:
            found = read(i.fodselsnummer, "1", today=engine.date(2032, 1, 1), synthetic=False)
            assert found.kind not in ("FNR", "DNR")
        assert i.duf_nummer is None or i.duf_nummer.startswith("29")  # of a year to come


# --- the findings ----------------------------------------------------------------------------------------------------


@each_example
def test_findings_tell_nothing_of_a_person(rule: KostraRule, example: Example) -> None:
    """Of any rule that fires on the file, not only the one whose example it is."""
    for f in run(example):
        for text in told(f):
            assert not re.search(r"\d{11,12}", text)
            assert "Saksbehandler" not in text
            assert "Tekst" not in text  # the clarification of the examples


@each_example
def test_findings_are_whole(rule: KostraRule, example: Example) -> None:
    for f in run(example):
        for text in (f.message_nb, f.message_en, f.remedy_nb, f.remedy_en):
            assert text == text.strip()
            assert text.endswith(".")
            assert not set(text) & set("{}")
        assert f.message_nb != f.message_en
        assert f.path.startswith("/Barnevern")


@each_rule_on_structs
def test_texts_use_only_what_every_finding_has(rule: KostraRule) -> None:
    given = [set(f.parameters) for e in rule.examples for f in mine(rule, e)]
    assert given
    for nb, en in zip(rule.nb.values(), rule.en.values(), strict=True):
        assert nb.strip()
        assert en.strip()
        assert set(names(nb)) == set(names(en))
        assert all(set(names(nb)) <= each for each in given)
    assert rule.remedy_nb != rule.remedy_en


def names(template: str) -> list[str]:
    return [name for _, name, _, _ in string.Formatter().parse(template) if name]


# --- the examples notice a broken rule -------------------------------------------------------------------------------


def _agrees(rule: KostraRule, example: Example) -> bool:
    try:
        found = mine(rule, example)
    except Broken:
        return False
    return (
        len(found) == example.times
        and (not example.parameters or found[0].parameters == example.parameters)
        and all(f.severity == (example.severity or rule.severity) for f in found)
    )


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., KostraRule]]:
    def install(rule: KostraRule, **changes: Any) -> KostraRule:
        changed = replace(rule, **changes)
        monkeypatch.setitem(engine.RULES, rule.id, changed)
        engine.plan.cache_clear()
        return changed

    yield install
    monkeypatch.undo()
    engine.plan.cache_clear()


def _never(record: Any, about: Any) -> None:
    return None


def _always(rule: KostraRule) -> Check:
    variant = next(iter(rule.nb))
    parameters = dict.fromkeys((n for t in (*rule.nb.values(), rule.remedy_nb) for n in names(t)), 1)
    return lambda record, about: fired(variant, **parameters)


on_records = pytest.mark.parametrize("rule", [r for r in RULES.values() if r.target], ids=_id)


@on_records
def test_examples_notice_a_rule_that_never_fires(rule: KostraRule, broken: Callable[..., KostraRule]) -> None:
    broken(rule, check=_never)
    assert not all(_agrees(rule, e) for e in rule.examples)


@on_records
def test_examples_notice_a_rule_that_always_fires(rule: KostraRule, broken: Callable[..., KostraRule]) -> None:
    broken(rule, check=_always(rule))
    assert [e.words for e in rule.examples if not e.times and not _agrees(rule, e)]


@pytest.mark.parametrize("rule", [RULES[i] for i in sorted(FILE_RULES)], ids=_id)
def test_examples_notice_a_broken_file_rule(rule: KostraRule, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules over the file have no check of their own to exchange: let each find nothing, and then count everything."""
    name = {"kostra-individ-04": "_same_number", "kostra-individ-05": "_same_journal"}[rule.id]
    with monkeypatch.context() as m:
        m.setattr(FileCheck, name, lambda self: iter(()))
        assert not all(_agrees(rule, e) for e in rule.examples)
    with monkeypatch.context() as m:
        variant = next(iter(rule.nb))
        always = lambda self: (self._tell(rule.id, j, variant, antall=2, andre="X") for j in self._journals)  # noqa: E731
        m.setattr(FileCheck, name, always)
        assert not all(_agrees(rule, e) for e in rule.examples if not e.times)
