"""Containers made to harm: each fails at its own check, with its own code, and tells nothing it should not."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import cms as asn1
from asn1crypto import tsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding

from bvr.faults import KINDS, Fault
from bvr.intake.sealed import Limits, Opened, Opener, Signer, asice, cms
from bvr.intake.sealed.faults import Unsound
from bvr.intake.sealed.keys import PemKeys
from bvr.intake.sealed.seal import Signing
from bvr.intake.sealed.trust import Trust, sign
from bvr.testpki import Pki, new_key, pem_of
from tests.security.containers import (
    AT,
    FILES,
    MANIFEST,
    OTHER_ORGNR,
    SIGNATURE,
    XML,
    changed,
    container,
    encrypted,
    entries,
    kind,
    open_,
    patched,
    pki,
    register,
    sender,
    signed_with,
    zipped,
)

ROOT = Path(__file__).resolve().parents[2]
ASIC = "http://uri.etsi.org/2918/v1.2.1#"


def with_entry(name: str, content: bytes = b"x") -> bytes:
    """A container with one more entry, listed in the manifest when it is no part of META-INF."""
    files = FILES if name.startswith("META-INF") else {**FILES, name: content}
    made = entries(files=files)
    return encrypted(zipped(made if name in files else [*made, (name, content)]))


def test_a_sound_container_opens() -> None:
    found = open_(container())
    assert isinstance(found, Opened)
    assert found.files == FILES
    assert found.root == "sak.xml"


# --- the manifest and its files --------------------------------------------------------------------------------------

TWO = {"sak.xml": XML, "vedlegg.bin": b"1" * 2000}


def test_swapped_files() -> None:
    names = {"sak.xml": "vedlegg.bin", "vedlegg.bin": "sak.xml"}
    swapped = [(names.get(n, n), c) for n, c in entries(files=TWO)]
    assert kind(encrypted(zipped(swapped))) == "pakke-sammendrag"


def test_a_changed_file() -> None:
    assert kind(changed("sak.xml", lambda c: c.replace(b"2024", b"2025", 1))) == "pakke-sammendrag"


def test_a_changed_digest() -> None:
    """With the digest made to fit the changed file, the signature no longer fits the manifest."""
    other = asice.manifest_of({"sak.xml": XML + b"\n"}, SIGNATURE)
    made = [(n, {"sak.xml": XML + b"\n", MANIFEST: other}.get(n, c)) for n, c in entries()]
    assert kind(encrypted(zipped(made))) == "pakke-signatur"


@pytest.mark.parametrize("drop", ["sak.xml", "vedlegg.bin"])
def test_a_listed_file_that_is_not_there(drop: str) -> None:
    assert kind(encrypted(zipped([e for e in entries(files=TWO) if e[0] != drop]))) == "pakke-filliste"


def test_a_file_that_is_not_listed() -> None:
    assert kind(encrypted(zipped([*entries(), ("ekstra.xml", b"<x/>")]))) == "pakke-filliste"


def test_an_empty_manifest() -> None:
    assert kind(container(manifest=asice.manifest_of({}, SIGNATURE))) == "pakke-filliste"


def manifest(inner: str, namespace: str = ASIC) -> bytes:
    return (
        f'<?xml version="1.0"?><ASiCManifest xmlns="{namespace}" xmlns:ds="http://www.w3.org/2000/09/xmldsig#">{inner}'
        "</ASiCManifest>"
    ).encode()


SIG = f'<SigReference URI="{SIGNATURE}" MimeType="application/x-pkcs7-signature"/>'
DIGEST = asice.manifest_of(FILES, SIGNATURE).decode().split("DigestValue>")[1].split("<")[0]


def data(name: str = "sak.xml", algorithm: str = "http://www.w3.org/2001/04/xmlenc#sha256", more: str = "") -> str:
    return (
        f'<DataObjectReference URI="{name}"{more}><ds:DigestMethod Algorithm="{algorithm}"/>'
        f"<ds:DigestValue>{DIGEST}</ds:DigestValue></DataObjectReference>"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (manifest(SIG + data()), ""),
        (manifest(SIG + data(), "http://uri.etsi.org/02918/v1.2.1#"), ""),
        (manifest(SIG + data(), "http://uri.etsi.org/02918/v1.1.1#"), ""),
        (manifest(SIG + data(), "http://example.org/"), "pakke-manifest"),
        (manifest(SIG + data(algorithm="http://www.w3.org/2000/09/xmldsig#sha256")), ""),
        (manifest(SIG + data(algorithm="http://www.w3.org/2000/09/xmldsig#sha1")), "pakke-algoritme"),
        (manifest(SIG + data(algorithm="")), "pakke-algoritme"),
        (manifest(SIG + data() + data()), "pakke-manifest"),
        (manifest(SIG + SIG + data()), "pakke-manifest"),
        (manifest(data()), "pakke-manifest"),
        (manifest(SIG.replace("signature-1", "signature-2") + data()), "pakke-manifest"),
        (manifest(SIG + data("../sak.xml")), "pakke-filliste"),
        (manifest(SIG + data().replace(DIGEST, "ikke base64!")), "pakke-manifest"),
        (manifest(SIG + data().replace(DIGEST, "øæå=")), "pakke-manifest"),
        (manifest(SIG + data().replace(DIGEST, f"\n  {DIGEST[:20]}\n  {DIGEST[20:]}\n")), ""),
        (manifest(SIG + '<DataObjectReference URI="sak.xml"/>'), "pakke-manifest"),
        (manifest(SIG + data())[:-5], "pakke-manifest"),
        (b"", "pakke-manifest"),
        (b"<!DOCTYPE x [<!ENTITY a 'b'>]>" + manifest(SIG + data()).split(b"?>")[1], "pakke-manifest"),
        (
            b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>',
            "pakke-manifest",
        ),
        # In UTF-16 the declaration is not found by looking for its bytes.
        (
            ('<!DOCTYPE x [<!ENTITY a "sak.xml">]>' + manifest(SIG + data("&a;")).decode().partition("?>")[2])
            .encode("utf-16"),
            "pakke-manifest",
        ),
    ],
)  # fmt: skip
def test_manifests(text: bytes, expected: str) -> None:
    assert kind(container(manifest=text)) == expected


@pytest.mark.parametrize("name", [f"META-INF/{n}.xml" for n in ("asicmanifest2", "ASiCManifest", "asicmanifest-b")])
def test_two_manifests(name: str) -> None:
    expected = "pakke-zip" if name.casefold() == MANIFEST.casefold() else "pakke-manifest"
    assert kind(with_entry(name, asice.manifest_of(FILES, SIGNATURE))) == expected


def test_two_signatures() -> None:
    assert kind(with_entry("META-INF/signature-2.p7s", signed_with(sender()))) == "pakke-manifest"


def test_an_oasis_manifest_beside_it_is_no_harm() -> None:
    assert kind(with_entry("META-INF/manifest.xml", b"<m/>")) == ""


def test_no_manifest() -> None:
    assert kind(encrypted(zipped([e for e in entries() if e[0] != MANIFEST]))) == "pakke-manifest"


def test_unsigned() -> None:
    assert kind(encrypted(zipped([e for e in entries() if e[0] != SIGNATURE]))) == "pakke-signatur"


@pytest.mark.parametrize("content", [b"", b"x", b"application/zip", b"application/vnd.etsi.asic-s+zip"])
def test_another_mimetype(content: bytes) -> None:
    assert kind(changed("mimetype", lambda _: content)) == "pakke-mimetype"


def test_mimetype_must_come_first_and_be_stored() -> None:
    made = entries()
    assert kind(encrypted(zipped([*made[1:], made[0]]))) == "pakke-mimetype"
    assert kind(encrypted(zipped([(*made[0], {"method": zipfile.ZIP_DEFLATED}), *made[1:]]))) == "pakke-mimetype"
    assert kind(encrypted(zipped(made[1:]))) == "pakke-mimetype"


# --- the signature and its certificate -------------------------------------------------------------------------------


def late(name: str) -> Any:
    """A function of this module that stands below."""

    def make() -> bytes:
        return globals()[name]()

    return make


@pytest.mark.parametrize(
    ("signature", "expected"),
    [
        (lambda: b"", "pakke-signatur"),
        (lambda: b"\x30\x80" * 1000, "pakke-signatur"),
        (lambda: sign(b"et annet manifest", sender().key, sender().certificate, sender().chain), "pakke-signatur"),
        (lambda: signed_with(sender(), detached=False), "pakke-signatur"),
        (lambda: signed_with(sender(), attributes=False), "pakke-signatur"),
        (lambda: signed_with(sender(), hashes.SHA384()), ""),
        (lambda: signed_with(sender(), hashes.SHA512()), ""),
        (late("with_sha1"), "pakke-algoritme"),
        (late("two_signers"), "pakke-signatur"),
        (late("without_certificate"), "pakke-signatur"),
        (late("with_another_certificate"), "pakke-signatur"),
        # A chain of somebody's own making, with the very names of the pinned one.
        (lambda: signed_with(Pki.new().business("991825827")), "pakke-tillit"),
        (lambda: signed_with(self_made()), "pakke-tillit"),
        (lambda: signed_with(pki().business("991825827", end=AT - timedelta(days=1))), "pakke-tillit"),
        (lambda: signed_with(pki().business("991825827", start=AT + timedelta(days=1))), "pakke-tillit"),
        (lambda: signed_with(without_chain()), "pakke-tillit"),
        (lambda: signed_with(issued_by_a_business()), "pakke-tillit"),
        (lambda: signed_with(for_encryption_only()), "pakke-tillit"),
        (lambda: signed_with(pki().business("123456789")), "pakke-organisasjon"),
        (lambda: signed_with(pki().business("ikke et nummer")), "pakke-organisasjon"),
    ],
)
def test_signatures(signature: Any, expected: str) -> None:
    assert kind(container(signature=signature())) == expected


def _changed_signature(change: Any) -> bytes:
    info = asn1.ContentInfo.load(signed_with(sender()))
    change(info["content"])
    return bytes(info.dump(force=True))


def with_sha1() -> bytes:
    def change(signed: Any) -> None:
        signed["signer_infos"][0]["digest_algorithm"] = {"algorithm": "sha1"}
        signed["signer_infos"][0]["signature_algorithm"] = {"algorithm": "sha1_rsa"}

    return _changed_signature(change)


def two_signers() -> bytes:
    return _changed_signature(lambda signed: signed["signer_infos"].append(signed["signer_infos"][0]))


def without_certificate() -> bytes:
    def change(signed: Any) -> None:
        signed["certificates"] = []

    return _changed_signature(change)


def with_another_certificate() -> bytes:
    """The signature of one, in the name of another: names and serial number of the honest sender's certificate."""
    other = pki().business(OTHER_ORGNR)
    manifest_ = asice.manifest_of(FILES, SIGNATURE)
    info = asn1.ContentInfo.load(sign(manifest_, other.key, other.certificate, other.chain))
    honest = asn1.ContentInfo.load(signed_with(sender()))
    info["content"]["certificates"] = honest["content"]["certificates"]
    info["content"]["signer_infos"][0]["sid"] = honest["content"]["signer_infos"][0]["sid"]
    return bytes(info.dump(force=True))


def self_made() -> Any:
    from bvr.intake.sealed.seal import Signing

    key = new_key()
    name = x509.Name([x509.NameAttribute(x509.NameOID.SERIAL_NUMBER, "991825827")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1000)
        .not_valid_before(AT - timedelta(days=1))
        .not_valid_after(AT + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return Signing(key=key, certificate=certificate)


def without_chain() -> Any:
    import msgspec

    return msgspec.structs.replace(pki().business("991825827"), chain=())


def issued_by_a_business() -> Any:
    """A business certificate plays issuer."""
    import msgspec

    from bvr.intake.sealed.seal import Signing

    honest = sender()
    fake = Pki(root=pki().root, root_key=honest.key, issuer=honest.certificate, issuer_key=honest.key)
    made = fake.business("974760673")
    assert isinstance(made, Signing)
    return msgspec.structs.replace(made, chain=(honest.certificate, *honest.chain))


def for_encryption_only() -> Any:
    from bvr.intake.sealed.seal import Signing

    honest = sender()
    usage = x509.KeyUsage(False, False, True, False, False, False, False, False, False)
    builder = x509.CertificateBuilder().subject_name(honest.certificate.subject).issuer_name(pki().issuer.subject)
    certificate = (
        builder.public_key(honest.key.public_key())
        .serial_number(1001)
        .not_valid_before(AT - timedelta(days=1))
        .not_valid_after(AT + timedelta(days=1))
        .add_extension(usage, critical=True)
        .sign(pki().issuer_key, hashes.SHA256())
    )
    return Signing(key=honest.key, certificate=certificate, chain=honest.chain)


def test_a_revoked_certificate() -> None:
    who = pki().business("991825827")
    crls = [
        revocations(pki().root, pki().root_key, None),
        revocations(pki().issuer, pki().issuer_key, who.certificate.serial_number),
    ]
    body = container(signature=signed_with(who))
    trusting = Trust.of(pem_of(pki().root))
    strict = Trust.of(pem_of(pki().root), crls=crls)
    keys = PemKeys([register().key])
    assert isinstance(Opener(keys=keys, trust=trusting).open(body, AT), Opened)
    refused = Opener(keys=keys, trust=strict).open(body, AT)
    assert isinstance(refused, Fault)
    assert refused.kind == "pakke-tillit"
    assert isinstance(Opener(keys=keys, trust=strict).open(container(), AT), Opened)


def revocations(issuer: x509.Certificate, key: Any, serial: int | None) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(AT - timedelta(days=1))
        .next_update(AT + timedelta(days=30))
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), critical=False)
        .add_extension(x509.CRLNumber(1), critical=False)
    )
    if serial is not None:
        gone = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(AT - timedelta(days=2)).build()
        builder = builder.add_revoked_certificate(gone)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def test_a_good_chain_is_remembered_for_its_certificate_only_and_not_past_its_end() -> None:
    end = AT + timedelta(minutes=30)
    who = pki().business("991825827", end=end)
    body = container(signature=signed_with(who))
    opener = Opener(keys=PemKeys([register().key]), trust=Trust.of(pem_of(pki().root)))
    for minutes, opens in ((0, True), (29, True), (31, False), (10, True), (61, False)):
        assert isinstance(opener.open(body, AT + timedelta(minutes=minutes)), Opened) is opens
    forged = container(signature=with_another_certificate())
    assert isinstance(opener.open(container(), AT), Opened)  # the honest certificate is known now
    refused = opener.open(forged, AT)
    assert isinstance(refused, Fault)
    assert refused.kind == "pakke-signatur"


def with_attributes(
    digest: str = "sha256", algorithm: str = "sha256_rsa", time: bytes = b"260630120000Z", more: Any = ()
) -> bytes:
    """A signature whose attributes say what they like, and which holds."""
    manifest_ = asice.manifest_of(FILES, SIGNATURE)
    info = asn1.ContentInfo.load(signed_with(sender()))
    signer_info = info["content"]["signer_infos"][0]
    usual = b"260630120000Z"  # replaced in the bytes: asn1crypto would not write a time that is none
    attributes = asn1.CMSAttributes(
        [
            {"type": "content_type", "values": ["data"]},
            {"type": "signing_time", "values": [asn1.Time.load(bytes((0x17, len(usual))) + usual)]},
            {"type": "message_digest", "values": [hashlib.new(digest, manifest_).digest()]},
            *more,
        ]
    )
    signer_info["digest_algorithm"] = {"algorithm": digest}
    signer_info["signature_algorithm"] = {"algorithm": algorithm}
    signer_info["signed_attrs"] = attributes
    hash_ = hashes.SHA512() if "sha512" in algorithm + digest else hashes.SHA256()
    signed = attributes.dump().replace(usual, time)
    signer_info["signature"] = sender().key.sign(signed, rsa_padding.PKCS1v15(), hash_)
    return bytes(info.dump(force=True)).replace(usual, time)


def signing_certificate(of: x509.Certificate) -> dict[str, Any]:
    told = tsp.SigningCertificateV2({"certs": [{"cert_hash": of.fingerprint(hashes.SHA256())}]})
    return {"type": "signing_certificate_v2", "values": [told]}


def judged(trust: Trust, signature: bytes) -> Any:
    """The signer, or the kind of fault; and whether pyHanko was asked."""
    try:
        return trust.signer(signature, asice.manifest_of(FILES, SIGNATURE), AT)
    except Unsound as unsound:
        return unsound.fault.kind


def near(signature: bytes) -> Iterator[bytes]:
    """The signature with one byte changed: every byte of what was signed and of the value, some of the rest."""
    attributes = len(signature) - 600
    for at in (*range(0, attributes, 40), *range(attributes, len(signature), 3)):
        yield signature[:at] + bytes([signature[at] ^ 1]) + signature[at + 1 :]


def test_what_is_remembered_agrees_with_pyhanko_s_whole_validation() -> None:
    """Every signature gets the same answer from pyHanko, with nothing remembered, as when everything could be."""
    honest = signed_with(sender())
    made = [
        honest,
        signed_with(sender(), hashes.SHA384()),
        sign(b"et annet manifest", sender().key, sender().certificate, sender().chain),
        with_another_certificate(),
        without_certificate(),
        two_signers(),
        with_sha1(),
        signed_with(Pki.new().business("991825827")),
        with_attributes(),
        with_attributes(time=b"261330120000Z"),
        with_attributes(time=b"26063012000 Z"),
        with_attributes(algorithm="rsassa_pkcs1v15"),
        with_attributes(algorithm="sha512_rsa"),
        with_attributes(digest="sha512", algorithm="rsassa_pkcs1v15"),
        with_attributes(more=[signing_certificate(sender().certificate)]),
        with_attributes(more=[signing_certificate(register().certificate)]),
        with_attributes(more=[{"type": "message_digest", "values": [bytes(32)]}]),
        *near(honest),
        *near(with_attributes(more=[signing_certificate(sender().certificate)])),
    ]
    root = pem_of(pki().root)
    warm = Trust.of(root)
    cold = [judged(Trust.of(root), signature) for signature in made]
    assert sum(isinstance(found, Signer) for found in cold) >= 5
    for _ in range(2):
        assert [judged(warm, signature) for signature in made] == cold


def test_a_remembered_signer_is_not_validated_again_until_it_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[datetime] = []
    whole = Trust._check

    def counted(trust: Trust, signed: Any, manifest_: bytes, at: datetime) -> datetime:
        asked.append(at)
        return whole(trust, signed, manifest_, at)

    monkeypatch.setattr(Trust, "_check", counted)
    trust = Trust.of(pem_of(pki().root), recheck=timedelta(minutes=10))
    for n, minutes in enumerate((0, 1, 9, 11, 12, 0)):
        manifest_ = asice.manifest_of({"sak.xml": str(n).encode()}, SIGNATURE)
        signature = sign(manifest_, sender().key, sender().certificate, sender().chain)
        assert trust.signer(signature, manifest_, AT + timedelta(minutes=minutes)).orgnr == "991825827"
    assert [(at - AT) // timedelta(minutes=1) for at in asked] == [0, 11, 0]


def test_a_signature_crowded_with_issuers() -> None:
    """Among certificates that could all have issued one another, there are n! paths to look at."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(9)]
    same = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "en og samme")])

    def issued(key: Any, by: Any, ca: bool) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(same)
            .issuer_name(same)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(AT - timedelta(days=1))
            .not_valid_after(AT + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .sign(by, hashes.SHA256())
        )

    chain = [issued(key.public_key(), keys[n - 1], True) for n, key in enumerate(keys)]
    leaf = issued(sender().key.public_key(), keys[0], False)
    for length, expected in ((5, "pakke-tillit"), (6, "pakke-signatur"), (9, "pakke-signatur")):
        body = container(signature=signed_with(Signing(key=sender().key, certificate=leaf, chain=chain[:length])))
        start = time.process_time()
        assert kind(body) == expected
        assert time.process_time() - start < 2


# --- the zip ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "../sak.xml",
        "a/../../b.xml",
        "/etc/passwd",
        "a\\b.xml",
        "..\\b.xml",
        "C:b.xml",
        "a//b.xml",
        "./b.xml",
        "b.xml\n",
        "x" * 300,
        "mappe/",
        "SAK.XML",
        "sak.xml",
    ],
)
def test_names(name: str) -> None:
    extra = [*entries(), (name, b"x")]
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert kind(encrypted(zipped(extra))) == "pakke-zip"


def test_a_zip_in_the_zip() -> None:
    assert kind(container(files={"sak.xml": zipped([("sak.xml", XML)])})) == "pakke-zip"


@pytest.mark.parametrize("flags", [0x1, 0x41, 0x2001])
def test_the_encryption_flag(flags: int) -> None:
    assert kind(encrypted(patched(zipped(entries()), "sak.xml", flags=flags))) == "pakke-zip"


@pytest.mark.parametrize("method", [12, 14, 95, 99])
def test_other_compressions(method: int) -> None:
    assert kind(encrypted(patched(zipped(entries()), "sak.xml", method=method))) == "pakke-zip"


def test_the_directory_and_the_headers_must_agree() -> None:
    plain = bytearray(zipped(entries()))
    at = plain.find(b"PK\x03\x04", 10)
    plain[at + 30] ^= 1  # the name in the local header
    assert kind(encrypted(bytes(plain))) == "pakke-zip"


def test_entries_may_not_share_bytes() -> None:
    """Every file of the directory points at the same data: a small zip with a large content."""
    plain = bytearray(zipped([*entries(), ("a.bin", b"0" * 1000), ("b.bin", b"0" * 1000)]))
    first = plain.find(b"a.bin") - 30
    directory = plain.rfind(b"b.bin") - 46
    plain[directory + 42 : directory + 46] = first.to_bytes(4, "little")
    assert kind(encrypted(bytes(plain))) == "pakke-zip"


@pytest.mark.parametrize(
    "limits",
    [
        Limits(files=3),
        Limits(file=100),
        Limits(content=500),
        Limits(ratio=1),
        Limits(name=5),
        Limits(manifest=50),
        Limits(container=1000),
    ],
)
def test_every_limit_is_a_setting(limits: Limits) -> None:
    assert kind(container(), limits=limits) in ("pakke-zip", "size")


def test_a_gigabyte_of_zeros_costs_nothing() -> None:
    """Made and opened in a process of its own, whose memory is measured."""
    program = """
import resource, struct, zlib
from tests.security.containers import *

packer = zlib.compressobj(9, wbits=-15)
packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(1024)) + packer.flush()
plain, name = zipped(entries()), b"stor.bin"
end, directory = plain.rfind(b"PK\\x05\\x06"), plain.find(b"PK\\x01\\x02")
n = len(entries()) + 1
for claimed in (1 << 30, 1000):
    about = (0, 8, 0, 0, 0, len(packed), claimed, len(name), 0)
    local = struct.pack("<4sH4H3L2H", b"PK\\x03\\x04", 20, *about) + name + packed
    central = struct.pack("<4s2H4H3L5H2L", b"PK\\x01\\x02", 20, 20, *about, 0, 0, 0, 0, directory) + name
    tail = plain[directory:end] + central
    closing = struct.pack("<4s4H2LH", b"PK\\x05\\x06", 0, 0, n, n, len(tail), directory + len(local), 0)
    body = encrypted(plain[:directory] + local + tail + closing)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(kind(body), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}/functions:{ROOT}"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2
    for line in done.stdout.splitlines():
        refused, megabytes = line.split()
        assert refused == "pakke-zip"
        assert int(megabytes) < 50


# --- the envelope ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("indefinite", [False, True])
def test_truncated_at_every_kilobyte(indefinite: bool) -> None:
    files = {"sak.xml": XML, "vedlegg.bin": base64.b64encode(bytes(range(256)) * 200)}
    whole = encrypted(zipped(entries(files=files)), indefinite=indefinite)
    assert kind(whole) == ""
    for length in (*range(0, len(whole), 1024), len(whole) - 1):
        assert kind(whole[:length]) in ("pakke-cms", "pakke-noekkel"), length


def test_a_byte_more_or_less() -> None:
    whole = container()
    assert kind(whole + b"\x00") == "pakke-cms"
    assert kind(whole[1:]) == "pakke-cms"


@pytest.mark.parametrize("body", [b"0", b"\x30\x80", b"\x30\x84\xff\xff\xff\xff", b"PK\x03\x04" + b"0" * 50, b"0\x82"])
def test_no_structure(body: bytes) -> None:
    assert kind(body) == "pakke-cms"


def test_a_structure_within_itself_a_thousand_times() -> None:
    assert kind(b"\x30\x80" * 100_000 + b"\x00\x00" * 100_000) == "pakke-cms"
    inner = b"\x24\x80" * 5000 + b"\x04\x01x" + b"\x00\x00" * 5000
    whole = encrypted(b"x" * 40, indefinite=True)
    at = whole.find(b"\xa0\x80\x04")
    assert kind(whole[: at + 2] + inner + whole[at + 2 :]) in ("pakke-cms", "pakke-noekkel")


def test_an_unencrypted_container_is_refused() -> None:
    assert kind(zipped(entries())) == "pakke-cms"


def _changed_envelope(change: Any) -> bytes:
    info = asn1.ContentInfo.load(container())
    change(info["content"])
    return bytes(info.dump(force=True))


def _set_algorithm(name: str) -> Any:
    def change(data_: Any) -> None:
        info = data_["encrypted_content_info"]
        info["content_encryption_algorithm"] = {"algorithm": name, "parameters": b"0" * 16}

    return change


def _set_key_algorithm(algorithm: dict[str, Any]) -> Any:
    def change(data_: Any) -> None:
        data_["recipient_infos"][0].chosen["key_encryption_algorithm"] = algorithm

    return change


SHA256 = {"algorithm": "sha256"}


@pytest.mark.parametrize(
    "change",
    [
        _set_algorithm("aes128_cbc"),
        _set_algorithm("aes192_cbc"),
        _set_key_algorithm({"algorithm": "rsaes_pkcs1v15"}),
        _set_key_algorithm({"algorithm": "rsaes_oaep", "parameters": {"hash_algorithm": {"algorithm": "sha1"}}}),
        _set_key_algorithm(
            {
                "algorithm": "rsaes_oaep",
                "parameters": {
                    "hash_algorithm": SHA256,
                    "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": {"algorithm": "sha1"}},
                },
            }
        ),
        _set_key_algorithm(
            {
                "algorithm": "rsaes_oaep",
                "parameters": {
                    "hash_algorithm": SHA256,
                    "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": SHA256},
                    "p_source_algorithm": {"algorithm": "p_specified", "parameters": b"label"},
                },
            }
        ),
    ],
)
def test_other_algorithms(change: Any) -> None:
    assert kind(_changed_envelope(change)) == "pakke-algoritme"


def test_nothing_tells_a_wrong_key_from_wrong_padding_or_a_wrong_plaintext() -> None:
    """Whatever fails between the private key and a whole container gives the very same fault."""
    plain = zipped(entries())
    stranger = pki().business(OTHER_ORGNR).certificate

    def wrapped(secret: bytes) -> Any:
        def change(data_: Any) -> None:
            data_["recipient_infos"][0].chosen["encrypted_key"] = secret

        return change

    def content(edit: Any) -> Any:
        def change(data_: Any) -> None:
            info = data_["encrypted_content_info"]
            info["encrypted_content"] = edit(info["encrypted_content"].native)

        return change

    pkcs1 = register().certificate.public_key().encrypt(b"k" * 32, rsa_padding.PKCS1v15())  # type: ignore[union-attr, call-arg]
    short = register().certificate.public_key().encrypt(b"k" * 16, cms.OAEP)  # type: ignore[union-attr, call-arg]
    bodies = [
        encrypted(plain, stranger),  # another key
        _changed_envelope(wrapped(b"\x00" * 256)),
        _changed_envelope(wrapped(pkcs1)),
        _changed_envelope(wrapped(short)),
        _changed_envelope(content(lambda c: c[:-16])),  # padding gone
        _changed_envelope(content(lambda c: c[:-1])),  # not whole blocks
        _changed_envelope(content(lambda c: c[:-1] + bytes([c[-1] ^ 1]))),
        _changed_envelope(content(lambda c: c[16:])),  # the beginning gone
        encrypted(plain + b"\x00" * 16),  # sound padding, and something after the zip
        encrypted(b"\x00" * 16 + plain),
        encrypted(b"<Barnevern/>"),
        encrypted(b""),
    ]
    faults = [open_(body) for body in bodies]
    assert all(isinstance(fault, Fault) for fault in faults)
    assert len({repr(fault) for fault in faults}) == 1
    assert isinstance(faults[0], Fault)
    assert faults[0].kind == "pakke-noekkel"


def test_a_block_appended_by_somebody_in_between_never_tells_of_the_padding() -> None:
    """CBC can be played with from outside: 300 tries with a random block get one answer only."""
    import os

    answers = set()
    for _ in range(300):
        tail = os.urandom(16)
        answers.add(kind(_changed_envelope(_append(tail))))
    assert answers == {"pakke-noekkel"}


def _append(tail: bytes) -> Any:
    def change(data_: Any) -> None:
        info = data_["encrypted_content_info"]
        secret = info["encrypted_content"].native
        info["encrypted_content"] = secret + tail + secret[-16:]

    return change


# --- all of them -----------------------------------------------------------------------------------------------------


def test_the_checks_come_in_their_order() -> None:
    """A container with everything wrong fails at the first check; mend that, and it fails at the next."""
    bad_signature = signed_with(self_made())
    listed = asice.manifest_of({"sak.xml": b"noe annet"}, SIGNATURE)
    parts = dict(entries(manifest=listed, signature=bad_signature))
    whole = Limits()
    steps: list[tuple[str, bytes, Limits]] = [
        ("size", container(), Limits(container=10)),
        ("pakke-cms", b"\x30\x00", whole),
        ("pakke-algoritme", _changed_envelope(_set_algorithm("aes128_cbc")), whole),
        ("pakke-noekkel", encrypted(b"ikke en zip"), whole),
        ("pakke-zip", encrypted(zipped([*list(parts.items())[1:], ("..", b"")])), whole),
        ("pakke-mimetype", encrypted(zipped(list(parts.items())[1:])), whole),
        ("pakke-manifest", encrypted(zipped([(n, b"" if n == MANIFEST else c) for n, c in parts.items()])), whole),
        ("pakke-filliste", encrypted(zipped([*parts.items(), ("ekstra", b"")])), whole),
        ("pakke-sammendrag", encrypted(zipped(list(parts.items()))), whole),
        ("pakke-signatur", container(signature=b"x"), whole),
        ("pakke-tillit", container(signature=bad_signature), whole),
        ("pakke-innhold", container(files={"a": b"1", "b": b"2"}, manifest=manifest(SIG + two_unmarked())), whole),
    ]
    for expected, body, limits in steps:
        assert kind(body, limits=limits) == expected
        assert expected in KINDS


def two_unmarked() -> str:
    import hashlib

    def one(name: str, content: bytes) -> str:
        return data(name).replace(DIGEST, base64.b64encode(hashlib.sha256(content).digest()).decode())

    return one("a", b"1") + one("b", b"2")


def test_no_fault_repeats_anything_of_the_container() -> None:
    secret = "HEMMELIG"
    files = {f"{secret}.xml": XML}
    bodies = [
        container(files=files, manifest=asice.manifest_of({f"{secret}.xml": b""}, SIGNATURE)),
        encrypted(zipped([*entries(), (f"../{secret}", b"")])),
        container(manifest=manifest(SIG + data(secret))),
    ]
    for body in bodies:
        fault = open_(body)
        assert isinstance(fault, Fault)
        assert secret not in repr(fault)


def test_the_time_of_receipt_decides() -> None:
    who = pki().business("991825827", end=datetime(2026, 1, 1, tzinfo=UTC))
    body = container(signature=signed_with(who))
    assert kind(body, at=datetime(2025, 12, 31, tzinfo=UTC)) == ""
    assert kind(body, at=datetime(2026, 1, 2, tzinfo=UTC)) == "pakke-tillit"
