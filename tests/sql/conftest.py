"""The emulator with everything the repository declares in it, asked through the project's own BigQuery port."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from google.cloud import bigquery

from bvr.gcp import Queries, json_row
from emulator import schemas
from tests.emulated.local_cloud.conftest import bigquery_server

DATASETS = ("register", "statistikk", "grunnlag", "drift", "analyse")


@dataclass
class Warehouse:
    """BigQuery with the declared tables. `queries` is the port that scheduled queries run on."""

    client: bigquery.Client
    queries: Queries

    def fill(self, rows: list[dict[str, Any]]) -> None:
        """Make `rows` the content of register.innsending."""
        table = self.client.get_table("register.innsending")
        job = bigquery.LoadJobConfig(schema=table.schema, write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE)
        self.client.load_table_from_json([json_row(row) for row in rows], table.reference, job_config=job).result(
            retry=None, timeout=60
        )


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory):
    """One server for all tests of SQL."""
    with bigquery_server(tmp_path_factory.mktemp("bigquery")) as server:
        client = server.client()
        for dataset in DATASETS:
            client.create_dataset(dataset, exists_ok=True)
        schemas.create(client, [one for one in schemas.read() if one.dataset in DATASETS])
        yield Warehouse(client, Queries(client, "europe-north1"))
