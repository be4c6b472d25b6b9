"""Traces and metrics by OpenTelemetry, sent as OTLP to where the standard variable `OTEL_EXPORTER_OTLP_ENDPOINT` says;
without it nothing is recorded.

What leaves is from an allow-list: names of steps, ids of messages, codes and counts, and never text of a fault, a path
or a name of an object, whoever set it: libraries write attributes of their own. The trace of a message is the sender's,
when they began one, through every function that handles it.
"""

# mypy: disable-error-code="no-untyped-call"
# (parts of the SDK carry no types)

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Literal, NamedTuple
from uuid import uuid4

import requests
from opentelemetry import metrics, trace
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
Attribute = Literal[
    "messaging.message.id",
    "bvr.melding_id",
    "bvr.innsending_id",
    "bvr.kvitterings_id",
    "bvr.utfall",
    "bvr.verste",
    "http.request.method",
    "http.response.status_code",
    "error.type",
]
ALLOWED: frozenset[str] = frozenset(Attribute.__args__)  # type: ignore[attr-defined]
"""Every attribute that leaves."""
Step = Literal["arkiver", "pakk opp", "kontroller", "lagre rad", "svar"]
STEPS: frozenset[str] = frozenset(Step.__args__)  # type: ignore[attr-defined]
PROCESSED = "bvr.innsending.behandlet"
WAITED = "bvr.innsending.tid"
TRIED_AGAIN = "bvr.plattform.feil"
_BOUNDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900)
"""Seconds: the objective is 60."""
_PARENT = TraceContextTextMapPropagator()
_begun = threading.Event()
_lock = threading.Lock()


Sessions = Callable[[str], requests.Session]
_sessions: list[Sessions] = []


def sends_by(sessions: Sessions) -> None:
    """What makes the session that telemetry is sent by, of an endpoint. Without one nothing is sent."""
    _sessions[:] = [sessions]


def _begin() -> None:
    """Start sending, once a process and not before it is used: what serves has forked by then."""
    if _begun.is_set():
        return
    with _lock:
        if not _begun.is_set():
            if _sessions and (endpoint := os.environ.get(ENDPOINT)):
                _send(_sessions[0](endpoint))
            _begun.set()


def _send(session: requests.Session) -> None:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    name = os.environ.get("K_SERVICE", "bvr")
    resource = Resource.create(
        {
            "service.name": name,
            "service.version": os.environ.get("K_REVISION", ""),
            "service.instance.id": str(uuid4()),
            "gcp.project_id": os.environ.get("GOOGLE_CLOUD_PROJECT", ""),
        }
    )
    spans = TracerProvider(resource=resource)
    # How often is told by the SDK's own variables.
    spans.add_span_processor(BatchSpanProcessor(only_allowed(OTLPSpanExporter(session=session))))
    trace.set_tracer_provider(spans)
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(session=session))
    seconds = View(instrument_name=WAITED, aggregation=ExplicitBucketHistogramAggregation(_BOUNDS))
    metrics.set_meter_provider(MeterProvider(resource=resource, metric_readers=[reader], views=[seconds]))


def only_allowed(exporter: SpanExporter) -> SpanExporter:
    """An exporter that is given what may leave: allowed attributes, no events, no words of a fault."""
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Status

    def bare(span: ReadableSpan) -> ReadableSpan:
        return ReadableSpan(
            name=span.name,
            context=span.get_span_context(),
            parent=span.parent,
            resource=span.resource,
            attributes={name: value for name, value in (span.attributes or {}).items() if name in ALLOWED},
            kind=span.kind,
            status=Status(span.status.status_code),
            start_time=span.start_time,
            end_time=span.end_time,
            instrumentation_scope=span.instrumentation_scope,
        )

    class Allowed(SpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            return exporter.export([bare(span) for span in spans])

        def shutdown(self) -> None:
            exporter.shutdown()

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            return exporter.force_flush(timeout_millis)

    return Allowed()


def _tracer() -> trace.Tracer:
    return trace.get_tracer(__name__)


@contextmanager
def handled(name: str, parent: str | None = None) -> Iterator[None]:
    """The whole of what a function does with a message or a call, in the trace of `parent` (a traceparent)."""
    _begin()
    context = _PARENT.extract({"traceparent": parent}) if parent else None
    span = _tracer().start_span(name, context, SpanKind.CONSUMER)
    with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False), _told():
        yield


@contextmanager
def step(name: Step) -> Iterator[None]:
    """A part of it; a decorator, too."""
    span = _tracer().start_span(name)
    with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False), _told():
        yield


@contextmanager
def _told() -> Iterator[None]:
    """A fault is known by its kind, not by its words."""
    try:
        yield
    except Exception as error:
        failed(type(error).__name__)
        raise


def failed(kind: str) -> None:
    """What is being done has failed."""
    span = trace.get_current_span()
    span.set_attribute("error.type", kind)
    span.set_status(StatusCode.ERROR)


def tell(attribute: Attribute, value: str | int | None) -> None:
    """Something of what is being done."""
    if value is not None:
        trace.get_current_span().set_attribute(attribute, value)


def traceparent() -> str | None:
    """What is being done, as whoever goes on with it is told; None when nothing is recorded."""
    carrier: dict[str, str] = {}
    _PARENT.inject(carrier)
    return carrier.get("traceparent")


def processed(utfall: str, verste: str, seconds: float) -> None:
    """A submission was processed, that long after it was published."""
    about = {"bvr.utfall": utfall, "bvr.verste": verste}
    _instruments().processed.add(1, about)
    _instruments().waited.record(seconds, about)


def tried_again(kind: str) -> None:
    """A fault of the platform: the message will be delivered again."""
    _instruments().tried_again.add(1, {"error.type": kind})


class _Instruments(NamedTuple):
    processed: metrics.Counter
    waited: metrics.Histogram
    tried_again: metrics.Counter


@cache
def _instruments() -> _Instruments:
    meter = metrics.get_meter(__name__)
    return _Instruments(
        processed=meter.create_counter(PROCESSED, "1", "Innsendinger som er behandlet | Submissions processed"),
        waited=meter.create_histogram(WAITED, "s", "Fra levert til behandlet | From delivery to processed"),
        tried_again=meter.create_counter(TRIED_AGAIN, "1", "Leveringer som prøves igjen | Deliveries tried again"),
    )
