"""The command `bvr`. A command imports what it needs when it runs, so that `bvr validate` starts fast."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bvr.errors import BvrError
from bvr.model.versions import CURRENT, SUPPORTED

if TYPE_CHECKING:
    from datetime import datetime

    from bvr.model.compatibility import Change
    from bvr.register_file import Line

T = TypeVar("T")
USAGE_ERROR = 64
"""Exit code of a wrong call: 1 and 2 are verdicts."""
PLATFORM_ERROR = 70
"""Exit code when the register, or our own code, failed."""


class _Group(click.Group):
    """Commands in the order they are used, with usage errors that cannot be taken for a verdict."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().main(*args, **{**kwargs, "standalone_mode": False})
        except click.ClickException as error:
            error.show()
            sys.exit(USAGE_ERROR)
        except click.exceptions.Abort:
            sys.exit(130)
        except click.exceptions.Exit as done:
            sys.exit(done.exit_code)
        except BvrError as error:
            click.echo(f"Error: {error}", err=True)
            sys.exit(PLATFORM_ERROR)


def _example(text: str) -> str:
    return f"\b\nExample:\n  {text}"


@click.group(
    cls=_Group, context_settings={"help_option_names": ["-h", "--help"]}, epilog=_example("bvr validate case.xml")
)
@click.version_option(package_name="bvr")
def main() -> None:
    """Barnevernsregisteret: check cases, run the local cloud, send to it, and look at what comes out."""


@main.command(epilog=_example("bvr validate out/*.xml --json | jq .verdict"))
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, one line a file.")
@click.option(
    "--schema", "version", type=click.Choice(SUPPORTED), default=CURRENT, show_default=True, help="Schema version."
)
@click.option(
    "--channel",
    type=click.Choice(["fagsystem", "kostra"]),
    default="fagsystem",
    show_default=True,
    help="How the data would be sent; softens rules for migrated data.",
)
@click.option("--production", is_flag=True, help="Refuse synthetic person numbers, as the register in production does.")
@click.option("--year", type=int, help="Reporting year of a KOSTRA file; that of the file unless given.")
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the control report of a KOSTRA file: .html or .csv.",
)
@click.option("--own-rules", is_flag=True, help="Run the INFO rules beyond the published ones too (x-…).")
def validate(
    files: tuple[str, ...],
    as_json: bool,
    version: str,
    channel: str,
    production: bool,
    own_rules: bool,
    year: int | None,
    report: Path | None,
) -> None:
    """Check cases offline with the same rules as the register.

    FILE is an XML document, a payload.json, a case as JSON, a KOSTRA file (with --channel kostra), a folder (every
    .xml below it) or a pattern. Exit code: 0 registered, 1 excluded by an ERROR, 2 rejected; the worst of all files.
    """
    from bvr.selfcheck import SelfCheck

    check = SelfCheck(
        version=version, channel=channel, production=production, own_rules=own_rules, year=year, report=report
    )
    try:
        paths = check.paths(files)
    except FileNotFoundError as error:
        raise click.UsageError(str(error)) from error
    sys.exit(check.run(paths, as_json=as_json))


@main.command(epilog=_example("bvr demo --keep"))
@click.option("--keep", is_flag=True, help="Leave the local cloud running afterwards, until Ctrl-C.")
@click.option("--kommuner", default=12, show_default=True, help="Number of municipalities.")
@click.option("--saker", default=400, show_default=True, help="Number of cases.")
@click.option("--dager", default=10, show_default=True, help="Number of days.")
@click.option("--seed", default=2026, show_default=True)
def demo(keep: bool, kommuner: int, saker: int, dager: int, seed: int) -> None:
    """Everything once: local cloud, municipalities, receipts, queries, and an extract pulled with a token."""
    sys.exit(
        subprocess.call(
            [
                *(sys.executable, "-m", "emulator.demo", "--kommuner", str(kommuner), "--saker", str(saker)),
                *("--dager", str(dager), "--seed", str(seed)),
                *(["--keep"] if keep else []),
            ]
        )
    )


@main.command(epilog=_example("bvr up --data-dir .bvr/data"))
@click.option("--data-dir", type=click.Path(path_type=Path), help="Keep the data here; without it they go at the end.")
@click.option("--env-file", type=click.Path(path_type=Path), help="Also write the environment to this file.")
def up(data_dir: Path | None, env_file: Path | None) -> None:
    """Start the local cloud and keep it until Ctrl-C; prints the environment that any Google client can join with."""
    command = [sys.executable, "-m", "emulator"]
    command += ["--data-dir", str(data_dir)] if data_dir else []
    command += ["--env-file", str(env_file)] if env_file else []
    child = subprocess.Popen(command)
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    try:
        code = child.wait()
    except KeyboardInterrupt:
        code = child.wait()
    sys.exit(code)


@main.command(epilog=_example("bvr send case.xml --wait"))
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--wait", is_flag=True, help="Wait for the receipts and show them.")
@click.option("--schema", "version", type=click.Choice(SUPPORTED), default=CURRENT, show_default=True)
@click.option(
    "--native", is_flag=True, help="Use the native protocol; its receipt says more than the production one's."
)
@click.option("--timeout", default=60.0, show_default=True, help="Seconds to wait for the receipts.")
def send(files: tuple[str, ...], wait: bool, version: str, native: bool, timeout: float) -> None:
    """Publish cases to the register that the environment points to (see `bvr up`)."""
    _needs_environment()
    from bvr.selfcheck import SelfCheck
    from bvr.sending import send_files

    try:
        paths = SelfCheck(version=version).paths(files)
    except FileNotFoundError as error:
        raise click.UsageError(str(error)) from error
    sys.exit(send_files(paths, version=version, native=native, wait=wait, timeout=timeout))


@main.command(epilog=_example("bvr simulate --kommuner 20 --saker 200 --dager 14 --seed 7 --out cases/"))
@click.option("--kommuner", default=10, show_default=True, help="Number of municipalities.")
@click.option("--saker", default=100, show_default=True, help="Number of cases.")
@click.option("--dager", default=10, show_default=True, help="Number of days.")
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same bytes.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the XML files and a manifest to this folder.")
@click.option("--send", "publish", is_flag=True, help="Send them to the register that the environment points to.")
@click.option("--sealed", is_flag=True, help="Send them sealed: signed and encrypted, as Fiks IO carries them.")
@click.option("--nasjon", type=int, help="Instead: the whole country on 31 December of this year (2013 to 2024).")
@click.option("--andel", default=1.0, show_default=True, help="How much of the nation.")
@click.option("--aar", "years", help="FIRST-LAST: a nation for each of these years, each a register of its own.")
@click.option(
    "--rader",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the nation as rows of register.innsending: .jsonl.gz. With --aar, YEAR- goes before the name.",
)
@click.option(
    "--sammenlign",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the comparison of the nation with the published figures: .md.",
)
def simulate(
    kommuner: int,
    saker: int,
    dager: int,
    seed: int,
    out: Path | None,
    publish: bool,
    sealed: bool,
    nasjon: int | None,
    andel: float,
    years: str | None,
    rader: Path | None,
    sammenlign: Path | None,
) -> None:
    """Synthetic municipalities: case histories that grow day by day, with the faults that real ones have.

    With --nasjon or --aar the whole country, in the size and the mix of the published figures.
    """
    if nasjon is not None or years is not None:
        if out is None and rader is None and sammenlign is None:
            raise click.UsageError("say what should be made: --out FOLDER, --rader FILE or --sammenlign FILE")
        if publish or sealed:
            raise click.UsageError("a nation is written, not sent")
        _nation(nasjon, years, andel, seed, out, rader, sammenlign)
        return
    if rader is not None or sammenlign is not None:
        raise click.UsageError("--rader and --sammenlign belong to --nasjon")
    if out is None and not publish:
        raise click.UsageError("say where the cases should go: --out FOLDER, --send, or both")
    from bvr.simulate import simulate as make
    from bvr.simulate import write

    if out is not None:
        written = write(make(kommuner, saker, dager, seed), out)
        click.echo(f"{written} submissions in {out}")
    if publish:
        _needs_environment()
        from bvr.sending import send_submissions

        sent = send_submissions(make(kommuner, saker, dager, seed), sealed=sealed)
        click.echo(f"{sent} submissions sent")


def _nation(
    year: int | None,
    years: str | None,
    share: float,
    seed: int,
    out: Path | None,
    rader: Path | None,
    sammenlign: Path | None,
) -> None:
    from rich.console import Console
    from rich.progress import track

    from bvr.register.keys import TinkCipher
    from bvr.simulate import write
    from bvr.simulate.comparison import page
    from bvr.simulate.delivered import rows, submissions, synthetic_keyset, write_rows
    from bvr.simulate.nation import nation, size
    from bvr.simulate.published import YEARS

    chosen = [year] if year is not None else []
    if years is not None:
        first, _, last = years.partition("-")
        if not (first.isdigit() and (last or first).isdigit() and int(first) <= int(last or first)):
            raise click.UsageError(f"--aar is FIRST-LAST, not {years}")
        chosen = list(range(int(first), int(last or first) + 1))
    if not {*chosen, *([year] if year is not None else [])} <= set(YEARS) or not 0 < share <= 1:
        raise click.UsageError(f"years are {YEARS[0]} to {YEARS[-1]}, and the share is above 0 and at most 1")
    console = Console(stderr=True)
    for one in chosen:
        apart = years is not None
        total = size(one, share)
        if out is not None:
            folder = out / str(one) if apart else out
            cases = track(nation(one, share, seed), f"{one}: files", total=total, console=console)
            click.echo(f"{write(submissions(cases), folder)} submissions in {folder}")
        if rader is not None:
            file = rader.with_name(f"{one}-{rader.name}") if apart else rader
            cases = track(nation(one, share, seed), f"{one}: rows", total=total, console=console)
            written = write_rows(rows(submissions(cases), TinkCipher(synthetic_keyset(seed))), file)
            click.echo(f"{written} rows in {file}")
    if sammenlign is not None:
        text = page(year or chosen[-1], share, seed, chosen if years is not None else ())
        sammenlign.write_text(text, encoding="utf-8")
        click.echo(f"compared in {sammenlign}")


@main.command(epilog=_example("bvr derive --everything"))
@click.option("--as-of", help="As of this time (RFC 3339, with a zone); now unless given.")
@click.option("--everything", is_flag=True, help="Of the whole register, as once a night.")
def derive(as_of: str | None, everything: bool) -> None:
    """Derive what follows from the submissions: current register, who is one child, pseudonyms, row access."""
    _needs_environment()
    from bvr.deriving import derive as run
    from bvr.figures import moment

    for step, done in run(moment(as_of), everything=everything).items():
        click.echo(f"{step}: " + ", ".join(f"{name} {count}" for name, count in done.items()))


@main.group(epilog=_example("bvr pseudonym rotate prove --from 2026-07-01 --who personvernombudet --why årlig"))
def pseudonym() -> None:
    """Pseudonyms for analysis."""


@pseudonym.command(epilog=_example("bvr pseudonym rotate prove --from 2026-07-01 --who personvernombudet --why årlig"))
@click.argument("formal")
@click.option(
    "--from", "first", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The first day of the new ones."
)
@click.option("--who", required=True, help="Who decided it.")
@click.option("--why", required=True, help="Why.")
def rotate(formal: str, first: datetime, who: str, why: str) -> None:
    """Give a purpose new pseudonyms from a day on. Nothing is locked; the next derivation makes them."""
    _needs_environment()
    from bvr import gcp
    from bvr.config import config
    from bvr.figures import moment
    from bvr.register.pseudonyms import rotate as run

    epoch = run(gcp.queries(config()), formal, first.date(), moment(None), who, why)
    click.echo(f"{formal}: epoke {epoch} fra {first.date()} | epoch {epoch} from that day")


@main.command(epilog=_example("bvr access --dry-run"))
@click.option("--dry-run", is_flag=True, help="Show what would be granted and taken back.")
def access(dry_run: bool) -> None:
    """Make BigQuery's row access what grunnlag.tilgang says today."""
    _needs_environment()
    from bvr import gcp
    from bvr.config import config
    from bvr.figures import moment
    from bvr.pipeline import day_in_norway
    from bvr.register.access import run

    c = config()
    tables = gcp.queries(c)
    found = run(tables, gcp.RowPolicies(tables.client), day_in_norway(moment(None)), c.own_accounts, dry=dry_run)
    for table, name in found.drop:
        click.echo(f"- {table} {name}")
    for one in found.create:
        click.echo(f"+ {one.table} {one.grantee}: {one.filter}")


@main.command(epilog=_example("bvr anonymity prove -k 5"))
@click.argument("formal")
@click.option("-k", "k", default=5, show_default=True, help="The size below which a class of children is small.")
@click.option("--json", "as_json", is_flag=True)
def anonymity(formal: str, k: int, as_json: bool) -> None:
    """How well the views of a purpose hide a child: small classes and rare courses, by municipality and count."""
    _needs_environment()
    from rich.console import Console

    from bvr import gcp
    from bvr.config import config
    from bvr.statistics.anonymity import as_json as to_json
    from bvr.statistics.anonymity import as_tables, examine

    tables = gcp.queries(config())
    (purpose,) = tables.query("SELECT dato_presisjon FROM grunnlag.formal WHERE formal = @f", {"f": formal}) or (None,)
    if purpose is None:
        raise click.UsageError(f"there is no purpose {formal} in grunnlag.formal")
    found = examine(tables, formal, k=k, precision=purpose["dato_presisjon"])
    if as_json:
        sys.stdout.buffer.write(to_json(found) + b"\n")
        return
    for table in as_tables(found):
        Console().print(table)


@main.command(
    epilog=_example("bvr erase 2026-17 --orgnr 310000019 --sak <id> --kind MYNDIGHET --who X --basis Y --dry-run")
)
@click.argument("order")
@click.option("--orgnr", help="Whose case.")
@click.option("--sak", help="Sak/@Id of the case.")
@click.option("--barn", help="The child's key in the register, for all its cases.")
@click.option("--kind", type=click.Choice(["SLETTEMELDING", "MYNDIGHET", "OPPBEVARING"]), help="What orders it.")
@click.option("--who", help="Who ordered it.")
@click.option("--basis", help="The legal basis.")
@click.option("--dry-run", is_flag=True, help="The plan, with counts; nothing is touched.")
@click.option("--resume", is_flag=True, help="Go on with an order that was begun.")
def erase(
    order: str,
    orgnr: str | None,
    sak: str | None,
    barn: str | None,
    kind: str | None,
    who: str | None,
    basis: str | None,
    dry_run: bool,
    resume: bool,
) -> None:
    """Erase a case or a child, everywhere; the report says what went, and what is kept where and until when.

    ORDER is the id of the order. Interrupted, it finishes when run again.
    """
    _needs_environment()
    from bvr.erasing import office
    from bvr.figures import moment
    from bvr.register import erasure
    from bvr.register.orders import Order

    try:
        if resume:
            sys.stdout.buffer.write(erasure.resume(office(), order) + b"\n")
            return
        given = Order(
            id=order,
            kind=kind,  # type: ignore[arg-type]
            ordered_by=who or "",
            legal_basis=basis or "",
            day=moment(None).date(),
            orgnr=orgnr,
            sak_id=sak,
            barn_id=barn,
        )
    except KeyError as error:
        raise click.UsageError(f"no order {order} was begun") from error
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if dry_run:
        for target, count in erasure.plan(office(), given).counts.items():
            click.echo(f"{count:6} {target}")
        return
    sys.stdout.buffer.write(erasure.run(office(), given) + b"\n")


@main.command(epilog=_example("bvr convert sak.xml --to json > sak.json"))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--to", "form", type=click.Choice(["json", "xml"]), required=True)
@click.option("--schema", "version", type=click.Choice(SUPPORTED), default=CURRENT, show_default=True)
def convert(file: Path, form: str, version: str) -> None:
    """Write a case in the other form. It must follow the schema; see `bvr validate` for what is wrong."""
    from bvr.selfcheck import SelfCheck

    document, read_as = SelfCheck(version=version).document(file)
    if document is None:
        raise click.ClickException(f"{file} does not follow the schema: bvr validate {file}")
    if form == "json":
        from bvr.model.json_form import to_json as write
    else:
        from bvr.model.xml import encode as write
    sys.stdout.buffer.write(write(document, read_as) + b"\n")


@main.command(epilog=_example("bvr certificates --orgnr 310000019 --out nokler"))
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder to write to.")
@click.option("--orgnr", required=True, help="The sender's organisation number.")
def certificates(out: Path, orgnr: str) -> None:
    """Test certificates, to try sealed messages with: issuers, the register's key, and a sender's business certificate.

    They look like the real ones and are worth nothing.
    """
    from bvr.model.identifiers import is_orgnr
    from bvr.sealing import REGISTER_ORGNR
    from bvr.testpki import write

    if not is_orgnr(orgnr):
        raise click.UsageError(f"{orgnr} is not an organisation number: nine digits, modulus 11")
    for path in write(out, REGISTER_ORGNR, orgnr):
        click.echo(path)


@main.command(
    epilog=_example("bvr seal sak.xml --to register.pem --key avsender-nokkel.pem --cert avsender.pem --out sak.p7m")
)
@click.argument("files", nargs=-1, required=True, metavar="FILE…", type=click.Path(exists=True, path_type=Path))
@click.option("--to", type=click.Path(exists=True, path_type=Path), required=True, help="The receiver's certificate.")
@click.option("--key", type=click.Path(exists=True, path_type=Path), required=True, help="Your private key (PKCS#8).")
@click.option("--cert", type=click.Path(exists=True, path_type=Path), required=True, help="Your certificate and chain.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The container to write.")
@click.option("--der", is_flag=True, help="Definite lengths, in place of the indefinite ones of a stream.")
def seal(files: tuple[Path, ...], to: Path, key: Path, cert: Path, out: Path, der: bool) -> None:
    """Seal files as a Fiks client does: an ASiC-E container, signed, and encrypted to the receiver.

    The first FILE is the one that the message is about.
    """
    from bvr.sealing import seal_files

    try:
        out.write_bytes(seal_files(files, to=to, key=key, certificate=cert, indefinite=not der))
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{out}: {out.stat().st_size} bytes", err=True)


@main.command("open", epilog=_example("bvr open sak.p7m --key register-nokkel/ --trust utstedere.pem --out utpakket/"))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--key", type=click.Path(exists=True, path_type=Path), required=True, help="Private key, or a folder of.")
@click.option("--trust", type=click.Path(exists=True, path_type=Path), required=True, help="Issuers that you trust.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Folder to unpack to; else they are listed."
)
def open_(file: Path, key: Path, trust: Path, out: Path | None) -> None:
    """Open a sealed container with every check of the register. Exit code 2 when one of them fails, and which."""
    from bvr.sealing import open_file

    sys.exit(open_file(file, key=key, trust=trust, out=out))


def _checked(file: Path, read: Callable[[Path], list[Line[T]]]) -> list[T]:
    """The rows of a file when every line is right; else what is wrong with each, and exit code 2."""
    try:
        lines = read(file)
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
    for line in lines:
        for fault in line.faults:
            click.echo(f"{file}:{line.number}: {fault}")
    rows = [line.row for line in lines if line.row is not None]
    if len(rows) != len(lines):
        sys.exit(2)
    click.echo(f"{len(rows)} lines, all well-formed", err=True)
    return rows


@main.command(epilog=_example("bvr senders avsendere.csv --load"))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--load", is_flag=True, help="Replace grunnlag.avsender with the file, when every line is right.")
def senders(file: Path, load: bool) -> None:
    """Check a register of senders: who may report for whom, as a CSV file with the table's columns.

    Nothing is loaded while a single line is wrong. A new register is in force within five minutes.
    """
    from bvr.senders_file import read

    rights = _checked(file, read)
    if load:
        _needs_environment()
        from bvr import gcp
        from bvr.config import config

        gcp.replace_rights(gcp.queries(config()), rights)
        click.echo("loaded into grunnlag.avsender", err=True)


@main.command(epilog=_example("bvr rights rettigheter.csv --load"))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--load", is_flag=True, help="Replace grunnlag.rett with the file, when every line is right.")
def rights(file: Path, load: bool) -> None:
    """Check a register of rights: what each organisation may see and why, as a CSV file with the table's columns.

    Nothing is loaded while a single line is wrong. A new register is in force within five minutes.
    """
    from bvr.rights_file import read

    given = _checked(file, read)
    if load:
        _needs_environment()
        from bvr import gcp
        from bvr.config import config

        gcp.replace_rows(gcp.queries(config()), "grunnlag.rett", given)
        click.echo("loaded into grunnlag.rett", err=True)


@main.command(epilog=_example("bvr pulls --month 2026-01"))
@click.option("--month", help="YYYY-MM; the last one that is over unless given.")
def pulls(month: str | None) -> None:
    """The access report of a month: who pulled what, how often, and was refused (drift.tilgangsrapport)."""
    _needs_environment()
    from bvr.reporting import access

    try:
        access(month)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


@main.command(epilog=_example("bvr inputs befolkning innbyggere.csv --load"))
@click.argument("table", type=click.Choice(["befolkning", "kostragruppe"]))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--load", is_flag=True, help="From now on, grunnlag.<table> is what it says.")
def inputs(table: str, file: Path, load: bool) -> None:
    """Check what figures are divided and grouped by: inhabitants (befolkning) or KOSTRA groups, as a CSV file.

    Nothing is loaded while a single line is wrong. Municipalities without inhabitants are told of: their rates and
    shares of the population are left out, with the status MANGLER_BEFOLKNING.
    """
    from bvr.statistics import inputs as tables

    rows = _checked(file, lambda path: tables.read(table, path))
    for hole in tables.holes(rows) if table == "befolkning" else []:
        click.echo(f"mangler | missing: {hole}", err=True)
    if load:
        _needs_environment()
        from bvr import gcp
        from bvr.config import config
        from bvr.figures import moment

        gcp.queries(config()).insert(f"grunnlag.{table}", tables.loaded(rows, moment(None)))
        click.echo(f"loaded into grunnlag.{table}", err=True)


@main.command(epilog=_example("bvr report migration 3301 --out rapporter/"))
@click.argument("kind", type=click.Choice(["figures", "migration", "validation", "statistical"]))
@click.argument("whose", metavar="KOMMUNE|LEVERANDØR")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder to write to.")
def report(kind: str, whose: str, out: Path) -> None:
    """A municipality's figures of the last half-year, its migration, validation or statistical report: page and table.

    Migration and validation also for a supplier, without person data. Exit code 1 when the requirements are not met.
    """
    _needs_environment()
    from bvr.reporting import make

    try:
        made, paths = make(kind, whose, out)
    except LookupError as error:
        raise click.ClickException(str(error)) from error
    for path in paths:
        click.echo(path)
    sys.exit(int(made.passed is False))


@main.command(epilog=_example('bvr answers migrering-3301.csv 3301 --who "Kari Nordmann" --load'))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("kommune")
@click.option("--who", required=True, help="Who answers.")
@click.option("--approve", is_flag=True, help="The answers are approved.")
@click.option("--load", is_flag=True, help="Keep them, when every line is right.")
def answers(file: Path, kommune: str, who: str, approve: bool, load: bool) -> None:
    """Check a municipality's answers to the migration report: its table, with reasons filled in.

    They hold for every later run of the report. Nothing is kept while a single line is wrong.
    """
    _needs_environment()
    from bvr.reporting import keep, read_answers

    try:
        lines = read_answers(file, kommune, who, approved=approve)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    for line in lines:
        if line.fault:
            click.echo(f"{file}:{line.number}: {line.fault}")
    if any(line.fault for line in lines):
        sys.exit(2)
    click.echo(f"{len(lines)} answers, all well-formed", err=True)
    if load:
        keep([line.answer for line in lines if line.answer])
        click.echo("kept in statistikk.migreringssvar", err=True)


@main.group(epilog=_example("bvr freeze make 2025H1 T1"))
def freeze() -> None:
    """Freezes of key figures: numbered, hashed, never changed."""


@freeze.command("make", epilog=_example("bvr freeze make 2025H1 T1"))
@click.argument("period")
@click.argument("number")
def freeze_make(period: str, number: str) -> None:
    """Freeze the figures of a PERIOD (2025, 2025H1) as known at the moment of the calendar; once made, it is told."""
    _needs_environment()
    from bvr.freezing import make

    sys.exit(make(period, number))


@freeze.command("verify", epilog=_example("bvr freeze verify 2025H1-T1"))
@click.argument("freeze_id")
def freeze_verify(freeze_id: str) -> None:
    """Make a freeze again from what was known then; exit code 1 when it does not give the same bytes, and why."""
    _needs_environment()
    from bvr.freezing import verify

    sys.exit(verify(freeze_id))


@freeze.command("revision", epilog=_example("bvr freeze revision 2025H1-T2"))
@click.argument("freeze_id")
def freeze_revision(freeze_id: str) -> None:
    """Tell what a freeze differs by from the one before it, by municipality, figure and cause."""
    _needs_environment()
    from bvr.freezing import revision

    sys.exit(revision(freeze_id))


@main.group(epilog=_example("bvr release make alle 2025H1-T2"))
def release() -> None:
    """Releases: what is published of a freeze, protected, audited and attacked first."""


@release.command("make", epilog=_example("bvr release make barn-med-tiltak 2025H1-T2"))
@click.argument("product")
@click.argument("freeze_id")
@click.option("--why", default="", help="Of a revision: why it was made.")
def release_make(product: str, freeze_id: str, why: str) -> None:
    """Publish a PRODUCT (or `alle`) of a freeze; exit code 1, and nothing stored, when its audit does not pass."""
    _needs_environment()
    from bvr.releasing import make

    sys.exit(make(product, freeze_id, why))


@release.command("list", epilog=_example("bvr release list"))
def release_list() -> None:
    """Show what is out."""
    _needs_environment()
    from bvr.releasing import listed

    sys.exit(listed())


@main.group(epilog=_example("bvr cube make barn-med-vedtak 2025 --to leveranse"))
def cube() -> None:
    """Cubes made to order: rounded or perturbed counts of children, of what no product publishes."""


@cube.command("make", epilog=_example("bvr cube make barn-med-vedtak 2025 --to leveranse"))
@click.argument("name")
@click.argument("year", type=click.IntRange(2000, 2100))
@click.option("--to", "folder", type=click.Path(file_okay=False, path_type=Path), default=".", show_default=True)
def cube_make(name: str, year: int, folder: Path) -> None:
    """Make the cube NAME of a YEAR as CSV, and what is told of it as JSON; exit code 1 when it may not be delivered."""
    _needs_environment()
    from bvr.releasing import make_cube

    sys.exit(make_cube(name, year, folder))


@cube.command("list", epilog=_example("bvr cube list"))
def cube_list() -> None:
    """Show what has been delivered."""
    _needs_environment()
    from bvr.releasing import list_cubes

    sys.exit(list_cubes())


@main.command(epilog=_example("bvr attack barn-med-tiltak-2025H1-T2"))
@click.argument("release_id")
@click.option(
    "--without-one", type=int, metavar="SEED", help="Take away one suppression first: what the attack should find."
)
def attack(release_id: str, without_one: int | None) -> None:
    """Attack a release with what anybody can see: what was tried, how much was learned; exit code 1 when red."""
    _needs_environment()
    from bvr.releasing import attack as run

    sys.exit(run(release_id, without_one))


@main.command("run-queries", epilog=_example("bvr run-queries --as-of 2026-01-10T04:07:00Z"))
@click.option("--as-of", help="The time the queries should believe it is (RFC 3339); now unless given.")
def run_queries(as_of: str | None) -> None:
    """Run the scheduled queries and their checks against the register that the environment points to."""
    _needs_environment()
    from bvr.figures import run_all

    sys.exit(run_all(as_of))


@main.command(epilog=_example("bvr generate --check"))
@click.option("--check", is_flag=True, help="Write nothing; exit 1 when a generated file is stale.")
@click.option(
    "--since",
    metavar="COMMIT",
    help="With --check: show the changes since a git commit, and fail when one lacks the decision that it needs.",
)
def generate(check: bool, since: str | None) -> None:
    """Write what is generated from the model: XSDs, BigQuery schemas, pages, OpenAPI.

    Says of each change of a schema or table whether it is compatible for those who send, and for BigQuery. One that is
    not is only written when its decision stands in model/decisions.yaml.
    """
    from bvr import generate as generator

    if since and not check:
        raise click.UsageError("--since goes with --check")
    try:
        made = generator.plan(since=since) if check else generator.generate()
        if since and (left := generator.undecided(made.changes)):
            raise generator.Undecided(left)
    except generator.Undecided as undecided:
        _show_changes(undecided.changes)
        raise
    _show_changes(made.changes)
    for path, text in made.files.items():
        click.echo(f"{'stale' if check else 'removed' if text is None else 'written'}: {path}")
    if check and made.files:
        click.echo("run `bvr generate` and commit the result", err=True)
        sys.exit(1)
    click.echo("generated files match the model" if not made.files else f"{len(made.files)} files", err=True)


@main.command(epilog=_example("bvr deviations 2024H1 --kommune 0301"))
@click.argument("period", required=False)
@click.option(
    "--reference", metavar="PERIOD", help="What it is compared with; the same of the year before unless given."
)
@click.option(
    "--freeze", type=click.Choice(["T1", "T2", "T3", "T4"]), help="The freeze of both; provisional unless given."
)
@click.option("--as-of", help="Without PERIOD: the time of the test (RFC 3339); now unless given.")
@click.option("--kommune", metavar="NUMBER", help="Show those of a municipality or district; all are stored.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, one line a deviation.")
@click.option(
    "--answers",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="In place of a run: check a CSV file of answers about deviations.",
)
@click.option("--load", is_flag=True, help="With --answers: add them to statistikk.avvik_vurdering.")
def deviations(
    period: str | None,
    reference: str | None,
    freeze: str | None,
    as_of: str | None,
    kommune: str | None,
    as_json: bool,
    answers: Path | None,
    load: bool,
) -> None:
    """Test the figures of PERIOD (2024, 2024H1) against those of the year before, and list what differs too much.

    Without PERIOD: which municipalities have sent much less of the last 30 days than a year ago. What is found is
    stored in statistikk.avvik_v1. The tests: docs/statistiske-tester.md.
    """
    from bvr import deviations as command

    if answers:
        if load:
            _needs_environment()
        sys.exit(command.load_answers(answers, load=load))
    _needs_environment()
    try:
        command.run(period, mot=reference, freeze=freeze, as_of=as_of, kommune=kommune, as_json=as_json)
    except ValueError as error:
        raise click.ClickException(str(error)) from error


@main.command(epilog=_example("bvr cost --set cases=80000"))
@click.option("--set", "given", multiple=True, metavar="NAME=NUMBER", help="Another volume than costs.yaml has.")
def cost(given: tuple[str, ...]) -> None:
    """What the register costs a month, item by item (docs/kostnader.md)."""
    from bvr import costs

    try:
        changed = {name: float(number) for name, _, number in (one.partition("=") for one in given)}
        found = costs.items(changed)
    except ValueError as error:
        raise click.UsageError(f"--set takes NAME=NUMBER: {error}") from error
    except KeyError as error:
        raise click.UsageError(f"no such volume: {error.args[0]}; see functions/bvr/costs.yaml") from error
    for one in found:
        click.echo(f"{one.dollars:>10,.2f}  {one.name} ({one.much:,.2f} {one.unit})")
    click.echo(f"{sum(one.dollars for one in found):>10,.2f}  dollars a month")


@main.command(epilog=_example("bvr smoke --timeout 60"))
@click.option("--timeout", default=60.0, show_default=True, help="Seconds to wait for the receipt.")
def smoke(timeout: float) -> None:
    """Send a synthetic case through the whole system and wait for its receipt: the test of a deployment.

    Exit code 0 when the receipt came and the case was stored, 1 when it was refused, 3 when none came.
    """
    _needs_environment()
    from bvr.smoke import smoke as run

    try:
        came = run(timeout)
    except BvrError as error:
        raise click.ClickException(str(error)) from error
    if came is None:
        click.echo(f"no receipt within {timeout:.0f} s", err=True)
        sys.exit(3)
    click.echo(f"{came.resultat} after {came.seconds:.1f} s, receipt {came.kvitterings_id}")
    sys.exit(0 if came.good else 1)


@main.command(epilog=_example("bvr reconcile"))
@click.option("--look", is_flag=True, help="Change nothing: open nothing again.")
def reconcile(look: bool) -> None:
    """See that everything balances: each archived message has its answer, each receipt its row. Nightly by itself.

    What was forgotten (archived, not answered, not open) is opened again for the sweeper. Kept in drift.avstemming.
    Exit code 1 when something does not balance; docs/avstemming.md says what to do.
    """
    _needs_environment()
    from bvr.replaying import balance

    sys.exit(0 if balance(mend=not look) else 1)


@main.command(epilog=_example("bvr replay --kommune 3301 --from 2026-01-01"))
@click.option("--from", "since", type=click.DateTime(), help="Messages received from then (UTC).")
@click.option("--to", "until", type=click.DateTime(), help="Messages received before then (UTC).")
@click.option("--kommune", help="Of one municipality (four digits); else of all.")
@click.option("--rate", default=20.0, show_default=True, help="At most so many messages a second; 0: no limit.")
@click.option("--restore", is_flag=True, help="Give the register back what the messages led to; nobody is told.")
@click.option("--count", is_flag=True, help="Only say how many messages it is.")
def replay(
    since: datetime | None, until: datetime | None, kommune: str | None, rate: float, restore: bool, count: bool
) -> None:
    """Take the archive through the rules of this version: new rows, and a receipt where the outcome is another.

    Interrupted, it goes on when it is run again with the same options. Kept in drift.avspilling. With --restore the
    rows are those that the ledger has; where it has none, they are made as when the messages were received.
    """
    _needs_environment()
    from datetime import UTC

    from bvr import replaying

    since, until = (at.replace(tzinfo=UTC) if at else None for at in (since, until))
    try:
        chosen = replaying.selection(since, until, kommune, restore=restore)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    sys.exit(0 if replaying.replay(chosen, rate=rate, count=count) else 1)


def _show_changes(changes: Iterable[Change]) -> None:
    for change in changes:
        verdict = "compatible" if change.compatible else "NOT COMPATIBLE"
        click.echo(f"{change.audience}: {verdict}: {change.text}")


def _needs_environment() -> None:
    if not os.environ.get("GOOGLE_CLOUD_PROJECT"):
        raise click.UsageError(
            "GOOGLE_CLOUD_PROJECT is not set: start the local cloud with `bvr up` in another terminal, and paste the "
            "export lines it prints here (or point the environment at a project of your own)"
        )


if __name__ == "__main__":
    main()
