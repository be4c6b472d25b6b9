"""Access tokens from Maskinporten for the register's own calls: a signed assertion for a token (section 4.1)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import jwt
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bvr.errors import Retry
from bvr.log import log

_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ASSERTION_LIFE = 100  # seconds; Maskinporten takes 120 at the most
_MARGIN = 15.0  # seconds before its end that a token is not used any more


class TokenRefused(Retry):
    """Maskinporten will not give us a token: our registration, key or scope is wrong. Somebody has to mend it; what
    needs the token waits meanwhile."""


class TokenClient:
    """Tokens for one registered client, kept until shortly before they end. Safe to use from several threads."""

    def __init__(
        self,
        issuer: str,
        client_id: str,
        key_pem: bytes,
        key_id: str | None = None,
        http: httpx.Client | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`issuer` with its trailing slash; `key_id` of the registered key, its thumbprint (RFC 7638) unless given."""
        self._issuer = issuer
        self._client_id = client_id
        self._key: Any = load_pem_private_key(key_pem, password=None)
        self._key_id = key_id or _thumbprint(self._key)
        self._http = http or httpx.Client(timeout=10)
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens: dict[tuple[str, str | None], tuple[str, float]] = {}

    def token(self, scope: str, resource: str | None = None, *, fresh: bool = False) -> str:
        """An access token. Raises Retry while Maskinporten cannot be reached, TokenRefused when it says no."""
        with self._lock:
            kept, until = self._tokens.get((scope, resource), ("", 0.0))
            if kept and not fresh and self._clock() < until:
                return kept
            token, seconds = self._ask(scope, resource)
            self._tokens[scope, resource] = (token, self._clock() + seconds - _MARGIN)
            return token

    def _ask(self, scope: str, resource: str | None) -> tuple[str, float]:
        try:
            metadata = self._http.get(f"{self._issuer}.well-known/oauth-authorization-server").raise_for_status().json()
            answer = self._http.post(
                metadata["token_endpoint"],
                data={"grant_type": _GRANT, "assertion": self._assertion(scope, resource)},
            )
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise Retry(f"maskinporten: {type(error).__name__}") from error
        if answer.status_code >= 500 or answer.status_code == 429:
            raise Retry(f"maskinporten: status {answer.status_code}")
        try:
            body = answer.json()
            if answer.status_code != 200:
                reason = f"{answer.status_code} {str(body.get('error', ''))[:60]}"
                log("maskinporten avslår", severity="CRITICAL", grunn=reason, scope=scope)
                raise TokenRefused(f"maskinporten: {reason}")
            return str(body["access_token"]), float(body["expires_in"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Retry("maskinporten: not the answer of a token endpoint") from error

    def _assertion(self, scope: str, resource: str | None) -> str:
        now = int(self._clock())
        claims = {
            "aud": self._issuer,
            "iss": self._client_id,
            "iat": now,
            "exp": now + _ASSERTION_LIFE,
            "jti": str(uuid4()),
            "scope": scope,
            **({"resource": resource} if resource else {}),
        }
        return jwt.encode(claims, self._key, "RS256", headers={"kid": self._key_id})


def _thumbprint(key: Any) -> str:
    import hashlib
    import json

    from jwt.utils import base64url_encode

    public = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    required = {"e": public["e"], "kty": "RSA", "n": public["n"]}
    packed = json.dumps(required, sort_keys=True, separators=(",", ":")).encode()
    return base64url_encode(hashlib.sha256(packed).digest()).decode()
