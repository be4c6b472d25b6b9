"""What is generated from the declarations: tables of input, the queries of the families, their checks, and the docs."""

# ruff: noqa: S608

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Annotated, Any

import yaml

from bvr.model import bigquery
from bvr.model.types import DATE, STAMP, TEXT, WHOLE, Concept, Doc
from bvr.statistics.figures import families
from bvr.statistics.figures.catalogue import FAMILIES, figures, of
from bvr.statistics.figures.declared import Family

# mypy: disable-error-code="misc"
_HEAD = (
    "-- Laget med `bvr generate`; endre nøkkeltallene. | Generated: change the declarations of key figures instead.\n"
)


class Befolkning(Concept):
    """Inhabitants of a region, of an age group, at a date. | Innbyggere i et område."""

    region: Annotated[str, TEXT, Doc("Området, med KOSTRAs kode.", "The region, by KOSTRA's code.")]
    aldersgruppe: Annotated[str, TEXT, Doc("F000-017, F000-022 eller F000-024.", "The age group.")]
    dato: Annotated[date, DATE, Doc("1. januar eller 1. juli.", "1 January or 1 July.")]
    antall: Annotated[int, WHOLE, Doc("Innbyggere.", "Inhabitants.")]
    lastet: Annotated[
        datetime | None, STAMP, Doc("Når den ble lastet inn; tom: fra først av.", "When loaded; empty: from the first.")
    ] = None


class Kostragruppe(Concept):
    """Which KOSTRA group a municipality is in. | Hvilken KOSTRA-gruppe en kommune er i."""

    kommunenummer: Annotated[str, TEXT, Doc("Kommunen.", "The municipality.")]
    gruppe: Annotated[str, TEXT, Doc("EKG og nummer.", "EKG and a number.")]
    gyldig_fra: Annotated[date, DATE, Doc("Første dag.", "The first day.")]
    gyldig_til: Annotated[date | None, DATE, Doc("Siste dag.", "The last day.")] = None
    lastet: Annotated[
        datetime | None, STAMP, Doc("Når den ble lastet inn; tom: fra først av.", "When loaded; empty: from the first.")
    ] = None


# (name, type, mode, Norwegian, English)
_COLUMNS = (
    ("indikator", "STRING", "REQUIRED", "Nøkkeltallets id.", "Id of the key figure."),
    ("region", "STRING", "REQUIRED", "Området, med KOSTRAs kode.", "The region, by KOSTRA's code."),
    ("niva", "STRING", "REQUIRED", "KOMMUNE, BYDEL, BYDELER, FYLKE, KOSTRAGRUPPE eller LAND.", "Kind of region."),
    (
        *("maal", "STRING", "REQUIRED"),
        "SUM: sum av kommunene, et barn telles i hver. UNIK: barn telt én gang i området.",
        "SUM: of the municipalities, a child counts in each. UNIK: a child counts once in the region.",
    ),
    ("periode", "STRING", "REQUIRED", "2025, 2025H1 eller 2025H2.", "Year or half-year."),
    (
        *("periodetype", "STRING", "REQUIRED"),
        "Y år, H halvår, R de tolv månedene til halvårets slutt, D siste dag i halvåret.",
        "Y year, H half-year, R the twelve months to the end of the half-year, D its last day.",
    ),
    ("kjonn", "STRING", "REQUIRED", "1 gutt, 2 jente, 0 uoppgitt, T alle.", "1 boy, 2 girl, 0 not stated, T all."),
    (
        *("aldersgruppe", "STRING", "REQUIRED"),
        "Alder ved periodens slutt; U uoppgitt eller ufødt, T alle.",
        "Age at the end of the period; U not stated or not born, T all.",
    ),
    ("kode", "STRING", "REQUIRED", "Kode eller klasse; T alle.", "Code or class; T all."),
    ("verdi", "INTEGER", "REQUIRED", "Tallet; telleren for andeler.", "The figure; the numerator of a share."),
    ("nevner", "INTEGER", "NULLABLE", "Nevneren for andeler og rater.", "The denominator of shares and rates."),
    ("andel", "NUMERIC", "NULLABLE", "Prosent, eller per 1 000; én desimal.", "Per cent, or per 1,000; one decimal."),
    ("n_barn", "INTEGER", "REQUIRED", "Barn bak tallet.", "Children behind the figure."),
    ("n_barn_nevner", "INTEGER", "REQUIRED", "Barn bak nevneren.", "Children behind the denominator."),
    (
        *("status", "STRING", "REQUIRED"),
        "KOMPLETT, FORELOPIG (perioden er ikke over) eller MANGLER_BEFOLKNING.",
        "Complete, provisional (the period is not over), or without inhabitants to divide by.",
    ),
    ("referansedato", "DATE", "REQUIRED", "Siste dag i perioden.", "Last day of the period."),
    ("kunnskapstidspunkt", "TIMESTAMP", "REQUIRED", "Når registeret ble lest.", "When the register was read."),
)
KEY = ("indikator", "region", "niva", "maal", "periode", "periodetype", "kjonn", "aldersgruppe", "kode")
VALUES = ("verdi", "nevner", "andel", "n_barn", "n_barn_nevner", "status")


def name(family: str) -> str:
    """The table of a family, and the folder of its query."""
    return f"nokkeltall_{family}_v1"


def schema() -> str:
    """The columns of every table of figures."""
    rows = [{"name": n, "type": t, "mode": m, "description": f"{nb} | {en}"} for n, t, m, nb, en in _COLUMNS]
    return json.dumps(rows, ensure_ascii=False, indent=2) + "\n"


def frozen_schema() -> str:
    """schema.json of `statistikk.frosne_tall`: the freeze, and the columns of a table of figures."""
    first = {"name": "frysing_id", "type": "STRING", "mode": "REQUIRED", "description": "Frysingen. | The freeze."}
    return json.dumps([first, *json.loads(schema())], ensure_ascii=False, indent=2) + "\n"


def _metadata(family: Family) -> str:
    nb, en = FAMILIES[family]
    about: dict[str, Any] = {
        "description": f"Nøkkeltall: {nb.lower()}. | Key figures: {en.lower()}.",
        "owner": "statistikk",
        "access": "restricted",
        "clustering": ["indikator", "region"],
        "figures": {"family": family, "ids": [f.id for f in of(family)]},
    }
    text: str = yaml.safe_dump(about, allow_unicode=True, sort_keys=False, width=118)
    return "# Laget med `bvr generate`. | Generated.\n" + text


def _check(title: str, sql: str) -> str:
    return f"-- #fail {title}\n{sql};\n"


def _checks(family: str) -> str:
    """The identities that hold in every run (statistics 1.3), and what holds for every figure."""
    table = f"statistikk.{name(family)}"
    key = ", ".join(KEY)
    total = "kjonn = 'T' AND aldersgruppe = 'T' AND kode = 'T'"
    place = "region, maal, periode, periodetype"
    events = [f.id for f in of(family) if f.unit != "BARN"]
    flows = [
        f.id
        for f in of(family)
        if f.unit != "BARN" and {"H", "Y"} <= set(f.periods) and "BETWEEN e.fra AND e.til" in f.med
    ]
    children = [f.id for f in of(family) if f.unit == "BARN" and {"H", "Y"} <= set(f.periods) and not f.nevner]

    def value(indicator: str, where: str = total) -> str:
        return f"SUM(IF(indikator = '{indicator}' AND {where}, verdi, 0))"

    def equal(title: str, left: str, right: str, periods: str, having: str = "") -> str:
        return _check(
            title,
            f"SELECT {place} FROM {table} WHERE periodetype IN ({periods}) GROUP BY {place}\n"
            f"HAVING {left} != {right}{having}",
        )

    found = [
        _check(
            "alt er utfylt | nothing is missing",
            f"SELECT {key} FROM {table} WHERE "
            + " OR ".join(f"{n} IS NULL" for n, _, mode, _, _ in _COLUMNS if mode == "REQUIRED"),
        ),
        _check("én rad per celle | one row a cell", f"SELECT {key} FROM {table} GROUP BY {key} HAVING COUNT(*) > 1"),
        _check(
            "teller er ikke større enn nevner, ingenting er negativt | no share above one, nothing below nought",
            f"SELECT {key} FROM {table} WHERE verdi < 0 OR n_barn > verdi OR (verdi > 0 AND n_barn = 0) "
            "OR (nevner IS NOT NULL AND kode = 'T' AND status != 'MANGLER_BEFOLKNING' AND verdi > nevner)",
        ),
        *(
            _check(
                f"{column} summerer til totalen | {column} adds up to the total",
                f"SELECT indikator, {place} FROM {table}\nWHERE {other} = 'T' AND kode = 'T'\n"
                f"GROUP BY indikator, {place}\n"
                f"HAVING SUM(IF({column} = 'T', verdi, 0)) != SUM(IF({column} != 'T', verdi, 0))",
            )
            for column, other in (("kjonn", "aldersgruppe"), ("aldersgruppe", "kjonn"))
        ),
        _check(
            "kommunene summerer til fylket og landet | municipalities add up to the county and the country",
            f"SELECT indikator, periode, periodetype FROM {table}\nWHERE {total} AND maal = 'SUM'\n"
            "GROUP BY indikator, periode, periodetype\n"
            "HAVING SUM(IF(niva = 'KOMMUNE', verdi, 0)) != SUM(IF(niva = 'FYLKE', verdi, 0))\n"
            "  OR SUM(IF(niva = 'KOMMUNE', verdi, 0)) != SUM(IF(region = 'EAK', verdi, 0))",
        ),
    ]
    if events:
        found.append(
            _check(
                "bydelene er ikke mer enn kommunen | districts are no more than the municipality",
                f"SELECT indikator, SUBSTR(region, 1, 4) AS kommune, periode, periodetype FROM {table}\n"
                f"WHERE {total} AND niva IN ('KOMMUNE', 'BYDEL') AND indikator IN ({_quoted(events)})\n"
                "GROUP BY indikator, kommune, periode, periodetype\n"
                "HAVING SUM(IF(niva = 'BYDEL', verdi, 0)) > SUM(IF(niva = 'KOMMUNE', verdi, 0))",
            )
        )
    if flows:
        found.append(
            _check(
                "halvårene summerer til året | the half-years add up to the year",
                f"SELECT indikator, region, maal, SUBSTR(periode, 1, 4) AS aar FROM {table}\n"
                f"WHERE {total} AND indikator IN ({_quoted(flows)})\nGROUP BY indikator, region, maal, aar\n"
                "HAVING MAX(IF(periodetype = 'Y', status, NULL)) = 'KOMPLETT'\n"
                "  AND SUM(IF(periodetype = 'Y', verdi, 0)) != SUM(IF(periodetype = 'H', verdi, 0))",
            )
        )
    if children and family == "barn":
        kept = [one for one in children if one not in ("nye_barn_tiltak", "barn_hjelpetiltak", "barn_ettervern")]
        kept = [one for one in kept if one != "barn_med_us"]
        found.append(
            _check(
                "barn i året er minst som i hvert halvår, høyst som begge | children of a year",
                f"SELECT indikator, region, maal, SUBSTR(periode, 1, 4) AS aar FROM {table}\n"
                f"WHERE {total} AND indikator IN ({_quoted(kept)}) AND maal = 'UNIK' AND region = 'EAK'\n"
                "GROUP BY indikator, region, maal, aar\n"
                "HAVING SUM(IF(periodetype = 'Y', verdi, 0)) > SUM(IF(periodetype = 'H', verdi, 0))\n"
                "  OR SUM(IF(periodetype = 'Y', verdi, 0)) < MAX(IF(periodetype = 'H', verdi, 0))",
            ).replace("#fail", "#warn")  # the number of a child may change in between
        )
    if family == "melding":
        found += [
            equal(
                "#2 = #3 + #6 + #7",
                value("meldinger_konkludert"),
                f"{value('meldinger_ssb')} + {value('meldinger_aktive_tiltak')} + {value('meldinger_pagaende_us')}",
                "'Y'",
            ),
            equal(
                "#3 = #4 + #5",
                value("meldinger_ssb"),
                f"{value('meldinger_henlagt')} + {value('meldinger_til_us')}",
                "'Y'",
            ),
        ]
    if family == "undersokelse":
        code = "kjonn = 'T' AND aldersgruppe = 'T' AND kode IN ('1', '2', '3', '4', '5', '6', '7', '8', '9')"
        over = "kjonn = 'T' AND aldersgruppe = 'T' AND kode = 'OVER6'"
        within = f"{value('us_innen_3mnd')} + {value('us_innen_6mnd')} + {value('us_innen_6mnd', over)}"
        found += [
            equal("#15 = sum av #16", value("us_avsluttet"), value("us_konklusjon", code), "'H', 'Y'"),
            equal(
                "#15 = #17 + #18",
                value("us_avsluttet"),
                f"{value('us_til_tiltak')} + {value('us_henlagt')}",
                "'H', 'Y'",
            ),
            _check(
                "#15 = innen 3 + 3-6 + over 6",
                f"SELECT region FROM {table} WHERE periodetype = 'Y' GROUP BY region, periode\n"
                f"HAVING {value('us_konklusjon')} != {within}",
            ),
        ]
    if family == "barn":
        care = "kjonn = 'T' AND aldersgruppe = 'T' AND kode = 'OMSORG'"
        found += [
            equal(
                "#27 = #29 + #30",
                value("barn_tiltak_dato"),
                f"{value('barn_omsorgstiltak')} + {value('barn_hjelpetiltak')}",
                "'D'",
            ),
            equal(
                "#29 ved datoen er ikke færre enn de av #33 | no fewer under care than placed under care",
                value("barn_omsorgstiltak"),
                value("barn_plassert_dato", care),
                "'D'",
                f" AND {value('barn_omsorgstiltak')} < {value('barn_plassert_dato', care)}",
            ),
            equal(
                "omsorg = plassert i omsorg | under care = placed under care",
                value("barn_omsorgstiltak"),
                value("barn_plassert_dato", care),
                "'D'",
            ).replace("#fail", "#warn"),
        ]
    return "\n".join(found)


def _quoted(names: list[str]) -> str:
    return ", ".join(f"'{one}'" for one in names)


def documentation() -> str:
    """docs/nokkeltall.md: every figure, in both languages, with the SQL behind it."""
    lines = [
        "# Nøkkeltall | Key figures",
        "",
        "Laget med `bvr generate` fra `functions/bvr/statistics/figures/nokkeltall.yaml`. | Generated.",
        "",
        "Perioder: H halvår, Y år, R de tolv månedene til halvårets slutt, D siste dag i halvåret. Et barn telles én "
        "gang i hver kommune; `UNIK` teller det én gang i området. Åpen ved en dato: begynt, og ikke slutt ved "
        "utgangen av dagen.",
        "",
        "| data som ikke er som de skal | hva tallene gjør | what the figures do |",
        "| --- | --- | --- |",
        "| sak med ERROR, slettet sak, slettet element | utenfor, til den er rettet | left out |",
        "| ufødt, alder over 24, alder ikke oppgitt | med i totalene; aldersgruppe U eller 25+ | in the totals |",
        "| element uten slutt i en avsluttet sak | slutt med saken | ended with the case |",
        "| dato fram i tid | der datoen er; perioden er foreløpig | where the date is, provisional |",
        "| kommunenummer som ikke er i bruk | under seg selv, i fylket og landet | under itself |",
        "| innbyggere som mangler | tallet er der, andelen ikke: `MANGLER_BEFOLKNING` | the figure without its rate |",
        "",
        "| nr | id | nøkkeltall | enhet | perioder | svarer til |",
        "| ---: | --- | --- | --- | --- | --- |",
    ]
    for f in figures():
        lines.append(
            f"| {f.number} | [`{f.id}`](#{f.id}) | {f.title_nb} | {f.unit.lower()} | {' '.join(f.periods)} "
            f"| {f.corresponds} |"
        )
    for f in figures():
        lines += [
            *("", f"## {f.id}", "", f"**{f.number}. {f.title_nb}** | {f.title_en}", ""),
            *(f"{f.definition_nb}", "", f"{f.definition_en}", ""),
            f"Kilde: {f.source}." + (f" Svarer til: {f.corresponds}." if f.corresponds else ""),
        ]
        if f.kodeliste:
            lines.append(f"Kodeliste: {f.kodeliste}.")
        if f.breaks:
            lines.append("Brudd: " + " ".join(f.breaks))
        if f.identities:
            lines.append("Kontrolleres: " + "; ".join(f.identities) + ".")
        lines += ["", "```sql", f"-- {name(f.family)}", f"WHERE  {f.med}", f"teller {f.teller}"]
        lines += [f"nevner {f.nevner}"] if f.nevner else []
        lines += [f"nevner innbyggere {f.population}, per {f.per}"] if f.population else []
        lines += [f"koder  {f.koder}"] if f.koder else []
        lines += ["```"]
    return "\n".join(lines) + "\n"


def outputs() -> dict[str, str]:
    """Path below the root of the project -> its text."""
    found = {
        "docs/nokkeltall.md": documentation(),
        "bigquery_schemas/statistikk/frosne_tall/schema.json": frozen_schema(),
    }
    for table, concept in (("befolkning", Befolkning), ("kostragruppe", Kostragruppe)):
        found[f"bigquery_schemas/grunnlag/{table}/schema.json"] = (
            json.dumps(bigquery.columns(concept), ensure_ascii=False, indent=2) + "\n"
        )
    for family in FAMILIES:
        folder = f"bigquery_schemas/statistikk/{name(family)}"
        found[f"{folder}/query.sql"] = _HEAD + families.query(family, of(family))
        found[f"{folder}/checks.sql"] = _checks(family)
        found[f"{folder}/schema.json"] = schema()
        found[f"{folder}/metadata.yaml"] = _metadata(family)
    return found
