"""Cloud Storage: what our own writes rely on."""

import os
from contextlib import contextmanager

import pytest
from google.api_core.exceptions import PreconditionFailed
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage as google_storage

from emulator import storage
from emulator.processes import HOST, Spawner, answers_http, free_ports

pytestmark = pytest.mark.local_cloud


@contextmanager
def server(folder, data_dir=None):
    spawner = Spawner()
    (port,) = free_ports(1)
    child = spawner.spawn("storage", storage.command(port, data_dir), folder / "storage.log", os.environ)
    try:
        address = f"http://{HOST}:{port}"
        child.wait_until(lambda: answers_http(f"{address}/storage/v1/b?project=p"))
        yield google_storage.Client("p", AnonymousCredentials(), client_options={"api_endpoint": address})
    finally:
        child.stop()
        spawner.close()


@pytest.mark.parametrize("kept", [True, False])
def test_an_object_is_created_once(tmp_path, kept):
    with server(tmp_path, tmp_path / "data" if kept else None) as client:
        bucket = client.create_bucket("arkiv")
        name = "raa/5b1f6e1a/æøå.bin"
        bucket.blob(name).upload_from_string(b"1", if_generation_match=0)
        with pytest.raises(PreconditionFailed):
            bucket.blob(name).upload_from_string(b"2", if_generation_match=0)
        assert bucket.blob(name).download_as_bytes() == b"1"


def test_objects_survive_a_restart_with_generation_and_metadata(tmp_path):
    with server(tmp_path, tmp_path / "data") as client:
        blob = client.create_bucket("arkiv").blob("raa/1")
        blob.metadata = {"mottatt": "2026-01-14T12:00:00Z"}
        blob.upload_from_string(b"innhold", if_generation_match=0)
        generation = blob.generation
    with server(tmp_path, tmp_path / "data") as client:
        blob = client.bucket("arkiv").get_blob("raa/1")
        assert blob.download_as_bytes() == b"innhold"
        assert (blob.generation, blob.metadata) == (generation, {"mottatt": "2026-01-14T12:00:00Z"})
        with pytest.raises(PreconditionFailed):
            blob.upload_from_string(b"nytt", if_generation_match=0)
