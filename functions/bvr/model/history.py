"""The SQL that follows the elements of a case over time, made from the model: a new element appears by itself.

An element is a concept with an Id: Sak, what lies directly below it, and what lies below that (Status of a Vedtak, a
supervision visit of a Tiltak). What has no Id (a conclusion, a legal basis) is part of the element it stands in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from bvr.model import bigquery
from bvr.model import concepts as m
from bvr.model.innsending import DERIVED, Innsending
from bvr.model.types import Concept, Field, Person, fields

_HEAD = "-- Laget med `bvr generate`; endre modellen. | Generated: change the model instead.\n"
# A Slettet has the Id of what it tells of, and is no element itself.
_TELLS = (m.Slettet,)
# Not events: who the child is, and when the sender deleted something.
_NO_EVENTS = (m.Personalia, m.Slettet)
# The code of an element that has several codes and none of its own: of a move, where to.
_CODE: dict[type[Concept], str] = {m.Flytting: "flytting_til"}
_CASE = "Sak"
_NONE = "CAST(NULL AS STRING)"


@dataclass(frozen=True)
class Element:
    """A kind of element: its name, and where it stands in a row `s` that has the column `sak`.

    `unnest` is what a FROM clause needs after `s`; `at` is the expression of one element.
    """

    name: str
    concept: type[Concept]
    at: str
    unnest: str
    parent: Element | None = None

    @property
    def id(self) -> str:
        """SQL for the element's key: of the case, that of the row."""
        return f"LOWER({self.at}.id)" if self.parent else "s.sak_id"

    @property
    def top(self) -> Element:
        """The element directly below Sak that this one lies in, or is."""
        return self.parent.top if self.parent and self.parent.parent else self

    @property
    def deleted(self) -> list[str]:
        """SQL for whether the element, and each it lies in, is marked as deleted; of those that can be."""
        above = self.parent.deleted if self.parent else []
        return [*above, f"{self.at}.er_slettet"] if _has(self.concept, "er_slettet") else above


@cache
def elements() -> tuple[Element, ...]:
    """Every kind of element, Sak first, in the order of the model. Raises TypeError when two would have one name."""
    case = Element(name=_CASE, concept=m.Sak, at="s.sak", unnest="")
    return _named((case, *_below(case)))


T = TypeVar("T", "Element", "Event")


def _named(found: tuple[T, ...]) -> tuple[T, ...]:
    twice = [name for name, count in Counter(one.name for one in found).items() if count > 1]
    if twice:
        raise TypeError(f"two places in the model have one name: {', '.join(twice)}")
    return found


def _below(parent: Element, concept: type[Concept] | None = None, at: str = "", name: str = "") -> Iterator[Element]:
    """The elements below another; `concept`, `at` and `name` lead through parts of it that have no Id."""
    for f in fields(concept or parent.concept):
        place = f"{at or parent.at}.{f.name}"
        if f.concept is None or f.concept in _TELLS:
            continue
        named = _name(f, name or parent.name)
        if not _has(f.concept, "id"):
            if f.many and any(_below(parent, f.concept, place, named)):
                raise TypeError(f"{place} is a list without Ids that holds elements: what they lie in has no name")
            yield from _below(parent, f.concept, place, named)
            continue
        if parent.parent and parent.parent.parent:
            raise TypeError(f"{place} lies three levels below Sak: the views know of two")
        alias = "y" if parent.parent else "x"
        one = Element(
            name=named,
            concept=f.concept,
            at=alias if f.many else place,
            unnest=f"{parent.unnest}, UNNEST({place}) AS {alias}" if f.many else parent.unnest,
            parent=parent,
        )
        yield one
        yield from _below(one)


@cache
def _uses() -> Counter[type[Concept]]:
    """How many places below Sak each concept stands in."""
    found: Counter[type[Concept]] = Counter()

    def count(concept: type[Concept]) -> None:
        for f in fields(concept):
            if f.concept:
                found[f.concept] += 1
                count(f.concept)

    count(m.Sak)
    return found


def _name(f: Field, parent: str) -> str:
    """The concept's own name where it stands in one place; else that of its parent goes before (TiltakKonklusjon)."""
    assert f.concept is not None
    return f.concept.__name__ if _uses()[f.concept] == 1 else f"{parent}{f.xml}"


def _has(concept: type[Concept], name: str) -> bool:
    return any(f.name == name for f in fields(concept))


# --- what an element says ------------------------------------------------------------------------------------------


def said(element: Element) -> list[tuple[str, str]]:
    """(field, SQL for its value as a string) of what an element itself says; a part's fields stand after its name.

    Not its Id, which is its key, nor whether it is deleted. Ciphertext is compared as it is.
    """
    return list(_said(element.concept, element.at, ""))


def _said(concept: type[Concept], at: str, before: str) -> Iterator[tuple[str, str]]:
    for f in fields(concept):
        if (f.name in ("id", "er_slettet") and not before) or f.doc.person is Person.UNSTORED:
            continue
        name, place = f"{before}{f.name}", f"{at}.{f.name}"
        if f.concept is None:
            yield name, _text(f, place)
        elif f.many and not _has(f.concept, "id"):
            yield name, f"IFNULL(TO_JSON_STRING({place}), '[]')"
        elif not f.many and not _has(f.concept, "id"):
            yield from _said(f.concept, place, f"{name}.")
    yield from ((f"{before}{name}", f"{at}.{name}") for name, _ in DERIVED.get(concept, ()))


def _text(f: Field, place: str) -> str:
    if f.many:
        return f"IFNULL(ARRAY_TO_STRING({place}, ' '), '')"
    if f.doc.person is Person.DIRECT:
        return f"TO_HEX({place})"
    return place if f.simple and f.simple.base == "string" else f"CAST({place} AS STRING)"


def content(element: Element) -> str:
    """SQL for what an element says, as JSON: without its Id, and without the elements that lie in it."""
    return f"TO_JSON({_struct(element.concept, element.at, skip=('id',))})"


def _struct(concept: type[Concept], at: str, skip: tuple[str, ...] = ()) -> str:
    members = []
    for f in fields(concept):
        place = f"{at}.{f.name}"
        if f.name in skip or f.doc.person is Person.UNSTORED or (f.concept and _has(f.concept, "id")):
            continue
        if f.concept and _holds(f.concept):
            if any(g.concept is None for g in fields(f.concept)):
                members.append(f"{_struct(f.concept, place)} AS {f.name}")
            continue
        members.append(f"{f'TO_HEX({place})' if f.doc.person is Person.DIRECT else place} AS {f.name}")
    members += [f"{at}.{name} AS {name}" for name, _ in DERIVED.get(concept, ())]
    return f"STRUCT({', '.join(members)})"


def _holds(concept: type[Concept]) -> bool:
    """Whether there are elements in a part, which then tell of themselves; or something that needs encoding."""
    return any(
        f.doc.person in (Person.DIRECT, Person.UNSTORED) or (f.concept and (_has(f.concept, "id") or _holds(f.concept)))
        for f in fields(concept)
    )


# --- element, endring ----------------------------------------------------------------------------------------------

_GONE = """{gone} AS (
    -- What a submission lists as deleted.
    SELECT DISTINCT s.orgnr, s.innsending_id, s.innhold_sha256, b.type, LOWER(b.id) AS id
    FROM register.sak_historikk AS s, UNNEST(s.sak.slettet) AS b
  )"""


def element_view() -> str:
    """register.element: one row per element with an Id, of each submission."""
    branches = [
        _branch(
            one,
            [
                *("s.kommunenummer", "s.dato_uttrekk", "s.mottatt", "s.behandlet", "s.utfall"),
                f"{_any(one.deleted)} AS merket_slettet",
                f"{content(one)} AS innhold",
            ],
        )
        for one in elements()
    ]
    return f"""{_HEAD}\
-- Every element with an Id, of each submission, as it was sent. What is deleted, or lies in what is,
-- has slettet = true: marked so on itself, or listed in Slettet.
WITH
  {_GONE.format(gone="borte")},
  alle AS (
{_union(branches)}
  )
SELECT
  a.orgnr,
  a.kommunenummer,
  a.sak_id,
  a.innsending_id,
  a.dato_uttrekk,
  a.mottatt,
  a.behandlet,
  a.utfall,
  a.type,
  a.element_id,
  a.forelder,
  a.forelder_id,
  a.merket_slettet OR b.id IS NOT NULL OR o.id IS NOT NULL AS slettet,
  a.innhold
FROM alle AS a
LEFT JOIN borte AS b
  ON b.orgnr = a.orgnr AND b.innsending_id = a.innsending_id AND b.innhold_sha256 = a.innhold_sha256
  AND b.type = a.type AND b.id = a.element_id
LEFT JOIN borte AS o
  ON o.orgnr = a.orgnr AND o.innsending_id = a.innsending_id AND o.innhold_sha256 = a.innhold_sha256
  AND o.type = a.forelder AND o.id = a.forelder_id
"""


def change_view() -> str:
    """register.endring: what changed in a case from one submission to the next, by element; fields, never values."""
    branches = [
        _branch(
            one,
            [f"[{', '.join(sql for _, sql in said(one))}] AS verdier"],
            [f"{deleted} IS NOT TRUE" for deleted in one.deleted],
        )
        for one in elements()
    ]
    names = "\n".join(f"    WHEN '{one.name}' THEN {_changed([name for name, _ in said(one)])}" for one in elements())
    return f"""{_HEAD}\
-- What changed in a case between a submission and the one before it, in the order of the extracts:
-- elements that are NY, ENDRET or FJERNET (gone, marked as deleted, or listed in Slettet), and the names of the fields
-- that changed.
WITH
  innsending AS (
    SELECT orgnr, kommunenummer, sak_id, innsending_id, innhold_sha256, dato_uttrekk, mottatt, behandlet,
      ROW_NUMBER() OVER rekkefolge AS nr,
      LAG(innsending_id) OVER rekkefolge AS forrige_innsending_id
    FROM register.sak_historikk
    WINDOW rekkefolge AS (
      PARTITION BY orgnr, sak_id
      ORDER BY dato_uttrekk, mottatt, innsending_id, innhold_sha256
    )
  ),
  {_GONE.format(gone="borte")},
  alle AS (
{_union(branches)}
  ),
  -- The elements that a submission has. Were a key there twice, one of the two would count.
  finnes AS (
    SELECT a.orgnr, a.sak_id, i.nr, a.type, a.element_id, a.forelder, a.forelder_id, a.verdier
    FROM alle AS a
    JOIN innsending AS i
      ON i.orgnr = a.orgnr AND i.sak_id = a.sak_id
      AND i.innsending_id = a.innsending_id AND i.innhold_sha256 = a.innhold_sha256
    LEFT JOIN borte AS b
      ON b.orgnr = a.orgnr AND b.innsending_id = a.innsending_id AND b.innhold_sha256 = a.innhold_sha256
      AND b.type = a.type AND b.id = a.element_id
    LEFT JOIN borte AS o
      ON o.orgnr = a.orgnr AND o.innsending_id = a.innsending_id AND o.innhold_sha256 = a.innhold_sha256
      AND o.type = a.forelder AND o.id = a.forelder_id
    WHERE b.id IS NULL AND o.id IS NULL
    QUALIFY ROW_NUMBER() OVER (
      PARTITION BY a.orgnr, a.sak_id, i.nr, a.type, a.forelder_id, a.element_id
      ORDER BY TO_JSON_STRING(a.verdier)
    ) = 1
  ),
  fulgt AS (
    SELECT *,
      LAG(nr) OVER tid AS forrige_nr,
      LEAD(nr) OVER tid AS neste_nr,
      LAG(verdier) OVER tid AS forrige_verdier
    FROM finnes
    WINDOW tid AS (PARTITION BY orgnr, sak_id, type, forelder_id, element_id ORDER BY nr)
  ),
  funnet AS (
    SELECT f.orgnr, f.sak_id, f.type, f.element_id, f.forelder, f.forelder_id, h.nr, h.endring,
      f.verdier, f.forrige_verdier
    FROM fulgt AS f
    CROSS JOIN UNNEST([
      STRUCT(
        f.nr AS nr,
        CASE
          WHEN f.forrige_nr IS NULL OR f.forrige_nr < f.nr - 1 THEN 'NY'
          WHEN TO_JSON_STRING(f.verdier) != TO_JSON_STRING(f.forrige_verdier) THEN 'ENDRET'
        END AS endring
      ),
      STRUCT(
        f.nr + 1 AS nr,
        IF(f.neste_nr IS NULL OR f.neste_nr > f.nr + 1, 'FJERNET', NULL) AS endring
      )
    ]) AS h
    WHERE h.nr > 1 AND h.endring IS NOT NULL
  )
SELECT
  f.orgnr,
  i.kommunenummer,
  f.sak_id,
  i.innsending_id,
  i.forrige_innsending_id,
  i.dato_uttrekk,
  i.mottatt,
  i.behandlet,
  f.type,
  f.element_id,
  f.forelder,
  f.forelder_id,
  f.endring,
  CASE IF(f.endring = 'ENDRET', f.type, '')
{names}
    ELSE []
  END AS felt
FROM funnet AS f
JOIN innsending AS i ON i.orgnr = f.orgnr AND i.sak_id = f.sak_id AND i.nr = f.nr
"""


def _changed(names: list[str]) -> str:
    """SQL for the names of the fields that differ between `f.verdier` and `f.forrige_verdier`."""
    each = [
        f"IF(f.verdier[OFFSET({at})] IS DISTINCT FROM f.forrige_verdier[OFFSET({at})], ['{name}'], [])"
        for at, name in enumerate(names)
    ]
    return f"ARRAY_CONCAT(\n      {f',{chr(10)}      '.join(each)}\n    )"


def _branch(one: Element, more: list[str], where: list[str] | None = None) -> str:
    """The elements of one kind, of every submission."""
    parent = one.parent
    columns = [
        "s.orgnr",
        "s.sak_id",
        "s.innsending_id",
        "s.innhold_sha256",
        f"'{one.name}' AS type",
        f"{one.id} AS element_id",
        f"'{parent.name}' AS forelder" if parent else f"{_NONE} AS forelder",
        f"{parent.id} AS forelder_id" if parent else f"{_NONE} AS forelder_id",
        *more,
    ]
    condition = f"\nWHERE {' AND '.join(where)}" if where else ""
    return f"SELECT {', '.join(columns)}\nFROM register.sak_historikk AS s{one.unnest}{condition}"


def _any(conditions: list[str]) -> str:
    """SQL for whether one of some nullable conditions holds."""
    return " OR ".join(f"{one} IS TRUE" for one in conditions) or "FALSE"


def _union(branches: list[str], indent: str = "    ") -> str:
    return "\n    UNION ALL\n".join("\n".join(f"{indent}{line}" for line in branch.splitlines()) for branch in branches)


# --- hendelse ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Event:
    """A date of a case. `name` is the event's type, `element` what it happened to; `unnest` goes after it in FROM."""

    name: str
    element: Element
    date: str
    code: str
    codelist: str
    legal: str = _NONE
    unnest: str = ""


@cache
def events() -> tuple[Event, ...]:
    """Every kind of event, in the order of the model. Raises TypeError when two would have one name."""
    return _named(tuple(e for one in elements() if one.concept not in _NO_EVENTS for e in _events(one)))


def _events(
    element: Element, concept: type[Concept] | None = None, at: str = "", name: str = "", unnest: str = ""
) -> Iterator[Event]:
    """The events of an element, and of the parts of it that have no Id."""
    concept, at, name = concept or element.concept, at or element.at, name or element.name
    first = True
    for f in fields(concept):
        if f.simple and f.simple.base == "date" and f.doc.person is Person.NONE:
            date = f"{at}.{f.name}"
            if concept is not element.concept and _has(concept, "er_slettet"):
                date = f"IF({at}.er_slettet IS TRUE, NULL, {date})"
            code, codelist = _code(concept, at) if first else (_NONE, _NONE)
            yield Event(
                name=name if first else f"{name}{f.xml.removesuffix('Dato')}",
                element=element,
                date=date,
                code=code,
                codelist=codelist,
                legal=_legal(concept, at) if first else _NONE,
                unnest=unnest,
            )
            first = False
    for f in fields(concept):
        if f.concept and not _has(f.concept, "id"):
            inner = "z" if f.many else f"{at}.{f.name}"
            more = f", UNNEST({at}.{f.name}) AS z" if f.many else ""
            below = list(_events(element, f.concept, inner, _name(f, name), unnest + more))
            if more and unnest and below:
                raise TypeError(f"{at}.{f.name} is a list in a list without Ids: its dates belong to nothing")
            yield from below


def _code(concept: type[Concept], at: str) -> tuple[str, str]:
    """SQL for (the code, the name of its list): the element's own; else that of the one part it must have."""
    own = [f for f in fields(concept) if f.simple and f.simple.codes and not f.many]
    own = [f for f in own if f.name == "kode"] or own
    if len(own) == 1 and own[0].simple:
        return f"{at}.{own[0].name}", f"'{own[0].simple.codes}'"
    parts = [f for f in fields(concept) if f.concept and f.required and _has(f.concept, "kode")]
    if len(parts) > 1:
        parts = [f for f in parts if f.name == _CODE[concept]]
    if not own and parts and parts[0].concept:
        return _code(parts[0].concept, f"{at}.{parts[0].name}")
    return _NONE, _NONE


def _legal(concept: type[Concept], at: str) -> str:
    """SQL for the legal basis as text (`BVL2021 5-1 ledd 1`), or NULL where there is none."""
    places = [f"{at}.{f.name}" for f in fields(concept) if f.concept is m.Lovhjemmel and not f.many]
    if not places:
        return _NONE
    (place,) = places
    parts = [f"{place}.lov", "' '", f"{place}.kapittel", "'-'", f"{place}.paragraf"]
    parts += [
        f"IF(ARRAY_LENGTH({place}.{f.name}) > 0, CONCAT(' {f.name} ', ARRAY_TO_STRING({place}.{f.name}, ' ')), '')"
        for f in fields(m.Lovhjemmel)
        if f.many
    ]
    return f"CONCAT({', '.join(parts)})"


def event_view() -> str:
    """register.hendelse: one row per dated event of a case of sak_tabell."""
    passes: dict[tuple[str, str], list[Event]] = {}
    for event in events():
        passes.setdefault((event.element.name, event.unnest), []).append(event)
    branches = [_pass(found) for found in passes.values()]
    return f"""{_HEAD}\
-- One row per dated event of the current cases. (forelder, element_id) is the element it belongs to,
-- (topp, topp_id) the one directly below Sak that this is, or lies in. What is deleted, marked so or listed in Slettet,
-- does not appear.
WITH
  borte AS (
    SELECT DISTINCT s.orgnr, s.sak_id, b.type, LOWER(b.id) AS id
    FROM register.sak_tabell AS s, UNNEST(s.sak.slettet) AS b
  ),
  alle AS (
{_union(branches)}
  )
SELECT
  a.orgnr,
  a.sak_id,
  a.kommunenummer,
  a.bydelsnummer,
  a.type,
  a.dato,
  a.element_id,
  a.forelder,
  a.kode,
  a.kodeliste,
  a.lovhjemmel,
  a.topp,
  a.topp_id
FROM alle AS a
LEFT JOIN borte AS b
  ON b.orgnr = a.orgnr AND b.sak_id = a.sak_id AND b.type = a.forelder AND b.id = a.element_id
LEFT JOIN borte AS o
  ON o.orgnr = a.orgnr AND o.sak_id = a.sak_id AND o.type = a.topp AND o.id = a.topp_id
WHERE b.id IS NULL AND o.id IS NULL
"""


def _pass(found: list[Event]) -> str:
    """The events of one kind of element, in one pass over the cases."""
    one = found[0].element
    rows = ",\n".join(
        f"  STRUCT('{e.name}' AS type, {e.date} AS dato, {e.code} AS kode, {e.codelist} AS kodeliste, "
        f"{e.legal} AS lovhjemmel)"
        for e in found
    )
    where = ["h.dato IS NOT NULL", *(f"{deleted} IS NOT TRUE" for deleted in one.deleted)]
    return f"""SELECT s.orgnr, s.sak_id, s.kommunenummer, s.bydelsnummer,
  h.type, h.dato, h.kode, h.kodeliste, h.lovhjemmel,
  {one.id} AS element_id, '{one.name}' AS forelder, '{one.top.name}' AS topp, {one.top.id} AS topp_id
FROM register.sak_tabell AS s{one.unnest}{found[0].unnest}, UNNEST([
{rows}
]) AS h
WHERE {" AND ".join(where)}"""


# --- sak_tabell ----------------------------------------------------------------------------------------------------


# The cases a run looks at.
_TOUCHED = """SELECT orgnr, sak_id
FROM register.innsending
WHERE behandlet > @fra AND behandlet <= @til AND sak_id IS NOT NULL
UNION DISTINCT
SELECT e.orgnr, e.sak_id
FROM register.sak_tabell AS e
LEFT JOIN register.innsending AS i
  ON i.orgnr = e.orgnr AND i.sak_id = e.sak_id AND i.utfall != 'REJECTED'
WHERE i.sak_id IS NULL"""


def case_merge() -> str:
    """The statement that brings register.sak_tabell up to date with register.sak_gjeldende.

    Of the cases with a submission processed after @fra and until @til, and of those that the register no longer has at
    all. Run again it changes nothing more.
    """
    names = [column["name"] for column in bigquery.columns(Innsending)]
    sets = ",\n  ".join(f"{name} = g.{name}" for name in names)
    return f"""{_HEAD}MERGE register.sak_tabell AS t
USING (
  SELECT b.orgnr AS berort_orgnr, b.sak_id AS berort_sak_id, s.*
  FROM (
{_indented(_TOUCHED, "    ")}
  ) AS b
  LEFT JOIN register.sak_gjeldende AS s ON s.orgnr = b.orgnr AND s.sak_id = b.sak_id
) AS g
ON t.orgnr = g.berort_orgnr AND t.sak_id = g.berort_sak_id
WHEN MATCHED AND g.sak_id IS NULL THEN DELETE
WHEN MATCHED THEN UPDATE SET
  {sets}
WHEN NOT MATCHED AND g.sak_id IS NOT NULL THEN INSERT (
  {", ".join(names)}
) VALUES (
  {", ".join(f"g.{name}" for name in names)}
)
"""


def case_differences() -> str:
    """How many cases case_merge looks at with the same parameters, and how many of them it changes: antall, endret.

    A row of register.innsending is told by its message, rule set and the time it was processed.
    """
    same = " AND ".join(f"t.{name} = s.{name}" for name in ("melding_id", "innhold_sha256", "regelsett", "behandlet"))
    return f"""SELECT
  COUNT(*) AS antall,
  COUNTIF((s.sak_id IS NULL) != (t.sak_id IS NULL) OR NOT ({same})) AS endret
FROM (
{_indented(_TOUCHED, "  ")}
) AS b
LEFT JOIN register.sak_gjeldende AS s ON s.orgnr = b.orgnr AND s.sak_id = b.sak_id
LEFT JOIN register.sak_tabell AS t ON t.orgnr = b.orgnr AND t.sak_id = b.sak_id
"""


def _indented(text: str, by: str) -> str:
    return "\n".join(f"{by}{line}" for line in text.splitlines())
