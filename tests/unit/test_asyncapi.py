"""The description of the messages: every type is there, and real answers fit their schemas."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bvr.intake.asyncapi import document
from bvr.intake.protocol import TYPES
from bvr.model.xml import encode
from bvr.rules.examples import document as case
from bvr.rules.examples import melding, personalia, sak, undersokelse
from tests.unit.service_world import World, native, service, ssb

MESSAGES = {m["name"]: m for m in document()["components"]["messages"].values()}


def test_every_type_and_every_answer_is_described() -> None:
    assert {t for known in TYPES.values() for t in (known.name, known.accepted, known.refused)} <= set(MESSAGES)


def test_references_resolve() -> None:
    described = document()
    for channel in described["channels"].values():
        for reference in channel["messages"].values():
            assert reference["$ref"].rsplit("/", 1)[1] in described["components"]["messages"]


@pytest.mark.parametrize("make", [native, ssb])
@pytest.mark.parametrize(
    "xml",
    [
        encode(case(sak(personalia(), melding(slutt="2024-02-05")))),
        encode(case(sak(personalia(), undersokelse(), melding(slutt="2024-02-12")))),
        b"<Barnevern/>",
        b"",
    ],
)
def test_answers_fit_their_schemas(make: Any, xml: bytes) -> None:
    world = World()
    service(world).receive(make(xml))
    (_, data, attributes, _) = world.published[0]
    fits(json.loads(data), MESSAGES[attributes["type"]]["payload"], "")


def fits(value: Any, schema: dict[str, Any], where: str) -> None:
    """The parts of JSON Schema that the description uses."""
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
    if "const" in schema:
        assert value == schema["const"], where
        return
    assert isinstance(value, kinds[schema["type"]]), where
    assert value in schema.get("enum", [value]), where
    if schema["type"] == "object" and "properties" in schema:
        assert set(schema["required"]) <= set(value), where
        assert set(value) <= set(schema["properties"]), f"{where}: {set(value) - set(schema['properties'])}"
        for name, child in value.items():
            fits(child, schema["properties"][name], f"{where}/{name}")
    if schema["type"] == "array":
        for child in value:
            fits(child, schema["items"], f"{where}[]")
