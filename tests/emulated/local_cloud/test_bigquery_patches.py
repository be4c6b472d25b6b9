"""Each patch mends a fault: without it the fault shows, with it it does not.

A probe returns what a client sees of the fault, and None when there is none.
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import jwt
import pytest
from google.api_core.exceptions import GoogleAPICallError, ServerError
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import types
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from emulator.bigquery import PATCHES
from emulator.processes import StartError

pytestmark = pytest.mark.local_cloud

TEXT = bigquery.SchemaField("tekst", "STRING")
NESTED = bigquery.SchemaField("sak", "RECORD", fields=[TEXT])
# The default pool of threads has at most this many, on any machine.
MOST_THREADS = 32


def message_class(nested: bool):
    """A message for a table of TEXT or of NESTED."""
    row = DescriptorProto(name="Rad")
    text = {"name": "tekst", "number": 1, "label": 1, "type": FieldDescriptorProto.TYPE_STRING}
    if nested:
        row.nested_type.add(name="Sak").field.add(**text)
        row.field.add(name="sak", number=1, label=1, type=FieldDescriptorProto.TYPE_MESSAGE, type_name="Sak")
    else:
        row.field.add(**text)
    pool = DescriptorPool()
    pool.Add(FileDescriptorProto(name="rad.proto", syntax="proto2", message_type=[row]))
    return GetMessageClass(pool.FindMessageTypeByName("Rad"))


def append(table, message):
    """An AppendRows request for one row on the default stream."""
    project, dataset, name = table.split(".")
    descriptor = DescriptorProto()
    message.DESCRIPTOR.CopyToProto(descriptor)
    return types.AppendRowsRequest(
        write_stream=f"projects/{project}/datasets/{dataset}/tables/{name}/streams/_default",
        proto_rows=types.AppendRowsRequest.ProtoData(
            writer_schema=types.ProtoSchema(proto_descriptor=descriptor),
            rows=types.ProtoRows(serialized_rows=[message.SerializeToString()]),
        ),
    )


def records_cannot_be_appended(server):
    table = server.table("nestet", NESTED)
    message = message_class(nested=True)()
    message.sak.tekst = "innhold"
    with server.writer() as writer:
        try:
            next(iter(writer.append_rows(iter([append(table, message)]), timeout=10, retry=None)))
        except GoogleAPICallError as error:
            return error
    assert server.rows(f"SELECT sak.tekst FROM {table}") == [{"tekst": "innhold"}]
    return None


def small_uploads_are_refused(server):
    table = server.table("opplastet", TEXT)
    try:
        server.client().load_table_from_json([{"tekst": "a"}], table, num_retries=0).result(retry=None, timeout=10)
    except GoogleAPICallError as error:
        return error
    assert server.rows(f"SELECT * FROM {table}") == [{"tekst": "a"}]
    return None


def every_write_copies_the_table(server):
    """Time travel is answered, which takes the copies."""
    table = server.table("kopiert", TEXT)
    client = server.client()
    client.insert_rows_json(table, [{"tekst": "a"}])
    time.sleep(0.01)
    between = server.rows("SELECT CURRENT_TIMESTAMP() AS t")[0]["t"].isoformat()
    client.insert_rows_json(table, [{"tekst": "b"}])
    assert len(server.rows(f"SELECT * FROM {table}")) == 2
    try:
        return server.rows(f"SELECT * FROM {table} FOR SYSTEM_TIME AS OF TIMESTAMP '{between}'")
    except ServerError:  # 501
        return None


def clients_get_the_rows_of_others(server):
    """Two tables, read by query and by listing at once: each answer must be that table's rows."""
    tables = [server.table(name, TEXT) for name in ("ene", "andre")]
    for table in tables:
        errors = server.client().insert_rows_json(table, [{"tekst": table}] * 200)
        assert not errors
    wrong = []
    until = time.monotonic() + 4

    def read(table, listed):
        client = server.client()
        while not wrong and time.monotonic() < until:
            try:
                rows = client.list_rows(table) if listed else client.query_and_wait(f"SELECT tekst FROM {table}")
                seen = [row.tekst for row in rows]
                if seen != [table] * 200:
                    wrong.append(seen[:3])
            except Exception as error:  # whatever it is: an honest read does not fail
                wrong.append(error)

    readers = [threading.Thread(target=read, args=(table, listed)) for table in tables for listed in (True, False)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    return wrong or None


def open_streams_block_the_server(server):
    """More streams than the pool has threads are opened and stay open, as Google's writer keeps them."""
    table = server.table("skrevet", TEXT)
    message = message_class(nested=False)(tekst="a")
    done = threading.Event()

    def one_and_wait():
        yield append(table, message)
        done.wait()

    with ThreadPoolExecutor() as pool, server.writer() as writer:

        def open_one():
            """Opens a stream; returns when its first row has been acknowledged."""
            return writer.append_rows(one_and_wait(), timeout=60, retry=None)

        streams = []  # a stream nobody refers to is closed
        try:
            for _ in range(MOST_THREADS + 1):
                streams.append(pool.submit(open_one).result(timeout=2))
        except TimeoutError as error:
            return error
        finally:
            done.set()
    return None


def failed_queries_give_no_rows(server):
    try:
        return server.rows("SELECT * FROM ds.finnes_ikke"), "and no error"
    except GoogleAPICallError:
        return None


def a_job_id_runs_twice(server):
    table = server.table("lastet", TEXT)
    client = server.client()
    load = bigquery.LoadJobConfig(schema=[TEXT])
    insert = f"INSERT INTO {table} VALUES ('c')"

    def twice(job_id, call):
        """The status of the second call."""
        call(job_id).result(retry=None, timeout=10)
        try:
            call(job_id).result(retry=None, timeout=10)
        except GoogleAPICallError as error:
            return error.code
        return 200

    key = str(time.time_ns())
    statuses = [
        twice(f"q{key}", lambda job_id: client.query(insert, job_id=job_id, job_retry=None)),
        twice(
            f"l{key}",
            lambda job_id: client.load_table_from_json(
                [{"tekst": "a"}], table, job_id=job_id, job_config=load, num_retries=0
            ),
        ),
    ]
    rows = server.rows(f"SELECT tekst FROM {table} ORDER BY tekst")
    return None if (statuses, len(rows)) == ([409, 409], 2) else (statuses, rows)


def a_parameter_in_a_comment_counts(server):
    settings = bigquery.QueryJobConfig(query_parameters=[bigquery.ScalarQueryParameter("tall", "INT64", 7)])
    sql = r"""-- counts up to @tall
        SELECT @tall AS tall, '@tall it\'s \\' AS tekst, @tall + 1 AS neste /* not @tall */"""
    try:
        (row,) = server.client().query_and_wait(sql, job_config=settings)
    except GoogleAPICallError as error:
        return error
    assert dict(row) == {"tall": 7, "tekst": "@tall it's \\", "neste": 8}
    return None


def grouping_takes_the_column(server):
    """The rows of BigQuery: an alias in GROUP BY overrides a column of that name."""
    people = "(SELECT 'a' AS x, 1 AS y UNION ALL SELECT 'A', 1) AS t"
    expected = {
        f"SELECT UPPER(x) AS x, COUNT(*) AS n FROM {people} GROUP BY x": [{"x": "A", "n": 2}],
        f"SELECT UPPER(x) AS x, COUNT(*) AS n FROM {people} GROUP BY t.x": [{"x": "A", "n": 1}] * 2,
        f"SELECT UPPER(x) AS x, y, COUNT(*) AS n FROM {people} GROUP BY ROLLUP (x, y) ORDER BY n, x, y": [
            {"x": None, "y": None, "n": 2},
            {"x": "A", "y": None, "n": 2},
            {"x": "A", "y": 1, "n": 2},
        ],
        f"SELECT UPPER(x) AS x, COUNT(*) AS n FROM {people} GROUP BY GROUPING SETS ((x), ()) ORDER BY x": [
            {"x": None, "n": 2},
            {"x": "A", "n": 2},
        ],
        f"SELECT COUNT(*) AS y, x FROM {people} GROUP BY x, (t.y) + 1 ORDER BY x": [
            {"y": 1, "x": "A"},
            {"y": 1, "x": "a"},
        ],
    }
    wrong = {sql: rows for sql, right in expected.items() if (rows := server.rows(sql)) != right}
    return wrong or None


def a_field_without_a_column_is_lost(server):
    """At the top and inside a RECORD."""
    other = bigquery.SchemaField("noe", "STRING")
    lost = []
    for name, schema, nested in (
        ("uten_kolonne", other, False),
        ("uten_felt", bigquery.SchemaField("sak", "RECORD", fields=[other]), True),
    ):
        table = server.table(name, schema)
        message = message_class(nested)()
        (message.sak if nested else message).tekst = "innhold"
        with server.writer() as writer:
            (answer,) = writer.append_rows(iter([append(table, message)]), timeout=10, retry=None)
        if answer.error.code != 3 or server.rows(f"SELECT * FROM {table}"):
            lost.append((name, answer))
    return lost or None


def bytes_are_taken_for_their_base64(server):
    given = [
        bigquery.ScalarQueryParameter("en", "BYTES", b"\x00\xff"),
        bigquery.ArrayQueryParameter("flere", "BYTES", [b"\x00\xff", b"ja"]),
    ]
    sql = "SELECT FROM_HEX('00ff') = @en AS en, FROM_HEX('6a61') IN UNNEST(@flere) AS flere, TO_HEX(@en) AS hex"
    try:
        (row,) = server.client().query_and_wait(sql, job_config=bigquery.QueryJobConfig(query_parameters=given))
    except GoogleAPICallError as error:
        return error
    return None if dict(row) == {"en": True, "flere": True, "hex": "00ff"} else dict(row)


def loads_store_the_base64(server):
    inner = bigquery.SchemaField("x", "BYTES")
    table = server.table(
        "med_byte", bigquery.SchemaField("b", "BYTES"), bigquery.SchemaField("n", "RECORD", "REPEATED", fields=[inner])
    )
    settings = bigquery.LoadJobConfig(schema=server.client().get_table(table).schema)
    row = {"b": "AP8=", "n": [{"x": "AA=="}, {"x": "amE="}]}
    server.client().load_table_from_json([row], table, job_config=settings, num_retries=0).result(
        retry=None, timeout=10
    )
    (found,) = server.rows(
        f"SELECT TO_HEX(b) AS b, ARRAY(SELECT TO_HEX(n.x) FROM UNNEST(t.n) AS n) AS n FROM {table} AS t"
    )
    return None if found == {"b": "00ff", "n": ["00", "6a61"]} else found


def elements_take_long(server):
    """Seconds of counting elements in lists, where that takes many times what counting the lists takes."""
    client = server.client()
    client.create_dataset("ds", exists_ok=True)
    element = "STRUCT(CONCAT(CAST(n AS STRING), REPEAT('a', 200)) AS tekst, ['x', 'y'] AS koder)"
    client.query_and_wait(
        f"CREATE OR REPLACE TABLE ds.lister AS SELECT n AS id, STRUCT([{', '.join([element] * 8)}] AS liste) AS sak "
        "FROM UNNEST(GENERATE_ARRAY(1, 20000)) AS n"
    )

    def seconds(sql):
        best = 60.0
        for _ in range(3):
            start = time.perf_counter()
            assert server.rows(sql) == [{"antall": 320_000}]
            best = min(best, time.perf_counter() - start)
        return best

    lists = seconds("SELECT 2 * SUM(ARRAY_LENGTH(t.sak.liste)) AS antall FROM ds.lister AS t")
    elements = seconds("SELECT COUNT(k) AS antall FROM ds.lister AS t, UNNEST(t.sak.liste) AS x, UNNEST(x.koder) AS k")
    return elements if elements > 10 * lists else None


def every_statement_is_parsed_anew(server):
    """Seconds of a long question that was asked before, where that takes about as long as one that was not."""

    def seconds(number):
        columns = ", ".join(f"IF(n > {i}, n + {i}, n * {i}) AS x{i}" for i in range(400))
        start = time.perf_counter()
        server.rows(f"SELECT {columns}, {number} AS nummer FROM UNNEST([1]) AS n")
        return time.perf_counter() - start

    new = min(seconds(number) for number in range(4))
    again = min(seconds(3) for _ in range(4))
    return again if again > 0.6 * new else None


def nobody_is_known_by_a_token(server):
    """Who asks, as SESSION_USER says it."""
    token = jwt.encode({"email": "anne@forskning.no"}, "x" * 32, algorithm="HS256")
    client = server.client()
    client._connection.extra_headers = {"Authorization": f"Bearer {token}"}
    (row,) = client.query_and_wait("SELECT SESSION_USER() AS hvem", job_retry=None)
    return None if row.hvem == "anne@forskning.no" else row.hvem


def memory_is_unbounded(server):
    """What DuckDB may take before it spills."""
    (row,) = server.rows("SELECT current_setting('memory_limit') AS grense")
    return None if row["grense"] == "5.5 GiB" else row["grense"]


PROBES = {
    "callers_by_their_token": nobody_is_known_by_a_token,
    "bytes_in_json_loads": loads_store_the_base64,
    "bytes_in_parameters": bytes_are_taken_for_their_base64,
    "columns_the_table_lacks_are_refused": a_field_without_a_column_is_lost,
    "nested_fields_in_storage_write": records_cannot_be_appended,
    "any_media_type_in_uploads": small_uploads_are_refused,
    "no_copy_of_the_table_per_write": every_write_copies_the_table,
    "one_statement_at_a_time": clients_get_the_rows_of_others,
    "threads_for_open_streams": open_streams_block_the_server,
    "memory_has_a_limit": memory_is_unbounded,
    "failed_queries_fail": failed_queries_give_no_rows,
    "a_job_id_runs_once": a_job_id_runs_twice,
    "parameters_only_in_code": a_parameter_in_a_comment_counts,
    "group_by_prefers_the_alias": grouping_takes_the_column,
    "lists_are_unnested_in_the_projection": elements_take_long,
    "statements_are_translated_once": every_statement_is_parsed_anew,
}
# Without it nothing starts (below); the upload patch is needed for another probe's load.
SPATIAL = "without_spatial_extension"


def test_every_patch_has_a_probe():
    assert {*PROBES, SPATIAL} == set(PATCHES)


@pytest.mark.parametrize("patch", PROBES)
def test_the_fault_shows_without_the_patch(patch, start_bigquery, tmp_path):
    with start_bigquery(tmp_path, "--without", patch) as server:
        assert PROBES[patch](server) is not None


@pytest.mark.parametrize("patch", PROBES)
def test_the_patch_mends_it(patch, bigquery_emulator):
    assert PROBES[patch](bigquery_emulator) is None


UNNESTED = [
    "SELECT t.id, x.a AS a FROM ds.liste AS t, UNNEST(t.l) AS x",
    "SELECT t.id, x FROM ds.liste AS t, UNNEST(t.s) AS x",
    "SELECT id, k FROM ds.liste AS t, UNNEST(t.l) AS x, UNNEST(x.k) AS k WHERE id > 1 AND x.a != 'c'",
    "SELECT t.id, h.n AS n FROM ds.liste AS t, UNNEST(t.l) AS x, UNNEST([STRUCT(x.a AS n), STRUCT('z' AS n)]) AS h",
    "SELECT x.a AS x, COUNT(*) AS antall FROM ds.liste AS t, UNNEST(t.l) AS x GROUP BY x",
    "SELECT * FROM ds.liste AS t, UNNEST(t.s) AS x",
    "SELECT t.*, x AS y FROM ds.liste AS t, UNNEST(t.s) AS x",
    "SELECT t.id, x, o AS plass FROM ds.liste AS t, UNNEST(t.s) AS x WITH OFFSET AS o",
    "SELECT t.id, x.a AS a, ROW_NUMBER() OVER (PARTITION BY t.id ORDER BY o DESC) AS nr "
    "FROM ds.liste AS t, UNNEST(t.l) AS x WITH OFFSET AS o WHERE o < 2 AND x.a != 'a'",
    "SELECT t.id, x.a AS a, k FROM ds.liste AS t, UNNEST(t.l) AS x WITH OFFSET AS o, UNNEST(x.k) AS k WHERE o = 1",
    "SELECT t.id, x FROM ds.liste AS t LEFT JOIN UNNEST(t.s) AS x",
    "SELECT t.id, x, u.id AS u FROM ds.liste AS t, UNNEST(t.s) AS x JOIN ds.liste AS u ON u.id = t.id + 1",
    "SELECT t.id, u.id AS u, x FROM ds.liste AS t JOIN ds.liste AS u ON u.id = t.id, UNNEST(u.s) AS x",
    "SELECT t.id, x, ARRAY(SELECT x FROM UNNEST(t.s) AS x ORDER BY x) AS alle FROM ds.liste AS t, UNNEST(t.s) AS x",
    "SELECT x.a, ARRAY(SELECT k FROM UNNEST(x.k) AS k ORDER BY k DESC) AS ks FROM ds.liste AS t, UNNEST(t.l) AS x",
    "WITH g AS (SELECT id, l FROM ds.liste) SELECT g.id, x.a AS a FROM g, UNNEST(g.l) AS x WHERE 'p' IN UNNEST(x.k)",
    "SELECT COUNT(*) AS n FROM ds.liste AS t WHERE EXISTS (SELECT 1 FROM UNNEST(t.l) AS x WHERE x.a = 'b')",
    "SELECT t.id, x, ROW_NUMBER() OVER (PARTITION BY t.id ORDER BY x DESC) AS nr FROM ds.liste AS t, UNNEST(t.s) AS x",
]


def test_what_is_unnested_is_the_same_with_and_without_the_patch(start_bigquery, bigquery_emulator, tmp_path):
    """Empty and missing lists, two levels, names used again, other joins before and after."""
    found = []
    with start_bigquery(tmp_path, "--without", "lists_are_unnested_in_the_projection") as plain:
        for server in (plain, bigquery_emulator):
            server.client().create_dataset("ds", exists_ok=True)
            server.client().query_and_wait(
                "CREATE OR REPLACE TABLE ds.liste AS "
                "SELECT 1 AS id, ['a', 'b'] AS s, "
                "[STRUCT('a' AS a, ['p', 'q'] AS k), STRUCT('b' AS a, ['p'] AS k)] AS l "
                "UNION ALL SELECT 2, ['c'], [STRUCT('c' AS a, ['r'] AS k), STRUCT('d' AS a, ['s', 'p'] AS k)] "
                "UNION ALL SELECT 3, CAST([] AS ARRAY<STRING>), NULL "
                "UNION ALL SELECT 4, NULL, [STRUCT('e' AS a, NULL AS k)]"
            )
            found.append([sorted(map(repr, server.rows(sql))) for sql in UNNESTED])
    plain_rows, patched_rows = found
    for sql, before, after in zip(UNNESTED, plain_rows, patched_rows, strict=True):
        assert before == after, sql
        assert before, sql


def test_a_statement_asked_before_is_answered_by_what_stands_now(bigquery_emulator):
    """Another view of the name, another type of the column, another who asks, a policy: each has its own answer."""
    server = bigquery_emulator
    client = server.client()
    client.create_dataset("naa", exists_ok=True)
    for made, average in (("1", 2.0), ("2", 3.0)):
        client.query_and_wait(
            f"CREATE OR REPLACE TABLE naa.t AS SELECT x, {made} AS y FROM UNNEST([{made}, {made} + 2]) AS x"
        )
        client.query_and_wait(f"CREATE OR REPLACE VIEW naa.v AS SELECT x, {made} AS y FROM naa.t")
        for _ in range(2):
            (row,) = server.rows("SELECT AVG(x) AS snitt, ANY_VALUE(y) AS y FROM naa.v")
            assert row == {"snitt": average, "y": int(made)}
    client.query_and_wait("CREATE OR REPLACE TABLE naa.t AS SELECT NUMERIC '1.5' AS x, 3 AS y")
    (row,) = server.rows("SELECT AVG(x) AS snitt, ANY_VALUE(y) AS y FROM naa.v")
    assert row == {"snitt": Decimal("1.5"), "y": 2}
    for who in ("anne@forskning.no", "bjorn@forskning.no", "anne@forskning.no"):
        token = jwt.encode({"email": who}, "x" * 32, algorithm="HS256")
        client._connection.extra_headers = {"Authorization": f"Bearer {token}"}
        (row,) = client.query_and_wait("SELECT SESSION_USER() AS hvem", job_retry=None)
        assert row.hvem == who
    client.query_and_wait(
        "CREATE ROW ACCESS POLICY ingen ON naa.t GRANT TO ('user:bjorn@forskning.no') FILTER USING (TRUE)"
    )
    assert [tuple(row) for row in client.query_and_wait("SELECT AVG(x) AS snitt, ANY_VALUE(y) AS y FROM naa.v")] == [
        (None, None)
    ]


def test_spatial_is_needed_without_the_patch(start_bigquery, tmp_path):
    """A home that holds no extension, nor can: as on a machine that has none and cannot reach the site."""
    nowhere = {"HOME": "/dev/null"}
    with (
        pytest.raises(StartError, match="spatial"),
        start_bigquery(tmp_path, "--without", SPATIAL, environment=nowhere),
    ):
        pass
    with start_bigquery(tmp_path, environment=nowhere) as server:
        assert server.rows("SELECT 1 AS en") == [{"en": 1}]


def test_many_write_while_others_read(bigquery_emulator):
    """Rows acknowledged by the Storage Write API are all there, whatever else goes on, and every count is a count."""
    server = bigquery_emulator
    table = server.table("samtidig", TEXT)
    row = message_class(nested=False)
    writers, each = 4, 40
    counts = []

    def write(number):
        with server.writer() as writer:
            requests = (append(table, row(tekst=f"{number}-{turn}")) for turn in range(each))
            return sum(1 for _ in writer.append_rows(requests, timeout=30, retry=None))

    def count(_):
        for _ in range(15):
            counts.extend(server.rows(f"SELECT COUNT(*) AS antall FROM {table}"))

    with ThreadPoolExecutor() as pool:
        readers = pool.map(count, range(2))
        assert sum(pool.map(write, range(writers))) == writers * each
        list(readers)
    assert all(set(one) == {"antall"} and 0 <= one["antall"] <= writers * each for one in counts)
    assert server.rows(f"SELECT COUNT(DISTINCT tekst) AS antall FROM {table}") == [{"antall": writers * each}]
