"""What somebody should know of before it hurts: senders that have fallen silent, and certificates that run out.

Told in the log, once a night, in the words that the alarms count (terraform/alarms.auto.tfvars.json).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

import msgspec
from cryptography.x509 import load_pem_x509_certificate
from holidays import country_holidays

from bvr.intake.sender import Right
from bvr.log import log
from bvr.pipeline import day_in_norway
from bvr.register.derived import Tables

SILENT = 3
"""Working days without a submission after which somebody asks."""
EXPIRES = 60
"""Days before a certificate runs out from which it is told of."""
OURSELVES = "registeret"

_LATEST = "SELECT avsender_id, MAX(mottatt) AS siste FROM register.innsending GROUP BY avsender_id"


class Silent(msgspec.Struct, frozen=True):
    """A sender that has been silent: whole working days since the day it last sent."""

    account: str
    days: int


class Expires(msgspec.Struct, frozen=True):
    """A certificate that runs out, of an account or of ourselves: days left, negative when it has."""

    account: str
    days: int


def silent(tables: Tables, rights: Iterable[Right], today: date) -> Iterator[Silent]:
    """The senders that may send today, have sent before, and have not for more than `SILENT` working days."""
    latest = {row["avsender_id"]: day_in_norway(row["siste"]) for row in tables.query(_LATEST)}
    for account in sorted({right.konto_id for right in rights if right.valid(today)} & latest.keys()):
        since = latest[account]
        calendar = country_holidays("NO", years=range(since.year, today.year + 1))
        # The day it sent on is not silent, and one that is not over does not count.
        between = since + timedelta(days=1), today - timedelta(days=1)
        days = calendar.get_working_days_count(*between) if between[0] <= between[1] else 0
        if days > SILENT:
            yield Silent(account, days)


def expiring(rights: Iterable[Right], own: bytes | None, today: date) -> Iterator[Expires]:
    """Certificates of those who may send today, and our own, that run out within `EXPIRES` days."""
    given = {(right.konto_id, right.sertifikat.encode()) for right in rights if right.sertifikat and right.valid(today)}
    for account, pem in sorted(given | ({(OURSELVES, own)} if own else set())):
        left = (load_pem_x509_certificate(pem).not_valid_after_utc.date() - today).days
        if left < EXPIRES:
            yield Expires(account, left)


def watch(tables: Tables, rights: Iterable[Right], own: bytes | None, today: date) -> int:
    """Tell of all of it; how much there was."""
    rights = list(rights)
    quiet, ends = list(silent(tables, rights, today)), list(expiring(rights, own, today))
    for one in quiet:
        log("avsender er taus", severity="WARNING", avsender_id=one.account, virkedager=one.days)
    for end in ends:
        log("sertifikat går ut", severity="WARNING", avsender_id=end.account, dager=end.days)
    return len(quiet) + len(ends)
