"""Figures of a drawn year as they stand in a freeze: events of children, counted in every region and margin.

Counted here from single events, so that every equation of the tables holds because it is true, not because it was made.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bvr.statistics.figures.catalogue import figures

_SIMULATE = Path(__file__).resolve().parents[2] / "functions" / "bvr" / "simulate"
AGES = ("0-2", "3-5", "6-12", "13-17", "18-24")
GROUPS = 6


def municipalities() -> list[tuple[str, int]]:
    """Number and inhabitants under 18."""
    with (_SIMULATE / "kommuner.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [(row["kommunenummer"], int(row["innb_0_17"])) for row in rows]


def kostra_groups(kommuner: list[str]) -> dict[str, list[str]]:
    """Each municipality in one of a few groups."""
    found: dict[str, list[str]] = defaultdict(list)
    for kommune in kommuner:
        found[f"EKG{int(kommune) % GROUPS + 1:02d}"].append(kommune)
    return dict(found)


class World:
    """The events of a year. `rate` is events per inhabitant; `chosen` municipalities, or all."""

    def __init__(self, seed: int, rate: float = 0.045, chosen: list[tuple[str, int]] | None = None) -> None:
        self.rng = np.random.default_rng(seed)
        places = chosen or municipalities()
        self.names = np.array([name for name, _ in places])
        self.groups = kostra_groups([name for name, _ in places])
        self.people = dict(places)
        weight = np.array([people for _, people in places], float)
        n = int(weight.sum() * rate)
        self.kommune = self.rng.choice(len(places), n, p=weight / weight.sum())
        self.barn = self.rng.integers(0, max(1, int(n * 0.7)), n)
        traits = np.random.default_rng(seed + 1)
        most = int(self.barn.max(initial=0)) + 1
        self.kjonn = traits.choice(["1", "2"], most, p=[0.54, 0.46])[self.barn]
        self.alder = traits.choice(AGES, most, p=[0.1, 0.14, 0.36, 0.3, 0.1])[self.barn]
        self.omsorg = (traits.random(most) < 0.3)[self.barn]
        # A child is nearly always in one municipality.
        home = traits.choice(len(places), most, p=weight / weight.sum())
        self.kommune = np.where(self.rng.random(n) < 0.98, home[self.barn], self.kommune)
        self.bydel = np.where(np.isin(self.names[self.kommune], ["0301", "4601"]), self.rng.integers(1, 18, n), 0)
        self.halvar = self.rng.choice(["H1", "H2"], n)
        self.u = self.rng.random((n, 4))

    def rows(self, period: str) -> list[dict[str, Any]]:
        """Rows of `statistikk.frosne_tall` of a period: 2024, 2024H1 or 2024H2."""
        half = period[4:]
        inside = np.ones(len(self.barn), bool) if not half else self.halvar == half
        u, code = self.u, np.where(self.u[:, 1] < 0.5, "2", np.where(self.u[:, 1] < 0.8, "1", "5"))
        flow, stock = ("H" if half else "Y"), ("2024H2" if not half else period)
        ssb, active = u[:, 0] < 0.9, (u[:, 0] >= 0.9) & (u[:, 0] < 0.96)
        measures = inside & (u[:, 2] < 0.6)
        care, placed = self.omsorg, self.omsorg | (u[:, 3] < 0.05)
        found: list[dict[str, Any]] = []

        def add(figure: str, kind: str, when: str, mask: Any, of: Any = None, codes: Any = None) -> None:
            found.extend(self._counted(figure, kind, when, mask, of, codes))

        add("meldinger_konkludert", flow, period, inside, codes=np.where(ssb, code, np.where(active, "3", "4")))
        add("meldinger_mottatt", flow, period, inside, codes=code)
        add("meldinger_aktive_tiltak", flow, period, inside & active)
        add("meldinger_pagaende_us", flow, period, inside & ~ssb & ~active)
        add("melding_fristbrudd", flow, period, inside & (u[:, 2] < 0.04), inside)
        add("meldinger_henlagt", flow, period, inside & ssb & (code != "2"), inside & ssb)
        add("meldinger_til_us", flow, period, inside & ssb & (code == "2"), inside & ssb)
        begun = inside & (code == "2")
        add("us_startet", flow, period, begun)
        add("us_avsluttet", flow, period, begun, codes=np.where(u[:, 2] < 0.4, "1", "5"))
        add("us_til_tiltak", flow, period, begun & (u[:, 2] < 0.4), begun)
        add("us_henlagt", flow, period, begun & (u[:, 2] >= 0.4), begun)
        if not half:
            add("meldinger_ssb", "Y", period, inside & ssb)
            add("us_innen_3mnd", "Y", period, begun & (u[:, 3] < 0.8), begun)
            add("us_innen_6mnd", "Y", period, begun & (u[:, 3] >= 0.8) & (u[:, 3] < 0.97), begun)
            add("barn_tiltak_aar", "Y", period, measures)
        else:
            add("us_fristbrudd", "R", period, begun & (u[:, 3] >= 0.9), begun)
        add("akuttvedtak", flow, period, inside & (u[:, 3] < 0.05))
        add("barn_tiltak_dato", "D", stock, measures)
        add("barn_omsorgstiltak", "D", stock, measures & care)
        add("barn_hjelpetiltak", "D", stock, measures & ~care)
        add("barn_plassert_dato", "D", stock, measures & placed)
        return found

    def _places(self) -> Iterator[tuple[str, Any]]:
        """Level, and the region of each event ("" for none)."""
        name = self.names[self.kommune]
        yield "LAND", np.full(len(name), "EAK", dtype=object)
        yield "LAND", np.where(name == "0301", "", "EAKUO").astype(object)
        yield "FYLKE", np.array([f"EKA{one[:2]}" for one in name], object)
        yield "KOMMUNE", name.astype(object)
        group = {kommune: group for group, some in self.groups.items() for kommune in some}
        yield "KOSTRAGRUPPE", np.array([group[one] for one in name], object)
        inside = np.array([f"{a}{b:02d}" if b else "" for a, b in zip(name, self.bydel, strict=True)], object)
        yield "BYDEL", inside
        service = np.array([one[:4] == "0301" and one[4:] not in ("16", "17", "99") for one in inside])
        yield "BYDELER", np.where(service, "EAB", "").astype(object)

    def _regions(self, niva: str) -> list[str]:
        by_level = {
            "LAND": ["EAK", "EAKUO"],
            "FYLKE": sorted({f"EKA{one[:2]}" for one in self.names}),
            "KOMMUNE": list(self.names),
            "KOSTRAGRUPPE": list(self.groups),
        }
        return by_level.get(niva, [])

    def _counted(self, figure: str, kind: str, when: str, mask: Any, of: Any, codes: Any) -> Iterator[dict[str, Any]]:
        unit = next(f for f in figures() if f.id == figure).unit
        sums: dict[tuple[str, ...], list[int]] = {}
        nivaer: dict[tuple[str, ...], str] = {}
        district = np.char.add(self.names[self.kommune].astype(str), self.bydel.astype(str))

        def count(part: Any, niva: str, region: Any, by: tuple[str, str, str], slot: int) -> None:
            events: dict[str, set[Any]] = defaultdict(set)
            # Children of districts are added up by district, of the rest by municipality.
            home = district if niva == "BYDELER" else self.names[self.kommune]
            for i in np.flatnonzero(part):
                events[region[i]].add((home[i], self.barn[i]) if unit == "BARN" else i)
            for name, some in events.items():
                if not name:
                    continue
                children = {one[1] for one in some} if unit == "BARN" else {self.barn[i] for i in some}
                for maal in ("SUM", "UNIK") if unit == "BARN" and niva not in ("KOMMUNE", "BYDEL") else ("SUM",):
                    key = (maal, name, *by)
                    row = sums.setdefault(key, [0, 0, 0, 0])
                    nivaer[key] = niva
                    row[slot] = len(children) if maal == "UNIK" else len(some)
                    row[slot + 1] = len(some) if unit == "BARN" and maal == "SUM" else len(children)

        for niva, region in self._places():
            for name in self._regions(niva):
                for maal in ("SUM", "UNIK") if unit == "BARN" and niva != "KOMMUNE" else ("SUM",):
                    sums.setdefault((maal, name, "T", "T", "T"), [0, 0, 0, 0])
                    nivaer[maal, name, "T", "T", "T"] = niva
            for part, slot in ((mask, 0), (of, 2)):
                if part is None:
                    continue
                count(part, niva, region, ("T", "T", "T"), slot)
                for sex in ("1", "2"):
                    count(part & (self.kjonn == sex), niva, region, (sex, "T", "T"), slot)
                for age in AGES:
                    count(part & (self.alder == age), niva, region, ("T", age, "T"), slot)
            if codes is not None:
                for code in sorted(set(codes[mask])):
                    count(mask & (codes == code), niva, region, ("T", "T", code), 0)
                stable = {"meldinger_konkludert": ("HENLAGT", ("1", "5")), "us_avsluttet": ("FLYTTET", ("5",))}.get(
                    figure
                )
                if stable:
                    count(mask & np.isin(codes, stable[1]), niva, region, ("T", "T", stable[0]), 0)
        for (maal, region, kjonn, alder, kode), (value, n, base, n_base) in sums.items():
            yield {
                **{"indikator": figure, "region": region, "niva": nivaer[maal, region, kjonn, alder, kode]},
                **{"maal": maal, "periode": when, "periodetype": kind, "kjonn": kjonn, "aldersgruppe": alder},
                **{"kode": kode, "verdi": value, "nevner": None if of is None else base, "n_barn": n},
                "n_barn_nevner": n_base,
            }
