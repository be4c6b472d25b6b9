"""Mutations: every element and attribute of the model, changed in every way that a sender could get it wrong.

An operator changes one place of a valid document. Whether the result is still valid is not the operator's to say: the
schemas are asked. All of it is enumerated from the model, so a new field is mutated without a line here.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from lxml import etree

from bvr.model import codelists
from bvr.model.codelists import codelist
from bvr.model.schema import type_name
from bvr.model.types import MOMENT, UUID_PATTERN, Concept, Simple, fields
from bvr.model.versions import SUPPORTED
from tests.generative import documents
from tests.generative.documents import UNICODE_DIGITS, XSI, random_document, sample, serialize, text, uuid
from tests.generative.places import Place, places

BAD_DATES = (
    *("2023-02-30", "2023-02-29", "1900-02-29", "2022-13-01", "2022-00-10", "2022-04-31", "2022-01-00", "2022-01-32"),
    *("22-11-14", "2022-11-14T00:00:00", "20221114", "14.11.2022", "2022-W46-1", "2022-318", "2022-1-1", "2022-11"),
    *("2022/11/14", "02022-11-14", "+2022-11-14", "2022-11-14z", "2022-11-14+1:00", "2022-11-14+0100", "2022-11-14+01"),
    *("2022-11-14+14:01", "2022-11-14-15:00", "2022-11-14+24:00", "2022-11-14 Z", "x", "0", "9" * 30 + "-01-01"),
    *("٢٠٢٢-١١-١٤", "2022-11-14\u00a0", "-2022-02-29", "2022\u201311\u201314", "00000-01-01"),
)
EDGE_DATES = (
    *("2024-02-29", "2000-02-29", "0001-01-01", "9999-12-31", "10000-01-01", "123456789-12-31Z", "-0001-12-31"),
    *("-10000-01-01", "-0004-02-29", "2022-11-14Z", "2022-11-14+14:00", "2022-11-14-14:00", "2022-11-14-00:00"),
    *("0000-01-01", "-0000-01-01", "2022-12-31", "1998-01-01", "10000-02-29", "10004-02-29Z", "0001-01-01+14:00"),
)
BAD_MOMENTS = (
    *("2024-05-06T12:13:14", "2024-05-06", "2024-05-06 12:13:14Z", "2024-05-06T12:13Z", "2024-05-06T25:00:00Z"),
    *("2024-05-06T24:00:01Z", "2024-05-06T24:00:00.1Z", "2024-05-06T12:60:00Z", "2024-05-06T12:13:60Z", "Z"),
    *("2024-05-06T12:13:14.Z", "2024-05-06T12:13:14.1234567890Z", "2024-05-06T12:13:14z", "2024-05-06t12:13:14Z"),
    *("2024-05-06T12:13:14+14:01", "2024-05-06T12:13:14+0100", "2024-05-06T12:13:14+1:00", "2023-02-29T00:00:00Z"),
    *("12024-05-06T12:13:14Z", "-2024-05-06T12:13:14Z", "0000-01-01T00:00:00Z", "2024-13-06T12:13:14Z"),
    *("٢٠٢٤-05-06T12:13:14Z", "2024-05-06T12:13:14+15:00", "2024-05-06T12:13:14,5Z"),
)
EDGE_MOMENTS = (
    "2024-02-29T23:59:59.999999999+14:00",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T24:00:00Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.9999999-14:00",
    "2024-05-06T24:00:00.000+01:00",
    "2024-05-06T00:00:00-00:00",
)
BAD_UUIDS = (
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "01890a5d-ac96-774b-bcce-b302099a8057",
    "1ec9414c-232a-6b00-b3c8-9e6bdeced846",
    "{9b2e4d10-2c1f-4a7e-8d3b-0f5a6c7e8d9}",
    "9b2e4d102c1f4a7e8d3b0f5a6c7e8d9f",
    "9b2e4d10-2c1f-4a7e-8d3b-0f5a6c7e8d9g",
    "9b2e4d10-2c1f-4a7e-7d3b-0f5a6c7e8d9f",
    "9b2e4d10-2c1f-4a7e-cd3b-0f5a6c7e8d9f",
    "9b2e4d1-02c1f-4a7e-8d3b-0f5a6c7e8d9f",
    "9b2e4d10 2c1f 4a7e 8d3b 0f5a6c7e8d9f",
    "9b2e4d10-2c1f-4a7e-8d3b-0f5a6c7e8d9",
    "９b2e4d10-2c1f-4a7e-8d3b-0f5a6c7e8d9f",
)
BAD_BOOLEANS = ("TRUE", "True", "FALSE", "yes", "ja", "2", "-1", "00", "01", "t", "true false", "1.0", "\u00a0true")


@dataclass(slots=True)
class Spot:
    """Where an operator works: one element of a document, or one attribute of it."""

    root: etree._Element
    element: etree._Element
    place: Place
    rng: random.Random
    version: str

    @property
    def value(self) -> str:
        if self.place.attribute:
            return self.element.get(self.place.attribute) or ""
        return "".join(map(str, self.element.itertext(etree.Element)))

    @value.setter
    def value(self, new: str) -> None:
        if self.place.attribute:
            self.element.set(self.place.attribute, new)
        else:
            for child in list(self.element):
                self.element.remove(child)
            self.element.text = new

    @property
    def simple(self) -> Simple:
        assert self.place.simple is not None
        return self.place.simple

    @property
    def parent(self) -> etree._Element:
        parent = self.element.getparent()
        assert parent is not None
        return parent

    def siblings(self) -> list[etree._Element]:
        """The elements of the same name beside this one, and itself."""
        return [e for e in self.parent.iterchildren(etree.Element) if e.tag == self.element.tag]


Operator = Callable[[Spot], bool]
"""Changes the document; False when there was nothing to change."""

OPERATORS: dict[str, tuple[Operator, Callable[[Place], bool]]] = {}


def _operator(name: str, where: Callable[[Place], bool]) -> Callable[[Operator], Operator]:
    def add(function: Operator) -> Operator:
        assert name not in OPERATORS
        OPERATORS[name] = (function, where)
        return function

    return add


# --- which places ----------------------------------------------------------------------------------------------------


def _any(place: Place) -> bool:
    return True


def _attribute(place: Place) -> bool:
    return place.attribute is not None


def _element(place: Place) -> bool:
    return place.attribute is None


def _below_root(place: Place) -> bool:
    return _element(place) and place.field is not None


def _complex(place: Place) -> bool:
    return place.concept is not None


def _simple_element(place: Place) -> bool:
    return _element(place) and place.simple is not None


def _valued(place: Place) -> bool:
    return place.simple is not None


def _coded(place: Place) -> bool:
    return place.simple is not None and place.simple.codes is not None


def _based(base: str) -> Callable[[Place], bool]:
    return lambda place: place.simple is not None and place.simple.base == base


def _bounded(place: Place) -> bool:
    return place.simple is not None and place.simple.codes is None and place.simple.max_length is not None


def _patterned(place: Place) -> bool:
    return place.simple is not None and place.simple.pattern is not None and place.simple.base == "string"


def _keyed(place: Place) -> bool:
    return _element(place) and bool(place.unique)


# --- operators on any place ------------------------------------------------------------------------------------------


@_operator("remove", lambda p: _attribute(p) or _below_root(p))
def _remove(spot: Spot) -> bool:
    if spot.place.attribute:
        del spot.element.attrib[spot.place.attribute]
    else:
        for element in spot.siblings():
            _drop(element)
    return True


def _drop(element: etree._Element) -> None:
    parent = element.getparent()
    assert parent is not None
    parent.remove(element)


@cache
def _all_names() -> tuple[str, ...]:
    return tuple(sorted({p.attribute or p.path[-1] for version in SUPPORTED for p in places(version)}))


@_operator("rename", _any)
def _rename(spot: Spot) -> bool:
    name = spot.place.attribute or spot.place.path[-1]
    new = spot.rng.choice(
        (name.lower(), name.upper(), f"{name}s", name[:-1], "Ukjent", "_", spot.rng.choice(_all_names()))
    )
    if spot.place.attribute:
        if new in spot.element.attrib:
            return False
        spot.element.set(new, spot.element.attrib.pop(spot.place.attribute))
    else:
        spot.element.tag = new
    return new != name


@_operator("in a namespace", _any)
def _namespace(spot: Spot) -> bool:
    if spot.place.attribute:
        spot.element.set(f"{{urn:ukjent}}{spot.place.attribute}", spot.element.attrib.pop(spot.place.attribute))
    else:
        spot.element.tag = f"{{urn:ukjent}}{spot.element.tag}"
    return True


@_operator("attribute as element", _attribute)
def _as_element(spot: Spot) -> bool:
    child = etree.Element(spot.place.attribute or "")
    child.text = str(spot.element.attrib.pop(spot.place.attribute or ""))
    spot.element.insert(0, child)
    return True


@_operator("element as attribute", _below_root)
def _as_attribute(spot: Spot) -> bool:
    spot.parent.set(str(spot.element.tag), spot.value.strip() or "1")
    for element in spot.siblings():
        _drop(element)
    return True


# --- operators on values ---------------------------------------------------------------------------------------------


@_operator("empty value", _valued)
def _empty(spot: Spot) -> bool:
    spot.value = ""
    return True


@_operator("white space", _valued)
def _blank(spot: Spot) -> bool:
    spot.value = spot.rng.choice((" ", "\t", "\n", "\u00a0", "   "))
    return True


@_operator("space around the value", _valued)
def _padded(spot: Spot) -> bool:
    spot.value = spot.rng.choice((" {}", "{} ", "\n{}", "{}\t", " {} ", "{}\r", "\u00a0{}")).format(spot.value)
    return True


@_operator("odd character in the value", _valued)
def _odd(spot: Spot) -> bool:
    at = spot.rng.randint(0, len(spot.value))
    odd = spot.rng.choice(("\u200b", "\u0301", "😀", "\ufeff", "-", "'", "&", "<", "\u00ad", "O"))
    spot.value = spot.value[:at] + odd + spot.value[at:]
    return True


@_operator("Unicode digits", _valued)
def _unicode_digits(spot: Spot) -> bool:
    digits = str.maketrans("0123456789", spot.rng.choice(UNICODE_DIGITS))
    before, spot.value = spot.value, spot.value.translate(digits)
    return spot.value != before


@_operator("value of another field", _valued)
def _swapped(spot: Spot) -> bool:
    values = [str(v) for e in spot.root.iter(etree.Element) for k, v in e.items() if k != spot.place.attribute]
    spot.value = spot.rng.choice(values)
    return True


def _of_length(spot: Spot, length: int) -> str:
    """Text of a length, in the spirit of the pattern."""
    pattern = spot.simple.pattern
    if pattern is None:
        return text(spot.rng, length)
    if pattern == UUID_PATTERN:
        return (uuid(spot.rng) + "0" * length)[:length]
    return "a" * length if pattern == "[a-z]" else ("1" + sample(r"\d", spot.rng, 1) * length)[:length]


@_operator("too short", lambda p: _bounded(p) and bool(p.simple and p.simple.min_length))
def _too_short(spot: Spot) -> bool:
    spot.value = _of_length(spot, (spot.simple.min_length or 1) - 1)
    return True


@_operator("too long", _bounded)
def _too_long(spot: Spot) -> bool:
    spot.value = _of_length(spot, (spot.simple.max_length or 0) + spot.rng.choice((1, 1, 7)))
    return True


@_operator("at a bound", _bounded)
def _at_bound(spot: Spot) -> bool:
    spot.value = _of_length(spot, spot.rng.choice((spot.simple.min_length or 0, spot.simple.max_length or 0)))
    return True


@_operator("wrong code", _coded)
def _wrong_code(spot: Spot) -> bool:
    code = spot.value
    spot.value = spot.rng.choice(
        (
            "0",
            "99",
            "x",
            f"{code}0",
            code[:-1],
            code.swapcase(),
            f"{code}.",
            f"0{code}",
            f"{code} {code}",
            f"{code},1",
            "Status",
        )
    )
    return spot.value != code


@_operator("code of another list", _coded)
def _other_list(spot: Spot) -> bool:
    name = spot.rng.choice([n for n in codelists.names() if n != spot.simple.codes])
    spot.value = spot.rng.choice(list(codelist(name)))
    return True


@_operator("code of any version", _coded)
def _other_version(spot: Spot) -> bool:
    found = list(codelist(spot.simple.codes or "").values())
    foreign = [c for c in found if not c.in_version(spot.version)]
    spot.value = spot.rng.choice(foreign or found).code
    return True


@_operator("wrong pattern", _patterned)
def _wrong_pattern(spot: Spot) -> bool:
    if spot.simple.pattern == UUID_PATTERN:
        spot.value = spot.rng.choice(BAD_UUIDS)
        return True
    length = spot.simple.max_length or 1
    wrong = ("a" * length, "1" * (length - 1) + "A", "-" + "1" * (length - 1), "1" * (length - 1) + " ", "§1", "1.0")
    more = ("æ", "A", "1", "a1", "1a", "12a", "½", "²", "Ⅳ", "1" * (length - 1) + "O", "\u0661" * length)
    spot.value = spot.rng.choice((*wrong, *more))
    return True


@_operator("bad date", _based("date"))
def _bad_date(spot: Spot) -> bool:
    spot.value = spot.rng.choice(BAD_DATES)
    return True


@_operator("edge of dates", _based("date"))
def _edge_date(spot: Spot) -> bool:
    spot.value = spot.rng.choice(EDGE_DATES)
    return True


@_operator("bad moment", lambda p: p.simple == MOMENT)
def _bad_moment(spot: Spot) -> bool:
    spot.value = spot.rng.choice(BAD_MOMENTS)
    return True


@_operator("edge of moments", lambda p: p.simple == MOMENT)
def _edge_moment(spot: Spot) -> bool:
    spot.value = spot.rng.choice(EDGE_MOMENTS)
    return True


@_operator("bad boolean", _based("boolean"))
def _bad_boolean(spot: Spot) -> bool:
    spot.value = spot.rng.choice(BAD_BOOLEANS)
    return True


# --- operators on elements -------------------------------------------------------------------------------------------


@_operator("duplicate", _below_root)
def _duplicate(spot: Spot) -> bool:
    twin = copy.deepcopy(spot.element)
    twin.tail = None
    spot.element.addnext(twin)
    return True


@_operator("one too many", lambda p: _below_root(p) and bool(p.field and p.field.high))
def _one_too_many(spot: Spot) -> bool:
    assert spot.place.field is not None
    for _ in range((spot.place.field.high or 1) + 1 - len(spot.siblings())):
        spot.element.addnext(_fresh(spot.element, spot.rng))
    return True


@_operator("very many", lambda p: _below_root(p) and bool(p.field and p.field.many and not p.field.high))
def _very_many(spot: Spot) -> bool:
    for _ in range(spot.rng.choice((9, 40))):
        spot.element.addnext(_fresh(spot.element, spot.rng))
    return True


def _fresh(element: etree._Element, rng: random.Random) -> etree._Element:
    """A copy with a key of its own."""
    twin = copy.deepcopy(element)
    twin.tail = None
    if twin.get("Id"):
        twin.set("Id", uuid(rng))
    return twin


@_operator("reorder", _below_root)
def _reorder(spot: Spot) -> bool:
    parent = spot.parent
    others = [e for e in parent.iterchildren(etree.Element) if e.tag != spot.element.tag]
    if not others:
        return False
    at = parent.index(spot.rng.choice(others))
    before = parent.index(spot.element)
    parent.remove(spot.element)
    parent.insert(at if at < before else at + 1, spot.element)
    return True


@_operator("moved up", lambda p: _below_root(p) and len(p.path) > 2)
def _moved_up(spot: Spot) -> bool:
    spot.parent.addnext(spot.element)
    return True


@_operator("unknown attribute", _element)
def _unknown_attribute(spot: Spot) -> bool:
    name = spot.rng.choice(
        (
            "Ukjent",
            "id",
            "{urn:x}Id",
            f"{{{XSI}}}ukjent",
            "{http://www.w3.org/XML/1998/namespace}lang",
            *_all_names()[:3],
        )
    )
    spot.element.set(name, "1")
    return True


@_operator("attribute of another element", _element)
def _known_attribute(spot: Spot) -> bool:
    other = spot.rng.choice([p for p in places(spot.version) if p.attribute])
    name = other.attribute or ""
    if name in spot.element.attrib:
        return False
    donor = random_document(spot.rng, spot.version, other, plain=True)
    found = next(e for e in _at(donor, other) if e.get(name) is not None)
    spot.element.set(name, found.get(name) or "")
    return True


@_operator("unknown child", _element)
def _unknown_child(spot: Spot) -> bool:
    name = spot.rng.choice(("Ukjent", "{urn:x}Sak", spot.rng.choice(_all_names())))
    spot.element.insert(spot.rng.randint(0, len(spot.element)), etree.Element(name))
    return True


@_operator("text among the children", _complex)
def _text(spot: Spot) -> bool:
    what = spot.rng.choice(("x", "0", "\u00a0", "tekst ", " ", "\n\t", etree.CDATA(" "), etree.CDATA("x")))
    if len(spot.element) and spot.rng.random() < 0.5:
        spot.rng.choice(list(spot.element)).tail = what
    else:
        spot.element.text = what
    return True


@_operator("text after", _below_root)
def _text_after(spot: Spot) -> bool:
    spot.element.tail = spot.rng.choice(("x", "&", "\u00a0"))
    return True


@_operator("default namespace", lambda p: _element(p) and p.concept is not None)
def _default_namespace(spot: Spot) -> bool:
    """As if the element said xmlns="urn:x": everything below is in it."""
    for element in spot.element.iter(etree.Element):
        element.tag = f"{{urn:x}}{element.tag}"
    return True


@_operator("xsi:nil", _element)
def _nil(spot: Spot) -> bool:
    spot.element.set(f"{{{XSI}}}nil", spot.rng.choice(("true", "false", "1", "0", "", "x")))
    if spot.rng.random() < 0.3:
        del spot.element[:]
        spot.element.text = None
    return True


@cache
def _type_names() -> tuple[str, ...]:
    found: set[str] = {"UuidIdType", "IdType", "BegrepsType", "Ukjent", "xs:string", "xs:date", "xs:anyType", ""}
    found |= {"xs:boolean", "xs:dateTime", "xs:token", "xs:anySimpleType", "ukjent:Type", "SakType SakType", "xs:int"}

    for version in SUPPORTED:
        for concept in filter(None, (p.concept for p in places(version))):
            found.add(type_name(concept) or f"{concept.__name__}Type")
    return tuple(sorted(found))


@_operator("xsi:type", _element)
def _type(spot: Spot) -> bool:
    spot.element.set(f"{{{XSI}}}type", spot.rng.choice(_type_names()))
    return True


@_operator("own xsi:type", _element)
def _own_type(spot: Spot) -> bool:
    """The name that a type would have, whether it has one or not; the tests know names only from the model."""
    name = spot.place.path[-1]
    concept = spot.place.concept
    near = [type_name(concept) or name] if concept else []
    spot.element.set(f"{{{XSI}}}type", spot.rng.choice((f"{name}Type", *near, *near)))
    return True


@_operator("no attributes", lambda p: _complex(p) and any(f.is_attribute for f in fields(p.concept or Concept)))
def _no_attributes(spot: Spot) -> bool:
    for name in list(spot.element.attrib):
        del spot.element.attrib[name]
    return True


@_operator("no children", lambda p: _complex(p) and any(not f.is_attribute for f in fields(p.concept or Concept)))
def _no_children(spot: Spot) -> bool:
    before = len(spot.element)
    del spot.element[:]
    return before > 0


@_operator("element in the value", _simple_element)
def _split_value(spot: Spot) -> bool:
    spot.element.insert(0, etree.Element(spot.rng.choice(("b", "Sak"))))
    return True


@_operator("remove one", _below_root)
def _remove_one(spot: Spot) -> bool:
    _drop(spot.element)
    return True


@_operator("one more", _below_root)
def _one_more(spot: Spot) -> bool:
    """With a key of its own, so that only the number of them can be wrong."""
    spot.element.addnext(_fresh(spot.element, spot.rng))
    return True


@_operator("as many as may be", lambda p: _below_root(p) and bool(p.field and p.field.high))
def _at_most(spot: Spot) -> bool:
    assert spot.place.field is not None
    for _ in range((spot.place.field.high or 1) - len(spot.siblings())):
        spot.element.addnext(_fresh(spot.element, spot.rng))
    return True


@_operator("first", _below_root)
def _first(spot: Spot) -> bool:
    spot.parent.insert(0, spot.element)
    return True


@_operator("last", _below_root)
def _last(spot: Spot) -> bool:
    spot.parent.append(spot.element)
    return True


@_operator("children in reverse", _complex)
def _reverse(spot: Spot) -> bool:
    spot.element[:] = list(reversed(spot.element))
    return len(spot.element) > 1


@_operator("attribute last", _attribute)
def _attribute_last(spot: Spot) -> bool:
    name = spot.place.attribute or ""
    spot.element.set(name, spot.element.attrib.pop(name))
    return True


@_operator("wrapped", _below_root)
def _wrap(spot: Spot) -> bool:
    parent = spot.parent
    wrapper = etree.Element(spot.rng.choice(("Liste", spot.place.path[-1], spot.place.path[-2])))
    parent.replace(spot.element, wrapper)
    wrapper.append(spot.element)
    return True


@_operator("unwrapped", lambda p: _below_root(p) and _complex(p))
def _unwrap(spot: Spot) -> bool:
    parent = spot.parent
    at = parent.index(spot.element)
    parent[at : at + 1] = list(spot.element)
    return True


@_operator("unknown sibling", _below_root)
def _unknown_sibling(spot: Spot) -> bool:
    where = spot.element.addnext if spot.rng.random() < 0.5 else spot.element.addprevious
    where(etree.Element(spot.rng.choice(("Ukjent", "_", spot.rng.choice(_all_names())))))
    return True


@_operator("comment, instruction or CDATA", _element)
def _beside(spot: Spot) -> bool:
    """Nothing that a schema sees, in the middle of a value too."""
    spot.rng.choice((documents.comment, documents.instruction, documents.cdata))(spot.element, spot.rng)
    return True


@_operator("unused namespace", _below_root)
def _unused_namespace(spot: Spot) -> bool:
    new = etree.Element(spot.element.tag, nsmap={"x": "urn:x"})
    for name, value in spot.element.items():
        new.set(name, value)
    new.text, new.tail = spot.element.text, spot.element.tail
    new.extend(list(spot.element))
    spot.parent.replace(spot.element, new)
    return True


@_operator("schema hint", _element)
def _hint(spot: Spot) -> bool:
    name = spot.rng.choice(("noNamespaceSchemaLocation", "schemaLocation"))
    spot.element.set(f"{{{XSI}}}{name}", spot.rng.choice(("Barnevern_v4.xsd", "", "urn:x x.xsd", "a b c")))
    return True


@_operator("character lost or other", _valued)
def _character(spot: Spot) -> bool:
    value = spot.value or "x"
    at = spot.rng.randrange(len(value))
    spot.value = value[:at] + spot.rng.choice(("", "", *"09azAZ.:-+T æ")) + value[at + 1 :]
    return spot.value != value


@_operator("another valid value", _valued)
def _another(spot: Spot) -> bool:
    assert spot.place.field is not None
    spot.value = documents.value(spot.place.field, spot.rng, spot.version)
    return True


# --- operators on keys -----------------------------------------------------------------------------------------------


def _twin(spot: Spot) -> etree._Element:
    """A second element of the same name, with a key of its own."""
    twin = _fresh(spot.element, spot.rng)
    spot.element.addnext(twin)
    return twin


@_operator("same key", _keyed)
def _same_key(spot: Spot) -> bool:
    twin = _twin(spot)
    for name in spot.place.unique:
        twin.set(name, spot.element.get(name) or "")
    return True


@_operator("same key, other letter case", _keyed)
def _same_key_case(spot: Spot) -> bool:
    key = spot.element.get("Id") or ""
    _twin(spot).set("Id", key.swapcase())
    return key != key.swapcase()


@_operator("same key in another type", _keyed)
def _same_key_elsewhere(spot: Spot) -> bool:
    others = [
        e
        for e in spot.parent.iterchildren(etree.Element)
        if e.tag != spot.element.tag and e.get("Id") and e.tag != "Slettet"
    ]
    if not others:
        return False
    spot.element.set("Id", spot.rng.choice(others).get("Id") or "")
    return True


@_operator("same Id, other Type", lambda p: _keyed(p) and len(p.unique) > 1)
def _same_id_other_type(spot: Spot) -> bool:
    twin = _twin(spot)
    twin.set("Id", spot.element.get("Id") or "")
    twin.set("Type", spot.rng.choice([c for c in codelist("Begrep") if c != spot.element.get("Type")]))
    return True


@_operator("same Id below another parent", lambda p: _element(p) and len(p.path) > 3 and _has_id(p))
def _same_id_deep(spot: Spot) -> bool:
    """Ids that the schema does not compare: those of Krav, Status, Ansvarlig and their like."""
    spot.element.addnext(twin := copy.deepcopy(spot.element))
    twin.tail = None
    return True


def _has_id(place: Place) -> bool:
    return place.concept is not None and any(f.xml == "Id" for f in fields(place.concept))


# --- operators on the document as bytes ------------------------------------------------------------------------------

BYTES: dict[str, Callable[[bytes], bytes]] = {
    "cut off": lambda data: data[: len(data) * 2 // 3],
    "last byte lost": lambda data: data.rstrip()[:-1],
    "byte lost in the middle": lambda data: data[: len(data) // 2] + data[len(data) // 2 + 1 :],
    "twice": lambda data: data + data,
    "text after the root": lambda data: data + b"x",
    "comment after the root": lambda data: data + b"\n<!-- slutt --><?slutt?>\n",
    "space before": lambda data: b"\n" + data,
    "NUL": lambda data: data[:-4] + b"\x00" + data[-4:],
    "Latin-1 as UTF-8": lambda data: data.replace(b"><", b">\xe6<", 1),
    "unknown entity": lambda data: data.replace(b"><", b">&ukjent;<", 1),
    "entity of XML": lambda data: data.replace(b"><", b">&#32;<", 1),
    "two byte order marks": lambda data: b"\xef\xbb\xbf" * 2 + data,
    "version 1.1": lambda data: b'<?xml version="1.1"?>' + data[max(0, data.find(b"<Barnevern")) :],
    "unknown encoding": lambda data: b'<?xml version="1.0" encoding="ukjent"?>' + data[data.find(b"<Barnevern") :],
    "UTF-16 by name only": lambda data: b'<?xml version="1.0" encoding="UTF-16"?>' + data[data.find(b"<Barnevern") :],
    "default namespace on the root": lambda data: data.replace(b"<Barnevern ", b'<Barnevern xmlns="urn:x" ', 1),
    "no namespace on the root": lambda data: data.replace(b"<Barnevern ", b'<Barnevern xmlns="" ', 1),
    "an attribute twice": lambda data: data.replace(b"<Sak ", b'<Sak Id="1" Id="1" ', 1),
    "empty": lambda data: b"",
}
for _name in BYTES:
    OPERATORS[f"bytes: {_name}"] = (lambda spot: True, lambda p: _element(p) and p.field is None)


# --- enumeration -----------------------------------------------------------------------------------------------------


@cache
def enumeration(version: str) -> tuple[tuple[Place, str], ...]:
    """Every place with every operator that can change it."""
    return tuple((place, name) for place in places(version) for name, (_, where) in OPERATORS.items() if where(place))


def _at(root: etree._Element, place: Place) -> list[etree._Element]:
    return [root] if len(place.path) == 1 else root.findall("/".join(place.path[1:]))


def mutate(rng: random.Random, version: str, place: Place, operator: str, plain: bool = False) -> etree._Element | None:
    """A valid document with one place changed; None when a few documents gave the operator nothing to change."""
    change = OPERATORS[operator][0]
    for _ in range(8):
        root = random_document(rng, version, place, plain)
        found = [e for e in _at(root, place) if place.attribute is None or place.attribute in e.attrib]
        if change(Spot(root, rng.choice(found), place, rng, version)):
            return root
    return None


def mutated(rng: random.Random, version: str, place: Place, operator: str, plain: bool = False) -> bytes | None:
    """The bytes of a mutation, in one of the encodings that a sender may use; `plain`: in UTF-8."""
    root = mutate(rng, version, place, operator, plain)
    if root is None:
        return None
    data = etree.tostring(root, encoding="UTF-8") if plain else serialize(root, rng)
    return BYTES[operator.removeprefix("bytes: ")](data) if operator.startswith("bytes: ") else data
