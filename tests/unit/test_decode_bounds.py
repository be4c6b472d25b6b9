"""How `decode` keeps its bounds: counting, encodings, beginnings of large documents, threads, names."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from lxml import etree

from bvr import decode as module
from bvr.decode import Decoded, Limits, decode
from tests.generative.documents import random_document
from tests.generative.mutations import enumeration, mutated

VERSION = "4.0.1"
ROOT = Path(__file__).resolve().parents[2]


def _document(number: int = 1) -> bytes:
    return etree.tostring(random_document(random.Random(number), VERSION, plain=True), encoding="unicode").encode()


def _kinds(decoded: Decoded) -> list[str]:
    return [fault.kind for fault in decoded.faults]


def test_the_beginning_of_a_document_has_the_faults_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking at longer and longer beginnings finds the same faults, and blames nobody for where we cut."""
    limits = Limits(faults=3)
    compared = 0
    for number, (place, operator) in enumerate(enumeration(VERSION)):
        if number % 3 or (data := mutated(random.Random(number), VERSION, place, operator)) is None:
            continue
        monkeypatch.setattr(module, "_STRETCH", 10**9)
        whole = decode(data, VERSION, limits)
        for stretch in (9, 40):
            monkeypatch.setattr(module, "_STRETCH", stretch)
            parts = decode(data, VERSION, limits)
            assert parts.document == whole.document, (str(place), operator)
            assert parts.faults == whole.faults, (str(place), operator)
        compared += 1
    assert compared > 1000


def test_more_attributes_than_are_looked_at_are_still_a_fault() -> None:
    many = " ".join(f'a{i}=""' for i in range(20_000)).encode()
    decoded = decode(_document().replace(b"<Avgiver ", b"<Avgiver " + many + b" ", 1), VERSION)
    assert len(decoded.faults) == 100
    assert decoded.more > 0
    assert {fault.path for fault in decoded.faults} == {"/Barnevern/Avgiver/@?"}


def test_signs_in_text_are_not_attributes() -> None:
    """Ten thousand equals signs in a clarification are free text, however many there are; so are tags in a comment."""
    root = random_document(random.Random(3), VERSION, plain=True)
    sak = root.find("Sak")
    assert sak is not None
    sak[:] = []
    melding = etree.SubElement(sak, "Melding", Id="11111111-1111-4111-8111-111111111111", StartDato="2024-01-01")
    for _ in range(3):
        etree.SubElement(melding, "Melder", Kode="1", Presisering="=" * 9000 + "<x a='b'/>")
    sak.append(etree.Comment("<x a='b'/>" * 2000))
    sak.append(etree.ProcessingInstruction("pi", "<x a='b'/>" * 2000))
    data = etree.tostring(root, encoding="unicode").encode()
    assert decode(data, VERSION, Limits(elements=1000, attributes=1000)).document is not None
    assert _kinds(decode(data, VERSION, Limits(elements=1000, attributes=10))) == ["size"]
    assert _kinds(decode(data, VERSION, Limits(elements=7, attributes=1000))) == ["size"]


@pytest.mark.parametrize("limit", ["elements", "attributes", "bytes"])
def test_at_a_limit_and_one_beyond_it(limit: str) -> None:
    data = _document(5)
    root = etree.fromstring(data)
    there = {
        "elements": sum(1 for _ in root.iter()),
        "attributes": sum(len(e.keys()) for e in root.iter()) + len(root.nsmap),  # a namespace is declared by one
        "bytes": len(data),
    }
    assert decode(data, VERSION, Limits(**{limit: there[limit]})).document is not None
    assert _kinds(decode(data, VERSION, Limits(**{limit: there[limit] - 1}))) == ["size"]


@pytest.mark.parametrize("quotes", ['"\'"', "'\"'", '"<!--"', "'<?'"])
def test_nothing_hides_attributes_from_the_count(quotes: str) -> None:
    hidden = " ".join(f'a{i}="1"' for i in range(3000))
    data = f"<Barnevern x={quotes} {hidden} y={quotes}/>".encode()
    assert decode(data, VERSION, Limits(elements=10, attributes=3000)).document is None
    if "<" not in quotes:
        assert _kinds(decode(data, VERSION, Limits(elements=10, attributes=3000))) == ["size"]


@pytest.mark.parametrize("encoding", ["UTF-7", "UTF-32", "UTF-32-LE", "UTF-32-BE", "cp037", "ISO-2022-JP", "Shift_JIS"])
def test_encodings_in_which_markup_could_hide_are_refused(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?>' + _document().decode()
    found = decode(text.encode(encoding, "replace"), VERSION)
    assert _kinds(found) == ["xml"]
    assert found.document is None


@pytest.mark.parametrize(
    "encoding", ["utf-8", "UTF8", "us-ascii", "ISO-8859-1", "iso-8859-15", "latin1", "windows-1252"]
)
def test_encodings_that_extend_ascii_are_read(encoding: str) -> None:
    root = etree.fromstring(_document())
    root.find("Fagsystem").set("Navn", "Skjåk")  # type: ignore[union-attr]
    text = etree.tostring(root, encoding="unicode")
    ascii_only = "".join(c if c.isascii() else f"&#{ord(c)};" for c in text)
    document = decode(f'<?xml version="1.0" encoding="{encoding}"?>{ascii_only}'.encode("ascii"), VERSION).document
    assert document is not None
    assert document.fagsystem.navn == "Skjåk"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_limits_count_characters_in_utf_16(encoding: str) -> None:
    text = '<?xml version="1.0" encoding="UTF-16"?>' + _document(5).decode()
    elements = text.count("<") - text.count("</") - 1
    assert decode(text.encode(encoding), VERSION).document is not None
    assert decode(text.encode(encoding), VERSION, Limits(elements=elements)).document is not None
    assert _kinds(decode(text.encode(encoding), VERSION, Limits(elements=elements - 1))) == ["size"]


def test_threads_do_not_see_the_faults_of_each_other() -> None:
    """One schema holds one log: a schema shared by threads would tell one sender of the faults of another."""
    documents = []
    for number in range(60):
        root = random_document(random.Random(number), VERSION, plain=True)
        if number % 3 == 1:
            root.find("Avgiver").set("Kommunenummer", "x")  # type: ignore[union-attr]
        if number % 3 == 2:
            del root.find("Fagsystem").attrib["Navn"]  # type: ignore[union-attr]
        documents.append(etree.tostring(root, encoding="unicode").encode())
    alone = [decode(data, VERSION) for data in documents]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda data: decode(data, VERSION), documents * 10))
    assert together == alone * 10


def test_a_schema_does_not_keep_what_it_said() -> None:
    root = random_document(random.Random(1), VERSION, plain=True)
    root.find("Avgiver").set("Kommunenummer", "hemmelig")  # type: ignore[union-attr]
    assert decode(etree.tostring(root, encoding="unicode").encode(), VERSION).faults
    assert all(len(schema.error_log) == 0 for schema in module._schemas(VERSION))  # type: ignore[arg-type]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a named pipe")
@pytest.mark.parametrize("attribute", ["xsi:noNamespaceSchemaLocation='{}'", "xsi:schemaLocation='urn:x {}'"])
def test_a_file_that_a_schema_hint_names_is_not_opened(attribute: str, tmp_path: Path) -> None:
    """The file is a pipe that nobody writes to: whoever opened it would wait for ever."""
    pipe = tmp_path / "schema.xsd"
    os.mkfifo(pipe)
    for name in (str(pipe), pipe.as_uri()):
        hint = f"<Barnevern {attribute.format(name)} ".encode()
        work = threading.Thread(
            target=decode, args=(_document().replace(b"<Barnevern ", hint, 1), VERSION), daemon=True
        )
        work.start()
        work.join(10)
        waited = work.is_alive()
        if waited:
            os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        assert not waited


_MANY_NAMES = """
from bvr.decode import decode

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6

for number in range(24):
    names = "".join(f'<n{number}x{i}{"y" * 300}/>' for i in range(20000))
    assert decode(f"<Barnevern>{names}</Barnevern>".encode(), "4.0.1").faults
    if number == 5:
        before = resident()
print(resident() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads its own memory from /proc")
def test_names_of_earlier_documents_are_forgotten() -> None:
    """18 documents with 6 MB of names each, none of which is met again: a parser that lives on would keep 110 MB."""
    done = subprocess.run(
        [sys.executable, "-c", _MANY_NAMES],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={"PYTHONPATH": "functions"},
        timeout=120,
    )
    assert float(done.stdout) < 40, done.stdout
