"""The words that the KOSTRA rules share, against section 3 of the requirement."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bvr.kostra.rules.examples import nummer, tiltak
from bvr.kostra.rules.finding import HIDDEN, safe_key
from bvr.kostra.rules.options import IMPLEMENTED, TEXT, Reading
from bvr.kostra.rules.terms import accepted, age, birth_year, complete, dates, er_plassering, number_kind
from bvr.model.codelists import codelist

both = pytest.mark.parametrize("reading", Reading)
BOY = nummer("2012-03-14")
WRONG = BOY[:-1] + str((int(BOY[-1]) + 1) % 10)
NAV = "14431299942"  # month + 40


# --- 3.1 -------------------------------------------------------------------------------------------------------------


def test_dates_of_a_year() -> None:
    of = dates(2024)
    assert (of.telledato, of.forrige_telledato) == (date(2024, 12, 31), date(2023, 12, 31))
    assert (of.minimumsdato, of.maksimumsdato) == (date(1999, 1, 1), date(2049, 12, 31))
    frozen = dates(2025, IMPLEMENTED)
    assert (frozen.minimumsdato, frozen.maksimumsdato) == (date(1998, 1, 1), date(2049, 12, 31))
    assert frozen.telledato == date(2025, 12, 31)


@pytest.mark.parametrize("year", [1, 25, 26, 9974, 9975, 9999])
def test_dates_stay_inside_the_calendar(year: int) -> None:
    of = dates(year)
    assert of.minimumsdato <= of.forrige_telledato <= of.telledato <= of.maksimumsdato


# --- 3.3 -------------------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("number", [BOY, nummer("2012-03-14", dnr=True), nummer("1999-12-31", male=False), NAV])
def test_a_synthetic_number_is_complete_outside_production(reading: Reading, number: str) -> None:
    assert complete(number, reading, True)
    assert accepted(number, reading, True)
    assert not complete(number, reading, False)
    assert not accepted(number, reading, False)


@both
@pytest.mark.parametrize("suffix", ["00100", "00200", "99999"])
def test_a_date_with_a_suffix_is_accepted_and_not_complete(reading: Reading, suffix: str) -> None:
    assert accepted("150124" + suffix, reading, False)
    assert not complete("150124" + suffix, reading, False)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (BOY, "FNR"),
        (nummer("2012-03-14", dnr=True), "DNR"),
        ("15012400100", "PLASSHOLDER"),
        ("15012499999", "PLASSHOLDER"),
        ("15012455555", "PLASSHOLDER"),
        (WRONG, "UGYLDIG"),
        ("", "UGYLDIG"),
    ],
)
def test_kind_of_number(number: str, kind: str) -> None:
    assert number_kind(number) == kind


def test_unknown_sex_is_accepted_by_the_text_alone() -> None:
    assert accepted("15012455555", TEXT, False)
    assert not accepted("15012455555", IMPLEMENTED, False)
    assert not complete("15012455555", TEXT, False)


@pytest.mark.parametrize(("number", "program"), [("30022400100", True), ("31042499999", True), ("32012400100", False)])
def test_the_program_takes_a_day_up_to_31_of_any_month(number: str, program: bool) -> None:
    assert not accepted(number, TEXT, True)
    assert accepted(number, IMPLEMENTED, True) is program


@both
@pytest.mark.parametrize("number", [None, "", "1", " " * 11, "x" * 11, WRONG, BOY[:-1], BOY + "0", "١٤٨٣١٢٩٩٩٢٥"])
def test_what_is_no_number(reading: Reading, number: str | None) -> None:
    assert not complete(number, reading, True)
    assert not accepted(number, reading, True)


@given(st.text(max_size=13), st.sampled_from(Reading), st.booleans())
def test_any_text_is_answered(text: str, reading: Reading, synthetic: bool) -> None:
    assert accepted(text, reading, synthetic) >= complete(text, reading, synthetic)
    birth_year(text, 2024, reading)


# --- 3.5 age ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "born"),
    [
        ("15012450000", 2024),  # 500-999 with YY <= 39: 20YY
        ("15013999900", 2039),
        ("15014050000", 2040),  # 500-749 with YY 40-53: else, 20YY
        ("15015374900", 2053),
        ("15015450000", 1854),  # 500-749 with YY >= 54: 18YY
        ("15019974900", 1899),
        ("15015475000", 2054),  # 750-899 with YY >= 40: else, 20YY
        ("15019989900", 2099),
        ("15014090000", 1940),  # 900-999 with YY >= 40: 19YY
        ("15019999900", 1999),
        ("15010000000", 1900),  # 000-499: 19YY
        ("15019949900", 1999),
        ("55012450001", 2024),  # a D-number
        ("15812450000", 2024),  # month + 80
        ("55922450000", 2024),  # both
        ("15412450000", None),  # month + 40
        ("15132450000", None),
        ("00012450000", None),
        ("32012450000", None),
        ("31022450000", 2024),  # clamped
        ("15012400100", 2024),  # suffixes: 20YY ...
        ("31122500200", 2025),  # ... up to a year after the count day
        ("01012600100", 1926),  # ... else 19YY
        ("31022599999", 2025),
        ("29022300100", 2023),  # no such day: clamped
        ("00012400100", None),
        ("1501245000", None),
        ("1501245000x", None),
    ],
)
def test_birth_year(number: str, born: int | None) -> None:
    assert birth_year(number, 2024) == born
    assert birth_year(number, 2024, IMPLEMENTED) == born
    assert age(number, 2024) == (None if born is None else 2024 - born)


def test_a_due_date_gives_a_negative_age() -> None:
    assert age("01032599999", 2024) == -1
    assert age(None, 2024) is None


def test_unknown_sex_is_a_suffix_where_it_is_accepted() -> None:
    assert birth_year("15019955555", 2024, TEXT) == 1999
    assert birth_year("15019955555", 2024, IMPLEMENTED) == 1899


@given(st.dates(date(1999, 1, 1), date(2024, 12, 31)), st.booleans(), st.booleans())
def test_age_is_the_years_between(born: date, dnr: bool, male: bool) -> None:
    assert age(nummer(born.isoformat(), dnr=dnr, male=male), 2024) == 2024 - born.year


# --- 3.5 placement (care orders: the examples of kostra-tiltak-04 and kostra-lovhjemmel-03) ---------------------------


def test_placements_begin_with_1_or_2_or_are_8_2() -> None:
    codes = [code for code in codelist("TiltakKategori") if code not in ("8.4", "8.5")]
    assert len(codes) >= 49
    for code in codes:
        assert er_plassering(tiltak(kategori=code)) == (code.startswith(("1.", "2.")) or code == "8.2")


# --- keys that repeat a number ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [BOY, f"J-{BOY}", f"{BOY[:6]} {BOY[6:]}", f"{BOY[:6]}-{BOY[6:]}", "15012400100"])
def test_a_key_that_is_a_number_is_hidden(key: str) -> None:
    assert safe_key(key) == HIDDEN


@pytest.mark.parametrize("key", ["2020/17", "1", "20240000001", "2024-0000-0001", f"9{BOY}", "", " "])
def test_any_other_key_stands(key: str) -> None:
    assert safe_key(key, None, BOY, "") == key if key != f"9{BOY}" else safe_key(key) == key


def test_a_key_that_holds_the_clients_own_number_is_hidden() -> None:
    assert safe_key(f"A{WRONG}", WRONG) == HIDDEN
    assert safe_key(f"9{BOY}7", BOY) == HIDDEN
    assert safe_key(f"A{WRONG}") == f"A{WRONG}"
    assert safe_key("299900000136x", None, "299900000136") == HIDDEN


def test_window_and_day_count_are_whole_days() -> None:
    assert dates(2024).telledato - dates(2024).forrige_telledato == timedelta(366)
