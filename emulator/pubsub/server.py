"""The server: a broker, its clock, its data folder, its sender of push requests, and gRPC in front."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

import grpc

from emulator.pubsub.backlog import NEVER
from emulator.pubsub.broker import Broker
from emulator.pubsub.faults import Faults
from emulator.pubsub.push import Pusher, Sign
from emulator.pubsub.service import Service
from emulator.pubsub.store import Store

# Every open stream and every waiting pull holds a thread.
THREADS = 500
LARGEST_MESSAGE = 64 * 1024 * 1024
LONGEST_SLEEP = 60.0

_OPTIONS = (
    ("grpc.max_receive_message_length", LARGEST_MESSAGE),
    ("grpc.max_send_message_length", LARGEST_MESSAGE),
    # Clients ping idle streams; by default gRPC takes that for an attack and hangs up.
    ("grpc.http2.min_ping_interval_without_data_ms", 1_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.so_reuseport", 0),  # a port in use must be an error
)


class PubSubServer:
    """A Pub/Sub server, from `start()` to `stop()`; use it as a context manager.

    `faults` switches failures of calls on, `duplicate` and `break_streams` those of delivery.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        data_dir: Path | str | None = None,
        sign: Sign | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`port` 0 takes a free one. `data_dir` keeps everything for the next start. `sign` turns the claims of a
        push request's OIDC token into the token; without it push requests carry none. `clock` gives seconds since
        1970; one that jumps needs a call of `advance` after each jump."""
        self.faults = Faults()
        self._store = Store(Path(data_dir)) if data_dir else None
        self.broker = Broker(clock, self._store)
        if self._store:
            self.broker.restore(*self._store.load())
        self._service = Service(self.broker, self.faults, self._store.sync if self._store else lambda: None, clock)
        self._pusher = Pusher(self.broker, sign, clock)
        self._clock = clock
        self._host = host
        self._port = port
        self._pool = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="pubsub")
        self._grpc = grpc.server(self._pool, options=_OPTIONS)
        self._timer = threading.Thread(target=self._run_timer, name="pubsub timer", daemon=True)
        self._stopping = False

    def start(self) -> Self:
        """Listen; raises OSError when the port is taken."""
        self._grpc.add_generic_rpc_handlers(self._service.handlers())
        try:
            self._port = self._grpc.add_insecure_port(f"{self._host}:{self._port}")
        except RuntimeError as error:
            self.stop()
            raise OSError(f"cannot listen on {self.address}") from error
        if self._store:
            self._store.start()
        self._timer.start()
        self._pusher.start()
        self._grpc.start()
        return self

    def stop(self) -> None:
        """End all calls and close the data folder. Safe to call twice."""
        if self._stopping:
            return
        with self.broker.lock:
            self._stopping = True
            self.broker.timer.notify_all()
        if self._timer.ident:
            self._pusher.stop()
            self._timer.join()
            self._grpc.stop(grace=None).wait()
        self._pool.shutdown(wait=False)
        if self._store:
            self._store.close()

    def wait(self) -> None:
        """Return when the server has been stopped."""
        self._grpc.wait_for_termination()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port

    @property
    def address(self) -> str:
        """What PUBSUB_EMULATOR_HOST must be for clients to find it."""
        return f"{self._host}:{self._port}"

    def backlog(self, subscription: str) -> int:
        """How many unacknowledged messages a subscription (full name) has."""
        return self.broker.backlog(subscription)

    def duplicate(self, subscription: str, count: int = 1) -> None:
        """A fault: deliver the next `count` messages of a subscription (full name) twice."""
        self.broker.duplicate(subscription, count)

    def break_streams(self) -> None:
        """A fault: end all open streams with UNAVAILABLE; clients open new ones."""
        self._service.break_streams()

    def advance(self) -> None:
        """Let what is due by now happen; only needed after a jump of an injected clock."""
        self.broker.advance()

    def _run_timer(self) -> None:
        with self.broker.lock:
            while not self._stopping:
                due = self.broker.advance()
                sleep = LONGEST_SLEEP if due == NEVER else due - self._clock()
                self.broker.timer.wait(min(max(sleep, 0.001), LONGEST_SLEEP))
