"""What is made once a process of the configuration: the flow of a case, with Google behind its ports.

Each part is imported when it is asked for: a function that has no use of it starts without it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from bvr.config import config

if TYPE_CHECKING:
    from bvr.desk import Desk
    from bvr.fiksio.send import FiksClient
    from bvr.intake.sealed import Opener
    from bvr.intake.sealed.seal import AnswerSealer
    from bvr.intake.sender import SenderRegister
    from bvr.kostra.intake import KostraService
    from bvr.service import Courier, Service


def now() -> datetime:
    return datetime.now(UTC)


@cache
def desk() -> Desk:
    """Where messages come in and answers go out, with Google behind its ports: made once a process."""
    from bvr import gcp
    from bvr.desk import Desk

    c = config()
    storage = gcp.storage_client(c.project)
    return Desk(
        archive=gcp.Bucket(storage, c.bucket(c.bucket_arkiv)),
        ledger=gcp.Bucket(storage, c.bucket(c.bucket_protokoll)),
        inbox=gcp.Bucket(storage, c.bucket(c.bucket_innboks)),
        topics=gcp.publisher(c.project),
        clock=now,
        account=c.konto_id,
        topic_in=c.topic_innsending,
        topic_events=c.topic_hendelse,
        topic_out=c.topic_kvittering,
        sealer=_sealer(),
        sweep_after=timedelta(minutes=c.sweep_after_minutes),
    )


def _sealer() -> AnswerSealer | None:
    """Seals answers to those whose certificate the register of senders knows; None without a key to sign with."""
    c = config()
    if not c.seal_key:
        return None
    from bvr.intake.sealed.keys import certificates, private_key
    from bvr.intake.sealed.seal import AnswerSealer, Signing

    own, *chain = certificates(Path(c.seal_certificate))
    signing = Signing(key=private_key(Path(c.seal_key)), certificate=own, chain=chain)
    return AnswerSealer(signing, lambda account: senders().certificate_of(account))


@cache
def opener() -> Opener | None:
    """Opens sealed messages with the keys of Cloud KMS, or with those mounted as files; None where there are none."""
    c = config()
    if not (c.kms_keys or c.private_keys):
        return None
    from bvr import gcp
    from bvr.intake.sealed import Opener
    from bvr.intake.sealed.keys import PemKeys
    from bvr.intake.sealed.trust import Trust

    keys = gcp.kms_keys(c.kms_keys.split(",")) if c.kms_keys else PemKeys.of(c.private_keys)
    return Opener(
        keys=keys,
        trust=Trust.of(Path(c.trusted_issuers).read_bytes()),
        limits=c.sealed_limits,
    )


@cache
def senders() -> SenderRegister:
    """Who may report for whom, read from BigQuery now and then."""
    from bvr import gcp
    from bvr.intake.sender import SenderRegister

    query = gcp.queries(config())
    return SenderRegister(lambda: gcp.rights(query), now)


@cache
def service() -> Service:
    """The flow of a case."""
    from bvr import gcp
    from bvr.register.keys import TinkCipher
    from bvr.register.proto import RowWriter
    from bvr.service import Service

    c = config()
    rows = RowWriter.of(c.schemas / "register" / "innsending" / "schema.json")
    return Service(
        desk=desk(),
        register=gcp.RegisterTable(gcp.write_client(c.bigquery_write_endpoint), gcp.queries(c), c, rows),
        cipher=TinkCipher.of(c.keyset, gcp.unwrapping(c)),
        rows=rows,
        settings=c.settings,
        senders=senders(),
        opener=opener(),
        outbound=_outbound(),
    )


@cache
def kostra() -> KostraService:
    """The flow of a KOSTRA file."""
    from bvr import gcp
    from bvr.kostra.intake import KostraService
    from bvr.model.kommuner import names
    from bvr.register.keys import TinkCipher
    from bvr.register.proto import RowWriter

    c = config()
    storage, write = gcp.storage_client(c.project), gcp.write_client(c.bigquery_write_endpoint)
    rows = {n: RowWriter.of(c.schemas / "register" / n / "schema.json") for n in ("kostra_individ", "kostra_fil")}
    tables = {n: gcp.RegisterTable(write, gcp.queries(c), c, writer, n) for n, writer in rows.items()}
    return KostraService(
        desk=desk(),
        uploads=gcp.Bucket(storage, c.bucket(c.bucket_kostra)),
        reports=gcp.Bucket(storage, c.bucket(c.bucket_rapporter)),
        clients=tables["kostra_individ"],
        files=tables["kostra_fil"],
        client_rows=rows["kostra_individ"],
        file_rows=rows["kostra_fil"],
        cipher=TinkCipher.of(c.keyset, gcp.unwrapping(c)),
        senders=senders(),
        names=names(),
        options=c.kostra_options,
        opener=opener(),
        require_sealed=c.require_sealed,
    )


@cache
def courier() -> Courier:
    """The way of an answer from the topic."""
    from bvr.service import Courier

    return Courier(desk=desk(), outbound=_outbound())


def _outbound() -> FiksClient | None:
    """The way back through Fiks IO; None where that is not configured."""
    from bvr.fiksio.settings import fiks_client, fiks_settings

    settings = fiks_settings()
    return fiks_client(config(), settings, lambda account: senders().through_fiksio(account)) if settings.api else None
