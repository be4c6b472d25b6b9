from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest

from emulator import rabbitmq
from emulator.fiksio import Door
from emulator.rabbitmq import RabbitMQ

if rabbitmq.program() is None:
    warnings.warn(rabbitmq.ABSENT, stacklevel=1)


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    with Door() as running:
        yield running


@pytest.fixture(scope="module")
def broker(door: Door) -> Iterator[RabbitMQ]:
    with RabbitMQ(door.url) as running:
        yield running
