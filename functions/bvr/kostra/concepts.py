"""The model of a KOSTRA file: names are those of its XML in Python's spelling, in the order of its schema.

The code lists are the register's own, as they were before 2026 (schema 3.0.5 has the very same codes). Source: the
file description of 15F (reference section 1).
"""

# mypy: disable-error-code="misc"
# (fields stand in the order of the schema; the metaclass makes them keyword-only, which mypy does not see)

from __future__ import annotations

from datetime import date
from typing import Annotated

from bvr.model.types import DATE, Concept, Doc, Person, Shape, Simple, codes, digits, text

CODES = "3.0.5"
"""The schema version of the register whose codes a KOSTRA file uses."""

YEAR = Simple(base="gYear")
CLARIFICATION = text(1, 1000)

Id = Annotated[str, text(1, 30), Doc("Nøkkelen i det gamle systemet.", "The key in the old system.")]
Start = Annotated[date, DATE, Doc("Startdato.", "Start date.")]
Slutt = Annotated[date | None, DATE, Doc("Sluttdato.", "End date.")]
Presisering = Annotated[
    str | None,
    CLARIFICATION,
    Shape(element=True),
    Doc("Utdyping av koden.", "Explains the code.", Person.FREE_TEXT),
]
PresiseringAttributt = Annotated[
    str | None, text(1, 300), Doc("Utdyping av koden.", "Explains the code.", Person.FREE_TEXT)
]
_KODE = Doc("Koden.", "The code.")


class Avgiver(Concept):
    """Who reports. | Avgiver."""

    organisasjonsnummer: Annotated[str, digits(9), Doc("Kommunens organisasjonsnummer.", "Organisation number.")]
    versjon: Annotated[str, YEAR, Doc("Rapporteringsåret, slik det er skrevet.", "The reporting year, as written.")]
    kommunenummer: Annotated[str, digits(4), Doc("Kommunenummer.", "Municipality number.")]
    kommunenavn: Annotated[str, text(1, 250), Doc("Kommunenavn.", "Name of the municipality.")]


class Melder(Concept):
    """Who reported. | Hvem som meldte."""

    kode: Annotated[str, codes("Melder", 1, 2), _KODE]
    presisering: Presisering = None


class Saksinnhold(Concept):
    """What the report is about. | Hva meldingen gjelder."""

    kode: Annotated[str, codes("Saksinnhold", 1, 2), _KODE]
    presisering: Presisering = None


class Vedtaksgrunnlag(Concept):
    """Grounds for a decision. | Grunnlaget for vedtak."""

    kode: Annotated[str, codes("Saksinnhold", 1, 2), _KODE]
    presisering: Presisering = None


class Tiltaksgrunnlag(Concept):
    """Grounds for a measure. | Grunnlaget for tiltaket."""

    kode: Annotated[str, codes("Saksinnhold", 1, 2), _KODE]
    presisering: Presisering = None


class Undersokelse(Concept):
    """An investigation, inside the report that led to it. | Undersøkelse."""

    id: Id
    start_dato: Start
    slutt_dato: Slutt = None
    konklusjon: Annotated[str | None, codes("UndersokelseKonklusjon", 1, 1), Doc("Konklusjonen.", "Conclusion.")] = None
    presisering: Presisering = None
    vedtaksgrunnlag: Annotated[tuple[Vedtaksgrunnlag, ...], Doc("Grunnlaget for vedtak.", "Grounds.")] = ()


class Melding(Concept):
    """A report of concern. | Melding."""

    id: Id
    start_dato: Start
    slutt_dato: Slutt = None
    konklusjon: Annotated[str | None, codes("MeldingKonklusjon", 1, 1), Doc("Konklusjonen.", "Conclusion.")] = None
    melder: Annotated[tuple[Melder, ...], Doc("Hvem som meldte.", "Who reported.")] = ()
    saksinnhold: Annotated[tuple[Saksinnhold, ...], Doc("Hva meldingen gjelder.", "What it is about.")] = ()
    undersokelse: Annotated[Undersokelse | None, Doc("Undersøkelsen.", "The investigation.")] = None


class Plan(Concept):
    """A plan. | Plan."""

    id: Id
    start_dato: Start
    slutt_dato: Slutt = None
    evaluert_dato: Annotated[date | None, DATE, Doc("Dagen planen ble evaluert.", "Day of the evaluation.")] = None
    plantype: Annotated[str, codes("Plantype", 1, 2), Doc("Hva slags plan.", "Kind of plan.")]


class Lovhjemmel(Concept):
    """A legal basis. | Lovhjemmel."""

    lov: Annotated[str, text(1, 100), Doc("Loven, slik den er skrevet.", "The act, as written.")]
    kapittel: Annotated[str, text(1, 5), Doc("Kapittel.", "Chapter.")]
    paragraf: Annotated[str, text(1, 5), Doc("Paragraf.", "Section.")]
    bokstav: Annotated[str | None, text(0, 1), Doc("Bokstav.", "Letter.")] = None
    ledd: Annotated[str | None, text(0, 5), Doc("Ledd.", "Paragraph.")] = None
    punktum: Annotated[str | None, text(0, 5), Doc("Punktum.", "Sentence.")] = None


class JmfrLovhjemmel(Lovhjemmel):
    """A related provision. | Jamfør lovhjemmel."""


class Kategori(Concept):
    """What kind of measure. | Hva slags tiltak."""

    kode: Annotated[str, codes("TiltakKategori", 3, 4), _KODE]
    presisering: Presisering = None


class Opphevelse(Concept):
    """Why a care order ended. | Hvorfor et omsorgstiltak ble opphevet."""

    kode: Annotated[str, codes("TiltakOpphevelse", 1, 1), _KODE]
    presisering: Presisering = None


class Tiltak(Concept):
    """A measure. | Tiltak."""

    id: Id
    start_dato: Start
    slutt_dato: Slutt = None
    lovhjemmel: Annotated[Lovhjemmel, Doc("Lovhjemmel.", "Legal basis.")]
    jmfr_lovhjemmel: Annotated[
        tuple[JmfrLovhjemmel, ...], Shape(at_most=3), Doc("Jamfør lovhjemmel.", "Related provisions.")
    ] = ()
    kategori: Annotated[Kategori, Doc("Kategori.", "Category.")]
    tiltaksgrunnlag: Annotated[tuple[Tiltaksgrunnlag, ...], Doc("Grunnlaget.", "Grounds.")] = ()
    opphevelse: Annotated[Opphevelse | None, Doc("Opphevelse.", "Why it ended.")] = None


class ArsakFra(Concept):
    """Why the child moved from where it lived. | Hvorfor barnet flyttet."""

    kode: Annotated[str, codes("FlyttingArsakFra", 3, 5), _KODE]
    presisering: PresiseringAttributt = None


class FlyttingTil(Concept):
    """Where the child moved to. | Hvor barnet flyttet."""

    kode: Annotated[str, codes("FlyttingTil", 1, 1), _KODE]
    presisering: PresiseringAttributt = None


class Flytting(Concept):
    """A move. | Flytting."""

    id: Id
    slutt_dato: Annotated[date, DATE, Doc("Dagen barnet flyttet.", "Day of the move.")]
    arsak_fra: Annotated[ArsakFra, Doc("Hvorfor.", "Why.")]
    flytting_til: Annotated[FlyttingTil, Doc("Hvor.", "Where.")]


class Individ(Concept):
    """One client of the file. | Én klient."""

    id: Id
    start_dato: Start
    slutt_dato: Slutt = None
    journalnummer: Annotated[
        str,
        text(1, 20),
        Doc("Journalnummer; navngir klienten i kontrollrapporten.", "Names the client in the report.", Person.INDIRECT),
    ]
    fodselsnummer: Annotated[str | None, digits(11), Doc("Fødselsnummer.", "Person number.", Person.DIRECT)] = None
    duf_nummer: Annotated[
        str | None, digits(12), Shape(xml="DUFnummer"), Doc("DUF-nummer.", "DUF number.", Person.DIRECT)
    ] = None
    bydelsnummer: Annotated[str | None, digits(2), Doc("Bydelsnummer.", "District number.")] = None
    bydelsnavn: Annotated[str | None, text(1, 250), Doc("Bydelsnavn.", "District name.")] = None
    distriktsnummer: Annotated[
        str | None,
        Simple(pattern=r"\d{2,3}", min_length=2, max_length=3),
        Doc("Distriktsnummer.", "Number of the service's own district."),
    ] = None
    saksbehandler: Annotated[
        str,
        text(1, 50),
        Doc("Saksbehandlerens navn; lagres ikke.", "The case worker's name; never stored.", Person.UNSTORED),
    ]
    avslutta3112: Annotated[
        str,
        Simple(pattern="[12]", min_length=1, max_length=1),
        Doc("1 når saken var avsluttet 31.12., ellers 2.", "1 when closed by 31 December, else 2."),
    ]
    melding: Annotated[tuple[Melding, ...], Doc("Meldinger.", "Reports of concern.")] = ()
    plan: Annotated[tuple[Plan, ...], Doc("Planer.", "Plans.")] = ()
    tiltak: Annotated[tuple[Tiltak, ...], Doc("Tiltak.", "Measures.")] = ()
    flytting: Annotated[tuple[Flytting, ...], Doc("Flyttinger.", "Moves.")] = ()


class Barnevern(Concept):
    """A file: one sender and its clients. Never held as a whole. | En fil."""

    avgiver: Annotated[Avgiver, Doc("Avgiver.", "Who reports.")]
    individ: Annotated[tuple[Individ, ...], Shape(at_least=1), Doc("Klientene.", "The clients.")]


# Each Id stands once among the records of its own kind of a client (reference section 1.3).
UNIQUE = ("Melding", "Plan", "Tiltak", "Flytting")
