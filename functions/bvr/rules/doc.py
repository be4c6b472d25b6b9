"""The rules as a page for people: docs/regler.md. Norwegian first, English beside it."""

from __future__ import annotations

from collections.abc import Iterator

from bvr.faults import KINDS
from bvr.findings import Severity, as_text
from bvr.model.documentation import _GENERATED
from bvr.rules import RULES, RULESET
from bvr.rules.options import Channel
from bvr.rules.rule import Example, Rule

# First part of a rule's id -> heading; rules stand in the order of the published requirement.
_CHAPTERS: dict[str, tuple[str, str]] = {
    "avgiver": ("Avgiver", "The reporter"),
    "sak": ("Sak", "The case"),
    "personalia": ("Personalia", "Personal details"),
    "melding": ("Melding", "Reports of concern"),
    "melder": ("Melder", "Who reported"),
    "saksinnhold": ("Saksinnhold", "What a report is about"),
    "undersokelse": ("Undersokelse", "Investigations"),
    "vedtak": ("Vedtak", "Decisions"),
    "tiltak": ("Tiltak", "Measures"),
    "plan": ("Plan", "Plans"),
    "ettervern": ("Ettervern", "Aftercare"),
    "flytting": ("Flytting", "Moves"),
    "oversendelse": ("OversendelseFylkesnemnd", "Requests to the board"),
    "x": ("Egne regler", "Rules of our own"),
}

_INTRO = """\
# Regler

Regelsett `{ruleset}`: {published} regler fra det publiserte kravet ({headings} overskrifter, noen med to grener), \
{withdrawn} utgått og {own} egne.

Hvert dokument leses først mot skjemaet. Feiler det, avvises innsendingen med en teknisk feil, og ingen regel kjøres. \
Ellers kjøres alle reglene som gjelder på dagen for uttrekket (`DatoUttrekk` i norsk tid). Ingen regel stopper en \
annen, og det som er merket med `ErSlettet`, ser ingen av dem. En slettet sak kontrolleres bare med reglene på \
Avgiver. En regel som mangler det den trenger, blir ikke kjørt, og kvitteringen sier hvorfor.

*Ruleset `{ruleset}`: {published} rules of the published requirement ({headings} headings, some with two branches), \
{withdrawn} withdrawn and {own} of our own. A document is read against the schema first. If that fails the submission \
is rejected with a technical fault and no rule runs. Otherwise every rule in force on the day of the extract \
(`DatoUttrekk` in Norwegian time) runs. No rule stops another, and none sees what is marked with `ErSlettet`. A \
deleted case is checked by the rules on Avgiver only. A rule that lacks what it needs is not run, and the receipt says why.*

## Alvorlighet | Severity

| | følge | consequence |
| --- | --- | --- |
| FATAL | Innsendingen avvises og kommer aldri inn i registeret. | The submission is rejected and never enters the \
register. |
| ERROR | Saken lagres, men holdes utenfor all bruk til en rettet innsending av den samme saken kommer. | The case is \
stored, but left out of every use until a corrected submission of the same case arrives. |
| WARNING | Saken brukes. Kontroller det som er meldt, og rett det som er feil. | The case is used. Check what is \
reported, and correct what is wrong. |
| INFO | Saken brukes. Til opplysning. | The case is used. For information. |

To lettelser gjelder et element som er flyttet fra et eldre system og har `MigrertId`. Kolonnen **F**: elementet kom \
fra fagsystemet; noen regler sier da WARNING i stedet for ERROR. Kolonnen **K**: elementet kom gjennom KOSTRA; alle regler \
sier da WARNING i stedet for ERROR. Krav og Status følger sitt Vedtak; Personalia, Relasjon, Slettet og Avgiver følger \
Saken. FATAL, WARNING og INFO endres aldri.

*Two softenings hold for an element that was migrated from an older system and has a `MigrertId`. Column **F**: it \
came from the case system; some rules then say WARNING instead of ERROR. Column **K**: it came through KOSTRA; every rule \
then says WARNING instead of ERROR. Krav and Status follow their Vedtak; Personalia, Relasjon, Slettet and Avgiver \
follow the Sak. FATAL, WARNING and INFO never change.*

Ord i krøllparentes i en melding byttes ut med regelens parametre. En melding gjengir aldri fødselsnummer, \
fødselsdato, journalnummer eller fritekst. Eksemplene er kjørbare tester, og de kjøres hver gang koden endres.

*Words in braces in a message are replaced by the rule's parameters. A message never repeats a person number, a birth \
date, a journal number or free text. The examples are tests that run whenever the code changes.*
"""


def render() -> str:
    """docs/regler.md: how rules run, the technical faults, and every rule with its examples."""
    published = [r for r in RULES.values() if not r.own and r.until is None]
    lines = [
        _GENERATED,
        _INTRO.format(
            ruleset=RULESET,
            published=len(published) + 1,  # and fil-1
            headings=len({r.official for r in published}) + 1,
            withdrawn=sum(r.until is not None for r in RULES.values()),
            own=sum(r.own for r in RULES.values()),
        ),
        *_faults(),
        *_overview(),
    ]
    for prefix, (nb, en) in _CHAPTERS.items():
        lines += [f"\n## {nb} | {en}"]
        for r in _of(prefix):
            lines += _rule(r)
    return "\n".join(lines) + "\n"


def _of(prefix: str) -> list[Rule]:
    """The rules of a chapter, by number; as declared where they share one."""
    return sorted((r for r in RULES.values() if r.id.split("-")[0] == prefix), key=_number)


def _number(r: Rule) -> int:
    number = r.id.partition("-")[2]
    return int(number[: len(number) - len(number.lstrip("0123456789"))] or 0)


def _faults() -> Iterator[str]:
    yield "## Tekniske feil | Technical faults\n"
    yield "Alle er FATAL, i begge kanaler, også for migrerte data. `fil-1` er den første regelen i kravet.\n"
    yield "*All are FATAL, in both channels, migrated data too. `fil-1` is the first rule of the requirement.*\n"
    yield "| id | feilkode | SSB | navn | hva dere gjør | what to do |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for kind in KINDS.values():
        yield _row(
            f"`{kind.rule}`", _code(kind.feilkode), _code(kind.ssb), kind.official, kind.remedy_nb, kind.remedy_en
        )


def _overview() -> Iterator[str]:
    yield "\n## Oversikt | Overview\n"
    yield "| regel | alvorlighet | F | K | gjelder fra | til | tittel | title |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for prefix in _CHAPTERS:
        for r in _of(prefix):
            yield _row(f"[{r.id}](#{r.id})", *_severities(r), str(r.since), str(r.until or ""), r.title_nb, r.title_en)


def _severities(r: Rule) -> tuple[str, str, str]:
    """Plain, and with a MigrertId by channel."""
    return (
        r.severity.name,
        r.severity_for(True, Channel.FAGSYSTEM).name,
        r.severity_for(True, Channel.KOSTRA).name,
    )


def _rule(r: Rule) -> Iterator[str]:
    plain, fagsystem, kostra = _severities(r)
    yield f"\n### {r.id}\n"
    yield f"**{r.title_nb}** | *{r.title_en}*\n"
    yield "| | |"
    yield "| --- | --- |"
    yield _row("navn i kravet | official name" if not r.own else "navn | name", r.official)
    yield _row("alvorlighet | severity", plain)
    yield _row("med MigrertId | with a MigrertId", f"fagsystem: {fagsystem}, KOSTRA: {kostra}")
    yield _row("gjelder | in force", f"fra | from {r.since}" + (f", til og med | until {r.until}" if r.until else ""))
    if r.own:
        yield _row("slås på med | turned on by", "`own_rules`")
    if r.needs:
        yield _row("trenger | needs", ", ".join(_NEEDS[need] for need in r.needs))
    yield _row("versjon | version", str(r.version))
    if r.ssb:
        yield _row("id hos SSB | id at SSB", f"`{r.ssb}`")
    yield _row("melding", r.nb)
    yield _row("message", r.en)
    yield _row("hva dere gjør", r.remedy_nb)
    yield _row("what to do", r.remedy_en)
    for heading, examples in (
        ("Slår ut | Fires", [e for e in r.examples if e.times]),
        ("Slår ikke ut | Silent", [e for e in r.examples if not e.times]),
    ):
        yield f"\n{heading}:\n"
        for example in examples:
            yield f"- {_example(example)}"


_NEEDS = {
    "born": "fødselsdatoen til Personalia som gjelder | the birth date of the Personalia in force",
    "history": "tidligere innsendinger for saken | earlier submissions of the case",
}


def _example(example: Example) -> str:
    notes = []
    if example.times > 1:
        notes.append(f"{example.times} funn | findings")
    if example.severity is not None:
        notes.append(Severity(example.severity).name)
    if example.parameters:
        notes.append(", ".join(f"{name} = {as_text(value)}" for name, value in example.parameters.items()))
    return example.words + (f" ({'; '.join(notes)})" if notes else "")


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
