"""One row of `register.innsending`: everything there is to store of one submission. One row is atomic."""

# mypy: disable-error-code="misc"
# (see concepts.py)

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from bvr.model.concepts import Avgiver, Fagsystem, Personalia, Sak
from bvr.model.types import STAMP, TEXT, WHOLE, Concept, Doc, Person, Simple

YES_NO = Simple(base="boolean")


class Funn(Concept):
    """A finding, as the sender was told. | Et funn, slik det ble meldt tilbake."""

    regel: Annotated[str, TEXT, Doc("Regelens id.", "Id of the rule.")]
    regel_versjon: Annotated[int, WHOLE, Doc("Regelens versjon.", "Version of the rule.")]
    alvorlighet: Annotated[str, TEXT, Doc("INFO, WARNING, ERROR eller FATAL.", "INFO, WARNING, ERROR or FATAL.")]
    opprinnelig_alvorlighet: Annotated[
        str | None, TEXT, Doc("Før den ble senket for migrerte data.", "Before it was lowered for migrated data.")
    ] = None
    element: Annotated[str, TEXT, Doc("Elementet funnet gjelder.", "Name of the element.")]
    element_id: Annotated[str | None, TEXT, Doc("Elementets nøkkel.", "Key of the element.")] = None
    sti: Annotated[str, TEXT, Doc("Sti i dokumentet, uten verdier.", "Path in the document, without values.")]
    linje: Annotated[int | None, WHOLE, Doc("Linje i XML-en.", "Line of the XML.")] = None
    melding_nb: Annotated[str, TEXT, Doc("Teksten på bokmål.", "The text in Bokmål.")]
    melding_en: Annotated[str, TEXT, Doc("Teksten på engelsk.", "The text in English.")]
    parametre: Annotated[str | None, TEXT, Doc("Regelens parametre, som JSON.", "The rule's parameters, as JSON.")] = (
        None
    )


class IkkeKontrollert(Concept):
    """A rule that could not run. | En regel som ikke kunne kjøres."""

    regel: Annotated[str, TEXT, Doc("Regelens id.", "Id of the rule.")]
    grunn: Annotated[str, TEXT, Doc("Hvorfor.", "Why, in Bokmål.")]


class Innsending(Concept):
    """One submission: envelope, placement, verdict, findings, receipt and case.

    A message that was refused has a row too, without `sak`. Duplicate rows are harmless: the views keep one a
    submission. | Én innsending: konvolutt, plassering, utfall, funn, kvittering og sak.
    """

    melding_id: Annotated[str, TEXT, Doc("Meldingens id hos Fiks IO.", "The message's id in Fiks IO.")]
    avsender_id: Annotated[str, TEXT, Doc("Avsenderens konto.", "The sender's account.")]
    klient_melding_id: Annotated[str | None, TEXT, Doc("Avsenderens egen id.", "The sender's own id.")] = None
    meldingstype: Annotated[str, TEXT, Doc("Meldingstypen.", "The message type.")]
    kanal: Annotated[str, TEXT, Doc("fagsystem eller kostra.", "fagsystem or kostra.")]
    mottatt: Annotated[datetime, STAMP, Doc("Da meldingen ble arkivert.", "When the message was archived.")]
    behandlet: Annotated[datetime, STAMP, Doc("Da den ble behandlet.", "When it was processed.")]
    innhold_sha256: Annotated[str, TEXT, Doc("SHA-256 av XML-en.", "SHA-256 of the XML.")]
    skjemaversjon: Annotated[str | None, TEXT, Doc("Skjemaet den ble lest med.", "The schema it was read with.")] = None
    regelsett: Annotated[str, TEXT, Doc("Versjonen av regelsettet.", "Version of the rule set.")]
    utfall: Annotated[
        str, TEXT, Doc("REGISTERED, EXCLUDED eller REJECTED.", "The verdict: REGISTERED, EXCLUDED or REJECTED.")
    ]
    hoyeste_alvorlighet: Annotated[str, TEXT, Doc("Verste funn.", "The worst finding.")]
    plassering: Annotated[
        str | None, TEXT, Doc("NEW, GAP, STALE eller DUPLICATE.", "Where it stands in the chain of its case.")
    ] = None
    kvitterings_id: Annotated[str, TEXT, Doc("Kvitteringens id.", "Id of the receipt.")]
    innsending_id: Annotated[str | None, TEXT, Doc("Barnevern/@Id, små bokstaver.", "Barnevern/@Id, lower case.")] = (
        None
    )
    forrige_id: Annotated[
        str | None, TEXT, Doc("Forrige innsending for saken, små bokstaver.", "The previous submission, lower case.")
    ] = None
    orgnr: Annotated[str | None, TEXT, Doc("Avgivers organisasjonsnummer.", "The reporter's organisation number.")] = (
        None
    )
    kommunenummer: Annotated[
        str | None, TEXT, Doc("Avgivers kommunenummer.", "The reporter's municipality number.")
    ] = None
    bydelsnummer: Annotated[str | None, TEXT, Doc("Avgivers bydelsnummer.", "The reporter's district number.")] = None
    sak_id: Annotated[str | None, TEXT, Doc("Sak/@Id, små bokstaver.", "Sak/@Id, lower case.")] = None
    dato_uttrekk: Annotated[datetime | None, STAMP, Doc("Innsendingens klokke.", "The clock of the submission.")] = None
    er_slettet: Annotated[bool | None, YES_NO, Doc("Hele saken er slettet.", "The whole case is deleted.")] = None
    antall_error: Annotated[int, WHOLE, Doc("Antall ERROR.", "Number of ERROR findings.")]
    antall_warning: Annotated[int, WHOLE, Doc("Antall WARNING.", "Number of WARNING findings.")]
    antall_info: Annotated[int, WHOLE, Doc("Antall INFO.", "Number of INFO findings.")]
    funn: Annotated[tuple[Funn, ...], Doc("Funnene.", "The findings.")] = ()
    ikke_kontrollert: Annotated[
        tuple[IkkeKontrollert, ...], Doc("Regler som ikke kunne kjøres.", "Rules that could not run.")
    ] = ()
    fagsystem: Annotated[Fagsystem | None, Doc("Fagsystemet.", "The case system.")] = None
    avgiver: Annotated[Avgiver | None, Doc("Avgiver, som oppgitt.", "The reporter, as stated.")] = None
    sak: Annotated[Sak | None, Doc("Saken, slik den ble sendt.", "The case, as it was sent.")] = None


# Columns that stand in the table and not in the message: derived from what is encrypted, before it is.
DERIVED: dict[type[Concept], tuple[tuple[str, Doc], ...]] = {
    Personalia: (
        (
            "nummertype",
            Doc(
                "Hva slags nummer det var: FNR, DNR, PLASSHOLDER eller UGYLDIG.",
                "What kind of number it was: FNR, DNR, PLASSHOLDER (placeholder) or UGYLDIG (invalid).",
                Person.NONE,
            ),
        ),
    )
}
