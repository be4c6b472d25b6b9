"""The API's promise: nothing that callers rely on goes away, and a change that would take it is found."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from bvr.api.compatibility import breaks
from bvr.api.openapi import render

ROOT = Path(__file__).resolve().parents[2]
PROMISED = json.loads((ROOT / "docs" / "openapi.promised.json").read_text(encoding="utf-8"))
NOW = json.loads(render())
DATA = "/tables/{id}/data"


def test_what_was_promised_is_kept():
    assert breaks(PROMISED, NOW) == []


def changed(change):
    found = copy.deepcopy(NOW)
    change(found["paths"], found["components"]["schemas"])
    return breaks(NOW, found)


def parameter(paths, name, path=DATA):
    return next(one for one in paths[path]["get"]["parameters"] if one["name"] == name)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda paths, _: paths.pop("/config"), "GET /config: is gone"),
        (lambda paths, _: paths[DATA].pop("post"), "POST /tables/{id}/data: is gone"),
        (lambda paths, _: paths[DATA]["get"]["parameters"].remove(parameter(paths, "stub")), "parameter stub: is gone"),
        (lambda paths, _: parameter(paths, "lang").update(required=True), "parameter lang: is demanded"),
        (lambda paths, _: parameter(paths, "outputFormat")["schema"]["enum"].remove("px"), "no longer takes px"),
        (lambda paths, _: parameter(paths, "heading")["schema"].update(maxLength=20), "heading: maxLength is 20"),
        (lambda paths, _: parameter(paths, "heading")["schema"].update(type="integer"), "is of another type"),
        (lambda paths, _: parameter(paths, "heading")["schema"].update(pattern="a"), "takes another pattern"),
        (
            lambda paths, _: paths["/config"]["get"]["parameters"].append(
                {"name": "ny", "in": "query", "required": True, "schema": {}}
            ),
            "parameter ny: is new and demanded",
        ),
        (lambda paths, _: paths[DATA]["post"]["requestBody"].update(required=True), "a body is demanded"),
        (lambda paths, _: paths["/config"]["get"]["responses"].pop("200"), "never answers 200"),
        (
            lambda paths, _: paths[DATA]["get"]["responses"]["200"]["content"].pop("text/csv"),
            "200 is never text/csv",
        ),
        (lambda _, schemas: schemas["JsonStat"]["properties"].pop("status"), "200: status is gone"),
        (lambda _, schemas: schemas["JsonStat"]["required"].remove("size"), "size can be missing"),
        (lambda _, schemas: schemas["Selection"]["properties"].pop("placement"), "takes no placement"),
    ],
)
def test_a_break_is_found(change, told):
    assert any(told in one for one in changed(change)), changed(change)


@pytest.mark.parametrize(
    "change",
    [
        lambda paths, _: paths.update({"/ny": paths["/config"]}),
        lambda paths, _: paths["/config"]["get"]["parameters"].append({"name": "ny", "in": "query", "schema": {}}),
        lambda paths, _: parameter(paths, "outputFormat")["schema"]["enum"].append("nytt"),
        lambda paths, _: parameter(paths, "heading")["schema"].update(maxLength=2000),
        lambda _, schemas: schemas["JsonStat"]["properties"].update(ny={}),
        lambda paths, _: paths["/config"]["get"].update(summary="Noe annet"),
    ],
)
def test_what_is_added_breaks_nothing(change):
    assert changed(change) == []
