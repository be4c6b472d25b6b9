"""`make chaos`: a whole campaign, and the report of it."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from tests.chaos.campaign import FULL, PLANTED, Campaign, Caught, Result, catch
from tests.chaos.faults import Faults
from tests.chaos.stage import Stage

SHOWN = 20


def report(result: Result, faults: Faults, caught: list[Caught]) -> str:
    """The report, as docs/feilkampanje.md tells how to read it."""
    plan, seconds = result.plan, result.seconds
    lines = [
        "# The fault campaign",
        "",
        f"Made with `make chaos` (`--submissions {plan.submissions} --seed {plan.seed}`). How it works and how to read "
        "it: [feilkampanje.md](../docs/feilkampanje.md).",
        "",
        f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores. "
        f"**{'Nothing was lost' if result.good else 'SOMETHING IS WRONG'}**: "
        f"{result.answers:,} submissions answered, {faults.total:,} faults, {len(result.verdicts.findings)} findings."
        + ("" if result.whole else f" {plan.minutes:g} minutes were too short for {plan.submissions:,} submissions."),
        "",
        "| | |",
        "| --- | ---: |",
        f"| load, seconds | {seconds['load']:.0f} |",
        f"| submissions a second under faults | {result.answers / seconds['load']:.1f} |",
        f"| settling, seconds | {seconds['settling']:.0f} |",
        f"| checking, seconds | {seconds['checking']:.0f} |",
        f"| answers published more than once (same id, same bytes) | {result.copies:,} |",
        f"| messages woken by the sweeper | {result.swept:,} |",
        f"| messages sent on from dead letters | {result.redriven:,} |",
        f"| the register's own reconciliation | {'balances' if result.reconciled else '**does not balance**'} |",
        "",
        "## Balance",
        "",
        "| | should be | is |",
        "| --- | ---: | ---: |",
        *(f"| {what} | {should:,} | {found:,} |" for what, (should, found) in result.verdicts.balance.items()),
        "",
        "## Planted bugs",
        "",
        "| bug | in hand when a function ended | named as wrong by the checker | own reconciliation | caught |",
        "| --- | ---: | ---: | --- | --- |",
        *(
            f"| {one.planted.bug} | {len(one.in_hand)} | {len(one.named)} | "
            f"{'balances' if one.reconciled else 'does not balance'} | {'yes' if one.good else '**NO**'} |"
            for one in caught
        ),
        "",
        "## Faults",
        "",
        "| place | fault | times |",
        "| --- | --- | ---: |",
    ]
    kinds: dict[str, dict[str, int]] = defaultdict(dict)
    for kind, number in sorted(faults.counts.items()):
        place, _, what = kind.partition(": ")
        kinds[place][what] = number
    for place, found in kinds.items():
        lines += [f"| {place} | {what} | {number:,} |" for what, number in found.items()]
        lines.append(f"| **{place}** | | **{sum(found.values()):,}** |")
    lines += ["", f"{faults.total:,} faults of {len(faults.counts)} kinds.", ""]
    if result.verdicts.findings:
        lines += ["## Findings", "", *(f"- {one.what}: `{one.about}`" for one in result.verdicts.findings[:SHOWN]), ""]
    return "\n".join(lines)


def main() -> int:
    """Run a campaign; 0 when nothing was lost and every planted bug was caught."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=main.__doc__)
    parser.add_argument("--submissions", type=int, default=FULL.submissions)
    parser.add_argument("--seed", type=int, default=FULL.seed)
    parser.add_argument("--minutes", type=float, default=FULL.minutes, help="when the load ends, whatever has come")
    parser.add_argument("--faults", type=int, default=2000, help="fewer are a failure")
    parser.add_argument("--report", type=Path, help="write the report here too")
    parser.add_argument("--folder", type=Path, help="keep logs and data here")
    options = parser.parse_args()
    share = options.submissions / FULL.submissions
    plan = replace(
        FULL,
        submissions=options.submissions,
        seed=options.seed,
        minutes=options.minutes,
        **{
            name: max(1, round(getattr(FULL, name) * share))
            for name in ("deaths", "kills", "clocks", "restarts", "disks")
        },
    )
    folder = options.folder or Path(tempfile.mkdtemp(prefix="bvr-kampanje-"))
    faults = Faults(plan.seed)
    try:
        with Stage(folder, faults, plan.seed, keep_data=True) as stage:
            result = Campaign(stage, plan).run()
            caught = [catch(stage, planted, plan.seed + 1 + n) for n, planted in enumerate(PLANTED)]
    finally:
        if options.folder is None:
            shutil.rmtree(folder, ignore_errors=True)
    text = report(result, faults, caught)
    print(text)
    if options.report:
        options.report.write_text(text)
    enough = faults.total >= options.faults * min(1.0, share)
    return 0 if result.good and result.whole and enough and all(one.good for one in caught) else 1


if __name__ == "__main__":
    sys.exit(main())
