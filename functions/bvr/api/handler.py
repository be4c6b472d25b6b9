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
from bvr.api.table import BadSelection, Table, build, select
from bvr.statistics.declared import Query
from bvr.statistics.ports import Tables

SCOPE = "ssb:barnevern/uttrekk.read"
_VALUECODES = re.compile(r"valuecodes\[([A-Za-z]{1,40})\]", re.IGNORECASE)
_FORMATS = {"json-stat2": "application/json", "csv": "text/csv; charset=utf-8"}
_PARAMETERS = {"lang", "outputformat", "outputformatparams"}
_LANGUAGES = ("no", "nb", "en")


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


class _Problem(Exception):
    """An error to be told as problem+json."""

    def __init__(self, status: int, title: str, nb: str, en: str, **more: str) -> None:
        super().__init__(en)
        self.status, self.title, self.nb, self.en, self.more = status, title, nb, en, more


_TITLES = {
    400: "Ugyldig forespørsel",
    401: "Ikke autentisert",
    403: "Ikke tilgang",
    404: "Finnes ikke",
    405: "Metoden er ikke tillatt",
    503: "Ikke tilgjengelig",
}


class Api:
    """Serves the latest checked run of every key figure. `log` is told of each pull; `openapi` is the description."""

    def __init__(
        self,
        queries: list[Query],
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
        except _Problem as problem:
            response = _told(problem)
        except Refused as refused:
            challenge = f'Bearer realm="barnevernsregisteret", error="{refused.error}"'
            response = _told(
                _Problem(refused.status, _TITLES[refused.status], refused.nb, refused.en),
                {"WWW-Authenticate": challenge},
            )
        except BadSelection as bad:
            response = _told(_Problem(400, _TITLES[400], bad.nb, bad.en, felt=bad.field))
        if request.method == "HEAD":
            return Response(status=response.status, headers=response.headers, body=b"")
        return response

    def _route(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            raise _Problem(405, _TITLES[405], "API-et kan bare leses (GET, HEAD).", "The API is read only (GET, HEAD).")
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
        from bvr.api.table import MAX_CELLS

        return _json(
            request,
            {
                "apiVersion": "2.0.0",
                "languages": [{"id": "no", "label": "Norsk"}, {"id": "en", "label": "English"}],
                "defaultLanguage": "no",
                "maxDataCells": MAX_CELLS,
                "defaultDataFormat": "json-stat2",
                "dataFormats": list(_FORMATS),
            },
        )

    def _catalogue(self, request: Request, lang: str) -> Response:
        found = [self._entry(query, lang) for query in self._queries.values()]
        return _json(request, {"language": lang, "tables": found})

    def _entry(self, query: Query, lang: str) -> dict[str, Any]:
        figure = query.figure
        return {
            "type": "Table",
            "id": figure.table_id,
            "label": figure.title_en if lang == "en" else figure.title_nb,
            "description": figure.definition_en if lang == "en" else figure.definition_nb,
            "source": formats.SOURCE,
            "variableNames": ["Region", "ContentsCode", "Tid"],
            "links": [
                {"rel": "self", "hreflang": lang, "href": f"/tables/{figure.table_id}"},
                {"rel": "metadata", "hreflang": lang, "href": f"/tables/{figure.table_id}/metadata"},
                {"rel": "data", "hreflang": lang, "href": f"/tables/{figure.table_id}/data"},
            ],
        }

    def _table(self, request: Request, caller: Caller, table_id: str, rest: list[str], lang: str) -> Response:
        query = self._queries.get(table_id)
        if query is None or rest not in ([], ["metadata"], ["data"]):
            raise _not_found()
        if not rest:
            return _json(request, self._entry(query, lang))
        table = self._load(query)
        if rest == ["metadata"]:
            return _json(request, formats.metadata(table, lang))
        return self._data(request, caller, table, lang)

    def _load(self, query: Query) -> Table:
        """The latest run and its totals."""
        runs = self._tables.query(
            "SELECT kjoring_id, kunnskapstidspunkt, regelsett FROM statistikk.kjoring WHERE sporring = @name "
            "ORDER BY kunnskapstidspunkt DESC LIMIT 1",
            {"name": query.name},
        )
        if not runs:
            raise _Problem(
                503,
                _TITLES[503],
                "Tallene er ikke beregnet ennå. Prøv igjen etter neste kjøring.",
                "The figures are not computed yet. Try again after the next run.",
            )
        rows = self._tables.query(
            f"SELECT kommunenummer, periode, verdi, n_barn FROM statistikk.{query.name} "  # noqa: S608
            "WHERE kjonn = 'T' AND aldersgruppe = 'T' AND kode = 'T'"
        )
        return build(query.figure, rows, runs[0], self._names)

    def _data(self, request: Request, caller: Caller, table: Table, lang: str) -> Response:
        chosen: dict[str, str] = {}
        output, texts = "json-stat2", False
        for name, value in request.query.items():
            if match := _VALUECODES.fullmatch(name):
                chosen[match[1]] = value
            elif name.lower() == "outputformat":
                output = value.lower()
            elif name.lower() == "outputformatparams":
                texts = _texts(value)
            elif name.lower() not in _PARAMETERS:
                raise _parameter(name)
        if output not in _FORMATS:
            raise _Problem(
                400,
                _TITLES[400],
                f"Formatet finnes ikke. Velg {' eller '.join(_FORMATS)}.",
                f"There is no such format. Choose {' or '.join(_FORMATS)}.",
                felt="outputFormat",
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
        raise _Problem(
            400,
            _TITLES[400],
            "Språket finnes ikke. Velg no eller en.",
            "No such language. Choose no or en.",
            felt="lang",
        )
    return "en" if lang == "en" else "no"


def _texts(value: str) -> bool:
    known = {"usecodes": False, "usetexts": True}
    try:
        return [known[v.strip().lower()] for v in value.split(",")][-1]
    except KeyError:
        raise _Problem(
            400,
            _TITLES[400],
            "outputFormatParams kan være UseCodes eller UseTexts.",
            "outputFormatParams can be UseCodes or UseTexts.",
            felt="outputFormatParams",
        ) from None


def _parameter(name: str) -> _Problem:
    shown = name if re.fullmatch(r"[A-Za-z\[\]]{1,60}", name) else "?"
    return _Problem(
        400,
        _TITLES[400],
        f"Parameteren {shown} finnes ikke. Bruk valuecodes[Region], valuecodes[Tid], outputFormat, lang.",
        f"There is no parameter {shown}. Use valuecodes[Region], valuecodes[Tid], outputFormat, lang.",
        felt=shown,
    )


def _not_found() -> _Problem:
    return _Problem(
        404,
        _TITLES[404],
        "Adressen finnes ikke. /tables viser tabellene.",
        "No such address. /tables lists the tables.",
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
        "Vary": "Authorization",
        "X-Content-Type-Options": "nosniff",
    }
    wanted = [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]
    if etag in wanted or "*" in wanted:
        return Response(status=304, headers=headers, body=b"")
    return Response(status=200, headers=headers, body=body)


def _told(problem: _Problem, headers: dict[str, str] | None = None) -> Response:
    body = {
        "type": f"https://barnevernsregisteret.no/feil/{problem.status}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.nb,
        "detailEn": problem.en,
        **problem.more,
    }
    found = {"Content-Type": "application/problem+json", "Cache-Control": "no-store", **(headers or {})}
    if problem.status == 405:
        found["Allow"] = "GET, HEAD"
    return Response(status=problem.status, headers=found, body=msgspec.json.encode(body))
