"""The information model and the code lists as pages for people."""

from __future__ import annotations

from collections.abc import Iterator

from bvr.model import codelists
from bvr.model.concepts import Barnevern
from bvr.model.innsending import DERIVED, Innsending
from bvr.model.types import Concept, Field, Person, Simple, fields
from bvr.model.versions import CURRENT, SUPPORTED

_GENERATED = (
    "<!-- Laget med `bvr generate`; endre modellen, ikke denne filen. | Generated: change the model instead. -->\n"
)
_PERSON = {Person.NONE: "", Person.DIRECT: "direkte", Person.INDIRECT: "indirekte", Person.FREE_TEXT: "fritekst"}


def information_model() -> str:
    """docs/informasjonsmodell.md: every element and attribute of a submission."""
    lines = [
        _GENERATED,
        f"# Informasjonsmodell {CURRENT}\n",
        "Ett dokument er én innsending: hele saken til ett barn hos én tjeneste. "
        f"Versjoner vi tar imot: {', '.join(SUPPORTED)}. Elementene står i fast rekkefølge.\n",
        "*One document is one submission: the whole case of one child at one service. Children stand in fixed order. "
        "Column `person`: what the field can say about who somebody is (direkte = identifies by itself, "
        "indirekte = together with other facts, fritekst = whatever somebody wrote).*\n",
    ]
    for concept in _concepts(Barnevern):
        lines += [f"\n## {concept.__name__}\n", f"{concept.__doc__}\n", *_table(concept)]
    return "\n".join(lines) + "\n"


def _concepts(root: type[Concept]) -> Iterator[type[Concept]]:
    seen: list[type[Concept]] = [root]
    for concept in seen:
        yield concept
        seen += [f.concept for f in fields(concept) if f.concept and f.concept not in seen]


def _table(concept: type[Concept]) -> Iterator[str]:
    yield "| XML | antall | type | betydning | meaning | person | fra versjon |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for f in fields(concept):
        kind = _simple(f.simple) if f.simple else f"[{f.concept.__name__}](#{f.concept.__name__.lower()})"  # type: ignore[union-attr]
        name = f"@{f.xml}" if f.is_attribute else f.xml
        person = _PERSON[f.doc.person]
        yield f"| {name} | {_count(f)} | {kind} | {f.doc.nb} | {f.doc.en} | {person} | {f.shape.since or ''} |"


def _count(f: Field) -> str:
    high = "n" if f.high is None else str(f.high)
    return str(f.low) if str(f.low) == high else f"{f.low}..{high}"


def _simple(simple: Simple) -> str:
    if simple.codes:
        return f"[{simple.codes}](kodelister.md#{simple.codes.lower()})"
    parts = [
        {"string": "tekst", "date": "dato", "dateTime": "tidspunkt", "boolean": "ja/nei"}.get(simple.base, simple.base)
    ]
    if simple.max_length is not None:
        low, high = simple.min_length, simple.max_length
        parts.append(f"{high} tegn" if low == high else f"{low}–{high} tegn")
    if simple.pattern:
        parts.append(f"`{simple.pattern.replace('|', chr(92) + '|')}`")
    return ", ".join(parts)


def code_lists() -> str:
    """docs/kodelister.md: every code with its validity."""
    lines = [
        _GENERATED,
        "# Kodelister\n",
        "Gyldighet er opplysning: skjemaet tar imot alle kodene uansett dato. Tomt felt betyr ukjent eller åpent. "
        "Koder er tekst, ikke tall: `3.10` er ikke `3.1`.\n",
        "*Validity is information: the schema accepts every code at any date. Blank means unknown or open. Codes are "
        "text, not numbers.*\n",
    ]
    for name in codelists.names():
        lines += [
            f"\n## {name}\n",
            "| kode | navn | name | fra | til | skjema fra |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        lines += [
            f"| {c.code} | {c.label_nb} | {c.label_en} | {c.valid_from or ''} | {c.valid_to or ''} | {c.since or ''} |"
            for c in codelists.codelist(name).values()
        ]
    return "\n".join(lines) + "\n"


def table() -> str:
    """docs/tabell-innsending.md: the columns of register.innsending."""
    lines = [
        _GENERATED,
        "# Tabellen `register.innsending`\n",
        f"{Innsending.__doc__}\n",
        "| kolonne | type | betydning | meaning | person |",
        "| --- | --- | --- | --- | --- |",
        *_columns(Innsending, ""),
    ]
    return "\n".join(lines) + "\n"


def _columns(concept: type[Concept], prefix: str) -> Iterator[str]:
    for f in fields(concept):
        path = f"{prefix}{f.name}" + ("[]" if f.many else "")
        kind = f.simple.base if f.simple else "RECORD"
        if f.doc.person is Person.DIRECT:
            kind = "BYTES (kryptert)"
        yield f"| `{path}` | {kind} | {f.doc.nb} | {f.doc.en} | {_PERSON[f.doc.person]} |"
        if f.concept:
            yield from _columns(f.concept, f"{path}.")
    for name, doc in DERIVED.get(concept, ()):
        yield f"| `{prefix}{name}` | string | {doc.nb} | {doc.en} | {_PERSON[doc.person]} |"
