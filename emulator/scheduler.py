"""Cloud Scheduler for the local cloud: calls functions at their cron times, and on demand.

Like Cloud Scheduler it puts the intended time in the header `X-CloudScheduler-ScheduleTime`. It also sends it as
`{"run_time": ...}`, which Cloud Scheduler cannot do (its body is fixed): a function must read the header first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import requests

from emulator.topology import Schedule

Sign = Callable[[Mapping[str, object]], str]

_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


class ScheduledCallFailed(RuntimeError):
    """A scheduled function answered with an error."""


class Cron:
    """A cron expression of five fields: numbers, `*`, ranges, lists and steps; days of the week from 0 = Sunday."""

    def __init__(self, expression: str) -> None:
        fields = expression.split()
        if len(fields) != len(_RANGES):
            raise ValueError(f"{expression!r} has not five fields")
        self._allowed = [self._values(text, *limits) for text, limits in zip(fields, _RANGES, strict=True)]
        # When both day fields are restricted, either is enough: cron's own rule.
        self._either_day = not fields[2].startswith("*") and not fields[4].startswith("*")

    @staticmethod
    def _values(text: str, low: int, high: int) -> set[int]:
        values: set[int] = set()
        for part in text.split(","):
            span, _, step = part.partition("/")
            first, _, last = span.partition("-")
            start, end = (low, high) if span == "*" else (int(first), int(last or (high if step else first)))
            if not low <= start <= end <= high:
                raise ValueError(f"{part!r} is not within {low}-{high}")
            values.update(range(start, end + 1, int(step or 1)))
        return values

    def matches(self, at: datetime) -> bool:
        """Whether the minute of `at` is one of its times."""
        minutes, hours, days, months, weekdays = self._allowed
        day = at.day in days
        weekday = at.isoweekday() % 7 in weekdays or (at.isoweekday() == 7 and 7 in weekdays)
        right_day = day or weekday if self._either_day else day and weekday
        return at.minute in minutes and at.hour in hours and at.month in months and right_day


class Scheduler:
    """Calls the functions of the schedules."""

    def __init__(
        self,
        schedules: Mapping[str, Schedule],
        url: Callable[[str], str],
        sign: Sign,
        email: Callable[[str], str],
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._schedules = schedules
        self._url = url
        self._sign = sign
        self._email = email
        self._report = report
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def trigger(self, name: str, scheduled_time: datetime | None = None) -> requests.Response:
        """Call the function of schedule `name` now, as if it were `scheduled_time`; raise if it answers an error."""
        schedule = self._schedules[name]
        at = (scheduled_time or datetime.now(UTC)).astimezone(UTC)
        run_time = at.isoformat().replace("+00:00", "Z")
        url = self._url(schedule.function)
        email = self._email(schedule.service_account)
        answer = requests.post(
            url,
            json={"run_time": run_time, **schedule.body},
            headers={
                "Authorization": f"Bearer {self._sign({'aud': url, 'email': email, 'sub': email})}",
                "User-Agent": "Google-Cloud-Scheduler",
                "X-CloudScheduler": "true",
                "X-CloudScheduler-JobName": name,
                "X-CloudScheduler-ScheduleTime": run_time,
            },
            timeout=schedule.attempt_deadline_seconds,
        )
        if not answer.ok:
            raise ScheduledCallFailed(f"{name}: {answer.status_code} {answer.text[:500]}")
        return answer

    def due(self, at: datetime) -> list[str]:
        """The schedules whose time is the minute of `at`."""
        return [
            name
            for name, schedule in self._schedules.items()
            if Cron(schedule.cron).matches(at.astimezone(ZoneInfo(schedule.time_zone)))
        ]

    def start(self) -> None:
        """Call at the cron times from the next minute on."""
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Make no more calls; one under way is not waited for."""
        self._stopping.set()

    def _run(self) -> None:
        minute = datetime.now(UTC).replace(second=0, microsecond=0)
        while True:
            minute += timedelta(minutes=1)
            if self._stopping.wait(max(0.0, (minute - datetime.now(UTC)).total_seconds())):
                return
            for name in self.due(minute):
                threading.Thread(target=self._call, args=(name, minute), name=f"schedule {name}", daemon=True).start()

    def _call(self, name: str, at: datetime) -> None:
        try:
            self.trigger(name, at)
        except (requests.RequestException, ScheduledCallFailed) as error:
            self._report(f"schedule {name} failed: {error}")
