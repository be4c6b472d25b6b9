"""Our KOSTRA schema and our reader against the official schema: the same verdict on every file and every client.

    python -m tests.generative.kostra_equivalence --documents 5000 [--seed S]

The official files are looked for in the folder that BVR_OFFICIAL_KOSTRA names, or in `../shared/reference/kostra`
beside the repository. Without them the command exits with 2.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from lxml import etree

from bvr.kostra.decode import XSD, read
from bvr.kostra.rules import KostraFinding
from tests.generative.kostra_documents import document

ROOT = Path(__file__).resolve().parents[2]
_ODD = ("er en dato med tidssone eller et år utenfor det vanlige",)


def official_folder() -> Path:
    return Path(os.environ.get("BVR_OFFICIAL_KOSTRA") or ROOT.parent / "shared" / "reference" / "kostra")


def missing() -> str | None:
    """What is not there; None when it is."""
    if (official_folder() / "KostraBarnevern.xsd").is_file():
        return None
    return (
        "NOT CHECKED: that our KOSTRA schema gives the same verdicts as the official one. Its files are not there. Put "
        "KostraBarnevern.xsd, Avgiver.xsd and Individ.xsd into the folder that BVR_OFFICIAL_KOSTRA names, or into "
        "../shared/reference/kostra beside the repository."
    )


@cache
def official() -> Any:
    return etree.XMLSchema(etree.parse(official_folder() / "KostraBarnevern.xsd"))


@cache
def ours() -> Any:
    return etree.XMLSchema(etree.parse(XSD))


def verdicts(data: bytes) -> tuple[bool, bool, bool, bool]:
    """(official of the file, ours of the file, official of the file and each client by itself, our reader)."""
    root = etree.fromstring(data)
    by_official, by_ours = official().validate(root), ours().validate(root)
    parts = [etree.fromstring(etree.tostring(e, with_tail=False)) for e in root if e.tag in ("Avgiver", "Individ")]
    each = [(official().validate(part), ours().validate(part)) for part in parts]
    assert all(a == b for a, b in each), data
    findings = [part for part in read(data) if isinstance(part, KostraFinding)]
    if findings and all(any(odd in f.message_nb for odd in _ODD) for f in findings if f.rule.endswith("-01")):
        findings = [f for f in findings if not f.rule.endswith("-01") and not _follows(f, findings)]
    return by_official, by_ours, by_official and all(a for a, _ in each), not findings


def _follows(f: KostraFinding, findings: list[KostraFinding]) -> bool:
    """Whether a finding says only that every sender or client had such a date."""
    return f.rule in ("kostra-avgiver-00", "kostra-individ-00") and any(g.rule.endswith("-01") for g in findings)


def run(documents: int, seed: int) -> Counter[tuple[bool, bool, bool, bool]]:
    """How often each combination of verdicts came. Raises AssertionError with the file on a disagreement."""
    rng = Random(seed)
    counts: Counter[tuple[bool, bool, bool, bool]] = Counter()
    for _ in range(documents):
        data = document(rng)
        found = verdicts(data)
        assert found[0] == found[1], data.decode("latin-1")
        assert found[2] == found[3], (found, data.decode("latin-1"))
        counts[found] += 1
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if absent := missing():
        print(absent, file=sys.stderr)
        return 2
    counts = run(options.documents, options.seed)
    valid = sum(n for v, n in counts.items() if v[0])
    print(f"documents {options.documents}  valid {valid}  invalid {options.documents - valid}  disagreements 0")
    return 0


if __name__ == "__main__":
    sys.exit(main())
