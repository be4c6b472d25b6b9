"""What statistics ask of BigQuery."""

from __future__ import annotations

from typing import Any, Protocol


class Tables(Protocol):
    """Queries and tables. Parameters never become part of the SQL text."""

    def query(self, sql: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]: ...

    def write(self, table: str, sql: str, parameters: dict[str, Any] | None = None) -> int:
        """Replace a table (dataset.table) with the result of a query, at once; the number of rows."""
        ...

    def delete(self, table: str) -> None: ...
