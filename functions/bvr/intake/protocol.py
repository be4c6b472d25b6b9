"""The message types we take and how each is answered. The answer follows the type of the question.

Profile `ssb` is the protocol in production, spoken to the letter: one question, one answer type, `payload.json` around
the XML. Profile `native` carries what that report cannot say.
"""

from __future__ import annotations

import msgspec

PREFIX = "no.ks.fiks.barnevernsregister.v1"
"""Prefix of the native types. The namespace is KS's: kept in one place, so that it can be changed in one place."""

SSB_SUBMIT = "no.ssb.barnevern.fagsystem.v1.innrapportering"
SSB_REPORT = "no.ssb.barnevern.fagsystem.v1.valideringsrapport"
SUBMIT = f"{PREFIX}.innrapportering.sak.registrer"
RECEIPT = f"{PREFIX}.innrapportering.sak.registrer.kvittering"
INVALID = f"{PREFIX}.feilmelding.ugyldigforespoersel"
NOT_FOUND = f"{PREFIX}.feilmelding.ikkefunnet"
SERVER_FAULT = f"{PREFIX}.feilmelding.serverfeil"


class MessageType(msgspec.Struct, frozen=True, kw_only=True):
    """A type that a fagsystem may send us."""

    name: str
    profile: str  # ssb or native
    accepted: str  # type of the answer to what was processed
    refused: str  # type of the answer to what was not


TYPES: dict[str, MessageType] = {
    t.name: t
    for t in (
        MessageType(name=SSB_SUBMIT, profile="ssb", accepted=SSB_REPORT, refused=SSB_REPORT),
        MessageType(name=SUBMIT, profile="native", accepted=RECEIPT, refused=INVALID),
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
