"""The way back: an answer posted to Fiks IO, sealed to its receiver's public key (reference sections 1.3 and 1.6)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

import httpx
import msgspec
from cryptography.x509 import Certificate, load_pem_x509_certificate

from bvr.desk import SEALED_TYPE
from bvr.errors import Retry
from bvr.intake.sealed.seal import Signing, seal

SCOPE = "ks:fiks"
_KEEP = 600.0  # seconds that a receiver's key is used before it is fetched again
_TTL = 24 * 3600 * 1000  # milliseconds: what KS advises
_MOST = 500_000_000  # bytes of what is fetched from the store beside the queue


class Tokens(Protocol):
    """Access tokens (`bvr.maskinporten_client.TokenClient`)."""

    def token(self, scope: str, resource: str | None = None, *, fresh: bool = False) -> str: ...


class Integration(msgspec.Struct, frozen=True, kw_only=True):
    """Our integration with Fiks IO: where its REST API is, and who we are there."""

    api: str
    id: str
    password: str
    account: str


class FiksClient:
    """Fiks IO's REST side: sending, the receivers' keys, and what was too large for the queue."""

    def __init__(
        self,
        integration: Integration,
        tokens: Tokens,
        signing: Signing,
        handles: Callable[[str], bool],
        http: httpx.Client | None = None,
        clock: Callable[[], float] = time.monotonic,
        most: int = _MOST,
    ) -> None:
        """`handles`: whether answers to an account go through Fiks IO."""
        self._me = integration
        self._tokens = tokens
        self._signing = signing
        self._handles = handles
        self._http = http or httpx.Client(timeout=30)
        self._clock = clock
        self._most = most
        self._lock = threading.Lock()
        self._keys: dict[str, tuple[Certificate, float]] = {}

    def handles(self, receiver: str) -> bool:
        return self._handles(receiver)

    def send(self, attributes: dict[str, str], data: bytes) -> str:
        """Post an answer; the id Fiks IO gave it. Our own id goes along and is the same each time, so that one sent
        twice can be taken once. Raises Retry."""
        own = {"klientMeldingId": attributes["klient-melding-id"]}
        if correlation := attributes.get("klient-korrelasjons-id"):
            own |= {"klientKorrelasjonsId": correlation, "klientKorrelasjonId": correlation}
        metadata = {
            "avsenderKontoId": self._me.account,
            "mottakerKontoId": attributes["mottaker-id"],
            "meldingType": attributes["type"],
            "svarPaMelding": attributes.get("svar-til"),
            "ttl": _TTL,
            "headere": own,
        }
        files = {"metadata": ("metadata", msgspec.json.encode(metadata), "application/json")}
        if data:
            sealed = data if attributes.get("content-type") == SEALED_TYPE else self._seal(attributes, data)
            files["data"] = ("data", sealed, "application/octet-stream")
        answer = self._call("POST", "/fiks-io/api/v1/send", files=files)
        return str(answer.json()["meldingId"])

    def fetch(self, document_id: str) -> bytes:
        """What was too large for the queue, still sealed. Raises Retry, also for one above the limit."""
        headers = self._headers()
        url = f"{self._me.api}/dokumentlager/nedlasting/{document_id}"
        out = bytearray()
        try:
            with self._http.stream("GET", url, headers=headers) as answer:
                if answer.status_code != 200:
                    raise Retry(f"dokumentlager: status {answer.status_code}")
                for chunk in answer.iter_bytes(1 << 16):
                    out += chunk
                    if len(out) > self._most:
                        raise Retry(f"dokumentlager: more than {self._most} bytes")
        except httpx.HTTPError as error:
            raise Retry(f"dokumentlager: {type(error).__name__}") from error
        return bytes(out)

    def _seal(self, attributes: dict[str, str], data: bytes) -> bytes:
        kind = attributes["type"]
        name = "payload.json" if kind.startswith("no.ssb.") else "feilmelding.json"
        name = "kvittering.json" if kind.endswith(".kvittering") else name
        return seal({name: data}, self._signing, self._key(attributes["mottaker-id"]))

    def _key(self, account: str) -> Certificate:
        with self._lock:
            kept = self._keys.get(account)
        if kept and self._clock() < kept[1]:
            return kept[0]
        answer = self._call("GET", f"/fiks-io/katalog/api/v1/kontoer/{account}/offentligNokkel")
        try:
            key = load_pem_x509_certificate(answer.json()["nokkel"].encode())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Retry("katalog: no readable key") from error
        with self._lock:
            self._keys[account] = (key, self._clock() + _KEEP)
        return key

    def _headers(self, *, fresh: bool = False) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self._tokens.token(SCOPE, fresh=fresh)}",
            "IntegrasjonId": self._me.id,
            "IntegrasjonPassord": self._me.password,
        }

    def _call(self, method: str, path: str, files: dict[str, tuple[str, bytes, str]] | None = None) -> httpx.Response:
        for fresh in (False, True):
            try:
                answer = self._http.request(
                    method, f"{self._me.api}{path}", headers=self._headers(fresh=fresh), files=files
                )
            except httpx.HTTPError as error:
                raise Retry(f"fiksio: {type(error).__name__}") from error
            if answer.status_code not in (401, 403):
                break
        if answer.status_code >= 300:
            raise Retry(f"fiksio: status {answer.status_code}")
        return answer
