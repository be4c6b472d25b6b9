"""Rules of the report of concern, who reported and what it is about."""

from __future__ import annotations

from collections.abc import Callable

from bvr.kostra.concepts import Individ, Melding
from bvr.kostra.rules.examples import individ, melding
from bvr.kostra.rules.families import (
    closed_without_end,
    code_without_text,
    end_after_client,
    start_after_end,
    start_before_client,
)
from bvr.kostra.rules.options import TEXT, KostraOptions, Reading
from bvr.kostra.rules.rule import ADVARSEL, FEIL, Check, Example, Klient, Result, fired, fires, rule, silent

start_after_end("kostra-melding-02a", Melding, melding, official="Melding Kontroll 2a: Startdato etter sluttdato")


def _dropped_counts(m: Melding, k: Klient) -> bool:
    return (m.konklusjon == "1") is (k.options.melding_02c is TEXT)


def _late(konklusjon: str | None) -> tuple[Individ, ...]:
    return (individ(melding(slutt="2024-06-02", konklusjon=konklusjon), slutt="2024-06-01"),)


_02C = KostraOptions(melding_02c=TEXT)

end_after_client(
    "kostra-melding-02c",
    Melding,
    melding,
    official="Melding Kontroll 2c: Sluttdato mot individets sluttdato",
    applies=_dropped_counts,
    extra=(
        Example("goes to investigation, as implemented", _late("2"), 1),
        Example("dropped, as implemented", _late("1"), 0),
        Example("dropped, as text", _late("1"), 1, options=_02C),
        Example("goes to investigation, as text", _late("2"), 0, options=_02C),
        Example("no conclusion, as text", _late(None), 0, options=_02C),
    ),
)
closed_without_end(
    "kostra-melding-02d",
    Melding,
    melding,
    official="Melding Kontroll 2d: Avslutta 31 12 medfører at sluttdato skal være satt på meldingen",
)
start_before_client(
    "kostra-melding-02e", Melding, melding, official="Melding Kontroll 2e: Startdato mot individets startdato"
)


def _lasting(slutt: str | None) -> Individ:
    return individ(melding(start="2024-03-01", slutt=slutt))


@rule(
    "kostra-melding-03",
    official="Melding Kontroll 3: Behandlingstid av melding",
    severity=ADVARSEL,
    nb="Meldingen kom {start} og ble konkludert {slutt}, etter {dager} dager. Fristen er {frist} dager.",
    en="The report came on {start} and was concluded on {slutt}, after {dager} days. The limit is {frist} days.",
    remedy_nb="Kontroller datoene. Er de riktige, trenger dere ikke gjøre noe.",
    remedy_en="Check the dates. If they are right, do nothing.",
)
@silent("not concluded", _lasting(None))
@silent("7 days", _lasting("2024-03-08"))
@fires("8 days, as text", _lasting("2024-03-09"))
@silent("8 days, as implemented", _lasting("2024-03-09"), options=KostraOptions(melding_03=Reading.IMPLEMENTED))
@fires("9 days, as implemented", _lasting("2024-03-10"), options=KostraOptions(melding_03=Reading.IMPLEMENTED))
@silent("9 days, with two days of grace", _lasting("2024-03-10"), options=KostraOptions(melding_grace_days=2))
@fires("10 days, with two days of grace", _lasting("2024-03-11"), options=KostraOptions(melding_grace_days=2))
def melding_03(m: Melding, k: Klient) -> Result:
    if m.slutt_dato is None:
        return None
    limit = (7 if k.options.melding_03 is TEXT else 8) + k.options.melding_grace_days
    days = (m.slutt_dato - m.start_dato).days
    return fired(start=m.start_dato, slutt=m.slutt_dato, dager=days, frist=limit) if days > limit else None


def _concluded(m: Melding, k: Klient, reading: Reading) -> bool:
    """Whether it is one of the concluded reports that 4 and 5 look at."""
    if m.slutt_dato is None or m.konklusjon not in ("1", "2"):
        return False
    return m.slutt_dato < k.dates.forrige_telledato if reading is TEXT else m.slutt_dato.year >= k.year


Case = Callable[..., Individ]


def _concluded_examples(build: Case, full: Case, options: KostraOptions) -> Callable[[Check], Check]:
    """Of 4 and 5: `build` makes a report that lacks what they ask for, `full` one that has it."""

    def add(check: Check) -> Check:
        for decorate in reversed(
            (
                silent("dropped in the year, as implemented: nothing is missing", full("2024-06-01", "1")),
                fires("dropped on the first day of the year, as implemented", build("2024-01-01", "1")),
                fires("to investigation on the last day of the year, as implemented", build("2024-12-31", "2")),
                fires("dropped after the year, as implemented", build("2025-01-01", "1")),
                silent("dropped the year before, as implemented", build("2023-12-31", "1")),
                silent("dropped as measures are active, as implemented", build("2024-06-01", "3")),
                silent("no end date, as implemented", build(None, "1")),
                silent("no conclusion, as implemented", build("2024-06-01", None)),
                fires("before the previous count day, as text", build("2023-12-30", "1"), options=options),
                silent("before that day, as text: nothing is missing", full("2023-12-30", "1"), options=options),
                silent("on the previous count day, as text", build("2023-12-31", "2"), options=options),
                silent("in the year, as text", build("2024-06-01", "1"), options=options),
            )
        ):
            decorate(check)
        return check

    return add


def _without_melder(slutt: str | None, konklusjon: str | None) -> Individ:
    return individ(melding(start="2023-06-01", slutt=slutt, konklusjon=konklusjon, melder=()))


def _without_saksinnhold(slutt: str | None, konklusjon: str | None) -> Individ:
    return individ(melding(start="2023-06-01", slutt=slutt, konklusjon=konklusjon, saksinnhold=()))


def _with_both(slutt: str | None, konklusjon: str | None) -> Individ:
    return individ(melding(start="2023-06-01", slutt=slutt, konklusjon=konklusjon))


@rule(
    "kostra-melding-04",
    official="Melding Kontroll 4: Kontroll av konkludert melding, melder",
    severity=FEIL,
    nb="Meldingen er konkludert, men det står ikke hvem som meldte.",
    en="The report is concluded, but it does not say who reported.",
    remedy_nb="Legg inn minst én melder.",
    remedy_en="Enter at least one reporter.",
)
@_concluded_examples(_without_melder, _with_both, KostraOptions(melding_04=TEXT))
def melding_04(m: Melding, k: Klient) -> Result:
    return fired() if not m.melder and _concluded(m, k, k.options.melding_04) else None


@rule(
    "kostra-melding-05",
    official="Melding Kontroll 5: Kontroll av konkludert melding, saksinnhold",
    severity=FEIL,
    nb="Meldingen er konkludert, men det står ikke hva den gjelder.",
    en="The report is concluded, but it does not say what it is about.",
    remedy_nb="Legg inn minst ett saksinnhold.",
    remedy_en="Enter at least one content of the report.",
)
@_concluded_examples(_without_saksinnhold, _with_both, KostraOptions(melding_05=TEXT))
def melding_05(m: Melding, k: Klient) -> Result:
    return fired() if not m.saksinnhold and _concluded(m, k, k.options.melding_05) else None


code_without_text(
    "kostra-melder-02",
    Melding,
    lambda kode, presisering: individ(melding(melder=((kode, presisering),))),
    official="Melder Kontroll 2: Kontroll av kode og presisering",
    codes=("22",),
    ordinary="21",
    of=lambda m: ((one.kode, one.presisering) for one in m.melder),
    nb="Melder har kode {kode} (andre offentlige instanser), som krever en presisering.",
    en="Melder has code {kode} (other public body), which calls for a clarification.",
    switch="melder_02",
)
code_without_text(
    "kostra-saksinnhold-02",
    Melding,
    lambda kode, presisering: individ(melding(saksinnhold=((kode, presisering),))),
    official="Saksinnhold Kontroll 2: Kontroll av kode og presisering",
    codes=("18", "19"),
    ordinary="17",
    of=lambda m: ((one.kode, one.presisering) for one in m.saksinnhold),
    nb="Saksinnhold har kode {kode} (andre forhold), som krever en presisering.",
    en="Saksinnhold has code {kode} (other), which calls for a clarification.",
    switch="saksinnhold_02",
)
