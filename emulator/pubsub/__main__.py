"""`python -m emulator.pubsub --host 127.0.0.1 --port 0 --data-dir DIR`"""

from __future__ import annotations

import argparse
import signal
from pathlib import Path
from types import FrameType

from emulator.pubsub.server import PubSubServer


def main(arguments: list[str] | None = None) -> None:
    """Run a server until SIGTERM or Ctrl-C; its address is printed when it is ready."""
    parser = argparse.ArgumentParser(prog="python -m emulator.pubsub", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8085, help="0: any free port")
    parser.add_argument("--data-dir", type=Path, help="keep topics, subscriptions and messages here")
    options = parser.parse_args(arguments)

    def end(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
    with PubSubServer(options.host, options.port, options.data_dir) as server:
        print(server.address, flush=True)
        try:
            server.wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
