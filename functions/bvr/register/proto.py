"""Rows as protobuf for the BigQuery Storage Write API, checked against the table's schema first.

The write API takes what BigQuery would refuse later, and the local engine takes anything: so REQUIRED, unknown fields
and types are enforced here, before a row leaves. Raises RowError naming the column; never its value.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_F = descriptor_pb2.FieldDescriptorProto
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = 1_000_000


class RowError(ValueError):
    """A row does not fit its table. The message names the column and what it should be."""

    def __init__(self, column: str, why: str) -> None:
        super().__init__(f"{column}: {why}")
        self.column = column


def _days(value: date) -> int:
    return value.toordinal() - _EPOCH_DAY


def _micros(value: datetime) -> int:
    since = value - _EPOCH
    return (since.days * 86_400 + since.seconds) * _MICROSECOND + since.microseconds


def _same(value: Any) -> Any:
    return value


# BigQuery type -> protobuf type, the exact Python type, and the conversion the write API asks for.
_TYPES: dict[str, tuple[Any, type, Callable[[Any], Any]]] = {
    "STRING": (_F.TYPE_STRING, str, _same),
    "BYTES": (_F.TYPE_BYTES, bytes, _same),
    "INTEGER": (_F.TYPE_INT64, int, _same),
    "BOOLEAN": (_F.TYPE_BOOL, bool, _same),
    "DATE": (_F.TYPE_INT32, date, _days),
    "TIMESTAMP": (_F.TYPE_INT64, datetime, _micros),
    "FLOAT": (_F.TYPE_DOUBLE, float, _same),
}


class RowWriter:
    """Serialises rows of one table. `columns` is the table's JSON schema."""

    def __init__(self, columns: list[dict[str, Any]]) -> None:
        self._columns = columns
        self.descriptor = _message("Rad", columns)
        file = descriptor_pb2.FileDescriptorProto(name="rad.proto", package="bvr", syntax="proto2")
        file.message_type.append(self.descriptor)
        pool = descriptor_pool.DescriptorPool()
        pool.Add(file)
        self._class = message_factory.GetMessageClass(pool.FindMessageTypeByName("bvr.Rad"))
        self._fill = _filler(columns, "")

    @classmethod
    def of(cls, schema: Path) -> RowWriter:
        return cls(json.loads(schema.read_text(encoding="utf-8")))

    def serialize(self, row: dict[str, Any]) -> bytes:
        """The row as bytes for `ProtoRows`. Raises RowError."""
        message = self._class()
        self._fill(message, row)
        return bytes(message.SerializeToString())

    def parse(self, data: bytes) -> Any:
        """The message of serialised bytes: for tests."""
        return self._class.FromString(data)


def _message(name: str, columns: list[dict[str, Any]]) -> Any:
    message = descriptor_pb2.DescriptorProto(name=name)
    for number, column in enumerate(columns, 1):
        field = message.field.add(name=column["name"], number=number)
        mode = column.get("mode", "NULLABLE")
        field.label = {"REPEATED": _F.LABEL_REPEATED, "REQUIRED": _F.LABEL_REQUIRED}.get(mode, _F.LABEL_OPTIONAL)
        if column["type"] == "RECORD":
            nested = f"{column['name'].title().replace('_', '')}Type"
            message.nested_type.append(_message(nested, column["fields"]))
            field.type, field.type_name = _F.TYPE_MESSAGE, nested
        else:
            field.type = _TYPES[column["type"]][0]
    return message


def _filler(columns: list[dict[str, Any]], prefix: str) -> Callable[[Any, dict[str, Any]], None]:
    """A function that puts a dict into a protobuf message, made once for each record of the table."""
    setters = {c["name"]: _setter(c, prefix + c["name"]) for c in columns}
    required = frozenset(c["name"] for c in columns if c.get("mode") == "REQUIRED")

    def fill(message: Any, values: dict[str, Any]) -> None:
        if not required <= values.keys():
            raise RowError(prefix + min(required - values.keys()), "is required")
        for name, value in values.items():
            if value is not None:
                try:
                    put = setters[name]
                except KeyError:
                    raise RowError(prefix + str(name), "is not a column") from None
                put(message, value)
            elif name in required:
                raise RowError(prefix + name, "is required")

    return fill


def _setter(column: dict[str, Any], path: str) -> Callable[[Any, Any], None]:
    name, many = column["name"], column.get("mode") == "REPEATED"
    if column["type"] == "RECORD":
        return _record_setter(name, many, path, _filler(column["fields"], path + "."))
    _, kind, convert = _TYPES[column["type"]]

    def checked(value: Any) -> Any:
        if type(value) is not kind:
            raise RowError(path, f"should be {column['type']}, is a {type(value).__name__}")
        return convert(value)

    def put_one(message: Any, value: Any) -> None:
        setattr(message, name, checked(value))

    def put_many(message: Any, values: Any) -> None:
        if not isinstance(values, list | tuple):
            raise RowError(path, "is repeated and should be a list")
        getattr(message, name).extend([checked(v) for v in values])

    return put_many if many else put_one


def _record_setter(name: str, many: bool, path: str, fill: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    def put_one(message: Any, value: Any) -> None:
        if not isinstance(value, dict):
            raise RowError(path, "should be a record")
        nested = getattr(message, name)
        nested.SetInParent()
        fill(nested, value)

    def put_many(message: Any, values: Any) -> None:
        if not isinstance(values, list | tuple):
            raise RowError(path, "is repeated and should be a list")
        add = getattr(message, name).add
        for value in values:
            if not isinstance(value, dict):
                raise RowError(path, "should be a record")
            fill(add(), value)

    return put_many if many else put_one
