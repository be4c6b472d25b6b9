"""A case as JSON -> the document, or its faults: by way of the very XML that it stands for.

What only JSON can get wrong is told here. The rest is for the schema and the decoder that judge XML, so that a case and
its XML twin can never be told different things. A sender is told of both at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec
from lxml import etree

from bvr.decode import DEFAULT_LIMITS, Decoded, Limits, decode, known_name
from bvr.faults import Fault
from bvr.model import json_form
from bvr.model.concepts import Barnevern
from bvr.model.types import Concept, Field, fields_in

ROOT = json_form.ROOT

# What XML 1.0 cannot hold, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DEEPEST = 40  # the model is eight deep

# A string of JSON; what is not ended goes on to the end of the data. The scanners below match at every position, to the
# end at the last: a pattern that can fail is tried again at each byte, which for 10 MB never ends.
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)'
_BRACKET = re.compile(rb'(?:[^"\[\]{}]++|' + _STRING + rb")*+([\[\]{}]|\Z)", re.DOTALL)
_MARK = re.compile(rb'(?:[^",:\[{]++|' + _STRING + rb")*+(?:[,:\[{]|\Z)", re.DOTALL)


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """JSON that was read: the version it names (empty when that is none), if any, and the case as it stands."""

    announced: str | int | None = None
    content: Any = None
    fault: Fault | None = None


class _Unreadable(ValueError):
    """JSON that means nothing certain."""

    def __init__(self, nb: str, en: str) -> None:
        super().__init__(en)
        self.nb, self.en = nb, en


def read(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Case:
    """Read JSON strictly: UTF-8, no key twice, no number that is none, no deeper than a case and with no more in it.

    Python needs 70 bytes for a list that takes three in the text: what is too much is refused before any of it is made.
    """
    if len(data) > limits.bytes:
        nb, en = f"{len(data)} byte; grensen er {limits.bytes}", f"{len(data)} bytes; the limit is {limits.bytes}"
        return Case(fault=_size(f"Innholdet er på {nb}.", f"The payload is {en}."))
    if _too_many(data, limits):
        return Case(
            fault=_size(
                f"Innholdet har flere verdier enn en sak på {limits.elements} elementer kan ha.",
                f"The payload has more values than a case of {limits.elements} elements can have.",
            )
        )
    try:
        if _too_deep(data):
            raise _Unreadable("er for dypt nøstet", "is nested too deeply")
        content = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_no_constant)
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
    return Case(announced=_announced(content.get("xsdVersion")), content=content)


def _announced(given: Any) -> str | int | None:
    """The version that was given; none of ours where it is no name of a version at all."""
    if given is None or (type(given) is int and 0 < given < 1000) or (type(given) is str and len(given) <= 20):
        return given
    return ""


def decode_json(content: dict[str, Any], version: str, limits: Limits = DEFAULT_LIMITS) -> Decoded:
    """Decode JSON that was read, as a supported schema version. Raises nothing for bad input."""
    builder = _Builder(version, limits)
    builder.unknown("Innholdet", "The payload", "", set(content) - {"xsdVersion", ROOT})
    given = content.get(ROOT)
    if not isinstance(given, dict):
        builder.fault(f"/{ROOT}", f"{ROOT} mangler, eller er ikke et objekt", f"{ROOT} is missing, or no object")
        return Decoded(faults=tuple(builder.faults), more=builder.more)
    root = builder.element(ROOT, Barnevern, given, f"/{ROOT}")
    if builder.too_many:
        return Decoded(faults=(builder.too_many,))
    if builder.more:
        return Decoded(faults=tuple(builder.faults), more=builder.more)
    # What an empty place lacks must not crowd out the rest.
    room = msgspec.structs.replace(limits, faults=limits.faults + _LACKS * len(builder.told))
    decoded = decode(etree.tostring(root, encoding="UTF-8", xml_declaration=True), version, room)
    return _both(builder, decoded, limits)


_LACKS = 15  # more than any empty element of the model is told to lack


def _both(builder: _Builder, decoded: Decoded, limits: Limits) -> Decoded:
    """What the JSON has wrong, then what its XML has; without what the latter says of a place that was told already."""
    # The lines are those of the XML in between, which nobody has seen.
    theirs = [
        msgspec.structs.replace(fault, line=None, column=None)
        for fault in decoded.faults
        if not any(fault.path.startswith(place) and fault.path[len(place) :][:1] in ("", "/") for place in builder.told)
    ]
    if not builder.faults:
        return msgspec.structs.replace(decoded, faults=tuple(theirs))
    faults = (*builder.faults, *theirs)
    more = decoded.more + max(len(faults) - limits.faults, 0)
    return Decoded(faults=faults[: limits.faults], more=more)


def _too_many(data: bytes, limits: Limits) -> bool:
    """Whether there are more commas, colons and openings than a case needs that has as much as a document may have."""
    most = 4 * limits.elements + 2 * limits.attributes
    if sum(map(data.count, (b",", b":", b"[", b"{"))) <= most:
        return False
    return sum(1 for _ in islice(_MARK.finditer(data), most + 2)) > most + 1


def _too_deep(data: bytes) -> bool:
    depth = 0
    for bracket in _BRACKET.finditer(data):
        depth += 1 if bracket[1] in (b"[", b"{") else -1
        if depth > _DEEPEST:
            return True
        if depth <= 0:  # the end; or not JSON, and then the parser says where
            break
    return False


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Unreadable("har samme nøkkel to ganger i et objekt", "has the same key twice in an object")
    return found


def _no_constant(_: str) -> Any:
    raise _Unreadable("har et tall som ikke er noe tall", "has a number that is none")


def _size(nb: str, en: str) -> Fault:
    return Fault(kind="size", nb=nb, en=en)


def _fault(nb: str, en: str, path: str = "", line: int | None = None, column: int | None = None) -> Fault:
    return Fault(kind="json-form", nb=nb, en=en, path=path, line=line, column=column)


class _Builder:
    """Makes the XML tree of a case, and notes everything that has no place in it.

    What cannot be said in XML leaves an empty element, so that everything else stays where it is. `told` are the places
    of it. Paths are those of the XML: a number where there are several.
    """

    def __init__(self, version: str, limits: Limits) -> None:
        self.version = version
        self.limits = limits
        self.faults: list[Fault] = []
        self.more = 0
        self.told: set[str] = set()
        self.elements = 0
        self.too_many: Fault | None = None

    def fault(self, path: str, nb: str, en: str) -> None:
        if len(self.faults) >= self.limits.faults:
            self.more += 1
        else:
            self.faults.append(_fault(f"{nb}.", f"{en}.", path))

    def misfit(self, path: str, nb: str, en: str) -> None:
        """A value that has no form in XML: what its empty place lacks is no news."""
        self.told.add(path)
        self.fault(path, nb, en)

    def unknown(self, of_nb: str, of_en: str, path: str, names: set[str]) -> None:
        """Keys that have no place here: named where they are words of ours, in another place or version."""
        for shown in sorted(name if name in _WORDS else known_name(name) for name in names):
            if shown == "?":
                nb, en = "en nøkkel som ikke finnes i skjemaet", "a key that the schema does not have"
            else:
                nb = f"nøkkelen {shown}, som ikke kan stå der i denne skjemaversjonen"
                en = f"the key {shown}, which cannot stand there in this schema version"
            self.fault(f"{path}/{shown}", f"{of_nb} har {nb}", f"{of_en} has {en}")

    def element(self, tag: str, concept: type[Concept], given: dict[str, Any], path: str) -> Any:
        """The element of an object. Its children come in the order of the schema, whatever theirs is."""
        out = etree.Element(tag)
        self.elements += 1
        if self.elements > self.limits.elements and self.too_many is None:
            nb, en = f"flere enn {self.limits.elements} elementer", f"more than {self.limits.elements} elements"
            self.too_many = _size(f"Saken har {nb}.", f"The case has {en}.")
        if self.too_many:
            return out
        known = fields_in(concept, self.version)
        self.unknown(tag, tag, path, set(given) - {f.xml for f in known})
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
                out.append(self.child(f, one, place))
        return out

    def child(self, f: Field, value: Any, path: str) -> Any:
        if f.concept is not None and isinstance(value, dict):
            return self.element(f.xml, f.concept, value, path)
        out = etree.Element(f.xml)
        if f.concept is None:
            out.text = self.text(f, value, path)
        elif value is not _MISFIT:
            self.misfit(path, f"{f.xml} skal være et objekt", f"{f.xml} must be an object")
        return out

    def each(self, f: Field, value: Any, path: str) -> Iterator[tuple[Any, str]]:
        """The values of a child, with their places."""
        if f.many and isinstance(value, list):
            several = len(value) > 1
            for number, one in enumerate(value, 1):
                yield one, f"{path}[{number}]" if several else path
        elif f.many:
            self.misfit(path, f"{f.xml} skal være en liste", f"{f.xml} must be an array")
            yield _MISFIT, path
        elif isinstance(value, list):
            self.misfit(path, f"{f.xml} kan bare stå én gang, og skal ikke være en liste", f"{f.xml} is no array")
            yield _MISFIT, path
        else:
            yield value, path

    def text(self, f: Field, value: Any, path: str) -> str | None:
        """A value as it stands in XML; None, with a fault, for one that cannot."""
        assert f.simple is not None
        if value is _MISFIT:
            return None
        if f.simple.base == "boolean":
            if isinstance(value, bool):
                return "true" if value else "false"
            self.misfit(path, f"{f.xml} skal være true eller false", f"{f.xml} must be true or false")
        elif not isinstance(value, str):
            self.misfit(path, f"{f.xml} skal være tekst", f"{f.xml} must be text")
        elif _NOT_XML.search(value):
            self.misfit(path, f"{f.xml} har tegn som ikke kan brukes", f"{f.xml} has characters that cannot be used")
        else:
            return value
        return None


_WORDS = ("xsdVersion", "xmlBody", "klientMeldingId")  # of the protocol
_MISFIT = object()  # stands where something else was, that has been told
