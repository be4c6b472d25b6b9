"""The main job on the local cloud, through the official clients: messages in, receipts, rows, figures, an extract."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
import requests
from click.testing import CliRunner

from bvr import gcp, wiring
from bvr.cli import main
from bvr.config import config
from bvr.desk import SEALED_TYPE
from bvr.intake.sealed import Opener
from bvr.intake.sealed.keys import PemKeys, certificates
from bvr.intake.sealed.seal import seal
from bvr.intake.sealed.trust import Trust
from bvr.intake.sender import Right
from bvr.model.xml import encode
from bvr.reconcile import reconcile
from bvr.rules.examples import BOY, document, melding, personalia, sak
from bvr.sealing import REGISTER_ORGNR
from bvr.simulate import Submission, simulate
from bvr.simulate.senders import SUPPLIER_ACCOUNT, SUPPLIER_ORGNR
from bvr.statistics.declared import scheduled
from bvr.testpki import Pki, pem_of
from emulator import schemas
from emulator.cloud import LocalCloud
from emulator.tokens import fetch_token
from tests.emulated.clouds import running
from tests.unit.service_world import REPORTER, native, right

pytestmark = [pytest.mark.local_cloud, pytest.mark.timeout(240)]

SEED = 11


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with running() as found:
        found.add_senders(_senders(found))
        yield found


SEALED_ACCOUNT = "5ea1ed00-0000-4000-8000-000000000001"


def _senders(cloud: LocalCloud) -> list[Right]:
    """Who sends in these tests beside the synthetic municipalities."""
    pki = Pki.read(Path(cloud.environment["BVR_TEST_PKI"]))
    own = pki.business(REPORTER.organisasjonsnummer, key=pki.sender_key)
    return [
        right(),
        right(konto_id=SUPPLIER_ACCOUNT, orgnr=SUPPLIER_ORGNR, rolle="leverandor"),
        right(konto_id=SEALED_ACCOUNT, sertifikat=pem_of(own.certificate).decode()),
    ]


@pytest.fixture(scope="module")
def submissions() -> list[Submission]:
    return list(simulate(8, 60, 6, SEED))


class Sent:
    """Submissions and the answers to them."""

    def __init__(self, answers: dict[str, tuple[dict[str, Any], dict[str, str]]]) -> None:
        self.answers = answers

    def body(self, melding_id: str) -> dict[str, Any]:
        return self.answers[melding_id][0]


def publish(
    messages: list[tuple[bytes, dict[str, str]]], seconds: float = 90, read: Callable[[bytes], Any] = json.loads
) -> Sent:
    """Publish, and wait until each melding-id has its answer (or the time is out). `read` makes sense of an answer."""
    from bvr import gcp
    from bvr.config import config

    c = config()
    topics = gcp.publisher(c.project)
    expected = {attributes["melding-id"] for _, attributes in messages if "melding-id" in attributes}
    answers: dict[str, tuple[dict[str, Any], dict[str, str]]] = {}
    with gcp.Inbox(c.project, c.topic_kvittering, None) as inbox:
        for data, attributes in messages:
            topics.publish(c.topic_innsending, data, attributes)
        for data, attributes in inbox.messages(seconds):
            answers[attributes["svar-til"]] = (read(data), attributes)
            if expected <= answers.keys():
                break
    return Sent(answers)


@pytest.fixture(scope="module")
def sent(cloud: LocalCloud, submissions: list[Submission]) -> Sent:
    return publish([(s.body, s.attributes) for s in submissions])


def test_every_submission_has_its_receipt(sent: Sent, submissions: list[Submission]) -> None:
    assert {s.melding_id for s in submissions} <= sent.answers.keys()


def test_the_receipt_says_what_was_planted(sent: Sent, submissions: list[Submission]) -> None:
    from bvr.rules import RULES

    for s in submissions:
        body = sent.body(s.melding_id)
        if s.note.invalid:
            assert body.get("severity") == "FATAL" or body["feilkode"] in ("XSD_UGYLDIG", "XML_UGYLDIG")
            continue
        if s.native:
            told = {f["regelId"] for f in body["funn"]}
            assert set(s.note.planted) <= told
        else:
            told = {e["ruleName"] for e in body.get("reportEntries", ())}
            assert {RULES[rule].official for rule in s.note.planted} <= told
        if not s.note.planted:
            assert body.get("severity") != "ERROR"
            assert body.get("resultat") != "LAGRET_IKKE_GODKJENT"


def test_rows_reconcile_with_what_was_sent(sent: Sent, submissions: list[Submission]) -> None:
    """Every content has its row; history and current register follow from the submissions."""
    from bvr import gcp
    from bvr.config import config

    query = gcp.queries(config()).query
    stored = {r["id"] for r in query("SELECT DISTINCT innsending_id AS id FROM register.sak_historikk")}
    assert stored == {s.document.id.lower() for s in submissions if not s.note.invalid}
    newest: dict[tuple[str, str], tuple[Any, str, bool]] = {}
    for s in submissions:
        if s.note.invalid:
            continue
        key = (s.document.avgiver.organisasjonsnummer, s.document.sak.id.lower())
        body = sent.body(s.melding_id)
        excluded = body.get("severity") == "ERROR" or body.get("resultat") == "LAGRET_IKKE_GODKJENT"
        candidate = (s.document.dato_uttrekk, s.document.id.lower(), excluded)
        if key not in newest or candidate[0] >= newest[key][0]:
            newest[key] = candidate
    expected = {
        (orgnr, sak_id, innsending) for (orgnr, sak_id), (_, innsending, excluded) in newest.items() if not excluded
    }
    rows = query("SELECT orgnr, sak_id, innsending_id FROM register.sak_gjeldende")
    assert {(r["orgnr"], r["sak_id"], r["innsending_id"]) for r in rows} == expected


@pytest.fixture(scope="module")
def at(sent: Sent, submissions: list[Submission]) -> datetime:
    """As of now, when all has been processed: figures hold what was known by then."""
    return max(datetime.now(UTC), max(s.sent for s in submissions).astimezone(UTC) + timedelta(days=1))


@pytest.fixture(scope="module")
def runs(cloud: LocalCloud, at: datetime) -> dict[str, dict[str, Any]]:
    """The first run of the scheduled queries."""
    found: dict[str, dict[str, Any]] = cloud.trigger("sporringer", at).json()["kjoringer"]
    return found


def test_figures_and_extract(
    cloud: LocalCloud, at: datetime, runs: dict[str, dict[str, Any]], submissions: list[Submission]
) -> None:
    assert {name: (run["utfall"], run["grunn"]) for name, run in runs.items()} == {
        **{query.name: ("OK", "") for query in scheduled(schemas.SCHEMAS)},
        "avvik_daglig": ("OK", ""),
    }
    again = cloud.trigger("sporringer", at).json()["kjoringer"]
    kept = {query.name for query in scheduled(schemas.SCHEMAS)}  # and not made again
    assert again == {name: {**run, "utfall": "UENDRET" if name in kept else "OK"} for name, run in runs.items()}
    env = cloud.environment
    address = f"{env['BVR_API_URL']}/tables/bvr-meldinger-mottatt/data"
    refused = requests.get(address, timeout=30)
    assert refused.status_code == 401
    assert refused.headers["content-type"] == "application/problem+json"
    stranger = _token(env, "BVR_STRANGER_", "ssb:barnevern/noe.annet")
    if stranger:
        forbidden = requests.get(address, headers={"Authorization": f"Bearer {stranger}"}, timeout=30)
        assert forbidden.status_code == 403
    token = _token(env, "BVR_", "ssb:barnevern/uttrekk.read")
    answer = requests.get(address, headers={"Authorization": f"Bearer {token}"}, timeout=30)
    assert answer.status_code == 200
    dataset = answer.json()
    assert dataset["version"] == "2.0"
    assert set(dataset["dimension"]["Region"]["category"]["index"]) == {
        s.document.avgiver.kommunenummer for s in submissions if not s.note.invalid
    }
    again_answer = requests.get(
        address, headers={"Authorization": f"Bearer {token}", "If-None-Match": answer.headers["etag"]}, timeout=30
    )
    assert again_answer.status_code == 304
    csv = requests.get(
        address, params={"outputFormat": "csv"}, headers={"Authorization": f"Bearer {token}"}, timeout=30
    )
    assert csv.text.lstrip("\ufeff").startswith("Region;ContentsCode;Tid;value;status")


def test_everything_balances(cloud: LocalCloud, sent: Sent) -> None:
    assert cloud.trigger("avstemming").json() == {"avstemt": True, "varsler": 0}
    tables = gcp.queries(config())
    (kept,) = tables.query("SELECT * FROM drift.avstemming")
    assert kept["arkivert"] == kept["besvart"] >= len(sent.answers)
    # As it is seen later, when nothing may be on its way any more.
    later = msgspec.structs.replace(wiring.desk(), clock=lambda: datetime.now(UTC) + timedelta(hours=3))
    found = reconcile(later, tables, mend=False)
    assert found.counts.balances, found.differences
    assert found.counts.kvitteringer == kept["kvitteringer"] > 0


def test_the_archive_gives_the_register_and_its_figures_back(
    cloud: LocalCloud, at: datetime, runs: dict[str, dict[str, Any]]
) -> None:
    """Rows, entries and receipts are gone. Which of two came first, in the same second, the archive does not say: for
    one submission id the ledger still does, and the place in the chain and whose repeat is a repeat are not compared.
    """
    tables, c = gcp.queries(config()), config()
    columns = "innsending_id, orgnr, sak_id, utfall, antall_error, kvitterings_id, innhold_sha256"
    asked = f"SELECT DISTINCT {columns} FROM register.innsending ORDER BY kvitterings_id"
    rows = tables.query(asked)
    tables.query("DELETE FROM register.innsending WHERE TRUE")
    for blob in gcp.storage_client(c.project).list_blobs(c.bucket(c.bucket_protokoll)):
        if not blob.name.startswith("innsending/"):
            blob.delete()
    done = CliRunner().invoke(main, ["replay", "--restore", "--rate", "0"])
    assert done.exit_code == 0, done.output
    assert f"{len(rows)} gjenopprettet" in done.output
    assert tables.query(asked) == rows
    assert cloud.trigger("avledning-alt").ok
    after = cloud.trigger("sporringer", at).json()["kjoringer"]
    figures = [query.name for query in scheduled(schemas.SCHEMAS)]
    assert len(figures) >= 10
    same = ("rader", "sha256")
    assert {n: [after[n][one] for one in same] for n in figures} == {n: [runs[n][one] for one in same] for n in figures}


def _token(env: dict[str, str], prefix: str, scope: str) -> str | None:
    try:
        return fetch_token(
            env["BVR_MASKINPORTEN_ISSUER"],
            env[f"{prefix}CLIENT_ID"],
            Path(env[f"{prefix}CLIENT_KEY"]).read_text(encoding="utf-8"),
            scope,
            env["BVR_API_AUDIENCE"],
        )
    except Exception:
        if prefix == "BVR_":
            raise
        return None  # the issuer does not give a stranger that scope at all


def test_bad_messages_do_not_disturb_good_ones(cloud: LocalCloud) -> None:
    good = encode(document(sak(personalia(), melding(slutt="2024-02-05"), journalnummer="hemmelig")))
    bad = [native(b"", 901), native(b"<a", 902), native(good, 903, xsd_versjon="7"), native(b"\x00" * 100, 904)]
    messages = [(m.body, m.attributes) for m in bad]
    messages.append((b"", {"melding-id": str(uuid4())}))  # attributes only, and not all of them
    messages += [(native(good.replace(b"-0000-4000-", b"-0000-4999-"), 905).body, native(good, 905).attributes)]
    answers = publish(messages)
    assert answers.body(native(good, 905).attributes["melding-id"])["resultat"] == "GODKJENT"
    assert {answers.body(m.attributes["melding-id"])["feilkode"] for m in bad} == {"XML_UGYLDIG", "XSD_VERSJON_UKJENT"}


def test_a_claim_check_through_cloud_storage(cloud: LocalCloud) -> None:
    from bvr import gcp
    from bvr.config import config

    c = config()
    xml = encode(document(sak(personalia(), melding(slutt="2024-02-05")))).replace(b"-0000-4000-", b"-0000-4777-")
    bucket = gcp.storage_client(c.project).bucket(c.bucket(c.bucket_innboks))
    blob = bucket.blob(f"prøve/{uuid4()}.xml")
    blob.upload_from_string(xml, if_generation_match=0)
    message = native(b"", 910, dataref=f"gs://{bucket.name}/{blob.name}", generation=str(blob.generation))
    answers = publish([(b"", message.attributes)])
    assert answers.body(message.attributes["melding-id"])["resultat"] == "GODKJENT"


def test_a_sealed_message_there_and_back(cloud: LocalCloud) -> None:
    """As a municipality over Fiks IO: signed by it, encrypted to the register; the answer comes back the same way."""
    pki = Pki.read(Path(cloud.environment["BVR_TEST_PKI"]))
    register = certificates(Path(cloud.environment["BVR_TEST_PKI"]) / "register.pem")[0]
    own = pki.business(REPORTER.organisasjonsnummer, key=pki.sender_key)
    account = SEALED_ACCOUNT
    case = encode(document(sak(personalia(), melding(slutt="2024-02-05")))).replace(b"-0000-4000-", b"-0000-45ea-")
    whole = native(b"", 931, avsender_id=account, content_type=SEALED_TYPE).attributes
    body = seal({"sak.xml": case}, own, register)
    mine = Opener(keys=PemKeys([own.key]), trust=Trust.of(pem_of(pki.root)))

    answers = publish([(body, whole)], read=lambda data: mine.open(data, datetime.now(UTC)))
    opened, attributes = answers.answers[whole["melding-id"]]
    assert attributes["content-type"] == SEALED_TYPE
    assert opened.root == "kvittering.json"
    assert opened.signer.orgnr == REGISTER_ORGNR
    assert json.loads(opened.files["kvittering.json"])["resultat"] == "GODKJENT"

    # The same, signed by somebody else: told nothing, and not even whether the case is known.
    stranger = pki.business(REGISTER_ORGNR, key=pki.sender_key)
    forged = native(b"", 932, avsender_id=account, content_type=SEALED_TYPE).attributes
    answers = publish(
        [(seal({"sak.xml": case}, stranger, register), forged)], read=lambda data: mine.open(data, datetime.now(UTC))
    )
    opened, _ = answers.answers[forged["melding-id"]]
    refusal = json.loads(opened.files["feilmelding.json"])
    assert refusal["feilkode"] == "AVGIVER_IKKE_TILLATT"
    assert not refusal["duplikat"]


def test_the_same_message_again_is_one_submission(cloud: LocalCloud) -> None:
    xml = encode(document(sak(personalia(), melding(slutt="2024-02-05")))).replace(b"-0000-4000-", b"-0000-4888-")
    first, second = native(xml, 920), native(xml, 921)
    one = publish([(first.body, first.attributes)])
    two = publish([(second.body, second.attributes)])
    a, b = one.body(first.attributes["melding-id"]), two.body(second.attributes["melding-id"])
    assert a["kvitteringsId"] == b["kvitteringsId"]
    assert (a["duplikat"], b["duplikat"]) == (False, True)


def test_nothing_is_left_open_and_the_sweeper_finds_nothing(cloud: LocalCloud, sent: Sent) -> None:
    assert cloud.trigger("feiing").json() == {"vekket": 0}


def test_no_identifier_in_logs_answers_or_tables(cloud: LocalCloud, sent: Sent, submissions: list[Submission]) -> None:
    """A scan of everything but the archive for every person number that was sent."""
    from bvr import gcp
    from bvr.config import config

    c = config()
    numbers = {p.fodselsnummer for s in submissions for p in s.document.sak.personalia} | {BOY}
    numbers |= {p.duf_nummer for s in submissions for p in s.document.sak.personalia if p.duf_nummer}
    texts = {f"log {path.name}": path.read_text("utf-8", "replace") for path in (cloud.run_dir / "logs").glob("*.log")}
    texts |= {
        f"answer {k}": json.dumps(body) + json.dumps(attributes) for k, (body, attributes) in sent.answers.items()
    }
    client = gcp.storage_client(c.project)
    for blob in client.list_blobs(c.bucket(c.bucket_protokoll)):
        texts[f"object {blob.name}"] = blob.name + blob.download_as_bytes().decode("utf-8", "replace")
    tables = gcp.queries(c)
    for dataset in client_datasets(tables):
        for table in tables.client.list_tables(dataset):
            rows = tables.query(f"SELECT TO_JSON_STRING(t) AS json FROM {dataset}.{table.table_id} AS t")
            texts[f"{dataset}.{table.table_id}"] = "\n".join(row["json"] for row in rows)
    assert any(texts[name] for name in texts if name.startswith("register."))
    for where, text in texts.items():
        found = {number for number in numbers if number in text}
        assert not found, f"{len(found)} identifiers in {where}"


def client_datasets(tables: Any) -> list[str]:
    return [d.dataset_id for d in tables.client.list_datasets()]


def test_a_smoke_test_of_a_deployment(cloud: LocalCloud) -> None:
    done = CliRunner().invoke(main, ["smoke", "--timeout", "30"])
    assert done.exit_code == 0, done.output
    assert done.output.startswith("GODKJENT after ")


def test_bvr_send_shows_the_receipt(cloud: LocalCloud, tmp_path: Path) -> None:
    """As a supplier's developer does, in a process of its own."""
    xml = encode(document(sak(personalia(), melding(slutt="2024-02-12")))).replace(b"-0000-4000-", b"-0000-4666-")
    case = tmp_path / "sak.xml"
    case.write_bytes(xml)
    command = [str(Path(sys.executable).parent / "bvr"), "send", str(case), "--wait", "--timeout", "60"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=90, env={**os.environ, **cloud.environment}, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "MESSAGE_03" in done.stdout
    assert "WARNING" in done.stdout
