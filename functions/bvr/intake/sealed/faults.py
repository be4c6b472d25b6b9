"""How a check of a container fails: with a kind of fault, in words that say what to do and nothing of the content."""

from __future__ import annotations

from bvr.faults import Fault


class Unsound(Exception):
    """A check that failed. Caught where containers are opened: outside it is a value."""

    def __init__(self, kind: str, nb: str, en: str) -> None:
        super().__init__(kind)
        self.fault = Fault(kind=kind, nb=nb, en=en)


def locked() -> Unsound:
    """The one answer to whatever goes wrong between the private key and a whole container (no oracle)."""
    return Unsound(
        "pakke-noekkel",
        "Meldingen kunne ikke dekrypteres. Den er ikke kryptert til registerets sertifikat, eller den er skadet.",
        "The message could not be decrypted. It is not encrypted to the register's certificate, or it is damaged.",
    )
