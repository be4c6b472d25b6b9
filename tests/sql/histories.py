"""Random histories of a register, step by step: what reached it, and when it was processed.

Each step adds rows of register.innsending: new extracts, extracts that come late or tie with another, corrections,
submissions that are EXCLUDED, deleted cases, refused messages, rows stored twice, and replays with a newer rule set.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from tests.sql import notation

Row = dict[str, Any]
BEGIN = datetime(2025, 1, 1, 6, tzinfo=UTC)
STEP = timedelta(minutes=40)
CASES = (("0301", "a"), ("0301", "b"), ("1103", "a"), ("1103", "c"))


def moment(step: int) -> datetime:
    """When the rows of a step were processed."""
    return BEGIN + step * STEP


def history(seed: int, steps: int = 14) -> list[list[Row]]:
    """The rows that each step adds."""
    rng = Random(seed)
    made: list[list[Row]] = []
    for step in range(steps):
        before = [row for rows in made for row in rows]
        made.append([_row(rng, before, step, number) for number in range(rng.randint(1, 4))])
    return made


def _row(rng: Random, before: list[Row], step: int, number: int) -> Row:
    at = moment(step)
    choice = rng.random()
    if before and choice < 0.12:  # stored once more: the same message, processed again
        return {**rng.choice(before), "behandlet": at}
    if before and choice < 0.24:  # a replay of the archive under a newer rule set, which may judge otherwise
        again = rng.choice(before)
        if again["utfall"] != "REJECTED":
            newer = str(int(again["regelsett"]) + 1)
            return {**again, **_verdict(again["innhold_sha256"], newer), "behandlet": at, "regelsett": newer}
    if before and choice < 0.30:  # sent once more, in another message
        return {**rng.choice(before), "melding_id": f"m{step}-{number}", "mottatt": at, "behandlet": at}
    return _new(rng, step, number)


def _verdict(content: str, ruleset: str) -> Row:
    """One rule set says one thing of one content."""
    excluded = Random(f"{content} {ruleset}").random() < 0.3
    return {
        "utfall": "EXCLUDED" if excluded else "REGISTERED",
        "hoyeste_alvorlighet": "ERROR" if excluded else "OK",
        "antall_error": int(excluded),
    }


def _new(rng: Random, step: int, number: int) -> Row:
    kommune, sak = rng.choice(CASES)
    deleted = True if rng.random() < 0.12 else None
    (row,) = notation.rows(
        {
            "saker": [
                {
                    "kommune": kommune,
                    "sak": sak,
                    # Few moments, so that extracts tie and come late.
                    "uttrekk": BEGIN - timedelta(days=rng.randint(0, 3)),
                    "er_slettet": deleted,
                    "innsending": f"i{rng.randint(0, 1)}-{step}-{number}",
                    "innhold": f"{step}-{number}",
                    "melding": [_element(rng, f"m{n}") for n in range(rng.randint(0, 3))],
                    "tiltak": [_element(rng, f"t{n}") for n in range(rng.randint(0, 3))],
                    "slettet": [{"id": "m0", "type": "Melding"}] if rng.random() < 0.2 else [],
                }
            ]
        }
    )
    # Processed in the step it is received in, or (an outage) some steps after.
    received = moment(step) - STEP * rng.choice((0, 0, 0, 1, 3))
    row |= {"melding_id": f"m{step}-{number}", "mottatt": received, "behandlet": moment(step)} | _verdict(
        row["innhold_sha256"], "1"
    )
    if rng.random() < 0.08:
        row |= {"utfall": "REJECTED", "hoyeste_alvorlighet": "FATAL", "sak": None}
    return row


def _element(rng: Random, name: str) -> Row:
    start = date(2024, rng.randint(1, 3), 1)
    return {
        "id": name if rng.random() < 0.8 else name.upper(),
        "start": start,
        "slutt": start + timedelta(days=30) if rng.random() < 0.5 else None,
        "slettet": True if rng.random() < 0.15 else None,
    }


# --- the definitions once more, in Python --------------------------------------------------------------------------


def known(rows: list[Row], at: datetime) -> list[Row]:
    """The submissions known at a moment: of the same content of one submission, the newest rule set's row."""
    found: dict[Any, Row] = {}
    first = sorted(rows, key=lambda r: (r["mottatt"], r["melding_id"], r["behandlet"]))
    for row in sorted(first, key=lambda r: r["regelsett"], reverse=True):
        if row["utfall"] != "REJECTED" and row["behandlet"] <= at:
            found.setdefault((row["orgnr"], row["innsending_id"], row["innhold_sha256"]), row)
    return list(found.values())


def ordered(rows: list[Row]) -> dict[tuple[str, str], list[Row]]:
    """The submissions of each case, the first extract first."""
    cases: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(rows, key=lambda r: (r["dato_uttrekk"], r["mottatt"], r["innsending_id"], r["innhold_sha256"])):
        cases.setdefault((row["orgnr"], row["sak_id"]), []).append(row)
    return cases


def current(rows: list[Row], at: datetime) -> dict[tuple[str, str], tuple[Any, ...]]:
    """Of each current case, the row that says so: (message, rule set, processed)."""
    return {
        case: (last["melding_id"], last["innhold_sha256"], last["regelsett"], last["behandlet"])
        for case, (*_, last) in ordered(known(rows, at)).items()
        if last["utfall"] == "REGISTERED" and not last["er_slettet"]
    }
