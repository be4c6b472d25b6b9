"""Compression of answers: which one a caller takes, and the bytes."""

from __future__ import annotations

import gzip
from functools import lru_cache

import zstandard

LEAST = 1000
"""Bytes from which an answer is compressed."""
KNOWN = ("zstd", "gzip")


def chosen(accept: str) -> str:
    """The encoding that an Accept-Encoding header likes best among ours, the first of equals; "" for none."""
    weights: dict[str, float] = {}
    for part in accept.lower().split(","):
        name, _, rest = part.partition(";")
        quality = rest.strip().removeprefix("q=") if rest else "1"
        try:
            weights[name.strip()] = float(quality)
        except ValueError:
            continue
    found = {name: weights.get(name, weights.get("*", 0.0)) for name in KNOWN}
    best = max(KNOWN, key=lambda name: found[name])
    return best if found[best] > 0 and found[best] >= weights.get("identity", 0.0) else ""


class _Body:
    """Bytes that are known by their hash."""

    def __init__(self, body: bytes, digest: str) -> None:
        self.body, self.digest = body, digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Body) and other.digest == self.digest


@lru_cache(maxsize=64)
def _compressed(given: _Body, encoding: str) -> bytes:
    if encoding == "gzip":
        return gzip.compress(given.body, 6, mtime=0)  # the same bytes each time: the ETag is strong
    return zstandard.ZstdCompressor(level=6).compress(given.body)


def encoded(body: bytes, encoding: str, digest: str) -> bytes:
    """The compressed bytes; `digest` is the hash of the body."""
    return _compressed(_Body(body, digest), encoding)
