"""Person numbers, DUF numbers and organisation numbers: the published vectors, and what must hold of any number."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bvr.model.identifiers import (
    BOY,
    GIRL,
    UNBORN,
    Number,
    decode_date,
    is_duf,
    is_orgnr,
    make_duf,
    make_fodselsnummer,
    make_orgnr,
    nummertype,
    placeholder,
    read,
)

TODAY = date(2026, 6, 15)
NEW = date(2032, 1, 1)
SCRIPTS = ("٠١٢٣٤٥٦٧٨٩", "०१२३४५६७८९", "０１２３４５６７８９", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗")  # fmt: skip

dates = st.dates(date(1900, 1, 1), date(2039, 12, 31))
individuals = st.integers(0, 999)


def made(born: date, individual: int, *, synthetic: bool = True, dnr: bool = False) -> str | None:
    return make_fodselsnummer(born, individual % 2 == 1, individual, synthetic=synthetic, dnr=dnr)


# --- section 8 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "sex", "kind", "day", "synthetic"),
    [
        ("14831299925", "1", "FNR", (14, 3, 12), True),
        ("14831299844", "2", "FNR", (14, 3, 12), True),
        ("29821299800", "2", "FNR", (29, 2, 12), True),
        ("31920799984", "1", "FNR", (31, 12, 7), True),
        ("54831299919", "1", "DNR", (14, 3, 12), True),
        ("54831299838", "2", "DNR", (14, 3, 12), True),
        ("14431299942", "1", "FNR", (14, 3, 12), True),
        ("14831299926", "1", "UGYLDIG", (None,) * 3, False),
        ("14831299935", "1", "UGYLDIG", (None,) * 3, False),
        ("00000000000", "1", "UGYLDIG", (None,) * 3, False),
        ("14031200100", "1", "PLASSHOLDER", (14, 3, 12), False),
        ("14031200200", "2", "PLASSHOLDER", (14, 3, 12), False),
        ("14031299999", "0", "PLASSHOLDER", (14, 3, 12), False),
        ("14031299999", "1", "PLASSHOLDER", (14, 3, 12), False),
        ("14031299999", "2", "PLASSHOLDER", (14, 3, 12), False),
        ("31021299999", "0", "UGYLDIG", (None,) * 3, False),
        ("14031255555", "1", "UGYLDIG", (None,) * 3, False),
        ("19811099999", "1", "FNR", (19, 1, 10), True),
        ("02813299952", "1", "FNR", (2, 1, 32), True),
    ],
)
def test_person_number(number: str, sex: str, kind: str, day: tuple[int, int, int], synthetic: bool) -> None:
    found = read(number, sex, today=TODAY)
    assert (found.kind, (found.day, found.month, found.year), found.synthetic) == (kind, day, synthetic)
    assert not found.new_series
    assert nummertype(number, sex, today=TODAY) == kind


@pytest.mark.parametrize("number", ["14831299925", "54831299919", "14431299942", "19811099999", "02813299952"])
def test_synthetic_numbers_are_invalid_in_production(number: str) -> None:
    assert read(number, "1", today=TODAY, synthetic=False) == Number("UGYLDIG")


@pytest.mark.parametrize("number", ["14031200100", "14031200200", "14031299999"])
def test_placeholders_are_valid_in_production(number: str) -> None:
    assert read(number, "0", today=TODAY, synthetic=False).kind == "PLASSHOLDER"


@pytest.mark.parametrize(
    ("number", "new_series"),
    [("02813299952", False), ("02813299960", True), ("02813299979", True), ("02813299987", True)],
)
def test_numbers_from_2032(number: str, new_series: bool) -> None:
    """A59: the first is valid always, the others by the check of 2032 only."""
    before, after = read(number, "1", today=NEW - timedelta(1)), read(number, "1", today=NEW)
    assert before.kind == ("UGYLDIG" if new_series else "FNR")
    assert (after.kind, after.new_series) == ("FNR", new_series)
    assert read(number, "1", today=TODAY, new_series=True).kind == "FNR"
    assert read(number, "1", today=NEW, new_series=False).kind == before.kind


def test_a_remainder_of_four_is_never_valid() -> None:
    stem = "02813299"
    valid = [n for n in range(1000) if read(f"{stem}{n:03}", "1", today=NEW).kind == "FNR"]
    assert {952, 960, 979, 987} <= set(valid)
    assert len([n for n in valid if n // 100 == 9]) == 4


@pytest.mark.parametrize(
    ("number", "valid"),
    [("299900000102", True), ("299912345607", True), ("299900000103", False), ("299900000710", True)],
)
def test_duf(number: str, valid: bool) -> None:
    assert is_duf(number) is valid


@pytest.mark.parametrize(
    ("number", "valid"), [("310000019", True), ("310000027", True), ("310000018", False), ("999999999", True)]
)
def test_orgnr(number: str, valid: bool) -> None:
    assert is_orgnr(number) is valid


# --- placeholders (A14, A15) -----------------------------------------------------------------------------------------


def test_suffix_of_a_placeholder() -> None:
    assert [placeholder(f"140312{s}") for s in (BOY, GIRL, UNBORN)] == [BOY, GIRL, UNBORN]
    for number in ("14031200301", "14031255555", "54031200100", "14831200100", "00031200100", "14001200100"):
        assert placeholder(number) is None


def test_days_of_a_placeholder() -> None:
    assert placeholder("29021200100")
    assert placeholder("29020000100")  # 2000 was a leap year
    assert placeholder("29021300100") is None
    assert placeholder("30021200100") is None
    assert placeholder("31041200100") is None


def test_a_boys_real_number_may_end_as_that_of_an_unborn() -> None:
    """A15: on 96 days of 2000 to 2031, 55 of them in 2008 to 2026. (None of these numbers is written down here.)"""
    days = (date(2000, 1, 1) + timedelta(n) for n in range((date(2032, 1, 1) - date(2000, 1, 1)).days))
    colliding = [d for d in days if (made(d, 999, synthetic=False) or "").endswith(UNBORN)]
    assert len(colliding) == 96
    assert sum(2008 <= d.year <= 2026 for d in colliding) == 55
    for day in colliding:
        number = made(day, 999, synthetic=False)
        assert number is not None
        for sex, kind in (("1", "FNR"), ("2", "FNR"), ("0", "PLASSHOLDER")):
            assert read(number, sex, today=TODAY, synthetic=False).kind == kind


@given(dates, st.sampled_from((BOY, GIRL)), st.sampled_from("012"))
def test_placeholders_of_children_never_collide(born: date, suffix: str, sex: str) -> None:
    found = read(f"{born:%d%m%y}{suffix}", sex, today=TODAY)
    assert (found.kind, found.day, found.month, found.year) == ("PLASSHOLDER", born.day, born.month, born.year % 100)


@given(dates)
def test_99999_with_sex_0_is_always_a_placeholder(born: date) -> None:
    assert read(f"{born:%d%m%y}{UNBORN}", "0", today=TODAY).kind == "PLASSHOLDER"


# --- decoding (A17) --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("14031200000", (14, 3, 12, False)),
        ("54031200000", (14, 3, 12, False)),
        ("14831200000", (14, 3, 12, True)),
        ("54831200000", (14, 3, 12, True)),
        ("14431200000", (14, 3, 12, True)),
        ("54521200000", (14, 12, 12, True)),
        ("14921200000", (14, 12, 12, True)),
        ("71921200000", (31, 12, 12, True)),
        ("14631200000", None),
        ("14731200000", None),
        ("14331200000", None),
        ("84031200000", None),  # H-numbers and the like start with 8 or 9
        ("94031200000", None),
        ("72031200000", None),
        ("14931200000", None),
        ("40031200000", None),
        ("00000000000", None),
        ("1403120000", None),
        ("", None),
    ],
)
def test_decode_date(number: str, expected: tuple[int, int, int, bool] | None) -> None:
    assert decode_date(number) == expected


# --- any number ------------------------------------------------------------------------------------------------------


@given(dates, individuals, st.booleans(), st.booleans())
def test_what_is_made_is_read(born: date, individual: int, synthetic: bool, dnr: bool) -> None:
    number = made(born, individual, synthetic=synthetic, dnr=dnr)
    assume(number is not None)
    assert number is not None
    found = read(number, "1", today=TODAY)
    assert found == Number("DNR" if dnr else "FNR", born.day, born.month, born.year % 100, synthetic)
    assert int(number[8]) % 2 == individual % 2
    assert decode_date(number) == (born.day, born.month, born.year % 100, synthetic)
    if synthetic:
        assert read(number, "1", today=TODAY, synthetic=False).kind == "UGYLDIG"


@given(dates, individuals, st.integers(0, 10), st.integers(1, 9))
def test_one_wrong_digit_is_never_valid(born: date, individual: int, place: int, add: int) -> None:
    number = made(born, individual)
    assume(number is not None)
    assert number is not None
    wrong = f"{number[:place]}{(int(number[place]) + add) % 10}{number[place + 1 :]}"
    assert read(wrong, "1", today=TODAY).kind in ("UGYLDIG", "PLASSHOLDER")


def test_a_combination_without_check_digits_is_not_made() -> None:
    missing = [n for n in range(1000) if made(date(2012, 3, 14), n) is None]
    assert 100 < len(missing) < 250  # one in eleven for each check digit


def test_sex_and_individual_number_must_agree() -> None:
    with pytest.raises(ValueError, match="odd for a male"):
        make_fodselsnummer(date(2012, 3, 14), True, 998)


@given(st.integers(1900, 2999), st.integers(0, 999_999))
def test_duf_made_is_read(year: int, serial: int) -> None:
    number = make_duf(year, serial)
    assert len(number) == 12
    assert is_duf(number)
    assert not is_duf(f"{number[:10]}{(int(number[10:]) + 1) % 100:02}")


@given(st.integers(0, 99_999_999))
def test_orgnr_made_is_read(stem: int) -> None:
    number = make_orgnr(stem)
    if number is None:
        assert not any(is_orgnr(f"{stem:08}{check}") for check in range(10))
    else:
        assert is_orgnr(number)
        assert sum(is_orgnr(f"{number[:8]}{check}") for check in range(10)) == 1


@given(st.text(max_size=13) | st.text("0123456789", max_size=13), st.sampled_from("012"))
def test_any_text_is_read(text: str, sex: str) -> None:
    found = read(text, sex, today=TODAY)
    assert found.kind == "UGYLDIG" or len(text) == 11
    decode_date(text)
    assert isinstance(is_duf(text), bool)
    assert isinstance(is_orgnr(text), bool)


@pytest.mark.parametrize("script", SCRIPTS)
def test_digits_of_another_script_are_no_number(script: str) -> None:
    """The schema lets any Unicode digit through."""

    def spelled(number: str) -> str:
        return "".join(script[int(c)] for c in number)

    for number in ("14831299925", "54831299919", "14031200100", "14031299999"):
        assert read(spelled(number), "1", today=TODAY).kind == "UGYLDIG"
        assert read(number[:-1] + script[int(number[-1])], "1", today=TODAY).kind == "UGYLDIG"
        assert placeholder(spelled(number)) is None
        assert decode_date(spelled(number)) is None
    assert not is_duf(spelled("299900000102"))
    assert not is_orgnr(spelled("310000019"))
    for odd in ("1483129992²", "1483129992½", "14831299925\n", " 4831299925"):
        assert read(odd, "1", today=TODAY).kind == "UGYLDIG"
