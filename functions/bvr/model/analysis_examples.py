"""Questions that analysts ask of each view, with the SQL that answers them: in the views' metadata, the documentation, and
run by the tests."""

from __future__ import annotations

from typing import NamedTuple


class Example(NamedTuple):
    """A question in both languages, and its answer in GoogleSQL."""

    nb: str
    en: str
    sql: str


EXAMPLES: dict[str, tuple[Example, ...]] = {
    "barn": (
        Example(
            "Hvor mange barn har saker i mer enn én kommune?",
            "How many children have cases in more than one municipality?",
            "SELECT formal, COUNTIF(antall_kommuner > 1) AS flere, COUNT(*) AS alle\nFROM analyse.barn\nGROUP BY formal",
        ),
        Example(
            "Hvordan fordeler barna seg på fødselsår og kjønn?",
            "How are the children distributed on year of birth and sex?",
            "SELECT fodselsaar, kjonn, COUNT(*) AS barn\nFROM analyse.barn\nGROUP BY fodselsaar, kjonn\n"
            "ORDER BY fodselsaar, kjonn",
        ),
    ),
    "barn_forlop": (
        Example(
            "Hvilke hendelser fulgte etter et bytte av kommune?",
            "What followed after a change of municipality?",
            "SELECT type, COUNT(*) AS antall\nFROM analyse.barn_forlop\nWHERE ny_kommune\nGROUP BY type\n"
            "ORDER BY antall DESC, type",
        ),
        Example(
            "Hvor lenge etter den første hendelsen kommer det første tiltaket?",
            "How long after the first event does the first measure come?",
            "SELECT COUNT(*) AS barn, AVG(dager) AS dager\nFROM (\n  SELECT barn_ref, MIN(dager) AS dager\n"
            "  FROM analyse.barn_forlop\n  WHERE type = 'Tiltak'\n  GROUP BY barn_ref\n)",
        ),
    ),
    "sak": (
        Example(
            "Hvor mange saker er åpne i hver kommune?",
            "How many cases are open in each municipality?",
            "SELECT kommunenummer, COUNTIF(slutt_dato IS NULL) AS apne, COUNT(*) AS alle\nFROM analyse.sak\n"
            "GROUP BY kommunenummer\nORDER BY kommunenummer",
        ),
    ),
    "melding": (
        Example(
            "Hvor mange meldinger kom hver måned?",
            "How many reports came each month?",
            "SELECT DATE_TRUNC(start_dato, MONTH) AS maned, COUNT(*) AS meldinger\nFROM analyse.melding\nGROUP BY maned\n"
            "ORDER BY maned",
        ),
        Example(
            "Hvem melder, og hvor ofte blir meldingen henlagt?",
            "Who reports, and how often is the report dismissed?",
            "SELECT hvem, COUNT(*) AS meldinger,\n"
            "  COUNTIF(m.konklusjon_kode IN ('1', '5', '6', '7', '8', '9', '10')) AS henlagt\n"
            "FROM analyse.melding AS m, UNNEST(m.melder) AS hvem\nGROUP BY hvem\nORDER BY meldinger DESC, hvem",
        ),
    ),
    "undersokelse": (
        Example(
            "Hvor mange undersøkelser varte mer enn tre måneder, etter måneden de begynte?",
            "How many investigations took more than three months, by the month they began?",
            "SELECT DATE_TRUNC(start_dato, MONTH) AS maned, COUNT(*) AS undersokelser,\n"
            "  COUNTIF(konklusjon_slutt_dato > DATE_ADD(start_dato, INTERVAL 3 MONTH)) AS over_frist\n"
            "FROM analyse.undersokelse\nWHERE konklusjon_slutt_dato IS NOT NULL\nGROUP BY maned\nORDER BY maned",
        ),
    ),
    "vedtak": (
        Example(
            "Hvilke paragrafer bygger vedtakene på?",
            "Which sections do decisions rest on?",
            "SELECT lovhjemmel_lov, lovhjemmel_kapittel, lovhjemmel_paragraf, COUNT(*) AS vedtak\nFROM analyse.vedtak\n"
            "GROUP BY lovhjemmel_lov, lovhjemmel_kapittel, lovhjemmel_paragraf\nORDER BY vedtak DESC",
        ),
        Example(
            "Hvor lang tid tar det fra undersøkelsen begynner til vedtaket?",
            "How long is it from the start of an investigation to the decision?",
            "SELECT DATE_DIFF(v.start_dato, u.start_dato, DAY) AS dager, COUNT(*) AS vedtak\nFROM analyse.relasjon AS r\n"
            "JOIN analyse.undersokelse AS u ON u.formal = r.formal AND u.undersokelse_ref = r.fra_ref\n"
            "JOIN analyse.vedtak AS v ON v.formal = r.formal AND v.vedtak_ref = r.til_ref\nGROUP BY dager\nORDER BY dager",
        ),
    ),
    "tiltak": (
        Example(
            "Hvor mange tiltak av hver kategori begynte hvert år?",
            "How many measures of each category began each year?",
            "SELECT aar, kategori_kode, COUNT(*) AS tiltak\nFROM analyse.tiltak\nGROUP BY aar, kategori_kode\n"
            "ORDER BY aar, kategori_kode",
        ),
        Example(
            "Hvor lenge varer plasseringer?",
            "How long do placements last?",
            "SELECT kategori_kode, AVG(DATE_DIFF(konklusjon_slutt_dato, start_dato, DAY)) AS dager\nFROM analyse.tiltak\n"
            "WHERE konklusjon_slutt_dato IS NOT NULL AND SUBSTR(kategori_kode, 1, 2) IN ('1.', '2.')\n"
            "GROUP BY kategori_kode\nORDER BY kategori_kode",
        ),
    ),
    "plan": (
        Example(
            "Hvor ofte blir planer evaluert?",
            "How often are plans evaluated?",
            "SELECT plantype, COUNT(*) AS planer, SUM(ARRAY_LENGTH(evaluering)) AS evalueringer\nFROM analyse.plan\n"
            "GROUP BY plantype\nORDER BY plantype",
        ),
    ),
    "ettervern": (
        Example(
            "Hva svarte de unge på tilbud om ettervern?",
            "What did the young answer to offers of aftercare?",
            "SELECT konklusjon_kode, COUNT(*) AS tilbud\nFROM analyse.ettervern\nGROUP BY konklusjon_kode\n"
            "ORDER BY konklusjon_kode",
        ),
    ),
    "oversendelse_fylkesnemnd": (
        Example(
            "Hvor mange saker ble sendt til nemnda hvert år?",
            "How many cases went to the board each year?",
            "SELECT aar, COUNT(*) AS oversendelser\nFROM analyse.oversendelse_fylkesnemnd\nGROUP BY aar\nORDER BY aar",
        ),
    ),
    "flytting": (
        Example(
            "Hvorfor flytter barn, og hvor?",
            "Why do children move, and where?",
            "SELECT arsak_fra_kode, flytting_til_kode, COUNT(*) AS flyttinger\nFROM analyse.flytting\n"
            "GROUP BY arsak_fra_kode, flytting_til_kode\nORDER BY flyttinger DESC, arsak_fra_kode, flytting_til_kode",
        ),
    ),
    "relasjon": (
        Example(
            "Hvor mange meldinger førte til undersøkelse?",
            "How many reports led to an investigation?",
            "SELECT COUNT(DISTINCT fra_ref) AS meldinger\nFROM analyse.relasjon\n"
            "WHERE fra_type = 'Melding' AND til_type = 'Undersokelse'",
        ),
    ),
    "hendelse": (
        Example(
            "Hva skjer hver måned, etter type?",
            "What happens each month, by kind?",
            "SELECT DATE_TRUNC(dato, MONTH) AS maned, type, COUNT(*) AS antall\nFROM analyse.hendelse\nGROUP BY maned, type\n"
            "ORDER BY maned, type",
        ),
    ),
    "ferskhet": (
        Example(
            "Hvilke kommuner har ikke sendt noe de siste sju dagene?",
            "Which municipalities have sent nothing for seven days?",
            "SELECT kommunenummer, siste_innsending\nFROM analyse.ferskhet\n"
            "WHERE siste_innsending < TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 7 DAY)\nORDER BY siste_innsending",
        ),
        Example(
            "Hvor stor andel av sakene er holdt utenfor på grunn av feil?",
            "What share of the cases is kept out by errors?",
            "SELECT kommunenummer, andel_med_feil, saker_med_feil, saker\nFROM analyse.ferskhet\n"
            "ORDER BY andel_med_feil DESC, kommunenummer",
        ),
    ),
}
