"""Pseudonyms and who sees what: two identities, two answers, from the same view."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import count, permutations

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from bvr.gcp import Queries, RowPolicies
from bvr.register import access, identity, materialise, pseudonyms
from bvr.register.access import BadGrant, Grant, policy
from bvr.register.pseudonyms import TinkPrf, UnknownPurpose, new_keyset, rotate
from tests.emulated.local_cloud.conftest import PROJECT
from tests.sql import notation
from tests.sql.test_identity import EMPTIED, sak

BEGIN = datetime(2025, 1, 1, 6, tzinfo=UTC)
TODAY = date(2025, 6, 1)
OWN = "serviceAccount:avledning@prosjekt.iam.gserviceaccount.com"
KEY = TinkPrf(new_keyset())
WORLDS = count()
"""Each test has hours of its own: a run of the same hours is recorded once, whatever was deleted since."""
ALL = (
    *EMPTIED,
    *("register.pseudonym", "register.analyse_grunnlag"),
    *("grunnlag.formal", "grunnlag.formal_epoke", "grunnlag.kohort", "grunnlag.tilgang"),
)
SAKER = (
    sak("0301", "a", ("1", "FNR"), start=date(2022, 3, 1), melding=[date(2022, 3, 1), date(2023, 5, 1)]),
    sak("1103", "b", ("1", "FNR"), start=date(2024, 1, 1), melding=[date(2024, 1, 1)]),
    sak("1103", "c", ("2", "FNR"), start=date(2023, 1, 1), slutt=date(2024, 2, 1), melding=[date(2023, 1, 1)]),
)


def purpose(name, **more):
    return {
        "formal": name,
        "beskrivelse": name,
        "hjemmel": "bvl. § 16-2",
        "dato_presisjon": "DAG",
        "kohort": False,
        "gyldig_fra": date(2020, 1, 1),
        **more,
    }


class World:
    """The warehouse, as derivations and as analysts ask it."""

    def __init__(self, warehouse):
        self.warehouse = warehouse
        self.tables = self.asked_by(OWN)
        self.at = BEGIN + timedelta(milliseconds=next(WORLDS))
        for table in ("register.analyse_grunnlag", "register.pseudonym"):
            for name in RowPolicies(self.tables.client).names(table):
                self.tables.query(f"DROP ROW ACCESS POLICY {name} ON {table}")
        for table in ALL:
            self.tables.query(f"DELETE FROM {table} WHERE TRUE")

    def asked_by(self, caller):
        endpoint = self.warehouse.client._connection.API_BASE_URL
        client = bigquery.Client(PROJECT, AnonymousCredentials(), client_options={"api_endpoint": endpoint})
        client._connection.extra_headers = {"X-Bqemu-Caller": caller}
        return Queries(client, "europe-north1")

    def derive(self, *saker, today=TODAY, everything=False):
        self.at += timedelta(hours=2)
        if saker:
            self.warehouse.fill(notation.rows({"saker": list(saker)}))
        materialise.run(self.tables, self.at)
        identity.run(self.tables, self.at)
        return pseudonyms.run(self.tables, KEY, self.at, today, everything=everything)

    def grant(self, *grants, today=TODAY):
        self.tables.query("DELETE FROM grunnlag.tilgang WHERE TRUE")
        self.tables.insert("grunnlag.tilgang", [{"slag": "LES", "gyldig_fra": date(2020, 1, 1), **g} for g in grants])
        return access.run(self.tables, RowPolicies(self.tables.client), today, [OWN])

    def basis(self, caller=OWN):
        sql = "SELECT formal, epoke, kommunenummer, sak_id, aar, barn, sak FROM register.analyse_grunnlag"
        return self.asked_by(caller).query(f"{sql} ORDER BY formal, sak_id, aar")


@pytest.fixture
def world(warehouse):
    found = World(warehouse)
    yield found
    for table in ("register.analyse_grunnlag", "register.pseudonym"):
        for name in RowPolicies(found.tables.client).names(table):
            found.tables.query(f"DROP ROW ACCESS POLICY {name} ON {table}")


@pytest.mark.local_cloud
def test_each_purpose_has_its_own_pseudonyms_and_years(world):
    world.tables.insert("grunnlag.formal", [purpose("a"), purpose("b", kommuner=["1103"], fra_aar=2024)])
    done = world.derive(*SAKER)
    assert done.endret == 2 + 3 + 2 + 2
    rows = world.basis()
    told = {(r["formal"], r["sak_id"], r["aar"]) for r in rows}
    assert told == {
        *(("a", "a", year) for year in (2022, 2023, 2024, 2025)),
        *(("a", "b", year) for year in (2024, 2025)),
        *(("a", "c", year) for year in (2023, 2024)),
        *(("b", "b", year) for year in (2024, 2025)),
        ("b", "c", 2024),
    }
    child = {(r["formal"], r["sak_id"]): r["barn"] for r in rows}
    assert child["a", "a"] == child["a", "b"] != child["a", "c"]
    assert len({child["a", "b"], child["b", "b"], child["a", "c"], child["b", "c"]}) == 4
    assert world.derive().endret == 0
    assert world.basis() == rows


@pytest.mark.local_cloud
def test_a_cohort_is_its_children_alone(world):
    world.tables.insert("grunnlag.formal", [purpose("k", kohort=True)])
    world.derive(*SAKER)
    assert world.basis() == []
    barn_id = world.tables.query("SELECT barn_id FROM register.person_sak_gjeldende WHERE sak_id = 'c'")[0]["barn_id"]
    world.tables.insert("grunnlag.kohort", [{"formal": "k", "barn_id": barn_id}])
    world.derive(everything=True)
    assert {r["sak_id"] for r in world.basis()} == {"c"}


@pytest.mark.local_cloud
def test_what_leaves_the_register_leaves_the_grounds_and_a_merge_changes_the_child(world):
    world.tables.insert("grunnlag.formal", [purpose("a")])
    world.derive(*SAKER)
    before = {r["sak_id"]: r["barn"] for r in world.basis()}

    def sent(hours, utfall):
        at = BEGIN + timedelta(hours=hours)
        return {**SAKER[0], "uttrekk": at, "mottatt": at, "innsending": f"x{hours}", "utfall": utfall}

    world.derive(*SAKER, sent(3, "EXCLUDED"))
    assert {r["sak_id"]: r["barn"] for r in world.basis()} == {"b": before["b"], "c": before["c"]}
    world.derive(*SAKER, sent(3, "EXCLUDED"), sent(5, "REGISTERED"))
    assert {r["sak_id"]: r["barn"] for r in world.basis()} == before


@pytest.mark.local_cloud
@pytest.mark.parametrize("order", list(permutations(("new case", "rotation", "run"))))
def test_rotation_while_intake_runs(world, order):
    """In whatever order things come, each child has one pseudonym for each purpose and epoch, and none is in both."""
    world.tables.insert("grunnlag.formal", [purpose("a"), purpose("b")])
    world.derive(*SAKER[:2])
    old = {(r["formal"], r["sak_id"]): r["barn"] for r in world.basis()}
    for step in order:
        if step == "new case":
            world.warehouse.fill(notation.rows({"saker": list(SAKER)}))
        elif step == "rotation":
            assert rotate(world.tables, "a", date(2025, 7, 1), world.at, "personvernombudet", "årlig") == 2
            assert rotate(world.tables, "a", date(2025, 7, 1), world.at, "personvernombudet", "årlig") == 2
        else:
            world.derive()
    world.derive(everything=True)
    assert {
        (r["formal"], r["sak_id"]): r["barn"] for r in world.basis() if r["sak_id"] != "c"
    } == old  # not yet the day
    world.derive(today=date(2025, 7, 1))
    new = {(r["formal"], r["sak_id"]): r["barn"] for r in world.basis()}
    assert new["a", "a"] == new["a", "b"]
    assert new["a", "a"] != old["a", "a"]
    assert new["b", "a"] == old["b", "a"]
    twice = "SELECT 1 AS en FROM register.pseudonym GROUP BY formal, epoke, type, nokkel HAVING COUNT(*) > 1"
    assert world.tables.query(twice) == []
    assert world.derive(today=date(2025, 7, 1)).endret == 0


@pytest.mark.local_cloud
def test_two_identities_two_answers(world):
    world.tables.insert("grunnlag.formal", [purpose("a"), purpose("b")])
    world.derive(*SAKER)
    everything = world.basis()
    anne, bo, eva = "user:anne@forskning.no", "user:bo@bufdir.no", "user:eva@forskning.no"
    world.grant(
        {"identitet": anne, "formal": "a", "kommuner": ["0301"]},
        {"identitet": bo, "formal": "b", "fra_aar": 2024, "til_aar": 2024},
    )
    assert world.basis() == everything  # our own
    assert {(r["formal"], r["sak_id"], r["aar"]) for r in world.basis(anne)} == {
        ("a", "a", y) for y in range(2022, 2026)
    }
    assert {(r["formal"], r["sak_id"], r["aar"]) for r in world.basis(bo)} == {
        ("b", "a", 2024),
        ("b", "b", 2024),
        ("b", "c", 2024),
    }
    assert world.basis(eva) == []
    assert not {r["barn"] for r in world.basis(anne)} & {r["barn"] for r in world.basis(bo)}
    # Taken back from one, given to the other.
    changed = world.grant({"identitet": anne, "formal": "a", "kommuner": ["1103"]})
    assert (len(changed.drop), len(changed.create)) == (2, 1)
    assert {r["kommunenummer"] for r in world.basis(anne)} == {"1103"}
    assert world.basis(bo) == []
    assert world.grant({"identitet": anne, "formal": "a", "kommuner": ["1103"]}) == access.Policies(drop=(), create=())
    world.grant()
    assert world.basis(anne) == []
    assert world.basis() == everything


@pytest.mark.local_cloud
def test_the_bridge_is_for_whoever_has_it(world):
    world.tables.insert("grunnlag.formal", [purpose("a"), purpose("b")])
    world.derive(*SAKER)
    for name in "ab":
        rotate(world.tables, name, TODAY, world.at, "personvernombudet", "årlig")
    old = {r["barn"] for r in world.basis() if r["formal"] == "a"}
    world.derive()
    new = {r["barn"] for r in world.basis() if r["formal"] == "a"}
    anne, bo = "user:anne@forskning.no", "user:bo@bufdir.no"
    world.grant({"identitet": anne, "formal": "a", "slag": "BRO"}, {"identitet": bo, "formal": "a"})
    bridge = "SELECT * FROM analyse.pseudonym_bro WHERE type = 'BARN'"
    found = world.asked_by(anne).query(bridge)
    assert ({r["fra_pseudonym"] for r in found}, {r["til_pseudonym"] for r in found}) == (old, new)
    assert {r["formal"] for r in found} == {"a"}
    assert world.asked_by(bo).query(bridge) == []


@pytest.mark.local_cloud
def test_a_rotation_is_decided_by_somebody_of_something(world):
    with pytest.raises(UnknownPurpose):
        rotate(world.tables, "finnes-ikke", TODAY, world.at, "hvem", "hvorfor")
    with pytest.raises(ValueError, match="who"):
        rotate(world.tables, "a", TODAY, world.at, " ", "hvorfor")


@pytest.mark.parametrize(
    "bad",
    [
        {"identitet": 'user:a@b.no") FILTER USING (TRUE) --'},
        {"identitet": "allUsers"},
        {"identitet": "domain:bufdir.no"},
        {"formal": "a' OR TRUE OR formal = 'b"},
        {"formal": "A"},
        {"kommuner": ("0301", "0301') OR ('1'='1")},
        {"kommuner": ("301",)},
        {"slag": "ALT"},
        {"slag": "BRO", "kommuner": ("0301",)},
    ],
)
def test_nothing_gets_into_a_policy_but_what_it_may_say(bad):
    good = {"identitet": "user:a@b.no", "formal": "a"}
    assert policy(Grant(**good)).filter == "formal = 'a'"
    with pytest.raises(BadGrant):
        policy(Grant(**good | bad))


def test_there_is_always_a_policy_and_our_own_comes_first():
    with pytest.raises(BadGrant, match="at least one"):
        access.plan([], {}, [])
    found = access.plan([Grant(identitet="user:a@b.no", formal="a")], {}, [OWN])
    assert [p.filter for p in found.create] == ["TRUE", "TRUE", "formal = 'a'"]
    with pytest.raises(BadGrant, match="groups"):
        access.plan([Grant(identitet=f"user:a{n}@b.no", formal="a") for n in range(401)], {}, [OWN])
