"""Faults of Google's clients that the campaign met: each must end in Retry, soon, and be over when the fault is."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ClassVar

import pytest
from google.api_core.exceptions import InternalServerError, InvalidArgument, ResourceExhausted, ServiceUnavailable
from google.cloud.bigquery_storage_v1.writer import AppendRowsFuture

from bvr import gcp
from bvr.config import Config
from bvr.errors import Retry
from tests.unit.service_world import ROWS


class Stream:
    """What the Storage Write client's stream is to us; some never open."""

    hanging = 0
    opened: ClassVar[list[Stream]] = []

    def __init__(self, *_: Any) -> None:
        self.is_active = False
        self.closed = threading.Event()
        Stream.opened.append(self)

    def send(self, _request: Any) -> AppendRowsFuture:
        if Stream.hanging:
            Stream.hanging -= 1
            self.closed.wait(600)
        self.is_active = True
        done = AppendRowsFuture(self)  # type: ignore[arg-type]
        done.set_result(None)
        return done

    def close(self) -> None:
        self.closed.set()


class Waiting(Stream):
    """Whose appends are answered when the test says so."""

    def send(self, _request: Any) -> AppendRowsFuture:
        self.is_active = True
        self.answer = AppendRowsFuture(self)  # type: ignore[arg-type]
        return self.answer

    def close(self) -> None:
        super().close()
        self.is_active = False


class WriteClient:
    @staticmethod
    def table_path(*names: str) -> str:
        return "/".join(names)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> gcp.RegisterTable:
    monkeypatch.setattr(gcp.writer, "AppendRowsStream", Stream)
    monkeypatch.setattr(gcp, "_OPENING", 0.2)
    monkeypatch.setattr(Stream, "opened", [])
    monkeypatch.setattr(Stream, "hanging", 0)
    client: Any = WriteClient()
    queries: Any = None
    return gcp.RegisterTable(client, queries, Config(GOOGLE_CLOUD_PROJECT="prosjekt"), ROWS)


def test_a_stream_that_does_not_open_holds_nobody_for_long(table: gcp.RegisterTable) -> None:
    """The client waits ten minutes for that, and everybody else with it."""
    Stream.hanging = 1
    began = time.monotonic()
    with pytest.raises(Retry, match="append"):
        table.append(b"")
    assert time.monotonic() - began < 5
    table.append(b"")
    assert len(Stream.opened) == 2
    Stream.opened[0].close()


def test_an_open_stream_is_used_again_and_one_that_has_ended_is_not(table: gcp.RegisterTable) -> None:
    table.append(b"")
    table.append(b"")
    assert len(Stream.opened) == 1
    Stream.opened[0].is_active = False
    table.append(b"")
    assert len(Stream.opened) == 2


def test_a_stream_that_failed_takes_no_other_with_it(table: gcp.RegisterTable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two wait on one stream. It fails; the first opens another, and the second must not close that."""
    monkeypatch.setattr(gcp.writer, "AppendRowsStream", Waiting)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(table.append, b"")
        old = _opened(1)
        failed = old.answer
        second = pool.submit(table.append, b"")
        while old.answer is failed:
            time.sleep(0.01)
        failed.set_exception(ConnectionError())
        assert isinstance(first.exception(5), Retry)
        third = pool.submit(table.append, b"")
        new = _opened(2)
        old.answer.set_exception(ConnectionError())
        assert isinstance(second.exception(5), Retry)
        assert not new.closed.is_set()
        new.answer.set_result(None)
        assert third.exception(5) is None


def test_an_append_is_seen_when_it_is_answered(table: gcp.RegisterTable, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's future looks after pauses that grow past a second: every receipt, and every pull, would wait."""
    monkeypatch.setattr(gcp.writer, "AppendRowsStream", Waiting)
    waited: list[float] = []
    last = None
    with ThreadPoolExecutor(1) as pool:
        for _ in range(20):
            append = pool.submit(table.append, b"")
            stream = _opened(1)
            while getattr(stream, "answer", None) is last:
                time.sleep(0.001)
            last = stream.answer
            time.sleep(0.05)  # as long as a stream takes
            answered = time.monotonic()
            last.set_result(None)
            append.result(5)
            waited.append(time.monotonic() - answered)
    assert sorted(waited)[10] < 0.2


def _opened(number: int) -> Any:
    """The stream of that number, when it has been opened."""
    while len(Stream.opened) < number or not Stream.opened[number - 1].is_active:
        time.sleep(0.01)
    return Stream.opened[number - 1]


class PausedByNobody:
    """A publisher whose publish fails; somebody else has resumed the key already."""

    @staticmethod
    def topic_path(*names: str) -> str:
        return "/".join(names)

    @staticmethod
    def publish(*_: Any, **__: Any) -> Future[str]:
        failed: Future[str] = Future()
        failed.set_exception(TimeoutError())
        return failed

    @staticmethod
    def resume_publish(*_: Any) -> None:
        raise RuntimeError("Ordering key is not paused.")


def test_a_publish_that_fails_beside_another_is_tried_again() -> None:
    client: Any = PausedByNobody()
    with pytest.raises(Retry, match="publish: TimeoutError"):
        gcp.Publisher(client, "prosjekt").publish("kvittering", b"", {}, ordering_key="mottaker")


def test_an_outage_of_pubsub_is_over_for_us_soon_after_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's own pauses grow to a minute."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
    client = gcp.publisher("prosjekt-uten-avbrudd")._client
    again: Any = client.publisher_options.retry
    assert again._maximum <= 2
    publish = client._transport._wrapped_methods[client._transport.publish]._retry._predicate
    for one in (ServiceUnavailable("x"), InternalServerError("x"), ResourceExhausted("x"), InvalidArgument("x")):
        assert again._predicate(one) == publish(one)
