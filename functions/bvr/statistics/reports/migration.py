"""The migration report of a municipality, and of a supplier (statistics 3.1)."""

from __future__ import annotations

from typing import Any, Protocol

from bvr.statistics.reports.answers import REASONS, STATUSES
from bvr.statistics.reports.page import Report, Row, Words, cell, section


class Tables(Protocol):
    """Questions to BigQuery; parameters never become part of the SQL text. Faults raise Retry and Broken."""

    def query(self, sql: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]: ...


TABLE_COLUMNS = (
    *(
        "rad",
        "type",
        "status",
        "avvik",
        "kostra_id",
        "klient_id",
        "journalnummer",
        "migrert_id",
        "sak_id",
        "bvr_id",
    ),
    *("kostra_startdato", "bvr_startdato", "bvr_sluttdato", "kostra_kode", "bvr_kode", "kostra_tilstand", "matchtrinn"),
    *("antall_treff", "bydelsnummer", "kostra_aargang", "fagsystem_leverandor", "fagsystem_versjon"),
    *("aarsakskode", "aarsak_tekst", "svar_av", "svar_dato", "godkjent"),
)
"""The table of the municipality. It is sent back with aarsakskode and aarsak_tekst filled in (`bvr answers`)."""

SUPPLIER_COLUMNS = (
    *("kommunenummer", "rad", "type", "status", "avvik", "matchtrinn", "antall_treff", "sak_id", "bvr_id"),
    *("aarsakskode", "kostra_aargang", "fagsystem_leverandor", "fagsystem_versjon"),
)

_SUMMARY = (
    ("type", ("Type", "Kind")),
    ("antall_kostra", ("Åpne i filen", "Open in the file")),
    ("funnet", ("Funnet", "Found")),
    ("avvik", ("Med avvik", "Different")),
    ("sak_har_error", ("I sak med ERROR", "In a case with an ERROR")),
    ("mangler", ("Mangler", "Missing")),
    ("forklart", ("Forklart", "Explained")),
    ("uforklart", ("Uforklart", "Unexplained")),
    ("dekningsgrad", ("Dekning, %", "Coverage, %")),
)
_KINDS = ("ALLE", "Sak", "Undersokelse", "Plan", "Tiltak", "Relasjon")
_ITEM: tuple[Words, ...] = (
    ("Rad", "Row"),
    ("Type", "Kind"),
    ("Klient", "Client"),
    ("Nøkkel i KOSTRA", "Key in KOSTRA"),
    ("Startdato", "Start"),
)


def of_municipality(tables: Tables, kommune: str, name: str) -> Report:
    """The report that the service explains. Raises LookupError when there is none for the municipality."""
    summary = _summary(tables, "WHERE kommunenummer = @kommune", {"kommune": kommune})
    if not summary:
        raise LookupError(f"there is no migration report for {kommune}")
    total = summary[0]
    rows = tables.query(
        "SELECT r.*, k.journalnummer FROM statistikk.migreringsrapport_v1 AS r LEFT JOIN ("
        "SELECT IFNULL(e.ny, g.kommunenummer) AS kommunenummer, g.aargang, g.individ.id AS klient_id, "
        "MIN(g.individ.journalnummer) AS journalnummer FROM register.kostra_gjeldende AS g "
        "LEFT JOIN grunnlag.kommuneendring AS e ON e.gammel = g.kommunenummer "
        "WHERE IFNULL(e.ny, g.kommunenummer) = @kommune GROUP BY kommunenummer, aargang, klient_id"
        ") AS k ON k.kommunenummer = r.kommunenummer AND k.aargang = r.kostra_aargang AND k.klient_id = r.klient_id "
        "WHERE r.kommunenummer = @kommune ORDER BY r.rad",
        {"kommune": kommune},
    )
    open_rows = [r for r in rows if r["status"] == "MANGLER"]
    sections = [
        section(("Sammendrag", "Summary"), [words for _, words in _SUMMARY], _lines(summary)),
        section(
            ("Mangler uten forklaring", "Missing without explanation"),
            _ITEM,
            [_item(r) for r in open_rows if r["aarsakskode"] is None],
            (
                "Fyll inn årsakskode i tabellen, og tekst med kode 9: "
                + ", ".join(f"{code} {nb.lower()}" for code, (nb, _) in REASONS.items()),
                "Fill in a reason code in the table, and a text with code 9: "
                + ", ".join(f"{code} {en}" for code, (_, en) in REASONS.items()),
            ),
        ),
        section(
            ("Mangler, forklart", "Missing, explained"),
            (*_ITEM, ("Årsak", "Reason"), ("Svart av", "Answered by")),
            [
                (*_item(r), f"{r['aarsakskode']} {REASONS[r['aarsakskode']][0]}", r["svar_av"])
                for r in open_rows
                if r["aarsakskode"] is not None
            ],
        ),
    ]
    sections += [
        section(
            STATUSES[status],
            (*_ITEM, ("I registeret", "In the register"), ("Avvik", "Difference")),
            [
                (*_item(r), f"{cell(r['bvr_startdato'])}–{cell(r['bvr_sluttdato'])}", r["avvik"])
                for r in rows
                if r["status"] == status
            ],
        )
        for status in STATUSES
        if status not in ("MANGLER", "FUNNET_APEN")
    ]
    return Report(
        name=f"migrering-{kommune}",
        title=f"Migreringsrapport {kommune} {name}: KOSTRA {total['kostra_aargang'] or '–'} mot registeret",
        known=total["kunnskapstidspunkt"],
        passed=total["godkjent"],
        reasons=_reasons(summary),
        sections=tuple(sections),
        columns=TABLE_COLUMNS,
        rows=tuple(tuple(cell(r[column]) for column in TABLE_COLUMNS) for r in rows),
    )


def of_supplier(tables: Tables, supplier: str) -> Report:
    """What a supplier gets of all its municipalities: no person data. Raises LookupError when it has none."""
    rows = tables.query(
        "SELECT * FROM statistikk.migreringsrapport_leverandor WHERE fagsystem_leverandor = @leverandor "
        "ORDER BY kommunenummer, rad",
        {"leverandor": supplier},
    )
    if not rows:
        raise LookupError(f"no municipality that reports with {supplier} has a migration report")
    counts: dict[tuple[str, str, str], int] = {}
    for r in rows:
        key = (r["kommunenummer"], r["type"], r["status"])
        counts[key] = counts.get(key, 0) + 1
    left = sum(n for (_, _, status), n in counts.items() if not status.startswith("FUNNET"))
    return Report(
        name=f"migrering-{_file_name(supplier)}",
        title=f"Migreringsrapport for {supplier}",
        known=max(r["kunnskapstidspunkt"] for r in rows),
        passed=left == 0,
        reasons=((f"{left} poster er ikke funnet som de skal.", f"{left} records are not found as they should be."),),
        sections=(
            section(
                ("Antall", "Counts"),
                [("Kommune", "Municipality"), ("Type", "Kind"), ("Status", "Status"), ("Antall", "Count")],
                [(*key[:2], STATUSES[key[2]][0], n) for key, n in sorted(counts.items())],
                (
                    "Radnummeret i tabellen er det samme som i kommunens egen rapport.",
                    "The row number of the table is that of the municipality's own report.",
                ),
            ),
        ),
        columns=SUPPLIER_COLUMNS,
        rows=tuple(tuple(cell(r[column]) for column in SUPPLIER_COLUMNS) for r in rows),
    )


def _file_name(text: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in text.lower())


def _summary(tables: Tables, where: str, parameters: dict[str, Any]) -> list[Row]:
    rows = tables.query(f"SELECT * FROM statistikk.migreringsrapport_sum_v1 {where}", parameters)  # noqa: S608
    return sorted(rows, key=lambda r: (r["kommunenummer"], _KINDS.index(r["type"])))


def _lines(summary: list[Row]) -> list[tuple[Any, ...]]:
    return [tuple(r[column] for column, _ in _SUMMARY) for r in summary]


def _item(r: Row) -> tuple[Any, ...]:
    return (
        r["rad"],
        r["type"],
        r["journalnummer"] or r["klient_id"] or "",
        r["kostra_id"] or r["migrert_id"],
        r["kostra_startdato"] or r["bvr_startdato"],
    )


def _reasons(summary: list[Row]) -> tuple[Words, ...]:
    total = summary[0]
    left = sum(r["uforklart"] for r in summary if r["type"] in ("Sak", "Tiltak"))
    found: list[Words] = []
    if total["kostra_aargang"] is None:
        return (("Det er ikke kommet noen KOSTRA-fil uten feil.", "No KOSTRA file without errors has come."),)
    if not total["aargang_er_siste"]:
        found.append(("KOSTRA-filen er ikke fra i fjor.", "The KOSTRA file is not that of last year."))
    percent = cell(total["dekningsgrad"])
    found.append((f"Dekning {percent or '–'} %, kravet er 98 %.", f"Coverage {percent or '–'} %; 98 % is required."))
    found.append(
        (
            f"{left} uforklarte saker og tiltak, kravet er ingen.",
            f"{left} unexplained cases and measures; none is required.",
        )
    )
    return tuple(found)
