"""What one subscription owes its consumers: a state machine without threads, gRPC or a clock of its own.

A message waits until a consumer takes it, is then leased until it is acknowledged, and comes back when it is refused
(deadline 0) or the lease runs out, at once or after the backoff of the retry policy, until it is buried in the
dead-letter topic.

Messages with an ordering key go through a queue for their key. Several may be out at the same time, in order, to one
consumer. When one of them fails, it and all later ones of its key come back in order, those already acknowledged too,
as in production; so an acknowledgement counts for good only when nothing earlier of the key is outstanding.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

READY, LEASED, WAITING, DONE = range(4)
NEVER = float("inf")


class Message:
    """A published message, shared by all who hold it; `holders` counts them so that the last can forget it."""

    __slots__ = ("attributes", "body", "holders", "id", "key", "published", "size")

    def __init__(self, number: int, body: Any, published: float) -> None:
        self.id = number
        self.body = body
        self.published = published
        self.key: str = body.ordering_key
        self.attributes: dict[str, str] = dict(body.attributes)
        self.size: int = body.ByteSize()
        self.holders = 0


class Delivery:
    """A message on its way to one subscription."""

    __slots__ = ("acked", "consumer", "deadline", "failures", "lease", "message", "state")

    def __init__(self, message: Message, failures: int = 0) -> None:
        self.message = message
        self.failures = failures
        self.state = READY
        self.lease = 0
        self.deadline = 0.0
        self.consumer: Consumer | None = None
        self.acked = False  # only for a key: acknowledged before an earlier one of the key


class KeyQueue:
    """The messages of one ordering key: `out` with a consumer, then `todo`."""

    __slots__ = ("holder", "key", "leased", "listed", "out", "todo", "wait_until")

    def __init__(self, key: str) -> None:
        self.key = key
        self.out: deque[Delivery] = deque()
        self.todo: deque[Delivery] = deque()
        self.leased = 0
        self.listed = False  # in some list of what can be taken
        self.holder: Consumer | None = None
        self.wait_until = 0.0


@dataclass(eq=False)
class Consumer:
    """Somebody who takes messages: a stream, one pull, or the sender of a push subscription.

    `lasting`: later messages of a key may follow earlier ones to it while those are outstanding.
    `one_per_key`: never two of a key at a time.
    """

    deadline_seconds: float
    max_messages: int = 0  # 0: no limit
    max_bytes: int = 0
    lasting: bool = False
    one_per_key: bool = False
    outstanding: int = 0
    outstanding_bytes: int = 0
    closed: bool = False
    interrupted: bool = False
    ready: deque[KeyQueue] = field(default_factory=deque)

    def has_room(self, size: int) -> bool:
        """Whether its flow control lets one more message of `size` bytes through; an idle one takes any size."""
        if self.closed or (0 < self.max_messages <= self.outstanding):
            return False
        return self.max_bytes <= 0 or self.outstanding == 0 or self.outstanding_bytes + size <= self.max_bytes


@dataclass(slots=True, frozen=True)
class Leased:
    """A message as handed out."""

    ack_id: str
    message: Message
    attempt: int


def backoff(failures: int, minimum: float, maximum: float) -> float:
    """Seconds to wait after the n-th failure: the minimum, doubled each time, up to the maximum."""
    return min(maximum, minimum * 2.0 ** min(failures - 1, 60))


class Backlog:
    """The unacknowledged messages of one subscription."""

    def __init__(
        self,
        uid: int,
        *,
        ordered: bool = False,
        exactly_once: bool = False,
        settled: Callable[[Message], None] = lambda _: None,
        failed: Callable[[Delivery], bool] = lambda _: False,
        ready: Callable[[], None] = lambda: None,
    ) -> None:
        """`settled` is told of each message that is done with. `failed` is told of each failure and returns whether
        it has buried the message. `ready` is called when there may be something to take."""
        self.uid = uid
        self.ordered = ordered
        self.exactly_once = exactly_once
        self.retry: tuple[float, float] | None = None  # minimum and maximum backoff
        self.duplicates = 0  # a fault for tests: hand out the next so many messages twice
        self._settled = settled
        self._failed = failed
        self._announce = ready
        self._deliveries: dict[int, Delivery] = {}
        self._keys: dict[str, KeyQueue] = {}
        self._ready: deque[Delivery | KeyQueue] = deque()
        self._due: list[tuple[float, int, bool, int | str, int]] = []  # at, tie, is a lease, id or key, lease
        self._ties = 0
        self._leases = 0

    # Contents -------------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._deliveries)

    @property
    def messages(self) -> list[Message]:
        """The unacknowledged messages, in order of publishing."""
        return [delivery.message for delivery in self._deliveries.values()]

    @property
    def next_due(self) -> float:
        """When `advance` should be called at the latest."""
        return self._due[0][0] if self._due else NEVER

    def add(self, message: Message, failures: int = 0) -> None:
        """Owe one more message, later than all before."""
        delivery = Delivery(message, failures)
        self._deliveries[message.id] = delivery
        if self.ordered and message.key:
            queue = self._keys.get(message.key)
            if queue is None:
                queue = self._keys[message.key] = KeyQueue(message.key)
            queue.todo.append(delivery)
            self._offer(queue, 0.0)
        else:
            self._ready.append(delivery)

    def announce(self) -> None:
        """Tell those who wait that there may be something to take."""
        self._announce()

    def replace(self, messages: Iterable[Message]) -> None:
        """Owe exactly these from now on, each as if it had never been delivered."""
        for delivery in self._deliveries.values():
            self._release(delivery)
        self._deliveries.clear()
        for queue in self._keys.values():  # consumers may have it listed
            queue.out.clear()
            queue.todo.clear()
            queue.leased = 0
        self._keys.clear()
        self._ready.clear()
        self._due.clear()
        for message in messages:
            self.add(message)
        self._announce()

    def drop_older(self, limit: float) -> list[Message]:
        """Forget messages published before `limit`; they are returned and not reported as settled."""
        old = []
        for delivery in self._deliveries.values():
            if delivery.message.published >= limit:
                break
            old.append(delivery)
        for delivery in old:
            self._remove(delivery)
        return [delivery.message for delivery in old]

    # Taking ---------------------------------------------------------------------------------------------------------

    def take(self, consumer: Consumer, limit: int, now: float, max_bytes: int = 1 << 62) -> list[Leased]:
        """Lease up to `limit` messages, in total no more than `max_bytes` (but always one), to a consumer."""
        self.advance(now)
        taken: list[Leased] = []
        size = 0
        sources: tuple[deque[Any], deque[Any]] = (consumer.ready, self._ready)
        for source in sources:
            while source and len(taken) < limit:
                entry = source.popleft()
                if isinstance(entry, Delivery):
                    if entry.state != READY:
                        continue
                    size += entry.message.size
                    if not consumer.has_room(entry.message.size) or (taken and size > max_bytes):
                        source.appendleft(entry)
                        return taken
                    self._lease(entry, consumer, now, taken)
                    continue
                entry.listed = False
                while len(taken) < limit:
                    delivery = self._next_of(entry, consumer, now)
                    if delivery is None:
                        break
                    size += delivery.message.size
                    if not consumer.has_room(delivery.message.size) or (taken and size > max_bytes):
                        self._offer(entry, now, consumer)
                        return taken
                    entry.todo.popleft()
                    entry.out.append(delivery)
                    entry.leased += 1
                    entry.holder = consumer
                    self._lease(delivery, consumer, now, taken)
                self._offer(entry, now)
        return taken

    def _next_of(self, queue: KeyQueue, consumer: Consumer, now: float) -> Delivery | None:
        """The next message of a key that may go to this consumer now."""
        self._drain(queue)
        while queue.todo and queue.todo[0].acked:  # acknowledged late, or under exactly-once: not again
            queue.out.append(queue.todo.popleft())
        if not queue.todo or queue.wait_until > now or (queue.leased and consumer.one_per_key):
            return None
        return queue.todo[0]

    def _lease(self, delivery: Delivery, consumer: Consumer, now: float, taken: list[Leased]) -> None:
        self._leases += 1
        delivery.state = LEASED
        delivery.lease = self._leases
        delivery.consumer = consumer
        delivery.acked = False
        consumer.outstanding += 1
        consumer.outstanding_bytes += delivery.message.size
        self._extend(delivery, now + consumer.deadline_seconds)
        ack_id = f"{self.uid}-{delivery.message.id}-{delivery.lease}"
        taken.append(Leased(ack_id, delivery.message, delivery.failures + 1))
        if self.duplicates:
            self.duplicates -= 1
            taken.append(Leased(f"{ack_id}-again", delivery.message, delivery.failures + 1))

    def _offer(self, queue: KeyQueue, now: float, first: Consumer | None = None) -> None:
        """List a key where it can be taken: with the consumer that has earlier messages of it, else for anyone."""
        if queue.listed or not queue.todo or queue.wait_until > now:
            return
        if not queue.leased:
            queue.holder = None
            queue.listed = True
            if first:
                self._ready.appendleft(queue)  # it was this key's turn
            else:
                self._ready.append(queue)
        elif queue.holder and queue.holder.lasting and not queue.holder.one_per_key and not queue.holder.closed:
            queue.listed = True
            queue.holder.ready.append(queue)

    def leave(self, consumer: Consumer, now: float) -> None:
        """A consumer takes no more; what it holds comes back when the leases run out."""
        consumer.closed = True
        while consumer.ready:
            queue = consumer.ready.popleft()
            queue.listed = False
            self._offer(queue, now)
        self._announce()

    # Answers --------------------------------------------------------------------------------------------------------

    def ack(self, ack_id: str) -> bool:
        """Acknowledge; False when the lease is over (which is only an error under exactly-once)."""
        delivery = self._find(ack_id)
        if delivery is None or (self.exactly_once and delivery.state != LEASED):
            return False
        queue = self._queue_of(delivery)
        if queue is None:
            self._remove(delivery)
            self._settled(delivery.message)
            return True
        if delivery.state == LEASED:
            queue.leased -= 1
        else:
            queue.wait_until = 0.0  # the key waited for this message
        self._release(delivery)
        delivery.state = DONE
        delivery.acked = True
        self._go_on(queue)
        return True

    def modify(self, ack_id: str, seconds: float, now: float) -> bool:
        """Set the deadline `seconds` from now, 0 giving the message back; False when the lease is over."""
        delivery = self._find(ack_id)
        if delivery is None or delivery.state != LEASED:
            return False
        if seconds > 0:
            self._extend(delivery, now + seconds)
        else:
            self._fail(delivery, now)
            self._announce()
        return True

    def _find(self, ack_id: str) -> Delivery | None:
        parts = ack_id.split("-")
        try:
            uid, number, lease = int(parts[0]), int(parts[1]), int(parts[2])
        except (ValueError, IndexError):
            return None
        delivery = self._deliveries.get(number) if uid == self.uid else None
        return delivery if delivery and delivery.lease == lease and not delivery.acked else None

    # Time -----------------------------------------------------------------------------------------------------------

    def advance(self, now: float) -> None:
        """Let leases run out and backoffs end."""
        announce = False
        while self._due and self._due[0][0] <= now:
            _, _, is_lease, what, lease = heapq.heappop(self._due)
            if isinstance(what, str):
                queue = self._keys.get(what)
                if queue and queue.wait_until <= now:
                    queue.wait_until = 0.0
                    self._offer(queue, now)
                    announce = True
                continue
            delivery = self._deliveries.get(what)
            if delivery is None or delivery.lease != lease:
                continue
            if is_lease and delivery.state == LEASED and delivery.deadline <= now:
                self._fail(delivery, now)
                announce = True
            elif not is_lease and delivery.state == WAITING:
                delivery.state = READY
                self._ready.append(delivery)
                announce = True
        if announce:
            self._announce()

    def _extend(self, delivery: Delivery, deadline: float) -> None:
        delivery.deadline = deadline
        self._schedule(deadline, True, delivery.message.id, delivery.lease)

    def _schedule(self, at: float, is_lease: bool, what: int | str, lease: int) -> None:
        self._ties += 1
        heapq.heappush(self._due, (at, self._ties, is_lease, what, lease))
        if len(self._due) > 1000 + 4 * len(self._deliveries):
            self._due = [entry for entry in self._due if self._is_current(entry)]
            heapq.heapify(self._due)

    def _is_current(self, entry: tuple[float, int, bool, int | str, int]) -> bool:
        at, _, is_lease, what, lease = entry
        if isinstance(what, str):
            return what in self._keys
        delivery = self._deliveries.get(what)
        return delivery is not None and delivery.lease == lease and not (is_lease and delivery.deadline != at)

    # Ends -----------------------------------------------------------------------------------------------------------

    def _fail(self, delivery: Delivery, now: float) -> None:
        """A leased message was refused or its lease ran out."""
        self._release(delivery)
        delivery.failures += 1
        delivery.state = WAITING
        queue = self._queue_of(delivery)
        if queue:
            self._rewind(queue, delivery)
        if self._failed(delivery):
            self._remove(delivery)
            self._settled(delivery.message)
            return
        delay = backoff(delivery.failures, *self.retry) if self.retry else 0.0
        if queue:
            queue.wait_until = now + delay if delay else 0.0
            if delay:
                self._schedule(queue.wait_until, False, queue.key, 0)
            self._offer(queue, now)
        elif delay:
            self._schedule(now + delay, False, delivery.message.id, delivery.lease)
        else:
            delivery.state = READY
            self._ready.append(delivery)

    def _rewind(self, queue: KeyQueue, failed: Delivery) -> None:
        """Take `failed` and all later ones of its key back, in order."""
        queue.leased -= 1
        while True:
            delivery = queue.out.pop()
            queue.todo.appendleft(delivery)
            if delivery is failed:
                break
            if delivery.state == LEASED:
                self._release(delivery)
                queue.leased -= 1
            if not (self.exactly_once and delivery.acked):
                delivery.acked = False
                delivery.lease = 0
                delivery.state = WAITING

    def _drain(self, queue: KeyQueue) -> None:
        """Settle what is acknowledged at the front of a key, and let the key go when nothing is out."""
        for part in (queue.out, queue.todo):
            while part and part[0].acked and not (part is queue.todo and queue.out):
                done = part.popleft()
                del self._deliveries[done.message.id]
                self._settled(done.message)
        # A queue that is listed somewhere must not be replaced by a second one of the same key.
        if not (queue.out or queue.todo or queue.listed) and self._keys.get(queue.key) is queue:
            del self._keys[queue.key]

    def _go_on(self, queue: KeyQueue) -> None:
        """After a message of a key is done with: what follows may be taken, by anyone if nothing is out."""
        self._drain(queue)
        if queue.todo and not queue.leased and not queue.wait_until:
            self._offer(queue, 0.0)
            self._announce()

    def _remove(self, delivery: Delivery) -> None:
        """Take a message out wherever it stands."""
        del self._deliveries[delivery.message.id]
        queue = self._queue_of(delivery)
        if queue:
            for part in (queue.out, queue.todo):
                if delivery in part:
                    part.remove(delivery)
            if delivery.state == LEASED:
                queue.leased -= 1
        self._release(delivery)
        delivery.state = DONE
        if queue:
            queue.wait_until = 0.0
            self._go_on(queue)

    def _release(self, delivery: Delivery) -> None:
        consumer = delivery.consumer
        if consumer:
            consumer.outstanding -= 1
            consumer.outstanding_bytes -= delivery.message.size
            delivery.consumer = None
            if consumer.max_messages or consumer.max_bytes:
                self._announce()

    def _queue_of(self, delivery: Delivery) -> KeyQueue | None:
        return self._keys.get(delivery.message.key) if self.ordered and delivery.message.key else None
