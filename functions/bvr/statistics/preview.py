"""The preview: a municipality's own figures of a freeze as they are, and what is flagged in them (statistics 3.4).

The rows come in the order that their hash was made in, so that whoever gets them can make it again: each row as JSON
without spaces, and a line feed.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

import msgspec

from bvr.errors import Broken
from bvr.statistics.approval import Standing
from bvr.statistics.figures.catalogue import figures
from bvr.statistics.figures.tables import KEY, VALUES, name
from bvr.statistics.freezes import values
from bvr.statistics.ports import Tables

COLUMNS = (*KEY, *VALUES)
DEVIATION = (
    *("indikator", "region", "periode", "periodetype", "testkode", "flagg", "verdi", "forrige", "nevner"),
    *("forrige_nevner", "forventet", "prosent", "p_verdi", "utfall", "svar_utdatert"),
)


def rows(tables: Tables, standing: Standing) -> list[list[Any]]:
    """Every figure of a municipality and its districts in its newest freeze. Raises Broken when they are not those that
    the freeze took the hash of: nobody is to approve anything else."""
    found = tables.query(
        f"SELECT {', '.join(COLUMNS)} FROM statistikk.frosne_tall WHERE frysing_id = @id "  # noqa: S608
        "AND niva IN ('KOMMUNE', 'BYDEL') AND SUBSTR(region, 1, 4) = @kommune",
        {"id": standing.frysing_id, "kommune": standing.kommunenummer},
    )
    made = [values(row) for row in found]
    made.sort(key=lambda row: (_tables().get(row[0], "~"), *row[: len(KEY)]))
    if sha256(made) != standing.sha256:
        raise Broken("preview", f"the figures of {standing.kommunenummer} are not those of {standing.frysing_id}")
    return made


def sha256(made: list[list[Any]]) -> str:
    """The hash of rows in their order, as `freezes` makes it."""
    digest = hashlib.sha256()
    for row in made:
        digest.update(msgspec.json.encode(row) + b"\n")
    return digest.hexdigest()


def deviations(tables: Tables, standing: Standing) -> list[dict[str, Any]]:
    """What the year-on-year tests have flagged of them, those that matter most first."""
    period, number = standing.frysing_id.rsplit("-", 1)
    return tables.query(
        f"SELECT {', '.join(DEVIATION)} FROM statistikk.avvik_gjeldende WHERE kommunenummer = @kommune "  # noqa: S608
        "AND kilde = @nummer AND periode = @periode ORDER BY rang",
        {"kommune": standing.kommunenummer, "nummer": number, "periode": period},
    )


@cache
def _tables() -> dict[str, str]:
    """Indicator -> the table it is frozen from: freezes go by table."""
    return {figure.id: name(figure.family) for figure in figures()}
