"""Our server and Google's own emulator show the same, but for the differences we mean to have."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulated.pubsub.scenarios import INTENDED, SCENARIOS

pytestmark = pytest.mark.local_cloud


@pytest.mark.parametrize("name", [name for name in SCENARIOS if name not in INTENDED])
def test_same(name: str, seen_at_ours: dict[str, Any], seen_at_googles: dict[str, Any]) -> None:
    assert seen_at_ours[name] == seen_at_googles[name]


@pytest.mark.parametrize("name", INTENDED)
def test_intended_difference(name: str, seen_at_ours: dict[str, Any], seen_at_googles: dict[str, Any]) -> None:
    """A difference that is no more must leave the table."""
    assert seen_at_ours[name] != seen_at_googles[name], INTENDED[name]
