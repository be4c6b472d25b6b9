"""Who may report for whom: every mismatch is refused in the same words, quarantined and alarmed."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bvr.errors import Retry
from bvr.intake.envelope import Envelope, read_envelope
from bvr.intake.protocol import EVENT_CHANGED, KOSTRA_SUBMIT, SSB_SUBMIT, SUBMIT
from bvr.intake.sealed import Signer
from bvr.intake.sender import Right, SenderRegister, Senders
from bvr.model.concepts import Avgiver
from bvr.model.identifiers import is_orgnr, make_orgnr
from bvr.model.xml import encode
from bvr.rules.examples import document, melding, personalia, sak
from bvr.verdict import Verdict
from tests.unit.service_world import REPORTER, ROWS, SENDER, SenderSource, World, native, right, service, ssb

DAY = date(2026, 6, 30)
OTHER, SUPPLIER, STRANGER = (
    next(made for n in range(start, start + 50) if (made := make_orgnr(n))) for start in (31100000, 31200000, 31300000)
)
ACCOUNT_2 = "00000000-0000-4000-8000-000000000002"
CASE = sak(personalia(), melding(slutt="2024-02-05"))
CLEAN = encode(document(CASE))


def envelope(kind: str = SUBMIT, account: str = SENDER) -> Envelope:
    found = read_envelope({"melding-id": ACCOUNT_2, "avsender-id": account, "type": kind})
    assert isinstance(found, Envelope)
    return found


def signer(orgnr: str) -> Signer:
    return Signer(orgnr=orgnr, fingerprint="0" * 64, serial="1", not_after=datetime(2030, 1, 1, tzinfo=UTC))


def avgiver(**changed: Any) -> Avgiver:
    given = {
        "organisasjonsnummer": REPORTER.organisasjonsnummer,
        "kommunenummer": REPORTER.kommunenummer,
        "kommunenavn": REPORTER.kommunenavn,
    }
    return Avgiver(**(given | changed))


def reason(rights: list[Right], who: Avgiver, signed: str | None = None, day: date = DAY, **about: Any) -> str | None:
    """Why a message is refused, at either of the two checks; None when it may be sent."""
    senders, by = Senders(rights), signer(signed) if signed else None
    denied = senders.check_message(envelope(**about), by, day) or senders.check_document(
        envelope(**about), by, who, day
    )
    return denied.reason if denied else None


OWN = REPORTER.organisasjonsnummer
SUPPLIES = right(konto_id=ACCOUNT_2, orgnr=SUPPLIER, rolle="leverandor")


@pytest.mark.parametrize(
    ("rights", "who", "options", "expected"),
    [
        ([right()], avgiver(), {}, None),
        ([right()], avgiver(), {"signed": OWN}, None),
        ([right()], avgiver(), {"signed": STRANGER}, "signer does not belong to the account"),
        ([right()], avgiver(), {"account": ACCOUNT_2}, "account unknown"),
        ([], avgiver(), {}, "account unknown"),
        ([right()], avgiver(organisasjonsnummer=OTHER), {}, "reporter not allowed for the account"),
        ([right()], avgiver(organisasjonsnummer="123456789"), {}, "organisation number invalid"),
        ([right()], avgiver(organisasjonsnummer="٣١١٠٠٠٠٠٠"), {}, "organisation number invalid"),
        ([right()], avgiver(kommunenummer="9999"), {}, "municipality does not belong to the organisation"),
        ([right()], avgiver(bydelsnummer="01"), {}, "district does not belong to the organisation"),
        ([right(bydelsnummer=("01", "02"))], avgiver(bydelsnummer="02"), {}, None),
        ([right(bydelsnummer=("01",))], avgiver(bydelsnummer="03"), {}, "district does not belong to the organisation"),
        ([right(bydelsnummer=("01",))], avgiver(), {}, None),  # a rule reports that the district is missing
        # A supplier: its account, signed by itself or by the municipality; the municipality's account, signed by it.
        ([right(), SUPPLIES], avgiver(), {"account": ACCOUNT_2, "signed": SUPPLIER}, None),
        ([right(), SUPPLIES], avgiver(), {"account": ACCOUNT_2, "signed": OWN}, None),
        ([right(), SUPPLIES], avgiver(), {"signed": SUPPLIER}, None),
        ([right(), SUPPLIES], avgiver(organisasjonsnummer=OTHER), {"account": ACCOUNT_2, "signed": SUPPLIER},
         "reporter not allowed for the account"),
        # A supplier of one municipality is nobody in another.
        ([right(), right(konto_id=ACCOUNT_2, orgnr=SUPPLIER, rolle="leverandor", for_orgnr=OTHER)], avgiver(),
         {"signed": SUPPLIER}, "signer does not belong to the account"),
        # Roles and types of message.
        ([right(rolle="kostra")], avgiver(), {"kind": SUBMIT}, "message type not allowed"),
        ([right(rolle="kostra")], avgiver(), {"kind": KOSTRA_SUBMIT}, None),
        ([right(rolle="kostra")], avgiver(), {"kind": EVENT_CHANGED}, "message type not allowed"),
        ([right()], avgiver(), {"kind": SSB_SUBMIT}, None),
        # Validity, both ends.
        ([right(gyldig_fra=DAY)], avgiver(), {}, None),
        ([right(gyldig_fra=DAY + timedelta(1))], avgiver(), {}, "account unknown"),
        ([right(gyldig_til=DAY)], avgiver(), {}, None),
        ([right(gyldig_til=DAY - timedelta(1))], avgiver(), {}, "account unknown"),
        ([right(), right(konto_id=ACCOUNT_2, orgnr=SUPPLIER, rolle="leverandor", gyldig_til=DAY - timedelta(1))],
         avgiver(), {"signed": SUPPLIER}, "signer does not belong to the account"),
    ],
)  # fmt: skip
def test_who_may_report_for_whom(
    rights: list[Right], who: Avgiver, options: dict[str, Any], expected: str | None
) -> None:
    assert reason(rights, who, **options) == expected


ORGNRS = st.sampled_from([OWN, OTHER, SUPPLIER, STRANGER])
RIGHTS = st.builds(
    right,
    konto_id=st.sampled_from([SENDER, ACCOUNT_2]),
    orgnr=ORGNRS,
    for_orgnr=ORGNRS,
    rolle=st.sampled_from(["fagsystem", "leverandor", "kostra"]),
    kommunenummer=st.sampled_from([REPORTER.kommunenummer, "9999"]),
    gyldig_fra=st.sampled_from([date(2020, 1, 1), DAY + timedelta(1)]),
)


@given(rights=st.lists(RIGHTS, max_size=6), who=ORGNRS, signed=ORGNRS)
def test_nobody_gets_through_without_a_right_that_says_so(rights: list[Right], who: str, signed: str) -> None:
    refused = reason(rights, avgiver(organisasjonsnummer=who), signed)
    grants = [
        r
        for r in rights
        if r.konto_id == SENDER
        and r.for_orgnr == who
        and r.kommunenummer == REPORTER.kommunenummer
        and r.rolle != "kostra"
        and r.valid(DAY)
    ]
    signs = {who} | {r.orgnr for r in rights if r.for_orgnr == who and r.valid(DAY)}
    assert (refused is None) == bool(grants and signed in signs)


@given(rights=st.lists(RIGHTS, max_size=6))
def test_the_version_follows_the_content_and_not_its_order(rights: list[Right]) -> None:
    assert Senders(rights).version == Senders(sorted(rights, key=repr, reverse=True)).version


# --- in the service --------------------------------------------------------------------------------------------------


def told(world: World) -> list[dict[str, Any]]:
    return [json.loads(data) for topic, data, _, _ in world.published if topic == "kvittering"]


@pytest.mark.parametrize("make", [native, ssb])
@pytest.mark.parametrize(
    "rights",
    [
        (right(konto_id=ACCOUNT_2),),
        (right(for_orgnr=OTHER),),
        (right(kommunenummer="9999"),),
        (right(rolle="kostra"),),
        (right(gyldig_til=date(2021, 1, 1)),),
    ],
    ids=["account", "reporter", "municipality", "role", "validity"],
)
def test_a_mismatch_is_rejected_quarantined_alarmed_and_says_nothing(
    make: Any, rights: tuple[Right, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    world = World()
    s = service(world, None, *rights)
    receipt = s.receive(make(CLEAN))
    assert receipt is not None
    assert receipt.verdict is Verdict.REJECTED
    (mark,) = s.desk.ledger.names("karantene/")  # type: ignore[attr-defined]
    kept = json.loads(s.desk.ledger.read(mark).data)  # type: ignore[union-attr]
    assert s.desk.archive.read(kept["objekt"]) is not None
    (alarm,) = [line for line in map(json.loads, capsys.readouterr().out.splitlines()) if line["severity"] == "ALERT"]
    assert alarm["grunn"] == kept["grunn"]
    (row,) = (ROWS.parse(r) for r in world.rows)
    assert row.utfall == "REJECTED"
    assert not row.HasField("sak")
    assert not row.HasField("orgnr")  # nothing stands in the register in the name of a reporter that it may not be
    assert not s.desk.ledger.names("innsending/")  # type: ignore[attr-defined]
    (answer,) = told(world)
    text = json.dumps(answer, ensure_ascii=False)
    assert "Avsenderen kan ikke sende denne meldingen for denne avgiveren." in text
    assert kept["grunn"] not in text
    assert REPORTER.organisasjonsnummer not in text


def test_every_refusal_reads_the_same() -> None:
    answers = []
    for rights in ((right(konto_id=ACCOUNT_2),), (right(for_orgnr=OTHER),), (right(kommunenummer="9999"),)):
        world = World()
        service(world, None, *rights).receive(native(CLEAN))
        answers.append(told(world)[0])
    assert answers[0] == answers[1] == answers[2]


def test_a_document_that_nobody_could_send_is_not_even_judged() -> None:
    """Whether a case is valid is not told to whoever may not send it."""
    worlds = [World(), World()]
    for world, xml in zip(worlds, (CLEAN, b"<Barnevern/>"), strict=True):
        service(world, None, right(konto_id=ACCOUNT_2)).receive(native(xml))
    first, second = (told(world)[0] for world in worlds)
    assert {k: v for k, v in first.items() if k not in ("errorId", "innholdSha256")} == {
        k: v for k, v in second.items() if k not in ("errorId", "innholdSha256")
    }


def test_a_refusal_is_not_for_ever() -> None:
    """The same content is taken once the register of senders says so."""
    world = World()
    s = service(world, None, right(konto_id=ACCOUNT_2))
    s.receive(native(CLEAN))
    source = s.senders
    assert isinstance(source, SenderSource)
    source.senders = Senders([right()])
    receipt = s.receive(native(CLEAN, 2))
    assert receipt is not None
    assert receipt.verdict is Verdict.REGISTERED
    assert [a.get("resultat", a.get("feilkode")) for a in told(world)] == ["AVGIVER_IKKE_TILLATT", "GODKJENT"]


def test_a_repeat_by_somebody_else_is_not_given_the_stored_answer() -> None:
    world = World()
    s = service(world)
    s.receive(native(CLEAN))
    source = s.senders
    assert isinstance(source, SenderSource)
    source.senders = Senders([right(konto_id=ACCOUNT_2)])  # the account has lost its right
    receipt = s.receive(native(CLEAN, 2))
    assert receipt is not None
    assert receipt.fault == "avsender"
    assert not receipt.duplicate


def test_a_redelivered_refusal_changes_nothing() -> None:
    world = World()
    s = service(world, None, right(konto_id=ACCOUNT_2))
    for _ in range(3):
        s.receive(native(CLEAN))
    assert len(set(world.rows)) == 1
    assert len({data for _, data, _, _ in world.published}) == 1


# --- reading the register --------------------------------------------------------------------------------------------


class Table:
    def __init__(self) -> None:
        self.now = datetime(2026, 6, 30, 12, tzinfo=UTC)
        self.rights = [right()]
        self.reads = 0
        self.down = False

    def load(self) -> list[Right]:
        self.reads += 1
        if self.down:
            raise Retry("query")
        return self.rights

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def test_the_senders_are_read_now_and_then() -> None:
    table = Table()
    register = SenderRegister(table.load, lambda: table.now)
    for _ in range(10):
        register.current(SENDER)
    assert table.reads == 1
    table.wait(299)
    register.current(SENDER)
    assert table.reads == 1
    table.wait(2)
    register.current(SENDER)
    assert table.reads == 2


def test_a_new_account_is_known_within_seconds_and_an_unknown_one_does_not_ask_each_time() -> None:
    table = Table()
    register = SenderRegister(table.load, lambda: table.now)
    register.current()
    table.rights.append(right(konto_id=ACCOUNT_2))
    table.wait(11)
    assert ACCOUNT_2 in register.current(ACCOUNT_2)
    for _ in range(50):
        register.current("unknown")
    assert table.reads == 2


def test_stale_senders_serve_while_the_table_cannot_be_read() -> None:
    table = Table()
    register = SenderRegister(table.load, lambda: table.now)
    register.current()
    table.down = True
    table.wait(301)
    assert SENDER in register.current(SENDER)
    fresh = SenderRegister(table.load, lambda: table.now)
    with pytest.raises(Retry):
        fresh.current()


def test_the_examples_municipality_has_a_valid_organisation_number() -> None:
    assert is_orgnr(REPORTER.organisasjonsnummer)
