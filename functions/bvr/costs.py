"""What the register costs a month at national load: volumes times prices, item by item (`costs.yaml`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import yaml

_HOURS = 730
_SECONDS = _HOURS * 3600


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the bill: `much` of a unit, at a price, in US dollars."""

    name: str
    much: float
    unit: str
    price: float
    why: str

    @property
    def dollars(self) -> float:
        return self.much * self.price


@cache
def declared() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("costs.yaml").read_text(encoding="utf-8"))
    return found


def items(changed: Mapping[str, float] | None = None) -> list[Item]:
    """The bill. Raises KeyError for a volume that there is none of."""
    d = declared()
    if unknown := set(changed or {}) - d["volumes"].keys():
        raise KeyError(", ".join(sorted(unknown)))
    return list(_items({**d["volumes"], **(changed or {})}, d["prices"], d["counts"]))


def submissions(v: Mapping[str, float]) -> float:
    """Submissions in a month."""
    daily = v["cases"] * v["changed_a_day"] * v["working_days"]
    return daily + v["whole_load"] * v["whole_loads_a_year"] / 12


def _items(v: Mapping[str, float], p: Mapping[str, float], n: Mapping[str, int]) -> Iterator[Item]:
    sent = submissions(v)
    gigabytes = sent * v["kilobytes"] / 1e6
    kept = gigabytes * 12 * v["years_kept"]
    rows = sent * v["row_kilobytes"] / 1e6 * 12 * v["years_kept"]

    def item(name: str, much: float, unit: str, price: float, why: str) -> Item:
        return Item(name=name, much=much, unit=unit, price=price, why=why)

    seconds = sent * (v["seconds_intake"] + v["seconds_delivery"])
    yield item("Functions: vCPU", seconds, "s", p["vcpu_second"], "submissions x billed seconds, 1 vCPU")
    yield item("Functions: memory", seconds, "GiB s", p["gib_second"], "1 GiB")
    yield item("Functions: requests", (3 * sent + v["api_calls"]) / 1e6, "million", p["million_requests"], "3 each")
    idle = n["warm_instances"] * _SECONDS
    yield item("Functions: kept warm", idle, "s", p["vcpu_second"] / 10, "idle instances, a tenth of the price")
    busy = n["workers"] * _SECONDS
    yield item("Connector: vCPU", busy, "s", p["worker_vcpu_second"], "two workers, always on")
    yield item("Connector: memory", busy / 2, "GiB s", p["worker_gib_second"], "512 MiB each")
    carried = sent * (4 * v["kilobytes"] / 3 * 2 + 2 * v["receipt_kilobytes"]) / 1e9
    yield item("Pub/Sub", carried, "TiB", p["pubsub_tib"], "in and out, base64, and receipts")
    yield item("Storage: archive and ledger", kept * 1.6, "GB", p["storage_gb_month"], "all years; ledger 0.6 of it")
    yield item("Storage: writes and lists", 6 * sent / 1e6, "million", p["million_class_a"], "6 a submission")
    yield item("Storage: reads", 8 * sent / 1e6, "million", p["million_class_b"], "8 a submission, most say no")
    yield item("BigQuery: writes", sent * v["row_kilobytes"] / 1e6, "GB", p["bigquery_write_gb"], "Storage Write API")
    yield item("BigQuery: storage", rows * 2.2, "GB", p["bigquery_gb_month"], "rows, what is derived, time travel")
    yield item("BigQuery: scheduled queries", v["queries_terabytes"], "TiB", p["bigquery_tib"], "bytes billed")
    yield item("BigQuery: analysts", v["analysts_terabytes"], "TiB", p["bigquery_tib"], "bytes billed")
    yield item("KMS: keys", n["keys"], "keys", p["key_month"], "one version each")
    yield item("KMS: key in HSM", n["hsm_keys"], "keys", p["hsm_key_month"], "opens sealed messages")
    yield item("KMS: opening", sent / 1e4, "10,000", p["ten_thousand_asymmetric"], "one a submission")
    yield item("Secrets", n["secrets"], "secrets", p["secret_month"], "one version each")
    yield item("Scheduler", n["jobs"], "jobs", p["job_month"], "")
    yield item("Logs", sent * v["log_kilobytes"] / 1e6 * 1.5, "GiB", p["log_gib"], "and half as much of audit")
    yield item("Traces", sent * v["spans"] / 1e6, "million", p["million_spans"], "spans")
    samples = n["warm_instances"] * v["series"] * _HOURS * 60 / 1e6
    yield item("Metrics", samples, "million", p["million_samples"], "each series once a minute")
    yield item("Load balancer", _HOURS, "h", p["balancer_hour"], "")
    yield item("Cloud Armor", 1, "policy", p["armor_policy"] + n["armor_rules"] * p["armor_rule"], "with its rules")
    yield item("Images", 10, "GB", p["image_gb"], "")


def page() -> str:
    """docs/kostnader.md."""
    d, found = declared(), items()
    total, sent = sum(one.dollars for one in found), submissions(declared()["volumes"])
    lines = [
        "# Kostnader | Costs",
        "",
        "Generert av `bvr generate` fra `functions/bvr/costs.yaml`; andre volumer: `bvr cost --set cases=80000`.",
        "| Generated from the volumes and prices in that file.",
        "",
        f"Etter Googles prismodell for europe-north1 (<{d['source']}>), i amerikanske dollar uten avgifter "
        f"og gratiskvoter. {_checked(d['prices_checked'])}",
        "",
        f"**{sent:,.0f} innsendinger i måneden: {total:,.0f} dollar.** | Submissions, dollars a month.",
        "",
        "| post, item | mengde, amount | enhet, unit | pris, price | dollar | hvorfor, why |",
        "| --- | ---: | --- | ---: | ---: | --- |",
        *(
            f"| {one.name} | {one.much:,.{0 if one.much >= 100 else 2}f} | {one.unit} | {one.price:g} "
            f"| {one.dollars:,.2f} | {one.why} |"
            for one in found
        ),
        f"| **I alt, total** | | | | **{total:,.2f}** | |",
        "",
        "| volum, volume | verdi, value |",
        "| --- | ---: |",
        *(f"| {name} | {value:,} |" for name, value in d["volumes"].items()),
        "",
    ]
    return "\n".join(lines)


def _checked(day: Any) -> str:
    if day is None:
        return "Prisene er ikke slått opp: gjør det før noe avgjøres. | The prices have not been looked up: do, first."
    return f"Prisene er slått opp {day}. | The prices were looked up then."
