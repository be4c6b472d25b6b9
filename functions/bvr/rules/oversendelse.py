"""Rules on requests to the child welfare and health board (OversendelseFylkesnemnd)."""

from __future__ import annotations

from bvr.model.concepts import OversendelseFylkesnemnd
from bvr.rules.case import Case
from bvr.rules.examples import document, lov, oversendelse, sak
from bvr.rules.families import start_after_case, start_before_case
from bvr.rules.lovhjemmel import gammel_lov_for_sent, ny_lov_for_tidlig
from bvr.rules.options import Channel
from bvr.rules.rule import ERROR, WARNING, Result, fired, fires, rule, silent

KOSTRA = Channel.KOSTRA

start_before_case(
    "oversendelse-2e",
    OversendelseFylkesnemnd,
    oversendelse,
    official="Oversendelse til fylkesnemnd Kontroll 2e",
    since="2022-01-01",
    ssb="CASE_FORWARDING_02E",
)
start_after_case(
    "oversendelse-2f",
    OversendelseFylkesnemnd,
    oversendelse,
    official="Oversendelse til fylkesnemnd Kontroll 2f",
    since="2022-01-01",
    ssb="CASE_FORWARDING_02F",
)


@rule(
    "oversendelse-5-2021",
    official="Oversendelse til fylkesnemnd Kontroll 5",
    severity=ERROR,
    since="2022-01-01",
    title_nb="Oversendelse etter barnevernsloven av 2021 før den gjaldt",
    title_en="Request under the act of 2021 before it was in force",
    nb="Oversendelsen {start} bygger på BVL2021, som gjelder fra 01.01.2023.",
    en="The request of {start} rests on BVL2021, which is in force from 01.01.2023.",
    remedy_nb="Rett lovhjemmelen til BVL (loven av 1992), eller rett oversendelsens startdato.",
    remedy_en="Change the legal basis to BVL (the act of 1992), or correct the start date of the request.",
    ssb="CASE_FORWARDING_05",
)
@silent("the first day of the act", document(sak(oversendelse(start="2023-01-01", lovhjemmel=lov("BVL2021")))))
@silent("the act of 1992 the day before", document(sak(oversendelse(start="2022-12-31", lovhjemmel=lov("BVL")))))
@silent("the children act the day before", document(sak(oversendelse(start="2022-12-31", lovhjemmel=lov("BL1981")))))
@silent(
    "related provisions are not looked at (A38)",
    document(sak(oversendelse(start="2022-12-31", lovhjemmel=lov("BVL"), jmfr=(lov("BVL2021"),)))),
)
@fires("the day before the act", document(sak(oversendelse(start="2022-12-31", lovhjemmel=lov("BVL2021")))))
@fires(
    "migrated, from the case system",
    document(sak(oversendelse(start="2022-12-31", lovhjemmel=lov("BVL2021"), migrert_id="17"))),
    severity=ERROR,
)
@fires(
    "migrated, through KOSTRA",
    document(sak(oversendelse(start="2022-12-31", lovhjemmel=lov("BVL2021"), migrert_id="17"))),
    channel=KOSTRA,
    severity=WARNING,
)
@silent("deleted", document(sak(oversendelse(start="2022-12-31", lovhjemmel=lov("BVL2021"), er_slettet=True))))
def oversendelse_etter_ny_lov_for_tidlig(oversendelse: OversendelseFylkesnemnd, case: Case) -> Result:
    """Rule 5, before 2023 (A38)."""
    if ny_lov_for_tidlig(oversendelse.start_dato, oversendelse.lovhjemmel):
        return fired(start=oversendelse.start_dato)
    return None


@rule(
    "oversendelse-5-1992",
    official="Oversendelse til fylkesnemnd Kontroll 5",
    severity=ERROR,
    since="2022-01-01",
    title_nb="Oversendelse etter barneverntjenesteloven av 1992 etter at den ble opphevet",
    title_en="Request under the act of 1992 after it was repealed",
    nb="Oversendelsen {start} bygger på BVL (loven av 1992), som gjaldt til og med 31.12.2022.",
    en="The request of {start} rests on BVL (the act of 1992), which was in force until 31.12.2022.",
    remedy_nb="Rett lovhjemmelen til BVL2021, eller rett oversendelsens startdato.",
    remedy_en="Change the legal basis to BVL2021, or correct the start date of the request.",
    ssb="CASE_FORWARDING_05",
)
@silent("the last day of the act", document(sak(oversendelse(start="2022-12-31", lovhjemmel=lov("BVL")))))
@silent("the act of 2021 the day after", document(sak(oversendelse(start="2023-01-01", lovhjemmel=lov("BVL2021")))))
@silent("the children act the day after", document(sak(oversendelse(start="2023-01-01", lovhjemmel=lov("BL1981")))))
@silent(
    "related provisions are not looked at (A38)",
    document(sak(oversendelse(start="2023-01-01", lovhjemmel=lov("BVL2021"), jmfr=(lov("BVL"),)))),
)
@fires("the day after the act", document(sak(oversendelse(start="2023-01-01", lovhjemmel=lov("BVL")))))
@fires(
    "migrated, from the case system",
    document(sak(oversendelse(start="2023-01-01", lovhjemmel=lov("BVL"), migrert_id="17"))),
    severity=ERROR,
)
@fires(
    "migrated, through KOSTRA",
    document(sak(oversendelse(start="2023-01-01", lovhjemmel=lov("BVL"), migrert_id="17"))),
    channel=KOSTRA,
    severity=WARNING,
)
@silent("deleted", document(sak(oversendelse(start="2023-01-01", lovhjemmel=lov("BVL"), er_slettet=True))))
def oversendelse_etter_gammel_lov_for_sent(oversendelse: OversendelseFylkesnemnd, case: Case) -> Result:
    """Rule 5, from 2023 (A38)."""
    if gammel_lov_for_sent(oversendelse.start_dato, oversendelse.lovhjemmel):
        return fired(start=oversendelse.start_dato)
    return None
