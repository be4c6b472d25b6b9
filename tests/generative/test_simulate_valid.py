"""The simulator against the decoder, the official schema and the rules: each finds the other's mistakes."""

from __future__ import annotations

import os
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from random import Random

import pytest
from lxml import etree
from msgspec.structs import replace

from bvr.decode import decode
from bvr.findings import Severity
from bvr.model.concepts import BEGREP, Barnevern, Sak
from bvr.model.types import fields
from bvr.model.versions import SUPPORTED
from bvr.model.xml import encode
from bvr.pipeline import day_in_norway
from bvr.rules import check
from bvr.rules.case import Case
from bvr.rules.options import RuleOptions
from bvr.rules.rule import RULES, Checked
from bvr.simulate import Submission, simulate
from bvr.simulate.arrivals import Mix, extracted
from bvr.simulate.broken import KINDS
from bvr.simulate.cases import heavy_case, small_case, typical_case
from bvr.simulate.child import Nursery
from bvr.simulate.faults import FAULTS
from bvr.simulate.history import Brief, Kind, write
from bvr.simulate.population import kommuner

_OFFICIAL = Path(os.environ.get("BVR_OFFICIAL_XSD") or Path(__file__).parents[3] / "shared" / "reference" / "xsd")
_FILES = {"4.0.1": "Barnevern_v4.0.1.xsd", "3.0.5": "Barnevern_v3.xsd", "2.2.3": "Barnevern_v1.xsd"}
_LISTS = [(f.name, f.xml) for f in fields(Sak) if f.xml in BEGREP]


@pytest.fixture(scope="module")
def submissions() -> list[Submission]:
    return list(simulate(80, 3000, 45, 21))


@cache
def _official(version: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(_OFFICIAL / _FILES[version]))


def _needs_official() -> None:
    if not all((_OFFICIAL / name).exists() for name in _FILES.values()):
        told = f"NOT COMPARED with the official schema: set BVR_OFFICIAL_XSD to a folder with {_FILES.values()}"
        warnings.warn(told, stacklevel=2)
        pytest.skip(told)


def test_the_decoder_takes_what_is_valid_and_nothing_else(submissions: list[Submission]) -> None:
    for s in submissions:
        decoded = decode(s.xml, s.version)
        if s.note.invalid:
            assert decoded.document is None, s.note
        else:
            assert decoded.document == s.document, (s.note, decoded.faults)


def test_senders_on_every_version_send_what_theirs_has(submissions: list[Submission]) -> None:
    assert {s.version for s in submissions} == set(SUPPORTED)
    many = list(simulate(40, 400, 20, 3, mix=Mix(old_version=0.9, oldest_version=0.7)))
    assert sum(s.version == "2.2.3" for s in many) > len(many) / 2
    test_the_decoder_takes_what_is_valid_and_nothing_else(many)
    assert _as_planted(many) > 20


def test_the_official_schema_agrees(submissions: list[Submission]) -> None:
    _needs_official()
    for s in submissions:
        try:
            valid = _official(s.version).validate(etree.fromstring(s.xml))
        except etree.XMLSyntaxError:
            valid = False
        assert valid == (s.note.invalid is None), s.note


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("make", [small_case, typical_case])
def test_every_way_of_breaking_a_document_breaks_it(kind: str, make: object) -> None:
    xml = encode(make())  # type: ignore[operator]
    changed = KINDS[kind](xml)
    assert changed != xml
    assert decode(changed, "4.0.1").document is None


@pytest.mark.parametrize("make", [small_case, typical_case, heavy_case])
def test_documents_for_measuring_are_valid_and_have_no_error(make: object) -> None:
    document: Barnevern = make()  # type: ignore[operator]
    assert decode(encode(document), "4.0.1").document == document
    assert _check(document, frozenset()).worst < Severity.ERROR
    _needs_official()
    assert _official("4.0.1").validate(etree.fromstring(encode(document)))


def _check(document: Barnevern, known: frozenset[tuple[str, str]]) -> Checked:
    return check(Case(document, day_in_norway(document.dato_uttrekk), RuleOptions(), known=known))


def test_rules_find_what_was_planted_and_no_other_error(submissions: list[Submission]) -> None:
    assert _as_planted(submissions) > 60


def _as_planted(submissions: list[Submission]) -> int:
    """Every planted fault is found and no other error is; how many different rules fired."""
    known: dict[str, set[tuple[str, str]]] = defaultdict(set)
    missed: Counter[str] = Counter()
    unexpected: Counter[tuple[str, ...]] = Counter()
    seen: set[str] = set()
    for s in submissions:
        if s.note.invalid:
            continue
        sak = s.document.sak
        found = _check(s.document, frozenset(known[sak.id]))
        rules = {f.rule for f in found.findings}
        errors = {f.rule for f in found.findings if f.severity >= Severity.ERROR}
        missed.update(set(s.note.findings) - rules)
        unexpected.update((rule, *s.note.planted) for rule in errors - set(s.note.findings) - set(s.note.allowed))
        if not s.note.planted:  # then even remarks are all noted; a report can be like another by chance
            unexpected.update((rule,) for rule in rules - set(s.note.standing) - {"melding-19", "sak-22"})
        known[sak.id].update((name, e.id.lower()) for field, name in _LISTS for e in getattr(sak, field))
        seen |= rules
    assert not missed
    assert not unexpected
    return len(seen)


def _documents() -> Iterator[tuple[Barnevern, date]]:
    """Cases of every kind, as they are on some days until they close."""
    watched = (date(2025, 1, 1), date(2026, 12, 31))
    cities = [k for k in kommuner() if k.bydeler]
    kinds: tuple[Kind, ...] = ("henlagt", "undersokt", "hjelp", "frivillig", "omsorg", "atferd")
    for seed in range(240):
        rng = Random(seed)
        kommune = cities[seed % 3] if seed % 4 == 0 else kommuner()[seed]
        born = date(2007, 1, 1) + timedelta(days=rng.randrange(5500))
        start = max(born, date(2018, 1, 1)) + timedelta(days=rng.randrange(5, 2600))
        start = min(start, born + timedelta(days=16 * 365))
        nursery = Nursery()
        child = nursery.unborn(rng, start + timedelta(days=60)) if seed % 17 == 0 else nursery.child(rng, born)
        course = write(
            rng,
            Brief(
                kommune=kommune,
                bydel=kommune.bydel(rng),
                version="4.0.1",
                child=child,
                kind="hjelp" if seed % 17 == 0 else kinds[seed % len(kinds)],
                start=start,
                measures=rng.randrange(100, 2500),
                watched=watched,
            ),
        )
        days = [d for d in course.days() if d >= date(2024, 7, 1)]
        for day in sorted({*days[:1], *rng.sample(days, min(4, len(days))), *days[-1:]}):
            if course.deleted is None:
                yield (
                    replace(
                        small_case(),
                        dato_uttrekk=extracted(kommune, day),
                        avgiver=kommune.avgiver(course.bydel),
                        sak=course.known(day),
                    ),
                    day,
                )


def test_every_fault_is_found_by_its_rule_alone() -> None:
    tried: Counter[str] = Counter()
    for document, day in _documents():
        before = {f.rule for f in _check(document, frozenset()).findings}
        for fault in FAULTS.values():
            if tried[fault.rule] >= 25 or (changed := fault.plant(document, day)) is None:
                continue
            tried[fault.rule] += 1
            findings = _check(changed, frozenset()).findings
            assert fault.rule in {f.rule for f in findings}, fault.rule
            errors = {f.rule for f in findings if f.severity >= Severity.ERROR}
            assert errors <= {fault.rule} | fault.also | before, (fault.rule, errors)
            assert decode(encode(changed), "4.0.1").document == changed
    assert set(FAULTS) == set(tried)


def test_every_fault_is_a_rule_in_force() -> None:
    assert set(FAULTS) <= set(RULES)
    for fault in FAULTS.values():
        assert RULES[fault.rule].severity.name == fault.severity
        assert fault.also <= set(RULES)
    # All that the simulator never breaks: withdrawn, kept by the schema, or what only the course of a case gives.
    assert {rule.id for rule in RULES.values() if not rule.own} - set(FAULTS) == {
        *("sak-6", "vedtak-4", "sak-7", "sak-8", "melding-3", "undersokelse-11-90", "undersokelse-11-180"),
        *("personalia-18-dnr", "personalia-18-plassholder"),
    }
