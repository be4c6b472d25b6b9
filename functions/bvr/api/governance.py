"""What is done with figures before they are published: preview, approval, reports; and the code lists they are in.

The paths of `/v1/` beside the extracts (statistics 3.4 and 5.4). Independent of any web framework: a request in, a
response out. Whoever asks needs a token with the product's scope and a right to it; every answer is logged before it
leaves. Errors are problem+json (RFC 9457), in Bokmål with English beside.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import date, datetime
from typing import Any

import msgspec

from bvr import spreadsheet
from bvr.api.http import (
    BAD_REQUEST,
    NO_ACCESS,
    NO_FORMAT,
    NO_METHOD,
    NOT_FOUND,
    NOT_JSON,
    NOT_NOW,
    REFUSALS,
    TOO_LARGE,
    Kind,
    Problem,
    Request,
    Response,
    conditional,
    conditional_json,
    etag,
    identity,
    json_body,
    told,
    turned_away,
)
from bvr.api.maskinporten import Caller, Refused, Verifier
from bvr.api.pulls import PullLog, Uttrekkslogg
from bvr.api.rights import SCOPES, Access, Product, Profile, RightsRegister, Role
from bvr.errors import Broken, Retry
from bvr.model.codelists import Code, codelist
from bvr.model.codelists import names as codelists
from bvr.pipeline import day_in_norway
from bvr.statistics import approval, calendar, preview
from bvr.statistics.approval import BY_MUNICIPALITY, Actor, Approvals, Call, Event, Godkjenning, Standing, State
from bvr.statistics.ports import Tables
from bvr.statistics.reports import migration, statistical, validation
from bvr.statistics.reports.answers import holds_number
from bvr.statistics.reports.page import Report

PREVIEW, APPROVALS, REPORTS, LISTS = (
    f"/v1/{one}" for one in ("forhandsvisning", "godkjenninger", "rapporter", "kodelister")
)
BY_SSB = (Event.SEND, Event.CORRECT, Event.FREEZE, Event.PUBLISH, Event.REVISE)
"""What SSB does; to re-open is the register's own."""
OF_REPORTS: Mapping[str, Any] = {"migrering": migration, "validering": validation, "statistisk": statistical}
SUPPLIER = "leverandor"
"""In place of a municipality: the caller's own report as a supplier."""
FORMATS = {"json": "application/json", "csv": "text/csv; charset=utf-8", "html": "text/html; charset=utf-8"}
MOST_BYTES = 64 * 1024
LONGEST_NAME, LONGEST_TEXT = 200, 4000
CONFLICT = Kind("konflikt", 409, "Tallene eller tilstanden er en annen", "The figures or their state are others")
CHANGED = Kind("endret-siden", 412, "Endret siden", "Changed since")
CONTENT = Kind("ugyldig-innhold", 422, "Innholdet er feil", "Unprocessable content")
KINDS = (
    *REFUSALS.values(),
    BAD_REQUEST,
    NOT_FOUND,
    NO_METHOD,
    NO_FORMAT,
    CONFLICT,
    CHANGED,
    TOO_LARGE,
    NOT_JSON,
    CONTENT,
)

_REGION, _MUNICIPALITY = re.compile("[0-9]{4}([0-9]{2})?"), re.compile("[0-9]{4}")
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_SHA256 = re.compile("[0-9a-f]{64}")
_FREEZE = re.compile(r"20[0-9]{2}(H[12])?-T[1-9]")
CONTROLS = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
"""Characters that no text has, as a regular expression has them: controls, and what turns the direction of writing."""
_CONTROL = re.compile(f"[{CONTROLS}]")
_FIELDS = ("kommunenummer", "periode", "frysingId", "sha256", "hendelse", "navn", "rolle", "tekst")


class _Asked:
    """A request on its way: who asks for what, as far as it is known."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.product = Product.QUALITY
        self.resource = "?"
        self.caller: Caller | None = None
        self.access: Access | None = None
        self.refused: str | None = None
        self.version: str | None = None
        self.profile: Profile | None = None
        self.query: dict[str, str] = {}


def governs(path: str) -> bool:
    """Whether a path is one of these."""
    return any(path == one or path.startswith(f"{one}/") for one in (PREVIEW, APPROVALS, REPORTS, LISTS))


class Governance:
    """Answers for the paths that `governs` names."""

    def __init__(
        self,
        tables: Tables,
        rights: RightsRegister,
        verifier: Verifier,
        pulls: PullLog,
        names: Mapping[str, str],
        clock: Callable[[], datetime],
        log: Callable[..., None],
    ) -> None:
        """`names`: municipality number -> name. `log` is told of what is broken; `pulls` of every answer."""
        self._tables = tables
        self._approvals = Approvals(tables)
        self._rights = rights
        self._verifier = verifier
        self._pulls = pulls
        self._names = names
        self._clock = clock
        self._log = log

    def handle(self, request: Request) -> Response:
        """Answer a request. What cannot be logged is not answered."""
        asked = _Asked(request)
        response = self._answered(asked)
        try:
            self._pulls.tell(self._pull(asked, response), **_ids(asked.caller))
        except Retry:
            response = told(_not_now())
        if request.method == "HEAD":
            return Response(status=response.status, headers=response.headers, body=b"")
        return response

    def _answered(self, asked: _Asked) -> Response:
        try:
            return self._route(asked)
        except Problem as problem:
            return told(problem)
        except Refused as refused:
            asked.refused = refused.orgnr
            if refused.orgnr:
                with suppress(Retry):
                    asked.access = self._rights.of(Caller(orgnr=refused.orgnr, scopes=()))
            return turned_away(refused, SCOPES[asked.product])
        except Retry:
            return told(_not_now())
        except Broken as broken:
            self._log("forvaltning brutt", severity="ERROR", grunn=str(broken))
            return told(_not_now())

    def _pull(self, asked: _Asked, response: Response) -> Uttrekkslogg:
        caller, access = asked.caller, asked.access
        return Uttrekkslogg(
            tidspunkt=self._clock(),
            orgnr=caller.orgnr if caller else asked.refused,
            leverandor=caller.supplier if caller else None,
            rolle=access.role if access else "UKJENT",
            metode=asked.request.method if asked.request.method in ("GET", "HEAD", "POST") else "ANNEN",
            produkt=asked.product.value,
            ressurs=asked.resource,
            versjon=asked.version,
            sha256=hashlib.sha256(response.body).hexdigest() if response.status < 300 else None,
            status=response.status,
            profil=asked.profile.value if asked.profile and response.status < 400 else None,
        )

    # --- ways in ---------------------------------------------------------------------------------------------------

    def _route(self, asked: _Asked) -> Response:
        parts = [part for part in asked.request.path.split("/") if part][1:]
        match parts:
            case ["kodelister", *rest] if len(rest) < 2:
                self._enter(asked, Product.EXTRACTS, "kodelister", "dato" if rest else None)
                return self._list(asked, rest[0]) if rest else self._lists(asked)
            case ["forhandsvisning", region]:
                self._enter(asked, Product.QUALITY, "forhandsvisning", "periode", "outputFormat")
                return self._preview(asked, region)
            case ["rapporter", kind, whose]:
                self._enter(asked, Product.QUALITY, "rapporter", "outputFormat", "leverandor")
                return self._report(asked, kind, whose)
            case ["godkjenninger"] if asked.request.method == "POST":
                self._enter(asked, Product.APPROVAL, "godkjenninger")
                return self._act(asked)
            case ["godkjenninger"]:
                self._enter(asked, Product.QUALITY, "godkjenninger", "periode", "kommunenummer", "tilstand", post=True)
                return self._standings(asked)
            case ["godkjenninger", kommune, period]:
                self._enter(asked, Product.QUALITY, "godkjenninger")
                return self._standing(asked, kommune, period)
            case _:
                self._enter(asked, Product.QUALITY, "?")
                raise _not_found("Adressen finnes ikke.", "No such address.")

    def _enter(self, asked: _Asked, product: Product, resource: str, *known: str | None, post: bool = False) -> None:
        """Let in whoever has a token for the product, with a method and parameters that there are."""
        asked.product, asked.resource = product, resource
        acting = product is Product.APPROVAL
        allowed = ("POST",) if acting else ("GET", "HEAD")
        if asked.request.method not in allowed:
            methods = ", ".join((*allowed, *(("POST",) if post else ())))
            raise Problem(NO_METHOD, f"Bruk {methods}.", f"Use {methods}.", headers={"Allow": methods})
        asked.caller = self._verifier.verify(asked.request.headers.get("authorization"), SCOPES[product])
        asked.access = self._rights.of(asked.caller)
        names = {one.lower(): one for one in known if one}
        for name, value in asked.request.query.items():
            if name.lower() not in names:
                shown = name if re.fullmatch(r"[A-Za-z\[\]]{1,60}", name) else "?"
                use_nb = f"Bruk {', '.join(names.values())}." if names else "Den har ingen parametre."
                use_en = f"Use {', '.join(names.values())}." if names else "It has no parameters."
                raise _bad(shown, f"Parameteren {shown} finnes ikke. {use_nb}", f"No such parameter. {use_en}")
            asked.query[names[name.lower()]] = value

    # --- preview ---------------------------------------------------------------------------------------------------

    def _preview(self, asked: _Asked, region: str) -> Response:
        if not _REGION.fullmatch(region):
            raise _bad(
                "kommunenummer",
                "kommunenummer er fire siffer, eller seks for en bydel.",
                "kommunenummer is four digits, or six for a district.",
            )
        asked.resource = f"forhandsvisning/{region}"
        access = _to(asked)
        if not access.covers(region, Role.MUNICIPALITY, Role.SSB):
            raise _no_right(region)
        form = _format(asked, ("json", "csv"))
        period = _period(asked.query.get("periode"))
        found = self._approvals.standing(self._clock(), [region[:4]], period)
        if not found:
            raise _not_frozen(region, period)
        one = max(found, key=lambda s: s.kunnskapstidspunkt)
        asked.version, asked.profile = one.frysing_id, Profile.INTERNAL
        rows = preview.rows(self._tables, one)
        whole = len(region) == 4
        if not whole:
            rows = [row for row in rows if row[1] == region]
        headers = {"BVR-Frysing": one.frysing_id, **({"BVR-SHA256": one.sha256} if whole else {})}
        if form == "csv":
            made = ((one.frysing_id, *("" if v is None else str(v) for v in row)) for row in rows)
            return _answer(spreadsheet.render(("frysing_id", *preview.COLUMNS), made), form, headers)
        flagged = [d for d in preview.deviations(self._tables, one) if whole or d["region"] == region]
        content = {
            **self._about(one),
            "region": region,
            # A district sees its part, and the hash is of the whole.
            "sha256": one.sha256 if whole else None,
            "profil": asked.profile.value,
            "avvik": [{_camel(name): value for name, value in d.items()} for d in flagged],
            "tall": {"kolonner": preview.COLUMNS, "antall": len(rows), "rader": rows},
        }
        return _answer(msgspec.json.encode(content), form, headers)

    # --- approval --------------------------------------------------------------------------------------------------

    def _standings(self, asked: _Asked) -> Response:
        access = _to(asked)
        kommune, period, wanted = (asked.query.get(one) for one in ("kommunenummer", "periode", "tilstand"))
        if wanted is not None and wanted not in list(State):
            raise _bad("tilstand", f"tilstand er en av {', '.join(State)}.", f"tilstand is one of {', '.join(State)}.")
        if kommune is not None and not _MUNICIPALITY.fullmatch(kommune):
            raise _bad("kommunenummer", "kommunenummer er fire siffer.", "kommunenummer is four digits.")
        every = access.is_(Role.SSB, Role.BUFDIR)
        own = access.municipalities if access.is_(Role.MUNICIPALITY) else ()
        if not every and (not own or (kommune is not None and kommune not in own)):
            raise _no_right(kommune or "")
        chosen = [kommune] if kommune is not None else None if every else own
        found = self._approvals.standing(self._clock(), chosen, _period(period))
        asked.resource, asked.profile = f"godkjenninger/{kommune or 'alle'}", Profile.INTERNAL
        content = {"godkjenninger": [self._about(one) for one in found if wanted in (None, one.state)]}
        return conditional_json(asked.request, content)

    def _standing(self, asked: _Asked, kommune: str, period: str) -> Response:
        if not _MUNICIPALITY.fullmatch(kommune):
            raise _bad("kommunenummer", "kommunenummer er fire siffer.", "kommunenummer is four digits.")
        asked.resource = f"godkjenninger/{kommune}"
        access = _to(asked)
        if not (access.is_(Role.BUFDIR, Role.SSB) or access.covers(kommune, Role.MUNICIPALITY)):
            raise _no_right(kommune)
        wanted = _period(period) or ""
        return conditional(asked.request, self._course(asked, access, kommune, wanted), FORMATS["json"])

    def _course(self, asked: _Asked, access: Access, kommune: str, period: str) -> bytes:
        """Where figures are and how they came there. Names and texts are for whose figures they are, and SSB."""
        found = self._approvals.standing(self._clock(), [kommune], period)
        if not found:
            raise _not_frozen(kommune, period)
        (one,) = found
        asked.version, asked.profile = one.frysing_id, Profile.INTERNAL
        whole = access.covers(kommune, Role.MUNICIPALITY) or access.is_(Role.SSB)
        events = [_event(event, whole=whole) for event in self._approvals.events(kommune, period)]
        return msgspec.json.encode({**self._about(one), "hendelser": events})

    def _about(self, one: Standing) -> dict[str, Any]:
        return {
            "kommunenummer": one.kommunenummer,
            "kommunenavn": self._names.get(one.kommunenummer, ""),
            "periode": one.periode,
            "tilstand": one.state.value,
            "mulige": [event.value for event in one.possible],
            "frist": one.deadline,
            "frysingId": one.frysing_id,
            "sha256": one.sha256,
            "kunnskapstidspunkt": one.kunnskapstidspunkt,
            "sist": _event(one.last, whole=False) if one.last else None,
        }

    def _act(self, asked: _Asked) -> Response:
        caller = asked.caller
        assert caller is not None  # nobody comes here without
        content, given = _content(asked.request)
        kommune, event = given["kommunenummer"], Event(given["hendelse"])
        asked.resource, asked.version = f"godkjenninger/{kommune}", given["frysingId"]
        access = _to(asked)
        own = event in BY_MUNICIPALITY
        if not access.covers(kommune, Role.MUNICIPALITY if own else Role.SSB):
            raise Problem(
                NO_ACCESS,
                f"{event.value} for {kommune} er det bare {'kommunen selv' if own else 'SSB'} som sier.",
                f"{event.value} of {kommune} is for {'the municipality itself' if own else 'SSB'} to say.",
                "hendelse",
            )
        asked.profile = Profile.INTERNAL
        call = _call(asked.request, caller, content)
        if call and (before := self._approvals.made_by(call.key)):
            return _created(_the_same(before, call))
        now = self._clock()
        self._unchanged(asked, access, kommune, given["periode"])
        self._newest(event, given, now)
        try:
            made = self._approvals.tell(
                event,
                kommune=kommune,
                freeze=given["frysingId"],
                seen=given["sha256"],
                actor=Actor(
                    name=given["navn"],
                    role=given["rolle"],
                    on_behalf_of=caller.orgnr,
                    channel="API",
                    supplier=caller.supplier,
                ),
                at=now,
                text=given["tekst"] or None,
                call=call,
            )
        except LookupError:
            raise _not_frozen(kommune, given["periode"]) from None
        if isinstance(made, approval.Refused):
            if made.code == "TEKST_MANGLER":
                raise Problem(CONTENT, made.nb, made.en, "tekst")
            raise Problem(
                *(CONFLICT, made.nb, made.en, "hendelse"),
                kode=made.code,
                mulige=[one.value for one in made.possible],
            )
        return _created(_the_same(made, call) if call else made)

    def _unchanged(self, asked: _Asked, access: Access, kommune: str, period: str) -> None:
        """What If-Match asks for: that nothing has happened since the caller looked."""
        wanted = asked.request.headers.get("if-match")
        if wanted is None or wanted.strip() == "*":
            return
        version = asked.version
        now = etag(self._course(asked, access, kommune, period))
        asked.version = version
        if now not in [identity(one.strip()) for one in wanted.split(",")]:
            raise Problem(
                CHANGED,
                "Noe har skjedd siden dere så. Hent godkjenningen på nytt.",
                "Something has happened since you looked. Fetch the approval again.",
                "If-Match",
            )

    def _newest(self, event: Event, given: Mapping[str, str], now: datetime) -> None:
        """An act is about the newest freeze and its hash; a publication about what was frozen."""
        found = self._approvals.standing(now, [given["kommunenummer"]], given["periode"])
        if not found:
            raise _not_frozen(given["kommunenummer"], given["periode"])
        (one,) = found
        freeze, sha256 = one.frysing_id, one.sha256
        if event is Event.PUBLISH and one.state is State.FROZEN and one.last:
            freeze, sha256 = one.last.frysing_id, one.last.sha256
        if (given["frysingId"], given["sha256"]) == (freeze, sha256):
            return
        which = "frysingId" if given["frysingId"] != freeze else "sha256"
        raise Problem(
            *(CONFLICT, f"Tallene er ikke de som gjelder nå: {freeze}. Hent dem på nytt, og svar på dem."),
            *(f"The figures are not those that hold now: {freeze}. Fetch them again, and answer to these.", which),
            kode="TALLENE_ER_ENDRET",
            tilstand=one.state.value,
            mulige=[e.value for e in one.possible],
            frysingId=freeze,
            sha256=sha256,
        )

    # --- reports ---------------------------------------------------------------------------------------------------

    def _report(self, asked: _Asked, kind: str, whose: str) -> Response:
        module = OF_REPORTS.get(kind)
        if module is None:
            kinds = ", ".join(OF_REPORTS)
            raise _not_found(f"Rapportene er {kinds}.", f"The reports are {kinds}.", "rapport")
        if whose != SUPPLIER and not _MUNICIPALITY.fullmatch(whose):
            raise _bad(
                "kommunenummer",
                f"kommunenummer er fire siffer, eller {SUPPLIER}.",
                f"kommunenummer is four digits, or {SUPPLIER}.",
            )
        asked.resource = f"rapporter/{kind}/{whose}"
        access = _to(asked)
        form = _format(asked, tuple(FORMATS))
        try:
            if whose == SUPPLIER:
                report: Report = module.of_supplier(self._tables, _supplier(asked, access))
            elif access.covers(whose, Role.MUNICIPALITY, Role.SSB):
                report = module.of_municipality(self._tables, whose, self._names.get(whose, ""))
            else:
                raise _no_right(whose)
        except LookupError:
            raise _not_found("Det er ingen slik rapport ennå.", "There is no such report yet.") from None
        asked.profile, asked.version = Profile.INTERNAL, report.known.isoformat()
        if form == "html":
            return _answer(report.page(self._clock()), form, {"Content-Security-Policy": _NOTHING_RUNS})
        return _answer(report.table() if form == "csv" else _json(report), form)

    # --- code lists ------------------------------------------------------------------------------------------------

    def _lists(self, asked: _Asked) -> Response:
        content = [
            {"navn": name, "koder": len(codelist(name)), "href": f"{LISTS}/{name}"} for name in sorted(codelists())
        ]
        asked.profile = Profile.PUBLISHABLE
        return conditional_json(asked.request, {"kodelister": content})

    def _list(self, asked: _Asked, name: str) -> Response:
        if name not in codelists():
            raise _not_found(f"Kodelisten finnes ikke. {LISTS} viser dem.", f"No such list. {LISTS} has them.", "navn")
        given = asked.query.get("dato")
        day = day_in_norway(self._clock()) if given is None else _day(given)
        asked.resource, asked.version, asked.profile = f"kodelister/{name}", day.isoformat(), Profile.PUBLISHABLE
        codes = [_code(one) for one in codelist(name).values() if one.valid_on(day)]
        return conditional_json(asked.request, {"navn": name, "dato": day, "koder": codes})


# --- what a call says ------------------------------------------------------------------------------------------------


def _content(request: Request) -> tuple[dict[str, Any], dict[str, str]]:
    """The content of an act, and its fields as they are to be; each fault names its field."""
    content = json_body(request, MOST_BYTES)
    if strange := sorted(set(content) - set(_FIELDS)):
        shown = strange[0] if re.fullmatch(r"\w{1,40}", strange[0], re.ASCII) else "?"
        raise _wrong(shown, f"Feltet finnes ikke. Feltene er {', '.join(_FIELDS)}.", "There is no such field.")
    given: dict[str, str] = {}
    for name in _FIELDS:
        value = content.get(name, "" if name == "tekst" else None)
        value = "" if name == "tekst" and value is None else value
        if not isinstance(value, str):
            raise _wrong(name, f"{name} skal være en tekst.", f"{name} must be a string.")
        given[name] = value.strip() if name in ("navn", "rolle", "tekst") else value
    _check(given)
    return content, given


def _check(given: Mapping[str, str]) -> None:
    """Hold each field against what it may be."""
    events = [one.value for one in (*sorted(BY_MUNICIPALITY), *BY_SSB)]
    if not _MUNICIPALITY.fullmatch(given["kommunenummer"]):
        raise _wrong("kommunenummer", "kommunenummer er fire siffer.", "kommunenummer is four digits.")
    try:
        _period(given["periode"])
    except Problem as problem:
        raise _wrong("periode", problem.nb, problem.en) from None
    if not _FREEZE.fullmatch(given["frysingId"]):
        raise _wrong("frysingId", "frysingId er som 2025H1-T1.", "frysingId is as 2025H1-T1.")
    if not _SHA256.fullmatch(given["sha256"]):
        raise _wrong("sha256", "sha256 er 64 heksadesimale siffer.", "sha256 is 64 hexadecimal digits.")
    if given["hendelse"] not in events:
        allowed = ", ".join(events)
        raise _wrong("hendelse", f"hendelse er en av {allowed}.", f"hendelse is one of {allowed}.")
    for name, longest in (("navn", LONGEST_NAME), ("rolle", LONGEST_NAME), ("tekst", LONGEST_TEXT)):
        text = given[name]
        if len(text) > longest or (name != "tekst" and not text) or _CONTROL.search(text):
            raise _wrong(
                name,
                f"{name} er høyst {longest} tegn, uten styretegn.",
                f"{name} is at most {longest} characters, no control characters.",
            )
        if holds_number(text):
            raise _wrong(
                name,
                f"{name} inneholder et personnummer; ta det ut.",
                f"{name} holds what could be a person number; take it out.",
            )


def _call(request: Request, caller: Caller, content: Mapping[str, Any]) -> Call | None:
    """The call by its Idempotency-Key, which is the organisation's own; None without."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise _bad(
            "Idempotency-Key",
            "Idempotency-Key er 1 til 255 synlige ASCII-tegn.",
            "Idempotency-Key is 1 to 255 visible ASCII characters.",
        )
    said = msgspec.json.encode(sorted(content.items()))
    return Call(
        key=hashlib.sha256(f"{caller.orgnr}\0{key}".encode()).hexdigest(), content=hashlib.sha256(said).hexdigest()
    )


def _the_same(made: Godkjenning, call: Call) -> Godkjenning:
    """What a call made, when it is this call."""
    if made.kall_nokkel == call.key and made.kall_sha256 != call.content:
        raise _wrong(
            "Idempotency-Key",
            "Nøkkelen er brukt til et kall med annet innhold. Bruk en ny.",
            "The key has been used for a call with other content. Use a new one.",
        )
    return made


def _period(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        calendar.freezes(text)
    except ValueError:
        raise _bad("periode", "periode er 2025, 2025H1 eller 2025H2.", "periode is 2025, 2025H1 or 2025H2.") from None
    return text


def _day(text: str) -> date:
    with suppress(ValueError):
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return date.fromisoformat(text)
    raise _bad("dato", "dato er en dato, ÅÅÅÅ-MM-DD.", "dato is a date, YYYY-MM-DD.")


def _format(asked: _Asked, there: Iterable[str]) -> str:
    """The format that outputFormat names, or else Accept."""
    forms = list(there)
    given = asked.query.get("outputFormat")
    if given is not None:
        if given.lower() not in forms:
            raise _bad("outputFormat", f"Velg {', '.join(forms)}.", f"Choose {', '.join(forms)}.")
        return given.lower()
    wanted = {part.partition(";")[0].strip().lower() for part in asked.request.headers.get("accept", "*/*").split(",")}
    if wanted & {"*/*", "application/*", ""}:
        return "json"
    for form in forms:
        if FORMATS[form].partition(";")[0] in wanted:
            return form
    if "text/*" in wanted:
        return "csv"
    kinds = ", ".join(FORMATS[form].partition(";")[0] for form in forms)
    raise Problem(NO_FORMAT, f"Svaret finnes som {kinds}.", f"The answer comes as {kinds}.", "Accept")


def _supplier(asked: _Asked, access: Access) -> str:
    """The caller's name as a supplier."""
    own = access.suppliers
    wanted = asked.query.get("leverandor", own[0] if own else "")
    if wanted not in own:
        raise Problem(
            NO_ACCESS,
            "Organisasjonen er ikke registrert som denne leverandøren.",
            "The organisation is not registered as this supplier.",
            "leverandor",
        )
    return wanted


def _to(asked: _Asked) -> Access:
    """What the caller has a right to, of the product that is asked for."""
    assert asked.access is not None  # nobody comes here without
    return asked.access.to(asked.product)


# --- what is answered ------------------------------------------------------------------------------------------------

_NOTHING_RUNS = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


def _event(one: Godkjenning, *, whole: bool) -> dict[str, Any]:
    """An event as it is told; `whole` with who said it and what."""
    about: dict[str, Any] = {
        "hendelseId": one.hendelse_id,
        "frysingId": one.frysing_id,
        "sha256": one.sha256,
        "hendelse": one.hendelse,
        "tilstand": one.tilstand,
        "tidspunkt": one.tidspunkt,
        "paaVegneAv": one.paa_vegne_av,
        "kanal": one.kanal,
    }
    if whole:
        about |= {"navn": one.navn, "rolle": one.rolle, "leverandor": one.leverandor, "tekst": one.tekst}
    return about


def _created(made: Godkjenning) -> Response:
    content = {"kommunenummer": made.kommunenummer, "periode": made.periode, **_event(made, whole=True)}
    headers = {
        "Content-Type": FORMATS["json"],
        "Location": f"{APPROVALS}/{made.kommunenummer}/{made.periode}",
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(status=201, headers=headers, body=msgspec.json.encode(content))


def _json(report: Report) -> bytes:
    return msgspec.json.encode(
        {
            "rapport": report.name,
            "tittel": report.title,
            "kunnskapstidspunkt": report.known,
            "oppfylt": report.passed,
            "grunner": [{"nb": nb, "en": en} for nb, en in report.reasons],
            "kolonner": report.columns,
            "antall": len(report.rows),
            "rader": report.rows,
        }
    )


def _code(one: Code) -> dict[str, Any]:
    return {
        "kode": one.code,
        "nb": one.label_nb,
        "en": one.label_en,
        "gyldigFra": one.valid_from,
        "gyldigTil": one.valid_to,
    }


def _answer(body: bytes, form: str, headers: Mapping[str, str] | None = None) -> Response:
    """200 with what nobody keeps: figures as they are."""
    return Response(
        status=200,
        headers={
            "Content-Type": FORMATS[form],
            "Cache-Control": "private, no-store",
            "Vary": "Authorization, Accept",
            "X-Content-Type-Options": "nosniff",
            **(headers or {}),
        },
        body=body,
    )


def _ids(caller: Caller | None) -> dict[str, str | None]:
    return {"client_id": caller.client_id, "jti": caller.jti} if caller else {}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def _bad(felt: str, nb: str, en: str) -> Problem:
    return Problem(BAD_REQUEST, nb, en, felt)


def _wrong(felt: str, nb: str, en: str) -> Problem:
    return Problem(CONTENT, nb, en, felt)


def _not_found(nb: str, en: str, felt: str | None = None) -> Problem:
    return Problem(NOT_FOUND, nb, en, felt)


def _not_frozen(region: str, period: str | None) -> Problem:
    of = f" {period}" if period else ""
    return _not_found(
        f"Det er ingen frysing{of} med tall for {region[:4]}.", f"No freeze{of} has figures of {region[:4]}.", "periode"
    )


def _no_right(region: str) -> Problem:
    nb, en = (f" for {region}", f" of {region}") if region else ("", "")
    return Problem(
        NO_ACCESS,
        f"Organisasjonen har ingen rett til dette{nb}. Be registeret om den, med rettslig grunnlag.",
        f"The organisation has no right to this{en}. Ask the register for it, with the legal basis.",
    )


def _not_now() -> Problem:
    return Problem(NOT_NOW, "Prøv igjen om litt.", "Try again in a while.")
