"""`python -m emulator`: the local cloud, until Ctrl-C."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import threading
from pathlib import Path

from emulator.cloud import PROJECT, LocalCloud

EXAMPLE = """example:
  python -m emulator --data-dir .bvr --env-file .bvr/env
  . .bvr/env && python my_client.py      # in another terminal
"""


def main() -> None:
    """Start the local cloud, print its environment, and keep it until Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="python -m emulator",
        description=main.__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data-dir", type=Path, help="keep data, keys and logs here; without it nothing is kept")
    parser.add_argument("--no-functions", action="store_true", help="only the Google services")
    parser.add_argument("--env-file", type=Path, help="also write the `export` lines to this file")
    parser.add_argument("--project", default=PROJECT)
    options = parser.parse_args()

    def say(text: str) -> None:
        print(f"# {text}", flush=True)

    say("starting the local cloud")
    cloud = LocalCloud(
        options.data_dir and options.data_dir.resolve(),
        functions=not options.no_functions,
        project=options.project,
        keep_data=options.data_dir is not None,
        schedules=True,
        progress=say,
        pubsub_host=os.environ.get("PUBSUB_EMULATOR_HOST"),
    )
    stopping = threading.Event()
    with cloud:
        # While it starts, Ctrl-C and SIGTERM end the start; from here on they end the wait.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopping.set())
        lines = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in cloud.environment.items())
        print(lines, end="", flush=True)
        if options.env_file:
            options.env_file.write_text(lines)
        say("ready; Ctrl-C stops it")
        stopping.wait()
        say("stopping")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:  # while starting: all has been stopped, and there is nothing to explain
        raise SystemExit(130) from None
