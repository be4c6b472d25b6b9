"""The notation of the cases beside this file: cases of children in a few lines of YAML, and the figures expected.

- navn: what the case shows
  run_time: 2025-02-10          (default; at 04:07 in Oslo)
  saker:
    - kommune: "0301"           the rest has defaults: its own child, REGISTERED, extract of 2025-01-01 or earlier
      barn: {nummer: A, fodt: 2010-07-01, kjonn: "2"}
      melding: [2024-06-30, {start: 2024-07-01, slettet: true}]
      tiltak: [{start: 2024-01-01, slutt: 2024-06-30, lov: BVL 4-12}]
  forventet:
    0301 2024H1: 1              figure, or [figure, children behind it]; a total that is not named is zero
    0301 2024H1 kjonn=2: 1      when one value of a breakdown is named, all of that breakdown are
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

HERE = Path(__file__).resolve().parent
OSLO = ZoneInfo("Europe/Oslo")
DIMENSIONS = {"kjonn": "kjonn", "alder": "aldersgruppe", "kode": "kode"}

Row = dict[str, Any]
Cell = tuple[str, str, str, str, str]
"""kommunenummer, periode, kjonn, aldersgruppe, kode."""


def cases() -> list[tuple[str, str, Row]]:
    """(query, name, case) of every file."""
    found = []
    for path in sorted(HERE.glob("*_v1/*.yaml")):
        for case in yaml.safe_load(path.read_text(encoding="utf-8")):
            unknown = case.keys() - {"navn", "run_time", "saker", "forventet"}
            if unknown:
                raise ValueError(f"{path}: {unknown}")
            found.append((path.parent.name, f"{path.stem}: {case['navn']}", case))
    return found


def run_time(case: Row) -> datetime:
    """When the query runs."""
    day = case.get("run_time", date(2025, 2, 10))
    return datetime.combine(day, time(4, 7), OSLO).astimezone(UTC)


def rows(case: Row) -> list[Row]:
    """The rows of register.innsending."""
    known = min(date(2025, 1, 1), case.get("run_time", date(2025, 2, 10)) - timedelta(days=1))
    return [_innsending({"uttrekk": known, **sak}, number) for number, sak in enumerate(case["saker"], 1)]


def expected(case: Row) -> dict[Cell, tuple[int, int]]:
    """(figure, children) of the cells that are named."""
    found = {}
    for key, value in case["forventet"].items():
        kommune, periode, *breakdown = str(key).split()
        cell = {"kjonn": "T", "aldersgruppe": "T", "kode": "T"}
        for one in breakdown:
            dimension, _, code = one.partition("=")
            cell[DIMENSIONS[dimension]] = code
        figure, children = value if isinstance(value, list) else (value, value)
        found[kommune, periode, cell["kjonn"], cell["aldersgruppe"], cell["kode"]] = (figure, children)
    return found


def compared(case: Row, result: Iterable[Mapping[str, Any]]) -> dict[Cell, tuple[int, int]]:
    """What the case speaks of in a result: totals that are not zero or are named, and breakdowns it names.

    The provisional stock of the day of the run counts only where a case names that day.
    """
    named = expected(case)
    spoken = {tuple(code != "T" for code in cell[2:]) for cell in named} | {(False, False, False)}
    dated = {cell[1] for cell in named if len(cell[1]) == 10}
    found: dict[Cell, tuple[int, int]] = {}
    for row in result:
        cell = (row["kommunenummer"], row["periode"], row["kjonn"], row["aldersgruppe"], row["kode"])
        if tuple(code != "T" for code in cell[2:]) not in spoken or (
            row["periodetype"] == "N" and cell[1] not in dated
        ):
            continue
        if row["verdi"] or cell in named:
            assert cell not in found, f"two rows for {cell}"
            found[cell] = (row["verdi"], row["n_barn"])
    return found


def _innsending(sak: Row, number: int) -> Row:
    sak = dict(sak)
    kommune = sak.pop("kommune", "0301")
    sak_id = sak.pop("sak", f"sak-{number}")
    extract = _moment(sak.pop("uttrekk", date(2025, 1, 1)))
    received = _moment(sak.pop("mottatt", extract))
    children = sak.pop("barn", {"nummer": f"eget-{sak_id}"})
    utfall = sak.pop("utfall", "REGISTERED")
    deleted = sak.pop("er_slettet", None)
    innsending = sak.pop("innsending", f"innsending-{number}")
    found = {
        "melding_id": f"melding-{number}",
        "avsender_id": "avsender",
        "meldingstype": "test",
        "kanal": "fagsystem",
        "mottatt": received,
        "behandlet": received,
        "innhold_sha256": sak.pop("innhold", innsending),
        "regelsett": sak.pop("regelsett", "1"),
        "utfall": utfall,
        "hoyeste_alvorlighet": {"REGISTERED": "OK", "EXCLUDED": "ERROR", "REJECTED": "FATAL"}[utfall],
        "kvitterings_id": f"kvittering-{number}",
        "innsending_id": innsending,
        "orgnr": sak.pop("orgnr", f"9{kommune}0000"),
        "kommunenummer": kommune,
        "sak_id": sak_id,
        "dato_uttrekk": extract,
        "er_slettet": deleted,
        "antall_error": int(utfall == "EXCLUDED"),
        "antall_warning": 0,
        "antall_info": 0,
    }
    found["sak"] = {
        "id": sak_id.upper(),
        "start_dato": sak.pop("start", date(2010, 1, 1)),
        "journalnummer": "1",
        "slutt_dato": sak.pop("slutt", None),
        "er_slettet": deleted,
        "personalia": [
            _personalia(one, place) for place, one in enumerate(children if isinstance(children, list) else [children])
        ],
        "melding": [_element(one, f"m{place}") for place, one in enumerate(sak.pop("melding", []))],
        "tiltak": [_tiltak(one, f"t{place}") for place, one in enumerate(sak.pop("tiltak", []))],
        "slettet": [{"slutt_dato": date(2024, 12, 1), **one} for one in sak.pop("slettet", [])],
    }
    if sak:
        raise ValueError(f"not in the notation: {', '.join(sak)}")
    return found


def _moment(day: date | datetime) -> datetime:
    return day.astimezone(UTC) if isinstance(day, datetime) else datetime.combine(day, time(), UTC)


def _personalia(one: Row, place: int) -> Row:
    number, duf = str(one.get("nummer", "ukjent")), one.get("duf")
    return {
        "id": one.get("id", f"p{place}"),
        "start_dato": one.get("fra", date(2000, 1, 1)),
        "fodselsnummer": _secret(number),
        "fodseldato": one.get("fodt", date(2015, 1, 1)),
        "kjonn": one.get("kjonn", "1"),
        "duf_nummer": _secret(duf) if duf else None,
        "er_slettet": one.get("slettet"),
        "nummertype": one.get("type", "FNR"),
    }


def _secret(text: str) -> bytes:
    """Stands for ciphertext: the same text, the same bytes."""
    return hashlib.sha256(text.encode()).digest()[:12]


def _element(one: Row | date, name: str) -> Row:
    given = one if isinstance(one, dict) else {"start": one}
    end = given.get("slutt")
    return {
        "id": given.get("id", name),
        "start_dato": given["start"],
        "er_slettet": given.get("slettet"),
        "konklusjon": {"slutt_dato": end, "kode": "1"} if end else None,
    }


def _tiltak(one: Row | date, name: str) -> Row:
    given = one if isinstance(one, dict) else {"start": one}
    element = _element(one, name)
    if element["konklusjon"]:
        element["konklusjon"] = {"slutt_dato": element["konklusjon"]["slutt_dato"]}
    return {
        **element,
        "lovhjemmel": _lovhjemmel(given.get("lov", "BVL2021 3-1")),
        "jmfr_lovhjemmel": [_lovhjemmel(text) for text in given.get("jmfr", [])],
        "kategori": {"kode": "3.1"},
    }


def _lovhjemmel(text: str) -> Row:
    """`BVL 4-8 ledd 2 3` is chapter 4, section 8, second and third subsection."""
    lov, place, *ledd = text.split()
    kapittel, _, paragraf = place.partition("-")
    return {"lov": lov, "kapittel": kapittel, "paragraf": paragraf, "ledd": ledd[1:], "bokstav": [], "punktum": []}
