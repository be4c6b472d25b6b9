"""The ASiC-E container (ETSI EN 319 162): a zip with a manifest of digests and a detached signature over the manifest.

A zip says everything twice, and readers differ in which they believe. Here both must agree, entries must lie one after
the other from the first byte to the last, and what is unpacked is counted while it is unpacked.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import re
import struct
import zipfile
import zlib
from typing import Any

import msgspec
from lxml import etree
from lxml.builder import ElementMaker

from bvr.intake.sealed import MIMETYPE, Limits
from bvr.intake.sealed.faults import Unsound, locked

_ASIC = "http://uri.etsi.org/2918/v1.2.1#"
_NAMESPACES = (_ASIC, "http://uri.etsi.org/02918/v1.2.1#", "http://uri.etsi.org/02918/v1.1.1#")
_DS = "http://www.w3.org/2000/09/xmldsig#"
_DIGESTS = {
    "http://www.w3.org/2001/04/xmlenc#sha256": "sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384": "sha384",
    "http://www.w3.org/2001/04/xmlenc#sha384": "sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512": "sha512",
    "http://www.w3.org/2000/09/xmldsig#sha256": "sha256",
    "http://www.w3.org/2000/09/xmldsig#sha384": "sha384",
    "http://www.w3.org/2000/09/xmldsig#sha512": "sha512",
}
_MANIFEST = re.compile(r"meta-inf/asicmanifest[^/]*\.xml", re.IGNORECASE)
_META = re.compile(r"meta-inf/", re.IGNORECASE)
_SIGNATURE_TYPE = "application/x-pkcs7-signature"
_END = struct.Struct("<4s4H2LH")
_LOCAL = struct.Struct("<4s5H3L2H")
_MIMES = {"json": "application/json", "xml": "application/xml"}
_ENCRYPTED, _STRONG, _MASKED = 0x1, 0x40, 0x2000
_FIXED = (1980, 1, 1, 0, 0, 0)  # the time of every entry: the same files, the same zip
_CHUNK = 64 * 1024
# Names that the protocols give the file that a message is about (reference sections 0, 2.2 and 3.1).
_ROOTS = ("payload.json", "sak.xml", "sak.json", "kostra.xml", "hendelse.json", "kvittering.json", "feilmelding.json")


class Container(msgspec.Struct, frozen=True, kw_only=True):
    """A sound container, its signature not yet checked."""

    files: dict[str, bytes]
    root: str
    manifest: bytes
    signature: bytes


def read(data: bytes, limits: Limits) -> Container:
    """The container. Raises Unsound at the first check that fails: zip, mimetype, manifest, list of files, digests."""
    if not _is_whole(data):
        raise locked()
    unpacked = _unpack(data, limits)
    if next(iter(unpacked)) != "mimetype" or unpacked["mimetype"].strip() != MIMETYPE.encode():
        raise Unsound(
            "pakke-mimetype",
            f"Første fil i pakken skal være mimetype, ukomprimert, med innholdet {MIMETYPE}.",
            f"The first file of the container must be mimetype, not compressed, holding {MIMETYPE}.",
        )
    manifest, signature, listed, root = _manifest(unpacked)
    files = {name: content for name, content in unpacked.items() if name != "mimetype" and not _META.match(name)}
    if set(files) != set(listed) or not files:
        raise Unsound(
            "pakke-filliste",
            "Filene i pakken er ikke de som manifestet lister.",
            "The files of the container are not those that the manifest lists.",
        )
    for name, (algorithm, digest) in listed.items():
        if hashlib.new(algorithm, files[name]).digest() != digest:
            raise Unsound(
                "pakke-sammendrag",
                "En fil i pakken har et annet innhold enn manifestet sier.",
                "A file of the container has other content than the manifest says.",
            )
    return Container(files=files, root=_root(files, root), manifest=manifest, signature=signature)


# --- the zip ---------------------------------------------------------------------------------------------------------


def _is_whole(data: bytes) -> bool:
    """Whether it is a zip from the first byte to the last: nothing before, nothing after, no comment.

    Wrong keys and broken padding end here too, and so does a message with something appended, which would otherwise
    tell whoever appended it whether the padding came out right.
    """
    if len(data) < _END.size or not data.startswith(b"PK\x03\x04"):
        return False
    magic, disk, start_disk, here, total, size, offset, comment = _END.unpack(data[-_END.size :])
    return bool(
        magic == b"PK\x05\x06"
        and (disk, start_disk, comment) == (0, 0, 0)
        and here == total
        and offset + size == len(data) - _END.size
    )


def _unpack(data: bytes, limits: Limits) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            _check_entries(entries, data, limits)
            unpacked: dict[str, bytes] = {}
            left = limits.content
            for entry in entries:
                most = min(limits.manifest if _META.match(entry.filename) else limits.file, left)
                unpacked[entry.filename] = content = _unpack_one(archive, entry, most, limits)
                left -= len(content)
            return unpacked
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        OSError,
    ) as error:
        raise _zip("kan ikke pakkes ut", "cannot be unpacked") from error
    except (UnicodeDecodeError, ValueError, OverflowError) as error:
        raise _zip("har en ugyldig katalog", "has an invalid directory") from error


def _check_entries(entries: list[zipfile.ZipInfo], data: bytes, limits: Limits) -> None:
    if not entries or len(entries) > limits.files:
        raise _zip(f"har {len(entries)} filer; grensen er {limits.files}", f"has {len(entries)} files")
    names = [entry.orig_filename for entry in entries]
    if any(not _sound_name(name, limits) for name in names):
        raise _zip("har en fil med et navn som ikke er tillatt", "has a file whose name is not allowed")
    if len({name.casefold() for name in names}) != len(names):
        raise _zip("har to filer med samme navn", "has two files of the same name")
    if any(entry.flag_bits & (_ENCRYPTED | _STRONG | _MASKED) for entry in entries):
        raise _zip("har en kryptert fil", "has an encrypted file")
    if any(entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for entry in entries):
        raise _zip("har en fil med en komprimering som ikke tas imot", "has a file with an unsupported compression")
    if entries[0].filename == "mimetype" and entries[0].compress_type != zipfile.ZIP_STORED:
        raise Unsound("pakke-mimetype", "Filen mimetype er komprimert.", "The file mimetype is compressed.")
    if any(entry.file_size > limits.ratio * max(entry.compress_size, 64) for entry in entries):
        raise _zip("har en fil som er for sterkt komprimert", "has a file that is compressed too much")
    # Each entry ends before the next begins, and the first begins at the first byte: no bytes are read twice.
    end = 0
    for entry in sorted(entries, key=lambda e: e.header_offset):
        header = data[entry.header_offset : entry.header_offset + _LOCAL.size]
        magic, _, flags, method, _, _, _, _, _, name, extra = _LOCAL.unpack(header)
        at = entry.header_offset + _LOCAL.size
        if (
            magic != b"PK\x03\x04"
            or entry.header_offset < end
            or (end == 0 and entry.header_offset != 0)
            or flags & (_ENCRYPTED | _STRONG | _MASKED)
            or method != entry.compress_type
        ):
            raise _zip("har filer som overlapper eller motsier katalogen", "has files that overlap or contradict it")
        end = at + name + extra + entry.compress_size


def _sound_name(name: str, limits: Limits) -> bool:
    return (
        0 < len(name) <= limits.name
        and name.isprintable()
        and "\\" not in name
        and ":" not in name
        and not name.startswith("/")
        and all(part not in ("", ".", "..") for part in name.split("/"))
    )


def _unpack_one(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int, limits: Limits) -> bytes:
    """One file, counted as it is unpacked: what its header promises is not believed."""
    out = bytearray()
    with archive.open(entry) as stream:
        while chunk := stream.read(_CHUNK):
            out += chunk
            if len(out) > most or len(out) > limits.ratio * max(entry.compress_size, 64):
                raise Unsound(
                    "size",
                    f"Innholdet i pakken er for stort utpakket; grensen er {most} byte.",
                    f"The content of the container is too large when unpacked; the limit is {most} bytes.",
                )
    if out.startswith(b"PK\x03\x04"):
        raise _zip("har en zip-fil inni seg", "has a zip file inside")
    return bytes(out)


def _zip(nb: str, en: str) -> Unsound:
    return Unsound("pakke-zip", f"Zip-filen i pakken {nb}.", f"The zip of the container {en}.")


# --- the manifest ----------------------------------------------------------------------------------------------------


def _manifest(files: dict[str, bytes]) -> tuple[bytes, bytes, dict[str, tuple[str, bytes]], str | None]:
    """(the manifest, the signature, name -> (algorithm, digest), the file marked as root)."""
    found = [name for name in files if _MANIFEST.fullmatch(name)]
    if len(found) != 1:
        raise _bad_manifest(f"Pakken har {len(found)} manifester; den skal ha ett.", "The container must have 1.")
    manifest = files[found[0]]
    if b"<!DOCTYPE" in manifest or b"<!ENTITY" in manifest:
        raise _bad_manifest("Manifestet har en DOCTYPE.", "The manifest has a DOCTYPE.")
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)
    try:
        tree = etree.fromstring(manifest, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise _bad_manifest("Manifestet er ikke velformet XML.", "The manifest is not well-formed XML.") from None
    namespace = next((ns for ns in _NAMESPACES if tree.tag == f"{{{ns}}}ASiCManifest"), None)
    if namespace is None:
        raise _bad_manifest("Manifestet er ikke et ASiCManifest.", "The manifest is not an ASiCManifest.")
    references = tree.findall(f"{{{namespace}}}SigReference")
    signatures = [name for name in files if _META.match(name) and name.lower().endswith((".p7s", ".p7m", ".xml"))]
    if len(references) != 1:
        raise _bad_manifest("Manifestet skal vise til én signatur.", "The manifest must refer to one signature.")
    signature = files.get(references[0].get("URI", ""))
    if signature is None:
        raise Unsound("pakke-signatur", "Pakken er ikke signert.", "The container is not signed.")
    unexpected = set(signatures) - {found[0], references[0].get("URI", ""), "META-INF/manifest.xml"}
    if unexpected:
        raise _bad_manifest(
            "Pakken har mer enn én signatur eller ett manifest.", "The container has more than one signature."
        )
    listed: dict[str, tuple[str, bytes]] = {}
    root = None
    for reference in tree.findall(f"{{{namespace}}}DataObjectReference"):
        name, entry = _reference(reference)
        if name in listed:
            raise _bad_manifest("Manifestet lister en fil to ganger.", "The manifest lists a file twice.")
        listed[name] = entry
        if reference.get("Rootfile") in ("true", "1"):
            if root is not None:
                raise _bad_manifest("Manifestet har to rotfiler.", "The manifest has two root files.")
            root = name
    return manifest, signature, listed, root


def _reference(reference: Any) -> tuple[str, tuple[str, bytes]]:
    method, value = reference.find(f"{{{_DS}}}DigestMethod"), reference.find(f"{{{_DS}}}DigestValue")
    name = reference.get("URI", "")
    if method is None or value is None or not name:
        raise _bad_manifest("En fil i manifestet mangler navn eller sammendrag.", "A listed file lacks name or digest.")
    algorithm = _DIGESTS.get(method.get("Algorithm", ""))
    if algorithm is None:
        raise Unsound(
            "pakke-algoritme",
            "Manifestet bruker et sammendrag som ikke tas imot. Bruk SHA-256, SHA-384 eller SHA-512.",
            "The manifest uses a digest that is not accepted. Use SHA-256, SHA-384 or SHA-512.",
        )
    try:
        return name, (algorithm, base64.b64decode((value.text or "").strip(), validate=True))
    except binascii.Error:
        raise _bad_manifest("Et sammendrag er ikke base64.", "A digest is not base64.") from None


def _bad_manifest(nb: str, en: str) -> Unsound:
    return Unsound("pakke-manifest", nb, en)


def _root(files: dict[str, bytes], marked: str | None) -> str:
    """The file that the message is about: by its name, else the one marked as root, else the only one."""
    for name in _ROOTS:
        if name in files:
            return name
    if marked in files:
        return marked
    if len(files) == 1:
        return next(iter(files))
    raise Unsound(
        "pakke-innhold",
        "Pakken sier ikke hvilken fil meldingen gjelder. Kall den payload.json eller sak.xml.",
        "The container does not say which file the message is about. Name it payload.json or sak.xml.",
    )


# --- making one ------------------------------------------------------------------------------------------------------


def manifest_of(files: dict[str, bytes], signature_name: str) -> bytes:
    """The manifest of some files, the first of them marked as root, as Fiks clients do."""
    e = ElementMaker(namespace=_ASIC, nsmap={None: _ASIC, "ds": _DS})
    ds = ElementMaker(namespace=_DS)
    tree = e.ASiCManifest(e.SigReference(URI=signature_name, MimeType=_SIGNATURE_TYPE))
    for number, (name, content) in enumerate(files.items()):
        tree.append(
            e.DataObjectReference(
                ds.DigestMethod(Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"),
                ds.DigestValue(base64.b64encode(hashlib.sha256(content).digest()).decode()),
                URI=name,
                MimeType=_mime(name),
                **({"Rootfile": "true"} if number == 0 else {}),
            )
        )
    return bytes(etree.tostring(tree, xml_declaration=True, encoding="UTF-8"))


def _mime(name: str) -> str:
    return {"json": "application/json", "xml": "application/xml"}.get(
        name.rpartition(".")[2], "application/octet-stream"
    )


def pack(files: dict[str, bytes], manifest: bytes, signature: bytes, signature_name: str) -> bytes:
    """The zip: `mimetype` first and stored, then the files, then the manifest and its signature."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("mimetype", _FIXED), MIMETYPE, zipfile.ZIP_STORED)
        every = {**files, "META-INF/asicmanifest.xml": manifest, signature_name: signature}
        for name, content in every.items():
            archive.writestr(zipfile.ZipInfo(name, _FIXED), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()
