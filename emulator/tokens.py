"""The authorities whose tokens the system meets: Maskinporten, and Google's own for Pub/Sub and the scheduler.

One small HTTP server speaks for both. As Maskinporten it issues access tokens to registered clients that sign an
assertion with their key, and refuses what Maskinporten refuses. As Google it publishes the certificates of the OIDC
tokens that push deliveries and scheduled calls carry, and gives any client of a service account an access token that
no local server looks at.

Nothing here is a secret worth keeping: keys are made when the authority starts and lie in its run folder.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.utils import base64url_encode
from pydantic import BaseModel, ConfigDict
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.serving import BaseWSGIServer, make_server
from werkzeug.wrappers import Request, Response

from emulator.processes import HOST

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SIGNING_ALGORITHMS = ["RS256", "RS384", "RS512"]
SYSTEM_USER = "urn:altinn:systemuser"
ALTINN = "https://tt02.altinn.no/"
GOOGLE = "https://accounts.google.com"

LONGEST_ASSERTION = 120  # seconds from iat to exp
CLOCK_SKEW = 10
TOKEN_LIFETIME = 120
# Maskinporten refuses an assertion with any other claim.
ASSERTION_CLAIMS = {"aud", "iss", "iat", "exp", "jti", "scope", "resource", "consumer_org", "authorization_details"}


# Clients ------------------------------------------------------------------------------------------------------------


class RegisteredSystemUser(BaseModel):
    """An organisation that has let a supplier's system act for it (a system user in Altinn)."""

    model_config = ConfigDict(extra="forbid")

    organisation: str
    systemuser_id: str
    system_id: str


class RegisteredClient(BaseModel):
    """A client as registered: whose it is, its key, and the scopes its organisation has been granted."""

    model_config = ConfigDict(extra="forbid")

    name: str
    client_id: str
    organisation: str
    scopes: list[str]
    delegated_by: list[str] = []
    system_users: list[RegisteredSystemUser] = []
    key_file: str = ""
    jwk: dict[str, str] = {}


def control_digit(first_eight: str) -> str:
    """The ninth digit of an organisation number (modulus 11); 10 has none and raises ValueError."""
    weighted = sum(int(digit) * weight for digit, weight in zip(first_eight, (3, 2, 7, 6, 5, 4, 3, 2), strict=True))
    rest = 11 - weighted % 11
    if rest == 10:
        raise ValueError(f"{first_eight} has no control digit")
    return str(rest % 11)


def synthetic_organisation(number: int) -> str:
    """The `number`-th well-formed organisation number from 310000000 on, in the range of synthetic ones."""
    found = -1
    for first_eight in range(31_000_000, 32_000_000):
        try:
            digit = control_digit(str(first_eight))
        except ValueError:
            continue
        found += 1
        if found == number:
            return f"{first_eight}{digit}"
    raise ValueError(number)


BUFDIR, STRANGER, MUNICIPALITY, SUPPLIER = (synthetic_organisation(number) for number in range(1, 5))
SSB = synthetic_organisation(6)
READ = "ssb:barnevern/uttrekk.read"
QUALITY = "ssb:barnevern/kvalitet.read"
APPROVE = "ssb:barnevern/godkjenning.write"

PULL = "ssb:barnevern/sak.read"
SUBMIT = "ssb:barnevern/innrapportering.write"
FIKS = "ks:fiks"

LOCAL_CLIENTS = (
    RegisteredClient(
        name="registeret",
        client_id="5b1f6e1a-0005-4000-8000-000000000005",
        organisation=synthetic_organisation(5),
        scopes=[PULL, FIKS],
    ),
    RegisteredClient(
        name="bufdir", client_id="5b1f6e1a-0001-4000-8000-000000000001", organisation=BUFDIR, scopes=[READ, QUALITY]
    ),
    RegisteredClient(
        name="ssb",
        client_id="5b1f6e1a-0006-4000-8000-000000000006",
        organisation=SSB,
        scopes=[READ, QUALITY, APPROVE],
    ),
    RegisteredClient(
        name="uten-tilgang", client_id="5b1f6e1a-0002-4000-8000-000000000002", organisation=STRANGER, scopes=[]
    ),
    RegisteredClient(
        name="kommune",
        client_id="5b1f6e1a-0003-4000-8000-000000000003",
        organisation=MUNICIPALITY,
        scopes=[READ, QUALITY, APPROVE, SUBMIT],
    ),
    RegisteredClient(
        name="leverandor",
        client_id="5b1f6e1a-0004-4000-8000-000000000004",
        organisation=SUPPLIER,
        scopes=[READ, QUALITY],
        delegated_by=[MUNICIPALITY],
        system_users=[
            RegisteredSystemUser(
                organisation=MUNICIPALITY,
                systemuser_id="5b1f6e1a-00aa-4000-8000-0000000000aa",
                system_id=f"{SUPPLIER}_fagsystem",
            )
        ],
    ),
)


# Keys ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Key:
    """An RSA key and its id, the RFC 7638 thumbprint."""

    private: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )

    @classmethod
    def from_pem(cls, pem: str | bytes) -> Key:
        """Read a PEM file's content."""
        private = serialization.load_pem_private_key(pem.encode() if isinstance(pem, str) else pem, password=None)
        if not isinstance(private, rsa.RSAPrivateKey):
            raise ValueError("not an RSA key")
        return cls(private)

    @property
    def pem(self) -> bytes:
        """Unencrypted PKCS#8."""
        return self.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @property
    def jwk(self) -> dict[str, str]:
        """The public key."""
        numbers = jwt.algorithms.RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        required = {"e": numbers["e"], "kty": "RSA", "n": numbers["n"]}
        thumbprint = sha256(json.dumps(required, sort_keys=True, separators=(",", ":")).encode()).digest()
        return {**required, "alg": "RS256", "use": "sig", "kid": base64url_encode(thumbprint).decode()}

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A compact JWS of `claims`."""
        return jwt.encode(dict(claims), self.private, "RS256", {"kid": self.jwk["kid"]})


class GoogleSigner:
    """Signs OIDC tokens as Google does for a service account: `sign(claims)` is what the Pub/Sub server is given."""

    def __init__(self, key: Key) -> None:
        self._key = key

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Sign `claims`; issuer and times are Google's when they are not given."""
        now = int(time.time())
        return self._key.sign({"iss": GOOGLE, "iat": now, "exp": now + 3600, "email_verified": True, **claims})


# The Maskinporten side ----------------------------------------------------------------------------------------------


class Refused(Exception):
    """An OAuth error answer (RFC 6749, section 5.2)."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


class Maskinporten:
    """What Maskinporten checks and what its tokens say."""

    def __init__(self, issuer: str, clients_file: Path) -> None:
        self.issuer = issuer
        self._clients_file = clients_file
        self._keys = [Key()]
        self._used: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    def rotate(self) -> None:
        """Sign with a new key from now on; tokens of the old one stay valid, and both are published."""
        self._keys.insert(0, Key())

    def metadata(self) -> dict[str, Any]:
        """`/.well-known/oauth-authorization-server` (RFC 8414)."""
        return {
            "issuer": self.issuer,
            "token_endpoint": f"{self.issuer}token",
            "jwks_uri": f"{self.issuer}jwk",
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "grant_types_supported": [JWT_BEARER],
            "token_endpoint_auth_signing_alg_values_supported": SIGNING_ALGORITHMS,
        }

    def key_set(self) -> dict[str, Any]:
        """`/jwk`."""
        return {"keys": [key.jwk for key in self._keys]}

    def token(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Answer `POST /token`."""
        if form.get("grant_type") != JWT_BEARER:
            raise Refused("unsupported_grant_type", f"grant_type must be {JWT_BEARER}")
        assertion = form.get("assertion")
        if not assertion:
            raise Refused("invalid_request", "assertion is missing")
        client, claims = self._verified(assertion)
        scopes = str(claims.get("scope", "")).split()
        if not scopes:
            raise Refused("invalid_scope", "scope is missing")
        if missing := [scope for scope in scopes if scope not in client.scopes]:
            raise Refused("invalid_scope", f"The organisation has not been granted: {' '.join(missing)}")
        now = int(time.time())
        access = {
            "iss": self.issuer,
            **self._parties(client, claims),
            "scope": " ".join(scopes),
            "client_id": client.client_id,
            "client_amr": "private_key_jwt",
            "token_type": "Bearer",
            "iat": now,
            "exp": now + TOKEN_LIFETIME,
            "jti": str(uuid.uuid4()),
        }
        if "resource" in claims:
            access["aud"] = claims["resource"]
        return {
            "access_token": self._keys[0].sign(access),
            "token_type": "Bearer",
            "expires_in": TOKEN_LIFETIME,
            "scope": access["scope"],
        }

    def _clients(self) -> dict[str, RegisteredClient]:
        """The register, read anew each time: to add a client, edit the file."""
        entries = json.loads(self._clients_file.read_text())
        return {entry["client_id"]: RegisteredClient.model_validate(entry) for entry in entries}

    def _verified(self, assertion: str) -> tuple[RegisteredClient, dict[str, Any]]:
        try:
            header = jwt.get_unverified_header(assertion)
            issuer = jwt.decode(assertion, options={"verify_signature": False}).get("iss")
        except jwt.PyJWTError as error:
            raise Refused("invalid_grant", f"Invalid assertion. {error}") from error
        client = self._clients().get(issuer or "")
        if client is None:
            raise Refused("invalid_client", "Invalid assertion. iss is no registered client")
        if header.get("kid") != client.jwk["kid"]:
            raise Refused("invalid_client", "Invalid assertion. kid is no key of the client")
        try:
            claims = jwt.decode(
                assertion,
                jwt.PyJWK(client.jwk).key,
                algorithms=SIGNING_ALGORITHMS,
                options={"verify_aud": False, "verify_iat": False, "require": ["aud", "iss", "iat", "exp"]},
                leeway=CLOCK_SKEW,
            )
        except jwt.PyJWTError as error:
            raise Refused("invalid_grant", f"Invalid assertion. {error}") from error
        self._check(claims)
        return client, claims

    def _check(self, claims: dict[str, Any]) -> None:
        def require(condition: bool, description: str) -> None:
            if not condition:
                raise Refused("invalid_grant", f"Invalid assertion. {description}")

        unknown = sorted(set(claims) - ASSERTION_CLAIMS)
        require(not unknown, f"Unknown claims: {', '.join(unknown)}")
        require(claims["aud"] == self.issuer, f"aud must be {self.issuer}")
        require(isinstance(claims["iat"], int) and isinstance(claims["exp"], int), "iat and exp must be integers")
        lifetime = claims["exp"] - claims["iat"]
        require(0 < lifetime <= LONGEST_ASSERTION, f"exp must be at most {LONGEST_ASSERTION} seconds after iat")
        require(claims["iat"] <= time.time() + CLOCK_SKEW, "iat is in the future")
        if "jti" in claims:
            require(self._first_use(claims["iss"], str(claims["jti"]), claims["exp"]), "jti has been used")

    def _first_use(self, client_id: str, jti: str, expires: int) -> bool:
        now = time.time()
        with self._lock:
            self._used = {used: until for used, until in self._used.items() if until > now}
            first = (client_id, jti) not in self._used
            self._used[client_id, jti] = expires + CLOCK_SKEW
        return first

    def _parties(self, client: RegisteredClient, claims: dict[str, Any]) -> dict[str, Any]:
        """Who the token is for: the organisation itself, one that delegated to it in Altinn, or a system user's."""
        own = _party(client.organisation)
        if "consumer_org" in claims:
            if claims["consumer_org"] not in client.delegated_by:
                raise Refused("invalid_grant", "Consumer has not delegated access to the scope provider")
            return {"consumer": _party(claims["consumer_org"]), "supplier": own, "delegation_source": ALTINN}
        if "authorization_details" in claims:
            return {"consumer": own, "authorization_details": [_system_user(client, claims["authorization_details"])]}
        return {"consumer": own}


def _party(organisation: str) -> dict[str, str]:
    return {"authority": "iso6523-actorid-upis", "ID": f"0192:{organisation}"}


def _system_user(client: RegisteredClient, details: object) -> dict[str, Any]:
    """The system user that an assertion's `authorization_details` asks for, as the access token tells it."""
    match details:
        case [{"type": "urn:altinn:systemuser", "systemuser_org": {"ID": str(wanted)}}]:
            for user in client.system_users:
                if wanted == f"0192:{user.organisation}":
                    return {
                        "type": SYSTEM_USER,
                        "systemuser_id": [user.systemuser_id],
                        "systemuser_org": _party(user.organisation),
                        "system_id": user.system_id,
                    }
            raise Refused("invalid_grant", "System user not found")
        case _:
            raise Refused("invalid_grant", f"authorization_details must ask for one {SYSTEM_USER}")


# The server ---------------------------------------------------------------------------------------------------------


def own_account(project: str) -> str:
    """The account that everything of the local cloud runs as."""
    return f"lokal@{project}.iam.gserviceaccount.com"


class TokenServer:
    """Both authorities on one port, in threads of this process."""

    def __init__(self, folder: Path, port: int = 0, clients: tuple[RegisteredClient, ...] = LOCAL_CLIENTS) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.clients_file = folder / "klienter.json"
        self._clients = clients
        self._server: BaseWSGIServer = make_server(HOST, port, self._serve, threaded=True)
        self.issuer = f"http://{HOST}:{self._server.server_port}/"
        self.google_key = Key()
        self.google = GoogleSigner(self.google_key)
        self.maskinporten = Maskinporten(self.issuer, self.clients_file)
        self._thread = threading.Thread(target=self._server.serve_forever, name="tokens", daemon=True)
        self._register()
        self._urls = Map(
            [
                Rule("/.well-known/oauth-authorization-server", methods=["GET"], endpoint="metadata"),
                Rule("/jwk", methods=["GET"], endpoint="keys"),
                Rule("/token", methods=["POST"], endpoint="token"),
                Rule("/oauth2/v3/certs", methods=["GET"], endpoint="google_certs"),
                Rule("/oauth2/token", methods=["POST"], endpoint="google_token"),
            ]
        )

    def start(self) -> None:
        """Answer from now on."""
        logging.getLogger("werkzeug").setLevel(logging.WARNING)
        self._thread.start()

    def _register(self) -> None:
        """Make every key and write the register; both are new each time."""
        entries = []
        for client in self._clients:
            key = Key()
            path = self._write_key(f"{client.name}.pem", key)
            entries.append(client.model_copy(update={"key_file": str(path), "jwk": key.jwk}).model_dump())
        self.clients_file.write_text(json.dumps(entries, indent=2))
        self._write_key("google.pem", self.google_key)

    def stop(self) -> None:
        """Stop answering."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def client(self, name: str) -> RegisteredClient:
        """A registered client by name."""
        entries = [RegisteredClient.model_validate(entry) for entry in json.loads(self.clients_file.read_text())]
        return next(entry for entry in entries if entry.name == name)

    def write_service_account(self, project: str, email: str = "") -> Path:
        """A service account file whose tokens come from this server: of the local cloud's own account, or of `email`,
        which may be a person's too.

        With it, official clients in any language find credentials the ordinary way, and never somebody's real ones.
        """
        path = self.folder / (f"{email}.json" if email else "tjenestekonto.json")
        account = {
            "type": "service_account",
            "project_id": project,
            "private_key_id": self.google_key.jwk["kid"],
            "private_key": self.google_key.pem.decode(),
            "client_email": email or own_account(project),
            "client_id": "0",
            "token_uri": f"{self.issuer}oauth2/token",
        }
        path.touch(mode=0o600)
        path.write_text(json.dumps(account, indent=2))
        return path

    def _write_key(self, name: str, key: Key) -> Path:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_bytes(key.pem)
        return path

    def _serve(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        try:
            endpoint, _ = self._urls.bind_to_environ(environ).match()
            response = self._answer(endpoint, request)
        except Refused as refused:
            response = _json({"error": refused.error, "error_description": refused.description}, 400, cache="no-store")
        except HTTPException as error:
            response = error.get_response(environ)
        return response(environ, start_response)

    def _answer(self, endpoint: str, request: Request) -> Response:
        match endpoint:
            case "metadata":
                return _json(self.maskinporten.metadata())
            case "keys":
                return _json(self.maskinporten.key_set())
            case "token":
                return _json(self.maskinporten.token(request.form), cache="no-store")
            case "google_certs":
                return _json({"keys": [self.google_key.jwk]})
            case _:
                token = {"access_token": self._google_token(request), "token_type": "Bearer", "expires_in": 3600}
                return _json(token, cache="no-store")

    def _google_token(self, request: Request) -> str:
        """An access token that says whose it is: the account that signed the request for it. Raises Refused."""
        try:
            claims = jwt.decode(
                request.form.get("assertion", ""),
                self.google_key.private.public_key(),
                algorithms=["RS256"],
                options={"verify_aud": False},
                leeway=CLOCK_SKEW,
            )
        except jwt.PyJWTError as error:
            raise Refused("invalid_grant", f"Invalid assertion. {error}") from error
        now = int(time.time())
        return self.google_key.sign({"email": claims["iss"], "iat": now, "exp": now + 3600, "jti": str(uuid.uuid4())})


def _json(body: object, status: int = 200, cache: Literal["no-store", "max-age=86400"] = "max-age=86400") -> Response:
    return Response(json.dumps(body), status, {"Cache-Control": cache}, content_type="application/json")


# The client side ----------------------------------------------------------------------------------------------------


def assertion(
    issuer: str, client_id: str, key_pem: str | bytes, scope: str, resource: str | None = None, **claims: Any
) -> str:
    """The signed request for a token, valid for a minute. `claims` adds or replaces claims."""
    now = int(time.time())
    asked = {"aud": issuer, "iss": client_id, "iat": now, "exp": now + 60, "jti": str(uuid.uuid4()), "scope": scope}
    if resource is not None:
        asked["resource"] = resource
    return Key.from_pem(key_pem).sign({**asked, **claims})


def fetch_token(
    issuer: str, client_id: str, key_pem: str | bytes, scope: str, resource: str | None = None, **claims: Any
) -> str:
    """An access token from Maskinporten, real or local: its metadata says where to ask."""
    import requests

    metadata = requests.get(f"{issuer}.well-known/oauth-authorization-server", timeout=10)
    metadata.raise_for_status()
    answer = requests.post(
        metadata.json()["token_endpoint"],
        data={"grant_type": JWT_BEARER, "assertion": assertion(issuer, client_id, key_pem, scope, resource, **claims)},
        timeout=10,
    )
    if answer.status_code != 200:
        raise PermissionError(f"{answer.status_code}: {answer.text}")
    return str(answer.json()["access_token"])
