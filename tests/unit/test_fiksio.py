"""Fiks IO without a broker: headers to attributes, and the REST side."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bvr.desk import SEALED_TYPE
from bvr.errors import Retry
from bvr.fiksio.headers import OWN, attributes, is_notice
from bvr.fiksio.send import SCOPE, FiksClient, Integration
from bvr.fiksio.settings import FiksSettings
from bvr.gcp import _Parts
from bvr.intake.envelope import Envelope, read_envelope
from bvr.intake.protocol import INVALID, RECEIPT, SSB_REPORT, SUBMIT
from bvr.intake.sealed import Opened, Opener
from bvr.intake.sealed.keys import PemKeys
from bvr.intake.sealed.seal import Signing
from bvr.intake.sealed.trust import Trust
from bvr.testpki import Pki, pem_of

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
US, THEM = str(uuid4()), str(uuid4())

# --- headers ---------------------------------------------------------------------------------------------------------

_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_names = st.sampled_from(
    ["melding-id", "type", "avsender-id", "svar-til", "klientmelding-id", f"{OWN}klientMeldingId", f"{OWN}xsdVersion"]
) | st.text(max_size=40)


@given(
    headers=st.dictionaries(_names, _values, max_size=8) | _values,
    expiration=st.none() | st.text(max_size=30) | st.text("0123456789", max_size=6000),
)
def test_whatever_the_headers_are_there_are_attributes_that_can_be_published(
    headers: Any, expiration: str | None
) -> None:
    about = attributes(headers, expiration, US, NOW)
    assert all(isinstance(value, str) and 0 < len(value.encode()) <= 1024 for value in about.values())
    assert all(len(name) <= 256 for name in about)
    assert len(about) <= 100
    assert about["mottaker-id"] == US


@given(st.sampled_from(["klientmelding-id", f"{OWN}klientMeldingId"]), st.sampled_from([str, str.encode]))
def test_both_spellings_in_text_or_bytes_are_one_attribute(name: str, as_: Callable[[str], Any]) -> None:
    own = str(uuid4())
    headers = {"melding-id": as_(str(uuid4())), "type": as_(SUBMIT), "avsender-id": as_(THEM), name: as_(own)}
    envelope = read_envelope(attributes(headers, None, US, NOW))
    assert isinstance(envelope, Envelope)
    assert envelope.klient_melding_id == own


@pytest.mark.parametrize("name", ["klientKorrelasjonsId", "klientKorrelasjonId"])
def test_a_correlation_id_is_carried_on_up_to_what_an_attribute_holds(name: str) -> None:
    for length, carried in ((1024, True), (1025, False)):
        about = attributes({f"{OWN}{name}": "k" * length}, None, US, NOW)
        assert ("klient-korrelasjons-id" in about) is carried
    assert "klient-korrelasjons-id" not in attributes({f"{OWN}{name}": "ø" * 1000}, None, US, NOW)  # bytes count


def test_a_time_to_live_becomes_an_instant() -> None:
    assert attributes({}, "60000", US, NOW)["utloper"] == (NOW + timedelta(minutes=1)).isoformat()
    for wrong in (None, "", "-1", "1.5", "9" * 14, "9" * 5000, "٣"):
        assert "utloper" not in attributes({}, wrong, US, NOW)


def test_only_own_headers_that_are_allowed_are_carried_on() -> None:
    about = attributes({f"{OWN}system": "a", f"{OWN}barn": "b"}, None, US, NOW, {"system"})
    assert about[f"{OWN}system"] == "a"
    assert f"{OWN}barn" not in about


@pytest.mark.parametrize("names", [",".join(f"n{n}" for n in range(21)), "a b", "ø", "x" * 101])
def test_allowed_names_are_few_and_plain(names: str) -> None:
    with pytest.raises(ValidationError):
        FiksSettings(own_headers=names)
    assert FiksSettings(own_headers=" a, b ,").own_headers == "a,b"


@pytest.mark.parametrize(
    "kind",
    [
        "no.ks.fiks.kvittering.tidsavbrudd",
        "no.ks.fiks.kvittering.serverfeil.v1",
        "no.ks.fiks.io.feilmelding.serverfeil",
        "no.ks.fiks.io.feilmelding.serverfeil.v1",
    ],
)
def test_every_spelling_of_a_notice_is_known(kind: str) -> None:
    assert is_notice(kind)
    assert not is_notice(SUBMIT)


# --- REST ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki.new()


@pytest.fixture(scope="module")
def parties(pki: Pki) -> tuple[Signing, Signing]:
    return pki.business("991825827", "Registeret"), pki.business("310000001", "Mottakeren")


class Tokens:
    def __init__(self) -> None:
        self.asked: list[tuple[str, bool]] = []

    def token(self, scope: str, resource: str | None = None, *, fresh: bool = False) -> str:
        self.asked.append((scope, fresh))
        return f"token-{len(self.asked)}"


class Platform:
    """Answers as Fiks IO does; `failing` are the next answers in place of that."""

    def __init__(self, receiver: Signing) -> None:
        self.receiver = receiver
        self.requests: list[httpx.Request] = []
        self.failing: list[httpx.Response | Exception] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        if self.failing:
            next_one = self.failing.pop(0)
            if isinstance(next_one, Exception):
                raise next_one
            return next_one
        if request.url.path.endswith("/offentligNokkel"):
            return httpx.Response(200, json={"nokkel": pem_of(self.receiver.certificate).decode()})
        if request.url.path == "/fiks-io/api/v1/send":
            return httpx.Response(200, json={"meldingId": "fiks-1"})
        return httpx.Response(200, content=b"x" * 200_000)

    def parts(self) -> dict[str, bytes]:
        """The parts of the last POST."""
        request = [r for r in self.requests if r.method == "POST"][-1]
        boundary = request.headers["content-type"].partition("boundary=")[2].encode()
        found = {}
        for part in request.content.split(b"--" + boundary)[1:-1]:
            head, _, body = part.partition(b"\r\n\r\n")
            found[head.decode().split('name="')[1].split('"')[0]] = body.removesuffix(b"\r\n")
        return found

    def sent(self) -> Any:
        return json.loads(self.parts()["metadata"])


def client(platform: Platform, parties: tuple[Signing, Signing], **how: Any) -> FiksClient:
    me = Integration(api="https://api.example", id="integrasjon", password="hemmelig", account=US)
    http = httpx.Client(transport=httpx.MockTransport(platform))
    return FiksClient(me, how.pop("tokens", Tokens()), parties[0], lambda _: True, http, **how)


def answer(**changed: str) -> dict[str, str]:
    return {
        "type": RECEIPT,
        "melding-id": str(uuid4()),
        "klient-melding-id": "11111111-0000-5000-8000-000000000001",
        "klient-korrelasjons-id": "samtale",
        "svar-til": "22222222-0000-4000-8000-000000000002",
        "mottaker-id": THEM,
        "content-type": "application/json",
    } | changed


@pytest.mark.parametrize(
    ("kind", "name"), [(RECEIPT, "kvittering.json"), (SSB_REPORT, "payload.json"), (INVALID, "feilmelding.json")]
)
def test_an_answer_is_sealed_to_its_receiver_and_says_what_it_answers(
    pki: Pki, parties: tuple[Signing, Signing], kind: str, name: str
) -> None:
    platform = Platform(parties[1])
    assert client(platform, parties).send(answer(type=kind), b'{"a": 1}') == "fiks-1"
    assert platform.sent() == {
        "avsenderKontoId": US,
        "mottakerKontoId": THEM,
        "meldingType": kind,
        "svarPaMelding": "22222222-0000-4000-8000-000000000002",
        "ttl": 7 * 24 * 3600 * 1000,
        "headere": {
            "klientMeldingId": "11111111-0000-5000-8000-000000000001",
            "klientKorrelasjonsId": "samtale",
            "klientKorrelasjonId": "samtale",
        },
    }
    opened = Opener(keys=PemKeys([parties[1].key]), trust=Trust.of(pem_of(pki.root))).open(
        platform.parts()["data"], datetime.now(UTC)
    )
    assert isinstance(opened, Opened)
    assert opened.files == {name: b'{"a": 1}'}
    assert opened.signer.orgnr == "991825827"
    headers = platform.requests[-1].headers
    assert headers["IntegrasjonId"] == "integrasjon"
    assert headers["IntegrasjonPassord"] == "hemmelig"
    assert headers["Authorization"].startswith("Bearer token-")


def test_what_is_sealed_already_or_empty_is_sent_as_it_is(parties: tuple[Signing, Signing]) -> None:
    platform = Platform(parties[1])
    one = client(platform, parties)
    one.send(answer(**{"content-type": SEALED_TYPE}), b"0sealed")
    assert platform.parts()["data"] == b"0sealed"
    one.send(answer(type=f"{SUBMIT}.mottatt"), b"")
    assert set(platform.parts()) == {"metadata"}
    assert not [r for r in platform.requests if "offentligNokkel" in r.url.path]


def test_a_key_is_fetched_again_after_ten_minutes(parties: tuple[Signing, Signing]) -> None:
    platform, now = Platform(parties[1]), [0.0]
    one = client(platform, parties, clock=lambda: now[0])
    for at, fetched in ((0, 1), (599, 1), (601, 2)):
        now[0] = at
        one.send(answer(), b"{}")
        assert len([r for r in platform.requests if r.method == "GET"]) == fetched


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectError("x"),
        httpx.ReadTimeout("x"),
        httpx.Response(503),
        httpx.Response(429),
        httpx.Response(400, json={"errorCode": "X1", "errorId": "e-1", "message": "hemmelig navn"}),
        httpx.Response(500, text="<html>"),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[]),
    ],
)
def test_what_goes_wrong_is_tried_again_later_and_tells_no_content(
    parties: tuple[Signing, Signing], failure: httpx.Response | Exception
) -> None:
    platform = Platform(parties[1])
    platform.failing = [failure]
    with pytest.raises(Retry) as raised:
        client(platform, parties).send(answer(**{"content-type": SEALED_TYPE}), b"0")
    assert "navn" not in str(raised.value)
    if isinstance(failure, httpx.Response) and failure.status_code == 400:
        assert "X1 e-1" in str(raised.value)


def test_a_token_that_is_refused_is_asked_for_again_once(parties: tuple[Signing, Signing]) -> None:
    platform, tokens = Platform(parties[1]), Tokens()
    platform.failing = [httpx.Response(401)]
    one = client(platform, parties, tokens=tokens)
    one.send(answer(**{"content-type": SEALED_TYPE}), b"0")
    assert tokens.asked == [(SCOPE, False), (SCOPE, True)]
    platform.failing = [httpx.Response(401), httpx.Response(401)]
    with pytest.raises(Retry, match="401"):
        one.send(answer(**{"content-type": SEALED_TYPE}), b"0")


@pytest.mark.parametrize("key", [{"nokkel": "ikke et sertifikat"}, {}, [], {"nokkel": 1}])
def test_a_key_that_cannot_be_read_is_waited_for(parties: tuple[Signing, Signing], key: Any) -> None:
    platform = Platform(parties[1])
    platform.failing = [httpx.Response(200, json=key)]
    with pytest.raises(Retry, match="key"):
        client(platform, parties).send(answer(), b"{}")


def test_what_lies_beside_the_queue_comes_in_parts(parties: tuple[Signing, Signing]) -> None:
    platform = Platform(parties[1])
    one = client(platform, parties)
    with one.open("dok") as parts:
        assert parts is not None
        found = list(parts)
    assert len(found) > 1
    assert b"".join(found) == b"x" * 200_000
    for status in (404, 410):
        platform.failing = [httpx.Response(status)]
        with one.open("dok") as parts:
            assert parts is None
    platform.failing = [httpx.Response(401)]
    with one.open("dok") as parts:
        assert parts is not None
    for failure in (httpx.Response(503), httpx.ConnectError("x")):
        platform.failing = [failure]
        with pytest.raises(Retry), one.open("dok"):
            pass


def test_a_download_that_breaks_on_the_way_is_tried_again(parties: tuple[Signing, Signing]) -> None:
    class Breaks(httpx.SyncByteStream):
        def __iter__(self) -> Any:
            yield b"x" * 100_000
            raise httpx.ReadError("cut")

    platform = Platform(parties[1])
    platform.failing = [httpx.Response(200, stream=Breaks())]
    with pytest.raises(Retry, match="ReadError"), client(platform, parties).open("dok") as parts:
        list(parts or ())


@given(st.lists(st.binary(max_size=50), max_size=20), st.lists(st.integers(-1, 70), min_size=1, max_size=30))
def test_parts_read_as_a_file_are_the_same_bytes(parts: list[bytes], sizes: list[int]) -> None:
    file, found = _Parts(parts), b""
    for size in chain(sizes, [-1]):
        assert file.tell() == len(found)
        got = file.read(size)
        assert size < 0 or len(got) <= size
        found += got
    assert found == b"".join(parts)
    assert file.read(1) == b""
