"""The runbook, the threat model, the bill and the list of licences say what is there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from bvr import costs
from bvr.cli import main
from emulator import topology
from tests.infrastructure import licences
from tests.infrastructure.test_terraform import ALARMS

ROOT = Path(__file__).resolve().parents[2]
RUNBOOK = (ROOT / "docs/drift.md").read_text(encoding="utf-8")
THREATS = (ROOT / "docs/trusselmodell.md").read_text(encoding="utf-8")
TOPOLOGY = topology.load()


@pytest.mark.parametrize("name", sorted(ALARMS["alarms"]))
def test_each_alarm_has_its_page(name: str) -> None:
    page, _, anchor = ALARMS["alarms"][name]["runbook"].partition("#")
    assert f"\n### {anchor}\n" in (ROOT / page).read_text(encoding="utf-8")


def test_each_command_exists() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in (RUNBOOK, (ROOT / "SECURITY.md").read_text(encoding="utf-8")):
        assert set(re.findall(r"`make ([a-z-]+)", page)) <= targets
        for command in set(re.findall(r"`bvr ([a-z]+)", page)):
            assert command in main.commands, command
        for option, command in re.findall(r"`bvr ([a-z]+) [^`]*?(--[a-z-]+)", page):
            options = {name for one in main.commands[option].params for name in one.opts}
            assert command in options, (option, command)


def test_everything_that_is_kept_is_in_the_runbook() -> None:
    for name in (*TOPOLOGY.buckets, *TOPOLOGY.datasets, *TOPOLOGY.secrets):
        assert f"`{name}`" in RUNBOOK, name
    for name, bucket in TOPOLOGY.buckets.items():
        (line,) = [one for one in RUNBOOK.splitlines() if one.startswith(f"| bøtta `{name}`")]
        assert bucket.delete_after_days is None or f"{bucket.delete_after_days} dager" in line
    for name, topic in TOPOLOGY.topics.items():
        if not name.endswith("-dead-letter"):
            assert f"`{name}`" in RUNBOOK
        assert topic.message_retention_seconds == (31 if name.endswith("-dead-letter") else 7) * 86400
    for name, dataset in TOPOLOGY.datasets.items():
        assert dataset.max_time_travel_hours == (48 if name in ("register", "analyse") else 168)


def test_each_threat_has_a_test_that_exists() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    rows = [line for line in THREATS.splitlines() if re.match(r"\| [STRIDE] \|", line)]
    assert {row[2] for row in rows} == set("STRIDE")
    for row in rows:
        (name,) = re.findall(r"`(test_\w+)`", row)
        assert f"def {name}(" in tests, name


def test_the_bill_counts_what_is_declared() -> None:
    counts = costs.declared()["counts"]
    assert counts["secrets"] == len(TOPOLOGY.secrets)
    assert counts["jobs"] == len(TOPOLOGY.schedules)
    whole = sum(one.dollars for one in costs.items())
    twice = {one.name: one.much for one in costs.items({"cases": 2 * costs.declared()["volumes"]["cases"]})}
    assert sum(one.dollars for one in costs.items({"cases": 0, "whole_load": 0})) < whole
    assert twice["Functions: vCPU"] > 1.5 * {one.name: one.much for one in costs.items()}["Functions: vCPU"]
    done = CliRunner().invoke(main, ["cost", "--set", "kaser=1"])
    assert done.exit_code == 64
    assert "kaser" in done.output


def test_licences_are_listed_and_may_be_used() -> None:
    assert licences.PAGE.read_text(encoding="utf-8") == licences.page()
    assert not licences.forbidden()


@pytest.mark.parametrize("name", ["requirements.lock", "functions/requirements.txt"])
def test_each_dependency_is_locked_by_its_hash(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and line[0] not in " #"]
    assert len(lines) > 40
    assert not [line for line in lines if "==" not in line or "--hash=sha256:" not in line]


def test_every_right_is_documented_where_it_is_declared() -> None:
    access = json.loads((ROOT / "terraform/access.auto.tfvars.json").read_text(encoding="utf-8"))["access"]
    page = (ROOT / "docs/terraform.md").read_text(encoding="utf-8")
    for who in access:
        assert f"`{who}`" in page, who
