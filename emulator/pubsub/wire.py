"""The protobuf classes of the published API, taken from Google's client library, and conversions of its times."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from google.iam.v1 import iam_policy_pb2, policy_pb2
from google.protobuf import empty_pb2
from google.pubsub_v1 import types

Topic: Any = types.Topic.pb()
Subscription: Any = types.Subscription.pb()
Snapshot: Any = types.Snapshot.pb()
PubsubMessage: Any = types.PubsubMessage.pb()
PushConfig: Any = types.PushConfig.pb()
ReceivedMessage: Any = types.ReceivedMessage.pb()
PublishResponse: Any = types.PublishResponse.pb()
PullResponse: Any = types.PullResponse.pb()
StreamingPullResponse: Any = types.StreamingPullResponse.pb()
Policy: Any = policy_pb2.Policy
TestIamPermissionsResponse: Any = iam_policy_pb2.TestIamPermissionsResponse
Empty: Any = empty_pb2.Empty

iam = iam_policy_pb2


def request(name: str) -> Any:
    """The message class of this name, such as `PullRequest`."""
    return getattr(types, name).pb()


def seconds(time: Any) -> float:
    """A Timestamp or Duration as seconds."""
    return float(time.seconds) + float(time.nanos) / 1e9


def set_time(field: Any, at: float) -> None:
    """Write `at` into a Timestamp or Duration, to the millisecond, which is what the service keeps."""
    field.seconds, milliseconds = divmod(round(at * 1000), 1000)
    field.nanos = milliseconds * 1_000_000


def rfc3339(at: float) -> str:
    """`at` as it stands in push requests."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
