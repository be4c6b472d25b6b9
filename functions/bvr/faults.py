"""Faults that keep a message out of the register before any rule has looked at it: FATAL, every one.

Each kind is told in both protocols: as an error code of the native one and a rule id of the production one.
"""

from __future__ import annotations

import msgspec

from bvr.findings import Finding, Severity


class Kind(msgspec.Struct, frozen=True):
    """What a kind of fault is called, and what the sender can do about it."""

    rule: str
    feilkode: str  # the native protocol's error code
    ssb: str  # the production protocol's rule id
    official: str
    remedy_nb: str
    remedy_en: str


_FILE = "Filbeskrivelse: Validéring av innhold mot filbeskrivelse"  # spelled so in the requirement

KINDS: dict[str, Kind] = {
    "xml": Kind(
        "fil-1",
        "XML_UGYLDIG",
        "XML_DESERIALIZE",
        _FILE,
        "Send saken på nytt som velformet XML i UTF-8, uten DOCTYPE.",
        "Send the case again as well-formed XML in UTF-8, without a DOCTYPE.",
    ),
    "schema": Kind(
        "fil-1",
        "XSD_UGYLDIG",
        "XSD_VALIDATION",
        _FILE,
        "Rett elementet i fagsystemet slik at det følger skjemaet, og send saken på nytt.",
        "Correct the element in the case system so that it follows the schema, and send the case again.",
    ),
    "size": Kind(
        "stoerrelse",
        "FOR_STOR",
        "",
        "Størrelse på innsendingen",
        "Kontroller at innsendingen gjelder én sak, og send den på nytt.",
        "Make sure that the submission is one case, and send it again.",
    ),
    "version": Kind(
        "xsd-versjon",
        "XSD_VERSJON_UKJENT",
        "XSD_VERSION",
        "Skjemaversjon",
        "Oppgi en skjemaversjon som registeret tar imot, og send saken på nytt.",
        "Announce a schema version that the register accepts, and send the case again.",
    ),
    # Valid by the schema it was announced with, but not to be converted: the remedy is another version, so the sender
    # gets the protocols' own words for a version that will not do.
    "upcast": Kind(
        "skjemaversjon-2",
        "XSD_VERSJON_UKJENT",
        "XSD_VERSION",
        "Skjemaversjon",
        "Send saken på nytt med en nyere skjemaversjon, uten det som ikke finnes der.",
        "Send the case again with a newer schema version, without what does not exist there.",
    ),
    "json": Kind(
        "json",
        "JSON_UGYLDIG",
        "JSON_DESERIALIZE",
        "Innpakning i JSON",
        "Send payload.json som gyldig JSON med feltene xsdVersion (heltall) og xmlBody (tekst).",
        "Send payload.json as valid JSON with the fields xsdVersion (integer) and xmlBody (text).",
    ),
    "json-form": Kind(
        "json-sak",
        "JSON_UGYLDIG",
        "JSON_DESERIALIZE",
        "Sak som JSON",
        "Rett JSON-en etter skjemaet i docs/skjema, og send saken på nytt.",
        "Correct the JSON by the schema in docs/skjema, and send the case again.",
    ),
    "envelope": Kind(
        "konvolutt",
        "PAKKE_UGYLDIG",
        "",
        "Konvolutt",
        "Rett meldingshodet i integrasjonen, og send meldingen på nytt.",
        "Correct the message header in the integration, and send the message again.",
    ),
    "type": Kind(
        "meldingstype",
        "MELDINGSTYPE_UKJENT",
        "",
        "Meldingstype",
        "Bruk en meldingstype som registeret tar imot.",
        "Use a message type that the register accepts.",
    ),
    "claim": Kind(
        "vedlegg",
        "PAKKE_UGYLDIG",
        "",
        "Innhold levert i skylageret",
        "Last opp innholdet på nytt, og send en ny melding som viser til det.",
        "Upload the payload again, and send a new message that refers to it.",
    ),
    "uforseglet": Kind(
        "pakke-forsegling",
        "KRYPTERING_FEIL",
        "",
        "Forsegling av meldingen",
        "Krypter og signer meldingen med registerets sertifikat, og send den på nytt.",
        "Encrypt and sign the message with the register's certificate, and send it again.",
    ),
    "pakke-cms": Kind(
        "pakke-cms",
        "PAKKE_UGYLDIG",
        "",
        "Kryptert pakke",
        "Send innholdet som CMS EnvelopedData rundt en ASiC-E-pakke.",
        "Send the content as CMS EnvelopedData around an ASiC-E container.",
    ),
    "pakke-algoritme": Kind(
        "pakke-algoritme",
        "KRYPTERING_FEIL",
        "",
        "Algoritmer",
        "Bruk RSAES-OAEP med SHA-256, AES-256-CBC, og SHA-256 eller sterkere i manifest og signatur.",
        "Use RSAES-OAEP with SHA-256, AES-256-CBC, and SHA-256 or stronger in manifest and signature.",
    ),
    "pakke-noekkel": Kind(
        "pakke-noekkel",
        "KRYPTERING_FEIL",
        "",
        "Dekryptering",
        "Hent registerets gjeldende sertifikat, krypter på nytt, og send meldingen igjen.",
        "Fetch the register's current certificate, encrypt again, and send the message again.",
    ),
    "pakke-zip": Kind(
        "pakke-zip",
        "PAKKE_UGYLDIG",
        "",
        "Zip-fil",
        "Lag pakken på nytt som en vanlig zip-fil: noen få filer med enkle navn, uten passord.",
        "Make the container again as an ordinary zip: a few files with plain names, without a password.",
    ),
    "pakke-mimetype": Kind(
        "pakke-mimetype",
        "PAKKE_UGYLDIG",
        "",
        "Filen mimetype",
        "Legg filen mimetype først i pakken, ukomprimert.",
        "Put the file mimetype first in the container, not compressed.",
    ),
    "pakke-manifest": Kind(
        "pakke-manifest",
        "PAKKE_UGYLDIG",
        "",
        "Manifest",
        "Legg ett manifest i META-INF/asicmanifest.xml, med hver fil og sammendraget av den.",
        "Put one manifest in META-INF/asicmanifest.xml, with each file and its digest.",
    ),
    "pakke-filliste": Kind(
        "pakke-filliste",
        "PAKKE_UGYLDIG",
        "",
        "Filer i manifestet",
        "La manifestet liste alle filene i pakken, og bare dem.",
        "Let the manifest list all files of the container, and only those.",
    ),
    "pakke-sammendrag": Kind(
        "pakke-sammendrag",
        "PAKKE_UGYLDIG",
        "",
        "Sammendrag av filene",
        "Filen er endret etter at manifestet ble laget. Lag pakken på nytt.",
        "The file was changed after the manifest was made. Make the container again.",
    ),
    "pakke-signatur": Kind(
        "pakke-signatur",
        "SIGNATUR_UGYLDIG",
        "",
        "Signatur",
        "Signer manifestet med virksomhetssertifikatet, og send pakken på nytt.",
        "Sign the manifest with the business certificate, and send the container again.",
    ),
    "pakke-tillit": Kind(
        "pakke-tillit",
        "SIGNATUR_UGYLDIG",
        "",
        "Sertifikatets utsteder og gyldighet",
        "Signer med et gyldig virksomhetssertifikat fra en utsteder som registeret godtar.",
        "Sign with a valid business certificate of an issuer that the register accepts.",
    ),
    "pakke-organisasjon": Kind(
        "pakke-organisasjon",
        "SIGNATUR_UGYLDIG",
        "",
        "Organisasjonsnummer i sertifikatet",
        "Signer med virksomhetens eget virksomhetssertifikat.",
        "Sign with the organisation's own business certificate.",
    ),
    "pakke-innhold": Kind(
        "pakke-innhold",
        "PAKKE_UGYLDIG",
        "",
        "Meldingens fil i pakken",
        "Kall filen meldingen gjelder, payload.json eller sak.xml.",
        "Name the file that the message is about payload.json or sak.xml.",
    ),
    "hendelse": Kind(
        "hendelse",
        "JSON_UGYLDIG",
        "",
        "Hendelse",
        "Rett hendelsen etter docs/hendelser.md, og send den på nytt.",
        "Correct the event by docs/hendelser.md, and send it again.",
    ),
    "avsender": Kind(
        "avsender",
        "AVGIVER_IKKE_TILLATT",
        "",
        "Avsender",
        "Kontroller konto, virksomhetssertifikat og avgiver. Ta kontakt med registeret hvis de er riktige.",
        "Check account, certificate and reporter. Contact the register if they are right.",
    ),
    "reuse": Kind(
        "innsending-id",
        "INNSENDINGSID_GJENBRUKT",
        "",
        "Innsendingens nøkkel",
        "Gi hver innsending sin egen Barnevern/@Id, og send saken på nytt.",
        "Give every submission its own Barnevern/@Id, and send the case again.",
    ),
    "slettet": Kind(
        "sak-slettet",
        "SAK_SLETTET",
        "",
        "Slettet sak",
        "Saken er slettet fra registeret etter ordre. Ta kontakt med registeret hvis den likevel skal rapporteres.",
        "The case was erased from the register by order. Contact the register if it is to be reported all the same.",
    ),
    "server": Kind(
        "teknisk-feil",
        "SERVERFEIL",
        "",
        "Teknisk feil hos registeret",
        "Feilen ligger hos registeret. Dere trenger ikke gjøre noe; kvitteringen kommer når feilen er rettet.",
        "The fault is the register's. You need not do anything; the receipt comes when it is mended.",
    ),
    "future": Kind(
        "datouttrekk-fremtid",
        "DATOUTTREKK_FREMTID",
        "",
        "Tidspunkt for uttrekket",
        "Still klokken i fagsystemet, og send saken på nytt.",
        "Set the clock of the case system, and send the case again.",
    ),
}


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Why a message never enters the register. `kind` is a key of KINDS; texts hold no value of the message."""

    kind: str
    nb: str
    en: str
    path: str = ""
    line: int | None = None
    column: int | None = None

    def finding(self) -> Finding:
        kind = KINDS[self.kind]
        return Finding(
            rule=kind.rule,
            rule_version=1,
            official=kind.official,
            severity=Severity.FATAL,
            element="Barnevern",
            path=self.path,
            line=self.line,
            column=self.column,
            message_nb=self.nb,
            message_en=self.en,
            remedy_nb=kind.remedy_nb,
            remedy_en=kind.remedy_en,
        )
