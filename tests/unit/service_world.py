"""The world around the service, in memory: buckets, a table and topics that can fail at any call."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import msgspec

from bvr.desk import Desk, Listed, Objects, Stored
from bvr.errors import Broken, Retry
from bvr.intake.envelope import Delivery
from bvr.intake.protocol import SSB_SUBMIT, SUBMIT
from bvr.intake.sender import Right, Senders
from bvr.pipeline import Settings
from bvr.register.keys import TinkCipher, new_keyset
from bvr.register.proto import RowWriter
from bvr.rules.examples import document, sak
from bvr.service import Service

ROOT = Path(__file__).resolve().parents[2]
SENDER = str(uuid5(NAMESPACE_URL, "avsender"))
ROWS = RowWriter.of(ROOT / "bigquery_schemas/register/innsending/schema.json")
CIPHER = TinkCipher(new_keyset())


class World:
    """Counts every call to the platform. `fail` holds numbers of calls that fail with Retry; `before` decides whether
    the failing call had its effect first (a lost answer) or not (a lost request)."""

    def __init__(self) -> None:
        self.now = datetime(2026, 6, 30, 12, tzinfo=UTC)
        self.calls = 0
        self.fail: set[int] = set()
        self.lost_answer = False
        self.broken_append = False
        self.rows: list[bytes] = []
        self.published: list[tuple[str, bytes, dict[str, str], str]] = []
        self.elements_known: frozenset[tuple[str, str]] = frozenset()

    def call(self) -> bool:
        """One call to the platform. True when its effect should still happen before the fault; raises otherwise."""
        self.calls += 1
        if self.calls in self.fail:
            if self.lost_answer:
                return True
            raise Retry("the platform is away")
        return False


class Bucket:
    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.objects: dict[str, tuple[Stored, datetime]] = {}

    def _then(self, failed: bool) -> None:
        if failed:
            raise Retry("the answer was lost")

    def create(self, name: str, data: bytes, metadata: dict[str, str] | None = None) -> bool:
        failed = self.world.call()
        new = name not in self.objects
        if new:
            self.objects[name] = (Stored(data=data, metadata=metadata or {}, generation=1), self.world.now)
        self._then(failed)
        return new

    def read(self, name: str, generation: int | None = None) -> Stored | None:
        self._then(self.world.call())
        found = self.objects.get(name)
        if found is None or (generation is not None and generation != found[0].generation):
            return None
        return found[0]

    def size(self, name: str, generation: int | None = None) -> int | None:
        found = self.read(name, generation)
        return len(found.data) if found else None

    def exists(self, name: str) -> bool:
        return self.read(name) is not None

    def copy_to(self, name: str, other: Objects, new_name: str) -> None:
        other.create(new_name, self.objects[name][0].data)

    def delete(self, name: str) -> None:
        failed = self.world.call()
        self.objects.pop(name, None)
        self._then(failed)

    def listed(self, prefix: str) -> Iterator[Listed]:
        for name, (stored, created) in sorted(self.objects.items()):
            if name.startswith(prefix):
                yield Listed(name=name, created=created, metadata=stored.metadata)

    def names(self, prefix: str) -> list[str]:
        return sorted(name for name in self.objects if name.startswith(prefix))


class Register:
    def __init__(self, world: World) -> None:
        self.world = world

    def append(self, serialized_row: bytes) -> None:
        failed = self.world.call()
        if self.world.broken_append:
            raise Broken("append", "refused")
        self.world.rows.append(serialized_row)
        if failed:
            raise Retry("the answer was lost")

    def elements(self, orgnr: str, sak_id: str) -> frozenset[tuple[str, str]]:
        return self.world.elements_known


class Topics:
    def __init__(self, world: World) -> None:
        self.world = world

    def publish(self, topic: str, data: bytes, attributes: dict[str, str], ordering_key: str = "") -> None:
        failed = self.world.call()
        self.world.published.append((topic, data, attributes, ordering_key))
        if failed:
            raise Retry("the answer was lost")


REPORTER = document(sak()).avgiver


def right(**changed: Any) -> Right:
    """The right of SENDER to report for the municipality of the examples."""
    given = {
        "konto_id": SENDER,
        "orgnr": REPORTER.organisasjonsnummer,
        "navn": REPORTER.kommunenavn,
        "rolle": "fagsystem",
        "for_orgnr": REPORTER.organisasjonsnummer,
        "kommunenummer": REPORTER.kommunenummer,
        "gyldig_fra": date(2020, 1, 1),
    }
    return Right(**(given | changed))  # type: ignore[arg-type]


class SenderSource:
    """A register of senders that a test may change."""

    def __init__(self, *rights: Right) -> None:
        self.senders = Senders(rights or (right(),))

    def current(self, account: str | None = None) -> Senders:
        return self.senders


def desk(world: World) -> Desk:
    return Desk(
        archive=Bucket(world, "prosjekt-arkiv"),
        ledger=Bucket(world, "prosjekt-protokoll"),
        inbox=Bucket(world, "prosjekt-innboks"),
        topics=Topics(world),
        clock=lambda: world.now,
        account=str(uuid5(NAMESPACE_URL, "registeret")),
        topic_in="innsending",
        topic_events="hendelse",
        topic_out="kvittering",
        sweep_after=timedelta(minutes=15),
    )


def service(world: World, settings: Settings | None = None, *rights: Right) -> Service:
    return Service(
        desk=desk(world),
        register=Register(world),
        cipher=CIPHER,
        rows=ROWS,
        settings=settings or Settings(),
        senders=SenderSource(*rights),
    )


def native(xml: bytes, n: int = 1, **attributes: str) -> Delivery:
    """A native message with its XML inline. `n` tells messages apart."""
    found = {
        "melding-id": str(uuid5(NAMESPACE_URL, f"melding {n}")),
        "klient-melding-id": str(uuid5(NAMESPACE_URL, f"klient {n}")),
        "avsender-id": SENDER,
        "type": SUBMIT,
        "xsd-versjon": "4.0.1",
    } | {name.replace("_", "-"): value for name, value in attributes.items()}
    return delivery(xml, {name: value for name, value in found.items() if value}, n)


def ssb(xml: bytes, n: int = 1, version: object = 4, **attributes: str) -> Delivery:
    """A message of the production protocol."""
    body = msgspec.json.encode({"xsdVersion": version, "xmlBody": xml.decode()})
    return native(body, n, type=SSB_SUBMIT, xsd_versjon="", **attributes)


def delivery(body: bytes, attributes: dict[str, str], n: int = 1) -> Delivery:
    return Delivery(body=body, attributes=attributes, pubsub_id=str(n), published=datetime(2026, 6, 30, 12, tzinfo=UTC))
