"""Rules on reports of concern (Melding)."""

from __future__ import annotations

from bvr.model.concepts import Melding
from bvr.rules.case import Case
from bvr.rules.examples import document, melding, sak
from bvr.rules.families import duplicate_content, end_after_case, start_after_end, start_before_case
from bvr.rules.options import Channel, RuleOptions
from bvr.rules.rule import ERROR, INFO, WARNING, Example, Result, fired, fires, rule, silent

KOSTRA = Channel.KOSTRA

start_after_end("melding-2a", Melding, melding, official="Melding Kontroll 2a", since="2013-01-01", ssb="MESSAGE_02A")
end_after_case(
    "melding-2c",
    Melding,
    melding,
    official="Melding Kontroll 2c",
    since="2013-01-01",
    ssb="MESSAGE_02C",
    if_migrated=WARNING,
)
start_before_case(
    "melding-2e",
    Melding,
    melding,
    official="Melding Kontroll 2e",
    since="2013-01-01",
    ssb="MESSAGE_02E",
    if_migrated=WARNING,
)
duplicate_content(
    "melding-19",
    Melding,
    "melding",
    lambda start, **rest: melding(start, slutt="2024-03-05", **rest),
    official="Melding Kontroll 19",
    severity=INFO,
    since="2013-01-01",
    ssb="MESSAGE_19",
    counts=lambda element: element.konklusjon is not None,
    extra=(
        Example("two alike without a conclusion", document(sak(melding("2024-03-01"), melding("2024-03-01"))), 0),
        Example(
            "the same reporters in another order",
            document(
                sak(
                    melding(slutt="2024-02-02", melder=("11", "13")),
                    melding(slutt="2024-02-02", melder=("13", "11")),
                )
            ),
            2,
        ),
        Example(
            "clarifications that differ by spaces around them",
            document(
                sak(
                    melding(slutt="2024-02-02", melder=(("22", "nabo"),)),
                    melding(slutt="2024-02-02", melder=(("22", " nabo "),)),
                )
            ),
            2,
        ),
        Example(
            "the conclusion of one is deleted",
            document(sak(melding(slutt="2024-02-02"), melding(slutt="2024-02-02", konklusjon_slettet=True))),
            0,
        ),
    ),
)


@rule(
    "melding-3",
    official="Melding Kontroll 3",
    severity=WARNING,
    since="2013-01-01",
    title_nb="Meldingen ble ikke konkludert innen sju dager",
    title_en="The report was not concluded within seven days",
    nb="Meldingen kom {start} og ble konkludert {slutt}, mer enn sju dager senere.",
    en="The report was received on {start} and concluded on {slutt}, more than seven days later.",
    remedy_nb="Rett datoene dersom de er feil. Er de riktige, trenger dere ikke gjøre noe.",
    remedy_en="Correct the dates if they are wrong. If they are right, nothing need be done.",
    ssb="MESSAGE_03",
)
@silent("not concluded", document(sak(melding(start="2025-03-01"))))
@silent("concluded on the seventh day", document(sak(melding(start="2025-03-01", slutt="2025-03-08"))))
@silent("deleted", document(sak(melding(start="2025-03-01", slutt="2025-03-09", er_slettet=True))))
@silent(
    "the conclusion is deleted",
    document(sak(melding(start="2025-03-01", slutt="2025-03-09", konklusjon_slettet=True))),
)
@silent(
    "one day of grace",
    document(sak(melding(start="2025-03-01", slutt="2025-03-09"))),
    options=RuleOptions(melding_grace_days=1),
)
@fires("concluded on the eighth day", document(sak(melding(start="2025-03-01", slutt="2025-03-09"))))
@fires(
    "the conclusion of another report is deleted",
    document(
        sak(
            melding(start="2025-03-01", slutt="2025-03-09"),
            melding(start="2025-03-01", slutt="2025-03-09", konklusjon_slettet=True),
        )
    ),
)
@fires(
    "a day after the day of grace",
    document(sak(melding(start="2025-03-01", slutt="2025-03-10"))),
    options=RuleOptions(melding_grace_days=1),
)
@fires(
    "migrated data through KOSTRA is a warning as ever",
    document(sak(melding(start="2025-03-01", slutt="2025-03-09", migrert_id="17"))),
    channel=KOSTRA,
    severity=WARNING,
)
def melding_konkludert_for_sent(melding: Melding, case: Case) -> Result:
    """Rule 3 (A27): concluded more than seven days after it was received."""
    konklusjon = melding.konklusjon
    if konklusjon is None:
        return None
    days = (konklusjon.slutt_dato - melding.start_dato).days
    if days <= 7 + case.options.melding_grace_days:
        return None
    return fired(start=melding.start_dato, slutt=konklusjon.slutt_dato, dager=days)


@rule(
    "melding-4",
    official="Melding Kontroll 4",
    severity=ERROR,
    since="2013-01-01",
    title_nb="Konkludert melding mangler melder",
    title_en="A concluded report lacks a reporter",
    nb="Meldingen er konkludert, men har ingen melder.",
    en="The report is concluded but has no reporter.",
    remedy_nb="Registrer hvem som meldte.",
    remedy_en="Register who reported.",
    ssb="MESSAGE_04",
)
@silent("not concluded, no reporter", document(sak(melding(melder=()))))
@silent("concluded, with a reporter", document(sak(melding(slutt="2024-02-02"))))
@silent("the conclusion is deleted", document(sak(melding(slutt="2024-02-02", melder=(), konklusjon_slettet=True))))
@silent("deleted", document(sak(melding(slutt="2024-02-02", melder=(), er_slettet=True))))
@fires("concluded, no reporter", document(sak(melding(slutt="2024-02-02", melder=()))))
@fires("a conclusion of 2026, no reporter", document(sak(melding(slutt="2026-02-02", kode="10", melder=()))))
@fires(
    "migrated, from the case system",
    document(sak(melding(slutt="2024-02-02", melder=(), migrert_id="17"))),
    severity=ERROR,
)
@fires(
    "migrated, through KOSTRA",
    document(sak(melding(slutt="2024-02-02", melder=(), migrert_id="17"))),
    severity=WARNING,
    channel=KOSTRA,
)
def konkludert_uten_melder(melding: Melding, case: Case) -> Result:
    """Rule 4 (A22): a conclusion of any code, and no Melder at all."""
    return fired() if melding.konklusjon is not None and not melding.melder else None


@rule(
    "melding-5",
    official="Melding Kontroll 5",
    severity=ERROR,
    since="2013-01-01",
    title_nb="Konkludert melding mangler saksinnhold",
    title_en="A concluded report lacks its content",
    nb="Meldingen er konkludert, men har ikke noe saksinnhold.",
    en="The report is concluded but does not say what it is about.",
    remedy_nb="Registrer hva meldingen gjelder.",
    remedy_en="Register what the report is about.",
    ssb="MESSAGE_05",
)
@silent("not concluded, no content", document(sak(melding(saksinnhold=()))))
@silent("concluded, with content", document(sak(melding(slutt="2024-02-02"))))
@silent(
    "the conclusion is deleted", document(sak(melding(slutt="2024-02-02", saksinnhold=(), konklusjon_slettet=True)))
)
@fires("concluded, no content", document(sak(melding(slutt="2024-02-02", saksinnhold=()))))
@fires(
    "migrated, from the case system",
    document(sak(melding(slutt="2024-02-02", saksinnhold=(), migrert_id="17"))),
    severity=ERROR,
)
@fires(
    "migrated, through KOSTRA",
    document(sak(melding(slutt="2024-02-02", saksinnhold=(), migrert_id="17"))),
    severity=WARNING,
    channel=KOSTRA,
)
def konkludert_uten_saksinnhold(melding: Melding, case: Case) -> Result:
    """Rule 5: a conclusion and no Saksinnhold."""
    return fired() if melding.konklusjon is not None and not melding.saksinnhold else None


@rule(
    "melder-2",
    official="Melder Kontroll 2",
    severity=ERROR,
    since="2013-01-01",
    title_nb="Melder mangler presisering",
    title_en="The reporter lacks a clarification",
    nb="Melder har kode {kode} uten presisering.",
    en="The reporter has code {kode} without a clarification.",
    remedy_nb="Skriv i presiseringen hvem som meldte.",
    remedy_en="Say in the clarification who reported.",
    ssb="REPORTER_02",
)
@silent("code 22 with a clarification", document(sak(melding(melder=(("22", "nabo"),)))))
@silent("another code without one", document(sak(melding(melder=("21",)))))
@silent("deleted", document(sak(melding(melder=("22",), er_slettet=True))))
@fires("code 22 without a clarification", document(sak(melding(melder=("22",)))), parameters={"kode": "22"})
@fires("code 22 with a space for a clarification", document(sak(melding(melder=(("22", " "),)))))
@fires("only those with code 22", document(sak(melding(melder=("21", "22", "11")))), parameters={"kode": "22"})
@fires("two of three reporters", document(sak(melding(melder=("22", ("22", "nabo"), "22")))), times=2)
@fires("migrated, from the case system", document(sak(melding(melder=("22",), migrert_id="17"))), severity=ERROR)
@fires(
    "migrated, through KOSTRA",
    document(sak(melding(melder=("22",), migrert_id="17"))),
    severity=WARNING,
    channel=KOSTRA,
)
def melder_uten_presisering(melding: Melding, case: Case) -> Result:
    """Melder rule 2 (A23, A24): code 22 of the list Melder demands a clarification."""
    for melder in melding.melder:
        if melder.kode == "22":
            return [fired(kode=m.kode) for m in melding.melder if m.kode == "22" and blank(m.presisering)]
    return None


@rule(
    "saksinnhold-2",
    official="Saksinnhold Kontroll 2",
    severity=ERROR,
    since="2013-01-01",
    title_nb="Saksinnhold mangler presisering",
    title_en="The content lacks a clarification",
    nb="Saksinnhold har kode {kode} uten presisering.",
    en="The content has code {kode} without a clarification.",
    remedy_nb="Skriv i presiseringen hva meldingen gjelder.",
    remedy_en="Say in the clarification what the report is about.",
    ssb="",
)
@silent("code 18 with a clarification", document(sak(melding(saksinnhold=(("18", "annet"),)))))
@silent("code 22 of this list is another matter", document(sak(melding(saksinnhold=("22",)))))
@silent("a code of 2026", document(sak(melding(saksinnhold=("1.1.01",)))))
@silent("deleted", document(sak(melding(saksinnhold=("18",), er_slettet=True))))
@fires("code 18 without a clarification", document(sak(melding(saksinnhold=("18",)))), parameters={"kode": "18"})
@fires("code 19 without a clarification", document(sak(melding(saksinnhold=("19",)))), parameters={"kode": "19"})
@fires("code 19 with a space for a clarification", document(sak(melding(saksinnhold=(("19", " \t"),)))))
@fires("only those with the codes", document(sak(melding(saksinnhold=("3", "18", "19", "7")))), times=2)
@fires("migrated, from the case system", document(sak(melding(saksinnhold=("18",), migrert_id="17"))), severity=ERROR)
@fires(
    "migrated, through KOSTRA",
    document(sak(melding(saksinnhold=("18",), migrert_id="17"))),
    severity=WARNING,
    channel=KOSTRA,
)
def saksinnhold_uten_presisering(melding: Melding, case: Case) -> Result:
    """Saksinnhold rule 2 (A23, A24): codes 18 and 19 demand a clarification."""
    for innhold in melding.saksinnhold:
        if innhold.kode in ("18", "19"):
            return [fired(kode=s.kode) for s in melding.saksinnhold if s.kode in ("18", "19") and blank(s.presisering)]
    return None


def blank(text: str | None) -> bool:
    """Absent or only whitespace (A23)."""
    return text is None or not text.strip()
