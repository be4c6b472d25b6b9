"""Releases on the local engine: made once of a freeze, with what is out already, and never without their proofs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from bvr.statistics import freezes
from bvr.statistics.freezes import Freeze
from bvr.statistics.publication import release
from bvr.statistics.publication.declared import products
from tests.unit.release_world import World, municipalities

PLACES = municipalities()[20:32]
PRODUCT = next(product for product in products() if product.id == "undersokelser")
NOW = datetime(2025, 9, 1, tzinfo=UTC)
INPUTS = ("befolkning", "kostragruppe")
TABLES = ("frysing", "frosne_tall", "utgivelse", "utgivelse_tall", "utgivelse_monster")
PERIODS = ("2024H1", "2024H2", "2024")


@pytest.fixture(scope="module")
def out(warehouse):
    """A year's freezes, and a release of each."""
    tables = warehouse.queries
    for name in TABLES:
        tables.query(f"DELETE FROM statistikk.{name} WHERE TRUE")
    for name in INPUTS:
        tables.query(f"DELETE FROM grunnlag.{name} WHERE TRUE")
    drawn = World(5, chosen=PLACES)
    tables.insert(
        "grunnlag.befolkning",
        [
            {"region": name, "aldersgruppe": "F000-017", "dato": "2024-01-01", "antall": people, "lastet": None}
            for name, people in PLACES
        ],
    )
    tables.insert(
        "grunnlag.kostragruppe",
        [
            {"kommunenummer": name, "gruppe": group, "gyldig_fra": "2020-01-01", "gyldig_til": None, "lastet": None}
            for group, members in drawn.groups.items()
            for name in members
        ],
    )
    for number, period in enumerate(PERIODS):
        known = datetime(2025, 3, 1 + number, tzinfo=UTC)
        freeze = Freeze(
            frysing_id=f"{period}-T2",
            periode=period,
            nummer="T2",
            kunnskapstidspunkt=known,
            frosset=known,
            forrige_id=None,
            rader=1,
            sha256="a" * 64,
            regelsett="1",
            kodelister_sha256="b" * 64,
            sporringer_sha256="c" * 64,
        )
        rows = [
            {**row, "region": str(row["region"]), "kode": str(row["kode"]), "kunnskapstidspunkt": known}
            for row in drawn.rows(period)
            if row["indikator"] in PRODUCT.figures
        ]
        added = {"frysing_id": freeze.frysing_id, "status": "KOMPLETT", "referansedato": "2024-12-31", "andel": None}
        tables.insert("statistikk.frosne_tall", [{**row, **added} for row in rows])
        tables.insert("statistikk.frysing", [msgspec.structs.asdict(freeze)])
    made = [
        release.release(tables, PRODUCT, f"{period}-T2", lambda n=n: NOW + timedelta(days=n))
        for n, period in enumerate(PERIODS)
    ]
    yield warehouse, made
    for name in TABLES:
        tables.query(f"DELETE FROM statistikk.{name} WHERE TRUE")
    for name in INPUTS:
        tables.query(f"DELETE FROM grunnlag.{name} WHERE TRUE")


@pytest.mark.local_cloud
def test_a_release_is_stored_with_its_proofs(out):
    warehouse, made = out
    for one in made:
        assert json.loads(one.angrep)["dom"] == "GRONN"
        assert json.loads(one.revisjon)["for_smale"] == 0
        assert json.loads(one.parametre)["terskel"] == 4
        assert one.skjult > 0
        (count,) = warehouse.queries.query(
            "SELECT COUNT(*) AS n, COUNTIF(symbol = ':') AS skjult, COUNTIF(symbol = ':' AND tall IS NOT NULL) AS feil "
            "FROM statistikk.utgivelse_tall WHERE utgivelse_id = @id",
            {"id": one.utgivelse_id},
        )
        assert (count["n"], count["skjult"], count["feil"]) == (one.rader, one.skjult, 0)


@pytest.mark.local_cloud
def test_made_again_it_is_the_same_release(out):
    warehouse, made = out
    again = release.release(warehouse.queries, PRODUCT, "2024-T2", lambda: NOW + timedelta(days=99))
    assert again == made[-1]
    assert len(release.published(warehouse.queries, PRODUCT.id)) == len(PERIODS)


@pytest.mark.local_cloud
def test_a_release_that_is_out_is_attacked_with_those_before_it(out):
    warehouse, made = out
    freeze = freezes.made(warehouse.queries, "2024-T2")
    verdict, taken = release.attacked(warehouse.queries, PRODUCT, made[-1], freeze)
    assert verdict.green
    assert not taken
    assert verdict.tried["A4"] > 0
    assert verdict.tried["A5"] > 0
    reds = [not release.attacked(warehouse.queries, PRODUCT, made[-1], freeze, seed)[0].green for seed in range(4)]
    assert any(reds)


@pytest.mark.local_cloud
def test_what_the_attack_learns_something_of_is_not_stored(out, monkeypatch):
    warehouse, _ = out
    honest = release.protect

    def careless(problem, **rest):
        found = honest(problem, **rest)
        return release.Pattern(
            hidden=found.primary,
            primary=found.primary,
            partners=found.partners & False,
            repaired=found.repaired & False,
            held=found.held & False,
            audit=found.audit,
        )

    monkeypatch.setattr(release, "protect", careless)
    monkeypatch.setattr(release, "stored", lambda *_: None)
    before = len(release.published(warehouse.queries, PRODUCT.id))
    with pytest.raises(release.NotPublishable, match="nothing is published"):
        release.release(warehouse.queries, PRODUCT, "2024-T2", lambda: NOW)
    assert len(release.published(warehouse.queries, PRODUCT.id)) == before


@pytest.mark.local_cloud
def test_the_notice_of_a_release_holds_no_figure(out):
    _, made = out
    data, attributes = release.notice(made[-1])
    told = json.loads(data)
    assert attributes["ce-id"] == told["utgivelse"] == made[-1].utgivelse_id
    assert attributes["ce-type"].endswith(".publisert")
    assert told["forrige"] == made[-1].forrige_id
    assert set(told) == {
        *("utgivelse", "produkt", "referanseperiode", "nummer", "status", "forrige", "sha256", "versjoner")
    }


@pytest.mark.local_cloud
def test_a_freeze_that_is_not_there_is_told(out):
    with pytest.raises(LookupError, match="no freeze"):
        release.release(out[0].queries, PRODUCT, "2031H1-T1", lambda: NOW)
