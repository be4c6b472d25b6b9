"""What is thrown bytes at: everything that reads what somebody outside has written.

Each target takes any bytes and raises nothing; faults are values. What it must not do meanwhile is told by `guarded`:
no file is opened, no connection made, no process started, and nothing printed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from bvr.api.handler import Api
from bvr.api.http import Request
from bvr.api.published import LatestRuns
from bvr.decode import Limits, decode
from bvr.decode_json import decode_json
from bvr.decode_json import read as read_json
from bvr.desk import envelope_of
from bvr.hendelse.event import read as read_event
from bvr.intake.envelope import Envelope, read_delivery, read_envelope
from bvr.intake.payload import open_payload
from bvr.intake.protocol import EVENT_CHANGED, KOSTRA_SUBMIT, SSB_SUBMIT, SUBMIT
from bvr.intake.sealed import asice
from bvr.intake.sealed.faults import Unsound
from bvr.kostra.decode import read as read_kostra
from bvr.kostra.intake import sender_of
from bvr.model.versions import CURRENT
from bvr.pipeline import decode_payload
from tests.security.containers import AT, opener, register, sender
from tests.unit.api_world import QUERIES, Seen, token
from tests.unit.api_world import World as ApiWorld
from tests.unit.service_world import SENDER

CORPUS = Path(__file__).parent / "corpus"
LIMITS = Limits()


def _envelope(kind: str) -> Envelope:
    found = read_envelope(
        {
            "type": kind,
            "melding-id": "00000000-0000-4000-8000-000000000001",
            "avsender-id": SENDER,
            "xsd-versjon": CURRENT,
        }
    )
    assert isinstance(found, Envelope)
    return found


@cache
def _envelopes() -> tuple[Envelope, ...]:
    return tuple(_envelope(kind) for kind in (SUBMIT, SSB_SUBMIT, KOSTRA_SUBMIT))


def container(data: bytes) -> None:
    """A sealed message: CMS; and what lies inside it, ASiC-E, which a stranger has made as well."""
    opener().open(data, AT)
    with suppress(Unsound):
        asice.read(data, opener().limits)


def payload(data: bytes) -> None:
    """A body, in every form that a message may have it."""
    for envelope in _envelopes()[:2]:
        found = open_payload(data, envelope, AT)
        if not found.faults:
            decode_payload(found, LIMITS)


def xml(data: bytes) -> None:
    """A case as XML."""
    decode(data, CURRENT, LIMITS)


def json(data: bytes) -> None:
    """A case as JSON, and an event."""
    found = read_json(data, LIMITS)
    if found.fault is None:
        decode_json(found.content, CURRENT, LIMITS)
    read_event(data, EVENT_CHANGED)


def kostra(data: bytes) -> None:
    """A KOSTRA file."""
    for _ in read_kostra(data):
        pass
    sender_of(data)


def envelope(data: bytes) -> None:
    """What Pub/Sub pushes: whatever JSON, with whatever attributes."""
    try:
        body = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return
    try:
        delivery = read_delivery(body)
    except ValueError:
        return
    envelope_of(delivery)


class _Quiet:
    """Keeps nothing, and holds nobody back: a million calls are made."""

    calls = 10**9

    def tell(self, *_: Any, **__: Any) -> None: ...

    def wait(self, who: str) -> int:
        return 0


@lru_cache(maxsize=1)
def _bearer(minute: int) -> str:
    """A token lives for two minutes."""
    return token()


@cache
def _api() -> Any:
    world, quiet = ApiWorld(), _Quiet()
    made = Api(
        published=[LatestRuns(QUERIES, world.tables, world.names)],
        verifier=world.verifier,
        rights=Seen(),
        pulls=quiet,
        openapi=b"{}",
        log=quiet.tell,
        limiter=quiet,  # type: ignore[arg-type]
    )
    return made


def api(data: bytes) -> None:
    """A request line and a body, with a token that lets in: nothing may be a fault of ours."""
    line, _, body = data.partition(b"\n")
    parts = urlsplit(line.decode("utf-8", "replace").replace("[", "%5B").replace("]", "%5D"))
    handler = _api()
    headers = {"authorization": f"Bearer {_bearer(int(time.monotonic() // 60))}"}
    headers |= {"content-type": "application/json"} if body else {}
    answer = handler.handle(
        Request(
            method="POST" if body else "GET",
            path=parts.path or "/",
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers=headers,
            body=body,
        )
    )
    assert answer.status in EXPECTED, answer.status


EXPECTED = {200, 304, 400, 403, 404, 405, 406, 413, 415}
TARGETS: dict[str, Callable[[bytes], None]] = {
    one.__name__: one for one in (container, payload, xml, json, kostra, envelope, api)
}

# --- what may not be done meanwhile ----------------------------------------------------------------------------------

_FORBIDDEN = ("open", "socket.connect", "socket.bind", "subprocess.Popen", "os.system", "os.remove", "os.rename")
_watched = [False]
_seen: list[str] = []


def _hook(event: str, arguments: Any) -> None:
    if _watched[0] and event in _FORBIDDEN:
        if event == "open" and _harmless(arguments):
            return
        _watched[0] = False
        _seen.append(f"{event} {str(arguments)[:200]}")


def _harmless(arguments: Any) -> bool:
    """A module that is imported late, or its source for a warning: only read, and ours."""
    path, mode = str(arguments[0]), str(arguments[1])
    return mode in ("r", "rb", "None") and path.endswith((".py", ".pyc", ".so"))


@cache
def _hooked() -> None:
    sys.addaudithook(_hook)


@contextmanager
def guarded() -> Iterator[None]:
    """Raises AssertionError when something is opened, connected to or started inside."""
    _hooked()
    _seen.clear()
    _watched[0] = True
    try:
        yield
    finally:
        _watched[0] = False
    assert not _seen, _seen


def warm(name: str) -> None:
    """What is made once, or imported late, is made and imported before anything is watched."""
    _envelopes(), _api(), register(), sender(), opener()
    for seed in corpus(name):
        TARGETS[name](seed)


def corpus(name: str) -> list[bytes]:
    """The inputs that are kept for a target."""
    return [path.read_bytes() for path in sorted((CORPUS / name).glob("*"))]
