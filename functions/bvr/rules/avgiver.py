"""Rules on the reporter (Avgiver)."""

from __future__ import annotations

from bvr.model.concepts import Avgiver
from bvr.rules.case import Case
from bvr.rules.examples import document, kommune, sak
from bvr.rules.melding import blank
from bvr.rules.options import Channel
from bvr.rules.rule import ERROR, WARNING, Result, fired, fires, rule, silent

MED_BYDELER = {"958935420": "Oslo", "964338531": "Bergen", "942110464": "Trondheim"}
"""The municipalities that report by city district, by organisation number (A13)."""


@rule(
    "avgiver-1",
    official="Avgiver Kontroll 1",
    severity=ERROR,
    since="2013-01-01",
    title_nb="Bydel mangler",
    title_en="The city district is missing",
    nb="{kommune} rapporterer per bydel, men innsendingen mangler bydelsnummer eller bydelsnavn.",
    en="{kommune} reports by city district, but the submission lacks the number or the name of the district.",
    remedy_nb="Oppgi både bydelsnummer og bydelsnavn.",
    remedy_en="State both the number and the name of the district.",
    ssb="REPORTER_01",
)
@silent("a municipality without districts", document(sak()))
@silent("Oslo with both", document(sak(), avgiver=kommune("958935420", "0301", "Oslo", "01", "Gamle Oslo")))
@fires("Oslo with neither", document(sak(), avgiver=kommune("958935420", "0301", "Oslo")))
@fires("Oslo without the name", document(sak(), avgiver=kommune("958935420", "0301", "Oslo", "01")))
@fires("Bergen without the number", document(sak(), avgiver=kommune("964338531", "4601", "Bergen", None, "Arna")))
@fires("Trondheim with a blank name", document(sak(), avgiver=kommune("942110464", "5001", "Trondheim", "01", " ")))
@fires(
    "a deleted case: the reporter is checked all the same",
    document(sak(er_slettet=True), avgiver=kommune("958935420", "0301", "Oslo")),
)
@fires(
    "a migrated case, from the case system",
    document(sak(migrert_id="17"), avgiver=kommune("958935420", "0301", "Oslo")),
    severity=ERROR,
)
@fires(
    "a migrated case, through KOSTRA",
    document(sak(migrert_id="17"), avgiver=kommune("958935420", "0301", "Oslo")),
    severity=WARNING,
    channel=Channel.KOSTRA,
)
def bydel_mangler(avgiver: Avgiver, case: Case) -> Result:
    """Rule 1 (A13): Oslo, Bergen and Trondheim state the district."""
    kommune = MED_BYDELER.get(avgiver.organisasjonsnummer)
    if kommune is None or not (blank(avgiver.bydelsnummer) or blank(avgiver.bydelsnavn)):
        return None
    return fired(kommune=kommune)
