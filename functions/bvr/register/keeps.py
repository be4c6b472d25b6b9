"""What the platform keeps of what was erased, and until when: computed from the topology, and told in every report.

BigQuery keeps deleted rows for the time travel of their dataset, and seven days more for Google's own recovery
(fail-safe); Cloud Storage keeps deleted objects as long as its soft delete says; Pub/Sub keeps published messages, also
those acknowledged, as long as the topic retains them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from bvr.desk import DEAD_LETTER

FAIL_SAFE = timedelta(days=7)
"""BigQuery's own: not to be configured, and not to be read by anybody but Google's support."""


class Kept(msgspec.Struct, frozen=True, kw_only=True, rename={"what": "hva", "where": "hvor", "until": "til"}):
    """Something that is kept, where, and the moment it is gone."""

    what: str
    where: str
    until: datetime


class Keeps(msgspec.Struct, frozen=True, kw_only=True):
    """What the topology declares of how long things are kept, how long a function may work on a message, and which
    subscriptions hold dead letters."""

    time_travel: dict[str, timedelta]
    soft_delete: dict[str, timedelta]
    retention: dict[str, timedelta]
    longest: timedelta
    dead_letters: tuple[str, ...] = ()

    @classmethod
    def of(cls, topology: Path) -> Keeps:
        """Read from `topology.auto.tfvars.json`. Raises KeyError for what it does not say."""
        told: dict[str, Any] = json.loads(topology.read_text(encoding="utf-8"))
        return cls(
            time_travel={n: timedelta(hours=one["max_time_travel_hours"]) for n, one in told["datasets"].items()},
            soft_delete={n: timedelta(seconds=one["soft_delete_seconds"] or 0) for n, one in told["buckets"].items()},
            retention={n: timedelta(seconds=one["message_retention_seconds"]) for n, one in told["topics"].items()},
            dead_letters=tuple(n for n, one in told["subscriptions"].items() if one["topic"].endswith(DEAD_LETTER)),
            longest=max(timedelta(seconds=one["timeout_seconds"]) for one in told["functions"].values()),
        )

    def after(self, done: datetime, datasets: Iterable[str], buckets: Iterable[str]) -> Iterator[Kept]:
        """What is kept of what was erased by `done` from these datasets and buckets, and of messages, wherever sent."""
        for name in sorted(set(datasets)):
            until = done + self.time_travel[name]
            yield Kept(what="BigQuery time travel", where=name, until=until)
            yield Kept(what="BigQuery fail-safe", where=name, until=until + FAIL_SAFE)
        for name in sorted(set(buckets)):
            if self.soft_delete[name]:
                yield Kept(what="Cloud Storage soft delete", where=name, until=done + self.soft_delete[name])
        for name, kept in sorted(self.retention.items()):
            yield Kept(what="Pub/Sub", where=name, until=done + kept)
