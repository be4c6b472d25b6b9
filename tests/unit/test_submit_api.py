"""Cases over HTTP: one receipt a case, in order; no case affects another; a repeat gives the same receipts."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from openapi_spec_validator import validate

from bvr.api.http import Request, Response
from bvr.api.maskinporten import Verifier
from bvr.api.submit import MOST_CASES, PATH, SCOPE, SubmitApi
from bvr.api.submit_openapi import document as openapi
from bvr.errors import Retry
from bvr.intake.envelope import Delivery
from bvr.model.json_form import to_json
from bvr.model.xml import encode
from bvr.pipeline import Settings
from bvr.receipt import Receipt
from bvr.rules.examples import document, melding, personalia, sak
from bvr.verdict import Verdict
from tests.unit.api_world import AUDIENCE, ISSUER, Issuer, token
from tests.unit.service_world import REPORTER, SENDER, SenderSource, World, delivery, right, service


def as_json(made: Any, submission: int) -> dict[str, Any]:
    """A case as JSON, as a submission of its own."""
    found: dict[str, Any] = json.loads(to_json(made))
    found["Barnevern"]["Id"] = f"0b7e2b7e-0000-4000-8000-{submission:012}"
    return found


GOOD, BAD = (document(sak(personalia(), melding(slutt="2024-02-05", **how))) for how in ({}, {"melder": ()}))
CASE, FAULTY = as_json(GOOD, 1), as_json(BAD, 2)
XML = encode(GOOD).decode()
WHO = {"authority": "iso6523-actorid-upis", "ID": f"0192:{REPORTER.organisasjonsnummer}"}


class Http:
    def __init__(self, *rights: Any, settings: Settings | None = None) -> None:
        self.world = World()
        self.service = service(self.world, settings)
        self.api = SubmitApi(
            self.service,
            SenderSource(*(rights or (right(),))),
            Verifier(ISSUER, AUDIENCE, Issuer().fetch),
            b"{}",
            lambda: self.world.now,
        )

    def post(self, content: Any, **about: Any) -> Response:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        # A token is made for the call: those of the tests' own making would be too old by then.
        headers = {
            "content-type": "application/json",
            "authorization": f"Bearer {token(**about.pop('claims', {'scope': SCOPE, 'consumer': WHO}))}",
        } | about.pop("headers", {})
        request = Request(method=about.get("method", "POST"), path=about.get("path", PATH), headers=headers, body=body)
        return self.api.handle(request)

    def send(self, *cases: Any) -> list[dict[str, Any]]:
        response = self.post({"innsendinger": cases})
        assert response.status == 200, response.body
        found: list[dict[str, Any]] = json.loads(response.body)["kvitteringer"]
        return found


def test_one_receipt_a_case_in_their_order() -> None:
    h = Http()
    broken = {"xsdVersion": "4.0.1", "Barnevern": {"Id": 5}}
    answers = h.send(CASE, FAULTY, broken, {"xsdVersion": 4, "xmlBody": XML}, {"hva": "er dette"})
    assert [a["nummer"] for a in answers] == [1, 2, 3, 4, 5]
    assert [a["status"] for a in answers] == [200, 200, 422, 200, 422]
    assert answers[0]["kvittering"]["resultat"] == "GODKJENT"
    assert answers[1]["kvittering"]["resultat"] == "LAGRET_IKKE_GODKJENT"
    assert answers[2]["feilmelding"]["feilkode"] == "JSON_UGYLDIG"
    assert answers[3]["kvittering"]["resultat"] == "GODKJENT"
    assert len(h.service.desk.archive.names("raa/")) == 5  # type: ignore[attr-defined]


def test_a_json_case_and_its_xml_twin_get_the_same_findings() -> None:
    h = Http()
    (found,) = h.send(FAULTY)
    (as_xml,) = Http().send({"xsdVersion": 4, "xmlBody": encode(BAD).decode()})
    assert found["kvittering"]["funn"] == as_xml["kvittering"]["funn"]


def test_a_call_sent_again_gives_the_same_receipts() -> None:
    h = Http()
    own = {**CASE, "klientMeldingId": "0b7e2b7e-0000-4000-8000-000000000001"}
    first, second = h.send(own, FAULTY), h.send(own, FAULTY)
    assert first == second
    assert len(set(h.world.rows)) == 2
    assert first[0]["kvittering"]["klientMeldingId"] == own["klientMeldingId"]


def test_the_same_id_with_another_content_loses_nothing() -> None:
    h = Http()
    own = "0b7e2b7e-0000-4000-8000-000000000001"
    h.send({**CASE, "klientMeldingId": own}, {**FAULTY, "klientMeldingId": own})
    assert len(set(h.world.rows)) == 2


class Failing:
    """A service whose platform fails at one case."""

    def __init__(self, inner: Any, at: int) -> None:
        self.inner, self.at, self.calls = inner, at, 0

    def receive(self, delivery: Delivery) -> Receipt | None:
        self.calls += 1
        if self.calls == self.at:
            raise Retry("storage")
        found: Receipt | None = self.inner.receive(delivery)
        return found


def test_what_the_platform_could_not_take_says_so_and_the_others_have_theirs() -> None:
    h = Http()
    h.api._service = Failing(h.service, 2)
    answers = h.send(CASE, FAULTY, {"xsdVersion": 4, "xmlBody": XML.replace("-0000-4000-", "-0000-4111-")})
    assert [a["status"] for a in answers] == [200, 503, 200]
    assert "Send den på nytt" in answers[1]["feil"]["feilmelding"]


@pytest.mark.parametrize(
    ("content", "about", "status"),
    [
        ({"innsendinger": [CASE]}, {"method": "GET"}, 405),
        ({"innsendinger": [CASE]}, {"path": "/v1/annet"}, 404),
        ({"innsendinger": [CASE]}, {"headers": {"content-type": "application/xml"}}, 415),
        ({"innsendinger": [CASE]}, {"headers": {"authorization": "Bearer x.y.z"}}, 401),
        ({"innsendinger": [CASE]}, {"headers": {"authorization": ""}}, 401),
        (
            {"innsendinger": [CASE]},
            {"claims": {"scope": "ssb:annet", "consumer": WHO}},
            403,
        ),
        ({"innsendinger": [CASE]}, {"claims": {"scope": SCOPE}}, 403),
        ({"innsendinger": []}, {}, 400),
        ({"innsendinger": [1]}, {}, 400),
        ({"saker": [CASE]}, {}, 400),
        ([CASE], {}, 400),
        (b"{", {}, 400),
        (b'{"innsendinger": [], "innsendinger": []}', {}, 400),
        ({"innsendinger": [{}] * (MOST_CASES + 1)}, {}, 413),
        (b" " * (32 * 1024 * 1024 + 1), {}, 413),
    ],
)
def test_a_call_that_cannot_be_taken(content: Any, about: dict[str, Any], status: int) -> None:
    h = Http()
    response = h.post(content, **about)
    assert response.status == status
    told = json.loads(response.body)
    assert told["status"] == status
    assert told["detail"]
    assert told["detailEn"]
    assert not h.world.rows


def test_an_id_that_is_none_is_that_case_s_fault_only() -> None:
    answers = Http().send({**CASE, "klientMeldingId": "min"}, FAULTY)
    assert [a["status"] for a in answers] == [400, 200]


def test_the_sender_is_the_token_s_organisation() -> None:
    """A case of somebody else is refused, whatever it says of itself."""
    h = Http()
    other = json.loads(json.dumps(CASE))
    other["Barnevern"]["Avgiver"]["Organisasjonsnummer"] = "310000027"
    (answer,) = h.send(other)
    assert answer["feilmelding"]["feilkode"] == "AVGIVER_IKKE_TILLATT"
    ((_, _, about, _),) = [p for p in h.world.published if p[0] == "kvittering"]
    assert about["mottaker-id"] == SENDER


def test_the_description_is_valid() -> None:
    validate(openapi())


def test_a_case_over_http_need_not_be_sealed_nor_when_it_is_woken() -> None:
    """The token showed who sends. What the sweeper wakes comes over the topic, where all else must be sealed."""
    http = Http(settings=Settings(require_sealed=True))
    http.world.fail = {6}  # the platform is away when all is archived
    (answer,) = http.send(CASE)
    assert answer["status"] == 503
    http.world.fail = set()
    http.world.now += timedelta(hours=1)
    assert http.service.desk.sweep() == 1
    topic, data, attributes, _ = http.world.published[-1]
    assert topic == "innsending"
    woken = http.service.receive(delivery(data, attributes, 2))
    assert woken is not None
    assert woken.verdict is Verdict.REGISTERED
    other = http.service.receive(delivery(data, attributes | {"melding-id": str(UUID(int=7))}, 3))
    assert other is not None
    assert other.verdict is Verdict.REJECTED
