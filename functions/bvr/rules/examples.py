"""Builders of small documents for the examples of the rules: everything a schema demands has an ordinary default.

    document(sak(melding(start="2025-03-01", slutt="2025-03-08"), personalia()))

Elements are given to `sak` in any order. An element's Id is `uid(name, number)`, where number counts the elements of
that name in the case from 1, unless `id=` says otherwise; so relations can name both ends by number. `None` for a
field leaves it out. Person numbers are synthetic (month + 80).
"""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from typing import Any

from msgspec.structs import replace

from bvr.model import concepts as m
from bvr.model.types import Concept, fields

BOY = "14831299925"  # born 2012-03-14
GIRL = "14831299844"  # born 2012-03-14
TODAY = "2025-06-15"
NEW = ""  # an Id that `sak` fills in

_ORDER = (*m.BEGREP, "Slettet", "Krav", "Status", "Ansvarlig", "Hyppighet", "Utfort", "Barnevern", "Sak")


def uid(name: str, number: int = 1) -> str:
    """The Id of the `number`th element of that name in an example."""
    return f"{_ORDER.index(name) + 1:08x}-0000-4000-8000-{number:012x}"


def _date(value: str | date | None) -> Any:
    return date.fromisoformat(value) if isinstance(value, str) else value


def document(
    sak: m.Sak,
    *,
    today: str = TODAY,
    avgiver: m.Avgiver | None = None,
    forrige_id: str | None = None,
) -> m.Barnevern:
    """A whole submission. `today` is a date (extracted at noon) or a full moment with its offset."""
    return m.Barnevern(
        id=uid("Barnevern"),
        dato_uttrekk=datetime.fromisoformat(today if "T" in today else f"{today}T12:00:00+02:00"),
        forrige_id=forrige_id,
        fagsystem=m.Fagsystem(leverandor="Eksempelleverandør", navn="Eksempelsystem", versjon="1.0"),
        avgiver=avgiver or kommune(),
        sak=sak,
    )


def kommune(
    organisasjonsnummer: str = "310000019",
    kommunenummer: str = "3301",
    kommunenavn: str = "Drammen",
    bydelsnummer: str | None = None,
    bydelsnavn: str | None = None,
) -> m.Avgiver:
    return m.Avgiver(
        organisasjonsnummer=organisasjonsnummer,
        kommunenummer=kommunenummer,
        kommunenavn=kommunenavn,
        bydelsnummer=bydelsnummer,
        bydelsnavn=bydelsnavn,
    )


def sak(
    *elements: Concept,
    start: str = "2020-01-01",
    slutt: str | None = None,
    migrert_id: str | None = None,
    er_slettet: bool | None = None,
    journalnummer: str = "2020/17",
) -> m.Sak:
    """A case with the given elements, sorted into their places and given their Ids."""
    lists: dict[str, list[Any]] = {}
    count: Counter[str] = Counter()
    places = {f.concept: f.name for f in fields(m.Sak) if f.concept}
    for element in elements:
        name = type(element).__name__
        count[name] += 1
        if getattr(element, "id", None) == NEW:
            element = replace(element, id=uid(name, count[name]))  # noqa: PLW2901
        lists.setdefault(places[type(element)], []).append(element)
    return m.Sak(
        id=uid("Sak"),
        start_dato=_date(start),
        slutt_dato=_date(slutt),
        migrert_id=migrert_id,
        er_slettet=er_slettet,
        journalnummer=journalnummer,
        **_tuples(lists),
    )


def _tuples(lists: dict[str, list[Any]]) -> dict[str, Any]:
    return {name: tuple(found) for name, found in lists.items()}


def personalia(
    nummer: str = BOY,
    fodt: str = "2012-03-14",
    kjonn: str = "1",
    start: str = "2020-01-01",
    duf: str | None = None,
    er_slettet: bool | None = None,
) -> m.Personalia:
    return m.Personalia(
        id=NEW,
        start_dato=_date(start),
        fodselsnummer=nummer,
        fodseldato=_date(fodt),
        kjonn=kjonn,
        duf_nummer=duf,
        er_slettet=er_slettet,
    )


def koder(*pairs: str | tuple[str, str], of: type[Concept]) -> tuple[Any, ...]:
    """Melder, Saksinnhold … from codes, or (code, clarification)."""
    return tuple(of(kode=p) if isinstance(p, str) else of(kode=p[0], presisering=p[1]) for p in pairs)


def melding(
    start: str = "2024-02-01",
    slutt: str | None = None,
    kode: str = "2",
    melder: tuple[str | tuple[str, str], ...] = ("11",),
    saksinnhold: tuple[str | tuple[str, str], ...] = ("3",),
    konklusjon_slettet: bool | None = None,
    id: str = NEW,
    migrert_id: str | None = None,
    er_slettet: bool | None = None,
) -> m.Melding:
    """A report; concluded when `slutt` is given."""
    return m.Melding(
        id=id,
        start_dato=_date(start),
        migrert_id=migrert_id,
        er_slettet=er_slettet,
        melder=koder(*melder, of=m.Melder),
        saksinnhold=koder(*saksinnhold, of=m.Saksinnhold),
        konklusjon=m.MeldingKonklusjon(slutt_dato=_date(slutt), kode=kode, er_slettet=konklusjon_slettet)
        if slutt
        else None,
    )


def undersokelse(
    start: str = "2024-02-08",
    slutt: str | None = None,
    kode: str = "3",
    vedtaksgrunnlag: tuple[str | tuple[str, str], ...] = (),
    utvidet: str | None = None,
    innvilget: str | None = None,
    presisering: str | None = None,
    id: str = NEW,
    migrert_id: str | None = None,
    er_slettet: bool | None = None,
) -> m.Undersokelse:
    """An investigation; `utvidet` is the day a longer deadline was asked for, `innvilget` the answer ("1" or "2")."""
    return m.Undersokelse(
        id=id,
        start_dato=_date(start),
        migrert_id=migrert_id,
        er_slettet=er_slettet,
        vedtaksgrunnlag=koder(*vedtaksgrunnlag, of=m.Saksinnhold),
        utvidet_frist=m.UtvidetFrist(start_dato=_date(utvidet), innvilget=innvilget) if utvidet else None,
        konklusjon=m.UndersokelseKonklusjon(slutt_dato=_date(slutt), kode=kode, presisering=presisering)
        if slutt
        else None,
    )


def lov(
    lov: str = "BVL2021",
    kapittel: str = "3",
    paragraf: str = "1",
    ledd: tuple[str, ...] = (),
    bokstav: tuple[str, ...] = (),
    punktum: tuple[str, ...] = (),
) -> m.Lovhjemmel:
    return m.Lovhjemmel(lov=lov, kapittel=kapittel, paragraf=paragraf, ledd=ledd, bokstav=bokstav, punktum=punktum)


def _slutt(slutt: str | None) -> m.Avslutning | None:
    return m.Avslutning(slutt_dato=_date(slutt)) if slutt else None


def plan(
    start: str = "2024-03-01",
    slutt: str | None = None,
    plantype: str = "1",
    evaluert: tuple[str, ...] = (),
    id: str = NEW,
    migrert_id: str | None = None,
    er_slettet: bool | None = None,
) -> m.Plan:
    return m.Plan(
        id=id,
        start_dato=_date(start),
        plantype=plantype,
        migrert_id=migrert_id,
        er_slettet=er_slettet,
        evaluering=tuple(m.Evaluering(utfort_dato=_date(d)) for d in evaluert),
        konklusjon=_slutt(slutt),
    )


def tiltak(
    start: str = "2024-03-01",
    slutt: str | None = None,
    kategori: str = "3.1",
    presisering: str | None = None,
    lovhjemmel: m.Lovhjemmel | None = None,
    jmfr: tuple[m.Lovhjemmel, ...] = (),
    opphevelse: str | tuple[str, str] | None = None,
    tilsyn: m.Tilsyn | None = None,
    oppfolging: m.Oppfolging | None = None,
    id: str = NEW,
    migrert_id: str | None = None,
    er_slettet: bool | None = None,
) -> m.Tiltak:
    return m.Tiltak(
        id=id,
        start_dato=_date(start),
        migrert_id=migrert_id,
        er_slettet=er_slettet,
        lovhjemmel=lovhjemmel or lov(),
        jmfr_lovhjemmel=jmfr,
        kategori=m.Kategori(kode=kategori, presisering=presisering),
        tilsyn=tilsyn,
        oppfolging=oppfolging,
        opphevelse=koder(opphevelse, of=m.Opphevelse)[0] if opphevelse else None,
        konklusjon=_slutt(slutt),
    )


def krav(start: str, slutt: str | None = None, kode: str = "1", id: str = uid("Krav")) -> m.Krav:
    konklusjon = m.KravKonklusjon(slutt_dato=_date(slutt), kode=kode) if slutt else None
    return m.Krav(id=id, start_dato=_date(start), konklusjon=konklusjon)


def vedtak(
    start: str = "2024-02-20",
    slutt: str | None = None,
    status: tuple[tuple[str, str], ...] | None = None,
    krav: tuple[m.Krav, ...] = (),
    lovhjemmel: m.Lovhjemmel | None = None,
    jmfr: tuple[m.Lovhjemmel, ...] = (),
    id: str = NEW,
    migrert_id: str | None = None,
    er_slettet: bool | None = None,
) -> m.Vedtak:
    """A decision; `status` is (day, code) pairs, one status 1 on the day of the decision unless given."""
    return m.Vedtak(
        id=id,
        start_dato=_date(start),
        migrert_id=migrert_id,
        er_slettet=er_slettet,
        lovhjemmel=lovhjemmel or lov(),
        jmfr_lovhjemmel=jmfr,
        krav=krav,
        status=tuple(
            m.Status(id=uid("Status", number), endret_dato=_date(day), kode=kode)
            for number, (day, kode) in enumerate(status or ((start, "1"),), 1)
        ),
        konklusjon=_slutt(slutt),
    )


def ettervern(
    sendt: str = "2024-03-01",
    slutt: str | None = None,
    kode: str = "1",
    id: str = NEW,
    migrert_id: str | None = None,
    er_slettet: bool | None = None,
) -> m.Ettervern:
    konklusjon = m.EttervernKonklusjon(slutt_dato=_date(slutt), kode=kode) if slutt else None
    return m.Ettervern(
        id=id, tilbud_sendt_dato=_date(sendt), migrert_id=migrert_id, er_slettet=er_slettet, konklusjon=konklusjon
    )


def oversendelse(
    start: str = "2024-03-01",
    lovhjemmel: m.Lovhjemmel | None = None,
    jmfr: tuple[m.Lovhjemmel, ...] = (),
    id: str = NEW,
    migrert_id: str | None = None,
    er_slettet: bool | None = None,
) -> m.OversendelseFylkesnemnd:
    return m.OversendelseFylkesnemnd(
        id=id,
        start_dato=_date(start),
        migrert_id=migrert_id,
        er_slettet=er_slettet,
        lovhjemmel=lovhjemmel or lov(),
        jmfr_lovhjemmel=jmfr,
    )


def flytting(
    slutt: str = "2024-05-01",
    fra: str = "1.1.1",
    til: str = "2",
    id: str = NEW,
    migrert_id: str | None = None,
    er_slettet: bool | None = None,
) -> m.Flytting:
    return m.Flytting(
        id=id,
        slutt_dato=_date(slutt),
        migrert_id=migrert_id,
        er_slettet=er_slettet,
        arsak_fra=m.ArsakFra(kode=fra),
        flytting_til=m.FlyttingTil(kode=til),
    )


def relasjon(
    fra_type: str,
    til_type: str,
    fra: int | str = 1,
    til: int | str = 1,
    er_slettet: bool | None = None,
) -> m.Relasjon:
    """A relation; an end is the number of the element in the case, or an Id (or MigrertId) as it stands."""
    return m.Relasjon(
        id=NEW,
        fra_id=uid(fra_type, fra) if isinstance(fra, int) else fra,
        fra_type=fra_type,
        til_id=uid(til_type, til) if isinstance(til, int) else til,
        til_type=til_type,
        er_slettet=er_slettet,
    )


def slettet(type: str = "Plan", id: str | None = None, slutt: str = "2024-06-01") -> m.Slettet:
    return m.Slettet(id=id or uid(type, 9), type=type, slutt_dato=_date(slutt))
