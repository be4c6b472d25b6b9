"""What the connector keeps and tells of, as the intake then takes it: the two agree on names, and nothing is lost."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from bvr.desk import Stored
from bvr.fiksio.connector import Connector
from bvr.intake.envelope import Delivery
from bvr.intake.protocol import SUBMIT
from bvr.model.xml import encode
from bvr.rules.examples import document, melding, personalia, sak
from bvr.service import Service
from tests.unit.service_world import SENDER, Bucket, World, service

CASE = encode(document(sak(personalia(), melding(slutt="2024-02-05"))))


class Archive(Bucket):
    def create_from(self, name: str, parts: Any, metadata: dict[str, str] | None = None) -> bool:
        return self.create(name, b"".join(parts), metadata)


class Store:
    def __init__(self, *bodies: bytes) -> None:
        self.bodies = {str(uuid4()): body for body in bodies}

    @contextmanager
    def open(self, document_id: str) -> Any:
        body = self.bodies.get(document_id)
        yield None if body is None else iter([body[:10], body[10:]])


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def intake(world: World) -> Service:
    made = service(world)
    desk = msgspec.structs.replace(made.desk, archive=Archive(world, "prosjekt-arkiv"))
    return msgspec.structs.replace(made, desk=desk)


def connector(world: World, intake: Service, store: Any = None) -> Connector:
    return Connector(
        archive=intake.desk.archive,  # type: ignore[arg-type]
        topics=intake.desk.topics,
        topic_in="innsending",
        topic_events="hendelse",
        inbox="prosjekt-innboks",
        account=intake.desk.account,
        connect=lambda: None,
        clock=lambda: world.now,
        store=store or Store(),
        limits={"sak": 10_000_000, "hendelse": 10_000_000, "kostra": 10_000_000},
    )


def headers(**changed: Any) -> dict[str, Any]:
    about = {
        "melding-id": str(uuid4()),
        "type": SUBMIT,
        "avsender-id": SENDER,
        "egendefinert-header.xsdVersion": "4.0.1",
    }
    return {name: value for name, value in (about | changed).items() if value is not None}


def told(world: World) -> list[Delivery]:
    """What has been published to the intake, as it is delivered."""
    return [
        Delivery(body=data, attributes=attributes, pubsub_id=str(n), published=world.now)
        for n, (topic, data, attributes, _) in enumerate(world.published)
        if topic == "innsending"
    ]


def answers(world: World) -> list[Any]:
    return [json.loads(data) for topic, data, _, _ in world.published if topic == "kvittering"]


def raw(intake: Service) -> dict[str, Stored]:
    objects = intake.desk.archive.objects  # type: ignore[attr-defined]
    return {name: stored for name, (stored, _) in objects.items() if name.startswith("raa/")}


def test_a_case_is_archived_once_and_received_when_the_connector_took_it(world: World, intake: Service) -> None:
    one = connector(world, intake)
    received, about = world.now, headers()
    one.take(about, "60000", False, CASE, received)
    world.now += timedelta(minutes=3)
    one.take(about, "1000", True, CASE, world.now)  # delivered again
    for delivery in told(world):
        intake.receive(delivery)
    first, again = (delivery.attributes for delivery in told(world))
    assert again == first | {"resendt": "true"}
    assert len(raw(intake)) == 1
    assert [a["resultat"] for a in answers(world)] == ["GODKJENT"] * 2
    assert answers(world)[0]["mottattTidspunkt"] == received.isoformat().replace("+00:00", "Z")
    assert answers(world)[0]["kvitteringsId"] == answers(world)[1]["kvitteringsId"]


def test_the_same_id_with_another_content_is_received_too(world: World, intake: Service) -> None:
    one, about = connector(world, intake), headers()
    one.take(about, None, False, CASE, world.now)
    one.take(about, None, False, b"<annet/>", world.now)
    one.take(about, None, True, b"<annet/>", world.now)
    for delivery in told(world):
        intake.receive(delivery)
    assert sorted(stored.data for stored in raw(intake).values()) == sorted([CASE, b"<annet/>"])
    assert [a.get("resultat", a.get("feilkode")) for a in answers(world)] == ["GODKJENT", "XSD_UGYLDIG", "XSD_UGYLDIG"]


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"melding-id": None}, "melding-id"),
        ({"melding-id": "nei"}, "melding-id"),
        ({"melding-id": uuid4().hex}, "melding-id"),
        ({"avsender-id": None}, "avsender-id"),
        ({"type": None}, "type"),
        ({"svar-til": "nei"}, "svar-til"),
        ({"egendefinert-header.rapporteringsaar": "to tusen"}, "rapporteringsaar"),
        ({"egendefinert-header.klientMeldingId": "17"}, "klient-melding-id"),
    ],
)
def test_a_header_that_is_wrong_is_named_and_the_bytes_lie_in_one_place(
    world: World, intake: Service, changed: dict[str, Any], named: str
) -> None:
    one, about = connector(world, intake), headers(**changed)
    one.take(about, None, False, CASE, world.now)
    one.take(about, None, True, CASE, world.now)
    for delivery in told(world):
        receipt = intake.receive(delivery)
        assert receipt is not None
        assert receipt.fault == "envelope"
        assert named in receipt.findings[0].message_nb
    assert [stored.data for stored in raw(intake).values()] == [CASE]
    assert not world.rows or len({bytes(row) for row in world.rows}) == 1


def test_what_lies_beside_the_queue_is_received_like_any_other(world: World, intake: Service) -> None:
    store = Store(CASE)
    one = connector(world, intake, store)
    one.take(headers(**{"dokumentlager-id": next(iter(store.bodies))}), None, False, b"", world.now)
    (delivery,) = told(world)
    intake.receive(delivery)
    assert answers(world)[0]["resultat"] == "GODKJENT"
    assert [stored.data for stored in raw(intake).values()] == [CASE]


def test_what_is_too_large_is_refused_without_being_read(world: World, intake: Service) -> None:
    store = Store(b"x" * 10_000_001)
    one, about = connector(world, intake, store), headers(**{"dokumentlager-id": next(iter(store.bodies))})
    one.take(about, None, False, b"", world.now)
    one.take(about, None, True, b"", world.now)
    (kept,) = raw(intake)
    assert kept.endswith("-stor")
    for delivery in told(world):
        intake.receive(delivery)
    assert {a["feilkode"] for a in answers(world)} == {"FOR_STOR"}
    assert "10000001" in json.dumps(answers(world)[0])


@pytest.mark.parametrize("document_id", ["00000000-0000-4000-8000-00000000dead", "../../etc", "x"])
def test_what_is_gone_is_answered(world: World, intake: Service, document_id: str) -> None:
    connector(world, intake).take(headers(**{"dokumentlager-id": document_id}), None, False, b"", world.now)
    (delivery,) = told(world)
    intake.receive(delivery)
    assert "finnes ikke" in json.dumps(answers(world)[0])


def test_attributes_too_many_for_metadata_are_kept_beside_and_woken_whole(world: World, intake: Service) -> None:
    """Cloud Storage holds 8 KiB of metadata: what does not fit must not stop the queue for ever."""
    own = {f"egendefinert-header.n{n}": "v" * 1000 for n in range(8)}
    one = connector(world, intake)
    one.own_headers = frozenset(f"n{n}" for n in range(8))
    about = headers(**own)
    one.take(about, None, False, CASE, world.now)
    one.take(about, None, True, CASE, world.now)
    first, again = told(world)
    assert sum(len(k) + len(v) for stored in raw(intake).values() for k, v in stored.metadata.items()) < 8192
    assert again.attributes == first.attributes | {"resendt": "true"}
    intake.receive(first)
    assert answers(world)[0]["resultat"] == "GODKJENT"
