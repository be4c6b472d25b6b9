"""Names, limits and defaults of topics and subscriptions, and the changes an update may make."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from google.protobuf.field_mask_pb2 import FieldMask

from emulator.pubsub.errors import InvalidArgument, PubSubError
from emulator.pubsub.filters import FilterError, parse
from emulator.pubsub.wire import Subscription, seconds

DELETED_TOPIC = "_deleted-topic_"

LARGEST_MESSAGE = LARGEST_REQUEST = 10_000_000
MOST_MESSAGES = 1_000
MOST_ATTRIBUTES = 100
LONGEST_KEY = 256
LONGEST_VALUE = 1024
LONGEST_ORDERING_KEY = 1024

ACK_DEADLINE = 10
SHORTEST_ACK_DEADLINE, LONGEST_ACK_DEADLINE = 10, 600
RETENTION = 7 * 86_400
SHORTEST_RETENTION, LONGEST_RETENTION = 600, 31 * 86_400
EXPIRATION = 31 * 86_400
SHORTEST_EXPIRATION = 86_400
BACKOFF = (10, 600)
LONGEST_BACKOFF = 600
ATTEMPTS = 5
FEWEST_ATTEMPTS, MOST_ATTEMPTS = 5, 100

_PROJECT = re.compile(r"projects/[^/]+")
_ID = re.compile(r"[A-Za-z][A-Za-z0-9\-_.~+%]{2,254}")

_TOPIC_UPDATES = {"labels", "message_storage_policy", "kms_key_name", "message_retention_duration"}
_SUBSCRIPTION_UPDATES = {
    "push_config",
    "ack_deadline_seconds",
    "retain_acked_messages",
    "message_retention_duration",
    "labels",
    "expiration_policy",
    "dead_letter_policy",
    "retry_policy",
    "enable_exactly_once_delivery",
}
_SNAPSHOT_UPDATES = {"labels", "expire_time"}
_OTHER_TOPICS = ("schema_settings", "ingestion_data_source_settings")
_EXPORTS = ("bigquery_config", "cloud_storage_config", "bigtable_config")


# Names --------------------------------------------------------------------------------------------------------------


def check_name(kind: str, name: str) -> None:
    """Refuse what is no name of a resource of this kind (`topics`, `subscriptions`, `snapshots`)."""
    if kind == "topics" and name == DELETED_TOPIC:
        return
    parts = name.split("/")
    if (
        len(parts) != 4
        or parts[0] != "projects"
        or not parts[1]
        or parts[2] != kind
        or not _ID.fullmatch(parts[3])
        or parts[3].lower().startswith("goog")
    ):
        raise InvalidArgument(f"Invalid [{kind}] name: (name={name})")


def check_project(name: str) -> None:
    """Refuse what is no name of a project."""
    if not _PROJECT.fullmatch(name):
        raise InvalidArgument(f"Invalid [project] name: (name={name})")


def short(name: str) -> str:
    """The last part of a resource's name."""
    return name.rpartition("/")[2]


# Messages -----------------------------------------------------------------------------------------------------------


def check_messages(messages: Any) -> None:
    """Refuse a publish request that is over a limit of the service."""
    if not 0 < len(messages) <= MOST_MESSAGES:
        raise InvalidArgument(f"A publish request has 1 to {MOST_MESSAGES} messages, this one {len(messages)}.")
    total = 0
    for message in messages:
        attributes = message.attributes
        if not message.data and not attributes:
            raise InvalidArgument("One or more messages in the publish request is empty.")
        size = len(message.data) + len(message.ordering_key.encode())
        if attributes:
            size += _check_attributes(attributes)
        if len(message.ordering_key.encode()) > LONGEST_ORDERING_KEY:
            raise InvalidArgument(f"An ordering key has at most {LONGEST_ORDERING_KEY} bytes.")
        if size > LARGEST_MESSAGE:
            raise InvalidArgument(f"The value for message_size is too large: {size} of {LARGEST_MESSAGE} bytes.")
        total += size
    if total > LARGEST_REQUEST:
        raise InvalidArgument(f"The value for request_size is too large: {total} of {LARGEST_REQUEST} bytes.")


def _check_attributes(attributes: Any) -> int:
    if len(attributes) > MOST_ATTRIBUTES:
        raise InvalidArgument(f"A message has at most {MOST_ATTRIBUTES} attributes, this one {len(attributes)}.")
    size = 0
    for key, value in attributes.items():
        key_size, value_size = len(key.encode()), len(value.encode())
        if not 0 < key_size <= LONGEST_KEY:
            raise InvalidArgument(f"The key of an attribute has 1 to {LONGEST_KEY} bytes, not {key_size}.")
        if key.startswith("goog"):
            raise InvalidArgument(f"The key of an attribute must not start with 'goog': {key}")
        if value_size > LONGEST_VALUE:
            raise InvalidArgument(f"The value of an attribute has at most {LONGEST_VALUE} bytes, not {value_size}.")
        size += key_size + value_size
    return size


# Topics and subscriptions -------------------------------------------------------------------------------------------


def complete_topic(topic: Any) -> None:
    """Check a topic."""
    check_name("topics", topic.name)
    for name in _OTHER_TOPICS:
        if topic.HasField(name):
            raise PubSubError("UNIMPLEMENTED", f"{name} is not part of the local Pub/Sub.")
    if topic.message_transforms:
        raise PubSubError("UNIMPLEMENTED", "message_transforms is not part of the local Pub/Sub.")
    if topic.HasField("message_retention_duration"):
        _check_retention(topic.message_retention_duration)
    topic.state = topic.State.ACTIVE


def complete_subscription(subscription: Any) -> None:
    """Check a subscription and fill in the defaults of the service."""
    check_name("subscriptions", subscription.name)
    check_name("topics", subscription.topic)
    for name in _EXPORTS:
        if subscription.HasField(name):
            raise PubSubError("UNIMPLEMENTED", f"{name} is not part of the local Pub/Sub.")
    if subscription.message_transforms:
        raise PubSubError("UNIMPLEMENTED", "message_transforms is not part of the local Pub/Sub.")
    if not subscription.ack_deadline_seconds:
        subscription.ack_deadline_seconds = ACK_DEADLINE
    if not SHORTEST_ACK_DEADLINE <= subscription.ack_deadline_seconds <= LONGEST_ACK_DEADLINE:
        raise InvalidArgument(
            f"Invalid ack deadline given: (ack_deadline={subscription.ack_deadline_seconds}); "
            f"it is {SHORTEST_ACK_DEADLINE} to {LONGEST_ACK_DEADLINE} seconds."
        )
    if not subscription.HasField("message_retention_duration"):
        subscription.message_retention_duration.seconds = RETENTION
    _check_retention(subscription.message_retention_duration)
    if not subscription.HasField("expiration_policy"):
        subscription.expiration_policy.ttl.seconds = EXPIRATION
    expiration = subscription.expiration_policy
    if expiration.HasField("ttl") and seconds(expiration.ttl) < SHORTEST_EXPIRATION:
        raise InvalidArgument("The ttl of an expiration policy is at least one day.")
    if subscription.HasField("retry_policy"):
        _complete_retry(subscription.retry_policy)
    if subscription.HasField("dead_letter_policy"):
        _complete_dead_letter(subscription.dead_letter_policy)
    try:
        if subscription.filter.strip():
            parse(subscription.filter)
    except FilterError as error:
        raise InvalidArgument(f"Invalid filter: {error}.") from None
    check_push(subscription.push_config)
    if subscription.enable_exactly_once_delivery and subscription.push_config.push_endpoint:
        raise InvalidArgument("Exactly once delivery is not supported for push subscriptions.")
    subscription.state = Subscription.State.ACTIVE


def check_push(push: Any) -> None:
    """Refuse an endpoint that is no URL."""
    if push.push_endpoint:
        url = urlsplit(push.push_endpoint)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise InvalidArgument(f"Invalid push endpoint given: (endpoint={push.push_endpoint})")
        if push.HasField("oidc_token") and "@" not in push.oidc_token.service_account_email:
            raise InvalidArgument("An oidc_token needs the e-mail address of a service account.")


def _check_retention(duration: Any) -> None:
    if not SHORTEST_RETENTION <= seconds(duration) <= LONGEST_RETENTION:
        raise InvalidArgument("Invalid message retention duration: it is 10 minutes to 31 days.")


def _complete_retry(retry: Any) -> None:
    for name, default in (("minimum_backoff", BACKOFF[0]), ("maximum_backoff", BACKOFF[1])):
        if not retry.HasField(name):
            getattr(retry, name).seconds = default
        if not 0 <= seconds(getattr(retry, name)) <= LONGEST_BACKOFF:
            raise InvalidArgument(f"Invalid {name}: it is 0 to {LONGEST_BACKOFF} seconds.")
    if seconds(retry.minimum_backoff) > seconds(retry.maximum_backoff):
        raise InvalidArgument("The minimum backoff is longer than the maximum backoff.")


def _complete_dead_letter(policy: Any) -> None:
    check_name("topics", policy.dead_letter_topic)
    if not policy.max_delivery_attempts:
        policy.max_delivery_attempts = ATTEMPTS
    if not FEWEST_ATTEMPTS <= policy.max_delivery_attempts <= MOST_ATTEMPTS:
        raise PubSubError(
            "OUT_OF_RANGE",
            f"Invalid delivery attempts {policy.max_delivery_attempts}: it is {FEWEST_ATTEMPTS} to {MOST_ATTEMPTS}.",
        )


# Updates ------------------------------------------------------------------------------------------------------------


def merged(kind: str, current: Any, wanted: Any, mask: FieldMask) -> Any:
    """A copy of `current` with the fields that `mask` names taken from `wanted`."""
    allowed = {"topics": _TOPIC_UPDATES, "subscriptions": _SUBSCRIPTION_UPDATES, "snapshots": _SNAPSHOT_UPDATES}[kind]
    if not mask.paths:
        raise InvalidArgument("The update_mask must be set, and must contain a non-empty paths list.")
    for path in mask.paths:
        if not FieldMask(paths=[path]).IsValidForDescriptor(current.DESCRIPTOR):
            raise InvalidArgument(f"Invalid update_mask provided: '{path}' is not a known field.")
        if path.partition(".")[0] not in allowed:
            raise InvalidArgument(f"Invalid update_mask provided: the field '{path}' cannot be updated.")
    result = type(current)()
    result.CopyFrom(current)
    mask.MergeMessage(wanted, result, True, True)
    return result
