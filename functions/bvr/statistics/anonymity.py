"""How well the views of `analyse` hide a child: the report that a purpose is judged by before anybody is let in.

A class is all children with the same values of what somebody may know of them already (quasi-identifiers), such as
municipality, birth year, sex and dates, at the precision that the purpose is given. Its size is k. Nothing here names a
class: a municipality, and how many classes of it are small, is as near as the report goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from rich.table import Table

from bvr.statistics.ports import Tables

K = 5
"""The size below which a class is small, unless the purpose says otherwise."""
WORST = 5
"""How many municipalities are named for a view."""
GROUPS = ("1", "2", "3-4", "5-9", "10+")
PRECISIONS = {"DAG": "DAY", "MANED": "MONTH", "KVARTAL": "QUARTER", "AR": "YEAR"}
"""The precisions of dates that a purpose may be given, from the finest to the coarsest, as BigQuery calls them."""
PERSON = "analyse.barn"
PERSONAL = ("kommunenummer", "fodselsaar", "kjonn")
"""What `analyse.barn` says of a child that somebody may know. Other views are joined to it by the pseudonym: so would
whoever looked for a child."""
COURSE = "analyse.barn_forlop"
COURSES = {
    "hendelsestyper": "type",
    "plasseringer": "IF(type = 'Tiltak' AND (STARTS_WITH(kode, '1.') OR STARTS_WITH(kode, '2.')), kode, NULL)",
}
"""What a course is a sequence of: every kind of event, or the placements alone, by their category (institutions are 1,
foster homes 2)."""


class Exposed(msgspec.Struct, frozen=True, kw_only=True):
    """A view of `analyse`: its dates that somebody may know, and what they must not learn from it."""

    view: str
    dates: tuple[str, ...] = ()
    sensitive: str | None = None


VIEWS = (
    Exposed(view=PERSON),
    Exposed(view="analyse.sak", dates=("start_dato",)),
    Exposed(view="analyse.melding", dates=("start_dato",)),
    Exposed(view="analyse.undersokelse", dates=("start_dato",)),
    Exposed(view="analyse.vedtak", dates=("start_dato",), sensitive="lovhjemmel_kapittel"),
    Exposed(view="analyse.tiltak", dates=("start_dato",), sensitive="kategori_kode"),
    Exposed(view="analyse.flytting", dates=("slutt_dato",), sensitive="flytting_til_kode"),
)
"""The quasi-identifiers, declared here and nowhere else."""


class Classes(msgspec.Struct, frozen=True, kw_only=True):
    """The classes of one view by one set of quasi-identifiers.

    `groups`: size -> how many classes. `children`: all of them; `exposed`: those in some class smaller than k. `worst`:
    (municipality, classes of one child), the most first. `uniform`: classes of k or more that have one sensitive value
    in common; None where the view has none.
    """

    view: str
    by: tuple[str, ...]
    groups: dict[str, int]
    children: int
    exposed: int
    worst: tuple[tuple[str, int], ...]
    uniform: int | None = None


class Precision(msgspec.Struct, frozen=True, kw_only=True):
    """What each precision of a view's dates would leave exposed, and the finest that leaves nobody; None: none does."""

    view: str
    exposed: dict[str, int]
    recommended: str | None


class Courses(msgspec.Struct, frozen=True, kw_only=True):
    """Courses that fewer than k children share. `worst`: (municipality, children with such a course)."""

    of: str
    courses: int
    rare: int
    children: int
    exposed: int
    worst: tuple[tuple[str, int], ...]


class Anonymity(msgspec.Struct, frozen=True, kw_only=True):
    """The report on one purpose."""

    purpose: str
    k: int
    classes: tuple[Classes, ...]
    precisions: tuple[Precision, ...]
    courses: tuple[Courses, ...]


def examine(
    tables: Tables, purpose: str, *, k: int = K, precision: str = "DAG", views: Sequence[Exposed] = VIEWS
) -> Anonymity:
    """The report on a purpose: what its views show to whoever runs this. `precision`: that of its dates, from which
    coarser ones are tried. Raises ValueError for a k below 2, KeyError for a precision that is none."""
    if k < 2:
        raise ValueError("k is at least 2: a class of one child hides nobody")
    unit = PRECISIONS[precision]
    coarser = dict(list(PRECISIONS.items())[list(PRECISIONS.values()).index(unit) :])
    return Anonymity(
        purpose=purpose,
        k=k,
        classes=tuple(_classes(tables, purpose, k, e, by) for e in views for by in _sets(e)),
        precisions=tuple(_precision(tables, purpose, k, e, coarser) for e in views if e.dates),
        courses=tuple(_courses(tables, purpose, k, name) for name in COURSES),
    )


def _sets(exposed: Exposed) -> Iterator[tuple[str, ...]]:
    """The sets of quasi-identifiers that a view is examined by."""
    if exposed.view == PERSON:
        yield from (PERSONAL[:n] for n in range(1, len(PERSONAL) + 1))
    else:
        yield (*PERSONAL, *exposed.dates)


# --- SQL -------------------------------------------------------------------------------------------------------------


def _rows(exposed: Exposed, by: Iterable[str], unit: str = "") -> str:
    """One row a child, class and sensitive value; with `unit`, dates are made coarser first."""
    columns = [f"DATE_TRUNC(v.{c}, {unit})" if unit and c in exposed.dates else _of(c, exposed) for c in by]
    key = ", '|', ".join(f"IFNULL(CAST({column} AS STRING), '')" for column in columns)
    sensitive = f"v.{exposed.sensitive}" if exposed.sensitive else "''"
    joined = "" if exposed.view == PERSON else " LEFT JOIN barnet AS b ON v.barn_ref = b.barn"
    return (
        f"SELECT DISTINCT v.barn_ref AS barn, v.kommunenummer, CONCAT({key}) AS klasse, {sensitive} AS verdi "  # noqa: S608
        f"FROM {exposed.view} AS v{joined} WHERE v.formal = @formal"
    )


def _of(column: str, exposed: Exposed) -> str:
    alone = exposed.view == PERSON or column == "kommunenummer" or column in exposed.dates
    return f"v.{column}" if alone else f"b.{column}"


_CHILD = (
    # By an alias: the view has a column of its own name.
    "barnet AS (SELECT p.barn_ref AS barn, MIN(p.fodselsaar) AS fodselsaar, MIN(p.kjonn) AS kjonn "  # noqa: S608
    f"FROM {PERSON} AS p WHERE p.formal = @formal GROUP BY p.barn_ref)"
)
_SIZES = (
    "storrelse AS (SELECT klasse, MIN(kommunenummer) AS kommunenummer, COUNT(DISTINCT barn) AS antall, "
    "COUNT(DISTINCT verdi) AS verdier FROM rader GROUP BY klasse)"
)


def classes_sql(exposed: Exposed, by: Sequence[str]) -> str:
    """Classes by municipality and size: `kommunenummer, gruppe, klasser, ensartet`. Parameters: formal, k."""
    return (
        f"WITH {_CHILD}, rader AS ({_rows(exposed, by)}), {_SIZES} "  # noqa: S608
        "SELECT kommunenummer, CASE WHEN antall = 1 THEN '1' WHEN antall = 2 THEN '2' WHEN antall <= 4 THEN '3-4' "
        "WHEN antall <= 9 THEN '5-9' ELSE '10+' END AS gruppe, COUNT(*) AS klasser, "
        "COUNTIF(antall >= @k AND verdier = 1) AS ensartet FROM storrelse GROUP BY kommunenummer, gruppe"
    )


def exposed_sql(exposed: Exposed, by: Sequence[str], units: Sequence[str] = ("",)) -> str:
    """The children, and those in a class smaller than k, for each coarseness of the dates: `enhet, barn, utsatt`."""
    parts = [
        f"SELECT '{unit}' AS enhet, COUNT(DISTINCT r{n}.barn) AS barn, "  # noqa: S608
        f"COUNT(DISTINCT IF(s{n}.antall < @k, r{n}.barn, NULL)) AS utsatt "
        f"FROM rader{n} AS r{n} INNER JOIN storrelse{n} AS s{n} ON r{n}.klasse = s{n}.klasse"
        for n, unit in enumerate(units)
    ]
    steps = [_CHILD]
    for n, unit in enumerate(units):
        steps.append(f"rader{n} AS ({_rows(exposed, by, unit)})")
        steps.append(
            f"storrelse{n} AS (SELECT klasse, COUNT(DISTINCT barn) AS antall FROM rader{n} GROUP BY klasse)"  # noqa: S608
        )
    return f"WITH {', '.join(steps)} {' UNION ALL '.join(parts)}"


def courses_sql(of: str) -> str:
    """Courses by municipality: `kommunenummer, barn`, those that fewer than k share; and without a municipality the
    totals: `lop, sjeldne, barn, utsatt`. Parameters: formal, k."""
    return (
        f"WITH hendelser AS (SELECT barn_ref AS barn, kommunenummer, dato, {COURSES[of]} AS steg FROM {COURSE} "  # noqa: S608
        "WHERE formal = @formal), "
        "forlop AS (SELECT barn, STRING_AGG(steg, ' > ' ORDER BY dato, steg) AS rekke FROM hendelser "
        "WHERE steg IS NOT NULL GROUP BY barn), "
        "delt AS (SELECT rekke, COUNT(*) AS antall FROM forlop GROUP BY rekke), "
        "sjelden AS (SELECT f.barn FROM forlop AS f INNER JOIN delt AS d ON f.rekke = d.rekke WHERE d.antall < @k) "
        "SELECT h.kommunenummer, COUNT(DISTINCT h.barn) AS barn, 0 AS lop, 0 AS sjeldne, 0 AS alle "
        "FROM hendelser AS h INNER JOIN sjelden AS s ON h.barn = s.barn GROUP BY h.kommunenummer "
        "UNION ALL SELECT CAST(NULL AS STRING), (SELECT COUNT(*) FROM sjelden), COUNT(*), COUNTIF(antall < @k), "
        "IFNULL(SUM(antall), 0) FROM delt"
    )


# --- what it comes to ------------------------------------------------------------------------------------------------


def _classes(tables: Tables, purpose: str, k: int, exposed: Exposed, by: tuple[str, ...]) -> Classes:
    given = {"formal": purpose, "k": k}
    rows = tables.query(classes_sql(exposed, by), given)
    (total,) = tables.query(exposed_sql(exposed, by), given)
    alone = {row["kommunenummer"]: row["klasser"] for row in rows if row["gruppe"] == "1"}
    return Classes(
        view=exposed.view,
        by=by,
        groups={group: sum(row["klasser"] for row in rows if row["gruppe"] == group) for group in GROUPS},
        children=total["barn"],
        exposed=total["utsatt"],
        worst=_worst(alone),
        uniform=sum(row["ensartet"] for row in rows) if exposed.sensitive else None,
    )


def _worst(counts: dict[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:WORST])


def _precision(tables: Tables, purpose: str, k: int, exposed: Exposed, units: dict[str, str]) -> Precision:
    by = (*PERSONAL, *exposed.dates)
    rows = tables.query(exposed_sql(exposed, by, list(units.values())), {"formal": purpose, "k": k})
    left = {row["enhet"]: row["utsatt"] for row in rows}
    found = {name: left[unit] for name, unit in units.items()}
    return Precision(
        view=exposed.view,
        exposed=found,
        recommended=next((name for name, count in found.items() if not count), None),
    )


def _courses(tables: Tables, purpose: str, k: int, of: str) -> Courses:
    rows = tables.query(courses_sql(of), {"formal": purpose, "k": k})
    (total,) = (row for row in rows if row["kommunenummer"] is None)
    return Courses(
        of=of,
        courses=total["lop"],
        rare=total["sjeldne"],
        children=total["alle"],
        exposed=total["barn"],
        worst=_worst({row["kommunenummer"]: row["barn"] for row in rows if row["kommunenummer"] is not None}),
    )


# --- to be read ------------------------------------------------------------------------------------------------------


def as_json(found: Anonymity) -> bytes:
    """The report as JSON."""
    return msgspec.json.encode(found)


def as_tables(found: Anonymity) -> list[Table]:
    """The report to be shown."""
    title = f"Formål {found.purpose}, k = {found.k}"
    classes = Table(title=f"{title}: klasser | classes", title_justify="left")
    for column in ("visning", "etter", *(f"k={g}" for g in GROUPS), "barn", f"barn i k<{found.k}", "ensartet", "verst"):
        classes.add_column(column)
    for one in found.classes:
        counts = (str(one.groups[g]) for g in GROUPS)
        share = f"{one.exposed} ({one.exposed / one.children:.0%})" if one.children else "0"
        uniform = "-" if one.uniform is None else str(one.uniform)
        classes.add_row(one.view, ", ".join(one.by), *counts, str(one.children), share, uniform, _named(one.worst))
    precisions = Table(title=f"{title}: presisjon på datoer | precision of dates", title_justify="left")
    for column in ("visning", *PRECISIONS, "anbefalt"):
        precisions.add_column(column)
    for each in found.precisions:
        exposed = (str(each.exposed.get(name, "-")) for name in PRECISIONS)
        precisions.add_row(each.view, *exposed, each.recommended or "ingen holder | none will do")
    courses = Table(title=f"{title}: sjeldne forløp | rare courses", title_justify="left")
    for column in ("forløp av", "forløp", "sjeldne", "barn", "barn med sjeldent", "verst"):
        courses.add_column(column)
    for c in found.courses:
        courses.add_row(c.of, str(c.courses), str(c.rare), str(c.children), str(c.exposed), _named(c.worst))
    return [classes, precisions, courses]


def _named(worst: Iterable[tuple[Any, int]]) -> str:
    return ", ".join(f"{kommune}: {count}" for kommune, count in worst) or "-"
