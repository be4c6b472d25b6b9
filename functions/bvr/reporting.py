"""`bvr report`, `bvr answers` and `bvr pulls`: reports made from BigQuery, what municipalities answer, who pulled."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from bvr import gcp
from bvr.config import config
from bvr.figures import moment
from bvr.model.kommuner import names
from bvr.pipeline import day_in_norway
from bvr.statistics.reports import answers, figures, migration, statistical, validation
from bvr.statistics.reports.answers import Line, Migreringssvar
from bvr.statistics.reports.page import Report

_REPORTS: dict[str, Any] = {
    "figures": figures,
    "migration": migration,
    "validation": validation,
    "statistical": statistical,
}


def make(kind: str, whose: str, out: Path) -> tuple[Report, list[Path]]:
    """Write the report of a municipality, or of a supplier. Raises LookupError when there is none."""
    tables = gcp.queries(config())
    module = _REPORTS[kind]
    known = names()
    if whose.isdigit():
        report: Report = module.of_municipality(tables, whose, known.get(whose, ""))
    else:
        report = module.of_supplier(tables, whose)
    out.mkdir(parents=True, exist_ok=True)
    files = {
        out / f"{report.name}.html": report.page(moment(None)),
        out / f"{report.name}.csv": report.table(),
    }
    for path, data in files.items():
        path.write_bytes(data)
    return report, list(files)


def read_answers(path: Path, kommune: str, who: str, *, approved: bool) -> list[Line]:
    """The answers of a file, checked against the report. Raises ValueError when it is no table of a report."""
    known = gcp.queries(config()).query(
        "SELECT type, klient_id, kostra_id, fodselsnummer, duf_nummer FROM statistikk.migreringsrapport_v1 "
        "WHERE kommunenummer = @kommune AND kostra_id IS NOT NULL",
        {"kommune": kommune},
    )
    return answers.read(path, kommune, known, who=who, at=moment(None), approved=approved)


def keep(given: list[Migreringssvar]) -> None:
    """Add answers to those there are; the last of a row holds."""
    rows = [msgspec.structs.asdict(one) for one in given]
    gcp.queries(config()).insert("statistikk.migreringssvar", rows)


def access(month: str | None) -> None:
    """Show the access report of a month. Raises ValueError for what is no month."""
    today = day_in_norway(moment(None))
    wanted = month or (today.replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
    if not re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", wanted):
        raise ValueError(f"{wanted[:20]} is no month, such as 2026-01")
    columns = ("orgnr", "leverandor", "rolle", "produkt", "profil", "hentinger", "handlinger", "avvist", "feil")
    rows = gcp.queries(config()).query(
        f"SELECT {', '.join(columns)} FROM drift.tilgangsrapport WHERE maaned = @maaned "  # noqa: S608
        "ORDER BY orgnr, leverandor, produkt, profil",
        {"maaned": wanted},
    )
    table = Table(title=f"Tilganger | Access {wanted}", title_justify="left")
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*("" if row[one] is None else str(row[one]) for one in columns))
    Console().print(table)
