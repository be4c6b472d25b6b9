"""A selection of a table in each of the formats: JSON-stat 2.0, CSV, workbook, Parquet, HTML, PC-Axis and SDMX."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Callable, Iterable
from datetime import UTC
from typing import Any

import msgspec

from bvr.api import sdmx
from bvr.api.table import HIDDEN, IMPOSSIBLE, MISSING, PROVISIONAL, Cell, CodeList, Picked, Selection, Table

SOURCE = "Barnevernsregisteret"
SYMBOLS = {
    HIDDEN: ("vises ikke av hensyn til personvern", "not for publication"),
    MISSING: ("oppgave mangler", "not available"),
    IMPOSSIBLE: ("kan ikke beregnes", "not possible"),
    PROVISIONAL: ("foreløpig, ikke godkjent av kommunen", "provisional, not approved by the municipality"),
}


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """How a table is laid out: `texts` are codes, texts or both; `heading` and `stub` of px and HTML are dimensions."""

    texts: str = "codes"
    title: bool = False
    separator: str = ";"
    heading: tuple[str, ...] = ()
    stub: tuple[str, ...] = ()


# --- JSON-stat -------------------------------------------------------------------------------------------------------


def json_stat(selection: Selection, lang: str) -> dict[str, Any]:
    """A JSON-stat 2.0 dataset. A hidden cell has the value null and a status; its number stands nowhere."""
    values: list[int | float | None] = []
    status: dict[str, str] = {}
    for index, (_, cell) in enumerate(selection.rows()):
        values.append(cell.value)
        if cell.symbol:
            status[str(index)] = cell.symbol
    dataset = {**_head(selection.table, selection.shown, lang), "value": values}
    if status:
        dataset["status"] = status
    return dataset


def metadata(table: Table, lang: str) -> dict[str, Any]:
    """The table's dimensions as JSON-stat 2.0, without figures."""
    from bvr.api.table import select

    every = select(table, {d.id: ["*"] for d in table.dimensions})
    return _head(table, every.shown, lang)


def default_selection(table: Table, lang: str) -> dict[str, Any]:
    """The default selection, as PxWebApi v2 has it."""
    return {
        "language": lang,
        "selection": [{"variableCode": name, "valueCodes": codes} for name, codes in table.default.items()],
        "placement": {"heading": ["Tid"], "stub": [d.id for d in table.dimensions if d.id != "Tid"]},
    }


def code_list(one: CodeList, lang: str) -> dict[str, Any]:
    """A code list, as PxWebApi v2 has it."""
    english = lang == "en"
    return {
        "id": one.id,
        "label": one.label_en if english else one.label_nb,
        "language": lang,
        "languages": ["no", "en"],
        "type": "Aggregation" if one.aggregates else "Valueset",
        "elimination": False,
        "values": [
            {"code": code, "label": group.en if english else group.nb, "valueMap": list(group.members)}
            for code, group in one.values.items()
        ],
        "links": [{"rel": "self", "hreflang": lang, "href": f"/codelists/{one.id}?lang={lang}"}],
    }


def _head(table: Table, picked: list[Picked], lang: str) -> dict[str, Any]:
    english = lang == "en"
    return {
        "version": "2.0",
        "class": "dataset",
        "label": table.title_en if english else table.title_nb,
        "source": SOURCE,
        "updated": table.updated.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "note": [
            table.note_en if english else table.note_nb,
            *(f"{symbol} = {en if english else nb}" for symbol, (nb, en) in SYMBOLS.items()),
        ],
        "role": {
            role: [one.dimension.id for one in picked if one.dimension.role == role]
            for role in ("time", "geo", "metric")
            if any(one.dimension.role == role for one in picked)
        },
        "id": [one.dimension.id for one in picked],
        "size": [len(one.values) for one in picked],
        "dimension": {one.dimension.id: _dimension(one, lang) for one in picked},
        "extension": {
            "px": {"tableid": table.id, "decimals": 0, "language": lang, "official-statistics": False},
            "bvr": {**table.about, "tableid": table.id},
        },
    }


def _dimension(picked: Picked, lang: str) -> dict[str, Any]:
    d, english = picked.dimension, lang == "en"
    category: dict[str, Any] = {
        "index": {code: position for position, code in enumerate(picked.values)},
        "label": picked.labels(lang),
    }
    if d.units:
        category["unit"] = {
            code: {"base": unit.en if english else unit.nb, "decimals": unit.decimals}
            for code, unit in d.units.items()
            if code in picked.values
        }
    extension: dict[str, Any] = {
        "elimination": bool(d.elimination),
        "show": "value" if d.role == "geo" else "code_value",
    }
    if d.elimination:
        extension["eliminationValueCode"] = d.elimination
    if d.codelists:
        extension["codeLists"] = [
            {
                "id": one.id,
                "label": one.label_en if english else one.label_nb,
                "type": "Aggregation" if one.aggregates else "Valueset",
                "links": [{"rel": "metadata", "hreflang": lang, "href": f"/codelists/{one.id}?lang={lang}"}],
            }
            for one in d.codelists
        ]
    return {"label": d.label_en if english else d.label_nb, "category": category, "extension": extension}


# --- rows ------------------------------------------------------------------------------------------------------------


def _columns(selection: Selection, layout: Layout) -> list[str]:
    names = [one.dimension.id for one in selection.shown]
    if layout.texts == "both":
        names = [name for one in names for name in (one, f"{one}_text")]
    return [*names, "value", "status"]


def _rows(selection: Selection, lang: str, layout: Layout) -> Iterable[tuple[list[str], Cell]]:
    labels = [one.labels(lang) for one in selection.shown]
    for codes, cell in selection.rows():
        texts = [names[code] for names, code in zip(labels, codes, strict=True)]
        if layout.texts == "both":
            yield [part for pair in zip(codes, texts, strict=True) for part in pair], cell
        else:
            yield (texts if layout.texts == "texts" else list(codes)), cell


def _title(selection: Selection, lang: str) -> str:
    return selection.table.title_en if lang == "en" else selection.table.title_nb


def to_csv(selection: Selection, lang: str, layout: Layout) -> bytes:
    """Norwegian CSV: decimal comma, codes as text, symbols in a column of their own; starts with a byte order mark."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=layout.separator, lineterminator="\r\n")
    if layout.title:
        writer.writerow([_safe(_title(selection, lang))])
    writer.writerow(_columns(selection, layout))
    for codes, cell in _rows(selection, lang, layout):
        writer.writerow([*map(_safe, codes), _number(cell.value), cell.symbol])
    return ("\ufeff" + out.getvalue()).encode("utf-8")


def _number(value: float | None) -> str:
    return "" if value is None else str(value).replace(".", ",")


def _safe(text: str) -> str:
    """A text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text


def to_xlsx(selection: Selection, lang: str, layout: Layout) -> bytes:
    """A workbook of one sheet: numbers as numbers, codes as text, symbols in a column of their own."""
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    fixed = selection.table.updated.astimezone(UTC).replace(tzinfo=None)
    book.properties.created = book.properties.modified = fixed  # the same figures are the same bytes
    sheet = book.create_sheet(re.sub(r"[^\w-]", "-", selection.table.id)[:31])
    if layout.title:
        sheet.append([_title(selection, lang)])
    sheet.append(_columns(selection, layout))
    for codes, cell in _rows(selection, lang, layout):
        sheet.append([*map(_safe, codes), cell.value, cell.symbol])
    out = io.BytesIO()
    book.save(out)
    return _still(out.getvalue())


def _still(workbook: bytes) -> bytes:
    """A workbook whose bytes tell nothing of when it was made."""
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as given, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name in given.namelist():
            content = given.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>2000-01-01T00:00:00Z", content)
            made.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def to_parquet(selection: Selection, lang: str, layout: Layout) -> bytes:
    """Parquet: a column a dimension, value as double, status."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = _columns(selection, layout)[:-2]
    columns: list[list[str]] = [[] for _ in names]
    values: list[float | None] = []
    status: list[str] = []
    for codes, cell in _rows(selection, lang, layout):
        for column, code in zip(columns, codes, strict=True):
            column.append(code)
        values.append(None if cell.value is None else float(cell.value))
        status.append(cell.symbol)
    arrays = [pa.array(column, pa.string()) for column in columns]
    table = pa.table(
        [*arrays, pa.array(values, pa.float64()), pa.array(status, pa.string())], names=[*names, "value", "status"]
    )
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def to_html(selection: Selection, lang: str, layout: Layout) -> bytes:
    """A page with the table, laid out by heading and stub."""
    heading, stub, grid = _grid(selection, lang, layout)
    title = html.escape(_title(selection, lang))
    head = "".join(f"<th>{html.escape(' / '.join(one))}</th>" for one in heading)
    names = "".join(f"<th>{html.escape(name)}</th>" for name in stub)
    body = []
    for labels, cells in grid:
        row = "".join(f"<th>{html.escape(label)}</th>" for label in labels)
        row += "".join(f"<td>{html.escape(_shown(cell))}</td>" for cell in cells)
        body.append(f"<tr>{row}</tr>")
    notes = "".join(f"<li>{symbol} {en if lang == 'en' else nb}</li>" for symbol, (nb, en) in SYMBOLS.items())
    return (
        f'<!doctype html><html lang="{lang}"><meta charset="utf-8"><title>{title}</title>'
        f"<table><caption>{title}</caption>"
        f"<thead><tr>{names}{head}</tr></thead><tbody>{''.join(body)}</tbody></table><ul>{notes}</ul></html>\n"
    ).encode()


def _shown(cell: Cell) -> str:
    if cell.value is None:
        return cell.symbol
    return _number(cell.value) + (f" {cell.symbol}" if cell.symbol else "")


Grid = list[tuple[list[str], list[Cell]]]


def _grid(selection: Selection, lang: str, layout: Layout) -> tuple[list[list[str]], list[str], Grid]:
    """Labels of the columns, names of the stub, and the rows: labels and cells."""
    import itertools

    shown = selection.shown
    by_id = {one.dimension.id: (i, one) for i, one in enumerate(shown)}
    heading, stub = placement(selection, layout)
    cells = dict(selection.rows())

    def texts(one: Picked, code: str) -> str:
        label = one.labels(lang)[code]
        return {"codes": code, "both": f"{code} {label}"}.get(layout.texts, label)

    across = list(itertools.product(*(by_id[name][1].codes for name in heading)))
    down = list(itertools.product(*(by_id[name][1].codes for name in stub)))
    columns = [[texts(by_id[name][1], code) for name, code in zip(heading, codes, strict=True)] for codes in across]
    grid: Grid = []
    for left in down:
        row = []
        for top in across:
            place = {**dict(zip(heading, top, strict=True)), **dict(zip(stub, left, strict=True))}
            row.append(cells[tuple(place[one.dimension.id] for one in shown)])
        grid.append(([texts(by_id[name][1], code) for name, code in zip(stub, left, strict=True)], row))
    names = [by_id[name][1].dimension.label_en if lang == "en" else by_id[name][1].dimension.label_nb for name in stub]
    return columns, names, grid


def placement(selection: Selection, layout: Layout) -> tuple[list[str], list[str]]:
    """The dimensions across and down: time across unless something else is asked for."""
    ids = [one.dimension.id for one in selection.shown]
    across, down = ({one.lower() for one in some} for some in (layout.heading, layout.stub))
    heading = [name for name in ids if name.lower() in across]
    stub = [name for name in ids if name.lower() in down and name not in heading]
    rest = [name for name in ids if name not in heading and name not in stub]
    if not heading and not layout.stub:
        heading = [one.dimension.id for one in selection.shown if one.dimension.role == "time"]
        rest = [name for name in rest if name not in heading]
    return heading, [*stub, *rest]


def to_px(selection: Selection, lang: str, layout: Layout) -> bytes:
    """PC-Axis 2013: keywords, and the figures row by row; symbols in quotes."""
    heading, stub = placement(selection, layout)
    by_id = {one.dimension.id: one for one in selection.shown}
    english = lang == "en"

    def quoted(values: Iterable[str]) -> str:
        return ",".join('"' + value.replace('"', "'") + '"' for value in values)

    def name(one: str) -> str:
        d = by_id[one].dimension
        return d.label_en if english else d.label_nb

    table = selection.table
    lines = [
        'CHARSET="ANSI";',
        'AXIS-VERSION="2013";',
        'CODEPAGE="utf-8";',
        f'LANGUAGE="{lang}";',
        f'CREATION-DATE="{table.updated.astimezone(UTC):%Y%m%d %H:%M}";',
        "DECIMALS=1;" if any(unit.decimals for d in table.dimensions for unit in d.units.values()) else "DECIMALS=0;",
        f"MATRIX={quoted([table.id])};",
        f"SUBJECT-CODE={quoted(['BVR'])};",
        f"SUBJECT-AREA={quoted(['Barnevern'])};",
        f"TITLE={quoted([_title(selection, lang)])};",
        f"CONTENTS={quoted([_title(selection, lang)])};",
        'UNITS="antall";' if not english else 'UNITS="number";',
    ]
    if stub:
        lines.append(f"STUB={quoted(name(one) for one in stub)};")
    if heading:
        lines.append(f"HEADING={quoted(name(one) for one in heading)};")
    for one in (*stub, *heading):
        lines.append(f"VALUES({quoted([name(one)])})={quoted(by_id[one].labels(lang).values())};")
        lines.append(f"CODES({quoted([name(one)])})={quoted(by_id[one].codes)};")
        if by_id[one].dimension.role == "time":
            lines.append(f"TIMEVAL({quoted([name(one)])})=TLIST(A1),{quoted(by_id[one].codes)};")
    lines.append(f"SOURCE={quoted([SOURCE])};")
    lines.append("DATA=")
    _, _, grid = _grid(selection, lang, layout)
    for _, cells in grid:
        lines.append(" ".join(str(cell.value) if cell.value is not None else f'"{cell.symbol}"' for cell in cells))
    lines[-1] += ";"
    return ("\r\n".join(lines) + "\r\n").encode("utf-8")


Render = Callable[[Selection, str, Layout], bytes]
FORMATS: dict[str, tuple[str, Render]] = {
    "json-stat2": ("application/json", lambda s, lang, _: msgspec.json.encode(json_stat(s, lang))),
    "csv": ("text/csv; charset=utf-8", to_csv),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", to_xlsx),
    "parquet": ("application/vnd.apache.parquet", to_parquet),
    "html": ("text/html; charset=utf-8", to_html),
    "px": ("application/octet-stream", to_px),
    "sdmx-csv": ("application/vnd.sdmx.data+csv; version=2.0.0", lambda s, lang, layout: sdmx.to_csv(s)),
    "sdmx-csv-1.0": ("application/vnd.sdmx.data+csv; version=1.0.0", lambda s, lang, layout: sdmx.to_csv(s, "1.0")),
    "sdmx-json": (
        "application/vnd.sdmx.data+json; version=2.0.0",
        lambda s, lang, layout: msgspec.json.encode(sdmx.to_json(s, lang)),
    ),
}
"""Name -> media type, and what makes the bytes."""
