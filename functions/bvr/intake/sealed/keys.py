"""Private keys as PEM files: for a supplier's own tests, the local cloud, and wherever keys are mounted as secrets."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import Certificate, load_pem_x509_certificate

from bvr.intake.sealed.cms import OAEP


class PemKeys:
    """Keys in memory, the newest first. Which of them a message is for is tried, not looked up: during a rollover there
    are two or three, and a message for none of them takes as long as one for the last."""

    def __init__(self, keys: Iterable[rsa.RSAPrivateKey]) -> None:
        self._keys = list(keys)
        if not self._keys:
            raise ValueError("no private key: nothing could be opened")

    @classmethod
    def of(cls, path: str | os.PathLike[str]) -> PemKeys:
        """The keys of a PKCS#8 PEM file, or of every .pem file of a folder, the last by name first."""
        place = Path(path)
        files = sorted(place.glob("*.pem"), reverse=True) if place.is_dir() else [place]
        return cls([private_key(file) for file in files])

    def unwrap(self, serials: Sequence[tuple[bytes, int]], wrapped: Sequence[bytes]) -> bytes | None:
        found: bytes | None = None
        for key in self._keys:
            for secret in wrapped:
                try:
                    opened = key.decrypt(secret, OAEP)
                except ValueError:
                    continue
                found = found or opened
            if found is not None:
                return found
        return None


def private_key(path: Path) -> rsa.RSAPrivateKey:
    """An unencrypted PKCS#8 key. Raises ValueError when the file holds anything else."""
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError(f"{path}: not an RSA key")
    return key


def certificates(path: Path) -> list[Certificate]:
    """The certificates of a PEM file, in its order."""
    marker = b"-----BEGIN CERTIFICATE-----"
    parts = path.read_bytes().split(marker)[1:]
    if not parts:
        raise ValueError(f"{path}: no certificate")
    return [load_pem_x509_certificate(marker + part) for part in parts]
