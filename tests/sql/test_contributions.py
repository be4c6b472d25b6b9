"""What each case gives to the figures, and what excluded cases take from them, in Google's reference engine."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import pytest

from bvr.statistics.figures import families
from bvr.statistics.figures.catalogue import FAMILIES, figures, of
from bvr.statistics.figures.effect import HEADLINE
from bvr.statistics.run import checks
from tests.sql import registers
from tests.sql.googlesql import SCHEMAS, declared
from tests.sql.independent_figures import figures as independent

Row = dict[str, Any]
TOTAL = ("T", "T", "T")
EFFECT = SCHEMAS / "statistikk" / "valideringseffekt_v1"


def of_municipalities(rows: list[Row]) -> dict[tuple[str, str, str, str], tuple[int, int]]:
    """(figure, municipality, period, type) -> its value and what it is a share of; nought left out."""
    return {
        (key[0], key[1], key[4], key[5]): (cell[0], cell[1] or 0)
        for key, cell in independent(rows, registers.RUN_TIME, {}, {}).items()
        if key[2] == "KOMMUNE" and key[6:] == TOTAL and (cell[0] or cell[1])
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_the_children_add_up_to_the_figures(family):
    rows = registers.register(3, 60)
    made: dict[Any, list[int]] = defaultdict(lambda: [0, 0])
    sql = families.by_child(family, of(family))
    for r in declared().rows(sql, {"register.innsending": rows}, run_time=("TIMESTAMP", registers.RUN_TIME)):
        cell = made[r["indikator"], r["sted"], r["periode"], r["periodetype"]]
        cell[0] += r["teller"]
        cell[1] += r["nevner"] or 0
    rates = {f.id for f in figures() if f.population}  # shares of the inhabitants, of which there are none here
    assert {key: tuple(cell) for key, cell in made.items() if any(cell)} == {
        key: (value, 0 if key[0] in rates else of_)
        for key, (value, of_) in of_municipalities(rows).items()
        if key[0] in {f.id for f in of(family)}
    }


@pytest.mark.parametrize("seed", [5, 6])
def test_excluded_cases_take_what_they_would_have_given(seed):
    """Summed by municipality: the figures as if nothing was excluded, less the figures as they are."""
    rows = [
        {**row, "utfall": "EXCLUDED"} if number % 4 == 0 and row["utfall"] == "REGISTERED" else row
        for number, row in enumerate(registers.register(seed, 60))
    ]
    given = {"register.innsending": rows}
    run_time = ("TIMESTAMP", registers.RUN_TIME)
    taken: Counter[Any] = Counter()
    made = declared().rows((EFFECT / "query.sql").read_text(encoding="utf-8"), given, run_time=run_time)
    for r in made:
        taken[r["indikator"], r["kommunenummer"], r["periode"], r["periodetype"]] += r["mangler"]
    headline = {f.id: f.number for f in figures() if f.number in HEADLINE}
    whole = of_municipalities([{**row, "utfall": "REGISTERED"} for row in rows])
    there = of_municipalities(rows)
    assert {key: n for key, n in taken.items() if n} == {
        key: value - there.get(key, (0, 0))[0]
        for key, (value, _) in whole.items()
        if key[0] in headline and value != there.get(key, (0, 0))[0]
    }
    assert {headline[r["indikator"]] for r in made} == set(HEADLINE)
    assert all(headline[r["indikator"]] == r["nummer"] for r in made)
    assert any(r["mangler"] < r["bidrag"] for r in made), "nobody is counted by another case: the test says little"
    for check in checks((EFFECT / "checks.sql").read_text(encoding="utf-8")):
        assert not declared().rows(check.sql, {**given, "statistikk.valideringseffekt_v1": made}), check.name
