"""How the information model is written down: simple types, and what is said about each field.

A concept is a msgspec struct whose fields are `Annotated` with one `Simple` (for text, dates and codes) and a `Doc`.
Everything else is derived: the XSD, the decoder, the BigQuery schema, the documentation and the random documents of
the tests.
"""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import Enum
from functools import cache
from typing import Any

import msgspec

UUID_PATTERN = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-5][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}"
MOMENT_PATTERN = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})"


class Person(Enum):
    """What a field can say about who somebody is. Decides what is encrypted, logged, erased and shown."""

    NONE = "none"
    DIRECT = "direct"  # identifies by itself: leaves intake only as ciphertext, never stands in a finding or a log
    INDIRECT = "indirect"  # identifies together with other facts: never in a finding or a log
    UNSTORED = "unstored"  # identifies somebody who is none of the register's business: never leaves intake
    FREE_TEXT = "free text"  # may hold anything somebody wrote: treated as INDIRECT


@dataclass(frozen=True, slots=True)
class Simple:
    """A simple XSD type: its base and facets.

    `base` is string, date, dateTime or boolean. Lengths are in characters. `codes` names a code list.
    """

    base: str = "string"
    pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    codes: str | None = None
    name: str | None = None  # a named type in the XSD


@dataclass(frozen=True, slots=True)
class Doc:
    """What a field means, in both languages, and what it can say about a person."""

    nb: str
    en: str
    person: Person = Person.NONE


@dataclass(frozen=True, slots=True)
class Shape:
    """How a field stands in XML, where that is not what its name and type say.

    `xml` is the XML name; `element` makes a simple field a child element instead of an attribute; `at_least` and
    `at_most` bound a list, and `at_least=1` on what may be None asks for it in documents only (of older versions there
    are some without); `since` and `until` are schema versions (first that has it, first that no longer does).
    """

    xml: str | None = None
    element: bool = False
    at_least: int = 0
    at_most: int | None = None
    since: str | None = None
    until: str | None = None


@dataclass(frozen=True, slots=True)
class Was:
    """How a field stood in schema versions before `until`, where that is not how it stands now.

    `hint` is its annotation then: `tuple[OppfolgingBesok, ...]`, or `Annotated[str, codes("Lov"), Shape(xml="Lover")]`.
    What the hint does not say is as it is now.
    """

    until: str
    hint: Any


TEXT_ID = Simple(pattern=UUID_PATTERN, min_length=36, max_length=36)
UUID_ID = Simple(pattern=UUID_PATTERN, min_length=36, max_length=36, name="UuidIdType")
ANY_ID = Simple(min_length=1, max_length=50, name="IdType")
MIGRATED_ID = Simple(min_length=1, max_length=36)
DATE = Simple(base="date")
BOOLEAN = Simple(base="boolean")
MOMENT = Simple(base="dateTime", pattern=MOMENT_PATTERN)
# Columns of tables of our own, which no XSD bounds.
TEXT = Simple()
WHOLE = Simple(base="integer")
REAL = Simple(base="double")
STAMP = Simple(base="dateTime")
CLARIFICATION = Simple(min_length=1, max_length=10000)


def text(low: int, high: int) -> Simple:
    """Text of `low` to `high` characters."""
    return Simple(min_length=low, max_length=high)


def digits(count: int) -> Simple:
    """Exactly `count` decimal digits. The schema means any Unicode decimal digit; the rules ask for 0-9."""
    return Simple(pattern=rf"\d{{{count}}}", min_length=count, max_length=count)


def codes(codelist: str, low: int | None = None, high: int | None = None) -> Simple:
    """A code of the named list; the bounds are the length facets the register publishes beside it."""
    return Simple(codes=codelist, min_length=low, max_length=high)


@typing.dataclass_transform(frozen_default=True, kw_only_default=True)
class _ConceptType(msgspec.StructMeta):
    """Makes every concept keyword-only, so that fields can stand in the order of the schema."""

    def __new__(mcls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **config: Any) -> Any:
        return super().__new__(mcls, name, bases, namespace, **{"kw_only": True, **config})


class Concept(msgspec.Struct, metaclass=_ConceptType, frozen=True, gc=False, omit_defaults=True):
    """Base of every element of the information model."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a concept, resolved: the place of an attribute or a child element."""

    name: str  # in Python and BigQuery
    xml: str
    doc: Doc
    simple: Simple | None  # None: `concept` says what it is
    concept: type[Concept] | None
    required: bool
    many: bool
    shape: Shape
    was: tuple[Was, ...] = ()
    fits: bool = True  # a value of the current model can stand here; not so where an older version had another kind

    @property
    def is_attribute(self) -> bool:
        return self.concept is None and not self.shape.element

    @property
    def low(self) -> int:
        """How many a document has at the least. A field that is not `required` may still be, of documents."""
        return self.shape.at_least or int(self.required)

    @property
    def high(self) -> int | None:
        return self.shape.at_most if self.many else 1

    def in_version(self, version: str) -> bool:
        return in_version(self.shape.since, self.shape.until, version)


def version_key(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def in_version(since: str | None, until: str | None, version: str) -> bool:
    """Whether something that came with `since` and went with `until` is part of `version`."""
    at = version_key(version)
    return (not since or version_key(since) <= at) and (not until or at < version_key(until))


def xml_name(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


@cache
def fields(concept: type[Concept]) -> tuple[Field, ...]:
    """The fields of a concept in the order of the schema: attributes, then child elements.

    This is the model that rules and tables see. It still has what a newer schema version retired: documents of the
    older ones bring it.
    """
    hints = typing.get_type_hints(concept, include_extras=True)
    out = []
    for info in msgspec.structs.fields(concept):
        hint = hints[info.name]
        if typing.get_origin(hint) is not typing.Annotated:
            raise TypeError(f"{concept.__name__}.{info.name} says nothing about itself: annotate it")
        out.append(_field(info.name, hint))
    return tuple(out)


@cache
def fields_in(concept: type[Concept], version: str) -> tuple[Field, ...]:
    """The fields that a concept has in documents of a schema version, as they stand there."""
    return tuple(_as_it_was(f, version) for f in fields(concept) if f.in_version(version))


def has(concept: type[Concept], name: str, version: str) -> bool:
    """Whether a document of a version can say what a field of the model says."""
    return any(f.name == name and f.fits for f in fields_in(concept, version))


def _as_it_was(now: Field, version: str) -> Field:
    at = version_key(version)
    was = min((w for w in now.was if at < version_key(w.until)), key=lambda w: version_key(w.until), default=None)
    if was is None:
        return now
    then = _field(now.name, was.hint, now)
    return replace(then, fits=_kind(then) == _kind(now))


def _kind(f: Field) -> tuple[Any, ...]:
    return f.concept, f.simple and f.simple.base, f.many


def _field(name: str, hint: Any, now: Field | None = None) -> Field:
    inner, *notes = typing.get_args(hint) if typing.get_origin(hint) is typing.Annotated else (hint,)
    optional, many, kind = _unwrap(inner)
    simple = next((n for n in notes if isinstance(n, Simple)), None)
    shape = next((n for n in notes if isinstance(n, Shape)), None)
    if shape is None:
        # The bounds of a list belong to the list they were said of.
        shape = replace(now.shape, at_least=0, at_most=None) if now else Shape()
    return Field(
        name=name,
        xml=shape.xml or (now.xml if now else xml_name(name)),
        doc=next((n for n in notes if isinstance(n, Doc)), now.doc if now else None),  # type: ignore[arg-type]
        simple=simple,
        concept=kind if simple is None else None,
        required=not optional and not many,
        many=many,
        shape=shape,
        was=tuple(n for n in notes if isinstance(n, Was)),
    )


def _unwrap(hint: Any) -> tuple[bool, bool, Any]:
    """(optional, repeated, the type inside) of `X`, `X | None` or `tuple[X, ...]`."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        (inner,) = (a for a in typing.get_args(hint) if a is not type(None))
        return True, False, inner
    if origin is tuple:
        return False, True, typing.get_args(hint)[0]
    return False, False, hint


PYTHON_TYPES: dict[str, type] = {"string": str, "date": date, "dateTime": datetime, "boolean": bool}
