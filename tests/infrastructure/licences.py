"""docs/lisenser.md: the terms of what the functions depend on. `--check` says what is stale, or may not be used."""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "lisenser.md"
_FORBIDDEN = re.compile(r"\b(A?GPL|SSPL|BUSL|Commons Clause|proprietary)", re.IGNORECASE)


def requirements() -> list[Requirement]:
    """What the lock file of the functions names, as far as it is for this platform."""
    text = (ROOT / "functions/requirements.txt").read_text(encoding="utf-8")
    lines = [line.split("\\")[0].strip() for line in text.splitlines() if line and line[0] not in " #"]
    found = [Requirement(line) for line in lines]
    return [one for one in found if one.marker is None or one.marker.evaluate()]


def licence(name: str) -> str:
    """As the package declares it: its expression, else its classifiers, else the first line of its text."""
    about = distribution(name).metadata
    if expression := about.get("License-Expression"):
        return str(expression)
    classes = [one.split(" :: ")[-1] for one in about.get_all("Classifier", []) if one.startswith("License ::")]
    if classes:
        return ", ".join(sorted(classes))
    return (about.get("License") or "").strip().splitlines()[0][:80] if about.get("License") else "?"


def page() -> str:
    """The whole page."""
    lines = [
        "# Lisenser | Licences",
        "",
        "Det funksjonene kjører på, laget med `make generate`. | What the functions run on, made with `make generate`.",
        "",
        "| pakke, package | versjon, version | lisens, licence |",
        "| --- | --- | --- |",
    ]
    for one in sorted(requirements(), key=lambda r: r.name.lower()):
        version = next(iter(one.specifier)).version
        lines.append(f"| {one.name} | {version} | {licence(one.name)} |")
    return "\n".join([*lines, ""])


def forbidden() -> list[str]:
    """What may not be used in what we deploy, or says nothing of its terms."""
    found = []
    for one in requirements():
        try:
            terms = licence(one.name)
        except PackageNotFoundError:
            terms = "?"
        if terms == "?" or _FORBIDDEN.search(terms.replace("LGPL", "").replace("Lesser General Public", "")):
            found.append(f"{one.name}: {terms}")
    return found


def main() -> int:
    if "--check" not in sys.argv:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    faults = forbidden()
    if PAGE.read_text(encoding="utf-8") != page():
        faults.append("docs/lisenser.md is stale: make generate")
    print("\n".join(faults) or "licences: all may be used, and all are listed")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
