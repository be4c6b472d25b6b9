"""Rules of the client: dates, number, age, district."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from bvr.kostra.concepts import Individ
from bvr.kostra.rules.examples import (
    BOY,
    DUF,
    flytting,
    form,
    individ,
    melding,
    nummer,
    plan,
    tiltak,
    undersokelse,
)
from bvr.kostra.rules.options import IMPLEMENTED, TEXT, KostraOptions
from bvr.kostra.rules.rule import ADVARSEL, FEIL, Klient, Result, fired, fires, rule, silent
from bvr.kostra.rules.terms import accepted, complete
from bvr.model.identifiers import is_duf

_PRODUCTION = KostraOptions(allow_synthetic=False)
_BAD = BOY[:-1] + str((int(BOY[-1]) + 1) % 10)  # wrong check digit
_BAD_DUF = DUF[:-1] + str((int(DUF[-1]) + 1) % 10)
_NO_DATE = "32831250010"  # right check digits, day 32
_UNKNOWN = "14031255555"
_PROGRAM_03 = KostraOptions(individ_03=IMPLEMENTED)
_PROGRAM_12 = KostraOptions(individ_12=IMPLEMENTED)


# --- dates -----------------------------------------------------------------------------------------------------------


def _of_records(i: Individ, evaluated: bool) -> Iterator[tuple[Any, str, date | None]]:
    """(record, field, day) of every date that is looked at."""
    reports = [u for m in i.melding for u in (m, m.undersokelse) if u is not None]
    for record in (i, *reports, *i.plan, *i.tiltak):
        yield record, "StartDato", record.start_dato
        yield record, "SluttDato", record.slutt_dato
    for move in i.flytting:
        yield move, "SluttDato", move.slutt_dato
    if evaluated:
        for p in i.plan:
            yield p, "EvaluertDato", p.evaluert_dato


def _all_on(day: str) -> Individ:
    """A client with every date there is, on one day."""
    return individ(
        melding(undersokelse(start=day, slutt=day), start=day, slutt=day),
        plan(start=day, slutt=day, evaluert=day),
        tiltak(start=day, slutt=day),
        flytting(slutt=day),
        start=day,
        slutt=day,
    )


@rule(
    "kostra-individ-01a",
    official="Individ Kontroll 01a: Validering av datoer",
    severity=FEIL,
    nb="{felt} på {element} er {dato}. Datoer kan være fra {minimumsdato} til {maksimumsdato}.",
    en="{felt} of {element} is {dato}. Dates may be from {minimumsdato} to {maksimumsdato}.",
    remedy_nb="Rett datoen.",
    remedy_en="Correct the date.",
)
@silent("the first day allowed", _all_on("1999-01-01"))
@silent("the last day allowed", _all_on("2049-12-31"))
@fires("the day before the first, in all twelve dates", _all_on("1998-12-31"), times=12)
@fires("the day after the last, in all twelve dates", _all_on("2050-01-01"), times=12)
@fires(
    "one date",
    individ(tiltak(start="1998-12-31"), start="1999-01-01"),
    parameters={
        "element": "Tiltak",
        "felt": "StartDato",
        "dato": date(1998, 12, 31),
        "minimumsdato": date(1999, 1, 1),
        "maksimumsdato": date(2049, 12, 31),
    },
)
@silent("a plan's evaluation, as text", individ(plan(evaluert="1998-12-31")), options=KostraOptions(
    individ_01a_evaluert=TEXT
))  # fmt: skip
@fires("a plan's evaluation, as implemented", individ(plan(evaluert="1998-12-31")))
@silent("a window that follows the year, as text", _all_on("2050-12-31"), form=form(2025))
@fires("a window that follows the year, as text: too early", _all_on("1999-12-31"), form=form(2025), times=12)
@silent("the fixed window, as implemented", _all_on("1998-01-01"), options=KostraOptions(individ_01a=IMPLEMENTED))
@fires(
    "the fixed window, as implemented: too late",
    _all_on("2050-01-01"),
    form=form(2025),
    times=12,
    options=KostraOptions(individ_01a=IMPLEMENTED),
)
def individ_01a(i: Individ, k: Klient) -> Result:
    first, last = k.dates.minimumsdato, k.dates.maksimumsdato
    return [
        fired(
            at=record,
            element=type(record).__name__,
            felt=field,
            dato=day,
            minimumsdato=first,
            maksimumsdato=last,
        )
        for record, field, day in _of_records(i, k.options.individ_01a_evaluert is IMPLEMENTED)
        if day is not None and not first <= day <= last
    ]


@rule(
    "kostra-individ-02a",
    official="Individ Kontroll 02a: Startdato etter sluttdato",
    severity=FEIL,
    nb="Klienten starter {start}, etter sluttdatoen {slutt}.",
    en="The client starts on {start}, after the end date {slutt}.",
    remedy_nb="Rett startdatoen eller sluttdatoen.",
    remedy_en="Correct the start date or the end date.",
)
@silent("has not ended", individ(start="2024-03-02"))
@silent("ends the day it starts", individ(start="2024-03-01", slutt="2024-03-01"))
@fires("ends the day before it starts", individ(start="2024-03-02", slutt="2024-03-01"))
def individ_02a(i: Individ, k: Klient) -> Result:
    if i.slutt_dato is not None and i.start_dato > i.slutt_dato:
        return fired(start=i.start_dato, slutt=i.slutt_dato)
    return None


@rule(
    "kostra-individ-02b",
    official="Individ Kontroll 02b: Sluttdato mot versjon",
    severity=FEIL,
    nb="Klienten har sluttdato {slutt}, før forrige telledato {forrige_telledato}.",
    en="The client has end date {slutt}, before the previous count day {forrige_telledato}.",
    remedy_nb="Rett sluttdatoen, eller ta klienten ut av filen: den ble avsluttet før rapporteringsåret.",
    remedy_en="Correct the end date, or leave the client out: it was closed before the reporting year.",
)
@silent("has not ended", individ())
@silent("ends on the previous count day", individ(slutt="2023-12-31"))
@fires("ends the day before the previous count day", individ(slutt="2023-12-30"))
def individ_02b(i: Individ, k: Klient) -> Result:
    if i.slutt_dato is not None and i.slutt_dato < k.dates.forrige_telledato:
        return fired(slutt=i.slutt_dato, forrige_telledato=k.dates.forrige_telledato)
    return None


@rule(
    "kostra-individ-02d",
    official="Individ Kontroll 02d: Avslutta 31.12 medfører at sluttdato skal være satt på individet",
    severity=FEIL,
    nb="Klienten er avsluttet 31.12 (kode {kode}), men sluttdatoen er {slutt}.",
    en="The client is closed at 31.12 (code {kode}), but the end date is {slutt}.",
    remedy_nb="Sett klientens sluttdato, eller rett at klienten er avsluttet.",
    remedy_en="Give the client's end date, or correct that the client is closed.",
)
@silent("not closed, no end date", individ())
@silent("closed, with an end date", individ(avsluttet=True, slutt="2024-06-01"))
@fires("closed, no end date", individ(avsluttet=True), parameters={"slutt": None, "kode": "1"})
def individ_02d(i: Individ, k: Klient) -> Result:
    return fired(slutt=None, kode="1") if i.avslutta3112 == "1" and i.slutt_dato is None else None


# --- numbers ---------------------------------------------------------------------------------------------------------


@rule(
    "kostra-individ-03",
    official="Individ Kontroll 03: Fødselsnummer og DUF-nummer",
    severity=FEIL,
    nb={
        "fodselsnummer": "Klientens fødselsnummer er ikke gyldig.",
        "duf": "Klienten har ikke fødselsnummer, og DUF-nummeret er ikke gyldig.",
        "ingen": "Klienten har verken fødselsnummer eller DUF-nummer.",
    },
    en={
        "fodselsnummer": "The client's person number is not valid.",
        "duf": "The client has no person number, and the DUF number is not valid.",
        "ingen": "The client has neither a person number nor a DUF number.",
    },
    remedy_nb="Legg inn gyldig fødselsnummer, D-nummer eller DUF-nummer, eller fødselsdato og 00100 (gutt), 00200 "
    "(jente) eller 55555 (ukjent); for ufødte termindato og 99999.",
    remedy_en="Enter a valid person number, D-number or DUF number, or the birth date and 00100 (boy), 00200 (girl) or "
    "55555 (unknown); for the unborn the due date and 99999.",
)
@silent("a national number", individ())
@silent("a D-number", individ(nr=nummer("2012-03-14", dnr=True)))
@silent("a DUF number only", individ(nr=None, duf=DUF))
@silent("a boy's date and 00100", individ(nr="14031200100"))
@silent("a girl's date and 00200", individ(nr="14031200200"))
@silent("a due date and 99999", individ(nr="01032599999"))
@silent("a date and 55555, as text", individ(nr=_UNKNOWN))
@fires("a date and 55555, as implemented", individ(nr=_UNKNOWN), variant="fodselsnummer", options=_PROGRAM_03)
@fires("a date that does not exist, and 00100", individ(nr="30021200100"), variant="fodselsnummer")
@silent("a date that does not exist, and 00100, as implemented", individ(nr="30021200100"), options=_PROGRAM_03)
@fires("no month, and 00100, as implemented", individ(nr="14131200100"), options=_PROGRAM_03)
@fires("a date and another suffix", individ(nr="14031200400"))
@fires("wrong check digit", individ(nr=_BAD), variant="fodselsnummer")
@fires("wrong check digit, as implemented", individ(nr=_BAD), variant="fodselsnummer", options=_PROGRAM_03)
@fires("right check digits and no date, as text", individ(nr=_NO_DATE), variant="fodselsnummer")
@silent("right check digits and no date, as implemented", individ(nr=_NO_DATE), options=_PROGRAM_03)
@fires("a synthetic number in production", individ(), variant="fodselsnummer", options=_PRODUCTION)
@fires("wrong check digit beside a DUF number", individ(nr=_BAD, duf=DUF), variant="fodselsnummer")
@silent("a right number beside a wrong DUF number", individ(duf=_BAD_DUF))
@fires("a wrong DUF number only", individ(nr=None, duf=_BAD_DUF), variant="duf")
@fires("no number at all", individ(nr=None), variant="ingen")
def individ_03(i: Individ, k: Klient) -> Result:
    if i.fodselsnummer is not None:
        good = accepted(i.fodselsnummer, k.options.individ_03, k.options.allow_synthetic)
        return None if good else fired("fodselsnummer")
    if i.duf_nummer is not None:
        return None if is_duf(i.duf_nummer) else fired("duf")
    return fired("ingen")


_INCOMPLETE: dict[str, Any] = {
    "severity": ADVARSEL,
    "nb": "Klienten mangler fødselsnummer, eller nummeret er ikke fullstendig.",
    "en": "The client has no person number, or the number is not complete.",
    "remedy_nb": "Legg inn fødselsnummer eller D-nummer når barnet har fått det.",
    "remedy_en": "Enter the person number or D-number once the child has one.",
}


@rule("kostra-individ-11", official="Individ Kontroll 11: Fødselsnummer", **_INCOMPLETE)
@silent("a national number", individ())
@silent("a D-number", individ(nr=nummer("2012-03-14", dnr=True)))
@fires("none", individ(nr=None))
@fires("none, but a DUF number", individ(nr=None, duf=DUF))
@fires("empty", individ(nr=""))
@fires("only blanks", individ(nr=" " * 11))
@fires("wrong check digit", individ(nr=_BAD))
@fires("a boy's date and 00100", individ(nr="14031200100"))
@fires("a girl's date and 00200", individ(nr="14031200200"))
@fires("a due date and 99999", individ(nr="01032599999"))
@fires("a date and 55555", individ(nr=_UNKNOWN))
@fires("right check digits and no date, as text", individ(nr=_NO_DATE))
@silent("right check digits and no date, as implemented", individ(nr=_NO_DATE), options=_PROGRAM_12)
@fires("a synthetic number in production", individ(), options=_PRODUCTION)
def individ_11(i: Individ, k: Klient) -> Result:
    # By the switch of rule 12: this one fires whenever that does.
    return None if complete(i.fodselsnummer, k.options.individ_12, k.options.allow_synthetic) else fired()


@rule("kostra-individ-12", official="Individ Kontroll 12: Fødselsnummer", **_INCOMPLETE)
@silent("a national number", individ())
@silent("a D-number", individ(nr=nummer("2012-03-14", dnr=True)))
@silent("a boy's date and 00100", individ(nr="14031200100"))
@silent("a girl's date and 00200", individ(nr="14031200200"))
@silent("a due date and 99999", individ(nr="01032599999"))
@silent("a date and 55555, as text", individ(nr=_UNKNOWN))
@fires("a date and 55555, as implemented", individ(nr=_UNKNOWN), options=_PROGRAM_12)
@fires("none", individ(nr=None))
@fires("none, but a DUF number", individ(nr=None, duf=DUF))
@fires("wrong check digit", individ(nr=_BAD))
@fires("right check digits and no date, as text", individ(nr=_NO_DATE))
@silent("right check digits and no date, as implemented", individ(nr=_NO_DATE), options=_PROGRAM_12)
@fires("a synthetic number in production", individ(), options=_PRODUCTION)
def individ_12(i: Individ, k: Klient) -> Result:
    return None if accepted(i.fodselsnummer, k.options.individ_12, k.options.allow_synthetic) else fired()


@rule(
    "kostra-individ-19",
    official="Individ Kontroll 19: DUF-nummer",
    severity=ADVARSEL,
    nb="Klientens DUF-nummer er ikke gyldig.",
    en="The client's DUF number is not valid.",
    remedy_nb="Rett DUF-nummeret, eller ta det ut når klienten har fødselsnummer.",
    remedy_en="Correct the DUF number, or leave it out when the client has a person number.",
)
@silent("none", individ())
@silent("a right one", individ(duf=DUF))
@silent("a right one only", individ(nr=None, duf=DUF))
@fires("a wrong one beside a person number", individ(duf=_BAD_DUF))
@fires("a wrong one only", individ(nr=None, duf=_BAD_DUF))
def individ_19(i: Individ, k: Klient) -> Result:
    return fired() if i.duf_nummer is not None and not is_duf(i.duf_nummer) else None


# --- content ---------------------------------------------------------------------------------------------------------


@rule(
    "kostra-individ-06",
    official="Individ Kontroll 06: Har meldinger, planer eller tiltak",
    severity=FEIL,
    nb="Klienten har ingen meldinger, planer eller tiltak.",
    en="The client has no reports, plans or measures.",
    remedy_nb="Legg inn meldingen, planen eller tiltaket som mangler, eller ta klienten ut av filen.",
    remedy_en="Enter the report, plan or measure that is missing, or leave the client out.",
)
@silent("a report", individ(melding()))
@silent("a plan", individ(plan()))
@silent("a measure", individ(tiltak()))
@fires("nothing", individ())
@fires("only a move", individ(flytting()))
def individ_06(i: Individ, k: Klient) -> Result:
    return fired() if not (i.melding or i.plan or i.tiltak) else None


def _aged(years: int, *records: Any, **about: Any) -> Individ:
    return individ(*records, nr=nummer(f"{2024 - years}-12-31"), **about)


@rule(
    "kostra-individ-07",
    official="Individ Kontroll 07: Klient over 25 år skal avsluttes",
    severity=FEIL,
    nb="Klienten er {alder} år. Klienter over 25 år skal være avsluttet.",
    en="The client is {alder} years old. Clients above 25 are to be closed.",
    remedy_nb="Avslutt klienten og ta den ut av filen, eller rett fødselsnummeret.",
    remedy_en="Close the client and leave it out of the file, or correct the person number.",
)
@silent("25 in the year", _aged(25))
@fires("26 in the year, on the last day", _aged(26), parameters={"alder": 26})
@fires("26, with an end date", _aged(26, slutt="2024-06-01", avsluttet=True))
@silent("no birth date can be read", individ(nr="99999999999"))
@silent("a DUF number only", individ(nr=None, duf=DUF))
@silent("the unborn", individ(nr="01032599999"))
def individ_07(i: Individ, k: Klient) -> Result:
    return fired(alder=k.alder) if k.alder is not None and k.alder > 25 else None


@rule(
    "kostra-individ-08",
    official="Individ Kontroll 08: Alder i forhold til tiltak",
    severity=ADVARSEL,
    if_implemented=FEIL,
    nb="Klienten er over 18 år og har ingen tiltak.",
    en="The client is above 18 and has no measures.",
    remedy_nb="Legg inn tiltaket, eller avslutt klienten.",
    remedy_en="Enter the measure, or close the client.",
)
@silent("18 in the year, no measure", _aged(18))
@fires("19 in the year, no measure, as text", _aged(19), severity=ADVARSEL)
@fires("19, no measure, as implemented", _aged(19), severity=FEIL, options=KostraOptions(individ_08=IMPLEMENTED))
@silent("18, no measure, as implemented", _aged(18), options=KostraOptions(individ_08=IMPLEMENTED))
@silent("19, with a measure that has ended", _aged(19, tiltak(slutt="2024-04-01")))
@silent("no birth date can be read", individ(nr=None, duf=DUF))
def individ_08(i: Individ, k: Klient) -> Result:
    return fired() if not i.tiltak and k.alder is not None and k.alder > 18 else None


# --- district --------------------------------------------------------------------------------------------------------

_OSLO = form(kommunenummer="0301")


def _in_oslo(k: Klient) -> bool:
    return k.form.kommunenummer.startswith("0301")


@rule(
    "kostra-individ-09",
    official="Individ Kontroll 09: Bydelsnummer",
    severity=FEIL,
    nb="Klienten mangler bydelsnummer. Oslo oppgir bydel for hver klient.",
    en="The client has no district number. Oslo gives the district of every client.",
    remedy_nb="Legg inn bydelsnummeret.",
    remedy_en="Enter the district number.",
)
@silent("Oslo, with a number", individ(bydelsnummer="01"), form=_OSLO)
@silent("another municipality, without", individ())
@fires("Oslo, without", individ(bydelsnavn="Gamle Oslo"), form=_OSLO)
def individ_09(i: Individ, k: Klient) -> Result:
    return fired() if _in_oslo(k) and not (i.bydelsnummer or "").strip() else None


@rule(
    "kostra-individ-10",
    official="Individ Kontroll 10: Bydelsnavn",
    severity=FEIL,
    nb="Klienten mangler bydelsnavn. Oslo oppgir bydel for hver klient.",
    en="The client has no district name. Oslo gives the district of every client.",
    remedy_nb="Legg inn bydelsnavnet.",
    remedy_en="Enter the district name.",
)
@silent("Oslo, with a name", individ(bydelsnavn="Gamle Oslo"), form=_OSLO)
@silent("another municipality, without", individ())
@fires("Oslo, without", individ(bydelsnummer="01"), form=_OSLO)
def individ_10(i: Individ, k: Klient) -> Result:
    return fired() if _in_oslo(k) and not (i.bydelsnavn or "").strip() else None
