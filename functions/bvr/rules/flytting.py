"""Rules on moves (Flytting)."""

from __future__ import annotations

from datetime import date

from bvr.model.concepts import Flytting
from bvr.rules.examples import flytting
from bvr.rules.families import end_after_case, start_before_case
from bvr.rules.rule import WARNING


def flyttedato(flytting: Flytting) -> date:
    """The day of the move: a move has this one date, on itself."""
    return flytting.slutt_dato


end_after_case(
    "flytting-2c",
    Flytting,
    flytting,
    official="Flytting Kontroll 2c",
    since="2022-01-01",
    ssb="RELOCATION_02C",
    if_migrated=WARNING,
    last=flyttedato,
)
start_before_case(
    "flytting-2f",
    Flytting,
    flytting,
    official="Flytting Kontroll 2f",
    since="2022-01-01",
    ssb="RELOCATION_02F",
    if_migrated=WARNING,
    first=flyttedato,
    day="slutt",
)
