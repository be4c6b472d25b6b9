"""The tables of deviations, and the page that says which tests there are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated

from bvr.model import bigquery
from bvr.model.types import DATE, REAL, STAMP, TEXT, WHOLE, Concept, Doc
from bvr.statistics.deviations.declared import FDR, PERIODS, kinds, tester
from bvr.statistics.figures.catalogue import figures

# mypy: disable-error-code="misc"
# (see model/concepts.py)


class _Run(Concept):
    """What a row of a run is about."""

    kjoring_id: Annotated[str, TEXT, Doc("Kjøringen.", "The run.")]
    indikator: Annotated[str, TEXT, Doc("Nøkkeltallets id.", "Id of the key figure.")]
    periodetype: Annotated[str, TEXT, Doc("H halvår, Y år, D dato, M måned.", "H half-year, Y year, D date, M month.")]
    niva: Annotated[str, TEXT, Doc("KOMMUNE eller BYDEL.", "Municipality or city district.")]
    periode: Annotated[str, TEXT, Doc("2025, 2025H1, 2025M03 eller en dato.", "Year, half-year, month or date.")]
    referanseperiode: Annotated[str, TEXT, Doc("Det den sammenlignes med.", "What it is compared with.")]
    kilde: Annotated[str, TEXT, Doc("FORELOPIG, eller frysingens nummer.", "Provisional, or the number of the freeze.")]
    kunnskapstidspunkt: Annotated[
        datetime, STAMP, Doc("Når registeret ble lest for perioden.", "When the register was read, of the period.")
    ]
    referanse_kunnskapstidspunkt: Annotated[
        datetime, STAMP, Doc("Det samme for referanseperioden.", "The same of the period it is compared with.")
    ]
    testkode: Annotated[str, TEXT, Doc("T1 til T10.", "The test, T1 to T10.")]


class Avvik(_Run):
    """A yellow or red flag of a test."""

    region: Annotated[str, TEXT, Doc("Kommunen eller bydelen.", "The municipality or city district.")]
    kommunenummer: Annotated[str, TEXT, Doc("Kommunen.", "The municipality.")]
    kode: Annotated[
        str | None, TEXT, Doc("Koden som mest av avviket er i (T6).", "The code that most of it is in (T6).")
    ]
    verdi: Annotated[int, WHOLE, Doc("Tallet; telleren for andeler.", "The figure; the numerator of a share.")]
    forrige: Annotated[int, WHOLE, Doc("Tallet i referanseperioden.", "That of the period compared with.")]
    nevner: Annotated[int | None, WHOLE, Doc("Nevneren for andeler.", "The denominator of a share.")]
    forrige_nevner: Annotated[int | None, WHOLE, Doc("Nevneren i referanseperioden.", "The denominator before.")]
    differanse: Annotated[int, WHOLE, Doc("verdi - forrige.", "verdi - forrige.")]
    prosent: Annotated[float | None, REAL, Doc("Differansen i prosent av forrige.", "The difference in per cent.")]
    forventet: Annotated[
        float | None,
        REAL,
        Doc("forrige, justert for innbyggere; for andeler med årets nevner.", "What was to be expected."),
    ]
    teststatistikk: Annotated[float | None, REAL, Doc("Se testen.", "See the test.")]
    p_verdi: Annotated[float | None, REAL, Doc("p, i tester som har den.", "p, of tests that have it.")]
    q_verdi: Annotated[
        float | None, REAL, Doc("p justert etter Benjamini-Hochberg.", "p adjusted by Benjamini-Hochberg.")
    ]
    flagg: Annotated[str, TEXT, Doc("GUL eller ROD.", "Yellow or red.")]
    virkning: Annotated[
        float | None, REAL, Doc("Differansen som andel av landet.", "The difference as a share of the country.")
    ]
    rang: Annotated[int, WHOLE, Doc("Rekkefølge etter virkning, 1 først.", "Order by impact, 1 first.")]


class AvvikTest(_Run):
    """How many tests were made of a figure, and how many flagged."""

    kjort_for: Annotated[str, TEXT, Doc("Perioden kjøringen gjaldt.", "The period the run was of.")]
    kjort_mot: Annotated[str, TEXT, Doc("Perioden den ble sammenlignet med.", "The period it was compared with.")]
    tester: Annotated[int, WHOLE, Doc("Enheter testen ble gjort for.", "Units the test was made for.")]
    gule: Annotated[int, WHOLE, Doc("Gule.", "Yellow.")]
    rode: Annotated[int, WHOLE, Doc("Røde.", "Red.")]
    overspredning: Annotated[float | None, REAL, Doc("φ i T1.", "φ in T1.")]
    beregnet: Annotated[datetime | None, STAMP, Doc("Når kjøringen ble lagret.", "When the run was stored.")] = None


class Vurdering(Concept):
    """An answer about a deviation."""

    indikator: Annotated[str, TEXT, Doc("Nøkkeltallets id.", "Id of the key figure.")]
    region: Annotated[str, TEXT, Doc("Kommunen eller bydelen.", "The municipality or city district.")]
    periode: Annotated[str, TEXT, Doc("Perioden.", "The period.")]
    periodetype: Annotated[str, TEXT, Doc("H, Y, D eller M.", "H, Y, D or M.")]
    verdi: Annotated[int, WHOLE, Doc("Tallet svaret gjelder.", "The figure that the answer is about.")]
    utfall: Annotated[str, TEXT, Doc("KORRIGERT, BEKREFTET eller UNDER_ARBEID.", "Corrected, confirmed or in hand.")]
    kommentar: Annotated[
        str | None, TEXT, Doc("Forklaring, uten opplysninger om personer.", "Explanation; nothing of persons.")
    ] = None
    behandlet_av: Annotated[str, TEXT, Doc("Rolle eller tjeneste.", "Role or service.")]
    behandlet_dato: Annotated[date, DATE, Doc("Dagen.", "The day.")]
    lagt_inn: Annotated[datetime | None, STAMP, Doc("Når svaret ble lagt inn.", "When it was loaded.")] = None


TABLES: dict[str, type[Concept]] = {"avvik_v1": Avvik, "avvik_test": AvvikTest, "avvik_vurdering": Vurdering}


def _limits(given: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in given.items()) or "–"


def documentation() -> str:
    """docs/statistiske-tester.md."""
    by_kind = {
        kind: [figure.id for figure in figures() if kind in kinds(figure)] for kind in ("ANTALL", "ANDEL", "FORDELING")
    }
    lines = [
        "# Statistiske tester | Statistical tests",
        "",
        "Laget med `bvr generate` fra `functions/bvr/statistics/deviations/tester.yaml`. | Generated.",
        "",
        "Hvert nøkkeltall sammenlignes med samme periode året før, for hver kommune og bydel (statistics 3.3). x0 er "
        "fjorårets tall, x1 årets, e det tallet står i forhold til (innbyggere 0–17 år). Alt innenfor et flagg må være "
        "oppfylt, unntatt T6 (lambda alene) og T9 (ett av dem). "
        "| Each figure against the same period of the year before. All that a flag names must hold, but for T6 and T9.",
        "",
        "| test | navn, name | formel | gul, yellow | rød, red | krav, when made |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for one in tester().values():
        formula = one.formel.replace("|", "\\|")
        lines.append(
            f"| {one.kode} | {one.navn_nb}, {one.navn_en} | {formula} | {_limits(one.gul)} | {_limits(one.rod)} "
            f"| {_limits(one.krav)} |"
        )
    for one in tester().values():
        made = "; 5 % falske alarmer" if one.fdr else ""
        lines += [
            "",
            f"**{one.kode} {one.navn_nb}** ({', '.join(one.gjelder).lower()}{made}). {one.hvorfor_nb.strip()}",
        ]
        lines += [f"| {one.hvorfor_en.strip()}"]
    lines += [
        *("", "## Falske alarmer | False alarms", ""),
        f"T1, T2 og T5 flagger bare der også q ≤ {FDR:g} (Benjamini–Hochberg per nøkkeltall, periode og nivå). Så "
        "rangeres alt etter virkning. `avvik_test` har antall tester, gule og røde, så andelen kan regnes ut. Planlagte "
        "feil og målte andeler: [benchmarks/deviations.md](../benchmarks/deviations.md). "
        "| The three flag only where q is low too; then all is ranked by impact. Planted faults and measured rates are there.",
        *("", "## Like sammenlignes med like | Like with like", ""),
        "Frysing T2 mot T2, foreløpig mot foreløpig; en periode som ikke er over, sammenlignes ikke. Koder som ikke gjaldt "
        f"i begge perioder, er ikke med i T6. Periodetyper: {', '.join(PERIODS)}. "
        "Foreløpige tall rett etter periodens slutt mangler det som kommer sent; da er frysingene å foretrekke, og T10 sier "
        "hvem som mangler noe. "
        "| The same number of freeze, or both provisional; a period that is not over is not compared.",
        *("", "## Tabeller | Tables", ""),
        "| tabell | hva, what |",
        "| --- | --- |",
        "| `statistikk.avvik_v1` | alle gule og røde flagg av hver kjøring; bare tillegg \\| every flag of every run |",
        "| `statistikk.avvik_test` | antall tester, gule og røde \\| tests made, and flags |",
        "| `statistikk.avvik_vurdering` | svar; bare tillegg \\| answers, append only |",
        "| `statistikk.avvik_gjeldende` | siste kjøring for hver periode, med siste svar \\| the last run, with the last answer |",
        "",
        "Et svar gjelder et tall i en region og periode, ikke en kjøring: det står når testene kjøres igjen. Har tallet "
        "endret seg siden, er `svar_utdatert` sann. | An answer is about a figure, not a run, and outlives reruns.",
        *("", "## Nøkkeltallene | The figures", ""),
        *(f"- {kind}: {', '.join(f'`{one}`' for one in found)}" for kind, found in by_kind.items()),
    ]
    return "\n".join(lines) + "\n"


def outputs() -> dict[str, str]:
    """Path below the root of the project -> its text."""
    found = {"docs/statistiske-tester.md": documentation()}
    for table, concept in TABLES.items():
        found[f"bigquery_schemas/statistikk/{table}/schema.json"] = (
            json.dumps(bigquery.columns(concept), ensure_ascii=False, indent=2) + "\n"
        )
    return found
