"""The sixty key figures: hand-made cases of every definition, and an independent computation, in two engines."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from bvr.model import codelists
from bvr.statistics.figures import tables
from bvr.statistics.figures.catalogue import FAMILIES, figures, of
from bvr.statistics.run import checks
from tests.sql import registers
from tests.sql.googlesql import SCHEMAS, declared
from tests.sql.independent_figures import figures as independent
from tests.sql.test_independent import after, simulated  # noqa: F401 (a fixture)

Row = dict[str, Any]
KOMMUNER = ("0301", "1103", "4601")
BANDS = ("F000-017", "F000-024")
POPULATION = {
    **{("EAK", band, date(year, 1, 1)): 9000 for band in BANDS for year in (2025, 2026)},
    **{("0301", band, date(2025, month, 1)): 700 for band in BANDS for month in (1, 7)},
    **{("1103", band, date(2026, 1, 1)): 0 for band in BANDS},
}
GROUPS = {"0301": "EKG13", "1103": "EKG01"}
HERE = Path(__file__).resolve().parent / "nokkeltall"


def text(family: str) -> str:
    return (SCHEMAS / "statistikk" / tables.name(family) / "query.sql").read_text(encoding="utf-8")


def inputs() -> dict[str, list[Row]]:
    return {
        "grunnlag.befolkning": [
            {"region": region, "aldersgruppe": band, "dato": day, "antall": number}
            for (region, band, day), number in POPULATION.items()
        ],
        "grunnlag.kostragruppe": [
            {"kommunenummer": kommune, "gruppe": group, "gyldig_fra": date(2020, 1, 1), "gyldig_til": None}
            for kommune, group in GROUPS.items()
        ],
    }


def cells(rows: list[Row]) -> dict[tuple[str, ...], tuple[Any, ...]]:
    found = {tuple(r[c] for c in tables.KEY): tuple(r[c] for c in tables.VALUES) for r in rows}
    assert len(found) == len(rows), "two rows for one cell"
    return found


def by_google(family: str, rows: list[Row], at: Any) -> dict[tuple[str, ...], tuple[Any, ...]]:
    given = {"register.innsending": rows, **inputs()}
    return cells(declared().rows(text(family), given, run_time=("TIMESTAMP", at)))


def wanted(rows: list[Row], at: Any) -> dict[str, dict[tuple[str, ...], tuple[Any, ...]]]:
    """Family -> what the independent computation gives."""
    found = independent(rows, at, POPULATION, GROUPS)
    family = {f.id: f.family for f in figures()}
    return {name: {key: cell for key, cell in found.items() if family[key[0]] == name} for name in FAMILIES}


# --- the declarations --------------------------------------------------------------------------------------------


def test_all_sixty_are_declared_once():
    assert {f.number for f in figures()} == set(range(1, 61))
    assert [f.number for f in figures()] == sorted(f.number for f in figures())
    assert max(Counter(f.id for f in figures()).values()) == 1
    assert {f.family for f in figures()} == set(FAMILIES)


def test_the_code_lists_exist():
    known = {path.stem for path in Path(codelists.__file__).parent.glob("*.csv")}
    assert {f.kodeliste for f in figures() if f.kodeliste} <= known


@pytest.mark.parametrize("family", FAMILIES)
def test_the_documentation_shows_the_sql_that_runs(family):
    page = (SCHEMAS.parent / "docs" / "nokkeltall.md").read_text(encoding="utf-8")
    for figure in of(family):
        assert figure.med in page
        assert figure.med in text(family)


# --- the independent computation ---------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1])
def test_near_every_boundary_in_googles_reference_engine(seed):
    rows = registers.register(seed, 40)
    for family, expected in wanted(rows, registers.RUN_TIME).items():
        assert by_google(family, rows, registers.RUN_TIME) == expected, family


def test_the_drawn_registers_have_something_of_every_figure():
    """Else the comparison says little: each figure has something, and each share both what counts and what does not."""
    found: Counter[str] = Counter()
    for seed in range(1, 5):
        rows = registers.register(seed, 120)
        for key, (value, of_, *_) in independent(rows, registers.RUN_TIME, POPULATION, GROUPS).items():
            if key[1] == "EAK" and key[6:] == ("T", "T", "T"):
                found[key[0]] += value
                found[f"{key[0]} ikke"] += (of_ or 0) - value
    assert not [f.id for f in figures() if not found[f.id]]
    assert not [f.id for f in figures() if f.nevner and not found[f"{f.id} ikke"]]


@pytest.mark.parametrize(
    ("extract", "family", "kinds"), [("meldinger_mottatt_v1", "melding", "HY"), ("barn_tiltak_dato_v1", "barn", "D")]
)
def test_an_extract_and_its_key_figure_are_one_number(extract, family, kinds):
    """Two queries make these two figures, one for Bufdir's extract and one for all sixty: they may not differ.

    Of a child whose cases disagree about its sex or birth (they are listed for correction), either may be shown.
    """
    rows = registers.register(1, 60)
    first: dict[bytes, Row] = {}
    for row in rows:
        for one in row["sak"]["personalia"]:
            known = first.setdefault(one["fodselsnummer"], one)
            one |= {"kjonn": known["kjonn"], "fodseldato": known["fodseldato"]}
    sql = (SCHEMAS / "statistikk" / extract / "query.sql").read_text(encoding="utf-8")
    given = declared().rows(sql, {"register.innsending": rows}, run_time=("TIMESTAMP", registers.RUN_TIME))
    codes = {"T"} if family == "melding" else {"T", "OMSORG", "HJELP"}
    pulled = {
        (r["kommunenummer"], r["periode"], r["periodetype"], r["kjonn"], r["aldersgruppe"], r["kode"]): (
            *(r["verdi"], r["n_barn"]),
        )
        for r in given
        if r["periodetype"] in kinds
    }
    one = extract.removesuffix("_v1")
    figures_ = {
        (key[1], *key[4:]): (cell[0], cell[3])
        for key, cell in by_google(family, rows, registers.RUN_TIME).items()
        if key[0] == one and key[2] == "KOMMUNE" and key[5] in kinds and key[8] in codes
    }
    assert pulled == figures_


def test_simulated_municipalities_in_googles_reference_engine(simulated):  # noqa: F811
    at = after(simulated)
    for family, expected in wanted(simulated, at).items():
        assert by_google(family, simulated, at) == expected, family


@pytest.fixture(scope="module")
def figures_warehouse(warehouse):
    for table, rows in inputs().items():
        warehouse.queries.query(f"DELETE FROM {table} WHERE TRUE")
        warehouse.queries.insert(table, [{k: v for k, v in row.items() if v is not None} for row in rows])
    return warehouse


@pytest.mark.local_cloud
@pytest.mark.parametrize("family", FAMILIES)
def test_near_every_boundary_in_the_emulator(family, figures_warehouse):
    rows = registers.register(5, 200)
    figures_warehouse.fill(rows)
    found = cells(figures_warehouse.queries.query(text(family), {"run_time": registers.RUN_TIME}))
    assert found == wanted(rows, registers.RUN_TIME)[family]


# --- hand-made cases ---------------------------------------------------------------------------------------------


def cases() -> list[Any]:
    found = []
    for path in sorted(HERE.glob("*.yaml")):
        for case in yaml.safe_load(path.read_text(encoding="utf-8")):
            assert case.keys() <= {"navn", "saker", "forventet"}, path
            found.append(pytest.param(case, id=f"{path.stem}: {case['navn']}"))
    return found


def register_of(case: Row) -> list[Row]:
    rows = []
    for number, given in enumerate(case["saker"]):
        sak = registers.written(given, number)
        rows.append(sak)
    return rows


def named(case: Row) -> dict[tuple[str, ...], tuple[int, int | None]]:
    """`indikator region periode [D] [kode=..]: figure` or `[figure, of]`."""
    found = {}
    for line, value in case["forventet"].items():
        head, _, code = str(line).partition(" kode=")
        indicator, region, period, *rest = head.split()
        kind = next((one for one in rest if one in "HYRD"), "Y" if len(period) == 4 else "H")
        number, of_ = value if isinstance(value, list) else (value, None)
        found[indicator, region, period, kind, code or "T"] = (number, of_)
    return found


@pytest.mark.parametrize("case", cases())
def test_case(case):
    expected = named(case)
    rows = register_of(case)
    family = {f.id: f.family for f in figures()}
    found: dict[tuple[str, ...], tuple[int, int | None]] = {}
    for name in {family[key[0]] for key in expected}:
        given = {"register.innsending": rows, **inputs()}
        for r in declared().rows(text(name), given, run_time=("TIMESTAMP", registers.RUN_TIME)):
            key = (r["indikator"], r["region"], r["periode"], r["periodetype"], r["kode"])
            if key in expected and r["maal"] == "SUM" and r["kjonn"] == r["aldersgruppe"] == "T":
                found[key] = (r["verdi"], r["nevner"] if expected[key][1] is not None else None)
    # A code of which there is nothing has no row; a total of nothing has.
    assert {key: found.get(key, (0, None) if key[4] != "T" else None) for key in expected} == expected


def test_every_figure_has_a_case_and_a_case_of_nothing():
    """A case in which it counts, and one near it in which it does not."""
    counted, not_counted = set(), set()
    for parameter in cases():
        for key, (number, of_) in named(parameter.values[0]).items():
            (counted if number else not_counted).add(key[0])
            if of_ and number < of_:
                not_counted.add(key[0])
    assert {f.id for f in figures()} - counted == set()
    assert {f.id for f in figures()} - not_counted == set()


# --- the checks --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_the_checks_hold_and_each_can_fail(family):
    """They hold on a drawn register; with one figure off by one, a check fails."""
    rows = registers.register(1, 24)
    given = {"register.innsending": rows, **inputs()}
    table = f"statistikk.{tables.name(family)}"
    made = declared().rows(text(family), given, run_time=("TIMESTAMP", registers.RUN_TIME))
    stored = [{**r, "andel": None} for r in made]
    every = list(checks((SCHEMAS / "statistikk" / tables.name(family) / "checks.sql").read_text(encoding="utf-8")))
    for check in every:
        if check.fails:
            assert not declared().rows(check.sql, {table: stored}), check.name
    total = next(
        r for r in stored if r["region"] == "EAK" and r["verdi"] > 1 and r["kode"] == "T" and r["kjonn"] == "T"
    )
    off = [{**r, "verdi": r["verdi"] + 1} if r is total else r for r in stored]
    failed = [check.name for check in every if check.fails and declared().rows(check.sql, {table: off})]
    assert failed, "an error of one in the total of the country is not found"


def test_no_fragment_reads_the_clock_or_a_number_of_a_person():
    for figure in figures():
        sql = f"{figure.med} {figure.teller} {figure.nevner} {figure.koder}"
        assert not re.search(r"CURRENT_|fodselsnummer|duf|journalnummer|nokkel", sql), figure.id
