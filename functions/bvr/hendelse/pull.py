"""The pull: one case from the municipality's own API, with a Maskinporten token.

What comes back is not believed: its size and time are bounded while it is read, its hash must be the one that it says,
and where it is fetched from is the register's own knowledge, never the notification's.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlsplit

import httpx
import msgspec

from bvr.errors import Retry

SCOPE = "ssb:barnevern/sak.read"
PATH = "/barnevern/v1/saker/"
VERSION_HEADER = "xsd-versjon"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_XML = ("application/xml", "text/xml")
_JSON = ("application/json",)


class Pulled(msgspec.Struct, frozen=True, kw_only=True):
    """A case as it was fetched: its bytes, their SHA-256, and the schema version that was told beside it."""

    body: bytes
    sha256: str
    version: str | None


class Gone(msgspec.Struct, frozen=True):
    """The municipality has no such case any more, or never had."""

    status: int


class Tokens(Protocol):
    """Access tokens (`bvr.maskinporten_client.TokenClient`)."""

    def token(self, scope: str, resource: str | None = None, *, fresh: bool = False) -> str: ...


class Puller:
    """Fetches cases. One municipality that is slow or down costs the others nothing: after some failures in a row it is
    left alone for a while, and asks of it fail at once."""

    def __init__(
        self,
        tokens: Tokens,
        limit: int,
        *,
        http: httpx.Client | None = None,
        seconds: float = 30.0,
        failures: int = 3,
        pause: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`limit`: bytes of a case. `seconds`: for a whole pull. After `failures` in a row: a `pause` in seconds."""
        self._tokens = tokens
        self._limit = limit
        self._http = http or httpx.Client(timeout=httpx.Timeout(10, connect=5), follow_redirects=False)
        self._seconds = seconds
        self._failures = failures
        self._pause = pause
        self._clock = clock
        self._lock = threading.Lock()
        self._bad: dict[str, tuple[int, float]] = {}  # base -> failures in a row, left alone until

    def pull(self, base: str, reference: str) -> Pulled | Gone:
        """The case behind a reference. Raises Retry, with the reason in few words, for all that may pass."""
        self._allowed(base)
        try:
            found = self._pull(base, reference)
        except Retry:
            self._failed(base)
            raise
        with self._lock:
            self._bad.pop(base, None)
        return found

    def _allowed(self, base: str) -> None:
        parts = urlsplit(base)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise Retry("the municipality's address is not https")
        with self._lock:
            _, until = self._bad.get(base, (0, 0.0))
        if self._clock() < until:
            raise Retry("the municipality's API is left alone for a while")

    def _failed(self, base: str) -> None:
        with self._lock:
            count, _ = self._bad.get(base, (0, 0.0))
            count += 1
            self._bad[base] = (count, self._clock() + self._pause if count >= self._failures else 0.0)

    def _pull(self, base: str, reference: str) -> Pulled | Gone:
        url = f"{base.rstrip('/')}{PATH}{reference}"
        for fresh in (False, True):
            answer = self._get(url, self._tokens.token(SCOPE, fresh=fresh))
            if not (isinstance(answer, Gone) and answer.status in (401, 403)):
                break
        if isinstance(answer, Gone) and answer.status not in (404, 410):
            raise Retry(f"the municipality's API answers {answer.status}")
        return answer

    def _get(self, url: str, token: str) -> Pulled | Gone:
        until = self._clock() + self._seconds
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/xml, application/json;q=0.9"}
        headers["Accept-Encoding"] = "identity"  # nothing that grows when it is unpacked
        try:
            with self._http.stream("GET", url, headers=headers) as answer:
                if answer.status_code != 200:
                    return Gone(answer.status_code)
                kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
                if kind not in (*_XML, *_JSON):
                    raise Retry("the municipality's API answers with something else than a case")
                body = self._read(answer, until)
                etag = answer.headers.get("etag", "").removeprefix("W/").strip('"').lower()
                version = answer.headers.get(VERSION_HEADER)
        except httpx.HTTPError as error:
            raise Retry(f"the municipality's API: {type(error).__name__}") from error
        sha256 = hashlib.sha256(body).hexdigest()
        if etag != sha256:
            raise Retry("the case is not the one that its ETag says")
        return Pulled(body=body, sha256=sha256, version=version)

    def _read(self, answer: httpx.Response, until: float) -> bytes:
        out = bytearray()
        for chunk in answer.iter_bytes():  # as it comes: to wait for a whole chunk is to wait for ever
            out += chunk
            if len(out) > self._limit:
                raise Retry(f"the case is larger than {self._limit} bytes")
            if self._clock() > until:
                raise Retry(f"the case took more than {self._seconds:g} seconds")
        return bytes(out)
