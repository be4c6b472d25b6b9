"""The schema versions we read, and how the transport names them.

A document does not say its version (information model, section 1): it comes beside it, as `xsdVersion`. The production
protocol sends the major number, the native one the full version.
"""

from __future__ import annotations

from bvr.model.types import version_key

CURRENT = "4.0.1"
SUPPORTED = ("4.0.1", "3.0.5")

# 4.0.0 limited every code of Saksinnhold to two characters, so its own new codes were invalid: it is read with 4.0.1.
_READ_WITH = {"4.0.0": "4.0.1", **{f"3.0.{n}": "3.0.5" for n in range(5)}}


def resolve(announced: str | int | None) -> str | None:
    """The supported version that an announced one is read with, or None when we do not know it.

    A major number means its newest version: 3 is 3.0.5, 4 is 4.0.1.
    """
    text = str(announced).strip() if announced is not None else ""
    if text in SUPPORTED:
        return text
    if text in _READ_WITH:
        return _READ_WITH[text]
    if text.isascii() and text.isdigit():
        same = [v for v in SUPPORTED if v.startswith(f"{int(text)}.")]
        return max(same, key=version_key, default=None)
    return None
