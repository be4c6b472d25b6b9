"""The worker in front of the intake: `python connector.py` takes messages from our account's queue in Fiks IO.

No function: it holds one connection for as long as it lives. It runs as a container that is always on, once or twice;
two share the queue. Configured by the environment, like the functions, and by BVR_FIKSIO_*. Where PORT is given, a GET
there answers 200 for as long as the worker lives up to its name.
"""

from __future__ import annotations

import os
import signal
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pika

from bvr import gcp
from bvr.config import config
from bvr.fiksio.connector import Connector, parameters
from bvr.fiksio.send import SCOPE
from bvr.fiksio.settings import fiks_client, fiks_settings, tokens
from bvr.kostra.decode import DEFAULT_LIMITS as KOSTRA


def connector() -> Connector:
    """The connector with Google and Fiks IO behind its ports."""
    c, f = config(), fiks_settings()
    password = Path(f.password).read_text(encoding="utf-8").strip()
    issuer = tokens(c)

    def connect() -> pika.BlockingConnection:
        secret = f"{password} {issuer.token(SCOPE, fresh=True)}"
        return pika.BlockingConnection(
            parameters(f.host, f.port, user=f.integration_id, password=secret, virtual_host=f.virtual_host, tls=f.tls)
        )

    case = c.settings.limits.bytes
    return Connector(
        archive=gcp.Bucket(gcp.storage_client(c.project), c.bucket(c.bucket_arkiv)),
        topics=gcp.publisher(c.project),
        topic_in=c.topic_innsending,
        topic_events=c.topic_hendelse,
        inbox=c.bucket(c.bucket_innboks),
        account=c.konto_id,
        connect=connect,
        clock=lambda: datetime.now(UTC),
        store=fiks_client(c, f, lambda _: False),
        limits={"sak": case, "hendelse": case, "kostra": KOSTRA.bytes},
        own_headers=frozenset(f.own_headers.split(",")) - {""},
        prefetch=f.prefetch,
        hold_seconds=f.hold_seconds,
    )


def tell_health(running: Connector, port: int) -> ThreadingHTTPServer:
    """Answer on a port whether the connector is alive."""

    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if running.alive else 503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("", port), Health)
    threading.Thread(target=server.serve_forever, name="helse", daemon=True).start()
    return server


def main() -> None:
    """Run until SIGTERM; then finish what is in hand."""
    running = connector()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: running.stop())
    if port := os.environ.get("PORT"):
        tell_health(running, int(port))
    running.run()


if __name__ == "__main__":
    main()
