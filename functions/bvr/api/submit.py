"""Cases over HTTP, with a token: up to 100 a request, one receipt a case.

For senders without a message queue. Each case becomes one message and takes the same way as every other: archived
first, recorded, stored, answered. The receipt comes back in the response, and on the topic of receipts as always, which
closes the message. No case affects another: what the platform could not take says so, and is sent again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec

from bvr.api.http import (
    BAD_REQUEST,
    NO_ACCESS,
    NOT_FOUND,
    NOT_JSON,
    NOT_NOW,
    TOO_LARGE,
    Kind,
    Problem,
    Request,
    Response,
    json_body,
    told,
    turned_away,
)
from bvr.api.maskinporten import Refused, Verifier
from bvr.errors import Retry
from bvr.intake.envelope import Delivery
from bvr.intake.protocol import SUBMIT
from bvr.intake.sender import Senders
from bvr.log import log
from bvr.pipeline import day_in_norway
from bvr.receipt import Receipt, render
from bvr.verdict import Verdict

SCOPE = "ssb:barnevern/innrapportering.write"
PATH = "/v1/innsendinger"
MOST_CASES = 100
MOST_BYTES = 32 * 1024 * 1024  # what Cloud Run takes in one request
POST_ONLY = Kind("bare-post", 405, "Metoden er ikke tillatt", "Method not allowed")
KINDS = (BAD_REQUEST, NO_ACCESS, NOT_FOUND, POST_ONLY, TOO_LARGE, NOT_JSON, NOT_NOW)


class Receives(Protocol):
    """The flow of a case."""

    def receive(self, delivery: Delivery) -> Receipt | None: ...


class SenderSource(Protocol):
    """Who may send, as far as is known now."""

    def current(self, account: str | None = None) -> Senders: ...


class SubmitApi:
    """Takes cases for the organisation that the token speaks for."""

    def __init__(
        self,
        service: Receives,
        senders: SenderSource,
        verifier: Verifier,
        openapi: bytes,
        clock: Callable[[], datetime],
    ) -> None:
        self._service = service
        self._senders = senders
        self._verifier = verifier
        self._openapi = openapi
        self._clock = clock

    def handle(self, request: Request) -> Response:
        """Answer a request. Raises nothing for what is in it."""
        try:
            return self._route(request)
        except Problem as problem:
            return told(problem)
        except Refused as refused:
            log("innsending avvist", severity="WARNING", status=refused.status)
            return turned_away(refused, SCOPE)
        except Retry:
            return told(Problem(NOT_NOW, "Prøv igjen om litt.", "Try again in a while."))

    def _route(self, request: Request) -> Response:
        path = request.path.rstrip("/")
        if path == "/openapi.json" and request.method == "GET":
            return Response(status=200, headers={"Content-Type": "application/json"}, body=self._openapi)
        if path != PATH:
            raise Problem(NOT_FOUND, f"Adressen finnes ikke. Send til {PATH}.", f"No such address. Send to {PATH}.")
        if request.method != "POST":
            raise Problem(POST_ONLY, "Saker sendes med POST.", "Cases are sent with POST.")
        caller = self._verifier.verify(request.headers.get("authorization"), SCOPE)
        now = self._clock()
        account = self._senders.current().account_of(caller.orgnr, day_in_norway(now))
        if account is None:
            raise Problem(
                NO_ACCESS,
                "Organisasjonen står ikke i registeret over avsendere. Ta kontakt med registeret.",
                "The organisation is not in the register of senders. Contact the register.",
            )
        cases = self._cases(request)
        log("innsending over http", orgnr=caller.orgnr, jti=caller.jti, antall=len(cases))
        answers = [self._one(number, case, account, now) for number, case in enumerate(cases, 1)]
        return Response(
            status=200,
            headers={"Content-Type": "application/json", "Cache-Control": "no-store"},
            body=b'{"kvitteringer":[' + b",".join(answers) + b"]}",
        )

    def _cases(self, request: Request) -> list[dict[str, Any]]:
        cases = json_body(request, MOST_BYTES).get("innsendinger")
        if not isinstance(cases, list) or not cases or not all(isinstance(case, dict) for case in cases):
            raise Problem(
                BAD_REQUEST,
                "innsendinger skal være en liste med minst én sak.",
                "innsendinger must be an array with at least one case.",
                "innsendinger",
            )
        if len(cases) > MOST_CASES:
            raise Problem(
                TOO_LARGE, f"Høyst {MOST_CASES} saker i ett kall.", f"At most {MOST_CASES} cases.", "innsendinger"
            )
        return cases

    def _one(self, number: int, case: dict[str, Any], account: str, now: datetime) -> bytes:
        """The answer to one case: its number, a status of its own, and its receipt."""
        try:
            delivery = _delivery(case, account, now)
        except ValueError:
            body = {"feilmelding": "klientMeldingId skal være en UUID.", "feilmeldingEn": "It must be a UUID."}
            return msgspec.json.encode({"nummer": number, "status": 400, "feil": body})
        try:
            receipt = self._service.receive(delivery)
        except Retry as error:
            log("prøves igjen", severity="WARNING", melding_id=delivery.attributes["melding-id"], grunn=str(error))
            body = {
                "feilmelding": "Saken kunne ikke tas imot nå. Send den på nytt, med samme klientMeldingId.",
                "feilmeldingEn": "The case could not be taken now. Send it again, with the same klientMeldingId.",
            }
            return msgspec.json.encode({"nummer": number, "status": 503, "feil": body})
        assert receipt is not None  # the type of message is ours
        status = 200 if receipt.verdict is not Verdict.REJECTED else 500 if receipt.fault == "server" else 422
        key = b"kvittering" if receipt.verdict is not Verdict.REJECTED else b"feilmelding"
        return b'{"nummer":%d,"status":%d,"%s":%s}' % (number, status, key, render(receipt, "native", {}))


def _delivery(case: dict[str, Any], account: str, now: datetime) -> Delivery:
    """The message of a case. Raises ValueError when its own id is none.

    Its id follows from the sender's id of it, else from the content: a call that is sent again is the same messages.
    """
    content = {name: value for name, value in case.items() if name != "klientMeldingId"}
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    own = case.get("klientMeldingId")
    named = str(UUID(own)) if isinstance(own, str) else None
    if own is not None and named is None:
        raise ValueError("klientMeldingId")
    digest = hashlib.sha256(body).hexdigest()
    # Another content under the same id is another message: a sender's slip must not lose a case.
    melding_id = str(uuid5(NAMESPACE_URL, f"{account}|{named or ''}|{digest}"))
    attributes = {
        "melding-id": melding_id,
        "avsender-id": account,
        "type": SUBMIT,
        "content-type": "application/json",
        **({"klient-melding-id": named} if named else {}),
    }
    return Delivery(body=body, attributes=attributes, pubsub_id=f"http:{melding_id}", published=now, proven=True)
