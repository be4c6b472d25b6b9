"""The campaign's checker says what is wrong, of each kind, and of which message."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from uuid import NAMESPACE_URL, uuid5

import msgspec
import pytest

from bvr.verdict import Verdict
from tests.chaos.campaign import load
from tests.chaos.checker import Answer, Holdings, Sent, Verdicts, check, current, expected

RESULTS = {Verdict.REGISTERED: "GODKJENT", Verdict.EXCLUDED: "LAGRET_IKKE_GODKJENT", Verdict.REJECTED: "AVVIST"}


@dataclass
class World:
    """A cloud that holds what it should."""

    sent: list[Sent]
    answers: list[Answer] = field(default_factory=list)
    holdings: Holdings = field(default_factory=Holdings)

    def check(self) -> Verdicts:
        return check(self.sent, self.answers, self.holdings)


def perfect(messages: list[Sent]) -> World:
    world = World(messages)
    decided: dict[tuple[str, ...], str] = {}
    wanted = [expected(one) for one in messages]
    held = world.holdings
    for one, e in zip(messages, wanted, strict=True):
        key = (one.account, e.digest, e.announced, e.profile)
        receipt = str(uuid5(NAMESPACE_URL, "/".join(key)))
        held.archive[f"raa/{one.account}/{one.id}"] = base64.b64encode(hashlib.md5(one.body).digest()).decode()
        held.ledger.add(f"sendt/{one.account}/{one.id}")
        if key not in decided:
            decided[key] = one.id
            held.ledger |= {f"protokoll/{'-'.join(key)}", f"kvittering/{receipt}/{one.id}"}
            held.rows.append(
                {
                    "avsender_id": one.account,
                    "innhold_sha256": e.digest,
                    "melding_id": one.id,
                    "kvitterings_id": receipt,
                    "utfall": e.verdict.value,
                    "hele": receipt,
                }
            )
            if e.verdict is not Verdict.REJECTED:
                held.history.append({"orgnr": e.orgnr, "innsending_id": e.innsending_id, "innhold_sha256": e.digest})
        body = msgspec.json.encode({"kvitteringsId": receipt, "resultat": RESULTS[e.verdict]})
        attributes = {"svar-til": one.id, "melding-id": str(uuid5(NAMESPACE_URL, one.id)), "mottaker-id": one.account}
        world.answers.append(Answer(attributes, body))
    held.current = [dict(zip(("orgnr", "sak_id", "innsending_id"), one, strict=True)) for one in current(wanted)]
    return world


@pytest.fixture(scope="module")
def world() -> World:
    return perfect(load(60, 5))


def test_a_cloud_that_holds_what_it_should_is_good(world: World) -> None:
    verdicts = world.check()
    assert verdicts.findings == []
    assert verdicts.good


def test_another_try_of_an_answer_has_another_trace_and_says_the_same(world: World) -> None:
    first, before = world.answers[0], list(world.answers)
    world.answers.append(Answer({**first.attributes, "traceparent": "00-1-2-01"}, first.body))
    try:
        assert world.check().good
    finally:
        world.answers[:] = before


def _other_answer(world: World) -> None:
    first = world.answers[0]
    world.answers.append(Answer({**first.attributes, "melding-id": "another"}, first.body))


def _other_words(world: World) -> None:
    first = world.answers[0]
    world.answers.append(Answer(first.attributes, first.body + b" "))


def _wrong_verdict(world: World) -> None:
    first = world.answers[0]
    said = msgspec.json.decode(first.body)
    wrong = "GODKJENT" if said["resultat"] != "GODKJENT" else "AVVIST"
    world.answers[0] = Answer(first.attributes, msgspec.json.encode({**said, "resultat": wrong}))


FAULTS: dict[str, Callable[[World], object]] = {
    "not in the archive": lambda w: w.holdings.archive.pop(f"raa/{w.sent[0].account}/{w.sent[0].id}"),
    "other bytes in the archive": lambda w: w.holdings.archive.update({f"raa/{w.sent[0].account}/{w.sent[0].id}": ""}),
    "in the archive, never sent": lambda w: w.holdings.archive.update({"raa/x/y": ""}),
    "no row": lambda w: w.holdings.rows.pop(0),
    "two rows in effect": lambda w: w.holdings.rows.append({**w.holdings.rows[0], "hele": "another"}),
    "row of what was never sent": lambda w: w.holdings.rows.append({**w.holdings.rows[0], "melding_id": "x"}),
    "receipt of another row": lambda w: w.holdings.rows[0].update(kvitterings_id="x"),
    "row says x": lambda w: w.holdings.rows[0].update(utfall="x"),
    "no answer": lambda w: w.answers.pop(0),
    "two answers in effect": _other_answer,
    "one answer in two wordings": _other_words,
    "told ": _wrong_verdict,
    "answer to what was never sent": lambda w: w.answers.append(Answer({"svar-til": "x", "melding-id": "y"}, b"{}")),
    "not marked as sent": lambda w: w.holdings.ledger.remove(f"sendt/{w.sent[0].account}/{w.sent[0].id}"),
    "still open": lambda w: w.holdings.ledger.add(f"apne/{w.sent[0].account}/{w.sent[0].id}"),
    "in brutt/": lambda w: w.holdings.ledger.add("brutt/x/y"),
    "missing in sak_historikk": lambda w: w.holdings.history.pop(),
    "twice in sak_historikk": lambda w: w.holdings.history.append(w.holdings.history[0]),
    "missing in sak_gjeldende": lambda w: w.holdings.current.pop(),
    "too much in sak_gjeldende": lambda w: w.holdings.current[0].update(innsending_id="x"),
}


@pytest.mark.parametrize("what", FAULTS)
def test_each_kind_of_loss_is_named(world: World, what: str) -> None:
    broken = deepcopy(world)
    FAULTS[what](broken)
    verdicts = broken.check()
    assert any(one.what.startswith(what) for one in verdicts.findings)
    assert not verdicts.good
