"""The register of senders as a CSV file: checked line by line before it becomes `grunnlag.avsender`.

One line a right, the columns of the table; several districts are separated by spaces. A certificate is given as the
name of a PEM file beside the CSV.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import get_args
from urllib.parse import urlsplit

import msgspec

from bvr.intake.protocol import Role
from bvr.intake.sender import Right
from bvr.model.identifiers import is_orgnr
from bvr.model.kommuner import names
from bvr.model.types import fields

COLUMNS = tuple(f.name for f in fields(Right))
_REQUIRED = tuple(f.name for f in fields(Right) if f.required)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Line(msgspec.Struct, frozen=True):
    """A line of the file: a right, or what is wrong with it."""

    number: int
    right: Right | None
    faults: tuple[str, ...] = ()


def read(path: Path) -> list[Line]:
    """Every line. Raises ValueError when the file is no CSV with the columns of the table."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        unknown = set(rows.fieldnames or ()) - set(COLUMNS)
        missing = set(_REQUIRED) - set(rows.fieldnames or ())
        if unknown or missing:
            raise ValueError(
                f"{path}: "
                + "; ".join(
                    [f"unknown column {name}" for name in sorted(unknown)]
                    + [f"missing column {name}" for name in sorted(missing)]
                )
            )
        lines = [_line(number, row, path.parent) for number, row in enumerate(rows, 2)]
    return _without_overlaps(lines)


def _line(number: int, row: dict[str, str], folder: Path) -> Line:
    given = {name: (row.get(name) or "").strip() for name in COLUMNS}
    faults = [f"{name}: mangler | is missing" for name in _REQUIRED if not given[name]]
    faults += _faults(given)
    pem = None
    if given["sertifikat"]:
        pem, fault = _certificate(folder / given["sertifikat"])
        faults += fault
    if faults:
        return Line(number, None, tuple(faults))
    right = Right(
        konto_id=given["konto_id"].lower(),
        orgnr=given["orgnr"],
        navn=given["navn"],
        rolle=given["rolle"],
        for_orgnr=given["for_orgnr"],
        kommunenummer=given["kommunenummer"],
        bydelsnummer=tuple(given["bydelsnummer"].split()),
        gyldig_fra=date.fromisoformat(given["gyldig_fra"]),
        gyldig_til=date.fromisoformat(given["gyldig_til"]) if given["gyldig_til"] else None,
        sertifikat=pem,
        api_url=given["api_url"] or None,
        fiksio=given["fiksio"].lower() == "true" or None,
    )
    return Line(number, right)


def _faults(given: dict[str, str]) -> Iterator[str]:
    for name in ("orgnr", "for_orgnr"):
        if given[name] and not is_orgnr(given[name]):
            yield f"{name}: ikke et organisasjonsnummer (modulus 11) | not an organisation number"
    if given["konto_id"] and not _UUID.fullmatch(given["konto_id"].lower()):
        yield "konto_id: ikke en UUID | not a UUID"
    if given["rolle"] and given["rolle"] not in get_args(Role):
        yield f"rolle: en av {', '.join(get_args(Role))} | one of these"
    if given["rolle"] == "leverandor" and given["orgnr"] and given["orgnr"] == given["for_orgnr"]:
        yield "for_orgnr: en leverandør rapporterer for en annen | a supplier reports for another"
    if given["kommunenummer"] and given["kommunenummer"] not in names():
        yield "kommunenummer: finnes ikke | does not exist"
    for bydel in given["bydelsnummer"].split():
        if not re.fullmatch("[0-9]{2}", bydel):
            yield "bydelsnummer: to siffer hver | two digits each"
    days = {}
    for name in ("gyldig_fra", "gyldig_til"):
        try:
            days[name] = date.fromisoformat(given[name]) if given[name] else None
        except ValueError:
            yield f"{name}: ikke en dato (ÅÅÅÅ-MM-DD) | not a date"
    first, last = days.get("gyldig_fra"), days.get("gyldig_til")
    if first and last and last < first:
        yield "gyldig_til: før gyldig_fra | before gyldig_fra"
    if given["api_url"]:
        url = urlsplit(given["api_url"])
        if url.scheme != "https" or not url.hostname or url.query or url.fragment or url.username:
            yield "api_url: skal være https://vert/sti | must be https://host/path"
    if given["fiksio"].lower() not in ("", "true", "false"):
        yield "fiksio: true eller false | true or false"


def _certificate(path: Path) -> tuple[str | None, list[str]]:
    from cryptography.x509 import load_pem_x509_certificate

    try:
        pem = path.read_text(encoding="ascii")
        load_pem_x509_certificate(pem.encode())
    except (OSError, ValueError):
        return None, ["sertifikat: ingen lesbar PEM-fil | no readable PEM file"]
    return pem, []


def _without_overlaps(lines: list[Line]) -> list[Line]:
    """Two rights of the same account for the same reporter may not be valid on the same day."""
    seen: dict[tuple[str, str], list[Line]] = {}
    out = []
    for line in lines:
        if line.right is not None:
            earlier = seen.setdefault((line.right.konto_id, line.right.for_orgnr), [])
            clash = next((e for e in earlier if e.right and _overlap(e.right, line.right)), None)
            if clash is not None:
                fault = f"overlapper linje {clash.number} | overlaps line {clash.number}"
                out.append(Line(line.number, None, (fault,)))
                continue
            earlier.append(line)
        out.append(line)
    return out


def _overlap(a: Right, b: Right) -> bool:
    return a.gyldig_fra <= (b.gyldig_til or date.max) and b.gyldig_fra <= (a.gyldig_til or date.max)
