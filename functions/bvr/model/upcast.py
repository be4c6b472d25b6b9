"""From older schema versions to the current model, field by field.

What a version has in the same kind as the model is carried over as it stands, under the name it has now; what it does
not have is absent. `concepts.py` and the code lists say which is which (`Shape`, `Was`, `since`, `until`). What is left
is declared here, step by step: forms and codes that the newer version gave up and that the model has no lawful place
for. A document that uses one is refused, with the reason, because anything we put in its place would be made up.

`unanswered` finds what a step leaves open; a test asks that there is nothing. docs/skjemaversjoner.md shows it all.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import pairwise

import msgspec

from bvr.model.codelists import codelist
from bvr.model.concepts import Barnevern
from bvr.model.types import Concept, Field, fields, fields_in, version_key
from bvr.model.versions import SUPPORTED


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """An element or attribute of an older version, or one code of a code list, that cannot be converted lawfully.

    `what` is `Tiltak.oppfolging`, or `Begrep/Status`. The texts tell the sender why.
    """

    what: str
    nb: str
    en: str


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """What a newer version gave up and the model keeps, so that documents of the older ones lose nothing."""

    what: str
    nb: str
    en: str


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """From one supported version to the next."""

    older: str
    newer: str
    answers: tuple[Refused | Carried, ...] = ()


STEPS = (
    Step(
        older="2.2.3",
        newer="3.0.5",
        answers=(
            Refused(
                what="Tiltak.oppfolging",
                nb="Oppfolging er oppgitt på den gamle måten, med besøk og uten krav til hyppighet. Fra 3.0.0 er "
                "Hyppighet påkrevd, og registeret kan ikke sette den for dere.",
                en="Oppfolging is given in its old form, visits without the required frequency. From 3.0.0 Hyppighet "
                "is mandatory, and the register cannot choose it for you.",
            ),
            Refused(
                what="Begrep/Status",
                nb="Status er ikke lenger noe som kan kobles eller meldes slettet: fra 3.0.3 følger en status bare "
                "vedtaket sitt, og registeret har ikke noe sted å sette den.",
                en="Status can no longer be related or reported as deleted: from 3.0.3 a status only goes with its "
                "decision, and the register has no place to put it.",
            ),
        ),
    ),
    Step(older="3.0.5", newer="4.0.1"),
)


def steps_from(version: str) -> tuple[Step, ...]:
    """The steps between a version and the current one."""
    return tuple(s for s in STEPS if version_key(s.older) >= version_key(version))


class Place(msgspec.Struct, frozen=True):
    """Where something that is refused would stand in a document of a version: elements below the root, and which of
    them. Without `attribute` each element is; without `code` each value of the attribute or of the element is."""

    path: str
    attribute: str | None
    code: str | None
    why: Refused


@cache
def refusals(version: str) -> tuple[Place, ...]:
    """Everything that may stand in a valid document of a version and that no model has a place for."""
    refused = {a.what: a for step in steps_from(version) for a in step.answers if isinstance(a, Refused)}
    out = []
    for path, concept, f in _walk(Barnevern, "", version):
        here = path if f.is_attribute else f"{path}/{f.xml}".lstrip("/")
        attribute = f.xml if f.is_attribute else None
        if why := refused.get(f"{concept.__name__}.{f.name}"):
            out.append(Place(here, attribute, None, why))
        if f.simple and f.simple.codes:
            out += [
                Place(here, attribute, code.code, why)
                for code in codelist(f.simple.codes).values()
                if code.in_version(version) and (why := refused.get(f"{f.simple.codes}/{code.code}"))
            ]
    return tuple(out)


def _walk(concept: type[Concept], path: str, version: str) -> Iterator[tuple[str, type[Concept], Field]]:
    for f in fields_in(concept, version):
        yield path, concept, f
        if f.concept:
            yield from _walk(f.concept, f"{path}/{f.xml}".lstrip("/"), version)


# --- what a step has to answer ---------------------------------------------------------------------------------------


def unanswered(step: Step, root: type[Concept] = Barnevern) -> list[str]:
    """What a valid document of the older version may have, the newer one has not, and the step says nothing lawful of;
    and what the step says without need."""
    questions = dict(_given_up(root, step.older, step.newer))
    said = {answer.what: type(answer) for answer in step.answers}
    open_ = [what for what, lawful in questions.items() if said.get(what) not in lawful]
    return open_ + [what for what in said if what not in questions]


def _given_up(root: type[Concept], older: str, newer: str) -> Iterator[tuple[str, tuple[type, ...]]]:
    """(what, the answers that are lawful): what the model holds can be kept or refused, another form only refused.

    What the model requires and an older document may lack has no answer: let the field be None in the model, and ask
    newer senders for it with `at_least=1`.
    """
    now = {(concept, f.name): f for _, concept, f in _walk(root, "", newer)}
    kept = {concept for concept, _ in now}
    for _, concept, f in _walk(root, "", older):
        then = now.get((concept, f.name))
        if concept in kept and (then is None or not _fits(f, then)):
            yield f"{concept.__name__}.{f.name}", (Refused, Carried) if f.fits else (Refused,)
        if f.simple and f.simple.codes:
            for code in codelist(f.simple.codes).values():
                if code.in_version(older) and not code.in_version(newer):
                    yield f"{f.simple.codes}/{code.code}", (Refused, Carried)
    for concept in dict.fromkeys(c for _, c, _ in _walk(root, "", older) if c in kept):
        sure = {f.name for f in fields_in(concept, older) if f.low or f.many}
        yield from ((f"{concept.__name__}.{f.name}", ()) for f in fields(concept) if f.required and f.name not in sure)


def _fits(older: Field, newer: Field) -> bool:
    """Whether every value of the older field is one of the newer."""
    same = (older.concept, older.many) == (newer.concept, newer.many)
    bounds = older.low >= newer.low and (newer.high is None or (older.high is not None and older.high <= newer.high))
    return same and bounds and _simple_fits(older, newer)


def _simple_fits(older: Field, newer: Field) -> bool:
    a, b = older.simple, newer.simple
    if a is None or b is None or a == b:
        return a is b or a == b
    if a.codes or b.codes:
        return a.codes == b.codes  # code by code, above
    low, high = b.min_length, b.max_length
    return (
        a.base == b.base
        and (b.pattern is None or a.pattern == b.pattern)
        and (low is None or (a.min_length or 0) >= low)
        and (high is None or (a.max_length is not None and a.max_length <= high))
    )


def declared_in_order() -> bool:
    """Whether the steps lead from the oldest supported version to the newest, through every one between."""
    ordered = sorted(SUPPORTED, key=version_key)
    return [(s.older, s.newer) for s in STEPS] == list(pairwise(ordered))
