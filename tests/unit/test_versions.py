"""Schema versions side by side: each is read into one model, and what has no lawful place there is refused and told."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated

import pytest
from lxml import etree

from bvr.decode import Limits, concept_decoder, decode
from bvr.faults import KINDS
from bvr.findings import Severity
from bvr.model import schema, upcast
from bvr.model.codelists import codelist
from bvr.model.concepts import Barnevern, Oppfolging, OppfolgingBesok, OppfolgingHyppighet, Sak, Tiltak
from bvr.model.types import Concept, Doc, Shape, Was, fields, fields_in, text, version_key
from bvr.model.upcast import Carried, Refused, Step, unanswered
from bvr.model.versions import CURRENT, SUPPORTED
from bvr.model.xml import encode
from bvr.rules import examples as e
from tests.unit.service_world import ROWS, World, native, service, ssb
from tests.unit.test_service import answers

OLD = "2.2.3"
KEY = "6f1c2a34-0000-4000-8000-{:012d}"


def old_case(*, visits: int = 0, relation: str = "Melding", deleted: tuple[str, ...] = ()) -> bytes:
    """A 2.2.3 case as its case system writes it: a measure with visits on a line each, a relation, deletions."""
    document = e.document(e.sak(e.melding(), e.tiltak()))
    root = etree.fromstring(encode(document, OLD))
    tiltak = root.find("Sak/Tiltak")
    assert tiltak is not None
    at = next((n for n, c in enumerate(tiltak) if c.tag in ("Opphevelse", "Konklusjon")), len(tiltak))
    for number in range(visits):
        visit = etree.Element("Oppfolging", Id=KEY.format(number), UtfortDato="2024-03-04")
        tiltak.insert(at + number, visit)
    sak = root.find("Sak")
    assert sak is not None
    melding = sak.find("Melding")
    assert melding is not None
    link = etree.SubElement(sak, "Relasjon", Id=KEY.format(900), FraId=str(melding.get("Id")), FraType=relation)
    link.set("TilId", str(tiltak.get("Id")))
    link.set("TilType", "Tiltak")
    for number, kind in enumerate(deleted, 950):
        etree.SubElement(sak, "Slettet", Id=KEY.format(number), Type=kind, SluttDato="2024-05-06")
    etree.indent(root)
    return etree.tostring(root)


def test_an_old_case_is_read_into_the_current_model() -> None:
    decoded = decode(old_case(deleted=("Melding",)), OLD)
    assert decoded.faults == ()
    assert type(decoded.document) is Barnevern
    again = decode(encode(decoded.document, CURRENT), CURRENT)
    assert again.document == decoded.document  # what 2.2.3 can say, 4.0.1 says in the same words


def test_visits_without_a_frequency_are_refused_one_by_one() -> None:
    data = old_case(visits=3)
    assert schema_of(OLD).validate(etree.fromstring(data))
    decoded = decode(data, OLD)
    assert decoded.document is None
    assert [f.kind for f in decoded.faults] == ["upcast"] * 3
    assert [f.path for f in decoded.faults] == [f"/Barnevern/Sak/Tiltak/Oppfolging[{n}]" for n in (1, 2, 3)]
    lines = data.decode().splitlines()
    assert all("<Oppfolging " in lines[(f.line or 0) - 1] for f in decoded.faults)
    assert "Hyppighet" in decoded.faults[0].nb
    assert "Hyppighet" in decoded.faults[0].en


def test_a_status_in_a_relation_or_a_deletion_is_refused_where_it_stands() -> None:
    decoded = decode(old_case(relation="Status", deleted=("Status", "Plan", "Status")), OLD)
    assert decoded.document is None
    assert [f.path for f in decoded.faults] == [
        "/Barnevern/Sak/Relasjon/@FraType",
        "/Barnevern/Sak/Slettet[1]/@Type",
        "/Barnevern/Sak/Slettet[3]/@Type",
    ]


def test_refusals_are_capped_and_counted() -> None:
    decoded = decode(old_case(visits=30), OLD, Limits(faults=10))
    assert len(decoded.faults) == 10
    assert decoded.more == 20


def test_a_repeated_key_is_told_before_a_refusal() -> None:
    data = old_case(visits=1, deleted=("Plan", "Plan"))
    data = data.replace(KEY.format(951).encode(), KEY.format(950).encode())
    assert {f.kind for f in decode(data, OLD).faults} == {"schema"}
    data = old_case(deleted=("Plan", "Plan")).replace(KEY.format(951).encode(), KEY.format(950).encode())
    assert {f.kind for f in decode(data, OLD).faults} == {"schema"}


def test_the_sender_is_told_in_both_protocols_and_languages() -> None:
    finding = decode(old_case(visits=1), OLD).faults[0].finding()
    assert finding.severity is Severity.FATAL
    assert (finding.rule, KINDS["upcast"].feilkode, KINDS["upcast"].ssb) == (
        "skjemaversjon-2",
        "XSD_VERSJON_UKJENT",
        "XSD_VERSION",
    )
    assert finding.line
    assert finding.remedy_nb != finding.remedy_en
    assert KEY.format(0) not in repr(finding)


@pytest.mark.parametrize("version", ["3.0.5", "4.0.1"])
def test_the_old_form_is_no_longer_valid(version: str) -> None:
    assert {f.kind for f in decode(old_case(visits=1), version).faults} == {"schema"}
    assert {f.kind for f in decode(old_case(relation="Status"), version).faults} == {"schema"}
    assert decode(old_case(), version).document is not None


def test_what_a_version_does_not_have_is_left_out_of_what_is_written() -> None:
    often = OppfolgingHyppighet(id=KEY.format(1), start_dato=date(2024, 1, 1), kode="4")
    tiltak = e.replace(e.tiltak(), er_slettet=True, oppfolging=Oppfolging(hyppighet=(often,)))
    document = e.document(e.sak(tiltak))
    assert decode(encode(document, "3.0.5"), "3.0.5").document == document
    written = encode(document, OLD)
    assert b"Oppfolging" not in written
    assert b"ErSlettet" not in written
    assert decode(written, OLD).document is not None


def schema_of(version: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.fromstring(schema.render(version).encode()))


# --- the declaration -------------------------------------------------------------------------------------------------


def test_the_steps_lead_through_every_version() -> None:
    assert upcast.declared_in_order()


@pytest.mark.parametrize("step", upcast.STEPS, ids=lambda s: f"{s.older}-{s.newer}")
def test_every_difference_that_matters_has_an_answer(step: Step) -> None:
    assert unanswered(step) == []


def test_a_step_without_its_answers_is_found_out() -> None:
    assert unanswered(Step(older="2.2.3", newer="3.0.5")) == ["Tiltak.oppfolging", "Begrep/Status"]
    needless = Refused(what="Sak.avsluttet", nb="Nei.", en="No.")
    assert unanswered(Step(older="3.0.5", newer="4.0.1", answers=(needless,))) == ["Sak.avsluttet"]


class Part(Concept):
    """What is one element now, and was two words on an attribute."""

    navn: Annotated[str, text(1, 5), Doc("Navn.", "Name.")]


class Whole(Concept):
    """A concept that changed in every way that cannot be passed over."""

    del_: Annotated[
        Part | None, Shape(xml="Del"), Doc("Del.", "Part."), Was("2.0.0", Annotated[str | None, text(1, 9)])
    ]
    kort: Annotated[str | None, text(1, 5), Doc("Kort.", "Short."), Was("2.0.0", Annotated[str | None, text(1, 9)])]
    borte: Annotated[str | None, text(1, 5), Shape(until="2.0.0"), Doc("Borte.", "Gone.")]
    krevd: Annotated[str, text(1, 5), Shape(since="2.0.0"), Doc("Krevd.", "Required.")]


def test_only_a_lawful_answer_is_one() -> None:
    def left(*answers: upcast.Refused | upcast.Carried) -> list[str]:
        return unanswered(Step(older="1.0.0", newer="2.0.0", answers=answers), Whole)

    every = ["Whole.del_", "Whole.kort", "Whole.borte", "Whole.krevd"]
    assert left() == every
    # Another form cannot be kept, only refused; and nothing makes up what the model requires.
    assert left(*(Carried(what=what, nb="Ja.", en="Yes.") for what in every)) == ["Whole.del_", "Whole.krevd"]
    assert left(*(Refused(what=what, nb="Nei.", en="No.") for what in every)) == ["Whole.krevd"]


def test_refusals_of_a_version_are_those_of_every_later_step() -> None:
    assert {(p.path, p.attribute, p.code) for p in upcast.refusals(OLD)} == {
        ("Sak/Tiltak/Oppfolging", None, None),
        ("Sak/Relasjon", "FraType", "Status"),
        ("Sak/Relasjon", "TilType", "Status"),
        ("Sak/Slettet", "Type", "Status"),
    }
    assert upcast.refusals("3.0.5") == upcast.refusals(CURRENT) == ()


def test_texts_of_refusals_are_in_both_languages_and_name_no_value() -> None:
    for step in upcast.STEPS:
        for answer in step.answers:
            assert answer.nb.endswith(".")
            assert answer.en.endswith(".")
            assert not re.search(r"\d{6}", answer.nb + answer.en)


# --- fields of a version ---------------------------------------------------------------------------------------------


def test_a_field_stands_in_a_version_as_it_stood() -> None:
    (old,) = (f for f in fields_in(Tiltak, OLD) if f.name == "oppfolging")
    (new,) = (f for f in fields_in(Tiltak, CURRENT) if f.name == "oppfolging")
    assert (old.concept, old.many, old.low, old.high, old.fits) == (OppfolgingBesok, True, 0, None, False)
    assert (new.concept, new.many, new.low, new.high, new.fits) == (Oppfolging, False, 0, 1, True)
    assert old.doc == new.doc


class Renamed(Concept):
    """Fields that had another name, another element, and that newer documents must have."""

    ny: Annotated[str, text(1, 5), Doc("Ny.", "New."), Was("2.0.0", Annotated[str, text(1, 3), Shape(xml="Gammel")])]
    flyttet: Annotated[
        str | None,
        text(1, 5),
        Shape(at_least=1),
        Doc("Flyttet.", "Moved."),
        Was("2.0.0", Annotated[str | None, text(1, 5), Shape(element=True)]),
    ] = None
    kun_ny: Annotated[str | None, text(1, 5), Shape(since="2.0.0", at_least=1), Doc("Bare ny.", "New only.")] = None
    kun_gammel: Annotated[str | None, text(1, 5), Shape(until="2.0.0"), Doc("Bare gammel.", "Old only.")] = None


def test_what_is_renamed_moved_or_retired_is_carried_over() -> None:
    old = concept_decoder(Renamed, "1.0.0")(etree.XML('<X Gammel="a" KunGammel="c"><Flyttet>b</Flyttet></X>'))
    new = concept_decoder(Renamed, "2.0.0")(etree.XML('<X Ny="a" Flyttet="b" KunNy="d"/>'))
    assert old == Renamed(ny="a", flyttet="b", kun_gammel="c")
    assert new == Renamed(ny="a", flyttet="b", kun_ny="d")
    asked = {version: {f.xml: f.low for f in fields_in(Renamed, version)} for version in ("1.0.0", "2.0.0")}
    assert asked == {
        "1.0.0": {"Gammel": 1, "Flyttet": 0, "KunGammel": 0},
        "2.0.0": {"Ny": 1, "Flyttet": 1, "KunNy": 1},
    }
    assert [f.required for f in fields(Renamed)] == [True, False, False, False]  # so the columns may be empty


def test_the_model_has_every_field_of_every_version() -> None:
    """An older version has no field of its own beside the model: nothing it says could be lost on the way."""
    names = {f.name for f in fields(Sak)}
    for version in SUPPORTED:
        assert {f.name for f in fields_in(Sak, version)} <= names
    assert names == {f.name for f in fields_in(Sak, CURRENT)}


def test_codes_come_and_go_with_the_versions() -> None:
    assert {c.code for c in codelist("Begrep").values() if c.in_version(OLD)} - {
        c.code for c in codelist("Begrep").values() if c.in_version(CURRENT)
    } == {"Status"}
    for name, gone in (("Melder", {"24", "25"}), ("Lov", {"BL1981"}), ("Saksinnhold", {"32", "36"})):
        assert not gone & {c.code for c in codelist(name).values() if c.in_version(OLD)}
    assert min(SUPPORTED, key=version_key) == OLD


# --- through the service ---------------------------------------------------------------------------------------------


def test_an_old_case_is_registered_and_its_version_stands_in_the_row() -> None:
    world = World()
    s = service(world)
    s.receive(ssb(old_case(), 1, version=1))
    assert answers(world)[0][0]["severity"] != "FATAL"
    row = ROWS.parse(world.rows[0])
    assert row.utfall != "REJECTED"
    assert row.skjemaversjon == OLD
    assert len(row.sak.tiltak) == 1


def test_what_cannot_be_upcast_never_enters_the_register() -> None:
    world = World()
    s = service(world)
    s.receive(ssb(old_case(visits=2), 1, version=1))
    s.receive(native(old_case(visits=2), 2, xsd_versjon=OLD))
    (report, _), (error, _) = answers(world)
    assert report["severity"] == "FATAL"
    assert [entry["ruleId"] for entry in report["reportEntries"]] == ["XSD_VERSION"] * 2
    assert error["feilkode"] == "XSD_VERSJON_UKJENT"
    for row in map(ROWS.parse, world.rows):
        assert row.utfall == "REJECTED"
        assert not row.HasField("sak")
        assert [f.regel for f in row.funn] == ["skjemaversjon-2"] * 2
        assert all(f.linje for f in row.funn)


@pytest.mark.parametrize("announced", [0, 5, 99])
def test_a_version_we_do_not_know_is_told_what_we_do(announced: int) -> None:
    world = World()
    service(world).receive(ssb(old_case(), 1, version=announced))
    (entry,) = answers(world)[0][0]["reportEntries"]
    assert entry["ruleId"] == "XSD_VERSION"
    assert OLD in str(entry)
