"""Preview, approval, reports and code lists: what is answered, to whom, and what is kept of it."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from bvr.api.governance import APPROVALS, KINDS, LISTS, PREVIEW, REPORTS, governs
from bvr.api.governance_openapi import merge
from bvr.api.maskinporten import Caller
from bvr.api.openapi import document as extracts
from bvr.api.rights import EVERYWHERE, Product, Profile, Role
from bvr.statistics import preview
from bvr.statistics.approval import Event
from bvr.statistics.calendar import PREVIEW_DAYS
from tests.unit.api_world import ISSUER, ROOT, token
from tests.unit.governance_world import (
    AT,
    BUFDIR,
    BYDEL,
    EVERY,
    FAGSYSTEM,
    FIGURE,
    OSLO,
    OTHER,
    SAMARBEID,
    SSB,
    STAVANGER,
    TILSYN,
    UKJENT,
    World,
    figure,
    problem,
    right,
)
from tests.unit.test_api_tokens import BAD

NO_STORE = "private, no-store"


@pytest.fixture
def world() -> World:
    return World()


def read(response: Any) -> Any:
    assert response.status in (200, 201), response.body
    return json.loads(response.body)


# --- preview ---------------------------------------------------------------------------------------------------------


def test_a_preview_is_all_of_ones_own_figures_as_they_are(world: World) -> None:
    world.act("SENDT", SSB)
    world.now += timedelta(days=1)
    answer = world.call(f"{PREVIEW}/0301", query={"periode": "2025H2"})
    told = read(answer)
    assert answer.headers["Cache-Control"] == NO_STORE
    assert "ETag" not in answer.headers
    assert (told["kommunenavn"], told["frysingId"], told["tilstand"]) == ("Oslo", "2025H2-T1", "SENDT")
    assert told["mulige"] == ["INNSIGELSE", "GODKJENT", "SENDT"]
    assert told["frist"][:10] == str((AT + timedelta(days=PREVIEW_DAYS)).date())
    assert told["tall"]["antall"] == 4
    assert {(row[0], row[1], row[9]) for row in told["tall"]["rader"]} == {
        *((FIGURE, "0301", 100), (FIGURE, "030101", 60), (FIGURE, "030102", 40), (OTHER, "0301", 7))
    }


def test_the_hash_that_is_approved_can_be_made_of_what_is_shown(world: World) -> None:
    """By anybody, with JSON and SHA-256: each row without spaces, and a line feed."""
    told = read(world.call(f"{PREVIEW}/0301"))
    lines = [json.dumps(row, separators=(",", ":"), ensure_ascii=False) + "\n" for row in told["tall"]["rader"]]
    assert hashlib.sha256("".join(lines).encode()).hexdigest() == told["sha256"]


def test_figures_that_are_not_those_of_the_hash_are_not_shown(world: World) -> None:
    world.tables.figures["2025H2-T1"][0]["verdi"] += 1
    answer = world.call(f"{PREVIEW}/0301")
    assert (answer.status, world.logged[0]["severity"]) == (503, "ERROR")
    assert "2025H2-T1" in world.logged[0]["grunn"]


def test_the_newest_freeze_is_shown_and_only_deviations_of_it(world: World) -> None:
    world.tables.freeze("2025H2-T2", AT, [figure("0301", 104)])
    flag = dict.fromkeys(("testkode", "flagg", "forrige", "nevner", "p_verdi", "svar_utdatert"))
    world.tables.flags = [{"kommunenummer": "0301", "region": "0301", "indikator": FIGURE, "forrige_nevner": 1, **flag}]
    told = read(world.call(f"{PREVIEW}/0301"))
    assert (told["frysingId"], told["tilstand"], told["frist"]) == ("2025H2-T2", "UTKAST", None)
    assert told["avvik"][0]["forrigeNevner"] == 1


def test_a_preview_as_a_table(world: World) -> None:
    answer = world.call(f"{PREVIEW}/0301", headers={"Accept": "text/csv"})
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.headers["BVR-SHA256"] == world.tables.sha["2025H2-T1", "0301"]
    rows = list(csv.DictReader(io.StringIO(answer.body.decode("utf-8-sig")), delimiter=";"))
    assert len(rows) == 4
    assert {(r["frysing_id"], r["region"][:4]) for r in rows} == {("2025H2-T1", "0301")}


def test_a_district_sees_its_own_part_and_no_hash_of_the_whole(world: World) -> None:
    flag = dict.fromkeys(preview.DEVIATION) | {"kommunenummer": "0301"}
    world.tables.flags = [{**flag, "region": one} for one in ("0301", "030101", "030102")]
    answer = world.call(f"{PREVIEW}/030101", BYDEL)
    told = read(answer)
    assert [one["region"] for one in told["avvik"]] == ["030101"]
    assert {row[1] for row in told["tall"]["rader"]} == {"030101"}
    assert told["sha256"] is None
    assert "BVR-SHA256" not in answer.headers


@pytest.mark.parametrize(
    ("path", "query", "felt"),
    [
        (f"{PREVIEW}/301", {}, "kommunenummer"),
        (f"{PREVIEW}/0301a", {}, "kommunenummer"),
        (f"{PREVIEW}/0301", {"periode": "2025H3"}, "periode"),
        (f"{PREVIEW}/0301", {"periode": "2025H2' OR 1=1"}, "periode"),
        (f"{PREVIEW}/0301", {"outputFormat": "html"}, "outputFormat"),
        (f"{PREVIEW}/0301", {"per\node": "x"}, "?"),
        (f"{PREVIEW}/0301", {"asOf": "x"}, "asOf"),
        (f"{REPORTS}/migrering/abcd", {}, "kommunenummer"),
        (f"{REPORTS}/migrering/0301", {"outputFormat": "pdf"}, "outputFormat"),
        (APPROVALS, {"tilstand": "OK"}, "tilstand"),
        (APPROVALS, {"kommunenummer": "03"}, "kommunenummer"),
        (f"{APPROVALS}/0301/2025H9", {}, "periode"),
        (f"{APPROVALS}/../2025", {}, "kommunenummer"),
        (f"{LISTS}/Melder", {"dato": "20250101"}, "dato"),
        (f"{LISTS}/Melder", {"dato": "2025-13-01"}, "dato"),
        (LISTS, {"dato": "2025-01-01"}, "dato"),
    ],
)
def test_a_wrong_parameter_is_named(world: World, path: str, query: dict[str, str], felt: str) -> None:
    answer = world.call(path, query=query)
    told = problem(answer)
    assert (answer.status, told["felt"]) == (400, felt)
    assert told["detail"]
    assert told["detailEn"]


@pytest.mark.parametrize(
    "path",
    [
        f"{PREVIEW}/9999",
        f"{APPROVALS}/9999/2025H2",
        f"{APPROVALS}/0301/2024H1",
        f"{REPORTS}/migrering/0301",
        f"{REPORTS}/annet/0301",
        f"{LISTS}/Finnes",
        f"{LISTS}/../x",
        PREVIEW,
        f"{APPROVALS}/0301",
    ],
)
def test_what_is_not_there(world: World, path: str) -> None:
    assert world.call(path, SSB).status == 404


# --- approval --------------------------------------------------------------------------------------------------------


def test_from_preview_to_publication_and_revision(world: World) -> None:
    way = [
        *(("SENDT", SSB), ("INNSIGELSE", OSLO), ("KORRIGERT", SSB), ("SENDT", SSB), ("GODKJENT", OSLO)),
        *(("FRYST", SSB), ("PUBLISERT", SSB), ("REVIDERT", SSB), ("SENDT", SSB)),
    ]
    for number, (event, who) in enumerate(way):
        world.now += timedelta(hours=1)
        told = read(world.act(event, who, tekst="Bydelen mangler." if event == "INNSIGELSE" else None))
        assert (told["hendelse"], told["paaVegneAv"], told["kanal"]) == (event, who, "API")
        assert len(world.tables.events) == number + 1
    course = read(world.call(f"{APPROVALS}/0301/2025H2"))
    assert [one["hendelse"] for one in course["hendelser"]] == [event for event, _ in way]
    assert course["hendelser"][1]["tekst"] == "Bydelen mangler."
    assert (course["tilstand"], course["hendelser"][4]["navn"]) == ("SENDT", "Kari Nordmann")


def test_an_answer_says_where_it_is_kept(world: World) -> None:
    answer = world.act("SENDT", SSB)
    assert (answer.status, answer.headers["Location"]) == (201, "/v1/godkjenninger/0301/2025H2")
    assert answer.headers["Cache-Control"] == NO_STORE


def test_silence_is_no_approval(world: World) -> None:
    world.act("SENDT", SSB)
    world.now += timedelta(days=PREVIEW_DAYS, seconds=1)
    (told,) = read(world.call(APPROVALS, SSB, query={"tilstand": "IKKE_SVART"}))["godkjenninger"]
    assert (told["kommunenummer"], told["tilstand"]) == ("0301", "IKKE_SVART")
    assert [e["hendelse"] for e in world.tables.events] == ["SENDT"], "derived, never an event"
    refused = world.act("FRYST", SSB)
    assert (refused.status, problem(refused)["mulige"]) == (409, ["INNSIGELSE", "GODKJENT", "SENDT"])
    assert world.act("GODKJENT").status == 201, "a late answer is an answer"


def test_an_approval_is_of_the_newest_figures(world: World) -> None:
    world.act("SENDT", SSB)
    world.tables.freeze("2025H2-T2", AT, [figure("0301", 104)])
    answer = world.act("GODKJENT")
    told = problem(answer)
    assert (answer.status, told["kode"], told["felt"]) == (409, "TALLENE_ER_ENDRET", "frysingId")
    assert (told["frysingId"], told["sha256"]) == ("2025H2-T2", world.tables.sha["2025H2-T2", "0301"])
    wrong = world.act("GODKJENT", freeze="2025H2-T2", sha256="0" * 64)
    assert (wrong.status, problem(wrong)["felt"]) == (409, "sha256")
    other = world.act("GODKJENT", freeze="2024H2-T2")
    assert (other.status, problem(other)["felt"]) == (409, "frysingId")
    assert [e["hendelse"] for e in world.tables.events] == ["SENDT"]
    assert world.act("GODKJENT", freeze="2025H2-T2").status == 201


def test_what_was_frozen_is_published_though_a_newer_freeze_has_come(world: World) -> None:
    for event, who in (("SENDT", SSB), ("GODKJENT", OSLO), ("FRYST", SSB)):
        assert world.act(event, who).status == 201
    world.tables.freeze("2025H2-T2", AT, [figure("0301", 101)])
    assert problem(world.act("PUBLISERT", SSB, freeze="2025H2-T2"))["frysingId"] == "2025H2-T1"
    assert world.act("PUBLISERT", SSB).status == 201
    assert world.act("REVIDERT", SSB).status == 409, "a revision is of the newest"
    assert world.act("REVIDERT", SSB, freeze="2025H2-T2").status == 201


@pytest.mark.parametrize(
    ("changes", "felt"),
    [
        ({"kommunenummer": "301"}, "kommunenummer"),
        ({"kommunenummer": 301}, "kommunenummer"),
        ({"kommunenummer": None}, "kommunenummer"),
        ({"periode": "2025H3"}, "periode"),
        ({"frysingId": "2025H2-T1 "}, "frysingId"),
        ({"sha256": "x"}, "sha256"),
        ({"sha256": "A" * 64}, "sha256"),
        ({"hendelse": "GJENAPNET"}, "hendelse"),
        ({"hendelse": "IKKE_SVART"}, "hendelse"),
        ({"navn": ""}, "navn"),
        ({"navn": "   "}, "navn"),
        ({"navn": "x" * 201}, "navn"),
        ({"rolle": None}, "rolle"),
        ({"rolle": "leder\u0000"}, "rolle"),
        ({"tekst": "x" * 4001}, "tekst"),
        ({"tekst": ["x"]}, "tekst"),
        ({"tekst": "\u202ex"}, "tekst"),
        ({"tekst": "Barnet 010190 12345 mangler"}, "tekst"),
        ({"tekst": "Barnet 01019012345"}, "tekst"),
        ({"navn": "Kari 01019012345"}, "navn"),
        ({"tilstand": "GODKJENT"}, "tilstand"),
        ({"fødselsnummer": "1"}, "?"),
    ],
)
def test_what_is_wrong_in_an_act_is_named(world: World, changes: dict[str, Any], felt: str) -> None:
    world.act("SENDT", SSB)
    body = world.content("GODKJENT")
    body.update(changes)
    body = {name: value for name, value in body.items() if value is not None}
    answer = world.call(APPROVALS, method="POST", body=body)
    assert (answer.status, problem(answer)["felt"]) == (422, felt)
    assert "12345" not in answer.body.decode() + json.dumps(world.logged)
    assert len(world.tables.events) == 1


def test_an_objection_says_what_is_wrong(world: World) -> None:
    world.act("SENDT", SSB)
    answer = world.act("INNSIGELSE")
    assert (answer.status, problem(answer)["felt"]) == (422, "tekst")


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{}", {"Content-Type": "text/plain"}, 415),
        (b"{}", {"Content-Type": ""}, 415),
        (b"{", {}, 400),
        (b'{"navn":"a","navn":"b"}', {}, 400),
        (b"\xff", {}, 400),
        (b"[" * 20_000, {}, 400),
        (b"[]", {}, 400),
        (b"null", {}, 400),
        (b"{}", {}, 422),
        (b'"' + b"x" * 70_000 + b'"', {}, 413),
    ],
)
def test_what_is_no_act(world: World, body: bytes, headers: dict[str, str], status: int) -> None:
    answer = world.call(APPROVALS, method="POST", body=body, headers=headers)
    assert answer.status == status
    assert problem(answer)["detailEn"]


def test_the_same_call_gives_the_same_answer(world: World) -> None:
    world.act("SENDT", SSB)
    key = {"Idempotency-Key": "a1"}
    first = world.act("GODKJENT", headers=key)
    world.now += timedelta(days=40)
    again = world.act("GODKJENT", headers=key)
    assert (again.status, again.body) == (first.status, first.body)
    assert len(world.tables.events) == 2
    other = world.act("GODKJENT", headers=key, navn="Ola")
    assert (other.status, problem(other)["felt"]) == (422, "Idempotency-Key")
    assert world.act("FRYST", SSB, headers=key).status == 201, "a key is its organisation's own"
    for bad in ("", "x" * 256, "æ", "a b"):
        answer = world.act("GODKJENT", headers={"Idempotency-Key": bad or " "})
        assert (answer.status, problem(answer)["felt"]) == (400, "Idempotency-Key")


def test_the_same_call_twice_at_once_is_one_event(world: World) -> None:
    world.act("SENDT", SSB)
    key = {"Idempotency-Key": "a1"}
    first: list[Any] = []
    world.tables.meanwhile = [lambda: first.append(world.act("GODKJENT", headers=key))]
    second = world.act("GODKJENT", headers=key)
    assert (second.status, second.body) == (201, first[0].body)
    assert len(world.tables.events) == 2


def test_two_that_answer_at_once_are_decided_one_after_the_other(world: World) -> None:
    world.act("SENDT", SSB)
    first: list[Any] = []
    world.tables.meanwhile = [lambda: first.append(world.act("INNSIGELSE", tekst="Feil.", navn="Ola"))]
    second = world.act("GODKJENT")
    assert (first[0].status, second.status) == (201, 409)
    assert (problem(second)["kode"], problem(second)["mulige"]) == ("FEIL_TILSTAND", ["KORRIGERT"])
    assert [e["hendelse"] for e in world.tables.events] == ["SENDT", "INNSIGELSE"]


def test_if_match_holds_off_who_has_not_seen(world: World) -> None:
    world.act("SENDT", SSB)
    seen = world.call(f"{APPROVALS}/0301/2025H2").headers["ETag"]
    world.act("SENDT", SSB)
    late = world.act("GODKJENT", headers={"If-Match": seen})
    assert (late.status, problem(late)["felt"]) == (412, "If-Match")
    seen = world.call(f"{APPROVALS}/0301/2025H2").headers["ETag"]
    assert world.act("GODKJENT", headers={"If-Match": f'"x", {seen}'}).status == 201
    assert world.act("FRYST", SSB, headers={"If-Match": "*"}).status == 201


def test_a_state_has_a_strong_etag(world: World) -> None:
    world.act("SENDT", SSB)
    for path in (APPROVALS, f"{APPROVALS}/0301/2025H2", LISTS, f"{LISTS}/Melder"):
        etag = world.call(path).headers["ETag"]
        assert etag.startswith('"')
        for wanted in (etag, f'W/{etag}, "x"', "*"):
            same = world.call(path, headers={"If-None-Match": wanted})
            assert (same.status, same.body) == (304, b"")
        assert world.call(path, headers={"If-None-Match": '"x"'}).status == 200
        head = world.call(path, method="HEAD")
        assert (head.status, head.body, head.headers["ETag"]) == (200, b"", etag)


@pytest.mark.parametrize(
    ("path", "method", "allow"),
    [
        (f"{PREVIEW}/0301", "POST", "GET, HEAD"),
        (APPROVALS, "PUT", "GET, HEAD, POST"),
        (APPROVALS, "DELETE", "GET, HEAD, POST"),
        (f"{APPROVALS}/0301/2025H2", "POST", "GET, HEAD"),
        (f"{REPORTS}/migrering/0301", "PATCH", "GET, HEAD"),
        (LISTS, "POST", "GET, HEAD"),
    ],
)
def test_another_method(world: World, path: str, method: str, allow: str) -> None:
    answer = world.call(path, method=method)
    assert (answer.status, answer.headers["Allow"]) == (405, allow)


# --- who may see what ------------------------------------------------------------------------------------------------

ACT = "POST GODKJENT"
MATRIX: dict[str, dict[str, int]] = {
    # resource: role -> status. Oslo is 0301, own of OSLO; 1103 is another's.
    f"{PREVIEW}/0301": {SSB: 200, OSLO: 200, BUFDIR: 403, STAVANGER: 403, BYDEL: 403, SAMARBEID: 403, FAGSYSTEM: 403},
    f"{PREVIEW}/030101": {SSB: 200, OSLO: 200, BYDEL: 200, STAVANGER: 403, TILSYN: 403},
    f"{PREVIEW}/030102": {BYDEL: 403, OSLO: 200},
    f"{PREVIEW}/1103": {SSB: 200, OSLO: 403, STAVANGER: 200, TILSYN: 403, UKJENT: 403},
    f"{PREVIEW}/5501": {SAMARBEID: 200, OSLO: 403},
    f"{PREVIEW}/4601": {SAMARBEID: 200, SSB: 200},
    APPROVALS: {SSB: 200, BUFDIR: 200, OSLO: 200, SAMARBEID: 200, BYDEL: 403, FAGSYSTEM: 403, UKJENT: 403, TILSYN: 403},
    f"{APPROVALS}/0301/2025H2": {SSB: 200, BUFDIR: 200, OSLO: 200, STAVANGER: 403, BYDEL: 403, UKJENT: 403},
    f"{REPORTS}/statistisk/0301": {SSB: 200, OSLO: 200, BUFDIR: 403, STAVANGER: 403, BYDEL: 403, FAGSYSTEM: 403},
    f"{REPORTS}/migrering/0301": {SSB: 404, OSLO: 404, BUFDIR: 403, STAVANGER: 403, UKJENT: 403},
    f"{REPORTS}/migrering/leverandor": {FAGSYSTEM: 404, SSB: 403, OSLO: 403, UKJENT: 403},
    LISTS: dict.fromkeys((SSB, BUFDIR, OSLO, BYDEL, FAGSYSTEM, UKJENT, TILSYN), 200),
    f"{LISTS}/Melder": dict.fromkeys((SSB, UKJENT), 200),
    "POST SENDT": {OSLO: 403, BUFDIR: 403, STAVANGER: 403, UKJENT: 403, SSB: 201},
    ACT: {SSB: 403, BUFDIR: 403, STAVANGER: 403, BYDEL: 403, FAGSYSTEM: 403, UKJENT: 403, TILSYN: 403, OSLO: 201},
    "POST INNSIGELSE": {SSB: 403, BUFDIR: 403, STAVANGER: 403, OSLO: 201},
    "POST FRYST": {OSLO: 403, BUFDIR: 403},
    "POST PUBLISERT": {OSLO: 403, STAVANGER: 403},
}


@pytest.mark.parametrize(("what", "who", "status"), [(w, o, s) for w, row in MATRIX.items() for o, s in row.items()])
def test_who_may(world: World, what: str, who: str, status: int) -> None:
    if what.startswith("POST"):
        if what != "POST SENDT":
            world.act("SENDT", SSB)
        before = len(world.tables.events)
        answer = world.act(what.removeprefix("POST "), who, tekst="Fordi.")
        assert len(world.tables.events) == before + (status == 201)
    else:
        answer = world.call(what, who)
    assert answer.status == status, answer.body
    if status == 403:
        assert problem(answer)["type"] == "/feil/ikke-tilgang"
        assert "100" not in answer.body.decode()
    row = world.rows.kept[-1]
    assert (row["orgnr"], row["status"], row.get("profil") is None) == (who, status, status >= 400)


def test_a_municipality_sees_its_own_approvals(world: World) -> None:
    def whose(orgnr: str, **query: str) -> list[str]:
        found = read(world.call(APPROVALS, orgnr, query=query))["godkjenninger"]
        return [one["kommunenummer"] for one in found]

    assert whose(OSLO) == ["0301"]
    assert whose(SAMARBEID) == ["4601", "5501"]
    assert whose(SSB) == whose(BUFDIR) == ["0301", "1103", "4601", "5501"]
    assert whose(SSB, kommunenummer="1103", periode="2025H2") == ["1103"]
    assert whose(SSB, tilstand="GODKJENT") == []
    assert world.call(APPROVALS, OSLO, query={"kommunenummer": "1103"}).status == 403


def test_bufdir_sees_where_it_is_and_not_who_said_what(world: World) -> None:
    world.act("SENDT", SSB)
    world.act("INNSIGELSE", tekst="Bydelen mangler.")
    for path in (APPROVALS, f"{APPROVALS}/0301/2025H2"):
        told = world.call(path, BUFDIR).body.decode()
        assert "INNSIGELSE" in told
        assert "Bydelen" not in told
        assert "Kari" not in told


def test_a_basis_for_the_country_is_for_extracts_and_no_preview(world: World) -> None:
    """Whatever the row of regions says: what is not yet published is between a municipality and SSB."""
    world.rights = [right(BUFDIR, Role.BUFDIR, EVERYWHERE), right(TILSYN, Role.OTHER, "0301")]
    for who in (BUFDIR, TILSYN):
        assert world.register.profile(Caller(orgnr=who, scopes=()), "0301") is Profile.INTERNAL
        assert world.call(f"{PREVIEW}/0301", who).status == 403
        assert world.call(f"{REPORTS}/statistisk/0301", who).status == 403
        assert world.act("GODKJENT", who).status == 403
        assert world.act("SENDT", who).status == 403
    assert world.call(APPROVALS, TILSYN).status == 403


def test_a_right_has_its_days_and_its_products(world: World) -> None:
    world.rights = [
        right(OSLO, Role.MUNICIPALITY, "0301", gyldig_til=date(2026, 1, 20)),
        right(STAVANGER, Role.MUNICIPALITY, "1103", products=(Product.QUALITY,)),
    ]
    assert world.call(f"{PREVIEW}/0301").status == 200
    world.act("SENDT", SSB, kommune="1103")
    assert world.act("GODKJENT", STAVANGER, kommune="1103").status == 403, "the scope alone is not enough"
    world.now += timedelta(days=1)
    assert world.call(f"{PREVIEW}/0301").status == 403


def test_rights_are_read_every_five_minutes(world: World) -> None:
    assert world.call(f"{PREVIEW}/0301").status == 200
    world.rights = []
    world.now += timedelta(seconds=299)
    assert world.call(f"{PREVIEW}/0301").status == 200
    world.now += timedelta(seconds=1)
    assert world.call(f"{PREVIEW}/0301").status == 403


# --- on behalf of ----------------------------------------------------------------------------------------------------

DELEGATED = {"supplier": {"ID": f"0192:{FAGSYSTEM}"}, "delegation_source": "https://www.altinn.no/"}


def test_a_supplier_has_the_rights_of_whom_it_acts_for(world: World) -> None:
    world.act("SENDT", SSB)
    assert world.call(f"{PREVIEW}/0301", OSLO, **DELEGATED).status == 200
    assert world.call(f"{PREVIEW}/1103", OSLO, **DELEGATED).status == 403
    row = world.rows.kept[-2]
    assert (row["orgnr"], row["leverandor"], row["rolle"]) == (OSLO, FAGSYSTEM, "KOMMUNE")
    body = world.content("GODKJENT")
    made = read(world.call(APPROVALS, OSLO, method="POST", body=body, **DELEGATED))
    assert (made["paaVegneAv"], made["leverandor"], made["navn"]) == (OSLO, FAGSYSTEM, "Kari Nordmann")


def test_a_system_user_has_the_rights_of_its_municipality(world: World) -> None:
    detail = {"type": "urn:altinn:systemuser", "systemuser_org": {"ID": f"0192:{OSLO}"}}
    assert world.call(f"{PREVIEW}/0301", FAGSYSTEM, authorization_details=[detail]).status == 200
    assert (world.rows.kept[-1]["orgnr"], world.rows.kept[-1]["leverandor"]) == (OSLO, FAGSYSTEM)
    nobody = {**detail, "systemuser_org": {"ID": "0192:123456789"}}
    assert world.call(f"{PREVIEW}/0301", OSLO, authorization_details=[nobody]).status == 403


@pytest.mark.parametrize("source", [None, "", "https://tt02.altinn.no/", "https://altinn.example/"])
def test_a_delegation_that_was_not_made_in_altinn(world: World, source: str | None) -> None:
    answer = world.call(f"{PREVIEW}/0301", OSLO, **{**DELEGATED, "delegation_source": source})
    assert answer.status == 403
    assert (world.rows.kept[-1]["orgnr"], world.rows.kept[-1]["status"]) == (OSLO, 403)


# --- tokens ----------------------------------------------------------------------------------------------------------

PATHS = (
    f"{PREVIEW}/0301",
    APPROVALS,
    f"{APPROVALS}/0301/2025H2",
    f"{REPORTS}/migrering/0301",
    LISTS,
    f"{APPROVALS}/x/y/z",
)


@pytest.mark.parametrize("name", [*BAD, "100 kB"])
def test_a_bad_token_opens_nothing(world: World, name: str) -> None:
    text = f"a.{'b' * 100_000}.c" if name == "100 kB" else BAD[name]()
    calls = [world.call(path, authorization=f"Bearer {text}") for path in PATHS]
    calls.append(world.call(APPROVALS, method="POST", body=world.content("SENDT"), authorization=f"Bearer {text}"))
    for answer in calls:
        assert answer.status == 401
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
        assert len(text) < 6 or text not in answer.body.decode()
    assert not world.rows.kept, "nobody's token: there is nobody to report on"
    assert not world.tables.events
    assert len(text) < 6 or text not in json.dumps(world.logged, default=str)


def test_no_token(world: World) -> None:
    for path in PATHS:
        answer = world.call(path, authorization="", headers={"authorization": ""})
        assert answer.status == 401
        assert "error=" not in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("path", "method", "scope"),
    [
        (f"{PREVIEW}/0301", "GET", "ssb:barnevern/kvalitet.read"),
        (APPROVALS, "GET", "ssb:barnevern/kvalitet.read"),
        (APPROVALS, "POST", "ssb:barnevern/godkjenning.write"),
        (f"{REPORTS}/migrering/0301", "GET", "ssb:barnevern/kvalitet.read"),
        (LISTS, "GET", "ssb:barnevern/uttrekk.read"),
    ],
)
def test_each_product_has_its_scope(world: World, path: str, method: str, scope: str) -> None:
    others = " ".join(one for one in EVERY.split() if one != scope)
    for wrong in (others, "", f"{scope}x", scope.removesuffix(".read").removesuffix(".write")):
        answer = world.call(path, method=method, body={}, scope=wrong)
        assert answer.status == 403
        assert scope in problem(answer)["detail"]
        assert f'scope="{scope}"' in answer.headers["WWW-Authenticate"]
        assert world.rows.kept[-1]["orgnr"] == OSLO, "a genuine token: the refusal is the organisation's"
    assert world.call(path, method=method, body={}, scope=scope).status != 403


@pytest.mark.parametrize("consumer", [None, {"ID": "9908:986128433"}, {"ID": "0192:123456789"}, "0192:986128433"])
def test_an_organisation_in_another_form(world: World, consumer: Any) -> None:
    assert world.call(f"{PREVIEW}/0301", consumer=consumer).status == 403


def test_keys_that_change_and_an_issuer_that_is_down(world: World) -> None:
    world.issuer.down = True
    answer = world.call(LISTS)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "60")
    world.issuer.down = False
    world.seconds += 61
    assert world.call(LISTS).status == 200
    rotated = f"Bearer {token(2, consumer={'ID': f'0192:{OSLO}'}, scope=EVERY)}"
    assert world.call(LISTS, authorization=rotated).status == 401
    from tests.unit.api_world import jwk

    world.issuer.keys = [jwk(2)]
    world.seconds += 61
    assert world.call(LISTS, authorization=rotated).status == 200
    assert ISSUER in world.issuer.fetched[0]


# --- nothing leaks ---------------------------------------------------------------------------------------------------

SECRET = 918273
ODD = (*("0301", "0301%00", "../0301", "0301;0301", "0301 ", "٠٣٠١", "03010", "0301'--", "*", "030199", "x" * 300),)
ODD_HEADERS: tuple[dict[str, str], ...] = (
    *({}, {"If-None-Match": '"'}, {"If-None-Match": "W/,,*"}, {"Range": "bytes=0-"}, {"If-Range": "x"}),
    *({"Accept": "text/csv;q=x,"}, {"Accept": ","}, {"If-Modified-Since": "nå"}, {"If-Match": '"x'}),
)


def test_others_figures_are_in_no_answer_header_or_log() -> None:
    """Whoever has no right, whatever they ask and how: not a figure, not a hash, not a text of Oslo's."""
    world = World()
    world.tables.freeze("2025H2-T2", AT, [figure("0301", SECRET), figure("030101", SECRET), figure("1103", 2)])
    world.act("SENDT", SSB, freeze="2025H2-T2")
    world.act("INNSIGELSE", freeze="2025H2-T2", tekst="HEMMELIG", navn="HEMMELIG")
    secrets = (str(SECRET), world.tables.sha["2025H2-T2", "0301"], "HEMMELIG")
    world.logged.clear()
    told: list[str] = []
    for who in (STAVANGER, SAMARBEID, FAGSYSTEM, UKJENT, TILSYN):
        for odd in ODD:
            for path in (
                f"{PREVIEW}/{odd}",
                f"{APPROVALS}/{odd}/2025H2",
                f"{REPORTS}/statistisk/{odd}",
                f"{LISTS}/{odd}",
            ):
                told += [str(world.call(path, who)), str(world.call(path, who, method="HEAD"))]
            told.append(str(world.call(APPROVALS, who, query={"kommunenummer": odd})))
        for headers in ODD_HEADERS:
            told.append(str(world.call(f"{PREVIEW}/0301", who, headers=headers)))
            told.append(str(world.call(APPROVALS, who, headers=headers)))
        for event in Event:
            told.append(str(world.act(event.value, who, freeze="2025H2-T2", sha256="0" * 64, tekst="x")))
    told += [json.dumps(one, default=str) for one in (*world.logged, *world.rows.kept)]
    assert len(told) > 800
    for secret in secrets:
        assert not [one for one in told if secret in one]


def test_a_municipality_gets_what_it_asks_whatever_else_it_says(world: World) -> None:
    for headers in ODD_HEADERS:
        assert world.call(f"{PREVIEW}/0301", headers=headers).status in (200, 406)
        assert world.call(APPROVALS, headers=headers).status in (200, 304)


# --- the log of pulls ------------------------------------------------------------------------------------------------


def test_every_answer_is_logged_with_what_it_was(world: World) -> None:
    answer = world.call(f"{PREVIEW}/0301")
    row = world.rows.kept[-1]
    assert row == {
        **{"tidspunkt": AT, "orgnr": OSLO, "rolle": "KOMMUNE", "metode": "GET", "produkt": "kvalitet"},
        **{"ressurs": "forhandsvisning/0301", "versjon": "2025H2-T1", "status": 200, "profil": "internt"},
        "sha256": hashlib.sha256(answer.body).hexdigest(),
    }
    assert world.logged[-1]["jti"] == "jti-1"
    world.act("SENDT", SSB, navn="Kari Nordmann", tekst="Se bydelen.")
    row = world.rows.kept[-1]
    assert (row["produkt"], row["metode"], row["ressurs"]) == ("godkjenning", "POST", "godkjenninger/0301")
    told = json.dumps([world.logged, world.rows.kept], default=str)
    assert "Kari" not in told
    assert "bydelen" not in told


def test_what_cannot_be_logged_is_not_answered(world: World) -> None:
    world.rows.down = True
    answer = world.call(f"{PREVIEW}/0301")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "60")
    assert "100" not in answer.body.decode()
    key = {"Idempotency-Key": "a"}
    assert world.act("SENDT", SSB, headers=key).status == 503
    world.rows.down = False
    assert world.act("SENDT", SSB, headers=key).status == 201, "the same call, answered now"
    assert len(world.tables.events) == 1


def test_what_is_down_says_come_again(world: World) -> None:
    world.tables.down = True
    answer = world.call(f"{PREVIEW}/0301")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "60")


# --- reports and code lists ------------------------------------------------------------------------------------------


def test_a_statistical_report_in_each_form(world: World) -> None:
    path = f"{REPORTS}/statistisk/0301"
    told = read(world.call(path))
    assert (told["rapport"], told["oppfylt"], told["antall"]) == ("avvik-0301", True, 0)
    page = world.call(path, headers={"Accept": "text/html"})
    assert page.headers["Content-Type"].startswith("text/html")
    assert b"Statistisk rapport 0301 Oslo" in page.body
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    table = world.call(path, query={"outputFormat": "CSV"})
    assert table.body.startswith(b"\xef\xbb\xbf")
    assert world.call(path, headers={"Accept": "image/png"}).status == 406
    assert {one.headers["Cache-Control"] for one in (page, table)} == {NO_STORE}


def test_a_statistical_report_says_what_is_flagged_and_unanswered(world: World) -> None:
    nothing = dict.fromkeys(("kode", "nevner", "forrige_nevner", "prosent", "p_verdi", "q_verdi", "kommentar"))
    flag = {
        **{"kommunenummer": "0301", "region": "0301", "indikator": FIGURE, "testkode": "T1", "flagg": "ROD"},
        **{"periode": "2025H2", "periodetype": "D", "referanseperiode": "2024H2", "kilde": "T1", "verdi": 40},
        **{"forrige": 100, "differanse": -60, "forventet": 99.5, "teststatistikk": -6.1, "utfall": None},
        **{"svar_utdatert": None, **nothing},
    }
    confirmed = {**flag, "region": "030101", "utfall": "BEKREFTET", "svar_utdatert": False}
    world.tables.flags = [flag, confirmed, {**flag, "flagg": "GUL"}]
    told = read(world.call(f"{REPORTS}/statistisk/0301"))
    assert (told["oppfylt"], told["antall"]) == (False, 3)
    assert told["grunner"][0]["nb"].startswith("1 røde avvik")
    row = dict(zip(told["kolonner"], told["rader"][0], strict=True))
    assert (row["flagg"], row["verdi"], row["forrige"], row["forventet"]) == ("ROD", "40", "100", "99,5")
    assert row["nokkeltall"]
    assert row["test"]
    page = world.call(f"{REPORTS}/statistisk/0301", query={"outputFormat": "html"}).body.decode()
    assert page.count("2025H2 D T1") == 3
    confirmed_alone = [confirmed, {**flag, "flagg": "GUL"}]
    world.tables.flags = confirmed_alone
    assert read(world.call(f"{REPORTS}/statistisk/0301"))["oppfylt"] is True


def test_a_supplier_has_its_own_report(world: World) -> None:
    sent: list[dict[str, Any]] = []
    ask = world.tables.query

    def query(sql: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        if "migreringsrapport_leverandor" not in sql:
            return ask(sql, parameters)
        sent.append(parameters or {})
        columns = ("rad", "avvik", "matchtrinn", "antall_treff", "sak_id", "bvr_id", "aarsakskode", "kostra_aargang")
        about = {"kommunenummer": "0301", "type": "Sak", "status": "MANGLER", "kunnskapstidspunkt": AT}
        return [{**dict.fromkeys(columns), **about, "fagsystem_leverandor": "Prøvesystem", "fagsystem_versjon": "1"}]

    world.tables.query = query  # type: ignore[method-assign]
    path = f"{REPORTS}/migrering/leverandor"
    assert read(world.call(path, FAGSYSTEM))["tittel"] == "Migreringsrapport for Prøvesystem"
    other = world.call(path, FAGSYSTEM, query={"leverandor": "Et annet"})
    assert (other.status, problem(other)["felt"]) == (403, "leverandor")
    assert world.call(path, OSLO, **DELEGATED).status == 403, "a municipality is no supplier, whoever calls for it"
    assert sent == [{"leverandor": "Prøvesystem"}]
    assert world.call(f"{REPORTS}/statistisk/leverandor", FAGSYSTEM).status == 404


def test_code_lists_are_those_of_a_day(world: World) -> None:
    lists = read(world.call(LISTS, UKJENT))["kodelister"]
    assert {"Melder", "Saksinnhold"} <= {one["navn"] for one in lists}
    before = read(world.call(f"{LISTS}/Melder", UKJENT, query={"dato": "2024-12-31"}))
    after = read(world.call(f"{LISTS}/Melder", UKJENT, query={"dato": "2025-01-01"}))
    assert "24" not in [one["kode"] for one in before["koder"]]
    (new,) = [one for one in after["koder"] if one["kode"] == "24"]
    assert new["nb"]
    assert new["en"]
    assert read(world.call(f"{LISTS}/Melder"))["dato"] == str(AT.date())


def test_what_is_governed() -> None:
    assert all(governs(one) for one in (APPROVALS, f"{APPROVALS}/0301/2025H2", f"{LISTS}/x", f"{PREVIEW}/0301"))
    assert not any(governs(one) for one in ("/v1/uttrekk", "/tables", "/v1/godkjenningerx", "/", "/v1"))


def test_kinds_of_errors_have_one_name_each() -> None:
    names = {one.name: one for one in KINDS}
    assert len({(one.name, one.status) for one in KINDS}) == len(names)
    page = (ROOT / "docs/godkjenning.md").read_text(encoding="utf-8")
    assert all(f"`/feil/{one.name}` | {one.status} |" in page for one in KINDS)


# --- the description -------------------------------------------------------------------------------------------------

DOCUMENT = merge(extracts())


def _described(path: str, method: str, status: int) -> Any:
    """The schema of an answer, with the components that it names."""
    answer = DOCUMENT["paths"][path][method]["responses"][str(status)]["content"]
    kind = "application/json" if status < 400 else "application/problem+json"
    return {**answer[kind]["schema"], "components": DOCUMENT["components"]}


def test_the_description_is_one_and_valid() -> None:
    validate(DOCUMENT)
    assert set(extracts()["paths"]) < set(DOCUMENT["paths"])
    scopes = DOCUMENT["components"]["securitySchemes"]["maskinporten"]["flows"]["clientCredentials"]["scopes"]
    assert set(scopes) == set(EVERY.split())
    assert merge(DOCUMENT) == DOCUMENT


def test_answers_are_as_described(world: World) -> None:
    def check(path: str, of: str, answer: Any, method: str = "get") -> None:
        schema = _described(of, method, answer.status)
        Draft202012Validator(schema).validate(json.loads(answer.body))

    acts, one = APPROVALS, f"{APPROVALS}/{{kommunenummer}}/{{periode}}"
    check(acts, acts, world.act("SENDT", SSB), "post")
    check(acts, acts, world.act("FRYST", SSB), "post")
    check(acts, acts, world.act("GODKJENT", sha256="x"), "post")
    check(acts, acts, world.act("INNSIGELSE", tekst="Fordi."), "post")
    check(acts, acts, world.call(acts, SSB))
    for who in (SSB, BUFDIR, OSLO, STAVANGER):
        check(one, one, world.call(f"{APPROVALS}/0301/2025H2", who))
    of = f"{PREVIEW}/{{kommunenummer}}"
    for path, who in ((f"{PREVIEW}/0301", OSLO), (f"{PREVIEW}/030101", BYDEL), (f"{PREVIEW}/x", SSB)):
        check(path, of, world.call(path, who))
    of = f"{REPORTS}/{{rapport}}/{{kommunenummer}}"
    for kind in ("statistisk", "migrering"):
        check(kind, of, world.call(f"{REPORTS}/{kind}/0301"))
    check(LISTS, LISTS, world.call(LISTS))
    check(LISTS, f"{LISTS}/{{navn}}", world.call(f"{LISTS}/Melder"))


# --- nobody approves for anybody -------------------------------------------------------------------------------------

_EVENTS = st.sampled_from([e.value for e in Event])
_WHO = st.sampled_from([SSB, OSLO, STAVANGER, BUFDIR, SAMARBEID, UKJENT])
_STEP = st.tuples(_EVENTS, _WHO, st.sampled_from(["2025H2-T1", "2025H2-T2"]), st.booleans(), st.integers(0, 40))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(_STEP, st.none()), max_size=9))
def test_figures_are_approved_by_their_municipality_alone(steps: list[Any]) -> None:
    """Whatever several try in whatever order, while a new freeze may come: GODKJENT follows from the municipality's own
    approval alone, of the hash that was the newest then."""
    world = World()
    for step in steps:
        if step is None:
            world.tables.freeze("2025H2-T2", AT, [figure("0301", 150)])
            continue
        event, who, freeze, right_hash, days = step
        world.now += timedelta(days=days)
        newest = max(f for f, kommune in world.tables.sha if kommune == "0301")
        more = {} if right_hash else {"sha256": "0" * 64}
        answer = world.act(event, who, freeze=freeze, tekst="Fordi.", **more)
        if answer.status == 201 and event == "GODKJENT":
            assert (who, freeze, right_hash) == (OSLO, newest, True)
    for row in world.tables.events:
        assert (row["tilstand"] == "GODKJENT") == (row["hendelse"] == "GODKJENT")
        if row["hendelse"] in ("GODKJENT", "INNSIGELSE"):
            assert row["paa_vegne_av"] == OSLO
        else:
            assert row["paa_vegne_av"] == SSB
        assert row["sha256"] == world.tables.sha[row["frysing_id"], "0301"]
