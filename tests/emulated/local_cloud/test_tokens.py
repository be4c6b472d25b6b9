"""The token authorities: what is granted, what is refused, and how a receiver checks it."""

import time
from pathlib import Path

import google.auth
import google.auth.transport.requests
import jwt
import pytest
import requests

from emulator.tokens import (
    BUFDIR,
    JWT_BEARER,
    MUNICIPALITY,
    QUALITY,
    READ,
    SUPPLIER,
    SYSTEM_USER,
    Key,
    TokenServer,
    assertion,
    control_digit,
    fetch_token,
)

pytestmark = pytest.mark.local_cloud

API = "https://barnevern.api.example/"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = TokenServer(tmp_path_factory.mktemp("nokler"))
    server.start()
    yield server
    server.stop()


def key_of(client):
    return Path(client.key_file).read_bytes()


def verified(server, token, audience=None):
    """The claims of a token, checked as the extract API checks it: by PyJWT with the published keys."""
    metadata = requests.get(f"{server.issuer}.well-known/oauth-authorization-server", timeout=5).json()
    key = jwt.PyJWKClient(metadata["jwks_uri"]).get_signing_key_from_jwt(token)
    return jwt.decode(token, key, algorithms=["RS256"], issuer=server.issuer, audience=audience)


def ask(server, form):
    answer = requests.post(f"{server.issuer}token", data=form, timeout=5)
    return answer.status_code, answer.json()


def refused(server, client, scope=READ, issued=None, lifetime=60, **changes):
    """The error and its description for an assertion with some claims changed; `issued` is seconds from now."""
    if issued is not None:
        now = int(time.time())
        changes |= {"iat": now + issued, "exp": now + issued + lifetime}
    asked = assertion(server.issuer, client.client_id, key_of(client), scope, **changes)
    status, body = ask(server, {"grant_type": JWT_BEARER, "assertion": asked})
    assert status == 400
    return body["error"], body["error_description"]


def test_metadata(server):
    answer = requests.get(f"{server.issuer}.well-known/oauth-authorization-server", timeout=5).json()
    assert answer["issuer"] == server.issuer
    assert answer["issuer"].endswith("/")
    assert answer["token_endpoint"] == f"{server.issuer}token"


def test_an_organisation_gets_a_token_for_a_resource(server):
    client = server.client("bufdir")
    token = fetch_token(server.issuer, client.client_id, key_of(client), READ, API)
    claims = verified(server, token, API)
    assert claims["consumer"] == {"authority": "iso6523-actorid-upis", "ID": f"0192:{BUFDIR}"}
    assert claims["scope"] == READ
    assert (claims["client_id"], claims["client_amr"]) == (client.client_id, "private_key_jwt")
    assert 0 < claims["exp"] - claims["iat"] <= 120
    assert claims["jti"]
    assert "supplier" not in claims


def test_a_token_without_resource_has_no_audience(server):
    client = server.client("bufdir")
    assert "aud" not in verified(server, fetch_token(server.issuer, client.client_id, key_of(client), READ))


def test_a_supplier_acts_by_delegation(server):
    client = server.client("leverandor")
    claims = verified(
        server, fetch_token(server.issuer, client.client_id, key_of(client), QUALITY, consumer_org=MUNICIPALITY)
    )
    assert claims["consumer"]["ID"] == f"0192:{MUNICIPALITY}"
    assert claims["supplier"]["ID"] == f"0192:{SUPPLIER}"
    assert claims["delegation_source"]


def test_a_supplier_acts_as_system_user(server):
    client = server.client("leverandor")
    organisation = {"authority": "iso6523-actorid-upis", "ID": f"0192:{MUNICIPALITY}"}
    wanted = [{"type": SYSTEM_USER, "systemuser_org": organisation}]
    claims = verified(
        server, fetch_token(server.issuer, client.client_id, key_of(client), QUALITY, authorization_details=wanted)
    )
    assert claims["consumer"]["ID"] == f"0192:{SUPPLIER}"  # the supplier itself, as Maskinporten has it
    (details,) = claims["authorization_details"]
    assert details["systemuser_org"]["ID"] == f"0192:{MUNICIPALITY}"
    assert details["systemuser_id"]


@pytest.mark.parametrize(
    ("changes", "error", "description"),
    [
        ({"aud": "http://elsewhere/"}, "invalid_grant", "aud must be"),
        ({"aud": ["x", "y"]}, "invalid_grant", "aud must be"),
        ({"issued": 0, "lifetime": 121}, "invalid_grant", "at most 120"),
        ({"issued": -100, "lifetime": 60}, "invalid_grant", "expired"),
        ({"issued": 30}, "invalid_grant", "future|not yet valid"),
        ({"iat": None}, "invalid_grant", "iat"),
        ({"sub": "me"}, "invalid_grant", "Unknown claims: sub"),
        ({"iss": "5b1f6e1a-ffff-4000-8000-000000000001"}, "invalid_client", "no registered client"),
        ({"scope": ""}, "invalid_scope", "missing"),
        ({"scope": f"{READ} ssb:barnevern/annet"}, "invalid_scope", "not been granted: ssb:barnevern/annet"),
        ({"scope": READ.removesuffix(".read")}, "invalid_scope", "not been granted"),
        ({"consumer_org": BUFDIR}, "invalid_grant", "not delegated"),
        ({"authorization_details": "x"}, "invalid_grant", "must ask for one"),
    ],
)
def test_what_maskinporten_refuses(server, changes, error, description):
    found, text = refused(server, server.client("bufdir"), **changes)
    assert found == error
    assert any(part in text for part in description.split("|")), text


def test_a_scope_the_organisation_has_not_been_granted(server):
    assert refused(server, server.client("uten-tilgang")) == (
        "invalid_scope",
        f"The organisation has not been granted: {READ}",
    )


def test_an_assertion_is_used_once(server):
    client = server.client("bufdir")
    form = {
        "grant_type": JWT_BEARER,
        "assertion": assertion(server.issuer, client.client_id, key_of(client), READ),
    }
    assert ask(server, form)[0] == 200
    status, body = ask(server, form)
    assert (status, body["error_description"]) == (400, "Invalid assertion. jti has been used")


def test_the_assertion_is_signed_by_the_client_s_own_key(server):
    client, other = server.client("bufdir"), server.client("kommune")
    wrong_key = assertion(server.issuer, client.client_id, key_of(other), READ)
    assert ask(server, {"grant_type": JWT_BEARER, "assertion": wrong_key})[1]["error"] == "invalid_client"
    claims = jwt.decode(wrong_key, options={"verify_signature": False})
    forged = jwt.encode(claims, Key().private, "RS256", {"kid": client.jwk["kid"]})
    assert ask(server, {"grant_type": JWT_BEARER, "assertion": forged})[1]["error"] == "invalid_grant"
    unsigned = jwt.encode(claims, None, "none", {"kid": client.jwk["kid"]})
    assert ask(server, {"grant_type": JWT_BEARER, "assertion": unsigned})[1]["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"grant_type": JWT_BEARER}, "invalid_request"),
        ({"grant_type": JWT_BEARER, "assertion": "not.a.jwt"}, "invalid_grant"),
    ],
)
def test_other_requests(server, form, error):
    status, body = ask(server, form)
    assert (status, body["error"]) == (400, error)


def test_a_new_key_does_not_spoil_older_tokens(server):
    client = server.client("bufdir")
    before = fetch_token(server.issuer, client.client_id, key_of(client), READ)
    server.maskinporten.rotate()
    after = fetch_token(server.issuer, client.client_id, key_of(client), READ)
    assert jwt.get_unverified_header(before)["kid"] != jwt.get_unverified_header(after)["kid"]
    for token in (before, after):
        verified(server, token)


def test_a_push_token_verifies_against_google_s_certificates(server):
    token = server.google.sign({"aud": "http://mottak/", "email": "push@p.iam.gserviceaccount.com"})
    key = jwt.PyJWKClient(f"{server.issuer}oauth2/v3/certs").get_signing_key_from_jwt(token)
    claims = jwt.decode(
        token, key, algorithms=["RS256"], audience="http://mottak/", issuer="https://accounts.google.com"
    )
    assert claims["email_verified"] is True


def test_official_clients_find_credentials(server, monkeypatch):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(server.write_service_account("p")))
    credentials, project = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
    credentials.refresh(google.auth.transport.requests.Request())
    assert project == "p"
    assert credentials.token


def test_keys_are_readable_by_the_owner_only(server):
    assert {path.stat().st_mode & 0o777 for path in server.folder.glob("*.pem")} == {0o600}


def test_organisation_numbers_are_well_formed():
    for number in (BUFDIR, MUNICIPALITY, SUPPLIER):
        assert number[0] == "3"
        assert control_digit(number[:8]) == number[8]
    assert control_digit("31000001") == "9"
