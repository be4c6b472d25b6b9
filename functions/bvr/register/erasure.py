"""Erasure of a case or a child: what there is, what goes, what is kept and until when, and a report that can be proved.

`plan` reads only. `run` sets the tombstones first, so that nothing new of the case is stored, keeps its plan in the
ledger, erases, waits until whatever was in hand then must be done, looks once more, and only then reports. Everything
it does can be done twice: interrupted anywhere, it finishes when run again, with the same report.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from bvr.errors import BvrError, Retry
from bvr.log import log
from bvr.register import clients
from bvr.register.clients import Clients, Rewrites
from bvr.register.derived import Tables
from bvr.register.keeps import Keeps
from bvr.register.orders import Order, Tombstone, bury, content_mark, hashed, message_mark
from bvr.register.traces import (
    ORDERS,
    Objectives,
    Reader,
    Subject,
    children,
    is_dead_letter_of,
    note_events,
    note_rows,
    objects,
    row_targets,
)

if TYPE_CHECKING:
    from bvr.intake.sealed import Signer
    from bvr.intake.sealed.seal import Signing
    from bvr.intake.sealed.trust import Trust

_LOOKS = 5


class Bucket(Rewrites, Protocol):
    """A bucket that objects can be erased from, with every older generation of them."""

    def purge(self, name: str) -> None: ...


class DeadLetters(Protocol):
    """The subscriptions that keep what could not be delivered."""

    def sift(self, mine: Callable[[bytes, dict[str, str]], bool], *, remove: bool) -> dict[str, int]:
        """How many of each subscription's messages are `mine`; with `remove` they are acknowledged. The others stay."""
        ...


class NotYet(BvrError):
    """What was in hand when the case was erased may still be stored. Run again from `moment` on."""

    def __init__(self, moment: datetime) -> None:
        super().__init__(f"erased; to be looked at once more from {moment.isoformat()}")
        self.moment = moment


class Office(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that erasing needs. `buckets`: arkiv, protokoll, innboks, kostra and rapporter."""

    buckets: dict[str, Bucket]
    tables: Tables
    dead: DeadLetters
    reader: Reader
    keeps: Keeps
    schemas: Path
    clock: Callable[[], datetime]
    signing: Signing | None = None


class Plan(msgspec.Struct, kw_only=True):
    """What is to go. `rows` and `dead`: table or subscription -> how many."""

    order: Order
    at: datetime
    subject: Subject
    rows: dict[str, int]
    found: Objectives
    clients: Clients
    dead: dict[str, int]

    @property
    def counts(self) -> dict[str, int]:
        """How much of each target, by its name in the report."""
        told = {f"tabell {table}": count for table, count in self.rows.items()}
        told |= {
            "bøtte protokoll": len(self.found.ledger),
            "bøtte arkiv": len(self.found.archive),
            "bøtte innboks": len(self.found.inbox),
            "KOSTRA-fil i arkiv, klienten tatt ut": len(self.clients.archive),
            "KOSTRA-fil i arkiv, ikke lesbar": len(self.clients.unreadable),
            "KOSTRA-kvittering i protokoll, klienten tatt ut": len(self.clients.ledger),
            "KOSTRA-svar i protokoll, forseglet": len(self.clients.answers),
            "bøtte rapporter": len(self.clients.reports),
            "bøtte kostra": len(self.clients.uploads),
        }
        return told | {f"dødbrev {name}": count for name, count in self.dead.items()}


# --- the plan --------------------------------------------------------------------------------------------------------


def plan(office: Office, order: Order) -> Plan:
    """Everything that mentions what the order is about, by reading alone. Raises Retry."""
    return _look(office, order, Subject(cases=set()), Clients())


def _look(office: Office, order: Order, s: Subject, known: Clients) -> Plan:
    """A look at everything, with the names that are known already."""
    now, b = office.clock(), office.buckets
    if order.barn_id:
        s.children.add(order.barn_id)
        s.cases |= children(office.tables, order.barn_id)
    else:
        s.cases.add((order.orgnr or "", (order.sak_id or "").lower()))
    found, rows = Objectives(), {}
    if s.cases:
        note_rows(office.tables, s)
        note_events(office.tables, b["protokoll"], s)
        found = objects(s, office.tables, b["protokoll"], b["arkiv"], b["innboks"], office.reader)
    others = clients.find(s, known, office.tables, dict(b), office.reader)
    if targets := list(row_targets(office.schemas, s)):
        each = (
            f"SELECT '{target.table}' AS tabell, COUNT(*) AS antall FROM {target.table} WHERE {target.where}"  # noqa: S608
            for target in targets
        )
        parameters = {name: value for target in targets for name, value in target.parameters.items()}
        told = office.tables.query(" UNION ALL ".join(each), parameters)
        rows = {row["tabell"]: row["antall"] for row in sorted(told, key=lambda row: str(row["tabell"]))}
    dead = office.dead.sift(is_dead_letter_of(s, set(found.archive), office.reader, now), remove=False)
    return Plan(order=order, at=now, subject=s, rows=rows, found=found, clients=others, dead=dead)


# --- the run ---------------------------------------------------------------------------------------------------------


def run(office: Office, order: Order, settle: timedelta | None = None) -> bytes:
    """Carry an order out; its report. Raises NotYet while it is too early for the last look, and Retry.

    `settle`: how long a message may have been in hand; by default what the longest function may take.
    """
    ledger = office.buckets["protokoll"]
    if (done := _stored_report(office, order.id)) is None:
        _record(office, order)
        first = _kept_plan(office, order)
        _erase(office, first)
        settled = first.at + (office.keeps.longest if settle is None else settle)
        if office.clock() < settled:
            raise NotYet(settled)
        last = _until_nothing_is_left(office, first)
        done = _report(office, first, last)
    _sign(office, order.id, done)
    _only_hashes(office, order.id)
    ledger.purge(_plan_name(order.id))
    log("sletting utført", ordre=order.id)
    return done


def resume(office: Office, order_id: str, settle: timedelta | None = None) -> bytes:
    """Go on with an order that was begun. Raises KeyError for one that is not known."""
    if (done := _stored_report(office, order_id)) is not None:
        _sign(office, order_id, done)
        _only_hashes(office, order_id)
        office.buckets["protokoll"].purge(_plan_name(order_id))
        return done
    found = office.tables.query(f"SELECT * FROM {ORDERS} WHERE ordre_id = @ordre", {"ordre": order_id})  # noqa: S608
    if not found:
        raise KeyError(order_id)
    row = found[0]
    order = Order(
        id=row["ordre_id"],
        kind=row["art"],
        ordered_by=row["bestilt_av"],
        legal_basis=row["hjemmel"],
        day=row["bestilt"],
        orgnr=row["orgnr"],
        sak_id=row["sak_id"],
        barn_id=row["barn_id"],
    )
    return run(office, order, settle)


def _record(office: Office, order: Order) -> None:
    """The order's row, once. Raises ValueError for an id that means another order."""
    known = office.tables.query(f"SELECT mal_sha256 FROM {ORDERS} WHERE ordre_id = @ordre", {"ordre": order.id})  # noqa: S608
    if not known:
        office.tables.insert(ORDERS, [order.row()], once=f"ordre-{order.id}")
    elif known[0]["mal_sha256"] != hashed(order.about):
        raise ValueError("the id means another order")


def _plan_name(order_id: str) -> str:
    return f"slettinger/{order_id}/plan.json"


def _kept_plan(office: Office, order: Order) -> Plan:
    """The plan, made once: after the tombstones stand, so that nothing new of the case comes while it is made."""
    ledger = office.buckets["protokoll"]
    name = _plan_name(order.id)
    if (stored := ledger.read(name)) is None:
        s = Subject(cases=set())
        s.cases = children(office.tables, order.barn_id) if order.barn_id else {_case(order)}
        if s.cases:
            note_rows(office.tables, s)
        for key in s.keys:
            extract = s.extracts.get(key, office.clock())
            bury(ledger, key, Tombstone(order=order.id, kind=order.kind, extract=extract))
        made = _look(office, order, s, Clients())
        if ledger.create(name, msgspec.json.encode(made)):
            return made
        stored = ledger.read(name)
        assert stored is not None
    return msgspec.json.decode(stored.data, type=Plan)


def _case(order: Order) -> tuple[str, str]:
    return order.orgnr or "", (order.sak_id or "").lower()


def _erase(office: Office, found: Plan) -> None:
    """Erase what a plan names: marks first, then what a repeat would use, then the content, the rows last of all."""
    b, s, order = office.buckets, found.subject, found.order
    ledger = b["protokoll"]
    stone = json.dumps({"ordre": order.id}).encode()
    for account, message in sorted(s.messages):
        ledger.create(message_mark(account, message), stone)
    for digest in sorted(s.refused):
        ledger.create(content_mark(digest), stone)
    for bucket, names in (
        (ledger, found.found.ledger),
        (b["arkiv"], found.found.archive),
        (b["innboks"], found.found.inbox),
    ):
        for name in names:
            bucket.purge(name)
    for _ in clients.remove(s, found.clients, dict(b), office.reader):
        pass
    if sum(found.dead.values()):
        mine = is_dead_letter_of(s, set(found.found.archive), office.reader, found.at)
        office.dead.sift(mine, remove=True)
    for target in row_targets(office.schemas, s):
        if found.rows.get(target.table):
            office.tables.query(f"DELETE FROM {target.table} WHERE {target.where}", target.parameters)  # noqa: S608


def _until_nothing_is_left(office: Office, first: Plan) -> Plan:
    """Look again, and erase what came in between; the look that finds nothing. Raises Retry when it keeps coming."""
    for _ in range(_LOOKS):
        look = _look(office, first.order, _copy(first.subject), first.clients)
        if not sum(look.counts.values()):
            return look
        _erase(office, look)
        first.subject = look.subject
    raise Retry("what is to be erased keeps coming in")


def _copy(s: Subject) -> Subject:
    return msgspec.json.decode(msgspec.json.encode(s), type=Subject)


# --- the report ------------------------------------------------------------------------------------------------------


def _report_name(order_id: str) -> str:
    return f"sletting/{order_id}.json"


def _report(office: Office, first: Plan, last: Plan) -> bytes:
    """The report, stored once. It holds counts, times and hashes, and nothing that says who."""
    order, done = first.order, office.clock()
    before, after = first.counts, last.counts
    kept = office.keeps.after(
        done,
        {name.partition(" ")[2].partition(".")[0] for name, n in before.items() if n and name.startswith("tabell ")}
        | {ORDERS.partition(".")[0]},
        {bucket for bucket in office.buckets if any(n and bucket in name for name, n in before.items())}
        | {"protokoll"},
    )
    told = {
        "ordre": order.id,
        "art": order.kind,
        "bestiltAv": order.ordered_by,
        "hjemmel": order.legal_basis,
        "bestilt": order.day,
        "gjelder": "BARN" if order.barn_id else "SAK",
        "gjelderSha256": hashed(order.about),
        "antallSaker": len(first.subject.cases),
        "startet": first.at,
        "fullfort": done,
        "mal": [{"mal": name, "for": count, "etter": after.get(name, 0)} for name, count in before.items()],
        "kanIkkeLeses": last.found.unread,
        "beholdes": [*kept],
        "bestaar": [
            {"hva": "Publisert statistikk", "what": "Published statistics"},
            {"hva": "At slettingen er gjort", "what": "That the erasure was done"},
        ],
    }
    data = msgspec.json.format(msgspec.json.encode(told), indent=2)
    reports = office.buckets["rapporter"]
    if reports.create(_report_name(order.id), data):
        return data
    stored = reports.read(_report_name(order.id))
    assert stored is not None
    return stored.data


def _stored_report(office: Office, order_id: str) -> bytes | None:
    stored = office.buckets["rapporter"].read(_report_name(order_id))
    return stored.data if stored else None


def report(office: Office, order_id: str) -> tuple[bytes, bytes] | None:
    """The report of an order and its signature (empty without a key to sign with); None before it is carried out."""
    if (data := _stored_report(office, order_id)) is None:
        return None
    signature = office.buckets["rapporter"].read(f"{_report_name(order_id)}.p7s")
    return data, signature.data if signature else b""


def _sign(office: Office, order_id: str, data: bytes) -> None:
    name = f"{_report_name(order_id)}.p7s"
    if office.signing is None or office.buckets["rapporter"].exists(name):
        return
    from bvr.intake.sealed.trust import sign

    own = office.signing
    office.buckets["rapporter"].create(name, sign(data, own.key, own.certificate, own.chain))


def verify(data: bytes, signature: bytes, trust: Trust, at: datetime) -> Signer:
    """Who signed a report. Raises Unsound when it is not what was signed, or was not signed by anybody we trust."""
    return trust.signer(signature, data, at)


def _only_hashes(office: Office, order_id: str) -> None:
    """What the order was about is known by its hash alone, from now on."""
    office.tables.query(
        f"UPDATE {ORDERS} SET orgnr = NULL, sak_id = NULL, barn_id = NULL, utfort = @utfort "  # noqa: S608
        "WHERE ordre_id = @ordre AND utfort IS NULL",
        {"ordre": order_id, "utfort": office.clock()},
    )
