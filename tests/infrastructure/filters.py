"""Cloud Logging's filters, as much as ours say, over lines of a log."""

from __future__ import annotations

import re
from typing import Any

import pyparsing as pp

_NAME = pp.Regex(r"[A-Za-z_][A-Za-z0-9_.]*")
_TEXT = pp.QuotedString('"', esc_char="\\")
_VALUE = _TEXT | pp.Regex(r"true|false|[A-Z]+|[0-9.]+")
_TERM = pp.Group(_NAME("name") + pp.one_of("=~ = !=")("is") + _VALUE("value"))
_FILTER = pp.infix_notation(
    _TERM, [("NOT", 1, pp.OpAssoc.RIGHT), ("AND", 2, pp.OpAssoc.LEFT), ("OR", 2, pp.OpAssoc.LEFT)]
)


def matches(text: str, line: dict[str, Any]) -> bool:
    """Whether a line, as a function writes it, is of a filter: `message` and the like are its `jsonPayload`."""
    entry = {
        "severity": line.get("severity", "DEFAULT"),
        "jsonPayload": {k: v for k, v in line.items() if k != "severity"},
    }
    entry |= {key: line[key] for key in ("protoPayload",) if key in line}
    return _holds(_FILTER.parse_string(text, parse_all=True)[0], entry)


def _holds(node: Any, entry: dict[str, Any]) -> bool:
    if "name" in node:
        found: Any = entry
        for part in node["name"].split("."):
            found = found.get(part) if isinstance(found, dict) else None
        told = {True: "true", False: "false"}.get(found, found) if isinstance(found, bool) else found
        if node["is"] == "=~":
            return told is not None and re.search(node["value"], str(told)) is not None
        return (told is not None and str(told) == node["value"]) == (node["is"] == "=")
    if node[0] == "NOT":
        return not _holds(node[1], entry)
    parts, word = node[0::2], node[1]
    return all(_holds(one, entry) for one in parts) if word == "AND" else any(_holds(one, entry) for one in parts)


def extracted(extractor: str, line: dict[str, Any]) -> Any:
    """What EXTRACT(jsonPayload.x) gives of a line."""
    match = re.fullmatch(r"EXTRACT\(jsonPayload\.(\w+)\)", extractor)
    assert match, extractor
    return line.get(match[1])
