"""Documents made from the model: any element, attribute, list, code, bound and spelling that a version allows.

`random_document` is a pure function of its random generator. `documents` is the same thing for Hypothesis, as concepts.
"""

from __future__ import annotations

import calendar
import random
import re
from collections.abc import Callable
from datetime import UTC, timedelta, timezone
from functools import cache
from typing import Any

from hypothesis import strategies as st
from lxml import etree

from bvr.model.codelists import codelist
from bvr.model.concepts import UNIQUE, Barnevern, Sak
from bvr.model.schema import type_name
from bvr.model.types import MOMENT, UUID_PATTERN, Concept, Field, Simple, fields_in
from bvr.model.upcast import refusals
from bvr.model.versions import CURRENT
from tests.generative.places import Place

XS = "http://www.w3.org/2001/XMLSchema"
XSI = "http://www.w3.org/2001/XMLSchema-instance"

# Decimal digits outside 0-9 that `\d` of a schema accepts: Arabic-Indic, Devanagari, fullwidth.
UNICODE_DIGITS = ("٠١٢٣٤٥٦٧٨٩", "०१२३४५६७८९", "０１２３４５６７８９")
_LETTERS = "abcdefghijklmnopqrstuvwxyzæøåABCDEFGHIJKLMNOPQRSTUVWXYZÆØÅ0123456789 .,-/"
_ODD = "\"'<>&=\t\n\r\u00a0\u2028ßłشم漢😀🧒\u0301\ufffd]]>--{}%"


# --- values ----------------------------------------------------------------------------------------------------------


def uuid(rng: random.Random) -> str:
    """A key in lower, upper or mixed case; versions 1 to 5, all four variants."""
    bits = f"{rng.getrandbits(120):030x}"
    text = f"{bits[:8]}-{bits[8:12]}-{rng.randint(1, 5)}{bits[12:15]}-{rng.choice('89ab')}{bits[15:18]}-{bits[18:30]}"
    style = rng.random()
    if style < 0.6:
        return text
    return text.upper() if style < 0.9 else "".join(c.upper() if rng.random() < 0.5 else c for c in text)


def zone(rng: random.Random) -> str:
    """Z or an offset, to the ends that a schema knows: 14 hours."""
    return rng.choice(
        ("Z", "+00:00", "-00:00", "+01:00", "+02:00", "+14:00", "-14:00", "+13:59", f"-{rng.randint(0, 13):02}:30")
    )


def _leap(year: int) -> bool:
    """Whether the calendar of a schema has a 29 February; there is no year 0."""
    return calendar.isleap(year)


def day(rng: random.Random) -> str:
    """A date of a schema: any year, with or without a zone."""
    style = rng.random()
    if style < 0.75:
        year = str(rng.randint(1998, 2030))
    elif style < 0.85:
        year = f"{rng.choice((1, 2, 99, 999, 1000, 9998, 9999)):04}"
    elif style < 0.92:
        year = str(rng.choice((10000, 12024, 99996, 123456)))
    else:
        year = f"-{rng.choice((1, 4, 44, 9999, 10000)):04}"
    if rng.random() < 0.1:
        month, number = 2, 29 if _leap(int(year)) else 28
    else:
        month, number = rng.randint(1, 12), rng.randint(1, 28)
        if month != 2 and rng.random() < 0.1:
            number = 31 if month in (1, 3, 5, 7, 8, 10, 12) else 30
    return f"{year}-{month:02}-{number:02}{zone(rng) if rng.random() < 0.15 else ''}"


def moment(rng: random.Random) -> str:
    """A `DatoUttrekk`: to the nanosecond, midnight both ways, any offset."""
    year = rng.choice((1, 9999, *range(2020, 2031)))
    text = f"{year:04}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}T"
    if rng.random() < 0.1:
        return text + rng.choice(("24:00:00", "24:00:00.0", "24:00:00.000000000", "00:00:00")) + zone(rng)
    text += f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02}"
    if digits := rng.choice((0, 0, 1, 3, 6, 7, 9)):
        text += "." + "".join(rng.choices("0123456789", k=digits))
    return text + zone(rng)


def boolean(rng: random.Random) -> str:
    """Both spellings of both values; white space around them is collapsed."""
    return rng.choice(("true", "false", "1", "0") * 6 + (" true", "0 ", "\tfalse\n"))


def text(rng: random.Random, length: int) -> str:
    """Text of a length in characters, now and then with characters that are hard to carry."""
    style = rng.random()
    if style < 0.8 or length > 1000:
        start = rng.randrange(len(_LETTERS))
        return (_LETTERS[start:] + _LETTERS * (length // len(_LETTERS) + 1))[:length]
    if style < 0.85:
        return " " * length
    return "".join(rng.choices(_ODD if style < 0.95 else "😀🧒", k=length))


@cache
def _parsed(pattern: str) -> Any:
    return re._parser.parse(pattern)  # type: ignore[attr-defined]


def sample(pattern: str, rng: random.Random, longest: int) -> str:
    """Text that a pattern of the model matches."""
    out: list[str] = []
    _sample(_parsed(pattern), rng, longest, out)
    return "".join(out)


def _sample(parsed: Any, rng: random.Random, longest: int, out: list[str]) -> None:
    digits = rng.choice(UNICODE_DIGITS) if rng.random() < 0.05 else "0123456789"
    for kind, value in parsed:
        match str(kind):
            case "LITERAL":
                out.append(chr(value))
            case "IN":
                which, what = rng.choice(value)
                if str(which) == "RANGE":
                    out.append(chr(rng.randint(*what)))
                elif str(which) == "LITERAL":
                    out.append(chr(what))
                else:
                    out.append(rng.choice(digits))
            case "MAX_REPEAT":
                low, high, inner = value
                high = low if rng.random() < 0.5 else min(int(high), max(longest - len(out), low))
                for _ in range(rng.randint(low, max(low, high))):
                    _sample(inner, rng, longest, out)
            case "SUBPATTERN":
                _sample(value[3], rng, longest, out)
            case "BRANCH":
                _sample(rng.choice(value[1]), rng, longest, out)
            case other:
                raise NotImplementedError(f"the pattern has {other}: teach the sampler")


def codes(simple: Simple, version: str) -> list[str]:
    """The codes of a type that a version has."""
    return _codes(simple.codes or "", version)


@cache
def _codes(name: str, version: str) -> list[str]:
    return [code.code for code in codelist(name).values() if code.in_version(version)]


def person_number(rng: random.Random) -> str:
    """Eleven digits that are nobody's: the month is 81 to 92, as synthetic numbers have it."""
    number = f"{rng.randint(1, 28):02}{rng.randint(81, 92)}{rng.randint(0, 99):02}{rng.randint(0, 99999):05}"
    if rng.random() < 0.05:
        number = number.translate(str.maketrans("0123456789", rng.choice(UNICODE_DIGITS)))
    return number


def value(field: Field, rng: random.Random, version: str) -> str:
    """A valid value of a field, in one of its spellings."""
    simple = field.simple
    assert simple is not None
    if simple.codes:
        return rng.choice(codes(simple, version))
    if simple.base == "date":
        return day(rng)
    if simple.base == "boolean":
        return boolean(rng)
    if simple == MOMENT:
        return moment(rng)
    if simple.pattern == UUID_PATTERN:
        return uuid(rng)
    if field.xml == "Fodselsnummer":
        return person_number(rng)
    low, high = simple.min_length or 0, simple.max_length or 20
    if simple.pattern:
        while not low <= len(found := sample(simple.pattern, rng, high)) <= high:
            pass
        return found
    style = rng.random()
    if style < 0.1:
        return text(rng, low)
    if style < (0.2 if high <= 300 else 0.11):
        return text(rng, high)
    return text(rng, rng.randint(low, min(high, low + 30)))


# --- documents -------------------------------------------------------------------------------------------------------


class _Maker:
    def __init__(self, rng: random.Random, version: str, through: Place | None, upcast: bool = False) -> None:
        self.rng = rng
        self.version = version
        refused = refusals(version) if upcast else ()
        self.avoided = {(p.path, p.attribute) for p in refused if p.code is None}
        self.avoided_codes = {(p.path, p.attribute, p.code) for p in refused}
        self.through = through
        # How much there is of what may be there: nearly nothing, something, or nearly all.
        self.density = rng.choice((0.1, 0.3, 0.6) if through is None else (0.05, 0.15))
        self.keys: dict[str, set[str]] = {name: set() for name in UNIQUE}
        self.ids: list[str] = []

    def wanted(self, path: tuple[str, ...], name: str, attribute: bool) -> bool:
        """Whether the way to the place that was asked for leads through here."""
        to = self.through
        if to is None:
            return False
        if attribute:
            return to.path == path and to.attribute == name
        return to.path[: len(path) + 1] == (*path, name)

    def count(self, f: Field, wanted: bool) -> int:
        low = max(f.low, int(wanted))
        if not f.many:
            return low or int(self.rng.random() < self.density + 0.1)
        if self.rng.random() >= self.density:
            return low
        return max(low, min(self.rng.choice((1, 1, 2, 3, f.high or 4)), f.high or 4))

    def element(self, tag: str, concept: type[Concept], path: tuple[str, ...]) -> etree._Element:
        rng = self.rng
        attributes = []
        children: list[etree._Element] = []
        for f in fields_in(concept, self.version):
            wanted = self.wanted(path, f.xml, f.is_attribute)
            here = "/".join(path[1:] if f.is_attribute else (*path[1:], f.xml)), f.xml if f.is_attribute else None
            if here in self.avoided:
                continue
            if f.is_attribute:
                if f.low or wanted or rng.random() < 0.4:
                    while (*here, text := value(f, rng, self.version)) in self.avoided_codes:
                        pass
                    attributes.append((f.xml, text))
                continue
            for _ in range(self.count(f, wanted)):
                if f.concept:
                    children.append(self.element(f.xml, f.concept, (*path, f.xml)))
                else:
                    child = etree.Element(f.xml)
                    child.text = value(f, rng, self.version)
                    children.append(child)
        rng.shuffle(attributes)
        named = dict(attributes)
        if tag in UNIQUE and len(path) == 3:
            self.settle(tag, named)
        element = (
            etree.Element(tag, named, nsmap={"xsi": XSI, "xs": XS}) if tag == "Barnevern" else etree.Element(tag, named)
        )
        element.extend(children)
        return element

    def settle(self, tag: str, named: dict[str, str]) -> None:
        """Give an element keys that nobody of its name has; now and then one that is nearly somebody's."""
        taken, keys = self.keys[tag], UNIQUE[tag]
        if self.ids and self.rng.random() < 0.2:
            named["Id"] = self.rng.choice((str.upper, str.lower, str))(self.rng.choice(self.ids))
        while (key := "|".join(named[k] for k in keys)) in taken:
            named["Id"] = uuid(self.rng)
        taken.add(key)
        self.ids.append(named["Id"])


def random_document(
    rng: random.Random, version: str = CURRENT, through: Place | None = None, plain: bool = False, upcast: bool = False
) -> etree._Element:
    """A valid document. `through` names a place that it shall have; `plain` leaves out what XML allows beside, `upcast`
    what cannot be brought into the current model."""
    root = _Maker(rng, version, through, upcast).element("Barnevern", Barnevern, ("Barnevern",))
    if not plain:
        decorate(root, rng, version)
    return root


def decorate(root: etree._Element, rng: random.Random, version: str) -> None:
    """What a valid document may have beside the model: comments, instructions, CDATA, white space, schema hints."""
    if rng.random() < 0.2:
        root.set(f"{{{XSI}}}noNamespaceSchemaLocation", rng.choice(("Barnevern_v4.xsd", "", "http://127.0.0.1:9/x")))
    if rng.random() < 0.05:
        root.set(f"{{{XSI}}}schemaLocation", "urn:x http://127.0.0.1:9/x.xsd")
    if rng.random() < 0.3:
        _indent(root, rng)
    for _ in range(rng.choice((0, 0, 1, 3))):
        _decorations(rng)(rng.choice(list(root.iter(etree.Element))), rng)
    if rng.random() < 0.15:
        name_types(root, rng, version)


def name_types(root: etree._Element, rng: random.Random, version: str) -> None:
    """Say with xsi:type what the type of an element is, where it has a name."""
    for element, name in _typed(root, Barnevern, version):
        if rng.random() < 0.3:
            element.set(f"{{{XSI}}}type", name)  # exactly: libxml2 takes no space around it


def _typed(element: etree._Element, concept: type[Concept], version: str) -> list[tuple[etree._Element, str]]:
    name = type_name(concept)
    out = [(element, name)] if name else []
    below = {f.xml: f for f in fields_in(concept, version) if not f.is_attribute}
    for child in element.iterchildren(etree.Element):
        f = below[child.tag]
        if f.concept:
            out.extend(_typed(child, f.concept, version))
        elif f.simple and f.simple.base in ("date", "boolean"):
            out.append((child, f"xs:{f.simple.base}"))
    return out


def _indent(root: etree._Element, rng: random.Random) -> None:
    space = rng.choice(("  ", "\t", "", " \n"))
    if space.strip(" ") == "\t" or space == "  ":
        etree.indent(root, space)
        return
    for element in root.iter(etree.Element):
        if len(element):
            element.text = space


def _decorations(rng: random.Random) -> Callable[[etree._Element, random.Random], None]:
    return rng.choice((comment, instruction, cdata, comment))


def _beside(element: etree._Element, node: etree._Element, rng: random.Random) -> None:
    """Put a comment or an instruction among the children, or in the middle of a value."""
    if len(element) or not element.text:
        element.insert(rng.randint(0, len(element)), node)
        return
    at = rng.randint(0, len(element.text))
    node.tail, element.text = element.text[at:], element.text[:at]
    element.insert(0, node)


def comment(element: etree._Element, rng: random.Random) -> None:
    _beside(element, etree.Comment(rng.choice((" en merknad ", "<Sak>", ""))), rng)


def instruction(element: etree._Element, rng: random.Random) -> None:
    _beside(element, etree.ProcessingInstruction("bvr", "sak='1'"), rng)


def cdata(element: etree._Element, rng: random.Random) -> None:
    if element.text and element.text.isascii() and not len(element):  # no references inside CDATA
        element.text = etree.CDATA(element.text)


def serialize(root: etree._Element, rng: random.Random) -> bytes:
    """The document as bytes, in one of the encodings that a sender may use."""
    style = rng.random()
    declared = rng.random() < 0.7
    if style < 0.6:
        return (b"\xef\xbb\xbf" if style < 0.1 else b"") + _written(root, "UTF-8", declared)
    if style < 0.7:
        return _written(root, "UTF-16", declared)
    if style < 0.85:
        return _written(root, "ISO-8859-1" if style < 0.8 else "windows-1252", True)
    return _written(root, "US-ASCII", declared)  # every other character as a reference


def _written(root: etree._Element, encoding: str, declared: bool) -> bytes:
    data = etree.tostring(root, encoding=encoding, xml_declaration=declared)
    assert isinstance(data, bytes)
    return data


# --- for Hypothesis --------------------------------------------------------------------------------------------------

_XML_TEXT = st.characters(
    codec="utf-8",
    exclude_characters=[*(chr(c) for c in range(32) if c not in (9, 10, 13)), "\ufffe", "\uffff"],
)
_ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))

_PERSON = st.builds(
    lambda d, m, y, rest: f"{d:02}{m}{y:02}{rest:05}",
    st.integers(1, 31),
    st.integers(81, 92),
    st.integers(0, 99),
    st.integers(0, 99999),
)


def _uuid(bits: int, version: int, variant: str, upper: bool) -> str:
    low = f"{bits:030x}"
    key = f"{low[:8]}-{low[8:12]}-{version}{low[12:15]}-{variant}{low[15:18]}-{low[18:]}"
    return key.upper() if upper else key


_UUIDS = st.builds(_uuid, st.integers(0, 2**120 - 1), st.integers(1, 5), st.sampled_from("89ab"), st.booleans())


def _values(f: Field, version: str) -> st.SearchStrategy[Any]:
    simple = f.simple
    assert simple is not None
    if simple.codes:
        refused = {p.code for p in refusals(version) if p.why.what.startswith(f"{simple.codes}/")}
        return st.sampled_from([code for code in codes(simple, version) if code not in refused])
    if simple.base == "date":
        return st.dates()
    if simple.base == "boolean":
        return st.booleans()
    if simple == MOMENT:
        return st.datetimes(timezones=st.one_of(st.just(UTC), _ZONES))
    if simple.pattern == UUID_PATTERN:
        return _UUIDS
    if f.xml == "Fodselsnummer":
        return _PERSON
    if simple.pattern:
        whole = st.from_regex(simple.pattern, fullmatch=True, alphabet=st.characters(codec="ascii"))
        return whole.filter(lambda v: (simple.min_length or 0) <= len(v) <= (simple.max_length or len(v)))
    low, high = simple.min_length or 0, simple.max_length
    return st.text(_XML_TEXT, min_size=low, max_size=min(high or low + 20, low + 20))


def _key(names: tuple[str, ...]) -> Callable[[Any], tuple[str, ...]]:
    return lambda element: tuple(getattr(element, name.lower()) for name in names)


@cache
def concepts(concept: type[Concept], version: str) -> st.SearchStrategy[Any]:
    """Any valid element of a concept, as the struct that it is decoded to."""
    arguments: dict[str, st.SearchStrategy[Any]] = {}
    for f in fields_in(concept, version):
        if not f.fits:  # the older form has no place in a struct
            continue
        one = concepts(f.concept, version) if f.concept else _values(f, version)
        if f.many:
            keys = UNIQUE.get(f.xml) if concept is Sak else None
            arguments[f.name] = st.lists(
                one,
                min_size=f.low,
                max_size=f.high or f.low + 2,
                unique_by=_key(keys) if keys else None,
            ).map(tuple)
        else:
            arguments[f.name] = one if f.low else st.none() | one
    return st.builds(concept, **arguments)


def documents(version: str = CURRENT) -> st.SearchStrategy[Barnevern]:
    """Any valid document of a version, as concepts."""
    return concepts(Barnevern, version)


__all__ = ["codes", "concepts", "documents", "random_document", "serialize", "value"]
