"""Keysets: in the clear, or wrapped by Cloud KMS as BigQuery takes them; and what is made with them."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64decode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import google_crc32c
import grpc
import pytest
import tink
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from google.cloud import kms_v1
from google.cloud.kms_v1.services.key_management_service.transports import KeyManagementServiceGrpcTransport
from tink import json_proto_keyset_format, secret_key_access
from tink.proto import aes_siv_pb2, hmac_prf_pb2, tink_pb2

from bvr import gcp
from bvr.errors import Retry
from bvr.register import keys, pseudonyms
from bvr.register.keys import TinkCipher, wrapped
from bvr.register.pseudonyms import TinkPrf, pseudonym

KEY = "projects/p/locations/europe-north1/keyRings/r/cryptoKeys/nokkelsett"
MASK = bytes(range(256))


class Kms:
    """Decrypts by a mask: what matters here is the call, not the cipher. `damaged` answers do not match their CRC."""

    damaged = False

    def decrypt(self, request: kms_v1.DecryptRequest, context: grpc.ServicerContext) -> Any:
        assert request.name == KEY
        assert request.ciphertext_crc32c == crc(request.ciphertext)
        plain = masked(request.ciphertext)
        return kms_v1.DecryptResponse(plaintext=plain, plaintext_crc32c=crc(plain) + self.damaged)


def crc(data: bytes) -> int:
    return int.from_bytes(google_crc32c.Checksum(data).digest(), "big")


def masked(data: bytes) -> bytes:
    return bytes(b ^ MASK[n % 256] ^ 0x5A for n, b in enumerate(data))


@pytest.fixture
def kms() -> Iterator[tuple[Kms, Any]]:
    service = Kms()
    handler = grpc.method_handlers_generic_handler(
        "google.cloud.kms.v1.KeyManagementService",
        {
            "Decrypt": grpc.unary_unary_rpc_method_handler(
                service.decrypt,
                request_deserializer=kms_v1.DecryptRequest.deserialize,
                response_serializer=kms_v1.DecryptResponse.serialize,
            )
        },
    )
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield service, kms_v1.KeyManagementServiceClient(transport=KeyManagementServiceGrpcTransport(channel=channel))
    server.stop(None)


def handle(keyset: str) -> tink.KeysetHandle:
    return json_proto_keyset_format.parse(keyset, secret_key_access.TOKEN)


def test_a_wrapped_keyset_is_the_one_in_the_clear(kms: tuple[Kms, Any], tmp_path: Path) -> None:
    service, client = kms
    clear = keys.new_keyset()
    (tmp_path / "apent.json").write_text(clear)
    (tmp_path / "pakket").write_bytes(wrapped(handle(clear), masked))
    unwrap = gcp.kms_unwrap(client, KEY)
    one, other = TinkCipher.of(str(tmp_path / "apent.json")), TinkCipher.of(str(tmp_path / "pakket"), unwrap)
    assert one.encrypt("01819912345") == other.encrypt("01819912345")
    assert other.decrypt(one.encrypt("01819912345")) == "01819912345"
    service.damaged = True
    with pytest.raises(Retry, match="damaged"):
        unwrap((tmp_path / "pakket").read_bytes())


def test_the_wrapped_bytes_are_tink_s_binary_keyset_and_nothing_else() -> None:
    """That is what BigQuery's KEYS.KEYSET_CHAIN takes as its first-level keyset."""
    clear = keys.new_keyset()
    found = tink_pb2.Keyset.FromString(masked(wrapped(handle(clear), masked)))
    assert found.primary_key_id == json.loads(clear)["primaryKeyId"]
    (key,) = found.key
    assert key.key_data.type_url == "type.googleapis.com/google.crypto.tink.AesSivKey"
    assert key.output_prefix_type == tink_pb2.TINK


def test_ciphertext_is_what_another_aes_siv_makes_with_the_same_key() -> None:
    """DETERMINISTIC_DECRYPT_STRING reads Tink's format: version, the key's id, AES-SIV with the purpose."""
    clear = keys.new_keyset()
    (key,) = json.loads(clear)["key"]
    raw = aes_siv_pb2.AesSivKey.FromString(b64decode(key["keyData"]["value"])).key_value
    expected = b"\x01" + key["keyId"].to_bytes(4, "big") + AESSIV(raw).encrypt(b"01819912345", [b"register"])
    assert TinkCipher(clear).encrypt("01819912345") == expected
    assert TinkCipher(clear, "noe annet").encrypt("01819912345") != expected


def test_a_pseudonym_is_an_hmac_of_purpose_epoch_and_whom() -> None:
    clear = pseudonyms.new_keyset()
    (key,) = json.loads(clear)["key"]
    raw = hmac_prf_pb2.HmacPrfKey.FromString(b64decode(key["keyData"]["value"])).key_value
    made = hmac.new(raw, b"prove|2|BARN|x", hashlib.sha256).digest()
    assert pseudonym(TinkPrf(clear), "prove", 2, "BARN", "x") == (made[:16].hex(), made[16:])
    others = [("a", 2, "BARN", "x"), ("prove", 1, "BARN", "x"), ("prove", 2, "SAK", "x"), ("prove", 2, "BARN", "y")]
    assert len({pseudonym(TinkPrf(clear), *one) for one in others}) == 4
