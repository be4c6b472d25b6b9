"""The world around erasure, in memory: every bucket, the tables as real SQL, dead letters; all of it fails when asked.

The tables run the very statements in DuckDB. Beside those that the repository declares stand the derived ones that
erasure must find by their columns.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import sqlglot

from bvr.decode import Limits
from bvr.desk import Listed, Stored
from bvr.errors import Retry
from bvr.hendelse.pull import Gone, Pulled
from bvr.hendelse.service import EventService
from bvr.kostra.intake import KostraService
from bvr.kostra.rules import KostraOptions
from bvr.model.kommuner import names
from bvr.register.erasure import Office
from bvr.register.keeps import Keeps
from bvr.register.proto import RowWriter
from bvr.register.traces import Reader
from bvr.service import Service
from bvr.testpki import Pki
from tests.unit import service_world
from tests.unit.service_world import CIPHER, ROOT, ROWS, SenderSource, World, right

SCHEMAS = ROOT / "bigquery_schemas"
TOPOLOGY = ROOT / "terraform/topology.auto.tfvars.json"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PKI = Pki.new()
SIGNING = PKI.business("310000019", "Registeret")


def text(*columns: str) -> list[dict[str, Any]]:
    return [{"name": name, "type": "STRING", "mode": "NULLABLE"} for name in columns]


DERIVED: dict[str, list[dict[str, Any]]] = {
    "register.person_sak": text("orgnr", "sak_id", "barn_id", "egen_id", "grunn"),
    "register.person_sak_gjeldende": text("orgnr", "sak_id", "barn_id"),
    "register.person_identifikator": [
        {"name": "identifikator", "type": "BYTES", "mode": "NULLABLE", "description": "Kryptert (Tink)"},
        *text("type", "orgnr", "sak_id"),
    ],
    "register.sak_tabell": text("orgnr", "sak_id", "kommunenummer"),
    "register.analyse_grunnlag": text("formal", "orgnr", "sak_id", "barn", "sak"),
    "register.pseudonym": [
        *text("formal", "type", "nokkel", "pseudonym"),
        {"name": "salt", "type": "BYTES", "mode": "NULLABLE", "description": "Hemmelig"},
    ],
    "grunnlag.kohort": text("formal", "barn_id"),
    "statistikk.frys": text("kommunenummer", "verdi"),
}
"""Tables that others derive, with the columns that matter here."""

_DUCK = {
    "STRING": "VARCHAR",
    "BYTES": "BLOB",
    "INTEGER": "BIGINT",
    "FLOAT": "DOUBLE",
    "FLOAT64": "DOUBLE",
    "NUMERIC": "DOUBLE",
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "TIMESTAMP": "TIMESTAMPTZ",
}
_ARROW: dict[str, Any] = {
    "STRING": pa.string(),
    "BYTES": pa.binary(),
    "INTEGER": pa.int64(),
    "FLOAT": pa.float64(),
    "FLOAT64": pa.float64(),
    "NUMERIC": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us", tz="UTC"),
}


def _duck(column: dict[str, Any]) -> str:
    kind = _DUCK.get(column["type"])
    if kind is None:
        kind = "STRUCT({})".format(", ".join(f"{one['name']} {_duck(one)}" for one in column["fields"]))
    return kind + ("[]" if column.get("mode") == "REPEATED" else "")


def _arrow(column: dict[str, Any]) -> Any:
    kind = _ARROW.get(column["type"]) or pa.struct([(one["name"], _arrow(one)) for one in column["fields"]])
    return pa.list_(kind) if column.get("mode") == "REPEATED" else kind


def _plain(message: Any, columns: list[dict[str, Any]]) -> dict[str, Any]:
    """A serialised row as what it was."""

    def one(value: Any, column: dict[str, Any]) -> Any:
        match column["type"]:
            case "RECORD":
                return _plain(value, column["fields"])
            case "DATE":
                return date.fromordinal(date(1970, 1, 1).toordinal() + value)
            case "TIMESTAMP":
                return EPOCH + timedelta(microseconds=value)
        return value

    found = {}
    for column in columns:
        value = getattr(message, column["name"])
        if column.get("mode") == "REPEATED":
            found[column["name"]] = [one(each, column) for each in value]
        elif message.HasField(column["name"]):
            found[column["name"]] = one(value, column)
    return found


@cache
def _in_duck(sql: str) -> str:
    (statement,) = sqlglot.transpile(sql, read="bigquery", write="duckdb")
    return statement


class Tables:
    """The tables port on DuckDB. Each call counts as one to the platform."""

    def __init__(self, world: World, schemas: Path) -> None:
        self.world, self.columns = world, {}
        self.filled: set[str] = set()  # that have ever had a row: all others are as they were made
        self.duck = duckdb.connect()
        self.duck.execute("SET TimeZone = 'UTC'; SET threads = 1")
        for path in sorted(schemas.glob("*/*/schema.json")):
            name = f"{path.parts[-3]}.{path.parts[-2]}"
            self.columns[name] = json.loads(path.read_text(encoding="utf-8"))
            columns = ", ".join(f"{one['name']} {_duck(one)}" for one in self.columns[name])
            self.duck.execute(f"CREATE SCHEMA IF NOT EXISTS {path.parts[-3]}")
            self.duck.execute(f"CREATE TABLE {name} ({columns})")

    def put(self, table: str, rows: list[dict[str, Any]]) -> None:
        self.filled.add(table)
        shape = pa.schema([(one["name"], _arrow(one)) for one in self.columns[table]])
        given = pa.Table.from_pylist(rows, schema=shape)
        self.duck.register("given", given)
        self.duck.execute(f"INSERT INTO {table} SELECT * FROM given")
        self.duck.unregister("given")

    def query(self, sql: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        failed = self.world.call()
        self.filled |= set(re.findall(r"(?:INSERT INTO|MERGE(?: INTO)?|UPDATE) (\w+\.\w+)", sql))
        result = self.duck.execute(_in_duck(sql), parameters or {})
        names = [one[0] for one in result.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
        if failed:
            raise Retry("the answer was lost")
        return rows

    def insert(self, table: str, rows: list[dict[str, Any]], *, once: str = "") -> None:
        failed = self.world.call()
        self.put(table, rows)
        if failed:
            raise Retry("the answer was lost")

    def save(self) -> None:
        """Remember every row."""
        self.duck.execute("CREATE SCHEMA lagret")
        for table in self.columns:
            self.duck.execute(f"CREATE TABLE lagret.{table.replace('.', '_')} AS SELECT * FROM {table}")

    def restore(self) -> None:
        for table in self.filled:
            self.duck.execute(f"DELETE FROM {table}")
            self.duck.execute(f"INSERT INTO {table} SELECT * FROM lagret.{table.replace('.', '_')}")

    def everything(self) -> dict[str, list[str]]:
        """Every row of every table, as text."""
        return {
            table: sorted(repr(row) for row in self.duck.execute(f"SELECT * FROM {table}").fetchall())
            for table in self.filled
        }


class Bucket(service_world.Bucket):
    """A bucket that objects can be erased from."""

    def replace(self, name: str, data: bytes, metadata: dict[str, str]) -> None:
        failed = self.world.call()
        self.objects[name] = (Stored(data=data, metadata=metadata, generation=2), self.world.now)
        self._then(failed)

    def purge(self, name: str) -> None:
        self.delete(name)

    def listed(self, prefix: str) -> Iterator[Listed]:
        failed = self.world.call()
        found = list(super().listed(prefix))
        self._then(failed)
        yield from found


class DeadLetters:
    """What could not be delivered, of two subscriptions."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.kept: dict[str, list[tuple[bytes, dict[str, str]]]] = {}

    def sift(self, mine: Callable[[bytes, dict[str, str]], bool], *, remove: bool) -> dict[str, int]:
        failed = self.world.call()
        found = {name: [one for one in letters if mine(*one)] for name, letters in self.kept.items()}
        if remove:
            self.kept = {n: [one for one in letters if one not in found[n]] for n, letters in self.kept.items()}
        if failed:
            raise Retry("the answer was lost")
        return {name: len(letters) for name, letters in found.items()}


class _Table:
    def __init__(self, office: Erasing, table: str) -> None:
        self.office, self.table = office, table
        self.rows = RowWriter(office.tables.columns[table])

    def append(self, serialized_row: bytes) -> None:
        self.append_many([serialized_row])

    def append_many(self, serialized_rows: list[bytes]) -> None:
        failed = self.office.world.call()
        columns = self.office.tables.columns[self.table]
        self.office.tables.put(self.table, [_plain(self.rows.parse(one), columns) for one in serialized_rows])
        if failed:
            raise Retry("the answer was lost")

    def elements(self, orgnr: str, sak_id: str) -> frozenset[tuple[str, str]]:
        return frozenset()


class Api:
    """A municipality's API in memory."""

    def __init__(self) -> None:
        self.cases: dict[str, Pulled] = {}

    def pull(self, base: str, reference: str, known: str | None = None, *, whose: str = "") -> Pulled | Gone:
        return self.cases.get(reference, Gone(404))


class Erasing:
    """The whole register in memory: its flows, and the office that erases."""

    def __init__(self, folder: Path, *, opener: Any = None) -> None:
        self.world = World()
        schemas = folder / "bigquery_schemas"
        if not schemas.exists():
            shutil.copytree(SCHEMAS, schemas)
            for table, columns in DERIVED.items():
                place = schemas / table.replace(".", "/")
                (place / "view.sql").unlink(missing_ok=True)  # a table here, so that it can be filled
                if not (place / "schema.json").exists():
                    place.mkdir(parents=True, exist_ok=True)
                    (place / "schema.json").write_text(json.dumps(columns))
        self.tables = Tables(self.world, schemas)
        self.buckets = {
            name: Bucket(self.world, f"prosjekt-{name}")
            for name in ("arkiv", "protokoll", "innboks", "kostra", "rapporter")
        }
        self.dead, self.api = DeadLetters(self.world), Api()
        made = service_world.desk(self.world)
        self.desk = type(made)(
            **{name: getattr(made, name) for name in made.__struct_fields__}
            | {
                "archive": self.buckets["arkiv"],
                "ledger": self.buckets["protokoll"],
                "inbox": self.buckets["innboks"],
            }
        )
        self.senders = SenderSource(right(api_url="https://kommune.example"))
        plain = service_world.service(self.world)
        self.service = Service(
            **{name: getattr(plain, name) for name in plain.__struct_fields__}
            | {
                "desk": self.desk,
                "register": _Table(self, "register.innsending"),
                "senders": self.senders,
                "opener": opener,
            }
        )
        assert ROWS
        pulls = _Table(self, "drift.henting")
        self.events = EventService(
            desk=self.desk,
            submissions=self.service,
            pulls=self.api,
            senders=self.senders,
            table=pulls,
            rows=pulls.rows,
            limits=Limits(),
        )
        clients, files = _Table(self, "register.kostra_individ"), _Table(self, "register.kostra_fil")
        self.kostra = KostraService(
            desk=self.desk,
            uploads=self.buckets["kostra"],
            reports=self.buckets["rapporter"],
            clients=clients,
            files=files,
            client_rows=clients.rows,
            file_rows=files.rows,
            cipher=CIPHER,
            senders=self.senders,
            names=names(),
            options=KostraOptions(),
        )
        self.office = Office(
            buckets=self.buckets,  # type: ignore[arg-type]
            tables=self.tables,
            dead=self.dead,
            reader=Reader(limits=Limits(), opener=opener, cipher=CIPHER),
            keeps=Keeps.of(TOPOLOGY),
            schemas=schemas,
            clock=lambda: self.world.now,
            signing=SIGNING,
        )

    def link(self, orgnr: str, sak_id: str, barn_id: str) -> None:
        """What the derivations would have made of a case."""
        case = {"orgnr": orgnr, "sak_id": sak_id}
        self.tables.put("register.person_sak", [{**case, "barn_id": barn_id, "egen_id": barn_id, "grunn": "NY"}])
        self.tables.put("register.person_sak_gjeldende", [{**case, "barn_id": barn_id}])
        self.tables.put("register.person_identifikator", [{**case, "identifikator": b"1", "type": "FNR"}])
        self.tables.put("register.sak_tabell", [{**case, "kommunenummer": "3301"}])
        self.tables.put(
            "register.analyse_grunnlag", [{**case, "formal": "p", "barn": "ps1", "sak": f"ps-{sak_id[:8]}"}]
        )
        self.tables.put(
            "register.pseudonym",
            [
                {"formal": "p", "type": "SAK", "nokkel": f"{orgnr}/{sak_id}", "pseudonym": "s", "salt": b"s"},
                {"formal": "p", "type": "BARN", "nokkel": barn_id, "pseudonym": "b", "salt": b"b"},
            ],
        )
        self.tables.put("grunnlag.kohort", [{"formal": "p", "barn_id": barn_id}])

    def deliver(self) -> None:
        """Pub/Sub hands every answer that was published to utsending."""
        for topic, data, attributes, _ in list(self.world.published):
            if topic == "kvittering":
                self.service.deliver(service_world.delivery(data, attributes, len(self.world.published)))

    def save(self) -> None:
        """Remember everything, to begin from again."""
        self.tables.save()
        self._objects = {name: dict(bucket.objects) for name, bucket in self.buckets.items()}
        self._letters = {name: list(letters) for name, letters in self.dead.kept.items()}

    def restore(self) -> None:
        self.tables.restore()
        for name, objects in self._objects.items():
            self.buckets[name].objects = dict(objects)
        self.dead.kept = {name: list(letters) for name, letters in self._letters.items()}
        self.world.fail, self.world.calls = set(), 0

    def everything(self) -> dict[str, Any]:
        """Every object and every row, to be compared."""
        found: dict[str, Any] = {
            f"{bucket.name}/{name}": (stored.data, stored.metadata)
            for bucket in self.buckets.values()
            for name, (stored, _) in bucket.objects.items()
        }
        for table, rows in self.tables.everything().items():
            for n, row in enumerate(rows):
                found[f"{table}#{rows[:n].count(row)}#{row}"] = row
        for name, letters in self.dead.kept.items():
            for n, one in enumerate(letters):
                found[f"{name}#{n}#{one[1].get('melding-id')}"] = one
        return found
