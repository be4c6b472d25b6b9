"""The way back: an answer posted to Fiks IO, sealed to its receiver's public key (reference sections 1.3 and 1.6)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Protocol

import httpx
import msgspec
from cryptography.x509 import Certificate, load_pem_x509_certificate

from bvr.desk import SEALED_TYPE
from bvr.errors import Retry
from bvr.intake.protocol import SSB_REPORT
from bvr.intake.sealed.seal import Signing, seal
from bvr.log import log

SCOPE = "ks:fiks"
_KEEP = 600.0  # seconds that a receiver's key is used before it is fetched again
_TTL = 7 * 24 * 3600  # seconds: the platform's own default. A receipt may have to wait for a case system over a holiday


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
        ttl_seconds: int = _TTL,
    ) -> None:
        """`handles`: whether answers to an account go through Fiks IO."""
        self._me = integration
        self._tokens = tokens
        self._signing = signing
        self._handles = handles
        self._http = http or httpx.Client(timeout=30)
        self._clock = clock
        self._ttl = ttl_seconds * 1000
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
            **({"svarPaMelding": attributes["svar-til"]} if attributes.get("svar-til") else {}),
            "ttl": self._ttl,
            "headere": own,
        }
        files = {"metadata": ("metadata", msgspec.json.encode(metadata), "application/json")}
        if data:
            sealed = data if attributes.get("content-type") == SEALED_TYPE else self._seal(attributes, data)
            files["data"] = ("data", sealed, "application/octet-stream")
        answer = self._call("POST", "/fiks-io/api/v1/send", files=files)
        try:
            given = str(answer.json()["meldingId"])
        except (ValueError, KeyError, TypeError) as error:
            raise Retry("fiksio: not the answer of the send API") from error
        # A notice about it, later, has only the platform's id.
        log(
            "svart i fiksio",
            traceparent=attributes.get("traceparent"),
            melding_id=attributes.get("melding-id"),
            fiks_id=given,
            type=attributes["type"],
        )
        return given

    @contextmanager
    def open(self, document_id: str) -> Iterator[Iterator[bytes] | None]:
        """What was too large for the queue, still sealed, part by part; None when it is there no more. Raises Retry."""
        url = f"{self._me.api}/dokumentlager/nedlasting/{document_id}"
        try:
            with ExitStack() as stack:
                for fresh in (False, True):
                    headers = self._headers(fresh=fresh) | {"Accept-Encoding": "identity"}
                    answer = stack.enter_context(self._http.stream("GET", url, headers=headers))
                    if answer.status_code not in (401, 403):
                        break
                if answer.status_code in (404, 410):
                    yield None
                elif answer.status_code != 200:
                    raise Retry(f"dokumentlager: status {answer.status_code}")
                else:
                    yield _whole(answer)
        except httpx.HTTPError as error:
            raise Retry(f"dokumentlager: {type(error).__name__}") from error

    def _seal(self, attributes: dict[str, str], data: bytes) -> bytes:
        kind = attributes["type"]
        name = "kvittering.json" if kind.endswith(".kvittering") else "feilmelding.json"
        name = "payload.json" if kind == SSB_REPORT else name
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
            raise Retry(f"fiksio: {_told(answer)}")
        return answer


def _told(answer: httpx.Response) -> str:
    """An error of the platform, by its codes: `message` may repeat what was sent."""
    try:
        body = answer.json()
        codes = [str(body.get(name, ""))[:60] for name in ("errorCode", "errorId")]
    except (ValueError, AttributeError):
        codes = []
    return " ".join(("status", str(answer.status_code), *(code for code in codes if code.isprintable())))


def _whole(answer: httpx.Response) -> Iterator[bytes]:
    try:
        yield from answer.iter_bytes(1 << 16)
    except httpx.HTTPError as error:
        raise Retry(f"dokumentlager: {type(error).__name__}") from error
