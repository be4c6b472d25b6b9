"""Where figures come from: the SQL of each source, and what is read from BigQuery for a run."""

# ruff: noqa: S608
# SQL of declarations: nothing that anybody sends becomes part of it.

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from bvr.model.kommuner import inhabitants
from bvr.statistics.deviations.compare import FORELOPIG, Ankomst, Beholdning, Side, Tall, Unit, cells
from bvr.statistics.deviations.declared import LEVELS, PERIODS, size_class, tester
from bvr.statistics.figures import facts, families, law, tables
from bvr.statistics.figures.catalogue import FAMILIES, figures
from bvr.statistics.figures.declared import Family, Figure

NORWAY = ZoneInfo("Europe/Oslo")
Ask = Callable[[str, dict[str, Any]], list[dict[str, Any]]]
"""Runs a query with its parameters."""

_AGES = "F000-017"
# Kinds of elements that arrive by the day, and the field of the case that they are in.
_ARRIVING = ("melding", "undersokelse", "vedtak", "tiltak")
_CELLS = f"niva IN {law.listed(LEVELS)} AND maal = 'SUM' AND kjonn = 'T' AND aldersgruppe = 'T'"
_COLUMNS = ", ".join(field.name for field in msgspec.structs.fields(Tall))


def provisional() -> str:
    """The figures of @periode as the last run made them."""
    return "\nUNION ALL\n".join(
        f"SELECT {_COLUMNS}, kunnskapstidspunkt FROM statistikk.{tables.name(family)}\n"
        f"WHERE periode = @periode AND periodetype IN {law.listed(PERIODS)} AND {_CELLS}"
        for family in FAMILIES
    )


def frozen() -> str:
    """The figures of @periode in its last freeze of number @nummer."""
    columns = ", ".join(f"t.{one}" for one in _COLUMNS.split(", "))
    return (
        f"SELECT {columns}, f.kunnskapstidspunkt\nFROM statistikk.frosne_tall AS t\n"
        "JOIN (\n  SELECT frysing_id, kunnskapstidspunkt FROM statistikk.frysing\n"
        "  WHERE periode = @periode AND nummer = @nummer\n"
        "  QUALIFY ROW_NUMBER() OVER (ORDER BY kunnskapstidspunkt DESC, frysing_id) = 1\n) AS f "
        "ON f.frysing_id = t.frysing_id\n"
        f"WHERE t.periode = @periode AND t.periodetype IN {law.listed(PERIODS)} AND {_CELLS}"
    )


def monthly_figures() -> tuple[Figure, ...]:
    """What is counted by month too: events that belong to the day they happened on, and no shares."""
    return tuple(
        f
        for f in figures()
        if f.unit != "BARN" and not f.nevner and "H" in f.periods and "BETWEEN e.fra AND e.til" in f.med
    )


def monthly(family: Family) -> str:
    """Events of a family in the months from @fra until @til, as known at @run_time: the query of its figures, with
    months for periods. A month in which nothing came is a sixth of a half-year, and all of itself."""
    months = """\
  periode AS (
    SELECT FORMAT_DATE('%YM%m', maaned.fra) AS periode, 'M' AS periodetype, maaned.fra, LAST_DAY(maaned.fra) AS til
    FROM UNNEST(GENERATE_ARRAY(0, 11)) AS nummer
    CROSS JOIN UNNEST([STRUCT(DATE_ADD(@fra, INTERVAL nummer MONTH) AS fra)]) AS maaned
    WHERE maaned.fra <= @til
  )"""
    own = [msgspec.structs.replace(f, periods=("M",), koder=None) for f in monthly_figures() if f.family == family]
    query = families.query(family, own)
    return f"SELECT {_COLUMNS}\nFROM (\n{query.replace(facts.PERIODE, months)})\nWHERE {_CELLS} AND kode = 'T'"


def arrivals() -> str:
    """T10: events of the 30 days before @run_time by the days until they first came, as registered then; and of those
    days a year before, as registered at @fjor. An event counts when its case does: not one with an ERROR."""
    return "\n".join(
        (
            "WITH",
            ",\n".join((_registered("naa", "@run_time"), _registered("for_", "@fjor"))),
            "SELECT kommunenummer, dager, SUM(antall) AS antall, SUM(antall_for) AS antall_for",
            "FROM (",
            "  SELECT kommunenummer, dager, 1 AS antall, 0 AS antall_for FROM naa",
            "  UNION ALL",
            "  SELECT kommunenummer, dager, 0 AS antall, 1 AS antall_for FROM for_",
            ")",
            "GROUP BY kommunenummer, dager",
        )
    )


def _registered(name: str, at: str) -> str:
    day = f"DATE({at}, 'Europe/Oslo')"
    days = int(tester()["T10"].krav["dager"])

    def elements(source: str, extra: str) -> str:
        return "\n      UNION ALL\n".join(
            "      SELECT s.kommunenummer, s.orgnr, s.sak_id, "
            f"'{kind}' AS type, LOWER(x.id) AS id, x.start_dato{extra}\n"
            f"      FROM {source} AS s, UNNEST(s.sak.{kind}) AS x\n"
            f"      WHERE x.er_slettet IS NOT TRUE AND x.start_dato > DATE_SUB({day}, INTERVAL {days} DAY) "
            f"AND x.start_dato <= {day}"
            for kind in _ARRIVING
        )

    return f"""\
  {name} AS (
    SELECT n.kommunenummer,
      GREATEST(0, LEAST({days}, DATE_DIFF(DATE(MIN(h.mottatt), 'Europe/Oslo'), n.start_dato, DAY))) AS dager
    FROM (
{elements(f"register.sak_per({at})", "")}
    ) AS n
    JOIN (
{elements(f"register.sak_historikk_per({at})", ", s.mottatt")}
    ) AS h ON h.orgnr = n.orgnr AND h.sak_id = n.sak_id AND h.type = n.type AND h.id = n.id
    GROUP BY n.kommunenummer, n.orgnr, n.sak_id, n.type, n.id, n.start_dato
  )"""


def sizes() -> str:
    """Inhabitants of 0-17 years at the days after two periods, of every region."""
    return (
        "SELECT region, MAX(IF(dato = @naa, antall, NULL)) AS naa, MAX(IF(dato = @fjor, antall, NULL)) AS fjor\n"
        "FROM grunnlag.befolkning_per(TIMESTAMP '9999-12-31 00:00:00+00') "
        f"WHERE aldersgruppe = '{_AGES}' AND dato IN (@naa, @fjor) GROUP BY region"
    )


def side(ask: Ask, periode: str, freeze: str | None) -> Side:
    """The figures of a period: provisional, or of a freeze (`T1` to `T4`). Raises ValueError when there are none."""
    parameters = {"periode": periode} | ({"nummer": freeze} if freeze else {})
    rows = ask(frozen() if freeze else provisional(), parameters)
    kilde = freeze or FORELOPIG
    if not rows:
        raise ValueError(f"there are no figures of {periode} ({kilde})")
    # The families are read minutes apart by design; what is known is what all of them knew.
    at: datetime = min(row["kunnskapstidspunkt"] for row in rows)
    return Side(periode=periode, kilde=kilde, kunnskapstidspunkt=at, tall=cells(rows))


def with_months(ask: Ask, given: Side) -> Side:
    """The same with the months of the period, as known when its figures were."""
    year, half = int(given.periode[:4]), given.periode[4:]
    first, last = {"": (1, 12), "H1": (1, 6), "H2": (7, 12)}[half]
    parameters = {"fra": date(year, first, 1), "til": date(year, last, 1), "run_time": given.kunnskapstidspunkt}
    found = [
        row for family in dict.fromkeys(f.family for f in monthly_figures()) for row in ask(monthly(family), parameters)
    ]
    return msgspec.structs.replace(given, tall=(*given.tall, *cells(found)))


def units(ask: Ask, now: date, before: date) -> dict[str, Unit]:
    """Every municipality and district: its inhabitants at two dates, and its size class by those of the repository.

    Where a date is not in grunnlag.befolkning the region is taken to be as large as it was.
    """
    counted = {row["region"]: row for row in ask(sizes(), {"naa": now, "fjor": before})}
    known = {region: by_age[_AGES] for region, by_age in inhabitants().items()}
    return {
        region: Unit(
            float(row.get("naa") or 0),
            float(row.get("fjor") or 0),
            size_class(known[region]) if region in known else "BYDEL",
        )
        for region in sorted(known.keys() | counted.keys())
        for row in [counted.get(region, {})]
    }


def arrived(ask: Ask, at: datetime, a_year_ago: datetime) -> list[Ankomst]:
    """What T10 is made of."""
    return [msgspec.convert(row, Ankomst) for row in ask(arrivals(), {"run_time": at, "fjor": a_year_ago})]


def stocks() -> str:
    """T9: of the kinds that the migration report counts, what was open in the last KOSTRA file, and what the figures of
    the register have open at the same moment, as known at @run_time. A case with an ERROR is in no figure."""
    kinds = ("undersokelse", "plan", "tiltak")
    day = "DATE(r.kostra_aargang, 12, 31)"
    elements = "\n    UNION ALL\n".join(
        f"    SELECT s.kommunenummer, '{kind.title()}' AS type, x.start_dato, "
        "IFNULL(x.konklusjon.slutt_dato, s.sak.slutt_dato) AS slutt_dato\n"
        f"    FROM register.sak_per(@run_time) AS s, UNNEST(s.sak.{kind}) AS x WHERE x.er_slettet IS NOT TRUE"
        for kind in kinds
    )
    return f"""\
WITH
  element AS (
    SELECT s.kommunenummer, 'Sak' AS type, s.sak.start_dato AS start_dato, s.sak.slutt_dato AS slutt_dato
    FROM register.sak_per(@run_time) AS s
    UNION ALL
{elements}
  ),
  apne AS (
    SELECT r.kommunenummer, r.type, COUNT(*) AS antall
    FROM statistikk.migreringsrapport_sum_v1 AS r
    JOIN element AS e ON e.kommunenummer = r.kommunenummer AND e.type = r.type
      AND e.start_dato <= {day} AND (e.slutt_dato IS NULL OR e.slutt_dato > {day})
    GROUP BY r.kommunenummer, r.type
  )
SELECT r.kommunenummer, r.type, r.kostra_aargang AS aargang, r.antall_kostra AS gammel, IFNULL(a.antall, 0) AS ny
FROM statistikk.migreringsrapport_sum_v1 AS r
LEFT JOIN apne AS a ON a.kommunenummer = r.kommunenummer AND a.type = r.type
WHERE r.aargang_er_siste AND r.type IN ('Sak', 'Undersokelse', 'Plan', 'Tiltak')
"""


def carried_over(ask: Ask, at: datetime) -> tuple[int, list[Beholdning]]:
    """What T9 is made of: the year that the stocks are carried into, and the stocks. No year when there is no file."""
    rows = ask(stocks(), {"run_time": at})
    found = [msgspec.convert(row, Beholdning) for row in rows]
    return (max(row["aargang"] for row in rows) + 1 if rows else 0), found
