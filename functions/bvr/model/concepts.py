"""THE information model: one submission, one case, everything known of it.

Names are those of the XML in Python's spelling (`StartDato` is `start_dato`); the order of fields is the order of the
schema. Source of definitions: the information model of the register, schema 4.0.1. Dates outside the years 1 to 9999,
which the schema allows, are held at the nearest end (rule Sak 1 refuses them in any case).
"""

# mypy: disable-error-code="misc"
# (fields stand in the order of the schema; the metaclass makes them keyword-only, which mypy does not see)

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from bvr.model.types import (
    ANY_ID,
    BOOLEAN,
    CLARIFICATION,
    DATE,
    MIGRATED_ID,
    MOMENT,
    TEXT_ID,
    UUID_ID,
    Concept,
    Doc,
    Person,
    Shape,
    Simple,
    Was,
    codes,
    digits,
    text,
)

ELEMENT = Shape(element=True)

Id = Annotated[
    str,
    TEXT_ID,
    Doc("Nøkkelen elementet har i fagsystemet.", "The element's key in the case system."),
]
MigrertId = Annotated[
    str | None,
    MIGRATED_ID,
    Doc(
        "Nøkkelen i systemet elementet ble flyttet fra, slik den ble brukt i tidligere KOSTRA-rapportering.",
        "The key in the system the element was migrated from, as used in earlier KOSTRA reports.",
    ),
]
ErSlettet = Annotated[
    bool | None,
    BOOLEAN,
    Doc(
        "Elementet er slettet i fagsystemet. Utelatt betyr nei.",
        "The element is deleted in the case system. Absent means no.",
    ),
    Shape(since="3.0.0"),
]
Presisering = Annotated[
    str | None,
    CLARIFICATION,
    Doc("Fritekst som utdyper koden.", "Free text that explains the code.", Person.FREE_TEXT),
]


def _start(nb: str, en: str) -> tuple[Simple, Doc]:
    return DATE, Doc(nb, en)


class Fagsystem(Concept):
    """The case system that made the submission. | Fagsystemet som laget innsendingen."""

    leverandor: Annotated[str, text(3, 300), Doc("Leverandøren av fagsystemet.", "Supplier of the case system.")]
    navn: Annotated[str, text(1, 300), Doc("Produktets navn.", "Name of the product.")]
    versjon: Annotated[str, text(1, 100), Doc("Produktets versjon.", "Version of the product.")]


class Avgiver(Concept):
    """The municipality, or city district, that reports. | Kommunen eller bydelen som rapporterer."""

    organisasjonsnummer: Annotated[
        str, digits(9), Doc("Kommunens organisasjonsnummer.", "The municipality's organisation number.")
    ]
    kommunenummer: Annotated[str, digits(4), Doc("Kommunenummer.", "Municipality number.")]
    kommunenavn: Annotated[str, text(1, 250), Doc("Kommunens navn.", "Name of the municipality.")]
    bydelsnummer: Annotated[
        str | None,
        digits(2),
        Doc("Bydelsnummer, der bydeler finnes.", "City district number, where there are districts."),
    ] = None
    bydelsnavn: Annotated[str | None, text(1, 250), Doc("Bydelens navn.", "Name of the city district.")] = None


class Lovhjemmel(Concept):
    """A legal basis: act, chapter, section and what lies below. | Lovhjemmel ned til punktum."""

    lov: Annotated[str, codes("Lov"), ELEMENT, Doc("Loven.", "The act.")]
    kapittel: Annotated[
        str,
        Simple(pattern=r"\d+[a-z]*", min_length=1, max_length=3),
        ELEMENT,
        Doc("Kapittel i loven.", "Chapter of the act."),
    ]
    paragraf: Annotated[
        str,
        Simple(pattern=r"\d+[a-z]*", min_length=1, max_length=4),
        ELEMENT,
        Doc("Paragraf, uten kapittelnummer.", "Section, without the chapter number."),
    ]
    ledd: Annotated[
        tuple[str, ...],
        Simple(pattern=r"\d+", min_length=1, max_length=3),
        ELEMENT,
        Doc("Ledd i paragrafen.", "Subsection."),
    ] = ()
    bokstav: Annotated[
        tuple[str, ...],
        Simple(pattern="[a-z]", min_length=1, max_length=1),
        ELEMENT,
        Doc("Bokstav i leddet.", "Letter."),
    ] = ()
    punktum: Annotated[
        tuple[str, ...],
        Simple(pattern=r"\d+", min_length=1, max_length=3),
        ELEMENT,
        Doc("Punktum i leddet.", "Sentence."),
    ] = ()


HovedLovhjemmel = Annotated[Lovhjemmel, Doc("Bestemmelsen det bygger på.", "The provision it rests on.")]
JmfrLovhjemmel = Annotated[
    tuple[Lovhjemmel, ...],
    Shape(at_most=3),
    Doc("Bestemmelser den skal leses sammen med.", "Provisions it is read together with."),
]


class Personalia(Concept):
    """Who the child is, from a date on. | Hvem barnet er, fra en dato."""

    id: Id
    start_dato: Annotated[date, *_start("Opplysningene gjelder fra denne dagen.", "The details apply from this day.")]
    fodselsnummer: Annotated[
        str,
        digits(11),
        Doc(
            "Fødselsnummer, D-nummer eller et midlertidig nummer.",
            "National number, D-number or a placeholder number.",
            Person.DIRECT,
        ),
    ]
    fodseldato: Annotated[
        date,
        DATE,
        Doc(
            "Fødselsdato; for ufødte barn termindato.",
            "Date of birth; for an unborn child the due date.",
            Person.INDIRECT,
        ),
    ]
    kjonn: Annotated[str, codes("Kjonn", 1, 1), Doc("Barnets kjønn.", "The child's sex.")]
    duf_nummer: Annotated[
        str | None,
        digits(12),
        Shape(xml="DUFnummer"),
        Doc("Nummer i utlendingsregisteret (DUF).", "Number in the immigration register (DUF).", Person.DIRECT),
    ] = None
    er_slettet: ErSlettet = None


class Melder(Concept):
    """Who reported. | Hvem som meldte."""

    kode: Annotated[str, codes("Melder", 1, 2), Doc("Hvem som meldte.", "Who reported.")]
    presisering: Presisering = None


class Saksinnhold(Concept):
    """What a report, an investigation or a measure is about. | Hva saken gjelder."""

    kode: Annotated[str, codes("Saksinnhold", 1, 6), Doc("Hva det gjelder.", "What it is about.")]
    presisering: Presisering = None


class MeldingKonklusjon(Concept):
    """How a report was concluded. | Hvordan meldingen ble avsluttet."""

    slutt_dato: Annotated[date, *_start("Dagen meldingen ble konkludert.", "Day the report was concluded.")]
    kode: Annotated[str, codes("MeldingKonklusjon", 1, 3), Doc("Konklusjonen.", "The conclusion.")]
    er_slettet: ErSlettet = None


class Melding(Concept):
    """A report of concern. | Bekymringsmelding."""

    id: Id
    start_dato: Annotated[date, *_start("Dagen meldingen kom inn.", "Day the report was received.")]
    migrert_id: MigrertId = None
    er_slettet: ErSlettet = None
    melder: Annotated[tuple[Melder, ...], Doc("Hvem som meldte.", "Who reported.")] = ()
    saksinnhold: Annotated[tuple[Saksinnhold, ...], Doc("Hva meldingen gjelder.", "What the report is about.")] = ()
    konklusjon: Annotated[
        MeldingKonklusjon | None, Doc("Konklusjonen, når den er tatt.", "The conclusion, once reached.")
    ] = None


class BarnetsMedvirkning(Concept):
    """How the child took part in the investigation. | Hvordan barnet medvirket i undersøkelsen."""

    start_dato: Annotated[date, DATE, ELEMENT, Doc("Dagen det gjelder.", "The day it concerns.")]
    medvirkning_type: Annotated[
        str,
        codes("BarnetsMedvirkning", 3, 3),
        ELEMENT,
        Doc("Om og hvordan barnet medvirket.", "Whether and how the child took part."),
    ]


class UtvidetFrist(Concept):
    """A request for more time. | Krav om utvidet frist."""

    start_dato: Annotated[date, *_start("Dagen kravet kom.", "Day of the request.")]
    innvilget: Annotated[
        str | None,
        codes("UtvidetFristInnvilget", 1, 1),
        Doc("Svaret; utelatt når det ikke er gitt.", "The answer; absent while there is none."),
    ] = None


class UndersokelseKonklusjon(Concept):
    """How an investigation was concluded. | Hvordan undersøkelsen ble avsluttet."""

    slutt_dato: Annotated[date, *_start("Dagen undersøkelsen ble konkludert.", "Day the investigation was concluded.")]
    kode: Annotated[str, codes("UndersokelseKonklusjon", 1, 1), Doc("Konklusjonen.", "The conclusion.")]
    presisering: Presisering = None


class Undersokelse(Concept):
    """An investigation. | Undersøkelse."""

    id: Id
    start_dato: Annotated[date, *_start("Dagen undersøkelsen startet.", "Day the investigation started.")]
    migrert_id: MigrertId = None
    er_slettet: ErSlettet = None
    vedtaksgrunnlag: Annotated[tuple[Saksinnhold, ...], Doc("Grunnlaget for vedtak.", "Grounds for a decision.")] = ()
    barnets_medvirkning: Annotated[
        BarnetsMedvirkning | None,
        Shape(since="4.0.0"),
        Doc("Barnets medvirkning.", "The child's participation."),
    ] = None
    utvidet_frist: Annotated[UtvidetFrist | None, Doc("Krav om utvidet frist.", "Request for more time.")] = None
    konklusjon: Annotated[
        UndersokelseKonklusjon | None, Doc("Konklusjonen, når den er tatt.", "The conclusion, once reached.")
    ] = None


class Evaluering(Concept):
    """An evaluation of a plan. | Evaluering av en plan."""

    utfort_dato: Annotated[date, DATE, Doc("Dagen planen ble evaluert.", "Day the plan was evaluated.")]


class Avslutning(Concept):
    """The end of something that ends without a code. | Avslutning uten kode."""

    slutt_dato: Annotated[date, *_start("Dagen det tok slutt.", "Day it ended.")]


Slutt = Annotated[Avslutning | None, Doc("Avslutningen, når den har skjedd.", "The end, once it has come.")]


class Plan(Concept):
    """A plan for the child. | Plan for barnet."""

    id: Id
    start_dato: Annotated[date, *_start("Dagen planen ble aktiv.", "Day the plan became active.")]
    plantype: Annotated[str, codes("Plantype", 1, 2), Doc("Hva slags plan.", "Kind of plan.")]
    migrert_id: MigrertId = None
    er_slettet: ErSlettet = None
    evaluering: Annotated[tuple[Evaluering, ...], Doc("Evalueringer som er gjort.", "Evaluations carried out.")] = ()
    konklusjon: Slutt = None


class Kategori(Concept):
    """What kind of measure. | Hva slags tiltak."""

    kode: Annotated[str, codes("TiltakKategori", 3, 5), Doc("Kategorien.", "The category.")]
    presisering: Presisering = None


class TilsynAnsvarlig(Concept):
    """The municipality that supervises a foster home, from a date on. | Kommunen som fører tilsyn."""

    id: Id
    start_dato: Annotated[date, *_start("Ansvaret gjelder fra denne dagen.", "Responsible from this day.")]
    kommunenummer: Annotated[str, digits(4), Doc("Tilsynskommunens nummer.", "Number of the supervising municipality.")]


class TilsynHyppighet(Concept):
    """How often a foster home is supervised, from a date on. | Hvor ofte det skal føres tilsyn."""

    id: Id
    start_dato: Annotated[date, *_start("Gjelder fra denne dagen.", "Applies from this day.")]
    kode: Annotated[str, codes("TilsynHyppighet", 1, 1), Doc("Besøk i året.", "Visits a year.")]


class OppfolgingHyppighet(Concept):
    """How often the service follows up, from a date on. | Hvor ofte tjenesten skal følge opp."""

    id: Id
    start_dato: Annotated[date, *_start("Gjelder fra denne dagen.", "Applies from this day.")]
    kode: Annotated[str, codes("OppfolgingHyppighet", 1, 1), Doc("Besøk i året.", "Visits a year.")]


class TilsynUtfort(Concept):
    """A supervision visit that was made. | Et tilsynsbesøk som er gjennomført."""

    id: Id
    utfort_dato: Annotated[date, DATE, Doc("Dagen besøket fant sted.", "Day of the visit.")]


class OppfolgingUtfort(Concept):
    """A follow-up visit that was made. | Et oppfølgingsbesøk som er gjennomført."""

    id: Id
    utfort_dato: Annotated[date, DATE, Doc("Dagen besøket fant sted.", "Day of the visit.")]


class Tilsyn(Concept):
    """Supervision of the foster home by an independent party. | Tilsyn med fosterhjemmet."""

    ansvarlig: Annotated[
        tuple[TilsynAnsvarlig, ...], Shape(at_least=1), Doc("Hvem som fører tilsyn.", "Who supervises.")
    ]
    hyppighet: Annotated[
        tuple[TilsynHyppighet, ...], Shape(at_least=1), Doc("Krav til hyppighet.", "Required frequency.")
    ]
    utfort: Annotated[tuple[TilsynUtfort, ...], Doc("Tilsynsbesøk som er gjort.", "Supervision visits made.")] = ()


class Oppfolging(Concept):
    """Follow-up of the foster home by the responsible service. | Oppfølging av fosterhjemmet."""

    hyppighet: Annotated[
        tuple[OppfolgingHyppighet, ...], Shape(at_least=1), Doc("Krav til hyppighet.", "Required frequency.")
    ]
    utfort: Annotated[
        tuple[OppfolgingUtfort, ...], Doc("Oppfølgingsbesøk som er gjort.", "Follow-up visits made.")
    ] = ()


class OppfolgingBesok(Concept):
    """A follow-up visit, as it stood on a measure before 3.0.0. | Et oppfølgingsbesøk, slik det sto før 3.0.0."""

    id: Id
    utfort_dato: Annotated[date, DATE, Doc("Dagen besøket fant sted.", "Day of the visit.")]


class Opphevelse(Concept):
    """Why a care order measure ended. | Hvorfor et omsorgstiltak ble opphevet."""

    kode: Annotated[str, codes("TiltakOpphevelse", 1, 1), Doc("Grunnen.", "The reason.")]
    presisering: Presisering = None


class Tiltak(Concept):
    """A measure. | Tiltak."""

    id: Id
    start_dato: Annotated[date, *_start("Dagen tiltaket ble satt i verk.", "Day the measure was put into effect.")]
    migrert_id: MigrertId = None
    er_slettet: ErSlettet = None
    lovhjemmel: HovedLovhjemmel
    jmfr_lovhjemmel: JmfrLovhjemmel = ()
    kategori: Annotated[Kategori, Doc("Hva slags tiltak.", "Kind of measure.")]
    tiltaksgrunnlag: Annotated[
        tuple[Saksinnhold, ...], Doc("Grunnlaget for tiltaket.", "Grounds for the measure.")
    ] = ()
    tilsyn: Annotated[Tilsyn | None, Doc("Tilsyn.", "Supervision.")] = None
    oppfolging: Annotated[
        Oppfolging | None, Doc("Oppfølging.", "Follow-up."), Was("3.0.0", tuple[OppfolgingBesok, ...])
    ] = None
    opphevelse: Annotated[Opphevelse | None, Doc("Opphevelse.", "Why it ended, for a care order.")] = None
    konklusjon: Slutt = None


class KravKonklusjon(Concept):
    """What came of a private demand. | Utfallet av et privat krav."""

    slutt_dato: Annotated[date, *_start("Dagen kravet ble sendt nemnda.", "Day it was sent to the board.")]
    kode: Annotated[str, codes("VedtakKravKonklusjon", 1, 1), Doc("Utfallet.", "The outcome.")]
    presisering: Presisering = None


class Krav(Concept):
    """A private party's demand to change an earlier decision of the board. | Krav fra privat part."""

    id: Id
    start_dato: Annotated[date, *_start("Dagen kravet kom.", "Day the demand was received.")]
    konklusjon: Annotated[
        KravKonklusjon | None, Doc("Utfallet, når det foreligger.", "The outcome, once there is one.")
    ] = None


class Status(Concept):
    """The status of a decision, from a date on. | Vedtakets status."""

    id: Id
    endret_dato: Annotated[date, DATE, Doc("Dagen statusen ble satt.", "Day the status was set.")]
    kode: Annotated[str, codes("VedtakStatus"), Doc("Statusen.", "The status.")]


class Vedtak(Concept):
    """A decision. | Vedtak."""

    id: Id
    start_dato: Annotated[date, *_start("Dagen vedtaket ble fattet.", "Day of the decision.")]
    migrert_id: MigrertId = None
    er_slettet: ErSlettet = None
    lovhjemmel: HovedLovhjemmel
    jmfr_lovhjemmel: JmfrLovhjemmel = ()
    krav: Annotated[tuple[Krav, ...], Doc("Krav fra private parter.", "Demands from private parties.")] = ()
    status: Annotated[tuple[Status, ...], Shape(at_least=1), Doc("Statuser over tid.", "Statuses over time.")]
    konklusjon: Slutt = None


class EttervernKonklusjon(Concept):
    """The young person's answer to an offer of aftercare. | Svaret på tilbud om ettervern."""

    slutt_dato: Annotated[date, *_start("Dagen svaret kom.", "Day of the answer.")]
    kode: Annotated[str, codes("EttervernKonklusjon", 1, 1), Doc("Svaret.", "The answer.")]


class Ettervern(Concept):
    """An offer of aftercare. | Tilbud om ettervern."""

    id: Id
    tilbud_sendt_dato: Annotated[date, DATE, Doc("Dagen tilbudet ble sendt.", "Day the offer was sent.")]
    migrert_id: MigrertId = None
    er_slettet: ErSlettet = None
    konklusjon: Annotated[EttervernKonklusjon | None, Doc("Svaret, når det foreligger.", "The answer, once given.")] = (
        None
    )


class OversendelseFylkesnemnd(Concept):
    """A request to the child welfare and health board. | Oversendelse til barneverns- og helsenemnda."""

    id: Id
    start_dato: Annotated[date, *_start("Dagen saken ble sendt nemnda.", "Day it was sent to the board.")]
    migrert_id: MigrertId = None
    er_slettet: ErSlettet = None
    lovhjemmel: HovedLovhjemmel
    jmfr_lovhjemmel: JmfrLovhjemmel = ()


class ArsakFra(Concept):
    """Why the child moved from where it lived. | Hvorfor barnet flyttet."""

    kode: Annotated[str, codes("FlyttingArsakFra", 3, 5), Doc("Grunnen.", "The reason.")]
    presisering: Presisering = None


class FlyttingTil(Concept):
    """Where the child moved to. | Hvor barnet flyttet."""

    kode: Annotated[str, codes("FlyttingTil", 1, 1), Doc("Det nye bostedet.", "The new place.")]
    presisering: Presisering = None


class Flytting(Concept):
    """A move of a child in care. | Flytting av et barn under omsorg."""

    id: Id
    slutt_dato: Annotated[date, *_start("Dagen barnet flyttet.", "Day of the move.")]
    migrert_id: MigrertId = None
    er_slettet: ErSlettet = None
    arsak_fra: Annotated[ArsakFra, Doc("Hvorfor.", "Why.")]
    flytting_til: Annotated[FlyttingTil, Doc("Hvor.", "Where.")]


class Relasjon(Concept):
    """A link between two elements of the case. | Kobling mellom to elementer i saken."""

    id: Id
    fra_id: Annotated[
        str,
        ANY_ID,
        Doc("Nøkkelen det går fra: Id, eller MigrertId.", "Key of the source: an Id, or a MigrertId."),
    ]
    fra_type: Annotated[str, codes("Begrep"), Doc("Elementet det går fra.", "Element name of the source.")]
    til_id: Annotated[str, UUID_ID, Doc("Nøkkelen det går til.", "Key of the target.")]
    til_type: Annotated[str, codes("Begrep"), Doc("Elementet det går til.", "Element name of the target.")]
    er_slettet: ErSlettet = None


class Slettet(Concept):
    """Tells that an element was deleted and is gone from the message. | Et element som er slettet."""

    id: Annotated[str, TEXT_ID, Doc("Nøkkelen til elementet som ble slettet.", "Key of the element that was deleted.")]
    type: Annotated[str, codes("Begrep"), Doc("Hva slags element det var.", "Its element name.")]
    slutt_dato: Annotated[date, *_start("Dagen det ble slettet.", "Day it was deleted.")]


class Sak(Concept):
    """One case of one child at one service. | En sak for ett barn i én tjeneste."""

    id: Id
    start_dato: Annotated[date, *_start("Dagen saken ble åpnet.", "Day the case was opened.")]
    journalnummer: Annotated[
        str,
        text(1, 36),
        Doc(
            "Journal-, register- eller klientnummer. Skal ikke i seg selv identifisere noen.",
            "Journal, registration or client number. Must not itself identify anybody.",
            Person.INDIRECT,
        ),
    ]
    migrert_id: MigrertId = None
    slutt_dato: Annotated[date | None, *_start("Dagen saken ble avsluttet.", "Day the case was closed.")] = None
    avsluttet: Annotated[bool | None, BOOLEAN, Doc("Saken er avsluttet.", "The case is closed.")] = None
    er_slettet: ErSlettet = None
    personalia: Annotated[tuple[Personalia, ...], Doc("Barnet.", "The child.")] = ()
    melding: Annotated[tuple[Melding, ...], Doc("Meldinger.", "Reports of concern.")] = ()
    undersokelse: Annotated[tuple[Undersokelse, ...], Doc("Undersøkelser.", "Investigations.")] = ()
    plan: Annotated[tuple[Plan, ...], Doc("Planer.", "Plans.")] = ()
    tiltak: Annotated[tuple[Tiltak, ...], Doc("Tiltak.", "Measures.")] = ()
    vedtak: Annotated[tuple[Vedtak, ...], Doc("Vedtak.", "Decisions.")] = ()
    ettervern: Annotated[tuple[Ettervern, ...], Doc("Tilbud om ettervern.", "Offers of aftercare.")] = ()
    oversendelse_fylkesnemnd: Annotated[
        tuple[OversendelseFylkesnemnd, ...], Doc("Oversendelser til nemnda.", "Requests to the board.")
    ] = ()
    flytting: Annotated[tuple[Flytting, ...], Doc("Flyttinger.", "Moves.")] = ()
    relasjon: Annotated[tuple[Relasjon, ...], Doc("Koblinger mellom elementene.", "Links between the elements.")] = ()
    slettet: Annotated[tuple[Slettet, ...], Doc("Slettede elementer.", "Deleted elements.")] = ()


class Barnevern(Concept):
    """One submission. | Én innsending."""

    id: Annotated[str, TEXT_ID, Doc("Innsendingens nøkkel.", "Key of the submission.")]
    dato_uttrekk: Annotated[
        datetime,
        MOMENT,
        Doc("Når uttrekket ble tatt, med tidssone.", "When the extract was taken, with its time zone."),
    ]
    fagsystem: Annotated[Fagsystem, Doc("Fagsystemet.", "The case system.")]
    avgiver: Annotated[Avgiver, Doc("Hvem som rapporterer.", "Who reports.")]
    sak: Annotated[Sak, Doc("Saken.", "The case.")]
    forrige_id: Annotated[
        str | None,
        TEXT_ID,
        Doc("Nøkkelen til forrige innsending for samme sak.", "Key of the previous submission for the same case."),
    ] = None


# The element names that Relasjon and Slettet speak of, and the concept each one is. The code list `Begrep` holds the
# same names, and those that only older schema versions have; a test compares them.
BEGREP: dict[str, type[Concept]] = {
    concept.__name__: concept
    for concept in (
        Personalia,
        Melding,
        Undersokelse,
        Plan,
        Tiltak,
        Vedtak,
        Ettervern,
        OversendelseFylkesnemnd,
        Flytting,
        Relasjon,
    )
}

# An Id stands once among the elements of its own type in a case; a Slettet once with its Type.
UNIQUE: dict[str, tuple[str, ...]] = {**dict.fromkeys(BEGREP, ("Id",)), "Slettet": ("Id", "Type")}
