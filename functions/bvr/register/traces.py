"""Everything that mentions a case: derived from the tables' columns and from how objects are named, not listed by hand.

A table is a target by its columns: a case by `orgnr` and `sak_id`, a child by `barn_id`, a message by `melding_id`, a
pseudonym by `nokkel`, and where nothing else says whose a row is, a child by its encrypted numbers. An object of the
ledger is one by its name. Objects of the archive whose message has no row that says which case it is of (refused, sent
twice, from somebody who may not send) are opened and read: their number does not grow with the register.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid5

import msgspec

from bvr.decode import Limits
from bvr.desk import BESIDE, Objects, Stored, envelope_of, kept_attributes
from bvr.errors import Broken
from bvr.intake.envelope import Delivery, Envelope
from bvr.intake.payload import Opens, looks_sealed, open_payload, unseal
from bvr.intake.protocol import KOSTRA_SUBMIT, SUBMIT, TYPES
from bvr.pipeline import decode_payload
from bvr.receipt import NAMESPACE, answer_id
from bvr.register.derived import Tables
from bvr.register.orders import case_key

ORDERS = "drift.sletteordre"
READABLE = 64 * 1024 * 1024
"""Bytes of an object that are read to see whose it is."""
_RAW = re.compile(r"raa/(?P<account>[^/]+)/(?P<message>[0-9a-fA-F-]{36})(?P<more>.*)")
_CASE = (
    re.compile(r"<(?:\w+:)?sak\b[^<>]*?\sid\s*=\s*[\"']([^\"']+)"),
    re.compile(r"\"sak\"\s*:\s*\{(?:[^{}]|\{[^{}]*\})*?\"id\"\s*:\s*\"([^\"]+)\""),
)


class Subject(msgspec.Struct, kw_only=True):
    """What is to be erased, and every name that it is known by. Pairs are as they stand in names: (place, id)."""

    cases: set[tuple[str, str]]
    children: set[str] = set()
    messages: set[tuple[str, str]] = set()  # account, melding-id
    submissions: set[tuple[str, str]] = set()  # orgnr, innsending-id
    awaited: set[tuple[str, str]] = set()  # orgnr, the id of a predecessor
    receipts: set[str] = set()
    contents: set[str] = set()
    refused: set[str] = set()  # contents that say nothing of their case by themselves
    events: set[tuple[str, str]] = set()  # orgnr, hendelse-id
    references: set[tuple[str, str]] = set()  # orgnr, referanse
    answers: set[str] = set()  # our own ids of answers
    senders: set[str] = set()  # the accounts that its submissions were accepted from
    journals: set[str] = set()
    numbers: set[str] = set()  # ciphertext, as base64
    extracts: dict[str, datetime] = {}  # case key -> the latest

    @property
    def accounts(self) -> set[str]:
        return {account for account, _ in self.messages}

    @property
    def keys(self) -> list[str]:
        return sorted(case_key(*case) for case in self.cases)

    def saw(self, key: str, extract: datetime) -> None:
        self.extracts[key] = max(extract, self.extracts.get(key, extract))


class Decrypts(Protocol):
    """Makes the numbers of a child readable, for as long as they are looked for."""

    def decrypt(self, ciphertext: bytes) -> str: ...


# --- tables ----------------------------------------------------------------------------------------------------------


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A table with what makes a row of it the subject's: SQL with parameters."""

    table: str
    where: str
    parameters: dict[str, Any]


def row_targets(schemas: Path, subject: Subject) -> Iterator[Target]:
    """The tables that can hold rows of the subject, from their declared columns; that of the orders themselves is not
    among them."""
    for path in sorted(schemas.glob("*/*/schema.json")):
        table = f"{path.parts[-3]}.{path.parts[-2]}"
        if table == ORDERS:
            continue
        columns = {one["name"]: one for one in json.loads(path.read_text(encoding="utf-8"))}
        clauses = [(sql, parameters) for sql, parameters in _clauses(columns, subject) if parameters]
        if clauses:
            merged: dict[str, Any] = {}
            for _, parameters in clauses:
                merged |= parameters
            yield Target(table=table, where=" OR ".join(sql for sql, _ in clauses), parameters=merged)


def _clauses(columns: dict[str, Any], s: Subject) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each way in which a row can be the subject's; without parameters where the subject has nothing of the kind."""
    of_case = {"orgnr", "sak_id"} <= columns.keys()
    unclaimed = "sak_id IS NULL AND " if of_case else ""
    if of_case:
        cases = {"orgnr": sorted({o for o, _ in s.cases}), "sak_id": sorted({c for _, c in s.cases}), "sak": s.keys}
        yield (
            "(orgnr IN UNNEST(@orgnr) AND sak_id IN UNNEST(@sak_id) AND CONCAT(orgnr, '/', sak_id) IN UNNEST(@sak))",
            cases if s.cases else {},
        )
    for name in ("melding_id", "hentet_melding_id"):
        if name in columns and "avsender_id" in columns:
            pairs = sorted(f"{a}/{m}" for a, m in s.messages)
            found = {"melding": sorted({m for _, m in s.messages}), "avsendt": pairs} if pairs else {}
            yield (
                f"({unclaimed}{name} IN UNNEST(@melding) AND CONCAT(avsender_id, '/', {name}) IN UNNEST(@avsendt))",
                found,
            )
    if "innsending_id" in columns and "orgnr" in columns and not of_case:
        pairs = sorted(f"{o}/{i}" for o, i in s.submissions)
        yield "(CONCAT(orgnr, '/', innsending_id) IN UNNEST(@innsending))", {"innsending": pairs} if pairs else {}
    if "barn_id" in columns:
        yield f"({unclaimed}barn_id IN UNNEST(@barn))", {"barn": sorted(s.children)} if s.children else {}
    if "nokkel" in columns:
        yield "(nokkel IN UNNEST(@nokkel))", {"nokkel": sorted({*s.keys, *s.children})}
    numbers = {"nummer": sorted(s.numbers)} if s.children and s.numbers else {}
    for place in _encrypted(columns.values()):
        yield f"({unclaimed}TO_BASE64({place}) IN UNNEST(@nummer))", numbers


def _encrypted(columns: Iterable[dict[str, Any]], above: str = "") -> Iterator[str]:
    """Where ciphertext of direct identifiers stands, outside lists."""
    for one in columns:
        if one.get("mode") == "REPEATED":
            continue
        if one["type"] == "BYTES" and "Tink" in one.get("description", ""):
            yield above + one["name"]
        yield from _encrypted(one.get("fields", ()), f"{above}{one['name']}.")


# --- names of objects ------------------------------------------------------------------------------------------------


def ledger_prefixes(s: Subject) -> Iterator[str]:
    """Below what the ledger's objects of the subject lie, in the order in which they may go: what a repeat would use
    first. One for each way in which desk, service, hendelse and kostra make a name."""
    yield from (f"protokoll/{account}/{digest}" for account, digest in product(sorted(s.accounts), sorted(s.contents)))
    for kind in ("apne", "brutt", "karantene", "sendt"):
        yield from (f"{kind}/{account}/{message}" for account, message in sorted(s.messages))
    yield from (f"innsending/{orgnr}/{one}" for orgnr, one in sorted(s.submissions))
    yield from (f"mangler/{orgnr}/{one}" for orgnr, one in sorted(s.awaited | s.submissions))
    yield from (f"kvittering/{one}/" for one in sorted(s.receipts))
    yield from (f"svar/{one}" for one in sorted(s.answers))
    for kind in ("hendelse", "plikt"):
        yield from (f"{kind}/{orgnr}/{one}" for orgnr, one in sorted(s.events))
    yield from (f"hentinger/{orgnr}/{one}/" for orgnr, one in sorted(s.references))


def below(bucket: Objects, prefix: str = "") -> Iterator[str]:
    """The names below a prefix that ends where a part of a name does."""
    for one in bucket.listed(prefix):
        if not prefix or prefix.endswith("/") or one.name == prefix or one.name[len(prefix)] in "-./":
            yield one.name


# --- finding ---------------------------------------------------------------------------------------------------------


class Reader(msgspec.Struct, kw_only=True):
    """Opens what has no row that says whose it is."""

    limits: Limits
    opener: Opens | None = None
    cipher: Decrypts | None = None

    def opened(self, body: bytes, envelope: Envelope, received: datetime) -> bytes | None:
        """What lies in a sealed body; None when it cannot be opened here. Another body is itself."""
        if not looks_sealed(body):
            return body
        found, _ = unseal(body, envelope, received, self.opener, require_sealed=False)
        return found.files[found.root] if found else None

    def numbers(self, s: Subject) -> set[str]:
        """The child's numbers, in clear: never kept."""
        return {self.cipher.decrypt(base64.b64decode(one)) for one in s.numbers} if self.cipher else set()

    def claims(self, body: bytes, attributes: dict[str, str], s: Subject, received: datetime) -> bool | None:
        """Whether a message is of the subject's cases; None when it cannot be read. What is found is noted."""
        kind = attributes.get("type", "")
        if not body or kind == KOSTRA_SUBMIT:  # a file of clients is not a message of a case
            return False
        about = {**attributes, "type": kind if kind in TYPES else SUBMIT}
        envelope = envelope_of(Delivery(body=body, attributes=about, pubsub_id="", published=received))[0]
        content = self.opened(body, envelope, received)
        if content is None:
            return None
        payload = open_payload(content, envelope, received)
        if payload.digest in s.contents:
            return True
        document = None
        if not payload.faults:
            try:
                document = decode_payload(payload, self.limits).document
            except Broken:
                document = None
        if document is not None:
            key = document.avgiver.organisasjonsnummer, document.sak.id.lower()
            told = {p.fodselsnummer for p in document.sak.personalia} | {p.duf_nummer for p in document.sak.personalia}
            if s.children and key not in s.cases and not told.isdisjoint(self.numbers(s)):
                s.contents.add(payload.digest)  # the child's, in a case that never came in
                s.refused.add(payload.digest)
                return True
            if key in s.cases:
                s.saw(case_key(*key), document.dato_uttrekk)
                s.contents.add(payload.digest)
                s.submissions.add((key[0], document.id.lower()))
            return key in s.cases
        if not mentions(text_of(payload.xml or content), attributes.get("avsender-id", ""), s, self.numbers(s)):
            return False
        s.contents.add(payload.digest)
        s.refused.add(payload.digest)
        return True


def text_of(data: bytes) -> str:
    """The text of bytes that somebody meant as XML or JSON: lower case, character references and escapes resolved."""
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    found = html.unescape(data.decode(encoding, "replace"))
    return re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), found).lower()


def mentions(text: str, account: str, s: Subject, numbers: Iterable[str]) -> bool:
    """Whether a text that is no document speaks of the subject. What names another case is that one's, unless it is a
    child that is to be erased and the text has its number."""
    if s.children and any(number in text for number in numbers):
        return True
    cases = {case for _, case in s.cases}
    for pattern in _CASE:
        if (own := pattern.search(text)) is not None and len(own[1]) == 36:
            return own[1] in cases
    ids = cases | {one for _, one in s.submissions} | {one.lower() for _, one in s.references}
    if any(one in text for one in ids):
        return True
    quoted = re.split(r"[\"'<>]", text)
    return account in s.senders and (
        not {one.lower() for one in s.journals}.isdisjoint(quoted) or any(number in text for number in numbers)
    )


class Objectives(msgspec.Struct, kw_only=True):
    """The objects found, by bucket, in the order in which they may go; `unread` could not be opened by anybody here."""

    ledger: list[str] = []
    archive: list[str] = []
    inbox: list[str] = []
    unread: int = 0


def children(tables: Tables, barn_id: str) -> set[tuple[str, str]]:
    """The cases of a child, as they are linked now."""
    found = tables.query(
        "SELECT orgnr, sak_id FROM register.person_sak_gjeldende WHERE barn_id = @barn", {"barn": barn_id}
    )
    return {(row["orgnr"], row["sak_id"]) for row in found}


def note_rows(tables: Tables, s: Subject) -> None:
    """Note every name that the rows of the cases tell."""
    found = tables.query(
        "SELECT orgnr, sak_id, avsender_id, melding_id, innsending_id, forrige_id, innhold_sha256, kvitterings_id, "
        "dato_uttrekk, sak.journalnummer AS journalnummer, "
        "ARRAY(SELECT p.fodselsnummer FROM UNNEST(sak.personalia) AS p WHERE p.fodselsnummer IS NOT NULL) AS fnr, "
        "ARRAY(SELECT p.duf_nummer FROM UNNEST(sak.personalia) AS p WHERE p.duf_nummer IS NOT NULL) AS duf "
        "FROM register.innsending WHERE orgnr IN UNNEST(@orgnr) AND sak_id IN UNNEST(@sak_id)",
        {"orgnr": sorted({o for o, _ in s.cases}), "sak_id": sorted({c for _, c in s.cases})},
    )
    for row in found:
        case = row["orgnr"], row["sak_id"]
        if case not in s.cases:
            continue
        s.messages.add((row["avsender_id"], row["melding_id"]))
        s.senders.add(row["avsender_id"])
        s.contents.add(row["innhold_sha256"])
        s.receipts.add(row["kvitterings_id"])
        if row["innsending_id"]:
            s.submissions.add((row["orgnr"], row["innsending_id"]))
        if row["forrige_id"]:
            s.awaited.add((row["orgnr"], row["forrige_id"]))
        if row["dato_uttrekk"]:
            s.saw(case_key(*case), row["dato_uttrekk"])
        if row["journalnummer"]:
            s.journals.add(row["journalnummer"])
        s.numbers |= {base64.b64encode(one).decode() for one in (*row["fnr"], *row["duf"])}


def note_refused(tables: Tables, s: Subject) -> None:
    """The receipts of the messages that have a row without a case."""
    if not s.messages:
        return
    found = tables.query(
        "SELECT kvitterings_id, innhold_sha256, avsender_id, melding_id FROM register.innsending "
        "WHERE sak_id IS NULL AND melding_id IN UNNEST(@melding)",
        {"melding": sorted({m for _, m in s.messages})},
    )
    for row in found:
        if (row["avsender_id"], row["melding_id"]) in s.messages:
            s.receipts.add(row["kvitterings_id"])


def note_events(tables: Tables, ledger: Objects, s: Subject) -> None:
    """The notifications that led to the cases: by what was fetched, and by the references that are bound to them."""
    reporters = sorted({orgnr for orgnr, _ in s.cases})
    for orgnr in reporters:
        cases = {case for owner, case in s.cases if owner == orgnr}
        for name in list(below(ledger, f"hentinger/{orgnr}/")):
            *_, reference, last = name.split("/")
            if last == "sak" and (kept := ledger.read(name)) is not None and kept.data.decode() in cases:
                s.references.add((orgnr, reference))
    rows = tables.query(
        "SELECT orgnr, hendelse_id, avsender_id, melding_id, hentet_melding_id, innhold_sha256, meldeplikt "
        "FROM drift.henting WHERE orgnr IN UNNEST(@orgnr)",
        {"orgnr": reporters},
    )
    linked = {
        (row["orgnr"], row["hendelse_id"])
        for row in rows
        if (row["avsender_id"], row["hentet_melding_id"]) in s.messages
    }
    for orgnr in reporters:
        known = {reference for owner, reference in s.references if owner == orgnr}
        for name in list(below(ledger, f"hendelse/{orgnr}/")):
            kept, event = ledger.read(name), (orgnr, name.rpartition("/")[2])
            reference = kept.data.decode().split(" ")[1] if kept else ""
            if event in linked or reference in known:
                linked.add(event)
                s.references.add((orgnr, reference))
                known.add(reference)
    s.events |= linked
    for row in rows:
        if (row["orgnr"], row["hendelse_id"]) in s.events:
            s.messages.add((row["avsender_id"], row["melding_id"]))
            told = row["innhold_sha256"] or row["meldeplikt"]
            s.answers.add(str(uuid5(NAMESPACE, f"{row['hendelse_id']}|{row['melding_id']}|{told}")))


def known_messages(tables: Tables) -> dict[tuple[str, str], set[tuple[str, str]]]:
    """The messages whose rows say whose they are, and need not be opened -> the cases that they are of; a notification
    or a file of clients is of none."""
    rows = tables.query(
        "SELECT avsender_id, melding_id, orgnr, sak_id FROM register.innsending WHERE sak_id IS NOT NULL "
        "UNION DISTINCT SELECT avsender_id, melding_id, orgnr, CAST(NULL AS STRING) FROM drift.henting "
        "UNION DISTINCT SELECT avsender_id, melding_id, orgnr, CAST(NULL AS STRING) FROM register.kostra_fil"
    )
    found: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for row in rows:
        cases = found.setdefault((row["avsender_id"], row["melding_id"]), set())
        if row["sak_id"] is not None:
            cases.add((row["orgnr"], row["sak_id"]))
    return found


def objects(
    s: Subject, tables: Tables, ledger: Objects, archive: Objects, inbox: Objects, reader: Reader
) -> Objectives:
    """The objects of the subject, with every name it is known by noted on the way. Raises Retry."""
    found = Objectives()
    names: dict[tuple[str, str], list[str]] = {}
    for name in below(archive, "raa/"):
        if (match := _RAW.fullmatch(name)) is not None:
            names.setdefault((match["account"], match["message"]), []).append(name)
    known = known_messages(tables)
    uploads: set[str] = set()
    for message, own in names.items():
        mine = message in s.messages
        alone = [name for name in own if not name.endswith(BESIDE)] == [f"raa/{message[0]}/{message[1]}"]
        if alone and not mine and message in known:
            continue
        shared = known.get(message, set()) - s.cases  # the same id, of another case's content
        taken = _taken(own, alone and mine and not shared, archive, reader, s, found)
        if taken:
            s.messages.add(message)
            found.archive += sorted(taken)
            uploads |= _pointed_to(taken, archive, inbox)
    for name in list(below(archive, "varsel/")):
        stored = archive.read(name)
        about = kept_attributes(archive, name, stored) if stored else {}
        answered = {answer_id(r, m) for r, (_, m) in product(s.receipts, s.messages)} | {m for _, m in s.messages}
        if stored and (about.get("svar-til") in answered or mentions(text_of(stored.data), "", s, ())):
            found.archive.append(name)
    note_refused(tables, s)
    pairs = product(sorted(s.receipts), sorted({message for _, message in s.messages}))
    answers = s.answers | {answer_id(receipt, message) for receipt, message in pairs}
    s.answers = {name.split("/")[1].partition(".")[0] for name in below(ledger, "svar/")} & answers
    for prefix in ledger_prefixes(s):
        found.ledger += [name for name in below(ledger, prefix) if name not in found.ledger]
    for name in list(below(inbox)):
        if name in uploads or _is_mine(inbox, name, reader, s, found):
            found.inbox.append(name)
    return found


def _taken(own: list[str], certain: bool, archive: Objects, reader: Reader, s: Subject, found: Objectives) -> list[str]:
    """Those of a message's objects that are the subject's."""
    if certain:
        return own
    taken = []
    for name in own:
        if not name.endswith(BESIDE) and _is_mine(archive, name, reader, s, found):
            taken += [one for one in own if one in (name, f"{name}{BESIDE}")]
    return taken


def _is_mine(bucket: Objects, name: str, reader: Reader, s: Subject, found: Objectives) -> bool:
    size = bucket.size(name)
    stored = bucket.read(name) if size is not None and size <= READABLE else None
    if stored is None:
        found.unread += size is not None
        return False
    attributes = kept_attributes(bucket, name, stored)
    said = reader.claims(stored.data, attributes, s, _received(stored))
    found.unread += said is None
    return bool(said)


def _received(stored: Stored) -> datetime:
    told = stored.metadata.get("mottatt")
    return datetime.fromisoformat(told) if told else datetime.fromisoformat("2000-01-01T00:00:00+00:00")


def _pointed_to(names: list[str], archive: Objects, inbox: Objects) -> set[str]:
    """The objects of the inbox that archived messages pointed to."""
    found = set()
    for name in names:
        if name.endswith(BESIDE) or (stored := archive.read(name)) is None:
            continue
        reference = kept_attributes(archive, name, stored).get("dataref", "")
        if reference.startswith(f"gs://{inbox.name}/"):
            found.add(reference.removeprefix(f"gs://{inbox.name}/"))
    return found


def is_dead_letter_of(s: Subject, archived: set[str], reader: Reader, now: datetime) -> Callable[..., bool]:
    """Says of a dead letter (body, attributes) whether it is the subject's."""

    def mine(body: bytes, about: dict[str, str]) -> bool:
        told = {about.get("melding-id", ""), about.get("svar-til", "")}
        if told & {message for _, message in s.messages}:
            return True
        if about.get("dataref", "").rpartition("/raa/")[2] in {name.removeprefix("raa/") for name in archived}:
            return True
        return bool(reader.claims(body, about, s, now))

    return mine
