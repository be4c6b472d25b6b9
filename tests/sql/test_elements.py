"""Elements, changes and events by the views, against plain Python: on simulated cases with parts that are deleted."""

from __future__ import annotations

import copy
from random import Random
from typing import Any

import pytest

from bvr.model import history
from tests.sql import elements, notation
from tests.sql.googlesql import declared
from tests.sql.test_independent import simulated  # noqa: F401

Row = dict[str, Any]
ELEMENT = "SELECT * EXCEPT (innhold), JSON_VALUE(innhold, '$.start_dato') AS start FROM register.element"
CHANGE = "SELECT * FROM register.endring"
EVENT = "SELECT * FROM register.hendelse"


@pytest.fixture(scope="session")
def rows(simulated) -> list[Row]:  # noqa: F811
    """Simulated submissions with parts marked as deleted or listed in Slettet, in one submission or in several."""
    found = copy.deepcopy([row for row in simulated if row["utfall"] != "REJECTED"])
    for row in found:
        rng = Random(row["innhold_sha256"])  # what is sent twice has one content
        sak = row["sak"]
        for (kind, identity, *_), _, one in list(elements.elements(row)):
            chance = rng.random()
            if kind in elements.TOP.values() and chance < 0.04:
                one["er_slettet"] = True
            elif kind != "Sak" and chance < 0.08:
                listed = {"id": identity.upper(), "type": kind, "slutt_dato": sak["start_dato"]}
                sak["slettet"] = [*sak.get("slettet", ()), listed]
            elif kind == "Melding" and one.get("konklusjon") and chance < 0.2:
                one["konklusjon"]["er_slettet"] = True
            elif kind != "Sak" and chance < 0.3 and "start_dato" in one:
                one["start_dato"] = sak["start_dato"]
    return found


@pytest.fixture(scope="session")
def current(rows) -> list[Row]:
    """The last submission of each case, as sak_tabell has it."""
    last = {(row["orgnr"], row["sak_id"]): row for row in sorted(rows, key=lambda r: r["dato_uttrekk"])}
    return [row for row in last.values() if not row.get("er_slettet")]


def as_events(found: list[Row]) -> list[tuple[Any, ...]]:
    names = ("orgnr", "sak_id", "kommunenummer", "bydelsnummer")
    told = ("type", "dato", "element_id", "forelder", "kode", "topp", "topp_id", "lovhjemmel")
    return sorted((tuple(row[name] for name in (*names, *told)) for row in found), key=repr)


def expected_events(current: list[Row]) -> list[tuple[Any, ...]]:
    return sorted(
        (
            (row["orgnr"], row["sak_id"], row["kommunenummer"], row.get("bydelsnummer"), *event)
            for row in current
            for event in elements.events(row)
        ),
        key=repr,
    )


def as_changes(found: list[Row]) -> set[tuple[Any, ...]]:
    made = [
        (
            *(row[name] for name in ("innsending_id", "forrige_innsending_id", "type", "element_id")),
            *(row[name] or "" for name in ("forelder", "forelder_id")),
            row["endring"],
            frozenset(row["felt"]),
        )
        for row in found
    ]
    assert len(made) == len(set(made)), "a change stands twice"
    return set(made)


def as_elements(found: list[Row]) -> list[tuple[Any, ...]]:
    keys = ("innsending_id", "type", "element_id", "forelder", "forelder_id", "slettet", "start")
    return sorted((tuple(row[key] for key in keys) for row in found), key=repr)


def expected_elements(rows: list[Row]) -> list[tuple[Any, ...]]:
    unique = {(row["orgnr"], row["innsending_id"], row["innhold_sha256"]): row for row in rows}
    return sorted(
        (
            (row["innsending_id"], *(part or None for part in key), deleted, _iso(one.get("start_dato")))
            for row in unique.values()
            for key, deleted, one in elements.elements(row)
        ),
        key=repr,
    )


def _iso(day: Any) -> str | None:
    return day.isoformat() if day else None


def test_the_cases_hold_what_they_should(rows, current):
    """Otherwise the comparisons below would say little."""
    made = elements.changes(rows)
    assert {change[6] for change in made} == {"NY", "ENDRET", "FJERNET"}
    assert len(made) > 200
    found = {event[0] for row in current for event in elements.events(row)}
    assert len(found) >= len(elements.TYPES) - 3, elements.TYPES - found


def test_every_kind_of_element_and_event_of_the_model_is_known_here():
    """The second opinion has all there is; what the model gains appears in the views by itself, and is missed here."""
    inner = {name for one in elements.INNER.values() for name in one.values()}
    assert {one.name for one in history.elements()} == {"Sak", *elements.TOP.values(), *inner}
    assert {event.name for event in history.events()} == elements.TYPES


def test_events_in_googles_reference_engine(current):
    found = declared().rows(EVENT, {"register.sak_tabell": current})
    assert as_events(found) == expected_events(current)


def test_changes_in_googles_reference_engine(rows):
    few = {row["sak_id"] for row in rows[:40]}
    some = [row for row in rows if row["sak_id"] in few]
    assert as_changes(declared().rows(CHANGE, {"register.innsending": some})) == elements.changes(some)


def test_elements_in_googles_reference_engine(rows):
    assert as_elements(declared().rows(ELEMENT, {"register.innsending": rows[:40]})) == expected_elements(rows[:40])


@pytest.mark.local_cloud
def test_in_the_emulator(rows, current, warehouse):
    warehouse.fill(current)
    warehouse.queries.query("DELETE FROM register.sak_tabell WHERE TRUE")
    warehouse.queries.query("INSERT INTO register.sak_tabell SELECT * FROM register.innsending")
    assert as_events(warehouse.queries.query(EVENT)) == expected_events(current)
    warehouse.fill(rows)
    assert as_changes(warehouse.queries.query(CHANGE)) == elements.changes(rows)
    assert as_elements(warehouse.queries.query(ELEMENT)) == expected_elements(rows)


def submission(day: int, **case: Any) -> Row:
    return {"sak": "s", "innsending": f"i{day}", "uttrekk": f"2025-01-{day:02}", **case}


def changed(*cases: Row) -> set[tuple[str, str, str, tuple[str, ...]]]:
    """(submission, element, change, fields), by Google's engine."""
    from datetime import date

    given = [{**case, "uttrekk": date.fromisoformat(case["uttrekk"])} for case in cases]
    found = declared().rows(CHANGE, {"register.innsending": notation.rows({"saker": given})})
    return {
        (row["innsending_id"], f"{row['type']} {row['element_id']}", row["endring"], tuple(row["felt"]))
        for row in found
    }


MARCH, APRIL = "2024-03-01", "2024-04-01"


def element(**given: Any) -> Row:
    from datetime import date

    return {
        name: date.fromisoformat(value) if name in ("start", "slutt") and value else value
        for name, value in {"id": "m1", "start": MARCH, **given}.items()
    }


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param([], [element()], {("NY", ())}, id="added"),
        pytest.param([element()], [element()], set(), id="the same"),
        pytest.param([element()], [element(id="M1")], set(), id="the Id in capitals"),
        pytest.param([element()], [element(start=APRIL)], {("ENDRET", ("start_dato",))}, id="changed"),
        pytest.param(
            [element()],
            [element(slutt=APRIL)],
            {("ENDRET", ("konklusjon.slutt_dato", "konklusjon.kode"))},
            id="a part is added",
        ),
        pytest.param([element()], [], {("FJERNET", ())}, id="gone"),
        pytest.param([element()], [element(slettet=True)], {("FJERNET", ())}, id="marked as deleted"),
        pytest.param([element(slettet=True)], [], set(), id="deleted, then gone"),
        pytest.param([element(slettet=True)], [element()], {("NY", ())}, id="deleted by mistake"),
        pytest.param([element()], [element(slettet=False)], set(), id="said not to be deleted"),
    ],
)
def test_what_changed(before, after, expected):
    found = changed(submission(1, melding=before), submission(2, melding=after))
    assert found == {("i2", "Melding m1", *one) for one in expected}


def test_what_is_listed_in_slettet_is_removed_also_when_it_is_still_there():
    listed = [{"id": "M1", "type": "Melding"}]
    first = submission(1, melding=[element()])
    removed = {("i2", "Melding m1", "FJERNET", ())}
    assert changed(first, submission(2, slettet=listed)) == removed
    assert changed(first, submission(2, melding=[element()], slettet=listed)) == removed
    other = [{"id": "M1", "type": "Plan"}]
    assert changed(first, submission(2, melding=[element()], slettet=other)) == set()


def test_a_deleted_case_takes_its_elements_with_it():
    found = changed(submission(1, melding=[element()]), submission(2, melding=[element()], er_slettet=True))
    assert found == {("i2", f"{one}", "FJERNET", ()) for one in ("Sak s", "Melding m1", "Personalia p0")}


def test_a_submission_that_comes_late_stands_between_its_neighbours():
    """The order is that of the extracts: what was one change becomes two when the one between them comes."""
    first, last = submission(1, melding=[element()]), submission(3, melding=[element(start=APRIL)])
    assert changed(first, last) == {("i3", "Melding m1", "ENDRET", ("start_dato",))}
    late = submission(2, melding=[], mottatt=None)
    late.pop("mottatt")
    assert changed(first, last, late) == {("i2", "Melding m1", "FJERNET", ()), ("i3", "Melding m1", "NY", ())}
