"""What is stored of a KOSTRA file: one row a client, and one row for the file, written last.

A file whose own row is missing does not count: half a file is nothing. Direct identifiers are ciphertext, as everywhere
in the register; the case worker's name is not stored at all.
"""

# mypy: disable-error-code="misc"
# (see model/concepts.py)

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from typing import Annotated, Any, Protocol

import msgspec

from bvr.kostra.concepts import Individ
from bvr.kostra.rules.options import TEXT as AS_TEXT
from bvr.kostra.rules.terms import accepted, complete
from bvr.model.types import STAMP, TEXT, WHOLE, Concept, Doc, Person, fields


class Cipher(Protocol):
    """Deterministic encryption bound to a purpose."""

    def encrypt(self, text: str) -> bytes: ...


class KostraFil(Concept):
    """A KOSTRA file that was received, and what became of it. | En KOSTRA-fil og hva som skjedde med den."""

    fil_id: Annotated[str, TEXT, Doc("Filens id, lik kvitteringens.", "Id of the file: that of its receipt.")]
    melding_id: Annotated[str, TEXT, Doc("Meldingens id.", "The message's id.")]
    avsender_id: Annotated[str, TEXT, Doc("Avsenderens konto.", "The sender's account.")]
    orgnr: Annotated[str, TEXT, Doc("Avgivers organisasjonsnummer.", "The reporter's organisation number.")]
    kommunenummer: Annotated[str, TEXT, Doc("Kommunenummer.", "Municipality number.")]
    bydelsnummer: Annotated[str | None, TEXT, Doc("Bydel, når filen gjelder én.", "District, when for one.")] = None
    aargang: Annotated[int, WHOLE, Doc("Rapporteringsåret.", "The reporting year.")]
    mottatt: Annotated[datetime, STAMP, Doc("Da filen ble arkivert.", "When the file was archived.")]
    behandlet: Annotated[datetime, STAMP, Doc("Da den ble kontrollert.", "When it was checked.")]
    innhold_sha256: Annotated[str, TEXT, Doc("SHA-256 av filen.", "SHA-256 of the file.")]
    regelsett: Annotated[str, TEXT, Doc("Versjonen av regelsettet.", "Version of the rule set.")]
    utfall: Annotated[str, TEXT, Doc("REGISTERED, EXCLUDED eller REJECTED.", "The verdict.")]
    antall_klienter: Annotated[int, WHOLE, Doc("Klienter i filen.", "Clients in the file.")]
    antall_rader: Annotated[int, WHOLE, Doc("Klienter som er lagret.", "Clients that are stored.")]
    antall_error: Annotated[int, WHOLE, Doc("Antall FEIL.", "Number of errors.")]
    antall_warning: Annotated[int, WHOLE, Doc("Antall ADVARSEL.", "Number of warnings.")]


class KostraIndivid(Concept):
    """A client of a KOSTRA file, as it was sent. | En klient i en KOSTRA-fil."""

    fil_id: Annotated[str, TEXT, Doc("Filens id.", "Id of the file.")]
    nummer: Annotated[int, WHOLE, Doc("Klientens nummer i filen, fra 1.", "Its place in the file, from 1.")]
    orgnr: Annotated[str, TEXT, Doc("Avgivers organisasjonsnummer.", "The reporter's organisation number.")]
    kommunenummer: Annotated[str, TEXT, Doc("Kommunenummer.", "Municipality number.")]
    aargang: Annotated[int, WHOLE, Doc("Rapporteringsåret.", "The reporting year.")]
    mottatt: Annotated[datetime, STAMP, Doc("Da filen ble arkivert.", "When the file was archived.")]
    utfall: Annotated[str, TEXT, Doc("Filens utfall.", "The verdict on the file.")]
    nummertype: Annotated[
        str | None,
        TEXT,
        Doc("FULLSTENDIG, UFULLSTENDIG eller UGYLDIG.", "Complete, incomplete or invalid."),
    ] = None
    individ: Annotated[Individ, Doc("Klienten.", "The client.")]


def client_row(fil: KostraFil, number: int, individ: Individ, cipher: Cipher) -> dict[str, Any]:
    """The row of one client of a file."""
    found: dict[str, Any] = _plain(individ)
    for name in _left_out():
        found.pop(name, None)
    for name in _secret():
        if name in found:
            found[name] = cipher.encrypt(found[name])
    row = {
        "fil_id": fil.fil_id,
        "nummer": number,
        "orgnr": fil.orgnr,
        "kommunenummer": fil.kommunenummer,
        "aargang": fil.aargang,
        "mottatt": fil.mottatt,
        "utfall": fil.utfall,
        "individ": found,
    }
    if individ.fodselsnummer is not None:
        row["nummertype"] = _number_kind(individ.fodselsnummer)
    return row


def file_row(fil: KostraFil) -> dict[str, Any]:
    return {name: value for name, value in _plain(fil).items() if value is not None}


def _number_kind(number: str) -> str:
    if complete(number, AS_TEXT, True):
        return "FULLSTENDIG"
    return "UFULLSTENDIG" if accepted(number, AS_TEXT, True) else "UGYLDIG"


def _plain(value: Any) -> Any:
    """Structs as dicts; dates stay dates."""
    return msgspec.to_builtins(value, builtin_types=(date, datetime))


@cache
def _secret() -> tuple[str, ...]:
    return tuple(f.name for f in fields(Individ) if f.doc.person is Person.DIRECT)


@cache
def _left_out() -> tuple[str, ...]:
    return tuple(f.name for f in fields(Individ) if f.doc.person is Person.UNSTORED)
