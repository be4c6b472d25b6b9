"""What a call for a table asks for, from its parameters and its body (PxWebApi v2).

Each fault names the parameter and what it can be.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from bvr.api.formats import Layout
from bvr.api.http import BAD_REQUEST, NO_FORMAT, Problem, Request, json_body

_SELECTS = re.compile(r"(valuecodes|codelist|outputvalues)\[([A-Za-z]{1,40})\]", re.IGNORECASE)
_PARAMETERS = {"lang", "outputformat", "outputformatparams", "heading", "stub"}
_V1 = {"versjon", "asof", "status", "limit", "cursor"}
_LANGUAGES = ("no", "nb", "en")
_MOST_BYTES = 256 * 1024


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a call for data asks for."""

    chosen: dict[str, str | list[str]]
    codelists: dict[str, str]
    output: str
    layout: Layout
    more: dict[str, str]
    page: int | None = None
    cursor: str | None = None


class _Variable(msgspec.Struct, rename="camel"):
    variable_code: str
    value_codes: list[str] | msgspec.UnsetType = msgspec.UNSET
    codelist: str = ""
    code_list: str = ""
    """The same, as PxWebApi spells it in some versions."""


class _Placement(msgspec.Struct, frozen=True):
    heading: tuple[str, ...] = ()
    stub: tuple[str, ...] = ()


class _Body(msgspec.Struct):
    selection: list[_Variable] = []
    placement: _Placement = _Placement()


def asked(request: Request, *, v1: bool) -> Asked:
    """Raises Problem for a parameter that there is not, or that is not as it should be."""
    chosen: dict[str, str | list[str]] = {}
    lists: dict[str, str] = {}
    plain: dict[str, str] = {}
    for name, value in request.query.items():
        if match := _SELECTS.fullmatch(name):
            kind, variable = match[1].lower(), match[2]
            if kind == "valuecodes":
                chosen[variable] = value
            elif kind == "codelist":
                lists[variable] = value
            elif value.lower() not in ("aggregated", "single"):
                raise wrong(f"outputValues[{variable}]", "aggregated, single")
        elif name.lower() in _PARAMETERS or (v1 and name.lower() in _V1):
            plain[name.lower()] = value
        else:
            raise unknown(name)
    heading, stub = _names(plain.get("heading")), _names(plain.get("stub"))
    if request.method == "POST":
        body = _body(request)
        for one in body.selection:
            if one.value_codes is not msgspec.UNSET:
                chosen[one.variable_code] = one.value_codes
            if given := one.codelist or one.code_list:
                lists[one.variable_code] = given
        heading, stub = body.placement.heading or heading, body.placement.stub or stub
    output = plain.get("outputformat")
    page = whole(plain, "limit", 0) if "limit" in plain else None
    if page is not None and page > _MOST_ROWS:
        raise wrong("limit", f"1-{_MOST_ROWS}")
    return Asked(
        chosen=chosen,
        codelists=lists,
        output=output.lower() if output is not None else _acceptable(request.headers.get("accept")),
        layout=_layout(plain.get("outputformatparams", ""), heading, stub),
        more={name: plain[name] for name in ("versjon", "asof", "status") if name in plain},
        page=page,
        cursor=plain.get("cursor"),
    )


_MOST_ROWS = 10_000


def _body(request: Request) -> _Body:
    if not request.body:  # the default selection
        return _Body()
    try:
        return msgspec.convert(json_body(request, _MOST_BYTES), _Body)
    except msgspec.ValidationError:
        raise Problem(
            BAD_REQUEST,
            "Utvalget i kroppen er ikke som det skal: JSON med selection: [{variableCode, valueCodes}].",
            "The selection of the body is not as it should be: JSON with selection: [{variableCode, valueCodes}].",
            "selection",
        ) from None


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


_TEXTS = {"usecodes": "codes", "usetexts": "texts", "usecodesandtexts": "both"}
_SEPARATORS = {"separatorsemicolon": ";", "separatortab": "\t", "separatorspace": " "}


def _layout(parameters: str, heading: tuple[str, ...], stub: tuple[str, ...]) -> Layout:
    texts, title, separator = "codes", False, ";"
    for one in _names(parameters):
        name = one.lower()
        if name in _TEXTS:
            texts = _TEXTS[name]
        elif name in _SEPARATORS:
            separator = _SEPARATORS[name]
        elif name == "includetitle":
            title = True
        else:
            raise wrong(
                "outputFormatParams",
                "UseCodes, UseTexts, UseCodesAndTexts, IncludeTitle, SeparatorTab, SeparatorSpace, SeparatorSemicolon",
            )
    return Layout(texts=texts, title=title, separator=separator, heading=heading, stub=stub)


def opened(cursor: str, bound: str) -> int:
    """The row that a cursor stands at. Raises Problem for one of another version or selection."""
    try:
        name, _, start = base64.urlsafe_b64decode(cursor.encode()).decode().partition(":")
        if name == bound and start.isdigit():
            return int(start)
    except (ValueError, UnicodeError):
        pass
    raise Problem(
        BAD_REQUEST,
        "Cursoren hører til en annen versjon eller et annet utvalg. Begynn uten cursor.",
        "The cursor belongs to another version or selection. Begin without it.",
        "cursor",
    )


def moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise wrong("asOf", "2025-03-01, 2025-03-01T12:00:00Z") from None
    if len(text) == 10:  # the whole of that day
        found = found.replace(hour=23, minute=59, second=59)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def only(given: Mapping[str, str], known: set[str]) -> None:
    for name in given:
        if name not in known:
            raise unknown(name)


def wrong(name: str, allowed: str) -> Problem:
    return Problem(BAD_REQUEST, f"{name} kan være {allowed}.", f"{name} can be {allowed}.", name)


def language(request: Request) -> str:
    lang = next((v for k, v in request.query.items() if k.lower() == "lang"), "no").lower()
    if lang not in _LANGUAGES:
        raise Problem(
            BAD_REQUEST, "Språket finnes ikke. Velg no eller en.", "No such language. Choose no or en.", "lang"
        )
    return "en" if lang == "en" else "no"


_ACCEPTED = {
    "*/*": "json-stat2",
    "application/*": "json-stat2",
    "application/json": "json-stat2",
    "": "json-stat2",
    "text/*": "csv",
    "text/csv": "csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.apache.parquet": "parquet",
    "application/vnd.sdmx.data+csv": "sdmx-csv",
    "application/vnd.sdmx.data+json": "sdmx-json",
}


def _acceptable(accept: str | None) -> str:
    """The format that an Accept header asks for; JSON-stat where it leaves the choice to us."""
    wanted = [part.partition(";")[0].strip().lower() for part in (accept or "*/*").split(",")]
    for name, output in _ACCEPTED.items():
        if name in wanted:
            return output
    raise Problem(
        NO_FORMAT,
        "Uttrekk finnes som application/json, text/csv og flere. Endre Accept, eller bruk outputFormat.",
        "Extracts come as application/json, text/csv and more. Change Accept, or use outputFormat.",
        "Accept",
    )


def whole(given: Mapping[str, str], name: str, default: int) -> int:
    text = given.get(name.lower(), str(default))
    if not re.fullmatch("[1-9][0-9]{0,5}", text):
        raise Problem(
            BAD_REQUEST, f"{name} skal være et helt tall fra 1.", f"{name} should be a whole number from 1.", name
        )
    return int(text)


def unknown(name: str) -> Problem:
    shown = name if re.fullmatch(r"[A-Za-z\[\]]{1,60}", name) else "?"
    return Problem(
        BAD_REQUEST,
        f"Parameteren {shown} finnes ikke. Bruk valuecodes[Region], valuecodes[Tid], outputFormat, lang.",
        f"There is no parameter {shown}. Use valuecodes[Region], valuecodes[Tid], outputFormat, lang.",
        shown,
    )
