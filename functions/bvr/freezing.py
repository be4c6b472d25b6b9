"""`bvr freeze`: make a freeze, make it again to see that it holds, and what it differs by."""

from __future__ import annotations

import click
from rich.console import Console
from rich.table import Table

from bvr import gcp
from bvr.config import config
from bvr.figures import moment
from bvr.rules import RULESET
from bvr.statistics import calendar, freezes
from bvr.statistics.declared import scheduled


def make(period: str, number: str) -> int:
    """Make a freeze and show it."""
    c = config()
    try:
        plan = calendar.planned(period, number)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    tables = gcp.queries(c)
    found = freezes.freeze(tables, scheduled(c.schemas), plan, RULESET, lambda: moment(None))
    changed = freezes.revise(tables, found.frysing_id)
    click.echo(f"{found.frysing_id}: {found.rader} rader | rows, sha256 {found.sha256}, kjent | known {plan.known}")
    if found.forrige_id:
        click.echo(f"revisjon av | revision of {found.forrige_id}: {changed} rader | rows")
    return 0


def verify(freeze_id: str) -> int:
    """Make a freeze again; 1 when it does not give the same bytes."""
    c = config()
    try:
        found = freezes.verify(gcp.queries(c), scheduled(c.schemas), freeze_id)
    except LookupError as error:
        raise click.ClickException(str(error)) from error
    if found.same:
        click.echo(f"{freeze_id}: samme tall | the same figures, sha256 {found.sha256}")
        return 0
    click.echo(f"{freeze_id}: ANDRE TALL | OTHER FIGURES, sha256 {found.sha256}, not {found.freeze.sha256}")
    if found.queries_changed:
        click.echo("  spørringene er endret siden | the queries have changed since")
    if found.erased_since:
        click.echo(f"  {found.erased_since} sletteordrer siden | orders of erasure since")
    return 1


def revision(freeze_id: str) -> int:
    """Show why a freeze differs from the one before."""
    tables = gcp.queries(config())
    try:
        freezes.revise(tables, freeze_id)
    except LookupError as error:
        raise click.ClickException(str(error)) from error
    rows = tables.query(
        "SELECT kommunenummer, indikator, IFNULL(arsak, '-') AS arsak, COUNT(DISTINCT CONCAT(orgnr, sak_id)) AS saker, "
        "SUM(teller_etter - teller_for) AS endring FROM statistikk.revisjon WHERE frysing_id = @id "
        "GROUP BY kommunenummer, indikator, arsak ORDER BY kommunenummer, indikator, arsak",
        {"id": freeze_id},
    )
    table = Table(title=f"{freeze_id}: hva som er endret | what has changed", title_justify="left")
    for column in ("kommune", "nøkkeltall", "årsak", "saker", "endring"):
        table.add_column(column)
    for r in rows:
        table.add_row(*(str(r[one]) for one in ("kommunenummer", "indikator", "arsak", "saker", "endring")))
    Console().print(table)
    return 0
