"""A release on the local cloud: made by the command, told on its topic, attacked, and pulled by each who may."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from google.cloud import pubsub_v1

from bvr import gcp
from bvr.api.pulls import Uttrekkslogg
from bvr.cli import main
from bvr.config import config
from emulator.cloud import LOCAL_KOMMUNE, LocalCloud
from emulator.tokens import READ, fetch_token
from tests.emulated.clouds import running
from tests.emulated.releases import FREEZE, PRODUCT, load

pytestmark = [pytest.mark.local_cloud, pytest.mark.timeout(120)]

TABLE = f"/tables/bvr-{PRODUCT.id}/data?valuecodes[Region]=*&valuecodes[Tid]=*"


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with running(functions=["uttrekk"], more={"BVR_API_CALLS_PER_MINUTE": "100000"}) as found:
        load()
        yield found


def pull(cloud: LocalCloud, name: str, path: str = TABLE) -> requests.Response:
    client = cloud.tokens.client(name)
    key = Path(client.key_file).read_bytes()
    token = fetch_token(cloud.tokens.issuer, client.client_id, key, READ, cloud.url("uttrekk"))
    return requests.get(f"{cloud.url('uttrekk')}{path}", headers={"Authorization": f"Bearer {token}"}, timeout=30)


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, list(arguments), env={"COLUMNS": "200"})
    return done.exit_code, done.output


def cells(answer: requests.Response) -> dict[tuple[str, str], Any]:
    """(region, contents) -> figure, or its symbol."""
    found = answer.json()
    regions, contents = (list(found["dimension"][one]["category"]["index"]) for one in ("Region", "ContentsCode"))
    keys = [(region, content) for region in regions for content in contents]
    status = found.get("status", {})
    return {
        key: status.get(str(n), found["value"][n]) if found["value"][n] is None else found["value"][n]
        for n, key in enumerate(keys)
    }


def test_from_the_command_to_those_who_pull(cloud: LocalCloud) -> None:
    subscriber, c = pubsub_v1.SubscriberClient(), config()
    topic, name = subscriber.topic_path(c.project, c.topic_utgivelse), subscriber.subscription_path(c.project, "prove")
    subscriber.create_subscription(name=name, topic=topic)

    assert pull(cloud, "bufdir").status_code == 503, "nothing has been published"
    code, said = run("release", "make", PRODUCT.id, FREEZE)
    assert code == 0, said
    assert f"{PRODUCT.id}-{FREEZE}: endelig" in said
    again = run("release", "make", PRODUCT.id, FREEZE)
    assert again == (code, said), "made once"
    (told, *_) = subscriber.pull(subscription=name, max_messages=1, timeout=10).received_messages
    assert told.message.attributes["ce-type"] == "no.ssb.barnevern.utgivelse.v1.publisert"
    assert json.loads(told.message.data)["utgivelse"] == f"{PRODUCT.id}-{FREEZE}"
    subscriber.close()

    code, said = run("release", "list")
    assert "GRONN" in said
    assert run("attack", f"{PRODUCT.id}-{FREEZE}")[0] == 0
    assert run("attack", "finnes-ikke")[0] != 0
    assert run("release", "make", "finnes-ikke", FREEZE)[0] != 0
    assert run("release", "make", PRODUCT.id, "2031-T1")[0] != 0

    shown = {who: cells(pull(cloud, who)) for who in ("bufdir", "kommune")}
    hidden = {key for key, value in shown["bufdir"].items() if value == ":"}
    own = {key for key in hidden if key[0][:4] == LOCAL_KOMMUNE and not key[1].endswith("_andel")}
    assert hidden - own
    assert not any(shown["kommune"][key] == ":" for key in own)
    assert all(shown["kommune"][key] == ":" for key in hidden if key[0][:4] != LOCAL_KOMMUNE)
    assert (
        pull(cloud, "bufdir", "/v1/uttrekk/bvr-undersokelser/versjoner").json()["versjoner"][0]["status"] == "endelig"
    )
    assert b"/tables/{id}/data" in requests.get(cloud.url("uttrekk") + "/", timeout=30).content


def test_every_pull_is_logged_once_and_tells_no_figure(cloud: LocalCloud) -> None:
    rows = gcp.queries(config()).query("SELECT * FROM drift.uttrekkslogg WHERE ressurs = 'bvr-undersokelser'")
    assert {(row["rolle"], row["profil"]) for row in rows} == {("BUFDIR", "publiserbar"), ("KOMMUNE", "internt")}
    lines = [json.loads(line) for line in cloud.log("uttrekk").read_text().splitlines() if line.startswith("{")]
    pulls = [line for line in lines if line.get("sha256")]
    assert len(pulls) == len(rows)
    # Ids, hashes and codes: there is no name under which a figure could stand.
    named = {*Uttrekkslogg.__struct_fields__, "severity", "message", "time", "client_id", "jti"}
    assert {name for line in lines for name in line} <= named
