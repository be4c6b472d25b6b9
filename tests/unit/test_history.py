"""The SQL made from the model: what the model gains appears, and what it must not be is refused."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Annotated

import pytest

from bvr.model import concepts as m
from bvr.model import history
from bvr.model.types import DATE, Concept, Doc, codes

ROOT = Path(__file__).resolve().parents[2]
Day = Annotated[date, DATE, Doc("Dagen.", "The day.")]


class Samtale(Concept):
    """A talk with the child. | En samtale."""

    id: m.Id
    dato: Day
    kode: Annotated[str, codes("Melder"), Doc("Med hvem.", "With whom.")]
    er_slettet: m.ErSlettet = None


class Besok(Concept):
    """A visit at home. | Et hjemmebesøk."""

    id: m.Id
    utfort_dato: Day
    ny_dato: Annotated[date | None, DATE, Doc("Neste.", "The next.")] = None
    slutt: Annotated[m.Avslutning | None, Doc("Slutt.", "The end.")] = None
    samtale: Annotated[tuple[Samtale, ...], Doc("Samtaler.", "Talks.")] = ()


@pytest.fixture
def model(monkeypatch):
    """Puts another Sak in the model's place."""

    def put(sak: type[Concept]) -> None:
        monkeypatch.setattr(m, "Sak", sak)
        clear()

    def clear() -> None:
        for made in (history.elements, history.events, history._uses):
            made.cache_clear()

    yield put
    monkeypatch.undo()
    clear()


def sak(**fields: object) -> type[Concept]:
    """A case of the given lists of elements."""
    return type(
        "Sak",
        (Concept,),
        {
            "__module__": __name__,
            "__annotations__": {
                "id": m.Id,
                "start_dato": Day,
                **{name: Annotated[kind, Doc("", "")] for name, kind in fields.items()},
            },
        },
    )


def test_what_the_model_gains_appears_by_itself(model):
    model(sak(besok=tuple[Besok, ...], slettet=tuple[m.Slettet, ...]))
    assert [one.name for one in history.elements()] == ["Sak", "Besok", "Samtale"]
    assert [event.name for event in history.events()] == ["Sak", "Besok", "BesokNy", "Avslutning", "Samtale"]
    (talk,) = [event for event in history.events() if event.name == "Samtale"]
    assert (talk.date, talk.code, talk.codelist, talk.element.top.name) == ("y.dato", "y.kode", "'Melder'", "Besok")
    assert talk.element.deleted == ["y.er_slettet"]
    assert [name for name, _ in history.said(history.elements()[1])] == ["utfort_dato", "ny_dato", "slutt.slutt_dato"]
    for view in (history.element_view(), history.change_view(), history.event_view()):
        assert "UNNEST(s.sak.besok) AS x, UNNEST(x.samtale) AS y" in view
        assert "tiltak" not in view


def test_two_places_of_one_concept_are_named_after_what_they_stand_in(model):
    model(sak(besok=tuple[Besok, ...], plan=tuple[m.Plan, ...]))
    assert {event.name for event in history.events()} >= {"BesokSlutt", "PlanKonklusjon"}


def test_what_the_views_cannot_tell_apart_is_refused(model):
    model(sak(besok=tuple[Besok, ...], besok_slutt=tuple[m.UtvidetFrist, ...], plan=tuple[m.Plan, ...]))
    history.events()

    class UtvidetFrist(Concept):
        """Another one of that name. | En annen."""

        id: m.Id
        start_dato: Day

    UtvidetFrist.__module__ = __name__
    model(sak(frist=tuple[UtvidetFrist, ...], andre=tuple[m.UtvidetFrist, ...]))
    with pytest.raises(TypeError, match="one name: UtvidetFrist"):
        history.events()


def test_a_third_level_is_refused(model):
    class Dypere(Concept):
        """Elements in elements in elements. | For dypt."""

        id: m.Id
        besok: Annotated[tuple[Besok, ...], Doc("", "")] = ()

    globals()["Dypere"] = Dypere
    model(sak(dypere=tuple[Dypere, ...]))
    with pytest.raises(TypeError, match="three levels"):
        history.elements()


def test_the_table_has_the_columns_of_the_submissions():
    submission, table = (
        json.loads((ROOT / f"bigquery_schemas/register/{name}/schema.json").read_text(encoding="utf-8"))
        for name in ("innsending", "sak_tabell")
    )
    assert table == submission
    names = [column["name"] for column in table]
    merge = history.case_merge()
    assert re.findall(r"(\w+) = g\.\1\b", merge) == names
    inserted = re.search(r"INSERT \(\s*(.*?)\s*\) VALUES \(\s*(.*?)\s*\)", merge, re.DOTALL)
    assert inserted is not None
    assert inserted[1].split(", ") == names
    assert inserted[2].split(", ") == [f"g.{name}" for name in names]


def test_changes_carry_no_values_and_contents_no_bytes():
    """`verdier` is compared and not given; ciphertext is written as hexadecimal, never as bytes in JSON."""
    given = history.change_view().rpartition("\nSELECT\n")[2]
    assert not re.search(r"^\s+\w+\.(forrige_)?verdier\b", given, re.MULTILINE)
    assert "AS verdier" not in given
    view = history.element_view()
    for name in ("fodselsnummer", "duf_nummer"):
        assert set(re.findall(rf"\S*x\.{name}\S*", view)) == {f"TO_HEX(x.{name})"}
