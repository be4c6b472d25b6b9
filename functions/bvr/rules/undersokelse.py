"""Rules on investigations (Undersokelse)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, cast

from bvr.model.concepts import Melding, Undersokelse
from bvr.rules.case import Case, add_months
from bvr.rules.examples import document, melding, relasjon, sak, uid, undersokelse, vedtak
from bvr.rules.families import duplicate_content, end_after_case, start_after_end, start_before_case
from bvr.rules.melding import blank
from bvr.rules.options import Channel, RuleOptions
from bvr.rules.rule import ERROR, WARNING, Example, Result, fired, fires, rule, silent

KOSTRA = Channel.KOSTRA
_MONTHS = RuleOptions(undersokelse_deadline="months")

start_after_end(
    "undersokelse-2a",
    Undersokelse,
    undersokelse,
    official="Undersøkelse Kontroll 2a",
    since="2013-01-01",
    ssb="INVESTIGATION_02A",
)
end_after_case(
    "undersokelse-2c",
    Undersokelse,
    undersokelse,
    official="Undersøkelse Kontroll 2c",
    since="2013-01-01",
    ssb="INVESTIGATION_02C",
    if_migrated=WARNING,
)
start_before_case(
    "undersokelse-2e",
    Undersokelse,
    undersokelse,
    official="Undersøkelse Kontroll 2e",
    since="2013-01-01",
    ssb="INVESTIGATION_02E",
    if_migrated=WARNING,
)
duplicate_content(
    "undersokelse-19",
    Undersokelse,
    "undersokelse",
    undersokelse,
    official="Undersøkelse Kontroll 19",
    severity=ERROR,
    since="2013-01-01",
    ssb="INVESTIGATION_19",
    extra=(
        Example(
            "two alike but for the grounds",
            document(sak(undersokelse(vedtaksgrunnlag=("3",)), undersokelse(vedtaksgrunnlag=("7",)))),
            0,
        ),
    ),
)


@rule(
    "undersokelse-3",
    official="Undersøkelse Kontroll 3",
    severity=ERROR,
    since="2013-01-01",
    title_nb="Vedtaksgrunnlag mangler presisering",
    title_en="The grounds lack a clarification",
    nb="Vedtaksgrunnlag har kode {kode} uten presisering.",
    en="The grounds have code {kode} without a clarification.",
    remedy_nb="Skriv i presiseringen hva grunnlaget er.",
    remedy_en="Say in the clarification what the grounds are.",
    ssb="INVESTIGATION_03",
)
@silent("code 18 with a clarification", document(sak(undersokelse(vedtaksgrunnlag=(("18", "annet"),)))))
@silent("another code without one", document(sak(undersokelse(vedtaksgrunnlag=("17", "20")))))
@silent("deleted", document(sak(undersokelse(vedtaksgrunnlag=("18",), er_slettet=True))))
@fires(
    "code 18 without a clarification", document(sak(undersokelse(vedtaksgrunnlag=("18",)))), parameters={"kode": "18"}
)
@fires("code 19 with a space for a clarification", document(sak(undersokelse(vedtaksgrunnlag=(("19", " "),)))))
@fires("only those with the codes", document(sak(undersokelse(vedtaksgrunnlag=("3", "18", "19", "7")))), times=2)
@fires(
    "migrated, from the case system",
    document(sak(undersokelse(vedtaksgrunnlag=("18",), migrert_id="17"))),
    severity=ERROR,
)
@fires(
    "migrated, through KOSTRA",
    document(sak(undersokelse(vedtaksgrunnlag=("18",), migrert_id="17"))),
    severity=WARNING,
    channel=KOSTRA,
)
def vedtaksgrunnlag_uten_presisering(undersokelse: Undersokelse, case: Case) -> Result:
    """Rule 3 (A23, A56): codes 18 and 19 of the grounds demand a clarification."""
    for grunnlag in undersokelse.vedtaksgrunnlag:
        if grunnlag.kode in ("18", "19"):
            return [
                fired(kode=g.kode)
                for g in undersokelse.vedtaksgrunnlag
                if g.kode in ("18", "19") and blank(g.presisering)
            ]
    return None


@rule(
    "undersokelse-7",
    official="Undersøkelse Kontroll 7",
    severity=ERROR,
    since="2013-01-01",
    title_nb="Undersøkelse som ga vedtak mangler vedtaksgrunnlag",
    title_en="An investigation that led to a decision lacks its grounds",
    nb="Undersøkelsen er konkludert med kode {kode}, men har ikke noe vedtaksgrunnlag.",
    en="The investigation is concluded with code {kode} but has no grounds.",
    remedy_nb="Registrer vedtaksgrunnlaget.",
    remedy_en="Register the grounds for the decision.",
    ssb="INVESTIGATION_07",
)
@silent("not concluded", document(sak(undersokelse())))
@silent("dropped (code 3)", document(sak(undersokelse(slutt="2024-04-01", kode="3"))))
@silent("code 1 with grounds", document(sak(undersokelse(slutt="2024-04-01", kode="1", vedtaksgrunnlag=("3",)))))
@silent("deleted", document(sak(undersokelse(slutt="2024-04-01", kode="1", er_slettet=True))))
@fires("code 1 without grounds", document(sak(undersokelse(slutt="2024-04-01", kode="1"))), parameters={"kode": "1"})
@fires("code 2 without grounds", document(sak(undersokelse(slutt="2024-04-01", kode="2"))), parameters={"kode": "2"})
@fires(
    "migrated, from the case system",
    document(sak(undersokelse(slutt="2024-04-01", kode="1", migrert_id="17"))),
    severity=ERROR,
)
@fires(
    "migrated, through KOSTRA",
    document(sak(undersokelse(slutt="2024-04-01", kode="1", migrert_id="17"))),
    severity=WARNING,
    channel=KOSTRA,
)
def vedtak_uten_grunnlag(undersokelse: Undersokelse, case: Case) -> Result:
    """Rule 7: concluded with 1 or 2, and no Vedtaksgrunnlag."""
    konklusjon = undersokelse.konklusjon
    if konklusjon is None or konklusjon.kode not in ("1", "2") or undersokelse.vedtaksgrunnlag:
        return None
    return fired(kode=konklusjon.kode)


def _related(*, today: str, more: tuple[Melding, ...] = (), **about: Any) -> Any:
    """An investigation of a report received on 2025-01-01, looked at on a day."""
    elements = (melding("2025-01-01", slutt="2025-01-03"), *more, undersokelse("2025-01-08", **about))
    links = [relasjon("Melding", "Undersokelse", fra=n) for n in range(1, len(more) + 2)]
    return document(sak(*elements, *links), today=today)


def _deadline(case: Case, received: date, days: int, months: int) -> date:
    """The last day in time: a week, then days or calendar months (A29)."""
    try:
        week = received + timedelta(days=7)
        return (
            add_months(week, months) if case.options.undersokelse_deadline == "months" else week + timedelta(days=days)
        )
    except OverflowError:
        return date.max


def _received(undersokelse: Undersokelse, case: Case) -> date | None:
    """When the earliest related report came (A30)."""
    return min((cast(Melding, m).start_dato for m in case.sources("Melding", undersokelse)), default=None)


def _extended(undersokelse: Undersokelse) -> bool:
    return undersokelse.utvidet_frist is not None and undersokelse.utvidet_frist.innvilget == "1"


@rule(
    "undersokelse-11-90",
    official="Undersøkelse Kontroll 11",
    severity=WARNING,
    since="2013-01-01",
    title_nb="Undersøkelsen er ikke konkludert innen fristen",
    title_en="The investigation is not concluded within the time limit",
    nb="Meldingen kom {melding_start}, og fristen for undersøkelsen var {frist}. Utvidet frist er ikke innvilget.",
    en="The report was received on {melding_start}; the investigation was due on {frist}. No extension is granted.",
    remedy_nb="Konkluder undersøkelsen, eller registrer at fristen er utvidet.",
    remedy_en="Conclude the investigation, or register that the time limit was extended.",
    ssb="",
)
@silent("the 97th day", _related(today="2025-04-08"))
@silent("concluded", _related(today="2025-04-09", slutt="2025-04-09"))
@silent("an extension is granted", _related(today="2025-04-09", utvidet="2025-03-01", innvilget="1"))
@silent(
    "no relation to a report",
    document(sak(melding("2025-01-01"), undersokelse("2025-01-08")), today="2025-04-09"),
)
@silent(
    "the report is deleted",
    document(
        sak(melding("2025-01-01", er_slettet=True), undersokelse("2025-01-08"), relasjon("Melding", "Undersokelse")),
        today="2025-04-09",
    ),
)
@silent("three months: the last day", _related(today="2025-04-08"), options=_MONTHS)
@fires(
    "the 98th day",
    _related(today="2025-04-09"),
    parameters={"melding_start": date(2025, 1, 1), "frist": date(2025, 4, 8)},
)
@fires("an extension is asked for, not answered", _related(today="2025-04-09", utvidet="2025-03-01"))
@fires("an extension is refused", _related(today="2025-04-09", utvidet="2025-03-01", innvilget="2"))
@fires("only one finding after 187 days", _related(today="2025-12-01"))
@fires("three months: the day after", _related(today="2025-04-09"), options=_MONTHS)
@fires(
    "counted from the earliest of two reports",
    _related(today="2025-04-09", more=(melding("2025-02-01", slutt="2025-02-02"),)),
    parameters={"melding_start": date(2025, 1, 1), "frist": date(2025, 4, 8)},
)
@fires(
    "the relation names the report's MigrertId",
    document(
        sak(
            melding("2025-01-01", migrert_id="gammel-17"),
            undersokelse("2025-01-08"),
            relasjon("Melding", "Undersokelse", fra="gammel-17"),
        ),
        today="2025-04-09",
    ),
)
def ikke_konkludert_innen_90_dager(undersokelse: Undersokelse, case: Case) -> Result:
    """Rule 11, first branch (A29, A30): open more than 7 + 90 days after the report, and no extension granted."""
    if undersokelse.konklusjon is not None or _extended(undersokelse):
        return None
    received = _received(undersokelse, case)
    if received is None or case.today <= (frist := _deadline(case, received, 90, 3)):
        return None
    return fired(melding_start=received, frist=frist)


@rule(
    "undersokelse-11-180",
    official="Undersøkelse Kontroll 11",
    severity=WARNING,
    since="2013-01-01",
    title_nb="Undersøkelsen er ikke konkludert innen utvidet frist",
    title_en="The investigation is not concluded within the extended time limit",
    nb="Meldingen kom {melding_start}, og med utvidet frist skulle undersøkelsen vært konkludert senest {frist}.",
    en="The report was received on {melding_start}; with the extension the investigation was due on {frist}.",
    remedy_nb="Konkluder undersøkelsen.",
    remedy_en="Conclude the investigation.",
    ssb="",
)
@silent("the 187th day", _related(today="2025-07-07", utvidet="2025-03-01", innvilget="1"))
@silent("concluded", _related(today="2025-07-08", slutt="2025-07-08", utvidet="2025-03-01", innvilget="1"))
@silent(
    "no relation to a report",
    document(
        sak(melding("2025-01-01"), undersokelse("2025-01-08", utvidet="2025-03-01", innvilget="1")), today="2025-07-08"
    ),
)
@silent("no extension: the first branch reports", _related(today="2025-07-08"))
@silent("six months: the last day", _related(today="2025-07-08", utvidet="2025-03-01", innvilget="1"), options=_MONTHS)
@fires(
    "the 188th day",
    _related(today="2025-07-08", utvidet="2025-03-01", innvilget="1"),
    parameters={"melding_start": date(2025, 1, 1), "frist": date(2025, 7, 7)},
)
@fires(
    "six months: the day after",
    _related(today="2025-07-09", utvidet="2025-03-01", innvilget="1"),
    options=_MONTHS,
)
def ikke_konkludert_innen_180_dager(undersokelse: Undersokelse, case: Case) -> Result:
    """Rule 11, second branch (A29, A30): open more than 7 + 180 days after the report, with an extension granted."""
    if undersokelse.konklusjon is not None or not _extended(undersokelse):
        return None
    received = _received(undersokelse, case)
    if received is None or case.today <= (frist := _deadline(case, received, 180, 6)):
        return None
    return fired(melding_start=received, frist=frist)


_STORE = uid("Melding").upper()


@rule(
    "undersokelse-20",
    official="Undersøkelse Kontroll 20",
    severity=ERROR,
    since="2013-01-01",
    title_nb="Undersøkelsen er ikke koblet til en melding",
    title_en="The investigation is not linked to a report",
    nb="Undersøkelsen er ikke koblet til noen melding i saken.",
    en="The investigation is not linked to any report of the case.",
    remedy_nb="Registrer hvilken melding undersøkelsen bygger på.",
    remedy_en="Register which report the investigation rests on.",
    ssb="INVESTIGATION_20",
)
@silent("linked", document(sak(melding(), undersokelse(), relasjon("Melding", "Undersokelse"))))
@silent(
    "linked, the Id in capitals",
    document(sak(melding(), undersokelse(), relasjon("Melding", "Undersokelse", fra=_STORE))),
)
@silent(
    "linked by the report's MigrertId",
    document(sak(melding(migrert_id="M-1"), undersokelse(), relasjon("Melding", "Undersokelse", fra="M-1"))),
)
@silent("deleted", document(sak(undersokelse(er_slettet=True))))
@fires("no relation at all", document(sak(melding(), undersokelse())))
@fires("no report either", document(sak(undersokelse())))
@fires("linked the wrong way", document(sak(melding(), undersokelse(), relasjon("Undersokelse", "Melding"))))
@fires(
    "the report is deleted",
    document(sak(melding(er_slettet=True), undersokelse(), relasjon("Melding", "Undersokelse"))),
)
@fires(
    "the relation is deleted",
    document(sak(melding(), undersokelse(), relasjon("Melding", "Undersokelse", er_slettet=True))),
)
@fires("migrated, from the case system", document(sak(undersokelse(migrert_id="17"))), severity=ERROR)
@fires("migrated, through KOSTRA", document(sak(undersokelse(migrert_id="17"))), severity=WARNING, channel=KOSTRA)
def undersokelse_uten_melding(undersokelse: Undersokelse, case: Case) -> Result:
    """Rule 20 (A32, A34): no relation from a live report."""
    return None if case.sources("Melding", undersokelse) else fired()


def _without_decision(undersokelse: Undersokelse, case: Case, kode: str) -> Result:
    """Rule 21 (A33): concluded with the code, and no relation to a live decision."""
    konklusjon = undersokelse.konklusjon
    if konklusjon is None or konklusjon.kode != kode or case.targets(undersokelse, "Vedtak"):
        return None
    return fired()


_NB = "Undersøkelsen er konkludert med vedtak eller begjæring, men er ikke koblet til noe vedtak."
_EN = "The investigation concluded with a decision or a request, but it is not linked to any decision."


@rule(
    "undersokelse-21-k1",
    official="Undersøkelse Kontroll 21",
    severity=ERROR,
    since="2013-01-01",
    title_nb="Undersøkelse med konklusjon 1 er ikke koblet til et vedtak",
    title_en="An investigation with conclusion 1 is not linked to a decision",
    nb=_NB,
    en=_EN,
    remedy_nb="Registrer hvilket vedtak undersøkelsen førte til.",
    remedy_en="Register which decision the investigation led to.",
    ssb="INVESTIGATION_21",
)
@silent("not concluded", document(sak(undersokelse())))
@silent("dropped (code 3)", document(sak(undersokelse(slutt="2024-04-01", kode="3"))))
@silent("code 2 is the other branch", document(sak(undersokelse(slutt="2024-04-01", kode="2"))))
@silent(
    "linked to a decision",
    document(sak(undersokelse(slutt="2024-04-01", kode="1"), vedtak(), relasjon("Undersokelse", "Vedtak"))),
)
@fires("no relation", document(sak(undersokelse(slutt="2024-04-01", kode="1"), vedtak())))
@fires(
    "the decision is deleted",
    document(
        sak(undersokelse(slutt="2024-04-01", kode="1"), vedtak(er_slettet=True), relasjon("Undersokelse", "Vedtak"))
    ),
)
@fires(
    "migrated, from the case system",
    document(sak(undersokelse(slutt="2024-04-01", kode="1", migrert_id="17"))),
    severity=ERROR,
)
@fires(
    "migrated, through KOSTRA",
    document(sak(undersokelse(slutt="2024-04-01", kode="1", migrert_id="17"))),
    severity=WARNING,
    channel=KOSTRA,
)
def konklusjon_1_uten_vedtak(undersokelse: Undersokelse, case: Case) -> Result:
    """Rule 21, conclusion 1 (A33)."""
    return _without_decision(undersokelse, case, "1")


@rule(
    "undersokelse-21-k2",
    official="Undersøkelse Kontroll 21",
    severity=WARNING,
    since="2013-01-01",
    title_nb="Undersøkelse med konklusjon 2 er ikke koblet til et vedtak",
    title_en="An investigation with conclusion 2 is not linked to a decision",
    nb=_NB,
    en=_EN,
    remedy_nb="Registrer hvilket vedtak undersøkelsen førte til.",
    remedy_en="Register which decision the investigation led to.",
    ssb="INVESTIGATION_21",
)
@silent("code 1 is the other branch", document(sak(undersokelse(slutt="2024-04-01", kode="1"))))
@silent(
    "linked to a decision",
    document(sak(undersokelse(slutt="2024-04-01", kode="2"), vedtak(), relasjon("Undersokelse", "Vedtak"))),
)
@fires("no relation", document(sak(undersokelse(slutt="2024-04-01", kode="2"), vedtak())), severity=WARNING)
@fires(
    "linked the wrong way",
    document(sak(undersokelse(slutt="2024-04-01", kode="2"), vedtak(), relasjon("Vedtak", "Undersokelse"))),
)
def konklusjon_2_uten_vedtak(undersokelse: Undersokelse, case: Case) -> Result:
    """Rule 21, conclusion 2 (A33)."""
    return _without_decision(undersokelse, case, "2")
