"""A connector that is killed by SIGKILL at a chosen moment. A process of its own; its archive and topic are files.

python -m tests.emulated.fiksio.crashing <folder> <AMQP port> <account> <moment>
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pika

from bvr.desk import Stored
from bvr.fiksio.connector import Connector
from emulator.processes import HOST
from tests.emulated.fiksio.rig import LIMITS

MOMENTS = ("before archive", "after archive", "after publish", "after ack")


class Files:
    """A bucket as a folder: an object is one file, made under another name and linked, so that it is whole or not."""

    name = "prosjekt-arkiv"

    def __init__(self, folder: Path, crash: Any) -> None:
        self._folder, self._crash = folder, crash

    def create(self, name: str, data: bytes, metadata: dict[str, str] | None = None) -> bool:
        self._crash("before archive")
        path = self._folder / sha256(name.encode()).hexdigest()
        draft = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}")
        draft.write_text(json.dumps({"name": name, "data": data.hex(), "metadata": metadata or {}}))
        try:
            os.link(draft, path)
        except FileExistsError:
            return False
        finally:
            draft.unlink()
        self._crash("after archive")
        return True

    def read(self, name: str, generation: int | None = None) -> Stored | None:
        path = self._folder / sha256(name.encode()).hexdigest()
        if not path.exists():
            return None
        found = json.loads(path.read_text())
        return Stored(data=bytes.fromhex(found["data"]), metadata=found["metadata"])


class Lines:
    """A topic as a file of lines."""

    def __init__(self, path: Path, crash: Any) -> None:
        self._path, self._crash = path, crash

    def publish(self, topic: str, data: bytes, attributes: dict[str, str], ordering_key: str = "") -> None:
        with self._path.open("a") as file:
            file.write(json.dumps(attributes) + "\n")
        self._crash("after publish")


def main(folder: Path, port: int, account: str, moment: str) -> None:
    def crash(now: str) -> None:
        if now == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    def connect() -> pika.BlockingConnection:
        connection = pika.BlockingConnection(pika.ConnectionParameters(HOST, port))
        make = connection.channel

        def channel() -> Any:
            made = make()
            ack = made.basic_ack

            def basic_ack(tag: int) -> None:
                ack(tag)
                crash("after ack")

            made.basic_ack = basic_ack
            return made

        connection.channel = channel
        return connection

    nothing: Any = SimpleNamespace()
    connector = Connector(
        archive=Files(folder, crash),  # type: ignore[arg-type]
        topics=Lines(folder / "topic", crash),
        topic_in="innsending",
        topic_events="hendelse",
        inbox="prosjekt-innboks",
        account=account,
        connect=connect,
        clock=lambda: datetime.now(UTC),
        store=nothing,
        limits=LIMITS,
        pauses=(0.05, 0.5),
    )
    signal.signal(signal.SIGTERM, lambda *_: connector.stop())
    connector.run()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4])
