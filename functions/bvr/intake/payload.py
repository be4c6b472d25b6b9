"""The body of a message -> the XML of one case and the schema version announced for it."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

from bvr.decode_json import ROOT, Case, read
from bvr.faults import Fault
from bvr.intake.protocol import TYPES, is_answer
from bvr.model.versions import SUPPORTED, resolve

if TYPE_CHECKING:
    from bvr.intake.envelope import Envelope
    from bvr.intake.sealed import Opened, Signer


class Opens(Protocol):
    """Opens sealed containers (`bvr.intake.sealed.Opener`)."""

    def open(self, body: bytes, at: datetime) -> Opened | Fault: ...


class Payload(msgspec.Struct, frozen=True, kw_only=True):
    """What was opened. `digest` is the SHA-256 of the innermost bytes that could be reached, in hex.

    `encoding` is set where the XML came as text inside JSON, whatever it declares. `signer` is who signed the container
    that a `sealed` message came in. In the form `json`, `xml` is empty and `content` holds the case.
    """

    digest: str
    xml: bytes = b""
    version: str = ""
    announced: str = ""
    encoding: str | None = None
    form: Literal["xml", "json"] = "xml"
    content: bytes = b""
    sealed: bool = False
    signer: Signer | None = None
    faults: tuple[Fault, ...] = ()


class _Json(msgspec.Struct):
    """`payload.json` of the production protocol; its schema allows other fields. Raw: they may hold anything at all."""

    xsdVersion: msgspec.Raw = msgspec.Raw()  # noqa: N815
    xmlBody: msgspec.Raw = msgspec.Raw()  # noqa: N815


def open_payload(
    body: bytes, envelope: Envelope, at: datetime, opener: Opens | None = None, *, require_sealed: bool = False
) -> Payload:
    """Open an inline or fetched body, received `at`: a sealed container, `payload.json` with {xsdVersion, xmlBody}, a
    case as JSON, or the XML itself with the version in the attribute `xsd-versjon`. Faults are values of the result."""
    digest = hashlib.sha256(body).hexdigest()
    if envelope.type not in TYPES:
        return Payload(digest=digest, faults=(_unknown_type(envelope.type),))
    opened, fault = unseal(body, envelope, at, opener, require_sealed=require_sealed)
    if fault is not None:
        return Payload(digest=digest, sealed=opened is not None or looks_sealed(body), faults=(fault,))
    if opened is None:
        return _open_plain(body, envelope)
    inner = _open_plain(opened.files[opened.root], envelope)
    return msgspec.structs.replace(inner, sealed=True, signer=opened.signer)


def unseal(
    body: bytes, envelope: Envelope, at: datetime, opener: Opens | None, *, require_sealed: bool
) -> tuple[Opened | None, Fault | None]:
    """What a sealed body holds; (None, None) for one that is not sealed and need not be."""
    if not looks_sealed(body):
        return None, _UNSEALED if require_sealed else None
    if opener is None:
        return None, _NO_KEY
    opened = opener.open(body, at)
    return (None, opened) if isinstance(opened, Fault) else (opened, None)


def looks_sealed(body: bytes) -> bool:
    """CMS starts with the tag of an ASN.1 sequence, which neither XML nor a JSON object does; a bare zip is one that
    was not encrypted, which the container's own checks refuse."""
    return body[:1] == b"\x30" or body[:4] == b"PK\x03\x04"


_UNSEALED = Fault(
    kind="uforseglet",
    nb="Meldingen er ikke forseglet. Registeret tar bare imot krypterte og signerte meldinger.",
    en="The message is not sealed. The register accepts encrypted and signed messages only.",
)
_NO_KEY = Fault(
    kind="uforseglet",
    nb="Meldingen er forseglet, men dette registeret har ingen nøkkel å åpne den med.",
    en="The message is sealed, but this register has no key to open it with.",
)


def _open_plain(body: bytes, envelope: Envelope) -> Payload:
    if TYPES[envelope.type].profile == "native" and (case := as_case(body)) is not None:
        return open_case(case, body, envelope.xsd_versjon)
    if TYPES[envelope.type].profile == "ssb" or _is_json(body):
        return open_json(body)
    return _with_version(body, hashlib.sha256(body).hexdigest(), envelope.xsd_versjon, None)


class _Names(msgspec.Struct):
    """Which of the two ways in JSON it is, without making anything of either."""

    Barnevern: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    xmlBody: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET  # noqa: N815


def as_case(body: bytes) -> Case | None:
    """The case of a JSON body; None when it is the production protocol's wrapping of XML, or no JSON."""
    if not _is_json(body):
        return None
    try:
        found = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"), type=_Names)
        wrapped = found.xmlBody is not msgspec.UNSET and found.Barnevern is msgspec.UNSET
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # nothing that both ways could read: who will say
        wrapped = b'"xmlBody"' in body and f'"{ROOT}"'.encode() not in body
    return None if wrapped else read(body)


def open_case(case: Case, body: bytes, attribute: str | None) -> Payload:
    """A case as JSON, with its version in the field `xsdVersion` or in the attribute; both must agree."""
    digest = hashlib.sha256(body).hexdigest()
    if case.fault is not None:
        return Payload(digest=digest, form="json", content=body, faults=(case.fault,))
    announced = attribute if case.announced is None else case.announced
    field = attribute is None or case.announced is not None
    opened = _with_version(b"", digest, announced, "utf-8" if field else None)
    opened = msgspec.structs.replace(opened, form="json", content=body, encoding=None)
    if opened.version and attribute is not None and resolve(attribute) != opened.version:
        return msgspec.structs.replace(opened, version="", faults=(_TWO_VERSIONS,))
    return opened


_TWO_VERSIONS = Fault(
    kind="version",
    nb="Feltet xsdVersion og attributtet xsd-versjon sier ikke det samme.",
    en="The field xsdVersion and the attribute xsd-versjon do not say the same.",
)


def _is_json(body: bytes) -> bool:
    """JSON starts with a brace; XML never does."""
    return body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"


def open_json(body: bytes) -> Payload:
    """Open a `payload.json`: {xsdVersion, xmlBody}; fields beyond those are allowed and ignored."""
    digest = hashlib.sha256(body).hexdigest()
    try:
        content = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"), type=_Json)
        body_text = _text(content.xmlBody)
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
    if body_text is None:
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
    xml = body_text.removeprefix("\ufeff").encode("utf-8", "surrogatepass")
    announced = _number(content.xsdVersion)
    if announced is None:
        return Payload(
            digest=hashlib.sha256(xml).hexdigest(),
            xml=xml,
            faults=(_version_fault("Feltet xsdVersion", "The field xsdVersion"),),
        )
    return _with_version(xml, hashlib.sha256(xml).hexdigest(), announced, "utf-8")


def _text(raw: msgspec.Raw) -> str | None:
    """A string of JSON; None for anything else. Raises DecodeError or UnicodeDecodeError for one that is none."""
    return msgspec.json.decode(raw, type=str) if bytes(raw).startswith(b'"') else None


def _number(raw: msgspec.Raw) -> int | None:
    """A small whole number of JSON."""
    text = bytes(raw)
    return int(text) or None if len(text) < 10 and text.isdigit() else None


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
