"""The local cloud with the campaign's hands in it: proxies between everything, two versions of the functions."""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import threading
from collections.abc import Awaitable, Iterator
from pathlib import Path
from random import Random
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import requests

from emulator import topology
from emulator.cloud import LocalCloud
from emulator.functions import FunctionRunner
from emulator.processes import Spawner
from emulator.topology import Retry, Topology
from tests.chaos.checker import Answer, Holdings, Sent, read_holdings
from tests.chaos.faults import Faults
from tests.chaos.grpc_proxy import GrpcProxy
from tests.chaos.http_proxy import Address, HttpProxy

WRAPPED = Path(__file__).with_name("function.py")
VERSIONS = {"a": "", "b": "2999-01-01.1"}
"""Version -> its ruleset; empty: that of the code."""
FUNCTIONS = {"a": ["mottak", "utsending", "feiing"], "b": ["mottak", "utsending"]}
PUSHED = {"innsending-mottak": "mottak", "kvittering-utsending": "utsending"}
_SECONDS = 20.0
T = TypeVar("T")


def impatient() -> Topology:
    """The topology with short pauses between deliveries: the declared ones are made for outages of hours."""
    declared = topology.load()
    changed = {}
    for name in PUSHED:
        one = declared.subscriptions[name]
        assert one.dead_letter is not None
        changed[name] = one.model_copy(
            update={
                "retry": Retry(minimum_backoff_seconds=0, maximum_backoff_seconds=2),
                "dead_letter": one.dead_letter.model_copy(update={"max_delivery_attempts": 30}),
            }
        )
    return declared.model_copy(update={"subscriptions": {**declared.subscriptions, **changed}})


class Stage:
    """Everything that runs, from entering to leaving it."""

    def __init__(self, folder: Path, faults: Faults, seed: int, *, keep_data: bool, progress: Any = print) -> None:
        """`keep_data`: what the services hold is on disk, so that they can be started again."""
        self.folder = folder
        self.faults = faults
        self._keep = keep_data
        self._progress = progress
        self._random = Random(f"{seed}/versions")
        self._spawner = Spawner()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)
        self._runners: dict[str, FunctionRunner] = {}
        self._proxies: list[HttpProxy | GrpcProxy] = []
        self._stack = contextlib.ExitStack()
        self.sent: dict[str, Sent] = {}
        self.answers: list[Answer] = []
        self.answered: set[str] = set()
        self._listening = True

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening = False
        self._stack.close()

    def _start(self, stack: contextlib.ExitStack) -> None:
        from tests.emulated.clouds import running

        stack.callback(self._spawner.close)
        for version, names in FUNCTIONS.items():
            runner = FunctionRunner(topology.load(), self._spawner, self.folder / "logs" / version, WRAPPED)
            runner.reserve(names)
            stack.callback(runner.stop)
            self._runners[version] = runner
        self.orders = self.folder / "chaos"
        self.orders.mkdir(parents=True, exist_ok=True)
        options: dict[str, Any] = {"functions": False, "topology": impatient(), "progress": self._progress}
        self.cloud: LocalCloud = stack.enter_context(running(run_dir=self.folder, keep_data=self._keep, **options))
        self._thread.start()
        stack.callback(self._end_loop)
        env = self.cloud.environment
        storage = self._http("storage", _address(env["STORAGE_EMULATOR_HOST"]))
        bigquery = self._http("bigquery", _address(env["BIGQUERY_EMULATOR_HOST"]))
        self._env = {
            **env,
            "STORAGE_EMULATOR_HOST": f"http://{storage.address}",
            "BIGQUERY_EMULATOR_HOST": f"http://{bigquery.address}",
            "PUBSUB_EMULATOR_HOST": self._grpc("pubsub publish", env["PUBSUB_EMULATOR_HOST"], "Publish"),
            "BVR_BIGQUERY_WRITE_ENDPOINT": self._grpc(
                "bigquery write", env["BVR_BIGQUERY_WRITE_ENDPOINT"], "AppendRows"
            ),
            "BVR_SWEEP_AFTER_MINUTES": "0",
            "CHAOS_FOLDER": str(self.orders),
        }
        for version, runner in self._runners.items():
            runner.start(self._version(version))
        self._subscribe()
        for runner in self._runners.values():
            runner.wait()
        threading.Thread(target=self._listen, name="answers", daemon=True).start()

    # Proxies --------------------------------------------------------------------------------------------------------

    def _run(self, work: Awaitable[T]) -> T:
        async def awaited() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(awaited(), self._loop).result(_SECONDS)

    def _http(self, place: str, *upstreams: Address) -> HttpProxy:
        proxy = HttpProxy(place, self.faults, upstreams, self._random)
        self._run(proxy.start())
        self._proxies.append(proxy)
        return proxy

    def _grpc(self, place: str, upstream: str, faulty: str) -> str:
        proxy = GrpcProxy(place, self.faults, upstream, faulty)
        self._run(proxy.start())
        self._proxies.append(proxy)
        return proxy.address

    def _end_loop(self) -> None:
        async def end() -> None:
            for proxy in self._proxies:
                await proxy.stop()
            await asyncio.sleep(0.1)  # what is closed says so in the next turns of the loop

        with contextlib.suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    # Functions ------------------------------------------------------------------------------------------------------

    def _version(self, version: str, bug: str = "") -> dict[str, str]:
        ruleset = VERSIONS[version]
        return {**self._env, "CHAOS_VERSION": version, "CHAOS_RULESET": ruleset, "CHAOS_BUG": bug}

    def _names(self, function: str) -> list[str]:
        return [version for version, names in FUNCTIONS.items() if function in names]

    def kill(self, function: str, version: str) -> None:
        """End an instance with all its threads, wherever they are, and start another."""
        self._runners[version].restart(function, self._version(version))

    def plant(self, bug: str) -> None:
        """Every instance of mottak is one with a bug from now on; "" for none."""
        for version in self._names("mottak"):
            self._runners[version].restart("mottak", self._version(version, bug))
        for version in self._names("mottak"):
            self._runners[version].wait()

    def order_death(self, function: str, version: str, step: str) -> Path:
        """The instance is to end at a call, such as `before append`. The order is gone when it has."""
        order = self.orders / f"die-{function}-{version}"
        order.write_text(step)
        return order

    def deaths(self) -> list[dict[str, str]]:
        """What each instance that was ordered to end did when it did, in that order."""
        found = []
        for path in sorted(self.orders.glob("dead-*"), key=lambda one: one.stat().st_mtime_ns):
            with contextlib.suppress(ValueError):
                found.append(json.loads(path.read_text()))
        return found

    def clock(self, seconds: float) -> None:
        """Move the clock of all functions."""
        (self.orders / "clock").write_text(str(seconds))

    def sweep(self) -> int | None:
        """What the sweeper woke; None when it failed."""
        try:
            answer = requests.post(self._runners["a"].url("feiing"), json={}, timeout=120)
            return int(answer.json()["vekket"]) if answer.ok else None
        except (requests.RequestException, ValueError):
            return None

    def reconcile(self) -> bool:
        """What the register's own nightly reconciliation says, two hours from now: whether all balances."""
        self.clock(2 * 3600)
        try:
            answer = requests.post(self._runners["a"].url("feiing"), json={"avstemming": True}, timeout=300)
            answer.raise_for_status()
            return bool(answer.json()["avstemt"])
        finally:
            self.clock(0)

    # Services -------------------------------------------------------------------------------------------------------

    def disk(self, server: str, *, full: bool) -> None:
        """Let a service write no byte more to its files, or again: what a full disk is to it."""
        none = (0, resource.RLIM_INFINITY)
        free = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(self.cloud.pid(server), resource.RLIMIT_FSIZE, none if full else free)

    # Messages -------------------------------------------------------------------------------------------------------

    def _subscribe(self) -> None:
        """Push through the proxies, and listen to every answer."""
        from google.pubsub_v1 import SubscriberClient, types

        self._subscriber = SubscriberClient(transport=self._transport("Subscriber", direct=True))
        for subscription, function in PUSHED.items():
            upstreams = [_address(self._runners[v].url(function)) for v in self._names(function)]
            proxy = self._http(f"push to {function}", *upstreams)
            self._subscriber.modify_push_config(
                subscription=self._path("subscriptions", subscription),
                push_config=types.PushConfig(
                    push_endpoint=f"http://{proxy.address}/",
                    oidc_token=types.PushConfig.OidcToken(
                        service_account_email=f"push@{self.cloud.project}.iam.gserviceaccount.com",
                        audience=self._runners["a"].url(function),
                    ),
                ),
            )
        self._heard = self._path("subscriptions", "kampanje-svar")
        self._subscriber.create_subscription(
            types.Subscription(name=self._heard, topic=self._path("topics", "kvittering"), ack_deadline_seconds=60)
        )

    def _path(self, kind: str, name: str) -> str:
        return f"projects/{self.cloud.project}/{kind}/{name}"

    def _transport(self, client: str, *, direct: bool) -> Any:
        import grpc
        from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
        from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

        host = (self.cloud.environment if direct else self._env)["PUBSUB_EMULATOR_HOST"]
        quick = (("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 500))
        kinds = {"Publisher": PublisherGrpcTransport, "Subscriber": SubscriberGrpcTransport}
        return kinds[client](channel=grpc.insecure_channel(host, options=quick))

    def publisher(self, *, direct: bool = False) -> Any:
        """A sender's client."""
        from google.pubsub_v1 import PublisherClient

        return PublisherClient(transport=self._transport("Publisher", direct=direct))

    def publish(self, client: Any, topic: str, body: bytes, attributes: dict[str, str]) -> None:
        """Until Pub/Sub says that it has it, as every sender does."""
        from google.api_core.exceptions import GoogleAPICallError, RetryError

        while True:
            try:
                client.publish(
                    topic=self._path("topics", topic),
                    messages=[{"data": body, "attributes": attributes}],
                    timeout=_SECONDS,
                )
                return
            except (GoogleAPICallError, RetryError):
                continue

    def send(self, client: Any, message: Sent) -> None:
        self.sent[message.id] = message
        self.publish(client, "innsending", message.body, message.attributes)

    def _listen(self) -> None:
        """Every answer there is, until the end."""
        from google.api_core.exceptions import GoogleAPICallError, RetryError

        while self._listening:
            try:
                pulled = self._subscriber.pull(
                    subscription=self._heard, max_messages=500, timeout=5, retry=None
                ).received_messages
                for one in pulled:
                    answer = Answer(dict(one.message.attributes), one.message.data)
                    self.answers.append(answer)
                    self.answered.add(answer.attributes.get("svar-til", ""))
                if pulled:
                    self._subscriber.acknowledge(subscription=self._heard, ack_ids=[one.ack_id for one in pulled])
            except (GoogleAPICallError, RetryError, ValueError):
                continue

    def redrive(self) -> int:
        """Send what Pub/Sub has given up once more, as an operator does when the fault is over."""
        client = self.publisher(direct=True)
        moved = 0
        for topic in ("innsending", "kvittering"):
            for body, attributes, ack in self._dead(f"{topic}-dead-letter-lager"):
                own = {name: value for name, value in attributes.items() if not name.startswith("CloudPubSub")}
                self.publish(client, topic, body, own)
                ack()
                moved += 1
        return moved

    def _dead(self, subscription: str) -> Iterator[tuple[bytes, dict[str, str], Any]]:
        path = self._path("subscriptions", subscription)
        while True:
            pulled = self._subscriber.pull(
                request={"subscription": path, "max_messages": 100, "return_immediately": True}, timeout=10, retry=None
            ).received_messages
            if not pulled:
                return
            for one in pulled:
                ids = [one.ack_id]
                yield (
                    one.message.data,
                    dict(one.message.attributes),
                    lambda ids=ids: self._subscriber.acknowledge(subscription=path, ack_ids=ids),
                )

    def holdings(self) -> Holdings:
        return read_holdings(self.cloud.project)

    def open_marks(self) -> int:
        """How many messages are open, by the ledger."""
        from google.cloud import storage

        store = storage.Client(project=self.cloud.project)
        return sum(1 for _ in store.list_blobs(f"{self.cloud.project}-protokoll", prefix="apne/"))


def _address(url: str) -> Address:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 80
