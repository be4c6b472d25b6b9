"""Governance against its own description: whatever is made of it, the answers are as described, and never a 500."""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from werkzeug.wrappers import Request as Asked
from werkzeug.wrappers import Response

from bvr.api.governance import governs
from bvr.api.governance_openapi import merge
from bvr.api.http import Request
from bvr.api.openapi import document
from tests.unit.api_world import token
from tests.unit.governance_world import EVERY, SSB, World

WORLD = World()
WORLD.act("SENDT", SSB)


@Asked.application
def application(asked: Asked) -> Response:
    """Governance behind WSGI, whatever the path."""
    headers = {name.lower(): value for name, value in asked.headers.items()}
    request = Request(
        method=asked.method, path=asked.path, query=asked.args.to_dict(), headers=headers, body=asked.get_data()
    )
    answer = WORLD.api.handle(request)
    return Response(answer.body, status=answer.status, headers=answer.headers)


def described() -> dict[str, Any]:
    whole = merge(document())
    return {**whole, "paths": {path: about for path, about in whole["paths"].items() if governs(path)}}


schema = schemathesis.openapi.from_dict(described())
schema.app = application


@schema.parametrize()
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_answers_are_as_described(case: Any) -> None:
    consumer = {"authority": "iso6523-actorid-upis", "ID": f"0192:{SSB}"}
    bearer = f"Bearer {token(consumer=consumer, scope=EVERY)}"
    # The client of the test opens no compressed answers.
    answer = case.call(headers={"Authorization": bearer, "Accept-Encoding": "identity"})
    # Headers that hold a call off do so, however well-formed it is.
    held_off = answer.status_code in (412, 422) and answer.json()["felt"] in ("If-Match", "Idempotency-Key")
    case.validate_response(answer, excluded_checks=[positive_data_acceptance] if held_off else [])
