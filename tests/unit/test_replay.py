"""Replay and reconciliation: nothing is lost, nothing is made twice, and the archive gives the register back."""

from __future__ import annotations

import json
import sys
from collections import Counter
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from bvr.desk import open_mark
from bvr.errors import Retry
from bvr.intake.envelope import read_envelope
from bvr.model.xml import encode
from bvr.pipeline import Settings
from bvr.reconcile import LATE, SETTLED, Avstemming, reconcile
from bvr.replay import BROKEN, NOTED, Replay, Selection
from bvr.rules.examples import document, melding, personalia, sak, uid
from bvr.rules.options import RuleOptions
from bvr.service import Again, Service
from tests.unit.service_world import ROWS, SENDER, World, delivery, native, right, service, ssb


def case(number: int, slutt: str = "2024-02-05", forrige: int | None = None) -> bytes:
    """The extract `number` of the case, of a report that was concluded on a day."""
    made = document(sak(personalia(), melding(slutt=slutt)), forrige_id=uid("Barnevern", forrige) if forrige else None)
    return encode(msgspec.structs.replace(made, id=uid("Barnevern", number)))


CLEAN = case(6)
SLOW = case(7, "2024-02-20")
"""melding-3 says that it took too long, unless there is a grace."""
GRACE = Settings(options=RuleOptions(melding_grace_days=60))
NEWER = "2027-01-01.1"


def again(world: World, before: Service, settings: Settings | None = None) -> Service:
    """The service as it is deployed later, over the same buckets."""
    return msgspec.structs.replace(service(world, settings), desk=before.desk)


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> str:
    """The ruleset of a later version."""
    for module in ("pipeline", "service", "replay"):
        monkeypatch.setattr(f"bvr.{module}.RULESET", NEWER)
    return NEWER


def sent(world: World, s: Service, *messages: Any) -> None:
    """Messages all the way: received, answered and delivered."""
    for message in messages:
        s.receive(message)
    delivered(world, s)


def delivered(world: World, s: Service) -> list[dict[str, Any]]:
    """What is on its way out is delivered; the receipts, opened."""
    out = [(data, attributes) for topic, data, attributes, _ in world.published if topic == "kvittering"]
    for n, (data, attributes) in enumerate(out):
        s.deliver(delivery(data, attributes, 1000 + n))
    world.published.clear()
    return [json.loads(data) for data, _ in out]


class Rows:
    """The tables that reconciliation asks, over the rows of a world."""

    def __init__(self, world: World) -> None:
        self.world, self.kept = world, []  # type: ignore[var-annotated]

    def query(self, sql: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        rows = [ROWS.parse(one) for one in self.world.rows]
        if "kvitterings_id" in sql:
            ids = {row.kvitterings_id for row in rows}
        else:
            ids = {f"{row.orgnr}/{row.innsending_id}" for row in rows if row.innsending_id}
        return [{"id": one, "siden": self.world.now - 2 * SETTLED} for one in ids]

    def insert(self, table: str, rows: list[dict[str, Any]], *, once: str = "") -> None:
        self.kept += rows


def balance(world: World, s: Service) -> Avstemming:
    return reconcile(s.desk, Rows(world)).counts


# --- reconciliation --------------------------------------------------------------------------------------------------


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def s(world: World) -> Service:
    """Three messages that are done, two hours ago: one clean, one with a finding, one refused."""
    found = service(world)
    sent(world, found, native(CLEAN), native(SLOW, 2), ssb(b"<Barnevern/>", 3))
    world.now += timedelta(hours=2)
    return found


def test_what_is_done_balances(world: World, s: Service) -> None:
    counts = balance(world, s)
    assert counts.balances
    assert (counts.arkivert, counts.besvart, counts.kvitteringer, counts.innsendinger) == (3, 3, 3, 2)


def lose_answer(world: World, s: Service) -> None:
    (name, *_) = s.desk.ledger.names("sendt/")  # type: ignore[attr-defined]
    s.desk.ledger.delete(name)


def lose_row(world: World, s: Service) -> None:
    del world.rows[0]


def lose_receipt(world: World, s: Service) -> None:
    (name, *_) = s.desk.ledger.names("kvittering/")  # type: ignore[attr-defined]
    s.desk.ledger.delete(name)


def lose_archive(world: World, s: Service) -> None:
    (name, *_) = s.desk.archive.names("raa/")  # type: ignore[attr-defined]
    s.desk.archive.delete(name)


def lose_submission(world: World, s: Service) -> None:
    (name, *_) = s.desk.ledger.names("innsending/")  # type: ignore[attr-defined]
    s.desk.ledger.delete(name)


def leave_open(world: World, s: Service) -> None:
    (name, *_) = s.desk.archive.names("raa/")  # type: ignore[attr-defined]
    s.desk.ledger.delete(name.replace("raa/", "sendt/"))
    s.desk.ledger.create(name.replace("raa/", "apne/"), name.encode())
    world.now += LATE + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("plant", "expected"),
    [
        (lose_answer, {"glemt": 1, "gjenapnet": 1, "besvart": 2, "mangler": 1}),
        (lose_row, {"kvittering_uten_rad": 1, "innsending_uten_rad": 1, "mangler": 2}),
        (lose_receipt, {"rad_uten_kvittering": 1, "kvitteringer": 2, "ekstra": 1}),
        (lose_archive, {"svar_uten_arkiv": 1, "arkivert": 2, "besvart": 2, "ekstra": 1}),
        (lose_submission, {"rad_uten_innsending": 1, "innsendinger": 1, "ekstra": 1}),
        (leave_open, {"apne_for_lenge": 1, "apne": 1, "besvart": 2, "mangler": 1}),
    ],
)
def test_what_is_lost_is_seen(world: World, s: Service, plant: Any, expected: dict[str, int]) -> None:
    before = msgspec.structs.asdict(balance(world, s))
    plant(world, s)
    after = msgspec.structs.asdict(balance(world, s))
    changed = {name for name in after if after[name] != before[name]} - {"tidspunkt"}
    assert changed == expected.keys()
    assert {name: after[name] for name in expected} == expected


def test_what_is_forgotten_is_woken(world: World, s: Service, capsys: pytest.CaptureFixture[str]) -> None:
    """The function died between archive and mark, and Pub/Sub gave up: nothing else would ever come back to it."""
    message = native(CLEAN, 9)
    world.fail = {world.calls + 2}  # after the archive, before the mark
    with pytest.raises(Retry):
        s.receive(message)
    envelope: Any = read_envelope(message.attributes)
    assert not s.desk.ledger.exists(open_mark(envelope))
    assert balance(world, s).balances, "it may be on its way"
    world.now += 2 * SETTLED
    assert s.desk.sweep() == 0, "the sweeper does not know of it"
    capsys.readouterr()
    assert balance(world, s).glemt == 1
    (line,) = [json.loads(one) for one in capsys.readouterr().out.splitlines() if '"avstemt"' in one]
    assert (line["severity"], line["mangler"], line["gjenapnet"]) == ("ALERT", 1, 1)
    world.now += timedelta(minutes=20)
    assert s.desk.sweep() == 1
    (_, data, attributes, _) = world.published.pop()
    sent(world, s, delivery(data, attributes))
    assert balance(world, s).balances


def test_what_is_fetched_or_an_answer_waits_for_none(world: World, s: Service) -> None:
    fetched = msgspec.structs.replace(native(SLOW, 4), pubsub_id="henting:4")
    s.receive(fetched, answer=False)
    s.receive(native(b"{}", 5, type="no.ks.fiks.kvittering.serverfeil"))
    s.desk.ledger.create(f"sendt/{SENDER}/{uid('Melding', 3)}-mottatt", b"")
    world.published.clear()
    world.now += 2 * SETTLED
    counts = balance(world, s)
    assert counts.balances
    assert (counts.hentet, counts.svar) == (1, 1)


# --- replay ----------------------------------------------------------------------------------------------------------


def replayed(s: Service, **selection: Any) -> Counter[Any]:
    return Replay(s.desk, s).run(Selection(**selection))


def rulesets(world: World) -> list[str]:
    return sorted(ROWS.parse(one).regelsett for one in world.rows)


def test_the_ruleset_of_today_changes_nothing(world: World, s: Service) -> None:
    rows = list(world.rows)
    assert replayed(s) == {Again.SAME: 3}
    assert (world.rows, world.published) == (rows, [])


def test_another_ruleset_makes_new_rows_and_tells_only_of_another_outcome(world: World, s: Service, newer: str) -> None:
    rows = list(world.rows)
    later = again(world, s, GRACE)
    assert replayed(later) == {Again.CHANGED: 1, Again.UNCHANGED: 2}
    assert world.rows[:3] == rows
    assert rulesets(world).count(newer) == 3
    places = [(row.innsending_id, row.plassering) for row in map(ROWS.parse, world.rows)]
    assert sorted(places[:3]) == sorted(places[3:]), "each stands where it stood"
    first = {json.loads(s.desk.ledger.read(one).data)["kvitterings_id"] for one in s.desk.ledger.names("kvittering/")}  # type: ignore[attr-defined, union-attr]
    (told,) = delivered(world, later)
    assert told["regelsettVersjon"] == newer
    assert told["svarTilMeldingId"] == native(SLOW, 2).attributes["melding-id"]
    assert told["kvitteringsId"] in first
    assert not told["funn"]
    assert [one for one in later.desk.ledger.names("sendt/") if one.endswith(newer)]  # type: ignore[attr-defined]
    world.now += 2 * SETTLED
    assert balance(world, later).balances
    assert replayed(later) == {Again.SAME: 3}
    assert world.published == []
    # Who sends it once more is told what holds now, by the receipt that has told of it.
    receipt = later.receive(native(SLOW, 8))
    assert receipt is not None
    assert (receipt.kvitterings_id, receipt.duplicate) == (told["kvitteringsId"], True)


@pytest.mark.parametrize("lost_answer", [False, True])
def test_a_fault_at_any_call_changes_nothing_in_the_end(newer: str, lost_answer: bool, monkeypatch: Any) -> None:
    def played(k: int) -> tuple[set[bytes], int, int, list[str], int]:
        world = World()
        with monkeypatch.context() as earlier:
            for module in ("pipeline", "service"):
                earlier.setattr(f"bvr.{module}.RULESET", "2025-12-18.1")
            s = service(world)
            sent(world, s, native(SLOW))
        later = again(world, s, GRACE)
        begun = world.calls
        world.fail, world.lost_answer = ({begun + k} if k else set()), lost_answer
        for _ in range(3):
            try:
                replayed(later)
                break
            except Retry:
                world.now += timedelta(minutes=1)
        told = {data for _, data, _, _ in world.published}
        names = later.desk.ledger.names("kvittering/")  # type: ignore[attr-defined]
        return rows_of(world), len(set(world.rows)), len(told), names, world.calls - begun

    *whole, calls = played(0)
    assert (len(whole[0]), *whole[1:3], len(whole[3])) == (2, 2, 1, 2)
    for k in range(1, calls + 1):
        assert list(played(k)[:4]) == whole, f"fault at call {k}"


def test_a_replay_keeps_the_place_in_the_chain(world: World, newer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What came before another when both came, stands before it by today's rules too."""
    with monkeypatch.context() as earlier:
        for module in ("pipeline", "service"):
            earlier.setattr(f"bvr.{module}.RULESET", "2025-12-18.1")
        s = service(world)
        sent(world, s, native(case(2, forrige=1), 20))
        sent(world, s, native(case(1), 21))
    first = {row.innsending_id: row.plassering for row in map(ROWS.parse, world.rows)}
    assert len(set(first.values())) == 2, "one came without its predecessor"
    world.rows.clear()
    replayed(again(world, s, GRACE))
    assert {row.innsending_id: row.plassering for row in map(ROWS.parse, world.rows)} == first


def test_a_replay_that_is_not_done_is_not_in_effect(
    world: World, s: Service, newer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it is, who sends the content once more is told what holds, and the archive gives no row of it back."""
    later, rows = again(world, s, GRACE), len(world.rows)
    (name,) = [n for n in s.desk.archive.names("raa/") if n.endswith(native(SLOW, 2).attributes["melding-id"])]  # type: ignore[attr-defined]
    with monkeypatch.context() as away:
        away.setattr(World, "call", _no_row)
        with pytest.raises(Retry):
            later.again(name)
    assert [n for n in s.desk.ledger.names("protokoll/") if newer in n], "it was begun"  # type: ignore[attr-defined]
    receipt = later.receive(native(SLOW, 8))
    assert receipt is not None
    assert receipt.duplicate
    assert receipt.ruleset != newer
    assert len(world.rows) == rows
    assert later.restore(name) is Again.RESTORED
    assert newer not in rulesets(world)
    world.published.clear()
    assert later.again(name) is Again.CHANGED
    (told,) = delivered(world, later)
    assert told["regelsettVersjon"] == newer


def _no_row(world: World) -> bool:
    if sys._getframe(1).f_code.co_name == "append":
        raise Retry("the register is away")
    return False


def test_a_municipality_and_a_time(world: World, s: Service, newer: str) -> None:
    runner = Replay(s.desk, s)
    assert len(runner.names(Selection(since=world.now - timedelta(hours=3)))) == 3
    assert runner.names(Selection(since=world.now - timedelta(hours=1))) == []
    assert runner.names(Selection(until=world.now - timedelta(hours=2))) == []
    assert runner.names(Selection(accounts=("00000000-0000-0000-0000-000000000000",))) == []
    theirs = Selection(accounts=(SENDER,), reporters=("999999999",))
    assert runner.run(theirs) == {Again.ANOTHERS: 2, Again.UNCHANGED: 1}, "what was refused may be theirs"
    ours = Selection(accounts=(SENDER,), reporters=(right().for_orgnr,))
    assert runner.run(ours) == {Again.UNCHANGED: 2, Again.SAME: 1}


class Stops:
    """A flow that the platform takes away after some messages; `broken` is what our own code fails on."""

    def __init__(self, after: int) -> None:
        self.after, self.seen = after, []  # type: ignore[var-annotated]

    def again(self, name: str, **_: Any) -> Again:
        if len(self.seen) == self.after:
            raise Retry("the platform is away")
        self.seen.append(name)
        return Again.UNCHANGED

    restore = again


def test_interrupted_it_goes_on_from_where_it_had_come(world: World) -> None:
    s = service(world)
    for n in range(2 * NOTED + 50):
        s.desk.archive.create(
            f"raa/{SENDER}/{uid('Melding', n)}",
            b"",
            {"mottatt": (world.now + timedelta(seconds=n)).isoformat(), "konvolutt": "{}"},
        )
    first = Stops(NOTED + 30)
    with pytest.raises(Retry):
        Replay(s.desk, first).run(Selection())
    second = Stops(10_000)
    assert Replay(s.desk, second).run(Selection()).total() == NOTED + 50
    assert second.seen[:30] == first.seen[NOTED:]
    assert s.desk.ledger.names("avspillinger/") == []  # type: ignore[attr-defined]
    assert Replay(s.desk, Stops(10_000)).run(Selection()).total() == 2 * NOTED + 50, "a new replay begins anew"


def test_no_faster_than_asked(world: World, s: Service) -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    Replay(s.desk, s, rate=2, clock=lambda: now[0], sleep=sleep).run(Selection())
    assert now[0] == pytest.approx(1.5)


def test_what_our_code_fails_on_is_told_and_the_rest_goes_on(
    world: World, s: Service, newer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bvr import service as module

    whole = module.process

    def fails(message: Any, *rest: Any) -> Any:
        if message.envelope.melding_id == native(SLOW, 2).attributes["melding-id"]:
            raise KeyError("x")
        return whole(message, *rest)

    monkeypatch.setattr(module, "process", fails)
    assert replayed(s) == {Again.UNCHANGED: 2, BROKEN: 1}
    monkeypatch.setattr(module, "process", whole)
    assert replayed(s) == {Again.UNCHANGED: 1, Again.SAME: 2}


# --- the register from the archive -----------------------------------------------------------------------------------


def fleet(world: World, s: Service) -> None:
    """A gap, its predecessor, a repeat, an id used twice, one refused and one clean."""
    later, before, reused = case(2, forrige=1), case(1), case(1, "2024-02-06")
    for n, xml in enumerate((later, before, before, reused, b"<Barnevern/>", SLOW), 20):
        world.now += timedelta(minutes=1)
        sent(world, s, native(xml, n))


def test_the_rows_that_the_ledger_has_are_given_back(world: World, newer: str, monkeypatch: Any) -> None:
    with monkeypatch.context() as earlier:
        for module in ("pipeline", "service"):
            earlier.setattr(f"bvr.{module}.RULESET", "2025-12-18.1")
        s = service(world)
        fleet(world, s)
    later = again(world, s, GRACE)
    replayed(later)
    delivered(world, later)
    rows = set(world.rows)
    world.rows.clear()
    assert replayed(later, restore=True) == {Again.RESTORED: 5, Again.REPEATED: 1}
    assert set(world.rows) == rows
    assert world.published == []


def test_the_archive_alone_gives_the_register_back(world: World) -> None:
    s = service(world)
    fleet(world, s)
    empty = World()
    other = service(empty)
    other.desk.archive.objects |= s.desk.archive.objects  # type: ignore[attr-defined]
    empty.now = world.now + timedelta(days=300)
    assert replayed(other, restore=True) == {Again.RESTORED: 5, Again.REPEATED: 1}
    assert rows_of(empty) == rows_of(world)
    assert empty.published == []
    assert replayed(other, restore=True) == {Again.RESTORED: 5, Again.REPEATED: 1}
    assert rows_of(empty) == rows_of(world), "again, it is the same"


def rows_of(world: World) -> set[bytes]:
    """Its rows, but for when they were processed: the archive does not say."""
    found = set()
    for one in world.rows:
        row = ROWS.parse(one)
        row.behandlet = row.mottatt
        found.add(row.SerializeToString(deterministic=True))
    return found
