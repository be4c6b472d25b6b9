"""The scheduled queries, as declared in the folders of bigquery_schemas/statistikk."""

from __future__ import annotations

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
    schedule: str
    frequency: str


class Query(BaseModel):
    """One scheduled query: its folder is its name and its table. `key` are the columns that tell its rows apart."""

    model_config = ConfigDict(frozen=True)

    name: str
    sql: str
    checks: str
    key: tuple[str, ...]
    values: tuple[str, ...]


class Extract(Query):
    """A query whose figures are pulled by Bufdir."""

    figure: KeyFigure


def scheduled(schemas: Path) -> list[Query]:
    """Every scheduled query, by name. Raises pydantic.ValidationError for metadata that are not as they should be."""
    found: list[Query] = []
    for folder in sorted((schemas / "statistikk").iterdir()):
        if not (folder / "query.sql").exists():
            continue
        metadata: dict[str, Any] = yaml.safe_load((folder / "metadata.yaml").read_text(encoding="utf-8"))
        given = {
            "name": folder.name,
            "sql": (folder / "query.sql").read_text(encoding="utf-8"),
            "checks": (folder / "checks.sql").read_text(encoding="utf-8"),
        }
        if "query" in metadata:
            figure = KeyFigure.model_validate(metadata["query"])
            found.append(Extract(**given, key=_KEY, values=("verdi", "n_barn"), figure=figure))
        else:
            found.append(Query(**given, key=tables.KEY, values=tables.VALUES))
    return found


def queries(schemas: Path) -> list[Extract]:
    """The scheduled queries whose figures are pulled."""
    return [query for query in scheduled(schemas) if isinstance(query, Extract)]
