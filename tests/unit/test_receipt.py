"""Receipts in both protocols: what they say, and what they never say."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from bvr.model.xml import encode
from bvr.receipt import CONTEXT_TYPES
from bvr.rules import RULES
from bvr.rules.examples import document
from tests.unit.service_world import World, native, service, ssb

# The published rule ids of the production protocol, and its other closed lists.
_SSB_RULES = """
AFTERCARE: 02A 02C 02E
CASE: 01 02A 07 08 21
CASE_FORWARDING: 02E 02F 05
DECISION: 02A 02C 02E 02F 02G 02H 02I 02J 03 04 05 19 20
INVESTIGATION: 02A 02C 02E 03 07 19 20 21
MEASURE: 02A 02C 02E 05 06 07 08 09 12 13 14 19 20 21 22 23
MESSAGE: 02A 02 02C 02E 03 04 05 19
PERSONALIA: 02F 11 12 13 14 15 16 17
PLAN: 02A 02C 02E 02F 02G 19
RELOCATION: 02C 02F
REPORTER: 01 02
XSD: VERSION VALIDATION
JSON: DESERIALIZE
XML: DESERIALIZE
"""
SSB_RULES = {
    f"{family}_{number}"
    for family, numbers in (line.split(": ") for line in _SSB_RULES.splitlines() if line)
    for number in numbers.split()
}
LEVELS = {"OK", "INFO", "WARNING", "ERROR", "FATAL"}
_CONTEXTS = """
AFTERCARE CASE_FORWARDING DECISION INVESTIGATION MEASURE MESSAGE PERSONALIA PLAN RELATION RELOCATION CASE DELETED
"""
CONTEXTS = set(_CONTEXTS.split())
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def _documents() -> list[bytes]:
    """One document for each rule that can fire on it, and some that no schema accepts."""
    firing = [next(e.document for e in rule.examples if e.times) for rule in RULES.values() if not rule.own]
    return [encode(d) for d in firing] + [b"", b"<a", b"<Barnevern/>", encode(document(firing[0].sak))[:300]]


def _answer(message: Any) -> dict[str, Any]:
    world = World()
    world.now = world.now.replace(year=2033)
    service(world).receive(message)
    return json.loads(world.published[-1][1])  # type: ignore[no-any-return]


@pytest.mark.parametrize("xml", _documents())
def test_the_production_report_is_what_its_schema_says(xml: bytes) -> None:
    report = _answer(ssb(xml))
    assert set(report) <= {"severity", "reportEntries"}
    assert report["severity"] in LEVELS
    worst = "OK"
    order = ["OK", "INFO", "WARNING", "ERROR", "FATAL"]
    for entry in report.get("reportEntries", []):
        assert set(entry) <= {
            "warningLevel",
            "originalWarningLevel",
            "ruleId",
            "ruleName",
            "errorText",
            "contextType",
            "contextId",
        }
        assert entry["warningLevel"] in LEVELS
        assert entry.get("originalWarningLevel", "ERROR") == "ERROR"
        assert entry.get("ruleId", "XSD_VERSION") in SSB_RULES
        assert entry["ruleName"]
        assert entry["errorText"]
        assert entry.get("contextType", "CASE") in CONTEXTS
        assert UUID.fullmatch(entry.get("contextId", "00000000-0000-0000-0000-000000000000"))
        worst = max(worst, entry["warningLevel"], key=order.index)
    assert report["severity"] == worst


@pytest.mark.parametrize("xml", _documents())
def test_the_native_answer_has_its_fields(xml: bytes) -> None:
    answer = _answer(native(xml))
    if "feilkode" in answer:
        assert {"errorId", "feilmelding", "feilmeldingEn", "svarTilMeldingId", "detaljer"} <= set(answer)
        return
    assert {
        *("kvitteringsId", "svarTilMeldingId", "klientMeldingId", "innsendingId", "sakId", "datoUttrekk"),
        *("mottattTidspunkt", "behandletTidspunkt", "resultat", "hoyesteAlvorlighet", "antall", "xsdVersion"),
        *("regelsettVersjon", "innholdSha256", "duplikat", "funn"),
    } <= set(answer)
    for finding in answer["funn"]:
        assert finding["tekst"]
        assert finding["tekstEn"]
        assert finding["tiltak"]
        assert finding["sti"].startswith("/Barnevern")
    counted = sum(answer["antall"].values())
    assert counted == len(answer["funn"]) or answer["avkortet"]
    order = [("FATAL", "ERROR", "WARNING", "INFO").index(f["alvorlighet"]) for f in answer["funn"]]
    assert order == sorted(order)


def test_every_rule_has_a_known_ssb_id_or_none() -> None:
    assert {rule.ssb for rule in RULES.values() if rule.ssb} <= SSB_RULES


def test_context_types_are_those_of_the_protocol() -> None:
    assert set(CONTEXT_TYPES.values()) <= CONTEXTS
