"""The schema versions we read, and how the transport names them.

A document does not say its version (information model, section 1): it comes beside it, as `xsdVersion`. The production
protocol sends the number of the interface, the native one the full version.
"""

from __future__ import annotations

from bvr.model.types import version_key

CURRENT = "4.0.1"
SUPPORTED = ("4.0.1", "3.0.5", "2.2.3")

# The production protocol numbers its interfaces 1, 3 and 4, and its file Barnevern_v1.xsd is 2.2.3.
INTERFACES = {"2.2.3": 1}

# A version is read with a later patch of the same minor where a document that both accept means the same in both. What
# the later one refuses, the sender is told.
#   4.0.0  limited every code of Saksinnhold to two characters, so its own new codes were invalid.
#   3.0.1  to 3.0.4 have the structure and the code numbers of 3.0.5. Not 3.0.0: its five new codes of Saksinnhold had
#          numbers that mean other things since 3.0.1, and to read them would change what the case is about.
#   2.2.0  to 2.2.2 have the elements and codes of 2.2.3, which looks closer at some values and at repeated Ids.
# Before 2.2.0 one attribute could hold several codes, and before 2.0.0 there was no Personalia: other documents.
READ_WITH = {
    "4.0.0": "4.0.1",
    **{f"3.0.{patch}": "3.0.5" for patch in range(1, 5)},
    **{f"2.2.{patch}": "2.2.3" for patch in range(3)},
}


def interface(version: str) -> int:
    """The number by which the production protocol names a version."""
    return INTERFACES.get(version, version_key(version)[0])


def resolve(announced: str | int | None) -> str | None:
    """The supported version that an announced one is read with, or None when we do not know it.

    A number alone is an interface (1 is 2.2.3) or else a major version, which means its newest: 2 is 2.2.3, 4 is 4.0.1.
    """
    text = str(announced).strip() if announced is not None else ""
    if text in SUPPORTED:
        return text
    if text in READ_WITH:
        return READ_WITH[text]
    if text.isascii() and text.isdigit():
        number = int(text)
        same = [v for v in SUPPORTED if number in (interface(v), version_key(v)[0])]
        return max(same, key=version_key, default=None)
    return None
