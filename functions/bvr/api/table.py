"""A published table as a cube of three dimensions, and what a caller selects of it."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from math import prod
from typing import Any

import msgspec

from bvr.statistics.declared import KeyFigure
from bvr.statistics.disclosure import SMALL, Cell, Key, hidden

HIDDEN, MISSING = ":", ".."
MAX_CELLS = 800_000
DEFAULT_PERIODS = 4
"""The periods of a table that are shown when nothing is selected: the newest."""
_LONGEST = 4000  # characters of an expression: every municipality by its code, twice over


class BadSelection(ValueError):
    """A selection that cannot be made. `field` names the parameter; the texts say what to do."""

    def __init__(self, field: str, nb: str, en: str, *, too_large: bool = False) -> None:
        super().__init__(en)
        self.field, self.nb, self.en, self.too_large = field, nb, en, too_large


class Dimension(msgspec.Struct, frozen=True, kw_only=True):
    """One dimension: codes in order, each with its label in both languages. `role` is geo, time or metric."""

    id: str
    label_nb: str
    label_en: str
    role: str
    labels_nb: dict[str, str]
    labels_en: dict[str, str]

    @property
    def codes(self) -> list[str]:
        return list(self.labels_nb)


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A table ready to be shown. `cells` holds what may be shown and nothing else: a hidden figure is not in it."""

    figure: KeyFigure
    dimensions: tuple[Dimension, ...]
    cells: dict[Key, int]
    hidden: frozenset[Key]
    updated: datetime
    run: dict[str, Any]

    @property
    def default(self) -> dict[str, list[str]]:
        """What is served when nothing is selected: every municipality, the newest periods."""
        return {d.id: d.codes[-DEFAULT_PERIODS:] if d.role == "time" else d.codes for d in self.dimensions}


def build(
    figure: KeyFigure, rows: Sequence[Mapping[str, Any]], run: Mapping[str, Any], names: Mapping[str, str]
) -> Table:
    """A table from the totals of a key figure: rows with kommunenummer, periode, verdi, n_barn. `names` are those of
    the municipalities."""
    cells = {(r["kommunenummer"], r["periode"]): Cell(r["verdi"], r["n_barn"]) for r in rows}
    kept_back = hidden(cells)
    kommuner = sorted({kommune for kommune, _ in cells})
    perioder = sorted({periode for _, periode in cells})
    regions = {k: names.get(k, k) for k in kommuner}
    return Table(
        figure=figure,
        dimensions=(
            Dimension(
                id="Region",
                label_nb="region",
                label_en="region",
                role="geo",
                labels_nb=regions,
                labels_en=regions,
            ),
            Dimension(
                id="ContentsCode",
                label_nb="statistikkvariabel",
                label_en="contents",
                role="metric",
                labels_nb={figure.id: figure.title_nb},
                labels_en={figure.id: figure.title_en},
            ),
            Dimension(
                id="Tid",
                label_nb="periode",
                label_en="period",
                role="time",
                labels_nb={p: p for p in perioder},
                labels_en={p: p for p in perioder},
            ),
        ),
        cells={key: cell.value for key, cell in cells.items() if key not in kept_back},
        hidden=kept_back,
        updated=run["kunnskapstidspunkt"],
        run={
            "kjoring": run["kjoring_id"],
            "kunnskapstidspunkt": run["kunnskapstidspunkt"].isoformat(),
            "regelsett": run["regelsett"],
            "status": "foreløpig",
            "sdc": {"terskel": SMALL + 1, "metode": "undertrykking", "symbol": HIDDEN},
        },
    )


_WHERE = "/tables/{id}/metadata"
_CALL = re.compile(r"(top|bottom|range|from|to)\(\s*([^)]*?)\s*\)", re.IGNORECASE)


def select(table: Table, chosen: Mapping[str, str]) -> dict[str, list[str]]:
    """The codes of each dimension that `valuecodes` selects: everything of a dimension that is not named, and the
    default selection when none is. No dimension can be left out as a total: totals would give hidden cells back.

    Raises BadSelection for a dimension or a code that the table does not have, or for too many cells.
    """
    known = {d.id.lower(): d for d in table.dimensions}
    given = {name.lower(): text for name, text in chosen.items()}
    for name in chosen:
        if name.lower() not in known:
            raise BadSelection(
                f"valuecodes[{name}]",
                f"Tabellen har ikke variabelen {name}. Den har {', '.join(d.id for d in table.dimensions)}.",
                f"The table has no variable {name}. It has {', '.join(d.id for d in table.dimensions)}.",
            )
    if not given:
        return table.default
    found = {d.id: _expression(d, given[d.id.lower()]) if d.id.lower() in given else d.codes for d in table.dimensions}
    size = prod(len(codes) for codes in found.values())
    if size > MAX_CELLS:
        raise BadSelection(
            "valuecodes",
            f"Utvalget er på {size} celler; grensen er {MAX_CELLS}. Velg færre verdier.",
            f"The selection has {size} cells; the limit is {MAX_CELLS}. Select fewer values.",
            too_large=True,
        )
    return found


def _expression(dimension: Dimension, text: str) -> list[str]:
    if len(text) > _LONGEST:
        raise BadSelection(
            f"valuecodes[{dimension.id}]",
            f"Uttrykket er lengre enn {_LONGEST} tegn. Bruk * eller range(a,b).",
            f"The expression is longer than {_LONGEST} characters. Use * or range(a,b).",
        )
    wanted: set[str] = set()
    for part in _parts(text):
        wanted |= set(_part(dimension, part))
    if not wanted:
        raise BadSelection(
            f"valuecodes[{dimension.id}]",
            f"Uttrykket treffer ingen verdier. Se {_WHERE} for verdiene.",
            f"The expression selects no values. See {_WHERE} for the values.",
        )
    return [code for code in dimension.codes if code in wanted]


def _parts(text: str) -> list[str]:
    """Split at commas that are not inside parentheses."""
    return [p.strip() for p in re.split(r",(?![^(]*\))", text) if p.strip()]


def _part(dimension: Dimension, part: str) -> list[str]:
    codes = dimension.codes
    call = _CALL.fullmatch(part)
    if call:
        return _call(dimension, call[1].lower(), [a.strip() for a in call[2].split(",")])
    if "*" in part or "?" in part:
        # Only * and ? are special: brackets stand for themselves.
        pattern = part.replace("[", "[[]").lower()
        return [code for code in codes if fnmatch.fnmatchcase(code.lower(), pattern)]
    return [_code(dimension, part)]


def _call(dimension: Dimension, name: str, arguments: list[str]) -> list[str]:
    codes = dimension.codes
    if name in ("top", "bottom"):
        if len(arguments) != 1 or not re.fullmatch("[0-9]{1,6}", arguments[0]):
            raise _wrong(dimension, f"{name}(n)")
        count = int(arguments[0])
        # PxWeb counts from the newest: top(1) of a time variable is its last period.
        newest = codes[::-1] if dimension.role == "time" else codes
        return newest[:count] if name == "top" else newest[::-1][:count]
    if len(arguments) != (2 if name == "range" else 1):
        raise _wrong(dimension, "range(a,b), from(a), to(b)")
    low = codes.index(_code(dimension, arguments[0])) if name != "to" else 0
    high = codes.index(_code(dimension, arguments[-1])) if name != "from" else len(codes) - 1
    return codes[low : high + 1]  # nothing when they stand the wrong way round


def _code(dimension: Dimension, code: str) -> str:
    for known in dimension.codes:
        if known.lower() == code.lower():
            return known
    raise BadSelection(
        f"valuecodes[{dimension.id}]",
        f"Variabelen {dimension.id} har ikke en av verdiene i utvalget. Se {_WHERE} for verdiene.",
        f"The variable {dimension.id} lacks a value of the selection. See {_WHERE} for its values.",
    )


def _wrong(dimension: Dimension, form: str) -> BadSelection:
    return BadSelection(
        f"valuecodes[{dimension.id}]",
        f"Uttrykket skal ha formen {form}.",
        f"The expression should have the form {form}.",
    )
