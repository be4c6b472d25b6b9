"""The world around the extract API: tables in memory, a token issuer with a key of its own, a log."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa

from bvr.api.handler import SCOPE, Api
from bvr.api.http import Request, Response
from bvr.api.maskinporten import Caller, Verifier
from bvr.api.published import LatestRuns
from bvr.api.pulls import Uttrekkslogg
from bvr.api.rights import Access, Rett
from bvr.errors import Retry
from bvr.statistics.declared import queries

ROOT = Path(__file__).resolve().parents[2]
QUERIES = queries(ROOT / "bigquery_schemas")
AT = datetime(2025, 2, 10, 3, 7, tzinfo=UTC)
ISSUER, AUDIENCE = "https://utsteder.example/", "https://uttrekk.example"
ORGNR, SUPPLIER = "986128433", "974760673"  # Bufdir; the Brønnøysund registers
NAMES = {"0301": "Oslo", "1103": "Stavanger", "4601": "Bergen", "5501": "Tromsø"}

# municipality -> (first half, second half, year), each (figure, children)
TOTALS = {
    "0301": ((40, 30), (50, 41), (90, 60)),
    "1103": ((2, 2), (30, 20), (32, 22)),  # a small half-year; the year would give it back
    "4601": ((0, 0), (7, 3), (7, 3)),  # few children, many reports
    "5501": ((0, 0), (0, 0), (0, 0)),
}


def totals() -> list[dict[str, Any]]:
    """The totals of 2024, and the provisional stock that is not served."""
    return [
        {
            "kommunenummer": kommune,
            "periode": f"2024{part}",
            "verdi": figure,
            "n_barn": children,
            "kunnskapstidspunkt": AT,
        }
        for kommune, cells in TOTALS.items()
        for part, (figure, children) in zip(("H1", "H2", ""), cells, strict=True)
    ]


class FakeTables:
    """What the API and a run see of BigQuery. Statements are kept, answers are those of `totals`."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.rows = totals()
        self.runs: list[dict[str, Any]] = [
            {
                "kjoring_id": "kjoring-1",
                "kunnskapstidspunkt": AT,
                "regelsett": "regler-1",
                "lopenummer": 1,
                "sha256": "x",
            }
        ]
        self.made: list[str] = []
        self.replaced: list[tuple[str, str]] = []
        self.deleted: list[str] = []
        self.bytes_billed = 0

    def query(self, sql: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        self.sent.append((sql, parameters or {}))
        if "FROM statistikk.kjoring" in sql:
            return self.runs
        return self.rows if sql.startswith("SELECT kommunenummer, periode, verdi") else []

    def create(self, table: str, sql: str, parameters: dict[str, Any] | None = None) -> None:
        self.sent.append((sql, parameters or {}))
        self.made.append(table)

    def replace(self, table: str, source: str) -> None:
        self.replaced.append((table, source))

    def delete(self, table: str) -> None:
        self.deleted.append(table)


@cache
def key(number: int = 1) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwk(number: int = 1, kid: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = jwt.algorithms.RSAAlgorithm.to_jwk(key(number).public_key(), as_dict=True)
    return {**found, "kid": kid or f"nokkel-{number}", "use": "sig"}


class Issuer:
    """The issuer's metadata and keys over HTTP; `down` makes it unreachable."""

    def __init__(self) -> None:
        self.keys = [jwk()]
        self.down = False
        self.fetched: list[str] = []
        self.metadata: Any = {"issuer": ISSUER, "jwks_uri": f"{ISSUER}jwk"}

    def fetch(self, url: str) -> Any:
        self.fetched.append(url)
        if self.down:
            raise OSError("unreachable")
        return self.metadata if url.endswith("oauth-authorization-server") else {"keys": self.keys}


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a good token; None takes one away."""
    now = int(time.time())
    found = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": now - 5,
        "exp": now + 115,
        "jti": "jti-1",
        "scope": f"ssb:annet {SCOPE}",
        "client_id": "klient-1",
        "consumer": {"authority": "iso6523-actorid-upis", "ID": f"0192:{ORGNR}"},
        **changes,
    }
    return {name: value for name, value in found.items() if value is not None}


def token(number: int = 1, algorithm: str = "RS256", kid: str | None = None, **changes: Any) -> str:
    return jwt.encode(claims(**changes), key(number), algorithm, headers={"kid": kid or f"nokkel-{number}"})


class Seen:
    """Rights: every caller sees some regions as they are, or none."""

    def __init__(self, *regions: str) -> None:
        self.regions = regions

    def of(self, caller: Caller) -> Access:
        given = {"navn": "Prøve", "rolle": "KOMMUNE", "hjemmel": "prøve", "gyldig_fra": date(2020, 1, 1)}
        rights = [Rett(orgnr=caller.orgnr, regioner=self.regions, produkter=("uttrekk",), **given)]
        return Access(caller.orgnr, tuple(rights if self.regions else ()))


class Pulls:
    """The log of pulls; `down` when nothing can be kept."""

    def __init__(self) -> None:
        self.kept: list[dict[str, Any]] = []
        self.down = False

    def tell(self, pull: Uttrekkslogg, **ids: str | None) -> None:
        if self.down:
            raise Retry("down")
        self.kept.append({**msgspec.structs.asdict(pull), **ids})


class World:
    """An API with everything around it in memory."""

    def __init__(self, **options: Any) -> None:
        self.tables = FakeTables()
        self.issuer = Issuer()
        self.now = 1_000_000.0
        self.logged: list[tuple[str, dict[str, Any]]] = []
        self.verifier = Verifier(
            ISSUER, options.pop("audience", AUDIENCE), self.issuer.fetch, lambda: self.now, **options
        )
        self.names = dict(NAMES)
        self.pulls = Pulls()
        self.api = Api(
            published=[LatestRuns(QUERIES, self.tables, self.names)],
            verifier=self.verifier,
            rights=Seen(),
            pulls=self.pulls,
            openapi=b"{}",
            log=lambda event, **values: self.logged.append((event, values)),
        )

    def get(self, path: str, *, method: str = "GET", authorization: str | None = "", **given: Any) -> Response:
        """A call with a good token, or another Authorization header. `headers` apart, the rest is the query."""
        headers = {name.lower(): value for name, value in given.pop("headers", {}).items()}
        if authorization == "":
            authorization = f"Bearer {token()}"
        if authorization is not None:
            headers["authorization"] = authorization
        query = {**given.pop("query", {}), **given}
        return self.api.handle(Request(method=method, path=path, query=query, headers=headers))


class _LetsIn:
    def verify(self, authorization: str | None, scope: str) -> Caller:
        return Caller(orgnr=ORGNR, scopes=(scope,))


def verifier_that_lets_in() -> Any:
    return _LetsIn()
