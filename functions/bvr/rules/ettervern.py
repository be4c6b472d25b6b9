"""Rules on offers of aftercare (Ettervern)."""

from __future__ import annotations

from datetime import date
from typing import Any

from bvr.model.concepts import Ettervern
from bvr.rules.case import Case
from bvr.rules.examples import document, ettervern, sak
from bvr.rules.families import end_after_case, start_before_case
from bvr.rules.options import Channel
from bvr.rules.rule import ERROR, WARNING, Result, fired, fires, rule, silent

_FEIL: dict[str, Any] = {"sendt": "2024-03-02", "slutt": "2024-03-01"}


def tilbud_sendt(ettervern: Ettervern) -> date:
    """The day the offer was sent stands for its start (A49)."""
    return ettervern.tilbud_sendt_dato


@rule(
    "ettervern-2a",
    official="Ettervern Kontroll 2a",
    severity=ERROR,
    since="2022-01-01",
    title_nb="Tilbudet om ettervern er sendt etter at det ble besvart",
    title_en="The offer of aftercare was sent after it was answered",
    nb="Tilbudet om ettervern ble sendt {sendt}, etter sluttdatoen {slutt}.",
    en="The offer of aftercare was sent on {sendt}, after its end date {slutt}.",
    remedy_nb="Rett datoen tilbudet ble sendt, eller datoen for svaret.",
    remedy_en="Correct the date the offer was sent, or the date of the answer.",
    ssb="AFTERCARE_02A",
)
@silent("not answered", document(sak(ettervern(sendt="2024-03-01"))))
@silent("answered the day it was sent", document(sak(ettervern(sendt="2024-03-01", slutt="2024-03-01"))))
@fires(
    "answered the day before it was sent",
    document(sak(ettervern(**_FEIL))),
    parameters={"sendt": date(2024, 3, 2), "slutt": date(2024, 3, 1)},
)
@silent("deleted", document(sak(ettervern(**_FEIL, er_slettet=True))))
@fires("migrated, from the case system", document(sak(ettervern(**_FEIL, migrert_id="17"))), severity=ERROR)
@fires(
    "migrated, through KOSTRA",
    document(sak(ettervern(**_FEIL, migrert_id="17"))),
    channel=Channel.KOSTRA,
    severity=WARNING,
)
@fires("not migrated, through KOSTRA", document(sak(ettervern(**_FEIL))), channel=Channel.KOSTRA, severity=ERROR)
def tilbud_sendt_etter_svaret(ettervern: Ettervern, case: Case) -> Result:
    """Rule 2a (A49): TilbudSendtDato stands for the start."""
    if ettervern.konklusjon is not None and ettervern.tilbud_sendt_dato > ettervern.konklusjon.slutt_dato:
        return fired(sendt=ettervern.tilbud_sendt_dato, slutt=ettervern.konklusjon.slutt_dato)
    return None


end_after_case(
    "ettervern-2c",
    Ettervern,
    ettervern,
    official="Ettervern Kontroll 2c",
    since="2022-01-01",
    ssb="AFTERCARE_02C",
)
# The published rule 2e has no valid-from: that of its siblings (A49).
start_before_case(
    "ettervern-2e",
    Ettervern,
    ettervern,
    official="Ettervern Kontroll 2e",
    since="2022-01-01",
    ssb="AFTERCARE_02E",
    first=tilbud_sendt,
    day="sendt",
)
