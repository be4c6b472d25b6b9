"""The views of analysis on a register of synthetic municipalities: every question answered, and nothing given away."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest
import yaml

from bvr.chain import NothingKnown
from bvr.intake.envelope import Envelope
from bvr.intake.payload import open_payload
from bvr.model import analysis
from bvr.model import concepts as m
from bvr.model.types import Person, fields
from bvr.pipeline import Message, Settings, process
from bvr.register.rows import row
from bvr.rules.options import RuleOptions
from bvr.simulate import Mix, simulate
from bvr.statistics.anonymity import VIEWS, as_json, examine
from bvr.statistics.publication import cubes
from bvr.statistics.publication.release import NotPublishable
from tests.generative.test_json_form import Everybody
from tests.sql.googlesql import SCHEMAS, declared
from tests.sql.test_access import World, purpose
from tests.unit.service_world import CIPHER

SETTINGS = Settings(options=RuleOptions(allow_synthetic=True))
EXAMPLES = [
    (path.parent.name, number, example["sql"])
    for path in sorted(SCHEMAS.glob("analyse/*/metadata.yaml"))
    for number, example in enumerate(yaml.safe_load(path.read_text(encoding="utf-8")).get("examples", []), 1)
]


def registered(submissions: list[Any]) -> list[dict[str, Any]]:
    """The rows that submissions become in intake."""
    found = []
    for s in submissions:
        envelope = Envelope.model_validate(s.attributes)
        message = Message(
            envelope=envelope, payload=open_payload(s.body, envelope, s.sent), received=s.sent, handled=s.sent
        )
        found.append(row(process(message, NothingKnown(), SETTINGS, Everybody()), CIPHER))  # type: ignore[arg-type]
    return found


class Analysed:
    """A register of some hundred cases, derived, for two purposes; and everything in it that nobody may see."""

    def __init__(self, warehouse: Any) -> None:
        self.world = World(warehouse)
        self.submissions = list(simulate(6, 150, 200, 5, start=date(2025, 1, 7), mix=Mix(moves=0.15)))
        warehouse.fill(registered(self.submissions))
        purposes = [purpose("dag"), purpose("ar", dato_presisjon="AR"), purpose("kuber")]
        self.world.tables.insert("grunnlag.formal", purposes)
        self.world.at = datetime(2025, 12, 1, tzinfo=UTC)
        self.world.derive(today=date(2025, 12, 1), everything=True)

    def rows(self, view: str, formal: str = "dag") -> list[dict[str, Any]]:
        only = "" if view in ("ferskhet", "pseudonym_bro") else f" WHERE formal = '{formal}'"
        return self.world.tables.query(f"SELECT * FROM analyse.{view}{only}")

    def secrets(self) -> set[str]:
        found: set[str] = set()
        for s in self.submissions:
            sak = s.document.sak
            found |= {sak.journalnummer, *_ids(msgspec.to_builtins(sak)), *(_texts(msgspec.to_builtins(sak)))}
            for p in sak.personalia:
                found |= {n for n in (p.fodselsnummer, p.duf_nummer) if n}
        return {secret for secret in found if len(secret.strip()) > 5}


def _ids(value: Any) -> set[str]:
    """Every key of the sender, of the case and of all in it."""
    if isinstance(value, dict):
        own = {v.lower() for k, v in value.items() if k in ("id", "migrert_id", "fra_id", "til_id")}
        return own.union(*(_ids(v) for v in value.values()))
    return set().union(*(_ids(v) for v in value)) if isinstance(value, list | tuple) else set()


def _texts(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {v for k, v in value.items() if k == "presisering"}
        return own.union(*(_texts(v) for v in value.values()))
    return set().union(*(_texts(v) for v in value)) if isinstance(value, list | tuple) else set()


@pytest.fixture(scope="module")
def analysed(warehouse):
    return Analysed(warehouse)


def told(rows: list[dict[str, Any]]) -> str:
    return json.dumps(rows, default=lambda v: v.hex() if isinstance(v, bytes) else str(v), ensure_ascii=False).lower()


# --- what is shown ---------------------------------------------------------------------------------------------------


def test_what_is_shown_is_declared_and_says_nothing_of_who() -> None:
    assert analysis.unsafe() == []
    for concept, names in analysis.SHOWN.items():
        assert set(names) <= {f.name for f in fields(concept)}, concept.__name__
    assert m.Personalia not in analysis.SHOWN
    assert m.Slettet not in analysis.SHOWN


def test_a_field_that_is_added_to_the_model_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that identifies is found if somebody shows it."""
    before = {view.name: view.sql for view in analysis.views()}
    monkeypatch.setitem(analysis.SHOWN, m.Melder, ("kode", "presisering"))
    assert analysis.unsafe() == ["Melder.presisering"]
    assert {view.name: view.sql for view in analysis.views()} != before
    monkeypatch.setitem(analysis.SHOWN, m.Melder, ())
    assert "e.kode FROM UNNEST(x.melder)" not in {v.name: v.sql for v in analysis.views()}["melding"]
    assert {f.name for f in fields(m.Melder) if f.doc.person is not Person.NONE} == {"presisering"}


@pytest.mark.parametrize("view", [view.name for view in analysis.views()])
def test_a_view_has_the_columns_that_its_metadata_tell(view: str) -> None:
    """Names and types, by Google's analyzer."""
    metadata = yaml.safe_load((SCHEMAS / "analyse" / view / "metadata.yaml").read_text(encoding="utf-8"))
    given = declared().columns((SCHEMAS / "analyse" / view / "view.sql").read_text(encoding="utf-8"))
    assert [name for name, _ in given] == [column["name"] for column in metadata["columns"]]
    assert all(column["nb"] and column["en"] for column in metadata["columns"])


@pytest.mark.local_cloud
@pytest.mark.parametrize("view", [view.name for view in analysis.views()])
def test_no_view_holds_a_secret(analysed: Analysed, view: str) -> None:
    """Numbers, journal numbers, the sender's keys, free text and birth dates; as they are, and as ciphertext."""
    text = told(analysed.rows(view))
    assert len(text) > 50
    for secret in analysed.secrets():
        assert secret.lower() not in text
        for form in (CIPHER.encrypt(secret), secret.encode(), hashlib.sha256(secret.encode()).digest()):
            assert form.hex() not in text
            assert base64.b64encode(form).decode().lower() not in text


@pytest.mark.local_cloud
@pytest.mark.parametrize(("view", "number", "sql"), EXAMPLES, ids=[f"{v}-{n}" for v, n, _ in EXAMPLES])
def test_every_example_answers(analysed: Analysed, view: str, number: int, sql: str) -> None:
    declared().check(sql)
    assert analysed.world.tables.query(sql), (view, number)


# --- what it says ----------------------------------------------------------------------------------------------------


@pytest.mark.local_cloud
def test_a_move_is_one_course(analysed: Analysed) -> None:
    """A child that moved has one pseudonym, both municipalities, and one row where they change."""
    moved: dict[str, set[str]] = {}
    for s in analysed.submissions:
        for p in s.document.sak.personalia:
            if not p.fodselsnummer.endswith(("00100", "00200", "99999")):
                moved.setdefault(p.fodselsnummer, set()).add(s.document.avgiver.kommunenummer)
    assert sum(len(k) > 1 for k in moved.values()) > 3
    several = [r for r in analysed.rows("barn") if r["antall_kommuner"] > 1]
    assert several
    course = [r for r in analysed.rows("barn_forlop") if r["barn_ref"] == several[0]["barn_ref"]]
    course.sort(key=lambda r: r["nummer"])
    assert [r["nummer"] for r in course] == list(range(1, len(course) + 1))
    assert course[0]["dager"] == 0
    assert [r["dager"] for r in course] == [(r["dato"] - course[0]["dato"]).days for r in course]
    assert len({r["kommunenummer"] for r in course}) == several[0]["antall_kommuner"]
    assert any(r["ny_kommune"] for r in course)
    for before, after in pairwise(course):
        assert after["forrige_kommune"] == before["kommunenummer"]
        assert after["ny_kommune"] == (before["kommunenummer"] != after["kommunenummer"])


@pytest.mark.local_cloud
def test_views_agree_with_the_current_register(analysed: Analysed) -> None:
    """As many of each element as a count in Python of what is not deleted."""
    current = analysed.world.tables.query("SELECT orgnr, sak_id, sak FROM register.sak_gjeldende")
    for view in ("melding", "undersokelse", "vedtak", "tiltak", "plan", "ettervern", "flytting"):
        concept = next(f.concept for f in fields(m.Sak) if f.name == view)
        expected = 0
        for case in current:
            listed = {b["id"].lower() for b in case["sak"]["slettet"] or () if b["type"] == concept.__name__}
            for e in case["sak"][view] or ():
                expected += (
                    not e["er_slettet"]
                    and e["id"].lower() not in listed
                    and e[analysis.begun(concept)] <= date(2025, 12, 1)
                )
        rows = analysed.rows(view)
        assert len(rows) == expected, view
        assert len({r[f"{view}_ref"] for r in rows}) == expected
    assert len(analysed.rows("sak")) == len(current)


@pytest.mark.local_cloud
def test_references_lead_from_view_to_view(analysed: Analysed) -> None:
    links = analysed.rows("relasjon")
    for kind, view in (
        ("Melding", "melding"),
        ("Undersokelse", "undersokelse"),
        ("Vedtak", "vedtak"),
        ("Tiltak", "tiltak"),
    ):
        ends = {r["fra_ref"] for r in links if r["fra_type"] == kind}
        ends |= {r["til_ref"] for r in links if r["til_type"] == kind}
        assert ends
        assert ends <= {r[f"{view}_ref"] for r in analysed.rows(view)}
    cases = {(r["sak_ref"], r["barn_ref"]) for r in analysed.rows("sak")}
    for view in ("melding", "tiltak", "hendelse", "relasjon"):
        assert {(r["sak_ref"], r["barn_ref"]) for r in analysed.rows(view)} <= cases
    assert {r["barn_ref"] for r in analysed.rows("sak")} == {r["barn_ref"] for r in analysed.rows("barn")}


@pytest.mark.local_cloud
def test_dates_are_as_exact_as_the_purpose_allows(analysed: Analysed) -> None:
    """Every date of every view, also in lists and records: by the year, all are the first of January."""

    def dates(value: Any) -> set[date]:
        if isinstance(value, dict):
            return set().union(*(dates(v) for v in value.values()))
        if isinstance(value, list):
            return set().union(*(dates(v) for v in value))
        return {value} if isinstance(value, date) and not isinstance(value, datetime) else set()

    seen = 0
    for view in analysis.views():
        if view.name == "ferskhet":
            continue
        found = set().union(*(dates(r) for r in analysed.rows(view.name, "ar")), set())
        seen += len(found)
        assert {(d.month, d.day) for d in found} <= {(1, 1)}, view.name
        assert not found or {d.day for d in set().union(*(dates(r) for r in analysed.rows(view.name)))} != {1}
    assert seen > 10


@pytest.mark.local_cloud
def test_purposes_share_no_pseudonym(analysed: Analysed) -> None:
    for view, names in (
        ("barn", ("barn_ref",)),
        ("tiltak", ("barn_ref", "sak_ref", "tiltak_ref")),
        ("hendelse", ("element_ref",)),
    ):
        one, other = (analysed.rows(view, formal) for formal in ("dag", "ar"))
        assert len(one) == len(other)
        for name in names:
            assert not {r[name] for r in one} & {r[name] for r in other}


@pytest.mark.local_cloud
def test_freshness_counts_what_is_kept_out(analysed: Analysed) -> None:
    rows = {r["kommunenummer"]: r for r in analysed.rows("ferskhet") if not r["bydelsnummer"]}
    expected: dict[str, set[str]] = {}
    for s in analysed.submissions:
        if not s.note.invalid and not s.document.avgiver.bydelsnummer:
            expected.setdefault(s.document.avgiver.kommunenummer, set()).add(s.document.sak.id)
    for kommune, cases in expected.items():
        assert 0 < rows[kommune]["saker"] <= len(cases)
        assert rows[kommune]["andel_med_feil"] == rows[kommune]["saker_med_feil"] / rows[kommune]["saker"]
    assert sum(r["saker_med_feil"] for r in analysed.rows("ferskhet")) > 0
    assert max(r["siste_innsending"] for r in rows.values()) <= max(s.sent for s in analysed.submissions) + timedelta(1)


@pytest.mark.local_cloud
def test_the_report_on_anonymity_reads_these_views(analysed: Analysed) -> None:
    found = examine(analysed.world.tables, "dag")
    assert {c.view for c in found.classes} == {e.view for e in VIEWS}
    assert max(c.children for c in found.classes) == len(analysed.rows("barn"))
    assert all(sum(c.groups.values()) for c in found.classes)
    assert found.courses[0].courses > 0
    text = as_json(found).decode().lower()
    for secret in analysed.secrets():
        assert secret.lower() not in text


# --- cubes made to order ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cube", cubes.declared().cubes, ids=lambda cube: cube.id)
def test_a_cube_has_the_columns_that_it_declares(cube: cubes.Cube) -> None:
    """Names and types, by Google's analyzer."""
    given = declared().columns(cube.sql, formal="STRING", aar="INTEGER")
    assert [name for name, _ in given] == ["barn", *cube.dimensions]
    assert {kind for _, kind in given} == {"STRING"}


@pytest.mark.local_cloud
@pytest.mark.parametrize(
    ("cube", "view", "day"),
    list(zip(cubes.declared().cubes, ("vedtak", "ettervern"), ("start_dato", "tilbud_sendt_dato"), strict=True)),
)
def test_a_cube_is_delivered_and_says_nothing_of_who(analysed: Analysed, cube: cubes.Cube, view: str, day: str) -> None:
    tables = analysed.world.tables
    years = f"SELECT EXTRACT(YEAR FROM v.{day}) AS aar, COUNT(*) AS n FROM analyse.{view} AS v GROUP BY aar"
    aar = max(tables.query(years), key=lambda row: int(row["n"]))["aar"]
    made = cubes.deliver(tables, cube, aar, lambda: datetime(2026, 1, 1, tzinfo=UTC))
    (_, *lines) = made.table.decode().splitlines()
    shown = {tuple(line.split(";")[:-1]): int(line.rpartition(";")[2]) for line in lines}
    children = {row["barn"] for row in tables.query(cube.sql, {"formal": "kuber", "aar": aar})}
    assert abs(shown[("T",) * len(cube.dimensions)] - len(children)) <= 3
    assert not {1, 2} & set(shown.values())
    text = (made.table + made.about).decode().lower()
    for secret in (*analysed.secrets(), *children):
        assert secret.lower() not in text
    assert cubes.deliver(tables, cube, aar, lambda: datetime(2026, 2, 1, tzinfo=UTC)).table == made.table
    other = msgspec.structs.replace(cube, method="AVRUNDING" if cube.method == "CELLENOKKEL" else "CELLENOKKEL")
    with pytest.raises((NotPublishable, ValueError)):
        cubes.deliver(tables, other, aar, lambda: datetime(2026, 2, 1, tzinfo=UTC))
