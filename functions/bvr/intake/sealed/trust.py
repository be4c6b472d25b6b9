"""Whose signature a manifest bears, and whether it counts: the signature itself for each message, the certificate's
chain to the pinned issuers now and then.

pyHanko does both. Its whole validation takes longer than everything else about a message, so a certificate whose chain
was found good is remembered until its next check is due; each message's own signature is always checked.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from asn1crypto import cms, core, pem, x509
from cryptography import x509 as pyca
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.sign.general import CMSExtractionError, CMSStructuralError
from pyhanko.sign.validation import errors, generic_cms
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko_certvalidator import ValidationContext

from bvr.intake.sealed import Signer
from bvr.intake.sealed.faults import Unsound
from bvr.model.identifiers import is_orgnr

# Its warnings name the certificate and carry stack traces; our own log says what we decided.
logging.getLogger("pyhanko").setLevel(logging.CRITICAL)

# What a business certificate may be used for when it seals a message; one of them is enough.
_USAGE = KeyUsageConstraints(key_usage={"digital_signature", "non_repudiation"})
_HASHES = {"sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512}
_MECHANISMS = {"rsassa_pkcs1v15", "rsassa_pss"}
_ORGNR = re.compile(r"(?:NTRNO-|NO)?([0-9]{9})")
_NAMED = ("serial_number", "organization_identifier")
_CACHED = 10_000  # certificates: there are some hundreds of municipalities
_MALFORMED = (
    PdfError,
    CMSExtractionError,
    CMSStructuralError,
    errors.SignatureValidationError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    IndexError,
    RecursionError,
    OverflowError,
)


@dataclass(frozen=True, slots=True)
class _Checked:
    """A certificate whose chain was found good for messages received from `first` to `last`."""

    certificate: Any
    signer: Signer
    first: datetime
    last: datetime


class Trust:
    """The issuers whose signatures count. Safe to use from several threads."""

    def __init__(
        self,
        issuers: Iterable[bytes],
        *,
        crls: Iterable[bytes] = (),
        recheck: timedelta = timedelta(hours=1),
    ) -> None:
        """`issuers`: pinned certificates, PEM or DER. `crls`: lists of revoked certificates (DER); with any, a
        certificate whose state they do not tell is refused. Nothing is ever fetched. `recheck`: how long a chain that
        was found good is not checked again."""
        self._issuers = [x509.Certificate.load(_der(issuer)) for issuer in issuers]
        if not self._issuers:
            raise ValueError("no issuer is trusted: nothing could be signed by anybody")
        self._crls = list(crls)
        self._recheck = recheck
        self._checked: dict[bytes, _Checked] = {}
        self._lock = threading.Lock()

    @classmethod
    def of(cls, bundle: bytes, **options: Any) -> Trust:
        """The issuers of a PEM bundle."""
        return cls([der for _, _, der in pem.unarmor(bundle, multiple=True)], **options)

    def signer(self, signature: bytes, manifest: bytes, at: datetime) -> Signer:
        """Who signed the manifest. Raises Unsound: signature, then trust, then organisation number."""
        try:
            signed, info = self._read(signature)
            bag = hashlib.sha256(signed["certificates"].contents + info["sid"].dump()).digest()
            known = self._known(bag, at)
            certificate = known.certificate if known else generic_cms.extract_certs_for_validation(signed).signer_cert
            digest = _HASHES[info["digest_algorithm"]["algorithm"].native](manifest).digest()
            intact, valid = generic_cms.validate_sig_integrity(info, certificate, "data", digest)
        except _MALFORMED as error:
            raise _bad_signature() from error
        if not intact or not valid:
            raise _bad_signature()
        if known:
            return known.signer
        self._check(signed, manifest, at)
        signer = Signer(
            orgnr=_organisation(certificate),
            fingerprint=hashlib.sha256(certificate.dump()).hexdigest(),
            serial=str(certificate.serial_number),
            not_after=certificate.not_valid_after,
        )
        self._remember(bag, _Checked(certificate, signer, at, min(at + self._recheck, signer.not_after)))
        return signer

    def _read(self, signature: bytes) -> tuple[Any, Any]:
        """(SignedData, its one SignerInfo) of a detached signature with signed attributes and algorithms we accept."""
        content = cms.ContentInfo.load(signature, strict=True)
        if content["content_type"].native != "signed_data":
            raise _bad_signature()
        signed = content["content"]
        encapsulated = signed["encap_content_info"]
        if encapsulated["content_type"].native != "data" or encapsulated["content"] is not core.VOID:
            raise _bad_signature()
        infos = signed["signer_infos"]
        if len(infos) != 1 or infos[0]["signed_attrs"] is core.VOID:
            raise _bad_signature()
        algorithm = infos[0]["signature_algorithm"]
        if (
            infos[0]["digest_algorithm"]["algorithm"].native not in _HASHES
            or algorithm.signature_algo not in _MECHANISMS
            or (algorithm.native["algorithm"] != "rsassa_pkcs1v15" and algorithm.hash_algo not in _HASHES)
        ):
            raise Unsound(
                "pakke-algoritme",
                "Signaturen er laget på en måte som ikke tas imot. Bruk RSA med SHA-256 eller sterkere.",
                "The signature is made in a way that is not accepted. Use RSA with SHA-256 or stronger.",
            )
        return signed, infos[0]

    def _known(self, bag: bytes, at: datetime) -> _Checked | None:
        """The certificate of a message, if its chain was found good not long before."""
        with self._lock:
            found = self._checked.get(bag)
        return found if found and found.first <= at <= found.last else None

    def _remember(self, bag: bytes, checked: _Checked) -> None:
        with self._lock:
            if len(self._checked) >= _CACHED:
                self._checked.clear()
            self._checked[bag] = checked

    def _check(self, signed: Any, manifest: bytes, at: datetime) -> None:
        """pyHanko's whole validation: it must be intact, valid and trusted, by a certificate valid when it came."""
        context = ValidationContext(
            trust_roots=self._issuers,
            moment=at.astimezone(UTC),
            allow_fetching=False,
            crls=self._crls,
            revocation_mode="require" if self._crls else "soft-fail",
        )
        try:
            status = asyncio.run(
                generic_cms.async_validate_detached_cms(
                    manifest, signed, signer_validation_context=context, key_usage_settings=_USAGE
                )
            )
        except _MALFORMED as error:
            raise _untrusted() from error
        if not (status.intact and status.valid and status.trusted):
            raise _untrusted()


def _organisation(certificate: Any) -> str:
    """The organisation number of a business certificate: subject serialNumber, or organizationIdentifier (SEID 2)."""
    subject = certificate.subject.native
    told = [value for name in _NAMED for value in _texts(subject.get(name))]
    found = {match[1] for value in told if (match := _ORGNR.fullmatch(value.strip()))}
    if len(found) != 1 or not is_orgnr(next(iter(found))):
        raise Unsound(
            "pakke-organisasjon",
            "Sertifikatet som signerte, har ikke ett gyldig organisasjonsnummer. Bruk et virksomhetssertifikat.",
            "The signing certificate does not hold one valid organisation number. Use a business certificate.",
        )
    return found.pop()


def _texts(value: Any) -> list[str]:
    return [] if value is None else [str(v) for v in value] if isinstance(value, list) else [str(value)]


def _bad_signature() -> Unsound:
    return Unsound(
        "pakke-signatur",
        "Signaturen over manifestet stemmer ikke, eller den kan ikke leses.",
        "The signature over the manifest does not hold, or it cannot be read.",
    )


def _untrusted() -> Unsound:
    return Unsound(
        "pakke-tillit",
        "Sertifikatet som signerte, er ikke gyldig hos registeret.",
        "The signing certificate is not valid with the register.",
    )


def _der(certificate: bytes) -> bytes:
    return bytes(pem.unarmor(certificate)[2]) if pem.detect(certificate) else certificate


def sign(
    manifest: bytes, key: rsa.RSAPrivateKey, certificate: pyca.Certificate, chain: Iterable[pyca.Certificate] = ()
) -> bytes:
    """A detached signature over the manifest (CMS SignedData, RSA with SHA-256)."""
    builder = pkcs7.PKCS7SignatureBuilder().set_data(manifest).add_signer(certificate, key, hashes.SHA256())
    for above in chain:
        builder = builder.add_certificate(above)
    return builder.sign(Encoding.DER, [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary])
