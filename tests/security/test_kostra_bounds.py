"""A large KOSTRA file costs what its bytes cost, and no file costs more than its limits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bvr.kostra.check import check_file
from bvr.kostra.decode import Limits, read
from bvr.kostra.rules import KostraFinding, KostraOptions
from bvr.kostra.rules.examples import avgiver, form, individ, tiltak
from bvr.kostra.xml import encode
from bvr.verdict import Verdict

ROOT = Path(__file__).resolve().parents[2]


def test_twenty_thousand_clients_in_bounded_memory() -> None:
    """In a process of its own: what 20,000 clients take beyond the file and the report is little more than 2,000."""
    program = """
import gc, resource, sys
from datetime import date, timedelta
from bvr.kostra.check import check_file
from bvr.kostra.rules import KostraOptions
from bvr.kostra.rules.examples import avgiver, form, individ, melding, nummer, plan, tiltak, undersokelse
from bvr.kostra.xml import encode

one = encode(avgiver(), [individ(melding(undersokelse()), plan(), tiltak(), tiltak(), journalnummer="JJJJJ")])
head, _, rest = one.partition(b"<Individ")
client, tail, _ = rest.rpartition(b"</Barnevern>")
count = int(sys.argv[1])
numbers = [nummer((date(2008, 1, 1) + timedelta(n % 4000)).isoformat()).encode() for n in range(4000)]
old = numbers[(date(2012, 3, 14) - date(2008, 1, 1)).days]
clients = (b"<Individ" + client.replace(b"JJJJJ", b"J%05d" % n).replace(old, numbers[n % 4000]) for n in range(count))
data = head + b"".join(clients) + tail
gc.collect()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
checked = check_file(data, form(), KostraOptions())
print(checked.report.clients_read, len(data) // 1024, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    grown = {}
    for count in (2_000, 20_000):
        done = subprocess.run(
            [sys.executable, "-c", program, str(count)],
            capture_output=True,
            text=True,
            env={"PYTHONPATH": f"{ROOT}/functions:{ROOT}"},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        read_, _, kilobytes = map(int, done.stdout.split())
        assert read_ == count
        grown[count] = kilobytes
    # The file itself was there before. What is kept of a client is its numbers, and at most 10,000 findings.
    assert grown[20_000] < 80_000, grown


@pytest.mark.parametrize(
    ("limits", "word"),
    [
        (Limits(bytes=100), "byte"),
        (Limits(individ=70_000), "klient er større"),
        (Limits(individer=2), "flere enn 2 klienter"),
    ],
)
def test_every_limit_is_a_setting_and_stops_the_reading(limits: Limits, word: str) -> None:
    large = individ(*(tiltak(id=str(n)) for n in range(4000)))
    data = encode(avgiver(), [large, *(individ(tiltak(), journalnummer=f"J{n}", id=str(n)) for n in range(5))])
    findings = [part for part in read(data, limits) if isinstance(part, KostraFinding)]
    assert findings[-1].rule == "kostra-fil-00"
    assert word in findings[-1].message_nb
    assert check_file(data, form(), KostraOptions(), limits).verdict is Verdict.REJECTED


@pytest.mark.parametrize(
    "inner",
    [
        b"<x>" * 5000,
        b"<Individ " + b" ".join(b'a%d="1"' % n for n in range(20_000)) + b"/>",
        b"<Individ Journalnummer='" + b"x" * 1_000_000 + b"'/>",
        b"<!-- " + b"x" * 3_000_000 + b" -->",
        b"&lol;" * 100,
    ],
)
def test_shapes_made_to_harm_end_in_a_finding(inner: bytes) -> None:
    data = encode(avgiver(), []).replace(b"</Barnevern>", inner + b"</Barnevern>")
    parts = list(read(data))
    assert any(isinstance(part, KostraFinding) for part in parts)
    assert b"x" * 30 not in repr(parts).encode()
