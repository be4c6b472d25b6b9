"""The person tables against what they should be, from submissions as they came; and what a run reads."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest

from bvr.register import identity, materialise
from bvr.register.identity import own_key
from tests.sql import notation

pytestmark = pytest.mark.local_cloud
BEGIN = datetime(2025, 1, 1, 6, tzinfo=UTC)
KINDS = ("FNR", "FNR", "DNR", "PLASSHOLDER", "UGYLDIG")
EMPTIED = ("register.person_sak", "register.person_identifikator", "register.sak_tabell", "drift.avledning")


def sak(kommune, name, *people, day=0, **more):
    """A submission of a case that came on a day. A person is (number, kind) or (number, kind, DUF), or a dict."""
    barn = [p if isinstance(p, dict) else dict(zip(("nummer", "type", "duf"), p, strict=False)) for p in people]
    at = BEGIN + timedelta(days=day)
    return {
        "kommune": kommune,
        "sak": name,
        "barn": barn,
        "uttrekk": at,
        "mottatt": at,
        "innsending": f"{name}-{day}",
        **more,
    }


@pytest.fixture
def derive(warehouse):
    """Empties the tables; then each call derives from what it is given, as of a day."""
    for table in EMPTIED:
        warehouse.queries.query(f"DELETE FROM {table} WHERE TRUE")
    so_far = []

    def run(*saker, day=0, everything=False):
        so_far.extend(saker)
        warehouse.fill(notation.rows({"saker": so_far}))
        at = BEGIN + timedelta(days=day, hours=1)
        materialise.run(warehouse.queries, at, everything=everything)
        return identity.run(warehouse.queries, at, everything=everything)

    return run


def children(tables):
    """Which cases are one child: a set of sets of (municipality, case)."""
    found = {}
    for row in tables.query("SELECT orgnr, sak_id, barn_id FROM register.person_sak_gjeldende"):
        found.setdefault(row["barn_id"], set()).add((row["orgnr"][1:5], row["sak_id"]))
    for barn_id, cases in found.items():
        assert barn_id in {own_key((f"9{kommune}0000", name)) for kommune, name in cases}
    return {frozenset(cases) for cases in found.values()}


def one(*cases):
    return frozenset(cases)


A, B, C = ("0301", "a"), ("1103", "b"), ("4601", "c")


@pytest.mark.parametrize(
    ("saker", "expected"),
    [
        pytest.param([sak(*A, ("1", "FNR")), sak(*B, ("1", "FNR"))], {one(A, B)}, id="one number, two municipalities"),
        pytest.param([sak(*A, ("1", "UGYLDIG")), sak(*B, ("1", "UGYLDIG"))], {one(A), one(B)}, id="wrong check digits"),
        pytest.param(
            [
                sak(*A, ("1", "DNR")),
                sak(*B, ("2", "FNR")),
                sak(*C, {"nummer": "1", "type": "DNR", "fra": date(2024, 1, 1)}, ("2", "FNR")),
            ],
            {one(A, B, C)},
            id="D-number here, number there, both in a third",
        ),
        pytest.param(
            [
                sak(*A, ("1", "DNR", "duf")),
                sak(*B, ("2", "FNR")),
                sak(*C, ("01012500100", "PLASSHOLDER", "duf"), ("2", "FNR")),
            ],
            {one(A, B, C)},
            id="the same child under three forms",
        ),
        pytest.param([sak(*A, ("9", "FNR")), sak(*B, ("9", "FNR"))], {one(A, B)}, id="99999 that is a real number"),
        pytest.param(
            [sak("0301", "a", ("01012599999", "PLASSHOLDER")), sak("0301", "b", ("01012599999", "PLASSHOLDER"))],
            {one(A), one(("0301", "b"))},
            id="twins with one placeholder",
        ),
        pytest.param(
            [sak(*A, ("01012500100", "PLASSHOLDER")), sak(*B, ("01012500100", "PLASSHOLDER"))],
            {one(A), one(B)},
            id="a placeholder never links municipalities",
        ),
        pytest.param(
            [sak("0301", "x", ("1", "FNR")), sak("1103", "x", ("1", "FNR"))],
            {one(("0301", "x"), ("1103", "x"))},
            id="a case that moves between services under its id",
        ),
        pytest.param(
            [sak("0301", "x", ("1", "UGYLDIG")), sak("1103", "x", ("2", "FNR"))],
            {one(("0301", "x")), one(("1103", "x"))},
            id="the same case id is no link",
        ),
        pytest.param([sak(*A, ("1", "FNR", "d")), sak(*B, ("2", "FNR", "d"))], {one(A, B)}, id="DUF with two numbers"),
        pytest.param(
            [sak(*A, ("1", "FNR")), sak(*B, {"nummer": "1", "type": "FNR", "slettet": True}, ("2", "FNR"))],
            {one(A), one(B)},
            id="details that are deleted",
        ),
        pytest.param(
            [sak(*A, ("1", "FNR")), sak(*B, ("1", "FNR"), ("2", "FNR"), slettet=[{"id": "P0", "type": "Personalia"}])],
            {one(A), one(B)},
            id="details listed as deleted",
        ),
        pytest.param([sak(*A, ("1", "FNR")), sak(*B, ("1", "FNR"), utfall="EXCLUDED")], {one(A)}, id="never accepted"),
        pytest.param(
            [sak(*A, ("1", "FNR")), sak(*B, ("1", "FNR"), er_slettet=True)], {one(A), one(B)}, id="deleted case"
        ),
    ],
)
def test_who_is_one_child(derive, warehouse, saker, expected):
    derive(*saker)
    assert children(warehouse.queries) == expected


def test_an_unborn_child_gets_a_number_and_is_the_same(derive, warehouse):
    derive(sak(*A, ("01012599999", "PLASSHOLDER")))
    derive(sak(*B, ("1", "FNR"), day=1), day=1)
    assert children(warehouse.queries) == {one(A), one(B)}
    derive(sak(*A, ("01012599999", "PLASSHOLDER"), ("1", "FNR"), day=2), day=2)
    assert children(warehouse.queries) == {one(A, B)}
    (person,) = warehouse.queries.query("SELECT * FROM register.person")
    assert (person["barn_id"], person["antall_saker"], person["kommuner"]) == (
        own_key(("903010000", "a")),
        2,
        ["0301", "1103"],
    )
    assert (person["antall_fnr"], person["antall_dnr"], person["antall_duf"]) == (1, 0, 0)


def test_a_number_that_is_corrected_and_corrected_back(derive, warehouse):
    """Merged, split and merged again: dated, with what led to it; and any day can be asked for."""
    tables = warehouse.queries
    derive(sak(*A, ("1", "FNR")), sak(*B, ("1", "FNR")))
    derive(sak(*B, ("2", "FNR"), day=1), day=1)
    assert children(tables) == {one(A), one(B)}
    derive(sak(*B, ("3", "FNR"), day=2, utfall="EXCLUDED"), day=2)  # with an error: nothing changes
    assert children(tables) == {one(A), one(B)}
    derive(sak(*B, ("1", "FNR"), day=3), day=3)
    assert children(tables) == {one(A, B)}
    told = tables.query("SELECT * FROM register.person_fletting ORDER BY tidspunkt")
    key_a, key_b = own_key(("903010000", "a")), own_key(("911030000", "b"))
    assert [(r["sak_id"], r["fra_barn_id"], r["til_barn_id"], r["grunn"], r["innsending_id"]) for r in told] == [
        ("b", key_a, key_b, "DELT", "b-1"),
        ("b", key_b, key_a, "FLETTET", "b-3"),
    ]
    as_of = "SELECT barn_id FROM register.person_sak_per(@at) WHERE sak_id = 'b'"
    days = [tables.query(as_of, {"at": BEGIN + timedelta(days=day, hours=2)})[0]["barn_id"] for day in range(4)]
    assert days == [key_a, key_b, key_b, key_a]


def test_conflicts_are_listed_where_they_can_be_mended_and_split_nothing(derive, warehouse):
    derive(
        sak("0301", "a", {"nummer": "1", "fodt": date(2015, 1, 1)}),
        sak("1103", "b", {"nummer": "1", "fodt": date(2015, 1, 2)}),
        sak("0301", "c", ("2", "FNR", "d")),
        sak("4601", "d", ("3", "FNR", "d")),
        sak("0301", "e", {"nummer": "4", "kjonn": "1"}, {"nummer": "4", "kjonn": "2"}),
        sak("0301", "f", {"nummer": "01012599999", "type": "PLASSHOLDER", "kjonn": "0"}, {"nummer": "5", "kjonn": "2"}),
    )
    tables = warehouse.queries
    assert len(children(tables)) == 4
    found = tables.query("SELECT * FROM register.person_konflikt ORDER BY konflikt, sak_id")
    assert [(r["konflikt"], r["kommunenummer"], r["sak_id"], r["antall_saker"]) for r in found] == [
        ("DUF", "0301", "c", 2),
        ("DUF", "4601", "d", 2),
        ("FODSELSDATO", "0301", "a", 2),
        ("FODSELSDATO", "1103", "b", 2),
        ("KJONN", "0301", "e", 1),
        ("NUMMER", "0301", "c", 2),
        ("NUMMER", "4601", "d", 2),
    ]
    assert set(found[0]) == {"konflikt", "kommunenummer", "bydelsnummer", "orgnr", "sak_id", "antall_saker"}


@pytest.mark.parametrize("seed", range(4))
def test_days_one_by_one_end_where_everything_does(derive, warehouse, seed):
    """Whatever was sent: the run of everything finds nothing to mend, and a repeat changes nothing."""
    rng, tables = Random(seed), warehouse.queries
    for day in range(8):
        saker = []
        for _ in range(rng.randint(1, 3)):
            place, name = rng.choice([A, B, C, ("0301", "d")])
            people = [(str(rng.randrange(4)), rng.choice(KINDS)) for _ in range(rng.randint(1, 2))]
            utfall, deleted = rng.choice(["REGISTERED"] * 4 + ["EXCLUDED"]), rng.random() < 0.1 or None
            saker.append(sak(place, name, *people, day=day, utfall=utfall, er_slettet=deleted))
            saker[-1]["innsending"] += f"-{len(saker)}"
        derive(*saker, day=day)
        assert derive(day=day).endret == 0
    assert derive(day=8, everything=True).endret == 0
    increments = children(tables)
    for table in EMPTIED:
        tables.query(f"DELETE FROM {table} WHERE TRUE")
    derive(day=9, everything=True)
    assert children(tables) == increments


def test_what_was_erased_links_nothing(derive, warehouse):
    derive(sak(*A, ("1", "FNR")), sak(*B, ("1", "FNR"), ("2", "FNR")), sak(*C, ("2", "FNR")))
    tables = warehouse.queries
    assert children(tables) == {one(A, B, C)}
    for table in ("register.innsending", "register.person_sak", "register.person_identifikator"):
        tables.query(f"DELETE FROM {table} WHERE sak_id = 'b'")
    identity.run(tables, BEGIN + timedelta(days=2), everything=True)
    assert children(tables) == {one(A), one(C)}
