"""Each alarm rings for what it is there for, and not for anything else.

What an alarm counts is a filter over the logs; here the very filter of the declaration is held against the very lines
that the functions write when the condition is brought about.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import msgspec
import pytest
from flask import Request
from google.pubsub_v1 import PublisherClient, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from bvr.errors import Retry
from bvr.intake.sender import Right
from bvr.reconcile import reconcile
from bvr.rules.examples import uid
from bvr.statistics.schedule import Late
from bvr.testpki import Pki, pem_of
from bvr.watch import Expires, Silent, expiring, silent, watch
from emulator.pubsub import PubSubServer
from emulator.pubsub.errors import InvalidArgument
from emulator.pubsub.monitoring import parse
from main import run_queries
from tests.infrastructure.filters import extracted, matches
from tests.infrastructure.series import ringing
from tests.infrastructure.test_terraform import ALARMS, TOPOLOGY
from tests.unit.service_world import SENDER, World, native, right, service
from tests.unit.test_replay import CLEAN, SLOW, Rows, case, sent

ROOT = Path(__file__).resolve().parents[2]
METRICS = {name: metric["filter"] for name, metric in ALARMS["log_metrics"].items()}
_MADE = Pki.new().business("310000019").certificate
CERTIFICATE, END = pem_of(_MADE), _MADE.not_valid_after_utc.date()
FUNCTIONS = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "functions").rglob("*.py"))


class Book:
    """A register of senders and what they last sent."""

    def __init__(self, **latest: datetime) -> None:
        self.latest = latest

    def query(self, sql: str, parameters: Any = None) -> list[dict[str, Any]]:
        return [{"avsender_id": name, "siste": at} for name, at in self.latest.items()]

    def insert(self, table: str, rows: list[dict[str, Any]], *, once: str = "") -> None: ...


def done(world: World) -> None:
    sent(world, service(world), native(CLEAN))


def refused(world: World) -> None:
    service(world).receive(native(b"<Barnevern/>"))


def broken(world: World) -> None:
    world.broken_append = True
    service(world).receive(native(CLEAN))


def stranger(world: World) -> None:
    service(world).receive(native(CLEAN, avsender_id=uid("Sak", 9)))


def gap(world: World) -> None:
    service(world).receive(native(case(2, forrige=1)))


def swept(world: World) -> None:
    service(world).desk.sweep()


def left_open(world: World) -> None:
    s = service(world)
    world.fail = {6}
    with pytest.raises(Retry):
        s.receive(native(CLEAN))
    world.now += timedelta(minutes=61)
    s.desk.sweep()


def balanced(world: World) -> None:
    s = service(world)
    sent(world, s, native(CLEAN), native(SLOW, 2))
    world.now += timedelta(hours=2)
    reconcile(s.desk, Rows(world))


def lost(world: World) -> None:
    s = service(world)
    sent(world, s, native(CLEAN))
    world.rows.clear()
    world.now += timedelta(hours=2)
    reconcile(s.desk, Rows(world))


def fallen_silent(world: World) -> None:
    watch(Book(**{SENDER: datetime(2026, 6, 1, tzinfo=UTC)}), [right()], None, date(2026, 6, 30))


def running_out(world: World) -> None:
    watch(Book(), [right(sertifikat=CERTIFICATE.decode())], None, END)


def late(world: World) -> None:
    """The watch of the queries, over a register where one of them never succeeded."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bvr.figures.late", lambda _now: [Late(query="nokkeltall_barn_v1", last=None, outcome="FEILET")])
        patch.setattr("bvr.nightly.overdue", lambda _now: [])
        told, status = run_queries(Request.from_values(json={"vakt": True}, method="POST"))
    assert (told, status) == ({"forsinket": ["nokkeltall_barn_v1"]}, 200)


TRIGGERS: dict[str, Callable[[World], None]] = {
    "feid": swept,
    "eldste-apne": left_open,
    "kvitteringstid": done,
    "avvist": refused,
    "serverfeil": broken,
    "karantene": stranger,
    "hull": gap,
    "taus": fallen_silent,
    "sertifikat": running_out,
    "avstemt": balanced,
    "ubalanse": lost,
    "sporring": late,
}
NOT_OURS = {"nokkel"}
"""Told by Google's own audit log."""
ALWAYS = {"feid", "eldste-apne", "kvitteringstid", "avstemt"}
"""Counted in quiet times, too: their alarms are about values, or about silence."""

ALSO = {"karantene": {"avvist"}}
"""What is refused for its sender is refused."""


def lines(bring_about: Callable[[World], None], capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    capsys.readouterr()
    bring_about(World())
    return [json.loads(one) for one in capsys.readouterr().out.splitlines() if one.startswith("{")]


def test_each_metric_has_a_condition() -> None:
    assert TRIGGERS.keys() | NOT_OURS == METRICS.keys()


@pytest.mark.parametrize("metric", sorted(TRIGGERS))
def test_the_condition_moves_the_metric_and_no_other(metric: str, capsys: pytest.CaptureFixture[str]) -> None:
    counted = {
        name for line in lines(TRIGGERS[metric], capsys) for name, text in METRICS.items() if matches(text, line)
    }
    assert metric in counted
    assert counted - {metric} <= ALWAYS | ALSO.get(metric, set())


def test_quiet_times_move_nothing_that_rings(capsys: pytest.CaptureFixture[str]) -> None:
    found = [line for one in (done, swept, balanced) for line in lines(one, capsys)]
    assert {name for line in found for name, text in METRICS.items() if matches(text, line)} == ALWAYS


def test_values_and_labels_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    (open_,) = [one for one in lines(left_open, capsys) if matches(METRICS["eldste-apne"], one)]
    value = extracted(ALARMS["log_metrics"]["eldste-apne"]["value_extractor"], open_)
    assert value == 61 > ALARMS["alarms"]["ikke-sendt"]["threshold"] > ALARMS["alarms"]["apen-for-lenge"]["threshold"]
    (told,) = [one for one in lines(done, capsys) if matches(METRICS["kvitteringstid"], one)]
    assert extracted(ALARMS["log_metrics"]["kvitteringstid"]["value_extractor"], told) == 0
    for metric in ("avvist", "taus"):
        (line,) = [one for one in lines(TRIGGERS[metric], capsys) if matches(METRICS[metric], one)]
        assert extracted(ALARMS["log_metrics"][metric]["labels"]["avsender"], line) == SENDER


def test_a_key_that_is_disabled_is_told_by_the_audit_log() -> None:
    about = {"serviceName": "cloudkms.googleapis.com", "methodName": "DestroyCryptoKeyVersion"}
    assert matches(METRICS["nokkel"], {"protoPayload": about})
    assert not matches(METRICS["nokkel"], {"protoPayload": about | {"methodName": "Decrypt"}})
    assert not matches(METRICS["nokkel"], {"protoPayload": about | {"serviceName": "storage.googleapis.com"}})


def test_every_message_that_is_counted_is_one_that_is_logged() -> None:
    for text in METRICS.values():
        for message in re.findall(r'jsonPayload\.message="([^"]+)"', text):
            assert f'"{message}"' in FUNCTIONS, message


# --- the watch -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "today", "days"),
    [
        (date(2026, 6, 1), date(2026, 6, 4), None),  # Monday to Thursday: two whole days
        (date(2026, 6, 1), date(2026, 6, 5), None),  # three
        (date(2026, 6, 1), date(2026, 6, 6), 4),  # Saturday: Friday is over
        (date(2026, 6, 5), date(2026, 6, 11), None),  # a weekend is no silence
        (date(2026, 4, 1), date(2026, 4, 9), None),  # Easter: Tuesday and Wednesday
        (date(2026, 4, 1), date(2026, 4, 11), 4),
        (date(2026, 6, 4), date(2026, 6, 4), None),
    ],
)
def test_silence_is_counted_in_working_days(last: date, today: date, days: int | None) -> None:
    book = Book(**{SENDER: datetime(last.year, last.month, last.day, 12, tzinfo=UTC)})
    assert list(silent(book, [right()], today)) == ([Silent(SENDER, days)] if days else [])


def test_nobody_is_asked_who_has_never_sent_or_may_not_any_more() -> None:
    book = Book(**{SENDER: datetime(2026, 1, 1, tzinfo=UTC)})
    over = right(gyldig_til=date(2026, 3, 1))
    assert list(silent(book, [over], date(2026, 6, 1))) == []
    assert list(silent(Book(), [right()], date(2026, 6, 1))) == []


def test_certificates_are_told_of_in_time() -> None:
    pem, end = CERTIFICATE, END
    given = [right(sertifikat=pem.decode())]
    assert list(expiring(given, None, end - timedelta(days=60))) == []
    assert list(expiring(given, None, end - timedelta(days=59))) == [Expires(SENDER, 59)]
    assert list(expiring(given, pem, end + timedelta(days=1))) == [Expires(SENDER, -1), Expires("registeret", -1)]
    unused: list[Right] = [msgspec.structs.replace(given[0], gyldig_til=date(2021, 1, 1))]
    assert list(expiring(unused, None, end)) == []


# --- what Google's own metrics say -----------------------------------------------------------------------------------


class Queues:
    """A Pub/Sub with the topics and subscriptions of the topology, whose clock can be moved; nobody takes messages."""

    def __init__(self, server: PubSubServer, clock: list[float]) -> None:
        self.server, self.clock = server, clock
        self.channel = grpc.insecure_channel(server.address)
        self.topics = PublisherClient(transport=PublisherGrpcTransport(channel=self.channel))
        queues = SubscriberClient(transport=SubscriberGrpcTransport(channel=self.channel))
        for name in TOPOLOGY.topics:
            self.topics.create_topic(name=self.topics.topic_path(PROJECT, name))
        for name, declared in TOPOLOGY.subscriptions.items():
            path, topic = queues.subscription_path(PROJECT, name), self.topics.topic_path(PROJECT, declared.topic)
            queues.create_subscription(name=path, topic=topic)

    def publish(self, topic: str) -> None:
        self.topics.publish(topic=self.topics.topic_path(PROJECT, topic), messages=[{"data": b"x"}])

    def later(self, seconds: float) -> None:
        self.clock[0] += seconds
        self.server.advance()

    def ringing(self, alarm: str) -> set[str]:
        return ringing(alarm, self.server.address, PROJECT)


PROJECT = "bvr-test"


@pytest.fixture
def queues() -> Iterator[Queues]:
    clock = [1_800_000_000.0]
    with PubSubServer(clock=lambda: clock[0]) as server:
        found = Queues(server, clock)
        yield found
        found.channel.close()


def test_a_queue_that_stands_still_rings_and_no_other(queues: Queues) -> None:
    assert queues.ringing("ko-star") == set()
    queues.publish("kvittering")
    mine = {name for name, one in TOPOLOGY.subscriptions.items() if one.topic == "kvittering"}
    assert mine
    queues.later(900)
    assert queues.ringing("ko-star") == set()
    queues.later(1)
    assert queues.ringing("ko-star") == {name for name in mine if not name.endswith("-lager")}


@pytest.mark.parametrize("topic", sorted(name for name in TOPOLOGY.topics if name.endswith("-dead-letter")))
def test_a_dead_letter_rings_at_once_and_for_as_long_as_it_lies_there(queues: Queues, topic: str) -> None:
    assert queues.ringing("dodbrev") == set()
    queues.publish(topic)
    assert queues.ringing("dodbrev") == {f"{topic}-lager"}
    queues.later(3 * 86400)
    assert queues.ringing("dodbrev") == {f"{topic}-lager"}
    assert queues.ringing("ko-star") == set(), "it lies there until somebody has looked"


@pytest.mark.parametrize("text", ["", "metric.type=1", 'metric.type="a" OR metric.type="b"', 'metric.labels.x="y"'])
def test_a_filter_that_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="not understood"):
        parse(text)
