"""Containers, sound and broken: every part can be replaced before the next is put around it."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from bvr.faults import Fault
from bvr.intake.sealed import MIMETYPE, Limits, Opened, Opener, asice, cms
from bvr.intake.sealed.keys import PemKeys
from bvr.intake.sealed.seal import Signing
from bvr.intake.sealed.trust import Trust, sign
from bvr.model.xml import encode
from bvr.rules.examples import document, melding, personalia, sak
from bvr.testpki import Pki, pem_of

AT = datetime(2026, 6, 30, 12, tzinfo=UTC)
ORGNR, OTHER_ORGNR = "991825827", "974760673"
XML = encode(document(sak(personalia(), melding(slutt="2024-02-05"))))
FILES = {"sak.xml": XML}
NORMAL = Limits()
SIGNATURE = "META-INF/signature-1.p7s"
MANIFEST = "META-INF/asicmanifest.xml"


@cache
def pki() -> Pki:
    return Pki.new()


@cache
def register() -> Signing:
    return pki().business("889640782", "Registeret")


@cache
def sender() -> Signing:
    return pki().business(ORGNR)


@cache
def opener(limits: Limits = NORMAL) -> Opener:
    return Opener(keys=PemKeys([register().key]), trust=Trust.of(pem_of(pki().root)), limits=limits)


def open_(body: bytes, at: datetime = AT, limits: Limits = NORMAL) -> Opened | Fault:
    return opener(limits).open(body, at)


def kind(body: bytes, at: datetime = AT, limits: Limits = NORMAL) -> str:
    """The kind of fault of a container; "" when it opens."""
    found = open_(body, at, limits)
    return found.kind if isinstance(found, Fault) else ""


Entry = tuple[str, bytes, dict[str, Any]]


def zipped(entries: list[tuple[str, bytes]] | list[Entry]) -> bytes:
    """A zip of entries in their order; an entry may say its `method` and what to change in its ZipInfo."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content, *more in entries:
            options = dict(more[0]) if more else {}
            info = zipfile.ZipInfo("x")
            info.filename = name  # the constructor would make it harmless
            method = options.pop("method", zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED)
            archive.writestr(info, content, method)
    return out.getvalue()


def entries(
    files: dict[str, bytes] = FILES, manifest: bytes | None = None, signature: bytes | None = None
) -> list[tuple[str, bytes]]:
    """The parts of a container. What is not given is made right for the rest."""
    listed = asice.manifest_of(files, SIGNATURE) if manifest is None else manifest
    signed = sign(listed, sender().key, sender().certificate, sender().chain) if signature is None else signature
    return [("mimetype", MIMETYPE.encode()), *files.items(), (MANIFEST, listed), (SIGNATURE, signed)]


def encrypted(plain: bytes, recipient: x509.Certificate | None = None, *, indefinite: bool = False) -> bytes:
    return cms.encrypt(plain, recipient or register().certificate, indefinite=indefinite)


def container(**parts: Any) -> bytes:
    return encrypted(zipped(entries(**parts)))


def changed(name: str, change: Callable[[bytes], bytes]) -> bytes:
    """A container with one entry changed after everything was made."""
    return encrypted(zipped([(n, change(c) if n == name else c) for n, c in entries()]))


def signed_with(who: Signing, digest: Any = None, *, attributes: bool = True, detached: bool = True) -> bytes:
    """A signature over the manifest of FILES, made in some other way."""
    manifest = asice.manifest_of(FILES, SIGNATURE)
    builder = pkcs7.PKCS7SignatureBuilder().set_data(manifest)
    builder = builder.add_signer(who.certificate, who.key, digest or hashes.SHA256())
    for above in who.chain:
        builder = builder.add_certificate(above)
    options = [pkcs7.PKCS7Options.Binary]
    options += [pkcs7.PKCS7Options.DetachedSignature] if detached else []
    options += [] if attributes else [pkcs7.PKCS7Options.NoAttributes]
    return builder.sign(Encoding.DER, options)


def patched(plain: bytes, name: str, *, flags: int | None = None, method: int | None = None) -> bytes:
    """A zip with the flags or the method of one entry changed, in its local header and in the directory."""
    out = bytearray(plain)
    for magic, name_at, flag_at in ((b"PK\x03\x04", 30, 6), (b"PK\x01\x02", 46, 8)):
        at = -1
        while (at := out.find(magic, at + 1)) >= 0:
            length = struct.unpack_from("<H", out, at + (26 if magic[2] == 3 else 28))[0]
            if out[at + name_at : at + name_at + length] == name.encode():
                if flags is not None:
                    struct.pack_into("<H", out, at + flag_at, flags)
                if method is not None:
                    struct.pack_into("<H", out, at + flag_at + 2, method)
    return bytes(out)
