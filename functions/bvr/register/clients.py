"""A child in KOSTRA files: one client among many. What is only about the child goes; a file loses that client alone.

The file in the archive is written anew without the client, byte for byte the same otherwise, and says so beside itself:
a redelivery of the file as it was is then known to be that file. Control reports name clients by journal number: those
that name the child's are removed, and can be made again from the archive.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Protocol
from xml.parsers import expat

import msgspec

from bvr.desk import REDACTED, Objects, Stored, envelope_of, kept_attributes
from bvr.intake.envelope import Delivery
from bvr.intake.protocol import KOSTRA_SUBMIT
from bvr.receipt import answer_id
from bvr.register.derived import Tables
from bvr.register.traces import READABLE, Reader, Subject, below, known_messages, text_of

_END = re.compile(rb"</Individ\s*>")
_NUMBERS = ("Fodselsnummer", "DUFnummer")


class Rewrites(Objects, Protocol):
    """A bucket whose objects can be written anew: no other way leads from an object to none and back."""

    def replace(self, name: str, data: bytes, metadata: dict[str, str]) -> None: ...


class Clients(msgspec.Struct, kw_only=True):
    """Where a child stands in KOSTRA files. `journals`: of each file by its id, those of the child."""

    archive: list[str] = []
    unreadable: list[str] = []
    ledger: list[str] = []
    answers: list[str] = []  # too large for a message, and sealed: not to be cut
    reports: list[str] = []
    uploads: list[str] = []
    journals: dict[str, set[str]] = {}


def cut(data: bytes, numbers: set[str]) -> tuple[bytes, set[str]]:
    """A file without the clients of some numbers, and their journal numbers. Raises ValueError for what is no XML."""
    parser = expat.ParserCreate()
    depth, spans, journals = 0, [], set()
    begun: list[int | None] = [None]

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth == 2 and name == "Individ" and not numbers.isdisjoint(attributes.get(n, "") for n in _NUMBERS):
            begun[0] = parser.CurrentByteIndex
            journals.add(attributes.get("Journalnummer", ""))

    def end(_name: str) -> None:
        nonlocal depth
        depth -= 1
        if depth == 1 and begun[0] is not None:
            at = parser.CurrentByteIndex  # of the end tag; of what follows, where start and end are one
            closing = _END.match(data, at)
            spans.append((begun[0], closing.end() if closing else at))
            begun[0] = None

    parser.StartElementHandler, parser.EndElementHandler = start, end
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise ValueError("not XML") from error
    for first, last in reversed(spans):
        data = data[:first] + data[last:]
    return data, journals - {""}


def find(
    s: Subject,
    known: Clients,
    tables: Tables,
    buckets: dict[str, Any],
    reader: Reader,
) -> Clients:
    """Where the child stands now; `known` is what was found before, whose journals are looked for again.

    `buckets`: arkiv, protokoll, rapporter, kostra.
    """
    found = Clients(journals={file: set(told) for file, told in known.journals.items()})
    numbers = reader.numbers(s) if s.children else set()
    if not numbers:
        return found
    archive = buckets["arkiv"]
    rows = tables.query(
        "SELECT DISTINCT fil_id, avsender_id, melding_id, orgnr, aargang, innhold_sha256 FROM register.kostra_fil"
    )
    files = {(row["avsender_id"], row["melding_id"]): row for row in rows}
    sure = known_messages(tables).keys() - files.keys()
    for name in list(below(archive, "raa/")):
        account, _, message = name.removeprefix("raa/").partition("/")
        if (account, message[:36]) in sure or (stored := _read(archive, name)) is None:
            continue
        if kept_attributes(archive, name, stored).get("type") != KOSTRA_SUBMIT:
            continue
        content = _file(archive, name, stored, reader)
        if content is None or not any(number in text_of(content) for number in numbers):
            continue
        try:
            _, journals = cut(content, numbers)
        except ValueError:
            found.unreadable.append(name)
            continue
        found.archive.append(name)
        if (row := files.get((account, message[:36]))) is not None:  # a repeat has none: it says the same
            found.journals.setdefault(row["fil_id"], set()).update(journals)
    large = set(below(buckets["protokoll"], "svar/")) if found.journals else set()
    for row in rows:
        name = f"svar/{answer_id(row['fil_id'], row['melding_id'])}.json"
        if name in large and row["fil_id"] in found.journals:
            _answer(name, found, buckets["protokoll"], found.journals[row["fil_id"]])
    for row in {row["fil_id"]: row for row in rows}.values():
        _derived(row, found, buckets)
    for name in list(below(buckets["kostra"])):
        stored = _read(buckets["kostra"], name)
        if stored is not None and any(number in text_of(stored.data) for number in numbers):
            found.uploads.append(name)
    return found


def _answer(name: str, found: Clients, ledger: Objects, journals: set[str]) -> None:
    stored = ledger.read(name)
    try:
        if stored is not None and without(stored.data, journals) != stored.data:
            found.ledger.append(name)
    except ValueError:
        found.answers.append(name)


def _derived(row: dict[str, Any], found: Clients, buckets: dict[str, Any]) -> None:
    """The ledger's objects and the reports that name the child's journals of a file."""
    journals = found.journals.get(row["fil_id"], set())
    if not journals:
        return
    ledger, reports = buckets["protokoll"], buckets["rapporter"]
    prefixes = f"protokoll/{row['avsender_id']}/{row['innhold_sha256']}", f"kvittering/{row['fil_id']}/"
    for prefix in prefixes:
        for name in list(below(ledger, prefix)):
            stored = ledger.read(name)
            if stored is not None and stored.data != without(stored.data, journals):
                found.ledger.append(name)
    for kind in ("html", "csv"):
        name = f"{row['orgnr']}/{row['aargang']}/{row['fil_id']}.{kind}"
        stored = reports.read(name)
        if stored is not None and _names(text_of(stored.data), journals):
            found.reports.append(name)


def _names(text: str, journals: Iterable[str]) -> bool:
    return any(re.search(rf"(?<!\w){re.escape(journal.lower())}(?!\w)", text) for journal in journals)


def _read(bucket: Objects, name: str) -> Stored | None:
    size = bucket.size(name)
    return bucket.read(name) if size is not None and size <= READABLE else None


def _file(archive: Objects, name: str, stored: Stored, reader: Reader) -> bytes | None:
    about = kept_attributes(archive, name, stored)
    received = datetime.fromisoformat(stored.metadata["mottatt"])
    envelope = envelope_of(Delivery(body=stored.data, attributes=about, pubsub_id="", published=received))[0]
    return reader.opened(stored.data, envelope, received)


def without(data: bytes, journals: set[str]) -> bytes:
    """A stored answer, or the entry that holds one, without what it says of some journals."""
    told = json.loads(data)
    if isinstance(told, dict) and isinstance(told.get("answer"), str):
        answer = msgspec.json.decode(msgspec.json.encode(told["answer"]), type=bytes)
        kept = without(answer, journals)
        return data if kept == answer else msgspec.json.encode({**told, "answer": kept})
    kept = _pruned(told, journals)
    return data if kept == told else msgspec.json.encode(kept)


def _pruned(told: Any, journals: set[str]) -> Any:
    if isinstance(told, dict):
        return {name: _pruned(one, journals) for name, one in told.items()}
    if isinstance(told, list):
        return [_pruned(one, journals) for one in told if not _is_of(one, journals)]
    return told


def _is_of(one: Any, journals: set[str]) -> bool:
    return isinstance(one, dict) and one.get("journalnummer") in journals


def remove(s: Subject, found: Clients, buckets: dict[str, Any], reader: Reader) -> Iterator[None]:
    """Take the child out of what was found, an object at a time."""
    archive, ledger, numbers = buckets["arkiv"], buckets["protokoll"], reader.numbers(s)
    for name in found.archive:
        if (stored := archive.read(name)) is not None and (content := _file(archive, name, stored, reader)) is not None:
            kept, _ = cut(content, numbers)
            if kept != content:
                digest = stored.metadata.get(REDACTED) or hashlib.sha256(stored.data).hexdigest()
                archive.replace(name, kept, {**stored.metadata, REDACTED: digest})
        yield
    journals = set().union(*found.journals.values())
    for name in found.ledger:
        if (stored := ledger.read(name)) is not None:
            ledger.replace(name, without(stored.data, journals), stored.metadata)
        yield
    for bucket, names in (
        ("arkiv", found.unreadable),
        ("protokoll", found.answers),
        ("rapporter", found.reports),
        ("kostra", found.uploads),
    ):
        for name in names:
            buckets[bucket].purge(name)
            yield
