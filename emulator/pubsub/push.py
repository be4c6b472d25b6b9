"""Sends the messages of push subscriptions to their endpoints.

Each push subscription has a window of requests that may be under way: it begins small, grows with each success and
halves with each failure, as in production; failures in a row also pause the subscription for a moment, so that an
endpoint that is down does not eat the delivery attempts of a whole backlog.
"""

from __future__ import annotations

import base64
import http.client
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from emulator.pubsub.backlog import Consumer, Leased
from emulator.pubsub.broker import Broker
from emulator.pubsub.errors import PubSubError
from emulator.pubsub.wire import rfc3339

Sign = Callable[[Mapping[str, Any]], str]

SUCCESSES = {102, 200, 201, 202, 204}
FIRST_WINDOW = 4
LARGEST_WINDOW = 64
SHORTEST_PAUSE = 0.1
LONGEST_PAUSE = 2.0  # production goes to 60 s, which nobody wants to wait for on their own machine
TOKEN_LIFE = 3_600
TOKEN_RENEWAL = 300  # seconds before its end that a token is no longer used
GRACE = 5.0  # the lease outlives the request, so that the answer decides and not the clock
LOOK_AROUND = 1.0

log = logging.getLogger(__name__)


def request_of(subscription: str, push: Any, leased: Leased, *, counted: bool) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a push request. `counted`: the subscription has a dead-letter policy."""
    message = leased.message
    body = message.body
    published = rfc3339(message.published)
    headers = {"User-Agent": "CloudPubSub-Google", "Accept": "application/json"}
    if push.HasField("no_wrapper"):
        if push.no_wrapper.write_metadata:
            # A header cannot hold a line break or what is outside Latin-1.
            headers.update(
                (key, value.encode("utf-8").decode("latin-1"))
                for key, value in message.attributes.items()
                if _fits_header(key, value)
            )
            headers["x-goog-pubsub-subscription-name"] = subscription
            headers["x-goog-pubsub-message-id"] = body.message_id
            headers["x-goog-pubsub-publish-time"] = published
            if message.key:
                headers["x-goog-pubsub-ordering-key"] = message.key.encode("utf-8").decode("latin-1")
        return body.data, headers
    headers["Content-Type"] = "application/json"
    content: dict[str, Any] = {}
    if message.attributes:
        content["attributes"] = message.attributes
    if body.data:
        content["data"] = base64.b64encode(body.data).decode()
    content["messageId"] = content["message_id"] = body.message_id
    if message.key:
        content["orderingKey"] = message.key
    content["publishTime"] = content["publish_time"] = published
    wrapped: dict[str, Any] = {"message": content, "subscription": subscription}
    if counted:
        wrapped["deliveryAttempt"] = leased.attempt
    return json.dumps(wrapped, ensure_ascii=False).encode(), headers


def _fits_header(key: str, value: str) -> bool:
    return key.isascii() and key.replace("-", "").replace("_", "").isalnum() and not set(value) & set("\r\n\0")


class Pusher:
    """Watches a broker for push subscriptions and serves each."""

    def __init__(self, broker: Broker, sign: Sign | None, clock: Callable[[], float]) -> None:
        self._broker = broker
        self._sign = sign
        self._clock = clock
        self._senders: dict[str, _Sender] = {}
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="pubsub push", daemon=True)

    def start(self) -> None:
        """Begin to push."""
        self._thread.start()

    def stop(self) -> None:
        """Push no more; requests under way are not waited for."""
        with self._broker.lock:
            self._stopping = True
            self._broker.pushing.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._broker.lock:
                wanted = {} if self._stopping else self._broker.push_subscriptions()
                for name in [name for name, sender in self._senders.items() if name not in wanted or sender.ended]:
                    self._senders.pop(name).stop()
                for name in wanted.keys() - self._senders.keys():
                    self._senders[name] = _Sender(self._broker, name, self._sign, self._clock)
                if self._stopping:
                    return
                self._broker.pushing.wait(LOOK_AROUND)


class _Sender:
    """Serves one push subscription from a thread of its own, with a pool for the requests."""

    def __init__(self, broker: Broker, name: str, sign: Sign | None, clock: Callable[[], float]) -> None:
        self._broker = broker
        self._name = name
        self._sign = sign
        self._clock = clock
        self._consumer = Consumer(deadline_seconds=0, max_messages=FIRST_WINDOW, one_per_key=True)
        self._failures = 0
        self._paused_until = 0.0
        self._token: tuple[tuple[str, str], float, str] | None = None
        self._lock = threading.Lock()
        self._connections = threading.local()
        self.ended = False
        threading.Thread(target=self._run, name=f"pubsub push {name}", daemon=True).start()

    def stop(self) -> None:
        """Take no more messages."""
        self.ended = True
        self._broker.leave(self._name, self._consumer)

    def _run(self) -> None:
        pool = ThreadPoolExecutor(max_workers=LARGEST_WINDOW, thread_name_prefix=f"pubsub push {self._name}")
        try:
            self._broker.attach(self._name, self._consumer)
            while not self._consumer.closed:
                pause = self._paused_until - time.monotonic()
                if pause > 0:
                    time.sleep(min(pause, 0.05))
                    continue
                with self._broker.lock:
                    config = self._broker.get_subscription(self._name)
                    self._consumer.deadline_seconds = config.ack_deadline_seconds + GRACE
                for leased in self._broker.poll(self._name, self._consumer, LOOK_AROUND):
                    pool.submit(self._deliver, leased)
        except PubSubError:  # deleted or detached
            self.ended = True
        finally:
            pool.shutdown(wait=False)

    def _deliver(self, leased: Leased) -> None:
        try:
            with self._broker.lock:
                current = self._broker.get_subscription(self._name)
                config = type(current)()
                config.CopyFrom(current)
            try:
                status: int | None = self._post(config, leased)
            except (OSError, http.client.HTTPException) as error:
                log.info("push to %s: %s", config.push_config.push_endpoint, error)
                status = None
            if status in SUCCESSES:
                with self._broker.lock:
                    self._failures = 0
                    self._consumer.max_messages = min(self._consumer.max_messages + 1, LARGEST_WINDOW)
                    self._broker.acknowledge(self._name, [leased.ack_id])
            else:
                log.info("push of %s to %s: status %s", leased.message.id, config.push_config.push_endpoint, status)
                with self._broker.lock:
                    self._failures += 1
                    self._consumer.max_messages = max(self._consumer.max_messages // 2, 1)
                    pause = min(SHORTEST_PAUSE * 2 ** min(self._failures - 1, 10), LONGEST_PAUSE)
                    self._paused_until = time.monotonic() + pause
                    self._broker.modify_ack_deadline(self._name, [leased.ack_id], 0)
        except PubSubError:
            pass  # the subscription is gone
        except Exception:
            log.exception("push of %s failed", leased.message.id)

    def _post(self, config: Any, leased: Leased) -> int:
        push = config.push_config
        body, headers = request_of(
            config.name,
            push,
            leased,
            counted=bool(config.dead_letter_policy.dead_letter_topic),
        )
        if push.HasField("oidc_token") and self._sign:
            headers["Authorization"] = f"Bearer {self._bearer(push)}"
        return self._request(push.push_endpoint, body, headers, float(config.ack_deadline_seconds))

    def _bearer(self, push: Any) -> str:
        """An OIDC token as Google makes it for the subscription's service account, used for most of its life."""
        email = push.oidc_token.service_account_email
        audience = push.oidc_token.audience or push.push_endpoint
        now = self._clock()
        with self._lock:
            if self._token and self._token[0] == (email, audience) and now < self._token[1] - TOKEN_RENEWAL:
                return self._token[2]
            assert self._sign
            subject = str(int.from_bytes(email.encode()[:8].ljust(8, b"0"), "big")).rjust(21, "1")[:21]
            token = self._sign(
                {
                    "iss": "https://accounts.google.com",
                    "aud": audience,
                    "azp": subject,
                    "sub": subject,
                    "email": email,
                    "email_verified": True,
                    "iat": int(now),
                    "exp": int(now) + TOKEN_LIFE,
                }
            )
            self._token = ((email, audience), now + TOKEN_LIFE, token)
            return token

    def _request(self, endpoint: str, body: bytes, headers: dict[str, str], timeout: float) -> int:
        """POST, over a connection kept from before if there is one; a kept one that was closed counts for nothing."""
        url = urlsplit(endpoint)
        key = (url.scheme, url.netloc)
        kept: dict[tuple[str, str], http.client.HTTPConnection] = self._connections.__dict__.setdefault("kept", {})
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        while True:
            connection = kept.pop(key, None)
            fresh = connection is None
            if connection is None:
                make = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
                connection = make(url.hostname or "", url.port, timeout=timeout)
            elif connection.sock:
                connection.sock.settimeout(timeout)
            try:
                connection.request("POST", target, body, headers)
                answer = connection.getresponse()
                answer.read()
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                connection.close()
                if fresh:
                    raise
                continue
            except BaseException:
                connection.close()
                raise
            if answer.will_close:
                connection.close()
            else:
                kept[key] = connection
            return answer.status
