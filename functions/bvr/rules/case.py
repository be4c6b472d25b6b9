"""What a rule may ask about the case it looks at."""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from functools import cached_property
from typing import Any

from msgspec.structs import replace

from bvr.model.concepts import BEGREP, Avgiver, Barnevern, Personalia, Relasjon, Sak
from bvr.model.identifiers import Number
from bvr.model.types import Concept, fields
from bvr.rules.options import Channel, RuleOptions

_LISTS = tuple((f.name, name) for name, concept in BEGREP.items() for f in fields(Sak) if f.concept is concept)
_PLACE = {name: attr for attr, name in _LISTS}


def age(born: date, at: date) -> int:
    """Completed years (A3): somebody born 29 February turns on 1 March in common years."""
    return at.year - born.year - ((at.month, at.day) < (born.month, born.day))


def add_months(day: date, months: int) -> date:
    """Calendar months later, clamped to the month's last day (A19). Raises OverflowError outside years 1 to 9999."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    if not 1 <= year <= 9999:
        raise OverflowError("date out of range")
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def live(sak: Sak) -> Sak:
    """The case without what is marked as deleted (A50), and with no Konklusjon where that is deleted."""
    changes: dict[str, Any] = {}
    for name, _ in _LISTS:
        elements: Sequence[Any] = getattr(sak, name)
        for element in elements:
            if element.er_slettet:
                changes[name] = tuple(e for e in elements if not e.er_slettet)
                break
    for melding in sak.melding:
        if melding.konklusjon is not None and melding.konklusjon.er_slettet:
            changes["melding"] = tuple(
                replace(m, konklusjon=None) if m.konklusjon is not None and m.konklusjon.er_slettet else m
                for m in changes.get("melding", sak.melding)
            )
            break
    return replace(sak, **changes) if changes else sak


class Case:
    """One submission as the rules see it: deleted elements are gone, `today` is the day of the extract in Norway.

    `known` holds (element name, lower-case Id) of everything that earlier accepted submissions of the case had; None
    when the history is not at hand.
    """

    def __init__(
        self,
        document: Barnevern,
        today: date,
        options: RuleOptions,
        channel: Channel = Channel.FAGSYSTEM,
        known: frozenset[tuple[str, str]] | None = None,
    ) -> None:
        self.document = document
        self.sak = live(document.sak)
        self.today = today
        self.options = options
        self.channel = channel
        self.known = known
        self._elements: dict[str, dict[str, Concept]] = {}
        self.numbers: dict[int, Number] = {}  # by identity of the Personalia: three rules ask of each

    @property
    def avgiver(self) -> Avgiver:
        return self.document.avgiver

    @cached_property
    def personalia(self) -> Personalia | None:
        """The Personalia in force (A4): latest start not after today, else the earliest; ties: last in the document."""
        best: Personalia | None = None
        for p in self.sak.personalia:
            if best is None:
                best = p
            elif p.start_dato > self.today:
                if best.start_dato > self.today and p.start_dato <= best.start_dato:
                    best = p
            elif best.start_dato > self.today or p.start_dato >= best.start_dato:
                best = p
        return best

    @cached_property
    def born(self) -> date | None:
        """Birth date of the Personalia in force (A5)."""
        return self.personalia.fodseldato if self.personalia else None

    def age(self, at: date) -> int:
        """Completed years at a date. Only for rules that declare `needs=("born",)`."""
        assert self.born is not None
        return age(self.born, at)

    def _named_so(self, name: str) -> dict[str, Concept]:
        """The live elements of that name, by lower-case Id; made when a relation first asks."""
        found = self._elements.get(name)
        if found is None:
            here = getattr(self.sak, _PLACE[name]) if name in _PLACE else ()  # of another name a case has none
            found = self._elements[name] = {e.id.lower(): e for e in here}
        return found

    @cached_property
    def sent(self) -> frozenset[tuple[str, str]]:
        """(element name, lower-case Id) of everything in this message, marked as deleted or not."""
        sak = self.document.sak
        return frozenset((name, e.id.lower()) for attr, name in _LISTS for e in getattr(sak, attr))

    @cached_property
    def _by_migrated_id(self) -> dict[str, dict[str, Concept]]:
        """By element name and MigrertId, first in the document where several share one."""
        out: dict[str, dict[str, Concept]] = defaultdict(dict)
        for attr, name in _LISTS:
            for element in getattr(self.sak, attr):
                migrated = getattr(element, "migrert_id", None)
                if migrated is not None:
                    out[name].setdefault(migrated, element)
        return out

    def element(self, name: str, key: str) -> Concept | None:
        """The live element of that name with that Id, in either letter case (A34)."""
        return self._named_so(name).get(key.lower())

    def _ends(self, r: Relasjon) -> tuple[Concept | None, Concept | None]:
        """What a relation names (A34): the source by Id or MigrertId, the target by Id."""
        fra = self._named_so(r.fra_type).get(r.fra_id.lower()) or self._by_migrated_id[r.fra_type].get(r.fra_id)
        return fra, self._named_so(r.til_type).get(r.til_id.lower())

    @cached_property
    def _links(self) -> tuple[dict[tuple[int, str], list[Concept]], dict[tuple[int, str], list[Concept]]]:
        """(sources by target, targets by source); keys are (identity of the element, name of the other end)."""
        sources: dict[tuple[int, str], list[Concept]] = defaultdict(list)
        targets: dict[tuple[int, str], list[Concept]] = defaultdict(list)
        seen: set[tuple[int, int]] = set()
        for r in self.sak.relasjon:
            fra, til = self._ends(r)
            if fra is None or til is None:
                continue
            pair = (id(fra), id(til))
            if pair not in seen:
                seen.add(pair)
                sources[pair[1], r.fra_type].append(fra)
                targets[pair[0], r.til_type].append(til)
        return sources, targets

    def sources(self, name: str, target: Concept) -> Sequence[Concept]:
        """The live elements X of that name with rel(X, target), in document order of the relations."""
        return self._links[0].get((id(target), name), ())

    def targets(self, source: Concept, name: str) -> Sequence[Concept]:
        """The live elements X of that name with rel(source, X)."""
        return self._links[1].get((id(source), name), ())

    @cached_property
    def _named(self) -> set[tuple[int, str]]:
        """(identity of a live element, name of the other end) of every live relation, be the other end there or not."""
        out: set[tuple[int, str]] = set()
        for r in self.sak.relasjon:
            fra, til = self._ends(r)
            out.add((id(fra), r.til_type))
            out.add((id(til), r.fra_type))
        return out

    def refers(self, element: Concept, name: str) -> bool:
        """Whether a live relation, in either direction, links the element and something of that name."""
        return (id(element), name) in self._named
