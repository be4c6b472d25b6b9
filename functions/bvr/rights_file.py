"""The register of rights as a CSV file: checked line by line before it becomes `grunnlag.rett`.

One line a right, the columns of the table; several regions and products are separated by spaces.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from bvr import register_file
from bvr.api.rights import EVERYWHERE, Product, Rett, Role
from bvr.model.identifiers import is_orgnr
from bvr.model.kommuner import names


def read(path: Path) -> list[register_file.Line[Rett]]:
    """Every line. Raises ValueError when the file is no CSV with the columns of the table."""
    lines = register_file.read(path, Rett, _right, required=["produkter"])
    return register_file.apart(lines, lambda right: (right.orgnr, right.rolle), _clash)


def _right(given: dict[str, str]) -> Rett | list[str]:
    faults = list(_faults(given))
    if faults or not given["gyldig_fra"]:
        return faults
    return Rett(
        orgnr=given["orgnr"],
        navn=given["navn"],
        rolle=given["rolle"],
        regioner=tuple(given["regioner"].split()),
        produkter=tuple(given["produkter"].split()),
        hjemmel=given["hjemmel"],
        leverandor=given["leverandor"] or None,
        gyldig_fra=date.fromisoformat(given["gyldig_fra"]),
        gyldig_til=date.fromisoformat(given["gyldig_til"]) if given["gyldig_til"] else None,
    )


def _faults(given: dict[str, str]) -> Iterator[str]:
    if given["orgnr"] and not is_orgnr(given["orgnr"]):
        yield "orgnr: ikke et organisasjonsnummer (modulus 11) | not an organisation number"
    role, regions, products = given["rolle"], given["regioner"].split(), given["produkter"].split()
    if role and role not in list(Role):
        yield f"rolle: en av {', '.join(Role)} | one of these"
    for region in regions:
        if region != EVERYWHERE and not (re.fullmatch("([0-9]{2}){2,3}", region) and region[:4] in names()):
            yield f"regioner: {region[:20]} finnes ikke | does not exist"
    if strange := [one[:20] for one in products if one not in list(Product)]:
        yield f"produkter: {', '.join(strange)} er ikke blant | not among {', '.join(Product)}"
    if role == Role.MUNICIPALITY and (not regions or EVERYWHERE in regions):
        yield "regioner: nevn kommunens egne | name the municipality's own"
    if role == Role.SUPPLIER and (regions or not given["leverandor"]):
        yield "leverandor: navnet i innsendingene, og ingen regioner | its name in submissions, and no regions"
    if role != Role.SUPPLIER and given["leverandor"]:
        yield "leverandor: bare for en leverandør | for a supplier only"
    if Product.APPROVAL in products and role not in (Role.MUNICIPALITY, Role.SSB):
        yield "produkter: bare kommunen godkjenner, og SSB fryser | only a municipality approves, and SSB freezes"
    yield from register_file.days(given)


def _clash(a: Rett, b: Rett) -> bool:
    """Two rights of one organisation to a region in one role may not be valid on the same day: which basis holds?"""
    both = any(a.covers(region) for region in b.regioner) or any(b.covers(region) for region in a.regioner)
    return register_file.at_once(a, b) and (both or not (a.regioner or b.regioner))
