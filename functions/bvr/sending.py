"""Sending as a fagsystem does: cases in, receipts out."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bvr import gcp, sealing
from bvr.config import config
from bvr.intake.protocol import SSB_SUBMIT, SUBMIT
from bvr.model.versions import interface
from bvr.simulate import Submission
from bvr.simulate.senders import SUPPLIER_ACCOUNT

_EXIT = {"OK": 0, "INFO": 0, "WARNING": 0, "ERROR": 1, "FATAL": 2}


def ssb_payload(xml: bytes, version: str) -> bytes:
    """`payload.json` of the production protocol. XML that is not text in UTF-8 keeps its shape as far as JSON can."""
    body = {"xsdVersion": interface(version), "xmlBody": xml.decode("utf-8", "replace")}
    return msgspec.json.encode(body)


def send_files(paths: list[Path], *, version: str, native: bool, wait: bool, timeout: float) -> int:
    """Publish files; with `wait`, show each receipt. Exit code as for `bvr validate`, 3 when a receipt did not come."""
    c = config()
    topics = gcp.publisher(c.project)
    waiting: dict[str, Path] = {}
    with gcp.Inbox(c.project, c.topic_kvittering, SUPPLIER_ACCOUNT) as inbox:
        for path in paths:
            melding_id = str(uuid4())
            attributes = {
                "melding-id": melding_id,
                "klient-melding-id": str(uuid4()),
                "avsender-id": SUPPLIER_ACCOUNT,
                "type": SUBMIT if native else SSB_SUBMIT,
            }
            data = path.read_bytes()
            if native:
                attributes["xsd-versjon"] = version
            elif data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{":
                data = ssb_payload(data, version)
            topics.publish(c.topic_innsending, data, attributes)
            waiting[melding_id] = path
        if not wait:
            Console().print(f"{len(waiting)} sent; receipts come on topic {c.topic_kvittering}", highlight=False)
            return 0
        return _show(inbox, waiting, timeout)


def _show(inbox: gcp.Inbox, waiting: dict[str, Path], timeout: float) -> int:
    console = Console()
    worst = 0
    for data, attributes in inbox.messages(timeout):
        path = waiting.pop(attributes.get("svar-til", ""), None)
        if path is None:
            continue
        answer = msgspec.json.decode(data)
        console.print(f"[bold]{path}[/] ← {attributes['type']}", highlight=False)
        console.print_json(data=answer)
        worst = max(worst, _EXIT[severity(answer)])
        if not waiting:
            return worst
    sys.stderr.write(f"no receipt within {timeout:g} s for: {', '.join(str(p) for p in waiting.values())}\n")
    return 3


def severity(answer: dict[str, Any]) -> str:
    """The worst severity of an answer of either profile; FATAL for a feilmelding."""
    return str(answer.get("severity") or answer.get("hoyesteAlvorlighet") or "FATAL")


def rules_of(answer: dict[str, Any]) -> list[tuple[str, str]]:
    """(severity, rule name) of each finding in an answer of either profile."""
    if "reportEntries" in answer:
        return [(e["warningLevel"], e["ruleName"]) for e in answer["reportEntries"]]
    if "detaljer" in answer:
        return [("FATAL", answer["feilkode"])] * max(1, len(answer["detaljer"]))
    return [(f["alvorlighet"], f["regelNavn"]) for f in answer.get("funn", ())]


def send_submissions(submissions: Iterable[Submission], *, sealed: bool = False) -> int:
    """Publish simulated submissions in their order of arrival; the number sent."""
    c = config()
    seal = sealing.simulated() if sealed else None
    topics = gcp.publisher(c.project)
    sent = 0
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Sending", total=None)
        for submission in submissions:
            body, attributes = seal(submission) if seal else (submission.body, submission.attributes)
            topics.publish(c.topic_innsending, body, attributes)
            sent += 1
            progress.advance(task)
    return sent


def verdict_table(answers: list[dict[str, Any]]) -> Table:
    """Answers counted by their worst severity."""
    counts: dict[str, int] = dict.fromkeys(("OK", "INFO", "WARNING", "ERROR", "FATAL"), 0)
    for answer in answers:
        counts[severity(answer)] += 1
    table = Table(title="Kvitteringer | Receipts", title_justify="left")
    table.add_column("verste funn")
    table.add_column("antall", justify="right")
    table.add_column("hva det betyr | what it means")
    words = {
        "OK": "godkjent | registered",
        "INFO": "godkjent, med opplysninger | registered, with remarks",
        "WARNING": "godkjent, bør rettes | registered, should be corrected",
        "ERROR": "lagret, holdes utenfor til den er rettet | stored, excluded until corrected",
        "FATAL": "avvist, aldri inn i registeret | rejected, never enters the register",
    }
    for name, count in counts.items():
        table.add_row(name, str(count), words[name])
    return table


def finding_table(answers: list[dict[str, Any]], most: int = 12) -> Table:
    """The most frequent findings."""
    counts: dict[tuple[str, str], int] = {}
    for answer in answers:
        for finding in rules_of(answer):
            counts[finding] = counts.get(finding, 0) + 1
    table = Table(title="Vanligste funn | Most frequent findings", title_justify="left")
    for column in ("regel", "alvorlighet", "antall"):
        table.add_column(column, justify="right" if column == "antall" else "left")
    for (level, name), count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]:
        table.add_row(name, level, str(count))
    return table
