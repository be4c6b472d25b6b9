"""The register of senders for the synthetic municipalities: an account each, and a supplier that speaks for all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from uuid import NAMESPACE_URL, uuid5

from bvr.intake.sender import Right
from bvr.model.identifiers import make_orgnr
from bvr.simulate.population import Kommune, kommuner

_FROM = date(2000, 1, 1)

SUPPLIER_ACCOUNT = str(uuid5(NAMESPACE_URL, "https://barnevernsregisteret.no/bvr-send"))
"""The account that `bvr send` uses: a supplier's, so that a file of any synthetic municipality can be tried."""
SUPPLIER_ORGNR = next(made for n in range(31999900, 32000000) if (made := make_orgnr(n)))


def rights(certificates: dict[str, str] | None = None, api_url: str | None = None) -> Iterator[Right]:
    """Two rights for each municipality. `certificates`: orgnr -> PEM that answers are sealed to; `api_url` is the base
    address of the municipalities' own API, where there is one."""
    known = certificates or {}
    for kommune in kommuner():
        yield _right(kommune, kommune.account, kommune.orgnr, kommune.name, "fagsystem", known, api_url)
        yield _right(kommune, SUPPLIER_ACCOUNT, SUPPLIER_ORGNR, "Prøvesending", "leverandor", known, None)


def _right(
    kommune: Kommune, account: str, orgnr: str, name: str, role: str, certificates: dict[str, str], api_url: str | None
) -> Right:
    return Right(
        konto_id=account,
        orgnr=orgnr,
        navn=name,
        rolle=role,
        for_orgnr=kommune.orgnr,
        kommunenummer=kommune.number,
        bydelsnummer=tuple(b.number for b in kommune.bydeler),
        gyldig_fra=_FROM,
        sertifikat=certificates.get(orgnr),
        api_url=api_url,
    )
