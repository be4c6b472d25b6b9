"""What our APIs have in common: a request in, a response out, and problems (RFC 9457) in Bokmål with English beside.

Independent of any web framework.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import msgspec

from bvr.api import encodings
from bvr.api.maskinporten import Refused
from bvr.decode import Limits
from bvr.decode_json import read


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request. Header names are lower case."""

    method: str
    path: str
    query: dict[str, str] = {}
    headers: dict[str, str] = {}
    body: bytes = b""


class Response(msgspec.Struct, frozen=True, kw_only=True):
    status: int
    headers: dict[str, str]
    body: bytes


# --- problems --------------------------------------------------------------------------------------------------------


class Kind(msgspec.Struct, frozen=True):
    """A kind of error: the last part of its `type`, its status and its title."""

    name: str
    status: int
    title_nb: str
    title_en: str


BAD_REQUEST = Kind("ugyldig-foresporsel", 400, "Ugyldig forespørsel", "Bad request")
NO_TOKEN = Kind("ikke-autentisert", 401, "Ikke autentisert", "Not authenticated")
NO_ACCESS = Kind("ikke-tilgang", 403, "Ikke tilgang", "No access")
NOT_FOUND = Kind("finnes-ikke", 404, "Finnes ikke", "Not found")
NO_METHOD = Kind("metode-ikke-tillatt", 405, "Metoden er ikke tillatt", "Method not allowed")
NO_FORMAT = Kind("ikke-et-format", 406, "Formatet finnes ikke", "Not acceptable")
TOO_LARGE = Kind("for-stor", 413, "For stor", "Too large")
NOT_JSON = Kind("ikke-json", 415, "Ikke JSON", "Not JSON")
NOT_NOW = Kind("ikke-tilgjengelig", 503, "Ikke tilgjengelig nå", "Not available now")
REFUSALS = {401: NO_TOKEN, 403: NO_ACCESS, 503: NOT_NOW}
_WAIT = "60"  # seconds


class Problem(Exception):
    """An error to be told as problem+json: the parameter at fault, headers, and more in its body."""

    def __init__(
        self,
        kind: Kind,
        nb: str,
        en: str,
        felt: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(en)
        self.kind, self.nb, self.en, self.felt = kind, nb, en, felt
        self.headers, self.more = headers or {}, more


def told(problem: Problem) -> Response:
    """A problem as a response."""
    kind = problem.kind
    body = {
        "type": f"/feil/{kind.name}",
        "title": kind.title_nb,
        "titleEn": kind.title_en,
        "status": kind.status,
        "detail": problem.nb,
        "detailEn": problem.en,
        **({"felt": problem.felt} if problem.felt else {}),
        **problem.more,
    }
    headers = {
        "Content-Type": "application/problem+json",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        **({"Retry-After": _WAIT} if kind is NOT_NOW else {}),
        **problem.headers,
    }
    return Response(status=kind.status, headers=headers, body=msgspec.json.encode(body))


def turned_away(refused: Refused, scope: str) -> Response:
    """A token that does not open, as a response."""
    response = told(Problem(REFUSALS[refused.status], refused.nb, refused.en))
    if refused.status != NOT_NOW.status:
        # RFC 6750: a call without a token is told only that one is needed.
        fault = f', error="{refused.error}"' if refused.error != "invalid_request" else ""
        response.headers["WWW-Authenticate"] = f'Bearer realm="barnevernsregisteret", scope="{scope}"{fault}'
    return response


# --- bodies and answers ----------------------------------------------------------------------------------------------


def json_body(request: Request, most: int) -> dict[str, Any]:
    """The JSON object of a request's body. Raises Problem when it is another type, too large or not well-formed."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Problem(NOT_JSON, "Innholdet skal være application/json.", "The content must be application/json.")
    if len(request.body) > most:
        raise Problem(TOO_LARGE, f"Høyst {most} byte.", f"At most {most} bytes.")
    found = read(request.body, Limits(bytes=most))
    if found.fault is not None:
        raise Problem(BAD_REQUEST, found.fault.nb, found.fault.en)
    made: dict[str, Any] = found.content
    return made


def etag(body: bytes, encoding: str = "") -> str:
    """The strong ETag of a body: each encoding has its own."""
    return _etag(hashlib.sha256(body).hexdigest(), encoding)


def _etag(digest: str, encoding: str) -> str:
    return f'"{digest}-{encoding}"' if encoding else f'"{digest}"'


def identity(tag: str) -> str:
    """The ETag of what a tag names, without its encoding: what a caller has seen, however it was sent."""
    for one in encodings.KNOWN:
        tag = tag.replace(f'-{one}"', '"')
    return tag


def conditional(
    request: Request,
    body: bytes,
    content_type: str,
    *,
    updated: datetime | None = None,
    fixed: bool = False,
    sha256: str = "",
) -> Response:
    """200 with a strong ETag, or 304 when the caller has it; compressed where that is asked for.

    `fixed` is a version that never changes. Each encoding has an ETag of its own; Range is ignored, as it may be.
    """
    encoding = encodings.chosen(request.headers.get("accept-encoding", "")) if len(body) >= encodings.LEAST else ""
    digest = sha256 or hashlib.sha256(body).hexdigest()
    tag = _etag(digest, encoding)
    headers = {
        "Content-Type": content_type,
        "ETag": tag,
        "Cache-Control": "private, max-age=31536000, immutable" if fixed else "private, no-cache",
        "Vary": "Authorization, Accept, Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    if updated is not None:
        headers["Last-Modified"] = format_datetime(updated.astimezone(UTC), usegmt=True)
    if content_type.startswith("text/html"):
        headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    wanted = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if tag in wanted or "*" in wanted:
        return Response(status=304, headers=headers, body=b"")
    if encoding:
        headers["Content-Encoding"] = encoding
        body = encodings.encoded(body, encoding, digest)
    return Response(status=200, headers=headers, body=body)


def conditional_json(request: Request, value: Any, *, fixed: bool = False) -> Response:
    """A value as JSON, with its ETag."""
    return conditional(request, msgspec.json.encode(value), "application/json", fixed=fixed)
