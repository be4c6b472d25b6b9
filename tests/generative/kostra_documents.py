"""Random KOSTRA files from the model, and what can be done to them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from lxml import etree

from bvr.kostra import concepts as m
from bvr.model.codelists import codelist
from bvr.model.types import Concept, Field, Simple, fields

XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
_LETTERS = "abcÆØÅ xyz"


def value(simple: Simple, rng: Random) -> str:
    """A valid value."""
    if simple.base == "date":
        return f"{rng.randint(1999, 2049)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
    if simple.base == "gYear":
        return str(rng.randint(2013, 2026))
    if simple.codes:
        return rng.choice([c.code for c in codelist(simple.codes).values() if c.in_version(m.CODES)])
    length = rng.randint(simple.min_length or 0, min(simple.max_length or 40, 40))
    if simple.pattern == "[12]":
        return rng.choice("12")
    if simple.pattern:
        return "".join(rng.choice("0123456789") for _ in range(length))
    return "".join(rng.choice(_LETTERS) for _ in range(length))


def element(tag: str, concept: type[Concept], rng: Random, numbers: Iterator[int]) -> Any:
    """A valid element."""
    out = etree.Element(tag)
    for f in fields(concept):
        if f.is_attribute:
            if f.required or rng.random() < 0.5:
                assert f.simple is not None
                out.set(f.xml, str(next(numbers)) if f.name == "id" else value(f.simple, rng))
            continue
        for _ in range(_count(f, rng)):
            if f.concept is None:
                assert f.simple is not None
                child = etree.SubElement(out, f.xml)
                child.text = value(f.simple, rng) or "x"
            else:
                out.append(element(f.xml, f.concept, rng, numbers))
    return out


def _count(f: Field, rng: Random) -> int:
    return rng.randint(f.low, min(f.high if f.high is not None else 3, max(f.low, 3)))


def file(rng: Random) -> Any:
    """A valid file."""

    def count() -> Iterator[int]:
        number = 0
        while True:
            number += 1
            yield number

    return element("Barnevern", m.Barnevern, rng, count())


# --- mutations -------------------------------------------------------------------------------------------------------

ODD = (
    "", " ", "x", "0", "1", "2", "3", "9", "99", "0.0", "1.1", "3.10", "3.1", "1.1.1", "8.4", "8.5", "1.1.01", "37",
    "25", "26", "2024-02-30", "2024-01-01Z", "2024-01-01+01:00", "02024-01-01", "-2024-01-01", "20240101", "2024",
    "2024Z",
    "02024",
    "-2024", "123", "1234", "12345", "123456789", "12345678901", "123456789012", "١٢٣٤", "a" * 21, "a" * 30, "a" * 31,
    "a" * 50, "a" * 51, "a" * 100, "a" * 101, "a" * 250, "a" * 251, "a" * 300, "a" * 301, "a" * 1000, "a" * 1001, "BVL",
)  # fmt: skip


def _pick(root: Any, rng: Random) -> Any:
    return rng.choice(list(root.iter(etree.Element)))


def change_value(root: Any, rng: Random) -> None:
    e = _pick(root, rng)
    if e.attrib:
        e.set(rng.choice(list(e.attrib)), rng.choice(ODD))
    elif e.text:
        e.text = rng.choice(ODD)


def drop_attribute(root: Any, rng: Random) -> None:
    e = _pick(root, rng)
    if e.attrib:
        del e.attrib[rng.choice(list(e.attrib))]


def add_attribute(root: Any, rng: Random) -> None:
    names = ["Id", "StartDato", "SluttDato", "Dufnummer", "DUFnummer", "Presisering", "Konklusjon", f"{XSI}nil"]
    _pick(root, rng).set(rng.choice(names), rng.choice(ODD))


def set_type(root: Any, rng: Random) -> None:
    names = ["SaksinnholdType", "MelderType", "LovhjemmelType", "IndividType", "PlanType", "VedtaksgrunnlagType"]
    _pick(root, rng).set(f"{XSI}type", rng.choice(names))


def drop(root: Any, rng: Random) -> None:
    e = _pick(root, rng)
    if e is not root:
        e.getparent().remove(e)


def duplicate(root: Any, rng: Random) -> None:
    e = _pick(root, rng)
    if e is not root:
        e.addnext(copy.deepcopy(e))


def move(root: Any, rng: Random) -> None:
    e, to = _pick(root, rng), _pick(root, rng)
    if e is not root and to is not e and to not in e.iter():
        to.insert(rng.randint(0, len(to)), e)


def rename(root: Any, rng: Random) -> None:
    e = _pick(root, rng)
    e.tag = rng.choice(
        ["Melding", "Melder", "Presisering", "Vedtak", "Individ", "Avgiver", "{urn:x}Plan", "Undersokelse"]
    )


def add_text(root: Any, rng: Random) -> None:
    e = _pick(root, rng)
    if rng.random() < 0.5:
        e.text = (e.text or "") + rng.choice(["x", " ", "\n"])
    elif e is not root:
        e.tail = rng.choice(["x", " ", "\n"])


def add_child(root: Any, rng: Random) -> None:
    e = _pick(root, rng)
    e.insert(rng.randint(0, len(e)), etree.Element(rng.choice(["Presisering", "Plan", "Ukjent", "Melder"]), Kode="1"))


def same_id(root: Any, rng: Random) -> None:
    e = _pick(root, rng)
    if e.get("Id"):
        for sibling in e.itersiblings():
            sibling.set("Id", e.get("Id"))


MUTATIONS: tuple[Callable[[Any, Random], None], ...] = (
    change_value, drop_attribute, add_attribute, set_type, drop, duplicate, move, rename, add_text, add_child, same_id,
)  # fmt: skip


def document(rng: Random) -> bytes:
    """A file with nothing, one thing or a few things done to it."""
    root = file(rng)
    for _ in range(rng.choice((0, 1, 1, 1, 2, 4))):
        rng.choice(MUTATIONS)(root, rng)
    return bytes(etree.tostring(root, encoding="ISO-8859-1" if rng.random() < 0.3 else "UTF-8", xml_declaration=True))
