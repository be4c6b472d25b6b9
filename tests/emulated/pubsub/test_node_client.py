"""The capabilities that Google's Node client uses most, through that client. Needs node and npm; nothing is bundled."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from emulator.pubsub import PubSubServer
from tests.emulated.pubsub.scenarios import SCENARIOS

pytestmark = pytest.mark.local_cloud

NODE = Path(__file__).parent / "node"
CACHE = Path(__file__).parents[3] / ".bvr" / "node-pubsub"
CHECKS = re.findall(r"^  async (\w+)\(w\) \{$", (NODE / "checks.mjs").read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def installed() -> Path:
    """A folder with the client as locked, installed once."""
    npm = shutil.which("npm")
    if not npm or not shutil.which("node"):
        pytest.skip("NOT TESTED with Google's Node client: node and npm are not installed")
    locked = hashlib.sha256((NODE / "package-lock.json").read_bytes()).hexdigest()
    folder = CACHE / locked[:16]
    done = folder / "node_modules" / ".complete"
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(NODE / name, folder)
        install = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        try:
            run = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=240, check=False)
        except subprocess.TimeoutExpired:
            pytest.skip("NOT TESTED with Google's Node client: npm ci did not end within 240 s")
        if run.returncode:
            pytest.skip(f"NOT TESTED with Google's Node client: npm ci failed: {run.stderr[-500:]}")
        done.touch()
    return folder


@pytest.fixture(scope="module")
def results(installed: Path, ours: PubSubServer) -> dict[str, str]:
    """What each check says."""
    script = installed / "checks.mjs"
    shutil.copy(NODE / "checks.mjs", script)
    environment = os.environ | {"PUBSUB_EMULATOR_HOST": ours.address}
    run = subprocess.run(
        ["node", str(script)], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr[-2000:]
    answers: dict[str, str] = json.loads(run.stdout.splitlines()[-1])
    return answers


@pytest.mark.parametrize("check", CHECKS)
def test_check(check: str, results: dict[str, str]) -> None:
    assert results[check] == "ok"


def test_checks_are_scenarios() -> None:
    assert CHECKS
    assert set(CHECKS) <= set(SCENARIOS)


def test_lock_names_no_address() -> None:
    """Where packages come from is for each machine to say."""
    assert '"resolved"' not in (NODE / "package-lock.json").read_text()
