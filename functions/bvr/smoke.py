"""A synthetic case through the whole system, and its receipt back: the test of a deployment, in any environment.

Its person number is synthetic (month + 80). Where those are not taken the case is stored, kept out of everything, and
the receipt says so: that is a receipt, and what is asked for.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec

from bvr import gcp, wiring
from bvr.config import config
from bvr.errors import BvrError
from bvr.intake.protocol import SUBMIT
from bvr.model.versions import CURRENT
from bvr.model.xml import encode
from bvr.pipeline import NORWAY, day_in_norway
from bvr.rules.examples import document, kommune, melding, personalia, sak
from bvr.simulate.senders import SUPPLIER_ACCOUNT

EXPECTED = {"GODKJENT", "GODKJENT_MED_FUNN", "LAGRET_IKKE_GODKJENT"}


class NoSender(BvrError):
    """The account that test cases are sent from may not report for anybody."""


class Came(msgspec.Struct, frozen=True, kw_only=True):
    """The receipt: what it says, and the seconds that it took."""

    resultat: str
    kvitterings_id: str
    seconds: float

    @property
    def good(self) -> bool:
        return self.resultat in EXPECTED


def case(orgnr: str, kommunenummer: str, navn: str, now: datetime) -> bytes:
    """A case of one report, with ids that nobody has used before."""
    day = (now - timedelta(days=30)).date()
    made = document(
        sak(personalia(), melding(start=str(day), slutt=str(day + timedelta(days=3)))),
        today=(now - timedelta(minutes=1)).astimezone(NORWAY).isoformat(timespec="seconds"),
        avgiver=kommune(orgnr, kommunenummer, navn),
    )
    whole = msgspec.structs.replace(made, id=str(uuid4()), sak=msgspec.structs.replace(made.sak, id=str(uuid4())))
    return encode(whole)


def smoke(timeout: float) -> Came | None:
    """Send a case, and wait for its receipt; None when it has not come. Raises NoSender."""
    c, now = config(), datetime.now(UTC)
    rights = wiring.senders().current().of_account(SUPPLIER_ACCOUNT, day_in_norway(now))
    if not rights:
        raise NoSender(f"{SUPPLIER_ACCOUNT} is not in grunnlag.avsender: load a right for it with `bvr senders`")
    right = rights[0]
    melding_id = str(uuid4())
    attributes = {
        "melding-id": melding_id,
        "klient-melding-id": str(uuid4()),
        "avsender-id": SUPPLIER_ACCOUNT,
        "type": SUBMIT,
        "xsd-versjon": CURRENT,
    }
    with gcp.Inbox(c.project, c.topic_kvittering, SUPPLIER_ACCOUNT) as inbox:
        begun = time.monotonic()
        data = case(right.for_orgnr, right.kommunenummer, right.navn, now)
        gcp.publisher(c.project).publish(c.topic_innsending, data, attributes)
        for body, about in inbox.messages(timeout):
            if about.get("svar-til") == melding_id:
                told = json.loads(body)
                return Came(
                    resultat=told.get("resultat", told.get("feilkode", "?")),
                    kvitterings_id=told.get("kvitteringsId", ""),
                    seconds=time.monotonic() - begun,
                )
    return None
