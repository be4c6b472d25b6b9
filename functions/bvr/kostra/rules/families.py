"""The shapes that many rules share, each declared as a row: start after end, end after the client's, closed without an
end, start before the client's, end outside the year, code without its clarification.

A row names its rule and how to build its record; messages and examples follow from the shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

from bvr.kostra.concepts import Individ
from bvr.kostra.rules.examples import individ, melding
from bvr.kostra.rules.options import IMPLEMENTED, TEXT, KostraOptions, Reading
from bvr.kostra.rules.rule import FEIL, Example, Fired, Klient, Result, declare_rule, fired
from bvr.model.types import Concept
from bvr.rules.families import NOUNS, Noun

Build = Callable[..., Concept]
Applies = Callable[[Any, Klient], bool]


def noun_of(concept: type[Concept]) -> Noun:
    return NOUNS[concept.__name__]


def lower(noun: Noun) -> tuple[str, str]:
    """The noun inside a sentence, in both languages."""
    return noun.nb[0].lower() + noun.nb[1:], noun.en[0].lower() + noun.en[1:]


def client(record: Any, **about: Any) -> Individ:
    """A client with one record; an investigation stands in its report."""
    return individ(melding(record) if type(record).__name__ == "Undersokelse" else record, **about)


def start_after_end(id: str, concept: type[Concept], build: Build, *, official: str) -> None:
    """Rules 2a: a record starts after it ends. `build` takes start and slutt."""
    noun = noun_of(concept)

    def check(record: Any, k: Klient) -> Result:
        start, slutt = record.start_dato, record.slutt_dato
        return fired(start=start, slutt=slutt) if slutt is not None and start > slutt else None

    declare_rule(
        id,
        concept,
        check,
        official=official,
        severity=FEIL,
        nb=f"{noun.nb} starter {{start}}, etter sluttdatoen {{slutt}}.",
        en=f"{noun.en} starts on {{start}}, after its end date {{slutt}}.",
        remedy_nb="Rett startdatoen eller sluttdatoen.",
        remedy_en="Correct the start date or the end date.",
        examples=[
            Example("has not ended", (client(build(start="2024-03-02")),), 0),
            Example("ends the day it starts", (client(build(start="2024-03-01", slutt="2024-03-01")),), 0),
            Example("ends the day before it starts", (client(build(start="2024-03-02", slutt="2024-03-01")),), 1),
        ],
    )


def end_after_client(
    id: str,
    concept: type[Concept],
    build: Build,
    *,
    official: str,
    applies: Applies = lambda record, k: True,
    extra: tuple[Example, ...] = (),
) -> None:
    """Rules 2c: a record that `applies` ends after the client. `build` takes slutt."""
    noun = noun_of(concept)

    def check(record: Any, k: Klient) -> Result:
        last, slutt = k.individ.slutt_dato, record.slutt_dato
        if last is None or slutt is None or slutt <= last or not applies(record, k):
            return None
        return fired(slutt=slutt, individ_slutt=last)

    declare_rule(
        id,
        concept,
        check,
        official=official,
        severity=FEIL,
        nb=f"{noun.nb} slutter {{slutt}}, etter at klienten sluttet {{individ_slutt}}.",
        en=f"{noun.en} ends on {{slutt}}, after the client ended on {{individ_slutt}}.",
        remedy_nb=f"Rett {noun.nb_of} sluttdato eller klientens sluttdato.",
        remedy_en=f"Correct the {noun.en_of} end date or the client's end date.",
        examples=[
            Example("the client has not ended", (client(build(slutt="2024-06-02")),), 0),
            Example("ends with the client", (client(build(slutt="2024-06-01"), slutt="2024-06-01"),), 0),
            Example("ends the day after the client", (client(build(slutt="2024-06-02"), slutt="2024-06-01"),), 1),
            *extra,
        ],
    )


def closed_without_end(id: str, concept: type[Concept], build: Build, *, official: str) -> None:
    """Rules 2d: the client was closed at the end of the year, so the record has ended by then. `build` takes slutt."""
    noun = noun_of(concept)
    word_nb, word_en = lower(noun)

    def check(record: Any, k: Klient) -> Result:
        if k.individ.avslutta3112 != "1":
            return None
        slutt, last = record.slutt_dato, k.individ.slutt_dato
        if slutt is not None and last is not None and slutt <= k.dates.telledato:
            return None
        return fired(slutt=slutt, individ_slutt=last, telledato=k.dates.telledato)

    def closed(own: str | None, **about: Any) -> tuple[Individ, ...]:
        return (client(build(slutt=own), **{"avsluttet": True, "slutt": "2024-12-31", **about}),)

    declare_rule(
        id,
        concept,
        check,
        official=official,
        severity=FEIL,
        nb=f"Klienten er avsluttet 31.12, men sluttdatoen er {{slutt}} for {word_nb} og {{individ_slutt}} for "
        "klienten. Begge må være satt, og den første kan ikke være etter {telledato}.",
        en=f"The client is closed at 31.12, but the end date is {{slutt}} for {word_en} and {{individ_slutt}} for the "
        "client. Both must be given, and the first cannot be after {telledato}.",
        remedy_nb=f"Sett {noun.nb_of} og klientens sluttdato, eller rett at klienten er avsluttet.",
        remedy_en=f"Give the {noun.en_of} and the client's end date, or correct that the client is closed.",
        examples=[
            Example("not closed, and not ended", closed(None, avsluttet=False, slutt=None), 0),
            Example("closed, and ended on the count day", closed("2024-12-31"), 0),
            Example(
                "closed, and not ended",
                closed(None),
                1,
                {"slutt": None, "individ_slutt": date(2024, 12, 31), "telledato": date(2024, 12, 31)},
            ),
            Example("closed, and ended the day after the count day", closed("2025-01-01"), 1),
            Example("closed, but the client has no end date", closed("2024-06-01", slutt=None), 1),
        ],
    )


def start_before_client(id: str, concept: type[Concept], build: Build, *, official: str, day: str = "start") -> None:
    """Rules 2e, and 2f of Flytting: a record is dated before the client starts. `day` is `build`'s name of its date."""
    noun = noun_of(concept)
    field = f"{day}_dato"

    def check(record: Any, k: Klient) -> Result:
        first, at = k.individ.start_dato, getattr(record, field)
        return fired(**{day: at, "individ_start": first}) if at < first else None

    declare_rule(
        id,
        concept,
        check,
        official=official,
        severity=FEIL,
        nb=f"{noun.nb} er datert {{{day}}}, før klienten startet {{individ_start}}.",
        en=f"{noun.en} is dated {{{day}}}, before the client started on {{individ_start}}.",
        remedy_nb=f"Rett {noun.nb_of} dato eller klientens startdato.",
        remedy_en=f"Correct the {noun.en_of} date or the client's start date.",
        examples=[
            Example("the day the client starts", (client(build(**{day: "2024-03-01"}), start="2024-03-01"),), 0),
            Example("the day after the client starts", (client(build(**{day: "2024-03-02"}), start="2024-03-01"),), 0),
            Example("the day before the client starts", (client(build(**{day: "2024-02-29"}), start="2024-03-01"),), 1),
        ],
    )


def end_outside_year(id: str, concept: type[Concept], build: Build, *, official: str) -> None:
    """Rules 2b: a record ended in another year than the one reported on. `build` takes start and slutt."""
    noun = noun_of(concept)

    def check(record: Any, k: Klient) -> Result:
        slutt = record.slutt_dato
        return fired(slutt=slutt, aar=k.year) if slutt is not None and slutt.year != k.year else None

    def ended(slutt: str | None) -> tuple[Individ, ...]:
        return (client(build(start="2023-06-01", slutt=slutt)),)

    declare_rule(
        id,
        concept,
        check,
        official=official,
        severity=FEIL,
        nb=f"{noun.nb} har sluttdato {{slutt}}, som ikke er i rapporteringsåret {{aar}}.",
        en=f"{noun.en} has end date {{slutt}}, which is not in the reporting year {{aar}}.",
        remedy_nb="Rett sluttdatoen, eller ta ut det som ble avsluttet et annet år.",
        remedy_en="Correct the end date, or leave out what ended in another year.",
        examples=[
            Example("has not ended", ended(None), 0),
            Example("ends on the first day of the year", ended("2024-01-01"), 0),
            Example("ends on the last day of the year", ended("2024-12-31"), 0),
            Example("ends on the last day of the year before", ended("2023-12-31"), 1),
            Example("ends on the first day of the next year", ended("2025-01-01"), 1),
        ],
    )


def code_without_text(
    id: str,
    concept: type[Concept],
    build: Callable[[str, str | None], Individ],
    *,
    official: str,
    codes: tuple[str, ...],
    ordinary: str,
    of: Callable[[Any], Iterator[tuple[str | None, str | None]]],
    nb: str,
    en: str,
    switch: str | None = None,
) -> None:
    """Rules of code and clarification: `of` gives the (code, clarification) pairs of a record, `build` a client of one
    such pair; `ordinary` is a code that needs none. By the text a switched rule fires whatever the clarification."""

    def check(record: Any, k: Klient) -> Result:
        found: list[Fired] | None = None
        for kode, presisering in of(record):
            if kode in codes and (k.missing(presisering) or (switch and getattr(k.options, switch) is TEXT)):
                found = [*(found or ()), fired(kode=kode)]
        return found

    def one(kode: str, presisering: str | None = None) -> tuple[Individ, ...]:
        return (build(kode, presisering),)

    examples = [Example(f"code {ordinary} without a clarification", one(ordinary), 0)]
    for kode in codes:
        examples += [
            Example(f"code {kode} with a clarification", one(kode, "Tekst"), 0),
            Example(f"code {kode} without a clarification", one(kode), 1, {"kode": kode}),
        ]
    first = codes[0]
    examples += [
        Example("a clarification of only blanks", one(first, "  "), 1),
        Example("only blanks, where that is text", one(first, "  "), 0, options=KostraOptions(blank_is_missing=False)),
    ]
    if switch:

        def following(reading: Reading) -> KostraOptions:
            return KostraOptions(**{switch: reading})  # type: ignore[arg-type]

        examples += [
            Example("a clarification, as text", one(first, "Tekst"), 1, options=following(TEXT)),
            Example("another code, as text", one(ordinary), 0, options=following(TEXT)),
            Example("a clarification, as implemented", one(first, "Tekst"), 0, options=following(IMPLEMENTED)),
            Example("no clarification, as implemented", one(first), 1, options=following(IMPLEMENTED)),
        ]
    declare_rule(
        id,
        concept,
        check,
        official=official,
        severity=FEIL,
        nb=nb,
        en=en,
        remedy_nb="Skriv en presisering, eller velg en annen kode.",
        remedy_en="Write a clarification, or choose another code.",
        examples=examples,
    )
