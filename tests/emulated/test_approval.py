"""Approval on the local cloud: from preview to publication and revision over HTTP, each with a token of its own.

Run with `-s`, the exchanges are printed as they went.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from bvr import gcp
from bvr.api.rights import SCOPES, Product, Rett, Role, load
from bvr.cli import main
from bvr.config import config
from bvr.statistics import calendar, preview
from bvr.statistics.approval import Approvals
from bvr.statistics.figures.catalogue import figures
from emulator.cloud import LOCAL_KOMMUNE, LocalCloud
from emulator.tokens import BUFDIR, MUNICIPALITY, SSB, SUPPLIER, fetch_token
from tests.emulated.clouds import running

pytestmark = [pytest.mark.local_cloud, pytest.mark.timeout(120)]

OWN, OTHER, RACED = LOCAL_KOMMUNE, "0301", "3303"
FIGURE = next(f.id for f in figures() if f.number == 26)
SECRET = 4711
"""A figure of the other municipality: it is to be seen nowhere."""


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with running(functions=["uttrekk"]) as found:
        given = {"navn": "Prøve", "hjemmel": "prøve", "gyldig_fra": date(2020, 1, 1)}
        products = tuple(one.value for one in Product)
        role = Role.MUNICIPALITY.value
        found.add_rights([Rett(orgnr=MUNICIPALITY, rolle=role, regioner=(RACED,), produkter=products, **given)])
        yield found


def freeze(number: str, value: int) -> str:
    """Make a freeze of 2025 with one figure of each municipality; its hashes as the nightly run makes them."""
    plan = calendar.planned("2025", number)
    tables = gcp.queries(config())
    about = {"frysing_id": plan.id, "periode": "2025", "nummer": number, "kunnskapstidspunkt": plan.known}
    rows = {kommune: _row(kommune, of) for kommune, of in ((OWN, value), (OTHER, SECRET), (RACED, 9))}
    tables.insert(
        "statistikk.frosne_tall",
        [
            {"frysing_id": plan.id, **row, "referansedato": date(2025, 12, 31), "kunnskapstidspunkt": plan.known}
            for row in rows.values()
        ],
    )
    tables.insert(
        "statistikk.frysing_kommune",
        [
            {
                **{"frysing_id": plan.id, "kommunenummer": kommune, "rader": 1},
                "sha256": preview.sha256([[row[column] for column in preview.COLUMNS]]),
            }
            for kommune, row in rows.items()
        ],
    )
    hashes = dict.fromkeys(("sha256", "regelsett", "kodelister_sha256", "sporringer_sha256"), "x")
    tables.insert("statistikk.frysing", [{**about, "frosset": plan.known, "rader": 3, **hashes}])
    return plan.id


def _row(kommune: str, value: int) -> dict[str, Any]:
    return {
        **{"indikator": FIGURE, "region": kommune, "niva": "KOMMUNE", "maal": "SUM", "periode": "2025"},
        **{"periodetype": "Y", "kjonn": "T", "aldersgruppe": "T", "kode": "T", "verdi": value, "nevner": None},
        **{"andel": None, "n_barn": value, "n_barn_nevner": 0, "status": "KOMPLETT"},
    }


class Client:
    """An organisation's own client; every exchange is printed."""

    def __init__(self, cloud: LocalCloud, name: str, **on_behalf_of: Any) -> None:
        found = cloud.tokens.client(name)
        self.name, self.url = name, cloud.url("uttrekk")
        granted = [scope for scope in SCOPES.values() if scope in found.scopes]
        key = Path(found.key_file).read_bytes()
        self.token = fetch_token(cloud.tokens.issuer, found.client_id, key, " ".join(granted), self.url, **on_behalf_of)

    def get(self, path: str, **headers: str) -> requests.Response:
        return self._exchange("GET", path, None, headers)

    def act(self, event: str, seen: dict[str, Any], text: str | None = None, **headers: str) -> requests.Response:
        body = {name: seen[name] for name in ("kommunenummer", "periode", "frysingId", "sha256")}
        who = (
            ("Kari Nordmann", "barnevernsleder")
            if self.name == "kommune"
            else ("Statistisk sentralbyrå", "statistiker")
        )
        body |= {"hendelse": event, "navn": who[0], "rolle": who[1], **({"tekst": text} if text else {})}
        return self._exchange("POST", "/v1/godkjenninger", body, headers)

    def _exchange(self, method: str, path: str, body: Any, headers: dict[str, str]) -> requests.Response:
        given = {"Authorization": f"Bearer {self.token}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        answer = requests.request(method, f"{self.url}{path}", json=body, headers=given, timeout=30)
        print(f"\n{method} {path}  [{self.name}]")
        for name in headers:
            print(f"{name.replace('_', '-')}: {given[name.replace('_', '-')]}")
        if body:
            print(json.dumps(body, ensure_ascii=False))
        print(f"-> {answer.status_code} {answer.headers.get('Content-Type', '')}")
        print(answer.text[:700])
        return answer


def test_from_preview_to_revision(cloud: LocalCloud) -> None:
    ssb, kommune, bufdir = (Client(cloud, name) for name in ("ssb", "kommune", "bufdir"))
    preview_of, course_of = f"/v1/forhandsvisning/{OWN}?periode=2025", f"/v1/godkjenninger/{OWN}/2025"
    freeze("T1", 120)
    draft = ssb.get(course_of).json()
    assert draft["tilstand"] == "UTKAST"
    assert ssb.act("SENDT", draft).status_code == 201

    # The municipality looks, makes the hash itself, and does not recognise its figures.
    answer = kommune.get(preview_of)
    assert answer.headers["Cache-Control"] == "private, no-store"
    first = answer.json()
    assert (first["tilstand"], first["frysingId"], first["tall"]["rader"][0][9]) == ("SENDT", "2025-T1", 120)
    assert _sha(first) == first["sha256"]
    objected = kommune.act("INNSIGELSE", first, "Bydelen Vest mangler i tallene.")
    assert objected.status_code == 201
    assert ssb.act("FRYST", first).status_code == 409, "nobody has approved"

    # It is corrected, frozen again and sent again; what was seen before is no longer what is approved.
    freeze("T2", 131)
    corrected = ssb.get(course_of).json()
    assert ssb.act("KORRIGERT", corrected).status_code == 201
    assert ssb.act("SENDT", corrected).status_code == 201
    stale = kommune.act("GODKJENT", first)
    assert (stale.status_code, stale.json()["frysingId"]) == (409, "2025-T2")
    second = kommune.get(preview_of).json()
    seen = kommune.get(course_of).headers["ETag"]
    key = {"Idempotency_Key": "7d1c2a", "If_Match": seen}
    approved = kommune.act("GODKJENT", second, **key)
    assert (approved.status_code, approved.json()["tilstand"]) == (201, "GODKJENT")
    again = kommune.act("GODKJENT", second, **key)
    assert (again.status_code, again.content) == (201, approved.content), "sent again, answered the same"
    assert kommune.act("GODKJENT", second, "Annet.", **key).status_code == 422

    for event in ("FRYST", "PUBLISERT"):
        assert ssb.act(event, second).json()["tilstand"] == event
    freeze("T3", 140)
    revised = ssb.get(course_of).json()
    assert ssb.act("REVIDERT", revised).json()["tilstand"] == "REVIDERT"
    assert ssb.act("SENDT", revised).status_code == 201

    way = ["SENDT", "INNSIGELSE", "KORRIGERT", "SENDT", "GODKJENT", "FRYST", "PUBLISERT", "REVIDERT", "SENDT"]
    course = kommune.get(course_of).json()
    assert [one["hendelse"] for one in course["hendelser"]] == way
    assert course["hendelser"][1]["tekst"] == "Bydelen Vest mangler i tallene."
    told = bufdir.get(course_of)
    assert [one["hendelse"] for one in told.json()["hendelser"]] == way
    assert "Vest" not in told.text
    rows = Approvals(gcp.queries(config())).events(OWN, "2025")
    assert [one.hendelse for one in rows] == way


def test_who_sees_what_and_on_whose_behalf(cloud: LocalCloud) -> None:
    kommune, bufdir = Client(cloud, "kommune"), Client(cloud, "bufdir")
    supplier, delegated = Client(cloud, "leverandor"), Client(cloud, "leverandor", consumer_org=MUNICIPALITY)
    organisation = {"authority": "iso6523-actorid-upis", "ID": f"0192:{MUNICIPALITY}"}
    wanted = [{"type": "urn:altinn:systemuser", "systemuser_org": organisation}]
    system_user = Client(cloud, "leverandor", authorization_details=wanted)
    path = f"/v1/forhandsvisning/{OWN}"
    assert [one.get(path).status_code for one in (kommune, delegated, system_user)] == [200] * 3
    refused = [one.get(f"/v1/forhandsvisning/{OTHER}") for one in (kommune, delegated, system_user)]
    refused += [one.get(path) for one in (supplier, bufdir)]
    assert [one.status_code for one in refused] == [403] * 5
    assert not [one for one in refused if str(SECRET) in one.text]
    assert requests.get(f"{supplier.url}{path}", timeout=30).status_code == 401
    lists = supplier.get("/v1/kodelister/Melder?dato=2025-01-01")
    assert lists.status_code == 200
    assert supplier.get("/v1/kodelister/Melder?dato=2025-01-01", If_None_Match=lists.headers["ETag"]).status_code == 304
    assert kommune.get(f"/v1/rapporter/migrering/{OWN}").status_code == 404, "there is none yet"
    assert kommune.get("/tables").status_code == 200, "the extracts are where they were"


def test_of_two_that_answer_at_once_one_is_first(cloud: LocalCloud) -> None:
    ssb, kommune = Client(cloud, "ssb"), Client(cloud, "kommune")
    seen = ssb.get(f"/v1/godkjenninger/{RACED}/2025").json()
    assert ssb.act("SENDT", seen).status_code == 201
    acts = [("GODKJENT", None), ("INNSIGELSE", "Feil."), ("GODKJENT", None), ("INNSIGELSE", "Feil.")]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda one: kommune.act(one[0], seen, one[1]), acts))
    assert sorted(one.status_code for one in answers) == [201, 409, 409, 409]
    (first,) = [one.json() for one in answers if one.status_code == 201]
    events = Approvals(gcp.queries(config())).events(RACED, "2025")
    assert [one.hendelse for one in events] == ["SENDT", first["hendelse"]]


def test_every_pull_is_kept_and_counted_by_month(cloud: LocalCloud) -> None:
    tables = gcp.queries(config())
    rows = tables.query("SELECT * FROM drift.uttrekkslogg")
    assert {row["orgnr"] for row in rows} == {SSB, BUFDIR, MUNICIPALITY, SUPPLIER}
    on_behalf = [row for row in rows if row["leverandor"] == SUPPLIER and row["orgnr"] == MUNICIPALITY]
    assert sorted(row["status"] for row in on_behalf) == [200, 200, 403, 403]
    told = json.dumps(rows, default=str) + cloud.log("uttrekk").read_text()
    for secret in ("Kari", "Vest", "eyJ", str(SECRET)):
        assert secret not in told
    month = datetime.now(UTC) + timedelta(hours=1)
    report = tables.query(
        "SELECT orgnr, produkt, SUM(hentinger) AS hentinger, SUM(handlinger) AS handlinger, SUM(avvist) AS avvist, "
        "SUM(feil) AS feil FROM drift.tilgangsrapport WHERE maaned = @m GROUP BY orgnr, produkt",
        {"m": month.strftime("%Y-%m")},
    )
    counted = {(row["orgnr"], row["produkt"]): row for row in report}
    assert counted[BUFDIR, "kvalitet"]["avvist"] == 1
    assert counted[SSB, "godkjenning"]["handlinger"] == 8
    assert counted[SUPPLIER, "uttrekk"]["hentinger"] == 2
    assert sum(row[one] for row in report for one in ("hentinger", "handlinger", "avvist", "feil")) == len(rows)


def test_the_report_of_a_month_and_a_new_register_of_rights(cloud: LocalCloud, tmp_path: Path) -> None:
    month = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m")
    shown = CliRunner().invoke(main, ["pulls", "--month", month], env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    assert SSB in shown.output
    file = tmp_path / "rettigheter.csv"
    file.write_text(
        "orgnr,navn,rolle,regioner,produkter,hjemmel,gyldig_fra\n"
        f"{MUNICIPALITY},Prøve,KOMMUNE,{OWN} {RACED},uttrekk kvalitet,prøve,2026-01-01\n"
    )
    assert CliRunner().invoke(main, ["rights", str(file), "--load"]).exit_code == 0
    (one,) = load(gcp.queries(config()))
    assert (one.orgnr, one.regioner, one.produkter) == (MUNICIPALITY, (OWN, RACED), ("uttrekk", "kvalitet"))


def _sha(told: dict[str, Any]) -> str:
    lines = [json.dumps(row, separators=(",", ":"), ensure_ascii=False) + "\n" for row in told["tall"]["rader"]]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
