"""Submissions in the order in which they arrive.

Every case is sent whole in the evening of each day it changed. Cases wait in one queue ordered by the time of their
next message, so what is held at any time is the cases that will still send, never what was sent.
"""

from __future__ import annotations

import heapq
from bisect import insort
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from random import Random
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from bvr.model.concepts import Barnevern
from bvr.model.xml import encode
from bvr.simulate.broken import broken
from bvr.simulate.child import Child, Nursery
from bvr.simulate.course import Course
from bvr.simulate.faults import FAULTS, Fault
from bvr.simulate.history import new_id
from bvr.simulate.plans import Place, existing, fresh
from bvr.simulate.population import Kommune, chosen
from bvr.simulate.submission import Kind, Note, Submission

NORWAY = ZoneInfo("Europe/Oslo")
START = date(2026, 1, 5)


class Mix(msgspec.Struct, frozen=True, kw_only=True):
    """How often things happen. Shares of submissions, unless said otherwise."""

    planted: float = 0.065  # a new fault that a rule finds; with faults not yet corrected about 8 %
    corrected: float = 0.85  # of ERROR faults: sent again without it within days
    corrected_remark: float = 0.35  # of WARNING and INFO faults
    invalid: float = 0.01  # no schema accepts it; sent again corrected
    duplicate: float = 0.01  # the same bytes again
    gap: float = 0.02  # of those followed by another: never arrives
    late: float = 0.02  # of those followed by another: arrives after its successor
    new_cases: float = 0.3  # of cases: begin during the simulated days
    moves: float = 0.02  # of cases: the child moves to another municipality
    unborn: float = 0.03  # of new cases
    old_version: float = 0.1  # of municipalities: send an older schema version
    oldest_version: float = 0.03  # of municipalities, among those: send the oldest, 2.2.3


DEFAULT_MIX = Mix()
_FAULTS = list(FAULTS.values())
_WEIGHTS = list(accumulate(f.weight for f in _FAULTS))


class _Case(msgspec.Struct, kw_only=True):
    """A case that will still send something."""

    course: Course
    rng: Random
    days: list[date]  # on which it sends, soonest first
    last_id: str | None = None
    fault: Fault | None = None
    fix_on: date | None = None
    rejected: bool = False  # what was sent last was not valid
    missing: Literal["gap", "late"] | None = None  # gap or late: what was made last has not arrived
    held: Submission | None = None


class _Start(msgspec.Struct, frozen=True):
    index: int
    kommune: Kommune
    day: date
    is_new: bool
    child: Child | None = None


class _Turn(msgspec.Struct, frozen=True):
    case: _Case
    day: date


class _Ready(msgspec.Struct, frozen=True):
    submission: Submission


def simulate(
    kommuner: int, saker: int, dager: int, seed: int, start: date = START, mix: Mix = DEFAULT_MIX
) -> Iterator[Submission]:
    """Submissions of `saker` cases of `kommuner` municipalities over `dager` days, in order of arrival.

    The same arguments give the same bytes. Days before July 2024 can be simulated too, but the notes then name rules
    that were not yet in force.
    """
    return _Simulation(kommuner, saker, dager, seed, start, mix).run()


class _Simulation:
    def __init__(self, kommuner: int, saker: int, dager: int, seed: int, start: date, mix: Mix) -> None:
        if saker < 1 or dager < 1:
            raise ValueError("at least one case and one day")
        self.seed = seed
        self.mix = mix
        self.watched = (start, start + timedelta(days=dager - 1))
        self.nursery = Nursery()
        self.queue: list[tuple[datetime, int, _Start | _Turn | _Ready]] = []
        self.number = 0
        self._plan(chosen(kommuner, seeded(seed, "kommuner")), saker, dager)

    def _plan(self, kommuner: tuple[Kommune, ...], saker: int, dager: int) -> None:
        """Decide where and when each case first sends."""
        rng, (first, last) = seeded(self.seed, "saker"), self.watched
        self.everyone = kommuner
        self.weights = list(accumulate(k.children for k in kommuner))
        self.moves: dict[int, date] = {}  # case -> day the child moves; the next case is where it comes to
        new = set(rng.sample(range(saker), round(saker * self.mix.new_cases)))
        comes = False
        for index in range(saker):
            kommune = self._kommune(rng)
            day = first + timedelta(days=rng.randrange(dager)) if index in new else first
            if comes:
                comes = False
                continue
            left = (last - day).days
            if left > 1 and len(kommuner) > 1 and index + 1 < saker and rng.random() < self.mix.moves:
                self.moves[index] = day + timedelta(days=rng.randrange(1, left + 1))
                comes = True
            self._push(self._evening(kommune, day, rng), _Start(index, kommune, day, index in new))

    def _kommune(self, rng: Random) -> Kommune:
        return rng.choices(self.everyone, cum_weights=self.weights)[0]

    def _push(self, sent: datetime, what: _Start | _Turn | _Ready) -> None:
        self.number += 1
        heapq.heappush(self.queue, (sent, self.number, what))

    def _evening(self, kommune: Kommune, day: date, rng: Random) -> datetime:
        """When the message of a case is sent: within 40 minutes of the municipality's extract."""
        return extracted(kommune, day).astimezone(UTC) + timedelta(milliseconds=rng.randrange(20_000, 2_400_000))

    def run(self) -> Iterator[Submission]:
        while self.queue:
            sent, _, what = heapq.heappop(self.queue)
            if isinstance(what, _Ready):
                yield what.submission
            elif isinstance(what, _Start):
                case = self._begin(what)
                yield from self._send(case, case.days.pop(0), sent)
            else:
                yield from self._send(what.case, what.day, sent)

    def _begin(self, start: _Start) -> _Case:
        """Write the course of a case, and of what it will send."""
        rng = seeded(self.seed, "sak", start.index)
        version = start.kommune.version(self.mix.old_version, self.mix.oldest_version)
        place = Place(kommune=start.kommune, version=version, watched=self.watched)
        if start.is_new:
            course = fresh(rng, self.nursery, place, start.day, unborn=self.mix.unborn, child=start.child)
        else:
            course = existing(rng, self.nursery, place)
        if (day := self.moves.get(start.index)) is not None:
            child = course.child if course.child.age(day) < 16 else None
            if child and (course.sak.slutt_dato is None or course.sak.slutt_dato > day):
                course = course.ended_by_moving(day)
            self._arrive(start, child, day)
        first, last = start.day, self.watched[1]
        return _Case(course=course, rng=rng, days=[first, *(d for d in course.days() if first < d <= last)])

    def _arrive(self, start: _Start, child: Child | None, day: date) -> None:
        """The child of a case comes to another municipality; another child when that one is too old to move."""
        rng = seeded(self.seed, "flytting", start.index)
        while (kommune := self._kommune(rng)).number == start.kommune.number:
            pass
        self._push(self._evening(kommune, day, rng), _Start(start.index + 1, kommune, day, True, child))

    # --- one message -------------------------------------------------------------------------------------------------

    def _send(self, case: _Case, day: date, sent: datetime) -> Iterator[Submission]:
        """What a case sends one evening, and when it sends next."""
        mix, rng, course = self.mix, case.rng, case.course
        kind: Kind = "grown" if case.last_id else "new"
        if case.rejected or (case.fix_on is not None and case.fix_on <= day):
            case.fault, case.fix_on, case.rejected, kind = None, None, False, "corrected"
        document = self._document(case, day)
        planted: tuple[str, ...] = ()
        document, planted = self._faulty(case, document, day)
        more_to_come = bool(case.days)
        draw = rng.random()
        invalid, xml = None, encode(document, course.version)
        if draw < mix.invalid:
            invalid, xml = broken(rng, xml)
        standing = () if document.sak.er_slettet else course.rules(day)
        note = Note(
            kind=kind,
            planted=() if invalid else planted,
            allowed=tuple(sorted({*case.fault.also, *standing})) if case.fault and planted and not invalid else (),
            standing=() if invalid or planted else standing,
            invalid=invalid,
            missing=case.missing,
        )
        made = Submission(
            document=document,
            xml=xml,
            version=course.version,
            melding_id=new_id(rng),
            klient_melding_id=new_id(rng),
            avsender_id=course.kommune.account,
            native=course.kommune.native,
            sent=sent,
            note=note,
        )
        if invalid:
            case.rejected = True
            self._again_on(case, day, rng.randrange(1, 3))
            yield made
        else:
            draw -= mix.invalid
            case.last_id, case.missing = document.id, None
            if more_to_come and draw < mix.gap:
                case.missing = "gap"
            elif more_to_come and case.held is None and mix.gap <= draw < mix.gap + mix.late:
                case.missing, case.held = "late", made
            else:
                yield made
                if mix.gap + mix.late <= draw < mix.gap + mix.late + mix.duplicate:
                    self._repeat(made, rng)
                if case.held is not None and case.held is not made:
                    self._deliver(case, sent)
        if case.days:
            following = case.days.pop(0)
            self._push(self._evening(course.kommune, following, rng), _Turn(case, following))
        elif case.held is not None:
            self._deliver(case, sent)

    def _document(self, case: _Case, day: date) -> Barnevern:
        course = case.course
        return Barnevern(
            id=new_id(case.rng),
            dato_uttrekk=extracted(course.kommune, day),
            forrige_id=case.last_id,
            fagsystem=course.kommune.system,
            avgiver=course.kommune.avgiver(course.bydel),
            sak=course.known(day),
        )

    def _faulty(self, case: _Case, document: Barnevern, day: date) -> tuple[Barnevern, tuple[str, ...]]:
        """The document with the fault it still has, or now and then with a new one; and the rules that find it."""
        mix, rng = self.mix, case.rng
        if document.sak.er_slettet:
            return document, ()
        if case.fault is not None:
            changed = case.fault.plant(document, day)
            if changed is not None:
                return changed, (case.fault.rule,)
            case.fault = None
        if rng.random() >= mix.planted:
            return document, ()
        while (changed := (fault := rng.choices(_FAULTS, cum_weights=_WEIGHTS)[0]).plant(document, day)) is None:
            pass
        case.fault = fault
        if rng.random() < (mix.corrected if fault.severity == "ERROR" else mix.corrected_remark):
            case.fix_on = self._again_on(case, day, rng.choices((1, 2, 3, 5, 8), (40, 25, 15, 12, 8))[0])
        return changed, (fault.rule,)

    def _again_on(self, case: _Case, day: date, after: int) -> date:
        """Send the case again that many days later, also when nothing has changed."""
        again = day + timedelta(days=after)
        if again <= self.watched[1] and again not in case.days:
            insort(case.days, again)
        return again

    def _repeat(self, made: Submission, rng: Random) -> None:
        """The same bytes again: a retry keeps the sender's own id, a duplicate does not."""
        retry = rng.random() < 0.5
        sent = made.sent + timedelta(seconds=rng.randrange(5, 300) if retry else rng.randrange(600, 200_000))
        again = replace(
            made,
            melding_id=new_id(rng),
            klient_melding_id=made.klient_melding_id if retry else new_id(rng),
            sent=sent,
            note=replace(made.note, kind="retry" if retry else "duplicate"),
        )
        self._push(sent, _Ready(again))

    def _deliver(self, case: _Case, after: datetime) -> None:
        """Deliver the message that was held back."""
        held, case.held = case.held, None
        assert held is not None
        sent = after + timedelta(seconds=case.rng.randrange(60, 10_000))
        self._push(sent, _Ready(replace(held, sent=sent, note=replace(held.note, kind="late"))))


def seeded(*what: object) -> Random:
    """A generator of its own for each purpose, so that one more draw here changes nothing there."""
    return Random("/".join(map(str, what)))  # noqa: S311


def extracted(kommune: Kommune, day: date) -> datetime:
    """When a municipality takes its extract, with the offset of the day."""
    hour, minute = divmod(kommune.evening, 60)
    return datetime.fromisoformat(datetime.combine(day, time(hour, minute), NORWAY).isoformat())
