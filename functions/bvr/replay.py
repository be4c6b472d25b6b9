"""Replay: the archive through the rules of today, or the register given back from the archive (section 5.6, point 9).

Each message is a step of its own that changes nothing when it is done again, so a replay that was interrupted is run
again: it goes on from the place that it noted in the ledger, and does the last messages before that once more.
"""

# mypy: disable-error-code="misc"
# (see model/concepts.py)

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Annotated, NamedTuple, Protocol

import msgspec

from bvr.desk import BESIDE, Desk, Listed, kept_attributes
from bvr.errors import Broken
from bvr.intake.protocol import TYPES
from bvr.log import log
from bvr.model.types import BOOLEAN, STAMP, TEXT, WHOLE, Concept, Doc
from bvr.reconcile import FETCHED
from bvr.register.derived import Tables
from bvr.rules import RULESET
from bvr.service import Again

NOTED = 100
"""Messages between two notes of the place."""
BROKEN = "brutt"
"""What is said of a message that our own code failed on."""


class Avspilling(Concept):
    """A replay: a row of `drift.avspilling`. | En avspilling av arkivet."""

    avspilling_id: Annotated[str, TEXT, Doc("Avspillingens id.", "Id of the replay.")]
    regelsett: Annotated[str, TEXT, Doc("Regelsettet.", "The ruleset.")]
    gjenoppretting: Annotated[bool, BOOLEAN, Doc("Om registeret ble gjenopprettet.", "Whether rows were restored.")]
    kommunenummer: Annotated[str | None, TEXT, Doc("Kommunen; ellers alle.", "The municipality; else all.")] = None
    fra: Annotated[datetime | None, STAMP, Doc("Meldinger mottatt fra.", "Messages received from.")] = None
    til: Annotated[datetime | None, STAMP, Doc("Meldinger mottatt før.", "Messages received before.")] = None
    startet: Annotated[datetime, STAMP, Doc("Når denne kjøringen begynte.", "When this run began.")]
    ferdig: Annotated[datetime, STAMP, Doc("Når den var ferdig.", "When it was done.")]
    meldinger: Annotated[int, WHOLE, Doc("Meldinger i denne kjøringen.", "Messages of this run.")]
    endret: Annotated[int, WHOLE, Doc("Av dem med et annet utfall.", "Of them with another outcome.")]
    gjenopprettet: Annotated[int, WHOLE, Doc("Av dem gjenopprettet.", "Of them restored.")]
    brutt: Annotated[int, WHOLE, Doc("Av dem der vi feilet.", "Of them where we failed.")]


class Flow(Protocol):
    """The flow of cases."""

    def again(self, name: str, *, fetched: bool = False, only: Collection[str] | None = None) -> Again: ...

    def restore(self, name: str) -> Again: ...


class Restores(Protocol):
    """The flow of KOSTRA files: their rules are of a year and a program, so they are restored and not replayed."""

    def restore(self, name: str) -> Again: ...


class Message(NamedTuple):
    """A message of the archive: `fetched` when no message brought it, `file` when it is a KOSTRA file."""

    received: datetime
    name: str
    fetched: bool
    file: bool


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """What is replayed: messages received from `since`, before `until`, of these accounts, about cases of these
    reporters (organisation numbers); None is all."""

    since: datetime | None = None
    until: datetime | None = None
    kommune: str | None = None
    accounts: tuple[str, ...] | None = None
    reporters: tuple[str, ...] | None = None
    restore: bool = False

    @property
    def id(self) -> str:
        """The same replay has the same id, so that it can go on."""
        return hashlib.sha256(msgspec.json.encode((self, RULESET))).hexdigest()[:16]


class Replay:
    """Replays messages, in the order they were received. `rate` is the most a second; 0 is as fast as it goes."""

    def __init__(
        self,
        desk: Desk,
        flow: Flow,
        *,
        files: Restores | None = None,
        rate: float = 0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._desk, self._flow, self._files = desk, flow, files
        self._rate, self._clock, self._sleep = rate, clock, sleep

    def names(self, selection: Selection) -> list[Message]:
        """Every message that is selected, the oldest first."""
        prefixes = [f"raa/{one}/" for one in selection.accounts] if selection.accounts is not None else ["raa/"]
        found = []
        for prefix in prefixes:
            for one in self._desk.archive.listed(prefix):
                if (received := _received(one)) is None:
                    continue
                late = selection.since is not None and received < selection.since
                early = selection.until is not None and received >= selection.until
                flow = self._flow_of(one) if not late and not early else None
                if flow == "sak" or (flow == "kostra" and selection.restore and self._files):
                    fetched = one.metadata.get("pubsub-id", "").startswith(FETCHED)
                    found.append(Message(received, one.name, fetched, flow == "kostra"))
        return sorted(found, key=_at)

    def _flow_of(self, one: Listed) -> str:
        konvolutt = one.metadata.get("konvolutt")
        if konvolutt is None:
            stored = self._desk.archive.read(one.name)
            attributes = kept_attributes(self._desk.archive, one.name, stored) if stored else {}
        else:
            attributes = msgspec.json.decode(konvolutt, type=dict[str, str])
        known = TYPES.get(attributes.get("type", ""))
        return known.flow if known else "sak"

    def run(self, selection: Selection) -> Counter[Again | str]:
        """Replay what is selected and not done; how many came to what. Raises Retry: run it again, and it goes on."""
        place = f"avspillinger/{selection.id}/"
        noted = self._place(place)
        counts: Counter[Again | str] = Counter()
        started = self._clock()
        left = [one for one in self.names(selection) if _at(one) > noted]
        for number, one in enumerate(left, 1):
            counts[self._one(one, selection)] += 1
            if number % NOTED == 0:
                self._desk.ledger.create(f"{place}{_at(one)}", b"")
            if self._rate and (early := started + number / self._rate - self._clock()) > 0:
                self._sleep(early)
        for note in list(self._desk.ledger.listed(place)):  # all is done: the next replay begins at the beginning
            self._desk.ledger.delete(note.name)
        return counts

    def _place(self, place: str) -> str:
        return max((one.name.removeprefix(place) for one in self._desk.ledger.listed(place)), default="")

    def _one(self, one: Message, selection: Selection) -> Again | str:
        try:
            if one.file and self._files:
                return self._files.restore(one.name)
            if selection.restore:
                return self._flow.restore(one.name)
            return self._flow.again(one.name, fetched=one.fetched, only=selection.reporters)
        except Broken as broken:
            log("avspilling feilet", severity="ERROR", objekt=one.name, steg=broken.step)
            return BROKEN


def _at(one: Message) -> str:
    """Where a message stands in the order; it says nothing of which message it is."""
    return f"{one.received.isoformat()}-{hashlib.sha256(one.name.encode()).hexdigest()[:16]}"


def record(
    tables: Tables, selection: Selection, counts: Counter[Again | str], started: datetime, done: datetime
) -> Avspilling:
    """Add a run to `drift.avspilling`."""
    row = Avspilling(
        avspilling_id=selection.id,
        regelsett=RULESET,
        gjenoppretting=selection.restore,
        kommunenummer=selection.kommune,
        fra=selection.since,
        til=selection.until,
        startet=started,
        ferdig=done,
        meldinger=counts.total(),
        endret=counts[Again.CHANGED],
        gjenopprettet=counts[Again.RESTORED],
        brutt=counts[BROKEN],
    )
    tables.insert("drift.avspilling", [msgspec.structs.asdict(row)])
    return row


def _received(one: Listed) -> datetime | None:
    """When a message was received; None for what only lies beside one."""
    if one.name.endswith((BESIDE, "-stor")) or "mottatt" not in one.metadata:
        return None
    return datetime.fromisoformat(one.metadata["mottatt"])
