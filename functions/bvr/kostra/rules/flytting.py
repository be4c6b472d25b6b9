"""Rules of the move: an event with an end date only."""

from __future__ import annotations

from bvr.kostra.concepts import Flytting
from bvr.kostra.rules.examples import flytting
from bvr.kostra.rules.families import end_after_client, start_before_client

end_after_client(
    "kostra-flytting-02c",
    Flytting,
    flytting,
    official="Flytting Kontroll 2c: Sluttdato mot individets sluttdato",
)
start_before_client(
    "kostra-flytting-02f",
    Flytting,
    flytting,
    official="Flytting Kontroll 2f: Sluttdato mot individets startdato",
    day="slutt",
)
