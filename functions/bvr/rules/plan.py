"""Rules on plans (Plan) and their evaluations."""

from __future__ import annotations

from datetime import date

from bvr.model.concepts import Plan
from bvr.rules.case import Case
from bvr.rules.examples import document, plan, sak
from bvr.rules.families import duplicate_content, end_after_case, start_after_end, start_before_case
from bvr.rules.options import Channel
from bvr.rules.rule import ERROR, INFO, WARNING, Example, Result, fired, fires, rule, silent

KOSTRA = Channel.KOSTRA

start_after_end("plan-2a", Plan, plan, official="Plan Kontroll 2a", since="2013-01-01", ssb="PLAN_02A")
end_after_case(
    "plan-2c", Plan, plan, official="Plan Kontroll 2c", since="2013-01-01", ssb="PLAN_02C", if_migrated=WARNING
)
start_before_case(
    "plan-2e", Plan, plan, official="Plan Kontroll 2e", since="2013-01-01", ssb="PLAN_02E", if_migrated=WARNING
)
duplicate_content(
    "plan-19",
    Plan,
    "plan",
    plan,
    official="Plan Kontroll 19",
    severity=INFO,
    since="2013-01-01",
    ssb="PLAN_19",
    extra=(
        Example(
            "evaluations in another order",
            document(sak(plan(evaluert=("2024-04-01", "2024-05-01")), plan(evaluert=("2024-05-01", "2024-04-01")))),
            2,
        ),
        Example(
            "one evaluation more",
            document(sak(plan(evaluert=("2024-04-01",)), plan(evaluert=("2024-04-01", "2024-04-01")))),
            0,
        ),
        Example("another kind of plan", document(sak(plan(plantype="1"), plan(plantype="2"))), 0),
    ),
)


@rule(
    "plan-2f",
    official="Plan Kontroll 2f",
    severity=ERROR,
    since="2013-01-01",
    title_nb="Planen er evaluert etter at saken sluttet",
    title_en="The plan was evaluated after the case ended",
    nb="Planens evaluering {utfort} er etter sakens sluttdato {sak_slutt}.",
    en="The plan's evaluation on {utfort} is after the case's end date {sak_slutt}.",
    remedy_nb="Rett datoen for evalueringen eller sakens sluttdato.",
    remedy_en="Correct the date of the evaluation or the end date of the case.",
    ssb="PLAN_02F",
)
@silent("no evaluation", document(sak(plan(), slutt="2024-05-01")))
@silent("the case is open", document(sak(plan(evaluert=("2024-05-02",)))))
@silent("evaluated on the last day of the case", document(sak(plan(evaluert=("2024-05-01",)), slutt="2024-05-01")))
@silent(
    "only the plan has ended (A48)",
    document(sak(plan(slutt="2024-05-01", evaluert=("2024-05-02",)))),
)
@fires(
    "evaluated the day after the case, the plan being open (A48)",
    document(sak(plan(evaluert=("2024-05-02",)), slutt="2024-05-01")),
    parameters={"utfort": date(2024, 5, 2), "sak_slutt": date(2024, 5, 1)},
)
@fires(
    "two of three evaluations",
    document(sak(plan(evaluert=("2024-05-02", "2024-05-01", "2024-05-03")), slutt="2024-05-01")),
    times=2,
)
@fires(
    "migrated, from the case system: no softening for evaluations",
    document(sak(plan(evaluert=("2024-05-02",), migrert_id="17"), slutt="2024-05-01")),
    severity=ERROR,
)
@fires(
    "migrated, through KOSTRA",
    document(sak(plan(evaluert=("2024-05-02",), migrert_id="17"), slutt="2024-05-01")),
    channel=KOSTRA,
    severity=WARNING,
)
@silent("deleted", document(sak(plan(evaluert=("2024-05-02",), er_slettet=True), slutt="2024-05-01")))
def plan_evaluert_etter_sakens_slutt(plan: Plan, case: Case) -> Result:
    """Rule 2f (A48): only the end of the case matters. An evaluation has no Id: it is told on its plan."""
    slutt = case.sak.slutt_dato
    if slutt is None:
        return None
    return [fired(utfort=e.utfort_dato, sak_slutt=slutt) for e in plan.evaluering if e.utfort_dato > slutt]


@rule(
    "plan-2g",
    official="Plan Kontroll 2g",
    severity=ERROR,
    since="2013-01-01",
    title_nb="Planen er evaluert før saken startet",
    title_en="The plan was evaluated before the case started",
    nb="Planens evaluering {utfort} er før sakens startdato {sak_start}.",
    en="The plan's evaluation on {utfort} is before the case's start date {sak_start}.",
    remedy_nb="Rett datoen for evalueringen eller sakens startdato.",
    remedy_en="Correct the date of the evaluation or the start date of the case.",
    ssb="PLAN_02G",
)
@silent("evaluated on the first day of the case", document(sak(plan(evaluert=("2020-01-01",)), start="2020-01-01")))
@fires(
    "evaluated the day before",
    document(sak(plan(evaluert=("2019-12-31",)), start="2020-01-01")),
    parameters={"utfort": date(2019, 12, 31), "sak_start": date(2020, 1, 1)},
)
@fires(
    "two of three evaluations",
    document(sak(plan(evaluert=("2019-12-31", "2020-01-01", "2019-12-30")), start="2020-01-01")),
    times=2,
)
@fires(
    "migrated, from the case system: no softening for evaluations",
    document(sak(plan(evaluert=("2019-12-31",), migrert_id="17"), start="2020-01-01")),
    severity=ERROR,
)
@fires(
    "migrated, through KOSTRA",
    document(sak(plan(evaluert=("2019-12-31",), migrert_id="17"), start="2020-01-01")),
    channel=KOSTRA,
    severity=WARNING,
)
@silent("deleted", document(sak(plan(evaluert=("2019-12-31",), er_slettet=True), start="2020-01-01")))
def plan_evaluert_foer_saken(plan: Plan, case: Case) -> Result:
    """Rule 2g: an evaluation before the start of the case, told on its plan."""
    if not plan.evaluering:
        return None
    start = case.sak.start_dato
    return [fired(utfort=e.utfort_dato, sak_start=start) for e in plan.evaluering if e.utfort_dato < start]
