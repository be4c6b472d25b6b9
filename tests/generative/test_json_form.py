"""A case as JSON and its XML twin: the same document, row, findings and receipt, the same faults."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from lxml import etree

from bvr.chain import NothingKnown
from bvr.decode import Decoded, Limits, decode
from bvr.decode_json import decode_json, read
from bvr.faults import Fault
from bvr.intake.envelope import Envelope
from bvr.intake.payload import open_payload
from bvr.intake.protocol import SUBMIT
from bvr.model.concepts import Barnevern
from bvr.model.json_form import ROOT, schema, to_json
from bvr.model.types import fields_in
from bvr.model.versions import SUPPORTED
from bvr.model.xml import encode
from bvr.pipeline import Message, Outcome, Settings, process
from bvr.receipt import render
from bvr.register.rows import row
from tests.generative.documents import documents, random_document
from tests.generative.mutations import enumeration, mutated
from tests.unit.service_world import CIPHER, SENDER

AT = datetime(9999, 12, 30, tzinfo=UTC)  # after every extract that a random document says it is


def from_json(data: bytes, version: str, limits: Limits = Limits()) -> Decoded:  # noqa: B008
    case = read(data, limits)
    assert case.fault is None, case.fault
    return decode_json(case.content, version, limits)


class Everybody:
    """A register of senders in which any reporter that a random document names may report."""

    def check_message(self, *_: Any) -> None:
        return None

    check_document = check_message


def sent(body: bytes, version: str, kind: str) -> Outcome:
    """What becomes of a message."""
    envelope = Envelope.model_validate(
        {
            "melding-id": "0b7e2b7e-0000-4000-8000-000000000001",
            "type": SUBMIT,
            "avsender-id": SENDER,
            "xsd-versjon": version,
            "content-type": kind,
        }
    )
    message = Message(envelope=envelope, payload=open_payload(body, envelope, AT), received=AT, handled=AT)
    return process(message, NothingKnown(), Settings(), Everybody())  # type: ignore[arg-type]


OF_THE_BYTES = ("innhold_sha256", "kvitterings_id", "innholdSha256", "kvitteringsId", "errorId")


def of_the_case(found: dict[str, Any]) -> dict[str, Any]:
    """A row or a receipt without what follows from the bytes that came."""
    return {name: value for name, value in found.items() if name not in OF_THE_BYTES}


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
        if one.document is not None:
            assert from_json(to_json(one.document, version), version) == one
        first, second = sent(as_json, version, "application/json"), sent(as_xml, version, "application/xml")
        assert first.message.payload.form == "json"
        assert of_the_case(row(first, CIPHER)) == of_the_case(row(second, CIPHER))
        told, also = (json.loads(render(o.receipt, "native", {})) for o in (first, second))
        assert of_the_case(told) == of_the_case(also)
        if other.document is not None or {f.kind for f in other.faults} == {"upcast"}:
            validator.validate(json.loads(as_json))

    check()


@pytest.mark.parametrize("version", SUPPORTED)
def test_every_spelling_that_xml_has_is_one_of_json_too(version: str) -> None:
    """Space around dates, odd characters in texts, digits of other scripts: as the schema has them."""
    rng = random.Random(7)
    validator = Draft202012Validator(schema(version))
    found = 0
    for _ in range(200):
        root = random_document(rng, version)
        content = twin(root, Barnevern, version)
        if content is None:
            continue
        found += 1
        by_xml = decode(etree.tostring(root), version)
        by_json = from_json(json.dumps({ROOT: content}).encode(), version)
        assert by_json == without_lines(by_xml)
        if by_xml.document is not None:
            validator.validate({ROOT: content})
    assert found > 100


def without_lines(decoded: Decoded) -> Decoded:
    return msgspec.structs.replace(decoded, faults=tuple(no_line(f) for f in decoded.faults))


def no_line(fault: Fault) -> Fault:
    return msgspec.structs.replace(fault, line=None, column=None)


def place_of(fault: Fault) -> str:
    """A key is a key: whether XML has an attribute there is for XML to say."""
    return fault.path.replace("/@", "/")


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
    compared = refused = unknown = 0
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
            theirs = [no_line(f) for f in by_xml.faults]
            if all(f.kind != "json-form" for f in by_json.faults):
                assert list(by_json.faults) == theirs, (str(place), operator)
                assert by_json.more == by_xml.more
            else:  # a key that the schema does not have: the same places, told as JSON
                unknown += 1
                # Without that key its XML is sound, and is then asked whether it can be brought to the current version.
                found = {place_of(f) for f in by_json.faults if f.kind != "upcast"}
                assert found == {place_of(f) for f in theirs}, (str(place), operator)
        if not validator.is_valid({ROOT: content}):
            assert by_json.document is None, (str(place), operator)
    assert compared > 300
    assert refused > 100
    assert unknown > 10


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
