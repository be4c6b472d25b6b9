"""The other ways in, on the local cloud: notifications, KOSTRA files and HTTP, through the official clients."""

from __future__ import annotations

import html
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

from bvr.hendelse.pull import SCOPE as PULL_SCOPE
from bvr.intake.protocol import EVENT_CHANGED, KOSTRA_RECEIPT, KOSTRA_SUBMIT
from bvr.kostra.rules.examples import avgiver, individ, melding, nummer, tiltak
from bvr.kostra.xml import encode as kostra
from bvr.model.json_form import to_json
from bvr.simulate import Submission, simulate
from bvr.simulate.population import Kommune, kommuner
from emulator.cloud import LocalCloud
from emulator.tokens import fetch_token
from tests.emulated.clouds import running

pytestmark = pytest.mark.local_cloud
Answers = dict[str, list[tuple[dict[str, str], dict[str, Any]]]]  # melding-id answered -> its answers


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with running() as found:
        yield found


@pytest.fixture(scope="module")
def submissions() -> list[Submission]:
    """The last submission of each of some cases, with nothing planted that no schema accepts."""
    found = {s.document.sak.id: s for s in simulate(4, 30, 6, 77) if not s.note.invalid and s.version == "4.0.1"}
    return list(found.values())[:12]


def publish(
    topic: str, messages: list[tuple[bytes, dict[str, str]]], until: Callable[[Answers], bool], seconds: float = 90
) -> Answers:
    from bvr import gcp
    from bvr.config import config

    c = config()
    topics = gcp.publisher(c.project)
    answers: Answers = {}
    with gcp.Inbox(c.project, c.topic_kvittering, None) as inbox:
        for data, attributes in messages:
            topics.publish(topic, data, attributes)
        for data, attributes in inbox.messages(seconds):
            answers.setdefault(attributes["svar-til"], []).append((attributes, json.loads(data or b"{}")))
            if until(answers):
                break
    return answers


def event(s: Submission, reference: str, extract: datetime | None = None) -> tuple[bytes, dict[str, str]]:
    who = s.document.avgiver
    content = {
        "hendelseId": str(uuid4()),
        "type": EVENT_CHANGED,
        "tidspunkt": s.sent.isoformat(),
        "avgiver": {
            "organisasjonsnummer": who.organisasjonsnummer,
            "kommunenummer": who.kommunenummer,
            **({"bydelsnummer": who.bydelsnummer} if who.bydelsnummer else {}),
        },
        "referanse": reference,
        "datoUttrekk": (extract or s.document.dato_uttrekk).isoformat(),
    }
    about = {"melding-id": str(uuid4()), "avsender-id": s.avsender_id, "type": EVENT_CHANGED}
    return json.dumps(content).encode(), about


def secrets_in(told: bytes, s: Submission) -> set[str]:
    """What stands in a case, and should stand nowhere else, and does."""
    sak = s.document.sak
    numbers = {p.fodselsnummer for p in sak.personalia} | {p.duf_nummer for p in sak.personalia}
    free = {m.presisering for e in sak.melding for m in (*e.melder, *e.saksinnhold)}
    read = html.unescape(told.decode(errors="replace")).lower()
    return {secret for secret in {sak.id, sak.journalnummer} | numbers | free if secret and secret.lower() in read}


def final(answers: Answers, melding_id: str) -> dict[str, Any] | None:
    """The answer that is not "received"."""
    return next((b for a, b in answers.get(melding_id, ()) if not a["type"].endswith(".mottatt")), None)


def test_notifications_become_cases_and_nothing_in_them_identifies_a_child(
    cloud: LocalCloud, submissions: list[Submission]
) -> None:
    """Every event, its dead letters and all logs are searched for everything that stands in the cases."""
    from bvr import gcp
    from bvr.config import config

    references = {f"synthetic-reference-{n:04}-x": s for n, s in enumerate(submissions)}
    for reference, s in references.items():
        cloud.kommune.put(reference, s.xml, s.version)
    events = {about["melding-id"]: (body, about) for body, about in (event(s, r) for r, s in references.items())}
    answers = publish("hendelse", list(events.values()), lambda a: all(final(a, m) for m in events))
    for melding_id in events:
        kinds = [about["type"] for about, _ in answers[melding_id]]
        assert f"{EVENT_CHANGED}.mottatt" in kinds
        assert final(answers, melding_id)["meldeplikt"] == "OPPFYLT"  # type: ignore[index]
    query = gcp.queries(config()).query
    stored = {r["innsending_id"] for r in query("SELECT DISTINCT innsending_id FROM register.innsending")}
    assert {s.document.id.lower() for s in submissions} <= stored
    met = query("SELECT DISTINCT hendelse_id FROM drift.henting WHERE meldeplikt = 'OPPFYLT'")
    assert len(met) == len(events)

    told = b"".join(body + json.dumps(about).encode() for body, about in events.values())
    told += b"".join(cloud.log(name).read_bytes() for name in ("henting", "mottak", "utsending"))
    told += json.dumps([about for found in answers.values() for about, _ in found]).encode()
    for s in submissions:
        assert not secrets_in(told, s)


def test_a_municipality_that_is_down_loses_nothing_and_holds_up_nobody(
    cloud: LocalCloud, submissions: list[Submission]
) -> None:
    """It comes back, and Pub/Sub has waited; meanwhile another is served at once."""
    first, second = submissions[0], next(s for s in submissions if s.avsender_id != submissions[0].avsender_id)
    down, up = "reference-of-who-is-down-1", "reference-of-who-is-up-001"
    later = [s.xml for s in (first, second)]
    for reference, xml, s in ((down, later[0], first), (up, later[1], second)):
        cloud.kommune.put(reference, xml, s.version)
    cloud.kommune.faults[down] = "down"
    waiting, quick = event(first, down), event(second, up)
    publish("hendelse", [waiting], lambda a: waiting[1]["melding-id"] in a)
    while down not in cloud.kommune.asked:  # it fails before the other is told of
        time.sleep(0.05)
    started = time.monotonic()
    answers = publish("hendelse", [quick], lambda a: final(a, quick[1]["melding-id"]) is not None)
    assert final(answers, quick[1]["melding-id"])["meldeplikt"] == "OPPFYLT"  # type: ignore[index]
    assert time.monotonic() - started < 10
    assert final(answers, waiting[1]["melding-id"]) is None
    del cloud.kommune.faults[down]
    answers = publish("hendelse", [], lambda a: final(a, waiting[1]["melding-id"]) is not None)
    assert final(answers, waiting[1]["melding-id"])["meldeplikt"] == "OPPFYLT"  # type: ignore[index]


# --- KOSTRA ----------------------------------------------------------------------------------------------------------


def own_kommune() -> Kommune:
    return next(k for k in kommuner() if not k.bydeler)


def kostra_file(k: Kommune, *, bad: int = 0, count: int = 20) -> bytes:
    clients = [
        individ(
            tiltak(),
            *([melding()] if n >= bad else []),
            journalnummer=f"J{n}",
            id=str(n),
            nr=nummer(f"2012-{1 + n % 12:02}-{1 + n // 12:02}"),
            start="2020-01-01" if n >= bad else "2024-06-01",
            slutt=None if n >= bad else "2024-01-01",
        )
        for n in range(count)
    ]
    return kostra(avgiver(organisasjonsnummer=k.orgnr, kommunenummer=k.number, kommunenavn=k.name), clients)


def test_a_kostra_file_as_a_message_and_as_an_upload(cloud: LocalCloud) -> None:
    from google.cloud import storage

    from bvr import gcp
    from bvr.config import config

    c = config()
    k = own_kommune()
    about = {
        "melding-id": str(uuid4()),
        "avsender-id": k.account,
        "type": KOSTRA_SUBMIT,
        "rapporteringsaar": "2024",
    }
    answers = publish("innsending", [(kostra_file(k, bad=1), about)], lambda a: about["melding-id"] in a)
    ((kind, receipt),) = answers[about["melding-id"]]
    assert kind["type"] == KOSTRA_RECEIPT
    assert receipt["resultat"] == "IKKE_GODKJENT"
    assert receipt["antall"]["klienterMedFeil"] == 1
    assert "heller ikke de 19 uten feil" in receipt["beskjed"]
    bucket, _, name = receipt["rapport"]["html"].removeprefix("gs://").partition("/")
    page = storage.Client().bucket(bucket).blob(name).download_as_bytes()
    assert b"Journalnummer" in page

    query = gcp.queries(c).query
    assert query("SELECT COUNT(*) AS n FROM register.kostra_gjeldende")[0]["n"] == 0
    uploads = storage.Client().bucket(c.bucket(c.bucket_kostra))

    def answered(a: Answers) -> bool:
        return any(about["type"] == KOSTRA_RECEIPT for found in a.values() for about, _ in found)

    uploads.blob(f"{k.number}/2024/uttrekk.xml").upload_from_string(kostra_file(k))
    answers = publish("innsending", [], answered)
    (found,) = answers.values()
    assert found[0][1]["resultat"] in ("GODKJENT", "GODKJENT_MED_ADVARSLER")
    assert query("SELECT COUNT(*) AS n FROM register.kostra_gjeldende WHERE aargang = 2024")[0]["n"] == 20
    log = cloud.log("kostra").read_bytes() + cloud.log("kostra-fil").read_bytes()
    assert nummer("2012-01-01").encode() not in log
    assert b"J0" not in log


# --- HTTP ------------------------------------------------------------------------------------------------------------


def test_cases_as_json_over_http(cloud: LocalCloud, submissions: list[Submission]) -> None:
    """A municipality with a token sends its cases in one call, and has its receipts in the answer."""
    mine = [s for s in submissions if s.avsender_id == submissions[0].avsender_id]
    k = next(k for k in kommuner() if k.account == mine[0].avsender_id)
    client = cloud.tokens.client("kommune")
    registered = json.loads(cloud.tokens.clients_file.read_text())
    for one in registered:
        one["organisation"] = k.orgnr if one["name"] == "kommune" else one["organisation"]
    cloud.tokens.clients_file.write_text(json.dumps(registered))
    url = cloud.url("innsending-api")
    token = fetch_token(
        cloud.environment["BVR_MASKINPORTEN_ISSUER"],
        client.client_id,
        Path(client.key_file).read_text(),
        "ssb:barnevern/innrapportering.write",
        cloud.environment.get("BVR_API_AUDIENCE"),
    )
    body = {"innsendinger": [json.loads(to_json(s.document, s.version)) for s in mine]}
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.post(f"{url}v1/innsendinger", json=body, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    found = answer.json()["kvitteringer"]
    assert [a["nummer"] for a in found] == list(range(1, len(mine) + 1))
    refused = requests.post(f"{url}v1/innsendinger", json=body, timeout=60)
    assert refused.status_code == 401
    assert refused.headers["content-type"] == "application/problem+json"
    assert PULL_SCOPE not in token
    assert datetime.now(UTC)
