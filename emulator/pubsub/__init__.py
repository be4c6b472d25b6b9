"""The local Pub/Sub: a gRPC server for any official client, and the Python class that runs it in process.

From the outside in: `server` puts the parts together, `service` speaks gRPC, `push` sends to endpoints, `broker` knows
topics and subscriptions, `backlog` is what one subscription owes, `store` keeps it all on disk.
"""

from emulator.pubsub.errors import PubSubError
from emulator.pubsub.server import PubSubServer

__all__ = ["PubSubError", "PubSubServer"]
