"""What is generated from the model, the rules and the API, and whether the committed files still match."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bvr.api import openapi
from bvr.intake import asyncapi
from bvr.intake.sender import Right
from bvr.model import bigquery, documentation, schema
from bvr.model.innsending import Innsending
from bvr.model.versions import SUPPORTED
from bvr.rules.doc import render as rules

ROOT = Path(__file__).resolve().parents[2]


def _bigquery(concept: type) -> str:
    return json.dumps(bigquery.columns(concept), ensure_ascii=False, indent=2) + "\n"


def outputs() -> dict[str, Callable[[], str]]:
    """Path below the root of the project -> what makes its text."""
    return {
        **{f"functions/bvr/model/xsd/Barnevern_v{v}.xsd": partial(schema.render, v) for v in SUPPORTED},
        "bigquery_schemas/register/innsending/schema.json": lambda: _bigquery(Innsending),
        "bigquery_schemas/grunnlag/avsender/schema.json": lambda: _bigquery(Right),
        "docs/informasjonsmodell.md": documentation.information_model,
        "docs/kodelister.md": documentation.code_lists,
        "docs/tabell-innsending.md": documentation.table,
        "docs/regler.md": rules,
        "docs/openapi.json": openapi.render,
        "docs/asyncapi.yaml": asyncapi.render,
    }


def generate(root: Path = ROOT) -> list[str]:
    """Write every generated file that differs; the paths written."""
    stale = check(root)
    made = outputs()
    for path in stale:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(made[path](), encoding="utf-8")
    return stale


def check(root: Path = ROOT) -> list[str]:
    """The generated files that are missing or differ from the model."""
    return [
        path
        for path, make in outputs().items()
        if not (root / path).exists() or (root / path).read_text(encoding="utf-8") != make()
    ]
