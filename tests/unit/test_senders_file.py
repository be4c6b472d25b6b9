"""A register of senders as a file: every fault is named, and nothing wrong is taken."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from bvr.cli import main
from bvr.intake.sender import Right
from bvr.model.identifiers import make_orgnr
from bvr.model.types import fields
from bvr.senders_file import read

OWN, SUPPLIER = (next(m for n in range(start, start + 50) if (m := make_orgnr(n))) for start in (31400000, 31500000))
GOOD = {
    "konto_id": "0B7E2B7E-0000-4000-8000-000000000001",
    "orgnr": OWN,
    "navn": "Prøve, kommune",
    "rolle": "fagsystem",
    "for_orgnr": OWN,
    "kommunenummer": "0301",
    "bydelsnummer": "01 02",
    "gyldig_fra": "2026-01-01",
    "api_url": "https://kommune.example/barnevern",
    "fiksio": "TRUE",
}

COLUMNS = tuple(f.name for f in fields(Right))


def write(folder: Path, *rows: dict[str, str]) -> Path:
    import csv

    path = folder / "avsendere.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_line_becomes_a_right(tmp_path: Path) -> None:
    (line,) = read(write(tmp_path, GOOD))
    assert line.row is not None
    assert line.row.konto_id == GOOD["konto_id"].lower()
    assert line.row.bydelsnummer == ("01", "02")
    assert line.row.fiksio is True
    assert line.row.gyldig_til is None


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"orgnr": "123456789"}, "orgnr"),
        ({"for_orgnr": ""}, "for_orgnr"),
        ({"konto_id": "kontoen"}, "konto_id"),
        ({"rolle": "kommune"}, "rolle"),
        ({"rolle": "leverandor"}, "for_orgnr"),
        ({"kommunenummer": "9999"}, "kommunenummer"),
        ({"bydelsnummer": "1"}, "bydelsnummer"),
        ({"gyldig_fra": "1.1.2026"}, "gyldig_fra"),
        ({"gyldig_til": "2025-12-31"}, "gyldig_til"),
        ({"api_url": "http://kommune.example"}, "api_url"),
        ({"api_url": "https://u:p@kommune.example"}, "api_url"),
        ({"fiksio": "ja"}, "fiksio"),
        ({"sertifikat": "finnes-ikke.pem"}, "sertifikat"),
    ],
)
def test_a_fault_names_its_column(tmp_path: Path, change: dict[str, str], word: str) -> None:
    (line,) = read(write(tmp_path, GOOD | change))
    assert line.row is None
    assert any(fault.startswith(word) for fault in line.faults)


def test_rights_of_one_account_may_follow_each_other_and_not_overlap(tmp_path: Path) -> None:
    first = GOOD | {"gyldig_til": "2026-06-30"}
    follows, overlaps = GOOD | {"gyldig_fra": "2026-07-01"}, GOOD | {"gyldig_fra": "2026-06-30"}
    assert all(line.row for line in read(write(tmp_path, first, follows)))
    assert [bool(line.row) for line in read(write(tmp_path, first, overlaps))] == [True, False]
    other = GOOD | {"konto_id": GOOD["konto_id"].replace("1", "2"), "orgnr": SUPPLIER, "rolle": "leverandor"}
    assert all(line.row for line in read(write(tmp_path, GOOD, other)))


def test_other_columns_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("konto_id,konto\n1,2\n")
    with pytest.raises(ValueError, match="unknown column konto; missing column for_orgnr"):
        read(path)


def test_the_command_says_where_and_loads_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD, GOOD | {"rolle": "x", "gyldig_fra": "2030-01-01"})
    done = CliRunner().invoke(main, ["senders", str(path), "--load"])
    assert done.exit_code == 2
    assert f"{path}:3: rolle" in done.output
