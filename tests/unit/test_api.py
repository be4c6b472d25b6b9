"""The extract API: PxWebApi's paths and selections, JSON-stat and CSV, caching, errors, and what it must never say."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonstat_validator import validate_jsonstat
from pyjstat import pyjstat

from bvr.api import openapi
from bvr.api.handler import KINDS
from bvr.api.http import Response
from tests.unit.api_world import ORGNR, QUERIES, ROOT, World, token

MELDINGER = "/tables/bvr-meldinger-mottatt"
DATA = f"{MELDINGER}/data"


@pytest.fixture
def world() -> World:
    return World()


def body(response: Response) -> Any:
    return json.loads(response.body)


def codes(dataset: dict[str, Any], dimension: str) -> list[str]:
    index = dataset["dimension"][dimension]["category"]["index"]
    return sorted(index, key=index.__getitem__)


def cells(dataset: dict[str, Any]) -> dict[tuple[str, str], Any]:
    """(region, period) -> value, or the symbol of a cell without one."""
    found = {}
    position = 0
    for region in codes(dataset, "Region"):
        for _ in codes(dataset, "ContentsCode"):
            for period in codes(dataset, "Tid"):
                symbol = dataset.get("status", {}).get(str(position))
                value = dataset["value"][position]
                assert (value is None) == (symbol is not None)
                found[region, period] = symbol or value
                position += 1
    return found


# --- figures ---------------------------------------------------------------------------------------------------------


def test_json_stat_is_valid_and_tells_hidden_from_zero_and_missing(world: World) -> None:
    world.tables.rows = [row for row in world.tables.rows if (row["kommunenummer"], row["periode"]) != ("0301", "2024")]
    dataset = body(world.get(DATA))
    validate_jsonstat(dataset)
    assert cells(dataset) == {
        ("0301", "2024"): "..",
        ("0301", "2024H1"): 40,
        ("0301", "2024H2"): 50,
        ("1103", "2024"): 32,
        ("1103", "2024H1"): ":",
        ("1103", "2024H2"): ":",
        ("4601", "2024"): ":",
        ("4601", "2024H1"): 0,
        ("4601", "2024H2"): ":",
        ("5501", "2024"): 0,
        ("5501", "2024H1"): 0,
        ("5501", "2024H2"): 0,
    }


def test_an_ordinary_client_library_reads_it(world: World) -> None:
    frame = pyjstat.Dataset.read(world.get(DATA, lang="en").body.decode()).write("dataframe")
    assert list(frame.columns) == ["region", "contents", "period", "value"]
    oslo = frame[(frame["region"] == "Oslo") & (frame["period"] == "2024H1")]
    assert list(oslo["value"]) == [40]
    assert frame["value"].isna().sum() == 4


def test_it_says_what_it_is(world: World) -> None:
    dataset = body(world.get(DATA))
    assert dataset["role"] == {"time": ["Tid"], "geo": ["Region"], "metric": ["ContentsCode"]}
    assert dataset["label"] == "Mottatte meldinger"
    assert dataset["updated"] == "2025-02-10T03:07:00Z"
    assert dataset["extension"]["bvr"] == {
        "kjoring": "kjoring-1",
        "kunnskapstidspunkt": "2025-02-10T03:07:00+00:00",
        "regelsett": "regler-1",
        "status": "foreløpig",
        "sdc": {"terskel": 4, "metode": "undertrykking", "symbol": ":"},
        "tableid": "bvr-meldinger-mottatt",
    }
    english = body(world.get(DATA, lang="en"))
    assert english["label"] == "Reports received"
    assert english["dimension"]["ContentsCode"]["category"]["unit"]["meldinger_mottatt"] == {
        "base": "reports",
        "decimals": 0,
    }


def test_a_hidden_number_stands_nowhere(world: World) -> None:
    secret = [177, 178, 355]
    for row, value in zip([r for r in world.tables.rows if r["kommunenummer"] == "1103"], secret, strict=True):
        row |= {"verdi": value, "n_barn": 2}
    answers = [
        world.get(f"{MELDINGER}{path}", query=query)
        for path in ("", "/metadata", "/defaultselection", "/data")
        for query in ({}, {"outputFormat": "csv"}, {"valuecodes[Region]": "1103"}, {"lang": "en"})
    ]
    assert {answer.status for answer in answers} == {200}
    for answer in answers:
        told = answer.body.decode() + json.dumps(answer.headers)
        told = re.sub(r'"[0-9a-f]{64}\W', "", told)  # the ETag is a hash of the body
        assert not [number for number in secret if re.search(rf"\b{number}\b", told)]


def test_only_totals_are_asked_for(world: World) -> None:
    world.get(DATA)
    sql, parameters = world.tables.sent[0]
    assert "kjonn = 'T' AND aldersgruppe = 'T' AND kode = 'T'" in sql
    assert "periodetype != 'N'" in sql
    assert parameters == {}


def test_csv_for_norwegian_spreadsheets(world: World) -> None:
    answer = world.get(DATA, outputFormat="csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    text = answer.body.decode("utf-8-sig")
    assert answer.body.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(text), delimiter=";"))
    assert rows[0] == ["Region", "ContentsCode", "Tid", "value", "status"]
    assert ["0301", "meldinger_mottatt", "2024H1", "40", ""] in rows
    assert ["1103", "meldinger_mottatt", "2024H1", "", ":"] in rows
    assert len(rows) == 13


def test_csv_with_texts(world: World) -> None:
    answer = world.get(DATA, outputFormat="csv", outputFormatParams="UseTexts,SeparatorSemicolon", lang="en")
    assert "Oslo;Reports received;2024H1;40;" in answer.body.decode("utf-8-sig")


def test_a_text_is_no_formula(world: World) -> None:
    world.names["0301"] = "=1+1"
    answer = world.get(DATA, outputFormat="csv", outputFormatParams="UseTexts")
    assert "\r\n'=1+1;" in answer.body.decode()


def test_before_the_first_run(world: World) -> None:
    for absent in ("rows", "runs"):
        empty = World()
        setattr(empty.tables, absent, [])
        answer = empty.get(DATA)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "60")


# --- selection -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("*", ["2024", "2024H1", "2024H2"]),
        ("2024H?", ["2024H1", "2024H2"]),
        ("????", ["2024"]),
        ("2024h2,2024", ["2024", "2024H2"]),
        ("top(1)", ["2024H2"]),
        ("TOP( 2 )", ["2024H1", "2024H2"]),
        ("bottom(1)", ["2024"]),
        ("range(2024,2024H1)", ["2024", "2024H1"]),
        ("from(2024H1)", ["2024H1", "2024H2"]),
        ("to(2024H1)", ["2024", "2024H1"]),
        ("to(2024),top(1)", ["2024", "2024H2"]),
        ("top(99)", ["2024", "2024H1", "2024H2"]),
    ],
)
def test_selection_expressions(world: World, expression: str, expected: list[str]) -> None:
    dataset = body(world.get(DATA, query={"valuecodes[Tid]": expression}))
    assert codes(dataset, "Tid") == expected
    assert dataset["size"] == [4, 1, len(expected)]
    assert len(dataset["value"]) == 4 * len(expected)


def test_of_regions_the_first_are_on_top(world: World) -> None:
    dataset = body(world.get(DATA, query={"valuecodes[Region]": "top(2)", "valuecodes[Tid]": "2024"}))
    assert codes(dataset, "Region") == ["0301", "1103"]
    assert dataset["value"] == [90, 32]


def test_nothing_selected_is_the_default_selection(world: World) -> None:
    for row in list(world.tables.rows):
        world.tables.rows.append({**row, "periode": row["periode"].replace("2024", "2023")})
    default = body(world.get(f"{MELDINGER}/defaultselection"))
    chosen = {one["variableCode"]: one["valueCodes"] for one in default["selection"]}
    assert chosen["Tid"] == ["2023H2", "2024", "2024H1", "2024H2"]
    assert codes(body(world.get(DATA)), "Tid") == chosen["Tid"]
    everything = body(world.get(DATA, query={"valuecodes[Region]": "*"}))
    assert len(codes(everything, "Tid")) == 6, "a dimension that is not named is given whole once another is"


def test_the_figures_do_not_depend_on_the_selection(world: World) -> None:
    """What is hidden is decided for the whole table: selecting less of it shows no more."""
    whole = cells(body(world.get(DATA, query={"valuecodes[Tid]": "*"})))
    for region in ("0301", "1103", "4601"):
        for period in ("2024", "2024H1", "2024H2"):
            one = cells(body(world.get(DATA, query={"valuecodes[Region]": region, "valuecodes[Tid]": period})))
            assert one == {(region, period): whole[region, period]}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"valuecodes[Kjonn]": "1"}, "valuecodes[Kjonn]"),
        ({"valuecodes[Region]": "9999"}, "valuecodes[Region]"),
        ({"valuecodes[Region]": "99*"}, "valuecodes[Region]"),
        ({"valuecodes[Region]": ""}, "valuecodes[Region]"),
        ({"valuecodes[Tid]": "top(x)"}, "valuecodes[Tid]"),
        ({"valuecodes[Tid]": "top(-1)"}, "valuecodes[Tid]"),
        ({"valuecodes[Tid]": "top(0)"}, "valuecodes[Tid]"),
        ({"valuecodes[Tid]": f"top({'9' * 5000})"}, "valuecodes[Tid]"),
        ({"valuecodes[Tid]": "range(2024)"}, "valuecodes[Tid]"),
        ({"valuecodes[Tid]": "range(2024H2,2024)"}, "valuecodes[Tid]"),
        ({"valuecodes[Tid]": "from(1999)"}, "valuecodes[Tid]"),
        ({"valuecodes[Tid]": "2024," * 2000}, "valuecodes[Tid]"),
        ({"outputFormat": "docx"}, "outputFormat"),
        ({"outputFormatParams": "SeparatorComma"}, "outputFormatParams"),
        ({"codelist[Region]": "vs_Fylke"}, "codelist[Region]"),
        ({"outputValues[Region]": "mye"}, "outputValues[Region]"),
        ({"asOf": "2025-01-01"}, "asOf"),
        ({"lang": "de"}, "lang"),
        ({"noe": "1"}, "noe"),
        ({"valuecodes[Region'; DROP TABLE x]": "1"}, "?"),
    ],
)
def test_a_wrong_parameter_is_named_with_a_remedy(world: World, query: dict[str, str], field: str) -> None:
    answer = world.get(DATA, query=query)
    problem = body(answer)
    assert (answer.status, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert problem["felt"] == field
    assert problem["type"] == "/feil/ugyldig-foresporsel"
    assert all(problem[name] for name in ("title", "titleEn", "detail", "detailEn"))
    assert problem["detail"] != problem["detailEn"]
    assert len(answer.body) < 1000


def test_too_many_cells(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bvr.api.table.MAX_CELLS", 3)
    answer = world.get(DATA, query={"valuecodes[Region]": "*"})
    assert (answer.status, body(answer)["type"]) == (403, "/feil/for-mange-celler")


INJECTIONS = ["0301' OR '1'='1", "0301; DROP TABLE statistikk.kjoring", "0301)--", "@run_time", "${x}", "`x`", "\x00"]


@pytest.mark.parametrize("text", INJECTIONS)
def test_values_never_reach_the_sql(world: World, text: str) -> None:
    ordinary = World()
    ordinary.get(DATA)
    for query in ({"valuecodes[Region]": text}, {"valuecodes[Tid]": f"{text}*"}, {"lang": text}, {text: "1"}):
        assert world.get(DATA, query=query).status == 400
    world.get(f"/tables/{text}/data")
    assert {sql for sql, _ in world.tables.sent} <= {sql for sql, _ in ordinary.tables.sent}


@given(st.text(max_size=60))
def test_no_expression_breaks_it(text: str) -> None:
    answer = World().get(DATA, query={"valuecodes[Region]": text})
    assert answer.status in (200, 400)


# --- addresses -------------------------------------------------------------------------------------------------------


def test_the_catalogue(world: World) -> None:
    for path in ("/tables", "/v1/uttrekk", "/tables/"):
        found = body(world.get(path))
        assert [table["id"] for table in found["tables"]] == ["bvr-barn-tiltak-dato", "bvr-meldinger-mottatt"]
        assert found["page"]["totalElements"] == 2
    assert [t["id"] for t in body(world.get("/tables", query={"query": "MELDINGER"}))["tables"]] == [
        "bvr-meldinger-mottatt"
    ]
    second = body(world.get("/tables", query={"pageNumber": "2", "pageSize": "1"}))
    assert ([t["id"] for t in second["tables"]], second["page"]["totalPages"]) == (["bvr-meldinger-mottatt"], 2)
    assert world.get("/tables", query={"pageSize": "0"}).status == 400
    english = body(world.get("/tables", lang="en"))["tables"][1]
    assert english["label"] == "Reports received"


def test_links_lead_somewhere(world: World) -> None:
    for table in body(world.get("/tables"))["tables"]:
        for link in table["links"]:
            assert world.get(link["href"]).status == 200


def test_metadata_has_every_value_and_no_figures(world: World) -> None:
    found = body(world.get(f"{MELDINGER}/metadata"))
    assert found["size"] == [4, 1, 3]
    assert "value" not in found
    assert not any(d["extension"]["elimination"] for d in found["dimension"].values())


def test_config(world: World) -> None:
    assert body(world.get("/config"))["maxDataCells"] == 800_000


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/table",
        "/tables/finnes-ikke",
        "/tables/bvr-meldinger-mottatt/rader",
        "/tables/bvr-meldinger-mottatt/data/mer",
        "/tables/../config",
        "/tables/%2e%2e/etc/passwd",
        "/tables/meldinger_mottatt_v1/data",
        "/v1/uttrekk/../../openapi.json",
    ],
)
def test_other_addresses_do_not_exist(world: World, path: str) -> None:
    answer = world.get(path)
    assert (answer.status, body(answer)["type"]) == (404, "/feil/finnes-ikke")
    assert not world.tables.sent


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_it_can_only_be_read(world: World, method: str) -> None:
    answer = world.get(DATA, method=method)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, POST")
    answer = world.get(MELDINGER, method="POST")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


def test_head_is_get_without_a_body(world: World) -> None:
    whole, head = world.get(DATA), world.get(DATA, method="HEAD")
    assert (head.status, head.headers, head.body) == (200, whole.headers, b"")


def test_accept_chooses_where_output_format_does_not(world: World) -> None:
    def kind(accept: str, **query: str) -> str:
        return world.get(DATA, headers={"Accept": accept}, **query).headers["Content-Type"]

    assert kind("text/csv") == "text/csv; charset=utf-8"
    assert kind("text/html, */*;q=0.1") == "application/json"
    assert kind("application/json") == "application/json"
    assert kind("text/html", outputFormat="csv") == "text/csv; charset=utf-8"
    answer = world.get(DATA, headers={"Accept": "text/html"})
    assert (answer.status, body(answer)["felt"]) == (406, "Accept")


# --- caching ---------------------------------------------------------------------------------------------------------


def test_an_unchanged_extract_is_not_sent_again(world: World) -> None:
    first = world.get(DATA)
    etag = first.headers["ETag"]
    assert re.fullmatch('"[0-9a-f]{64}"', etag)
    assert first.headers["Cache-Control"] == "private, no-cache"
    for value in (etag, f"W/{etag}", f'"annet", {etag}', "*"):
        again = world.get(DATA, headers={"If-None-Match": value})
        assert (again.status, again.body, again.headers["ETag"]) == (304, b"", etag)
    assert world.get(DATA, headers={"If-None-Match": '"annet"'}).status == 200
    assert world.get(DATA, outputFormat="csv").headers["ETag"] != etag
    world.tables.rows[0]["verdi"] += 1
    world.tables.runs[0] = {**world.tables.runs[0], "kjoring_id": "kjoring-2"}
    assert world.get(DATA, headers={"If-None-Match": etag}).status == 200


def test_errors_are_not_cached(world: World) -> None:
    assert world.get("/nei").headers["Cache-Control"] == "no-store"


# --- the log ---------------------------------------------------------------------------------------------------------


def test_every_pull_is_logged(world: World) -> None:
    answer = world.get(DATA)
    (values,) = world.pulls.kept
    assert values["sha256"] == answer.headers["ETag"].strip('"')
    assert {name: values[name] for name in ("orgnr", "client_id", "jti", "ressurs", "versjon", "status", "profil")} == {
        "orgnr": ORGNR,
        "client_id": "klient-1",
        "jti": "jti-1",
        "ressurs": "bvr-meldinger-mottatt",
        "versjon": "kjoring-1",
        "status": 200,
        "profil": "publiserbar",
    }
    assert not world.logged, "once"


def test_what_cannot_be_logged_is_not_answered(world: World) -> None:
    world.pulls.down = True
    answer = world.get(DATA)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "60")
    assert b"40" not in answer.body


def test_a_refusal_is_logged_without_the_token(world: World) -> None:
    bad = token(scope="ssb:annet")
    world.get(DATA, authorization=f"Bearer {bad}")
    ((event, values),) = world.logged
    assert (event, values["status"]) == ("uttrekk avvist", 403)
    assert bad not in repr(values)


# --- the description -------------------------------------------------------------------------------------------------


def test_the_description_has_every_route(world: World) -> None:
    paths = openapi.document()["paths"]
    of_releases = [path for path in paths if path.startswith(("/codelists", "/v1/uttrekk/{id}/endringer"))]
    assert len(of_releases) == 2  # tried in test_api_releases.py
    for path in paths.keys() - set(of_releases):
        for table in ("bvr-meldinger-mottatt", "bvr-barn-tiltak-dato"):
            assert world.get(path.replace("{id}", table)).status == 200, path
    entry = body(world.get("/tables"))["tables"][0]
    assert {link["href"].replace(entry["id"], "{id}") for link in entry["links"]} <= paths.keys()


def test_the_description_has_every_error_and_parameter() -> None:
    document = openapi.document()
    data = document["paths"]["/tables/{id}/data"]["get"]
    posted = document["paths"]["/tables/{id}/data"]["post"]
    assert {str(kind.status) for kind in KINDS} - {"405"} <= posted["responses"].keys()
    assert posted["responses"].keys() - data["responses"].keys() == {"413", "415"}
    assert {one["name"] for one in data["parameters"]} == {
        *("id", "lang", "outputFormat", "outputFormatParams", "heading", "stub"),
        *(f"valuecodes[{one}]" for one in ("Region", "Kjonn", "Alder", "Kode", "ContentsCode", "Tid")),
        *("codelist[Region]", "codelist[Alder]"),
    }
    problem = document["components"]["schemas"]["Problem"]
    answer = body(World().get(DATA, lang="de"))
    assert set(problem["required"]) <= answer.keys() <= problem["properties"].keys()


def test_references_of_the_description_resolve() -> None:
    text = openapi.render()
    document = json.loads(text)
    for reference in set(re.findall(r'"\$ref": "#/components/schemas/(\w+)"', text)):
        assert reference in document["components"]["schemas"]
    assert json.loads(text) == document


def test_the_committed_description_is_the_generated_one() -> None:
    assert (ROOT / "docs/openapi.json").read_text(encoding="utf-8") == openapi.render()


def test_the_page_lists_the_errors_and_the_tables() -> None:
    page = (ROOT / "docs/uttrekk.md").read_text(encoding="utf-8")
    assert not [kind.name for kind in KINDS if kind.name not in page]
    assert not [query.figure.table_id for query in QUERIES if query.figure.table_id not in page]
