"""What a function is told by its environment, read once at start. Names are given, never secrets."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from bvr.intake.sealed import Limits as SealedLimits
from bvr.kostra.rules.options import KostraOptions
from bvr.pipeline import Settings
from bvr.rules.options import RuleOptions


def _schemas() -> Path:
    """bigquery_schemas/ beside the deployed source, or beside functions/ in the repository."""
    here = Path(__file__).resolve().parents[1]
    return next(p for p in (here / "bigquery_schemas", here.parent / "bigquery_schemas") if p.exists())


class Config(BaseSettings):
    """Names of resources and choices of operation; a test compares the names with the topology."""

    model_config = SettingsConfigDict(env_prefix="BVR_", frozen=True, extra="ignore")

    project: str = Field(validation_alias="GOOGLE_CLOUD_PROJECT")
    topic_innsending: str = "innsending"
    topic_kvittering: str = "kvittering"
    topic_hendelse: str = "hendelse"
    topic_utgivelse: str = "utgivelse"
    bucket_arkiv: str = "arkiv"
    bucket_protokoll: str = "protokoll"
    bucket_innboks: str = "innboks"
    bucket_kostra: str = "kostra"
    bucket_rapporter: str = "rapporter"
    dataset_register: str = "register"
    dataset_statistikk: str = "statistikk"
    bigquery_write_endpoint: str = ""
    """Endpoint of the Storage Write API without TLS; empty means Google's own."""
    bigquery_location: str = "europe-north1"
    keyset: str = ""
    """Path of the Tink keyset that encrypts direct identifiers: a mounted secret."""
    keyset_kms_key: str = ""
    """The Cloud KMS key that both keysets are wrapped with; empty: they are in the clear, as in the local cloud."""
    analysis_keyset: str = ""
    """Path of the Tink keyset that pseudonyms are made with: a mounted secret."""
    deriving_accounts: str = ""
    """Who derivations and queries run as, separated by commas: serviceAccount: and e-mail. They see every row.
    Empty: the account of avledning."""
    private_keys: str = ""
    """Folder (or file) of the private keys that sealed messages are encrypted to; empty: see kms_keys."""
    kms_keys: str = ""
    """Versions of Cloud KMS keys that sealed messages are encrypted to, separated by commas."""
    trusted_issuers: str = ""
    """PEM file of the issuers whose signatures count."""
    seal_key: str = ""
    """PEM file of the key that answers are signed with."""
    seal_certificate: str = ""
    """PEM file of its certificate, and the chain above it."""
    sealed: dict[str, int] = {}
    """JSON: limits on sealed messages that are not to be the default, such as {"files": 20}."""
    require_sealed: bool = False
    """Refuse what is not encrypted and signed."""
    konto_id: str = "b5ae1c5e-7a0d-4c43-9d5c-6f1f3a1f0b01"
    """The register's own account, the sender of every answer."""
    maskinporten_client_id: str = ""
    maskinporten_key: str = ""
    """PEM file of the key that the register's own Maskinporten client signs with."""
    dataset_drift: str = "drift"
    maskinporten_issuer: str = "https://maskinporten.no/"
    api_audience: str = ""
    api_calls_per_minute: int = 30
    altinn: str = "https://www.altinn.no/"
    """The Altinn whose delegations count, as tokens name it; several are separated by commas."""
    allow_synthetic: bool = False
    """Synthetic person numbers are refused unless the environment says that it is one for tests."""
    kostra: dict[str, str | int | bool] = {}
    """JSON: readings of KOSTRA rules that are not to be the default, such as {"tiltak_24": "program"}."""
    sweep_after_minutes: int = 15

    @property
    def settings(self) -> Settings:
        return Settings(options=RuleOptions(allow_synthetic=self.allow_synthetic), require_sealed=self.require_sealed)

    @property
    def sealed_limits(self) -> SealedLimits:
        """Raises msgspec.ValidationError, naming the limit, for one that does not exist."""
        return msgspec.convert({"container": self.settings.limits.bytes, **self.sealed}, SealedLimits)

    @property
    def kostra_options(self) -> KostraOptions:
        """Raises msgspec.ValidationError, naming the switch, for one that does not exist or a reading that is none."""
        return msgspec.convert({"allow_synthetic": self.allow_synthetic, **self.kostra}, KostraOptions)

    @property
    def own_accounts(self) -> tuple[str, ...]:
        named = tuple(one.strip() for one in self.deriving_accounts.split(",") if one.strip())
        return named or (f"serviceAccount:avledning@{self.project}.iam.gserviceaccount.com",)

    @property
    def delegation_sources(self) -> tuple[str, ...]:
        return tuple(one.strip() for one in self.altinn.split(",") if one.strip())

    def bucket(self, name: str) -> str:
        """Bucket names are global: the project is their prefix."""
        return f"{self.project}-{name}"

    @property
    def schemas(self) -> Path:
        return _schemas()


@cache
def config() -> Config:
    return Config()
