"""Where a corpus begins: one sound input of each form, and the hostile ones that the security tests have."""

from __future__ import annotations

import base64
import json as js
from collections.abc import Iterator

import msgspec

from bvr.api.openapi import document as described
from bvr.kostra.rules.examples import avgiver, individ
from bvr.kostra.rules.examples import melding as kostra_melding
from bvr.kostra.xml import encode as kostra_xml
from bvr.model.json_form import to_json
from bvr.model.xml import encode
from bvr.rules.examples import document, melding, personalia, plan, sak, undersokelse
from tests.security.containers import container, entries, zipped
from tests.unit.service_world import SENDER

CASE = document(sak(personalia(), melding(slutt="2024-02-05"), undersokelse(), plan()))


def seeds() -> Iterator[tuple[str, bytes]]:
    """(target, input)."""
    xml = encode(CASE)
    as_json = to_json(CASE)
    yield "container", container()
    yield "container", zipped(entries())
    yield "payload", msgspec.json.encode({"xsdVersion": 4, "xmlBody": xml.decode()})
    yield "payload", xml
    yield "payload", as_json
    yield "xml", xml
    yield "xml", xml.replace(b"<Sak ", b'<Sak xmlns:x="y" x:z="&#38;" ', 1)
    yield "json", as_json
    yield "json", b'{"hendelseId": "00000000-0000-4000-8000-000000000001"}'
    yield "kostra", kostra_xml(avgiver(), [individ(kostra_melding())])
    message = {"data": base64.b64encode(xml[:200]).decode(), "messageId": "1", "publishTime": "2026-06-30T12:00:00Z"}
    attributes = {"type": "x", "melding-id": "00000000-0000-4000-8000-000000000001", "avsender-id": SENDER}
    yield "envelope", js.dumps({"message": {**message, "attributes": attributes}, "subscription": "s"}).encode()
    yield "envelope", js.dumps({"specversion": "1.0", "data": {"message": message}}).encode()
    for path in described()["paths"]:
        yield "api", path.replace("{id}", "bvr-meldinger-mottatt").encode()
    yield (
        "api",
        b"/tables/bvr-meldinger-mottatt/data?valuecodes[Region]=3301,EKA*&valuecodes[Tid]=top(2)&outputFormat=csv",
    )
    chosen = {"selection": [{"variableCode": "Region", "valueCodes": ["3301", "[range(0301,1103)]"]}]}
    yield "api", b"/tables/bvr-meldinger-mottatt/data\n" + js.dumps(chosen).encode()


def main() -> None:
    """Write those that the corpus does not have."""
    import hashlib

    from tests.fuzz.targets import CORPUS

    for name, data in seeds():
        (CORPUS / name).mkdir(parents=True, exist_ok=True)
        path = CORPUS / name / f"seed-{hashlib.sha256(data).hexdigest()[:12]}"
        if not (name == "container" and list((CORPUS / name).glob("seed-*"))[1:]):
            path.write_bytes(data)


if __name__ == "__main__":
    main()
