"""Erasure on the local cloud, through the official clients: every bucket, table and dead letter before and after."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from google.api_core.exceptions import NotFound

from bvr.intake.protocol import KOSTRA_SUBMIT
from bvr.intake.sealed.trust import Trust
from bvr.kostra.rules.examples import avgiver, individ, melding, tiltak
from bvr.kostra.xml import encode as kostra
from bvr.model.identifiers import nummertype
from bvr.register.erasure import plan, report, run, verify
from bvr.register.orders import Order
from bvr.simulate import Submission, simulate
from bvr.simulate.population import kommuner
from emulator.cloud import LocalCloud
from tests.emulated.clouds import running
from tests.emulated.test_ways_in import publish

pytestmark = [pytest.mark.local_cloud, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with running(functions=["mottak", "utsending", "kostra", "feiing"]) as found:
        yield found


@pytest.fixture(scope="module")
def submissions() -> list[Submission]:
    return [s for s in simulate(4, 30, 8, 78) if not s.note.invalid and s.version == "4.0.1" and s.native]


def everything() -> dict[str, Any]:
    """Every object and every row."""
    from google.cloud import storage

    from bvr import gcp
    from bvr.config import config

    c = config()
    found: dict[str, Any] = {}
    client = storage.Client()
    for bucket in ("arkiv", "protokoll", "innboks", "kostra", "rapporter"):
        for blob in client.list_blobs(c.bucket(bucket)):
            with suppress(NotFound):  # a mark that went while we looked
                found[f"{bucket}/{blob.name}"] = (blob.download_as_bytes(), json.dumps(blob.metadata, sort_keys=True))
    for path in sorted(c.schemas.glob("*/*/schema.json")):
        table = f"{path.parts[-3]}.{path.parts[-2]}"
        rows = sorted(repr(row) for row in gcp.queries(c).query(f"SELECT * FROM {table}"))
        for n, row in enumerate(rows):
            found[f"{table}#{rows[:n].count(row)}#{row}"] = row
    return found


def wait(until: Callable[[], bool], seconds: float = 60) -> None:
    """Until what Pub/Sub still hands out has been handled."""
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end
        time.sleep(0.3)


def dead_letters() -> set[bytes]:
    """The bodies that wait among the dead letters of cases."""
    from bvr import gcp
    from bvr.config import config

    seen: set[bytes] = set()

    def look(body: bytes, about: dict[str, str]) -> bool:
        seen.add(body)
        return False

    gcp.DeadLetters(config().project, ["innsending-dead-letter-lager"], 1.0).sift(look, remove=False)
    return seen


def mentions(found: dict[str, Any], tokens: set[str]) -> set[str]:
    return {n for n, content in found.items() if any(t.lower() in (n + repr(content)).lower() for t in tokens)}


def tokens_of(mine: list[Submission]) -> set[str]:
    sak = mine[0].document.sak
    elements = {e.id for s in mine for kind in ("melding", "tiltak", "vedtak") for e in getattr(s.document.sak, kind)}
    return {sak.id, sak.journalnummer} | {s.document.id for s in mine} | {s.melding_id for s in mine} | elements


def anew(s: Submission) -> tuple[bytes, dict[str, str]]:
    return s.body, {**s.attributes, "melding-id": str(uuid4())}


def test_a_case_is_erased_everywhere_and_nothing_else_is_touched(
    cloud: LocalCloud, submissions: list[Submission]
) -> None:
    from google.cloud import storage

    from bvr import gcp
    from bvr.config import config
    from bvr.erasing import office

    c = config()
    counted: dict[str, int] = {}
    for s in submissions:
        counted[s.document.sak.id] = counted.get(s.document.sak.id, 0) + 1
    case = max(counted, key=lambda one: counted[one])
    mine = [s for s in submissions if s.document.sak.id == case]
    others = [s for s in submissions if s.document.sak.id != case][:15]
    last, avg = mine[-1], mine[-1].document.avgiver
    # Beside what it sent: the same again, a document that the schema refuses, and one that lies in the inbox.
    repeat, upload = anew(last), anew(last)[1]
    refused = (last.body.replace(b" StartDato=", b" Startdato="), anew(last)[1])
    storage.Client().bucket(c.bucket("innboks")).blob("opplastet.xml").upload_from_string(last.body)
    upload |= {"dataref": f"gs://{c.bucket('innboks')}/opplastet.xml", "sha256": hashlib.sha256(last.body).hexdigest()}
    messages = [(s.body, s.attributes) for s in (*mine, *others)] + [repeat, refused, (b"", upload)]
    expected = {about["melding-id"] for _, about in messages}
    answers = publish("innsending", messages, lambda a: expected <= a.keys())
    assert expected <= answers.keys()
    sent = {f"protokoll/sendt/{about['avsender-id']}/{about['melding-id']}" for _, about in messages}
    wait(lambda: sent <= (names := everything().keys()) and not any(n.startswith("protokoll/apne/") for n in names))
    topics = gcp.publisher(c.project)
    for body, about in (anew(last), anew(others[0])):
        topics.publish("innsending-dead-letter", body, about)

    tokens = tokens_of(mine) | {repeat[1]["melding-id"], refused[1]["melding-id"], upload["melding-id"]}
    order = Order(
        id="2026-17",
        kind="MELDING",
        ordered_by="Kommunen",
        legal_basis="Barnevernsloven § 16-1",
        day=date(2026, 6, 30),
        orgnr=avg.organisasjonsnummer,
        sak_id=case,
    )
    before = everything()
    found = mentions(before, tokens)
    assert {name.partition("/")[0] for name in found if "#" not in name} == {"arkiv", "protokoll", "innboks"}
    assert dead_letters() == {last.body, others[0].body}
    made = plan(office(1.0), order)
    assert everything() == before
    actual = {"archive": "arkiv", "ledger": "protokoll", "inbox": "innboks"}
    named = {f"{actual[b]}/{n}" for b in actual for n in getattr(made.found, b)}
    assert {n for n in found if "#" not in n} <= named
    assert made.dead["innsending-dead-letter-lager"] == 1

    data = run(office(1.0), order, timedelta(0))
    after = everything()
    assert mentions(after, tokens) == set()
    assert dead_letters() == {others[0].body}
    assert {n for n in before if n not in named and n not in found and after.get(n) != before[n]} == set()
    left = ("protokoll/slettet/", "rapporter/sletting/", "drift.sletteordre#")
    assert {n for n in after.keys() - before.keys() if not n.startswith(left)} == set()
    told = report(office(1.0), order.id)
    assert told is not None
    trust = Trust.of(Path(cloud.environment["BVR_TRUSTED_ISSUERS"]).read_bytes())
    assert verify(*told, trust, datetime.now(UTC)).orgnr
    assert told[0] == data
    assert not {one for one in tokens if one in data.decode()}
    rows = {one["mal"]: one["for"] for one in json.loads(data)["mal"]}
    assert rows["tabell register.innsending"] == len(mine) + 1
    assert run(office(1.0), order, timedelta(0)) == data

    # Pub/Sub hands the same out once more, its sender sends it again, and the sweeper looks for what was forgotten.
    again = anew(last)
    answers = publish("innsending", [(last.body, last.attributes), again], lambda a: again[1]["melding-id"] in a)
    ((_, answer),) = answers[again[1]["melding-id"]]
    assert answer["feilkode"] == "SAK_SLETTET"
    assert last.melding_id not in answers
    cloud.trigger("feiing")
    wait(lambda: mentions(everything(), tokens) == set())


def test_a_child_is_taken_out_of_a_kostra_file(cloud: LocalCloud, submissions: list[Submission]) -> None:
    from google.cloud import storage

    from bvr.config import config
    from bvr.erasing import office

    c = config()
    s = next(s for s in reversed(submissions) if any(_complete(p) for p in s.document.sak.personalia))
    number = next(p.fodselsnummer for p in s.document.sak.personalia if _complete(p))
    avg, k = s.document.avgiver, next(k for k in kommuner() if not k.bydeler)
    publish("innsending", [(s.body, s.attributes)], lambda a: s.melding_id in a)
    clients = [
        individ(tiltak(), melding(), journalnummer=f"J-{n}", id=str(n), nr=nr)
        for n, nr in enumerate((number, "01010100100", "02020200100"))
    ]
    whose = avgiver(organisasjonsnummer=k.orgnr, kommunenummer=k.number, kommunenavn=k.name)
    file = kostra(whose, clients)
    about = {"melding-id": str(uuid4()), "avsender-id": k.account, "type": KOSTRA_SUBMIT, "rapporteringsaar": "2024"}
    publish("innsending", [(file, about)], lambda a: about["melding-id"] in a)
    barn = derived_child(avg.organisasjonsnummer, s.document.sak.id.lower())
    order = Order(
        id="2026-18",
        kind="MYNDIGHET",
        ordered_by="Datatilsynet",
        legal_basis="GDPR artikkel 17",
        day=date(2026, 6, 30),
        barn_id=barn,
    )
    run(office(1.0), order, timedelta(0))
    after = everything()
    raw = storage.Client().bucket(c.bucket("arkiv")).blob(f"raa/{k.account}/{about['melding-id']}").download_as_bytes()
    assert raw == kostra(whose, clients[1:]).replace(b"\n<Individ", b"\n\n<Individ", 1)
    assert mentions(after, {number, "J-0", s.document.sak.id}) == set()
    assert mentions(after, {"01010100100"})


def derived_child(orgnr: str, sak_id: str) -> str:
    """Everything is derived; the child that the case is then about."""
    from bvr import gcp
    from bvr.config import config
    from bvr.deriving import derive

    derive(datetime.now(UTC), everything=True)
    query = "SELECT barn_id FROM register.person_sak_gjeldende WHERE orgnr = @orgnr AND sak_id = @sak_id"
    (row,) = gcp.queries(config()).query(query, {"orgnr": orgnr, "sak_id": sak_id})
    return str(row["barn_id"])


def _complete(p: Any) -> bool:
    return nummertype(p.fodselsnummer, p.kjonn, today=date(2026, 1, 1)) == "FNR"
