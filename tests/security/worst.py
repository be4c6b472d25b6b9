"""The costliest documents we could think of, each just under the limits on size: valid ones and broken ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count, pairwise

from bvr.decode import DEFAULT_LIMITS
from bvr.model.concepts import BEGREP
from bvr.model.xml import encode
from bvr.rules.examples import document, personalia, sak

_WHOLE = encode(document(sak(personalia()))).decode()
_AT = _WHOLE.index("</Sak>")
_PERSON = _WHOLE.index("<Personalia")
_LAW = "<Lovhjemmel><Lov>BVL</Lov><Kapittel>4</Kapittel><Paragraf>4</Paragraf></Lovhjemmel>"


def case(inside: str, personal: bool = True) -> bytes:
    """A document with one case that holds this."""
    return (_WHOLE[: _AT if personal else _PERSON] + inside + _WHOLE[_AT:]).encode()


def key(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-000000000000"


def fill(make: Callable[[int], str], before: str = "", after: str = "", personal: bool = True) -> bytes:
    """As many as there is room for: bytes, elements and attributes all just under their limits."""
    room = DEFAULT_LIMITS.bytes - len(case(before + after, personal)) - 10
    rest = case(before + after, personal)
    elements = DEFAULT_LIMITS.elements - (rest.count(b"<") - rest.count(b"</"))
    signs = DEFAULT_LIMITS.attributes - rest.count(b"=")
    out: list[str] = []
    for number in count(1):
        one = make(number)
        room -= len(one.encode())
        elements -= one.count("<") - one.count("</")
        signs -= one.count("=")
        if min(room, elements, signs) < 0:
            return case(before + "".join(out) + after, personal)
        out.append(one)
    raise AssertionError


# --- valid -----------------------------------------------------------------------------------------------------------


def _decision(n: int) -> str:
    return (
        f'<Vedtak Id="{key(n)}" StartDato="2024-01-01">{_LAW}'
        f'<Status Id="{key(n)}" EndretDato="2024-01-01" Kode="1"/></Vedtak>'
    )


def _measure(n: int) -> str:
    return f'<Tiltak Id="{key(n)}" StartDato="2024-01-01">{_LAW}<Kategori Kode="1.1"/></Tiltak>'


def _relation(n: int, kind: str = "Melding", to: str = "Undersokelse") -> str:
    return f'<Relasjon Id="{key(n)}" FraId="{key(n)}" FraType="{kind}" TilId="{key(n)}" TilType="{to}"/>'


def _chains() -> bytes:
    """Reports, investigations, decisions and measures, every one related to the next."""
    number = (DEFAULT_LIMITS.elements - 20) // 17  # so many elements has one of each
    inside = [f'<Melding Id="{key(n)}" StartDato="2024-01-01"/>' for n in range(number)]
    inside += [f'<Undersokelse Id="{key(n)}" StartDato="2024-01-01"/>' for n in range(number)]
    inside += [_measure(n) for n in range(number)]
    inside += [_decision(n) for n in range(number)]
    names = ("Melding", "Undersokelse", "Vedtak", "Tiltak")
    for step, (one, other) in enumerate(pairwise(names)):
        inside += [
            f'<Relasjon Id="{key(step * number + n)}" FraId="{key(n)}" FraType="{one}" TilId="{key(n)}"'
            f' TilType="{other}"/>'
            for n in range(number)
        ]
    return case("".join(inside))


def _wide() -> str:
    """A clarification whose single odd character makes all of it take four bytes a character."""
    return "x" * 9_996 + "😀"


VALID: dict[str, Callable[[], bytes]] = {
    "Melding": lambda: fill(lambda n: f'<Melding Id="{key(n)}" StartDato="2024-01-01"/>'),
    "Melding with a conclusion": lambda: fill(
        lambda n: (
            f'<Melding Id="{key(n)}" StartDato="2024-01-01"><Konklusjon SluttDato="2024-03-01" Kode="2"/></Melding>'
        )
    ),
    "Melder": lambda: fill(
        lambda n: '<Melder Kode="1"/>', f'<Melding Id="{key(1)}" StartDato="2024-01-01">', "</Melding>"
    ),
    "clarifications": lambda: fill(
        lambda n: f'<Melder Kode="1" Presisering="{_wide()}"/>',
        f'<Melding Id="{key(1)}" StartDato="2024-01-01">',
        "</Melding>",
    ),
    "Undersokelse": lambda: fill(
        lambda n: (
            f'<Undersokelse Id="{key(n)}" StartDato="2024-01-01"><Konklusjon SluttDato="2024-03-01" Kode="1"/>'
            "</Undersokelse>"
        )
    ),
    "Evaluering": lambda: fill(
        lambda n: '<Evaluering UtfortDato="2024-02-01"/>',
        f'<Plan Id="{key(1)}" StartDato="2024-01-01" Plantype="1">',
        "</Plan>",
    ),
    "Plan": lambda: fill(lambda n: f'<Plan Id="{key(n)}" StartDato="2024-01-01" Plantype="1"/>'),
    "Tiltak": lambda: fill(_measure),
    "Vedtak": lambda: fill(_decision),
    "Punktum": lambda: fill(
        lambda n: "<Punktum>1</Punktum>",
        f'<OversendelseFylkesnemnd Id="{key(1)}" StartDato="2024-01-01">{_LAW.removesuffix("</Lovhjemmel>")}',
        "</Lovhjemmel></OversendelseFylkesnemnd>",
    ),
    "Ettervern": lambda: fill(lambda n: f'<Ettervern Id="{key(n)}" TilbudSendtDato="2024-01-01"/>'),
    "Flytting": lambda: fill(
        lambda n: (
            f'<Flytting Id="{key(n)}" SluttDato="2024-01-01"><ArsakFra Kode="1.1.1"/><FlyttingTil Kode="1"/></Flytting>'
        )
    ),
    "Relasjon": lambda: fill(_relation),
    "Slettet": lambda: fill(lambda n: f'<Slettet Id="{key(n)}" Type="Plan" SluttDato="2024-01-01"/>'),
    "Personalia": lambda: fill(
        lambda n: (
            f'<Personalia Id="{key(n)}" StartDato="2020-01-01" Fodselsnummer="{n % 28 + 1:02}{n % 12 + 81}{n:07}"'
            ' Fodseldato="2012-03-14" Kjonn="1"/>'
        ),
        personal=False,
    ),
    "chains of relations": _chains,
    "references": lambda: fill(
        lambda n: f'<Melder Kode="1" Presisering="{"&#128512;" * 1_100}"/>',
        f'<Melding Id="{key(1)}" StartDato="2024-01-01">',
        "</Melding>",
    ),
    "white space": lambda: case(" \n" * 4_990_000),
    "a comment": lambda: case(f"<!--{'x' * 9_990_000}-->"),
    "comments": lambda: fill(lambda n: "<!--x-->"),
    "instructions": lambda: fill(lambda n: "<?x y?>"),
}


# --- broken ----------------------------------------------------------------------------------------------------------


def _attributes() -> Iterator[str]:
    return (f' a{n}="1"' for n in range(DEFAULT_LIMITS.attributes - 100))


BROKEN: dict[str, Callable[[], bytes]] = {
    "empty Slettet": lambda: fill(lambda n: "<Slettet/>"),
    "unknown elements": lambda: fill(lambda n: "<x/>"),
    "unknown elements of many names": lambda: fill(lambda n: f"<x{n}/>"),
    "unknown attributes on one element": lambda: case(f'<Melding Id="{key(1)}"{"".join(_attributes())}/>'),
    "unknown attributes": lambda: fill(lambda n: '<Melding a="" b="" c=""/>'),
    "attributes on the children": lambda: fill(
        lambda n: '<Ledd a="" b="">x</Ledd>',
        f'<OversendelseFylkesnemnd Id="{key(1)}" StartDato="2024-01-01">{_LAW.removesuffix("</Lovhjemmel>")}',
        "</Lovhjemmel></OversendelseFylkesnemnd>",
    ),
    "the same attribute twice": lambda: case("<Melding" + ' a=""' * 200_000 + "/>"),
    "namespaces": lambda: case(
        "<Melding" + "".join(f' xmlns:a{n}="u"' for n in range(DEFAULT_LIMITS.attributes - 100)) + "/>"
    ),
    "namespaces on every element": lambda: fill(lambda n: f'<a:x xmlns:a="u{n}"/>'),
    "wrong codes": lambda: fill(
        lambda n: '<Melder Kode="x"/>', f'<Melding Id="{key(1)}" StartDato="2024-01-01">', "</Melding>"
    ),
    "wrong dates": lambda: fill(lambda n: f'<Melding Id="{key(n)}" StartDato="x"/>'),
    "long wrong values": lambda: fill(lambda n: f'<Melding Id="{"x" * 4_000}" StartDato="{"y" * 4_000}"/>'),
    "one key for all": lambda: fill(lambda n: f'<Melding Id="{key(1)}" StartDato="2024-01-01"/>'),
    "every key twice": lambda: fill(lambda n: f'<Slettet Id="{key(n // 2)}" Type="Plan" SluttDato="2024-01-01"/>'),
    "text between all": lambda: fill(lambda n: f'x<Melding Id="{key(n)}" StartDato="2024-01-01"/>'),
    "a long attribute": lambda: case(f'<Melding Id="{"x" * 9_990_000}" StartDato="2024-01-01"/>'),
    "a long clarification": lambda: case(
        f'<Melding Id="{key(1)}" StartDato="2024-01-01"><Melder Kode="1" Presisering="{"x" * 9_990_000}"/></Melding>'
    ),
    "a long text": lambda: case("x" * 9_990_000),
    "references in a text": lambda: case("&#128512;" * 1_100_000),
    "a long name": lambda: case(f"<{'x' * 9_990_000}/>"),
    "depth": lambda: case("<Tiltak>" * 49_000 + "</Tiltak>" * 49_000),
    "depth that is open": lambda: b"<a>" * 99_000,
    "cut off at the end": lambda: fill(_relation)[:-5],
    "nothing but opening brackets": lambda: b"<" * 99_000,
    "wrong children of many parents": lambda: fill(lambda n: f'<Plan Id="{key(n)}"><Sak/></Plan>'),
    "xsi:type": lambda: fill(
        lambda n: (
            '<Melding xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Ukjent" '
            f'Id="{key(n)}" StartDato="2024-01-01"/>'
        )
    ),
    # Long messages: libxml2 lists every code that there is, and quotes the value.
    "long wrong codes with unknown attributes": lambda: fill(
        lambda n: f'<Saksinnhold Kode="{"x" * 300}" a="" b=""/>',
        f'<Melding Id="{key(1)}" StartDato="2024-01-01">',
        "</Melding>",
    ),
    "many faults an element": lambda: fill(lambda n: f'<Relasjon Id="{"x" * 120}" FraType="{"y" * 120}" TilType="z"/>'),
    "long names": lambda: case("<Slettet" + "".join(f' {"a" * 120}{n}=""' for n in range(74_000)) + "/>"),
    # Nobody gives up on it before the last stretch.
    "right until the end": lambda: fill(
        lambda n: f'<Slettet Id="{key(n)}" Type="Plan" SluttDato="2024-01-01"/>' if n < 16_000 else "<Slettet/>"
    ),
    "every kind of element, empty": lambda: fill(lambda n: "".join(f"<{name}/>" for name in BEGREP)),
}
