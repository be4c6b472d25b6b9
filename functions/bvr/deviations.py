"""`bvr deviations`: the year-on-year tests of a period, stored and shown; and the answers about what they found."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
from msgspec.structs import asdict, replace
from rich.console import Console
from rich.table import Table

from bvr import gcp
from bvr.config import config
from bvr.figures import moment
from bvr.statistics.deviations import answers, compare, sources
from bvr.statistics.deviations.tables import Avvik

if TYPE_CHECKING:
    from bvr.gcp import Queries
    from bvr.statistics.deviations.compare import Result, Side

_SHOWN = 40


def of_period(
    tables: Queries, periode: str, mot: str | None = None, freeze: str | None = None, at: datetime | None = None
) -> Result:
    """Test a period against another and store what was found. Raises ValueError when they are not alike."""
    before_name = mot or compare.reference(periode)
    ask = tables.query
    now = sources.with_months(ask, sources.side(ask, periode, freeze))
    before = sources.with_months(ask, sources.side(ask, before_name, freeze))
    units = sources.units(ask, _after(now), _after(before))
    return _store(tables, compare.compare(now, before, units), at)


def of_today(tables: Queries, at: datetime) -> Result:
    """Test how much of the last 30 days has arrived, as known at a time, and store what was found."""
    day = at.astimezone(sources.NORWAY).date()
    earlier = compare.a_year_before(day)
    then = at - (day - earlier)
    units = sources.units(tables.query, day.replace(month=1, day=1), earlier.replace(month=1, day=1))
    return _store(tables, compare.timeliness(sources.arrived(tables.query, at, then), units, day, at), at)


def of_migration(tables: Queries, at: datetime) -> Result | None:
    """Test what has come over from the last KOSTRA files, and store what was found; None where there are no files."""
    year, stocks = sources.carried_over(tables.query, at)
    return _store(tables, compare.continuity(stocks, year, compare.FORELOPIG, at), at) if year else None


def _after(side: Side) -> date:
    """The day after the period: inhabitants of 1 January or 1 July."""
    return max(one.referansedato for one in side.tall) + timedelta(days=1)


def _store(tables: Queries, found: Result, at: datetime | None) -> Result:
    """Deviations first: a run is there when its count of tests is. The same run again adds nothing."""
    stored = at or datetime.now(UTC)
    run = found.tester[0].kjoring_id if found.tester else ""
    tables.insert("statistikk.avvik_v1", [asdict(one) for one in found.avvik], once=run)
    tables.insert("statistikk.avvik_test", [asdict(replace(one, beregnet=stored)) for one in found.tester], once=run)
    return found


def run(
    periode: str | None,
    *,
    mot: str | None,
    freeze: str | None,
    as_of: str | None,
    kommune: str | None,
    as_json: bool,
) -> None:
    """Run, store and show. The whole country is tested and stored also when one municipality is shown."""
    tables = gcp.queries(config())
    found = of_period(tables, periode, mot, freeze) if periode else of_today(tables, moment(as_of))
    shown = [one for one in found.avvik if kommune in (None, one.kommunenummer, one.region)]
    if as_json:
        for one in shown:
            click.echo(msgspec.json.encode(one))
        return
    Console().print(_table(shown[:_SHOWN], f"Avvik | Deviations: {periode or 'siste 30 dager'}"))
    if len(shown) > _SHOWN:
        click.echo(f"… {len(shown) - _SHOWN} til i statistikk.avvik_gjeldende | more")
    made = sum(one.tester for one in found.tester)
    click.echo(
        f"{made} tester | tests, {sum(one.rode for one in found.tester)} røde | red, "
        f"{sum(one.gule for one in found.tester)} gule | yellow",
        err=True,
    )


def _table(rows: list[Avvik], title: str) -> Table:
    table = Table(title=title, title_justify="left")
    for column in ("rang", "flagg", "test", "indikator", "region", "periode", "forrige", "verdi", "%", "q"):
        table.add_column(column, justify="right" if column in ("rang", "forrige", "verdi", "%", "q") else "left")
    for one in rows:
        before, now = (
            str(value) if of is None else f"{value}/{of}"
            for value, of in ((one.forrige, one.forrige_nevner), (one.verdi, one.nevner))
        )
        table.add_row(
            *(str(one.rang), one.flagg, one.testkode, one.indikator + (f" {one.kode}" if one.kode else "")),
            *(one.region, f"{one.periode} {one.periodetype}", before, now),
            "-" if one.prosent is None else f"{one.prosent:+.1f}",
            "-" if one.q_verdi is None else f"{one.q_verdi:.2g}",
        )
    return table


def load_answers(file: Path, *, load: bool, at: datetime | None = None) -> int:
    """Check a file of answers, and add it to those given when every line is right; the exit code."""
    try:
        lines = answers.read(file)
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
    for line in lines:
        if line.fault:
            click.echo(f"{file}:{line.number}: {line.fault}")
    given = [line.answer for line in lines if line.answer]
    if len(given) != len(lines):
        return 2
    click.echo(f"{len(given)} answers, all well-formed", err=True)
    if load:
        loaded = at or datetime.now(UTC)
        rows = [asdict(replace(one, lagt_inn=loaded)) for one in given]
        gcp.queries(config()).insert("statistikk.avvik_vurdering", rows)
        click.echo("added to statistikk.avvik_vurdering", err=True)
    return 0
