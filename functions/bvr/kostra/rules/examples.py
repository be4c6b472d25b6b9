"""Builders of small clients for the examples of the rules: everything a schema demands has an ordinary default.

    individ(melding(undersokelse(slutt="2024-05-01")), tiltak(kategori="1.1"), slutt="2024-12-31")

Records are given to `individ` in any order. A record's Id is the name and a number that counts the records of that
name in the client from 1, unless `id=` says otherwise. Person numbers are synthetic (month + 80), and the reporting
year is 2024.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from functools import cache
from typing import Any

from msgspec.structs import replace

from bvr.kostra import concepts as m
from bvr.kostra.form import Form
from bvr.model.identifiers import make_duf, make_fodselsnummer
from bvr.model.types import Concept

YEAR = 2024
Coded = str | tuple[str, str | None]  # a code, or a code and its clarification
NEW = ""  # an Id that `individ` fills in
DUF = make_duf(2999, 1)  # of a year to come


@cache
def nummer(born: str, *, dnr: bool = False, synthetic: bool = True, male: bool = True) -> str:
    """A person number of a day of birth; synthetic unless the case is about that."""
    day = date.fromisoformat(born)
    first = 501 if day.year >= 2000 else 1
    for individual in range(first + (not male), first + 400, 2):
        found = make_fodselsnummer(day, male, individual, synthetic=synthetic, dnr=dnr)
        if found is not None:
            return found
    raise ValueError(f"no number for {born}")


BOY = nummer("2012-03-14")


def _date(value: str | None) -> Any:
    return date.fromisoformat(value) if value else None


def form(
    year: int = YEAR,
    kommunenummer: str = "3301",
    kommunenavn: str = "Drammen",
    organisasjonsnummer: str = "310000019",
) -> Form:
    """What the form beside the file says."""
    return Form(
        year=year, kommunenummer=kommunenummer, kommunenavn=kommunenavn, organisasjonsnummer=organisasjonsnummer
    )


def avgiver(
    versjon: str = str(YEAR),
    kommunenummer: str = "3301",
    kommunenavn: str = "Drammen",
    organisasjonsnummer: str = "310000019",
) -> m.Avgiver:
    return m.Avgiver(
        versjon=versjon,
        kommunenummer=kommunenummer,
        kommunenavn=kommunenavn,
        organisasjonsnummer=organisasjonsnummer,
    )


def individ(
    *records: Concept,
    start: str = "2020-01-01",
    slutt: str | None = None,
    avsluttet: bool = False,
    nr: str | None = BOY,
    duf: str | None = None,
    journalnummer: str = "2020/17",
    id: str = "1",
    bydelsnummer: str | None = None,
    bydelsnavn: str | None = None,
    saksbehandler: str = "Saksbehandler",
) -> m.Individ:
    """A client with the given records, sorted into their places and given their Ids."""
    lists: dict[str, list[Any]] = {}
    count: Counter[str] = Counter()
    for given in records:
        record, name = given, type(given).__name__
        count[name] += 1
        if getattr(record, "id") == NEW:  # noqa: B009
            record = replace(record, id=f"{name}-{count[name]}")
        if isinstance(record, m.Melding) and record.undersokelse is not None and record.undersokelse.id == NEW:
            record = replace(record, undersokelse=replace(record.undersokelse, id=f"Undersokelse-{count[name]}"))
        lists.setdefault(name.lower(), []).append(record)
    placed: dict[str, Any] = {name: tuple(found) for name, found in lists.items()}
    return m.Individ(
        id=id,
        start_dato=_date(start),
        slutt_dato=_date(slutt),
        journalnummer=journalnummer,
        fodselsnummer=nr,
        duf_nummer=duf,
        bydelsnummer=bydelsnummer,
        bydelsnavn=bydelsnavn,
        saksbehandler=saksbehandler,
        avslutta3112="1" if avsluttet else "2",
        **placed,
    )


def coded(kind: Any, *codes: Coded) -> tuple[Any, ...]:
    """Codes with their clarifications: "22" or ("22", "Naboen")."""
    return tuple(kind(kode=one) if isinstance(one, str) else kind(kode=one[0], presisering=one[1]) for one in codes)


def melding(
    undersokelse: m.Undersokelse | None = None,
    *,
    start: str = "2024-03-01",
    slutt: str | None = None,
    konklusjon: str | None = None,
    melder: tuple[Coded, ...] = ("1",),
    saksinnhold: tuple[Coded, ...] = ("1",),
    id: str = NEW,
) -> m.Melding:
    return m.Melding(
        id=id,
        start_dato=_date(start),
        slutt_dato=_date(slutt),
        konklusjon=konklusjon,
        melder=coded(m.Melder, *melder),
        saksinnhold=coded(m.Saksinnhold, *saksinnhold),
        undersokelse=undersokelse,
    )


def undersokelse(
    *,
    start: str = "2024-08-01",
    slutt: str | None = None,
    konklusjon: str | None = None,
    presisering: str | None = None,
    vedtaksgrunnlag: tuple[Coded, ...] = ("1",),
    id: str = NEW,
) -> m.Undersokelse:
    return m.Undersokelse(
        id=id,
        start_dato=_date(start),
        slutt_dato=_date(slutt),
        konklusjon=konklusjon,
        presisering=presisering,
        vedtaksgrunnlag=coded(m.Vedtaksgrunnlag, *vedtaksgrunnlag),
    )


def plan(
    *,
    start: str = "2024-03-01",
    slutt: str | None = None,
    evaluert: str | None = None,
    plantype: str = "1",
    id: str = NEW,
) -> m.Plan:
    return m.Plan(
        id=id,
        start_dato=_date(start),
        slutt_dato=_date(slutt),
        evaluert_dato=_date(evaluert),
        plantype=plantype,
    )


def lov(
    lov: str = "BVL2021",
    kapittel: str = "3",
    paragraf: str = "1",
    ledd: str | None = None,
    bokstav: str | None = None,
    punktum: str | None = None,
    *,
    kind: Any = m.Lovhjemmel,
) -> Any:
    return kind(lov=lov, kapittel=kapittel, paragraf=paragraf, bokstav=bokstav, ledd=ledd, punktum=punktum)


def tiltak(
    *,
    start: str = "2024-03-01",
    slutt: str | None = None,
    kategori: Coded = "3.1",
    lovhjemmel: m.Lovhjemmel | None = None,
    jmfr: tuple[Any, ...] = (),
    opphevelse: Coded | None = None,
    id: str = NEW,
) -> m.Tiltak:
    return m.Tiltak(
        id=id,
        start_dato=_date(start),
        slutt_dato=_date(slutt),
        lovhjemmel=lovhjemmel or lov(),
        jmfr_lovhjemmel=jmfr,
        kategori=coded(m.Kategori, kategori)[0],
        opphevelse=coded(m.Opphevelse, opphevelse)[0] if opphevelse else None,
    )


def flytting(*, slutt: str = "2024-05-01", fra: str = "1.1.1", til: str = "2", id: str = NEW) -> m.Flytting:
    return m.Flytting(
        id=id, slutt_dato=_date(slutt), arsak_fra=m.ArsakFra(kode=fra), flytting_til=m.FlyttingTil(kode=til)
    )
