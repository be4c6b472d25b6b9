"""What is configured about Fiks IO: environment variables BVR_FIKSIO_*."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bvr.config import Config
from bvr.fiksio.send import FiksClient, Integration
from bvr.maskinporten_client import TokenClient


class FiksSettings(BaseSettings):
    """Where Fiks IO is, and our integration with it."""

    model_config = SettingsConfigDict(env_prefix="BVR_FIKSIO_", frozen=True, extra="ignore")

    api: str = ""
    """Base address of the REST API; empty: answers are not sent through Fiks IO."""
    host: str = "io.fiks.ks.no"
    port: int = 5671
    tls: bool = True
    virtual_host: str = "/"
    integration_id: str = ""
    password: str = ""
    """Path of the integration's password: a mounted secret."""
    prefetch: int = Field(10, ge=1, le=100)
    """Messages in hand at a time."""
    hold_seconds: float = Field(1200.0, gt=0, lt=1800)
    """How long a message is held while storage is away; the broker ends the channel after 30 minutes."""
    own_headers: str = ""
    """Names of senders' own headers to carry on, separated by commas; no more than 20."""
    ttl_hours: int = Field(168, ge=1)
    """How long an answer waits for its receiver."""

    @field_validator("own_headers")
    @classmethod
    def _few(cls, value: str) -> str:
        names = [name.strip() for name in value.split(",") if name.strip()]
        if len(names) > 20 or not all(re.fullmatch(r"[A-Za-z0-9._-]{1,100}", name) for name in names):
            raise ValueError("at most 20 names of letters, digits, '.', '_' and '-'")
        return ",".join(names)


@cache
def fiks_settings() -> FiksSettings:
    return FiksSettings()


def tokens(c: Config) -> TokenClient:
    """The register's own Maskinporten client."""
    return TokenClient(c.maskinporten_issuer, c.maskinporten_client_id, Path(c.maskinporten_key).read_bytes())


def fiks_client(c: Config, f: FiksSettings, handles: Callable[[str], bool]) -> FiksClient:
    """The REST side of Fiks IO, as configured."""
    from bvr.intake.sealed.keys import certificates, private_key
    from bvr.intake.sealed.seal import Signing

    own, *chain = certificates(Path(c.seal_certificate))
    me = Integration(
        api=f.api.rstrip("/"),
        id=f.integration_id,
        password=Path(f.password).read_text(encoding="utf-8").strip(),
        account=c.konto_id,
    )
    signing = Signing(key=private_key(Path(c.seal_key)), certificate=own, chain=chain)
    return FiksClient(me, tokens(c), signing, handles, ttl_seconds=f.ttl_hours * 3600)
