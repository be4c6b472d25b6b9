"""Rules on decisions (Vedtak), their demands (Krav) and statuses (Status)."""

from __future__ import annotations

from bvr.model.concepts import Status, Vedtak
from bvr.rules.case import Case
from bvr.rules.examples import document, krav, lov, oversendelse, relasjon, sak, uid, vedtak
from bvr.rules.families import duplicate_content, end_after_case, start_after_end, start_before_case
from bvr.rules.lovhjemmel import BL1981, BVL, BVL2021, gammel_lov_for_sent, ny_lov_for_tidlig
from bvr.rules.options import Channel
from bvr.rules.rule import ERROR, INFO, WARNING, Example, Result, fired, fires, rule, silent

KOSTRA = Channel.KOSTRA
LOVER = (BVL, BVL2021, BL1981)
_NEMND = "OversendelseFylkesnemnd"
_STORE = "ABCDEF01-0000-4000-8000-00000000ABCD"  # an Id in capitals

start_after_end("vedtak-2a", Vedtak, vedtak, official="Vedtak Kontroll 2a", since="2022-01-01", ssb="DECISION_02A")
end_after_case(
    "vedtak-2c",
    Vedtak,
    vedtak,
    official="Vedtak Kontroll 2c",
    since="2022-01-01",
    ssb="DECISION_02C",
    if_migrated=WARNING,
)
start_before_case(
    "vedtak-2e",
    Vedtak,
    vedtak,
    official="Vedtak Kontroll 2e",
    since="2022-01-01",
    ssb="DECISION_02E",
    if_migrated=WARNING,
)
_KRAV = (krav("2024-03-01"), krav("2024-03-02", "2024-04-01", id=uid("Krav", 2)))
_ANDRE_KRAV = (krav("2024-03-02", "2024-04-01", id=uid("Krav", 3)), krav("2024-03-01", id=uid("Krav", 4)))
duplicate_content(
    "vedtak-19",
    Vedtak,
    "vedtak",
    vedtak,
    official="Vedtak Kontroll 19",
    severity=INFO,
    since="2013-01-01",
    ssb="DECISION_19",
    extra=(
        Example(
            "demands in another order and with other Ids",
            document(sak(vedtak(krav=_KRAV), vedtak(krav=_ANDRE_KRAV))),
            2,
        ),
        Example(
            "statuses in another order",
            document(
                sak(
                    vedtak(status=(("2024-03-01", "1"), ("2024-03-02", "2"))),
                    vedtak(status=(("2024-03-02", "2"), ("2024-03-01", "1"))),
                )
            ),
            2,
        ),
        Example(
            "another status",
            document(sak(vedtak(status=(("2024-03-01", "1"),)), vedtak(status=(("2024-03-01", "2"),)))),
            0,
        ),
        Example(
            "two pairs",
            document(sak(vedtak(), vedtak(slutt="2024-05-01"), vedtak(), vedtak(slutt="2024-05-01"))),
            4,
        ),
    ),
)


def gjeldende_status(vedtak: Vedtak) -> Status | None:
    """The current status of a decision (A36): the latest EndretDato; ties: last in the document."""
    gjeldende: Status | None = None
    for status in vedtak.status:
        if gjeldende is None or status.endret_dato >= gjeldende.endret_dato:
            gjeldende = status
    return gjeldende


def _har_status(vedtak: Vedtak, kode: str) -> bool:
    gjeldende = gjeldende_status(vedtak)
    return gjeldende is not None and gjeldende.kode == kode


@rule(
    "vedtak-2f",
    official="Vedtak Kontroll 2f",
    severity=ERROR,
    since="2022-01-01",
    title_nb="Kravet starter etter at det er konkludert",
    title_en="The demand starts after it was concluded",
    nb="Kravets startdato {krav_start} er etter kravets sluttdato {krav_slutt}.",
    en="The demand's start date {krav_start} is after the demand's end date {krav_slutt}.",
    remedy_nb="Rett kravets startdato eller sluttdato.",
    remedy_en="Correct the start date or the end date of the demand.",
    ssb="DECISION_02F",
)
@silent("no demand", document(sak(vedtak())))
@silent("a demand without a conclusion", document(sak(vedtak(krav=(krav("2024-03-02"),)))))
@silent("concluded the same day", document(sak(vedtak(krav=(krav("2024-03-01", "2024-03-01"),)))))
@fires(
    "concluded the day before it starts",
    document(sak(vedtak(krav=(krav("2024-03-02", "2024-03-01"),)))),
)
@fires(
    "two of three demands, each reported on itself",
    document(
        sak(
            vedtak(
                krav=(
                    krav("2024-03-02", "2024-03-01", id=uid("Krav", 1)),
                    krav("2024-03-02", "2024-03-02", id=uid("Krav", 2)),
                    krav("2024-03-03", "2024-03-01", id=uid("Krav", 3)),
                )
            )
        )
    ),
    times=2,
)
@fires(
    "a migrated decision is not softened when the case system reports",
    document(sak(vedtak(krav=(krav("2024-03-02", "2024-03-01"),), migrert_id="17"))),
    severity=ERROR,
)
@fires(
    "a demand follows its decision: migrated and through KOSTRA is a warning",
    document(sak(vedtak(krav=(krav("2024-03-02", "2024-03-01"),), migrert_id="17"))),
    channel=KOSTRA,
    severity=WARNING,
)
@fires(
    "through KOSTRA, but only the case is migrated, not the decision",
    document(sak(vedtak(krav=(krav("2024-03-02", "2024-03-01"),)), migrert_id="17")),
    channel=KOSTRA,
    severity=ERROR,
)
@silent("the decision is deleted", document(sak(vedtak(krav=(krav("2024-03-02", "2024-03-01"),), er_slettet=True))))
def krav_starter_etter_egen_slutt(vedtak: Vedtak, case: Case) -> Result:
    """Rule 2f: the start of a demand after its own end."""
    if not vedtak.krav:
        return None
    return [
        fired(at=k, krav_start=k.start_dato, krav_slutt=k.konklusjon.slutt_dato)
        for k in vedtak.krav
        if k.konklusjon is not None and k.start_dato > k.konklusjon.slutt_dato
    ]


@rule(
    "vedtak-2g",
    official="Vedtak Kontroll 2g",
    severity=ERROR,
    since="2022-01-01",
    title_nb="Kravet slutter etter vedtaket",
    title_en="The demand ends after the decision",
    nb="Kravets sluttdato {krav_slutt} er etter vedtakets sluttdato {vedtak_slutt}.",
    en="The demand's end date {krav_slutt} is after the decision's end date {vedtak_slutt}.",
    remedy_nb="Rett kravets sluttdato eller vedtakets sluttdato.",
    remedy_en="Correct the end date of the demand or of the decision.",
    ssb="DECISION_02G",
)
@silent("the decision has not ended", document(sak(vedtak(krav=(krav("2024-03-01", "2024-05-02"),)))))
@silent("the demand has not ended", document(sak(vedtak(slutt="2024-05-01", krav=(krav("2024-03-01"),)))))
@silent("both end on one day", document(sak(vedtak(slutt="2024-05-01", krav=(krav("2024-03-01", "2024-05-01"),)))))
@fires(
    "the demand ends the day after the decision",
    document(sak(vedtak(slutt="2024-05-01", krav=(krav("2024-03-01", "2024-05-02"),)))),
)
@fires(
    "migrated, from the case system",
    document(sak(vedtak(slutt="2024-05-01", krav=(krav("2024-03-01", "2024-05-02"),), migrert_id="17"))),
    severity=ERROR,
)
@fires(
    "migrated, through KOSTRA",
    document(sak(vedtak(slutt="2024-05-01", krav=(krav("2024-03-01", "2024-05-02"),), migrert_id="17"))),
    channel=KOSTRA,
    severity=WARNING,
)
def krav_slutter_etter_vedtaket(vedtak: Vedtak, case: Case) -> Result:
    """Rule 2g: the end of a demand after the end of its decision."""
    if not vedtak.krav or vedtak.konklusjon is None:
        return None
    slutt = vedtak.konklusjon.slutt_dato
    return [
        fired(at=k, krav_slutt=k.konklusjon.slutt_dato, vedtak_slutt=slutt)
        for k in vedtak.krav
        if k.konklusjon is not None and k.konklusjon.slutt_dato > slutt
    ]


@rule(
    "vedtak-2h",
    official="Vedtak Kontroll 2h",
    severity=ERROR,
    since="2022-01-01",
    title_nb="Kravet starter før vedtaket",
    title_en="The demand starts before the decision",
    nb="Kravets startdato {krav_start} er før vedtakets startdato {vedtak_start}.",
    en="The demand's start date {krav_start} is before the decision's start date {vedtak_start}.",
    remedy_nb="Rett kravets startdato, eller knytt kravet til vedtaket det gjelder.",
    remedy_en="Correct the start date of the demand, or link the demand to the decision it concerns.",
    ssb="DECISION_02H",
)
@silent("the demand starts with the decision", document(sak(vedtak(start="2024-02-20", krav=(krav("2024-02-20"),)))))
@fires("the demand starts the day before", document(sak(vedtak(start="2024-02-20", krav=(krav("2024-02-19"),)))))
@fires(
    "migrated, from the case system",
    document(sak(vedtak(start="2024-02-20", krav=(krav("2024-02-19"),), migrert_id="17"))),
    severity=ERROR,
)
@fires(
    "migrated, through KOSTRA",
    document(sak(vedtak(start="2024-02-20", krav=(krav("2024-02-19"),), migrert_id="17"))),
    channel=KOSTRA,
    severity=WARNING,
)
def krav_starter_foer_vedtaket(vedtak: Vedtak, case: Case) -> Result:
    """Rule 2h: the start of a demand before the start of its decision."""
    if not vedtak.krav:
        return None
    start = vedtak.start_dato
    return [fired(at=k, krav_start=k.start_dato, vedtak_start=start) for k in vedtak.krav if k.start_dato < start]


@rule(
    "vedtak-2i",
    official="Vedtak Kontroll 2i",
    severity=INFO,
    since="2022-01-01",
    title_nb="Statusen er satt etter at vedtaket sluttet",
    title_en="The status was set after the decision ended",
    nb="Statusens endringsdato {endret} er etter vedtakets sluttdato {vedtak_slutt}.",
    en="The status was set on {endret}, after the decision's end date {vedtak_slutt}.",
    remedy_nb="Kontroller datoen for statusen og vedtakets sluttdato.",
    remedy_en="Check the date of the status and the end date of the decision.",
    ssb="DECISION_02I",
)
@silent("the decision has not ended", document(sak(vedtak(status=(("2024-05-02", "1"),)))))
@silent("set on the last day", document(sak(vedtak(slutt="2024-05-01", status=(("2024-05-01", "3"),)))))
@fires("set the day after", document(sak(vedtak(slutt="2024-05-01", status=(("2024-05-02", "3"),)))))
@fires(
    "two of three statuses, each reported on itself",
    document(sak(vedtak(slutt="2024-05-01", status=(("2024-05-02", "1"), ("2024-05-01", "2"), ("2024-05-03", "3"))))),
    times=2,
)
@fires(
    "an INFO stays as it is for migrated data through KOSTRA",
    document(sak(vedtak(slutt="2024-05-01", status=(("2024-05-02", "3"),), migrert_id="17"))),
    channel=KOSTRA,
    severity=INFO,
)
def status_endret_etter_vedtakets_slutt(vedtak: Vedtak, case: Case) -> Result:
    """Rule 2i: a status set after the end of its decision."""
    if vedtak.konklusjon is None:
        return None
    slutt = vedtak.konklusjon.slutt_dato
    return [fired(at=s, endret=s.endret_dato, vedtak_slutt=slutt) for s in vedtak.status if s.endret_dato > slutt]


@rule(
    "vedtak-2j",
    official="Vedtak Kontroll 2j",
    severity=INFO,
    since="2022-01-01",
    title_nb="Statusen er satt før vedtaket",
    title_en="The status was set before the decision",
    nb="Statusens endringsdato {endret} er før vedtakets startdato {vedtak_start}.",
    en="The status was set on {endret}, before the decision's start date {vedtak_start}.",
    remedy_nb="Kontroller datoen for statusen og vedtakets startdato.",
    remedy_en="Check the date of the status and the start date of the decision.",
    ssb="DECISION_02J",
)
@silent("set on the day of the decision", document(sak(vedtak(start="2024-02-20", status=(("2024-02-20", "1"),)))))
@fires("set the day before", document(sak(vedtak(start="2024-02-20", status=(("2024-02-19", "1"),)))))
@fires(
    "an INFO stays as it is for migrated data through KOSTRA",
    document(sak(vedtak(start="2024-02-20", status=(("2024-02-19", "1"),), migrert_id="17"))),
    channel=KOSTRA,
    severity=INFO,
)
def status_endret_foer_vedtaket(vedtak: Vedtak, case: Case) -> Result:
    """Rule 2j: a status set before the start of its decision."""
    start = vedtak.start_dato
    return [fired(at=s, endret=s.endret_dato, vedtak_start=start) for s in vedtak.status if s.endret_dato < start]


@rule(
    "vedtak-3-s3",
    official="Vedtak Kontroll 3",
    severity=ERROR,
    since="2022-01-01",
    title_nb="Bortfalt vedtak uten sluttdato",
    title_en="Lapsed decision without an end date",
    nb="Vedtaket har status 3 (utgår/bortfalt), men mangler sluttdato.",
    en="The decision has status 3 (lapsed) but no end date.",
    remedy_nb="Registrer vedtakets sluttdato, eller rett statusen.",
    remedy_en="Register the end date of the decision, or correct the status.",
    ssb="DECISION_03",
)
@silent("approved and open", document(sak(vedtak(status=(("2024-02-20", "1"),)))))
@silent("lapsed and ended", document(sak(vedtak(slutt="2024-05-01", status=(("2024-05-01", "3"),)))))
@silent(
    "status 3 was followed by status 1 (A36)",
    document(sak(vedtak(status=(("2024-03-01", "3"), ("2024-03-02", "1"))))),
)
@silent(
    "status 3 and status 1 on one day, 1 last in the document (A36)",
    document(sak(vedtak(status=(("2024-03-01", "3"), ("2024-03-01", "1"))))),
)
@silent("status 4 is the other branch", document(sak(vedtak(status=(("2024-03-01", "4"),)))))
@fires("lapsed and open", document(sak(vedtak(status=(("2024-05-01", "3"),)))))
@fires(
    "the latest status counts, wherever it stands (A36)",
    document(sak(vedtak(status=(("2024-03-02", "3"), ("2024-03-01", "1"))))),
)
@fires(
    "status 1 and status 3 on one day, 3 last in the document (A36)",
    document(sak(vedtak(status=(("2024-03-01", "1"), ("2024-03-01", "3"))))),
)
@fires(
    "migrated, from the case system",
    document(sak(vedtak(status=(("2024-05-01", "3"),), migrert_id="17"))),
    severity=ERROR,
)
@fires(
    "migrated, through KOSTRA",
    document(sak(vedtak(status=(("2024-05-01", "3"),), migrert_id="17"))),
    channel=KOSTRA,
    severity=WARNING,
)
@silent("deleted", document(sak(vedtak(status=(("2024-05-01", "3"),), er_slettet=True))))
def bortfalt_vedtak_uten_slutt(vedtak: Vedtak, case: Case) -> Result:
    """Rule 3, status 3 (A36)."""
    if vedtak.konklusjon is None and _har_status(vedtak, "3"):
        return fired()
    return None


@rule(
    "vedtak-3-s4",
    official="Vedtak Kontroll 3",
    severity=ERROR,
    since="2022-01-01",
    title_nb="Avslått eller avsluttet vedtak uten sluttdato",
    title_en="Refused or closed decision without an end date",
    nb="Vedtaket har status 4 (avslått/avsluttet), men mangler sluttdato.",
    en="The decision has status 4 (refused or closed) but no end date.",
    remedy_nb="Registrer vedtakets sluttdato, eller rett statusen.",
    remedy_en="Register the end date of the decision, or correct the status.",
    ssb="DECISION_03",
)
@silent("approved and open", document(sak(vedtak(status=(("2024-02-20", "1"),)))))
@silent("refused and ended", document(sak(vedtak(slutt="2024-05-01", status=(("2024-05-01", "4"),)))))
@silent(
    "status 4 was followed by status 1 (A36)",
    document(sak(vedtak(status=(("2024-03-01", "4"), ("2024-03-02", "1"))))),
)
@silent("status 3 is the other branch", document(sak(vedtak(status=(("2024-03-01", "3"),)))))
@fires("refused and open", document(sak(vedtak(status=(("2024-05-01", "4"),)))))
@fires(
    "migrated, from the case system",
    document(sak(vedtak(status=(("2024-05-01", "4"),), migrert_id="17"))),
    severity=ERROR,
)
@fires(
    "migrated, through KOSTRA",
    document(sak(vedtak(status=(("2024-05-01", "4"),), migrert_id="17"))),
    channel=KOSTRA,
    severity=WARNING,
)
def avslatt_vedtak_uten_slutt(vedtak: Vedtak, case: Case) -> Result:
    """Rule 3, status 4 (A36)."""
    if vedtak.konklusjon is None and _har_status(vedtak, "4"):
        return fired()
    return None


@rule(
    "vedtak-4",
    official="Vedtak Kontroll 4",
    severity=ERROR,
    since="2022-01-01",
    title_nb="Ukjent lov i vedtakets lovhjemmel",
    title_en="Unknown act in the decision's legal basis",
    nb="Vedtaket bygger på loven {lov}, som ikke er BVL, BVL2021 eller BL1981.",
    en="The decision rests on the act {lov}, which is not BVL, BVL2021 or BL1981.",
    remedy_nb="Rett loven i vedtakets lovhjemmel.",
    remedy_en="Correct the act in the legal basis of the decision.",
    ssb="DECISION_04",
)
@silent("BVL2021", document(sak(vedtak(lovhjemmel=lov("BVL2021")))))
@silent("BVL, read with BVL2021", document(sak(vedtak(lovhjemmel=lov("BVL"), jmfr=(lov("BVL2021"),)))))
@silent("BL1981", document(sak(vedtak(lovhjemmel=lov("BL1981"), jmfr=(lov("BL1981"),)))))
@fires("another act", document(sak(vedtak(lovhjemmel=lov("FVL")))), parameters={"lov": "FVL"})
@fires(
    "another act in a related provision (A37)",
    document(sak(vedtak(lovhjemmel=lov("BVL"), jmfr=(lov("BVL"), lov("FVL"))))),
    parameters={"lov": "FVL"},
)
@fires(
    "migrated, from the case system",
    document(sak(vedtak(lovhjemmel=lov("FVL"), migrert_id="17"))),
    severity=ERROR,
)
@fires(
    "migrated, through KOSTRA",
    document(sak(vedtak(lovhjemmel=lov("FVL"), migrert_id="17"))),
    channel=KOSTRA,
    severity=WARNING,
)
def vedtak_etter_ukjent_lov(vedtak: Vedtak, case: Case) -> Result:
    """Rule 4 (A37): Lovhjemmel and every JmfrLovhjemmel. The schema's closed list of acts leaves it nothing to find."""
    if vedtak.lovhjemmel.lov not in LOVER:
        return fired(lov=vedtak.lovhjemmel.lov[:10])
    for jmfr in vedtak.jmfr_lovhjemmel:
        if jmfr.lov not in LOVER:
            return fired(lov=jmfr.lov[:10])
    return None


@rule(
    "vedtak-5-2021",
    official="Vedtak kontroll 5",
    severity=ERROR,
    since="2022-01-01",
    title_nb="Vedtak etter barnevernsloven av 2021 før den gjaldt",
    title_en="Decision under the act of 2021 before it was in force",
    nb="Vedtaket {start} bygger på BVL2021, som gjelder fra 01.01.2023.",
    en="The decision of {start} rests on BVL2021, which is in force from 01.01.2023.",
    remedy_nb="Rett lovhjemmelen til BVL (loven av 1992), eller rett vedtakets startdato.",
    remedy_en="Change the legal basis to BVL (the act of 1992), or correct the start date of the decision.",
    ssb="DECISION_05",
)
@silent("the first day of the act", document(sak(vedtak(start="2023-01-01", lovhjemmel=lov("BVL2021")))))
@silent("the act of 1992 the day before", document(sak(vedtak(start="2022-12-31", lovhjemmel=lov("BVL")))))
@silent("the children act the day before", document(sak(vedtak(start="2022-12-31", lovhjemmel=lov("BL1981")))))
@silent(
    "related provisions are not looked at (A38)",
    document(sak(vedtak(start="2022-12-31", lovhjemmel=lov("BVL"), jmfr=(lov("BVL2021"),)))),
)
@fires("the day before the act", document(sak(vedtak(start="2022-12-31", lovhjemmel=lov("BVL2021")))))
@fires(
    "migrated, from the case system",
    document(sak(vedtak(start="2022-12-31", lovhjemmel=lov("BVL2021"), migrert_id="17"))),
    severity=ERROR,
)
@fires(
    "migrated, through KOSTRA",
    document(sak(vedtak(start="2022-12-31", lovhjemmel=lov("BVL2021"), migrert_id="17"))),
    channel=KOSTRA,
    severity=WARNING,
)
@silent("deleted", document(sak(vedtak(start="2022-12-31", lovhjemmel=lov("BVL2021"), er_slettet=True))))
def vedtak_etter_ny_lov_for_tidlig(vedtak: Vedtak, case: Case) -> Result:
    """Rule 5, before 2023 (A38)."""
    if ny_lov_for_tidlig(vedtak.start_dato, vedtak.lovhjemmel):
        return fired(start=vedtak.start_dato)
    return None


@rule(
    "vedtak-5-1992",
    official="Vedtak kontroll 5",
    severity=ERROR,
    since="2022-01-01",
    title_nb="Vedtak etter barneverntjenesteloven av 1992 etter at den ble opphevet",
    title_en="Decision under the act of 1992 after it was repealed",
    nb="Vedtaket {start} bygger på BVL (loven av 1992), som gjaldt til og med 31.12.2022.",
    en="The decision of {start} rests on BVL (the act of 1992), which was in force until 31.12.2022.",
    remedy_nb="Rett lovhjemmelen til BVL2021, eller rett vedtakets startdato.",
    remedy_en="Change the legal basis to BVL2021, or correct the start date of the decision.",
    ssb="DECISION_05",
)
@silent("the last day of the act", document(sak(vedtak(start="2022-12-31", lovhjemmel=lov("BVL")))))
@silent("the act of 2021 the day after", document(sak(vedtak(start="2023-01-01", lovhjemmel=lov("BVL2021")))))
@silent("the children act the day after", document(sak(vedtak(start="2023-01-01", lovhjemmel=lov("BL1981")))))
@silent(
    "related provisions are not looked at (A38)",
    document(sak(vedtak(start="2023-01-01", lovhjemmel=lov("BVL2021"), jmfr=(lov("BVL"),)))),
)
@fires("the day after the act", document(sak(vedtak(start="2023-01-01", lovhjemmel=lov("BVL")))))
@fires(
    "migrated, from the case system",
    document(sak(vedtak(start="2023-01-01", lovhjemmel=lov("BVL"), migrert_id="17"))),
    severity=ERROR,
)
@fires(
    "migrated, through KOSTRA",
    document(sak(vedtak(start="2023-01-01", lovhjemmel=lov("BVL"), migrert_id="17"))),
    channel=KOSTRA,
    severity=WARNING,
)
def vedtak_etter_gammel_lov_for_sent(vedtak: Vedtak, case: Case) -> Result:
    """Rule 5, from 2023 (A38)."""
    if gammel_lov_for_sent(vedtak.start_dato, vedtak.lovhjemmel):
        return fired(start=vedtak.start_dato)
    return None


_SENDT = (("2024-03-01", "2"),)


@rule(
    "vedtak-20-relasjon",
    official="Vedtak Kontroll 20",
    severity=WARNING,
    since="2022-01-01",
    title_nb="Vedtak oversendt nemnda uten relasjon til oversendelsen",
    title_en="Decision sent to the board without a relation to the request",
    nb="Vedtaket har status 2 (begjæring oversendt nemnd), men ingen relasjon til en oversendelse.",
    en="The decision has status 2 (request sent to the board) but no relation to a request.",
    remedy_nb="Registrer oversendelsen og koble den til vedtaket, eller rett vedtakets status.",
    remedy_en="Register the request and link it to the decision, or correct the status of the decision.",
    ssb="DECISION_20",
)
@silent("status 1 needs no request", document(sak(vedtak())))
@silent(
    "linked from the decision to the request",
    document(sak(vedtak(status=_SENDT), oversendelse(), relasjon("Vedtak", _NEMND))),
)
@silent(
    "linked from the request to the decision (A34)",
    document(sak(vedtak(status=_SENDT), oversendelse(), relasjon(_NEMND, "Vedtak"))),
)
@silent(
    "the Id of the decision in another letter case (A34)",
    document(sak(vedtak(status=_SENDT, id=_STORE), oversendelse(), relasjon("Vedtak", _NEMND, fra=_STORE.lower()))),
)
@silent(
    "the relation names the decision by its MigrertId (A34)",
    document(sak(vedtak(status=_SENDT, migrert_id="V-17"), oversendelse(), relasjon("Vedtak", _NEMND, fra="V-17"))),
)
@silent(
    "the request is missing: the other branch",
    document(sak(vedtak(status=_SENDT), relasjon("Vedtak", _NEMND))),
)
@silent(
    "sent once, later approved (A36)",
    document(sak(vedtak(status=(("2024-03-01", "2"), ("2024-04-01", "1"))))),
)
@fires("no relation", document(sak(vedtak(status=_SENDT), oversendelse())))
@fires(
    "the relation is deleted",
    document(sak(vedtak(status=_SENDT), oversendelse(), relasjon("Vedtak", _NEMND, er_slettet=True))),
)
@fires(
    "the relation belongs to another decision",
    document(sak(vedtak(status=_SENDT), vedtak(), oversendelse(), relasjon("Vedtak", _NEMND, fra=2))),
)
@fires(
    "a relation to something else",
    document(sak(vedtak(status=_SENDT), oversendelse(), relasjon("Vedtak", "Tiltak"))),
)
@fires(
    "migrated, through KOSTRA: a warning as it was",
    document(sak(vedtak(status=_SENDT, migrert_id="17"))),
    channel=KOSTRA,
    severity=WARNING,
)
@silent("deleted", document(sak(vedtak(status=_SENDT, er_slettet=True))))
def oversendt_vedtak_uten_relasjon(vedtak: Vedtak, case: Case) -> Result:
    """Rule 20, no live relation in either direction (A34, A36)."""
    if _har_status(vedtak, "2") and not case.refers(vedtak, _NEMND):
        return fired()
    return None


@rule(
    "vedtak-20-oversendelse",
    official="Vedtak Kontroll 20",
    severity=WARNING,
    since="2022-01-01",
    title_nb="Vedtak oversendt nemnda, men oversendelsen mangler",
    title_en="Decision sent to the board, but the request is missing",
    nb="Vedtaket har status 2 (begjæring oversendt nemnd) og en relasjon til en oversendelse som ikke finnes i saken.",
    en="The decision has status 2 (request sent to the board) and a relation to a request that is not in the case.",
    remedy_nb="Registrer oversendelsen, eller rett relasjonen slik at den peker på oversendelsen i saken.",
    remedy_en="Register the request, or correct the relation so that it names the request in the case.",
    ssb="DECISION_20",
)
@silent("status 1 needs no request", document(sak(vedtak(), relasjon("Vedtak", _NEMND))))
@silent(
    "the request is there",
    document(sak(vedtak(status=_SENDT), oversendelse(), relasjon("Vedtak", _NEMND))),
)
@silent(
    "the request is there, its Id in another letter case (A34)",
    document(sak(vedtak(status=_SENDT), oversendelse(id=_STORE), relasjon("Vedtak", _NEMND, til=_STORE.lower()))),
)
@silent(
    "linked from the request by its MigrertId (A34)",
    document(sak(vedtak(status=_SENDT), oversendelse(migrert_id="O-3"), relasjon(_NEMND, "Vedtak", fra="O-3"))),
)
@silent(
    "one of two relations names a request that is there",
    document(sak(vedtak(status=_SENDT), oversendelse(), relasjon("Vedtak", _NEMND, til=2), relasjon("Vedtak", _NEMND))),
)
@silent("no relation: the other branch", document(sak(vedtak(status=_SENDT), oversendelse())))
@fires("the relation names nothing", document(sak(vedtak(status=_SENDT), relasjon("Vedtak", _NEMND))))
@fires(
    "the other direction names nothing (A34)",
    document(sak(vedtak(status=_SENDT), relasjon(_NEMND, "Vedtak"))),
)
@fires(
    "the request is deleted",
    document(sak(vedtak(status=_SENDT), oversendelse(er_slettet=True), relasjon("Vedtak", _NEMND))),
)
@fires(
    "a target is never named by its MigrertId (A34)",
    document(sak(vedtak(status=_SENDT), oversendelse(migrert_id="O-3"), relasjon("Vedtak", _NEMND, til="O-3"))),
)
@fires(
    "two relations that name nothing are one finding",
    document(sak(vedtak(status=_SENDT), relasjon("Vedtak", _NEMND), relasjon("Vedtak", _NEMND, til=2))),
)
def oversendt_vedtak_uten_oversendelse(vedtak: Vedtak, case: Case) -> Result:
    """Rule 20, a relation in either direction whose request is not in the case (A34, A36)."""
    if (
        _har_status(vedtak, "2")
        and not case.targets(vedtak, _NEMND)
        and not case.sources(_NEMND, vedtak)
        and case.refers(vedtak, _NEMND)
    ):
        return fired()
    return None
