"""Where the requirement text and Statistics Norway's program differ: one switch for each rule, with what each means.

The default of a switch is our reading; `docs/kostra-regler.md` shows both with examples.
"""

from __future__ import annotations

import typing
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Annotated

import msgspec


class Reading(StrEnum):
    """Whose word a switch follows."""

    TEXT = "kravtekst"
    """The published requirement, as written."""
    IMPLEMENTED = "program"
    """Statistics Norway's control program, as implemented."""


TEXT, IMPLEMENTED = Reading.TEXT, Reading.IMPLEMENTED


@dataclass(frozen=True, slots=True)
class Switch:
    """What the two readings of a rule are, and why the default is what it is."""

    rules: tuple[str, ...]
    text_nb: str
    text_en: str
    implemented_nb: str
    implemented_en: str
    why_nb: str
    why_en: str


def _missing_text(rule: str, codes: str) -> Switch:
    return Switch(
        (rule,),
        f"kode {codes} slår ut, med eller uten presisering",
        f"code {codes} fires, clarified or not",
        f"kode {codes} slår ut når presiseringen mangler",
        f"code {codes} fires when the clarification is missing",
        "Navnet og meldingen i kravet sier at presiseringen mangler; betingelsen har glemt det.",
        "Name and message of the requirement say that the clarification is missing; its condition forgot to.",
    )


def _concluded(rule: str, nb: str, en: str) -> Switch:
    return Switch(
        (rule,),
        f"sluttdato før forrige telledato og uten {nb}",
        f"end date before the previous count day, and no {en}",
        f"sluttdato i rapporteringsåret eller senere og uten {nb}",
        f"end date in the reporting year or later, and no {en}",
        "Kravets test peker feil vei: det er årets konkluderte meldinger som skal kontrolleres.",
        "The test of the requirement points the wrong way: the year's concluded reports are the ones to check.",
    )


def _number(*rules: str) -> Switch:
    return Switch(
        rules,
        "fødselsdato + 55555 godtas, og datoen i nummeret må finnes",
        "birth date + 55555 is accepted, and the date in the number must exist",
        "fødselsdato + 55555 godtas ikke; av vanlige numre prøves bare kontrollsifrene",
        "birth date + 55555 is refused; of ordinary numbers only the check digits are tested",
        "Både kravet og skjemaet til det nye registeret har 55555.",
        "The requirement and the new register's schema both list 55555.",
    )


def _care_order(rule: str) -> Switch:
    return Switch(
        (rule,),
        "BVL § 4-12, § 4-8 andre eller tredje ledd, § 4-8 jf. § 4-12, eller BVL2021 § 5-1",
        "BVL § 4-12, § 4-8 second or third subsection, § 4-8 with § 4-12, or BVL2021 § 5-1",
        "BVL § 4-12, § 4-8 andre eller tredje ledd, eller BVL2021 § 5-1 med bokstav a til g; "
        "jamførte bestemmelser ses ikke på",
        "BVL § 4-12, § 4-8 second or third subsection, or BVL2021 § 5-1 with letter a to g; "
        "related provisions are not looked at",
        "Kravet, og det nye registeret, definerer omsorgstiltak slik.",
        "The requirement, and the new register, define a care order so.",
    )


class KostraOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the KOSTRA rules. A field that holds a Reading is the switch of the rules that its Switch names."""

    individ_01a: Annotated[
        Reading,
        Switch(
            ("kostra-individ-01a",),
            "fra 1. januar 25 år før rapporteringsåret til telledato 25 år etter",
            "from 1 January 25 years before the reporting year to the count day 25 years after",
            "fra 01.01.1998 til 31.12.2049, uansett år",
            "from 1998-01-01 to 2049-12-31, whatever the year",
            "Det faste vinduet er ett års vindu som ble stående; en klient kan ha startet 25 år tilbake.",
            "The fixed window is one year's, left standing; a client may have begun 25 years back.",
        ),
    ] = TEXT
    individ_01a_evaluert: Annotated[
        Reading,
        Switch(
            ("kostra-individ-01a",),
            "EvaluertDato kontrolleres ikke",
            "EvaluertDato is not checked",
            "EvaluertDato kontrolleres som de andre datoene",
            "EvaluertDato is checked like the other dates",
            "En umulig dato er en feil uansett hvilket felt den står i.",
            "An impossible date is a fault in whatever field it stands.",
        ),
    ] = IMPLEMENTED
    individ_03: Annotated[Reading, _number("kostra-individ-03")] = TEXT
    individ_04: Annotated[
        Reading,
        Switch(
            ("kostra-individ-04",),
            "samme nummer i flere journaler",
            "the same number in several journals",
            "også samme nummer to ganger i én journal, da med tom liste",
            "also the same number twice in one journal, with an empty list",
            "Kravet nevner flere journaler; samme journal to ganger er kostra-individ-05.",
            "The requirement says several journals; one journal twice is kostra-individ-05.",
        ),
    ] = TEXT
    individ_05: Annotated[
        Reading,
        Switch(
            ("kostra-individ-05",),
            "alle klienter",
            "all clients",
            "bare klienter med Fodselsnummer",
            "only clients that have a Fodselsnummer",
            "Kravet unntar ingen.",
            "The requirement excepts nobody.",
        ),
    ] = TEXT
    individ_08: Annotated[
        Reading,
        Switch(
            ("kostra-individ-08",),
            "ADVARSEL",
            "ADVARSEL (warning)",
            "FEIL",
            "FEIL (error)",
            "FEIL ville stoppet hele kommunens fil.",
            "FEIL would stop the municipality's whole file.",
        ),
    ] = TEXT
    individ_12: Annotated[Reading, _number("kostra-individ-12", "kostra-individ-11")] = TEXT
    melding_02c: Annotated[
        Reading,
        Switch(
            ("kostra-melding-02c",),
            "bare når Konklusjon er 1 (henlagt)",
            "only when Konklusjon is 1 (dropped)",
            "bare når Konklusjon ikke er 1, eller mangler",
            "only when Konklusjon is not 1, or missing",
            "En henlagt melding kan slutte sent uten skade, og kravets betingelse fanger bare den.",
            "A dropped report may end late without harm, and the requirement's condition catches only that.",
        ),
    ] = IMPLEMENTED
    melding_03: Annotated[
        Reading,
        Switch(
            ("kostra-melding-03",),
            "8 dager eller mer",
            "8 days or more",
            "9 dager eller mer",
            "9 days or more",
            "Lik «mer enn 7 dager» i det nye registeret.",
            "Equals “more than 7 days” of the new register.",
        ),
    ] = TEXT
    melding_grace_days: int = 0
    """Days beyond the reading's limit before kostra-melding-03 fires."""
    melding_04: Annotated[Reading, _concluded("kostra-melding-04", "Melder", "Melder")] = IMPLEMENTED
    melding_05: Annotated[Reading, _concluded("kostra-melding-05", "Saksinnhold", "Saksinnhold")] = IMPLEMENTED
    melder_02: Annotated[Reading, _missing_text("kostra-melder-02", "22")] = IMPLEMENTED
    saksinnhold_02: Annotated[Reading, _missing_text("kostra-saksinnhold-02", "18/19")] = IMPLEMENTED
    undersokelse_02c: Annotated[
        Reading,
        Switch(
            ("kostra-undersokelse-02c",),
            "bare når Konklusjon er oppgitt",
            "only when a Konklusjon is given",
            "med eller uten Konklusjon",
            "with or without a Konklusjon",
            "En sluttdato alene er nok til å være i strid med klientens.",
            "An end date alone is enough to contradict the client's.",
        ),
    ] = IMPLEMENTED
    undersokelse_03: Annotated[Reading, _missing_text("kostra-undersokelse-03", "5")] = IMPLEMENTED
    undersokelse_07: Annotated[
        Reading,
        Switch(
            ("kostra-undersokelse-07",),
            "Konklusjon 1 og 2 slår ut, med eller uten Vedtaksgrunnlag",
            "Konklusjon 1 and 2 fire, with or without a Vedtaksgrunnlag",
            "Konklusjon 1 og 2 slår ut når Vedtaksgrunnlag mangler",
            "Konklusjon 1 and 2 fire when there is no Vedtaksgrunnlag",
            "Navnet og meldingen i kravet sier at grunnlaget mangler; betingelsen har glemt det.",
            "Name and message of the requirement say that the grounds are missing; its condition forgot to.",
        ),
    ] = IMPLEMENTED
    undersokelse_08: Annotated[
        Reading,
        Switch(
            ("kostra-undersokelse-08",),
            "startet før 1. juli",
            "begun before 1 July",
            "startet før 30. juni",
            "begun before 30 June",
            "Kravets eget navn sier 1. juli.",
            "The requirement's own heading says 1 July.",
        ),
    ] = TEXT
    vedtaksgrunnlag_02: Annotated[Reading, _missing_text("kostra-vedtaksgrunnlag-02", "18/19")] = IMPLEMENTED
    tiltak_04: Annotated[Reading, _care_order("kostra-tiltak-04")] = TEXT
    tiltak_09: Annotated[
        Reading,
        Switch(
            ("kostra-tiltak-09",),
            "overlapp på mer enn tre kalendermåneder",
            "an overlap of more than three calendar months",
            "overlapp på 90 dager eller mer",
            "an overlap of 90 days or more",
            "Skiller seg fra det nye registeret bare på nøyaktig 90 dager.",
            "Differs from the new register on exactly 90 days only.",
        ),
    ] = IMPLEMENTED
    tiltak_24: Annotated[
        Reading,
        Switch(
            ("kostra-tiltak-24",),
            "regelen er i bruk",
            "the rule is in use",
            "regelen er ikke i bruk",
            "the rule is not in use",
            "Programmet har regelen og testene, men kjører den ikke; det ser ut som en forglemmelse.",
            "The program has the rule and its tests but does not run it, which looks like an oversight.",
        ),
    ] = TEXT
    lovhjemmel_03: Annotated[Reading, _care_order("kostra-lovhjemmel-03")] = TEXT
    lovhjemmel_04: Annotated[
        Reading,
        Switch(
            ("kostra-lovhjemmel-04",),
            "Lovhjemmel og hver JmfrLovhjemmel",
            "Lovhjemmel and every JmfrLovhjemmel",
            "bare Lovhjemmel",
            "Lovhjemmel only",
            "Kravet sier alle.",
            "The requirement says all.",
        ),
    ] = TEXT
    allow_synthetic: bool = True
    """Accept synthetic person numbers (month + 80, month + 40): on in development and test, off in production."""
    blank_is_missing: bool = True
    """A clarification of only blanks counts as missing. The control program takes it for one."""


@cache
def switches() -> dict[str, Switch]:
    """The switches by field, in the order of the rules."""
    hints = typing.get_type_hints(KostraOptions, include_extras=True)
    return {
        name: next(note for note in typing.get_args(hint) if isinstance(note, Switch))
        for name, hint in hints.items()
        if typing.get_args(hint) and typing.get_args(hint)[0] is Reading
    }


def all_as(reading: Reading, **others: object) -> KostraOptions:
    """Every switch on one reading: to compare a file's findings with those of the other."""
    return KostraOptions(**dict.fromkeys(switches(), reading), **others)  # type: ignore[arg-type]
