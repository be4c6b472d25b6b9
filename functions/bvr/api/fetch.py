"""GET of a small JSON document: the token issuer's metadata and keys."""

from __future__ import annotations

import json
from typing import Any
from urllib.request import Request, urlopen

_SECONDS = 5.0
_MOST = 1_000_000


def fetch_json(url: str) -> Any:
    """The document at a configured http(s) address. Raises OSError or ValueError."""
    if not url.startswith(("https://", "http://")):
        raise ValueError("not an http address")
    with urlopen(Request(url, headers={"Accept": "application/json"}), timeout=_SECONDS) as answer:  # noqa: S310
        return json.loads(answer.read(_MOST))
