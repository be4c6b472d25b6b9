"""The three ways a message can fail to be processed. Faults of content are not exceptions: they are findings."""

from __future__ import annotations


class BvrError(Exception):
    """Base of what we raise."""


class Rejected(BvrError):
    """The sender's fault, seen before there is a document to have findings in: receipt, acknowledge."""


class Retry(BvrError):
    """A passing fault of the platform: raise, Pub/Sub delivers again."""


class Broken(BvrError):
    """Our own fault: the untouched bytes go to the dead letter, somebody is told.

    `step` names where; the message never carries content of the case.
    """

    def __init__(self, step: str, why: str) -> None:
        super().__init__(f"{step}: {why}")
        self.step = step
