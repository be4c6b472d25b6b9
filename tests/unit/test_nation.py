"""The synthetic nation: the published figures, the same bytes for a seed, little memory; services and districts."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from bvr.cli import main
from bvr.decode import decode
from bvr.findings import Severity
from bvr.model import concepts as m
from bvr.model.identifiers import nummertype
from bvr.model.versions import CURRENT
from bvr.model.xml import encode
from bvr.pipeline import day_in_norway
from bvr.register.keys import TinkCipher
from bvr.rules import check
from bvr.rules.case import Case
from bvr.rules.options import RuleOptions
from bvr.simulate import comparison
from bvr.simulate.cases import typical_case
from bvr.simulate.comparison import count, lines, table
from bvr.simulate.counted import Count, counted
from bvr.simulate.delivered import rows, submissions, synthetic_keyset
from bvr.simulate.nation import ERRORS, NationalCase, flows, nation, size
from bvr.simulate.population import kommuner
from bvr.simulate.published import CO_OPERATIONS, PUBLISHED, SERVICES, YEARS, targets
from bvr.simulate.services import service_of, services

SHARE = 0.02
PAGE = Path(__file__).parents[2] / "docs" / "syntetisk-nasjon.md"


@pytest.fixture(scope="module")
def cases() -> list[NationalCase]:
    return list(nation(2024, SHARE, 5))


def _figures(cases: list[NationalCase], year: int = 2024) -> dict[str, float]:
    found = counted((c.document for c in cases if c.fault is None), year)
    return {name: value / SHARE for name, value in found.items()}


def test_a_part_of_the_nation_has_its_figures(cases: list[NationalCase]) -> None:
    figures = _figures(cases)
    assert not [(x.name, x.found(figures)) for x in lines(2024) if not x.inside(figures, SHARE)]


@pytest.mark.parametrize("year", [2013, 2016, 2018, 2020, 2022, 2023])
def test_other_years_have_theirs(year: int) -> None:
    figures = _figures(list(nation(year, SHARE, 3)), year)
    assert not [(x.name, x.found(figures)) for x in lines(year) if not x.inside(figures, SHARE)]


@pytest.mark.slow
def test_the_whole_nation_is_inside_every_band_and_is_the_page() -> None:
    figures = count(2024, 1.0, 1)
    assert not [(x.name, x.found(figures)) for x in lines(2024) if not x.inside(figures)]
    assert figures["omsorg_dato"] == figures["plassert_omsorg"]
    assert "\n".join(table(2024, figures)) in PAGE.read_text(encoding="utf-8")


def test_the_page_is_made_by_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def words(text: str) -> list[str]:
        return [line for line in text.splitlines() if not line.startswith("| ")]

    monkeypatch.setattr(comparison, "count", lambda *_: {})
    made, committed = comparison.page(2024, 1.0, 1, YEARS), PAGE.read_text(encoding="utf-8")
    assert words(made) == words(committed)
    assert "**no**" in made
    assert "**no**" not in committed


def test_figures_of_children_are_met_to_the_child(cases: list[NationalCase]) -> None:
    found = counted((c.document for c in cases if c.fault is None), 2024)
    t = targets(2024)
    for name, aim in (("tiltak_aar", t.tiltak_aar), ("tiltak_dato", t.tiltak_dato), ("plassert", t.plassert)):
        assert abs(found[name] - aim * SHARE) <= len(flows(t)), name
    assert found["omsorg_dato"] == found["plassert_omsorg"]
    assert found["hjelp_dato"] + found["omsorg_dato"] == found["tiltak_dato"]
    assert found["plassert_hjelp"] + found["plassert_omsorg"] == found["plassert"]
    assert sum(v for k, v in found.items() if k.startswith("us_k")) == found["us_avsluttet"]
    assert sum(v for k, v in found.items() if k.startswith("melding_k")) == found["meldinger_konkludert"]


def test_a_band_is_left_when_the_mix_is_another(cases: list[NationalCase]) -> None:
    without = [c for c in cases if not any(t.konklusjon is None for t in c.document.sak.tiltak)]
    figures = _figures(without)
    outside = {x.key for x in lines(2024) if not x.inside(figures, SHARE)}
    assert {"tiltak_dato", "plassert", "omsorg_dato", "tiltak_aar"} <= outside


def test_one_seed_repeats_byte_for_byte_and_another_differs() -> None:
    def seen(seed: int) -> list[bytes]:
        return [s.xml for s in submissions(nation(2024, 0.002, seed))]

    assert seen(1) == seen(1)
    assert not set(seen(1)) & set(seen(2))


def test_every_case_follows_the_schema_and_the_rules_find_what_is_noted(cases: list[NationalCase]) -> None:
    faults: Counter[str] = Counter()
    for case in cases:
        document = case.document
        assert decode(encode(document, CURRENT), CURRENT).document == document
        findings = check(
            Case(document, day_in_norway(document.dato_uttrekk), RuleOptions(allow_synthetic=True), known=frozenset())
        ).findings
        errors = {f.rule for f in findings if f.severity >= Severity.ERROR}
        if case.fault is None:
            assert not errors
            assert {f.rule for f in findings} >= set(case.standing)
        else:
            assert case.fault in errors
            faults[case.fault] += 1
    assert 0.3 * ERRORS * len(cases) < faults.total() < 3 * ERRORS * len(cases)
    assert len(faults) > 3


def test_earlier_years_follow_the_schema_and_the_rules_too() -> None:
    for year in (2013, 2018, 2022):
        for case in nation(year, 0.004, 9):
            document = case.document
            assert decode(encode(document, CURRENT), CURRENT).document == document
            day = day_in_norway(document.dato_uttrekk)
            assert day == date(year, 12, 31)
            found = check(Case(document, day, RuleOptions(allow_synthetic=True), known=frozenset()))
            assert (found.worst >= Severity.ERROR) == (case.fault is not None)


def test_memory_does_not_grow_with_the_cases() -> None:
    def use(stream: Iterator[NationalCase], cases: int) -> int:
        tracemalloc.reset_peak()
        for _ in islice(stream, cases):
            pass
        return tracemalloc.get_traced_memory()[1]

    list(nation(2024, 0.03, 2))  # what is kept of code lists and municipalities
    tracemalloc.start()
    try:
        stream = nation(2024, 0.1, 1)
        few = use(stream, 500)
        many = use(stream, 4500)
    finally:
        tracemalloc.stop()
    assert many < few + 1_000_000, "5 000 cases of 3 kB in XML would be tens of MB"


def test_services_and_their_co_operations() -> None:
    found = services()
    assert len(found) == SERVICES == 231
    assert sum(len(s.members) > 1 for s in found) == CO_OPERATIONS == 66
    assert Counter(k.number for s in found for k in s.members) == Counter(k.number for k in kommuner())
    for service in found:
        assert service.host in service.members
        assert len({k.county for k in service.members}) == 1


def test_members_of_a_co_operation_use_the_case_system_of_the_host(cases: list[NationalCase]) -> None:
    members = 0
    for case in cases:
        avgiver, host = case.document.avgiver, service_of()[case.kommune.number].host
        assert case.document.fagsystem == host.system
        assert (avgiver.kommunenummer, avgiver.organisasjonsnummer) == (case.kommune.number, case.kommune.orgnr)
        members += host.number != case.kommune.number
    assert members > 20


def test_every_district_and_the_sizes_of_municipalities(cases: list[NationalCase]) -> None:
    districts = {(c.document.avgiver.kommunenummer, c.document.avgiver.bydelsnummer) for c in cases}
    for kommune in kommuner():
        if kommune.bydeler:
            assert {b.number for b in kommune.bydeler} == {b for number, b in districts if number == kommune.number}
    oslo = sum(c.kommune.number == "0301" for c in cases)
    expected = len(cases) * kommuner()[0].children / sum(k.children for k in kommuner())
    assert abs(oslo - expected) < 5 * expected**0.5
    assert len({c.kommune.number for c in cases}) > 200


def test_children_move_between_municipalities(cases: list[NationalCase]) -> None:
    places: dict[str, set[str]] = {}
    for case in cases:
        if case.fault is None and not case.document.sak.er_slettet:
            for p in case.document.sak.personalia:
                if nummertype(p.fodselsnummer, p.kjonn, today=date(2024, 12, 31)) in ("FNR", "DNR"):
                    places.setdefault(p.fodselsnummer, set()).add(case.kommune.number)
    moved = [number for number, found in places.items() if len(found) > 1]
    assert 0.6 < len(moved) / (flows(targets(2024))["flyttet"] * SHARE) < 1.4
    assert all(1 <= int(number[2:4]) - 80 <= 12 for number in places)


def test_the_number_of_cases_is_known_beforehand(cases: list[NationalCase]) -> None:
    assert abs(len(cases) / size(2024, SHARE) - 1) < 0.03


def test_every_published_year_can_be_made_and_no_other() -> None:
    for year in YEARS:
        found = flows(targets(year))
        assert min(found.values()) >= 0, year
        assert not {kind for kind, count_ in found.items() if count_ < 100} - {"hjelp_fornyet"}, year
    assert PUBLISHED[2024].tiltak_aar == targets(2024).tiltak_aar
    for wrong in (2012, 2025):
        with pytest.raises(ValueError, match="2013 to 2024"):
            next(nation(wrong))
    for share in (0, 1.1):
        with pytest.raises(ValueError, match="share"):
            next(nation(2024, share))


def test_rows_of_the_register_through_the_pipeline() -> None:
    made = list(nation(2024, 0.004, 8))
    found = list(rows(submissions(made), TinkCipher(synthetic_keyset(8))))
    assert [r["utfall"] for r in found] == ["REGISTERED" if c.fault is None else "EXCLUDED" for c in made]
    assert [r["sak_id"] for r in found] == [c.document.sak.id for c in made]
    numbers = {p.fodselsnummer.encode() for c in made for p in c.document.sak.personalia}
    assert not numbers & {p["fodselsnummer"] for r in found for p in r["sak"].get("personalia", ())}


# --- counting, on cases by hand --------------------------------------------------------------------------------------


def _sak(**parts: object) -> m.Barnevern:
    document = typical_case()
    sak = document.sak
    empty = dict.fromkeys(("melding", "undersokelse", "plan", "tiltak", "vedtak", "relasjon", "flytting"), ())
    return replace(document, sak=replace(sak, **{**empty, **parts}))


def _melding(end: str, kode: str) -> m.Melding:
    day = date.fromisoformat(end)
    return replace(
        typical_case().sak.melding[0],
        start_dato=date.fromordinal(day.toordinal() - 7),
        konklusjon=m.MeldingKonklusjon(slutt_dato=day, kode=kode),
    )


def _tiltak(start: str, end: str | None, law: str = "BVL2021 3-1", kategori: str = "3.9") -> m.Tiltak:
    act, section = law.split()
    kapittel, paragraf = section.split("-")
    return replace(
        typical_case().sak.tiltak[0],
        start_dato=date.fromisoformat(start),
        lovhjemmel=m.Lovhjemmel(lov=act, kapittel=kapittel, paragraf=paragraf),
        jmfr_lovhjemmel=(),
        kategori=m.Kategori(kode=kategori),
        konklusjon=m.Avslutning(slutt_dato=date.fromisoformat(end)) if end else None,
    )


@pytest.mark.parametrize(
    ("tiltak", "expected"),
    [
        ([_tiltak("2020-01-01", "2023-12-31")], {}),
        ([_tiltak("2020-01-01", "2024-01-01")], {"tiltak_aar": 1, "hjelp_aar": 1}),
        ([_tiltak("2024-12-31", "2024-12-31")], {"tiltak_aar": 1, "hjelp_aar": 1}),
        ([_tiltak("2024-12-31", None)], {"tiltak_aar": 1, "hjelp_aar": 1, "tiltak_dato": 1, "hjelp_dato": 1}),
        ([_tiltak("2025-01-01", None)], {}),
        (
            [_tiltak("2024-01-01", "2025-01-01", "BVL2021 5-1", "2.2"), _tiltak("2024-01-01", None)],
            {
                **{"tiltak_aar": 1, "omsorg_aar": 1, "tiltak_dato": 1, "omsorg_dato": 1},
                **{"plassert": 1, "plassert_omsorg": 1, "plassert_fosterhjem": 1},
            },
        ),
        (
            [_tiltak("2019-01-01", "2024-06-01", "BVL 4-12", "1.1"), _tiltak("2024-06-01", None, kategori="8.2")],
            {
                **{"tiltak_aar": 1, "omsorg_aar": 1, "tiltak_dato": 1, "hjelp_dato": 1},
                **{"plassert": 1, "plassert_hjelp": 1},
            },
        ),
        ([replace(_tiltak("2024-01-01", None), er_slettet=True)], {}),
    ],
)
def test_measures_are_counted_by_the_definitions(tiltak: list[m.Tiltak], expected: dict[str, int]) -> None:
    names = ("tiltak_aar", "hjelp_aar", "omsorg_aar", "tiltak_dato", "hjelp_dato", "omsorg_dato", "plassert")
    names += ("plassert_hjelp", "plassert_omsorg", "plassert_fosterhjem")
    found = counted([_sak(tiltak=tuple(tiltak), slutt_dato=None)], 2024)
    assert {name: found.get(name, 0) for name in names} == dict.fromkeys(names, 0) | expected


def test_a_child_is_counted_once_in_a_municipality_and_again_in_another() -> None:
    one = _sak(tiltak=(_tiltak("2024-01-01", None),), slutt_dato=None)
    again = replace(one, sak=replace(one.sak, id="9f5a2f7e-8f5c-4c1e-9d53-0d6a0b8f1c11"))
    other = replace(again, avgiver=kommuner()[30].avgiver(None))
    assert counted([one, again], 2024)["tiltak_dato"] == 1
    assert counted([one, again, other], 2024)["tiltak_dato"] == 2


def test_reports_are_counted_when_concluded() -> None:
    concluded = [
        ("2023-12-31", "1"),
        ("2024-01-01", "1"),
        ("2024-12-31", "2"),
        ("2024-05-01", "3"),
        ("2024-05-01", "4"),
    ]
    found = counted([_sak(melding=tuple(_melding(*one) for one in concluded))], 2024)
    assert (found["meldinger"], found["henlagt"], found["meldinger_konkludert"]) == (2, 1, 4)
    assert (found["barn_med_melding"], found["melding_innen_uke"]) == (1, 4)
    assert sum(n for name, n in found.items() if name.startswith("kjonn_")) == 2


def test_a_deleted_case_is_not_counted() -> None:
    document = _sak(tiltak=(_tiltak("2024-01-01", None),))
    count_ = Count(2024)
    count_.add(replace(document, sak=replace(document.sak, er_slettet=True)))
    assert count_.cases == 0
    assert not count_.figures()


# --- the command -----------------------------------------------------------------------------------------------------


def bvr(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    return result.exit_code, result.output


def _read(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]


def test_the_command_writes_files_rows_and_the_comparison(tmp_path: Path) -> None:
    made = ("--andel", "0.001", "--seed", "7")
    code, out = bvr(
        *("simulate", "--nasjon", "2024", *made, "--out", tmp_path / "xml", "--rader", tmp_path / "r.jsonl.gz"),
        *("--sammenlign", tmp_path / "side.md"),
    )
    assert code == 0, out
    stored = _read(tmp_path / "r.jsonl.gz")
    notes = [json.loads(line) for line in (tmp_path / "xml" / "manifest.jsonl").read_text().splitlines()]
    assert [r["innsending_id"] for r in stored] == [n["submission"] for n in notes]
    assert len(list((tmp_path / "xml").glob("*.xml"))) == len(notes) > 100
    assert "| Children placed on 31 December | 11 869 | 2024 |" in (tmp_path / "side.md").read_text()
    bvr("simulate", "--nasjon", "2024", *made, "--rader", tmp_path / "again.jsonl.gz")
    assert (tmp_path / "again.jsonl.gz").read_bytes() == (tmp_path / "r.jsonl.gz").read_bytes()


def test_the_command_makes_a_register_for_each_year(tmp_path: Path) -> None:
    code, out = bvr("simulate", "--aar", "2022-2023", "--andel", "0.001", "--rader", tmp_path / "r.jsonl.gz")
    assert code == 0, out
    for year in (2022, 2023):
        stored = _read(tmp_path / f"{year}-r.jsonl.gz")
        assert {row["dato_uttrekk"][:10] for row in stored} == {f"{year}-12-31"}


@pytest.mark.parametrize(
    "wrong",
    [
        ("--nasjon", "2024"),
        ("--nasjon", "2012", "--rader", "r"),
        ("--nasjon", "2024", "--andel", "0", "--rader", "r"),
        ("--aar", "2024-2013", "--rader", "r"),
        ("--aar", "i fjor", "--rader", "r"),
        ("--nasjon", "2024", "--rader", "r", "--send"),
        ("--rader", "r", "--out", "x"),
    ],
)
def test_a_wrong_call_says_so(wrong: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert bvr("simulate", *wrong)[0] == 64
    assert not list(tmp_path.iterdir())
