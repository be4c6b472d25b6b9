"""A KOSTRA file as a stream: each client is validated, decoded and let go, so that memory does not grow with the file.

The findings of structure are those of the program (kostra-fil-00, -avgiver-00 and -01, -individ-00 and -01): an invalid
client is one finding, and the rest of the file is read on; what is not XML is one finding and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from lxml import etree

from bvr.decode import concept_decoder, explain, in_ascii, starts_with_dtd
from bvr.faults import Fault
from bvr.kostra import concepts as m
from bvr.kostra.rules import KostraFinding, structure
from bvr.model.types import Concept, fields

_CHUNK = 64 * 1024
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_YEAR = re.compile(r"[0-9]{4,}")
_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
_HINTS = (f"{_XSI}noNamespaceSchemaLocation", f"{_XSI}schemaLocation")  # allowed, and never followed
_TYPE = (f"{_XSI}type", "BarnevernType")
_FAULT = re.compile(r"Element '([^']*)'(?:, attribute '([^']*)'|: The attribute '([^']*)')?")
XSD = Path(__file__).parent / "xsd" / "KostraBarnevern.xsd"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds on one file, enforced while it is read. Sizes are in bytes; the largest municipality has some 40 MB."""

    bytes: int = 150_000_000
    individ: int = 2_000_000  # one client
    individer: int = 100_000


class Client(msgspec.Struct, frozen=True):
    """A client that follows the schema, and its place in the file counted from 1."""

    number: int
    individ: m.Individ


Part = m.Avgiver | Client | KostraFinding
DEFAULT_LIMITS = Limits()


def read(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Iterator[Part]:
    """The parts of a file in their order, and the findings of structure where they belong.

    A file that cannot be read to its end gives kostra-fil-00 as its last part; what came before it is then void.
    Raises nothing for bad input.
    """
    if len(data) > limits.bytes:
        yield _unreadable(
            f"den er på {len(data)} byte, og grensen er {limits.bytes}",
            f"it is {len(data)} bytes, and the limit is {limits.bytes}",
        )
        return
    match in_ascii(data):
        case Fault():
            yield _unreadable(
                "tegnsettet tas ikke imot, eller er ikke det filen sier; bruk UTF-8 eller ISO-8859-1",
                "its encoding is not accepted, or not the one it says; use UTF-8 or ISO-8859-1",
            )
            return
        case data, encoding:
            pass
    if starts_with_dtd(data):
        yield _unreadable("DOCTYPE er ikke tillatt", "a DOCTYPE is not allowed")
        return
    yield from _Reader(limits, encoding).parts(data)


class _Reader:
    def __init__(self, limits: Limits, encoding: str | None) -> None:
        self.limits = limits
        self.parser = etree.XMLPullParser(
            events=("start", "end"),
            encoding=encoding,
            resolve_entities=False,
            load_dtd=False,
            no_network=True,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
        self.depth = 0
        self.root: Any = None
        self.avgivere = 0
        self.valid_avgivere = 0
        self.individer = 0
        self.valid_individer = 0
        self.schema = etree.XMLSchema(_tree())

    def parts(self, data: bytes) -> Iterator[Part]:
        last = 0  # where the last client ended, to the nearest chunk
        try:
            for start in range(0, len(data), _CHUNK):
                self.parser.feed(data[start : start + _CHUNK])
                for part in self._ready():
                    last = start
                    if part is not None:
                        yield part
                if start - last > self.limits.individ:
                    yield _unreadable(
                        f"én klient er større enn {self.limits.individ} byte",
                        f"one client is larger than {self.limits.individ} bytes",
                    )
                    return
                if self.individer > self.limits.individer:
                    yield _unreadable(
                        f"den har flere enn {self.limits.individer} klienter",
                        f"it has more than {self.limits.individer} clients",
                    )
                    return
            self.parser.close()
            for part in self._ready():
                if part is not None:
                    yield part
        except etree.XMLSyntaxError as error:
            line, column = error.position if error.position else (None, None)
            yield _unreadable("den er ikke velformet XML", "it is not well-formed XML", line or None, column or None)
            return
        if self.valid_avgivere != 1:
            yield structure("kostra-avgiver-00", count=self.valid_avgivere)
        if not self.valid_individer:
            yield structure("kostra-individ-00")

    def _ready(self) -> Iterator[Part | None]:
        """What has been read to its end; None for what says nothing by itself."""
        for event, element in self.parser.read_events():
            if event == "start":
                if self.depth == 0:
                    self.root = element
                    yield from self._start()
                self.depth += 1
                continue
            self.depth -= 1
            if self.depth == 1:
                yield from self._text_before(element)
                yield from self._part(element)
                _let_go(element)
            elif self.depth == 0:
                yield from self._text_before(None)

    def _text_before(self, element: Any) -> Iterator[KostraFinding]:
        """Text between the parts, which a part's own end does not show yet."""
        before = element.getprevious() if element is not None else (self.root[-1] if len(self.root) else None)
        text = self.root.text if before is None else before.tail
        if (text or "").strip():
            yield _unreadable("det står tekst utenfor klientene", "there is text outside the clients")

    def _start(self) -> Iterator[KostraFinding]:
        if self.root.tag != "Barnevern":
            yield _unreadable(
                "rotelementet skal være Barnevern, uten navnerom",
                "its root element must be Barnevern, without a namespace",
            )
        if any(not (name in _HINTS or (name, value) == _TYPE) for name, value in self.root.attrib.items()):
            yield _unreadable("rotelementet har attributter", "its root element has attributes")

    def _part(self, element: Any) -> Iterator[Part | None]:
        if element.tag == "Avgiver":
            self.avgivere += 1
            yield from self._avgiver(element)
        elif element.tag == "Individ":
            self.individer += 1
            yield from self._individ(element)
        else:
            yield _unreadable(
                "den har et annet element enn Avgiver og Individ",
                "it has another element than Avgiver and Individ",
                element.sourceline,
            )

    def _avgiver(self, element: Any) -> Iterator[Part]:
        if self.individer:
            yield _unreadable("Avgiver skal stå først", "Avgiver must come first", element.sourceline)
        if (reason := self._fault(element)) is not None:
            yield structure("kostra-avgiver-01", reason_nb=reason[0], reason_en=reason[1], line=reason[2])
            return
        self.valid_avgivere += 1
        yield concept_decoder(m.Avgiver, m.CODES)(element)

    def _individ(self, element: Any) -> Iterator[Part]:
        if (reason := self._fault(element)) is not None:
            yield structure(
                "kostra-individ-01",
                reason_nb=reason[0],
                reason_en=reason[1],
                line=reason[2],
                number=self.individer,
                journalnummer=_journal(element),
                own=(element.get("Fodselsnummer"), element.get("DUFnummer")),
            )
            return
        self.valid_individer += 1
        yield Client(self.individer, concept_decoder(m.Individ, m.CODES)(element))

    def _fault(self, element: Any) -> tuple[str, str, int | None] | None:
        """The first thing that is wrong with an Avgiver or an Individ, as a clause; None when nothing is."""
        if not self.schema.validate(element):
            try:
                entry: Any = self.schema.error_log[0]  # type: ignore[index]
                match = _FAULT.search(entry.message)
                attribute = (match[2] or match[3] or "") if match else ""
                nb, en = explain(entry, _safe(match[1]) if match else "?", _safe(attribute) if attribute else "")
                return _clause(nb), _clause(en), entry.line or None
            finally:
                self.schema._clear_error_log()  # type: ignore[attr-defined]  # it quotes values: not a moment longer than needed
        return _odd_date(element)


def _let_go(element: Any) -> None:
    """Free what has been read; the element itself goes with the next one."""
    element.clear(keep_tail=True)
    while (before := element.getprevious()) is not None:
        before.getparent().remove(before)


def _odd_date(element: Any) -> tuple[str, str, int | None] | None:
    """Dates that the schema allows and the program cannot read: with a zone, or a year of other than four digits."""
    for e in element.iter():
        for name, value in e.items():
            shape = _YEAR if name == "Versjon" else _DAY if name in _dates() else None
            if shape is not None and not shape.fullmatch(value.strip()):
                return (
                    f"attributtet {name} på {e.tag} er en dato med tidssone eller et år utenfor det vanlige; skriv "
                    "ÅÅÅÅ-MM-DD",
                    f"the attribute {name} on {e.tag} is a date with a zone or an unusual year; write YYYY-MM-DD",
                    e.sourceline,
                )
    return None


@cache
def _tree() -> Any:
    return etree.parse(XSD)


@cache
def _names() -> frozenset[str]:
    """Every name of the model: the only words of a file that a finding may repeat."""
    found: set[str] = {"Barnevern"}

    def walk(concept: type[Concept]) -> None:
        for f in fields(concept):
            found.add(f.xml)
            if f.concept:
                walk(f.concept)

    walk(m.Barnevern)
    return frozenset(found)


@cache
def _dates() -> frozenset[str]:
    return frozenset(name for name in _names() if name.endswith("Dato"))


def _safe(name: str) -> str:
    return name if name in _names() else "?"


def _clause(sentence: str) -> str:
    """A sentence as the end of another."""
    return (sentence[:1].lower() + sentence[1:]).rstrip(".")


def _journal(element: Any) -> str | None:
    """The journal number of an invalid client, where it can be repeated."""
    given: str | None = element.get("Journalnummer")
    return given if given is not None and 1 <= len(given) <= 20 else None


def _unreadable(nb: str, en: str, line: int | None = None, column: int | None = None) -> KostraFinding:
    return structure("kostra-fil-00", reason_nb=nb, reason_en=en, line=line, column=column)
