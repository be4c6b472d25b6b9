"""The project itself: locked requirements, configuration against the topology, no real person numbers."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import msgspec
import pytest

from bvr import generate
from bvr.config import Config
from bvr.desk import DEAD_LETTER
from bvr.model.identifiers import read
from bvr.model.versions import SUPPORTED, interface, resolve

ROOT = Path(__file__).resolve().parents[2]


def _pins(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([A-Za-z0-9_.-]+)==([^ ;\\]+)", path.read_text(encoding="utf-8"), re.MULTILINE))


def test_the_functions_requirements_are_those_of_the_lock() -> None:
    lock, functions = _pins(ROOT / "requirements.lock"), _pins(ROOT / "functions" / "requirements.txt")
    assert functions.items() <= lock.items()
    declared = re.search(r"\ndependencies = \[(.*?)\n\]", (ROOT / "pyproject.toml").read_text("utf-8"), re.DOTALL)
    assert declared is not None
    names = {n.lower() for n in re.findall(r'"([A-Za-z0-9-]+)', declared[1])}
    assert names <= {n.lower() for n in functions}


def test_configuration_defaults_are_the_topology_s() -> None:
    topology = json.loads((ROOT / "terraform/topology.auto.tfvars.json").read_text(encoding="utf-8"))
    environment = topology["environment"]
    config = Config.model_validate({"GOOGLE_CLOUD_PROJECT": "prosjekt"})
    for name, value in environment.items():
        if name.startswith(("BVR_TOPIC_", "BVR_BUCKET_", "BVR_DATASET_")):
            assert getattr(config, name.removeprefix("BVR_").lower()) == value
    for subscription in topology["subscriptions"].values():
        if subscription["dead_letter"]:
            assert subscription["dead_letter"]["topic"] == subscription["topic"] + DEAD_LETTER
            assert subscription["dead_letter"]["topic"] in topology["topics"]
    assert not config.allow_synthetic


def test_limits_of_sealed_messages_are_configuration() -> None:
    given = {"GOOGLE_CLOUD_PROJECT": "prosjekt", "sealed": {"files": 7, "ratio": 50}}
    limits = Config.model_validate(given).sealed_limits
    assert (limits.files, limits.ratio, limits.container) == (7, 50, 10_000_000)
    with pytest.raises(msgspec.ValidationError, match="filer"):
        _ = Config.model_validate({**given, "sealed": {"filer": 7}}).sealed_limits


def test_generated_files_match_the_model() -> None:
    assert generate.check() == []


def test_versions_are_resolved_as_the_transport_names_them() -> None:
    assert [resolve(v) for v in (4, "4", "4.0.1", "4.0.0", 3, "3.0.5", "3.0.2")] == ["4.0.1"] * 4 + ["3.0.5"] * 3
    assert [resolve(v) for v in (1, "1", 2, "2.2.3", "2.2.2", "2.2.1", "2.2.0")] == ["2.2.3"] * 7
    assert [resolve(v) for v in (None, "", "1.2.0", "2.1.1", "3.0.0", 0, 5, "4.1", "٤", "-4", " ")] == [None] * 11
    assert [interface(v) for v in SUPPORTED] == [4, 3, 1]


def test_no_number_in_the_repository_could_be_a_person_s() -> None:
    """Every 11-digit number that passes the check digits with an ordinary month is a placeholder or synthetic."""
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    from datetime import date

    for name in filter(None, files.split("\0")):
        if name.endswith((".lock", ".png", "package-lock.json", "requirements.txt")) or not (ROOT / name).is_file():
            continue
        try:
            text = (ROOT / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number in re.findall(r"(?<!\d)\d{11}(?!\d)", text):
            found = read(number, "1", today=date(2026, 1, 1), synthetic=False)
            assert found.kind not in ("FNR", "DNR"), f"{name}: {number[:6]}*****"
