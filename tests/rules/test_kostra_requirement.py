"""The KOSTRA rules against the published requirement: its table and the program's structure findings, copied by hand.

Nothing here is derived from the code: a change of a rule must be made in both places.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from bvr.config import Config
from bvr.findings import Severity
from bvr.kostra.rules import RULES, FileCheck, KostraOptions, Reading, check_individ, ruleset, structure
from bvr.kostra.rules.examples import (
    avgiver,
    flytting,
    form,
    individ,
    lov,
    melding,
    nummer,
    plan,
    tiltak,
    undersokelse,
)
from bvr.kostra.rules.options import all_as, switches
from tests.rules.test_kostra_examples import run

# id; heading of the requirement (of the program for structure findings); severity; record reported on; parameters.
TABLE = """
kostra-fil-00; -; FEIL; Barnevern; grunn
kostra-avgiver-00; Avgiver K0: Feil antall avgivere; FEIL; Avgiver; antall
kostra-avgiver-01; Avgiver K1: Validering av avgiver; FEIL; Avgiver; grunn
kostra-individ-00; Individ Kontroll 00: Individ mangler; FEIL; Individ;
kostra-individ-01; Individ Kontroll 01: Validering av individ; FEIL; Individ; grunn nummer
kostra-avgiver-02; Avgiver Kontroll 2: Årgang; FEIL; Avgiver; versjon aar
kostra-avgiver-03; Avgiver Kontroll 3: Organisasjonnummer; FEIL; Avgiver; organisasjonsnummer
kostra-avgiver-04; Avgiver Kontroll 4: Kommunenummer; FEIL; Avgiver; skjema fil
kostra-avgiver-06; Avgiver Kontroll 6: Kommunenavn; FEIL; Avgiver;
kostra-individ-01a; Individ Kontroll 01a: Validering av datoer; FEIL; *; element felt dato minimumsdato maksimumsdato
kostra-individ-02a; Individ Kontroll 02a: Startdato etter sluttdato; FEIL; Individ; start slutt
kostra-individ-02b; Individ Kontroll 02b: Sluttdato mot versjon; FEIL; Individ; slutt forrige_telledato
kostra-individ-02d; Individ Kontroll 02d: Avslutta 31.12 medfører at sluttdato skal være satt på individet; FEIL; \
Individ; \
slutt kode
kostra-individ-03; Individ Kontroll 03: Fødselsnummer og DUF-nummer; FEIL; Individ;
kostra-individ-04; Individ Kontroll 04: Dublett på fødselsnummer; FEIL; Individ; journalnummer andre
kostra-individ-05; Individ Kontroll 05: Dublett på journalnummer; FEIL; Individ; journalnummer antall
kostra-individ-06; Individ Kontroll 06: Har meldinger, planer eller tiltak; FEIL; Individ;
kostra-individ-07; Individ Kontroll 07: Klient over 25 år skal avsluttes; FEIL; Individ; alder
kostra-individ-08; Individ Kontroll 08: Alder i forhold til tiltak; ADVARSEL; Individ;
kostra-individ-09; Individ Kontroll 09: Bydelsnummer; FEIL; Individ;
kostra-individ-10; Individ Kontroll 10: Bydelsnavn; FEIL; Individ;
kostra-individ-11; Individ Kontroll 11: Fødselsnummer; ADVARSEL; Individ;
kostra-individ-12; Individ Kontroll 12: Fødselsnummer; ADVARSEL; Individ;
kostra-individ-19; Individ Kontroll 19: DUF-nummer; ADVARSEL; Individ;
kostra-melding-02a; Melding Kontroll 2a: Startdato etter sluttdato; FEIL; Melding; start slutt
kostra-melding-02c; Melding Kontroll 2c: Sluttdato mot individets sluttdato; FEIL; Melding; slutt individ_slutt
kostra-melding-02d; Melding Kontroll 2d: Avslutta 31 12 medfører at sluttdato skal være satt på meldingen; FEIL; \
Melding; \
slutt individ_slutt
kostra-melding-02e; Melding Kontroll 2e: Startdato mot individets startdato; FEIL; Melding; start individ_start
kostra-melding-03; Melding Kontroll 3: Behandlingstid av melding; ADVARSEL; Melding; start slutt
kostra-melding-04; Melding Kontroll 4: Kontroll av konkludert melding, melder; FEIL; Melding;
kostra-melding-05; Melding Kontroll 5: Kontroll av konkludert melding, saksinnhold; FEIL; Melding;
kostra-melder-02; Melder Kontroll 2: Kontroll av kode og presisering; FEIL; Melding; kode
kostra-saksinnhold-02; Saksinnhold Kontroll 2: Kontroll av kode og presisering; FEIL; Melding; kode
kostra-undersokelse-02a; Undersøkelse Kontroll 2a: Startdato etter sluttdato; FEIL; Undersokelse; start slutt
kostra-undersokelse-02b; Undersøkelse Kontroll 2b: Sluttdato mot rapporteringsår; FEIL; Undersokelse; slutt aar
kostra-undersokelse-02c; Undersøkelse Kontroll 2c: Sluttdato mot individets sluttdato; FEIL; Undersokelse; \
slutt individ_slutt
kostra-undersokelse-02d; Undersøkelse Kontroll 2d: Avslutta 31 12 medfører at sluttdato skal være satt på \
undersøkelsen; FEIL; Undersokelse; slutt
kostra-undersokelse-02e; Undersøkelse Kontroll 2e: Startdato mot individets startdato; FEIL; Undersokelse; \
start individ_start
kostra-undersokelse-03; Undersøkelse Kontroll 3: Kontroll av kode og presisering; FEIL; Undersokelse; kode
kostra-undersokelse-04; Undersøkelse Kontroll 4: Konklusjon av undersøkelse; FEIL; Undersokelse;
kostra-undersokelse-07; Undersøkelse Kontroll 7: Konkludert undersøkelse skal ha vedtaksgrunnlag; FEIL; Undersokelse; \
kode
kostra-undersokelse-08; Undersøkelse Kontroll 8: Undersøkelse påbegynt før 1. juli er ikke konkludert; ADVARSEL; \
Undersokelse; start
kostra-vedtaksgrunnlag-02; Vedtaksgrunnlag Kontroll 2: Kontroll av kode og presisering; FEIL; Undersokelse; kode
kostra-plan-02a; Plan Kontroll 2a: Startdato etter sluttdato; FEIL; Plan; start slutt
kostra-plan-02c; Plan Kontroll 2c: Sluttdato mot individets sluttdato; FEIL; Plan; slutt individ_slutt
kostra-plan-02d; Plan Kontroll 2d: Avslutta 31 12 medfører at sluttdato skal være satt på plan; FEIL; Plan; slutt
kostra-plan-02e; Plan Kontroll 2e: Startdato mot individets startdato; FEIL; Plan; start individ_start
kostra-tiltak-02a; Tiltak Kontroll 2a: Startdato etter sluttdato; FEIL; Tiltak; start slutt
kostra-tiltak-02b; Tiltak Kontroll 2b: Sluttdato mot rapporteringsår; FEIL; Tiltak; slutt aar
kostra-tiltak-02c; Tiltak Kontroll 2c: Sluttdato mot individets sluttdato; FEIL; Tiltak; slutt individ_slutt
kostra-tiltak-02d; Tiltak Kontroll 2d: Avslutta 31 12 medfører at sluttdato skal være satt på tiltak; FEIL; Tiltak; \
slutt
kostra-tiltak-02e; Tiltak Kontroll 2e: Startdato mot individets startdato; FEIL; Tiltak; start individ_start
kostra-tiltak-04; Tiltak Kontroll 4: Omsorgstiltak med sluttdato krever årsak til opphevelse; ADVARSEL; Tiltak; slutt
kostra-tiltak-05; Tiltak Kontroll 5: Barn over 7 år og i barnehage; ADVARSEL; Tiltak; alder
kostra-tiltak-06; Tiltak Kontroll 6: Barn over 11 år og i SFO; ADVARSEL; Tiltak; alder
kostra-tiltak-07; Tiltak Kontroll 7: Kontroll av manglende presisering for tiltakskategori; FEIL; Tiltak; kode
kostra-tiltak-08; Tiltak Kontroll 8: Kontroll av kode og presisering for opphevelse; FEIL; Tiltak; kode
kostra-tiltak-09; Tiltak Kontroll 9: Flere plasseringstiltak i samme periode; ADVARSEL; Tiltak;
kostra-tiltak-24; Tiltak Kontroll 24: Lovhjemmel refererer til feil barnevernslov; FEIL; Tiltak;
kostra-lovhjemmel-03; Lovhjemmel Kontroll 3: Individet er over 18 år og har omsorgstiltak; FEIL; Tiltak; alder
kostra-lovhjemmel-04; Lovhjemmel Kontroll 4: Lovhjemmel; FEIL; Tiltak; kapittel paragraf
kostra-flytting-02c; Flytting Kontroll 2c: Sluttdato mot individets sluttdato; FEIL; Flytting; slutt individ_slutt
kostra-flytting-02f; Flytting Kontroll 2f: Sluttdato mot individets startdato; FEIL; Flytting; slutt individ_start
"""

ROWS = [tuple(cell.strip() for cell in line.split(";")) for line in TABLE.strip().splitlines()]
STRUCTURE = {row[0] for row in ROWS[:5]}
each_row = pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
SEVERITY = {"FEIL": Severity.ERROR, "ADVARSEL": Severity.WARNING}


# --- the table -------------------------------------------------------------------------------------------------------


def test_number_of_rules() -> None:
    assert len(ROWS) == 63
    assert len(ROWS) - len(STRUCTURE) == 58
    kinds = [row[0].split("-")[1] for row in ROWS[5:]]
    parts = {"melder": "melding", "saksinnhold": "melding", "vedtaksgrunnlag": "undersokelse"}
    count = {kind: [parts.get(k, k) for k in kinds].count(kind) for kind in set(kinds) - set(parts)}
    assert count == {
        "avgiver": 4,
        "individ": 15,
        "melding": 9,
        "undersokelse": 10,
        "plan": 4,
        "tiltak": 12,
        "lovhjemmel": 2,
        "flytting": 2,
    }


def test_exactly_these_rules_are_declared() -> None:
    assert set(RULES) == {row[0] for row in ROWS}


@each_row
def test_row(row: tuple[str, ...]) -> None:
    rule = RULES[row[0]]
    assert rule.official == row[1] or row[1] == "-"
    assert rule.severity == SEVERITY[row[2]]


@pytest.mark.parametrize("row", [r for r in ROWS if r[0] not in STRUCTURE], ids=[r[0] for r in ROWS[5:]])
def test_what_is_told(row: tuple[str, ...]) -> None:
    found = [f for e in RULES[row[0]].examples for f in run(e) if f.rule == row[0]]
    assert found
    assert {f.element for f in found} == {row[3]} or row[3] == "*"
    assert all(set(row[4].split()) <= set(f.parameters) for f in found)
    over_the_file = row[0] in ("kostra-individ-04", "kostra-individ-05")
    for f in found:
        if row[3] == "Avgiver":
            assert (f.journalnummer, f.individ_id, f.element_id) == (None, None, None)
        else:
            assert f.journalnummer
            assert (f.individ_id, f.element_id, f.number) == (None, None, None) if over_the_file else f.element_id


@pytest.mark.parametrize("row", ROWS[:5], ids=[row[0] for row in ROWS[:5]])
def test_structure_findings(row: tuple[str, ...]) -> None:
    given: dict[str, Any] = {}
    for parameter in row[4].split():
        given |= {"grunn": {"reason_nb": "her er noe galt", "reason_en": "something is wrong here"}}.get(
            parameter, {"antall": {"count": 2}, "nummer": {"number": 17}}.get(parameter, {})
        )
    f = structure(row[0], **given, line=3, column=7)
    assert (f.rule, f.severity, f.element, f.line, f.column) == (row[0], SEVERITY[row[2]], row[3], 3, 7)
    assert set(row[4].split()) <= set(f.parameters)
    if "grunn" in row[4]:
        assert "her er noe galt" in f.message_nb
        assert "something is wrong here" in f.message_en
    if "nummer" in row[4]:
        assert (f.number, f.path) == (17, "/Barnevern/Individ[17]")
        assert "17" in f.message_nb
    assert not set(f.message_nb + f.message_en) & set("{}")


# --- switches --------------------------------------------------------------------------------------------------------

# Section 2.6: the proposed default of each rule where requirement and program differ.
DEFAULTS = {
    "individ_01a": "kravtekst",
    "individ_01a_evaluert": "program",
    "individ_03": "kravtekst",
    "individ_04": "kravtekst",
    "individ_05": "kravtekst",
    "individ_08": "kravtekst",
    "individ_12": "kravtekst",
    "melding_02c": "program",
    "melding_03": "kravtekst",
    "melding_04": "program",
    "melding_05": "program",
    "melder_02": "program",
    "saksinnhold_02": "program",
    "undersokelse_02c": "program",
    "undersokelse_03": "program",
    "undersokelse_07": "program",
    "undersokelse_08": "kravtekst",
    "vedtaksgrunnlag_02": "program",
    "tiltak_04": "kravtekst",
    "tiltak_09": "program",
    "tiltak_24": "kravtekst",
    "lovhjemmel_03": "kravtekst",
    "lovhjemmel_04": "kravtekst",
}


def test_defaults() -> None:
    options = KostraOptions()
    assert {name: getattr(options, name).value for name in switches()} == DEFAULTS
    assert (options.allow_synthetic, options.blank_is_missing, options.melding_grace_days) == (True, True, 0)


def test_a_switch_belongs_to_the_rule_of_its_name() -> None:
    for name, switch in switches().items():
        assert switch.rules
        assert name.startswith(switch.rules[0].removeprefix("kostra-").replace("-", "_"))
        assert all(name in RULES[rule].switch for rule in switch.rules)


def test_switches_are_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "bvr")
    assert Config().kostra_options == KostraOptions(allow_synthetic=False)
    monkeypatch.setenv("BVR_KOSTRA", '{"tiltak_24": "program", "melding_grace_days": 1}')
    options = Config().kostra_options
    assert options == KostraOptions(tiltak_24=Reading.IMPLEMENTED, melding_grace_days=1, allow_synthetic=False)
    assert ruleset(options) == "kostra-15f.1+melding_grace_days=1+tiltak_24=program"
    assert ruleset(KostraOptions()) == "kostra-15f.1"
    for wrong in ('{"tiltak_42": "program"}', '{"tiltak_24": "annet"}'):
        monkeypatch.setenv("BVR_KOSTRA", wrong)
        with pytest.raises(msgspec.ValidationError, match="tiltak_"):
            _ = Config().kostra_options


def test_all_on_one_reading() -> None:
    for reading in Reading:
        options = all_as(reading, allow_synthetic=False)
        assert {getattr(options, name) for name in switches()} == {reading}
        assert options.allow_synthetic is False


# --- boundaries ------------------------------------------------------------------------------------------------------

DAY = date(2024, 6, 1)


def days(plus: int) -> str:
    return (DAY + timedelta(days=plus)).isoformat()


_AT = DAY.isoformat()
STRICT: dict[str, Any] = {
    "kostra-individ-02a": lambda n: individ(start=days(n), slutt=_AT),
    "kostra-melding-02a": lambda n: individ(melding(start=days(n), slutt=_AT)),
    "kostra-undersokelse-02a": lambda n: individ(melding(undersokelse(start=days(n), slutt=_AT))),
    "kostra-plan-02a": lambda n: individ(plan(start=days(n), slutt=_AT)),
    "kostra-tiltak-02a": lambda n: individ(tiltak(start=days(n), slutt=_AT)),
    "kostra-melding-02c": lambda n: individ(melding(slutt=days(n)), slutt=_AT),
    "kostra-undersokelse-02c": lambda n: individ(melding(undersokelse(slutt=days(n))), slutt=_AT),
    "kostra-plan-02c": lambda n: individ(plan(slutt=days(n)), slutt=_AT),
    "kostra-tiltak-02c": lambda n: individ(tiltak(slutt=days(n)), slutt=_AT),
    "kostra-flytting-02c": lambda n: individ(flytting(slutt=days(n)), slutt=_AT),
    "kostra-melding-02e": lambda n: individ(melding(start=days(-n)), start=_AT),
    "kostra-undersokelse-02e": lambda n: individ(melding(undersokelse(start=days(-n))), start=_AT),
    "kostra-plan-02e": lambda n: individ(plan(start=days(-n)), start=_AT),
    "kostra-tiltak-02e": lambda n: individ(tiltak(start=days(-n)), start=_AT),
    "kostra-flytting-02f": lambda n: individ(flytting(slutt=days(-n)), start=_AT),
}
STRICT_DEFAULTS = KostraOptions()


def fires(rule: str, client: Any, options: KostraOptions = STRICT_DEFAULTS, **about: Any) -> int:
    return sum(f.rule == rule for f in check_individ(client, form(**about), options))


@pytest.mark.parametrize("rule", STRICT)
def test_dates_compare_as_days_and_strictly(rule: str) -> None:
    assert [fires(rule, STRICT[rule](n)) for n in (-400, -1, 0, 1, 400)] == [0, 0, 0, 1, 1]


@pytest.mark.parametrize("year", [2013, 2024, 2025, 2100])
def test_rules_follow_the_reporting_year(year: int) -> None:
    """The same client in another year, moved by as much, gives the same findings."""

    def client(y: int) -> Any:
        return individ(
            melding(
                undersokelse(start=f"{y}-06-30"),
                start=f"{y - 1}-12-01",
                slutt=f"{y}-01-01",
                konklusjon="1",
                melder=(),
                saksinnhold=(),
            ),
            tiltak(start=f"{y - 30}-01-01", slutt=f"{y - 1}-12-31", kategori="1.1"),
            tiltak(start=f"{y}-03-01", slutt=f"{y + 1}-01-01"),
            nr=None,
            start=f"{y - 26}-12-31",
            slutt=f"{y - 1}-12-30",
            avsluttet=True,
        )

    def found(y: int) -> list[str]:
        found = (f.rule for f in check_individ(client(y), form(y), KostraOptions()))
        return sorted(rule for rule in found if rule != "kostra-tiltak-24")  # the acts have days of their own

    assert found(year) == found(2020)
    assert len(set(found(2020))) > 10


def test_kategori_codes_are_text() -> None:
    assert fires("kostra-tiltak-07", individ(tiltak(kategori="3.7"))) == 1
    assert fires("kostra-tiltak-07", individ(tiltak(kategori="3.70"))) == 0
    assert fires("kostra-tiltak-09", individ(*(tiltak(start="2023-01-01", kategori="1.10") for _ in "ab"))) == 0


# --- what the sections say in words ----------------------------------------------------------------------------------


def test_rule_11_fires_whenever_rule_12_does() -> None:
    numbers = [
        None,
        "",
        " " * 11,
        "x" * 11,
        "14031200100",
        "14031255555",
        "32831250010",
        nummer("2012-03-14"),
        "0" * 11,
    ]
    for options in (KostraOptions(), all_as(Reading.TEXT), all_as(Reading.IMPLEMENTED)):
        for nr in numbers:
            client = individ(nr=nr)
            assert fires("kostra-individ-11", client, options) >= fires("kostra-individ-12", client, options)


def test_one_finding_for_each_record() -> None:
    client = individ(*(melding(start="2019-01-01") for _ in range(3)), *(tiltak(kategori="1.99") for _ in range(2)))
    found = check_individ(client, form(), KostraOptions(), 17)
    assert [f.element_id for f in found if f.rule == "kostra-melding-02e"] == ["Melding-1", "Melding-2", "Melding-3"]
    assert [f.path for f in found if f.rule == "kostra-tiltak-07"] == [
        "/Barnevern/Individ[17]/Tiltak[1]",
        "/Barnevern/Individ[17]/Tiltak[2]",
    ]


def test_where_a_date_stands() -> None:
    client = individ(melding(), melding(undersokelse(start="1990-01-01", id="U")), plan(start="1990-01-01"))
    found = [f for f in check_individ(client, form(), KostraOptions(), 3) if f.rule == "kostra-individ-01a"]
    assert [(f.element, f.element_id, f.path) for f in found] == [
        ("Undersokelse", "U", "/Barnevern/Individ[3]/Melding[2]/Undersokelse"),
        ("Plan", "Plan-1", "/Barnevern/Individ[3]/Plan[1]"),
    ]


def test_oslo_is_told_by_the_form_and_not_by_the_file() -> None:
    for kommune, count in (("0301", 1), ("4601", 0)):
        assert fires("kostra-individ-09", individ(), kommunenummer=kommune) == count
        assert fires("kostra-individ-10", individ(), kommunenummer=kommune) == count


def test_a_list_of_journals_is_cut_and_says_so() -> None:
    over_file = FileCheck(form(), KostraOptions())
    for n in range(30):
        over_file.add(individ(journalnummer=f"J{n:02}"))
    found = over_file.finish()
    assert len(found) == 30
    for f in found:
        others = f.parameters["andre"].removesuffix(" …").split(", ")
        assert f.parameters["andre"].endswith(" …")
        assert len(others) == 20
        assert f.journalnummer not in others


def test_a_sender_is_checked_once_and_a_legal_basis_by_its_parts() -> None:
    assert avgiver().versjon == "2024"
    client = individ(tiltak(lovhjemmel=lov(kapittel="0", paragraf="0")))
    assert fires("kostra-lovhjemmel-04", client) == 1
