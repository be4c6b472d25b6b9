"""Rules of the investigation and its grounds."""

from __future__ import annotations

from datetime import date

from bvr.kostra.concepts import Individ, Undersokelse
from bvr.kostra.rules.examples import individ, melding, undersokelse
from bvr.kostra.rules.families import (
    closed_without_end,
    code_without_text,
    end_after_client,
    end_outside_year,
    start_after_end,
    start_before_client,
)
from bvr.kostra.rules.options import IMPLEMENTED, TEXT, KostraOptions
from bvr.kostra.rules.rule import ADVARSEL, FEIL, Example, Klient, Result, fired, fires, rule, silent


def _one(**about: object) -> Individ:
    return individ(melding(undersokelse(**about)))  # type: ignore[arg-type]


start_after_end(
    "kostra-undersokelse-02a",
    Undersokelse,
    undersokelse,
    official="Undersøkelse Kontroll 2a: Startdato etter sluttdato",
)
end_outside_year(
    "kostra-undersokelse-02b",
    Undersokelse,
    undersokelse,
    official="Undersøkelse Kontroll 2b: Sluttdato mot rapporteringsår",
)


def _late(konklusjon: str | None) -> tuple[Individ, ...]:
    return (individ(melding(undersokelse(slutt="2024-06-02", konklusjon=konklusjon)), slutt="2024-06-01"),)


end_after_client(
    "kostra-undersokelse-02c",
    Undersokelse,
    undersokelse,
    official="Undersøkelse Kontroll 2c: Sluttdato mot individets sluttdato",
    applies=lambda u, k: u.konklusjon is not None or k.options.undersokelse_02c is IMPLEMENTED,
    extra=(
        Example("with a conclusion, as implemented", _late("3"), 1),
        Example("without a conclusion, as implemented", _late(None), 1),
        Example("with a conclusion, as text", _late("3"), 1, options=KostraOptions(undersokelse_02c=TEXT)),
        Example("without a conclusion, as text", _late(None), 0, options=KostraOptions(undersokelse_02c=TEXT)),
    ),
)
closed_without_end(
    "kostra-undersokelse-02d",
    Undersokelse,
    undersokelse,
    official="Undersøkelse Kontroll 2d: Avslutta 31 12 medfører at sluttdato skal være satt på undersøkelsen",
)
start_before_client(
    "kostra-undersokelse-02e",
    Undersokelse,
    undersokelse,
    official="Undersøkelse Kontroll 2e: Startdato mot individets startdato",
)
code_without_text(
    "kostra-undersokelse-03",
    Undersokelse,
    lambda kode, presisering: _one(slutt="2024-09-01", konklusjon=kode, presisering=presisering),
    official="Undersøkelse Kontroll 3: Kontroll av kode og presisering",
    codes=("5",),
    ordinary="4",
    of=lambda u: iter(((u.konklusjon, u.presisering),)),
    nb="Undersøkelsen har konklusjon {kode} (henlagt etter flytting), som krever en presisering.",
    en="The investigation has conclusion {kode} (dropped because of a move), which calls for a clarification.",
    switch="undersokelse_03",
)


@rule(
    "kostra-undersokelse-04",
    official="Undersøkelse Kontroll 4: Konklusjon av undersøkelse",
    severity=FEIL,
    nb="Undersøkelsen er avsluttet {slutt}, men har ingen konklusjon.",
    en="The investigation ended on {slutt} but has no conclusion.",
    remedy_nb="Legg inn konklusjonen, eller ta bort sluttdatoen.",
    remedy_en="Enter the conclusion, or remove the end date.",
)
@silent("has not ended", _one())
@silent("ended, with a conclusion", _one(slutt="2024-09-01", konklusjon="3"))
@silent("a conclusion without an end date", _one(konklusjon="3"))
@fires("ended, without a conclusion", _one(slutt="2024-09-01"))
def undersokelse_04(u: Undersokelse, k: Klient) -> Result:
    return fired(slutt=u.slutt_dato) if u.slutt_dato is not None and u.konklusjon is None else None


_07 = KostraOptions(undersokelse_07=TEXT)


@rule(
    "kostra-undersokelse-07",
    official="Undersøkelse Kontroll 7: Konkludert undersøkelse skal ha vedtaksgrunnlag",
    severity=FEIL,
    nb="Undersøkelsen har konklusjon {kode}, men ikke noe vedtaksgrunnlag.",
    en="The investigation has conclusion {kode} but no grounds for a decision.",
    remedy_nb="Legg inn minst ett vedtaksgrunnlag.",
    remedy_en="Enter at least one ground for the decision.",
)
@silent("a measure, with grounds", _one(slutt="2024-09-01", konklusjon="1"))
@silent("dropped, without grounds", _one(slutt="2024-09-01", konklusjon="3", vedtaksgrunnlag=()))
@silent("no conclusion, without grounds", _one(vedtaksgrunnlag=()))
@fires("a measure, without grounds", _one(slutt="2024-09-01", konklusjon="1", vedtaksgrunnlag=()))
@fires(
    "to the board, without grounds",
    _one(slutt="2024-09-01", konklusjon="2", vedtaksgrunnlag=()),
    parameters={"kode": "2"},
)
@fires("a measure, with grounds, as text", _one(slutt="2024-09-01", konklusjon="1"), options=_07)
@silent("dropped, as text", _one(slutt="2024-09-01", konklusjon="3", vedtaksgrunnlag=()), options=_07)
def undersokelse_07(u: Undersokelse, k: Klient) -> Result:
    if u.konklusjon not in ("1", "2"):
        return None
    return fired(kode=u.konklusjon) if not u.vedtaksgrunnlag or k.options.undersokelse_07 is TEXT else None


_08 = KostraOptions(undersokelse_08=IMPLEMENTED)


@rule(
    "kostra-undersokelse-08",
    official="Undersøkelse Kontroll 8: Undersøkelse påbegynt før 1. juli er ikke konkludert",
    severity=ADVARSEL,
    nb="Undersøkelsen startet {start} og er ikke konkludert.",
    en="The investigation started on {start} and is not concluded.",
    remedy_nb="Legg inn konklusjonen hvis undersøkelsen er avsluttet. Er den ikke det, trenger dere ikke gjøre noe.",
    remedy_en="Enter the conclusion if the investigation has ended. If it has not, do nothing.",
)
@silent("begun on 1 July", _one(start="2024-07-01"))
@fires("begun on 30 June, as text", _one(start="2024-06-30"))
@fires("begun the year before", _one(start="2023-09-01"))
@silent("begun in spring, and ended", _one(start="2024-04-01", slutt="2024-06-01", konklusjon="3"))
@silent("begun on 30 June, as implemented", _one(start="2024-06-30"), options=_08)
@fires("begun on 29 June, as implemented", _one(start="2024-06-29"), options=_08)
def undersokelse_08(u: Undersokelse, k: Klient) -> Result:
    if u.slutt_dato is not None:
        return None
    limit = date(k.year, 7, 1) if k.options.undersokelse_08 is TEXT else date(k.year, 6, 30)
    return fired(start=u.start_dato) if u.start_dato < limit else None


code_without_text(
    "kostra-vedtaksgrunnlag-02",
    Undersokelse,
    lambda kode, presisering: _one(vedtaksgrunnlag=((kode, presisering),)),
    official="Vedtaksgrunnlag Kontroll 2: Kontroll av kode og presisering",
    codes=("18", "19"),
    ordinary="17",
    of=lambda u: ((one.kode, one.presisering) for one in u.vedtaksgrunnlag),
    nb="Vedtaksgrunnlag har kode {kode} (andre forhold), som krever en presisering.",
    en="Vedtaksgrunnlag has code {kode} (other), which calls for a clarification.",
    switch="vedtaksgrunnlag_02",
)
