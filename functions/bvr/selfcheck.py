"""The offline self-check: the register's own decoder and rules on files, for people and for machines."""

from __future__ import annotations

import glob
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from bvr.chain import NothingKnown
from bvr.decode import DEFAULT_LIMITS
from bvr.findings import Finding, NotChecked, Severity
from bvr.pipeline import check_document, decode_payload
from bvr.rules import RULESET
from bvr.rules.options import Channel, RuleOptions
from bvr.verdict import Verdict, decide

if TYPE_CHECKING:
    from bvr.intake.payload import Payload
    from bvr.model.concepts import Barnevern

_EXIT = {Verdict.REGISTERED: 0, Verdict.EXCLUDED: 1, Verdict.REJECTED: 2}


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """The result for one file; its fields are the JSON line."""

    file: str
    verdict: Verdict
    schema_version: str
    ruleset: str = RULESET
    findings: tuple[Finding, ...] = ()
    not_checked: tuple[NotChecked, ...] = ()


class SelfCheck(msgspec.Struct, frozen=True, kw_only=True):
    """How to check. `production` refuses synthetic person numbers.

    For a KOSTRA file: `year` is the reporting year, that of the file unless given; `report` is where the control report
    is written, a page (.html) or a table (.csv).
    """

    version: str
    channel: str = "fagsystem"
    production: bool = False
    own_rules: bool = False
    year: int | None = None
    report: Path | None = None

    def paths(self, arguments: Iterable[str]) -> list[Path]:
        """Files, folders and patterns as files. Raises FileNotFoundError naming what is not there."""
        found: list[Path] = []
        for argument in arguments:
            path = Path(argument)
            if path.is_dir():
                here = sorted(p for p in path.rglob("*.xml") if p.is_file())
            elif path.exists():
                here = [path]
            else:
                here = sorted(Path(p) for p in glob.glob(argument, recursive=True))
            if not here:
                raise FileNotFoundError(
                    f"{argument}: no such file, no folder with .xml files, and no pattern that fits"
                )
            found += here
        return found

    def check(self, path: Path) -> Checked:
        data = path.read_bytes()
        if self.channel == Channel.KOSTRA and b"<Individ" in data:
            return self._kostra(path, data)
        payload = self._open(data)
        version, faults = payload.version, payload.faults
        if not faults:
            decoded = decode_payload(payload, DEFAULT_LIMITS)
            if decoded.document is not None:
                options = RuleOptions(allow_synthetic=not self.production, own_rules=self.own_rules)
                said = check_document(decoded.document, NothingKnown(), options, Channel(self.channel))
                return Checked(
                    file=str(path),
                    verdict=decide(said.counts),
                    schema_version=version,
                    findings=said.findings,
                    not_checked=said.not_checked,
                )
            faults = decoded.faults
        return Checked(
            file=str(path),
            verdict=Verdict.REJECTED,
            schema_version=version,
            findings=tuple(fault.finding() for fault in faults),
        )

    def _kostra(self, path: Path, data: bytes) -> Checked:
        """A KOSTRA file, with the form that the file itself gives: whose it is to be is not known here."""
        from datetime import UTC, datetime
        from hashlib import sha256

        from bvr.kostra.check import check_file, sender_of
        from bvr.kostra.form import Form
        from bvr.kostra.report import About, render_page, render_table
        from bvr.kostra.rules import RULESET as KOSTRA_RULESET
        from bvr.kostra.rules import KostraOptions

        avgiver = sender_of(data)
        form = Form(
            year=self.year or int(avgiver.versjon[:4] if avgiver else 0),
            kommunenummer=avgiver.kommunenummer if avgiver else "",
            kommunenavn=avgiver.kommunenavn if avgiver else "",
            organisasjonsnummer=avgiver.organisasjonsnummer if avgiver else "",
        )
        checked = check_file(data, form, KostraOptions(allow_synthetic=not self.production))
        if self.report is not None:
            now = datetime.now(UTC)
            about = About(
                form=form, kvitterings_id="", svar_til="", mottatt=now, behandlet=now, digest=sha256(data).hexdigest()
            )
            as_table = self.report.suffix == ".csv"
            self.report.write_bytes(render_table(checked.report) if as_table else render_page(checked.report, about))
        return Checked(
            file=str(path),
            verdict=checked.verdict,
            schema_version="KOSTRA 15F",
            ruleset=KOSTRA_RULESET,
            findings=(*checked.report.on_file, *(f for c in checked.report.clients for f in c.findings)),
        )

    def document(self, path: Path) -> tuple[Barnevern | None, str]:
        """(the case in a file, the version it was read as); None when it does not follow the schema."""
        payload = self._open(path.read_bytes())
        if payload.faults:
            return None, payload.version
        return decode_payload(payload, DEFAULT_LIMITS).document, payload.version

    def _open(self, data: bytes) -> Payload:
        """What is in a file: XML, a payload.json with a version of its own, or a case as JSON, which may have one."""
        from bvr.intake.payload import Payload, as_case, open_case, open_json

        if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{":
            return Payload(digest="", xml=data, version=self.version)
        case = as_case(data)
        if case is None:
            payload = open_json(data)
        else:
            payload = open_case(case, data, None if case.announced is not None else self.version)
        return payload if payload.version else msgspec.structs.replace(payload, version=self.version)

    def run(self, paths: list[Path], *, as_json: bool) -> int:
        """Check and print; the exit code of the worst verdict."""
        worst = 0
        counts: dict[Verdict, int] = dict.fromkeys(Verdict, 0)
        for result in self._results(paths, as_json):
            worst = max(worst, _EXIT[result.verdict])
            counts[result.verdict] += 1
            if as_json:
                sys.stdout.write(msgspec.json.encode(_named(result)).decode() + "\n")
            else:
                _print(result)
        if not as_json:
            from rich.console import Console

            words = ", ".join(f"{count} {verdict.value}" for verdict, count in counts.items() if count)
            Console().print(f"{len(paths)} files: {words} · ruleset {RULESET} · schema {self.version}", highlight=False)
        return worst

    def _results(self, paths: list[Path], as_json: bool) -> Iterator[Checked]:
        if as_json or len(paths) < 50 or not sys.stderr.isatty():
            yield from map(self.check, paths)
            return
        from rich.console import Console
        from rich.progress import track

        yield from (self.check(p) for p in track(paths, "Checking", console=Console(stderr=True), transient=True))


def _named(result: Checked) -> dict[str, Any]:
    """As builtins, with severities by name."""
    found: dict[str, Any] = msgspec.to_builtins(result)
    found.setdefault("findings", [])
    for finding, original in zip(found["findings"], result.findings, strict=True):
        finding["severity"] = original.severity.name
        if original.original_severity is not None:
            finding["original_severity"] = original.original_severity.name
    return found


_COLOURS = {Severity.FATAL: "bold red", Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
_VERDICTS = {
    Verdict.REGISTERED: ("green", "godkjent | registered"),
    Verdict.EXCLUDED: ("red", "lagret, ikke godkjent | stored, excluded until corrected"),
    Verdict.REJECTED: ("bold red", "avvist | rejected"),
}


def _print(result: Checked) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    colour, words = _VERDICTS[result.verdict]
    console.print(f"[{colour}]●[/] {escape(result.file)}: [{colour}]{words}[/]", highlight=False, soft_wrap=True)
    if result.findings:
        table = Table(box=None, padding=(0, 1), show_header=True, header_style="dim")
        for column in ("alvorlighet", "regel", "hvor", "hva og hva du kan gjøre"):
            table.add_column(column, overflow="fold", no_wrap=column in ("alvorlighet", "regel"))
        for f in result.findings:
            where = f.path.removeprefix("/Barnevern/Sak/") or f.element
            place = f"{where}\nlinje {f.line}" if f.line else f"{where}\n{f.element_id or ''}"
            table.add_row(
                f"[{_COLOURS[f.severity]}]{f.severity.name}[/]",
                f.rule,
                escape(place.strip()),
                f"{escape(f.message_nb)} {escape(f.remedy_nb)}\n[dim]{escape(f.message_en)} {escape(f.remedy_en)}[/]",
            )
        console.print(table)
    for skipped in result.not_checked:
        console.print(f"  [dim]ikke kontrollert | not checked: {skipped.rule}: {skipped.reason_nb}[/]", highlight=False)
