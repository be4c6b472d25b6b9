"""The office that erases, with Google behind its ports: what `bvr erase` works through."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from bvr import gcp
from bvr.config import config
from bvr.intake.sealed.keys import certificates, private_key
from bvr.intake.sealed.seal import Signing
from bvr.register.erasure import Office
from bvr.register.keeps import Keeps
from bvr.register.keys import TinkCipher
from bvr.register.traces import Reader
from bvr.wiring import opener


def office(patience: float = 10.0) -> Office:
    """Everything that erasing needs, as the environment names it. Without a key to sign with, reports are not signed;
    without one to open with, sealed messages that no row tells of cannot be read, and the report says how many.
    `patience`: seconds to wait for each subscription's dead letters.
    """
    c = config()
    storage = gcp.storage_client(c.project)
    names = {
        "arkiv": c.bucket_arkiv,
        "protokoll": c.bucket_protokoll,
        "innboks": c.bucket_innboks,
        "kostra": c.bucket_kostra,
        "rapporter": c.bucket_rapporter,
    }
    keeps = Keeps.of(c.schemas.parent / "terraform" / "topology.auto.tfvars.json")
    return Office(
        buckets={name: gcp.Bucket(storage, c.bucket(actual)) for name, actual in names.items()},
        tables=gcp.queries(c),
        dead=gcp.DeadLetters(c.project, keeps.dead_letters, patience),
        reader=Reader(limits=c.settings.limits, opener=opener(), cipher=TinkCipher.of(c.keyset, gcp.unwrapping(c))),
        keeps=keeps,
        schemas=c.schemas,
        clock=lambda: datetime.now(UTC),
        signing=_signing(),
    )


def _signing() -> Signing | None:
    c = config()
    if not c.seal_key:
        return None
    own, *chain = certificates(Path(c.seal_certificate))
    return Signing(key=private_key(Path(c.seal_key)), certificate=own, chain=chain)
