"""`bvr release` and `bvr attack`: publish a product of a freeze, list what is out, and attack it again."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bvr import gcp
from bvr.config import config
from bvr.statistics import freezes
from bvr.statistics.publication import cubes
from bvr.statistics.publication import release as releases
from bvr.statistics.publication.attack import ATTACKS, Verdict
from bvr.statistics.publication.declared import Product, products


def _product(name: str) -> Product:
    for product in products():
        if product.id == name:
            return product
    raise click.UsageError(f"there is no product {name[:40]}; there are {', '.join(p.id for p in products())}")


def make(product: str, freeze_id: str, reason: str) -> int:
    """Publish a product of a freeze, or every product that has figures in it."""
    tables = gcp.queries(config())
    chosen = products() if product == "alle" else [_product(product)]
    refused = 0
    for one in chosen:
        if not releases.frozen(tables, one, freeze_id) and product == "alle":
            continue
        try:
            found = releases.release(tables, one, freeze_id, lambda: datetime.now(UTC), reason=reason)
        except LookupError as error:
            raise click.ClickException(str(error)) from error
        except (releases.NotPublishable, ValueError) as error:
            click.echo(f"{one.id}: IKKE PUBLISERT | NOT PUBLISHED: {error}")
            refused += 1
            continue
        # Again when it was out already: the notice has the release's id, and a repeat tells nothing new.
        gcp.publisher(config().project).publish(config().topic_utgivelse, *releases.notice(found))
        useful = json.loads(found.revisjon)["nytte"]
        click.echo(
            f"{found.utgivelse_id}: {found.status}, {found.rader} celler | cells, {found.skjult} skjult | hidden, "
            f"{useful['kommuner_med_total']} av {useful['kommuner']} kommuner med total | municipalities with a total, "
            f"sha256 {found.sha256[:16]}"
        )
    return 1 if refused else 0


def listed() -> int:
    """What is out."""
    table = Table(title="utgivelser | releases", title_justify="left")
    for column in ("utgivelse", "status", "kjent", "publisert", "celler", "skjult", "angrep"):
        table.add_column(column)
    tables = gcp.queries(config())
    for product in products():
        for one in releases.published(tables, product.id):
            verdict = json.loads(one.angrep)["dom"]
            table.add_row(
                *(
                    one.utgivelse_id,
                    one.status,
                    f"{one.kunnskapstidspunkt:%Y-%m-%d}",
                    f"{one.publisert:%Y-%m-%d %H:%M}",
                ),
                *(str(one.rader), str(one.skjult), verdict),
            )
    Console().print(table)
    return 0


def make_cube(name: str, year: int, folder: Path) -> int:
    """Make a cube of a year: the table and what is told of it, as two files that are written whole."""
    known = {one.id: one for one in cubes.declared().cubes}
    if name not in known:
        raise click.UsageError(f"there is no cube {name[:40]}; there are {', '.join(known)}")
    try:
        made = cubes.deliver(gcp.queries(config()), known[name], year, lambda: datetime.now(UTC))
    except LookupError as error:
        raise click.ClickException(str(error)) from error
    except (releases.NotPublishable, ValueError) as error:
        click.echo(f"IKKE LEVERT | NOT DELIVERED: {error}")
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    for suffix, data in (("csv", made.table), ("json", made.about)):
        (folder / f"{name}-{year}.{suffix}").write_bytes(data)
    click.echo(
        f"{name} {year}: {made.record.metode}, {made.record.celler} celler | cells, sha256 {made.record.sha256[:16]}"
    )
    return 0


def list_cubes() -> int:
    """What has been delivered."""
    table = Table(title="kuber | cubes", title_justify="left")
    for column in ("kube", "år", "metode", "laget", "celler", "sha256"):
        table.add_column(column)
    for one in cubes.delivered(gcp.queries(config())):
        table.add_row(
            one.kube, str(one.aar), one.metode, f"{one.laget:%Y-%m-%d %H:%M}", str(one.celler), one.sha256[:16]
        )
    Console().print(table)
    return 0


def attack(name: str, without_one: int | None) -> int:
    """Attack a release as it is out, with everything that was out before it; 1 when something can be learned.

    `without_one` takes away one suppression that protects others, drawn by that seed: what the attack should find.
    """
    tables = gcp.queries(config())
    found = releases.stored(tables, name)
    if found is None:
        raise click.ClickException(f"there is no release {name[:80]}; `bvr release list` shows them")
    product = _product(found.produkt)
    freeze = freezes.made(tables, found.frysing_id)
    if freeze is None:
        raise click.ClickException(f"the freeze {found.frysing_id} of the release is gone")
    verdict, taken = releases.attacked(tables, product, found, freeze, without_one)
    show(name, verdict, taken)
    return 0 if verdict.green else 1


def show(name: str, verdict: Verdict, taken: str = "") -> None:
    """A table of what was tried and what was learned, and never of which cell."""
    told = verdict.told()
    without = f", uten ett vern | without one suppression: {taken}" if taken else ""
    table = Table(title=f"{name}{without}: {told['dom']}", title_justify="left")
    for column in ("angrep | attack", "", "prøvd | tried", "funnet | learned"):
        table.add_column(column)
    for attack_id, what in ATTACKS.items():
        table.add_row(attack_id, what, str(told["forsok"].get(attack_id, 0)), str(told["funnet"].get(attack_id, 0)))
    Console(width=150).print(table)
