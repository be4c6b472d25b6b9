"""Predicates of the law and groups of codes, as SQL over a column (statistics 0.5 and 0.6)."""

# ruff: noqa: S608

from __future__ import annotations

PLACEMENT = ("1.1", "1.2", "1.99", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "2.99", "8.2", "8.4", "8.5")
"""Measures by which a child lives outside its home."""
FOSTER = ("2.1", "2.2", "2.3", "2.4", "2.99")
FOLLOWED = ("2.1", "2.2", "2.3", "2.4", "2.6", "2.99")
"""Foster homes that are to be followed up and supervised."""
GROUPS = {
    "INSTITUSJON": ("1.1", "1.2", "1.99"),
    "FOSTERHJEM": FOSTER,
    "BEREDSKAPSHJEM": ("2.5",),
    "FAMILIE_NETTVERK": ("2.6",),
    "BOLIG": ("8.2", "8.4", "8.5"),
}


def quoted(codes: tuple[str, ...]) -> str:
    """'1', '2'"""
    return ", ".join(f"'{code}'" for code in codes)


def listed(codes: tuple[str, ...]) -> str:
    """('1', '2')"""
    return f"({quoted(codes)})"


def placed(kode: str) -> str:
    """Whether a category is a placement."""
    return f"{kode} IN {listed(PLACEMENT)}"


def group(kode: str) -> str:
    """The group of a placement."""
    whens = " ".join(f"WHEN {kode} IN {listed(codes)} THEN '{name}'" for name, codes in GROUPS.items())
    return f"CASE {whens} END"


def care(law: str, related: str) -> str:
    """A care measure: bvl. 2021 § 5-1; bvl. 1992 § 4-12, § 4-8 second and third subsection, § 4-8 with § 4-12."""
    return (
        f"(({law}.lov = 'BVL2021' AND {law}.kapittel = '5' AND {law}.paragraf = '1') "
        f"OR ({law}.lov = 'BVL' AND {law}.kapittel = '4' AND ({law}.paragraf = '12' OR ({law}.paragraf = '8' AND ("
        f"'2' IN UNNEST({law}.ledd) OR '3' IN UNNEST({law}.ledd) OR '4-12' IN UNNEST("
        f"ARRAY(SELECT CONCAT(j.kapittel, '-', j.paragraf) FROM UNNEST({related}) AS j)))))))"
    )


def emergency(law: str) -> str:
    """An emergency decision: bvl. 2021 chapter 4; bvl. 1992 §§ 4-6, 4-9 and 4-25 second subsection."""
    return (
        f"(({law}.lov = 'BVL2021' AND {law}.kapittel = '4') OR ({law}.lov = 'BVL' AND {law}.kapittel = '4' AND ("
        f"{law}.paragraf IN ('6', '9') OR ({law}.paragraf = '25' AND '2' IN UNNEST({law}.ledd)))))"
    )


def provision(law: str) -> str:
    """`BVL2021 4-1`."""
    return f"CONCAT({law}.lov, ' ', {law}.kapittel, '-', {law}.paragraf)"
