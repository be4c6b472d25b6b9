"""The simulator: same arguments, same bytes; synthetic people only; chains, order and memory."""

from __future__ import annotations

import json
import re
import tracemalloc
from collections import Counter, defaultdict
from datetime import date, timedelta
from itertools import islice
from random import Random

import pytest

from bvr.intake.envelope import Envelope, read_envelope
from bvr.intake.payload import open_payload
from bvr.model.identifiers import is_orgnr, placeholder, read
from bvr.model.xml import encode
from bvr.simulate import START, Mix, Submission, simulate, write
from bvr.simulate.cases import heavy_case, small_case, typical_case
from bvr.simulate.population import chosen, kommuner


@pytest.fixture(scope="module")
def submissions() -> list[Submission]:
    return list(simulate(40, 1200, 40, 11))


def test_same_arguments_same_bytes() -> None:
    def seen(seed: int) -> list[tuple[bytes, dict[str, str], object]]:
        return [(s.xml, s.attributes, s.sent) for s in simulate(8, 60, 10, seed)]

    assert seen(1) == seen(1)
    assert seen(1) != seen(2)


def test_every_case_is_simulated(submissions: list[Submission]) -> None:
    cases = {s.document.sak.id for s in submissions}
    assert 1200 - len(cases) <= 12  # the rest were gaps: their only submission never came


def test_submissions_come_in_order_of_arrival(submissions: list[Submission]) -> None:
    times = [s.sent for s in submissions]
    assert times == sorted(times)
    assert all(s.document.dato_uttrekk <= s.sent for s in submissions)
    assert all(START <= s.document.dato_uttrekk.date() < START + timedelta(days=40) for s in submissions)


def test_extracts_are_taken_in_the_evening_in_norway() -> None:
    march = date(2026, 3, 27)  # summer time begins two days later
    offsets = {
        (s.document.dato_uttrekk.date(), s.document.dato_uttrekk.strftime("%z"))
        for s in simulate(5, 80, 5, 1, start=march)
    }
    assert (march, "+0100") in offsets
    assert all(offset == ("+0200" if day >= date(2026, 3, 29) else "+0100") for day, offset in offsets)
    assert all(18 <= s.document.dato_uttrekk.hour <= 22 for s in simulate(30, 100, 2, 1))


def test_a_chain_names_the_previous_submission(submissions: list[Submission]) -> None:
    arrived: set[str] = set()
    names: dict[str, set[str | None]] = defaultdict(set)
    for s in submissions:
        document, note = s.document, s.note
        if note.kind in ("duplicate", "retry"):
            assert document.id in arrived
            continue
        assert document.forrige_id not in names[document.sak.id] or note.kind == "corrected"
        if note.invalid:
            continue
        names[document.sak.id].add(document.forrige_id)
        known = document.forrige_id is None or document.forrige_id in arrived
        assert known == (note.missing is None)
        arrived.add(document.id)


def test_late_submissions_come_after_their_successor(submissions: list[Submission]) -> None:
    late = [s for s in submissions if s.note.kind == "late"]
    assert late
    named_before: set[str | None] = set()
    followed = 0
    for s in submissions:
        if s.note.kind == "late":
            followed += s.document.id in named_before
        named_before.add(s.document.forrige_id)
    assert followed >= 0.8 * len(late)  # a few successors are themselves lost


def test_repeats_have_the_same_bytes(submissions: list[Submission]) -> None:
    by_submission: dict[str, list[Submission]] = defaultdict(list)
    for s in submissions:
        if not s.note.invalid:
            by_submission[s.document.id].append(s)
    repeats = [group for group in by_submission.values() if len(group) > 1]
    assert {s.note.kind for group in repeats for s in group} >= {"duplicate", "retry"}
    for original, again in repeats:
        assert original.xml == again.xml
        assert original.melding_id != again.melding_id
        assert (original.klient_melding_id == again.klient_melding_id) == (again.note.kind == "retry")


def test_the_mix_is_as_asked(submissions: list[Submission]) -> None:
    count = len(submissions)
    assert 0.06 < sum(bool(s.note.planted) for s in submissions) / count < 0.11
    assert 0.005 < sum(bool(s.note.invalid) for s in submissions) / count < 0.018
    assert 0.004 < sum(s.note.missing == "gap" for s in submissions) / count < 0.016
    assert len({rule for s in submissions for rule in s.note.planted}) > 35
    assert len({s.note.invalid for s in submissions}) > 6
    assert {s.native for s in submissions} == {True, False}


def test_without_faults_nothing_is_noted() -> None:
    clean = Mix(planted=0, invalid=0, duplicate=0, gap=0, late=0)
    notes = [s.note for s in simulate(10, 150, 20, 4, mix=clean)]
    assert {n.kind for n in notes} == {"new", "grown"}
    assert not any(n.planted or n.invalid or n.missing for n in notes)


def test_errors_are_corrected(submissions: list[Submission]) -> None:
    last: dict[str, Submission] = {}
    faulty: set[str] = set()
    for s in submissions:
        last[s.document.sak.id] = s
        if s.note.planted and s.sent.date() < START + timedelta(days=25):
            faulty.add(s.document.sak.id)
    assert sum(not last[case].note.planted for case in faulty) > 0.6 * len(faulty)


def test_envelopes_and_payloads_are_understood(submissions: list[Submission]) -> None:
    for s in submissions[:200]:
        envelope = read_envelope(s.attributes)
        assert isinstance(envelope, Envelope)
        payload = open_payload(s.body, envelope, s.sent)
        assert payload.xml == s.xml
        assert payload.version == s.version
        assert not payload.faults


# --- who -------------------------------------------------------------------------------------------------------------


def test_no_number_can_belong_to_anybody(submissions: list[Submission]) -> None:
    numbers = {(p.fodselsnummer, p.kjonn) for s in submissions for p in s.document.sak.personalia}
    kinds: Counter[str] = Counter()
    for number, sex in numbers:
        assert placeholder(number) or number[2] in "89"
        kinds[read(number, sex, today=START).kind] += 1
    assert {"FNR", "DNR", "PLASSHOLDER"} <= set(kinds)
    for s in submissions:
        assert all(p.duf_nummer is None or p.duf_nummer.startswith("2999") for p in s.document.sak.personalia)
        # nowhere in the text either: eleven digits in a row are one of the numbers above, twelve a DUF number
        for found in re.findall(rb"(?<![\w-])\d{11}(?![\w-])", s.xml):
            assert placeholder(found.decode()) or found[2:3] in b"89"


def test_numbers_are_the_childs_own(submissions: list[Submission]) -> None:
    """The same number in two cases is a child that moved to another municipality."""
    where: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for s in submissions:
        for p in s.document.sak.personalia:
            if not placeholder(p.fodselsnummer) and "personalia-12" not in s.note.planted:
                where[p.fodselsnummer].add((s.document.sak.id, s.document.avgiver.kommunenummer))
    shared = [cases for cases in where.values() if len(cases) > 1]
    assert shared
    assert all(len({kommune for _, kommune in cases}) == len(cases) == 2 for cases in shared)


def test_unborn_children_are_born_and_get_a_number() -> None:
    only_new = Mix(new_cases=1, unborn=1, planted=0)
    became = 0
    numbers: dict[str, list[str]] = {}
    for s in simulate(5, 60, 250, 2, mix=only_new):
        numbers[s.document.sak.id] = [p.fodselsnummer for p in s.document.sak.personalia]
    for known in numbers.values():
        became += len(known) > 1 and known[0].endswith("99999") and not placeholder(known[-1])
    assert became > 5


def test_municipalities() -> None:
    everyone = kommuner()
    assert len(everyone) == 357
    assert len({k.orgnr for k in everyone}) == len({k.account for k in everyone}) == 357
    assert all(is_orgnr(k.orgnr) for k in everyone)
    real = {k.name.split(" - ")[0]: k.orgnr for k in everyone if not k.orgnr.startswith("31")}
    assert real == {"Oslo": "958935420", "Bergen": "964338531", "Trondheim": "942110464"}
    assert {k.number for k in everyone if k.bydeler} == {"0301", "4601", "5001"}
    with pytest.raises(ValueError, match="357 municipalities"):
        chosen(358, Random(1))


def test_cases_fall_on_municipalities_by_their_children() -> None:
    first = {s.document.sak.id: s.document.avgiver for s in simulate(357, 4000, 1, 5, mix=Mix(new_cases=1, moves=0))}
    counted = Counter(a.kommunenummer for a in first.values())
    total = sum(k.children for k in kommuner())
    for k in kommuner():
        expected = len(first) * k.children / total
        assert abs(counted[k.number] - expected) <= 4 * expected**0.5 + 4
    assert len({a.bydelsnummer for a in first.values() if a.kommunenummer == "0301"}) == 16  # 15, and without (planted)


def test_stock_looks_like_the_country() -> None:
    """Of children with open measures, 22 % are under care and 41 % are placed (statistics of 2024)."""
    start = START
    with_measures = care = placed = 0
    for s in simulate(60, 4000, 1, 6, mix=Mix(new_cases=0, planted=0, invalid=0, duplicate=0, gap=0, late=0)):
        measures = [t for t in s.document.sak.tiltak if t.konklusjon is None or t.konklusjon.slutt_dato > start]
        with_measures += bool(measures)
        basis = {(t.lovhjemmel.lov, t.lovhjemmel.kapittel, t.lovhjemmel.paragraf) for t in measures}
        care += bool(basis & {("BVL", "4", "12"), ("BVL2021", "5", "1")})
        placed += any(t.kategori.kode[0] in "12" or t.kategori.kode in ("8.2", "8.4", "8.5") for t in measures)
    assert 0.17 < care / with_measures < 0.27
    assert 0.36 < placed / with_measures < 0.47


# --- size, memory, files ---------------------------------------------------------------------------------------------


def test_memory_does_not_grow_with_the_submissions() -> None:
    """What is held is the open cases: 3,000 submissions on it is no more than when all cases had begun."""
    arriving = simulate(20, 600, 300, 3, mix=Mix(new_cases=0))
    for _ in islice(arriving, 600):
        pass
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in islice(arriving, 100):
            pass
        few = tracemalloc.get_traced_memory()[0] - before
        many = sum(1 for _ in islice(arriving, 2400))
        assert many > 2000
        assert tracemalloc.get_traced_memory()[0] - before < few + 1_000_000  # 2,400 submissions are 15 MB
    finally:
        tracemalloc.stop()


def test_sizes_are_those_of_real_cases(submissions: list[Submission]) -> None:
    sizes = sorted(len(s.xml) for s in submissions)
    assert 1000 < sizes[len(sizes) // 2] < 5000
    assert 8_000 < sizes[len(sizes) * 99 // 100] < 40_000
    assert sizes[-1] < 200_000


def test_documents_for_measuring() -> None:
    sizes = [len(encode(make())) for make in (small_case, typical_case, heavy_case)]
    assert sizes[0] < 2_000
    assert 8_000 < sizes[1] < 12_000
    assert 120_000 < sizes[2] < 180_000
    assert encode(typical_case()) == encode(typical_case())


def test_write_names_files_in_order_of_arrival(tmp_path: pytest.TempPathFactory) -> None:
    folder = tmp_path / "out"  # type: ignore[operator]
    made = list(simulate(4, 30, 5, 9))
    assert write(iter(made), folder) == len(made)
    files = sorted(folder.glob("*.xml"))
    assert [f.read_bytes() for f in files] == [s.xml for s in made]
    lines = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    assert [line["file"] for line in lines] == [f.name for f in files]
    assert [line["attributes"]["melding-id"] for line in lines] == [s.melding_id for s in made]
