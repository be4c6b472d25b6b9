"""The other ways in: a sealed case against the private-key operation alone, a KOSTRA file against bare iterparse."""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from random import Random

from lxml import etree

from bvr.intake.sealed import Opener, cms
from bvr.intake.sealed.keys import PemKeys
from bvr.intake.sealed.seal import seal
from bvr.intake.sealed.trust import Trust
from bvr.kostra.check import check_file
from bvr.kostra.decode import Client, read
from bvr.kostra.rules import KostraOptions
from bvr.kostra.rules.examples import avgiver, form, individ, melding, nummer, plan, tiltak, undersokelse
from bvr.kostra.xml import encode as kostra
from bvr.model.xml import encode
from bvr.simulate.cases import typical_case
from bvr.testpki import Pki, pem_of

AT = datetime(2026, 6, 30, 12, tzinfo=UTC)
CLIENTS = 2000
_ROUNDS = 7


def _best(work: Callable[[], object], calls: int) -> float:
    best = float("inf")
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        for _ in range(calls):
            work()
        best = min(best, (time.perf_counter() - start) / calls)
    return best


def sealed() -> list[str]:
    """Lines of the table of sealed messages."""
    pki = Pki.new("Bench")
    sender = pki.business("991825827")
    xml = encode(typical_case())
    lines = [
        "## A sealed typical case",
        "",
        f"{len(xml) / 1000:.1f} kB of XML in a signed container, encrypted to the register. 1.00 = the RSA private-key "
        "operation alone. The certificate's chain was checked within the hour.",
        "",
        "| register's key | RSA alone, µs | opened, µs | ratio | structure | decrypt | container | signature |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for bits in (2048, 3072, 4096):
        register = pki.business("889640782", bits=bits)
        opener = Opener(keys=PemKeys([register.key]), trust=Trust.of(pem_of(pki.root)))
        body = seal({"sak.xml": xml}, sender, register.certificate)
        enveloped = cms.read(body, opener.limits)
        plain = cms.decrypt(enveloped, opener.keys)
        from bvr.intake.sealed import asice

        container = asice.read(plain, opener.limits)
        steps: list[Callable[[], object]] = [
            lambda key=register.key, e=enveloped: key.decrypt(e.wrapped[0], cms.OAEP),  # type: ignore[misc]
            lambda o=opener, b=body: o.open(b, AT),  # type: ignore[misc]
            lambda o=opener, b=body: cms.read(b, o.limits),  # type: ignore[misc]
            lambda o=opener, e=enveloped: cms.decrypt(e, o.keys),  # type: ignore[misc]
            lambda o=opener, p=plain: asice.read(p, o.limits),  # type: ignore[misc]
            lambda o=opener, c=container: o.trust.signer(c.signature, c.manifest, AT),  # type: ignore[misc]
        ]
        steps[1]()
        base, whole, *parts = (_best(step, 50) for step in steps)
        told = " | ".join(f"{part / base:.2f}" for part in parts)
        lines.append(f"| RSA {bits} | {base * 1e6:.0f} | {whole * 1e6:.0f} | **{whole / base:.2f}** | {told} |")
    return [*lines, ""]


def kostra_files() -> list[str]:
    """Lines of the table of KOSTRA files."""
    rng = Random(1)  # noqa: S311
    clients = [
        individ(
            *(melding(undersokelse()) for _ in range(rng.randint(1, 2))),
            plan(),
            *(tiltak() for _ in range(rng.randint(0, 3))),
            journalnummer=f"J{n}",
            id=str(n),
            nr=nummer((date(2008, 1, 1) + timedelta(n)).isoformat()),
        )
        for n in range(CLIENTS)
    ]
    data = kostra(avgiver(), clients)

    def bare() -> None:
        for _, element in etree.iterparse(io.BytesIO(data), tag="Individ"):
            element.clear()

    def decoded() -> None:
        assert sum(isinstance(part, Client) for part in read(data)) == CLIENTS

    def checked() -> None:
        check_file(data, form(), KostraOptions())

    seconds: dict[str, float] = {}
    for name, work in (("bare iterparse", bare), ("read (schema, structs)", decoded), ("checked (all rules)", checked)):
        seconds[name] = statistics.median([_best(work, 1) for _ in range(2)])
    base = seconds["bare iterparse"]
    return [
        f"## A KOSTRA file: {CLIENTS:,} clients, {len(data) / 1e6:.1f} MB",
        "",
        "| step | ratio | clients a second |",
        "| --- | ---: | ---: |",
        *(f"| {name} | {s / base:.2f} | {CLIENTS / s:,.0f} |" for name, s in seconds.items()),
        "",
    ]
