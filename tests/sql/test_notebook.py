"""The analyst's notebook, run from top to bottom by somebody with a grant: five questions, five answers."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import nbformat
import pytest
from google.cloud import bigquery
from google.oauth2 import service_account
from nbclient import NotebookClient

from bvr.gcp import Queries, RowPolicies
from bvr.register import access, identity, materialise, pseudonyms
from bvr.simulate import Mix, simulate
from emulator import schemas
from emulator.tokens import TokenServer
from tests.emulated.local_cloud.conftest import PROJECT, bigquery_server
from tests.sql.conftest import DATASETS, Warehouse
from tests.sql.test_access import KEY, OWN, purpose
from tests.sql.test_analysis import registered

pytestmark = [pytest.mark.local_cloud, pytest.mark.timeout(300)]
NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "analyse.ipynb"
ANALYST, STRANGER = "anne@forskning.no", "eva@forskning.no"
AT = datetime(2025, 12, 1, tzinfo=UTC)


def visible(tokens: TokenServer, rest: str, email: str) -> int:
    """How many rows of analysis somebody sees, asked with a token that says who they are."""
    path = tokens.write_service_account(PROJECT, email)
    scopes = ["https://www.googleapis.com/auth/bigquery"]
    credentials = service_account.Credentials.from_service_account_file(str(path), scopes=scopes)
    client = bigquery.Client(PROJECT, credentials, client_options={"api_endpoint": rest})
    (row,) = client.query_and_wait("SELECT COUNT(*) AS antall FROM analyse.hendelse", retry=None, job_retry=None)
    return int(row.antall)


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The notebook after its run, as an analyst with a grant on some municipalities."""
    tokens = TokenServer(tmp_path_factory.mktemp("nokler"))
    tokens.start()
    with bigquery_server(tmp_path_factory.mktemp("bigquery")) as server:
        client = server.client()
        client._connection.extra_headers = {"X-Bqemu-Caller": OWN}
        for dataset in DATASETS:
            client.create_dataset(dataset)
        schemas.create(client, [one for one in schemas.read() if one.dataset in DATASETS])
        tables = Queries(client, "europe-north1")
        warehouse = Warehouse(client, tables)
        mix = Mix(moves=0.15)
        warehouse.fill(registered(list(simulate(6, 250, 300, 8, start=date(2025, 1, 7), mix=mix))))
        tables.insert("grunnlag.formal", [purpose("prove")])
        tables.insert(
            "grunnlag.tilgang",
            [{"identitet": f"user:{ANALYST}", "formal": "prove", "slag": "LES", "gyldig_fra": date(2020, 1, 1)}],
        )
        materialise.run(tables, AT)
        identity.run(tables, AT)
        pseudonyms.run(tables, KEY, AT, AT.date())
        access.run(tables, RowPolicies(client), AT.date(), [OWN])
        notebook = nbformat.read(NOTEBOOK, as_version=4)
        environment = os.environ | {
            "BIGQUERY_EMULATOR_HOST": server.rest,
            "GOOGLE_CLOUD_PROJECT": PROJECT,
            "GOOGLE_APPLICATION_CREDENTIALS": str(tokens.write_service_account(PROJECT, ANALYST)),
            "FORMAL": "prove",
        }
        notebook.metadata["andre"] = {who: visible(tokens, server.rest, who) for who in (ANALYST, STRANGER)}
        NotebookClient(notebook, timeout=120, kernel_name="python3").execute(env=environment)
        if os.environ.get("BVR_KEEP_NOTEBOOK"):
            nbformat.write(notebook, os.environ["BVR_KEEP_NOTEBOOK"])
        yield notebook
    tokens.stop()


def test_every_cell_ran_and_every_question_has_its_plot_or_table(executed: Any) -> None:
    cells = [c for c in executed.cells if c.cell_type == "code"]
    kinds = [{kind for out in c.outputs for kind in out.get("data", {})} for c in cells]
    assert all("text/html" in found or "text/plain" in found for found in kinds)
    assert sum("image/png" in found for found in kinds) == 4
    assert sum("text/html" in found for found in kinds) >= 5
    assert not [out for c in cells for out in c.outputs if out.output_type == "error"]


def test_the_answers_are_not_empty(executed: Any) -> None:
    """Each table has rows: the analyst's grant gave her something to see."""
    for cell in executed.cells:
        for out in cell.get("outputs", ()):
            html = out.get("data", {}).get("text/html", "")
            assert not html or html.count("<tr") > 1, cell.source[:60]


def test_a_stranger_sees_nothing(executed: Any) -> None:
    """The same views, the same question, another token."""
    seen = executed.metadata["andre"]
    assert seen[ANALYST] > 1000
    assert seen[STRANGER] == 0


def test_the_notebook_is_kept_without_its_answers() -> None:
    kept = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(kept)
    assert not [c for c in kept.cells if c.cell_type == "code" and (c.outputs or c.execution_count)]
