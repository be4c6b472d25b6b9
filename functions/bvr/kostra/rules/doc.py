"""The KOSTRA rules as a page for people: docs/kostra-regler.md. Norwegian first, English beside it."""

from __future__ import annotations

from collections.abc import Iterator

from bvr.kostra.rules import RULES, RULESET
from bvr.kostra.rules.options import IMPLEMENTED, TEXT, KostraOptions, Reading, Switch, switches
from bvr.kostra.rules.rule import FEIL, Example, KostraRule
from bvr.model.documentation import _GENERATED
from bvr.rules.doc import _row

_WORDS = {True: "FEIL", False: "ADVARSEL"}

# First part of a rule's id -> heading; the records stand in the order of the requirement.
_CHAPTERS: dict[str, tuple[str, str]] = {
    "fil": ("Filen", "The file"),
    "avgiver": ("Avgiver", "The sender"),
    "individ": ("Individ", "The client"),
    "melding": ("Melding", "Reports of concern"),
    "melder": ("Melder", "Who reported"),
    "saksinnhold": ("Saksinnhold", "What a report is about"),
    "undersokelse": ("Undersokelse", "Investigations"),
    "vedtaksgrunnlag": ("Vedtaksgrunnlag", "Grounds for decisions"),
    "plan": ("Plan", "Plans"),
    "tiltak": ("Tiltak", "Measures"),
    "lovhjemmel": ("Lovhjemmel", "Legal basis"),
    "flytting": ("Flytting", "Moves"),
}

_INTRO = """\
# KOSTRA-regler

Regelsett `{ruleset}`: {text} regler fra kravet til KOSTRA-skjema 15F og {structure} funn om filens oppbygning.

Filen leses som en strøm. Hver Avgiver og hvert Individ leses mot skjemaet; et Individ som ikke følger det, gir ett funn \
om oppbygning, og ingen regel kjøres på det. Alle reglene kjøres på de andre. Ingen regel stopper en annen.

**Én FEIL på én klient stopper hele filen**, slik SSBs kontroll gjør: ingen av klientene er tatt inn før feilene er \
rettet og hele filen er sendt på nytt. ADVARSEL skal kontrolleres og stopper ingenting.

Kontrollrapporten navngir en klient med journalnummeret, slik kravet sier. Den gjengir aldri fødselsnummer, DUF-nummer, \
fødselsdato, fritekst eller saksbehandlerens navn. Er en nøkkel i filen selv et personnummer, står det «skjult» i stedet, \
og klienten finnes ved sin plass i filen. Alder står der kravets egen melding har den: rapporten går bare til den som \
sendte filen og kjenner fødselsdatoen. SSBs program sorterer etter saksbehandler; denne rapporten sorterer etter \
journalnummer, for saksbehandler er et navn.

*Rule set `{ruleset}`: {text} rules of the requirement of KOSTRA form 15F and {structure} findings of structure. The \
file is read as a stream. Each Avgiver and each Individ is read against the schema; an Individ that does not follow it \
gives one finding of structure, and no rule runs on it. Every rule runs on the others. No rule stops another.*

***One FEIL (error) on one client stops the whole file**, as in Statistics Norway's control: none of the clients is \
taken in until the errors are corrected and the whole file is sent again. ADVARSEL (warning) is to be checked and stops \
nothing.*

*The control report names a client by its journal number, as the requirement has it. It never repeats a person number, \
a DUF number, a birth date, free text or the case worker's name. Where a key of the file is itself a person number it \
says “skjult” (hidden), and the client is found by its place in the file. Ages stand where the requirement's own message \
has them: the report goes only to the sender of the file, who has the birth date. Statistics Norway's program sorts by \
case worker; this report sorts by journal number, for a case worker is a name.*

## To lesninger | Two readings

Noen steder sier kravteksten ett og SSBs program noe annet. Hvert slikt sted er en bryter i `KostraOptions`, med verdi \
`kravtekst` eller `program`, så begge kan sammenlignes. Funnene om oppbygning finnes bare i programmet; de har ingen \
bryter, for en fil som blir stoppet, trenger en grunn. Navnene er kravets overskrifter, for funn om oppbygning programmets (kostra-fil-00 har vi \
gitt navn).

*In places the requirement says one thing and Statistics Norway's program another. Each such place is a switch of \
`KostraOptions`, with the value `kravtekst` (as text) or `program` (as implemented), so that the two can be compared. \
The findings of structure are the program's alone; they have no switch, for a file that is stopped needs a reason. \
Names are the headings of the requirement, those of structure the \
program's (we named kostra-fil-00).*
"""


def render() -> str:
    """docs/kostra-regler.md: how the rules run, the readings, and every rule with its examples."""
    structure = sum(r.target is None and isinstance(r.examples[0].individ, bytes) for r in RULES.values())
    lines = [
        _GENERATED,
        _INTRO.format(ruleset=RULESET, text=len(RULES) - structure, structure=structure),
        *_readings(),
        *_overview(),
    ]
    for prefix, (nb, en) in _CHAPTERS.items():
        lines.append(f"\n## {nb} | {en}")
        for r in _of(prefix):
            lines += _rule(r)
    return "\n".join(lines) + "\n"


def _of(prefix: str) -> list[KostraRule]:
    return sorted((r for r in RULES.values() if r.id.split("-")[1] == prefix), key=lambda r: r.id)


def _readings() -> Iterator[str]:
    options = KostraOptions()
    yield "| bryter | regel | kravtekst | program | valgt | hvorfor |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, switch in switches().items():
        yield _row(
            f"`{name}`",
            ", ".join(f"[{rule}](#{rule})" for rule in switch.rules),
            f"{switch.text_nb} | *{switch.text_en}*",
            f"{switch.implemented_nb} | *{switch.implemented_en}*",
            f"`{getattr(options, name).value}`",
            f"{switch.why_nb} | *{switch.why_en}*",
        )
    yield (
        "\nI tillegg: `allow_synthetic` (godta syntetiske personnumre: av i produksjon), `blank_is_missing` (en presisering "
        "av bare mellomrom regnes som manglende) og `melding_grace_days` (dager ut over fristen i kostra-melding-03).\n"
    )
    yield (
        "*Beside them: `allow_synthetic` (accept synthetic person numbers: off in production), `blank_is_missing` (a "
        "clarification of only blanks counts as missing) and `melding_grace_days` (days beyond the limit of "
        "kostra-melding-03).*"
    )


def _overview() -> Iterator[str]:
    yield "\n## Oversikt | Overview\n"
    yield "| regel | alvorlighet | navn |"
    yield "| --- | --- | --- |"
    for prefix in _CHAPTERS:
        for r in _of(prefix):
            yield _row(f"[{r.id}](#{r.id})", _WORDS[r.severity is FEIL], r.official)


def _rule(r: KostraRule) -> Iterator[str]:
    yield f"\n### {r.id}\n"
    yield "| | |"
    yield "| --- | --- |"
    yield _row("navn | name", r.official)
    yield _row("alvorlighet | severity", _WORDS[r.severity is FEIL])
    for name in r.switch:
        yield from _switch(name, switches()[name])
    for nb, en in zip(r.nb.values(), r.en.values(), strict=True):
        yield _row("melding", nb)
        yield _row("message", en)
    yield _row("hva dere gjør", r.remedy_nb)
    yield _row("what to do", r.remedy_en)
    for heading, examples in (
        ("Slår ut | Fires", [e for e in r.examples if e.times]),
        ("Slår ikke ut | Silent", [e for e in r.examples if not e.times]),
    ):
        yield f"\n{heading}:\n"
        for example in examples:
            yield f"- {_example(example)}"


def _switch(name: str, switch: Switch) -> Iterator[str]:
    chosen = getattr(KostraOptions(), name)
    for reading, nb, en in (
        (TEXT, switch.text_nb, switch.text_en),
        (IMPLEMENTED, switch.implemented_nb, switch.implemented_en),
    ):
        label = _label(reading) + (" (valgt | chosen)" if reading is chosen else "")
        yield _row(f"`{name}`: {label}", f"{nb} | *{en}*")


def _label(reading: Reading) -> str:
    return "kravtekst | as text" if reading is TEXT else "program | as implemented"


def _example(example: Example) -> str:
    return example.words + (f" ({example.times} funn | findings)" if example.times > 1 else "")
