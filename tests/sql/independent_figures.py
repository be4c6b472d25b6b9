"""The sixty key figures once more, in plain Python from the definitions (statistics 0 and 1): a second opinion.

Nothing here is shared with the SQL: not the periods, not the regions, not the groups of codes, not the deadlines.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from dateutil.relativedelta import relativedelta

from tests.sql.independent import _age_group, _current, _is_care, _personalia, _valid
from tests.sql.notation import OSLO

Row = Mapping[str, Any]
Key = tuple[str, ...]
"""indikator, region, niva, maal, periode, periodetype, kjonn, aldersgruppe, kode."""
DAY = timedelta(days=1)
PLACEMENT = {f"1.{n}" for n in (1, 2, 99)} | {f"2.{n}" for n in (1, 2, 3, 4, 5, 6, 99)} | {"8.2", "8.4", "8.5"}
GROUP = {"1.1": "INSTITUSJON", "1.2": "INSTITUSJON", "1.99": "INSTITUSJON", "2.5": "BEREDSKAPSHJEM"}
GROUP |= {f"2.{n}": "FOSTERHJEM" for n in (1, 2, 3, 4, 99)} | {f"8.{n}": "BOLIG" for n in (2, 4, 5)}
GROUP["2.6"] = "FAMILIE_NETTVERK"


@dataclass(frozen=True)
class Period:
    """A period, or the stock of its last day."""

    name: str
    kind: str
    first: date
    last: date


@dataclass
class Counted:
    """A cell while it is counted."""

    value: int = 0
    of: int | None = None
    children: set[str] = field(default_factory=set)
    of_children: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class One:
    """An element, or a child, that is part of a figure."""

    child: str
    sex: str
    age: int
    counts: bool = True
    share: bool = False
    codes: tuple[str, ...] = ()
    code_counts: bool | None = None


def periods(run_time: datetime) -> list[Period]:
    today = run_time.astimezone(OSLO).date()
    found = []
    for year in range(today.year - 2, today.year + 1):
        found.append(Period(f"{year}", "Y", date(year, 1, 1), date(year, 12, 31)))
        for half, first, last in (("H1", (1, 1), (6, 30)), ("H2", (7, 1), (12, 31))):
            begin, end = date(year, *first), date(year, *last)
            if begin > today:
                continue
            found.append(Period(f"{year}{half}", "H", begin, end))
            found.append(Period(f"{year}{half}", "R", end - relativedelta(years=1) + DAY, end))
            if end < today:
                found.append(Period(f"{year}{half}", "D", begin, end))
    return found


# --- cases -------------------------------------------------------------------------------------------------------


def _who(case: Row, day: date) -> tuple[str, str, int]:
    """(the child, sex, whole years or -1)."""
    about = _personalia(case, day)
    if about is None:
        return f"S{case['orgnr']}{case['sak_id']}", "0", -1
    if about["nummertype"] in ("FNR", "DNR"):
        child = "N" + about["fodselsnummer"].hex()
    elif about.get("duf_nummer"):
        child = "D" + about["duf_nummer"].hex()
    else:
        child = f"S{case['orgnr']}{case['sak_id']}"
    sex = about["kjonn"] if about["kjonn"] in ("1", "2") else "0"
    born = about["fodseldato"]
    age = -1 if about["kjonn"] == "0" or born > day else relativedelta(day, born).years
    if age >= 0 and (day.month, day.day) == (2, 28) and (born.month, born.day) == (2, 29):
        age = day.year - born.year - 1
    return child, sex, age


def _end(element: Row, case: Row) -> date | None:
    conclusion = element.get("konklusjon")
    end: date | None = conclusion["slutt_dato"] if conclusion else case["sak"].get("slutt_dato")
    return end


def _own(element: Row) -> date | None:
    return element["konklusjon"]["slutt_dato"] if element.get("konklusjon") else None


def _code(element: Row) -> str | None:
    return element["konklusjon"].get("kode") if element.get("konklusjon") else None


def _in(day: date | None, p: Period) -> bool:
    return day is not None and p.first <= day <= p.last


def _open(element: Row, case: Row, day: date) -> bool:
    end = _end(element, case)
    return element["start_dato"] <= day and (end is None or end > day)


def _active(element: Row, case: Row, p: Period) -> bool:
    end = _end(element, case)
    return element["start_dato"] <= p.last and (end is None or end >= p.first)


def _emergency(law: Row) -> bool:
    if law["lov"] == "BVL2021":
        return bool(law["kapittel"] == "4")
    return law["kapittel"] == "4" and (
        law["paragraf"] in ("6", "9") or (law["paragraf"] == "25" and "2" in (law.get("ledd") or ()))
    )


def _provision(law: Row) -> str:
    return f"{law['lov']} {law['kapittel']}-{law['paragraf']}"


def _sources(case: Row, kind: str, from_type: str, to_type: str) -> dict[str, set[str]]:
    """Id of an element -> the names of those that lead to it. `kind` is a column."""
    found = defaultdict(set)
    for one in _valid(case, kind):
        if (one["fra_type"], one["til_type"]) == (from_type, to_type):
            found[one["til_id"].lower()].add(one["fra_id"].lower())
    return found


def _names(element: Row) -> set[str]:
    return {name.lower() for name in (element["id"], element.get("migrert_id")) if name}


# --- figures of elements: (case, period) -> those that are part of it ---------------------------------------------


Found = Iterator[tuple[str, str, One]]
"""municipality, district, one."""
Events = Callable[[Row, Period], Found]


def _place(case: Row) -> tuple[str, str]:
    return case["kommunenummer"], case.get("bydelsnummer") or ""


def _event(case: Row, p: Period, **about: Any) -> tuple[str, str, One]:
    child, sex, age = _who(case, p.last)
    return (*_place(case), One(child, sex, age, **about))


def _stable(code: str | None, group: str, members: str) -> tuple[str, ...]:
    return (code, group) if code in members.split() else (code,) if code else ()


_HENLAGT, _FLYTTET = "1 5 6 7 8 9 10", "5 7 8 9"


def _reports(which: Callable[[Row, Row, Period], dict[str, Any] | None]) -> Events:
    def found(case: Row, p: Period) -> Found:
        for melding in _valid(case, "melding"):
            about = which(case, melding, p)
            if about is not None:
                yield _event(case, p, **about)

    return found


def _concluded(p: Period, one: Row) -> bool:
    return _in(_own(one), p)


def _headline(p: Period, one: Row) -> bool:
    return _concluded(p, one) and _code(one) not in ("3", "4")


def _melder(one: Row) -> tuple[str, ...]:
    return tuple(m["kode"] for m in one.get("melder") or ())


def _late(one: Row) -> bool:
    end = _own(one)
    return end is not None and (end - one["start_dato"]).days > 7


def _investigations(which: Callable[[Row, Row, Period], dict[str, Any] | None]) -> Events:
    def found(case: Row, p: Period) -> Found:
        for one in _valid(case, "undersokelse"):
            about = which(case, one, p)
            if about is not None:
                yield _event(case, p, **about)

    return found


def _led(case: Row, one: Row) -> list[Row]:
    """The reports with code 2 that led to an investigation, one for each name they are called by."""
    names = _sources(case, "relasjon", "Melding", "Undersokelse").get(one["id"].lower(), set())
    return [m for m in _valid(case, "melding") if _code(m) == "2" and _names(m) & names]


def _deadlines(case: Row, one: Row) -> dict[str, date]:
    start = min((m["start_dato"] for m in _led(case, one)), default=one["start_dato"])
    longer = (one.get("utvidet_frist") or {}).get("innvilget") == "1"
    clock = start + timedelta(days=7)
    return {
        "LOV": clock + relativedelta(months=6 if longer else 3),
        "BVR90": clock + timedelta(days=180 if longer else 90),
        "SSB": one["start_dato"] + relativedelta(months=3),
    }


def _breaches(case: Row, one: Row, day: date) -> dict[str, Any]:
    late = tuple(name for name, deadline in _deadlines(case, one).items() if day > deadline)
    return {"counts": "LOV" in late, "share": True, "codes": late, "code_counts": True}


def _band(one: Row) -> str:
    end = _own(one)
    assert end is not None
    if end <= one["start_dato"] + relativedelta(months=3):
        return "3"
    return "6" if end <= one["start_dato"] + relativedelta(months=6) else "OVER6"


def _has_plan(case: Row, one: Row) -> bool:
    end = _end(one, case)
    for plan in _valid(case, "plan"):
        plan_end = _end(plan, case)
        if (
            plan["plantype"] in ("7", "8")
            and (end is None or plan["start_dato"] <= end)
            and (plan_end is None or plan_end >= one["start_dato"])
        ):
            return True
    return False


def _took_part(one: Row) -> str | None:
    return (one.get("barnets_medvirkning") or {}).get("medvirkning_type")


def _measures(which: Callable[[Row, Row, Period], dict[str, Any] | None]) -> Events:
    def found(case: Row, p: Period) -> Found:
        for one in _valid(case, "tiltak"):
            about = which(case, one, p)
            if about is not None:
                yield _event(case, p, **about)

    return found


def _current_measure(case: Row, one: Row, p: Period) -> bool:
    return _open(one, case, p.last) if p.kind == "D" else _active(one, case, p)


def _urgent(case: Row, one: Row) -> bool:
    if _emergency(one["lovhjemmel"]):
        return True
    names = _sources(case, "relasjon", "Vedtak", "Tiltak").get(one["id"].lower(), set())
    return any(_names(v) & names and _emergency(v["lovhjemmel"]) for v in _valid(case, "vedtak"))


def _simple(kind: str, which: Callable[[Row, Period], dict[str, Any] | None]) -> Events:
    def found(case: Row, p: Period) -> Found:
        for one in _valid(case, kind):
            about = which(one, p)
            if about is not None:
                yield _event(case, p, **about)

    return found


def _claims(case: Row, p: Period) -> Found:
    for decision in _valid(case, "vedtak"):
        for claim in decision.get("krav") or ():
            if _in(claim["start_dato"], p):
                yield _event(case, p, codes=(_code(claim) or "INGEN",))


def _statuses(decision: Row) -> list[str]:
    ordered = sorted(decision.get("status") or (), key=lambda s: (s["endret_dato"], s["id"]))
    return [s["kode"] for s in ordered]


def _move(one: Row) -> tuple[str, ...]:
    why, to = one["arsak_fra"]["kode"], one["flytting_til"]["kode"]
    where = "FOSTERHJEM" if why.startswith("1.") else "INSTITUSJON"
    return (where, "USTABIL") if why != "1.3" and to != "9" else (where,)


def _visits(part: str) -> Events:
    def found(case: Row, p: Period) -> Found:
        for one in _valid(case, "tiltak"):
            for visit in (one.get(part) or {}).get("utfort") or ():
                if _in(visit["utfort_dato"], p):
                    child, sex, age = _who(case, p.last)
                    yield (*_sees_to(case, one, part, visit["utfort_dato"]), One(child, sex, age))

    return found


def _sees_to(case: Row, one: Row, part: str, day: date) -> tuple[str, str]:
    kommune, bydel = _place(case)
    if part != "tilsyn":
        return kommune, bydel
    by_date = sorted((one.get("tilsyn") or {}).get("ansvarlig") or (), key=lambda a: (a["start_dato"], a["id"].lower()))
    in_force = [a for a in by_date if a["start_dato"] <= day]
    other = in_force[-1]["kommunenummer"] if in_force else kommune
    return other, bydel if other == kommune else ""


def _cases(which: Callable[[Row, Period], bool]) -> Events:
    def found(case: Row, p: Period) -> Found:
        if which(case["sak"], p):
            yield _event(case, p)

    return found


def _case_open(sak: Row, p: Period) -> bool:
    return sak["start_dato"] <= p.last and (sak.get("slutt_dato") is None or sak["slutt_dato"] > p.last)


E: dict[str, tuple[str, Events]] = {
    "meldinger_mottatt": (
        "HYR",
        _reports(lambda c, m, p: {"codes": _melder(m)} if _in(m["start_dato"], p) else None),
    ),
    "meldinger_konkludert": (
        "HYR",
        _reports(lambda c, m, p: {"codes": _stable(_code(m), "HENLAGT", _HENLAGT)} if _concluded(p, m) else None),
    ),
    "meldinger_ssb": (
        "YR",
        _reports(lambda c, m, p: {"codes": _stable(_code(m), "HENLAGT", _HENLAGT)} if _headline(p, m) else None),
    ),
    "meldinger_henlagt": (
        "HY",
        _reports(
            lambda c, m, p: {"counts": _code(m) != "2", "share": True, "codes": _melder(m)} if _headline(p, m) else None
        ),
    ),
    "meldinger_til_us": (
        "HY",
        _reports(lambda c, m, p: {"counts": _code(m) == "2", "share": True} if _headline(p, m) else None),
    ),
    "meldinger_aktive_tiltak": ("HY", _reports(lambda c, m, p: {} if _concluded(p, m) and _code(m) == "3" else None)),
    "meldinger_pagaende_us": ("HY", _reports(lambda c, m, p: {} if _concluded(p, m) and _code(m) == "4" else None)),
    "meldinger_per_melder": ("Y", _reports(lambda c, m, p: {"codes": _melder(m)} if _headline(p, m) else None)),
    "meldinger_per_innhold": (
        "Y",
        _reports(
            lambda c, m, p: {"codes": tuple(i["kode"] for i in m.get("saksinnhold") or ())} if _headline(p, m) else None
        ),
    ),
    "melding_fristbrudd": (
        "HYR",
        _reports(lambda c, m, p: {"counts": _late(m), "share": True} if _concluded(p, m) else None),
    ),
    "melding_apne_over_frist": (
        "HYR",
        _reports(lambda c, m, p: {} if _open(m, c, p.last) and (p.last - m["start_dato"]).days > 7 else None),
    ),
    "us_startet": (
        "HY",
        _investigations(
            lambda c, u, p: (
                {"codes": tuple({k for m in _led(c, u) for k in _melder(m)})} if _in(u["start_dato"], p) else None
            )
        ),
    ),
    "us_avsluttet": (
        "HYR",
        _investigations(
            lambda c, u, p: {"codes": _stable(_code(u), "FLYTTET", _FLYTTET)} if _concluded(p, u) else None
        ),
    ),
    "us_konklusjon": (
        "HY",
        _investigations(
            lambda c, u, p: {"codes": _stable(_code(u), "FLYTTET", _FLYTTET)} if _concluded(p, u) else None
        ),
    ),
    "us_til_tiltak": (
        "HY",
        _investigations(
            lambda c, u, p: {"counts": _code(u) in ("1", "2"), "share": True} if _concluded(p, u) else None
        ),
    ),
    "us_henlagt": (
        "HY",
        _investigations(
            lambda c, u, p: (
                {
                    "counts": _code(u) not in ("1", "2"),
                    "share": True,
                    "codes": _stable(_code(u), "FLYTTET", _FLYTTET),
                }
                if _concluded(p, u)
                else None
            )
        ),
    ),
    "us_innen_3mnd": (
        "Y",
        _investigations(lambda c, u, p: {"counts": _band(u) == "3", "share": True} if _concluded(p, u) else None),
    ),
    "us_innen_6mnd": (
        "Y",
        _investigations(
            lambda c, u, p: (
                {
                    "counts": _band(u) == "6",
                    "share": True,
                    "codes": ("OVER6",) if _band(u) == "OVER6" else (),
                    "code_counts": True,
                }
                if _concluded(p, u)
                else None
            )
        ),
    ),
    "us_fristbrudd": (
        "HR",
        _investigations(lambda c, u, p: _breaches(c, u, _own(u) or p.last) if _concluded(p, u) else None),
    ),
    "us_apne_over_frist": (
        "D",
        _investigations(lambda c, u, p: _breaches(c, u, p.last) if _open(u, c, p.last) else None),
    ),
    "us_utvidet_frist": (
        "HY",
        _investigations(
            lambda c, u, p: {} if _concluded(p, u) and (u.get("utvidet_frist") or {}).get("innvilget") == "1" else None
        ),
    ),
    "us_vedtaksgrunnlag": (
        "Y",
        _investigations(
            lambda c, u, p: (
                {"codes": tuple(g["kode"] for g in u.get("vedtaksgrunnlag") or ())}
                if _concluded(p, u) and _code(u) in ("1", "2")
                else None
            )
        ),
    ),
    "us_medvirkning": (
        "HY",
        _investigations(
            lambda c, u, p: (
                {
                    "counts": (_took_part(u) or "").startswith("1."),
                    "share": True,
                    "codes": tuple(filter(None, (_took_part(u),))),
                    "code_counts": True,
                }
                if _concluded(p, u) and p.last.year >= 2026
                else None
            )
        ),
    ),
    "us_plan": (
        "H",
        _investigations(lambda c, u, p: {"counts": _has_plan(c, u), "share": True} if _active(u, c, p) else None),
    ),
    "tiltak_per_kategori": (
        "YD",
        _measures(lambda c, t, p: {"codes": (t["kategori"]["kode"],)} if _current_measure(c, t, p) else None),
    ),
    "tiltak_startet": (
        "Y",
        _measures(lambda c, t, p: {"codes": (t["kategori"]["kode"],)} if _in(t["start_dato"], p) else None),
    ),
    "fosterhjem_naere": (
        "YD",
        _measures(
            lambda c, t, p: (
                {"counts": t["kategori"]["kode"] == "2.1", "share": True}
                if t["kategori"]["kode"] in ("2.1", "2.2") and _current_measure(c, t, p)
                else None
            )
        ),
    ),
    "akuttplasseringer": (
        "HYR",
        _measures(
            lambda c, t, p: (
                {"codes": (t["kategori"]["kode"],)}
                if t["kategori"]["kode"] in PLACEMENT and _in(t["start_dato"], p) and _urgent(c, t)
                else None
            )
        ),
    ),
    "opphevelse": (
        "Y",
        _measures(
            lambda c, t, p: (
                {"codes": (t["opphevelse"]["kode"],) if t.get("opphevelse") else ()}
                if _is_care(t) and _in(_own(t), p)
                else None
            )
        ),
    ),
    "akuttvedtak": (
        "HYR",
        _simple(
            "vedtak",
            lambda v, p: (
                {"codes": (_provision(v["lovhjemmel"]),)}
                if _in(v["start_dato"], p) and _emergency(v["lovhjemmel"]) and set(_statuses(v)) - {"3", "4"}
                else None
            ),
        ),
    ),
    "vedtak_fattet": (
        "HY",
        _simple(
            "vedtak",
            lambda v, p: (
                {"codes": (v["lovhjemmel"]["lov"],)} if _in(v["start_dato"], p) and _statuses(v)[:1] == ["1"] else None
            ),
        ),
    ),
    "private_krav": ("HY", _claims),
    "ettervern_tilbud": ("HY", _simple("ettervern", lambda e, p: {} if _in(e["tilbud_sendt_dato"], p) else None)),
    "ettervern_svar": (
        "HY",
        _simple(
            "ettervern",
            lambda e, p: (
                {"counts": _code(e) == "1", "share": True, "codes": (_code(e),), "code_counts": True}
                if _in(_own(e), p)
                else None
            ),
        ),
    ),
    "flyttinger": ("HYR", _simple("flytting", lambda f, p: {"codes": _move(f)} if _in(f["slutt_dato"], p) else None)),
    "oversendelser_nemnd": (
        "HY",
        _simple(
            "oversendelse_fylkesnemnd",
            lambda o, p: {"codes": (_provision(o["lovhjemmel"]),)} if _in(o["start_dato"], p) else None,
        ),
    ),
    "oppfolging_besok": ("HY", _visits("oppfolging")),
    "tilsyn_besok": ("HY", _visits("tilsyn")),
    "nye_saker": ("HY", _cases(lambda s, p: _in(s["start_dato"], p) and not s.get("migrert_id"))),
    "apne_saker": ("D", _cases(_case_open)),
    "rate_us_startet": (
        "Y",
        _investigations(lambda c, u, p: {} if _in(u["start_dato"], p) and 0 <= _who(c, p.last)[2] <= 17 else None),
    ),
}


# --- figures of children: what a child has in a period, over all its cases in a region -----------------------------


class Child:
    """A child in a region and a period, with its cases there."""

    def __init__(self, cases: list[Row], p: Period) -> None:
        self.p, self.cases = p, cases
        about = [_who(case, p.last) for case in cases]
        self.key = about[0][0]

    def all(self, kind: str) -> list[tuple[Row, Row]]:
        return [(case, one) for case in self.cases for one in _valid(case, kind)]

    def measures(self, *, at: bool) -> list[tuple[Row, Row]]:
        test = (lambda c, t: _open(t, c, self.p.last)) if at else (lambda c, t: _active(t, c, self.p))
        return [(c, t) for c, t in self.all("tiltak") if test(c, t)]

    def has(self, *, at: bool) -> bool:
        return bool(self.measures(at=at))

    def care(self, *, at: bool) -> bool:
        return any(_is_care(t) for _, t in self.measures(at=at))

    def placed(self, *, at: bool) -> bool:
        return any(t["kategori"]["kode"] in PLACEMENT for _, t in self.measures(at=at))

    def report(self) -> bool:
        return any(_in(_own(m), self.p) for _, m in self.all("melding"))

    def investigated(self) -> bool:
        return any(_active(u, c, self.p) for c, u in self.all("undersokelse"))

    def before(self) -> bool:
        earlier = Period("", "", self.p.first - timedelta(days=365), self.p.first - DAY)
        return any(_active(t, c, earlier) for c, t in self.all("tiltak"))

    def plan(self, *types: str) -> bool:
        return any(pl["plantype"] in types and _open(pl, c, self.p.last) for c, pl in self.all("plan"))

    def long_plan(self) -> bool:
        """A plan of type 1, open, that has gone on for three months, over plans that follow on one another."""
        since = self.p.last - relativedelta(months=3)
        for case in self.cases:
            plans = [pl for pl in _valid(case, "plan") if pl["plantype"] == "1"]
            for plan in plans:
                if not _open(plan, case, self.p.last):
                    continue
                start, moved = plan["start_dato"], True
                while moved:
                    moved = False
                    for other in plans:
                        end = _end(other, case)
                        if other["start_dato"] < start and (end is None or end + DAY >= start):
                            start, moved = other["start_dato"], True
                if start <= since:
                    return True
        return False

    def evaluated(self) -> bool:
        return any(
            _in(e["utfort_dato"], self.p)
            for case, pl in self.all("plan")
            if pl["plantype"] == "1" and _active(pl, case, self.p)
            for e in pl.get("evaluering") or ()
        )

    def foster(self) -> bool:
        return any(GROUP.get(t["kategori"]["kode"]) == "FOSTERHJEM" for _, t in self.measures(at=False))

    def broken(self) -> bool:
        causes = {"1.1.3", "1.1.4", "1.2.1", "1.2.2", "1.2.3"}
        return any(_in(f["slutt_dato"], self.p) and f["arsak_fra"]["kode"] in causes for _, f in self.all("flytting"))

    def placement(self) -> str | None:
        order = sorted(PLACEMENT, key=lambda code: [int(part) for part in code.split(".")])
        found = [
            (t["start_dato"], _is_care(t), -order.index(t["kategori"]["kode"]), GROUP[t["kategori"]["kode"]])
            for _, t in self.measures(at=True)
            if t["kategori"]["kode"] in PLACEMENT
        ]
        return max(found)[3] if found else None

    def relevant(self, case: Row) -> bool:
        """Whether anything of a case bears on the period: of others, the age and sex do not count."""
        far = Period("", "", self.p.first - timedelta(days=365), self.p.last)
        for kind in ("melding", "undersokelse", "tiltak", "plan"):
            for one in _valid(case, kind):
                end = _end(one, case)
                low = min(one["start_dato"], end or one["start_dato"])
                high = max(one["start_dato"], end) if end else far.last
                if low <= far.last and high >= far.first:
                    return True
        return any(far.first <= f["slutt_dato"] <= far.last for f in _valid(case, "flytting"))

    def about(self) -> tuple[str, int]:
        known = [_who(case, self.p.last) for case in self.cases if self.relevant(case)]
        return max(k[1] for k in known), max(k[2] for k in known)


def _class(child: Child, *, at: bool) -> str:
    return "OMSORG" if child.care(at=at) else "HJELP"


Answer = tuple[bool, bool, tuple[str | None, ...]]
"""Whether it counts, whether there is a share, the codes."""
C: dict[str, tuple[str, Callable[[Child, int], Answer | None]]] = {
    "barn_med_melding": ("HY", lambda c, age: (True, False, ()) if c.report() else None),
    "barn_med_us": ("HY", lambda c, age: (True, False, ()) if c.investigated() and 0 <= age <= 17 else None),
    "barn_us_eller_tiltak": (
        "Y",
        lambda c, age: (True, False, ()) if (c.investigated() and 0 <= age <= 17) or c.has(at=False) else None,
    ),
    "barn_tiltak_aar": (
        "HY",
        lambda c, age: (
            (True, False, (_class(c, at=False), "252" if c.placed(at=False) else "251")) if c.has(at=False) else None
        ),
    ),
    "barn_tiltak_dato": ("D", lambda c, age: (True, False, (_class(c, at=True),)) if c.has(at=True) else None),
    "nye_barn_tiltak": ("HY", lambda c, age: (True, False, ()) if c.has(at=False) and not c.before() else None),
    "barn_omsorgstiltak": ("HYD", lambda c, age: (True, False, ()) if c.care(at=c.p.kind == "D") else None),
    "barn_hjelpetiltak": (
        "HYD",
        lambda c, age: (True, False, ()) if c.has(at=c.p.kind == "D") and not c.care(at=c.p.kind == "D") else None,
    ),
    "andel_hjemme": (
        "Y",
        lambda c, age: (not c.placed(at=False), True, ()) if c.has(at=False) and 0 <= age <= 17 else None,
    ),
    "barn_plassert_dato": (
        "D",
        lambda c, age: (True, False, (c.placement(), _class(c, at=True))) if c.placed(at=True) else None,
    ),
    "barn_plassert_aar": ("Y", lambda c, age: (True, False, ()) if c.placed(at=False) and 0 <= age <= 17 else None),
    "barn_tiltaksplan": (
        "D",
        lambda c, age: (
            (c.plan("1") or (age >= 18 and c.plan("5")), True, ()) if c.has(at=True) and not c.care(at=True) else None
        ),
    ),
    "barn_omsorgsplan": (
        "D",
        lambda c, age: (c.plan("4") or (c.p.last.year < 2023 and c.plan("3")), True, ()) if c.care(at=True) else None,
    ),
    "barn_tiltak_plan_total": (
        "D",
        lambda c, age: (c.plan("1", "2", "3", "4", "5"), True, ()) if c.has(at=True) and c.p.last.month == 12 else None,
    ),
    "plan_evaluert": (
        "H",
        lambda c, age: (c.evaluated(), True, ()) if c.has(at=True) and not c.care(at=True) and c.long_plan() else None,
    ),
    "barn_ettervern": ("HYD", lambda c, age: (True, False, ()) if c.has(at=c.p.kind == "D") and age >= 18 else None),
    "brudd_fosterhjem": ("Y", lambda c, age: (c.broken(), True, ()) if c.foster() else None),
    "rate_barn_med_melding": ("Y", lambda c, age: (True, False, ()) if c.report() and 0 <= age <= 17 else None),
    "rate_barn_med_us": ("Y", lambda c, age: (True, False, ()) if c.investigated() and 0 <= age <= 17 else None),
    "rate_barn_tiltak_aar": ("Y", lambda c, age: (True, False, ()) if c.has(at=False) and 0 <= age <= 24 else None),
    "rate_barn_tiltak_dato": ("D", lambda c, age: (True, False, ()) if c.has(at=True) and 0 <= age <= 24 else None),
    "rate_barn_omsorgstiltak": (
        "YD",
        lambda c, age: (True, False, ()) if c.care(at=c.p.kind == "D") and 0 <= age <= 24 else None,
    ),
    "rate_barn_plassert_dato": (
        "D",
        lambda c, age: (True, False, ()) if c.placed(at=True) and 0 <= age <= 24 else None,
    ),
}
PER = {"barn_med_us": ("F000-017", 100), "barn_plassert_aar": ("F000-017", 100)}
PER |= dict.fromkeys(("rate_barn_med_melding", "rate_us_startet", "rate_barn_med_us"), ("F000-017", 1000))
PER |= dict.fromkeys(
    ("rate_barn_tiltak_aar", "rate_barn_tiltak_dato", "rate_barn_omsorgstiltak", "rate_barn_plassert_dato"),
    ("F000-024", 1000),
)


def _due(case: Row, p: Period, part: str) -> Iterator[tuple[str, str, bool]]:
    """(municipality, district, whether it was not met) of each foster home that has lasted a year."""
    for one in _valid(case, "tiltak"):
        if one["kategori"]["kode"] not in ("2.1", "2.2", "2.3", "2.4", "2.6", "2.99"):
            continue
        if not _open(one, case, p.last) or one["start_dato"] > p.last - relativedelta(years=1):
            continue
        details = one.get(part) or {}
        changes = sorted(details.get("hyppighet") or (), key=lambda h: (h["start_dato"], h["id"].lower()))
        due = 0
        for back in range(365):
            day = p.last - timedelta(days=back)
            before = [h for h in changes if h["start_dato"] <= day]
            due += int(before[-1]["kode"]) if before else 4
        done = {
            v["utfort_dato"]
            for v in details.get("utfort") or ()
            if p.last - timedelta(days=365) < v["utfort_dato"] <= p.last
        }
        yield (*_sees_to(case, one, part, p.last), len(done) < due // 365)


# --- regions and sums ----------------------------------------------------------------------------------------------


def _regions(kommune: str, bydel: str, groups: Mapping[str, str]) -> list[tuple[str, str]]:
    found = [("EAK", "LAND"), (f"EKA{kommune[:2]}", "FYLKE"), (kommune, "KOMMUNE")]
    if kommune != "0301":
        found.append(("EAKUO", "LAND"))
    if bydel:
        found.append((kommune + bydel, "BYDEL"))
        if kommune == "0301" and bydel not in ("16", "17", "99"):
            found.append(("EAB", "BYDELER"))
    if kommune in groups:
        found.append((groups[kommune], "KOSTRAGRUPPE"))
    return found


class Sums:
    """Cells by key."""

    def __init__(self) -> None:
        self.cells: dict[Key, Counted] = defaultdict(Counted)

    def add(self, head: tuple[str, str, str, str], p: Period, one: One) -> None:
        indicator, region, level, measure = head
        group = _age_group(one.age)
        for sex, age, code in (("T", "T", "T"), (one.sex, "T", "T"), ("T", group, "T")):
            self._count((indicator, region, level, measure, p.name, p.kind, sex, age, code), one, one.counts)
        for code in set(one.codes):
            counts = one.counts if one.code_counts is None else one.code_counts
            self._count((indicator, region, level, measure, p.name, p.kind, "T", "T", code), one, counts)

    def _count(self, key: Key, one: One, counts: bool) -> None:
        cell = self.cells[key]
        cell.value += counts
        cell.of_children.add(one.child)
        if counts:
            cell.children.add(one.child)
        if one.share:
            cell.of = (cell.of or 0) + 1


def figures(
    rows: Iterable[Row],
    run_time: datetime,
    population: Mapping[tuple[str, str, date], int] | None = None,
    groups: Mapping[str, str] | None = None,
) -> dict[Key, tuple[Any, ...]]:
    """Key -> (verdi, nevner, andel, n_barn, n_barn_nevner, status) of every cell."""
    everything = list(rows)
    population, groups = population or {}, groups or {}
    current = _current(everything)
    today = run_time.astimezone(OSLO).date()
    times = periods(run_time)
    sums = Sums()
    for name, (kinds, events) in E.items():
        for p in (p for p in times if p.kind in kinds):
            for case in current:
                for kommune, bydel, one in events(case, p):
                    for region, level in _regions(kommune, bydel, groups):
                        sums.add((name, region, level, "SUM"), p, one)
    rolled: dict[Key, tuple[int, int | None, int, int]] = {}
    for p in times:
        _count_children(sums, current, p, groups)
        _count_due(sums, current, p, groups)
    _roll(sums, rolled, groups)
    return _finished(sums, rolled, times, everything, current, today, population, groups)


def _by_region(entries: Iterable[tuple[str, str, Any]], groups: Mapping[str, str]) -> dict[tuple[str, str], list[Any]]:
    found: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for kommune, bydel, entry in entries:
        for place in _regions(kommune, bydel, groups):
            found[place].append(entry)
    return found


def _count_children(sums: Sums, current: list[Row], p: Period, groups: Mapping[str, str]) -> None:
    for (region, level), cases in _by_region(((*_place(c), c) for c in current), groups).items():
        by_child = defaultdict(list)
        for case in cases:
            by_child[_who(case, p.last)[0]].append(case)
        for of_child in by_child.values():
            child = Child(of_child, p)
            if not any(child.relevant(case) for case in of_child):
                continue
            sex, age = child.about()
            for name, (kinds, asked) in C.items():
                if p.kind in kinds and (answer := asked(child, age)) is not None:
                    counts, share, codes = answer
                    one = One(child.key, sex, age, counts, share, tuple(filter(None, codes)))
                    measure = "SUM" if level in ("KOMMUNE", "BYDEL") else "UNIK"
                    sums.add((name, region, level, measure), p, one)


def _count_due(sums: Sums, current: list[Row], p: Period, groups: Mapping[str, str]) -> None:
    for part, names in (
        ("oppfolging", {"oppfolging_krav": "H", "oppfolging_ikke_oppfylt": "HR"}),
        ("tilsyn", {"tilsyn_krav": "H", "tilsyn_ikke_oppfylt": "HR"}),
    ):
        due = [
            (kommune, bydel, (_who(case, p.last), broken))
            for case in current
            for kommune, bydel, broken in _due(case, p, part)
        ]
        for (region, level), entries in _by_region(due, groups).items():
            by_child = defaultdict(list)
            for who, broken in entries:
                by_child[who[0]].append((who, broken))
            for key, mine in by_child.items():
                sex, age = max(w[1] for w, _ in mine), max(w[2] for w, _ in mine)
                measure = "SUM" if level in ("KOMMUNE", "BYDEL") else "UNIK"
                for name, kinds in names.items():
                    if p.kind in kinds:
                        share = name.endswith("oppfylt")
                        counts = any(b for _, b in mine) if share else True
                        sums.add((name, region, level, measure), p, One(key, sex, age, counts, share))


CHILDREN = {*C, "oppfolging_krav", "oppfolging_ikke_oppfylt", "tilsyn_krav", "tilsyn_ikke_oppfylt"}


def _roll(sums: Sums, rolled: dict[Key, tuple[int, int | None, int, int]], groups: Mapping[str, str]) -> None:
    """Sums of municipalities, and of the districts of Oslo, for children."""
    for key, cell in list(sums.cells.items()):
        indicator, region, level, _, *rest = key
        if indicator not in CHILDREN or level not in ("KOMMUNE", "BYDEL"):
            continue
        kommune, bydel = region[:4], region[4:]
        wanted = ("FYLKE", "LAND", "KOSTRAGRUPPE") if level == "KOMMUNE" else ("BYDELER",)
        for over, kind in _regions(kommune, bydel, groups):
            if kind in wanted:
                to = (indicator, over, kind, "SUM", *rest)
                value, shared, children, of_children = rolled.get(to, (0, None, 0, 0))
                both = shared if cell.of is None else (shared or 0) + cell.of
                rolled[to] = (
                    *(value + cell.value, both),
                    *(children + len(cell.children), of_children + len(cell.of_children)),
                )


def _finished(
    sums: Sums,
    rolled: dict[Key, tuple[int, int | None, int, int]],
    times: list[Period],
    everything: list[Row],
    current: list[Row],
    today: date,
    population: Mapping[tuple[str, str, date], int],
    groups: Mapping[str, str],
) -> dict[Key, tuple[Any, ...]]:
    counted = {
        key: (cell.value, cell.of, len(cell.children), len(cell.of_children)) for key, cell in sums.cells.items()
    } | rolled
    kinds = {name: k for name, (k, _) in {**E, **C}.items()}
    kinds |= {"oppfolging_krav": "H", "oppfolging_ikke_oppfylt": "HR", "tilsyn_krav": "H", "tilsyn_ikke_oppfylt": "HR"}
    sent = {row["kommunenummer"] for row in everything if row["utfall"] != "REJECTED"}
    places = {(k, "") for k in sent} | {_place(c) for c in current}
    responsible = {
        a["kommunenummer"]
        for c in current
        for t in _valid(c, "tiltak")
        for a in (t.get("tilsyn") or {}).get("ansvarlig") or ()
    }
    found: dict[Key, tuple[Any, ...]] = {}
    for name, kind in kinds.items():
        mine = places
        if name.startswith(("tilsyn_", "oppfolging_")):
            mine = places | {(k, "") for k in responsible}
        regions = {place for kommune, bydel in mine for place in _regions(kommune, bydel, groups)}
        for p in (p for p in times if p.kind in kind):
            if name == "barn_tiltak_plan_total" and p.last.month != 12:
                continue
            for region, level in regions:
                for measure in ("SUM", "UNIK"):
                    if measure == "UNIK" and (name not in CHILDREN or level in ("KOMMUNE", "BYDEL")):
                        continue
                    counted.setdefault((name, region, level, measure, p.name, p.kind, "T", "T", "T"), (0, None, 0, 0))
    last = {(p.name, p.kind): p.last for p in times}
    for key, (value, shared, children, of_children) in counted.items():
        of = shared
        day = last[key[4], key[5]]
        status = "FORELOPIG" if day >= today else "KOMPLETT"
        share = None
        per = 100
        if key[0] in PER:
            band, per = PER[key[0]]
            of = population.get((key[1], band, day + DAY)) if key[6] == key[7] == "T" else None
            if not of:
                status = "MANGLER_BEFOLKNING"
        if of:
            share = (Decimal(per * value) / of).quantize(Decimal("0.1"), ROUND_HALF_UP)
        found[key] = (value, of, share, children, of_children, status)
    return found
