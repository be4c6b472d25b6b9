"""The key figures as declared in the folders of bigquery_schemas/statistikk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict


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
    """One scheduled query: its folder is its name and its table."""

    model_config = ConfigDict(frozen=True)

    name: str
    figure: KeyFigure
    sql: str
    checks: str


def queries(schemas: Path) -> list[Query]:
    """Every scheduled query, by name. Raises pydantic.ValidationError for metadata that are not as they should be."""
    found = []
    for folder in sorted((schemas / "statistikk").iterdir()):
        if (folder / "query.sql").exists():
            metadata: dict[str, Any] = yaml.safe_load((folder / "metadata.yaml").read_text(encoding="utf-8"))
            found.append(
                Query(
                    name=folder.name,
                    figure=KeyFigure.model_validate(metadata["query"]),
                    sql=(folder / "query.sql").read_text(encoding="utf-8"),
                    checks=(folder / "checks.sql").read_text(encoding="utf-8"),
                )
            )
    return found
