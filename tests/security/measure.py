"""What one document costs at most: `python -m tests.security.measure FILE [VERSION]`, one line of JSON.

Runs what intake runs on a document, decoding and rules, in a process of its own, and tells the peak of its memory over
what the interpreter holds with everything imported and compiled.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from bvr.chain import NothingKnown
from bvr.decode import decode
from bvr.model.versions import CURRENT
from bvr.model.xml import encode
from bvr.pipeline import check_document
from bvr.rules.examples import document, personalia, sak
from bvr.rules.options import RuleOptions

_STATUS = Path("/proc/self/status")


def _megabytes(name: str) -> float:
    """VmRSS or VmHWM of this process; the peak that the system counts where there is no /proc."""
    if not _STATUS.exists():
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return used / (1_000_000 if sys.platform == "darwin" else 1_000)
    (line,) = (line for line in _STATUS.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024 / 1_000_000


def run(data: bytes, version: str) -> dict[str, object]:
    decoded = decode(data, version)
    if decoded.document is None:
        return {"faults": len(decoded.faults), "more": decoded.more, "kind": decoded.faults[0].kind}
    checked = check_document(decoded.document, NothingKnown(), RuleOptions())
    return {"faults": 0, "findings": len(checked.findings), "found": sum(checked.counts.values())}


def main() -> None:
    file, version = sys.argv[1], (*sys.argv[2:], CURRENT)[0]
    run(encode(document(sak(personalia()))), version)  # imports, tables and schemas
    run(b"<Barnevern/>", version)
    base = _megabytes("VmRSS")
    start = time.perf_counter()
    found = run(Path(file).read_bytes(), version)
    seconds = time.perf_counter() - start
    print(json.dumps({**found, "seconds": round(seconds, 2), "megabytes": round(_megabytes("VmHWM") - base, 1)}))


if __name__ == "__main__":
    main()
