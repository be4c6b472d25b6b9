"""Fiks IO headers as Pub/Sub attributes, and a Pub/Sub delivery as an envelope.

Attributes are visible to operators, filters and logs: ids and types only, never personal data.
"""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bvr.faults import Fault
from bvr.rules.options import Channel

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ALIASES = {
    # Spellings met in the field, beside the one we write.
    "klientmelding-id": "klient-melding-id",
    "egendefinert-header.klientMeldingId": "klient-melding-id",
    "egendefinert-header.klientKorrelasjonsId": "klient-korrelasjons-id",
    "egendefinert-header.klientKorrelasjonId": "klient-korrelasjons-id",
    "egendefinert-header.xsdVersion": "xsd-versjon",
    "xsdVersion": "xsd-versjon",
}
Text = Annotated[str, Field(min_length=1, max_length=1024)]


class Envelope(BaseModel):
    """The header of one message. Ids are lower case; times are UTC."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="ignore")

    melding_id: str = Field(alias="melding-id")
    type: Annotated[str, Field(min_length=1, max_length=200)]
    avsender_id: str = Field(alias="avsender-id")
    mottaker_id: str | None = Field(None, alias="mottaker-id")
    svar_til: str | None = Field(None, alias="svar-til")
    klient_melding_id: str | None = Field(None, alias="klient-melding-id")
    klient_korrelasjons_id: Text | None = Field(None, alias="klient-korrelasjons-id")
    xsd_versjon: Annotated[str, Field(max_length=20)] | None = Field(None, alias="xsd-versjon")
    rapporteringsaar: Annotated[int, Field(ge=2000, le=2100)] | None = None
    dataref: Text | None = None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")] | None = None
    size: Annotated[int, Field(ge=0)] | None = None
    generation: Annotated[int, Field(ge=0)] | None = None
    content_type: Annotated[str, Field(max_length=200)] | None = Field(None, alias="content-type")
    traceparent: Annotated[str, Field(max_length=200)] | None = None

    @field_validator("melding_id", "avsender_id", "mottaker_id", "svar_til", "klient_melding_id")
    @classmethod
    def _uuid(cls, value: str | None) -> str | None:
        if value is not None and not _UUID.fullmatch(value := value.lower()):
            raise ValueError("skal være en UUID | must be a UUID")
        return value

    @property
    def channel(self) -> Channel:
        return Channel.FAGSYSTEM


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One Pub/Sub message as it came. `attempt` is None without a dead-letter policy.

    `proven`: the way in itself showed who sends (a token, or an API that we asked), so that no seal is needed to.
    """

    body: bytes
    attributes: dict[str, str]
    pubsub_id: str
    published: datetime
    subscription: str = ""
    attempt: int | None = None
    proven: bool = False


def read_delivery(request_body: Any, headers: dict[str, str] | None = None) -> Delivery:
    """A delivery from the body of a Pub/Sub push, or of a CloudEvent (structured, or binary with `ce-` headers).

    Raises ValueError when it is neither: nothing of ours sent it.
    """
    body = request_body
    if isinstance(body, dict) and "specversion" in body:  # a structured CloudEvent
        body = body.get("data")
    if not isinstance(body, dict) or not isinstance(body.get("message"), dict):
        raise ValueError("not a Pub/Sub push body")
    message = body["message"]
    given = {name: message.get(name) for name in ("data", "publishTime", "publish_time")}
    if wrong := [name for name, value in given.items() if not isinstance(value, str | None)]:
        raise ValueError(f"message.{wrong[0]} is not text")
    attributes = message.get("attributes") or {}
    if not isinstance(attributes, dict):
        raise ValueError("message.attributes is not an object")
    attempt = body.get("deliveryAttempt")
    stamp = given["publishTime"] or given["publish_time"]
    try:
        data = base64.b64decode(given["data"] or "", validate=True)
        published = datetime.fromisoformat(stamp).astimezone(UTC) if stamp else datetime.fromtimestamp(0, UTC)
    except (ValueError, OverflowError) as error:  # binascii.Error is one
        raise ValueError("message.data is not base64, or publishTime is no time") from error
    return Delivery(
        body=data,
        attributes={str(k): str(v) for k, v in attributes.items()},
        pubsub_id=str(message.get("messageId") or message.get("message_id") or (headers or {}).get("ce-id", "")),
        published=published,
        subscription=str(body.get("subscription") or ""),
        attempt=attempt if isinstance(attempt, int) else None,
    )


def read_envelope(attributes: dict[str, str]) -> Envelope | tuple[Fault, ...]:
    """The envelope of a delivery, or one fault for each attribute that is missing or wrong, without its value."""
    named = {_ALIASES.get(name, name): value for name, value in attributes.items()}
    try:
        return Envelope.model_validate(named)
    except ValidationError as error:
        return tuple(_fault(e["loc"], e["type"]) for e in error.errors(include_input=False, include_url=False))


def _fault(location: tuple[int | str, ...], kind: str) -> Fault:
    name = str(location[0]) if location else "?"
    if kind == "missing":
        return Fault(
            kind="envelope",
            nb=f"Meldingen mangler attributtet {name}.",
            en=f"The message lacks the attribute {name}.",
        )
    if kind == "string_too_long":
        return Fault(
            kind="envelope",
            nb=f"Attributtet {name} er for langt.",
            en=f"The attribute {name} is too long.",
        )
    return Fault(
        kind="envelope",
        nb=f"Attributtet {name} har ikke riktig form.",
        en=f"The attribute {name} does not have the right form.",
    )


def attributes_of(envelope: Envelope) -> dict[str, str]:
    """The envelope as Pub/Sub attributes."""
    return {k: str(v) for k, v in envelope.model_dump(by_alias=True, exclude_none=True).items()}
