"""A connector, its platform, and a record of what happened in which order."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pika

from bvr.errors import Retry
from bvr.fiksio.connector import Connector
from bvr.intake.protocol import SUBMIT
from emulator.fiksio import Account, FiksIO
from emulator.processes import HOST
from emulator.rabbitmq import RabbitMQ
from tests.unit.service_world import Bucket, Topics, World

SENDER = str(uuid4())
LIMITS: Any = {"sak": 1_000_000, "hendelse": 1_000_000, "kostra": 20_000_000}


class Archive(Bucket):
    """The archive in memory, for several threads; `down` is when it answers nothing."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        self.down = False
        self.largest_part = 0
        self._lock = threading.RLock()

    def create(self, name: str, data: bytes, metadata: dict[str, str] | None = None) -> bool:
        if self.down:
            raise Retry("storage")
        with self._lock:
            return super().create(name, data, metadata)

    def create_from(self, name: str, parts: Iterable[bytes], metadata: dict[str, str] | None = None) -> bool:
        whole = []
        for part in parts:
            self.largest_part = max(self.largest_part, len(part))
            whole.append(part)
        return self.create(name, b"".join(whole), metadata)


class Stored:
    """What lies beside the queue, read from the stand-in without HTTP. `cut`: the connection breaks that many times."""

    def __init__(self, fiks: FiksIO) -> None:
        self.fiks = fiks
        self.cut = 0

    @contextmanager
    def open(self, document_id: str) -> Iterator[Iterator[bytes] | None]:
        found = self.fiks.stored.get(document_id)
        yield None if found is None else self._parts(found)

    def _parts(self, found: bytes) -> Iterator[bytes]:
        for at in range(0, len(found), 1 << 16):
            if self.cut and at > len(found) // 2:
                self.cut -= 1
                raise Retry("dokumentlager: the connection broke")
            yield found[at : at + (1 << 16)]


class Rig:
    """Every acknowledgement is checked, at the moment it is sent, against what is durable then."""

    def __init__(self, broker: RabbitMQ, **fiks: Any) -> None:
        self.broker = broker
        self.account = str(uuid4())
        self.fiks = FiksIO(broker.port, [Account(self.account, ""), Account(SENDER, "")], **fiks)
        self.world = World()
        self.archive = Archive(self.world, "prosjekt-arkiv")
        self.topics = Topics(self.world)
        self.store = Stored(self.fiks)
        self.deliveries: Counter[str] = Counter()
        self.order: list[str] = []  # acknowledged
        self.early: list[str] = []  # acknowledged before it was durable: none, ever
        self.handed_back: list[int] = []
        self.connections: list[pika.BlockingConnection] = []

    def connector(self, **how: Any) -> Connector:
        given: dict[str, Any] = {
            "archive": self.archive,
            "topics": self.topics,
            "topic_in": "innsending",
            "topic_events": "hendelse",
            "inbox": "prosjekt-innboks",
            "account": self.account,
            "connect": self.connect,
            "clock": lambda: datetime.now(UTC),
            "store": self.store,
            "limits": LIMITS,
            "pauses": (0.05, 0.5),
        }
        return Connector(**(given | how))

    def connect(self, parameters: pika.ConnectionParameters | None = None) -> pika.BlockingConnection:
        parameters = parameters or pika.ConnectionParameters(HOST, self.broker.port, heartbeat=30)
        connection = pika.BlockingConnection(parameters)
        make = connection.channel
        connection.channel = lambda: self._watched(make())
        self.connections.append(connection)
        return connection

    def _watched(self, channel: Any) -> Any:
        taken: dict[int, tuple[str, bytes]] = {}
        consume, ack = channel.basic_consume, channel.basic_ack

        def basic_consume(queue: str, callback: Callable[..., None]) -> Any:
            def arrived(on: Any, method: Any, properties: Any, body: bytes) -> None:
                name = str((properties.headers or {}).get("melding-id"))
                taken[method.delivery_tag] = name, body
                self.deliveries[name] += 1
                callback(on, method, properties, body)

            return consume(queue, arrived)

        def basic_ack(tag: int) -> None:
            name, body = taken[tag]
            if not self.durable(name, body):
                self.early.append(name)
            self.order.append(name)
            ack(tag)

        channel.basic_consume, channel.basic_ack = basic_consume, basic_ack
        channel.basic_nack = channel.basic_reject = lambda tag, **_: self.handed_back.append(tag)
        return channel

    def durable(self, melding_id: str, body: bytes) -> bool:
        """Whether the bytes are archived and the intake has been told where (a notice is for nobody)."""
        objects = list(self.archive.objects.items())
        if any(name == f"varsel/{melding_id}" for name, _ in objects):
            return True
        told = [a.get("dataref", "").removeprefix("gs://prosjekt-arkiv/") for a in self.told()]
        kept = [name for name, (stored, _) in objects if not body or stored.data == body]
        return any(name in told for name in kept) or any(ref.startswith("gs://prosjekt-innboks/") for ref in told)

    def send(self, body: bytes = b"forseglet", n: int = 1, **headers: Any) -> list[str]:
        ids = []
        for _ in range(n):
            about = {"melding-id": str(uuid4()), "type": SUBMIT, "avsender-id": SENDER} | headers
            self.fiks.put(self.account, {k: v for k, v in about.items() if v is not None}, body)
            ids.append(str(about["melding-id"]))
        return ids

    def told(self, melding_id: str | None = None) -> list[dict[str, str]]:
        """The attributes of what was published."""
        found = [a for _, _, a, _ in list(self.world.published)]
        return [a for a in found if melding_id in (None, a.get("melding-id"))]

    def finished(self, ids: Iterable[str]) -> bool:
        """Whether these are acknowledged."""
        return set(ids) <= set(self.order)

    def left(self) -> int:
        """How many are ready on the queue."""
        connection = self.fiks.connection()
        count = connection.channel().queue_declare(f"fiksio.konto.{self.account}", passive=True).method.message_count
        connection.close()
        return int(count)

    def sound(self) -> None:
        """What holds in every test: none acknowledged early, none handed back, none delivered too often."""
        assert not self.early
        assert not self.handed_back
        assert self.left() == 0
        assert self.fiks.settle() == 0


@contextmanager
def running(connector: Connector) -> Iterator[threading.Thread]:
    thread = threading.Thread(target=connector.run, daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        connector.stop()
        thread.join(30)
        assert not thread.is_alive()


def eventually(check: Callable[[], Any], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < until, "never happened"
        time.sleep(0.03)
