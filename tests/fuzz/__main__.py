"""Coverage-guided fuzzing: `python -m tests.fuzz`, or of one target `python -m tests.fuzz xml --runs 100000`.

Each target runs in a process of its own, with limits on time and memory for every input. Inputs that reach something
new are added to the corpus when `--keep` is given; what breaks is written beside it, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 1_000_000
CORPUS = Path(__file__).parent / "corpus"
NAMES = sorted(path.name for path in CORPUS.iterdir())
SECONDS = 10
"""The most that one input may take."""
MEGABYTES = 2048
REPORT = Path(__file__).resolve().parents[2] / "benchmarks" / "fuzz.md"
_MOST = 120_000
"""Bytes of a corpus that is kept for a target."""


def fuzz(name: str, arguments: list[str]) -> None:
    """In the process of one target: never returns. What is fuzzed is imported here, to be instrumented."""
    import atheris

    with atheris.instrument_imports(include=["bvr"], enable_loader_override=False):
        from tests.fuzz import targets
    targets.warm(name)
    target = targets.TARGETS[name]

    def one(data: bytes) -> None:
        with targets.guarded():
            target(data)

    atheris.Setup([sys.argv[0], *arguments], one)
    atheris.Fuzz()


def run(name: str, runs: int, most: float, keep: bool) -> tuple[int, float, str]:
    """(inputs tried, seconds, what broke or "")."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "found").mkdir()
        command = [sys.executable, "-m", "tests.fuzz", name, "--inside", f"-runs={runs}", f"-timeout={SECONDS}"]
        command += [f"-rss_limit_mb={MEGABYTES}", f"-max_total_time={int(most)}", "-seed=1", "-print_final_stats=1"]
        command += ["-max_len=20000", f"-artifact_prefix={place}/", str(place / "found"), str(CORPUS / name)]
        begun = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        took = time.monotonic() - begun
        match = re.search(r"stat::number_of_executed_units: (\d+)", done.stderr)
        broken = [path for path in place.iterdir() if path.is_file()]
        said = ""
        if done.returncode or broken:
            told = [*done.stdout.splitlines()[-30:], *done.stderr.splitlines()[-8:]]
            said = f"exit {done.returncode}: " + "\n".join(told)
            for path in broken:
                (CORPUS.parent / f"broken-{name}-{path.name}").write_bytes(path.read_bytes())
        elif keep:
            _keep(name, place / "found")
        return int(match[1]) if match else 0, took, said


HEAD = ("| target | inputs | seconds | a second | broke |", "| --- | ---: | ---: | ---: | ---: |")


def _told() -> list[tuple[str, str]]:
    """What the report says of each target: one that is not run again keeps its line."""
    text = REPORT.read_text(encoding="utf-8") if REPORT.exists() else ""
    return [(line.split("|")[1].strip(), line) for line in text.splitlines() if line[:2] == "| " and line not in HEAD]


def _keep(name: str, found: Path) -> None:
    """The smallest of what was found, as much as there is room for; sound inputs stay."""
    size = sum(path.stat().st_size for path in (CORPUS / name).glob("*"))
    for path in sorted(found.glob("*"), key=lambda p: (p.stat().st_size, p.name)):
        size += path.stat().st_size
        if size > _MOST:
            break
        (CORPUS / name / path.name[:16]).write_bytes(path.read_bytes())


def main() -> int:
    """Fuzz, say what came of it, and write it down when every target had its runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", choices=[[], *NAMES], default=[])
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--most", type=float, default=3600, help="seconds for a target")
    parser.add_argument("--keep", action="store_true", help="add to the corpus what reached something new")
    parser.add_argument("--report", action="store_true", help="write benchmarks/fuzz.md")
    given = parser.parse_args()
    told = dict(_told())
    bad = 0
    for name in given.targets or NAMES:
        tried, took, said = run(name, given.runs, given.most, given.keep)
        bad += bool(said)
        told[name] = f"| {name} | {tried:,} | {took:.0f} | {tried / took:,.0f} | {1 if said else 0} |"
        print(told[name], flush=True)
        if said:
            print(said, flush=True)
    if given.report:
        limits = f"No input may take {SECONDS} s, {MEGABYTES} MB, open a file, connect, or start a process."
        REPORT.write_text(
            "\n".join(
                [
                    "# Fuzzing",
                    "",
                    "Made by `make fuzz`.",
                    "",
                    limits,
                    "",
                    *HEAD,
                    *(told[name] for name in sorted(told)),
                    "",
                ]
            ),
            "utf-8",
        )
    return 1 if bad else 0


if __name__ == "__main__":
    if "--inside" in sys.argv:
        at = sys.argv.index("--inside")
        fuzz(sys.argv[1], sys.argv[at + 1 :])
    sys.exit(main())
