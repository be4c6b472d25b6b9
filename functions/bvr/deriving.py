"""Everything that is derived of the register, in its order: the function `avledning`, and `bvr derive`.

Each step reads what the one before wrote, keeps its own account of how far it has come, and finishes when run again.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bvr import gcp
from bvr.config import config
from bvr.pipeline import day_in_norway
from bvr.register import access, identity, materialise, pseudonyms
from bvr.register.pseudonyms import TinkPrf


def derive(at: datetime, *, everything: bool = False) -> dict[str, dict[str, Any]]:
    """Derive what follows from the submissions processed until `at`; step -> cases looked at, rows changed.

    `everything`: of the whole register, as once a night. Raises Retry and Broken.
    """
    c = config()
    tables = gcp.queries(c)
    steps = [
        materialise.run(tables, at, everything=everything),
        identity.run(tables, at, everything=everything),
        pseudonyms.run(
            tables, TinkPrf.of(c.analysis_keyset, gcp.unwrapping(c)), at, day_in_norway(at), everything=everything
        ),
    ]
    told = {step.steg: {"saker": step.antall, "endret": step.endret} for step in steps}
    policies = access.run(tables, gcp.RowPolicies(tables.client), day_in_norway(at), c.own_accounts)
    told["tilgang"] = {"gitt": len(policies.create), "tatt": len(policies.drop)}
    return told
