"""What Cloud Monitoring says of subscriptions: google.monitoring.v3.MetricService, as far as alarms over them ask it.

Two metrics, as they are now: `oldest_unacked_message_age` and `num_undelivered_messages` of
`pubsub.googleapis.com/subscription`. The real service samples them once a minute and shows them some minutes late.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

from google.api import metric_pb2
from google.cloud.monitoring_v3 import types

from emulator.pubsub.broker import Broker
from emulator.pubsub.errors import InvalidArgument

Request: Any = types.ListTimeSeriesRequest.pb()
Response: Any = types.ListTimeSeriesResponse.pb()
_PREFIX = "pubsub.googleapis.com/subscription/"
_TERM = re.compile(
    r"(?P<not>NOT )?(?P<what>metric\.type|resource\.type|resource\.labels?\.subscription_id)\s*=\s*"
    r"(?:(?P<match>monitoring\.regex\.full_match)\()?\"(?P<value>[^\"]*)\"\)?"
)
Kept = Callable[[str, str], bool]


def parse(text: str) -> Kept:
    """A filter over (metric type, subscription id). Raises InvalidArgument for what is not understood."""
    terms = []
    for part in text.split(" AND "):
        found = _TERM.fullmatch(part.strip())
        if found is None:
            raise InvalidArgument(f"the filter has a part that is not understood: {part}")
        terms.append(found)

    def kept(metric: str, subscription: str) -> bool:
        return all(_holds(term, metric, subscription) for term in terms)

    return kept


def _holds(term: re.Match[str], metric: str, subscription: str) -> bool:
    given = {"metric.type": metric, "resource.type": "pubsub_subscription"}.get(term["what"], subscription)
    same = re.fullmatch(term["value"], given) is not None if term["match"] else given == term["value"]
    return same != bool(term["not"])


class Monitoring:
    """Answers what a broker's subscriptions hold."""

    def __init__(self, broker: Broker, clock: Callable[[], float] = time.time) -> None:
        self._broker = broker
        self._clock = clock

    def list_time_series(self, asked: Any) -> Any:
        """One point for each subscription and metric that the filter keeps, the newest there is."""
        kept = parse(asked.filter)
        return Response(time_series=[self._point(*one) for one in self._values(asked.name) if kept(*one[:2])])

    def _values(self, project: str) -> Iterator[tuple[str, str, int]]:
        now = self._clock()
        for name, (count, oldest) in self._broker.waiting(project).items():
            yield f"{_PREFIX}num_undelivered_messages", name, count
            yield f"{_PREFIX}oldest_unacked_message_age", name, 0 if oldest is None else max(0, int(now - oldest))

    def _point(self, metric: str, subscription: str, value: int) -> Any:
        series = types.TimeSeries.pb()(
            metric_kind=metric_pb2.MetricDescriptor.GAUGE, value_type=metric_pb2.MetricDescriptor.INT64
        )
        series.metric.type = metric
        series.resource.type = "pubsub_subscription"
        series.resource.labels["subscription_id"] = subscription
        point = series.points.add()
        point.interval.end_time.seconds = int(self._clock())
        point.value.int64_value = value
        return series
