"""Terraform says what is in the repository, and is refused when it does not."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any

import pytest
from google.cloud import pubsub_v1

from bvr import gcp
from bvr.api import submit
from bvr.config import config
from emulator import topology
from emulator.cloud import LocalCloud
from tests.emulated.clouds import running
from tests.infrastructure.tool import ROOT, Terraform, command

TOPOLOGY = topology.load()
ACCESS = json.loads((ROOT / "terraform/access.auto.tfvars.json").read_text(encoding="utf-8"))["access"]
ALARMS = json.loads((ROOT / "terraform/alarms.auto.tfvars.json").read_text(encoding="utf-8"))

if command() is None:
    warnings.warn("TERRAFORM IS NOT CHECKED: there is no terraform here, or no provider for it", stacklevel=1)
needs_terraform = pytest.mark.skipif(command() is None, reason="no terraform, or no provider for it")


@pytest.fixture(scope="module")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    return Terraform(tmp_path_factory.mktemp("terraform"))


@needs_terraform
def test_it_is_formatted(terraform: Terraform) -> None:
    done = terraform.run("fmt", "-check", "-recursive")
    assert done.returncode == 0, done.stdout


@needs_terraform
def test_it_is_valid_and_holds_what_it_must(terraform: Terraform) -> None:
    done = terraform.run("validate")
    assert done.returncode == 0, done.stdout
    done = terraform.test()
    assert done.returncode == 0, done.stdout
    assert ", 0 failed" in done.stdout


@needs_terraform
@pytest.mark.parametrize("stage", ["dev", "test"])
def test_every_stage_can_be_planned(terraform: Terraform, stage: str) -> None:
    done = terraform.plan(stage)
    assert done.returncode == 0, done.stdout
    assert "to add, 0 to change, 0 to destroy" in done.stdout


@needs_terraform
@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("messaging.tf", "enable_message_ordering", "enable_mesage_ordering", "enable_message_ordering"),
        ("functions.tf", "google_kms_crypto_key.keyset.id", "google_kms_crypto_key.nokkelsett.id", "nokkelsett"),
    ],
)
def test_a_misspelling_is_refused(tmp_path: Path, name: str, old: str, new: str, told: str) -> None:
    made = Terraform(tmp_path)
    made.change(name, old, new)
    done = made.run("validate")
    assert done.returncode != 0
    assert told in done.stdout


@needs_terraform
@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        (
            "topology.auto.tfvars.json",
            '"dead_letter": { "topic": "hendelse-dead-letter", "max_delivery_attempts": 20 }',
            '"dead_letter": null',
            "A subscription that pushes has a dead letter",
        ),
        ("access.auto.tfvars.json", '"dataViewer"', '"admin"', "Roles are narrow"),
        ("access.auto.tfvars.json", '"mottak": {', '"motak": {', "mottak"),
        ("topology.auto.tfvars.json", '"location": "europe-north1"', '"location": "europe-west1"', "europe-north1"),
    ],
)
def test_what_must_not_be_declared_is_refused(tmp_path: Path, name: str, old: str, new: str, told: str) -> None:
    made = Terraform(tmp_path)
    made.change(name, old, new)
    done = made.plan("test")
    assert done.returncode != 0
    assert told in done.stdout


@needs_terraform
def test_a_missing_right_is_refused(tmp_path: Path) -> None:
    made = Terraform(tmp_path)
    made.change(
        "messaging.tf",
        "for_each = { for name, one in var.subscriptions : name => one if one.dead_letter != null }",
        "for_each = {}",
    )
    done = made.test()
    assert done.returncode != 0
    assert "may not take the dead letters" in done.stdout


# --- rights ----------------------------------------------------------------------------------------------------------


def test_each_right_is_to_something_that_there_is() -> None:
    folders = {f"{one.parts[-3]}.{one.parts[-2]}" for one in (ROOT / "bigquery_schemas").glob("*/*/metadata.yaml")}
    runs = {one.service_account for one in TOPOLOGY.functions.values()} | {"konnektor", "bygg"}
    assert ACCESS.keys() == runs
    for one in ACCESS.values():
        assert set(one["publish"]) <= TOPOLOGY.topics.keys()
        assert one["buckets"].keys() <= TOPOLOGY.buckets.keys()
        assert one["tables"].keys() <= folders
        assert one["datasets"].keys() <= TOPOLOGY.datasets.keys()
        assert set(one["secrets"]) <= TOPOLOGY.secrets.keys()


def test_who_may_see_identifiers() -> None:
    """Only intake, and what derives who is one child, has the keyset that identifiers are encrypted with."""
    assert {who for who, one in ACCESS.items() if "nokkelsett" in one["secrets"]} == {
        *("mottak", "kostra", "kostra-fil", "henting", "innsending-api", "avledning")
    }
    assert {who for who, one in ACCESS.items() if "analyse-nokkelsett" in one["secrets"]} == {"avledning"}
    assert "register" not in ACCESS["uttrekk"]["datasets"]
    assert not [name for name in ACCESS["uttrekk"]["tables"] if name.startswith("register.")]
    assert not ACCESS["uttrekk"]["buckets"]


@pytest.mark.parametrize("name", sorted(ALARMS["alarms"]))
def test_an_alarm_counts_what_is_counted(name: str) -> None:
    alarm = ALARMS["alarms"][name]
    own = alarm["filter"].partition("user/bvr/")[2].partition('"')[0]
    assert not own or own in ALARMS["log_metrics"]
    metric = ALARMS["log_metrics"].get(own, {"value_type": "INT64"})
    spread = metric["value_type"] == "DISTRIBUTION"
    assert spread == alarm["aligner"].startswith("ALIGN_PERCENTILE")
    assert (alarm["threshold"] is None) == (alarm["comparison"] == "ABSENT")


def test_submissions_reach_the_function_that_takes_them() -> None:
    """The balancer's paths are those that the API itself has."""
    (paths,) = re.findall(r"paths\s+= (\[.*\])", (ROOT / "terraform/network.tf").read_text(encoding="utf-8"))
    assert json.loads(paths) == [submit.PATH]


# --- the local cloud -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """type -> index -> values, of prod: it has everything."""
    found: dict[str, dict[str, Any]] = {}
    for one in Terraform(tmp_path_factory.mktemp("planned")).planned("prod"):
        found.setdefault(one["type"], {})[str(one.get("index", one["name"]))] = one["values"]
    return found


RUNS = {"kvittering-utsending"}
"""Subscriptions whose function runs in this test: only those push."""


def name_of(subscription: Any) -> str:
    return str(subscription.name.split("/")[-1])


@pytest.fixture(scope="module")
def cloud() -> Any:
    with running(functions=["utsending"]) as found:
        yield found


@needs_terraform
@pytest.mark.local_cloud
@pytest.mark.timeout(180)
def test_the_local_cloud_has_what_is_planned(cloud: LocalCloud, planned: dict[str, dict[str, Any]]) -> None:
    """One by one, as each says it itself: through Google's clients, and in the plan."""
    project = config().project
    publisher, subscriber = pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient()
    topics = {one.name.split("/")[-1] for one in publisher.list_topics(project=f"projects/{project}")}
    assert topics == planned["google_pubsub_topic"].keys()
    here = {
        name_of(one): (
            one.topic.split("/")[-1],
            one.ack_deadline_seconds,
            one.enable_message_ordering,
            one.filter,
            bool(one.push_config.push_endpoint) or name_of(one) not in RUNS,
            one.dead_letter_policy.max_delivery_attempts or None,
            one.retry_policy.minimum_backoff.seconds if "retry_policy" in one else None,
        )
        for one in subscriber.list_subscriptions(project=f"projects/{project}")
    }
    there = {
        name: (
            TOPOLOGY.subscriptions[name].topic,
            one["ack_deadline_seconds"],
            one["enable_message_ordering"],
            one["filter"],
            bool(one["push_config"]) or name not in RUNS,
            one["dead_letter_policy"][0]["max_delivery_attempts"] if one["dead_letter_policy"] else None,
            int(one["retry_policy"][0]["minimum_backoff"].removesuffix("s")) if one["retry_policy"] else None,
        )
        for name, one in planned["google_pubsub_subscription"].items()
    }
    assert here == there
    buckets = {one.name.removeprefix(f"{project}-") for one in gcp.storage_client(project).list_buckets()}
    assert buckets == planned["google_storage_bucket"].keys() - {"bygg", "tilgangslogg"}
    client = gcp.queries(config()).client
    datasets = {one.dataset_id for one in client.list_datasets()}
    assert datasets == planned["google_bigquery_dataset"].keys()
    tables, views, functions = set(), set(), set()
    for dataset in datasets:
        functions |= {f"{dataset}.{one.routine_id}" for one in client.list_routines(dataset)}
        for one in client.list_tables(dataset):
            (views if one.table_type == "VIEW" else tables).add(f"{dataset}.{one.table_id}")
    made = planned["google_bigquery_table"]
    assert tables == {name for name, values in made.items() if not values["view"]}
    assert views == {name for name, values in made.items() if values["view"]}
    assert functions == planned["google_bigquery_routine"].keys()
    for name in tables:
        columns = [(field.name, field.mode) for field in client.get_table(f"{project}.{name}").schema]
        assert columns == [(one["name"], one.get("mode", "NULLABLE")) for one in json.loads(made[name]["schema"])], name
    assert planned["google_cloudfunctions2_function"].keys() == TOPOLOGY.functions.keys()
    assert planned["google_cloud_scheduler_job"].keys() == TOPOLOGY.schedules.keys()


@needs_terraform
@pytest.mark.local_cloud
def test_a_function_is_configured_as_here(cloud: LocalCloud, planned: dict[str, dict[str, Any]]) -> None:
    """Each variable of the topology, but for secrets that the function may not read."""
    for name, function in planned["google_cloudfunctions2_function"].items():
        given = function["service_config"][0]["environment_variables"]
        may = set(ACCESS[TOPOLOGY.functions[name].service_account]["secrets"])
        for variable, value in TOPOLOGY.function_environment(name).items():
            if value not in TOPOLOGY.secrets:
                assert given[variable] == value, (name, variable)
            elif value in may:
                assert given[variable] == f"/secrets/{value}/innhold", (name, variable)
            else:
                assert variable not in given, (name, variable)
        mounted = {one["secret"] for one in function["service_config"][0]["secret_volumes"]}
        assert mounted == may, name
