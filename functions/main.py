"""Entry points of the functions: parse the event, call, answer. No decisions.

mottak, kostra, henting = receive · kostra-fil = receive_file · innsending-api = submit_api · utsending = deliver
feiing = sweep · avledning = derive · sporringer = run_queries · uttrekk = extract_api
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import flask
import functions_framework

from bvr import telemetry
from bvr.config import config
from bvr.errors import Retry
from bvr.intake.envelope import Delivery, read_delivery
from bvr.intake.protocol import TYPES
from bvr.log import log
from bvr.wiring import courier, desk, kostra, now, opener, senders, service

if TYPE_CHECKING:
    import requests

    from bvr.api.governance import Governance
    from bvr.api.handler import Api
    from bvr.api.http import Request, Response
    from bvr.api.maskinporten import Verifier
    from bvr.api.pulls import PullLog
    from bvr.api.rights import RightsRegister
    from bvr.api.submit import SubmitApi
    from bvr.hendelse.service import EventService


def _session(endpoint: str) -> requests.Session:
    from bvr import gcp

    return gcp.session(endpoint)


telemetry.sends_by(_session)
SERVICE = os.environ.get("K_SERVICE", "bvr")
"""The function that this process is, as Cloud Run names it."""


@cache
def events() -> EventService:
    """The flow of a notification."""
    from bvr import gcp
    from bvr.hendelse.pull import Puller
    from bvr.hendelse.service import EventService
    from bvr.maskinporten_client import TokenClient
    from bvr.register.proto import RowWriter
    from bvr.rules import RULES

    c = config()
    rows = RowWriter.of(c.schemas / "drift" / "henting" / "schema.json")
    write = gcp.write_client(c.bigquery_write_endpoint)
    tokens = TokenClient(c.maskinporten_issuer, c.maskinporten_client_id, Path(c.maskinporten_key).read_bytes())
    return EventService(
        desk=desk(),
        submissions=service(),
        pulls=Puller(tokens, c.settings.limits.bytes),
        senders=senders(),
        table=gcp.RegisterTable(write, gcp.queries(c), c, rows, "henting", c.dataset_drift),
        rows=rows,
        limits=c.settings.limits,
        ssb_ids={rule.id: rule.ssb for rule in RULES.values()},
        opener=opener(),
        require_sealed=c.require_sealed,
    )


def _delivery(request: flask.Request) -> Delivery | None:
    """The Pub/Sub message of a request; None (and acknowledged) when it is no push at all: nothing of ours sent it."""
    try:
        return read_delivery(request.get_json(silent=True), dict(request.headers))
    except ValueError as error:
        log("ikke en levering", severity="ERROR", grunn=str(error))
        return None


class Receives(Protocol):
    """A flow: takes a message all the way."""

    def receive(self, delivery: Delivery) -> object: ...


def _flow(delivery: Delivery) -> Receives:
    """The flow of a type of message; what is no type of ours is refused by the flow of cases."""
    known = TYPES.get(delivery.attributes.get("type", ""))
    flows: dict[str, Callable[[], Receives]] = {"sak": service, "kostra": kostra, "hendelse": events}
    return flows[known.flow if known else "sak"]()


def _taken(request: flask.Request, take: Callable[[Delivery], object]) -> tuple[str, int]:
    """A pushed message, all the way: 204 when it is done, 503 when Pub/Sub is to come again."""
    delivery = _delivery(request)
    if delivery is None:
        return "", 400
    with telemetry.handled(SERVICE, delivery.attributes.get("traceparent")):
        telemetry.tell("messaging.message.id", delivery.pubsub_id)
        try:
            take(delivery)
        except Retry as error:
            telemetry.failed("Retry")
            telemetry.tried_again("Retry")
            log("prøves igjen", severity="WARNING", pubsub_id=delivery.pubsub_id, grunn=str(error))
            return "", 503
    return "", 204


Scheduled = Callable[[flask.Request], tuple[dict[str, object], int]]


def _scheduled(run: Scheduled) -> Scheduled:
    """What a schedule calls, as a trace of its own."""

    @wraps(run)
    def whole(request: flask.Request) -> tuple[dict[str, object], int]:
        with telemetry.handled(SERVICE, request.headers.get("traceparent")):
            told, status = run(request)
            telemetry.tell("http.response.status_code", status)
            return told, status

    return whole


@functions_framework.http
def receive(request: flask.Request) -> tuple[str, int]:
    """mottak, kostra, henting: one message. Its type says which flow it is; the functions differ in room and time."""
    return _taken(request, lambda delivery: _flow(delivery).receive(delivery))


@functions_framework.http
def receive_file(request: flask.Request) -> tuple[str, int]:
    """kostra-fil: Cloud Storage tells of a KOSTRA file that was uploaded."""
    return _taken(request, lambda delivery: kostra().receive_file(delivery))


@functions_framework.http
def submit_api(request: flask.Request) -> flask.Response:
    """innsending-api: cases over HTTP, with a token."""
    return _answered(_submit_api(), request)


_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")


class Answers(Protocol):
    """An API of ours: a request in, a response out."""

    def handle(self, request: Request) -> Response: ...


def _answered(api: Answers, request: flask.Request) -> flask.Response:
    from bvr.api.http import Request

    with telemetry.handled(SERVICE, request.headers.get("traceparent")):
        telemetry.tell("http.request.method", request.method if request.method in _METHODS else "_OTHER")
        answer = api.handle(
            Request(
                method=request.method,
                path=request.path,
                query=request.args.to_dict(),
                headers={name.lower(): value for name, value in request.headers.items()},
                body=request.get_data(cache=False) if request.method == "POST" else b"",
            )
        )
        telemetry.tell("http.response.status_code", answer.status)
    return flask.Response(answer.body, status=answer.status, headers=answer.headers)


@cache
def _submit_api() -> SubmitApi:
    from bvr.api.submit import SubmitApi
    from bvr.api.submit_openapi import render

    return SubmitApi(service(), senders(), verifier(), render().encode(), now)


@cache
def verifier() -> Verifier:
    """Checks tokens, with the keys of the issuer: kept for the whole process."""
    from bvr.api.fetch import fetch_json
    from bvr.api.maskinporten import Verifier

    c = config()
    return Verifier(c.maskinporten_issuer, c.api_audience, fetch_json, delegation_sources=c.delegation_sources)


@functions_framework.http
def deliver(request: flask.Request) -> tuple[str, int]:
    """utsending: an answer has reached the topic."""
    return _taken(request, lambda delivery: courier().deliver(delivery))


@functions_framework.http
@_scheduled
def sweep(request: flask.Request) -> tuple[dict[str, object], int]:
    """feiing: wake what has been open too long; asked for `avstemming`, once a night, see that everything balances,
    and what somebody should know of before it hurts."""
    if not (request.get_json(silent=True) or {}).get("avstemming"):
        return {"vekket": desk().sweep()}, 200
    from bvr import gcp
    from bvr.pipeline import day_in_norway
    from bvr.reconcile import keep, reconcile
    from bvr.watch import watch

    tables = gcp.queries(config())
    balance = reconcile(desk(), tables)
    keep(tables, balance)
    certificate = config().seal_certificate
    own = Path(certificate).read_bytes() if certificate else None
    told = watch(tables, gcp.rights(tables), own, day_in_norway(now()))
    return {"avstemt": balance.counts.balances, "varsler": told}, 200


@functions_framework.http
@_scheduled
def derive(request: flask.Request) -> tuple[dict[str, object], int]:
    """avledning: what follows from the submissions so far; of the whole register when asked for `alt`, once a night."""
    from bvr.deriving import derive as run
    from bvr.figures import moment

    meant = request.headers.get("X-CloudScheduler-ScheduleTime")
    everything = bool((request.get_json(silent=True) or {}).get("alt"))
    told = run(moment(meant), everything=everything)
    log("avledet", alt=everything, **{f"{step}_endret": done.get("endret", 0) for step, done in told.items()})
    return {"avledet": told}, 200


@functions_framework.http
@_scheduled
def run_queries(request: flask.Request) -> tuple[dict[str, object], int]:
    """sporringer: the scheduled queries, as of the time the scheduler meant, and what follows them; 500 when one of
    them did not succeed.

    Asked for `vakt` it runs none, and calls somebody for each that has not succeeded in time.
    """
    from bvr.figures import late, moment, run_each
    from bvr.nightly import follow, overdue
    from bvr.statistics.schedule import GOOD

    if (request.get_json(silent=True) or {}).get("vakt"):
        found = late(now())
        for one in found:
            since = one.last.isoformat() if one.last else None
            log("spørring er forsinket", severity="ALERT", sporring=one.query, sist=since, utfall=one.outcome)
        freezes = overdue(now())
        for freeze in freezes:
            log("frysing er forsinket", severity="ALERT", frysing=freeze)
        return {"forsinket": [*(one.query for one in found), *freezes]}, 200
    run_time = moment(request.headers.get("X-CloudScheduler-ScheduleTime"))
    tries = [*run_each(run_time), *follow(run_time)]
    for t in tries:
        log(
            "spørring kjørt",
            severity="INFO" if t.outcome in GOOD else "ERROR",
            sporring=t.query,
            utfall=str(t.outcome),
            rader=t.rows,
            grunn=t.reason or None,
            varsler=", ".join(t.warned) or None,
            bytes=t.bytes_billed,
            sekunder=round(t.seconds, 2),
        )
    told = {t.query: {"utfall": str(t.outcome), "rader": t.rows, "sha256": t.sha256, "grunn": t.reason} for t in tries}
    return {"kjoringer": told}, 200 if all(t.outcome in GOOD for t in tries) else 500


@cache
def api() -> Api:
    """The extract API with BigQuery and the token issuer behind it, made once a process."""
    from bvr import gcp
    from bvr.api.handler import Api
    from bvr.api.limiter import Limiter
    from bvr.api.openapi import page, render
    from bvr.api.published import LatestRuns, Releases
    from bvr.model.kommuner import names
    from bvr.statistics.declared import queries

    c = config()
    tables = gcp.queries(c)
    return Api(
        published=[LatestRuns(queries(c.schemas), tables, names()), Releases(tables, fresh=15)],
        verifier=verifier(),
        rights=rights(),
        pulls=pulls(),
        log=log,
        openapi=render().encode(),
        page=page(),
        limiter=Limiter(c.api_calls_per_minute),
    )


@cache
def rights() -> RightsRegister:
    """What each organisation may see, read from BigQuery now and then."""
    from bvr import gcp
    from bvr.api.rights import RightsRegister, load

    tables = gcp.queries(config())
    return RightsRegister(lambda: load(tables), now)


@cache
def pulls() -> PullLog:
    """Tells of every pull: in the log, and in BigQuery."""
    from bvr import gcp
    from bvr.api.pulls import PullLog
    from bvr.register.proto import RowWriter

    c = config()
    rows = RowWriter.of(c.schemas / "drift" / "uttrekkslogg" / "schema.json")
    write = gcp.write_client(c.bigquery_write_endpoint)
    return PullLog(log, gcp.RegisterTable(write, gcp.queries(c), c, rows, "uttrekkslogg", c.dataset_drift), rows)


@cache
def governance() -> Governance:
    """Preview, approval, reports and code lists."""
    from bvr import gcp
    from bvr.api.governance import Governance
    from bvr.model.kommuner import names

    return Governance(gcp.queries(config()), rights(), verifier(), pulls(), names(), now, log)


@functions_framework.http
def extract_api(request: flask.Request) -> flask.Response:
    """uttrekk: figures for those with a token, and what is said of them before they are published."""
    from bvr.api.governance import governs

    return _answered(governance() if governs(request.path) else api(), request)
