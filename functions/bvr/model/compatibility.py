"""Whether a change of what is generated can be rolled out as it is: for those who send, and for the tables.

Compared is what was generated before with what is generated now. A sender is not troubled by an addition that may be
left out, nor by a limit that is loosened: every document that was valid still is. BigQuery takes a new column that may
be empty and a REQUIRED one that becomes NULLABLE. Everything else needs a decision by somebody, written down in
decisions.yaml with its reason; until then `bvr generate` writes nothing.

A schema version that is new is compared with the one before it: what it takes away, senders lose when they move to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml
from lxml import etree

from bvr.model.types import version_key

XS = "{http://www.w3.org/2001/XMLSchema}"
DECISIONS = Path(__file__).parent / "decisions.yaml"

Audience = Literal["senders", "bigquery"]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One difference. `id` names it in decisions.yaml; it stays the same until the change is written."""

    id: str
    audience: Audience
    compatible: bool
    text: str


class Decision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """That a change is made although it is not compatible: which, by whom, when and why."""

    change: str
    who: str
    date: date
    why: str


def decisions(text: str) -> dict[str, Decision]:
    """The decisions of a YAML file by the change they decide. Raises ValueError naming what is wrong."""
    try:
        found = msgspec.convert(yaml.safe_load(text) or [], list[Decision])
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise ValueError(f"decisions.yaml: {error}") from error
    if blank := [d.change for d in found if not (d.who.strip() and d.why.strip())]:
        raise ValueError(f"decisions.yaml: who decided and why must be said of {blank[0]}")
    return {d.change: d for d in found}


def undecided(changes: Sequence[Change], decided: Mapping[str, Decision]) -> list[Change]:
    """The changes that cannot be rolled out yet."""
    return [c for c in changes if not c.compatible and c.id not in decided]


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    """What differs between two sets of generated files, by path: XSDs (`…_v4.0.1.xsd`) and tables (`…/schema.json`).

    Files of other kinds are not looked at. A table that is only in one of them is not compared.
    """
    found: list[Change] = []
    for path, text in after.items():
        if _table_name(path) and path in before:
            found += tables(_table_name(path), json.loads(before[path]), json.loads(text))
    families = {_version(path)[0] for path in (*before, *after) if path.endswith(".xsd")}
    for family in sorted(families):
        old = {_version(p)[1]: t for p, t in before.items() if p.endswith(".xsd") and _version(p)[0] == family}
        new = {_version(p)[1]: t for p, t in after.items() if p.endswith(".xsd") and _version(p)[0] == family}
        found += _schemas(Path(family).name, old, new)
    return found


def _schemas(name: str, old: dict[str, str], new: dict[str, str]) -> Iterator[Change]:
    called = {v: f"{name} {v}" if v != _ALONE else name for v in (*old, *new)}
    for version in sorted(old, key=version_key):
        if version in new:
            yield from schemas(called[version], old[version], new[version])
        else:
            yield _sender(called[version], "", "withdrawn", False, "is no longer accepted")
    for version in sorted(set(new) - set(old), key=version_key):
        yield _sender(called[version], "", "added", True, "is accepted from now on")
        older = [v for v in new if version_key(v) < version_key(version)]
        if older:
            nearest = max(older, key=version_key)
            yield from schemas(f"{name} {nearest} -> {version}", new[nearest], new[version])


_ALONE = "0"  # the version of a schema that has only one
_NAMED = re.compile(r"(?P<family>.*?)(?:_v(?P<version>\d+(?:\.\d+)*))?\.xsd")


def _version(path: str) -> tuple[str, str]:
    """(the path without it, version) of an XSD."""
    match = _NAMED.fullmatch(path)
    assert match is not None, path
    return match["family"], match["version"] or _ALONE


def _table_name(path: str) -> str:
    parts = path.split("/")
    return ".".join(parts[-3:-1]) if parts[-1] == "schema.json" else ""


def _sender(contract: str, place: str, what: str, compatible: bool, text: str) -> Change:
    return Change(
        id=" ".join(filter(None, (f"{contract}:", place, what))),
        audience="senders",
        compatible=compatible,
        text=f"{contract}: {f'{place} ' if place else ''}{text}",
    )


# --- schemas ---------------------------------------------------------------------------------------------------------


class Node(msgspec.Struct, kw_only=True):
    """A type, element or attribute of a schema, with what it allows."""

    kind: str
    low: int = 0
    high: int | None = 1
    type: str = ""  # the name of its type; "" where the type stands inside
    base: str = ""
    facets: dict[str, frozenset[str]] = {}  # those that are not below
    min_length: int = 0
    max_length: int | None = None
    codes: dict[str, str] | None = None  # with their labels
    keys: tuple[str, ...] = ()  # of a uniqueness constraint
    doc: str = ""


def nodes(xsd: str) -> dict[str, Node]:
    """Everything that a schema of ours declares, by its place: `TiltakType/Kategori`, `KategoriType/@Kode`.

    Raises ValueError for a construct that is not among those that we generate, so that nothing goes uncompared.
    """
    root = etree.fromstring(xsd.encode())
    out: dict[str, Node] = {}
    for child in _below(root):
        match _tag(child):
            case "element":
                _element(child, "", out)
            case "complexType":
                out[child.get("name", "")] = Node(kind="type", doc=_doc(child))
                _content(child, child.get("name", ""), out)
            case "simpleType":
                out[child.get("name", "")] = _facets(child, Node(kind="type", doc=_doc(child)))
            case other:
                raise ValueError(f"xs:{other} at the top of a schema cannot be compared")
    return out


def _tag(element: etree._Element) -> str:
    return str(element.tag).removeprefix(XS)


def _below(element: etree._Element) -> list[etree._Element]:
    return [c for c in element.iterchildren(etree.Element) if _tag(c) != "annotation"]


def _doc(element: etree._Element) -> str:
    return element.findtext(f"{XS}annotation/{XS}documentation") or ""


def _content(element: etree._Element, owner: str, out: dict[str, Node]) -> None:
    for child in _below(element):
        match _tag(child):
            case "sequence" if not child.attrib:
                for part in _below(child):
                    if _tag(part) != "element":
                        raise ValueError(f"xs:{_tag(part)} in {owner} cannot be compared")
                    _element(part, owner, out)
            case "attribute":
                node = Node(kind="attribute", low=int(child.get("use") == "required"), doc=_doc(child))
                out[f"{owner}/@{child.get('name')}"] = _typed(child, node)
            case other:
                raise ValueError(f"xs:{other} in {owner} cannot be compared")


def _element(element: etree._Element, owner: str, out: dict[str, Node]) -> None:
    place = f"{owner}/{element.get('name')}".lstrip("/")
    high = element.get("maxOccurs", "1")
    node = Node(
        kind="element",
        low=int(element.get("minOccurs", "1")),
        high=None if high == "unbounded" else int(high),
        doc=_doc(element),
    )
    out[place] = _typed(element, node)
    for child in _below(element):
        match _tag(child):
            case "complexType":
                _content(child, place, out)
            case "unique":
                selector, *keys = (str(part.get("xpath")) for part in _below(child))
                out[f"{place}/unique({selector})"] = Node(kind="unique", keys=tuple(keys))
            case "simpleType":
                pass
            case other:
                raise ValueError(f"xs:{other} in {place} cannot be compared")


def _typed(element: etree._Element, node: Node) -> Node:
    node.type = element.get("type", "")
    inner = element.find(f"{XS}simpleType")
    return node if inner is None else _facets(inner, node)


def _facets(simple: etree._Element, node: Node) -> Node:
    (restriction,) = _below(simple)
    node.base = restriction.get("base", "")
    for facet in _below(restriction):
        value = facet.get("value", "")
        match _tag(facet):
            case "length":
                node.min_length = node.max_length = int(value)
            case "minLength":
                node.min_length = int(value)
            case "maxLength":
                node.max_length = int(value)
            case "enumeration":
                node.codes = {**(node.codes or {}), value: _doc(facet)}
            case other:
                node.facets[other] = node.facets.get(other, frozenset()) | {value}
    return node


def schemas(name: str, old: str, new: str) -> Iterator[Change]:
    """What changes for those who send, from one schema to another."""
    for d in differences(old, new):
        yield _sender(name, d.place, d.what, d.compatible, d.en)


class Difference(msgspec.Struct, frozen=True):
    """What is different in one place of a schema, for those who send."""

    place: str
    what: str
    compatible: bool
    nb: str
    en: str
    code: str | None = None  # the one that came or went


def differences(old: str, new: str) -> Iterator[Difference]:
    """Place by place. What came or went with its owner is told of the owner."""
    before, after = nodes(old), nodes(new)
    for place in dict.fromkeys((*before, *after)):
        owner = place.rpartition("/")[0]
        a, b = before.get(place), after.get(place)
        if a is None and b is not None and (not owner or owner in before):
            yield _came(place, b, bool(owner))
        elif a is not None and b is None and (not owner or owner in after):
            yield _went(place, a)
        elif a is not None and b is not None:
            yield from _changed(place, a, b)
    for owner in before:
        first, then = (_children(n, owner) for n in (before, after))
        if [c for c in first if c in then] != [c for c in then if c in first]:
            yield Difference(owner, "reordered", False, "elementer i ny rekkefølge", "elements in a new order")


def _children(found: dict[str, Node], owner: str) -> list[str]:
    return [p for p, n in found.items() if n.kind == "element" and p.rpartition("/")[0] == owner]


def _came(place: str, node: Node, in_old: bool) -> Difference:
    if node.kind == "unique":
        return Difference(place, "added", False, "må være entydig", "must be unique")
    if node.low and in_old and node.kind in ("element", "attribute"):
        return Difference(place, "added as required", False, "nytt og påkrevd", "new, and required")
    return Difference(place, "added", True, "nytt", "new")


def _went(place: str, node: Node) -> Difference:
    if node.kind == "unique":
        return Difference(place, "removed", True, "trenger ikke lenger være entydig", "need not be unique any more")
    return Difference(place, "removed", False, "finnes ikke lenger", "no longer exists")


def _changed(place: str, old: Node, new: Node) -> Iterator[Difference]:
    if old.keys != new.keys:
        yield Difference(place, "keys", False, "entydig ved andre nøkler", "unique by other keys")
    if old.low != new.low:
        what, looser = ("optional", True) if new.low < old.low else ("required", False)
        yield Difference(place, what, looser, f"minst {new.low}, før {old.low}", f"at least {new.low}, was {old.low}")
    if old.high != new.high:
        looser = _at_most(old.high, new.high)
        high, was = ("n" if n is None else n for n in (new.high, old.high))
        yield Difference(
            place, "more" if looser else "fewer", looser, f"høyst {high}, før {was}", f"at most {high}, was {was}"
        )
    if (old.kind, old.type, old.base) != (new.kind, new.type, new.base):
        yield Difference(place, "another type", False, "en annen type", "another type")
    else:
        yield from _narrowed(place, old, new)


def _at_most(old: int | None, new: int | None) -> bool:
    """Whether an upper bound has not come down."""
    return new is None or (old is not None and old <= new)


def _narrowed(place: str, old: Node, new: Node) -> Iterator[Difference]:
    for facet in dict.fromkeys((*old.facets, *new.facets)):
        was, now = (", ".join(sorted(n.facets.get(facet, ()))) for n in (old, new))
        if was != now:  # of two patterns nobody can tell in general which one is wider
            yield Difference(
                place, facet, not now, f"{facet}: {now or 'ingen'}, før {was or 'ingen'}", f"{facet}: {now}, was {was}"
            )
    if old.codes is not None and new.codes is not None:
        a, b = _usable(old), _usable(new)
        for code in (c for c in a if c not in b):
            yield Difference(place, f"code removed: {code}", False, "koden er borte", "code removed", code)
        for code in (c for c in b if c not in a):
            yield Difference(place, f"code added: {code}", True, "ny kode", "new code", code)
    elif new.codes is not None:
        yield Difference(place, "closed", False, "bare koder i en liste", "limited to a list of codes")
    elif old.codes is not None:
        yield Difference(place, "opened", True, "ikke lenger en kodeliste", "no longer a list of codes")
    else:
        if (low := new.min_length) != old.min_length:
            what = f"minst {low} tegn", f"at least {low} characters"
            yield Difference(place, "min length", low < old.min_length, *what)
        if (high := new.max_length) != old.max_length:
            what = f"høyst {high} tegn", f"at most {high} characters"
            yield Difference(place, "max length", _at_most(old.max_length, high), *what)


def _usable(node: Node) -> dict[str, str]:
    """The codes that the lengths let through: 4.0.0 listed 57 codes of six characters and allowed two."""
    high = node.max_length
    return {
        code: label
        for code, label in (node.codes or {}).items()
        if len(code) >= node.min_length and (high is None or len(code) <= high)
    }


# --- tables ----------------------------------------------------------------------------------------------------------


def tables(name: str, old: list[dict[str, Any]], new: list[dict[str, Any]]) -> Iterator[Change]:
    """What changes for a BigQuery table. A new RECORD that may be empty can have REQUIRED columns of its own."""
    before, after = dict(_columns(old, "")), dict(_columns(new, ""))
    for path in dict.fromkeys((*before, *after)):
        owner = path.rpartition(".")[0]
        a, b = before.get(path), after.get(path)
        if a is None and b is not None:
            mode = b.get("mode", "NULLABLE")
            fresh = bool(owner) and owner not in before
            yield _column(name, path, "added", mode != "REQUIRED" or fresh, f"is a new column ({mode})")
        elif b is None:
            if not owner or owner in after:
                yield _column(name, path, "removed", False, "is no longer a column")
        elif a is not None and a["type"] != b["type"]:
            yield _column(name, path, "type", False, f"is {b['type']}, was {a['type']}")
        elif a is not None and (was := a.get("mode", "NULLABLE")) != (now := b.get("mode", "NULLABLE")):
            yield _column(name, path, "mode", (was, now) == ("REQUIRED", "NULLABLE"), f"is {now}, was {was}")


def _columns(schema: list[dict[str, Any]], prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for column in schema:
        yield f"{prefix}{column['name']}", column
        yield from _columns(column.get("fields", []), f"{prefix}{column['name']}.")


def _column(table: str, path: str, what: str, compatible: bool, text: str) -> Change:
    return Change(
        id=f"{table}: {path} {what}", audience="bigquery", compatible=compatible, text=f"{table}: {path} {text}"
    )
