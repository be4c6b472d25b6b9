"""Rows: everything of a submission is stored, identifiers only as ciphertext, and nothing that does not fit leaves."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from bvr.intake.sender import Right
from bvr.model.innsending import Innsending
from bvr.model.types import Concept, Person, fields
from bvr.model.xml import encode
from bvr.register.keys import TinkCipher, new_keyset
from bvr.register.proto import RowError, RowWriter
from bvr.rules.examples import GIRL, document, melding, personalia, sak, undersokelse
from bvr.simulate.cases import heavy_case
from tests.unit.service_world import CIPHER, ROWS, World, native, right, service


def _stored(xml: bytes, *rights: Right) -> Any:
    world = World()
    service(world, None, *rights).receive(native(xml))
    return ROWS.parse(world.rows[0])


def test_a_case_comes_back_from_its_row() -> None:
    case = heavy_case()
    who = case.avgiver
    own = right(
        for_orgnr=who.organisasjonsnummer,
        kommunenummer=who.kommunenummer,
        bydelsnummer=(who.bydelsnummer,) if who.bydelsnummer else (),
    )
    row = _stored(encode(case), own)
    _same(case.sak, row.sak)
    assert row.orgnr == case.avgiver.organisasjonsnummer
    assert row.dato_uttrekk == int(case.dato_uttrekk.timestamp()) * 1_000_000 + case.dato_uttrekk.microsecond


def _same(concept: Concept, message: Any) -> None:
    """Every value of a concept stands in the message; direct identifiers as ciphertext that opens to them."""
    for f in fields(type(concept)):
        value = getattr(concept, f.name)
        stored = getattr(message, f.name)
        if value is None or value == ():
            assert not stored if f.many else not message.HasField(f.name)
        elif f.doc.person is Person.DIRECT:
            assert stored != value.encode()
            assert CIPHER.decrypt(stored) == value
        elif f.concept:
            pairs = zip(value, stored, strict=True) if f.many else [(value, stored)]
            for child, nested in pairs:
                _same(child, nested)
        elif isinstance(value, date) and not isinstance(value, datetime):
            assert stored == (value - date(1970, 1, 1)).days
        else:
            assert (tuple(stored) if f.many else stored) == value


def test_the_kind_of_number_stands_beside_its_ciphertext() -> None:
    row = _stored(encode(document(sak(personalia(GIRL, kjonn="2"), personalia("14031200200", kjonn="2")))))
    assert [p.nummertype for p in row.sak.personalia] == ["FNR", "PLASSHOLDER"]


def test_ids_are_lower_case_in_keys() -> None:
    row = _stored(encode(document(sak(melding()))).replace(b"0000000d-", b"0000000D-"))
    assert row.sak_id == row.sak_id.lower()


def test_the_same_number_gives_the_same_ciphertext_within_one_purpose() -> None:
    keyset = new_keyset()
    register, analysis = TinkCipher(keyset), TinkCipher(keyset, "analyse")
    assert register.encrypt(GIRL) == TinkCipher(keyset).encrypt(GIRL)
    assert register.encrypt(GIRL) != analysis.encrypt(GIRL)


def test_only_personalia_identifies_by_itself() -> None:
    """`rows` encrypts the direct identifiers of Personalia; none may stand elsewhere unseen."""
    found: set[str] = set()
    seen: set[type[Concept]] = set()

    def walk(concept: type[Concept]) -> None:
        seen.add(concept)
        for f in fields(concept):
            if f.doc.person is Person.DIRECT:
                found.add(f"{concept.__name__}.{f.name}")
            if f.concept and f.concept not in seen:
                walk(f.concept)

    walk(Innsending)
    assert found == {"Personalia.fodselsnummer", "Personalia.duf_nummer"}


SCHEMA = [
    {"name": "id", "type": "STRING", "mode": "REQUIRED"},
    {"name": "dag", "type": "DATE", "mode": "NULLABLE"},
    {"name": "tid", "type": "TIMESTAMP", "mode": "NULLABLE"},
    {"name": "navn", "type": "STRING", "mode": "REPEATED"},
    {
        "name": "del",
        "type": "RECORD",
        "mode": "REPEATED",
        "fields": [{"name": "antall", "type": "INTEGER", "mode": "REQUIRED"}],
    },
]


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ({}, "id"),
        ({"id": None}, "id"),
        ({"id": 1}, "id"),
        ({"id": "x", "ukjent": 1}, "ukjent"),
        ({"id": "x", "dag": "2024-01-01"}, "dag"),
        ({"id": "x", "dag": datetime(2024, 1, 1, tzinfo=UTC)}, "dag"),
        ({"id": "x", "tid": date(2024, 1, 1)}, "tid"),
        ({"id": "x", "navn": "a"}, "navn"),
        ({"id": "x", "navn": [1]}, "navn"),
        ({"id": "x", "del": [{}]}, "del.antall"),
        ({"id": "x", "del": [{"antall": True}]}, "del.antall"),
        ({"id": "x", "del": {"antall": 1}}, "del"),
    ],
)
def test_a_row_that_does_not_fit_is_refused_by_name_and_without_its_value(row: dict[str, Any], column: str) -> None:
    with pytest.raises(RowError) as refused:
        RowWriter(SCHEMA).serialize(row)
    assert refused.value.column == column


def test_a_row_that_fits() -> None:
    writer = RowWriter(SCHEMA)
    stamp = datetime(1969, 12, 31, 23, 59, 59, 1, tzinfo=UTC)
    data = writer.serialize({"id": "x", "dag": date(1969, 12, 31), "tid": stamp, "navn": ["a"], "del": [{"antall": 2}]})
    message = writer.parse(data)
    assert (message.dag, message.tid, list(message.navn), message.__getattribute__("del")[0].antall) == (
        -1,
        -999_999,
        ["a"],
        2,
    )


def test_findings_are_stored_as_they_were_told() -> None:
    row = _stored(encode(document(sak(personalia(), undersokelse()))))
    assert [(f.regel, f.alvorlighet) for f in row.funn] == [("undersokelse-20", "ERROR")]
    assert (row.utfall, row.antall_error) == ("EXCLUDED", 1)
