"""Rules of the measure and its legal basis."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import MAXYEAR, date
from typing import Any

from bvr.kostra.concepts import Individ, JmfrLovhjemmel, Tiltak
from bvr.kostra.rules.examples import individ, lov, nummer, tiltak
from bvr.kostra.rules.families import (
    closed_without_end,
    code_without_text,
    end_after_client,
    end_outside_year,
    start_after_end,
    start_before_client,
)
from bvr.kostra.rules.options import IMPLEMENTED, TEXT, KostraOptions, Reading
from bvr.kostra.rules.rule import ADVARSEL, FEIL, Fired, Klient, Result, fired, fires, rule, silent
from bvr.kostra.rules.terms import BVL, BVL2021, NY_LOV, er_omsorgstiltak, er_plassering
from bvr.rules.case import add_months

start_after_end("kostra-tiltak-02a", Tiltak, tiltak, official="Tiltak Kontroll 2a: Startdato etter sluttdato")
end_outside_year("kostra-tiltak-02b", Tiltak, tiltak, official="Tiltak Kontroll 2b: Sluttdato mot rapporteringsår")
end_after_client("kostra-tiltak-02c", Tiltak, tiltak, official="Tiltak Kontroll 2c: Sluttdato mot individets sluttdato")
closed_without_end(
    "kostra-tiltak-02d",
    Tiltak,
    tiltak,
    official="Tiltak Kontroll 2d: Avslutta 31 12 medfører at sluttdato skal være satt på tiltak",
)
start_before_client(
    "kostra-tiltak-02e", Tiltak, tiltak, official="Tiltak Kontroll 2e: Startdato mot individets startdato"
)


# --- care orders -----------------------------------------------------------------------------------------------------


def _jmfr(act: str = BVL, kapittel: str = "4", paragraf: str = "12") -> tuple[JmfrLovhjemmel, ...]:
    return (lov(act, kapittel, paragraf, kind=JmfrLovhjemmel),)


# words -> (legal basis, related provisions, care order by the text, by the program)
_BASES: dict[str, tuple[Any, tuple[Any, ...], bool, bool]] = {
    "BVL § 4-12": (lov(BVL, "4", "12"), (), True, True),
    "BVL § 4-12, with further parts": (lov(BVL, "4", "12", "1", "a"), (), True, True),
    "BVL § 4-12a": (lov(BVL, "4", "12a"), (), False, False),
    "bvl § 4-12, in small letters": (lov("bvl", "4", "12"), (), False, False),
    "BVL2021 § 4-12": (lov(BVL2021, "4", "12"), (), False, False),
    "BVL § 4-8": (lov(BVL, "4", "8"), (), False, False),
    "BVL § 4-8 first subsection": (lov(BVL, "4", "8", "1"), (), False, False),
    "BVL § 4-8 second subsection": (lov(BVL, "4", "8", "2"), (), True, True),
    "BVL § 4-8 third subsection": (lov(BVL, "4", "8", "3"), (), True, True),
    "BVL § 4-8 with § 4-12": (lov(BVL, "4", "8"), _jmfr(), True, False),
    "BVL § 4-8 with § 4-4": (lov(BVL, "4", "8"), _jmfr(paragraf="4"), False, False),
    "BVL § 4-4 with § 4-12": (lov(BVL, "4", "4"), _jmfr(), False, False),
    "BVL2021 § 5-1": (lov(BVL2021, "5", "1"), (), True, False),
    "BVL2021 § 5-1 letter a": (lov(BVL2021, "5", "1", bokstav="a"), (), True, True),
    "BVL2021 § 5-1 letter g": (lov(BVL2021, "5", "1", bokstav="g"), (), True, True),
    "BVL2021 § 5-1 letter h": (lov(BVL2021, "5", "1", bokstav="h"), (), True, False),
    "BVL § 5-1": (lov(BVL, "5", "1"), (), False, False),
}


def _care_orders(build: Callable[[Any, tuple[Any, ...]], Individ], switch: str) -> Callable[..., Any]:
    """Every basis in both readings; `build` makes a client on whom the rule fires if the basis is a care order."""

    def add(check: Callable[..., Result]) -> Callable[..., Result]:
        for words, (basis, jmfr, as_text, as_implemented) in reversed(_BASES.items()):
            for is_care, reading, says in (
                (as_implemented, IMPLEMENTED, "implemented"),
                (as_text, TEXT, "text"),
            ):
                options = KostraOptions(**{switch: reading})  # type: ignore[arg-type]
                decorate = fires if is_care else silent
                decorate(f"{words}, as {says}", build(basis, jmfr), options=options)(check)
        return check

    return add


@rule(
    "kostra-tiltak-04",
    official="Tiltak Kontroll 4: Omsorgstiltak med sluttdato krever årsak til opphevelse",
    severity=ADVARSEL,
    nb="Omsorgstiltaket sluttet {slutt}, men det står ikke hvorfor det ble opphevet.",
    en="The care order ended on {slutt}, but it does not say why it was revoked.",
    remedy_nb="Legg inn opphevelse.",
    remedy_en="Enter the reason for revocation (Opphevelse).",
)
@silent("a care order that has not ended", individ(tiltak(lovhjemmel=lov(BVL2021, "5", "1", bokstav="a"))))
@silent(
    "a care order that has ended, with a reason",
    individ(tiltak(lovhjemmel=lov(BVL2021, "5", "1", bokstav="a"), slutt="2024-06-01", opphevelse="1")),
)
@_care_orders(lambda basis, jmfr: individ(tiltak(lovhjemmel=basis, jmfr=jmfr, slutt="2024-06-01")), "tiltak_04")
def tiltak_04(t: Tiltak, k: Klient) -> Result:
    if t.slutt_dato is None or t.opphevelse is not None or not er_omsorgstiltak(t, k.options.tiltak_04):
        return None
    return fired(slutt=t.slutt_dato)


def _aged(years: int, *records: Tiltak) -> Individ:
    return individ(*records, nr=nummer(f"{2024 - years}-12-31"))


@rule(
    "kostra-lovhjemmel-03",
    official="Lovhjemmel Kontroll 3: Individet er over 18 år og har omsorgstiltak",
    severity=FEIL,
    nb="Klienten er {alder} år og har et omsorgstiltak. Omsorgstiltak gjelder ikke etter 18 år.",
    en="The client is {alder} years old and has a care order. Care orders do not hold above 18.",
    remedy_nb="Avslutt tiltaket og ta det ut av filen, eller rett lovhjemmelen eller fødselsnummeret.",
    remedy_en="End the measure and leave it out, or correct the legal basis or the person number.",
)
@silent("18 in the year", _aged(18, tiltak(lovhjemmel=lov(BVL2021, "5", "1", bokstav="a"))))
@fires(
    "19 in the year",
    _aged(19, tiltak(lovhjemmel=lov(BVL2021, "5", "1", bokstav="a"))),
    parameters={"alder": 19},
)
@fires("19, ended", _aged(19, tiltak(lovhjemmel=lov(BVL2021, "5", "1", bokstav="a"), slutt="2024-02-01")))
@silent("19, another measure", _aged(19, tiltak()))
@silent("no birth date can be read", individ(tiltak(lovhjemmel=lov(BVL, "4", "12")), nr=None))
@_care_orders(lambda basis, jmfr: _aged(19, tiltak(lovhjemmel=basis, jmfr=jmfr)), "lovhjemmel_03")
def lovhjemmel_03(t: Tiltak, k: Klient) -> Result:
    if k.alder is None or k.alder <= 18 or not er_omsorgstiltak(t, k.options.lovhjemmel_03):
        return None
    return fired(alder=k.alder)


# --- age and category ------------------------------------------------------------------------------------------------


@rule(
    "kostra-tiltak-05",
    official="Tiltak Kontroll 5: Barn over 7 år og i barnehage",
    severity=ADVARSEL,
    nb="Tiltaket er barnehage (4.1), men barnet er {alder} år.",
    en="The measure is kindergarten (4.1), but the child is {alder} years old.",
    remedy_nb="Kontroller kategorien og fødselsnummeret, og om tiltaket er avsluttet.",
    remedy_en="Check the category and the person number, and whether the measure has ended.",
)
@silent("6 in the year", _aged(6, tiltak(kategori="4.1")))
@fires("7 in the year", _aged(7, tiltak(kategori="4.1")), parameters={"alder": 7})
@fires("7 in the year, two such measures", _aged(7, tiltak(kategori="4.1"), tiltak(kategori="4.1")), times=2)
@silent("7 in the year, after-school care", _aged(7, tiltak(kategori="4.2")))
@silent("no birth date can be read", individ(tiltak(kategori="4.1"), nr=None))
def tiltak_05(t: Tiltak, k: Klient) -> Result:
    return fired(alder=k.alder) if t.kategori.kode == "4.1" and k.alder is not None and k.alder >= 7 else None


@rule(
    "kostra-tiltak-06",
    official="Tiltak Kontroll 6: Barn over 11 år og i SFO",
    severity=ADVARSEL,
    nb="Tiltaket er SFO (4.2), men barnet er {alder} år.",
    en="The measure is after-school care (4.2), but the child is {alder} years old.",
    remedy_nb="Kontroller kategorien og fødselsnummeret, og om tiltaket er avsluttet.",
    remedy_en="Check the category and the person number, and whether the measure has ended.",
)
@silent("10 in the year", _aged(10, tiltak(kategori="4.2")))
@fires("11 in the year", _aged(11, tiltak(kategori="4.2")), parameters={"alder": 11})
@silent("11 in the year, another category", _aged(11, tiltak(kategori="4.3")))
@silent("no birth date can be read", individ(tiltak(kategori="4.2"), nr=None))
def tiltak_06(t: Tiltak, k: Klient) -> Result:
    return fired(alder=k.alder) if t.kategori.kode == "4.2" and k.alder is not None and k.alder >= 11 else None


code_without_text(
    "kostra-tiltak-07",
    Tiltak,
    lambda kode, presisering: individ(tiltak(kategori=(kode, presisering))),
    official="Tiltak Kontroll 7: Kontroll av manglende presisering for tiltakskategori",
    codes=("1.99", "2.99", "3.7", "3.99", "4.99", "5.99", "6.99", "7.99", "8.99"),
    ordinary="3.1",
    of=lambda t: iter(((t.kategori.kode, t.kategori.presisering),)),
    nb="Tiltaket har kategori {kode}, som krever en presisering.",
    en="The measure has category {kode}, which calls for a clarification.",
)
code_without_text(
    "kostra-tiltak-08",
    Tiltak,
    lambda kode, presisering: individ(tiltak(slutt="2024-06-01", opphevelse=(kode, presisering))),
    official="Tiltak Kontroll 8: Kontroll av kode og presisering for opphevelse",
    codes=("4",),
    ordinary="3",
    of=lambda t: iter(((t.opphevelse.kode, t.opphevelse.presisering),) if t.opphevelse else ()),
    nb="Opphevelse har kode {kode} (annet), som krever en presisering.",
    en="Opphevelse has code {kode} (other), which calls for a clarification.",
)


# --- placements ------------------------------------------------------------------------------------------------------


def _placed(*spans: tuple[str, str | None], kategori: str = "1.1", **about: Any) -> Individ:
    return individ(*(tiltak(start=start, slutt=slutt, kategori=kategori) for start, slutt in spans), **about)


_09 = KostraOptions(tiltak_09=TEXT)
_WHOLE = ("2024-01-01", "2024-12-31")


@rule(
    "kostra-tiltak-09",
    official="Tiltak Kontroll 9: Flere plasseringstiltak i samme periode",
    severity=ADVARSEL,
    nb="Plasseringstiltaket overlapper et annet plasseringstiltak (Id {annet}) fra {fra} til {til}.",
    en="The placement overlaps another placement (Id {annet}) from {fra} to {til}.",
    remedy_nb="Kontroller datoene for plasseringene. Avslutt den som er over.",
    remedy_en="Check the dates of the placements. End the one that is over.",
)
@silent("one placement", _placed(_WHOLE))
@silent("two after each other", _placed(("2024-01-01", "2024-06-01"), ("2024-06-01", "2024-12-01")))
@silent("89 days", _placed(_WHOLE, ("2024-01-01", "2024-03-30")))
@fires(
    "90 days",
    _placed(_WHOLE, ("2024-01-01", "2024-03-31")),
    parameters={"annet": "Tiltak-2", "fra": date(2024, 1, 1), "til": date(2024, 3, 31)},
)
@fires("90 days, the longer one last", _placed(("2024-01-01", "2024-03-31"), _WHOLE))
@silent("open, 89 days to the count day", _placed(_WHOLE, ("2024-10-03", None)))
@fires("open, 90 days to the count day", _placed(_WHOLE, ("2024-10-02", None)))
@fires("both open", _placed(("2023-01-01", None), ("2023-01-01", None)))
@silent("both begun after the count day", _placed(("2025-01-01", None), ("2025-01-01", None)))
@fires("three at once: all but the last", _placed(_WHOLE, _WHOLE, _WHOLE), times=2)
@silent("two that are not placements", _placed(_WHOLE, _WHOLE, kategori="3.1"))
@fires("supported housing counts", _placed(_WHOLE, _WHOLE, kategori="8.2"))
@silent("8.1 does not", _placed(_WHOLE, _WHOLE, kategori="8.1"))
@silent("three calendar months, as text", _placed(_WHOLE, ("2024-01-01", "2024-04-01")), options=_09)
@fires("three calendar months and a day, as text", _placed(_WHOLE, ("2024-01-01", "2024-04-02")), options=_09)
@silent("90 days, as text", _placed(_WHOLE, ("2024-01-01", "2024-03-31")), options=_09)
def tiltak_09(i: Individ, k: Klient) -> Result:
    if len(i.tiltak) < 2:
        return None
    telledato = k.dates.telledato
    placed = [(t, t.slutt_dato or telledato) for t in i.tiltak if er_plassering(t)]
    return _overlaps(placed, k) if len(placed) > 1 else None


def _overlaps(placed: Sequence[tuple[Tiltak, date]], k: Klient) -> list[Fired]:
    """A finding for each placement that overlaps a later one of the file long enough.

    Two do when each has lasted long enough by the other's end. From the last to the first, `late` and `ends` hold the
    later ones that no other contains, by the day they have lasted long enough: the one to ask is found by bisection,
    and a client with very many placements costs no more than sorting them.
    """
    found: list[Fired] = []
    late: list[int] = []
    ends: list[tuple[int, Tiltak]] = []
    for t, end in reversed(placed):
        enough, last = _long_enough(t.start_dato, k.options.tiltak_09), end.toordinal()
        if enough > last:
            continue
        at = bisect_right(late, last)
        if at and ends[at - 1][0] >= enough:
            other_end, other = ends[at - 1]
            found.append(
                fired(
                    at=t,
                    annet=k.safe(other.id),
                    fra=max(t.start_dato, other.start_dato),
                    til=date.fromordinal(min(last, other_end)),
                )
            )
        at = bisect_right(late, enough)
        if at and ends[at - 1][0] >= last:
            continue  # contained in one that is there
        low = at
        if at and late[at - 1] == enough:
            low -= 1
        while at < len(ends) and ends[at][0] <= last:
            at += 1
        late[low:at] = [enough]
        ends[low:at] = [(last, t)]
    return found[::-1]


def _long_enough(start: date, reading: Reading) -> int:
    """The first day, as an ordinal, by which an overlap from `start` is long enough to report."""
    if reading is IMPLEMENTED:
        return start.toordinal() + 90
    return add_months(start, 3).toordinal() + 1 if start.year < MAXYEAR else date.max.toordinal() + 1


# --- the act ---------------------------------------------------------------------------------------------------------


def _by(start: str, act: str, *jmfr: str) -> Individ:
    related = tuple(lov(other, kind=JmfrLovhjemmel) for other in jmfr)
    return individ(tiltak(start=start, lovhjemmel=lov(act), jmfr=related))


_24 = KostraOptions(tiltak_24=IMPLEMENTED)


@rule(
    "kostra-tiltak-24",
    official="Tiltak Kontroll 24: Lovhjemmel refererer til feil barnevernslov",
    severity=FEIL,
    nb={
        "1992": "Tiltaket startet {start}, før loven av 2021 gjaldt, og må ha lovhjemmel i BVL. "
        "Det gjelder også jamførte bestemmelser.",
        "2021": "Tiltaket startet {start} og må ha lovhjemmel i BVL eller BVL2021. "
        "Det gjelder også jamførte bestemmelser.",
    },
    en={
        "1992": "The measure started on {start}, before the act of 2021 was in force, and must rest on BVL. "
        "So must related provisions.",
        "2021": "The measure started on {start} and must rest on BVL or BVL2021. So must related provisions.",
    },
    remedy_nb="Rett loven i lovhjemmelen, eller rett startdatoen. Loven skrives BVL eller BVL2021, store bokstaver.",
    remedy_en="Correct the act of the legal basis, or the start date. The act is written BVL or BVL2021, in capitals.",
)
@silent("last day of the old act, BVL", _by("2022-12-31", "BVL"))
@fires("last day of the old act, BVL2021", _by("2022-12-31", "BVL2021"), variant="1992")
@silent("first day of the new act, BVL2021", _by("2023-01-01", "BVL2021"))
@silent("first day of the new act, BVL", _by("2023-01-01", "BVL"))
@fires("first day of the new act, another act", _by("2023-01-01", "BL1981"), variant="2021")
@fires("in small letters", _by("2023-01-01", "bvl"), variant="2021")
@fires("old act, one of two related is another", _by("2022-12-31", "BVL", "BVL", "BVL2021"), variant="1992")
@fires("new act, one of two related is another", _by("2023-01-01", "BVL2021", "BVL", "X"), variant="2021")
@silent("all related are right", _by("2023-01-01", "BVL2021", "BVL", "BVL2021"))
@fires("one finding however many are wrong", _by("2023-01-01", "X", "X", "X"))
@silent("not in use, as implemented", _by("2022-12-31", "BVL2021"), options=_24)
@silent("not in use, as implemented: another act", _by("2023-01-01", "X"), options=_24)
def tiltak_24(t: Tiltak, k: Klient) -> Result:
    if k.options.tiltak_24 is IMPLEMENTED:
        return None
    variant, right = ("1992", (BVL,)) if t.start_dato < NY_LOV else ("2021", (BVL, BVL2021))
    if t.lovhjemmel.lov in right and all(jmfr.lov in right for jmfr in t.jmfr_lovhjemmel):
        return None
    return fired(variant, start=t.start_dato)


_04 = KostraOptions(lovhjemmel_04=IMPLEMENTED)


@rule(
    "kostra-lovhjemmel-04",
    official="Lovhjemmel Kontroll 4: Lovhjemmel",
    severity=FEIL,
    nb="Lovhjemmelen har kapittel {kapittel} og paragraf {paragraf}. Ingen av dem kan være 0.",
    en="The legal basis has chapter {kapittel} and section {paragraf}. Neither can be 0.",
    remedy_nb="Rett kapittel og paragraf i lovhjemmelen.",
    remedy_en="Correct chapter and section of the legal basis.",
)
@silent("both given", individ(tiltak(lovhjemmel=lov("BVL2021", "3", "1"))))
@silent("00 is not 0", individ(tiltak(lovhjemmel=lov("BVL2021", "00", "10"))))
@fires(
    "no chapter",
    individ(tiltak(lovhjemmel=lov("BVL2021", "0", "1"))),
    parameters={"kapittel": "0", "paragraf": "1"},
)
@fires("no section", individ(tiltak(lovhjemmel=lov("BVL2021", "3", "0"))))
@fires("neither: one finding", individ(tiltak(lovhjemmel=lov("BVL2021", "0", "0"))))
@fires("in a related provision, as text", individ(tiltak(jmfr=_jmfr("BVL2021", "0", "1"))))
@fires(
    "in two provisions, as text",
    individ(tiltak(lovhjemmel=lov("BVL2021", "3", "0"), jmfr=_jmfr("BVL2021", "0", "1"))),
    times=2,
)
@silent("in a related provision, as implemented", individ(tiltak(jmfr=_jmfr("BVL2021", "0", "1"))), options=_04)
@fires("no chapter, as implemented", individ(tiltak(lovhjemmel=lov("BVL2021", "0", "1"))), options=_04)
def lovhjemmel_04(t: Tiltak, k: Klient) -> Result:
    bases: tuple[Any, ...] = (t.lovhjemmel,)
    if k.options.lovhjemmel_04 is TEXT:
        bases += t.jmfr_lovhjemmel
    return [fired(kapittel=b.kapittel, paragraf=b.paragraf) for b in bases if "0" in (b.kapittel, b.paragraf)] or None
