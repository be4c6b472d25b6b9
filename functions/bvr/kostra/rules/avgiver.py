"""Rules of the sender of a file: year, organisation, municipality."""

from __future__ import annotations

from bvr.kostra.concepts import Avgiver
from bvr.kostra.rules.examples import avgiver, form
from bvr.kostra.rules.rule import FEIL, Result, Sender, fired, fires, rule, silent


@rule(
    "kostra-avgiver-02",
    official="Avgiver Kontroll 2: Årgang",
    severity=FEIL,
    nb="Filen er merket med året {versjon}, men det rapporteres for {aar}.",
    en="The file is marked with the year {versjon}, but the report is for {aar}.",
    remedy_nb="Lag filen for riktig år, eller rett året i skjemaet.",
    remedy_en="Make the file for the right year, or correct the year in the form.",
)
@silent("the year reported on", avgiver=avgiver("2024"))
@fires("the year before", avgiver=avgiver("2023"), parameters={"versjon": "2023", "aar": 2024})
@fires("the year after", avgiver=avgiver("2025"))
@silent("another year, and the form says so", avgiver=avgiver("2021"), form=form(2021))
def avgiver_02(a: Avgiver, sender: Sender) -> Result:
    if a.versjon.strip() == f"{sender.form.year:04}":
        return None
    return fired(versjon=a.versjon[:10], aar=sender.form.year)


@rule(
    "kostra-avgiver-03",
    official="Avgiver Kontroll 3: Organisasjonnummer",
    severity=FEIL,
    nb="Filen mangler organisasjonsnummer. Skjemaet har {organisasjonsnummer}.",
    en="The file has no organisation number. The form has {organisasjonsnummer}.",
    remedy_nb="Legg inn kommunens organisasjonsnummer i fagsystemet, og lag filen på nytt.",
    remedy_en="Enter the municipality's organisation number in the case system, and make the file again.",
)
@silent("a number", avgiver=avgiver())
@silent("another number than the form's", avgiver=avgiver(organisasjonsnummer="310000027"))
@fires("empty", avgiver=avgiver(organisasjonsnummer=""), parameters={"organisasjonsnummer": "310000019"})
@fires("only blanks", avgiver=avgiver(organisasjonsnummer=" " * 9))
def avgiver_03(a: Avgiver, sender: Sender) -> Result:
    return fired(organisasjonsnummer=sender.form.organisasjonsnummer) if not a.organisasjonsnummer.strip() else None


@rule(
    "kostra-avgiver-04",
    official="Avgiver Kontroll 4: Kommunenummer",
    severity=FEIL,
    nb="Skjemaet gjelder kommune {skjema}, men filen er merket med {fil}.",
    en="The form concerns municipality {skjema}, but the file is marked with {fil}.",
    remedy_nb="Rett kommunenummeret i fagsystemet eller i skjemaet, og send filen på nytt.",
    remedy_en="Correct the municipality number in the case system or in the form, and send the file again.",
)
@silent("the same", avgiver=avgiver(kommunenummer="3301"), form=form(kommunenummer="3301"))
@silent("the form gives a district too", avgiver=avgiver(kommunenummer="0301"), form=form(kommunenummer="030107"))
@fires(
    "another",
    avgiver=avgiver(kommunenummer="0301"),
    form=form(kommunenummer="3301"),
    parameters={"skjema": "3301", "fil": "0301"},
)
def avgiver_04(a: Avgiver, sender: Sender) -> Result:
    expected = sender.form.kommunenummer[:4]  # a region has the district after it
    return fired(skjema=expected, fil=a.kommunenummer) if a.kommunenummer != expected else None


@rule(
    "kostra-avgiver-06",
    official="Avgiver Kontroll 6: Kommunenavn",
    severity=FEIL,
    nb="Filen mangler kommunenavn.",
    en="The file has no municipality name.",
    remedy_nb="Legg inn kommunens navn i fagsystemet, og lag filen på nytt.",
    remedy_en="Enter the municipality's name in the case system, and make the file again.",
)
@silent("a name", avgiver=avgiver(kommunenavn="Drammen"))
@fires("empty", avgiver=avgiver(kommunenavn=""))
@fires("only blanks", avgiver=avgiver(kommunenavn="   "))
def avgiver_06(a: Avgiver, sender: Sender) -> Result:
    return fired() if not a.kommunenavn.strip() else None
