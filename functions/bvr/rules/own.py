"""Rules beyond the published ones: INFO, ids that start with x-, off unless chosen (A25, A26)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from msgspec.structs import replace

from bvr.model.codelists import codelist
from bvr.model.concepts import Barnevern, Sak, Saksinnhold
from bvr.model.types import Concept, fields
from bvr.rules.case import Case
from bvr.rules.examples import document, flytting, koder, melding, sak, tiltak, undersokelse
from bvr.rules.melding import blank
from bvr.rules.options import RuleOptions
from bvr.rules.rule import INFO, Fired, Result, fired, fires, rule, silent

_ON = RuleOptions(own_rules=True)

# (concept, code) whose label demands a clarification that no published rule asks for (A26).
_DEMANDS = {
    ("UndersokelseKonklusjon", "5"),
    ("KravKonklusjon", "9"),
    ("ArsakFra", "1.1.5"),
    ("ArsakFra", "1.2.3"),
    ("ArsakFra", "2.9"),
    ("FlyttingTil", "8"),
}


def _coded(element: Any, holder: Any, parent: Any) -> Iterator[tuple[Any, Any, Any, Any, str]]:
    """(holder with an Id, its owner below Sak, the element with the code, its code list, code) of a case."""
    concept: type[Concept] = type(element)
    for f in fields(concept):
        value = getattr(element, f.name)
        if value is None or value == ():
            continue
        if f.simple is not None and f.simple.codes:
            for code in value if f.many else (value,):
                yield holder, parent, element, f.simple.codes, code
        elif f.concept is not None:
            for child in value if f.many else (value,):
                own = child if hasattr(child, "id") else holder
                yield from _coded(child, own, child if isinstance(element, Sak) else parent)


def _day(element: Any, owner: Any) -> date | None:
    """The day a code is about: that of its own element, else of the element below Sak."""
    for candidate in (element, owner):
        for name in ("slutt_dato", "start_dato", "endret_dato"):
            found: date | None = getattr(candidate, name, None)
            if found is not None:
                return found
    return None


_NOT_DATED = {"Lov", "Begrep", "Kjonn"}
"""Lists with rules of their own, or codes that have no day."""


@rule(
    "x-kode-gyldighet",
    official="Kodens gyldighet",
    severity=INFO,
    since="2013-01-01",
    own=True,
    title_nb="Kode utenfor sin gyldighetstid",
    title_en="A code outside its validity",
    nb="Kode {kode} i listen {liste} er brukt {dato}, utenfor tiden den gjelder.",
    en="Code {kode} of the list {liste} is used on {dato}, outside the time it is valid.",
    remedy_nb="Bruk koden som gjaldt på datoen.",
    remedy_en="Use the code that was valid on the day.",
)
@silent("off by default", document(sak(melding("2026-02-01", saksinnhold=("3",)))))
@silent("the last day", document(sak(melding("2025-12-31", saksinnhold=("3",)))), options=_ON)
@silent("a code of 2026 in 2026", document(sak(melding("2026-01-01", saksinnhold=("1.1.01",)))), options=_ON)
@fires("the day after the last", document(sak(melding("2026-01-01", saksinnhold=("3",)))), options=_ON)
@fires("a code of 2026 in 2025", document(sak(melding("2025-12-31", saksinnhold=("1.1.01",)))), options=_ON)
def kode_utenfor_gyldighet(sak: Sak, case: Case) -> Result:
    """A25: a code used on a day outside its validity."""
    return _outside_validity(sak)


def _outside_validity(sak: Sak) -> Iterator[Fired]:
    for holder, owner, element, name, code in _coded(sak, sak, sak):
        if name in _NOT_DATED:
            continue
        day = _day(element, owner)
        known = codelist(name).get(code)
        if day is not None and known is not None and not known.valid_on(day):
            yield fired(at=holder, owner=owner, kode=code, liste=name, dato=day)


def _measure(*grounds: str | tuple[str, str]) -> Barnevern:
    return document(sak(replace(tiltak(), tiltaksgrunnlag=koder(*grounds, of=Saksinnhold))))


@rule(
    "x-presisering",
    official="Presisering",
    severity=INFO,
    since="2013-01-01",
    own=True,
    title_nb="Kode som krever presisering",
    title_en="A code that demands a clarification",
    nb="Kode {kode} på {element} krever presisering.",
    en="Code {kode} on {element} demands a clarification.",
    remedy_nb="Skriv en presisering.",
    remedy_en="Write a clarification.",
)
@silent("off by default", document(sak(flytting(til="8"))))
@silent(
    "with a clarification",
    document(sak(undersokelse(slutt="2024-04-01", kode="5", presisering="flyttet"))),
    options=_ON,
)
@silent("a code that demands none", document(sak(flytting(til="2"))), options=_ON)
@silent("the grounds of a measure, explained", _measure(("18", "annet")), options=_ON)
@silent("grounds of a measure that demand none", _measure("3"), options=_ON)
@silent("a report is asked by saksinnhold-2", document(sak(melding(saksinnhold=("18",)))), options=_ON)
@fires("the grounds of a measure, unexplained", _measure("18", "3", "19"), times=2, options=_ON)
@fires("moved to another place, unexplained", document(sak(flytting(til="8"))), options=_ON)
@fires("an investigation dropped by code 5", document(sak(undersokelse(slutt="2024-04-01", kode="5"))), options=_ON)
def presisering_mangler(sak: Sak, case: Case) -> Result:
    """A26: the label of the code says that it demands a clarification."""
    return _unexplained(sak)


def _unexplained(sak: Sak) -> Iterator[Fired]:
    for holder, owner, element, _, code in _coded(sak, sak, sak):
        name = type(element).__name__
        on_measure = name == "Saksinnhold" and code in ("18", "19") and type(owner).__name__ == "Tiltak"
        if (on_measure or (name, code) in _DEMANDS) and blank(element.presisering):
            yield fired(at=holder, owner=owner, kode=code, element=name)
