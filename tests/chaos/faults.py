"""What goes wrong, how often, and how many times it did."""

from __future__ import annotations

import threading
from collections import Counter
from random import Random

# Place -> what may go wrong there, and its weight. The first word of a place names it in the report.
HTTP_SERVICE = {
    "429 before": 2,
    "500 before": 2,
    "503 before": 3,
    "503 after: the answer lost": 4,
    "connection cut": 3,
    "half an answer": 4,
    "slow": 4,
}
RPC = {
    "429 before": 2,
    "500 before": 2,
    "503 before": 3,
    "503 after: the answer lost": 4,
    "twice": 4,
    "slow": 3,
}
DOOR = {
    "dropped": 4,
    "answer dropped": 4,
    "twice at once": 5,
    "held back: order changed": 5,
    "slow": 3,
    "token expired": 2,
    "503: no instance": 3,
}
PLACES: dict[str, dict[str, int]] = {
    "storage": HTTP_SERVICE,
    "bigquery": {**HTTP_SERVICE, "token expired": 12},
    "bigquery write": RPC,
    "pubsub publish": RPC,
    "push to mottak": DOOR,
    "push to utsending": {**DOOR, "lost for good": 4},
}
RATES = {
    "storage": 0.009,
    "bigquery": 0.1,  # few calls are made there
    "bigquery write": 0.04,
    "pubsub publish": 0.03,
    "push to mottak": 0.03,
    "push to utsending": 0.03,
}
"""The share of calls that something goes wrong with."""


class Faults:
    """Decides with a seed, for each place by itself, and counts. Off until `on()`."""

    def __init__(self, seed: int, intensity: float = 1.0) -> None:
        self._random = {place: Random(f"{seed}/{place}") for place in PLACES}
        self._intensity = intensity
        self._lock = threading.Lock()
        self._on = False
        self.counts: Counter[str] = Counter()

    def on(self) -> None:
        self._on = True

    def off(self) -> None:
        self._on = False

    def draw(self, place: str) -> str | None:
        """What goes wrong with this call, if anything does."""
        if not self._on:
            return None
        with self._lock:
            random = self._random[place]
            if random.random() >= RATES[place] * self._intensity:
                return None
            kinds = PLACES[place]
            kind = random.choices(list(kinds), list(kinds.values()))[0]
            self.counts[f"{place}: {kind}"] += 1
            return kind

    def chance(self, place: str, low: float, high: float) -> float:
        """A number between two, such as seconds to wait."""
        with self._lock:
            return self._random[place].uniform(low, high)

    def happened(self, kind: str) -> None:
        """Count what was done elsewhere."""
        with self._lock:
            self.counts[kind] += 1

    @property
    def total(self) -> int:
        with self._lock:
            return self.counts.total()
