"""After a full run through every way in, raw numbers are in the archive and in no other place.

What senders bring to the door is theirs: the topic they publish to, the buckets they upload to, and the dead letters of
that topic hold it as it came. Everything that we make is searched, whoever it is for.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from google.cloud import bigquery, storage

from bvr import telemetry
from bvr.intake.protocol import KOSTRA_SUBMIT
from bvr.kostra.rules.examples import avgiver, individ, melding, nummer, tiltak
from bvr.kostra.xml import encode as kostra
from bvr.simulate import Mix, Submission, simulate
from bvr.simulate.population import kommuner
from emulator.cloud import LocalCloud
from emulator.telemetry import Collector, Span
from tests.emulated.clouds import running
from tests.emulated.leaks import Needles, Taps, leaks, logs, objects, tables
from tests.emulated.test_ways_in import event

pytestmark = [pytest.mark.local_cloud, pytest.mark.timeout(300)]

DOOR = ("topic/innsending", "topic/innsending-dead-letter")
BUCKETS_OF_SENDERS = ("arkiv", "innboks", "kostra")
CASES = ("register.", "bvr-lokal-protokoll/protokoll/")  # where a case stands as it was: the dataset, and its ledger


class World:
    """A local cloud after a full run: all that was sent, and all that was seen."""

    def __init__(self, cloud: LocalCloud, submissions: list[Submission], numbers: set[str]) -> None:
        self.cloud, self.submissions, self.numbers = cloud, submissions, numbers
        self.places: list[tuple[str, str | bytes]] = []

    def texts(self) -> set[str]:
        """Journal numbers, free text, and the sender's own ids of cases and elements."""
        found: set[str] = set()
        for s in self.submissions:
            sak = s.document.sak
            found |= {sak.journalnummer, *(m.presisering for e in sak.melding for m in e.melder if m.presisering)}
        return found

    def ids(self) -> set[str]:
        saker = [s.document.sak for s in self.submissions]
        return {sak.id for sak in saker} | {e.id for sak in saker for e in (*sak.melding, *sak.tiltak, *sak.vedtak)}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with running() as cloud:
        taps = Taps(os.environ["GOOGLE_CLOUD_PROJECT"])
        made = list(simulate(6, 60, 8, 31, mix=Mix(moves=0.1, planted=0.15, invalid=0.05)))
        found = World(cloud, made, _numbers(made) | _kostra_numbers())
        _run(cloud, made)
        found.places = [
            *taps.messages(),
            *tables(bigquery.Client()),
            *objects(storage.Client()),
            *logs(cloud),
        ]
        # What is sent last comes a little later.
        assert cloud.telemetry.wait(lambda seen: _followed(seen) >= len(made))
        found.places += [(f"telemetri/{span.service}", json.dumps(asdict(span))) for span in cloud.telemetry.spans]
        yield found
        taps.close()


def _followed(seen: Collector) -> int:
    """How many messages have been followed to the row and the answer."""
    return len(
        {span.attributes["bvr.kvitterings_id"] for span in seen.spans if "bvr.kvitterings_id" in span.attributes}
    )


def _numbers(submissions: list[Submission]) -> set[str]:
    people = [p for s in submissions for p in s.document.sak.personalia]
    return {p.fodselsnummer for p in people} | {p.duf_nummer for p in people if p.duf_nummer}


def _kostra_numbers() -> set[str]:
    return {nummer(f"2012-{1 + n % 12:02}-11") for n in range(20)}


def _run(cloud: LocalCloud, submissions: list[Submission]) -> None:
    """Every way in, then everything that is derived."""
    from bvr import gcp
    from bvr.config import config

    c = config()
    topics = gcp.publisher(c.project)
    expected: set[str] = set()
    with gcp.Inbox(c.project, c.topic_kvittering, None) as inbox:
        for s in submissions:
            topics.publish(c.topic_innsending, s.body, s.attributes)
            expected.add(s.melding_id)
        for data, about in (_kostra_file(), *_events(cloud, submissions)):
            topics.publish(c.topic_hendelse if "hendelse" in about["type"] else c.topic_innsending, data, about)
            expected.add(about["melding-id"])
        for _, attributes in inbox.messages(120):
            if not attributes["type"].endswith(".mottatt"):
                expected.discard(attributes["svar-til"])
            if not expected:
                break
    assert not expected
    at = max(s.sent for s in submissions).astimezone(UTC) + timedelta(days=1)
    assert cloud.trigger("avledning-alt").status_code == 200
    for schedule in ("sporringer", "feiing", "avstemming"):
        assert cloud.trigger(schedule, at).status_code == 200


def _kostra_file() -> tuple[bytes, dict[str, str]]:
    k = next(k for k in kommuner() if not k.bydeler)
    clients = [
        individ(
            tiltak(),
            *([melding()] if n else []),  # one with an error
            journalnummer=f"KOSTRA-JOURNAL-{n}",
            id=str(n),
            nr=nummer(f"2012-{1 + n % 12:02}-11"),
            start="2020-01-01",
        )
        for n in range(12)
    ]
    about = {
        "melding-id": str(uuid4()),
        "avsender-id": k.account,
        "type": KOSTRA_SUBMIT,
        "rapporteringsaar": "2024",
    }
    return kostra(avgiver(organisasjonsnummer=k.orgnr, kommunenummer=k.number, kommunenavn=k.name), clients), about


def _events(cloud: LocalCloud, submissions: list[Submission]) -> Iterator[tuple[bytes, dict[str, str]]]:
    """Cases of a municipality's API: some good, one that no schema accepts, one that is not there."""
    cases = {s.document.sak.id: s for s in submissions if s.version == "4.0.1"}
    for n, s in enumerate(list(cases.values())[:6]):
        reference = f"reference-of-a-leak-test-{n}"
        if n != 4:
            cloud.kommune.put(reference, s.xml if n != 5 else s.xml.replace(b"StartDato", b"Startdato"), s.version)
        yield event(s, reference)


def _outside(place: str, cloud: LocalCloud) -> bool:
    """Whether a place is ours, and not the senders' door."""
    project = cloud.environment["GOOGLE_CLOUD_PROJECT"]
    return place not in DOOR and not place.startswith(tuple(f"{project}-{name}/" for name in BUCKETS_OF_SENDERS))


def test_every_way_in_balances(world: World) -> None:
    """Cases, KOSTRA files, notifications and what was fetched, as seen when nothing can be on its way any more."""
    from bvr import gcp, wiring
    from bvr.config import config
    from bvr.reconcile import reconcile

    later = msgspec.structs.replace(wiring.desk(), clock=lambda: datetime.now(UTC) + timedelta(hours=3))
    found = reconcile(later, gcp.queries(config()), mend=False)
    assert found.counts.balances, found.differences
    assert found.counts.hentet > 0


def test_raw_numbers_are_in_the_archive_and_nowhere_else(world: World) -> None:
    needles = Needles(sorted(world.numbers))
    found = leaks(world.places, needles)
    assert {leak.place for leak in found if _outside(leak.place, world.cloud)} == set()
    archived = {leak.secret for leak in found if "-arkiv/" in leak.place}
    assert len(archived) > 50  # and there the search does find them


def test_everything_was_searched(world: World) -> None:
    """Tables with rows, receipts, every topic that was used, and the logs of all functions."""
    places = [place for place, text in world.places if len(text) > 2]
    for wanted in (
        *("register.innsending", "register.sak_gjeldende", "register.person_sak", "register.pseudonym"),
        *("register.analyse_grunnlag", "register.kostra_individ", "drift.henting", "grunnlag.avsender"),
        *("topic/kvittering", "topic/innsending", "topic/hendelse", "log/mottak.log", "log/henting.log"),
        *("log/avledning.log", "log/sporringer.log", "log/kostra.log", "telemetri/mottak", "telemetri/utsending"),
    ):
        assert wanted in places, wanted
    assert any("-protokoll/" in place for place in places)
    assert any("-rapporter/" in place for place in places)


def test_a_message_is_one_trace_through_all_that_handle_it(world: World) -> None:
    traces: dict[str, list[Span]] = {}
    for span in world.cloud.telemetry.spans:
        traces.setdefault(span.trace, []).append(span)
    whole = [spans for spans in traces.values() if {"mottak", "utsending"} <= {one.service for one in spans}]
    assert len(whole) >= len(world.submissions)
    stored: dict[str, bool] = {}
    for spans in traces.values():
        saving = {one.parent for one in spans if one.name == "lagre rad"}
        for one in spans:
            if receipt := one.attributes.get("bvr.kvitterings_id"):
                stored[receipt] = stored.get(receipt, False) or one.span in saving
    assert all(stored.values()), "a repeat stores nothing, and each content was stored once"
    for spans in whole:
        by_id = {one.span: one for one in spans}
        (first,) = [one for one in spans if one.name == "mottak" and "bvr.utfall" in one.attributes][:1]
        parts = {one.name for one in spans if one.parent == first.span}
        assert {"arkiver", "pakk opp", "svar"} <= parts
        sent = [one for one in spans if one.name == "utsending"]
        assert all(by_id[one.parent].name == "svar" for one in sent)
        assert all(one.start <= one.end for one in spans)


def test_what_is_sent_is_from_the_list(world: World) -> None:
    spans = world.cloud.telemetry.spans
    ours = {*world.cloud.topology.functions, *telemetry.STEPS}
    assert ours >= {
        span.name for span in spans if not span.name.startswith("BigQuery.")
    }  # Google's client tells of itself
    for span in spans:
        assert span.attributes.keys() <= telemetry.ALLOWED
        assert (span.words, span.events) == ("", 0)


def test_every_outcome_is_counted(world: World) -> None:
    """As the register has them: cases pushed to us, and those that were fetched."""
    rows = bigquery.Client().query_and_wait("SELECT utfall, COUNT(*) AS n FROM register.innsending GROUP BY utfall")
    stored = {row["utfall"]: row["n"] for row in rows}
    seen = world.cloud.telemetry
    assert seen.wait(lambda _: seen.total(telemetry.PROCESSED) >= sum(stored.values()))
    counted = {outcome: seen.total(telemetry.PROCESSED, bvr_utfall=outcome) for outcome in stored}
    assert {"REGISTERED", "EXCLUDED", "REJECTED"} <= stored.keys()
    assert all(counted[outcome] >= n for outcome, n in stored.items()), (counted, stored)
    assert seen.total(telemetry.WAITED) == seen.total(telemetry.PROCESSED)


def test_journal_numbers_and_texts_stay_in_the_register(world: World) -> None:
    needles = Needles(sorted(text for text in world.texts() if len(text) > 6))
    for leak in leaks(world.places, needles):
        assert leak.place.startswith(CASES) or not _outside(leak.place, world.cloud), leak.place


def test_analysts_see_no_id_of_a_sender(world: World) -> None:
    analysis = [(place, text) for place, text in world.places if place.startswith(("analyse.", "statistikk."))]
    assert len(analysis) > 12
    assert leaks(analysis, Needles(sorted(world.ids()))) == set()


@pytest.mark.parametrize("form", [str, lambda n: n.encode().hex(), lambda n: _packed(f"nr {n}!")])
def test_the_search_finds_what_is_planted(world: World, form: Any) -> None:
    """In a log line, a table, a receipt and an object, as it is or encoded; else the tests above prove nothing."""
    from bvr import gcp
    from bvr.config import config

    c = config()
    numbers = sorted(world.numbers)
    planted = form(numbers[7])
    needles = Needles(numbers)
    tap = Taps(c.project, name=f"plantet-{uuid4()}")
    gcp.publisher(c.project).publish(c.topic_kvittering, json.dumps({"x": planted}).encode(), {"svar-til": "ingen"})
    bucket = storage.Client().bucket(c.bucket(c.bucket_protokoll))
    bucket.blob(f"plantet/{uuid4()}").upload_from_string(b"... " + planted.encode())
    log = world.cloud.run_dir / "logs" / "plantet.log"
    log.write_text(json.dumps({"message": planted}))
    client = bigquery.Client()
    client.query_and_wait("CREATE OR REPLACE TABLE drift.plantet AS SELECT @x AS x", job_config=_text(planted))
    try:
        places = [
            *tap.messages(),
            *objects(storage.Client()),
            *logs(world.cloud),
            *tables(client, only="drift.plantet"),
        ]
        ours = {leak for leak in leaks(places, needles) if _outside(leak.place, world.cloud)}
        assert {leak.secret for leak in ours} == {7}
        kinds = {leak.place.partition("/")[0].removeprefix(f"{c.project}-") for leak in ours}
        assert kinds == {"topic", "protokoll", "log", "drift.plantet"}
    finally:
        tap.close()
        log.unlink()
        client.delete_table("drift.plantet")
        for blob in bucket.list_blobs(prefix="plantet/"):
            blob.delete()


def _packed(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _text(value: str) -> bigquery.QueryJobConfig:
    return bigquery.QueryJobConfig(query_parameters=[bigquery.ScalarQueryParameter("x", "STRING", value)])
