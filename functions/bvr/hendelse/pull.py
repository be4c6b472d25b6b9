"""The pull: one case from the municipality's own API, with a Maskinporten token.

What comes back is not believed: its size and time are bounded while it is read, its hash must be the one that it says,
and where it is fetched from is the register's own knowledge, never the notification's.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Protocol
from urllib.parse import urlsplit

import httpx
import msgspec

from bvr.errors import Retry

SCOPE = "ssb:barnevern/sak.read"
PATH = "/barnevern/v1/saker/"
VERSION_HEADER = "xsd-versjon"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_TIMEOUT = httpx.Timeout(10, connect=5)
_LONGEST = 3600.0  # seconds that an API may ask to be left alone
_XML = ("application/xml", "text/xml")
_JSON = ("application/json",)


class Pulled(msgspec.Struct, frozen=True, kw_only=True):
    """A case as it was fetched: its bytes, their SHA-256, and the schema version that was told beside it."""

    body: bytes
    sha256: str
    version: str | None


class Unchanged(msgspec.Struct, frozen=True):
    """The case is still the one that we have."""


class Gone(msgspec.Struct, frozen=True):
    """The municipality has no such case any more, or never had."""

    status: int


class Tokens(Protocol):
    """Access tokens (`bvr.maskinporten_client.TokenClient`)."""

    def token(self, scope: str, resource: str | None = None, *, fresh: bool = False) -> str: ...


class _Failing(Retry):
    """The municipality's API fails, and that counts against it. `pause`: seconds that it asks to be left alone."""

    def __init__(self, why: str, pause: float = 0.0) -> None:
        super().__init__(why)
        self.pause = pause


class _Line:
    """The pulls of one municipality."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.running = 0
        self.failures = 0  # in a row
        self.until = 0.0  # left alone


class Puller:
    """Fetches cases. One municipality that is slow or down costs the others nothing: it has a few pulls at once, one
    while it fails, and after some failures in a row it is left alone for a while, when asks of it fail at once."""

    def __init__(
        self,
        tokens: Tokens,
        limit: int,
        *,
        seconds: float = 30.0,
        at_once: int = 4,
        patience: float = 0.5,
        failures: int = 3,
        pause: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`limit`: bytes of a case. `seconds`: for a request, from its first byte to its last. `at_once`: pulls of one
        municipality, which the next waits `patience` seconds for. After `failures` in a row: a `pause` in seconds."""
        self._tokens = tokens
        self._limit = limit
        self._seconds = seconds
        self._at_once = at_once
        self._patience = patience
        self._failures = failures
        self._pause = pause
        self._clock = clock
        self._tls = httpx.create_ssl_context()
        self._lines: dict[tuple[str, str], _Line] = {}

    def pull(
        self, base: str, reference: str, known: str | None = None, *, whose: str = ""
    ) -> Pulled | Gone | Unchanged:
        """The case behind a reference, of which the one with the hash `known` need not be sent again.

        `whose`: the municipality, since a supplier may serve many at one address. Raises Retry, with the reason in few
        words, for all that may pass.
        """
        _check(base)
        with self._turn(self._lines.setdefault((base, whose), _Line())):
            return self._pull(f"{base.rstrip('/')}{PATH}{reference}", known)

    @contextmanager
    def _turn(self, line: _Line) -> Iterator[None]:
        def free() -> bool:
            return self._clock() < line.until or line.running < (1 if line.failures else self._at_once)

        with line.changed:
            # A worker waits for who answers, never for who does not.
            if not line.changed.wait_for(free, 0 if line.failures else self._patience):
                raise Retry("enough pulls of the municipality's API are under way")
            if self._clock() < line.until:
                raise Retry("the municipality's API is left alone for a while")
            line.running += 1
        try:
            yield
        except _Failing as failing:
            with line.changed:
                line.failures += 1
                pause = max(self._pause if line.failures >= self._failures else 0.0, failing.pause)
                line.until = max(line.until, self._clock() + pause)
            raise
        else:
            with line.changed:
                line.failures = 0
        finally:
            with line.changed:
                line.running -= 1
                line.changed.notify_all()

    def _pull(self, url: str, known: str | None) -> Pulled | Gone | Unchanged:
        found = self._get(url, self._tokens.token(SCOPE), known)
        if isinstance(found, Gone) and found.status in (401, 403):
            found = self._get(url, self._tokens.token(SCOPE, fresh=True), known)
        if isinstance(found, Gone) and found.status not in (404, 410):
            raise _Failing(f"the municipality's API answers {found.status}")
        return found

    def _get(self, url: str, token: str, known: str | None) -> Pulled | Gone | Unchanged:
        headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/xml, application/json;q=0.9",
            "Accept-Encoding": "identity",  # nothing that grows when it is unpacked
            **({"If-None-Match": f'"{known}"'} if known else {}),
        }
        try:
            return asyncio.run(self._ask(url, headers))
        except TimeoutError as error:
            raise _Failing(f"the case took more than {self._seconds:g} seconds") from error
        except httpx.InvalidURL as error:
            raise _Failing("the municipality's address is no address") from error
        except httpx.HTTPError as error:
            raise _Failing(f"the municipality's API: {type(error).__name__}") from error

    async def _ask(self, url: str, headers: dict[str, str]) -> Pulled | Gone | Unchanged:
        """One request. In a loop of its own, which can end it wherever it is: the time-outs of a socket start anew with
        every byte that drips in."""
        async with (
            asyncio.timeout(self._seconds),
            httpx.AsyncClient(verify=self._tls, timeout=_TIMEOUT, follow_redirects=False) as http,
            http.stream("GET", url, headers=headers) as answer,
        ):
            if answer.status_code == 304 and "If-None-Match" in headers:
                return Unchanged()
            if answer.status_code in (429, 503):
                pause = _seconds(answer.headers.get("retry-after", ""))
                raise _Failing(f"the municipality's API answers {answer.status_code}", pause)
            if answer.status_code != 200:
                return Gone(answer.status_code)
            kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind not in (*_XML, *_JSON):
                raise _Failing("the municipality's API answers with something else than a case")
            if answer.headers.get("content-encoding", "identity").strip().lower() != "identity":
                raise _Failing("the case is packed, which was not asked for")
            body = await self._read(answer)
        sha256 = hashlib.sha256(body).hexdigest()
        if answer.headers.get("etag", "").removeprefix("W/").strip('"').lower() != sha256:
            raise _Failing("the case is not the one that its ETag says")
        return Pulled(body=body, sha256=sha256, version=answer.headers.get(VERSION_HEADER))

    async def _read(self, answer: httpx.Response) -> bytes:
        out = bytearray()
        async for chunk in answer.aiter_raw():
            out += chunk
            if len(out) > self._limit:
                raise _Failing(f"the case is larger than {self._limit} bytes")
        return bytes(out)


def _check(base: str) -> None:
    """Raises Retry for an address that may not be called; somebody can mend it in the register of senders."""
    try:
        parts = urlsplit(base)
    except ValueError as error:
        raise Retry("the municipality's address is no address") from error
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise Retry("the municipality's address is not https")


def _seconds(retry_after: str) -> float:
    """What Retry-After asks for, as seconds or as a date; an hour at the most."""
    if retry_after.isascii() and retry_after.isdigit():
        return min(float(retry_after[:12]), _LONGEST)
    try:
        return min(max(parsedate_to_datetime(retry_after).timestamp() - time.time(), 0.0), _LONGEST)
    except (ValueError, OverflowError):
        return 0.0
