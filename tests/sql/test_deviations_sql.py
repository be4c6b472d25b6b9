"""What the year-on-year tests ask of BigQuery: months, arrivals, freezes, the view of the last run; and a run."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from msgspec.structs import asdict, replace

from bvr import deviations as command
from bvr import gcp
from bvr.cli import main
from bvr.statistics.deviations import compare, sources
from bvr.statistics.deviations.answers import COLUMNS
from bvr.statistics.deviations.compare import FORELOPIG, Beholdning
from bvr.statistics.deviations.tables import Vurdering
from bvr.statistics.figures import tables
from tests.sql import notation, registers
from tests.sql.googlesql import GoogleSql, declared, read
from tests.sql.test_key_figures import inputs, text

AT = datetime(2025, 3, 1, 4, tzinfo=UTC)
FREEZE = [{"name": n, "type": t} for n, t in (("frysing_id", "STRING"), ("periode", "STRING"), ("nummer", "STRING"))]


def test_what_is_sent_is_googlesql():
    declared().check(sources.provisional(), periode="STRING")
    declared().check(sources.sizes(), naa="DATE", fjor="DATE")
    declared().check(sources.arrivals(), run_time="TIMESTAMP", fjor="TIMESTAMP")
    known, views = read()
    frozen = {
        "statistikk.frosne_tall": [{"name": "frysing_id", "type": "STRING"}, *known["statistikk.nokkeltall_sak_v1"]],
        "statistikk.frysing": [*FREEZE, {"name": "kunnskapstidspunkt", "type": "TIMESTAMP"}],
    }
    GoogleSql({**known, **frozen}, views).check(sources.frozen(), periode="STRING", nummer="STRING")


@pytest.mark.parametrize("family", sorted({f.family for f in sources.monthly_figures()}))
def test_months_add_up_to_the_half_year(family):
    rows = registers.register(2, 60)
    given = {"register.innsending": rows, **inputs()}
    at = ("TIMESTAMP", registers.RUN_TIME)
    year = {"fra": ("DATE", date(2025, 1, 1)), "til": ("DATE", date(2025, 12, 1))}
    by_half: Counter[tuple[str, str, str]] = Counter()
    for one in compare.cells(declared().rows(sources.monthly(family), given, run_time=at, **year)):
        by_half[one.indikator, one.region, f"2025H{1 if one.periode[5:] <= '06' else 2}"] += one.verdi
    ids = {f.id for f in sources.monthly_figures()}
    halves = {
        (r["indikator"], r["region"], r["periode"]): r["verdi"]
        for r in declared().rows(text(family), given, run_time=at)
        if r["indikator"] in ids
        and r["periodetype"] == "H"
        and r["periode"].startswith("2025")
        and r["niva"] in ("KOMMUNE", "BYDEL")
        and (r["kjonn"], r["aldersgruppe"], r["kode"]) == ("T", "T", "T")
    }
    assert halves == by_half
    assert sum(halves.values()) > 5


def test_arrivals_are_counted_as_they_were_known_on_each_day():
    """Of a case: the day it happened, the day it was first sent, and whether it counts."""
    at = datetime(2025, 3, 31, 10, tzinfo=UTC)
    told = [
        ("0301", date(2025, 3, 10), date(2025, 3, 12), "REGISTERED"),  # two days later
        ("0301", date(2025, 3, 2), date(2025, 3, 31), "REGISTERED"),  # the first day, and as late as can be
        ("0301", date(2025, 3, 1), date(2025, 3, 2), "REGISTERED"),  # too long ago
        ("0301", date(2025, 3, 10), date(2025, 4, 1), "REGISTERED"),  # not known yet
        ("0301", date(2025, 3, 10), date(2025, 3, 12), "EXCLUDED"),  # does not count
        ("0301", date(2024, 3, 10), date(2024, 3, 12), "REGISTERED"),  # a year ago
        ("0301", date(2024, 3, 10), date(2024, 4, 20), "REGISTERED"),  # a year ago, and not known then
    ]
    rows = notation.rows({"saker": [{"kommune": kommune, "melding": [day]} for kommune, day, *_ in told]})
    for number, (row, (_, _, sent, outcome)) in enumerate(zip(rows, told, strict=True)):
        moment = datetime(sent.year, sent.month, sent.day, 8, tzinfo=UTC)
        row |= {"mottatt": moment, "behandlet": moment, "utfall": outcome, "sak_id": f"s{number}"}
    again = {**rows[0], "mottatt": at, "behandlet": at, "dato_uttrekk": at, "innsending_id": "igjen"}
    then = at - timedelta(days=365)
    found = declared().rows(
        sources.arrivals(),
        {"register.innsending": [*rows, again]},
        run_time=("TIMESTAMP", at),
        fjor=("TIMESTAMP", then),
    )
    assert sorted((r["kommunenummer"], r["dager"], r["antall"], r["antall_for"]) for r in found) == [
        ("0301", 2, 1, 1),
        ("0301", 29, 1, 0),
    ]


def stored(result: compare.Result, at: datetime = AT) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    return [asdict(one) for one in result.avvik], [asdict(replace(one, beregnet=at)) for one in result.tester]


def answer(value: int, outcome: str, at: datetime) -> dict[str, Any]:
    return asdict(
        Vurdering(
            **{"indikator": "beholdning_sak", "region": "0301", "periode": "2024-01-01", "periodetype": "D"},
            **{"verdi": value, "utfall": outcome, "behandlet_av": "leder", "behandlet_dato": date(2024, 2, 1)},
            lagt_inn=at,
        )
    )


def view(avvik, tests, answers):
    given = {"statistikk.avvik_v1": avvik, "statistikk.avvik_test": tests, "statistikk.avvik_vurdering": answers}
    return declared().rows("SELECT * FROM statistikk.avvik_gjeldende", given)


def test_the_last_run_stands_with_the_last_answer():
    def run(new: int, days: int) -> tuple[list[Any], list[Any]]:
        stocks = [Beholdning(kommunenummer="0301", type="Sak", gammel=100, ny=new)]
        return stored(compare.continuity(stocks, 2024, FORELOPIG, AT + timedelta(days=days)))

    first, second = run(60, 0), run(70, 1)
    answers = [answer(70, "UNDER_ARBEID", AT), answer(70, "BEKREFTET", AT + timedelta(hours=1))]
    (row,) = view(first[0] + second[0] + second[0], first[1] + second[1], answers)
    assert (row["verdi"], row["utfall"], row["svar_utdatert"]) == (70, "BEKREFTET", False)
    (row,) = view(first[0], first[1], answers)
    assert (row["verdi"], row["svar_utdatert"]) == (60, True)
    (row,) = view(first[0], first[1], [])
    assert row["utfall"] is row["svar_utdatert"] is None
    clean = run(100, 2)
    assert clean[0] == []
    assert view(first[0] + second[0], first[1] + second[1] + clean[1], answers) == []


def figure(region: str, value: int, year: int) -> dict[str, Any]:
    return {
        **{"indikator": "us_startet", "region": region, "niva": "KOMMUNE", "maal": "SUM", "periode": f"{year}H1"},
        **{"periodetype": "H", "kjonn": "T", "aldersgruppe": "T", "kode": "T", "verdi": value, "n_barn": value},
        **{"n_barn_nevner": 0, "status": "KOMPLETT", "referansedato": date(year, 6, 30), "kunnskapstidspunkt": AT},
    }


@pytest.mark.local_cloud
def test_a_run_is_stored_once_shown_and_answered(warehouse, monkeypatch, tmp_path):
    queries = warehouse.queries
    warehouse.fill(notation.rows({"saker": [{"kommune": "0301", "melding": [date(2024, 3, 1)]}]}))
    for name in ("avvik_v1", "avvik_test", "avvik_vurdering", tables.name("undersokelse")):
        queries.query(f"DELETE FROM statistikk.{name} WHERE TRUE")
    queries.insert(
        f"statistikk.{tables.name('undersokelse')}",
        [figure("0301", 60, 2024), figure("0301", 200, 2023), figure("4601", 50, 2024), figure("4601", 50, 2023)],
    )
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", queries.client.project)
    monkeypatch.setattr(gcp, "queries", lambda _: queries)
    made = CliRunner().invoke(main, ["deviations", "2024H1", "--kommune", "0301", "--json"])
    assert made.exit_code == 0, made.output
    shown = [json.loads(line) for line in made.stdout.splitlines() if line.startswith("{")]
    assert {one["testkode"] for one in shown if one["flagg"] == "ROD"} == {"T1", "T8"}
    command.of_period(queries, "2024H1")
    found = queries.query("SELECT * FROM statistikk.avvik_gjeldende ORDER BY rang")
    assert [(r["indikator"], r["region"], r["verdi"], r["forrige"]) for r in found] == [
        ("us_startet", "0301", 60, 200)
    ] * len(shown)
    (count,) = queries.query("SELECT COUNT(*) AS rader, COUNT(DISTINCT kjoring_id) AS runs FROM statistikk.avvik_test")
    assert count["runs"] == 1
    assert {one.testkode for one in command.of_today(queries, AT).tester} == {"T10"}
    path = tmp_path / "svar.csv"
    path.write_text(
        ",".join(COLUMNS) + "\nus_startet,0301,2024H1,H,60,BEKREFTET,Færre,leder,2024-09-01\n", encoding="utf-8"
    )
    assert command.load_answers(path, load=True) == 0
    assert {
        r["utfall"] for r in queries.query("SELECT utfall FROM statistikk.avvik_gjeldende WHERE region = '0301'")
    } == {"BEKREFTET"}
    refused = CliRunner().invoke(main, ["deviations", "2024H1", "--reference", "2023H2"])
    assert refused.exit_code != 0
    assert "there are no figures of 2023H2" in refused.output
