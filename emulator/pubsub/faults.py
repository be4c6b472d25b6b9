"""Faults that tests can switch on."""

from __future__ import annotations

import threading
import time
from collections import defaultdict

from emulator.pubsub.errors import PubSubError


class Faults:
    """What goes wrong next. Methods are named as in the API: `Publish`, `Pull`, `StreamingPull`, `Acknowledge`, ..."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: dict[str, list[PubSubError]] = defaultdict(list)
        self._lost: dict[str, int] = defaultdict(int)
        self._delays: dict[str, float] = {}

    def fail(self, method: str, times: int = 1, code: str = "UNAVAILABLE", message: str = "switched-on fault") -> None:
        """Refuse the next `times` calls of a method, which then do nothing."""
        with self._lock:
            self._failures[method] += [PubSubError(code, message)] * times

    def lose_answer(self, method: str, times: int = 1) -> None:
        """Do the next `times` calls, and answer UNAVAILABLE all the same: the client cannot know that they worked."""
        with self._lock:
            self._lost[method] += times

    def delay(self, method: str, seconds: float) -> None:
        """Make every call of a method wait first; 0 ends it."""
        with self._lock:
            self._delays[method] = seconds

    def clear(self) -> None:
        """Everything works again."""
        with self._lock:
            self._failures.clear()
            self._lost.clear()
            self._delays.clear()

    def before(self, method: str) -> None:
        """Called with each request: wait or raise."""
        if not (self._failures or self._delays):
            return
        with self._lock:
            delay = self._delays.get(method, 0.0)
            failures = self._failures.get(method)
            error = failures.pop(0) if failures else None
        if delay:
            time.sleep(delay)
        if error:
            raise error

    def after(self, method: str) -> None:
        """Called before each answer: raise."""
        if not self._lost:
            return
        with self._lock:
            if not self._lost.get(method):
                return
            self._lost[method] -= 1
        raise PubSubError("UNAVAILABLE", "switched-on fault: the answer is lost")
