"""A selection of a table as JSON-stat 2.0 and as CSV."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator
from datetime import UTC
from typing import Any

from bvr.api.table import HIDDEN, MISSING, Dimension, Table

SOURCE = "Barnevernsregisteret"


def json_stat(table: Table, chosen: dict[str, list[str]], lang: str) -> dict[str, Any]:
    """A JSON-stat 2.0 dataset. A hidden cell has the value null and a status; its number stands nowhere."""
    values: list[int | None] = []
    status: dict[str, str] = {}
    for index, (value, symbol) in enumerate(_cells(table, chosen)):
        values.append(value)
        if symbol:
            status[str(index)] = symbol
    dataset: dict[str, Any] = {
        **_head(table, chosen, lang),
        "value": values,
    }
    if status:
        dataset["status"] = status
    return dataset


def metadata(table: Table, lang: str) -> dict[str, Any]:
    """The table's dimensions as JSON-stat 2.0, without figures."""
    return _head(table, {d.id: d.codes for d in table.dimensions}, lang)


def default_selection(table: Table, lang: str) -> dict[str, Any]:
    """The default selection, as PxWebApi v2 has it."""
    return {
        "language": lang,
        "selection": [{"variableCode": name, "valueCodes": codes} for name, codes in table.default.items()],
        "placement": {"heading": ["Tid"], "stub": ["Region", "ContentsCode"]},
    }


def _head(table: Table, chosen: dict[str, list[str]], lang: str) -> dict[str, Any]:
    figure, english = table.figure, lang == "en"
    return {
        "version": "2.0",
        "class": "dataset",
        "label": figure.title_en if english else figure.title_nb,
        "source": SOURCE,
        "updated": table.updated.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "note": [
            figure.definition_en if english else figure.definition_nb,
            f"{HIDDEN} = {'not for publication' if english else 'vises ikke av hensyn til personvern'}",
            f"{MISSING} = {'not available' if english else 'oppgave mangler'}",
        ],
        "role": {role: [d.id for d in table.dimensions if d.role == role] for role in ("time", "geo", "metric")},
        "id": [d.id for d in table.dimensions],
        "size": [len(chosen[d.id]) for d in table.dimensions],
        "dimension": {d.id: _dimension(d, chosen[d.id], table, english) for d in table.dimensions},
        "extension": {"bvr": {**table.run, "tableid": figure.table_id}},
    }


def _dimension(d: Dimension, codes: list[str], table: Table, english: bool) -> dict[str, Any]:
    labels = d.labels_en if english else d.labels_nb
    category: dict[str, Any] = {
        "index": {code: position for position, code in enumerate(codes)},
        "label": {code: labels[code] for code in codes},
    }
    if d.role == "metric":
        unit = table.figure.unit_en if english else table.figure.unit_nb
        category["unit"] = {code: {"base": unit, "decimals": 0} for code in codes}
    # As PxWeb says it: no dimension can be left out for its total.
    extension = {"elimination": False, "show": "value" if d.role == "geo" else "code_value"}
    return {"label": d.label_en if english else d.label_nb, "category": category, "extension": extension}


def _cells(table: Table, chosen: dict[str, list[str]]) -> Iterator[tuple[int | None, str]]:
    """(value, symbol) of each cell, the last dimension fastest."""
    for kommune, _, periode in itertools.product(*(chosen[d.id] for d in table.dimensions)):
        key = (kommune, periode)
        if key in table.hidden:
            yield None, HIDDEN
        elif key in table.cells:
            yield table.cells[key], ""
        else:
            yield None, MISSING


def to_csv(table: Table, chosen: dict[str, list[str]], lang: str, texts: bool) -> str:
    """Norwegian CSV: semicolons, codes as text, symbols in a column of their own; starts with a byte order mark."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow([*(d.id for d in table.dimensions), "value", "status"])
    labels = {d.id: (d.labels_en if lang == "en" else d.labels_nb) if texts else None for d in table.dimensions}
    keys = itertools.product(*(chosen[d.id] for d in table.dimensions))
    for codes, (value, symbol) in zip(keys, _cells(table, chosen), strict=True):
        shown = [
            (names[code] if (names := labels[d.id]) is not None else code)
            for d, code in zip(table.dimensions, codes, strict=True)
        ]
        writer.writerow([*map(_safe, shown), "" if value is None else value, symbol])
    return "\ufeff" + out.getvalue()


def _safe(text: str) -> str:
    """A text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text
