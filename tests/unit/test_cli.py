"""`bvr`: the self-check for people and machines, exit codes, help, and what it must not import."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from bvr.cli import main
from bvr.model.xml import encode
from bvr.rules.examples import document, melding, personalia, sak, undersokelse

CLEAN = encode(document(sak(personalia(), melding(slutt="2024-02-05"))))
EXCLUDED = encode(document(sak(personalia(), undersokelse())))


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    (tmp_path / "god.xml").write_bytes(CLEAN)
    (tmp_path / "under").mkdir()
    (tmp_path / "under" / "feil.xml").write_bytes(EXCLUDED)
    (tmp_path / "avvist.xml").write_bytes(b"<Barnevern/>")
    (tmp_path / "payload.json").write_text(json.dumps({"xsdVersion": 4, "xmlBody": CLEAN.decode()}))
    return tmp_path


def bvr(*arguments: str | Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "bvr.cli", *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("files", "code"),
    [
        (["god.xml"], 0),
        (["payload.json"], 0),
        (["under"], 1),
        (["god.xml", "under/feil.xml"], 1),
        (["god.xml", "avvist.xml"], 2),
        (["."], 2),
        (["*.xml"], 2),
    ],
)
def test_exit_code_is_the_worst_of_all_files(cases: Path, files: list[str], code: int) -> None:
    assert bvr("validate", "--json", *(cases / f for f in files))[0] == code


def test_json_lines(cases: Path) -> None:
    _, out = bvr("validate", "--json", cases)
    lines = [json.loads(line) for line in out.splitlines()]
    assert [Path(line["file"]).name for line in lines] == ["avvist.xml", "god.xml", "feil.xml"]
    assert [line["verdict"] for line in lines] == ["REJECTED", "REGISTERED", "EXCLUDED"]
    for line in lines:
        assert {"file", "verdict", "schema_version", "ruleset", "findings"} <= set(line)
    (finding,) = lines[2]["findings"]
    assert (finding["rule"], finding["severity"]) == ("undersokelse-20", "ERROR")


def test_a_readable_table(cases: Path) -> None:
    _, out = bvr("validate", cases / "under")
    assert "undersokelse-20" in out
    assert "lagret, ikke godkjent" in out


def test_synthetic_numbers_are_refused_in_production(cases: Path) -> None:
    assert bvr("validate", "--json", "--production", cases / "god.xml")[0] == 1


def test_a_wrong_call_is_no_verdict(cases: Path) -> None:
    code, out = bvr("validate", cases / "finnes-ikke.xml")
    assert code == 64
    assert "finnes-ikke.xml" in out
    assert bvr("validate")[0] == 64
    assert bvr("simulate")[0] == 64


def test_commands_that_need_a_register_say_so(cases: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
    code, out = bvr("send", cases / "god.xml")
    assert code == 64
    assert "bvr up" in out


def test_simulate_writes_cases_that_validate_as_noted(tmp_path: Path) -> None:
    code, out = bvr("simulate", "--kommuner", "3", "--saker", "10", "--dager", "2", "--seed", "4", "--out", tmp_path)
    assert code == 0, out
    notes = [json.loads(line) for line in (tmp_path / "manifest.jsonl").read_text().splitlines()]
    assert len(notes) == len(list(tmp_path.glob("*.xml"))) > 0


def test_every_command_has_help_with_an_example() -> None:
    assert isinstance(main, click.Group)
    for name in main.commands:
        out = CliRunner().invoke(main.commands[name], ["--help"]).output
        assert "Example:" in out, name
        assert f"bvr {name}" in out, name


def test_validate_loads_no_cloud_library_and_no_pydantic(cases: Path) -> None:
    script = (
        "import sys; from bvr.selfcheck import SelfCheck; from pathlib import Path;"
        f"SelfCheck(version='4.0.1').check(Path({str(cases / 'god.xml')!r}));"
        "heavy = ('google.cloud.', 'google.auth', 'google.proto', 'grpc', 'flask', 'pydantic', 'rich', 'tink');"
        "print([m for m in sys.modules if m.startswith(heavy)])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
