"""Cloud Build understands what it is told, and a deployment that does not hold is taken back."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.cloud.devtools.cloudbuild_v1 import Build
from google.protobuf.json_format import ParseDict, ParseError

from emulator import topology

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "cloudbuild.yaml").read_text(encoding="utf-8")


def build(text: str = TEXT) -> Any:
    """As Cloud Build reads it: its own message, from its own form."""
    return ParseDict(yaml.safe_load(text), Build()._pb)


def test_it_is_a_build() -> None:
    made = build()
    names = [step.id for step in made.steps]
    for step in made.steps:
        assert set(step.wait_for) <= set(names[: names.index(step.id)]), step.id
    assert {"lint", "generated", "test", "terraform-check", "audit"} <= set(names)


def test_nothing_is_deployed_before_it_is_tested() -> None:
    made = {step.id: step for step in build().steps}
    before: set[str] = set()
    waiting = ["deploy"]
    while waiting:
        for name in made[waiting.pop()].wait_for:
            if name not in before:
                before.add(name)
                waiting.append(name)
    assert before == made.keys() - {"deploy"}


def test_a_misspelt_field_is_refused() -> None:
    with pytest.raises(ParseError, match="waitForr"):
        build(TEXT.replace("waitFor:", "waitForr:", 1))


def test_its_commands_are_those_of_a_developer() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for step in build().steps:
        if step.entrypoint == "make":
            assert set(step.args) <= targets, step.id
        elif step.args and step.args[0].endswith((".sh", "run")):
            assert os.access(ROOT / step.args[0], os.X_OK), step.id


def test_the_archive_is_the_same_for_the_same_files(tmp_path: Path) -> None:
    names = set()
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        target = tmp_path / folder / "functions.zip"
        subprocess.run([ROOT / "terraform/archive.sh", target], check=True)
        names.add((tmp_path / folder / "functions.name").read_text(encoding="utf-8"))
    assert len(names) == 1
    with zipfile.ZipFile(tmp_path / "a" / "functions.zip") as made:
        held = set(made.namelist())
    assert {"main.py", "requirements.txt", "bvr/service.py", "bigquery_schemas/register/innsending/schema.json"} <= held
    assert not [name for name in held if "__pycache__" in name]


# --- the deployment --------------------------------------------------------------------------------------------------

COMMAND = """#!/usr/bin/env bash
echo "$(basename "$0") $*" >> "$CALLS"
case "$(basename "$0") $*" in
  "gcloud run services describe"*) echo "$4-00007" ;;
  "gcloud logging read"*) [ "$ERRORS" != refused ] || exit 1; for n in $(seq "$ERRORS"); do echo "$n"; done ;;
  "bvr smoke"*) exit "$SMOKE" ;;
  "terraform apply"*) [[ "$*" == *google_bigquery* ]] || exit "$APPLY" ;;
esac
"""


def deployed(
    folder: Path, *, smoke: int = 0, errors: int | str = 0, apply: int = 0, without: str = "", only_plan: str = "no"
) -> tuple[int, list[str]]:
    """Run the script with commands that tell what they were asked; (its exit code, those)."""
    here = folder / "terraform"
    here.mkdir()
    for name in ("deploy.sh", "topology.auto.tfvars.json"):
        (here / name).write_bytes((ROOT / "terraform" / name).read_bytes())
    (folder / "functions.name").write_text("functions-1.zip")
    (folder / "konnektor.digest").write_text("x@sha256:1")
    tools = folder / ".venv" / "bin"
    tools.mkdir(parents=True)
    for name in {"gcloud", "terraform", "bvr"} - {without}:
        (tools / name).write_text(COMMAND)
        (tools / name).chmod(0o755)
    # Nothing else is on the path: a gcloud of the machine's own would be called.
    (folder / "path").mkdir()
    # The interpreter itself: what the path calls python3 may be a script that needs more of the path.
    (folder / "path" / "python3").symlink_to(Path(sys.executable).resolve())
    for name in ("bash", "mktemp", "date", "sleep", "wc", "cat", "basename", "dirname", "seq", "env"):
        found = shutil.which(name)
        assert found, name
        (folder / "path" / name).symlink_to(found)
    calls = folder / "calls"
    environment = {
        **os.environ,
        **{"PATH": f"{tools}:{folder / 'path'}", "ONLY_PLAN": only_plan, "CALLS": str(calls), "WATCH_SECONDS": "0"},
        **{"STAGE": "test", "REGION": "europe-north1", "GOOGLE_CLOUD_PROJECT": "bvr-test"},
        **{"SMOKE": str(smoke), "ERRORS": str(errors), "APPLY": str(apply)},
    }
    done = subprocess.run(["bash", here / "deploy.sh"], env=environment, check=False, capture_output=True)
    return done.returncode, calls.read_text(encoding="utf-8").splitlines() if calls.exists() else []


def test_tables_come_before_code_and_the_smoke_test_after_both(tmp_path: Path) -> None:
    code, calls = deployed(tmp_path)
    assert code == 0
    tables, whole = [n for n, call in enumerate(calls) if call.startswith("terraform apply")]
    (smoke,) = [n for n, call in enumerate(calls) if call.startswith("bvr smoke")]
    assert "-target=google_bigquery_table.all" in calls[tables]
    assert "-target=google_cloudfunctions2_function.all" in calls[whole]
    assert tables < whole < smoke
    assert not [call for call in calls if "update-traffic" in call]


@pytest.mark.parametrize("tool", ["gcloud", "terraform", "bvr"])
def test_without_its_tools_nothing_is_changed(tmp_path: Path, tool: str) -> None:
    code, calls = deployed(tmp_path, without=tool)
    assert code == 2
    assert not [call for call in calls if "apply" in call or "update-traffic" in call]


def test_a_plan_is_no_deployment(tmp_path: Path) -> None:
    code, calls = deployed(tmp_path, only_plan="yes")
    assert code == 0
    assert not [call for call in calls if "apply" in call or "smoke" in call]


@pytest.mark.parametrize("fault", [{"smoke": 3}, {"smoke": 1}, {"errors": 5}, {"errors": "refused"}, {"apply": 1}])
def test_what_does_not_hold_is_taken_back(tmp_path: Path, fault: dict[str, Any]) -> None:
    code, calls = deployed(tmp_path, **fault)
    assert code == 1
    back = {call.split()[4]: call for call in calls if "update-traffic" in call}
    assert back.keys() == topology.load().functions.keys()
    assert all(f"--to-revisions={name}-00007=100" in call for name, call in back.items())
