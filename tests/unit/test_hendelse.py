"""A notification from its arrival to its receipt: one pull a reference, nothing lost while a municipality is away."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openapi_spec_validator import validate

from bvr.decode import Limits
from bvr.errors import Retry
from bvr.hendelse.event import Event, read
from bvr.hendelse.openapi import document as openapi
from bvr.hendelse.pull import Gone, Pulled, Puller, Unchanged
from bvr.hendelse.service import EventService
from bvr.intake.envelope import Delivery
from bvr.intake.protocol import EVENT_CHANGED, EVENT_DELETED, INVALID
from bvr.maskinporten_client import TokenClient, TokenRefused
from bvr.model.json_form import to_json
from bvr.model.xml import encode
from bvr.pipeline import Settings
from bvr.register.proto import RowWriter
from bvr.rules.examples import document, melding, personalia, sak
from emulator.kommune import KommuneServer
from emulator.tokens import TokenServer
from tests.unit.service_world import REPORTER, ROOT, SENDER, SenderSource, World, delivery, right, service

ROWS = RowWriter.of(ROOT / "bigquery_schemas/drift/henting/schema.json")
OWN = right(api_url="https://kommune.example")
EXTRACT = datetime(2026, 6, 29, 20, tzinfo=UTC)
REF = "aLongAndRandomReference_1"


def case(extract: datetime = EXTRACT, number: int = 1, **about: Any) -> bytes:
    made = document(sak(personalia(), melding(slutt="2024-02-05", **about)), today=extract.isoformat())
    return encode(made).replace(b"-0000-4000-", f"-0000-4{number:03}-".encode())


def newer(extract: datetime, n: int) -> bytes:
    """The same case in a later submission."""
    own = str(uuid5(NAMESPACE_URL, f"innsending {n}")).encode()
    return re.sub(rb'(<Barnevern\b[^>]*?\bId=")[^"]+', rb"\g<1>" + own, case(extract), count=1)


def event(extract: datetime = EXTRACT, reference: str = REF, n: int = 1, **changed: Any) -> dict[str, Any]:
    found = {
        "hendelseId": str(uuid5(NAMESPACE_URL, f"hendelse {n}")),
        "type": EVENT_CHANGED,
        "tidspunkt": "2026-06-29T20:00:01Z",
        "avgiver": {
            "organisasjonsnummer": REPORTER.organisasjonsnummer,
            "kommunenummer": REPORTER.kommunenummer,
        },
        "referanse": reference,
        "datoUttrekk": extract.isoformat(),
    }
    return {name: value for name, value in (found | changed).items() if value is not None}


def told(content: Any, n: int = 1, kind: str = EVENT_CHANGED) -> Delivery:
    about = {"melding-id": str(uuid5(NAMESPACE_URL, f"melding {n}")), "avsender-id": SENDER, "type": kind}
    return delivery(content if isinstance(content, bytes) else json.dumps(content).encode(), about, n)


class Api:
    """A municipality's API in memory."""

    def __init__(self) -> None:
        self.cases: dict[str, Pulled | Gone | Retry] = {}
        self.asked: list[tuple[str, str]] = []
        self.known: list[str | None] = []

    def put(self, body: bytes, reference: str = REF) -> None:
        import hashlib

        self.cases[reference] = Pulled(body=body, sha256=hashlib.sha256(body).hexdigest(), version="4.0.1")

    def pull(
        self, base: str, reference: str, known: str | None = None, *, whose: str = ""
    ) -> Pulled | Gone | Unchanged:
        self.asked.append((base, reference))
        self.known.append(known)
        found = self.cases.get(reference, Gone(404))
        if isinstance(found, Retry):
            raise found
        return Unchanged() if isinstance(found, Pulled) and found.sha256 == known else found


class Hendelser:
    def __init__(self, *rights: Any, settings: Settings | None = None) -> None:
        self.world = World()
        self.api = Api()
        self.submissions = service(self.world, settings, *(rights or (OWN,)))
        self.rows: list[Any] = []
        self.events = EventService(
            desk=self.submissions.desk,
            submissions=self.submissions,
            pulls=self.api,
            senders=SenderSource(*(rights or (OWN,))),
            table=self,
            rows=ROWS,
            limits=Limits(),
        )

    def append(self, serialized_row: bytes) -> None:
        failed = self.world.call()
        self.rows.append(ROWS.parse(serialized_row))
        if failed:
            raise Retry("the answer was lost")

    def answers(self) -> list[tuple[str, dict[str, Any]]]:
        return [(a["type"], json.loads(d or b"{}")) for t, d, a, _ in self.world.published if t == "kvittering"]


def test_a_notification_becomes_a_case_and_a_receipt_that_says_the_duty_is_met() -> None:
    h = Hendelser()
    h.api.put(case())
    assert h.events.receive(told(event())) == "OPPFYLT"
    (first, nothing), (second, receipt) = h.answers()
    assert (first, nothing) == (f"{EVENT_CHANGED}.mottatt", {})
    assert second == f"{EVENT_CHANGED}.kvittering"
    assert receipt["hendelseId"] == event()["hendelseId"]
    assert receipt["meldeplikt"] == "OPPFYLT"
    assert receipt["resultat"] == "GODKJENT"
    assert receipt["svarTilMeldingId"] == told(b"").attributes["melding-id"]
    assert h.api.asked == [("https://kommune.example", REF)]
    assert len(h.world.rows) == 1
    (row,) = h.rows
    assert row.meldeplikt == "OPPFYLT"
    assert h.events.desk.ledger.names("plikt/")  # type: ignore[attr-defined]


def test_a_case_with_errors_meets_the_duty_and_one_that_is_invalid_does_not() -> None:
    h = Hendelser()
    h.api.put(case(melder=()))
    assert h.events.receive(told(event())) == "OPPFYLT"
    assert h.answers()[-1][1]["resultat"] == "LAGRET_IKKE_GODKJENT"
    h = Hendelser()
    h.api.put(b"<Barnevern/>")
    assert h.events.receive(told(event())) == "IKKE_OPPFYLT"
    kind, answer = h.answers()[-1]
    assert kind == INVALID
    assert answer["feilkode"] == "XSD_UGYLDIG"
    assert answer["hendelseId"] == event()["hendelseId"]


def test_a_hundred_events_of_a_reference_are_one_pull() -> None:
    h = Hendelser()
    newest = EXTRACT + timedelta(minutes=99)
    h.api.put(case(newest))
    events = [told(event(EXTRACT + timedelta(minutes=n), n=n), n) for n in range(100)]
    # All have come before any is fetched: each but the newest steps aside for it.
    h.api.cases[REF], kept = Retry("not yet"), h.api.cases[REF]
    for one in events:
        with pytest.raises(Retry):
            h.events.receive(one)
    h.api.cases[REF] = kept
    asked = len(h.api.asked)
    for one in events[:-1]:
        with pytest.raises(Retry, match="newer event"):
            h.events.receive(one)
    assert h.events.receive(events[-1]) == "OPPFYLT"
    assert [h.events.receive(one) for one in events] == ["OPPFYLT"] * 100
    assert len(h.api.asked) - asked == 1
    assert len({r.hendelse_id for r in h.rows}) == 100
    assert len(set(h.world.rows)) == 1


def test_events_out_of_order_fetch_once_when_the_case_is_new_enough() -> None:
    h = Hendelser()
    h.api.put(case(EXTRACT + timedelta(hours=1)))
    assert h.events.receive(told(event(EXTRACT + timedelta(hours=1), n=2), 2)) == "OPPFYLT"
    assert h.events.receive(told(event(EXTRACT, n=1), 1)) == "OPPFYLT"
    assert len(h.api.asked) == 1


def test_a_case_older_than_its_event_is_fetched_again() -> None:
    h = Hendelser()
    h.api.put(case(EXTRACT - timedelta(days=1)))
    with pytest.raises(Retry, match="older"):
        h.events.receive(told(event()))
    assert not h.world.rows
    h.api.put(case())
    assert h.events.receive(told(event())) == "OPPFYLT"


def test_another_case_behind_the_reference_is_never_stored(capsys: pytest.CaptureFixture[str]) -> None:
    h = Hendelser()
    h.api.put(case())
    h.events.receive(told(event()))
    later = EXTRACT + timedelta(hours=1)
    other = re.sub(rb'<Sak Id="(.)', lambda m: b'<Sak Id="' + (b"e" if m[1] != b"e" else b"f"), case(later))
    h.api.put(other)
    with pytest.raises(Retry, match="another case"):
        h.events.receive(told(event(later, n=2), 2))
    assert len(set(h.world.rows)) == 1
    assert '"severity":"ALERT"' in capsys.readouterr().out


def test_another_reporter_s_case_is_never_stored() -> None:
    h = Hendelser()
    h.api.put(case().replace(REPORTER.organisasjonsnummer.encode(), b"310000027"))
    with pytest.raises(Retry, match="another case"):
        h.events.receive(told(event()))
    assert not h.world.rows


LATER = EXTRACT + timedelta(hours=1)


def test_a_clock_that_is_ahead_shadows_nothing() -> None:
    """Neither an event's nor a case's: what comes after it is fetched and stored as if it had not been."""
    h = Hendelser()
    h.api.put(case())
    assert h.events.receive(told(event(EXTRACT + timedelta(days=2), n=9), 9)) is None
    assert h.answers()[-1][1]["feilkode"] == "DATOUTTREKK_FREMTID"
    assert h.events.receive(told(event())) == "OPPFYLT"
    h.api.put(case(EXTRACT + timedelta(days=2)))
    assert h.events.receive(told(event(LATER, n=2), 2)) == "IKKE_OPPFYLT"
    assert h.answers()[-1][1]["feilkode"] == "DATOUTTREKK_FREMTID"
    h.world.now += timedelta(minutes=1)
    h.api.put(newer(LATER, 3))
    assert h.events.receive(told(event(LATER, n=3), 3)) == "OPPFYLT"


@pytest.mark.parametrize("same_event", [False, True])
def test_what_was_not_there_is_asked_for_again_when_the_municipality_tells_again(same_event: bool) -> None:
    h = Hendelser()
    h.api.cases[REF] = Gone(404)
    assert [h.events.receive(told(event())) for _ in range(3)] == ["IKKE_FUNNET"] * 3
    assert len(h.api.asked) == 1  # a redelivery is the same message: it has its answer
    h.world.now += timedelta(minutes=1)
    h.api.put(case())
    assert h.events.receive(told(event(n=1 if same_event else 2), 2)) == "OPPFYLT"
    assert [row.meldeplikt for row in h.rows] == ["IKKE_FUNNET", "OPPFYLT"]


def test_a_case_older_than_its_event_serves_the_events_before_it() -> None:
    """An event whose case never comes holds up none of the others."""
    h = Hendelser()
    h.api.cases[REF] = Retry("not yet")
    for extract, n in ((EXTRACT, 1), (LATER, 2)):
        with pytest.raises(Retry):
            h.events.receive(told(event(extract, n=n), n))
    h.api.put(case())
    with pytest.raises(Retry, match="newer event"):
        h.events.receive(told(event(n=1), 1))
    with pytest.raises(Retry, match="older"):
        h.events.receive(told(event(LATER, n=2), 2))
    assert h.events.receive(told(event(n=1), 1)) == "OPPFYLT"
    with pytest.raises(Retry, match="older"):
        h.events.receive(told(event(LATER, n=2), 2))
    assert h.api.known[-1] == h.rows[0].innhold_sha256  # what we have is not sent again
    h.api.put(newer(LATER, 2))
    assert h.events.receive(told(event(LATER, n=2), 2)) == "OPPFYLT"
    assert len(set(h.world.rows)) == 2


def test_a_case_as_json_is_fetched_too() -> None:
    h = Hendelser()
    made = document(sak(personalia(), melding(slutt="2024-02-05")), today=EXTRACT.isoformat())
    h.api.put(to_json(made, "4.0.1"))
    assert h.events.receive(told(event())) == "OPPFYLT"


@pytest.mark.parametrize("version", ["x" * 3000, "", "99"])
def test_a_version_that_is_none_is_refused_and_says_so(version: str) -> None:
    h = Hendelser()
    h.api.put(case())
    h.api.cases[REF] = msgspec.structs.replace(h.api.cases[REF], version=version)  # type: ignore[type-var]
    assert h.events.receive(told(event())) == "IKKE_OPPFYLT"
    assert h.answers()[-1][1]["feilkode"] in ("PAKKE_UGYLDIG", "XSD_VERSJON_UKJENT")
    assert not h.world.rows or not h.answers()[-1][1].get("innsendingId")


@pytest.mark.parametrize("which", [rb'<Sak Id="([^"]+)"', rb'<Barnevern\b[^>]*?\bId="([^"]+)"'])
def test_the_case_s_own_ids_are_no_reference(which: bytes) -> None:
    own = "c1a2b3c4-d5e6-4f70-8a9b-c0d1e2f3a4b5"
    found = re.search(which, case())
    assert found
    h = Hendelser()
    for n, reference in enumerate((own, own.upper(), own.replace("-", "")), 1):
        h.api.put(case().replace(found[1], own.encode()), reference)
        assert h.events.receive(told(event(reference=reference, n=n), n)) is None
        kind, answer = h.answers()[-1]
        assert kind == INVALID
        assert "egen id" in answer["feilmelding"]
    assert len(h.api.asked) == 3
    assert not h.world.rows


def test_an_older_case_that_was_refused_is_nobody_s_answer() -> None:
    h = Hendelser()
    h.api.put(case())
    assert h.events.receive(told(event())) == "OPPFYLT"
    between = EXTRACT + timedelta(minutes=30)
    h.api.cases[REF] = Retry("not yet")
    for extract, n in ((between, 2), (LATER, 3)):
        with pytest.raises(Retry):
            h.events.receive(told(event(extract, n=n), n))
    h.api.put(case(between))  # the submission id of the first, with other content
    with pytest.raises(Retry, match="older"):
        h.events.receive(told(event(LATER, n=3), 3))
    with pytest.raises(Retry, match="newer event"):
        h.events.receive(told(event(between, n=2), 2))
    h.api.put(newer(LATER, 2))
    assert h.events.receive(told(event(LATER, n=3), 3)) == "OPPFYLT"
    assert h.events.receive(told(event(between, n=2), 2)) == "OPPFYLT"


def test_an_event_id_means_one_event() -> None:
    h = Hendelser()
    h.api.put(case())
    assert h.events.receive(told(event())) == "OPPFYLT"
    assert h.events.receive(told(event(LATER), 2)) is None
    assert h.answers()[-1][1]["detaljer"][0]["sti"] == "/hendelseId"
    assert h.events.receive(told(event(), 3)) == "OPPFYLT"  # the same event in another message is a retry


def test_a_case_that_was_fetched_need_not_be_sealed() -> None:
    """It came over TLS from an address of ours: what must be sealed are the messages that are sent to us."""
    h = Hendelser(settings=Settings(require_sealed=True))
    h.api.put(case())
    assert h.events.receive(told(event())) == "OPPFYLT"


def test_a_case_that_we_break_on_stays_out_of_every_topic_and_is_answered_once() -> None:
    """The notification is set aside, never the case; and only a message that the sender knows of is answered."""
    h = Hendelser()
    h.api.put(case())
    h.world.broken_append = True
    assert h.events.receive(told(event())) is None
    for _, data, attributes, _ in h.world.published:
        assert b"Barnevern" not in data
        assert "Barnevern" not in json.dumps(attributes)
    known = told(b"").attributes["melding-id"]
    assert {a["svar-til"] for topic, _, a, _ in h.world.published if topic == "kvittering"} == {known}
    assert h.answers()[-1][0].endswith("feilmelding.serverfeil")
    assert {topic for topic, *_ in h.world.published} == {"kvittering", "hendelse-dead-letter"}


def test_what_is_open_is_the_notification_never_what_it_fetched() -> None:
    """Else the sweeper would send the case through as a message, and answer what the sender never sent."""
    h = Hendelser()
    h.api.put(case())
    whole = Hendelser()
    whole.api.put(case())
    whole.events.receive(told(event()))
    for k in range(1, whole.world.calls + 1):
        h = Hendelser()
        h.api.put(case())
        h.world.fail = {k}
        with suppress(Retry):
            h.events.receive(told(event()))
        h.world.now += timedelta(hours=1)
        h.events.desk.sweep()
        assert {t for t, *_ in h.world.published} <= {"hendelse", "kvittering"}, k


@pytest.mark.parametrize("status", [404, 410])
@pytest.mark.parametrize("kind", [EVENT_CHANGED, EVENT_DELETED])
def test_a_case_that_is_not_there(status: int, kind: str) -> None:
    h = Hendelser()
    h.api.cases[REF] = Gone(status)
    assert h.events.receive(told(event(type=kind), kind=kind)) == "IKKE_FUNNET"
    assert h.answers()[-1][1]["meldeplikt"] == "IKKE_FUNNET"
    assert h.rows[0].meldeplikt == "IKKE_FUNNET"


def test_a_deleted_case_is_fetched_once_more() -> None:
    h = Hendelser()
    h.api.put(encode(document(sak(personalia(), er_slettet=True), today=EXTRACT.isoformat())))
    assert h.events.receive(told(event(type=EVENT_DELETED), kind=EVENT_DELETED)) == "OPPFYLT"
    assert h.answers()[-1][0] == f"{EVENT_DELETED}.kvittering"


@pytest.mark.parametrize(
    ("content", "path"),
    [
        (b"", "/"),
        (b"<hendelse/>", "/"),
        (event(referanse=None), "/referanse"),
        (event(reference="kort"), "/referanse"),
        (event(reference="x" * 101), "/referanse"),
        (event(reference="referanse-" + "1" * 11 + "-abc"), "/referanse"),
        (event(reference="../../../../etc/passwd/x"), "/referanse"),
        (event(journalnummer="HEMMELIG"), ""),
        (event(avgiver={"organisasjonsnummer": "1", "kommunenummer": "3301"}), "/avgiver/organisasjonsnummer"),
        (event(avgiver={**event()["avgiver"], "navn": "HEMMELIG"}), "/avgiver"),
        (event(datoUttrekk="2026-06-29T20:00:00"), "/datoUttrekk"),
        (event(hendelseId="HEMMELIG"), "/hendelseId"),
        (event(type=EVENT_DELETED), "/type"),
        (event(type="noe.annet"), "/type"),
        (event(datoUttrekk="0001-01-01T00:00:00+14:00"), "/datoUttrekk"),
        (event(datoUttrekk="9999-12-31T23:59:59-14:00"), "/datoUttrekk"),
        (event(tidspunkt="0001-01-01T00:00:00+14:00"), "/tidspunkt"),
        (event(datoUttrekk=1782763200), "/datoUttrekk"),
        (b"[" * 100_000, "/"),
        (b"\xff\xfe{}", "/"),
    ],
)  # fmt: skip
def test_a_notification_that_cannot_be_read_is_refused_and_says_which_field(content: Any, path: str) -> None:
    h = Hendelser()
    assert h.events.receive(told(content)) is None
    ((kind, answer),) = h.answers()
    assert kind == INVALID
    assert path in (answer["detaljer"][0].get("sti", ""), "/")
    assert "HEMMELIG" not in json.dumps(answer)
    assert not h.api.asked


MARKED = st.sampled_from(
    ["HEMMELIG", "HEMMELIG12345678901HEMMELIG", 41421356237, {"HEMMELIG": "HEMMELIG"}, ["HEMMELIG"]]
)
JUNK = st.recursive(
    st.none() | st.integers() | st.text() | MARKED, lambda x: st.lists(x) | st.dictionaries(st.text(), x)
)
FIELDS = [*event(), "journalnummer", "avgiver.organisasjonsnummer", "avgiver.bydelsnummer", "avgiver.navn"]


@given(st.dictionaries(st.sampled_from(FIELDS), MARKED | JUNK, min_size=1), st.binary(max_size=3))
def test_anything_is_a_notification_or_faults_without_its_values(changed: dict[str, Any], tail: bytes) -> None:
    content = event()
    for field, value in changed.items():
        name, _, inner = field.partition(".")
        if not inner:
            content[name] = value
        elif isinstance(content[name], dict):
            content[name] = {**content[name], inner: value}
    found = read(json.dumps(content).encode() + tail, EVENT_CHANGED)
    if not isinstance(found, Event):
        assert found
        said = json.dumps([(f.nb, f.en, f.path) for f in found])
        assert "HEMMELIG" not in said
        assert "41421356237" not in said
    else:
        assert found.extract.tzinfo is UTC


@pytest.mark.parametrize(
    "rights", [(right(for_orgnr="310000027", api_url="https://a"),), (right(rolle="kostra", api_url="https://a"),)]
)
def test_who_may_not_report_is_not_fetched_from(rights: Any) -> None:
    h = Hendelser(*rights)
    h.events.receive(told(event()))
    assert h.answers()[0][1]["feilkode"] == "AVGIVER_IKKE_TILLATT"
    assert not h.api.asked
    assert h.events.desk.ledger.names("karantene/")  # type: ignore[attr-defined]


@pytest.mark.parametrize("lost_answer", [False, True])
def test_a_fault_at_any_call_changes_nothing_in_the_end(lost_answer: bool) -> None:
    whole = Hendelser()
    whole.api.put(case())
    whole.events.receive(told(event()))
    for k in range(1, whole.world.calls + 1):
        h = Hendelser()
        h.api.put(case())
        h.world.fail, h.world.lost_answer = {k}, lost_answer
        for _ in range(5):
            try:
                h.events.receive(told(event()))
            except Retry:
                continue
            break
        else:
            raise AssertionError("never acknowledged")
        assert len(set(h.world.rows)) == 1, k
        kinds = [json.dumps(a) for a in h.answers() if a[0].endswith(".kvittering")]
        assert len(set(kinds)) == 1, k
        assert len({r.hendelse_id for r in h.rows}) == 1


# --- over HTTP -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenServer]:
    server = TokenServer(tmp_path_factory.mktemp("nokler"))
    server.start()
    yield server
    server.stop()


def client(authority: TokenServer, name: str = "registeret") -> TokenClient:
    from pathlib import Path

    registered = authority.client(name)
    return TokenClient(authority.issuer, registered.client_id, Path(registered.key_file).read_bytes())


@pytest.fixture
def kommune(authority: TokenServer) -> Iterator[KommuneServer]:
    server = KommuneServer(authority.issuer)
    server.start()
    server.put(REF, case())
    server.put("another-reference-of-the-kind", case(number=2))
    yield server
    server.stop()


def puller(authority: TokenServer, **how: Any) -> Puller:
    return Puller(client(authority), how.pop("limit", 2_000_000), **{"seconds": 3.0, "failures": 100, **how})


def test_a_case_over_http_with_a_token(authority: TokenServer, kommune: KommuneServer) -> None:
    found = puller(authority).pull(kommune.url, REF)
    assert isinstance(found, Pulled)
    assert found.body == case()
    assert found.version == "4.0.1"
    assert puller(authority).pull(kommune.url, "no-such-reference-at-all") == Gone(404)
    kommune.gone.add(REF)
    assert puller(authority).pull(kommune.url, REF) == Gone(410)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("down", "answers 503"),
        ("slow", "took more than"),
        ("html", "something else than a case"),
        ("redirect", "answers 302"),
        ("endless", "larger than"),
        ("wrong-etag", "ETag"),
        ("no-etag", "ETag"),
        ("cut", "ETag"),
    ],
)
def test_an_api_that_misbehaves_is_asked_again_later(
    authority: TokenServer, kommune: KommuneServer, fault: str, reason: str
) -> None:
    kommune.faults[REF] = fault
    started = time.monotonic()
    with pytest.raises(Retry, match=reason):
        puller(authority, seconds=1.0).pull(kommune.url, REF)
    assert time.monotonic() - started < 10  # a bound on holding a worker, whatever the API does
    del kommune.faults[REF]
    assert isinstance(puller(authority).pull(kommune.url, REF), Pulled)


def test_municipalities_that_share_an_address_do_not_share_their_faults(
    authority: TokenServer, kommune: KommuneServer
) -> None:
    """A supplier may serve many of them."""
    one = puller(authority, failures=3, pause=60.0, clock=lambda: 0.0)
    kommune.put("a-case-that-is-always-html", case())
    kommune.faults["a-case-that-is-always-html"] = "html"
    for _ in range(3):
        with pytest.raises(Retry, match="something else"):
            one.pull(kommune.url, "a-case-that-is-always-html", whose="310000019")
    with pytest.raises(Retry, match="left alone"):
        one.pull(kommune.url, REF, whose="310000019")
    assert isinstance(one.pull(kommune.url, REF, whose="310000027"), Pulled)


def test_one_that_is_down_is_left_alone_and_the_others_are_not(authority: TokenServer, kommune: KommuneServer) -> None:
    now = [0.0]
    one = puller(authority, failures=3, pause=60.0, clock=lambda: now[0])
    dead = "http://127.0.0.1:9"
    for _ in range(3):
        with pytest.raises(Retry, match="ConnectError"):
            one.pull(dead, REF)
    with pytest.raises(Retry, match="left alone"):
        one.pull(dead, REF)
    assert isinstance(one.pull(kommune.url, REF), Pulled)
    now[0] = 61.0
    with pytest.raises(Retry, match="ConnectError"):
        one.pull(dead, REF)


@pytest.mark.parametrize("base", ["http://kommune.example", "ftp://kommune.example", "file:///etc", "kommune.example"])
def test_only_https_is_called(authority: TokenServer, base: str) -> None:
    with pytest.raises(Retry, match="https"):
        puller(authority).pull(base, REF)


def test_tokens_are_kept_and_asked_for_again(authority: TokenServer) -> None:
    one = client(authority)
    first = one.token("ssb:barnevern/sak.read")
    assert one.token("ssb:barnevern/sak.read") == first
    assert one.token("ssb:barnevern/sak.read", fresh=True) != first


def test_a_scope_that_is_not_ours_is_refused_and_an_issuer_that_is_away_is_waited_for(authority: TokenServer) -> None:
    with pytest.raises(TokenRefused, match=r"400|403"):
        client(authority, "uten-tilgang").token("ssb:barnevern/sak.read")
    from pathlib import Path

    key = Path(authority.client("registeret").key_file).read_bytes()
    with pytest.raises(Retry):
        TokenClient("http://127.0.0.1:9/", "x", key).token("a")


def test_the_description_of_the_api_is_valid() -> None:
    validate(openapi())
