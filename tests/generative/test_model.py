"""The information model itself: documented, consistent with its code lists, and the same as what is made of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from bvr import generate
from bvr.model import bigquery, codelists, concepts
from bvr.model.codelists import codelist
from bvr.model.concepts import BEGREP, UNIQUE, Barnevern, Personalia, Sak
from bvr.model.innsending import Innsending
from bvr.model.types import Concept, Field, Person, fields, fields_in, version_key
from bvr.model.versions import CURRENT, SUPPORTED
from tests.generative.places import places


def every_concept(root: type[Concept]) -> list[type[Concept]]:
    found: list[type[Concept]] = []

    def walk(concept: type[Concept]) -> None:
        if concept not in found:
            found.append(concept)
            for f in fields(concept):
                if f.concept:
                    walk(f.concept)

    walk(root)
    return found


EVERY_FIELD = [
    pytest.param(f, id=f"{concept.__name__}.{f.name}")
    for concept in dict.fromkeys((*every_concept(Barnevern), *every_concept(Innsending)))
    for f in fields(concept)
]


def columns(schema: list[dict[str, Any]], depth: int = 1) -> Iterator[tuple[int, dict[str, Any]]]:
    for column in schema:
        yield depth, column
        yield from columns(column.get("fields", []), depth + 1)


@pytest.fixture(scope="module")
def table() -> list[dict[str, Any]]:
    return bigquery.columns(Innsending)


def test_generated_files_are_fresh() -> None:
    assert generate.check() == []


def test_begrep_is_the_same_list_in_code_and_in_the_code_list() -> None:
    assert [c.code for c in codelist("Begrep").values() if c.in_version(CURRENT)] == list(BEGREP)


def test_begrep_are_children_of_a_case_with_a_key() -> None:
    children = {f.xml: f for f in fields(Sak) if not f.is_attribute}
    for name, concept in BEGREP.items():
        assert children[name].concept is concept
        assert children[name].many
        assert "Id" in {f.xml for f in fields(concept)}
    assert set(children) == set(UNIQUE) == {*BEGREP, "Slettet"}


@pytest.mark.parametrize("field", EVERY_FIELD)
def test_every_field_is_documented_in_both_languages(field: Field) -> None:
    for text in (field.doc.nb, field.doc.en):
        assert len(text) >= 3
        assert text == text.strip()
        assert text.endswith(".")
        assert "|" not in text  # it separates the languages in descriptions
    if field.doc.nb == field.doc.en:
        pytest.fail("the same words in both languages")


@pytest.mark.parametrize("concept", every_concept(Barnevern), ids=lambda c: c.__name__)
def test_every_concept_is_described_in_both_languages(concept: type[Concept]) -> None:
    en, nb = (concept.__doc__ or "").split(" | ")
    assert en
    assert nb


@pytest.mark.parametrize("field", EVERY_FIELD)
def test_a_field_has_a_type_and_bounds_that_make_sense(field: Field) -> None:
    simple = field.simple
    assert (simple is None) != (field.concept is None)
    assert field.high is None or field.low <= field.high
    if simple and simple.min_length is not None and simple.max_length is not None:
        assert simple.min_length <= simple.max_length
    if simple and simple.pattern:
        re.compile(simple.pattern)


def test_only_personalia_has_direct_identifiers() -> None:
    direct = {
        (concept, f.xml)
        for concept in (*every_concept(Barnevern), *every_concept(Innsending))
        for f in fields(concept)
        if f.doc.person is Person.DIRECT
    }
    assert direct == {(Personalia, "Fodselsnummer"), (Personalia, "DUFnummer")}


def test_all_text_that_somebody_writes_is_free_text() -> None:
    for concept in every_concept(Barnevern):
        for f in fields(concept):
            if f.xml == "Presisering":
                assert f.doc.person is Person.FREE_TEXT


@pytest.mark.parametrize("version", SUPPORTED)
def test_every_code_list_of_the_model_has_codes_that_fit_its_bounds(version: str) -> None:
    used = set()
    for place in places(version):
        if place.simple and place.simple.codes:
            used.add(place.simple.codes)
            codes = [c for c in codelist(place.simple.codes).values() if c.in_version(version)]
            assert codes, place
            for code in codes:
                assert (place.simple.min_length or 1) <= len(code.code) <= (place.simple.max_length or 99), (
                    place,
                    code,
                )
    if version == max(SUPPORTED, key=version_key):
        assert used == set(codelists.names())


@pytest.mark.parametrize("name", codelists.names())
def test_a_code_list_is_labelled_and_its_days_and_versions_are_in_order(name: str) -> None:
    for code in codelist(name).values():
        assert code.label_nb
        assert code.label_en
        assert code.label_nb == code.label_nb.strip()
        assert code.valid_from is None or code.valid_to is None or code.valid_from <= code.valid_to
        assert not (code.since and code.until) or version_key(code.since) < version_key(code.until)


def test_the_current_version_is_the_newest_and_has_the_whole_model() -> None:
    assert max(SUPPORTED, key=version_key) == CURRENT
    for concept in every_concept(Barnevern):
        assert all(f.fits for f in fields_in(concept, CURRENT))


# --- BigQuery --------------------------------------------------------------------------------------------------------


def test_direct_identifiers_fit_only_as_bytes(table: list[dict[str, Any]]) -> None:
    as_bytes = {column["name"] for _, column in columns(table) if column["type"] == "BYTES"}
    assert as_bytes == {f.name for f in fields(Personalia) if f.doc.person is Person.DIRECT}


def test_bigquery_allows_the_nesting(table: list[dict[str, Any]]) -> None:
    assert max(depth for depth, _ in columns(table)) <= 15


def test_bigquery_allows_the_names(table: list[dict[str, Any]]) -> None:
    reserved = ("_table_", "_file_", "_partition", "_row_timestamp", "__root__", "_colidentifier")

    def check(schema: list[dict[str, Any]]) -> None:
        names = [column["name"].lower() for column in schema]
        assert len(names) == len(set(names))
        for column in schema:
            assert re.fullmatch("[A-Za-z_][A-Za-z0-9_]{0,299}", column["name"])
            assert not column["name"].lower().startswith(reserved)
            assert len(column["description"]) <= 1024
            assert column["mode"] in ("NULLABLE", "REQUIRED", "REPEATED")
            assert (column["type"] == "RECORD") == bool(column.get("fields"))
            check(column.get("fields", []))

    check(table)


def test_every_field_of_the_model_is_a_column(table: list[dict[str, Any]]) -> None:
    def compare(concept: type[Concept], schema: list[dict[str, Any]]) -> None:
        found = {column["name"]: column for column in schema}
        for f in fields(concept):
            column = found[f.name]
            assert column["mode"] == ("REPEATED" if f.many else "REQUIRED" if f.required else "NULLABLE")
            if f.concept:
                compare(f.concept, column["fields"])

    compare(Innsending, table)


def test_the_committed_table_schema_is_json() -> None:
    path = generate.ROOT / "bigquery_schemas/register/innsending/schema.json"
    assert json.loads(path.read_text(encoding="utf-8")) == bigquery.columns(Innsending)


def test_concepts_are_immutable_and_keyword_only() -> None:
    end: Any = concepts.Avslutning(slutt_dato=date(2024, 1, 1))
    with pytest.raises(AttributeError):
        end.slutt_dato = date(2025, 1, 1)
    positional: Any = concepts.Avslutning
    with pytest.raises(TypeError):
        positional(date(2024, 1, 1))
