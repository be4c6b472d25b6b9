"""What the local Pub/Sub can do: one list, from which tests, comparison and documentation are made.

Each scenario drives Google's Python client against an address and returns what it saw, without ids and times, so that
two servers can be compared. `sees` is what production shows, as documented. `intended` says why Google's emulator is
known to show something else.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from google.cloud import pubsub_v1
from google.cloud.pubsub_v1.subscriber.exceptions import AcknowledgeError
from google.iam.v1 import policy_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from tests.emulated.pubsub.world import QUIET, World, code, data

ACCOUNT = "pusher@project.iam.gserviceaccount.com"


@dataclass(frozen=True)
class Scenario:
    """One capability, how to see it, and what is seen."""

    name: str
    area: str
    title: str
    run: Callable[[World], Any]
    sees: Any
    intended: str | None


SCENARIOS: dict[str, Scenario] = {}
INTENDED: dict[str, str] = {}


def scenario(area: str, title: str, sees: Any, intended: str | None = None) -> Callable[[Callable[[World], Any]], Any]:
    """Enter a scenario in the list."""

    def enter(run: Callable[[World], Any]) -> Callable[[World], Any]:
        name = run.__name__  # type: ignore[attr-defined]
        assert name not in SCENARIOS
        SCENARIOS[name] = Scenario(name, area, title, run, sees, intended)
        if intended:
            INTENDED[name] = intended
        return run

    return enter


def seconds_between(received: list[float]) -> list[float]:
    """Differences of neighbours."""
    return [later - earlier for earlier, later in pairwise(received)]


# Topics -------------------------------------------------------------------------------------------------------------


@scenario("Topics", "create, get, list, delete", [True, "labelled", ["another", "topic"], "NOT_FOUND"])
def topic_life(w: World) -> Any:
    name = w.topic(labels={"is": "labelled"})
    w.topic("another")
    project = f"projects/{w.project}"
    got = w.do(w.publisher.get_topic, topic=name)
    listed = [topic.name.rpartition("/")[2] for topic in w.do(w.publisher.list_topics, project=project)]
    w.do(w.publisher.delete_topic, topic=name)
    return [got.name == name, got.labels["is"], sorted(listed), w.code(w.publisher.get_topic, topic=name)]


@scenario("Topics", "a second one of the same name is refused", "ALREADY_EXISTS")
def topic_twice(w: World) -> Any:
    return w.code(w.publisher.create_topic, name=w.topic())


@scenario("Topics", "names outside the rules are refused", dict.fromkeys("abcdefg", "INVALID_ARGUMENT") | {"ok": "OK"})
def topic_names(w: World) -> Any:
    names = {
        "a": w.name("topics", "ab"),
        "b": w.name("topics", "1abc"),
        "c": w.name("topics", "goog-topic"),
        "d": w.name("topics", "a" * 256),
        "e": w.name("topics", "with space"),
        "f": "topics/topic",
        "g": w.name("subscriptions", "topic"),
        "ok": w.name("topics", "a-z_A.Z~0+9%"),
    }
    return {key: w.code(w.publisher.create_topic, name=name) for key, name in names.items()}


@scenario("Topics", "what is not there is not found", ["NOT_FOUND"] * 3)
def topic_missing(w: World) -> Any:
    name = w.name("topics", "missing")
    return [
        w.code(w.publisher.get_topic, topic=name),
        w.code(w.publisher.delete_topic, topic=name),
        w.code(w.publisher.publish, topic=name, messages=[{"data": b"x"}]),
    ]


@scenario(
    "Topics",
    "nor are the subscriptions of what is not there",
    "NOT_FOUND",
    intended="the emulator answers with an empty list",
)
def topic_missing_subscriptions(w: World) -> Any:
    return w.code(w.publisher.list_topic_subscriptions, topic=w.name("topics", "missing"))


@scenario(
    "Topics",
    "update by field mask",
    [1200, {"a": "1"}, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "INVALID_ARGUMENT", "NOT_FOUND"],
)
def topic_update(w: World) -> Any:
    name = w.topic(labels={"a": "1"}, message_retention_duration={"seconds": 3600})
    update = w.publisher.update_topic
    mask = {"paths": ["message_retention_duration"]}
    changed = {"name": name, "message_retention_duration": {"seconds": 1200}}
    after = w.do(update, topic=changed, update_mask=mask)
    other = {"name": w.name("topics", "missing"), "message_retention_duration": {"seconds": 1200}}
    return [
        after.message_retention_duration.seconds,
        dict(after.labels),
        w.code(update, topic=changed, update_mask={"paths": ["nonsense"]}),
        w.code(update, topic=changed, update_mask={"paths": ["name"]}),
        w.code(update, topic=changed),
        w.code(update, topic=other, update_mask=mask),
    ]


@scenario(
    "Topics",
    "labels can be updated, of subscriptions too",
    [{"a": "2"}, {"a": "2"}],
    intended="the emulator does not know labels in an update",
)
def labels_update(w: World) -> Any:
    changed = {"name": w.topic(labels={"a": "1"}), "labels": {"a": "2"}}
    subscription = {"name": w.subscription(labels={"a": "1"}), "labels": {"a": "2"}}
    mask = {"paths": ["labels"]}
    return [
        dict(w.do(w.publisher.update_topic, topic=changed, update_mask=mask).labels),
        dict(w.do(w.subscriber.update_subscription, subscription=subscription, update_mask=mask).labels),
    ]


@scenario("Topics", "lists come in pages", [[2, 2, 1], ["t-0", "t-1", "t-2", "t-3", "t-4"]])
def topic_pages(w: World) -> Any:
    for number in range(5):
        w.topic(f"t-{number}")
    pages = list(w.do(w.publisher.list_topics, project=f"projects/{w.project}", page_size=2).pages)
    names = [topic.name.rpartition("/")[2] for page in pages for topic in page.topics]
    return [[len(page.topics) for page in pages], sorted(names)]


@scenario("Topics", "deleted: its subscriptions keep their messages", ["_deleted-topic_", ["x"], "NOT_FOUND"])
def topic_deleted(w: World) -> Any:
    w.topic()
    subscription = w.subscription()
    w.publish(b"x")
    w.do(w.publisher.delete_topic, topic=w.name("topics", "topic"))
    shown = w.do(w.subscriber.get_subscription, subscription=subscription).topic
    return [shown, data(w.pull(subscription, 1)), code(lambda: w.publish(b"y"))]


# Subscriptions ------------------------------------------------------------------------------------------------------


@scenario("Subscriptions", "defaults", [10, 604800, False, False, "", ""])
def subscription_defaults(w: World) -> Any:
    w.topic()
    got = w.do(w.subscriber.get_subscription, subscription=w.subscription())
    return [
        got.ack_deadline_seconds,
        got.message_retention_duration.total_seconds(),
        got.retain_acked_messages,
        got.enable_message_ordering,
        got.filter,
        got.push_config.push_endpoint,
    ]


@scenario(
    "Subscriptions",
    "the expiration policy is 31 days unless set, and may be never",
    [2678400, 86400, None, "INVALID_ARGUMENT"],
    intended="the emulator shows no default and accepts any time to live",
)
def subscription_expiration(w: World) -> Any:
    w.topic()
    shown = []
    for name, config in (
        ("unset", {}),
        ("a-day", {"expiration_policy": {"ttl": {"seconds": 86400}}}),
        ("never", {"expiration_policy": {}}),
    ):
        policy = w.do(w.subscriber.get_subscription, subscription=w.subscription(name, **config)).expiration_policy
        shown.append(policy.ttl.total_seconds() if policy and policy.ttl is not None else None)
    return [*shown, code(lambda: w.subscription("short", expiration_policy={"ttl": {"seconds": 60}}))]


@scenario(
    "Subscriptions",
    "existing names, missing topics and bad names are refused",
    ["ALREADY_EXISTS", "NOT_FOUND", "INVALID_ARGUMENT", "NOT_FOUND"],
)
def subscription_refused(w: World) -> Any:
    w.topic()
    w.subscription()
    return [
        code(w.subscription),
        code(lambda: w.subscription("other", topic="missing")),
        code(lambda: w.subscription("ab")),
        w.code(w.subscriber.get_subscription, subscription=w.name("subscriptions", "missing")),
    ]


@scenario(
    "Subscriptions",
    "the acknowledgement deadline is 10 to 600 s",
    ["INVALID_ARGUMENT", "OK", "OK", "INVALID_ARGUMENT"],
    intended="the emulator accepts less than 10 s",
)
def subscription_deadline(w: World) -> Any:
    w.topic()
    return [
        code(lambda deadline=deadline: w.subscription(f"d-{deadline}", ack_deadline_seconds=deadline))
        for deadline in (9, 10, 600, 601)
    ]


@scenario(
    "Subscriptions",
    "retention is 10 minutes to 31 days",
    ["INVALID_ARGUMENT", "OK", "OK", "OK", "INVALID_ARGUMENT"],
    intended="the emulator still has the old limit of 7 days",
)
def subscription_retention(w: World) -> Any:
    w.topic()
    return [
        code(lambda s=seconds: w.subscription(f"r-{s}", message_retention_duration={"seconds": s}))
        for seconds in (599, 600, 7 * 86400, 31 * 86400, 31 * 86400 + 1)
    ]


@scenario(
    "Subscriptions",
    "retry and dead-letter policies have limits and defaults",
    [[10, 600], "INVALID_ARGUMENT", "INVALID_ARGUMENT", 5, "OUT_OF_RANGE", "OUT_OF_RANGE", "NOT_FOUND"],
)
def subscription_policies(w: World) -> Any:
    w.topic()
    topic = w.topic("dead")
    retry = w.do(w.subscriber.get_subscription, subscription=w.subscription("retry", retry_policy={})).retry_policy
    dead = w.do(
        w.subscriber.get_subscription,
        subscription=w.subscription("dead", dead_letter_policy={"dead_letter_topic": topic}),
    ).dead_letter_policy

    def buried(name: str, **policy: Any) -> str:
        return code(lambda: w.subscription(name, dead_letter_policy={"dead_letter_topic": topic} | policy))

    def retried(name: str, low: int, high: int) -> str:
        policy = {"minimum_backoff": {"seconds": low}, "maximum_backoff": {"seconds": high}}
        return code(lambda: w.subscription(name, retry_policy=policy))

    return [
        [retry.minimum_backoff.seconds, retry.maximum_backoff.seconds],
        retried("long", 10, 601),
        retried("upside-down", 20, 10),
        dead.max_delivery_attempts,
        buried("four", max_delivery_attempts=4),
        buried("many", max_delivery_attempts=101),
        buried("missing", dead_letter_topic=w.name("topics", "missing")),
    ]


@scenario(
    "Subscriptions",
    "update by field mask; what cannot change is refused",
    [20, 7, "OK", "INVALID_ARGUMENT", "INVALID_ARGUMENT", "INVALID_ARGUMENT", "INVALID_ARGUMENT"],
)
def subscription_update(w: World) -> Any:
    w.topic()
    name = w.subscription()
    update = w.subscriber.update_subscription
    wanted: dict[str, Any] = {
        "name": name,
        "ack_deadline_seconds": 20,
        "retry_policy": {"minimum_backoff": {"seconds": 7}, "maximum_backoff": {"seconds": 8}},
        "filter": "attributes:a",
        "enable_message_ordering": True,
    }
    after = w.do(update, subscription=wanted, update_mask={"paths": ["ack_deadline_seconds", "retry_policy"]})
    return [
        after.ack_deadline_seconds,
        after.retry_policy.minimum_backoff.seconds,
        w.code(update, subscription={"name": name}, update_mask={"paths": ["retry_policy"]}),
        w.code(
            update, subscription=wanted | {"ack_deadline_seconds": 601}, update_mask={"paths": ["ack_deadline_seconds"]}
        ),
        w.code(update, subscription=wanted, update_mask={"paths": ["topic"]}),
        w.code(update, subscription=wanted, update_mask={"paths": ["nonsense"]}),
        w.code(update, subscription=wanted),
    ]


@scenario(
    "Subscriptions", "list by project and by topic, delete", [["a-1", "a-2"], ["a-1", "a-2"], ["a-2"], "NOT_FOUND"]
)
def subscription_lists(w: World) -> Any:
    topic = w.topic()
    first = w.subscription("a-1")
    w.subscription("a-2")
    project = f"projects/{w.project}"
    listed = [one.name.rpartition("/")[2] for one in w.do(w.subscriber.list_subscriptions, project=project)]
    of_topic = [one.rpartition("/")[2] for one in w.do(w.publisher.list_topic_subscriptions, topic=topic)]
    w.do(w.subscriber.delete_subscription, subscription=first)
    left = [one.rpartition("/")[2] for one in w.do(w.publisher.list_topic_subscriptions, topic=topic)]
    gone = w.code(w.subscriber.pull, subscription=first, max_messages=1, return_immediately=True)
    return [sorted(listed), sorted(of_topic), left, gone]


@scenario(
    "Subscriptions",
    "detach: no more messages, pulls fail",
    [True, "FAILED_PRECONDITION", "FAILED_PRECONDITION"],
    intended="the emulator cannot detach",
)
def subscription_detach(w: World) -> Any:
    w.topic()
    name = w.subscription()
    w.publish(b"x")
    w.do(w.publisher.detach_subscription, subscription=name)
    stream = w.stream(name)
    return [
        w.do(w.subscriber.get_subscription, subscription=name).detached,
        w.code(w.subscriber.pull, subscription=name, max_messages=1, return_immediately=True),
        stream.end(),
    ]


@scenario(
    "Subscriptions",
    "exports to BigQuery and Cloud Storage are refused",
    "UNIMPLEMENTED",
    intended="the emulator takes such a subscription; ours refuses what it would not deliver",
)
def subscription_export(w: World) -> Any:
    w.topic()
    return code(lambda: w.subscription(bigquery_config={"table": "project.dataset.table"}))


# Filters ------------------------------------------------------------------------------------------------------------

_FILTERS = {
    "attributes:a": "a1 a2 ab a:b",
    'attributes.a = "1"': "a1 ab",
    'attributes.a != "1"': "a2 b - a:b",
    'hasPrefix(attributes.b, "x")': "ab b",
    "NOT attributes:a": "b -",
    "-attributes:a": "b -",
    'attributes:a AND attributes.b = "xy"': "ab",
    'attributes.a = "2" OR attributes.b = "xz"': "a2 b",
    "(attributes:a OR attributes:b) AND NOT (attributes:a AND attributes:b)": "a1 a2 b a:b",
    'attributes:"a:b"': "a:b",
}
_MESSAGES: dict[str, dict[str, str]] = {
    "a1": {"a": "1"},
    "a2": {"a": "2"},
    "ab": {"a": "1", "b": "xy"},
    "b": {"b": "xz"},
    "-": {},
    "a:b": {"a": "", "a:b": "1"},
}


@scenario(
    "Filters",
    "the whole language decides what is delivered",
    _FILTERS,
    intended="the emulator accepts filters and delivers everything",
)
def filter_delivers(w: World) -> Any:
    w.topic()
    names = {text: w.subscription(f"sub-{number}", filter=text) for number, text in enumerate(_FILTERS)}
    w.publish(*({"data": name.encode(), "attributes": attributes} for name, attributes in _MESSAGES.items()))
    w.subscription("last")  # what is not delivered by now has been filtered out: publishing is one step
    return {
        text: " ".join(data(w.pull(name, len(_FILTERS[text].split()) + 1, wait=0.05))) for text, name in names.items()
    }


@scenario(
    "Filters",
    "a faulty one is refused",
    ["INVALID_ARGUMENT"] * 8,
    intended="the emulator does not read filters",
)
def filter_refused(w: World) -> Any:
    w.topic()
    faulty = [
        "attributes",
        "attributes:",
        "attributes.a = 1",
        "attributes:a and attributes:b",
        "attributes:a AND attributes:b OR attributes:c",
        'hasSuffix(attributes.a, "x")',
        "(attributes:a",
        'attributes.a = "' + "x" * 250 + '"',
    ]
    return [code(lambda n=n, text=text: w.subscription(f"sub-{n}", filter=text)) for n, text in enumerate(faulty)]


@scenario("Filters", "kept as written, and unchangeable", ["attributes:a", "INVALID_ARGUMENT"])
def filter_kept(w: World) -> Any:
    w.topic()
    name = w.subscription(filter="attributes:a")
    return [
        w.do(w.subscriber.get_subscription, subscription=name).filter,
        w.code(
            w.subscriber.update_subscription,
            subscription={"name": name, "filter": "attributes:b"},
            update_mask={"paths": ["filter"]},
        ),
    ]


# Publishing ---------------------------------------------------------------------------------------------------------


@scenario(
    "Publishing",
    "data, attributes and ordering key arrive; id and time are set",
    ["æ\0", {"k": "v"}, "key", True, True],
)
def publish_round_trip(w: World) -> Any:
    w.topic()
    subscription = w.subscription()
    before = datetime.now(UTC) - timedelta(seconds=1)
    ids = w.publish({"data": "æ\0".encode(), "attributes": {"k": "v"}, "ordering_key": "key"})
    message = w.pull(subscription, 1)[0].message
    return [
        message.data.decode(),
        dict(message.attributes),
        message.ordering_key,
        [message.message_id] == ids,
        before < message.publish_time < datetime.now(UTC) + timedelta(seconds=1),
    ]


@scenario("Publishing", "ids are unique and grow", [100, True])
def publish_ids(w: World) -> Any:
    w.topic()
    ids = [number for _ in range(5) for number in w.publish(*[b"x"] * 20)]
    return [len(set(ids)), [int(number) for number in ids] == sorted(int(number) for number in ids)]


@scenario("Publishing", "attributes without data", [[b"", {"a": "1"}]])
def publish_attributes_only(w: World) -> Any:
    w.topic()
    subscription = w.subscription()
    w.publish({"attributes": {"a": "1"}})
    return [[one.message.data, dict(one.message.attributes)] for one in w.pull(subscription, 1)]


@scenario("Publishing", "neither data nor attributes is refused", ["INVALID_ARGUMENT", "INVALID_ARGUMENT", True])
def publish_empty(w: World) -> Any:
    w.topic()
    subscription = w.subscription()
    empty = code(lambda: w.publish({"ordering_key": "a"}))
    one_empty = code(lambda: w.publish(b"x", {}))  # all or none
    return [empty, one_empty, w.nothing(subscription)]


@scenario(
    "Publishing",
    "limits of attributes and ordering keys, in bytes",
    ["OK", "OK", "OK", "OK"] + ["INVALID_ARGUMENT"] * 5,
    intended="the emulator does not enforce the limits of attributes and ordering keys",
)
def publish_limits(w: World) -> Any:
    w.topic()
    cases: list[dict[str, Any]] = [
        {"attributes": {f"k{n}": "v" for n in range(100)}},
        {"attributes": {"k" * 256: "v"}},
        {"attributes": {"k": "v" * 1024}},
        {"ordering_key": "o" * 1024},
        {"attributes": {f"k{n}": "v" for n in range(101)}},
        {"attributes": {"k" * 257: "v"}},
        {"attributes": {"k": "ø" * 513}},
        {"attributes": {"googclient": "v"}},
        {"ordering_key": "o" * 1025},
    ]
    return [code(lambda case=case: w.publish({"data": b"x"} | case)) for case in cases]


@scenario(
    "Publishing", "10 MB and no more", ["OK", "INVALID_ARGUMENT", 10_000_000], intended="the emulator goes to 10 MiB"
)
def publish_size(w: World) -> Any:
    w.topic()
    subscription = w.subscription()
    largest = code(lambda: w.publish(b"x" * 10_000_000))
    larger = code(lambda: w.publish(b"x" * 10_000_001))
    return [largest, larger, len(w.pull(subscription, 1)[0].message.data)]


@scenario("Publishing", "every subscription gets each message, from its creation on", [["1", "2"], ["2"]])
def publish_fan_out(w: World) -> Any:
    w.topic()
    early = w.subscription("early")
    w.publish(b"1")
    late = w.subscription("late")
    w.publish(b"2")
    return [sorted(data(w.pull(early, 2))), data(w.pull(late, 2, QUIET))]


# Pull ---------------------------------------------------------------------------------------------------------------


@scenario("Pull", "no more than asked for; acknowledged is gone", [3, 2, True])
def pull_acknowledge(w: World) -> Any:
    w.topic()
    subscription = w.subscription()
    w.publish(b"1", b"2", b"3", b"4", b"5")
    answer = w.do(w.subscriber.pull, subscription=subscription, max_messages=3, return_immediately=True)
    first = list(answer.received_messages)
    rest = w.pull(subscription, 2)
    w.ack(subscription, first + rest)
    w.ack(subscription, first)  # twice does no harm
    return [len(first), len(rest), w.nothing(subscription)]


@scenario("Pull", "at once: empty when there is nothing", [0, True])
def pull_at_once(w: World) -> Any:
    w.topic()
    name = w.subscription()
    start = time.monotonic()
    answer = w.do(w.subscriber.pull, subscription=name, max_messages=1, return_immediately=True)
    return [len(answer.received_messages), time.monotonic() - start < 2]


@scenario("Pull", "waits for a message", [["x"], True])
def pull_waits(w: World) -> Any:
    w.topic()
    name = w.subscription()
    start = time.monotonic()
    with w.later(0.3, lambda: w.publish(b"x")):
        answer = w.do(w.subscriber.pull, subscription=name, max_messages=1)
    return [data(list(answer.received_messages)), 0.25 < time.monotonic() - start < 5]


@scenario("Pull", "faulty requests are refused", ["INVALID_ARGUMENT"] * 4)
def pull_refused(w: World) -> Any:
    w.topic()
    name = w.subscription()
    w.publish(b"x")
    ack_id = w.pull(name, 1)[0].ack_id
    modify = w.subscriber.modify_ack_deadline
    return [
        w.code(w.subscriber.pull, subscription=name, max_messages=0, return_immediately=True),
        w.code(w.subscriber.acknowledge, subscription=name),
        w.code(modify, subscription=name, ack_deadline_seconds=10),
        w.code(modify, subscription=name, ack_ids=[ack_id], ack_deadline_seconds=-1),
    ]


@scenario(
    "Pull", "no deadline beyond 600 s", "INVALID_ARGUMENT", intended="the emulator takes any deadline when modifying"
)
def pull_long_deadline(w: World) -> Any:
    w.topic()
    name = w.subscription()
    w.publish(b"x")
    ids = [w.pull(name, 1)[0].ack_id]
    return w.code(w.subscriber.modify_ack_deadline, subscription=name, ack_ids=ids, ack_deadline_seconds=601)


@scenario("Pull", "an acknowledgement after the deadline counts if the message has not gone out again", True)
def pull_late_acknowledge(w: World) -> Any:
    w.topic()
    name = w.subscription()
    w.publish(b"x")
    received = w.pull(name, 1)
    w.modify(name, received, 1)
    time.sleep(1.2)
    w.ack(name, received)
    return w.nothing(name)


@scenario("Pull", "nack (deadline 0) redelivers at once", [["x"], True, True])
def pull_nack(w: World) -> Any:
    w.topic()
    name = w.subscription()
    w.publish(b"x")
    first = w.pull(name, 1)
    w.modify(name, first, 0)
    start = time.monotonic()
    again = w.pull(name, 1)
    return [data(again), first[0].ack_id != again[0].ack_id, time.monotonic() - start < 2]


@scenario("Pull", "the deadline passes: redelivered, not before", [True, ["x"]])
def pull_deadline(w: World) -> Any:
    w.topic()
    name = w.subscription()
    w.publish(b"x")
    w.modify(name, w.pull(name, 1), 1)
    return [w.nothing(name, 0.6), data(w.pull(name, 1, 5))]


@scenario("Pull", "a deadline extended in time holds", True)
def pull_extend(w: World) -> Any:
    w.topic()
    name = w.subscription()
    w.publish(b"x")
    received = w.pull(name, 1)
    w.modify(name, received, 1)
    w.modify(name, received, 30)
    return w.nothing(name, 1.5)


@scenario("Pull", "ids of leases that are over are accepted in silence", ["OK", "OK", "OK"])
def pull_late(w: World) -> Any:
    w.topic()
    name = w.subscription()
    w.publish(b"x")
    received = w.pull(name, 1)
    w.modify(name, received, 0)
    again = w.pull(name, 1)
    w.ack(name, again)
    ids = [received[0].ack_id]
    return [
        w.code(w.subscriber.acknowledge, subscription=name, ack_ids=ids),
        w.code(w.subscriber.modify_ack_deadline, subscription=name, ack_ids=ids, ack_deadline_seconds=10),
        w.code(w.subscriber.acknowledge, subscription=name, ack_ids=[again[0].ack_id]),
    ]


@scenario("Pull", "delivery attempts are shown only with a dead-letter policy", [0, 1, 2])
def pull_attempts(w: World) -> Any:
    w.topic()
    plain = w.subscription("plain")
    counted = w.subscription("counted", dead_letter_policy={"dead_letter_topic": w.topic("dead")})
    w.publish(b"x")
    received = w.pull(counted, 1)
    w.modify(counted, received, 0)
    return [w.pull(plain, 1)[0].delivery_attempt, received[0].delivery_attempt, w.pull(counted, 1)[0].delivery_attempt]


# Streaming pull -----------------------------------------------------------------------------------------------------


@scenario("Streaming pull", "delivers as published; acknowledged over the stream", [["1", "2"], ["3"], True])
def stream_acknowledge(w: World) -> Any:
    w.topic()
    name = w.subscription()
    w.publish(b"1", b"2")
    stream = w.stream(name)
    first = stream.take(2)
    w.publish(b"3")
    second = stream.take(1)
    for received in (first, second):
        stream.send(ack_ids=[one.ack_id for one in received])
    time.sleep(0.2)
    stream.close()
    return [sorted(data(first)), data(second), w.nothing(name)]


@scenario("Streaming pull", "deadlines over the stream: 0 redelivers, others extend", [["x"], ["x"], []])
def stream_deadlines(w: World) -> Any:
    w.topic()
    name = w.subscription()
    w.publish(b"x")
    stream = w.stream(name)
    first = stream.take(1)
    stream.send(modify_deadline_ack_ids=[first[0].ack_id], modify_deadline_seconds=[0])
    second = stream.take(1)
    stream.send(modify_deadline_ack_ids=[second[0].ack_id], modify_deadline_seconds=[60])
    return [data(first), data(second), data(stream.take(1, QUIET))]


@scenario(
    "Streaming pull",
    "flow control: so many messages outstanding",
    [3, 0, 2],
    intended="the emulator leaves flow control to the client",
)
def stream_flow_messages(w: World) -> Any:
    w.topic()
    name = w.subscription()
    w.publish(*[b"x"] * 10)
    stream = w.stream(name, max_outstanding_messages=3)
    first = stream.take(3)
    more = stream.take(1, QUIET)
    stream.send(ack_ids=[one.ack_id for one in first[:2]])
    return [len(first), len(more), len(stream.take(3, 1))]


@scenario(
    "Streaming pull",
    "flow control: so many bytes outstanding",
    [2, 0, 1],
    intended="the emulator leaves flow control to the client",
)
def stream_flow_bytes(w: World) -> Any:
    w.topic()
    name = w.subscription()
    for _ in range(5):
        w.publish(b"x" * 1000)
    stream = w.stream(name, max_outstanding_bytes=2500)
    first = stream.take(2)
    more = stream.take(1, QUIET)
    stream.send(ack_ids=[first[0].ack_id])
    return [len(first), len(more), len(stream.take(2, 1))]


@scenario("Streaming pull", "faulty streams end with a code", ["INVALID_ARGUMENT", "INVALID_ARGUMENT", "NOT_FOUND"])
def stream_refused(w: World) -> Any:
    w.topic()
    name = w.subscription()
    return [
        w.stream(name, stream_ack_deadline_seconds=9).end(),
        w.stream(name, stream_ack_deadline_seconds=601).end(),
        w.stream(w.name("subscriptions", "missing")).end(),
    ]


@scenario("Streaming pull", "ends when its subscription is deleted", "NOT_FOUND")
def stream_deleted(w: World) -> Any:
    w.topic()
    name = w.subscription()
    w.publish(b"x")
    stream = w.stream(name)
    stream.take(1)
    w.do(w.subscriber.delete_subscription, subscription=name)
    return stream.end(5)


@scenario(
    "Streaming pull",
    "tells the properties of the subscription",
    [{"exactly_once": False, "ordering": True}, {"exactly_once": True, "ordering": False}],
)
def stream_properties(w: World) -> Any:
    w.topic()
    streams = [
        w.stream(w.subscription("ordered", enable_message_ordering=True)),
        w.stream(w.subscription("once", enable_exactly_once_delivery=True)),
    ]
    w.publish(b"x")
    for stream in streams:
        stream.take(1)
    return [stream.properties for stream in streams]


@scenario("Streaming pull", "two streams share the messages", [20, 20])
def stream_share(w: World) -> Any:
    w.topic()
    name = w.subscription()
    streams = [w.stream(name) for _ in range(2)]
    w.publish(*(str(number).encode() for number in range(20)))
    taken: list[str] = []
    until = time.monotonic() + 5
    while len(taken) < 20 and time.monotonic() < until:
        taken += [text for stream in streams for text in data(stream.take(20, 0.1))]
    return [len(taken), len(set(taken))]


@scenario("Streaming pull", "the high-level client: callback, ack, nack", [["1", "2", "2", "3"], True])
def stream_client(w: World) -> Any:
    w.topic()
    name = w.subscription()
    client = pubsub_v1.SubscriberClient(transport=w.subscriber.transport)
    seen: list[str] = []

    def callback(message: Any) -> None:
        seen.append(message.data.decode())
        (message.nack if seen.count("2") == 1 and message.data == b"2" else message.ack)()

    future = client.subscribe(name, callback)
    w.publish(b"1", b"2", b"3")
    until = time.monotonic() + 10
    while len(seen) < 4 and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(0.2)
    future.cancel()
    future.result(10)
    return [sorted(seen), w.nothing(name)]


# Exactly once -------------------------------------------------------------------------------------------------------


@scenario(
    "Exactly once",
    "acknowledgements are confirmed on the stream, late ones refused",
    [True, True, True],
    intended="the emulator confirms only unary acknowledgements",
)
def once_stream(w: World) -> Any:
    w.topic()
    name = w.subscription(enable_exactly_once_delivery=True)
    w.publish(b"1")
    stream = w.stream(name)
    first = stream.take(1)[0].ack_id
    stream.send(modify_deadline_ack_ids=[first], modify_deadline_seconds=[0])
    second = stream.take(1)[0].ack_id
    stream.send(ack_ids=[first])
    stream.send(ack_ids=[second])
    until = time.monotonic() + 5
    while not (stream.confirmed and stream.refused) and time.monotonic() < until:
        time.sleep(0.01)
    return [first != second, stream.confirmed == [second], stream.refused == [first]]


@scenario(
    "Exactly once",
    "a late unary acknowledgement fails and names the id",
    ["OK", "INVALID_ARGUMENT", {"PERMANENT_FAILURE_INVALID_ACK_ID"}],
)
def once_unary(w: World) -> Any:
    w.topic()
    name = w.subscription(enable_exactly_once_delivery=True)
    w.publish(b"1", b"2")
    late, good = w.pull(name, 2)
    w.modify(name, [late], 0)
    reasons: set[str] = set()
    w.pull(name, 1)

    def acknowledge_late() -> None:
        try:
            w.ack(name, [late])
        except Exception as error:
            reasons.update(error.details[0].metadata.values())  # type: ignore[attr-defined]
            raise

    return [code(lambda: w.ack(name, [good])), code(acknowledge_late), reasons]


@scenario(
    "Exactly once", "the high-level client learns the fate of each acknowledgement", ["SUCCESS", "INVALID_ACK_ID"]
)
def once_client(w: World) -> Any:
    w.topic()
    name = w.subscription(enable_exactly_once_delivery=True)
    client = pubsub_v1.SubscriberClient(transport=w.subscriber.transport)
    fates: list[str] = []
    seen: list[bytes] = []

    def callback(message: Any) -> None:
        seen.append(message.data)
        if len(seen) == 3:
            message.ack()  # the late one again
            return
        if message.data == b"late":
            w.modify(name, [message], 0)
        try:
            fates.append(message.ack_with_response().result(10).name)
        except AcknowledgeError as error:
            fates.append(error.error_code.name)

    future = client.subscribe(name, callback)
    w.publish(b"good")
    until = time.monotonic() + 10
    while len(fates) < 1 and time.monotonic() < until:
        time.sleep(0.02)
    w.publish(b"late")
    while len(fates) < 2 and time.monotonic() < until:
        time.sleep(0.02)
    future.cancel()
    future.result(10)
    return fates[:2]


@scenario(
    "Exactly once",
    "not with push",
    "INVALID_ARGUMENT",
    intended="the emulator takes the combination, which production does not have",
)
def once_push(w: World) -> Any:
    w.topic()
    push = {"push_endpoint": "http://127.0.0.1:1/"}
    return code(lambda: w.subscription(enable_exactly_once_delivery=True, push_config=push))


# Ordering -----------------------------------------------------------------------------------------------------------


def _keyed(keys: str, count: int) -> list[dict[str, Any]]:
    return [{"data": f"{key}{n}".encode(), "ordering_key": key} for n in range(count) for key in keys]


def _of_key(received: list[Any], key: str) -> list[str]:
    return [text for text in data(received) if text.startswith(key)]


@scenario("Ordering", "in order for each key", [[f"a{n}" for n in range(20)], [f"b{n}" for n in range(20)]])
def order_kept(w: World) -> Any:
    w.topic()
    name = w.subscription(enable_message_ordering=True)
    w.publish(*_keyed("ab", 20))
    received = w.pull(name, 40, ack=True, at_once=7)
    return [_of_key(received, "a"), _of_key(received, "b")]


@scenario("Ordering", "several of one key go out together, in order", ["a0", "a1", "a2", "a3", "a4"])
def order_together(w: World) -> Any:
    w.topic()
    name = w.subscription(enable_message_ordering=True)
    w.publish(*_keyed("a", 5))
    return data(w.stream(name).take(5, 2))


@scenario(
    "Ordering",
    "after a nack it and the later ones of its key come again, in order",
    ["a1", "a2", "a3"],
    intended="the emulator goes on with the key and sends the refused message alone, later",
)
def order_nack(w: World) -> Any:
    w.topic()
    name = w.subscription(enable_message_ordering=True)
    w.publish(*_keyed("a", 4))
    received = w.pull(name, 4)
    w.ack(name, received[:1])
    w.modify(name, received[1:2], 0)
    return data(w.pull(name, 3, 2))


@scenario("Ordering", "after a deadline has passed likewise", ["a0", "a1", "a2"])
def order_deadline(w: World) -> Any:
    w.topic()
    name = w.subscription(enable_message_ordering=True)
    w.publish(*_keyed("a", 3))
    received = w.pull(name, 3)
    w.modify(name, received[:1], 1)
    time.sleep(1.2)
    return data(w.pull(name, 3, 2))


@scenario(
    "Ordering",
    "later ones that were acknowledged come again too",
    ["a0", "a1", "a2"],
    intended="the emulator goes on with the key and sends the refused message alone, later",
)
def order_acknowledged(w: World) -> Any:
    w.topic()
    name = w.subscription(enable_message_ordering=True)
    w.publish(*_keyed("a", 3))
    received = w.pull(name, 3)
    w.ack(name, received[1:2])
    w.modify(name, received[:1], 0)
    return data(w.pull(name, 3, 2))


@scenario("Ordering", "while some of a key are out, another pull gets none of it", [["a0"], [], ["a1"]])
def order_blocks(w: World) -> Any:
    w.topic()
    name = w.subscription(enable_message_ordering=True)
    w.publish(*_keyed("a", 2))
    first = w.pull(name, 1)
    second = w.pull(name, 1, QUIET)
    w.ack(name, first)
    return [data(first), data(second), data(w.pull(name, 1, 2))]


@scenario("Ordering", "one key that waits does not hold up another", [["a0"], ["b0"]])
def order_independent(w: World) -> Any:
    w.topic()
    name = w.subscription(enable_message_ordering=True)
    w.publish({"data": b"a0", "ordering_key": "a"})
    first = w.pull(name, 1)
    w.publish({"data": b"a1", "ordering_key": "a"}, {"data": b"b0", "ordering_key": "b"})
    return [data(first), data(w.pull(name, 2, QUIET))]


@scenario("Ordering", "off: keys are carried and nothing waits", [["a0", "a1"], ["a", "a"]])
def order_off(w: World) -> Any:
    w.topic()
    name = w.subscription()
    w.publish(*_keyed("a", 2))
    received = [*w.pull(name, 1), *w.pull(name, 1, 1)]
    return [sorted(data(received)), [one.message.ordering_key for one in received]]


# Retries and dead letters -------------------------------------------------------------------------------------------


def _refuse(w: World, subscription: str, times: int) -> list[int]:
    attempts = []
    for _ in range(times):
        received = w.pull(subscription, 1, 3)
        attempts += [one.delivery_attempt for one in received]
        if received:
            w.modify(subscription, received, 0)
    return attempts


def _delivery_times(w: World, count: int) -> list[float]:
    w.topic()
    policy = {"minimum_backoff": {"seconds": 1}, "maximum_backoff": {"seconds": 4}}
    name = w.subscription(retry_policy=policy)
    w.publish(b"x")
    times = []
    for _ in range(count):
        received = w.pull(name, 1, 8)
        times.append(time.monotonic())
        w.modify(name, received, 0)
    return times


@scenario("Retries", "backoff after a nack", True)
def retry_backoff(w: World) -> Any:
    first, _, third = _delivery_times(w, 3)
    return 1.5 <= third - first <= 6


@scenario(
    "Retries",
    "the minimum at first, then twice as long",
    [True, True],
    intended="the emulator does not wait after the first nack",
)
def retry_doubles(w: World) -> Any:
    first, second = seconds_between(_delivery_times(w, 3))
    return [0.9 <= first <= 1.6, 1.9 <= second <= 2.6]


@scenario(
    "Dead letters",
    "after so many attempts to the dead-letter topic, with where it came from",
    [
        [1, 2, 3, 4, 5],
        True,
        ["x"],
        {"a", "DeliveryCount", "Subscription", "SubscriptionProject", "TopicPublishTime"},
        "5",
        "source",
    ],
)
def dead_letter(w: World) -> Any:
    w.topic()
    dead = w.topic("dead")
    grave = w.subscription("grave", topic="dead")
    policy = {"dead_letter_topic": dead, "max_delivery_attempts": 5}
    name = w.subscription("source", dead_letter_policy=policy)
    w.publish({"data": b"x", "attributes": {"a": "1"}})
    attempts = _refuse(w, name, 5)
    gone = w.nothing(name)
    buried = w.pull(grave, 1, 5)
    attributes = dict(buried[0].message.attributes)
    prefix = "CloudPubSubDeadLetterSource"
    return [
        attempts,
        gone,
        data(buried),
        {key.removeprefix(prefix) for key in attributes},
        attributes[f"{prefix}DeliveryCount"],
        attributes[f"{prefix}Subscription"],
    ]


@scenario("Dead letters", "a passed deadline counts as an attempt", [1, 2])
def dead_letter_deadline(w: World) -> Any:
    w.topic()
    name = w.subscription(dead_letter_policy={"dead_letter_topic": w.topic("dead")})
    w.publish(b"x")
    first = w.pull(name, 1)
    w.modify(name, first, 1)
    return [first[0].delivery_attempt, w.pull(name, 1, 5)[0].delivery_attempt]


@scenario(
    "Dead letters",
    "with ordering: the next of the key goes on",
    [["a0"] * 5, ["a1", "a2"], ["a0"]],
    intended="the emulator goes on with the key and sends the refused message alone, later",
)
def dead_letter_ordered(w: World) -> Any:
    w.topic()
    grave = w.subscription("grave", topic=w.topic("dead").rpartition("/")[2])
    policy = {"dead_letter_topic": w.name("topics", "dead"), "max_delivery_attempts": 5}
    name = w.subscription(enable_message_ordering=True, dead_letter_policy=policy)
    w.publish(*_keyed("a", 3))
    refused = []
    for _ in range(5):
        received = w.pull(name, 1, 3)
        refused += data(received)
        w.modify(name, received, 0)
    return [refused, data(w.pull(name, 2, 2, ack=True)), data(w.pull(grave, 1, 2))]


# Push ---------------------------------------------------------------------------------------------------------------


@scenario("Push", "the body", [{"message", "subscription"}, True, "eA==", {"a": "1"}, True, True, True])
def push_body(w: World) -> Any:
    w.topic()
    endpoint = w.endpoint()
    name = w.subscription(push_config={"push_endpoint": endpoint.url})
    ids = w.publish({"data": b"x", "attributes": {"a": "1"}})
    body = json.loads(endpoint.wait(1)[0]["body"])
    message = body["message"]
    return [
        set(body),
        body["subscription"] == name,
        message["data"],
        message["attributes"],
        [message["messageId"]] == ids == [message["message_id"]],
        message["publishTime"] == message["publish_time"],
        bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", message["publishTime"])),
    ]


@scenario("Push", "path and content type", ["/push", "application/json"])
def push_headers(w: World) -> Any:
    w.topic()
    endpoint = w.endpoint()
    w.subscription(push_config={"push_endpoint": endpoint.url})
    w.publish(b"x")
    request = endpoint.wait(1)[0]
    return [request["path"], request["headers"]["content-type"].partition(";")[0]]


@scenario("Push", "delivered once when accepted", [1, True])
def push_once(w: World) -> Any:
    w.topic()
    endpoint = w.endpoint()
    name = w.subscription(push_config={"push_endpoint": endpoint.url})
    w.publish(b"x")
    endpoint.wait(1)
    endpoint.wait(2, QUIET)
    return [len(endpoint.requests), w.nothing(name)]


def _deliveries(w: World, statuses: tuple[int, ...], total: int) -> dict[int, int]:
    """How often a message is delivered whose first delivery is answered with the status, all later ones with 204."""
    counts = dict.fromkeys(statuses, 0)
    for status in statuses:

        def answer(_: dict[str, Any], status: int = status) -> int:
            counts[status] += 1
            return status if counts[status] == 1 else 204

        topic = f"topic-{status}"
        w.topic(topic)
        w.subscription(f"subscription-{status}", topic, push_config={"push_endpoint": w.endpoint(answer).url})
        w.publish(b"x", topic=topic)
    until = time.monotonic() + 6
    while sum(counts.values()) < total and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(QUIET)
    return counts


@scenario(
    "Push",
    "102, 200, 201 and 204 accept; errors and redirections refuse",
    {102: 1, 200: 1, 201: 1, 204: 1, 301: 2, 404: 2, 429: 2, 500: 2, 503: 2},
)
def push_statuses(w: World) -> Any:
    return _deliveries(w, (102, 200, 201, 204, 301, 404, 429, 500, 503), 14)


@scenario(
    "Push",
    "202 accepts, 203 does not",
    {202: 1, 203: 2},
    intended="the emulator has it the other way round",
)
def push_accepted(w: World) -> Any:
    return _deliveries(w, (202, 203), 3)


@scenario("Push", "attributes without data", [{"a": "1"}, ""])
def push_attributes_only(w: World) -> Any:
    w.topic()
    endpoint = w.endpoint()
    w.subscription(push_config={"push_endpoint": endpoint.url})
    w.publish({"attributes": {"a": "1"}})
    message = json.loads(endpoint.wait(1)[0]["body"])["message"]
    return [message["attributes"], message.get("data", "")]


@scenario(
    "Push",
    "the ordering key and, with a dead-letter policy, the attempt stand in the body",
    ["key", 1, None],
    intended="the emulator's bodies carry neither",
)
def push_ordering_key(w: World) -> Any:
    w.topic()
    endpoint, other = w.endpoint(), w.endpoint()
    w.subscription(
        push_config={"push_endpoint": endpoint.url}, dead_letter_policy={"dead_letter_topic": w.topic("dead")}
    )
    w.subscription("other", push_config={"push_endpoint": other.url})
    w.publish({"data": b"x", "ordering_key": "key"})
    body, plain = (json.loads(one.wait(1)[0]["body"]) for one in (endpoint, other))
    return [body["message"].get("orderingKey"), body.get("deliveryAttempt"), plain.get("deliveryAttempt")]


@scenario(
    "Push",
    "an OIDC token of the service account, when one is configured",
    ["Bearer", {"aud": "https://audience", "email": ACCOUNT, "email_verified": True}, True],
    intended="the emulator sends no Authorization header",
)
def push_token(w: World) -> Any:
    w.topic()
    endpoint, plain = w.endpoint(), w.endpoint()
    token = {"service_account_email": ACCOUNT, "audience": "https://audience"}
    w.subscription(push_config={"push_endpoint": endpoint.url, "oidc_token": token})
    w.subscription("plain", push_config={"push_endpoint": plain.url})
    w.publish(b"x")
    kind, _, jwt = endpoint.wait(1)[0]["headers"].get("authorization", "").partition(" ")
    claims = json.loads(base64.urlsafe_b64decode(jwt.split(".")[1] + "==")) if jwt else {}
    shown = {key: claims[key] for key in ("aud", "email", "email_verified") if key in claims}
    return [kind, shown, "authorization" not in plain.wait(1)[0]["headers"]]


@scenario(
    "Push",
    "unwrapped: the data alone, or with metadata in headers",
    ["raw ø", False, "raw ø", {"subscription-name": True, "message-id": True, "publish-time": True}, "1"],
)
def push_unwrapped(w: World) -> Any:
    w.topic()
    plain, full = w.endpoint(), w.endpoint()
    w.subscription("plain", push_config={"push_endpoint": plain.url, "no_wrapper": {"write_metadata": False}})
    name = w.subscription("full", push_config={"push_endpoint": full.url, "no_wrapper": {"write_metadata": True}})
    ids = w.publish({"data": "raw ø".encode(), "attributes": {"some-attribute": "1"}})
    one, two = plain.wait(1)[0], full.wait(1)[0]
    headers = two["headers"]
    return [
        one["body"].decode(),
        "x-goog-pubsub-message-id" in one["headers"],
        two["body"].decode(),
        {
            "subscription-name": headers.get("x-goog-pubsub-subscription-name") == name,
            "message-id": [headers.get("x-goog-pubsub-message-id")] == ids,
            "publish-time": "x-goog-pubsub-publish-time" in headers,
        },
        headers.get("some-attribute"),
    ]


@scenario("Push", "several at a time, and no more than the window", [True, True, 20])
def push_concurrency(w: World) -> Any:
    def answer(_: dict[str, Any]) -> int:
        time.sleep(0.1)
        return 204

    w.topic()
    endpoint = w.endpoint(answer)
    w.subscription(push_config={"push_endpoint": endpoint.url})
    w.publish(*(str(number).encode() for number in range(20)))
    endpoint.wait(20)
    bodies = {json.loads(one["body"])["message"]["data"] for one in endpoint.requests}
    return [endpoint.busiest > 1, endpoint.busiest <= 64, len(bodies)]


@scenario(
    "Push", "ordered: one at a time for each key, a refused one again before the next", [1, ["a0", "a0", "a1", "a2"]]
)
def push_ordered(w: World) -> Any:
    first = [503]

    def answer(_: dict[str, Any]) -> int:
        time.sleep(0.02)
        return first.pop() if first else 204

    w.topic()
    endpoint = w.endpoint(answer)
    w.subscription(push_config={"push_endpoint": endpoint.url}, enable_message_ordering=True)
    w.publish(*_keyed("a", 3))
    endpoint.wait(4)
    seen = [base64.b64decode(json.loads(one["body"])["message"]["data"]).decode() for one in endpoint.requests]
    return [endpoint.busiest, seen]


@scenario("Push", "with dead letters", [5, ["x"]])
def push_dead_letter(w: World) -> Any:
    w.topic()
    endpoint = w.endpoint(lambda _: 500)
    grave = w.subscription("grave", topic=w.topic("dead").rpartition("/")[2])
    policy = {"dead_letter_topic": w.name("topics", "dead"), "max_delivery_attempts": 5}
    w.subscription(push_config={"push_endpoint": endpoint.url}, dead_letter_policy=policy)
    w.publish(b"x")
    return [len(endpoint.wait(5, 8)), data(w.pull(grave, 1, 8))]


@scenario(
    "Push",
    "ordered and with dead letters: the poisoned message is buried and its key goes on",
    [["a0"] * 5 + ["a1", "a2"], ["a0"]],
    intended="the emulator stops delivering",
)
def push_ordered_dead_letter(w: World) -> Any:
    def text(request: dict[str, Any]) -> str:
        return base64.b64decode(json.loads(request["body"])["message"]["data"]).decode()

    w.topic()
    endpoint = w.endpoint(lambda request: 500 if text(request) == "a0" else 204)
    grave = w.subscription("grave", topic=w.topic("dead").rpartition("/")[2])
    policy = {"dead_letter_topic": w.name("topics", "dead"), "max_delivery_attempts": 5}
    w.subscription(push_config={"push_endpoint": endpoint.url}, enable_message_ordering=True, dead_letter_policy=policy)
    w.publish(*_keyed("a", 3))
    return [[text(one) for one in endpoint.wait(7, 6)], data(w.pull(grave, 1, 1))]


@scenario("Push", "switched to pull and back", [["1"], ["2"], ["3"], "INVALID_ARGUMENT"])
def push_switch(w: World) -> Any:
    def texts(endpoint: Any, count: int) -> list[str]:
        bodies = [json.loads(one["body"])["message"]["data"] for one in endpoint.wait(count)]
        return [base64.b64decode(body).decode() for body in bodies]

    w.topic()
    one, two = w.endpoint(), w.endpoint()
    name = w.subscription(push_config={"push_endpoint": one.url})
    modify = w.subscriber.modify_push_config
    w.publish(b"1")
    first = texts(one, 1)
    w.do(modify, subscription=name, push_config={})
    w.publish(b"2")
    pulled = w.pull(name, 1, ack=True)
    w.do(modify, subscription=name, push_config={"push_endpoint": two.url})
    w.publish(b"3")
    refused = w.code(modify, subscription=name, push_config={"push_endpoint": "no url"})
    return [first, data(pulled), texts(two, 1), refused]


# Replay -------------------------------------------------------------------------------------------------------------


def _now() -> Timestamp:
    time.sleep(0.02)  # publish times have milliseconds
    now = Timestamp()
    now.FromNanoseconds(time.time_ns())
    time.sleep(0.02)
    return now


@scenario("Replay", "seek back in time: retained acknowledged messages come again", [["2", "3"], True])
def seek_back(w: World) -> Any:
    w.topic()
    name = w.subscription(retain_acked_messages=True)
    w.publish(b"1")
    middle = _now()
    w.publish(b"2", b"3")
    w.pull(name, 3, ack=True)
    w.do(w.subscriber.seek, subscription=name, time=middle)
    return [sorted(data(w.pull(name, 2, 2, ack=True))), w.nothing(name)]


@scenario("Replay", "seek forward: what is older is acknowledged", [True, ["2"]])
def seek_forward(w: World) -> Any:
    w.topic()
    name = w.subscription()
    w.publish(b"1")
    w.do(w.subscriber.seek, subscription=name, time=_now())
    purged = w.nothing(name)
    w.publish(b"2")
    return [purged, data(w.pull(name, 1))]


@scenario("Replay", "not retained: acknowledged messages stay away", [["2"]])
def seek_not_retained(w: World) -> Any:
    start = _now()
    w.topic()
    name = w.subscription()
    w.publish(b"1")
    w.pull(name, 1, ack=True)
    w.publish(b"2")
    w.do(w.subscriber.seek, subscription=name, time=start)
    return [data(w.pull(name, 2, QUIET))]


@scenario(
    "Replay",
    "retained by the topic: replayed to a subscription made later",
    ["1", "2"],
)
def seek_topic_retention(w: World) -> Any:
    start = _now()
    w.topic(message_retention_duration={"seconds": 3600})
    w.publish(b"1", b"2")
    name = w.subscription()
    w.do(w.subscriber.seek, subscription=name, time=start)
    return sorted(data(w.pull(name, 2, QUIET)))


@scenario(
    "Replay",
    "a subscription shows what its topic retains",
    3600,
    intended="the emulator does not show it",
)
def topic_retention_shown(w: World) -> Any:
    w.topic(message_retention_duration={"seconds": 3600})
    got = w.do(w.subscriber.get_subscription, subscription=w.subscription())
    return got.topic_message_retention_duration.seconds


@scenario("Replay", "seek to a snapshot: what was owed then, and what came later", [["2"], ["2", "3"]])
def snapshot_seek(w: World) -> Any:
    w.topic()
    name = w.subscription()
    w.publish(b"1")
    w.pull(name, 1, ack=True)
    w.publish(b"2")
    snapshot = w.name("snapshots", "snapshot")
    w.do(w.subscriber.create_snapshot, name=snapshot, subscription=name)
    first = w.pull(name, 1, ack=True)
    w.publish(b"3")
    w.pull(name, 1, ack=True)
    w.do(w.subscriber.seek, subscription=name, snapshot=snapshot)
    return [data(first), sorted(data(w.pull(name, 2, 2)))]


@scenario(
    "Replay",
    "snapshots: create, get, list, delete",
    [True, True, ["snap-1"], ["snap-1"], "ALREADY_EXISTS", "NOT_FOUND", True],
)
def snapshot_life(w: World) -> Any:
    topic = w.topic()
    subscription = w.subscription()
    name = w.name("snapshots", "snap-1")
    create = w.subscriber.create_snapshot
    made = w.do(create, name=name, subscription=subscription)
    got = w.do(w.subscriber.get_snapshot, snapshot=name)
    project = f"projects/{w.project}"
    listed = [one.name.rpartition("/")[2] for one in w.do(w.subscriber.list_snapshots, project=project)]
    of_topic = [one.rpartition("/")[2] for one in w.do(w.publisher.list_topic_snapshots, topic=topic)]
    twice = w.code(create, name=name, subscription=subscription)
    w.do(w.subscriber.delete_snapshot, snapshot=name)
    week = timedelta(days=6, hours=23) < made.expire_time - datetime.now(UTC) <= timedelta(days=7, minutes=1)
    return [
        made.topic == topic,
        got.name == name,
        listed,
        of_topic,
        twice,
        w.code(w.subscriber.get_snapshot, snapshot=name),
        week,
    ]


@scenario(
    "Replay",
    "snapshots: labels, update",
    [{"a": "1"}, {"a": "2"}],
    intended="the emulator drops their labels and cannot update them",
)
def snapshot_update(w: World) -> Any:
    w.topic()
    name = w.name("snapshots", "snap-1")
    made = w.do(w.subscriber.create_snapshot, name=name, subscription=w.subscription(), labels={"a": "1"})
    changed = {"name": name, "labels": {"a": "2"}}
    after = w.do(w.subscriber.update_snapshot, snapshot=changed, update_mask={"paths": ["labels"]})
    return [dict(made.labels), dict(after.labels)]


@scenario("Replay", "faulty seeks are refused", ["INVALID_ARGUMENT", "NOT_FOUND", "NOT_FOUND"])
def seek_refused(w: World) -> Any:
    w.topic()
    name = w.subscription()
    return [
        w.code(w.subscriber.seek, subscription=name),
        w.code(w.subscriber.seek, subscription=name, snapshot=w.name("snapshots", "missing")),
        w.code(w.subscriber.seek, subscription=w.name("subscriptions", "missing"), time=_now()),
    ]


# The rest -----------------------------------------------------------------------------------------------------------


@scenario(
    "Access",
    "IAM policies are kept and shown; every permission is granted",
    [["roles/pubsub.publisher"], True, ["pubsub.topics.publish"], "NOT_FOUND"],
    intended="the emulator has no IAM",
)
def iam_policy(w: World) -> Any:
    name = w.topic()
    policy = policy_pb2.Policy(bindings=[{"role": "roles/pubsub.publisher", "members": ["user:a@example.com"]}])

    def call(method: Any, **request: Any) -> Any:
        return method(request=request, timeout=10)

    try:
        call(w.publisher.set_iam_policy, resource=name, policy=policy)
        got = call(w.publisher.get_iam_policy, resource=name)
        tested = call(w.publisher.test_iam_permissions, resource=name, permissions=["pubsub.topics.publish"])
    except Exception as error:
        return code(lambda error=error: (_ for _ in ()).throw(error))  # type: ignore[misc]
    return [
        [binding.role for binding in got.bindings],
        bool(got.etag),
        list(tested.permissions),
        code(lambda: call(w.publisher.get_iam_policy, resource=w.name("topics", "missing"))),
    ]
