"""Documents that no schema accepts, in the ways that real systems get them wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

_CHANGES: dict[str, tuple[bytes, bytes]] = {
    "unknown code": (rb' Kjonn="\d"', b' Kjonn="3"'),
    "required attribute missing": (rb' Journalnummer="[^"]*"', b""),
    "not a date": (rb'(<Sak [^>]*?StartDato=")\d{4}-\d\d-\d\d', rb"\g<1>2026-02-30"),
    "moment without zone": (rb'(DatoUttrekk="[^"+Z]*?)([+-]\d\d:\d\d|Z)"', rb'\1"'),
    "key is no UUID": (rb'(<Sak Id=")[^"]*', rb"\g<1>12345"),
    "key is a UUID of version 7": (rb'(<Sak Id="[0-9a-f]{8}-[0-9a-f]{4}-)\d', rb"\g<1>7"),
    "number too short": (rb' Fodselsnummer="\d', b' Fodselsnummer="'),
    "unknown attribute": (rb"<Sak ", b'<Sak Opprettet="2026-01-05" '),
    "unknown element": (rb"<Sak ", b"<Kontor/><Sak "),
    "elements in another order": (rb"(<Fagsystem [^>]*/>)(<Avgiver [^>]*/>)", rb"\2\1"),
    "empty text": (rb'<Avgiver ([^>]*)Kommunenavn="[^"]*"', rb'<Avgiver \1Kommunenavn=""'),
    "namespace": (rb"<Barnevern ", b'<Barnevern xmlns="urn:eksempel" '),
    "two with the same key": (rb"(<Personalia [^>]*/>)", rb"\1\1"),
    "end tag missing": (rb"</Sak>", b""),
    "ampersand": (rb'Leverandor="', b'Leverandor="A&B '),
}


def _cut(xml: bytes) -> bytes:
    return xml[: len(xml) * 2 // 3]


KINDS: dict[str, Callable[[bytes], bytes]] = {
    **{
        name: lambda xml, pattern=pattern, new=new: re.sub(pattern, new, xml, count=1)  # type: ignore[misc]
        for name, (pattern, new) in _CHANGES.items()
    },
    "cut off": _cut,
}


def broken(rng: Random, xml: bytes) -> tuple[str, bytes]:
    """(what is wrong, the document with that wrong)."""
    kinds = list(KINDS)
    while True:
        kind = rng.choice(kinds)
        changed = KINDS[kind](xml)
        if changed != xml:
            return kind, changed
