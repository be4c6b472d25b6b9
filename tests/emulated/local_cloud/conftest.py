"""Servers for the tests of the local cloud, each on free ports."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import BigQueryWriteClient
from google.cloud.bigquery_storage_v1.services.big_query_write.transports import BigQueryWriteGrpcTransport

from emulator.processes import HOST, Spawner, accepts_connections, answers_http, free_ports

PROJECT = "prosjekt"


class Once(bigquery.Client):
    """A client that takes no for an answer: by default it tries a failed call again for ten minutes."""

    def _call_api(self, retry, *args, **kwargs):
        kwargs["timeout"] = kwargs.get("timeout") or 20
        return super()._call_api(None, *args, **kwargs)


@dataclass
class BigQuery:
    """A running emulator."""

    rest: str
    grpc_address: str

    def client(self) -> bigquery.Client:
        """A client of its own (they are not to be shared by threads)."""
        return Once(PROJECT, AnonymousCredentials(), client_options={"api_endpoint": self.rest})

    @contextmanager
    def writer(self) -> Iterator[BigQueryWriteClient]:
        """A Storage Write client."""
        with grpc.insecure_channel(self.grpc_address) as channel:
            yield BigQueryWriteClient(transport=BigQueryWriteGrpcTransport(channel=channel))

    def table(self, name: str, *fields: bigquery.SchemaField) -> str:
        """A new empty table `ds.name`."""
        client = self.client()
        client.create_dataset("ds", exists_ok=True)
        client.delete_table(f"ds.{name}", not_found_ok=True)
        client.create_table(bigquery.Table(f"{PROJECT}.ds.{name}", schema=fields))
        return f"{PROJECT}.ds.{name}"

    def rows(self, sql: str) -> list[dict]:
        """The rows of a query."""
        return [dict(row) for row in self.client().query_and_wait(sql, job_retry=None)]


@contextmanager
def bigquery_server(folder: Path, *options: str, environment: dict[str, str] | None = None) -> Iterator[BigQuery]:
    """The launcher in a process of its own."""
    spawner = Spawner()
    rest_port, grpc_port = free_ports(2)
    ports = ("--rest-port", str(rest_port), "--grpc-port", str(grpc_port))
    child = spawner.spawn(
        "bigquery",
        [sys.executable, "-m", "emulator.bigquery", *ports, *options],
        folder / "bigquery.log",
        {**os.environ, **(environment or {})},
    )
    try:
        rest = f"http://{HOST}:{rest_port}"
        child.wait_until(lambda: accepts_connections(f"{HOST}:{grpc_port}") and answers_http(f"{rest}/healthz"))
        yield BigQuery(rest, f"{HOST}:{grpc_port}")
    finally:
        child.stop(gently="--data-dir" in options)
        spawner.close()


@pytest.fixture(scope="session")
def start_bigquery():
    """Start one with options of the launcher."""
    return bigquery_server


@pytest.fixture(scope="session")
def bigquery_emulator(tmp_path_factory):
    """The emulator as the local cloud runs it."""
    with bigquery_server(tmp_path_factory.mktemp("bigquery")) as server:
        yield server
