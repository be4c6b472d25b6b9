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
    """The JSON Schema of a version (draft 2020-12): what it refuses, the register refuses.

    It cannot say that an Id stands once among the elements of its kind in a case, nor that a date exists: the register
    checks both. `\\d` in it means 0 to 9; the XSD means any decimal digit, and the rules refuse the others.
    """
    definitions: dict[str, Any] = {}
    root = _reference(Barnevern, version, definitions)
    return {
        "$schema": DRAFT,
        "$id": f"https://barnevernsregisteret.no/skjema/barnevern-{version}.schema.json",
        "title": f"Barnevernsregisteret: en sak, versjon {version} | a case, version {version}",
        "description": "null er det samme som utelatt. Registeret kontrollerer også det et JSON Schema ikke kan si: at "
        "en Id står én gang blant elementene av sitt slag i saken (Slettet: Id og Type), og at datoer finnes. | null "
        "is the same as absent. The register also checks what a JSON Schema cannot say: that an Id stands once among "
        "the elements of its kind in the case (Slettet: Id and Type), and that dates exist.",
        "type": "object",
        "properties": {
            "xsdVersion": {
                "description": "Skjemaversjonen; utelates når meldingen har den som attributt | Schema version",
                "type": ["string", "integer", "null"],
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
    one = _reference(f.concept, version, definitions) if f.concept else _simple(f, version, definitions)
    described = {"description": f"{f.doc.nb} | {f.doc.en}"}
    if not f.many:
        return {**described, **one} if f.low else {**described, "anyOf": [one, {"type": "null"}]}
    bounds = {"minItems": f.low} if f.low else {}
    bounds |= {"maxItems": f.high} if f.high is not None else {}
    many = {"type": "array", "items": one, **bounds}
    return {**described, **many} if f.low else {**described, "anyOf": [many, {"type": "null"}]}


_SPACE = "[ \\t\\r\\n]*"  # may stand around what is no text, as in XML


def _simple(f: Field, version: str, definitions: dict[str, Any]) -> dict[str, Any]:
    simple = f.simple
    assert simple is not None
    if simple.base == "boolean":
        return {"type": "boolean"}
    if simple.codes:
        return _codes(simple.codes, version, definitions)
    out: dict[str, Any] = {"type": "string"}
    if simple.base == "date":
        out["pattern"] = rf"^{_SPACE}-?\d{{4,}}-\d{{2}}-\d{{2}}(Z|[+-]\d{{2}}:\d{{2}})?{_SPACE}$"
    elif simple.pattern:
        space = _SPACE if simple.base == "dateTime" else ""
        out["pattern"] = f"^{space}({simple.pattern}){space}$"
    if simple.min_length is not None:
        out["minLength"] = simple.min_length
    if simple.max_length is not None:
        out["maxLength"] = simple.max_length
    return out


def _codes(name: str, version: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """A code list, once for all who use it, with what each code means."""
    found = [c for c in codelist(name).values() if c.in_version(version)]
    definitions[f"Kode.{name}"] = {
        "description": "\n".join(f"{c.code}: {c.label_nb} | {c.label_en}" for c in found),
        "enum": [c.code for c in found],
    }
    return {"$ref": f"#/$defs/Kode.{name}"}


def outputs() -> dict[str, str]:
    """Path below the root of the project -> version."""
    return {f"docs/skjema/barnevern-{version}.schema.json": version for version in SUPPORTED}
