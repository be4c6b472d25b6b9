"""The extract API: PxWebApi v2 paths and parameters, so that clients of the StatBank read it with another base address.

Independent of any web framework: a request in, a response out. Errors are problem+json (RFC 9457), in Bokmål with
English beside.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec

from bvr.api import formats
from bvr.api.maskinporten import Caller, Refused, Verifier
from bvr.api.table import MAX_CELLS, BadSelection, Table, build, select
from bvr.statistics.declared import Extract
from bvr.statistics.ports import Tables

SCOPE = "ssb:barnevern/uttrekk.read"
_VALUECODES = re.compile(r"valuecodes\[([A-Za-z]{1,40})\]", re.IGNORECASE)
_FORMATS = {"json-stat2": "application/json", "csv": "text/csv; charset=utf-8"}
_PARAMETERS = {"lang", "outputformat", "outputformatparams"}
_LANGUAGES = ("no", "nb", "en")
_PAGE = 20


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request. Header names are lower case."""

    method: str
    path: str
    query: dict[str, str] = {}
    headers: dict[str, str] = {}


class Response(msgspec.Struct, frozen=True, kw_only=True):
    status: int
    headers: dict[str, str]
    body: bytes


class Kind(msgspec.Struct, frozen=True):
    """A kind of error: the last part of its `type`, its status and its title. Listed in docs/uttrekk.md."""

    name: str
    status: int
    title_nb: str
    title_en: str


BAD_REQUEST = Kind("ugyldig-foresporsel", 400, "Ugyldig forespørsel", "Bad request")
NO_TOKEN = Kind("ikke-autentisert", 401, "Ikke autentisert", "Not authenticated")
NO_ACCESS = Kind("ikke-tilgang", 403, "Ikke tilgang", "No access")
TOO_LARGE = Kind("for-mange-celler", 403, "For mange celler", "Too many cells")
NOT_FOUND = Kind("finnes-ikke", 404, "Finnes ikke", "Not found")
READ_ONLY = Kind("metode-ikke-tillatt", 405, "Metoden er ikke tillatt", "Method not allowed")
NO_FORMAT = Kind("ikke-et-format", 406, "Formatet finnes ikke", "Not acceptable")
NOT_NOW = Kind("ikke-tilgjengelig", 503, "Ikke tilgjengelig nå", "Not available now")
KINDS = (BAD_REQUEST, NO_TOKEN, NO_ACCESS, TOO_LARGE, NOT_FOUND, READ_ONLY, NO_FORMAT, NOT_NOW)
REFUSALS = {401: NO_TOKEN, 403: NO_ACCESS, 503: NOT_NOW}


class Problem(Exception):
    """An error to be told as problem+json."""

    def __init__(self, kind: Kind, nb: str, en: str, felt: str | None = None) -> None:
        super().__init__(en)
        self.kind, self.nb, self.en, self.felt = kind, nb, en, felt


class Api:
    """Serves the latest checked run of every key figure. `log` is told of each pull; `openapi` is the description."""

    def __init__(
        self,
        queries: list[Extract],
        tables: Tables,
        verifier: Verifier,
        names: Mapping[str, str],
        openapi: bytes,
        log: Callable[..., None],
    ) -> None:
        self._queries = {query.figure.table_id: query for query in queries}
        self._tables = tables
        self._verifier = verifier
        self._names = names
        self._openapi = openapi
        self._log = log

    def handle(self, request: Request) -> Response:
        """Answer a request. Raises only for faults of the platform."""
        try:
            response = self._route(request)
        except Problem as problem:
            response = told(problem)
        except Refused as refused:
            response = self._refused(refused)
        except BadSelection as bad:
            response = told(Problem(TOO_LARGE if bad.too_large else BAD_REQUEST, bad.nb, bad.en, bad.field))
        if request.method == "HEAD":
            return Response(status=response.status, headers=response.headers, body=b"")
        return response

    def _refused(self, refused: Refused) -> Response:
        self._log("uttrekk avvist", severity="WARNING", status=refused.status, grunn=refused.nb)
        response = told(Problem(REFUSALS[refused.status], refused.nb, refused.en))
        if refused.status != 503:
            # RFC 6750: a call without a token is told only that one is needed.
            fault = f', error="{refused.error}"' if refused.error != "invalid_request" else ""
            response.headers["WWW-Authenticate"] = f'Bearer realm="barnevernsregisteret", scope="{SCOPE}"{fault}'
        return response

    def _route(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            raise Problem(READ_ONLY, "API-et kan bare leses (GET, HEAD).", "The API is read only (GET, HEAD).")
        parts = [part for part in request.path.split("/") if part]
        if parts == ["openapi.json"]:
            return _answer(request, self._openapi, "application/json")
        caller = self._verifier.verify(request.headers.get("authorization"), SCOPE)
        lang = _language(request)
        routes: dict[tuple[str, ...], Callable[[], Response]] = {
            ("config",): partial(self._config, request),
            ("tables",): partial(self._catalogue, request, lang),
            ("v1", "uttrekk"): partial(self._catalogue, request, lang),
        }
        if route := routes.get(tuple(parts)):
            return route()
        if parts[:1] == ["tables"] and len(parts) in (2, 3):
            return self._table(request, caller, parts[1], parts[2:], lang)
        if parts[:2] == ["v1", "uttrekk"] and len(parts) in (3, 4):
            return self._table(request, caller, parts[2], parts[3:], lang)
        raise _not_found()

    def _config(self, request: Request) -> Response:
        return _json(
            request,
            {
                "apiVersion": "2.0.0",
                "appVersion": "1.0.0",
                "languages": [{"id": "no", "label": "Norsk"}, {"id": "en", "label": "English"}],
                "defaultLanguage": "no",
                "maxDataCells": MAX_CELLS,
                "maxCallsPerTimeWindow": 30,
                "timeWindow": 60,
                "sourceReferences": [{"language": lang, "text": formats.SOURCE} for lang in ("no", "en")],
                "license": "",
                "defaultDataFormat": "json-stat2",
                "dataFormats": list(_FORMATS),
                "features": [],
            },
        )

    def _catalogue(self, request: Request, lang: str) -> Response:
        given = {name.lower(): value for name, value in request.query.items()}
        words = given.get("query", "").lower().split()
        number, size = _whole(given, "pageNumber", 1), _whole(given, "pageSize", _PAGE)
        entries = [self._entry(query, lang) for query in self._queries.values()]
        found = [e for e in entries if all(word in f"{e['id']} {e['label']}".lower() for word in words)]
        page = {
            "pageNumber": number,
            "pageSize": size,
            "totalElements": len(found),
            "totalPages": -(-len(found) // size),
        }
        return _json(
            request, {"language": lang, "tables": found[(number - 1) * size : number * size], "page": page, "links": []}
        )

    def _entry(self, query: Extract, lang: str) -> dict[str, Any]:
        figure, english = query.figure, lang == "en"
        paths = ("metadata", "defaultselection", "data")
        address = f"/tables/{figure.table_id}"
        return {
            "type": "Table",
            "id": figure.table_id,
            "label": figure.title_en if english else figure.title_nb,
            "description": figure.definition_en if english else figure.definition_nb,
            "category": "internal",
            "source": formats.SOURCE,
            "variableNames": ["Region", "ContentsCode", "Tid"],
            "links": [
                {"rel": "self", "hreflang": lang, "href": address},
                *({"rel": path, "hreflang": lang, "href": f"{address}/{path}"} for path in paths),
            ],
        }

    def _table(self, request: Request, caller: Caller, table_id: str, rest: list[str], lang: str) -> Response:
        query = self._queries.get(table_id)
        if query is None or rest not in ([], ["metadata"], ["defaultselection"], ["data"]):
            raise _not_found()
        if not rest:
            return _json(request, self._entry(query, lang))
        table = self._load(query)
        if rest == ["metadata"]:
            return _json(request, formats.metadata(table, lang))
        if rest == ["defaultselection"]:
            return _json(request, formats.default_selection(table, lang))
        return self._data(request, caller, table, lang)

    def _load(self, query: Extract) -> Table:
        """The totals as they stand, and the run they came from."""
        rows = self._tables.query(
            f"SELECT kommunenummer, periode, verdi, n_barn, kunnskapstidspunkt FROM statistikk.{query.name} "  # noqa: S608
            "WHERE kjonn = 'T' AND aldersgruppe = 'T' AND kode = 'T' AND periodetype != 'N'"
        )
        runs = rows and self._tables.query(
            "SELECT kjoring_id, kunnskapstidspunkt, regelsett FROM statistikk.kjoring WHERE sporring = @name "
            "AND kunnskapstidspunkt = @tid ORDER BY lopenummer DESC LIMIT 1",
            {"name": query.name, "tid": rows[0]["kunnskapstidspunkt"]},
        )
        if not runs:
            raise Problem(
                NOT_NOW,
                "Tallene er ikke beregnet ennå. Prøv igjen etter neste kjøring.",
                "The figures are not computed yet. Try again after the next run.",
            )
        return build(query.figure, rows, runs[0], self._names)

    def _data(self, request: Request, caller: Caller, table: Table, lang: str) -> Response:
        chosen: dict[str, str] = {}
        output, texts = None, False
        for name, value in request.query.items():
            if match := _VALUECODES.fullmatch(name):
                chosen[match[1]] = value
            elif name.lower() == "outputformat":
                output = value.lower()
            elif name.lower() == "outputformatparams":
                texts = _texts(value)
            elif name.lower() not in _PARAMETERS:
                raise _parameter(name)
        if output is None:
            output = _acceptable(request.headers.get("accept"))
        if output not in _FORMATS:
            raise Problem(
                BAD_REQUEST,
                f"Formatet finnes ikke. Velg {' eller '.join(_FORMATS)}.",
                f"There is no such format. Choose {' or '.join(_FORMATS)}.",
                "outputFormat",
            )
        selection = select(table, chosen)
        if output == "csv":
            body = formats.to_csv(table, selection, lang, texts).encode("utf-8")
        else:
            body = msgspec.json.encode(formats.json_stat(table, selection, lang))
        response = _answer(request, body, _FORMATS[output])
        self._log(
            "uttrekk hentet",
            orgnr=caller.orgnr,
            leverandor=caller.supplier,
            client_id=caller.client_id,
            jti=caller.jti,
            tabell=table.figure.table_id,
            kjoring=table.run["kjoring"],
            sha256=hashlib.sha256(body).hexdigest(),
            status=response.status,
        )
        return response


def _language(request: Request) -> str:
    lang = next((v for k, v in request.query.items() if k.lower() == "lang"), "no").lower()
    if lang not in _LANGUAGES:
        raise Problem(
            BAD_REQUEST, "Språket finnes ikke. Velg no eller en.", "No such language. Choose no or en.", "lang"
        )
    return "en" if lang == "en" else "no"


def _acceptable(accept: str | None) -> str:
    """The format that an Accept header asks for; JSON-stat where it leaves the choice to us."""
    wanted = {part.partition(";")[0].strip().lower() for part in (accept or "*/*").split(",")}
    if wanted & {"*/*", "application/*", "application/json", ""}:
        return "json-stat2"
    if wanted & {"text/*", "text/csv"}:
        return "csv"
    raise Problem(
        NO_FORMAT,
        "Uttrekk finnes som application/json og text/csv. Endre Accept, eller bruk outputFormat.",
        "Extracts come as application/json and text/csv. Change Accept, or use outputFormat.",
        "Accept",
    )


def _whole(given: Mapping[str, str], name: str, default: int) -> int:
    text = given.get(name.lower(), str(default))
    if not re.fullmatch("[1-9][0-9]{0,5}", text):
        raise Problem(
            BAD_REQUEST, f"{name} skal være et helt tall fra 1.", f"{name} should be a whole number from 1.", name
        )
    return int(text)


def _texts(value: str) -> bool:
    known = {"usecodes": False, "usetexts": True, "separatorsemicolon": None}
    try:
        choices = [known[v.strip().lower()] for v in value.split(",")]
    except KeyError:
        raise Problem(
            BAD_REQUEST,
            "outputFormatParams kan være UseCodes, UseTexts og SeparatorSemicolon.",
            "outputFormatParams can be UseCodes, UseTexts and SeparatorSemicolon.",
            "outputFormatParams",
        ) from None
    return next((choice for choice in reversed(choices) if choice is not None), False)


def _parameter(name: str) -> Problem:
    shown = name if re.fullmatch(r"[A-Za-z\[\]]{1,60}", name) else "?"
    return Problem(
        BAD_REQUEST,
        f"Parameteren {shown} finnes ikke. Bruk valuecodes[Region], valuecodes[Tid], outputFormat, lang.",
        f"There is no parameter {shown}. Use valuecodes[Region], valuecodes[Tid], outputFormat, lang.",
        shown,
    )


def _not_found() -> Problem:
    return Problem(
        NOT_FOUND, "Adressen finnes ikke. /tables viser tabellene.", "No such address. /tables lists the tables."
    )


def _json(request: Request, value: Any) -> Response:
    return _answer(request, msgspec.json.encode(value), "application/json")


def _answer(request: Request, body: bytes, content_type: str) -> Response:
    """200 with a strong ETag, or 304 when the caller has it."""
    etag = f'"{hashlib.sha256(body).hexdigest()}"'
    headers = {
        "Content-Type": content_type,
        "ETag": etag,
        "Cache-Control": "private, no-cache",
        "Vary": "Authorization, Accept",
        "X-Content-Type-Options": "nosniff",
    }
    wanted = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if etag in wanted or "*" in wanted:
        return Response(status=304, headers=headers, body=b"")
    return Response(status=200, headers=headers, body=body)


def told(problem: Problem) -> Response:
    kind = problem.kind
    body = {
        "type": f"/feil/{kind.name}",
        "title": kind.title_nb,
        "titleEn": kind.title_en,
        "status": kind.status,
        "detail": problem.nb,
        "detailEn": problem.en,
        **({"felt": problem.felt} if problem.felt else {}),
    }
    headers = {
        "Content-Type": "application/problem+json",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    if kind is READ_ONLY:
        headers["Allow"] = "GET, HEAD"
    if kind is NOT_NOW:
        headers["Retry-After"] = "60"
    return Response(status=kind.status, headers=headers, body=msgspec.json.encode(body))
