"""The register's own client of Maskinporten, against the local one (which refuses what Maskinporten refuses)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from bvr.errors import Retry
from bvr.maskinporten_client import TokenClient, TokenRefused
from emulator.tokens import FIKS, PULL, TokenServer


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenServer]:
    server = TokenServer(tmp_path_factory.mktemp("nokler"))
    server.start()
    yield server
    server.stop()


class Seen(httpx.BaseTransport):
    """Passes requests on, and keeps the assertions."""

    def __init__(self) -> None:
        self._inner = httpx.HTTPTransport()
        self.assertions: list[dict[str, Any]] = []
        self.headers: list[dict[str, Any]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            assertion = dict(p.split("=", 1) for p in request.read().decode().split("&"))["assertion"]
            self.assertions.append(jwt.decode(assertion, options={"verify_signature": False}))
            self.headers.append(jwt.get_unverified_header(assertion))
        return self._inner.handle_request(request)


def client(authority: TokenServer, http: httpx.Client | None = None, **how: Any) -> TokenClient:
    registered = authority.client(how.pop("name", "registeret"))
    key = Path(registered.key_file).read_bytes()
    return TokenClient(authority.issuer, registered.client_id, key, http=http, **how)


def test_the_assertion_says_what_maskinporten_wants_and_nothing_else(authority: TokenServer) -> None:
    seen = Seen()
    one = client(authority, httpx.Client(transport=seen))
    token = one.token(FIKS)
    one.token(FIKS, "https://api.example", fresh=True)
    first, second = seen.assertions
    assert set(first) == {"aud", "iss", "iat", "exp", "jti", "scope"}
    assert first["aud"] == authority.issuer
    assert 0 < first["exp"] - first["iat"] <= 120
    assert second["resource"] == "https://api.example"
    assert first["jti"] != second["jti"]
    assert all(header["alg"] == "RS256" and header["kid"] for header in seen.headers)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["scope"] == FIKS
    assert claims["consumer"]["ID"].startswith("0192:")


def test_a_token_is_kept_for_each_scope_until_shortly_before_its_end(authority: TokenServer) -> None:
    import time

    ahead = [0.0]
    seen = Seen()
    one = client(authority, httpx.Client(transport=seen), clock=lambda: time.time() + ahead[0])
    assert one.token(FIKS) == one.token(FIKS)
    assert one.token(PULL) != one.token(FIKS)
    assert len(seen.assertions) == 2
    registered = one._tokens[FIKS, None]
    one._tokens[FIKS, None] = (registered[0], time.time() - 1)
    assert one.token(FIKS) != registered[0]
    assert one.token(FIKS, fresh=True) != one._tokens[PULL, None][0]


def test_many_threads_ask_once(authority: TokenServer) -> None:
    seen = Seen()
    one = client(authority, httpx.Client(transport=seen))
    threads = [threading.Thread(target=one.token, args=(FIKS,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen.assertions) == 1


def test_a_refusal_names_the_error_and_no_secret(authority: TokenServer) -> None:
    stranger = client(authority, name="uten-tilgang")
    with pytest.raises(TokenRefused) as raised:
        stranger.token(FIKS)
    assert "invalid_scope" in str(raised.value)
    assert "eyJ" not in str(raised.value)
    with pytest.raises(TokenRefused, match="invalid_client"):
        client(authority, key_id="en annen").token(FIKS)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500),
        httpx.Response(429),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"access_token": "x"}),
        httpx.ConnectTimeout("x"),
    ],
)
@pytest.mark.parametrize("at", ["GET", "POST"])
def test_a_maskinporten_that_is_ill_is_waited_for(
    authority: TokenServer, at: str, answer: httpx.Response | Exception
) -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        if request.method != at:
            return httpx.Response(200, json={"token_endpoint": f"{authority.issuer}token"})
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, content=answer.content)

    with pytest.raises(Retry) as raised:
        client(authority, httpx.Client(transport=httpx.MockTransport(respond))).token(FIKS)
    assert not isinstance(raised.value, TokenRefused)
