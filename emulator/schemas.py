"""Tables and views of BigQuery as the repository declares them, and their creation through the official client.

`bigquery_schemas/<dataset>/<name>/` is one table (schema.json), view (view.sql), table function (routine.sql, one
CREATE OR REPLACE TABLE FUNCTION) or query with its destination table (query.sql and schema.json), each with
metadata.yaml. Terraform reads the same folders. Views and functions name tables as `dataset.table`, without a project.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import yaml
from pydantic import BaseModel, ConfigDict

from emulator.topology import ROOT

if TYPE_CHECKING:
    from google.cloud import bigquery

SCHEMAS = ROOT / "bigquery_schemas"
TIMEOUT = 30.0


class Partitioning(BaseModel):
    """Time partitioning by a column."""

    field: str
    type: Literal["HOUR", "DAY", "MONTH", "YEAR"]


class Metadata(BaseModel):
    """What the local cloud needs of metadata.yaml; the rest (owner, access, schedule, ...) is for others."""

    model_config = ConfigDict(extra="ignore")

    description: str = ""
    partitioning: Partitioning | None = None
    clustering: list[str] = []
    depends_on: list[str] = []


@dataclass(frozen=True)
class Declared:
    """One folder: a table when it has columns, a view or a table function when it has a query of its own."""

    dataset: str
    name: str
    metadata: Metadata
    columns: list[dict[str, object]] | None
    view: str | None
    routine: str | None = None

    @property
    def names(self) -> set[str]:
        """What a view or a table function says it depends on, and everything in it that could be `dataset.name`."""
        code = re.sub(r"--[^\n]*", "", self.statement)
        return {*self.metadata.depends_on, *re.findall(r"\b\w+\.\w+\b", code)}

    @property
    def statement(self) -> str:
        """What makes a view or a table function."""
        return self.routine or f"CREATE OR REPLACE VIEW {self.id} AS\n{self.view}"

    @property
    def id(self) -> str:
        """`dataset.name`."""
        return f"{self.dataset}.{self.name}"


class SchemaError(ValueError):
    """A folder is not one of a table, a view and a function, one cannot be created, or kept data has other columns."""


def read(folder: Path = SCHEMAS) -> list[Declared]:
    """Everything declared, in the order of its folders."""
    return [_read_one(path.parent) for path in sorted(folder.glob("*/*/metadata.yaml"))]


def _read_one(folder: Path) -> Declared:
    schema, view, routine = (folder / name for name in ("schema.json", "view.sql", "routine.sql"))
    if sum(path.exists() for path in (schema, view, routine)) != 1:
        raise SchemaError(f"{folder}: one of schema.json, view.sql and routine.sql is expected")
    found = Declared(
        dataset=folder.parent.name,
        name=folder.name,
        metadata=Metadata.model_validate(yaml.safe_load((folder / "metadata.yaml").read_text()) or {}),
        columns=json.loads(schema.read_text()) if schema.exists() else None,
        view=view.read_text() if view.exists() else None,
        routine=routine.read_text() if routine.exists() else None,
    )
    if found.routine:
        name = re.search(r"^CREATE OR REPLACE TABLE FUNCTION (\S+)\(", found.routine, re.MULTILINE)
        if name is None or name[1] != found.id:
            raise SchemaError(f"{folder}/routine.sql: CREATE OR REPLACE TABLE FUNCTION {found.id}(...) is expected")
    return found


def create(client: bigquery.Client, declared: Iterable[Declared]) -> None:
    """Create all tables, then all views and functions; a table that is there is kept if it has the declared columns."""
    others = []
    for one in declared:
        if one.columns is None:
            others.append(one)
        else:
            _create_table(client, one)
    _create_others(client, others)


def _create_table(client: bigquery.Client, declared: Declared) -> None:
    from google.api_core.exceptions import Conflict
    from google.cloud import bigquery

    table = bigquery.Table(
        f"{client.project}.{declared.id}",
        schema=[bigquery.SchemaField.from_api_repr(column) for column in declared.columns or []],
    )
    table.description = declared.metadata.description
    if declared.metadata.partitioning:
        table.time_partitioning = bigquery.TimePartitioning(
            type_=declared.metadata.partitioning.type, field=declared.metadata.partitioning.field
        )
    if declared.metadata.clustering:
        table.clustering_fields = declared.metadata.clustering
    try:
        client.create_table(table, retry=None, timeout=TIMEOUT)
    except Conflict:
        kept = client.get_table(table.reference, retry=None, timeout=TIMEOUT)
        if _shape(kept.schema) != _shape(table.schema):
            raise SchemaError(
                f"Table {declared.id} in the data folder has other columns than bigquery_schemas/ declares: "
                "start with another folder, or delete that one."
            ) from None


def _shape(fields: Iterable[bigquery.SchemaField]) -> list[object]:
    """Names, types and modes, without descriptions, which the emulator does not keep below the first level."""
    synonyms = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT"}
    return [
        (field.name, synonyms.get(field.field_type, field.field_type), field.mode, _shape(field.fields))
        for field in fields
    ]


def _create_others(client: bigquery.Client, others: list[Declared]) -> None:
    """Create each view and function once those it names, in `depends_on` or in its query, exist."""
    waiting = {one.id: one for one in others}
    while waiting:
        faults: dict[str, str] = {}
        before = len(waiting)
        for one in list(waiting.values()):
            unmet = [name for name in waiting if name != one.id and name in one.names]
            fault = f"waits for {', '.join(unmet)}" if unmet else _create(client, one)
            if fault is None:
                del waiting[one.id]
            else:
                faults[one.id] = fault
        if len(waiting) == before:
            kinds = {name: "function" if one.routine else "view" for name, one in waiting.items()}
            raise SchemaError("\n".join(f"{kinds[name]} {name}: {fault}" for name, fault in faults.items()))


def _create(client: bigquery.Client, declared: Declared) -> str | None:
    """Create or replace a view or a function; the fault if it cannot be.

    By DDL and not by the API: the emulator checks the query then, and a view knows its columns.
    """
    from google.api_core.exceptions import ClientError, InternalServerError

    try:
        client.query_and_wait(declared.statement, retry=None, job_retry=None, api_timeout=TIMEOUT)
    except (ClientError, InternalServerError) as error:  # of a function's query, the emulator says no more than 500
        return str(error.message)
    return None
