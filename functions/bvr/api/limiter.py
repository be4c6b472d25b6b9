"""How many calls an organisation may make in a minute."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from threading import Lock

WINDOW = 60  # seconds
_CALLERS = 10_000


class Limiter:
    """A sliding window for each caller; each process counts by itself."""

    def __init__(self, calls: int = 30, clock: Callable[[], float] = time.monotonic) -> None:
        self.calls = calls
        self._clock = clock
        self._made: dict[str, deque[float]] = {}
        self._lock = Lock()

    def wait(self, who: str) -> int:
        """Count a call; the seconds to wait before the next, when there have been too many, else 0."""
        with self._lock:
            now = self._clock()
            made = self._made.setdefault(who, deque())
            while made and now - made[0] >= WINDOW:
                made.popleft()
            if len(made) >= self.calls:
                return max(1, int(WINDOW - (now - made[0]) + 0.999))
            made.append(now)
            if len(self._made) > _CALLERS:
                self._made = {name: calls for name, calls in self._made.items() if calls and now - calls[-1] < WINDOW}
            return 0
