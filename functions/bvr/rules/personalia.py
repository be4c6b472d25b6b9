"""Rules on who the child is (Personalia). No message ever repeats a number or a date of birth (A21)."""

from __future__ import annotations

from datetime import date
from typing import Any

from bvr.model.concepts import Personalia, Sak
from bvr.model.identifiers import NEW_SERIES, UNBORN, Number, decode_date, is_duf, read
from bvr.rules.case import Case, add_months
from bvr.rules.examples import BOY, GIRL, document, personalia, sak
from bvr.rules.families import start_after_case
from bvr.rules.options import Channel, RuleOptions
from bvr.rules.rule import ERROR, INFO, WARNING, Result, fired, fires, rule, silent

KOSTRA = Channel.KOSTRA
_PRODUCTION = RuleOptions(allow_synthetic=False)

start_after_case(
    "personalia-2f",
    Personalia,
    personalia,
    official="Personalia Kontroll 2f",
    since="2022-01-01",
    ssb="PERSONALIA_02F",
    carries_id=False,
)


def _read(p: Personalia, case: Case) -> Number:
    found = case.numbers.get(id(p))
    if found is None:
        options = case.options
        found = case.numbers[id(p)] = read(
            p.fodselsnummer,
            p.kjonn,
            today=case.today,
            synthetic=options.allow_synthetic,
            new_series=options.accept_numbers_from_2032,
        )
    return found


@rule(
    "personalia-11",
    official="Personalia kontroll 11",
    severity=ERROR,
    since="2022-01-01",
    title_nb="Saken mangler personalia",
    title_en="The case lacks personal details",
    nb="Saken har ingen personalia, så det er ikke oppgitt hvem den gjelder.",
    en="The case has no personal details, so it is not said whom it concerns.",
    remedy_nb="Registrer barnets personalia.",
    remedy_en="Register the child's personal details.",
    ssb="PERSONALIA_11",
)
@silent("registered", document(sak(personalia())))
@silent("a deleted case", document(sak(er_slettet=True)))
@fires("none", document(sak()))
@fires("the only one is deleted", document(sak(personalia(er_slettet=True))))
@fires("migrated, from the case system", document(sak(migrert_id="17")), severity=ERROR)
@fires("migrated, through KOSTRA", document(sak(migrert_id="17")), severity=WARNING, channel=KOSTRA)
def sak_uten_personalia(sak: Sak, case: Case) -> Result:
    """Rule 11: no Personalia."""
    return None if sak.personalia else fired()


def _one(nummer: str, fodt: str = "2012-03-14", kjonn: str = "1", **about: Any) -> Any:
    return document(sak(personalia(nummer, fodt, kjonn), **about))


@rule(
    "personalia-12",
    official="Personalia kontroll 12",
    severity=ERROR,
    since="2022-01-01",
    title_nb="Fødselsnummeret er ikke gyldig",
    title_en="The national number is not valid",
    nb="Nummeret er verken et gyldig fødselsnummer, D-nummer eller midlertidig nummer.",
    en="The number is not a valid national number, D-number or placeholder.",
    remedy_nb="Rett nummeret. Uten nummer: fødselsdato og 00100 (gutt), 00200 (jente) eller 99999 (ufødt).",
    remedy_en="Correct the number. Without one: date of birth and 00100 (boy), 00200 (girl) or 99999 (unborn).",
    ssb="PERSONALIA_12",
)
@silent("a boy", _one(BOY))
@silent("a girl", _one(GIRL, kjonn="2"))
@silent("29 February", _one("29821299800", "2012-02-29", "2"))
@silent("a D-number", _one("54831299919"))
@silent("another scheme of synthetic numbers", _one("14431299942"))
@silent("a placeholder of a boy", _one("14031200100"))
@silent("a placeholder of a girl", _one("14031200200", kjonn="2"))
@silent("an unborn child", _one("14031299999", kjonn="0"))
@silent("a number that happens to end in 99999", _one("19811099999", "2010-01-19"))
@silent("a number of 2032", document(sak(personalia("02813299960", "2032-01-02")), today="2032-02-01"))
@silent(
    "a number of 2032, when the option says so",
    document(sak(personalia("02813299960", "2032-01-02"))),
    options=RuleOptions(accept_numbers_from_2032=True),
)
@silent("deleted", document(sak(personalia(), personalia("14831299926", er_slettet=True))))
@fires("the second check digit is wrong", _one("14831299926"))
@fires("the first check digit is wrong", _one("14831299935"))
@fires("eleven zeros pass the check digits but are no date", _one("00000000000"))
@fires("a placeholder of a day that does not exist", _one("31021299999", kjonn="0"))
@fires("55555 is no placeholder", _one("14031255555"))
@fires("digits of another script", _one("١٤٨٣١٢٩٩٩٢٥"))
@fires("a synthetic number in production", _one(BOY), options=_PRODUCTION)
@fires("a number of 2032, before 2032", document(sak(personalia("02813299960", "2032-01-02")), today="2031-12-31"))
@fires("migrated, from the case system", _one("14831299926", migrert_id="17"), severity=ERROR)
@fires("migrated, through KOSTRA", _one("14831299926", migrert_id="17"), severity=WARNING, channel=KOSTRA)
def ugyldig_nummer(personalia: Personalia, case: Case) -> Result:
    """Rule 12 (A14, A15, A59): neither a number, a D-number nor a placeholder."""
    return fired() if _read(personalia, case).kind == "UGYLDIG" else None


@rule(
    "personalia-13",
    official="Personalia Kontroll 13",
    severity=WARNING,
    since="2022-01-01",
    title_nb="Fødselsdatoen passer ikke med fødselsnummeret",
    title_en="The date of birth does not fit the national number",
    nb="Fødselsdatoen er en annen enn den som følger av de seks første sifrene i nummeret.",
    en="The date of birth differs from the one that the first six digits of the number give.",
    remedy_nb="Rett fødselsdatoen eller nummeret.",
    remedy_en="Correct the date of birth or the number.",
    ssb="PERSONALIA_13",
)
@silent("the same day", _one(BOY))
@silent("a D-number's day is shifted", _one("54831299919"))
@silent("a placeholder", _one("14031200100"))
@silent("an unborn child: the due date", _one("14031299999", kjonn="0"))
@silent("nothing decodes: rule 12 reports it", _one("00000000000"))
@silent("a synthetic number in production: rule 12 reports it", _one(BOY, "2012-03-15"), options=_PRODUCTION)
@silent("a synthetic D-number in production", _one("54831299919", "2012-03-15"), options=_PRODUCTION)
@fires("a placeholder in production", _one("14031200100", "2012-03-15"), options=_PRODUCTION)
@fires("another day", _one(BOY, "2012-03-15"))
@fires("another month", _one(BOY, "2012-04-14"))
@fires("another year", _one(BOY, "2011-03-14"))
@fires("a D-number with another day", _one("54831299919", "2012-03-15"))
@fires("an unborn child with another due date", _one("14031299999", "2012-03-15", "0"))
def fodselsdato_passer_ikke(personalia: Personalia, case: Case) -> Result:
    """Rule 13 (A17): day, month and two-digit year, decoded first, differ from the date of birth."""
    decoded = decode_date(personalia.fodselsnummer)
    if decoded is None or (decoded[3] and not case.options.allow_synthetic):
        return None
    born = personalia.fodseldato
    return fired() if decoded[:3] != (born.day, born.month, born.year % 100) else None


@rule(
    "personalia-14",
    official="Personalia Kontroll 14",
    severity=ERROR,
    since="2022-01-01",
    title_nb="Kjønnet passer ikke med fødselsnummeret",
    title_en="The sex does not fit the national number",
    nb="Kjønn {kjonn} passer ikke med nummerets niende siffer.",
    en="Sex {kjonn} does not fit the ninth digit of the number.",
    remedy_nb="Rett kjønnet eller nummeret. Kjønn 0 brukes bare for ufødte barn.",
    remedy_en="Correct the sex or the number. Sex 0 is for unborn children only.",
    ssb="PERSONALIA_14",
)
@silent("a boy's number and a boy", _one(BOY, kjonn="1"))
@silent("a girl's number and a girl", _one(GIRL, kjonn="2"))
@silent("a placeholder of a boy", _one("14031200100", kjonn="1"))
@silent("unborn, sex 0", _one("14031299999", kjonn="0"))
@silent("unborn, sex 2: any is accepted with 99999", _one("14031299999", kjonn="2"))
@silent("born in 2032: the number tells no sex", _one("02813299952", "2032-01-02", "2"))
@silent("born on the first day of 2032", _one(BOY, "2032-01-01", "2"))
@silent(
    "valid only by the check digits of 2032",
    document(sak(personalia("14831299607", kjonn="1")), today="2032-02-01"),
)
@silent("not eleven ordinary digits: rule 12 reports it", _one("١٤٨٣١٢٩٩٩٢٥", kjonn="2"))
@fires("a boy's number and a girl", _one(BOY, kjonn="2"), parameters={"kjonn": "2"})
@fires("born on the last day of 2031", _one(BOY, "2031-12-31", "2"))
@fires("a girl's number and a boy", _one(GIRL, kjonn="1"))
@fires("a placeholder of a girl and a boy", _one("14031200200", kjonn="1"))
@fires("sex 0 with an ordinary number", _one(BOY, kjonn="0"))
@fires("migrated, from the case system", _one(BOY, kjonn="2", migrert_id="17"), severity=ERROR)
@fires("migrated, through KOSTRA", _one(BOY, kjonn="2", migrert_id="17"), severity=WARNING, channel=KOSTRA)
def kjonn_passer_ikke(personalia: Personalia, case: Case) -> Result:
    """Rule 14 (A16, A59): even ninth digit is female, odd male; not asked of numbers that no longer tell."""
    nummer = personalia.fodselsnummer
    if nummer[6:] == UNBORN or personalia.fodseldato >= NEW_SERIES:
        return None
    if not (len(nummer) == 11 and nummer.isascii() and nummer.isdigit()):
        return None
    if personalia.kjonn == ("1" if int(nummer[8]) % 2 else "2") or _read(personalia, case).new_series:
        return None
    return fired(kjonn=personalia.kjonn)


def _from(start: str, nummer: str, fodt: str, kjonn: str = "1", **about: Any) -> Any:
    return document(sak(personalia(nummer, fodt, kjonn, start), **about))


@rule(
    "personalia-15",
    official="Personalia Kontroll 15",
    severity=ERROR,
    since="2022-01-01",
    title_nb="Barnet er født, men har fortsatt nummer som ufødt",
    title_en="The child is born but still has the number of an unborn one",
    nb="Personalia fra {start} har nummer som ufødt, men gjelder etter termindatoen.",
    en="The personal details from {start} have the number of an unborn child but apply after the due date.",
    remedy_nb="Registrer barnets fødselsnummer, eller 00100 (gutt) eller 00200 (jente) dersom det ikke er tildelt.",
    remedy_en="Register the child's national number, or 00100 (boy) or 00200 (girl) if none is issued.",
    ssb="PERSONALIA_15",
)
@silent("from the due date", _from("2025-05-20", "20052599999", "2025-05-20", "0"))
@silent("before the due date", _from("2025-01-20", "20052599999", "2025-05-20", "0"))
@silent("another placeholder", _from("2025-05-21", "20052500100", "2025-05-20"))
@silent("a real number that ends in 99999", _from("2020-01-01", "19811099999", "2010-01-19"))
@fires("from the day after the due date", _from("2025-05-21", "20052599999", "2025-05-20", "0"))
@silent("an ordinary number with sex 0: rule 14", _from("2020-01-01", BOY, "2012-03-14", "0"))
@fires("whatever the sex", _from("2025-05-21", "20052599999", "2025-05-20", "2"))
@fires("not the number of any day either: rule 12 too", _from("2025-05-21", "31022599999", "2025-05-20", "1"))
@fires("sex 0 makes it a placeholder in any case", _from("2020-01-01", "19811099999", "2010-01-19", "0"))
@fires(
    "migrated, through KOSTRA",
    _from("2025-05-21", "20052599999", "2025-05-20", "0", migrert_id="17"),
    severity=WARNING,
    channel=KOSTRA,
)
@fires(
    "migrated, from the case system",
    _from("2025-05-21", "20052599999", "2025-05-20", "0", migrert_id="17"),
    severity=ERROR,
)
def ufodt_etter_termin(personalia: Personalia, case: Case) -> Result:
    """Rule 15 (A15, A18): details that apply after the due date and still have 99999, unless the number is real and the
    child has a sex."""
    if personalia.start_dato <= personalia.fodseldato or personalia.fodselsnummer[6:] != UNBORN:
        return None
    if personalia.kjonn != "0" and _read(personalia, case).kind in ("FNR", "DNR"):
        return None
    return fired(start=personalia.start_dato)


@rule(
    "personalia-16",
    official="Personalia Kontroll 16",
    severity=ERROR,
    since="2022-01-01",
    title_nb="Personalia gjelder fra mer enn ni måneder før fødselen",
    title_en="The personal details apply from more than nine months before birth",
    nb="Personalia gjelder fra {start}, mer enn ni måneder før fødselsdatoen eller termindatoen.",
    en="The personal details apply from {start}, more than nine months before the birth or due date.",
    remedy_nb="Rett startdatoen eller fødselsdatoen.",
    remedy_en="Correct the start date or the date of birth.",
    ssb="PERSONALIA_16",
)
@silent("nine months, to the month's last day", _from("2025-02-28", "30112599999", "2025-11-30", "0"))
@silent("from birth", _from("2012-03-14", BOY, "2012-03-14"))
@fires("a day more than nine months", _from("2025-02-27", "30112599999", "2025-11-30", "0"))
@fires(
    "migrated, from the case system",
    _from("2025-02-27", "30112599999", "2025-11-30", "0", migrert_id="17"),
    severity=ERROR,
)
@fires(
    "migrated, through KOSTRA",
    _from("2025-02-27", "30112599999", "2025-11-30", "0", migrert_id="17"),
    severity=WARNING,
    channel=KOSTRA,
)
def gjelder_for_lenge_for_fodsel(personalia: Personalia, case: Case) -> Result:
    """Rule 16 (A19): a start more than nine calendar months before the date of birth."""
    if personalia.start_dato >= personalia.fodseldato:
        return None
    return (
        fired(start=personalia.start_dato)
        if personalia.start_dato < _nine_months_before(personalia.fodseldato)
        else None
    )


def _nine_months_before(day: date) -> date:
    try:
        return add_months(day, -9)
    except OverflowError:
        return date.min


@rule(
    "personalia-17",
    official="Personalia Kontroll 17",
    severity=ERROR,
    since="2022-01-01",
    title_nb="DUF-nummeret er ikke gyldig",
    title_en="The DUF number is not valid",
    nb="DUF-nummeret har feil kontrollsifre.",
    en="The check digits of the DUF number are wrong.",
    remedy_nb="Rett DUF-nummeret, eller fjern det.",
    remedy_en="Correct the DUF number, or remove it.",
    ssb="PERSONALIA_17",
)
@silent("none", document(sak(personalia())))
@silent("valid", document(sak(personalia(duf="299900000102"))))
@silent("valid, with check value 10", document(sak(personalia(duf="299900000710"))))
@fires("wrong check digits", document(sak(personalia(duf="299900000103"))))
@fires("digits of another script", document(sak(personalia(duf="٢٩٩٩٠٠٠٠٠١٠٢"))))
@fires("migrated, from the case system", document(sak(personalia(duf="299900000103"), migrert_id="17")), severity=ERROR)
@fires(
    "migrated, through KOSTRA",
    document(sak(personalia(duf="299900000103"), migrert_id="17")),
    severity=WARNING,
    channel=KOSTRA,
)
def ugyldig_duf_nummer(personalia: Personalia, case: Case) -> Result:
    """Rule 17: a DUF number whose check digits are wrong."""
    return fired() if personalia.duf_nummer is not None and not is_duf(personalia.duf_nummer) else None


@rule(
    "personalia-18-plassholder",
    official="Personalia Kontroll 18",
    severity=INFO,
    since="2024-06-21",
    title_nb="Midlertidig nummer",
    title_en="A placeholder number",
    nb="Barnet er registrert med et midlertidig nummer.",
    en="The child is registered with a placeholder number.",
    remedy_nb="Registrer fødselsnummeret når det er tildelt.",
    remedy_en="Register the national number once it is issued.",
)
@silent("an ordinary number", _one(BOY))
@silent("a D-number", _one("54831299919"))
@silent("a real number that ends in 99999", _one("19811099999", "2010-01-19"))
@silent("before the rule was in force", document(sak(personalia("14031200100")), today="2024-06-20"))
@fires("the first day in force", document(sak(personalia("14031200100")), today="2024-06-21"))
@fires("a girl", _one("14031200200", kjonn="2"))
@fires("unborn", _one("14031299999", kjonn="0"))
@fires("a DUF number does not silence it", document(sak(personalia("14031200100", duf="299900000102"))))
def midlertidig_nummer(personalia: Personalia, case: Case) -> Result:
    """Rule 18, first branch (A20): the placeholder test comes first."""
    return fired() if _read(personalia, case).kind == "PLASSHOLDER" else None


@rule(
    "personalia-18-dnr",
    official="Personalia Kontroll 18",
    severity=INFO,
    since="2024-06-21",
    title_nb="D-nummer",
    title_en="A D-number",
    nb="Barnet er registrert med et D-nummer.",
    en="The child is registered with a D-number.",
    remedy_nb="Registrer fødselsnummeret når det er tildelt.",
    remedy_en="Register the national number once it is issued.",
)
@silent("an ordinary number", _one(BOY))
@silent("a placeholder", _one("14031200100"))
@silent("before the rule was in force", document(sak(personalia("54831299919")), today="2024-06-20"))
@fires("a D-number", _one("54831299919"))
@fires("of a girl", _one("54831299838", kjonn="2"))
def d_nummer(personalia: Personalia, case: Case) -> Result:
    """Rule 18, second branch (A20)."""
    return fired() if _read(personalia, case).kind == "DNR" else None
