"""One submission as it arrives, and a folder of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from bvr.intake.protocol import SSB_SUBMIT, SUBMIT
from bvr.model.concepts import Barnevern
from bvr.model.versions import interface

Kind = Literal["new", "grown", "corrected", "duplicate", "retry", "late"]


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What is special about a submission.

    `new` is the first of its case, `grown` a later one, `corrected` one without the fault of its predecessor; a
    `retry` has the bytes and the klient-melding-id of an earlier one, a `duplicate` only the bytes; `late` comes after
    its successor.
    """

    kind: Kind
    planted: tuple[str, ...] = ()  # rules that fire because of a fault put in
    allowed: tuple[str, ...] = ()  # further rules that may fire beside the fault
    standing: tuple[str, ...] = ()  # rules that fire because the case is as it is; only told when nothing is planted
    invalid: str | None = None  # why no schema accepts it
    missing: Literal["gap", "late"] | None = None  # ForrigeId names one that never comes, or that comes later

    @property
    def findings(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.planted, *self.standing)))


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """One message. `document` is what the XML says, or said before it was broken."""

    document: Barnevern
    xml: bytes
    version: str
    melding_id: str
    klient_melding_id: str
    avsender_id: str
    native: bool
    sent: datetime
    note: Note

    @property
    def type(self) -> str:
        return SUBMIT if self.native else SSB_SUBMIT

    @property
    def attributes(self) -> dict[str, str]:
        """The envelope as Pub/Sub attributes."""
        found = {
            "melding-id": self.melding_id,
            "klient-melding-id": self.klient_melding_id,
            "avsender-id": self.avsender_id,
            "type": self.type,
        }
        if self.native:
            found["xsd-versjon"] = self.version
        return found

    @property
    def body(self) -> bytes:
        """The message body: the XML, or `payload.json` around it in the production protocol."""
        if self.native:
            return self.xml
        return msgspec.json.encode({"xsdVersion": interface(self.version), "xmlBody": self.xml.decode()})


def write(submissions: Iterable[Submission], folder: Path) -> int:
    """Write each submission as a file, named in order of arrival, and `manifest.jsonl`; the number written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = 0
    with (folder / "manifest.jsonl").open("wb") as manifest:
        for written, s in enumerate(submissions, 1):
            name = f"{written:07d}.xml"
            (folder / name).write_bytes(s.xml)
            line = {
                "file": name,
                "sent": s.sent,
                "version": s.version,
                "attributes": s.attributes,
                "case": s.document.sak.id,
                "submission": s.document.id,
                "previous": s.document.forrige_id,
                "note": s.note,
            }
            manifest.write(msgspec.json.encode(line) + b"\n")
    return written
