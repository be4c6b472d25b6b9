"""What the system is made of: one declaration, read by Terraform and by the local cloud.

`terraform/topology.auto.tfvars.json` is a Terraform variable file (each top-level key is a variable) and this module
reads the same bytes. A topic, subscription, bucket, function or schedule is therefore declared once, and what is
tried locally is what is deployed. Unknown keys are refused and every name that points at something is checked, so
that a misspelling fails in a unit test and not in a message that is delivered nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

ROOT = Path(__file__).resolve().parent.parent
TOPOLOGY_FILE = ROOT / "terraform" / "topology.auto.tfvars.json"

# Google's own limits, so that a value out of range fails here and not at `terraform apply`.
AckDeadline = Annotated[int, Field(ge=10, le=600)]
Retention = Annotated[int, Field(ge=600, le=31 * 24 * 3600)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{2,254}$")]
DatasetName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{2,254}$")]
SECRETS = (
    "BVR_KEYSET",
    "BVR_ANALYSIS_KEYSET",
    "BVR_SEAL_KEY",
    "BVR_SEAL_CERTIFICATE",
    "BVR_TRUSTED_ISSUERS",
    "BVR_MASKINPORTEN_KEY",
)
"""Variables whose value names a secret that is mounted as a file."""
AccountName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{2,29}$")]


class Declared(BaseModel):
    """Base of everything declared: immutable, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Topic(Declared):
    """A Pub/Sub topic. Topic retention is what lets a subscription be sought back to a time."""

    description: str
    message_retention_seconds: Retention


class Push(Declared):
    """Delivery to a function, with an OIDC token of `service_account`."""

    function: str
    service_account: str


class Retry(Declared):
    """Exponential back-off between deliveries of one message."""

    minimum_backoff_seconds: Annotated[int, Field(ge=0, le=600)]
    maximum_backoff_seconds: Annotated[int, Field(ge=0, le=600)]


class DeadLetter(Declared):
    """Where a message goes that could not be delivered."""

    topic: str
    max_delivery_attempts: Annotated[int, Field(ge=5, le=100)]


class Subscription(Declared):
    """A Pub/Sub subscription; none of ours ever expires. Without `push` it is pulled."""

    topic: str
    push: Push | None
    ack_deadline_seconds: AckDeadline
    message_retention_seconds: Retention
    ordering: bool
    filter: str
    retry: Retry | None
    dead_letter: DeadLetter | None


class Bucket(Declared):
    """A bucket. Its real name is `<project>-<name here>`, since bucket names are global."""

    description: str
    storage_class: str
    retention_seconds: int | None
    soft_delete_seconds: int
    delete_after_days: int | None


class Notification(Declared):
    """What a bucket tells of its objects, and on which topic."""

    bucket: str
    topic: str
    events: list[Literal["OBJECT_FINALIZE", "OBJECT_DELETE", "OBJECT_METADATA_UPDATE", "OBJECT_ARCHIVE"]]


class Dataset(Declared):
    """A BigQuery dataset. Its tables and views are folders under `bigquery_schemas/`."""

    description: str
    location: str
    max_time_travel_hours: Annotated[int, Field(ge=48, le=168)]


class Function(Declared):
    """A Cloud Function: an entry point of `functions/main.py`, called over HTTP."""

    description: str
    entry_point: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    timeout_seconds: Annotated[int, Field(ge=1, le=3600)]
    memory: Annotated[str, Field(pattern=r"^[0-9]+(Mi|Gi)$")]
    concurrency: Annotated[int, Field(ge=1, le=1000)]
    service_account: str
    public: bool
    env: dict[str, str]


class Schedule(Declared):
    """A Cloud Scheduler job that calls a function at cron times."""

    description: str
    function: str
    service_account: str
    cron: Annotated[str, Field(pattern=r"^\S+ \S+ \S+ \S+ \S+$")]
    time_zone: str
    attempt_deadline_seconds: Annotated[int, Field(ge=15, le=1800)]
    body: dict[str, Any] = {}


class Topology(Declared):
    """The whole declaration."""

    topics: dict[Name, Topic]
    subscriptions: dict[Name, Subscription]
    buckets: dict[Name, Bucket]
    notifications: dict[Name, Notification]
    datasets: dict[DatasetName, Dataset]
    service_accounts: dict[AccountName, str]
    secrets: dict[Name, str]
    environment: dict[str, str]
    functions: dict[Name, Function]
    schedules: dict[Name, Schedule]

    @model_validator(mode="after")
    def _names_point_at_something(self) -> Self:
        faults = [
            f"{where}: {kind} {name!r} is not declared"
            for where, kind, name, declared in self._references()
            if name not in declared
        ]
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def _references(self) -> Iterable[tuple[str, str, str, dict[str, Any]]]:
        """Every name that points at a declaration: (where it stands, kind, name, the declarations of that kind)."""
        for name, subscription in self.subscriptions.items():
            where = f"subscription {name}"
            yield where, "topic", subscription.topic, self.topics
            if subscription.push:
                yield where, "function", subscription.push.function, self.functions
                yield where, "service account", subscription.push.service_account, self.service_accounts
            if subscription.dead_letter:
                yield where, "topic", subscription.dead_letter.topic, self.topics
        for name, notification in self.notifications.items():
            yield f"notification {name}", "bucket", notification.bucket, self.buckets
            yield f"notification {name}", "topic", notification.topic, self.topics
        for name, function in self.functions.items():
            yield f"function {name}", "service account", function.service_account, self.service_accounts
        for name, schedule in self.schedules.items():
            yield f"schedule {name}", "function", schedule.function, self.functions
            yield f"schedule {name}", "service account", schedule.service_account, self.service_accounts
        for variable, value in self.environment.items():
            for prefix, kind, declared in self._named_by_environment():
                if variable.startswith(prefix):
                    yield f"environment {variable}", kind, value, declared

    def _named_by_environment(self) -> tuple[tuple[str, str, dict[str, Any]], ...]:
        return (
            ("BVR_TOPIC_", "topic", self.topics),
            ("BVR_BUCKET_", "bucket", self.buckets),
            ("BVR_DATASET_", "dataset", self.datasets),
            *((variable, "secret", self.secrets) for variable in SECRETS),
        )

    def bucket_name(self, project: str, name: str) -> str:
        """The real name of the bucket declared as `name`."""
        if name not in self.buckets:
            raise KeyError(name)
        return f"{project}-{name}"

    def service_account_email(self, project: str, name: str) -> str:
        """The address of the service account declared as `name`."""
        if name not in self.service_accounts:
            raise KeyError(name)
        return f"{name}@{project}.iam.gserviceaccount.com"

    def function_environment(self, name: str) -> dict[str, str]:
        """What Terraform sets on function `name`: the common variables and its own."""
        return {**self.environment, **self.functions[name].env}


def load(path: Path = TOPOLOGY_FILE) -> Topology:
    """Read and check the declaration."""
    return Topology.model_validate_json(path.read_bytes())
