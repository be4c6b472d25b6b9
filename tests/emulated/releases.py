"""A year of figures in the local cloud, frozen and ready to be published."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from bvr import gcp
from bvr.config import config
from bvr.statistics.freezes import Freeze
from bvr.statistics.publication.declared import products
from emulator.cloud import LOCAL_KOMMUNE
from tests.unit.release_world import World, municipalities

PRODUCT = next(product for product in products() if product.id == "undersokelser")
PLACES = [one for one in municipalities() if one[0][:2] == LOCAL_KOMMUNE[:2]]
PERIOD, FREEZE = "2024", "2024-T4"


def load() -> None:
    """Load the figures of PRODUCT in PLACES, and what they are divided and grouped by."""
    drawn, known = World(7, chosen=PLACES), datetime(2025, 6, 2, tzinfo=UTC)
    tables = gcp.queries(config())
    since = {"gyldig_fra": "2020-01-01", "gyldig_til": None, "lastet": None}
    tables.insert(
        "grunnlag.kostragruppe",
        [
            {"kommunenummer": name, "gruppe": group, **since}
            for group, members in drawn.groups.items()
            for name in members
        ],
    )
    people = {"aldersgruppe": "F000-017", "dato": "2025-01-01", "lastet": None}
    tables.insert("grunnlag.befolkning", [{"region": name, "antall": n, **people} for name, n in PLACES])
    added = {"frysing_id": FREEZE, "status": "KOMPLETT", "referansedato": "2024-12-31", "andel": None}
    tables.insert(
        "statistikk.frosne_tall",
        [
            {**row, **added, "region": str(row["region"]), "kode": str(row["kode"]), "kunnskapstidspunkt": known}
            for row in drawn.rows(PERIOD)
            if row["indikator"] in PRODUCT.figures
        ],
    )
    hashes = dict.fromkeys(("sha256", "regelsett", "kodelister_sha256", "sporringer_sha256"), "x")
    freeze = Freeze(
        frysing_id=FREEZE,
        periode=PERIOD,
        nummer="T4",
        kunnskapstidspunkt=known,
        frosset=known,
        forrige_id=None,
        rader=1,
        **hashes,
    )
    tables.insert("statistikk.frysing", [msgspec.structs.asdict(freeze)])
