"""Where the tables of the API come from: releases, and the checked runs of the two extracts.

A table that is made of releases holds their cells as they were published. Whoever may see the figures of a region
as they are (`rights.Access`) gets them from the freeze that the release was made of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from threading import Lock
from typing import Any, Protocol

import msgspec
from cachetools import LRUCache, TTLCache

from bvr.api.rights import Access
from bvr.api.table import DEFAULT_PERIODS, HIDDEN, Cell, CodeList, Dimension, Group, Table, Unit
from bvr.model import codelists, kommuner
from bvr.statistics import disclosure
from bvr.statistics.declared import Extract
from bvr.statistics.ports import Tables
from bvr.statistics.publication import release
from bvr.statistics.publication.declared import Product, named, products
from bvr.statistics.publication.linked import Key, cells
from bvr.statistics.publication.release import Utgivelse

__all__ = ["DEFAULT_PERIODS", "BeingPublished", "Head", "LatestRuns", "Published", "Releases", "Version"]


class BeingPublished(Exception):
    """The table has no figures yet, or is being published: it can be asked for again in a while."""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What the catalogue tells of a table."""

    id: str
    title_nb: str
    title_en: str
    note_nb: str
    note_en: str
    variables: tuple[str, ...]


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a table, as /v1/uttrekk/{id}/versjoner tells it."""

    id: str
    nummer: int
    referanseperiode: str
    kunnskapstidspunkt: datetime
    publisert: datetime
    status: str
    regelsett: str
    kodelister: str
    profil: str
    sha256: str
    rader: int
    forrige: str | None
    grunn: str | None


class Published(Protocol):
    """Tables that can be served. `version` is an id of `versions`, `as_of` a moment: what was out then."""

    def catalogue(self) -> Sequence[Head]: ...

    def table(
        self, name: str, access: Access, version: str | None = None, as_of: datetime | None = None
    ) -> Table | None:
        """The table; None when there is none of the id or version. Raises BeingPublished."""
        ...

    def versions(self, name: str) -> Sequence[Version]: ...


# --- the runs of the extracts ----------------------------------------------------------------------------------------


class LatestRuns:
    """The latest checked run of each extract: municipality by period, small figures hidden."""

    def __init__(self, queries: Sequence[Extract], tables: Tables, names: Mapping[str, str]) -> None:
        self._queries = {query.figure.table_id: query for query in queries}
        self._tables = tables
        self._names = names

    def catalogue(self) -> list[Head]:
        return [
            Head(
                id=figure.table_id,
                title_nb=figure.title_nb,
                title_en=figure.title_en,
                note_nb=figure.definition_nb,
                note_en=figure.definition_en,
                variables=("Region", "ContentsCode", "Tid"),
            )
            for figure in (query.figure for query in self._queries.values())
        ]

    def versions(self, name: str) -> list[Version]:
        return []

    def table(
        self, name: str, access: Access, version: str | None = None, as_of: datetime | None = None
    ) -> Table | None:
        query = self._queries.get(name)
        if query is None or version is not None or as_of is not None:
            return None
        rows = self._tables.query(
            f"SELECT kommunenummer, periode, verdi, n_barn, kunnskapstidspunkt FROM statistikk.{query.name} "  # noqa: S608
            "WHERE kjonn = 'T' AND aldersgruppe = 'T' AND kode = 'T' AND periodetype != 'N'"
        )
        runs = rows and self._tables.query(
            "SELECT kjoring_id, kunnskapstidspunkt, regelsett FROM statistikk.kjoring WHERE sporring = @name "
            "AND kunnskapstidspunkt = @tid ORDER BY lopenummer DESC LIMIT 1",
            {"name": query.name, "tid": rows[0]["kunnskapstidspunkt"]},
        )
        if not runs:
            raise BeingPublished
        return self._table(query, rows, runs[0], access)

    def _table(
        self, query: Extract, rows: Sequence[Mapping[str, Any]], run: Mapping[str, Any], access: Access
    ) -> Table:
        figure = query.figure
        found = {(r["kommunenummer"], r["periode"]): disclosure.Cell(r["verdi"], r["n_barn"]) for r in rows}
        kept_back = {key for key in disclosure.hidden(found) if not access.covers(key[0])}
        regions = {k: self._names.get(k, k) for k in sorted({kommune for kommune, _ in found})}
        unit = Unit(figure.unit_nb, figure.unit_en)
        return Table(
            id=figure.table_id,
            title_nb=figure.title_nb,
            title_en=figure.title_en,
            note_nb=figure.definition_nb,
            note_en=figure.definition_en,
            dimensions=(
                _dimension("Region", "region", "region", {k: (name, name) for k, name in regions.items()}, "geo"),
                _metric({figure.id: (figure.title_nb, figure.title_en)}, {figure.id: unit}),
                _periods(periode for _, periode in found),
            ),
            cells={
                (kommune, figure.id, periode): Cell(None, HIDDEN)
                if (kommune, periode) in kept_back
                else Cell(cell.value)
                for (kommune, periode), cell in found.items()
            },
            updated=run["kunnskapstidspunkt"],
            version=run["kjoring_id"],
            opened=access.regions,
            about={
                "kjoring": run["kjoring_id"],
                "kunnskapstidspunkt": run["kunnskapstidspunkt"].isoformat(),
                "regelsett": run["regelsett"],
                "status": "foreløpig",
                "sdc": {"terskel": disclosure.SMALL + 1, "metode": "undertrykking", "symbol": HIDDEN},
            },
        )


# --- releases --------------------------------------------------------------------------------------------------------

_SEXES = {
    "T": ("Begge kjønn", "Both sexes"),
    "1": ("Gutter", "Boys"),
    "2": ("Jenter", "Girls"),
    "0": ("Ikke oppgitt", "Not stated"),
}
_AGES = ("T", "0-2", "3-5", "6-12", "13-17", "18-24", "25+", "U")
_TOTAL = ("I alt", "Total")
_LEVELS = {
    "LAND": ("Landet", "The country"),
    "BYDELER": ("Bydeler i Oslo i alt", "Districts of Oslo"),
    "FYLKE": ("Fylker", "Counties"),
    "KOSTRAGRUPPE": ("KOSTRA-grupper", "KOSTRA groups"),
    "KOMMUNE": ("Kommuner", "Municipalities"),
    "BYDEL": ("Bydeler", "City districts"),
}
_UNITS = {"HENDELSE": ("antall", "number"), "BARN": ("barn", "children"), "SAK": ("saker", "cases")}


class Releases:
    """The products of publisering.yaml: a table of totals, one by sex, one by age, and one for each figure by code.

    A table has the newest release of each period; `as_of` takes what was newest then, and a version of one release is
    that release alone. What has been published is asked for anew when it is `fresh` seconds old.
    """

    def __init__(self, tables: Tables, fresh: float = 0) -> None:
        self._tables = tables
        self._out: TTLCache[str, list[Utgivelse]] = TTLCache(_KEPT, fresh)
        self._heads = {head.id: (head, product, split, figure) for head, product, split, figure in _heads()}
        self._rows: LRUCache[str, list[dict[str, Any]]] = LRUCache(_KEPT)
        self._made: LRUCache[tuple[Any, ...], Table] = LRUCache(_KEPT)
        self._lock = Lock()

    def catalogue(self) -> list[Head]:
        return [head for head, *_ in self._heads.values()]

    def versions(self, name: str) -> list[Version]:
        found = self._heads.get(name)
        return [_version(one) for one in self._published(found[1].id)] if found else []

    def table(
        self, name: str, access: Access, version: str | None = None, as_of: datetime | None = None
    ) -> Table | None:
        if name not in self._heads:
            return None
        head, product, split, figure = self._heads[name]
        out = [
            one
            for one in self._published(product.id)
            if (as_of is None or one.publisert <= as_of) and (version is None or one.utgivelse_id == version)
        ]
        if not out:
            if version is not None or as_of is not None:
                return None
            raise BeingPublished
        newest = {one.periode: one for one in out}
        chosen = list(newest.values())
        key = (name, access.regions, *(one.utgivelse_id for one in chosen))
        with self._lock:
            before = self._made.get(key)
        if before is not None:  # releases never change
            return before
        cells_: dict[tuple[str, ...], Cell] = {}
        levels: dict[str, str] = {}
        for one in chosen:
            opened = self._opened(product, one, access)
            for row in self._of(one):
                if (figure and row["indikator"] != figure) or not _belongs(row, split):
                    continue
                levels[row["region"]] = row["niva"]
                cells_[_place(row, split)] = _cell(row, opened)
        made = _made(head, product, split, figure, cells_, levels, chosen, access)
        with self._lock:
            self._made[key] = made
        return made

    def _published(self, product: str) -> list[Utgivelse]:
        with self._lock:
            found = self._out.get(product)
        if found is None:
            found = release.published(self._tables, product)
            if found:  # a first release is there at once
                with self._lock:
                    self._out[product] = found
        return found

    def _of(self, one: Utgivelse) -> list[dict[str, Any]]:
        """The rows of a release: they never change, so they are read once."""
        with self._lock:
            found = self._rows.get(one.utgivelse_id)
        if found is None:
            found = self._tables.query(
                "SELECT indikator, art, maal, region, niva, periode, periodetype, kjonn, aldersgruppe, kode, "
                "tall, symbol FROM statistikk.utgivelse_tall WHERE utgivelse_id = @id "
                "ORDER BY region, indikator, art, maal, periodetype, kjonn, aldersgruppe, kode",
                {"id": one.utgivelse_id},
            )
            with self._lock:
                self._rows[one.utgivelse_id] = found
        return found

    def _opened(self, product: Product, one: Utgivelse, access: Access) -> Mapping[Key, int]:
        """The figures that a caller may see though they are hidden from others."""
        if not access.regions:
            return {}
        given = cells(product, release.frozen(self._tables, product, one.frysing_id))
        return {key: cell.value for key, cell in given.items() if access.covers(key.region)}


_KEPT = 24
"""Releases whose rows, and tables that, are kept in memory."""


def _heads() -> list[tuple[Head, Product, str, str]]:
    """(head, product, what it is split by, the figure where it is of one) of every table."""
    found: list[tuple[Head, Product, str, str]] = []
    for product in products():
        splits = [one for one in ("T", "kjonn", "alder") if one in product.levels]
        for split in splits:
            by = {"T": ("", ""), "kjonn": (", etter kjønn", ", by sex"), "alder": (", etter alder", ", by age")}[split]
            variables = ("Region", *({"kjonn": ("Kjonn",), "alder": ("Alder",)}.get(split, ())), "ContentsCode", "Tid")
            head = Head(
                id=f"bvr-{product.id}" + ("" if split == "T" else f"-{split}"),
                title_nb=product.title_nb + by[0],
                title_en=product.title_en + by[1],
                note_nb=" ".join(f"{named(one).title_nb}: {named(one).definition_nb}" for one in product.figures),
                note_en=" ".join(f"{named(one).title_en}: {named(one).definition_en}" for one in product.figures),
                variables=variables,
            )
            found.append((head, product, split, ""))
        for name in product.codes:
            figure = named(name)
            head = Head(
                id=f"bvr-{name.replace('_', '-')}-kode",
                title_nb=f"{figure.title_nb}, etter kode",
                title_en=f"{figure.title_en}, by code",
                note_nb=figure.definition_nb,
                note_en=figure.definition_en,
                variables=("Region", "Kode", "ContentsCode", "Tid"),
            )
            found.append((head, product, "kode", name))
    return found


def _belongs(row: Mapping[str, Any], split: str) -> bool:
    """Whether a row is in a table of that split: its totals are, too."""
    by = {"kjonn": row["kjonn"], "alder": row["aldersgruppe"], "kode": row["kode"]}
    return all(value == "T" for name, value in by.items() if name != split)


def _contents(row: Mapping[str, Any]) -> str:
    measure = "" if row["maal"] == "SUM" else "_unik"
    return str(row["indikator"]) + measure + {"VERDI": "", "NEVNER": "_nevner", "ANDEL": "_andel"}[row["art"]]


def _place(row: Mapping[str, Any], split: str) -> tuple[str, ...]:
    middle = {"kjonn": (row["kjonn"],), "alder": (row["aldersgruppe"],), "kode": (row["kode"],)}.get(split, ())
    return (row["region"], *middle, _contents(row), row["periode"])


def _cell(row: Mapping[str, Any], opened: Mapping[Key, int]) -> Cell:
    symbol = row["symbol"] or ""
    if row["tall"] is None and symbol == HIDDEN and row["art"] != "ANDEL":
        key = Key(
            *(row[n] for n in ("indikator", "art", "maal", "region", "periode", "periodetype")),
            *(row[n] for n in ("kjonn", "aldersgruppe", "kode")),
        )
        return Cell(opened[key], "") if key in opened else Cell(None, HIDDEN)
    if row["tall"] is None:
        return Cell(None, symbol)
    return Cell(float(row["tall"]) if row["art"] == "ANDEL" else int(row["tall"]), symbol)


def _version(one: Utgivelse) -> Version:
    return Version(
        id=one.utgivelse_id,
        nummer=one.nummer,
        referanseperiode=one.periode,
        kunnskapstidspunkt=one.kunnskapstidspunkt,
        publisert=one.publisert,
        status=one.status,
        regelsett=one.regelsett,
        kodelister=one.kodelister_sha256,
        profil="publiserbar",
        sha256=one.sha256,
        rader=one.rader,
        forrige=one.forrige_id,
        grunn=one.grunn,
    )


def _made(
    head: Head,
    product: Product,
    split: str,
    figure: str,
    given: dict[tuple[str, ...], Cell],
    levels: Mapping[str, str],
    out: Sequence[Utgivelse],
    access: Access,
) -> Table:
    order = list(_LEVELS)
    regions = sorted(levels, key=lambda region: (order.index(levels[region]), region))
    labels = {region: _region(region) for region in regions}
    region = _dimension("Region", "region", "region", labels, "geo", total="EAK" if "EAK" in labels else "")
    dimensions = [msgspec.structs.replace(region, codelists=_region_lists(levels, labels))]
    if split != "T":
        dimensions.append(_split_dimension(split, figure, given))
    contents = sorted({key[-2] for key in given}, key=lambda one: _content_order(product, one))
    dimensions += [
        _metric({one: _content(one) for one in contents}, {one: _unit(one) for one in contents}),
        _periods(key[-1] for key in given),
    ]
    last = max(out, key=lambda one: (one.publisert, one.utgivelse_id))
    return Table(
        id=head.id,
        title_nb=head.title_nb,
        title_en=head.title_en,
        note_nb=head.note_nb,
        note_en=head.note_en,
        dimensions=tuple(dimensions),
        cells=given,
        updated=last.publisert,
        version="/".join(sorted(one.utgivelse_id for one in out)),
        opened=access.regions,
        about={
            "utgivelser": sorted(one.utgivelse_id for one in out),
            "kunnskapstidspunkt": last.kunnskapstidspunkt.isoformat(),
            "regelsett": last.regelsett,
            "kodelister": last.kodelister_sha256,
            "status": last.status,
            "profil": access.shown.value,
            "sdc": release.parameters() | {"seed": None},
        },
    )


def _dimension(
    name: str, label_nb: str, label_en: str, labels: Mapping[str, tuple[str, str]], role: str = "", total: str = ""
) -> Dimension:
    return Dimension(
        id=name,
        label_nb=label_nb,
        label_en=label_en,
        role=role,
        labels_nb={code: one[0] for code, one in labels.items()},
        labels_en={code: one[1] for code, one in labels.items()},
        elimination=total,
    )


def _metric(labels: Mapping[str, tuple[str, str]], units: dict[str, Unit]) -> Dimension:
    found = _dimension("ContentsCode", "statistikkvariabel", "contents", labels, "metric")
    return msgspec.structs.replace(found, units=units)


def _periods(periods: Iterable[str]) -> Dimension:
    return _dimension("Tid", "periode", "period", {one: (one, one) for one in sorted(set(periods))}, "time")


def _split_dimension(split: str, figure: str, given: Mapping[tuple[str, ...], Cell]) -> Dimension:
    there = {key[1] for key in given}
    if split == "kjonn":
        labels = {code: one for code, one in _SEXES.items() if code in there}
        return _dimension("Kjonn", "kjønn", "sex", labels, total="T")
    if split == "alder":
        ages = {"T": _TOTAL, "U": ("Ikke oppgitt", "Not stated")}
        labels = {code: ages.get(code, (f"{code} år", f"{code} years")) for code in _AGES if code in there}
        found = _dimension("Alder", "alder", "age", labels, total="T")
        young = tuple(code for code in ("0-2", "3-5", "6-12", "13-17") if code in there)
        band = CodeList(
            id="agg_Alder0til17",
            dimension="Alder",
            label_nb="Under og over 18 år",
            label_en="Under and over 18",
            values={
                "0-17": Group("0-17 år", "0-17 years", young),
                "18-24": Group("18-24 år", "18-24 years", ("18-24",)),
            },
        )
        return msgspec.structs.replace(found, codelists=(band,)) if young and "18-24" in there else found
    known = {"T": _TOTAL}
    if name := named(figure).kodeliste:
        known |= {one.code: (one.label_nb, one.label_en) for one in codelists.codelist(name).values()}
    labels = {code: known.get(code, (code.capitalize(), code.capitalize())) for code in sorted(there, key=_code_order)}
    return _dimension("Kode", "kode", "code", labels, total="T")


def _code_order(code: str) -> tuple[bool, bool, list[int | str]]:
    parts: list[int | str] = [int(part) for part in code.split(".")] if code.replace(".", "").isdigit() else []
    return code != "T", not parts, parts or [code]


def _region(region: str) -> tuple[str, str]:
    fixed = {
        "EAK": ("Landet", "The country"),
        "EAKUO": ("Landet uten Oslo", "The country without Oslo"),
        "EAB": ("Bydelene i Oslo", "The districts of Oslo"),
    }
    if region in fixed:
        return fixed[region]
    if region.startswith("EKA"):
        name = kommuner.counties().get(region[3:], region)
        return name, name
    if region.startswith("EKG"):
        return f"KOSTRA-gruppe {region[3:]}", f"KOSTRA group {region[3:]}"
    name = kommuner.names().get(region) or kommuner.districts().get(region, region)
    return name, name


def _region_lists(levels: Mapping[str, str], labels: Mapping[str, tuple[str, str]]) -> tuple[CodeList, ...]:
    """The regions of each level; and counties and municipalities by their own published cells, never as sums."""
    found = []
    for niva, (nb, en) in _LEVELS.items():
        codes = [region for region in labels if levels[region] == niva]
        if codes:
            values = {code: Group(*labels[code], (code,)) for code in codes}
            found.append(
                CodeList(id=f"vs_{niva.capitalize()}", dimension="Region", label_nb=nb, label_en=en, values=values)
            )
    counties = [region for region in labels if levels[region] == "FYLKE"]
    divided = [
        region
        for region in labels
        if levels[region] == "KOMMUNE" and any(other[:4] == region and levels[other] == "BYDEL" for other in labels)
    ]
    for name, (nb, en), codes, short in (
        ("agg_KommuneTilFylke", ("Fylker, tosifret", "Counties, two digits"), counties, True),
        ("agg_BydelTilKommune", ("Kommuner med bydeler", "Municipalities with districts"), divided, False),
    ):
        if codes:
            values = {code.removeprefix("EKA") if short else code: Group(*labels[code], (code,)) for code in codes}
            found.append(CodeList(id=name, dimension="Region", label_nb=nb, label_en=en, values=values))
    return tuple(found)


def _content(code: str) -> tuple[str, str]:
    figure, unique, kind = _parsed(code)
    nb, en = named(figure).title_nb, named(figure).title_en
    if unique:
        nb, en = f"{nb}, hvert barn én gang", f"{en}, each child once"
    return {
        "": (nb, en),
        "nevner": (f"{nb}, nevner", f"{en}, denominator"),
        "andel": (f"{nb}, prosent", f"{en}, per cent"),
    }[kind]


def _parsed(code: str) -> tuple[str, bool, str]:
    kind = next((one for one in ("nevner", "andel") if code.endswith(f"_{one}")), "")
    rest = code.removesuffix(f"_{kind}") if kind else code
    return rest.removesuffix("_unik"), rest.endswith("_unik"), kind


def _content_order(product: Product, code: str) -> tuple[int, bool, str]:
    figure, unique, kind = _parsed(code)
    return product.figures.index(figure), unique, kind


def _unit(code: str) -> Unit:
    figure, unique, kind = _parsed(code)
    if kind == "andel":
        return Unit("prosent", "per cent", 1, additive=False)
    # A child counts once in each municipality: sums over those hold, sums of those counted once do not.
    return Unit(*_UNITS[named(figure).unit], additive=not unique)
