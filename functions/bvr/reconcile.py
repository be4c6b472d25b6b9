"""Reconciliation: do the counts balance? Every archived message has its answer, every receipt its row, every submission
both; and nothing has what it should not (reference section 5.6, point 8).

Only what is older than `SETTLED` is looked at: what is younger may be on its way. A message that nothing will come back
to (archived, not answered, not marked as open: its function died in between, and Pub/Sub has given it up) is marked as
open again, so that the next sweep wakes it.
"""

# mypy: disable-error-code="misc"
# (see model/concepts.py)

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Annotated, TypeVar

import msgspec

from bvr.desk import BESIDE, Desk, Listed, kept_attributes
from bvr.intake.protocol import is_answer
from bvr.log import log
from bvr.model.types import STAMP, WHOLE, Concept, Doc
from bvr.register.derived import Tables

SETTLED = timedelta(hours=1)
"""The age from which a message is either answered or open."""
LATE = timedelta(minutes=30)
"""The age from which an open message is late."""
FETCHED = "henting:"
"""What the Pub/Sub id of a case that was fetched begins with: its notification is answered, not it."""
_MESSAGE = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_MISSING = ("glemt", "apne_for_lenge", "kvittering_uten_rad", "innsending_uten_rad")
_EXTRA = ("svar_uten_arkiv", "rad_uten_kvittering", "rad_uten_innsending")
_SAMPLES = 20
_THREADS = 8
T = TypeVar("T")


class Avstemming(Concept):
    """A balance of the register: a row of `drift.avstemming`. | En avstemming av registeret."""

    tidspunkt: Annotated[datetime, STAMP, Doc("Når.", "When.")]
    arkivert: Annotated[int, WHOLE, Doc("Meldinger i arkivet.", "Messages in the archive.")]
    besvart: Annotated[int, WHOLE, Doc("Av dem besvart.", "Of them answered.")]
    apne: Annotated[int, WHOLE, Doc("Av dem åpne.", "Of them open.")]
    hentet: Annotated[int, WHOLE, Doc("Av dem hentet fra kommunen.", "Of them fetched from the municipality.")]
    svar: Annotated[int, WHOLE, Doc("Av dem svar, som ikke besvares.", "Of them answers, that are not answered.")]
    glemt: Annotated[int, WHOLE, Doc("Av dem verken besvart eller åpne.", "Of them neither answered nor open.")]
    apne_for_lenge: Annotated[int, WHOLE, Doc("Åpne i over 30 minutter.", "Open for more than 30 minutes.")]
    svar_uten_arkiv: Annotated[int, WHOLE, Doc("Besvart uten arkiv.", "Answered without an archive.")]
    kvitteringer: Annotated[int, WHOLE, Doc("Kvitteringer.", "Receipts.")]
    kvittering_uten_rad: Annotated[int, WHOLE, Doc("Av dem uten rad.", "Of them without a row.")]
    rad_uten_kvittering: Annotated[int, WHOLE, Doc("Rader uten kvittering.", "Rows without a receipt.")]
    innsendinger: Annotated[int, WHOLE, Doc("Innsendinger.", "Submissions.")]
    innsending_uten_rad: Annotated[int, WHOLE, Doc("Av dem uten rad.", "Of them without a row.")]
    rad_uten_innsending: Annotated[int, WHOLE, Doc("Rader uten innsending.", "Rows without a submission.")]
    mangler: Annotated[int, WHOLE, Doc("Alt som mangler.", "All that is missing.")]
    ekstra: Annotated[int, WHOLE, Doc("Alt som er for mye.", "All that is too much.")]
    gjenapnet: Annotated[int, WHOLE, Doc("Glemte meldinger gjenåpnet.", "Forgotten messages opened again.")]

    @property
    def balances(self) -> bool:
        return not self.mangler and not self.ekstra


class Difference(msgspec.Struct, frozen=True):
    """Something that does not balance: what it is, and the name of the object or the id of the row."""

    what: str
    name: str


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """A reconciliation: the counts, and the first of what does not balance."""

    counts: Avstemming
    differences: tuple[Difference, ...]


def reconcile(desk: Desk, tables: Tables, *, mend: bool = True) -> Balance:
    """Count, compare, and with `mend` open again what was forgotten. Raises Retry for faults of the platform."""
    now = desk.clock()
    counts: Counter[str] = Counter()
    found: list[Difference] = []

    def differs(what: str, name: str) -> None:
        counts[what] += 1
        if sum(one.what == what for one in found) < _SAMPLES:
            found.append(Difference(what, name))

    for kind, name in _everywhere("raa/", lambda prefix: _messages(desk, prefix, now)):
        if kind not in (*_MISSING, *_EXTRA):
            counts[kind] += 1
            continue
        differs(kind, name)
        if kind == "glemt" and mend:
            counts["gjenapnet"] += desk.ledger.create(f"apne/{_message(name)}", name.encode())
    for what, key, known in (
        ("kvittering", _receipt, _RECEIPTS),
        ("innsending", _submission, _SUBMISSIONS),
    ):
        listed = _everywhere(f"{what}/", lambda prefix: list(desk.ledger.listed(prefix)))
        kept = {key(one.name): one.created for one in listed}
        rows = {row["id"]: row["siden"] for row in tables.query(known)}
        counts[{"kvittering": "kvitteringer", "innsending": "innsendinger"}[what]] = len(kept)
        for one in sorted(kept.keys() - rows.keys()):
            if kept[one] < now - SETTLED:
                differs(f"{what}_uten_rad", one)
        for one in sorted(rows.keys() - kept.keys()):
            if rows[one] < now - SETTLED:
                differs(f"rad_uten_{what}", one)
    balance = Balance(counts=_told(now, counts), differences=tuple(found))
    told = {name: value for name, value in msgspec.structs.asdict(balance.counts).items() if name != "tidspunkt"}
    log("avstemt", severity="INFO" if balance.counts.balances else "ALERT", **told)
    return balance


def _told(now: datetime, counts: Counter[str]) -> Avstemming:
    given = {name: counts[name] for name in Avstemming.__struct_fields__ if name != "tidspunkt"}
    given |= {"mangler": sum(counts[one] for one in _MISSING), "ekstra": sum(counts[one] for one in _EXTRA)}
    given["arkivert"] = sum(counts[one] for one in ("besvart", "apne", "apne_for_lenge", "hentet", "svar", "glemt"))
    given["apne"] += counts["apne_for_lenge"]
    return Avstemming(tidspunkt=now, **given)


# --- messages --------------------------------------------------------------------------------------------------------


def _messages(desk: Desk, prefix: str, now: datetime) -> list[tuple[str, str]]:
    """(what became of it, its name) of each message below a prefix of the archive, and of answers without one."""
    below = prefix.removeprefix("raa/")
    archived: dict[str, Listed] = {}
    for one in desk.archive.listed(prefix):
        message = _message(one.name)
        if message and (message not in archived or one.name.endswith(message)):
            archived[message] = one
    # Marks are read after the archive: what was answered meanwhile is answered.
    opened = {one.name.removeprefix("apne/"): one.created for one in desk.ledger.listed(f"apne/{below}")}
    sent = (one.name.removeprefix("sendt/") for one in desk.ledger.listed(f"sendt/{below}"))
    answered = {one for one in sent if _MESSAGE.fullmatch(one.partition("/")[2])}  # not "received", and no replay's
    found = []
    for message, one in archived.items():
        if message in opened:
            kind = "apne_for_lenge" if opened[message] < now - LATE else "apne"
        elif message in answered:
            kind = "besvart"
        elif one.metadata.get("pubsub-id", "").startswith(FETCHED):
            kind = "hentet"
        elif one.created >= now - SETTLED:
            kind = "apne"  # on its way: taken, and not marked yet
        else:
            kind = "svar" if _never_answered(desk, one) else "glemt"
        found.append((kind, one.name))
    found += [("svar_uten_arkiv", f"sendt/{one}") for one in sorted(answered - archived.keys())]
    return found


def _never_answered(desk: Desk, one: Listed) -> bool:
    stored = desk.archive.read(one.name)
    if stored is None:
        return True  # erased since it was listed
    return is_answer(kept_attributes(desk.archive, one.name, stored).get("type", ""))


def _message(name: str) -> str:
    """`<account>/<melding-id>` of an archived object; "" for what only lies beside one."""
    account, _, last = name.removeprefix("raa/").partition("/")
    match = _MESSAGE.match(last)
    return f"{account}/{match[0]}" if match and not last.endswith(BESIDE) else ""


# --- rows ------------------------------------------------------------------------------------------------------------

_RECEIPTS = """
SELECT kvitterings_id AS id, MIN(behandlet) AS siden FROM register.innsending GROUP BY id
UNION ALL
SELECT fil_id AS id, MIN(behandlet) AS siden FROM register.kostra_fil GROUP BY id
"""
_SUBMISSIONS = """
SELECT CONCAT(orgnr, '/', innsending_id) AS id, MIN(behandlet) AS siden
FROM register.innsending
WHERE innsending_id IS NOT NULL
GROUP BY id
"""


def _receipt(name: str) -> str:
    return name.split("/")[1]


def _submission(name: str) -> str:
    return name.removeprefix("innsending/")


# --- listing ---------------------------------------------------------------------------------------------------------


def _everywhere(prefix: str, work: Callable[[str], list[T]]) -> Iterator[T]:
    """The work for each part of what lies below a prefix, some at a time: what is named there begins with an id."""
    with ThreadPoolExecutor(_THREADS) as pool:
        for part in pool.map(work, (f"{prefix}{one}" for one in "0123456789abcdefABCDEF")):
            yield from part


def keep(tables: Tables, balance: Balance) -> None:
    """Add a reconciliation to `drift.avstemming`, once."""
    row = msgspec.structs.asdict(balance.counts)
    tables.insert("drift.avstemming", [row], once=balance.counts.tidspunkt.strftime("%Y%m%dT%H%M%S%f"))
