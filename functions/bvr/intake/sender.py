"""Who may report for whom: the account, its organisation, the signature and the reporter in the document must agree.

The register of senders is data (`grunnlag.avsender`): one row for each reporter that an account may speak for, with the
days it is valid. Refusals are one and the same to the sender: whoever tries accounts learns nothing of which exist.
(Reference sections 1.6 and 2.1: never rely on the platform alone.)
"""

# mypy: disable-error-code="misc"
# (see model/concepts.py)

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from bvr.faults import Fault
from bvr.intake.protocol import TYPES
from bvr.model.identifiers import is_orgnr
from bvr.model.types import BOOLEAN, DATE, TEXT, Concept, Doc

if TYPE_CHECKING:
    from bvr.intake.envelope import Envelope
    from bvr.intake.sealed import Signer
    from bvr.model.concepts import Avgiver

Reason = Literal[
    "account unknown",
    "message type not allowed",
    "signer does not belong to the account",
    "organisation number invalid",
    "reporter not allowed for the account",
    "municipality does not belong to the organisation",
    "district does not belong to the organisation",
]


class Right(Concept):
    """An account's right to report for one organisation, from a day, perhaps to a day: a row of `grunnlag.avsender`.

    | En kontos rett til å rapportere for én avgiver.
    """

    konto_id: Annotated[str, TEXT, Doc("Kontoen i Fiks IO, små bokstaver.", "The account in Fiks IO, lower case.")]
    orgnr: Annotated[str, TEXT, Doc("Virksomheten som eier kontoen.", "The organisation that owns the account.")]
    navn: Annotated[str, TEXT, Doc("Virksomhetens navn.", "Its name.")]
    rolle: Annotated[str, TEXT, Doc("fagsystem, leverandor eller kostra.", "What the account is.")]
    for_orgnr: Annotated[
        str, TEXT, Doc("Avgiveren: lik orgnr for en kommune, en annen for en leverandør.", "The reporter.")
    ]
    kommunenummer: Annotated[str, TEXT, Doc("Avgiverens kommunenummer.", "The reporter's municipality number.")]
    bydelsnummer: Annotated[
        tuple[str, ...], TEXT, Doc("Avgiverens bydeler; tomt uten bydeler.", "Its districts, if it has any.")
    ] = ()
    gyldig_fra: Annotated[date, DATE, Doc("Første dag.", "First day.")]
    gyldig_til: Annotated[date | None, DATE, Doc("Siste dag.", "Last day.")] = None
    sertifikat: Annotated[
        str | None, TEXT, Doc("Sertifikat (PEM) som svar forsegles til.", "Certificate that answers are sealed to.")
    ] = None
    api_url: Annotated[
        str | None, TEXT, Doc("Adressen til kommunens eget API.", "Base address of the municipality's own API.")
    ] = None
    fiksio: Annotated[bool | None, BOOLEAN, Doc("Svar sendes gjennom Fiks IO.", "Answers go through Fiks IO.")] = None

    def valid(self, day: date) -> bool:
        return self.gyldig_fra <= day and (self.gyldig_til is None or day <= self.gyldig_til)


class Denied(msgspec.Struct, frozen=True):
    """A refusal: what the sender is told says nothing; `reason` is for our own log and quarantine."""

    reason: Reason

    @property
    def fault(self) -> Fault:
        return _DENIED


_DENIED = Fault(
    kind="avsender",
    nb="Avsenderen kan ikke sende denne meldingen for denne avgiveren.",
    en="The sender cannot send this message for this reporter.",
)


class Senders:
    """The register of senders as it was read: immutable, so that a decision can be told again."""

    def __init__(self, rights: Iterable[Right]) -> None:
        self._rights = tuple(sorted(rights, key=msgspec.json.encode))
        self._accounts: dict[str, list[Right]] = {}
        self._reporters: dict[str, list[Right]] = {}
        self._owners: dict[str, list[Right]] = {}
        for right in self._rights:
            self._accounts.setdefault(right.konto_id, []).append(right)
            self._reporters.setdefault(right.for_orgnr, []).append(right)
            self._owners.setdefault(right.orgnr, []).append(right)
        self.version = hashlib.sha256(msgspec.json.encode(self._rights)).hexdigest()

    def __contains__(self, account: str) -> bool:
        return account in self._accounts

    def account_of(self, orgnr: str, day: date) -> str | None:
        """The account that an organisation sends from; its first when it has several."""
        return next((r.konto_id for r in self._owners.get(orgnr, ()) if r.valid(day)), None)

    def of_account(self, account: str, day: date) -> tuple[Right, ...]:
        """What an account may do on a day."""
        return tuple(r for r in self._accounts.get(account, ()) if r.valid(day))

    def right(self, account: str, for_orgnr: str, day: date) -> Right | None:
        """An account's right to report for an organisation."""
        return next((r for r in self.of_account(account, day) if r.for_orgnr == for_orgnr), None)

    def reporting_for(self, kommunenummer: str) -> tuple[Right, ...]:
        """Every right, of whatever day, to report for a municipality."""
        return tuple(r for r in self._rights if r.kommunenummer == kommunenummer)

    def of_kommune(self, kommunenummer: str, message_type: str, day: date) -> Right | None:
        """The right to send a type of message that a municipality itself, else anybody, has for a municipality."""
        roles = TYPES[message_type].roles
        found = [r for r in self._rights if r.kommunenummer == kommunenummer and r.rolle in roles and r.valid(day)]
        return min(found, key=lambda r: r.orgnr != r.for_orgnr, default=None)

    def check_message(self, envelope: Envelope, signer: Signer | None, day: date) -> Denied | None:
        """What can be said before the document is opened: account, type of message, and whose signature it bears."""
        rights = self.of_account(envelope.avsender_id, day)
        if not rights:
            return Denied("account unknown")
        allowed = TYPES[envelope.type].roles if envelope.type in TYPES else ()
        if not any(r.rolle in allowed for r in rights):
            return Denied("message type not allowed")
        if signer is not None and not any(self._may_sign(signer.orgnr, r, day) for r in rights):
            return Denied("signer does not belong to the account")
        return None

    def check_reporter(
        self,
        envelope: Envelope,
        signer: Signer | None,
        orgnr: str,
        kommunenummer: str,
        bydelsnummer: str | None,
        day: date,
    ) -> Denied | None:
        """Whether the account, and whoever signed, may report for the organisation that the document names."""
        if not is_orgnr(orgnr):
            return Denied("organisation number invalid")
        allowed = TYPES[envelope.type].roles if envelope.type in TYPES else ()
        rights = [r for r in self.of_account(envelope.avsender_id, day) if r.for_orgnr == orgnr and r.rolle in allowed]
        if not rights:
            return Denied("reporter not allowed for the account")
        if signer is not None and not any(self._may_sign(signer.orgnr, r, day) for r in rights):
            return Denied("signer does not belong to the account")
        rights = [r for r in rights if r.kommunenummer == kommunenummer]
        if not rights:
            return Denied("municipality does not belong to the organisation")
        # An organisation without districts has none to name; one with districts may leave it out, which a rule reports.
        if bydelsnummer is not None and not any(bydelsnummer in r.bydelsnummer for r in rights):
            return Denied("district does not belong to the organisation")
        return None

    def check_document(self, envelope: Envelope, signer: Signer | None, avgiver: Avgiver, day: date) -> Denied | None:
        return self.check_reporter(
            envelope, signer, avgiver.organisasjonsnummer, avgiver.kommunenummer, avgiver.bydelsnummer, day
        )

    def _may_sign(self, orgnr: str, right: Right, day: date) -> bool:
        """The account's owner, the reporter itself, or a supplier registered for the reporter."""
        return orgnr in (right.orgnr, right.for_orgnr) or any(
            r.orgnr == orgnr and r.valid(day) for r in self._reporters.get(right.for_orgnr, ())
        )


class SenderRegister:
    """The senders as last read. Read again when they are old, and when an account is unknown: it may be new."""

    def __init__(
        self,
        load: Callable[[], Iterable[Right]],
        clock: Callable[[], datetime],
        keep_seconds: float = 300,
        retry_seconds: float = 10,
    ) -> None:
        """`load` reads the table; it raises Retry while that cannot be read, and stale data serve meanwhile."""
        self._load = load
        self._clock = clock
        self._keep = keep_seconds
        self._retry = retry_seconds
        self._senders: Senders | None = None
        self._read: datetime | None = None

    def certificate_of(self, account: str) -> str | None:
        """The certificate that answers to an account are sealed to, as PEM."""
        day = self._clock().date()
        return next((r.sertifikat for r in self.current().of_account(account, day) if r.sertifikat), None)

    def through_fiksio(self, account: str) -> bool:
        """Whether answers to an account go through Fiks IO."""
        return any(r.fiksio for r in self.current().of_account(account, self._clock().date()))

    def current(self, account: str | None = None) -> Senders:
        """The senders; with `account`, fresher ones when it is not among them."""
        from bvr.errors import Retry

        now = self._clock()
        age = (now - self._read).total_seconds() if self._read else float("inf")
        unknown = account is not None and (self._senders is None or account not in self._senders)
        if self._senders is None or age >= (self._retry if unknown else self._keep):
            try:
                self._senders = Senders(self._load())
            except Retry:
                if self._senders is None:
                    raise
            self._read = now
        return self._senders
