"""Our schema and decoder give the verdict of the published schema; what makes the documents reaches every place."""

from __future__ import annotations

import random
from itertools import islice

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from bvr.decode import decode
from bvr.model.codelists import codelist
from bvr.model.concepts import Barnevern
from bvr.model.versions import SUPPORTED
from bvr.model.xml import encode
from tests.generative import equivalence
from tests.generative.documents import codes, documents, random_document, serialize
from tests.generative.mutations import OPERATORS, enumeration, mutated
from tests.generative.places import Place, places

SLICE = 2000


ABSENT = "\n".join(told for v in SUPPORTED if (told := equivalence.missing(v)))


@pytest.mark.skipif(bool(ABSENT), reason=ABSENT)
@pytest.mark.parametrize("version", SUPPORTED)
def test_same_verdict_as_the_published_schema(version: str) -> None:
    found = equivalence.compare(version, SLICE, seed=2026)
    for sample, verdicts in found.disagreements:
        pytest.fail(equivalence.report(sample, verdicts, version))
    assert found.documents == SLICE
    assert found.balanced
    assert found.places == {str(place) for place in places(version)}
    assert len(found.operators) > 0.7 * len(OPERATORS)  # most of those on bytes apply to one place, the root


def test_the_published_schemas_are_not_part_of_the_project() -> None:
    assert equivalence.ROOT not in equivalence.official_folder().resolve().parents


def test_without_the_published_schemas_it_says_what_was_not_checked(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BVR_OFFICIAL_XSD", str(tmp_path_factory.mktemp("empty")))
    assert equivalence.main([]) == 2
    said = capsys.readouterr().err
    assert "NOT CHECKED" in said
    assert "Barnevern_v4.0.1.xsd" in said
    assert "Barnevern_v3.xsd" in said
    assert "Barnevern_v1.xsd" in said
    assert "BVR_OFFICIAL_XSD" in said


@pytest.mark.parametrize("version", SUPPORTED)
def test_a_disagreement_is_found_and_made_small(
    version: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Against a schema that lacks one code the comparison must fail: it is not blind."""
    tree = etree.parse(equivalence.ROOT / "functions" / "bvr" / "model" / "xsd" / f"Barnevern_v{version}.xsd")
    lost = next(e for e in tree.iter("{*}enumeration") if e.get("value") == next(iter(codelist("VedtakStatus"))))
    lost.getparent().remove(lost)  # type: ignore[union-attr]
    narrower = etree.XMLSchema(tree)
    monkeypatch.setattr(equivalence, "official", lambda _: narrower)
    monkeypatch.setattr(equivalence, "missing", lambda _: None)
    assert equivalence.main(["--documents", str(SLICE), "--version", version]) == 1
    said = capsys.readouterr().out
    assert "official invalid, our schema valid, our decoder valid" in said
    shortest = min((line for line in said.splitlines() if line.startswith("  document: ")), key=len)
    assert len(shortest) < 2500, shortest


@pytest.mark.parametrize("version", SUPPORTED)
def test_every_place_of_the_model_is_mutated_by_every_operator_that_fits(version: str) -> None:
    """Without the published files: decoder and schema agree on each; the decoder checks uniqueness by itself."""
    places_seen: set[str] = set()
    refused: dict[str, int] = {}
    used: set[str] = set()
    schema = equivalence.ours(version)
    for number, (place, operator) in enumerate(enumeration(version)):
        data = mutated(random.Random(f"ours/{number}"), version, place, operator, plain=True)
        if data is None:  # this place gives the operator nothing to change
            continue
        try:
            valid = schema.validate(etree.fromstring(data))
        except etree.XMLSyntaxError:
            valid = False
        assert equivalence.accepted(decode(data, version)) == valid, (str(place), operator)
        places_seen.add(str(place))
        refused[str(place)] = refused.get(str(place), 0) + (not valid)
        used.add(operator)
    assert places_seen == {str(place) for place in places(version)}
    assert used == set(OPERATORS)
    assert min(refused.values()) >= 5, min(refused, key=lambda p: refused[p])


@pytest.mark.parametrize("version", SUPPORTED)
def test_random_documents_have_every_place_and_every_code(version: str) -> None:
    seen: set[str] = set()
    found: dict[str, set[str]] = {}
    counts: dict[str, set[int]] = {}
    every = {str(p): p for p in places(version)}

    def walk(element: etree._Element, path: tuple[str, ...]) -> None:
        at = "/" + "/".join(path)
        seen.add(at)
        values = {f"{at}/@{name!s}": str(value) for name, value in element.items()}
        values[at] = element.text or ""
        for key, value in values.items():
            seen.add(key)
            place = every.get(key)
            if place and place.simple and place.simple.codes:
                found.setdefault(key, set()).add(value)
        for name in {str(child.tag) for child in element}:
            counts.setdefault(f"{at}/{name}", set()).add(len(element.findall(name)))
        for child in element:
            walk(child, (*path, str(child.tag)))

    for number in range(1500):
        walk(random_document(random.Random(f"{version}/{number}"), version, plain=True), ("Barnevern",))
    assert seen == set(every)
    for key, place in every.items():
        simple = place.simple
        if simple and simple.codes:
            assert found[key] == set(codes(simple, version)), key
        field = place.field
        if field and field.many and len(place.path) == 3:
            assert counts[key] >= ({1, 2, 3} if field.high is None else set(range(1, field.high + 1))), key


@pytest.mark.parametrize("version", SUPPORTED)
def test_documents_are_the_same_for_the_same_seed(version: str) -> None:
    for source in (equivalence.mutants, equivalence.valid_documents):
        first, again, other = (islice(source(version, seed), 40) for seed in (7, 7, 8))
        drawn = [sample.data for sample in first]
        assert drawn == [sample.data for sample in again]
        assert drawn != [sample.data for sample in other]


@pytest.mark.parametrize("version", SUPPORTED)
def test_random_documents_are_valid_by_our_schema_and_decode(version: str) -> None:
    for number in range(400):
        rng = random.Random(f"valid/{version}/{number}")
        data = serialize(random_document(rng, version), rng)
        decoded = decode(data, version)
        assert equivalence.accepted(decoded), (number, decoded.faults)
        assert equivalence.ours(version).validate(etree.fromstring(data))


@pytest.mark.parametrize("version", SUPPORTED)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_is_written_is_read(version: str, data: st.DataObject) -> None:
    document: Barnevern = data.draw(documents(version))
    xml = encode(document, version)
    decoded = decode(xml, version)
    assert decoded.faults == ()
    assert decoded.document == document
    assert equivalence.ours(version).validate(etree.fromstring(xml))
    if not ABSENT:
        assert equivalence.official(version).validate(etree.fromstring(xml))


def test_places_follow_the_version() -> None:
    new = {str(p) for p in places("4.0.1")} - {str(p) for p in places("3.0.5")}
    assert new == {
        "/Barnevern/Sak/Undersokelse/BarnetsMedvirkning",
        "/Barnevern/Sak/Undersokelse/BarnetsMedvirkning/StartDato",
        "/Barnevern/Sak/Undersokelse/BarnetsMedvirkning/MedvirkningType",
    }
    old, new = ({str(p) for p in places(v) if "/Oppfolging" in str(p)} for v in ("2.2.3", "3.0.5"))
    tiltak = "/Barnevern/Sak/Tiltak/Oppfolging"
    assert old - new == {f"{tiltak}/@Id", f"{tiltak}/@UtfortDato"}
    assert {f"{tiltak}/Hyppighet", f"{tiltak}/Utfort"} <= new - old


def test_a_place_says_where_it_is() -> None:
    found: list[Place] = [p for p in places("4.0.1") if str(p) == "/Barnevern/Sak/Slettet/@Type"]
    assert found[0].unique == ("Id", "Type")
