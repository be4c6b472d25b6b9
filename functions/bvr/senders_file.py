"""The register of senders as a CSV file: checked line by line before it becomes `grunnlag.avsender`.

One line a right, the columns of the table; several districts are separated by spaces. A certificate is given as the
name of a PEM file beside the CSV.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import get_args
from urllib.parse import urlsplit

from bvr import register_file
from bvr.intake.protocol import Role
from bvr.intake.sender import Right
from bvr.model.identifiers import is_orgnr
from bvr.model.kommuner import names

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def read(path: Path) -> list[register_file.Line[Right]]:
    """Every line. Raises ValueError when the file is no CSV with the columns of the table."""
    lines = register_file.read(path, Right, lambda given: _right(given, path.parent))
    # Two rights of the same account for the same reporter may not be valid on the same day.
    return register_file.apart(lines, lambda right: (right.konto_id, right.for_orgnr), register_file.at_once)


def _right(given: dict[str, str], folder: Path) -> Right | list[str]:
    faults = list(_faults(given))
    pem = None
    if given["sertifikat"]:
        pem, fault = _certificate(folder / given["sertifikat"])
        faults += fault
    if faults or not given["gyldig_fra"]:
        return faults
    return Right(
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
    yield from register_file.days(given)
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
