"""The municipality API of the local cloud answers as its own description says, in every way that a case system can."""

import re
from pathlib import Path

import pytest
import requests

from bvr.hendelse.openapi import document
from bvr.hendelse.pull import PATH, SCOPE
from emulator.kommune import KommuneServer
from emulator.tokens import TokenServer, fetch_token

pytestmark = pytest.mark.local_cloud
KNOWN, DELETED, DOWN = "reference-known-000001", "reference-deleted-0001", "reference-down-0000001"


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    tokens = TokenServer(tmp_path_factory.mktemp("nokler"))
    kommune = KommuneServer(tokens.issuer)
    tokens.start()
    kommune.start()
    kommune.put(KNOWN, "<Barnevern>æ</Barnevern>".encode())
    kommune.gone.add(DELETED)
    kommune.faults[DOWN] = "down"
    yield tokens, kommune
    kommune.stop()
    tokens.stop()


@pytest.fixture(scope="module")
def ask(servers):
    tokens, kommune = servers
    client = tokens.client("registeret")
    token = fetch_token(tokens.issuer, client.client_id, Path(client.key_file).read_text(), SCOPE)

    def one(reference, **headers):
        headers = {"Authorization": f"Bearer {token}"} | {name.replace("_", "-"): v for name, v in headers.items()}
        return requests.get(f"{kommune.url}{PATH}{reference}", headers=headers, timeout=10)

    return one


def described(answer):
    """The description of an answer, after a check that it has what that requires."""
    found = document()["paths"][f"{PATH}{{referanse}}"]["get"]["responses"][str(answer.status_code)]
    for name, header in found.get("headers", {}).items():
        if header.get("required"):
            assert re.search(header["schema"].get("pattern", "."), answer.headers[name])
    if "content" in found:
        assert answer.headers["content-type"].partition(";")[0] in found["content"]
    else:
        assert not answer.content
    return found


def test_every_answer_is_one_that_is_described(ask):
    case = ask(KNOWN)
    answers = {
        200: case,
        304: ask(KNOWN, If_None_Match=case.headers["ETag"]),
        401: ask(KNOWN, Authorization="Bearer nothing"),
        404: ask("reference-unknown-0001"),
        410: ask(DELETED),
        503: ask(DOWN),
    }
    assert {status: answer.status_code for status, answer in answers.items()} == {s: s for s in answers}
    for answer in answers.values():
        assert described(answer)
    assert "Retry-After" in answers[503].headers
