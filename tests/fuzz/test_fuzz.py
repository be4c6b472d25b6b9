"""A slice of the fuzzing: the corpus that is kept, and some thousand changes of it, the same each time."""

from __future__ import annotations

import random
import socket
from pathlib import Path

import pytest

from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS, corpus, guarded, warm

CHANGES = 3000


def changed(data: bytes, rng: random.Random) -> bytes:
    """A few bytes of an input altered, cut out, doubled or put in."""
    made = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at, size = rng.randrange(len(made) + 1), rng.randint(1, 40)
        match rng.randrange(4):
            case 0 if at < len(made):
                made[at] = rng.randrange(256)
            case 1:
                del made[at : at + size]
            case 2:
                made[at:at] = made[at : at + size]
            case _:
                made[at:at] = rng.choice([b"<", b"&", b'"', b"{", b"[", b"\x00", b"\xff", b"9" * 20, b"%00"])
    return bytes(made)


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_breaks(name: str) -> None:
    warm(name)
    rng = random.Random(name)
    kept = corpus(name)
    assert kept
    for seed in kept:
        with guarded():
            TARGETS[name](seed)
    for _ in range(CHANGES):
        data = changed(rng.choice(kept), rng)
        with guarded():
            TARGETS[name](data)


def test_the_sound_inputs_are_in_the_corpus() -> None:
    """But for containers: their keys are made anew each time."""
    kept = {name: set(corpus(name)) for name in TARGETS}
    missing = [name for name, data in seeds() if name != "container" and data not in kept[name]]
    assert not missing


def test_what_may_not_be_done_is_seen(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="open"), guarded():
        (tmp_path / "x").write_text("x")
    with pytest.raises(AssertionError, match="connect"), guarded(), socket.socket() as made:
        made.connect_ex(("127.0.0.1", 9))
