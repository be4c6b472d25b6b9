"""Erasure of a case and of a child: all that mentions it goes, nothing else is touched, and it does not come back."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest

from bvr.errors import Retry
from bvr.hendelse.pull import Pulled
from bvr.intake.protocol import EVENT_CHANGED, INVALID, KOSTRA_SUBMIT
from bvr.intake.sealed.faults import Unsound
from bvr.intake.sealed.trust import Trust
from bvr.kostra.rules.examples import avgiver, individ
from bvr.kostra.rules.examples import melding as kostra_melding
from bvr.kostra.rules.examples import tiltak as kostra_tiltak
from bvr.kostra.xml import encode as kostra
from bvr.model.xml import encode
from bvr.register.erasure import NotYet, Order, plan, report, resume, run, verify
from bvr.register.retention import due
from bvr.rules.examples import BOY, GIRL, document, melding, personalia, sak
from bvr.testpki import Pki, pem_of
from bvr.verdict import Verdict
from tests.unit.erasure_world import PKI, Erasing
from tests.unit.service_world import REPORTER, SENDER, delivery, native, ssb

NOW = timedelta(0)
ORGNR = REPORTER.organisasjonsnummer
EXTRACT = datetime(2026, 6, 29, 20, tzinfo=UTC)
OTHER = "cccccccc-0000-4000-8000-000000000001"
REF = "aLongAndRandomReference_1"


def uid(text: str) -> str:
    return str(uuid5(NAMESPACE_URL, text))


def case(name: str, number: str, journal: str, extract: datetime = EXTRACT, n: int = 1, **about: Any) -> bytes:
    """A submission of a case: its ids follow from its name, that of the submission from its number, too."""
    made = document(
        sak(personalia(nummer=number), melding(), journalnummer=journal), today=extract.isoformat(), **about
    )
    xml = encode(made)
    for old in sorted(set(re.findall(rb'\bId="([0-9a-f-]{36})"', xml))):
        xml = xml.replace(old, uid(f"{name} {old.decode()}").encode())
    own = uid(f"{name} innsending {n}").encode()
    return re.sub(rb'(<Barnevern\b[^>]*?\bId=")[^"]+', rb"\g<1>" + own, xml, count=1)


A1, A2, A3 = (case("A", BOY, "HEMMELIG-A", EXTRACT + timedelta(hours=h), h + 1) for h in range(3))
A_GAP = case("A", BOY, "HEMMELIG-A", EXTRACT + timedelta(hours=3), 4, forrige_id=uid("A never came"))
A_INVALID = A1.replace(b" StartDato=", b" Startdato=")  # the schema refuses it, and it says whose it is all the same
A_CUT = case("A", BOY, "HEMMELIG-A", n=7)[:-60]
A_NAMELESS = re.sub(rb'(<Sak\b[^>]*?\s)Id="[^"]+"', rb"\1", case("A", BOY, "HEMMELIG-A", n=8))
B1 = case("B", GIRL, "HEMMELIG-B")
B_INVALID = B1.replace(b" StartDato=", b" Startdato=")
C1 = case("C", BOY, "HEMMELIG-C")  # the same child, in another case of the same service
C_INVALID = C1.replace(b" StartDato=", b" Startdato=")
SAK = {
    name: re.search(rb'<Sak\b[^>]*?\sId="([^"]+)"', xml)[1].decode()  # type: ignore[index]
    for name, xml in (("A", A1), ("B", B1), ("C", C1))
}
TOKENS = {
    "A": {uid(f"A innsending {n}") for n in range(1, 9)}
    | {m.decode() for m in re.findall(rb'\sId="([^"]{36})"', A1)}
    | {"HEMMELIG-A", uid("A never came")}
}
CASE_A = Order(
    id="2026-1",
    kind="MELDING",
    ordered_by="Kommunen",
    legal_basis="§ 7",
    day=date(2026, 6, 30),
    orgnr=ORGNR,
    sak_id=SAK["A"],
)
CHILD = Order(
    id="2026-2",
    kind="MYNDIGHET",
    ordered_by="Datatilsynet",
    legal_basis="GDPR art. 17",
    day=date(2026, 6, 30),
    barn_id=uid("barn"),
)


def told(reference: str, n: int, extract: datetime = EXTRACT) -> Any:
    content = {
        "hendelseId": uid(f"hendelse {n}"),
        "type": EVENT_CHANGED,
        "tidspunkt": "2026-06-29T20:00:01Z",
        "avgiver": {"organisasjonsnummer": ORGNR, "kommunenummer": REPORTER.kommunenummer},
        "referanse": reference,
        "datoUttrekk": extract.isoformat(),
    }
    about = {"melding-id": uid(f"hendelsesmelding {n}"), "avsender-id": SENDER, "type": EVENT_CHANGED}
    return delivery(json.dumps(content).encode(), about, 100 + n)


def pointing(e: Erasing, name: str, xml: bytes, n: int) -> Any:
    """A message that points to an upload."""
    e.buckets["innboks"].create(name, xml)
    return native(b"", n, dataref=f"gs://prosjekt-innboks/{name}", sha256=hashlib.sha256(xml).hexdigest())


def kostra_file(*clients: tuple[str, str]) -> bytes:
    made = [
        individ(kostra_tiltak(), kostra_melding(), journalnummer=journal, id=str(n), nr=number)
        for n, (number, journal) in enumerate(clients, 1)
    ]
    return kostra(avgiver(organisasjonsnummer=ORGNR, kommunenummer=REPORTER.kommunenummer), made)


def fetched(e: Erasing, reference: str, xml: bytes) -> None:
    e.api.cases[reference] = Pulled(body=xml, sha256=hashlib.sha256(xml).hexdigest(), version="4.0.1")


def fill_others(e: Erasing) -> None:
    """What is to stay as it is, of every kind that the case itself has."""
    for message in (native(B1, 50), native(B1, 51), ssb(B1, 52), native(B_INVALID, 53), native(C1, 54)):
        e.service.receive(message)
    e.service.receive(native(C_INVALID, 55))
    e.service.receive(native(B1, 56, avsender_id=OTHER))
    e.service.receive(pointing(e, "b.xml", case("B", GIRL, "HEMMELIG-B", n=2), 57))
    e.service.receive(native(b"no XML at all", 58))
    fetched(e, REF + "B", case("B", GIRL, "HEMMELIG-B", EXTRACT, 3))
    e.events.receive(told(REF + "B", 50))
    e.events.receive(told(REF + "C", 51))  # not found
    e.dead.kept["innsending"] = [(B1, native(B1, 59).attributes)]
    e.dead.kept["kvittering"] = [(b"{}", {"svar-til": native(B1, 50).attributes["melding-id"]})]
    e.link(ORGNR, SAK["B"], uid("barn B"))
    e.tables.put("statistikk.frys", [{"kommunenummer": "3301", "verdi": "7"}])
    e.deliver()


def fill_case(e: Erasing, *, linked: bool = True) -> None:
    """The case in every way that it can have come."""
    for message in (native(A1, 1), native(A1, 2), ssb(A1, 3), native(A2, 4), native(A_GAP, 5), native(A_INVALID, 6)):
        e.service.receive(message)
    for n, body in ((7, A_CUT), (8, A_NAMELESS)):
        e.service.receive(native(body, n))
    e.service.receive(native(A1, 9, avsender_id=OTHER))  # from somebody who may not send
    e.service.receive(pointing(e, "a.xml", A3, 10))
    e.service.receive(native(case("A", BOY, "HEMMELIG-A", n=5), 11, klient_korrelasjons_id="x" * 7000))
    fetched(e, REF, case("A", BOY, "HEMMELIG-A", EXTRACT, 6))
    e.events.receive(told(REF, 1))
    e.events.receive(told(REF, 2, EXTRACT - timedelta(hours=1)))
    del e.api.cases[REF]
    with_retry = told(REF, 3, EXTRACT + timedelta(hours=2))
    e.events.receive(with_retry)  # not found any more
    e.desk.quarantine(e.desk.take(native(A1, 13), 1000), "for the mark")
    e.buckets["innboks"].create("never-told-of.xml", case("A", BOY, "HEMMELIG-A", n=3))
    e.dead.kept["innsending"] += [(A1, native(A1, 20).attributes), (b"", native(A1, 4).attributes)]
    e.dead.kept["kvittering"] += [(b"{}", {"svar-til": native(A1, 2).attributes["melding-id"]})]
    if linked:
        e.link(ORGNR, SAK["A"], uid("barn"))
    e.deliver()


@pytest.fixture
def e(tmp_path: Path) -> Erasing:
    made = Erasing(tmp_path)
    fill_others(made)
    fill_case(made)
    return made


def mentions(e: Erasing, tokens: set[str]) -> dict[str, set[str]]:
    """Where any of the tokens stands: name -> the tokens."""
    found = {}
    for name, content in e.everything().items():
        read = (name + repr(content)).lower()
        if hits := {one for one in tokens if one.lower() in read}:
            found[name] = hits
    return found


def without_traces(everything: dict[str, Any]) -> dict[str, Any]:
    """All but what an erasure leaves on purpose."""
    left = ("prosjekt-protokoll/slettet/", "prosjekt-rapporter/sletting/", "drift.sletteordre#")
    return {name: content for name, content in everything.items() if not name.startswith(left)}


def test_the_register_is_as_if_the_case_had_never_been(e: Erasing, tmp_path: Path) -> None:
    """The whole of it, byte for byte: what mentioned the case is gone, and nothing else has changed."""
    never = Erasing(tmp_path)
    fill_others(never)
    assert len(mentions(e, TOKENS["A"])) > 30
    run(e.office, CASE_A, NOW)
    assert mentions(e, TOKENS["A"]) == {}
    after, expected = without_traces(e.everything()), without_traces(never.everything())
    kept = {"grunnlag.kohort", "register.pseudonym"}  # the child has not been erased
    assert {n for n in after.keys() ^ expected.keys() if n.partition("#")[0] not in kept} == set()
    assert {name for name in expected if after[name] != expected[name]} == set()
