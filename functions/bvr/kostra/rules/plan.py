"""Rules of the plan."""

from __future__ import annotations

from bvr.kostra.concepts import Plan
from bvr.kostra.rules.examples import plan
from bvr.kostra.rules.families import closed_without_end, end_after_client, start_after_end, start_before_client

start_after_end("kostra-plan-02a", Plan, plan, official="Plan Kontroll 2a: Startdato etter sluttdato")
end_after_client("kostra-plan-02c", Plan, plan, official="Plan Kontroll 2c: Sluttdato mot individets sluttdato")
closed_without_end(
    "kostra-plan-02d",
    Plan,
    plan,
    official="Plan Kontroll 2d: Avslutta 31 12 medfører at sluttdato skal være satt på plan",
)
start_before_client("kostra-plan-02e", Plan, plan, official="Plan Kontroll 2e: Startdato mot individets startdato")
