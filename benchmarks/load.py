"""Sustained load on the local cloud, `python -m benchmarks.load`: from publishing to the receipt, by one clock.

A rate is held for as long as it says, then everything is waited for; saturation is what comes through when all is
published at once. Processor time is of each process, as the system counts it: ours (the functions) against the
emulators'. What it means for Cloud Run is arithmetic over the processor time that our code took, and says so.
"""

from __future__ import annotations

import math
import threading
import time
from itertools import islice
from pathlib import Path
from typing import Any

import psutil

from bvr.simulate import Submission, simulate

ROOT = Path(__file__).resolve().parents[1]
RATES = ((1, 30.0), (10, 30.0), (50, 15.0))
BURST = 600
NATION, DAY = 450_000, 86_400
PEAK = 4.0
"""How much busier the busiest hour is than the day's mean: services send at night, within a few hours."""


def submissions() -> list[Submission]:
    """Of many municipalities, in the order they are sent."""
    needed = int(sum(rate * seconds for rate, seconds in RATES)) + BURST + 100
    return list(islice((one for one in simulate(60, 2000, 6, 5) if not one.note.invalid), needed))


class Receipts:
    """Who has been answered when, from a subscription of its own, for as long as it is open."""

    def __init__(self, project: str, topic: str) -> None:
        from bvr import gcp

        self.at: dict[str, float] = {}
        self._open = True
        self._inbox = gcp.Inbox(project, topic, None)

    def __enter__(self) -> Receipts:
        self._inbox.__enter__()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        return self

    def _listen(self) -> None:
        while self._open:
            for _, attributes in self._inbox.messages(1.0):
                self.at.setdefault(attributes.get("svar-til", ""), time.perf_counter())

    def wait(self, wanted: set[str], seconds: float) -> None:
        until = time.perf_counter() + seconds
        while not wanted <= self.at.keys() and time.perf_counter() < until:
            time.sleep(0.05)

    def __exit__(self, *_: object) -> None:
        self._open = False
        self._thread.join()
        self._inbox.__exit__()


def processor(cloud: Any) -> tuple[float, float]:
    """Seconds of processor time so far: of the functions, and of the emulators."""
    ours = theirs = 0.0
    here = psutil.Process()
    for child in here.children(recursive=True):
        try:
            spent = child.cpu_times()
            words = " ".join(child.cmdline())
        except psutil.Error:
            continue
        used = spent.user + spent.system
        if "functions_framework" in words or "functions-framework" in words or "functions/main.py" in words:
            ours += used
        else:
            theirs += used
    return ours, theirs


def held(cloud: Any, receipts: Receipts, some: list[Submission], rate: float | None) -> dict[str, float]:
    """Send some at a rate, or at once; what came of it."""
    from bvr import gcp
    from bvr.config import config

    c = config()
    topics = gcp.publisher(c.project)
    before = processor(cloud)
    sent: dict[str, float] = {}
    begun = time.perf_counter()
    for n, one in enumerate(some):
        if rate is not None and (early := begun + n / rate - time.perf_counter()) > 0:
            time.sleep(early)
        sent[one.melding_id] = time.perf_counter()
        topics.publish(c.topic_innsending, one.body, one.attributes)
    receipts.wait(set(sent), 240)
    took = max((receipts.at[name] for name in sent if name in receipts.at), default=begun) - begun
    after = processor(cloud)
    times = sorted(receipts.at[name] - at for name, at in sent.items() if name in receipts.at)

    def at(share: float) -> float:
        return times[min(len(times) - 1, math.ceil(share * len(times)) - 1)]

    ours, theirs = after[0] - before[0], after[1] - before[1]
    return {
        "sent": len(some),
        "answered": len(times),
        "through": len(times) / took,
        "p50": at(0.5),
        "p95": at(0.95),
        "p99": at(0.99),
        "ours": ours,
        "share": ours / (ours + theirs),
        "each": ours / len(times),
    }


def page(found: dict[str, dict[str, float]], concurrency: int) -> str:
    """benchmarks/load.md."""
    each = found["at once"]["each"]
    mean = NATION / DAY
    peak = mean * PEAK
    busy = peak * each
    by_work, by_waiting = math.ceil(busy / 0.6), math.ceil(peak * 0.4 / concurrency)
    lines = [
        "# Load",
        "",
        "Made by `python -m benchmarks.load`: the local cloud with all its emulators on this machine's "
        f"{psutil.cpu_count()} cores, from publishing a submission to its receipt on the topic.",
        "",
        "| a second | sent | answered | came through a second | p50 s | p95 s | p99 s | ours of the processor time |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {name} | {one['sent']:.0f} | {one['answered']:.0f} | {one['through']:.1f} | {one['p50']:.2f} "
            f"| {one['p95']:.2f} | {one['p99']:.2f} | {one['share']:.0%} |"
            for name, one in found.items()
        ),
        "",
        f"Our code (mottak and utsending) takes {each * 1000:.0f} ms of a processor for a submission.",
        "",
        "## The national peak on Cloud Run, on paper",
        "",
        f"- {NATION:,} cases in one day are {mean:.1f} a second; {PEAK:g} times that in the busiest hour: "
        f"{peak:.0f} a second.",
        f"- {peak:.0f} a second x {each * 1000:.0f} ms = {busy:.1f} processors, wholly busy. At 60 % load: "
        f"{busy / 0.6:.1f}, so **{by_work} instances** of one processor for mottak and utsending together.",
        f"- A submission waits mostly for Google (some ten calls, say 0.4 s): {peak:.0f} x 0.4 s = {peak * 0.4:.0f} "
        f"at a time, which is {by_waiting} instances at concurrency {concurrency}. The larger of the two holds: "
        f"**{max(by_work, by_waiting)}**, and the limit is set to 20 for each.",
        "- The 0.4 s is an assumption: only the service itself shows it.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Run every rate, then all at once, and write the page."""
    from bvr.config import config
    from emulator.topology import load
    from tests.emulated.clouds import running

    some = submissions()
    found: dict[str, dict[str, float]] = {}
    with running(functions=["mottak", "utsending"]) as cloud:
        c = config()
        with Receipts(c.project, c.topic_kvittering) as receipts:
            held(cloud, receipts, [some.pop() for _ in range(20)], 5)  # what is made once is made
            for rate, seconds in RATES:
                found[str(rate)] = held(cloud, receipts, [some.pop(0) for _ in range(int(rate * seconds))], rate)
                print(rate, found[str(rate)], flush=True)
            found["at once"] = held(cloud, receipts, some[:BURST], None)
            print(found["at once"], flush=True)
    (ROOT / "benchmarks" / "load.md").write_text(page(found, load().functions["mottak"].concurrency), encoding="utf-8")


if __name__ == "__main__":
    main()
