"""What is found in a submission, and how bad it is. Imports nothing of ours."""

from __future__ import annotations

from datetime import date
from enum import IntEnum
from typing import Any

import msgspec

Parameter = date | str | int


class Severity(IntEnum):
    """The scale of the production protocol."""

    OK = 0
    INFO = 1
    WARNING = 2
    ERROR = 3
    FATAL = 4


class Finding(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One fault or remark, told so that the sender can act on it.

    Never holds a person number, a name, a birth date or free text: not in a parameter, not in a message, not in the
    path. `element_id` is the element's key in the sender's system; `path` counts elements of the same name from 1;
    `line` and `column` are known for faults of the XML itself.
    """

    rule: str
    rule_version: int
    official: str
    severity: Severity
    original_severity: Severity | None = None  # before it was lowered because the data are migrated
    element: str
    element_id: str | None = None
    path: str = ""
    line: int | None = None
    column: int | None = None
    message_nb: str
    message_en: str
    remedy_nb: str = ""
    remedy_en: str = ""
    parameters: dict[str, Any] = {}  # Parameter; a date is its ISO text once it has been stored

    @property
    def order(self) -> tuple[int, str, str, str, int]:
        """Worst first, then by rule and element: the same input gives the same bytes."""
        return (-self.severity, self.rule, self.element_id or "", self.path, self.line or 0)


class NotChecked(msgspec.Struct, frozen=True):
    """A rule that could not run, and why."""

    rule: str
    reason_nb: str
    reason_en: str


def as_text(value: Parameter) -> str:
    """A parameter as people read it: dates as dd.mm.yyyy."""
    return f"{value.day:02}.{value.month:02}.{value.year:04}" if isinstance(value, date) else str(value)
