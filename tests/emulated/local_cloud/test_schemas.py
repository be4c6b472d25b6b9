"""Tables, views and destination tables of queries are created from their folders."""

import json

import pytest

from emulator import schemas

pytestmark = pytest.mark.local_cloud

COLUMNS = [
    {"name": "id", "type": "STRING", "mode": "REQUIRED", "description": "Nøkkel"},
    {"name": "dato", "type": "DATE"},
    {"name": "sak", "type": "RECORD", "fields": [{"name": "koder", "type": "STRING", "mode": "REPEATED"}]},
]


def declare(root, identifier, metadata="{}", columns=None, view=None):
    folder = root / identifier.replace(".", "/")
    folder.mkdir(parents=True)
    (folder / "metadata.yaml").write_text(metadata)
    if columns is not None:
        (folder / "schema.json").write_text(json.dumps(columns))
    if view is not None:
        (folder / "view.sql").write_text(view)


@pytest.fixture
def client(bigquery_emulator):
    client = bigquery_emulator.client()
    client.delete_dataset("ds", delete_contents=True, not_found_ok=True)
    client.create_dataset("ds")
    return client


def test_a_table_is_as_declared(client, tmp_path):
    declare(
        tmp_path,
        "ds.innsending",
        "{description: Alle, owner: register, partitioning: {field: dato, type: MONTH}, clustering: [id]}",
        COLUMNS,
    )
    schemas.create(client, schemas.read(tmp_path))
    table = client.get_table("ds.innsending")
    assert table.description == "Alle"
    assert (table.time_partitioning.field, table.time_partitioning.type_) == ("dato", "MONTH")
    assert table.clustering_fields == ["id"]
    assert table.schema[0].mode == "REQUIRED"
    assert table.schema[2].fields[0].mode == "REPEATED"


def test_views_are_created_after_what_they_read(client, tmp_path):
    """`a` reads `b` and says so; `b` reads `c` and does not; `c` reads the table."""
    declare(tmp_path, "ds.tabell", columns=COLUMNS)
    declare(tmp_path, "ds.a", "depends_on: [ds.b]", view="SELECT id FROM ds.b")
    declare(tmp_path, "ds.b", view="SELECT id FROM ds.c -- uten semikolon\n")
    declare(tmp_path, "ds.c", "depends_on: [ds.tabell]", view="-- først en kommentar\nSELECT id FROM ds.tabell")
    schemas.create(client, schemas.read(tmp_path))
    client.insert_rows_json(client.get_table("ds.tabell"), [{"id": "1", "sak": {"koder": ["x"]}}])
    assert [row.id for row in client.query_and_wait("SELECT id FROM ds.a")] == ["1"]


def test_a_view_that_cannot_be_created_is_named(client, tmp_path):
    declare(tmp_path, "ds.god", view="SELECT 1 AS en")
    declare(tmp_path, "ds.feil", view="SELECT id FROM ds.finnes_ikke")
    declare(tmp_path, "ds.venter", "depends_on: [ds.feil]", view="SELECT id FROM ds.feil")
    with pytest.raises(schemas.SchemaError, match=r"view ds.feil: .*finnes_ikke[^$]*view ds.venter: waits for ds.feil"):
        schemas.create(client, schemas.read(tmp_path))


def test_it_may_be_repeated_but_not_with_other_columns(client, tmp_path):
    declare(tmp_path / "1", "ds.tabell", columns=COLUMNS)
    declare(tmp_path / "1", "ds.utsikt", view="SELECT id FROM ds.tabell")
    schemas.create(client, schemas.read(tmp_path / "1"))
    schemas.create(client, schemas.read(tmp_path / "1"))
    declare(tmp_path / "2", "ds.tabell", columns=COLUMNS[:2])
    with pytest.raises(schemas.SchemaError, match=r"ds\.tabell in the data folder has other columns"):
        schemas.create(client, schemas.read(tmp_path / "2"))


def test_a_folder_is_a_table_or_a_view(tmp_path):
    declare(tmp_path, "ds.begge", columns=COLUMNS, view="SELECT 1")
    with pytest.raises(schemas.SchemaError, match="one of"):
        schemas.read(tmp_path)
