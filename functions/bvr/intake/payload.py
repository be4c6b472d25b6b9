"""The body of a message -> the XML of one case and the schema version announced for it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from bvr.faults import Fault
from bvr.intake.protocol import TYPES, is_answer
from bvr.model.versions import SUPPORTED, resolve

if TYPE_CHECKING:
    from bvr.intake.envelope import Envelope


class Payload(msgspec.Struct, frozen=True, kw_only=True):
    """What was opened. `digest` is the SHA-256 of the innermost bytes that could be reached, in hex.

    `encoding` is set where the XML came as text inside JSON, whatever it declares.
    """

    digest: str
    xml: bytes = b""
    version: str = ""
    announced: str = ""
    encoding: str | None = None
    faults: tuple[Fault, ...] = ()


class _Json(msgspec.Struct):
    """`payload.json` of the production protocol; its schema allows other fields."""

    xsdVersion: Any = msgspec.UNSET  # noqa: N815
    xmlBody: Any = msgspec.UNSET  # noqa: N815


def open_payload(body: bytes, envelope: Envelope) -> Payload:
    """Open an inline or fetched body: `payload.json` with {xsdVersion, xmlBody}, or the XML itself with the version in
    the attribute `xsd-versjon`. Faults are values of the result."""
    if envelope.type not in TYPES:
        return Payload(digest=hashlib.sha256(body).hexdigest(), faults=(_unknown_type(envelope.type),))
    if TYPES[envelope.type].profile == "ssb" or _is_json(body):
        return open_json(body)
    return _with_version(body, hashlib.sha256(body).hexdigest(), envelope.xsd_versjon, None)


def _is_json(body: bytes) -> bool:
    """JSON starts with a brace; XML never does."""
    return body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"


def open_json(body: bytes) -> Payload:
    """Open a `payload.json`: {xsdVersion, xmlBody}; fields beyond those are allowed and ignored."""
    digest = hashlib.sha256(body).hexdigest()
    try:
        content = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"), type=_Json)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Payload(
            digest=digest,
            faults=(
                Fault(
                    kind="json",
                    nb="Innholdet er ikke gyldig JSON i UTF-8.",
                    en="The payload is not valid JSON in UTF-8.",
                ),
            ),
        )
    if not isinstance(content.xmlBody, str):
        return Payload(
            digest=digest,
            faults=(
                Fault(
                    kind="json",
                    nb="Feltet xmlBody mangler eller er ikke tekst.",
                    en="The field xmlBody is missing or is not text.",
                    path="/xmlBody",
                ),
            ),
        )
    xml = content.xmlBody.removeprefix("\ufeff").encode("utf-8", "surrogatepass")
    announced = content.xsdVersion
    if type(announced) is not int or announced < 1:
        return Payload(
            digest=hashlib.sha256(xml).hexdigest(),
            xml=xml,
            faults=(_version_fault("Feltet xsdVersion", "The field xsdVersion"),),
        )
    return _with_version(xml, hashlib.sha256(xml).hexdigest(), announced, "utf-8")


def _with_version(xml: bytes, digest: str, announced: str | int | None, encoding: str | None) -> Payload:
    version = resolve(announced)
    shown = str(announced) if announced is not None else ""
    if version is None:
        fault = (
            _version_fault("Attributtet xsd-versjon", "The attribute xsd-versjon")
            if encoding is None
            else _version_fault("Feltet xsdVersion", "The field xsdVersion")
        )
        return Payload(digest=digest, xml=xml, announced=shown, faults=(fault,))
    return Payload(digest=digest, xml=xml, version=version, announced=shown, encoding=encoding)


def _version_fault(what_nb: str, what_en: str) -> Fault:
    known = ", ".join(SUPPORTED)
    return Fault(
        kind="version",
        nb=f"{what_nb} mangler eller er ikke en versjon vi kjenner. Vi tar imot {known}.",
        en=f"{what_en} is missing or not a version we know. We accept {known}.",
    )


def _unknown_type(name: str) -> Fault:
    if is_answer(name):
        return Fault(
            kind="type",
            nb="Meldingen er et svar, og svar besvares ikke.",
            en="The message is an answer, and answers are not answered.",
        )
    return Fault(
        kind="type",
        nb="Vi kjenner ikke meldingstypen.",
        en="We do not know the message type.",
    )
