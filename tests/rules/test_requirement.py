"""The rules against the published requirement: its table, its lists and its boundaries, copied by hand and compared.

Nothing here is derived from the code: a change of a rule must be made in both places.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from bvr.faults import KINDS, Fault
from bvr.findings import Severity
from bvr.model.concepts import (
    BarnetsMedvirkning,
    Barnevern,
    Oppfolging,
    OppfolgingHyppighet,
    OppfolgingUtfort,
    Tilsyn,
    TilsynAnsvarlig,
    TilsynHyppighet,
    TilsynUtfort,
)
from bvr.pipeline import day_in_norway
from bvr.rules import RULES, Checked, check
from bvr.rules.case import Case, add_months, age
from bvr.rules.examples import (
    document,
    ettervern,
    flytting,
    krav,
    lov,
    melding,
    oversendelse,
    personalia,
    plan,
    relasjon,
    sak,
    slettet,
    tiltak,
    uid,
    undersokelse,
    vedtak,
)
from bvr.rules.options import Channel, RuleOptions
from bvr.rules.rule import Example

# id; official heading; element reported on; severity; with MigrertId from a case system; through KOSTRA; valid from;
# last day, of what is withdrawn.
# The element is the nearest with an Id of its own; * is any.
TABLE = """
fil-1; Filbeskrivelse: Validéring av innhold mot filbeskrivelse; Barnevern; FATAL; FATAL; FATAL; 2013-01-01
avgiver-1; Avgiver Kontroll 1; Avgiver; ERROR; ERROR; WARNING; 2013-01-01
sak-1; Sak kontroll 1; *; ERROR; ERROR; WARNING; 2013-01-01
sak-2a; Sak Kontroll 2a; Sak; ERROR; ERROR; WARNING; 2013-01-01
sak-6; Sak Kontroll 6; Sak; ERROR; -; -; 2013-01-01; 2023-10-31
sak-7; Sak Kontroll 7; Sak; WARNING; WARNING; WARNING; 2013-01-01
sak-8; Sak Kontroll 8; Sak; ERROR; ERROR; WARNING; 2013-01-01
sak-21; Sak Kontroll 21; Sak; ERROR; ERROR; WARNING; 2013-01-01
sak-22; Sak Kontroll 22; Slettet; WARNING; WARNING; WARNING; 2013-01-01
sak-23; Sak kontroll 23; Sak; INFO; INFO; INFO; 2013-01-01
personalia-2f; Personalia Kontroll 2f; Personalia; ERROR; ERROR; WARNING; 2022-01-01
personalia-11; Personalia kontroll 11; Sak; ERROR; ERROR; WARNING; 2022-01-01
personalia-12; Personalia kontroll 12; Personalia; ERROR; ERROR; WARNING; 2022-01-01
personalia-13; Personalia Kontroll 13; Personalia; WARNING; WARNING; WARNING; 2022-01-01
personalia-14; Personalia Kontroll 14; Personalia; ERROR; ERROR; WARNING; 2022-01-01
personalia-15; Personalia Kontroll 15; Personalia; ERROR; ERROR; WARNING; 2022-01-01
personalia-16; Personalia Kontroll 16; Personalia; ERROR; ERROR; WARNING; 2022-01-01
personalia-17; Personalia Kontroll 17; Personalia; ERROR; ERROR; WARNING; 2022-01-01
personalia-18-plassholder; Personalia Kontroll 18; Personalia; INFO; INFO; INFO; 2024-06-21
personalia-18-dnr; Personalia Kontroll 18; Personalia; INFO; INFO; INFO; 2024-06-21
melding-2a; Melding Kontroll 2a; Melding; ERROR; ERROR; WARNING; 2013-01-01
melding-2c; Melding Kontroll 2c; Melding; ERROR; WARNING; WARNING; 2013-01-01
melding-2e; Melding Kontroll 2e; Melding; ERROR; WARNING; WARNING; 2013-01-01
melding-3; Melding Kontroll 3; Melding; WARNING; WARNING; WARNING; 2013-01-01
melding-4; Melding Kontroll 4; Melding; ERROR; ERROR; WARNING; 2013-01-01
melding-5; Melding Kontroll 5; Melding; ERROR; ERROR; WARNING; 2013-01-01
melding-19; Melding Kontroll 19; Melding; INFO; INFO; INFO; 2013-01-01
melder-2; Melder Kontroll 2; Melding; ERROR; ERROR; WARNING; 2013-01-01
saksinnhold-2; Saksinnhold Kontroll 2; Melding; ERROR; ERROR; WARNING; 2013-01-01
undersokelse-2a; Undersøkelse Kontroll 2a; Undersokelse; ERROR; ERROR; WARNING; 2013-01-01
undersokelse-2c; Undersøkelse Kontroll 2c; Undersokelse; ERROR; WARNING; WARNING; 2013-01-01
undersokelse-2e; Undersøkelse Kontroll 2e; Undersokelse; ERROR; WARNING; WARNING; 2013-01-01
undersokelse-3; Undersøkelse Kontroll 3; Undersokelse; ERROR; ERROR; WARNING; 2013-01-01
undersokelse-7; Undersøkelse Kontroll 7; Undersokelse; ERROR; ERROR; WARNING; 2013-01-01
undersokelse-11-90; Undersøkelse Kontroll 11; Undersokelse; WARNING; WARNING; WARNING; 2013-01-01
undersokelse-11-180; Undersøkelse Kontroll 11; Undersokelse; WARNING; WARNING; WARNING; 2013-01-01
undersokelse-19; Undersøkelse Kontroll 19; Undersokelse; ERROR; ERROR; WARNING; 2013-01-01
undersokelse-20; Undersøkelse Kontroll 20; Undersokelse; ERROR; ERROR; WARNING; 2013-01-01
undersokelse-21-k1; Undersøkelse Kontroll 21; Undersokelse; ERROR; ERROR; WARNING; 2013-01-01
undersokelse-21-k2; Undersøkelse Kontroll 21; Undersokelse; WARNING; WARNING; WARNING; 2013-01-01
vedtak-2a; Vedtak Kontroll 2a; Vedtak; ERROR; ERROR; WARNING; 2022-01-01
vedtak-2c; Vedtak Kontroll 2c; Vedtak; ERROR; WARNING; WARNING; 2022-01-01
vedtak-2e; Vedtak Kontroll 2e; Vedtak; ERROR; WARNING; WARNING; 2022-01-01
vedtak-2f; Vedtak Kontroll 2f; Krav; ERROR; ERROR; WARNING; 2022-01-01
vedtak-2g; Vedtak Kontroll 2g; Krav; ERROR; ERROR; WARNING; 2022-01-01
vedtak-2h; Vedtak Kontroll 2h; Krav; ERROR; ERROR; WARNING; 2022-01-01
vedtak-2i; Vedtak Kontroll 2i; Status; INFO; INFO; INFO; 2022-01-01
vedtak-2j; Vedtak Kontroll 2j; Status; INFO; INFO; INFO; 2022-01-01
vedtak-3-s3; Vedtak Kontroll 3; Vedtak; ERROR; ERROR; WARNING; 2022-01-01
vedtak-3-s4; Vedtak Kontroll 3; Vedtak; ERROR; ERROR; WARNING; 2022-01-01
vedtak-4; Vedtak Kontroll 4; Vedtak; ERROR; ERROR; WARNING; 2022-01-01
vedtak-5-2021; Vedtak kontroll 5; Vedtak; ERROR; ERROR; WARNING; 2022-01-01
vedtak-5-1992; Vedtak kontroll 5; Vedtak; ERROR; ERROR; WARNING; 2022-01-01
vedtak-19; Vedtak Kontroll 19; Vedtak; INFO; INFO; INFO; 2013-01-01
vedtak-20-relasjon; Vedtak Kontroll 20; Vedtak; WARNING; WARNING; WARNING; 2022-01-01
vedtak-20-oversendelse; Vedtak Kontroll 20; Vedtak; WARNING; WARNING; WARNING; 2022-01-01
tiltak-2a; Tiltak Kontroll 2a; Tiltak; ERROR; ERROR; WARNING; 2013-01-01
tiltak-2c; Tiltak Kontroll 2c; Tiltak; ERROR; WARNING; WARNING; 2013-01-01
tiltak-2e; Tiltak Kontroll 2e; Tiltak; ERROR; WARNING; WARNING; 2013-01-01
tiltak-5; Tiltak Kontroll 5; Tiltak; WARNING; WARNING; WARNING; 2013-01-01
tiltak-6; Tiltak Kontroll 6; Tiltak; WARNING; WARNING; WARNING; 2013-01-01
tiltak-7; Tiltak Kontroll 7; Tiltak; ERROR; ERROR; WARNING; 2013-01-01
tiltak-8; Tiltak Kontroll 8; Tiltak; ERROR; ERROR; WARNING; 2013-01-01
tiltak-9; Tiltak Kontroll 9; Tiltak; WARNING; WARNING; WARNING; 2013-01-01
tiltak-12; Tiltak Kontroll 12; Tiltak; ERROR; ERROR; WARNING; 2013-01-01
tiltak-13; Tiltak Kontroll 13; Tiltak; ERROR; ERROR; WARNING; 2013-01-01
tiltak-14; Tiltak Kontroll 14; Tiltak; ERROR; ERROR; WARNING; 2013-01-01
tiltak-19; Tiltak Kontroll 19; Tiltak; WARNING; WARNING; WARNING; 2022-01-01
tiltak-20; Tiltak Kontroll 20; Tiltak; ERROR; ERROR; WARNING; 2022-01-01
tiltak-21; Tiltak Kontroll 21; Tiltak; ERROR; ERROR; WARNING; 2022-01-01
tiltak-22; Tiltak Kontroll 22; Tiltak; WARNING; WARNING; WARNING; 2023-01-01
tiltak-23; Tiltak Kontroll 23; Tiltak; WARNING; WARNING; WARNING; 2023-01-01
plan-2a; Plan Kontroll 2a; Plan; ERROR; ERROR; WARNING; 2013-01-01
plan-2c; Plan Kontroll 2c; Plan; ERROR; WARNING; WARNING; 2013-01-01
plan-2e; Plan Kontroll 2e; Plan; ERROR; WARNING; WARNING; 2013-01-01
plan-2f; Plan Kontroll 2f; Plan; ERROR; ERROR; WARNING; 2013-01-01
plan-2g; Plan Kontroll 2g; Plan; ERROR; ERROR; WARNING; 2013-01-01
plan-19; Plan Kontroll 19; Plan; INFO; INFO; INFO; 2013-01-01
ettervern-2a; Ettervern Kontroll 2a; Ettervern; ERROR; ERROR; WARNING; 2022-01-01
ettervern-2c; Ettervern Kontroll 2c; Ettervern; ERROR; ERROR; WARNING; 2022-01-01
ettervern-2e; Ettervern Kontroll 2e; Ettervern; ERROR; ERROR; WARNING; 2022-01-01
flytting-2c; Flytting Kontroll 2c; Flytting; ERROR; WARNING; WARNING; 2022-01-01
flytting-2f; Flytting Kontroll 2f; Flytting; ERROR; WARNING; WARNING; 2022-01-01
oversendelse-2e; Oversendelse til fylkesnemnd Kontroll 2e; OversendelseFylkesnemnd; ERROR; ERROR; WARNING; 2022-01-01
oversendelse-2f; Oversendelse til fylkesnemnd Kontroll 2f; OversendelseFylkesnemnd; ERROR; ERROR; WARNING; 2022-01-01
oversendelse-5-2021; Oversendelse til fylkesnemnd Kontroll 5; OversendelseFylkesnemnd; ERROR; ERROR; WARNING; 2022-01-01
oversendelse-5-1992; Oversendelse til fylkesnemnd Kontroll 5; OversendelseFylkesnemnd; ERROR; ERROR; WARNING; 2022-01-01
"""

ROWS = [tuple(f"{line}; -".split("; ")[:8]) for line in TABLE.strip().splitlines()]
PUBLISHED = [row for row in ROWS if row[0] != "fil-1"]
each_row = pytest.mark.parametrize("row", PUBLISHED, ids=[row[0] for row in PUBLISHED])


DEFAULTS = RuleOptions()


def run(doc: Barnevern, options: RuleOptions = DEFAULTS, channel: Channel = Channel.FAGSYSTEM) -> Checked:
    return check(Case(doc, day_in_norway(doc.dato_uttrekk), options, channel))


def fires(rule: str, doc: Barnevern, **options: Any) -> int:
    return sum(f.rule == rule for f in run(doc, RuleOptions(**options)).findings)


# --- the table -------------------------------------------------------------------------------------------------------


def test_number_of_rows_and_headings() -> None:
    assert len(ROWS) == 87
    in_force = [row for row in ROWS if row[7] == "-"]
    assert len(in_force) == 86
    assert len({row[1] for row in in_force}) == 79
    assert len({row[1] for row in ROWS}) == 80


def test_exactly_the_published_rules_are_declared() -> None:
    assert {r.id for r in RULES.values() if not r.own} == {row[0] for row in PUBLISHED}
    assert {r.id for r in RULES.values() if r.own} == {"x-kode-gyldighet", "x-presisering"}
    assert len({r.official for r in RULES.values() if not r.own and not r.until}) == 78  # and fil-1


@each_row
def test_row(row: tuple[str, ...]) -> None:
    rule_id, heading, _, severity, fagsystem, kostra, since, until = row
    rule = RULES[rule_id]
    assert rule.official == heading
    assert rule.severity.name == severity
    if fagsystem != "-":
        assert rule.severity_for(True, Channel.FAGSYSTEM).name == fagsystem
        assert rule.severity_for(True, Channel.KOSTRA).name == kostra
    assert {rule.severity_for(False, channel).name for channel in Channel} == {severity}
    assert rule.since.isoformat() == since
    assert (rule.until.isoformat() if rule.until else "-") == until


@each_row
def test_element_reported_on(row: tuple[str, ...]) -> None:
    rule = RULES[row[0]]
    seen = {f.element for e in rule.examples for f in _run(e).findings if f.rule == rule.id}
    assert seen == {row[2]} or row[2] == "*"


def _run(example: Example) -> Checked:
    today = day_in_norway(example.document.dato_uttrekk)
    return check(Case(example.document, today, example.options, example.channel, example.known))


def test_fil_1_is_a_fault_of_decoding() -> None:
    (row,) = (row for row in ROWS if row[0] == "fil-1")
    for kind in ("xml", "schema"):
        assert (KINDS[kind].rule, KINDS[kind].official) == row[:2]
        finding = Fault(kind=kind, nb="Feil.", en="Fault.", line=3, column=7).finding()
        assert (finding.element, finding.severity) == (row[2], Severity.FATAL)
        assert (finding.line, finding.column) == (3, 7)
    assert [k for k, kind in KINDS.items() if kind.rule == "fil-1"] == ["xml", "schema"]
    assert "fil-1" not in RULES


def test_twelve_rules_soften_an_error_of_migrated_data_in_either_channel() -> None:
    softened = {r.id for r in RULES.values() if r.if_migrated is not None}
    assert len(softened) == 12
    assert softened == {row[0] for row in PUBLISHED if row[3] == "ERROR" and row[4] == "WARNING"}


# Parameters of the published messages, and those to give beside them, under our names. A birth date and a journal
# number are left out: they can identify a person (A21).
PARAMETERS: dict[str, set[str]] = {
    "sak-1": {"felt", "dato", "forste_aar", "siste_aar"},
    "sak-2a": {"start", "slutt"},
    "sak-7": {"alder"},
    "sak-8": {"alder"},
    "sak-22": {"type", "id"},
    "sak-23": {"element", "id"},
    "personalia-2f": {"start", "sak_slutt"},
    "personalia-16": {"start"},
    "melding-3": {"start", "slutt"},
    "melder-2": {"kode"},
    "saksinnhold-2": {"kode"},
    "undersokelse-3": {"kode"},
    "undersokelse-7": {"kode"},
    "undersokelse-11-90": {"melding_start"},
    "undersokelse-11-180": {"melding_start"},
    "vedtak-2f": {"krav_start", "krav_slutt"},
    "vedtak-2g": {"krav_slutt", "vedtak_slutt"},
    "vedtak-2h": {"krav_start", "vedtak_start"},
    "vedtak-2i": {"endret", "vedtak_slutt"},
    "vedtak-2j": {"endret", "vedtak_start"},
    "vedtak-4": {"lov"},
    "tiltak-5": {"alder"},
    "tiltak-6": {"alder"},
    "tiltak-7": {"kode"},
    "tiltak-8": {"kode"},
    "tiltak-9": {"overlapp_start", "overlapp_slutt", "dager", "annet_tiltak"},
    "tiltak-13": {"alder"},
    "plan-2f": {"utfort", "sak_slutt"},
    "plan-2g": {"utfort", "sak_start"},
    "ettervern-2a": {"sendt", "slutt"},
    "oversendelse-2f": {"start", "sak_slutt"},
    "flytting-2f": {"dato", "sak_start"},
    **{f"{x}-2a": {"start", "slutt"} for x in ("melding", "undersokelse", "vedtak", "tiltak", "plan")},
    **{
        f"{x}-2c": {"slutt", "sak_slutt"}
        for x in ("melding", "undersokelse", "vedtak", "tiltak", "plan", "ettervern", "flytting")
    },
    **{
        f"{x}-2e": {"dato", "sak_start"}
        for x in ("melding", "undersokelse", "vedtak", "tiltak", "plan", "ettervern", "oversendelse")
    },
    **{f"{x}-19": {"andre"} for x in ("melding", "undersokelse", "vedtak", "tiltak", "plan")},
}


@pytest.mark.parametrize("rule_id", PARAMETERS)
def test_parameters(rule_id: str) -> None:
    found = [f for e in RULES[rule_id].examples for f in _run(e).findings if f.rule == rule_id]
    assert found
    for f in found:
        assert PARAMETERS[rule_id] <= set(f.parameters)


# --- options ---------------------------------------------------------------------------------------------------------


def test_option_defaults() -> None:
    options = RuleOptions()
    assert options.placement_codes == ("1.1", "1.2", "1.99", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "2.99", "8.2")
    assert options.allow_synthetic is True
    assert options.melding_grace_days == 0
    assert options.undersokelse_deadline == "days"
    assert options.tiltak_age_at == "end"
    assert options.check_deleted_known is True
    assert options.accept_numbers_from_2032 is None
    assert options.own_rules is False


def test_own_rules_are_info_and_off() -> None:
    for rule in RULES.values():
        assert rule.own == rule.id.startswith("x-")
        assert not rule.own or rule.severity is Severity.INFO


# --- sak-1: which dates (A6) -----------------------------------------------------------------------------------------

DATES = {
    "Sak": {"StartDato", "SluttDato"},
    "Personalia": {"StartDato", "Fodseldato"},
    "Melding": {"StartDato", "Konklusjon.SluttDato"},
    "Undersokelse": {
        "StartDato",
        "Konklusjon.SluttDato",
        "UtvidetFrist.StartDato",
        "BarnetsMedvirkning.StartDato",
    },
    "Plan": {"StartDato", "Konklusjon.SluttDato", "Evaluering.UtfortDato"},
    "Tiltak": {"StartDato", "Konklusjon.SluttDato"},
    "TilsynAnsvarlig": {"StartDato"},
    "TilsynHyppighet": {"StartDato"},
    "TilsynUtfort": {"UtfortDato"},
    "OppfolgingHyppighet": {"StartDato"},
    "OppfolgingUtfort": {"UtfortDato"},
    "Vedtak": {"StartDato", "Konklusjon.SluttDato"},
    "Krav": {"StartDato", "Konklusjon.SluttDato"},
    "Status": {"EndretDato"},
    "Ettervern": {"TilbudSendtDato", "Konklusjon.SluttDato"},
    "OversendelseFylkesnemnd": {"StartDato"},
    "Flytting": {"SluttDato"},
    "Slettet": {"SluttDato"},
}


def everything(day: str) -> Barnevern:
    """A case that has every date there is, all on one day."""
    at = date.fromisoformat(day)
    investigation = replace(
        undersokelse(day, slutt=day, utvidet=day),
        barnets_medvirkning=BarnetsMedvirkning(start_dato=at, medvirkning_type="1.1"),
    )
    measure = tiltak(
        day,
        slutt=day,
        tilsyn=Tilsyn(
            ansvarlig=(TilsynAnsvarlig(id=uid("Ansvarlig"), start_dato=at, kommunenummer="3301"),),
            hyppighet=(TilsynHyppighet(id=uid("Hyppighet"), start_dato=at, kode="1"),),
            utfort=(TilsynUtfort(id=uid("Utfort"), utfort_dato=at),),
        ),
        oppfolging=Oppfolging(
            hyppighet=(OppfolgingHyppighet(id=uid("Hyppighet", 2), start_dato=at, kode="1"),),
            utfort=(OppfolgingUtfort(id=uid("Utfort", 2), utfort_dato=at),),
        ),
    )
    return document(
        sak(
            personalia(fodt=day, start=day),
            melding(day, slutt=day),
            investigation,
            plan(day, slutt=day, evaluert=(day,)),
            measure,
            vedtak(day, slutt=day, krav=(krav(day, day),)),
            ettervern(day, slutt=day),
            oversendelse(day),
            flytting(day),
            relasjon("Melding", "Undersokelse"),
            slettet(slutt=day),
            start=day,
            slutt=day,
        ),
        today="2026-06-15",
    )


@pytest.mark.parametrize("day", ["1999-12-31", "2053-01-01", "0001-01-01", "9999-12-31"])
def test_sak_1_looks_at_exactly_these_dates(day: str) -> None:
    found: dict[str, set[str]] = {}
    findings = [f for f in run(everything(day)).findings if f.rule == "sak-1"]
    for f in findings:
        found.setdefault(f.element, set()).add(f.parameters["felt"])
    assert found == DATES
    assert len(findings) == sum(map(len, DATES.values()))


@pytest.mark.parametrize("day", ["2000-01-01", "2026-06-15", "2052-12-31"])
def test_sak_1_accepts_the_first_and_the_last_day(day: str) -> None:
    assert fires("sak-1", everything(day)) == 0


@pytest.mark.parametrize(("channel", "severity"), [(Channel.FAGSYSTEM, "ERROR"), (Channel.KOSTRA, "WARNING")])
def test_sak_1_softens_by_the_element_that_can_carry_a_migrert_id(channel: Channel, severity: str) -> None:
    """A51: Krav, Status and visits follow what holds them; Personalia and Slettet the case."""
    doc = everything("1999-12-31")
    for place in ("vedtak", "tiltak"):
        (element,) = getattr(doc.sak, place)
        migrated = replace(doc, sak=replace(doc.sak, **{place: (replace(element, migrert_id="17"),)}))
        below = {"vedtak": {"Vedtak", "Krav", "Status"}, "tiltak": {e for e in DATES if e.startswith(("Til", "Opp"))}}
        for f in run(migrated, channel=channel).findings:
            if f.rule == "sak-1":
                assert f.severity.name == (severity if f.element in below[place] else "ERROR"), f.element
    migrated = replace(doc, sak=replace(doc.sak, migrert_id="17"))
    for f in run(migrated, channel=channel).findings:
        if f.rule == "sak-1":
            assert f.severity.name == (severity if f.element in ("Sak", "Personalia", "Slettet") else "ERROR")


# --- the boundaries of section 8 -------------------------------------------------------------------------------------


def days(start: str, plus: int) -> str:
    return (date.fromisoformat(start) + timedelta(days=plus)).isoformat()


DAY = "2024-06-01"
STRICT: dict[str, Any] = {
    "sak-2a": lambda n: sak(start=days(DAY, n), slutt=DAY),
    "personalia-2f": lambda n: sak(personalia(start=days(DAY, n)), slutt=DAY),
    "ettervern-2a": lambda n: sak(ettervern(days(DAY, n), slutt=DAY)),
    "ettervern-2c": lambda n: sak(ettervern(slutt=days(DAY, n)), slutt=DAY),
    "ettervern-2e": lambda n: sak(ettervern(days(DAY, -n)), start=DAY),
    "flytting-2c": lambda n: sak(flytting(days(DAY, n)), slutt=DAY),
    "flytting-2f": lambda n: sak(flytting(days(DAY, -n)), start=DAY),
    "oversendelse-2e": lambda n: sak(oversendelse(days(DAY, -n)), start=DAY),
    "oversendelse-2f": lambda n: sak(oversendelse(days(DAY, n)), slutt=DAY),
    "plan-2f": lambda n: sak(plan(evaluert=(days(DAY, n),)), slutt=DAY),
    "plan-2g": lambda n: sak(plan(evaluert=(days(DAY, -n),)), start=DAY),
    "vedtak-2f": lambda n: sak(vedtak(krav=(krav(days(DAY, n), DAY),))),
    "vedtak-2g": lambda n: sak(vedtak(slutt=DAY, krav=(krav(DAY, days(DAY, n)),))),
    "vedtak-2h": lambda n: sak(vedtak(DAY, krav=(krav(days(DAY, -n)),))),
    "vedtak-2i": lambda n: sak(vedtak(slutt=DAY, status=((days(DAY, n), "1"),))),
    "vedtak-2j": lambda n: sak(vedtak(DAY, status=((days(DAY, -n), "1"),))),
}
for _name, _build in {
    "melding": melding,
    "undersokelse": undersokelse,
    "vedtak": vedtak,
    "tiltak": tiltak,
    "plan": plan,
}.items():
    _make: Any = _build
    STRICT[f"{_name}-2a"] = lambda n, make=_make: sak(make(days(DAY, n), slutt=DAY))
    STRICT[f"{_name}-2c"] = lambda n, make=_make: sak(make(slutt=days(DAY, n)), slutt=DAY)
    STRICT[f"{_name}-2e"] = lambda n, make=_make: sak(make(days(DAY, -n)), start=DAY)


def test_every_comparison_of_two_dates_is_tested_for_strictness() -> None:
    assert set(STRICT) == {row[0] for row in PUBLISHED if re.fullmatch("[a-z]+-2[a-z]", row[0])}


@pytest.mark.parametrize("rule_id", STRICT)
def test_the_same_day_never_fires(rule_id: str) -> None:
    assert [fires(rule_id, document(STRICT[rule_id](n))) for n in (-1, 0, 1)] == [0, 0, 1]


@pytest.mark.parametrize(("end", "expected"), [("2025-03-08", 0), ("2025-03-09", 1)])
def test_melding_3(end: str, expected: int) -> None:
    assert fires("melding-3", document(sak(melding("2025-03-01", slutt=end)))) == expected


def investigation(today: str, **about: Any) -> Barnevern:
    return document(
        sak(melding("2025-01-01"), undersokelse("2025-01-08", **about), relasjon("Melding", "Undersokelse")),
        today=today,
    )


@pytest.mark.parametrize(("today", "expected"), [("2025-04-08", 0), ("2025-04-09", 1), ("2025-12-31", 1)])
def test_undersokelse_11_90(today: str, expected: int) -> None:
    assert fires("undersokelse-11-90", investigation(today)) == expected
    assert fires("undersokelse-11-180", investigation(today)) == 0


@pytest.mark.parametrize(("today", "expected"), [("2025-07-07", 0), ("2025-07-08", 1)])
def test_undersokelse_11_180(today: str, expected: int) -> None:
    doc = investigation(today, utvidet="2025-03-01", innvilget="1")
    assert fires("undersokelse-11-180", doc) == expected
    assert fires("undersokelse-11-90", doc) == 0


@pytest.mark.parametrize(("start", "expected"), [("2025-02-28", 0), ("2025-02-27", 1)])
def test_personalia_16(start: str, expected: int) -> None:
    doc = document(sak(personalia("30112599999", "2025-11-30", "0", start)))
    assert fires("personalia-16", doc) == expected


def birthday(today: str, *elements: Any) -> Barnevern:
    return document(sak(personalia(fodt="2000-06-15"), *elements), today=today)


@pytest.mark.parametrize(("today", "expected"), [("2025-06-14", 0), ("2025-06-15", 1)])
def test_sak_7(today: str, expected: int) -> None:
    assert fires("sak-7", birthday(today)) == expected


@pytest.mark.parametrize(("today", "expected"), [("2018-06-14", 0), ("2018-06-15", 1)])
def test_sak_8_and_tiltak_13(today: str, expected: int) -> None:
    assert fires("sak-8", birthday(today)) == expected
    assert fires("tiltak-13", birthday(today, tiltak(lovhjemmel=lov("BVL", "4", "12")))) == expected


@pytest.mark.parametrize(("today", "expected"), [("2020-06-14", 0), ("2020-06-15", 1)])
def test_tiltak_5(today: str, expected: int) -> None:
    doc = document(sak(personalia(fodt="2012-06-15"), tiltak("2018-01-01", kategori="4.1")), today=today)
    assert fires("tiltak-5", doc) == expected


@pytest.mark.parametrize(("end", "expected"), [("2025-04-01", 0), ("2025-04-02", 1)])
def test_tiltak_9(end: str, expected: int) -> None:
    doc = document(
        sak(
            tiltak("2024-01-01", slutt=end, kategori="1.1"),
            tiltak("2025-01-01", slutt="2025-12-31", kategori="2.1"),
        ),
        today="2026-01-01",
    )
    assert fires("tiltak-9", doc) == expected


@pytest.mark.parametrize("kind", ["vedtak", "oversendelse"])
@pytest.mark.parametrize(
    ("act", "day", "old", "new"),
    [
        ("BVL", "2022-12-31", 0, 0),
        ("BVL2021", "2023-01-01", 0, 0),
        ("BL1981", "2022-12-31", 0, 0),
        ("BL1981", "2023-01-01", 0, 0),
        ("BVL2021", "2022-12-31", 0, 1),
        ("BVL", "2023-01-01", 1, 0),
    ],
)
def test_the_act_of_the_day(kind: str, act: str, day: str, old: int, new: int) -> None:
    build: Any = {"vedtak": vedtak, "oversendelse": oversendelse}[kind]
    doc = document(sak(build(start=day, lovhjemmel=lov(act))))
    assert (fires(f"{kind}-5-1992", doc), fires(f"{kind}-5-2021", doc)) == (old, new)


@pytest.mark.parametrize(
    ("day", "expected"), [("2000-01-01", 0), ("2052-12-31", 0), ("1999-12-31", 1), ("2053-01-01", 1)]
)
@pytest.mark.parametrize("today", ["2026-01-01", "2026-12-31"])
def test_sak_1(day: str, expected: int, today: str) -> None:
    assert fires("sak-1", document(sak(plan(day)), today=today)) == expected


# --- definitions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2025-06-14T22:00:00+00:00", date(2025, 6, 15)),  # summer: two hours ahead of UTC
        ("2025-06-14T21:59:59+00:00", date(2025, 6, 14)),
        ("2025-12-31T23:00:00+00:00", date(2026, 1, 1)),  # winter: one hour
        ("2025-12-31T22:59:59+00:00", date(2025, 12, 31)),
        ("2025-06-15T00:30:00+02:00", date(2025, 6, 15)),
        ("2025-06-15T05:00:00+14:00", date(2025, 6, 14)),
    ],
)
def test_today_is_the_day_of_the_extract_in_norway(moment: str, day: date) -> None:
    """A1."""
    assert day_in_norway(document(sak(), today=moment).dato_uttrekk) == day


@pytest.mark.parametrize(
    ("born", "at", "expected"),
    [
        ("2004-02-29", "2022-02-28", 17),
        ("2004-02-29", "2022-03-01", 18),
        ("2004-02-29", "2024-02-28", 19),
        ("2004-02-29", "2024-02-29", 20),
        ("2007-06-15", "2025-06-14", 17),
        ("2007-06-15", "2025-06-15", 18),
        ("2007-06-15", "2007-06-14", -1),
    ],
)
def test_age(born: str, at: str, expected: int) -> None:
    """A3."""
    assert age(date.fromisoformat(born), date.fromisoformat(at)) == expected


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        ("2025-11-30", -9, "2025-02-28"),
        ("2024-11-30", -9, "2024-02-29"),
        ("2025-12-31", -9, "2025-03-31"),
        ("2025-01-08", 3, "2025-04-08"),
        ("2024-11-30", 3, "2025-02-28"),
        ("2025-01-15", -1, "2024-12-15"),
    ],
)
def test_calendar_months(day: str, months: int, expected: str) -> None:
    """A19."""
    assert add_months(date.fromisoformat(day), months) == date.fromisoformat(expected)


@pytest.mark.parametrize(
    ("starts", "expected"),
    [
        (["2020-01-01", "2024-01-01"], 2),  # the latest
        (["2024-01-01", "2020-01-01"], 1),  # wherever it stands
        (["2020-01-01", "2026-01-01"], 1),  # not after today
        (["2020-01-01", "2025-06-15"], 2),  # today is not after today
        (["2027-01-01", "2026-01-01", "2028-01-01"], 2),  # all later: the earliest
        (["2020-01-01", "2020-01-01"], 2),  # ties: the last
        (["2026-01-01", "2026-01-01"], 2),
        (["2026-01-01", "2020-01-01", "2026-01-01"], 2),
    ],
)
def test_personalia_in_force(starts: list[str], expected: int) -> None:
    """A4."""
    case = Case(document(sak(*(personalia(start=s) for s in starts))), date(2025, 6, 15), RuleOptions())
    assert case.personalia is not None
    assert case.personalia.id == uid("Personalia", expected)


def test_deleted_personalia_are_not_in_force() -> None:
    elements = personalia(start="2020-01-01"), personalia(start="2024-01-01", er_slettet=True)
    case = Case(document(sak(*elements)), date(2025, 6, 15), RuleOptions())
    assert case.personalia is not None
    assert case.personalia.id == uid("Personalia", 1)
