"""AMQP headers of Fiks IO -> attributes of a message in the cloud (reference sections 1.2 and 3.6)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bvr.desk import SEALED_TYPE

_PLAIN = ("melding-id", "type", "avsender-id", "svar-til", "dokumentlager-id")
_OWN = "egendefinert-header."
_ALIASES = {
    "klientmelding-id": "klient-melding-id",
    f"{_OWN}klientMeldingId": "klient-melding-id",
    f"{_OWN}klientKorrelasjonsId": "klient-korrelasjons-id",
    f"{_OWN}klientKorrelasjonId": "klient-korrelasjons-id",
    f"{_OWN}xsdVersion": "xsd-versjon",
    f"{_OWN}rapporteringsaar": "rapporteringsaar",
}
"""Of a sender's own headers these are carried on, and no other: attributes are seen by operators and logs."""
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
    headers: Mapping[str, Any] | None, expiration: str | None, redelivered: bool, receiver: str, received: datetime
) -> dict[str, str]:
    """The attributes of a delivery. What cannot be text, or is too long, is left out: the intake then says what is
    missing."""
    out: dict[str, str] = {}
    for name, value in (headers or {}).items():
        known = name if name in _PLAIN else _ALIASES.get(name)
        text = _text(value)
        if known is not None and text is not None and len(text.encode()) <= _LONGEST:
            out.setdefault(known, text)
    out["mottaker-id"] = receiver
    out["content-type"] = SEALED_TYPE
    if redelivered:
        out["resendt"] = "true"
    if expiration is not None and expiration.isascii() and expiration.isdigit() and len(expiration) < 16:
        # An instant: a time that remains loses its meaning on the way.
        out["utloper"] = (received + timedelta(milliseconds=int(expiration))).isoformat()
    return out


def _text(value: Any) -> str | None:
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError:
            return None
    return value if isinstance(value, str) and value.isprintable() and value else None
