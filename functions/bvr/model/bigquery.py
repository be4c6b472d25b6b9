"""The information model as a BigQuery schema."""

from __future__ import annotations

from typing import Any

from bvr.model.innsending import DERIVED
from bvr.model.types import Concept, Doc, Field, Person, fields

_TYPES = {
    "string": "STRING",
    "gYear": "STRING",
    "date": "DATE",
    "dateTime": "TIMESTAMP",
    "boolean": "BOOLEAN",
    "integer": "INTEGER",
    "double": "FLOAT",
    "bytes": "BYTES",
}
_CIPHER = {
    "nb": " Kryptert (Tink deterministisk AEAD).",
    "en": " Encrypted (Tink deterministic AEAD).",
}


def columns(concept: type[Concept]) -> list[dict[str, Any]]:
    """The columns of a concept as a BigQuery JSON schema. Direct identifiers are BYTES: only ciphertext fits. What is
    never stored has no column."""
    found = [_column(f) for f in fields(concept) if f.doc.person is not Person.UNSTORED]
    found += [_plain(name, "STRING", doc) for name, doc in DERIVED.get(concept, ())]
    return found


def _column(f: Field) -> dict[str, Any]:
    secret = f.doc.person is Person.DIRECT
    column: dict[str, Any] = {
        "name": f.name,
        "type": "BYTES" if secret else _TYPES[f.simple.base] if f.simple else "RECORD",
        "mode": "REPEATED" if f.many else "REQUIRED" if f.required else "NULLABLE",
        "description": _description(f.doc),
    }
    if f.concept:
        column["fields"] = columns(f.concept)
    return column


def _plain(name: str, kind: str, doc: Doc) -> dict[str, Any]:
    return {"name": name, "type": kind, "mode": "NULLABLE", "description": _description(doc)}


def _description(doc: Doc) -> str:
    cipher = doc.person is Person.DIRECT
    return f"{doc.nb}{_CIPHER['nb'] if cipher else ''} | {doc.en}{_CIPHER['en'] if cipher else ''}"
