"""National figures of a year, counted from cases by the definitions, in plain Python.

Written for comparison: it shares nothing with the generator, nor with the SQL. A child is counted once for each
municipality; what is held is one small number a child, never a case.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from enum import IntFlag
from typing import Any

from bvr.model.concepts import Barnevern, Melding, Personalia, Sak, Tiltak, Undersokelse
from bvr.model.identifiers import nummertype

HEADLINE = frozenset({"1", "2", "5", "6", "7", "8", "9", "10"})
_PLACEMENTS = frozenset({"8.2", "8.4", "8.5"})
_FOSTER_HOMES = frozenset({"2.1", "2.2", "2.3", "2.4", "2.99"})


class _Child(IntFlag):
    """What is so of a child in a municipality."""

    REPORTED = 1
    INVESTIGATED = 2
    HELPED = 4
    CARED = 8
    HELPED_AT_END = 16
    CARED_AT_END = 32
    PLACED_AT_END = 64
    PLACED_IN_CARE = 128


class Count:
    """Counts the cases of a year, one at a time."""

    def __init__(self, year: int) -> None:
        self.first, self.last = date(year, 1, 1), date(year, 12, 31)
        self.cases = 0
        self.n: Counter[str] = Counter()
        self._children: dict[int, int] = {}

    def add(self, document: Barnevern) -> None:
        """Count one case, in the newest form it was sent in. Cases with an ERROR are left out by the caller."""
        sak = document.sak
        if sak.er_slettet:
            return
        self.cases += 1
        kommune = document.avgiver.kommunenummer
        flags = self._reports(sak) | self._investigations(sak) | self._measures(sak)
        if flags:
            key = hash((kommune, self._person(document)))
            self._children[key] = self._children.get(key, 0) | flags

    def _person(self, document: Barnevern) -> tuple[str, ...]:
        sak, today = document.sak, self.last
        latest = self._known_as(sak)
        if latest is not None:
            if nummertype(latest.fodselsnummer, latest.kjonn, today=today) in ("FNR", "DNR"):
                return ("number", latest.fodselsnummer)
            if latest.duf_nummer:
                return ("duf", latest.duf_nummer)
        return ("case", document.avgiver.organisasjonsnummer, sak.id)

    def _known_as(self, sak: Sak) -> Personalia | None:
        """Who the child is known to be at the end of the year."""
        known = [p for p in sak.personalia if not p.er_slettet and p.start_dato <= self.last]
        return max(known, key=lambda p: p.start_dato, default=None)

    def _within(self, day: date | None) -> bool:
        return day is not None and self.first <= day <= self.last

    # --- reports

    def _reports(self, sak: Sak) -> int:
        flags = 0
        for melding in sak.melding:
            if melding.er_slettet:
                continue
            self.n["meldinger_mottatt"] += self._within(melding.start_dato)
            end = melding.konklusjon
            if end is None or not self._within(end.slutt_dato):
                continue
            self.n["meldinger_konkludert"] += 1
            self.n[f"melding_k{end.kode}"] += 1
            self.n["melding_innen_uke"] += end.slutt_dato - melding.start_dato <= timedelta(days=7)
            if end.kode in HEADLINE:
                flags = _Child.REPORTED
                self._headline(sak, melding, dismissed=end.kode != "2")
        return flags

    def _headline(self, sak: Sak, melding: Melding, *, dismissed: bool) -> None:
        self.n["meldinger"] += 1
        self.n["henlagt"] += dismissed
        for kode in {m.kode for m in melding.melder}:
            self.n[f"melder_{kode}"] += 1
        child = self._known_as(sak)
        self.n[f"kjonn_{child.kjonn if child else '0'}"] += 1
        if child is None or child.kjonn == "0":
            self.n["alder_uoppgitt"] += 1
            return
        age = self.last.year - child.fodseldato.year  # on 31 December everybody has had the birthday
        group = next((g for g, to in (("0-2", 2), ("3-5", 5), ("6-12", 12), ("13-17", 17)) if age <= to), "18-24")
        self.n[f"alder_{group}"] += 1

    # --- investigations

    def _investigations(self, sak: Sak) -> int:
        flags = 0
        for us in sak.undersokelse:
            if us.er_slettet:
                continue
            if self._within(us.start_dato):
                self.n["us_startet"] += 1
                flags = _Child.INVESTIGATED
            self._concluded(us)
        return flags

    def _concluded(self, us: Undersokelse) -> None:
        if us.konklusjon is None or not self._within(us.konklusjon.slutt_dato):
            return
        self.n["us_avsluttet"] += 1
        self.n[f"us_k{us.konklusjon.kode}"] += 1
        self.n["us_innen_3mnd"] += us.konklusjon.slutt_dato <= _add_months(us.start_dato, 3)

    # --- measures

    def _measures(self, sak: Sak) -> int:
        flags, opened = 0, []
        for tiltak in sak.tiltak:
            end = _end(tiltak, sak)
            if tiltak.er_slettet or tiltak.start_dato > self.last or (end is not None and end < self.first):
                continue
            flags |= _Child.CARED if _is_care(tiltak) else _Child.HELPED
            if end is None or end > self.last:
                flags |= _Child.CARED_AT_END if _is_care(tiltak) else _Child.HELPED_AT_END
                opened.append(tiltak)
        placements = [t for t in opened if _is_placement(t)]
        if placements:
            flags |= _Child.PLACED_AT_END | (_Child.PLACED_IN_CARE if any(map(_is_care, placements)) else 0)
            latest = max(placements, key=lambda t: (t.start_dato, _is_care(t)))
            kode = latest.kategori.kode if latest.kategori else ""
            self.n["plassert_fosterhjem"] += kode in _FOSTER_HOMES
            self.n["plassert_institusjon"] += kode.startswith("1.")
        return flags

    # --- the figures

    def figures(self) -> dict[str, int]:
        """Every figure by its name; children are added to what was counted by events."""
        found = Counter(self.n)
        for flags in self._children.values():
            found["barn_med_melding"] += bool(flags & _Child.REPORTED)
            found["barn_med_us_startet"] += bool(flags & _Child.INVESTIGATED)
            during = flags & (_Child.HELPED | _Child.CARED)
            at_end = flags & (_Child.HELPED_AT_END | _Child.CARED_AT_END)
            found["tiltak_aar"] += bool(during)
            found["omsorg_aar"] += bool(flags & _Child.CARED)
            found["hjelp_aar"] += during == _Child.HELPED
            found["tiltak_dato"] += bool(at_end)
            found["omsorg_dato"] += bool(flags & _Child.CARED_AT_END)
            found["hjelp_dato"] += at_end == _Child.HELPED_AT_END
            placed = bool(flags & _Child.PLACED_AT_END)
            found["plassert"] += placed
            found["plassert_omsorg"] += placed and bool(flags & _Child.PLACED_IN_CARE)
            found["plassert_hjelp"] += placed and not flags & _Child.PLACED_IN_CARE
        return dict(found)


def counted(documents: Iterable[Barnevern], year: int) -> dict[str, int]:
    """The figures of a year."""
    count = Count(year)
    for document in documents:
        count.add(document)
    return count.figures()


def _end(tiltak: Tiltak, sak: Sak) -> date | None:
    """What has no end of its own ends with its case."""
    return tiltak.konklusjon.slutt_dato if tiltak.konklusjon else sak.slutt_dato


def _is_placement(tiltak: Tiltak) -> bool:
    kode = tiltak.kategori.kode if tiltak.kategori else ""
    return kode.startswith(("1.", "2.")) or kode in _PLACEMENTS


def _is_care(tiltak: Tiltak) -> bool:
    law = tiltak.lovhjemmel
    if law is None:
        return False
    if law.lov == "BVL2021":
        return _at(law, "5", "1")
    if _at(law, "4", "12"):
        return True
    if not _at(law, "4", "8"):
        return False
    subsections = set(law.ledd)
    if subsections & {"2", "3"}:
        return True
    return subsections <= {"0", "1"} and any(_at(other, "4", "12") for other in tiltak.jmfr_lovhjemmel)


def _at(law: Any, kapittel: str, paragraf: str) -> bool:
    return bool(law.kapittel == kapittel and law.paragraf == paragraf)


def _add_months(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    following = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    return date(year, month + 1, min(day.day, (following - timedelta(days=1)).day))
