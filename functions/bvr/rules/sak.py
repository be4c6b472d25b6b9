"""Rules on the case (Sak) as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from functools import cache
from typing import Any

from bvr.model.concepts import Sak, Slettet
from bvr.model.types import Concept, Field, Person, fields
from bvr.rules import examples as e
from bvr.rules.case import Case
from bvr.rules.examples import (
    document,
    ettervern,
    flytting,
    krav,
    melding,
    personalia,
    plan,
    relasjon,
    sak,
    slettet,
    tiltak,
    uid,
    undersokelse,
    vedtak,
)
from bvr.rules.options import Channel, RuleOptions
from bvr.rules.rule import ERROR, INFO, WARNING, Fired, Result, fired, fires, rule, silent

KOSTRA = Channel.KOSTRA
WINDOW = 26
"""Calendar years before and after this year in which a date may lie (Sak 1)."""


def _dates(concept: type[Concept]) -> tuple[tuple[Field, ...], tuple[Field, ...]]:
    """(date fields, fields with concepts that hold dates) of a concept."""
    own = tuple(f for f in fields(concept) if f.simple is not None and f.simple.base == "date")
    below = tuple(f for f in fields(concept) if f.concept is not None and _holds_dates(f.concept))
    return own, below


def _holds_dates(concept: type[Concept]) -> bool:
    own, below = _dates(concept)
    return bool(own or below)


# Every date of the model below Sak is one that Sak 1 bounds (A6), so the list follows from the model; a test compares
# it with the list of the requirement.
_PLACES: dict[type[Concept], tuple[tuple[Field, ...], tuple[Field, ...]]] = {}


@cache
def _within(concept: type[Concept]) -> Callable[[Any, date, date], bool]:
    """Whether every date of an element and below lies inside: the whole answer for nearly every case, made fast."""
    own, below = _dates(concept)
    names = [f.name for f in own]
    parts = [(f.name, f.many, _within(f.concept)) for f in below if f.concept is not None]

    def within(element: Any, low: date, high: date) -> bool:
        for name in names:
            value = getattr(element, name)
            if value is not None and not low <= value <= high:
                return False
        for name, many, inside in parts:
            value = getattr(element, name)
            if value:
                if not many:
                    if not inside(value, low, high):
                        return False
                    continue
                for child in value:
                    if not inside(child, low, high):
                        return False
        return True

    return within


def _outside(element: Any, owner: Any, at: Any, low: date, high: date, prefix: str) -> Iterator[Fired]:
    concept = type(element)
    places = _PLACES.get(concept)
    if places is None:
        places = _PLACES[concept] = _dates(concept)
    own, below = places
    for f in own:
        value = getattr(element, f.name)
        if value is not None and not low <= value <= high:
            yield fired(
                at=at,
                owner=owner,
                felt=prefix + f.xml,
                # The year is enough to see what is wrong, and a birth date stands in no finding.
                dato=value if f.doc.person is Person.NONE else f"{value.year:04}",
                forste_aar=low.year,
                siste_aar=high.year,
            )
    for f in below:
        value = getattr(element, f.name)
        if not value:
            continue
        for child in value if f.many else (value,):
            # A finding stands on the nearest element with an Id of its own.
            own_id = hasattr(child, "id")
            holder = child if isinstance(element, Sak) else owner
            yield from _outside(
                child, holder, child if own_id else at, low, high, "" if own_id else f"{prefix}{f.xml}."
            )


def _around(day: str, **about: Any) -> Any:
    return document(sak(melding(day, slutt=day, melder=()), start=day, **about), today="2026-06-15")


@rule(
    "sak-1",
    official="Sak kontroll 1",
    severity=ERROR,
    since="2013-01-01",
    title_nb="Datoen er urimelig",
    title_en="The date is implausible",
    nb="{felt} er {dato}. Datoer i saken må ligge fra {forste_aar} til {siste_aar}.",
    en="{felt} is {dato}. Dates of the case must lie from {forste_aar} to {siste_aar}.",
    remedy_nb="Rett datoen.",
    remedy_en="Correct the date.",
    ssb="CASE_01",
)
@silent("the first day allowed", document(sak(start="2000-01-01"), today="2026-06-15"))
@silent("the last day allowed", document(sak(plan("2052-12-31")), today="2026-06-15"))
@silent("the person number is not a date here", document(sak(personalia())))
@silent("deleted", document(sak(plan("1999-12-31", er_slettet=True)), today="2026-06-15"))
@fires(
    "the day before the first",
    document(sak(start="1999-12-31"), today="2026-06-15"),
    parameters={"felt": "StartDato", "dato": date(1999, 12, 31), "forste_aar": 2000, "siste_aar": 2052},
)
@fires("the day after the last", document(sak(plan("2053-01-01")), today="2026-06-15"))
@fires("a year that no calendar has room for", document(sak(slutt="9999-12-31")))
@fires(
    "a birth date is told by its year only",
    document(sak(personalia(fodt="1999-12-31")), today="2026-06-15"),
    parameters={"felt": "Fodseldato", "dato": "1999", "forste_aar": 2000, "siste_aar": 2052},
)
@fires(
    "the first and the last day beside one outside",
    document(sak(plan("2000-01-01", slutt="2052-12-31"), plan("2053-01-01")), today="2026-06-15"),
    parameters={"felt": "StartDato", "dato": date(2053, 1, 1), "forste_aar": 2000, "siste_aar": 2052},
)
@fires("every date is a finding", _around("1999-12-31"), times=3)
@fires(
    "one of each kind",
    document(
        sak(
            e.tiltak("1999-01-01", slutt="1999-02-01"),
            vedtak("1999-01-01", krav=(krav("1999-01-02", "1999-01-03"),), status=(("1999-01-04", "1"),)),
            ettervern("1999-01-01", slutt="1999-01-02"),
            flytting("1999-01-01"),
            plan("1999-01-01", evaluert=("1999-01-02",)),
            undersokelse("1999-01-01", utvidet="1999-01-02"),
            slettet(slutt="1999-01-01"),
            e.oversendelse("1999-01-01"),
        ),
        today="2026-06-15",
    ),
    times=15,
)
@fires(
    "the extract is taken on New Year's Eve in UTC, in Norway it is another year",
    document(sak(start="1999-06-01"), today="2025-12-31T23:30:00+00:00"),
    parameters={"felt": "StartDato", "dato": date(1999, 6, 1), "forste_aar": 2000, "siste_aar": 2052},
)
@fires("migrated, from the case system", document(sak(start="1950-01-01", migrert_id="17")), severity=ERROR)
@fires("migrated, through KOSTRA", document(sak(start="1950-01-01", migrert_id="17")), severity=WARNING, channel=KOSTRA)
def dato_utenfor_rimelige_aar(sak: Sak, case: Case) -> Result:
    """Rule 1 (A6): a date before 1 January 26 years ago or after 31 December 26 years on; one finding a date."""
    year = case.today.year
    low = date(max(year - WINDOW, 1), 1, 1)
    high = date(min(year + WINDOW, 9999), 12, 31)
    return None if _within(Sak)(sak, low, high) else _outside(sak, sak, sak, low, high, "")


@rule(
    "sak-2a",
    official="Sak Kontroll 2a",
    severity=ERROR,
    since="2013-01-01",
    title_nb="Saken starter etter at den er avsluttet",
    title_en="The case starts after it has ended",
    nb="Saken starter {start}, etter at den sluttet {slutt}.",
    en="The case starts on {start}, after it ended on {slutt}.",
    remedy_nb="Rett sakens startdato eller sluttdato.",
    remedy_en="Correct the start date or the end date of the case.",
    ssb="CASE_02A",
)
@silent("open", document(sak(start="2024-03-01")))
@silent("ends the day it starts", document(sak(start="2024-03-01", slutt="2024-03-01")))
@silent("deleted", document(sak(start="2024-03-02", slutt="2024-03-01", er_slettet=True)))
@fires("ends the day before it starts", document(sak(start="2024-03-02", slutt="2024-03-01")))
@fires(
    "migrated, from the case system",
    document(sak(start="2024-03-02", slutt="2024-03-01", migrert_id="17")),
    severity=ERROR,
)
@fires(
    "migrated, through KOSTRA",
    document(sak(start="2024-03-02", slutt="2024-03-01", migrert_id="17")),
    severity=WARNING,
    channel=KOSTRA,
)
def sak_starter_etter_slutt(sak: Sak, case: Case) -> Result:
    """Rule 2a: the case's start after its end."""
    slutt = sak.slutt_dato
    return fired(start=sak.start_dato, slutt=slutt) if slutt is not None and sak.start_dato > slutt else None


@rule(
    "sak-6",
    official="Sak Kontroll 6",
    severity=ERROR,
    since="2013-01-01",
    until="2023-10-31",
    title_nb="Åpen sak uten melding, plan eller tiltak (utgått, erstattet av sak-21)",
    title_en="An open case without a report, plan or measure (withdrawn, replaced by sak-21)",
    nb="Saken er åpen, men har verken melding, plan eller tiltak.",
    en="The case is open but has no report, no plan and no measure.",
    remedy_nb="Registrer innholdet i saken, eller avslutt den.",
    remedy_en="Register the content of the case, or close it.",
)
@silent("after it was withdrawn", document(sak(), today="2023-11-01"))
@silent("with a report", document(sak(melding()), today="2023-10-31"))
@silent("with a plan", document(sak(plan()), today="2023-10-31"))
@silent("with a measure", document(sak(tiltak()), today="2023-10-31"))
@silent("closed", document(sak(slutt="2023-10-01"), today="2023-10-31"))
@fires("an investigation does not count", document(sak(undersokelse()), today="2023-10-31"))
@fires("its last day in force", document(sak(), today="2023-10-31"))
def apen_sak_uten_melding_plan_eller_tiltak(sak: Sak, case: Case) -> Result:
    """Rule 6, withdrawn 2023-11-01."""
    return fired() if sak.slutt_dato is None and not (sak.melding or sak.plan or sak.tiltak) else None


def _has_open_part(sak: Sak) -> bool:
    """Whether some Melding, Undersokelse, Plan, Tiltak or Ettervern is open (A8)."""
    for parts in (sak.melding, sak.undersokelse, sak.plan, sak.tiltak, sak.ettervern):
        for part in parts:
            if part.konklusjon is None:
                return True
    return False


def _active(sak: Sak) -> bool:
    return sak.slutt_dato is None or _has_open_part(sak)


def _at(today: str, *elements: Concept, fodt: str = "2000-06-15", **about: Any) -> Any:
    """A case of somebody born on a day, looked at on a day."""
    number = {"2000-06-15": "15860099974", "2007-06-15": "15860799739"}[fodt]
    return document(sak(personalia(number, fodt, start="2019-01-01"), *elements, **about), today=today)


@rule(
    "sak-7",
    official="Sak Kontroll 7",
    severity=WARNING,
    since="2013-01-01",
    needs=("born",),
    title_nb="Aktiv sak for noen som har fylt 25 år",
    title_en="An active case of somebody who has turned 25",
    nb="Saken er aktiv, men gjelder en person som er {alder} år.",
    en="The case is active but concerns somebody aged {alder}.",
    remedy_nb="Avslutt saken og det som fortsatt er åpent i den, eller rett fødselsdatoen.",
    remedy_en="Close the case and what is still open in it, or correct the date of birth.",
    ssb="CASE_07",
)
@silent("the day before the 25th birthday", _at("2025-06-14"))
@silent("closed, with nothing open", _at("2025-06-15", melding(slutt="2024-02-02"), slutt="2024-03-01"))
@silent("closed, with an open decision", _at("2025-06-15", vedtak(), slutt="2024-03-01"))
@silent("nobody is registered", document(sak()))
@fires("the 25th birthday, open", _at("2025-06-15"), parameters={"alder": 25})
@fires("closed, with an open plan", _at("2025-06-15", plan(), slutt="2024-03-01"))
@fires("closed, with an open aftercare offer", _at("2025-06-15", ettervern(), slutt="2024-03-01"))
@fires("migrated, through KOSTRA", _at("2025-06-15", migrert_id="17"), severity=WARNING, channel=KOSTRA)
def aktiv_etter_fylte_25(sak: Sak, case: Case) -> Result:
    """Rule 7 (A7, A8): 25 or older, and the case or some part of it is open."""
    alder = case.age(case.today)
    return fired(alder=alder) if alder >= 25 and _active(sak) else None


@rule(
    "sak-8",
    official="Sak Kontroll 8",
    severity=ERROR,
    since="2013-01-01",
    needs=("born",),
    title_nb="Aktiv sak uten tiltak for noen som har fylt 18 år",
    title_en="An active case without measures of somebody who has turned 18",
    nb="Saken er aktiv og har ingen tiltak, men gjelder en person som er {alder} år.",
    en="The case is active and has no measures but concerns somebody aged {alder}.",
    remedy_nb="Registrer tiltaket, eller avslutt saken og det som fortsatt er åpent i den.",
    remedy_en="Register the measure, or close the case and what is still open in it.",
    ssb="CASE_08",
)
@silent("the day before the 18th birthday", _at("2025-06-14", fodt="2007-06-15"))
@silent("with a measure", _at("2025-06-15", tiltak(), fodt="2007-06-15"))
@silent("with an ended measure", _at("2025-06-15", tiltak(slutt="2024-04-01"), fodt="2007-06-15"))
@silent("closed, with nothing open", _at("2025-06-15", fodt="2007-06-15", slutt="2024-03-01"))
@fires("the 18th birthday, open", _at("2025-06-15", fodt="2007-06-15"), parameters={"alder": 18})
@fires("the measure is deleted", _at("2025-06-15", tiltak(er_slettet=True), fodt="2007-06-15"))
@fires("only an open investigation", _at("2025-06-15", undersokelse(), fodt="2007-06-15", slutt="2024-03-01"))
@fires("the Personalia in force decides", _at("2025-06-15", personalia(start="2018-01-01"), fodt="2007-06-15"))
@fires("migrated, from the case system", _at("2025-06-15", fodt="2007-06-15", migrert_id="17"), severity=ERROR)
@fires(
    "migrated, through KOSTRA",
    _at("2025-06-15", fodt="2007-06-15", migrert_id="17"),
    severity=WARNING,
    channel=KOSTRA,
)
def aktiv_uten_tiltak_etter_fylte_18(sak: Sak, case: Case) -> Result:
    """Rule 8 (A7 to A9): 18 or older, no Tiltak, and the case or some part of it is open."""
    alder = case.age(case.today)
    return fired(alder=alder) if alder >= 18 and not sak.tiltak and _active(sak) else None


@rule(
    "sak-21",
    official="Sak Kontroll 21",
    severity=ERROR,
    since="2013-01-01",
    title_nb="Åpen sak uten innhold",
    title_en="An open case without content",
    nb="Saken er åpen, men har verken melding, undersøkelse, vedtak, tiltak, plan, ettervern eller oversendelse.",
    en="The case is open but has no report, investigation, decision, measure, plan, aftercare offer or request.",
    remedy_nb="Registrer innholdet i saken, eller avslutt den.",
    remedy_en="Register the content of the case, or close it.",
    ssb="CASE_21",
)
@silent("closed", document(sak(slutt="2024-03-01")))
@silent("open, with a report", document(sak(melding())))
@silent("open, with an investigation", document(sak(undersokelse())))
@silent("open, with a decision", document(sak(vedtak())))
@silent("open, with a measure", document(sak(tiltak())))
@silent("open, with a plan", document(sak(plan())))
@silent("open, with an aftercare offer", document(sak(ettervern())))
@silent("open, with a request to the board", document(sak(e.oversendelse())))
@silent("deleted", document(sak(er_slettet=True)))
@fires("open and empty", document(sak()))
@fires("open, with personal details and a move only", document(sak(personalia(), flytting())))
@fires("open, the only report is deleted", document(sak(melding(er_slettet=True))))
@fires("migrated, from the case system", document(sak(migrert_id="17")), severity=ERROR)
@fires("migrated, through KOSTRA", document(sak(migrert_id="17")), severity=WARNING, channel=KOSTRA)
def apen_sak_uten_innhold(sak: Sak, case: Case) -> Result:
    """Rule 21 (A10): open, and none of the seven kinds of content."""
    if sak.slutt_dato is not None or sak.melding or sak.undersokelse or sak.vedtak or sak.tiltak or sak.plan:
        return None
    return None if sak.ettervern or sak.oversendelse_fylkesnemnd else fired()


@rule(
    "sak-22",
    official="Sak Kontroll 22",
    severity=WARNING,
    since="2013-01-01",
    needs=("history",),
    title_nb="Sletting av et ukjent element",
    title_en="Deletion of an unknown element",
    nb="Innsendingen sletter et element av type {type} med Id {id}, som ikke er kjent for saken.",
    en="The submission deletes an element of type {type} with Id {id}, which is not known for the case.",
    remedy_nb="Kontroller at Id og type er de samme som da elementet ble sendt inn.",
    remedy_en="Make sure that the Id and the type are those the element was sent with.",
    ssb="",
)
@silent("the history is not at hand", document(sak(slettet())))
@silent(
    "known from an earlier submission",
    document(sak(slettet("Plan", uid("Plan", 9)))),
    known=frozenset({("Plan", uid("Plan", 9))}),
)
@silent(
    "the Id in capitals",
    document(sak(slettet("Plan", uid("Plan", 9).upper()))),
    known=frozenset({("Plan", uid("Plan", 9))}),
)
@silent("still in this message", document(sak(plan(), slettet("Plan", uid("Plan", 1)))), known=frozenset())
@silent(
    "in this message, marked as deleted",
    document(sak(plan(er_slettet=True), slettet("Plan", uid("Plan", 1)))),
    known=frozenset(),
)
@silent(
    "switched off",
    document(sak(slettet())),
    known=frozenset(),
    options=RuleOptions(check_deleted_known=False),
)
@fires("never heard of", document(sak(slettet("Plan", uid("Plan", 9)))), known=frozenset())
@fires(
    "known under another type",
    document(sak(slettet("Plan", uid("Plan", 9)))),
    known=frozenset({("Tiltak", uid("Plan", 9))}),
)
def sletter_ukjent_element(slettet: Slettet, case: Case) -> Result:
    """Rule 22 (A11): neither in this message nor in an earlier accepted submission of the case."""
    key = slettet.id.lower()
    if (slettet.type, key) in (case.known or ()) or (slettet.type, key) in case.sent:
        return None
    return fired(type=slettet.type, id=slettet.id)


@rule(
    "sak-23",
    official="Sak kontroll 23",
    severity=INFO,
    since="2013-01-01",
    title_nb="Avsluttet sak med noe åpent",
    title_en="A closed case with something open",
    nb="Saken sluttet {sak_slutt}, men {element} {id} er ikke avsluttet.",
    en="The case ended on {sak_slutt}, but {element} {id} has not ended.",
    remedy_nb="Avslutt elementet.",
    remedy_en="End the element.",
    ssb="",
)
@silent("open case", document(sak(plan())))
@silent("closed, all ended", document(sak(plan(slutt="2024-03-01"), slutt="2024-03-01")))
@silent(
    "closed, with an open demand in an ended decision",
    document(sak(vedtak(slutt="2024-03-01", krav=(krav("2024-02-25"),)), slutt="2024-03-01")),
)
@silent("closed, the open plan is deleted", document(sak(plan(er_slettet=True), slutt="2024-03-01")))
@fires(
    "closed, with an open plan",
    document(sak(plan(), slutt="2024-03-01")),
    parameters={"sak_slutt": date(2024, 3, 1), "element": "Plan", "id": uid("Plan")},
)
@fires("closed, with an open decision", document(sak(vedtak(), slutt="2024-03-01")))
@fires(
    "one finding for each",
    document(
        sak(
            melding(),
            undersokelse(),
            plan(),
            tiltak(),
            vedtak(),
            ettervern(),
            relasjon("Vedtak", "Tiltak"),
            slutt="2024-03-01",
        )
    ),
    times=6,
)
def apent_i_avsluttet_sak(sak: Sak, case: Case) -> Result:
    """Rule 23 (A8, A12): one finding for each open Melding, Undersokelse, Plan, Tiltak, Vedtak or Ettervern."""
    slutt = sak.slutt_dato
    if slutt is None:
        return None
    return [
        fired(sak_slutt=slutt, element=type(part).__name__, id=part.id)
        for parts in (sak.melding, sak.undersokelse, sak.plan, sak.tiltak, sak.vedtak, sak.ettervern)
        for part in parts
        if part.konklusjon is None
    ]
