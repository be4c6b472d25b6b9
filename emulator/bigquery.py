"""BigQuery for the local cloud: bqemulator (on DuckDB) with the few patches it needs.

`python -m emulator.bigquery --rest-port N --grpc-port M [--data-dir DIR]` runs it. Each patch is one function whose
docstring names the upstream fault; `tests/emulated/local_cloud/test_bigquery_patches.py` shows each fault with the
patch left out. The versions of bqemulator and DuckDB are pinned in pyproject.toml, and the launcher refuses others:
a patch that silently no longer fits would be worse than none.

What the emulator still cannot do, or does differently from BigQuery, is listed in docs/local-cloud.md. It is a test
endpoint, not the truth: SQL is also checked by Google's analyzer, and figures by an independent computation.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import ContextVar
from datetime import date, datetime
from functools import lru_cache, wraps
from importlib.metadata import version
from pathlib import Path
from types import FunctionType
from typing import Any

from emulator.processes import HOST

PATCHED_VERSIONS = {"bqemulator": "1.4.0", "duckdb": "1.5.5"}
MEMORY = "5.5GiB"
# Open AppendRows streams hold a thread each; this many instances of functions may keep one.
WRITE_STREAMS = 256
# Translated statements that are kept, some kilobytes each.
STATEMENTS = 512


def without_spatial_extension() -> None:
    """Upstream insists on DuckDB's `spatial` extension, which it downloads: without that site it does not start.

    Only GEOGRAPHY needs it, and we have none.
    """
    from bqemulator.storage.engine import DuckDBEngine

    DuckDBEngine._load_spatial = lambda self: None


def nested_fields_in_storage_write() -> None:
    """Upstream drops the fields of a RECORD when it builds the Arrow schema for the Storage Write API.

    Every append to a table with a RECORD fails (`STRUCT with no fields`), after the stream's offset has advanced;
    a pending stream is even reported as committed though nothing was stored.
    """
    from bqemulator.api.routes.tabledata import _build_arrow_schema, _fields_raw_from_schema
    from bqemulator.grpc_api import write_servicer

    def table_arrow_schema(table: Any) -> Any:
        return _build_arrow_schema(_fields_raw_from_schema(table.schema_.fields))

    write_servicer._table_arrow_schema = table_arrow_schema


def columns_the_table_lacks_are_refused() -> None:
    """Upstream stores what fits of a row whose message has fields that the table has not, and says that it is stored.

    BigQuery refuses the append (SCHEMA_MISMATCH_EXTRA_FIELDS): code deployed before its columns must fail, not lose.
    """
    from bqemulator.grpc_api import write_servicer

    upstream = write_servicer._rows_for_request

    def rows_for_request(request: Any, decoder: Any, arrow_schema: Any, target: Any) -> Any:
        if "proto_rows" in request and (schema := request.proto_rows.writer_schema):
            lacking = [*_fields_beyond(schema.proto_descriptor, target)]
            if lacking:
                raise ValueError(f"SCHEMA_MISMATCH_EXTRA_FIELDS: {', '.join(lacking)}")
        return upstream(request, decoder, arrow_schema, target)

    write_servicer._rows_for_request = rows_for_request


def _fields_beyond(message: Any, columns: Iterable[Any]) -> Iterator[str]:
    """The fields of a message (descriptor) that have no column (Arrow), by their path."""
    known = {column.name.lower(): column.type for column in columns}
    nested = {one.name: one for one in message.nested_type}
    for field in message.field:
        kind = known.get(field.name.lower())
        if kind is None:
            yield field.name
            continue
        kind = getattr(kind, "value_type", kind)  # of a list
        inner = nested.get(field.type_name.rpartition(".")[2])
        if inner is not None and getattr(kind, "num_fields", 0):
            yield from (f"{field.name}.{name}" for name in _fields_beyond(inner, kind))


def any_media_type_in_uploads() -> None:
    """Upstream refuses the `*/*` that Google's own Python client sends as media type of a multipart upload.

    `load_table_from_json` and small `load_table_from_file` calls fail without this.
    """
    from bqemulator.api.routes import upload

    permitted = upload._is_permitted_media_type
    upload._is_permitted_media_type = lambda media_type: media_type.startswith("*/*") or permitted(media_type)


def no_copy_of_the_table_per_write() -> None:
    """Upstream copies the whole table on every write, for time travel: writes slow down as the table grows.

    With this patch `FOR SYSTEM_TIME AS OF` is refused (left alone it would answer with the table as it is now);
    named snapshots (`CREATE SNAPSHOT TABLE`) still work.
    """
    from bqemulator.domain.errors import UnsupportedFeatureError
    from bqemulator.versioning.snapshots import SnapshotManager

    capture = SnapshotManager.capture

    def capture_named_only(self: Any, *table: str, kind: str = "AUTO") -> Any:
        return capture(self, *table, kind=kind) if kind != "AUTO" else None

    def refuse(self: Any, *_: Any) -> Any:
        raise UnsupportedFeatureError("The local cloud keeps no earlier states of a table: no FOR SYSTEM_TIME AS OF")

    SnapshotManager.capture = capture_named_only
    SnapshotManager.resolve_time_travel = refuse


class _Serialized:
    """A DuckDB connection of which one thread at a time runs, registers or unregisters anything."""

    def __init__(self, connection: Any, lock: threading.RLock) -> None:
        self._connection = connection
        self._lock = lock

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._connection, name)
        if name not in {"execute", "register", "unregister"}:
            return attribute

        def alone(*arguments: Any) -> Any:
            with self._lock:
                return attribute(*arguments)

        return alone


class _Detached:
    """The result of one statement, no longer tied to the connection that ran it."""

    def __init__(self, table: Any, description: Any) -> None:
        self._table = table
        self._rows: Iterator[tuple[Any, ...]] = zip(*(column.to_pylist() for column in table.columns), strict=True)
        self.description = description

    def fetchone(self) -> tuple[Any, ...] | None:
        return next(self._rows, None)

    def fetchall(self) -> list[tuple[Any, ...]]:
        return list(self._rows)

    def to_arrow_table(self) -> Any:
        return self._table


def one_statement_at_a_time() -> None:
    """Upstream runs statements of several threads on one DuckDB connection, whose result is the last statement's.

    The event loop runs queries while worker threads run Storage Write appends, `tabledata.list` and reads: between
    a query's execution and the fetching of its rows another thread's statement can put its own result in place, and
    the client gets rows of somebody else's query, a row count, or an error. Worse, an append that registers its rows
    while a query runs can stop the server for good: each holds a lock (Python's, DuckDB's) that the other waits for.
    Here each statement is run and fetched under one lock, and so is each registration.
    """
    from bqemulator.storage.engine import DuckDBEngine, _annotate_with_duckdb_types

    lock = threading.RLock()

    def execute(self: Any, sql: str, parameters: list[Any] | None = None) -> Any:
        with lock:
            result = self.connection.execute(*((sql,) if parameters is None else (sql, parameters)))
            description = result.description
            return _Detached(result.to_arrow_table(), description)

    def fetch_arrow(self: Any, sql: str, parameters: list[Any] | None = None) -> Any:
        result = self.execute(sql, parameters)
        return _annotate_with_duckdb_types(result.to_arrow_table(), result.description)

    connection = DuckDBEngine.connection.fget

    DuckDBEngine.connection = property(lambda self: _Serialized(connection(self), lock))
    DuckDBEngine.execute = execute
    DuckDBEngine.fetch_arrow = fetch_arrow


def threads_for_open_streams() -> None:
    """Upstream runs each open AppendRows stream on a thread of the default pool: cpu count + 4 in all.

    When that many clients keep a stream open, as the Storage Write client does, every further call hangs.
    """
    import grpc.aio
    from bqemulator.grpc_api import server as server_module

    make = grpc.aio.server

    class Aio:
        server = staticmethod(
            lambda **options: make(migration_thread_pool=ThreadPoolExecutor(WRITE_STREAMS, "storage"), **options)
        )

    class Grpc:
        aio = Aio

    server_module.grpc = Grpc


def memory_has_a_limit() -> None:
    """Upstream lets DuckDB take four fifths of the machine before it spills, and a national register takes them.

    The other processes of the local cloud, and whoever works at the machine, are left the rest.
    """
    from bqemulator.storage.engine import DuckDBEngine

    apply_pragmas = DuckDBEngine._apply_session_pragmas

    def apply_with_limit(self: Any) -> None:
        apply_pragmas(self)
        self._connection.execute(f"SET memory_limit = '{MEMORY}'")

    DuckDBEngine._apply_session_pragmas = apply_with_limit


def failed_queries_fail() -> None:
    """Upstream answers a failing `jobs.query` with 200, no rows and an `errors` list; BigQuery answers 4xx.

    Google's Python client takes that for an empty result, so `query_and_wait` of a misspelt table returns no rows
    and no error. Here the fault goes to the handler that makes BigQuery's error body of it.
    """
    from bqemulator.api.routes import jobs

    # The route catches this tuple of exceptions. The asynchronous `jobs.insert`, which uses the same name, is right
    # to catch them (the job exists, and has failed), so only the one function gets other globals.
    query = FunctionType(jobs.query.__code__, {**vars(jobs), "_SQL_EXECUTION_DOMAIN_ERRORS": ()}, "query")
    query.__annotations__ = jobs.query.__annotations__
    _replace_endpoint(jobs.router, jobs.query, query)


def a_job_id_runs_once() -> None:
    """Upstream runs a second job with the id of an earlier one, and gives an uploaded load job an id of its own.

    BigQuery answers 409 and does nothing: a client-chosen job id is how a load or a query is made to happen once
    although the request is repeated.
    """
    from bqemulator.api.routes import jobs, upload
    from bqemulator.domain.errors import AlreadyExistsError

    def refuse_second(ctx: Any, project_id: str, job_id: str | None) -> None:
        if job_id and ctx.catalog.get_job(project_id, job_id) is not None:
            raise AlreadyExistsError(f"Already Exists: Job {project_id}:{job_id}")

    insert_job = jobs.insert_job

    @wraps(insert_job)
    async def insert_job_once(project_id: str, request: Any, ctx: Any, caller: Any) -> Any:
        refuse_second(ctx, project_id, ((await request.json()).get("jobReference") or {}).get("jobId"))
        return await insert_job(project_id, request, ctx, caller)

    _replace_endpoint(jobs.router, insert_job, insert_job_once)

    # An upload carries its job resource in another request or part than its bytes; the id travels in between with
    # the configuration, the only thing upstream keeps of that resource.
    carried = "bvr-job-id"
    chosen: ContextVar[str | None] = ContextVar("chosen", default=None)
    configuration_of, run_load, new_job_id = (
        upload._load_configuration_from_envelope,
        upload._run_load,
        upload._new_job_id,
    )

    def configuration_with_id(envelope: dict[str, Any]) -> dict[str, Any]:
        return {**configuration_of(envelope), carried: (envelope.get("jobReference") or {}).get("jobId")}

    async def run_load_once(*, configuration: dict[str, Any], **rest: Any) -> Any:
        job_id = configuration.pop(carried)
        refuse_second(rest["ctx"], rest["project_id"], job_id)
        chosen.set(job_id)
        return await run_load(configuration=configuration, **rest)

    upload._load_configuration_from_envelope = configuration_with_id
    upload._run_load = run_load_once
    upload._new_job_id = lambda: chosen.get() or new_job_id()


def callers_by_their_token() -> None:
    """Upstream knows a caller by a header of its own, which no client of Google's sends.

    In Google's cloud it is who the access token was given to. Those of the local cloud say so, and are not checked.
    """
    import jwt
    from bqemulator.row_access import identity

    upstream = identity._resolve_from_pairs

    def resolve(pairs: dict[str, str]) -> Any:
        scheme, _, token = pairs.get("authorization", "").partition(" ")
        if identity.CALLER_HEADER not in pairs and scheme.lower() == "bearer":
            with suppress(jwt.PyJWTError):
                email = str(jwt.decode(token, options={"verify_signature": False}).get("email", ""))
                kind = "serviceAccount" if email.endswith(".gserviceaccount.com") else "user"
                if "@" in email:
                    pairs = {**pairs, identity.CALLER_HEADER: f"{kind}:{email}"}
        return upstream(pairs)

    identity._resolve_from_pairs = resolve


def bytes_in_json_loads() -> None:
    """Upstream stores the base64 that a load of JSON has for a column of BYTES, not the bytes."""
    import pyarrow
    from bqemulator.jobs import executor

    upstream = executor._load_json

    def load_json(path: str, table: str, ctx: Any) -> None:
        columns = ctx.engine.fetch_arrow(f"SELECT * FROM {table} LIMIT 0").schema  # noqa: S608
        if not any(_holds_bytes(column.type) for column in columns):
            upstream(path, table, ctx)
            return
        with Path(path).open(encoding="utf-8") as lines:
            rows = [_as_arrow_row(json.loads(line), columns) for line in lines if line.strip()]
        executor._insert_via_arrow_view(
            arrow_table=pyarrow.Table.from_pylist(rows, schema=columns),
            view_name="_bvr_json_load",
            target_ref=table,
            ctx=ctx,
        )

    for kind, load in executor._LOAD_FORMAT_HANDLERS.items():
        if load is upstream:
            executor._LOAD_FORMAT_HANDLERS[kind] = load_json


def _holds_bytes(kind: Any) -> bool:
    import pyarrow.types as is_

    if is_.is_struct(kind):
        return any(_holds_bytes(field.type) for field in kind)
    return _holds_bytes(kind.value_type) if is_.is_list(kind) else is_.is_binary(kind)


def _as_arrow_row(row: dict[str, Any], columns: Iterable[Any]) -> dict[str, Any]:
    """A row of JSON with the values that Arrow wants. Raises ValueError for a field that is no column."""
    kinds = {column.name.lower(): column for column in columns}
    if unknown := {name for name in row if name.lower() not in kinds}:
        raise ValueError(f"No such field: {', '.join(sorted(unknown))}")
    return {kinds[name.lower()].name: _as_arrow(value, kinds[name.lower()].type) for name, value in row.items()}


def _as_arrow(value: Any, kind: Any) -> Any:
    import pyarrow.types as is_

    if value is None:
        return None
    if is_.is_list(kind):
        return [_as_arrow(one, kind.value_type) for one in value]
    if is_.is_struct(kind):
        return _as_arrow_row(value, kind)
    if is_.is_binary(kind):
        return base64.b64decode(value, validate=True)
    if is_.is_date(kind):
        return date.fromisoformat(value)
    return datetime.fromisoformat(value) if is_.is_timestamp(kind) else value


def bytes_in_parameters() -> None:
    """Upstream gives a parameter of BYTES as the base64 that it travels in: compared with bytes, nothing is equal."""
    from bqemulator.sql import parameters

    upstream = parameters._extract_value

    def extract_value(parameter: dict[str, Any]) -> Any:
        found = upstream(parameter)
        if parameter.get("parameterType", {}).get("type", "").upper() == "BYTES" and isinstance(found, str):
            return base64.b64decode(found)
        return found

    parameters._extract_value = extract_value


def parameters_only_in_code() -> None:
    """Upstream takes `@name` in a comment or a string for a parameter and gives DuckDB one value too many.

    A query whose comment mentions its own parameter fails.
    """
    from bqemulator.sql import parameters

    code = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|[@$](\w+)", re.DOTALL)  # of DuckDB

    def bind_named(sql: str, given: list[dict[str, Any]]) -> tuple[str, list[Any]]:
        by_name = {one["name"]: one for one in given}
        values: list[Any] = []

        def placeholder(match: re.Match[str]) -> str:
            one = by_name.get(match[1] or "")
            if one is None:
                return match[0]
            values.append(parameters._extract_value(one))
            return parameters._placeholder_for(values[-1], one)

        return code.sub(placeholder, sql), values

    parameters._bind_named = bind_named


def group_by_prefers_the_alias() -> None:
    """Upstream leaves to DuckDB what a name in GROUP BY means, and DuckDB takes a column before a SELECT alias.

    In BigQuery the alias overrides the column: `SELECT UPPER(x) AS x, COUNT(*) ... GROUP BY x` has one row for 'a'
    and 'A', and two here without this patch. A name that is an alias becomes its position, which means the same in
    both.
    """
    import sqlglot
    from bqemulator.sql.translator import SQLTranslator
    from sqlglot import exp

    apply_rules = SQLTranslator._apply_rules

    def positions(sql: str) -> str:
        if "GROUP BY" not in sql:
            return sql
        tree = sqlglot.parse_one(sql, read="duckdb")
        for select in tree.find_all(exp.Select):
            group = select.args.get("group")
            if group is None or select.is_star:
                continue
            position = {one.alias_or_name.lower(): index for index, one in enumerate(select.expressions, 1)}
            for column in list(group.find_all(exp.Column)):
                outer = column.parent
                while isinstance(outer, exp.Paren | exp.Tuple):
                    outer = outer.parent
                is_grouped = isinstance(outer, exp.Group | exp.GroupingSets | exp.Rollup | exp.Cube)
                if is_grouped and not column.table and column.name.lower() in position:
                    column.replace(exp.Literal.number(position[column.name.lower()]))
        return tree.sql(dialect="duckdb")

    def apply_rules_to_positions(self: Any, sql: str, **rest: Any) -> str:
        return apply_rules(self, positions(sql), **rest)

    SQLTranslator._apply_rules = apply_rules_to_positions


def lists_are_unnested_in_the_projection() -> None:
    """Upstream hands `FROM t, UNNEST(t.a) AS x` to DuckDB as a correlated join, which copies the whole of `t.a` a row.

    A question about the elements of cases takes seconds where it should take milliseconds, and a filter on `t` is not
    applied before. (The same goes for `ARRAY(SELECT f(x) FROM UNNEST(t.a) AS x)`, which is a transform of the list.) As
    a column of a subquery, `(SELECT *, unnest(t.a) AS x FROM t) AS t`, the same costs next to
    nothing. Done for what is unnested right after a table or subquery that has an alias, from it or from what was
    unnested before; anything else is left as it is.
    """
    import sqlglot
    from bqemulator.sql.translator import SQLTranslator

    apply_rules = SQLTranslator._apply_rules

    @lru_cache(maxsize=256)
    def projected(sql: str) -> str:
        tree = sqlglot.parse_one(sql, read="duckdb")
        changed = _transform_arrays(tree)
        return tree.sql(dialect="duckdb") if _project_lists(tree) or changed else sql

    def apply_rules_and_project(self: Any, sql: str, **rest: Any) -> str:
        found: str = apply_rules(self, sql, **rest)
        return projected(found) if "UNNEST" in found else found

    SQLTranslator._apply_rules = apply_rules_and_project


def statements_are_translated_once() -> None:
    """Upstream parses each statement some twenty times on its way to DuckDB, however often the same was asked before.

    For a question to a view that is ten times what DuckDB itself takes for the answer. What the steps make of a
    statement follows from its text, the types of its columns and who asks alone, so it is kept; views and row access
    policies are put into the text before, at every request. For what only looks at a statement (does it drop a schema?
    make a view?) the tree is kept, and each asker given a copy: what it does to it is its own.
    """
    import sqlglot
    from bqemulator.jobs import executor
    from bqemulator.scripting import interpreter
    from bqemulator.sql import inner_query, table_rewriter
    from bqemulator.sql.translator import SQLTranslator

    translate = SQLTranslator.translate

    @lru_cache(maxsize=STATEMENTS)
    def translated(self: Any, bq_sql: str, schema: str, caller: Any) -> Any:
        return translate(self, bq_sql, schema=json.loads(schema), caller=caller)

    def translate_once(self: Any, bq_sql: str, *, schema: Any = None, caller: Any = None) -> Any:
        return translated(self, bq_sql, json.dumps(schema), caller)

    SQLTranslator.translate = translate_once
    executor.rewrite_table_refs = interpreter.rewrite_table_refs = lru_cache(maxsize=STATEMENTS)(
        table_rewriter.rewrite_table_refs
    )
    inner_query.rewrite_unnest_offset = lru_cache(maxsize=STATEMENTS)(inner_query.rewrite_unnest_offset)

    parse = sqlglot.parse_one

    @lru_cache(maxsize=STATEMENTS)
    def parsed(sql: str, dialect: str | None) -> Any:
        return parse(sql, dialect=dialect)

    def parse_once(sql: str, read: Any = None, dialect: Any = None, **rest: Any) -> Any:
        given = read or dialect
        if rest or not isinstance(given, str | None):
            return parse(sql, read=read, dialect=dialect, **rest)
        return parsed(sql, given).copy()

    sqlglot.parse_one = parse_once


def _transform_arrays(tree: Any) -> bool:
    """Make a transform of each list that is made of one list, element by element; whether there was any."""
    from sqlglot import exp

    changed = False
    for array in list(tree.find_all(exp.Array)):
        select = array.expressions[0] if len(array.expressions) == 1 else None
        if not isinstance(select, exp.Select) or len(select.expressions) != 1:
            continue
        given = {name for name, value in select.args.items() if value}
        source = select.args["from_"].this if select.args.get("from_") else None
        if given - {"expressions", "from_", "kind"} or not isinstance(source, exp.Unnest) or source.args.get("offset"):
            continue
        alias = source.args.get("alias")
        if alias is None or len(alias.columns) != 1 or len(source.expressions) != 1:
            continue
        one = select.expressions[0]
        body = one.this if isinstance(one, exp.Alias) else one
        if isinstance(body, exp.Star) or body.find(exp.Select):
            continue
        name = f"{alias.columns[0].name}__each"  # of its own: a column of that name would be taken before it
        inside = exp.Tuple(expressions=[body.copy()])
        for column in list(inside.find_all(exp.Column)):
            parts = [part.copy() for part in column.parts]
            if parts[0].name.lower() == alias.columns[0].name.lower():
                parts[0].set("this", name)
                column.replace(exp.column(*reversed(parts)))
        each = exp.Lambda(this=inside.expressions[0], expressions=[exp.to_identifier(name)])
        made = exp.Anonymous(this="list_transform", expressions=[source.expressions[0].copy(), each])
        array.replace(exp.Coalesce(this=made, expressions=[exp.Array()]))
        changed = True
    return changed


def _project_lists(tree: Any) -> bool:
    """Make columns of what is unnested after a table; whether there was any."""
    from sqlglot import exp

    changed = False
    for select in tree.find_all(exp.Select):
        source = select.args["from_"].this if select.args.get("from_") else None
        if (
            not isinstance(source, exp.Table | exp.Subquery)
            or not source.alias_or_name
            or (source.args.get("db") and not source.alias)
            or source.args.get("joins")
            or any(one.is_star for one in select.expressions)
        ):
            continue
        whole = source.alias_or_name
        known = {whole.lower()}
        joins = list(select.args.get("joins") or [])
        while joins and (name := _unnested(joins[0], known)) and _named_once(select, name):
            offset = joins[0].this.args.get("offset")
            place = offset.name.lower() if offset else ""
            if place and not _named_once(select, place, times=0):
                break
            unnest = joins.pop(0).this
            for one in list(select.find_all(exp.Column)):
                parts = [part.copy() for part in one.parts]
                if parts[0].name.lower() == unnest.alias.lower() and len(parts) > 1:
                    del parts[0]  # `_t0.x.a`, where upstream knew the columns
                if parts[0].name.lower() in (name, place):
                    known_as = parts[0].name
                    parts[0].set("this", f"{known_as.lower()}__element")
                    renamed = exp.column(*reversed(parts))
                    one.replace(exp.alias_(renamed, known_as) if one.parent is select and len(parts) == 1 else renamed)
            for one in select.expressions:  # upstream's `(place - 1)` has lost its name
                if (
                    place
                    and isinstance(one, exp.Paren)
                    and f"{place}__element" in {c.name for c in one.find_all(exp.Column)}
                ):
                    one.replace(exp.alias_(one.copy(), place))
            (values,) = unnest.expressions
            added = [exp.alias_(exp.Anonymous(this="unnest", expressions=[values.copy()]), f"{name}__element")]
            if place:  # lists that are unnested beside one another go together
                length = exp.Anonymous(this="len", expressions=[values.copy()])
                series = exp.Anonymous(this="generate_series", expressions=[exp.Literal.number(1), length])
                added.append(exp.alias_(exp.Anonymous(this="unnest", expressions=[series]), f"{place}__element"))
            inner = exp.Select(expressions=[exp.Star(), *added]).from_(source.copy())
            source = inner.subquery(whole)
            known.add(f"{name}__element")
            changed = True
        select.args["from_"].set("this", source)
        select.set("joins", joins)
    return changed


def _unnested(join: Any, known: set[str]) -> str:
    """The name that a join gives the elements of a list of something known; "" for any other join."""
    from sqlglot import exp

    unnest = join.this
    if (
        not isinstance(unnest, exp.Unnest)
        or join.args.get("kind") != "CROSS"
        or any(join.args.get(one) for one in ("side", "on", "using", "method"))
        or len(unnest.expressions) != 1
        or unnest.find(exp.Select)
    ):
        return ""
    columns = unnest.args["alias"].args.get("columns") if unnest.args.get("alias") else None
    roots = {one.parts[0].name.lower() for one in unnest.expressions[0].find_all(exp.Column)}
    return columns[0].name.lower() if columns and len(columns) == 1 and roots and roots <= known else ""


def _named_once(select: Any, name: str, times: int = 1) -> bool:
    """Whether nothing else in a query has a name, by which it could be meant."""
    from sqlglot import exp

    given = [one.alias for one in select.find_all(exp.Alias)]
    given += [one.name for function in select.find_all(exp.Lambda) for one in function.expressions]
    for one in select.find_all(exp.TableAlias):
        given += [one.name, *(column.name for column in one.args.get("columns") or [])]
    return [one.lower() for one in given].count(name) == times


def _replace_endpoint(router: Any, old: Any, new: Any) -> None:
    """Make the application that is built later call `new` where it would call `old`."""
    for route in router.routes:
        if route.endpoint is old:
            route.endpoint = new
            return
    raise LookupError(old.__name__)


Patch = Callable[[], None]
PATCHES: dict[str, Patch] = {
    patch.__name__: patch
    for patch in (
        without_spatial_extension,
        nested_fields_in_storage_write,
        columns_the_table_lacks_are_refused,
        any_media_type_in_uploads,
        no_copy_of_the_table_per_write,
        one_statement_at_a_time,
        threads_for_open_streams,
        memory_has_a_limit,
        failed_queries_fail,
        a_job_id_runs_once,
        callers_by_their_token,
        bytes_in_json_loads,
        bytes_in_parameters,
        parameters_only_in_code,
        group_by_prefers_the_alias,
        lists_are_unnested_in_the_projection,
        statements_are_translated_once,
    )
}


def run(rest_port: int, grpc_port: int, data_dir: Path | None, project: str, without: tuple[str, ...] = ()) -> None:
    """Apply the patches and serve until SIGTERM."""
    for package, wanted in PATCHED_VERSIONS.items():
        if version(package) != wanted:
            raise SystemExit(f"The patches fit {package} {wanted}; {version(package)} is installed.")
    from bqemulator.config import LogFormat, LogLevel, PersistenceMode, Settings
    from bqemulator.observability.logging_ import configure_logging

    configure_logging(level=LogLevel.WARNING, fmt=LogFormat.CONSOLE)  # before the imports below, some of which log
    for name, patch in PATCHES.items():
        if name not in without:
            patch()
    from bqemulator.server import run_forever

    run_forever(
        Settings(
            rest_host=HOST,
            rest_port=rest_port,
            grpc_host=HOST,
            grpc_port=grpc_port,
            persistence_mode=PersistenceMode.EPHEMERAL if data_dir is None else PersistenceMode.PERSISTENT,
            data_dir=data_dir,
            default_project_id=project,
            enable_format_extensions=False,  # Avro: downloaded from the same site as spatial
            metrics_enabled=False,
            log_level=LogLevel.WARNING,
            log_format=LogFormat.CONSOLE,
        )
    )


def main() -> None:
    """BigQuery for the local cloud: REST and the Storage Read and Write APIs."""
    parser = argparse.ArgumentParser(prog="python -m emulator.bigquery", description=main.__doc__)
    parser.add_argument("--rest-port", type=int, default=9050)
    parser.add_argument("--grpc-port", type=int, default=9060)
    parser.add_argument("--data-dir", type=Path, help="keep data here; without it everything is in memory")
    parser.add_argument("--project", default="bvr-lokal", help="project of requests that name none")
    parser.add_argument("--without", action="append", default=[], choices=PATCHES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    run(options.rest_port, options.grpc_port, options.data_dir, options.project, tuple(options.without))


if __name__ == "__main__":
    main()
