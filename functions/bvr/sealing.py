"""Sealing and opening for people: the commands `bvr seal` and `bvr open`, and sealed synthetic senders."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bvr.desk import SEALED_TYPE
from bvr.faults import KINDS, Fault
from bvr.model.identifiers import make_orgnr

if TYPE_CHECKING:
    from bvr.intake.sealed.seal import Signing
    from bvr.simulate import Submission

REGISTER_ORGNR = next(made for n in range(31990000, 32000000) if (made := make_orgnr(n)))
"""Organisation number of the register in test certificates."""


def seal_files(files: Sequence[Path], *, to: Path, key: Path, certificate: Path, indefinite: bool = True) -> bytes:
    """A container of files. Raises ValueError when a key or certificate cannot be read."""
    from bvr.intake.sealed.keys import certificates, private_key
    from bvr.intake.sealed.seal import Signing, seal

    own, *chain = certificates(certificate)
    signing = Signing(key=private_key(key), certificate=own, chain=chain)
    return seal({f.name: f.read_bytes() for f in files}, signing, certificates(to)[0], indefinite=indefinite)


def open_file(file: Path, *, key: Path, trust: Path, out: Path | None) -> int:
    """Open a container and show, or write, what is in it. 0, or 2 when a check fails."""
    from bvr.intake.sealed import Opener
    from bvr.intake.sealed.keys import PemKeys
    from bvr.intake.sealed.trust import Trust

    try:
        opener = Opener(keys=PemKeys.of(key), trust=Trust.of(trust.read_bytes()))
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    found = opener.open(file.read_bytes(), datetime.now(UTC))
    if isinstance(found, Fault):
        kind = KINDS[found.kind]
        click.echo(f"{file}: {kind.feilkode} ({kind.rule}): {found.nb} {kind.remedy_nb}", err=True)
        click.echo(f"  {found.en} {kind.remedy_en}", err=True)
        return 2
    signer = found.signer
    click.echo(f"signed by {signer.orgnr}, certificate {signer.serial}, valid to {signer.not_after:%Y-%m-%d}", err=True)
    for name, content in found.files.items():
        click.echo(f"{name}\t{len(content)} bytes{' (the message)' if name == found.root else ''}")
        if out is not None:
            path = out / name  # names were checked when the container was opened
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return 0


def simulated() -> Callable[[Submission], tuple[bytes, dict[str, str]]]:
    """Seals synthetic submissions to the register that the environment points to, each signed by its municipality.

    Needs the test certificates that the local cloud makes: the issuer's key is among them.
    """
    from bvr.intake.sealed.keys import certificates
    from bvr.intake.sealed.seal import seal
    from bvr.testpki import Pki

    folder = os.environ.get("BVR_TEST_PKI")
    if not folder:
        raise click.ClickException("sealed senders need the test certificates of the local cloud: see `bvr up`")
    pki, recipient = Pki.read(Path(folder)), certificates(Path(folder) / "register.pem")[0]

    @cache
    def signing(orgnr: str, name: str) -> Signing:
        return pki.business(orgnr, name, key=pki.sender_key)

    def make(submission: Submission) -> tuple[bytes, dict[str, str]]:
        avgiver = submission.document.avgiver
        own = signing(avgiver.organisasjonsnummer, avgiver.kommunenavn)
        name = "sak.xml" if submission.native else "payload.json"
        return seal({name: submission.body}, own, recipient), {**submission.attributes, "content-type": SEALED_TYPE}

    return make
