"""The control report of a KOSTRA file: what the municipality is told, client by client, by journal number.

One report, three renderings: the body of the answer (`kvittering-kostra.json`), a page to read and print, and a table
for spreadsheets. The same file and rule set give the same bytes. None holds a person number, a birth date, free text or
the case worker's name. A client is named by its journal number, as the requirement has it, and nothing else of a
report may be logged either.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from html import escape
from typing import Any

import msgspec

from bvr import spreadsheet
from bvr.findings import Severity
from bvr.kostra.form import Form
from bvr.kostra.rules import RULESET, KostraFinding
from bvr.kostra.rules.finding import HIDDEN
from bvr.pipeline import NORWAY

FILE_NAME = "kvittering-kostra.json"
RECEIPT_LIMIT = 1_000
"""The most findings listed in an answer; the counts stay true."""
REPORT_LIMIT = 10_000
"""The most findings listed on the page and in the table."""
PER_CLIENT = 100
"""The most findings of each severity listed of one client: one bad extract of one does not hide the others."""

WORDS = {Severity.ERROR: ("FEIL", "error"), Severity.WARNING: ("ADVARSEL", "warning")}


class Outcome(StrEnum):
    """What happens to the file. As with Statistics Norway: one FEIL on one client stops the whole file."""

    GODKJENT = "GODKJENT"
    GODKJENT_MED_ADVARSLER = "GODKJENT_MED_ADVARSLER"
    IKKE_GODKJENT = "IKKE_GODKJENT"


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What the report answers. Moments come from outside, so that an answer can be made again byte for byte."""

    form: Form
    kvitterings_id: str
    svar_til: str
    klient_melding_id: str | None = None
    mottatt: datetime
    behandlet: datetime
    digest: str
    ruleset: str = RULESET
    duplicate: bool = False


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """What was found on the clients of one journal number. `counts` are true even where the list is cut."""

    journalnummer: str | None
    numbers: tuple[int, ...]  # places in the file
    counts: dict[Severity, int]
    findings: tuple[KostraFinding, ...]


class RuleCount(msgspec.Struct, frozen=True):
    """How often a rule fired."""

    rule: str
    official: str
    severity: Severity
    count: int


class ControlReport(msgspec.Struct, frozen=True, kw_only=True):
    """All that is said of a file. `on_file` are the findings that concern no client."""

    clients_read: int
    clients_with: dict[Severity, int]
    counts: dict[Severity, int]
    rules: tuple[RuleCount, ...]
    on_file: tuple[KostraFinding, ...]
    clients: tuple[Client, ...]
    truncated: bool

    @property
    def outcome(self) -> Outcome:
        if self.counts.get(Severity.ERROR):
            return Outcome.IKKE_GODKJENT
        return Outcome.GODKJENT_MED_ADVARSLER if self.counts.get(Severity.WARNING) else Outcome.GODKJENT

    @property
    def worst(self) -> Severity:
        return max((s for s, n in self.counts.items() if n), default=Severity.OK)


class Collector:
    """Gathers findings as the file is read, in bounded memory: true counts of everything, and the first to list.

    Errors never give way to warnings. Case workers are not known here: the requirement's program sorts by them, but
    theirs is a name, and an order by something unseen helps nobody.
    """

    def __init__(self, limit: int = REPORT_LIMIT) -> None:
        self.limit = limit
        self.clients_read = 0
        self._counts: Counter[Severity] = Counter()
        self._rules: Counter[tuple[str, str, Severity]] = Counter()
        self._clients: dict[tuple[str, int], Counter[Severity]] = {}
        self._listed: Counter[tuple[tuple[str, int] | None, Severity]] = Counter()
        self._kept: dict[Severity, list[KostraFinding]] = {Severity.ERROR: [], Severity.WARNING: []}

    def client(self, findings: Iterable[KostraFinding]) -> None:
        """One client of the file, valid or not, and what was found on it."""
        self.clients_read += 1
        self.add(findings)

    def add(self, findings: Iterable[KostraFinding]) -> None:
        """Findings on the file, or over it."""
        for f in findings:
            self._counts[f.severity] += 1
            self._rules[f.rule, f.official, f.severity] += 1
            key = _key(f)
            if key is not None:
                self._clients.setdefault(key, Counter())[f.severity] += 1
            kept = self._kept[f.severity]
            if len(kept) < self.limit and self._listed[key, f.severity] < PER_CLIENT:
                self._listed[key, f.severity] += 1
                kept.append(f)

    def report(self, limit: int | None = None) -> ControlReport:
        """The report on what has been gathered, with at most `limit` findings listed."""
        room = self.limit if limit is None else min(limit, self.limit)
        errors = self._kept[Severity.ERROR][:room]
        listed = errors + self._kept[Severity.WARNING][: room - len(errors)]
        groups: dict[tuple[str, int] | None, list[KostraFinding]] = {}
        for f in listed:
            groups.setdefault(_key(f), []).append(f)
        on_file = groups.pop(None, [])
        return ControlReport(
            clients_read=self.clients_read,
            clients_with={
                severity: sum(bool(counts[severity]) for counts in self._clients.values())
                for severity in (Severity.ERROR, Severity.WARNING)
            },
            counts=dict(sorted(self._counts.items(), reverse=True)),
            rules=tuple(
                RuleCount(*key, count) for key, count in sorted(self._rules.items(), key=lambda r: (-r[0][2], r[0][0]))
            ),
            on_file=tuple(sorted(on_file, key=lambda f: f.order)),
            clients=tuple(
                Client(
                    journalnummer=found[0].journalnummer,
                    numbers=tuple(sorted({f.number for f in found if f.number is not None})),
                    counts=dict(sorted(self._clients[key].items(), reverse=True)),
                    findings=tuple(sorted(found, key=lambda f: (f.order, f.number or 0))),
                )
                for key, found in sorted(((k, g) for k, g in groups.items() if k), key=lambda group: group[0])
            ),
            truncated=len(listed) < self._counts.total(),
        )


def _key(f: KostraFinding) -> tuple[str, int] | None:
    """Whose finding it is: of the journal, else of the place in the file; None when it is nobody's. Journals first."""
    if f.journalnummer is not None and f.journalnummer != HIDDEN:
        return (f.journalnummer, 0)
    return ("\U0010ffff", f.number) if f.number is not None else None


# --- what happens ----------------------------------------------------------------------------------------------------


def what_happens(report: ControlReport) -> tuple[str, str]:
    """What happens to the file and to every client of it, in both languages."""
    read, bad = report.clients_read, report.clients_with[Severity.ERROR]
    if report.outcome is Outcome.GODKJENT:
        return (
            f"Filen er godkjent. {_nb(read)} er tatt inn. Dere trenger ikke gjøre noe.",
            f"The file is approved. {_en(read)} taken in. You need not do anything.",
        )
    if report.outcome is Outcome.GODKJENT_MED_ADVARSLER:
        return (
            f"Filen er godkjent med advarsler. {_nb(read)} er tatt inn. Kontroller advarslene. Er noe feil, rett det i "
            "fagsystemet og send hele filen på nytt.",
            f"The file is approved with warnings. {_en(read)} taken in. Check the warnings. If something is wrong, "
            "correct it in the case system and send the whole file again.",
        )
    if bad:
        rest = read - bad
        also = any(f.severity is Severity.ERROR for f in report.on_file)
        return (
            f"Filen er ikke godkjent: {bad} av {read} klienter har feil{', og det har filen selv' if also else ''}. "
            f"Ingen av klientene er tatt inn{_rest_nb(rest)} før feilene er rettet. Rett feilene i fagsystemet, og "
            "send hele filen på nytt.",
            f"The file is not approved: {bad} of {read} clients {'has' if bad == 1 else 'have'} errors"
            f"{', and so has the file itself' if also else ''}. None of the clients is taken in{_rest_en(rest)} until "
            "the errors are corrected. Correct them in the case system, and send the whole file again.",
        )
    return (
        f"Filen er ikke godkjent: feilen gjelder filen som helhet. Ingen av klientene ({read} lest) er tatt inn før "
        "den er rettet. Rett feilen, og send hele filen på nytt.",
        f"The file is not approved: the error concerns the file as a whole. None of the clients ({read} read) is taken "
        "in until it is corrected. Correct the error, and send the whole file again.",
    )


def _rest_nb(rest: int) -> str:
    if rest < 1:
        return ""
    return f", heller ikke {'den ene' if rest == 1 else f'de {rest}'} uten feil,"


def _rest_en(rest: int) -> str:
    return f", not even the {'one' if rest == 1 else rest} without errors," if rest > 0 else ""


def _nb(count: int) -> str:
    return "Den ene klienten" if count == 1 else f"Alle {count} klienter"


def _en(count: int) -> str:
    return "The one client is" if count == 1 else f"All {count} clients are"


_CUT = (
    "Listen er kortet ned. Antallene er riktige; resten kommer fram når dere har rettet dette og sendt på nytt.",
    "The list is cut. The counts are right; the rest shows when you have corrected these and sent the file again.",
)


# --- the answer ------------------------------------------------------------------------------------------------------


def render_receipt(report: ControlReport, about: About) -> bytes:
    """The body of the answer."""
    nb, en = what_happens(report)
    body = {
        "kvitteringsId": about.kvitterings_id,
        "svarTilMeldingId": about.svar_til,
        "klientMeldingId": about.klient_melding_id,
        "mottattTidspunkt": about.mottatt,
        "behandletTidspunkt": about.behandlet,
        "rapporteringsaar": about.form.year,
        "kommunenummer": about.form.kommunenummer,
        "resultat": report.outcome.value,
        "beskjed": nb,
        "beskjedEn": en,
        "hoyesteAlvorlighet": report.worst.name,
        "antall": {
            "klienter": report.clients_read,
            "klienterMedFeil": report.clients_with[Severity.ERROR],
            "klienterMedAdvarsel": report.clients_with[Severity.WARNING],
            **_counts(report.counts),
        },
        "antallPerRegel": [
            {"regelId": r.rule, "regelNavn": r.official, "alvorlighet": r.severity.name, "antall": r.count}
            for r in report.rules
        ],
        "regelsettVersjon": about.ruleset,
        "innholdSha256": about.digest,
        "duplikat": about.duplicate,
        "avkortet": report.truncated,
        "fil": [_funn(f) for f in report.on_file],
        "klienter": [
            {
                "journalnummer": c.journalnummer,
                "nummerIFilen": c.numbers,
                "antall": _counts(c.counts),
                "avkortet": sum(c.counts.values()) > len(c.findings),
                "funn": [_funn(f) for f in c.findings],
            }
            for c in report.clients
        ],
    }
    return msgspec.json.encode(_without_none(body))


def _counts(counts: dict[Severity, int]) -> dict[str, int]:
    return {"error": counts.get(Severity.ERROR, 0), "warning": counts.get(Severity.WARNING, 0)}


def _funn(f: KostraFinding) -> dict[str, Any]:
    return _without_none(
        {
            "regelId": f.rule,
            "regelNavn": f.official,
            "alvorlighet": f.severity.name,
            "kontekstType": f.element,
            "kontekstId": f.element_id,
            "individId": f.individ_id,
            "sti": f.path,
            "linje": f.line,
            "kolonne": f.column,
            "tekst": f.message_nb,
            "tekstEn": f.message_en,
            "tiltak": f.remedy_nb,
            "tiltakEn": f.remedy_en,
            "parametre": f.parameters or None,
        }
    )


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


# --- the page --------------------------------------------------------------------------------------------------------

_STYLE = """\
body{font:1rem/1.5 system-ui,sans-serif;color:#1a1a1a;background:#fff;max-width:70rem;margin:0 auto;padding:1rem}
h1,h2,h3{line-height:1.2}
[lang=en]{color:#4a4a4a;font-style:italic}
table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}
caption{text-align:left;font-weight:bold;padding:.25rem 0}
th,td{border:1px solid #767676;padding:.35rem .5rem;text-align:left;vertical-align:top}
th{background:#f0f0f0}
td p{margin:0}
bdi{overflow-wrap:anywhere}
.svar{border:3px solid #1a1a1a;padding:.5rem 1rem}
.feil{font-weight:bold;color:#8b0000}
.advarsel{font-weight:bold;color:#5c4000}
@media print{body{max-width:none;padding:0;font-size:10pt}thead{display:table-header-group}
tr,h3{break-inside:avoid}h3{break-after:avoid}}
"""


def render_page(report: ControlReport, about: About) -> bytes:
    """The report as a page for case workers: one file that loads nothing, to be read on a screen or printed."""
    return "".join(_page(report, about)).encode()


def _page(report: ControlReport, about: About) -> Iterator[str]:
    form = about.form
    title = f"Kontrollrapport KOSTRA barnevern {form.year}, kommune {form.kommunenummer}"
    nb, en = what_happens(report)
    yield (
        '<!DOCTYPE html>\n<html lang="nb">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{escape(title)}</h1>\n"
    )
    yield '<section class="svar" aria-labelledby="svar">\n<h2 id="svar">Hva skjer med filen?</h2>\n'
    yield _both(nb, en) + "</section>\n"
    yield from _summary(report, about)
    if report.truncated:
        yield _both(*_CUT)
    if report.on_file:
        yield '<h2>Filen <span lang="en">The file</span></h2>\n'
        yield from _findings("Funn på filen", report.on_file)
    if report.clients:
        yield '<h2>Klienter, etter journalnummer <span lang="en">Clients, by journal number</span></h2>\n'
    for c in report.clients:
        name = (
            f"Journalnummer <bdi>{escape(c.journalnummer)}</bdi>" if c.journalnummer else "Uten lesbart journalnummer"
        )
        places = ", ".join(map(str, c.numbers))
        yield f"<h3>{name}</h3>\n"
        yield f"<p>{_count_words(c.counts)}" + (f" Klient nummer {places} i filen." if places else "") + "</p>\n"
        yield from _findings("Funn", c.findings)
    yield "</main>\n</body>\n</html>\n"


def _summary(report: ControlReport, about: About) -> Iterator[str]:
    facts = (
        ("Mottatt (norsk tid)", "Received, Norwegian time", _moment(about.mottatt)),
        ("Kontrollert (norsk tid)", "Checked, Norwegian time", _moment(about.behandlet)),
        ("Klienter i filen", "Clients in the file", str(report.clients_read)),
        ("Klienter med feil", "Clients with errors", str(report.clients_with[Severity.ERROR])),
        ("Klienter med advarsel", "Clients with warnings", str(report.clients_with[Severity.WARNING])),
        ("Regelsett", "Rule set", about.ruleset),
        ("Filens SHA-256", "SHA-256 of the file", about.digest),
        ("Kvittering", "Receipt", about.kvitterings_id),
    )
    yield "<table>\n<caption>Om filen</caption>\n<tbody>\n"
    for nb, en, value in facts:
        yield f'<tr><th scope="row">{nb} <span lang="en">{en}</span></th><td><bdi>{escape(value)}</bdi></td></tr>\n'
    yield "</tbody>\n</table>\n"
    if not report.rules:
        return
    yield '<table>\n<caption>Antall funn etter regel</caption>\n<thead><tr><th scope="col">Alvorlighet</th>'
    yield '<th scope="col">Regel</th><th scope="col">Antall</th></tr></thead>\n<tbody>\n'
    for r in report.rules:
        yield f"<tr><td>{_severity(r.severity)}</td><td>{escape(r.official)}</td><td>{r.count}</td></tr>\n"
    yield "</tbody>\n</table>\n"


def _findings(caption: str, findings: Iterable[KostraFinding]) -> Iterator[str]:
    yield f"<table>\n<caption>{caption}</caption>\n<thead><tr>"
    for heading in ("Alvorlighet", "Gjelder", "Hva er funnet", "Hva dere gjør"):
        yield f'<th scope="col">{heading}</th>'
    yield "</tr></thead>\n<tbody>\n"
    for f in findings:
        where = f"{escape(f.element)}" + (f" <bdi>{escape(f.element_id)}</bdi>" if f.element_id else "")
        line = f" (linje {f.line})" if f.line else ""
        yield (
            f"<tr><td>{_severity(f.severity)}</td><td>{where}{line}</td>"
            f"<td>{_both(f.message_nb, f.message_en)}<p>{escape(f.official)}</p></td>"
            f"<td>{_both(f.remedy_nb, f.remedy_en)}</td></tr>\n"
        )
    yield "</tbody>\n</table>\n"


def _both(nb: str, en: str) -> str:
    return f'<p><bdi>{escape(nb)}</bdi></p>\n<p lang="en"><bdi>{escape(en)}</bdi></p>\n'


def _severity(severity: Severity) -> str:
    word, en = WORDS[severity]
    return f'<span class="{word.lower()}">{word}</span> <span lang="en">{en}</span>'


def _count_words(counts: dict[Severity, int]) -> str:
    errors, warnings = counts.get(Severity.ERROR, 0), counts.get(Severity.WARNING, 0)
    return f"{errors} feil, {warnings} {'advarsel' if warnings == 1 else 'advarsler'}."


def _moment(at: datetime) -> str:
    return f"{at.astimezone(NORWAY):%d.%m.%Y %H:%M:%S}"


# --- the table -------------------------------------------------------------------------------------------------------

_COLUMNS = (
    "Journalnummer",
    "Nummer i filen",
    "Alvorlighet",
    "Gjelder",
    "Id",
    "Regel",
    "Hva er funnet",
    "Hva dere gjør",
    "What was found",
    "What to do",
)


def render_table(report: ControlReport) -> bytes:
    """The findings as a table for spreadsheets."""
    rows = (
        (
            f.journalnummer or "",
            str(f.number or ""),
            WORDS[f.severity][0],
            f.element,
            f.element_id or "",
            f.official,
            f.message_nb,
            f.remedy_nb,
            f.message_en,
            f.remedy_en,
        )
        for f in (*report.on_file, *(f for c in report.clients for f in c.findings))
    )
    return spreadsheet.render(_COLUMNS, rows)
