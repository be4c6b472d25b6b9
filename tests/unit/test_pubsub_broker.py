"""The Pub/Sub broker as a state machine: no server, no threads, and a clock that the test turns."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from emulator.pubsub import wire
from emulator.pubsub.backlog import Consumer, Leased, backoff
from emulator.pubsub.broker import Broker
from emulator.pubsub.errors import FailedPrecondition, InvalidArgument, NotFound

TOPIC = "projects/project/topics/topic"
DEAD = "projects/project/topics/dead"
SUBSCRIPTION = "projects/project/subscriptions/subscription"
GRAVE = "projects/project/subscriptions/grave"


class Bench:
    """A broker with one topic, one subscription, and a clock."""

    def __init__(self, **config: Any) -> None:
        self.now = 1_700_000_000.0
        self.broker = Broker(lambda: self.now)
        self.broker.create_topic(wire.Topic(name=TOPIC, **config.pop("topic", {})))
        self.broker.create_topic(wire.Topic(name=DEAD))
        self.broker.create_subscription(wire.Subscription(name=SUBSCRIPTION, topic=TOPIC, **config))
        self.broker.create_subscription(wire.Subscription(name=GRAVE, topic=DEAD))

    def publish(self, *texts: str, key: str = "", **attributes: str) -> list[str]:
        bodies = [wire.PubsubMessage(data=text.encode(), ordering_key=key, attributes=attributes) for text in texts]
        return self.broker.publish(TOPIC, bodies)

    def pull(self, count: int = 100, consumer: Consumer | None = None, name: str = SUBSCRIPTION) -> list[Leased]:
        return self.broker.take(name, consumer or Consumer(deadline_seconds=10), count)

    def ack(self, *leased: Leased) -> list[str]:
        return self.broker.acknowledge(SUBSCRIPTION, [one.ack_id for one in leased])

    def nack(self, *leased: Leased) -> None:
        self.broker.modify_ack_deadline(SUBSCRIPTION, [one.ack_id for one in leased], 0)

    def after(self, seconds: float) -> None:
        self.now += seconds
        self.broker.advance()


def texts(leased: list[Leased]) -> list[str]:
    return [one.message.body.data.decode() for one in leased]


# Leases -------------------------------------------------------------------------------------------------------------


def test_a_lease_ends_at_its_deadline() -> None:
    bench = Bench()
    bench.publish("x")
    bench.pull()
    bench.after(9.9)
    assert bench.pull() == []
    bench.after(0.1)
    assert texts(bench.pull()) == ["x"]


def test_advance_says_when_to_come_again() -> None:
    bench = Bench(message_retention_duration={"seconds": 600})
    bench.publish("x")
    bench.pull()
    bench.broker.advance()
    for _ in range(30):
        bench.now = bench.broker.advance()
    assert texts(bench.pull()) == ["x"]


def test_an_extended_lease_ignores_the_old_deadline() -> None:
    bench = Bench()
    bench.publish("x")
    (leased,) = bench.pull()
    bench.broker.modify_ack_deadline(SUBSCRIPTION, [leased.ack_id], 60)
    bench.after(59)
    assert bench.pull() == []
    bench.after(1)
    assert texts(bench.pull()) == ["x"]


def test_a_shortened_lease_ends_early() -> None:
    bench = Bench()
    bench.publish("x")
    (leased,) = bench.pull()
    bench.broker.modify_ack_deadline(SUBSCRIPTION, [leased.ack_id], 1)
    bench.after(1)
    assert texts(bench.pull()) == ["x"]


def test_ack_ids_of_elsewhere_do_nothing() -> None:
    bench = Bench()
    bench.publish("x")
    (leased,) = bench.pull()
    uid, rest = leased.ack_id.split("-", 1)
    bench.broker.acknowledge(SUBSCRIPTION, ["", "x", "1-2", "a-b-c", f"{int(uid) + 1}-{rest}"])
    assert bench.broker.backlog(SUBSCRIPTION) == 1
    bench.ack(leased)
    assert bench.broker.backlog(SUBSCRIPTION) == 0


def test_exactly_once_refuses_a_late_acknowledgement() -> None:
    bench = Bench(enable_exactly_once_delivery=True)
    bench.publish("x")
    (leased,) = bench.pull()
    bench.after(10)
    assert bench.ack(leased) == [leased.ack_id]
    (again,) = bench.pull()
    assert bench.ack(again) == []
    assert bench.ack(again) == [again.ack_id]


# Backoff ------------------------------------------------------------------------------------------------------------


def test_backoff_doubles_up_to_the_maximum() -> None:
    assert [backoff(failures, 10, 600) for failures in (1, 2, 3, 6, 7, 8, 5000)] == [10, 20, 40, 320, 600, 600, 600]
    assert backoff(3, 0, 0) == 0


def test_backoff_holds_a_message_back() -> None:
    bench = Bench(retry_policy={"minimum_backoff": {"seconds": 10}, "maximum_backoff": {"seconds": 600}})
    bench.publish("x")
    for wait in (10, 20, 40):
        bench.nack(*bench.pull())
        bench.after(wait - 0.1)
        assert bench.pull() == []
        bench.after(0.1)
    assert texts(bench.pull()) == ["x"]


def test_backoff_of_a_key_holds_back_its_later_messages_only() -> None:
    bench = Bench(
        enable_message_ordering=True,
        retry_policy={"minimum_backoff": {"seconds": 10}, "maximum_backoff": {"seconds": 600}},
    )
    bench.publish("a0", "a1", key="a")
    bench.nack(*bench.pull(1))
    bench.publish("b0", key="b")
    assert texts(bench.pull()) == ["b0"]
    bench.after(10)
    assert texts(bench.pull()) == ["a0", "a1"]


def test_a_key_goes_on_when_what_it_waits_for_is_acknowledged_late() -> None:
    bench = Bench(
        enable_message_ordering=True,
        retry_policy={"minimum_backoff": {"seconds": 600}, "maximum_backoff": {"seconds": 600}},
    )
    bench.publish("a0", "a1", key="a")
    (first,) = bench.pull(1)
    bench.after(10)
    bench.ack(first)
    assert texts(bench.pull()) == ["a1"]
    bench.publish("a2", key="a")
    assert bench.pull() == []  # a1 is out with another


# Dead letters -------------------------------------------------------------------------------------------------------


def test_dead_letters_need_their_topic() -> None:
    bench = Bench(dead_letter_policy={"dead_letter_topic": DEAD, "max_delivery_attempts": 5})
    bench.broker.delete_topic(DEAD)
    bench.publish("x")
    for attempt in range(1, 8):
        (leased,) = bench.pull()
        assert leased.attempt == attempt
        bench.nack(leased)
    assert bench.broker.backlog(SUBSCRIPTION) == 1


def test_dead_letters_keep_attributes_and_say_where_they_come_from() -> None:
    bench = Bench(dead_letter_policy={"dead_letter_topic": DEAD, "max_delivery_attempts": 5})
    bench.publish("x", key="k", a="1")
    for _ in range(5):
        bench.pull()
        bench.after(10)
    (buried,) = bench.pull(name=GRAVE)
    assert buried.message.key == "k"
    assert buried.message.attributes == {
        "a": "1",
        "CloudPubSubDeadLetterSourceDeliveryCount": "5",
        "CloudPubSubDeadLetterSourceSubscription": "subscription",
        "CloudPubSubDeadLetterSourceSubscriptionProject": "project",
        "CloudPubSubDeadLetterSourceTopicPublishTime": "2023-11-14T22:13:20.000Z",
    }


def test_a_key_goes_on_at_once_when_a_message_of_it_is_buried() -> None:
    bench = Bench(
        enable_message_ordering=True, dead_letter_policy={"dead_letter_topic": DEAD, "max_delivery_attempts": 5}
    )
    bench.publish("a0", "a1", "a2", key="a")
    for _ in range(5):
        bench.nack(*bench.pull(1))
    assert texts(bench.pull(name=GRAVE)) == ["a0"]
    assert texts(bench.pull()) == ["a1", "a2"]


# Consumers ----------------------------------------------------------------------------------------------------------


def test_a_stream_gets_later_messages_of_its_keys() -> None:
    bench = Bench(enable_message_ordering=True)
    stream, other = (Consumer(deadline_seconds=10, lasting=True) for _ in range(2))
    bench.publish("a0", key="a")
    assert texts(bench.pull(consumer=stream)) == ["a0"]
    bench.publish("a1", key="a")
    assert bench.pull(consumer=other) == []
    assert texts(bench.pull(consumer=stream)) == ["a1"]


def test_keys_of_a_stream_that_left_go_to_others_when_its_leases_end() -> None:
    bench = Bench(enable_message_ordering=True)
    stream, other = (Consumer(deadline_seconds=10, lasting=True) for _ in range(2))
    bench.broker.attach(SUBSCRIPTION, stream)
    bench.publish("a0", "a1", key="a")
    assert texts(bench.pull(1, stream)) == ["a0"]
    bench.broker.leave(SUBSCRIPTION, stream)
    assert bench.pull(consumer=other) == []
    bench.after(10)
    assert texts(bench.pull(consumer=other)) == ["a0", "a1"]


def test_flow_control_counts_what_is_out() -> None:
    bench = Bench()
    consumer = Consumer(deadline_seconds=10, max_messages=2)
    bench.publish("1", "2", "3", "4")
    first = bench.pull(consumer=consumer)
    assert texts(first) == ["1", "2"]
    bench.ack(first[0])
    assert texts(bench.pull(consumer=consumer)) == ["3"]
    bench.after(10)  # two leases end
    assert consumer.outstanding == consumer.outstanding_bytes == 0
    assert len(bench.pull(consumer=consumer)) == 2


def test_a_message_larger_than_the_flow_control_still_goes_out() -> None:
    bench = Bench()
    bench.publish("x" * 1000)
    assert len(bench.pull(consumer=Consumer(deadline_seconds=10, max_bytes=10))) == 1


# Replay and retention -----------------------------------------------------------------------------------------------


def test_seek_ends_leases_and_frees_the_consumer() -> None:
    bench = Bench(enable_message_ordering=True)
    consumer = Consumer(deadline_seconds=10, lasting=True)
    bench.publish("a0", "a1", "a2", key="a")
    (leased,) = bench.pull(1, consumer)
    bench.broker.seek_time(SUBSCRIPTION, 0)
    assert consumer.outstanding == 0
    bench.ack(leased)
    assert texts(bench.pull()) == ["a0", "a1", "a2"]
    assert bench.pull(consumer=consumer) == []


def test_snapshot_holds_what_its_subscription_has_forgotten() -> None:
    bench = Bench()
    bench.publish("1", "2")
    snapshot = "projects/project/snapshots/snapshot"
    bench.broker.create_snapshot(snapshot, SUBSCRIPTION, {})
    bench.ack(*bench.pull())
    bench.broker.seek_snapshot(SUBSCRIPTION, snapshot)
    assert texts(bench.pull()) == ["1", "2"]
    bench.after(7 * 86_400)
    with pytest.raises(NotFound):
        bench.broker.get_snapshot(snapshot)


def test_snapshot_of_another_topic_is_refused() -> None:
    bench = Bench()
    snapshot = "projects/project/snapshots/snapshot"
    bench.broker.create_snapshot(snapshot, SUBSCRIPTION, {})
    with pytest.raises(InvalidArgument):
        bench.broker.seek_snapshot(GRAVE, snapshot)


def test_a_snapshot_of_old_messages_would_not_live_long_enough() -> None:
    bench = Bench(message_retention_duration={"seconds": 31 * 86_400})
    bench.publish("x")
    bench.after(7 * 86_400 - 1800)
    with pytest.raises(FailedPrecondition):
        bench.broker.create_snapshot("projects/project/snapshots/snapshot", SUBSCRIPTION, {})


def test_retention_of_acknowledged_messages_ends_too() -> None:
    bench = Bench(retain_acked_messages=True, message_retention_duration={"seconds": 600})
    bench.publish("1")
    bench.ack(*bench.pull())
    bench.after(599)
    bench.broker.seek_time(SUBSCRIPTION, 0)
    assert texts(bench.pull()) == ["1"]
    bench.after(2)
    bench.broker.seek_time(SUBSCRIPTION, 0)
    assert bench.pull() == []


def test_no_more_retention_forgets_what_was_retained() -> None:
    bench = Bench(retain_acked_messages=True)
    bench.publish("1")
    bench.ack(*bench.pull())
    mask = FieldMask(paths=["retain_acked_messages"])
    bench.broker.update_subscription(wire.Subscription(name=SUBSCRIPTION), mask)
    bench.broker.seek_time(SUBSCRIPTION, 0)
    assert bench.pull() == []


# Anything in any order ----------------------------------------------------------------------------------------------


class Deliveries(RuleBasedStateMachine):
    """Whatever consumers do: no message is lost, none comes back after a valid acknowledgement (unless its key was
    taken back, or it was replayed), and the messages of a key are first seen, and accepted, in their order."""

    keys = ("", "a", "b")

    @initialize(ordered=st.booleans(), dead=st.booleans(), wait=st.sampled_from([None, 0, 2]))
    def begin(self, ordered: bool, dead: bool, wait: int | None) -> None:
        config: dict[str, Any] = {"enable_message_ordering": ordered}
        if dead:
            config["dead_letter_policy"] = {"dead_letter_topic": DEAD, "max_delivery_attempts": 5}
        if wait is not None:
            config["retry_policy"] = {"minimum_backoff": {"seconds": wait}, "maximum_backoff": {"seconds": 8}}
        self.ordered = ordered
        self.bench = Bench(**config)
        self.streams = [Consumer(deadline_seconds=10, lasting=True, max_messages=limit) for limit in (0, 3)]
        self.streams.append(Consumer(deadline_seconds=10, one_per_key=True, max_messages=2))
        self.published: dict[str, list[int]] = {key: [] for key in self.keys}
        self.out: list[Leased] = []
        self.accepted: set[int] = set()
        self.first_seen: dict[str, list[int]] = {key: [] for key in self.keys}

    @rule(key=st.sampled_from(keys), count=st.integers(1, 4))
    def publish(self, key: str, count: int) -> None:
        self.published[key] += [int(number) for number in self.bench.publish(*["x"] * count, key=key)]

    @rule(who=st.integers(0, 3), count=st.integers(1, 5))
    def take(self, who: int, count: int) -> None:
        consumer = self.streams[who] if who < 3 else None
        taken = self.bench.pull(count, consumer)
        for one in taken:
            seen = self.first_seen[one.message.key]
            if one.message.id not in seen:
                seen.append(one.message.id)
        keyed = [one.message.key for one in taken if self.ordered and one.message.key]
        if who == 2:
            assert len(keyed) == len(set(keyed))
        self.out += taken

    @precondition(lambda self: self.out)
    @rule(data=st.data(), fate=st.sampled_from(["ack", "ack", "nack", "extend"]))
    def answer(self, data: Any, fate: str) -> None:
        one = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
        if fate == "ack":
            self.bench.ack(one)
            self.accepted.add(one.message.id)
        elif fate == "nack":
            self.bench.nack(one)
        else:
            self.bench.broker.modify_ack_deadline(SUBSCRIPTION, [one.ack_id], 30)
            self.out.append(one)

    @rule(seconds=st.sampled_from([0.5, 2, 5, 10, 40]))
    def wait(self, seconds: float) -> None:
        self.bench.after(seconds)

    @rule(who=st.integers(0, 2))
    def reconnect(self, who: int) -> None:
        old = self.streams[who]
        self.bench.broker.leave(SUBSCRIPTION, old)
        self.streams[who] = Consumer(old.deadline_seconds, old.max_messages, 0, old.lasting, old.one_per_key)

    @invariant()
    def seen_in_order(self) -> None:
        if getattr(self, "ordered", False):
            for key in ("a", "b"):
                assert self.first_seen[key] == sorted(self.first_seen[key])

    @invariant()
    def nothing_is_lost(self) -> None:
        if not hasattr(self, "bench"):
            return
        broker = self.bench.broker
        owed = {message.id for message in broker._subscriptions[SUBSCRIPTION].backlog.messages}
        everything = {number for numbers in self.published.values() for number in numbers}
        buried = broker.backlog(GRAVE)
        assert len(everything - owed - self.accepted) <= buried

    def teardown(self) -> None:
        """Whoever is patient gets everything, in order."""
        if not hasattr(self, "bench"):
            return
        for stream in self.streams:
            self.bench.broker.leave(SUBSCRIPTION, stream)
        for _ in range(200):
            if not self.bench.broker.backlog(SUBSCRIPTION):
                break
            self.bench.after(10)
            taken = self.bench.pull(3)
            for key in self.keys:
                numbers = [one.message.id for one in taken if one.message.key == key]
                if self.ordered and key:
                    assert numbers == sorted(numbers)
            self.bench.ack(*taken)
        assert self.bench.broker.backlog(SUBSCRIPTION) == 0
        for stream in self.streams:
            assert (stream.outstanding, stream.outstanding_bytes) == (0, 0)


Deliveries.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestDeliveries = Deliveries.TestCase
