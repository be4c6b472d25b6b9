"""A stand-in for Fiks IO in front of a RabbitMQ: sending, the catalogue of keys, the store beside the queue, notices.

What its clients see of the platform (reference section 1), so that the connector and the way back can be tried without
it: a POST becomes a message on the receiver's queue, with the platform's own headers; what expires, or is delivered too
often, comes back to its sender as a notice; and the broker lets an integration in with its password and a token.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self
from uuid import uuid4

import pika
from werkzeug.serving import BaseWSGIServer, make_server
from werkzeug.wrappers import Request, Response

from bvr.api.maskinporten import Refused, Verifier
from emulator.processes import HOST

DEAD = "fiksio.dead"
ATTEMPTS = 3
SCOPE = "ks:fiks"


@dataclass
class Account:
    """A party's account: its password and the certificate that others encrypt to."""

    id: str
    certificate: str
    integration: str = field(default_factory=lambda: str(uuid4()))
    password: str = field(default_factory=lambda: uuid4().hex)


class _Server:
    """A WSGI server on a free port, in threads of this process."""

    def __init__(self) -> None:
        self._server: BaseWSGIServer = make_server(HOST, 0, self._serve, threaded=True)
        self.url = f"http://{HOST}:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, name=type(self).__name__, daemon=True)

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _serve(self, environ: dict[str, Any], start_response: Any) -> Any:
        return self._answer(Request(environ))(environ, start_response)

    def _answer(self, request: Request) -> Response:
        raise NotImplementedError


class Door(_Server):
    """Who may connect to the broker, and to which queue: RabbitMQ asks here (rabbitmq_auth_backend_http).

    User = integration id; password = its password, a space, a Maskinporten token that is valid now.
    """

    def __init__(self, tokens: Verifier | None = None) -> None:
        """Without `tokens` any token will do."""
        super().__init__()
        self.tokens = tokens
        self.accounts: dict[str, Account] = {}
        self.asked: list[tuple[str, str]] = []  # (user, allow or deny), one for each attempt to connect

    def _answer(self, request: Request) -> Response:
        form = request.form
        account = self.accounts.get(form.get("username", ""))
        allowed = False
        if account is not None:
            match request.path:
                case "/user":
                    secret, _, token = form.get("password", "").partition(" ")
                    allowed = secret == account.password and valid(self.tokens, token)
                case "/vhost":
                    allowed = True
                case "/resource":
                    own = form.get("name") == f"fiksio.konto.{account.id}"
                    allowed = own and form.get("resource") == "queue" and form.get("permission") == "read"
        told = "allow" if allowed else "deny"
        if request.path == "/user":
            self.asked.append((form.get("username", ""), told))
        return Response(told)


def valid(tokens: Verifier | None, token: str) -> bool:
    """Whether a token opens Fiks IO."""
    if tokens is None:
        return token.count(".") == 2
    try:
        tokens.verify(f"Bearer {token}", SCOPE)
    except Refused:
        return False
    return True


class FiksIO(_Server):
    """The platform, in threads of this process."""

    def __init__(
        self,
        amqp_port: int,
        accounts: list[Account],
        *,
        inline: int = 5_000_000,
        door: Door | None = None,
        tokens: Verifier | None = None,
    ) -> None:
        """`inline`: bytes above which a payload goes to the store beside the queue. `door`: lets the accounts in."""
        super().__init__()
        self.amqp_port = amqp_port
        self.accounts = {a.id: a for a in accounts}
        self.inline = inline
        self.tokens = tokens
        self.stored: dict[str, bytes] = {}
        self.down = False
        self.sent: list[dict[str, Any]] = []
        self.asked: list[str] = []  # paths, of every request
        self._declare()
        if door is not None:
            door.accounts |= {a.integration: a for a in accounts}

    def connection(self) -> pika.BlockingConnection:
        """A connection to the broker behind."""
        return pika.BlockingConnection(pika.ConnectionParameters(HOST, self.amqp_port, heartbeat=30))

    def _declare(self) -> None:
        connection = self.connection()
        channel = connection.channel()
        channel.queue_declare(DEAD, durable=True)
        for account in self.accounts:
            channel.queue_declare(
                f"fiksio.konto.{account}",
                durable=True,
                arguments={
                    "x-queue-type": "quorum",
                    "x-delivery-limit": ATTEMPTS - 1,  # so many deliveries again
                    "x-dead-letter-exchange": "",
                    "x-dead-letter-routing-key": DEAD,
                },
            )
        connection.close()

    def put(
        self, receiver: str, headers: dict[str, Any], body: bytes, *, ttl: int | None = None, store: bool | None = None
    ) -> dict[str, Any]:
        """A message on an account's queue, as the platform puts it there; its headers."""
        if store if store is not None else len(body) > self.inline:
            document = str(uuid4())
            self.stored[document] = body
            headers, body = {**headers, "dokumentlager-id": document}, b""
        connection = self.connection()
        channel = connection.channel()
        channel.confirm_delivery()
        properties = pika.BasicProperties(headers=headers, delivery_mode=2, expiration=str(ttl) if ttl else None)
        channel.basic_publish("", f"fiksio.konto.{receiver}", body, properties, mandatory=True)
        connection.close()
        return headers

    def waiting(self, account: str) -> list[tuple[dict[str, Any], bytes]]:
        """What is ready on an account's queue, taken off it."""
        connection = self.connection()
        channel = connection.channel()
        found = []
        while True:
            method, properties, body = channel.basic_get(f"fiksio.konto.{account}", auto_ack=True)
            if method is None:
                break
            found.append((dict(properties.headers or {}), body))
        connection.close()
        return found

    def settle(self) -> int:
        """Tell the senders of what expired, or was delivered too often; how many notices."""
        connection = self.connection()
        channel = connection.channel()
        told = 0
        while True:
            method, properties, _ = channel.basic_get(DEAD, auto_ack=True)
            if method is None:
                break
            headers = dict(properties.headers or {})
            reason = (headers.get("x-death") or [{"reason": "expired"}])[0].get("reason")
            kind = "tidsavbrudd" if reason == "expired" else "serverfeil.v1"
            notice = {
                "melding-id": str(uuid4()),
                "type": f"no.ks.fiks.kvittering.{kind}",
                "avsender-id": str(uuid4()),
                "svar-til": headers.get("melding-id", ""),
                "svar-til-type": headers.get("type", ""),
            }
            if (name := "egendefinert-header.klientKorrelasjonsId") in headers:
                notice[name] = headers[name]
            sender = headers.get("avsender-id")
            if sender in self.accounts:
                self.put(str(sender), notice, b"")
                told += 1
        connection.close()
        return told

    # --- REST --------------------------------------------------------------------------------------------------------

    def _answer(self, request: Request) -> Response:
        self.asked.append(request.path)
        try:
            return self._rest(request)
        except (KeyError, ValueError) as error:
            return _error(request, 400, "Bad Request", type(error).__name__)

    def _rest(self, request: Request) -> Response:
        if self.down:
            return _error(request, 503, "Service Unavailable")
        caller = next(
            (a for a in self.accounts.values() if a.integration == request.headers.get("IntegrasjonId")), None
        )
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        known = caller is not None and request.headers.get("IntegrasjonPassord") == caller.password
        if caller is None or not known or not valid(self.tokens, token):
            return _error(request, 401, "Unauthorized")
        parts = request.path.strip("/").split("/")
        if parts[:2] == ["dokumentlager", "nedlasting"]:
            found = self.stored.get(parts[2])
            return Response(found) if found is not None else _error(request, 404, "Not Found")
        if parts[:5] == ["fiks-io", "katalog", "api", "v1", "kontoer"] and parts[-1] == "offentligNokkel":
            return _json({"nokkel": self.accounts[parts[5]].certificate})
        if parts == ["fiks-io", "api", "v1", "send"] and request.method == "POST":
            return self._send(request, caller)
        return _error(request, 404, "Not Found")

    def _send(self, request: Request, caller: Account) -> Response:
        given = request.files.get("metadata")
        metadata = json.loads(given.read() if given else request.form["metadata"])
        if metadata["avsenderKontoId"] != caller.id or metadata["mottakerKontoId"] not in self.accounts:
            return _error(request, 403, "Forbidden", "avsender eller mottaker", "FIKS-IO-403")
        data = request.files.get("data")
        headers: dict[str, Any] = {
            "melding-id": str(uuid4()),
            "type": metadata["meldingType"],
            "avsender-id": caller.id,
            "avsender-navn": "Prøve",
        }
        if metadata.get("svarPaMelding"):
            headers["svar-til"] = metadata["svarPaMelding"]
        own = metadata.get("headere") or {}
        headers |= {f"egendefinert-header.{name}": value for name, value in own.items()}
        receiver = metadata["mottakerKontoId"]
        headers = self.put(receiver, headers, data.read() if data else b"", ttl=metadata.get("ttl"))
        self.sent.append(metadata)
        return _json(
            {
                "meldingId": headers["melding-id"],
                "meldingType": headers["type"],
                "avsenderKontoId": caller.id,
                "mottakerKontoId": receiver,
                "ttl": metadata.get("ttl"),
                "dokumentlagerId": headers.get("dokumentlager-id"),
                "svarPaMelding": metadata.get("svarPaMelding"),
                "headere": own,
            }
        )


def _json(value: Any) -> Response:
    return Response(json.dumps(value), content_type="application/json")


def _error(request: Request, status: int, words: str, message: str = "", code: str = "") -> Response:
    """The platform's shape of an error (reference section 1.3)."""
    body = {
        "timestamp": datetime.now(UTC).isoformat(),
        "status": status,
        "error": words,
        "errorId": str(uuid4()),
        "path": request.path,
        "message": message or words,
        "errorCode": code,
        "errorJson": None,
    }
    return Response(json.dumps(body), status, content_type="application/json")
