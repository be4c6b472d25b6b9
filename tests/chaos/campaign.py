"""One campaign: load, faults, rest, check."""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from random import Random

from bvr.simulate import simulate
from tests.chaos.checker import Finding, Sent, Verdicts, check
from tests.chaos.stage import FUNCTIONS, Stage

STEPS = {
    "mottak": (
        *("create raa", "create apne", "read protokoll", "create innsending", "create protokoll"),
        *("exists kvittering", "append", "create kvittering", "publish kvittering"),
    ),
    "utsending": ("create sendt", "delete apne"),
    "feiing": ("read apne", "read raa", "publish innsending"),
}
"""The calls to the platform that each function makes, in order: an instance is ended before and after each."""
CLOCKS = (0, 60, -60, 3600, -3600, 2 * 86400, -2 * 86400)
_PATIENCE = 12.0  # seconds that an order to end may wait for its call
_WINDOW = 300  # messages that are sent and not answered
_SENDERS = 4


@dataclass(frozen=True)
class Plan:
    """How much of everything. Events are spread over the load by a seed."""

    submissions: int
    seed: int
    minutes: float
    deaths: int  # at a named call
    kills: int  # at any moment
    clocks: int
    restarts: int  # of each service
    disks: int  # full, of storage and Pub/Sub each
    sweep_seconds: float = 15.0


FULL = Plan(submissions=10_000, seed=7, minutes=15, deaths=84, kills=20, clocks=40, restarts=3, disks=2)


@dataclass
class Result:
    """What came of a campaign."""

    plan: Plan
    verdicts: Verdicts
    seconds: dict[str, float]
    answers: int
    copies: int
    redriven: int
    swept: int
    settled: bool
    reconciled: bool

    @property
    def good(self) -> bool:
        """What was sent came to rest, and balances: by the checker, and by the register's own reconciliation."""
        return self.verdicts.good and self.settled and self.reconciled

    @property
    def whole(self) -> bool:
        """All of the plan was sent before its time was out."""
        return self.answers >= self.plan.submissions


def load(submissions: int, seed: int) -> list[Sent]:
    """Submissions of `bvr simulate`, in an order that is not quite theirs."""
    cases = max(40, math.ceil(submissions * 0.75))
    made = itertools.islice(simulate(min(80, cases), cases, 30, seed), submissions)
    messages = [Sent(s.attributes, s.body) for s in made]
    if len(messages) < submissions:
        raise ValueError(f"only {len(messages)} submissions of {cases} cases")
    random = Random(f"{seed}/order")
    for start in range(0, len(messages), 40):
        part = messages[start : start + 40]
        random.shuffle(part)
        messages[start : start + 40] = part
    return messages


@dataclass(frozen=True)
class Planted:
    """A bug of function.py, where its function is to be ended, and what the checker has to say then.

    `shows`: whether the register's own reconciliation must see it. What was lost without a trace it cannot see; what
    else was in hand when the function ended, it may.
    """

    bug: str
    step: str
    finding: str
    shows: bool


PLANTED = (
    Planted("acknowledge-before-archive", "before create raa", "not in the archive", shows=False),
    Planted("receipt-before-row", "before append", "no row", shows=True),
)


@dataclass
class Caught:
    """What came of a planted bug: what was in hand when a function ended, and what the checker named."""

    planted: Planted
    sent: set[str]
    in_hand: set[str]
    findings: list[Finding]
    reconciled: bool

    @property
    def named(self) -> set[str]:
        return {one.about for one in self.findings if one.what == self.planted.finding}

    @property
    def good(self) -> bool:
        """Each that was lost was named, and nothing of what came before."""
        named = bool(self.in_hand) and self.in_hand <= self.named <= self.sent
        return named and not (self.planted.shows and self.reconciled)


def catch(stage: Stage, planted: Planted, seed: int, *, rounds: int = 2, each: int = 8) -> Caught:
    """Plant a bug, end functions where it matters, and let the checker look at everything."""
    messages = load(rounds * each, seed)
    before = len(stage.deaths())
    stage.plant(planted.bug)
    client = stage.publisher(direct=True)
    for number in range(rounds):
        version = sorted(v for v, names in FUNCTIONS.items() if "mottak" in names)[number % 2]
        order = stage.order_death("mottak", version, planted.step)
        for message in messages[number * each : (number + 1) * each]:
            stage.send(client, message)
        _until(lambda order=order: not order.exists(), 20)  # type: ignore[misc]
        order.unlink(missing_ok=True)
    known = -1
    while known != (known := len(stage.answered)) or stage.open_marks():
        stage.sweep()
        time.sleep(2)
    ids = {one.id for one in messages}
    died = stage.deaths()[before:]
    verdicts = check(list(stage.sent.values()), stage.answers, stage.holdings())
    stage.plant("")
    return Caught(
        planted=planted,
        sent=ids,
        in_hand={one["about"].rpartition("/")[2] for one in died if one["step"] == planted.step},
        findings=[one for one in verdicts.findings if one.about in ids],
        reconciled=stage.reconcile(),
    )


def _until(done: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not done() and time.monotonic() < end:
        time.sleep(0.05)


class Campaign:
    """Runs a plan on a stage."""

    def __init__(self, stage: Stage, plan: Plan, progress: Callable[[str], None] = print) -> None:
        self.stage = stage
        self.plan = plan
        self._progress = progress
        self._random = Random(f"{plan.seed}/events")
        self._swept = 0
        self._began = time.monotonic()
        self._deadline = self._began + plan.minutes * 60
        self._expired = False

    def run(self) -> Result:
        stage, plan = self.stage, self.plan
        messages = load(plan.submissions, plan.seed)
        started = time.monotonic()
        stage.faults.on()
        self._load(messages)
        loaded = time.monotonic()
        stage.faults.off()
        stage.clock(0)
        settled, redriven = self._settle([one.id for one in messages])
        rested = time.monotonic()
        verdicts = check(list(stage.sent.values()), stage.answers, stage.holdings())
        for what, number in self._deaths().items():
            stage.faults.counts[what] = number
        return Result(
            plan=plan,
            verdicts=verdicts,
            seconds={"load": loaded - started, "settling": rested - loaded, "checking": time.monotonic() - rested},
            answers=len(stage.answered),
            copies=len(stage.answers) - len(stage.answered),
            redriven=redriven,
            swept=self._swept,
            settled=settled,
            reconciled=stage.reconcile(),
        )

    # Load -----------------------------------------------------------------------------------------------------------

    def _load(self, messages: list[Sent]) -> None:
        """Send everything while the events happen: both go on until all is sent and most of it answered."""
        ids = [one.id for one in messages]
        events = self._events()
        left = iter(messages)
        lock = threading.Lock()

        def sender() -> None:
            client = self.stage.publisher()
            while not self._late:
                with lock:
                    message = next(left, None)
                if message is None:
                    return
                while len(self.stage.sent) - len(self.stage.answered) > _WINDOW and not self._late:
                    time.sleep(0.02)
                self.stage.send(client, message)

        next_sweep = next_word = time.monotonic()
        with ThreadPoolExecutor(_SENDERS) as pool, ThreadPoolExecutor(1) as hand:
            senders = [pool.submit(sender) for _ in range(_SENDERS)]
            sweeping = None
            while not self._late:
                done = len(self.stage.answered.intersection(ids))
                share = done / len(ids)
                if share >= 0.98 and all(one.done() for one in senders):
                    break
                while events and events[0][0] <= share:
                    events.pop(0)[1]()
                now = time.monotonic()
                if now >= next_sweep and (sweeping is None or sweeping.done()):
                    sweeping, next_sweep = hand.submit(self._sweep), now + self.plan.sweep_seconds
                if now >= next_word:
                    self._progress(f"{done:,} of {len(ids):,} answered, {self.stage.faults.total:,} faults")
                    next_word = now + 15
                time.sleep(0.1)
            for one in senders:
                one.result()

    @property
    def _late(self) -> bool:
        return time.monotonic() > self._deadline - 60

    def _sweep(self) -> None:
        self._swept += self.stage.sweep() or 0

    def _events(self) -> list[tuple[float, Callable[[], None]]]:
        """(share of the load, what happens), in order."""
        random, plan = self._random, self.plan
        wanted: list[Callable[[], None]] = []
        steps = [
            (function, version, f"{when} {step}")
            for function, steps in STEPS.items()
            for version, names in FUNCTIONS.items()
            if function in names
            for step in steps
            for when in ("before", "after")
        ]
        random.shuffle(steps)
        ends = itertools.islice(itertools.cycle(steps), plan.deaths)
        wanted += [partial(self._end, *one) for one in ends]
        instances = [(f, v) for v, names in FUNCTIONS.items() for f in names]
        wanted += [partial(self._kill, *random.choice(instances)) for _ in range(plan.kills)]
        wanted += [partial(self._clock, random.choice(CLOCKS)) for _ in range(plan.clocks)]
        for server in ("storage", "pubsub", "bigquery"):
            wanted += [partial(self._restart, server) for _ in range(plan.restarts)]
        for server in ("storage", "pubsub"):
            wanted += [partial(self._fill, server) for _ in range(plan.disks)]
        random.shuffle(wanted)
        return [(0.01 + 0.9 * n / len(wanted), one) for n, one in enumerate(wanted)]

    # Events ---------------------------------------------------------------------------------------------------------

    def _end(self, function: str, version: str, step: str) -> None:
        """Order an end, unless that instance has an order that it has not met."""
        order = self.stage.orders / f"die-{function}-{version}"
        if order.exists() and time.time() - order.stat().st_mtime < _PATIENCE:
            return
        self.stage.order_death(function, version, step)

    def _kill(self, function: str, version: str) -> None:
        self.stage.kill(function, version)
        self.stage.faults.happened(f"SIGKILL at any moment: {function}")

    def _clock(self, seconds: float) -> None:
        self.stage.clock(seconds)
        self.stage.faults.happened(f"clock moved: {seconds:+.0f} s")

    def _restart(self, server: str) -> None:
        gently = server != "pubsub"  # ours keeps a journal: it may lose the machine
        self.stage.cloud.restart(server, gently=gently)
        self.stage.faults.happened(f"restarted: {server}{'' if gently else ' (killed)'}")

    def _fill(self, server: str) -> None:
        self.stage.disk(server, full=True)
        time.sleep(3)
        self.stage.disk(server, full=False)
        if server == "pubsub":  # it takes nothing more until somebody has seen to the disk
            self.stage.cloud.restart(server)
        self.stage.faults.happened(f"disk full: {server}")

    def _deaths(self) -> dict[str, int]:
        counted: dict[str, int] = {}
        for one in self.stage.deaths():
            what = f"SIGKILL at a call: {one['step']}"
            counted[what] = counted.get(what, 0) + 1
        return counted

    # Rest -----------------------------------------------------------------------------------------------------------

    def _settle(self, ids: list[str]) -> tuple[bool, int]:
        """Sweep until nothing is open: whether that came to be in time, and how much was sent on from dead letters."""
        for order in self.stage.orders.glob("die-*"):
            order.unlink(missing_ok=True)
        quiet = redriven = 0
        deadline = max(self._deadline + 60, time.monotonic() + 60)
        while time.monotonic() < deadline:
            redriven += self.stage.redrive()
            done = self.stage.answered.issuperset(one for one in ids if one in self.stage.sent)
            if done and self.stage.open_marks() == 0:
                woken = self.stage.sweep()
                quiet = quiet + 1 if woken == 0 else 0
                if quiet == 2:
                    return True, redriven
            else:
                quiet = 0
                time.sleep(2)
                self._swept += self.stage.sweep() or 0
            time.sleep(0.5)
        return False, redriven
