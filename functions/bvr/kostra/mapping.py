"""A client of a KOSTRA file as a case of the register's model (reference section 4), for the migration report.

Ids cannot be carried: the old keys become `MigrertId`, and the case gets ids of its own that follow from them, the same
every time. What does not fit is reported, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import msgspec

from bvr.kostra import concepts as k
from bvr.kostra.form import Form
from bvr.kostra.rules.terms import birth_date
from bvr.model import concepts as m
from bvr.model.codelists import codelist
from bvr.model.identifiers import GIRL, UNBORN
from bvr.model.versions import CURRENT

_NUMBER = re.compile(r"[0-9]+[a-z]*")
_DIGITS = re.compile(r"[0-9]{1,3}")
_LETTER = re.compile("[a-z]")
FAGSYSTEM = m.Fagsystem(leverandor="KOSTRA", navn="KOSTRA 15F", versjon="1")


class Unmapped(msgspec.Struct, frozen=True):
    """What of a client has no place in the model. `what` names the record and the field; no value is repeated."""

    path: str
    what: str


class Mapped(msgspec.Struct, frozen=True):
    """A client as a case, and what could not be carried."""

    document: m.Barnevern
    left_out: tuple[Unmapped, ...]


def as_case(individ: k.Individ, avgiver: k.Avgiver, form: Form, number: int = 1) -> Mapped:
    """A client as a case of schema 4.0.1. `number` is its place in the file: keys of clients may repeat in it."""
    return _Mapper(individ, avgiver, form, number).mapped()


class _Mapper:
    def __init__(self, individ: k.Individ, avgiver: k.Avgiver, form: Form, number: int) -> None:
        self.individ = individ
        self.avgiver = avgiver
        self.form = form
        self.base = f"kostra/{avgiver.organisasjonsnummer}/{form.year}/{number}/{individ.id}"
        self.left_out: list[Unmapped] = []
        self.relations: list[m.Relasjon] = []

    def mapped(self) -> Mapped:
        i, a = self.individ, self.avgiver
        meldinger = tuple(self.melding(one, at) for at, one in enumerate(i.melding, 1))
        sak = m.Sak(
            id=self.id("Sak", 1),
            migrert_id=i.id,
            start_dato=i.start_dato,
            slutt_dato=i.slutt_dato,
            journalnummer=i.journalnummer,
            avsluttet=i.avslutta3112 == "1",
            personalia=tuple(self.personalia()),
            melding=meldinger,
            undersokelse=tuple(
                self.undersokelse(one.undersokelse, meldinger[at - 1], at)
                for at, one in enumerate(i.melding, 1)
                if one.undersokelse is not None
            ),
            plan=tuple(self.plan(one, at) for at, one in enumerate(i.plan, 1)),
            tiltak=tuple(self.tiltak(one, at) for at, one in enumerate(i.tiltak, 1)),
            flytting=tuple(self.flytting(one, at) for at, one in enumerate(i.flytting, 1)),
            relasjon=tuple(self.relations),
        )
        document = m.Barnevern(
            id=self.id("Barnevern", 1),
            # The count day, at its end: the file tells how things stood then.
            dato_uttrekk=datetime.combine(date(self.form.year, 12, 31), time(22, 59, 59), UTC),
            fagsystem=FAGSYSTEM,
            avgiver=m.Avgiver(
                organisasjonsnummer=a.organisasjonsnummer,
                kommunenummer=a.kommunenummer,
                kommunenavn=a.kommunenavn,
                bydelsnummer=i.bydelsnummer,
                bydelsnavn=i.bydelsnavn,
            ),
            sak=sak,
        )
        return Mapped(document, tuple(self.left_out))

    def id(self, kind: str, at: int) -> str:
        return str(uuid5(NAMESPACE_URL, f"{self.base}/{kind}/{at}"))

    def leave(self, path: str, what: str) -> None:
        self.left_out.append(Unmapped(path, what))

    def personalia(self) -> Iterator[m.Personalia]:
        """The child, where its number says when it was born: the model asks for a number and a date."""
        i = self.individ
        if i.fodselsnummer is None:
            self.leave("Individ", "Personalia: uten Fodselsnummer")
            return
        born = birth_date(i.fodselsnummer, self.form.year)
        if born is None:
            self.leave("Individ", "Personalia: Fodselsnummer uten dato")
            return
        yield m.Personalia(
            id=self.id("Personalia", 1),
            start_dato=i.start_dato,
            fodselsnummer=i.fodselsnummer,
            fodseldato=born,
            kjonn=_kjonn(i.fodselsnummer),
            duf_nummer=i.duf_nummer,
        )

    def melding(self, one: k.Melding, at: int) -> m.Melding:
        path = f"Melding[{at}]"
        konklusjon = None
        if one.slutt_dato is not None and one.konklusjon is not None:
            konklusjon = m.MeldingKonklusjon(slutt_dato=one.slutt_dato, kode=one.konklusjon)
        elif one.slutt_dato is not None or one.konklusjon is not None:
            self.leave(path, "Konklusjon: SluttDato og Konklusjon må stå sammen")
        return m.Melding(
            id=self.id("Melding", at),
            start_dato=one.start_dato,
            migrert_id=one.id,
            melder=tuple(m.Melder(kode=c.kode, presisering=c.presisering) for c in one.melder),
            saksinnhold=_innhold(one.saksinnhold),
            konklusjon=konklusjon,
        )

    def undersokelse(self, one: k.Undersokelse, melding: m.Melding, at: int) -> m.Undersokelse:
        """The investigation, and the relation that its place inside the report stood for."""
        found = self.id("Undersokelse", at)
        konklusjon = None
        if one.slutt_dato is not None and one.konklusjon is not None:
            konklusjon = m.UndersokelseKonklusjon(
                slutt_dato=one.slutt_dato, kode=one.konklusjon, presisering=one.presisering
            )
        elif one.slutt_dato is not None or one.konklusjon is not None:
            self.leave(f"Melding[{at}]/Undersokelse", "Konklusjon: SluttDato og Konklusjon må stå sammen")
        self.relations.append(
            m.Relasjon(
                id=self.id("Relasjon", at),
                fra_id=melding.id,
                fra_type="Melding",
                til_id=found,
                til_type="Undersokelse",
            )
        )
        return m.Undersokelse(
            id=found,
            start_dato=one.start_dato,
            migrert_id=one.id,
            vedtaksgrunnlag=_innhold(one.vedtaksgrunnlag),
            konklusjon=konklusjon,
        )

    def plan(self, one: k.Plan, at: int) -> m.Plan:
        return m.Plan(
            id=self.id("Plan", at),
            start_dato=one.start_dato,
            migrert_id=one.id,
            plantype=one.plantype,
            evaluering=(m.Evaluering(utfort_dato=one.evaluert_dato),) if one.evaluert_dato else (),
            konklusjon=m.Avslutning(slutt_dato=one.slutt_dato) if one.slutt_dato else None,
        )

    def tiltak(self, one: k.Tiltak, at: int) -> m.Tiltak:
        path = f"Tiltak[{at}]"
        jmfr = [self.lovhjemmel(basis, f"{path}/JmfrLovhjemmel[{n}]") for n, basis in enumerate(one.jmfr_lovhjemmel, 1)]
        basis = self.lovhjemmel(one.lovhjemmel, f"{path}/Lovhjemmel")
        return m.Tiltak(
            id=self.id("Tiltak", at),
            start_dato=one.start_dato,
            migrert_id=one.id,
            # The model demands one: an unknown basis says so, and rule Lovhjemmel 4 sees it.
            lovhjemmel=basis or m.Lovhjemmel(lov="BVL", kapittel="0", paragraf="0"),
            jmfr_lovhjemmel=tuple(found for found in jmfr if found is not None),
            kategori=m.Kategori(kode=one.kategori.kode, presisering=one.kategori.presisering),
            tiltaksgrunnlag=_innhold(one.tiltaksgrunnlag),
            opphevelse=m.Opphevelse(kode=one.opphevelse.kode, presisering=one.opphevelse.presisering)
            if one.opphevelse
            else None,
            konklusjon=m.Avslutning(slutt_dato=one.slutt_dato) if one.slutt_dato else None,
        )

    def lovhjemmel(self, one: k.Lovhjemmel, path: str) -> m.Lovhjemmel | None:
        """A legal basis in the words of the model: the act in capitals, empty parts left out; None when it does not
        fit."""
        lov = one.lov.strip().upper()
        whole = [self.part(one, path, "ledd", _DIGITS), self.part(one, path, "bokstav", _LETTER)]
        if (
            lov not in codelist("Lov")
            or not _fits(one.kapittel, 3)
            or not _fits(one.paragraf, 4)
            or not codelist("Lov")[lov].in_version(CURRENT)
        ):
            self.leave(path, "Lov, Kapittel eller Paragraf")
            return None
        return m.Lovhjemmel(
            lov=lov,
            kapittel=one.kapittel,
            paragraf=one.paragraf,
            ledd=whole[0],
            bokstav=whole[1],
            punktum=self.part(one, path, "punktum", _DIGITS),
        )

    def part(self, one: k.Lovhjemmel, path: str, name: str, form: re.Pattern[str]) -> tuple[str, ...]:
        value: Any = getattr(one, name)
        if not value:
            return ()
        if not form.fullmatch(value):
            self.leave(path, name.capitalize())
            return ()
        return (value,)

    def flytting(self, one: k.Flytting, at: int) -> m.Flytting:
        return m.Flytting(
            id=self.id("Flytting", at),
            slutt_dato=one.slutt_dato,
            migrert_id=one.id,
            arsak_fra=m.ArsakFra(kode=one.arsak_fra.kode, presisering=one.arsak_fra.presisering),
            flytting_til=m.FlyttingTil(kode=one.flytting_til.kode, presisering=one.flytting_til.presisering),
        )


def _innhold(given: tuple[Any, ...]) -> tuple[m.Saksinnhold, ...]:
    return tuple(m.Saksinnhold(kode=c.kode, presisering=c.presisering) for c in given)


def _fits(value: str, longest: int) -> bool:
    return len(value) <= longest and bool(_NUMBER.fullmatch(value))


def _kjonn(number: str) -> str:
    """0 unborn, 1 male, 2 female: by the ninth digit of a number, or by what a suffix stands for."""
    if number[6:] == UNBORN:
        return "0"
    if number[6:] == GIRL:
        return "2"
    return "1" if int(number[8]) % 2 else "2"
