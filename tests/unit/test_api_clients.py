"""The running API read by clients that others wrote, with another base address and nothing else changed."""

from __future__ import annotations

import io

import pandas as pd
import pytest
import requests
import schemathesis
from jsonstat_validator import validate_jsonstat
from pxstatspy import OutputFormat, PxAPI, PxAPIConfig
from pxweb import PxApi
from pyjstat import pyjstat
from pysdmx.io import read_sdmx
from schemathesis import Case
from schemathesis.config import GenerationConfig
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from bvr.api.openapi import document
from tests.unit.api_world import token
from tests.unit.released import ReleasedWorld, stored

TABLE = "bvr-undersokelser"
CHOSEN = {"Region": ["EAK", "EKA*"], "ContentsCode": ["us_avsluttet"], "Tid": ["2024"]}


@pytest.fixture(scope="module")
def address():
    with ReleasedWorld().served() as found:
        yield found


def published(figure="us_avsluttet"):
    """region -> figure of the country and the counties, as the newest release shows it."""
    made = stored().made["undersokelser-2024-T4"]
    return {
        key.region: (None if key in made.hidden else cell.value)
        for key, cell in made.cells.items()
        if key.figur == figure and key.region.startswith(("EKA", "EAK")) and key.region != "EAKUO"
        if (key.art, key.kjonn, key.alder, key.kode) == ("VERDI", "T", "T", "T")
    }


def test_pxwebpy(address):
    """pxwebpy: the catalogue, a search, the variables, a code list, and figures."""
    api = PxApi(f"{address}/api/pxwebapi/v2", disable_cache=True, max_workers=1)
    assert api.number_of_tables is not None
    assert api.number_of_tables > 20
    found = api.search("undersøkelser", page_size=50)
    assert TABLE in {one["id"] for one in found["tables"]}
    variables = api.get_table_variables(TABLE)
    assert set(variables) == {"Region", "ContentsCode", "Tid"}
    assert api.get_code_list("vs_Fylke")["values"]
    rows = api.get_table_data(TABLE, value_codes=dict(CHOSEN), show="code")
    assert {row["region"]: row["value"] for row in rows} == published()
    by_list = api.get_table_data(
        TABLE, {"Region": "*", "ContentsCode": "us_avsluttet", "Tid": "2024"}, {"Region": "vs_Fylke"}, show="code"
    )
    assert {row["region"]: row["value"] for row in by_list} == {k: v for k, v in published().items() if k != "EAK"}
    assert api.get_table_data(TABLE)


def test_pxstatspy(address):
    """pxstatspy: with its own token, metadata, a frame, and POST."""
    api = PxAPI(PxAPIConfig(base_url=f"{address}/", api_key=token(), language="no"))
    assert api.max_data_cells == 800_000
    assert api.get_table_by_id(TABLE)["label"] == "Undersøkelser"
    assert TABLE in set(api.find_tables_as_dataframe(query="undersøkelser")["id"])
    frame = api.get_data_as_dataframe(TABLE, value_codes=dict(CHOSEN))
    assert sorted(frame.iloc[:, -1].dropna()) == sorted(v for v in published().values() if v is not None)
    text = api.get_table_data(TABLE, value_codes=dict(CHOSEN), output_format=OutputFormat.CSV)
    read = pd.read_csv(io.StringIO(text.lstrip("\ufeff")), sep=";", decimal=",", dtype={"Region": str})
    assert set(read["Region"]) == set(published())


def test_pyjstat(address):
    answer = requests.get(f"{address}/tables/{TABLE}-kjonn/data", {"lang": "en"}, timeout=10)
    frame = pyjstat.Dataset.read(answer.text).write("dataframe")
    assert {"region", "sex", "contents", "period", "value"} == set(frame.columns)
    assert frame["value"].notna().any()
    validate_jsonstat(answer.json())


def test_pandas_with_norwegian_settings(address):
    answer = f"{address}/tables/{TABLE}/data?outputFormat=csv&valuecodes[Region]=*&valuecodes[Tid]=*"
    frame = pd.read_csv(answer, sep=";", decimal=",", encoding="utf-8-sig", dtype={"Region": str, "Tid": str})
    national = frame[(frame["ContentsCode"] == "us_avsluttet") & frame["Region"].isin(published())]
    found = {row.Region: None if pd.isna(row.value) else row.value for row in national.itertuples()}
    assert found == published()


def test_pysdmx_reads_data_and_structure(address):
    data = requests.get(f"{address}/tables/{TABLE}/data", {"outputFormat": "sdmx-csv"}, timeout=10).text
    message = read_sdmx(data, validate=False)
    (found,) = message.data
    assert found.data["OBS_STATUS"].isin(["A", "P", "M", "Q"]).all()
    national = found.data[(found.data["INDICATOR"] == "us_avsluttet") & found.data["REF_AREA"].isin(published())]
    assert {r.REF_AREA for r in national.itertuples()} == set(published())
    structure = requests.get(f"{address}/sdmx/structure/{TABLE}", timeout=10).text
    described = read_sdmx(structure, validate=False)
    (flow,) = described.get_dataflows()
    assert flow.id == "BVR_UNDERSOKELSER"
    assert {one.id for one in described.get_codelists()} >= {"CL_REF_AREA", "CL_INDICATOR", "CL_OBS_STATUS"}


schema = schemathesis.openapi.from_dict(document())
schema.config.generation = GenerationConfig(deterministic=True, max_examples=12, allow_x00=True)


@schema.parametrize()
def test_the_description_is_kept(case: Case, address) -> None:
    """schemathesis: every answer to anything it can think of is as the description says."""
    case.call_and_validate(
        base_url=address,
        headers={"Authorization": f"Bearer {token()}"},
        # Which codes and versions there are is data: a schema cannot tell, so what it allows may be refused with 400.
        excluded_checks=[positive_data_acceptance, ignored_auth],
    )
