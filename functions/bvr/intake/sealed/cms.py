"""CMS EnvelopedData (RFC 5652): a content key wrapped with RSA-OAEP, the content in AES-256-CBC.

Read as DER and as BER with indefinite lengths, which is how it is written as a stream. CBC protects nothing by itself;
what is inside is signed, and nothing that happens before the signature is checked may be told apart from outside.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import msgspec
from asn1crypto import algos, core
from asn1crypto import cms as asn1
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate

from bvr.intake.sealed import Limits, PrivateKeys, ber
from bvr.intake.sealed.faults import Unsound, locked

OAEP = rsa_padding.OAEP(mgf=rsa_padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
_ENVELOPED, _DATA = (asn1.ContentType(name).dump() for name in ("enveloped_data", "data"))
_AES256_CBC = asn1.EncryptionAlgorithm({"algorithm": "aes256_cbc", "parameters": bytes(16)}).dump()[:-16]
_ALGORITHM = 200  # bytes at most of how a key is wrapped
_KEY = 32  # bytes of an AES-256 key
_BLOCK = 16
_CHUNK = 64 * 1024


class Enveloped(msgspec.Struct, frozen=True, kw_only=True):
    """What the structure says: the wrapped keys with their recipients, and the content."""

    recipients: tuple[tuple[bytes, int], ...]
    wrapped: tuple[bytes, ...]
    iv: bytes
    content: bytes


def read(body: bytes, limits: Limits) -> Enveloped:
    """The structure of a container. Raises Unsound: size, structure, algorithms, in this order."""
    if len(body) > limits.container:
        raise Unsound(
            "size",
            f"Meldingen er på {len(body)} byte; grensen er {limits.container}.",
            f"The message is {len(body)} bytes; the limit is {limits.container}.",
        )
    if body[:2] == b"PK":
        raise Unsound("pakke-cms", "Pakken er ikke kryptert.", "The container is not encrypted.")
    try:
        recipients, inner, algorithm, content = _structure_of(body, limits)
    except ber.Malformed as error:
        raise Unsound(
            "pakke-cms",
            "Meldingen er ikke en lesbar CMS-struktur med en mottaker oppgitt ved utsteder og serienummer.",
            "The message is not a readable CMS structure with a recipient named by issuer and serial number.",
        ) from error
    oaep = all(_is_oaep_sha256(r.algorithm) for r in recipients)
    if not oaep or inner != _DATA or algorithm[:-_BLOCK] != _AES256_CBC:
        raise Unsound(
            "pakke-algoritme",
            "Meldingen er kryptert på en måte som ikke tas imot. Bruk RSAES-OAEP med SHA-256 og AES-256-CBC.",
            "The message is encrypted in a way that is not accepted. Use RSAES-OAEP with SHA-256 and AES-256-CBC.",
        )
    return Enveloped(
        recipients=tuple((r.issuer, r.serial) for r in recipients),
        wrapped=tuple(r.wrapped for r in recipients),
        iv=algorithm[-_BLOCK:],
        content=content,
    )


class _Recipient(msgspec.Struct, frozen=True):
    issuer: bytes
    serial: int
    algorithm: bytes
    wrapped: bytes


def _structure_of(body: bytes, limits: Limits) -> tuple[list[_Recipient], bytes, bytes, bytes]:
    """(recipients, type of the content, its algorithm, the content). Raises Malformed."""
    r = ber.Reader(body)
    r.enter(ber.SEQUENCE)
    if r.element(ber.OID) != _ENVELOPED:
        raise ber.Malformed
    r.enter(ber.TAG_0)
    r.enter(ber.SEQUENCE)
    r.element(ber.INTEGER)
    if r.next() == ber.TAG_0:  # certificates of the originator: of no use to us
        r.element(ber.TAG_0)
    r.enter(ber.SET)
    recipients, told = [], 0
    while r.more():
        told += 1
        if told > limits.recipients:
            raise ber.Malformed
        if (found := _recipient(r)) is not None:
            recipients.append(found)
    r.leave()
    if not recipients:
        raise ber.Malformed
    r.enter(ber.SEQUENCE)
    inner, algorithm, content = r.element(ber.OID), r.element(ber.SEQUENCE), _content(r, limits.pieces)
    r.leave()
    if r.more():
        r.element(ber.TAG_1)  # attributes that nothing protects
    for _ in range(3):
        r.leave()
    r.end()
    return recipients, inner, algorithm, content


def _recipient(r: ber.Reader) -> _Recipient | None:
    """One whose key is wrapped with RSA and who is named by issuer and serial number; None for any other."""
    if r.next() != ber.SEQUENCE:
        r.element(r.next())
        return None
    r.enter(ber.SEQUENCE)
    r.element(ber.INTEGER)
    if named := r.next() == ber.SEQUENCE:
        r.enter(ber.SEQUENCE)
        issuer, serial = r.element(ber.SEQUENCE), int.from_bytes(r.content(ber.INTEGER), signed=True)
        r.leave()
    else:
        r.element(r.next())
    algorithm, wrapped = r.element(ber.SEQUENCE), r.content(ber.OCTETS)
    r.leave()
    return _Recipient(issuer, serial, algorithm, wrapped) if named else None


def _content(r: ber.Reader, most: int) -> bytes:
    """Octets in one piece, or in pieces as a stream is written."""
    if r.next() == ber.OCTETS_0:
        return r.content(ber.OCTETS_0)
    pieces: list[bytes] = []
    r.enter(ber.TAG_0)
    while r.more():
        if len(pieces) == most:
            raise ber.Malformed
        pieces.append(r.content(ber.OCTETS))
    r.leave()
    return b"".join(pieces)


def _is_oaep_sha256(encoded: bytes) -> bool:
    return len(encoded) <= _ALGORITHM and _says_oaep_sha256(encoded)


@lru_cache(maxsize=64)
def _says_oaep_sha256(encoded: bytes) -> bool:
    try:
        told = asn1.KeyEncryptionAlgorithm.load(encoded, strict=True).native
    except (ValueError, TypeError, KeyError):
        return False
    sha256 = {"algorithm": "sha256", "parameters": None}
    return bool(
        told
        == {
            "algorithm": "rsaes_oaep",
            "parameters": {
                "hash_algorithm": sha256,
                "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": sha256},
                "p_source_algorithm": {"algorithm": "p_specified", "parameters": b""},
            },
        }
    )


def decrypt(enveloped: Enveloped, keys: PrivateKeys) -> bytes:
    """The content. Raises `locked()` when it cannot be had, whatever the reason.

    A key that does not open is followed by a random one, so that both take the same way.
    """
    key = keys.unwrap(enveloped.recipients, enveloped.wrapped)
    if key is None or len(key) != _KEY:
        key = os.urandom(_KEY)
    decryptor = Cipher(AES(key), CBC(enveloped.iv)).decryptor()
    unpadder = padding.PKCS7(8 * _BLOCK).unpadder()
    try:
        plain = decryptor.update(enveloped.content) + decryptor.finalize()
        return unpadder.update(plain) + unpadder.finalize()
    except ValueError:
        raise locked() from None


def encrypt(content: bytes, recipient: Certificate, *, indefinite: bool = False) -> bytes:
    """Content encrypted to a certificate: DER, or BER with indefinite lengths as a stream is written."""
    public = recipient.public_key()
    if not isinstance(public, rsa.RSAPublicKey):
        raise ValueError("the recipient's certificate does not hold an RSA key")
    key, iv = os.urandom(_KEY), os.urandom(_BLOCK)
    padder = padding.PKCS7(8 * _BLOCK).padder()
    encryptor = Cipher(AES(key), CBC(iv)).encryptor()
    secret = encryptor.update(padder.update(content) + padder.finalize()) + encryptor.finalize()
    info = _structure(key, iv, secret, public, recipient)
    return _as_stream(info, secret) if indefinite else bytes(info.dump())


def _structure(key: bytes, iv: bytes, secret: bytes, public: rsa.RSAPublicKey, recipient: Certificate) -> Any:
    certificate = asn1_x509.Certificate.load(recipient.public_bytes(Encoding.DER))
    sha256 = algos.DigestAlgorithm({"algorithm": "sha256"})
    oaep = algos.RSAESOAEPParams(
        {
            "hash_algorithm": sha256,
            "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": sha256},
            "p_source_algorithm": {"algorithm": "p_specified", "parameters": b""},
        }
    )
    to = asn1.KeyTransRecipientInfo(
        {
            "version": "v0",
            "rid": asn1.RecipientIdentifier(
                "issuer_and_serial_number",
                asn1.IssuerAndSerialNumber({"issuer": certificate.issuer, "serial_number": certificate.serial_number}),
            ),
            "key_encryption_algorithm": {"algorithm": "rsaes_oaep", "parameters": oaep},
            "encrypted_key": public.encrypt(key, OAEP),
        }
    )
    return asn1.ContentInfo(
        {
            "content_type": "enveloped_data",
            "content": {
                "version": "v0",
                "recipient_infos": [to],
                "encrypted_content_info": {
                    "content_type": "data",
                    "content_encryption_algorithm": {"algorithm": "aes256_cbc", "parameters": iv},
                    "encrypted_content": secret,
                },
            },
        }
    )


def _as_stream(info: Any, secret: bytes) -> bytes:
    """The same structure with indefinite lengths and the content in pieces."""
    data = info["content"]
    inner = data["encrypted_content_info"]
    pieces = b"".join(core.OctetString(piece).dump() for piece in _pieces(secret))
    content_info = inner["content_type"].dump() + inner["content_encryption_algorithm"].dump() + _open(0xA0, pieces)
    body = data["version"].dump() + data["recipient_infos"].dump() + _open(0x30, content_info)
    return _open(0x30, info["content_type"].dump() + _open(0xA0, _open(0x30, body)))


def _open(tag: int, content: bytes) -> bytes:
    return bytes((tag, 0x80)) + content + b"\x00\x00"


def _pieces(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), _CHUNK):
        yield data[start : start + _CHUNK]
