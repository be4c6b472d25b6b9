"""A municipality's own API, as a case system would build it: one case by an opaque reference, to who has a token.

    GET /barnevern/v1/saker/{referanse}     200 the case, 304, 401, 403, 404, 410

The whole of it is `docs/openapi-kommune.json`. `fault` makes it misbehave in the ways that real ones do.
"""

from __future__ import annotations

import gzip
import hashlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from werkzeug.serving import BaseWSGIServer, make_server
from werkzeug.wrappers import Request, Response

from bvr.api.fetch import fetch_json
from bvr.api.maskinporten import Refused, Verifier
from bvr.hendelse.pull import PATH, SCOPE, VERSION_HEADER
from emulator.processes import HOST

FAULTS = ("down", "slow", "html", "redirect", "endless", "wrong-etag", "no-etag", "another", "stale", "cut", "zipbomb")


@dataclass
class Case:
    """A case as the case system has it."""

    body: bytes
    version: str = "4.0.1"
    content_type: str = "application/xml"


class KommuneServer:
    """The API of all synthetic municipalities on one port, in threads of this process."""

    def __init__(self, issuer: str, port: int = 0) -> None:
        self._verifier = Verifier(issuer, "", fetch_json)
        self._server: BaseWSGIServer = make_server(HOST, port, self._serve, threaded=True)
        self.url = f"http://{HOST}:{self._server.server_port}"
        self.cases: dict[str, Case] = {}
        self.earlier: dict[str, Case] = {}
        self.gone: set[str] = set()
        self.faults: dict[str, str] = {}  # reference -> what goes wrong; "" for every reference
        self.asked: list[str] = []
        self._thread = threading.Thread(target=self._server.serve_forever, name="kommune", daemon=True)

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def put(self, reference: str, body: bytes, version: str = "4.0.1") -> None:
        """The case behind a reference, from now on."""
        if reference in self.cases:
            self.earlier[reference] = self.cases[reference]
        self.cases[reference] = Case(body, version)

    def _serve(self, environ: dict[str, Any], start_response: Any) -> Any:
        request = Request(environ)
        return self._answer(request)(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if not request.path.startswith(PATH) or request.method != "GET":
            return Response("", 404)
        reference = request.path.removeprefix(PATH)
        self.asked.append(reference)
        fault = self.faults.get(reference, self.faults.get("", ""))
        if fault == "down":
            return Response("", 503, {"Retry-After": "1"})
        try:
            self._verifier.verify(request.headers.get("Authorization"), SCOPE)
        except Refused as refused:
            return Response("", refused.status, {"WWW-Authenticate": f'Bearer scope="{SCOPE}"'})
        if reference in self.gone:
            return Response("", 410)
        case = self.cases.get(reference)
        if case is None:
            return Response("", 404)
        return self._case(request, reference, case, fault)

    def _case(self, request: Request, reference: str, case: Case, fault: str) -> Response:
        if fault == "html":
            return Response("<html><body>Logg inn</body></html>", 200, content_type="text/html")
        if fault == "redirect":
            return Response("", 302, {"Location": f"{self.url}/et/annet/sted"})
        if fault == "zipbomb":
            packed = gzip.compress(b" " * 50_000_000, 9)
            headers = {"ETag": _etag(packed), "Content-Encoding": "gzip"}
            return Response(packed, 200, headers, content_type="application/xml")
        if fault == "endless":
            return Response(_endless(), 200, {"ETag": '"x"'}, content_type="application/xml")
        if fault == "slow":
            return Response(_slowly(case.body), 200, {"ETag": _etag(case.body)}, content_type="application/xml")
        if fault == "another":
            case = next(other for name, other in self.cases.items() if name != reference)
        if fault == "stale":
            case = self.earlier.get(reference, case)
        body = case.body[:-30] if fault == "cut" else case.body
        headers = {"ETag": _etag(case.body), VERSION_HEADER: case.version, "Cache-Control": "no-store"}
        if fault == "wrong-etag":
            headers["ETag"] = _etag(b"noe annet")
        if fault == "no-etag":
            del headers["ETag"]
        if _etag(case.body) in request.headers.get("If-None-Match", ""):
            return Response("", 304, headers)
        return Response(body, 200, headers, content_type=case.content_type)


def _etag(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()}"'


def _endless() -> Iterator[bytes]:
    """Five gigabytes, for whoever reads on."""
    for _ in range(5 * 1024):
        yield b" " * (1024 * 1024)


def _slowly(body: bytes) -> Iterator[bytes]:
    for byte in body:
        yield bytes((byte,))
        time.sleep(0.2)
