"""From XML to the document: the traps of the information model, the round trip, and what faults say and never say."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from lxml import etree

from bvr.decode import decode
from bvr.faults import Fault
from bvr.findings import Severity
from bvr.model.concepts import Barnevern
from bvr.model.types import fields
from bvr.model.versions import CURRENT, SUPPORTED
from bvr.model.xml import encode
from bvr.rules.examples import BOY, document, personalia, sak, uid
from tests.generative.documents import random_document, serialize
from tests.generative.mutations import enumeration, mutate
from tests.generative.places import places

XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
WHOLE = encode(document(sak(personalia())))
KEY = uid("Melding")
LAW = "<Lovhjemmel><Lov>BVL</Lov><Kapittel>4</Kapittel><Paragraf>4</Paragraf></Lovhjemmel>"
MELDING = f'<Melding Id="{KEY}" StartDato="2024-02-29"/>'
UNDERSOKELSE = f'<Undersokelse Id="{KEY}" StartDato="2024-02-29"/>'
PLAN = f'<Plan Id="{KEY}" StartDato="2024-02-29" Plantype="1"/>'
SEEDS = st.integers(0, 2**32 - 1)
LOOSE = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def case(inside: str) -> bytes:
    return WHOLE.replace(b"</Sak>", inside.encode() + b"</Sak>")


def changed(old: str, new: str) -> bytes:
    assert old.encode() in WHOLE
    return WHOLE.replace(old.encode(), new.encode(), 1)


def read(data: bytes, version: str = CURRENT) -> Barnevern:
    decoded = decode(data, version)
    assert decoded.faults == ()
    assert decoded.more == 0
    assert decoded.document is not None
    return decoded.document


def faults(data: bytes, version: str = CURRENT) -> tuple[Fault, ...]:
    decoded = decode(data, version)
    assert decoded.document is None
    assert decoded.faults
    return decoded.faults


# --- traps (information model, section 7) ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2022-11-14", date(2022, 11, 14)),
        ("2022-11-14Z", date(2022, 11, 14)),
        ("2022-11-14+01:00", date(2022, 11, 14)),
        ("2022-11-14-14:00", date(2022, 11, 14)),
        ("2024-02-29+14:00", date(2024, 2, 29)),
        ("0001-01-01", date.min),
        ("9999-12-31", date.max),
        ("9999-12-31-14:00", date.max),
        ("10000-01-01", date.max),
        ("10004-02-29", date.max),
        ("123456789-12-31Z", date.max),
        ("-0001-12-31", date.min),
        ("-10000-01-01+02:00", date.min),
    ],
)
def test_dates(text: str, day: date) -> None:
    assert read(changed('StartDato="2020-01-01"', f'StartDato="{text}"')).sak.start_dato == day
    element = (
        f'<Undersokelse Id="{KEY}" StartDato="2024-01-01"><BarnetsMedvirkning><StartDato>{text}</StartDato>'
        "<MedvirkningType>1.1</MedvirkningType></BarnetsMedvirkning></Undersokelse>"
    )
    (undersokelse,) = read(case(element)).sak.undersokelse
    assert undersokelse.barnets_medvirkning is not None
    assert undersokelse.barnets_medvirkning.start_dato == day


@pytest.mark.parametrize(
    "text",
    [
        "2023-02-29",
        "2023-02-30",
        "2023-13-01",
        "2023-00-01",
        "23-01-01",
        "2023-1-1",
        "20230101",
        "",
        "x",
        "2023-01-01T00",
    ],
)
def test_days_that_do_not_exist(text: str) -> None:
    (fault,) = faults(changed('StartDato="2020-01-01"', f'StartDato="{text}"'))
    assert fault.path == "/Barnevern/Sak/@StartDato"
    assert "date" in fault.en


@pytest.mark.parametrize("padding", [" {}", "{} ", "\n{}\t"])
def test_space_around_a_date_is_either_refused_or_ignored(padding: str) -> None:
    decoded = decode(changed('StartDato="2020-01-01"', f'StartDato="{padding.format("2020-01-01")}"'), CURRENT)
    if decoded.document is None:
        assert [f.path for f in decoded.faults] == ["/Barnevern/Sak/@StartDato"]
    else:
        assert decoded.document == read(WHOLE)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-06-15T12:00:00Z", datetime(2025, 6, 15, 12, tzinfo=UTC)),
        ("2025-06-15T12:00:00-00:00", datetime(2025, 6, 15, 12, tzinfo=UTC)),
        ("2025-06-15T12:00:00.1+02:00", datetime(2025, 6, 15, 10, 0, 0, 100_000, tzinfo=UTC)),
        ("2025-06-15T12:00:00.123456789Z", datetime(2025, 6, 15, 12, 0, 0, 123_456, tzinfo=UTC)),
        ("2025-06-15T12:00:00.999999999Z", datetime(2025, 6, 15, 12, 0, 0, 999_999, tzinfo=UTC)),
        ("2025-06-15T24:00:00Z", datetime(2025, 6, 16, tzinfo=UTC)),
        ("2024-12-31T24:00:00.000+01:00", datetime(2024, 12, 31, 23, tzinfo=UTC)),
        ("2024-02-28T24:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
        ("2025-06-15T23:59:59+14:00", datetime(2025, 6, 15, 9, 59, 59, tzinfo=UTC)),
        ("2025-06-15T00:00:00-14:00", datetime(2025, 6, 15, 14, tzinfo=UTC)),
        ("9999-12-31T24:00:00Z", datetime.max.replace(tzinfo=UTC)),
    ],
)
def test_moments(text: str, moment: datetime) -> None:
    assert read(changed("2025-06-15T12:00:00+02:00", text)).dato_uttrekk == moment


def test_a_moment_keeps_its_offset() -> None:
    moment = read(changed("2025-06-15T12:00:00+02:00", "0001-01-01T00:00:00+14:00")).dato_uttrekk
    assert moment == datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    assert moment.utcoffset() == timedelta(hours=14)


@pytest.mark.parametrize(
    "text",
    [
        "2025-06-15T12:00:00",
        "2025-06-15",
        "2025-06-15T12:00Z",
        "2025-06-15T24:00:01Z",
        "2025-06-15T12:00:60Z",
        "2025-06-15T12:00:00.1234567890Z",
        "2025-06-15T12:00:00+14:01",
        "2025-02-29T12:00:00Z",
        "12025-06-15T12:00:00Z",
        "",
    ],
)
def test_moments_that_are_none(text: str) -> None:
    (fault,) = faults(changed("2025-06-15T12:00:00+02:00", text))
    assert fault.path == "/Barnevern/@DatoUttrekk"
    assert "time zone" in fault.en
    assert "tidssone" in fault.nb


def test_digits_of_any_alphabet_are_kept_as_they_came() -> None:
    """The schema lets them through, so the decoder does; the rules ask for 0-9."""
    number = BOY.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    assert read(changed(BOY, number)).sak.personalia[0].fodselsnummer == number


@pytest.mark.parametrize(
    "key",
    [
        "00000000-0000-0000-0000-000000000000",
        "01890a5d-ac96-774b-bcce-b302099a8057",
        "1ec9414c-232a-6b00-b3c8-9e6bdeced846",
        "320c3d4d-cc00-875b-8ec9-32d5f69181c0",
        "9b2e4d10-2c1f-4a7e-7d3b-0f5a6c7e8d9f",
        "9b2e4d102c1f4a7e8d3b0f5a6c7e8d9f",
        "{9b2e4d10-2c1f-4a7e-8d3b-0f5a6c7e8d9}",
    ],
)
def test_keys_that_are_none(key: str) -> None:
    assert {fault.path for fault in faults(case(MELDING.replace(KEY, key)))} == {"/Barnevern/Sak/Melding/@Id"}


def test_a_key_in_upper_case_is_kept_and_is_another_key() -> None:
    key = "9b2e4d10-2c1f-4a7e-8d3b-0f5a6c7e8d9f"
    both = MELDING.replace(KEY, key) + MELDING.replace(KEY, key.upper())
    assert [m.id for m in read(case(both)).sak.melding] == [key, key.upper()]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("1", True),
        (" true", True),
        ("1 ", True),
        ("false", False),
        ("0", False),
        (" 0 ", False),
        (None, None),
    ],
)
def test_booleans(text: str | None, value: bool | None) -> None:
    attribute = "" if text is None else f' ErSlettet="{text}"'
    assert read(case(MELDING.replace("/>", f"{attribute}/>"))).sak.melding[0].er_slettet is value


@pytest.mark.parametrize("text", ["TRUE", "yes", "ja", "2", ""])
def test_booleans_that_are_none(text: str) -> None:
    (fault,) = faults(case(MELDING.replace("/>", f' ErSlettet="{text}"/>')))
    assert fault.en == "The attribute ErSlettet on Melding must be true, false, 1 or 0."


def test_an_empty_clarification_is_invalid_and_a_space_is_not() -> None:
    melder = MELDING.replace("/>", '><Melder Kode="1" Presisering="{}"/></Melding>')
    (fault,) = faults(case(melder.format("")))
    assert fault.path == "/Barnevern/Sak/Melding/Melder/@Presisering"
    for text in (" ", "x" * 10_000, "😀" * 10_000):
        assert read(case(melder.format(text))).sak.melding[0].melder[0].presisering == text
    (fault,) = faults(case(melder.format("x" * 10_001)))
    assert "10000" in fault.en


def test_white_space_in_an_attribute_is_what_xml_makes_of_it() -> None:
    melder = MELDING.replace("/>", '><Melder Kode="1" Presisering="{}"/></Melding>')
    assert read(case(melder.format("a\tb\nc"))).sak.melding[0].melder[0].presisering == "a b c"
    assert read(case(melder.format("a&#9;b&#10;c"))).sak.melding[0].melder[0].presisering == "a\tb\nc"


def test_order_is_fixed() -> None:
    (fault,) = faults(case(UNDERSOKELSE + MELDING))
    assert fault.path == "/Barnevern/Sak/Melding"
    assert "cannot stand here" in fault.en
    assert "Plan" in fault.en


@pytest.mark.parametrize("namespace", ["urn:x", "http://www.w3.org/2001/XMLSchema"])
def test_a_default_namespace_is_another_language(namespace: str) -> None:
    (fault,) = faults(changed("<Barnevern ", f'<Barnevern xmlns="{namespace}" '))
    assert fault.en == "The root element must be Barnevern, without a namespace."


def test_namespaces_that_are_declared_and_not_used_do_no_harm() -> None:
    assert read(changed("<Barnevern ", f'<Barnevern {XSI} xmlns:x="urn:x" xmlns="" ')) == read(WHOLE)


def test_a_byte_order_mark() -> None:
    assert read(b"\xef\xbb\xbf" + WHOLE) == read(WHOLE)


def test_comments_instructions_and_cdata_do_not_split_a_value() -> None:
    law = LAW.replace("<Kapittel>4", "<Kapittel><!-- x -->1<?x y?>2<![CDATA[a]]><!-- x -->")
    (oversendelse,) = read(
        case(
            f'<OversendelseFylkesnemnd Id="{KEY}" StartDato="2024-01-01">{law.replace("a4", "a")}'
            "</OversendelseFylkesnemnd>"
        )
    ).sak.oversendelse_fylkesnemnd
    assert oversendelse.lovhjemmel.kapittel == "12a"


def test_an_announced_encoding_overrides_the_declared_one() -> None:
    """XML that came as text inside JSON is UTF-8 whatever it says."""
    for declared in (b"utf-16", b"ISO-8859-1"):
        data = WHOLE.replace(b"UTF-8", declared)
        found = decode(data, CURRENT, encoding="utf-8")
        assert found.document == read(WHOLE)


def test_absent_is_none_or_empty() -> None:
    found = read(WHOLE)
    assert found.forrige_id is None
    assert found.avgiver.bydelsnummer is None
    assert found.sak.er_slettet is None
    assert found.sak.melding == ()


def test_types_named_in_the_document_mean_nothing_more() -> None:
    named = changed("<Barnevern ", f'<Barnevern {XSI} xsi:type="BarnevernType" ').replace(
        b"<Sak ", b'<Sak xsi:type="SakType" '
    )
    assert read(named) == read(WHOLE)


# --- versions --------------------------------------------------------------------------------------------------------


def test_what_came_with_a_later_version_is_a_fault_in_an_earlier() -> None:
    with_it = UNDERSOKELSE.replace(
        "/>",
        "><BarnetsMedvirkning><StartDato>2024-01-01</StartDato><MedvirkningType>1.1</MedvirkningType>"
        "</BarnetsMedvirkning></Undersokelse>",
    )
    code = MELDING.replace("/>", '><Melder Kode="1"/><Saksinnhold Kode="1.1.01"/></Melding>')
    read(case(with_it))
    read(case(code))
    (fault,) = faults(case(with_it), "3.0.5")
    assert fault.path == "/Barnevern/Sak/Undersokelse/BarnetsMedvirkning"
    assert {f.path for f in faults(case(code), "3.0.5")} == {"/Barnevern/Sak/Melding/Saksinnhold/@Kode"}


# --- keys of the case ------------------------------------------------------------------------------------------------


def test_a_repeated_key_is_told_where_it_stands_again() -> None:
    found = faults(case("\n".join((MELDING, MELDING, MELDING.replace("000000000001", "000000000002"), MELDING))))
    assert [f.path for f in found] == ["/Barnevern/Sak/Melding[2]", "/Barnevern/Sak/Melding[4]"]
    assert [f.line for f in found] == [3, 5]
    assert "same Id" in found[0].en


def test_slettet_is_compared_with_its_type() -> None:
    entry = '<Slettet Id="{}" Type="{}" SluttDato="2024-01-01"/>'
    read(case(entry.format(KEY, "Plan") + entry.format(KEY, "Tiltak")))
    (fault,) = faults(case(entry.format(KEY, "Plan") + entry.format(KEY, "Plan")))
    assert "same Id and Type" in fault.en
    assert "samme Id og Type" in fault.nb


def test_a_key_may_be_shared_between_types() -> None:
    read(case(MELDING + UNDERSOKELSE + PLAN))


# --- round trip ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", SUPPORTED)
@LOOSE
@given(seed=SEEDS)
def test_any_spelling_is_read_as_the_plain_one(version: str, seed: int) -> None:
    """A document in any spelling, read, written plainly and read again, is the same document."""
    rng = random.Random(seed)
    first = read(serialize(random_document(rng, version, upcast=True), rng), version)
    assert read(encode(first, version), version) == first


@pytest.mark.parametrize("version", SUPPORTED)
def test_every_value_comes_to_its_own_field(version: str) -> None:
    """Against the tree of lxml: nothing is lost, moved or made up."""
    for seed in range(150):
        root = random_document(random.Random(seed), version, plain=True, upcast=True)
        _compare(root, read(etree.tostring(root), version))


def _compare(element: etree._Element, concept: object) -> None:
    told = {str(name) for name in element.attrib} | {str(child.tag) for child in element}
    for f in fields(type(concept)):  # type: ignore[arg-type]
        value = getattr(concept, f.name)
        assert (value not in (None, ())) == (f.xml in told), f.xml
        if f.is_attribute:
            if isinstance(value, str):
                assert value == element.get(f.xml)
            continue
        children = element.findall(f.xml)
        values = value if f.many else [value] if value is not None else []
        assert len(values) == len(children)
        for one, child in zip(values, children, strict=True):
            if f.concept:
                _compare(child, one)
            elif isinstance(one, str):
                assert one == (child.text or "")


def test_threads_do_not_mix_their_documents() -> None:
    rng = random.Random(5)
    data = [serialize(random_document(rng), rng) for _ in range(30)]
    for number, (place, operator) in enumerate(rng.sample(enumeration(CURRENT), 30)):
        if (root := mutate(random.Random(number), CURRENT, place, operator)) is not None:
            data.append(serialize(root, rng))
    alone = [decode(one, CURRENT) for one in data]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            assert list(pool.map(lambda one: decode(one, CURRENT), data)) == alone


# --- schema hints ----------------------------------------------------------------------------------------------------


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that must not be called."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(TimeoutError):
            server.accept()


def test_schema_hints_are_never_followed(silent: str, tmp_path: Path) -> None:
    strict = tmp_path / "strict.xsd"
    strict.write_text('<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="Other"/></xs:schema>')
    lax = tmp_path / "lax.xsd"
    lax.write_text(
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="Barnevern" type="xs:anyType"/>'
        '<xs:element name="Ukjent"/></xs:schema>'
    )
    for hint in (f"{silent}/x.xsd", strict.as_uri(), str(strict), "strict.xsd", "", "Barnevern_v4.xsd"):
        for attribute in (f'xsi:noNamespaceSchemaLocation="{hint}"', f'xsi:schemaLocation="urn:x {hint}"'):
            assert read(changed("<Barnevern ", f"<Barnevern {XSI} {attribute} ")) == read(WHOLE)
    hinted = changed("<Barnevern ", f'<Barnevern {XSI} xsi:noNamespaceSchemaLocation="{lax.as_uri()}" ')
    assert faults(hinted.replace(b"</Sak>", b"<Ukjent/></Sak>"))


# --- what faults say -------------------------------------------------------------------------------------------------

_MELDER = MELDING.replace("/>", "><Melder {}/></Melding>")
_LAW = f'<OversendelseFylkesnemnd Id="{KEY}" StartDato="2024-01-01">{LAW}</OversendelseFylkesnemnd>'

WORDINGS: dict[str, tuple[str, str, str, str]] = {
    "missing attribute": (
        f'<Melding Id="{KEY}"/>',
        "/Barnevern/Sak/Melding/@StartDato",
        "The attribute StartDato on Melding is missing and is required.",
        "Attributtet StartDato på Melding mangler og er påkrevd.",
    ),
    "unknown attribute": (
        MELDING.replace("/>", ' Farge="x"/>'),
        "/Barnevern/Sak/Melding/@?",
        "The element Melding has an attribute that does not exist in this schema version.",
        "Elementet Melding har et attributt som ikke finnes i denne skjemaversjonen.",
    ),
    "attribute of another element": (
        MELDING.replace("/>", ' Plantype="1"/>'),
        "/Barnevern/Sak/Melding/@Plantype",
        "The attribute Plantype on Melding does not exist in this schema version.",
        "Attributtet Plantype på Melding finnes ikke i denne skjemaversjonen.",
    ),
    "attribute on a text element": (
        _LAW.replace("<Kapittel>", '<Kapittel Kode="1">'),
        "/Barnevern/Sak/OversendelseFylkesnemnd/Lovhjemmel/Kapittel/@Kode",
        "The attribute Kode on Kapittel does not exist in this schema version.",
        "Attributtet Kode på Kapittel finnes ikke i denne skjemaversjonen.",
    ),
    "wrong code": (
        _MELDER.format('Kode="99"'),
        "/Barnevern/Sak/Melding/Melder/@Kode",
        "The attribute Kode on Melder has a code that is not in the code list.",
        "Attributtet Kode på Melder har en kode som ikke finnes i kodelisten.",
    ),
    "code of a wrong length": (
        _MELDER.format('Kode="1234"'),
        "/Barnevern/Sak/Melding/Melder/@Kode",
        "The attribute Kode on Melder has a code that is not in the code list.",
        "Attributtet Kode på Melder har en kode som ikke finnes i kodelisten.",
    ),
    "wrong code in an element": (
        _LAW.replace("BVL", "BVL1"),
        "/Barnevern/Sak/OversendelseFylkesnemnd/Lovhjemmel/Lov",
        "The element Lov has a code that is not in the code list.",
        "Elementet Lov har en kode som ikke finnes i kodelisten.",
    ),
    "wrong form": (
        _LAW.replace("<Kapittel>4", "<Kapittel>x"),
        "/Barnevern/Sak/OversendelseFylkesnemnd/Lovhjemmel/Kapittel",
        "The element Kapittel does not have the right form.",
        "Elementet Kapittel har ikke riktig form.",
    ),
    "too long": (
        MELDING.replace("/>", f' MigrertId="{"x" * 37}"/>'),
        "/Barnevern/Sak/Melding/@MigrertId",
        "The attribute MigrertId on Melding is too long (maximum 36).",
        "Attributtet MigrertId på Melding er for lang (høyst 36 tegn).",
    ),
    "too short": (
        MELDING.replace("/>", ' MigrertId=""/>'),
        "/Barnevern/Sak/Melding/@MigrertId",
        "The attribute MigrertId on Melding is too short or empty (minimum 1).",
        "Attributtet MigrertId på Melding er for kort eller tom (minst 1 tegn).",
    ),
    "wrong length": (
        MELDING.replace(KEY, KEY[:-1]),
        "/Barnevern/Sak/Melding/@Id",
        "The attribute Id on Melding does not have the right length (36).",
        "Attributtet Id på Melding har ikke riktig lengde (36 tegn).",
    ),
    "wrong date": (
        MELDING.replace("02-29", "02-30"),
        "/Barnevern/Sak/Melding/@StartDato",
        "The attribute StartDato on Melding is not a valid date (YYYY-MM-DD).",
        "Attributtet StartDato på Melding er ikke en gyldig dato (ÅÅÅÅ-MM-DD).",
    ),
    "unknown element": (
        "<Hemmelig/>",
        "/Barnevern/Sak/?",
        "An element that the schema does not have cannot stand here; expected here: ",
        "Et element som ikke finnes i skjemaet, kan ikke stå her; her ventes ",
    ),
    "element that cannot stand here": (
        "<Kategori/>",
        "/Barnevern/Sak/Kategori",
        "The element Kategori cannot stand here; expected here: ",
        "Elementet Kategori kan ikke stå her; her ventes ",
    ),
    "missing element": (
        f'<OversendelseFylkesnemnd Id="{KEY}" StartDato="2024-01-01"/>',
        "/Barnevern/Sak/OversendelseFylkesnemnd",
        "The element OversendelseFylkesnemnd lacks content: Lovhjemmel.",
        "Elementet OversendelseFylkesnemnd mangler innhold: Lovhjemmel.",
    ),
    "one too many": (
        _LAW.replace("</Overs", 4 * LAW.replace("Lovhjemmel>", "JmfrLovhjemmel>") + "</Overs"),
        "/Barnevern/Sak/OversendelseFylkesnemnd/JmfrLovhjemmel[4]",
        "The element JmfrLovhjemmel cannot stand here.",
        "Elementet JmfrLovhjemmel kan ikke stå her.",
    ),
    "text among elements": (
        "tekst",
        "/Barnevern/Sak",
        "The element Sak has text where none is allowed.",
        "Elementet Sak har tekst der det ikke er tillatt.",
    ),
    "text in an empty element": (
        PLAN.replace("/>", "><Evaluering UtfortDato='2024-01-01'>x</Evaluering></Plan>"),
        "/Barnevern/Sak/Plan/Evaluering",
        "The element Evaluering has text where none is allowed.",
        "Elementet Evaluering har tekst der det ikke er tillatt.",
    ),
    "element in an empty element": (
        _MELDER.format('Kode="1"').replace("/></Melding>", "><Kode/></Melder></Melding>"),
        "/Barnevern/Sak/Melding/Melder",
        "The element Melder has children that are not allowed.",
        "Elementet Melder har underelementer som ikke er tillatt.",
    ),
    "element in a value": (
        _LAW.replace("<Kapittel>4", "<Kapittel><Ledd/>4"),
        "/Barnevern/Sak/OversendelseFylkesnemnd/Lovhjemmel/Kapittel",
        "The element Kapittel has children that are not allowed.",
        "Elementet Kapittel har underelementer som ikke er tillatt.",
    ),
    "xsi:nil": (
        MELDING.replace("/>", f' {XSI} xsi:nil="true"/>'),
        "/Barnevern/Sak/Melding",
        "The element Melding cannot have xsi:nil.",
        "Elementet Melding kan ikke ha xsi:nil.",
    ),
    "xsi:type that does not exist": (
        MELDING.replace("/>", f' {XSI} xsi:type="Ukjent"/>'),
        "/Barnevern/Sak/Melding/@xsi:type",
        "The attribute xsi:type on Melding refers to a type that does not fit here.",
        "Attributtet xsi:type på Melding viser til en type som ikke passer her.",
    ),
    "xsi:type of something else": (
        MELDING.replace("/>", f' {XSI} xsi:type="PlanType"/>'),
        "/Barnevern/Sak/Melding/@xsi:type",
        "The attribute xsi:type on Melding refers to a type that does not fit here.",
        "Attributtet xsi:type på Melding viser til en type som ikke passer her.",
    ),
}


@pytest.mark.parametrize("name", WORDINGS)
def test_each_kind_of_fault_has_its_wording(name: str) -> None:
    inside, path, en, nb = WORDINGS[name]
    fault = faults(case(f"\n\n{inside}"))[0]
    assert (fault.kind, fault.path) == ("schema", path)
    assert fault.en.startswith(en)
    assert fault.nb.startswith(nb)
    assert fault.line == (2 if path == "/Barnevern/Sak" else 4)


@pytest.mark.parametrize("version", SUPPORTED)
def test_no_mutation_is_answered_with_the_last_resort(version: str) -> None:
    """Nothing that a sender gets wrong in our enumeration is only called "does not follow the schema"."""
    for number, (place, operator) in enumerate(enumeration(version)):
        root = mutate(random.Random(number), version, place, operator, plain=True)
        if root is None:
            continue
        for fault in decode(etree.tostring(root), version).faults:
            assert "follow the schema" not in fault.en, (str(place), operator)
            assert "følger ikke skjemaet" not in fault.nb


@pytest.mark.parametrize("version", SUPPORTED)
def test_paths_and_lines_lead_to_the_place(version: str) -> None:
    rng = random.Random(11)
    for number, (place, operator) in enumerate(rng.sample(enumeration(version), 800)):
        root = mutate(random.Random(number), version, place, operator, plain=True)
        if root is None:
            continue
        etree.indent(root)
        data = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
        parsed = etree.fromstring(data)
        for fault in decode(data, version).faults:
            assert fault.nb.endswith(".")
            assert fault.en.endswith(".")
            assert fault.nb != fault.en
            if fault.kind != "schema" or "?" in fault.path.partition("/@")[0]:
                continue
            found: Any = parsed.xpath(fault.path.partition("/@")[0])
            (element,) = found
            assert fault.line == element.sourceline
            attribute = fault.path.partition("/@")[2]
            if attribute and "?" not in attribute and ":" not in attribute:
                assert (element.get(attribute) is None) == ("missing" in fault.en)


def test_a_path_to_what_is_missing_names_the_attribute() -> None:
    (fault,) = faults(changed(f' Fodselsnummer="{BOY}"', ""))
    assert fault.path == "/Barnevern/Sak/Personalia/@Fodselsnummer"


def test_every_fault_is_told_once() -> None:
    """libxml2 speaks of a facet, then of the type; a sender gets one line a value."""
    found = faults(case(f'<Melding Id="x" StartDato="x" MigrertId="" ErSlettet="x"><Melder Kode=""/></Melding>{PLAN}'))
    assert [f.path.rpartition("@")[2] for f in found] == ["Id", "StartDato", "MigrertId", "ErSlettet", "Kode"]


def test_a_fault_becomes_a_finding() -> None:
    finding = faults(case("<Sak/>"))[0].finding()
    assert finding.severity is Severity.FATAL
    assert finding.message_nb
    assert finding.message_en
    assert finding.remedy_nb
    assert finding.remedy_en


def test_well_formedness_has_line_and_column() -> None:
    (fault,) = faults(b"<Barnevern>\n  <Sak>\n  </Barnevern>")
    assert (fault.kind, fault.line) == ("xml", 3)
    assert fault.column
    assert fault.en == "An end tag does not match its start tag."


# --- what faults never say -------------------------------------------------------------------------------------------

SECRET = "Hemmelig7319"  # a value, a name or a namespace of the document
DIGITS = "73190284615"

PLANTS = (
    "value",
    "text",
    "attribute name",
    "element name",
    "namespace",
    "prefix",
    "comment",
    "instruction",
    "type",
    "nil",
    "root",
    "quote",
)


def _plant(root: etree._Element, where: str, secret: str, rng: random.Random) -> bytes:
    element = rng.choice(list(root.iter(etree.Element)))
    xsi = "http://www.w3.org/2001/XMLSchema-instance"
    if where == "value":
        for name in list(element.attrib):
            element.set(name, rng.choice((secret, f"{element.get(name)}{secret}", f"{secret} {element.get(name)}")))
    elif where == "text":
        element.text = secret
        element.tail = secret if element is not root else None
    elif where == "attribute name":
        element.set(secret, "1")
    elif where == "element name":
        etree.SubElement(element, secret, {secret: secret}).text = secret
    elif where == "namespace":
        etree.SubElement(element, f"{{urn:{secret}}}Sak").set(f"{{urn:{secret}}}Id", "1")
    elif where == "prefix":
        etree.SubElement(element, "{urn:x}Sak", nsmap={secret: "urn:x"})
    elif where == "comment":
        element.insert(0, etree.Comment(secret))
        element.set("Ukjent", secret)
    elif where == "instruction":
        element.insert(0, etree.ProcessingInstruction(secret, secret))
        element.set("Ukjent", "1")
    elif where in ("type", "nil"):
        element.set(f"{{{xsi}}}{where}", secret)
    elif where == "root":
        root.tag = secret
    elif where == "quote":
        # As if the value were libxml2's own words.
        tricks = (
            f"Element '{secret}', attribute '{secret}': [facet 'length'] allowed length of '{secret}'.",
            f"Expected is ( {secret} ).",
            f"x' is not a valid value of the atomic type 'xs:{secret}'.",
        )
        for name in list(element.attrib):
            element.set(name, rng.choice(tricks))
    return etree.tostring(root)


def _silent(data: bytes, version: str, *secrets: str) -> None:
    decoded = decode(data, version)
    for fault in decoded.faults:
        told = f"{fault!r} {fault.finding()!r}".lower()
        for secret in secrets:
            assert secret.lower() not in told


@pytest.mark.parametrize("where", PLANTS)
@LOOSE
@given(seed=SEEDS)
def test_faults_never_repeat_the_document(where: str, seed: int) -> None:
    rng = random.Random(seed)
    version = rng.choice(SUPPORTED)
    through = rng.choice(places(version))
    data = _plant(random_document(rng, version, through, plain=True), where, SECRET, rng)
    _silent(data, version, SECRET)


@LOOSE
@given(seed=SEEDS, cut=st.integers(0, 5_000))
@example(seed=0, cut=0)
def test_faults_never_repeat_what_is_not_well_formed(seed: int, cut: int) -> None:
    rng = random.Random(seed)
    data = _plant(random_document(rng, plain=True), rng.choice(PLANTS), SECRET, rng)
    broken = rng.choice(
        (
            data[: cut % len(data)],
            data.replace(b"</Sak>", f"</{SECRET}>".encode()),
            data.replace(b"</Sak>", f"&{SECRET};</Sak>".encode()),
            data.replace(b"</Sak>", f"<{SECRET}:x/></Sak>".encode()),
            data.replace(b"<Sak", f'<Sak {SECRET}="1" {SECRET}="2"'.encode()),
            data.replace(b"<Sak", f"<Sak {SECRET}={SECRET}".encode()),
            f'<?xml version="1.0" encoding="{SECRET}"?>'.encode() + data,
            f"<!DOCTYPE {SECRET} SYSTEM '{SECRET}'>".encode() + data,
            f"<?xml version='{SECRET}'?>".encode() + data,
            SECRET.encode() + data,
            data + SECRET.encode(),
        )
    )
    _silent(broken, CURRENT, SECRET)


def test_faults_never_repeat_a_person_number() -> None:
    for number in (DIGITS + "0", DIGITS[:-1], f"{DIGITS}x", f" {DIGITS}", f"{DIGITS[:6]} {DIGITS[6:]}"):
        data = changed(BOY, number)
        _silent(data, CURRENT, DIGITS[:6], DIGITS[6:], DIGITS[:-1])
    _silent(case(MELDING.replace(KEY, DIGITS).replace("2024-02-29", DIGITS)), CURRENT, DIGITS)


def test_a_message_that_libxml2_cuts_short_does_not_speak_with_the_documents_words() -> None:
    """Should a value stand last in a message, it could pretend to be the allowed length."""
    words = f"this exceeds the allowed maximum length of '{DIGITS[:5]}'. "
    for size in (1_000, 30_000, 64_000, 100_000, 1_000_000):
        value = (words * (size // len(words) + 1)).rstrip()
        for data in (
            case(MELDING.replace(KEY, value)),
            case(MELDING.replace("/>", f' MigrertId="{value}"/>')),
            case(MELDING.replace("2024-02-29", value)),
            case(MELDING.replace("/>", f' {value.split()[0]}{"x" * size}="1"/>')),
        ):
            _silent(data, CURRENT, DIGITS[:5], "exceeds")
