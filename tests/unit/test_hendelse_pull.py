"""The pull against servers that do what no server should: on sockets of our own, since no library would answer so."""

from __future__ import annotations

import gzip
import hashlib
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from email.utils import formatdate
from typing import Any

import pytest

from bvr.errors import Retry
from bvr.hendelse.pull import Gone, Pulled, Puller, Unchanged

REF = "aLongAndRandomReference_1"
BODY = b"<Barnevern/>"
SHA256 = hashlib.sha256(BODY).hexdigest()
Answer = Callable[[socket.socket, bytes], None]


class Tokens:
    """Gives a token at once, and counts those that were asked for afresh."""

    def __init__(self, fails: bool = False) -> None:
        self.fails, self.fresh = fails, 0

    def token(self, scope: str, resource: str | None = None, *, fresh: bool = False) -> str:
        if self.fails:
            raise Retry("maskinporten: ConnectError")
        self.fresh += fresh
        return "fresh" if fresh else "kept"


class Servers:
    """Each answers every connection in its own way."""

    def __init__(self) -> None:
        self.listening: list[socket.socket] = []

    def __call__(self, answer: Answer) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        self.listening.append(listener)
        threading.Thread(target=self._accept, args=(listener, answer), daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    def _accept(self, listener: socket.socket, answer: Answer) -> None:
        while True:
            try:
                one, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(one, answer), daemon=True).start()

    def _one(self, one: socket.socket, answer: Answer) -> None:
        with one, suppress(OSError):  # whoever asked has gone
            answer(one, one.recv(65536))


@pytest.fixture
def serve() -> Iterator[Servers]:
    servers = Servers()
    yield servers
    for listener in servers.listening:
        listener.close()


def head(status: str = "200 OK", **headers: Any) -> bytes:
    given = {"content-type": "application/xml", "etag": f'"{SHA256}"', "connection": "close", **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in given.items() if value is not None]
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode()


def good(one: socket.socket, _: bytes) -> None:
    one.sendall(head(content_length=len(BODY)) + BODY)


def drips_body(one: socket.socket, _: bytes) -> None:
    one.sendall(head())
    for _ in range(100):
        one.sendall(b" ")
        time.sleep(0.1)


def drips_headers(one: socket.socket, _: bytes) -> None:
    one.sendall(b"HTTP/1.1 200 OK\r\n")
    for n in range(100):
        one.sendall(f"x-{n}: y\r\n".encode())
        time.sleep(0.1)


def says_nothing(one: socket.socket, _: bytes) -> None:
    time.sleep(10)


def puller(tokens: Tokens | None = None, **how: Any) -> Puller:
    return Puller(tokens or Tokens(), how.pop("limit", 1_000_000), **{"seconds": 1.0, "failures": 100, **how})


@pytest.mark.parametrize("answer", [drips_body, drips_headers, says_nothing])
def test_the_deadline_holds_from_the_first_byte_to_the_last(serve: Servers, answer: Answer) -> None:
    started = time.monotonic()
    with pytest.raises(Retry, match="took more than 1 seconds"):
        puller().pull(serve(answer), REF)
    assert time.monotonic() - started < 3


def test_what_would_grow_when_unpacked_is_not_unpacked(serve: Servers) -> None:
    bomb = gzip.compress(gzip.compress(bytes(1 << 28)))
    packed = head(content_encoding="gzip, gzip", content_length=len(bomb)) + bomb
    base = serve(lambda one, _: one.sendall(packed))
    one = puller(seconds=20.0)
    tracemalloc.start()
    try:
        with pytest.raises(Retry, match="packed"):
            one.pull(base, REF)
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_a_length_that_is_promised_and_not_kept_is_a_fault(serve: Servers) -> None:
    with pytest.raises(Retry, match="RemoteProtocolError"):
        puller().pull(serve(lambda one, _: one.sendall(head(content_length=5_000_000_000) + BODY)), REF)


@pytest.mark.parametrize(
    "junk", [b"", b"\x00" * 500, b"HTTP/1.1 200", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\n: x\r\n\r\n"]
)
def test_what_is_not_http_is_a_fault_that_may_pass(serve: Servers, junk: bytes) -> None:
    with pytest.raises(Retry, match="the municipality's API"):
        puller().pull(serve(lambda one, _: one.sendall(junk)), REF)


def test_headers_without_end_are_not_read_to_their_end(serve: Servers) -> None:
    def endless(one: socket.socket, _: bytes) -> None:
        one.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            one.sendall(b"x: " + b"y" * 60_000 + b"\r\n")

    with pytest.raises(Retry, match=r"RemoteProtocolError|took more"):
        puller(seconds=5.0).pull(serve(endless), REF)


@pytest.mark.parametrize("etag", [f'"{SHA256}"', f'W/"{SHA256}"', SHA256, f'"{SHA256.upper()}"'])
def test_the_etag_in_its_usual_spellings(serve: Servers, etag: str) -> None:
    found = puller().pull(serve(lambda one, _: one.sendall(head(etag=etag) + BODY)), REF)
    assert found == Pulled(body=BODY, sha256=SHA256, version=None)


def test_what_we_have_is_asked_about_and_not_sent_again(serve: Servers) -> None:
    def answer(one: socket.socket, asked: bytes) -> None:
        have = f'if-none-match: "{SHA256}"'.encode() in asked.lower()
        one.sendall(head("304 Not Modified") if have else head() + BODY)

    base = serve(answer)
    assert isinstance(puller().pull(base, REF), Pulled)
    assert puller().pull(base, REF, SHA256) == Unchanged()
    with pytest.raises(Retry, match="answers 304"):  # nobody had asked whether it had changed
        puller().pull(serve(lambda one, _: one.sendall(head("304 Not Modified"))), REF)


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
def test_a_token_that_is_refused_is_asked_for_afresh_once(serve: Servers, status: str) -> None:
    def answer(one: socket.socket, asked: bytes) -> None:
        one.sendall(head() + BODY if b"Bearer fresh" in asked else head(status))

    tokens = Tokens()
    assert isinstance(puller(tokens).pull(serve(answer), REF), Pulled)
    with pytest.raises(Retry, match=f"answers {status[:3]}"):
        puller(tokens).pull(serve(lambda one, _: one.sendall(head(status))), REF)
    assert tokens.fresh == 2


@pytest.mark.parametrize(
    "base", ["https://[kommune", "https://", "https://a b.example", "https://x:port", "https://\x00"]
)
def test_an_address_that_is_none_is_a_fault_that_somebody_can_mend(base: str) -> None:
    with pytest.raises(Retry):
        puller().pull(base, REF)


def test_one_that_is_slow_takes_no_more_than_its_share_and_the_others_are_served(serve: Servers) -> None:
    """Eight workers, as the function has; sixteen pulls of a municipality that drips, and one of another."""
    one = puller(seconds=4.0, failures=3)
    slow, quick = serve(drips_body), serve(good)

    def ask(base: str) -> object:
        try:
            return one.pull(base, REF)
        except Retry as error:
            return str(error)

    with ThreadPoolExecutor(8) as workers:
        waiting = [workers.submit(ask, slow) for _ in range(16)]
        time.sleep(0.05)
        started = time.monotonic()
        assert isinstance(workers.submit(ask, quick).result(), Pulled)
        assert time.monotonic() - started < 2
        told = [str(f.result()) for f in waiting]
    assert len([t for t in told if "took more" in t]) == 4
    assert len([t for t in told if "under way" in t or "left alone" in t]) == 12


def test_one_that_was_down_is_tried_by_one_pull_before_the_others(serve: Servers) -> None:
    down = threading.Event()
    down.set()
    asked = []

    def answer(one: socket.socket, request: bytes) -> None:
        asked.append(request)
        time.sleep(0.3)
        one.sendall(head("503 Service Unavailable") if down.is_set() else head() + BODY)

    now = [0.0]
    one = puller(seconds=5.0, failures=2, pause=60.0, clock=lambda: now[0])
    base = serve(answer)
    for _ in range(2):
        with pytest.raises(Retry, match="answers 503"):
            one.pull(base, REF)
    now[0] = 61.0

    def ask(_: int) -> str:
        try:
            return type(one.pull(base, REF)).__name__
        except Retry as error:
            return str(error)

    asked.clear()
    down.clear()
    with ThreadPoolExecutor(6) as workers:
        told = sorted(workers.map(ask, range(6)))
    assert len(asked) == 1
    assert told.count("Pulled") == 1
    assert [ask(n) for n in range(3)] == ["Pulled"] * 3


@pytest.mark.parametrize(("asks", "pause"), [("120", 120), ("99999999999", 3600), ("in 600 seconds", 590)])
def test_a_pause_that_is_asked_for_is_given(serve: Servers, asks: str, pause: float) -> None:
    asks = formatdate(time.time() + 600, usegmt=True) if asks == "in 600 seconds" else asks
    now = [0.0]
    one = puller(clock=lambda: now[0])
    base = serve(lambda s, _: s.sendall(head("429 Too Many Requests", retry_after=asks)))
    for at, reason in ((0.0, "answers 429"), (pause - 1, "left alone"), (pause + 20, "answers 429")):
        now[0] = at
        with pytest.raises(Retry, match=reason):
            one.pull(base, REF)


@pytest.mark.parametrize("asks", ["-5", "0", "soon", "", None, "²", formatdate(0, usegmt=True)])
def test_a_pause_that_cannot_be_read_is_none(serve: Servers, asks: str | None) -> None:
    one = puller()
    base = serve(lambda s, _: s.sendall(head("503 Service Unavailable", retry_after=asks)))
    for _ in range(2):
        with pytest.raises(Retry, match="answers 503"):
            one.pull(base, REF)


def test_a_token_that_cannot_be_had_is_not_held_against_a_municipality(serve: Servers) -> None:
    tokens = Tokens(fails=True)
    one = puller(tokens, failures=1, pause=1000.0)
    base = serve(good)
    with pytest.raises(Retry, match="maskinporten"):
        one.pull(base, REF)
    tokens.fails = False
    assert isinstance(one.pull(base, REF), Pulled)


def test_not_found_is_an_answer_and_no_failure(serve: Servers) -> None:
    one = puller(failures=1, pause=1000.0)
    base = serve(lambda s, _: s.sendall(head("404 Not Found")))
    assert [one.pull(base, REF) for _ in range(3)] == [Gone(404)] * 3
