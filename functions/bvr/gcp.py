"""The only module that imports google.cloud: buckets, the register, topics, queries, behind the ports of the core."""

# mypy: disable-error-code="no-untyped-call, attr-defined, arg-type"
# (parts of the Google clients carry no types)

from __future__ import annotations

import base64
import contextlib
import io
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, ClassVar
from uuid import uuid4

import google.auth
import google_crc32c
import grpc
import msgspec
import requests
from google.api_core.exceptions import (
    Aborted,
    BadRequest,
    Cancelled,
    Conflict,
    DeadlineExceeded,
    GoogleAPICallError,
    InternalServerError,
    InvalidArgument,
    NotFound,
    PreconditionFailed,
    ResourceExhausted,
    RetryError,
    ServiceUnavailable,
    Unknown,
)
from google.api_core.future.polling import DEFAULT_POLLING
from google.api_core.retry import Retry as Retrying
from google.api_core.retry import if_exception_type
from google.auth.credentials import AnonymousCredentials
from google.auth.transport.requests import AuthorizedSession
from google.cloud import bigquery, kms_v1, pubsub_v1, storage
from google.cloud.bigquery_storage_v1 import BigQueryWriteClient, types, writer
from google.cloud.bigquery_storage_v1.services.big_query_write.transports import BigQueryWriteGrpcTransport
from google.protobuf import descriptor_pb2

from bvr import telemetry
from bvr.config import Config
from bvr.desk import Listed, Objects, Stored
from bvr.errors import Broken, Retry
from bvr.intake.sender import Right
from bvr.model.concepts import BEGREP, Sak
from bvr.model.types import fields
from bvr.register.keys import Unwrap
from bvr.register.proto import RowWriter

_SIMPLE_UPLOAD = 8 * 1024 * 1024  # above this the client uploads in several requests
_SECONDS = 30.0
_OPENING = 10.0  # seconds for a write stream to open
_ANSWERED = DEFAULT_POLLING.with_delay(initial=0.002, maximum=0.02, multiplier=1.5)
"""How often to look whether an append has been answered. The client's own pauses grow past a second."""
_ATTEMPTS = 3
_PASSING = (Aborted, Cancelled, DeadlineExceeded, InternalServerError, ResourceExhausted, ServiceUnavailable, Unknown)
"""What the Pub/Sub client itself tries again after."""


class Bucket:
    """A Cloud Storage bucket. Faults of the platform become Retry: Pub/Sub will come again."""

    def __init__(self, client: storage.Client, name: str) -> None:
        self.name = name
        self._bucket = client.bucket(name)
        self._client = client

    def create(self, name: str, data: bytes, metadata: dict[str, str] | None = None) -> bool:
        blob = self._bucket.blob(name)
        blob.metadata = metadata
        try:
            # Asked first, so that megabytes are not sent only to be refused.
            if len(data) >= _SIMPLE_UPLOAD and blob.exists(timeout=_SECONDS):
                return False
            blob.upload_from_string(
                data, content_type="application/octet-stream", if_generation_match=0, timeout=_SECONDS
            )
        except PreconditionFailed:
            return False
        except (GoogleAPICallError, RetryError, OSError) as error:
            raise Retry(f"storage create: {type(error).__name__}") from error
        return True

    def create_from(self, name: str, parts: Iterable[bytes], metadata: dict[str, str] | None = None) -> bool:
        """Write once what need not fit in memory. An error in `parts` leaves no object: an upload without its end is
        none."""
        blob = self._bucket.blob(name, chunk_size=_SIMPLE_UPLOAD)
        blob.metadata = metadata
        try:
            if blob.exists(timeout=_SECONDS):
                return False
            blob.upload_from_file(
                _Parts(parts), content_type="application/octet-stream", if_generation_match=0, timeout=_SECONDS
            )
        except PreconditionFailed:
            return False
        except (GoogleAPICallError, RetryError, OSError) as error:
            raise Retry(f"storage create: {type(error).__name__}") from error
        return True

    def read(self, name: str, generation: int | None = None) -> Stored | None:
        blob = self._bucket.blob(name, generation=generation)
        try:
            data = blob.download_as_bytes(timeout=_SECONDS)
            if blob.metadata is None:  # a download tells the content, not always what was written beside it
                blob.reload(timeout=_SECONDS)
        except NotFound:
            return None
        except (GoogleAPICallError, RetryError, OSError) as error:
            raise Retry(f"storage read: {type(error).__name__}") from error
        return Stored(data=data, metadata=dict(blob.metadata or {}), generation=int(blob.generation or 0))

    def size(self, name: str, generation: int | None = None) -> int | None:
        try:
            blob = self._bucket.get_blob(name, generation=generation, timeout=_SECONDS)
        except (GoogleAPICallError, RetryError, OSError) as error:
            raise Retry(f"storage stat: {type(error).__name__}") from error
        return int(blob.size or 0) if blob is not None else None

    def exists(self, name: str) -> bool:
        try:
            return bool(self._bucket.blob(name).exists(timeout=_SECONDS))
        except (GoogleAPICallError, RetryError, OSError) as error:
            raise Retry(f"storage exists: {type(error).__name__}") from error

    def copy_to(self, name: str, other: Objects, new_name: str) -> None:
        try:
            self._bucket.copy_blob(
                self._bucket.blob(name),
                self._client.bucket(other.name),
                new_name,
                if_generation_match=0,
                timeout=_SECONDS,
            )
        except PreconditionFailed:
            return
        except (GoogleAPICallError, RetryError, OSError) as error:
            raise Retry(f"storage copy: {type(error).__name__}") from error

    def delete(self, name: str) -> None:
        try:
            self._bucket.blob(name).delete(timeout=_SECONDS)
        except NotFound:
            return
        except (GoogleAPICallError, RetryError, OSError) as error:
            raise Retry(f"storage delete: {type(error).__name__}") from error

    def replace(self, name: str, data: bytes, metadata: dict[str, str]) -> None:
        """Write anew, in one step: there is always an object."""
        blob = self._bucket.blob(name)
        blob.metadata = metadata
        try:
            blob.upload_from_string(data, content_type="application/octet-stream", timeout=_SECONDS)
        except (GoogleAPICallError, RetryError, OSError) as error:
            raise Retry(f"storage replace: {type(error).__name__}") from error

    def purge(self, name: str) -> None:
        """Delete every generation of an object. What the bucket's soft delete keeps, it keeps."""
        try:
            for blob in self._client.list_blobs(self._bucket, prefix=name, versions=True, timeout=_SECONDS):
                if blob.name == name:
                    with contextlib.suppress(NotFound):
                        blob.delete(timeout=_SECONDS)
        except (GoogleAPICallError, RetryError, OSError) as error:
            raise Retry(f"storage purge: {type(error).__name__}") from error

    def listed(self, prefix: str) -> Iterator[Listed]:
        try:
            for blob in self._client.list_blobs(self._bucket, prefix=prefix, timeout=_SECONDS):
                if blob.time_created is not None:
                    yield Listed(name=blob.name, created=blob.time_created, metadata=dict(blob.metadata or {}))
        except (GoogleAPICallError, RetryError, OSError) as error:
            raise Retry(f"storage list: {type(error).__name__}") from error


class _Parts(io.BufferedIOBase):
    """Parts of bytes as a file that is read once, from start to end."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = iter(parts)
        self._left = bytearray()
        self._at = 0

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        wanted = -1 if size is None else size
        while wanted < 0 or len(self._left) < wanted:
            part = next(self._parts, None)
            if part is None:
                break
            self._left += part
        found = bytes(self._left if wanted < 0 else self._left[:wanted])
        del self._left[: len(found)]
        self._at += len(found)
        return found


class RegisterTable:
    """A table of the register through the Storage Write API's default stream: at least once, visible at once.

    One stream is kept open for each process. A row that BigQuery refuses is our fault (Broken); anything else is
    passing (Retry).
    """

    def __init__(
        self,
        write: BigQueryWriteClient,
        query: Queries,
        config: Config,
        rows: RowWriter,
        table: str = "innsending",
        dataset: str = "",
    ) -> None:
        self._write = write
        self._query = query
        dataset = dataset or config.dataset_register
        self._table = f"{dataset}.{table}"
        parent = write.table_path(config.project, dataset, table)
        descriptor = descriptor_pb2.DescriptorProto()
        descriptor.CopyFrom(rows.descriptor)
        self._template = types.AppendRowsRequest(
            write_stream=f"{parent}/streams/_default",
            proto_rows=types.AppendRowsRequest.ProtoData(writer_schema=types.ProtoSchema(proto_descriptor=descriptor)),
        )
        self._lock = threading.Lock()
        self._stream: writer.AppendRowsStream | None = None

    def append(self, serialized_row: bytes) -> None:
        self.append_many([serialized_row])

    @telemetry.step("lagre rad")
    def append_many(self, serialized_rows: list[bytes]) -> None:
        """Rows in one request: all of them or none. Together under 10 MB."""
        request = types.AppendRowsRequest(
            write_stream=self._template.write_stream,
            proto_rows=types.AppendRowsRequest.ProtoData(rows=types.ProtoRows(serialized_rows=serialized_rows)),
        )
        stream = None
        try:
            stream, sent = self._send(request)
            sent.result(timeout=_SECONDS, polling=_ANSWERED)
        except (InvalidArgument, BadRequest) as error:
            self._drop(stream)
            raise Broken("append", type(error).__name__) from error
        except Exception as error:
            self._drop(stream)
            raise Retry(f"append: {_first_line(error)}") from error

    def _send(self, request: types.AppendRowsRequest) -> tuple[writer.AppendRowsStream, Any]:
        with self._lock:
            stream = self._stream
            if stream is None or not stream.is_active:
                return self._open(request)
        return stream, stream.send(request)

    def _open(self, request: types.AppendRowsRequest) -> tuple[writer.AppendRowsStream, Any]:
        """Send the first request of a new stream. The client waits ten minutes for it to open: we do not."""
        stream = writer.AppendRowsStream(self._write, self._template)
        sent: Future[Any] = Future()

        def send() -> None:
            try:
                sent.set_result(stream.send(request))
            except Exception as error:
                sent.set_exception(error)

        threading.Thread(target=send, name="open write stream", daemon=True).start()
        found = sent.result(timeout=_OPENING)
        self._stream = stream
        return stream, found

    def _drop(self, stream: writer.AppendRowsStream | None) -> None:
        """Use a stream no more; another that was opened since is left to those who use it."""
        if stream is None:
            return
        with self._lock:
            if self._stream is stream:
                self._stream = None
        with contextlib.suppress(Exception):  # it is being thrown away
            stream.close()

    def elements(self, orgnr: str, sak_id: str) -> frozenset[tuple[str, str]]:
        places = [(f.name, f.concept.__name__) for f in fields(Sak) if f.concept and f.concept.__name__ in BEGREP]
        union = " UNION DISTINCT ".join(
            f"SELECT '{name}' AS type, LOWER(e.id) AS id FROM sak, UNNEST(sak.sak.{column}) AS e"  # noqa: S608
            for column, name in places
        )
        rows = self._query.query(
            f"WITH sak AS (SELECT sak FROM {self._table} WHERE orgnr = @orgnr AND sak_id = @sak_id "  # noqa: S608
            f"AND utfall = 'REGISTERED') {union}",
            {"orgnr": orgnr, "sak_id": sak_id},
        )
        return frozenset((r["type"], r["id"]) for r in rows)


class Publisher:
    """Topics. A publish returns when Pub/Sub has stored the message."""

    def __init__(self, client: pubsub_v1.PublisherClient, project: str) -> None:
        self._client = client
        self._project = project

    def publish(self, topic: str, data: bytes, attributes: dict[str, str], ordering_key: str = "") -> None:
        path = self._client.topic_path(self._project, topic)
        try:
            self._client.publish(path, data, ordering_key=ordering_key, **attributes).result(timeout=_SECONDS)
        except Exception as error:
            if ordering_key:
                # Not paused when it was the time that ran out, or when another that failed was here first.
                with contextlib.suppress(RuntimeError):
                    self._client.resume_publish(path, ordering_key)
            raise Retry(f"publish: {type(error).__name__}") from error


class Queries:
    """BigQuery's query side. Parameters are typed by their Python values and never become part of the SQL text."""

    _TYPES: ClassVar[dict[type, str]] = {
        str: "STRING",
        int: "INT64",
        float: "FLOAT64",
        bool: "BOOL",
        datetime: "TIMESTAMP",
        bytes: "BYTES",
        date: "DATE",
    }

    def __init__(self, client: bigquery.Client, location: str) -> None:
        self.client = client
        self.bytes_billed = 0
        self._location = location

    def query(self, sql: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        job = self._run(sql, parameters or {}, bigquery.QueryJobConfig())
        return [dict(row) for row in job]

    def create(self, table: str, sql: str, parameters: dict[str, Any] | None = None) -> None:
        """Make (or make again) a passing table of the result of a query; it goes by itself after a day."""
        later = "TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 DAY)"
        self._run(
            f"CREATE OR REPLACE TABLE {table} OPTIONS (expiration_timestamp = {later}) AS\n{sql}",
            parameters or {},
            bigquery.QueryJobConfig(),
        )

    def replace(self, table: str, source: str) -> None:
        """Replace the rows of a table with those of another of the same columns, in one transaction."""
        self._run(
            f"BEGIN TRANSACTION;\nDELETE FROM {table} WHERE TRUE;\nINSERT INTO {table} SELECT * FROM {source};\n"  # noqa: S608
            "COMMIT TRANSACTION;",
            {},
            bigquery.QueryJobConfig(),
        )

    def insert(self, table: str, rows: list[dict[str, Any]], *, once: str = "") -> None:
        """Add rows to a table, all or none, in a load job; with `once`, the same call again adds nothing."""
        if not rows:
            return
        target = self.client.get_table(table, timeout=_SECONDS)
        settings = bigquery.LoadJobConfig(write_disposition="WRITE_APPEND", schema=target.schema)
        job_id = f"{table.replace('.', '-')}-{once}" if once else str(uuid4())
        try:
            for attempt in range(_ATTEMPTS):
                job = self._load([json_row(row) for row in rows], target.reference, f"{job_id}-{attempt}", settings)
                # A job that failed has used its id up.
                if job.exception(timeout=300) is None:
                    return
            job.result(timeout=300)
        except BadRequest as error:
            raise Broken("insert", _first_line(error)) from error
        except (GoogleAPICallError, RetryError, OSError) as error:
            raise Retry(f"insert: {_first_line(error)}") from error

    def _load(self, rows: list[Any], table: Any, job_id: str, settings: bigquery.LoadJobConfig) -> Any:
        """The load job of an id: made now, or before."""
        try:
            return self.client.load_table_from_json(
                rows,
                table,
                job_id=job_id,
                job_config=settings,
                location=self._location,
                num_retries=0,
                timeout=300,
            )
        except Conflict:
            return self.client.get_job(job_id, location=self._location, timeout=_SECONDS)

    def delete(self, table: str) -> None:
        self.client.delete_table(f"{self.client.project}.{table}", not_found_ok=True, timeout=_SECONDS)

    def _run(self, sql: str, parameters: dict[str, Any], job: bigquery.QueryJobConfig) -> Any:
        job.query_parameters = [_parameter(name, value, self._TYPES) for name, value in parameters.items()]
        try:
            made = self.client.query(sql, job_config=job, location=self._location, retry=None, timeout=300)
            rows = made.result(retry=None, timeout=300)
            self.bytes_billed += made.total_bytes_billed or 0
            return rows
        except BadRequest as error:
            raise Broken("query", _first_line(error)) from error
        except (GoogleAPICallError, RetryError, OSError) as error:
            raise Retry(f"query: {_first_line(error)}") from error


class RowPolicies:
    """The row access policies of tables: BigQuery's client has no call of its own for them."""

    def __init__(self, client: bigquery.Client) -> None:
        self._client = client

    def names(self, table: str) -> list[str]:
        """Names of the policies on a table (dataset.table). Faults of the platform raise Retry."""
        dataset, _, name = table.partition(".")
        path = f"/projects/{self._client.project}/datasets/{dataset}/tables/{name}/rowAccessPolicies"
        found: list[str] = []
        token = None
        try:
            while True:
                answer = self._client._connection.api_request(
                    method="GET", path=path, query_params={"pageToken": token} if token else {}, timeout=_SECONDS
                )
                found += [p["rowAccessPolicyReference"]["policyId"] for p in answer.get("rowAccessPolicies", [])]
                token = answer.get("nextPageToken")
                if not token:
                    return found
        except (GoogleAPICallError, RetryError, OSError) as error:
            raise Retry(f"row access policies: {type(error).__name__}") from error


def rights(query: Queries) -> list[Right]:
    """The register of senders: `grunnlag.avsender`."""
    return [msgspec.convert(_given(row), Right) for row in query.query("SELECT * FROM grunnlag.avsender")]


def replace_rights(query: Queries, rights: Iterable[Right]) -> None:
    """Replace the register of senders, in one load job."""
    replace_rows(query, "grunnlag.avsender", rights)


def replace_rows(query: Queries, table: str, rows: Iterable[Any]) -> None:
    """Replace the rows of a table (dataset.table), in one load job."""
    client = query.client
    place = f"{client.project}.{table}"
    client.load_table_from_json(
        [msgspec.to_builtins(row) for row in rows],
        place,
        job_config=bigquery.LoadJobConfig(
            write_disposition="WRITE_TRUNCATE", schema=client.get_table(place, timeout=_SECONDS).schema
        ),
    ).result(timeout=300)


def _given(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def json_row(value: Any) -> Any:
    """A value as a load job of JSON has it."""
    if isinstance(value, dict):
        return {name: json_row(one) for name, one in value.items() if one is not None}
    if isinstance(value, list | tuple):
        return [json_row(one) for one in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if isinstance(value, date) else value


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__} {str(error).splitlines()[0] if str(error) else ''}"[:300]


def _parameter(name: str, value: Any, kinds: dict[type, str]) -> Any:
    if isinstance(value, list | tuple):
        kind = kinds[type(value[0])] if value else "STRING"
        return bigquery.ArrayQueryParameter(name, kind, list(value))
    return bigquery.ScalarQueryParameter(name, kinds[type(value)], value)


@cache
def storage_client(project: str) -> storage.Client:
    return storage.Client(project=project)


def queries(config: Config) -> Queries:
    return _queries(config.project, config.bigquery_location)


@cache
def _queries(project: str, location: str) -> Queries:
    return Queries(bigquery.Client(project=project), location)


@cache
def publisher(project: str) -> Publisher:
    # Where order is kept the client tries for ever, after pauses of up to a minute: an outage of seconds would hold
    # each receipt of a municipality for as long.
    again = Retrying(if_exception_type(*_PASSING), initial=0.1, maximum=2.0, multiplier=1.5)
    options = pubsub_v1.types.PublisherOptions(enable_message_ordering=True, retry=again)
    # One message a request: a receipt waits for nobody.
    batch = pubsub_v1.types.BatchSettings(max_messages=1)
    return Publisher(pubsub_v1.PublisherClient(batch_settings=batch, publisher_options=options), project)


@cache
def session(endpoint: str) -> requests.Session:
    """For telemetry: with our own credentials to Google, and to nobody else."""
    if not endpoint.startswith("https://"):
        return requests.Session()
    credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
    return AuthorizedSession(credentials)


def write_client(endpoint: str) -> BigQueryWriteClient:
    """The Storage Write client; with an endpoint of its own (without TLS or credentials) where the config names one."""
    if not endpoint:
        return BigQueryWriteClient()
    channel = grpc.insecure_channel(endpoint)
    return BigQueryWriteClient(
        transport=BigQueryWriteGrpcTransport(channel=channel, credentials=AnonymousCredentials())
    )


class KmsKeys:
    """Private keys that never leave Cloud KMS: versions of keys for RSA decryption with OAEP and SHA-256.

    The newest first; a message for an older one costs a call more during a rollover.
    """

    def __init__(self, client: kms_v1.KeyManagementServiceClient, versions: Sequence[str]) -> None:
        """`versions`: full resource names of key versions."""
        self._client = client
        self._versions = [version.strip() for version in versions]

    def unwrap(self, serials: Sequence[tuple[bytes, int]], wrapped: Sequence[bytes]) -> bytes | None:
        for version in self._versions:
            for secret in wrapped:
                if (opened := self._decrypt(version, secret)) is not None:
                    return opened
        return None

    def _decrypt(self, version: str, secret: bytes) -> bytes | None:
        """The content key; None when this key does not open it. Both ways are checked for damage with CRC32C."""
        try:
            answer = self._client.asymmetric_decrypt(
                request={"name": version, "ciphertext": secret, "ciphertext_crc32c": _crc32c(secret)},
                timeout=_SECONDS,
                retry=None,
            )
        except InvalidArgument:  # not made for this key
            return None
        except (GoogleAPICallError, RetryError, OSError) as error:
            raise Retry(f"kms decrypt: {type(error).__name__}") from error
        plain = bytes(answer.plaintext)
        if not answer.verified_ciphertext_crc32c or answer.plaintext_crc32c != _crc32c(plain):
            raise Retry("kms decrypt: damaged on the way")
        return plain


def _crc32c(data: bytes) -> int:
    return int.from_bytes(google_crc32c.Checksum(data).digest(), "big")


@cache
def _kms_client() -> kms_v1.KeyManagementServiceClient:
    return kms_v1.KeyManagementServiceClient()


def kms_keys(versions: Sequence[str]) -> KmsKeys:
    return KmsKeys(_kms_client(), versions)


def unwrapping(config: Config) -> Unwrap | None:
    """How keysets are unwrapped; None where they are kept in the clear."""
    return kms_unwrap(_kms_client(), config.keyset_kms_key) if config.keyset_kms_key else None


def kms_unwrap(client: kms_v1.KeyManagementServiceClient, key: str) -> Unwrap:
    """Decryption with a symmetric key of Cloud KMS (`key`: its full resource name). Faults raise Retry."""

    def unwrap(data: bytes) -> bytes:
        try:
            answer = client.decrypt(
                request={"name": key, "ciphertext": data, "ciphertext_crc32c": _crc32c(data)},
                timeout=_SECONDS,
                retry=None,
            )
        except (GoogleAPICallError, RetryError, OSError) as error:
            raise Retry(f"kms decrypt: {type(error).__name__}") from error
        plain = bytes(answer.plaintext)
        if answer.plaintext_crc32c != _crc32c(plain):
            raise Retry("kms decrypt: damaged on the way")
        return plain

    return unwrap


class DeadLetters:
    """Subscriptions that keep dead letters, looked through without losing any of them."""

    def __init__(self, project: str, subscriptions: Iterable[str], patience: float = 10.0) -> None:
        """`patience`: the seconds in which a subscription that holds something hands it out."""
        self._project = project
        self._subscriptions = sorted(subscriptions)
        self._patience = patience

    def sift(self, mine: Callable[[bytes, dict[str, str]], bool], *, remove: bool) -> dict[str, int]:
        """How many messages of each subscription are `mine`; with `remove` they are acknowledged. Raises Retry.

        The others are held until all have been seen, and then let go at once: none is handed out twice meanwhile.
        """
        with pubsub_v1.SubscriberClient() as client:
            try:
                return {name: self._sift(client, name, mine, remove) for name in self._subscriptions}
            except (GoogleAPICallError, RetryError, OSError) as error:
                raise Retry(f"dead letters: {type(error).__name__}") from error

    def _sift(self, client: Any, name: str, mine: Callable[[bytes, dict[str, str]], bool], remove: bool) -> int:
        path = client.subscription_path(self._project, name)
        held: list[str] = []
        found: list[str] = []
        seen: set[str] = set()
        try:
            while True:
                try:
                    pulled = client.pull(
                        subscription=path, max_messages=100, timeout=self._patience, retry=None
                    ).received_messages
                except DeadlineExceeded:
                    break
                new = [one for one in pulled if one.message.message_id not in seen]
                for one in pulled:
                    own = mine(one.message.data, dict(one.message.attributes))
                    (found if own and one in new else held).append(one.ack_id)
                seen |= {one.message.message_id for one in new}
                if not new:
                    break
                _let_go(client, path, [*held, *found], 600)
            if remove and found:
                for part in _parts(found):
                    client.acknowledge(subscription=path, ack_ids=part, timeout=_SECONDS, retry=None)
        finally:
            _let_go(client, path, held if remove else [*held, *found], 0)
        return len(found)


def _let_go(client: Any, path: str, ack_ids: list[str], seconds: int) -> None:
    """Hold messages for so long; with 0, not at all."""
    for part in _parts(ack_ids):
        client.modify_ack_deadline(
            subscription=path, ack_ids=part, ack_deadline_seconds=seconds, timeout=_SECONDS, retry=None
        )


def _parts(ack_ids: list[str]) -> Iterator[list[str]]:
    """A request holds 512 KiB of them."""
    for start in range(0, len(ack_ids), 1000):
        yield ack_ids[start : start + 1000]


class Inbox:
    """A sender's own subscription to its receipts, for as long as it is open. Used by `bvr send` and the demo.

    `receiver` is the sender's account; None listens to every answer.
    """

    def __init__(self, project: str, topic: str, receiver: str | None) -> None:
        self._client = pubsub_v1.SubscriberClient()
        self._path = self._client.subscription_path(project, f"bvr-cli-{uuid4().hex[:12]}")
        self._topic = f"projects/{project}/topics/{topic}"
        self._filter = f'attributes.mottaker-id = "{receiver}"' if receiver else ""

    def __enter__(self) -> Inbox:
        self._client.create_subscription(
            request={"name": self._path, "topic": self._topic, "filter": self._filter, "ack_deadline_seconds": 60}
        )
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(GoogleAPICallError):
            self._client.delete_subscription(subscription=self._path)
        self._client.close()

    def messages(self, seconds: float) -> Iterator[tuple[bytes, dict[str, str]]]:
        """What arrives within a number of seconds, acknowledged as it is handed over."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                pulled = self._client.pull(
                    subscription=self._path, max_messages=500, timeout=min(left, 10.0), retry=None
                ).received_messages
            except (DeadlineExceeded, ServiceUnavailable):
                continue
            if pulled:
                self._client.acknowledge(subscription=self._path, ack_ids=[m.ack_id for m in pulled])
            for m in pulled:
                yield m.message.data, dict(m.message.attributes)
