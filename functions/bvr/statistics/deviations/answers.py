"""Answers about deviations, as a CSV file checked line by line.

An answer is about a figure of a region and period, with the value that it had: it holds for that value, whichever tests
flagged it and however often they are run.
"""

from __future__ import annotations

import csv
from pathlib import Path

import msgspec

from bvr.model.kommuner import names
from bvr.statistics.deviations.compare import NO_FIGURE
from bvr.statistics.deviations.declared import PERIODS
from bvr.statistics.deviations.tables import Vurdering
from bvr.statistics.figures.catalogue import figures

OUTCOMES = ("KORRIGERT", "BEKREFTET", "UNDER_ARBEID")
COLUMNS = tuple(field.name for field in msgspec.structs.fields(Vurdering) if field.name != "lagt_inn")


class Line(msgspec.Struct, frozen=True):
    """A line of a file: an answer, or what is wrong with it."""

    number: int
    answer: Vurdering | None
    fault: str = ""


def read(path: Path) -> list[Line]:
    """Every line. Raises ValueError when the file is no CSV with the columns of an answer."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        if set(rows.fieldnames or ()) != set(COLUMNS):
            raise ValueError(f"{path}: the columns are {', '.join(COLUMNS)}")
        return [_line(number, row) for number, row in enumerate(rows, 2)]


def _line(number: int, row: dict[str, str]) -> Line:
    try:
        answer = msgspec.convert({k: v.strip() for k, v in row.items() if v and v.strip()}, Vurdering, strict=False)
    except (msgspec.ValidationError, AttributeError) as error:
        return Line(number, None, str(error))
    fault = _fault(answer)
    return Line(number, None if fault else answer, fault)


def _fault(answer: Vurdering) -> str:
    known = {figure.id for figure in figures()}
    if answer.indikator not in known and not answer.indikator.startswith(tuple(NO_FIGURE.values())):
        return f"indikator: {answer.indikator} is no key figure"
    if answer.region[:4] not in names() or len(answer.region) not in (4, 6):
        return f"region: {answer.region} is no municipality or district"
    if answer.periodetype not in PERIODS:
        return f"periodetype: {answer.periodetype} is none of {', '.join(PERIODS)}"
    if answer.utfall not in OUTCOMES:
        return f"utfall: {answer.utfall} is none of {', '.join(OUTCOMES)}"
    if answer.utfall == "BEKREFTET" and not answer.kommentar:
        return "kommentar: is missing; what is confirmed is explained"
    return ""
