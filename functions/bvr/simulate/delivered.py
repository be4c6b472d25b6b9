"""The cases of a nation as they are sent, and as rows of `register.innsending`, one at a time."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator
from datetime import UTC, timedelta
from gzip import GzipFile
from hashlib import sha512
from pathlib import Path
from typing import Any

import msgspec

from bvr.chain import NothingKnown
from bvr.intake.envelope import Envelope, read_envelope
from bvr.intake.payload import open_payload
from bvr.intake.sender import Senders
from bvr.model.versions import CURRENT
from bvr.model.xml import encode
from bvr.pipeline import Message, Settings, process
from bvr.register.rows import Cipher, row
from bvr.rules.options import RuleOptions
from bvr.simulate.arrivals import seeded
from bvr.simulate.history import new_id
from bvr.simulate.nation import NationalCase
from bvr.simulate.senders import rights
from bvr.simulate.submission import Note, Submission


def submissions(cases: Iterable[NationalCase]) -> Iterator[Submission]:
    """Each case as the message that brings it on the last evening of the year. The same cases give the same bytes."""
    for case in cases:
        document = case.document
        rng = seeded("levering", document.id)
        yield Submission(
            document=document,
            xml=encode(document, CURRENT),
            version=CURRENT,
            melding_id=new_id(rng),
            klient_melding_id=new_id(rng),
            avsender_id=case.kommune.account,
            native=case.kommune.native,
            sent=document.dato_uttrekk.astimezone(UTC) + timedelta(milliseconds=rng.randrange(20_000, 2_400_000)),
            note=Note(
                kind="new",
                planted=(case.fault,) if case.fault else (),
                standing=() if case.fault else case.standing,
            ),
        )


def rows(messages: Iterable[Submission], cipher: Cipher) -> Iterator[dict[str, Any]]:
    """The row of `register.innsending` of each message, through the pipeline that the register itself runs."""
    settings, senders, nothing = Settings(options=RuleOptions(allow_synthetic=True)), Senders(rights()), NothingKnown()
    for message in messages:
        envelope = read_envelope(message.attributes)
        if not isinstance(envelope, Envelope):
            raise ValueError(f"{message.melding_id} has no envelope that can be read")
        received = Message(
            envelope=envelope,
            payload=open_payload(message.body, envelope, message.sent),
            received=message.sent,
            handled=message.sent,
        )
        yield row(process(received, nothing, settings, senders), cipher)


def write_rows(found: Iterable[dict[str, Any]], file: Path) -> int:
    """Write rows as gzipped JSON lines, as a load job of BigQuery takes them; the number written."""
    written = 0
    with file.open("wb") as raw, GzipFile(fileobj=raw, mode="wb", filename="", mtime=0, compresslevel=4) as lines:
        for one in found:
            written += 1
            lines.write(msgspec.json.encode(one) + b"\n")
    return written


def synthetic_keyset(seed: int) -> str:
    """A keyset as JSON that follows from a seed, so that the rows do too. It protects nothing."""
    key = bytes([0x12, 64]) + sha512(f"nasjon/{seed}".encode()).digest()  # AesSivKey.key_value
    data = {
        "typeUrl": "type.googleapis.com/google.crypto.tink.AesSivKey",
        "value": b64encode(key).decode(),
        "keyMaterialType": "SYMMETRIC",
    }
    entry = {"keyData": data, "status": "ENABLED", "keyId": 1, "outputPrefixType": "TINK"}
    return msgspec.json.encode({"primaryKeyId": 1, "key": [entry]}).decode()
