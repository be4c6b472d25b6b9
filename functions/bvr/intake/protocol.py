"""The message types we take, who may send each, and how each is answered. The answer follows the type of the question.

Profile `ssb` is the protocol in production, spoken to the letter: one question, one answer type, `payload.json` around
the XML. Profile `native` carries what that report cannot say.
"""

from __future__ import annotations

from typing import Literal

import msgspec

PREFIX = "no.ks.fiks.barnevernsregister.v1"
"""Prefix of the native types. The namespace is KS's: kept in one place, so that it can be changed in one place."""

SSB_SUBMIT = "no.ssb.barnevern.fagsystem.v1.innrapportering"
SSB_REPORT = "no.ssb.barnevern.fagsystem.v1.valideringsrapport"
SUBMIT = f"{PREFIX}.innrapportering.sak.registrer"
RECEIPT = f"{PREFIX}.innrapportering.sak.registrer.kvittering"
KOSTRA_SUBMIT = f"{PREFIX}.innrapportering.kostra.registrer"
KOSTRA_RECEIPT = f"{PREFIX}.innrapportering.kostra.registrer.kvittering"
EVENT_CHANGED = f"{PREFIX}.hendelse.sak.endret"
EVENT_DELETED = f"{PREFIX}.hendelse.sak.slettet"
INVALID = f"{PREFIX}.feilmelding.ugyldigforespoersel"
NOT_FOUND = f"{PREFIX}.feilmelding.ikkefunnet"
SERVER_FAULT = f"{PREFIX}.feilmelding.serverfeil"


Flow = Literal["sak", "kostra", "hendelse"]
Role = Literal["fagsystem", "leverandor", "kostra"]
"""What an account is: a municipality's case system, a supplier that sends for several, or an old system that can only
make the annual file."""


class MessageType(msgspec.Struct, frozen=True, kw_only=True):
    """A type that somebody may send us."""

    name: str
    profile: Literal["ssb", "native"]
    accepted: str  # type of the answer to what was processed
    refused: str  # type of the answer to what was not
    flow: Flow = "sak"
    roles: tuple[Role, ...] = ("fagsystem", "leverandor")


TYPES: dict[str, MessageType] = {
    t.name: t
    for t in (
        MessageType(name=SSB_SUBMIT, profile="ssb", accepted=SSB_REPORT, refused=SSB_REPORT),
        MessageType(name=SUBMIT, profile="native", accepted=RECEIPT, refused=INVALID),
        MessageType(
            name=KOSTRA_SUBMIT,
            profile="native",
            accepted=KOSTRA_RECEIPT,
            refused=INVALID,
            flow="kostra",
            roles=("fagsystem", "leverandor", "kostra"),
        ),
        *(
            MessageType(name=event, profile="native", accepted=f"{event}.kvittering", refused=INVALID, flow="hendelse")
            for event in (EVENT_CHANGED, EVENT_DELETED)
        ),
    )
}

# What the platform and other parties send as answers. An answer is never answered: else two systems bounce errors
# between them for ever.
_ANSWER_SUFFIXES = (".mottatt", ".kvittering", ".resultat", ".valideringsrapport")
_ANSWER_PARTS = (".feilmelding", ".kvittering.serverfeil", ".kvittering.tidsavbrudd", ".feilet.")


def is_answer(message_type: str) -> bool:
    """Whether a type is an answer, ours or anybody's."""
    return message_type.endswith(_ANSWER_SUFFIXES) or any(part in message_type for part in _ANSWER_PARTS)


def answer_profile(message_type: str) -> str:
    """The profile to answer in: that of the question, native for types we do not know."""
    known = TYPES.get(message_type)
    if known:
        return known.profile
    return "ssb" if message_type.startswith("no.ssb.barnevern.") else "native"
