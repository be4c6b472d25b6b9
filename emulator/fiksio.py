"""A stand-in for Fiks IO in front of a RabbitMQ: sending, the catalogue of keys, the store beside the queue, notices.

What its clients see of the platform (reference section 1), so that the connector and the way back can be tried without
it: a POST becomes a message on the receiver's queue, with the platform's own headers; what expires, or is delivered too
often, comes back to its sender as a notice.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import jwt
import pika
from werkzeug.serving import BaseWSGIServer, make_server
from werkzeug.wrappers import Request, Response

from emulator.processes import HOST

DEAD = "fiksio.dead"
ATTEMPTS = 3


@dataclass
class Account:
    """A party's account: its password and the certificate that others encrypt to."""

    id: str
    certificate: str
    integration: str = field(default_factory=lambda: str(uuid4()))
    password: str = field(default_factory=lambda: uuid4().hex)


class FiksIO:
    """The platform, in threads of this process."""

    def __init__(self, amqp_port: int, accounts: list[Account], *, inline: int = 5_000_000, port: int = 0) -> None:
        """`inline`: bytes above which a payload goes to the store beside the queue."""
        self.amqp_port = amqp_port
        self.accounts = {a.id: a for a in accounts}
        self.inline = inline
        self.stored: dict[str, bytes] = {}
        self.down = False
        self.sent: list[dict[str, Any]] = []
        self._server: BaseWSGIServer = make_server(HOST, port, self._serve, threaded=True)
        self.url = f"http://{HOST}:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="fiksio", daemon=True)
        self._declare()

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

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
    ) -> None:
        """A message on an account's queue, as the platform puts it there."""
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
            sender = headers.get("avsender-id")
            if sender in self.accounts:
                self.put(str(sender), notice, b"")
                told += 1
        connection.close()
        return told

    # --- REST --------------------------------------------------------------------------------------------------------

    def _serve(self, environ: dict[str, Any], start_response: Any) -> Any:
        request = Request(environ)
        try:
            response = self._answer(request)
        except (KeyError, ValueError) as error:
            response = _error(400, type(error).__name__)
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if self.down:
            return _error(503, "Service Unavailable")
        if request.path.startswith("/auth/"):
            return Response("allow" if self._may_connect(request) else "deny")
        caller = next(
            (a for a in self.accounts.values() if a.integration == request.headers.get("IntegrasjonId")), None
        )
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if caller is None or request.headers.get("IntegrasjonPassord") != caller.password or token.count(".") != 2:
            return _error(401, "Unauthorized")
        parts = request.path.strip("/").split("/")
        if parts[:2] == ["dokumentlager", "nedlasting"]:
            found = self.stored.get(parts[2])
            return Response(found) if found is not None else _error(404, "Not Found")
        if parts[:5] == ["fiks-io", "katalog", "api", "v1", "kontoer"] and parts[-1] == "offentligNokkel":
            return _json({"nokkel": self.accounts[parts[5]].certificate})
        if parts == ["fiks-io", "api", "v1", "send"] and request.method == "POST":
            return self._send(request, caller)
        return _error(404, "Not Found")

    def _may_connect(self, request: Request) -> bool:
        """The broker asks: is it an integration, with its own password, a space, and a token that is still good."""
        if request.path != "/auth/user":
            return True
        given = request.values
        caller = next((a for a in self.accounts.values() if a.integration == given.get("username")), None)
        password, _, token = given.get("password", "").partition(" ")
        if caller is None or password != caller.password:
            return False
        try:
            claims = jwt.decode(token, options={"verify_signature": False, "verify_exp": True})
        except jwt.PyJWTError:
            return False
        return "ks:fiks" in str(claims.get("scope", "")).split()

    def _send(self, request: Request, caller: Account) -> Response:
        given = request.files.get("metadata")
        metadata = json.loads(given.read() if given else request.form["metadata"])
        if metadata["avsenderKontoId"] != caller.id or metadata["mottakerKontoId"] not in self.accounts:
            return _error(403, "Forbidden")
        data = request.files.get("data")
        headers: dict[str, Any] = {
            "melding-id": str(uuid4()),
            "type": metadata["meldingType"],
            "avsender-id": caller.id,
            "avsender-navn": "Prøve",
        }
        if metadata.get("svarPaMelding"):
            headers["svar-til"] = metadata["svarPaMelding"]
        headers |= {f"egendefinert-header.{name}": value for name, value in (metadata.get("headere") or {}).items()}
        self.put(metadata["mottakerKontoId"], headers, data.read() if data else b"", ttl=metadata.get("ttl"))
        self.sent.append(metadata)
        return _json({"meldingId": headers["melding-id"], "meldingType": headers["type"], "ttl": metadata.get("ttl")})


def _json(value: Any) -> Response:
    return Response(json.dumps(value), content_type="application/json")


def _error(status: int, words: str) -> Response:
    body = {"status": status, "error": words, "errorId": str(uuid4()), "message": words, "errorCode": ""}
    return Response(json.dumps(body), status, content_type="application/json")
