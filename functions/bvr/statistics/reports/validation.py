"""The validation report of a municipality, and of a supplier (statistics 3.2)."""

from __future__ import annotations

from typing import Any

from bvr.rules import RULES
from bvr.statistics.figures.catalogue import figures
from bvr.statistics.reports.migration import Tables
from bvr.statistics.reports.page import Report, Row, Words, cell, section

TABLE_COLUMNS = (
    *("alvorlighet", "regel_id", "regel_versjon", "melding_tekst", "rettes", "element_type", "element_id", "xpath"),
    *("sak_id", "journalnummer", "bydelsnummer", "er_migrert", "forst_sett", "sist_sett", "lost_tid", "apen"),
    *("apen_dager", "antall_innsendinger", "antall_forekomster", "innsending_id", "forrige_id", "mottatt_tid"),
    *("dato_uttrekk", "fagsystem_leverandor", "fagsystem_versjon"),
)
SUPPLIER_COLUMNS = (
    *("fagsystem_versjon", "kommunenummer", "alvorlighet", "regel_id", "element_type", "apne", "loste", "eldste_dager"),
)
_FINDING: tuple[Words, ...] = (
    ("Alvorlighet", "Severity"),
    ("Åpen, dager", "Open, days"),
    ("Sak (journalnummer)", "Case (journal number)"),
    ("Gjelder", "Concerns"),
    ("Regel", "Rule"),
    ("Hva er galt", "What is wrong"),
    ("Hva dere gjør", "What to do"),
)
_WORST = ("FATAL", "ERROR", "WARNING", "INFO")


def of_municipality(tables: Tables, kommune: str, name: str) -> Report:
    """What a municipality has to correct, the oldest first. Raises LookupError when nothing has come from it."""
    gate = tables.query(
        "SELECT * FROM statistikk.valideringsstatus_v1 WHERE kommunenummer = @kommune "
        "ORDER BY IF(fagsystem_leverandor = 'ALLE', 0, 1), fagsystem_leverandor, fagsystem_versjon",
        {"kommune": kommune},
    )
    if not gate:
        raise LookupError(f"there is no validation report for {kommune}")
    rows = tables.query(
        "SELECT r.*, s.sak.journalnummer AS journalnummer FROM statistikk.valideringsrapport_v1 AS r "
        "LEFT JOIN register.sak_siste_per(@kjent) AS s ON s.orgnr = r.orgnr AND s.sak_id = r.sak_id "
        "WHERE r.kommunenummer = @kommune",
        {"kommune": kommune, "kjent": gate[0]["kunnskapstidspunkt"]},
    )
    rows.sort(key=lambda r: (_WORST.index(r["alvorlighet"]), -r["apen_dager"], r["regel_id"], r["sak_id"]))
    left = [r for r in rows if r["apen"]]
    weeks = tables.query(
        "SELECT * FROM statistikk.valideringsrapport_uke_v1 WHERE kommunenummer = @kommune AND regel_id = 'ALLE' "
        "ORDER BY uke DESC, alvorlighet",
        {"kommune": kommune},
    )
    sections = (
        section(
            ("Hva feilene koster", "What the errors cost"),
            [("Nøkkeltall", "Key figure"), ("Periode", "Period"), ("Mangler", "Lacks"), ("Saker", "Cases")],
            _effect(tables, kommune),
            (
                "Så mye mangler i kommunens tall fordi saker med ERROR holdes utenfor.",
                "What the municipality's figures lack since cases with an ERROR are held outside.",
            ),
        ),
        section(("Åpne funn, de eldste først", "Open findings, the oldest first"), _FINDING, [_line(r) for r in left]),
        section(
            ("Meldinger som ble avvist siste 30 dager", "Messages refused in the last 30 days"),
            [("Mottatt", "Received"), ("Melding", "Message"), ("Hva er galt", "What is wrong")],
            [(r["mottatt_tid"], r["innsending_id"], r["melding_tekst"]) for r in rows if r["alvorlighet"] == "FATAL"],
        ),
        section(
            ("Uke for uke", "Week by week"),
            [
                *(("Uke", "Week"), ("Alvorlighet", "Severity"), ("Saker", "Cases"), ("Med ERROR, %", "With ERROR, %")),
                *(("Nye", "New"), ("Løst", "Solved"), ("Åpne", "Open"), ("Median, dager", "Median, days")),
                ("Eldste, dager", "Oldest, days"),
            ],
            [
                (
                    *(r["uke"], r["alvorlighet"], r["saker_totalt"], r["andel_error"], r["nye"], r["loste"], r["apne"]),
                    *(r["median_apen_dager"], r["eldste_apne_dager"]),
                )
                for r in weeks
            ],
        ),
        section(
            ("Per fagsystem", "By system"),
            [
                *(("Leverandør", "Supplier"), ("Versjon", "Version"), ("Saker", "Cases")),
                *(("Med ERROR, %", "With ERROR, %"), ("Åpne ERROR", "Open ERRORs"), ("Eldste, dager", "Oldest, days")),
            ],
            [
                (
                    *(r["fagsystem_leverandor"], r["fagsystem_versjon"], r["saker_totalt"], r["andel_error"]),
                    *(r["apne_error"], r["eldste_error_dager"]),
                )
                for r in gate[1:]
            ],
        ),
    )
    return Report(
        name=f"validering-{kommune}",
        title=f"Valideringsrapport {kommune} {name}",
        known=gate[0]["kunnskapstidspunkt"],
        passed=gate[0]["godkjent"],
        reasons=_reasons(gate[0]),
        sections=sections,
        columns=TABLE_COLUMNS,
        rows=tuple(tuple(cell({**r, "rettes": _remedy(r)}[column]) for column in TABLE_COLUMNS) for r in rows),
    )


def of_supplier(tables: Tables, supplier: str) -> Report:
    """What a supplier's systems send, by version, municipality and rule: no case, no key, no text of a case."""
    rows = tables.query(
        "SELECT fagsystem_versjon, kommunenummer, alvorlighet, regel_id, element_type, COUNTIF(apen) AS apne, "
        "COUNTIF(NOT apen) AS loste, MAX(IF(apen, apen_dager, NULL)) AS eldste_dager, "
        "MAX(kunnskapstidspunkt) AS kjent FROM statistikk.valideringsrapport_v1 "
        "WHERE fagsystem_leverandor = @leverandor "
        "GROUP BY fagsystem_versjon, kommunenummer, alvorlighet, regel_id, element_type "
        "ORDER BY fagsystem_versjon DESC, apne DESC, kommunenummer, regel_id, element_type, alvorlighet",
        {"leverandor": supplier},
    )
    if not rows:
        raise LookupError(f"nothing has been found in what is sent with {supplier}")
    errors = sum(r["apne"] for r in rows if r["alvorlighet"] == "ERROR")
    return Report(
        name="validering-" + "".join(c if c.isalnum() else "-" for c in supplier.lower()),
        title=f"Valideringsrapport for {supplier}",
        known=max(r["kjent"] for r in rows),
        passed=errors == 0,
        reasons=((f"{errors} åpne ERROR.", f"{errors} open ERRORs."),),
        sections=(
            section(
                ("Per versjon, kommune og regel", "By version, municipality and rule"),
                [
                    *(("Versjon", "Version"), ("Kommune", "Municipality"), ("Alvorlighet", "Severity")),
                    *(("Regel", "Rule"), ("Gjelder", "Concerns"), ("Åpne", "Open"), ("Løst", "Solved")),
                    ("Eldste, dager", "Oldest, days"),
                ],
                [tuple(r[column] for column in SUPPLIER_COLUMNS) for r in rows],
            ),
        ),
        columns=SUPPLIER_COLUMNS,
        rows=tuple(tuple(cell(r[column]) for column in SUPPLIER_COLUMNS) for r in rows),
    )


def _effect(tables: Tables, kommune: str) -> list[tuple[Any, ...]]:
    names = {f.id: f"{f.number} {f.title_nb}" for f in figures()}
    rows = tables.query(
        "SELECT nummer, indikator, periode, periodetype, SUM(mangler) AS mangler, "
        "COUNT(DISTINCT CONCAT(orgnr, sak_id)) AS saker FROM statistikk.valideringseffekt_v1 "
        "WHERE kommunenummer = @kommune AND periodetype IN ('Y', 'H', 'D') "
        "GROUP BY nummer, indikator, periode, periodetype HAVING SUM(mangler) > 0 ORDER BY periode DESC, nummer",
        {"kommune": kommune},
    )
    return [(names[r["indikator"]], r["periode"], r["mangler"], r["saker"]) for r in rows]


def _line(r: Row) -> tuple[Any, ...]:
    what = f"{r['element_type']} {r['element_id']}".strip()
    case = r["journalnummer"] or r["sak_id"]
    return (r["alvorlighet"], r["apen_dager"], case, what, r["regel_id"], r["melding_tekst"], _remedy(r))


def _remedy(r: Row) -> str:
    rule = RULES.get(r["regel_id"])
    return rule.remedy_nb if rule else ""


def _reasons(gate: Row) -> tuple[Words, ...]:
    share, oldest = cell(gate["andel_error"]), gate["eldste_error_dager"]
    since = gate["arbeidsdager_siden"]
    return (
        (
            f"{share} % av sakene har ERROR og holdes utenfor, kravet er høyst 1 %.",
            f"{share} % of the cases have an ERROR and are held outside; at most 1 % is allowed.",
        ),
        (
            f"Eldste åpne ERROR er {oldest} dager gammel, kravet er høyst 14."
            if oldest is not None
            else "Ingen ERROR.",
            f"The oldest open ERROR is {oldest} days old; at most 14 are allowed."
            if oldest is not None
            else "No ERROR.",
        ),
        (
            "Ingen innsending er registrert."
            if since is None
            else f"Siste registrerte innsending kom for {since} arbeidsdager siden, kravet er høyst 2.",
            "Nothing has been registered."
            if since is None
            else f"The last registered submission came {since} working days ago; at most 2 are allowed.",
        ),
    )
