"""Looks for secrets in everything that a local cloud holds: tables, views, topics, objects, logs and receipts.

A secret is looked for as it is, in any case of letters, and as hex and base64 of its bytes, where something may have
encoded it. Base64 of what stands inside something longer has three forms, one for each place it can begin at.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import unquote

from google.api_core.exceptions import NotFound
from google.cloud import bigquery, pubsub_v1, storage

from emulator.cloud import LocalCloud


class Leak(NamedTuple):
    """Where a secret stands, and which one by its number in the list: never the secret."""

    place: str
    secret: int


class Needles:
    """The secrets, in every form they are looked for in."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self.forms = [(number, form) for number, secret in enumerate(secrets) for form in _forms(secret)]

    def found_in(self, text: str | bytes) -> set[int]:
        read = text.decode(errors="replace") if isinstance(text, bytes) else text
        read += unquote(html.unescape(read)) if "%" in read or "&" in read else ""
        lower = read.lower()
        return {number for number, form in self.forms if form in (read if form != form.lower() else lower)}


def _forms(secret: str) -> set[str]:
    data = secret.encode()
    packed = {base64.b64encode(b"\0" * skip + data).decode()[_STARTS[skip] : -4] for skip in range(3)}
    return {secret.lower(), data.hex(), *(form for form in packed if len(form) >= _SHORTEST)}


_STARTS = (0, 2, 3)  # the first characters of base64 that depend on what stands before
_SHORTEST = 10


def tables(client: bigquery.Client, only: str = "") -> Iterator[tuple[str, str]]:
    """(dataset.table, its rows as text) of every table and view; bytes as hex, which holds no base64 by chance."""
    for dataset in client.list_datasets():
        for table in client.list_tables(dataset.reference):
            name = f"{dataset.dataset_id}.{table.table_id}"
            if only and name != only:
                continue
            rows = client.query_and_wait(f"SELECT * FROM {name}")
            yield name, "\n".join(json.dumps(dict(row), default=_plain, ensure_ascii=False) for row in rows)


def _plain(value: Any) -> str:
    return value.decode("latin-1") + value.hex() if isinstance(value, bytes) else str(value)


def objects(client: storage.Client) -> Iterator[tuple[str, bytes]]:
    """(bucket/name, its bytes, metadata and name) of every object."""
    for bucket in client.list_buckets():
        for blob in client.list_blobs(bucket):
            about = f"{blob.name}\n{json.dumps(blob.metadata or {})}\n".encode()
            with suppress(NotFound):  # a mark that went while we looked
                yield f"{bucket.name}/{blob.name}", about + blob.download_as_bytes()


def logs(cloud: LocalCloud) -> Iterator[tuple[str, bytes]]:
    for path in sorted((cloud.run_dir / "logs").iterdir()):
        yield f"log/{path.name}", path.read_bytes()


class Taps:
    """Subscriptions of their own to every topic, made before a run: all that is published there."""

    def __init__(self, project: str, name: str = "tapp") -> None:
        self._subscriber = pubsub_v1.SubscriberClient()
        self._paths: dict[str, str] = {}
        with pubsub_v1.PublisherClient() as publisher:
            for topic in publisher.list_topics(project=f"projects/{project}"):
                topic_name = topic.name.rpartition("/")[2]
                path = self._subscriber.subscription_path(project, f"{name}-{topic_name}")
                self._subscriber.create_subscription(name=path, topic=topic.name)
                self._paths[topic_name] = path

    def messages(self) -> Iterator[tuple[str, bytes]]:
        """(topic, its data and attributes) of everything so far."""
        for name, path in self._paths.items():
            while True:
                answer = self._subscriber.pull(
                    subscription=path, max_messages=1000, return_immediately=True, retry=None, timeout=20
                )
                if not answer.received_messages:
                    break
                for one in answer.received_messages:
                    about = json.dumps([*one.message.attributes.items(), one.message.ordering_key]).encode()
                    yield f"topic/{name}", one.message.data + b"\n" + about
                self._subscriber.acknowledge(
                    subscription=path, ack_ids=[one.ack_id for one in answer.received_messages]
                )

    def close(self) -> None:
        self._subscriber.close()


def leaks(places: Iterable[tuple[str, str | bytes]], needles: Needles) -> set[Leak]:
    """Every place that holds a secret."""
    return {Leak(place, number) for place, text in places for number in needles.found_in(text)}
