"""A rehearsal: an invented schema 5.0.0, with one new element, one new code list and one retired attribute.

A copy of the project is changed in `model/` alone, in the way that a developer would change it, and then asked for
everything that follows: schema, tables, pages, compatibility, decoding, rules and rows.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bvr import generate

CODES = """code,label_nb,label_en,valid_from,valid_to,since,until
1,Med barnet alene,With the child alone,2028-01-01,,,
2,Med barnet og en tillitsperson,With the child and a trusted person,2028-01-01,,,
"""

# file below model/ -> (what stands there, what shall stand there)
EDITS: dict[str, list[tuple[str, str]]] = {
    "concepts.py": [
        (
            "class UtvidetFrist(Concept):",
            '''class Samtale(Concept):
    """A talk with the child in an investigation. | En samtale med barnet i en undersøkelse."""

    id: Id
    start_dato: Annotated[date, *_start("Dagen samtalen fant sted.", "Day of the talk.")]
    kode: Annotated[str, codes("Samtaleform", 1, 1), Doc("Hvem som var med.", "Who took part.")]


class UtvidetFrist(Concept):''',
        ),
        (
            "    utvidet_frist: Annotated[",
            """    samtale: Annotated[
        tuple[Samtale, ...], Shape(since="5.0.0"), Doc("Samtaler med barnet.", "Talks with the child.")
    ] = ()
    utvidet_frist: Annotated[""",
        ),
        ('BOOLEAN, Doc("Saken er avsluttet.",', 'BOOLEAN, Shape(until="5.0.0"), Doc("Saken er avsluttet.",'),
    ],
    "versions.py": [
        ('CURRENT = "4.0.1"', 'CURRENT = "5.0.0"'),
        ('SUPPORTED = ("4.0.1",', 'SUPPORTED = ("5.0.0", "4.0.1",'),
    ],
}
ANSWER = (
    '    Step(older="3.0.5", newer="4.0.1"),\n',
    """    Step(older="3.0.5", newer="4.0.1"),
    Step(
        older="4.0.1",
        newer="5.0.0",
        answers=(
            Carried(
                what="Sak.avsluttet",
                nb="Feltet beholdes for saker som er sendt med eldre versjoner.",
                en="The field is kept for cases sent with older versions.",
            ),
        ),
    ),
""",
)
DECISION = """- change: "Barnevern 4.0.1 -> 5.0.0: SakType/@Avsluttet removed"
  who: Styringsgruppen
  date: 2027-01-15
  why: Ingen regel og ingen statistikk har brukt feltet.
"""
UNDECIDED = "senders: NOT COMPATIBLE: Barnevern 4.0.1 -> 5.0.0: SakType/@Avsluttet no longer exists"


class Copy:
    """A copy of the project. Commands run in processes of their own, on the copy's code."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.model = root / "functions/bvr/model"
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(generate.ROOT / "functions", root / "functions", ignore=ignored)
        shutil.copytree(generate.ROOT / "tests/generative", root / "tests/generative", ignore=ignored)
        shutil.copy(generate.ROOT / "pyproject.toml", root)
        (root / "tests/__init__.py").touch()
        for path, make in generate.outputs().items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(make(), encoding="utf-8")

    def edit(self, file: str, *edits: tuple[str, str]) -> None:
        text = (self.model / file).read_text(encoding="utf-8")
        for old, new in edits:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        (self.model / file).write_text(text, encoding="utf-8")

    def run(self, *arguments: str | Path) -> tuple[int, str, str]:
        environment = {**os.environ, "PYTHONPATH": f"{self.root / 'functions'}{os.pathsep}{self.root}"}
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=self.root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def bvr(self, *arguments: str | Path) -> tuple[int, str, str]:
        return self.run("-m", "bvr.cli", *arguments)

    def ask(self, script: str) -> Any:
        """What a script prints as JSON."""
        code, out, err = self.run("-c", script)
        assert code == 0, err
        return json.loads(out)

    def files(self) -> dict[str, str]:
        """Every generated file, as it stands."""
        folders = ("functions/bvr/model/xsd", "functions/bvr/kostra", "bigquery_schemas", "docs")
        found = (
            p for f in folders for p in (self.root / f).rglob("*") if p.suffix in (".xsd", ".json", ".md", ".yaml")
        )
        return {str(p.relative_to(self.root)): p.read_text(encoding="utf-8") for p in found}


@pytest.fixture(scope="module")
def five(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """The project with 5.0.0 declared and nothing generated yet; the steps of `refused` and `done` follow."""
    copy = Copy(tmp_path_factory.mktemp("five"))
    for file, edits in EDITS.items():
        copy.edit(file, *edits)
    (copy.model / "codelists/Samtaleform.csv").write_text(CODES, encoding="utf-8")
    return copy


@pytest.fixture(scope="module")
def unanswered(five: Copy) -> list[str]:
    """What the upcast of 4.0.1 leaves open, before anything is said of it."""
    return five.ask(
        "import json; from bvr.model.upcast import Step, unanswered;"
        "print(json.dumps(unanswered(Step(older='4.0.1', newer='5.0.0'))))"
    )


@pytest.fixture(scope="module")
def refused(five: Copy, unanswered: list[str]) -> tuple[int, str, str, bool]:
    """`bvr generate` before the decision: exit code, output, errors, and whether nothing was written."""
    five.edit("upcast.py", ANSWER)
    before = five.files()
    return *five.bvr("generate"), five.files() == before


@pytest.fixture(scope="module")
def done(five: Copy, refused: object) -> tuple[dict[str, str], str]:
    """The files before, and what `bvr generate` said once the decision was recorded."""
    before = five.files()
    (five.model / "decisions.yaml").write_text(DECISION, encoding="utf-8")
    code, out, err = five.bvr("generate")
    assert code == 0, err
    return before, out


def test_only_the_model_was_touched(five: Copy, done: object) -> None:
    def code(root: Path) -> dict[str, bytes]:
        folder = root / "functions"
        return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*.py") if "model" not in p.parts}

    assert code(five.root) == code(generate.ROOT)


def test_the_retired_attribute_needs_an_answer(unanswered: list[str]) -> None:
    assert unanswered == ["Sak.avsluttet"]


def test_the_retired_attribute_needs_a_decision(refused: tuple[int, str, str, bool]) -> None:
    code, out, err, untouched = refused
    assert code != 0
    assert untouched
    assert out.splitlines() == [UNDECIDED]
    assert 'change: "Barnevern 4.0.1 -> 5.0.0: SakType/@Avsluttet removed"' in err
    assert "decisions.yaml" in err


def test_with_the_decision_all_is_written_and_told(five: Copy, done: tuple[dict[str, str], str]) -> None:
    before, out = done
    said = set(out.splitlines())
    assert {
        UNDECIDED,
        "senders: compatible: Barnevern 5.0.0: is accepted from now on",
        "senders: compatible: Barnevern 4.0.1 -> 5.0.0: UndersokelseType/Samtale new",
        "bigquery: compatible: register.innsending: sak.undersokelse.samtale is a new column (REPEATED)",
        "bigquery: compatible: register.innsending: sak.undersokelse.samtale.kode is a new column (REQUIRED)",
        "written: functions/bvr/model/xsd/Barnevern_v5.0.0.xsd",
        "written: bigquery_schemas/register/innsending/schema.json",
        "written: docs/skjemaversjoner.md",
        "written: docs/kodelister.md",
    } <= said
    assert not any("bigquery: NOT" in line for line in said)
    assert five.bvr("generate", "--check")[0] == 0
    after = five.files()
    assert set(before) - set(after) == set()
    for path, text in before.items():  # what senders have today stays as it is
        if path.endswith(".xsd"):
            assert after[path] == text, path


def test_the_pages_say_what_is_new(five: Copy, done: object) -> None:
    pages = five.files()
    versions, codes = pages["docs/skjemaversjoner.md"], pages["docs/kodelister.md"]
    assert "## Fra 4.0.1 til 5.0.0" in versions
    assert "| `Undersokelse/Samtale` |  | nytt | new | fraværende | absent |" in versions
    assert "| `Sak/@Avsluttet` |  | finnes ikke lenger | no longer exists | se under | see below |" in versions
    assert "`Sak.avsluttet` | beholdes · kept |" in versions
    assert "## Samtaleform" in codes
    assert "5.0.0, 4.0.1" in pages["docs/asyncapi.yaml"]


CASE = """
import json, sys
from datetime import date
from msgspec.structs import replace
from bvr.model.concepts import Samtale
from bvr.model.xml import encode
from bvr.rules import examples as e
talk = Samtale(id="6f1c2a34-0000-4000-8000-000000000001", start_dato=date(2024, 2, 1), kode="2")
link = e.relasjon("Melding", "Undersokelse")
old = e.document(replace(e.sak(e.personalia(), e.melding(), e.undersokelse(), link), avsluttet=False))
new = e.document(e.sak(e.personalia(), e.melding(), replace(e.undersokelse(), samtale=(talk,)), link))
"""


def test_both_versions_are_read_into_the_one_model(five: Copy, done: object) -> None:
    found = five.ask(
        f"{CASE}\n"
        """
from bvr.decode import decode
four, five = encode(old, "4.0.1"), encode(new, "5.0.0")
both = replace(old, sak=new.sak)
def paths(data, version):
    return [f.path for f in decode(data, version).faults]
print(json.dumps({
    "old": decode(four, "4.0.1").document == old,
    "kept": decode(four, "4.0.1").document.sak.avsluttet,
    "new": decode(five, "5.0.0").document == new,
    "oldest": decode(encode(old, "2.2.3"), "2.2.3").document == old,
    "retired": paths(four, "5.0.0"),
    "too early": paths(five, "4.0.1"),
    "left out": b"Avsluttet" in encode(old, "5.0.0"),
    "no code": paths(five.replace(b'StartDato="2024-02-01" Kode="2"', b'StartDato="2024-02-01" Kode="3"'), "5.0.0"),
}))
"""
    )
    assert found == {
        "old": True,
        "kept": False,
        "new": True,
        "oldest": True,
        "retired": ["/Barnevern/Sak/@Avsluttet"],
        "too early": ["/Barnevern/Sak/Undersokelse/Samtale"],
        "left out": False,
        "no code": ["/Barnevern/Sak/Undersokelse/Samtale/@Kode"],
    }


def test_the_self_check_and_the_rules_know_the_new_element(five: Copy, done: object, tmp_path: Path) -> None:
    """Without a line in rules/: every date lies where Sak 1 asks, every code is used when it is valid."""
    xml = five.ask(f'{CASE}\nprint(json.dumps(encode(new, "5.0.0").decode()))')
    good, bad = tmp_path / "good.xml", tmp_path / "bad.xml"
    good.write_text(xml, encoding="utf-8")
    assert xml.count('StartDato="2024-02-01" Kode="2"') == 1
    bad.write_text(xml.replace('StartDato="2024-02-01" Kode="2"', 'StartDato="1891-02-01" Kode="2"'), encoding="utf-8")
    code, out, err = five.bvr("validate", good, bad, "--schema", "5.0.0", "--json", "--own-rules")
    assert code == 1, err
    first, second = (json.loads(line) for line in out.splitlines())
    assert (first["verdict"], first["schema_version"]) == ("REGISTERED", "5.0.0"), first["findings"]
    assert "x-kode-gyldighet" in {f["rule"] for f in first["findings"]}
    assert "sak-1" in {f["rule"] for f in second["findings"]}


def test_the_row_has_the_new_column_and_the_retired_one(five: Copy, done: object) -> None:
    found = five.ask(
        f"{CASE}\n"
        """
from bvr.register.proto import RowWriter
from bvr.register.rows import _sak
from bvr.model import bigquery
from bvr.model.innsending import Innsending
class Plain:
    def encrypt(self, text):
        return b"x"
columns = {c["name"]: c for c in bigquery.columns(Innsending)}["sak"]["fields"]
print(json.dumps({
    "old": _sak(old, Plain())["avsluttet"],
    "new": [s["kode"] for u in _sak(new, Plain())["undersokelse"] for s in u["samtale"]],
    "retired": [c["mode"] for c in columns if c["name"] == "avsluttet"],
}))
"""
    )
    assert found == {"old": False, "new": ["2"], "retired": ["NULLABLE"]}


def test_the_generative_tests_hold_for_the_new_version(five: Copy, done: object) -> None:
    """Schema and decoder agree on every mutation of every place of 5.0.0, and of 4.0.1 as it is read now."""
    wanted = "(every_place_of_the_model or what_is_written or valid_by_our_schema) and (5.0.0 or 4.0.1)"
    code, out, err = five.run(
        *("-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", five.root),
        *(five.root / "tests/generative/test_equivalence.py", "-k", wanted),
    )
    assert code == 0, out + err
    assert out.startswith("......  ")
