"""Cubes made to order (statistics 4.4): counts of children cut as somebody asked, rounded or perturbed, never hidden.

The two declared alternatives to hiding. A rounded cube adds up and is made once for a year: two roundings of almost the
same children could be taken from each other. A perturbed one does not add up and may be made again: the same children
have the same noise in every cube. Neither shows what a product shows: a cell is published by one method.
"""

# mypy: disable-error-code="misc"
# (see model/concepts.py)

from __future__ import annotations

import csv
import hashlib
import io
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from itertools import product as combinations
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from scipy import sparse

from bvr.model.types import STAMP, TEXT, WHOLE, Concept, Doc
from bvr.statistics.ports import Tables
from bvr.statistics.publication.declared import named, products
from bvr.statistics.publication.linked import TOTAL
from bvr.statistics.publication.release import NotPublishable
from bvr.statistics.sdc.cellkey import MOST, cell_key, perturbed, record_key
from bvr.statistics.sdc.problem import Ints
from bvr.statistics.sdc.rounding import BASE, rounded

_FILE = Path(__file__).with_name("kuber.yaml")
_COUNT = "antall"
_CHILD = "barn"
_MOST_CELLS = 200_000

Method = Literal["AVRUNDING", "CELLENOKKEL"]
Place = tuple[str, ...]
"""A cell: a value of each dimension, or TOTAL."""


class Cube(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A declaration of kuber.yaml."""

    id: str
    title_nb: str
    title_en: str
    method: Method
    figures: tuple[str, ...]
    dimensions: tuple[str, ...]
    sql: str


class Declared(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every cube, and the purpose (`grunnlag.formal`) whose view of the register they are cut from."""

    purpose: str
    cubes: tuple[Cube, ...]


class Kube(Concept):
    """A cube that was delivered. | En kube som er levert."""

    kube: Annotated[str, TEXT, Doc("Kuben, se kuber.yaml.", "The cube.")]
    aar: Annotated[int, WHOLE, Doc("Året den gjelder.", "Its year.")]
    metode: Annotated[str, TEXT, Doc("AVRUNDING eller CELLENOKKEL.", "Rounded or perturbed.")]
    nokkeltall: Annotated[str, TEXT, Doc("Nøkkeltallene, med komma.", "The key figures, by comma.")]
    parametre: Annotated[str, TEXT, Doc("Parametrene for vernet, JSON.", "Parameters of the protection, JSON.")]
    celler: Annotated[int, WHOLE, Doc("Antall celler.", "Number of cells.")]
    sha256: Annotated[str, TEXT, Doc("SHA-256 av det som ble levert.", "SHA-256 of what was delivered.")]
    laget: Annotated[datetime, STAMP, Doc("Når.", "When.")]


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """What is handed over: the table as CSV, what is told of it, and its record."""

    table: bytes
    about: bytes
    record: Kube


@cache
def declared() -> Declared:
    """Every cube. Raises ValueError where a cell would be published by two methods."""
    return checked(msgspec.yaml.decode(_FILE.read_bytes(), type=Declared))


def checked(found: Declared) -> Declared:
    """The declaration, when it holds. Raises ValueError naming the cube and what is wrong."""
    shown = {figure: f"the product {one.id}" for one in products() for figure in one.figures}
    methods: dict[str, Cube] = {}
    for cube in found.cubes:
        for figure in cube.figures:
            named(figure)
            other = methods.setdefault(figure, cube)
            if figure in shown or other.method != cube.method:
                raise ValueError(f"{cube.id}: {figure} is published by {shown.get(figure, other.id)} in another way")
        if not all(f"@{name}" in cube.sql for name in ("formal", "aar")):
            raise ValueError(f"{cube.id}: its query asks for no purpose, or for no year")
        if {_CHILD, _COUNT} & set(cube.dimensions) or len(set(cube.dimensions)) < max(1, len(cube.dimensions)):
            raise ValueError(f"{cube.id}: dimensions are distinct, and not called {_CHILD} or {_COUNT}")
    if len({cube.id for cube in found.cubes}) < len(found.cubes):
        raise ValueError("two cubes have one id")
    return found


# --- counting --------------------------------------------------------------------------------------------------------


def counted(cube: Cube, rows: Sequence[Mapping[str, Any]]) -> dict[Place, frozenset[str]]:
    """The children of every cell: all combinations of the values that occur, and of totals. What is empty is there,
    too: else a cell that is there, and shown as 0, would be one that somebody is in.

    Raises ValueError when there are too many cells, or values that are empty or called as the total is.
    """
    values = [sorted({row[name] for row in rows if row[name] is not None}) for name in cube.dimensions]
    for name, given in zip(cube.dimensions, values, strict=True):
        if TOTAL in given or any(row[name] in (None, "") for row in rows):
            raise ValueError(f"{cube.id}: a value of {name} is empty or {TOTAL}")
    places = list(combinations(*((*given, TOTAL) for given in values)))
    if len(places) > _MOST_CELLS:
        raise ValueError(f"{cube.id}: {len(places)} cells, of at most {_MOST_CELLS}: take away a dimension")
    inside: dict[Place, set[str]] = defaultdict(set)
    for row in rows:
        for place in combinations(*((row[name], TOTAL) for name in cube.dimensions)):
            inside[place].add(row[_CHILD])
    return {place: frozenset(inside.get(place, ())) for place in places}


def protected(cube: Cube, cells: Mapping[Place, frozenset[str]], keys: Mapping[str, int]) -> dict[Place, int]:
    """What is shown of each cell. `keys` are the record keys of the children; rounding needs none.

    Raises ValueError when a child is in two cells of a cube that is to add up; NotPublishable when what would be shown
    breaks what the method promises.
    """
    places = list(cells)
    counts = np.array([len(cells[place]) for place in places], dtype=np.int64)
    if cube.method == "CELLENOKKEL":
        by = np.array([cell_key(keys[child] for child in cells[place]) for place in places], dtype=np.int64)
        shown = perturbed(counts, by)
    else:
        shown = _rounded(cube, places, cells)
    _hold(cube, counts, shown)
    return _spoken_of(dict(zip(places, (int(one) for one in shown), strict=True)))


def _spoken_of(shown: dict[Place, int]) -> dict[Place, int]:
    """Without the values whose own total is shown as nought: that they are named would say that there is somebody."""
    silent = {
        (n, place[n])
        for place, count in shown.items()
        for n in range(len(place))
        if count == 0 and place[n] != TOTAL and place.count(TOTAL) == len(place) - 1
    }
    return {place: count for place, count in shown.items() if not silent & set(enumerate(place))}


def _rounded(cube: Cube, places: Sequence[Place], cells: Mapping[Place, frozenset[str]]) -> Ints:
    inner = [place for place in places if TOTAL not in place]
    if sum(len(cells[place]) for place in inner) != len(cells[(TOTAL,) * len(cube.dimensions)]):
        raise ValueError(f"{cube.id}: a child is in more than one cell: its cells cannot add up. Use CELLENOKKEL")
    at = {place: n for n, place in enumerate(places)}
    made = [(at[total], n) for n, place in enumerate(inner) for total in combinations(*((v, TOTAL) for v in place))]
    rows, columns = (list(one) for one in zip(*made, strict=True))
    table = sparse.csr_array((np.ones(len(made), dtype=np.int64), (rows, columns)), shape=(len(places), len(inner)))
    return np.asarray(table @ rounded(np.array([len(cells[place]) for place in inner], dtype=np.int64), table))


def _hold(cube: Cube, counts: Ints, shown: Ints) -> None:
    """No count that is few is shown, nought is nought, and noise is within its bound."""
    few = (shown > 0) & (shown < BASE)
    off = np.abs(shown - counts) if cube.method == "CELLENOKKEL" else np.zeros(1, dtype=np.int64)
    if few.any() or (shown < 0).any() or (shown[counts == 0] != 0).any() or int(off.max(initial=0)) > MOST:
        raise NotPublishable(f"{cube.id}: what would be shown breaks what {cube.method} promises: nothing is delivered")


# --- delivering ------------------------------------------------------------------------------------------------------


def deliver(tables: Tables, cube: Cube, aar: int, clock: Callable[[], datetime]) -> Delivered:
    """Make a cube of a year and record it, or give back what was delivered, when it is the same.

    Raises NotPublishable when a figure of it was delivered by another method, or a rounded cube of the year with other
    figures; LookupError when the purpose is not declared, or sees nobody of the year; ValueError as `counted` does.
    """
    given = {"formal": declared().purpose, "aar": aar}
    if not tables.query("SELECT formal FROM grunnlag.formal WHERE formal = @formal", {"formal": given["formal"]}):
        raise LookupError(f"there is no purpose {given['formal']} in grunnlag.formal: cubes are cut from what it sees")
    rows = tables.query(cube.sql, given)
    if not rows:
        raise LookupError(f"{cube.id}: there is nobody in {aar}")
    keys = _keys(tables) if cube.method == "CELLENOKKEL" else {}
    shown = protected(cube, counted(cube, rows), keys)
    table = _csv(cube, shown)
    record = Kube(
        kube=cube.id,
        aar=aar,
        metode=cube.method,
        nokkeltall=",".join(cube.figures),
        parametre=msgspec.json.encode(parameters(cube)).decode(),
        celler=len(shown),
        sha256=hashlib.sha256(table).hexdigest(),
        laget=clock(),
    )
    _refuse_two_ways(record, delivered(tables))
    tables.insert("drift.kube", [msgspec.structs.asdict(record)], once=f"kube-{cube.id}-{aar}-{record.sha256[:16]}")
    about = {
        **{"kube": cube.id, "aar": aar, "tittel": {"nb": cube.title_nb, "en": cube.title_en}},
        **{"metode": cube.method, "parametre": parameters(cube), "total": TOTAL, "sha256": record.sha256},
    }
    return Delivered(table=table, about=msgspec.json.format(msgspec.json.encode(about)), record=record)


def delivered(tables: Tables) -> list[Kube]:
    """Everything that was delivered, the first first."""
    return [msgspec.convert(row, Kube) for row in tables.query("SELECT * FROM drift.kube ORDER BY laget, kube, aar")]


def _refuse_two_ways(record: Kube, before: Sequence[Kube]) -> None:
    for one in before:
        both = set(one.nokkeltall.split(",")) & set(record.nokkeltall.split(","))
        if one.metode != record.metode and both:
            raise NotPublishable(f"{record.kube}: {min(both)} was delivered by {one.metode}, in {one.kube}")
        again = (one.kube, one.aar) == (record.kube, record.aar) and one.sha256 != record.sha256
        if again and record.metode == "AVRUNDING":
            raise NotPublishable(
                f"{record.kube} of {record.aar} was delivered with other figures: a rounded cube is made once"
            )


def parameters(cube: Cube) -> dict[str, Any]:
    """The parameters of its protection, as they are stored and told."""
    if cube.method == "AVRUNDING":
        return {"base": BASE, "additiv": True}
    return {"storste_stoy": MOST, "additiv": False, "null_vises": True}


def _keys(tables: Tables) -> dict[str, int]:
    """The record keys of the children, by their pseudonyms of any epoch: made from the secret half of the first one,
    so that a rotation gives no child another noise."""
    rows = tables.query(
        "SELECT p.pseudonym, FIRST_VALUE(p.salt) OVER "
        "(PARTITION BY p.nokkel ORDER BY p.epoke, p.gjelder_fra, p.pseudonym) AS salt "
        "FROM register.pseudonym AS p WHERE p.formal = @formal AND p.type = 'BARN'",
        {"formal": declared().purpose},
    )
    return {row["pseudonym"]: record_key(row["salt"]) for row in rows}


def _csv(cube: Cube, shown: Mapping[Place, int]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    writer.writerow([*cube.dimensions, _COUNT])
    writer.writerows(_lines(shown))
    return text.getvalue().encode()


def _lines(shown: Mapping[Place, int]) -> Iterator[list[str]]:
    for place, count in sorted(shown.items()):
        yield [*place, str(count)]
