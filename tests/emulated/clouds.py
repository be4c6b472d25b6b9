"""A local cloud that the project's own ports of this process talk to, for as long as it runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from emulator.cloud import LocalCloud


def forget() -> None:
    """The ports are made once a process, for the cloud that was there then."""
    from bvr import config, gcp, wiring

    for module in (config, gcp, wiring):
        for found in vars(module).values():
            if hasattr(found, "cache_clear"):
                found.cache_clear()


@contextmanager
def running(**options: Any) -> Iterator[LocalCloud]:
    """`options` are those of LocalCloud."""
    before = dict(os.environ)
    try:
        with LocalCloud(**options) as cloud:
            os.environ.update(cloud.environment)
            forget()
            yield cloud
    finally:
        os.environ.clear()
        os.environ.update(before)
        forget()
