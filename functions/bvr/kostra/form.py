"""What is known of a file beside the file itself: the reporting year and the municipality it is to be for."""

from __future__ import annotations

import msgspec


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """The values that the control of a file gets (reference section 2.1): whose file it is meant to be.

    They come from outside the file: the reporting year from where it was put, the municipality from the register of
    senders. `kommunenummer` has four digits.
    """

    year: int
    kommunenummer: str
    kommunenavn: str
    organisasjonsnummer: str
