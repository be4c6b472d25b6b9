"""XML bytes -> the document as typed concepts, or the faults that keep it out.

One safe parse, one pass of the schema validator, one walk that builds the structs. The eleven uniqueness constraints of
the schema are checked in the walk: libxml2 spends a third of its time on them. What libxml2 says is never passed on,
because it quotes values: every fault is told in our own words, and names only elements and attributes of the model.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from itertools import islice
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import Any, cast

import msgspec
from lxml import etree

from bvr.faults import Fault
from bvr.model.concepts import UNIQUE, Barnevern, Sak, Slettet
from bvr.model.types import Concept, Field, fields, fields_in
from bvr.model.upcast import refusals
from bvr.model.versions import SUPPORTED

XS = "{http://www.w3.org/2001/XMLSchema}"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds on one document, checked before it is parsed. They keep memory under 200 MB and time under 10 s.

    What costs is not a large document but a wrong one: for each fault libxml2 writes a message and seeks the path.
    A heavy case has 2,500 elements.
    """

    bytes: int = 10_000_000
    elements: int = 25_000
    attributes: int = 75_000
    faults: int = 100  # listed in one receipt


class Decoded(msgspec.Struct, frozen=True, kw_only=True):
    """A document or its faults: one of them is there, never both. `more` faults were found beyond those listed."""

    document: Barnevern | None = None
    faults: tuple[Fault, ...] = ()
    more: int = 0


DEFAULT_LIMITS = Limits()


def decode(data: bytes, version: str, limits: Limits = DEFAULT_LIMITS, encoding: str | None = None) -> Decoded:
    """Decode a document announced as a supported schema version.

    `encoding` overrides what the document declares, for XML that came as text inside JSON.
    Raises nothing for bad input.
    """
    if len(data) <= _SMALL:
        return _decode(data, version, limits, encoding, _parser)
    # libxml2 keeps every name that a parser has met, for as long as the thread that made it. A document has room for
    # ten million bytes of names, and ours live long: a large one gets a thread and a parser of its own.
    found: list[Decoded | BaseException] = []

    def work() -> None:
        try:
            found.append(_decode(data, version, limits, encoding, _new_parser))
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if isinstance(found[0], BaseException):
        raise found[0]
    return found[0]


_SMALL = 200_000


def _decode(
    data: bytes, version: str, limits: Limits, encoding: str | None, parser: Callable[[str | None], etree.XMLParser]
) -> Decoded:
    if len(data) > limits.bytes:
        return Decoded(faults=(_size_fault(len(data), limits.bytes, "byte", "bytes"),))
    if encoding is None:
        match _in_ascii(data):
            case Fault() as fault:
                return Decoded(faults=(fault,))
            case data, encoding:
                pass
    if _DOCTYPE in data and _PROLOG.match(data):
        return Decoded(faults=(_DTD,))
    if too_much := _too_much(data, limits):
        return Decoded(faults=(too_much,))
    try:
        root = etree.fromstring(data, parser(encoding))
    except etree.XMLSyntaxError as error:
        return Decoded(faults=(_syntax_fault(error, data),))
    with _idle_schema(version) as schema:
        again = (lambda: etree.fromstring(data, parser(encoding))) if len(data) > 4 * _STRETCH else None
        if faults := _validate(root, schema, limits, again):
            return faults
    if refused := _refused(root, version, limits):
        return _repeated_ids(root, limits) or refused
    document = _decoder(Barnevern, version)(root)
    if _has_repeated_ids(document.sak) and (repeated := _repeated_ids(root, limits)):
        return repeated
    return Decoded(document=document)


# --- what other readers of XML share --------------------------------------------------------------------------------


def concept_decoder(concept: type[Concept], version: str) -> Callable[[etree._Element], Any]:
    """The function that makes a concept of an element that is valid in a version."""
    return _decoder(concept, version)


def explain(entry: Any, element: str, attribute: str) -> tuple[str, str]:
    """What an entry of libxml2's log means, in both languages. The names must be safe to repeat; "?" is any other."""
    return _explain(entry, element, attribute)


def known_name(name: str) -> str:
    """A name as a fault may repeat it: itself where it is one of the model's, in any version, else "?"."""
    return name if name in _names() else "?"


def in_ascii(data: bytes) -> tuple[bytes, str | None] | Fault:
    """The document in an encoding that extends ASCII, and that encoding where the document does not say it itself."""
    return _in_ascii(data)


def starts_with_dtd(data: bytes) -> bool:
    return _DOCTYPE in data[:_CHARS] and bool(_PROLOG.match(data[:_CHARS]))


_CHARS = 1_000_000  # of a prolog; what is longer is no ordinary document, and the parser stops it


# --- parsing ---------------------------------------------------------------------------------------------------------


def _new_parser(encoding: str | None) -> etree.XMLParser:
    return etree.XMLParser(
        encoding=encoding,
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


_parser = cache(_new_parser)


@cache
def _schemas(version: str) -> deque[etree.XMLSchema]:
    """Schemas that nobody uses right now. A schema holds the log of its last document, so no two threads share one."""
    return deque([_compile(version)])


@contextmanager
def _idle_schema(version: str) -> Iterator[etree.XMLSchema]:
    idle = _schemas(version)
    try:
        schema = idle.pop()
    except IndexError:
        schema = _compile(version)
    try:
        yield schema
    finally:
        schema._clear_error_log()  # type: ignore[attr-defined]  # it quotes values: not a moment longer than needed
        idle.append(schema)


def _compile(version: str) -> etree.XMLSchema:
    """The generated schema without its uniqueness constraints."""
    tree = etree.parse(Path(__file__).parent / "model" / "xsd" / f"Barnevern_v{version}.xsd")
    for unique in list(tree.iter(f"{XS}unique")):
        unique.getparent().remove(unique)
    return etree.XMLSchema(tree)


# Encodings of one byte, or more, in which the characters of markup are the bytes of ASCII and those bytes nothing else.
# libxml2 reads others, such as UTF-7: there a document could hide its elements from whoever counts them.
_ENCODINGS = re.compile(r"utf-?8|(us-)?ascii|iso[-_]?8859[-_]\d{1,2}|latin-?\d{1,2}|(windows-|cp)125\d", re.IGNORECASE)
_DECLARED = re.compile(rb"<\?xml\s[^?]*?encoding\s*=\s*[\"']([^\"']*)")
_WIDE = (b"\xff\xfe\0\0", b"\0\0\xfe\xff", b"<\0\0\0", b"\0\0\0<")  # UTF-32
_UTF_16 = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"<\0": "utf-16-le", b"\0<": "utf-16-be"}

_DOCTYPE = b"<!DOCTYPE"
_PROLOG = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s++|<\?.*?\?>|<!--.*?-->)*+<!DOCTYPE", re.DOTALL)
# What may hold "<" or "=" and is neither an element nor an attribute.
_NO_MARKUP = re.compile(
    rb"<!--.*?(?:-->|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)|<\?.*?(?:\?>|\Z)|\"[^\"<]*+\"|'[^'<]*+'", re.DOTALL
)


def _in_ascii(data: bytes) -> tuple[bytes, str | None] | Fault:
    """The document in an encoding that extends ASCII, and that encoding where the document does not say it itself."""
    if data.startswith(_WIDE):
        return _ENCODING
    if python := _UTF_16.get(data[:2]):
        try:
            return data.decode(python).encode(), "UTF-8"
        except UnicodeError:
            return _ENCODING
    if data.startswith(b"<?xml") and (match := _DECLARED.match(data)):
        return (data, None) if _ENCODINGS.fullmatch(match[1].decode("latin-1")) else _ENCODING
    return data, None


def _too_much(data: bytes, limits: Limits) -> Fault | None:
    # An element takes four bytes at the least, an attribute five: an ordinary document has no room for too many.
    if len(data) < min(4 * limits.elements, 5 * limits.attributes):
        return None
    # An element has one "<" to open it, an attribute one "="; text has them too, so look closer before refusing.
    tags, signs = _marks(data)
    if tags > limits.elements or signs > limits.attributes:
        tags, signs = _marks(_NO_MARKUP.sub(b"", data))
    if tags > limits.elements:
        return _size_fault(tags, limits.elements, "elementer", "elements")
    if signs > limits.attributes:
        return _size_fault(signs, limits.attributes, "attributter", "attributes")
    return None


def _marks(data: bytes) -> tuple[int, int]:
    return data.count(b"<") - data.count(b"</"), data.count(b"=")


def _size_fault(found: int, limit: int, nb: str, en: str) -> Fault:
    return Fault(
        kind="size",
        nb=f"Dokumentet har {found} {nb}; grensen er {limit}.",
        en=f"The document has {found} {en}; the limit is {limit}.",
    )


_ENCODING = Fault(
    kind="xml",
    nb="Dokumentet er i et tegnsett som ikke tas imot, eller er ikke i det tegnsettet det sier. Bruk UTF-8.",
    en="The document is in an encoding that is not accepted, or not in the one that it says. Use UTF-8.",
    line=1,
)
_DTD = Fault(
    kind="xml",
    nb="Dokumentet har en dokumenttypedeklarasjon (DOCTYPE). Den er ikke tillatt.",
    en="The document has a document type declaration (DOCTYPE). It is not allowed.",
    line=1,
)


def _syntax_fault(error: etree.XMLSyntaxError, data: bytes) -> Fault:
    """Not well-formed: where, and as far as it is safe to say, why."""
    line, column = error.position if error.position else (None, None)
    code = etree.ErrorTypes._getName(error.code or 0, "") or ""  # type: ignore[attr-defined]
    if not data.strip():
        nb, en = "Dokumentet er tomt.", "The document is empty."
    else:
        nb, en = next(
            (texts for words, texts in _SYNTAX if any(word in code for word in words)),
            ("Dokumentet er ikke velformet XML.", "The document is not well-formed XML."),
        )
    return Fault(kind="xml", nb=nb, en=en, line=line or None, column=column or None)


# Words of libxml2's name of an error -> what is wrong.
_SYNTAX = (
    (
        ("ENCODING", "INVALID_CHAR"),
        (
            "Dokumentet har tegn som ikke passer med tegnsettet det oppgir, eller som XML ikke tillater.",
            "The document has characters that do not fit the encoding it declares, or that XML does not allow.",
        ),
    ),
    (
        ("RESOURCE_LIMIT", "NAME_TOO_LONG", "INTERNAL_ERROR", "NO_MEMORY"),
        (
            "Dokumentet er for dypt nøstet, eller har for lange navn eller verdier.",
            "The document is too deeply nested, or has names or values that are too long.",
        ),
    ),
    (
        ("TAG_NOT_FINISHED", "PREMATURE", "DOCUMENT_END", "GT_REQUIRED", "NOT_FINISHED", "COMMENT_NOT"),
        (
            "Dokumentet slutter før det er ferdig, eller har noe etter rotelementet.",
            "The document ends before it is complete, or has something after its root element.",
        ),
    ),
    (
        ("TAG_NAME_MISMATCH",),
        ("En sluttmarkør passer ikke med startmarkøren.", "An end tag does not match its start tag."),
    ),
    (
        ("ENTITY",),
        ("Dokumentet bruker entiteter som ikke finnes i XML.", "The document uses entities that XML does not have."),
    ),
    (
        ("ATTRIBUTE_REDEFINED",),
        ("Et element har samme attributt to ganger.", "An element has the same attribute twice."),
    ),
    (
        ("LT_IN_ATTRIBUTE", "ATTRIBUTE_NOT_STARTED", "ATTRIBUTE_WITHOUT_VALUE", "SPACE_REQUIRED"),
        ("Et attributt er ikke skrevet riktig.", "An attribute is not written correctly."),
    ),
    (
        ("NS_ERR",),
        ("Et navn bruker et navnerom som ikke er erklært.", "A name uses a namespace that is not declared."),
    ),
    (
        ("DOCUMENT_EMPTY", "START_TAG"),
        ("Dokumentet begynner ikke som XML.", "The document does not begin as XML."),
    ),
)


# --- validation ------------------------------------------------------------------------------------------------------

_STRETCH = 12_000  # elements and attributes
_ATTRIBUTES = 120  # more faults than are listed


def _validate(
    root: etree._Element, schema: etree.XMLSchema, limits: Limits, again: Callable[[], etree._Element] | None
) -> Decoded | None:
    """The faults of a document, by the schema; None when it has none.

    libxml2 cannot be told to stop: it writes a message for every fault, and finds its path by counting siblings, so
    that 25,000 wrong elements take 15 seconds. A document that has room for so many is validated by its beginning
    first, then by a longer one: whoever has too many faults is found out before they are all written. `again` parses
    it once more; None for a document so small that it has no room.
    """
    if again is not None:
        _thin(root)
        for count in _beginnings(root):
            part = again()
            _thin(part)
            open_elements = _cut(part, count)
            if not schema.validate(part):
                found = _schema_faults(schema.error_log, limits, open_elements)
                if len(found.faults) >= limits.faults:
                    return found
    return None if schema.validate(root) else _schema_faults(schema.error_log, limits)


def _thin(root: etree._Element) -> None:
    """Leave so many attributes on an element that it is still wrong: the model has ten at the most."""
    for element in root.iter():
        for name in element.keys()[_ATTRIBUTES:]:
            del element.attrib[name]


def _beginnings(root: etree._Element) -> list[int]:
    """How many elements of the document to look at first, and then, short of all."""
    out: list[int] = []
    weight = 0
    for number, element in enumerate(root.iter(), 1):
        weight += 1 + len(element.keys())
        if weight >= _STRETCH:
            out.append(number)
            weight = 0
    return out


def _cut(root: etree._Element, count: int) -> frozenset[str]:
    """Leave the first so many elements; the paths of those that are no longer whole."""
    node = last = next(islice(root.iter(), count - 1, None))
    del node[:]
    while (parent := node.getparent()) is not None:
        del parent[parent.index(node) + 1 :]
        node = parent
    tree = root.getroottree()
    return frozenset(tree.getpath(element) for element in (last, *last.iterancestors()))


# --- the schema's verdict in our own words ---------------------------------------------------------------------------

_AT = re.compile(r"Element '([^']*)'(?:, attribute '([^']*)'|: The attribute '([^']*)')?")
_EXPECTED = re.compile(r"Expected is (?:one of )?\( ([^)]*) \)")
_ALLOWED = re.compile(r"allowed (?:minimum |maximum )?length of '(\d{1,5})'\.\s*$")
_ATOMIC = re.compile(r"valid value of the atomic type 'xs:(date|boolean)'\.\s*$")
_STEP = re.compile(r"^([^\[\]@{}:]+)(\[\d+\])?$")
_XSI = re.compile(r"^\{http://www\.w3\.org/2001/XMLSchema-instance\}(nil|type)$")

# What libxml2 found -> what is wrong with the value. {} is the length that the schema allows.
_NO_CODE = ("har en kode som ikke finnes i kodelisten", "has a code that is not in the code list")
_VALUE_FAULTS = {
    "SCHEMAV_CVC_PATTERN_VALID": ("har ikke riktig form", "does not have the right form"),
    "SCHEMAV_CVC_LENGTH_VALID": ("har ikke riktig lengde ({} tegn)", "does not have the right length ({})"),
    "SCHEMAV_CVC_MINLENGTH_VALID": ("er for kort eller tom (minst {} tegn)", "is too short or empty (minimum {})"),
    "SCHEMAV_CVC_MAXLENGTH_VALID": ("er for lang (høyst {} tegn)", "is too long (maximum {})"),
    "SCHEMAV_CVC_ENUMERATION_VALID": _NO_CODE,
    "SCHEMAV_CVC_DATATYPE_VALID_1_2_1": ("er ikke en gyldig verdi", "is not a valid value"),
}
_TYPE_FAULTS = {
    "date": ("er ikke en gyldig dato (ÅÅÅÅ-MM-DD)", "is not a valid date (YYYY-MM-DD)"),
    "boolean": ("skal være true, false, 1 eller 0", "must be true, false, 1 or 0"),
    "dateTime": (
        "er ikke et gyldig tidspunkt med tidssone (ÅÅÅÅ-MM-DDTtt:mm:ssZ)",
        "is not a valid moment with a time zone (YYYY-MM-DDThh:mm:ssZ)",
    ),
}


@cache
def _fields() -> dict[str, list[Field]]:
    """Every field of the model, in any version that we read, by its name in XML."""
    found: dict[str, list[Field]] = {}
    seen: set[tuple[type[Concept], str]] = set()

    def walk(concept: type[Concept], version: str) -> None:
        seen.add((concept, version))
        for f in fields_in(concept, version):
            found.setdefault(f.xml, []).append(f)
            if f.concept and (f.concept, version) not in seen:
                walk(f.concept, version)

    for version in SUPPORTED:
        walk(Barnevern, version)
    return found


@cache
def _names() -> frozenset[str]:
    """Every name of the model: the only words of a document that a fault may repeat."""
    return frozenset({"Barnevern", *_fields()})


@cache
def _named(what: str) -> frozenset[str]:
    """The names that always stand for a value of one kind: a code or a moment."""
    return frozenset(
        name
        for name, found in _fields().items()
        if all(f.simple and (f.simple.codes if what == "code" else f.simple.base == what) for f in found)
    )


def _safe(name: str) -> str:
    if match := _XSI.match(name):
        return f"xsi:{match[1]}"
    return known_name(name)


def _safe_path(path: str | None) -> str:
    steps = []
    for step in (path or "").split("/")[1:]:
        match = _STEP.match(step)
        steps.append(_safe(match[1]) + (match[2] or "") if match else "?")
    return "/" + "/".join(steps)


def _schema_faults(log: Any, limits: Limits, cut: frozenset[str] = frozenset()) -> Decoded:
    """What libxml2 found, told by us. Elements that we `cut` are not to blame for what they lack."""
    faults: list[Fault] = []
    told: set[tuple[str, str]] = set()
    more = 0
    for entry in log:
        if cut and entry.path in cut and "Missing child" in entry.message:
            continue
        match = _AT.search(entry.message)
        attribute = (match[2] or match[3] or "") if match else ""
        place = (entry.path, attribute)
        # libxml2 says the same thing twice: once for the facet, once for the type.
        if place in told and entry.type_name in _SECOND_WORDS:
            continue
        told.add(place)
        if len(faults) >= limits.faults:
            more += 1
            continue
        path = _safe_path(entry.path) + (f"/@{_safe(attribute)}" if attribute else "")
        nb, en = _explain(entry, _safe(match[1]) if match else "?", _safe(attribute) if attribute else "")
        faults.append(Fault(kind="schema", nb=nb, en=en, path=path, line=entry.line or None))
    if not faults and not cut:
        faults.append(
            Fault(kind="schema", nb="Dokumentet følger ikke skjemaet.", en="The document does not follow the schema.")
        )
    return Decoded(faults=tuple(faults), more=more)


_SECOND_WORDS = frozenset(
    {"SCHEMAV_CVC_TYPE_3_1_3", "SCHEMAV_CVC_DATATYPE_VALID_1_2_1", "SCHEMAV_CVC_ATTRIBUTE_3", *_VALUE_FAULTS}
)


def _explain(entry: Any, element: str, attribute: str) -> tuple[str, str]:
    """What is wrong, in both languages. `element` and `attribute` are names of the model, or ? for any other."""
    kind, message = entry.type_name, entry.message
    which_nb = f"Elementet {element}" if element != "?" else "Et element som ikke finnes i skjemaet,"
    which_en = f"The element {element}" if element != "?" else "An element that the schema does not have"
    what_nb = f"Attributtet {attribute} på {element}" if attribute else which_nb
    what_en = f"The attribute {attribute} on {element}" if attribute else which_en
    if kind in _VALUE_FAULTS:
        nb, en = _value_fault(kind, message, attribute or element)
        return f"{what_nb} {nb}.", f"{what_en} {en}."
    if kind == "SCHEMAV_CVC_COMPLEX_TYPE_4":
        return f"{what_nb} mangler og er påkrevd.", f"{what_en} is missing and is required."
    if kind in ("SCHEMAV_CVC_COMPLEX_TYPE_3_2_1", "SCHEMAV_CVC_COMPLEX_TYPE_3_2_2", "SCHEMAV_CVC_TYPE_3_1_1"):
        if attribute in ("", "?"):
            return (
                f"Elementet {element} har et attributt som ikke finnes i denne skjemaversjonen.",
                f"The element {element} has an attribute that does not exist in this schema version.",
            )
        return f"{what_nb} finnes ikke i denne skjemaversjonen.", f"{what_en} does not exist in this schema version."
    if kind == "SCHEMAV_ELEMENT_CONTENT":
        names = [_safe(name.strip()) for name in m[1].split(",")] if (m := _EXPECTED.search(message)) else []
        expected = ", ".join(name for name in names if name != "?")
        if "Missing child" in message:
            return (
                f"{what_nb} mangler innhold" + (f": {expected}." if expected else "."),
                f"{what_en} lacks content" + (f": {expected}." if expected else "."),
            )
        return (
            f"{what_nb} kan ikke stå her" + (f"; her ventes {expected}." if expected else "."),
            f"{what_en} cannot stand here" + (f"; expected here: {expected}." if expected else "."),
        )
    if kind == "SCHEMAV_CVC_ELT_1":
        return (
            "Rotelementet skal være Barnevern, uten navnerom.",
            "The root element must be Barnevern, without a namespace.",
        )
    if kind in ("SCHEMAV_CVC_COMPLEX_TYPE_2_1", "SCHEMAV_CVC_COMPLEX_TYPE_2_3", "SCHEMAV_CVC_TYPE_3_1_2"):
        if "haracter content" in message:
            return f"{what_nb} har tekst der det ikke er tillatt.", f"{what_en} has text where none is allowed."
        return f"{what_nb} har underelementer som ikke er tillatt.", f"{what_en} has children that are not allowed."
    if kind == "SCHEMAV_CVC_ELT_3_1":
        return f"{what_nb} kan ikke ha xsi:nil.", f"{what_en} cannot have xsi:nil."
    if kind in ("SCHEMAV_CVC_ELT_4_1", "SCHEMAV_CVC_ELT_4_2", "SCHEMAV_CVC_ELT_4_3"):
        return (
            f"Attributtet xsi:type på {element} viser til en type som ikke passer her.",
            f"The attribute xsi:type on {element} refers to a type that does not fit here.",
        )
    return f"{what_nb} følger ikke skjemaet.", f"{what_en} does not follow the schema."


def _value_fault(kind: str, message: str, name: str) -> tuple[str, str]:
    nb, en = _VALUE_FAULTS[kind]
    if name in _named("code"):
        return _NO_CODE
    if name in _named("dateTime"):
        return _TYPE_FAULTS["dateTime"]
    if kind == "SCHEMAV_CVC_DATATYPE_VALID_1_2_1" and (match := _ATOMIC.search(message)):
        return _TYPE_FAULTS[match[1]]
    if "{}" in nb:
        if match := _ALLOWED.search(message):
            return nb.format(match[1]), en.format(match[1])
        return nb.split(" (")[0], en.split(" (")[0]
    return nb, en


def _has_repeated_ids(sak: Sak) -> bool:
    """The uniqueness constraints of the schema: an Id stands once among elements of its own name (section 4)."""
    return any(len({_unique_key(e) for e in elements}) < len(elements) for elements in _unique_lists(sak))


def _repeated_ids(root: etree._Element, limits: Limits) -> Decoded | None:
    """The same, told of each element; None when there is none."""
    seen: set[tuple[str | None, ...]] = set()
    faults: list[Fault] = []
    more = 0
    for child in root.iterfind("Sak/*"):
        name = child.tag
        keys = UNIQUE[name]
        key = (name, *(child.get(k) for k in keys))
        if key not in seen:
            seen.add(key)
        elif len(faults) >= limits.faults:
            more += 1
        else:
            faults.append(
                Fault(
                    kind="schema",
                    nb=f"Elementet {name} har samme {' og '.join(keys)} som et tidligere {name} i saken.",
                    en=f"The element {name} has the same {' and '.join(keys)} as an earlier {name} of the case.",
                    path=child.getroottree().getpath(child),
                    line=cast(int, child.sourceline),
                )
            )
    return Decoded(faults=tuple(faults), more=more) if faults else None


_LISTS = attrgetter(*(f.name for f in fields(Sak) if f.xml in UNIQUE))


def _unique_lists(sak: Sak) -> tuple[tuple[Any, ...], ...]:
    lists: tuple[tuple[Any, ...], ...] = _LISTS(sak)
    return tuple(elements for elements in lists if len(elements) > 1)


def _unique_key(element: Any) -> Any:
    return (element.id, element.type) if type(element) is Slettet else element.id


def _refused(root: etree._Element, version: str, limits: Limits) -> Decoded | None:
    """What a valid document of an older version has that cannot be brought into the model; None when it has none."""
    found: list[tuple[int, Fault]] = []
    more = 0
    for place in refusals(version):
        for element in root.iterfind(place.path):
            value = element.get(place.attribute) if place.attribute else element.text
            if (place.attribute and value is None) or (place.code is not None and place.code != value):
                continue
            if len(found) >= limits.faults:
                more += 1
                continue
            path = element.getroottree().getpath(element) + (f"/@{place.attribute}" if place.attribute else "")
            line = cast(int, element.sourceline)
            found.append((line, Fault(kind="upcast", nb=place.why.nb, en=place.why.en, path=path, line=line)))
    found.sort(key=itemgetter(0))
    return Decoded(faults=tuple(fault for _, fault in found), more=more) if found else None


# --- from elements to structs ----------------------------------------------------------------------------------------

_DATE = re.compile(r"\s*(-?\d{4,})-(\d\d)-(\d\d)")
_MOMENT_AT_24 = re.compile(r"T24:00:00(\.0+)?")


@lru_cache(maxsize=65536)
def _date(text: str) -> date:
    """An xs:date: the zone is dropped, the calendar day kept; years outside 1 to 9999 go to the nearest end."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        match = _DATE.match(text)
        assert match is not None  # the schema let it through
        year = int(match[1])
        if year < 1:
            return date.min
        return date(year, int(match[2]), int(match[3])) if year <= 9999 else date.max


def _moment(text: str) -> datetime:
    """An xs:dateTime with its offset, to the microsecond; 24:00:00 is the start of the next day."""
    text = text.strip()
    midnight = _MOMENT_AT_24.search(text)
    try:
        moment = datetime.fromisoformat(_MOMENT_AT_24.sub("T00:00:00", text) if midnight else text)
        return moment + timedelta(days=1) if midnight else moment
    except (ValueError, OverflowError):
        return (datetime.min if text < "0001" else datetime.max).replace(tzinfo=UTC)


def _boolean(text: str) -> bool:
    return text.strip() in ("true", "1")


_CONVERT: dict[str, Callable[[str], Any] | None] = {
    "string": None,
    "gYear": None,
    "date": _date,
    "boolean": _boolean,
    "dateTime": _moment,
}


@cache
def _decoder(concept: type[Concept], version: str) -> Callable[[etree._Element], Any]:
    """The function that makes a concept of a valid element of a version: tables made once, looked up in the walk.

    What the version has in another kind than the model is not in the tables: `_refused` has seen to it.
    """
    attributes: dict[str, tuple[str, Callable[[str], Any] | None]] = {}
    children: dict[str, tuple[str, Callable[[Any], Any], bool]] = {}
    texts: dict[str, tuple[str, Callable[[str], Any] | None, bool]] = {}
    for f in fields_in(concept, version):
        if not f.fits:
            continue
        if f.concept:
            children[f.xml] = (f.name, _decoder(f.concept, version), f.many)
            continue
        assert f.simple is not None
        if f.is_attribute:
            attributes[f.xml] = (f.name, _CONVERT[f.simple.base])
        else:
            texts[f.xml] = (f.name, _CONVERT[f.simple.base], f.many)
            children[f.xml] = (f.name, _text(_CONVERT[f.simple.base]), f.many)
    repeated = tuple(name for name, _, many in children.values() if many)

    def decode_leaf(element: Any) -> Any:
        """An element with attributes only: nearly all of them."""
        values = {}
        for xml, text in element.items():
            try:
                name, convert = attributes[xml]
            except KeyError:  # xsi: attributes are valid and mean nothing to us
                continue
            values[name] = text if convert is None else convert(text)
        return concept(**values)

    def decode_texts(element: Any) -> Any:
        """An element whose children are text, such as Lovhjemmel."""
        values: dict[str, Any] = {}
        for child in element:
            name, convert, many = texts[child.tag]
            text = child.text or ""
            value = text if convert is None else convert(text)
            if many:
                values.setdefault(name, []).append(value)
            else:
                values[name] = value
        for name in repeated:
            if name in values:
                values[name] = tuple(values[name])
        return concept(**values)

    def decode_element(element: Any) -> Any:
        values: dict[str, Any] = {}
        for xml, text in element.items():
            try:
                name, convert = attributes[xml]
            except KeyError:
                continue
            values[name] = text if convert is None else convert(text)
        for child in element:
            name, make, many = children[child.tag]
            if not many:
                values[name] = make(child)
            elif name in values:
                values[name].append(make(child))
            else:
                values[name] = [make(child)]
        for name in repeated:
            if name in values:
                values[name] = tuple(values[name])
        return concept(**values)

    if not children:
        return decode_leaf
    return decode_texts if len(texts) == len(children) and not attributes else decode_element


def _text(convert: Callable[[str], Any] | None) -> Callable[[Any], Any]:
    if convert is None:
        return lambda element: element.text or ""
    return lambda element: convert(element.text or "")
