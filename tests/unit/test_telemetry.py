"""Telemetry says what was done and how long it took, and nothing of what was in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from bvr import gcp, telemetry
from bvr.errors import Retry

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """What would leave."""
    found, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(telemetry.only_allowed(found)))
    monkeypatch.setattr(telemetry, "_tracer", lambda: provider.get_tracer("t"))
    yield found
    provider.shutdown()


def test_parts_are_inside_the_whole_and_the_whole_in_the_senders_trace(sent: InMemorySpanExporter) -> None:
    with telemetry.handled("mottak", PARENT):
        telemetry.tell("bvr.utfall", "REGISTERED")
        telemetry.tell("bvr.innsending_id", None)
        with telemetry.step("arkiver"):
            onward = telemetry.traceparent()
    part, whole = sent.get_finished_spans()
    assert (part.name, whole.name) == ("arkiver", "mottak")
    assert f"{whole.parent.span_id:016x}" == "b7ad6b7169203331"  # type: ignore[union-attr]
    assert part.parent.span_id == whole.context.span_id  # type: ignore[union-attr]
    assert whole.attributes == {"bvr.utfall": "REGISTERED"}
    assert onward == f"00-0af7651916cd43dd8448eb211c80319c-{part.context.span_id:016x}-01"


@pytest.mark.parametrize("error", [Retry("sak 12345678901"), ValueError("12345678901")])
def test_a_fault_is_told_by_its_kind_and_not_by_its_words(sent: InMemorySpanExporter, error: Exception) -> None:
    @telemetry.step("lagre rad")
    def fails() -> None:
        raise error

    with pytest.raises(type(error)), telemetry.handled("mottak"):
        fails()
    for span in sent.get_finished_spans():
        assert span.attributes == {"error.type": type(error).__name__}
        assert span.status.status_code is trace.StatusCode.ERROR
        assert (span.status.description, span.events) == (None, ())
    assert "12345678901" not in "".join(span.to_json() for span in sent.get_finished_spans())


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=6), st.text(max_size=30))
def test_what_a_library_adds_does_not_leave(attributes: dict[str, str], words: str) -> None:
    found, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(telemetry.only_allowed(found)))
    with provider.get_tracer("theirs").start_as_current_span("call") as span:
        span.set_attributes({**attributes, "http.url": words, "bvr.utfall": "REJECTED"})
        span.add_event(words, attributes)
        span.set_status(trace.StatusCode.ERROR, words)
    (one,) = found.get_finished_spans()
    assert one.attributes is not None
    assert one.attributes.keys() <= telemetry.ALLOWED
    assert one.attributes["bvr.utfall"] == "REJECTED"
    assert (one.status.description, one.events, one.links) == (None, (), ())


@pytest.mark.parametrize(
    "parent", ["", "x", PARENT.replace("0", "g"), "00-" + "0" * 32 + "-b7ad6b7169203331-01", PARENT * 9]
)
def test_what_is_no_traceparent_begins_a_trace_of_its_own(sent: InMemorySpanExporter, parent: str) -> None:
    with telemetry.handled("mottak", parent):
        pass
    (span,) = sent.get_finished_spans()
    assert span.parent is None


def test_without_an_endpoint_nothing_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(telemetry.ENDPOINT, raising=False)
    with telemetry.handled("mottak"), telemetry.step("svar"):
        assert telemetry.traceparent() is None
    telemetry.processed("REGISTERED", "OK", 0.1)
    telemetry.tried_again("Retry")


def test_credentials_go_to_google_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(gcp.google.auth, "default", lambda **_: asked.append("x") or (None, None))
    monkeypatch.setattr(gcp, "AuthorizedSession", lambda _: "with credentials")
    assert isinstance(gcp.session("http://127.0.0.1:4318"), requests.Session)
    assert asked == []
    assert gcp.session("https://telemetry.googleapis.com") == "with credentials"  # type: ignore[comparison-overlap]
    assert asked == ["x"]
