"""A case as JSON, for senders that cannot make XML: the same names, the same values, the same order of meaning.

`{"xsdVersion": "4.0.1", "Barnevern": {"Id": …, "Sak": {"Melding": [{…}]}}}`. What can be repeated is an array; dates
and moments are text as in XML; booleans are booleans; null is the same as absent. Everything here follows from the
model, so a case and its XML twin give the same rows and findings.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

import msgspec

from bvr.model.codelists import codelist
from bvr.model.concepts import Barnevern
from bvr.model.types import Concept, Field, fields_in
from bvr.model.versions import CURRENT, SUPPORTED

DRAFT = "https://json-schema.org/draft/2020-12/schema"
ROOT = "Barnevern"


def to_json(document: Barnevern, version: str = CURRENT) -> bytes:
    """The document in UTF-8; what `version` does not have is left out."""
    return msgspec.json.encode({"xsdVersion": version, ROOT: _value(document, version)})


def _value(concept: Concept, version: str) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for f in fields_in(type(concept), version):
        value = getattr(concept, f.name)
        if value is None or value == () or not f.fits:
            continue
        out[f.xml] = [_one(f, v, version) for v in value] if f.many else _one(f, value, version)
    return out


def _one(f: Field, value: Any, version: str) -> Any:
    if f.concept is not None:
        return _value(value, version)
    return value.isoformat() if isinstance(value, datetime | date) else value


def render(version: str) -> str:
    """The JSON Schema of a version, as text."""
    return json.dumps(schema(version), ensure_ascii=False, indent=2) + "\n"


def schema(version: str) -> dict[str, Any]:
    """The JSON Schema of a version (draft 2020-12).

    It cannot say that an Id stands once among the elements of its kind in a case, nor that a date exists: the register
    checks both.
    """
    definitions: dict[str, Any] = {}
    root = _reference(Barnevern, version, definitions)
    return {
        "$schema": DRAFT,
        "$id": f"https://barnevernsregisteret.no/skjema/barnevern-{version}.schema.json",
        "title": f"Barnevernsregisteret: en sak, versjon {version} | a case, version {version}",
        "type": "object",
        "properties": {
            "xsdVersion": {
                "description": "Skjemaversjonen; utelates når meldingen har den som attributt | Schema version",
                "type": ["string", "integer"],
            },
            ROOT: root,
        },
        "required": [ROOT],
        "additionalProperties": False,
        "$defs": dict(sorted(definitions.items())),
    }


def _reference(concept: type[Concept], version: str, definitions: dict[str, Any]) -> dict[str, Any]:
    name = concept.__name__
    if name not in definitions:
        definitions[name] = {}  # its place, should it refer to itself
        here = fields_in(concept, version)
        definitions[name] = {
            "type": "object",
            "description": (concept.__doc__ or "").strip(),
            "properties": {f.xml: _property(f, version, definitions) for f in here},
            "required": [f.xml for f in here if f.low],
            "additionalProperties": False,
        }
    return {"$ref": f"#/$defs/{name}"}


def _property(f: Field, version: str, definitions: dict[str, Any]) -> dict[str, Any]:
    one = _reference(f.concept, version, definitions) if f.concept else _simple(f, version)
    described = {"description": f"{f.doc.nb} | {f.doc.en}"}
    if not f.many:
        return {**described, **one} if f.low else {**described, "anyOf": [one, {"type": "null"}]}
    bounds = {"minItems": f.low} if f.low else {}
    bounds |= {"maxItems": f.high} if f.high is not None else {}
    many = {"type": "array", "items": one, **bounds}
    return {**described, **many} if f.low else {**described, "anyOf": [many, {"type": "null"}]}


def _simple(f: Field, version: str) -> dict[str, Any]:
    simple = f.simple
    assert simple is not None
    if simple.base == "boolean":
        return {"type": "boolean"}
    out: dict[str, Any] = {"type": "string"}
    if simple.codes:
        found = [c for c in codelist(simple.codes).values() if c.in_version(version)]
        return {"enum": [c.code for c in found]}
    if simple.base == "date":
        return {**out, "pattern": r"^-?\d{4,}-\d{2}-\d{2}(Z|[+-]\d{2}:\d{2})?$"}
    if simple.pattern:
        # A moment may have space around it, as in XML.
        out["pattern"] = rf"^\s*({simple.pattern})\s*$" if simple.base == "dateTime" else f"^({simple.pattern})$"
    if simple.min_length is not None:
        out["minLength"] = simple.min_length
    if simple.max_length is not None:
        out["maxLength"] = simple.max_length
    return out


def outputs() -> dict[str, str]:
    """Path below the root of the project -> version."""
    return {f"docs/skjema/barnevern-{version}.schema.json": version for version in SUPPORTED}
