"""`make demo`: the whole register once, on this machine, with synthetic municipalities."""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import requests
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from emulator.cloud import LocalCloud
from emulator.tokens import fetch_token

SCOPE = "ssb:barnevern/uttrekk.read"
_PATIENCE = 150.0  # seconds without a new receipt before the demo gives up

console = Console(highlight=False)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m emulator.demo")
    parser.add_argument("--kommuner", type=int, default=12)
    parser.add_argument("--saker", type=int, default=400)
    parser.add_argument("--dager", type=int, default=10)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    started = time.monotonic()
    step("1", "Starter den lokale skyen", "Starting the local cloud")
    elsewhere = os.environ.get("PUBSUB_EMULATOR_HOST")  # a Pub/Sub emulator that already runs
    with LocalCloud(progress=lambda text: console.print(f"   [dim]{text}[/]"), pubsub_host=elsewhere) as cloud:
        os.environ.update(cloud.environment)
        submissions = list(_submissions(options))
        answers = send_and_receive(submissions)
        figures(cloud, submissions)
        extract(cloud)
        whats_next(cloud, time.monotonic() - started, options.keep)
        if options.keep:
            wait()
    return 0 if answers else 1


def step(number: str, nb: str, en: str) -> None:
    console.print(f"\n[bold]{number} {nb}[/] [dim]| {en}[/]")


def _submissions(options: argparse.Namespace) -> Iterator[Any]:
    from bvr.simulate import simulate

    yield from simulate(options.kommuner, options.saker, options.dager, options.seed)


def send_and_receive(submissions: list[Any]) -> list[dict[str, Any]]:
    """Publish every submission, and gather the answers as they come on the topic of receipts."""
    from bvr import gcp
    from bvr.config import config
    from bvr.sending import finding_table, verdict_table

    c = config()
    kommuner = {s.avsender_id for s in submissions}
    step(
        "2",
        f"{len(kommuner)} kommuner sender {len(submissions)} innsendinger",
        f"{len(kommuner)} municipalities send {len(submissions)} submissions",
    )
    answers: dict[str, dict[str, Any]] = {}
    bar = (TextColumn("   {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        gcp.Inbox(c.project, c.topic_kvittering, None) as inbox,
        Progress(*bar, console=console) as progress,
        publishing(submissions, progress),
    ):
        received = progress.add_task("kvitteringer", total=len(submissions))
        expected = {s.melding_id for s in submissions}
        last = time.monotonic()
        while expected - answers.keys() and time.monotonic() - last < _PATIENCE:
            for data, attributes in inbox.messages(2.0):
                answers[attributes["svar-til"]] = msgspec.json.decode(data)
                progress.update(received, completed=len(answers))
                last = time.monotonic()
                if not expected - answers.keys():
                    break
    missing = len({s.melding_id for s in submissions} - answers.keys())
    if missing:
        console.print(f"[red]   {missing} innsendinger fikk ikke kvittering | submissions got no receipt[/]")
        sys.exit(1)
    step("3", "Kvitteringene", "The receipts")
    console.print(verdict_table(list(answers.values())))
    console.print(finding_table(list(answers.values())))
    return list(answers.values())


@contextmanager
def publishing(submissions: list[Any], progress: Progress) -> Iterator[None]:
    """Publish in the background, in the order of arrival."""
    from bvr import gcp
    from bvr.config import config

    c = config()
    topics = gcp.publisher(c.project)
    sent = progress.add_task("sendt", total=len(submissions))

    def publish() -> None:
        for submission in submissions:
            topics.publish(c.topic_innsending, submission.body, submission.attributes)
            progress.advance(sent)

    thread = threading.Thread(target=publish, name="sender", daemon=True)
    thread.start()
    yield
    thread.join()


def figures(cloud: LocalCloud, submissions: list[Any]) -> None:
    """Let the scheduler run the queries, as of now: the figures hold what was processed by then."""
    from bvr import gcp
    from bvr.config import config

    step("4", "Spørringene kjøres", "The scheduled queries run")
    at = max(datetime.now(UTC), max(s.sent for s in submissions).astimezone(UTC) + timedelta(days=1))
    for name, run in cloud.trigger("sporringer", at).json()["kjoringer"].items():
        state = "[green]kontrollert[/]" if not run["grunn"] else f"[red]{run['utfall']}: {run['grunn']}[/]"
        console.print(f"   {name}: {run['rader']} rader, {state}")
    rows = gcp.queries(config()).query(
        "SELECT utfall, COUNT(*) AS antall FROM register.innsending GROUP BY utfall ORDER BY utfall"
    )
    console.print("   register.innsending: " + ", ".join(f"{r['antall']} {r['utfall']}" for r in rows))


def extract(cloud: LocalCloud) -> None:
    """Pull the figures as Bufdir does: a token, one HTTP call, an ordinary JSON-stat library."""
    from pyjstat import pyjstat

    step("5", "Bufdir henter et uttrekk over HTTP", "Bufdir pulls an extract over HTTP")
    env = cloud.environment
    address = f"{env['BVR_API_URL']}/tables/bvr-meldinger-mottatt/data"
    refused = requests.get(address, timeout=30)
    console.print(f"   uten token: {refused.status_code} {refused.json()['detail']}")
    token = fetch_token(
        env["BVR_MASKINPORTEN_ISSUER"],
        env["BVR_CLIENT_ID"],
        Path(env["BVR_CLIENT_KEY"]).read_text(encoding="utf-8"),
        SCOPE,
        env.get("BVR_API_AUDIENCE"),
    )
    headers = {"Authorization": f"Bearer {token}"}
    for table in ("bvr-meldinger-mottatt", "bvr-barn-tiltak-dato"):
        answer = requests.get(
            f"{env['BVR_API_URL']}/tables/{table}/data",
            params={"valuecodes[Tid]": "top(3)"},
            headers=headers,
            timeout=60,
        )
        answer.raise_for_status()
        dataset = pyjstat.Dataset.read(answer.text)
        frame = dataset.write("dataframe")
        wide = frame.pivot_table(index="region", columns="periode", values="value", aggfunc="first", dropna=False)
        hidden = sum(symbol == ":" for symbol in answer.json().get("status", {}).values())
        console.print(f"\n   [bold]{answer.json()['label']}[/] ({table}; {hidden} celler skjules)")
        shown = wide.astype(object).where(wide.notna(), ":")
        console.print("   " + shown.to_string().replace("\n", "\n   "))


def whats_next(cloud: LocalCloud, seconds: float, keep: bool) -> None:
    console.print(f"\n[bold green]Ferdig på {seconds:.0f} s[/] [dim]| done[/]")
    console.print(
        "   bvr validate <fil.xml>      kontroller en sak uten sky | check a case offline\n"
        "   bvr up                      start skyen og behold den | keep the cloud running\n"
        "   bvr send <fil.xml> --wait   send en sak og se kvitteringen | send a case, see the receipt\n"
        "   docs/regler.md              alle reglene | every rule\n"
        "   docs/informasjonsmodell.md  alle feltene | every field"
    )
    if keep:
        console.print("\n   Skyen kjører til Ctrl-C | the cloud runs until Ctrl-C:")
        for name, value in sorted(cloud.environment.items()):
            console.print(f"   export {name}={value}", soft_wrap=True)


def wait() -> None:
    with suppress(KeyboardInterrupt):
        threading.Event().wait()


if __name__ == "__main__":
    sys.exit(main())
