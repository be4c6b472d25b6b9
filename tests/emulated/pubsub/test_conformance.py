"""docs/pubsub-conformance.md says what the scenarios say."""

from __future__ import annotations

from tests.emulated.pubsub.conformance import PAGE, render


def test_page_is_current() -> None:
    assert PAGE.read_text() == render(), "run: python -m tests.emulated.pubsub.conformance"
