"""The declaration of a KOSTRA rule, and the visit that runs them all.

As the rules of the register (`bvr.rules.rule`): one function with its metadata and its examples, silent or fired. What
differs: a rule looks at a record of one client, or at the sender, of a file with many; its severity is FEIL (ERROR) or
ADVARSEL (WARNING); where the requirement and Statistics Norway's program differ, a switch says which is followed.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import cached_property, lru_cache
from typing import Any, Literal

import msgspec

from bvr.errors import Broken
from bvr.findings import Severity, as_text
from bvr.kostra.concepts import Avgiver, Individ
from bvr.kostra.form import Form
from bvr.kostra.rules.finding import KostraFinding, safe_key
from bvr.kostra.rules.options import IMPLEMENTED, KostraOptions, Reading, switches
from bvr.kostra.rules.terms import Dates, age, dates
from bvr.model.types import Concept

FEIL, ADVARSEL = Severity.ERROR, Severity.WARNING

Value = date | str | int | None
Texts = str | dict[str, str]  # one text, or one for each variant of a finding


class Klient:
    """What a rule may ask about the client it looks at, and about the file."""

    def __init__(self, individ: Individ, form: Form, options: KostraOptions) -> None:
        self.individ = individ
        self.form = form
        self.options = options

    @property
    def year(self) -> int:
        return self.form.year

    @cached_property
    def dates(self) -> Dates:
        return dates(self.form.year, self.options.individ_01a)

    @cached_property
    def alder(self) -> int | None:
        """Age on the count day; None when no birth date can be read."""
        return age(self.individ.fodselsnummer, self.form.year, self.options.individ_03)

    def safe(self, key: str) -> str:
        """A key of this client as it may be repeated."""
        return safe_key(key, self.individ.fodselsnummer, self.individ.duf_nummer)

    def missing(self, text: str | None) -> bool:
        """Whether a clarification is missing."""
        return not text or (self.options.blank_is_missing and not text.strip())


class Fired(msgspec.Struct, frozen=True):
    """One finding of a rule before it is told. `variant` names its text, where the rule has several; `at` is the record
    reported on, when it is not the visited one."""

    parameters: dict[str, Value]
    variant: str = ""
    at: Any = None


Result = Fired | Iterable[Fired] | Literal[False] | None
Check = Callable[[Any, Any], Result]


def fired(variant: str = "", *, at: Any = None, **parameters: Value) -> Fired:
    """A finding. Parameters are dates, codes, counts and ages, never what can identify a person.

    An age follows the rules of the register: it stands in the requirement's own messages, goes only to the sender, who
    has the birth date, and says less than that. A date that is missing is None.
    """
    return Fired(parameters, variant, at)


class Example(msgspec.Struct, frozen=True):
    """A file that a rule is silent on, or fires on `times` times; in words that stand in the documentation.

    `individ` are its clients, or its raw bytes for what is found while reading.
    """

    words: str
    individ: tuple[Individ, ...] | bytes
    times: int
    parameters: dict[str, Value] | None = None  # of the first finding, when given
    severity: Severity | None = None  # when given
    variant: str | None = None  # when given
    avgiver: Avgiver | None = None
    form: Form | None = None
    options: KostraOptions = KostraOptions()


class KostraRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule as declared. `id` is ours and for ever; `official` is the heading of the requirement, else the program's.

    `target` is the record it looks at; None for what is found over the whole file or while reading it. `switch` are the
    options that change it.
    """

    id: str
    official: str
    severity: Severity
    if_implemented: Severity | None
    nb: dict[str, str]
    en: dict[str, str]
    remedy_nb: str
    remedy_en: str
    target: type[Concept] | None
    check: Check | None
    examples: tuple[Example, ...]
    switch: tuple[str, ...]

    def severity_for(self, options: KostraOptions) -> Severity:
        if self.if_implemented is not None and getattr(options, self.switch[0]) is IMPLEMENTED:
            return self.if_implemented
        return self.severity

    def readings(self, options: KostraOptions) -> tuple[Reading, ...]:
        """Whose reading of the rule is followed, by switch."""
        return tuple(getattr(options, name) for name in self.switch)


RULES: dict[str, KostraRule] = {}


def declare_rule(
    id: str,
    target: type[Concept] | None,
    check: Check | None,
    *,
    official: str,
    severity: Severity,
    nb: Texts,
    en: Texts,
    remedy_nb: str,
    remedy_en: str,
    examples: Sequence[Example],
    if_implemented: Severity | None = None,
) -> KostraRule:
    """Register a rule. `nb` and `en` are the message, with `fired()`'s parameters in braces; `remedy_*` is what to do.

    Raises ValueError when the id is taken or the rule lacks an example on either side.
    """
    if id in RULES:
        raise ValueError(f"rule {id} is declared twice")
    if {bool(e.times) for e in examples} != {True, False}:
        raise ValueError(f"rule {id} needs an example on each side")
    RULES[id] = KostraRule(
        id=id,
        official=official,
        severity=severity,
        if_implemented=if_implemented,
        nb={"": nb} if isinstance(nb, str) else nb,
        en={"": en} if isinstance(en, str) else en,
        remedy_nb=remedy_nb,
        remedy_en=remedy_en,
        target=target,
        check=check,
        examples=tuple(examples),
        switch=tuple(name for name, switch in switches().items() if id in switch.rules),
    )
    return RULES[id]


def rule(id: str, **metadata: Any) -> Callable[[Check], Check]:
    """Declare the decorated function as a rule: the metadata of `declare_rule`, the target from its first parameter,
    the examples from the decorators below it."""

    def declare(check: Check) -> Check:
        hints = typing.get_type_hints(check)
        target = next(hint for name, hint in hints.items() if name != "return")
        declare_rule(id, target, check, examples=tuple(reversed(getattr(check, "examples", []))), **metadata)
        return check

    return declare


def silent(words: str, *individ: Individ, **circumstances: Any) -> Callable[[Check], Check]:
    """An example that the rule accepts."""
    return _example(Example(words, individ, 0, **circumstances))


def fires(words: str, *individ: Individ, times: int = 1, **circumstances: Any) -> Callable[[Check], Check]:
    """An example that the rule reports `times` times."""
    return _example(Example(words, individ, times, **circumstances))


def _example(example: Example) -> Callable[[Check], Check]:
    def add(check: Check) -> Check:
        if not hasattr(check, "examples"):
            check.examples = []  # type: ignore[attr-defined]
        check.examples.append(example)  # type: ignore[attr-defined]
        return check

    return add


# --- the visit -------------------------------------------------------------------------------------------------------

_Checks = tuple[tuple[Check, KostraRule], ...]


@lru_cache(maxsize=1)
def plan() -> dict[type[Concept], _Checks]:
    """The rules by what they look at, in the order of declaration."""
    found: dict[type[Concept], _Checks] = {}
    for r in RULES.values():
        if r.target is not None and r.check is not None:
            found[r.target] = (*found.get(r.target, ()), (r.check, r))
    return found


def check_avgiver(avgiver: Avgiver, form: Form, options: KostraOptions) -> tuple[KostraFinding, ...]:
    """What the rules say of the sender of a file, once for each file.

    Raises Broken when a rule crashes: a crash is our fault and never a green receipt.
    """
    found: list[KostraFinding] = []
    sender = Sender(form, options)
    for r, one in _fired(avgiver, sender, plan().get(Avgiver, ())):
        found.append(tell(r, one, options, element="Avgiver", path="/Barnevern/Avgiver"))
    return tuple(found)


class Sender:
    """What a rule may ask about the file when it looks at its sender."""

    def __init__(self, form: Form, options: KostraOptions) -> None:
        self.form = form
        self.options = options


def check_individ(individ: Individ, form: Form, options: KostraOptions, number: int = 1) -> tuple[KostraFinding, ...]:
    """What the rules say of one client; `number` is its place in the file. No rule stops another.

    Raises Broken when a rule crashes.
    """
    found = _Found(individ, Klient(individ, form, options), number)
    rules = plan()
    for record, path in records(individ, number):
        found.visit(record, rules[type(record)], path)
    return tuple(sorted(found.findings, key=lambda f: f.order))


def records(individ: Individ, number: int) -> Iterable[tuple[Any, str]]:
    """The client and every record of it that rules look at, with where it stands in the file."""
    path = f"/Barnevern/Individ[{number}]"
    yield individ, path
    for at, melding in enumerate(individ.melding, 1):
        yield melding, f"{path}/Melding[{at}]"
        if melding.undersokelse is not None:
            yield melding.undersokelse, f"{path}/Melding[{at}]/Undersokelse"
    for name in ("Plan", "Tiltak", "Flytting"):
        for at, record in enumerate(getattr(individ, name.lower()), 1):
            yield record, f"{path}/{name}[{at}]"


def _fired(record: Any, about: Klient | Sender, checks: _Checks) -> Iterable[tuple[KostraRule, Fired]]:
    r = None
    try:
        for check_one, r in checks:
            result = check_one(record, about)
            if result is not None and result is not False:
                for one in (result,) if isinstance(result, Fired) else result:
                    yield r, one
    except Exception as crash:
        # `from None`: the text of a crash may repeat what it crashed on.
        raise Broken(f"rule {r.id if r else '?'}", f"{type(crash).__name__} on {type(record).__name__}") from None


class _Found:
    def __init__(self, individ: Individ, klient: Klient, number: int) -> None:
        self.individ = individ
        self.klient = klient
        self.number = number
        self.findings: list[KostraFinding] = []

    def visit(self, record: Any, checks: _Checks, path: str) -> None:
        for r, one in _fired(record, self.klient, checks):
            at = record if one.at is None else one.at
            self.findings.append(
                tell(
                    r,
                    one,
                    self.klient.options,
                    element=type(at).__name__,
                    element_id=self.klient.safe(at.id),
                    path=path if at is record else self.path(at),
                    journalnummer=self.klient.safe(self.individ.journalnummer),
                    individ_id=self.klient.safe(self.individ.id),
                    number=self.number,
                )
            )

    def path(self, record: Any) -> str:
        return self.paths[id(record)]

    @cached_property
    def paths(self) -> dict[int, str]:
        """By identity; made when a finding is first on another record than the visited one."""
        return {id(record): path for record, path in records(self.individ, self.number)}


def tell(
    r: KostraRule, one: Fired, options: KostraOptions, *, reason: tuple[str, str] = ("", ""), **where: Any
) -> KostraFinding:
    """A finding with its texts in both languages. `reason` is {grunn} of what is found while reading, in each."""
    nb = {name: _text(value, "ikke oppgitt") for name, value in one.parameters.items()} | {"grunn": reason[0]}
    en = {name: _text(value, "not given") for name, value in one.parameters.items()} | {"grunn": reason[1]}
    return KostraFinding(
        rule=r.id,
        rule_version=1,
        official=r.official,
        severity=r.severity_for(options),
        message_nb=r.nb[one.variant].format_map(nb),
        message_en=r.en[one.variant].format_map(en),
        remedy_nb=r.remedy_nb.format_map(nb),
        remedy_en=r.remedy_en.format_map(en),
        parameters=one.parameters,
        **where,
    )


def _text(value: Value, missing: str) -> str:
    return missing if value is None else as_text(value)
