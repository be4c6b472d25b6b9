"""The SQL against the independent computation: on invented rows near every boundary, on simulated municipalities."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bvr.intake.envelope import Envelope, read_envelope
from bvr.intake.payload import open_payload
from bvr.intake.sender import Senders
from bvr.pipeline import Message, Settings, process
from bvr.register.keys import TinkCipher, new_keyset
from bvr.register.rows import row
from bvr.rules.options import RuleOptions
from bvr.simulate import simulate
from bvr.simulate.senders import rights
from tests.sql import notation
from tests.sql.googlesql import declared
from tests.sql.independent import FIGURES, Figures
from tests.sql.test_queries import text

RUN_TIME = datetime(2025, 2, 10, 3, 7, tzinfo=UTC)
BOUNDARIES = [
    date(year, month, day) + timedelta(days=shift)
    for year in (2023, 2024)
    for month, day in ((1, 1), (6, 30), (12, 31))
    for shift in (-1, 0, 1)
]
days = st.sampled_from([*BOUNDARIES, date(2025, 2, 10), date(2025, 2, 11)])
births = st.sampled_from(
    [date(2024 - age, 6, 30) + timedelta(days=shift) for age in (0, 3, 6, 13, 18, 25) for shift in (-1, 0, 1)]
)
ids = st.sampled_from(["a", "B", "c"])
maybe = st.sampled_from([None, None, None, True, False])
LAWS = ["BVL2021 3-1", "BVL2021 5-1", "BVL 4-12", "BVL 4-8", "BVL 4-8 ledd 2", "BVL 4-8 ledd 1", "BVL 4-4 ledd 3"]

personalia = st.fixed_dictionaries(
    {
        "id": ids,
        "fra": days,
        "nummer": st.sampled_from("XYZ"),
        "type": st.sampled_from(["FNR", "FNR", "DNR", "PLASSHOLDER", "UGYLDIG"]),
        "duf": st.sampled_from([None, None, "D"]),
        "fodt": births,
        "kjonn": st.sampled_from("012"),
        "slettet": maybe,
    }
)
melding = st.fixed_dictionaries({"id": ids, "start": days, "slettet": maybe})
tiltak = st.fixed_dictionaries(
    {
        "id": ids,
        "start": days,
        "slutt": st.none() | days,
        "slettet": maybe,
        "lov": st.sampled_from(LAWS),
        "jmfr": st.lists(st.sampled_from(["BVL 4-12", "BVL2021 5-1"]), max_size=2),
    }
)
slettet = st.fixed_dictionaries(
    {"type": st.sampled_from(["Personalia", "Melding", "Tiltak"]), "id": st.sampled_from(["A", "b"])}
)
sak = st.fixed_dictionaries(
    {
        "kommune": st.sampled_from(["0301", "4601"]),
        "sak": st.sampled_from(["s", "t", "u"]),
        "uttrekk": st.sampled_from([date(2024, 10, 1), date(2024, 11, 1)]),
        "mottatt": st.sampled_from([date(2024, 11, 2), date(2024, 11, 3)]),
        "utfall": st.sampled_from(["REGISTERED"] * 4 + ["EXCLUDED", "REJECTED"]),
        "slutt": st.none() | days,
        "er_slettet": st.sampled_from([None] * 8 + [True]),
        "barn": st.lists(personalia, max_size=3, unique_by=lambda one: one["id"]),
        "melding": st.lists(melding, max_size=3, unique_by=lambda one: one["id"]),
        "tiltak": st.lists(tiltak, max_size=3, unique_by=lambda one: one["id"]),
        "slettet": st.lists(slettet, max_size=1),
    }
)


def as_figures(result: list[dict[str, Any]]) -> Figures:
    found = {
        (r["kommunenummer"], r["periode"], r["kjonn"], r["aldersgruppe"], r["kode"]): (r["verdi"], r["n_barn"])
        for r in result
    }
    assert len(found) == len(result), "two rows for one cell"
    return found


def by_google(query: str, rows: list[dict[str, Any]], at: datetime) -> Figures:
    return as_figures(declared().rows(text(query), {"register.innsending": rows}, run_time=("TIMESTAMP", at)))


@pytest.mark.parametrize("query", FIGURES)
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(saker=st.lists(sak, min_size=1, max_size=6))
def test_near_the_boundaries(query, saker):
    rows = notation.rows({"saker": saker})
    assert by_google(query, rows, RUN_TIME) == FIGURES[query](rows, RUN_TIME)


class _Nothing:
    """A register that knows nothing: what matters here is what each submission says."""

    def first_content(self, orgnr: str, innsending_id: str, digest: str) -> str:
        return digest

    def has(self, orgnr: str, innsending_id: str) -> bool | None:
        return None

    def awaited(self, orgnr: str, innsending_id: str) -> bool:
        return False

    def elements(self, orgnr: str, sak_id: str) -> frozenset[tuple[str, str]] | None:
        return None

    def erased(self, orgnr: str, sak_id: str, extract: datetime) -> None:
        return None


@pytest.fixture(scope="session")
def simulated() -> list[dict[str, Any]]:
    """Rows of the register after a few simulated weeks, through the real pipeline."""
    senders = Senders(rights())
    cipher, allowed = TinkCipher(new_keyset()), Settings(options=RuleOptions(allow_synthetic=True))
    found = []
    for submission in simulate(5, 60, 30, 4):
        envelope = read_envelope(submission.attributes)
        assert isinstance(envelope, Envelope)
        message = Message(
            envelope=envelope,
            payload=open_payload(submission.body, envelope, submission.sent),
            received=submission.sent,
            handled=submission.sent,
        )
        found.append(row(process(message, _Nothing(), allowed, senders), cipher))
    return found


def after(rows: list[dict[str, Any]]) -> datetime:
    return max(r["mottatt"] for r in rows).astimezone(UTC) + timedelta(days=1)


@pytest.mark.parametrize("query", FIGURES)
def test_simulated_municipalities_in_googles_reference_engine(query, simulated):
    figures = FIGURES[query](simulated, after(simulated))
    assert sum(figure for figure, _ in figures.values()) > 100, "the comparison would say little"
    assert by_google(query, simulated, after(simulated)) == figures


@pytest.mark.local_cloud
@pytest.mark.parametrize("query", FIGURES)
def test_simulated_municipalities_in_the_emulator(query, simulated, warehouse):
    warehouse.fill(simulated)
    found = as_figures(warehouse.queries.query(text(query), {"run_time": after(simulated)}))
    assert found == FIGURES[query](simulated, after(simulated))
