"""One child: which cases are about the same person, by the complete numbers that they share.

The numbers of a case are those of its latest REGISTERED submission, so that a number that is corrected takes its link
back; one that is EXCLUDED changes nothing, and a deleted case links nothing. Cases that share a number, directly or by
way of others, are one child, and the child's key is the own key of its founding case: the one that was seen first. The
founder never changes key, so a merge or a split is a new line for the other cases, dated, and undone by the next one.

Only ciphertext is compared here. Placeholders and invalid numbers never link: 00100 is many children.
"""

# mypy: disable-error-code="misc"
# (see model/concepts.py)

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import NAMESPACE_URL, uuid5

import msgspec

from bvr.model.types import BOOLEAN, STAMP, TEXT, WHOLE, Concept, Doc, Person
from bvr.register.derived import BEGINNING, Done, Tables, Window, record, window

STEP = "person"
LINKING = ("FNR", "DNR")
"""The kinds of number (nummertype) that are one person's alone."""
_REPLAYED = timedelta(days=31)
"""Submissions received earlier than this before a window are processed in it by a replay only: left to the night."""

Case = tuple[str, str]
"""(orgnr, sak_id)."""
Number = tuple[str, bytes]
"""(kind: FNR, DNR or DUF; ciphertext)."""


class PersonNummer(Concept):
    """A complete number. | Et fullstendig nummer."""

    type: Annotated[str, TEXT, Doc("FNR, DNR eller DUF.", "FNR, DNR or DUF.")]
    nummer: Annotated[str, TEXT, Doc("Nummeret.", "The number.", Person.DIRECT)]


class PersonSak(Concept):
    """Who a case is about, from a time on. | Hvem en sak gjelder, fra et tidspunkt."""

    orgnr: Annotated[str, TEXT, Doc("Avgivers organisasjonsnummer.", "The reporter's organisation number.")]
    sak_id: Annotated[str, TEXT, Doc("Sak/@Id, små bokstaver.", "Sak/@Id, lower case.")]
    egen_id: Annotated[str, TEXT, Doc("Sakens egen nøkkel.", "The case's own key.")]
    barn_id: Annotated[
        str, TEXT, Doc("Barnets nøkkel: egen_id til saken som ble sett først.", "The child's key: of its first case.")
    ]
    versjon: Annotated[int, WHOLE, Doc("Nummer i rekken for saken, fra 1.", "Its number among the case's, from 1.")]
    forst_sett: Annotated[datetime, STAMP, Doc("Da saken først ble mottatt.", "When the case was first received.")]
    gjelder_fra: Annotated[datetime, STAMP, Doc("Da dette ble avledet.", "When this was derived.")]
    grunn: Annotated[
        str,
        TEXT,
        Doc("NY, NUMMER (andre numre), FLETTET eller DELT.", "New, other numbers, merged, or split."),
    ]
    innsending_id: Annotated[str | None, TEXT, Doc("Innsendingen som førte til det.", "What led to it.")] = None
    numre: Annotated[tuple[PersonNummer, ...], Doc("Sakens fullstendige numre.", "The case's complete numbers.")] = ()


class PersonIdentifikator(Concept):
    """A number, and whether a case has it. | Et nummer, og om en sak har det."""

    nummer: Annotated[str, TEXT, Doc("Nummeret.", "The number.", Person.DIRECT)]
    type: Annotated[str, TEXT, Doc("FNR, DNR eller DUF.", "FNR, DNR or DUF.")]
    orgnr: Annotated[str, TEXT, Doc("Avgivers organisasjonsnummer.", "The reporter's organisation number.")]
    sak_id: Annotated[str, TEXT, Doc("Sak/@Id, små bokstaver.", "Sak/@Id, lower case.")]
    aktiv: Annotated[bool, BOOLEAN, Doc("Om saken har nummeret fra da av.", "Whether the case has it from then on.")]
    versjon: Annotated[int, WHOLE, Doc("Versjonen av saken som sa det.", "The case's version that said so.")]
    gjelder_fra: Annotated[datetime, STAMP, Doc("Da dette ble avledet.", "When this was derived.")]


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What was derived last of a case."""

    barn_id: str
    versjon: int
    forst_sett: datetime
    numbers: frozenset[Number]


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What the register says of a case now. `numbers` are empty when it is deleted or gone."""

    forst_sett: datetime
    numbers: frozenset[Number]
    innsending_id: str | None = None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A new version of what is known of a case."""

    case: Case
    known: Known
    grunn: str
    cause: str | None


def own_key(case: Case) -> str:
    """The own key of a case: follows from whose it is and its id, and says nothing of the child."""
    return str(uuid5(NAMESPACE_URL, f"sak:{case[0]}/{case[1]}"))


def resolve(seen: Mapping[Case, Seen], before: Mapping[Case, Known]) -> list[Change]:
    """The new versions that follow for some cases from what is seen of some of them now.

    `before` has every case that shares a number with any of these, before or now, and those that share with them, and
    so on: what is known of a child is known whole. Pure, and the same whatever the order.
    """
    first = {case: (found.forst_sett, case) for case, found in before.items()}
    first |= {case: (found.forst_sett, case) for case, found in seen.items() if case not in before}
    numbers = {case: found.numbers for case, found in before.items()} | {c: s.numbers for c, s in seen.items()}
    changes = []
    for component in _components(numbers):
        founder = min(component, key=lambda case: first[case])
        child = own_key(founder)
        there = {own_key(case) for case in component}
        for case in component:
            was = before.get(case)
            if was and (was.barn_id, was.numbers) == (child, numbers[case]):
                continue
            now = Known(
                barn_id=child,
                versjon=was.versjon + 1 if was else 1,
                forst_sett=first[case][0],
                numbers=numbers[case],
            )
            reason = _reason(was, now, there)
            changes.append(Change(case=case, known=now, grunn=reason, cause=_cause(case, component, was, seen, before)))
    return sorted(changes, key=lambda change: change.case)


def _reason(was: Known | None, now: Known, there: set[str]) -> str:
    if was is None:
        return "NY"
    if was.barn_id == now.barn_id:
        return "NUMMER"
    # The founder of before is with us still: somebody older has come. Else we have left it.
    return "FLETTET" if was.barn_id in there else "DELT"


def _cause(
    case: Case, component: set[Case], was: Known | None, seen: Mapping[Case, Seen], before: Mapping[Case, Known]
) -> str | None:
    """The submission that led to it: the case's own, else that of one it is or was the same child as."""
    if case in seen:
        return seen[case].innsending_id
    near = [c for c in seen if c in component or (was and c in before and before[c].barn_id == was.barn_id)]
    return seen[min(near)].innsending_id if near else None


def _components(numbers: Mapping[Case, frozenset[Number]]) -> Iterator[set[Case]]:
    parent = {case: case for case in numbers}

    def root(case: Case) -> Case:
        while parent[case] != case:
            parent[case] = parent[parent[case]]
            case = parent[case]
        return case

    holder: dict[Number, Case] = {}
    for case, held in numbers.items():
        for number in held:
            parent[root(case)] = root(holder.setdefault(number, case))
    found: dict[Case, set[Case]] = {}
    for case in numbers:
        found.setdefault(root(case), set()).add(case)
    return iter(found.values())


# --- against the register --------------------------------------------------------------------------------------------


def run(tables: Tables, at: datetime, *, everything: bool = False) -> Done:
    """Derive what follows from the submissions processed until `at`. A repeat changes nothing.

    A run reads the cases of its window, those that share a number with them, and no others. Raises Retry or Broken as
    the tables do; until a run is recorded, the next does it again.
    """
    read = window(tables, STEP, at, everything=everything)
    seen = _seen(tables, read)
    before = _before(tables, seen, everything=everything)
    if everything:
        # What was erased, or never came after all, links nothing.
        seen |= {
            case: Seen(forst_sett=known.forst_sett, numbers=frozenset())
            for case, known in before.items()
            if case not in seen
        }
    changes = resolve(seen, before)
    _write(tables, at, changes, before)
    record(tables, read, len(seen), len(changes))
    return Done(steg=STEP, antall=len(seen), endret=len(changes))


# Of each case touched in the window: when it first came, and the numbers of its latest REGISTERED submission.
_SEEN = """
WITH berort AS (
  SELECT DISTINCT orgnr, sak_id
  FROM register.innsending
  WHERE behandlet > @fra AND behandlet <= @til AND mottatt >= @mottatt_fra AND utfall != 'REJECTED'
),
rader AS (
  SELECT i.orgnr, i.sak_id, i.innsending_id, i.innhold_sha256, i.utfall, i.er_slettet, i.dato_uttrekk, i.mottatt,
    i.sak.personalia AS personalia, i.sak.slettet AS slettet,
    MIN(i.mottatt) OVER (PARTITION BY i.orgnr, i.sak_id) AS forst_sett
  FROM register.innsending AS i
  JOIN berort AS b ON b.orgnr = i.orgnr AND b.sak_id = i.sak_id
  WHERE i.utfall != 'REJECTED' AND i.behandlet <= @til
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY i.orgnr, i.innsending_id, i.innhold_sha256
    ORDER BY i.regelsett DESC, i.mottatt, i.melding_id, i.behandlet
  ) = 1
),
siste AS (
  SELECT *
  FROM rader
  WHERE utfall = 'REGISTERED'
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY orgnr, sak_id
    ORDER BY dato_uttrekk DESC, mottatt DESC, innsending_id DESC, innhold_sha256 DESC
  ) = 1
)
SELECT s.orgnr, s.sak_id, s.innsending_id, s.forst_sett, s.er_slettet IS TRUE OR p.er_slettet IS TRUE AS slettet,
  ARRAY(SELECT LOWER(b.id) FROM UNNEST(s.slettet) AS b WHERE b.type = 'Personalia') AS borte,
  LOWER(p.id) AS id, p.nummertype, p.fodselsnummer, p.duf_nummer
FROM siste AS s
LEFT JOIN UNNEST(s.personalia) AS p
"""

_KNOWN = """
SELECT orgnr, sak_id, barn_id, versjon, forst_sett, numre
FROM register.person_sak
WHERE TRUE{only}
QUALIFY ROW_NUMBER() OVER (PARTITION BY orgnr, sak_id ORDER BY versjon DESC, gjelder_fra DESC, barn_id) = 1
"""

_HOLDERS = """
SELECT DISTINCT orgnr, sak_id
FROM register.person_identifikator
WHERE nummer IN UNNEST(@numre)
"""


def _seen(tables: Tables, read: Window) -> dict[Case, Seen]:
    since = read.since if read.since == BEGINNING else read.since - _REPLAYED
    first: dict[Case, tuple[datetime, str]] = {}
    numbers: dict[Case, set[Number]] = {}
    for row in tables.query(_SEEN, {**read.parameters, "mottatt_fra": since}):
        case = (row["orgnr"], row["sak_id"])
        first[case] = (row["forst_sett"], row["innsending_id"])
        held = numbers.setdefault(case, set())
        if row["slettet"] or row["id"] in row["borte"]:
            continue
        if row["nummertype"] in LINKING:
            held.add((row["nummertype"], row["fodselsnummer"]))
        if row["duf_nummer"] is not None:
            held.add(("DUF", row["duf_nummer"]))
    return {
        case: Seen(forst_sett=when, innsending_id=submission, numbers=frozenset(numbers[case]))
        for case, (when, submission) in first.items()
    }


def _before(tables: Tables, seen: Mapping[Case, Seen], *, everything: bool) -> dict[Case, Known]:
    """What is known of the cases, and of all that are or were the same child as any of them."""
    if everything:
        return _known(tables.query(_KNOWN.format(only="")))
    found: dict[Case, Known] = {}
    asked: set[Number] = set()
    cases = set(seen)
    while cases:
        found |= _of(tables, cases)
        numbers = {n for case in cases if case in found for n in found[case].numbers}
        numbers |= {n for case in cases if case in seen for n in seen[case].numbers}
        new = numbers - asked
        asked |= new
        holders = tables.query(_HOLDERS, {"numre": sorted({data for _, data in new})}) if new else []
        cases = {(row["orgnr"], row["sak_id"]) for row in holders} - found.keys() - seen.keys()
    return found


def _of(tables: Tables, cases: Iterable[Case]) -> dict[Case, Known]:
    wanted = sorted(cases)
    only = " AND orgnr IN UNNEST(@orgnr) AND sak_id IN UNNEST(@sak_id)"
    given = {"orgnr": sorted({orgnr for orgnr, _ in wanted}), "sak_id": sorted({sak_id for _, sak_id in wanted})}
    found = _known(tables.query(_KNOWN.format(only=only), given))
    return {case: found[case] for case in wanted if case in found}


def _known(rows: list[dict[str, Any]]) -> dict[Case, Known]:
    return {
        (row["orgnr"], row["sak_id"]): Known(
            barn_id=row["barn_id"],
            versjon=row["versjon"],
            forst_sett=row["forst_sett"],
            numbers=frozenset((n["type"], n["nummer"]) for n in row["numre"]),
        )
        for row in rows
    }


def _write(tables: Tables, at: datetime, changes: list[Change], before: Mapping[Case, Known]) -> None:
    """The numbers first: a case whose own row is not there is done again."""
    held = [row for change in changes for row in _numbers(change, before.get(change.case), at)]
    rows = [
        {
            "orgnr": change.case[0],
            "sak_id": change.case[1],
            "egen_id": own_key(change.case),
            "barn_id": change.known.barn_id,
            "versjon": change.known.versjon,
            "forst_sett": change.known.forst_sett,
            "gjelder_fra": at,
            "grunn": change.grunn,
            "innsending_id": change.cause,
            "numre": [{"type": kind, "nummer": data} for kind, data in sorted(change.known.numbers)],
        }
        for change in changes
    ]
    # Written twice they are the same rows, and the views keep one.
    tables.insert("register.person_identifikator", held)
    tables.insert("register.person_sak", rows)


def _numbers(change: Change, was: Known | None, at: datetime) -> Iterator[dict[str, Any]]:
    earlier = was.numbers if was else frozenset()
    for kind, data in sorted(change.known.numbers ^ earlier):
        yield {
            "nummer": data,
            "type": kind,
            "orgnr": change.case[0],
            "sak_id": change.case[1],
            "aktiv": (kind, data) in change.known.numbers,
            "versjon": change.known.versjon,
            "gjelder_fra": at,
        }
