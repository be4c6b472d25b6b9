"""A RabbitMQ node of our own, for tests of the Fiks IO connector: Debian's package, free ports, a passing folder."""

from __future__ import annotations

import os
import shutil
import tempfile
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

from emulator.processes import HOST, Child, Spawner, accepts_connections, free_ports

_SERVER = ("/usr/lib/rabbitmq/bin/rabbitmq-server", "/usr/sbin/rabbitmq-server")
_READY = 60.0  # seconds
ABSENT = (
    "NOT TESTED: the Fiks IO connector against a real RabbitMQ. rabbitmq-server is not installed "
    "(apt-get install --no-install-recommends rabbitmq-server)."
)


def program() -> str | None:
    """The server's program; None where it is not installed. Not the wrapper, which wants to be another user."""
    return next((path for path in _SERVER if Path(path).exists()), shutil.which("rabbitmq-server"))


class RabbitMQ:
    """One node, from `start()` to `stop()`; use it as a context manager."""

    def __init__(self, auth: str | None = None) -> None:
        """`auth`: address that says who may do what, beside the node's own user `guest`."""
        found = program()
        if found is None:
            raise FileNotFoundError(ABSENT)
        self._program = found
        self.port, self._distribution, self._epmd = free_ports(3)
        self._home = Path(tempfile.mkdtemp(prefix="bvr-rabbit-"))
        self._name = f"bvr{uuid4().hex[:8]}@localhost"
        self._auth = auth
        self._out = self._home / "out.log"
        self._spawner = Spawner()
        self._names: Child | None = None
        self._node: Child | None = None

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> Self:
        """Start the node, or start it again with what it had."""
        config = [f"listeners.tcp.1 = {HOST}:{self.port}", "loopback_users = none", "log.console.level = warning"]
        if self._auth:
            config += ["auth_backends.1 = internal", "auth_backends.2 = http", "auth_http.http_method = post"]
            config += [
                f"auth_http.{what}_path = {self._auth}/{what}" for what in ("user", "vhost", "resource", "topic")
            ]
            (self._home / "plugins").write_text("[rabbitmq_auth_backend_http].\n")
        (self._home / "rabbitmq.conf").write_text("\n".join(config) + "\n")
        if self._names is None:  # the node would start one of its own, that outlives it
            self._names = self._spawner.spawn(
                "epmd", ["epmd", "-port", str(self._epmd)], self._out, self._environment()
            )
            self._names.wait_until(partial(accepts_connections, f"{HOST}:{self._epmd}"), _READY)
        self._node = self._spawner.spawn("rabbitmq", [self._program], self._out, self._environment())
        self._node.wait_until(partial(accepts_connections, f"{HOST}:{self.port}"), _READY)
        return self

    def stop(self) -> None:
        """Stop the node; what is durable is kept for the next start."""
        if self._node is not None:
            self._node.stop(timeout=20)
            self._node = None

    def close(self) -> None:
        """Stop everything, and leave nothing behind."""
        self.stop()
        if self._names is not None:
            self._names.stop()
        self._spawner.close()
        shutil.rmtree(self._home, ignore_errors=True)

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self._home),
            "LANG": "C.UTF-8",
            "RABBITMQ_NODENAME": self._name,
            "RABBITMQ_MNESIA_BASE": str(self._home / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self._home / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": str(self._home / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._home / "plugins"),
            "RABBITMQ_CONF_ENV_FILE": str(self._home / "none"),
            "RABBITMQ_PID_FILE": str(self._home / "pid"),
            "RABBITMQ_DIST_PORT": str(self._distribution),
            "ERL_EPMD_PORT": str(self._epmd),
            "ERL_EPMD_ADDRESS": HOST,
        }
