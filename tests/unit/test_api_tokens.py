"""Maskinporten tokens: only a fresh, signed token of our issuer, for us, with the scope, of a real organisation."""

from __future__ import annotations

import base64
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bvr.api.handler import SCOPE
from bvr.api.http import Response
from bvr.api.maskinporten import Refused
from tests.unit.api_world import AUDIENCE, ISSUER, ORGNR, SUPPLIER, World, claims, jwk, key, token

PATH = "/tables"


@pytest.fixture
def world() -> World:
    return World()


def problem(response: Response) -> Any:
    return json.loads(response.body)


def call(world: World, text: str | None) -> Response:
    return world.get(PATH, authorization=text and f"Bearer {text}")


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512"])
def test_a_good_token(world: World, algorithm: str) -> None:
    assert call(world, token(algorithm=algorithm)).status == 200


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _unsigned() -> str:
    return f"{_part({'alg': 'none', 'kid': 'nokkel-1'})}.{_part(claims())}."


def _hmac_with_the_public_key() -> str:
    """The classic: the public key taken for a shared secret."""
    pem = key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = f"{_part({'alg': 'HS256', 'kid': 'nokkel-1'})}.{_part(claims())}"
    digest = hmac.digest(pem, signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def _changed_payload() -> str:
    head, _, signature = token().split(".")
    return f"{head}.{_part(claims(scope=SCOPE, consumer={'ID': f'0192:{SUPPLIER}'}))}.{signature}"


def _own_key() -> str:
    """A token that brings its own key."""
    return jwt.encode(claims(), key(2), "RS256", headers={"kid": "nokkel-1", "jwk": jwk(2)})


NOW = int(time.time())
BAD = {
    "unsigned": _unsigned,
    "HMAC": _hmac_with_the_public_key,
    "another key under a known id": lambda: token(2, kid="nokkel-1"),
    "unknown key": lambda: token(2),
    "own key": _own_key,
    "changed payload": _changed_payload,
    "no kid": lambda: jwt.encode(claims(), key(), "RS256"),
    "PS256": lambda: token(algorithm="PS256"),
    "expired": lambda: token(iat=NOW - 300, exp=NOW - 60),
    "not yet valid": lambda: token(nbf=NOW + 600),
    "issued in the future": lambda: token(iat=NOW + 600, exp=NOW + 700),
    "lives too long": lambda: token(exp=NOW + 90_000),
    "ends before it began": lambda: token(iat=NOW, exp=NOW - 5),
    "no exp": lambda: token(exp=None),
    "no iat": lambda: token(iat=None),
    "no iss": lambda: token(iss=None),
    "another issuer": lambda: token(iss="https://maskinporten.example/"),
    "issuer without its slash": lambda: token(iss=ISSUER.rstrip("/")),
    "another audience": lambda: token(aud="https://andre.example"),
    "no audience": lambda: token(aud=None),
    "exp is no number": lambda: token(exp="snart"),
    "not a token": lambda: "abc",
    "two parts": lambda: "a.b",
    "garbage": lambda: "a.b.c",
    "five parts": lambda: "a.b.c.d.e",
    "much too long": lambda: f"a.{'b' * 10_000}.c",
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_token(world: World, name: str) -> None:
    text = BAD[name]()
    answer = call(world, text)
    assert answer.status == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    told = problem(answer)
    assert (told["type"], told["status"]) == ("/feil/ikke-autentisert", 401)
    assert len(text) < 6 or text not in answer.body.decode()
    assert not world.tables.sent


@pytest.mark.parametrize("header", [None, "", "Basic abc", "Bearer", "Bearer ", "bearer:x"])
def test_no_token(world: World, header: str | None) -> None:
    answer = world.get(PATH, authorization=header or None)
    assert answer.status == 401
    assert "error=" not in answer.headers["WWW-Authenticate"]
    assert "Maskinporten" in problem(answer)["detail"]


def test_every_address_but_the_description_needs_a_token(world: World) -> None:
    for path in ("/config", "/tables", "/tables/bvr-meldinger-mottatt/data", "/v1/uttrekk", "/finnes/ikke"):
        assert world.get(path, authorization=None).status == 401
    assert world.get("/openapi.json", authorization=None).status == 200


@pytest.mark.parametrize("scope", [None, "", "ssb:barnevern/uttrekk", f"{SCOPE}er", f"x{SCOPE}", "ssb:barnevern"])
def test_the_scope_is_an_exact_member(world: World, scope: str | None) -> None:
    answer = call(world, token(scope=scope))
    assert answer.status == 403
    assert SCOPE in problem(answer)["detail"]
    assert SCOPE in problem(answer)["detailEn"]
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    "consumer",
    [None, {}, "0192:986128433", {"ID": ORGNR}, {"ID": f"9908:{ORGNR}"}, {"ID": "0192:986128434"}, {"ID": "0192:"}],
)
def test_the_organisation_must_be_one(world: World, consumer: Any) -> None:
    assert call(world, token(consumer=consumer)).status == 403


def _caller(world: World, **changes: Any) -> Any:
    return world.verifier.verify(f"Bearer {token(**changes)}", SCOPE)


DELEGATED = {"supplier": {"ID": f"0192:{SUPPLIER}"}, "delegation_source": "https://www.altinn.no/"}


def test_who_calls(world: World) -> None:
    caller = _caller(world, **DELEGATED)
    assert (caller.orgnr, caller.supplier, caller.client_id, caller.jti) == (ORGNR, SUPPLIER, "klient-1", "jti-1")


@pytest.mark.parametrize("source", [None, "", "https://tt02.altinn.no/", "https://www.altinn.no", ["x"], 1])
def test_a_delegation_is_made_in_altinn(world: World, source: Any) -> None:
    answer = call(world, token(**{**DELEGATED, "delegation_source": source}))
    assert (answer.status, problem(answer)["type"]) == (403, "/feil/ikke-tilgang")
    assert "Altinn" in problem(answer)["detail"]


def _system_user(**changes: Any) -> dict[str, Any]:
    return {
        "type": "urn:altinn:systemuser",
        "systemuser_org": {"authority": "iso6523-actorid-upis", "ID": f"0192:{SUPPLIER}"},
        "systemuser_id": ["a"],
        "system_id": "b",
        **changes,
    }


def test_a_system_user_speaks_for_its_organisation(world: World) -> None:
    caller = _caller(world, authorization_details=[_system_user()])
    assert (caller.orgnr, caller.supplier) == (SUPPLIER, ORGNR), "the owner of the system is logged beside it"


@pytest.mark.parametrize(
    "details",
    [
        [_system_user(systemuser_org=None)],
        [_system_user(systemuser_org={"ID": "0192:123456789"})],
        [_system_user(), _system_user(systemuser_org={"ID": f"0192:{ORGNR}"})],
    ],
)
def test_a_system_user_of_nobody_is_not_its_supplier(world: World, details: Any) -> None:
    assert call(world, token(authorization_details=details)).status == 403


def test_whose_genuine_token_it_was_is_known(world: World) -> None:
    with pytest.raises(Refused) as told:
        _caller(world, scope="ssb:annet")
    assert told.value.orgnr == ORGNR


def test_without_an_audience_of_our_own_any_token_of_the_issuer_will_do() -> None:
    world = World(audience="")
    assert call(world, token(aud=None)).status == 200
    assert call(world, token(aud="unspecified")).status == 200
    assert call(World(), token(aud=[AUDIENCE])).status == 200


def test_an_allow_list_narrows_the_scope() -> None:
    world = World(allowed=[SUPPLIER])
    answer = call(world, token())
    assert (answer.status, problem(answer)["type"]) == (403, "/feil/ikke-tilgang")
    assert call(world, token(consumer={"ID": f"0192:{SUPPLIER}"})).status == 200


# --- keys ------------------------------------------------------------------------------------------------------------


def test_keys_are_kept_for_a_day(world: World) -> None:
    for _ in range(3):
        call(world, token())
    assert world.issuer.fetched == [f"{ISSUER}.well-known/oauth-authorization-server", f"{ISSUER}jwk"]
    world.now += 24 * 3600 + 1
    assert call(world, token()).status == 200
    assert len(world.issuer.fetched) == 4


def test_a_new_key_is_fetched_when_it_is_first_seen(world: World) -> None:
    call(world, token())
    world.now += 61
    world.issuer.keys = [jwk(), jwk(2)]
    assert call(world, token(2)).status == 200
    assert len(world.issuer.fetched) == 4


def test_unknown_keys_cannot_make_us_fetch_without_end(world: World) -> None:
    for number in range(20):
        assert call(world, token(kid=f"ukjent-{number}")).status == 401
    assert len(world.issuer.fetched) == 2


def test_a_withdrawn_key_is_gone_after_the_next_fetch(world: World) -> None:
    call(world, token())
    world.issuer.keys = [jwk(2)]
    world.now += 24 * 3600 + 1
    assert call(world, token()).status == 401


def test_stale_keys_serve_while_the_issuer_is_down(world: World) -> None:
    call(world, token())
    world.issuer.down = True
    world.now += 2 * 24 * 3600
    assert call(world, token()).status == 200
    assert call(world, token()).status == 200
    assert len(world.issuer.fetched) == 3, "one attempt a minute"
    world.now += 61
    world.issuer.down = False
    assert call(world, token()).status == 200
    assert len(world.issuer.fetched) == 5


@pytest.mark.parametrize(
    "metadata",
    [None, [], {}, {"issuer": ISSUER}, {"issuer": "https://andre.example/", "jwks_uri": f"{ISSUER}jwk"}],
)
def test_without_any_key_it_is_not_the_callers_fault(world: World, metadata: Any) -> None:
    world.issuer.metadata = metadata
    answer = call(world, token())
    assert (answer.status, answer.headers["Retry-After"]) == (503, "60")
    assert "WWW-Authenticate" not in answer.headers


def test_an_unreachable_issuer_is_not_the_callers_fault(world: World) -> None:
    world.issuer.down = True
    assert call(world, token()).status == 503


def test_a_key_that_cannot_be_read_does_not_take_the_others_with_it(world: World) -> None:
    world.issuer.keys = [{"kty": "RSA", "kid": "rar"}, {"kty": "EC", "kid": "ec"}, jwk()]
    assert call(world, token()).status == 200
    assert call(world, token(kid="rar")).status == 401
