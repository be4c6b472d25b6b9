"""A row of `drift.henting`: one pull, and whether the duty to report was met for the event behind it."""

# mypy: disable-error-code="misc"
# (see model/concepts.py)

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from bvr.model.types import STAMP, TEXT, Concept, Doc


class Henting(Concept):
    """A notification and what became of it. | En hendelse og hva den førte til."""

    hendelse_id: Annotated[str, TEXT, Doc("Hendelsens id.", "Id of the event.")]
    melding_id: Annotated[str, TEXT, Doc("Meldingen hendelsen kom med.", "The message it came with.")]
    avsender_id: Annotated[str, TEXT, Doc("Avsenderens konto.", "The sender's account.")]
    orgnr: Annotated[str, TEXT, Doc("Avgivers organisasjonsnummer.", "The reporter's organisation number.")]
    kommunenummer: Annotated[str, TEXT, Doc("Avgivers kommunenummer.", "The reporter's municipality number.")]
    type: Annotated[str, TEXT, Doc("Hendelsens type.", "Type of the event.")]
    dato_uttrekk: Annotated[datetime, STAMP, Doc("Uttrekket hendelsen gjelder.", "The extract it is about.")]
    mottatt: Annotated[datetime, STAMP, Doc("Da hendelsen ble arkivert.", "When the event was archived.")]
    behandlet: Annotated[datetime, STAMP, Doc("Da saken var hentet.", "When the case had been fetched.")]
    meldeplikt: Annotated[str, TEXT, Doc("OPPFYLT, IKKE_OPPFYLT eller IKKE_FUNNET.", "Whether the duty is met.")]
    hentet_melding_id: Annotated[
        str | None, TEXT, Doc("Innsendingen saken ble behandlet som.", "The message the case was processed as.")
    ] = None
    innhold_sha256: Annotated[str | None, TEXT, Doc("SHA-256 av det hentede.", "SHA-256 of what was fetched.")] = None
    kvitterings_id: Annotated[str | None, TEXT, Doc("Kvitteringen for saken.", "Receipt of the case.")] = None
