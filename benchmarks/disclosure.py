"""Protection of the national table of statistics 4.3, and a cached extract: `python -m benchmarks.disclosure`.

The table: 357 municipalities, five ages, two sexes, all margins, with those of counties and the country: 6,700 cells,
some 2,000 of them small. Beside it a straightforward implementation of the same steps, over the same cells and with the
same pattern to begin with: two programmes for every hidden cell through scipy's linprog, one county at a time, and a
repair by the same interface. Ratios are of the same process and the same machine.
"""

from __future__ import annotations

import csv
import sys
import time
from itertools import islice, permutations
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

from bvr.statistics.publication import release
from bvr.statistics.publication.declared import products
from bvr.statistics.sdc.gauss import components, secondary
from bvr.statistics.sdc.problem import WIDTH, Problem, problem
from bvr.statistics.sdc.protect import protect

ROOT = Path(__file__).resolve().parents[1]
CHILDREN = 29_157


def national(seed: int = 1) -> Problem:
    """Children spread by inhabitants over municipality, age and sex, with every margin."""
    with (ROOT / "functions" / "bvr" / "simulate" / "kommuner.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    places = [row["kommunenummer"] for row in rows]
    people = np.array([int(row["innb_0_17"]) for row in rows], float)
    ages, sexes = np.array([0.1, 0.14, 0.36, 0.3, 0.1]), np.array([0.54, 0.46])
    likely = (people[:, None, None] * ages[None, :, None] * sexes[None, None, :]).ravel()
    inner = np.random.default_rng(seed).multinomial(CHILDREN, likely / likely.sum()).reshape(len(places), 5, 2)
    regions = ["EAK", *sorted({f"EKA{one[:2]}" for one in places}), *places]
    at: dict[tuple[Any, ...], int] = {}
    values: list[int] = []
    for region in regions:
        inside = [region in ("EAK", f"EKA{one[:2]}", one) for one in places]
        cells = inner[inside].sum(axis=0)
        for age in (None, *range(5)):
            for sex in (None, 0, 1):
                some = cells if age is None else cells[age : age + 1]
                at[region, age, sex] = len(values)
                values.append(int(some.sum() if sex is None else some[:, sex].sum()))
    equations: list[dict[int, int]] = []
    for region in regions:
        for age in (None, *range(5)):
            equations.append({at[region, age, None]: -1, **{at[region, age, sex]: 1 for sex in (0, 1)}})
        for sex in (None, 0, 1):
            equations.append({at[region, None, sex]: -1, **{at[region, age, sex]: 1 for age in range(5)}})
    counties = [region for region in regions if region.startswith("EKA")]
    for age in (None, *range(5)):
        for sex in (None, 0, 1):
            equations.append({at["EAK", age, sex]: -1, **{at[one, age, sex]: 1 for one in counties}})
            for county in counties:
                parts = [one for one in places if one[:2] == county[3:]]
                equations.append({at[county, age, sex]: -1, **{at[one, age, sex]: 1 for one in parts}})
    found = np.array(values, np.int64)
    rank = np.array([0.0 if len(r) > 4 or r == "EAK" else 1.0 + (a is not None) + (s is not None) for r, a, s in at])
    return problem(found, (found >= 1) & (found <= 3), rank, equations)


def straightforward(p: Problem) -> tuple[int, int, bool]:
    """The same steps, one cell at a time: hidden cells, programmes solved, whether every cell was wide at the end."""
    hidden = secondary(p, p.sensitive)
    solved = 0
    for _ in range(10):
        narrow = []
        for cells, rows in components(p.equations, ~p.shown(hidden)):
            part = sparse.csr_array(p.equations[rows][:, cells])
            sums = part @ p.values[cells]
            limits = [(int(min(1, v)), None) for v in p.values[cells]]
            for i, cell in enumerate(cells):
                cost = np.zeros(len(cells))
                cost[i] = 1
                low = linprog(cost, A_eq=part, b_eq=sums, bounds=limits, method="highs").x[i]
                done = linprog(-cost, A_eq=part, b_eq=sums, bounds=limits, method="highs")
                high = done.x[i] if done.x is not None else np.inf
                solved += 2
                value = p.values[cell]
                around = high > value + 1e-6 and (low < value - 1e-6 or value <= p.floor[cell])
                if high - low < WIDTH - 1e-6 or (p.sensitive[cell] and not around):
                    narrow.append(int(cell))
        if not narrow:
            return int(hidden.sum()), solved, True
        before = hidden.sum()
        hidden |= _repaired(p, hidden, narrow)
        solved += len(narrow)
        if hidden.sum() == before:
            return int(hidden.sum()), solved, False
    return int(hidden.sum()), solved, False


def _repaired(p: Problem, hidden: np.ndarray[Any, Any], narrow: list[int]) -> np.ndarray[Any, Any]:
    more = np.zeros(p.size, bool)
    for cells, rows in components(p.equations, (p.values > 0) & ((p.rank > 0) | hidden)):
        wanted = [cell for cell in narrow if cell in set(cells.tolist())]
        if not wanted:
            continue
        part = sparse.csr_array(p.equations[rows][:, cells])
        values, n = p.values[cells], len(cells)
        both = sparse.hstack([part, -part])
        for cell in wanted:
            i = int(np.flatnonzero(cells == cell)[0])
            cost = np.where((hidden | more)[cells], 0.0, np.log1p(values) + 0.5)
            limits: list[tuple[float, float | None]] = [(0, None)] * n + [(0, max(0, v - 1)) for v in values]
            limits[i], limits[n + i] = (WIDTH, None), (0, 0)
            done = linprog(
                np.concatenate([cost, cost]), A_eq=both, b_eq=np.zeros(part.shape[0]), bounds=limits, method="highs"
            )
            if done.x is not None:
                more[cells[np.abs(done.x[:n] - done.x[n:]) > 1e-7]] = True
    return more


def release_of_a_nation() -> list[str]:
    """Every product of a drawn nation's year: seconds, what is hidden, and what is left to read."""
    from tests.unit.release_world import World

    drawn = World(11, rate=0.045)
    rows = drawn.rows("2024")
    lines = [
        "| product | cells | hidden | of the nation's sum | municipalities with a total | attack | seconds |",
        "| --- | ---: | ---: | ---: | ---: | --- | ---: |",
    ]
    for product in products():
        start = time.perf_counter()
        made = release.make(product, rows, drawn.groups, people=drawn.people)
        took = time.perf_counter() - start
        if not made.cells:
            continue
        useful = made.utility
        lines.append(
            f"| {product.id} | {useful['celler']:,} | {useful['andel_skjult']:.1%} "
            f"| {useful['andel_av_landet_skjult']:.2%} | {useful['kommuner_med_total']} of {useful['kommuner']} "
            f"| {made.verdict.told()['dom']} | {took:.0f} |"
        )
        print(lines[-1], file=sys.stderr, flush=True)
    return lines


def extract() -> str:
    """A cached extract over HTTP, against a bare handler of the same server that returns the same bytes."""
    import threading

    import flask
    import requests
    from werkzeug.serving import make_server

    from tests.unit.released import ReleasedWorld

    world = ReleasedWorld()
    path = "/tables/bvr-undersokelser/data?valuecodes[Region]=*&valuecodes[Tid]=*"
    with world.served() as address:
        body = requests.get(address + path, timeout=10, headers={"Accept-Encoding": "identity"}).content
        app = flask.Flask("bar")

        @app.route("/tables/bvr-undersokelser/data")
        def bare() -> flask.Response:
            return flask.Response(body, content_type="application/json")

        server = make_server("127.0.0.1", 0, app, threaded=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        session, best = requests.Session(), {}
        for _ in range(5):
            for name, base in (("ours", address), ("bare", f"http://127.0.0.1:{server.server_port}")):
                start = time.perf_counter()
                for _ in range(200):
                    session.get(base + path, timeout=10, headers={"Accept-Encoding": "identity"})
                best[name] = min(best.get(name, 60.0), time.perf_counter() - start)
        server.shutdown()
    return (
        f"A cached extract of {len(body) / 1000:.0f} kB: {200 / best['ours']:.0f} answers a second, a bare handler "
        f"{200 / best['bare']:.0f}: **{best['ours'] / best['bare']:.2f}** times as long."
    )


def uncached() -> str:
    """Documents that nobody has asked for before, over HTTP from the function in the local cloud, with a token."""
    import requests
    from click.testing import CliRunner

    from bvr.cli import main as bvr
    from emulator.tokens import READ, fetch_token
    from tests.emulated.clouds import running
    from tests.emulated.releases import FREEZE, PRODUCT, load

    with running(functions=["uttrekk"], more={"BVR_API_CALLS_PER_MINUTE": "100000"}) as cloud:
        load()
        made = CliRunner().invoke(bvr, ["release", "make", PRODUCT.id, FREEZE])
        assert made.exit_code == 0, made.output
        client = cloud.tokens.client("bufdir")
        key = Path(client.key_file).read_bytes()
        token = fetch_token(cloud.tokens.issuer, client.client_id, key, READ, cloud.url("uttrekk"))
        session, taken, sizes = requests.Session(), [], []
        session.headers.update({"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"})
        everything = "valuecodes[Region]=*&valuecodes[Tid]=*&valuecodes[Alder]=*&heading=Tid"
        for n, figures in enumerate(islice(permutations(PRODUCT.figures), 200)):
            # Each has another order of figures: it is another document, of the same size.
            asked = f"{everything}&valuecodes[ContentsCode]={','.join(figures)}&lang={'en' if n % 2 else 'no'}"
            forms = ("csv", "json-stat2", "html", "px")
            start = time.perf_counter()
            answer = session.get(
                f"{cloud.url('uttrekk')}/tables/bvr-{PRODUCT.id}-alder/data?{asked}&outputFormat={forms[n % 4]}",
                timeout=30,
            )
            taken.append((time.perf_counter() - start) * 1000)
            assert answer.status_code == 200, answer.text[:500]
            sizes.append(len(answer.content) / 1000)
    taken.sort()
    return (
        f"Uncached documents in the local cloud, {min(sizes):.0f} to {max(sizes):.0f} kB in four formats: "
        f"p50 {taken[100]:.0f} ms, **p99 {taken[197]:.0f} ms**."
    )


def main() -> None:
    """Write the page; with `--table` without the products of a nation, which take the longest."""
    p = national()
    start = time.perf_counter()
    ours = protect(p)
    took = time.perf_counter() - start
    start = time.perf_counter()
    hidden, solved, wide = straightforward(p)
    plain = time.perf_counter() - start
    lines = [
        "# Disclosure control",
        "",
        "Made by `python -m benchmarks.disclosure`.",
        "",
        f"The national table: {p.size:,} cells, {int(p.sensitive.sum()):,} small, {(p.values == 0).sum():,} zero.",
        "",
        "| | hidden | programmes | seconds | every cell wide |",
        "| --- | ---: | ---: | ---: | --- |",
        f"| ours, with every cell in whole numbers | {int(ours.hidden.sum()):,} | {ours.audit.programmes:,} in the "
        f"last audit | {took:.1f} | {'yes' if ours.audit.passed else 'no'} |",
        f"| one cell at a time | {hidden:,} | {solved:,} | {plain:.1f} | {'yes' if wide else 'no'} |",
        "",
        f"**{plain / took:.0f}** times as fast.",
        "",
    ]
    if "--table" not in sys.argv:
        lines += ["## Every product of a drawn nation's year", "", *release_of_a_nation(), ""]
    lines += ["## The API", "", extract(), "", uncached(), ""]
    (ROOT / "benchmarks" / "disclosure.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
