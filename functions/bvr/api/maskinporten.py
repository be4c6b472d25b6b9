"""Maskinporten access tokens: who calls, and whether they may (reference section 4.3)."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any

import jwt
import msgspec

from bvr.model.identifiers import is_orgnr

ALGORITHMS = ("RS256", "RS384", "RS512")
_LEEWAY = 10  # seconds
_MAX_TOKEN = 8192  # characters
_LONGEST_LIFE = 3600  # seconds between iat and exp
_KEYS_FOR = 24 * 3600.0  # seconds a key set is used before it is fetched again
_REFRESH_AT_MOST = 60.0  # seconds between fetches for an unknown key

ALTINN = "https://www.altinn.no/"
_SYSTEM_USER = "urn:altinn:systemuser"

Fetch = Callable[[str], Any]
"""GET of a JSON document; raises OSError (or ValueError) when it cannot be had."""


class Refused(Exception):
    """A token that does not open. `status` is 401, 403, or 503 while no key can be had to check it with; the texts say
    what is missing and never repeat the token. `orgnr` is whom a genuine token was for, where it says so."""

    def __init__(self, status: int, nb: str, en: str, error: str) -> None:
        super().__init__(en)
        self.status, self.nb, self.en, self.error = status, nb, en, error
        self.orgnr: str | None = None


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a token speaks for. `orgnr` is the organisation given access; `supplier` calls on its behalf, by delegation
    or as the owner of its system user."""

    orgnr: str
    scopes: tuple[str, ...]
    supplier: str | None = None
    client_id: str | None = None
    jti: str | None = None


class Verifier:
    """Checks tokens of one issuer. Keys are fetched when needed and kept; stale ones serve while the issuer is down."""

    def __init__(
        self,
        issuer: str,
        audience: str,
        fetch: Fetch,
        clock: Callable[[], float] = time.time,
        allowed: Collection[str] = (),
        delegation_sources: Collection[str] = (ALTINN,),
    ) -> None:
        """`audience` empty: tokens need not be restricted to us. `allowed` empty: the scope alone gives access, which
        Digdir grants organisation by organisation; otherwise only these organisation numbers. `delegation_sources`:
        the Altinn whose delegations count."""
        self._issuer = issuer
        self._audience = audience
        self._allowed = frozenset(allowed)
        self._delegation_sources = frozenset(delegation_sources)
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, Any] = {}
        self._fetched = float("-inf")  # when the keys were
        self._tried = float("-inf")  # when that was last attempted

    def verify(self, authorization: str | None, scope: str) -> Caller:
        """The caller of a request with that Authorization header. Raises Refused."""
        claims = self._claims(_bearer(authorization))
        try:
            return self._caller(claims, scope)
        except Refused as refused:
            with suppress(Refused):
                refused.orgnr = _parties(claims)[0]
            raise

    def _caller(self, claims: dict[str, Any], scope: str) -> Caller:
        """The caller of a genuine token."""
        scopes = tuple(str(claims.get("scope", "")).split())
        if scope not in scopes:
            raise Refused(
                403,
                f"Tokenet mangler tilgangen {scope}. Be eieren av API-et om å gi den til organisasjonen.",
                f"The token lacks the scope {scope}. Ask the owner of the API to grant it to the organisation.",
                "insufficient_scope",
            )
        orgnr, supplier = _parties(claims)
        if "supplier" in claims and str(claims.get("delegation_source")) not in self._delegation_sources:
            raise Refused(
                403,
                "Tokenet er gitt på vegne av en annen, uten at delegeringen er gjort i Altinn.",
                "The token is on behalf of somebody else, and the delegation was not made in Altinn.",
                "insufficient_scope",
            )
        if self._allowed and orgnr not in self._allowed:
            raise Refused(
                403,
                "Organisasjonen er ikke blant dem som har tilgang til uttrekkene. Be eieren av API-et om tilgang.",
                "The organisation is not among those with access to the extracts. Ask the owner of the API for it.",
                "insufficient_scope",
            )
        return Caller(
            orgnr=orgnr,
            scopes=scopes,
            supplier=supplier,
            client_id=claims.get("client_id"),
            jti=claims.get("jti"),
        )

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ALGORITHMS:
                raise _invalid("algoritmen er ikke tillatt", "its algorithm is not allowed")
            key = self._key(str(header.get("kid")))
            claims: dict[str, Any] = jwt.decode(
                token,
                key=key,
                algorithms=list(ALGORITHMS),
                issuer=self._issuer,
                audience=self._audience or None,
                leeway=_LEEWAY,
                options={"require": ["exp", "iat", "iss"], "verify_aud": bool(self._audience)},
            )
        except jwt.ExpiredSignatureError:
            raise _invalid("det er utløpt", "it has expired") from None
        except jwt.InvalidAudienceError:
            raise _invalid("det gjelder ikke dette API-et (aud)", "it is not for this API (aud)") from None
        except jwt.MissingRequiredClaimError:
            raise _invalid("et påkrevd felt mangler", "a required claim is missing") from None
        except jwt.InvalidIssuerError:
            raise _invalid("utstederen er en annen", "its issuer is another") from None
        except jwt.ImmatureSignatureError:
            raise _invalid("det gjelder ikke ennå", "it is not valid yet") from None
        except jwt.PyJWTError:
            raise _invalid("signaturen eller formen er feil", "its signature or form is wrong") from None
        # PyJWT has seen that both are numbers, or digits.
        if not 0 < int(claims["exp"]) - int(claims["iat"]) <= _LONGEST_LIFE:
            raise _invalid("levetiden er urimelig", "its lifetime is unreasonable")
        return claims

    def _key(self, kid: str) -> Any:
        now = self._clock()
        stale = now - self._fetched > _KEYS_FOR
        if (stale or kid not in self._keys) and now - self._tried > _REFRESH_AT_MOST:
            self._tried = now
            if self._refresh():
                self._fetched = now
        if kid in self._keys:
            return self._keys[kid]
        if not self._keys:
            raise Refused(
                503,
                "Nøklene til Maskinporten kan ikke hentes nå. Prøv igjen om litt.",
                "The keys of Maskinporten cannot be had now. Try again in a while.",
                "temporarily_unavailable",
            )
        raise _invalid("nøkkelen er ukjent", "its key is unknown")

    def _refresh(self) -> bool:
        """Fetch the keys; False when they cannot be had: those we have serve until the issuer is back."""
        try:
            metadata = self._fetch(f"{self._issuer}.well-known/oauth-authorization-server")
            if metadata["issuer"] != self._issuer:
                return False
            published = self._fetch(metadata["jwks_uri"])["keys"]
            keys = {key["kid"]: key for key in published if key.get("kty") == "RSA" and "kid" in key}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return False
        found = {}
        for kid, key in keys.items():
            with suppress(jwt.PyJWTError):  # a key of a kind we cannot read is none
                found[kid] = jwt.PyJWK(key, algorithm="RS256").key
        if found:
            self._keys = found
        return bool(found)


def _bearer(authorization: str | None) -> str:
    kind, _, token = (authorization or "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise Refused(
            401,
            "Kallet mangler et token. Hent et fra Maskinporten, og send det som Authorization: Bearer.",
            "The call lacks a token. Get one from Maskinporten and send it as Authorization: Bearer.",
            "invalid_request",
        )
    token = token.strip()
    if len(token) > _MAX_TOKEN or token.count(".") != 2:
        raise _invalid("formen er feil", "its form is wrong")
    return token


def _invalid(nb: str, en: str) -> Refused:
    return Refused(401, f"Tokenet godtas ikke: {nb}.", f"The token is not accepted: {en}.", "invalid_token")


def _parties(claims: dict[str, Any]) -> tuple[str, str | None]:
    """The organisation that a token is for, and who calls on its behalf: the municipality of a system user and the
    owner of the system, else the consumer and the supplier that it has delegated to."""
    consumer = _orgnr(claims.get("consumer"))
    details = claims.get("authorization_details")
    users = [
        one
        for one in (details if isinstance(details, list) else [])
        if isinstance(one, dict) and one.get("type") == _SYSTEM_USER
    ]
    if users:
        # A system user whose organisation cannot be read is nobody's: never the supplier's own.
        of = {_orgnr(one.get("systemuser_org")) for one in users}
        found, supplier = (of.pop() if len(of) == 1 else None), consumer
    else:
        found, supplier = consumer, _orgnr(claims.get("supplier"))
    if found is None:
        raise Refused(
            403,
            "Tokenet sier ikke hvilken organisasjon det gjelder.",
            "The token does not say which organisation it is for.",
            "insufficient_scope",
        )
    return found, supplier if supplier != found else None


def _orgnr(party: Any) -> str | None:
    """The organisation number of {authority, ID: 0192:nnnnnnnnn}."""
    if not isinstance(party, dict):
        return None
    scheme, _, number = str(party.get("ID", "")).partition(":")
    return number if scheme == "0192" and is_orgnr(number) else None
