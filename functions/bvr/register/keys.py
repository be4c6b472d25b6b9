"""Encryption of direct identifiers: Tink deterministic AEAD (AES-SIV), which BigQuery's DETERMINISTIC_DECRYPT_* reads.

The purpose is the associated data: the same number gives the same ciphertext within one purpose and another one in the
next, so that a child can be followed inside the register and nowhere else.
"""

from __future__ import annotations

from pathlib import Path

import tink
from tink import daead, json_proto_keyset_format, secret_key_access

PURPOSE = "register"


class TinkCipher:
    """Encrypts for one purpose with a keyset."""

    def __init__(self, keyset: str, purpose: str = PURPOSE) -> None:
        daead.register()
        handle = json_proto_keyset_format.parse(keyset, secret_key_access.TOKEN)
        self._primitive = handle.primitive(daead.DeterministicAead)
        self._purpose = purpose.encode()

    @classmethod
    def of(cls, path: str) -> TinkCipher:
        """The cipher of a keyset file: a mounted secret in production, a file of the run folder locally."""
        return cls(Path(path).read_text(encoding="utf-8"))

    def encrypt(self, text: str) -> bytes:
        return bytes(self._primitive.encrypt_deterministically(text.encode(), self._purpose))

    def decrypt(self, ciphertext: bytes) -> str:
        return bytes(self._primitive.decrypt_deterministically(ciphertext, self._purpose)).decode()


def new_keyset() -> str:
    """A fresh keyset as JSON, in clear: to be stored as a secret at once."""
    daead.register()
    handle = tink.new_keyset_handle(daead.deterministic_aead_key_templates.AES256_SIV)
    return str(json_proto_keyset_format.serialize(handle, secret_key_access.TOKEN))
