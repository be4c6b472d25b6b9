"""The connector: takes messages from an account's queue in Fiks IO, keeps each, tells the intake, and then says so.

A message is acknowledged when its bytes are in the archive and the pointer to them is on the topic, never before. Fiks
IO counts deliveries and gives up after three, so nothing is ever handed back: while storage is away, what is in hand is
held, nothing more is taken (the window is full), and the queue keeps the rest. One thread speaks AMQP, so that
heartbeats go out however slow storage is; messages are kept in others.
"""

from __future__ import annotations

import contextlib
import hashlib
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Any, Protocol
from uuid import UUID

import msgspec
import pika
from pika.exceptions import AMQPError, ChannelWrongStateError, ConsumerCancelled

from bvr.desk import Objects, Topics, envelope_of, kept_attributes, raw_name, second_name, too_large_name, with_envelope
from bvr.errors import BvrError, Retry
from bvr.fiksio.headers import attributes, is_notice
from bvr.intake.envelope import Delivery
from bvr.intake.protocol import TYPES, Flow
from bvr.log import log

_TICK = 0.2  # seconds between looks at what else there is to do
_STILL = 60.0  # seconds without a tick after which the connector is not alive


class Archive(Objects, Protocol):
    """The archive, which also takes what does not fit in memory."""

    def create_from(self, name: str, parts: Iterable[bytes], metadata: dict[str, str] | None = None) -> bool:
        """Write once, part by part: False when the object is there already. An error in `parts` leaves no object."""
        ...


class Store(Protocol):
    """What Fiks IO has put beside a message that was too large for the queue."""

    def open(self, document_id: str) -> AbstractContextManager[Iterator[bytes] | None]:
        """Its bytes, part by part; None when they are there no more. Raises Retry, also while they are read."""
        ...


class Connector(msgspec.Struct, kw_only=True):
    """`connect` makes a new connection, with a fresh token; `limits` are the most bytes of a message of each flow."""

    archive: Archive
    topics: Topics
    topic_in: str
    topic_events: str
    inbox: str
    account: str
    connect: Callable[[], Any]
    clock: Callable[[], datetime]
    store: Store
    limits: Mapping[Flow, int]
    own_headers: frozenset[str] = frozenset()
    prefetch: int = 10
    hold_seconds: float = 1200.0
    """How long a message is held before its connection is given up: the broker waits 30 minutes for an answer."""
    pauses: tuple[float, float] = (0.5, 30.0)
    """Seconds before the first new try, and at the most."""
    stopping: threading.Event = msgspec.field(default_factory=threading.Event)
    ticked: float = msgspec.field(default_factory=time.monotonic)
    one_large: threading.Lock = msgspec.field(default_factory=threading.Lock)

    @property
    def queue(self) -> str:
        return f"fiksio.konto.{self.account}"

    # --- the loop ------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Take messages until `stop`: one long connection, made again after growing pauses when it is lost."""
        first, longest = self.pauses
        pause = first
        with ThreadPoolExecutor(self.prefetch, "melding") as pool:
            while not self.stopping.is_set():
                if self._session(pool):
                    pause = first
                self._rest(pause)
                pause = min(2 * pause, longest)

    def stop(self) -> None:
        """Take nothing more, finish what is in hand, and end."""
        self.stopping.set()

    @property
    def alive(self) -> bool:
        """Whether the loop turns: connected, or trying to."""
        return time.monotonic() - self.ticked < _STILL

    def tick(self) -> None:
        self.ticked = time.monotonic()

    def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self.stopping.wait(min(left, 1.0)):
            self.tick()

    def _session(self, pool: ThreadPoolExecutor) -> bool:
        """One connection, from its making to its end; whether anything was done over it."""
        self.tick()
        try:
            connection = self.connect()
        except (AMQPError, BvrError, OSError) as error:
            why = str(error) if isinstance(error, BvrError) else type(error).__name__
            log("fiksio utilgjengelig", severity="WARNING", grunn=why)
            return False
        session = _Session(self, connection, pool)
        try:
            session.serve()
        except (AMQPError, OSError) as error:
            log("fiksio brutt", severity="WARNING", grunn=type(error).__name__)
        except Exception as error:  # pika's own, on a connection that fell apart: its messages come again
            log("fiksio brutt", severity="ERROR", grunn=type(error).__name__)
        finally:
            with contextlib.suppress(Exception):  # it is being thrown away, and may be in any state
                connection.close()
        session.finish()
        return session.done > 0

    def until_kept(self, headers: Any, expiration: str | None, redelivered: bool, body: bytes) -> None:
        """Take one message; while the platform is away, hold it. Raises when we are to stop, or on a fault of ours."""
        received, started = self.clock(), time.monotonic()
        pause, longest = self.pauses
        while True:
            try:
                return self.take(headers, expiration, redelivered, body, received)
            except Retry as error:
                log("fiksio venter", severity="WARNING", grunn=str(error), sekunder=pause)
                failed: Exception = error
            except Exception as error:
                # A client of the platform in a bad way, or our own fault. Only the latter lasts; then the platform is
                # let count, and tells the sender in the end.
                log("feil i fiksio-leddet", severity="CRITICAL", grunn=type(error).__name__)
                failed = error
                if time.monotonic() - started > self.hold_seconds:
                    raise
            if self.stopping.wait(pause):
                raise failed
            pause = min(2 * pause, longest)

    # --- one message ---------------------------------------------------------------------------------------------

    def take(self, headers: Any, expiration: str | None, redelivered: bool, body: bytes, received: datetime) -> None:
        """Keep a message, and tell the intake of it. When this returns, nothing of it can be lost. Raises Retry."""
        about = attributes(headers, expiration, self.account, received, self.own_headers)
        if is_notice(about.get("type", "")):
            return self._notice(about, body, received)
        document = about.get("dokumentlager-id")
        told = self._keep(about, body, received) if document is None else self._fetch(about, document, received)
        if redelivered:
            told = told | {"resendt": "true"}
        known = TYPES.get(told.get("type", ""))
        topic = self.topic_events if known and known.flow == "hendelse" else self.topic_in
        self.topics.publish(topic, b"", told)
        log("fra fiksio", melding_id=told.get("melding-id"), type=told.get("type"), resendt=redelivered or None)
        return None

    def _keep(self, about: dict[str, str], body: bytes, received: datetime) -> dict[str, str]:
        """Archive a message; the attributes to tell of it, which are those that were archived with it the first time.

        It lies where the intake will look: also one that the intake will refuse for its envelope.
        """
        about = about | {"sha256": hashlib.sha256(body).hexdigest(), "size": str(len(body))}
        name = self._name(about, received)
        told = self._create(name, body, about, received)
        if told is None:
            # The same melding-id with another content is not a redelivery: kept beside the first.
            log("melding-id med nytt innhold", severity="ERROR", melding_id=about.get("melding-id"))
            told = self._create(second_name(name, about["sha256"]), body, about, received)
        if told is None:
            raise Retry("two contents under the name of one digest")
        return told

    def _create(self, name: str, body: bytes, about: dict[str, str], received: datetime) -> dict[str, str] | None:
        """Write once; the attributes that stand beside it. None when the name holds another content."""
        told = about | {"dataref": f"gs://{self.archive.name}/{name}"}
        if self.archive.create(name, body, self._metadata(name, told, received)):
            return told
        stored = self.archive.read(name)
        if stored is None or stored.data != body:
            return None
        return kept_attributes(self.archive, name, stored) or told

    def _fetch(self, about: dict[str, str], document: str, received: datetime) -> dict[str, str]:
        """What lies beside the queue, into the archive: one at a time, and never more in memory than can be handled."""
        known = TYPES.get(about.get("type", ""))
        most = self.limits[known.flow if known else "sak"]
        gone = about | {"dataref": f"gs://{self.inbox}/dokumentlager/{document}"}
        if not _is_uuid(document):
            return gone
        with self.one_large, self.store.open(document) as parts:
            if parts is None:
                log("borte fra dokumentlageret", severity="ERROR", melding_id=about.get("melding-id"))
                return gone  # the intake finds nothing there, and says so
            body = bytearray()
            for part in parts:
                body += part
                if len(body) > most:
                    return self._keep_large(about, chain((bytes(body),), parts), received)
        return self._keep(about, bytes(body), received)

    def _keep_large(self, about: dict[str, str], parts: Iterable[bytes], received: datetime) -> dict[str, str]:
        """Too large to be handled: kept all the same, for the intake to refuse without reading it."""
        name = too_large_name(self._name(about, received))
        told = about | {"dataref": f"gs://{self.archive.name}/{name}"}
        self.archive.create_from(name, parts, self._metadata(name, told, received))
        size = self.archive.size(name)
        return told | ({"size": str(size)} if size else {})

    def _name(self, about: dict[str, str], received: datetime) -> str:
        envelope, _ = envelope_of(Delivery(body=b"", attributes=about, pubsub_id="", published=received))
        return raw_name(envelope)

    def _metadata(self, name: str, about: dict[str, str], received: datetime) -> dict[str, str]:
        metadata = {"mottatt": received.isoformat(), "hentet": about["dataref"]}
        return with_envelope(self.archive, name, about, metadata)

    def _notice(self, about: dict[str, str], body: bytes, received: datetime) -> None:
        """The platform tells that something of ours did not arrive: kept, an alarm, and never answered."""
        known = about.get("melding-id", "")
        name = (
            f"varsel/{known if _is_uuid(known) else hashlib.sha256(repr(sorted(about.items())).encode()).hexdigest()}"
        )
        self.archive.create(name, body, with_envelope(self.archive, name, about, {"mottatt": received.isoformat()}))
        log(
            "varsel fra fiksio",
            severity="ALERT",
            type=about["type"],
            melding_id=about.get("melding-id"),
            svar_til=about.get("svar-til"),
        )


class _Session:
    """One connection, and the messages that came over it. Everything but the jobs runs in the connector's thread."""

    def __init__(self, connector: Connector, connection: Any, pool: ThreadPoolExecutor) -> None:
        self._connector = connector
        self._connection = connection
        self._pool = pool
        self._jobs: dict[int, tuple[Future[None], float]] = {}  # delivery tag -> its job, and since when
        self._channel: Any = None
        self._cancelled = self._failed = False
        self.done = 0

    def serve(self) -> None:
        """Until we are to stop and nothing is in hand, or the connection is lost, or is to be given up."""
        stopping = self._connector.stopping
        channel = self._channel = self._connection.channel()
        channel.basic_qos(prefetch_count=self._connector.prefetch)
        channel.add_on_cancel_callback(lambda _: self._cancel())
        consumer = channel.basic_consume(self._connector.queue, self._arrived)
        log("fiksio tilkoblet", konto=self._connector.account)
        while self._jobs or not stopping.is_set():
            if consumer and stopping.is_set():
                consumer = channel.basic_cancel(consumer) and None
            self._connection.process_data_events(_TICK)
            self._connector.tick()
            if self._cancelled:
                raise ConsumerCancelled
            if not channel.is_open:
                raise ChannelWrongStateError("closed by the broker")
            if self._failed or self._held_too_long():
                return

    def finish(self) -> None:
        """Wait until what came over the connection is kept: as long as it cannot be, there is no use in a new one, and
        no more of its three deliveries is spent. It is acknowledged when it comes again."""
        while (left := [job for job, _ in self._jobs.values() if not job.done()]) and (
            not self._connector.stopping.is_set()
        ):
            wait(left, 1.0)
            self._connector.tick()

    def _arrived(self, _channel: Any, method: Any, properties: Any, body: bytes) -> None:
        tag, take = method.delivery_tag, self._connector.until_kept
        job = self._pool.submit(take, properties.headers, properties.expiration, method.redelivered, body)
        self._jobs[tag] = job, time.monotonic()
        job.add_done_callback(lambda kept: self._tell(partial(self._finished, tag, kept)))

    def _tell(self, call: Callable[[], None]) -> None:
        """Have the connector's thread call; without effect when the connection is gone."""
        with contextlib.suppress(AMQPError):
            self._connection.add_callback_threadsafe(call)

    def _finished(self, tag: int, job: Future[None]) -> None:
        del self._jobs[tag]
        if job.exception() is None:
            self._channel.basic_ack(tag)
            self.done += 1
        else:
            self._failed = True

    def _cancel(self) -> None:
        self._cancelled = True

    def _held_too_long(self) -> bool:
        since = min((started for _, started in self._jobs.values()), default=None)
        if since is None or time.monotonic() - since <= self._connector.hold_seconds:
            return False
        log("fiksio gis opp til lageret svarer", severity="ERROR", i_hende=len(self._jobs))
        return True


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def parameters(
    host: str, port: int, *, user: str, password: str, virtual_host: str = "/", tls: bool = True
) -> pika.ConnectionParameters:
    """How to connect; the password is the integration's, a space, and a token of Maskinporten (section 1.1)."""
    return pika.ConnectionParameters(
        host=host,
        port=port,
        virtual_host=virtual_host,
        credentials=pika.PlainCredentials(user, password),
        heartbeat=30,
        blocked_connection_timeout=60,
        socket_timeout=10,
        stack_timeout=20,
        ssl_options=pika.SSLOptions(ssl.create_default_context(), host) if tls else None,
    )
