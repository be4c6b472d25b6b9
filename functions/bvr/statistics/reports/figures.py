"""The semi-annual report of a municipality: its own key figures, unsuppressed, beside those of a year before.

For the municipality alone (statistics 3.4): small numbers are shown as they are, so that it can recognise its figures.
"""

from __future__ import annotations

from typing import Any

from bvr.statistics.figures.catalogue import FAMILIES, figures, of
from bvr.statistics.figures.tables import name as table_of
from bvr.statistics.reports.migration import Tables
from bvr.statistics.reports.page import Report, Row, Words, cell, section

TABLE_COLUMNS = (
    *("nummer", "indikator", "nokkeltall", "region", "periode", "periodetype", "kjonn", "aldersgruppe", "kode"),
    *("verdi", "nevner", "andel", "n_barn", "aaret_for", "status"),
)
_KINDS = {"H": "halvåret", "R": "tolv måneder", "D": "ved utgangen", "Y": "året"}
_HEADS: tuple[Words, ...] = (
    ("Nr", "No"),
    ("Nøkkeltall", "Key figure"),
    ("Gjelder", "Covers"),
    ("Tall", "Figure"),
    ("Av", "Of"),
    ("Andel", "Share"),
    ("Året før", "Year before"),
)


def of_municipality(tables: Tables, kommune: str, name: str) -> Report:
    """The figures of the last half-year that is over. Raises LookupError when there are none of the municipality."""
    rows = _rows(tables, kommune)
    over = sorted({r["periode"] for r in rows if r["status"] != "FORELOPIG" and r["periodetype"] == "H"})
    if not over:
        raise LookupError(f"there are no key figures of {kommune}")
    period = over[-1]
    before = {_key(r): r["verdi"] for r in rows}
    mine = [r for r in rows if r["periode"] == period]
    for r in mine:
        r["aaret_for"] = before.get((*_key(r)[:-1], f"{int(period[:4]) - 1}{period[4:]}"))
    titles = {f.id: f for f in figures()}
    mine.sort(key=lambda r: (titles[r["indikator"]].number, r["region"], r["periodetype"], r["kjonn"], r["kode"]))
    sections = [
        section(
            FAMILIES[family],
            _HEADS,
            [
                (
                    *(titles[r["indikator"]].number, titles[r["indikator"]].title_nb, _KINDS[r["periodetype"]]),
                    *(r["verdi"], r["nevner"], r["andel"], r["aaret_for"]),
                )
                for r in mine
                if r["indikator"] in {f.id for f in of(family)} and r["region"] == kommune and _total(r)
            ],
        )
        for family in FAMILIES
    ]
    return Report(
        name=f"halvaar-{kommune}-{period}",
        title=f"Halvårsrapport {kommune} {name} {period}",
        known=max(r["kunnskapstidspunkt"] for r in mine),
        passed=None,
        reasons=(
            (
                "Tallene er foreløpige til de er frosset, og bare for kommunen selv: små tall er ikke skjult.",
                "The figures are provisional until they are frozen, and for the municipality alone: nothing is hidden.",
            ),
        ),
        sections=tuple(sections),
        columns=TABLE_COLUMNS,
        rows=tuple(tuple(cell({**r, **_named(r, titles)}[column]) for column in TABLE_COLUMNS) for r in mine),
    )


def of_supplier(tables: Tables, supplier: str) -> Report:
    """Suppliers have no figures. Raises LookupError."""
    raise LookupError(f"{supplier} is no municipality number: figures belong to municipalities")


def _rows(tables: Tables, kommune: str) -> list[Row]:
    found: list[Row] = []
    for family in FAMILIES:
        found += tables.query(
            f"SELECT * FROM statistikk.{table_of(family)} "  # noqa: S608
            "WHERE maal = 'SUM' AND niva IN ('KOMMUNE', 'BYDEL') AND SUBSTR(region, 1, 4) = @kommune",
            {"kommune": kommune},
        )
    return found


def _key(r: Row) -> tuple[Any, ...]:
    names = ("indikator", "region", "periodetype", "kjonn", "aldersgruppe", "kode", "periode")
    return tuple(r[one] for one in names)


def _total(r: Row) -> bool:
    return bool(r["kjonn"] == r["aldersgruppe"] == r["kode"] == "T")


def _named(r: Row, titles: dict[str, Any]) -> dict[str, Any]:
    return {"nummer": titles[r["indikator"]].number, "nokkeltall": titles[r["indikator"]].title_nb}
