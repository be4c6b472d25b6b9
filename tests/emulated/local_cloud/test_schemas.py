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


def declare(root, identifier, metadata="{}", columns=None, view=None, routine=None):
    folder = root / identifier.replace(".", "/")
    folder.mkdir(parents=True)
    (folder / "metadata.yaml").write_text(metadata)
    if columns is not None:
        (folder / "schema.json").write_text(json.dumps(columns))
    if view is not None:
        (folder / "view.sql").write_text(view)
    if routine is not None:
        (folder / "routine.sql").write_text(routine)


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


FUNCTION = """-- Rader til og med en id.
CREATE OR REPLACE TABLE FUNCTION ds.{name}(grense STRING) AS (
  SELECT id FROM ds.{source} WHERE id <= grense
)
"""


def test_functions_and_views_are_created_in_the_order_they_need(client, tmp_path):
    """`a` calls `f`, which calls `g`, which reads the view `v` of the table; and once more over what is there."""
    declare(tmp_path, "ds.tabell", columns=COLUMNS)
    declare(tmp_path, "ds.a", "depends_on: [ds.f]", view="SELECT id FROM ds.f('2')")
    declare(tmp_path, "ds.f", routine=FUNCTION.format(name="f", source="g('5')"))
    declare(tmp_path, "ds.g", "depends_on: [ds.v]", routine=FUNCTION.format(name="g", source="v"))
    declare(tmp_path, "ds.v", view="SELECT id FROM ds.tabell")
    for _ in range(2):
        schemas.create(client, schemas.read(tmp_path))
    client.insert_rows_json(client.get_table("ds.tabell"), [{"id": str(one)} for one in range(4)])
    assert sorted(row.id for row in client.query_and_wait("SELECT id FROM ds.a")) == ["0", "1", "2"]
    assert [row.id for row in client.query_and_wait("SELECT id FROM ds.f('0')")] == ["0"]


def test_a_function_that_cannot_be_created_is_named(client, tmp_path):
    declare(tmp_path, "ds.f", routine=FUNCTION.format(name="f", source="finnes_ikke"))
    declare(tmp_path, "ds.venter", "depends_on: [ds.f]", view="SELECT id FROM ds.f('2')")
    with pytest.raises(
        schemas.SchemaError, match=r"function ds.f: .*internal error[^$]*view ds.venter: waits for ds.f"
    ):
        schemas.create(client, schemas.read(tmp_path))


def test_a_function_has_the_name_of_its_folder(tmp_path):
    declare(tmp_path, "ds.f", routine=FUNCTION.format(name="g", source="tabell"))
    with pytest.raises(schemas.SchemaError, match=r"TABLE FUNCTION ds\.f\("):
        schemas.read(tmp_path)


def test_functions_are_there_after_a_restart(start_bigquery, tmp_path):
    """The views that call them too, before anything is declared again."""
    declare(tmp_path / "1", "ds.tabell", columns=COLUMNS)
    declare(tmp_path / "1", "ds.a", "depends_on: [ds.f]", view="SELECT id FROM ds.f('2')")
    declare(tmp_path / "1", "ds.f", routine=FUNCTION.format(name="f", source="tabell"))
    for turn in range(2):
        with start_bigquery(tmp_path, "--data-dir", str(tmp_path / "data")) as server:
            client = server.client()
            if turn == 0:
                client.create_dataset("ds")
                schemas.create(client, schemas.read(tmp_path / "1"))
                client.insert_rows_json(client.get_table("ds.tabell"), [{"id": "1"}, {"id": "3"}])
            assert [row.id for row in client.query_and_wait("SELECT id FROM ds.a")] == ["1"]
            assert len(list(client.query_and_wait("SELECT id FROM ds.f('4')"))) == 2


def test_a_folder_is_a_table_or_a_view(tmp_path):
    declare(tmp_path, "ds.begge", columns=COLUMNS, view="SELECT 1")
    with pytest.raises(schemas.SchemaError, match="one of"):
        schemas.read(tmp_path)
