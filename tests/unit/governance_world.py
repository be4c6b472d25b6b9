"""The world around governance: freezes and approvals in memory, rights, a token issuer, a log of pulls."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from bvr.api.governance import Governance
from bvr.api.http import Request, Response
from bvr.api.maskinporten import Verifier
from bvr.api.pulls import PullLog
from bvr.api.rights import EVERYWHERE, SCOPES, Product, Rett, RightsRegister, Role
from bvr.errors import Retry
from bvr.model.identifiers import make_orgnr
from bvr.register.proto import RowWriter
from bvr.statistics import preview
from bvr.statistics.figures.catalogue import figures
from bvr.statistics.figures.tables import KEY
from tests.unit.api_world import AUDIENCE, ISSUER, NAMES, ROOT, Issuer, token

AT = datetime(2026, 1, 20, 9, 0, tzinfo=UTC)
EVERY = " ".join(SCOPES.values())


def _made(start: int) -> str:
    return next(made for n in range(start, start + 50) if (made := make_orgnr(n)))


SSB, BUFDIR, OSLO, STAVANGER, BYDEL, SAMARBEID, FAGSYSTEM, UKJENT, TILSYN = (
    _made(31_700_000 + 1000 * number) for number in range(9)
)
FIGURE = next(f.id for f in figures() if f.number == 27)
OTHER = next(f.id for f in figures() if f.family == "melding")


def right(orgnr: str, role: Role, *regions: str, products: tuple[Product, ...] = tuple(Product), **more: Any) -> Rett:
    given = {"navn": "Prøve", "hjemmel": "prøve", "gyldig_fra": date(2020, 1, 1), **more}
    return Rett(orgnr=orgnr, rolle=role.value, regioner=regions, produkter=tuple(p.value for p in products), **given)


RIGHTS = [
    right(SSB, Role.SSB, EVERYWHERE),
    right(BUFDIR, Role.BUFDIR, products=(Product.EXTRACTS, Product.QUALITY)),
    right(OSLO, Role.MUNICIPALITY, "0301"),
    right(STAVANGER, Role.MUNICIPALITY, "1103"),
    right(BYDEL, Role.MUNICIPALITY, "030101", products=(Product.EXTRACTS, Product.QUALITY)),
    right(SAMARBEID, Role.MUNICIPALITY, "4601", "5501"),
    right(FAGSYSTEM, Role.SUPPLIER, products=(Product.QUALITY,), leverandor="Prøvesystem"),
    right(TILSYN, Role.OTHER, "1103", products=(Product.EXTRACTS,)),
]


def figure(region: str, value: int, indicator: str = FIGURE) -> dict[str, Any]:
    """A row of frozen figures."""
    return {
        **{"indikator": indicator, "region": region, "niva": "KOMMUNE" if len(region) == 4 else "BYDEL"},
        **{"maal": "SUM", "periode": "2025H2", "periodetype": "D", "kjonn": "T", "aldersgruppe": "T", "kode": "T"},
        **{"verdi": value, "nevner": None, "andel": None, "n_barn": value, "n_barn_nevner": 0, "status": "KOMPLETT"},
    }


class FakeTables:
    """What governance sees of BigQuery. A load of an id that has been made adds nothing."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.jobs: set[str] = set()
        self.freezes: dict[str, datetime] = {}
        self.figures: dict[str, list[dict[str, Any]]] = {}
        self.sha: dict[tuple[str, str], str] = {}
        self.flags: list[dict[str, Any]] = []
        self.down = False
        self.meanwhile: list[Callable[[], object]] = []
        self.bytes_billed = 0

    def freeze(self, freeze_id: str, at: datetime, rows: list[dict[str, Any]]) -> None:
        """Make a freeze of rows, with the hashes that it has."""
        tables = {f.id: f.family for f in figures()}
        rows = sorted(rows, key=lambda r: (f"nokkeltall_{tables[r['indikator']]}_v1", *(r[one] for one in KEY)))
        self.freezes[freeze_id], self.figures[freeze_id] = at, rows
        for kommune in {r["region"][:4] for r in rows}:
            mine = [[r[c] for c in preview.COLUMNS] for r in rows if r["region"][:4] == kommune]
            self.sha[freeze_id, kommune] = preview.sha256(mine)

    def query(self, sql: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        if self.down:
            raise Retry("down")
        p = parameters or {}
        if "kall_nokkel = @nokkel" in sql:
            return [r for r in self.events if r["kall_nokkel"] == p["nokkel"]][:1]
        if "QUALIFY" in sql and "statistikk.godkjenning" in sql:
            return list({(r["kommunenummer"], r["periode"]): r for r in self.events if self._wanted(r, p)}.values())
        if "QUALIFY" in sql:
            return self._newest(p)
        if "statistikk.godkjenning" in sql:
            return [r for r in self.events if (r["kommunenummer"], r["periode"]) == (p["kommune"], p["periode"])]
        if "frysing_kommune" in sql:
            return [{"sha256": sha} for key, sha in self.sha.items() if key == (p["id"], p["kommune"])]
        if "indikator, verdi FROM" in sql:
            return [r for r in self.figures[p["id"]] if r["region"] == p["kommune"]]
        if "frosne_tall" in sql:
            return list(reversed([r for r in self.figures[p["id"]] if r["region"][:4] == p["kommune"]]))
        if "avvik_test" in sql:
            return [{"kjent": AT}]
        if "avvik_gjeldende" in sql:
            return [f for f in self.flags if f["kommunenummer"] == p["kommune"]]
        return []  # the reports: there is none

    def _wanted(self, row: dict[str, Any], p: dict[str, Any]) -> bool:
        return p["periode"] in (row["periode"], "") and (p["alle"] or row["kommunenummer"] in p["kommuner"])

    def _newest(self, p: dict[str, Any]) -> list[dict[str, Any]]:
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for (freeze, kommune), sha in sorted(self.sha.items(), key=lambda one: self.freezes[one[0][0]]):
            row = {"frysing_id": freeze, "periode": freeze.rsplit("-", 1)[0], "kommunenummer": kommune, "sha256": sha}
            row["kunnskapstidspunkt"] = self.freezes[freeze]
            if self._wanted(row, p):
                found[kommune, row["periode"]] = row
        return sorted(found.values(), key=lambda r: (r["periode"], r["kommunenummer"]))

    def insert(self, table: str, rows: list[dict[str, Any]], *, once: str = "") -> None:
        if self.meanwhile:
            self.meanwhile.pop()()
        if once not in self.jobs:
            self.jobs.add(once)
            self.events += rows

    def create(self, table: str, sql: str, parameters: dict[str, Any] | None = None) -> None: ...
    def replace(self, table: str, source: str) -> None: ...
    def delete(self, table: str) -> None: ...


class Rows:
    """`drift.uttrekkslogg`: rows held against its schema, and kept."""

    def __init__(self) -> None:
        self.writer = RowWriter.of(ROOT / "bigquery_schemas" / "drift" / "uttrekkslogg" / "schema.json")
        self.kept: list[dict[str, Any]] = []
        self.down = False

    def serialize(self, row: dict[str, Any]) -> bytes:
        self.writer.serialize(row)
        self._row = row
        return b""

    def append(self, serialized_row: bytes) -> None:
        if self.down:
            raise Retry("down")
        self.kept.append(self._row)


class World:
    """Governance with everything around it in memory: two municipalities' figures, frozen once."""

    def __init__(self) -> None:
        self.tables = FakeTables()
        self.tables.freeze(
            "2025H2-T1",
            AT - timedelta(days=5),
            [
                *(figure("0301", 100), figure("030101", 60), figure("030102", 40), figure("0301", 7, OTHER)),
                *(figure("1103", 2), figure("4601", 30), figure("5501", 20)),
            ],
        )
        self.issuer = Issuer()
        self.seconds = 1_000_000.0
        self.now = AT
        self.rights = list(RIGHTS)
        self.rows = Rows()
        self.logged: list[dict[str, Any]] = []
        self.verifier = Verifier(ISSUER, AUDIENCE, self.issuer.fetch, lambda: self.seconds)
        self.register = RightsRegister(lambda: self.rights, lambda: self.now)
        self.api = Governance(
            self.tables,
            self.register,
            self.verifier,
            PullLog(self._log, self.rows, self.rows),
            NAMES,
            lambda: self.now,
            self._log,
        )

    def _log(self, event: str, **values: Any) -> None:
        self.logged.append({"message": event, **values})

    def call(
        self,
        path: str,
        orgnr: str = OSLO,
        *,
        method: str = "GET",
        body: Any = None,
        headers: dict[str, str] | None = None,
        authorization: str | None = None,
        query: dict[str, str] | None = None,
        **claims: Any,
    ) -> Response:
        """A call with an organisation's token, or another Authorization header."""
        if authorization is None:
            consumer = {"authority": "iso6523-actorid-upis", "ID": f"0192:{orgnr}"}
            authorization = f"Bearer {token(**{'consumer': consumer, 'scope': EVERY, **claims})}"
        given = {"content-type": "application/json", "authorization": authorization}
        given |= {name.lower(): value for name, value in (headers or {}).items()}
        given = {name: value for name, value in given.items() if value}
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.api.handle(Request(method=method, path=path, query=query or {}, headers=given, body=data))

    def content(self, event: str, kommune: str = "0301", freeze: str = "2025H2-T1", **changes: Any) -> dict[str, Any]:
        """What an act says; None takes a field away."""
        sha = self.tables.sha.get((freeze, kommune), "0" * 64)
        given = {
            **{"kommunenummer": kommune, "periode": "2025H2", "frysingId": freeze, "sha256": sha, "hendelse": event},
            **{"navn": "Kari Nordmann", "rolle": "barnevernsleder", **changes},
        }
        return {name: value for name, value in given.items() if value is not None}

    def act(self, event: str, orgnr: str = OSLO, *, headers: dict[str, str] | None = None, **content: Any) -> Response:
        body = self.content(event, **content)
        return self.call("/v1/godkjenninger", orgnr, method="POST", body=body, headers=headers)


def problem(response: Response) -> Any:
    assert response.headers["Content-Type"] == "application/problem+json"
    return json.loads(response.body)
