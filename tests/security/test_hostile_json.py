"""JSON made to harm, or to mean two things: refused at once, in words that repeat nothing of it."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from bvr.decode import Limits
from bvr.decode_json import decode_json, read
from bvr.model.json_form import to_json
from bvr.rules.examples import document, melding, personalia, sak

GOOD = json.loads(to_json(document(sak(personalia(), melding()))))
TEXT = json.dumps(GOOD)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b'"Barnevern"',
        b"null",
        b'{"Barnevern": {}}}',
        b"\xff\xfe{}",
        b'{"a": 1, "a": 2}',
        b'{"Barnevern": {"Id": "1", "Id": "2"}}',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        ('{"a": "' + "x" * 100 + '"').encode(),
    ],
)
def test_it_is_not_read(data: bytes) -> None:
    start = time.monotonic()
    assert read(data).fault is not None
    assert time.monotonic() - start < 2


def test_a_byte_order_mark_is_no_harm() -> None:
    assert read(b"\xef\xbb\xbf" + TEXT.encode()).fault is None


def changed(path: list[Any], value: Any) -> dict[str, Any]:
    copy = json.loads(TEXT)
    place = copy
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return copy


SAK = ["Barnevern", "Sak"]


@pytest.mark.parametrize(
    ("content", "path"),
    [
        (changed(["HEMMELIG"], 1), "/?"),
        (changed(["xmlBody"], "HEMMELIG"), "/xmlBody"),
        (changed(["Barnevern", "HEMMELIG"], 1), "/Barnevern/?"),
        (changed(["Barnevern", "HEMMELIG"], {"Id": [1]}), "/Barnevern/?"),
        (changed(["Barnevern", "Melding"], []), "/Barnevern/Melding"),
        (changed([*SAK, "Journalnummer"], 17), "/Barnevern/Sak/@Journalnummer"),
        (changed([*SAK, "Journalnummer"], ["HEMMELIG"]), "/Barnevern/Sak/@Journalnummer"),
        (changed([*SAK, "Journalnummer"], "HEMMELIG\x00"), "/Barnevern/Sak/@Journalnummer"),
        (changed([*SAK, "Journalnummer"], "HEMMELIG\ud800"), "/Barnevern/Sak/@Journalnummer"),
        (changed([*SAK, "Journalnummer"], "HEMMELIG\ufffe"), "/Barnevern/Sak/@Journalnummer"),
        (changed([*SAK, "ErSlettet"], "true"), "/Barnevern/Sak/@ErSlettet"),
        (changed([*SAK, "ErSlettet"], 1), "/Barnevern/Sak/@ErSlettet"),
        (changed([*SAK, "Melding"], {}), "/Barnevern/Sak/Melding"),
        (changed([*SAK, "Melding", 0], "HEMMELIG"), "/Barnevern/Sak/Melding"),
        (changed([*SAK, "Melding"], [GOOD["Barnevern"]["Sak"]["Melding"][0], None]), "/Barnevern/Sak/Melding[2]"),
        (changed(["Barnevern", "Avgiver"], 7), "/Barnevern/Avgiver"),
        (changed(SAK, []), "/Barnevern/Sak"),
        (changed(["Barnevern"], "HEMMELIG"), "/Barnevern"),
        (changed([*SAK, "StartDato"], 1e400), "/Barnevern/Sak/@StartDato"),
    ],
)
def test_the_fault_names_the_place_and_repeats_nothing(content: dict[str, Any], path: str) -> None:
    decoded = decode_json(content, "4.0.1")
    assert decoded.document is None
    assert [f.path for f in decoded.faults] == [path]
    assert "HEMMELIG" not in repr(decoded.faults)


def test_every_fault_is_told_at_once() -> None:
    content = changed([*SAK, "Journalnummer"], 17)
    content["Barnevern"]["Sak"]["StartDato"] = 5
    content["Barnevern"]["Fagsystem"] = []
    assert len(decode_json(content, "4.0.1").faults) == 3


def test_limits() -> None:
    assert read(b" " * 10_000_001).fault is not None
    many = changed([*SAK, "Melding"], [{}] * 30_000)
    (fault,) = decode_json(many, "4.0.1").faults
    assert fault.kind == "size"
    wrong = changed([*SAK, "Melding"], [1] * 500)
    decoded = decode_json(wrong, "4.0.1", Limits(faults=10))
    assert (len(decoded.faults), decoded.more) == (10, 490)
