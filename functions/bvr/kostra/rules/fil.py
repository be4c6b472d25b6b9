"""What is found over the whole file: its structure, and clients that stand in it twice.

The five structure findings are the program's; the requirement has none. They have no switch: a file that is stopped
needs a reason. `structure` makes them, for what reads the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bvr.kostra.concepts import Individ
from bvr.kostra.form import Form
from bvr.kostra.rules.examples import BOY, DUF, individ, nummer, tiltak
from bvr.kostra.rules.finding import HIDDEN, KostraFinding, safe_key
from bvr.kostra.rules.options import IMPLEMENTED, TEXT, KostraOptions
from bvr.kostra.rules.rule import FEIL, RULES, Example, Value, declare_rule, fired, tell
from bvr.kostra.rules.terms import complete

# --- structure -------------------------------------------------------------------------------------------------------

_SENDER = b"<Avgiver Organisasjonsnummer='310000019' Versjon='2024' Kommunenummer='3301' Kommunenavn='Drammen'/>"


def _client(start: bytes = b"2020-01-01") -> bytes:
    return (
        b"<Individ Id='1' StartDato='" + start + b"' Journalnummer='2020/17' Saksbehandler='S' Avslutta3112='2'>"
        b"<Plan Id='1' StartDato='2024-01-01' Plantype='1'/></Individ>"
    )


def _file(*parts: bytes) -> bytes:
    return b"<Barnevern>" + b"".join(parts) + b"</Barnevern>"


_GOOD = Example("one sender and one client", _file(_SENDER, _client()), 0)
_RESEND_NB = "Ta kontakt med leverandøren av fagsystemet hvis dere ikke kan rette det selv. Send filen på nytt."
_RESEND_EN = "Contact the supplier of the case system if you cannot correct it yourselves. Send the file again."

declare_rule(
    "kostra-fil-00",
    None,
    None,
    official="Fil Kontroll 00: Filen kan ikke leses",
    severity=FEIL,
    nb="Filen kan ikke leses som XML: {grunn}.",
    en="The file cannot be read as XML: {grunn}.",
    remedy_nb="Lag filen på nytt i fagsystemet. " + _RESEND_NB,
    remedy_en="Make the file again in the case system. " + _RESEND_EN,
    examples=[
        _GOOD,
        Example("cut off", _file(_SENDER, _client())[:-8], 1),
        Example("not XML at all", b"Journalnummer;Fodselsnummer", 1),
    ],
)
declare_rule(
    "kostra-avgiver-00",
    None,
    None,
    official="Avgiver K0: Feil antall avgivere",
    severity=FEIL,
    nb="Filen har {antall} gyldige avgivere. Den skal ha én.",
    en="The file has {antall} valid senders. It is to have one.",
    remedy_nb="Lag én fil for hver kommune. " + _RESEND_NB,
    remedy_en="Make one file for each municipality. " + _RESEND_EN,
    examples=[
        _GOOD,
        Example("no sender", _file(_client()), 1, {"antall": 0}),
        Example("two senders", _file(_SENDER, _SENDER, _client()), 1, {"antall": 2}),
        Example("the only sender breaks the schema", _file(_SENDER.replace(b"2024", b"x"), _client()), 1),
    ],
)
declare_rule(
    "kostra-avgiver-01",
    None,
    None,
    official="Avgiver K1: Validering av avgiver",
    severity=FEIL,
    nb="Avgiver følger ikke skjemaet: {grunn}.",
    en="Avgiver does not follow the schema: {grunn}.",
    remedy_nb="Rett avgiver i fagsystemet. " + _RESEND_NB,
    remedy_en="Correct the sender in the case system. " + _RESEND_EN,
    examples=[
        _GOOD,
        Example("a year that is none", _file(_SENDER.replace(b"2024", b"x"), _client()), 1),
        Example("a municipality number of three digits", _file(_SENDER.replace(b"3301", b"331"), _client()), 1),
    ],
)
declare_rule(
    "kostra-individ-00",
    None,
    None,
    official="Individ Kontroll 00: Individ mangler",
    severity=FEIL,
    nb="Filen har ingen gyldige klienter.",
    en="The file has no valid clients.",
    remedy_nb="Kontroller uttrekket: filen skal ha minst én klient. " + _RESEND_NB,
    remedy_en="Check the extract: the file is to have at least one client. " + _RESEND_EN,
    examples=[
        _GOOD,
        Example("a sender only", _file(_SENDER), 1),
        Example("the only client breaks the schema", _file(_SENDER, _client(b"x")), 1),
        Example("one of two clients breaks the schema", _file(_SENDER, _client(b"x"), _client()), 0),
    ],
)
declare_rule(
    "kostra-individ-01",
    None,
    None,
    official="Individ Kontroll 01: Validering av individ",
    severity=FEIL,
    nb="Klient nummer {nummer} i filen følger ikke skjemaet: {grunn}.",
    en="Client number {nummer} in the file does not follow the schema: {grunn}.",
    remedy_nb="Rett klienten i fagsystemet. " + _RESEND_NB,
    remedy_en="Correct the client in the case system. " + _RESEND_EN,
    examples=[
        _GOOD,
        Example("a date that is none", _file(_SENDER, _client(), _client(b"x")), 1, {"nummer": 2}),
        Example("two such clients", _file(_SENDER, _client(b"x"), _client(b"y")), 2),
    ],
)


def structure(
    rule: str,
    *,
    reason_nb: str = "",
    reason_en: str = "",
    count: int | None = None,
    number: int | None = None,
    line: int | None = None,
    column: int | None = None,
    journalnummer: str | None = None,
    own: tuple[str | None, ...] = (),
) -> KostraFinding:
    """A structure finding: kostra-fil-00, -avgiver-00, -avgiver-01, -individ-00 or -individ-01.

    The reason is a clause without its full stop, and says what is wrong with what field; it never repeats a value of
    the file. `count` is how many senders there are, `number` the client's place in the file. A client that breaks the
    schema has no identity in the program's finding; `journalnummer` may be given where it could be read, with the
    client's `own` numbers beside it, which it must not repeat.
    """
    r = RULES[rule]
    given: dict[str, Any] = {}
    if count is not None:
        given["antall"] = count
    if number is not None:
        given["nummer"] = number
    if reason_nb:
        given["grunn"] = reason_nb
    element = {"kostra-avgiver": "Avgiver", "kostra-individ": "Individ"}.get(rule.rpartition("-")[0], "Barnevern")
    path = "/Barnevern" if element == "Barnevern" else f"/Barnevern/{element}"
    return tell(
        r,
        fired(**given),
        KostraOptions(),
        reason=(reason_nb, reason_en),
        element=element,
        path=f"{path}[{number}]" if number is not None else path,
        line=line,
        column=column,
        number=number,
        journalnummer=safe_key(journalnummer, *own) if journalnummer is not None else None,
    )


# --- duplicates ------------------------------------------------------------------------------------------------------


def _with(journalnummer: str, nr: str | None = BOY, **about: str | None) -> Individ:
    return individ(tiltak(), journalnummer=journalnummer, nr=nr, **about)  # type: ignore[arg-type]


_OTHER = nummer("2012-03-15")
_ONE_TWICE = (_with("A"), _with("A"))
_NO_NUMBER = (_with("A", None, duf=DUF), _with("A", None, duf=DUF))

declare_rule(
    "kostra-individ-04",
    None,
    None,
    official="Individ Kontroll 04: Dublett på fødselsnummer",
    severity=FEIL,
    nb={
        "flere": "Fødselsnummeret til klienten med journalnummer {journalnummer} står også i andre journaler: {andre}.",
        "samme": "Fødselsnummeret til klienten med journalnummer {journalnummer} står flere ganger i den journalen.",
    },
    en={
        "flere": "The person number of the client with journal number {journalnummer} stands in other journals too: "
        "{andre}.",
        "samme": "The person number of the client with journal number {journalnummer} stands several times in that "
        "journal.",
    },
    remedy_nb="Samle klienten i én journal, eller rett fødselsnummeret i den som er feil.",
    remedy_en="Gather the client in one journal, or correct the person number in the one that is wrong.",
    examples=[
        Example("two clients, two numbers", (_with("A"), _with("B", _OTHER)), 0),
        Example("one number in two journals", (_with("A"), _with("B")), 2, {"journalnummer": "A", "andre": "B"}),
        Example(
            "one number in three journals",
            (_with("C"), _with("B"), _with("A")),
            3,
            {"journalnummer": "A", "andre": "C, B"},
        ),
        Example(
            "a D-number in two journals",
            (_with("A", nummer("2012-03-14", dnr=True)), _with("B", nummer("2012-03-14", dnr=True))),
            2,
        ),
        Example("an incomplete number in two journals", (_with("A", "14031200100"), _with("B", "14031200100")), 0),
        Example("no number in two journals", (_with("A", None, duf=DUF), _with("B", None, duf=DUF)), 0),
        Example("one number twice in one journal, as text", _ONE_TWICE, 0),
        Example(
            "one number twice in one journal, as implemented",
            _ONE_TWICE,
            1,
            {"journalnummer": "A", "andre": None},
            options=KostraOptions(individ_04=IMPLEMENTED),
        ),
        Example(
            "one number in two journals, as implemented",
            (_with("A"), _with("B")),
            2,
            options=KostraOptions(individ_04=IMPLEMENTED),
        ),
    ],
)
declare_rule(
    "kostra-individ-05",
    None,
    None,
    official="Individ Kontroll 05: Dublett på journalnummer",
    severity=FEIL,
    nb="Journalnummer {journalnummer} står {antall} ganger i filen.",
    en="Journal number {journalnummer} stands {antall} times in the file.",
    remedy_nb="Hver klient skal stå én gang i filen og ha sitt eget journalnummer. Rett det i fagsystemet.",
    remedy_en="Every client stands once in the file, with a journal number of its own. Correct it in the case system.",
    examples=[
        Example("two journals", (_with("A"), _with("B", _OTHER)), 0),
        Example("one journal twice", (_with("A"), _with("A", _OTHER)), 1, {"journalnummer": "A", "antall": 2}),
        Example("one journal three times", (_with("A"), _with("A", _OTHER), _with("A", None, duf=DUF)), 1),
        Example("without a person number, as text", _NO_NUMBER, 1),
        Example(
            "without a person number, as implemented", _NO_NUMBER, 0, options=KostraOptions(individ_05=IMPLEMENTED)
        ),
        Example("with a person number, as implemented", _ONE_TWICE, 1, options=KostraOptions(individ_05=IMPLEMENTED)),
        Example("a blank is part of the number", (_with("A"), _with("A ", _OTHER)), 0),
    ],
)

_LISTED = 20


class FileCheck:
    """Duplicates over a file: give it each client once, then ask.

    Holds the journal number and the person number of each client, in memory only: some 300 bytes a client.
    """

    def __init__(self, form: Form, options: KostraOptions) -> None:
        self.form = form
        self.options = options
        self._journals: dict[str, int] = {}  # how many times each stands
        self._numbers: dict[str, list[str]] = {}  # the journals of each person number
        self._hidden: set[str] = set()  # the journals that are not to be repeated

    def add(self, individ: Individ) -> None:
        journal, number = individ.journalnummer, individ.fodselsnummer
        if number is not None or self.options.individ_05 is TEXT:
            self._journals[journal] = self._journals.get(journal, 0) + 1
        if complete(number, self.options.individ_03, self.options.allow_synthetic):
            self._numbers.setdefault(number or "", []).append(journal)
        if safe_key(journal, number, individ.duf_nummer) != journal:
            self._hidden.add(journal)

    def finish(self) -> tuple[KostraFinding, ...]:
        """The findings of both rules, by journal number."""
        found = [*self._same_number(), *self._same_journal()]
        return tuple(sorted(found, key=lambda f: (f.rule, f.journalnummer or "")))

    def _same_number(self) -> Iterator[KostraFinding]:
        for journals in self._numbers.values():
            if len(journals) < 2:
                continue
            distinct = list(dict.fromkeys(journals))
            if len(distinct) == 1 and self.options.individ_04 is TEXT:
                continue
            for journal in distinct:
                others = [self._told(j) for j in distinct[: _LISTED + 1] if j != journal][:_LISTED]
                more = " …" if len(distinct) - 1 > len(others) else ""
                yield self._tell(
                    "kostra-individ-04",
                    journal,
                    variant="flere" if others else "samme",
                    andre=", ".join(others) + more or None,
                )

    def _same_journal(self) -> Iterator[KostraFinding]:
        for journal, count in self._journals.items():
            if count > 1:
                yield self._tell("kostra-individ-05", journal, antall=count)

    def _told(self, journal: str) -> str:
        return HIDDEN if journal in self._hidden else journal

    def _tell(self, rule: str, journal: str, variant: str = "", **parameters: Value) -> KostraFinding:
        told = self._told(journal)
        one = fired(variant, journalnummer=told, **parameters)
        return tell(RULES[rule], one, self.options, element="Individ", path="/Barnevern", journalnummer=told)
