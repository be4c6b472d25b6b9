"""The Fiks IO connector against a real RabbitMQ: whatever breaks, none is lost, and none is acknowledged early."""

from __future__ import annotations

import json
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pika
import pytest

from bvr.errors import Retry
from bvr.fiksio.connector import Connector
from bvr.intake.protocol import EVENT_CHANGED, SUBMIT
from emulator import rabbitmq
from emulator.fiksio import Account, FiksIO
from emulator.processes import HOST
from emulator.rabbitmq import RabbitMQ
from tests.unit.service_world import Bucket, Topics, World

if rabbitmq.program() is None:
    warnings.warn(rabbitmq.ABSENT, stacklevel=1)
pytestmark = [
    pytest.mark.local_cloud,
    pytest.mark.skipif(rabbitmq.program() is None, reason=rabbitmq.ABSENT),
]
SENDER = str(uuid4())


@pytest.fixture(scope="module")
def broker() -> Iterator[RabbitMQ]:
    with RabbitMQ() as running:
        yield running


class Rig:
    """A connector, its platform, and a record of what happened in which order."""

    def __init__(self, broker: RabbitMQ, **fiks: Any) -> None:
        self.broker = broker
        self.account = str(uuid4())
        self.fiks = FiksIO(broker.port, [Account(self.account, ""), Account(SENDER, "")], **fiks)
        self.world = World()
        self.archive = Bucket(self.world, "prosjekt-arkiv")
        self.topics = Topics(self.world)
        self.order: list[str] = []
        self.connects = 0
        self.down = False

    def connector(self, **how: Any) -> Connector:
        rig = self

        class Watched(Connector):
            def _until_done(self, connection: Any, method: Any, properties: Any, body: bytes) -> None:
                super()._until_done(connection, method, properties, body)
                name = str((properties.headers or {}).get("melding-id"))  # as text, whatever it is
                assert rig.durable(name, body), "about to be acknowledged before it is durable"
                rig.order.append(name)

        return Watched(
            archive=how.pop("archive", self.archive),
            topics=how.pop("topics", self.topics),
            topic_in="innsending",
            topic_events="hendelse",
            account=self.account,
            connect=how.pop("connect", self.connect),
            clock=lambda: datetime.now(UTC),
            wait=how.pop("wait", lambda _: time.sleep(0.05)),
            **how,
        )

    def connect(self) -> pika.BlockingConnection:
        self.connects += 1
        return pika.BlockingConnection(pika.ConnectionParameters(HOST, self.broker.port, heartbeat=30))

    def durable(self, melding_id: str, body: bytes) -> bool:
        """Whether the bytes are archived, and the intake has been told of a message that has an id of its own."""
        kept = [name for name, (stored, _) in self.archive.objects.items() if stored.data == body or not body]
        sound = any(name.startswith("raa/") and melding_id in name for name in kept)
        return bool(kept) and (not sound or melding_id in self.told())

    def send(self, body: bytes = b"forseglet", n: int = 1, **headers: Any) -> list[str]:
        ids = []
        for _ in range(n):
            about = {"melding-id": str(uuid4()), "type": SUBMIT, "avsender-id": SENDER} | headers
            self.fiks.put(self.account, {k: v for k, v in about.items() if v is not None}, body)
            ids.append(str(about["melding-id"]))
        return ids

    def told(self) -> set[str]:
        return {a.get("melding-id", "") for _, _, a, _ in self.world.published}

    def left(self) -> int:
        connection = self.fiks.connection()
        count = connection.channel().queue_declare(f"fiksio.konto.{self.account}", passive=True).method.message_count
        connection.close()
        return int(count)


@contextmanager
def running(connector: Connector) -> Iterator[threading.Thread]:
    thread = threading.Thread(target=connector.run, daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        connector.stop()
        thread.join(30)
        assert not thread.is_alive()


def eventually(check: Callable[[], Any], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < until, "never happened"
        time.sleep(0.05)


def finished(rig: Rig, ids: list[str]) -> bool:
    return set(ids) <= rig.told()


def test_messages_are_kept_told_and_then_acknowledged(broker: RabbitMQ) -> None:
    rig = Rig(broker)
    own = {
        "egendefinert-header.klientMeldingId": str(uuid4()),
        "egendefinert-header.hemmelig": "x",
        "avsender-navn": "N",
    }
    ids = rig.send(n=20, **own)
    with running(rig.connector()):
        eventually(lambda: finished(rig, ids))
    assert rig.left() == 0
    assert sorted(rig.order) == sorted(ids)
    topic, data, about, _ = rig.world.published[0]
    assert topic == "innsending"
    assert data == b""
    assert about["dataref"] == f"gs://prosjekt-arkiv/raa/{SENDER}/{about['melding-id']}"
    assert about["klient-melding-id"] == own["egendefinert-header.klientMeldingId"]
    assert not [name for name in about if "hemmelig" in name or "navn" in name]
    stored = rig.archive.objects[f"raa/{SENDER}/{about['melding-id']}"][0]
    assert stored.data == b"forseglet"
    assert stored.metadata["hentet"] == about["dataref"]
    assert json.loads(stored.metadata["konvolutt"]) == about


def test_notifications_go_to_their_own_topic(broker: RabbitMQ) -> None:
    rig = Rig(broker)
    ids = rig.send(type=EVENT_CHANGED)
    with running(rig.connector()):
        eventually(lambda: finished(rig, ids))
    assert [topic for topic, _, _, _ in rig.world.published] == ["hendelse"]


def test_headers_of_bytes_and_a_time_to_live(broker: RabbitMQ) -> None:
    rig = Rig(broker)
    melding = str(uuid4())
    headers = {"melding-id": melding.encode(), "type": SUBMIT.encode(), "avsender-id": SENDER.encode()}
    rig.fiks.put(rig.account, headers, b"x", ttl=3_600_000)
    with running(rig.connector()):
        eventually(lambda: finished(rig, [melding]))
    about = rig.world.published[0][2]
    remaining = datetime.fromisoformat(about["utloper"]) - datetime.now(UTC)
    assert 3500 < remaining.total_seconds() <= 3600


@pytest.mark.parametrize("lost_answer", [False, True])
@pytest.mark.parametrize("call", [1, 2, 3])
def test_storage_and_topics_that_fail_are_tried_again_while_the_message_is_held(
    broker: RabbitMQ, call: int, lost_answer: bool
) -> None:
    """Before or after their effect; publish fails after the archive has it; nothing is handed back to the queue."""
    rig = Rig(broker)
    rig.world.fail, rig.world.lost_answer = {call, call + 1}, lost_answer
    ids = rig.send()
    with running(rig.connector()):
        eventually(lambda: rig.order == ids)
    assert rig.connects == 1
    assert len(rig.archive.names("raa/")) == 1
    assert rig.left() == 0


def test_storage_away_for_a_while_the_queue_holds_and_all_arrive(broker: RabbitMQ) -> None:
    rig = Rig(broker)

    class Away(Bucket):
        def create(self, name: str, data: bytes, metadata: dict[str, str] | None = None) -> bool:
            if rig.down:
                raise Retry("storage")
            return super().create(name, data, metadata)

    rig.archive = Away(rig.world, "prosjekt-arkiv")
    rig.down = True
    ids = rig.send(n=30)
    with running(rig.connector(prefetch=5)):
        time.sleep(1)
        assert not rig.order
        assert rig.left() >= 25  # only what was in hand has left the queue, and none of it was given back
        rig.down = False
        eventually(lambda: finished(rig, ids))
    assert rig.connects == 1
    assert rig.left() == 0
    assert rig.fiks.settle() == 0  # nothing was delivered too often


def test_away_for_too_long_the_connection_is_given_up_and_made_again(broker: RabbitMQ) -> None:
    rig = Rig(broker)
    rig.world.fail = set(range(1, 8))
    ids = rig.send()
    with running(rig.connector(hold_seconds=1.0)):
        eventually(lambda: finished(rig, ids))
    assert rig.connects > 1
    assert rig.left() == 0


def test_a_connection_lost_before_the_acknowledgement_is_one_message_in_the_end(broker: RabbitMQ) -> None:
    rig = Rig(broker)
    ids = rig.send()
    lost: list[Any] = []

    class Loses(Connector):
        def _until_done(self, connection: Any, method: Any, properties: Any, body: bytes) -> None:
            super()._until_done(connection, method, properties, body)
            if not lost:
                lost.append(connection)
                connection._impl._transport._sock.shutdown(socket.SHUT_RDWR)

    whole = rig.connector()
    first = Loses(**{n: getattr(whole, n) for n in whole.__struct_fields__})
    with running(first):
        eventually(lambda: rig.connects >= 2 and rig.left() == 0)
        eventually(lambda: len(rig.world.published) >= 2)
    assert len(rig.archive.names("raa/")) == 1
    assert rig.told() == set(ids)


def test_a_channel_lost_in_the_middle(broker: RabbitMQ) -> None:
    """The queue is deleted under the consumer and made again: it comes back by itself."""
    rig = Rig(broker)
    with running(rig.connector()):
        eventually(lambda: rig.connects == 1)
        time.sleep(0.5)
        connection = rig.fiks.connection()
        connection.channel().queue_delete(f"fiksio.konto.{rig.account}")
        connection.close()
        time.sleep(0.3)
        rig.fiks._declare()
        ids = rig.send()
        eventually(lambda: finished(rig, ids))


def test_a_broker_that_restarts(broker: RabbitMQ) -> None:
    rig = Rig(broker)
    first = rig.send(n=5)
    with running(rig.connector()):
        eventually(lambda: finished(rig, first))
        broker.stop()
        broker.start()
        eventually(lambda: _try(lambda: rig.send(n=5)), 60)
        eventually(lambda: len(rig.told()) >= 10, 60)
    assert rig.left() == 0


def _try(do: Callable[[], Any]) -> bool:
    try:
        do()
    except (pika.exceptions.AMQPError, OSError):
        return False
    return True


def test_what_expired_is_told_to_its_sender_and_a_notice_to_us_is_kept_and_not_passed_on(broker: RabbitMQ) -> None:
    rig = Rig(broker)
    rig.fiks.put(rig.account, {"melding-id": str(uuid4()), "type": SUBMIT, "avsender-id": rig.account}, b"x", ttl=1)
    time.sleep(0.3)
    eventually(lambda: rig.fiks.settle() == 1)
    with running(rig.connector()):
        eventually(lambda: rig.archive.names("varsel/"))
    assert not rig.world.published
    assert rig.left() == 0


def test_a_message_delivered_three_times_comes_back_as_a_server_fault(broker: RabbitMQ) -> None:
    """What the platform does to whoever hands messages back: why the connector never does."""
    rig = Rig(broker)
    rig.fiks.put(rig.account, {"melding-id": str(uuid4()), "type": SUBMIT, "avsender-id": SENDER}, b"x")
    connection = rig.fiks.connection()
    channel = connection.channel()
    deliveries = 0
    while deliveries < 10:
        method, _, _ = channel.basic_get(f"fiksio.konto.{rig.account}")
        if method is None:
            break
        deliveries += 1
        channel.basic_nack(method.delivery_tag, requeue=True)
        time.sleep(0.1)
    connection.close()
    assert deliveries == 3
    eventually(lambda: rig.fiks.settle() == 1)


@pytest.mark.parametrize(
    "headers",
    [
        None,
        {},
        {"melding-id": "ikke en uuid", "type": SUBMIT, "avsender-id": SENDER},
        {"type": SUBMIT, "avsender-id": SENDER},
        {"melding-id": str(uuid4()), "type": SUBMIT},
        {"melding-id": 17, "type": [1], "avsender-id": {"a": 1}},
        {"melding-id": b"\xff\xfe", "type": SUBMIT, "avsender-id": SENDER},
        {"melding-id": str(uuid4()), "type": SUBMIT + "\n", "avsender-id": SENDER},
        {"melding-id": str(uuid4()), "type": "x" * 5000, "avsender-id": SENDER},
    ],
)
def test_poison_is_kept_passed_on_and_taken_off_the_queue(broker: RabbitMQ, headers: Any) -> None:
    rig = Rig(broker)
    connection = rig.fiks.connection()
    properties = pika.BasicProperties(headers=headers, delivery_mode=2)
    connection.channel().basic_publish("", f"fiksio.konto.{rig.account}", b"\x00\xffsoppel", properties)
    connection.close()
    good = rig.send()
    connector = rig.connector()
    with running(connector):
        eventually(lambda: finished(rig, good))
    assert rig.left() == 0
    assert len(rig.world.published) == 2  # the intake says what is missing
    assert any(stored.data == b"\x00\xffsoppel" for stored, _ in rig.archive.objects.values())


def test_the_same_id_with_another_content_loses_neither(broker: RabbitMQ) -> None:
    rig = Rig(broker)
    (melding,) = rig.send(b"en")
    rig.send(b"to", **{"melding-id": melding})
    with running(rig.connector()):
        eventually(lambda: len(rig.world.published) == 2)
    assert sorted(stored.data for stored, _ in rig.archive.objects.values()) == [b"en", b"to"]
    assert [data for _, data, _, _ in rig.world.published] == [b"", b"to"]


def test_a_redelivered_message_is_archived_once(broker: RabbitMQ) -> None:
    rig = Rig(broker)
    (melding,) = rig.send(b"en")
    connection = rig.fiks.connection()  # somebody takes it and dies
    connection.channel().basic_get(f"fiksio.konto.{rig.account}")
    connection.close()
    with running(rig.connector()):
        eventually(lambda: finished(rig, [melding]))
    assert len(rig.archive.objects) == 1


def test_two_connectors_share_a_queue(broker: RabbitMQ) -> None:
    rig = Rig(broker)
    ids = rig.send(n=40)
    with running(rig.connector(prefetch=2)), running(rig.connector(prefetch=2)):
        eventually(lambda: finished(rig, ids))
    assert rig.left() == 0
    assert len(rig.archive.objects) == 40


def test_ten_megabytes_and_what_lies_beside_the_queue(broker: RabbitMQ) -> None:
    rig = Rig(broker, inline=5_000_000)

    class Store:
        def fetch(self, document_id: str) -> bytes:
            return rig.fiks.stored[document_id]

    large = b"0" * 10_000_000
    (inline,) = rig.send(b"1" * 4_900_000)
    (beside,) = rig.send(large)
    assert rig.fiks.stored
    with running(rig.connector(store=Store())):
        eventually(lambda: finished(rig, [inline, beside]))
    assert rig.archive.objects[f"raa/{SENDER}/{beside}"][0].data == large
    assert all(data == b"" for _, data, _, _ in rig.world.published)


def test_a_token_that_is_refused_is_asked_for_again(broker: RabbitMQ) -> None:
    """Every connection is made with a token of its own; one that is refused is followed by another."""
    rig = Rig(broker)
    tries: list[int] = []

    def connect() -> pika.BlockingConnection:
        tries.append(1)
        if len(tries) == 1:
            raise pika.exceptions.ProbableAuthenticationError("expired")
        if len(tries) == 2:
            raise Retry("maskinporten")
        return rig.connect()

    ids = rig.send()
    with running(rig.connector(connect=connect)):
        eventually(lambda: finished(rig, ids))
    assert len(tries) == 3
