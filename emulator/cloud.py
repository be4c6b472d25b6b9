"""The local cloud: every Google service the system uses, on this machine, holding what the topology declares.

    with LocalCloud() as cloud:
        os.environ.update(cloud.environment)    # any Google client in this process now talks to it
        ...

Servers start at the same time on free ports, and resources are created through Google's own clients, as Terraform
creates them through Google's API. With `data_dir` the data survives a restart.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date, datetime
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from emulator import schemas, storage
from emulator import topology as topology_module
from emulator.functions import SOURCE, FunctionRunner, bare_environment
from emulator.kommune import KommuneServer
from emulator.processes import HOST, Child, Spawner, accepts_connections, answers_http, free_ports
from emulator.scheduler import Scheduler
from emulator.telemetry import Collector
from emulator.tokens import (
    ALTINN,
    BUFDIR,
    MUNICIPALITY,
    SSB,
    SUPPLIER,
    GoogleSigner,
    Key,
    TokenServer,
    own_account,
)
from emulator.topology import ROOT, Subscription, Topology

if TYPE_CHECKING:
    import requests

    from bvr.api.rights import Rett
    from bvr.intake.sender import Right

PROJECT = "bvr-lokal"
TIMEOUT = 30.0
LOCAL_KOMMUNE = "3301"
"""The municipality that the local client `kommune` answers for."""


class LocalCloud:
    """The local cloud, from `start()` to `stop()`; use it as a context manager."""

    def __init__(
        self,
        run_dir: Path | None = None,
        *,
        functions: bool | list[str] = True,
        project: str = PROJECT,
        keep_data: bool = False,
        schedules: bool = False,
        progress: Callable[[str], None] = lambda _: None,
        pubsub_host: str | None = None,
        topology: Topology | None = None,
        source: Path = SOURCE,
        schema_folder: Path = schemas.SCHEMAS,
        more: Mapping[str, str] | None = None,
    ) -> None:
        """Nothing starts yet.

        `run_dir`: where logs, keys and (with `keep_data`) data go; without it a temporary folder, deleted at the end.
        `functions`: all, none, or the ones named. `schedules`: call scheduled functions at their times; tests leave
        it off and use `trigger`. `progress` is called with one line of text at a time. `pubsub_host`: a Pub/Sub
        emulator that already runs, such as Google's own, instead of ours; ours is started if it does not answer.
        `more`: further variables of the functions.
        """
        if keep_data and run_dir is None:
            raise ValueError("keep_data needs a run_dir to keep them in")
        self.project = project
        self.topology = topology or topology_module.load()
        self.run_dir = run_dir or Path(tempfile.mkdtemp(prefix="bvr-"))
        self._temporary = run_dir is None
        self._data = self.run_dir / "data" if keep_data else None
        self._with_schedules = schedules
        self._progress = progress
        self._pubsub_host = pubsub_host
        self._schema_folder = schema_folder
        self._more = dict(more or {})
        self._spawner = Spawner()
        self._runner = FunctionRunner(self.topology, self._spawner, self.run_dir / "logs", source)
        self._runner.reserve(self.topology.functions if functions is True else functions or [])
        self._servers: dict[str, Child] = {}
        self._commands: dict[str, tuple[list[str], dict[str, str]]] = {}
        self._tokens: TokenServer | None = None
        self._kommune: KommuneServer | None = None
        self._collector: Collector | None = None
        self._scheduler: Scheduler | None = None
        self._environment: dict[str, str] = {}  # of the functions
        self._client_environment: dict[str, str] = {}  # of those who call them
        self._handlers: dict[int, Any] = {}
        self._stopped = False

    # Life -----------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> Self:
        """Start everything; on any fault, or Ctrl-C, stop what was started and raise."""
        self._end_on_sigterm()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop everything. Safe to call twice."""
        if self._stopped:
            return
        self._stopped = True
        if self._scheduler:
            self._scheduler.stop()
        self._runner.stop()
        with ThreadPoolExecutor() as pool:
            # With data to keep, servers close their files; without, nothing is worth waiting for.
            list(pool.map(lambda server: server.stop(gently=self._data is not None), self._servers.values()))
        if self._collector:
            self._collector.stop()
        if self._kommune:
            self._kommune.stop()
        if self._tokens:
            self._tokens.stop()
        self._spawner.close()
        if self._temporary:
            shutil.rmtree(self.run_dir, ignore_errors=True)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _end_on_sigterm(self) -> None:
        """Let SIGTERM unwind the stack like Ctrl-C, so that `stop` runs; only where nobody has taken the signal."""
        if threading.current_thread() is not threading.main_thread():
            return

        def unwind(number: int, _frame: FrameType | None) -> None:
            raise SystemExit(128 + number)

        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            self._handlers[signal.SIGTERM] = signal.signal(signal.SIGTERM, unwind)

    def _start(self) -> None:
        (self.run_dir / "logs").mkdir(parents=True, exist_ok=True)
        self._tokens = TokenServer(self.run_dir / "nokler")
        self._kommune = KommuneServer(self._tokens.issuer)
        self._collector = Collector()
        pubsub_port, rest_port, grpc_port, storage_port = free_ports(4)
        if self._pubsub_host and not accepts_connections(self._pubsub_host):
            # Most likely a terminal that still has the environment of a local cloud that has ended.
            self._progress(f"pubsub: nothing answers at {self._pubsub_host}; our own is started")
            self._pubsub_host = None
        pubsub_host = self._pubsub_host or f"{HOST}:{pubsub_port}"
        self._environment = self._describe(pubsub_host, rest_port, grpc_port, storage_port)
        self._client_environment = self._describe_clients()
        self._tokens.start()
        self._kommune.start()
        self._collector.start()

        # The slowest first: BigQuery has to be up before its tables are made, while functions need nothing of it.
        self._python(
            "bigquery",
            *("-m", "emulator.bigquery", "--rest-port", str(rest_port), "--grpc-port", str(grpc_port)),
            *("--project", self.project, *self._data_option("bigquery")),
        )
        if self._pubsub_host is None:
            self._python(
                "pubsub",
                *("-m", "emulator.cloud", "pubsub", "--port", str(pubsub_port)),
                *("--signing-key", str(self._tokens.folder / "google.pem"), *self._data_option("pubsub")),
            )
        bucket_data = self._data / "storage" if self._data else None
        serve = storage.command(storage_port, bucket_data, self._told())
        self._spawn("storage", serve, PUBSUB_EMULATOR_HOST=pubsub_host)
        self._write_keyset()
        self._write_certificates()
        self._runner.start(self._environment)

        with ThreadPoolExecutor() as pool:
            _raise_first(
                [
                    pool.submit(self._prepare, "storage", self._create_buckets),
                    pool.submit(self._prepare, "pubsub", self._create_topics),
                    pool.submit(self._prepare, "bigquery", self._create_tables),
                    pool.submit(self._await_functions),
                ]
            )
        self._start_scheduler()

    # What it offers -------------------------------------------------------------------------------------------------

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables with which any Google client, and our own code, uses this cloud."""
        return self._environment | self._client_environment

    def url(self, function: str) -> str:
        """The address of a function."""
        return self._runner.url(function)

    @property
    def kommune(self) -> KommuneServer:
        """The municipalities' own API, which cases are fetched from."""
        if self._kommune is None:
            raise RuntimeError("the local cloud has not been started")
        return self._kommune

    @property
    def telemetry(self) -> Collector:
        """The traces and metrics that functions have sent."""
        if self._collector is None:
            raise RuntimeError("the local cloud has not been started")
        return self._collector

    def log(self, name: str) -> Path:
        """The log of a function or of `pubsub`, `bigquery` or `storage`."""
        return self.run_dir / "logs" / f"{name}.log"

    def restart(self, server: str, *, gently: bool = True) -> None:
        """End `pubsub`, `bigquery` or `storage` and start it again on the same port: what it kept on disk is there.

        `gently=False`: killed, as when the machine is lost.
        """
        self._servers[server].stop(gently=gently, timeout=20.0)
        command, environment = self._commands[server]
        child = self._spawner.spawn(server, command, self.log(server), environment)
        self._servers[server] = child
        child.wait_until(self._answering(server))

    def pid(self, server: str) -> int:
        """The process id of `pubsub`, `bigquery` or `storage`."""
        return self._servers[server].pid

    def _answering(self, server: str) -> Callable[[], bool]:
        """Whether a server takes calls."""
        if server == "storage":
            return lambda: answers_http(self._storage)
        if server == "pubsub":
            return lambda: accepts_connections(self._environment["PUBSUB_EMULATOR_HOST"])
        rest = f"{self._environment['BIGQUERY_EMULATOR_HOST']}/healthz"
        write = self._environment["BVR_BIGQUERY_WRITE_ENDPOINT"]
        return lambda: accepts_connections(write) and answers_http(rest)

    def trigger(self, schedule: str, at: datetime | None = None) -> requests.Response:
        """Run a schedule now, as if it were `at`; raise if its function answers an error."""
        if self._scheduler is None:
            raise RuntimeError("the local cloud has not been started")
        return self._scheduler.trigger(schedule, at)

    @property
    def tokens(self) -> TokenServer:
        """The token authorities."""
        if self._tokens is None:
            raise RuntimeError("the local cloud has not been started")
        return self._tokens

    # Parts ----------------------------------------------------------------------------------------------------------

    @property
    def _storage(self) -> str:
        return f"{self._environment['STORAGE_EMULATOR_HOST']}/storage/v1/b?project={self.project}"

    def _describe(self, pubsub_host: str, rest_port: int, grpc_port: int, storage_port: int) -> dict[str, str]:
        """The environment, known before anything runs since all ports are chosen."""
        environment = {
            "GOOGLE_CLOUD_PROJECT": self.project,
            "GOOGLE_APPLICATION_CREDENTIALS": str(self.tokens.write_service_account(self.project)),
            "PUBSUB_EMULATOR_HOST": pubsub_host,
            "STORAGE_EMULATOR_HOST": f"http://{HOST}:{storage_port}",
            "BIGQUERY_EMULATOR_HOST": f"http://{HOST}:{rest_port}",
            "BVR_BIGQUERY_WRITE_ENDPOINT": f"{HOST}:{grpc_port}",
            **self.topology.environment,
            "BVR_KEYSET": str(self._keyset),
            "BVR_ANALYSIS_KEYSET": str(self._keyset.with_name("analyse-nokkelsett.json")),
            "BVR_DERIVING_ACCOUNTS": f"serviceAccount:{own_account(self.project)}",
            "BVR_PRIVATE_KEYS": str(self._pki / "register-nokkel"),
            "BVR_TRUSTED_ISSUERS": str(self._pki / "utstedere.pem"),
            "BVR_SEAL_KEY": str(self._pki / "register-nokkel" / "1.pem"),
            "BVR_SEAL_CERTIFICATE": str(self._pki / "register.pem"),
            "BVR_ALLOW_SYNTHETIC": "true",
            "BVR_MASKINPORTEN_CLIENT_ID": self.tokens.client("registeret").client_id,
            "BVR_MASKINPORTEN_KEY": self.tokens.client("registeret").key_file,
            "BVR_MASKINPORTEN_ISSUER": self.tokens.issuer,
            "BVR_ALTINN": ALTINN,
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.telemetry.url,
            "OTEL_BSP_SCHEDULE_DELAY": "1000",
            "OTEL_METRIC_EXPORT_INTERVAL": "5000",
            **self._more,
        }
        if "uttrekk" in self._runner.names:
            environment["BVR_API_AUDIENCE"] = self.url("uttrekk")
        return environment

    def _describe_clients(self) -> dict[str, str]:
        """What somebody needs who calls the extract API: where it is, and who may and who may not."""
        bufdir, stranger = self.tokens.client("bufdir"), self.tokens.client("uten-tilgang")
        clients = {
            "BVR_TEST_PKI": str(self._pki),
            "BVR_CLIENTS": str(self.tokens.clients_file),
            "BVR_CLIENT_ID": bufdir.client_id,
            "BVR_CLIENT_KEY": bufdir.key_file,
            "BVR_STRANGER_CLIENT_ID": stranger.client_id,
            "BVR_STRANGER_CLIENT_KEY": stranger.key_file,
        }
        if "uttrekk" in self._runner.names:
            clients["BVR_API_URL"] = self.url("uttrekk")
        return clients

    @property
    def _keyset(self) -> Path:
        return (self._data or self.run_dir) / "nokkelsett.json"

    def _write_keyset(self) -> None:
        """Tink keysets in the clear, made once: kept data can be read again only with the same one."""
        from bvr.register import keys, pseudonyms

        self._keyset.parent.mkdir(parents=True, exist_ok=True)
        for path, make in (
            (self._keyset, keys.new_keyset),
            (self._keyset.with_name("analyse-nokkelsett.json"), pseudonyms.new_keyset),
        ):
            if not path.exists():
                path.touch(mode=0o600)
                path.write_text(make())

    @property
    def _pki(self) -> Path:
        return (self._data or self.run_dir) / "sertifikater"

    def _write_certificates(self) -> None:
        """Test certificates: of the register, and of an issuer that any synthetic sender can be given one by."""
        if (self._pki / "utstedere.pem").exists():
            return
        from bvr.sealing import REGISTER_ORGNR
        from bvr.simulate.senders import SUPPLIER_ORGNR
        from bvr.testpki import write

        write(self._pki, REGISTER_ORGNR, SUPPLIER_ORGNR)

    def _prepare(self, name: str, fill: Callable[[], str]) -> None:
        """Wait for a server, fill it, and say so."""
        if name in self._servers:
            self._servers[name].wait_until(self._answering(name))
        self._progress(f"{name}: {fill()}")

    def _data_option(self, name: str) -> tuple[str, ...]:
        return ("--data-dir", str(self._data / name)) if self._data else ()

    def _python(self, name: str, *arguments: str) -> None:
        self._spawn(name, [sys.executable, *arguments])

    def _told(self) -> storage.Told | None:
        """The one notification that the storage server can make."""
        for declared in self.topology.notifications.values():
            bucket = self.topology.bucket_name(self.project, declared.bucket)
            return storage.Told(self.project, bucket, declared.topic, tuple(declared.events))
        return None

    def _spawn(self, name: str, command: list[str], **more: str) -> None:
        environment = bare_environment() | {"PYTHONPATH": str(ROOT)} | more
        self._commands[name] = command, environment
        self._servers[name] = self._spawner.spawn(name, command, self.log(name), environment)

    def _create_buckets(self) -> str:
        from google.api_core.exceptions import Conflict
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import storage as google_storage

        client = google_storage.Client(
            self.project,
            AnonymousCredentials(),
            client_options={"api_endpoint": self._environment["STORAGE_EMULATOR_HOST"]},
        )
        for name in self.topology.buckets:
            with contextlib.suppress(Conflict):  # kept from an earlier run
                client.create_bucket(self.topology.bucket_name(self.project, name), timeout=TIMEOUT, retry=None)
        return f"{len(self.topology.buckets)} buckets"

    def _create_topics(self) -> str:
        import grpc
        from google.api_core.exceptions import AlreadyExists
        from google.pubsub_v1 import PublisherClient, SubscriberClient
        from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
        from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport
        from google.pubsub_v1.types import Topic

        with grpc.insecure_channel(self._environment["PUBSUB_EMULATOR_HOST"]) as channel:
            publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
            subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
            for name, topic in self.topology.topics.items():
                with contextlib.suppress(AlreadyExists):
                    publisher.create_topic(
                        Topic(
                            name=self._path("topics", name),
                            message_retention_duration={"seconds": topic.message_retention_seconds},
                        ),
                        timeout=TIMEOUT,
                        retry=None,
                    )
            for name, subscription in self.topology.subscriptions.items():
                self._subscribe(subscriber, self._path("subscriptions", name), subscription)
        return f"{len(self.topology.topics)} topics, {len(self.topology.subscriptions)} subscriptions"

    def _path(self, kind: str, name: str) -> str:
        return f"projects/{self.project}/{kind}/{name}"

    def _subscribe(self, subscriber: Any, name: str, declared: Subscription) -> None:
        """Create a subscription, or point a kept one at where its function is now."""
        from google.api_core.exceptions import AlreadyExists
        from google.pubsub_v1 import types

        push = self._push_config(declared)
        request = types.Subscription(
            name=name,
            topic=self._path("topics", declared.topic),
            ack_deadline_seconds=declared.ack_deadline_seconds,
            message_retention_duration={"seconds": self._retention(declared)},
            enable_message_ordering=declared.ordering,
            filter=declared.filter,
            expiration_policy=types.ExpirationPolicy(),  # never
            push_config=push,
        )
        if declared.retry:
            request.retry_policy = types.RetryPolicy(
                minimum_backoff={"seconds": declared.retry.minimum_backoff_seconds},
                maximum_backoff={"seconds": declared.retry.maximum_backoff_seconds},
            )
        if declared.dead_letter:
            request.dead_letter_policy = types.DeadLetterPolicy(
                dead_letter_topic=self._path("topics", declared.dead_letter.topic),
                max_delivery_attempts=declared.dead_letter.max_delivery_attempts,
            )
        try:
            subscriber.create_subscription(request, timeout=TIMEOUT, retry=None)
        except AlreadyExists:
            subscriber.modify_push_config(
                request={"subscription": name, "push_config": push}, timeout=TIMEOUT, retry=None
            )

    def _retention(self, declared: Subscription) -> int:
        """Google's own emulator still refuses more than seven days, which was the limit before it became 31."""
        week = 7 * 24 * 3600
        return (
            min(declared.message_retention_seconds, week) if self._pubsub_host else declared.message_retention_seconds
        )

    def _push_config(self, declared: Subscription) -> Any:
        """Where to push. Without the function running the subscription is a pull one, which a test can empty."""
        from google.pubsub_v1.types import PushConfig

        if declared.push is None or declared.push.function not in self._runner.names:
            return PushConfig()
        url = self.url(declared.push.function)
        return PushConfig(
            push_endpoint=url,
            oidc_token=PushConfig.OidcToken(
                service_account_email=self._account(declared.push.service_account), audience=url
            ),
        )

    def _account(self, name: str) -> str:
        return self.topology.service_account_email(self.project, name)

    def _create_tables(self) -> str:
        from google.cloud import bigquery

        client = self._bigquery()
        for name, declared in self.topology.datasets.items():
            dataset = bigquery.Dataset(f"{self.project}.{name}")
            dataset.location = declared.location
            dataset.description = declared.description
            client.create_dataset(dataset, exists_ok=True, timeout=TIMEOUT, retry=None)
        wanted = schemas.read(self._schema_folder)
        schemas.create(client, wanted)
        if any(table.id == "grunnlag.avsender" for table in wanted):
            from bvr.simulate.senders import SUPPLIER_ORGNR, rights

            # Made again at each start: addresses have changed.
            own = (self._pki / "avsender.pem").read_text()
            self.add_senders(rights({SUPPLIER_ORGNR: own}, self.kommune.url), replace=True)
        if any(table.id == "grunnlag.befolkning" for table in wanted):
            from bvr.statistics.inputs import known

            self._load("grunnlag.befolkning", known(), replace=True)
        if any(table.id == "grunnlag.rett" for table in wanted):
            self.add_rights(_rights(), replace=True)
        if any(table.id == "grunnlag.formal" for table in wanted):
            self._add_purpose(client)
        return f"{len(self.topology.datasets)} datasets, {len(wanted)} tables and views"

    def _add_purpose(self, client: Any) -> None:
        """A purpose to try analysis with, of all municipalities, and the local account's access to it."""
        if list(client.query_and_wait("SELECT 1 FROM grunnlag.formal LIMIT 1", retry=None, job_retry=None)):
            return
        client.query_and_wait(
            "INSERT INTO grunnlag.formal (formal, beskrivelse, hjemmel, dato_presisjon, kohort, gyldig_fra, kommuner) "
            "VALUES ('prove', 'Syntetiske data', 'ingen: data er syntetiske', 'DAG', FALSE, DATE '2000-01-01', [])",
            retry=None,
            job_retry=None,
        )

    def credentials_of(self, email: str) -> Path:
        """A credentials file of somebody else, for `GOOGLE_APPLICATION_CREDENTIALS`: what an analyst has."""
        return self.tokens.write_service_account(self.project, email)

    def add_senders(self, rights: Iterable[Right], *, replace: bool = False) -> None:
        """Rows of `grunnlag.avsender`, beside those of the synthetic municipalities or in place of all."""
        self._load("grunnlag.avsender", rights, replace=replace)

    def add_rights(self, rights: Iterable[Rett], *, replace: bool = False) -> None:
        """Rows of `grunnlag.rett`, beside those of the local clients and the synthetic municipalities."""
        self._load("grunnlag.rett", rights, replace=replace)

    def _load(self, name: str, rows: Iterable[Any], *, replace: bool) -> None:
        import msgspec
        from google.cloud import bigquery

        client, table = self._bigquery(), f"{self.project}.{name}"
        client.load_table_from_json(
            [msgspec.to_builtins(row) for row in rows],
            table,
            job_config=bigquery.LoadJobConfig(
                write_disposition="WRITE_TRUNCATE" if replace else "WRITE_APPEND",
                schema=client.get_table(table, timeout=TIMEOUT, retry=None).schema,
            ),
        ).result(timeout=TIMEOUT)

    def _bigquery(self) -> Any:
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import bigquery

        return bigquery.Client(
            self.project,
            AnonymousCredentials(),
            client_options={"api_endpoint": self._environment["BIGQUERY_EMULATOR_HOST"]},
        )

    def _await_functions(self) -> None:
        self._runner.wait()
        if self._runner.names:
            self._progress(f"functions: {', '.join(self._runner.names)}")

    def _start_scheduler(self) -> None:
        self._scheduler = Scheduler(
            self.topology.schedules, self.url, self.tokens.google.sign, self._account, self._progress
        )
        if self._with_schedules:
            self._scheduler.start()


def _rights() -> Iterator[Rett]:
    """What those may see who have a client of the local cloud, and the synthetic municipalities."""
    from bvr.api.rights import EVERYWHERE, Product, Rett, Role
    from bvr.simulate.population import kommuner

    every = tuple(Product)
    local = [
        ("Bufdir", BUFDIR, Role.BUFDIR, (), (Product.EXTRACTS, Product.QUALITY), None),
        ("SSB", SSB, Role.SSB, (EVERYWHERE,), every, None),
        ("Prøve kommune", MUNICIPALITY, Role.MUNICIPALITY, (LOCAL_KOMMUNE,), every, None),
        ("Prøve fagsystem", SUPPLIER, Role.SUPPLIER, (), (Product.QUALITY,), "Prøve"),
        *((k.name, k.orgnr, Role.MUNICIPALITY, (k.number,), every, None) for k in kommuner()),
    ]
    for name, orgnr, role, regions, products, supplier in local:
        yield Rett(
            orgnr=orgnr,
            navn=name,
            rolle=role.value,
            regioner=tuple(regions),
            produkter=tuple(one.value for one in products),
            hjemmel="ingen: data er syntetiske",
            leverandor=supplier,
            gyldig_fra=date(2000, 1, 1),
        )


def _raise_first(started: Iterable[Future[None]]) -> None:
    for one in started:
        one.result()


def _run_pubsub() -> None:
    """Pub/Sub in a process of its own, with push deliveries signed by the local cloud's Google key."""
    from emulator.pubsub import PubSubServer

    parser = argparse.ArgumentParser(prog="python -m emulator.cloud pubsub")
    parser.add_argument("server", choices=["pubsub"])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--signing-key", type=Path, required=True)
    parser.add_argument("--data-dir", type=Path)
    options = parser.parse_args()
    signer = GoogleSigner(Key.from_pem(options.signing_key.read_bytes()))
    server = PubSubServer(HOST, options.port, data_dir=options.data_dir, sign=signer.sign)
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    server.start()
    stopping.wait()
    server.stop()


if __name__ == "__main__":
    _run_pubsub()
