"""Erasure of a case and of a child: all that mentions it goes, nothing else is touched, and it does not come back."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import msgspec
import pytest
import yaml

from bvr.decode import Limits
from bvr.errors import Retry
from bvr.hendelse.pull import Pulled
from bvr.intake.protocol import EVENT_CHANGED, KOSTRA_SUBMIT
from bvr.intake.sealed import Opener
from bvr.intake.sealed.faults import Unsound
from bvr.intake.sealed.keys import PemKeys
from bvr.intake.sealed.seal import seal
from bvr.intake.sealed.trust import Trust
from bvr.kostra.rules.examples import avgiver, individ
from bvr.kostra.rules.examples import melding as kostra_melding
from bvr.kostra.rules.examples import tiltak as kostra_tiltak
from bvr.kostra.xml import encode as kostra
from bvr.model.xml import encode
from bvr.receipt import answer_id
from bvr.register.clients import cut
from bvr.register.erasure import NotYet, plan, report, resume, run, verify
from bvr.register.orders import Order
from bvr.register.retention import RULE, due
from bvr.register.traces import Reader, Subject, ledger_prefixes, row_targets
from bvr.rules.examples import BOY, GIRL, document, melding, personalia, sak
from bvr.testpki import Pki, pem_of
from bvr.verdict import Verdict
from tests.unit.erasure_world import PKI, SCHEMAS, SIGNING, Erasing
from tests.unit.service_world import CIPHER, REPORTER, ROOT, SENDER, delivery, native, ssb

NOW = timedelta(0)
ORGNR = REPORTER.organisasjonsnummer
EXTRACT = datetime(2026, 6, 29, 20, tzinfo=UTC)
OTHER = "cccccccc-0000-4000-8000-000000000001"
REF = "aLongAndRandomReference_1"


def uid(text: str) -> str:
    return str(uuid5(NAMESPACE_URL, text))


def case(name: str, number: str, journal: str, extract: datetime = EXTRACT, n: int = 1, **about: Any) -> bytes:
    """A submission of a case: its ids follow from its name, that of the submission from its number, too."""
    made = document(
        sak(personalia(nummer=number), melding(), journalnummer=journal), today=extract.isoformat(), **about
    )
    xml = encode(made)
    for old in sorted(set(re.findall(rb'\bId="([0-9a-f-]{36})"', xml))):
        xml = xml.replace(old, uid(f"{name} {old.decode()}").encode())
    own = uid(f"{name} innsending {n}").encode()
    return re.sub(rb'(<Barnevern\b[^>]*?\bId=")[^"]+', rb"\g<1>" + own, xml, count=1)


A1, A2, A3 = (case("A", BOY, "HEMMELIG-A", EXTRACT + timedelta(hours=h), h + 1) for h in range(3))
A_GAP = case("A", BOY, "HEMMELIG-A", EXTRACT + timedelta(hours=3), 4, forrige_id=uid("A never came"))
A_INVALID = A1.replace(b" StartDato=", b" Startdato=")  # the schema refuses it, and it says whose it is all the same
A_CUT = case("A", BOY, "HEMMELIG-A", n=7)[:-60]
A_NAMELESS = re.sub(rb'(<Sak\b[^>]*?\s)Id="[^"]+"', rb"\1", case("A", BOY, "HEMMELIG-A", n=8))
B1 = case("B", GIRL, "HEMMELIG-B")
B_INVALID = B1.replace(b" StartDato=", b" Startdato=")
C1 = case("C", BOY, "HEMMELIG-C")  # the same child, in another case of the same service
C_INVALID = C1.replace(b" StartDato=", b" Startdato=")
SAK = {
    name: re.search(rb'<Sak\b[^>]*?\sId="([^"]+)"', xml)[1].decode()  # type: ignore[index]
    for name, xml in (("A", A1), ("B", B1), ("C", C1))
}
TOKENS = {
    "A": {uid(f"A innsending {n}") for n in range(1, 9)}
    | {m.decode() for m in re.findall(rb'\sId="([^"]{36})"', A1)}
    | {"HEMMELIG-A", uid("A never came")}
}
CASE_A = Order(
    id="2026-1",
    kind="MELDING",
    ordered_by="Kommunen",
    legal_basis="§ 7",
    day=date(2026, 6, 30),
    orgnr=ORGNR,
    sak_id=SAK["A"],
)
CHILD = Order(
    id="2026-2",
    kind="MYNDIGHET",
    ordered_by="Datatilsynet",
    legal_basis="GDPR art. 17",
    day=date(2026, 6, 30),
    barn_id=uid("barn"),
)


def told(reference: str, n: int, extract: datetime = EXTRACT) -> Any:
    content = {
        "hendelseId": uid(f"hendelse {n}"),
        "type": EVENT_CHANGED,
        "tidspunkt": "2026-06-29T20:00:01Z",
        "avgiver": {"organisasjonsnummer": ORGNR, "kommunenummer": REPORTER.kommunenummer},
        "referanse": reference,
        "datoUttrekk": extract.isoformat(),
    }
    about = {"melding-id": uid(f"hendelsesmelding {n}"), "avsender-id": SENDER, "type": EVENT_CHANGED}
    return delivery(json.dumps(content).encode(), about, 100 + n)


def pointing(e: Erasing, name: str, xml: bytes, n: int) -> Any:
    """A message that points to an upload."""
    e.buckets["innboks"].create(name, xml)
    return native(b"", n, dataref=f"gs://prosjekt-innboks/{name}", sha256=hashlib.sha256(xml).hexdigest())


def kostra_file(*clients: tuple[str, str]) -> bytes:
    made = [
        individ(kostra_tiltak(), kostra_melding(), journalnummer=journal, id=str(n), nr=number)
        for n, (number, journal) in enumerate(clients, 1)
    ]
    return kostra(avgiver(organisasjonsnummer=ORGNR, kommunenummer=REPORTER.kommunenummer), made)


def fetched(e: Erasing, reference: str, xml: bytes) -> None:
    e.api.cases[reference] = Pulled(body=xml, sha256=hashlib.sha256(xml).hexdigest(), version="4.0.1")


def fill_others(e: Erasing) -> None:
    """What is to stay as it is, of every kind that the case itself has."""
    for message in (native(B1, 50), native(B1, 51), ssb(B1, 52), native(B_INVALID, 53), native(C1, 54)):
        e.service.receive(message)
    e.service.receive(native(C_INVALID, 55))
    e.service.receive(native(B1, 56, avsender_id=OTHER))
    e.service.receive(pointing(e, "b.xml", case("B", GIRL, "HEMMELIG-B", n=2), 57))
    e.service.receive(native(b"no XML at all", 58))
    fetched(e, REF + "B", case("B", GIRL, "HEMMELIG-B", EXTRACT, 3))
    e.events.receive(told(REF + "B", 50))
    e.events.receive(told(REF + "C", 51))  # not found
    e.dead.kept["innsending"] = [(B1, native(B1, 59).attributes)]
    e.dead.kept["kvittering"] = [(b"{}", {"svar-til": native(B1, 50).attributes["melding-id"]})]
    e.link(ORGNR, SAK["B"], uid("barn B"))
    e.tables.put("statistikk.frys", [{"kommunenummer": "3301", "verdi": "7"}])
    e.deliver()


def fill_case(e: Erasing, *, linked: bool = True) -> None:
    """The case in every way that it can have come."""
    for message in (native(A1, 1), native(A1, 2), ssb(A1, 3), native(A2, 4), native(A_GAP, 5), native(A_INVALID, 6)):
        e.service.receive(message)
    for n, body in ((7, A_CUT), (8, A_NAMELESS)):
        e.service.receive(native(body, n))
    e.service.receive(native(A1, 9, avsender_id=OTHER))  # from somebody who may not send
    e.service.receive(pointing(e, "a.xml", A3, 10))
    e.service.receive(native(case("A", BOY, "HEMMELIG-A", n=5), 11, klient_korrelasjons_id="x" * 7000))
    fetched(e, REF, case("A", BOY, "HEMMELIG-A", EXTRACT, 6))
    e.events.receive(told(REF, 1))
    e.events.receive(told(REF, 2, EXTRACT - timedelta(hours=1)))
    del e.api.cases[REF]
    with_retry = told(REF, 3, EXTRACT + timedelta(hours=2))
    e.events.receive(with_retry)  # not found any more
    e.desk.quarantine(e.desk.take(native(A1, 13), 1000), "for the mark")
    e.buckets["innboks"].create("never-told-of.xml", case("A", BOY, "HEMMELIG-A", n=3))
    e.dead.kept["innsending"] += [(A1, native(A1, 20).attributes), (b"", native(A1, 4).attributes)]
    e.dead.kept["kvittering"] += [(b"{}", {"svar-til": native(A1, 2).attributes["melding-id"]})]
    if linked:
        e.link(ORGNR, SAK["A"], uid("barn"))
    e.deliver()


@pytest.fixture
def e(tmp_path: Path) -> Erasing:
    made = Erasing(tmp_path)
    fill_others(made)
    fill_case(made)
    return made


def mentions(e: Erasing, tokens: set[str]) -> dict[str, set[str]]:
    """Where any of the tokens stands: name -> the tokens."""
    found = {}
    for name, content in e.everything().items():
        read = (name + repr(content)).lower()
        if hits := {one for one in tokens if one.lower() in read}:
            found[name] = hits
    return found


def without_traces(everything: dict[str, Any]) -> dict[str, Any]:
    """All but what an erasure leaves on purpose."""
    left = ("prosjekt-protokoll/slettet/", "prosjekt-rapporter/sletting/", "drift.sletteordre#")
    return {name: content for name, content in everything.items() if not name.startswith(left)}


def test_the_register_is_as_if_the_case_had_never_been(e: Erasing, tmp_path: Path) -> None:
    """The whole of it, byte for byte: what mentioned the case is gone, and nothing else has changed."""
    never = Erasing(tmp_path)
    fill_others(never)
    assert len(mentions(e, TOKENS["A"])) > 30
    run(e.office, CASE_A, NOW)
    assert mentions(e, TOKENS["A"]) == {}
    after, expected = without_traces(e.everything()), without_traces(never.everything())
    kept = {"grunnlag.kohort", "register.pseudonym"}  # the child has not been erased
    assert {n for n in after.keys() ^ expected.keys() if n.partition("#")[0] not in kept} == set()
    assert {name for name in expected if after[name] != expected[name]} == set()


def test_a_dry_run_changes_nothing(e: Erasing) -> None:
    before = e.everything()
    made = plan(e.office, CASE_A)
    assert e.everything() == before
    told = {name: count for name, count in made.counts.items() if count}
    assert told["tabell register.innsending"] == 11
    assert told["tabell drift.henting"] == 3
    assert (told["dødbrev innsending"], told["dødbrev kvittering"]) == (2, 1)
    assert told["bøtte innboks"] == 2


def test_what_mentions_the_case_is_in_the_plan_and_what_is_in_the_plan_is_of_the_case(e: Erasing) -> None:
    """The plan against a search of everything; what it holds beyond that is linked by a message or a reference."""
    made = plan(e.office, CASE_A)
    planned = {f"prosjekt-protokoll/{name}" for name in made.found.ledger}
    planned |= {f"prosjekt-arkiv/{name}" for name in made.found.archive}
    planned |= {f"prosjekt-innboks/{name}" for name in made.found.inbox}
    found = {name for name in mentions(e, TOKENS["A"]) if name.startswith("prosjekt-")}
    assert found - planned == set()
    messages = {message for _, message in made.subject.messages} | {
        reference for _, reference in made.subject.references
    }
    linked = messages | made.subject.contents | {event for _, event in made.subject.events} | made.subject.receipts
    assert {name for name in planned - found if not any(one in name for one in linked)} == set()
    assert mentions(e, {uid("B innsending 1"), "HEMMELIG-B"}).keys().isdisjoint(planned)


def test_an_id_of_a_message_that_two_cases_share_erases_one_of_them(e: Erasing) -> None:
    """The same melding-id with another content is kept beside the first, and is another case's."""
    e.service.receive(native(case("B", GIRL, "HEMMELIG-B", n=9), 4))
    e.service.receive(native(A_CUT[:-7], 50))  # under an id of the other's, and refused
    rows = "SELECT * FROM register.innsending WHERE innsending_id = @id"
    run(e.office, CASE_A, NOW)
    assert len(e.tables.query(rows, {"id": uid("B innsending 9")})) == 1
    assert mentions(e, TOKENS["A"]) == {}
    assert any(name.startswith("prosjekt-arkiv/") for name in mentions(e, {uid("B innsending 9")}))
    assert f"raa/{SENDER}/{native(B1, 50).attributes['melding-id']}" in e.buckets["arkiv"].objects


@pytest.mark.parametrize(("account", "left"), [(SENDER, 0), (OTHER, 1)])
def test_a_journal_number_is_one_only_where_it_is_used(e: Erasing, account: str, left: int) -> None:
    """Another municipality may use the same: what says nothing else is not of this case."""
    e.service.receive(native(b'<Barnevern><X Journalnummer="HEMMELIG-A"/></Barnevern>', 97, avsender_id=account))
    e.service.receive(native(b'<Barnevern><X Journalnummer="HEMMELIG-A1"/></Barnevern>', 98))
    run(e.office, CASE_A, NOW)
    assert len(mentions(e, {'"HEMMELIG-A"'})) == left
    assert len(mentions(e, {'"HEMMELIG-A1"'})) == 1


# --- interrupted -----------------------------------------------------------------------------------------------------


def small(folder: Path) -> Erasing:
    """One of each kind: a fault is set at every call."""
    e = Erasing(folder)
    e.service.receive(native(B1, 50))
    e.service.receive(native(A1, 1))
    e.service.receive(native(A_INVALID, 2))
    e.service.receive(pointing(e, "a.xml", A2, 3))
    fetched(e, REF, case("A", BOY, "HEMMELIG-A", EXTRACT, 6))
    e.events.receive(told(REF, 1))
    e.kostra.receive(kostra_message(kostra_file((BOY, "K-BARNET"), (GIRL, "K-ANNET"))))
    e.dead.kept["innsending"] = [(B1, native(B1, 59).attributes), (A1, native(A1, 20).attributes)]
    e.link(ORGNR, SAK["A"], uid("barn"))
    return e


def kostra_message(data: bytes, n: int = 1) -> Any:
    about = {
        "melding-id": uid(f"kostra {n}"),
        "avsender-id": SENDER,
        "type": KOSTRA_SUBMIT,
        "rapporteringsaar": "2025",
    }
    return delivery(data, about, 200 + n)


def settled(e: Erasing, order: Order) -> tuple[bytes, int]:
    """Run until it is done; the report, and how many runs it took."""
    for attempt in range(1, 10):
        try:
            return run(e.office, order, NOW), attempt
        except Retry:
            continue
    raise AssertionError("never done")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("order", "lost_answer", "step"),
    [(CASE_A, False, 2), (CASE_A, True, 2), (CHILD, True, 6)],
    ids=["case, a lost request", "case, a lost answer", "child, a lost answer"],
)
def test_interrupted_at_any_call_it_finishes_with_the_same_report(
    tmp_path: Path, order: Order, lost_answer: bool, step: int
) -> None:
    e = small(tmp_path)
    e.save()
    e.restore()
    expected = run(e.office, order, NOW)
    calls, after = e.world.calls, e.everything()
    signature = f"prosjekt-rapporter/sletting/{order.id}.json.p7s"
    del after[signature]  # it holds the time that it was made at
    assert calls > 100
    # A request that is lost leaves what the calls before it have done, an answer that is lost that of its call as well:
    # every second of each leaves it in every state there is.
    for k in range(1, calls + 1, step):
        e.restore()
        e.world.fail, e.world.lost_answer = {k}, lost_answer
        done, attempts = settled(e, order)
        assert attempts == 2, f"no fault at call {k}"
        assert done == expected, f"fault at call {k}"
        found = e.everything()
        assert found.pop(signature)
        assert found == after, f"fault at call {k}"


# --- it does not come back -------------------------------------------------------------------------------------------


def published(e: Erasing) -> list[dict[str, Any]]:
    return [json.loads(data) for topic, data, _, _ in e.world.published if topic == "kvittering"]


def erased(e: Erasing, order: Order = CASE_A) -> dict[str, Any]:
    """Everything after the order has been carried out; what is published from now on is in `published`."""
    run(e.office, order, NOW)
    e.world.published.clear()
    return e.everything()


BARRED = msgspec.structs.replace(CASE_A, kind="MYNDIGHET")


@pytest.mark.parametrize("order", [CASE_A, BARRED], ids=["deletion message", "authority"])
@pytest.mark.parametrize(
    "message",
    [
        native(A1, 1),
        native(A_GAP, 5),
        ssb(A1, 3),
        native(A_INVALID, 6),
        native(A_CUT, 7),
        native(A1, 9, avsender_id=OTHER),
    ],
    ids=["case", "latest", "other protocol", "refused", "cut off", "not allowed"],
)
def test_a_redelivery_leaves_nothing_and_is_not_answered_again(e: Erasing, order: Order, message: Any) -> None:
    before = erased(e, order)
    e.service.receive(message)
    assert e.everything() == before
    assert published(e) == []


def test_a_redelivery_whose_upload_went_with_the_case_leaves_nothing(e: Erasing) -> None:
    before = erased(e)
    e.service.receive(native(b"", 10, dataref="gs://prosjekt-innboks/a.xml", sha256=hashlib.sha256(A3).hexdigest()))
    assert e.everything() == before


def test_what_was_too_large_to_be_read_goes_and_does_not_come_back(e: Erasing) -> None:
    """The archive holds a copy of the upload. Its sender uploads it again."""
    large = A3 + b" " * 11_000_000
    message = pointing(e, "large.xml", large, 80)
    e.service.receive(message)
    assert "prosjekt-innboks/large.xml" in mentions(e, TOKENS["A"])
    assert any(name.endswith("-stor") for name in mentions(e, TOKENS["A"]))
    before = erased(e)
    assert mentions(e, TOKENS["A"]) == {}
    assert not any(name.endswith("-stor") for name in before)
    e.service.receive(pointing(e, "large.xml", large, 80))
    del e.buckets["innboks"].objects["large.xml"]
    assert e.everything() == before


@pytest.mark.parametrize("body", [A1, A2, A_INVALID], ids=["extract", "another", "refused"])
def test_the_same_sent_again_leaves_nothing_and_its_sender_is_told(e: Erasing, body: bytes) -> None:
    before = erased(e)
    for _ in range(2):
        e.service.receive(native(body, 77))
    assert e.everything() == before
    first, second = published(e)
    assert first == second
    assert (first["feilkode"] == "SAK_SLETTET") == (body is not A_INVALID)
    assert not {one for one in TOKENS["A"] if one in json.dumps(first)}


def test_a_new_extract_after_a_deletion_message_is_a_new_beginning(e: Erasing) -> None:
    erased(e)
    receipt = e.service.receive(native(case("A", BOY, "HEMMELIG-A", EXTRACT + timedelta(hours=4), 30), 78))
    assert receipt is not None
    assert receipt.verdict is not Verdict.REJECTED
    assert e.tables.query("SELECT sak_id FROM register.innsending WHERE sak_id = @sak", {"sak": SAK["A"]})


def test_a_new_extract_after_an_authority_s_order_is_refused_and_quarantined(e: Erasing, capsys: Any) -> None:
    erased(e, BARRED)
    message = native(case("A", BOY, "HEMMELIG-A", EXTRACT + timedelta(hours=4), 30), 78)
    for _ in range(2):
        receipt = e.service.receive(message)
        assert receipt is not None
        assert receipt.verdict is Verdict.REJECTED
    assert not e.tables.query("SELECT sak_id FROM register.innsending WHERE sak_id = @sak", {"sak": SAK["A"]})
    name = f"karantene/{SENDER}/{message.attributes['melding-id']}"
    assert b"erased by order of an authority" in e.buckets["protokoll"].objects[name][0].data
    assert '"ALERT"' in capsys.readouterr().out
    answer, again = published(e)
    assert answer == again
    assert answer["feilkode"] == "SAK_SLETTET"


def test_the_sweeper_and_an_old_notification_do_not_bring_it_back(e: Erasing) -> None:
    before = erased(e)
    e.world.now += timedelta(hours=1)
    e.desk.sweep()
    woken = [attributes["melding-id"] for topic, _, attributes, _ in e.world.published if topic != "kvittering"]
    assert not {native(A1, n).attributes["melding-id"] for n in range(1, 14)} & set(woken)
    fetched(e, REF, case("A", BOY, "HEMMELIG-A", EXTRACT, 6))
    e.events.receive(told(REF, 1))
    assert mentions(e, TOKENS["A"]) == {}
    assert before.keys() <= e.everything().keys()


def test_two_orders_the_strictest_holds(e: Erasing) -> None:
    erased(e)
    later = case("A", BOY, "HEMMELIG-A", EXTRACT + timedelta(hours=4), 30)
    e.service.receive(native(later, 78))
    run(e.office, msgspec.structs.replace(BARRED, id="2026-9"), NOW)
    assert mentions(e, TOKENS["A"] | {uid("A innsending 30")}) == {}
    newest = e.service.receive(native(case("A", BOY, "HEMMELIG-A", EXTRACT + timedelta(hours=5), 31), 79))
    assert newest is not None
    assert newest.verdict is Verdict.REJECTED


# --- a child ---------------------------------------------------------------------------------------------------------


def test_a_child_goes_with_all_its_cases_and_out_of_every_file(e: Erasing) -> None:
    e.link(ORGNR, SAK["C"], uid("barn"))
    clients = ((GIRL, "K-FORST"), (BOY, "K-BARNET"), (GIRL[:6] + "00100", "K-SIST"))
    message = kostra_message(kostra_file(*clients))
    e.kostra.receive(message)
    e.kostra.receive(kostra_message(kostra_file(*clients), 2))  # the same file in another message
    e.buckets["kostra"].create("3301/2025/fil.xml", kostra_file(*clients))
    e.buckets["kostra"].create("3301/2025/annen.xml", kostra_file(clients[0]))
    assert len(mentions(e, {BOY})) > 10
    tokens = {BOY, "K-BARNET", SAK["A"], SAK["C"], "HEMMELIG-A", "HEMMELIG-C", uid("barn")}
    others = mentions(e, {SAK["B"], "HEMMELIG-B"}).keys()
    before = e.everything()
    run(e.office, CHILD, NOW)
    assert mentions(e, tokens - {uid("barn")}) == {}
    assert mentions(e, {uid("barn")}).keys() == set()
    after = e.everything()
    assert {name for name in others if after.get(name) != before[name]} == set()
    raw = f"raa/{SENDER}/{message.attributes['melding-id']}"
    kept = e.buckets["arkiv"].objects[raw][0].data
    client = re.search(rb"<Individ\b[^>]*K-BARNET.*?</Individ>", message.body, re.DOTALL)
    assert client is not None
    assert kept == message.body.replace(client[0], b"")
    assert len(e.tables.query("SELECT * FROM register.kostra_individ")) == 2
    # The file as it was, delivered again, is that file.
    e.kostra.receive(message)
    assert e.everything() == after


@pytest.mark.parametrize("sealed", [False, True])
def test_an_answer_on_a_file_that_was_too_large_for_a_message_loses_the_child(e: Erasing, sealed: bool) -> None:
    message = kostra_message(kostra_file((BOY, "K-BARNET"), (BOY[:6] + "12345", "K-FEIL")))
    e.kostra.receive(message)
    (row,) = e.tables.query("SELECT fil_id FROM register.kostra_fil")
    name = f"svar/{answer_id(row['fil_id'], message.attributes['melding-id'])}.json"
    told = b'{"klienter":[{"journalnummer":"K-BARNET"},{"journalnummer":"K-FEIL"}]}'
    e.buckets["protokoll"].create(name, b"\x30\x82" if sealed else told)
    e.link(ORGNR, SAK["C"], uid("barn"))
    run(e.office, CHILD, NOW)
    kept = e.buckets["protokoll"].objects.get(name)
    assert (
        (kept is None)
        if sealed
        else (kept is not None and kept[0].data == b'{"klienter":[{"journalnummer":"K-FEIL"}]}')
    )
    assert mentions(e, {"K-BARNET", BOY}) == {}


@pytest.mark.parametrize("number", [BOY, GIRL])
def test_what_never_came_in_goes_when_it_has_the_child_s_number(e: Erasing, number: str) -> None:
    """A case that nobody was allowed to send, and one that the schema refused: no row says whose they are."""
    other = case("D", number, "HEMMELIG-D")
    e.service.receive(native(other, 95, avsender_id=OTHER))
    e.service.receive(native(other.replace(b" StartDato=", b" Startdato="), 96))
    e.link(ORGNR, SAK["C"], uid("barn"))
    run(e.office, CHILD, NOW)
    assert len(mentions(e, {"HEMMELIG-D"})) == (0 if number == BOY else 2)


def test_a_file_that_is_no_xml_and_names_the_child_goes(e: Erasing) -> None:
    message = kostra_message(kostra_file((BOY, "K-BARNET"))[:-20])
    e.kostra.receive(message)
    assert mentions(e, {"K-BARNET"})
    e.link(ORGNR, SAK["C"], uid("barn"))
    run(e.office, CHILD, NOW)
    assert mentions(e, {"K-BARNET", BOY}) == {}


def test_clients_are_cut_out_whatever_the_file_looks_like() -> None:
    xml = (
        b'<?xml version="1.0" encoding="ISO-8859-1"?>\n<Barnevern><Avgiver Kommunenavn="B\xe6rum"/>'
        b"<Individ Fodselsnummer='1' Journalnummer='a>b'/>x<Individ DUFnummer=\"2\"><M a='>'/><Individ/></Individ >"
        b"<Individ Journalnummer='c'/></Barnevern>"
    )
    assert cut(xml, {"1"})[0] == xml.replace(b"<Individ Fodselsnummer='1' Journalnummer='a>b'/>", b"")
    assert cut(xml, {"1"})[1] == {"a>b"}
    assert cut(xml, {"2"}) == (xml.replace(b"<Individ DUFnummer=\"2\"><M a='>'/><Individ/></Individ >", b""), set())
    assert cut(xml, {"9"}) == (xml, set())
    with pytest.raises(ValueError, match="not XML"):
        cut(xml[:-3], {"1"})


# --- the order and the report ----------------------------------------------------------------------------------------


def test_the_report_is_signed_and_says_what_when_and_until_when(e: Erasing) -> None:
    data = run(e.office, CASE_A, NOW)
    found = report(e.office, CASE_A.id)
    assert found is not None
    assert found[0] == data
    trust = Trust.of(pem_of(PKI.root, PKI.issuer))
    assert verify(*found, trust, e.world.now).orgnr == "310000019"
    with pytest.raises(Unsound):
        verify(data.replace(b'"for": 11', b'"for": 10'), found[1], trust, e.world.now)
    with pytest.raises(Unsound):
        verify(*found, Trust.of(pem_of(Pki.new().root)), e.world.now)
    read = json.loads(data)
    assert not {one for one in TOKENS["A"] | {BOY, ORGNR} if one in data.decode()}
    assert {"mal": "tabell register.innsending", "for": 11, "etter": 0} in read["mal"]
    assert all(one["etter"] == 0 for one in read["mal"])
    until = {(one["hva"], one["hvor"]): one["til"] for one in read["beholdes"]}
    # Done at noon on 30 June: two days of time travel in register, seven of soft delete, 31 of dead letters.
    assert until["BigQuery time travel", "register"] == "2026-07-02T12:00:00Z"
    assert until["BigQuery fail-safe", "register"] == "2026-07-09T12:00:00Z"
    assert until["Cloud Storage soft delete", "arkiv"] == "2026-07-07T12:00:00Z"
    assert until["Pub/Sub", "innsending-dead-letter"] == "2026-07-31T12:00:00Z"
    assert ("BigQuery time travel", "statistikk") not in until


def test_an_order_is_known_by_hashes_alone_when_it_is_done(e: Erasing) -> None:
    with pytest.raises(NotYet) as early:
        run(e.office, CASE_A)
    assert early.value.moment == e.world.now + timedelta(minutes=30)  # the longest function
    (row,) = e.tables.query("SELECT * FROM drift.sletteordre")
    assert (row["orgnr"], row["sak_id"], row["utfort"]) == (ORGNR, SAK["A"], None)
    assert report(e.office, CASE_A.id) is None
    e.service.receive(native(A1, 1))  # what was in hand
    e.world.now += timedelta(minutes=30)
    resume(e.office, CASE_A.id)
    (row,) = e.tables.query("SELECT * FROM drift.sletteordre")
    assert (row["orgnr"], row["sak_id"], row["barn_id"]) == (None, None, None)
    assert row["mal_sha256"] == hashlib.sha256(f"{ORGNR}/{SAK['A']}".encode()).hexdigest()
    assert row["utfort"] is not None
    done = e.everything()
    assert resume(e.office, CASE_A.id) == run(e.office, CASE_A)
    assert e.everything() == done


def test_what_was_in_hand_is_found_by_the_last_look(e: Erasing) -> None:
    """A row that arrives after the rows were erased: the message had been judged before the tombstone stood."""
    (row,) = (
        e.tables.duck.execute("SELECT * FROM register.innsending WHERE innsending_id = ?", [uid("A innsending 3")])
        .to_arrow_table()
        .to_pylist()
    )
    with pytest.raises(NotYet):
        run(e.office, CASE_A)
    e.tables.put("register.innsending", [row])
    e.buckets["arkiv"].create(f"raa/{row['avsender_id']}/{row['melding_id']}", A3)
    assert mentions(e, TOKENS["A"])
    e.world.now += timedelta(minutes=30)
    run(e.office, CASE_A)
    assert mentions(e, TOKENS["A"]) == {}


def test_orders_that_are_none() -> None:
    given = {"id": "1", "kind": "MELDING", "ordered_by": "x", "legal_basis": "y", "day": date(2026, 1, 1)}
    for wrong in ({}, {"orgnr": ORGNR}, {"orgnr": ORGNR, "sak_id": "s", "barn_id": "b"}):
        with pytest.raises(ValueError, match="about a case"):
            Order(**given, **wrong)  # type: ignore[arg-type]
    for wrong in ({"id": ""}, {"id": "../1"}, {"id": "år 1"}, {"legal_basis": ""}, {"ordered_by": ""}):
        with pytest.raises(ValueError, match="an order has"):
            Order(**(given | {"barn_id": "b"} | wrong))  # type: ignore[arg-type]


def test_an_id_means_one_order(e: Erasing) -> None:
    with pytest.raises(NotYet):
        run(e.office, CASE_A)
    with pytest.raises(ValueError, match="another order"):
        run(e.office, msgspec.structs.replace(CASE_A, sak_id=SAK["B"]), NOW)
    with pytest.raises(KeyError):
        resume(e.office, "unknown")


def test_what_is_sealed_is_opened_or_counted_as_unread(tmp_path: Path) -> None:
    own = PKI.business(ORGNR)
    opener = Opener(keys=PemKeys([SIGNING.key]), trust=Trust.of(pem_of(PKI.root, PKI.issuer)))
    e = Erasing(tmp_path, opener=opener)
    sealed = [seal({"sak.xml": body}, own, SIGNING.certificate) for body in (A1, A1, B1, A_INVALID)]
    for n, body in enumerate(sealed, 1):
        e.service.receive(native(body, n))
    made = plan(e.office, CASE_A)
    assert (len(made.found.archive), made.found.unread) == (3, 0)
    blind = msgspec.structs.replace(e.office, reader=Reader(limits=Limits(), cipher=CIPHER))
    made = plan(blind, CASE_A)
    assert (len(made.found.archive), made.found.unread) == (1, 2)  # the repeat and the refused have no row that tells


# --- by the code itself ----------------------------------------------------------------------------------------------


def test_every_kind_of_name_in_the_ledger_and_the_archive_is_looked_for() -> None:
    """The names that the flows make, read from their source: one that is new here must be erased, too."""
    source = "".join(
        (ROOT / "functions/bvr" / name).read_text(encoding="utf-8")
        for name in ("desk.py", "service.py", "hendelse/service.py", "kostra/intake.py", "fiksio/connector.py")
    )
    made = set(re.findall(r'f"([a-z][a-z-]*)/\{', source))
    s = Subject(cases={("o", "c")})
    for name in ("messages", "submissions", "awaited", "events", "references"):
        setattr(s, name, {("a", "b")})
    for name in ("receipts", "contents", "answers"):
        setattr(s, name, {"d"})
    looked_for = {prefix.partition("/")[0] for prefix in ledger_prefixes(s)}
    assert {"protokoll", "kvittering", "apne", "hentinger"} <= made
    # The archive's own, what an upload is fetched from, and a hash of a name that is nobody's.
    assert made - looked_for == {"raa", "varsel", "dokumentlager", "kostra-ukjent"} & made


def test_every_table_with_columns_of_a_case_or_a_child_is_a_target(e: Erasing) -> None:
    s = Subject(cases={("o", "c")}, children={"b"}, messages={("a", "m")}, numbers={"AAAA"})
    targets = {target.table for target in row_targets(e.office.schemas, s)}
    told = {
        table
        for table, columns in e.tables.columns.items()
        if {"sak_id", "barn_id", "melding_id", "nokkel"} & {one["name"] for one in columns}
    }
    by_number = {"register.kostra_individ", "statistikk.migreringssvar"}
    assert targets == (told | by_number) - {"drift.sletteordre"}
    # Reports are of cases and go with them; figures are of many, and stay.
    assert {table for table in targets if table.startswith("statistikk.")} == {
        *("statistikk.migreringsrapport_v1", "statistikk.migreringssvar", "statistikk.revisjon"),
        *("statistikk.valideringsrapport_v1", "statistikk.valideringseffekt_v1"),
    }


def test_what_a_report_says_of_a_child_without_a_case_goes_by_its_number(e: Erasing) -> None:
    s = Subject(cases={("o", "c")}, children={"b"}, numbers={"AAAA"})
    where = {target.table: target.where for target in row_targets(e.office.schemas, s)}
    assert (
        "(sak_id IS NULL AND TO_BASE64(fodselsnummer) IN UNNEST(@nummer))" in where["statistikk.migreringsrapport_v1"]
    )
    assert "TO_BASE64(duf_nummer) IN UNNEST(@nummer)" in where["statistikk.migreringssvar"]


# --- retention -------------------------------------------------------------------------------------------------------


def test_nothing_is_due_until_somebody_has_decided_it(e: Erasing) -> None:
    assert yaml.safe_load((SCHEMAS / RULE).read_text())["retention_days"] is None
    assert due(e.tables, SCHEMAS, datetime(2100, 1, 1, tzinfo=UTC)) == []


def test_what_is_closed_or_deleted_is_due_when_its_time_is_out(e: Erasing, tmp_path: Path) -> None:
    closed = encode(document(sak(personalia(), slutt="2024-03-01", journalnummer="L"), today="2024-03-02"))
    e.service.receive(native(closed, 90))
    rule = tmp_path / "bigquery_schemas" / RULE
    rule.write_text(rule.read_text().replace("retention_days: null", "retention_days: 365"))
    schemas = tmp_path / "bigquery_schemas"
    assert due(e.tables, schemas, datetime(2025, 3, 1, 12, tzinfo=UTC)) == []
    (one,) = due(e.tables, schemas, datetime(2025, 3, 2, 12, tzinfo=UTC))
    assert (one.orgnr, one.since) == (ORGNR, "2024-03-01")
    rule.write_text(rule.read_text().replace("retention_days: 365", "retention_days: 0"))
    with pytest.raises(ValueError, match="positive"):
        due(e.tables, schemas, datetime(2025, 3, 2, 12, tzinfo=UTC))
