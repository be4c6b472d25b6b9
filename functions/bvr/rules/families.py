"""The shapes that many rules share, each declared as a row: start after end, end after the case's, start before the
case's, start after the case's end, duplicate content.

A row names its rule and how to build its element; messages and examples follow from the shape.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

from bvr.findings import Severity
from bvr.model.concepts import Sak
from bvr.model.types import Concept, fields
from bvr.rules.case import Case
from bvr.rules.examples import document, sak
from bvr.rules.options import Channel
from bvr.rules.rule import ERROR, WARNING, Example, Fired, Result, declare_rule, fired

Build = Callable[..., Concept]
Day = Callable[[Any], date | None]


class Noun:
    """What an element is called in a sentence: (the X, the X's) in both languages."""

    def __init__(self, nb: str, nb_of: str, en: str, en_of: str) -> None:
        self.nb, self.nb_of, self.en, self.en_of = nb, nb_of, en, en_of


NOUNS = {
    "Personalia": Noun("Personalia", "personalias", "The entry of personal details", "entry's"),
    "Melding": Noun("Meldingen", "meldingens", "The report", "report's"),
    "Undersokelse": Noun("Undersøkelsen", "undersøkelsens", "The investigation", "investigation's"),
    "Vedtak": Noun("Vedtaket", "vedtakets", "The decision", "decision's"),
    "Tiltak": Noun("Tiltaket", "tiltakets", "The measure", "measure's"),
    "Plan": Noun("Planen", "planens", "The plan", "plan's"),
    "Ettervern": Noun("Ettervernet", "ettervernets", "The aftercare offer", "aftercare offer's"),
    "OversendelseFylkesnemnd": Noun("Oversendelsen", "oversendelsens", "The request", "request's"),
    "Flytting": Noun("Flyttingen", "flyttingens", "The move", "move's"),
}


def end(element: Any) -> date | None:
    """end(X): the SluttDato of its Konklusjon."""
    return element.konklusjon.slutt_dato if element.konklusjon is not None else None


def start(element: Any) -> date | None:
    found: date = element.start_dato
    return found


def _examples(
    good: list[tuple[str, Any]], bad: Callable[..., Any], words: str, if_migrated: Severity | None, carries_id: bool
) -> list[Example]:
    """The examples of a date shape: each side of the boundary, deleted, and both softenings. `bad` builds the faulty
    document; it takes migrert_id and er_slettet for the element where it carries a MigrertId, else for the case."""
    found = [Example(text, doc, 0) for text, doc in good]
    found += [
        Example(words, bad(), 1),
        Example("marked as deleted", bad(er_slettet=True), 0),
        Example("migrated, from the case system", bad(migrert_id="17"), 1, severity=if_migrated or ERROR),
        Example("migrated, through KOSTRA", bad(migrert_id="17"), 1, severity=WARNING, channel=Channel.KOSTRA),
        Example("not migrated, through KOSTRA", bad(), 1, severity=ERROR, channel=Channel.KOSTRA),
    ]
    if carries_id:
        found.append(Example("only the case is migrated, not the element", bad(sak_migrert_id="17"), 1, severity=ERROR))
    return found


def _faulty(build: Build, element: dict[str, Any], case: dict[str, Any], carries_id: bool) -> Callable[..., Any]:
    def make(migrert_id: str | None = None, er_slettet: bool | None = None, sak_migrert_id: str | None = None) -> Any:
        own: dict[str, Any] = {"er_slettet": er_slettet}
        if carries_id:
            own["migrert_id"] = migrert_id
        else:
            sak_migrert_id = migrert_id
        return document(sak(build(**element, **own), migrert_id=sak_migrert_id, **case))

    return make


def start_after_end(
    id: str, concept: type[Concept], build: Build, *, official: str, since: str, ssb: str, first: Day = start
) -> None:
    """Rules 2a: the element's own start after its own end. `build` takes start and slutt."""
    noun = NOUNS[concept.__name__]

    def check(element: Any, case: Case) -> Result:
        slutt = end(element)
        if slutt is None:
            return None
        begun = first(element)
        return fired(start=begun, slutt=slutt) if begun is not None and begun > slutt else None

    declare_rule(
        id,
        concept,
        check,
        official=official,
        severity=ERROR,
        since=since,
        ssb=ssb,
        title_nb=f"{noun.nb} starter etter at {_det(noun)} er avsluttet",
        title_en=f"{noun.en} starts after it has ended",
        nb=f"{noun.nb} starter {{start}}, etter at {_det(noun)} sluttet {{slutt}}.",
        en=f"{noun.en} starts on {{start}}, after it ended on {{slutt}}.",
        remedy_nb="Rett startdatoen eller sluttdatoen.",
        remedy_en="Correct the start date or the end date.",
        examples=_examples(
            [
                ("has not ended", document(sak(build(start="2024-03-01")))),
                ("ends the day it starts", document(sak(build(start="2024-03-01", slutt="2024-03-01")))),
            ],
            _faulty(build, {"start": "2024-03-02", "slutt": "2024-03-01"}, {}, True),
            "ends the day before it starts",
            None,
            True,
        ),
    )


def end_after_case(
    id: str,
    concept: type[Concept],
    build: Build,
    *,
    official: str,
    since: str,
    ssb: str,
    if_migrated: Severity | None = None,
    last: Day = end,
) -> None:
    """Rules 2c: the element ends after the case. `build` takes slutt."""
    noun = NOUNS[concept.__name__]

    def check(element: Any, case: Case) -> Result:
        sak_slutt = case.sak.slutt_dato
        if sak_slutt is None:
            return None
        slutt = last(element)
        return fired(slutt=slutt, sak_slutt=sak_slutt) if slutt is not None and slutt > sak_slutt else None

    declare_rule(
        id,
        concept,
        check,
        official=official,
        severity=ERROR,
        if_migrated=if_migrated,
        since=since,
        ssb=ssb,
        title_nb=f"{noun.nb} slutter etter saken",
        title_en=f"{noun.en} ends after the case",
        nb=f"{noun.nb} har sluttdato {{slutt}}, etter at saken sluttet {{sak_slutt}}.",
        en=f"{noun.en} has end date {{slutt}}, after the case ended on {{sak_slutt}}.",
        remedy_nb=f"Rett {noun.nb_of} sluttdato eller sakens sluttdato.",
        remedy_en=f"Correct the {noun.en_of} end date or the case's end date.",
        examples=_examples(
            [
                ("the case is open", document(sak(build(slutt="2024-06-02")))),
                ("ends with the case", document(sak(build(slutt="2024-06-01"), slutt="2024-06-01"))),
            ],
            _faulty(build, {"slutt": "2024-06-02"}, {"slutt": "2024-06-01"}, True),
            "ends the day after the case",
            if_migrated,
            True,
        ),
    )


def start_before_case(
    id: str,
    concept: type[Concept],
    build: Build,
    *,
    official: str,
    since: str,
    ssb: str,
    if_migrated: Severity | None = None,
    first: Day = start,
    day: str = "start",
) -> None:
    """Rules 2e and flytting-2f: the element lies before the case. `day` is the builder's name for `first`."""
    noun = NOUNS[concept.__name__]

    def check(element: Any, case: Case) -> Result:
        begun = first(element)
        sak_start = case.sak.start_dato
        return fired(dato=begun, sak_start=sak_start) if begun is not None and begun < sak_start else None

    declare_rule(
        id,
        concept,
        check,
        official=official,
        severity=ERROR,
        if_migrated=if_migrated,
        since=since,
        ssb=ssb,
        title_nb=f"{noun.nb} er datert før saken starter",
        title_en=f"{noun.en} is dated before the case starts",
        nb=f"{noun.nb} er datert {{dato}}, før saken startet {{sak_start}}.",
        en=f"{noun.en} is dated {{dato}}, before the case started on {{sak_start}}.",
        remedy_nb=f"Rett {noun.nb_of} dato eller sakens startdato.",
        remedy_en=f"Correct the {noun.en_of} date or the case's start date.",
        examples=_examples(
            [
                ("the day the case starts", document(sak(build(**{day: "2024-03-01"}), start="2024-03-01"))),
                ("the day after the case starts", document(sak(build(**{day: "2024-03-02"}), start="2024-03-01"))),
            ],
            _faulty(build, {day: "2024-02-29"}, {"start": "2024-03-01"}, True),
            "the day before the case starts",
            if_migrated,
            True,
        ),
    )


def start_after_case(
    id: str,
    concept: type[Concept],
    build: Build,
    *,
    official: str,
    since: str,
    ssb: str,
    carries_id: bool = True,
) -> None:
    """Rules 2f of Personalia and of requests to the board: the element starts after the case has ended."""
    noun = NOUNS[concept.__name__]

    def check(element: Any, case: Case) -> Result:
        sak_slutt = case.sak.slutt_dato
        begun = element.start_dato
        return fired(start=begun, sak_slutt=sak_slutt) if sak_slutt is not None and begun > sak_slutt else None

    declare_rule(
        id,
        concept,
        check,
        official=official,
        severity=ERROR,
        since=since,
        ssb=ssb,
        title_nb=f"{noun.nb} starter etter at saken er avsluttet",
        title_en=f"{noun.en} starts after the case has ended",
        nb=f"{noun.nb} har startdato {{start}}, etter at saken sluttet {{sak_slutt}}.",
        en=f"{noun.en} has start date {{start}}, after the case ended on {{sak_slutt}}.",
        remedy_nb=f"Rett {noun.nb_of} startdato eller sakens sluttdato.",
        remedy_en=f"Correct the {noun.en_of} start date or the case's end date.",
        examples=_examples(
            [
                ("the case is open", document(sak(build(start="2024-06-02")))),
                ("starts the day the case ends", document(sak(build(start="2024-06-01"), slutt="2024-06-01"))),
            ],
            _faulty(build, {"start": "2024-06-02"}, {"slutt": "2024-06-01"}, carries_id),
            "starts the day after the case ends",
            None,
            carries_id,
        ),
    )


def duplicate_content(
    id: str,
    concept: type[Concept],
    place: str,
    build: Build,
    *,
    official: str,
    severity: Severity,
    since: str,
    ssb: str,
    counts: Callable[[Any], bool] = lambda element: True,
    extra: tuple[Example, ...] = (),
) -> None:
    """Rules 19 (A35): elements of one type with the same content and another Id, each member of a group reported.

    `place` is the field of Sak that holds them; `build` takes start, id and migrert_id and gives an element that
    `counts`.
    """
    noun = NOUNS[concept.__name__]

    def check(sak: Any, case: Case) -> Result:
        elements = getattr(sak, place)
        if len(elements) < 2 or len({element.start_dato for element in elements}) == len(elements):
            return None  # what starts on days of its own has no double
        return _duplicates(elements, counts)

    one = {"start": "2024-03-01"}
    softened = WARNING if severity is ERROR else severity
    declare_rule(
        id,
        Sak,
        check,
        official=official,
        severity=severity,
        since=since,
        ssb=ssb,
        title_nb=f"{noun.nb} er registrert flere ganger",
        title_en=f"{noun.en} is registered more than once",
        nb=f"{noun.nb} har samme innhold som {{antall}} andre i saken ({{andre}}).",
        en=f"{noun.en} has the same content as {{antall}} others of the case ({{andre}}).",
        remedy_nb="Slett den som er registrert ved en feil, eller rett innholdet.",
        remedy_en="Delete the one registered by mistake, or correct its content.",
        examples=[
            Example("one alone", document(sak(build(**one))), 0),
            Example("two that differ by a day", document(sak(build(**one), build(start="2024-03-02"))), 0),
            Example("one migrated, the other not", document(sak(build(**one), build(**one, migrert_id="17"))), 0),
            Example("one of two is deleted", document(sak(build(**one), build(**one, er_slettet=True))), 0),
            Example("two alike", document(sak(build(**one), build(**one))), 2, severity=severity),
            Example("three alike", document(sak(build(**one), build(**one), build(**one))), 3),
            Example(
                "two alike, migrated, from the case system",
                document(sak(build(**one, migrert_id="17"), build(**one, migrert_id="17"))),
                2,
                severity=severity,
            ),
            Example(
                "two alike, migrated, through KOSTRA",
                document(sak(build(**one, migrert_id="17"), build(**one, migrert_id="17"))),
                2,
                severity=softened,
                channel=Channel.KOSTRA,
            ),
            *extra,
        ],
    )


_LISTED = 20


def _duplicates(elements: tuple[Any, ...], counts: Callable[[Any], bool]) -> Iterator[Fired]:
    by_day: dict[Any, list[Any]] = defaultdict(list)
    for element in elements:
        if counts(element):
            by_day[element.start_dato].append(element)
    for same_day in by_day.values():
        if len(same_day) < 2:
            continue
        groups: dict[Any, list[Any]] = defaultdict(list)
        for element in same_day:
            groups[content(element)].append(element)
        for group in groups.values():
            if len(group) < 2:
                continue
            first = [member.id for member in group[: _LISTED + 1]]
            for member in group:
                others = [other for other in first if other != member.id][:_LISTED]
                more = " …" if len(group) - 1 > len(others) else ""
                yield fired(at=member, owner=member, antall=len(group) - 1, andre=", ".join(others) + more)


def content(element: Any) -> Any:
    """Everything on and below an element but its Ids, repeated children in any order, text trimmed (A35)."""
    found = []
    concept: type[Concept] = type(element)
    for f in fields(concept):
        if f.name == "id":
            continue
        value = getattr(element, f.name)
        if f.many:
            value = tuple(sorted((_one(f.concept, v) for v in value), key=repr))
        elif f.name == "er_slettet":
            value = bool(value)
        else:
            value = _one(f.concept, value)
        found.append(value)
    return tuple(found)


def _one(concept: type[Concept] | None, value: Any) -> Any:
    if value is None:
        return None
    if concept is not None:
        return content(value)
    return value.strip() if isinstance(value, str) else value


def _det(noun: Noun) -> str:
    """The pronoun: neuter nouns end in -et."""
    return "det" if noun.nb.endswith("et") else "den"
