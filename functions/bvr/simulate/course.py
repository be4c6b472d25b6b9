"""The course of a case: all that will ever be known of it, and what is known on a day."""

from __future__ import annotations

from datetime import date, timedelta
from operator import attrgetter
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from bvr.model import concepts as m
from bvr.simulate.child import Child
from bvr.simulate.codes import in_force
from bvr.simulate.population import Bydel, Kommune

MOVED = "Syntetisk presisering: barnet flyttet til en annen kommune."


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that fires on every snapshot of the period, because the case is as it is. `until` is the last day."""

    rule: str
    since: date
    until: date = date.max


class Mistake(msgspec.Struct, frozen=True, kw_only=True):
    """A report entered by mistake, and deleted: marked, or `gone` from the message and named in Slettet."""

    id: str
    deleted: date
    gone: bool


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """One case from beginning to end. Every element stands in `sak` as it will be in the end, in order of time."""

    kommune: Kommune
    bydel: Bydel | None
    version: str
    child: Child
    sak: m.Sak
    related: tuple[date, ...]  # the day each Relasjon is made
    standing: tuple[Standing, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    deleted: date | None = None  # the whole case

    def known(self, day: date) -> m.Sak:
        """The case as the case system has it in the evening of a day."""
        sak = self.sak
        if self.deleted and self.deleted <= day:
            return replace(sak, er_slettet=True, slettet=(), **_children(self, day))
        open_ = sak.slutt_dato is None or sak.slutt_dato > day
        return replace(
            sak,
            slutt_dato=None if open_ else sak.slutt_dato,
            avsluttet=None if open_ else True,
            slettet=tuple(
                m.Slettet(id=x.id, type="Melding", slutt_dato=x.deleted)
                for x in self.mistakes
                if x.gone and x.deleted <= day
            ),
            **_children(self, day),
        )

    def rules(self, day: date) -> tuple[str, ...]:
        """The rules that fire on a day because the case is as it is."""
        return tuple(dict.fromkeys(s.rule for s in self.standing if s.since <= day <= s.until))

    def days(self) -> list[date]:
        """The days on which something new is known."""
        found = {self.sak.start_dato, *self.related, *(x.deleted for x in self.mistakes)}
        found.update(_dates(self.sak))
        if self.deleted:
            found = {d for d in found if d < self.deleted} | {self.deleted}
        elif self.sak.slutt_dato:
            found = {d for d in found if d <= self.sak.slutt_dato}
        return sorted(found)

    def ended_by_moving(self, day: date) -> Course:
        """The same case when the child moves to another municipality that day: everything open ends."""
        sak = self.known(day)
        until, moved = m.Avslutning(slutt_dato=day), m.Opphevelse(kode="4", presisering=MOVED)
        closed = replace(
            sak,
            slutt_dato=day,
            avsluttet=True,
            melding=tuple(e if e.konklusjon or e.er_slettet else self._concluded(e, day) for e in sak.melding),
            undersokelse=tuple(e if e.konklusjon else self._dropped(e, day) for e in sak.undersokelse),
            plan=tuple(e if e.konklusjon else replace(e, konklusjon=until) for e in sak.plan),
            tiltak=tuple(e if e.konklusjon else replace(e, konklusjon=until, opphevelse=moved) for e in sak.tiltak),
            vedtak=tuple(e if e.konklusjon else replace(e, konklusjon=until) for e in sak.vedtak),
            ettervern=tuple(
                e if e.konklusjon else replace(e, konklusjon=m.EttervernKonklusjon(slutt_dato=day, kode="3"))
                for e in sak.ettervern
            ),
        )
        late = [
            e
            for e in closed.melding
            if e.konklusjon and e.konklusjon.slutt_dato == day and e.start_dato + timedelta(days=7) < day
        ]
        standing = [
            replace(s, until=min(s.until, day - timedelta(days=1))) if s.rule.startswith("undersokelse-11") else s
            for s in self.standing
            if s.since <= day
        ]
        standing += [Standing(rule="melding-3", since=day)] if late else []
        related = tuple(d for d in self.related if d <= day)
        return replace(self, sak=closed, related=related, standing=tuple(standing), mistakes=self._mistakes(day))

    def _mistakes(self, day: date) -> tuple[Mistake, ...]:
        return tuple(x for x in self.mistakes if x.deleted <= day)

    def _concluded(self, e: m.Melding, day: date) -> m.Melding:
        kode = "7" if in_force("MeldingKonklusjon", "7", day, self.version) else "1"
        return replace(e, konklusjon=m.MeldingKonklusjon(slutt_dato=day, kode=kode))

    def _dropped(self, e: m.Undersokelse, day: date) -> m.Undersokelse:
        kode = "9" if in_force("UndersokelseKonklusjon", "9", day, self.version) else "5"
        presisering = MOVED if kode == "5" else None
        return replace(e, konklusjon=m.UndersokelseKonklusjon(slutt_dato=day, kode=kode, presisering=presisering))


class _Ends(Protocol):
    """Anything that ends with a date."""

    @property
    def konklusjon(self) -> Any: ...


def _open(e: _Ends, day: date) -> bool:
    return e.konklusjon is not None and e.konklusjon.slutt_dato > day


def _children(course: Course, day: date) -> dict[str, Any]:
    """The elements of the case that are known on a day, each as it is then."""
    sak = course.sak
    gone = {x.id: x.gone for x in course.mistakes if x.deleted <= day}
    meldinger = [_melding(e, day) for e in sak.melding if e.start_dato <= day and not gone.get(e.id)]
    if gone:
        meldinger = [replace(e, er_slettet=True) if e.id in gone else e for e in meldinger]
    return {
        "personalia": tuple(e for e in sak.personalia if e.start_dato <= day),
        "melding": tuple(meldinger),
        "undersokelse": tuple(_undersokelse(e, day) for e in sak.undersokelse if e.start_dato <= day),
        "plan": tuple(_plan(e, day) for e in sak.plan if e.start_dato <= day),
        "tiltak": tuple(_tiltak(e, day) for e in sak.tiltak if e.start_dato <= day),
        "vedtak": tuple(_vedtak(e, day) for e in sak.vedtak if e.start_dato <= day),
        "ettervern": tuple(
            replace(e, konklusjon=None) if _open(e, day) else e for e in sak.ettervern if e.tilbud_sendt_dato <= day
        ),
        "oversendelse_fylkesnemnd": tuple(e for e in sak.oversendelse_fylkesnemnd if e.start_dato <= day),
        "flytting": tuple(e for e in sak.flytting if e.slutt_dato <= day),
        "relasjon": tuple(e for e, made in zip(sak.relasjon, course.related, strict=True) if made <= day),
    }


def _melding(e: m.Melding, day: date) -> m.Melding:
    return replace(e, konklusjon=None) if _open(e, day) else e


def _undersokelse(e: m.Undersokelse, day: date) -> m.Undersokelse:
    if e.konklusjon is not None and e.konklusjon.slutt_dato <= day:
        return e
    medvirkning, frist = e.barnets_medvirkning, e.utvidet_frist
    return replace(
        e,
        konklusjon=None,
        vedtaksgrunnlag=(),
        barnets_medvirkning=medvirkning if medvirkning and medvirkning.start_dato <= day else None,
        utvidet_frist=frist if frist and frist.start_dato <= day else None,
    )


def _plan(e: m.Plan, day: date) -> m.Plan:
    if not _open(e, day) and (not e.evaluering or e.evaluering[-1].utfort_dato <= day):
        return e
    return replace(
        e,
        evaluering=tuple(x for x in e.evaluering if x.utfort_dato <= day),
        konklusjon=None if _open(e, day) else e.konklusjon,
    )


def _tiltak(e: m.Tiltak, day: date) -> m.Tiltak:
    if e.konklusjon is not None and e.konklusjon.slutt_dato <= day:
        return e
    tilsyn, oppfolging = e.tilsyn, e.oppfolging
    if tilsyn is not None:
        tilsyn = replace(
            tilsyn,
            ansvarlig=tuple(x for x in tilsyn.ansvarlig if x.start_dato <= day),
            hyppighet=tuple(x for x in tilsyn.hyppighet if x.start_dato <= day),
            utfort=tuple(x for x in tilsyn.utfort if x.utfort_dato <= day),
        )
    if oppfolging is not None:
        oppfolging = replace(
            oppfolging,
            hyppighet=tuple(x for x in oppfolging.hyppighet if x.start_dato <= day),
            utfort=tuple(x for x in oppfolging.utfort if x.utfort_dato <= day),
        )
    return replace(e, konklusjon=None, opphevelse=None, tilsyn=tilsyn, oppfolging=oppfolging)


def _vedtak(e: m.Vedtak, day: date) -> m.Vedtak:
    if e.konklusjon is not None and e.konklusjon.slutt_dato <= day:
        return e
    return replace(
        e,
        konklusjon=None,
        status=tuple(x for x in e.status if x.endret_dato <= day),
        krav=tuple(replace(x, konklusjon=None) if _open(x, day) else x for x in e.krav if x.start_dato <= day),
    )


_STARTED = attrgetter("personalia", "melding", "undersokelse", "plan", "tiltak", "vedtak", "oversendelse_fylkesnemnd")
_CONCLUDED = attrgetter("melding", "undersokelse", "plan", "tiltak", "vedtak", "ettervern")


def _dates(sak: m.Sak) -> list[date]:
    """Every day on which something of the case happens."""
    found = [sak.slutt_dato] if sak.slutt_dato else []
    for group in _STARTED(sak):
        found += [e.start_dato for e in group]
    found += [e.tilbud_sendt_dato for e in sak.ettervern]
    found += [e.slutt_dato for e in sak.flytting]
    found += [e.konklusjon.slutt_dato for group in _CONCLUDED(sak) for e in group if e.konklusjon]
    for u in sak.undersokelse:
        found += [x.start_dato for x in (u.barnets_medvirkning, u.utvidet_frist) if x]
    for p in sak.plan:
        found += [x.utfort_dato for x in p.evaluering]
    for v in sak.vedtak:
        found += [x.endret_dato for x in v.status]
        found += [x.start_dato for x in v.krav]
        found += [x.konklusjon.slutt_dato for x in v.krav if x.konklusjon]
    for t in sak.tiltak:
        if t.tilsyn:
            found += [x.start_dato for x in t.tilsyn.ansvarlig]
            found += [x.start_dato for x in t.tilsyn.hyppighet]
            found += [x.utfort_dato for x in t.tilsyn.utfort]
        if t.oppfolging:
            found += [x.start_dato for x in t.oppfolging.hyppighet]
            found += [x.utfort_dato for x in t.oppfolging.utfort]
    return found
