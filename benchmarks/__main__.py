"""`make bench`: what each step costs, as a ratio to bare parse + validation in the same process and run.

One core, one process. Each figure is the median over rounds of the fastest of a few tries; all steps are measured in
turn within a round, so that a machine that slows down slows them alike.
"""

from __future__ import annotations

import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from lxml import etree

from benchmarks import derived, history, ways_in
from bvr.chain import NothingKnown
from bvr.decode import decode
from bvr.intake.envelope import Envelope
from bvr.intake.payload import open_payload
from bvr.intake.protocol import SUBMIT
from bvr.intake.sender import Right, Senders
from bvr.model.concepts import Avgiver
from bvr.model.versions import CURRENT
from bvr.model.xml import encode
from bvr.pipeline import Message, Settings, check_document, process
from bvr.receipt import render
from bvr.register.keys import TinkCipher, new_keyset
from bvr.register.proto import RowWriter
from bvr.register.rows import row
from bvr.rules.options import RuleOptions
from bvr.simulate.cases import heavy_case, small_case, typical_case, worded_case

ROOT = Path(__file__).resolve().parents[1]
LIBXML = ".".join(map(str, etree.LIBXML_VERSION))
ROUNDS = 15
NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)


def _per_call(work: Callable[[], object], calls: int) -> float:
    """Seconds for one call, the best of three tries of `calls` calls."""
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        for _ in range(calls):
            work()
        best = min(best, (time.perf_counter() - start) / calls)
    return best


def _right(account: str, avgiver: Avgiver) -> Right:
    orgnr, number = avgiver.organisasjonsnummer, avgiver.kommunenummer
    return Right(
        konto_id=account,
        orgnr=orgnr,
        navn=avgiver.kommunenavn,
        rolle="fagsystem",
        for_orgnr=orgnr,
        kommunenummer=number,
        bydelsnummer=(avgiver.bydelsnummer,) if avgiver.bydelsnummer else (),
        gyldig_fra=NOW.date(),
    )


def _steps(xml: bytes) -> dict[str, Callable[[], object]]:
    schema = etree.XMLSchema(etree.parse(ROOT / f"functions/bvr/model/xsd/Barnevern_v{CURRENT}.xsd"))
    parser = etree.XMLParser(resolve_entities=False, no_network=True)

    def bare() -> None:
        assert schema.validate(etree.fromstring(xml, parser))

    document = decode(xml, CURRENT).document
    assert document is not None
    options, known, settings = RuleOptions(), NothingKnown(), Settings()
    envelope = Envelope.model_validate(
        {
            "melding-id": "5f0c5a0e-0d5c-4f5e-9c6e-0a1b2c3d4e5f",
            "avsender-id": "5f0c5a0e-0d5c-4f5e-9c6e-0a1b2c3d4e60",
            "type": SUBMIT,
            "xsd-versjon": CURRENT,
        }
    )

    senders = Senders([_right(envelope.avsender_id, document.avgiver)])

    def whole() -> object:
        payload = open_payload(xml, envelope, NOW)
        return process(Message(envelope=envelope, payload=payload, received=NOW, handled=NOW), known, settings, senders)

    outcome = whole()
    cipher = TinkCipher(new_keyset())
    writer = RowWriter.of(ROOT / "bigquery_schemas/register/innsending/schema.json")
    made = row(outcome, cipher)  # type: ignore[arg-type]
    return {
        "bare parse + validation": bare,
        "decode (parse, validation, structs)": lambda: decode(xml, CURRENT),
        "rules": lambda: check_document(document, known, options),
        "process() whole": whole,
        "row (dict, encryption)": lambda: row(outcome, cipher),  # type: ignore[arg-type]
        "row as protobuf": lambda: writer.serialize(made),
        "receipt rendered": lambda: render(outcome.receipt, "native", {}),  # type: ignore[attr-defined]
    }


def _measure(xml: bytes, calls: int) -> dict[str, tuple[float, float]]:
    """Step -> (median seconds, median ratio to the baseline of the same round)."""
    steps = _steps(xml)
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    gc.collect()
    gc.freeze()
    for _ in range(ROUNDS):
        for name, work in steps.items():
            seconds[name].append(_per_call(work, calls))
    base = seconds["bare parse + validation"]
    return {
        name: (statistics.median(found), statistics.median(f / b for f, b in zip(found, base, strict=True)))
        for name, found in seconds.items()
    }


def _startup() -> tuple[float, float]:
    """Median seconds of `bvr validate` on one file, and of an interpreter that does nothing."""
    case = ROOT / ".bvr" / "bench.xml"
    case.parent.mkdir(exist_ok=True)
    case.write_bytes(encode(typical_case()))
    bvr = Path(sys.executable).parent / "bvr"

    def timed(command: list[str]) -> float:
        found = []
        for _ in range(7):
            start = time.perf_counter()
            subprocess.run(command, check=False, capture_output=True)
            found.append(time.perf_counter() - start)
        return statistics.median(found)

    return timed([str(bvr), "validate", str(case), "--json"]), timed([sys.executable, "-c", "pass"])


def main() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    cases = {
        "small": (small_case(), 400),
        "typical": (typical_case(), 200),
        "worded": (worded_case(), 200),
        "heavy": (heavy_case(), 20),
    }
    lines = [
        "# Benchmarks",
        "",
        "Made with `make bench`. Ratios to bare lxml parse + validation against the compiled XSD, measured in the same "
        "process and run on one core; absolute times are of one machine and only orient.",
        "",
        f"Python {platform.python_version()}, libxml2 {LIBXML}, {platform.machine()}.",
        "",
    ]
    for name, (document, calls) in cases.items():
        xml = encode(document)
        elements = sum(1 for _ in etree.fromstring(xml).iter())
        print(f"==> {name}: {len(xml)} bytes, {elements} elements", flush=True)
        found = _measure(xml, calls)
        whole = found["process() whole"][0]
        lines += [
            f"## {name.capitalize()} case: {len(xml) / 1000:.1f} kB, {elements} elements",
            "",
            "| step | ratio | µs |",
            "| --- | ---: | ---: |",
            *(f"| {step} | {ratio:.2f} | {seconds * 1e6:.0f} |" for step, (seconds, ratio) in found.items()),
            "",
            f"`process()`: {1 / whole:,.0f} cases a second on one core.",
            "",
        ]
    print("==> sealed, KOSTRA", flush=True)
    lines += [*ways_in.sealed(), *ways_in.kostra_files()]
    print("==> the current register", flush=True)
    lines += history.current_register()
    lines += derived.one_child()
    lines += derived.analysis_views()
    validate, bare = _startup()
    lines += [
        "## Start-up",
        "",
        f"`bvr validate` on one typical case: {validate:.2f} s, of which the bare interpreter {bare:.2f} s.",
        "",
    ]
    text = "\n".join(lines)
    (ROOT / "benchmarks" / "results.md").write_text(text, encoding="utf-8")
    print(text)
    print(json.dumps({"written": "benchmarks/results.md"}))


if __name__ == "__main__":
    main()
