"""Entry points of the functions: parse the event, call, answer. No decisions.

mottak, kostra, henting = receive · kostra-fil = receive_file · innsending-api = submit_api · utsending = deliver
feiing = sweep · avledning = derive · sporringer = run_queries · uttrekk = extract_api
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import flask
import functions_framework

from bvr.config import config
from bvr.errors import Retry
from bvr.intake.envelope import Delivery, read_delivery
from bvr.intake.protocol import TYPES
from bvr.log import log

if TYPE_CHECKING:
    from bvr.api.handler import Api
    from bvr.api.submit import SubmitApi
    from bvr.desk import Desk
    from bvr.fiksio.send import FiksClient
    from bvr.hendelse.service import EventService
    from bvr.intake.sealed import Opener
    from bvr.intake.sealed.seal import AnswerSealer
    from bvr.intake.sender import SenderRegister
    from bvr.kostra.intake import KostraService
    from bvr.service import Service


@cache
def desk() -> Desk:
    """Where messages come in and answers go out, with Google behind its ports: made once a process."""
    from bvr import gcp
    from bvr.desk import Desk

    c = config()
    storage = gcp.storage_client(c.project)
    return Desk(
        archive=gcp.Bucket(storage, c.bucket(c.bucket_arkiv)),
        ledger=gcp.Bucket(storage, c.bucket(c.bucket_protokoll)),
        inbox=gcp.Bucket(storage, c.bucket(c.bucket_innboks)),
        topics=gcp.publisher(c.project),
        clock=_now,
        account=c.konto_id,
        topic_in=c.topic_innsending,
        topic_events=c.topic_hendelse,
        topic_out=c.topic_kvittering,
        sealer=_sealer(),
        sweep_after=timedelta(minutes=c.sweep_after_minutes),
    )


def _sealer() -> AnswerSealer | None:
    """Seals answers to those whose certificate the register of senders knows; None without a key to sign with."""
    c = config()
    if not c.seal_key:
        return None
    from bvr.intake.sealed.keys import certificates, private_key
    from bvr.intake.sealed.seal import AnswerSealer, Signing

    own, *chain = certificates(Path(c.seal_certificate))
    signing = Signing(key=private_key(Path(c.seal_key)), certificate=own, chain=chain)
    return AnswerSealer(signing, lambda account: senders().certificate_of(account))


@cache
def opener() -> Opener | None:
    """Opens sealed messages with the keys of Cloud KMS, or with those mounted as files; None where there are none."""
    c = config()
    if not (c.kms_keys or c.private_keys):
        return None
    from bvr import gcp
    from bvr.intake.sealed import Opener
    from bvr.intake.sealed.keys import PemKeys
    from bvr.intake.sealed.trust import Trust

    keys = gcp.kms_keys(c.kms_keys.split(",")) if c.kms_keys else PemKeys.of(c.private_keys)
    return Opener(
        keys=keys,
        trust=Trust.of(Path(c.trusted_issuers).read_bytes()),
        limits=c.sealed_limits,
    )


@cache
def senders() -> SenderRegister:
    """Who may report for whom, read from BigQuery now and then."""
    from bvr import gcp
    from bvr.intake.sender import SenderRegister

    query = gcp.queries(config())
    return SenderRegister(lambda: gcp.rights(query), _now)


@cache
def service() -> Service:
    """The flow of a case."""
    from bvr import gcp
    from bvr.register.keys import TinkCipher
    from bvr.register.proto import RowWriter
    from bvr.service import Service

    c = config()
    rows = RowWriter.of(c.schemas / "register" / "innsending" / "schema.json")
    return Service(
        desk=desk(),
        register=gcp.RegisterTable(gcp.write_client(c.bigquery_write_endpoint), gcp.queries(c), c, rows),
        cipher=TinkCipher.of(c.keyset, gcp.unwrapping(c)),
        rows=rows,
        settings=c.settings,
        senders=senders(),
        opener=opener(),
        outbound=_outbound(),
    )


def _outbound() -> FiksClient | None:
    """The way back through Fiks IO; None where that is not configured."""
    from bvr.fiksio.settings import fiks_client, fiks_settings

    settings = fiks_settings()
    return fiks_client(config(), settings, lambda account: senders().through_fiksio(account)) if settings.api else None


@cache
def kostra() -> KostraService:
    """The flow of a KOSTRA file."""
    from bvr import gcp
    from bvr.kostra.intake import KostraService
    from bvr.model.kommuner import names
    from bvr.register.keys import TinkCipher
    from bvr.register.proto import RowWriter

    c = config()
    storage, write = gcp.storage_client(c.project), gcp.write_client(c.bigquery_write_endpoint)
    rows = {n: RowWriter.of(c.schemas / "register" / n / "schema.json") for n in ("kostra_individ", "kostra_fil")}
    tables = {n: gcp.RegisterTable(write, gcp.queries(c), c, writer, n) for n, writer in rows.items()}
    return KostraService(
        desk=desk(),
        uploads=gcp.Bucket(storage, c.bucket(c.bucket_kostra)),
        reports=gcp.Bucket(storage, c.bucket(c.bucket_rapporter)),
        clients=tables["kostra_individ"],
        files=tables["kostra_fil"],
        client_rows=rows["kostra_individ"],
        file_rows=rows["kostra_fil"],
        cipher=TinkCipher.of(c.keyset, gcp.unwrapping(c)),
        senders=senders(),
        names=names(),
        options=c.kostra_options,
        opener=opener(),
        require_sealed=c.require_sealed,
    )


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


def _now() -> datetime:
    return datetime.now(UTC)


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


@functions_framework.http
def receive(request: flask.Request) -> tuple[str, int]:
    """mottak, kostra, henting: one message. Its type says which flow it is; the functions differ in room and time."""
    delivery = _delivery(request)
    if delivery is None:
        return "", 400
    try:
        _flow(delivery).receive(delivery)
    except Retry as error:
        log("prøves igjen", severity="WARNING", pubsub_id=delivery.pubsub_id, grunn=str(error))
        return "", 503
    return "", 204


@functions_framework.http
def receive_file(request: flask.Request) -> tuple[str, int]:
    """kostra-fil: Cloud Storage tells of a KOSTRA file that was uploaded."""
    delivery = _delivery(request)
    if delivery is None:
        return "", 400
    try:
        kostra().receive_file(delivery)
    except Retry as error:
        log("prøves igjen", severity="WARNING", pubsub_id=delivery.pubsub_id, grunn=str(error))
        return "", 503
    return "", 204


@functions_framework.http
def submit_api(request: flask.Request) -> flask.Response:
    """innsending-api: cases over HTTP, with a token."""
    from bvr.api.handler import Request

    answer = _submit_api().handle(
        Request(
            method=request.method,
            path=request.path,
            headers={name.lower(): value for name, value in request.headers.items()},
        ),
        request.get_data(cache=False),
    )
    return flask.Response(answer.body, status=answer.status, headers=answer.headers)


@cache
def _submit_api() -> SubmitApi:
    from bvr.api.fetch import fetch_json
    from bvr.api.maskinporten import Verifier
    from bvr.api.submit import SubmitApi
    from bvr.api.submit_openapi import render

    c = config()
    verifier = Verifier(c.maskinporten_issuer, c.api_audience, fetch_json)
    return SubmitApi(service(), senders(), verifier, render().encode(), _now)


@functions_framework.http
def deliver(request: flask.Request) -> tuple[str, int]:
    """utsending: an answer has reached the topic."""
    delivery = _delivery(request)
    if delivery is None:
        return "", 400
    try:
        service().deliver(delivery)
    except Retry as error:
        log("prøves igjen", severity="WARNING", pubsub_id=delivery.pubsub_id, grunn=str(error))
        return "", 503
    return "", 204


@functions_framework.http
def sweep(request: flask.Request) -> tuple[dict[str, int], int]:
    """feiing: wake what has been open too long."""
    return {"vekket": desk().sweep()}, 200


@functions_framework.http
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
def run_queries(request: flask.Request) -> tuple[dict[str, object], int]:
    """sporringer: the scheduled queries, as of the time the scheduler meant, and what follows them; 500 when one of
    them did not succeed.

    Asked for `vakt` it runs none, and calls somebody for each that has not succeeded in time.
    """
    from bvr.figures import late, moment, run_each
    from bvr.nightly import follow, overdue
    from bvr.statistics.schedule import GOOD

    if (request.get_json(silent=True) or {}).get("vakt"):
        found = late(_now())
        for one in found:
            since = one.last.isoformat() if one.last else None
            log("spørring er forsinket", severity="ALERT", sporring=one.query, sist=since, utfall=one.outcome)
        freezes = overdue(_now())
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
    from bvr.api.fetch import fetch_json
    from bvr.api.handler import Api
    from bvr.api.maskinporten import Verifier
    from bvr.api.openapi import render
    from bvr.model.kommuner import names
    from bvr.statistics.declared import queries

    c = config()
    return Api(
        queries=queries(c.schemas),
        tables=gcp.queries(c),
        verifier=Verifier(c.maskinporten_issuer, c.api_audience, fetch_json),
        names=names(),
        openapi=render().encode(),
        log=log,
    )


@functions_framework.http
def extract_api(request: flask.Request) -> flask.Response:
    """uttrekk: aggregated figures for those with a token."""
    from bvr.api.handler import Request

    answer = api().handle(
        Request(
            method=request.method,
            path=request.path,
            query=request.args.to_dict(),
            headers={name.lower(): value for name, value in request.headers.items()},
        )
    )
    return flask.Response(answer.body, status=answer.status, headers=answer.headers)
