"""The local cloud as a whole: what the topology declares is there, functions run, and nothing is left behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import jwt
import psutil
import pytest
import requests
from google.cloud import bigquery, pubsub_v1, storage

from emulator.cloud import LocalCloud
from emulator.processes import HOST, StartError, free_ports
from emulator.scheduler import ScheduledCallFailed
from emulator.topology import load

pytestmark = pytest.mark.local_cloud

# Functions that use Google's clients without a word about any emulator, as ours do.
SOURCE = """
import base64, json, os
import functions_framework
from google.cloud import bigquery, storage

@functions_framework.http
def receive(request):
    message = request.get_json()["message"]
    client = storage.Client()
    bucket = client.bucket(f"{client.project}-{os.environ['BVR_BUCKET_ARKIV']}")
    (row,) = bigquery.Client().query_and_wait("SELECT COUNT(*) AS rows FROM drift.proving")
    report = {"data": base64.b64decode(message["data"]).decode(), "authorization": request.headers["Authorization"],
              "rows": row.rows, "environment": dict(os.environ)}
    bucket.blob(message["messageId"]).upload_from_string(json.dumps(report), if_generation_match=0)
    print("archived", message["messageId"], flush=True)
    return "", 204

@functions_framework.http
def deliver(request):
    return "", 204

@functions_framework.http
def receive_file(request):
    return "", 204

@functions_framework.http
def submit_api(request):
    return "", 204

@functions_framework.http
def derive(request):
    return {}

@functions_framework.http
def sweep(request):
    return {"header": request.headers["X-CloudScheduler-ScheduleTime"], "body": request.get_json()}

@functions_framework.http
def run_queries(request):
    raise RuntimeError("no queries here")

@functions_framework.http
def extract_api(request):
    return {"issuer": os.environ["BVR_MASKINPORTEN_ISSUER"], "audience": os.environ["BVR_API_AUDIENCE"]}
"""


def until(found, seconds=10.0):
    """Wait for something; the last answer."""
    deadline = time.monotonic() + seconds
    while not (answer := found()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return answer


def gone(processes):
    return until(lambda: not [one for one in processes if one.is_running() and one.status() != "zombie"])


def schema_folder(folder):
    """One table, so that tests do not depend on what the repository declares."""
    table = folder / "drift" / "proving"
    table.mkdir(parents=True)
    (table / "metadata.yaml").write_text("description: En tabell")
    (table / "schema.json").write_text(json.dumps([{"name": "id", "type": "STRING"}]))
    return folder


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """A source and a schema folder."""
    source = tmp_path_factory.mktemp("functions") / "main.py"
    source.write_text(SOURCE)
    return {"source": source, "schema_folder": schema_folder(tmp_path_factory.mktemp("schemas"))}


@pytest.fixture(scope="module")
def cloud(parts):
    """A running local cloud whose environment this process has; a secret of ours is in the environment before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MY_OWN_SECRET", "hemmelig")
        with LocalCloud(**parts) as cloud:
            for name, value in cloud.environment.items():
                patch.setenv(name, value)
            yield cloud


def test_what_is_declared_is_there(cloud):
    topology = load()
    subscriber, publisher = pubsub_v1.SubscriberClient(), pubsub_v1.PublisherClient()
    project = f"projects/{cloud.project}"
    assert {topic.name.rpartition("/")[2] for topic in publisher.list_topics(project=project)} == set(topology.topics)
    for name, declared in topology.subscriptions.items():
        found = subscriber.get_subscription(subscription=f"{project}/subscriptions/{name}")
        assert found.topic == f"{project}/topics/{declared.topic}"
        assert found.enable_message_ordering == declared.ordering
        assert found.ack_deadline_seconds == declared.ack_deadline_seconds
        assert found.message_retention_duration.total_seconds() == declared.message_retention_seconds
        assert found.push_config.push_endpoint == (cloud.url(declared.push.function) if declared.push else "")
        if declared.dead_letter:
            assert found.dead_letter_policy.dead_letter_topic == f"{project}/topics/{declared.dead_letter.topic}"
            assert found.dead_letter_policy.max_delivery_attempts == declared.dead_letter.max_delivery_attempts
    assert {bucket.name for bucket in storage.Client().list_buckets()} == {
        f"{cloud.project}-{name}" for name in topology.buckets
    }
    datasets = {dataset.dataset_id for dataset in bigquery.Client().list_datasets(retry=None, timeout=5)}
    assert datasets == set(topology.datasets)


def test_a_message_reaches_its_function_and_the_function_reaches_google(cloud):
    publisher = pubsub_v1.PublisherClient()
    message_id = publisher.publish(publisher.topic_path(cloud.project, "innsending"), b"hei").result(timeout=5)
    blob = storage.Client().bucket(f"{cloud.project}-arkiv").blob(message_id)
    assert until(blob.exists), cloud.log("mottak").read_text()
    report = json.loads(blob.download_as_bytes())
    assert (report["data"], report["rows"]) == ("hei", 0)
    assert until(lambda: f"archived {message_id}" in cloud.log("mottak").read_text())

    token = report["authorization"].removeprefix("Bearer ")
    key = jwt.PyJWKClient(f"{cloud.tokens.issuer}oauth2/v3/certs").get_signing_key_from_jwt(token)
    claims = jwt.decode(token, key, algorithms=["RS256"], audience=cloud.url("mottak"))
    assert claims["email"] == f"push@{cloud.project}.iam.gserviceaccount.com"

    environment = report["environment"]
    assert (environment["K_SERVICE"], environment["GOOGLE_CLOUD_PROJECT"]) == ("mottak", cloud.project)
    assert not {"MY_OWN_SECRET", "BVR_CLIENT_KEY"} & set(environment)


def test_a_schedule_is_triggered_with_its_time(cloud):
    answer = cloud.trigger("feiing", datetime(2026, 1, 14, 12, 30, tzinfo=UTC)).json()
    assert answer == {"header": "2026-01-14T12:30:00Z", "body": {"run_time": "2026-01-14T12:30:00Z"}}


def test_a_schedule_that_fails_says_so(cloud):
    with pytest.raises(ScheduledCallFailed, match="sporringer: 500"):
        cloud.trigger("sporringer")


def test_a_function_has_what_depends_on_the_environment(cloud):
    answer = requests.get(cloud.environment["BVR_API_URL"], timeout=5).json()
    assert answer == {"issuer": cloud.tokens.issuer, "audience": cloud.url("uttrekk")}


def test_the_keyset_encrypts(cloud):
    from tink import daead, json_proto_keyset_format, secret_key_access

    daead.register()
    handle = json_proto_keyset_format.parse(Path(os.environ["BVR_KEYSET"]).read_text(), secret_key_access.TOKEN)
    cipher = handle.primitive(daead.DeterministicAead)
    assert cipher.decrypt_deterministically(cipher.encrypt_deterministically(b"x", b"a"), b"a") == b"x"


def test_nothing_is_left(parts):
    before = set(psutil.Process().children(recursive=True))
    with LocalCloud(functions=["utsending"], **parts) as cloud:
        folder, until = cloud.run_dir, time.monotonic() + 30
        mine: set[psutil.Process] = set()
        while len(mine) < 5 and time.monotonic() < until:  # three servers, gunicorn and its worker, which comes last
            mine = set(psutil.Process().children(recursive=True)) - before
        assert len(mine) >= 5
        assert folder.exists()
    assert gone(mine)
    assert not folder.exists()


def test_a_function_that_cannot_be_loaded_is_shown_and_nothing_is_left(parts, tmp_path):
    broken = tmp_path / "main.py"
    broken.write_text("import finnes_ikke")
    before = set(psutil.Process().children())
    with pytest.raises(StartError, match="finnes_ikke"):
        LocalCloud(functions=["mottak"], **parts | {"source": broken}).start()
    assert set(psutil.Process().children()) == before


def test_an_unknown_function_is_refused():
    with pytest.raises(KeyError, match="motak"):
        LocalCloud(functions=["motak"])


def test_data_is_kept_when_asked(parts, tmp_path, monkeypatch):
    path = "projects/bvr-lokal/subscriptions/innsending-dead-letter-lager"

    def joined(cloud):
        for name, value in cloud.environment.items():
            monkeypatch.setenv(name, value)
        return pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient(), storage.Client(), bigquery.Client()

    kept = {"run_dir": tmp_path, "keep_data": True, "functions": False, **parts}
    with LocalCloud(**kept) as cloud:
        publisher, _, bucket_client, table_client = joined(cloud)
        publisher.publish(publisher.topic_path(cloud.project, "innsending-dead-letter"), b"brev").result(timeout=5)
        bucket_client.bucket("bvr-lokal-arkiv").blob("raa/1").upload_from_string("innhold")
        table_client.insert_rows_json("bvr-lokal.drift.proving", [{"id": "1"}], retry=None)
        keyset = Path(os.environ["BVR_KEYSET"]).read_text()
    with LocalCloud(**kept) as cloud:
        _, subscriber, bucket_client, table_client = joined(cloud)
        (received,) = subscriber.pull(subscription=path, max_messages=2, timeout=5, retry=None).received_messages
        assert received.message.data == b"brev"
        assert bucket_client.bucket("bvr-lokal-arkiv").blob("raa/1").download_as_bytes() == b"innhold"
        assert [row.id for row in table_client.query_and_wait("SELECT id FROM drift.proving", retry=None)] == ["1"]
        assert Path(os.environ["BVR_KEYSET"]).read_text() == keyset


@pytest.fixture
def command():
    """`python -m emulator` in a process of its own, its output, and the processes it has started."""
    started = []
    environment = {name: value for name, value in os.environ.items() if name != "PUBSUB_EMULATOR_HOST"}

    def start(*options, **added):
        process = subprocess.Popen(
            [sys.executable, "-m", "emulator", "--no-functions", *options],
            stdout=subprocess.PIPE,
            text=True,
            env=environment | added,
        )
        started.append(process)
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("# ready"):
                break
        return process, "".join(lines), psutil.Process(process.pid).children(recursive=True)

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_prints_its_environment_and_ends_cleanly(command, tmp_path, number):
    process, output, children = command("--env-file", str(tmp_path / "env"))
    exported = dict(re.findall(r"^export (\w+)=(.*)$", output, re.MULTILINE))
    assert {"PUBSUB_EMULATOR_HOST", "STORAGE_EMULATOR_HOST", "BIGQUERY_EMULATOR_HOST"} <= set(exported)
    assert exported["GOOGLE_CLOUD_PROJECT"] == "bvr-lokal"
    assert (tmp_path / "env").read_text().count("export ") == len(exported)
    process.send_signal(number)
    assert process.wait(timeout=15) == 0
    assert gone(children)


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_no_server_outlives_a_parent_that_is_killed(command):
    process, _, children = command()
    assert len(children) >= 3
    process.kill()
    assert gone(children)


def test_a_stale_address_of_pubsub_is_passed_over(command):
    (port,) = free_ports(1)
    process, output, _ = command(PUBSUB_EMULATOR_HOST=f"{HOST}:{port}")
    assert "nothing answers" in output
    assert f"PUBSUB_EMULATOR_HOST={HOST}:{port}\n" not in output
    process.terminate()
    assert process.wait(timeout=15) == 0
