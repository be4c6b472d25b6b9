"""Sealed messages: a zip container (ASiC-E) with a signed manifest, encrypted to the register (CMS EnvelopedData).

What Fiks IO carries, and the same from whoever sends to us directly. The checks stand in the order of reference section
1.6, each with its own kind of fault; everything between the private key and a whole container fails in one way, so that
no answer tells how far a forged message came.

Light to import: the libraries of cryptography come with the first message that needs them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

import msgspec

from bvr.faults import Fault

if TYPE_CHECKING:
    from bvr.intake.sealed.trust import Trust

MIMETYPE = "application/vnd.etsi.asic-e+zip"


class Signer(msgspec.Struct, frozen=True, kw_only=True):
    """Who signed a container: the organisation of its certificate. `fingerprint` is the certificate's SHA-256."""

    orgnr: str
    fingerprint: str
    serial: str
    not_after: datetime


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """What was in a container. `root` names the file that the message is about; `files` holds all of them."""

    files: dict[str, bytes]
    root: str
    signer: Signer


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds on one container, enforced while it is read. Sizes are in bytes."""

    container: int = 10_000_000
    content: int = 50_000_000  # of all files unpacked
    file: int = 40_000_000  # of one file unpacked
    manifest: int = 1_000_000
    signature: int = 100_000
    certificates: int = 6  # in the signature: looking for a path among n of them takes n! steps
    files: int = 100
    name: int = 200  # characters
    ratio: int = 200  # unpacked to packed, of one file
    recipients: int = 20
    pieces: int = 50_000  # that the encrypted content may come in


class PrivateKeys(Protocol):
    """The private keys that messages are encrypted to: several during a rollover."""

    def unwrap(self, serials: Sequence[tuple[bytes, int]], wrapped: Sequence[bytes]) -> bytes | None:
        """The content key: RSA-OAEP (SHA-256, MGF1 SHA-256, empty label) of one of `wrapped`.

        `serials`: (issuer in DER, serial number) of each recipient, in the order of `wrapped`. None when no key of ours
        opens any of them. Raises Retry when the keys cannot be reached.
        """
        ...


class Opener(msgspec.Struct, frozen=True, kw_only=True):
    """Opens containers: with our keys, for the issuers that we trust."""

    keys: PrivateKeys
    trust: Trust
    limits: Limits = Limits()

    def open(self, body: bytes, at: datetime) -> Opened | Fault:
        """The files of a container received `at`, or the first fault. Raises Retry when the keys cannot be reached."""
        from bvr.intake.sealed import asice, cms
        from bvr.intake.sealed.faults import Unsound

        try:
            enveloped = cms.read(body, self.limits)
            container = asice.read(cms.decrypt(enveloped, self.keys), self.limits)
            signer = self.trust.signer(container.signature, container.manifest, at, self.limits.certificates)
            return Opened(files=container.files, root=asice.root(container), signer=signer)
        except Unsound as unsound:
            return unsound.fault
