"""A document of the model written as XML: for synthetic senders, examples and tests."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from bvr.model.concepts import Barnevern
from bvr.model.types import Concept, Field, fields_in
from bvr.model.versions import CURRENT


def encode(document: Barnevern, version: str = CURRENT) -> bytes:
    """The document in UTF-8; what `version` does not have, or has in another form, is left out."""
    out = ['<?xml version="1.0" encoding="UTF-8"?>\n']
    _write("Barnevern", document, version, out)
    return "".join(out).encode()


def _write(tag: str, concept: Concept, version: str, out: list[str]) -> None:
    out.append(f"<{tag}")
    children: list[tuple[Field, Any]] = []
    for f in fields_in(type(concept), version):
        value = getattr(concept, f.name)
        if value is None or value == () or not f.fits:
            continue
        if f.is_attribute:
            out.append(f" {f.xml}={quoteattr(_text(value))}")
        else:
            children.extend((f, v) for v in (value if f.many else (value,)))
    if not children:
        out.append("/>")
        return
    out.append(">")
    for f, value in children:
        if f.concept:
            _write(f.xml, value, version, out)
        else:
            out.append(f"<{f.xml}>{escape(_text(value))}</{f.xml}>")
    out.append(f"</{tag}>")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)
