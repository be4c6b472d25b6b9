"""Sealed messages there and back: any files, both ways of writing lengths, several keys, and keys in Cloud KMS."""

from __future__ import annotations

import shutil
import subprocess
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from click.testing import CliRunner
from google.auth.credentials import AnonymousCredentials
from google.cloud import kms_v1
from google.cloud.kms_v1.services.key_management_service.transports import KeyManagementServiceGrpcTransport
from hypothesis import given, settings
from hypothesis import strategies as st

from bvr.cli import main
from bvr.errors import Retry
from bvr.gcp import KmsKeys, _crc32c
from bvr.intake.sealed import Opened, Opener, cms
from bvr.intake.sealed.keys import PemKeys
from bvr.intake.sealed.seal import AnswerSealer, seal
from bvr.intake.sealed.trust import Trust
from bvr.testpki import pem_of, pem_of_key
from tests.security.containers import AT, FILES, ORGNR, open_, opener, pki, register, sender

NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,20}\.(xml|json|bin)", fullmatch=True)
CONTENT = st.binary(max_size=3000).filter(lambda b: b"PK" not in b)  # a zip in a zip is refused
OPENSSL = shutil.which("openssl")


@given(
    files=st.dictionaries(NAMES, CONTENT, min_size=1, max_size=4),
    indefinite=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_any_files_come_back(files: dict[str, bytes], indefinite: bool) -> None:
    body = seal(files, sender(), register().certificate, indefinite=indefinite)
    found = open_(body)
    assert isinstance(found, Opened), found
    assert found.files == files
    assert found.root in files
    assert found.signer.orgnr == ORGNR


def test_the_first_file_is_the_message_unless_a_name_says_otherwise() -> None:
    for files, root in (
        ({"a.xml": b"1", "b.xml": b"2"}, "a.xml"),
        ({"a.xml": b"1", "payload.json": b"{}"}, "payload.json"),
    ):
        found = open_(seal(files, sender(), register().certificate))
        assert isinstance(found, Opened)
        assert found.root == root


def test_both_keys_open_during_a_rollover() -> None:
    new = pki().business(ORGNR, "Registeret")
    both = Opener(keys=PemKeys([new.key, register().key]), trust=opener().trust)
    for certificate in (register().certificate, new.certificate):
        assert isinstance(both.open(seal(FILES, sender(), certificate), AT), Opened)


def test_newer_certificates_carry_the_number_elsewhere() -> None:
    found = open_(seal(FILES, pki().business(ORGNR, seid2=True), register().certificate))
    assert isinstance(found, Opened)
    assert found.signer.orgnr == ORGNR


def test_answers_are_sealed_to_those_whose_certificate_is_known() -> None:
    known = {"konto": pem_of(sender().certificate).decode()}
    sealer = AnswerSealer(register(), known.get)
    body = sealer.seal("konto", "kvittering.json", b"{}")
    assert body is not None
    theirs = Opener(keys=PemKeys([sender().key]), trust=opener().trust)
    found = theirs.open(body, AT)
    assert isinstance(found, Opened)
    assert found.files == {"kvittering.json": b"{}"}
    assert sealer.seal("en annen", "kvittering.json", b"{}") is None


if OPENSSL is None:
    warnings.warn("NOT TESTED: containers made by openssl. It is not installed.", stacklevel=1)


@pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")
@pytest.mark.parametrize("stream", [[], ["-stream"]])
def test_what_openssl_encrypts_is_opened(tmp_path: Path, stream: list[str]) -> None:
    """Another implementation of the same standard, in both ways of writing lengths."""
    from tests.security.containers import entries, zipped

    (tmp_path / "in.zip").write_bytes(zipped(entries()))
    (tmp_path / "cert.pem").write_bytes(pem_of(register().certificate))
    command = [
        *(str(OPENSSL), "cms", "-encrypt", "-binary", "-aes256", "-outform", "DER", *stream),
        *("-in", str(tmp_path / "in.zip"), "-out", str(tmp_path / "out.p7m"), "-recip", str(tmp_path / "cert.pem")),
        *("-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256", "-keyopt", "rsa_mgf1_md:sha256"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = open_((tmp_path / "out.p7m").read_bytes())
    assert isinstance(found, Opened), found
    assert found.files == FILES


# --- Cloud KMS -------------------------------------------------------------------------------------------------------


class Kms:
    """The KMS service as far as asymmetric decryption: keys by name, damage and absence on demand."""

    def __init__(self, keys: dict[str, Any]) -> None:
        self.keys = keys
        self.damaged = self.down = False
        self.asked: list[str] = []

    def decrypt(self, request: kms_v1.AsymmetricDecryptRequest, context: grpc.ServicerContext) -> Any:
        self.asked.append(request.name)
        if self.down:
            context.abort(grpc.StatusCode.UNAVAILABLE, "away")
        assert request.ciphertext_crc32c == _crc32c(request.ciphertext)
        try:
            plain = self.keys[request.name].decrypt(request.ciphertext, cms.OAEP)
        except ValueError:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "decryption failed")
        crc = _crc32c(plain) ^ (1 if self.damaged else 0)
        return kms_v1.AsymmetricDecryptResponse(plaintext=plain, plaintext_crc32c=crc, verified_ciphertext_crc32c=True)


@pytest.fixture
def kms() -> Iterator[tuple[Kms, kms_v1.KeyManagementServiceClient]]:
    """A server of Google's own service definition, and the official client of it."""
    from bvr.testpki import new_key

    service = Kms({"nokkel/2": new_key(), "nokkel/1": register().key})
    handler = grpc.method_handlers_generic_handler(
        "google.cloud.kms.v1.KeyManagementService",
        {
            "AsymmetricDecrypt": grpc.unary_unary_rpc_method_handler(
                service.decrypt,
                request_deserializer=kms_v1.AsymmetricDecryptRequest.deserialize,
                response_serializer=kms_v1.AsymmetricDecryptResponse.serialize,
            )
        },
    )
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        transport = KeyManagementServiceGrpcTransport(channel=channel, credentials=AnonymousCredentials())
        yield service, kms_v1.KeyManagementServiceClient(transport=transport)
    server.stop(None)


def test_the_key_may_stay_in_cloud_kms(kms: tuple[Kms, Any]) -> None:
    service, client = kms
    one = Opener(keys=KmsKeys(client, ["nokkel/2", "nokkel/1"]), trust=opener().trust)
    found = one.open(seal(FILES, sender(), register().certificate), AT)
    assert isinstance(found, Opened)
    assert service.asked == ["nokkel/2", "nokkel/1"]


def test_a_message_for_another_key_reads_the_same_as_anywhere(kms: tuple[Kms, Any]) -> None:
    _, client = kms
    one = Opener(keys=KmsKeys(client, ["nokkel/1"]), trust=opener().trust)
    body = seal(FILES, sender(), pki().business(ORGNR).certificate)
    assert one.open(body, AT) == open_(body)


@pytest.mark.parametrize("fault", ["down", "damaged"])
def test_kms_away_or_damaged_on_the_way_is_tried_again(kms: tuple[Kms, Any], fault: str) -> None:
    service, client = kms
    setattr(service, fault, True)
    one = Opener(keys=KmsKeys(client, ["nokkel/1"]), trust=opener().trust)
    with pytest.raises(Retry):
        one.open(seal(FILES, sender(), register().certificate), AT)


# --- commands --------------------------------------------------------------------------------------------------------


def test_a_supplier_can_try_it(tmp_path: Path) -> None:
    run = CliRunner()
    keys = tmp_path / "n"
    assert run.invoke(main, ["certificates", "--orgnr", "310000019", "--out", str(keys)]).exit_code == 0
    case, container = tmp_path / "sak.xml", tmp_path / "sak.p7m"
    case.write_bytes(b"<x/>")
    how = ["--to", f"{keys}/register.pem", "--key", f"{keys}/avsender-nokkel.pem", "--cert", f"{keys}/avsender.pem"]
    assert run.invoke(main, ["seal", str(case), *how, "--out", str(container)]).exit_code == 0
    open_it = ["open", str(container), "--key", f"{keys}/register-nokkel", "--trust", f"{keys}/utstedere.pem"]
    done = run.invoke(main, [*open_it, "--out", str(tmp_path / "u")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "u" / "sak.xml").read_bytes() == b"<x/>"
    container.write_bytes(container.read_bytes()[:-50])
    done = run.invoke(main, open_it)
    assert done.exit_code == 2
    assert "PAKKE_UGYLDIG" in done.output or "KRYPTERING_FEIL" in done.output


def test_keys_are_read_from_a_folder_and_only_rsa_will_do(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    (tmp_path / "1.pem").write_bytes(pem_of_key(register().key))
    assert PemKeys.of(tmp_path)
    other = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "2.pem").write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(ValueError, match="not an RSA key"):
        PemKeys.of(tmp_path)
    with pytest.raises(ValueError, match="nothing could be opened"):
        PemKeys([])
    with pytest.raises(ValueError, match="no issuer"):
        Trust([])
