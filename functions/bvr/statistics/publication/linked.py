"""The cells of a product and every equation between them: rows of figures become a problem of disclosure control.

A cell is a count: of what counts in a figure (VERDI), or of what it is a share of (NEVNER). Beside the cells are those
that nobody publishes, but anybody could work out: the complement of a share, children counted in two municipalities,
what a municipality has outside its districts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from bvr.statistics.publication.declared import Product, Split, halves_add_up, named, sums
from bvr.statistics.sdc.problem import SMALL, Flags, Problem, problem

TOTAL = "T"
FEW = 10
"""A share of fewer is not shown; and where all of fewer are in one group, that is not shown either (statistics 4.4)."""
_OUTSIDE = ("16", "17", "99")
"""Districts of Oslo that have no service of their own: not part of EAB."""


class Key(NamedTuple):
    """Which cell. `art` is VERDI or NEVNER, or what nobody publishes: REST, DOBBEL, UTENFOR."""

    figur: str
    art: str
    maal: str
    region: str
    periode: str
    periodetype: str
    kjonn: str = TOTAL
    alder: str = TOTAL
    kode: str = TOTAL


class Cell(NamedTuple):
    """A count and the number of children behind it."""

    value: int
    children: int
    niva: str


Cells = Mapping[Key, Cell]


class Earlier(msgspec.Struct, frozen=True, kw_only=True):
    """A release that is out already: all its cells as they were, and which of them it hid."""

    name: str
    cells: Cells
    hidden: frozenset[Key]


class Linked(msgspec.Struct, frozen=True, kw_only=True):
    """A problem, and which of its cells are those of the release: position of each key."""

    problem: Problem
    at: dict[Key, int]


def split_of(key: Key) -> Split:
    """What a cell is split by."""
    if key.kode != TOTAL:
        return "kode"
    if key.alder != TOTAL:
        return "alder"
    return "kjonn" if key.kjonn != TOTAL else "T"


def cells(
    product: Product, rows: Iterable[Mapping[str, Any]], people: Mapping[str, int] | None = None
) -> dict[Key, Cell]:
    """The cells of a product, from rows of figures of a period; a margin that has no row is zero.

    Rows have the columns of `statistikk.frosne_tall`; `people` are the inhabitants under 18 of each municipality.
    """

    def published(split: Split, niva: str, region: str) -> bool:
        small = niva == "KOMMUNE" and split != "T" and (people or {}).get(region, 0) < product.split_from
        return product.at(split, niva) and not small

    found: dict[Key, Cell] = {}
    margins: dict[tuple[str, Split], set[tuple[str, str, str]]] = defaultdict(set)
    totals: dict[Key, str] = {}
    wanted = set(product.figures)
    for row in rows:
        figure, kind, niva = row["indikator"], row["periodetype"], row["niva"]
        if figure not in wanted or kind not in product.periods:
            continue
        base = Key(figure, "VERDI", row["maal"], row["region"], row["periode"], kind)
        key = base._replace(kjonn=row["kjonn"], alder=row["aldersgruppe"], kode=row["kode"])
        split = split_of(key)
        if not published(split, niva, key.region) or (split == "kode" and figure not in product.codes):
            continue
        found[key] = Cell(row["verdi"], row["n_barn"], niva)
        if split == "T":
            totals[base] = niva
        else:
            margins[figure, split].add((key.kjonn, key.alder, key.kode))
        if _has_share(figure) and split != "kode":
            of = product.share_of.get(figure)
            if of is None:
                found[key._replace(art="NEVNER")] = Cell(row["nevner"] or 0, row["n_barn_nevner"], niva)
    for (figure, split), splits in margins.items():
        for base, niva in totals.items():
            if base.figur == figure and published(split, niva, base.region):
                for kjonn, alder, kode in splits:
                    key = base._replace(kjonn=kjonn, alder=alder, kode=kode)
                    found.setdefault(key, Cell(0, 0, niva))
                    if _has_share(figure) and figure not in product.share_of and split != "kode":
                        found.setdefault(key._replace(art="NEVNER"), Cell(0, 0, niva))
    return found


def _has_share(figure: str) -> bool:
    return named(figure).nevner is not None


def denominator(product: Product, key: Key) -> Key | None:
    """The cell that a figure is a share of; None where it is no share, or that is not published so."""
    if not _has_share(key.figur) or key.kode != TOTAL:
        return None
    of = product.share_of.get(key.figur)
    return key._replace(art="NEVNER") if of is None else key._replace(figur=of)


class _Builder:
    """Collects the variables of a problem. A cell of an earlier release is the same as ours where it has our value."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.at: dict[tuple[str, Key], int] = {}
        self.values: list[int] = []
        self.sensitive: list[bool] = []
        self.candidate: list[bool] = []
        self.known: list[bool] = []
        self.held: list[bool] = []
        self.least: list[int] = []
        self.rank: list[float] = []
        self.equations: dict[frozenset[tuple[int, int]], None] = {}
        self.inequalities: dict[frozenset[tuple[int, int]], None] = {}

    def add(
        self, name: tuple[str, Key], value: int, *, sensitive: bool, rank: float, candidate: bool, least: int
    ) -> int:
        self.at[name] = len(self.values)
        self.values.append(value)
        self.sensitive.append(sensitive)
        self.candidate.append(candidate)
        self.known.append(False)
        self.held.append(False)
        self.least.append(least)
        self.rank.append(rank)
        return self.at[name]

    def latent(self, edition: str, key: Key, value: int) -> int:
        """Something nobody publishes; few of it must not be found."""
        return self.add((edition, key), value, sensitive=1 <= value <= SMALL, rank=np.inf, candidate=False, least=0)

    def equal(self, parts: Iterable[tuple[int, int]], *, least: bool = False) -> None:
        """Position and coefficient: they add up to 0, or with `least` to no less."""
        row: dict[int, int] = {}
        for at, times in parts:
            row[at] = row.get(at, 0) + times
        kept = frozenset((at, times) for at, times in row.items() if times)
        if kept:
            (self.inequalities if least else self.equations)[kept] = None


def link(product: Product, now: Cells, groups: Mapping[str, Sequence[str]], earlier: Sequence[Earlier] = ()) -> Linked:
    """The problem of a release, with what is known from the releases before it.

    `groups` are the municipalities of each KOSTRA group. `earlier` are releases of the same period (what has changed in
    between is an equation, too) and of its half-years. Raises ValueError when the figures do not add up, or when it is
    not known what a group is the sum of.
    """
    strange = {key.region for key, cell in now.items() if cell.niva == "KOSTRAGRUPPE"} - groups.keys()
    if strange:
        raise ValueError(f"the municipalities of {', '.join(sorted(strange))} are not known: nothing protects them")
    found = _Builder(product)
    small = {key: _sensitive(product, key, now) for key in now}
    for key, cell in now.items():
        found.add(
            ("", key),
            cell.value,
            sensitive=small[key],
            rank=_rank(product, key, cell.niva),
            candidate=True,
            least=1,
        )
    editions: list[tuple[str, Cells]] = [("", now)]
    for release in earlier:
        for key, cell in release.cells.items():
            shown = key not in release.hidden
            ours = found.at.get(("", key))
            if ours is not None and found.values[ours] == cell.value:
                # What is the same is taken to be the same by whoever compares.
                found.at[release.name, key] = ours
                found.known[ours] |= shown
                found.held[ours] |= not shown
                continue
            few = _sensitive(product, key, release.cells)
            at = found.add(
                (release.name, key), cell.value, sensitive=few and not shown, rank=np.inf, candidate=False, least=1
            )
            found.known[at] = shown
        editions.append((release.name, release.cells))
    for edition, given in editions:
        _sums(found, edition, given, groups)
    _halves(found, editions)
    n = len(found.values)
    known = _followed(found)
    made = problem(
        np.array(found.values, np.int64),
        np.array(found.sensitive, bool) & ~known,  # what was shown cannot be kept
        np.array(found.rank, float),
        [dict(row) for row in found.equations],
        inequalities=[dict(row) for row in found.inequalities],
        candidate=np.array(found.candidate, bool),
        known=known,
        held=np.array(found.held, bool) & ~known,
        least=np.array(found.least, np.int64),
    )
    assert made.size == n
    return Linked(problem=made, at={key: found.at["", key] for key in now})


def _followed(found: _Builder) -> Flags:
    """What is known, and what follows from it by one equation after the other: to hide that would hide nothing.

    What must not be found is never taken for known: where it follows from what is out already the audit fails, and
    nothing is published before somebody has looked at it.
    """
    known = list(found.known)
    rows = [[at for at, _ in row] for row in found.equations]
    while True:
        before = sum(known)
        for row in rows:
            open_ = [at for at in row if not known[at]]
            if len(open_) == 1 and not found.sensitive[open_[0]]:
                known[open_[0]] = True
        if sum(known) == before:
            return np.array(known, bool)


def _sensitive(product: Product, key: Key, given: Cells) -> bool:
    """Few children behind a cell, or a group that all of few are in (statistics 4.4, step 2)."""
    cell = given[key]
    if cell.value and cell.children <= SMALL:
        return True
    if key.art == "VERDI" and 0 < cell.value < FEW:
        of = denominator(product, key)
        if of is not None and of in given and given[of].value == cell.value:
            return True
        if key.kode != TOTAL:
            total = given.get(key._replace(kode=TOTAL))
            return total is not None and total.value == cell.value
    return False


_FIRST = ("LAND", "FYLKE", "KOSTRAGRUPPE", "BYDELER")


def _rank(product: Product, key: Key, niva: str) -> float:
    """The country and counties first, then totals of municipalities by the order of the figures, then what is split."""
    if niva in _FIRST:
        return 0.5 if key.maal == "UNIK" else 0.0
    place = product.figures.index(key.figur) / 100 + (0.005 if key.art == "NEVNER" else 0)
    return (1.0 if niva == "KOMMUNE" else 1.5) + (0.0 if split_of(key) == TOTAL else 1.0) + place


def _sums(found: _Builder, edition: str, given: Cells, groups: Mapping[str, Sequence[str]]) -> None:
    """The equations within an edition."""
    series: dict[Key, list[Key]] = defaultdict(list)  # all but the region
    margins: dict[tuple[Key, Split], list[Key]] = defaultdict(list)
    for key in given:
        series[key._replace(region="")].append(key)
        split = split_of(key)
        if split != "T":
            margins[key._replace(kjonn=TOTAL, alder=TOTAL, kode=TOTAL), split].append(key)
    municipalities = {key.region for key, cell in given.items() if cell.niva == "KOMMUNE"}
    for some in series.values():
        _regions(found, edition, {key.region: key for key in some}, given, groups, municipalities)
    for (total, split), parts in margins.items():
        _margin(found, edition, total, split, parts)
    for key in given:
        if key.art == "VERDI":
            _share(found, edition, key, given)
    _identities(found, edition, given)


def _identities(found: _Builder, edition: str, given: Cells) -> None:
    """Figures that are sums of others. One that is not published in a period is still the sum of its parts, and a part
    of another: meldinger_ssb has no half-years, but its parts have, and so has what it is a part of."""
    product = found.product
    places = sorted({key._replace(figur="") for key in given if key.art == "VERDI" and key.kode == TOTAL})

    def parts(key: Key, figures: Iterable[str]) -> list[int] | None:
        some = [found.at.get((edition, key._replace(figur=figure))) for figure in figures]
        return None if any(one is None for one in some) else [one for one in some if one is not None]

    missing = {of for of, _ in sums() if of in product.figures}
    for key in places:
        for of, parts_of in sums():
            whole = key._replace(figur=of)
            if of not in missing or (edition, whole) in found.at:
                continue
            if (of_whole := parts(whole, parts_of)) is not None:
                found.latent(edition, whole, sum(found.values[one] for one in of_whole))
    for key in places:
        for of, parts_of in (*sums(), *product.rest.items()):
            whole = key._replace(figur=of)
            if of not in product.figures or (edition, whole) not in found.at:
                continue
            some = parts(whole, parts_of)
            if some is None:
                continue
            at = found.at[edition, whole]
            row = [(at, -1), *((one, 1) for one in some)]
            if of in product.rest and product.rest[of] == parts_of:
                left = found.values[at] - sum(found.values[one] for one in some)
                row.append((found.latent(edition, whole._replace(art="REST"), left), 1))
            found.equal(row)


def _regions(
    found: _Builder,
    edition: str,
    by_region: dict[str, Key],
    given: Cells,
    groups: Mapping[str, Sequence[str]],
    municipalities: set[str],
) -> None:
    """The country is its counties, a county its municipalities, a municipality its districts and what is outside."""
    at = {region: found.at[edition, key] for region, key in by_region.items()}
    one = next(iter(by_region.values()))
    of: dict[str, list[str]] = defaultdict(list)
    for region, key in by_region.items():
        niva = given[key].niva
        if niva == "FYLKE":
            of["EAK"].append(region)
        elif niva == "KOMMUNE":
            of[f"EKA{region[:2]}"].append(region)
        elif niva == "BYDEL":
            of[region[:4]].append(region)
            if region[:4] == "0301" and region[4:] not in _OUTSIDE:
                of["EAB"].append(region)
    for group, members in groups.items():
        of[group] = [region for region in members if region in at]
    if one.maal == "SUM":
        for parent, children in of.items():
            if parent not in at or not children:
                continue
            row = [(at[parent], -1), *((at[child], 1) for child in children)]
            # Districts need not be all of a municipality; nor are small municipalities split that are in a county.
            if given[by_region[parent]].niva == "KOMMUNE" or _members(parent, groups, municipalities) > len(children):
                inside = sum(given[by_region[child]].value for child in children)
                outside = given[by_region[parent]].value - inside
                if outside < 0:  # a child in two districts: no equation, but neither is more than the whole
                    for child in children:
                        found.equal([(at[parent], 1), (at[child], -1)], least=True)
                    continue
                row.append((found.latent(edition, by_region[parent]._replace(art="UTENFOR"), outside), 1))
            found.equal(row)
        if {"EAK", "EAKUO"} <= at.keys():  # the same where there is nothing of Oslo
            found.equal([(at["EAK"], -1), *((at[part], 1) for part in ("EAKUO", "EKA03") if part in at)])
        return
    for region, key in by_region.items():
        total = found.at.get((edition, key._replace(maal="SUM")))
        if total is not None:
            twice = found.values[total] - given[key].value
            more = found.latent(edition, key._replace(art="DOBBEL"), twice)
            found.equal([(total, -1), (at[region], 1), (more, 1)])


def _members(parent: str, groups: Mapping[str, Sequence[str]], municipalities: set[str]) -> int:
    """How many municipalities a county or group has that there are figures of."""
    if parent in groups:
        return len(municipalities & set(groups[parent]))
    return sum(one[:2] == parent[3:] for one in municipalities) if parent.startswith("EKA") else 0


def _margin(found: _Builder, edition: str, total: Key, split: Split, parts: list[Key]) -> None:
    """A total is the sum of what it is split into; of codes only where each has exactly one."""
    where = found.at.get((edition, total))
    if where is None:
        return
    at = {part: found.at[edition, part] for part in parts}
    if split != "kode":
        found.equal([(where, -1), *((one, 1) for one in at.values())])
        return
    codes = found.product.codes[total.figur]
    by_code = {part.kode: one for part, one in at.items()}
    for whole, members in codes.sums.items():
        if whole in by_code:
            found.equal([(by_code[whole], -1), *((by_code[code], 1) for code in members if code in by_code)])
    single = {code: one for code, one in by_code.items() if code not in codes.sums}
    if codes.partition:
        found.equal([(where, -1), *((one, 1) for one in single.values())])
    else:
        for one in single.values():
            found.equal([(where, 1), (one, -1)], least=True)


def _share(found: _Builder, edition: str, key: Key, given: Cells) -> None:
    """What counts and what does not are what it is a share of."""
    of = denominator(found.product, key)
    if of is None or of not in given:
        return
    left = given[of].value - given[key].value
    # Of figures that are sums the complement is another figure, with cells of its own.
    if any(key.figur in parts and of.figur == total for total, parts in sums()):
        return
    more = found.latent(edition, key._replace(art="REST_AV"), left)
    found.equal([(found.at[edition, of], -1), (found.at[edition, key], 1), (more, 1)])


def _halves(found: _Builder, editions: Sequence[tuple[str, Cells]]) -> None:
    """The year is its two half-years, whichever releases they were in."""
    latest: dict[Key, int] = {}
    for edition, given in editions:
        for key in given:
            latest.setdefault(key, found.at[edition, key])
    for key, year in latest.items():
        if key.periodetype != "Y" or not halves_add_up(named(key.figur)):
            continue
        halves = [latest.get(key._replace(periode=f"{key.periode}{half}", periodetype="H")) for half in ("H1", "H2")]
        if all(half is not None for half in halves):
            row = [(year, -1), *((half, 1) for half in halves if half is not None)]
            if sum(found.values[at] * times for at, times in row) == 0:
                found.equal(row)
