"""An API over releases held in memory: two of a year that was revised, made and protected as they always are."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import flask
import msgspec
import numpy as np
from werkzeug.serving import make_server

from bvr.api.handler import Api
from bvr.api.http import Request, Response
from bvr.api.limiter import Limiter
from bvr.api.openapi import page, render
from bvr.api.published import LatestRuns, Releases
from bvr.statistics.freezes import Freeze
from bvr.statistics.publication import release
from bvr.statistics.publication.declared import products
from bvr.statistics.publication.linked import Earlier
from tests.unit.api_world import NAMES as NAMES_OF
from tests.unit.api_world import QUERIES, FakeTables, Pulls, Seen, token, verifier_that_lets_in
from tests.unit.release_world import World, municipalities

PLACES = municipalities()[20:32]
PRODUCTS = {product.id: product for product in products()}
NAMES = ("undersokelser", "barn-med-tiltak")
FIRST = datetime(2025, 6, 1, 12, tzinfo=UTC)


class Stored:
    """What the API sees of BigQuery: releases, their cells, and the freezes they are made of."""

    def __init__(self) -> None:
        self.releases: list[dict[str, Any]] = []
        self.cells: dict[str, list[dict[str, Any]]] = {}
        self.frozen: dict[str, list[dict[str, Any]]] = {}
        self.made: dict[str, release.Made] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def query(self, sql: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        given = parameters or {}
        self.asked.append((sql, given))
        if "FROM statistikk.utgivelse WHERE" in sql:
            return [row for row in self.releases if row["produkt"] == given["produkt"]]
        if "FROM statistikk.utgivelse_tall" in sql:
            return self.cells[given["id"]]
        if "FROM statistikk.frosne_tall" in sql:
            return self.frozen[given["id"]]
        raise AssertionError(sql)


@cache
def stored() -> Stored:
    found = Stored()
    drawn, changed = World(5, chosen=PLACES), World(5, chosen=PLACES)
    kept = np.random.default_rng(2).random(len(changed.barn)) >= 0.03
    for name in ("kommune", "barn", "kjonn", "alder", "omsorg", "bydel", "halvar", "u"):
        setattr(changed, name, getattr(changed, name)[kept])
    for name in NAMES:
        out: list[Earlier] = []
        same: list[release.Utgivelse] = []
        for number, world in (("T2", drawn), ("T4", changed)):
            rows = [
                {**row, "region": str(row["region"]), "kode": str(row["kode"])}
                for row in world.rows("2024")
                if row["indikator"] in PRODUCTS[name].figures
            ]
            made = release.make(PRODUCTS[name], rows, world.groups, out, people=world.people)
            assert made.publishable
            freeze_id = f"2024-{number}"
            known = FIRST + timedelta(days=30 * len(out))
            freeze = Freeze(
                **{"frysing_id": freeze_id, "periode": "2024", "nummer": number, "kunnskapstidspunkt": known},
                **{"frosset": known, "forrige_id": None, "rader": 1, "sha256": "a" * 64, "regelsett": "1"},
                **{"kodelister_sha256": "b" * 64, "sporringer_sha256": "c" * 64},
            )
            identity = f"{name}-{freeze_id}"
            record = release._record(
                made, identity, freeze, known + timedelta(hours=1), same, "nye saker" if same else ""
            )
            same.append(record)
            out.append(Earlier(name=identity, cells=made.cells, hidden=made.hidden))
            found.releases.append(msgspec.structs.asdict(record))
            found.cells[identity] = [
                {**dict.fromkeys(("tall", "symbol")), **row} for row in release._cells(identity, made)
            ]
            found.frozen[freeze_id] = [*found.frozen.get(freeze_id, []), *rows]
            found.made[identity] = made
    return found


class ReleasedWorld:
    """The API; `regions` are those that every caller sees as they are."""

    def __init__(self, *regions: str, limiter: Limiter | None = None) -> None:
        self.tables = stored()
        self.logged: list[tuple[str, dict[str, Any]]] = []
        self.api = Api(
            published=[LatestRuns(QUERIES, FakeTables(), NAMES_OF), Releases(self.tables)],
            verifier=verifier_that_lets_in(),
            openapi=render().encode(),
            rights=Seen(*regions),
            pulls=Pulls(),
            log=lambda event, **values: self.logged.append((event, values)),
            limiter=limiter,
            page=page(),
        )

    def call(self, path: str, *, method: str = "GET", body: bytes = b"", headers: Any = None, **query: str) -> Response:
        given = {name.lower(): value for name, value in (headers or {}).items()}
        query = {**query.pop("query", {}), **query}
        return self.api.handle(Request(method=method, path=path, query=query, headers=given, body=body))

    @contextmanager
    def served(self) -> Any:
        """The API over HTTP on a free port; a client that knows of no tokens is given one on the way, as by a proxy."""
        app = flask.Flask("uttrekk")
        given = f"Bearer {token()}"

        @app.route("/", defaults={"path": ""}, methods=["GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
        @app.route("/<path:path>", methods=["GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
        def answer(path: str) -> flask.Response:
            headers = {name.lower(): value for name, value in flask.request.headers.items()}
            headers.setdefault("authorization", given)
            found = self.api.handle(
                Request(
                    method=flask.request.method,
                    path="/" + path,
                    query=flask.request.args.to_dict(),
                    headers=headers,
                    body=flask.request.get_data(),
                )
            )
            return flask.Response(found.body, status=found.status, headers=found.headers)

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
