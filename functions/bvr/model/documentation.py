"""The information model and the code lists as pages for people."""

from __future__ import annotations

from collections.abc import Iterator

from bvr.model import codelists, schema
from bvr.model.compatibility import Node, differences, nodes
from bvr.model.concepts import Barnevern
from bvr.model.innsending import DERIVED, Innsending
from bvr.model.types import Concept, Field, Person, Simple, fields, version_key
from bvr.model.upcast import STEPS, Refused, Step
from bvr.model.versions import CURRENT, READ_WITH, SUPPORTED, interface

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
        yield f"| {name} | {_count(f)} | {kind} | {f.doc.nb} | {f.doc.en} | {person} | {_versions(f)} |"


def _versions(f: Field) -> str:
    return " ".join(filter(None, (f.shape.since, f.shape.until and f"(før {f.shape.until})")))


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
            "| kode | navn | name | fra | til | skjema fra | skjema til |",
            "| --- | --- | --- | --- | --- | --- | --- |",
        ]
        lines += [
            f"| {c.code} | {c.label_nb} | {c.label_en} | {c.valid_from or ''} | {c.valid_to or ''} | {c.since or ''} "
            f"| {f'før {c.until}' if c.until else ''} |"
            for c in codelists.codelist(name).values()
        ]
    return "\n".join(lines) + "\n"


def schema_versions() -> str:
    """docs/skjemaversjoner.md: what differs between the versions, and how the older ones are read."""
    lines = [
        _GENERATED,
        "# Skjemaversjoner\n",
        "Et dokument sier ikke selv hvilken versjon det følger; det står utenfor (`xsd-versjon`, eller `xsdVersion` i "
        "`payload.json`). Alle versjoner leses inn i én modell, og reglene er de samme for alle.\n",
        "*A document does not say which version it follows; that stands beside it. Every version is read into one "
        "model, and the rules are the same for all.*\n",
        "| versjon | `xsd-versjon` | `xsdVersion` | skjema |",
        "| --- | --- | --- | --- |",
    ]
    for version in SUPPORTED:
        also = sorted((v for v, with_ in READ_WITH.items() if with_ == version), key=version_key, reverse=True)
        shown = ", ".join(f"`{v}`" for v in (version, *also))
        file = f"Barnevern_v{version}.xsd"
        lines.append(f"| {version} | {shown} | {interface(version)} | [{file}](../functions/bvr/model/xsd/{file}) |")
    lines += [
        "\n## Slik leses de eldre\n",
        "- Det versjonen har felles med modellen, tas med som det står.\n- Det den ikke har, er fraværende; ingenting "
        "fylles inn.\n- Det den har på en annen måte, og som ikke har noen lovlig plass i modellen, avvises med regel "
        "`skjemaversjon-2`, med sti og linje for hvert sted.\n",
        "*What a version shares with the model is carried over as it stands. What it does not have is absent; nothing "
        "is filled in. What it has in another form, with no lawful place in the model, is refused by rule "
        "`skjemaversjon-2`, with path and line of each occurrence.*",
    ]
    for step in reversed(STEPS):
        lines += [f"\n## Fra {step.older} til {step.newer}\n", *_step(step)]
    return "\n".join(lines) + "\n"


_CARRIED = ("som det står", "as it stands")
_BELOW = ("se under", "see below")
_READING = {"added": ("fraværende", "absent"), "code added": ("–", "–")}


def _step(step: Step) -> Iterator[str]:
    older, newer = schema.render(step.older), schema.render(step.newer)
    before, after = nodes(older), nodes(newer)
    yield "| hvor | kode | endring | change | ved lesing av eldre | reading older ones |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for d in differences(older, newer):
        found = after if d.place in after else before
        if found[d.place].kind == "type" and d.code is None:
            continue  # told where it is used
        code = ""
        if d.code is not None:
            label = ((after if d.compatible else before)[d.place].codes or {})[d.code]
            code = f"`{d.code}` {label.replace(' | ', ' – ')}"
        reading = _READING.get(d.what.partition(":")[0], _CARRIED if d.compatible else _BELOW)
        yield f"| {_shown(d.place, found)} | {code} | {d.nb} | {d.en} | {reading[0]} | {reading[1]} |"
    if not step.answers:
        yield "\nAlt i eldre dokumenter har en plass. *Everything in older documents has a place.*"
        return
    yield "\n| hva | ved lesing | hvorfor | why |"
    yield "| --- | --- | --- | --- |"
    for answer in step.answers:
        what = "avvises · refused" if isinstance(answer, Refused) else "beholdes · kept"
        yield f"| `{answer.what}` | {what} | {answer.nb} | {answer.en} |"


def _shown(place: str, found: dict[str, Node]) -> str:
    """A place by the elements that have its type: `SaksinnholdType/@Kode` stands on three of them."""
    head, slash, rest = place.partition("/")
    used = [p for p, node in found.items() if node.type == head]
    heads = dict.fromkeys(p.rpartition("/")[2] if found[p].kind == "element" else _shown(p, found) for p in used)
    return ", ".join(f"`{h.strip('`')}{slash}{rest}`" for h in heads or [head])


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
