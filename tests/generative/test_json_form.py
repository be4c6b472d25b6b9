"""A case as JSON and its XML twin: the same document, rows and findings, and the same verdict on what is wrong."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from lxml import etree

from bvr.chain import NothingKnown
from bvr.decode import decode
from bvr.decode_json import decode_json, read
from bvr.model.concepts import Barnevern
from bvr.model.json_form import ROOT, schema, to_json
from bvr.model.types import fields_in
from bvr.model.versions import SUPPORTED
from bvr.model.xml import encode
from bvr.pipeline import check_document
from bvr.rules.options import RuleOptions
from tests.generative.documents import documents
from tests.generative.mutations import enumeration, mutated

AT = datetime(2026, 6, 30, tzinfo=UTC)


def from_json(data: bytes, version: str) -> Any:
    case = read(data)
    assert case.fault is None, case.fault
    return decode_json(case.content, version)


@pytest.mark.parametrize("version", SUPPORTED)
def test_a_case_comes_back_from_json_and_from_its_xml_twin(version: str) -> None:
    validator = Draft202012Validator(schema(version))
    Draft202012Validator.check_schema(schema(version))

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(document=documents(version))
    def check(document: Barnevern) -> None:
        as_json, as_xml = to_json(document, version), encode(document, version)
        one, other = from_json(as_json, version), decode(as_xml, version)
        assert one == other
        if other.document is not None:
            options = RuleOptions(allow_synthetic=True)
            first, second = (check_document(d, NothingKnown(), options) for d in (one.document, other.document))
            assert first == second
        if other.document is not None or {f.kind for f in other.faults} == {"upcast"}:
            validator.validate(json.loads(as_json))

    check()


def twin(element: Any, concept: type, version: str) -> dict[str, Any] | None:
    """The JSON twin of an element; None when JSON has no way to say it: text, order, namespaces, what is repeated."""
    out: dict[str, Any] = {}
    known = {f.xml: f for f in fields_in(concept, version)}
    if element.text and not len(element):
        return None
    if (element.text or "").strip(" \t\r\n") or any((c.tail or "").strip(" \t\r\n") for c in element):
        return None
    for name, value in element.items():
        f = known.get(name)
        if name.startswith("{") or (f is not None and not f.is_attribute):
            return None
        if f is not None and f.simple is not None and f.simple.base == "boolean":
            if value.strip(" \t\r\n") not in ("true", "false", "1", "0"):
                return None
            out[name] = value.strip(" \t\r\n") in ("true", "1")
        else:
            out[name] = value
    order = [known[c.tag].xml if c.tag in known else None for c in element if isinstance(c.tag, str)]
    expected = [f.xml for f in fields_in(concept, version) for _ in range(order.count(f.xml))]
    if order != expected:
        return None
    for child in element:
        if not isinstance(child.tag, str):
            continue
        f = known[child.tag]
        if f.is_attribute:
            return None
        if f.concept is None:
            if child.items() or len(child):
                return None
            value = child.text or ""
        else:
            value = twin(child, f.concept, version)
            if value is None:
                return None
        if f.many:
            out.setdefault(f.xml, []).append(value)
        elif f.xml in out:
            return None
        else:
            out[f.xml] = value
    return out


@pytest.mark.parametrize("version", SUPPORTED)
def test_what_is_wrong_with_the_xml_is_wrong_with_its_json_twin(version: str) -> None:
    """Every place of the model with every operator, where JSON can say the same."""
    rng = random.Random(2026)
    validator = Draft202012Validator(schema(version))
    compared = refused = 0
    for place, operator in enumeration(version):
        data = mutated(rng, version, place, operator, plain=True)
        try:
            root = etree.fromstring(data) if data else None
        except etree.XMLSyntaxError:
            continue
        content = twin(root, Barnevern, version) if root is not None and root.tag == ROOT else None
        if content is None:
            continue
        by_xml = decode(etree.tostring(root), version)
        by_json = from_json(json.dumps({ROOT: content}).encode(), version)
        compared += 1
        assert (by_xml.document is None) == (by_json.document is None), (str(place), operator, by_xml, by_json)
        if by_xml.document is not None:
            assert by_xml.document == by_json.document
        else:
            refused += 1
        if not validator.is_valid({ROOT: content}):
            assert by_json.document is None, (str(place), operator)
    assert compared > 300
    assert refused > 100


@given(
    junk=st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["Id", "Sak", "x"]), inner, max_size=3)
        ),
        max_leaves=12,
    )
)
@settings(max_examples=200, deadline=None)
def test_anything_at_all_is_a_document_or_faults(junk: Any) -> None:
    content = {ROOT: junk}
    decoded = decode_json(content, "4.0.1")
    assert decoded.document is None
    assert decoded.faults
