"""Cubes made to order: they add up or are consistent, show no few, and no cell is published in two ways."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from itertools import product
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bvr.statistics.publication import cubes
from bvr.statistics.publication.cubes import Cube, Declared, checked, counted, protected
from bvr.statistics.publication.declared import products
from bvr.statistics.publication.release import NotPublishable
from bvr.statistics.sdc.cellkey import MOST, record_key

ROUNDED = Cube(
    id="avrundet",
    title_nb="",
    title_en="",
    method="AVRUNDING",
    figures=("barn_ettervern",),
    dimensions=("fylke", "kjonn"),
    sql="SELECT @formal, @aar",
)
NOISY = msgspec.structs.replace(ROUNDED, id="stoy", method="CELLENOKKEL", figures=("vedtak_fattet",))
PLACES = st.tuples(st.sampled_from(["03", "11", "46"]), st.sampled_from(["1", "2"]))


def rows_of(places: list[tuple[str, str]]) -> list[dict[str, Any]]:
    return [{"barn": f"b{n}", "fylke": fylke, "kjonn": kjonn} for n, (fylke, kjonn) in enumerate(places)]


def keys_of(rows: list[dict[str, Any]]) -> dict[str, int]:
    return {row["barn"]: record_key(row["barn"].encode().ljust(16)) for row in rows}


@settings(max_examples=150, deadline=None)
@given(st.lists(PLACES, min_size=1, max_size=60))
def test_a_rounded_cube_adds_up_and_shows_no_few(places: list[tuple[str, str]]) -> None:
    shown = protected(ROUNDED, counted(ROUNDED, rows_of(places)), {})
    assert not {1, 2} & set(shown.values())
    for (fylke, kjonn), count in shown.items():
        if fylke == "T":
            assert count == sum(n for (f, k), n in shown.items() if f != "T" and k == kjonn)
        if kjonn == "T":
            assert count == sum(n for (f, k), n in shown.items() if k != "T" and f == fylke)
    assert all(count for (fylke, kjonn), count in shown.items() if (fylke == "T") != (kjonn == "T"))


@settings(max_examples=150, deadline=None)
@given(st.lists(PLACES, min_size=1, max_size=60), st.randoms(use_true_random=False))
def test_the_same_children_have_the_same_noise_however_they_are_asked_for(
    places: list[tuple[str, str]], order: random.Random
) -> None:
    rows = rows_of(places)
    cells, keys = counted(NOISY, rows), keys_of(rows)
    shown = protected(NOISY, cells, keys)
    assert not {1, 2} & set(shown.values())
    assert all(abs(count - len(cells[place])) <= MOST for place, count in shown.items())
    shuffled = order.sample(rows, len(rows))
    assert protected(NOISY, counted(NOISY, shuffled), keys) == shown
    alone = msgspec.structs.replace(NOISY, dimensions=("fylke",))
    for (fylke,), count in protected(alone, counted(alone, rows), keys).items():
        assert shown[fylke, "T"] == count, "a cube of fewer dimensions asks for the same children"


def test_every_combination_is_there_and_no_value_that_nobody_can_be_seen_in() -> None:
    places = [("03", "1")] * 10 + [("11", "2")] * 10 + [("46", "1")]
    shown = protected(ROUNDED, counted(ROUNDED, rows_of(places)), {})
    assert set(shown) == set(product(("03", "11", "T"), ("1", "2", "T")))
    assert shown["03", "2"] == 0


def test_a_child_in_two_cells_cannot_be_rounded() -> None:
    rows = [*rows_of([("03", "1")] * 9), {"barn": "b0", "fylke": "11", "kjonn": "1"}]
    with pytest.raises(ValueError, match="CELLENOKKEL"):
        protected(ROUNDED, counted(ROUNDED, rows), {})
    assert protected(NOISY, counted(NOISY, rows), keys_of(rows))


@pytest.mark.parametrize("value", ["T", "", None])
def test_a_value_that_is_no_value_is_refused(value: str | None) -> None:
    with pytest.raises(ValueError, match="kjonn"):
        counted(ROUNDED, [{"barn": "b", "fylke": "03", "kjonn": value}])


def test_a_cube_of_too_many_cells_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cubes, "_MOST_CELLS", 5)
    with pytest.raises(ValueError, match="take away a dimension"):
        counted(ROUNDED, rows_of([("03", "1"), ("11", "2")]))


def test_what_breaks_its_promise_is_not_delivered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cubes, "rounded", lambda inner, _table: inner)
    with pytest.raises(NotPublishable):
        protected(ROUNDED, counted(ROUNDED, rows_of([("03", "1")])), {})


def declared_as(**changes: Any) -> Declared:
    return Declared(purpose="kuber", cubes=(ROUNDED, msgspec.structs.replace(NOISY, **changes)))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"figures": (products()[0].figures[0],)}, "the product"),
        ({"figures": ROUNDED.figures}, "avrundet"),
        ({"figures": ("finnes_ikke",)}, "no key figure"),
        ({"sql": "SELECT @formal"}, "no year"),
        ({"id": "avrundet"}, "one id"),
        ({"dimensions": ("barn",)}, "dimensions"),
        ({"dimensions": ("fylke", "fylke")}, "dimensions"),
        ({"dimensions": ()}, "dimensions"),
    ],
)
def test_a_declaration_that_does_not_hold_is_refused(changes: dict[str, Any], told: str) -> None:
    assert checked(declared_as())
    with pytest.raises(ValueError, match=told):
        checked(declared_as(**changes))


class Register:
    """The tables that a cube is delivered from, by hand."""

    def __init__(self, rows: list[dict[str, Any]], purpose: bool = True) -> None:
        self.rows, self.purpose, self.kept = rows, purpose, []  # type: ignore[var-annotated]

    def query(self, sql: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        if "grunnlag.formal" in sql:
            return [{"formal": "kuber"}] if self.purpose else []
        if "drift.kube" in sql:
            return self.kept
        if "register.pseudonym" in sql:
            return [{"pseudonym": row["barn"], "salt": row["barn"].encode().ljust(16)} for row in self.rows]
        return self.rows

    def insert(self, table: str, rows: list[dict[str, Any]], *, once: str = "") -> None:
        assert table == "drift.kube"
        self.kept += [row for row in rows if row not in self.kept]


def now() -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC)


def test_a_rounded_cube_is_made_once_and_a_noisy_one_again() -> None:
    tables = Register(rows_of([("03", "1")] * 9 + [("11", "2")] * 5))
    first, noisy = cubes.deliver(tables, ROUNDED, 2025, now), cubes.deliver(tables, NOISY, 2025, now)
    assert cubes.deliver(tables, ROUNDED, 2025, now) == first
    assert len(tables.kept) == 2
    tables.rows = rows_of([("03", "1")] * 9 + [("11", "2")] * 15)
    with pytest.raises(NotPublishable, match="made once"):
        cubes.deliver(tables, ROUNDED, 2025, now)
    later = cubes.deliver(tables, NOISY, 2025, now)
    assert later.table != noisy.table
    assert later.table.splitlines()[1] == noisy.table.splitlines()[1], "the children of 03 are the same"


def test_a_figure_that_was_delivered_by_one_method_is_not_by_another() -> None:
    tables = Register(rows_of([("03", "1")] * 9))
    cubes.deliver(tables, ROUNDED, 2025, now)
    with pytest.raises(NotPublishable, match="barn_ettervern was delivered by AVRUNDING"):
        cubes.deliver(tables, msgspec.structs.replace(NOISY, figures=("barn_ettervern",)), 2024, now)


def test_nobody_and_no_purpose_are_told() -> None:
    with pytest.raises(LookupError, match=r"grunnlag\.formal"):
        cubes.deliver(Register([], purpose=False), ROUNDED, 2025, now)
    with pytest.raises(LookupError, match="nobody in 2025"):
        cubes.deliver(Register([]), ROUNDED, 2025, now)
