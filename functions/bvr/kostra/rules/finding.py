"""What is found in a KOSTRA file: the finding of the register, and whose it is by journal number."""

from __future__ import annotations

import re

from bvr.findings import Finding

HIDDEN = "(skjult: ligner et personnummer)"
"""Stands where a key of the file would have repeated a person number."""

_SEPARATORS = re.compile(r"[\s.,:;/_\-]+")
_RUN = re.compile(r"(?<!\d)\d{11}(?!\d)", re.ASCII)


class KostraFinding(Finding, frozen=True, omit_defaults=True, kw_only=True):
    """A finding with its client.

    `journalnummer` is how the control report names a client, by specification; it stands in receipts and reports and
    never in a log. `element_id` is the Id of the record concerned, `individ_id` that of the client, `number` the
    client's place in the file counted from 1. The case worker is not told of: that is somebody's name.
    """

    journalnummer: str | None = None
    individ_id: str | None = None
    number: int | None = None

    @property
    def order(self) -> tuple[int, str, str, str, int]:
        """Of findings of one client: worst first, then by rule and record."""
        return (-self.severity, self.rule, self.path, self.element_id or "", self.line or 0)


def safe_key(key: str, *own: str | None) -> str:
    """A key of the file as it may be repeated: HIDDEN when it is a person number, or holds one of the client's `own`.

    The keys are free text of the old systems, and some systems took the person number for a key.
    """
    bare = _SEPARATORS.sub("", key)
    if any(number and number in bare for number in own):
        return HIDDEN
    return HIDDEN if any(_is_number(run) for run in _RUN.findall(bare)) else key


def _is_number(digits: str) -> bool:
    # Imported late: most keys have no eleven digits.
    from bvr.kostra.rules.terms import looks_like_person

    return looks_like_person(digits)
