"""A sealed message from a municipality's Fiks account to the register and back, through everything there is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from google.cloud import storage

from bvr.api.fetch import fetch_json
from bvr.api.maskinporten import Verifier
from bvr.config import Config
from bvr.intake.protocol import RECEIPT, SUBMIT
from bvr.intake.sealed import Opened, Opener
from bvr.intake.sealed.keys import PemKeys, certificates
from bvr.intake.sealed.seal import seal
from bvr.intake.sealed.trust import Trust
from bvr.model.xml import encode
from bvr.rules.examples import document, melding, personalia, sak
from bvr.testpki import Pki, pem_of
from emulator import rabbitmq
from emulator.cloud import PROJECT, LocalCloud
from emulator.fiksio import SCOPE, Account, Door, FiksIO
from emulator.processes import answers_http, free_ports
from emulator.rabbitmq import RabbitMQ
from emulator.tokens import fetch_token
from emulator.topology import ROOT
from tests.emulated.clouds import running
from tests.unit.service_world import REPORTER, right

pytestmark = [
    pytest.mark.local_cloud,
    pytest.mark.skipif(rabbitmq.program() is None, reason=rabbitmq.ABSENT),
]
SENDER = "f1c50000-0000-4000-8000-000000000001"
US = Config.model_fields["konto_id"].default


class Whole:
    """The local cloud with Fiks IO beside it, and the connector as a process."""

    def __init__(self, cloud: LocalCloud, fiks: FiksIO, environment: dict[str, str], pki: Pki) -> None:
        self.cloud, self.fiks, self.environment, self.pki = cloud, fiks, environment, pki
        (self.port,) = free_ports(1)
        self.own = pki.business(REPORTER.organisasjonsnummer, key=pki.sender_key)
        self.register = certificates(Path(cloud.environment["BVR_TEST_PKI"]) / "register.pem")[0]

    def connector(self) -> subprocess.Popen[bytes]:
        log = (self.cloud.run_dir / "logs" / "connector.log").open("ab")
        return subprocess.Popen(
            [sys.executable, str(ROOT / "functions" / "connector.py")],
            env=os.environ | self.environment | {"PYTHONPATH": str(ROOT / "functions"), "PORT": str(self.port)},
            stdout=log,
            stderr=log,
        )

    def token(self) -> str:
        client = self.cloud.tokens.client("registeret")  # any that has the scope
        return fetch_token(self.cloud.tokens.issuer, client.client_id, Path(client.key_file).read_text(), SCOPE)

    def send(self, number: int) -> str:
        """A case, sealed and posted to Fiks IO as a case system does; its melding-id."""
        case = encode(document(sak(personalia(), melding(slutt="2024-02-05"))))
        case = case.replace(b"-0000-4000-", f"-0000-4f{number:02}-".encode())
        me = self.fiks.accounts[SENDER]
        metadata = {
            "avsenderKontoId": SENDER,
            "mottakerKontoId": US,
            "meldingType": SUBMIT,
            "ttl": 3_600_000,
            "headere": {
                "klientMeldingId": str(uuid4()),
                "klientKorrelasjonsId": f"samtale-{number}",
                "xsdVersion": "4.0.1",
            },
        }
        answer = requests.post(
            f"{self.fiks.url}/fiks-io/api/v1/send",
            files={
                "metadata": ("metadata", json.dumps(metadata), "application/json"),
                "data": ("data", seal({"sak.xml": case}, self.own, self.register), "application/octet-stream"),
            },
            headers={
                "Authorization": f"Bearer {self.token()}",
                "IntegrasjonId": me.integration,
                "IntegrasjonPassord": me.password,
            },
            timeout=30,
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["meldingId"])

    def opened(self, body: bytes) -> dict[str, Any]:
        """An answer as its receiver reads it."""
        mine = Opener(keys=PemKeys([self.own.key]), trust=Trust.of(pem_of(self.pki.root)))
        found = mine.open(body, datetime.now(UTC))
        assert isinstance(found, Opened), found
        return dict(json.loads(found.files[found.root]))

    def answers(self, wanted: set[str], seconds: float = 60) -> dict[str, tuple[dict[str, Any], bytes]]:
        """What has come to the sender's account, by the message it answers."""
        found: dict[str, tuple[dict[str, Any], bytes]] = {}
        until = time.monotonic() + seconds
        while not wanted <= found.keys() and time.monotonic() < until:
            for headers, body in self.fiks.waiting(SENDER):
                found[headers["svar-til"]] = (headers, body)
            time.sleep(0.2)
        return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    before = dict(os.environ)
    with Door() as door, RabbitMQ(door.url) as broker:
        fiks = FiksIO(broker.port, [Account(US, ""), Account(SENDER, "")], door=door)
        fiks.start()
        ours = fiks.accounts[US]
        os.environ.update(
            {
                "BVR_FIKSIO_API": fiks.url,
                "BVR_FIKSIO_HOST": "127.0.0.1",
                "BVR_FIKSIO_PORT": str(broker.port),
                "BVR_FIKSIO_TLS": "false",
                "BVR_FIKSIO_INTEGRATION_ID": ours.integration,
            }
        )
        secret = tmp_path_factory.mktemp("fiks") / "passord"
        secret.write_text(ours.password)
        more = {name: value for name, value in os.environ.items() if name.startswith("BVR_FIKSIO_")}
        more["BVR_FIKSIO_PASSWORD"] = str(secret)
        with running(functions=["mottak", "utsending"], more=more) as cloud:
            door.tokens = fiks.tokens = Verifier(cloud.tokens.issuer, "", fetch_json)
            pki = Pki.read(Path(cloud.environment["BVR_TEST_PKI"]))
            own = pki.business(REPORTER.organisasjonsnummer, key=pki.sender_key)
            fiks.accounts[SENDER].certificate = pem_of(own.certificate).decode()
            cloud.add_senders([right(konto_id=SENDER, fiksio=True)])
            yield Whole(cloud, fiks, more, pki)
        fiks.stop()
    os.environ.clear()
    os.environ.update(before)


def test_there_and_back_and_over_a_connector_that_is_killed(whole: Whole) -> None:
    connector = whole.connector()
    try:
        first = whole.send(1)
        answers = whole.answers({first})
        headers, body = answers[first]
        assert headers["type"] == RECEIPT
        assert headers["egendefinert-header.klientKorrelasjonsId"] == "samtale-1"
        assert whole.opened(body)["resultat"] == "GODKJENT"

        # Killed in the middle of ten messages, wherever that is; another takes over, and every one has one answer.
        ids = {whole.send(number) for number in range(2, 12)}
        connector.send_signal(signal.SIGKILL)
        connector.wait(10)
        connector = whole.connector()
        answers = whole.answers(ids, 90)
        assert ids <= answers.keys()
        kinds = {headers["type"] for headers, _ in answers.values()}
        assert kinds == {RECEIPT}
        until = time.monotonic() + 30  # the new one may still be starting: the answers can all be the first one's work
        while not answers_http(f"http://127.0.0.1:{whole.port}/"):
            assert time.monotonic() < until
            time.sleep(0.2)
        connector.send_signal(signal.SIGTERM)
        assert connector.wait(30) == 0
    finally:
        connector.kill()


def test_what_lies_beside_the_queue_what_is_too_large_and_what_nobody_can_read(whole: Whole) -> None:
    """Through real storage: a case from beside the queue, one of 11 MB, garbage, and a header that is no id."""
    whole.fiks.inline = 1000
    beside = whole.send(20)
    (stored,) = whole.fiks.stored.values()
    about = {"type": SUBMIT, "avsender-id": SENDER, "egendefinert-header.xsdVersion": "4.0.1"}
    large, garbage, wrong = (str(uuid4()) for _ in range(3))
    whole.fiks.put(US, about | {"melding-id": large}, os.urandom(11_000_000), store=True)
    whole.fiks.inline = 5_000_000
    whole.fiks.put(US, about | {"melding-id": garbage}, b"0garbage")
    whole.fiks.put(US, about | {"melding-id": wrong, "svar-til": "not a uuid"}, b"0garbage")
    connector = whole.connector()
    try:
        answers = whole.answers({beside, large, garbage, wrong})
    finally:
        connector.send_signal(signal.SIGTERM)
        assert connector.wait(30) == 0
    told = {melding: whole.opened(body) for melding, (_, body) in answers.items()}
    assert told[beside]["resultat"] == "GODKJENT"
    assert told[large]["feilkode"] == "FOR_STOR"
    assert "11000000" in told[large]["feilmelding"] + json.dumps(told[large]["detaljer"])
    assert told[garbage]["feilkode"] == "PAKKE_UGYLDIG"
    assert "svar-til" in json.dumps(told[wrong])
    names = {blob.name: blob.size for blob in storage.Client().list_blobs(f"{PROJECT}-arkiv", prefix=f"raa/{SENDER}/")}
    assert names[f"raa/{SENDER}/{large}-stor"] == 11_000_000
    assert names[f"raa/{SENDER}/{beside}"] == len(stored)
