"""What a scenario has in hand: Google's Python client at some address, in a project of its own, and push endpoints.

Calls go without retries and with a timeout, so that a fault shows at once.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from google.api_core.exceptions import GoogleAPICallError
from google.pubsub_v1 import PublisherClient, SubscriberClient, types
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

TIMEOUT = 10.0
QUIET = 0.3  # how long nothing must come for "nothing comes"


def code(call: Callable[[], Any]) -> str:
    """The name of the status a call ends with."""
    try:
        call()
    except GoogleAPICallError as error:
        return str(error.grpc_status_code.name) if error.grpc_status_code else type(error).__name__
    except grpc.RpcError as error:
        return str(error.code().name)
    return "OK"


class Endpoint:
    """An HTTP server for push deliveries. It answers what `answer` returns; requests are kept in `requests`."""

    def __init__(self, answer: Callable[[dict[str, Any]], int]) -> None:
        endpoint = self
        self.requests: list[dict[str, Any]] = []
        self.busiest = 0
        self._busy = 0
        self._lock = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                headers = {key.lower(): value for key, value in self.headers.items()}
                request = {"path": self.path, "headers": headers, "body": body}
                with endpoint._lock:
                    endpoint._busy += 1
                    endpoint.busiest = max(endpoint.busiest, endpoint._busy)
                    endpoint.requests.append(request)
                status = answer(request)
                with endpoint._lock:
                    endpoint._busy -= 1
                self.send_response(status)
                if status not in (102, 204):
                    self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/push"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def wait(self, count: int, wait: float = TIMEOUT) -> list[dict[str, Any]]:
        """The requests so far, once there are `count` or time is up."""
        until = time.monotonic() + wait
        while len(self.requests) < count and time.monotonic() < until:
            time.sleep(0.01)
        return list(self.requests)

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()


class Stream:
    """One StreamingPull, request by request."""

    def __init__(self, subscriber: SubscriberClient, subscription: str, **first: Any) -> None:
        self._outgoing: queue.Queue[Any] = queue.Queue()
        self._incoming: queue.Queue[Any] = queue.Queue()
        self.properties: dict[str, bool] = {}
        self.confirmed: list[str] = []
        self.refused: list[str] = []
        self.send(subscription=subscription, **{"stream_ack_deadline_seconds": 10, "client_id": "test"} | first)
        self._call = subscriber.streaming_pull(requests=iter(self._outgoing.get, None), retry=None, timeout=60)
        self.status: str | None = None
        threading.Thread(target=self._read, daemon=True).start()

    def send(self, **request: Any) -> None:
        """Send one request."""
        self._outgoing.put(types.StreamingPullRequest(**request))

    def _read(self) -> None:
        def all_of_it() -> None:
            for answer in self._call:
                properties = answer.subscription_properties
                self.properties = {
                    "exactly_once": properties.exactly_once_delivery_enabled,
                    "ordering": properties.message_ordering_enabled,
                }
                self.confirmed += answer.acknowledge_confirmation.ack_ids
                self.refused += answer.acknowledge_confirmation.invalid_ack_ids
                for received in answer.received_messages:
                    self._incoming.put(received)

        self.status = code(all_of_it)
        self._incoming.put(None)

    def take(self, count: int, wait: float = TIMEOUT) -> list[Any]:
        """The next messages, up to `count`, as far as they come within `wait` seconds."""
        taken: list[Any] = []
        until = time.monotonic() + wait
        with contextlib.suppress(queue.Empty):
            while len(taken) < count:
                received = self._incoming.get(timeout=max(until - time.monotonic(), 0.001))
                if received is None:
                    break
                taken.append(received)
        return taken

    def end(self, wait: float = TIMEOUT) -> str | None:
        """The status the stream ended with, if it does."""
        until = time.monotonic() + wait
        while self.status is None and time.monotonic() < until:
            time.sleep(0.01)
        return self.status

    def close(self) -> None:
        """Hang up."""
        self._outgoing.put(None)
        self._call.cancel()


class World:
    """The clients of one scenario."""

    def __init__(self, address: str, project: str) -> None:
        self.address = address
        self.project = project
        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        self._channel = grpc.insecure_channel(address, options=[*options, ("grpc.use_local_subchannel_pool", 1)])
        self.publisher = PublisherClient(transport=PublisherGrpcTransport(channel=self._channel))
        self.subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=self._channel))
        self._closing: list[Callable[[], None]] = []

    def close(self) -> None:
        """End streams and endpoints."""
        for close in reversed(self._closing):
            close()
        self._channel.close()

    def name(self, kind: str, name: str) -> str:
        """A full resource name."""
        return f"projects/{self.project}/{kind}/{name}"

    def topic(self, name: str = "topic", **config: Any) -> str:
        """Create a topic."""
        full = self.name("topics", name)
        self.do(self.publisher.create_topic, name=full, **config)
        return full

    def subscription(self, name: str = "subscription", topic: str = "topic", **config: Any) -> str:
        """Create a subscription."""
        full = self.name("subscriptions", name)
        self.do(self.subscriber.create_subscription, name=full, topic=self.name("topics", topic), **config)
        return full

    def do(self, method: Callable[..., Any], **request: Any) -> Any:
        """Call the API."""
        return method(request=request, retry=None, timeout=TIMEOUT)

    def code(self, method: Callable[..., Any], **request: Any) -> str:
        """The status of a call."""
        return code(lambda: self.do(method, **request))

    def publish(self, *messages: bytes | dict[str, Any], topic: str = "topic") -> list[str]:
        """Publish in one request."""
        bodies = [message if isinstance(message, dict) else {"data": message} for message in messages]
        return list(self.do(self.publisher.publish, topic=self.name("topics", topic), messages=bodies).message_ids)

    def pull(
        self, subscription: str, count: int, wait: float = TIMEOUT, *, ack: bool = False, at_once: int = 1000
    ) -> list[Any]:
        """Pull until there are `count` messages or time is up."""
        taken: list[Any] = []
        until = time.monotonic() + wait
        while True:
            answer = self.subscriber.pull(
                request={
                    "subscription": subscription,
                    "max_messages": min(count - len(taken), at_once),
                    "return_immediately": True,
                },
                retry=None,
                timeout=TIMEOUT,
            )
            taken += answer.received_messages
            if ack and answer.received_messages:
                self.ack(subscription, answer.received_messages)
            if len(taken) >= count or time.monotonic() > until:
                return taken
            time.sleep(0.02)

    def nothing(self, subscription: str, wait: float = QUIET) -> bool:
        """Whether nothing comes for a while."""
        return not self.pull(subscription, 1, wait)

    def ack(self, subscription: str, received: list[Any]) -> None:
        """Acknowledge messages."""
        ids = [one.ack_id for one in received]
        self.do(self.subscriber.acknowledge, subscription=subscription, ack_ids=ids)

    def modify(self, subscription: str, received: list[Any], deadline: int) -> None:
        """Modify the deadline of messages."""
        self.do(
            self.subscriber.modify_ack_deadline,
            subscription=subscription,
            ack_ids=[one.ack_id for one in received],
            ack_deadline_seconds=deadline,
        )

    def stream(self, subscription: str, **first: Any) -> Stream:
        """Open a StreamingPull."""
        stream = Stream(self.subscriber, subscription, **first)
        self._closing.append(stream.close)
        return stream

    def endpoint(self, answer: Callable[[dict[str, Any]], int] = lambda _: 204) -> Endpoint:
        """Start an endpoint for push deliveries."""
        endpoint = Endpoint(answer)
        self._closing.append(endpoint.close)
        return endpoint

    @contextlib.contextmanager
    def later(self, seconds: float, call: Callable[[], Any]) -> Iterator[None]:
        """Do something in a moment, while the block runs."""
        timer = threading.Timer(seconds, call)
        timer.start()
        yield
        timer.join()


def data(received: list[Any]) -> list[str]:
    """The data of messages."""
    return [one.message.data.decode() for one in received]
