"""What cannot be delivered and what we break on, in the local cloud: kept, and nothing of it identifies a child."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
from google.cloud import bigquery

from bvr.simulate import Submission, simulate
from emulator import topology
from emulator.cloud import LocalCloud
from emulator.topology import DeadLetter, Retry, Topology
from tests.emulated.clouds import running
from tests.emulated.test_ways_in import event, secrets_in
from tests.infrastructure.series import ringing, values

pytestmark = pytest.mark.local_cloud
FAULTS = ("down", "html", "wrong-etag", "cut", "zipbomb")
SECONDS = 60


def impatient() -> Topology:
    """The topology, with as few attempts and as short pauses as Pub/Sub allows: the declared ones take an hour."""
    declared = topology.load()
    pull = declared.subscriptions["hendelse-henting"]
    assert pull.dead_letter is not None
    changed = pull.model_copy(
        update={
            "retry": Retry(minimum_backoff_seconds=0, maximum_backoff_seconds=1),
            "dead_letter": DeadLetter(topic=pull.dead_letter.topic, max_delivery_attempts=5),
        }
    )
    return declared.model_copy(update={"subscriptions": {**declared.subscriptions, "hendelse-henting": changed}})


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with running(topology=impatient(), functions=["henting", "utsending"]) as found:
        yield found


@pytest.fixture(scope="module")
def submissions() -> list[Submission]:
    found = {s.document.sak.id: s for s in simulate(4, 30, 6, 78) if not s.note.invalid and s.version == "4.0.1"}
    return list(found.values())[: len(FAULTS) + 1]


def _now(path: str) -> dict[str, Any]:
    """What is there, without waiting for more."""
    return {"subscription": path, "max_messages": 100, "timeout": 10, "retry": None, "return_immediately": True}


def dead(name: str, count: int) -> dict[str, tuple[bytes, dict[str, str]]]:
    """melding-id -> the message, of the dead letters of a topic: `count` of them, or what comes in time."""
    from google.cloud import pubsub_v1

    from bvr.config import config

    found: dict[str, tuple[bytes, dict[str, str]]] = {}
    until = time.monotonic() + SECONDS
    with pubsub_v1.SubscriberClient() as subscriber:
        path = subscriber.subscription_path(config().project, f"{name}-dead-letter-lager")
        while len(found) < count and time.monotonic() < until:
            answer = subscriber.pull(**_now(path))
            for one in answer.received_messages:
                found[one.message.attributes["melding-id"]] = (one.message.data, dict(one.message.attributes))
            if answer.received_messages:
                acks = [one.ack_id for one in answer.received_messages]
                subscriber.acknowledge(subscription=path, ack_ids=acks)
            time.sleep(0.2)
    return found


def _rings(alarm: str, subscription: str) -> bool:
    """Whether an alarm comes to ring for a subscription."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        if subscription in ringing(alarm, os.environ["PUBSUB_EMULATOR_HOST"], os.environ["GOOGLE_CLOUD_PROJECT"]):
            return True
        time.sleep(0.2)
    return False


def told(cloud: LocalCloud) -> bytes:
    """Every log of the functions, and everything of the ledger that lies there for people to look at."""
    from google.cloud import storage

    from bvr.config import config

    c = config()
    blobs = storage.Client().list_blobs(c.bucket(c.bucket_protokoll))
    kept = [b.name.encode() + b.download_as_bytes() for b in blobs if b.name.startswith(("brutt/", "apne/", "plikt/"))]
    return b"".join([*(cloud.log(name).read_bytes() for name in ("henting", "utsending")), *kept])


def test_events_that_could_not_be_served_are_kept_and_identify_nobody(
    cloud: LocalCloud, submissions: list[Submission]
) -> None:
    """An API that fails until Pub/Sub gives up, in each way that APIs fail; and a register that refuses the row."""
    from bvr import gcp
    from bvr.config import config

    c = config()
    topics = gcp.publisher(c.project)
    *failing, broken = submissions
    # A table without the columns of a case: BigQuery refuses the row, which is our own fault.
    client = bigquery.Client(project=c.project)
    table = f"{c.project}.{c.dataset_register}.innsending"
    client.delete_table(table)
    client.create_table(bigquery.Table(table, [bigquery.SchemaField("innsending_id", "STRING")]))
    reference = "reference-that-we-break-on"
    cloud.kommune.put(reference, broken.xml, broken.version)
    body, about = event(broken, reference)
    topics.publish(c.topic_hendelse, body, about)
    assert _rings("dodbrev", "hendelse-dead-letter-lager"), "and somebody is called"
    ours = dead(c.topic_hendelse, 1)
    assert not values("dodbrev", os.environ["PUBSUB_EMULATOR_HOST"], c.project)["hendelse-dead-letter-lager"]
    ((data, attributes),) = ours.values()
    assert (data, attributes["melding-id"], attributes["feil-steg"]) == (body, about["melding-id"], "append")

    sent: dict[str, tuple[bytes, dict[str, str]]] = {}
    for fault, s in zip(FAULTS, failing, strict=True):
        reference = f"reference-that-fails-{fault}-1"
        cloud.kommune.put(reference, s.xml, s.version)
        cloud.kommune.faults[reference] = fault
        body, about = event(s, reference)
        sent[about["melding-id"]] = (body, about)
        topics.publish(c.topic_hendelse, body, about)
    found = dead(c.topic_hendelse, len(sent))
    assert {melding_id: body for melding_id, (body, _) in found.items()} == {m: body for m, (body, _) in sent.items()}
    assert any("-that-fails-" in reference for reference in cloud.kommune.asked)

    everything = told(cloud) + b"".join(d + json.dumps(a).encode() for d, a in (*found.values(), *ours.values()))
    for s in submissions:
        assert not secrets_in(everything, s)
    # Nor did a fetched case get into the dead letters of cases.
    assert dead_of_cases() == {}


def dead_of_cases() -> dict[str, tuple[bytes, dict[str, str]]]:
    from google.cloud import pubsub_v1

    from bvr.config import config

    with pubsub_v1.SubscriberClient() as subscriber:
        path = subscriber.subscription_path(config().project, "innsending-dead-letter-lager")
        answer = subscriber.pull(**_now(path))
    return {one.message.attributes["melding-id"]: (one.message.data, {}) for one in answer.received_messages}


def test_the_search_finds_what_it_looks_for(submissions: list[Submission]) -> None:
    """A search that cannot fail would prove nothing."""
    for s in submissions:
        assert {s.document.sak.id, s.document.sak.journalnummer} < secrets_in(s.xml, s)
