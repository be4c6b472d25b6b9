"""Tables for people: semicolons, UTF-8 with a byte order mark, which a Norwegian spreadsheet opens as it is."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

_FORMULA = tuple("=+-@＝＋－＠")


def render(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> bytes:
    """The bytes of the file. No cell is taken for a formula."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(list(columns))
    for row in rows:
        writer.writerow([_inert(cell) for cell in row])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def read(path: Path) -> list[dict[str, str]]:
    """The rows of such a file, column -> cell, as they were before they were made inert.

    Commas are understood, too. Raises ValueError for a file that is no table in UTF-8.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: is not UTF-8; save it as CSV UTF-8") from error
    first, _, _ = text.partition("\n")
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=";" if ";" in first else ",")
    if not rows.fieldnames:
        raise ValueError(f"{path}: is empty")
    return [
        {name: _plain((cell or "").strip()) for name, cell in row.items() if name and not isinstance(cell, list)}
        for row in rows
    ]


def _plain(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _inert(cell[1:]) == cell else cell


def _inert(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: text of others must not run on a case worker's machine."""
    return f"'{cell}" if cell.lstrip().startswith(_FORMULA) or cell[:1] in {"\t", "\r", "\n"} else cell
