"""The attack on a release (statistics 4.5): what a reader can work out of what is published, and nothing else.

It knows what anybody knows: the cells that are shown, what the regions, ages, codes and figures mean, that a hidden
figure is at least 1, and the releases before. It shares no code with the protection: its equations are made from the
names of the cells, its programmes are solved by another interface, so that what the one forgets the other may find.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.optimize import linprog

from bvr.statistics.publication.declared import Product, halves_add_up, named, sums
from bvr.statistics.publication.linked import Key

WIDTH = 3
FEW = 10
SMALL = 3
_CLOSE = 1e-6
_ALL = "T"

Row = tuple[dict[int, float], float]
"""Coefficients of variables, and what they add up to (or are at most)."""


class Public(msgspec.Struct, frozen=True, kw_only=True):
    """A release as a reader has it: a hidden cell is None. `unchanged` are cells known to be as in the newest release:
    the worst that a reader can know of a revision. `added_up` are cells of a year known to be the sum of half-years as
    they were published."""

    name: str
    cells: Mapping[Key, int | None]
    unchanged: frozenset[Key] = frozenset()
    added_up: frozenset[Key] = frozenset()


class Learned(msgspec.Struct, frozen=True):
    """Something a reader can work out: about which cell, between what."""

    attack: str
    key: Key
    low: float
    high: float


def halves_of(key: Key) -> list[Key]:
    """The half-years that a cell of a year is the sum of; none where it is not."""
    if key.periodetype != "Y" or not halves_add_up(named(key.figur)):
        return []
    return [key._replace(periode=f"{key.periode}{half}", periodetype="H") for half in ("H1", "H2")]


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was tried, how often, and what was learned."""

    tried: dict[str, int]
    learned: list[Learned]

    @property
    def green(self) -> bool:
        return not self.learned

    def told(self) -> dict[str, Any]:
        """What is stored of it: how often, and nothing of which cells."""
        found: dict[str, int] = dict.fromkeys(self.tried, 0)
        for one in self.learned:
            found[one.attack] += 1
        return {"dom": "GRONN" if self.green else "ROD", "forsok": self.tried, "funnet": found}


ATTACKS = {
    "A1": "trekker fra innen rad, kolonne og hierarki | subtracts in rows, columns and hierarchies",
    "A2": "grenser for hver skjult celle | bounds of every hidden cell",
    "A3": "samme, og vet at en skjult celle er minst 1 | the same, knowing that a hidden cell is at least 1",
    "A4": "mot tidligere utgivelser, halvår mot år, bydel mot kommune, sum mot unike | against other releases, levels",
    "A5": "andel ganger nevner | share times denominator",
    "A6": "nøkkeltall som er summer av andre | figures that are sums of others",
    "A8": "nuller og grupper med alle | zeros, and groups that have everybody",
}


def attack(
    product: Product,
    releases: Sequence[Public],
    groups: Mapping[str, Sequence[str]],
    shares: Mapping[Key, float] | None = None,
    *,
    seed: int = 7,
) -> Verdict:
    """Attack the last of some releases with all that came before it. `shares` are those that it shows, in percent."""
    reader = _Reader(product, releases, groups)
    tried: dict[str, int] = {}
    learned: list[Learned] = []
    tried["A1"] = len(reader.hidden())
    learned += [Learned("A1", key, value, value) for key, value in reader.subtracted()]
    for name, equations, least in (
        ("A2", ("table",), 0),
        ("A3", ("table",), 1),
        ("A6", ("table", "figures"), 1),
        ("A4", ("table", "figures", "releases"), 1),
    ):
        bounds, count = reader.bounds(equations, least, np.random.default_rng(seed))
        tried[name] = count
        known = {one.key for one in learned}
        learned += [
            Learned(name, key, low, high)
            for key, (low, high) in bounds.items()
            if high - low < WIDTH - _CLOSE and key not in known
        ]
    differences = list(reader.differences())
    tried["A4"] += len(differences)
    learned += [Learned("A4", key, n, n) for key, n in differences if 1 <= n <= SMALL]
    tried["A5"] = len(shares or {})
    learned += list(reader.from_shares(shares or {}))
    zeros = list(reader.everybody())
    tried["A8"] = len(zeros)
    learned += [Learned("A8", key, n, n) for key, n, all_of in zeros if all_of]
    return Verdict(tried=tried, learned=learned)


class _Reader:
    """What a reader has, as equations over variables: one for each hidden cell, the same where it is known to be."""

    def __init__(self, product: Product, releases: Sequence[Public], groups: Mapping[str, Sequence[str]]) -> None:
        self._product = product
        self._releases = releases
        self._newest = releases[-1]
        self._groups = groups
        self._at: dict[tuple[str, Key], int] = {}
        self._keys: list[Key] = []
        for release in reversed(releases):
            for key, value in release.cells.items():
                if value is not None:
                    continue
                ours = self._at.get((self._newest.name, key)) if key in release.unchanged else None
                if ours is None:
                    ours = len(self._keys)
                    self._keys.append(key)
                self._at[release.name, key] = ours
        self._rows: dict[str, tuple[list[Row], list[Row]]] = {}
        self._left: dict[int, Key] = {}
        """Variables for what is left when parts are taken from a whole: nobody publishes it, and it can be few."""

    def hidden(self) -> list[Key]:
        """The cells that the newest release hides."""
        return [key for key, value in self._newest.cells.items() if value is None]

    # --- equations -----------------------------------------------------------------------------------------------

    def _equations(self, which: tuple[str, ...]) -> tuple[list[Row], list[Row]]:
        equal: list[Row] = []
        most: list[Row] = []
        for one in which:
            if one not in self._rows:
                self._rows[one] = self._made(one)
            equal += self._rows[one][0]
            most += self._rows[one][1]
        return equal, most

    def _made(self, which: str) -> tuple[list[Row], list[Row]]:
        releases = self._releases if which == "releases" else [self._newest]
        equal: list[Row] = []
        most: list[Row] = []
        for release in releases:
            for parts in ("table", "figures") if which == "releases" else (which,):
                for whole, of, exact in self._relations(release, parts):
                    row, sum_ = self._row(release, whole, of)
                    if row and exact:
                        equal.append((row, sum_))
                    elif row and parts == "figures":
                        self._left[len(self._keys)] = whole
                        equal.append(({**row, len(self._keys): 1.0}, sum_))
                        self._keys.append(whole._replace(art="REST"))
                    elif row:
                        most.append((row, sum_))
        if which == "releases":
            equal += list(self._across())
        return equal, most

    def _row(self, release: Public, whole: Key, of: Sequence[Key]) -> Row:
        """What is unknown of "these are the whole"; for "no more than", the same sign."""
        row: dict[int, float] = defaultdict(float)
        left = 0.0
        for key, sign in ((whole, -1.0), *((one, 1.0) for one in of)):
            value = release.cells[key]
            if value is None:
                row[self._at[release.name, key]] += sign
            else:
                left -= sign * value
        return {at: n for at, n in row.items() if n}, left

    def _relations(self, release: Public, which: str) -> Iterator[tuple[Key, list[Key], bool]]:
        """(whole, its parts, whether they are exactly it) of one release."""
        if which == "table":
            yield from self._tables(release)
            return
        product = self._product
        made = dict(sums())
        for key in release.cells:
            if key.kode != _ALL or key.art != "VERDI":
                continue
            if key.figur in made:
                some = _spelt_out([key._replace(figur=part) for part in made[key.figur]], release.cells, made)
                if some:
                    yield key, some, True
            for total, parts in product.rest.items():
                some = [key._replace(figur=part) for part in parts]
                if key.figur == total and all(one in release.cells for one in some):
                    yield key, some, False
            of = self._of(key)
            if of is not None and of in release.cells:
                yield of, [key], False

    def _of(self, key: Key) -> Key | None:
        """The cell that a share is a share of."""
        if named(key.figur).nevner is None or key.kode != _ALL or key.art != "VERDI":
            return None
        whole = self._product.share_of.get(key.figur)
        return key._replace(figur=whole) if whole else key._replace(art="NEVNER")

    def _tables(self, release: Public) -> Iterator[tuple[Key, list[Key], bool]]:
        by_series: dict[Key, dict[str, Key]] = defaultdict(dict)
        by_total: dict[tuple[Key, str], list[Key]] = defaultdict(list)
        for key in release.cells:
            by_series[key._replace(region="")][key.region] = key
            for name in ("kjonn", "alder", "kode"):
                if getattr(key, name) != _ALL:
                    by_total[key._replace(**{name: _ALL}), name].append(key)
        everywhere = {key.region for key in release.cells}
        for series, regions in by_series.items():
            if series.maal == "SUM":
                yield from self._places(series, regions, everywhere)
            else:
                for key in regions.values():
                    if (summed := key._replace(maal="SUM")) in release.cells:
                        yield summed, [key], False
        for (total, name), parts in by_total.items():
            if total not in release.cells:
                continue
            if name != "kode":
                yield total, parts, True
                continue
            codes = self._product.codes[total.figur]
            single = [part for part in parts if part.kode not in codes.sums]
            if codes.partition:
                yield total, single, True
            else:
                for part in single:
                    yield total, [part], False
            for whole, members in codes.sums.items():
                stable = [part for part in parts if part.kode == whole]
                if stable:
                    yield stable[0], [part for part in parts if part.kode in members], True

    def _places(
        self, series: Key, regions: Mapping[str, Key], everywhere: set[str]
    ) -> Iterator[tuple[Key, list[Key], bool]]:
        inside: dict[str, list[Key]] = defaultdict(list)
        for region, key in regions.items():
            if region.startswith("EKA"):
                inside["EAK"].append(key)
            elif len(region) == 4 and region.isdigit():
                inside["EKA" + region[:2]].append(key)
            elif len(region) == 6 and region.isdigit():
                inside[region[:4]].append(key)
                if region[:4] == "0301" and region[4:] not in ("16", "17", "99"):
                    inside["EAB"].append(key)
        for group, members in self._groups.items():
            inside[group] = [regions[one] for one in members if one in regions]
        for whole, parts in inside.items():
            if whole not in regions or not parts:
                continue
            within = set(self._groups.get(whole, ())) or {
                one for one in everywhere if len(one) == 4 and one.isdigit() and whole == f"EKA{one[:2]}"
            }
            if not within & everywhere <= regions.keys():  # figures of small municipalities are not split
                yield regions[whole], parts, False
                continue
            if len(whole) == 4 and whole.isdigit():
                # A child can be in two districts: then each is no more than the whole, and that is all.
                if named(series.figur).unit == "BARN":
                    for part in parts:
                        yield regions[whole], [part], False
                else:
                    yield regions[whole], parts, False
            else:
                yield regions[whole], parts, True
        if {"EAK", "EAKUO"} <= regions.keys():
            yield regions["EAK"], [regions[part] for part in ("EAKUO", "EKA03") if part in regions], True

    def _across(self) -> Iterator[Row]:
        """The year is its half-years, whichever releases they were in, the newest first."""
        latest: dict[Key, tuple[int | None, int | None]] = {}
        for release in reversed(self._releases):
            for key, value in release.cells.items():
                latest.setdefault(key, (value, self._at.get((release.name, key))))
        for key in self._newest.added_up:
            halves = halves_of(key)
            row: dict[int, float] = {}
            left = 0.0
            for one, sign in ((key, -1.0), *((half, 1.0) for half in halves)):
                value, at = latest[one]
                if at is not None:
                    row[at] = sign
                elif value is not None:
                    left -= sign * value
            if row:
                yield row, left

    # --- attacks -------------------------------------------------------------------------------------------------

    def subtracted(self) -> list[tuple[Key, float]]:
        """Cells that follow by subtraction, one after the other, as anybody does it with a pencil."""
        equal, _ = self._equations(("table", "figures", "releases"))
        found: dict[int, float] = {}
        while True:
            before = len(found)
            for row, sum_ in equal:
                open_ = [at for at in row if at not in found]
                if len(open_) == 1:
                    known = sum(times * found[at] for at, times in row.items() if at in found)
                    found[open_[0]] = (sum_ - known) / row[open_[0]]
            if len(found) == before:
                break
        ours = self._ours()
        return [(ours[at], value) for at, value in sorted(found.items()) if at in ours]

    def _ours(self) -> dict[int, Key]:
        return {self._at[self._newest.name, key]: key for key in self.hidden()}

    def bounds(
        self, which: tuple[str, ...], least: int, random: np.random.Generator
    ) -> tuple[dict[Key, tuple[float, float]], int]:
        """The least and greatest value of each hidden cell, or enough of it to see that it is wide; and how many
        programmes were solved."""
        equal, most = self._equations(which)
        ours = self._ours()
        found: dict[Key, tuple[float, float]] = {}
        solved = 0
        for variables, rows, limits in _parts(equal, most):
            wanted = [i for i, at in enumerate(variables) if at in ours or at in self._left]
            if not wanted:
                continue
            lowest = [0 if at in self._left else least for at in variables]
            low, high, count = _Part(variables, rows, limits, lowest).search(wanted, random)
            solved += count
            for i in wanted:
                if (at := variables[i]) in ours:
                    found[ours[at]] = (float(low[i]), float(high[i]))
                elif low[i] > _CLOSE and high[i] < SMALL + _CLOSE:
                    found[self._keys[at]] = (float(low[i]), float(high[i]))
        return found, solved

    def differences(self) -> Iterator[tuple[Key, int]]:
        """What anybody can subtract of what is shown: sum and unique, a share's complement, outside the districts."""
        cells = self._newest.cells
        by_place: dict[Key, list[Key]] = defaultdict(list)
        for key, value in cells.items():
            if value is None:
                continue
            other = cells.get(key._replace(maal="SUM")) if key.maal == "UNIK" else None
            if other is not None:
                yield key, other - value
            of = self._of(key)
            whole = cells.get(of) if of is not None else None
            if whole is not None:
                yield key, whole - value
            if len(key.region) == 6:
                by_place[key._replace(region=key.region[:4])].append(key)
        for total, parts in by_place.items():
            value = cells.get(total)
            inside = [cells[part] for part in parts]
            known = [one for one in inside if one is not None]
            everyone = sum(1 for key in cells if len(key.region) == 6 and key._replace(region=key.region[:4]) == total)
            if value is not None and len(known) == everyone and sum(known) <= value:
                yield total, value - sum(known)

    def from_shares(self, shares: Mapping[Key, float]) -> Iterator[Learned]:
        """A share with one decimal gives its numerator to whoever has the denominator, and the other way round."""
        for key, share in shares.items():
            of = self._of(key)
            if of is None:
                continue
            top, base = self._newest.cells.get(key), self._newest.cells.get(of)
            if base is not None and top is None:
                low, high = (share - 0.05) * base / 100, (share + 0.05) * base / 100
                if high - low < WIDTH:
                    yield Learned("A5", key, low, high)
            elif top is not None and base is None and share > 0:
                low, high = 100 * top / (share + 0.05), 100 * top / (share - 0.05)
                if high - low < WIDTH:
                    yield Learned("A5", of, low, high)
            elif top is None and base is None and share in (0.0, 100.0):
                yield Learned("A5", key, share, share)

    def everybody(self) -> Iterator[tuple[Key, int, bool]]:
        """Groups of few of whom all are known to be in one: a code, or what a share counts."""
        cells = self._newest.cells
        for key, value in cells.items():
            if value is None or not 0 < value < FEW:
                continue
            of = self._of(key)
            whole = cells.get(of) if of is not None else None
            if key.kode != _ALL:
                whole = cells.get(key._replace(kode=_ALL))
            if whole is not None:
                yield key, value, whole == value


def _spelt_out(parts: list[Key], cells: Mapping[Key, int | None], made: Mapping[str, tuple[str, ...]]) -> list[Key]:
    """Parts that are published: one that is not is the sum of its own; nothing where that is not, either."""
    found: list[Key] = []
    for part in parts:
        if part in cells:
            found.append(part)
        elif part.figur in made:
            inner = _spelt_out([part._replace(figur=one) for one in made[part.figur]], cells, made)
            if not inner:
                return []
            found += inner
        else:
            return []
    return found


Parts = Iterator[tuple[list[int], list[Row], list[Row]]]


def _parts(equal: Sequence[Row], most: Sequence[Row]) -> Parts:
    """The variables that hang together, with their rows."""
    parent: dict[int, int] = {}

    def root(one: int) -> int:
        parent.setdefault(one, one)
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    for row, _ in (*equal, *most):
        first, *rest = row
        for other in rest:
            parent[root(other)] = root(first)
        root(first)
    members: dict[int, list[int]] = defaultdict(list)
    rows: dict[int, tuple[list[Row], list[Row]]] = defaultdict(lambda: ([], []))
    for one in parent:
        members[root(one)].append(one)
    for which, given in enumerate((equal, most)):
        for one_row in given:
            rows[root(next(iter(one_row[0])))][which].append(one_row)
    for name, variables in members.items():
        yield variables, *rows[name]


class _Part:
    """Variables that hang together: what each can be."""

    def __init__(self, variables: list[int], equal: list[Row], most: list[Row], least: list[int]) -> None:
        at = {variable: i for i, variable in enumerate(variables)}
        self._n = len(variables)
        self._equal = _matrix(equal, at)
        self._most = _matrix(most, at)
        top = sum(abs(sum_) for _, sum_ in equal) + 1e3
        self._limits = [(float(one), top) for one in least]

    def search(
        self, wanted: list[int], random: np.random.Generator
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], int]:
        """Least and greatest of each that is wanted, as far as is needed to see whether it is wide."""
        low, high = np.full(self._n, np.inf), np.full(self._n, -np.inf)
        solved = 0

        def look(objective: npt.NDArray[np.float64]) -> None:
            nonlocal solved
            solved += 1
            values = self._solve(objective)
            np.minimum(low, values, out=low)
            np.maximum(high, values, out=high)

        some = np.array(wanted)
        narrow = some
        for _ in range(12):
            before = len(narrow)
            objective = np.zeros(self._n)
            objective[narrow] = random.normal(size=len(narrow))
            look(objective)
            look(-objective)
            narrow = some[(high - low)[some] < WIDTH]
            if len(narrow) < 2 or before - len(narrow) < 2:
                break
        for one in narrow:
            if high[one] - low[one] >= WIDTH:
                continue
            objective = np.zeros(self._n)
            objective[one] = 1.0
            look(objective)
            look(-objective)
        return low, high, solved

    def _solve(self, objective: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        done = linprog(
            objective,
            A_eq=self._equal[0],
            b_eq=self._equal[1],
            A_ub=self._most[0],
            b_ub=self._most[1],
            bounds=self._limits,
            method="highs",
        )
        if done.x is None:
            raise ArithmeticError(f"what is published contradicts itself: {done.message}")
        values: npt.NDArray[np.float64] = done.x
        return values


def _matrix(rows: Sequence[Row], at: Mapping[int, int]) -> tuple[Any, Any]:
    if not rows:
        return None, None
    place = [(i, at[variable], n) for i, (row, _) in enumerate(rows) for variable, n in row.items()]
    i, j, n = (list(column) for column in zip(*place, strict=True))
    return sparse.csr_array((n, (i, j)), shape=(len(rows), len(at))), np.array([sum_ for _, sum_ in rows])
