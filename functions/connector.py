"""The worker in front of the intake: `python connector.py` takes messages from our account's queue in Fiks IO.

No function: it holds one connection for as long as it lives. It runs as a container that is always on, once or twice;
two share the queue. Configured by the environment, like the functions, and by BVR_FIKSIO_*.
"""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from pathlib import Path

import pika

from bvr import gcp
from bvr.config import config
from bvr.fiksio.connector import Connector, parameters
from bvr.fiksio.settings import fiks_client, fiks_settings, tokens


def main() -> None:
    """Run until SIGTERM; then finish what is in hand."""
    c, f = config(), fiks_settings()
    password = Path(f.password).read_text(encoding="utf-8").strip()
    client = fiks_client(c, f, lambda _: False)
    issuer = tokens(c)

    def connect() -> pika.BlockingConnection:
        secret = f"{password} {issuer.token('ks:fiks', fresh=True)}"
        return pika.BlockingConnection(
            parameters(f.host, f.port, user=f.integration_id, password=secret, virtual_host=f.virtual_host, tls=f.tls)
        )

    storage = gcp.storage_client(c.project)
    connector = Connector(
        archive=gcp.Bucket(storage, c.bucket(c.bucket_arkiv)),
        topics=gcp.publisher(c.project),
        topic_in=c.topic_innsending,
        topic_events=c.topic_hendelse,
        account=c.konto_id,
        connect=connect,
        clock=lambda: datetime.now(UTC),
        store=client,
    )
    signal.signal(signal.SIGTERM, lambda *_: connector.stop())
    signal.signal(signal.SIGINT, lambda *_: connector.stop())
    connector.run()


if __name__ == "__main__":
    main()
