"""Three documents for measuring, always the same: the official schema takes them and no rule gives an ERROR."""

from __future__ import annotations

from datetime import date, timedelta

from msgspec.structs import replace

from bvr.model.concepts import Barnevern, Saksinnhold
from bvr.simulate.arrivals import extracted, seeded
from bvr.simulate.child import Nursery
from bvr.simulate.history import Brief, Kind, new_id, write
from bvr.simulate.population import kommuner

_TODAY = date(2026, 6, 30)


def small_case() -> Barnevern:
    """A new report and its investigation: about 1 kB."""
    return _case(seed=1, kind="undersokt", born=date(2015, 3, 1), start=date(2026, 6, 1))


def worded_case() -> Barnevern:
    """Measures in the home, with what was written down about them: about 9 kB, 60 elements of XML."""
    document = _case(seed=9, kind="hjelp", born=date(2014, 3, 1), start=date(2025, 1, 1), measures=1200, rounds=1)
    sak = document.sak
    explained = replace(
        sak,
        melding=tuple(replace(m, saksinnhold=_explained(m.saksinnhold)) for m in sak.melding),
        undersokelse=tuple(replace(u, vedtaksgrunnlag=_explained(u.vedtaksgrunnlag)) for u in sak.undersokelse),
    )
    return replace(document, sak=explained)


_WORDS = "Det er gjort greie for forholdet i journalen, og tjenesten har snakket med dem det gjelder om saken. "


def _explained(codes: tuple[Saksinnhold, ...]) -> tuple[Saksinnhold, ...]:
    return tuple(replace(code, presisering=(_WORDS * 7)[:690]) for code in codes)


def typical_case() -> Barnevern:
    """Measures in the home over some years: about 10 kB, 40 elements of the case, 200 elements of XML."""
    return _case(seed=23, kind="hjelp", born=date(2014, 3, 1), start=date(2020, 2, 1), measures=3000, rounds=2)


def heavy_case() -> Barnevern:
    """A childhood in care, visited and reported on without end: about 150 kB, 400 elements of the case."""
    return _case(
        seed=4, kind="omsorg", born=date(2009, 3, 1), start=date(2010, 3, 1), measures=9000, rounds=4, busy=165.0
    )


def _case(
    *, seed: int, kind: Kind, born: date, start: date, measures: int = 0, rounds: int = 0, busy: float = 1.0
) -> Barnevern:
    rng = seeded("cases", seed)
    kommune = kommuner()[20]
    brief = Brief(
        kommune=replace(kommune, migrated=None),
        bydel=None,
        version="4.0.1",
        child=Nursery().child(rng, born),
        kind=kind,
        start=start,
        measures=measures,
        watched=(_TODAY, _TODAY + timedelta(days=1)),
        rounds=rounds,
        busy=busy,
    )
    course = write(rng, brief)
    return Barnevern(
        id=new_id(rng),
        dato_uttrekk=extracted(kommune, _TODAY),
        fagsystem=kommune.system,
        avgiver=kommune.avgiver(None),
        sak=course.known(_TODAY),
    )
