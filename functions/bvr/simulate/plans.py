"""What cases there are: their kind, the child's age, when they start and how long their measures last."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

import msgspec

from bvr.simulate.child import Child, Nursery
from bvr.simulate.course import Course
from bvr.simulate.history import Brief, Kind, write
from bvr.simulate.population import Kommune

# Cases by kind: among those there are on a day, and among new reports.
_STOCK: dict[Kind, float] = {
    **{"henlagt": 40, "undersokt": 170, "hjelp": 450, "frivillig": 105, "omsorg": 165, "atferd": 10},
}
_NEW: dict[Kind, float] = {
    **{"henlagt": 250, "undersokt": 430, "hjelp": 265, "frivillig": 25, "omsorg": 20, "atferd": 7, "voksen": 3},
}
_MEAN_DAYS: dict[Kind, int] = {"hjelp": 480, "frivillig": 620, "omsorg": 2300, "atferd": 240}

# (from age, to age, share)
_AGES: dict[str, tuple[tuple[float, float, float], ...]] = {
    "report": ((0, 3, 11), (3, 6, 16), (6, 13, 41), (13, 18, 30)),
    "placed": ((0, 3, 4), (3, 6, 8), (6, 13, 30), (13, 18, 40), (18, 22, 18)),
    "atferd": ((13, 18, 1),),
    "voksen": ((18.1, 22, 1),),
}
_BEFORE_18 = timedelta(days=400)
_FIRST_DAY = date(2010, 1, 1)
_PRELUDE = 105  # days from the report until measures begin
_ROUND = 220  # days from one report to the next where the first came to nothing


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a case belongs, and the days that are simulated."""

    kommune: Kommune
    version: str
    watched: tuple[date, date]


def existing(rng: Random, nursery: Nursery, place: Place) -> Course:
    """A case that is open, or was closed not long ago, when the simulated days begin."""
    first = place.watched[0]
    for _ in range(8):
        kind: Kind = rng.choices(list(_STOCK), list(_STOCK.values()))[0]
        age = _age(rng, "placed" if kind in ("frivillig", "omsorg") else "atferd" if kind == "atferd" else "report")
        born = first - timedelta(days=int(age * 365.25))
        child = nursery.child(rng, born)
        # A case met on a day is more likely a long one: its length is the sum of two exponentials.
        measures = 30 + _length(rng, kind) + _length(rng, kind)
        total = measures + _PRELUDE if kind in _MEAN_DAYS else _PRELUDE
        rounds = rng.choices((0, 1, 2, 3, 5), (45, 28, 16, 8, 3))[0] if 1 < age < 14 else 0
        elapsed = rng.random() * total if rng.random() < 0.9 else total + rng.random() * 150
        start = max(
            first - timedelta(days=1 + int(elapsed) + rounds * _ROUND),
            born + timedelta(days=rng.randrange(0, 20)),
            _FIRST_DAY,
        )
        adult = child.birthday(18)
        if age >= 18 or start > adult - _BEFORE_18 - timedelta(days=rounds * 2 * _ROUND):
            rounds = 0
            start = max(adult - _BEFORE_18 - timedelta(days=rng.randrange(0, 2500)), _FIRST_DAY)
            measures = (adult - start).days
        start = min(start, first - timedelta(days=1))
        if start < born:  # born yesterday
            continue
        course = write(rng, _brief(place, child, kind, start, measures, rng, rounds=rounds))
        if course.sak.slutt_dato is None or course.sak.slutt_dato > first - timedelta(days=200):
            return course
    return course


def fresh(
    rng: Random, nursery: Nursery, place: Place, day: date, *, unborn: float, child: Child | None = None
) -> Course:
    """A case that begins with a report on a day. `child` is one that moved here."""
    kind: Kind = rng.choices(list(_NEW), list(_NEW.values()))[0]
    if child is not None:
        kind = "hjelp" if rng.random() < 0.6 else "undersokt"
        return write(rng, _brief(place, child, kind, day, _length(rng, kind), rng, moved_here=True))
    if kind in ("henlagt", "undersokt", "hjelp") and rng.random() < unborn:
        child = nursery.unborn(rng, day + timedelta(days=rng.randrange(20, 170)))
    else:
        age = _age(rng, kind if kind in _AGES else "report")
        while kind != "voksen" and age > 16.8:
            age = _age(rng, kind if kind in _AGES else "report")
        child = nursery.child(rng, day - timedelta(days=1 + int(age * 365.25)))
    return write(rng, _brief(place, child, kind, day, 30 + _length(rng, kind), rng))


def _brief(
    place: Place,
    child: Child,
    kind: Kind,
    start: date,
    measures: int,
    rng: Random,
    *,
    moved_here: bool = False,
    rounds: int = 0,
) -> Brief:
    return Brief(
        kommune=place.kommune,
        bydel=place.kommune.bydel(rng),
        version=place.version,
        child=child,
        kind=kind,
        start=start,
        measures=measures,
        watched=place.watched,
        moved_here=moved_here,
        rounds=rounds,
    )


def _length(rng: Random, kind: Kind) -> int:
    mean = _MEAN_DAYS.get(kind)
    return int(rng.expovariate(1 / mean)) if mean else 0


def _age(rng: Random, group: str) -> float:
    bands = _AGES[group]
    low, high, _ = rng.choices(bands, [share for _, _, share in bands])[0]
    return rng.uniform(low, high)
