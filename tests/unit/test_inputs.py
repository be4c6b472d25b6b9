"""What figures are divided and grouped by: files with faults, holes, and the inhabitants in the repository."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from bvr.cli import main
from bvr.model.kommuner import names
from bvr.statistics import inputs

HEAD = "region,aldersgruppe,dato,antall\n"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "fil.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("0301,F000-017,2026-01-01,mange", "antall"),
        ("0301,F000-017,2026-13-01,5", "dato"),
        ("0301,F000-018,2026-01-01,5", "F000-018 is none of"),
        ("0301,F000-017,2026-01-01,-1", "below nought"),
        ("0301,F000-017,2026-01-01,", "antall"),
        ("0301,F000-017,2026-01-01,7\n0301,F000-017,2026-01-01,8", "overlaps line 2"),
    ],
)
def test_a_fault_names_the_field_and_nothing_is_loaded(tmp_path: Path, line: str, said: str) -> None:
    path = written(tmp_path, f"{HEAD}{line}\n")
    faults = [fault for found in inputs.read("befolkning", path) for fault in found.faults]
    assert len(faults) == 1
    assert said in faults[0]
    done = CliRunner().invoke(main, ["inputs", "befolkning", str(path), "--load"])
    assert done.exit_code == 2
    assert said in done.output


def test_columns_that_are_not_the_tables(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown column kommune; missing column aldersgruppe"):
        inputs.read("befolkning", written(tmp_path, "kommune,antall\n0301,5\n"))


def test_groups_are_of_municipalities(tmp_path: Path) -> None:
    text = "kommunenummer,gruppe,gyldig_fra,gyldig_til\n0301,EKG13,2024-01-01,\n9999,EKG01,2024-01-01,\n"
    good, bad = inputs.read("kostragruppe", written(tmp_path, text))
    assert good.row.gruppe == "EKG13"
    assert "9999 is no municipality" in bad.faults[0]


def test_holes_are_told_of(tmp_path: Path) -> None:
    lines = [f"{number},F000-017,2026-01-01,5" for number in sorted(names()) if number != "4601"]
    path = written(tmp_path, HEAD + "\n".join(lines) + "\n")
    assert inputs.holes([line.row for line in inputs.read("befolkning", path)]) == ["2026-01-01 F000-017: 4601"]
    done = CliRunner().invoke(main, ["inputs", "befolkning", str(path)])
    assert done.exit_code == 0
    assert "4601" in done.output


def test_the_inhabitants_in_the_repository_add_up() -> None:
    found = {(row.region, row.aldersgruppe): row.antall for row in inputs.known()}
    assert found["EAK", "F000-017"] == 1_101_380  # StatBank 07459, 1 January 2026
    assert found["EAK", "F000-024"] == 1_573_829
    assert found["EAK", "F000-017"] == found["EAKUO", "F000-017"] + found["0301", "F000-017"]
    assert sum(n for (r, b), n in found.items() if r.startswith("EKA") and b == "F000-017") == 1_101_380
    assert not inputs.holes(inputs.known())
