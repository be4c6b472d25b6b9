"""A slice of the comparison with the official KOSTRA schema, on every run."""

from __future__ import annotations

import warnings

import pytest

from tests.generative import kostra_equivalence

ABSENT = kostra_equivalence.missing()
if ABSENT:
    warnings.warn(ABSENT, stacklevel=1)


@pytest.mark.skipif(bool(ABSENT), reason=ABSENT or "")
def test_our_kostra_schema_and_reader_agree_with_the_official_one() -> None:
    counts = kostra_equivalence.run(5000, seed=2026)
    valid = sum(n for verdicts, n in counts.items() if verdicts[0])
    assert 1000 < valid < 4000


def test_the_official_files_are_no_part_of_the_project() -> None:
    assert kostra_equivalence.ROOT not in kostra_equivalence.official_folder().resolve().parents
