"""Rights: what a row gives, who is shown what, and a register as a file in which every fault is named."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from bvr.api.maskinporten import Caller
from bvr.api.rights import EVERYWHERE, Product, Profile, Rett, RightsRegister, Role, load
from bvr.cli import main
from bvr.errors import Retry
from bvr.model.types import fields
from bvr.rights_file import read
from tests.unit.governance_world import BUFDIR, BYDEL, OSLO, RIGHTS, SAMARBEID, SSB, TILSYN, UKJENT, right

AT = datetime(2026, 1, 20, 9, 0, tzinfo=UTC)
GOOD = {
    "orgnr": OSLO,
    "navn": "Oslo kommune",
    "rolle": "KOMMUNE",
    "regioner": "0301",
    "produkter": "uttrekk kvalitet godkjenning",
    "hjemmel": "barnevernsregisterforskriften",
    "gyldig_fra": "2026-01-01",
}

COLUMNS = tuple(f.name for f in fields(Rett))


def caller(orgnr: str, supplier: str | None = None) -> Caller:
    return Caller(orgnr=orgnr, scopes=(), supplier=supplier)


@pytest.mark.parametrize(
    ("orgnr", "region", "internal"),
    [
        (SSB, "0301", True),
        (SSB, "EAK", True),
        (SSB, "EKA03", True),
        (OSLO, "0301", True),
        (OSLO, "030114", True),
        (OSLO, "1103", False),
        (OSLO, "EKA03", False),
        (OSLO, "EAK", False),
        (BYDEL, "030101", True),
        (BYDEL, "0301", False),
        (BYDEL, "030102", False),
        (SAMARBEID, "4601", True),
        (SAMARBEID, "5501", True),
        (SAMARBEID, "0301", False),
        (TILSYN, "1103", True),
        (BUFDIR, "0301", False),
        (UKJENT, "0301", False),
    ],
)
def test_what_is_shown_of_a_region(orgnr: str, region: str, internal: bool) -> None:
    """Sums are for who sees the whole country: a municipality is shown its own, and of the rest what is published."""
    register = RightsRegister(lambda: RIGHTS, lambda: AT)
    assert register.profile(caller(orgnr), region) is (Profile.INTERNAL if internal else Profile.PUBLISHABLE)
    assert register.profile(caller(UKJENT, supplier=orgnr), region) is Profile.PUBLISHABLE, "a supplier brings nothing"


def test_bufdir_sees_what_its_basis_gives() -> None:
    given = [right(BUFDIR, Role.BUFDIR, EVERYWHERE, hjemmel="forskriften § 7")]
    assert RightsRegister(lambda: given, lambda: AT).profile(caller(BUFDIR), "EAK") is Profile.INTERNAL


def test_a_right_to_one_product_is_none_to_another() -> None:
    given = [right(OSLO, Role.MUNICIPALITY, "0301", products=(Product.QUALITY,))]
    access = RightsRegister(lambda: given, lambda: AT).of(caller(OSLO))
    assert access.profile("0301") is Profile.PUBLISHABLE
    assert access.to(Product.QUALITY).covers("0301")
    assert (access.role, RightsRegister(lambda: [], lambda: AT).of(caller(OSLO)).role) == ("KOMMUNE", "UKJENT")


def test_a_day_is_a_norwegian_day() -> None:
    given = [right(OSLO, Role.MUNICIPALITY, "0301", gyldig_fra=date(2026, 1, 21))]
    late = datetime(2026, 1, 20, 23, 30, tzinfo=UTC)  # half past midnight in Norway
    assert RightsRegister(lambda: given, lambda: late).profile(caller(OSLO), "0301") is Profile.INTERNAL
    assert RightsRegister(lambda: given, lambda: AT).profile(caller(OSLO), "0301") is Profile.PUBLISHABLE


def test_old_rights_serve_while_the_table_cannot_be_read() -> None:
    now, rows = [AT], [list(RIGHTS)]

    def read_table() -> list[Rett]:
        if not rows:
            raise Retry("down")
        return rows[0]

    register = RightsRegister(read_table, lambda: now[0])
    assert register.profile(caller(OSLO), "0301") is Profile.INTERNAL
    rows.clear()
    now[0] += timedelta(hours=1)
    assert register.profile(caller(OSLO), "0301") is Profile.INTERNAL
    with pytest.raises(Retry):
        RightsRegister(read_table, lambda: AT).of(caller(OSLO))


def test_a_row_of_the_table() -> None:
    class Tables:
        def query(self, sql: str, parameters: object = None) -> list[dict[str, object]]:
            return [
                {
                    **{"orgnr": OSLO, "navn": "x", "rolle": "KOMMUNE", "regioner": ["0301"], "produkter": ["uttrekk"]},
                    **{"hjemmel": "x", "leverandor": None, "gyldig_fra": date(2026, 1, 1), "gyldig_til": None},
                }
            ]

    (one,) = load(Tables())  # type: ignore[arg-type]
    assert (one.regioner, one.gyldig_til) == (("0301",), None)


# --- as a file -------------------------------------------------------------------------------------------------------


def write(folder: Path, *rows: dict[str, str], columns: tuple[str, ...] = COLUMNS) -> Path:
    path = folder / "rettigheter.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_line_becomes_a_right(tmp_path: Path) -> None:
    (line,) = read(write(tmp_path, {**GOOD, "regioner": "0301 1103"}))
    assert line.row is not None
    assert line.row.regioner == ("0301", "1103")
    assert line.row.produkter == tuple(Product)
    assert line.row.gyldig_til is None


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"orgnr": "123456789"}, "orgnr"),
        ({"orgnr": ""}, "orgnr"),
        ({"rolle": "kommune"}, "rolle"),
        ({"regioner": "9999"}, "regioner"),
        ({"regioner": "03011"}, "regioner"),
        ({"regioner": ""}, "regioner"),
        ({"regioner": "*"}, "regioner"),
        ({"produkter": "uttrekk alt"}, "produkter"),
        ({"produkter": ""}, "produkter"),
        ({"hjemmel": " "}, "hjemmel"),
        ({"gyldig_fra": "1.1.2026"}, "gyldig_fra"),
        ({"gyldig_til": "2025-12-31"}, "gyldig_til"),
        ({"leverandor": "Prøve"}, "leverandor"),
        ({"rolle": "LEVERANDOR"}, "leverandor"),
        ({"rolle": "BUFDIR", "regioner": "*"}, "produkter"),
    ],
)
def test_a_fault_is_named(tmp_path: Path, change: dict[str, str], word: str) -> None:
    (line,) = read(write(tmp_path, {**GOOD, **change}))
    assert line.row is None
    assert any(fault.startswith(word) for fault in line.faults), line.faults


def test_which_basis_holds_is_not_left_open(tmp_path: Path) -> None:
    until = {**GOOD, "gyldig_til": "2026-06-30"}
    after = {**GOOD, "gyldig_fra": "2026-07-01"}
    assert all(line.row for line in read(write(tmp_path, until, after, {**GOOD, "regioner": "1103"})))
    lines = read(write(tmp_path, GOOD, after))
    assert lines[1].faults == ("overlapper linje 2 | overlaps line 2",)
    district = {**GOOD, "regioner": "030101"}
    assert read(write(tmp_path, GOOD, district))[1].row is None, "a district is in its municipality"


def test_nothing_is_loaded_while_a_line_is_wrong(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD, {**GOOD, "orgnr": "123456789"})
    done = CliRunner().invoke(main, ["rights", str(path), "--load"])
    assert done.exit_code == 2
    assert "rettigheter.csv:3: orgnr" in done.output
    assert CliRunner().invoke(main, ["rights", str(write(tmp_path, GOOD))]).exit_code == 0
    other = write(tmp_path, GOOD, columns=("orgnr", "navn"))
    assert "missing column" in CliRunner().invoke(main, ["rights", str(other)]).output
