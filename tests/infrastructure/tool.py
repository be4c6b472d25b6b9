"""The real terraform, with the provider that can be had: the registry's, else one that knows its schema alone."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
OFFLINE = Path(
    os.environ.get("BVR_TERRAFORM_OFFLINE") or ROOT.parent / "shared/tools/terraform-offline/terraform-offline"
)
ARCHIVE = "functions-0.zip"


@cache
def command() -> tuple[str, ...] | None:
    """What is run as terraform; None where there is none, or no provider."""
    found = shutil.which("terraform")
    if found is None:
        return None
    try:
        socket.create_connection(("registry.terraform.io", 443), timeout=3).close()
    except OSError:
        return (str(OFFLINE),) if OFFLINE.exists() else None
    return (found,)


class Terraform:
    """The configuration in a folder of its own, where it may be changed; its state is nowhere."""

    def __init__(self, folder: Path, *, initialise: bool = True) -> None:
        self.folder = folder / "terraform"
        for name in ("terraform", "bigquery_schemas"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns(".terraform*", "backend.tf"))
        if initialise:
            done = self.run("init", "-backend=false", "-input=false")
            assert done.returncode == 0, done.stdout

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        program = command()
        assert program is not None
        verb, *rest = arguments
        return subprocess.run(
            [*program, verb, *(["-no-color"] if verb != "fmt" else []), *rest],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=180,
            env={**os.environ, "TF_IN_AUTOMATION": "1"},
        )

    def plan(self, stage: str, *more: str) -> subprocess.CompletedProcess[str]:
        given = (f"-var-file=environments/{stage}.tfvars", f"-var=source_archive={ARCHIVE}")
        return self.run("plan", "-input=false", "-lock=false", *given, *more)

    def planned(self, stage: str) -> list[dict[str, Any]]:
        """Every resource that is planned: `type`, `index`, `values`."""
        done = self.plan(stage, "-out=plan")
        assert done.returncode == 0, done.stdout
        shown = self.run("show", "-json", "plan")
        module = json.loads(next(line for line in shown.stdout.splitlines() if line.startswith("{")))
        return list(_resources(module["planned_values"]["root_module"]))

    def test(self) -> subprocess.CompletedProcess[str]:
        return self.run("test")

    def change(self, name: str, old: str, new: str) -> None:
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text, old
        path.write_text(text.replace(old, new, 1), encoding="utf-8")


def _resources(module: dict[str, Any]) -> Any:
    yield from module.get("resources", ())
    for child in module.get("child_modules", ()):
        yield from _resources(child)
