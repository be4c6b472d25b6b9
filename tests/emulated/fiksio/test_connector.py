"""The Fiks IO connector against a real RabbitMQ: whatever breaks, none is lost, and none is acknowledged early."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pika
import pytest

from bvr.api.fetch import fetch_json
from bvr.api.maskinporten import Verifier
from bvr.errors import Broken
from bvr.fiksio.connector import parameters
from bvr.intake.protocol import EVENT_CHANGED, KOSTRA_SUBMIT, SUBMIT
from bvr.maskinporten_client import TokenClient
from emulator import rabbitmq
from emulator.fiksio import SCOPE, Door
from emulator.processes import HOST
from emulator.rabbitmq import RabbitMQ
from emulator.tokens import TokenServer
from emulator.topology import ROOT
from tests.emulated.fiksio.crashing import MOMENTS
from tests.emulated.fiksio.rig import SENDER, Rig, eventually, running

pytestmark = [
    pytest.mark.local_cloud,
    pytest.mark.skipif(rabbitmq.program() is None, reason=rabbitmq.ABSENT),
]


@pytest.fixture
def rig(broker: RabbitMQ) -> Iterator[Rig]:
    made = Rig(broker)
    yield made
    made.sound()


# --- the ordinary ----------------------------------------------------------------------------------------------------


def test_messages_are_kept_told_and_then_acknowledged(rig: Rig) -> None:
    own = {
        "egendefinert-header.klientMeldingId": str(uuid4()),
        "egendefinert-header.hemmelig": "x",
        "egendefinert-header.system": "prøve",
        "avsender-navn": "N",
    }
    ids = rig.send(n=20, **own)
    with running(rig.connector(own_headers=frozenset({"system"}))):
        eventually(lambda: rig.finished(ids))
    assert sorted(rig.order) == sorted(ids)
    topic, data, about, _ = rig.world.published[0]
    assert topic == "innsending"
    assert data == b""
    assert about["dataref"] == f"gs://prosjekt-arkiv/raa/{SENDER}/{about['melding-id']}"
    assert about["klient-melding-id"] == own["egendefinert-header.klientMeldingId"]
    assert about["egendefinert-header.system"] == "prøve"
    assert not [name for name in about if "hemmelig" in name or "navn" in name]
    stored = rig.archive.objects[f"raa/{SENDER}/{about['melding-id']}"][0]
    assert stored.data == b"forseglet"
    assert stored.metadata["hentet"] == about["dataref"]
    assert json.loads(stored.metadata["konvolutt"]) == about


def test_notifications_go_to_their_own_topic(rig: Rig) -> None:
    ids = rig.send(type=EVENT_CHANGED)
    with running(rig.connector()):
        eventually(lambda: rig.finished(ids))
    assert [topic for topic, _, _, _ in rig.world.published] == ["hendelse"]


def test_headers_of_bytes_and_a_time_to_live(rig: Rig) -> None:
    melding = str(uuid4())
    headers = {"melding-id": melding.encode(), "type": SUBMIT.encode(), "avsender-id": SENDER.encode()}
    rig.fiks.put(rig.account, headers, b"x", ttl=3_600_000)
    with running(rig.connector()):
        eventually(lambda: rig.told(melding))
    (about,) = rig.told(melding)
    remaining = datetime.fromisoformat(about["utloper"]) - datetime.now(UTC)
    assert timedelta(minutes=58) < remaining <= timedelta(hours=1)


def test_two_connectors_share_a_queue(rig: Rig) -> None:
    ids = rig.send(n=40)
    with running(rig.connector(prefetch=2)), running(rig.connector(prefetch=2)):
        eventually(lambda: rig.finished(ids))
    assert len(rig.archive.objects) == 40


# --- the platform away -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost_answer", [False, True])
@pytest.mark.parametrize("call", [1, 2, 3])
def test_storage_and_topics_that_fail_are_tried_again_while_the_message_is_held(
    rig: Rig, call: int, lost_answer: bool
) -> None:
    """Before or after their effect; publish fails after the archive has it; nothing is handed back to the queue."""
    rig.world.fail, rig.world.lost_answer = {call, call + 1}, lost_answer
    (melding,) = rig.send()
    with running(rig.connector()):
        eventually(lambda: rig.finished([melding]))
    assert len(rig.connections) == 1
    assert rig.deliveries[melding] == 1
    assert len(rig.archive.names("raa/")) == 1


def test_storage_away_for_a_while_the_queue_holds_and_all_arrive(rig: Rig) -> None:
    rig.archive.down = True
    ids = rig.send(n=30)
    with running(rig.connector(prefetch=5)):
        eventually(lambda: len(rig.deliveries) == 5)
        time.sleep(1)
        assert not rig.order
        assert rig.left() == 25  # only what is in hand has left the queue, and none of it was given back
        rig.archive.down = False
        eventually(lambda: rig.finished(ids))
    assert len(rig.connections) == 1
    assert set(rig.deliveries.values()) == {1}


def test_storage_away_for_long_spends_one_delivery_and_no_more(rig: Rig) -> None:
    """Held as long as the broker allows; then the connection is given up, and no other made until storage answers."""
    rig.archive.down = True
    ids = rig.send(n=12)
    with running(rig.connector(prefetch=5, hold_seconds=0.5)):
        eventually(lambda: rig.left() == 12)
        time.sleep(3)  # six times as long as a message is held
        assert len(rig.connections) == 1
        rig.archive.down = False
        eventually(lambda: rig.finished(ids))
    assert max(rig.deliveries.values()) == 2
    assert len(rig.archive.names("raa/")) == 12


def test_a_client_of_the_platform_that_breaks_is_tried_again(rig: Rig) -> None:
    """Not every client's every fault is a Retry."""
    times: list[int] = []

    class Breaks:
        def publish(self, *given: Any, **more: Any) -> None:
            times.append(1)
            if len(times) < 3:
                raise TimeoutError if len(times) == 1 else Broken("publish", "?")
            rig.topics.publish(*given, **more)

    (melding,) = rig.send()
    with running(rig.connector(topics=Breaks())):
        eventually(lambda: rig.finished([melding]))
    assert rig.deliveries[melding] == 1


def test_a_message_we_always_break_on_goes_back_to_its_sender_and_stops_no_other(broker: RabbitMQ) -> None:
    """Our own fault: the platform counts to three, and tells the sender. Never acknowledged."""
    rig = Rig(broker)
    (bad,) = rig.send(b"den")

    class Breaks:
        def publish(self, topic: str, data: bytes, attributes: dict[str, str], ordering_key: str = "") -> None:
            if attributes["melding-id"] == bad:
                raise Broken("publish", "?")
            rig.topics.publish(topic, data, attributes, ordering_key)

    with running(rig.connector(topics=Breaks(), hold_seconds=0.2)):
        good = rig.send(n=5)
        eventually(lambda: rig.finished(good))
        eventually(lambda: rig.fiks.settle() == 1)
    assert rig.deliveries[bad] == 3
    assert bad not in rig.order
    assert rig.left() == 0
    ((notice, _),) = rig.fiks.waiting(SENDER)
    assert notice["type"] == "no.ks.fiks.kvittering.serverfeil.v1"
    assert notice["svar-til"] == bad


# --- connections -----------------------------------------------------------------------------------------------------


def test_a_connection_lost_before_the_acknowledgement_is_one_message_in_the_end(rig: Rig) -> None:
    (melding,) = rig.send()
    publish = rig.topics.publish

    def cut(*given: Any, **more: Any) -> None:
        publish(*given, **more)
        if len(rig.connections) == 1:
            rig.connections[0]._impl._transport._sock.shutdown(socket.SHUT_RDWR)
            time.sleep(0.5)  # the connector's thread sees it before the acknowledgement can go

    rig.topics.publish = cut  # type: ignore[method-assign]
    with running(rig.connector()):
        eventually(lambda: rig.finished([melding]) and rig.left() == 0)
    assert rig.deliveries[melding] == 2
    assert len(rig.archive.names("raa/")) == 1
    first, again = rig.told(melding)
    assert again == first | {"resendt": "true"}  # what was archived the first time, told again


def test_slow_storage_does_not_cost_the_connection(rig: Rig) -> None:
    """A message that takes longer than three heartbeats: they are answered meanwhile."""
    create = rig.archive.create

    def slow(*given: Any) -> bool:
        time.sleep(5)
        return create(*given)

    rig.archive.create = slow  # type: ignore[method-assign]
    (melding,) = rig.send()

    def connect() -> pika.BlockingConnection:
        return rig.connect(pika.ConnectionParameters(HOST, rig.broker.port, heartbeat=1))

    with running(rig.connector(connect=connect)):
        eventually(lambda: rig.finished([melding]))
    assert len(rig.connections) == 1


def test_a_queue_that_goes_away_under_the_consumer(rig: Rig) -> None:
    """The broker cancels the consumer, and there is no queue to come back to until it is made again."""
    with running(rig.connector()):
        eventually(lambda: len(rig.connections) == 1)
        time.sleep(0.3)
        connection = rig.fiks.connection()
        connection.channel().queue_delete(f"fiksio.konto.{rig.account}")
        connection.close()
        eventually(lambda: len(rig.connections) >= 3)  # tries, with pauses
        rig.fiks._declare()
        ids = rig.send()
        eventually(lambda: rig.finished(ids))
    assert len(rig.connections) < 12


def test_a_channel_lost_in_the_middle_of_a_message(rig: Rig) -> None:
    """The broker closes the channel (as it does after 30 minutes without an answer) while a message is being kept."""
    (melding,) = rig.send()
    publish = rig.topics.publish
    held = threading.Event()

    def wait(*given: Any, **more: Any) -> None:
        held.wait(10)
        publish(*given, **more)

    rig.topics.publish = wait  # type: ignore[method-assign]
    with running(rig.connector()):
        eventually(lambda: rig.deliveries[melding] == 1)
        lost = rig.connections[0]
        lost.add_callback_threadsafe(lambda: lost._impl._channels[1].basic_ack(4711))  # a tag that is not: 406
        time.sleep(1)
        held.set()
        eventually(lambda: rig.finished([melding]) and rig.left() == 0)
    assert rig.deliveries[melding] == 2
    assert len(rig.archive.names("raa/")) == 1


def test_a_broker_that_restarts(rig: Rig) -> None:
    first = rig.send(n=5)
    with running(rig.connector()):
        eventually(lambda: rig.finished(first))
        rig.broker.stop()
        rig.broker.start()
        second: list[str] = []
        eventually(lambda: _try(lambda: second.extend(rig.send())), 60)
        eventually(lambda: rig.finished(second), 60)
    assert len(rig.archive.names("raa/")) == 6


def _try(do: Callable[[], Any]) -> bool:
    try:
        do()
    except (pika.exceptions.AMQPError, OSError):
        return False
    return True


def test_a_token_that_has_ended_is_followed_by_a_fresh_one(
    rig: Rig, door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through the broker's own check of the password: a valid token, then one that has ended, then a fresh one."""
    own = rig.fiks.accounts[rig.account]
    door.accounts[own.integration] = own
    server = TokenServer(tmp_path)
    server.start()
    try:
        client = server.client("registeret")
        tokens = TokenClient(server.issuer, client.client_id, Path(client.key_file).read_bytes())
        monkeypatch.setattr(door, "tokens", Verifier(server.issuer, "", fetch_json))

        def connect() -> pika.BlockingConnection:
            secret = f"{own.password} {tokens.token(SCOPE, fresh=True)}"
            return rig.connect(parameters(HOST, rig.broker.port, user=own.integration, password=secret, tls=False))

        with running(rig.connector(connect=connect)):
            first = rig.send()
            eventually(lambda: rig.finished(first))
            monkeypatch.setattr("emulator.tokens.TOKEN_LIFETIME", -60)
            rig.connections[0].add_callback_threadsafe(rig.connections[0].close)
            eventually(lambda: door.asked[-1] == (own.integration, "deny"))
            (melding,) = rig.send()
            time.sleep(0.5)
            assert melding not in rig.deliveries
            monkeypatch.undo()
            monkeypatch.setattr(door, "tokens", Verifier(server.issuer, "", fetch_json))
            eventually(lambda: rig.finished([melding]))
    finally:
        server.stop()
    assert door.asked[-1] == (own.integration, "allow")


def test_another_integration_reads_nothing_of_ours(rig: Rig, door: Door) -> None:
    ours, other = rig.fiks.accounts[rig.account], rig.fiks.accounts[SENDER]
    door.accounts |= {a.integration: a for a in (ours, other)}

    def connect(password: str, user: str) -> pika.BlockingConnection:
        return pika.BlockingConnection(parameters(HOST, rig.broker.port, user=user, password=password, tls=False))

    for wrong in ("a.b.c", f"{ours.password} nei", "feil a.b.c", ours.password):
        with pytest.raises(pika.exceptions.ProbableAuthenticationError):
            connect(wrong, ours.integration)
    connection = connect(f"{other.password} a.b.c", other.integration)
    with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="ACCESS_REFUSED"):
        connection.channel().basic_consume(f"fiksio.konto.{ours.id}", lambda *_: None)
    connection.close()


# --- crashes ---------------------------------------------------------------------------------------------------------


def crashing(rig: Rig, folder: Path, moment: str) -> subprocess.Popen[bytes]:
    own = [str(folder), str(rig.broker.port), rig.account, moment]
    return subprocess.Popen([sys.executable, "-m", "tests.emulated.fiksio.crashing", *own], cwd=ROOT, env=_paths())


def _paths() -> dict[str, str]:
    import os

    return os.environ | {"PYTHONPATH": f"{ROOT / 'functions'}:{ROOT}"}


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_any_moment_loses_nothing_and_archives_once(rig: Rig, tmp_path: Path, moment: str) -> None:
    """SIGKILL to the process: nothing is cleaned up, nothing is said to the broker."""
    ids = rig.send(n=3)
    process = crashing(rig, tmp_path, moment)
    assert process.wait(30) == -signal.SIGKILL
    for draft in tmp_path.glob("*.*"):  # a write that did not come to an end is no object
        draft.unlink()
    process = crashing(rig, tmp_path, "never")

    def told() -> set[str]:
        topic = tmp_path / "topic"
        return {json.loads(line)["melding-id"] for line in topic.read_text().splitlines()} if topic.exists() else set()

    eventually(lambda: told() == set(ids) and rig.left() == 0)
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0
    objects = [
        json.loads(path.read_text())["name"]
        for path in tmp_path.iterdir()
        if path.suffix == "" and path.name != "topic"
    ]
    assert sorted(objects) == sorted(f"raa/{SENDER}/{melding}" for melding in ids)


def test_asked_to_stop_it_finishes_what_is_in_hand(rig: Rig) -> None:
    create = rig.archive.create

    def slow(*given: Any) -> bool:
        time.sleep(1)
        return create(*given)

    rig.archive.create = slow  # type: ignore[method-assign]
    ids = rig.send(n=12)
    connector = rig.connector(prefetch=4)
    with running(connector):
        eventually(lambda: len(rig.deliveries) == 4)
        time.sleep(0.3)
        connector.stop()
    assert len(rig.order) == 4
    assert rig.left() == 8
    with running(rig.connector(prefetch=4)):
        eventually(lambda: rig.finished(ids))
    assert set(rig.deliveries.values()) == {1}


def test_asked_to_stop_while_storage_is_away_it_stops(rig: Rig) -> None:
    rig.archive.down = True
    ids = rig.send(n=2)
    with running(rig.connector()):
        eventually(lambda: len(rig.deliveries) == 2)
    rig.archive.down = False
    with running(rig.connector()):
        eventually(lambda: rig.finished(ids))


# --- notices ---------------------------------------------------------------------------------------------------------


def test_what_expired_is_told_to_its_sender_and_a_notice_to_us_is_kept_and_not_passed_on(rig: Rig) -> None:
    headers = {"melding-id": str(uuid4()), "type": SUBMIT, "avsender-id": rig.account}
    rig.fiks.put(rig.account, headers, b"x", ttl=1)
    eventually(lambda: rig.fiks.settle() == 1)
    with running(rig.connector()):
        eventually(lambda: rig.archive.names("varsel/") and rig.left() == 0)
    assert not rig.world.published
    (kept,) = rig.archive.objects.values()
    about = json.loads(kept[0].metadata["konvolutt"])
    assert about["type"] == "no.ks.fiks.kvittering.tidsavbrudd"
    assert about["svar-til"] == headers["melding-id"]


# --- content ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        None,
        {},
        {"melding-id": "ikke en uuid", "type": SUBMIT, "avsender-id": SENDER},
        {"melding-id": uuid4().hex, "type": SUBMIT, "avsender-id": SENDER},
        {"type": SUBMIT, "avsender-id": SENDER},
        {"melding-id": str(uuid4()), "type": SUBMIT},
        {"melding-id": 17, "type": [1], "avsender-id": {"a": 1}},
        {"melding-id": b"\xff\xfe", "type": SUBMIT, "avsender-id": SENDER},
        {"melding-id": str(uuid4()), "type": SUBMIT + "\n", "avsender-id": SENDER},
        {"melding-id": str(uuid4()), "type": "x" * 5000, "avsender-id": SENDER},
        {"melding-id": str(uuid4()), "type": SUBMIT, "avsender-id": SENDER, "dokumentlager-id": "../../hemmelig"},
        {"melding-id": "../../x", "type": SUBMIT, "avsender-id": "../.."},
    ],
)
def test_poison_is_kept_passed_on_and_taken_off_the_queue(rig: Rig, headers: Any) -> None:
    connection = rig.fiks.connection()
    properties = pika.BasicProperties(headers=headers, delivery_mode=2)
    connection.channel().basic_publish("", f"fiksio.konto.{rig.account}", b"\x00\xffsoppel", properties)
    connection.close()
    good = rig.send()
    with running(rig.connector()):
        eventually(lambda: rig.finished(good) and len(rig.order) == 2)
    assert len(rig.world.published) == 2  # the intake says what is missing
    if "dokumentlager-id" not in (headers or {}):
        assert any(stored.data == b"\x00\xffsoppel" for stored, _ in rig.archive.objects.values())
    assert not [name for name in rig.archive.objects if ".." in name]


def test_the_same_id_with_another_content_loses_neither(rig: Rig) -> None:
    (melding,) = rig.send(b"en")
    rig.send(b"to", **{"melding-id": melding})
    with running(rig.connector()):
        eventually(lambda: len(rig.order) == 2)
    assert sorted(stored.data for stored, _ in rig.archive.objects.values()) == [b"en", b"to"]
    assert all(data == b"" for _, data, _, _ in rig.world.published)
    for about in rig.told(melding):
        stored, _ = rig.archive.objects[about["dataref"].removeprefix("gs://prosjekt-arkiv/")]
        assert len(stored.data) == int(about["size"])


def test_a_redelivered_message_is_archived_once(rig: Rig) -> None:
    (melding,) = rig.send(b"en")
    connection = rig.fiks.connection()  # somebody takes it and dies
    connection.channel().basic_get(f"fiksio.konto.{rig.account}")
    connection.close()
    with running(rig.connector()):
        eventually(lambda: rig.finished([melding]))
    assert len(rig.archive.objects) == 1
    assert rig.told(melding)[0]["resendt"] == "true"


def test_ten_megabytes_on_the_queue_and_beside_it(rig: Rig) -> None:
    """Both are what a KOSTRA file may be; the connection to the store breaks once on the way."""
    rig.fiks.inline = 15_000_000
    large = [b"0" * 10_000_000, b"1" * 16_000_000]
    ids = [rig.send(body, type=KOSTRA_SUBMIT)[0] for body in large]
    assert len(rig.fiks.stored) == 1
    rig.store.cut = 1
    with running(rig.connector()):
        eventually(lambda: rig.finished(ids))
    assert [rig.archive.objects[f"raa/{SENDER}/{melding}"][0].data for melding in ids] == large
    assert all(data == b"" for _, data, _, _ in rig.world.published)


def test_too_large_for_its_flow_is_kept_without_being_held_in_memory_and_pointed_to(rig: Rig) -> None:
    rig.fiks.inline = 100_000
    body = bytes(range(256)) * 20_000
    (melding,) = rig.send(body)
    with running(rig.connector()):
        eventually(lambda: rig.finished([melding]))
    name = f"raa/{SENDER}/{melding}-stor"
    assert rig.archive.objects[name][0].data == body
    (about,) = rig.told(melding)
    assert about["dataref"] == f"gs://prosjekt-arkiv/{name}"
    assert about["size"] == str(len(body))
    assert rig.archive.largest_part < 1_200_000


def test_gone_from_beside_the_queue_is_told_and_blocks_nobody(rig: Rig) -> None:
    """The store keeps a copy for the life of the message and a day; who comes later finds nothing."""
    rig.fiks.inline = 10
    gone = rig.send(b"x" * 100)
    rig.fiks.stored.clear()
    rig.fiks.inline = 1000
    good = rig.send()
    with running(rig.connector()):
        eventually(lambda: rig.finished(good + gone))
    (about,) = rig.told(gone[0])
    assert about["dataref"].startswith("gs://prosjekt-innboks/dokumentlager/")
