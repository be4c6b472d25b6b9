"""Our schema and our decoder against the official schema: the same verdict on every document.

    python -m tests.generative.equivalence --documents 20000 [--seed S] [--version V]

Half of the documents are random and valid, half are mutations of such: every place of the model with every operator, in
turn. The official files are not ours to copy; they are looked for in the folder that BVR_OFFICIAL_XSD names, or in
`../shared/reference/xsd` beside the repository. Without them the command exits with 2.

Not among the documents is what we refuse whatever a schema says: a document type declaration, encodings beyond UTF-8,
UTF-16 and those of one byte that extend ASCII, and documents beyond the limits of `decode`.
"""

from __future__ import annotations

import argparse
import copy
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from lxml import etree

from bvr.decode import Decoded, decode
from bvr.model.versions import SUPPORTED
from tests.generative.documents import random_document, serialize
from tests.generative.mutations import OPERATORS, enumeration, mutated
from tests.generative.places import Place, places

ROOT = Path(__file__).resolve().parents[2]
OFFICIAL_FILES = {"4.0.1": "Barnevern_v4.0.1.xsd", "3.0.5": "Barnevern_v3.xsd", "2.2.3": "Barnevern_v1.xsd"}

Verdicts = tuple[bool, bool, bool]  # official schema, our schema, our decoder


def official_folder() -> Path:
    return Path(os.environ.get("BVR_OFFICIAL_XSD") or ROOT.parent / "shared" / "reference" / "xsd")


def missing(version: str) -> str | None:
    """What is not there, where it should be and what is then not checked; None when it is there."""
    name = OFFICIAL_FILES.get(version, f"Barnevern_v{version}.xsd")
    file = official_folder() / name
    if file.is_file():
        return None
    return (
        f"NOT CHECKED: that our schema {version} gives the same verdicts as the official one. The official file "
        f"{name} is not there. Put it into the folder that the environment variable "
        "BVR_OFFICIAL_XSD names, or into ../shared/reference/xsd beside the repository."
    )


@cache
def official(version: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(official_folder() / OFFICIAL_FILES[version]))


@cache
def ours(version: str) -> etree.XMLSchema:
    """The schema that we publish, as committed."""
    return etree.XMLSchema(etree.parse(ROOT / "functions" / "bvr" / "model" / "xsd" / f"Barnevern_v{version}.xsd"))


def accepted(decoded: Decoded) -> bool:
    """Whether our decoder takes a document to follow its schema: it may still refuse to bring it into the model."""
    return decoded.document is not None or {fault.kind for fault in decoded.faults} == {"upcast"}


def verdicts(data: bytes, version: str) -> Verdicts:
    return _verdicts(data, version, decode(data, version))


def _verdicts(data: bytes, version: str, found: Decoded) -> Verdicts:
    decoded = accepted(found)
    try:
        root = etree.fromstring(data)  # lxml's parser as it comes: nothing of ours stands between
    except etree.XMLSyntaxError:
        return False, False, decoded
    return official(version).validate(root), ours(version).validate(root), decoded


@dataclass(slots=True)
class Sample:
    """A document, and what was done to it."""

    data: bytes
    place: Place | None = None
    operator: str = "none"


@dataclass(slots=True)
class Summary:
    version: str
    valid: int = 0
    invalid: int = 0
    not_upcast: int = 0  # valid, and refused because the model has no lawful place for something in it
    seconds: float = 0.0
    places: set[str] = field(default_factory=set)
    rejected: set[str] = field(default_factory=set)  # places with at least one mutation that is invalid
    operators: Counter[str] = field(default_factory=Counter)
    pairs: set[tuple[str, str]] = field(default_factory=set)  # place and operator
    disagreements: list[tuple[Sample, Verdicts]] = field(default_factory=list)

    @property
    def documents(self) -> int:
        return self.valid + self.invalid

    @property
    def balanced(self) -> bool:
        return 0.45 <= self.valid / max(1, self.documents) <= 0.55


def mutants(version: str, seed: int) -> Iterator[Sample]:
    """Without end: every place with every operator, in an order of its own each time round."""
    turn = 0
    while True:
        rounds = list(enumeration(version))
        random.Random(f"{version} {seed} {turn}").shuffle(rounds)
        visits: Counter[Place] = Counter()
        order = {}  # one operator at every place, then another at every place, and so on
        for pair in rounds:
            visits[pair[0]] += 1
            order[pair] = visits[pair[0]]
        rounds.sort(key=order.__getitem__)
        for number, (place, operator) in enumerate(rounds):
            rng = random.Random(f"{version} {seed} {turn} {number}")
            if (data := mutated(rng, version, place, operator)) is not None:
                yield Sample(data, place, operator)
        turn += 1


def valid_documents(version: str, seed: int) -> Iterator[Sample]:
    """Without end: random valid documents, each place of the model in turn asked for."""
    every = places(version)
    number = 0
    while True:
        rng = random.Random(f"{version} {seed} valid {number}")
        through = every[number // 2 % len(every)] if number % 2 else None
        yield Sample(serialize(random_document(rng, version, through), rng))
        number += 1


def compare(version: str, documents: int, seed: int, progress: bool = False, stop_after: int = 5) -> Summary:
    """Compare the three verdicts on so many documents; half of them valid by the official schema."""
    summary = Summary(version)
    changed, plain = mutants(version, seed), valid_documents(version, seed)
    start = shown = time.monotonic()
    while summary.documents < documents and len(summary.disagreements) < stop_after:
        # Some mutations leave a document valid: whichever kind there is too little of comes next.
        sample = next(plain if summary.valid * 2 < summary.documents else changed)
        decoded = decode(sample.data, version)
        found = _verdicts(sample.data, version, decoded)
        if found[0]:
            summary.valid += 1
            summary.not_upcast += decoded.document is None and found[2]
        else:
            summary.invalid += 1
        if sample.place is not None:
            summary.places.add(str(sample.place))
            summary.operators[sample.operator] += 1
            summary.pairs.add((str(sample.place), sample.operator))
            if not found[0]:
                summary.rejected.add(str(sample.place))
        if len(set(found)) > 1:
            summary.disagreements.append((sample, found))
        if progress and time.monotonic() - shown > 5:
            shown = time.monotonic()
            print(f"  {version}: {summary.documents} of {documents} documents, {shown - start:.0f} s", flush=True)
    summary.seconds = time.monotonic() - start
    return summary


# --- report ----------------------------------------------------------------------------------------------------------


def minimal(data: bytes, version: str) -> bytes:
    """The smallest document found by leaving things out that has the same three verdicts."""
    wanted = verdicts(data, version)
    root = etree.fromstring(data)
    changed = True
    while changed:
        changed = False
        for smaller in _smaller(root):
            if verdicts(etree.tostring(smaller), version) == wanted:
                root, changed = smaller, True
                break
    return etree.tostring(root, encoding="unicode").encode()


def _smaller(root: etree._Element) -> Iterator[etree._Element]:
    count = sum(1 for _ in root.iter())
    for at in range(1, count):
        twin = copy.deepcopy(root)
        node = list(twin.iter())[at]
        parent = node.getparent()
        assert parent is not None
        parent.remove(node)
        yield twin
    for at in range(count):
        for name in list(root.iter())[at].attrib:
            twin = copy.deepcopy(root)
            del list(twin.iter())[at].attrib[name]
            yield twin


def report(sample: Sample, found: Verdicts, version: str) -> str:
    """A disagreement, told so that it can be taken up: all of it is synthetic."""
    words = ["valid" if v else "invalid" for v in found]
    try:
        small = minimal(sample.data, version)
    except etree.XMLSyntaxError:
        return f"DISAGREEMENT in {version}, {sample.operator}: {words}, not well-formed: {sample.data!r}"
    root = etree.fromstring(small)
    logs = []
    for name, schema in (("official", official(version)), ("ours", ours(version))):
        if not schema.validate(root):
            log: Any = schema.error_log
            logs.append(f"  {name} says: {log[0].message}")
    faults = decode(small, version).faults
    logs += [f"  decode says: {fault.en} {fault.path}" for fault in faults[:1]]
    return "\n".join(
        (
            f"DISAGREEMENT in {version}: official {words[0]}, our schema {words[1]}, our decoder {words[2]}",
            f"  operator: {sample.operator}; place: {sample.place or '-'}",
            *logs,
            f"  document: {small.decode()}",
        )
    )


def table(summaries: list[Summary]) -> str:
    head = (
        "version",
        "documents",
        "valid",
        "invalid",
        "not upcast",
        "places",
        "operators",
        "pairs",
        "disagreements",
        "seconds",
    )
    rows = [
        (
            s.version,
            str(s.documents),
            str(s.valid),
            str(s.invalid),
            str(s.not_upcast),
            f"{len(s.places)}/{len(places(s.version))}",
            f"{len(s.operators)}/{len(OPERATORS)}",
            f"{len(s.pairs)}/{len(enumeration(s.version))}",
            str(len(s.disagreements)),
            f"{s.seconds:.0f}",
        )
        for s in summaries
    ]
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *rows)
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.generative.equivalence", description=__doc__)
    parser.add_argument("--documents", type=int, default=20000, help="documents a version (default 20000)")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other documents (default 1)")
    parser.add_argument("--version", choices=SUPPORTED, help="only this version")
    chosen = parser.parse_args(arguments)
    versions = [chosen.version] if chosen.version else list(SUPPORTED)
    if absent := [told for v in versions if (told := missing(v))]:
        print("\n".join(absent), file=sys.stderr)
        return 2
    print(f"The official schema, ours and our decoder on {chosen.documents} documents a version, seed {chosen.seed}")
    summaries = [compare(v, chosen.documents, chosen.seed, progress=True) for v in versions]
    print(table(summaries))
    for summary in summaries:
        for sample, found in summary.disagreements:
            print(report(sample, found, summary.version))
    if any(s.disagreements for s in summaries):
        return 1
    unbalanced = [s.version for s in summaries if not s.balanced and s.documents >= 100]
    if unbalanced:
        print(f"Not 45 to 55 per cent valid: {', '.join(unbalanced)}", file=sys.stderr)
        return 1
    print("No disagreement.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
