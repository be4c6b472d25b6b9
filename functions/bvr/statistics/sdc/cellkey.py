"""Cell-key perturbation: counts of children in cubes that anybody may cut as they like (statistics 4.4).

Each child has a secret record key. The keys of the children in a cell give its cell key, and that and the count give
the noise: the same children have the same count in every table, however often and in whatever company they are asked
for, so nothing is gained by asking again. Tables do not add up. Never publish a cell by this and by hiding, too.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

import numpy as np

from bvr.statistics.sdc.problem import Ints

_SPACE = 2**32
MOST = 3
"""The most that a count is off by."""
# Count -> noise -> how likely: without bias, never to 1 or 2, zero stays zero.
_NOISE: dict[int, dict[int, float]] = {
    1: {-1: 2 / 3, 2: 1 / 3},
    2: {-2: 1 / 3, 1: 2 / 3},
    3: {-3: 0.1, 0: 0.675, 1: 0.15, 2: 0.075},
    4: {-1: 0.4, 0: 0.375, 1: 0.1, 2: 0.075, 3: 0.05},
    5: {-2: 0.15, -1: 0.2, 0: 0.35, 1: 0.15, 2: 0.1, 3: 0.05},
    6: {-3: 1 / 30, -2: 0.1, -1: 0.2, 0: 1 / 3, 1: 0.2, 2: 0.1, 3: 1 / 30},
}


def record_key(secret: bytes) -> int:
    """The key of a child, from a secret of its own (the half of its pseudonym that is never shown): the same for ever.

    Raises ValueError for a secret of fewer than 16 bytes.
    """
    if len(secret) < 16:
        raise ValueError("the secret of a child has at least 16 bytes")
    return int.from_bytes(hmac.digest(secret, b"cellenokkel", hashlib.sha256)[:4], "big")


def cell_key(keys: Iterable[int]) -> int:
    """The key of a cell: that of its children, each once, whatever their order."""
    return sum(set(keys)) % _SPACE


def perturbed(counts: Ints, keys: Ints) -> Ints:
    """The counts to publish, from counts of children and the keys of their cells (arrays of one length)."""
    found = counts.copy()
    uniform = keys / _SPACE
    for count, noise in _NOISE.items():
        where = (counts == count) if count < max(_NOISE) else (counts >= count)
        values = np.array(sorted(noise))
        limits = np.cumsum([noise[one] for one in sorted(noise)])[:-1]
        found[where] += values[np.searchsorted(limits, uniform[where], side="right")]
    return found


def noise() -> dict[int, dict[int, float]]:
    """The declared noise: count -> by how much -> how likely. The last is for all greater counts."""
    return {count: dict(one) for count, one in _NOISE.items()}
