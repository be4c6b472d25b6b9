"""Releases over the API: every format, code lists, versions and pages; and what must never be said."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from concurrent.futures import ThreadPoolExecutor

import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pytest
import zstandard
from jsonstat_validator import validate_jsonstat

from bvr.api.formats import FORMATS
from bvr.api.limiter import Limiter
from bvr.api.published import Releases
from tests.unit.released import PLACES, ReleasedWorld, stored

TABLE = "bvr-undersokelser"
CHILDREN = "bvr-barn-med-tiltak"
JSON = {"Content-Type": "application/json"}
OLD, NEW = "undersokelser-2024-T2", "undersokelser-2024-T4"


@pytest.fixture
def world() -> ReleasedWorld:
    return ReleasedWorld()


def body(answer):
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


def data(world, table=TABLE, **query):
    return world.call(f"/tables/{table}/data", query=query)


def test_the_tables_are_those_of_the_products(world):
    found = {one["id"] for one in body(world.call("/tables", query={"pageSize": "100"}))["tables"]}
    assert {TABLE, f"{TABLE}-kjonn", f"{TABLE}-alder", "bvr-us-avsluttet-kode", CHILDREN} <= found
    assert body(world.call("/api/pxwebapi/v2/tables")) == body(world.call("/tables"))


@pytest.mark.parametrize("table", [TABLE, f"{TABLE}-kjonn", f"{TABLE}-alder", "bvr-us-avsluttet-kode", CHILDREN])
def test_every_table_is_valid_json_stat(world, table):
    for query in ({}, {"valuecodes[Tid]": "*"}, {"valuecodes[Region]": "*", "lang": "en"}):
        dataset = body(data(world, table, **query))
        validate_jsonstat(dataset)
    if table != "bvr-us-avsluttet-kode":  # of the country and its counties alone
        assert ":" in body(data(world, table))["status"].values()


def test_what_is_left_out_is_given_as_its_total(world):
    dataset = body(
        data(world, f"{TABLE}-kjonn", **{"valuecodes[Tid]": "2024", "valuecodes[ContentsCode]": "us_avsluttet"})
    )
    assert dataset["id"] == ["ContentsCode", "Tid"]
    (value,) = dataset["value"]
    made = stored().made[NEW]
    (country,) = [
        cell.value
        for key, cell in made.cells.items()
        if (key.region, key.figur, key.kjonn, key.alder, key.kode) == ("EAK", "us_avsluttet", "T", "T", "T")
    ]
    assert value == country


def test_regions_by_code_list(world):
    dataset = body(data(world, **{"codelist[Region]": "vs_Fylke", "valuecodes[ContentsCode]": "us_avsluttet"}))
    codes = dataset["dimension"]["Region"]["category"]["index"]
    assert all(code.startswith("EKA") for code in codes)
    short = body(
        data(
            world,
            **{
                "codelist[Region]": "agg_KommuneTilFylke",
                "valuecodes[Region]": "*",
                "outputValues[Region]": "aggregated",
                "valuecodes[ContentsCode]": "us_avsluttet",
            },
        )
    )
    assert [f"EKA{code}" for code in short["dimension"]["Region"]["category"]["index"]] == list(codes)
    assert short["value"] == dataset["value"]
    listed = body(world.call("/codelists/vs_fylke", lang="en"))
    assert listed["type"] == "Valueset"
    assert [one["code"] for one in listed["values"]] == list(codes)
    assert world.call("/codelists/agg_finnes_ikke").status == 404


def test_an_age_band_is_hidden_when_a_part_of_it_is(world):
    query = {"valuecodes[Region]": "*", "valuecodes[ContentsCode]": "us_avsluttet", "valuecodes[Tid]": "2024"}
    parts = body(data(world, f"{TABLE}-alder", **query, **{"valuecodes[Alder]": "0-2,3-5,6-12,13-17"}))
    bands = body(
        data(world, f"{TABLE}-alder", **query, **{"codelist[Alder]": "agg_Alder0til17", "valuecodes[Alder]": "0-17"})
    )
    regions = len(parts["dimension"]["Region"]["category"]["index"])
    hidden = 0
    for n in range(regions):
        four = parts["value"][4 * n : 4 * n + 4]
        symbols = {parts["status"].get(str(4 * n + i), "") for i in range(4)}
        if None in four:
            assert bands["value"][n] is None
            assert bands["status"][str(n)] == (":" if ":" in symbols else "..")
            hidden += ":" in symbols
        else:
            assert bands["value"][n] == sum(four)
    assert hidden


def test_shares_and_children_counted_once_are_not_added_up(world):
    whole = {"codelist[Alder]": "agg_Alder0til17", "valuecodes[Alder]": "0-17", "valuecodes[Region]": "EAK"}
    for table, content in ((f"{TABLE}-alder", "us_til_tiltak_andel"), (f"{CHILDREN}-alder", "barn_tiltak_dato_unik")):
        dataset = body(data(world, table, **whole, **{"valuecodes[ContentsCode]": content}))
        assert dataset["value"] == [None]
        assert dataset["status"] == {"0": "."}


def test_the_selection_in_a_body(world):
    chosen = {
        "selection": [
            {"variableCode": "Region", "valueCodes": ["EAK", "EKA*"]},
            {"variableCode": "ContentsCode", "valueCodes": ["us_avsluttet"]},
            {"variableCode": "Tid", "valueCodes": ["top(1)"]},
        ],
        "placement": {"heading": ["Tid"], "stub": ["Region", "ContentsCode"]},
    }
    posted = world.call(f"/tables/{TABLE}/data", method="POST", body=json.dumps(chosen).encode(), headers=JSON)
    got = data(
        world,
        **{"valuecodes[Region]": "EAK,EKA*", "valuecodes[ContentsCode]": "us_avsluttet", "valuecodes[Tid]": "top(1)"},
    )
    assert body(posted) == body(got)
    taken = world.call(f"/tables/{TABLE}/data", method="POST", body=b"{}")
    assert taken.status == 415
    for bad, field in (
        (b"{", None),
        (b"\xff", None),
        (b'{"selection": 3}', "selection"),
        (b'{"selection": [{"valueCodes": ["a"]}]}', "selection"),
    ):
        answer = world.call(f"/tables/{TABLE}/data", method="POST", body=bad, headers=JSON)
        assert (answer.status, json.loads(answer.body).get("felt")) == (400, field)


# --- formats ---------------------------------------------------------------------------------------------------------


def numbers(world, table=TABLE, **query):
    """(codes) -> (value, symbol), by the JSON-stat answer."""
    dataset = body(data(world, table, **query))
    codes = [list(dataset["dimension"][name]["category"]["index"]) for name in dataset["id"]]
    found = {}
    import itertools

    for n, key in enumerate(itertools.product(*codes)):
        found[key] = (dataset["value"][n], dataset.get("status", {}).get(str(n), ""))
    return found


EVERYTHING = {"valuecodes[Region]": "*", "valuecodes[Tid]": "*"}


def test_csv_reads_as_a_norwegian_table(world):
    answer = data(world, outputFormat="csv", **EVERYTHING)
    frame = pd.read_csv(
        io.BytesIO(answer.body), sep=";", decimal=",", dtype={"Region": str, "Tid": str}, encoding="utf-8-sig"
    )
    expected = numbers(world, **EVERYTHING)
    assert len(frame) == len(expected)
    assert frame["value"].dtype == float
    for row in frame.itertuples():
        value, symbol = expected[row.Region, row.ContentsCode, row.Tid]
        assert (None if pd.isna(row.value) else row.value) == value
        assert ("" if pd.isna(row.status) else row.status) == symbol
    assert "0301" in set(frame["Region"]) or any(code.startswith("1") for code in frame["Region"])


def test_workbook_and_parquet_have_the_same_figures(world):
    expected = numbers(world, **EVERYTHING)
    sheet = openpyxl.load_workbook(io.BytesIO(data(world, outputFormat="xlsx", **EVERYTHING).body)).active
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0] == ("Region", "ContentsCode", "Tid", "value", "status")
    assert {(r[0], r[1], r[2]): (r[3], r[4] or "") for r in rows[1:]} == expected
    assert (
        data(world, outputFormat="xlsx", **EVERYTHING).body
        == data(ReleasedWorld(), outputFormat="xlsx", **EVERYTHING).body
    )
    table = pq.read_table(io.BytesIO(data(world, outputFormat="parquet", **EVERYTHING).body)).to_pylist()
    assert {(r["Region"], r["ContentsCode"], r["Tid"]): (r["value"], r["status"]) for r in table} == expected


def test_px_and_html(world):
    text = data(world, outputFormat="px", lang="en").body.decode()
    assert 'HEADING="period";' in text
    assert text.rstrip().endswith(";")
    figures = text.split("DATA=")[1]
    expected = numbers(world)
    assert len(re.findall(r'"[^"]*"|[\d.]+', figures)) == len(expected)
    page = data(world, outputFormat="html", outputFormatParams="UseTexts", heading="ContentsCode", stub="Region,Tid")
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert b"<th>Avsluttede unders" in page.body or b"<th>" in page.body


@pytest.mark.parametrize(
    ("parameters", "head"),
    [
        ("UseTexts", "Region;ContentsCode;Tid;value;status"),
        (
            "UseCodesAndTexts,SeparatorTab",
            "Region\tRegion_text\tContentsCode\tContentsCode_text\tTid\tTid_text\tvalue\tstatus",
        ),
        ("SeparatorSpace", "Region ContentsCode Tid value status"),
    ],
)
def test_csv_as_it_is_asked_for(world, parameters, head):
    lines = data(world, outputFormat="csv", outputFormatParams=parameters).body.decode("utf-8-sig").splitlines()
    assert lines[0] == head
    titled = data(world, outputFormat="csv", outputFormatParams="IncludeTitle").body.decode("utf-8-sig").splitlines()
    assert titled[0] == "Undersøkelser"
    assert titled[1].startswith("Region;")


def test_sdmx_csv_tells_no_reason(world):
    rows = list(csv.DictReader(io.StringIO(data(world, outputFormat="sdmx-csv", **EVERYTHING).body.decode())))
    assert {row["CONF_STATUS"] for row in rows if row["OBS_STATUS"] == "Q"} == {"C"}
    assert not any(row["OBS_VALUE"] for row in rows if row["OBS_STATUS"] == "Q")
    assert {row["STRUCTURE_ID"] for row in rows} == {"SSB:BVR_UNDERSOKELSER(1.0.0)"}
    one = data(world, outputFormat="sdmx-csv-1.0").body.decode().splitlines()[0]
    assert one.startswith("DATAFLOW,REF_AREA,INDICATOR,TIME_PERIOD,OBS_VALUE")


# --- what must never be said -----------------------------------------------------------------------------------------


def test_a_hidden_figure_stands_in_no_format(world):
    """The cell of each place in every format is the same, so what is null in one is nowhere in another."""
    expected = numbers(world, **EVERYTHING)
    hidden = [key for key, (value, symbol) in expected.items() if symbol == ":"]
    assert hidden
    assert all(expected[key][0] is None for key in hidden)
    for table in stored().cells.values():
        assert not any(row["tall"] for row in table if row["symbol"] == ":")


def test_the_reasons_are_asked_for_by_nobody(world):
    for output in FORMATS:
        assert data(world, outputFormat=output).status == 200
    world.call(f"/v1/uttrekk/{TABLE}/versjoner")
    assert not any("utgivelse_monster" in sql for sql, _ in world.tables.asked)


def test_a_municipality_sees_its_own(world):
    mine = PLACES[0][0]
    own = ReleasedWorld(mine)
    theirs, ours = numbers(world, **EVERYTHING), numbers(own, **EVERYTHING)
    counts = [key for key in theirs if not key[1].endswith("_andel")]
    assert not any(ours[key][1] == ":" for key in counts if key[0] == mine)
    assert all(ours[key] == theirs[key] for key in theirs if not key[0].startswith(mine))
    made = stored().made[NEW]
    for key in counts:
        if key[0] == mine and theirs[key][1] == ":":
            (true,) = [
                cell.value
                for k, cell in made.cells.items()
                if (k.region, k.figur, k.kjonn, k.alder, k.kode) == (mine, key[1], "T", "T", "T")
            ]
            assert ours[key] == (true, "")
    everything = ReleasedWorld("*")
    assert not any(value == (None, ":") for key, value in numbers(everything, **EVERYTHING).items() if key in counts)
    assert data(own).headers["ETag"] != data(world).headers["ETag"]


# --- versions --------------------------------------------------------------------------------------------------------


def test_versions_as_of_and_changes(world):
    versions = body(world.call(f"/v1/uttrekk/{TABLE}/versjoner"))["versjoner"]
    assert [one["id"] for one in versions] == [OLD, NEW]
    assert versions[1]["forrige"] == OLD
    assert versions[1]["grunn"] == "nye saker"
    address = f"/v1/uttrekk/{TABLE}/data"
    first = world.call(address, query={"versjon": OLD})
    assert first.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert world.call(address, query={"asOf": "2025-06-20"}).body == first.body
    assert world.call(address).headers["Cache-Control"] == "private, no-cache"
    assert body(world.call(address))["extension"]["bvr"]["utgivelser"] == [NEW]
    assert world.call(address, query={"asOf": "2020-01-01"}).status == 404
    assert world.call(address, query={"status": "endelig"}).body != first.body
    changes = body(world.call(f"/v1/uttrekk/{TABLE}/endringer", query={"fra": OLD, "til": NEW}))
    assert changes["antall"] == len(changes["endringer"]) > 0
    for one in changes["endringer"]:
        for side in ("for", "etter"):
            assert (one[side]["value"] is None) == (one[side]["status"] in (":", "..", "."))
    for bad in ({"fra": OLD}, {"fra": OLD, "til": "x"}, {"asOf": "i går"}, {"versjon": NEW, "status": "trukket"}):
        path = f"/v1/uttrekk/{TABLE}/endringer" if "fra" in bad else address
        assert world.call(path, query=bad).status == 400


def test_pages_belong_to_a_version_and_a_selection(world):
    address = f"/v1/uttrekk/{TABLE}/data"
    rows, cursor = [], None
    query = {**EVERYTHING, "limit": "37"}
    while True:
        answer = world.call(address, query={**query, **({"cursor": cursor} if cursor else {})})
        page = body(answer)
        rows += page["rader"]
        cursor = page["neste"]
        assert ("Link" in answer.headers) == (cursor is not None)
        if cursor is None:
            break
        held = cursor
    assert {(r["Region"], r["ContentsCode"], r["Tid"]): (r["value"], r.get("status", "")) for r in rows} == numbers(
        world, **EVERYTHING
    )
    for other in ({**query, "versjon": OLD}, {"valuecodes[Region]": "EAK", "limit": "37"}):
        answer = world.call(address, query={**other, "cursor": held})
        assert (answer.status, json.loads(answer.body)["felt"]) == (400, "cursor")
    for bad in ("x", "", "%%%", "A" * 5000):
        assert world.call(address, query={**query, "cursor": bad}).status in (200, 400)


# --- transport -------------------------------------------------------------------------------------------------------


def test_compressed_answers_have_tags_of_their_own(world):
    plain = data(world)
    for name, opened in (
        ("gzip", gzip.decompress),
        ("zstd", lambda text: zstandard.ZstdDecompressor().decompress(text, max_output_size=10**7)),
    ):
        answer = world.call(f"/tables/{TABLE}/data", headers={"Accept-Encoding": name})
        assert answer.headers["Content-Encoding"] == name
        assert opened(answer.body) == plain.body
        assert answer.headers["ETag"] != plain.headers["ETag"]
        again = world.call(
            f"/tables/{TABLE}/data", headers={"Accept-Encoding": name, "If-None-Match": answer.headers["ETag"]}
        )
        assert (again.status, again.body) == (304, b"")
    for header in ("identity", "br", "gzip;q=0, zstd;q=0", "gzip;q=x", "identity;q=1, gzip;q=0.5"):
        answer = world.call(f"/tables/{TABLE}/data", headers={"Accept-Encoding": header})
        assert "Content-Encoding" not in answer.headers, header
    assert plain.headers["Last-Modified"].endswith("GMT")
    assert world.call(f"/tables/{TABLE}/data", headers={"Range": "bytes=0-9"}).body == plain.body


def test_many_at_once_get_what_each_asked_for(world):
    regions = [place[0] for place in PLACES]
    chosen = [f"{one},{other}" for one in regions for other in regions if one < other]
    alone = ReleasedWorld()
    expected = {one: data(alone, **{"valuecodes[Region]": one}).body for one in chosen[::5]}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda one: (one, data(world, **{"valuecodes[Region]": one})), chosen * 2))
    assert {answer.status for _, answer in answers} == {200}
    assert all(answer.body == expected[one] for one, answer in answers if one in expected)


def test_too_many_calls_have_to_wait():
    now = [0.0]
    world = ReleasedWorld(limiter=Limiter(3, lambda: now[0]))
    assert [world.call("/config").status for _ in range(4)] == [200, 200, 200, 429]
    answer = world.call("/config")
    assert answer.headers["Retry-After"] == "60"
    assert json.loads(answer.body)["type"] == "/feil/for-mange-kall"
    now[0] = 61
    assert world.call("/config").status == 200


def test_a_table_without_a_release_is_not_there_yet(world):
    answer = world.call("/tables/bvr-akutt/data")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "60")


def test_what_is_out_is_asked_for_now_and_then(world):
    asked = len(world.tables.asked)
    kept = Releases(world.tables, fresh=60)
    for _ in range(5):
        assert kept.versions(TABLE)
        assert kept.versions("bvr-akutt") == []
    statements = [given["produkt"] for sql, given in world.tables.asked[asked:]]
    assert (statements.count("undersokelser"), statements.count("akutt")) == (1, 5)


def test_the_page_for_people(world):
    answer = world.call("/")
    assert answer.headers["Content-Type"].startswith("text/html")
    assert b"/tables/{id}/data" in answer.body
    assert b"<script" not in answer.body


@pytest.mark.parametrize(
    "text",
    ["0301' OR '1'='1", "../../etc/passwd", "\x00\x01", "a" * 100_000, ",".join(f"{n:04}" for n in range(10_000))],
)
def test_hostile_selections_are_told_what_is_wrong(world, text):
    for name in ("valuecodes[Region]", "codelist[Region]", "outputFormat", "heading", "versjon", text[:50]):
        answer = world.call(f"/v1/uttrekk/{TABLE}/data", query={name: text})
        assert answer.status in (400, 404)
        assert len(answer.body) < 2000
        assert text not in answer.body.decode()
