"""The tables behind access for analysis: purposes, their epochs and cohorts, grants, pseudonyms, and what joins them.

A purpose (a project, a piece of research) has pseudonyms of its own: the same child is another one in the next purpose,
and after a rotation. `register.analyse_grunnlag` has one row for each purpose, case and year; every view of analysis
joins it, and BigQuery's row access policies stand on it.
"""

# mypy: disable-error-code="misc"
# (see model/concepts.py)

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from bvr.model.types import BOOLEAN, DATE, STAMP, TEXT, WHOLE, Concept, Doc, Simple

SECRET = Simple(base="bytes")
Precision = Literal["DAG", "MANED", "KVARTAL", "AR"]
PRECISIONS: tuple[Precision, ...] = ("DAG", "MANED", "KVARTAL", "AR")
READ, BRIDGE = "LES", "BRO"


class Formal(Concept):
    """A purpose that the register may be analysed for. | Et formål registeret kan analyseres for."""

    formal: Annotated[str, TEXT, Doc("Formålets navn, små bokstaver.", "The purpose's name, lower case.")]
    beskrivelse: Annotated[str, TEXT, Doc("Hva det er.", "What it is.")]
    hjemmel: Annotated[str, TEXT, Doc("Rettslig grunnlag.", "Legal basis.")]
    dato_presisjon: Annotated[
        str, TEXT, Doc("DAG, MANED, KVARTAL eller AR: så nøyaktig er datoer.", "How exact dates are.")
    ]
    kohort: Annotated[bool, BOOLEAN, Doc("Bare barna i grunnlag.kohort.", "The children of grunnlag.kohort only.")]
    gyldig_fra: Annotated[date, DATE, Doc("Første dag.", "The first day.")]
    gyldig_til: Annotated[date | None, DATE, Doc("Siste dag.", "The last day.")] = None
    fra_aar: Annotated[int | None, WHOLE, Doc("Første år.", "The first year.")] = None
    til_aar: Annotated[int | None, WHOLE, Doc("Siste år.", "The last year.")] = None
    kommuner: Annotated[tuple[str, ...], TEXT, Doc("Kommunene; ingen er alle.", "Municipalities; none is all.")] = ()


class FormalEpoke(Concept):
    """New pseudonyms for a purpose, from a day on. | Nye pseudonymer for et formål, fra en dag."""

    formal: Annotated[str, TEXT, Doc("Formålet.", "The purpose.")]
    epoke: Annotated[int, WHOLE, Doc("Epokens nummer; den første er 1.", "Its number; the first is 1.")]
    fra_dato: Annotated[date, DATE, Doc("Fra og med.", "From this day.")]
    registrert: Annotated[datetime, STAMP, Doc("Da det ble bestemt.", "When it was decided.")]
    hvem: Annotated[str, TEXT, Doc("Hvem som bestemte det.", "Who decided.")]
    hvorfor: Annotated[str, TEXT, Doc("Hvorfor.", "Why.")]


class Kohort(Concept):
    """A child in the cohort of a purpose. | Et barn i kohorten til et formål."""

    formal: Annotated[str, TEXT, Doc("Formålet.", "The purpose.")]
    barn_id: Annotated[str, TEXT, Doc("Barnet, i registeret.", "The child, in the register.")]


class Tilgang(Concept):
    """What somebody may see. | Hva noen kan se."""

    identitet: Annotated[
        str, TEXT, Doc("user:, group: eller serviceAccount: og e-post.", "user:, group: or serviceAccount: and e-mail.")
    ]
    formal: Annotated[str, TEXT, Doc("Formålet.", "The purpose.")]
    slag: Annotated[str, TEXT, Doc("LES: visningene. BRO: gamle og nye pseudonymer.", "The views, or the bridge.")]
    gyldig_fra: Annotated[date, DATE, Doc("Første dag.", "The first day.")]
    gyldig_til: Annotated[date | None, DATE, Doc("Siste dag.", "The last day.")] = None
    fra_aar: Annotated[int | None, WHOLE, Doc("Første år.", "The first year.")] = None
    til_aar: Annotated[int | None, WHOLE, Doc("Siste år.", "The last year.")] = None
    kommuner: Annotated[tuple[str, ...], TEXT, Doc("Kommunene; ingen er alle.", "Municipalities; none is all.")] = ()


class Pseudonym(Concept):
    """A pseudonym, made once. | Et pseudonym, laget én gang."""

    formal: Annotated[str, TEXT, Doc("Formålet.", "The purpose.")]
    epoke: Annotated[int, WHOLE, Doc("Epoken.", "The epoch.")]
    type: Annotated[str, TEXT, Doc("BARN eller SAK.", "A child or a case.")]
    nokkel: Annotated[str, TEXT, Doc("barn_id, eller orgnr/sak_id.", "barn_id, or orgnr/sak_id.")]
    pseudonym: Annotated[str, TEXT, Doc("Pseudonymet.", "The pseudonym.")]
    salt: Annotated[str, SECRET, Doc("Hemmelighet for henvisninger.", "Secret behind references.")]
    gjelder_fra: Annotated[datetime, STAMP, Doc("Da det ble laget.", "When it was made.")]


class AnalyseGrunnlag(Concept):
    """A case in a year, for a purpose. | En sak i et år, for et formål."""

    formal: Annotated[str, TEXT, Doc("Formålet.", "The purpose.")]
    epoke: Annotated[int, WHOLE, Doc("Epoken.", "The epoch.")]
    orgnr: Annotated[str, TEXT, Doc("Avgivers organisasjonsnummer.", "The reporter's organisation number.")]
    sak_id: Annotated[str, TEXT, Doc("Sak/@Id, små bokstaver.", "Sak/@Id, lower case.")]
    kommunenummer: Annotated[str, TEXT, Doc("Kommunenummer.", "Municipality number.")]
    aar: Annotated[int, WHOLE, Doc("Året.", "The year.")]
    barn: Annotated[str, TEXT, Doc("Barnets pseudonym.", "The child's pseudonym.")]
    sak: Annotated[str, TEXT, Doc("Sakens pseudonym.", "The case's pseudonym.")]
    salt: Annotated[str, SECRET, Doc("Hemmelighet for henvisninger.", "Secret behind references.")]
    dato_presisjon: Annotated[str, TEXT, Doc("Så nøyaktig er datoer.", "How exact dates are.")]
    bydelsnummer: Annotated[str | None, TEXT, Doc("Bydelsnummer.", "City district number.")] = None
