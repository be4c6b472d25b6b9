"""Structured logs as Cloud Logging reads them: one JSON object a line. Ids of messages, never of a person."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import msgspec

Value = str | int | float | bool | None


def log(event: str, *, severity: str = "INFO", traceparent: str | None = None, **values: Value) -> None:
    """Write one line. `event` names what happened in a few fixed words; values are ids, counts and codes."""
    line: dict[str, Value] = {"severity": severity, "message": event, "time": datetime.now(UTC).isoformat(), **values}
    if traceparent and traceparent.count("-") == 3:
        line["logging.googleapis.com/trace"] = traceparent.split("-")[1]
    sys.stdout.write(msgspec.json.encode({k: v for k, v in line.items() if v is not None}).decode() + "\n")
    sys.stdout.flush()
