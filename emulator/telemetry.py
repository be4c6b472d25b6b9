"""Where OpenTelemetry is sent in the local cloud: OTLP over HTTP, as Google's own endpoint takes it, kept in memory.

POST /v1/traces      ExportTraceServiceRequest
POST /v1/metrics     ExportMetricsServiceRequest
"""

from __future__ import annotations

import gzip
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from werkzeug.serving import BaseWSGIServer, make_server
from werkzeug.wrappers import Request, Response

from emulator.processes import HOST

KEPT = 50_000
"""Spans; the oldest are forgotten."""
_TYPE = "application/x-protobuf"


@dataclass(frozen=True)
class Span:
    """A span as it was sent. Times are nanoseconds; `parent` is empty for the first of a trace."""

    service: str
    name: str
    trace: str
    span: str
    parent: str
    attributes: dict[str, Any]
    error: bool
    words: str
    events: int
    start: int
    end: int


class Collector:
    """An OTLP endpoint, in threads of this process."""

    def __init__(self, port: int = 0) -> None:
        self._server: BaseWSGIServer = make_server(HOST, port, self._serve, threaded=True)
        self.url = f"http://{HOST}:{self._server.server_port}"
        self._spans: deque[Span] = deque(maxlen=KEPT)
        self._sums: dict[tuple[str, str, str, frozenset[tuple[str, str]]], float] = {}
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._server.serve_forever, name="telemetry", daemon=True)

    def start(self) -> None:
        """Take from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    @property
    def spans(self) -> list[Span]:
        """What was sent, in the order it came."""
        with self._lock:
            return list(self._spans)

    def total(self, metric: str, **attributes: str) -> float:
        """How much a counter has counted, or how many values a histogram has, over all that sent it; `attributes` with
        `_` for `.`."""
        wanted = {(name.replace("_", ".", 1), value) for name, value in attributes.items()}
        with self._lock:
            return sum(n for (_, _, name, about), n in self._sums.items() if name == metric and wanted <= about)

    def wait(self, seen: Callable[[Collector], bool], seconds: float = 30.0) -> bool:
        """Whether something has come within some seconds: what is sent comes late."""
        end = time.monotonic() + seconds
        while not seen(self):
            if time.monotonic() > end:
                return False
            time.sleep(0.1)
        return True

    def _serve(self, environ: dict[str, Any], start_response: Any) -> Any:
        return self._answer(Request(environ))(environ, start_response)

    def _answer(self, request: Request) -> Response:
        data = request.get_data()
        if request.headers.get("Content-Encoding") == "gzip":
            data = gzip.decompress(data)
        if request.method != "POST":
            return Response("", 405)
        if request.path == "/v1/traces":
            self._take_spans(ExportTraceServiceRequest.FromString(data))
            return Response(ExportTraceServiceResponse().SerializeToString(), content_type=_TYPE)
        if request.path == "/v1/metrics":
            self._take_metrics(ExportMetricsServiceRequest.FromString(data))
            return Response(ExportMetricsServiceResponse().SerializeToString(), content_type=_TYPE)
        return Response("", 404)

    def _take_spans(self, sent: ExportTraceServiceRequest) -> None:
        found = [
            Span(
                service=str(_attributes(resource.resource.attributes).get("service.name", "")),
                name=one.name,
                trace=one.trace_id.hex(),
                span=one.span_id.hex(),
                parent=one.parent_span_id.hex(),
                attributes=_attributes(one.attributes),
                error=one.status.code == one.status.STATUS_CODE_ERROR,
                words=one.status.message,
                events=len(one.events),
                start=one.start_time_unix_nano,
                end=one.end_time_unix_nano,
            )
            for resource in sent.resource_spans
            for scope in resource.scope_spans
            for one in scope.spans
        ]
        with self._lock:
            self._spans.extend(found)

    def _take_metrics(self, sent: ExportMetricsServiceRequest) -> None:
        """Cumulative: the newest value of each sender holds."""
        with self._lock:
            for resource in sent.resource_metrics:
                about = _attributes(resource.resource.attributes)
                who = str(about.get("service.name", "")), str(about.get("service.instance.id", ""))
                for scope in resource.scope_metrics:
                    for metric in scope.metrics:
                        for point in (*metric.sum.data_points, *metric.histogram.data_points):
                            labels = frozenset((k, str(v)) for k, v in _attributes(point.attributes).items())
                            value = point.count if metric.HasField("histogram") else point.as_int or point.as_double
                            self._sums[(*who, metric.name, labels)] = float(value)


def _attributes(given: Iterable[Any]) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value") or "string_value") for one in given}
