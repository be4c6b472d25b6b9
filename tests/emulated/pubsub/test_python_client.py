"""Every capability, through Google's Python client, shows what production shows."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulated.pubsub.scenarios import SCENARIOS

pytestmark = pytest.mark.local_cloud


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str, seen_at_ours: dict[str, Any]) -> None:
    assert seen_at_ours[name] == SCENARIOS[name].sees
