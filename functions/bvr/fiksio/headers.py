"""AMQP headers of Fiks IO -> attributes of a message in the cloud (reference sections 1.2 and 3.6)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from bvr.desk import SEALED_TYPE

_PLAIN = ("melding-id", "type", "avsender-id", "svar-til", "dokumentlager-id")
OWN = "egendefinert-header."
_ALIASES = {
    "klientmelding-id": "klient-melding-id",
    f"{OWN}klientMeldingId": "klient-melding-id",
    f"{OWN}klientKorrelasjonsId": "klient-korrelasjons-id",
    f"{OWN}klientKorrelasjonId": "klient-korrelasjons-id",
    f"{OWN}xsdVersion": "xsd-versjon",
    f"{OWN}rapporteringsaar": "rapporteringsaar",
}
_LONGEST = 1024  # bytes of an attribute

NOTICES = (
    "no.ks.fiks.kvittering.tidsavbrudd",
    "no.ks.fiks.kvittering.serverfeil",
    "no.ks.fiks.io.feilmelding.serverfeil",
)


def is_notice(message_type: str) -> bool:
    """Whether the platform itself tells us of a message of ours that did not arrive. Never answered."""
    return message_type.startswith(NOTICES)


def attributes(
    headers: Any, expiration: str | None, receiver: str, received: datetime, own: Collection[str] = ()
) -> dict[str, str]:
    """The attributes of a delivery, whatever its headers are.

    `own`: names of senders' own headers to carry on beside those we read, and no other: attributes are seen by
    operators and logs. What is no text, or too long for an attribute, is left out: the intake says what is missing.
    """
    out: dict[str, str] = {}
    for name, value in headers.items() if isinstance(headers, Mapping) else ():
        known = _name(name, own)
        text = _text(value)
        if known is not None and text is not None:
            out.setdefault(known, text)
    out["mottaker-id"] = receiver
    out["mottatt"] = received.isoformat()
    out["content-type"] = SEALED_TYPE
    if isinstance(expiration, str) and expiration.isascii() and expiration.isdigit() and len(expiration) < 14:
        # An instant: a time that remains loses its meaning on the way.
        out["utloper"] = (received + timedelta(milliseconds=int(expiration))).isoformat()
    return out


def _name(name: object, own: Collection[str]) -> str | None:
    if not isinstance(name, str):
        return None
    if name in _PLAIN or (name.startswith(OWN) and name.removeprefix(OWN) in own):
        return name
    return _ALIASES.get(name)


def _text(value: Any) -> str | None:
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError:
            return None
    if not isinstance(value, str) or not value or not value.isprintable():
        return None
    return value if len(value.encode("utf-8", "replace")) <= _LONGEST else None
