"""Elements, events and changes of a case once more, in plain Python from the information model's own words.

Input is rows as register.innsending has them. What can be deleted by itself is marked (er_slettet) or listed in
Slettet; what lies in it goes with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from tests.sql import histories

Row = Mapping[str, Any]
# Below Sak: the column and the element's name; below each, the path and the name of the elements in it.
TOP = {
    "personalia": "Personalia",
    "melding": "Melding",
    "undersokelse": "Undersokelse",
    "plan": "Plan",
    "tiltak": "Tiltak",
    "vedtak": "Vedtak",
    "ettervern": "Ettervern",
    "oversendelse_fylkesnemnd": "OversendelseFylkesnemnd",
    "flytting": "Flytting",
    "relasjon": "Relasjon",
}
INNER = {
    "Tiltak": {
        ("tilsyn", "ansvarlig"): "TilsynAnsvarlig",
        ("tilsyn", "hyppighet"): "TilsynHyppighet",
        ("tilsyn", "utfort"): "TilsynUtfort",
        ("oppfolging", "hyppighet"): "OppfolgingHyppighet",
        ("oppfolging", "utfort"): "OppfolgingUtfort",
    },
    "Vedtak": {("krav",): "Krav", ("status",): "Status"},
}
# The dates of each element: (type of the event, path of the date, path of its code).
DATES: dict[str, list[tuple[str, str, str]]] = {
    "Sak": [("Sak", "start_dato", ""), ("SakSlutt", "slutt_dato", "")],
    "Melding": [("Melding", "start_dato", ""), ("MeldingKonklusjon", "konklusjon.slutt_dato", "konklusjon.kode")],
    "Undersokelse": [
        ("Undersokelse", "start_dato", ""),
        ("BarnetsMedvirkning", "barnets_medvirkning.start_dato", "barnets_medvirkning.medvirkning_type"),
        ("UtvidetFrist", "utvidet_frist.start_dato", "utvidet_frist.innvilget"),
        ("UndersokelseKonklusjon", "konklusjon.slutt_dato", "konklusjon.kode"),
    ],
    "Plan": [("Plan", "start_dato", "plantype"), ("PlanKonklusjon", "konklusjon.slutt_dato", "")],
    "Tiltak": [("Tiltak", "start_dato", "kategori.kode"), ("TiltakKonklusjon", "konklusjon.slutt_dato", "")],
    "TilsynAnsvarlig": [("TilsynAnsvarlig", "start_dato", "")],
    "TilsynHyppighet": [("TilsynHyppighet", "start_dato", "kode")],
    "TilsynUtfort": [("TilsynUtfort", "utfort_dato", "")],
    "OppfolgingHyppighet": [("OppfolgingHyppighet", "start_dato", "kode")],
    "OppfolgingUtfort": [("OppfolgingUtfort", "utfort_dato", "")],
    "Vedtak": [("Vedtak", "start_dato", ""), ("VedtakKonklusjon", "konklusjon.slutt_dato", "")],
    "Krav": [("Krav", "start_dato", ""), ("KravKonklusjon", "konklusjon.slutt_dato", "konklusjon.kode")],
    "Status": [("Status", "endret_dato", "kode")],
    "Ettervern": [
        ("Ettervern", "tilbud_sendt_dato", ""),
        ("EttervernKonklusjon", "konklusjon.slutt_dato", "konklusjon.kode"),
    ],
    "OversendelseFylkesnemnd": [("OversendelseFylkesnemnd", "start_dato", "")],
    "Flytting": [("Flytting", "slutt_dato", "flytting_til.kode")],
}
TYPES = {event for dates in DATES.values() for event, _, _ in dates} | {"Evaluering"}

Key = tuple[str, str, str, str]
"""type, element_id, forelder, forelder_id."""


def elements(row: Row) -> Iterator[tuple[Key, bool, Row]]:
    """(key, whether it is deleted, content) of every element with an Id of a submission."""
    sak = row["sak"]
    gone = {(one["type"], one["id"].lower()) for one in sak.get("slettet") or ()}
    case_deleted = bool(sak.get("er_slettet"))
    yield ("Sak", row["sak_id"], "", ""), case_deleted, sak
    for column, kind in TOP.items():
        for one in sak.get(column) or ():
            identity = one["id"].lower()
            deleted = case_deleted or bool(one.get("er_slettet")) or (kind, identity) in gone
            yield (kind, identity, "Sak", row["sak_id"]), deleted, one
            for path, inner_kind in INNER.get(kind, {}).items():
                for inner in _at(one, path) or ():
                    inner_gone = deleted or (inner_kind, inner["id"].lower()) in gone
                    yield (inner_kind, inner["id"].lower(), kind, identity), inner_gone, inner


def _at(one: Row, path: tuple[str, ...]) -> Any:
    found: Any = one
    for name in path:
        found = (found or {}).get(name)
    return found


def events(row: Row) -> list[tuple[Any, ...]]:
    """(type, dato, element_id, forelder, kode, topp, topp_id, lovhjemmel) of every dated event of a case."""
    found = []
    for (kind, identity, parent, parent_id), deleted, one in elements(row):
        if deleted:
            continue
        top = (parent, parent_id) if parent not in ("", "Sak") else (kind, identity)
        for event, path, code in DATES.get(kind, ()):
            day = _at(one, tuple(path.split(".")))
            if "." in path and (one.get("konklusjon") or {}).get("er_slettet") and path.startswith("konklusjon"):
                continue
            if day:
                law = _law(one.get("lovhjemmel")) if event == kind else None
                found.append((event, day, identity, kind, _at(one, tuple(code.split("."))), *top, law))
        for evaluation in one.get("evaluering") or ():
            found.append(("Evaluering", evaluation["utfort_dato"], identity, kind, None, *top, None))
    return sorted(found, key=repr)


def _law(law: Row | None) -> str | None:
    if not law:
        return None
    parts = [f"{law['lov']} {law['kapittel']}-{law['paragraf']}"]
    parts += [f"{name} {' '.join(law[name])}" for name in ("ledd", "bokstav", "punktum") if law.get(name)]
    return " ".join(parts)


def changes(rows: list[Row]) -> set[tuple[Any, ...]]:
    """(innsending_id, forrige, type, element_id, forelder, forelder_id, endring, names of changed fields)."""
    found: set[tuple[Any, ...]] = set()
    for case in histories.ordered(histories.known([dict(r) for r in rows], max(r["behandlet"] for r in rows))).values():
        for before, after in pairwise(case):
            old, new = _present(before), _present(after)
            about = (after["innsending_id"], before["innsending_id"])
            for key in old.keys() | new.keys():
                if key not in old:
                    found.add((*about, *key, "NY", frozenset()))
                elif key not in new:
                    found.add((*about, *key, "FJERNET", frozenset()))
                elif differs := {n for n in old[key].keys() | new[key].keys() if old[key].get(n) != new[key].get(n)}:
                    found.add((*about, *key, "ENDRET", frozenset(differs)))
    return found


def _present(row: Row) -> dict[Key, dict[str, Any]]:
    return {key: dict(_own(key[0], one)) for key, deleted, one in elements(row) if not deleted}


def _own(kind: str, one: Row, before: str = "") -> Iterator[tuple[str, Any]]:
    """What an element says itself: not its Id, not whether it is deleted, nothing of the elements in it."""
    inner = {path[0] for path in INNER.get(kind, {})} | (set(TOP) | {"slettet"} if kind == "Sak" else set())
    for name, value in one.items():
        if name in inner or (name in ("id", "er_slettet") and not before) or value in (None, [], ()):
            continue
        if isinstance(value, dict):
            yield from _own("", value, f"{before}{name}.")
        else:
            yield f"{before}{name}", repr(value)
