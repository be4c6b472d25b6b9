"""Writes the course of a case: report, investigation, decisions, measures, placements, aftercare.

A course is written to its end at once, also what lies after the simulated days; `Course.known` tells what is known on
a day. Dates are drawn so that a case breaks no rule but those noted in `standing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random
from typing import Any, Literal

import msgspec

from bvr.model import concepts as m
from bvr.model.types import Concept, has
from bvr.simulate import codes
from bvr.simulate.child import Child
from bvr.simulate.course import Course, Mistake, Standing
from bvr.simulate.population import Bydel, Kommune, kommuner

Kind = Literal["henlagt", "undersokt", "hjelp", "frivillig", "omsorg", "atferd", "voksen"]
HORIZON = timedelta(days=400)
_REPORTED_TWICE = date(2020, 1, 1)  # from then on reports during an investigation or a measure have codes of their own


class Brief(msgspec.Struct, frozen=True, kw_only=True):
    """What a course is to be: its kind, when it starts, and how long its measures last."""

    kommune: Kommune
    bydel: Bydel | None
    version: str
    child: Child
    kind: Kind
    start: date
    measures: int  # days
    watched: tuple[date, date]  # first and last simulated day
    moved_here: bool = False
    rounds: int = 0  # earlier reports that came to nothing
    busy: float = 1.0  # how many times as many reports as usual; visits too, up to four times
    during: float = 1.2  # further reports a year during an investigation
    meanwhile: float = 0.35  # further reports a year during measures
    renewed: date | None = None  # during measures: a report on this day is investigated, and leads to one more


def days(count: float) -> timedelta:
    return timedelta(days=int(count))


def new_id(rng: Random) -> str:
    """A random UUID of version 4."""
    h = f"{rng.getrandbits(128):032x}"
    return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-{'89ab'[int(h[16], 16) & 3]}{h[17:20]}-{h[20:]}"


def write(rng: Random, brief: Brief) -> Course:
    """The course of one case."""
    return _Writer(rng, brief).write()


class _Writer:
    """One case while it is written."""

    def __init__(self, rng: Random, brief: Brief) -> None:
        self.rng = rng
        self.brief = brief
        self.child = brief.child
        self.version = brief.version
        self.marks = has(m.Sak, "er_slettet", brief.version)  # its case system can mark what is deleted
        self.start = brief.start
        self.last = brief.start  # the latest day on which something ended
        self.stop = brief.watched[1] + HORIZON  # nothing is written that starts later
        self.personalia: list[m.Personalia] = []
        self.melding: list[m.Melding] = []
        self.undersokelse: list[m.Undersokelse] = []
        self.plan: list[m.Plan] = []
        self.tiltak: list[m.Tiltak] = []
        self.vedtak: list[m.Vedtak] = []
        self.ettervern: list[m.Ettervern] = []
        self.oversendelse: list[m.OversendelseFylkesnemnd] = []
        self.flytting: list[m.Flytting] = []
        self.relasjon: list[tuple[date, m.Relasjon]] = []
        self.standing: list[Standing] = []
        self.mistakes: list[Mistake] = []
        self.migrated_ids = 0

    # --- the whole ---------------------------------------------------------------------------------------------------

    def write(self) -> Course:
        rng, kind, start = self.rng, self.brief.kind, self.start
        until = start
        if kind == "voksen":
            self.report(start, "2")
            until = start + days(rng.randrange(30, 120))
        elif kind == "henlagt":
            until = self.dismissed(start)
        else:
            for _ in range(self.brief.rounds):
                until = self.earlier(until)
            report = self.report(until, "2", melder="5" if self.brief.moved_here else None)
            until = self.investigated(report, kind)
            if self.brief.renewed is not None:
                self.again(self.brief.renewed, until)
        self.mistake()
        ended = max(until, self.last)
        closed = ended + days(rng.choice((0, 0, 1, 3, 7, 14, 30)))
        if kind != "voksen" and ended < self.child.birthday(18) <= closed and not self.tiltak:
            closed = ended
        if kind == "voksen":
            self.standing.append(Standing(rule="sak-8", since=start, until=closed - days(1)))
        self.who(closed)
        return Course(
            kommune=self.brief.kommune,
            bydel=self.brief.bydel,
            version=self.version,
            child=self.child,
            sak=self.sak(closed),
            related=tuple(day for day, _ in self.relasjon),
            standing=tuple(self.standing),
            mistakes=tuple(self.mistakes),
            deleted=closed if kind in ("henlagt", "undersokt") and rng.random() < 0.01 and self.marks else None,
        )

    def sak(self, closed: date) -> m.Sak:
        self.relasjon.sort(key=lambda pair: pair[0])
        return m.Sak(
            id=new_id(self.rng),
            start_dato=self.start,
            journalnummer=f"{self.start.year}/{self.rng.randrange(1, 100_000):05d}",
            migrert_id=self.migrated(self.start),
            slutt_dato=closed,
            personalia=tuple(self.personalia),
            melding=_in_time(self.melding),
            undersokelse=_in_time(self.undersokelse),
            plan=_in_time(self.plan),
            tiltak=_in_time(self.tiltak),
            vedtak=_in_time(self.vedtak),
            ettervern=tuple(self.ettervern),
            oversendelse_fylkesnemnd=_in_time(self.oversendelse),
            flytting=tuple(sorted(self.flytting, key=lambda e: e.slutt_dato)),
            relasjon=tuple(r for _, r in self.relasjon),
        )

    def who(self, closed: date) -> None:
        """The identities of the child during the case; what gives a finding by itself is noted."""
        identities = self.child.identities
        first = max(i for i, known in enumerate(identities) if i == 0 or known.since <= self.start)
        for known in identities[first:]:
            since = max(known.since, self.start)
            if since > closed:
                break
            self.personalia.append(
                m.Personalia(
                    id=self.id(),
                    start_dato=since,
                    fodselsnummer=known.number,
                    fodseldato=known.born,
                    kjonn=known.sex,
                    duf_nummer=self.child.duf,
                )
            )
            if known.finding:
                self.standing.append(Standing(rule=known.finding, since=since))

    # --- small parts -------------------------------------------------------------------------------------------------

    def id(self) -> str:
        return new_id(self.rng)

    def migrated(self, day: date) -> str | None:
        """The key in the previous case system, for what was there when the municipality changed systems."""
        changed = self.brief.kommune.migrated
        if changed is None or max(day, self.start) >= changed:
            return None
        self.migrated_ids += 1
        return f"{self.start.year}-{self.start.toordinal() % 10_000:04d}-{self.migrated_ids}"

    def relate(self, fra: Concept, til: Concept, day: date) -> None:
        """A relation made on a day; sometimes the source is named by its migrated id."""
        key: Any = fra.migrert_id  # type: ignore[attr-defined]
        if key is None or self.rng.random() < 0.7:
            key = fra.id  # type: ignore[attr-defined]
        self.relasjon.append(
            (
                day,
                m.Relasjon(
                    id=self.id(),
                    fra_id=key,
                    fra_type=type(fra).__name__,
                    til_id=til.id,  # type: ignore[attr-defined]
                    til_type=type(til).__name__,
                ),
            )
        )

    def ends(self, day: date) -> m.Avslutning:
        self.last = max(self.last, day)
        return m.Avslutning(slutt_dato=day)

    def age(self, day: date) -> int:
        return max(0, self.child.age(day))

    # --- reports and investigations ----------------------------------------------------------------------------------

    def report(self, start: date, kode: str | None, melder: str | None = None) -> m.Melding:
        """A report and its conclusion; without a code it is dismissed."""
        rng, version = self.rng, self.version
        taken = rng.choices(range(8), (8, 10, 10, 10, 12, 14, 16, 20))[0]
        if rng.random() < 0.008:
            taken = rng.randrange(8, 15)
            self.standing.append(Standing(rule="melding-3", since=start + days(taken)))
        concluded = start + days(taken)
        reporters = [melder or codes.draw(rng, "Melder", start, version)]
        if rng.random() < 0.06:
            reporters.append(codes.draw(rng, "Melder", start, version))
        melding = m.Melding(
            id=self.id(),
            start_dato=start,
            migrert_id=self.migrated(start),
            melder=tuple(
                m.Melder(kode=c, presisering=codes.text_for(rng, "Melder", c)) for c in dict.fromkeys(reporters)
            ),
            saksinnhold=codes.contents(rng, start, version),
            konklusjon=m.MeldingKonklusjon(
                slutt_dato=concluded, kode=kode or codes.draw(rng, "MeldingKonklusjon", concluded, version)
            ),
        )
        self.melding.append(melding)
        self.last = max(self.last, concluded)
        return melding

    def dismissed(self, start: date) -> date:
        """A report that is dismissed, sometimes followed by another."""
        day = _end(self.report(start, None))
        while self.rng.random() < 0.15:
            day = _end(self.report(day + days(self.rng.randrange(1, 40)), None))
        return day

    def earlier(self, start: date) -> date:
        """A report that came to nothing, and the day of the next one."""
        if self.rng.random() < 0.4:
            day = self.dismissed(start)
        else:
            day = self.investigated(self.report(start, "2"), "undersokt")
        return day + days(self.rng.randrange(20, 240))

    def more_reports(
        self, since: date, until: date, rate: float, kode: str, about: m.Undersokelse | None = None
    ) -> None:
        """Further reports in a period, `rate` a year."""
        day = max(since, _REPORTED_TWICE)
        until = min(until, self.stop)
        while True:
            day += days(1 + self.rng.expovariate(rate * self.brief.busy / 365))
            if day + days(15) > until:
                return
            melding = self.report(day, kode)
            if about is not None:
                self.relate(melding, about, _end(melding))

    def investigated(self, report: m.Melding, kind: Kind) -> date:
        """The investigation that follows a report, and what follows from it; the day the case has run its course."""
        undersokelse = self.investigation(report, kind)
        concluded = _end(undersokelse)
        if kind == "undersokt":
            return concluded
        until = concluded + days(self.brief.measures)
        if kind == "hjelp":
            until = self.helped(undersokelse, min(until, self.child.birthday(18)))
        else:
            until = self.placed(undersokelse, kind, until)
        self.more_reports(concluded, until, self.brief.meanwhile, "3")
        return until

    def investigation(self, report: m.Melding, kind: Kind) -> m.Undersokelse:
        """The investigation that follows a report."""
        rng, start = self.rng, _end(report)
        taken = self.working_time()
        concluded = start + days(taken)
        if kind == "undersokt":
            kode = codes.draw(rng, "UndersokelseKonklusjon", concluded, self.version)
        else:
            kode = "2" if kind in ("omsorg", "atferd") and rng.random() < 0.6 else "1"
        grounds = codes.contents(rng, concluded, self.version) if kode in ("1", "2") else ()
        undersokelse = m.Undersokelse(
            id=self.id(),
            start_dato=start,
            migrert_id=self.migrated(start),
            vedtaksgrunnlag=grounds,
            barnets_medvirkning=self.participation(start, concluded),
            utvidet_frist=self.more_time(report, concluded),
            konklusjon=m.UndersokelseKonklusjon(
                slutt_dato=concluded,
                kode=kode,
                presisering=codes.text_for(rng, "UndersokelseKonklusjon", kode),
            ),
        )
        self.undersokelse.append(undersokelse)
        self.last = max(self.last, concluded)
        self.relate(report, undersokelse, start)
        self.more_reports(start, concluded, self.brief.during, "4", undersokelse)
        if start >= codes.NEW_ACT and rng.random() < 0.4:
            self.planned("7", start, concluded, evaluated=0)
        return undersokelse

    def again(self, day: date, until: date) -> None:
        """A new report during measures, its investigation, and a further measure; none when little time is left."""
        if day + days(270) > until:
            return
        undersokelse = self.investigation(self.report(day, "2"), "hjelp")
        vedtak = self.decided("hjelp", _end(undersokelse), until)
        self.relate(undersokelse, vedtak, vedtak.start_dato)
        self.at_home(vedtak, vedtak.start_dato, until, 1)

    def working_time(self) -> int:
        """Days an investigation takes: most end just before the deadline of three months."""
        low, high = self.rng.choices(
            ((2, 14), (14, 28), (28, 60), (60, 80), (80, 90), (90, 170), (170, 230)), (9, 8, 18, 16, 41, 7, 1)
        )[0]
        return self.rng.randrange(low, high)

    def participation(self, start: date, concluded: date) -> m.BarnetsMedvirkning | None:
        if concluded < codes.NEW_CODES or codes.before_2026(self.version) or self.rng.random() < 0.1:
            return None
        day = max(start, codes.NEW_CODES) + days(self.rng.random() * (concluded - max(start, codes.NEW_CODES)).days)
        return m.BarnetsMedvirkning(
            start_dato=day, medvirkning_type=codes.draw(self.rng, "BarnetsMedvirkning", day, self.version)
        )

    def more_time(self, report: m.Melding, concluded: date) -> m.UtvidetFrist | None:
        """A longer deadline for an investigation that needs one; the days on which it is overdue are noted."""
        rng = self.rng
        deadline = report.start_dato + days(97)
        if concluded <= deadline:
            return None
        if rng.random() < 0.75:
            self.overdue("undersokelse-11-180", report.start_dato + days(187), concluded)
            return m.UtvidetFrist(start_dato=deadline - days(rng.randrange(1, 20)), innvilget="1")
        self.overdue("undersokelse-11-90", deadline, concluded)
        return m.UtvidetFrist(start_dato=deadline - days(1), innvilget="2") if rng.random() < 0.3 else None

    def overdue(self, rule: str, deadline: date, concluded: date) -> None:
        day = timedelta(days=1)
        if deadline + day < concluded:
            self.standing.append(Standing(rule=rule, since=deadline + day, until=concluded - day))

    def mistake(self) -> None:
        """Sometimes a report is entered on the wrong child, and deleted."""
        rng = self.rng
        first, last = self.brief.watched
        if rng.random() > 0.03 or self.last <= self.start + days(20) or not self.marks:
            return
        entered = self.start + days(1 + rng.random() * ((self.last - self.start).days - 15))
        if entered >= first and not first <= entered <= last:
            return
        melding = m.Melding(
            id=self.id(),
            start_dato=entered,
            melder=(m.Melder(kode="23"),),
        )
        self.melding.append(melding)
        deleted = entered + days(rng.randrange(1, 10))
        self.mistakes.append(Mistake(id=melding.id, deleted=deleted, gone=entered >= first and rng.random() < 0.5))

    # --- decisions, plans, measures ----------------------------------------------------------------------------------

    def decided(
        self,
        basis: str,
        start: date,
        end: date,
        *,
        statuses: Sequence[tuple[date, str]] = (),
        krav: tuple[m.Krav, ...] = (),
    ) -> m.Vedtak:
        vedtak = m.Vedtak(
            id=self.id(),
            start_dato=start,
            migrert_id=self.migrated(start),
            lovhjemmel=codes.basis(basis, start),
            krav=krav,
            status=tuple(
                m.Status(id=self.id(), endret_dato=day, kode=kode) for day, kode in statuses or ((start, "1"),)
            ),
            konklusjon=self.ends(end),
        )
        self.vedtak.append(vedtak)
        return vedtak

    def planned(self, plantype: str, start: date, end: date, *, evaluated: int) -> m.Plan | None:
        """A plan, evaluated about every `evaluated` days; none when it would end at once."""
        if end <= start:
            return None
        rng, stop = self.rng, min(end, self.stop)
        evaluations = []
        if evaluated:
            day = start + days(evaluated * rng.uniform(0.6, 1.3))
            while day < stop:
                if rng.random() < 0.8:
                    evaluations.append(m.Evaluering(utfort_dato=day))
                day += days(evaluated * rng.uniform(0.7, 1.4))
        plan = m.Plan(
            id=self.id(),
            start_dato=start,
            plantype=plantype,
            migrert_id=self.migrated(start),
            evaluering=tuple(evaluations),
            konklusjon=self.ends(end),
        )
        self.plan.append(plan)
        return plan

    def measure(self, vedtak: m.Vedtak, kategori: str, start: date, end: date, why: str | None = None) -> m.Tiltak:
        """A measure of a decision. Foster homes are supervised and followed up."""
        rng = self.rng
        foster = kategori in codes.FOSTER
        tiltak = m.Tiltak(
            id=self.id(),
            start_dato=start,
            migrert_id=self.migrated(start),
            lovhjemmel=vedtak.lovhjemmel,
            kategori=m.Kategori(kode=kategori, presisering=codes.text_for(rng, "TiltakKategori", kategori)),
            tiltaksgrunnlag=codes.contents(rng, start, self.version) if rng.random() < 0.25 else (),
            tilsyn=self.supervised(start, end) if foster else None,
            oppfolging=self.followed_up(start, end) if foster and has(m.Tiltak, "oppfolging", self.version) else None,
            opphevelse=m.Opphevelse(
                kode=why,
                presisering=codes.text_for(rng, "TiltakOpphevelse", why),
            )
            if why
            else None,
            konklusjon=self.ends(end),
        )
        self.tiltak.append(tiltak)
        self.relate(vedtak, tiltak, start)
        return tiltak

    def visits(self, start: date, end: date, met: float) -> list[date]:
        rng, stop, found = self.rng, min(end, self.stop), []
        day = start + days(rng.randrange(20, 100))
        while day <= stop:
            if rng.random() < met:
                found.append(day)
            day += days(rng.randrange(75, 105) / min(self.brief.busy, 4))
        return found

    def supervised(self, start: date, end: date) -> m.Tilsyn:
        rng, home = self.rng, self.brief.kommune
        by = [home.number if rng.random() < 0.35 else self.other_kommune()]
        if rng.random() < 0.1:
            by.append(self.other_kommune())
        changed = start + days((end - start).days * 0.5)
        frequency = [m.TilsynHyppighet(id=self.id(), start_dato=start, kode="4")]
        if (end - start).days > 900 and rng.random() < 0.3:
            frequency.append(m.TilsynHyppighet(id=self.id(), start_dato=changed, kode="2"))
        return m.Tilsyn(
            ansvarlig=tuple(
                m.TilsynAnsvarlig(id=self.id(), start_dato=(start, changed)[i], kommunenummer=number)
                for i, number in enumerate(by)
            ),
            hyppighet=tuple(frequency),
            utfort=tuple(m.TilsynUtfort(id=self.id(), utfort_dato=day) for day in self.visits(start, end, 0.88)),
        )

    def followed_up(self, start: date, end: date) -> m.Oppfolging:
        return m.Oppfolging(
            hyppighet=(m.OppfolgingHyppighet(id=self.id(), start_dato=start, kode="4"),),
            utfort=tuple(m.OppfolgingUtfort(id=self.id(), utfort_dato=day) for day in self.visits(start, end, 0.85)),
        )

    def other_kommune(self) -> str:
        return self.rng.choice(kommuner()).number

    # --- measures while the child lives at home ----------------------------------------------------------------------

    def helped(self, undersokelse: m.Undersokelse, until: date) -> date:
        """Measures in the home, decided anew about once a year."""
        rng, day = self.rng, _end(undersokelse)
        until = max(until, day + days(1))
        if rng.random() < 0.88:
            self.planned("1", day + days(rng.randrange(0, 30)), until, evaluated=150)
        first = True
        while day < until and day <= self.stop:
            end = min(until, day + days(rng.randrange(180, 420)))
            if (until - end).days < 30:
                end = until
            vedtak = self.decided("pålegg" if rng.random() < 0.02 else "hjelp", day, end)
            if first:
                self.relate(undersokelse, vedtak, day)
                first = False
            self.at_home(vedtak, day, end, rng.choices((1, 2, 3, 4), (50, 32, 13, 5))[0])
            day = end
        return max(until, day)

    def at_home(self, vedtak: m.Vedtak, start: date, end: date, count: int) -> None:
        """Measures that are not placements; each ends before the child is too old for it."""
        rng, given = self.rng, 0
        for kategori in codes.measures(rng, self.age(start), count):
            begins = start + days(rng.random() * min(30, (end - start).days))
            ends = end if rng.random() < 0.7 else begins + days(rng.random() * (end - begins).days)
            if (oldest := codes.last_age(kategori)) is not None:
                ends = min(ends, self.child.birthday(oldest) - days(1))
            if ends > begins:
                self.measure(vedtak, kategori, begins, ends)
                given += 1
        if not given:
            self.measure(vedtak, "3.9", start, end)

    # --- placements --------------------------------------------------------------------------------------------------

    def placed(self, undersokelse: m.Undersokelse, kind: Kind, until: date) -> date:
        """Placement: agreed, by care order, or for behaviour; with aftercare when the child comes of age."""
        rng, concluded = self.rng, _end(undersokelse)
        adult = self.child.birthday(18)
        start = concluded
        compulsory = kind == "omsorg" or (kind == "atferd" and rng.random() < 0.5)
        basis = {"omsorg": "omsorg", "frivillig": "frivillig"}.get(kind, "atferd" if compulsory else "samtykke")
        if compulsory:
            start = concluded + days(rng.randrange(50, 130))  # the board's time
        until = min(max(until, start + days(60)), adult)
        if until <= start + days(20):  # no time left before the child comes of age
            return self.helped(undersokelse, max(adult, concluded + days(1)))
        if kind != "frivillig" and rng.random() < 0.4:
            self.emergency(undersokelse, start)
        statuses: list[tuple[date, str]] = [(concluded, "2"), (start, "1")] if compulsory else [(concluded, "1")]
        vedtak = self.decided(basis, concluded, until, statuses=statuses, krav=self.demands(start, until, compulsory))
        self.relate(undersokelse, vedtak, concluded)
        if compulsory:
            self.sent_to_board(vedtak)
        if rng.random() < 0.87:
            plantype = "4" if kind == "omsorg" else "2" if kind == "atferd" else "1"
            self.planned(plantype, start, until, evaluated=180)
        if kind == "omsorg" and start >= codes.NEW_ACT and rng.random() < 0.5:
            self.planned("6", start + days(10), until, evaluated=365)
        self.homes(vedtak, kind, start, until, adult)
        if kind == "omsorg" and rng.random() < 0.5:
            self.measure(vedtak, rng.choice(("4.5", "5.3", "4.3")), start + days(15), until)
        if until == adult:
            return self.aftercare(adult)
        if rng.random() < 0.5:
            helped = self.decided("hjelp", until, min(adult, until + days(rng.randrange(60, 300))))
            self.at_home(helped, until, _end(helped), 2)
        return self.last

    def homes(self, vedtak: m.Vedtak, kind: Kind, start: date, until: date, adult: date) -> None:
        """Where the child lives during the placement, one home after another, and the moves between them."""
        rng, day = self.rng, start + days(self.rng.randrange(0, 8))
        while day < until and day <= self.stop:
            kategori = "1.1" if kind == "atferd" else codes.placement(rng, self.age(day), day, self.version)
            end = until if rng.random() < 0.4 else min(until, day + days(60 + rng.expovariate(1 / 1200)))
            if (until - end).days < 30:
                end = until
            if kategori == "8.2" and day < codes.NEW_CODES <= end and not codes.before_2026(self.version):
                end = max(day + days(1), codes.NEW_CODES - days(1))
            why = "2" if end == adult else "4" if end < until else rng.choices(("1", "3", "4"), (30, 5, 65))[0]
            self.measure(vedtak, kategori, day, end, why=why if kind == "omsorg" else None)
            self.moved(kategori, end, adult, last=end == until)
            day = end

    def moved(self, kategori: str, day: date, adult: date, *, last: bool) -> None:
        rng = self.rng
        if kategori in codes.INSTITUTION:
            fra = "2.4" if day >= adult else rng.choice(("2.1", "2.1", "2.2", "2.3", "2.5", "2.6", "2.9"))
        else:
            fra = "1.1.2" if day >= adult else rng.choice(("1.1.1", "1.1.3", "1.1.4", "1.2.1", "1.2.2", "1.2.3"))
        til = rng.choice(("5", "7", "6", "9")) if day >= adult else "6" if last else rng.choice(("1", "2", "2", "4"))
        self.flytting.append(
            m.Flytting(
                id=self.id(),
                slutt_dato=day,
                migrert_id=self.migrated(day),
                arsak_fra=m.ArsakFra(kode=fra, presisering=codes.text_for(rng, "FlyttingArsakFra", fra)),
                flytting_til=m.FlyttingTil(kode=til),
            )
        )
        self.last = max(self.last, day)

    def emergency(self, undersokelse: m.Undersokelse, until: date) -> None:
        """An emergency placement during the investigation, until the board has decided."""
        rng, since = self.rng, undersokelse.start_dato
        start = since + days(rng.random() * min(30, (_end(undersokelse) - since).days))
        vedtak = self.decided("akutt", start, until)
        self.measure(vedtak, codes.placement(rng, self.age(start), start, self.version, temporary=True), start, until)
        if start >= codes.NEW_ACT:
            self.planned("8", start, min(until, start + days(42)), evaluated=0)

    def sent_to_board(self, vedtak: m.Vedtak) -> None:
        sent = m.OversendelseFylkesnemnd(
            id=self.id(),
            start_dato=vedtak.start_dato,
            migrert_id=self.migrated(vedtak.start_dato),
            lovhjemmel=vedtak.lovhjemmel,
        )
        self.oversendelse.append(sent)
        self.relate(vedtak, sent, vedtak.start_dato)

    def demands(self, start: date, until: date, compulsory: bool) -> tuple[m.Krav, ...]:
        """Private parties' demands to change the board's decision."""
        found, day = [], start
        while compulsory:
            day += days(200 + self.rng.expovariate(1 / 1500))
            if day + days(90) > min(until, self.stop):
                break
            concluded = day + days(self.rng.randrange(10, 80))
            kode = self.rng.choice(("1", "1", "2"))
            found.append(
                m.Krav(id=self.id(), start_dato=day, konklusjon=m.KravKonklusjon(slutt_dato=concluded, kode=kode))
            )
        return tuple(found)

    def aftercare(self, adult: date) -> date:
        """The offer of aftercare before the 18th birthday, and the measures of those who accept it."""
        rng = self.rng
        sent = max(self.start, adult - days(rng.randrange(30, 200)))
        answered = min(adult, sent + days(rng.randrange(3, 60)))
        kode = rng.choices(("1", "2", "3"), (78, 6, 16))[0]
        self.ettervern.append(
            m.Ettervern(
                id=self.id(),
                tilbud_sendt_dato=sent,
                migrert_id=self.migrated(sent),
                konklusjon=m.EttervernKonklusjon(slutt_dato=answered, kode=kode),
            )
        )
        if kode == "3" or adult > self.stop:
            return adult
        until = min(adult + days(rng.randrange(200, 1800)), self.child.birthday(25) - days(60))
        vedtak = self.decided("ettervern", adult, until)
        self.planned("5" if adult >= codes.NEW_ACT else "1", adult, until, evaluated=180)
        day = adult
        while day < until and day <= self.stop:
            end = min(until, day + days(rng.randrange(150, 700)))
            kategori = codes.placement(rng, 18, day, self.version)
            if kategori == "8.2" and day < codes.NEW_CODES <= end and not codes.before_2026(self.version):
                end = max(day + days(1), codes.NEW_CODES - days(1))
            self.measure(vedtak, kategori, day, end)
            day = end
        for kategori in codes.measures(rng, 18, rng.randrange(0, 3)):
            self.measure(vedtak, kategori, adult + days(5), until)
        return until


def _end(element: Any) -> date:
    day: date = element.konklusjon.slutt_dato
    return day


def _in_time(elements: list[Any]) -> tuple[Any, ...]:
    return tuple(sorted(elements, key=lambda e: e.start_dato))
