"""Compares what the cloud holds with what was sent. It knows what was sent and nothing else: not what went wrong, nor
what the functions say of themselves.

What a submission should lead to follows from its bytes (the offline self-check); what the register should hold, from
all of them (a fold in Python). Everything found is named, so that a fault can be followed.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from bvr.chain import NothingKnown
from bvr.decode import DEFAULT_LIMITS
from bvr.intake.envelope import Envelope
from bvr.intake.payload import open_payload
from bvr.pipeline import check_document, decode_payload
from bvr.rules.options import RuleOptions
from bvr.verdict import Verdict, decide

REFUSED = {"AVVIST", None}
ACCEPTED = ("GODKJENT", "GODKJENT_MED_FUNN")


class Sent(msgspec.Struct, frozen=True):
    """A message as it was sent."""

    attributes: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.attributes["melding-id"]

    @property
    def account(self) -> str:
        return self.attributes["avsender-id"]


class Answer(msgspec.Struct, frozen=True):
    """A message on the topic of answers, as it came."""

    attributes: dict[str, str]
    body: bytes


_NEVER = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Expected:
    """What a content should lead to."""

    verdict: Verdict
    digest: str
    profile: str
    announced: str
    orgnr: str = ""
    sak_id: str = ""
    innsending_id: str = ""
    extract: datetime = _NEVER
    deleted: bool = False


def expected(sent: Sent) -> Expected:
    """From the bytes alone."""
    envelope = Envelope.model_validate(sent.attributes)
    payload = open_payload(sent.body, envelope, datetime.now(UTC))
    decoded = None if payload.faults else decode_payload(payload, DEFAULT_LIMITS)
    document = decoded.document if decoded else None
    profile = "ssb" if sent.attributes["type"].startswith("no.ssb.") else "native"
    base = {"digest": payload.digest, "profile": profile, "announced": payload.announced}
    if document is None:
        return Expected(verdict=Verdict.REJECTED, **base)
    said = check_document(document, NothingKnown(), RuleOptions(allow_synthetic=True))
    return Expected(
        verdict=decide(said.counts),
        orgnr=document.avgiver.organisasjonsnummer,
        sak_id=document.sak.id.lower(),
        innsending_id=document.id.lower(),
        extract=document.dato_uttrekk.astimezone(UTC),
        deleted=bool(document.sak.er_slettet),
        **base,
    )


@dataclass
class Holdings:
    """What the cloud holds, as read through Google's own clients."""

    archive: dict[str, str] = field(default_factory=dict)  # name -> MD5, base64
    ledger: set[str] = field(default_factory=set)
    rows: list[dict[str, Any]] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    current: list[dict[str, Any]] = field(default_factory=list)


def read_holdings(project: str) -> Holdings:
    """Read it all: names from Cloud Storage, rows from BigQuery."""
    from google.cloud import bigquery, storage

    store, tables = storage.Client(project=project), bigquery.Client(project=project)

    def rows(sql: str) -> list[dict[str, Any]]:
        return [dict(row) for row in tables.query_and_wait(sql)]

    return Holdings(
        archive={b.name: b.md5_hash for b in store.list_blobs(f"{project}-arkiv", prefix="raa/")},
        ledger={b.name for b in store.list_blobs(f"{project}-protokoll")},
        rows=rows(
            "SELECT avsender_id, innhold_sha256, meldingstype, melding_id, kvitterings_id, regelsett, utfall, "
            "innsending_id, orgnr, sak_id, dato_uttrekk, TO_HEX(SHA256(TO_JSON_STRING(i))) AS hele "
            "FROM register.innsending AS i"
        ),
        history=rows("SELECT orgnr, innsending_id, innhold_sha256, utfall FROM register.sak_historikk"),
        current=rows("SELECT orgnr, sak_id, innsending_id FROM register.sak_gjeldende"),
    )


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be."""

    what: str
    about: str  # a melding-id where there is one


@dataclass
class Verdicts:
    """What the checker says: findings, and the balance sheet."""

    findings: list[Finding]
    balance: dict[str, tuple[int, int]]  # what -> (should be, is)

    @property
    def good(self) -> bool:
        return not self.findings and all(should == found for should, found in self.balance.values())


def check(sent: Iterable[Sent], answers: Iterable[Answer], holdings: Holdings) -> Verdicts:
    """Every submission once, in the archive, in the register and answered; and nothing else."""
    messages = {one.id: one for one in sent}
    with ThreadPoolExecutor(1) as pool:  # the rules are pure Python: one at a time
        wanted = dict(zip(messages, pool.map(expected, messages.values()), strict=True))
    # Of one sender, one content announced one way in one protocol is one, however often it is sent.
    contents: dict[tuple[str, str, str, str], list[str]] = defaultdict(list)
    for melding_id, one in messages.items():
        e = wanted[melding_id]
        contents[one.account, e.digest, e.announced, e.profile].append(melding_id)
    findings: list[Finding] = []
    _archive(messages, holdings, findings)
    effects = _answers(messages, wanted, contents, answers, findings)
    _rows(messages, wanted, contents, effects, holdings, findings)
    stored = {(e.orgnr, e.innsending_id, e.digest) for e in wanted.values() if e.verdict is not Verdict.REJECTED}
    _set(
        "sak_historikk",
        stored,
        Counter((r["orgnr"], r["innsending_id"], r["innhold_sha256"]) for r in holdings.history),
        findings,
    )
    now = current(wanted.values())
    _set(
        "sak_gjeldende", now, Counter((r["orgnr"], r["sak_id"], r["innsending_id"]) for r in holdings.current), findings
    )
    _ledger(messages, wanted, contents, holdings, findings)
    names = Counter(name.partition("/")[0] for name in holdings.ledger)
    distinct = {(r["avsender_id"], r["innhold_sha256"], r["melding_id"], r["kvitterings_id"]) for r in holdings.rows}
    balance = {
        "messages archived": (len(messages), len(holdings.archive)),
        "contents decided (ledger)": (len(contents), names["protokoll"]),
        "receipts stored": (len(contents), names["kvittering"]),
        "rows in effect": (len(contents), len(distinct)),
        "messages answered": (len(messages), len(effects)),
        "answers in effect": (len(messages), sum(len(one) for one in effects.values())),
        "sent markers": (len(messages), names["sendt"]),
        "submissions in the register": (len(stored), len(holdings.history)),
        "cases in the current register": (len(now), len(holdings.current)),
        "messages still open": (0, names["apne"]),
        "broken or in quarantine": (0, names["brutt"] + names["karantene"]),
    }
    return Verdicts(findings, balance)


def current(wanted: Iterable[Expected]) -> set[tuple[str, str, str]]:
    """The fold: of each case the latest extract, if that one counts and the case is not deleted."""
    latest: dict[tuple[str, str], Expected] = {}
    for e in wanted:
        if e.verdict is Verdict.REJECTED:
            continue
        before = latest.get((e.orgnr, e.sak_id))
        if before is None or e.extract > before.extract:
            latest[e.orgnr, e.sak_id] = e
    return {
        (e.orgnr, e.sak_id, e.innsending_id)
        for e in latest.values()
        if e.verdict is Verdict.REGISTERED and not e.deleted
    }


def _archive(messages: Mapping[str, Sent], holdings: Holdings, findings: list[Finding]) -> None:
    should = {f"raa/{m.account}/{m.id}": m for m in messages.values()}
    for name, one in should.items():
        if name not in holdings.archive:
            findings.append(Finding("not in the archive", one.id))
        elif holdings.archive[name] != base64.b64encode(hashlib.md5(one.body).digest()).decode():
            findings.append(Finding("other bytes in the archive", one.id))
    findings += [Finding("in the archive, never sent", name) for name in holdings.archive.keys() - should.keys()]


def _said(answer: Answer) -> dict[str, str]:
    """What the attributes of an answer say: not which of its tries it is of."""
    return {name: value for name, value in answer.attributes.items() if name != "traceparent"}


def _answers(
    messages: Mapping[str, Sent],
    wanted: Mapping[str, Expected],
    contents: Mapping[tuple[str, str, str, str], list[str]],
    answers: Iterable[Answer],
    findings: list[Finding],
) -> dict[str, dict[str, Answer]]:
    """melding-id -> the different answers to it: one, however often it was published."""
    effects: dict[str, dict[str, Answer]] = defaultdict(dict)
    for answer in answers:
        to, own = answer.attributes.get("svar-til", ""), answer.attributes["melding-id"]
        if to not in messages:
            findings.append(Finding("answer to what was never sent", to))
            continue
        first = effects[to].setdefault(own, answer)
        if first.body != answer.body or _said(first) != _said(answer):
            findings.append(Finding("one answer in two wordings", to))
    for melding_id, e in wanted.items():
        told = effects.get(melding_id)
        if not told:
            findings.append(Finding("no answer", melding_id))
            continue
        if len(told) > 1:
            findings.append(Finding("two answers in effect", melding_id))
        for answer in told.values():
            if answer.attributes["mottaker-id"] != messages[melding_id].account:
                findings.append(Finding("answered somebody else", melding_id))
            if (said := verdict_of(answer)) is not e.verdict:
                findings.append(Finding(f"told {said}, should be {e.verdict}", melding_id))
    for ids in contents.values():
        receipts = {receipt for one in ids for a in effects.get(one, {}).values() if (receipt := receipt_of(a))}
        if len(receipts) > 1:
            findings.extend(Finding("one content, two receipts", one) for one in ids)
    return effects


def verdict_of(answer: Answer) -> Verdict:
    """What an answer tells its receiver, in either protocol."""
    said = msgspec.json.decode(answer.body)
    if "severity" in said:
        return {"FATAL": Verdict.REJECTED, "ERROR": Verdict.EXCLUDED}.get(said["severity"], Verdict.REGISTERED)
    if said.get("resultat") in ACCEPTED:
        return Verdict.REGISTERED
    return Verdict.EXCLUDED if said.get("resultat") == "LAGRET_IKKE_GODKJENT" else Verdict.REJECTED


def receipt_of(answer: Answer) -> str | None:
    """The id of the receipt; the production protocol has none."""
    said = msgspec.json.decode(answer.body)
    found = said.get("kvitteringsId") or said.get("errorId")
    return str(found) if found else None


def _rows(
    messages: Mapping[str, Sent],
    wanted: Mapping[str, Expected],
    contents: Mapping[tuple[str, str, str, str], list[str]],
    effects: Mapping[str, Mapping[str, Answer]],
    holdings: Holdings,
    findings: list[Finding],
) -> None:
    """One row in effect of each content, however often it was stored, with the verdict and receipt that were told."""
    rows: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in holdings.rows:
        rows[row["melding_id"]][row["hele"]] = row
    for ids in contents.values():
        found = [row for one in ids for row in rows.pop(one, {}).values()]
        if len(found) != 1:
            what = "no row" if not found else "two rows in effect"
            findings += [Finding(what, one) for one in ids]
            continue
        e, row = wanted[ids[0]], found[0]
        if row["utfall"] != e.verdict.value or row["innhold_sha256"] != e.digest:
            findings.append(Finding(f"row says {row['utfall']}, should be {e.verdict.value}", ids[0]))
        told = {receipt_of(a) for one in ids for a in effects.get(one, {}).values()} - {None}
        if told - {row["kvitterings_id"]}:
            findings.append(Finding("receipt of another row", ids[0]))
    findings += [Finding("row of what was never sent", one) for one in rows]


def _ledger(
    messages: Mapping[str, Sent],
    wanted: Mapping[str, Expected],
    contents: Mapping[tuple[str, str, str, str], list[str]],
    holdings: Holdings,
    findings: list[Finding],
) -> None:
    markers = {f"{m.account}/{m.id}": m.id for m in messages.values()}
    for place, missing in (("sendt", "not marked as sent"), ("apne", "")):
        there = {n.removeprefix(f"{place}/") for n in holdings.ledger if n.startswith(f"{place}/")}
        if missing:
            findings += [Finding(missing, markers[one]) for one in markers.keys() - there]
        else:
            findings += [Finding("still open", markers.get(one, one)) for one in there]
    for place in ("brutt", "karantene"):
        findings += [Finding(f"in {place}/", n) for n in holdings.ledger if n.startswith(f"{place}/")]


def _set(where: str, should: set[Any], found: Counter[Any], findings: list[Finding]) -> None:
    findings += [Finding(f"missing in {where}", "/".join(one)) for one in should - found.keys()]
    findings += [Finding(f"too much in {where}", "/".join(one)) for one in found.keys() - should]
    findings += [Finding(f"twice in {where}", "/".join(one)) for one, count in found.items() if count > 1]
