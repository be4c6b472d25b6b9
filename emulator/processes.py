"""Child processes that cannot outlive us.

A local cloud is half a dozen servers. Each runs in a process group of its own (so that Ctrl-C in a terminal reaches
only the parent, which then stops them in order) and asks the kernel to end it when the parent dies in a way that
leaves no time to clean up, such as SIGKILL.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HOST = "127.0.0.1"

# Runs in the child before the real program: PR_SET_PDEATHSIG (1) survives exec. It is an exec wrapper and not
# preexec_fn, which is unsafe in a process with threads and clashes with gRPC's fork handlers. If the parent died
# before the call, the child has been given to another parent and must not start at all.
_FOLLOW_PARENT = """
import os, sys
parent = int(sys.argv[1])
if sys.platform == "linux":
    import ctypes
    ctypes.CDLL(None).prctl(1, 15)
if os.getppid() != parent:
    sys.exit(1)
os.execvpe(sys.argv[2], sys.argv[2:], os.environ)
"""


class StartError(RuntimeError):
    """A server of the local cloud did not start; the message ends with the last lines of its log."""


def free_ports(count: int) -> list[int]:
    """`count` different ports that were free a moment ago (all held at once, so that no two are the same)."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind((HOST, 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


class Spawner:
    """Starts processes from one thread that lives as long as they may.

    The kernel's parent-death signal is sent when the *thread* that made the child ends, so children must not be made
    in a short-lived worker thread.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")

    def spawn(self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> Child:
        """Start `command`, its output appended to `log`."""
        return self._thread.submit(Child, name, command, log, environment).result()

    def close(self) -> None:
        """End the thread; call it when every child has been stopped."""
        self._thread.shutdown()


class Child:
    """One running server."""

    def __init__(self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _FOLLOW_PARENT, str(os.getpid()), *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its process id, which is also the id of its process group."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def wait_until(self, ready: Callable[[], bool], timeout: float = 60.0) -> None:
        """Wait for `ready()`; raise with the end of the log if the process ends or time runs out first."""
        deadline = time.monotonic() + timeout
        while not ready():
            if not self.running:
                raise StartError(f"{self.name} ended with status {self._process.returncode}.\n{self.tail()}")
            if time.monotonic() > deadline:
                raise StartError(f"{self.name} was not ready after {timeout:.0f} s.\n{self.tail()}")
            time.sleep(0.03)
        if not self.running:  # something else answered on that port
            raise StartError(f"{self.name} ended with status {self._process.returncode}.\n{self.tail()}")

    def tail(self, lines: int = 20) -> str:
        """The last lines of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self, *, gently: bool = True, timeout: float = 5.0) -> None:
        """End the whole process group: SIGTERM, then SIGKILL for what is left. `gently=False` goes straight to that."""
        if gently and self.running:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout)
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


def answers_http(url: str) -> bool:
    """Whether a server answers at `url`, be it with an error status: it is the process that is asked for."""
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own local address
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def accepts_connections(address: str) -> bool:
    """Whether something listens at `host:port`."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=1):
            return True
    except OSError:
        return False
