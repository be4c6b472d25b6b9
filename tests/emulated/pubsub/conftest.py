"""Servers for the Pub/Sub tests: ours, and Google's emulator where it is installed."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from emulator.pubsub import PubSubServer
from tests.emulated.pubsub.scenarios import SCENARIOS
from tests.emulated.pubsub.world import World

TOGETHER = 12  # scenarios mostly wait


@pytest.fixture(scope="session")
def signing_key() -> rsa.RSAPrivateKey:
    """The key that stands for Google's."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def ours(signing_key: rsa.RSAPrivateKey) -> Iterator[PubSubServer]:
    """Our server, in memory."""
    with PubSubServer(sign=lambda claims: jwt.encode(dict(claims), signing_key, "RS256")) as server:
        yield server


def find_jar() -> Path | None:
    """Google's emulator: from BVR_PUBSUB_JAR, or in an installed Cloud SDK."""
    given = os.environ.get("BVR_PUBSUB_JAR")
    if given:
        return Path(given)
    gcloud = shutil.which("gcloud")
    if not gcloud:
        return None
    # The root holds bin/gcloud, or is what gcloud says; asking takes a second, so look first.
    roots = [Path(gcloud).resolve().parent.parent]
    with contextlib.suppress(subprocess.SubprocessError):
        said = subprocess.run(
            [gcloud, "info", "--format=value(installation.sdk_root)"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        roots.append(Path(said.stdout.strip()))
    for root in roots:
        for jar in sorted(root.glob("platform/pubsub-emulator/lib/cloud-pubsub-emulator-*-all.jar")):
            return jar
    return None


@pytest.fixture(scope="session")
def googles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of Google's emulator."""
    jar, java = find_jar(), shutil.which("java")
    if jar is None or java is None:
        pytest.skip(
            "NOT COMPARED with Google's own Pub/Sub emulator: "
            + ("no java" if jar else "its jar was not found (Cloud SDK component, or BVR_PUBSUB_JAR)")
        )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("google") / "emulator.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [java, "-Xmx512m", "-jar", str(jar), "--host=127.0.0.1", f"--port={port}"],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until and process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        else:
            pytest.fail(f"Google's emulator did not start:\n{log.read_text()[-2000:]}")
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def observe(address: str) -> dict[str, Any]:
    """What every scenario sees at an address; a fault is something seen, too."""

    run = uuid.uuid4().hex[:8]  # a server may have seen us before

    def one(name: str) -> Any:
        world = World(address, f"{run}-{name.replace('_', '-')}")
        try:
            return SCENARIOS[name].run(world)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        finally:
            world.close()

    with ThreadPoolExecutor(TOGETHER) as pool:
        return dict(zip(SCENARIOS, pool.map(one, SCENARIOS), strict=True))


@pytest.fixture(scope="session")
def seen_at_ours(ours: PubSubServer) -> dict[str, Any]:
    """What every scenario sees at our server."""
    return observe(ours.address)


@pytest.fixture(scope="session")
def seen_at_googles(googles: str) -> dict[str, Any]:
    """What every scenario sees at Google's emulator."""
    return observe(googles)
