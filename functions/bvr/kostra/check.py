"""A whole KOSTRA file checked: read once, every rule, the verdict and the report. Pure, and in bounded memory."""

from __future__ import annotations

import msgspec

from bvr.findings import Severity
from bvr.kostra import concepts as m
from bvr.kostra.decode import DEFAULT_LIMITS, Client, Limits, read
from bvr.kostra.form import Form
from bvr.kostra.report import RECEIPT_LIMIT, Collector, ControlReport
from bvr.kostra.rules import FileCheck, KostraFinding, KostraOptions, check_avgiver, check_individ
from bvr.verdict import Verdict

UNREADABLE = "kostra-fil-00"


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of a file. REJECTED: its sender or the file as a whole cannot be read; EXCLUDED: one FEIL or more,
    which stops all of it; REGISTERED: the rest."""

    verdict: Verdict
    report: ControlReport
    short: ControlReport  # with no more findings than an answer lists
    avgiver: m.Avgiver | None
    valid: int  # clients that follow the schema


def sender_of(data: bytes, limits: Limits = DEFAULT_LIMITS) -> m.Avgiver | None:
    """The first sender of a file, if it has a valid one before its clients. Reads no further."""
    for part in read(data, limits):
        if isinstance(part, m.Avgiver):
            return part
        if isinstance(part, Client):
            return None
    return None


def check_file(data: bytes, form: Form, options: KostraOptions, limits: Limits = DEFAULT_LIMITS) -> Checked:
    """Check a file against the form. Raises Broken when a rule crashes."""
    found, over = Collector(), FileCheck(form, options)
    avgiver: m.Avgiver | None = None
    valid = 0
    unreadable: list[KostraFinding] = []
    for part in read(data, limits):
        if isinstance(part, Client):
            valid += 1
            over.add(part.individ)
            found.client(check_individ(part.individ, form, options, part.number))
        elif isinstance(part, m.Avgiver):
            avgiver = avgiver or part
            found.add(check_avgiver(part, form, options))
        elif part.rule == UNREADABLE:
            unreadable.append(part)
        elif part.number is not None:
            found.client((part,))
        else:
            found.add((part,))
    if unreadable:
        # Nothing else is reported then: what was read before it may be half of something.
        found = Collector()
        found.add(unreadable[:1])
        return _checked(Verdict.REJECTED, found, avgiver, 0)
    found.add(over.finish())
    if avgiver is None:
        verdict = Verdict.REJECTED
    else:
        verdict = Verdict.EXCLUDED if found.report(0).counts.get(Severity.ERROR) else Verdict.REGISTERED
    return _checked(verdict, found, avgiver, valid)


def _checked(verdict: Verdict, found: Collector, avgiver: m.Avgiver | None, valid: int) -> Checked:
    return Checked(
        verdict=verdict, report=found.report(), short=found.report(RECEIPT_LIMIT), avgiver=avgiver, valid=valid
    )
