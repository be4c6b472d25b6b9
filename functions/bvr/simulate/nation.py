"""A synthetic nation: the register on 31 December of a year, in the size and the mix of the published figures.

    for case in nation(2024, 0.05, seed=7):
        case.document

Each year is a register of its own. The figures that are counted by children are met by aim: so many cases are made that
are open, ended, placed or under care as they should be. Reports and investigations are met by flow: cases begin evenly
over three years at a rate that follows from what one case brings. Cases are made one at a time and forgotten.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from functools import cache
from itertools import accumulate
from math import sqrt
from random import Random

import msgspec
from msgspec.structs import replace

from bvr.model.concepts import Barnevern
from bvr.model.identifiers import UNBORN, make_duf, make_fodselsnummer
from bvr.model.versions import CURRENT
from bvr.rules.rule import RULES
from bvr.simulate.arrivals import extracted, seeded
from bvr.simulate.child import Child, Nursery
from bvr.simulate.course import Course
from bvr.simulate.faults import FAULTS
from bvr.simulate.history import Brief, Kind, new_id, write
from bvr.simulate.population import Kommune, kommuner
from bvr.simulate.published import REPORTS_2020, Targets, targets
from bvr.simulate.services import service_of

ERRORS = 0.005
"""Cases that an ERROR keeps out of the figures, for each that is in them."""

_FIRST_DAY = date(2010, 1, 1)
_TRIES = 400
_YEARS = 3  # that cases without measures are kept
_PRELUDE = 72  # days from a report until measures begin, on average
_BOARD = 90  # and further until a care order
_AGAIN = 1 / (1 - 0.15)  # dismissed reports of a case that is dismissed
_ROUNDS = 0.45  # investigated cases that were reported before, and it came to nothing
_ROUND_INVESTIGATED, _ROUND_DISMISSED = 0.6, 0.4
_EXPOSED = 0.145  # years of an investigation in which a further report can come and be concluded
_DECIDED = 0.385  # investigations that lead to measures
_MOVES = 0.02  # of children with measures, a year
_UNBORN = 0.0006
_BASE = date(1980, 1, 1).toordinal()

# (from age, to age, share) on 31 December.
_REPORTED = ((0, 3, 145), (3, 6, 150), (6, 13, 400), (13, 18, 287), (18, 18.9, 66))
_HELPED = ((0, 3, 90), (3, 6, 140), (6, 13, 400), (13, 18, 290))
_PLACED = ((0, 3, 4), (3, 6, 8), (6, 13, 33), (13, 17.9, 40))
_YOUTH = ((13, 17.9, 1),)


class NationalCase(msgspec.Struct, frozen=True, kw_only=True):
    """A case as it was sent on 31 December. `fault` is the rule that keeps it out of the figures, if one does."""

    document: Barnevern
    kommune: Kommune
    standing: tuple[str, ...] = ()
    fault: str | None = None


class Census(Nursery):
    """Numbers in order for each birth date: what it remembers does not grow with the children."""

    def __init__(self) -> None:
        super().__init__()
        self._next = array("H", bytes(2 * 4 * 366 * 60))
        self._duf = 0

    def number(self, rng: Random, born: date, male: bool, *, dnr: bool = False) -> str:
        day = born.toordinal() - _BASE
        place = 4 * day + 2 * male + dnr
        while (used := self._next[place]) < 250:
            self._next[place] += 1
            number = make_fodselsnummer(born, male, 500 + 2 * ((31 * day + 101 * used) % 250) + male, dnr=dnr)
            if number is not None and number[6:] != UNBORN:
                return number
        raise ValueError(f"no numbers are left for {born}")

    def child(self, rng: Random, born: date) -> Child:
        child = super().child(rng, born)
        if child.duf is None:
            return child
        self._duf += 1
        return replace(child, duf=make_duf(2999, self._duf))


# --- what a case is in the year --------------------------------------------------------------------------------------


class _State(msgspec.Struct, frozen=True):
    """A course seen from a year: its measures during it and on its last day."""

    first: date | None  # the first day of measures
    active: bool
    open: bool
    placed: bool
    care: bool  # during the year
    care_open: bool


def _state(course: Course, since: date, day: date) -> _State:
    first, active, opened, placed, care, care_open = None, False, False, False, False, False
    for t in course.sak.tiltak:
        end = t.konklusjon.slutt_dato if t.konklusjon else date.max
        first = t.start_dato if first is None else min(first, t.start_dato)
        if t.start_dato > day or end < since:
            continue
        active = True
        law = t.lovhjemmel
        ordered = law is not None and (law.lov, law.kapittel, law.paragraf) in (
            ("BVL", "4", "12"),
            ("BVL2021", "5", "1"),
        )
        care |= ordered
        if end > day:
            opened = True
            care_open |= ordered
            placed |= t.kategori is not None and (t.kategori.kode[0] in "12" or t.kategori.kode == "8.2")
    return _State(first, active, opened, placed, care, care_open)


# --- how many cases of each kind -------------------------------------------------------------------------------------


def flows(t: Targets) -> dict[str, float]:
    """How many cases there are of each kind (what each is: `_KINDS`), so that the figures come out as aimed at.

    The shares written here are not published; they are ours, chosen so that ages and kinds of placement come out right.
    """
    helped_placed = t.plassert - t.omsorg_dato
    care_left = t.omsorg_aar - t.omsorg_dato
    begun = t.tiltak_aar - t.tiltak_before
    ended = t.tiltak_aar - t.tiltak_dato
    n: dict[str, float] = {
        "omsorg_ny": t.omsorg_aar - t.omsorg_before,
        "fra_omsorg_plassert": 0.46 * care_left,
        "fra_omsorg_hjulpet": 0.14 * care_left,
        "fra_omsorg_ut": 0.40 * care_left,
        "ettervern": 0.36 * helped_placed,
        "atferd": 0.03 * helped_placed,
        "frivillig_ny": 0.18 * helped_placed,
        "flyttet": _MOVES * t.tiltak_aar,
        "hjelp_kort": 0.155 * begun,
    }
    n["omsorg"] = t.omsorg_dato - n["omsorg_ny"]
    n["frivillig"] = helped_placed - sum(n[k] for k in ("fra_omsorg_plassert", "ettervern", "atferd", "frivillig_ny"))
    n["hjelp_ny"] = begun - sum(n[k] for k in ("omsorg_ny", "frivillig_ny", "atferd", "flyttet", "hjelp_kort"))
    helped = t.tiltak_dato - t.omsorg_dato - helped_placed - n["fra_omsorg_hjulpet"]
    again = max(0.0, _DECIDED * t.us_startet - begun)
    helped_long = helped - n["hjelp_ny"] - n["flyttet"]
    # A renewal is reported in the year, or so late the year before that it is investigated in this one.
    n["hjelp_fornyet"] = min(again * (366 + _PRELUDE) / 366, 0.45 * helped_long)
    n["hjelp"] = helped_long - n["hjelp_fornyet"]
    again = n["hjelp_fornyet"] * 366 / (366 + _PRELUDE)
    left = ended - n["fra_omsorg_ut"] - n["hjelp_kort"] - n["flyttet"]
    n |= {"hjelp_slutt": 0.90 * left, "frivillig_slutt": 0.05 * left, "ettervern_slutt": 0.05 * left}
    n["hjelp_for"] = 2 * n["hjelp_slutt"]  # ended in the two years before
    n["venter"] = (begun - n["flyttet"]) * _PRELUDE / 366
    undersokt = (t.us_startet - begun - again) / (1 + _ROUNDS * _ROUND_INVESTIGATED)
    henlagt = t.henlagt / _AGAIN - undersokt * _ROUNDS * _ROUND_DISMISSED
    n |= {"undersokt": _YEARS * undersokt, "henlagt": _YEARS * henlagt}
    return n


def reports_a_year(t: Targets) -> tuple[float, float]:
    """Further reports a year in an investigation, and during measures."""
    meanwhile, during = (t.meldinger * REPORTS_2020[code] / REPORTS_2020["1-2"] for code in ("3", "4"))
    return during / (t.us_startet * _EXPOSED), 2 * meanwhile / (t.tiltak_before + t.tiltak_dato)


def size(year: int, share: float) -> int:
    """About how many cases a nation has."""
    return round(sum(flows(targets(year)).values()) * share * (1 + ERRORS))


# --- the cases -------------------------------------------------------------------------------------------------------


def nation(year: int, share: float = 1.0, seed: int = 1) -> Iterator[NationalCase]:
    """The cases of the register on 31 December of a year, municipality by municipality.

    `share` is how much of the nation. The same arguments give the same cases. Raises ValueError for a year without
    published figures and a share outside (0, 1].
    """
    if not 0 < share <= 1:
        raise ValueError(f"the share is above 0 and at most 1, not {share}")
    wanted = {kind: round(count * share) for kind, count in flows(targets(year)).items()}
    writer = _Writer(year, seed)
    everyone = kommuner()
    weights = list(accumulate(k.children for k in everyone))
    counts: list[Counter[str]] = [Counter() for _ in everyone]
    rng = seeded(seed, "nasjon", year)
    for kind, count in wanted.items():
        for index, n in Counter(rng.choices(range(len(everyone)), cum_weights=weights, k=count)).items():
            counts[index][kind] = n
    for kommune, own in zip(everyone, counts, strict=True):
        for kind in wanted:
            for number in range(own[kind]):
                yield from writer.cases(kind, kommune, seeded(seed, year, kommune.number, kind, number))


class _Writer:
    """Writes cases of a kind: proposes courses until one is what that kind is on the last day of the year."""

    def __init__(self, year: int, seed: int) -> None:
        self.since, self.day = date(year, 1, 1), date(year, 12, 31)
        self.watched = (self.day, self.day)
        self.oldest = 24 if year >= 2021 else 22
        self.during, self.meanwhile = reports_a_year(targets(year))
        self.census = Census()
        self.extract = cache(lambda number: extracted(service_of()[number].host, self.day))
        self.sender = cache(self._sender)
        self.everyone = kommuner()
        self.weights = list(accumulate(k.children for k in self.everyone))
        self.faults = [f for f in FAULTS.values() if f.severity == "ERROR" and RULES[f.rule].since <= self.day]

    def _sender(self, number: str) -> Kommune:
        """The municipality with the case system of its service."""
        kommune = next(k for k in self.everyone if k.number == number)
        host = service_of()[number].host
        migrated = host.migrated if host.migrated and host.migrated <= self.day else None
        return replace(kommune, system=host.system, migrated=migrated)

    def cases(self, kind: str, kommune: Kommune, rng: Random) -> Iterator[NationalCase]:
        """A case of a kind; before it those that belong to no figure: deleted, or with an error."""
        sender = self.sender(kommune.number)
        while True:
            courses = self._moved(sender, rng) if kind == "flyttet" else (self._written(kind, sender, rng),)
            made = [self._case(course, rng) for course in courses]
            if any(case.document.sak.er_slettet for case in made):
                yield from made
            elif len(made) == 1 and sender.migrated is None and rng.random() < ERRORS:
                yield self._faulty(made[0], rng)
            else:
                yield from made
                return

    def _case(self, course: Course, rng: Random) -> NationalCase:
        kommune, deleted = course.kommune, course.deleted is not None and course.deleted <= self.day
        return NationalCase(
            document=Barnevern(
                id=new_id(rng),
                dato_uttrekk=self._extracted(kommune.number),
                fagsystem=kommune.system,
                avgiver=kommune.avgiver(course.bydel),
                sak=course.known(self.day),
            ),
            kommune=kommune,
            standing=tuple(r for r in course.rules(self.day) if RULES[r].since <= self.day) if not deleted else (),
        )

    def _extracted(self, number: str) -> datetime:
        moment: datetime = self.extract(number)
        return moment

    def _faulty(self, case: NationalCase, rng: Random) -> NationalCase:
        """The case with a fault that a rule finds."""
        for fault in rng.sample(self.faults, len(self.faults)):
            if (changed := fault.plant(case.document, self.day)) is not None:
                return replace(case, document=changed, fault=fault.rule)
        return case

    def _written(self, kind: str, kommune: Kommune, rng: Random) -> Course:
        propose, fits = _KINDS[kind]
        for _ in range(_TRIES):
            drawn = propose(self, rng)
            if drawn is None or drawn.start < max(drawn.born, _FIRST_DAY):
                continue
            course = write(rng, self._brief(drawn, kommune, rng))
            if course.child.age(self.day) <= self.oldest and fits(self, course, _state(course, self.since, self.day)):
                return course
        raise RuntimeError(f"no case of kind {kind} in {_TRIES} tries")

    def _brief(self, drawn: _Drawn, kommune: Kommune, rng: Random) -> Brief:
        child = drawn.child
        if child is None and drawn.unborn:
            child = self.census.unborn(rng, drawn.born)
        return Brief(
            kommune=kommune,
            bydel=kommune.bydel(rng),
            version=CURRENT,
            child=child or self.census.child(rng, drawn.born),
            kind=drawn.kind,
            start=drawn.start,
            measures=max(1, int(drawn.measures)),
            watched=self.watched,
            moved_here=drawn.child is not None,
            rounds=drawn.rounds,
            during=self.during,
            meanwhile=self.meanwhile,
            renewed=drawn.renewed,
        )

    def _moved(self, kommune: Kommune, rng: Random) -> tuple[Course, Course]:
        """A child with measures moves during the year: a case here that ends, and one there that is investigated."""
        for _ in range(_TRIES):
            here = self._written("hjelp", kommune, rng)
            day = self.since + timedelta(days=rng.randrange(5, 250))
            if here.child.age(day) >= 16:
                continue
            ended = here.ended_by_moving(day)
            state = _state(ended, self.since, self.day)
            if state.open or not state.active:
                continue
            to = kommune
            while to.number == kommune.number:
                to = rng.choices(self.everyone, cum_weights=self.weights)[0]
            for _ in range(20):
                drawn = _Drawn(born=here.child.born, kind="hjelp", start=day, measures=400, child=here.child)
                there = write(rng, self._brief(drawn, self.sender(to.number), rng))
                if _new_help(self, there, _state(there, self.since, self.day)):
                    return ended, there
        raise RuntimeError(f"nobody moved in {_TRIES} tries")


class _Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """A proposal."""

    born: date
    kind: Kind
    start: date
    measures: float = 0  # days
    rounds: int = 0
    renewed: date | None = None
    child: Child | None = None  # known from before
    unborn: bool = False


_Proposal = Callable[[_Writer, Random], _Drawn | None]
_Fit = Callable[[_Writer, Course, _State], bool]


def _days(count: float) -> timedelta:
    return timedelta(days=int(count))


def _born(rng: Random, day: date, bands: tuple[tuple[float, float, float], ...]) -> date:
    """A birth date that gives one of these ages on a day."""
    low, high, _ = rng.choices(bands, [share for _, _, share in bands])[0]
    return day - _days(1 + rng.uniform(low, high) * 365.24)


def _exp(rng: Random, mean: float) -> float:
    return rng.expovariate(1 / mean)


# --- proposals: without measures


def _reported(kind: Kind) -> _Proposal:
    """A report on any day of three years; the age is that of the end of its year."""

    def propose(w: _Writer, rng: Random) -> _Drawn | None:
        start = w.day - _days(rng.random() * (_YEARS * 365.25))
        if rng.random() < _UNBORN:
            return _Drawn(born=start + _days(rng.randrange(20, 170)), kind=kind, start=start, unborn=True)
        born = _born(rng, date(start.year, 12, 31), _REPORTED)
        rounds = int(kind == "undersokt" and rng.random() < _ROUNDS)
        return _Drawn(born=born, kind=kind, start=start, rounds=rounds)

    return propose


def _underage(w: _Writer, course: Course, state: _State) -> bool:
    """All has ended before the child came of age."""
    adult = course.child.birthday(18)
    reports = (e.konklusjon for e in course.sak.melding)
    return all(end is None or end.slutt_dato < adult for end in reports) and all(
        e.konklusjon is None or e.konklusjon.slutt_dato < adult for e in course.sak.undersokelse
    )


def _waiting(w: _Writer, rng: Random) -> _Drawn:
    """A report of the year that leads to measures in the next one."""
    start = w.day - _days(rng.random() * 235)
    return _Drawn(born=_born(rng, w.day, _REPORTED), kind="hjelp", start=start, measures=300)


# --- proposals: measures that are not placements


def _help(w: _Writer, rng: Random) -> _Drawn:
    """Measures that began before the year and go on after it."""
    elapsed, rounds = 367 + _exp(rng, 480), rng.choices((0, 1, 2), (60, 28, 12))[0]
    start = w.day - _days(elapsed + _PRELUDE + 220 * rounds)
    born = _born(rng, w.day, _HELPED)
    return _Drawn(born=born, kind="hjelp", start=start, measures=elapsed + 30 + _exp(rng, 450), rounds=rounds)


def _help_renewed(w: _Writer, rng: Random) -> _Drawn:
    drawn = _help(w, rng)
    return replace(
        drawn,
        rounds=0,
        start=drawn.start + _days(220 * drawn.rounds),
        measures=drawn.measures + 400,
        renewed=w.since + _days(rng.uniform(-_PRELUDE, 366)),
    )


def _help_new(w: _Writer, rng: Random) -> _Drawn:
    begins = w.since + _days(rng.random() * 366)
    born = _born(rng, w.day, _REPORTED)
    return _Drawn(born=born, kind="hjelp", start=begins - _days(_PRELUDE), measures=30 + _exp(rng, 900))


def _help_short(w: _Writer, rng: Random) -> _Drawn:
    begins = 340 * (1 - sqrt(rng.random()))  # the earlier, the likelier to end within the year
    born = _born(rng, w.day, _REPORTED)
    start = w.since + _days(begins - _PRELUDE)
    return _Drawn(born=born, kind="hjelp", start=start, measures=10 + rng.random() * (355 - begins))


def _ending(kind: Kind, mean: float, years: int = 1) -> _Proposal:
    """Measures that began before the year and end in it; or before it, with more years."""

    def propose(w: _Writer, rng: Random) -> _Drawn:
        last = (
            w.since + _days(rng.random() * 366) if years == 1 else w.since - _days(2 + rng.random() * (years - 1) * 365)
        )
        begins = min(last, w.since) - _days(20 + _exp(rng, mean))
        start = begins - _days(_PRELUDE)
        born = _born(rng, last, _HELPED if kind == "hjelp" else _PLACED)
        return _Drawn(born=born, kind=kind, start=start, measures=(last - begins).days)

    return propose


# --- proposals: placements


def _placed(kind: Kind, mean: float) -> _Proposal:
    """A placement that began before the year and goes on after it."""

    def propose(w: _Writer, rng: Random) -> _Drawn:
        elapsed = 380 + _exp(rng, mean)
        start = w.day - _days(elapsed + _PRELUDE + (_BOARD if kind == "omsorg" else 0))
        born = _born(rng, w.day, _PLACED)
        return _Drawn(born=born, kind=kind, start=start, measures=elapsed + 60 + _exp(rng, mean))

    return propose


def _placed_new(kind: Kind, bands: tuple[tuple[float, float, float], ...], mean: float) -> _Proposal:
    def propose(w: _Writer, rng: Random) -> _Drawn:
        begins = w.since + _days(rng.random() * 366)
        start = begins - _days(_PRELUDE + (_BOARD if kind == "omsorg" else 45 if kind == "atferd" else 0))
        born = _born(rng, w.day, bands)
        return _Drawn(born=born, kind=kind, start=start, measures=60 + _exp(rng, mean))

    return propose


def _of_age(years: float, *, in_year: bool = False) -> _Proposal:
    """A placement that lasts until the child comes of age, in the year or in the years before it."""

    def propose(w: _Writer, rng: Random) -> _Drawn:
        adult = w.since + _days(rng.random() * 364) if in_year else w.since - _days(2 + rng.random() * years * 365)
        born = adult - _days(18 * 365.25)
        earliest = max(born, _FIRST_DAY)
        start = max(earliest, adult - _days(420 + _exp(rng, 1500)))
        kind: Kind = "omsorg" if in_year or rng.random() < 0.7 else "frivillig"
        return _Drawn(born=born, kind=kind, start=start, measures=10_000)

    return propose


def _returned(w: _Writer, rng: Random) -> _Drawn:
    """A care order that ends in the year, long before the child comes of age."""
    last = w.since + _days(rng.random() * 364)
    begins = w.since - _days(30 + _exp(rng, 1000))
    born = _born(rng, last, _PLACED)
    start = begins - _days(_PRELUDE + _BOARD)
    return _Drawn(born=born, kind="omsorg", start=start, measures=(last - begins).days + _BOARD)


def _out_of_care(w: _Writer, rng: Random) -> _Drawn | None:
    return (_of_age(0, in_year=True) if rng.random() < 0.4 else _returned)(w, rng)


# --- what they must have become


def _old(w: _Writer, s: _State) -> bool:
    return s.first is not None and s.first < w.since


def _new(w: _Writer, s: _State) -> bool:
    return s.first is not None and w.since <= s.first <= w.day


def _old_help(w: _Writer, course: Course, s: _State) -> bool:
    return _old(w, s) and s.open and not s.placed and not s.care


def _renewed(w: _Writer, course: Course, s: _State) -> bool:
    return _old_help(w, course, s) and len(course.sak.undersokelse) == 2


def _new_help(w: _Writer, course: Course, s: _State) -> bool:
    return _new(w, s) and s.open and not s.placed and not s.care


def _old_placed(w: _Writer, course: Course, s: _State) -> bool:
    return _old(w, s) and s.placed and not s.care


def _new_placed(w: _Writer, course: Course, s: _State) -> bool:
    return _new(w, s) and s.placed and not s.care


def _old_care(w: _Writer, course: Course, s: _State) -> bool:
    return _old(w, s) and s.care_open and s.placed


def _new_care(w: _Writer, course: Course, s: _State) -> bool:
    return _new(w, s) and s.care_open and s.placed


def _from_care(*, opened: bool, placed: bool) -> _Fit:
    def fits(w: _Writer, course: Course, s: _State) -> bool:
        return _old(w, s) and s.care and not s.care_open and s.open == opened and s.placed == placed

    return fits


def _ended(w: _Writer, course: Course, s: _State) -> bool:
    return _old(w, s) and s.active and not s.open and not s.care


def _brief_help(w: _Writer, course: Course, s: _State) -> bool:
    return _new(w, s) and not s.open and not s.care


def _over(w: _Writer, course: Course, s: _State) -> bool:
    return _old(w, s) and not s.active


def _awaited(w: _Writer, course: Course, s: _State) -> bool:
    if s.first is None or s.first <= w.day or course.child.age(w.day) >= 18:
        return False
    return course.sak.undersokelse[0].start_dato <= w.day


_KINDS: dict[str, tuple[_Proposal, _Fit]] = {
    "omsorg": (_placed("omsorg", 1500), _old_care),
    "omsorg_ny": (_placed_new("omsorg", _PLACED, 2000), _new_care),
    "fra_omsorg_plassert": (_of_age(0, in_year=True), _from_care(opened=True, placed=True)),
    "fra_omsorg_hjulpet": (_returned, _from_care(opened=True, placed=False)),
    "fra_omsorg_ut": (_out_of_care, _from_care(opened=False, placed=False)),
    "frivillig": (_placed("frivillig", 700), _old_placed),
    "frivillig_ny": (_placed_new("frivillig", _PLACED, 900), _new_placed),
    "atferd": (_placed_new("atferd", _YOUTH, 300), _new_placed),
    "ettervern": (_of_age(4.6), _old_placed),
    "hjelp": (_help, _old_help),
    "hjelp_fornyet": (_help_renewed, _renewed),
    "hjelp_ny": (_help_new, _new_help),
    "hjelp_kort": (_help_short, _brief_help),
    "hjelp_slutt": (_ending("hjelp", 480), _ended),
    "frivillig_slutt": (_ending("frivillig", 600), _ended),
    "ettervern_slutt": (_of_age(4.6), _ended),
    "hjelp_for": (_ending("hjelp", 480, years=3), _over),
    "venter": (_waiting, _awaited),
    "undersokt": (_reported("undersokt"), _underage),
    "henlagt": (_reported("henlagt"), _underage),
}
