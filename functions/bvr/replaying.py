"""`bvr reconcile` and `bvr replay`: what they show, and what they keep of it."""

from __future__ import annotations

from datetime import datetime

import click
import msgspec
from rich.console import Console
from rich.table import Table

from bvr import gcp, wiring
from bvr.config import config
from bvr.reconcile import keep, reconcile
from bvr.replay import BROKEN, Replay, Selection, record


def balance(*, mend: bool) -> bool:
    """Reconcile, show the counts and what differs; whether all is in balance."""
    tables = gcp.queries(config())
    found = reconcile(wiring.desk(), tables, mend=mend)
    keep(tables, found)
    shown = Table(title="Avstemming | Reconciliation", title_justify="left")
    shown.add_column("hva | what")
    shown.add_column("antall | count", justify="right")
    for name, value in msgspec.structs.asdict(found.counts).items():
        if name != "tidspunkt":
            shown.add_row(name, f"{value:,}")
    console = Console()
    console.print(shown)
    for one in found.differences:
        console.print(f"{one.what}: {one.name}", highlight=False, markup=False)
    return found.counts.balances


def selection(since: datetime | None, until: datetime | None, kommune: str | None, *, restore: bool) -> Selection:
    """What is to be replayed. Raises ValueError for a municipality that nobody reports for."""
    if kommune is None:
        return Selection(since=since, until=until, restore=restore)
    found = wiring.senders().current().reporting_for(kommune)
    if not found:
        raise ValueError(f"{kommune}: ingen rapporterer for den | nobody reports for it")
    return Selection(
        since=since,
        until=until,
        kommune=kommune,
        accounts=tuple(sorted({one.konto_id for one in found})),
        reporters=tuple(sorted({one.for_orgnr for one in found})),
        restore=restore,
    )


def replay(chosen: Selection, *, rate: float, count: bool) -> bool:
    """Replay, show what came of it, and keep a record; whether we could process all of it."""
    runner = Replay(wiring.desk(), wiring.service(), files=wiring.kostra() if chosen.restore else None, rate=rate)
    if count:
        click.echo(f"{len(runner.names(chosen))} meldinger | messages")
        return True
    started = wiring.now()
    made = runner.run(chosen)
    row = record(gcp.queries(config()), chosen, made, started, wiring.now())
    words = ", ".join(f"{number} {kind}" for kind, number in sorted(made.items())) or "ingenting | nothing"
    click.echo(f"avspilling {row.avspilling_id} ({row.regelsett}): {words}")
    return not made[BROKEN]
