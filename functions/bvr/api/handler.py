"""The extract API: PxWebApi v2 paths and parameters, so that clients of the StatBank read it with another base address.

Independent of any web framework: a request in, a response out. Errors are problem+json (RFC 9457), in Bokmål with
English beside.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from threading import Lock
from typing import Any, Protocol
from urllib.parse import urlencode

from cachetools import LRUCache

from bvr.api import formats, sdmx
from bvr.api.asked import Asked, asked, language, moment, only, opened, whole, wrong
from bvr.api.formats import FORMATS
from bvr.api.http import (
    BAD_REQUEST,
    NO_ACCESS,
    NO_FORMAT,
    NO_METHOD,
    NO_TOKEN,
    NOT_FOUND,
    NOT_JSON,
    NOT_NOW,
    TOO_LARGE,
    Kind,
    Problem,
    Request,
    Response,
    conditional,
    conditional_json,
    told,
    turned_away,
)
from bvr.api.limiter import WINDOW, Limiter
from bvr.api.maskinporten import Caller, Refused, Verifier
from bvr.api.published import BeingPublished, Head, Published, Version
from bvr.api.pulls import Uttrekkslogg
from bvr.api.rights import SCOPES, Access, Product, Profile
from bvr.api.table import MAX_CELLS, MISSING, BadSelection, Cell, Selection, Table, select
from bvr.errors import Retry

SCOPE = SCOPES[Product.EXTRACTS]
TOO_MANY_CELLS = Kind("for-mange-celler", 403, "For mange celler", "Too many cells")
TOO_MANY_CALLS = Kind("for-mange-kall", 429, "For mange kall", "Too many requests")
KINDS = (
    *(BAD_REQUEST, NO_TOKEN, NO_ACCESS, TOO_MANY_CELLS, NOT_FOUND, NO_METHOD, NO_FORMAT, TOO_LARGE, NOT_JSON),
    *(TOO_MANY_CALLS, NOT_NOW),
)
"""Listed in docs/uttrekk.md."""
_PAGE = 20
_KEPT = 64
"""Rendered answers that are kept in memory."""


class Rights(Protocol):
    """What an organisation may see today. Raises Retry before anything could be read."""

    def of(self, caller: Caller) -> Access: ...


class Pulls(Protocol):
    """Keeps a record of a pull. Raises Retry where it cannot now."""

    def tell(self, pull: Uttrekkslogg, **ids: str | None) -> None: ...


class Api:
    """Serves published tables. What cannot be recorded in `pulls` is not answered; `log` is told who was turned away.
    `openapi` is the description, and `page` its page for people."""

    def __init__(
        self,
        published: Sequence[Published],
        verifier: Verifier,
        rights: Rights,
        pulls: Pulls,
        log: Callable[..., None],
        *,
        openapi: bytes,
        page: bytes = b"",
        limiter: Limiter | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._published = published
        self._verifier = verifier
        self._rights = rights
        self._pulls = pulls
        self._log = log
        self._openapi = openapi
        self._page = page
        self._limiter = limiter
        self._clock = clock
        self._rendered: LRUCache[tuple[str, ...], tuple[bytes, str]] = LRUCache(_KEPT)
        self._rendering = Lock()

    def handle(self, request: Request) -> Response:
        """Answer a request. Raises only for faults of the platform."""
        try:
            response = self._route(request)
        except Problem as problem:
            response = told(problem)
        except Refused as refused:
            response = self._refused(refused)
        except BadSelection as bad:
            response = told(Problem(TOO_MANY_CELLS if bad.too_large else BAD_REQUEST, bad.nb, bad.en, bad.field))
        except Retry:
            response = told(Problem(NOT_NOW, "Prøv igjen om litt.", "Try again in a while."))
        except BeingPublished:
            response = told(
                Problem(
                    NOT_NOW,
                    "Tallene er ikke publisert ennå. Prøv igjen etter neste kjøring.",
                    "The figures are not published yet. Try again after the next run.",
                )
            )
        if request.method == "HEAD":
            return Response(status=response.status, headers=response.headers, body=b"")
        return response

    def _refused(self, refused: Refused) -> Response:
        self._log("uttrekk avvist", severity="WARNING", status=refused.status, grunn=refused.nb)
        return turned_away(refused, SCOPE)

    def _route(self, request: Request) -> Response:
        parts = [part for part in request.path.split("/") if part]
        if parts[:3] == ["api", "pxwebapi", "v2"]:
            parts = parts[3:]
        asks = parts[:1] == ["tables"] and parts[2:] == ["data"]
        allowed = ("GET", "HEAD", "POST") if asks else ("GET", "HEAD")
        if request.method not in allowed:
            names = ", ".join(allowed)
            raise Problem(
                NO_METHOD,
                f"API-et kan bare leses ({names}).",
                f"The API is read only ({names}).",
                headers={"Allow": names},
            )
        if parts == ["openapi.json"]:
            return conditional(request, self._openapi, "application/json")
        if not parts and self._page and request.path == "/":
            return conditional(request, self._page, "text/html; charset=utf-8")
        caller = self._verifier.verify(request.headers.get("authorization"), SCOPE)
        if self._limiter is not None and (wait := self._limiter.wait(caller.orgnr)):
            raise Problem(
                TOO_MANY_CALLS,
                f"Organisasjonen har gjort for mange kall. Prøv igjen om {wait} sekunder.",
                f"The organisation has made too many calls. Try again in {wait} seconds.",
                headers={"Retry-After": str(wait)},
            )
        lang = language(request)
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
            return self._table(request, caller, parts[2], parts[3:], lang, v1=True)
        if parts[:1] == ["codelists"] and len(parts) == 2:
            return self._codelist(request, caller, parts[1], lang)
        if parts[:2] == ["sdmx", "structure"] and len(parts) == 3:
            return conditional_json(request, sdmx.structure(self._load(caller, parts[2])))
        raise _not_found()

    # --- what there is -----------------------------------------------------------------------------------------------

    def _config(self, request: Request) -> Response:
        return conditional_json(
            request,
            {
                "apiVersion": "2.0.0",
                "appVersion": "1.0.0",
                "languages": [{"id": "no", "label": "Norsk"}, {"id": "en", "label": "English"}],
                "defaultLanguage": "no",
                "maxDataCells": MAX_CELLS,
                "maxCallsPerTimeWindow": self._limiter.calls if self._limiter else 30,
                "timeWindow": WINDOW,
                "sourceReferences": [{"language": lang, "text": formats.SOURCE} for lang in ("no", "en")],
                "license": "",
                "defaultDataFormat": "json-stat2",
                "dataFormats": list(FORMATS),
                "features": [],
            },
        )

    def _heads(self) -> dict[str, Head]:
        return {head.id: head for source in self._published for head in source.catalogue()}

    def _catalogue(self, request: Request, lang: str) -> Response:
        given = {name.lower(): value for name, value in request.query.items()}
        only(given, {"lang", "query", "pagenumber", "pagesize", "pastdays", "includediscontinued"})
        words = given.get("query", "").lower().split()
        number, size = whole(given, "pageNumber", 1), whole(given, "pageSize", _PAGE)
        if "pastdays" in given:
            whole(given, "pastDays", 1)
        if given.get("includediscontinued", "false").lower() not in ("true", "false"):
            raise wrong("includeDiscontinued", "true, false")
        entries = [_entry(head, lang) for head in self._heads().values()]
        found = [e for e in entries if all(word in f"{e['id']} {e['label']}".lower() for word in words)]
        page = {
            "pageNumber": number,
            "pageSize": size,
            "totalElements": len(found),
            "totalPages": -(-len(found) // size),
            "links": [],
        }
        return conditional_json(
            request, {"language": lang, "tables": found[(number - 1) * size : number * size], "page": page, "links": []}
        )

    def _codelist(self, request: Request, caller: Caller, name: str, lang: str) -> Response:
        for head in self._heads():
            try:
                table = self._load(caller, head)
            except BeingPublished:
                continue
            for one in (one for d in table.dimensions for one in d.codelists):
                if one.id.lower() == name.lower():
                    return conditional_json(request, formats.code_list(one, lang))
        raise _not_found()

    def _load(self, caller: Caller, name: str, version: str | None = None, as_of: datetime | None = None) -> Table:
        access = self._rights.of(caller).to(Product.EXTRACTS)
        for source in self._published:
            found = source.table(name, access, version, as_of)
            if found is not None:
                return found
        raise _not_found()

    def _table(
        self, request: Request, caller: Caller, table_id: str, rest: list[str], lang: str, *, v1: bool = False
    ) -> Response:
        head = self._heads().get(table_id)
        known = [[], ["metadata"], ["defaultselection"], ["data"]]
        if head is None or rest not in ([*known, ["versjoner"], ["endringer"]] if v1 else known):
            raise _not_found()
        if not rest:
            return conditional_json(request, _entry(head, lang))
        if rest == ["versjoner"]:
            return conditional_json(request, {"tabell": table_id, "versjoner": self._versions(table_id)})
        if rest == ["endringer"]:
            return self._changes(request, caller, table_id)
        if rest == ["data"]:
            return self._data(request, caller, table_id, lang, v1=v1)
        table = self._load(caller, table_id)
        about = formats.metadata if rest == ["metadata"] else formats.default_selection
        return conditional_json(request, about(table, lang))

    def _versions(self, table_id: str) -> list[Version]:
        return [one for source in self._published for one in source.versions(table_id)]

    # --- figures -----------------------------------------------------------------------------------------------------

    def _data(self, request: Request, caller: Caller, table_id: str, lang: str, *, v1: bool) -> Response:
        call = asked(request, v1=v1)
        version, as_of, status = call.more.get("versjon"), call.more.get("asof"), call.more.get("status")
        if status is not None:
            version = self._with_status(table_id, status, version)
        table = self._load(caller, table_id, version, moment(as_of) if as_of else None)
        if call.output not in FORMATS:
            raise wrong("outputFormat", ", ".join(FORMATS))
        ids = {d.id.lower() for d in table.dimensions}
        for name, placed in (("heading", call.layout.heading), ("stub", call.layout.stub)):
            if any(one.lower() not in ids for one in placed):
                raise wrong(name, ", ".join(d.id for d in table.dimensions))
        if call.page is not None or call.cursor is not None:
            return self._paged(request, caller, select(table, call.chosen, call.codelists), call)
        media, render = FORMATS[call.output]
        key = (table.id, table.version, *sorted(table.opened), lang, repr(call))
        body, sha256 = self._once(key, lambda: render(select(table, call.chosen, call.codelists), lang, call.layout))
        response = conditional(request, body, media, updated=table.updated, fixed=version is not None, sha256=sha256)
        self._pulled(request, caller, table, sha256, response.status)
        return response

    def _once(self, key: tuple[str, ...], render: Callable[[], bytes]) -> tuple[bytes, str]:
        """The bytes of a selection of a version, and their hash: made once while they are asked for."""
        with self._rendering:
            found = self._rendered.get(key)
        if found is None:
            body = render()
            found = body, hashlib.sha256(body).hexdigest()
            with self._rendering:
                self._rendered[key] = found
        return found

    def _with_status(self, table_id: str, status: str, version: str | None) -> str:
        found = [one.id for one in self._versions(table_id) if one.status == status and version in (None, one.id)]
        if not found:
            raise wrong("status", ", ".join(sorted({one.status for one in self._versions(table_id)})) or "-")
        return found[-1]

    def _pulled(self, request: Request, caller: Caller, table: Table, sha256: str, status: int) -> None:
        self._pulls.tell(
            Uttrekkslogg(
                tidspunkt=self._clock(),
                orgnr=caller.orgnr,
                leverandor=caller.supplier,
                rolle=self._rights.of(caller).role,
                metode=request.method,
                produkt=Product.EXTRACTS.value,
                ressurs=table.id,
                versjon=table.version,
                sha256=sha256,
                status=status,
                profil=(Profile.INTERNAL if table.opened else Profile.PUBLISHABLE).value,
            ),
            client_id=caller.client_id,
            jti=caller.jti,
        )

    def _paged(self, request: Request, caller: Caller, selection: Selection, call: Asked) -> Response:
        """Rows of a selection, some at a time; a cursor belongs to one version and one selection."""
        bound = hashlib.sha256(repr((selection.table.version, call.chosen, call.codelists)).encode()).hexdigest()[:16]
        start = opened(call.cursor, bound) if call.cursor else 0
        size = call.page or _PAGE
        rows = [
            {**dict(zip((one.dimension.id for one in selection.shown), codes, strict=True)), "value": cell.value}
            | ({"status": cell.symbol} if cell.symbol else {})
            for codes, cell in islice(selection.rows(), start, start + size)
        ]
        more = next(islice(selection.rows(), start + size, None), None) is not None
        following = base64.urlsafe_b64encode(f"{bound}:{start + size}".encode()).decode() if more else None
        body = {"tabell": selection.table.id, "bvr": selection.table.about, "rader": rows, "neste": following}
        response = conditional_json(request, body)
        if following:
            query = {**request.query, "cursor": following}
            response.headers["Link"] = f'<{request.path}?{urlencode(query)}>; rel="next"'
        digest = response.headers["ETag"].strip('"')
        self._pulled(request, caller, selection.table, digest, response.status)
        return response

    def _changes(self, request: Request, caller: Caller, table_id: str) -> Response:
        """The cells that differ between two versions, as each was shown."""
        given = {name.lower(): value for name, value in request.query.items()}
        only(given, {"lang", "fra", "til"})
        known = [one.id for one in self._versions(table_id)]
        for name in ("fra", "til"):
            if given.get(name) not in known:
                raise wrong(name, ", ".join(known) or "-")
        before, after = (self._load(caller, table_id, given[name]) for name in ("fra", "til"))
        names = [d.id for d in after.dimensions]
        missing = Cell(None, MISSING)
        changes = []
        for key in sorted(before.cells.keys() | after.cells.keys()):
            one, two = before.cells.get(key, missing), after.cells.get(key, missing)
            if one != two:
                changes.append(
                    {
                        **dict(zip(names, key, strict=True)),
                        "for": {"value": one.value, "status": one.symbol},
                        "etter": {"value": two.value, "status": two.symbol},
                    }
                )
        body = {
            "tabell": table_id,
            "fra": given["fra"],
            "til": given["til"],
            "antall": len(changes),
            "endringer": changes,
        }
        return conditional_json(request, body, fixed=True)


def _entry(head: Head, lang: str) -> dict[str, Any]:
    english = lang == "en"
    paths = ("metadata", "defaultselection", "data")
    address = f"/tables/{head.id}"
    return {
        "type": "Table",
        "id": head.id,
        "label": head.title_en if english else head.title_nb,
        "description": head.note_en if english else head.note_nb,
        "updated": None,
        "firstPeriod": "",
        "lastPeriod": "",
        "category": "internal",
        "source": formats.SOURCE,
        "variableNames": list(head.variables),
        "timeUnit": "Other",
        "paths": [],
        "links": [
            {"rel": "self", "hreflang": lang, "href": address},
            *({"rel": path, "hreflang": lang, "href": f"{address}/{path}"} for path in paths),
        ],
    }


def _not_found() -> Problem:
    return Problem(
        NOT_FOUND, "Adressen finnes ikke. /tables viser tabellene.", "No such address. /tables lists the tables."
    )
