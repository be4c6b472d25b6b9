"""The connector: takes messages from an account's queue in Fiks IO, keeps each, tells the intake, and then says so.

A message is acknowledged when its bytes are in the archive and the pointer to them is on the topic. Three deliveries
are all that Fiks IO gives a message, so nothing is ever handed back: while storage is away what is in hand is held,
nothing more is taken, and the queue keeps the rest.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec
import pika
from pika.exceptions import AMQPError

from bvr.desk import Objects, Topics
from bvr.errors import Retry
from bvr.fiksio.headers import attributes, is_notice
from bvr.intake.protocol import TYPES
from bvr.log import log

INLINE = 9_000_000
"""Bytes that can be published in a message: the limit is 10 MB with its attributes."""
_FIRST, _LONGEST = 0.5, 30.0  # seconds between tries


class Store(Protocol):
    """Fetches what Fiks IO has put beside a message. Raises Retry."""

    def fetch(self, document_id: str) -> bytes: ...


class Connector(msgspec.Struct, kw_only=True):
    """`connect` makes a new connection, with a fresh token; raises AMQPError or Retry when there is none to be had."""

    archive: Objects
    topics: Topics
    topic_in: str
    topic_events: str
    account: str
    connect: Callable[[], Any]
    clock: Callable[[], datetime]
    store: Store | None = None
    prefetch: int = 10
    hold_seconds: float = 1200.0
    """How long a message is held before the connection is given up; the broker waits 30 minutes for an answer."""
    wait: Callable[[float], None] | None = None
    stopping: threading.Event = msgspec.field(default_factory=threading.Event)

    @property
    def queue(self) -> str:
        return f"fiksio.konto.{self.account}"

    # --- the loop ------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Take messages until `stop`: one long connection, made again with growing pauses when it is lost."""
        pause = _FIRST
        while not self.stopping.is_set():
            try:
                connection = self.connect()
            except (AMQPError, Retry, OSError) as error:
                log("fiksio utilgjengelig", severity="WARNING", grunn=type(error).__name__)
                self.stopping.wait(pause)
                pause = min(2 * pause, _LONGEST)
                continue
            pause = _FIRST
            try:
                self._consume(connection)
            except (AMQPError, Retry, OSError) as error:
                log("fiksio brutt", severity="WARNING", grunn=type(error).__name__)
            except Exception as error:  # pika's own, on a connection that fell apart, or ours: the message comes again
                log("feil i fiksio-leddet", severity="CRITICAL", grunn=type(error).__name__)
                self.stopping.wait(_FIRST)
            finally:
                _close(connection)

    def stop(self) -> None:
        """Finish what is in hand, and end."""
        self.stopping.set()

    def _consume(self, connection: Any) -> None:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=self.prefetch)
        log("fiksio tilkoblet", konto=self.account)
        for method, properties, body in self._deliveries(channel):
            self._until_done(connection, method, properties, body)
            channel.basic_ack(method.delivery_tag)
            if self.stopping.is_set():
                break

    def _deliveries(self, channel: Any) -> Iterator[tuple[Any, Any, bytes]]:
        for method, properties, body in channel.consume(self.queue, inactivity_timeout=0.2):
            if self.stopping.is_set() and method is None:
                return
            if method is not None:
                yield method, properties, body

    def _until_done(self, connection: Any, method: Any, properties: Any, body: bytes) -> None:
        """Take one message; while the platform is away, hold it. Raises Retry when that has lasted too long."""
        pause, held = _FIRST, 0.0
        while True:
            try:
                return self.take(properties.headers, properties.expiration, method.redelivered, body)
            except Retry as error:
                if held >= self.hold_seconds or self.stopping.is_set():
                    raise
                log("fiksio venter", severity="WARNING", grunn=str(error), sekunder=pause)
                (self.wait or connection.sleep)(pause)  # answers heartbeats meanwhile
                held, pause = held + pause, min(2 * pause, _LONGEST)

    # --- one message ---------------------------------------------------------------------------------------------

    def take(self, headers: Any, expiration: str | None, redelivered: bool, body: bytes) -> None:
        """Keep a message, and tell the intake of it. When this returns, nothing of it can be lost. Raises Retry."""
        received = self.clock()
        about = attributes(headers, expiration, redelivered, self.account, received)
        document = about.pop("dokumentlager-id", None)
        if document is not None and self.store is not None:
            body = self.store.fetch(document)
        if is_notice(about.get("type", "")):
            self._keep(f"varsel/{_digest(body, about)}", body, about, received)
            log(
                "varsel fra fiksio",
                severity="ALERT",
                type=about["type"],
                melding_id=about.get("melding-id"),
                svar_til=about.get("svar-til"),
            )
            return
        name = _raw_name(about)
        if name is None:
            # Nobody could answer it; the intake archives it under an id of its own and says what is missing.
            self._keep(f"raa/ukjent/{_digest(body, about)}", body, about, received)
            self._publish(body[:INLINE], about)
            return
        pointer = f"gs://{self.archive.name}/{name}"
        told = {
            **{n: v for n, v in about.items() if n != "resendt"},
            "dataref": pointer,
            "sha256": hashlib.sha256(body).hexdigest(),
            "size": str(len(body)),
        }
        if self._keep(name, body, told, received, fetched=pointer):
            self._publish(b"", told)
        else:
            # The same melding-id with another content: the intake keeps it beside the first, and tells somebody.
            self._keep(f"{name}-{hashlib.sha256(body).hexdigest()[:16]}", body, about, received)
            log("melding-id med nytt innhold", severity="ERROR", melding_id=about["melding-id"])
            self._publish(body[:INLINE], about)

    def _keep(
        self, name: str, body: bytes, about: dict[str, str], received: datetime, fetched: str | None = None
    ) -> bool:
        """Write once; False when the name holds another content."""
        metadata = {"mottatt": received.isoformat(), "konvolutt": json.dumps(about)}
        if fetched:
            metadata["hentet"] = fetched
        if self.archive.create(name, body, metadata):
            return True
        stored = self.archive.read(name)
        return stored is not None and stored.data == body

    def _publish(self, data: bytes, about: dict[str, str]) -> None:
        known = TYPES.get(about.get("type", ""))
        topic = self.topic_events if known and known.flow == "hendelse" else self.topic_in
        self.topics.publish(topic, data, about)
        log("fra fiksio", melding_id=about.get("melding-id"), type=about.get("type"))


def _raw_name(about: dict[str, str]) -> str | None:
    """Where the archive keeps it; None when it has no sender or no id to be kept under."""
    try:
        sender, message = (str(UUID(about[name])) for name in ("avsender-id", "melding-id"))
    except (KeyError, ValueError):
        return None
    return f"raa/{sender}/{message}"


def _digest(body: bytes, about: dict[str, str]) -> str:
    whole = json.dumps({n: v for n, v in about.items() if n not in ("resendt", "utloper")}, sort_keys=True).encode()
    return hashlib.sha256(whole + b"\n" + body).hexdigest()


def _close(connection: Any) -> None:
    with contextlib.suppress(Exception):  # it is being thrown away, and may be in any state
        if connection.is_open:
            connection.close()


def parameters(
    host: str, port: int, *, user: str, password: str, virtual_host: str = "/", tls: bool = True
) -> pika.ConnectionParameters:
    """How to connect; the password is the integration's, a space, and a token of Maskinporten (section 1.1)."""
    import ssl

    return pika.ConnectionParameters(
        host=host,
        port=port,
        virtual_host=virtual_host,
        credentials=pika.PlainCredentials(user, password),
        heartbeat=30,
        blocked_connection_timeout=60,
        ssl_options=pika.SSLOptions(ssl.create_default_context(), host) if tls else None,
    )
