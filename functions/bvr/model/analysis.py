"""The views of analysis, made from the information model: what is shown is said here, and nothing else is.

A field that is not in `SHOWN` does not appear, whatever is added to the model. Dates are as exact as the purpose allows,
the sender's ids become references that hold within a purpose and an epoch, and every row comes by way of
`register.analyse_grunnlag`, where BigQuery's row access stands. An element belongs to the year it began in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bvr.model import concepts as m
from bvr.model.analysis_examples import EXAMPLES
from bvr.model.types import Concept, Doc, Field, Person, fields

SHOWN: dict[type[Concept], tuple[str, ...]] = {
    m.Sak: ("start_dato", "slutt_dato", "avsluttet"),
    m.Melding: ("start_dato", "melder", "saksinnhold", "konklusjon"),
    m.Melder: ("kode",),
    m.Saksinnhold: ("kode",),
    m.MeldingKonklusjon: ("slutt_dato", "kode"),
    m.Undersokelse: ("start_dato", "vedtaksgrunnlag", "barnets_medvirkning", "utvidet_frist", "konklusjon"),
    m.BarnetsMedvirkning: ("start_dato", "medvirkning_type"),
    m.UtvidetFrist: ("start_dato", "innvilget"),
    m.UndersokelseKonklusjon: ("slutt_dato", "kode"),
    m.Plan: ("start_dato", "plantype", "evaluering", "konklusjon"),
    m.Evaluering: ("utfort_dato",),
    m.Avslutning: ("slutt_dato",),
    m.Tiltak: (
        *("start_dato", "lovhjemmel", "jmfr_lovhjemmel", "kategori", "tiltaksgrunnlag"),
        *("tilsyn", "oppfolging", "opphevelse", "konklusjon"),
    ),
    m.Lovhjemmel: ("lov", "kapittel", "paragraf", "ledd", "bokstav", "punktum"),
    m.Kategori: ("kode",),
    m.Tilsyn: ("ansvarlig", "hyppighet", "utfort"),
    m.TilsynAnsvarlig: ("start_dato", "kommunenummer"),
    m.TilsynHyppighet: ("start_dato", "kode"),
    m.TilsynUtfort: ("utfort_dato",),
    m.Oppfolging: ("hyppighet", "utfort"),
    m.OppfolgingHyppighet: ("start_dato", "kode"),
    m.OppfolgingUtfort: ("utfort_dato",),
    m.Opphevelse: ("kode",),
    m.Vedtak: ("start_dato", "lovhjemmel", "jmfr_lovhjemmel", "krav", "status", "konklusjon"),
    m.Krav: ("start_dato", "konklusjon"),
    m.KravKonklusjon: ("slutt_dato", "kode"),
    m.Status: ("endret_dato", "kode"),
    m.Ettervern: ("tilbud_sendt_dato", "konklusjon"),
    m.EttervernKonklusjon: ("slutt_dato", "kode"),
    m.OversendelseFylkesnemnd: ("start_dato", "lovhjemmel", "jmfr_lovhjemmel"),
    m.Flytting: ("slutt_dato", "arsak_fra", "flytting_til"),
    m.ArsakFra: ("kode",),
    m.FlyttingTil: ("kode",),
    m.Relasjon: ("fra_type", "til_type"),
}
"""What analysts see of each concept, as it is (dates to the purpose's precision)."""

_BEGUN = {m.Ettervern: "tilbud_sendt_dato", m.Flytting: "slutt_dato"}
_ELEMENTS = (
    *(m.Melding, m.Undersokelse, m.Vedtak, m.Tiltak, m.Plan, m.Ettervern),
    *(m.OversendelseFylkesnemnd, m.Flytting),
)
_HEAD = "-- Laget med `bvr generate`; endre modellen. | Generated: change the model instead.\n"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a view: its name, its SQL, its BigQuery type, and what it means. `codes` is the code list's name."""

    name: str
    sql: str
    type: str
    doc: Doc
    codes: str | None = None


@dataclass(frozen=True, slots=True)
class View:
    """A view of analysis."""

    name: str
    nb: str
    en: str
    columns: tuple[Column, ...]
    sql: str
    depends_on: tuple[str, ...]


def begun(concept: type[Concept]) -> str:
    """The date that an element's year is taken from."""
    return _BEGUN.get(concept, "start_dato")


def shown(concept: type[Concept]) -> tuple[Field, ...]:
    """The fields of a concept that analysts see, in the order of the schema."""
    return tuple(f for f in fields(concept) if f.name in SHOWN.get(concept, ()))


def exact(date: str) -> str:
    """A date, as exact as the purpose of `g` allows."""
    # The local engine truncates a date to a moment; in BigQuery the cast does nothing.
    return (
        f"CAST(CASE g.dato_presisjon WHEN 'DAG' THEN {date} WHEN 'MANED' THEN DATE_TRUNC({date}, MONTH) "
        f"WHEN 'KVARTAL' THEN DATE_TRUNC({date}, QUARTER) ELSE DATE_TRUNC({date}, YEAR) END AS DATE)"
    )


def reference(kind: str, key: str) -> str:
    """The reference to an element, of its type and id as SQL."""
    return f"SUBSTR(TO_HEX(SHA256(CONCAT(g.salt, CAST(CONCAT({kind}, '/', {key}) AS BYTES)))), 1, 32)"


# --- columns of the model --------------------------------------------------------------------------------------------


def _columns(concept: type[Concept], at: str, before: str = "", gone: str = "") -> Iterator[Column]:
    for f in shown(concept):
        name, place = f"{before}{f.name}", f"{at}.{f.name}"
        if f.concept is None:
            yield _simple(f, name, place, gone)
        elif f.many:
            yield _many(f, name, place)
        else:
            marked = any(inner.name == "er_slettet" for inner in fields(f.concept))
            yield from _columns(f.concept, place, f"{name}_", f"{place}.er_slettet" if marked else gone)


def _simple(f: Field, name: str, place: str, gone: str) -> Column:
    assert f.simple is not None
    kind = {"date": "DATE", "boolean": "BOOL"}.get(f.simple.base, "STRING")
    sql = exact(place) if kind == "DATE" else place
    if gone:
        sql = f"IF({gone} IS TRUE, NULL, {sql})"
    return Column(name, sql, f"ARRAY<{kind}>" if f.many else kind, f.doc, f.simple.codes)


def _many(f: Field, name: str, place: str) -> Column:
    """A list: of values where one is shown of each, else of records."""
    assert f.concept is not None
    inner = [*_columns(f.concept, "e")]
    if len(inner) == 1:
        sql = f"ARRAY(SELECT {inner[0].sql} FROM UNNEST({place}) AS e)"
        return Column(name, sql, f"ARRAY<{inner[0].type}>", f.doc, inner[0].codes)
    picked = ", ".join(f"{c.sql} AS {c.name}" for c in inner)
    record = ", ".join(f"{c.name} {c.type}" for c in inner)
    return Column(
        name, f"ARRAY(SELECT AS STRUCT {picked} FROM UNNEST({place}) AS e)", f"ARRAY<STRUCT<{record}>>", f.doc
    )


# --- the views -------------------------------------------------------------------------------------------------------


def _own(year: bool = True) -> tuple[Column, ...]:
    found = [
        Column("formal", "g.formal", "STRING", Doc("Formålet tilgangen gjelder.", "The purpose of the access.")),
        Column("kommunenummer", "g.kommunenummer", "STRING", Doc("Kommunen saken er i.", "The case's municipality.")),
        Column("bydelsnummer", "g.bydelsnummer", "STRING", Doc("Bydelen.", "The city district.")),
        Column("barn_ref", "g.barn", "STRING", Doc("Barnets pseudonym i formålet.", "The child's pseudonym.")),
        Column("sak_ref", "g.sak", "STRING", Doc("Sakens pseudonym i formålet.", "The case's pseudonym.")),
    ]
    if year:
        found.append(Column("aar", "g.aar", "INT64", Doc("Året det begynte.", "The year it began.")))
    return tuple(found)


def _ref(name: str, kind: str, key: str, nb: str, en: str) -> Column:
    return Column(name, reference(kind, key), "STRING", Doc(nb, en))


def _select(columns: tuple[Column, ...]) -> str:
    return "SELECT\n" + ",\n".join(f"  {c.sql} AS {c.name}" for c in columns)


def _of_case(alias: str, grounds: str = "g") -> str:
    """The condition that something is of a case that a purpose sees.

    The municipality is part of it: a case that came to another is seen by nobody until its grounds are made anew, and
    a question about one municipality reads that one's cases alone.
    """
    keys = ("orgnr", "sak_id", "kommunenummer")
    return " AND ".join(f"{grounds}.{key} = {alias}.{key}" for key in keys)


_SOURCES = ("register.sak_tabell", "register.analyse_grunnlag")


_LISTED = (
    "borte AS (\n  SELECT DISTINCT s.orgnr, s.sak_id, b.type, LOWER(b.id) AS id\n"
    "  FROM register.sak_tabell AS s, UNNEST(s.sak.slettet) AS b\n)"
)


def _there(kind: str) -> tuple[str, str]:
    """(a join, a condition) by which an element `x` of `s` is not deleted: neither marked so, nor listed."""
    return (
        "LEFT JOIN borte AS b ON b.orgnr = s.orgnr AND b.sak_id = s.sak_id "
        f"AND b.type = '{kind}' AND b.id = LOWER(x.id)",
        "x.er_slettet IS NOT TRUE AND b.id IS NULL",
    )


def _place(concept: type[Concept]) -> str:
    return next(f.name for f in fields(m.Sak) if f.concept is concept)


def _about(concept: type[Concept]) -> tuple[str, str]:
    """(nb, en) of what a concept is."""
    en, _, nb = (concept.__doc__ or "").strip().partition(" | ")
    return nb, en


def _element(concept: type[Concept]) -> View:
    kind, name = concept.__name__, _place(concept)
    columns = (
        *_own(),
        _ref(f"{name}_ref", f"'{kind}'", "LOWER(x.id)", "Henvisning til elementet.", "Reference to the element."),
        *_columns(concept, "x"),
    )
    join, there = _there(kind)
    sql = (
        f"WITH {_LISTED}\n{_select(columns)}\nFROM register.sak_tabell AS s\nCROSS JOIN UNNEST(s.sak.{name}) AS x\n"
        f"JOIN register.analyse_grunnlag AS g\n  ON {_of_case('s')} AND g.aar = EXTRACT(YEAR FROM x.{begun(concept)})\n{join}\n"
        f"WHERE s.sak.er_slettet IS NOT TRUE AND {there}\n"
    )
    nb, en = _about(concept)
    return View(name, nb, en, columns, sql, _SOURCES)


def _sak() -> View:
    columns = (
        *_own(year=False),
        Column(
            "forste_aar", "g.forste_aar", "INT64", Doc("Første år du kan se av saken.", "First year you see of it.")
        ),
        Column("siste_aar", "g.siste_aar", "INT64", Doc("Siste år du kan se av saken.", "Last year you see of it.")),
        *_columns(m.Sak, "s.sak"),
    )
    one = "formal, orgnr, sak_id, kommunenummer, bydelsnummer, barn, sak, dato_presisjon"
    sql = (
        f"{_select(columns)}\nFROM (\n  SELECT {one}, MIN(aar) AS forste_aar, MAX(aar) AS siste_aar\n"
        f"  FROM register.analyse_grunnlag\n  GROUP BY {one}\n) AS g\n"
        f"JOIN register.sak_tabell AS s ON {_of_case('s')}\n"
    )
    nb, en = _about(m.Sak)
    return View("sak", nb, en, columns, sql, _SOURCES)


def _barn() -> View:
    """The one place where something of Personalia is shown: the year of birth, and the sex."""
    columns = (
        Column("formal", "g.formal", "STRING", Doc("Formålet tilgangen gjelder.", "The purpose of the access.")),
        Column("barn_ref", "g.barn", "STRING", Doc("Barnets pseudonym i formålet.", "The child's pseudonym.")),
        Column(
            "fodselsaar",
            "EXTRACT(YEAR FROM ANY_VALUE(p.fodseldato))",
            "INT64",
            Doc("Fødselsår; for ufødte året for termin.", "Year of birth; for the unborn, of the due date."),
        ),
        Column("kjonn", "ANY_VALUE(p.kjonn)", "STRING", Doc("Barnets kjønn.", "The child's sex."), "Kjonn"),
        Column(
            "kommunenummer",
            "SUBSTR(MAX(CONCAT(CAST(g.aar AS STRING), g.kommunenummer)), 5)",
            "STRING",
            Doc("Kommunen i det siste året du kan se.", "The municipality of the last year that you see."),
        ),
        Column("antall_saker", "COUNT(DISTINCT g.sak)", "INT64", Doc("Saker du kan se.", "Cases that you see.")),
        Column(
            "antall_kommuner",
            "COUNT(DISTINCT g.kommunenummer)",
            "INT64",
            Doc("Kommuner du kan se barnet i.", "Municipalities that you see the child in."),
        ),
        Column("forste_aar", "MIN(g.aar)", "INT64", Doc("Første år du kan se.", "The first year that you see.")),
        Column("siste_aar", "MAX(g.aar)", "INT64", Doc("Siste år du kan se.", "The last year that you see.")),
    )
    sql = (
        f"{_select(columns)}\nFROM register.analyse_grunnlag AS g\n"
        "JOIN register.person_sak_gjeldende AS k ON k.orgnr = g.orgnr AND k.sak_id = g.sak_id\n"
        "JOIN register.person AS p ON p.barn_id = k.barn_id\nGROUP BY g.formal, g.barn\n"
    )
    depends = ("register.analyse_grunnlag", "register.person_sak_gjeldende", "register.person")
    return View("barn", "Barn, på tvers av saker og kommuner.", "Children, across cases.", columns, sql, depends)


_EVENT = (
    Column("type", "h.type", "STRING", Doc("Hva som skjedde.", "What happened.")),
    Column("dato", exact("h.dato"), "DATE", Doc("Når.", "When.")),
    Column("kode", "h.kode", "STRING", Doc("Koden, der hendelsen har en.", "Its code, where it has one.")),
    Column("kodeliste", "h.kodeliste", "STRING", Doc("Kodelisten koden er fra.", "The code list of the code.")),
    Column("lovhjemmel", "h.lovhjemmel", "STRING", Doc("Bestemmelsen.", "The provision.")),
    _ref("element_ref", "h.forelder", "h.element_id", "Elementet den hører til.", "The element that it belongs to."),
    Column("forelder", "h.forelder", "STRING", Doc("Hva slags element det er.", "The kind of that element.")),
)
_EVENTS = (
    "FROM register.analyse_grunnlag AS g\nJOIN register.hendelse AS h\n"
    f"  ON {_of_case('h')} AND g.aar = EXTRACT(YEAR FROM h.dato)"
)


def _hendelse() -> View:
    columns = (*_own(), *_EVENT)
    sql = f"{_select(columns)}\n{_EVENTS}\n"
    depends = ("register.analyse_grunnlag", "register.hendelse")
    return View("hendelse", "Alt som er datert i sakene.", "All that is dated in cases.", columns, sql, depends)


def _forlop() -> View:
    order = "PARTITION BY formal, barn_ref ORDER BY dato, type, kommunenummer, sak_ref, element_id, kode"

    def over(name: str, sql: str, kind: str, nb: str, en: str) -> Column:
        return Column(name, sql, kind, Doc(nb, en))

    inner = (*_own(), *_EVENT)
    lag = f"LAG(kommunenummer) OVER ({order})"
    columns = (
        *(Column(c.name, c.name, c.type, c.doc, c.codes) for c in inner),
        over("nummer", f"ROW_NUMBER() OVER ({order})", "INT64", "Hendelsens nummer i forløpet.", "Its number."),
        over(
            "dager",
            "DATE_DIFF(dato, MIN(dato) OVER (PARTITION BY formal, barn_ref), DAY)",
            "INT64",
            "Dager siden den første hendelsen du kan se.",
            "Days since the first event that you see.",
        ),
        over("forrige_type", f"LAG(type) OVER ({order})", "STRING", "Hendelsen før.", "The event before."),
        over("forrige_kommune", lag, "STRING", "Kommunen for hendelsen før.", "Municipality of the event before."),
        over("ny_kommune", f"{lag} != kommunenummer", "BOOL", "Om kommunen er en annen.", "Whether it is another one."),
    )
    body = "\n".join(f"  {line}" for line in f"{_select(inner)},\n  h.element_id AS element_id\n{_EVENTS}".splitlines())
    sql = f"{_select(columns)}\nFROM (\n{body}\n)\n"
    depends = ("register.analyse_grunnlag", "register.hendelse")
    nb, en = "Hvert barns forløp, på tvers av saker og kommuner.", "Each child's course, across municipalities."
    return View("barn_forlop", nb, en, columns, sql, depends)


def _relasjon() -> View:
    """A link is shown when both of the elements that it joins are. FraId may be the key of an earlier system."""
    branches = []
    for concept in _ELEMENTS:
        for key in ("id", "migrert_id"):
            join, there = _there(concept.__name__)
            branches.append(
                f"  SELECT s.orgnr, s.sak_id, '{concept.__name__}' AS type, LOWER(x.{key}) AS nokkel, "
                f"LOWER(x.id) AS id, EXTRACT(YEAR FROM x.{begun(concept)}) AS aar\n"
                f"  FROM register.sak_tabell AS s CROSS JOIN UNNEST(s.sak.{_place(concept)}) AS x\n"
                f"  {join}\n  WHERE x.{key} IS NOT NULL AND {there}"
            )
    columns = (
        *(c for c in _own() if c.name != "aar"),
        Column("fra_type", "x.fra_type", "STRING", Doc("Elementet det går fra.", "Kind of its source."), "Begrep"),
        _ref("fra_ref", "x.fra_type", "f.id", "Henvisning til det.", "Reference to it."),
        Column("til_type", "x.til_type", "STRING", Doc("Elementet det går til.", "Kind of its target."), "Begrep"),
        _ref("til_ref", "x.til_type", "t.id", "Henvisning til det.", "Reference to it."),
    )
    sql = (
        f"WITH {_LISTED},\nelement AS (\n"
        + "\n  UNION DISTINCT\n".join(branches)
        + "\n),\nlenke AS (\n  SELECT s.orgnr, s.sak_id, s.kommunenummer, x.fra_type, LOWER(x.fra_id) AS fra_id, x.til_type, "
        "LOWER(x.til_id) AS til_id\n  FROM register.sak_tabell AS s CROSS JOIN UNNEST(s.sak.relasjon) AS x\n"
        f"  {_there('Relasjon')[0]}\n  WHERE s.sak.er_slettet IS NOT TRUE AND {_there('Relasjon')[1]}\n)\n"
        f"{_select(columns).replace('SELECT', 'SELECT DISTINCT', 1)}\nFROM lenke AS x\n"
        "JOIN element AS f ON f.orgnr = x.orgnr AND f.sak_id = x.sak_id AND f.type = x.fra_type AND f.nokkel = x.fra_id\n"
        "JOIN element AS t ON t.orgnr = x.orgnr AND t.sak_id = x.sak_id AND t.type = x.til_type AND t.nokkel = x.til_id\n"
        f"JOIN register.analyse_grunnlag AS g ON {_of_case('x')} AND g.aar = f.aar\n"
        f"JOIN register.analyse_grunnlag AS h\n  ON {_of_case('x', 'h')} AND h.aar = t.aar AND h.formal = g.formal\n"
    )
    nb, en = _about(m.Relasjon)
    return View("relasjon", nb, en, columns, sql, _SOURCES)


def _ferskhet() -> View:
    siste = (
        "PARTITION BY orgnr, sak_id ORDER BY dato_uttrekk DESC, mottatt DESC, innsending_id DESC, innhold_sha256 DESC"
    )
    columns = (
        Column("kommunenummer", "kommunenummer", "STRING", Doc("Kommunen.", "The municipality.")),
        Column("bydelsnummer", "bydelsnummer", "STRING", Doc("Bydelen.", "The city district.")),
        Column(
            "siste_innsending", "MAX(mottatt)", "TIMESTAMP", Doc("Siste gang noe kom.", "When something came last.")
        ),
        Column("siste_uttrekk", "MAX(dato_uttrekk)", "TIMESTAMP", Doc("Siste uttrekk.", "The latest extract.")),
        Column("saker", "COUNT(*)", "INT64", Doc("Saker kommunen har sendt.", "Cases that it has sent.")),
        Column(
            "saker_med_feil",
            "COUNTIF(utfall = 'EXCLUDED')",
            "INT64",
            Doc("Av dem holdt utenfor på grunn av ERROR.", "Of those, kept out by an ERROR."),
        ),
        Column(
            "andel_med_feil",
            "SAFE_DIVIDE(COUNTIF(utfall = 'EXCLUDED'), COUNT(*))",
            "FLOAT64",
            Doc("Andelen som er holdt utenfor.", "The share that is kept out."),
        ),
    )
    sql = (
        f"{_select(columns)}\nFROM (\n  SELECT kommunenummer, bydelsnummer, mottatt, dato_uttrekk, utfall, er_slettet\n"
        f"  FROM register.sak_historikk\n  QUALIFY ROW_NUMBER() OVER ({siste}) = 1\n)\n"
        "WHERE er_slettet IS NOT TRUE\nGROUP BY kommunenummer, bydelsnummer\n"
    )
    nb, en = "Hvor ferske tallene er, kommune for kommune.", "How fresh the figures are, by municipality."
    return View("ferskhet", nb, en, columns, sql, ("register.sak_historikk",))


def views() -> tuple[View, ...]:
    """Every view of analysis."""
    return (
        _barn(),
        _forlop(),
        _sak(),
        *(_element(concept) for concept in _ELEMENTS),
        _relasjon(),
        _hendelse(),
        _ferskhet(),
    )


# --- what is written -------------------------------------------------------------------------------------------------


def outputs() -> dict[str, str]:
    """Path below the root of the project -> its text."""
    found = {"docs/analyse.md": documentation()}
    for view in views():
        folder = f"bigquery_schemas/analyse/{view.name}"
        found[f"{folder}/view.sql"] = _HEAD + view.sql
        found[f"{folder}/metadata.yaml"] = _metadata(view)
    return found


def _metadata(view: View) -> str:
    """YAML, of which JSON is a part: nothing in a text can break it."""

    def line(name: str, value: Any) -> str:
        return f"{name}: {json.dumps(value, ensure_ascii=False)}"

    columns = [
        "  - "
        + json.dumps(
            {"name": c.name, "type": c.type, "nb": c.doc.nb, "en": c.doc.en}
            | ({"codelist": c.codes} if c.codes else {}),
            ensure_ascii=False,
        )
        for c in view.columns
    ]
    examples = [
        f"  - {line('question_nb', e.nb)}\n    {line('question_en', e.en)}\n    sql: |\n"
        + "\n".join(f"      {text}" for text in e.sql.strip().splitlines())
        for e in EXAMPLES[view.name]
    ]
    return "\n".join(
        [
            "# Laget med `bvr generate`; endre modellen. | Generated: change the model instead.",
            line("description", f"{view.nb} | {view.en}"),
            "owner: analyse",
            "access: authorised",
            line("depends_on", list(view.depends_on)),
            "columns:",
            *columns,
            "examples:",
            *examples,
            "",
        ]
    )


def documentation() -> str:
    """docs/analyse.md."""
    out = [_INTRODUCTION.strip(), "", "| Spørsmål | Visning |", "| --- | --- |"]
    out += [f"| {e.nb} | [`{view.name}`](#{view.name}) |" for view in views() for e in EXAMPLES[view.name]]
    out += ["", _CANNOT.strip(), ""]
    for view in views():
        out += [
            f"## {view.name}",
            "",
            f"{view.nb} | {view.en}",
            "",
            "| kolonne | type | hva | what |",
            "| --- | --- | --- | --- |",
        ]
        for c in view.columns:
            codes = f" [{c.codes}](kodelister.md#{c.codes.lower()})" if c.codes else ""
            out.append(f"| `{c.name}` | {c.type} | {c.doc.nb}{codes} | {c.doc.en} |")
        for e in EXAMPLES[view.name]:
            out += ["", f"{e.nb} | {e.en}", "", "```sql", e.sql.strip(), "```"]
        out.append("")
    return "\n".join(out)


_INTRODUCTION = """
# Analyse

Pseudonymiserte visninger i datasettet `analyse`, for den som har fått tilgang til et formål. Ingen kolonne sier hvem noen
er: barn, saker og elementer har pseudonymer som gjelder i formålet og ingen andre steder.
| Pseudonymised views in the dataset `analyse`, for whoever has been granted a purpose.

- **Du ser dine rader.** Radtilgangen (formål, kommuner, år, kohort) gjelder uansett hvordan du spør. Har du flere formål, sier
  kolonnen `formal` hvilket raden er fra; spør om ett om gangen. | You see your rows alone; ask for one purpose at a time.
- **Hvor ferskt er det?** `SELECT * FROM analyse.ferskhet` sier når hver kommune sist sendte noe, og hvor stor andel av sakene
  som er holdt utenfor på grunn av feil. Visningene oppdateres hvert tiende minutt. | How fresh: `ferskhet`.
- **Koble visninger** på `formal` og `sak_ref` (eller `barn_ref`), og elementer ved `relasjon`: `fra_ref` og `til_ref` er det
  samme som `tiltak_ref` i `tiltak`, og så videre. | Join on `formal` and `sak_ref`, and elements by way of `relasjon`.
- I en notatbok: [`notebooks/analyse.ipynb`](../notebooks/analyse.ipynb). | In a notebook.
"""

_CANNOT = """
## Dette kan du ikke slutte | What you may not conclude

- Saker med ERROR er ute til de er rettet: en nedgang kan være feil, ikke færre barn. Se `ferskhet`. | Cases with an ERROR are out.
- Et element hører til året det begynte. Et tiltak som begynte før årene du ser, er ikke med, selv om det varer. | An element
  belongs to the year it began in; a measure that began before your years is not there.
- Datoer er så nøyaktige som formålet tillater (dag, måned, kvartal eller år, regnet til den første dagen). Varigheter blir
  deretter. | Dates are as exact as the purpose allows, and durations follow.
- Kommune er den som har saken, ikke der barnet bor. Et barn med saker i to kommuner er ett barn her, og telles i begge i
  statistikken. | The municipality is the case's; a child in two is one child here.
- Barn uten fullstendig nummer (ufødte, midlertidige numre) kan ikke følges mellom saker. | Those without a number cannot be followed.
- Pseudonymer kan ikke sammenlignes mellom formål, eller mellom epoker uten broen (`pseudonym_bro`). | Nor compared between purposes.
- Et sjeldent forløp kan kjennes igjen uten navn. Ikke publiser det. | A rare course can be recognised without a name.
- Dette er ikke offisiell statistikk: se [uttrekk.md](uttrekk.md). | These are not official statistics.
"""


def unsafe() -> list[str]:
    """Fields that are shown and may not be: what may identify somebody, free text, or the sender's own keys."""
    found = []
    for concept, shown_ in SHOWN.items():
        names = {f.name: f for f in fields(concept)}
        for name in shown_:
            f = names[name]
            key = name in ("id", "migrert_id", "fra_id", "til_id")
            if f.doc.person is not Person.NONE or key:
                found.append(f"{concept.__name__}.{name}")
    return found
