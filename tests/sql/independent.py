"""The key figures once more, in plain Python from the definitions: a second opinion on the SQL.

Input is the content of register.innsending. The definitions: the latest submission of a case counts, and takes the
case out when it has an ERROR; deleted elements and those in Slettet are gone; what has no end in a closed case ended
with it; open at the end of day d is started by d and not ended by d; a child counts once in a municipality.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any

from tests.sql.notation import OSLO, Cell

Row = Mapping[str, Any]
Figures = dict[Cell, tuple[int, int]]
"""Figure and children of every cell that a query should give."""


def meldinger_mottatt_v1(rows: Iterable[Row], run_time: datetime) -> Figures:
    everything = list(rows)
    found: Figures = {}
    for periode, first, last in _periods(run_time):
        for kommune in _municipalities(everything):
            events = [
                (_child(case, last), _sex(case, last), _age_group(_age(case, last)))
                for case in _current(everything)
                if case["kommunenummer"] == kommune
                for melding in _valid(case, "melding")
                if first <= melding["start_dato"] <= last
            ]
            found[kommune, periode, "T", "T", "T"] = _count(events)
            for sex in {event[1] for event in events}:
                found[kommune, periode, sex, "T", "T"] = _count([e for e in events if e[1] == sex])
            for group in {event[2] for event in events}:
                found[kommune, periode, "T", group, "T"] = _count([e for e in events if e[2] == group])
    return found


def barn_tiltak_dato_v1(rows: Iterable[Row], run_time: datetime) -> Figures:
    everything = list(rows)
    found: Figures = {}
    for periode, day in _days(run_time):
        for kommune in _municipalities(everything):
            children: dict[str, list[tuple[str, int, bool]]] = defaultdict(list)
            for case in _current(everything):
                if case["kommunenummer"] == kommune:
                    for tiltak in _valid(case, "tiltak"):
                        if _open(tiltak, case, day):
                            about = (_sex(case, day), _age(case, day), _is_care(tiltak))
                            children[_child(case, day)].append(about)
            about_each = [
                (
                    max(sex for sex, _, _ in measures),
                    _age_group(max(age for _, age, _ in measures)),
                    "OMSORG" if any(care for _, _, care in measures) else "HJELP",
                )
                for measures in children.values()
            ]
            found[kommune, periode, "T", "T", "T"] = (len(about_each), len(about_each))
            for place, key in enumerate(("kjonn", "alder", "kode")):
                for code in {one[place] for one in about_each}:
                    number = sum(one[place] == code for one in about_each)
                    cell = {"kjonn": "T", "alder": "T", "kode": "T", key: code}
                    found[kommune, periode, cell["kjonn"], cell["alder"], cell["kode"]] = (number, number)
    return found


FIGURES: dict[str, Callable[[Iterable[Row], datetime], Figures]] = {
    "meldinger_mottatt_v1": meldinger_mottatt_v1,
    "barn_tiltak_dato_v1": barn_tiltak_dato_v1,
}


def _count(events: list[tuple[str, str, str]]) -> tuple[int, int]:
    return len(events), len({child for child, _, _ in events})


# --- time --------------------------------------------------------------------------------------------------------


def _periods(run_time: datetime) -> list[tuple[str, date, date]]:
    today = run_time.astimezone(OSLO).date()
    found = []
    for year in (today.year - 2, today.year - 1, today.year):
        found.append((f"{year}", date(year, 1, 1), date(year, 12, 31)))
        found.append((f"{year}H1", date(year, 1, 1), date(year, 6, 30)))
        found.append((f"{year}H2", date(year, 7, 1), date(year, 12, 31)))
    return [period for period in found if period[1] <= today]


def _days(run_time: datetime) -> list[tuple[str, date]]:
    today = run_time.astimezone(OSLO).date()
    ends = [(name, last) for name, _, last in _periods(run_time) if len(name) == 6 and last < today]
    return [*ends, (today.isoformat(), today)]


# --- the register ------------------------------------------------------------------------------------------------


def _municipalities(rows: list[Row]) -> list[str]:
    return sorted({row["kommunenummer"] for row in rows if row["utfall"] != "REJECTED"})


def _current(rows: list[Row]) -> list[Row]:
    once: dict[tuple[str, ...], Row] = {}
    for row in sorted(rows, key=lambda r: (r["regelsett"], -r["mottatt"].timestamp())):
        if row["utfall"] != "REJECTED":
            once[row["orgnr"], row["innsending_id"], row["innhold_sha256"]] = row
    newest: dict[tuple[str, str], Row] = {}
    for row in sorted(once.values(), key=lambda r: (r["dato_uttrekk"], r["mottatt"], r["innsending_id"])):
        newest[row["orgnr"], row["sak_id"]] = row
    return [row for row in newest.values() if row["utfall"] == "REGISTERED" and not row.get("er_slettet")]


def _valid(case: Row, kind: str) -> list[Row]:
    """The elements of a kind that are not deleted in either way."""
    gone = {one["id"].lower() for one in case["sak"].get("slettet") or () if one["type"].lower() == kind}
    return [one for one in case["sak"].get(kind) or () if not one.get("er_slettet") and one["id"].lower() not in gone]


def _open(element: Row, case: Row, day: date) -> bool:
    conclusion = element.get("konklusjon")
    end = conclusion["slutt_dato"] if conclusion else case["sak"].get("slutt_dato")
    return element["start_dato"] <= day and (end is None or end > day)


# --- the child ---------------------------------------------------------------------------------------------------


def _personalia(case: Row, day: date) -> Row | None:
    candidates = _valid(case, "personalia")
    in_force = [one for one in candidates if one["start_dato"] <= day]
    if in_force:
        start = max(one["start_dato"] for one in in_force)
    elif candidates:
        start = min(one["start_dato"] for one in candidates)
    else:
        return None
    return [one for one in candidates if one["start_dato"] == start][-1]


def _child(case: Row, day: date) -> str:
    about = _personalia(case, day)
    if about and about["nummertype"] in ("FNR", "DNR"):
        return f"number {about['fodselsnummer'].hex()}"
    if about and about.get("duf_nummer"):
        return f"DUF {about['duf_nummer'].hex()}"
    return f"case {case['orgnr']} {case['sak_id']}"


def _sex(case: Row, day: date) -> str:
    about = _personalia(case, day)
    return about["kjonn"] if about and about["kjonn"] in ("1", "2") else "0"


def _age(case: Row, day: date) -> int:
    """Whole years; -1 for a child that is not born, or of whom nothing is known."""
    about = _personalia(case, day)
    if about is None or about["kjonn"] == "0":
        return -1
    born = about["fodseldato"]
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def _age_group(age: int) -> str:
    if age < 0:
        return "U"
    bounds = ((2, "0-2"), (5, "3-5"), (12, "6-12"), (17, "13-17"), (24, "18-24"))
    return next((name for upper, name in bounds if age <= upper), "25+")


def _is_care(tiltak: Row) -> bool:
    """A care order: barnevernsloven 2021 § 5-1; 1992 § 4-12, § 4-8 second and third subsection, § 4-8 with § 4-12."""
    law = tiltak["lovhjemmel"]
    place = (law["lov"], law["kapittel"], law["paragraf"])
    if place in (("BVL2021", "5", "1"), ("BVL", "4", "12")):
        return True
    related = {(one["kapittel"], one["paragraf"]) for one in tiltak.get("jmfr_lovhjemmel") or ()}
    return place == ("BVL", "4", "8") and (bool({"2", "3"} & set(law.get("ledd") or ())) or ("4", "12") in related)
