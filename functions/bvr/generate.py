"""What is generated from the model, the rules and the API, and whether the committed files still match."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import msgspec

from bvr import costs
from bvr.api import openapi, submit_openapi
from bvr.api.pulls import Uttrekkslogg
from bvr.api.rights import Rett
from bvr.errors import BvrError
from bvr.hendelse import openapi as kommune_openapi
from bvr.hendelse.rows import Henting
from bvr.intake import asyncapi
from bvr.intake.sender import Right
from bvr.kostra import schema as kostra_schema
from bvr.kostra.rows import KostraFil, KostraIndivid
from bvr.kostra.rules.doc import render as kostra_rules
from bvr.model import analysis, bigquery, compatibility, days, documentation, history, json_form, kommuner, schema
from bvr.model.compatibility import DECISIONS, Change
from bvr.model.innsending import Innsending
from bvr.model.versions import SUPPORTED
from bvr.reconcile import Avstemming
from bvr.register import purposes
from bvr.register.derived import Avledning
from bvr.register.identity import PersonIdentifikator, PersonSak
from bvr.register.orders import Sletteordre
from bvr.replay import Avspilling
from bvr.rules.doc import render as rules
from bvr.statistics.approval import Godkjenning
from bvr.statistics.deviations import tables as deviations
from bvr.statistics.figures import effect, tables
from bvr.statistics.publication import release
from bvr.statistics.publication.cubes import Kube
from bvr.statistics.reports.answers import Migreringssvar

ROOT = Path(__file__).resolve().parents[2]


def _bigquery(concept: type) -> str:
    return json.dumps(bigquery.columns(concept), ensure_ascii=False, indent=2) + "\n"


def outputs() -> dict[str, Callable[[], str]]:
    """Path below the root of the project -> what makes its text."""
    return {
        **{f"functions/bvr/model/xsd/Barnevern_v{v}.xsd": partial(schema.render, v) for v in SUPPORTED},
        "bigquery_schemas/register/innsending/schema.json": lambda: _bigquery(Innsending),
        "bigquery_schemas/register/sak_tabell/schema.json": lambda: _bigquery(Innsending),
        "bigquery_schemas/register/sak_tabell/merge.sql": history.case_merge,
        "bigquery_schemas/register/element/view.sql": history.element_view,
        "bigquery_schemas/register/endring/view.sql": history.change_view,
        "bigquery_schemas/register/hendelse/view.sql": history.event_view,
        "bigquery_schemas/drift/henting/schema.json": lambda: _bigquery(Henting),
        "bigquery_schemas/register/person_sak/schema.json": lambda: _bigquery(PersonSak),
        "bigquery_schemas/register/person_identifikator/schema.json": lambda: _bigquery(PersonIdentifikator),
        **{
            f"bigquery_schemas/{table}/schema.json": partial(_bigquery, concept)
            for table, concept in {
                "grunnlag/formal": purposes.Formal,
                "grunnlag/formal_epoke": purposes.FormalEpoke,
                "grunnlag/kohort": purposes.Kohort,
                "grunnlag/tilgang": purposes.Tilgang,
                "register/pseudonym": purposes.Pseudonym,
                "register/analyse_grunnlag": purposes.AnalyseGrunnlag,
            }.items()
        },
        "bigquery_schemas/grunnlag/kommuneendring/view.sql": kommuner.changes_view,
        "bigquery_schemas/grunnlag/helligdag/view.sql": days.holidays_view,
        f"bigquery_schemas/statistikk/{effect.NAME}/query.sql": effect.query,
        "bigquery_schemas/statistikk/godkjenning/schema.json": lambda: _bigquery(Godkjenning),
        **{
            f"bigquery_schemas/statistikk/{table}/schema.json": partial(_bigquery, concept)
            for table, concept in {
                "utgivelse": release.Utgivelse,
                "utgivelse_tall": release.UtgivelseTall,
                "utgivelse_monster": release.UtgivelseMonster,
            }.items()
        },
        "bigquery_schemas/statistikk/migreringssvar/schema.json": lambda: _bigquery(Migreringssvar),
        "bigquery_schemas/drift/avledning/schema.json": lambda: _bigquery(Avledning),
        "bigquery_schemas/drift/sletteordre/schema.json": lambda: _bigquery(Sletteordre),
        "bigquery_schemas/drift/avstemming/schema.json": lambda: _bigquery(Avstemming),
        "bigquery_schemas/drift/kube/schema.json": lambda: _bigquery(Kube),
        "bigquery_schemas/drift/avspilling/schema.json": lambda: _bigquery(Avspilling),
        "bigquery_schemas/register/kostra_fil/schema.json": lambda: _bigquery(KostraFil),
        "bigquery_schemas/register/kostra_individ/schema.json": lambda: _bigquery(KostraIndivid),
        "functions/bvr/kostra/xsd/KostraBarnevern.xsd": kostra_schema.render,
        "bigquery_schemas/grunnlag/avsender/schema.json": lambda: _bigquery(Right),
        "bigquery_schemas/grunnlag/rett/schema.json": lambda: _bigquery(Rett),
        "bigquery_schemas/drift/uttrekkslogg/schema.json": lambda: _bigquery(Uttrekkslogg),
        **{path: partial(json_form.render, version) for path, version in json_form.outputs().items()},
        **{path: partial(str, text) for path, text in analysis.outputs().items()},
        **{path: partial(str, text) for path, text in tables.outputs().items()},
        **{path: partial(str, text) for path, text in deviations.outputs().items()},
        "docs/informasjonsmodell.md": documentation.information_model,
        "docs/kodelister.md": documentation.code_lists,
        "docs/skjemaversjoner.md": documentation.schema_versions,
        "docs/tabell-innsending.md": documentation.table,
        "docs/regler.md": rules,
        "docs/kostnader.md": costs.page,
        "docs/kostra-regler.md": kostra_rules,
        "docs/openapi.json": openapi.render,
        "docs/openapi-kommune.json": kommune_openapi.render,
        "docs/openapi-innsending.json": submit_openapi.render,
        "docs/asyncapi.yaml": asyncapi.render,
    }


class Undecided(BvrError):
    """A change is not compatible, and nobody has decided it: nothing is written."""

    def __init__(self, changes: list[Change]) -> None:
        self.changes = changes
        entries = "\n".join(
            f"  - change: {json.dumps(c.id, ensure_ascii=False)}\n    who:\n    date:\n    why:" for c in changes
        )
        super().__init__(
            f"{len(changes)} not compatible with what was generated before, so nothing is written. Undo it in the "
            f"model; or record the decision in {DECISIONS.relative_to(ROOT)}, with who, date and why; or, if what was "
            f"generated before never left your machine, take those files back from git first.\n{entries}"
        )


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What generating would do: files to write (None: to remove), and what changes for senders and tables."""

    files: dict[str, str | None]
    changes: list[Change]


def plan(root: Path = ROOT, since: str | None = None) -> Plan:
    """Compare what is made now with what stands below `root`; the changes, with what stood at a git commit `since`."""
    after = {path: make() for path, make in outputs().items()}
    folders = {Path(path).parent for path in after if path.endswith(".xsd")}
    schemas = {str(p.relative_to(root)) for folder in folders for p in (root / folder).glob("*.xsd")}
    before = {p: (root / p).read_text(encoding="utf-8") for p in {*after, *schemas} if (root / p).exists()}
    return Plan(
        files={
            **{path: text for path, text in after.items() if before.get(path) != text},
            **dict.fromkeys(sorted(schemas - set(after))),  # a version that is no longer accepted
        },
        changes=compatibility.changes(_at(root, since, folders, after) if since else before, after),
    )


def _at(root: Path, commit: str, folders: Iterable[Path], paths: Iterable[str]) -> dict[str, str]:
    """The generated schemas as they stood at a commit. Raises BvrError when git does not know it."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            raise BvrError(f"git: {done.stderr.strip()}")
        return done.stdout

    there = set(git("ls-tree", "-r", "--name-only", "--full-tree", commit).splitlines())
    wanted = {p for p in paths if p.endswith("schema.json")} | {
        p for p in there if p.endswith(".xsd") and Path(p).parent in folders
    }
    return {p: git("show", f"{commit}:{p}") for p in sorted(wanted & there)}


def undecided(changes: list[Change]) -> list[Change]:
    """The changes that need a decision and have none. Raises BvrError for a record of decisions that cannot be read."""
    try:
        decided = compatibility.decisions(DECISIONS.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BvrError(str(error)) from error
    return compatibility.undecided(changes, decided)


def generate(root: Path = ROOT) -> Plan:
    """Write every generated file that differs. Raises Undecided, and writes nothing, when a change needs a decision."""
    made = plan(root)
    if left := undecided(made.changes):
        raise Undecided(left)
    for path, text in made.files.items():
        if text is None:
            (root / path).unlink()
            continue
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return made


def check(root: Path = ROOT) -> list[str]:
    """The generated files that are missing or differ from the model."""
    return list(plan(root).files)
