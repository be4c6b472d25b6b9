"""Freezes: the figures of a period as of a moment, numbered, hashed and never changed (statistics 2).

A freeze is computed of what the register knew at its moment, so that making it late, or again, gives the same figures,
byte for byte. What was known includes inhabitants and groups; the rule set, code lists and queries it was made with
are recorded by their versions and hashes. An order to erase a case is the one thing that changes what was known: the
figures stay as they were published, and `verify` tells that they can no longer be made again.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from bvr.errors import BvrError
from bvr.model import codelists
from bvr.statistics import calendar
from bvr.statistics.calendar import Planned
from bvr.statistics.declared import Query
from bvr.statistics.figures import families
from bvr.statistics.figures.catalogue import FAMILIES, of
from bvr.statistics.figures.tables import KEY, VALUES, name
from bvr.statistics.ports import Tables
from bvr.statistics.run import checks

_COLUMNS = (*KEY, *VALUES, "referansedato", "kunnskapstidspunkt")


class NotFrozen(BvrError):
    """Figures that failed their checks, or whose moment has not come, are not frozen."""


class Freeze(msgspec.Struct, frozen=True, kw_only=True):
    """A freeze as it is recorded in `statistikk.frysing`. Hashes are SHA-256."""

    frysing_id: str
    periode: str
    nummer: str
    kunnskapstidspunkt: datetime
    frosset: datetime
    forrige_id: str | None
    rader: int
    sha256: str
    regelsett: str
    kodelister_sha256: str
    sporringer_sha256: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a freeze can be made again, and what it can be that has changed when it cannot."""

    freeze: Freeze
    sha256: str
    queries_changed: bool
    erased_since: int

    @property
    def same(self) -> bool:
        return self.sha256 == self.freeze.sha256


@cache
def code_lists_sha256() -> str:
    """The version of the code lists: a hash of their files."""
    folder = Path(codelists.__file__).parent
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in sorted(folder.glob("*.csv")))).hexdigest()


def queries_sha256(queries: Sequence[Query]) -> str:
    """The version of the definitions: a hash of the queries and their checks."""
    text = "\0".join(part for query in queries for part in (query.name, query.sql, query.checks))
    return hashlib.sha256(text.encode()).hexdigest()


def key_figures(queries: Sequence[Query]) -> list[Query]:
    """Of all scheduled queries those whose figures are frozen."""
    wanted = {name(family) for family in FAMILIES}
    return sorted((query for query in queries if query.name in wanted), key=lambda query: query.name)


def made(tables: Tables, freeze_id: str) -> Freeze | None:
    """The freeze of an id; None where it has not been made."""
    rows = tables.query(
        "SELECT * FROM statistikk.frysing WHERE frysing_id = @id ORDER BY frosset LIMIT 1", {"id": freeze_id}
    )
    return msgspec.convert(rows[0], Freeze) if rows else None


def due(tables: Tables, begin: datetime, until: datetime) -> list[Planned]:
    """The freezes of the calendar whose moment has come after `begin`, and that have not been made."""
    known = {row["frysing_id"] for row in tables.query("SELECT frysing_id FROM statistikk.frysing")}
    return [one for one in calendar.since(begin, until) if one.id not in known]


def freeze(
    tables: Tables, queries: Sequence[Query], plan: Planned, ruleset: str, clock: Callable[[], datetime]
) -> Freeze:
    """Make a freeze, or give it back as it was made. Raises NotFrozen when a check fails or its moment has not come."""
    before = made(tables, plan.id)
    if before is not None:
        return before
    if plan.known > clock():
        raise NotFrozen(f"{plan.id} holds what is known at {plan.known.isoformat()}: its moment has not come")
    chosen = key_figures(queries)
    where, parameters = _part(plan.period)
    # What an interrupted try has left.
    tables.query("DELETE FROM statistikk.frosne_tall WHERE frysing_id = @id", {"id": plan.id})
    tables.query("DELETE FROM statistikk.frysing_kommune WHERE frysing_id = @id", {"id": plan.id})
    digest = _Digest()
    for query in chosen:
        with _computed(tables, query, plan.known) as candidate:
            for check in checks(query.checks):
                sql = check.sql.replace(f"statistikk.{query.name}", candidate)
                if check.fails and tables.query(f"SELECT 1 AS brudd FROM (\n{sql}\n) LIMIT 1"):  # noqa: S608
                    raise NotFrozen(f"{plan.id}: {query.name}: {check.name}")
            digest.add(_rows(tables, candidate, plan.period))
            tables.query(
                f"INSERT INTO statistikk.frosne_tall (frysing_id, {', '.join(_COLUMNS)}) "  # noqa: S608
                f"SELECT @id, {', '.join(_COLUMNS)} FROM {candidate} AS t WHERE {where}",
                {"id": plan.id, **parameters},
            )
    found = Freeze(
        frysing_id=plan.id,
        periode=plan.period,
        nummer=plan.number,
        kunnskapstidspunkt=plan.known,
        frosset=clock(),
        forrige_id=_before(tables, plan),
        rader=digest.rows,
        sha256=digest.sha256,
        regelsett=ruleset,
        kodelister_sha256=code_lists_sha256(),
        sporringer_sha256=queries_sha256(chosen),
    )
    tables.insert(
        "statistikk.frysing_kommune",
        [
            {"frysing_id": plan.id, "kommunenummer": kommune, "rader": rows, "sha256": sha}
            for kommune, (rows, sha) in digest.municipalities.items()
        ],
    )
    # Last: a freeze that has its row is whole.
    tables.insert("statistikk.frysing", [msgspec.structs.asdict(found)], once=f"frysing-{plan.id}-{found.sha256[:16]}")
    return found


def verify(tables: Tables, queries: Sequence[Query], freeze_id: str) -> Verdict:
    """Make a freeze again, beside it. Raises LookupError when there is none of the id."""
    found = made(tables, freeze_id)
    if found is None:
        raise LookupError(f"there is no freeze {freeze_id}")
    chosen = key_figures(queries)
    digest = _Digest()
    for query in chosen:
        with _computed(tables, query, found.kunnskapstidspunkt) as candidate:
            digest.add(_rows(tables, candidate, found.periode))
    (erased,) = tables.query(
        "SELECT COUNT(DISTINCT ordre_id) AS antall FROM drift.sletteordre WHERE utfort > @kjent",
        {"kjent": found.kunnskapstidspunkt},
    )
    return Verdict(
        freeze=found,
        sha256=digest.sha256,
        queries_changed=queries_sha256(chosen) != found.sporringer_sha256,
        erased_since=erased["antall"],
    )


def values(row: dict[str, Any]) -> list[Any]:
    """A row of figures as its hash has it. A number is written one way, however many noughts its column keeps."""
    found = (row[column] for column in (*KEY, *VALUES))
    return [format(one.normalize(), "f") if isinstance(one, Decimal) else one for one in found]


class _Digest:
    """Hashes of rows in their order: of all, and of each municipality's own (with its districts)."""

    def __init__(self) -> None:
        self._all = hashlib.sha256()
        self._of: dict[str, Any] = defaultdict(hashlib.sha256)
        self._rows: dict[str, int] = defaultdict(int)
        self.rows = 0

    def add(self, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            line = msgspec.json.encode(values(row)) + b"\n"
            self._all.update(line)
            self.rows += 1
            if row["niva"] in ("KOMMUNE", "BYDEL"):
                self._of[row["region"][:4]].update(line)
                self._rows[row["region"][:4]] += 1

    @property
    def sha256(self) -> str:
        return self._all.hexdigest()

    @property
    def municipalities(self) -> dict[str, tuple[int, str]]:
        return {kommune: (self._rows[kommune], found.hexdigest()) for kommune, found in sorted(self._of.items())}


@contextmanager
def _computed(tables: Tables, query: Query, known: datetime) -> Iterator[str]:
    """The figures of a query as of a moment, in a passing table."""
    candidate = f"statistikk.{query.name}__frysing"
    tables.create(candidate, query.sql, {"run_time": known})
    try:
        yield candidate
    finally:
        tables.delete(candidate)


def _part(period: str) -> tuple[str, dict[str, Any]]:
    """SQL for the rows of a period: of a year also its last stock, which KOSTRA publishes with it."""
    if len(period) == 4:
        where = "((t.periode = @periode AND t.periodetype = 'Y') OR (t.periode = @siste AND t.periodetype = 'D'))"
        return where, {"periode": period, "siste": f"{period}H2"}
    return "(t.periode = @periode AND t.periodetype IN ('H', 'R', 'D'))", {"periode": period}


def _rows(tables: Tables, candidate: str, period: str) -> list[dict[str, Any]]:
    where, parameters = _part(period)
    return tables.query(
        f"SELECT {', '.join((*KEY, *VALUES))} FROM {candidate} AS t WHERE {where} ORDER BY {', '.join(KEY)}",  # noqa: S608
        parameters,
    )


def _before(tables: Tables, plan: Planned) -> str | None:
    rows = tables.query(
        "SELECT frysing_id FROM statistikk.frysing WHERE periode = @periode AND kunnskapstidspunkt < @kjent "
        "ORDER BY kunnskapstidspunkt DESC LIMIT 1",
        {"periode": plan.period, "kjent": plan.known},
    )
    return rows[0]["frysing_id"] if rows else None


# --- revisions -------------------------------------------------------------------------------------------------------

# Of each child and figure what it gave before and gives now, where that differs; and its cases that changed in between.
_REVISION = """
WITH
  endret AS (
    SELECT IFNULL(a.indikator, b.indikator) AS indikator, IFNULL(a.sted, b.sted) AS kommunenummer,
      IFNULL(a.periode, b.periode) AS periode, IFNULL(a.periodetype, b.periodetype) AS periodetype,
      IFNULL(a.nokkel, b.nokkel) AS nokkel,
      IFNULL(a.teller, 0) AS teller_for, IFNULL(b.teller, 0) AS teller_etter,
      IFNULL(a.nevner, 0) AS nevner_for, IFNULL(b.nevner, 0) AS nevner_etter
    FROM {before} AS a
    FULL JOIN {after} AS b
      ON b.indikator = a.indikator AND b.sted = a.sted AND b.periode = a.periode AND b.periodetype = a.periodetype
      AND b.nokkel = a.nokkel
    WHERE IFNULL(a.teller, 0) != IFNULL(b.teller, 0) OR IFNULL(a.nevner, 0) != IFNULL(b.nevner, 0)
  ),
  tilstand AS (
    SELECT 'F' AS side, orgnr, sak_id, kommunenummer, innhold_sha256, regelsett, utfall,
      IFNULL(er_slettet, FALSE) AS slettet, sak
    FROM register.sak_siste_per(@fra)
    UNION ALL
    SELECT 'E', orgnr, sak_id, kommunenummer, innhold_sha256, regelsett, utfall, IFNULL(er_slettet, FALSE), sak
    FROM register.sak_siste_per(@til)
  ),
  saker AS (
    SELECT orgnr, sak_id, MAX(kommunenummer) AS kommunenummer,
      CASE
        WHEN COUNTIF(side = 'F') = 0 THEN 'NY'
        WHEN MAX(IF(side = 'E', slettet, FALSE)) THEN 'SLETTET'
        WHEN MAX(IF(side = 'E', utfall, '')) = 'EXCLUDED' THEN 'HOLDES_UTENFOR'
        WHEN MAX(IF(side = 'F', utfall, '')) = 'EXCLUDED' THEN 'RETTET'
        ELSE 'ENDRET'
      END AS arsak
    FROM tilstand
    GROUP BY orgnr, sak_id
    HAVING COUNT(*) = 1 OR COUNT(DISTINCT CONCAT(innhold_sha256, '/', utfall, '/', CAST(slettet AS STRING))) > 1
  ),
  numre AS (
    SELECT DISTINCT t.orgnr, t.sak_id, nokkel
    FROM tilstand AS t, UNNEST(t.sak.personalia) AS x
    CROSS JOIN UNNEST([
      CONCAT('N', TO_HEX(x.fodselsnummer)), CONCAT('D', TO_HEX(x.duf_nummer)), CONCAT('S', t.orgnr, t.sak_id)
    ]) AS nokkel
    WHERE nokkel IS NOT NULL
    UNION DISTINCT
    SELECT DISTINCT orgnr, sak_id, CONCAT('S', orgnr, sak_id) FROM tilstand
  )
SELECT t.indikator, t.kommunenummer, t.periode, t.periodetype, s.orgnr, s.sak_id, s.arsak,
  SUM(t.teller_for) AS teller_for, SUM(t.teller_etter) AS teller_etter,
  SUM(t.nevner_for) AS nevner_for, SUM(t.nevner_etter) AS nevner_etter
FROM endret AS t
LEFT JOIN (
  SELECT n.nokkel, s.orgnr, s.sak_id, s.arsak
  FROM numre AS n
  JOIN saker AS s ON s.orgnr = n.orgnr AND s.sak_id = n.sak_id
) AS s ON s.nokkel = t.nokkel
WHERE {part}
GROUP BY t.indikator, t.kommunenummer, t.periode, t.periodetype, s.orgnr, s.sak_id, s.arsak
"""


def revise(tables: Tables, freeze_id: str) -> int:
    """Tell which cases a freeze differs by from the one before it: rows of `statistikk.revisjon`, and how many.

    A row is a case that changed, of a child that gives another figure than before. Raises LookupError when there is no
    such freeze; the first of a period has nothing to differ from.
    """
    after = made(tables, freeze_id)
    if after is None:
        raise LookupError(f"there is no freeze {freeze_id}")
    before = made(tables, after.forrige_id) if after.forrige_id else None
    if before is None:
        return 0
    part, parameters = _part(after.periode)
    count = 0
    tables.query("DELETE FROM statistikk.revisjon WHERE frysing_id = @id", {"id": freeze_id})
    for family in FAMILIES:
        sql = families.by_child(family, of(family))
        sides = {f"statistikk.revisjon_{family}__{side}": one for side, one in (("for", before), ("etter", after))}
        for table, one in sides.items():
            tables.create(table, sql, {"run_time": one.kunnskapstidspunkt})
        first, second = sides
        text = _REVISION.format(before=first, after=second, part=part)
        rows = tables.query(text, {"fra": before.kunnskapstidspunkt, "til": after.kunnskapstidspunkt, **parameters})
        tables.insert(
            "statistikk.revisjon",
            [{"frysing_id": freeze_id, "forrige_id": before.frysing_id, **row} for row in rows],
        )
        count += len(rows)
        for table in sides:
            tables.delete(table)
    return count
