"""Approval of figures by the municipality that owns them (statistics 3.4), as events and the state that follows.

Nothing but what a person said, and the clock, moves a municipality's figures of a period from one state to the next. An
approval is of a hash: it says which figures were seen. Silence is never approval.
"""

# mypy: disable-error-code="misc"
# (see model/concepts.py)

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import NAMESPACE_URL, uuid5

import msgspec

from bvr.model.types import STAMP, TEXT, Concept, Doc, Person
from bvr.statistics.calendar import PREVIEW_DAYS
from bvr.statistics.figures.catalogue import figures
from bvr.statistics.ports import Tables


class State(StrEnum):
    """Where a municipality's figures of a period are."""

    DRAFT = "UTKAST"
    SENT = "SENDT"
    OBJECTED = "INNSIGELSE"
    CORRECTED = "KORRIGERT"
    APPROVED = "GODKJENT"
    UNANSWERED = "IKKE_SVART"
    """The deadline has passed: the figures are published as provisional."""
    FROZEN = "FRYST"
    PUBLISHED = "PUBLISERT"
    REVISED = "REVIDERT"


class Event(StrEnum):
    """What happened. SEND shows the municipality its figures; REOPEN is our own, when approved figures have moved."""

    SEND = "SENDT"
    OBJECT = "INNSIGELSE"
    CORRECT = "KORRIGERT"
    APPROVE = "GODKJENT"
    REOPEN = "GJENAPNET"
    FREEZE = "FRYST"
    PUBLISH = "PUBLISERT"
    REVISE = "REVIDERT"


_NEXT: Mapping[State, Mapping[Event, State]] = {
    State.DRAFT: {Event.SEND: State.SENT},
    State.SENT: {Event.OBJECT: State.OBJECTED, Event.APPROVE: State.APPROVED, Event.SEND: State.SENT},
    State.UNANSWERED: {Event.OBJECT: State.OBJECTED, Event.APPROVE: State.APPROVED, Event.SEND: State.SENT},
    State.OBJECTED: {Event.CORRECT: State.CORRECTED},
    State.CORRECTED: {Event.SEND: State.SENT},
    State.APPROVED: {Event.FREEZE: State.FROZEN, Event.REOPEN: State.DRAFT},
    State.FROZEN: {Event.PUBLISH: State.PUBLISHED, Event.REOPEN: State.DRAFT},
    State.PUBLISHED: {Event.REVISE: State.REVISED},
    State.REVISED: {Event.SEND: State.SENT},
}
BY_MUNICIPALITY = frozenset({Event.OBJECT, Event.APPROVE})
"""What the municipality says; the rest the register does."""
MOVES = (3, 15, 21, 26, 27, 29)
"""The figures whose movement re-opens an approval: by more than `LEAST` or `SHARE` of what was approved."""
LEAST, SHARE = 3, 0.02


class Godkjenning(Concept):
    """An event of the approval of figures. | En hendelse i godkjenningen av tall."""

    hendelse_id: Annotated[str, TEXT, Doc("Hendelsens id.", "Id of the event.")]
    kommunenummer: Annotated[str, TEXT, Doc("Kommunen som eier tallene.", "The municipality that owns the figures.")]
    periode: Annotated[str, TEXT, Doc("Perioden.", "The period.")]
    frysing_id: Annotated[str, TEXT, Doc("Frysingen det gjelder.", "The freeze it is about.")]
    sha256: Annotated[
        str, TEXT, Doc("SHA-256 av kommunens tall i den.", "SHA-256 of the municipality's figures of it.")
    ]
    hendelse: Annotated[str, TEXT, Doc("Hva som skjedde.", "What happened.")]
    tilstand: Annotated[str, TEXT, Doc("Tilstanden etterpå.", "The state after it.")]
    tidspunkt: Annotated[datetime, STAMP, Doc("Når.", "When.")]
    navn: Annotated[str, TEXT, Doc("Hvem.", "Who.")]
    rolle: Annotated[str, TEXT, Doc("I hvilken rolle.", "In which role.")]
    paa_vegne_av: Annotated[str, TEXT, Doc("Organisasjonen det ble gjort for.", "The organisation it was done for.")]
    kanal: Annotated[str, TEXT, Doc("API, NETTSIDE eller SYSTEM.", "By API, page, or the register itself.")]
    tekst: Annotated[
        str | None,
        TEXT,
        Doc("Innsigelsen, eller hvorfor den er gjenåpnet.", "The objection, or why.", Person.FREE_TEXT),
    ] = None


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who does it, in which role, for whom, and how."""

    name: str
    role: str
    on_behalf_of: str
    channel: Literal["API", "NETTSIDE", "SYSTEM"]


class Refused(msgspec.Struct, frozen=True):
    """Why something cannot be done, in both languages."""

    code: str
    nb: str
    en: str


def state(events: Iterable[Godkjenning], now: datetime) -> State:
    """The state that events, in their order, have led to; a deadline that has passed makes it UNANSWERED."""
    found, since = State.DRAFT, None
    for one in events:
        found, since = State(one.tilstand), one.tidspunkt
    if found is State.SENT and since is not None and now - since > timedelta(days=PREVIEW_DAYS):
        return State.UNANSWERED
    return found


def decide(
    before: State,
    event: Event,
    *,
    seen: str,
    current: str,
    text: str | None = None,
) -> State | Refused:
    """The state after an event, or why it cannot be. `seen` is the hash spoken of, `current` that of the freeze."""
    after = _NEXT[before].get(event)
    if after is None:
        possible = ", ".join(one.value for one in _NEXT[before])
        return Refused(
            "FEIL_TILSTAND",
            f"Tallene er {before.value}; da kan de bli {possible}, ikke {event.value}.",
            f"The figures are {before.value}: then {possible} is possible, not {event.value}.",
        )
    if event in BY_MUNICIPALITY and seen != current:
        return Refused(
            "TALLENE_ER_ENDRET",
            "Tallene er ikke de samme som dere så. Hent dem på nytt, og svar på dem.",
            "The figures are not those you saw. Fetch them again, and answer to these.",
        )
    if event in (Event.OBJECT, Event.REOPEN) and not (text or "").strip():
        return Refused("TEKST_MANGLER", "Skriv hva som er galt, eller hvorfor.", "Say what is wrong, or why.")
    return after


def reopens(approved: Mapping[str, int], now: Mapping[str, int], red: Iterable[str] = ()) -> list[str]:
    """Why an approval no longer holds: indicators with a red flag, and those that have moved by more than they may.

    Figures are indicator -> value of the municipality; empty when it still holds.
    """
    watched = [f.id for f in figures() if f.number in MOVES]
    found = [f"{one}: rødt avvik | a red deviation" for one in sorted(set(red))]
    for one in watched:
        before, after = approved.get(one, 0), now.get(one, 0)
        if abs(after - before) > max(LEAST, SHARE * before):
            found.append(f"{one}: {before} -> {after}")
    return found


# --- kept in BigQuery ------------------------------------------------------------------------------------------------


class Approvals:
    """The events of `statistikk.godkjenning`: added, never changed."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def events(self, kommune: str, period: str) -> list[Godkjenning]:
        """What has happened with a municipality's figures of a period, in order."""
        rows = self._tables.query(
            "SELECT * FROM statistikk.godkjenning WHERE kommunenummer = @kommune AND periode = @periode "
            "ORDER BY tidspunkt, hendelse_id",
            {"kommune": kommune, "periode": period},
        )
        return [msgspec.convert({k: v for k, v in row.items() if v is not None}, Godkjenning) for row in rows]

    def tell(
        self,
        event: Event,
        *,
        kommune: str,
        freeze: str,
        seen: str,
        actor: Actor,
        at: datetime,
        text: str | None = None,
    ) -> Godkjenning | Refused:
        """Record what happened, or say why it cannot. Raises LookupError when the freeze has none of its figures."""
        period = freeze.rsplit("-", 1)[0]
        before = self.events(kommune, period)
        current = self._hash(freeze, kommune)
        after = decide(state(before, at), event, seen=seen, current=current, text=text)
        if isinstance(after, Refused):
            return after
        made = Godkjenning(
            hendelse_id=str(uuid5(NAMESPACE_URL, f"godkjenning:{kommune}:{freeze}:{event}:{len(before)}")),
            kommunenummer=kommune,
            periode=period,
            frysing_id=freeze,
            sha256=current,
            hendelse=event.value,
            tilstand=after.value,
            tidspunkt=at,
            navn=actor.name,
            rolle=actor.role,
            paa_vegne_av=actor.on_behalf_of,
            kanal=actor.channel,
            tekst=text,
        )
        # Two that answer at once have one id: the second load adds nothing.
        self._tables.insert("statistikk.godkjenning", [msgspec.structs.asdict(made)], once=made.hendelse_id)
        return made

    def reopen(self, kommune: str, freeze: str, red: Iterable[str], actor: Actor, at: datetime) -> Godkjenning | None:
        """Re-open what was approved, when a later freeze differs by more than it may; None when it holds."""
        period = freeze.rsplit("-", 1)[0]
        before = self.events(kommune, period)
        if state(before, at) not in (State.APPROVED, State.FROZEN):
            return None
        approved = next(one for one in reversed(before) if one.hendelse == Event.APPROVE)
        why = reopens(self._values(approved.frysing_id, kommune), self._values(freeze, kommune), red)
        if not why:
            return None
        told = self.tell(Event.REOPEN, kommune=kommune, freeze=freeze, seen="", actor=actor, at=at, text="; ".join(why))
        return told if isinstance(told, Godkjenning) else None

    def _hash(self, freeze: str, kommune: str) -> str:
        rows = self._tables.query(
            "SELECT sha256 FROM statistikk.frysing_kommune WHERE frysing_id = @id AND kommunenummer = @kommune LIMIT 1",
            {"id": freeze, "kommune": kommune},
        )
        if not rows:
            raise LookupError(f"{freeze} has no figures of {kommune}")
        return str(rows[0]["sha256"])

    def _values(self, freeze: str, kommune: str) -> dict[str, int]:
        rows: list[dict[str, Any]] = self._tables.query(
            "SELECT indikator, verdi FROM statistikk.frosne_tall WHERE frysing_id = @id AND region = @kommune "
            "AND maal = 'SUM' AND kjonn = 'T' AND aldersgruppe = 'T' AND kode = 'T' AND periodetype != 'R'",
            {"id": freeze, "kommune": kommune},
        )
        return {row["indikator"]: row["verdi"] for row in rows}
