"""The declaration of a rule, and the visit that runs them all.

A rule is one function with its metadata and its examples. The type of its first parameter says which element it looks
at: Avgiver, Sak, or a direct child of Sak. It returns nothing when all is well, `fired(...)` for one finding, or
several of those. Elements that are marked as deleted are never seen (A50).
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, Literal

import msgspec

from bvr.errors import Broken
from bvr.findings import Finding, NotChecked, Parameter, Severity, as_text
from bvr.model.concepts import Avgiver, Barnevern, Sak
from bvr.model.types import Concept, fields
from bvr.rules.case import Case
from bvr.rules.options import Channel, RuleOptions

FATAL, ERROR, WARNING, INFO = Severity.FATAL, Severity.ERROR, Severity.WARNING, Severity.INFO

Need = Literal["born", "history"]
_WHY_NOT: dict[str, tuple[str, str]] = {
    "born": ("Saken har ingen Personalia, så alderen er ukjent.", "The case has no Personalia, so the age is unknown."),
    "history": (
        "Tidligere innsendinger for saken er ikke tilgjengelige her.",
        "Earlier submissions of the case are not at hand here.",
    ),
    "deleted": ("Saken er slettet.", "The case is deleted."),
}


class Fired(msgspec.Struct, frozen=True):
    """One finding of a rule before it is told: where, and the rule's parameters."""

    parameters: dict[str, Parameter]
    at: Concept | None = None  # the element reported on, when it is not the visited one (a Krav, a Status)
    owner: Concept | None = None  # the direct child of Sak that holds `at`, when the visited element does not
    more: int = 0  # further findings of the same kind that are counted but not listed


Result = Fired | Iterable[Fired] | Literal[False] | None
Check = Callable[[Any, Case], Result]


def fired(*, at: Concept | None = None, owner: Concept | None = None, more: int = 0, **parameters: Parameter) -> Fired:
    """A finding. Parameters are dates, codes, counts and element ids: never what can identify a person."""
    return Fired(parameters, at, owner, more)


class Example(msgspec.Struct, frozen=True):
    """A document that a rule is silent on, or fires on `times` times; in words that stand in the documentation."""

    words: str
    document: Barnevern
    times: int
    parameters: dict[str, Parameter] | None = None  # of the first finding, when given
    severity: Severity | None = None  # when given
    options: RuleOptions = RuleOptions()
    channel: Channel = Channel.FAGSYSTEM
    known: frozenset[tuple[str, str]] | None = None


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule as declared. `id` is ours and for ever; `official` is the heading of the published requirement."""

    id: str
    official: str
    severity: Severity
    if_migrated: Severity | None  # of an element with a MigrertId, in either channel
    since: date
    until: date | None  # last day in force
    version: int
    needs: tuple[Need, ...]
    own: bool  # one of ours, off unless chosen
    title_nb: str
    title_en: str
    nb: str
    en: str
    remedy_nb: str
    remedy_en: str
    ssb: str  # rule id of the production protocol
    target: type[Concept]
    check: Check
    examples: tuple[Example, ...]

    def severity_for(self, migrated: bool, channel: Channel) -> Severity:
        """Both softenings: declared by the rule, or any ERROR of migrated data that came through KOSTRA."""
        if migrated and self.if_migrated is not None:
            return self.if_migrated
        if migrated and channel is Channel.KOSTRA and self.severity is ERROR:
            return WARNING
        return self.severity


RULES: dict[str, Rule] = {}


def declare_rule(
    id: str,
    target: type[Concept],
    check: Check,
    *,
    official: str,
    severity: Severity,
    since: str,
    title_nb: str,
    title_en: str,
    nb: str,
    en: str,
    remedy_nb: str,
    remedy_en: str,
    examples: Sequence[Example],
    ssb: str = "",
    if_migrated: Severity | None = None,
    until: str | None = None,
    version: int = 1,
    needs: tuple[Need, ...] = (),
    own: bool = False,
) -> None:
    """Register a rule. `nb` and `en` are the message, with `fired()`'s parameters in braces; `remedy_*` is what to do.

    Raises ValueError when the id is taken or the rule lacks an example on either side.
    """
    if id in RULES:
        raise ValueError(f"rule {id} is declared twice")
    if {bool(e.times) for e in examples} != {True, False}:
        raise ValueError(f"rule {id} needs an example on each side")
    RULES[id] = Rule(
        id=id,
        official=official,
        severity=severity,
        if_migrated=if_migrated,
        since=date.fromisoformat(since),
        until=date.fromisoformat(until) if until else None,
        version=version,
        needs=needs,
        own=own,
        title_nb=title_nb,
        title_en=title_en,
        nb=nb,
        en=en,
        remedy_nb=remedy_nb,
        remedy_en=remedy_en,
        ssb=ssb,
        target=target,
        check=check,
        examples=tuple(examples),
    )


def rule(id: str, **metadata: Any) -> Callable[[Check], Check]:
    """Declare the decorated function as a rule: the metadata of `declare_rule`, the target from its first parameter,
    the examples from the decorators below it."""

    def declare(check: Check) -> Check:
        hints = typing.get_type_hints(check)
        target = next(hint for name, hint in hints.items() if name != "return")
        declare_rule(id, target, check, examples=tuple(reversed(getattr(check, "examples", []))), **metadata)
        return check

    return declare


def silent(words: str, document: Barnevern, **circumstances: Any) -> Callable[[Check], Check]:
    """An example that the rule accepts."""
    return _example(Example(words, document, 0, **circumstances))


def fires(words: str, document: Barnevern, times: int = 1, **circumstances: Any) -> Callable[[Check], Check]:
    """An example that the rule reports `times` times."""
    return _example(Example(words, document, times, **circumstances))


def _example(example: Example) -> Callable[[Check], Check]:
    def add(check: Check) -> Check:
        if not hasattr(check, "examples"):
            check.examples = []  # type: ignore[attr-defined]
        check.examples.append(example)  # type: ignore[attr-defined]
        return check

    return add


class Checked(msgspec.Struct, frozen=True):
    """What the rules said of one submission. `counts` are true even where the list is cut."""

    findings: tuple[Finding, ...]
    counts: dict[Severity, int]
    not_checked: tuple[NotChecked, ...]
    truncated: bool

    @property
    def worst(self) -> Severity:
        return max(self.counts, default=Severity.OK)


# Where the direct children of Sak stand, in the order of the schema.
_PLACES: tuple[tuple[str, type[Concept]], ...] = tuple((f.name, f.concept) for f in fields(Sak) if f.concept)


_Checks = tuple[tuple[Check, Rule], ...]


class _Plan(msgspec.Struct, frozen=True):
    """The rules in force on a day, by what they look at."""

    on_avgiver: _Checks
    on_sak: _Checks
    on_children: tuple[tuple[str, _Checks], ...]

    @property
    def all(self) -> Iterable[Rule]:
        for checks in (self.on_avgiver, self.on_sak, *(found for _, found in self.on_children)):
            yield from (r for _, r in checks)


@lru_cache(maxsize=256)
def _plan(today: date, own: bool, without: tuple[Need, ...]) -> tuple[_Plan, tuple[Rule, ...]]:
    """The rules that run, and those that cannot because something they need is missing."""
    in_force = [
        r for r in RULES.values() if r.since <= today and (not r.until or today <= r.until) and (own or not r.own)
    ]
    runs = [r for r in in_force if not set(r.needs) & set(without)]

    def on(target: type[Concept]) -> _Checks:
        return tuple((r.check, r) for r in runs if r.target is target)

    children = tuple((name, rules) for name, concept in _PLACES if (rules := on(concept)))
    return _Plan(on(Avgiver), on(Sak), children), tuple(r for r in in_force if set(r.needs) & set(without))


def check(case: Case) -> Checked:
    """Run every rule in force on the case. No rule stops another.

    Raises Broken when a rule crashes: a crash is our fault and never a green receipt.
    """
    without: tuple[Need, ...] = ()
    if case.born is None:
        without += ("born",)
    if case.known is None or not case.options.check_deleted_known:
        without += ("history",)
    plan, skipped = _plan(case.today, case.options.own_rules, without)
    found = _Found(case)
    visit = found.visit
    visit(case.avgiver, plan.on_avgiver)
    sak = case.sak
    if sak.er_slettet:
        not_checked = tuple(NotChecked(r.id, *_WHY_NOT["deleted"]) for r in plan.all if r.target is not Avgiver)
        return found.result(not_checked)
    visit(sak, plan.on_sak)
    for name, rules in plan.on_children:
        for element in getattr(sak, name):
            visit(element, rules)
    return found.result(tuple(_not_checked(r, without) for r in skipped if _concerns(r, sak)))


def _concerns(r: Rule, sak: Sak) -> bool:
    """Whether the case has anything that the rule would have looked at."""
    return r.target is Sak or any(getattr(sak, name) for name, concept in _PLACES if concept is r.target)


def _not_checked(r: Rule, without: tuple[Need, ...]) -> NotChecked:
    return NotChecked(r.id, *_WHY_NOT[next(need for need in r.needs if need in without)])


class _Found:
    """Collects what fires; keeps at most `max_findings` of each rule and counts the rest."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.counts: dict[Severity, int] = {}
        self.kept: list[tuple[Rule, Concept, Fired]] = []
        self.per_rule: dict[str, int] = {}
        self.below: dict[int, dict[int, str]] = {}  # by identity: the paths of what an element holds
        self.truncated = False

    def visit(self, element: Concept, rules: _Checks) -> None:
        case = self.case
        r = None
        try:
            for check_one, r in rules:
                result = check_one(element, case)
                if result is not None and result is not False:
                    self.add(r, element, result)
        except Exception as crash:
            step = f"rule {r.id}" if r else "rules"
            raise Broken(step, f"{type(crash).__name__} on {type(element).__name__}") from crash

    def add(self, r: Rule, element: Concept, result: Fired | Iterable[Fired]) -> None:
        limit = self.case.options.max_findings
        for one in (result,) if isinstance(result, Fired) else result:
            severity = self.severity(r, element, one)
            self.counts[severity] = self.counts.get(severity, 0) + 1 + one.more
            listed = self.per_rule.get(r.id, 0)
            if listed < limit:
                self.per_rule[r.id] = listed + 1
                self.kept.append((r, element, one))
            if listed >= limit or one.more:
                self.truncated = True

    def severity(self, r: Rule, element: Concept, one: Fired) -> Severity:
        if r.if_migrated is None and self.case.channel is not Channel.KOSTRA:
            return r.severity
        return r.severity_for(self.migrated(element, one), self.case.channel)

    def migrated(self, element: Concept, one: Fired) -> bool:
        """Whether the nearest element that can carry a MigrertId does (A51)."""
        for candidate in (one.at, one.owner, element, self.case.sak):
            if candidate is not None and hasattr(candidate, "migrert_id"):
                return candidate.migrert_id is not None
        return False

    def result(self, not_checked: tuple[NotChecked, ...]) -> Checked:
        findings = sorted((self.finding(*kept) for kept in self.kept), key=lambda f: f.order)
        limit = self.case.options.max_findings
        return Checked(
            findings=tuple(findings[:limit]),
            counts=self.counts,
            not_checked=not_checked,
            truncated=self.truncated or len(findings) > limit,
        )

    def finding(self, r: Rule, element: Concept, one: Fired) -> Finding:
        at = one.at or element
        severity = self.severity(r, element, one)
        words = {name: as_text(value) for name, value in one.parameters.items()}
        return Finding(
            rule=r.id,
            rule_version=r.version,
            official=r.official,
            severity=severity,
            original_severity=r.severity if severity is not r.severity else None,
            element=type(at).__name__,
            element_id=getattr(at, "id", self.case.document.id),
            path=self.path(one.owner or element, at),
            message_nb=r.nb.format_map(words),
            message_en=r.en.format_map(words),
            remedy_nb=r.remedy_nb.format_map(words),
            remedy_en=r.remedy_en.format_map(words),
            parameters=one.parameters,
        )

    def path(self, owner: Concept, at: Concept) -> str:
        """Where `at` stands in the document as it was sent."""
        if isinstance(owner, Avgiver):
            return "/Barnevern/Avgiver"
        path = "/Barnevern/Sak"
        if not isinstance(owner, Sak):
            path += f"/{type(owner).__name__}[{self.positions[type(owner), owner.id, getattr(owner, 'type', None)]}]"  # type: ignore[attr-defined]
        if at is owner:
            return path
        if id(owner) not in self.below:
            self.below[id(owner)] = dict(_below(owner))
        return path + self.below[id(owner)].get(id(at), "")

    @property
    def positions(self) -> dict[tuple[type[Concept], str, str | None], int]:
        if not hasattr(self, "_positions"):
            self._positions = {
                (concept, element.id, getattr(element, "type", None)): number
                for name, concept in _PLACES
                for number, element in enumerate(getattr(self.case.document.sak, name), 1)
            }
        return self._positions


def _below(owner: Concept, path: str = "") -> Iterable[tuple[int, str]]:
    """(identity, path) of every element below `owner`."""
    for f in fields(type(owner)):
        if f.concept is None:
            continue
        value = getattr(owner, f.name)
        for number, child in enumerate(value if f.many else (value,), 1):
            if child is not None:
                step = f"{path}/{f.xml}[{number}]" if f.many else f"{path}/{f.xml}"
                yield id(child), step
                yield from _below(child, step)
