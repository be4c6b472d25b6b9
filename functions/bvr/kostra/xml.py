"""A KOSTRA file written as XML: for synthetic senders, examples and tests."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from bvr.kostra.concepts import Avgiver, Individ
from bvr.model.types import Concept, Field, fields


def encode(avgiver: Avgiver, clients: Iterable[Individ], encoding: str = "UTF-8") -> bytes:
    """A file with a sender and its clients."""
    out = [f'<?xml version="1.0" encoding="{encoding}"?>\n<Barnevern>']
    _write("Avgiver", avgiver, out)
    for client in clients:
        out.append("\n")
        _write("Individ", client, out)
    out.append("\n</Barnevern>\n")
    return "".join(out).encode(encoding, "xmlcharrefreplace")


def _write(tag: str, concept: Concept, out: list[str]) -> None:
    out.append(f"<{tag}")
    children: list[tuple[Field, Any]] = []
    for f in fields(type(concept)):
        value = getattr(concept, f.name)
        if value is None or value == ():
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
            _write(f.xml, value, out)
        else:
            out.append(f"<{f.xml}>{escape(_text(value))}</{f.xml}>")
    out.append(f"</{tag}>")


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)
