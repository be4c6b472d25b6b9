"""What may be rolled out as it is, and what somebody has to decide first."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bvr import generate
from bvr.errors import BvrError
from bvr.model import bigquery, compatibility, schema
from bvr.model.compatibility import Change, changes, decisions, differences, nodes, undecided
from bvr.model.innsending import Innsending
from bvr.model.versions import CURRENT, SUPPORTED

XSD = """<?xml version="1.0" encoding="UTF-8"?>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:element name="Sak" type="SakType"><xs:unique name="u"><xs:selector xpath="Plan"/><xs:field xpath="@Id"/></xs:unique></xs:element>
  <xs:complexType name="SakType">
    <xs:sequence>
      <xs:element name="Plan" minOccurs="0" maxOccurs="3"><xs:complexType><xs:attribute name="Id" type="xs:string" use="required"/></xs:complexType></xs:element>
      <xs:element name="Krav" type="KravType" minOccurs="1"/>
    </xs:sequence>
    <xs:attribute name="Navn" use="required"><xs:simpleType><xs:restriction base="xs:string"><xs:minLength value="2"/><xs:maxLength value="5"/><xs:pattern value="a+"/></xs:restriction></xs:simpleType></xs:attribute>
    <xs:attribute name="Kode"><xs:simpleType><xs:restriction base="xs:string"><xs:maxLength value="2"/><xs:enumeration value="1"/><xs:enumeration value="22"/></xs:restriction></xs:simpleType></xs:attribute>
    <xs:attribute name="Dag" type="xs:date"/>
  </xs:complexType>
  <xs:complexType name="KravType"><xs:attribute name="Id" type="xs:string"/></xs:complexType>
</xs:schema>
"""  # noqa: E501

NEW_TYPE = '<xs:complexType name="NyType"><xs:attribute name="Id" type="xs:string" use="required"/></xs:complexType>'

# What is done to the schema -> what it is called, and whether those who send can live with it.
XSD_CASES: list[tuple[str, str, str, bool]] = [
    ("</xs:sequence>", '<xs:element name="Ny" minOccurs="0" type="xs:date"/></xs:sequence>', "SakType/Ny added", True),
    ("<xs:sequence>", '<xs:sequence><xs:element name="Ny" minOccurs="0" type="xs:date"/>', "SakType/Ny added", True),
    ("</xs:sequence>", '<xs:element name="Ny" type="xs:date"/></xs:sequence>', "SakType/Ny added as required", False),
    ('<xs:attribute name="Dag"', '<xs:attribute name="Ny"/><xs:attribute name="Dag"', "SakType/@Ny added", True),
    ('name="Dag" type="xs:date"', 'name="Dag" type="xs:date" use="required"', "SakType/@Dag required", False),
    ('name="Navn" use="required"', 'name="Navn"', "SakType/@Navn optional", True),
    ('<xs:attribute name="Dag" type="xs:date"/>', "", "SakType/@Dag removed", False),
    ('name="Dag" type="xs:date"', 'name="Dag" type="xs:boolean"', "SakType/@Dag another type", False),
    ('maxOccurs="3"', 'maxOccurs="unbounded"', "SakType/Plan more", True),
    ('maxOccurs="3"', 'maxOccurs="2"', "SakType/Plan fewer", False),
    ('minOccurs="1"', 'minOccurs="0"', "SakType/Krav optional", True),
    ('<xs:minLength value="2"/>', '<xs:minLength value="1"/>', "SakType/@Navn min length", True),
    ('<xs:minLength value="2"/>', '<xs:minLength value="3"/>', "SakType/@Navn min length", False),
    ('<xs:maxLength value="5"/>', '<xs:maxLength value="6"/>', "SakType/@Navn max length", True),
    ('<xs:maxLength value="5"/>', "", "SakType/@Navn max length", True),
    ('<xs:maxLength value="5"/>', '<xs:maxLength value="4"/>', "SakType/@Navn max length", False),
    ('<xs:pattern value="a+"/>', "", "SakType/@Navn pattern", True),
    ('<xs:pattern value="a+"/>', '<xs:pattern value="a*"/>', "SakType/@Navn pattern", False),
    ('<xs:pattern value="a+"/>', '<xs:pattern value="a+"/><xs:whiteSpace value="collapse"/>', "whiteSpace", False),
    ('<xs:enumeration value="22"/>', "", "SakType/@Kode code removed: 22", False),
    ('<xs:enumeration value="1"/>', '<xs:enumeration value="1"/><xs:enumeration value="2"/>', "code added: 2", True),
    ('<xs:maxLength value="2"/>', '<xs:maxLength value="1"/>', "SakType/@Kode code removed: 22", False),
    ('<xs:enumeration value="1"/><xs:enumeration value="22"/>', "", "SakType/@Kode opened", True),
    ('name="Id" type="xs:string"/></xs:complexType>\n</xs', 'name="Nr"/></xs:complexType>\n</xs', "@Id removed", False),
    ('<xs:field xpath="@Id"/>', '<xs:field xpath="@Id"/><xs:field xpath="@Nr"/>', "Sak/unique(Plan) keys", False),
    ('xpath="Plan"', 'xpath="Krav"', "Sak/unique(Krav) added", False),
    ("</xs:schema>", f"{NEW_TYPE}</xs:schema>", "NyType added", True),
]


def said(old: str, new: str) -> dict[str, bool]:
    return {f"{d.place} {d.what}": d.compatible for d in differences(old, new)}


@pytest.mark.parametrize(("old", "new", "what", "compatible"), XSD_CASES, ids=lambda v: str(v)[:40])
def test_a_change_of_a_schema(old: str, new: str, what: str, compatible: bool) -> None:
    assert old in XSD
    found = said(XSD, XSD.replace(old, new, 1))
    assert [ok for name, ok in found.items() if name.endswith(what)] == [compatible], found


def test_elements_in_another_order_are_not_compatible() -> None:
    plan, krav = (line for line in XSD.splitlines() if '<xs:element name="Plan"' in line or 'name="Krav"' in line)
    swapped = XSD.replace(plan, "#").replace(krav, plan).replace("#", krav)
    assert said(XSD, swapped) == {"SakType reordered": False}


def test_a_list_that_becomes_closed_is_not_compatible() -> None:
    opened = XSD.replace('<xs:enumeration value="1"/><xs:enumeration value="22"/>', "")
    assert said(opened, XSD) == {"SakType/@Kode closed": False}


def test_a_new_element_is_told_once_with_all_that_it_holds() -> None:
    part = '<xs:element name="Ny" minOccurs="0" type="NyType"/></xs:sequence>'
    new = XSD.replace("</xs:sequence>", part).replace("</xs:schema>", f"{NEW_TYPE}</xs:schema>")
    assert said(XSD, new) == {"SakType/Ny added": True, "NyType added": True}
    assert said(new, XSD) == {"SakType/Ny removed": False, "NyType removed": False}


def test_what_cannot_be_compared_is_not_passed_over() -> None:
    with pytest.raises(ValueError, match="xs:choice"):
        nodes(XSD.replace("xs:sequence", "xs:choice"))


def test_the_fault_of_4_0_0_would_have_been_found() -> None:
    """57 codes of six characters under a limit of two: nothing a sender could use, and nobody saw it."""
    now = schema.render("4.0.1")
    at = now.index('<xs:complexType name="SaksinnholdType">')
    as_it_was = now[:at] + now[at:].replace('<xs:maxLength value="6"/>', '<xs:maxLength value="2"/>', 1)
    assert sum(d.what.startswith("code removed") for d in differences(now, as_it_was)) == 57


@pytest.mark.parametrize("version", SUPPORTED)
def test_a_schema_is_compatible_with_itself(version: str) -> None:
    assert said(schema.render(version), schema.render(version)) == {}
    assert any(n.kind == "unique" for n in nodes(schema.render(version)).values())


# --- tables ----------------------------------------------------------------------------------------------------------

TABLE: list[dict[str, Any]] = [
    {"name": "id", "type": "STRING", "mode": "REQUIRED"},
    {"name": "dag", "type": "DATE", "mode": "NULLABLE"},
    {
        "name": "plan",
        "type": "RECORD",
        "mode": "REPEATED",
        "fields": [{"name": "kode", "type": "STRING", "mode": "REQUIRED"}],
    },
]


def _at(*path: int) -> Callable[[list[dict[str, Any]]], dict[str, Any]]:
    def find(table: list[dict[str, Any]]) -> dict[str, Any]:
        column = table[path[0]]
        for step in path[1:]:
            column = column["fields"][step]
        return column

    return find


def _column(name: str, mode: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "STRING", "mode": mode, **more}


RECORD = {"type": "RECORD", "fields": [_column("kode", "REQUIRED")]}
TABLE_CASES: list[tuple[str, Callable[[list[dict[str, Any]]], Any], bool]] = [
    ("ny added", lambda t: t.append(_column("ny", "NULLABLE")), True),
    ("ny added", lambda t: t.append(_column("ny", "REPEATED")), True),
    ("ny added", lambda t: t.append(_column("ny", "REQUIRED")), False),
    ("ny added", lambda t: t.append(_column("ny", "REQUIRED", **RECORD)), False),
    ("ny.kode added", lambda t: t.append(_column("ny", "NULLABLE", **RECORD)), True),
    ("plan.ny added", lambda t: _at(2)(t)["fields"].append(_column("ny", "REQUIRED")), False),
    ("plan.ny added", lambda t: _at(2)(t)["fields"].append(_column("ny", "NULLABLE")), True),
    ("dag removed", lambda t: t.pop(1), False),
    ("plan removed", lambda t: t.pop(2), False),
    ("plan.kode removed", lambda t: _at(2)(t)["fields"].clear(), False),
    ("id mode", lambda t: _at(0)(t).update(mode="NULLABLE"), True),
    ("plan.kode mode", lambda t: _at(2, 0)(t).update(mode="NULLABLE"), True),
    ("dag mode", lambda t: _at(1)(t).update(mode="REQUIRED"), False),
    ("plan mode", lambda t: _at(2)(t).update(mode="NULLABLE"), False),
    ("dag mode", lambda t: _at(1)(t).update(mode="REPEATED"), False),
    ("dag type", lambda t: _at(1)(t).update(type="TIMESTAMP"), False),
    ("id type", lambda t: _at(0)(t).update(type="BYTES"), False),
]


@pytest.mark.parametrize(("what", "edit", "compatible"), TABLE_CASES, ids=lambda v: v if isinstance(v, str) else "")
def test_a_change_of_a_table(what: str, edit: Callable[[list[dict[str, Any]]], Any], compatible: bool) -> None:
    new = json.loads(json.dumps(TABLE))
    edit(new)
    found = {c.id.partition(": ")[2]: c.compatible for c in compatibility.tables("register.sak", TABLE, new)}
    assert found[what] is compatible, found


def test_a_new_description_is_no_change() -> None:
    new = [{**column, "description": "Ny tekst."} for column in TABLE]
    assert list(compatibility.tables("t", TABLE, new)) == []


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_column_lost_anywhere_in_the_real_table_is_found(data: st.DataObject) -> None:
    old = bigquery.columns(Innsending)
    new = json.loads(json.dumps(old))
    level = new
    while True:
        at = data.draw(st.integers(0, len(level) - 1))
        if "fields" not in level[at] or data.draw(st.booleans()):
            break
        level = level[at]["fields"]
    lost = level.pop(at)["name"]
    (change,) = compatibility.tables("register.innsending", old, new)
    assert change.id.endswith(f"{lost} removed")
    assert not change.compatible


# --- versions, decisions, and what is written ------------------------------------------------------------------------

FOLDER = "functions/bvr/model/xsd"


def _files(*versions: str, **text: str) -> dict[str, str]:
    return {f"{FOLDER}/Barnevern_v{v}.xsd": text.get(v, XSD) for v in versions}


def test_a_withdrawn_version_needs_a_decision() -> None:
    (change,) = changes(_files("4.0.1", "3.0.5"), _files("4.0.1"))
    assert (change.id, change.compatible) == ("Barnevern 3.0.5: withdrawn", False)


def test_a_new_version_is_compared_with_the_one_before_it() -> None:
    narrower = XSD.replace('<xs:attribute name="Dag" type="xs:date"/>', "")
    after = {**_files("3.0.5", "4.0.1"), f"{FOLDER}/Barnevern_v5.0.0.xsd": narrower}
    found = changes(_files("3.0.5", "4.0.1"), after)
    assert [(c.id, c.compatible) for c in found] == [
        ("Barnevern 5.0.0: added", True),
        ("Barnevern 4.0.1 -> 5.0.0: SakType/@Dag removed", False),
    ]


def test_an_older_version_taken_in_beside_needs_no_decision() -> None:
    before = _files("3.0.5", "4.0.1")
    assert [c.id for c in changes(before, {**before, **_files("2.2.3")})] == ["Barnevern 2.2.3: added"]


def test_a_schema_without_a_version_is_compared_too() -> None:
    narrower = XSD.replace('<xs:enumeration value="22"/>', "")
    (change,) = changes({"a/xsd/Kostra.xsd": XSD}, {"a/xsd/Kostra.xsd": narrower})
    assert not change.compatible
    assert change.id == "Kostra: SakType/@Kode code removed: 22"


def test_what_was_committed_without_a_decision_is_found_against_an_older_commit(elsewhere: Path) -> None:
    """Somebody wrote the files by hand, or deleted them first: the files match the model, and history tells."""

    def git(*arguments: str) -> str:
        who = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
        command = ["git", *who, *arguments]
        return subprocess.run(command, cwd=elsewhere, check=True, capture_output=True, text=True).stdout.strip()

    path = elsewhere / "bigquery_schemas/register/innsending/schema.json"
    now = path.read_text(encoding="utf-8")
    more = [*json.loads(now), {"name": "gammel", "type": "STRING", "mode": "NULLABLE", "description": "x | y"}]
    path.write_text(json.dumps(more), encoding="utf-8")
    (elsewhere / FOLDER / "Barnevern_v1.2.0.xsd").write_text(XSD, encoding="utf-8")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "before")
    before = git("rev-parse", "HEAD")
    path.write_text(now, encoding="utf-8")
    (elsewhere / FOLDER / "Barnevern_v1.2.0.xsd").unlink()
    made = generate.plan(elsewhere, since=before)
    assert made.files == {}
    assert [c.id for c in generate.undecided(made.changes)] == [
        "register.innsending: gammel removed",
        "Barnevern 1.2.0: withdrawn",
    ]
    with pytest.raises(BvrError, match="git"):
        generate.plan(elsewhere, since="0" * 40)


def test_only_the_decided_change_is_let_through() -> None:
    no = [Change(id=i, audience="senders", compatible=False, text=i) for i in ("a: b removed", "a: c removed")]
    yes = Change(id="a: d added", audience="senders", compatible=True, text="")
    text = "- change: 'a: b removed'\n  who: Styret\n  date: 2027-01-15\n  why: Ingen bruker den\n"
    assert [c.id for c in undecided([*no, yes], decisions(text))] == ["a: c removed"]
    assert decisions("[]") == decisions("") == {}


@pytest.mark.parametrize(
    "text",
    [
        "- change: x\n",
        "- change: x\n  who: ''\n  date: 2027-01-15\n  why: derfor\n",
        "- change: x\n  who:\n  date:\n  why:\n",
        "- change: x\n  who: a\n  date: i morgen\n  why: b\n",
        "- change: x\n  who: a\n  date: 2027-01-15\n  why: b\n  extra: c\n",
        "a: [",
        "x",
    ],
)
def test_a_decision_that_is_not_whole_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"decisions\.yaml"):
        decisions(text)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """The generated files in another folder, as somebody's copy of the project has them."""
    for path, make in generate.outputs().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(make(), encoding="utf-8")
    return tmp_path


def test_nothing_is_written_while_a_change_is_undecided(elsewhere: Path) -> None:
    """As if the committed schema had once allowed more than the model does now."""
    path = elsewhere / FOLDER / f"Barnevern_v{CURRENT}.xsd"
    wider = path.read_text(encoding="utf-8").replace('<xs:maxLength value="300"/>', '<xs:maxLength value="400"/>', 1)
    path.write_text(wider, encoding="utf-8")
    (elsewhere / "docs/regler.md").unlink()
    with pytest.raises(generate.Undecided, match="FagsystemType/@Leverandor max length"):
        generate.generate(elsewhere)
    assert path.read_text(encoding="utf-8") == wider
    assert not (elsewhere / "docs/regler.md").exists()
    assert len(generate.check(elsewhere)) == 2


def test_a_compatible_change_is_written_and_told(elsewhere: Path) -> None:
    path = elsewhere / "bigquery_schemas/register/innsending/schema.json"
    fewer = json.loads(path.read_text(encoding="utf-8"))
    fewer = [column for column in fewer if column["name"] != "sak"]
    path.write_text(json.dumps(fewer), encoding="utf-8")
    made = generate.generate(elsewhere)
    assert list(made.files) == ["bigquery_schemas/register/innsending/schema.json"]
    assert all(c.compatible and c.audience == "bigquery" for c in made.changes)
    assert any(c.id == "register.innsending: sak added" for c in made.changes)
    assert generate.check(elsewhere) == []


def test_a_version_left_behind_on_disk_is_a_withdrawal(elsewhere: Path) -> None:
    (elsewhere / FOLDER / "Barnevern_v1.2.0.xsd").write_text(XSD, encoding="utf-8")
    with pytest.raises(generate.Undecided, match=r"Barnevern 1\.2\.0: withdrawn"):
        generate.generate(elsewhere)
    assert generate.check(elsewhere) == [f"{FOLDER}/Barnevern_v1.2.0.xsd"]
