"""`register.sak_tabell`: the current register as a table, brought up to date with `register.sak_gjeldende`.

Questions about the current cases read a table instead of numbering every submission there ever was. A run looks at the
cases with submissions since the last one; the run of everything at night mends what came late.
"""

from __future__ import annotations

from datetime import datetime

from bvr.model import history
from bvr.register.derived import Done, Tables, record, window

STEP = "sak_tabell"


def run(tables: Tables, at: datetime, *, everything: bool = False) -> Done:
    """Bring the table up to date with the submissions processed until `at`; cases erased from the register leave it.

    A repeat changes nothing. Raises Retry or Broken as the tables do; until a run is recorded, the next does it again.
    """
    read = window(tables, STEP, at, everything=everything)
    (found,) = tables.query(history.case_differences(), read.parameters)
    if found["antall"]:
        tables.query(history.case_merge(), read.parameters)
    record(tables, read, found["antall"], found["endret"])
    return Done(steg=STEP, antall=found["antall"], endret=found["endret"])
