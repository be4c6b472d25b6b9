"""A slice of the fault campaign (docs/feilkampanje.md), and planted bugs that it must catch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.campaign import PLANTED, Campaign, Plan, Planted, Result, catch
from tests.chaos.faults import Faults
from tests.chaos.stage import Stage

pytestmark = [pytest.mark.local_cloud, pytest.mark.timeout(240)]
SEED = 7
SLICE = Plan(submissions=50, seed=SEED, minutes=2.5, deaths=4, kills=1, clocks=3, restarts=0, disks=0, sweep_seconds=4)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder: Path = tmp_path_factory.mktemp("kampanje")
    with Stage(folder, Faults(SEED, intensity=2.0), SEED, keep_data=False) as found:
        yield found


@pytest.fixture(scope="module")
def result(stage: Stage) -> Result:
    return Campaign(stage, SLICE).run()


def test_nothing_is_lost_while_everything_fails(stage: Stage, result: Result) -> None:
    assert stage.faults.total >= 15
    assert result.verdicts.findings == []
    assert {what: found for what, (_, found) in result.verdicts.balance.items()} == {
        what: should for what, (should, _) in result.verdicts.balance.items()
    }
    assert result.good
    assert result.whole


@pytest.mark.parametrize("planted", PLANTED, ids=[one.bug for one in PLANTED])
def test_a_planted_bug_is_caught_by_name(stage: Stage, result: Result, planted: Planted) -> None:
    caught = catch(stage, planted, SEED + 1 + PLANTED.index(planted), rounds=1)
    assert caught.in_hand, "no function was ended where the bug is"
    assert caught.in_hand <= caught.named
    assert caught.good
