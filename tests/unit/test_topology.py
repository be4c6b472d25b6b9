"""The topology is consistent with itself, with Google's limits and with the code it names."""

import json

import pytest
from pydantic import ValidationError

from emulator import schemas
from emulator.scheduler import Cron
from emulator.topology import TOPOLOGY_FILE, Topology, load

TOPOLOGY = load()
DECLARED = json.loads(TOPOLOGY_FILE.read_bytes())
PUSHED = {name: one for name, one in TOPOLOGY.subscriptions.items() if one.push}


def test_it_holds_what_the_design_names():
    assert {"innsending", "kvittering", "hendelse"} <= set(TOPOLOGY.topics)
    assert {"register", "analyse", "statistikk", "grunnlag", "drift"} == set(TOPOLOGY.datasets)
    assert {"arkiv", "protokoll", "innboks", "kostra", "rapporter"} == set(TOPOLOGY.buckets)
    assert {name: one.entry_point for name, one in TOPOLOGY.functions.items()} == {
        "mottak": "receive",
        "kostra": "receive",
        "kostra-fil": "receive_file",
        "henting": "receive",
        "innsending-api": "submit_api",
        "utsending": "deliver",
        "feiing": "sweep",
        "avledning": "derive",
        "sporringer": "run_queries",
        "uttrekk": "extract_api",
    }


@pytest.mark.parametrize("name", PUSHED)
def test_a_push_subscription_keeps_what_it_cannot_deliver(name):
    subscription = PUSHED[name]
    assert subscription.dead_letter, "a message that cannot be delivered would be tried until it expires"
    kept = [
        other
        for other in TOPOLOGY.subscriptions.values()
        if other.topic == subscription.dead_letter.topic and other.push is None
    ]
    assert kept, "a topic without a subscription keeps nothing: dead letters would vanish"
    assert all(other.message_retention_seconds == 31 * 24 * 3600 for other in kept)


@pytest.mark.parametrize("name", PUSHED)
def test_a_function_answers_before_its_message_is_delivered_again(name):
    subscription = PUSHED[name]
    function = TOPOLOGY.functions[subscription.push.function]
    assert function.timeout_seconds < subscription.ack_deadline_seconds


@pytest.mark.parametrize("name", TOPOLOGY.schedules)
def test_a_schedule_waits_for_its_function(name):
    schedule = TOPOLOGY.schedules[name]
    assert TOPOLOGY.functions[schedule.function].timeout_seconds <= schedule.attempt_deadline_seconds
    Cron(schedule.cron)


def test_schedules_on_the_hour_may_run_twice_and_are_avoided():
    assert not [name for name, one in TOPOLOGY.schedules.items() if one.cron.startswith("0 ")]


def test_everything_is_in_one_region():
    assert {dataset.location for dataset in TOPOLOGY.datasets.values()} == {"europe-north1"}


def test_no_function_is_public():
    assert not [name for name, function in TOPOLOGY.functions.items() if function.public]


def test_each_function_runs_as_itself():
    accounts = [function.service_account for function in TOPOLOGY.functions.values()]
    assert len(set(accounts)) == len(accounts)
    assert {one.push.service_account for one in PUSHED.values()}.isdisjoint(accounts)


def test_every_table_is_in_a_declared_dataset():
    assert {one.dataset for one in schemas.read()} <= set(TOPOLOGY.datasets)


def test_each_kind_of_message_on_the_topic_goes_to_one_function():
    """The filters of the subscriptions of a topic share its messages out: none is handled twice, none by nobody."""
    from bvr.intake.protocol import KOSTRA_SUBMIT, SSB_SUBMIT, SUBMIT
    from emulator.pubsub.filters import parse

    filters = {n: parse(s.filter) for n, s in TOPOLOGY.subscriptions.items() if s.topic == "innsending"}
    for kind in (SSB_SUBMIT, SUBMIT, KOSTRA_SUBMIT, "unknown", None):
        takes = [name for name, one in filters.items() if one.matches({"type": kind} if kind else {})]
        assert takes == ["innsending-kostra" if kind == KOSTRA_SUBMIT else "innsending-mottak"]


def changed(*path, value):
    """The declaration with one value changed."""
    copy = json.loads(json.dumps(DECLARED))
    *parents, last = path
    place = copy
    for parent in parents:
        place = place[parent]
    place[last] = value
    return copy


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("subscriptions", "innsending-mottak", "topic"), "insending", "topic 'insending' is not declared"),
        (("subscriptions", "innsending-mottak", "push", "function"), "motak", "function 'motak' is not declared"),
        (("subscriptions", "innsending-mottak", "dead_letter", "topic"), "dead", "topic 'dead' is not declared"),
        (("functions", "mottak", "service_account"), "nobody", "service account 'nobody' is not declared"),
        (("schedules", "feiing", "function"), "sweep", "function 'sweep' is not declared"),
        (("environment", "BVR_TOPIC_KVITTERING"), "receipts", "topic 'receipts' is not declared"),
        (("environment", "BVR_BUCKET_ARKIV"), "archive", "bucket 'archive' is not declared"),
        (("environment", "BVR_DATASET_REGISTER"), "registry", "dataset 'registry' is not declared"),
        (("subscriptions", "innsending-mottak", "ack_dead_line"), 10, "Extra inputs are not permitted"),
        (("subscriptions", "innsending-mottak", "ack_deadline_seconds"), 601, "less than or equal to 600"),
        (("topics", "x"), {"description": "", "message_retention_seconds": 600}, "should match pattern"),
    ],
)
def test_a_fault_in_the_declaration_is_named(path, value, message):
    with pytest.raises(ValidationError, match=message):
        Topology.model_validate(changed(*path, value=value))
