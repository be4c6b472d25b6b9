"""An alarm over a metric of Google's own, asked of the local cloud as Cloud Monitoring is asked: by its very filter."""

from __future__ import annotations

import time

import grpc
from google.cloud import monitoring_v3
from google.cloud.monitoring_v3.services.metric_service.transports import MetricServiceGrpcTransport

from tests.infrastructure.test_terraform import ALARMS


def ringing(alarm: str, address: str, project: str) -> set[str]:
    """The subscriptions for which the condition of an alarm holds now, at the Pub/Sub of an address."""
    declared = ALARMS["alarms"][alarm]
    assert declared["comparison"] == "COMPARISON_GT"
    return {name for name, value in values(alarm, address, project).items() if value > declared["threshold"]}


def values(alarm: str, address: str, project: str) -> dict[str, int]:
    """What an alarm looks at: a value for each subscription that its filter keeps."""
    with grpc.insecure_channel(address) as channel:
        client = monitoring_v3.MetricServiceClient(transport=MetricServiceGrpcTransport(channel=channel))
        interval = {"end_time": {"seconds": int(time.time())}, "start_time": {"seconds": int(time.time()) - 60}}
        asked = {"name": f"projects/{project}", "filter": ALARMS["alarms"][alarm]["filter"], "interval": interval}
        return {
            one.resource.labels["subscription_id"]: one.points[0].value.int64_value
            for one in client.list_time_series(request=asked)
        }
