"""A KOSTRA client as a case of the register's model: valid, the same every time, and nothing guessed."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from lxml import etree

from bvr.chain import NothingKnown
from bvr.decode import concept_decoder, decode
from bvr.kostra import concepts as k
from bvr.kostra.mapping import as_case
from bvr.kostra.rules.examples import avgiver, flytting, form, individ, lov, melding, nummer, plan, tiltak, undersokelse
from bvr.model.xml import encode
from bvr.pipeline import check_document
from bvr.rules.options import Channel, RuleOptions
from tests.generative import kostra_documents


def mapped(*records: Any, **about: Any) -> Any:
    return as_case(individ(*records, **about), avgiver(), form())


def test_everything_with_a_counterpart_is_carried() -> None:
    found = mapped(
        melding(undersokelse(slutt="2024-08-20", konklusjon="1"), slutt="2024-03-05", konklusjon="2"),
        plan(slutt="2024-12-01", evaluert="2024-06-01"),
        tiltak(lovhjemmel=lov("bvl2021", "5", "1", ledd="1", bokstav="a"), slutt="2024-11-01", opphevelse="1"),
        flytting(),
        nr=nummer("2012-03-14", male=False),
    )
    assert found.left_out == ()
    sak = found.document.sak
    assert (sak.migrert_id, sak.journalnummer, sak.avsluttet) == ("1", "2020/17", False)
    assert sak.personalia[0].fodseldato.isoformat() == "2012-03-14"
    assert sak.personalia[0].kjonn == "2"
    assert sak.melding[0].migrert_id == "Melding-1"
    assert sak.melding[0].konklusjon.kode == "2"
    (relation,) = sak.relasjon
    assert (relation.fra_id, relation.til_id) == (sak.melding[0].id, sak.undersokelse[0].id)
    assert sak.plan[0].evaluering[0].utfort_dato.isoformat() == "2024-06-01"
    assert sak.tiltak[0].lovhjemmel.lov == "BVL2021"
    assert sak.tiltak[0].lovhjemmel.bokstav == ("a",)
    assert sak.tiltak[0].konklusjon.slutt_dato.isoformat() == "2024-11-01"
    assert sak.flytting[0].migrert_id == "Flytting-1"


@pytest.mark.parametrize(
    ("records", "about", "what"),
    [
        ([melding(slutt="2024-03-05")], {}, "Konklusjon"),
        ([melding(konklusjon="1")], {}, "Konklusjon"),
        ([melding(undersokelse(slutt="2024-08-20"))], {}, "Konklusjon"),
        ([tiltak(lovhjemmel=lov("3", "1", "1"))], {}, "Lov"),
        ([tiltak(lovhjemmel=lov(paragraf="4-12"))], {}, "Lov"),
        ([tiltak(lovhjemmel=lov(ledd="første"))], {}, "Ledd"),
        ([tiltak(jmfr=(lov("X", kind=k.JmfrLovhjemmel),))], {}, "Lov"),
        ([tiltak()], {"nr": None, "duf": "201412345678"}, "Personalia"),
        ([tiltak()], {"nr": "99999999999"}, "Personalia"),
    ],
)
def test_what_does_not_fit_is_reported_and_not_guessed(records: Any, about: Any, what: str) -> None:
    found = mapped(*records, **about)
    assert [u.what for u in found.left_out if what in u.what]
    assert about.get("nr") is None or about["nr"] not in repr(found.left_out)


def test_the_same_client_is_the_same_case_and_another_is_another() -> None:
    one = individ(tiltak())
    assert as_case(one, avgiver(), form()) == as_case(one, avgiver(), form())
    assert as_case(one, avgiver(), form()).document.sak.id != as_case(one, avgiver(), form(), 2).document.sak.id


def test_every_client_that_follows_the_schema_becomes_a_case_that_follows_its_own() -> None:
    """Random clients: the case is valid in XML, comes back the same, and no rule crashes on it."""
    rng = Random(2026)
    options = RuleOptions(allow_synthetic=True)
    for _ in range(300):
        root = kostra_documents.file(rng)
        sender = concept_decoder(k.Avgiver, k.CODES)(root.find("Avgiver"))
        for number, element in enumerate(root.iterfind("Individ"), 1):
            client = concept_decoder(k.Individ, k.CODES)(element)
            document = as_case(client, sender, form(), number).document
            decoded = decode(encode(document), "4.0.1")
            assert decoded.document == document, (decoded.faults, etree.tostring(element))
            check_document(document, NothingKnown(), options, Channel.KOSTRA)
