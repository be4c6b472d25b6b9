"""`bvr report` and `bvr answers`: reports made from BigQuery, and what the municipalities answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from bvr import gcp
from bvr.config import config
from bvr.figures import moment
from bvr.model.kommuner import names
from bvr.statistics.reports import answers, figures, migration, validation
from bvr.statistics.reports.answers import Line, Migreringssvar
from bvr.statistics.reports.page import Report

_REPORTS: dict[str, Any] = {"figures": figures, "migration": migration, "validation": validation}


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
