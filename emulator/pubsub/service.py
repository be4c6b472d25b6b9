"""The gRPC face of the broker: google.pubsub.v1 Publisher and Subscriber, and google.iam.v1.IAMPolicy."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2

from emulator.pubsub import monitoring, resources, wire
from emulator.pubsub.backlog import Consumer, Leased
from emulator.pubsub.broker import BATCH, Broker
from emulator.pubsub.errors import InvalidArgument, PubSubError
from emulator.pubsub.faults import Faults

PULL_WAIT = 60.0  # seconds an unhurried pull waits when its client set no deadline
STREAM_WAIT = 30.0  # a stream looks around at least so often
PAGE = 100

INVALID_ACK_ID = "PERMANENT_FAILURE_INVALID_ACK_ID"


class LateAcks(InvalidArgument):
    """Some leases of an exactly-once subscription were over; the client reads which in the error's details."""

    def __init__(self, ack_ids: list[str]) -> None:
        super().__init__("Some acknowledgement ids are invalid or have expired.")
        self.ack_ids = ack_ids


class Service:
    """Handlers for a gRPC server. `sync` returns when all that was done so far would survive a crash."""

    def __init__(
        self, broker: Broker, faults: Faults, sync: Callable[[], None], clock: Callable[[], float] = time.time
    ) -> None:
        self._broker = broker
        self._faults = faults
        self._sync = sync
        self._clock = clock
        self._streams: set[tuple[str, Consumer]] = set()
        self._broken: dict[int, PubSubError] = {}
        self._lock = threading.Lock()

    def handlers(self) -> list[grpc.GenericRpcHandler]:
        """What to register."""
        publisher = self._unary_handlers(
            {
                "CreateTopic": (wire.Topic, self._create_topic),
                "UpdateTopic": (
                    wire.request("UpdateTopicRequest"),
                    lambda asked: self._broker.update_topic(asked.topic, asked.update_mask),
                ),
                "Publish": (wire.request("PublishRequest"), self._publish),
                "GetTopic": (wire.request("GetTopicRequest"), lambda asked: self._broker.get_topic(asked.topic)),
                "ListTopics": (
                    wire.request("ListTopicsRequest"),
                    lambda asked: self._page(asked, "ListTopics", "topics", self._broker.list_topics(asked.project)),
                ),
                "ListTopicSubscriptions": (
                    wire.request("ListTopicSubscriptionsRequest"),
                    lambda asked: self._page(
                        asked,
                        "ListTopicSubscriptions",
                        "subscriptions",
                        self._broker.topic_subscriptions(asked.topic),
                    ),
                ),
                "ListTopicSnapshots": (
                    wire.request("ListTopicSnapshotsRequest"),
                    lambda asked: self._page(
                        asked, "ListTopicSnapshots", "snapshots", self._broker.topic_snapshots(asked.topic)
                    ),
                ),
                "DeleteTopic": (
                    wire.request("DeleteTopicRequest"),
                    lambda asked: self._broker.delete_topic(asked.topic),
                ),
                "DetachSubscription": (
                    wire.request("DetachSubscriptionRequest"),
                    self._detach_subscription,
                ),
            }
        )
        subscriber = self._unary_handlers(
            {
                "CreateSubscription": (wire.Subscription, self._create_subscription),
                "GetSubscription": (
                    wire.request("GetSubscriptionRequest"),
                    lambda asked: self._broker.get_subscription(asked.subscription),
                ),
                "UpdateSubscription": (
                    wire.request("UpdateSubscriptionRequest"),
                    lambda asked: self._broker.update_subscription(asked.subscription, asked.update_mask),
                ),
                "ListSubscriptions": (
                    wire.request("ListSubscriptionsRequest"),
                    lambda asked: self._page(
                        asked, "ListSubscriptions", "subscriptions", self._broker.list_subscriptions(asked.project)
                    ),
                ),
                "DeleteSubscription": (
                    wire.request("DeleteSubscriptionRequest"),
                    lambda asked: self._broker.delete_subscription(asked.subscription),
                ),
                "ModifyAckDeadline": (wire.request("ModifyAckDeadlineRequest"), self._modify_ack_deadline),
                "Acknowledge": (wire.request("AcknowledgeRequest"), self._acknowledge),
                "ModifyPushConfig": (
                    wire.request("ModifyPushConfigRequest"),
                    lambda asked: self._broker.modify_push_config(asked.subscription, asked.push_config),
                ),
                "GetSnapshot": (
                    wire.request("GetSnapshotRequest"),
                    lambda asked: self._broker.get_snapshot(asked.snapshot),
                ),
                "ListSnapshots": (
                    wire.request("ListSnapshotsRequest"),
                    lambda asked: self._page(
                        asked, "ListSnapshots", "snapshots", self._broker.list_snapshots(asked.project)
                    ),
                ),
                "CreateSnapshot": (
                    wire.request("CreateSnapshotRequest"),
                    lambda asked: self._broker.create_snapshot(asked.name, asked.subscription, asked.labels),
                ),
                "UpdateSnapshot": (
                    wire.request("UpdateSnapshotRequest"),
                    lambda asked: self._broker.update_snapshot(asked.snapshot, asked.update_mask),
                ),
                "DeleteSnapshot": (
                    wire.request("DeleteSnapshotRequest"),
                    lambda asked: self._broker.delete_snapshot(asked.snapshot),
                ),
                "Seek": (wire.request("SeekRequest"), self._seek),
            }
        )
        subscriber["Pull"] = grpc.unary_unary_rpc_method_handler(
            self._pull, wire.request("PullRequest").FromString, _serialize
        )
        subscriber["StreamingPull"] = grpc.stream_stream_rpc_method_handler(
            self._streaming_pull, wire.request("StreamingPullRequest").FromString, _serialize
        )
        iam = self._unary_handlers(
            {
                "SetIamPolicy": (
                    wire.iam.SetIamPolicyRequest,
                    lambda asked: self._broker.set_policy(asked.resource, asked.policy),
                ),
                "GetIamPolicy": (
                    wire.iam.GetIamPolicyRequest,
                    lambda asked: self._broker.get_policy(asked.resource),
                ),
                "TestIamPermissions": (
                    wire.iam.TestIamPermissionsRequest,
                    lambda asked: wire.TestIamPermissionsResponse(permissions=asked.permissions),
                ),
            }
        )
        metrics = self._unary_handlers(
            {"ListTimeSeries": (monitoring.Request, monitoring.Monitoring(self._broker, self._clock).list_time_series)}
        )
        return [
            grpc.method_handlers_generic_handler("google.pubsub.v1.Publisher", publisher),
            grpc.method_handlers_generic_handler("google.pubsub.v1.Subscriber", subscriber),
            grpc.method_handlers_generic_handler("google.iam.v1.IAMPolicy", iam),
            grpc.method_handlers_generic_handler("google.monitoring.v3.MetricService", metrics),
        ]

    def _unary_handlers(self, methods: dict[str, tuple[Any, Callable[[Any], Any]]]) -> dict[str, Any]:
        return {
            name: grpc.unary_unary_rpc_method_handler(self._unary(name, answer), kind.FromString, _serialize)
            for name, (kind, answer) in methods.items()
        }

    def _unary(self, name: str, answer: Callable[[Any], Any]) -> Callable[[Any, grpc.ServicerContext], Any]:
        # What an Acknowledge loses in a crash comes again, which at-least-once allows; only exactly-once waits for it.
        durable = name not in ("Acknowledge", "ModifyAckDeadline") and not name.startswith(("Get", "List", "Test"))

        def call(asked: Any, context: grpc.ServicerContext) -> Any:
            try:
                self._faults.before(name)
                # Serialised under the lock, as configurations change in place.
                with self._broker.lock:
                    answered = _serialize(answer(asked))
                if durable or (name == "Acknowledge" and self._is_exactly_once(asked.subscription)):
                    self._sync()
                self._faults.after(name)
            except PubSubError as error:
                _abort(context, error)
            return answered

        return call

    # Publisher ------------------------------------------------------------------------------------------------------

    def _create_topic(self, asked: Any) -> Any:
        return self._broker.create_topic(asked)

    def _publish(self, asked: Any) -> Any:
        return wire.PublishResponse(message_ids=self._broker.publish(asked.topic, asked.messages))

    def _detach_subscription(self, asked: Any) -> Any:
        self._broker.detach_subscription(asked.subscription)
        return wire.request("DetachSubscriptionResponse")()

    # Subscriber -----------------------------------------------------------------------------------------------------

    def _create_subscription(self, asked: Any) -> Any:
        return self._broker.create_subscription(asked)

    def _acknowledge(self, asked: Any) -> None:
        if not asked.ack_ids:
            raise InvalidArgument("An acknowledge request must have at least one ack_id.")
        late = self._broker.acknowledge(asked.subscription, asked.ack_ids)
        if late:
            raise LateAcks(late)

    def _modify_ack_deadline(self, asked: Any) -> None:
        if not asked.ack_ids:
            raise InvalidArgument("A modify ack deadline request must have at least one ack_id.")
        late = self._broker.modify_ack_deadline(asked.subscription, asked.ack_ids, asked.ack_deadline_seconds)
        if late:
            raise LateAcks(late)

    def _is_exactly_once(self, name: str) -> bool:
        return bool(self._broker.get_subscription(name).enable_exactly_once_delivery)

    def _seek(self, asked: Any) -> Any:
        target = asked.WhichOneof("target")
        if target == "time":
            self._broker.seek_time(asked.subscription, wire.seconds(asked.time))
        elif target == "snapshot":
            self._broker.seek_snapshot(asked.subscription, asked.snapshot)
        else:
            raise InvalidArgument("A seek needs a time or a snapshot.")
        return wire.request("SeekResponse")()

    def _pull(self, asked: Any, context: grpc.ServicerContext) -> Any:
        consumer = Consumer(deadline_seconds=0)
        try:
            self._faults.before("Pull")
            if asked.max_messages <= 0:
                raise InvalidArgument("max_messages must be greater than 0.")
            config = self._broker.attach(asked.subscription, consumer)
            remaining = context.time_remaining()
            wait = 0.0 if asked.return_immediately else min(PULL_WAIT, remaining or PULL_WAIT)
            context.add_callback(lambda: self._broker.leave(asked.subscription, consumer))
            try:
                taken = self._broker.poll(asked.subscription, consumer, wait, min(asked.max_messages, BATCH))
            finally:
                self._broker.leave(asked.subscription, consumer)
            self._faults.after("Pull")
        except PubSubError as error:
            _abort(context, error)
        return wire.PullResponse(received_messages=_received(taken, config)).SerializeToString()

    def _streaming_pull(self, requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        try:
            self._faults.before("StreamingPull")
            first = next(requests, None)
            if first is None:
                return
            name = first.subscription
            deadline = first.stream_ack_deadline_seconds
            _check_stream_deadline(deadline)
            consumer = Consumer(
                deadline_seconds=float(deadline),
                max_messages=max(0, first.max_outstanding_messages),  # below 0 is "no limit", like 0
                max_bytes=max(0, first.max_outstanding_bytes),
                lasting=True,
            )
            config = self._broker.attach(name, consumer)
        except PubSubError as error:
            _abort(context, error)
        entry = (name, consumer)
        with self._lock:
            self._streams.add(entry)
        answers: list[Any] = []

        def leave() -> None:
            self._broker.leave(name, consumer)
            with self._lock:
                self._streams.discard(entry)

        def read() -> None:
            """Acknowledgements come while messages go: they need a thread of their own."""
            try:
                self._take_stream_request(name, consumer, first, answers)
                for asked in requests:
                    if asked.subscription:
                        raise InvalidArgument("Only the first request of a stream names the subscription.")
                    if asked.stream_ack_deadline_seconds:
                        _check_stream_deadline(asked.stream_ack_deadline_seconds)
                        consumer.deadline_seconds = float(asked.stream_ack_deadline_seconds)
                    self._take_stream_request(name, consumer, asked, answers)
            except PubSubError as error:
                self._break(consumer, error)
            except Exception:  # noqa: S110 the stream was cancelled, which gRPC raises as an untyped exception
                pass
            finally:
                leave()

        if not context.add_callback(leave):
            leave()
            return
        threading.Thread(target=read, name="pubsub stream", daemon=True).start()
        yield self._stream_answer([], config, [])
        try:
            while True:
                taken = self._broker.poll(name, consumer, STREAM_WAIT)
                confirmations, answers[:] = list(answers), []
                if taken or confirmations:
                    yield self._stream_answer(taken, config, confirmations)
                if consumer.closed:
                    break
            broken = self._broken.pop(id(consumer), None)
            if broken:
                raise broken
        except PubSubError as error:
            _abort(context, error)
        finally:
            leave()

    def _take_stream_request(self, name: str, consumer: Consumer, asked: Any, answers: list[Any]) -> None:
        exactly_once = self._is_exactly_once(name)
        answer = wire.StreamingPullResponse()
        if asked.ack_ids:
            self._faults.before("Acknowledge")
            late = set(self._broker.acknowledge(name, asked.ack_ids))
            if exactly_once:
                self._sync()
                confirmation = answer.acknowledge_confirmation
                confirmation.ack_ids.extend(one for one in asked.ack_ids if one not in late)
                confirmation.invalid_ack_ids.extend(late)
        if asked.modify_deadline_ack_ids:
            if len(asked.modify_deadline_ack_ids) != len(asked.modify_deadline_seconds):
                raise InvalidArgument("modify_deadline_ack_ids and modify_deadline_seconds differ in length.")
            late = set()
            for ack_id, deadline in zip(asked.modify_deadline_ack_ids, asked.modify_deadline_seconds, strict=True):
                late.update(self._broker.modify_ack_deadline(name, [ack_id], deadline))
            if exactly_once:
                changed = answer.modify_ack_deadline_confirmation
                changed.ack_ids.extend(one for one in asked.modify_deadline_ack_ids if one not in late)
                changed.invalid_ack_ids.extend(late)
        if exactly_once and answer.ByteSize():
            answers.append(answer)
            self._broker.interrupt(name, consumer)

    def _stream_answer(self, taken: list[Leased], config: Any, confirmations: list[Any]) -> bytes:
        answer = wire.StreamingPullResponse(received_messages=_received(taken, config))
        for confirmation in confirmations:
            answer.MergeFrom(confirmation)
        current = self._broker.get_subscription(config.name)
        properties = answer.subscription_properties
        properties.exactly_once_delivery_enabled = current.enable_exactly_once_delivery
        properties.message_ordering_enabled = current.enable_message_ordering
        return bytes(answer.SerializeToString())

    def _break(self, consumer: Consumer, error: PubSubError) -> None:
        with self._lock:
            self._broken[id(consumer)] = error

    def break_streams(self) -> None:
        """A fault: end every open stream with UNAVAILABLE, as the service does now and then."""
        with self._lock:
            streams = list(self._streams)
        for name, consumer in streams:
            self._break(consumer, PubSubError("UNAVAILABLE", "The stream was ended."))
            self._broker.leave(name, consumer)

    # Pages ----------------------------------------------------------------------------------------------------------

    @staticmethod
    def _page(asked: Any, method: str, field: str, everything: list[Any]) -> Any:
        try:
            start = int(asked.page_token or 0)
        except ValueError:
            raise InvalidArgument("Invalid page token.") from None
        end = start + (asked.page_size if asked.page_size > 0 else PAGE)
        answer = wire.request(f"{method}Response")(**{field: everything[start:end]})
        if end < len(everything):
            answer.next_page_token = str(end)
        return answer


def _check_stream_deadline(deadline: int) -> None:
    if not resources.SHORTEST_ACK_DEADLINE <= deadline <= resources.LONGEST_ACK_DEADLINE:
        raise InvalidArgument(f"Invalid stream ack deadline given: (deadline={deadline}); it is 10 to 600 seconds.")


def _received(taken: list[Leased], config: Any) -> list[Any]:
    counted = bool(config.dead_letter_policy.dead_letter_topic)
    return [
        wire.ReceivedMessage(
            ack_id=one.ack_id, message=one.message.body, delivery_attempt=one.attempt if counted else 0
        )
        for one in taken
    ]


def _serialize(answer: Any) -> bytes:
    if isinstance(answer, bytes):
        return answer
    return b"" if answer is None else bytes(answer.SerializeToString())


def _abort(context: grpc.ServicerContext, error: PubSubError) -> None:
    """End the call with the error's code; which ack ids failed goes into its details."""
    if isinstance(error, LateAcks):
        info = error_details_pb2.ErrorInfo(
            reason=INVALID_ACK_ID,
            domain="pubsub.googleapis.com",
            metadata=dict.fromkeys(error.ack_ids, INVALID_ACK_ID),
        )
        packed = any_pb2.Any()
        packed.Pack(info)
        status = status_pb2.Status(code=code_pb2.Code.Value(error.code), message=error.message, details=[packed])
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(getattr(grpc.StatusCode, error.code), error.message)
