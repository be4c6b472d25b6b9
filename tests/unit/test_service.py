"""None lost, none counted twice, one receipt in effect: whatever the platform does on the way."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from bvr.desk import INLINE_LIMIT
from bvr.errors import Retry
from bvr.findings import Severity
from bvr.intake.envelope import read_delivery
from bvr.intake.protocol import INVALID, RECEIPT, SERVER_FAULT, SSB_REPORT
from bvr.model.xml import encode
from bvr.rules.examples import BOY, document, melding, personalia, plan, sak, slettet, uid, undersokelse
from bvr.service import Service
from bvr.verdict import Verdict
from tests.unit.service_world import CIPHER, ROWS, SENDER, World, delivery, native, service, ssb

CLEAN = encode(document(sak(personalia(), melding(slutt="2024-02-05"), journalnummer="HEMMELIG-7")))
FAULTY = encode(document(sak(personalia(), melding(slutt="2024-02-05", melder=()))))


def answers(world: World) -> list[tuple[dict[str, Any], dict[str, str]]]:
    return [(json.loads(data), attributes) for topic, data, attributes, _ in world.published if topic == "kvittering"]


def settle(s: Service, message: Any) -> int:
    """Deliver until it is acknowledged, as Pub/Sub does; the number of deliveries."""
    for attempt in range(1, 50):
        try:
            s.receive(message)
        except Retry:
            continue
        return attempt
    raise AssertionError("never acknowledged")


def test_a_clean_case_is_registered_and_answered() -> None:
    world = World()
    s = service(world)
    receipt = s.receive(native(CLEAN))
    assert receipt is not None
    assert receipt.verdict is Verdict.REGISTERED
    ((answer, attributes),) = answers(world)
    assert attributes["type"] == RECEIPT
    assert attributes["svar-til"] == native(CLEAN).attributes["melding-id"]
    assert attributes["mottaker-id"] == SENDER
    assert answer["resultat"] == "GODKJENT"
    assert world.published[0][3] == SENDER  # ordered for each receiver
    (row,) = (ROWS.parse(r) for r in world.rows)
    assert row.utfall == "REGISTERED"
    assert row.sak.personalia[0].nummertype == "FNR"
    assert CIPHER.decrypt(row.sak.personalia[0].fodselsnummer) == BOY


@pytest.mark.parametrize("lost_answer", [False, True])
@pytest.mark.parametrize("make", [native, ssb])
@pytest.mark.parametrize("xml", [CLEAN, FAULTY, b"<Barnevern/>"], ids=["clean", "error", "invalid"])
def test_a_fault_at_any_call_changes_nothing_in_the_end(xml: bytes, make: Any, lost_answer: bool) -> None:
    """Crash before or after each call to the platform; redelivery repeats the steps."""
    whole = World()
    service(whole).receive(make(xml))
    for k in range(1, whole.calls + 1):
        world = World()
        s = service(world)
        world.fail, world.lost_answer = {k}, lost_answer
        settle(s, make(xml))
        assert len(s.desk.archive.names("raa/")) == 1  # type: ignore[attr-defined]
        assert len(s.desk.ledger.names("protokoll/")) == 1  # type: ignore[attr-defined]
        assert len(s.desk.ledger.names("kvittering/")) == 1  # type: ignore[attr-defined]
        assert len(set(world.rows)) == 1
        sent = {(data, tuple(sorted(attributes.items()))) for _, data, attributes, _ in world.published}
        assert len(sent) == 1, f"fault at call {k}"
        assert {(d, tuple(sorted(a.items()))) for _, d, a, _ in whole.published} == sent


@pytest.mark.parametrize("pair", [(1, 2), (3, 4), (5, 9), (6, 7), (8, 12)])
def test_two_faults_in_a_row(pair: tuple[int, int]) -> None:
    world = World()
    s = service(world)
    world.fail = set(pair)
    settle(s, native(CLEAN))
    assert len(set(world.rows)) == 1
    assert len({attributes["melding-id"] for _, _, attributes, _ in world.published}) == 1


def test_redelivery_gives_the_same_bytes() -> None:
    world = World()
    s = service(world)
    s.receive(native(CLEAN))
    world.now = world.now.replace(hour=15)
    s.receive(native(CLEAN))
    (_, first, first_attributes, _), (_, second, second_attributes, _) = world.published
    assert (first, first_attributes) == (second, second_attributes)
    assert len(world.rows) == 1


def test_a_retry_under_a_new_id_gets_the_stored_answer_for_itself() -> None:
    world = World()
    s = service(world)
    s.receive(native(CLEAN, 1))
    s.receive(native(CLEAN, 2))
    (first, a1), (second, a2) = answers(world)
    assert first["kvitteringsId"] == second["kvitteringsId"]
    assert (first["duplikat"], second["duplikat"]) == (False, True)
    assert second["svarTilMeldingId"] == a2["svar-til"] == native(CLEAN, 2).attributes["melding-id"]
    assert a1["melding-id"] != a2["melding-id"]
    assert len(world.rows) == 1


def test_a_corrected_submission_is_no_duplicate_of_its_excluded_predecessor() -> None:
    world = World()
    s = service(world)
    s.receive(native(FAULTY, 1))
    corrected = encode(
        msgspec.structs.replace(
            document(sak(personalia(), melding(slutt="2024-02-05")), forrige_id=uid("Barnevern")),
            id=uid("Barnevern", 2),
        )
    )
    s.receive(native(corrected, 2))
    results = [answer["resultat"] for answer, _ in answers(world)]
    assert results == ["LAGRET_IKKE_GODKJENT", "GODKJENT"]


def test_the_same_submission_id_with_other_content_is_refused() -> None:
    world = World()
    s = service(world)
    s.receive(native(CLEAN, 1))
    s.receive(native(FAULTY, 2))
    (_, _), (second, attributes) = answers(world)
    assert attributes["type"] == INVALID
    assert second["feilkode"] == "INNSENDINGSID_GJENBRUKT"
    assert ROWS.parse(world.rows[1]).utfall == "REJECTED"


def test_the_same_melding_id_with_other_content_is_kept_beside() -> None:
    world = World()
    s = service(world)
    s.receive(native(CLEAN, 1))
    s.receive(native(b"<Barnevern/>", 1))
    assert len(s.desk.archive.names("raa/")) == 2  # type: ignore[attr-defined]
    assert len(answers(world)) == 2


def test_a_gap_is_told_and_closes_when_the_predecessor_comes() -> None:
    world = World()
    s = service(world)
    later = encode(
        msgspec.structs.replace(
            document(sak(personalia(), melding(slutt="2024-02-05")), forrige_id=uid("Barnevern", 1).upper()),
            id=uid("Barnevern", 2),
        )
    )
    s.receive(native(later, 2))
    s.receive(native(CLEAN, 1))
    (first, _), (second, _) = answers(world)
    assert first["manglerForrigeId"].lower() == uid("Barnevern", 1)
    assert "manglerForrigeId" not in second
    assert [ROWS.parse(r).plassering for r in world.rows] == ["GAP", "STALE"]


def test_an_extract_from_the_future_is_refused() -> None:
    world = World()
    s = service(world)
    s.receive(native(encode(document(sak(personalia()), today="2026-07-02"))))
    ((answer, _),) = answers(world)
    assert answer["feilkode"] == "DATOUTTREKK_FREMTID"


def test_deleted_elements_are_looked_up_in_the_history() -> None:
    xml = encode(document(sak(personalia(), plan(), slettet("Tiltak", uid("Tiltak", 9)))))
    world = World()
    service(world).receive(native(xml))
    assert [f["regelId"] for f in answers(world)[0][0]["funn"]] == ["sak-22"]
    world = World()
    world.elements_known = frozenset({("Tiltak", uid("Tiltak", 9))})
    service(world).receive(native(xml))
    assert answers(world)[0][0]["funn"] == []


def test_our_own_fault_goes_to_the_dead_letter_untouched_and_is_told() -> None:
    world = World()
    world.broken_append = True
    s = service(world)
    message = native(CLEAN)
    s.receive(message)
    dead = [(data, attributes) for topic, data, attributes, _ in world.published if topic == "innsending-dead-letter"]
    assert [(data, attributes["feil-steg"]) for data, attributes in dead] == [(CLEAN, "append")]
    ((answer, attributes),) = answers(world)
    assert attributes["type"] == SERVER_FAULT
    assert answer["feilkode"] == "SERVERFEIL"
    assert s.desk.ledger.names("brutt/") == [f"brutt/{SENDER}/{message.attributes['melding-id']}"]  # type: ignore[attr-defined]


def test_our_own_fault_in_the_production_protocol() -> None:
    world = World()
    world.broken_append = True
    service(world).receive(ssb(CLEAN))
    ((answer, attributes),) = answers(world)
    assert attributes["type"] == SSB_REPORT
    assert answer["severity"] == "FATAL"


@pytest.mark.parametrize(
    "message",
    [
        native(CLEAN, type="no.ks.fiks.kvittering.tidsavbrudd"),
        native(CLEAN, type=RECEIPT),
        native(CLEAN, type=SSB_REPORT),
        native(CLEAN, type="no.ks.fiks.kvittering.serverfeil.v1"),
    ],
    ids=lambda m: m.attributes["type"],
)
def test_an_answer_is_never_answered(message: Any) -> None:
    world = World()
    s = service(world)
    s.receive(message)
    assert world.published == []
    assert len(s.desk.archive.names("raa/")) == 1  # type: ignore[attr-defined]
    assert s.desk.ledger.names("apne/") == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (native(CLEAN, melding_id=""), "PAKKE_UGYLDIG"),
        (native(CLEAN, melding_id="no uuid"), "PAKKE_UGYLDIG"),
        (native(CLEAN, avsender_id=""), "PAKKE_UGYLDIG"),
        (native(CLEAN, type=""), "PAKKE_UGYLDIG"),
        (native(CLEAN, klient_korrelasjons_id="x" * 1025), "PAKKE_UGYLDIG"),
        (native(CLEAN, type="no.ks.fiks.noe.annet.v1"), "MELDINGSTYPE_UKJENT"),
        (native(CLEAN, xsd_versjon=""), "XSD_VERSJON_UKJENT"),
        (native(CLEAN, xsd_versjon="9.9.9"), "XSD_VERSJON_UKJENT"),
        (native(b""), "XML_UGYLDIG"),
        (native(b"hello"), "XML_UGYLDIG"),
        (native(CLEAN[:200]), "XML_UGYLDIG"),
        (native(b"\xef\xbb\xbf{"), "JSON_UGYLDIG"),
        (native(b"<Barnevern/>"), "XSD_UGYLDIG"),
        (native(CLEAN, dataref="gs://prosjekt-innboks/finnes-ikke"), "PAKKE_UGYLDIG"),
        (native(CLEAN, dataref="gs://en-annen-bøtte/x"), "PAKKE_UGYLDIG"),
        (native(CLEAN, dataref="/etc/passwd"), "PAKKE_UGYLDIG"),
        (native(b" " * 10_000_001), "FOR_STOR"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_bad_input_has_a_defined_answer_and_is_archived(message: Any, code: str) -> None:
    world = World()
    s = service(world)
    s.receive(message)
    ((answer, _),) = answers(world)
    assert answer["feilkode"] == code
    assert answer["feilmelding"]
    assert answer["feilmeldingEn"]
    assert len(s.desk.archive.names("raa/")) == 1  # type: ignore[attr-defined]
    (row,) = (ROWS.parse(r) for r in world.rows)
    assert row.utfall == "REJECTED"
    assert not row.HasField("sak")
    s.receive(native(CLEAN, 99))  # and no effect on others
    assert answers(world)[1][0]["resultat"] == "GODKJENT"


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (b"", "JSON_DESERIALIZE"),
        (b"{", "JSON_DESERIALIZE"),
        (b'{"xsdVersion": 4}', "JSON_DESERIALIZE"),
        (b'{"xsdVersion": 4, "xmlBody": 7}', "JSON_DESERIALIZE"),
        (b'{"xsdVersion": "4", "xmlBody": "<a/>"}', "XSD_VERSION"),
        (b'{"xsdVersion": 99, "xmlBody": "<a/>"}', "XSD_VERSION"),
        (b'{"xsdVersion": true, "xmlBody": "<a/>"}', "XSD_VERSION"),
        (b'{"xmlBody": "<a/>"}', "XSD_VERSION"),
        (b'{"xsdVersion": 4, "xmlBody": "<a>"}', "XML_DESERIALIZE"),
        (b'{"xsdVersion": 4, "xmlBody": "\\ud800"}', "JSON_DESERIALIZE"),
        (b'{"xsdVersion": 4, "xmlBody": "<Barnevern/>"}', "XSD_VALIDATION"),
    ],
)
def test_technical_faults_in_the_production_protocol(body: bytes, rule: str) -> None:
    world = World()
    message = ssb(CLEAN)
    service(world).receive(delivery(body, message.attributes))
    ((answer, attributes),) = answers(world)
    assert attributes["type"] == SSB_REPORT
    assert answer["severity"] == "FATAL"
    assert {entry["ruleId"] for entry in answer["reportEntries"]} == {rule}


def test_xml_inside_json_may_declare_another_encoding() -> None:
    world = World()
    service(world).receive(ssb(CLEAN.replace(b"UTF-8", b"ISO-8859-1", 1)))
    assert answers(world)[0][0]["severity"] == "OK"


def test_a_claim_check_is_fetched_and_must_match() -> None:
    world = World()
    s = service(world)
    s.desk.inbox.create("mappe/sak.xml", CLEAN)
    there = "gs://prosjekt-innboks/mappe/sak.xml"
    s.receive(native(b"", 1, dataref=there, generation="1", size=str(len(CLEAN))))
    assert answers(world)[0][0]["resultat"] == "GODKJENT"
    assert s.desk.archive.read(s.desk.archive.names("raa/")[0]).data == CLEAN  # type: ignore[attr-defined, union-attr]
    for n, wrong in enumerate(({"generation": "2"}, {"size": "7"}, {"sha256": "0" * 64}), 2):
        s.receive(native(b"", n, dataref=there, **wrong))
        assert answers(world)[-1][0]["feilkode"] == "PAKKE_UGYLDIG"


def test_a_fetched_payload_is_not_needed_again() -> None:
    """The sender removes its upload while we are still at it: the archive has what was fetched."""
    world = World()
    s = service(world)
    s.desk.inbox.create("sak.xml", CLEAN)
    message = native(b"", dataref="gs://prosjekt-innboks/sak.xml")
    world.calls, world.fail = 0, {7}
    with pytest.raises(Retry):
        s.receive(message)
    world.fail = set()
    s.desk.inbox.delete("sak.xml")
    s.receive(message)
    assert answers(world)[-1][0]["resultat"] == "GODKJENT"
    assert len(s.desk.archive.names("raa/")) == 1  # type: ignore[attr-defined]


def test_a_claim_check_over_the_limit_is_copied_to_the_archive_and_refused() -> None:
    world = World()
    s = service(world)
    s.desk.inbox.create("stor.xml", b" " * 10_000_001)
    s.receive(native(b"", dataref="gs://prosjekt-innboks/stor.xml"))
    assert answers(world)[0][0]["feilkode"] == "FOR_STOR"
    assert any(name.endswith("-stor") for name in s.desk.archive.names("raa/"))  # type: ignore[attr-defined]


def test_a_long_answer_is_pointed_to() -> None:
    many = tuple(undersokelse(start=f"2024-01-{1 + n % 28:02d}", id=uid("Undersokelse", n + 1)) for n in range(900))
    world = World()
    s = service(world)
    s.receive(native(encode(document(sak(personalia(), *many)))))
    (_, data, attributes, _) = world.published[0]
    assert data == b""
    name = attributes["dataref"].removeprefix("gs://prosjekt-protokoll/")
    stored = s.desk.ledger.read(name)
    assert stored is not None
    assert len(stored.data) > INLINE_LIMIT
    answer = json.loads(stored.data)
    assert answer["antall"]["error"] >= 900
    assert len(answer["funn"]) <= 1000


def test_the_sweeper_wakes_what_is_open_and_only_that() -> None:
    world = World()
    s = service(world)
    world.fail = {6}  # somewhere before the answer
    with pytest.raises(Retry):
        s.receive(native(CLEAN))
    world.fail = set()
    assert s.desk.sweep() == 0  # too young
    world.now = world.now.replace(hour=13)
    assert s.desk.sweep() == 1
    topic, data, attributes, _ = world.published[-1]
    assert (topic, data) == ("innsending", CLEAN)
    s.receive(delivery(data, attributes, 2))
    (_, answer_attributes) = answers(world)[-1]
    s.deliver(delivery(b"", answer_attributes, 3))
    world.now = world.now.replace(hour=18)
    assert s.desk.sweep() == 0
    assert s.desk.ledger.names("apne/") == []  # type: ignore[attr-defined]
    assert len(s.desk.ledger.names("sendt/")) == 1  # type: ignore[attr-defined]


def test_attributes_too_many_for_metadata_are_kept_beside_the_object() -> None:
    world = World()
    s = service(world)
    extra = {f"egendefinert-header.nr-{n}": "x" * 900 for n in range(9)}
    message = native(CLEAN)
    s.receive(delivery(CLEAN, message.attributes | extra))
    (beside,) = [n for n in s.desk.archive.names("raa/") if n.endswith(".konvolutt.json")]  # type: ignore[attr-defined]
    kept = s.desk.archive.read(beside)
    assert kept is not None
    assert json.loads(kept.data) == message.attributes | extra


def test_nothing_that_identifies_a_person_leaves_intake(capsys: pytest.CaptureFixture[str]) -> None:
    """Not in a log line, an answer, the ledger or a row: the number stands in the archive and as ciphertext only."""
    world = World()
    s = service(world)
    for n, make in enumerate((native, ssb), 1):
        for xml in (CLEAN, FAULTY, CLEAN.replace(b'Kjonn="1"', b'Kjonn="9"'), CLEAN.replace(b"<Sak ", b"<Sak X='1' ")):
            s.receive(make(xml.replace(BOY.encode(), b"14831299926") if n == 2 else xml, n * 10))
    logged = capsys.readouterr().out
    ledger = b"".join(stored.data for stored, _ in s.desk.ledger.objects.values())  # type: ignore[attr-defined]
    told = b"".join(data for _, data, _, _ in world.published)
    for secret in (BOY, "14831299926", "HEMMELIG-7", "2012-03-14", "14.03.2012"):
        assert secret not in logged
        assert secret.encode() not in told
    for number in (BOY, "14831299926"):
        assert number.encode() not in b"".join(world.rows)
        assert number.encode() not in ledger


def test_severity_names_are_those_of_the_protocol() -> None:
    assert [s.name for s in Severity] == ["OK", "INFO", "WARNING", "ERROR", "FATAL"]


@pytest.mark.parametrize(
    "message",
    [
        {"data": {"a": 1}},
        {"data": 7},
        {"data": "æ"},
        {"data": "", "attributes": ["x"]},
        {"data": "", "publishTime": 5},
        {"data": "", "publishTime": "i går"},
        {"data": "", "publishTime": "0001-01-01T00:00:00+14:00"},
    ],
)
def test_what_is_no_push_is_told_and_no_fault_of_ours(message: dict[str, Any]) -> None:
    """Found by fuzzing: the first ones raised a TypeError, and would have been delivered for ever."""
    with pytest.raises(ValueError, match=r"message|data"):
        read_delivery({"message": message})
