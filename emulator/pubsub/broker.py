"""Topics, subscriptions and snapshots, and what flows between them.

The broker is a state machine under one lock. It starts no thread and reads no clock but the one it is given: whoever
runs it calls `advance` by the time that returned the last time. What must survive a restart goes to a journal as it
happens; see `emulator.pubsub.store`.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from emulator.pubsub import resources, wire
from emulator.pubsub.backlog import NEVER, Backlog, Consumer, Delivery, Leased, Message
from emulator.pubsub.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from emulator.pubsub.filters import compile_filter
from emulator.pubsub.wire import seconds, set_time

SNAPSHOT_LIFE = 7 * 86_400
SHORTEST_SNAPSHOT_LIFE = 3_600
RETENTION_CHECK = 1.0  # seconds between looks for messages that have become too old
BATCH = 1_000  # messages in one answer
BATCH_BYTES = 8_000_000


class Journal(Protocol):
    """Where the broker writes what must survive. `uid` is that of a subscription, snapshot or topic."""

    def put(self, kind: str, name: str, uid: int, topic: int, body: bytes) -> None:
        """A resource was created or changed."""

    def drop(self, kind: str, name: str) -> None:
        """A resource is no more."""

    def add(self, message: int, published: float, body: bytes) -> None:
        """A message was published."""

    def forget(self, message: int) -> None:
        """Nobody holds the message any more."""

    def hold(self, uid: int, message: int, acked: bool, failures: int) -> None:
        """The resource holds the message, in this state."""

    def release(self, uid: int, message: int) -> None:
        """The resource no longer holds the message."""

    def release_all(self, uid: int) -> None:
        """The resource holds nothing any more."""


class _Topic:
    def __init__(self, uid: int, config: Any) -> None:
        self.uid = uid
        self.config = config
        self.subscriptions: dict[str, _Subscription] = {}
        self.snapshots: dict[str, _Snapshot] = {}
        self.retained: deque[Message] = deque()

    @property
    def retention(self) -> float:
        return seconds(self.config.message_retention_duration)


class _Subscription:
    def __init__(self, uid: int, config: Any, topic: _Topic | None, backlog: Backlog, lock: Any) -> None:
        self.uid = uid
        self.config = config
        self.topic = topic
        self.backlog = backlog
        self.passes = compile_filter(config.filter)
        self.retained: dict[int, Message] = {}  # acknowledged, kept for seek
        self.changed = threading.Condition(lock)
        self.consumers: set[Consumer] = set()
        self.ended: Exception | None = None  # why its consumers must stop
        self.next_check = 0.0


class _Snapshot:
    def __init__(self, uid: int, config: Any, topic: _Topic | None) -> None:
        self.uid = uid
        self.config = config
        self.topic = topic
        self.messages: dict[int, Message] = {}


class Broker:
    """All resources of one server. Every public method is safe to call from any thread."""

    def __init__(self, clock: Callable[[], float] = time.time, journal: Journal | None = None) -> None:
        """`clock` gives seconds since 1970."""
        self.lock = threading.RLock()
        self.timer = threading.Condition(self.lock)  # notified when `advance` is due earlier than it said
        self.pushing = threading.Condition(self.lock)  # notified when a push subscription comes, changes or goes
        self._clock = clock
        self._journal = journal
        self._planned = NEVER
        self._topics: dict[str, _Topic] = {}
        self._subscriptions: dict[str, _Subscription] = {}
        self._snapshots: dict[str, _Snapshot] = {}
        self._policies: dict[str, Any] = {}
        self._last_uid = 0
        # Larger than any of an earlier run, so that an id never means two messages.
        self._last_message = int(clock() * 1000) * 1000

    # Topics ---------------------------------------------------------------------------------------------------------

    def create_topic(self, topic: Any) -> Any:
        """Create a topic; what it will look like is returned."""
        with self.lock:
            resources.complete_topic(topic)
            if topic.name in self._topics:
                raise AlreadyExists(f"Topic already exists: {topic.name}")
            self._last_uid += 1
            created = self._topics[topic.name] = _Topic(self._last_uid, topic)
            self._save_topic(created)
            return topic

    def get_topic(self, name: str) -> Any:
        """A topic."""
        with self.lock:
            return self._topic(name).config

    def list_topics(self, project: str) -> list[Any]:
        """The topics of a project, by name."""
        return self._listed(project, self._topics)

    def update_topic(self, wanted: Any, mask: Any) -> Any:
        """Change the fields the mask names."""
        with self.lock:
            topic = self._topic(wanted.name)
            config = resources.merged("topics", topic.config, wanted, mask)
            resources.complete_topic(config)
            topic.config = config
            self._save_topic(topic)
            self._trim_topic(topic, self._clock())
            for subscription in topic.subscriptions.values():
                self._show_topic_retention(subscription)
            return config

    def delete_topic(self, name: str) -> None:
        """Delete a topic; its subscriptions keep what they have."""
        with self.lock:
            topic = self._topic(name)
            del self._topics[name]
            self._policies.pop(name, None)
            while topic.retained:
                self._let_go(topic.uid, topic.retained.popleft())
            if self._journal:
                self._journal.drop("topic", name)
                self._journal.drop("policy", name)
            for subscription in topic.subscriptions.values():
                subscription.topic = None
                subscription.config.topic = resources.DELETED_TOPIC
                self._show_topic_retention(subscription)
                self._save_subscription(subscription)
            for snapshot in topic.snapshots.values():
                snapshot.topic = None
                snapshot.config.topic = resources.DELETED_TOPIC
                self._save_snapshot(snapshot)

    def topic_subscriptions(self, name: str) -> list[str]:
        """The names of a topic's subscriptions."""
        with self.lock:
            return sorted(self._topic(name).subscriptions)

    def topic_snapshots(self, name: str) -> list[str]:
        """The names of a topic's snapshots."""
        with self.lock:
            return sorted(self._topic(name).snapshots)

    def publish(self, name: str, messages: Any) -> list[str]:
        """Hand messages to every subscription of a topic whose filter lets them through; their ids are returned."""
        with self.lock:
            topic = self._topic(name)
            resources.check_messages(messages)
            return [str(message.id) for message in self._publish(topic, messages)]

    def _publish(self, topic: _Topic, bodies: Iterable[Any]) -> list[Message]:
        now = self._clock()
        published = []
        for body in bodies:
            self._last_message += 1
            body.message_id = str(self._last_message)
            set_time(body.publish_time, now)
            published.append(Message(self._last_message, body, seconds(body.publish_time)))
        for message in published:
            self._store(message)
        if topic.retention:
            for message in published:
                self._hold(topic.uid, message)
                topic.retained.append(message)
        for snapshot in topic.snapshots.values():
            for message in published:
                self._hold(snapshot.uid, message)
                snapshot.messages[message.id] = message
        for subscription in topic.subscriptions.values():
            passes, backlog = subscription.passes, subscription.backlog
            if subscription.config.detached:
                continue
            for message in published:
                if passes is None or passes(message.attributes):
                    self._hold(subscription.uid, message)
                    backlog.add(message)
            subscription.changed.notify_all()
        for message in published:
            if not message.holders and self._journal:
                self._journal.forget(message.id)
        return published

    # Subscriptions --------------------------------------------------------------------------------------------------

    def create_subscription(self, config: Any) -> Any:
        """Create a subscription; it receives what is published from now on."""
        with self.lock:
            resources.complete_subscription(config)
            if config.name in self._subscriptions:
                raise AlreadyExists(f"Subscription already exists: {config.name}")
            topic = self._topic(config.topic)
            self._check_dead_letter(config)
            self._last_uid += 1
            subscription = self._new_subscription(self._last_uid, config, topic)
            self._save_subscription(subscription)
            self.pushing.notify_all()
            return config

    def get_subscription(self, name: str) -> Any:
        """A subscription."""
        with self.lock:
            return self._subscription(name).config

    def list_subscriptions(self, project: str) -> list[Any]:
        """The subscriptions of a project, by name."""
        return self._listed(project, self._subscriptions)

    def update_subscription(self, wanted: Any, mask: Any) -> Any:
        """Change the fields the mask names."""
        with self.lock:
            subscription = self._subscription(wanted.name)
            config = resources.merged("subscriptions", subscription.config, wanted, mask)
            resources.complete_subscription(config)
            if "dead_letter_policy" in {path.partition(".")[0] for path in mask.paths}:
                self._check_dead_letter(config)
            subscription.config = config
            self._configure(subscription)
            if not config.retain_acked_messages:
                for message in subscription.retained.values():
                    self._let_go(subscription.uid, message)
                subscription.retained.clear()
            self._save_subscription(subscription)
            self.pushing.notify_all()
            return config

    def modify_push_config(self, name: str, push: Any) -> None:
        """Switch between push and pull, or to another endpoint."""
        with self.lock:
            subscription = self._subscription(name)
            resources.check_push(push)
            if push.push_endpoint and subscription.config.enable_exactly_once_delivery:
                raise InvalidArgument("Exactly once delivery is not supported for push subscriptions.")
            subscription.config.push_config.CopyFrom(push)
            self._save_subscription(subscription)
            self.pushing.notify_all()

    def delete_subscription(self, name: str) -> None:
        """Delete a subscription and what it holds."""
        with self.lock:
            subscription = self._subscription(name)
            del self._subscriptions[name]
            self._policies.pop(name, None)
            if subscription.topic:
                del subscription.topic.subscriptions[name]
            self._empty(subscription)
            if self._journal:
                self._journal.drop("subscription", name)
                self._journal.drop("policy", name)
            self._end(subscription, NotFound(f"Subscription does not exist (resource={resources.short(name)})"))

    def detach_subscription(self, name: str) -> None:
        """Cut a subscription off its topic for good; it drops what it holds."""
        with self.lock:
            subscription = self._subscription(name)
            subscription.config.detached = True
            if subscription.topic:
                subscription.topic.subscriptions.pop(name, None)
            self._empty(subscription)
            self._save_subscription(subscription)
            self._end(subscription, _detached(name))

    def push_subscriptions(self) -> dict[str, Any]:
        """The push configurations of the subscriptions that have one, by subscription."""
        with self.lock:
            return {
                name: subscription.config.push_config
                for name, subscription in self._subscriptions.items()
                if subscription.config.push_config.push_endpoint and not subscription.config.detached
            }

    def backlog(self, name: str) -> int:
        """How many unacknowledged messages a subscription has."""
        with self.lock:
            return len(self._subscription(name).backlog)

    def waiting(self, project: str) -> dict[str, tuple[int, float | None]]:
        """Of each subscription of a project, by its short name: how many messages are unacknowledged, and when the
        oldest was published."""
        prefix = f"{project}/subscriptions/"
        with self.lock:
            return {
                name.removeprefix(prefix): (
                    len(one.backlog),
                    min((message.published for message in one.backlog.messages), default=None),
                )
                for name, one in self._subscriptions.items()
                if name.startswith(prefix)
            }

    def duplicate(self, name: str, count: int = 1) -> None:
        """A fault: hand out the next `count` messages of a subscription twice."""
        with self.lock:
            self._subscription(name).backlog.duplicates += count

    # Consuming ------------------------------------------------------------------------------------------------------

    def attach(self, name: str, consumer: Consumer) -> Any:
        """Let a consumer take from a subscription until `leave`; its configuration is returned."""
        with self.lock:
            subscription = self._consumable(name)
            if not consumer.deadline_seconds:
                consumer.deadline_seconds = float(subscription.config.ack_deadline_seconds)
            subscription.consumers.add(consumer)
            return subscription.config

    def leave(self, name: str, consumer: Consumer) -> None:
        """The consumer takes no more; a `poll` of it returns."""
        with self.lock:
            subscription = self._subscriptions.get(name)
            consumer.closed = True
            if subscription:
                subscription.consumers.discard(consumer)
                subscription.backlog.leave(consumer, self._clock())

    def take(self, name: str, consumer: Consumer, limit: int = BATCH) -> list[Leased]:
        """Lease what there is, now."""
        with self.lock:
            subscription = self._consumable(name)
            taken = subscription.backlog.take(consumer, limit, self._clock(), BATCH_BYTES)
            self._plan(subscription.backlog.next_due)
            return taken

    def poll(self, name: str, consumer: Consumer, timeout: float, limit: int = BATCH) -> list[Leased]:
        """Lease what there is, waiting up to `timeout` real seconds for something; empty when the consumer left."""
        until = time.monotonic() + timeout
        with self.lock:
            subscription = self._consumable(name)
            while not consumer.closed:
                if subscription.ended:
                    raise subscription.ended
                taken = subscription.backlog.take(consumer, limit, self._clock(), BATCH_BYTES)
                if taken:
                    self._plan(subscription.backlog.next_due)
                    return taken
                remaining = until - time.monotonic()
                if remaining <= 0 or consumer.interrupted:
                    break
                subscription.changed.wait(remaining)
            consumer.interrupted = False
            return []

    def interrupt(self, name: str, consumer: Consumer) -> None:
        """Let the `poll` of a consumer return, or its next one if none is waiting, even if there is nothing."""
        with self.lock:
            consumer.interrupted = True
            subscription = self._subscriptions.get(name)
            if subscription:
                subscription.changed.notify_all()

    def acknowledge(self, name: str, ack_ids: Iterable[str]) -> list[str]:
        """Acknowledge; the ids whose lease was over are returned, for exactly-once subscriptions only."""
        with self.lock:
            subscription = self._consumable(name)
            late = [ack_id for ack_id in ack_ids if not subscription.backlog.ack(ack_id)]
            return late if subscription.config.enable_exactly_once_delivery else []

    def modify_ack_deadline(self, name: str, ack_ids: Iterable[str], deadline: float) -> list[str]:
        """Set deadlines, 0 giving messages back; returns like `acknowledge`."""
        if not 0 <= deadline <= resources.LONGEST_ACK_DEADLINE:
            raise InvalidArgument(f"Invalid ack deadline given: (ack_deadline={int(deadline)})")
        with self.lock:
            subscription = self._consumable(name)
            now = self._clock()
            late = [ack_id for ack_id in ack_ids if not subscription.backlog.modify(ack_id, deadline, now)]
            self._plan(subscription.backlog.next_due)
            return late if subscription.config.enable_exactly_once_delivery else []

    # Replaying ------------------------------------------------------------------------------------------------------

    def seek_time(self, name: str, at: float) -> None:
        """Unacknowledge what was published from `at` on and is still there, and acknowledge what is older."""
        with self.lock:
            subscription = self._consumable(name)
            pool = dict(subscription.retained)
            pool.update((message.id, message) for message in subscription.backlog.messages)
            pool.update(self._of_topic(subscription))
            self._replay(subscription, {number for number, one in pool.items() if one.published >= at}, pool)

    def seek_snapshot(self, name: str, snapshot_name: str) -> None:
        """Owe what the snapshot's subscription owed when it was taken, and what was published since."""
        with self.lock:
            subscription = self._consumable(name)
            snapshot = self._snapshot(snapshot_name)
            if snapshot.config.topic != subscription.config.topic or snapshot.topic is not subscription.topic:
                raise InvalidArgument("The snapshot is of another topic than the subscription.")
            passes = subscription.passes
            wanted = {
                number: message
                for number, message in snapshot.messages.items()
                if passes is None or passes(message.attributes)
            }
            pool = dict(subscription.retained)
            pool.update((message.id, message) for message in subscription.backlog.messages)
            pool.update(wanted)
            self._replay(subscription, set(wanted), pool)

    def _of_topic(self, subscription: _Subscription) -> dict[int, Message]:
        if subscription.topic is None:
            return {}
        passes = subscription.passes
        return {
            message.id: message
            for message in subscription.topic.retained
            if passes is None or passes(message.attributes)
        }

    def _replay(self, subscription: _Subscription, owed: set[int], pool: dict[int, Message]) -> None:
        """Make the subscription owe exactly `owed` of `pool`."""
        before = {message.id: message for message in subscription.backlog.messages} | subscription.retained
        keep = subscription.config.retain_acked_messages
        after = {number: message for number, message in pool.items() if number in owed or (keep and number in before)}
        if self._journal:
            self._journal.release_all(subscription.uid)
        for number in sorted(after):
            message = after[number]
            message.holders += 1
            if self._journal:
                self._journal.hold(subscription.uid, number, number not in owed, 0)
        for message in before.values():
            self._let_go(subscription.uid, message, journal=message.id not in after)
        subscription.retained = {number: after[number] for number in sorted(after) if number not in owed}
        subscription.backlog.replace(after[number] for number in sorted(owed))

    # Snapshots ------------------------------------------------------------------------------------------------------

    def create_snapshot(self, name: str, subscription_name: str, labels: Any) -> Any:
        """Remember what a subscription owes now."""
        with self.lock:
            resources.check_name("snapshots", name)
            subscription = self._consumable(subscription_name)
            if name in self._snapshots:
                raise AlreadyExists(f"Snapshot already exists: {name}")
            now = self._clock()
            oldest = next(iter(subscription.backlog.messages), None)
            life = SNAPSHOT_LIFE - (now - oldest.published if oldest else 0.0)
            if life < SHORTEST_SNAPSHOT_LIFE:
                raise FailedPrecondition("The snapshot would expire in less than one hour.")
            config = wire.Snapshot(name=name, topic=subscription.config.topic, labels=dict(labels))
            set_time(config.expire_time, now + life)
            self._last_uid += 1
            snapshot = self._snapshots[name] = _Snapshot(self._last_uid, config, subscription.topic)
            self._save_snapshot(snapshot)
            for message in subscription.backlog.messages:
                self._hold(snapshot.uid, message)
                snapshot.messages[message.id] = message
            if subscription.topic:
                subscription.topic.snapshots[name] = snapshot
            return config

    def get_snapshot(self, name: str) -> Any:
        """A snapshot."""
        with self.lock:
            return self._snapshot(name).config

    def list_snapshots(self, project: str) -> list[Any]:
        """The snapshots of a project, by name."""
        return self._listed(project, self._snapshots)

    def update_snapshot(self, wanted: Any, mask: Any) -> Any:
        """Change the fields the mask names."""
        with self.lock:
            snapshot = self._snapshot(wanted.name)
            snapshot.config = resources.merged("snapshots", snapshot.config, wanted, mask)
            self._save_snapshot(snapshot)
            return snapshot.config

    def delete_snapshot(self, name: str) -> None:
        """Forget a snapshot."""
        with self.lock:
            snapshot = self._snapshot(name)
            del self._snapshots[name]
            self._policies.pop(name, None)
            if snapshot.topic:
                del snapshot.topic.snapshots[name]
            if self._journal:
                self._journal.drop("snapshot", name)
                self._journal.drop("policy", name)
            for message in snapshot.messages.values():
                self._let_go(snapshot.uid, message)

    # Access policies ------------------------------------------------------------------------------------------------

    def set_policy(self, resource: str, policy: Any) -> Any:
        """Keep a policy; nothing here enforces it."""
        with self.lock:
            self._existing(resource)
            kept = wire.Policy()
            kept.CopyFrom(policy)
            kept.etag = str(abs(hash(kept.SerializeToString(deterministic=True)))).encode()
            self._policies[resource] = kept
            if self._journal:
                self._journal.put("policy", resource, 0, 0, kept.SerializeToString())
            return kept

    def get_policy(self, resource: str) -> Any:
        """The policy of a resource, an empty one if none was set."""
        with self.lock:
            self._existing(resource)
            return self._policies.get(resource) or wire.Policy(etag=b"ACAB")

    def _existing(self, name: str) -> None:
        if not any(name in kind for kind in (self._topics, self._subscriptions, self._snapshots)):
            raise NotFound(f"Resource not found (resource={resources.short(name)}).")

    # Time -----------------------------------------------------------------------------------------------------------

    def advance(self) -> float:
        """Do what time brings: leases run out, backoffs end, old messages go. Returns when to call again."""
        with self.lock:
            now = self._clock()
            due = NEVER
            for subscription in list(self._subscriptions.values()):
                subscription.backlog.advance(now)
                if now >= subscription.next_check:
                    subscription.next_check = now + RETENTION_CHECK
                    self._trim_subscription(subscription, now)
                due = min(due, subscription.backlog.next_due, subscription.next_check)
            for topic in self._topics.values():
                self._trim_topic(topic, now)
            for name, snapshot in list(self._snapshots.items()):
                if seconds(snapshot.config.expire_time) <= now:
                    self.delete_snapshot(name)
            self._planned = due
            return due

    def _plan(self, due: float) -> None:
        if due < self._planned:
            self._planned = due
            self.timer.notify_all()

    def _trim_subscription(self, subscription: _Subscription, now: float) -> None:
        limit = now - seconds(subscription.config.message_retention_duration)
        for message in subscription.backlog.drop_older(limit):
            self._let_go(subscription.uid, message)
        while subscription.retained:
            oldest = next(iter(subscription.retained.values()))
            if oldest.published >= limit:
                break
            del subscription.retained[oldest.id]
            self._let_go(subscription.uid, oldest)

    def _trim_topic(self, topic: _Topic, now: float) -> None:
        limit = now - topic.retention
        while topic.retained and topic.retained[0].published < limit:
            self._let_go(topic.uid, topic.retained.popleft())

    # Restoring ------------------------------------------------------------------------------------------------------

    def restore(
        self,
        kept: Iterable[tuple[str, str, int, int, bytes]],
        messages: Iterable[tuple[int, float, bytes]],
        held: Iterable[tuple[int, int, bool, int]],
    ) -> None:
        """Take up what a journal kept: its resources, its messages, and who holds which. Leases are not kept."""
        with self.lock:
            journal, self._journal = self._journal, None
            kept = list(kept)
            by_uid: dict[int, Any] = {}
            for kind, name, uid, _, body in kept:
                if kind == "topic":
                    by_uid[uid] = self._topics[name] = _Topic(uid, wire.Topic.FromString(body))
            for kind, name, uid, topic_uid, body in kept:
                topic = by_uid.get(topic_uid)
                if kind == "subscription":
                    by_uid[uid] = self._new_subscription(uid, wire.Subscription.FromString(body), topic)
                elif kind == "snapshot":
                    by_uid[uid] = self._snapshots[name] = _Snapshot(uid, wire.Snapshot.FromString(body), topic)
                    if topic:
                        topic.snapshots[name] = by_uid[uid]
                elif kind == "policy":
                    self._policies[name] = wire.Policy.FromString(body)
                self._last_uid = max(self._last_uid, uid)
            known = {
                number: Message(number, wire.PubsubMessage.FromString(body), published)
                for number, published, body in messages
            }
            self._last_message = max(self._last_message, *known, 0)
            for uid, number, acked, failures in held:
                owner, message = by_uid.get(uid), known.get(number)
                if owner is None or message is None:
                    continue
                message.holders += 1
                if isinstance(owner, _Topic):
                    owner.retained.append(message)
                elif isinstance(owner, _Snapshot) or acked:
                    (owner.messages if isinstance(owner, _Snapshot) else owner.retained)[number] = message
                else:
                    owner.backlog.add(message, failures)
            self._journal = journal
            if journal:
                for number, message in known.items():
                    if not message.holders:
                        journal.forget(number)

    # Parts ----------------------------------------------------------------------------------------------------------

    def _topic(self, name: str) -> _Topic:
        resources.check_name("topics", name)
        topic = self._topics.get(name)
        if topic is None:
            raise NotFound(f"Topic not found (resource={resources.short(name)}).")
        return topic

    def _subscription(self, name: str) -> _Subscription:
        resources.check_name("subscriptions", name)
        subscription = self._subscriptions.get(name)
        if subscription is None:
            raise NotFound(f"Subscription does not exist (resource={resources.short(name)})")
        return subscription

    def _consumable(self, name: str) -> _Subscription:
        subscription = self._subscription(name)
        if subscription.config.detached:
            raise _detached(name)
        return subscription

    def _snapshot(self, name: str) -> _Snapshot:
        resources.check_name("snapshots", name)
        snapshot = self._snapshots.get(name)
        if snapshot is None:
            raise NotFound(f"Snapshot not found (resource={resources.short(name)}).")
        return snapshot

    def _listed(self, project: str, among: dict[str, Any]) -> list[Any]:
        resources.check_project(project)
        with self.lock:
            return [among[name].config for name in sorted(among) if name.startswith(f"{project}/")]

    def _check_dead_letter(self, config: Any) -> None:
        name = config.dead_letter_policy.dead_letter_topic
        if name and name not in self._topics:
            raise NotFound(f"Topic not found (resource={resources.short(name)}).")

    def _new_subscription(self, uid: int, config: Any, topic: _Topic | None) -> _Subscription:
        backlog = Backlog(
            uid,
            ordered=config.enable_message_ordering,
            settled=lambda message: self._on_settled(subscription, message),
            failed=lambda delivery: self._on_failed(subscription, delivery),
            ready=lambda: subscription.changed.notify_all(),  # noqa: PLW0108 it is made below
        )
        subscription = _Subscription(uid, config, topic, backlog, self.lock)
        subscription.next_check = self._clock() + RETENTION_CHECK
        self._subscriptions[config.name] = subscription
        if topic and not config.detached:
            topic.subscriptions[config.name] = subscription
        self._configure(subscription)
        self._plan(subscription.next_check)
        return subscription

    def _configure(self, subscription: _Subscription) -> None:
        config, backlog = subscription.config, subscription.backlog
        retry = config.retry_policy
        backlog.retry = (
            (seconds(retry.minimum_backoff), seconds(retry.maximum_backoff))
            if config.HasField("retry_policy")
            else None
        )
        backlog.exactly_once = config.enable_exactly_once_delivery
        self._show_topic_retention(subscription)

    @staticmethod
    def _show_topic_retention(subscription: _Subscription) -> None:
        subscription.config.ClearField("topic_message_retention_duration")
        topic = subscription.topic
        if topic and topic.config.HasField("message_retention_duration"):
            duration = topic.config.message_retention_duration
            subscription.config.topic_message_retention_duration.CopyFrom(duration)

    def _end(self, subscription: _Subscription, reason: Exception) -> None:
        subscription.ended = reason
        subscription.changed.notify_all()
        self.pushing.notify_all()

    def _empty(self, subscription: _Subscription) -> None:
        messages = [*subscription.backlog.messages, *subscription.retained.values()]
        subscription.backlog.replace(())
        subscription.retained.clear()
        if self._journal:
            self._journal.release_all(subscription.uid)
        for message in messages:
            self._let_go(subscription.uid, message, journal=False)

    def _on_settled(self, subscription: _Subscription, message: Message) -> None:
        if subscription.config.retain_acked_messages:
            subscription.retained[message.id] = message
            if self._journal:
                self._journal.hold(subscription.uid, message.id, True, 0)
        else:
            self._let_go(subscription.uid, message)

    def _on_failed(self, subscription: _Subscription, delivery: Delivery) -> bool:
        """Count a failure; after the last allowed one, bury the message, unless its grave is gone."""
        policy = subscription.config.dead_letter_policy
        if not policy.dead_letter_topic:
            return False
        grave = self._topics.get(policy.dead_letter_topic)
        if grave and delivery.failures >= policy.max_delivery_attempts:
            self._publish(grave, [_dead(subscription.config.name, delivery)])
            return True
        if self._journal:
            self._journal.hold(subscription.uid, delivery.message.id, False, delivery.failures)
        return False

    # Holding --------------------------------------------------------------------------------------------------------

    def _store(self, message: Message) -> None:
        if self._journal:
            self._journal.add(message.id, message.published, message.body.SerializeToString())

    def _hold(self, uid: int, message: Message) -> None:
        message.holders += 1
        if self._journal:
            self._journal.hold(uid, message.id, False, 0)

    def _let_go(self, uid: int, message: Message, *, journal: bool = True) -> None:
        message.holders -= 1
        if self._journal:
            if journal:
                self._journal.release(uid, message.id)
            if not message.holders:
                self._journal.forget(message.id)

    def _save_topic(self, topic: _Topic) -> None:
        if self._journal:
            self._journal.put("topic", topic.config.name, topic.uid, 0, topic.config.SerializeToString())

    def _save_subscription(self, one: _Subscription) -> None:
        if self._journal:
            topic = one.topic.uid if one.topic else 0
            self._journal.put("subscription", one.config.name, one.uid, topic, one.config.SerializeToString())

    def _save_snapshot(self, one: _Snapshot) -> None:
        if self._journal:
            topic = one.topic.uid if one.topic else 0
            self._journal.put("snapshot", one.config.name, one.uid, topic, one.config.SerializeToString())


def _detached(name: str) -> FailedPrecondition:
    return FailedPrecondition(f"The subscription {resources.short(name)} is detached from its topic.")


def _dead(subscription: str, delivery: Delivery) -> Any:
    """The message as it goes to the dead-letter topic."""
    body = wire.PubsubMessage()
    body.CopyFrom(delivery.message.body)
    attributes = body.attributes
    attributes["CloudPubSubDeadLetterSourceDeliveryCount"] = str(delivery.failures)
    attributes["CloudPubSubDeadLetterSourceSubscription"] = resources.short(subscription)
    attributes["CloudPubSubDeadLetterSourceSubscriptionProject"] = subscription.split("/")[1]
    attributes["CloudPubSubDeadLetterSourceTopicPublishTime"] = wire.rfc3339(delivery.message.published)
    return body
