"""The Cloud Functions of the topology, each under functions-framework in a process of its own, as when deployed.

A function here gets what Cloud Run would give it and nothing of the developer's own environment: its variables from
the topology, the addresses of the local services, and Cloud Run's own (`K_SERVICE`, `PORT`, ...).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from emulator.processes import HOST, Child, Spawner, accepts_connections, free_ports
from emulator.topology import ROOT, Topology

SOURCE = ROOT / "functions" / "main.py"

# What a process needs of the surrounding machine. In particular not GOOGLE_APPLICATION_CREDENTIALS.
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "COVERAGE_PROCESS_START")


def bare_environment() -> dict[str, str]:
    """The few variables of this machine that a server process needs."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ} | {"PYTHONUNBUFFERED": "1"}


class FunctionRunner:
    """Starts, stops and addresses functions."""

    def __init__(self, topology: Topology, spawner: Spawner, log_folder: Path, source: Path = SOURCE) -> None:
        self._topology = topology
        self._spawner = spawner
        self._log_folder = log_folder
        self._source = source
        self._ports: dict[str, int] = {}
        self._running: dict[str, Child] = {}

    def reserve(self, names: Iterable[str]) -> None:
        """Choose the ports, so that addresses are known before anything runs."""
        wanted = list(names)
        for name in wanted:
            if name not in self._topology.functions:
                raise KeyError(f"{name} is no function of the topology: {', '.join(self._topology.functions)}")
        self._ports = dict(zip(wanted, free_ports(len(wanted)), strict=True))

    def url(self, name: str) -> str:
        """The address of a function. One that was not reserved has none."""
        return f"http://{HOST}:{self._ports[name]}/"

    @property
    def names(self) -> list[str]:
        """The functions that have an address."""
        return list(self._ports)

    def start(self, environment: Mapping[str, str]) -> None:
        """Start every reserved function that does not run; `environment` is added to each one's own variables."""
        for name in self._ports:
            if name not in self._running:
                self._running[name] = self._spawn(name, environment)

    def _spawn(self, name: str, environment: Mapping[str, str]) -> Child:
        function = self._topology.functions[name]
        port = str(self._ports[name])
        return self._spawner.spawn(
            f"function {name}",
            [
                str(Path(sys.executable).with_name("functions-framework")),
                *("--source", str(self._source), "--target", function.entry_point),
                *("--signature-type", "http", "--host", HOST, "--port", port),
            ],
            self.log(name),
            {
                **bare_environment(),
                **self._topology.function_environment(name),
                "PORT": port,
                "FUNCTION_TARGET": function.entry_point,
                "K_SERVICE": name,
                "K_REVISION": f"{name}-lokal",
                "THREADS": str(function.concurrency),
                "CLOUD_RUN_TIMEOUT_SECONDS": str(function.timeout_seconds),
                **environment,
            },
        )

    def wait(self) -> None:
        """Wait until all answer. A worker that fails to import main.py ends the process, and its log is shown."""
        for name, child in self._running.items():
            child.wait_until(partial(accepts_connections, f"{HOST}:{self._ports[name]}"))

    def restart(self, name: str, environment: Mapping[str, str]) -> None:
        """Kill a function's instance and start another at the same address; it is not waited for."""
        self._running.pop(name).stop(gently=False)
        self._running[name] = self._spawn(name, environment)

    def log(self, name: str) -> Path:
        """Where a function's output goes."""
        return self._log_folder / f"{name}.log"

    def stop(self) -> None:
        """Stop all, at once: a message being handled is delivered again, as when an instance is lost."""
        for child in self._running.values():
            child.stop(gently=False)
        self._running.clear()
