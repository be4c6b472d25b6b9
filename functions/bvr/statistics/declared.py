"""The scheduled queries, as declared in the folders of bigquery_schemas/statistikk."""

from __future__ import annotations

import json
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from bvr.statistics.figures import tables

_KEY = ("indikator", "kommunenummer", "periode", "kjonn", "aldersgruppe", "kode")


class KeyFigure(BaseModel):
    """The part `query` of a metadata.yaml. Texts come in Bokmål and English."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    table_id: str
    title_nb: str
    title_en: str
    definition_nb: str
    definition_en: str
    source: str
    unit_nb: str
    unit_en: str
    unit_of: str
    population: str
    period_types: tuple[str, ...]
    breakdowns: tuple[str, ...]
    disclosure: str
    frequency: str


class Query(BaseModel):
    """One scheduled query: its folder is its name and its table.

    `key` are the columns that tell its rows apart, `after` the queries whose tables it reads, and `max_age_hours` how
    old its rows may be before somebody is called.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    sql: str
    checks: str
    key: tuple[str, ...]
    values: tuple[str, ...]
    after: tuple[str, ...] = ()
    max_age_hours: int = 26


class Extract(Query):
    """A query whose figures are pulled by Bufdir."""

    figure: KeyFigure


class Rows(BaseModel):
    """The part `rows` of the metadata.yaml of a report: the columns that tell its rows apart."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: tuple[str, ...]


def scheduled(schemas: Path) -> list[Query]:
    """Every scheduled query, each after those that it reads, else by name.

    Raises pydantic.ValidationError for metadata that are not as they should be, ValueError for a query after one that
    is none, and graphlib.CycleError for queries that wait for one another.
    """
    found = {query.name: query for query in _read(schemas)}
    for query in found.values():
        if strangers := set(query.after) - found.keys():
            raise ValueError(f"{query.name}: depends_on names no query: {', '.join(sorted(strangers))}")
    order = TopologicalSorter({query.name: query.after for query in found.values()})
    return [found[name] for name in order.static_order()]


def _read(schemas: Path) -> list[Query]:
    found: list[Query] = []
    for folder in sorted((schemas / "statistikk").iterdir()):
        if not (folder / "query.sql").exists():
            continue
        metadata: dict[str, Any] = yaml.safe_load((folder / "metadata.yaml").read_text(encoding="utf-8"))
        given = {
            "name": folder.name,
            "sql": (folder / "query.sql").read_text(encoding="utf-8"),
            "checks": (folder / "checks.sql").read_text(encoding="utf-8"),
            "after": [one.removeprefix("statistikk.") for one in metadata.get("depends_on", ())],
            **({"max_age_hours": metadata["max_age_hours"]} if "max_age_hours" in metadata else {}),
        }
        if "query" in metadata:
            figure = KeyFigure.model_validate(metadata["query"])
            found.append(Extract(**given, key=_KEY, values=("verdi", "n_barn"), figure=figure))
        elif "rows" in metadata:
            key = Rows.model_validate(metadata["rows"]).key
            columns = [c["name"] for c in json.loads((folder / "schema.json").read_text(encoding="utf-8"))]
            values = [c for c in columns if c not in (*key, "kunnskapstidspunkt")]
            found.append(Query(**given, key=key, values=values))
        else:
            found.append(Query(**given, key=tables.KEY, values=tables.VALUES))
    return found


def queries(schemas: Path) -> list[Extract]:
    """The scheduled queries whose figures are pulled."""
    return [query for query in scheduled(schemas) if isinstance(query, Extract)]
