"""Whose signature a manifest bears, and whether it counts: the signature itself for each message, the certificate's
chain to the pinned issuers now and then.

pyHanko judges both, and takes longer than everything else about a message. So a signature that it found good is
remembered until its next check is due: one that is the same byte for byte, but for the manifest's digest, the signing
time and the signature itself, needs only those three checked. Here a signature can be accepted, never refused: whatever
else is found goes to pyHanko.
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
from typing import Any, NamedTuple

from asn1crypto import cms, core, crl, pem, x509
from cryptography import x509 as pyca
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
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
_SIGNED_WITH = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
_MECHANISMS = {"rsassa_pkcs1v15", "rsassa_pss"}
_ORGNR = re.compile(r"(?:NTRNO-|NO)?([0-9]{9})")
_NAMED = ("serial_number", "organization_identifier")
_CACHED = 10_000  # signers: there are some hundreds of municipalities
_LAYOUTS = 8  # of signatures of the same length
_INDEFINITE = 0x80
_Window = tuple[datetime, datetime]
_MALFORMED = (
    UnsupportedAlgorithm,
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


class _Layout(NamedTuple):
    """Where the parts of a signature lie that differ from message to message, as (start, end)."""

    length: int
    attributes: tuple[int, int]  # all that is signed
    digest: tuple[int, int]  # of the manifest
    time: tuple[int, int]  # told by the signer
    value: tuple[int, int]  # the signature itself

    def rest(self, signature: bytes) -> bytes:
        """The hash of all the rest, by which the signatures of one signer are known again."""
        holes = sorted((self.digest, self.time, self.value))
        kept, at = hashlib.sha256(), 0
        for start, end in holes:
            kept.update(signature[at:start])
            at = end
        kept.update(signature[at:])
        return kept.digest()


@dataclass(frozen=True, slots=True)
class _Checked:
    """What pyHanko found good, for messages received from `first` to `last`."""

    layout: _Layout
    signer: Signer
    key: rsa.RSAPublicKey
    digest: str
    signed_with: hashes.HashAlgorithm
    first: datetime
    last: datetime

    def holds(self, signature: bytes, manifest: bytes) -> bool:
        """Whether the parts that differ are right, in a signature whose rest is known."""
        start, end = self.layout.attributes
        attributes = b"\x31" + signature[start + 1 : end]  # signed as the SET that they are
        if signature[slice(*self.layout.digest)] != _HASHES[self.digest](manifest).digest():
            return False
        if not _is_time(signature[slice(*self.layout.time)]):
            return False
        try:
            self.key.verify(signature[slice(*self.layout.value)], attributes, padding.PKCS1v15(), self.signed_with)
        except InvalidSignature:
            return False
        return True


class Trust:
    """The issuers whose signatures count. Safe to use from several threads."""

    def __init__(
        self,
        issuers: Iterable[bytes],
        *,
        crls: Iterable[bytes] = (),
        recheck: timedelta = timedelta(hours=1),
    ) -> None:
        """`issuers`: pinned certificates, PEM or DER. `crls`: lists of revoked certificates, PEM or DER; with any, a
        certificate whose state they do not tell is refused. Nothing is ever fetched. `recheck`: how long a chain that
        was found good is not checked again."""
        self._issuers = [x509.Certificate.load(_der(issuer)) for issuer in issuers]
        if not self._issuers:
            raise ValueError("no issuer is trusted: nothing could be signed by anybody")
        self._crls = [_der(one) for one in crls]
        lists = [crl.CertificateList.load(one)["tbs_cert_list"] for one in self._crls]
        self._crls_end = [told["next_update"].native for told in lists if told["next_update"].native]
        self._recheck = recheck
        self._layouts: dict[int, tuple[_Layout, ...]] = {}
        self._checked: dict[bytes, _Checked] = {}
        self._lock = threading.Lock()

    @classmethod
    def of(cls, bundle: bytes, **options: Any) -> Trust:
        """The issuers of a PEM bundle."""
        return cls(_each(bundle), **options)

    def signer(self, signature: bytes | None, manifest: bytes, at: datetime, certificates: int = 6) -> Signer:
        """Who signed the manifest. Raises Unsound: signature, then trust, then organisation number.

        `certificates`: how many a signature may carry."""
        if signature is None:
            raise Unsound("pakke-signatur", "Pakken er ikke signert.", "The container is not signed.")
        known = self._known(signature, at)
        if known and known.holds(signature, manifest):
            return known.signer
        try:
            signed, info = _read(signature, certificates)
            certificate = generic_cms.extract_certs_for_validation(signed).signer_cert
            digest = _HASHES[info["digest_algorithm"]["algorithm"].native](manifest).digest()
            intact, valid = generic_cms.validate_sig_integrity(info, certificate, "data", digest)
        except _MALFORMED as error:
            raise _bad_signature() from error
        if not intact or not valid:
            raise _bad_signature()
        last = self._check(signed, manifest, at)
        signer = Signer(
            orgnr=_organisation(certificate),
            fingerprint=hashlib.sha256(certificate.dump()).hexdigest(),
            serial=str(certificate.serial_number),
            not_after=certificate.not_valid_after,
        )
        self._remember(signature, manifest, info, certificate, signer, (at, last))
        return signer

    def _known(self, signature: bytes, at: datetime) -> _Checked | None:
        """What is remembered of a signature that differs from an earlier one in nothing but what always differs."""
        with self._lock:
            for layout in self._layouts.get(len(signature), ()):
                found = self._checked.get(layout.rest(signature))
                if found and found.layout == layout and found.first <= at <= found.last:
                    return found
        return None

    def _remember(
        self, signature: bytes, manifest: bytes, info: Any, certificate: Any, signer: Signer, window: _Window
    ) -> None:
        """Remember a signature that was found good, if it is of the usual kind and our own look at it agrees."""
        layout = _layout(signature, info)
        key = pyca.load_der_x509_certificate(certificate.dump()).public_key()
        algorithm = info["signature_algorithm"]
        if layout is None or algorithm.signature_algo != "rsassa_pkcs1v15" or not isinstance(key, rsa.RSAPublicKey):
            return
        digest = info["digest_algorithm"]["algorithm"].native
        named = algorithm["algorithm"].native != "rsassa_pkcs1v15"
        signed_with = _SIGNED_WITH[algorithm.hash_algo if named else digest]
        made = _Checked(layout, signer, key, digest, signed_with, *window)
        if not made.holds(signature, manifest):
            return
        with self._lock:
            if len(self._checked) >= _CACHED:
                self._checked.clear()
                self._layouts.clear()
            others = [other for other in self._layouts.get(layout.length, ()) if other != layout]
            self._layouts[layout.length] = (layout, *others[: _LAYOUTS - 1])
            self._checked[layout.rest(signature)] = made

    def _check(self, signed: Any, manifest: bytes, at: datetime) -> datetime:
        """pyHanko's whole validation: it must be intact, valid and trusted, by a certificate valid when it came.

        Gives the time until which the finding stands."""
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
        path: Any = status.validation_path
        ends: list[datetime] = [*(c.not_valid_after for c in path.iter_certs(include_root=True)), *self._crls_end]
        return min([at + self._recheck, *(end for end in ends if end >= at)])


def _read(signature: bytes, certificates: int) -> tuple[Any, Any]:
    """(SignedData, its one SignerInfo) of a detached signature with signed attributes and algorithms we accept."""
    content = cms.ContentInfo.load(signature, strict=True)
    if content["content_type"].native != "signed_data":
        raise _bad_signature()
    signed = content["content"]
    encapsulated = signed["encap_content_info"]
    if encapsulated["content_type"].native != "data" or encapsulated["content"] is not core.VOID:
        raise _bad_signature()
    infos = signed["signer_infos"]
    if len(infos) != 1 or infos[0]["signed_attrs"] is core.VOID or len(signed["certificates"]) > certificates:
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


def _layout(signature: bytes, info: Any) -> _Layout | None:
    """Where the parts lie. None when one of them is missing, or its bytes stand in more than one place."""
    told = {attribute["type"].native: attribute["values"] for attribute in info["signed_attrs"]}
    if not {"message_digest", "signing_time"} <= set(told):
        return None
    parts = (
        info["signed_attrs"].dump(),
        told["message_digest"][0].contents,
        told["signing_time"][0].chosen.contents,
        info["signature"].contents,
    )
    if any(not part or signature.count(part) != 1 for part in parts) or parts[0][1] == _INDEFINITE:
        return None
    found = [(start := signature.index(part), start + len(part)) for part in parts]
    return _Layout(len(signature), *found)


def _is_time(told: bytes) -> bool:
    """Whether a signing time is one (UTCTime; a later century's GeneralizedTime is left to pyHanko)."""
    try:
        datetime.strptime(told.decode("ascii"), "%y%m%d%H%M%SZ")
    except ValueError:
        return False
    return len(told) == len("YYMMDDHHMMSSZ") and told[:12].isdigit()


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


def _der(one: bytes) -> bytes:
    return bytes(pem.unarmor(one)[2]) if pem.detect(one) else one


def _each(bundle: bytes) -> list[bytes]:
    return [der for _, _, der in pem.unarmor(bundle, multiple=True)]


def sign(
    manifest: bytes, key: rsa.RSAPrivateKey, certificate: pyca.Certificate, chain: Iterable[pyca.Certificate] = ()
) -> bytes:
    """A detached signature over the manifest (CMS SignedData, RSA with SHA-256)."""
    builder = pkcs7.PKCS7SignatureBuilder().set_data(manifest).add_signer(certificate, key, hashes.SHA256())
    for above in chain:
        builder = builder.add_certificate(above)
    return builder.sign(Encoding.DER, [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary])
