"""What statistics ask of BigQuery."""

from __future__ import annotations

from typing import Any, Protocol


class Tables(Protocol):
    """Queries and tables. Parameters never become part of the SQL text.

    Faults of the platform raise Retry, ours Broken.
    """

    @property
    def bytes_billed(self) -> int:
        """What BigQuery has billed for the queries of this object so far."""
        ...

    def query(self, sql: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]: ...

    def create(self, table: str, sql: str, parameters: dict[str, Any] | None = None) -> None:
        """Make a passing table (dataset.table) of the result of a query."""
        ...

    def replace(self, table: str, source: str) -> None:
        """Replace the rows of a table with those of another of the same columns, at once."""
        ...

    def delete(self, table: str) -> None: ...

    def insert(self, table: str, rows: list[dict[str, Any]], *, once: str = "") -> None:
        """Add rows to a table (dataset.table), all or none; with `once`, the same call again adds nothing."""
        ...
