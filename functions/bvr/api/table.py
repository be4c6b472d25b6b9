"""A published table as a cube of any number of dimensions, and what a caller selects of it (PxWebApi v2)."""

from __future__ import annotations

import fnmatch
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from math import prod
from typing import Any, NamedTuple

import msgspec

HIDDEN, MISSING, IMPOSSIBLE, PROVISIONAL = ":", "..", ".", "*"
MAX_CELLS = 800_000
DEFAULT_PERIODS = 4
"""The periods of a table that are shown when nothing is selected: the newest."""
_LONGEST = 4000  # characters of an expression: every municipality by its code, twice over
_MANY = 40
"""Codes that an error lists at most."""


class BadSelection(ValueError):
    """A selection that cannot be made. `field` names the parameter; the texts say what to do."""

    def __init__(self, field: str, nb: str, en: str, *, too_large: bool = False) -> None:
        super().__init__(en)
        self.field, self.nb, self.en, self.too_large = field, nb, en, too_large


class Cell(NamedTuple):
    """A figure, or the symbol of one that is not there; a provisional figure has both."""

    value: int | float | None
    symbol: str = ""


class Group(msgspec.Struct, frozen=True):
    """A value of a code list, and the codes of the dimension that it stands for."""

    nb: str
    en: str
    members: tuple[str, ...]


class CodeList(msgspec.Struct, frozen=True, kw_only=True):
    """Another way to take the codes of a dimension: some of them (vs_), or put together (agg_)."""

    id: str
    dimension: str
    label_nb: str
    label_en: str
    values: dict[str, Group]

    @property
    def aggregates(self) -> bool:
        return self.id.startswith("agg_")


class Unit(msgspec.Struct, frozen=True):
    """What a figure counts, and with how many decimals. `additive` figures can be added up over other dimensions."""

    nb: str
    en: str
    decimals: int = 0
    additive: bool = True


class Dimension(msgspec.Struct, frozen=True, kw_only=True):
    """One dimension: codes in order, each with its label in both languages. `role` is geo, time, metric or nothing.

    `elimination` is the code of the total, which is given when the dimension is left out of a selection.
    """

    id: str
    label_nb: str
    label_en: str
    role: str = ""
    labels_nb: dict[str, str]
    labels_en: dict[str, str]
    elimination: str = ""
    units: dict[str, Unit] = {}
    codelists: tuple[CodeList, ...] = ()

    @property
    def codes(self) -> list[str]:
        return list(self.labels_nb)


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A table ready to be shown. `cells` hold what may be shown and nothing else: a hidden figure is not in it."""

    id: str
    title_nb: str
    title_en: str
    note_nb: str
    note_en: str
    dimensions: tuple[Dimension, ...]
    cells: dict[tuple[str, ...], Cell]
    updated: datetime
    version: str
    opened: frozenset[str]
    """The regions whose figures the caller sees as they are; of others as published."""
    about: dict[str, Any]
    """What `extension.bvr` tells: the run or release, what was known, rules, status, protection."""

    @property
    def default(self) -> dict[str, list[str]]:
        """What is served when nothing is selected: everything, of the newest periods."""
        return {d.id: d.codes[-DEFAULT_PERIODS:] if d.role == "time" else d.codes for d in self.dimensions}


class Picked(msgspec.Struct, frozen=True, kw_only=True):
    """A dimension as it was selected: its codes, each with labels and the codes of the table that it stands for."""

    dimension: Dimension
    values: dict[str, Group]
    dropped: bool = False
    """Left out for its total: it is no dimension of the answer."""

    @property
    def codes(self) -> list[str]:
        return list(self.values)

    def labels(self, lang: str) -> dict[str, str]:
        return {code: (one.en if lang == "en" else one.nb) for code, one in self.values.items()}


class Selection(msgspec.Struct, frozen=True):
    """A part of a table."""

    table: Table
    picked: tuple[Picked, ...]

    @property
    def shown(self) -> list[Picked]:
        """The dimensions of the answer."""
        return [one for one in self.picked if not one.dropped]

    def rows(self) -> Iterator[tuple[tuple[str, ...], Cell]]:
        """Codes of the shown dimensions and the cell, the last dimension fastest."""
        keep = [i for i, one in enumerate(self.picked) if not one.dropped]
        for codes in itertools.product(*(one.codes for one in self.picked)):
            yield tuple(codes[i] for i in keep), self._cell(codes)

    def _cell(self, codes: tuple[str, ...]) -> Cell:
        members = [one.values[code].members for one, code in zip(self.picked, codes, strict=True)]
        if all(len(some) == 1 for some in members):
            return self.table.cells.get(tuple(some[0] for some in members), Cell(None, MISSING))
        return self._sum([self.table.cells.get(key, Cell(None, MISSING)) for key in itertools.product(*members)], codes)

    def _sum(self, cells: Sequence[Cell], codes: tuple[str, ...]) -> Cell:
        """Put together: hidden when one is, since a sum of the rest would be a bound on it."""
        for one, code in zip(self.picked, codes, strict=True):
            unit = one.dimension.units.get(code)
            if unit is not None and not unit.additive:
                return Cell(None, IMPOSSIBLE)
        for symbol in (HIDDEN, MISSING, IMPOSSIBLE):
            if any(cell.value is None and cell.symbol == symbol for cell in cells):
                return Cell(None, symbol)
        provisional = any(cell.symbol == PROVISIONAL for cell in cells)
        return Cell(sum(cell.value or 0 for cell in cells), PROVISIONAL if provisional else "")


_WHERE = "/tables/{id}/metadata"
_CALL = re.compile(r"(top|bottom|range|from|to)\(\s*([^)]*?)\s*\)", re.IGNORECASE)


def select(
    table: Table, chosen: Mapping[str, str | Sequence[str]], codelists: Mapping[str, str] | None = None
) -> Selection:
    """What `valuecodes` and `codelist` select of a table.

    A dimension that is not named is given as its total where it has one, else whole; the default selection when none
    is named. Raises BadSelection for a dimension, code list or code that the table does not have, and too many cells.
    """
    known = {d.id.lower(): d for d in table.dimensions}
    given = {name.lower(): text for name, text in chosen.items()}
    lists = {name.lower(): text for name, text in (codelists or {}).items()}
    for kind, names in (("valuecodes", chosen), ("codelist", codelists or {})):
        for name in names:
            if name.lower() not in known:
                raise BadSelection(
                    f"{kind}[{name}]",
                    f"Tabellen har ikke variabelen {name}. Den har {', '.join(d.id for d in table.dimensions)}.",
                    f"The table has no variable {name}. It has {', '.join(d.id for d in table.dimensions)}.",
                )
    if not given and not lists:
        picked = [_picked(d, table.default[d.id]) for d in table.dimensions]
    else:
        picked = [_pick(d, given.get(d.id.lower()), lists.get(d.id.lower())) for d in table.dimensions]
    if prod(len(one.values) for one in picked) > MAX_CELLS:
        raise BadSelection(
            "valuecodes",
            f"Utvalget er større enn {MAX_CELLS} celler. Velg færre verdier.",
            f"The selection is larger than {MAX_CELLS} cells. Select fewer values.",
            too_large=True,
        )
    return Selection(table, tuple(picked))


def _picked(dimension: Dimension, codes: Sequence[str], *, dropped: bool = False) -> Picked:
    values = {code: Group(dimension.labels_nb[code], dimension.labels_en[code], (code,)) for code in codes}
    return Picked(dimension=dimension, values=values, dropped=dropped)


def _pick(dimension: Dimension, given: str | Sequence[str] | None, codelist: str | None) -> Picked:
    values = _values(dimension, codelist) if codelist is not None else None
    if given is None:
        if values is not None:
            return Picked(dimension=dimension, values=values)
        if dimension.elimination:
            return _picked(dimension, [dimension.elimination], dropped=True)
        return _picked(dimension, dimension.codes)
    codes = dimension.codes if values is None else list(values)
    found = _chosen(dimension, codes, given)
    return (
        _picked(dimension, found)
        if values is None
        else Picked(dimension=dimension, values={code: values[code] for code in found})
    )


def _values(dimension: Dimension, name: str) -> dict[str, Group]:
    for one in dimension.codelists:
        if one.id.lower() == name.lower():
            return one.values
    names = ", ".join(one.id for one in dimension.codelists)
    raise BadSelection(
        f"codelist[{dimension.id}]",
        f"Variabelen {dimension.id} har ikke kodelisten. Den har {names or 'ingen'}.",
        f"The variable {dimension.id} has no such code list. It has {names or 'none'}.",
    )


def _chosen(dimension: Dimension, codes: list[str], given: str | Sequence[str]) -> list[str]:
    """The codes that expressions stand for, in the order of the table."""
    name = f"valuecodes[{dimension.id}]"
    length = len(given) if isinstance(given, str) else sum(len(one) + 1 for one in given)
    if length > _LONGEST:
        raise BadSelection(
            name,
            f"Uttrykket er lengre enn {_LONGEST} tegn. Bruk * eller range(a,b).",
            f"The expression is longer than {_LONGEST} characters. Use * or range(a,b).",
        )
    wanted: set[str] = set()
    for part in _parts(given) if isinstance(given, str) else [one.strip() for one in given]:
        wanted |= set(_part(dimension, codes, part))
    if not wanted:
        raise BadSelection(
            name,
            f"Uttrykket treffer ingen verdier. Se {_WHERE} for verdiene.",
            f"The expression selects no values. See {_WHERE} for the values.",
        )
    return [code for code in codes if code in wanted]


def _parts(text: str) -> list[str]:
    """Split at commas that are not inside parentheses; a value in brackets, as [a], stands for itself."""
    return [p.strip() for p in re.split(r",(?![^(]*\))", text) if p.strip()]


def _part(dimension: Dimension, codes: list[str], part: str) -> list[str]:
    call = _CALL.fullmatch(part)
    if call:
        return _call(dimension, codes, call[1].lower(), [a.strip() for a in call[2].split(",")])
    if "*" in part or "?" in part:
        # Only * and ? are special: brackets stand for themselves.
        pattern = part.replace("[", "[[]").lower()
        return [code for code in codes if fnmatch.fnmatchcase(code.lower(), pattern)]
    return [_code(dimension, codes, part)]


def _call(dimension: Dimension, codes: list[str], name: str, arguments: list[str]) -> list[str]:
    if name in ("top", "bottom"):
        if len(arguments) != 1 or not re.fullmatch("[0-9]{1,6}", arguments[0]):
            raise _wrong(dimension, f"{name}(n)")
        count = int(arguments[0])
        # PxWeb counts from the newest: top(1) of a time variable is its last period.
        newest = codes[::-1] if dimension.role == "time" else codes
        return newest[:count] if name == "top" else newest[::-1][:count]
    if len(arguments) != (2 if name == "range" else 1):
        raise _wrong(dimension, "range(a,b), from(a), to(b)")
    low = codes.index(_code(dimension, codes, arguments[0])) if name != "to" else 0
    high = codes.index(_code(dimension, codes, arguments[-1])) if name != "from" else len(codes) - 1
    return codes[low : high + 1]  # nothing when they stand the wrong way round


def _code(dimension: Dimension, codes: list[str], code: str) -> str:
    for known in codes:
        if known.lower() == code.lower():
            return known
    values = f" ({', '.join(codes)})" if len(codes) <= _MANY else ""
    raise BadSelection(
        f"valuecodes[{dimension.id}]",
        f"Variabelen {dimension.id} har ikke en av verdiene i utvalget. Se {_WHERE} for verdiene{values}.",
        f"The variable {dimension.id} lacks a value of the selection. See {_WHERE} for its values{values}.",
    )


def _wrong(dimension: Dimension, form: str) -> BadSelection:
    return BadSelection(
        f"valuecodes[{dimension.id}]",
        f"Uttrykket skal ha formen {form}.",
        f"The expression should have the form {form}.",
    )
