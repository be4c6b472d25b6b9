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

from bvr.errors import Retry
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
    leverandor: Annotated[
        str | None, TEXT, Doc("Leverandøren som gjorde det for dem.", "The supplier that did it for them.")
    ] = None
    kall_nokkel: Annotated[
        str | None, TEXT, Doc("Kallets Idempotency-Key, som hash.", "The Idempotency-Key of the call, as a hash.")
    ] = None
    kall_sha256: Annotated[str | None, TEXT, Doc("SHA-256 av kallet.", "SHA-256 of the call.")] = None


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who does it, in which role, for whom, and how."""

    name: str
    role: str
    on_behalf_of: str
    channel: Literal["API", "NETTSIDE", "SYSTEM"]
    supplier: str | None = None


class Call(msgspec.Struct, frozen=True):
    """The call that an event came with: the hash of its key, and of what it said. The same call is the same event."""

    key: str
    content: str


class Refused(msgspec.Struct, frozen=True):
    """Why something cannot be done, in both languages; and what can, where that is why."""

    code: str
    nb: str
    en: str
    possible: tuple[Event, ...] = ()


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a municipality's figures of a period are: the newest freeze of them, and the last that happened."""

    kommunenummer: str
    periode: str
    frysing_id: str
    sha256: str
    kunnskapstidspunkt: datetime
    last: Godkjenning | None
    state: State

    @property
    def deadline(self) -> datetime | None:
        """Until when the municipality is waited for; None when it is not."""
        if self.last is None or self.state not in (State.SENT, State.UNANSWERED):
            return None
        return deadline(self.last)

    @property
    def possible(self) -> tuple[Event, ...]:
        return tuple(_NEXT[self.state])


def deadline(sent: Godkjenning) -> datetime:
    """The last moment of the preview that began when the figures were sent."""
    return sent.tidspunkt + timedelta(days=PREVIEW_DAYS)


def state(events: Iterable[Godkjenning], now: datetime) -> State:
    """The state that events, in their order, have led to; a deadline that has passed makes it UNANSWERED."""
    found, since = State.DRAFT, None
    for one in events:
        found, since = State(one.tilstand), one.tidspunkt
    if found is State.SENT and since is not None and now - since > timedelta(days=PREVIEW_DAYS):
        return State.UNANSWERED
    return found


def approved(events: Iterable[Godkjenning]) -> Godkjenning | None:
    """The approval in force among events in their order; None when there is none, or nothing of it is left."""
    found = None
    for one in events:
        if one.hendelse == Event.APPROVE:
            found = one
        elif one.hendelse not in (Event.FREEZE, Event.PUBLISH):
            found = None
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
            tuple(_NEXT[before]),
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

_TRIES = 5
"""How many others may come first before a call is asked to come again."""
_NEWEST = """
SELECT f.frysing_id, f.periode, f.kunnskapstidspunkt, k.kommunenummer, k.sha256
FROM statistikk.frysing AS f
JOIN statistikk.frysing_kommune AS k ON k.frysing_id = f.frysing_id
WHERE @periode IN (f.periode, '') AND (@alle OR k.kommunenummer IN UNNEST(@kommuner))
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY k.kommunenummer, f.periode ORDER BY f.kunnskapstidspunkt DESC, f.frysing_id DESC
) = 1
ORDER BY f.periode DESC, k.kommunenummer
"""
_LAST = """
SELECT * FROM statistikk.godkjenning
WHERE @periode IN (periode, '') AND (@alle OR kommunenummer IN UNNEST(@kommuner))
QUALIFY ROW_NUMBER() OVER (PARTITION BY kommunenummer, periode ORDER BY tidspunkt DESC, hendelse_id DESC) = 1
"""


class Approvals:
    """The events of `statistikk.godkjenning`: added, never changed.

    The events of a municipality and a period are numbered from nought, and the number is the id: of two that come at
    once one has it, and the other is decided again after it. Nothing is lost, and nothing counts twice.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def events(self, kommune: str, period: str) -> list[Godkjenning]:
        """What has happened with a municipality's figures of a period, in order."""
        return self._events(
            "SELECT * FROM statistikk.godkjenning WHERE kommunenummer = @kommune AND periode = @periode "
            "ORDER BY tidspunkt, hendelse_id",
            {"kommune": kommune, "periode": period},
        )

    def made_by(self, key: str) -> Godkjenning | None:
        """The event that a call with this key has made."""
        found = self._events(
            "SELECT * FROM statistikk.godkjenning WHERE kall_nokkel = @nokkel LIMIT 1", {"nokkel": key}
        )
        return found[0] if found else None

    def standing(
        self, now: datetime, kommuner: Iterable[str] | None = None, period: str | None = None
    ) -> list[Standing]:
        """Where figures are that have been frozen, the newest period first; of all municipalities, or of some."""
        given = {
            "periode": period or "",
            "alle": kommuner is None,
            "kommuner": list(kommuner or ()),
        }
        last = {(one.kommunenummer, one.periode): one for one in self._events(_LAST, given)}
        found = []
        for row in self._tables.query(_NEWEST, given):
            before = last.get((row["kommunenummer"], row["periode"]))
            found.append(Standing(**row, last=before, state=state([before] if before else [], now)))
        return found

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
        call: Call | None = None,
    ) -> Godkjenning | Refused:
        """Record what happened, or say why it cannot. Raises LookupError when the freeze has none of its figures, and
        Retry when others keep coming first."""
        period = freeze.rsplit("-", 1)[0]
        current = self._hash(freeze, kommune)
        for _ in range(_TRIES):
            before = self.events(kommune, period)
            if call and (same := next((one for one in before if one.kall_nokkel == call.key), None)):
                return same  # two of one call: this is what the other made
            # Clocks differ; the order of what happened does not.
            moment = max(at, before[-1].tidspunkt + timedelta(microseconds=1)) if before else at
            after = decide(state(before, moment), event, seen=seen, current=current, text=text)
            if isinstance(after, Refused):
                return after
            if moved := self._moved(event, before, freeze, current, kommune):
                return moved
            made = Godkjenning(
                hendelse_id=str(uuid5(NAMESPACE_URL, f"godkjenning:{kommune}:{period}:{len(before)}")),
                kommunenummer=kommune,
                periode=period,
                frysing_id=freeze,
                sha256=current,
                hendelse=event.value,
                tilstand=after.value,
                tidspunkt=moment,
                navn=actor.name,
                rolle=actor.role,
                paa_vegne_av=actor.on_behalf_of,
                kanal=actor.channel,
                tekst=text,
                leverandor=actor.supplier,
                kall_nokkel=call.key if call else None,
                kall_sha256=call.content if call else None,
            )
            # Of two that are next, the second load adds nothing.
            self._tables.insert("statistikk.godkjenning", [msgspec.structs.asdict(made)], once=made.hendelse_id)
            if made in self.events(kommune, period)[len(before) :]:
                return made
        raise Retry(f"approval of {kommune} {period}: others came first")

    def reopen(self, kommune: str, freeze: str, red: Iterable[str], actor: Actor, at: datetime) -> Godkjenning | None:
        """Re-open what was approved, when a later freeze differs by more than it may; None when it holds."""
        period = freeze.rsplit("-", 1)[0]
        before = self.events(kommune, period)
        if state(before, at) not in (State.APPROVED, State.FROZEN):
            return None
        why = self._why(before, freeze, kommune, red)
        if not why:
            return None
        told = self.tell(Event.REOPEN, kommune=kommune, freeze=freeze, seen="", actor=actor, at=at, text="; ".join(why))
        return told if isinstance(told, Godkjenning) else None

    def reopen_all(self, actor: Actor, at: datetime) -> list[Godkjenning]:
        """Re-open whatever has been approved and no longer holds against the newest freeze."""
        found = []
        for one in self.standing(at):
            if one.state in (State.APPROVED, State.FROZEN) and one.last and one.sha256 != one.last.sha256:
                red = self._red(one.kommunenummer, one.frysing_id)
                if told := self.reopen(one.kommunenummer, one.frysing_id, red, actor, at):
                    found.append(told)
        return found

    def _moved(
        self, event: Event, before: list[Godkjenning], freeze: str, current: str, kommune: str
    ) -> Refused | None:
        """Nothing is frozen that has moved since it was approved, and nothing published but what was frozen."""
        if event is Event.FREEZE and (why := self._why(before, freeze, kommune, ())):
            return Refused(
                "TALLENE_HAR_FLYTTET_SEG",
                f"Tallene er ikke de som ble godkjent: {'; '.join(why)}.",
                f"The figures are not those that were approved: {'; '.join(why)}.",
                (Event.REOPEN,),
            )
        if event is Event.PUBLISH and before[-1].sha256 != current:
            return Refused(
                "ANDRE_TALL_ER_FRYST",
                f"Det er {before[-1].frysing_id} som er fryst.",
                f"It is {before[-1].frysing_id} that has been frozen.",
            )
        return None

    def _why(self, before: list[Godkjenning], freeze: str, kommune: str, red: Iterable[str]) -> list[str]:
        """Why the approval in force does not hold for a freeze; the same figures are what was approved."""
        held = approved(before)
        if held is None:
            return ["ikke godkjent | not approved"]
        if held.sha256 == self._hash(freeze, kommune):
            return []
        return reopens(self._values(held.frysing_id, kommune), self._values(freeze, kommune), red)

    def _events(self, sql: str, parameters: dict[str, Any]) -> list[Godkjenning]:
        rows = self._tables.query(sql, parameters)
        return [msgspec.convert({k: v for k, v in row.items() if v is not None}, Godkjenning) for row in rows]

    def _red(self, kommune: str, freeze: str) -> list[str]:
        """Figures with a red deviation in a freeze that the municipality has not said are right."""
        period, number = freeze.rsplit("-", 1)
        rows = self._tables.query(
            "SELECT DISTINCT indikator FROM statistikk.avvik_gjeldende WHERE kommunenummer = @kommune "
            "AND periode = @periode AND kilde = @nummer AND flagg = 'ROD' "
            "AND NOT (IFNULL(utfall, '') = 'BEKREFTET' AND NOT IFNULL(svar_utdatert, FALSE)) ORDER BY indikator",
            {"kommune": kommune, "periode": period, "nummer": number},
        )
        return [row["indikator"] for row in rows]

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
