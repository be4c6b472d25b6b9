"""Making containers: what a Fiks client does before it sends, and what the register does with its answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import uuid4

import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509 import Certificate, load_pem_x509_certificate

from bvr.intake.sealed import asice, cms
from bvr.intake.sealed.trust import sign


class Signing(msgspec.Struct, frozen=True, kw_only=True):
    """What a sender signs with: its key, its certificate, and the certificates above it."""

    key: rsa.RSAPrivateKey
    certificate: Certificate
    chain: Sequence[Certificate] = ()


def seal(files: dict[str, bytes], signing: Signing, recipient: Certificate, *, indefinite: bool = True) -> bytes:
    """A container of files, the first of them the one that the message is about, encrypted to the recipient."""
    name = f"META-INF/signature-{uuid4()}.p7s"
    manifest = asice.manifest_of(files, name)
    signature = sign(manifest, signing.key, signing.certificate, signing.chain)
    return cms.encrypt(asice.pack(files, manifest, signature, name), recipient, indefinite=indefinite)


class AnswerSealer:
    """Seals answers to their receivers, where a certificate is known for the account."""

    def __init__(self, signing: Signing, certificate_of: Callable[[str], str | None]) -> None:
        """`certificate_of`: account -> certificate as PEM."""
        self._signing = signing
        self._certificate_of = certificate_of

    def seal(self, receiver: str, file_name: str, data: bytes) -> bytes | None:
        pem = self._certificate_of(receiver)
        if pem is None:
            return None
        return seal({file_name: data}, self._signing, load_pem_x509_certificate(pem.encode()))
