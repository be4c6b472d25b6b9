"""A case as JSON -> the document, or its faults: by way of the very XML that it stands for.

What only JSON can get wrong is told here, all of it at once. The rest is for the schema and the decoder that judge XML,
so that a case and its XML twin can never be told different things.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec
from lxml import etree

from bvr.decode import DEFAULT_LIMITS, Decoded, Limits, decode
from bvr.faults import Fault
from bvr.model import json_form
from bvr.model.concepts import Barnevern
from bvr.model.types import Concept, Field, fields_in

ROOT = json_form.ROOT

# What XML 1.0 cannot hold, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DEEPEST = 40  # the model is eight deep


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """JSON that was read: the version it names, if any, and the case as it stands."""

    announced: str | int | None = None
    content: Any = None
    fault: Fault | None = None


class _Unreadable(ValueError):
    """JSON that means nothing certain."""

    def __init__(self, nb: str, en: str) -> None:
        super().__init__(en)
        self.nb, self.en = nb, en


def read(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Case:
    """Read JSON strictly: UTF-8, no key twice, no numbers that are none, and no deeper than a case can be."""
    if len(data) > limits.bytes:
        nb, en = f"{len(data)} byte; grensen er {limits.bytes}", f"{len(data)} bytes; the limit is {limits.bytes}"
        return Case(fault=Fault(kind="size", nb=f"Innholdet er på {nb}.", en=f"The payload is {en}."))
    try:
        text = data.decode("utf-8-sig")
        if _too_deep(text):
            raise _Unreadable("er for dypt nøstet", "is nested too deeply")
        content = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except _Unreadable as error:
        return Case(fault=_fault(f"Innholdet {error.nb}.", f"The payload {error.en}."))
    except json.JSONDecodeError as error:
        return Case(
            fault=_fault(
                "Innholdet er ikke gyldig JSON.",
                "The payload is not valid JSON.",
                line=error.lineno,
                column=error.colno,
            )
        )
    except (ValueError, RecursionError):  # not UTF-8, or a number of thousands of digits
        return Case(fault=_fault("Innholdet er ikke gyldig JSON i UTF-8.", "The payload is not valid JSON in UTF-8."))
    if not isinstance(content, dict):
        return Case(fault=_fault("Innholdet skal være et objekt.", "The payload must be an object."))
    announced = content.get("xsdVersion")
    if not isinstance(announced, str | int) or isinstance(announced, bool):
        announced = None
    return Case(announced=announced, content=content)


def decode_json(content: dict[str, Any], version: str, limits: Limits = DEFAULT_LIMITS) -> Decoded:
    """Decode JSON that was read, as a supported schema version. Raises nothing for bad input."""
    builder = _Builder(version, limits)
    extra = set(content) - {"xsdVersion", ROOT}
    if extra:
        builder.fault("", "Innholdet har en nøkkel som ikke finnes i skjemaet", "The payload has an unknown key")
    given = content.get(ROOT)
    if not isinstance(given, dict):
        builder.fault(f"/{ROOT}", "Barnevern skal være et objekt", "Barnevern must be an object")
        return builder.faulty()
    root = builder.element(ROOT, Barnevern, given, f"/{ROOT}", 0)
    if builder.too_many:
        return Decoded(faults=(builder.too_many,))
    if builder.faults:
        return builder.faulty()
    decoded = decode(etree.tostring(root, encoding="UTF-8", xml_declaration=True), version, limits)
    # The lines are those of the XML in between, which nobody has seen.
    return msgspec.structs.replace(
        decoded, faults=tuple(msgspec.structs.replace(f, line=None, column=None) for f in decoded.faults)
    )


def _too_deep(text: str) -> bool:
    depth = deepest = 0
    for mark in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[{\]}]', text):
        if mark[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > _DEEPEST:
                return True
        elif mark[0] in "]}":
            depth -= 1
    return False


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Unreadable("har samme nøkkel to ganger i et objekt", "has the same key twice in an object")
    return found


def _no_constant(_: str) -> Any:
    raise _Unreadable("har et tall som ikke er noe tall", "has a number that is none")


def _fault(nb: str, en: str, path: str = "", line: int | None = None, column: int | None = None) -> Fault:
    return Fault(kind="json-form", nb=nb, en=en, path=path, line=line, column=column)


class _Builder:
    """Makes the XML tree of a case, and notes everything that has no place in it."""

    def __init__(self, version: str, limits: Limits) -> None:
        self.version = version
        self.limits = limits
        self.faults: list[Fault] = []
        self.more = 0
        self.elements = 0
        self.too_many: Fault | None = None

    def faulty(self) -> Decoded:
        return Decoded(faults=tuple(self.faults), more=self.more)

    def fault(self, path: str, nb: str, en: str) -> None:
        if len(self.faults) >= self.limits.faults:
            self.more += 1
        else:
            self.faults.append(_fault(f"{nb}.", f"{en}.", path))

    def element(self, tag: str, concept: type[Concept], given: dict[str, Any], path: str, depth: int) -> Any:
        """The element of an object. Its children come in the order of the schema, whatever theirs is."""
        out = etree.Element(tag)
        self.elements += 1
        if self.elements > self.limits.elements and self.too_many is None:
            nb, en = f"flere enn {self.limits.elements} elementer", f"more than {self.limits.elements} elements"
            self.too_many = Fault(kind="size", nb=f"Saken har {nb}.", en=f"The case has {en}.")
        if self.too_many:
            return out
        known = fields_in(concept, self.version)
        if set(given) - {f.xml for f in known}:
            self.fault(
                path, f"{tag} har en nøkkel som ikke finnes i skjemaet", f"{tag} has a key unknown to the schema"
            )
        for f in known:
            value = given.get(f.xml)
            if value is None:
                continue
            if f.is_attribute:
                text = self.text(f, value, f"{path}/@{f.xml}")
                if text is not None:
                    out.set(f.xml, text)
                continue
            for one, place in self.each(f, value, f"{path}/{f.xml}"):
                self.child(out, f, one, place, depth)
        return out

    def child(self, parent: Any, f: Field, value: Any, path: str, depth: int) -> None:
        if f.concept is None:
            text = self.text(f, value, path)
            if text is not None:
                etree.SubElement(parent, f.xml).text = text
        elif isinstance(value, dict):
            parent.append(self.element(f.xml, f.concept, value, path, depth + 1))
        else:
            self.fault(path, f"{f.xml} skal være et objekt", f"{f.xml} must be an object")

    def each(self, f: Field, value: Any, path: str) -> Iterator[tuple[Any, str]]:
        """The values of a child, with their places."""
        if not f.many:
            if isinstance(value, list):
                self.fault(path, f"{f.xml} kan bare stå én gang, og skal ikke være en liste", f"{f.xml} is no list")
                return
            yield value, path
        elif isinstance(value, list):
            for number, one in enumerate(value, 1):
                yield one, f"{path}[{number}]"
        else:
            self.fault(path, f"{f.xml} skal være en liste", f"{f.xml} must be an array")

    def text(self, f: Field, value: Any, path: str) -> str | None:
        """A value as it stands in XML; None, with a fault, for one that cannot."""
        assert f.simple is not None
        if f.simple.base == "boolean":
            if isinstance(value, bool):
                return "true" if value else "false"
            self.fault(path, f"{f.xml} skal være true eller false", f"{f.xml} must be true or false")
        elif not isinstance(value, str):
            self.fault(path, f"{f.xml} skal være tekst", f"{f.xml} must be text")
        elif _NOT_XML.search(value):
            self.fault(path, f"{f.xml} har tegn som ikke kan brukes", f"{f.xml} has characters that cannot be used")
        else:
            return value
        return None
