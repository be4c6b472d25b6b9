"""The statistical report of a municipality: what the year-on-year tests flag in its figures (statistics 3.3)."""

from __future__ import annotations

from typing import Any

from bvr.statistics.deviations.declared import tester
from bvr.statistics.figures.catalogue import figures
from bvr.statistics.reports.migration import Tables
from bvr.statistics.reports.page import Report, Row, Words, cell, section

TABLE_COLUMNS = (
    *("flagg", "testkode", "test", "indikator", "nokkeltall", "region", "periode", "periodetype", "kode"),
    *("referanseperiode", "kilde", "verdi", "forrige", "nevner", "forrige_nevner", "differanse", "prosent"),
    *("forventet", "teststatistikk", "p_verdi", "q_verdi", "utfall", "kommentar", "svar_utdatert"),
)
_HEADS: tuple[Words, ...] = (
    ("Nøkkeltall", "Key figure"),
    ("Område", "Region"),
    ("Periode", "Period"),
    ("Tall", "Figure"),
    ("Året før", "Year before"),
    ("Ventet", "Expected"),
    ("Test", "Test"),
    ("Svar", "Answer"),
)


def of_municipality(tables: Tables, kommune: str, name: str) -> Report:
    """The flags of the last run of each period. Raises LookupError when no tests have been made."""
    runs = tables.query("SELECT MAX(kunnskapstidspunkt) AS kjent FROM statistikk.avvik_test")
    if not runs or runs[0]["kjent"] is None:
        raise LookupError("no tests have been made")
    rows = tables.query(
        "SELECT * FROM statistikk.avvik_gjeldende WHERE kommunenummer = @kommune "
        "ORDER BY periode DESC, kilde DESC, rang, indikator, region",
        {"kommune": kommune},
    )
    titles = {f.id: f.title_nb for f in figures()}
    open_red = [r for r in rows if r["flagg"] == "ROD" and not _answered(r)]
    return Report(
        name=f"avvik-{kommune}",
        title=f"Statistisk rapport {kommune} {name}".rstrip(),
        known=runs[0]["kjent"],
        passed=not open_red,
        reasons=(
            (
                f"{len(open_red)} røde avvik uten svar, kravet er ingen.",
                f"{len(open_red)} red deviations without an answer; none is required.",
            ),
        ),
        sections=tuple(
            section(words, _HEADS, [_line(r, titles) for r in rows if r["flagg"] == flag])
            for flag, words in (("ROD", ("Røde", "Red")), ("GUL", ("Gule", "Yellow")))
        ),
        columns=TABLE_COLUMNS,
        rows=tuple(tuple(cell({**r, **_named(r, titles)}[column]) for column in TABLE_COLUMNS) for r in rows),
    )


def of_supplier(tables: Tables, supplier: str) -> Report:
    """Suppliers have no figures. Raises LookupError."""
    raise LookupError(f"{supplier} is no municipality number: deviations belong to municipalities")


def _answered(r: Row) -> bool:
    """Whether the municipality has said that the figure, as it is, is right."""
    return bool(r["utfall"] == "BEKREFTET" and not r["svar_utdatert"])


def _line(r: Row, titles: dict[str, str]) -> tuple[Any, ...]:
    now, before = (
        cell(r[one]) if r[of] is None else f"{cell(r[one])}/{cell(r[of])}"
        for one, of in (("verdi", "nevner"), ("forrige", "forrige_nevner"))
    )
    what = f"{titles.get(r['indikator'], r['indikator'])} {r['kode'] or ''}".strip()
    answer = r["utfall"] or ""
    period = f"{r['periode']} {r['periodetype']} {r['kilde']}"
    return (what, r["region"], period, now, before, r["forventet"], r["testkode"], answer)


def _named(r: Row, titles: dict[str, str]) -> dict[str, str]:
    test = tester().get(r["testkode"])
    return {"nokkeltall": titles.get(r["indikator"], ""), "test": test.navn_nb if test else ""}
