"""What the Storage Write API is given is what queries give back, whatever the depth, and kept data survives."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import types
from google.cloud.bigquery_storage_v1.writer import AppendRowsStream
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

pytestmark = pytest.mark.local_cloud

FIELD = FieldDescriptorProto
TYPES = {
    "STRING": FIELD.TYPE_STRING,
    "JSON": FIELD.TYPE_STRING,
    "NUMERIC": FIELD.TYPE_STRING,
    "DATE": FIELD.TYPE_INT32,  # days since 1970
    "TIMESTAMP": FIELD.TYPE_INT64,  # microseconds since 1970
    "INTEGER": FIELD.TYPE_INT64,
    "FLOAT": FIELD.TYPE_DOUBLE,
    "BOOLEAN": FIELD.TYPE_BOOL,
    "BYTES": FIELD.TYPE_BYTES,
    "RECORD": FIELD.TYPE_MESSAGE,
}
LABELS = {"NULLABLE": FIELD.LABEL_OPTIONAL, "REQUIRED": FIELD.LABEL_REQUIRED, "REPEATED": FIELD.LABEL_REPEATED}


def field(name, kind="STRING", mode="NULLABLE", *fields):
    return bigquery.SchemaField(name, kind, mode, fields=fields)


DEEP = (
    field("id", "STRING", "REQUIRED"),
    field("dato", "DATE"),
    field("tid", "TIMESTAMP"),
    field("antall", "INTEGER"),
    field("andel", "FLOAT"),
    field("flagg", "BOOLEAN"),
    field("data", "BYTES"),
    field("fritt", "JSON"),
    field("belop", "NUMERIC"),
    field("koder", "STRING", "REPEATED"),
    field("datoer", "DATE", "REPEATED"),
    field(
        *("sak", "RECORD", "NULLABLE", field("navn"), field("start", "DATE")),
        field(
            *("meldinger", "RECORD", "REPEATED", field("nr", "INTEGER"), field("mottatt", "TIMESTAMP")),
            field(
                *("vedtak", "RECORD", "NULLABLE", field("lov")),
                field("tiltak", "RECORD", "REPEATED", field("slutt", "DATE"), field("koder", "STRING", "REPEATED")),
            ),
        ),
    ),
)


def descriptor(name, fields):
    """The protobuf message of a table, as Google describes it for the Storage Write API."""
    message = DescriptorProto(name=name)
    for number, one in enumerate(fields, 1):
        added = message.field.add(name=one.name, number=number, label=LABELS[one.mode], type=TYPES[one.field_type])
        if one.fields:
            added.type_name = f"{one.name}_type"
            message.nested_type.append(descriptor(added.type_name, one.fields))
    return message


def message_class(fields):
    pool = DescriptorPool()
    pool.Add(FileDescriptorProto(name="rad.proto", syntax="proto2", message_type=[descriptor("Rad", fields)]))
    return GetMessageClass(pool.FindMessageTypeByName("Rad"))


def send(server, table, rows):
    """Append with Google's own writer, as our code does."""
    template = types.AppendRowsRequest(
        write_stream=f"projects/prosjekt/datasets/ds/tables/{table.rpartition('.')[2]}/streams/_default",
        proto_rows=types.AppendRowsRequest.ProtoData(
            writer_schema=types.ProtoSchema(proto_descriptor=descriptor("Rad", DEEP))
        ),
    )
    with server.writer() as client:
        stream = AppendRowsStream(client, template)
        try:
            stream.send(
                types.AppendRowsRequest(
                    proto_rows=types.AppendRowsRequest.ProtoData(
                        rows=types.ProtoRows(serialized_rows=[row.SerializeToString() for row in rows])
                    )
                )
            ).result(timeout=10)
        finally:
            stream.close()


def days(text):
    return (date.fromisoformat(text) - date(1970, 1, 1)).days


def sample_rows():
    row = message_class(DEEP)
    full = row(
        id="full",
        dato=days("2024-02-29"),
        tid=1_700_000_000_123_456,
        antall=-7,
        andel=2.5,
        flagg=True,
        data=b"\x00\xff",
        fritt='{"a": [1, null]}',
        belop="12.500000001",
        koder=["æ", "", "ø"],
        datoer=[days("1950-01-01"), days("2199-12-31")],
    )
    full.sak.navn = "Åse"
    full.sak.start = days("1969-12-31")
    first = full.sak.meldinger.add(nr=0, mottatt=-1)
    first.vedtak.lov = ""
    first.vedtak.tiltak.add(slutt=0, koder=["p", "q"])
    first.vedtak.tiltak.add()
    full.sak.meldinger.add()
    zero = row(id="null, not nothing", antall=0, andel=0.0, flagg=False)
    zero.sak.SetInParent()
    return [full, row(id="bare id"), zero]


EMPTY = {
    **dict.fromkeys(("dato", "tid", "antall", "andel", "flagg", "data", "fritt", "belop", "sak")),
    "koder": [],
    "datoer": [],
}
EXPECTED = [
    {**EMPTY, "id": "bare id"},
    {
        "id": "full",
        "dato": date(2024, 2, 29),
        "tid": datetime(2023, 11, 14, 22, 13, 20, 123456, UTC),
        "antall": -7,
        "andel": 2.5,
        "flagg": True,
        "data": b"\x00\xff",
        "fritt": {"a": [1, None]},
        "belop": Decimal("12.500000001"),
        "koder": ["æ", "", "ø"],
        "datoer": [date(1950, 1, 1), date(2199, 12, 31)],
        "sak": {
            "navn": "Åse",
            "start": date(1969, 12, 31),
            "meldinger": [
                {
                    "nr": 0,
                    "mottatt": datetime(1969, 12, 31, 23, 59, 59, 999999, UTC),
                    "vedtak": {
                        "lov": "",
                        "tiltak": [
                            {"slutt": date(1970, 1, 1), "koder": ["p", "q"]},
                            {"slutt": None, "koder": []},
                        ],
                    },
                },
                {"nr": None, "mottatt": None, "vedtak": None},
            ],
        },
    },
    {
        **EMPTY,
        "id": "null, not nothing",
        "antall": 0,
        "andel": 0.0,
        "flagg": False,
        "sak": {"navn": None, "start": None, "meldinger": []},
    },
]


def test_values_come_back_as_they_were_sent(bigquery_emulator):
    table = bigquery_emulator.table("dyp", *DEEP)
    send(bigquery_emulator, table, sample_rows())
    assert bigquery_emulator.rows(f"SELECT * FROM {table} ORDER BY id") == EXPECTED


def test_queries_reach_four_levels_down(bigquery_emulator):
    table = bigquery_emulator.table("utfoldet", *DEEP)
    send(bigquery_emulator, table, sample_rows())
    unfolded = bigquery_emulator.rows(
        f"""
        SELECT id, m.nr, m.vedtak.lov, t.slutt, kode
        FROM {table} AS r, UNNEST(r.sak.meldinger) AS m, UNNEST(m.vedtak.tiltak) AS t, UNNEST(t.koder) AS kode
        ORDER BY kode
        """
    )
    common = {"id": "full", "nr": 0, "lov": "", "slutt": date(1970, 1, 1)}
    assert unfolded == [{**common, "kode": "p"}, {**common, "kode": "q"}]


def test_kept_data_survives_a_restart(start_bigquery, tmp_path):
    options = ("--data-dir", str(tmp_path / "data"))
    with start_bigquery(tmp_path, *options) as server:
        table = server.table("varig", *DEEP)
        server.rows(f"CREATE VIEW ds.utsikt AS SELECT id FROM {table}")
        send(server, table, sample_rows())
    with start_bigquery(tmp_path, *options) as server:
        assert server.rows(f"SELECT * FROM {table} ORDER BY id") == EXPECTED
        assert len(server.rows("SELECT * FROM ds.utsikt")) == 3
