"""The ASiC-E container (ETSI EN 319 162): a zip with a manifest of digests and a detached signature over the manifest.

A zip says everything twice, and readers differ in which they believe. Here both must agree, entries must lie one after
the other from the first byte to the last, and no file is unpacked beyond what its header promised and we allow. The
standard library's reader believes the directory alone, and reads it whole before anybody can say that it is too long.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
import struct
import zipfile
import zlib
from typing import Any
from unicodedata import normalize

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
_SIGNATURES = (".p7s", ".p7m")
_SIGNATURE_TYPE = "application/x-pkcs7-signature"
_END = struct.Struct("<4s4H2LH")
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL_MAGIC, _END_MAGIC = b"PK\x03\x04", b"PK\x05\x06"
_STORED, _DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
_MIMES = {"json": "application/json", "xml": "application/xml"}
_ENCRYPTED, _DESCRIPTOR, _STRONG, _UTF8, _MASKED = 0x1, 0x8, 0x40, 0x800, 0x2000
_FIXED = (1980, 1, 1, 0, 0, 0)  # the time of every entry: the same files, the same zip
# Names that the protocols give the file that a message is about (reference sections 0, 2.2 and 3.1).
_ROOTS = ("payload.json", "sak.xml", "sak.json", "kostra.xml", "hendelse.json", "kvittering.json", "feilmelding.json")


class Container(msgspec.Struct, frozen=True, kw_only=True):
    """A sound container, its signature not yet checked; `signature` is None for one that bears none."""

    files: dict[str, bytes]
    marked: str | None  # as root, by the manifest
    manifest: bytes
    signature: bytes | None


def read(data: bytes, limits: Limits) -> Container:
    """The container. Raises Unsound at the first check that fails: zip, mimetype, manifest, list of files, digests."""
    if not _is_whole(data):
        raise locked()
    first, unpacked = _unpack(data, limits)
    if (first.name, first.method) != ("mimetype", _STORED) or unpacked["mimetype"].strip() != MIMETYPE.encode():
        raise Unsound(
            "pakke-mimetype",
            f"Første fil i pakken skal være mimetype, ukomprimert, med innholdet {MIMETYPE}.",
            f"The first file of the container must be mimetype, not compressed, holding {MIMETYPE}.",
        )
    manifest, signature, listed, marked = _manifest(unpacked)
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
    return Container(files=files, marked=marked, manifest=manifest, signature=signature)


# --- the zip ---------------------------------------------------------------------------------------------------------


def _is_whole(data: bytes) -> bool:
    """Whether it is a zip from the first byte to the last: nothing before, nothing after, no comment.

    Wrong keys and broken padding end here too, and so does a message with something appended, which would otherwise
    tell whoever appended it whether the padding came out right.
    """
    if len(data) < _END.size or not data.startswith(_LOCAL_MAGIC):
        return False
    magic, disk, start_disk, here, total, size, offset, comment = _END.unpack_from(data, len(data) - _END.size)
    return bool(
        magic == _END_MAGIC
        and (disk, start_disk, comment) == (0, 0, 0)
        and here == total
        and offset + size == len(data) - _END.size
    )


class _Entry(msgspec.Struct, frozen=True):
    """A file as the directory tells of it."""

    name: str
    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int


def _unpack(data: bytes, limits: Limits) -> tuple[_Entry, dict[str, bytes]]:
    """(the first file, name -> content). Nothing is unpacked before all that the directory says has been judged, and no
    file beyond the size that was judged."""
    entries, end = _directory(data, limits)
    _check_entries(entries, limits)
    unpacked = {}
    at = 0
    for entry, follows in zip(entries, [*(e.offset for e in entries[1:]), end], strict=True):
        if entry.offset != at:
            raise _zip("har noe mellom filene", "has something between its files")
        start = _content_of(data, entry)
        at = start + entry.packed + _descriptor(data[start + entry.packed : follows], entry)
        if at != follows:
            raise _zip("har noe mellom filene", "has something between its files")
        unpacked[entry.name] = _inflate(data[start : start + entry.packed], entry)
    return entries[0], unpacked


def _directory(data: bytes, limits: Limits) -> tuple[list[_Entry], int]:
    """(the entries, where the directory starts)."""
    end = len(data) - _END.size
    _, _, _, _, total, size, start, _ = _END.unpack_from(data, end)
    if not 0 < total <= limits.files:
        raise _zip(f"har {total} filer; grensen er {limits.files}", f"has {total} files; the limit is {limits.files}")
    entries = []
    at = start
    for _ in range(total):
        if at + _CENTRAL.size > end:
            raise _zip("har en ugyldig katalog", "has an invalid directory")
        header = _CENTRAL.unpack_from(data, at)
        magic, _, _, flags, method, _, _, crc, packed, size, name, extra, comment, disk, _, _, offset = header
        raw_name = data[at + _CENTRAL.size : at + _CENTRAL.size + name]
        at += _CENTRAL.size + name + extra + comment
        if magic != b"PK\x01\x02" or disk != 0 or at > end:
            raise _zip("har en ugyldig katalog", "has an invalid directory")
        try:
            text = raw_name.decode("utf-8" if flags & _UTF8 else "cp437")
        except UnicodeDecodeError:
            raise _zip("har en fil med et navn som ikke er tillatt", "has a file whose name is not allowed") from None
        entries.append(_Entry(text, raw_name, flags, method, crc, packed, size, offset))
    if at != end:
        raise _zip("har en ugyldig katalog", "has an invalid directory")
    return entries, start


def _check_entries(entries: list[_Entry], limits: Limits) -> None:
    if any(not _sound_name(entry.name, limits) for entry in entries):
        raise _zip("har en fil med et navn som ikke er tillatt", "has a file whose name is not allowed")
    if len({normalize("NFC", entry.name).casefold() for entry in entries}) != len(entries):
        raise _zip("har to filer med samme navn", "has two files of the same name")
    if any(entry.flags & (_ENCRYPTED | _STRONG | _MASKED) for entry in entries):
        raise _zip("har en kryptert fil", "has an encrypted file")
    if any(entry.method not in (_STORED, _DEFLATED) for entry in entries):
        raise _zip("har en fil med en komprimering som ikke tas imot", "has a file with an unsupported compression")
    if any(entry.size > limits.ratio * max(entry.packed, 64) for entry in entries):
        raise _zip("har en fil som er for sterkt komprimert", "has a file that is compressed too much")
    left = limits.content
    for entry in entries:
        most = min(left, limits.file if not _META.match(entry.name) else _meta_limit(entry.name, limits))
        if entry.size > most:
            raise Unsound(
                "size",
                f"Innholdet i pakken er for stort utpakket; grensen er {most} byte.",
                f"The content of the container is too large when unpacked; the limit is {most} bytes.",
            )
        left -= entry.size


def _meta_limit(name: str, limits: Limits) -> int:
    return limits.signature if name.lower().endswith(_SIGNATURES) else limits.manifest


def _sound_name(name: str, limits: Limits) -> bool:
    return (
        0 < len(name) <= limits.name
        and name.isprintable()
        and "\\" not in name
        and ":" not in name
        and all(part not in ("", ".", "..") for part in name.split("/"))
    )


def _content_of(data: bytes, entry: _Entry) -> int:
    """Where the content of a file starts, after a header that says the same as the directory."""
    if entry.offset + _LOCAL.size > len(data):
        raise _contradiction()
    magic, _, flags, method, _, _, crc, packed, size, name, extra = _LOCAL.unpack_from(data, entry.offset)
    at = entry.offset + _LOCAL.size
    told = (crc, packed, size)
    later = entry.flags & _DESCRIPTOR and told == (0, 0, 0)
    if (
        (magic, flags, method) != (_LOCAL_MAGIC, entry.flags, entry.method)
        or not (later or told == (entry.crc, entry.packed, entry.size))
        or data[at : at + name] != entry.raw_name
    ):
        raise _contradiction()
    return at + int(name) + int(extra)


def _descriptor(between: bytes, entry: _Entry) -> int:
    """The length of what a stream writes after a file whose size it did not know before; 0 for other files."""
    if not entry.flags & _DESCRIPTOR:
        return 0
    told = struct.pack("<3L", entry.crc, entry.packed, entry.size)
    if between not in (told, b"PK\x07\x08" + told):
        raise _contradiction()
    return len(between)


def _inflate(packed: bytes, entry: _Entry) -> bytes:
    """One file, never beyond the size that its header promised."""
    content = packed
    if entry.method == _DEFLATED:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            content = inflater.decompress(packed, entry.size + 1)
        except zlib.error:
            raise _zip("kan ikke pakkes ut", "cannot be unpacked") from None
        if not inflater.eof or inflater.unused_data:
            raise _contradiction()
    if len(content) != entry.size or zlib.crc32(content) != entry.crc:
        raise _contradiction()
    if content.startswith(_LOCAL_MAGIC) or content[-_END.size : 4 - _END.size] == _END_MAGIC:
        raise _zip("har en zip-fil inni seg", "has a zip file inside")
    return content


def _contradiction() -> Unsound:
    return _zip("har filer som motsier katalogen", "has files that contradict its directory")


def _zip(nb: str, en: str) -> Unsound:
    return Unsound("pakke-zip", f"Zip-filen i pakken {nb}.", f"The zip of the container {en}.")


# --- the manifest ----------------------------------------------------------------------------------------------------


def _manifest(files: dict[str, bytes]) -> tuple[bytes, bytes | None, dict[str, tuple[str, bytes]], str | None]:
    """(the manifest, the signature, name -> (algorithm, digest), the file marked as root)."""
    found = [name for name in files if _MANIFEST.fullmatch(name)]
    if len(found) != 1:
        raise _bad_manifest(f"Pakken har {len(found)} manifester; den skal ha ett.", "The container must have 1.")
    manifest = files[found[0]]
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)
    try:
        tree = etree.fromstring(manifest, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise _bad_manifest("Manifestet er ikke velformet XML.", "The manifest is not well-formed XML.") from None
    document: Any = tree.getroottree()
    if document.docinfo.doctype:
        raise _bad_manifest("Manifestet har en DOCTYPE.", "The manifest has a DOCTYPE.")
    namespace = next((ns for ns in _NAMESPACES if tree.tag == f"{{{ns}}}ASiCManifest"), None)
    if namespace is None:
        raise _bad_manifest("Manifestet er ikke et ASiCManifest.", "The manifest is not an ASiCManifest.")
    references = tree.findall(f"{{{namespace}}}SigReference")
    signatures = [name for name in files if _META.match(name) and name.lower().endswith((*_SIGNATURES, ".xml"))]
    if len(references) != 1:
        raise _bad_manifest("Manifestet skal vise til én signatur.", "The manifest must refer to one signature.")
    unexpected = set(signatures) - {found[0], references[0].get("URI", ""), "META-INF/manifest.xml"}
    if unexpected:
        raise _bad_manifest(
            "Pakken har en signatur eller et manifest som manifestet ikke viser til.",
            "The container has a signature or a manifest that its manifest does not refer to.",
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
    return manifest, files.get(references[0].get("URI", "")), listed, root


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
        return name, (algorithm, base64.b64decode("".join((value.text or "").split()), validate=True))
    except ValueError:
        raise _bad_manifest("Et sammendrag er ikke base64.", "A digest is not base64.") from None


def _bad_manifest(nb: str, en: str) -> Unsound:
    return Unsound("pakke-manifest", nb, en)


def root(container: Container) -> str:
    """The file that the message is about: by its name, else the one marked as root, else the only one."""
    files = container.files
    for name in (*_ROOTS, container.marked):
        if name in files:
            return str(name)
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
    return _MIMES.get(name.rpartition(".")[2], "application/octet-stream")


def pack(files: dict[str, bytes], manifest: bytes, signature: bytes, signature_name: str) -> bytes:
    """The zip: `mimetype` first and stored, then the files, then the manifest and its signature."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("mimetype", _FIXED), MIMETYPE, zipfile.ZIP_STORED)
        every = {**files, "META-INF/asicmanifest.xml": manifest, signature_name: signature}
        for name, content in every.items():
            archive.writestr(zipfile.ZipInfo(name, _FIXED), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()
