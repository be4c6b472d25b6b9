"""Google's own SQL analyzer and reference engine (GoogleSQL, as WebAssembly), over the tables this repository declares.

The analyzer is the truth about names and types that the emulator is not: it refuses `1 = '1'` and misspelt columns. The
reference engine computes results on small tables, independently of the emulator. It is not BigQuery itself: OPTIONS,
quotas, permissions, partitioning, MERGE and scripts are outside it.

Compiling the module takes 25 s; the result is kept in `.bvr/googlesql/`, for this machine and this version.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, timedelta
from decimal import Decimal
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from bvr.statistics.run import checks

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "bigquery_schemas"
CACHE = ROOT / ".bvr" / "googlesql"

Columns = list[dict[str, Any]]
"""Columns as in a schema.json."""

# Features of the open-source analyzer that BigQuery does not have: with them, SQL that BigQuery refuses would pass.
NOT_IN_BIGQUERY = frozenset(
    f"FEATURE_{name}"
    for name in (
        *("LATERAL_COLUMN_REFERENCES", "LATERAL_JOIN", "MAP_TYPE", "UUID_TYPE", "ROW_TYPE", "AGGREGATE_FILTERING"),
        *("FOR_UPDATE", "DML_RETURNING", "INSERT_ON_CONFLICT_CLAUSE", "WITH_GROUP_ROWS", "REPLACE_FIELDS"),
        *("STRUCT_POSITIONAL_ACCESSOR", "BARE_ARRAY_ACCESS", "MULTILEVEL_AGGREGATION"),
    )
)
# Schema type -> (type of the analyzer, field of a value).
TYPES = {
    "STRING": ("TYPE_STRING", "string_value"),
    "BYTES": ("TYPE_BYTES", "bytes_value"),
    "INTEGER": ("TYPE_INT64", "int64_value"),
    "INT64": ("TYPE_INT64", "int64_value"),
    "FLOAT": ("TYPE_DOUBLE", "double_value"),
    "FLOAT64": ("TYPE_DOUBLE", "double_value"),
    "NUMERIC": ("TYPE_NUMERIC", "numeric_value"),
    "BOOLEAN": ("TYPE_BOOL", "bool_value"),
    "BOOL": ("TYPE_BOOL", "bool_value"),
    "DATE": ("TYPE_DATE", "date_value"),
    "TIMESTAMP": ("TYPE_TIMESTAMP", "timestamp_value"),
    "JSON": ("TYPE_JSON", "json_value"),
}
_EPOCH = date(1970, 1, 1)
_ROUTINE = re.compile(r"^CREATE OR REPLACE TABLE FUNCTION (\S+?)\(([^)]*)\) AS \((.*)\)\s*$", re.MULTILINE | re.DOTALL)


class SqlError(Exception):
    """What Google's analyzer or engine has against a statement."""


def read(folder: Path = SCHEMAS) -> tuple[dict[str, Columns], dict[str, str]]:
    """The declared tables and the texts of the declared views and table functions, by `dataset.name`."""
    tables, views = {}, {}
    for path in sorted(folder.glob("*/*/schema.json")):
        tables[f"{path.parts[-3]}.{path.parts[-2]}"] = json.loads(path.read_text(encoding="utf-8"))
    for path in sorted([*folder.glob("*/*/view.sql"), *folder.glob("*/*/routine.sql")]):
        views[f"{path.parts[-3]}.{path.parts[-2]}"] = path.read_text(encoding="utf-8")
    return tables, views


def statements(path: Path) -> list[str]:
    """The statements of a file: a checks.sql has several."""
    text = path.read_text(encoding="utf-8")
    return [check.sql for check in checks(text)] if path.name == "checks.sql" else [text]


@cache
def _modules() -> tuple[Any, Any, Any]:
    """(service, messages of the service, module with all enumerations), with the compiled WebAssembly kept on disk."""
    import wasmtime

    compile_module = wasmtime.Module.from_file

    def from_file(engine: Any, path: str) -> Any:
        digest = hashlib.sha256(Path(path).read_bytes() + metadata.version("wasmtime").encode()).hexdigest()
        kept = CACHE / f"{digest[:24]}.cwasm"
        if kept.exists():
            try:
                return wasmtime.Module.deserialize_file(engine, str(kept))
            except wasmtime.WasmtimeError:
                pass  # made on another kind of machine
        module = compile_module(engine, path)
        CACHE.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(f".{os.getpid()}")
        part.write_bytes(module.serialize())
        part.replace(kept)
        return module

    wasmtime.Module.from_file = from_file
    import zetasql.types as types
    from zetasql.core import wasm_client
    from zetasql.core.local_service import ZetaSqlLocalService
    from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2

    # The package copies byte by byte, in Python; these copy the block.
    def write_bytes(self: Any, ptr: int, data: bytes) -> None:
        ctypes.memmove(ctypes.cast(self.memory.data_ptr(), ctypes.c_void_p).value + ptr, data, len(data))

    def read_bytes(self: Any, ptr: int, size: int) -> bytes:
        return ctypes.string_at(ctypes.cast(self.memory.data_ptr(), ctypes.c_void_p).value + ptr, size)

    wasm_client.WasmClient.write_bytes = write_bytes
    wasm_client.WasmClient.read_bytes = read_bytes
    return ZetaSqlLocalService.get_instance(), local_service_pb2, types


class GoogleSql:
    """A catalog of tables, views and table functions. Names are written `dataset.table`."""

    def __init__(self, tables: Mapping[str, Columns], views: Mapping[str, str]) -> None:
        """Views are queries, or CREATE statements of table functions. Raises SqlError when one does not analyze."""
        self._service, self._pb, self._types = _modules()
        language = self._types.LanguageOptions.maximum_features()
        language.product_mode = self._types.ProductMode.PRODUCT_EXTERNAL
        missing = {getattr(self._types.LanguageFeature, name, None) for name in NOT_IN_BIGQUERY}
        language.enabled_language_features = [f for f in language.enabled_language_features if f not in missing]
        language.reserved_keywords = ["QUALIFY"]
        self._language = language
        builtin = self._types.ZetaSQLBuiltinFunctionOptions(language_options=language)
        self._catalog = self._types.SimpleCatalog(name="root", builtin_function_options=builtin).to_proto()
        self._columns = dict(tables)
        for name, columns in tables.items():
            self._add(name, [(one["name"], self._of_schema(one).to_proto()) for one in columns])
        self._views = dict(views)
        waiting = dict(views)
        while waiting:
            ready = {name: sql for name, sql in waiting.items() if not (_names(sql) - {name}) & waiting.keys()}
            if not ready:
                raise SqlError(f"views in a circle: {', '.join(waiting)}")
            for name, sql in ready.items():
                if _ROUTINE.search(sql):
                    self._add_function(name, sql)
                else:
                    self._add(name, self._analyze(sql, {}))
                del waiting[name]

    def columns(self, sql: str, **parameters: str) -> list[tuple[str, str]]:
        """(name, type) of each column of a query; run_time="TIMESTAMP" declares a parameter. Raises SqlError."""
        return [(name, self._text(kind)) for name, kind in self._analyze(sql, parameters)]

    def check(self, sql: str, **parameters: str) -> None:
        """Analyze any statement, for its errors only."""
        self._analyze(sql, parameters)

    def rows(
        self, sql: str, tables: Mapping[str, Iterable[Mapping[str, Any]]], **parameters: tuple[str, Any]
    ) -> list[dict[str, Any]]:
        """The rows of a query by the reference engine, over the given rows of tables. Raises SqlError.

        Parameters are given as (type, value). Rows have the form of the JSON that BigQuery loads, with Python's dates,
        times and bytes.
        """
        request = self._pb.PrepareQueryRequest(sql=self._inlined(sql))
        request.options.CopyFrom(self._options({name: kind for name, (kind, _) in parameters.items()}))
        request.simple_catalog.CopyFrom(self._catalog)
        for name, given in tables.items():
            data = request.table_content[name].table_data
            data.SetInParent()  # a table without rows has content, too
            for one in given:
                cells = data.row.add().cell
                for column in self._columns[name]:
                    _write(cells.add(), column, one.get(column["name"]))
        prepared = self._call("PrepareQuery", request, self._pb.PrepareQueryResponse).prepared
        try:
            evaluate = self._pb.EvaluateQueryRequest(prepared_query_id=prepared.prepared_query_id)
            for name, (kind, value) in parameters.items():
                parameter = evaluate.params.add()
                parameter.name = name
                _write(parameter.value, {"type": kind}, value)
            found = self._call("EvaluateQuery", evaluate, self._pb.EvaluateQueryResponse).content.table_data.row
            return [
                {column.name: _read(cell) for column, cell in zip(prepared.columns, row.cell, strict=True)}
                for row in found
            ]
        finally:
            self._service.unprepare_query(prepared_query_id=prepared.prepared_query_id)

    # --- names ---------------------------------------------------------------------------------------------------

    def _inlined(self, sql: str) -> str:
        """The query with views written out, and tables by their quoted names: content can be given at the root only."""
        for name in _names(sql) & self._views.keys():
            if routine := _ROUTINE.search(self._views[name]):
                sql = _called(sql, name, lambda given, found=routine: f"(\n{self._inlined(_body(found, given))}\n)")
            else:
                sql = _replace(sql, name, lambda name=name: f"(\n{self._inlined(self._views[name])}\n)")
        for name in self._columns:
            sql = _replace(sql, name, lambda name=name: f"`{name}`")
        return sql

    # --- types ---------------------------------------------------------------------------------------------------

    def _of_schema(self, column: Mapping[str, Any]) -> Any:
        t = self._types
        if column["type"] in ("RECORD", "STRUCT"):
            members = [
                t.StructField(field_name=one["name"], field_type=self._of_schema(one)) for one in column["fields"]
            ]
            kind = t.Type(type_kind=t.TypeKind.TYPE_STRUCT, struct_type=t.StructType(field=members))
        else:
            kind = t.Type(type_kind=getattr(t.TypeKind, TYPES[column["type"]][0]))
        if column.get("mode") == "REPEATED":
            return t.Type(type_kind=t.TypeKind.TYPE_ARRAY, array_type=t.ArrayType(element_type=kind))
        return kind

    def _text(self, kind: Any) -> str:
        name = self._types.TypeKind(kind.type_kind).name.removeprefix("TYPE_")
        if name == "ARRAY":
            return f"ARRAY<{self._text(kind.array_type.element_type)}>"
        return {"DOUBLE": "FLOAT64", "INT64": "INTEGER", "BOOL": "BOOLEAN"}.get(name, name)

    def _add(self, full: str, columns: Iterable[tuple[str, Any]]) -> None:
        """Put a table into the catalog, as `dataset.table` and by its whole name at the root."""
        dataset, _, name = full.partition(".")
        found = [one for one in self._catalog.catalog if one.name == dataset]
        place = found[0] if found else self._catalog.catalog.add(name=dataset)
        table = place.table.add(name=name, full_name=full)
        for column, kind in columns:
            table.column.add(name=column).type.CopyFrom(kind)
        at_root = self._catalog.table.add()
        at_root.CopyFrom(table)
        at_root.name = full

    def _add_function(self, full: str, sql: str) -> None:
        """Put a table function into the catalog: its columns by analysis, its parameters as they are written."""
        t = self._types
        routine = _ROUTINE.search(sql)
        assert routine is not None
        assert routine[1] == full, f"{routine[1]} stands in the folder of {full}"
        arguments = [
            t.FunctionArgumentType(
                kind=t.SignatureArgumentKind.ARG_TYPE_FIXED,
                type=self._of_schema({"type": kind}),
                num_occurrences=1,
                options=t.FunctionArgumentTypeOptions(argument_name=name),
            )
            for name, kind in _parameters(routine)
        ]
        relation = t.TVFRelation(is_value_table=False)
        result = t.FunctionArgumentType(
            kind=t.SignatureArgumentKind.ARG_TYPE_RELATION,
            num_occurrences=1,
            options=t.FunctionArgumentTypeOptions(relation_input_schema=relation),
        )
        dataset, _, name = full.partition(".")
        place = next(one for one in self._catalog.catalog if one.name == dataset)
        function = t.TableValuedFunction(
            name_path=[name],
            signature=t.FunctionSignature(argument=arguments, return_type=result, context_id=0),
            type=t.FunctionEnums.TableValuedFunctionType.FIXED_OUTPUT_SCHEMA_TVF,
        ).to_proto()
        columns = function.signature.return_type.options.relation_input_schema.column
        for column, kind in self._analyze(sql, {}):
            columns.add(name=column).type.CopyFrom(kind)
        place.custom_tvf.add().CopyFrom(function)

    def _options(self, parameters: Mapping[str, str]) -> Any:
        t = self._types
        options = t.AnalyzerOptions(
            language_options=self._language,
            default_timezone="UTC",
            error_message_mode=t.ErrorMessageMode.ERROR_MESSAGE_ONE_LINE,
            parameter_mode=t.ParameterMode.PARAMETER_NAMED,
        )
        options.query_parameters = [
            t.AnalyzerOptions.QueryParameter(name=name, type=self._of_schema(_parameter(kind)))
            for name, kind in parameters.items()
        ]
        return options.to_proto()

    # --- the service ---------------------------------------------------------------------------------------------

    def _analyze(self, sql: str, parameters: Mapping[str, str]) -> list[tuple[str, Any]]:
        """(name, type message) of each column of a query or table function; nothing for other statements."""
        request = self._pb.AnalyzeRequest(sql_statement=sql)
        request.options.CopyFrom(self._options(parameters))
        request.simple_catalog.CopyFrom(self._catalog)
        statement = self._call("Analyze", request, self._pb.AnalyzeResponse).resolved_statement
        function = statement.resolved_create_statement_node.resolved_create_table_function_stmt_node
        found = function if function.output_column_list else statement.resolved_query_stmt_node
        return [(one.name, one.column.type) for one in found.output_column_list]

    def _call(self, method: str, request: Any, answer: Any) -> Any:
        from zetasql.core.exceptions import ServerError

        try:
            return self._service.wasm_client.call_grpc_func(f"ZetaSqlLocalService_{method}", request, answer)
        except ServerError as error:
            text = re.sub(r"^Code: \d+, Message: ", "", getattr(error, "raw_error", None) or str(error))
            raise SqlError(" ".join(text.split())) from None


def _parameter(kind: str) -> dict[str, str]:
    """A type of a parameter, STRING or ARRAY<STRING>, as a column has it."""
    return {"type": kind[6:-1], "mode": "REPEATED"} if kind.startswith("ARRAY<") else {"type": kind}


def _names(sql: str) -> set[str]:
    """Everything in a statement that could be `dataset.table`, comments left out."""
    return set(re.findall(r"\b[a-z_]+\.\w+\b", re.sub(r"--[^\n]*", "", sql)))


def _replace(sql: str, name: str, by: Any) -> str:
    return re.sub(rf"(?<![\w.`]){re.escape(name)}(?![\w`])", lambda _: by(), sql)


def _parameters(routine: re.Match[str]) -> list[tuple[str, str]]:
    """(name, type) of each parameter of a table function."""
    return [(name, kind) for name, kind in (one.split() for one in routine[2].split(",") if one.strip())]


def _body(routine: re.Match[str], given: str) -> str:
    """The query of a table function of one parameter, with what was given in its place."""
    ((name, kind),) = _parameters(routine)
    return re.sub(rf"\b{name}\b", lambda _: f"CAST({given} AS {kind})", routine[3])


def _called(sql: str, name: str, by: Any) -> str:
    """The statement with each call of a table function replaced by what `by` makes of the text in its parentheses."""
    out = ""
    while found := re.search(rf"(?<![\w.`]){re.escape(name)}\(", sql):
        depth, end = 1, found.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(sql[end], 0)
            end += 1
        out += sql[: found.start()] + by(sql[found.end() : end - 1])
        sql = sql[end:]
    return out + sql


def _write(to: Any, column: Mapping[str, Any], value: Any) -> None:
    """Set a value message; NULL is a message with nothing set."""
    if column.get("mode") == "REPEATED":
        to.array_value.SetInParent()
        for one in value or ():
            _write(to.array_value.element.add(), {**column, "mode": ""}, one)
    elif value is None:
        return
    elif column["type"] in ("RECORD", "STRUCT"):
        for member in column["fields"]:
            _write(to.struct_value.field.add(), member, value.get(member["name"]))
    elif column["type"] == "DATE":
        to.date_value = (value - _EPOCH).days
    elif column["type"] == "TIMESTAMP":
        to.timestamp_value.FromDatetime(value.astimezone(UTC).replace(tzinfo=None))
    elif column["type"] == "NUMERIC":
        to.numeric_value = int(value.scaleb(9)).to_bytes(16, "little", signed=True)
    else:
        setattr(to, TYPES[column["type"]][1], value)


def _read(cell: Any) -> Any:
    which = cell.WhichOneof("value")
    if which is None:
        return None
    if which == "date_value":
        return _EPOCH + timedelta(days=cell.date_value)
    if which == "timestamp_value":
        return cell.timestamp_value.ToDatetime(tzinfo=UTC)
    if which == "array_value":
        return [_read(one) for one in cell.array_value.element]
    if which == "numeric_value":
        return Decimal(int.from_bytes(cell.numeric_value, "little", signed=True)).scaleb(-9)
    return getattr(cell, which)


@cache
def declared() -> GoogleSql:
    """Everything the repository declares."""
    return GoogleSql(*read())


__all__ = ["SCHEMAS", "GoogleSql", "SqlError", "declared", "read", "statements"]
