"""Encryption of direct identifiers: Tink deterministic AEAD (AES-SIV), which BigQuery's DETERMINISTIC_DECRYPT_* reads.

The purpose is the associated data: the same number gives the same ciphertext within one purpose and another one in the
next, so that a child can be followed inside the register and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import tink
from tink import daead, json_proto_keyset_format, proto_keyset_format, secret_key_access

PURPOSE = "register"
Unwrap = Callable[[bytes], bytes]
"""Undoes the wrapping of a keyset with a key of Cloud KMS (`gcp.unwrapping`)."""


def keyset(path: str, unwrap: Unwrap | None = None) -> tink.KeysetHandle:
    """The keyset of a file: in the clear as JSON; or, with `unwrap`, the binary keyset encrypted by Cloud KMS, which is
    what BigQuery's KEYS.KEYSET_CHAIN takes as its first-level keyset. Raises OSError and tink.TinkError."""
    data = Path(path).read_bytes()
    if unwrap is None:
        return json_proto_keyset_format.parse(data.decode(), secret_key_access.TOKEN)
    return proto_keyset_format.parse(unwrap(data), secret_key_access.TOKEN)


def wrapped(handle: tink.KeysetHandle, wrap: Callable[[bytes], bytes]) -> bytes:
    """A keyset as it is kept in production: its binary form, encrypted."""
    return wrap(bytes(proto_keyset_format.serialize(handle, secret_key_access.TOKEN)))


class TinkCipher:
    """Encrypts for one purpose with a keyset."""

    def __init__(self, keys: str | tink.KeysetHandle, purpose: str = PURPOSE) -> None:
        daead.register()
        handle = json_proto_keyset_format.parse(keys, secret_key_access.TOKEN) if isinstance(keys, str) else keys
        self._primitive = handle.primitive(daead.DeterministicAead)
        self._purpose = purpose.encode()

    @classmethod
    def of(cls, path: str, unwrap: Unwrap | None = None) -> TinkCipher:
        """The cipher of a keyset file: a mounted secret in production, a file of the run folder locally."""
        daead.register()
        return cls(keyset(path, unwrap))

    def encrypt(self, text: str) -> bytes:
        return bytes(self._primitive.encrypt_deterministically(text.encode(), self._purpose))

    def decrypt(self, ciphertext: bytes) -> str:
        return bytes(self._primitive.decrypt_deterministically(ciphertext, self._purpose)).decode()


def new_keyset() -> str:
    """A fresh keyset as JSON, in clear: to be stored as a secret at once."""
    daead.register()
    handle = tink.new_keyset_handle(daead.deterministic_aead_key_templates.AES256_SIV)
    return str(json_proto_keyset_format.serialize(handle, secret_key_access.TOKEN))
